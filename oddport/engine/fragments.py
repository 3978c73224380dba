"""Fragment trains: turns the fragment rows of a Decoded into trains, and complete datagrams into rows of their flow.

A train's key is version, addresses, id, context and interface; protocols are compared within it. The timer runs from
the first fragment (RFC 791, section 3.2; RFC 1122, section 3.3.2) and, for telling repetitions, once more from
completion. Plain trains are sums in train_slots; whatever is odd has an Assembly, and a plain train gets one, from the
fragments it had, when something odd comes to it. Which of the two it was cannot be told from the result.
"""

import gc
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.engine import train_layout as layout
from oddport.engine.batch import FRAGMENT_ATOMIC, KIND_FRAGMENT, KIND_IP, Decoded, RecordBatch
from oddport.engine.decode import Reader
from oddport.engine.reassembly import AUTHENTICATION, FRAGMENT_HEADER, IPV6_HEADER, PORTS, Assembly, Raw
from oddport.engine.train_slots import FRAGMENT_COST, TrainSlots
from oddport.engine.trains import FRAGMENTS_KEPT, TrainBatch
from oddport.engine.trains_over import Kept, let_go, train_batch, train_of

TIMEOUT_NS = 60_000_000_000
"""RFC 1122, section 3.3.2, and RFC 8200, section 4.5: 60 seconds."""
SLACK_NS = 5_000_000_000
"""How much longer a train is held than it lives, so that packets out of order by less make no difference."""
TRAINS_MAX = 65_536
BYTES_MAX = 64 << 20

RAW_PROTO = 10
HEADER_LENGTH = 12
WHOLE_COLUMNS = (
    "proto", "sport", "dport", "payload", "payload_captured", "payload_wire", "seq", "ack", "flags", "carrier",
)  # fmt: skip
"""Columns of Decoded that a complete datagram gives to its row."""
_EARLIEST = -(1 << 63)


