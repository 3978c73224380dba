"""The handshake of MySQL and MariaDB → a match: greeting and answer ("Connection Phase" of its documentation)."""

from oddport.engine.columns import TCP
from oddport.protocols.binary import is_text, u16_le, u24_le, u32_le, wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import SERVER, Grammar, Protocol, least, literal
from oddport.protocols.text import clean

HEADER = 4
"""A three-byte length (little-endian) and a sequence number."""
GREETING, ERROR = 0x0A, 0xFF
"""Protocol version 10, and the marker of an error packet."""
GREETING_LIMIT = 512
VERSION_LIMIT = 128
AFTER_VERSION = 13
"""Thread id (4), first eight bytes of the scramble, a zero."""
AUTH_FIXED = 18
"""Capabilities, character set, status, upper capabilities, scramble length, ten reserved bytes."""
RESERVED = 6
"""Of the ten reserved bytes those that MariaDB leaves at zero, too (its last four carry more capabilities)."""
PROTOCOL_41, TLS = 0x0200, 0x0800
"""CLIENT_PROTOCOL_41, CLIENT_SSL."""
RESPONSE_FIXED = 32
"""Capabilities (4), greatest packet (4), character set, 23 reserved bytes."""
FILLER = 19
"""Of the 23 reserved bytes those that MariaDB leaves at zero, too."""
LOGIN_LIMIT = 1 << 16
ERRORS = range(1000, 5000)
"""Server error codes (MySQL Error Reference); MariaDB's own ones reach beyond 4000."""


def server(data: bytes) -> SideMatch | None:
    """The greeting, or an error in its place ("Host … is not allowed to connect")."""
    size = len(data)
    if size < 12 or data[3] != 0:
        return None
    length = u24_le(data, 0)
    end = HEADER + length
    if data[4] == ERROR:
        code = u16_le(data, 5)
        if end != size or length > GREETING_LIMIT or code not in ERRORS or length < 11 or not is_text(data[7:end]):
            return None
        says = f"MySQL error {code} in place of a greeting; its length closes"
        return SideMatch(True, ((0, size, says),), {"error": code, "banner": clean(data[7:end])}, False, 80)
    if data[4] != GREETING or not 40 <= length <= GREETING_LIMIT or end > size:
        return None
    stop = data.find(b"\x00", 5, 5 + VERSION_LIMIT)
    if stop < 6 or not 0x30 <= data[5] <= 0x39 or not is_text(data[5:stop]):
        return None
    at = stop + AFTER_VERSION
    if at + AUTH_FIXED > end or data[at] != 0:
        return None
    at += 1
    if data[at + 8 : at + 8 + RESERVED] != bytes(RESERVED) or data[at + 7] > 64:
        return None
    says = f"MySQL greeting, packet 0 of {length} bytes, protocol 10"
    spans = ((0, 5, says), (5, stop - 5, "server version"), (at + 8, RESERVED, "reserved zeros"))
    return SideMatch(True, spans, {"version": clean(data[5:stop])}, False, 100)


def client(data: bytes) -> SideMatch | None:
    """The answer: a login, or the request to go on with TLS."""
    size = len(data)
    if size < HEADER + RESPONSE_FIXED or data[3] != 1 or data[2] != 0:
        return None
    length = u24_le(data, 0)
    end = HEADER + length
    capabilities = u32_le(data, 4)
    if not capabilities & PROTOCOL_41 or length < RESPONSE_FIXED or length > LOGIN_LIMIT:
        return None
    if data[13 : 13 + FILLER] != bytes(FILLER):
        return None
    facts: Facts = {}
    if length == RESPONSE_FIXED:
        if not capabilities & TLS or (size > end and data[end] != 0x16):
            return None
        facts["starttls"] = True
        what = "request to go on with TLS"
    else:
        if end > size and size < 4_096:
            return None
        stop = data.find(b"\x00", HEADER + RESPONSE_FIXED, min(end, size))
        if stop < 0 or not is_text(data[HEADER + RESPONSE_FIXED : stop]):
            return None
        facts["user"] = clean(data[HEADER + RESPONSE_FIXED : stop])
        what = "login"
    spans = ((0, HEADER, f"MySQL packet 1 of {length} bytes: {what}"), (13, FILLER, "reserved zeros"))
    return SideMatch(True, spans, facts, False, 180)


def reject(data: bytes, role: int) -> str:
    """Bytes that no greeting or answer has."""
    text = wrong_byte(data, 2, b"\x00", "the length of the first packet is below 64 KB, so its third byte is 0x00")
    if role == SERVER:
        return (
            text
            or wrong_byte(data, 3, b"\x00", "the server's first packet has number 0")
            or wrong_byte(data, 4, bytes((GREETING, ERROR, 9)), "a greeting starts with protocol version 0x0a")
        )
    return text or wrong_byte(data, 3, b"\x01", "the client's first packet has number 1")


PROTOCOLS = (
    Protocol(
        name="mysql",
        title="MySQL",
        spec="MySQL client/server protocol",
        first="server",
        grammars=(
            Grammar(
                (TCP,),
                client,
                server,
                reject=reject,
                client_at=(*literal(2, b"\x00\x01"), *literal(13, bytes(FILLER)), least(HEADER + RESPONSE_FIXED)),
                server_at=((3, b"\x00"), (4, bytes((GREETING, ERROR))), least(12)),
            ),
        ),
        aliases=("mariadb",),
    ),
)
