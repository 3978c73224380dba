"""Fragment trains: turns the fragment rows of a Decoded into trains, and complete datagrams into rows of their flow.

A train's key is version, addresses, id, context and interface; protocols are compared within it. The timer runs from
the first fragment (RFC 791, section 3.2; RFC 1122, section 3.3.2) and, for telling repetitions, once more from
completion.
"""

import gc
from collections import OrderedDict
from dataclasses import fields
from struct import Struct

import cython
import numpy as np
from numpy.typing import NDArray

from oddport.engine.batch import FRAGMENT_ATOMIC, KIND_FRAGMENT, KIND_IP, Decoded, RecordBatch
from oddport.engine.decode import Reader
from oddport.engine.reassembly import AUTHENTICATION, FRAGMENT_HEADER, IPV6_HEADER, PORTS, Assembly
from oddport.engine.trains import FRAGMENTS_KEPT, Train

TIMEOUT_NS = 60_000_000_000
"""RFC 1122, section 3.3.2, and RFC 8200, section 4.5: 60 seconds."""
SLACK_NS = 5_000_000_000
"""How much longer a train is held than it lives, so that packets out of order by less make no difference."""
TRAINS_MAX = 65_536
BYTES_MAX = 64 << 20
TRAIN_COST = 2_048
"""Bytes that an open train is charged besides its data."""
FRAGMENT_COST = 512
"""Bytes that a fragment is charged besides its data."""

KEY = np.dtype(
    [("src", ">u8", 2), ("dst", ">u8", 2), ("id", ">u4"), ("context", ">u4"), ("interface", ">u2"), ("version", "u1")]
)
"""A train's key, packed."""
KEY_PARTS = Struct(">16s16sIIHB")
KEY_BYTES = KEY_PARTS.size
Key = bytes
"""KEY_BYTES of dtype KEY."""
Raw = tuple[int, ...]
"""The fields of a Fragment."""
RAW_TS, RAW_PROTO = 3, 10
Trains = OrderedDict[Key, Assembly]
Tie = tuple[int, Assembly, int]
"""A row, its train, and the protocol number in its own header."""
WHOLE_COLUMNS = ("proto", "sport", "dport", "payload", "payload_captured", "payload_wire", "seq", "ack", "flags")
"""Columns of Decoded that a complete datagram gives to its row."""


