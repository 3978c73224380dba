"""Service Location messages, version 1 and 2 → a match: header, language and strings close on the length.

RFC 2608, section 8 (version 2); RFC 2165, section 4 (version 1).
"""

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, Grammar, Protocol
from oddport.protocols.text import clean

VERSIONS = b"\x01\x02"
FUNCTIONS = (
    "", "SrvRqst", "SrvRply", "SrvReg", "SrvDeReg", "SrvAck", "AttrRqst", "AttrRply", "DAAdvert", "SrvTypeRqst",
    "SrvTypeRply", "SAAdvert",
)  # fmt: skip
"""By function id (RFC 2608, 4)."""
SERVICE_REQUEST = 1
REQUESTS = frozenset((1, 3, 4, 6, 9))
REPLIES = frozenset((2, 5, 7, 8, 10, 11))
STRINGS = {SERVICE_REQUEST: 5, 6: 5}
"""Strings of a version 2 message that is nothing else: SrvRqst and AttrRqst (RFC 2608, 8.1 and 10.3)."""
HEADER_1, HEADER_2 = 12, 14
"""Bytes of the fixed header; version 2 has the language tag behind it."""
RESERVED_1, RESERVED_2 = 0x07, 0x1FFF
"""Bits of the flags that are zero."""
CHARACTER_SETS = (3, 4, 106, 1000)
"""ASCII, ISO 8859-1, UTF-8, UCS-2 as version 1 numbers them (IANA character sets, MIBenum)."""
LANGUAGE_LIMIT = 35
"""Bytes of a language tag (RFC 5646, 4.4.1)."""
_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TAG = _LETTERS + b"0123456789-"


def _strings(data: bytes, at: int, end: int, count: int) -> int:
    """Where `count` strings with a two-byte length before each end; -1 where they run over `end`."""
    for _ in range(count):
        if at + 2 > end:
            return -1
        at += 2 + u16(data, at)
    return at if at <= end else -1


def _version_1(data: bytes) -> tuple[int, int]:
    """(length, where the body starts) of a version 1 message; (0, 0) where it is none."""
    if data[4] & RESERVED_1 or data[5] or u16(data, 8) not in CHARACTER_SETS or data[6:8].strip(_LETTERS):
        return 0, 0
    return u16(data, 2), HEADER_1


def _version_2(data: bytes) -> tuple[int, int]:
    """(length, where the body starts) of a version 2 message; (0, 0) where it is none."""
    if len(data) < HEADER_2 + 2 or u16(data, 5) & RESERVED_2:
        return 0, 0
    tag = u16(data, 12)
    body = HEADER_2 + tag
    if not 2 <= tag <= LANGUAGE_LIMIT or len(data) < body or data[HEADER_2:body].strip(_TAG):
        return 0, 0
    return data[2] << 16 | u16(data, 3), body


def _side(data: bytes, functions: frozenset[int], whole: bool) -> SideMatch | None:
    size = len(data)
    if size < HEADER_1 or data[1] not in functions:
        return None
    version = data[0]
    length, body = _version_1(data) if version == 1 else _version_2(data)
    # over TCP the bytes may be cut, and further messages may follow
    if length < body or length < HEADER_1 or (length != size if whole else length < size and data[length] != version):
        return None
    name = FUNCTIONS[data[1]]
    facts: Facts = {"version": version, "type": name}
    bits = 8 + 4 + 16 + 16 + 16
    count = STRINGS.get(data[1], 0) if version == 2 else 2 if data[1] == SERVICE_REQUEST else 0
    if count and length <= size:
        if _strings(data, body, length, count) < 0:
            return None
        bits += 8 * count
        if data[1] == SERVICE_REQUEST:
            start = body + 2 + u16(data, body)
            text = data[start + 2 : start + 2 + u16(data, start)]
            # version 1 writes type, scope and predicate as one: "directory-agent//"
            facts["service"] = clean(text if version == 2 else text.partition(b"/")[0])
    return SideMatch(True, ((0, body, f"SLP version {version} {name}: length {length} closes"),), facts, False, bits)


def datagram_client(data: bytes) -> SideMatch | None:
    """UDP: one request."""
    return _side(data, REQUESTS, True)


def datagram_server(data: bytes) -> SideMatch | None:
    """UDP: one reply or advertisement."""
    return _side(data, REPLIES, True)


def client(data: bytes) -> SideMatch | None:
    """TCP: requests."""
    return _side(data, REQUESTS, False)


def server(data: bytes) -> SideMatch | None:
    """TCP: replies."""
    return _side(data, REPLIES, False)


def reject(data: bytes, role: int) -> str:
    """Bytes that no message of this side has."""
    functions = REQUESTS if role == CLIENT else REPLIES
    return wrong_byte(data, 0, VERSIONS, "the version is 1 or 2") or wrong_byte(
        data, 1, bytes(functions), "no message of this side has that function"
    )


PROTOCOLS = (
    Protocol(
        name="srvloc",
        title="SLP",
        spec="RFC 2608",
        aliases=("slp",),
        grammars=(
            # an agent also sends advertisements and replies that nobody asked for
            Grammar(
                (UDP,), datagram_client, datagram_server, VERSIONS, VERSIONS, reject=reject, symmetric=True,
                tells_server=False,
            ),
            Grammar((TCP,), client, server, VERSIONS, VERSIONS, reject=reject),
        ),
    ),
)  # fmt: skip
