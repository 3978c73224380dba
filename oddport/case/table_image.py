"""Columns → an SQLite database in memory with one table, whose rows SQLite then copies into the case as they are.

Between two tables of the same declaration, `INSERT … SELECT *` copies records without taking them apart, which costs
two fifths of binding their values one by one (`benchmarks/case.py`). It stays SQLite that writes the case: pages, log
and locks are its own. Formats: https://www.sqlite.org/fileformat2.html, sections 1.3 (header), 1.6 (pages) and 2.1
(records).
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

PAGE = 65_536
"""Bytes of a page; the largest there is."""
LARGEST_ROW = 32_000
"""Bytes of all values of any length of a row that surely lies on one page; others have to be put in another way."""
TAILS = 2
"""Columns of values of any length: their serial types, of up to 3 bytes each, are written as one number of 8."""
_ROOT = 2
"""Page of the table's root: the first one holds the schema."""
_PAGE_COUNT = slice(28, 32)
_LEAF, _INTERIOR = 13, 5
_LEAF_HEADER, _INTERIOR_HEADER = 8, 12
_PREFIX = 8
"""Bytes of a cell before its record: size in a varint of 3 bytes, row id in one of 5."""
_BLOB, _TEXT = 12, 13
"""Serial types of a blob and of a text of 0 bytes; each byte adds 2."""
_INTEGERS = ((8, 1, 1), (16, 2, 2), (24, 3, 3), (32, 4, 4), (48, 6, 5), (64, 8, 6))
"""Bits, bytes, serial type."""
_ZERO, _ONE = 8, 9
"""Serial types of these two integers, which take no byte."""
_NULL = 0


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column: integers of up to 64 bits with a sign, or blobs of one length; None is NULL in every row."""

    values: NDArray[Any] | None
    others: NDArray[Any] | None = None
    """What stands in the rows that `other` marks."""
    other: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """A column of values of any length, in these rows; NULL in the others. All of a row have at most LARGEST_ROW."""

    rows: NDArray[np.intp]
    values: Sequence[bytes]
    is_text: bool
    """ASCII; else blobs."""
    sizes: NDArray[np.int64] = field(init=False)
    """Of the values, bytes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", np.fromiter(map(len, self.values), np.int64, len(self.values)))

    @property
    def longest(self) -> int:
        """Bytes of the longest value."""
        return int(self.sizes.max()) if len(self.sizes) else 0


def database(template: bytes, ids: NDArray[np.uint32], columns: Sequence[Column], tails: Sequence[Tail]) -> bytearray:
    """A database whose table has these rows. `template`: see `empty_table`.

    ids: ascending and different, n ≥ 1. columns: those between the row id and the tails, in the order of the table.
    tails: the last columns, at most TAILS.
    """
    sizes = np.zeros((len(tails), len(ids)), np.int64)
    serials = np.zeros((len(tails), len(ids)), np.int64)
    kinds = np.zeros(len(ids), np.int64)
    for size, serial, tail in zip(sizes, serials, tails, strict=True):
        size[tail.rows] = tail.sizes
        serial[tail.rows] = (_TEXT if tail.is_text else _BLOB) + 2 * tail.sizes
        kinds = kinds * 4 + _varint_bytes(serial)
    for column in columns:
        if column.other is not None:
            kinds = kinds * 2 + column.other
    cells = sizes.sum(axis=0)
    parts: list[tuple[NDArray[np.intp], NDArray[np.void]]] = []
    for kind in np.unique(kinds).tolist():
        rows = np.flatnonzero(kinds == kind)
        part = _fixed_part(ids[rows], [_values(column, rows) for column in columns], serials[:, rows], cells[rows])
        cells[rows] += part.dtype.itemsize
        parts.append((rows, part))
    image, places = _pages(template, ids, cells)
    for rows, part in parts:
        # an item at every byte, each overlapping the next ones
        at_any = np.ndarray((len(image) - part.dtype.itemsize + 1,), part.dtype, image, 0, (1,))
        at_any[places[rows]] = part
    ends = places + cells
    for size, tail in zip(sizes[::-1], tails[::-1], strict=True):
        for end, value in zip(ends[tail.rows].tolist(), tail.values, strict=True):
            image[end - len(value) : end] = value
        ends -= size
    return image


