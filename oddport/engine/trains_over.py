"""Rows of words of trains that are over → a TrainBatch."""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from oddport.engine import train_layout as layout
from oddport.engine.reassembly import Assembly, Raw
from oddport.engine.trains import FRAGMENT, TRAIN, Train, TrainBatch, train_rows

_ID_BITS = 32


@dataclass(slots=True)
class Kept:
    """What is kept of the plain trains that became complete in one batch, as long as one of them is held."""

    fragments: NDArray[np.void]
    """dtype FRAGMENT: one train's behind the other's."""
    buffer: NDArray[np.uint8]
    live: int
    """Trains that need it."""

    def fragments_of(self, row: NDArray[np.int64]) -> Iterator[tuple[Raw, bytes]]:
        """Fragments and bytes of one of the trains."""
        first, at = int(row[layout.PIECE]), int(row[layout.AT])
        for raw in self.fragments[first : first + int(row[layout.COUNT])].tolist():
            yield raw, self.buffer[at : at + raw[6]].tobytes()
            at += raw[6]


def train_of(row: NDArray[np.int64]) -> Train:
    """The train of a row, without its fragments."""
    words = row.tolist()
    where = words[layout.WHERE]
    key = row[: layout.ID].astype(">i8").tobytes()
    return Train(
        words[layout.NUMBER], where & 0xFF, key[:16], key[16:], words[layout.PROTO],
        words[layout.ID] & 0xFFFFFFFF, (words[layout.ID] >> _ID_BITS) & 0xFFFFFFFF, where >> 16,
        words[layout.FIRST_NS], words[layout.FIRST_NS], at_start=bool(words[layout.NOTES] & layout.AT_START),
    )  # fmt: skip


def train_batch(
    order: NDArray[np.int64],
    rows: NDArray[np.int64],
    odd: MutableMapping[int, Assembly],
    kept: MutableMapping[int, Kept],
) -> TrainBatch:
    """The trains of these rows, whose slots are `order`. Takes odd ones out of `odd`, and out of `kept` what nobody
    needs any more."""
    trains = _plain_rows(rows)
    special: dict[int, Train] = {}
    for at in np.flatnonzero(rows[:, layout.ROAD] == layout.ODD).tolist():
        assembly, notes = odd.pop(int(order[at])), int(rows[at, layout.NOTES])
        assembly.train.at_end = bool(notes & layout.AT_END)
        assembly.train.evicted = bool(notes & layout.EVICTED)
        special[at] = assembly.close()
    if special:
        trains[list(special)] = train_rows(list(special.values()))
    trains["flow"] = rows[:, layout.FLOW]
    trains["first"] = np.cumsum(trains["listed"]) - trains["listed"]
    fragments = _fragments(rows, special, kept)
    plain = rows[rows[:, layout.ROAD] == layout.PLAIN_DONE]
    numbers, counts = np.unique(plain[:, layout.KEPT], return_counts=True)
    buffers = {number: kept[number].buffer for number in numbers.tolist()}
    for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        let_go(kept, number, count)
    return TrainBatch(trains, fragments, special, buffers, rows[:, [layout.KEPT, layout.AT]])


def let_go(kept: MutableMapping[int, Kept], number: int, count: int) -> None:
    """`count` trains do not need what is kept of a batch any more."""
    kept[number].live -= count
    if not kept[number].live:
        del kept[number]


def _plain_rows(rows: NDArray[np.int64]) -> NDArray[np.void]:
    """Rows of TRAIN, as far as they can be told of plain trains."""
    trains = np.zeros(len(rows), TRAIN)
    ends = np.ascontiguousarray(rows[:, : layout.ID].astype(">i8")).view("V16")
    where, number, ports = rows[:, layout.WHERE], rows[:, layout.ID], rows[:, layout.PORTS]
    trains["id"] = rows[:, layout.NUMBER]
    trains["version"] = where & 0xFF
    trains["proto"] = rows[:, layout.PROTO]
    trains["src"], trains["dst"] = ends[:, 0], ends[:, 1]
    trains["ip_id"] = number & 0xFFFFFFFF
    trains["context"] = number >> _ID_BITS & 0xFFFFFFFF
    trains["interface"] = where >> 16
    trains["first_ns"] = rows[:, layout.FIRST_NS]
    trains["last_ns"] = rows[:, layout.LAST_NS]
    trains["count"] = trains["listed"] = rows[:, layout.COUNT]
    trains["complete"] = True
    trains["total"] = trains["reassembled"] = rows[:, layout.FILLED]
    trains["sport"] = ports >> 16
    trains["dport"] = np.where(ports < 0, -1, ports & 0xFFFF)
    trains["anomalies"] = rows[:, layout.ODDITIES]
    trains["at_start"] = rows[:, layout.NOTES] & layout.AT_START != 0
    trains["at_end"] = rows[:, layout.NOTES] & layout.AT_END != 0
    return trains


def _fragments(rows: NDArray[np.int64], special: dict[int, Train], kept: MutableMapping[int, Kept]) -> NDArray[np.void]:
    """Those of all trains. Trains that became complete one after the other have theirs side by side already."""
    if not len(rows):
        return np.zeros(0, FRAGMENT)
    piece, stop, number = rows[:, layout.PIECE], rows[:, layout.PIECE] + rows[:, layout.COUNT], rows[:, layout.KEPT]
    apart = np.ones(len(rows), bool)
    apart[1:] = (piece[1:] != stop[:-1]) | (number[1:] != number[:-1])
    if special:
        odd = np.array(list(special))
        apart[odd] = True
        apart[odd[odd + 1 < len(rows)] + 1] = True
    borders = [*np.flatnonzero(apart).tolist(), len(rows)]
    parts: list[NDArray[np.void]] = []
    for first, behind in pairwise(borders):
        if first in special:
            parts.append(np.array(special[first].fragments, FRAGMENT))
        else:
            parts.append(kept[int(number[first])].fragments[int(piece[first]) : int(stop[behind - 1])])
    return np.concatenate(parts)
