"""A fragment train with overlaps → the datagram as different systems put it together.

The policies are those of Novak, Target-Based Fragmentation Reassembly (2005); `drop` is what IPv6 asks for (RFC 5722)
and Linux does since 4.19. "Old" is the fragment that holds a byte when a later one brings it again.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from oddport.engine.columns import TCP, UDP
from oddport.engine.reassembly import IP_MAX, takes_part, upper_header
from oddport.engine.trains import Fragment, Train

POLICIES: tuple[str, ...] = ("first", "last", "bsd", "bsd-right", "linux-2.x", "windows", "solaris", "drop")
"""In the order in which they are shown."""
_NEW_WINS: dict[str, Callable[[int, int, int, int], bool]] = {
    # (old offset, old end, new offset, new end)
    "first": lambda old, old_end, new, new_end: False,
    "last": lambda old, old_end, new, new_end: True,
    "bsd": lambda old, old_end, new, new_end: old > new,
    "bsd-right": lambda old, old_end, new, new_end: old <= new,
    "linux-2.x": lambda old, old_end, new, new_end: old >= new,
    "windows": lambda old, old_end, new, new_end: new < old and new_end > old_end,
    "solaris": lambda old, old_end, new, new_end: new < old and new_end >= old_end,
}
_NOBODY, _UNKNOWN = -1, -2


class Piece(NamedTuple):
    """A fragment as far as reassembly goes."""

    offset: int
    length: int
    """On the wire; `data` is shorter where the capture cut it or its bytes were not kept."""
    data: bytes
    more: bool

    @property
    def end(self) -> int:
        """First byte behind it."""
        return self.offset + self.length


def new_wins(policy: str, old: Piece | Fragment, new: Piece | Fragment) -> bool:
    """Whether the bytes of the later fragment replace those of the earlier one. Raises KeyError for `drop`."""
    return _NEW_WINS[policy](old.offset, old.offset + old.length, new.offset, new.offset + new.length)


def reading(pieces: Sequence[Piece], policy: str, limit: int = IP_MAX) -> bytes:
    """What a system puts together of fragments, in order of arrival: from byte 0 to the first that is missing, to the
    end that the first of the last fragments said, or to `limit`. Raises KeyError for `drop`.

    Each byte is fought over by itself, between the fragment that holds it and the one that comes.
    """
    total = next((piece.end for piece in pieces if not piece.more), IP_MAX)
    size = min(limit, total, max((piece.end for piece in pieces), default=0))
    data = np.zeros(size, np.uint8)
    holder = np.full(size, _NOBODY, np.int32)
    for number, piece in enumerate(pieces):
        first, stop = piece.offset, min(piece.end, size)
        if first >= stop:
            continue
        held = holder[first:stop]
        taken = held == _NOBODY
        if not taken.all():
            for old in np.unique(held[~taken]).tolist():
                if new_wins(policy, pieces[old], piece):
                    taken |= held == old
        held[taken] = number
        known = min(len(piece.data), stop - first)
        taken = taken[:known]
        data[first : first + known][taken] = np.frombuffer(piece.data, np.uint8, known)[taken]
    for number, piece in enumerate(pieces):
        if len(piece.data) < piece.length:
            gone = holder[piece.offset + len(piece.data) : piece.end]
            gone[gone == number] = _UNKNOWN
    missing = np.flatnonzero(holder < 0)
    return data[: int(missing[0]) if len(missing) else size].tobytes()


def pieces_of(train: Train) -> list[Piece]:
    """The fragments that take part in a train's datagram, in order of arrival up to the one that completes it, with
    their bytes as far as they are known: up to where `datagram` ends."""
    pieces: list[Piece] = []
    missing = np.ones(train.total or 0, bool)
    ended = False
    proto = train.fragments[0].proto if train.fragments else 0
    for number, each in enumerate(train.fragments):
        stop = each.offset + each.length
        if not takes_part(train.version, proto, each.proto, each.header_length, stop):
            continue
        data = train.differing.get(number)
        if data is None:
            data = train.datagram[each.offset : each.offset + min(each.captured, each.length)]
        pieces.append(Piece(each.offset, each.length, data, each.more))
        missing[each.offset : stop] = False
        ended |= not each.more
        if ended and not missing.any():
            break
    return pieces


def readings(train: Train, limit: int = IP_MAX) -> dict[str, bytes | None]:
    """Policy → the first `limit` bytes of the datagram up to its first hole; None where the policy throws it away."""
    overlaps = train.anomalies & {"overlap", "conflicting_overlap"}
    if not train.differing:
        whole = train.datagram[:limit]
        return {policy: None if policy == "drop" and overlaps else whole for policy in POLICIES}
    pieces = pieces_of(train)
    return {policy: None if policy == "drop" else reading(pieces, policy, limit) for policy in POLICIES}


def transport_at(train: Train, datagram: bytes) -> tuple[int, int]:
    """(protocol, offset) of the transport header in a reading of the train's datagram; behind its end where it is not
    there."""
    first = next((each for each in train.fragments if each.offset == 0), None)
    proto, at, _ = upper_header(train.proto if first is None else first.proto, train.version, datagram)
    return proto, at


def ports(datagram: bytes | None, proto: int) -> tuple[int, int] | None:
    """(source, destination) port of a reassembled datagram; None where it has none."""
    if datagram is None or len(datagram) < 4 or proto not in (TCP, UDP):
        return None
    return int.from_bytes(datagram[:2], "big"), int.from_bytes(datagram[2:4], "big")


def ports_by_policy(train: Train) -> dict[tuple[int, int], list[str]]:
    """The ports that the train may have → the policies that read them so. More than one entry: the port is in the eye
    of the reader, a filter and a host may each see another."""
    found: dict[tuple[int, int], list[str]] = {}
    for policy, datagram in readings(train).items():
        if datagram is None:
            continue
        proto, at = transport_at(train, datagram)
        pair = ports(datagram[at:], proto)
        if pair is not None:
            found.setdefault(pair, []).append(policy)
    return found
