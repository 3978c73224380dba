"""STUN and TURN messages → a match: type, length and cookie, and attributes that end where the message ends.

RFC 8489, section 5 (cookie, attributes padded to four bytes), RFC 8656 (TURN), RFC 3489 (before the cookie), RFC 4571
(the length in front of it that ICE uses over TCP).
"""

from collections.abc import Iterator

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16
from oddport.protocols.model import Facts
from oddport.protocols.registry import Protocol
from oddport.protocols.shapes import Side, fixed, grammar, masked, message, number, one_of, records, same, side, whole
from oddport.protocols.text import clean

HEADER = 20
COOKIE = b"\x21\x12\xa4\x42"
CLASS = 0xC1
"""Of the first byte of the type: two bits that are 0, and the one that answers have (RFC 8489, section 5)."""
OLD_REQUESTS, OLD_ANSWERS = b"\x01\x02", b"\x01\x02\x11\x12"
"""Low bytes of the types that RFC 3489 has: Binding and Shared Secret; answers may be errors."""
OLD_ATTRIBUTES = frozenset(
    (*range(0x0001, 0x0015), 0x0101, 0x8008, 0x8020, 0x8022, 0x8023, 0x8027, 0x8028, 0x802B, 0x802C)
)
"""Attributes that come without the cookie: RFC 3489, 11.2, its drafts, and one of Zoom's (0x0101)."""
OLD_BITS = 11
"""16 less log2 of their number."""
MOST = 4_096
"""Bytes of attributes over TCP; no message has that many."""
ATTRIBUTES = 8
"""Attributes that are looked at."""
SOFTWARE, USERNAME, REALM = 0x8022, 0x0006, 0x0014
NAMES = {SOFTWARE: "software", USERNAME: "username", REALM: "realm"}


def _attributes(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(type, offset of the value, its length) of the attributes from `start` on; (0, 0, -1) where one passes `end`."""
    at = start
    while at < end:
        if at + 4 > end:
            yield 0, 0, -1
            return
        size = u16(data, at + 2)
        after = at + 4 + size
        if after > end:
            yield 0, 0, -1
            return
        yield u16(data, at), at + 4, size
        at = after + (-size & 3)


def _confirmed(data: bytes, header: int, old: bool) -> int:
    """Whether the attributes behind a header at `header` close (-1: no); OLD_BITS for each before the cookie."""
    start = header + HEADER
    end = start + u16(data, header + 2)
    if end - start & 3:
        return -1
    bits = 0
    for index, (kind, _, size) in enumerate(_attributes(data, start, min(end, len(data)))):
        if size < 0:
            return bits if end > len(data) else -1
        if old:
            if kind not in OLD_ATTRIBUTES:
                return -1
            bits += OLD_BITS
        if index + 1 == ATTRIBUTES:
            break
    return bits


def _closes(data: bytes) -> int:
    return _confirmed(data, 0, False)


def _closes_framed(data: bytes) -> int:
    return _confirmed(data, 2, False)


def _closes_old(data: bytes) -> int:
    return _confirmed(data, 0, True)


def facts(data: bytes) -> Facts:
    """What software, user and realm say of themselves."""
    found: Facts = {}
    for index, (kind, at, size) in enumerate(_attributes(data, HEADER, min(len(data), HEADER + u16(data, 2)))):
        if size < 0 or index == ATTRIBUTES:
            break
        if kind in NAMES and size:
            found[NAMES[kind]] = clean(data[at : at + size])
    return found


def _datagram(kind: int, says: str) -> Side:
    return side(
        message(says, masked(0, CLASS, kind), fixed(4, COOKIE), whole(2, 2, HEADER), check=_closes, facts=facts)
    )


def _old(kind: int, types: bytes, says: str) -> Side:
    header = (fixed(0, bytes((kind,))), one_of(1, types), whole(2, 2, HEADER))
    return side(message(f"{says} before the cookie", *header, check=_closes_old, facts=facts))


def _stream(kind: int, says: str) -> Side:
    return side(
        message(says, masked(0, CLASS, kind), fixed(4, COOKIE), number(2, 2, 0, MOST), check=_closes, facts=facts),
        message(
            f"{says} behind its length",
            masked(2, CLASS, kind), fixed(6, COOKIE), records(0, 2, 2, limit=MOST), check=_closes_framed,
        ),
    )  # fmt: skip


REQUEST, ANSWER = "request of STUN", "answer of STUN"

PROTOCOLS = (
    Protocol(
        name="stun",
        title="STUN",
        spec="RFC 8489",
        aliases=("turn",),
        grammars=(
            grammar((UDP,), _datagram(0, REQUEST), _datagram(1, ANSWER), pair=same(12, 8), symmetric=True),
            grammar(
                (UDP,),
                _old(0, OLD_REQUESTS, REQUEST),
                _old(1, OLD_ANSWERS, ANSWER),
                pair=same(16, 4),
                symmetric=True,
            ),
            grammar((TCP,), _stream(0, REQUEST), _stream(1, ANSWER), symmetric=True),
        ),
    ),
)