class FragmentTable:
    """All trains that are not over yet."""

    def __init__(self, timeout_ns: int = TIMEOUT_NS, trains_max: int = TRAINS_MAX, bytes_max: int = BYTES_MAX) -> None:
        """timeout_ns: of capture time. Where more than `trains_max` trains or `bytes_max` bytes are held, the oldest
        trains are given up."""
        self.timeout_ns = timeout_ns
        self.trains_max = trains_max
        self.bytes_max = bytes_max
        self.buffer: NDArray[np.uint8] = np.zeros(0, np.uint8)
        """Reassembled datagrams of the last `take`, each behind an IP header; rows with `reassembled` point into it."""
        self.held_bytes = 0
        """Bytes charged to the trains that are held."""
        self.dropped_trains = 0
        """Incomplete trains that were given up for want of memory."""
        self.dropped_bytes = 0
        """Bytes of datagrams that these had."""
        # oldest first; a plain dict takes ever longer to find its first key when entries leave at the front
        self._held: Trains = OrderedDict()  # open and complete ones
        self._atomic: Trains = OrderedDict()
        self._over: list[Train] = []
        self._next_id = 1
        self._start: int | None = None
        self._now = 0
        self._scratch = Decoded()

    @property
    def held_trains(self) -> int:
        """Trains that are held."""
        return len(self._held) + len(self._atomic)

    def take(self, batch: RecordBatch, decoded: Decoded, first_packet: cython.Py_ssize_t) -> None:
        """Put the fragments of a batch to their trains and rewrite their rows of `decoded`.

        Give it every batch, with or without fragments: it keeps the time by them. Every fragment's row gets `train`,
        and the ports where they are known (both 0: not known; kind stays KIND_FRAGMENT). The row that completes a
        datagram becomes KIND_IP with `reassembled` 1, its payload in `buffer`, and `fragment_start` the index in
        `buffer` of the datagram's first byte. `first_packet` is the number in the case (from 0) of row 0.
        """
        count = batch.count
        if count and self._start is None:
            self._start = int(batch.ts[0])
        if count:
            self._now = int(batch.ts[count - 1])
        if len(self.buffer):
            self.buffer = np.zeros(0, np.uint8)
        rows = np.flatnonzero(
            (decoded.kind[:count] == KIND_FRAGMENT) | (decoded.fragment_more[:count] == FRAGMENT_ATOMIC)
        )
        if not len(rows):
            return
        # a flood opens trains by the thousand, none of them in a cycle: searching them for garbage again and again
        # costs as much as all the rest (31 against 16 us a train)
        collecting = gc.isenabled()
        gc.disable()
        try:
            self._take_rows(batch, decoded, rows, first_packet)
        finally:
            if collecting:
                gc.enable()

    def _take_rows(
        self, batch: RecordBatch, decoded: Decoded, rows: NDArray[np.int64], first_packet: cython.Py_ssize_t
    ) -> cython.int:
        """Put the fragments in `rows` to their trains."""
        keys = _keys(batch, decoded, rows)
        ties: list[Tie] = []
        done: list[tuple[int, Assembly, bytes]] = []
        nested: cython.bint
        whole: cython.bint
        at: cython.Py_ssize_t = 0
        octets = batch.data.data
        data = batch.data.data
        frame = batch.start.data
        number = batch.number.data
        file = batch.file.data
        ts = batch.ts.data
        version = decoded.version.data
        header = decoded.ip_header.data
        offset = decoded.fragment_offset.data
        more = decoded.fragment_more.data
        start = decoded.fragment_start.data
        captured = decoded.fragment_captured.data
        wire = decoded.fragment_wire.data
        ttl = decoded.ttl.data
        for row in rows.tolist():
            begin = start[row]
            ip = header[row]
            key = keys[at : at + KEY_BYTES]
            at += KEY_BYTES
            nested = False
            if version[row] == 4:
                proto = data[ip + 9]
                flags = data[ip + 6] >> 5
                length = begin - ip
            else:
                proto = data[begin - 8]
                flags = data[begin - 7] | (data[begin - 5] & 6)
                length = begin - 8 - ip
                if length > IPV6_HEADER:
                    nested = _nested_before(octets, ip, begin)
            raw = (
                number[row], file[row], first_packet + row, ts[row], begin - frame[row], offset[row], wire[row],
                captured[row], more[row] == 1, ttl[row], proto, flags, length,
            )  # fmt: skip
            piece = octets[begin : begin + captured[row]].tobytes()
            if more[row] == FRAGMENT_ATOMIC:
                assembly = self._take_atomic(key, raw, piece)
            else:
                assembly = self._find(key, raw, piece)
                if not assembly.complete:
                    whole = self._add(key, assembly, raw, piece)
                    if whole:
                        done.append((row, assembly, assembly.finish()))
            if nested:
                assembly.train.anomalies.add("nested_header")
            ties.append((row, assembly, proto))
        if done:
            self._rewrite(decoded, done)
        self._tie(decoded, ties)
        return 0

    def closed(self) -> list[Train]:
        """Trains that are over since the last call: timed out, replaced, or given up for want of memory."""
        limit = self._now - SLACK_NS
        for table in (self._held, self._atomic):
            while table:
                key = next(iter(table))
                if table[key].deadline >= limit:
                    break
                self._close(table, key)
        over = self._over
        self._over = []
        return over

    def finish(self) -> list[Train]:
        """The capture is over: all trains that are left."""
        for table in (self._held, self._atomic):
            for key in list(table):
                assembly = table[key]
                assembly.train.at_end = self._now <= assembly.deadline
                self._close(table, key)
        return self.closed()

    def _find(self, key: Key, raw: Raw, piece: bytes) -> Assembly:
        """The train of a fragment; if it comes back complete, the fragment is in it already."""
        assembly = self._held.get(key)
        reused = False
        if assembly is not None:
            if self._stale(assembly, raw):
                self._close(self._held, key)
            elif not assembly.complete:
                return assembly
            elif assembly.brings_nothing(raw, piece):
                self._charge(assembly, FRAGMENT_COST if assembly.count <= FRAGMENTS_KEPT else 0)
                return assembly
            else:
                # an id is unique together with the protocol (RFC 6864, section 4)
                reused = raw[RAW_PROTO] == assembly.proto
                self._close(self._held, key)
        assembly = self._open(self._held, key, raw)
        if reused:
            assembly.train.anomalies.add("id_reuse")
        return assembly

    def _stale(self, assembly: Assembly, raw: Raw) -> cython.bint:
        """Whether a fragment comes too late for a train, or so much too early that the clock was set anew."""
        return raw[RAW_TS] > assembly.deadline or raw[RAW_TS] < assembly.train.first_ns - self.timeout_ns

    def _add(self, key: Key, assembly: Assembly, raw: Raw, piece: bytes) -> cython.bint:
        """Put a fragment to an open train; gives whether its datagram is complete now."""
        ranges = len(assembly.ranges)
        filled = assembly.filled
        complete = assembly.add(raw, piece)
        listed = assembly.count <= FRAGMENTS_KEPT or len(assembly.ranges) > ranges
        self._charge(assembly, assembly.filled - filled + (FRAGMENT_COST if listed else 0))
        if complete:
            # from here on it is kept only to know repetitions by; its place in the order is that of its completion
            assembly.deadline = raw[RAW_TS] + self.timeout_ns
            self._held.move_to_end(key)
        return complete

    def _take_atomic(self, key: Key, raw: Raw, piece: bytes) -> Assembly:
        """An atomic fragment is a datagram by itself, whatever else has its id (RFC 6946, section 4)."""
        assembly = self._atomic.get(key)
        if assembly is not None and self._stale(assembly, raw):
            self._close(self._atomic, key)
            assembly = None
        if assembly is None:
            assembly = self._open(self._atomic, key, raw)
            assembly.add(raw, piece)
            assembly.finish()
            assembly.train.anomalies.add("atomic")
            self._charge(assembly, FRAGMENT_COST + len(piece))
        else:
            assembly.note(raw)
            self._charge(assembly, FRAGMENT_COST if assembly.count <= FRAGMENTS_KEPT else 0)
        return assembly

    def _open(self, table: Trains, key: Key, raw: Raw) -> Assembly:
        ts = raw[RAW_TS]
        src, dst, number, context, interface, version = KEY_PARTS.unpack(key)
        train = Train(self._next_id, version, src, dst, raw[RAW_PROTO], number, context, interface, ts, ts)
        start = self._start if self._start is not None else ts
        train.at_start = ts - start <= self.timeout_ns
        self._next_id += 1
        assembly = Assembly(train, ts + self.timeout_ns)
        table[key] = assembly
        self._charge(assembly, TRAIN_COST)
        return assembly

    def _charge(self, assembly: Assembly, cost: cython.Py_ssize_t) -> cython.int:
        """Hold `cost` bytes more for a train; give up the oldest others while that is too much."""
        assembly.cost += cost
        self.held_bytes += cost
        while self.held_bytes > self.bytes_max or len(self._held) + len(self._atomic) > self.trains_max:
            if not self._evict(assembly):
                break
        return 0

    def _evict(self, keep: Assembly) -> cython.bint:
        """Give up the oldest train but `keep` (atomic ones last); gives whether there was one."""
        for table in (self._held, self._atomic):
            for key, assembly in table.items():
                if assembly is keep:
                    continue
                if not assembly.complete:
                    assembly.train.evicted = True
                    self.dropped_trains += 1
                    self.dropped_bytes += assembly.filled
                self._close(table, key)
                return True
        return False

    def _close(self, table: Trains, key: Key) -> None:
        assembly = table.pop(key)
        self.held_bytes -= assembly.cost
        self._over.append(assembly.close())

    def _rewrite(self, decoded: Decoded, done: list[tuple[int, Assembly, bytes]]) -> None:
        """Read the headers of complete datagrams and make their rows those of whole packets."""
        count = len(done)
        scratch = self._scratch
        for column in fields(scratch):
            getattr(scratch, column.name)[:count] = 0
        parts: list[bytes] = []
        at: list[int] = []
        starts: list[int] = []
        wire_stops: list[int] = []
        size = 0
        for _, assembly, datagram in done:
            train = assembly.train
            header = _header(train, assembly.proto, train.total or 0)
            at.append(size)
            size += len(header)
            starts.append(size)
            wire_stops.append(size + (train.total or 0))
            size += len(datagram)
            parts.append(header)
            parts.append(datagram)
        at.append(size)
        self.buffer = np.frombuffer(b"".join(parts), np.uint8)
        begins = np.array(at, np.int64)
        Reader(self.buffer, begins[:count], begins[1:], np.array(wire_stops, np.int64), scratch).run(0, count)
        # others have a transport header that does not hold together, or are fragmented once more
        whole = np.flatnonzero(scratch.kind[:count] == KIND_IP)
        rows = np.array([row for row, _, _ in done], np.int64)[whole]
        for name in WHOLE_COLUMNS:
            getattr(decoded, name)[rows] = getattr(scratch, name)[whole]
        decoded.kind[rows] = KIND_IP
        decoded.reassembled[rows] = 1
        decoded.fragment_start[rows] = np.array(starts, np.int64)[whole]
        protos = scratch.proto[:count].tolist()
        for i in whole.tolist():
            _, assembly, datagram = done[i]
            train = assembly.train
            train.proto = protos[i]
            if train.sport is None and train.proto in PORTS and assembly.ports_at(datagram) >= 0:
                train.sport = int(scratch.sport[i])
                train.dport = int(scratch.dport[i])

    def _tie(self, decoded: Decoded, ties: list[Tie]) -> cython.int:
        """Write the train's id, and its ports if they are known by now, into the rows of its fragments."""
        kind = decoded.kind.data
        proto = decoded.proto.data
        sport = decoded.sport.data
        dport = decoded.dport.data
        column = decoded.train.data
        for row, assembly, own in ties:
            train = assembly.train
            column[row] = train.id
            # bytes of another protocol are left out of the train's datagram
            if kind[row] == KIND_FRAGMENT and (train.version == 6 or own == assembly.proto):
                proto[row] = train.proto
                if train.sport is not None and train.dport is not None:
                    sport[row] = train.sport
                    dport[row] = train.dport
        return 0


def _keys(batch: RecordBatch, decoded: Decoded, rows: NDArray[np.int64]) -> bytes:
    """The keys of all fragments, one behind the other."""
    keys = np.empty(len(rows), KEY)
    keys["src"][:, 0] = decoded.src_hi[rows]
    keys["src"][:, 1] = decoded.src_lo[rows]
    keys["dst"][:, 0] = decoded.dst_hi[rows]
    keys["dst"][:, 1] = decoded.dst_lo[rows]
    keys["id"] = decoded.fragment_id[rows]
    keys["context"] = decoded.context[rows]
    keys["interface"] = batch.interface[rows]
    keys["version"] = decoded.version[rows]
    return keys.tobytes()


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


def _header(train: Train, proto: int, total: int) -> bytes:
    """An IP header without options for a datagram of `total` bytes."""
    if train.version == 4:
        length = (20 + total).to_bytes(2, "big")
        return b"\x45\x00" + length + b"\x00\x00\x00\x00\x40" + bytes((proto, 0, 0)) + train.src[12:] + train.dst[12:]
    return b"\x60\x00\x00\x00" + total.to_bytes(2, "big") + bytes((proto, 64)) + train.src + train.dst
