"""Flows, findings and trains of the engine → tuples for the case's tables."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oddport.case.words import printable

if TYPE_CHECKING:
    from oddport.detection.model import Evidence, Finding
    from oddport.engine.trains import Train

INTEGER_MAX = 0x7FFF_FFFF_FFFF_FFFF
"""The largest integer that SQLite holds."""

NULLABLE = frozenset(("app", "severity"))
"""Integer columns of `flow` in which -1 stands for NULL."""
PACK_ROWS = 512
"""Rows from which packing pays for preparing a statement of its own. Measured, 8,192 rows: 4.0 µs a row, unpacked 6.2."""
PARAMETER_BITS = 63
"""A shift to the right keeps the sign, so bit 63 stays free."""
_MASK64 = 0xFFFF_FFFF_FFFF_FFFF
TRAIN_COLUMNS = (
    "id", "version", "src", "dst", "proto", "ip_id", "sport", "dport", "flow", "first_ns", "last_ns", "count", "complete",
    "total", "reassembled", "anomalies", "detail",
)  # fmt: skip
FINDING_COLUMNS = (
    "uid", "detector", "rule", "severity", "score", "title", "summary", "expected", "src", "dst", "version", "proto", "sport",
    "dport", "server_port", "app", "flow", "train", "first_ns", "last_ns", "count", "parts", "rejected", "lowered",
    "attack_version",
)  # fmt: skip
EVIDENCE_COLUMNS = ("finding", "file", "packet", "offset", "length", "data", "says", "expected", "train", "side")


def insert_sql(table: str, columns: Sequence[str], verb: str = "INSERT") -> str:
    """An INSERT with one `?` a column."""
    return f"{verb} INTO {table} ({','.join(columns)}) VALUES ({','.join('?' * len(columns))})"


def flow_rows(
    integers: dict[str, NDArray[np.generic]], values: dict[str, Sequence[Any]]
) -> tuple[str, Iterator[tuple[Any, ...]]]:
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
    for name, column in values.items():
        if column.count(None) == count:
            expressions[name] = "NULL"
        else:
            parameters.append(column)
            expressions[name] = f"?{len(parameters)}"
    packed: list[_Packed] = []
    for name, array in integers.items():
        low, high = int(array.min()), int(array.max())  # type: ignore[attr-defined]
        if low == high:
            expressions[name] = "NULL" if name in NULLABLE and low < 0 else str(low)
            continue
        packed.append(_Packed(name, array, low, (high - low).bit_length()))
    packed.sort(key=lambda column: -column.bits)
    while packed:
        room, shift, taken = PARAMETER_BITS, 0, []
        whole = np.zeros(count, np.uint64)
        for column in packed:
            if column.bits > room and taken:
                continue
            whole |= column.distance() << np.uint64(shift)
            expressions[column.name] = column.expression(len(parameters) + 1, shift, room)
            shift, room = shift + column.bits, room - column.bits
            taken.append(column)
            if room <= 0:
                break
        parameters.append(whole.view(np.int64).tolist())
        packed = [column for column in packed if column not in taken]
    return (
        f"INSERT OR REPLACE INTO flow ({','.join(expressions)}) VALUES ({','.join(expressions.values())})",
        zip(*parameters, strict=True),
    )


def address_columns(
    flows: NDArray[np.void], integers: dict[str, NDArray[np.generic]], values: dict[str, Sequence[Any]]
) -> None:
    """Adds `src` and `dst` of engine flows (dtype FLOW) as the case holds them: IPv4 an integer, IPv6 16 bytes."""
    is_4 = flows["version"] == 4
    for name in ("src", "dst"):
        packed = np.ascontiguousarray(flows[name])
        low = packed.view(">u4").reshape(-1, 4)[:, 3]
        if is_4.all():
            integers[name] = low.astype(np.int64)
        else:
            whole = packed.tolist()
            values[name] = [v4 if four else v6 for four, v4, v6 in zip(is_4.tolist(), low.tolist(), whole, strict=True)]


def stored_address(packed: bytes, version: int) -> int | bytes:
    """An address of the engine (16 bytes) as the case holds it: IPv4 an integer, IPv6 16 bytes."""
    return int.from_bytes(packed[12:], "big") if version == 4 else bytes(packed)


def train_row(train: "Train") -> tuple[Any, ...]:
    """By TRAIN_COLUMNS. The detail holds each fragment as a list in the order of its fields."""
    detail = {
        "context": train.context,
        "interface": train.interface,
        "at_start": train.at_start,
        "at_end": train.at_end,
        "holes": train.holes,
        "fragments": [
            [
                f.number, f.file, f.packet, f.ts, f.frame_offset, f.offset, f.length, f.captured, int(f.more), f.ttl, f.proto,
                f.flags, f.header_length,
            ]
            for f in train.fragments
        ],
        "conflicts": [[c.offset, c.old.hex(), c.new.hex(), c.old_fragment, c.new_fragment] for c in train.conflicts],
    }  # fmt: skip
    return (
        train.id, train.version, stored_address(train.src, train.version), stored_address(train.dst, train.version), train.proto, train.ip_id, train.sport, train.dport, train.flow or None,
        train.first_ns, train.last_ns, train.count, int(train.complete), train.total, len(train.datagram),
        json.dumps(sorted(train.anomalies)), json.dumps(detail, separators=(",", ":")),
    )  # fmt: skip


def finding_row(finding: "Finding", attack_version: str) -> tuple[Any, ...]:
    """By FINDING_COLUMNS."""
    return (
        finding.uid, finding.detector, finding.rule, int(finding.severity), finding.score, printable(finding.title),
        printable(finding.summary), printable(finding.expected), stored_address(finding.src, finding.version),
        stored_address(finding.dst, finding.version), finding.version, finding.proto,
        finding.sport, finding.dport, finding.server_port, printable(finding.app) if finding.app is not None else None,
        finding.flow or None, finding.train or None, finding.first_ns, finding.last_ns, finding.count,
        json.dumps([[part.value, part.factor, part.reason] for part in finding.parts]),
        json.dumps(finding.rejected), json.dumps(finding.lowered), attack_version,
    )  # fmt: skip


def evidence_row(finding: int, evidence: "Evidence") -> tuple[Any, ...]:
    """By EVIDENCE_COLUMNS; `finding` is the row id."""
    return (
        finding, evidence.file, evidence.packet, evidence.offset, evidence.length, evidence.data, printable(evidence.says),
        printable(evidence.expected), evidence.train, evidence.side,
    )  # fmt: skip


def facts_text(facts: dict[str, object] | None) -> str | None:
    """Facts as JSON in ASCII; None if there are none."""
    return _ENCODE(facts) if facts else None


_ENCODE: Callable[[object], str] = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """An integer column on its way into a parameter."""

    name: str
    values: NDArray[np.generic]
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


def _plain_rows(
    integers: dict[str, NDArray[np.generic]], values: dict[str, Sequence[Any]]
) -> tuple[str, Iterator[tuple[Any, ...]]]:
    columns: dict[str, Sequence[Any]] = dict(values)
    for name, array in integers.items():
        plain = array.tolist()
        columns[name] = [None if v < 0 else v for v in plain] if name in NULLABLE else plain
    return insert_sql("flow", tuple(columns), "INSERT OR REPLACE"), zip(*columns.values(), strict=True)
