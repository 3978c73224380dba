"""The packets of a flow → what each side sent, in order: bytes, gaps and repeats, as places in the capture.

TCP is put in order by its sequence numbers (RFC 9293, 3.4): bytes that came before are told, not shown again; bytes
that never come leave a gap. A segment that is early waits until the bytes before it come, until the other side
acknowledges it (then they were sent, and are not in the capture), or until EARLY others wait as well. Fragments give
the bytes of their datagram where its last one arrived. Of the bytes nothing is kept: 21 bytes of memory a segment.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tui.data.newest import Newest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oddport.case.model import FlowRow, PacketRow
    from tui.data.flow_case import FlowCase

PAGE = 256
"""Packets that are read at a time."""
HEADERS = 512
"""Bytes of a frame that are enough for all its headers."""
EARLY = 64
"""Early segments of a side that wait."""
TRAINS_AT_ONCE = 100
DATA_KEPT = 64
"""Segments whose bytes are kept in memory."""
_SYN = 2
_BACKWARDS = 1 << 31


class Kind(IntEnum):
    """What a segment is."""

    DATA = 0
    GAP = 1
    """Bytes that are not in the capture."""
    CUT = 2
    """Bytes of a packet that were sent and not captured."""
    REPEAT = 3
    """Bytes that came before."""
    DATAGRAM = 4
    """Bytes of a datagram that came in fragments."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the stream."""

    place: int
    """0-based place of its packet in the flow."""
    kind: Kind
    back: bool
    """Sent by the responder."""
    start: int
    """In the captured frame; of a datagram, the id of its train."""
    length: int

    @property
    def has_data(self) -> bool:
        """There are bytes to show."""
        return self.kind in (Kind.DATA, Kind.DATAGRAM)


class Segments:
    """Segments in order, in columns. One thread adds, others read."""

    def __init__(self) -> None:
        self._place, self._start, self._length = array("L"), array("Q"), array("L")
        self._kind = array("B")

    def __len__(self) -> int:
        return len(self._kind)

    def __getitem__(self, index: int) -> Segment:
        kind, back = divmod(self._kind[index], 2)
        return Segment(self._place[index], Kind(kind), bool(back), self._start[index], self._length[index])

    def add(self, segment: Segment) -> None:
        """One more at the end."""
        self._place.append(segment.place)
        self._start.append(segment.start)
        self._length.append(segment.length)
        self._kind.append(2 * segment.kind + segment.back)  # last: it is the length that others see

    def back(self, index: int) -> bool:
        """Whether the responder sent it."""
        return bool(self._kind[index] & 1)


@dataclass(slots=True)
class Totals:
    """What was found so far."""

    packets: int = 0
    """Read."""
    bytes: int = 0
    gaps: int = 0
    repeats: int = 0


