"""Decoded batches → the same with the packets that lie in tunnels, each a row behind that of the packet around it.

A level is what one look into tunnels finds: packets inside the packets of the level before. Inside as outside,
fragments are put together, by a FragmentTable for each level.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.engine.batch import KIND_IP, Decoded, RecordBatch
from oddport.engine.carriers import Opener
from oddport.engine.decode import Reader
from oddport.engine.fragments import FragmentTable
from oddport.engine.trains import TrainBatch

DEPTH = 4
"""Tunnels in one another that are opened, unless a setting says otherwise."""
DEPTH_MOST = 8
TRAINS_MAX = 8_192
BYTES_MAX = 8 << 20
"""Of the fragments of one level inside tunnels."""
LEVEL_BITS = 28
"""Trains of a level are numbered from its number shifted by so many bits."""
_NO_BYTES = np.zeros(0, np.uint8)
_FED = (
    "kind", "version", "proto", "src_hi", "src_lo", "dst_hi", "dst_lo", "sport", "dport", "context", "payload",
    "payload_captured", "payload_wire", "seq", "ack", "flags", "fragment_start", "ip_header", "reassembled", "train",
)  # fmt: skip
"""Columns of Decoded that a FlowTable reads."""
_SHARED = ("caplen", "ts", "offset", "number", "file", "interface", "link")
"""Columns of RecordBatch that are the same on every level."""


@dataclass(frozen=True, slots=True)
class Inside:
    """Where a flow lies that was found in a tunnel."""

    parent: int
    """Id of the flow whose packets carry it."""
    tunnel: tuple[str, ...]
    """What each tunnel is, outermost first: `vxlan vni 42`."""


@dataclass(slots=True)
class Level:
    """Packets of one depth; row i lies in packet i of the batch."""

    batch: RecordBatch
    decoded: Decoded
    buffer: NDArray[np.uint8]
    """What rows with `reassembled` 1 point into."""
    kind: NDArray[np.uint8]
    number: NDArray[np.uint32]
    """Of the tunnel that a row lies in."""
    fragments: bool = False


@dataclass(frozen=True, slots=True)
class Woven:
    """What a FlowTable is fed: the rows of all levels, those of a packet in the order of their depth."""

    batch: RecordBatch
    decoded: Decoded
    joined: NDArray[np.uint8]
    in_case: NDArray[np.uint32]
    """Number of each row's packet in the case."""
    row: NDArray[np.int64]
    """The packet of the batch that each row is, or lies in."""
    level: NDArray[np.int64]
    kind: NDArray[np.uint8]
    number: NDArray[np.uint32]


class Tunnels:
    """Opens the tunnels of one capture, batch by batch."""

    def __init__(self, depth: int = DEPTH) -> None:
        """depth: how many tunnels in one another are opened, 0 to DEPTH_MOST."""
        if not 0 <= depth <= DEPTH_MOST:
            raise ValueError(f"{depth} tunnels in one another: 0 to {DEPTH_MOST} can be opened")
        self.inside: dict[int, Inside] = {}
        """Flow id → where it lies, of the flows that were found in tunnels; who is done with one takes it out."""
        self._depth = depth
        self._trains: dict[int, FragmentTable] = {}
        """By level; made when the first fragment is met."""
        self._decoded: list[Decoded] = []
        """Of the levels inside, used again for each batch."""
        self._levels: list[Level] = []
        self._begun = 0

    def weave(self, batch: RecordBatch, decoded: Decoded, buffer: NDArray[np.uint8], first: int) -> Woven | None:
        """The batch's rows with those inside of them; None where no tunnel is. `buffer`: of the outer fragments;
        `first`: number of row 0 in the case. Give it every batch: it keeps the time by them."""
        count = batch.count
        if first == 0 and count:
            self._begun = int(batch.ts[0])
        self._levels = [Level(batch, decoded, buffer, _NO_BYTES, _NO_BYTES.astype(np.uint32))]
        while len(self._levels) <= self._depth:
            level = self._next(self._levels[-1], len(self._levels), first)
            if level is None:
                break
            self._levels.append(level)
        for number, table in self._trains.items():
            if number >= len(self._levels):
                table.pass_time(batch)
        return self._woven(first) if len(self._levels) > 1 else None

    def note(self, woven: Woven, flow: NDArray[Any], before: int) -> None:
        """Take note of the flows that were opened inside, and of those that the trains inside belong to.

        flow: of each woven row. before: the highest id of a flow before the batch.
        """
        fresh = np.flatnonzero((woven.level > 0) & (flow > before))
        ids, at = np.unique(flow[fresh], return_index=True)
        for own, row in zip(ids.tolist(), fresh[at].tolist(), strict=True):
            parent = int(flow[row - 1])
            around = self.inside.get(parent)
            words = tunnel_words(int(woven.kind[row]), int(woven.number[row]), int(woven.decoded.version[row - 1]))
            self.inside[own] = Inside(parent, (*(around.tunnel if around else ()), words))
        for number, level in enumerate(self._levels):
            if number and level.fragments:
                of_level = np.zeros(level.batch.count, np.uint32)
                mine = woven.level == number
                of_level[woven.row[mine]] = flow[mine]
                self._trains[number].tie(of_level)

    def trains(self) -> Iterator[TrainBatch]:
        """Trains inside tunnels that are over since the last call."""
        for table in self._trains.values():
            yield table.closed()

    def last_trains(self) -> Iterator[TrainBatch]:
        """The capture is over: all trains that are left."""
        for table in self._trains.values():
            yield table.finish()

    @property
    def dropped_trains(self) -> int:
        """Incomplete trains that were given up for want of memory."""
        return sum(table.dropped_trains for table in self._trains.values())

    def _next(self, outer: Level, number: int, first: int) -> Level | None:
        """The packets inside those of a level, None where there are none."""
        if number > len(self._decoded):
            self._decoded.append(Decoded())
        level = look_inside(outer, self._decoded[number - 1])
        if level is not None and (level.fragments or number in self._trains):
            table = self._table(number)
            table.take(level.batch, level.decoded, first)
            level.buffer = table.buffer
        return level

    def _table(self, number: int) -> FragmentTable:
        table = self._trains.get(number)
        if table is None:
            table = FragmentTable(trains_max=TRAINS_MAX, bytes_max=BYTES_MAX, before=number << LEVEL_BITS)
            table.begin(self._begun)
            self._trains[number] = table
        return table

    def _woven(self, first: int) -> Woven:
        """One batch of all levels."""
        outermost, count = self._levels[0].batch, self._levels[0].batch.count
        rows = [np.arange(count)]
        rows += [np.flatnonzero(each.decoded.kind[:count] > 0) for each in self._levels[1:]]
        row = np.concatenate(rows)
        level = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
        order = np.argsort(row, kind="stable")
        row, level = row[order], level[order]

        def gathered(columns: list[NDArray[Any]]) -> NDArray[Any]:
            return np.concatenate([column[at] for column, at in zip(columns, rows, strict=True)])[order]

        decoded = Decoded(**{name: gathered([getattr(each.decoded, name) for each in self._levels]) for name in _FED})
        # the buffers one behind the other
        ends = np.cumsum([len(each.buffer) for each in self._levels])
        shift = np.where(decoded.reassembled == 1, np.concatenate(([0], ends[:-1]))[level], 0)
        decoded.payload += shift
        decoded.fragment_start += shift
        batch = RecordBatch(
            data=self._levels[-1].batch.data,
            count=len(row),
            start=gathered([each.batch.start for each in self._levels]),
            wirelen=gathered([each.batch.wirelen for each in self._levels]),
            **{name: getattr(outermost, name)[row] for name in _SHARED},
        )
        none = np.zeros(count, np.uint32)
        return Woven(
            batch,
            decoded,
            np.concatenate([each.buffer for each in self._levels]),
            (row + first).astype(np.uint32),
            row,
            level,
            gathered([none.astype(np.uint8), *(each.kind for each in self._levels[1:])]),
            gathered([none, *(each.number for each in self._levels[1:])]),
        )


