"""Packet columns ⇄ one row of `packet_block`: each column as its least value plus the narrowest unsigned differences.

`layout` is a JSON object, column name → [item type, base]: value i = base + item i. Item types are NumPy's `|u1`,
`<u2`, `<u4`, `<u8`; an empty type means that all values equal the base and the BLOB is empty; a layout that is a string
names the column that holds the same values. Little-endian on every machine.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.engine.columns import PACKET

COLUMNS = ("flow", "ts", "offset", "caplen", "wirelen", "flags", "info", "file", "interface")
"""In the order of the table: what finds the packets of a flow comes first."""
_WIDTHS = ((1 << 8, "|u1"), (1 << 16, "<u2"), (1 << 32, "<u4"))
_SAME = {"wirelen": "caplen"}  # most captures hold whole frames


@dataclass(frozen=True, slots=True)
class PackedBlock:
    """What a row of `packet_block` holds."""

    layout: str
    blobs: tuple[bytes, ...]
    """By COLUMNS."""


def pack(columns: Mapping[str, NDArray[Any]], count: int) -> PackedBlock:
    """Rows `[:count]` of packet columns (dtypes PACKET) as a stored block. `count` ≥ 1."""
    layout: dict[str, str | list[str | int]] = {}
    blobs: list[bytes] = []
    for name in COLUMNS:
        values = np.ascontiguousarray(columns[name][:count])
        if values.dtype != PACKET[name] or len(values) != count:
            raise ValueError(
                f"packet column {name}: {len(values)} values of {values.dtype}, not {count} of {PACKET[name]}"
            )
        twin = _SAME.get(name)
        if twin is not None and np.array_equal(values, columns[twin][:count]):
            layout[name] = twin
            blobs.append(b"")
            continue
        item, base, blob = _narrow(values)
        layout[name] = [item, base]
        blobs.append(blob)
    return PackedBlock(json.dumps(layout, separators=(",", ":")), tuple(blobs))


class Unpacked:
    """The layout of a stored block, ready to read columns or single rows of it."""

    def __init__(self, layout: str, count: int) -> None:
        self.count = count
        self._layout: dict[str, str | list[str | int]] = json.loads(layout)

    def column(self, name: str, blobs: dict[str, bytes]) -> NDArray[Any]:
        """All values of a column, in its dtype."""
        return self.take(name, blobs, None)

    def rows_equal(self, name: str, blobs: dict[str, bytes], value: int) -> NDArray[np.intp]:
        """Rows, ascending, in which a column has this value; compares without unpacking."""
        item, base = self._entry(name)
        if not item:
            return np.arange(self.count if value == base else 0, dtype=np.intp)
        if not 0 <= value - base < 1 << 8 * np.dtype(item).itemsize:
            return np.zeros(0, np.intp)
        narrow = self._stored(name, blobs, item)
        return np.flatnonzero(narrow == narrow.dtype.type(value - base))

    def take(self, name: str, blobs: dict[str, bytes], rows: NDArray[np.intp] | None) -> NDArray[Any]:
        """The values of a column in the given rows (all if None), in its dtype."""
        item, base = self._entry(name)
        dtype = PACKET[name]
        if not item:
            return np.full(self.count if rows is None else len(rows), base, dtype)
        narrow = self._stored(name, blobs, item)
        if rows is not None:
            narrow = narrow[rows]
        if dtype.kind == "i":
            # wraps as it wrapped when packed: differences of int64 are taken modulo 2^64
            return (narrow.astype(np.uint64) + np.uint64(base & 0xFFFF_FFFF_FFFF_FFFF)).view(np.int64)
        return (narrow.astype(np.uint64) + np.uint64(base)).astype(dtype)

    def _entry(self, name: str) -> tuple[str, int]:
        entry = self._layout[name]
        if isinstance(entry, str):
            entry = self._layout[entry]
        return str(entry[0]), int(entry[1])

    def _stored(self, name: str, blobs: dict[str, bytes], item: str) -> NDArray[Any]:
        entry = self._layout[name]
        narrow: NDArray[Any] = np.frombuffer(blobs[entry if isinstance(entry, str) else name], np.dtype(item))
        if len(narrow) != self.count:
            raise ValueError(f"packet column {name} holds {len(narrow)} values, not {self.count}")
        return narrow


def _narrow(values: NDArray[Any]) -> tuple[str, int, bytes]:
    low, high = int(values.min()), int(values.max())
    if low == high:
        return "", low, b""
    own = values.dtype.itemsize
    for limit, item in _WIDTHS:
        width = np.dtype(item).itemsize
        if low >= 0 and high < limit and width <= own:
            return item, 0, values.astype(item).tobytes()
        if high - low < limit and width < own:
            if values.dtype.kind == "i":
                distance = values.view(np.uint64) - np.uint64(low & 0xFFFF_FFFF_FFFF_FFFF)
                return item, low, distance.astype(item).tobytes()
            return item, low, (values.astype(np.uint64) - np.uint64(low)).astype(item).tobytes()
    distance = values.view(np.uint64) - np.uint64(low & 0xFFFF_FFFF_FFFF_FFFF)
    return "<u8", low, distance.tobytes()