class _Side:
    """One direction of a TCP connection."""

    def __init__(self, back: bool, out: Callable[[Segment], None]) -> None:
        self._back, self._out = back, out
        self._next: int | None = None
        self._early: list[tuple[int, int, Segment, int]] = []
        self._order = 0

    def begin(self, sequence: int) -> None:
        """The sequence number of the first byte, as SYN says it."""
        if self._next is None:
            self._next = sequence & 0xFFFFFFFF

    def take(self, sequence: int, wire: int, segment: Segment) -> None:
        """A packet with `wire` bytes of payload, of which the segment's were captured."""
        if self._next is None:
            self._next = sequence
        ahead = (sequence - self._next) & 0xFFFFFFFF
        if 0 < ahead < _BACKWARDS:
            self._order += 1
            self._early.append((sequence, self._order, segment, wire))
            if len(self._early) > EARLY:
                self._over_gap()
        else:
            self._emit(sequence, wire, segment)
            self._drain()

    def acknowledged(self, sequence: int) -> None:
        """The other side has everything before this number: what is missing of it was sent and not captured."""
        while self._early and self._next is not None:
            first = min(self._early, key=self._ahead)[0]
            if 0 < (sequence - first) & 0xFFFFFFFF < _BACKWARDS:
                self._over_gap()
            else:
                break

    def end(self) -> None:
        """No more packets."""
        while self._early:
            self._over_gap()

    def _ahead(self, waiting: tuple[int, int, Segment, int]) -> tuple[int, int]:
        return ((waiting[0] - (self._next or 0)) & 0xFFFFFFFF, waiting[1])

    def _over_gap(self) -> None:
        sequence, _, segment, wire = waiting = min(self._early, key=self._ahead)
        self._early.remove(waiting)
        missing = (sequence - (self._next or 0)) & 0xFFFFFFFF
        self._out(Segment(segment.place, Kind.GAP, self._back, 0, missing))
        self._next = sequence
        self._emit(sequence, wire, segment)
        self._drain()

    def _drain(self) -> None:
        while self._early:
            sequence, _, segment, wire = waiting = min(self._early, key=self._ahead)
            if 0 < (sequence - (self._next or 0)) & 0xFFFFFFFF < _BACKWARDS:
                break
            self._early.remove(waiting)
            self._emit(sequence, wire, segment)

    def _emit(self, sequence: int, wire: int, segment: Segment) -> None:
        old = min(((self._next or 0) - sequence) & 0xFFFFFFFF, wire)
        if old:
            self._out(Segment(segment.place, Kind.REPEAT, self._back, 0, old))
        if old == wire:
            return
        skipped = min(old, segment.length)
        if segment.length > skipped:
            start, length = segment.start + skipped, segment.length - skipped
            self._out(Segment(segment.place, Kind.DATA, self._back, start, length))
        if wire > max(segment.length, old):
            self._out(Segment(segment.place, Kind.CUT, self._back, 0, wire - max(segment.length, old)))
        self._next = (sequence + wire) & 0xFFFFFFFF


class Stream:
    """The stream of one flow. `read` fills it, in a thread; others may look at what is there."""

    def __init__(self, case: FlowCase, flow: FlowRow) -> None:
        self.case, self.flow = case, flow
        self.segments = Segments()
        self.totals = Totals()
        self.complete = False

    def read(self, wanted: Callable[[], bool]) -> None:
        """Put all packets of the flow in order, while it is wanted.

        Raises CaseError, CaptureMoved among them, where the case or the capture cannot be read.
        """
        sides = (_Side(False, self._add), _Side(True, self._add))
        place = 0
        while wanted():
            page = self.case.packets_of_flow(self.flow.id, place, PAGE)
            if not page:
                break
            self._read_page(page, place, sides)
            place += len(page)
            self.totals.packets = place
        for side in sides:
            side.end()
        self.complete = True

    @cached_property
    def _trains(self) -> dict[int, tuple[int, int]]:
        """Number of the packet that brought the last fragment of a datagram → its train, and its bytes."""
        found: dict[int, tuple[int, int]] = {}
        offset = 0
        while page := self.case.trains_of_flow(self.flow.id, offset, TRAINS_AT_ONCE):
            offset += len(page)
            for train in page:
                if train.fragments and train.complete:
                    found[max(each.packet for each in train.fragments)] = (train.id, train.reassembled)
        return found

    def _add(self, segment: Segment) -> None:
        if segment.has_data:
            self.totals.bytes += segment.length
        elif segment.kind == Kind.REPEAT:
            self.totals.repeats += 1
        else:
            self.totals.gaps += 1
        self.segments.add(segment)

    def _read_page(self, page: Sequence[PacketRow], first: int, sides: tuple[_Side, _Side]) -> None:
        from oddport.engine.batch import KIND_IP, Decoded, RecordBatch
        from oddport.engine.decode import decode
        from oddport.engine.tunnels import at_depth

        frames = self.case.frames(page, HEADERS)
        batch, out = RecordBatch(count=len(page)), Decoded()
        batch.data = np.frombuffer(b"".join(frames) or b"\0", np.uint8).copy()
        ends = np.cumsum([len(frame) for frame in frames])
        batch.start[: len(page)] = ends - [len(frame) for frame in frames]
        batch.caplen[: len(page)] = [len(frame) for frame in frames]
        batch.wirelen[: len(page)] = [packet.wirelen for packet in page]
        batch.link[: len(page)] = [max(packet.link, 0) for packet in page]
        decode(batch, out)
        out = at_depth(batch, out, len(self.flow.tunnel))
        tcp = self.flow.proto == "tcp"
        for row, packet in enumerate(page):
            side = sides[packet.back]
            train = self._trains.get(packet.packet) if packet.fragment else None
            if train is not None:
                self._add(Segment(first + row, Kind.DATAGRAM, packet.back, train[0], train[1]))
            if out.kind[row] != KIND_IP:
                continue
            wire, start = int(out.payload_wire[row]), int(out.payload[row] - batch.start[row])
            segment = Segment(first + row, Kind.DATA, packet.back, start, max(min(wire, packet.caplen - start), 0))
            sequence, flags = int(out.seq[row]), int(out.flags[row])
            if tcp:
                if flags & 16:
                    sides[not packet.back].acknowledged(int(out.ack[row]))
                if flags & _SYN:
                    sequence += 1
                    side.begin(sequence)
                if wire:
                    side.take(sequence & 0xFFFFFFFF, wire, segment)
                continue
            if segment.length:
                self._add(segment)
            if wire > segment.length:
                self._add(Segment(first + row, Kind.CUT, packet.back, 0, wire - segment.length))