class FragmentTable:
    """All trains that are not over yet."""

    def __init__(
        self, timeout_ns: int = TIMEOUT_NS, trains_max: int = TRAINS_MAX, bytes_max: int = BYTES_MAX, before: int = 0
    ) -> None:
        """timeout_ns: of capture time. Where more than `trains_max` trains or `bytes_max` bytes are held, the oldest
        trains are given up. before: the number that comes before the first train's."""
        self.buffer: NDArray[np.uint8] = np.zeros(0, np.uint8)
        """Reassembled datagrams of the last `take`, each behind an IP header; rows with `reassembled` point into it."""
        self._slots = TrainSlots(timeout_ns, trains_max, bytes_max)
        self._slots.made = before
        self._odd: dict[int, Assembly] = {}
        """By slot."""
        self._kept: dict[int, Kept] = {}
        """Number of a batch → what is kept of the plain trains that became complete in it."""
        self._given: dict[int, bytes] = {}
        """Row of `done` → the datagram of an odd train."""
        self._ties: list[tuple[int, int, int]] = []
        """(fragment, slot, protocol number in its own header) of the batch's fragments of odd trains."""
        self._rows = np.zeros(0, np.int64)
        self._begun = False
        self._now = 0
        self._scratch = Decoded()

    @property
    def held_trains(self) -> int:
        """Trains that are held."""
        return int(self._slots.held)

    @property
    def held_bytes(self) -> int:
        """Bytes charged to the trains that are held."""
        return int(self._slots.held_bytes)

    @property
    def dropped_trains(self) -> int:
        """Incomplete trains that were given up for want of memory."""
        return int(self._slots.dropped_trains)

    @property
    def dropped_bytes(self) -> int:
        """Bytes of datagrams that these had."""
        return int(self._slots.dropped_bytes)

    def take(self, batch: RecordBatch, decoded: Decoded, first_packet: int) -> None:
        """Put the fragments of a batch to their trains and rewrite their rows of `decoded`.

        Give it every batch, with or without fragments: it keeps the time by them. Every fragment's row gets `train`,
        and the ports where they are known (both 0: not known; kind stays KIND_FRAGMENT). The row that completes a
        datagram becomes KIND_IP with `reassembled` 1, its payload in `buffer`, and `fragment_start` the index in
        `buffer` of the datagram's first byte. `first_packet` is the number in the case (from 0) of row 0.
        """
        self.pass_time(batch)
        count = batch.count
        self._rows = np.flatnonzero(
            (decoded.kind[:count] == KIND_FRAGMENT) | (decoded.fragment_more[:count] == FRAGMENT_ATOMIC)
        )
        if not len(self._rows):
            return
        # a flood opens trains by the thousand, none of them in a cycle: searching them for garbage again and again
        # costs as much as all the rest (31 against 16 us a train)
        collecting = gc.isenabled()
        gc.disable()
        try:
            self._take_rows(batch, decoded, first_packet)
        finally:
            if collecting:
                gc.enable()

    def begin(self, ts: int) -> None:
        """The capture began at `ts` (ns), before the first batch that is given."""
        self._begun, self._slots.begun = True, ts

    def pass_time(self, batch: RecordBatch) -> None:
        """Keep the time by a batch without fragments."""
        if batch.count:
            if not self._begun:
                self.begin(int(batch.ts[0]))
            self._now = int(batch.ts[batch.count - 1])
        if len(self.buffer):
            self.buffer = np.zeros(0, np.uint8)

    def tie(self, flow: NDArray[Any]) -> None:
        """Say which flow each row of the last batch belongs to (0 = none): its fragments' trains belong there too."""
        flows = flow[self._rows]
        known = np.flatnonzero(flows)
        self._slots.rows[self._slots.slot_of[known], layout.FLOW] = flows[known]

    def closed(self) -> TrainBatch:
        """Trains that are over since the last call: timed out, replaced, or given up for want of memory."""
        slots = self._slots
        slots.expire(max(self._now - SLACK_NS, _EARLIEST))
        self._rows = np.zeros(0, np.int64)
        order = slots.closed()
        found = train_batch(order, slots.rows[order], self._odd, self._kept)
        slots.release()
        return found

    def finish(self) -> TrainBatch:
        """The capture is over: all trains that are left."""
        self._slots.close_all(self._now)
        return self.closed()

    def _take_rows(self, batch: RecordBatch, decoded: Decoded, first_packet: int) -> None:
        """Put the fragments in `_rows` to their trains."""
        slots, stop = self._slots, len(self._rows)
        slots.begin(batch, decoded, self._rows, first_packet)
        at = slots.run(0)
        while at < stop:
            self._take_odd(batch, decoded, at)
            at = slots.run(at + 1)
        met = np.unique(slots.slot_of)
        for slot in met[slots.rows[met, layout.ROAD] == layout.PLAIN_OPEN].tolist():
            self._assembly(slot)
        if slots.done_count:
            self._rewrite(decoded)
        self._tie_odd(decoded)
        slots.end()

    def _take_odd(self, batch: RecordBatch, decoded: Decoded, at: int) -> None:
        """Put a fragment to a train that is not plain, or not any more."""
        slots, row = self._slots, int(self._rows[at])
        raw: Raw = slots.raws[at].item()
        piece = slots.piece(at)
        if decoded.fragment_more[row] == FRAGMENT_ATOMIC:
            slot = self._take_atomic(at, raw, piece)
        else:
            slot = self._find(at, raw, piece)
            if not self._odd[slot].complete:
                self._add(at, slot, raw, piece)
        longer = decoded.version[row] == 6 and raw[HEADER_LENGTH] > IPV6_HEADER
        if longer and _nested_before(batch.data.data, int(decoded.ip_header[row]), int(decoded.fragment_start[row])):
            self._odd[slot].train.anomalies.add("nested_header")
        slots.slot_of[at] = slot
        self._ties.append((at, slot, raw[RAW_PROTO]))

    def _find(self, at: int, raw: Raw, piece: bytes) -> int:
        """The train of a fragment; if it comes back complete, the fragment is in it already."""
        slots = self._slots
        slot: int = slots.find(at)
        reused = False
        if slot >= 0:
            assembly = self._assembly(slot)
            if not assembly.complete:
                return slot
            if assembly.brings_nothing(raw, piece):
                slots.charge(slot, FRAGMENT_COST if assembly.count <= FRAGMENTS_KEPT else 0)
                return slot
            # an id is unique together with the protocol (RFC 6864, section 4)
            reused = raw[RAW_PROTO] == assembly.proto
            slots.close(slot)
        slot = self._open(at, layout.HELD)
        if reused:
            self._odd[slot].train.anomalies.add("id_reuse")
        return slot

    def _add(self, at: int, slot: int, raw: Raw, piece: bytes) -> None:
        """Put a fragment to an open train."""
        slots, assembly = self._slots, self._odd[slot]
        ranges, held = len(assembly.ranges), assembly.filled + assembly.aside
        complete = assembly.add(raw, piece)
        listed = assembly.count <= FRAGMENTS_KEPT or len(assembly.ranges) > ranges
        slots.charge(slot, assembly.filled + assembly.aside - held + (FRAGMENT_COST if listed else 0))
        slots.rows[slot, layout.FILLED] = assembly.filled
        if complete:
            datagram = assembly.finish()
            self._given[slots.done_count] = datagram
            slots.finish(at, slot, assembly.end, len(datagram), assembly.proto)

    def _take_atomic(self, at: int, raw: Raw, piece: bytes) -> int:
        """An atomic fragment is a datagram by itself, whatever else has its id (RFC 6946, section 4)."""
        slots = self._slots
        slot: int = slots.find(at)
        if slot >= 0:
            assembly = self._odd[slot]
            assembly.note(raw)
            slots.charge(slot, FRAGMENT_COST if assembly.count <= FRAGMENTS_KEPT else 0)
            return slot
        slot = self._open(at, layout.ATOMIC)
        assembly = self._odd[slot]
        assembly.add(raw, piece)
        assembly.finish()
        assembly.train.anomalies.add("atomic")
        slots.charge(slot, FRAGMENT_COST + len(piece))
        return slot

    def _open(self, at: int, which: int) -> int:
        """A new odd train in the list HELD or ATOMIC."""
        slot: int = self._slots.open(at, which)
        self._slots.rows[slot, layout.PROTO] = self._slots.raws["proto"][at]
        self._odd[slot] = Assembly(train_of(self._slots.rows[slot]))
        return slot

    def _assembly(self, slot: int) -> Assembly:
        """The Assembly of a train; a plain one ceases to be plain."""
        row = self._slots.rows[slot]
        road = int(row[layout.ROAD])
        if road == layout.ODD:
            return self._odd[slot]
        assembly = self._odd[slot] = Assembly(train_of(row))
        for raw, piece in self._fragments_of(slot):
            assembly.add(raw, piece)
        if road == layout.PLAIN_DONE:
            assembly.finish()
            if int(row[layout.KEPT]) in self._kept:
                let_go(self._kept, int(row[layout.KEPT]), 1)
        row[layout.ROAD] = layout.ODD
        return assembly

    def _fragments_of(self, slot: int) -> Iterator[tuple[Raw, bytes]]:
        """The fragments of a plain train, and their bytes."""
        slots, row = self._slots, self._slots.rows[slot]
        if row[layout.ROAD] == layout.PLAIN_DONE and row[layout.KEPT] in self._kept:
            yield from self._kept[int(row[layout.KEPT])].fragments_of(row)
        else:
            for at in slots.fragments_of(slot):
                yield slots.raws[at].item(), slots.piece(at)

    def _rewrite(self, decoded: Decoded) -> None:
        """Read the headers of complete datagrams and make their rows those of whole packets."""
        slots, scratch = self._slots, self._scratch
        count: int = slots.done_count
        done: NDArray[np.int64] = slots.done[:count]
        rows = self._rows[done[:, layout.DONE_FRAGMENT]]
        headers = np.where(decoded.version[rows] == 4, 20, 40)
        ends = np.cumsum(headers + done[:, layout.DONE_CAPTURED])
        starts = ends - done[:, layout.DONE_CAPTURED]
        done[:, layout.DONE_AT] = starts
        self.buffer = np.empty(int(ends[count - 1]), np.uint8)
        slots.lay(self.buffer)
        for i, datagram in self._given.items():
            self.buffer[starts[i] : ends[i]] = np.frombuffer(datagram, np.uint8)
        for column in fields(scratch):
            getattr(scratch, column.name)[:count] = 0
        Reader(self.buffer, starts - headers, ends, starts + done[:, layout.DONE_TOTAL], scratch).run(0, count)
        # others have a transport header that does not hold together, or are fragmented once more
        whole = np.flatnonzero(scratch.kind[:count] == KIND_IP)
        for name in WHOLE_COLUMNS:
            getattr(decoded, name)[rows[whole]] = getattr(scratch, name)[whole]
        decoded.kind[rows[whole]] = KIND_IP
        decoded.reassembled[rows[whole]] = 1
        decoded.fragment_start[rows[whole]] = starts[whole]
        for i, datagram in self._given.items():
            if scratch.kind[i] == KIND_IP:
                self._name(self._odd[int(done[i, layout.DONE_SLOT])], datagram, scratch, i)
        self._given.clear()
        self._keep(done)

    def _name(self, assembly: Assembly, datagram: bytes, scratch: Decoded, i: int) -> None:
        """An odd train's protocol, and its ports if the first fragment did not tell, by its whole datagram."""
        train = assembly.train
        train.proto = int(scratch.proto[i])
        if train.sport is None and train.proto in PORTS and assembly.ports_at(datagram) >= 0:
            train.sport, train.dport = int(scratch.sport[i]), int(scratch.dport[i])

    def _keep(self, done: NDArray[np.int64]) -> None:
        """Keep what belongs to the plain trains that became complete in this batch."""
        slots = self._slots
        plain = done[done[:, layout.DONE_PIECE] >= 0]
        plain = plain[slots.rows[plain[:, layout.DONE_SLOT], layout.ROAD] == layout.PLAIN_DONE]
        if len(plain):
            which = plain[:, layout.DONE_SLOT]
            slots.rows[which, layout.AT] = plain[:, layout.DONE_AT]
            fragments = slots.raws[slots.pieces[: slots.pieces_count]]
            self._kept[int(slots.rows[which[0], layout.KEPT])] = Kept(fragments, self.buffer, len(plain))

    def _tie_odd(self, decoded: Decoded) -> None:
        """Write an odd train's id, and its ports if they are known by now, into the rows of its fragments."""
        for at, slot, own in self._ties:
            row, assembly = self._rows[at], self._odd[slot]
            train = assembly.train
            decoded.train[row] = train.id
            # bytes of another protocol are left out of the train's datagram
            if decoded.kind[row] == KIND_FRAGMENT and (train.version == 6 or own == assembly.proto):
                decoded.proto[row] = train.proto
                if train.sport is not None and train.dport is not None:
                    decoded.sport[row] = train.sport
                    decoded.dport[row] = train.dport
        self._ties.clear()


def _nested_before(data: memoryview, header: int, start: int) -> bool:
    """Whether an atomic fragment header stands before the fragment header that ends at `start`."""
    proto = data[header + 6]
    at = header + IPV6_HEADER
    while at < start - 8:
        if proto == FRAGMENT_HEADER:
            return True
        size = (data[at + 1] + 2) * 4 if proto == AUTHENTICATION else (data[at + 1] + 1) * 8
        proto = data[at]
        at += size
    return False
