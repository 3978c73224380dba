"""Messages that hosts report with, syslog and collectd → a match (RFC 3164, 5424, 6587; collectd's binary protocol)."""

import re

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.phrases import phrase
from oddport.protocols.registry import DIGITS, Grammar, Protocol
from oddport.protocols.shapes import grammar, message, one_of, side
from oddport.protocols.text import clean

_PRIORITY = re.compile(rb"(?:[1-9][0-9]{0,4} )?<([0-9]{1,3})>")
"""RFC 5424, 6.2.1; in front of it the length over TCP (RFC 6587, 3.4.1)."""
LAST_PRIORITY = 191
_HEADER = re.compile(
    rb"(?:[0-9]{1,9}: )?(?:1 (?:-|[0-9]{4}-[0-9]{2}-[0-9]{2}T)|[*.]?"
    rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-9][0-9] (?:[0-9]{4} )?[0-9]{2}:[0-9]{2}:[0-9]{2})"
)
"""Version and time of RFC 5424 (6.2), or the time of RFC 3164 (4.1.2), which routers put behind a number."""
HEADER_BITS = 40 + 64
LINES = bytes(range(0x20, 0x7F)) + b"\t\r\n\0"
LOOKED_AT = 256
"""Bytes of a free text that must be text."""
TEXT_LEAST = 24
"""Bytes of free text that count: at 1.4 bits each, 33."""


def syslog(data: bytes) -> SideMatch | None:
    """A priority in angle brackets and a known header, or else nothing but text."""
    begin = _PRIORITY.match(data)
    if begin is None or int(begin.group(1)) > LAST_PRIORITY:
        return None
    priority = int(begin.group(1))
    at = begin.end()
    facts: Facts = {"facility": priority >> 3, "severity": priority & 7}
    header = _HEADER.match(data, at)
    if header is not None:
        return SideMatch(True, ((0, header.end(), "priority and time of syslog"),), facts, False, HEADER_BITS)
    text = data[at : at + LOOKED_AT]
    if len(text) < TEXT_LEAST or text.translate(None, LINES):
        return None
    # the brackets and a digit, and what 99 of 256 bytes are
    bits = 16 + 5 + len(text) * 11 // 8
    return SideMatch(False, ((0, at, "priority of syslog"), (at, len(text), "text")), facts, False, bits)


def reject(data: bytes, role: int) -> str:
    """The brackets around a priority."""
    for at, byte in enumerate(data[:10]):
        if byte == 0x3C:
            return ""
        if byte not in DIGITS and byte != 0x20:
            return f"byte {at} is 0x{byte:02x}, a message begins with its priority in angle brackets"
    return "" if len(data) < 10 else "no byte of the first ten is the '<' in front of a priority"


PART_BITS = 24
"""Of a part's type 14 bits are forced, of its length at least 10."""
TEXTS = frozenset((0, 2, 3, 4, 5, 0x0100))
NUMBERS = frozenset((1, 7, 8, 9, 0x0101))
OTHERS = frozenset((6, 0x0200, 0x0210))
PARTS = 64
NUMBER_BYTES = 12


def parts(data: bytes) -> int:
    """Parts of type, length and value that end where the datagram ends; a text ends in NUL, a number has 8 bytes."""
    at, count, size = 0, 0, len(data)
    while at < size and count < PARTS:
        if at + 4 > size:
            return -1
        kind, length = u16(data, at), u16(data, at + 2)
        after = at + length
        if length < 5 or after > size or (kind in NUMBERS and length != NUMBER_BYTES):
            return -1
        if kind in TEXTS:
            if data[after - 1]:
                return -1
        elif kind not in NUMBERS and kind not in OTHERS:
            return -1
        count += 1
        at = after
    return PART_BITS * min(count, 4)


def host(data: bytes) -> Facts:
    """Whose measurements these are."""
    return {"host": clean(data[4 : u16(data, 2)].rstrip(b"\0"))} if not u16(data, 0) else {}


LAN_SYNC_KEYS = (b"host_int", b"version", b"displayname", b"port", b"namespaces")
"""Of the object that Dropbox shouts into a network, in any order."""

PROTOCOLS = (
    Protocol(
        name="syslog",
        title="Syslog",
        spec="RFC 5424",
        grammars=(
            Grammar((UDP,), syslog, None, b"<", reject=reject),
            Grammar((TCP,), syslog, None, b"<" + DIGITS, reject=reject),
        ),
    ),
    Protocol(
        name="collectd",
        title="collectd",
        spec="collectd wiki, Binary protocol",
        grammars=(
            grammar((UDP,), side(message("parts of collectd", one_of(0, b"\0\1\2"), check=parts, facts=host)), None),
        ),
    ),
    Protocol(
        name="db-lsp",
        title="Dropbox LAN sync",
        spec="Dropbox documentation, LAN sync",
        grammars=(
            grammar(
                (UDP,),
                side(
                    phrase(
                        "who is there, of Dropbox",
                        rb'\{(?=[^\0]{0,600}?"host_int": ?"?[0-9])(?=[^\0]{0,600}?"namespaces": ?\[)',
                        176,
                        begins=tuple(b'{"' + key for key in LAN_SYNC_KEYS),
                    )
                ),
                None,
            ),
        ),
    ),
)
