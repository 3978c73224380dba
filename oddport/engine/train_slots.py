"""Keys, order and accounts of all fragment trains that are not over yet, and the short road that plain ones take.

A plain train comes whole, in order, without gap or overlap, and within one batch: sums are all it needs. `run` stops
before a fragment that does not fit that, and the caller goes on with an Assembly, which gives the same for any train.
The types of the compiled build stand in train_slots.pxd.
"""

import secrets

import cython
import numpy as np
from numpy.typing import NDArray

from oddport.engine import train_layout as layout
from oddport.engine.batch import Decoded, RecordBatch
from oddport.engine.fragment_rows import fragment_rows, train_keys
from oddport.engine.reassembly import (
    AUTHENTICATION,
    FRAGMENT_HEADER,
    HEADER_SIZE,
    IP_MAX,
    IPV6_HEADER,
    TINY,
    TTL_SPREAD,
)
from oddport.engine.trains import FRAGMENTS_KEPT, anomaly_mask

TRAIN_COST = 2_048
"""Bytes that an open train is charged besides its data."""
FRAGMENT_COST = 512
"""Bytes that a fragment is charged besides its data."""

SRC_HI = cython.declare(cython.Py_ssize_t, layout.SRC_HI)
SRC_LO = cython.declare(cython.Py_ssize_t, layout.SRC_LO)
DST_HI = cython.declare(cython.Py_ssize_t, layout.DST_HI)
DST_LO = cython.declare(cython.Py_ssize_t, layout.DST_LO)
WHERE = cython.declare(cython.Py_ssize_t, layout.WHERE)
HASH = cython.declare(cython.Py_ssize_t, layout.HASH)
NEXT = cython.declare(cython.Py_ssize_t, layout.NEXT)
EARLIER = cython.declare(cython.Py_ssize_t, layout.EARLIER)
LATER = cython.declare(cython.Py_ssize_t, layout.LATER)
LIST = cython.declare(cython.Py_ssize_t, layout.LIST)
ROAD = cython.declare(cython.Py_ssize_t, layout.ROAD)
NUMBER = cython.declare(cython.Py_ssize_t, layout.NUMBER)
FIRST_NS = cython.declare(cython.Py_ssize_t, layout.FIRST_NS)
LAST_NS = cython.declare(cython.Py_ssize_t, layout.LAST_NS)
FLOOR = cython.declare(cython.Py_ssize_t, layout.FLOOR)
DEADLINE = cython.declare(cython.Py_ssize_t, layout.DEADLINE)
COST = cython.declare(cython.Py_ssize_t, layout.COST)
COUNT = cython.declare(cython.Py_ssize_t, layout.COUNT)
FILLED = cython.declare(cython.Py_ssize_t, layout.FILLED)
PROTO = cython.declare(cython.Py_ssize_t, layout.PROTO)
PORTS = cython.declare(cython.Py_ssize_t, layout.PORTS)
TTL_LOW = cython.declare(cython.Py_ssize_t, layout.TTL_LOW)
TTL_HIGH = cython.declare(cython.Py_ssize_t, layout.TTL_HIGH)
NOTES = cython.declare(cython.Py_ssize_t, layout.NOTES)
FIRST_ROW = cython.declare(cython.Py_ssize_t, layout.FIRST_ROW)
LAST_ROW = cython.declare(cython.Py_ssize_t, layout.LAST_ROW)
KEPT = cython.declare(cython.Py_ssize_t, layout.KEPT)
PIECE = cython.declare(cython.Py_ssize_t, layout.PIECE)
FLOW = cython.declare(cython.Py_ssize_t, layout.FLOW)
ODDITIES = cython.declare(cython.Py_ssize_t, layout.ODDITIES)
WORDS = layout.WORDS
HELD = cython.declare(cython.Py_ssize_t, layout.HELD)
ATOMIC = cython.declare(cython.Py_ssize_t, layout.ATOMIC)
OVER = cython.declare(cython.Py_ssize_t, layout.OVER)
PLAIN_OPEN = cython.declare(cython.longlong, layout.PLAIN_OPEN)
PLAIN_DONE = cython.declare(cython.longlong, layout.PLAIN_DONE)
ODD = cython.declare(cython.longlong, layout.ODD)
COMPLETE = cython.declare(cython.longlong, layout.COMPLETE)
AT_START = cython.declare(cython.longlong, layout.AT_START)
AT_END = cython.declare(cython.longlong, layout.AT_END)
EVICTED = cython.declare(cython.longlong, layout.EVICTED)
DONE_FRAGMENT = cython.declare(cython.Py_ssize_t, layout.DONE_FRAGMENT)
DONE_SLOT = cython.declare(cython.Py_ssize_t, layout.DONE_SLOT)
DONE_PIECE = cython.declare(cython.Py_ssize_t, layout.DONE_PIECE)
DONE_PIECES = cython.declare(cython.Py_ssize_t, layout.DONE_PIECES)
DONE_TOTAL = cython.declare(cython.Py_ssize_t, layout.DONE_TOTAL)
DONE_CAPTURED = cython.declare(cython.Py_ssize_t, layout.DONE_CAPTURED)
DONE_PROTO = cython.declare(cython.Py_ssize_t, layout.DONE_PROTO)
DONE_AT = cython.declare(cython.Py_ssize_t, layout.DONE_AT)

