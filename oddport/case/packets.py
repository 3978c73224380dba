"""Packet blocks of a case → pages of the packets of a flow, and single packets, in well under a millisecond a page.

A block stays packed in memory (about 1 MB); only the rows of a page are unpacked. Which blocks a flow has packets in is
known from `flow.first_packet` and `flow_block`, how many in each from there and from the first block.
"""

import json
import sqlite3
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oddport.case.blocks import COLUMNS, Unpacked
from oddport.case.model import PacketRow
from oddport.engine.columns import (
    BLOCK,
    INNER_PACKET,
    PACKET_BACK,
    PACKET_FRAGMENT,
    PACKET_PAYLOAD,
    PACKET_REPEAT,
    PACKET_UNREAD,
)

if TYPE_CHECKING:
    from oddport.case.packet_filter import Test

BLOCKS_KEPT = 16
"""Packed blocks in memory: 16 to 20 MB."""


@dataclass(frozen=True, slots=True)
class Block:
    """A packed block."""

    number: int
    first: int
    count: int
    numbers: dict[int, int]
    """File → 1-based number in that file of its first packet here."""
    unpacked: Unpacked
    blobs: dict[str, bytes]
    inner: NDArray[np.void]
    """Packets inside tunnels, dtype INNER_PACKET, by row."""

    def take(self, name: str, rows: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """A column, or some rows of it."""
        return self.unpacked.take(name, self.blobs, rows)

    def rows_of(self, flow: int) -> NDArray[np.intp]:
        """Rows of the packets of a flow, ascending."""
        inside = self.inside(flow)
        if len(inside):
            return inside["row"].astype(np.intp)
        return self.unpacked.rows_equal("flow", self.blobs, flow)

    def inside(self, flow: int) -> NDArray[np.void]:
        """Its packets, where they were found in a tunnel."""
        found: NDArray[np.void] = self.inner[self.inner["flow"] == flow]
        return found

    def rows_of_file(self, file: int) -> NDArray[np.intp]:
        """Rows of the packets of a file, ascending."""
        return self.unpacked.rows_equal("file", self.blobs, file)

    def numbers_of(self, rows: NDArray[np.intp], files: list[int]) -> list[int]:
        """1-based numbers in their files of the packets in these rows."""
        numbers = np.zeros(len(rows), np.int64)
        of_rows = np.array(files)
        for file in set(files):
            mine = of_rows == file
            numbers[mine] = np.searchsorted(self.rows_of_file(file), rows[mine]) + self.numbers.get(file, 1)
        return [int(number) for number in numbers]


class Packets:
    """Reads packets of one case. Safe to use from any thread; the connection comes from the caller."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: OrderedDict[int, Block] = OrderedDict()

    def of_flow(self, connection: sqlite3.Connection, flow: int, offset: int, limit: int) -> list[PacketRow]:
        """At most `limit` packets of a flow from the `offset`-th (0-based) on, in order of reading."""
        found: list[PacketRow] = []
        before = 0
        for number, known in self._blocks_of(connection, flow):
            start = offset + len(found) - before
            if known is not None and start >= known:
                before += known
                continue
            block = self._block(connection, number)
            if block is None:
                continue  # not written yet
            rows = block.rows_of(flow)
            part = slice(start, start + limit - len(found))
            found.extend(_unpack(connection, block, rows[part], block.inside(flow)[part]))
            before += len(rows)
            if len(found) >= limit:
                break
        return found

    def of_flows(
        self, connection: sqlite3.Connection, flows: NDArray[np.int64], block_id: int, first: int, limit: int
    ) -> list[PacketRow]:
        """At most `limit` packets of any of these flows in one block, from its row `first` on, in order of reading."""
        block = self._block(connection, block_id)
        if block is None:
            return []
        mine = np.flatnonzero(np.isin(block.take("flow").astype(np.int64), flows))
        return _unpack(connection, block, mine[np.searchsorted(mine, first) :][:limit])

    def count_of_flow(self, connection: sqlite3.Connection, flow: int) -> int:
        """Packets of a flow that `of_flow` can give."""
        total = 0
        for number, known in self._blocks_of(connection, flow):
            if known is None:
                block = self._block(connection, number)
                known = 0 if block is None else len(block.rows_of(flow))
            total += known
        return total

    def place_in_flow(self, connection: sqlite3.Connection, packet: PacketRow) -> int:
        """The 0-based place of a packet among those of its flow: the `offset` at which `of_flow` begins with it."""
        before = 0
        for number, known in self._blocks_of(connection, packet.flow):
            if number < packet.packet // BLOCK and known is not None:
                before += known
                continue
            block = self._block(connection, number)
            if block is not None:
                before += int(np.searchsorted(block.rows_of(packet.flow), packet.packet - block.first))
            if number >= packet.packet // BLOCK:
                break
        return before

    def in_block(
        self, connection: sqlite3.Connection, block_id: int, rows: slice | NDArray[np.intp]
    ) -> list[PacketRow]:
        """Packets of a block by their rows, as far as there are such."""
        block = self._block(connection, block_id)
        if block is None:
            return []
        wanted = np.arange(block.count)[rows] if isinstance(rows, slice) else rows[rows < block.count]
        return _unpack(connection, block, wanted)

    def that_meet(self, connection: sqlite3.Connection, block_id: int, test: "Test") -> NDArray[np.uint16]:
        """Rows of a block whose packets meet a test, ascending. The block is not kept: a search goes through all."""
        if not test.may_meet(block_id * BLOCK, BLOCK):
            return np.zeros(0, np.uint16)
        with self._lock:
            block = self._blocks.get(block_id)
        block = block or load_block(connection, block_id)
        return np.flatnonzero(test(block)).astype(np.uint16) if block is not None else np.zeros(0, np.uint16)

    def packet(self, connection: sqlite3.Connection, number: int) -> PacketRow | None:
        """A packet by its 0-based number in the case."""
        block = self._block(connection, number // BLOCK) if number >= 0 else None
        if block is None or number - block.first >= block.count:
            return None
        return _unpack(connection, block, np.array([number - block.first], np.intp))[0]

    def packet_of_file(self, connection: sqlite3.Connection, file: int, number: int) -> PacketRow | None:
        """A packet by its 1-based number in its file."""
        chosen, first = None, 0
        for block_id, text in connection.execute("SELECT id, numbers FROM packet_block ORDER BY id"):
            begins = json.loads(text).get(str(file))
            if begins is not None:
                if begins > number:
                    break
                chosen, first = block_id, begins
        block = None if chosen is None else self._block(connection, chosen)
        if block is None:
            return None
        rows = block.rows_of_file(file)
        place = number - first
        return _unpack(connection, block, rows[place : place + 1])[0] if place < len(rows) else None

    def _blocks_of(self, connection: sqlite3.Connection, flow: int) -> list[tuple[int, int | None]]:
        """(block, packets of the flow in it) in order; None where that is known to the block alone."""
        row = connection.execute("SELECT first_packet FROM flow WHERE id = ?", (flow,)).fetchone()
        listed: dict[int, int | None] = dict(
            connection.execute("SELECT block, packets FROM flow_block WHERE flow = ?", (flow,)).fetchall()
        )
        if row is not None:
            listed.setdefault(row[0] // BLOCK, None)
        return sorted(listed.items())

    def _block(self, connection: sqlite3.Connection, number: int) -> Block | None:
        row = connection.execute("SELECT count FROM packet_block WHERE id = ?", (number,)).fetchone()
        if row is None:
            return None
        with self._lock:
            block = self._blocks.get(number)
            if block is not None and block.count == row[0]:
                self._blocks.move_to_end(number)
                return block
        block = load_block(connection, number)
        if block is not None:
            with self._lock:
                self._blocks[number] = block
                while len(self._blocks) > BLOCKS_KEPT:
                    self._blocks.popitem(last=False)
        return block


def load_block(connection: sqlite3.Connection, number: int) -> Block | None:
    """A block as it is stored now; None where it is not written yet."""
    row = connection.execute(
        f"SELECT first, count, numbers, layout, {','.join(COLUMNS)} FROM packet_block WHERE id = ?", (number,)
    ).fetchone()
    if row is None:
        return None
    first, count, numbers, layout, *blobs = row
    inner = connection.execute("SELECT packets FROM inner_block WHERE block = ?", (number,)).fetchone()
    return Block(
        number,
        first,
        count,
        {int(file): begins for file, begins in json.loads(numbers).items()},
        Unpacked(layout, count),
        dict(zip(COLUMNS, blobs, strict=True)),
        np.frombuffer(b"" if inner is None else inner[0], INNER_PACKET),
    )


def _unpack(
    connection: sqlite3.Connection, block: Block, rows: NDArray[np.intp], inside: NDArray[np.void] | None = None
) -> list[PacketRow]:
    """Packets of a block; `inside`: those in the same rows that lie in a tunnel, and are meant."""
    if not len(rows):
        return []
    columns = {name: block.take(name, rows).tolist() for name in COLUMNS}
    if inside is not None and len(inside):
        columns.update({name: inside[name].tolist() for name in ("flow", "flags", "info")})
    links = {
        interface: link
        for interface in set(columns["interface"])
        for (link,) in connection.execute("SELECT link FROM interface WHERE id = ?", (interface,))
    }
    numbers = block.numbers_of(rows, columns["file"])
    return [
        PacketRow(
            packet=block.first + row,
            number=number,
            file=file,
            interface=interface,
            link=links.get(interface, -1),
            ts=ts,
            offset=offset,
            caplen=caplen,
            wirelen=wirelen,
            flow=flow,
            flags=flags,
            back=bool(info & PACKET_BACK),
            fragment=bool(info & PACKET_FRAGMENT),
            unread=bool(info & PACKET_UNREAD),
            repeat=bool(info & PACKET_REPEAT),
            payload=bool(info & PACKET_PAYLOAD),
        )
        for row, number, flow, ts, offset, caplen, wirelen, flags, info, file, interface in zip(
            rows.tolist(), numbers, *(columns[name] for name in COLUMNS), strict=True
        )
    ]
