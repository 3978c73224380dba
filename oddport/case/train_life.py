"""A fragment train of a case → its life: what each fragment left open, and how it ended.

Holes are kept as RFC 815 keeps them: one descriptor for each run of bytes that is missing, the last one open-ended
until a last fragment says where the datagram ends.
"""

from dataclasses import dataclass

from oddport.case.model import FragmentRow, TrainRow
from oddport.engine.fragments import TIMEOUT_NS
from oddport.engine.reassembly import IP_MAX, takes_part

COMPLETE, EXPIRED, CAPTURE_ENDED, GIVEN_UP = "complete", "expired", "capture ended", "given up"
"""How a train ends: all of it came; its timer ran out (RFC 1122, section 3.3.2); the capture ended before; memory ran
short, by the loader's doing."""
ENDLESS = -1
"""The last byte of a hole whose end is not known."""

Hole = tuple[int, int]
"""(first, last) missing bytes; last may be ENDLESS."""


@dataclass(frozen=True, slots=True)
class Step:
    """A fragment that arrived, and what is missing after it."""

    fragment: FragmentRow
    after_ns: int
    """Since the first one."""
    fills: int
    """Bytes that it brought and that were missing."""
    holes: tuple[Hole, ...]


@dataclass(frozen=True, slots=True)
class Life:
    """A train from its first fragment to its end."""

    steps: tuple[Step, ...]
    """The fragments that are listed."""
    end: str
    """COMPLETE, EXPIRED, CAPTURE_ENDED or GIVEN_UP."""
    end_ns: int
    """When: the completing fragment; the timer's end; for the others the last fragment."""
    expires_ns: int
    """When its receiver gives it up, if it is not complete before."""


def life_of(train: TrainRow) -> Life:
    """The life of a train. Bytes outside the datagram and fragments beyond those listed leave no trace in it."""
    holes: tuple[Hole, ...] = ((0, ENDLESS),)
    steps: list[Step] = []
    end, end_ns = EXPIRED, train.first_ns + TIMEOUT_NS
    if train.complete:
        end, end_ns = COMPLETE, train.last_ns
    elif train.evicted or train.at_end:
        end, end_ns = GIVEN_UP if train.evicted else CAPTURE_ENDED, train.last_ns
    for fragment in train.fragments:
        before, stop = _missing(holes, fragment), fragment.offset + fragment.length
        if holes and takes_part(train.version, train.fragments[0].proto, fragment.proto, fragment.header_length, stop):
            holes = filled(holes, fragment.offset, fragment.length, fragment.more)
            if not holes:
                end_ns = fragment.ts
        steps.append(Step(fragment, fragment.ts - train.first_ns, before - _missing(holes, fragment), holes))
    return Life(tuple(steps), end, end_ns, train.first_ns + TIMEOUT_NS)


def filled(holes: tuple[Hole, ...], offset: int, length: int, more: bool) -> tuple[Hole, ...]:
    """What is missing after a fragment (RFC 815, section 3). The first last fragment says where the datagram ends."""
    left: list[Hole] = []
    stop = offset + length
    ends = not more and holes[-1:] != () and holes[-1][1] == ENDLESS
    for first, last in holes:
        end = min(stop - 1, _bound(last)) if ends else last
        if not length:
            left += [(first, end)] if first <= _bound(end) else []
            continue
        if first < min(offset, _bound(end) + 1):
            left.append((first, offset - 1 if offset <= _bound(end) else end))
        if stop <= _bound(end):
            left.append((max(first, stop), end))
    return tuple(left)


def _bound(last: int) -> int:
    """The last byte of a hole, or of the longest datagram there can be."""
    return IP_MAX if last == ENDLESS else last


def _missing(holes: tuple[Hole, ...], fragment: FragmentRow) -> int:
    """Missing bytes among those of a fragment."""
    low, high = fragment.offset, fragment.offset + fragment.length - 1
    return sum(max(0, min(high, _bound(last)) - max(low, first) + 1) for first, last in holes)
