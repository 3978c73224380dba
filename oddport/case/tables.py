"""The lists that the dashboard pages through: column names → SQL over the compact tables; rows → readable values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from oddport.case.marks import marked_sql
from oddport.case.words import PORT_VERDICTS, SEVERITIES, TIERS, address_text, protocol_word

Order = Sequence[str | tuple[str, bool]]
"""Columns to sort by, the first one first; a tuple's second item is True for descending."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list."""

    name: str
    select: str
    """SQL of what is read."""
    sort: str
    """SQL of what it is sorted by."""
    show: Callable[[Any], Any] | None = None
    """Stored value → readable value."""
    needs: str = ""
    """SQL of a second value that `show` needs."""


@dataclass(frozen=True, slots=True)
class Table:
    """A list over one table of the case."""

    name: str
    base: str
    """The table, whose `id` names a row. Conditions name its columns with it."""
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """By its name; raises ValueError for another word."""
        for column in self.columns:
            if column.name == name:
                return column
        raise ValueError(f"{self.name} have no column {name!r}, but {', '.join(c.name for c in self.columns)}")

    def ids_sql(self, where: str, order: Order) -> str:
        """SELECT of the row ids. `where` is SQL from compile_filter, or empty."""
        terms = []
        for item in order:
            name, descending = (item, False) if isinstance(item, str) else item
            terms.append(f"{self.column(name).sort}{' DESC' if descending else ''}")
        terms.append(f"{self.base}.id")
        # + keeps SQLite from walking an index in the order of the list while it looks for few rows (13 times slower)
        ordered = ", ".join(terms) if len(terms) == 1 else ", ".join(f"+{term}" for term in terms)
        return f"SELECT {self.base}.id FROM {self.base} WHERE {where or '1'} ORDER BY {ordered}"

    def rows_sql(self, columns: Sequence[Column], count: int) -> str:
        """SELECT of `count` rows by id: the id, then each column, then what their `show` needs."""
        needed = [column.needs for column in columns if column.needs]
        selected = ", ".join([f"{self.base}.id", *(column.select for column in columns), *needed])
        return f"SELECT {selected} FROM {self.base} WHERE {self.base}.id IN ({','.join('?' * count)})"


def _word(words: Sequence[str]) -> Callable[[Any], Any]:
    return lambda number: (words[number] or None) if number is not None and 0 <= number < len(words) else None


def _plain(table: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, f"{table}.{name}", f"{table}.{name}") for name in names)


def _ends(table: str) -> tuple[Column, ...]:
    # IPv4 addresses are integers, and integers come before blobs: a list sorted by address has IPv4 first
    return (
        Column("src", f"{table}.src", f"{table}.src", lambda pair: address_text(*pair), f"{table}.version"),
        Column("dst", f"{table}.dst", f"{table}.dst", lambda pair: address_text(*pair), f"{table}.version"),
        Column("proto", f"{table}.proto", f"{table}.proto", protocol_word),
        Column("severity", f"{table}.severity", f"coalesce({table}.severity, -1)", _word(SEVERITIES)),
    )


_FLOW_APP = "(SELECT app.name FROM app WHERE app.id = flow.app)"
_FLOW_PROC = (
    "(SELECT group_concat(name, ', ') FROM"
    " (SELECT name FROM owner WHERE owner.flow = flow.id AND name IS NOT NULL ORDER BY side))"
)
FLOWS = Table(
    "flows",
    "flow",
    (
        *_plain("flow", "id", "first_ns", "last_ns"),
        Column("duration_ns", "flow.last_ns - flow.first_ns", "flow.last_ns - flow.first_ns"),
        *_ends("flow"),
        *_plain("flow", "sport", "dport", "server_port"),
        Column("app", _FLOW_APP, _FLOW_APP),
        Column("tier", "flow.tier", "flow.tier", _word(TIERS)),
        Column("verdict", "flow.verdict", "flow.verdict", _word(PORT_VERDICTS)),
        Column("packets", "flow.packets_o + flow.packets_r", "flow.packets_o + flow.packets_r"),
        Column("bytes", "flow.bytes_o + flow.bytes_r", "flow.bytes_o + flow.bytes_r"),
        Column("payload", "flow.payload_o + flow.payload_r", "flow.payload_o + flow.payload_r"),
        *_plain("flow", "packets_o", "packets_r", "bytes_o", "bytes_r", "file", "interface", "context", "first_packet"),
        Column("open", "flow.open", "flow.open", bool),
        Column("proc", _FLOW_PROC, _FLOW_PROC),
        Column("marked", marked_sql("flow"), marked_sql("flow"), bool),
    ),
)
_VERDICT = "(SELECT verdict.verdict FROM verdict WHERE verdict.uid = finding.uid)"
FINDINGS = Table(
    "findings",
    "finding",
    (
        *_plain("finding", "id", "uid", "detector", "rule", "score", "title", "summary", "expected"),
        *_ends("finding"),
        *_plain("finding", "sport", "dport", "server_port", "app", "flow", "train", "first_ns", "last_ns", "count"),
        Column(
            "techniques",
            "(SELECT group_concat(technique, ' ') FROM (SELECT technique FROM finding_technique"
            " WHERE finding_technique.finding = finding.id ORDER BY relation = 'direct' DESC, technique))",
            "(SELECT min(technique) FROM finding_technique WHERE finding_technique.finding = finding.id)",
            lambda text: text or "",
        ),
        Column("verdict", _VERDICT, f"coalesce({_VERDICT}, '')"),
        Column("marked", marked_sql("finding"), marked_sql("finding"), bool),
    ),
)
TABLES: dict[str, Table] = {"flows": FLOWS, "findings": FINDINGS, "flow": FLOWS, "finding": FINDINGS}
FLOW_COLUMNS = tuple(column.name for column in FLOWS.columns)
FINDING_COLUMNS = tuple(column.name for column in FINDINGS.columns)


def table_named(name: str) -> Table:
    """The list of that name; raises ValueError for another word."""
    if name not in TABLES:
        raise ValueError(f"there is no list {name!r}: flows or findings")
    return TABLES[name]


def readable(columns: Sequence[Column], row: Sequence[Any]) -> tuple[Any, ...]:
    """A row of `rows_sql` without its id, as readable values by column."""
    values = []
    extra = 1 + len(columns)
    for i, column in enumerate(columns, 1):
        value = row[i]
        if column.needs:
            value, extra = (value, row[extra]), extra + 1
        values.append(value if column.show is None else column.show(value))
    return tuple(values)