def empty_table(declaration: str) -> bytes:
    """A database with this table and nothing in it; the form of all that `database` gives."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size={PAGE}")
        connection.execute(declaration)
        return connection.serialize()
    finally:
        connection.close()


def _values(column: Column, rows: NDArray[np.intp]) -> NDArray[Any] | None:
    """Of rows that are all of one kind."""
    is_other = column.other is not None and bool(column.other[rows[0]])
    values = column.others if is_other else column.values
    return None if values is None else values[rows]


def _serial(values: NDArray[Any] | None) -> tuple[int, int]:
    """Serial type that suits all values, and the bytes that each takes."""
    if values is None:
        return _NULL, 0
    if values.dtype.kind == "V":
        return _BLOB + 2 * values.dtype.itemsize, values.dtype.itemsize
    low, high = int(values.min()), int(values.max())
    if low == high and low in (0, 1):
        return (_ONE if low else _ZERO), 0
    bits = max(high, -1 - low).bit_length() + 1
    return next((serial, width) for most, width, serial in _INTEGERS if bits <= most)


def _fixed_part(
    ids: NDArray[np.uint32],
    columns: Sequence[NDArray[Any] | None],
    serials: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> NDArray[np.void]:
    """The cells of rows of one kind, without their tails. serials: of each tail. sizes: bytes of all tails of a row.

    Integers of 3 and 6 bytes are written as 4 and 8, from the last column to the first: what is written too much lies
    where the column before belongs, which is written after it.
    """
    kinds = [_serial(values) for values in columns]
    types = np.zeros(len(ids), np.uint64)
    tail = 0
    for serial in serials:
        width = int(_varint_bytes(serial[:1])[0])
        types = types << np.uint64(8 * width) | _padded_varint(serial, width)
        tail += width
    head = bytes([2 + len(columns) + tail, _NULL, *(serial for serial, _ in kinds)])  # the row id is NULL in a record
    begin = _PREFIX + len(head) + tail
    end = at = begin + sum(width for _, width in kinds)
    cells = np.zeros(len(ids), f"V{end}")

    def put(at: int, kind: str, values: NDArray[Any]) -> None:
        np.ndarray((len(ids),), kind, cells.data, at, (end,))[:] = values

    for values, (_, width) in zip(reversed(columns), reversed(kinds), strict=True):
        at -= width
        if values is None or not width:
            continue
        if values.dtype.kind == "V":
            put(at, values.dtype.str, values)
        else:
            room = 1 << (width - 1).bit_length()
            put(at + width - room, f">i{room}", values)
    put(begin - 8, ">u8", types)
    put(_PREFIX, f"V{len(head)}", np.frombuffer(head, f"V{len(head)}"))
    put(0, ">u8", _padded_varint(sizes + (end - _PREFIX), 3) << np.uint64(40) | _padded_varint(ids, 5))
    return cells


def _varint_bytes(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many bytes a varint of each value below 2^21 takes."""
    return 1 + (values >= 1 << 7).astype(np.int64) + (values >= 1 << 14)


def _padded_varint(values: NDArray[np.integer], width: int) -> NDArray[np.uint64]:
    """Seven bits a byte, the highest bit set in all but the last; leading bytes may hold none."""
    wide = values.astype(np.uint64)
    whole = wide & np.uint64(0x7F)
    for place in range(1, width):
        whole |= (wide >> np.uint64(7 * place) & np.uint64(0x7F) | np.uint64(0x80)) << np.uint64(8 * place)
    return whole


def _pages(template: bytes, ids: NDArray[np.uint32], sizes: NDArray[np.int64]) -> tuple[bytearray, NDArray[np.int64]]:
    """The database with its pages, cells left empty; and where each cell begins in it."""
    ends = np.cumsum(sizes + 2)  # with the pointer to the cell
    borders = [0]
    while borders[-1] < len(ids):
        before = int(ends[borders[-1] - 1]) if borders[-1] else 0
        borders.append(int(np.searchsorted(ends, before + PAGE - _LEAF_HEADER, side="right")))
    leaves = len(borders) - 1
    first = _ROOT if leaves == 1 else _ROOT + 1
    count = first + leaves - 1
    image = bytearray(count * PAGE)
    image[: len(template)] = template
    image[_PAGE_COUNT] = count.to_bytes(4, "big")
    places = np.zeros(len(ids), np.int64)
    for leaf, (begin, end) in enumerate(pairwise(borders)):
        base = (first + leaf - 1) * PAGE
        offsets = PAGE - np.cumsum(sizes[begin:end][::-1])[::-1]
        _page_header(image, base, _LEAF, end - begin, int(offsets[0]))
        np.ndarray((end - begin,), ">u2", image, base + _LEAF_HEADER)[:] = offsets
        places[begin:end] = base + offsets
    if leaves > 1:
        _interior(image, first, ids[np.array(borders[1:-1]) - 1])
    return image, places


def _page_header(image: bytearray, base: int, kind: int, cells: int, content: int) -> None:
    image[base : base + _LEAF_HEADER] = bytes([kind, 0, 0, *cells.to_bytes(2, "big"), *content.to_bytes(2, "big"), 0])


def _interior(image: bytearray, first: int, highest: NDArray[np.uint32]) -> None:
    """The root over leaf pages from number `first` on; `highest`: row id of the last row on each but the last."""
    count = len(highest)
    cells = np.zeros(count, np.dtype([("page", ">u4"), ("id", "V5")]))
    cells["page"] = np.arange(first, first + count)
    wide = (_padded_varint(highest, 5)).astype(">u8").view("V8")
    cells["id"] = np.ndarray((count,), "V5", wide.tobytes(), 3, (8,))
    base = (_ROOT - 1) * PAGE
    content = PAGE - cells.nbytes
    _page_header(image, base, _INTERIOR, count, content)
    image[base + 8 : base + 12] = (first + count).to_bytes(4, "big")
    pointers = np.ndarray((count,), ">u2", image, base + _INTERIOR_HEADER)
    pointers[:] = content + np.arange(count) * cells.itemsize
    image[base + content : base + PAGE] = cells.tobytes()
