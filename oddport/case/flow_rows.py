"""Flows of the engine → one INSERT statement for all of them, with as few parameters a row as their values allow."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.case.rows import insert_sql
from oddport.case.words import printable
from oddport.engine.columns import FLOW

Statement = tuple[str, Iterator[tuple[Any, ...]]]
"""SQL, and the values of its parameters row by row."""

INTEGER_MAX = 0x7FFF_FFFF_FFFF_FFFF
"""The largest integer that SQLite holds."""

NULLABLE = frozenset(("app", "severity"))
"""Integer columns of `flow` in which -1 stands for NULL."""
PACK_ROWS = 512
"""Rows from which packing pays for a statement of its own. Measured with 8,192 rows: 4.0 µs a row, unpacked 6.2."""
PARAMETER_BITS = 63
"""A shift to the right keeps the sign, so bit 63 stays free."""
_MASK64 = 0xFFFF_FFFF_FFFF_FFFF


def flow_statement(
    flows: NDArray[np.void],
    integers: dict[str, NDArray[Any]],
    says: Sequence[str | None] | None,
    facts: Sequence[dict[str, Any] | None] | None,
    is_open: bool,
) -> Statement:
    """Puts flows (dtype FLOW) into the table `flow`, by id.

    integers: `app` (row id or -1), `tier`, `verdict`, `server_port`, and `severity` (-1 = none) if there is any.
    """
    count = len(flows)
    columns: dict[str, NDArray[Any]] = {"severity": np.full(count, -1, np.int8), **integers}
    columns["open"] = np.full(count, int(is_open), np.uint8)
    values: dict[str, Sequence[Any]] = {}
    for name in FLOW.names or ():
        column = flows[name]
        if column.dtype.kind == "V":
            _address_column(name, column, flows["version"] == 4, columns, values)
        elif column.dtype == np.uint64:
            columns[name] = np.minimum(column, np.uint64(INTEGER_MAX))
        else:
            columns[name] = column
    values["says"] = [None] * count if says is None else [text and printable(text) for text in says]
    values["facts"] = [None] * count if facts is None else facts_texts(facts)
    return pack_rows(columns, values)


def pack_rows(integers: dict[str, NDArray[Any]], values: dict[str, Sequence[Any]]) -> Statement:
    """The statement that puts rows into the table `flow`, and the values of its parameters, row by row.

    `integers` are columns of integers (a value below 0 of a NULLABLE one is NULL), `values` the others. Binding a
    parameter costs more than storing it (see PACK_ROWS), so integers travel several in one parameter, each in as many
    bits as this batch needs, and the statement takes them apart; what is the same in all rows is in the statement.
    """
    count = len(next(iter(integers.values())))
    if count < PACK_ROWS:
        return _plain_rows(integers, values)
    expressions: dict[str, str] = {}
    parameters: list[Sequence[Any]] = []
    for name, texts in values.items():
        if texts.count(None) == count:
            expressions[name] = "NULL"
        else:
            parameters.append(texts)
            expressions[name] = f"?{len(parameters)}"
    waiting: list[_Packed] = []
    for name, array in integers.items():
        low, high = int(array.min()), int(array.max())
        if low == high:
            expressions[name] = "NULL" if name in NULLABLE and low < 0 else str(low)
        elif (high - low).bit_length() > PARAMETER_BITS:
            parameters.append(array.tolist())
            expressions[name] = f"?{len(parameters)}"
        else:
            waiting.append(_Packed(name, array, low, (high - low).bit_length()))
    waiting.sort(key=lambda column: -column.bits)
    while waiting:
        shift = 0
        left: list[_Packed] = []
        whole = np.zeros(count, np.uint64)
        for column in waiting:
            room = PARAMETER_BITS - shift
            if column.bits > room:
                left.append(column)
                continue
            whole |= column.distance() << np.uint64(shift)
            expressions[column.name] = column.expression(len(parameters) + 1, shift, room)
            shift += column.bits
        parameters.append(whole.view(np.int64).tolist())
        waiting = left
    return (
        f"INSERT OR REPLACE INTO flow ({','.join(expressions)}) VALUES ({','.join(expressions.values())})",
        zip(*parameters, strict=True) if parameters else repeat((), count),
    )


def _address_column(
    name: str,
    addresses: NDArray[np.void],
    is_4: NDArray[np.bool_],
    integers: dict[str, NDArray[Any]],
    values: dict[str, Sequence[Any]],
) -> None:
    """As the case holds it: IPv4 an integer, IPv6 16 bytes."""
    packed = np.ascontiguousarray(addresses)
    low = packed.view(">u4").reshape(-1, 4)[:, 3]
    if is_4.all():
        integers[name] = low
    else:
        both = zip(is_4.tolist(), low.tolist(), packed.tolist(), strict=True)
        values[name] = [four if is_four else six for is_four, four, six in both]


def facts_texts(facts: Sequence[dict[str, Any] | None]) -> list[str | None]:
    """Each flow's facts as JSON in ASCII (control characters and lone surrogates are escapes in it), None for none.

    All are encoded at once and taken apart at the line ends, which JSON has only between values: 0.6 µs for a flow with
    one fact, 1.5 if each is encoded by itself.
    """
    some = [each for each in facts if each]
    pieces = _encode(some)[2:-2].split(_BORDER)
    if len(pieces) != len(some):  # facts that hold objects, whose borders look the same
        pieces = [_encode(each)[1:-1] for each in some]
    texts = iter(pieces)
    return ["{" + next(texts).replace(_LINE, ",") + "}" if each else None for each in facts]


_LINE = ",\n"
_BORDER = "}" + _LINE + "{"
_encode: Callable[[object], str] = json.JSONEncoder(separators=(_LINE, ":")).encode


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """An integer column on its way into a parameter."""

    name: str
    values: NDArray[Any]
    low: int
    bits: int

    def distance(self) -> NDArray[np.uint64]:
        """Of each value from the least one; wraps as it is put together again."""
        return self.values.astype(np.int64).view(np.uint64) - np.uint64(self.low & _MASK64)

    def expression(self, parameter: int, shift: int, room: int) -> str:
        """SQL of the value; `room` is the number of bits of the parameter from `shift` on."""
        text = f"?{parameter}"
        if shift:
            text = f"({text}>>{shift})"
        if self.bits < room:
            text = f"({text}&{(1 << self.bits) - 1})"
        if self.low:
            text = f"{text}+({self.low})"
        return f"nullif({text},-1)" if self.low < 0 and self.name in NULLABLE else text


def _plain_rows(integers: dict[str, NDArray[Any]], values: dict[str, Sequence[Any]]) -> Statement:
    columns: dict[str, Sequence[Any]] = dict(values)
    for name, array in integers.items():
        plain = array.tolist()
        columns[name] = [None if v < 0 else v for v in plain] if name in NULLABLE else plain
    return insert_sql("flow", tuple(columns), "INSERT OR REPLACE"), zip(*columns.values(), strict=True)
