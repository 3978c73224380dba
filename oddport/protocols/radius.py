"""RADIUS packets → a match: code, the length of the datagram, attributes that end with it (RFC 2865, section 3)."""

from oddport.engine.columns import UDP
from oddport.protocols.model import Facts
from oddport.protocols.registry import Protocol
from oddport.protocols.shapes import Side, grammar, message, one_of, same, side, whole
from oddport.protocols.text import clean

HEADER = 20
REQUESTS = b"\x01\x04\x0c\x28\x2b"
"""Access-, Accounting-Request, Status-Server, Disconnect-, CoA-Request (RFC 2865; 2866; 5997; 5176)."""
ANSWERS = b"\x02\x03\x05\x0b\x29\x2a\x2c\x2d"
FOUR_BYTES = frozenset(
    (4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 27, 28, 29, 37, 38, 40, 41, 42, 43, 45, 46, 47, 48, 49, 51, 52, 53, 55,
     61, 62)
)  # fmt: skip
"""Types whose value is an address, a number or a time (RFC 2865, 2866, 2869): six bytes with type and length."""
AUTHENTICATOR = 80
"""Message-Authenticator: 16 bytes (RFC 3579, 3.2)."""
VENDOR = 26
"""Vendor-Specific: the vendor's number, below 2^24, and what it defines (RFC 2865, 5.26)."""
LAST_TYPE = 193
"""Types from here on are experimental (RFC 3575, section 2.1), extended ones aside."""
EXTENDED = frozenset(range(241, 247))
ENOUGH = 16
CLOSING_BITS = 7
"""A random chain of lengths hits an end about once in 128 bytes, the mean length."""
PRINTABLE = frozenset((1, 11, 18, 22, 30, 31, 32, 34, 60, 63, 87, 88))
"""Types whose value is text: names, filters, messages, stations, ports (RFC 2865, 2866, 2869)."""
TEXTS = {1: "user", 31: "calling_station", 32: "nas"}
ATTRIBUTES = 100


def _is_ascii(value: bytes) -> bool:
    """Whether a value is printable ASCII: more than one bit a byte, of which half a bit is counted."""
    return value.isascii() and value.decode("ascii").isprintable()


def attributes(data: bytes) -> int:
    """Bits of attributes that end where the datagram ends; 8 for each (of three) whose length its type fixes."""
    size = len(data)
    at, bits = HEADER, 0
    while at < size:
        kind, length = (data[at], data[at + 1]) if at + 2 <= size else (0, 0)
        if length < 2 or at + length > size or kind == 0 or (kind >= LAST_TYPE and kind not in EXTENDED):
            # broken behind attributes that nothing else has in a row
            return min(bits, 24) if bits >= ENOUGH else -1
        if kind in FOUR_BYTES:
            bits += 8 if length == 6 else 0
        elif kind in PRINTABLE and _is_ascii(data[at + 2 : at + length]):
            bits += (length - 2) // 2
        elif kind == AUTHENTICATOR:
            bits += 8 if length == 18 else 0
        elif kind == VENDOR:
            bits += 8 if length > 6 and data[at + 2] == 0 else 0
        at += length
    return min(bits, 24) + CLOSING_BITS if at > HEADER else 0


def facts(data: bytes) -> Facts:
    """Who wants in, from where, through which access server."""
    found: Facts = {}
    at = HEADER
    for _ in range(ATTRIBUTES):
        if at + 2 > len(data):
            break
        kind, length = data[at], data[at + 1]
        if length < 2:
            break
        if kind in TEXTS:
            found[TEXTS[kind]] = clean(data[at + 2 : at + length])
        at += length
    return found


def _side(says: str, codes: bytes) -> Side:
    return side(message(says, one_of(0, codes), whole(2, 2), least=HEADER, check=attributes, facts=facts))


PROTOCOLS = (
    Protocol(
        name="radius",
        title="RADIUS",
        spec="RFC 2865",
        grammars=(
            grammar((UDP,), _side("request of RADIUS", REQUESTS), _side("answer of RADIUS", ANSWERS), pair=same(1, 1)),
        ),
    ),
)