COST_TRAIN = cython.declare(cython.longlong, TRAIN_COST)
COST_FRAGMENT = cython.declare(cython.longlong, FRAGMENT_COST)
LONGEST = cython.declare(cython.longlong, IP_MAX)
SMALLEST = cython.declare(cython.longlong, TINY)
SPREAD = cython.declare(cython.longlong, TTL_SPREAD)
MOST = cython.declare(cython.longlong, FRAGMENTS_KEPT)
SIZE_TCP = cython.declare(cython.longlong, HEADER_SIZE[6])
SIZE_UDP = cython.declare(cython.longlong, HEADER_SIZE[17])
SIZE_ICMP6 = cython.declare(cython.longlong, HEADER_SIZE[58])
SIZE_SCTP = cython.declare(cython.longlong, HEADER_SIZE[132])
HEADER6 = cython.declare(cython.longlong, IPV6_HEADER)
A_TINY = cython.declare(cython.longlong, anomaly_mask(["tiny"]))
A_TINY_FIRST = cython.declare(cython.longlong, anomaly_mask(["tiny_first"]))
A_NO_UPPER_HEADER = cython.declare(cython.longlong, anomaly_mask(["no_upper_header"]))
A_FLAGS_NONSENSE = cython.declare(cython.longlong, anomaly_mask(["flags_nonsense"]))
A_TTL_MIXED = cython.declare(cython.longlong, anomaly_mask(["ttl_mixed"]))
A_UDP_LENGTH = cython.declare(cython.longlong, anomaly_mask(["udp_length"]))
P_TCP = cython.declare(cython.int, 6)
P_UDP = cython.declare(cython.int, 17)
P_AUTHENTICATION = cython.declare(cython.int, AUTHENTICATION)
P_FRAGMENT = cython.declare(cython.int, FRAGMENT_HEADER)
P_ICMP6 = cython.declare(cython.int, 58)
P_SCTP = cython.declare(cython.int, 132)
P_UDPLITE = cython.declare(cython.int, 136)
TIME_MOST = cython.declare(cython.longlong, 1 << 61)
"""ns; sums of times and timeouts below it do not run over."""
I64_MOST = cython.declare(cython.longlong, 0x7FFFFFFFFFFFFFFF)
I64_LEAST = cython.declare(cython.longlong, -(1 << 63))