class StreamBytes:
    """The bytes of a stream's segments, for one thread."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._kept = Newest[int, bytes](DATA_KEPT)
        self._page: tuple[int, list[PacketRow]] = (-1, [])

    def packet(self, place: int) -> PacketRow | None:
        """A packet of the flow."""
        number, within = divmod(place, PAGE)
        if self._page[0] != number or within >= len(self._page[1]):
            case, flow = self._stream.case, self._stream.flow.id
            self._page = (number, case.packets_of_flow(flow, number * PAGE, PAGE))
        rows = self._page[1]
        return rows[within] if within < len(rows) else None

    def data(self, index: int) -> bytes:
        """The bytes of a segment; empty for gaps and repeats. Raises CaseError where they cannot be read."""
        return self._kept.wanted(index, lambda: self._read(self._stream.segments[index]))

    def _read(self, segment: Segment) -> bytes:
        if segment.kind == Kind.DATAGRAM:
            train = self._stream.case.train(segment.start)
            return self._stream.case.train_bytes(train)[datagram_header(self._stream.flow) :] if train else b""
        packet = self.packet(segment.place) if segment.has_data else None
        if packet is None:
            return b""
        frame = self._stream.case.packet_bytes(packet)
        return frame[segment.start : segment.start + segment.length]

    def tail(self, index: int, length: int) -> bytes:
        """The last bytes that the same side sent before a segment."""
        segments, back = self._stream.segments, self._stream.segments.back(index)
        parts: list[bytes] = []
        index -= 1
        while index >= 0 and length > 0:
            if segments.back(index) == back:
                if segments[index].kind in (Kind.GAP, Kind.CUT):
                    break
                if data := self.data(index)[-length:]:
                    parts.append(data)
                    length -= len(data)
            index -= 1
        return b"".join(reversed(parts))


def datagram_header(flow: FlowRow) -> int:
    """Bytes before the payload of a datagram that came in fragments (UDP: RFC 768)."""
    return 8 if flow.proto == "udp" else 0


def places_of(stream: Stream, reading: StreamBytes, needle: bytes, index: int) -> list[int]:
    """First bytes in a segment of what is looked for, letters of either case; negative where it began in one before.

    Raises CaseError where the bytes cannot be read.
    """
    if not stream.segments[index].has_data:
        return []
    head = reading.tail(index, len(needle) - 1)
    text, wish = (head + reading.data(index)).lower(), needle.lower()
    found = []
    at = text.find(wish)
    while at >= 0:
        found.append(at - len(head))
        at = text.find(wish, at + 1)
    return found