def look_inside(outer: Level, decoded: Decoded) -> Level | None:
    """The packets inside those of a level, with their headers in `decoded`; None where there are none."""
    around, count = outer.decoded, outer.batch.count
    rows = np.flatnonzero(around.carrier[:count] > 0)
    rows = rows[around.kind[rows] == KIND_IP]
    if not len(rows):
        return None
    data, base = outer.batch.data, 0
    joined = around.reassembled[rows] == 1
    if joined.any():
        base = len(data)
        data = np.concatenate((data, outer.buffer))
    for column in fields(decoded):
        getattr(decoded, column.name)[:count] = 0
    at = np.full(count, -1, np.int64)
    stop, wire_stop, kind = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.uint8)
    wirelen, ids = np.zeros(count, np.uint32), np.zeros(count, np.uint32)
    batch = replace(outer.batch, data=data, start=outer.batch.start.copy(), wirelen=wirelen)
    opener = Opener(data, base, batch, around, at, stop, wire_stop, decoded.context, wirelen, kind, ids)
    if not opener.run(rows):
        return None
    fragments = Reader(data, at, stop, wire_stop, decoded).run(0, count)
    # what lies in a datagram that was put together has its place there, not in a frame
    batch.start[rows[joined]] = around.fragment_start[rows[joined]] + base
    kept = rows[(around.reassembled[rows] > 0) & (decoded.kind[rows] != 0)]
    decoded.reassembled[kept] = 2
    decoded.train[kept] = around.train[kept]
    return Level(batch, decoded, _NO_BYTES, kind, ids, bool(fragments))


def at_depth(batch: RecordBatch, decoded: Decoded, depth: int) -> Decoded:
    """Headers of the packets that lie `depth` tunnels deep in those of a batch, row by row; nothing is put together."""
    level = Level(batch, decoded, _NO_BYTES, _NO_BYTES, _NO_BYTES.astype(np.uint32))
    for _ in range(depth):
        inner = look_inside(level, Decoded())
        if inner is None:
            return Decoded()
        level = inner
    return level.decoded


def tunnel_words(kind: int, number: int, version: int) -> str:
    """What a tunnel is called. kind: by carriers.py; number: its id there; version: of IP around it."""
    match kind:
        case 1:
            return "ipip" if version == 4 else "4in6"
        case 2:
            return "6in4" if version == 4 else "6in6"
        case 3:
            return f"gre key {number}" if number else "gre"
        case 4:
            return f"l2tpv3 session {number}"
        case 5:
            return f"vxlan vni {number}"
        case 6:
            return f"geneve vni {number}"
        case 7:
            return f"gtp-u teid 0x{number:08x}"
        case 8:
            return "teredo"
        case 9:
            return f"l2tp tunnel {number >> 16} session {number & 0xFFFF}"
        case _:
            return f"erspan session {number}"