class TrainSlots:
    """A row of words for each train, in order of age; and the fragments of the batch that is being taken."""

    def __init__(self, timeout_ns: int, trains_max: int, bytes_max: int) -> None:
        self.timeout = timeout_ns
        self.trains_max = trains_max
        self.bytes_max = bytes_max
        self.held_bytes = self.held = self.over = self.dropped_trains = self.dropped_bytes = 0
        self.capacity = self.fresh = self.free = self.free_count = self.made = self.batch = 0
        self.begun = 0
        """ns: when the capture began."""
        self.seed = np.uint64(secrets.randbits(64))
        self.ends = np.zeros((layout.LISTS, 2), np.int64).data
        self.rows = np.zeros((0, WORDS), np.int64)
        """A row for each train, by train_layout."""
        self._grow(1_024)

    def _grow(self, capacity: cython.Py_ssize_t) -> None:
        """Make room for `capacity` trains, keep what is there."""
        rows = np.zeros((capacity, WORDS), np.int64)
        rows[: self.capacity] = self.rows
        self.rows = rows
        self.rec = rows.data
        self.capacity = capacity
        size = 1
        while size < 2 * capacity:
            size *= 2
        self.buckets = np.zeros(size, np.int32).data
        self.mask = size - 1
        i: cython.Py_ssize_t
        for i in range(self.fresh):
            if self.rec[i, ROAD] and self.rec[i, LIST] != OVER:
                self._index(i)

    # -- a batch

    def begin(self, batch: RecordBatch, decoded: Decoded, rows: NDArray[np.int64], first_packet: int) -> None:
        """Look at the fragments in `rows` of a batch; their order is the order of the calls that follow."""
        count: cython.Py_ssize_t = len(rows)
        while self.free_count + self.capacity - self.fresh < count:
            self._grow(2 * self.capacity)
        self.batch += 1
        self.pieces_count = self.done_count = 0
        self.pieces = np.empty(count, np.int64)
        """Fragments, by index, of the plain trains that became complete in this batch: one train's behind another's."""
        self.done = np.empty((count, layout.DONE_COLUMNS), np.int64)
        """Datagrams that became complete in this batch, in that order, by train_layout's DONE columns."""
        self.slot_of = np.empty(count, np.int64)
        """The train of each fragment."""
        self.piece_list = self.pieces.data
        self.done_rec = self.done.data
        self.slot_list = self.slot_of.data
        self.chain = np.empty(count, np.int64).data
        self.row_list = rows.data
        self.keys = train_keys(batch, decoded, rows, self.seed).data
        self.raws, start = fragment_rows(batch, decoded, rows, first_packet)
        """The batch's fragments, dtype FRAGMENT."""
        self.octets = batch.data
        self.data = batch.data.data
        self.start = start.data
        ts, offset, length, captured, more, ttl, proto, flags, header = (
            np.ascontiguousarray(self.raws[name])
            for name in ("ts", "offset", "length", "captured", "more", "ttl", "proto", "flags", "header_length")
        )
        # a field of a lone packed row is contiguous, but not aligned, and a plain memoryview reads no such numbers
        ts, offset, length, captured, flags, header = (
            np.require(x, requirements=("C", "A")) for x in (ts, offset, length, captured, flags, header)
        )
        self.ts, self.offset, self.length, self.captured = (x.data for x in (ts, offset, length, captured))
        self.more, self.ttl, self.proto = more.view(np.uint8).data, ttl.data, proto.data
        self.flags, self.header = flags.data, header.data
        self.row_proto = decoded.proto.data
        self.row_sport = decoded.sport.data
        self.row_dport = decoded.dport.data
        self.row_train = decoded.train.data

    def end(self) -> None:
        """Let go of the batch's bytes."""
        self.octets = np.zeros(0, np.uint8)
        self.data = self.octets.data

    def run(self, i: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Take fragments from `i` on as far as they belong to plain trains; gives the index behind the last one."""
        stop: cython.Py_ssize_t = len(self.row_list)
        with cython.nogil:
            while i < stop and self._take(i):
                i += 1
        return i

    def _take(self, i: cython.Py_ssize_t) -> cython.int:
        """Put a fragment to its plain train; 0: it belongs to none."""
        slot: cython.Py_ssize_t
        if not self._fits(i):
            return 0
        slot = self._current(i)
        if slot < 0:
            if not self._begins(i):
                return 0
            slot = self._open(i, HELD, PLAIN_OPEN)
            self._read_first(i, slot)
        elif self.rec[slot, ROAD] != PLAIN_OPEN or not self._continues(i, slot):
            return 0
        else:
            self.chain[self.rec[slot, LAST_ROW]] = i
        self.rec[slot, LAST_ROW] = i
        self.rec[slot, COUNT] += 1
        self.rec[slot, FILLED] += self.length[i]
        if self.ts[i] > self.rec[slot, LAST_NS]:
            self.rec[slot, LAST_NS] = self.ts[i]
        if self.more[i] and self.length[i] < SMALLEST:
            self.rec[slot, ODDITIES] |= A_TINY
        if self.flags[i] & 6 or (self.flags[i] and self.keys[i, WHERE] & 0xFF == 6):
            self.rec[slot, ODDITIES] |= A_FLAGS_NONSENSE
        self._charge(slot, COST_FRAGMENT + self.length[i])
        if not self.more[i]:
            self._complete(i, slot)
        self._tie(i, slot)
        return 1

    def _fits(self, i: cython.Py_ssize_t) -> cython.bint:
        """Whether the fragment by itself asks for no more than sums."""
        six: cython.bint = self.keys[i, WHERE] & 0xFF == 6
        length: cython.longlong = self.length[i]
        outside: cython.longlong = self.header[i]
        proto: cython.int = self.proto[i]
        if self.captured[i] != length or length == 0 or (self.more[i] and length % 8):
            return False
        if six:
            # extension headers (reassembly.EXTENSIONS) have to be walked, but for a short one before the fragment's
            if outside > HEADER6 + 8 or proto in (0, 43, 44, 51, 60, 135, 139, 140):
                return False
            if outside > HEADER6 and self.data[self.start[i] - 8 - outside + 6] == P_FRAGMENT:
                return False
            outside -= HEADER6
        elif proto == P_AUTHENTICATION:
            return False
        if self.keys[i, WHERE] & 0xFF00 or outside + self.offset[i] + length > LONGEST:
            return False
        return -TIME_MOST < self.ts[i] < TIME_MOST

    def _begins(self, i: cython.Py_ssize_t) -> cython.bint:
        return self.offset[i] == 0 and self.more[i]

    def _continues(self, i: cython.Py_ssize_t, slot: cython.Py_ssize_t) -> cython.bint:
        """Whether the fragment follows the others; if so, its TTL and place are taken note of."""
        ttl: cython.longlong = self.ttl[i]
        if self.offset[i] != self.rec[slot, FILLED] or self.proto[i] != self.rec[slot, PROTO]:
            return False
        if self.rec[slot, COUNT] == MOST:
            return False
        if ttl < self.rec[slot, TTL_LOW]:
            self.rec[slot, TTL_LOW] = ttl
        if ttl > self.rec[slot, TTL_HIGH]:
            self.rec[slot, TTL_HIGH] = ttl
        if self.rec[slot, TTL_HIGH] - self.rec[slot, TTL_LOW] >= SPREAD:
            self.rec[slot, ODDITIES] |= A_TTL_MIXED
        if self.offset[i] == 8 and self.proto[i] == P_TCP:
            self.rec[slot, ODDITIES] |= A_TINY_FIRST
        return True

    def _read_first(self, i: cython.Py_ssize_t, slot: cython.Py_ssize_t) -> cython.int:
        """The ports, and whether the transport header is all there, by a plain train's first fragment."""
        proto: cython.int = self.proto[i]
        length: cython.longlong = self.length[i]
        size: cython.longlong = self._header_size(proto)
        ports: cython.longlong
        self.rec[slot, PROTO] = proto
        self.rec[slot, TTL_LOW] = self.rec[slot, TTL_HIGH] = self.ttl[i]
        self.rec[slot, FIRST_ROW] = i
        if self.keys[i, WHERE] & 0xFF == 6 and size > length:
            self.rec[slot, ODDITIES] |= A_NO_UPPER_HEADER
        if proto not in (P_TCP, P_UDP, P_SCTP, P_UDPLITE):
            return 0
        ports = self.row_sport[self.row_list[i]]
        self.rec[slot, PORTS] = (ports << 16) | self.row_dport[self.row_list[i]]
        if proto == P_TCP and length >= 13:
            size = max(size, (self.data[self.start[i] + 12] >> 4) * 4)
        if size >= length:
            self.rec[slot, ODDITIES] |= A_TINY_FIRST
        return 0

    def _header_size(self, proto: cython.int) -> cython.longlong:
        """The least bytes of the transport header."""
        if proto == P_TCP:
            return SIZE_TCP
        if proto == P_SCTP:
            return SIZE_SCTP
        if proto == P_ICMP6:
            return SIZE_ICMP6
        return SIZE_UDP if proto in (P_UDP, P_UDPLITE) else 0

    def _complete(self, i: cython.Py_ssize_t, slot: cython.Py_ssize_t) -> cython.int:
        """The plain train's last fragment came: note what its datagram is put together from."""
        piece: cython.longlong = self.rec[slot, FIRST_ROW]
        count: cython.Py_ssize_t = 0
        total: cython.longlong = self.rec[slot, FILLED]
        first: cython.Py_ssize_t = self.start[piece]
        said: cython.longlong
        if self.rec[slot, PROTO] == P_UDP:
            said = (self.data[first + 4] << 8) | self.data[first + 5]
            # 0 is a jumbogram's (RFC 2675, section 4), which IPv4 has not
            if said != total and (said or self.keys[i, WHERE] & 0xFF == 4):
                self.rec[slot, ODDITIES] |= A_UDP_LENGTH
        self.rec[slot, PIECE] = self.pieces_count
        self.rec[slot, KEPT] = self.batch
        while True:
            self.piece_list[self.pieces_count + count] = piece
            count += 1
            if piece == i:
                break
            piece = self.chain[piece]
        self._note_done(i, slot, self.pieces_count, count, total, total, self.rec[slot, PROTO])
        self.pieces_count += count
        self.rec[slot, ROAD] = PLAIN_DONE
        self._finish(i, slot)
        return 0

    def _note_done(
        self,
        i: cython.Py_ssize_t,
        slot: cython.Py_ssize_t,
        piece: cython.longlong,
        pieces: cython.longlong,
        total: cython.longlong,
        captured: cython.longlong,
        proto: cython.longlong,
    ) -> cython.int:
        at: cython.Py_ssize_t = self.done_count
        self.done_rec[at, DONE_FRAGMENT] = i
        self.done_rec[at, DONE_SLOT] = slot
        self.done_rec[at, DONE_PIECE] = piece
        self.done_rec[at, DONE_PIECES] = pieces
        self.done_rec[at, DONE_TOTAL] = total
        self.done_rec[at, DONE_CAPTURED] = captured
        self.done_rec[at, DONE_PROTO] = proto
        self.done_count = at + 1
        return 0

    def _finish(self, i: cython.Py_ssize_t, slot: cython.Py_ssize_t) -> cython.int:
        """From here on a train is kept only to know repetitions by; its age is that of its completion."""
        self.rec[slot, NOTES] |= COMPLETE
        self.rec[slot, DEADLINE] = self._sum(self.ts[i], self.timeout)
        self._unlink(slot)
        self._append(slot, HELD)
        return 0

    def _tie(self, i: cython.Py_ssize_t, slot: cython.Py_ssize_t) -> cython.int:
        """Write what is known of the train into the fragment's row."""
        row: cython.Py_ssize_t = self.row_list[i]
        ports: cython.longlong = self.rec[slot, PORTS]
        self.slot_list[i] = slot
        self.row_train[row] = cython.cast(cython.uint, self.rec[slot, NUMBER])
        self.row_proto[row] = cython.cast(cython.uchar, self.rec[slot, PROTO])
        if ports >= 0:
            self.row_sport[row] = cython.cast(cython.ushort, ports >> 16)
            self.row_dport[row] = cython.cast(cython.ushort, ports & 0xFFFF)
        return 0

    # -- for fragments that are on no plain train's way

    def find(self, i: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """The train of a fragment, -1 = none; one whose time is over for it is closed."""
        return self._current(i)

    def open(self, i: cython.Py_ssize_t, which: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """A new train in the list HELD or ATOMIC, by its first fragment."""
        return self._open(i, which, ODD)

    def fragments_of(self, slot: cython.Py_ssize_t) -> list[int]:
        """The fragments of a plain train all of which are in this batch."""
        at: cython.longlong = self.rec[slot, FIRST_ROW]
        found = [at]
        while at != self.rec[slot, LAST_ROW]:
            at = self.chain[at]
            found.append(at)
        return found

    def piece(self, i: cython.Py_ssize_t) -> bytes:
        """The captured bytes of a fragment."""
        begin: cython.Py_ssize_t = self.start[i]
        data: bytes = self.octets[begin : begin + cython.cast(cython.Py_ssize_t, self.captured[i])].tobytes()
        return data

    def charge(self, slot: cython.Py_ssize_t, cost: cython.longlong) -> None:
        """Hold `cost` bytes more for a train; give up the oldest others while that is too much."""
        self._charge(slot, cost)

    def close(self, slot: cython.Py_ssize_t) -> None:
        """The train is over."""
        self._close(slot)

    def finish(self, i: cython.Py_ssize_t, slot: cython.Py_ssize_t, total: int, captured: int, proto: int) -> None:
        """The train's datagram became complete with a fragment; `captured` bytes of it are there."""
        self._note_done(i, slot, -1, 0, total, captured, proto)
        self._finish(i, slot)

    # -- the end of trains

    def expire(self, limit: cython.longlong) -> None:
        """Close the trains whose deadline lies before `limit`."""
        which: cython.Py_ssize_t
        slot: cython.Py_ssize_t
        for which in range(OVER):
            while self.ends[which, 0]:
                slot = self.ends[which, 0] - 1
                if self.rec[slot, DEADLINE] >= limit:
                    break
                self._close(slot)

    def close_all(self, now: cython.longlong) -> None:
        """The capture is over: close all trains."""
        which: cython.Py_ssize_t
        slot: cython.Py_ssize_t
        for which in range(OVER):
            while self.ends[which, 0]:
                slot = self.ends[which, 0] - 1
                if now <= self.rec[slot, DEADLINE]:
                    self.rec[slot, NOTES] |= AT_END
                self._close(slot)

    def closed(self) -> NDArray[np.int64]:
        """The trains that are over, in the order in which they ended."""
        found = np.empty(self.over, np.int64)
        slots: cython.longlong[::1] = found.data
        at: cython.Py_ssize_t = 0
        slot: cython.longlong = self.ends[OVER, 0]
        while slot:
            slots[at] = slot - 1
            at += 1
            slot = self.rec[slot - 1, LATER]
        return found

    def release(self) -> None:
        """Forget the trains that are over."""
        slot: cython.Py_ssize_t
        while self.ends[OVER, 0]:
            slot = self.ends[OVER, 0] - 1
            self._unlink(slot)
            self.rec[slot, ROAD] = 0
            self.rec[slot, NEXT] = self.free
            self.free = slot + 1
            self.free_count += 1
        self.over = 0

    # -- bytes

    def lay(self, buffer: NDArray[np.uint8]) -> None:
        """Write the header of each datagram that became complete, and the bytes of plain ones, where `done` says."""
        into: cython.uchar[::1] = buffer.data
        d: cython.Py_ssize_t
        p: cython.Py_ssize_t
        at: cython.Py_ssize_t
        i: cython.Py_ssize_t
        length: cython.Py_ssize_t
        begin: cython.Py_ssize_t
        with cython.nogil:
            for d in range(self.done_count):
                at = self.done_rec[d, DONE_AT]
                self._header(into, d, at)
                for p in range(self.done_rec[d, DONE_PIECES]):
                    i = self.piece_list[self.done_rec[d, DONE_PIECE] + p]
                    length = self.length[i]
                    begin = self.start[i]
                    into[at : at + length] = self.data[begin : begin + length]
                    at += length

    def _header(self, into: cython.uchar[::1], d: cython.Py_ssize_t, at: cython.Py_ssize_t) -> cython.int:
        """An IP header without options that ends at `at`."""
        i: cython.Py_ssize_t = self.done_rec[d, DONE_FRAGMENT]
        total: cython.longlong = self.done_rec[d, DONE_TOTAL]
        if self.keys[i, WHERE] & 0xFF == 4:
            self._big(into, at - 20, 0x45000000 | (total + 20), 4)
            self._big(into, at - 16, 0, 4)
            self._big(into, at - 12, 0x40000000 | self.done_rec[d, DONE_PROTO] << 16, 4)
            self._big(into, at - 8, self.keys[i, SRC_LO], 4)
            self._big(into, at - 4, self.keys[i, DST_LO], 4)
        else:
            self._big(into, at - 40, 0x60000000, 4)
            self._big(into, at - 36, total << 16 | self.done_rec[d, DONE_PROTO] << 8 | 64, 4)
            self._big(into, at - 32, self.keys[i, SRC_HI], 8)
            self._big(into, at - 24, self.keys[i, SRC_LO], 8)
            self._big(into, at - 16, self.keys[i, DST_HI], 8)
            self._big(into, at - 8, self.keys[i, DST_LO], 8)
        return 0

    def _big(
        self, into: cython.uchar[::1], at: cython.Py_ssize_t, value: cython.longlong, count: cython.Py_ssize_t
    ) -> cython.int:
        """The low `count` bytes of a number, the highest first."""
        i: cython.Py_ssize_t
        for i in range(count):
            into[at + i] = cython.cast(cython.uchar, (value >> (8 * (count - 1 - i))) & 0xFF)
        return 0

    # -- the table

    def _current(self, i: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """As `find`."""
        slot: cython.Py_ssize_t = self.buckets[self.keys[i, HASH] & self.mask] - 1
        word: cython.Py_ssize_t
        while slot >= 0:
            word = HASH
            while self.rec[slot, word] == self.keys[i, word]:
                if word == 0:
                    if self.rec[slot, FLOOR] <= self.ts[i] <= self.rec[slot, DEADLINE]:
                        return slot
                    self._close(slot)
                    return -1
                word -= 1
            slot = self.rec[slot, NEXT] - 1
        return -1

    def _open(self, i: cython.Py_ssize_t, which: cython.Py_ssize_t, road: cython.longlong) -> cython.Py_ssize_t:
        """As `open`, with its ROAD."""
        slot: cython.Py_ssize_t
        word: cython.Py_ssize_t
        ts: cython.longlong = self.ts[i]
        if self.free:
            slot = self.free - 1
            self.free = self.rec[slot, NEXT]
            self.free_count -= 1
        else:
            slot = self.fresh
            self.fresh += 1
        for word in range(HASH + 1):
            self.rec[slot, word] = self.keys[i, word]
        self.made += 1
        self.rec[slot, NUMBER] = self.made
        self.rec[slot, ROAD] = road
        self.rec[slot, FIRST_NS] = self.rec[slot, LAST_NS] = ts
        self.rec[slot, FLOOR] = self._sum(ts, -self.timeout)
        self.rec[slot, DEADLINE] = self._sum(ts, self.timeout)
        self.rec[slot, COST] = self.rec[slot, COUNT] = self.rec[slot, FILLED] = self.rec[slot, FLOW] = 0
        self.rec[slot, ODDITIES] = 0
        self.rec[slot, PORTS] = -1
        self.rec[slot, NOTES] = 0
        if ts <= self._sum(self.begun, self.timeout):
            self.rec[slot, NOTES] |= AT_START
        if which == ATOMIC:
            self.rec[slot, NOTES] |= COMPLETE
        self._index(slot)
        self._append(slot, which)
        self.held += 1
        self._charge(slot, COST_TRAIN)
        return slot

    def _charge(self, slot: cython.Py_ssize_t, cost: cython.longlong) -> cython.int:
        """As `charge`."""
        self.rec[slot, COST] += cost
        self.held_bytes += cost
        while (self.held_bytes > self.bytes_max or self.held > self.trains_max) and self._evict(slot):
            pass
        return 0

    def _evict(self, keep: cython.Py_ssize_t) -> cython.bint:
        """Give up the oldest train but `keep` (atomic ones last); gives whether there was one."""
        which: cython.Py_ssize_t
        slot: cython.Py_ssize_t
        for which in range(OVER):
            slot = self.ends[which, 0] - 1
            if slot == keep:
                slot = self.rec[slot, LATER] - 1
            if slot >= 0:
                if not self.rec[slot, NOTES] & COMPLETE:
                    self.rec[slot, NOTES] |= EVICTED
                    self.dropped_trains += 1
                    self.dropped_bytes += self.rec[slot, FILLED]
                self._close(slot)
                return True
        return False

    def _close(self, slot: cython.Py_ssize_t) -> cython.int:
        """As `close`."""
        at: cython.Py_ssize_t = self.rec[slot, HASH] & self.mask
        before: cython.Py_ssize_t = self.buckets[at] - 1
        if before == slot:
            self.buckets[at] = cython.cast(cython.int, self.rec[slot, NEXT])
        else:
            while self.rec[before, NEXT] != slot + 1:
                before = self.rec[before, NEXT] - 1
            self.rec[before, NEXT] = self.rec[slot, NEXT]
        self._unlink(slot)
        self.held_bytes -= self.rec[slot, COST]
        self.held -= 1
        self._append(slot, OVER)
        self.over += 1
        return 0

    def _index(self, slot: cython.Py_ssize_t) -> cython.int:
        """Put a train into its bucket."""
        at: cython.Py_ssize_t = self.rec[slot, HASH] & self.mask
        self.rec[slot, NEXT] = self.buckets[at]
        self.buckets[at] = cython.cast(cython.int, slot + 1)
        return 0

    def _append(self, slot: cython.Py_ssize_t, which: cython.Py_ssize_t) -> cython.int:
        """Put a train to the end of a list."""
        last: cython.Py_ssize_t = self.ends[which, 1] - 1
        self.rec[slot, LIST] = which
        self.rec[slot, EARLIER] = last + 1
        self.rec[slot, LATER] = 0
        if last < 0:
            self.ends[which, 0] = slot + 1
        else:
            self.rec[last, LATER] = slot + 1
        self.ends[which, 1] = slot + 1
        return 0

    def _unlink(self, slot: cython.Py_ssize_t) -> cython.int:
        """Take a train out of its list."""
        which: cython.Py_ssize_t = self.rec[slot, LIST]
        earlier: cython.Py_ssize_t = self.rec[slot, EARLIER] - 1
        later: cython.Py_ssize_t = self.rec[slot, LATER] - 1
        if earlier < 0:
            self.ends[which, 0] = later + 1
        else:
            self.rec[earlier, LATER] = later + 1
        if later < 0:
            self.ends[which, 1] = earlier + 1
        else:
            self.rec[later, EARLIER] = earlier + 1
        return 0

    def _sum(self, ts: cython.longlong, step: cython.longlong) -> cython.longlong:
        """`ts` + `step`, within 64 bits."""
        if step >= 0:
            return I64_MOST if ts > I64_MOST - step else ts + step
        return I64_LEAST if ts < I64_LEAST - step else ts + step
