"""Flows of a case → how many there are of each value of a field, and of each protocol on each port.

Each question reads all flows once: a third of a second to three seconds a million flows, so it is asked in a thread.
The statements may be interrupted.
"""

import re
import sqlite3
from dataclasses import dataclass
from typing import Any

from oddport.case.words import PROTOCOLS, address_text

SAMPLED = 50_000
"""Flows whose facts are looked at to learn which facts there are."""
MISMATCH = 5
"""By words.PORT_VERDICTS."""
FACT_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
"""Names of facts that a filter can name."""


@dataclass(frozen=True, slots=True)
class PortCount:
    """Flows of one app on one server port, of one port verdict."""

    app: str | None
    port: int
    verdict: int
    severity: int | None
    """Of the worst finding."""
    flows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Countable:
    """A field whose values are counted."""

    name: str
    title: str
    """What the values are, as a head of a column."""
    filter: str
    """A filter for one value: `{}` is where it stands."""
    sql: str
    """Of the value."""
    where: str = "1"
    kind: str = "text"
    """How a stored value is read: `address`, `app`, `proto` or `text`."""
    fact: str = ""
    """The fact whose values these are."""


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value of a field, and its flows."""

    value: str
    flows: int
    bytes: int
    odd: int
    """Flows that do not fit their port."""
    severity: int | None
    """Of the worst finding."""
    apps: tuple[str, ...]
    """What is spoken, by name."""


@dataclass(frozen=True, slots=True)
class OddExample:
    """A flow that does not fit its port."""

    src: str
    dst: str
    expected: str


FIELDS = (
    Countable("host", "Hosts", "addr == {}", "", kind="address"),
    Countable("from", "Originators", "src == {}", "src", kind="address"),
    Countable("to", "Responders", "dst == {}", "dst", kind="address"),
    Countable("port", "Ports", "server.port == {}", "server_port", "server_port > 0"),
    Countable("app", "Apps", "app == {}", "app", kind="app"),
    Countable("transport", "Transports", "proto == {}", "proto", kind="proto"),
    Countable("vlan", "VLANs", "vlan == {}", "context", "context > 0"),
)
"""Of every flow; facts come behind them, see `fact_fields`."""


def port_counts(connection: sqlite3.Connection) -> list[PortCount]:
    """Flows with payload or a name whose server port is known, by app, port and port verdict."""
    rows = connection.execute(
        "SELECT (SELECT name FROM app WHERE id = f.app), f.server_port, f.verdict, max(f.severity), count(*),"
        " sum(f.bytes_o + f.bytes_r) FROM flow f WHERE f.server_port > 0 AND (f.app IS NOT NULL OR f.payload_o > 0 OR"
        " f.payload_r > 0) GROUP BY f.app, f.server_port, f.verdict"
    )
    return [PortCount(*row) for row in rows]


def odd_example(connection: sqlite3.Connection, app: str, port: int) -> OddExample | None:
    """A flow of an app that does not fit its server port, the one with the worst finding."""
    row = connection.execute(
        "SELECT src, dst, version, (SELECT expected FROM finding WHERE finding.flow = flow.id"
        " ORDER BY severity DESC, score DESC LIMIT 1) FROM flow WHERE verdict = ? AND server_port = ?"
        " AND app IS (SELECT id FROM app WHERE name = ?) ORDER BY coalesce(severity, -1) DESC, id LIMIT 1",
        (MISMATCH, port, app),
    ).fetchone()
    if row is None:
        return None
    src, dst, version, expected = row
    return OddExample(address_text(src, version), address_text(dst, version), expected or "")


def fact_fields(connection: sqlite3.Connection) -> list[Countable]:
    """The facts that flows of the case have, the most frequent first; of a large case by SAMPLED flows from all over it
    and those with findings, since reading the facts of a million flows takes ten seconds."""
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM flow").fetchone()
    rows = connection.execute(
        "SELECT j.key FROM flow, json_each(flow.facts) j WHERE (flow.id % ? = 0 OR flow.severity IS NOT NULL)"
        " AND flow.facts IS NOT NULL AND j.type IN ('text', 'integer', 'real', 'array')"
        " GROUP BY j.key ORDER BY count(*) DESC, j.key",
        (max(last // SAMPLED, 1),),
    )
    return [
        Countable(key, key.replace("_", " "), f'fact.{key} == "{{}}"', "j.atom", "j.atom IS NOT NULL", fact=key)
        for (key,) in rows
        if FACT_NAME.match(key)
    ]


def value_counts(connection: sqlite3.Connection, field: Countable, most: int) -> tuple[int, list[ValueCount]]:
    """How many values a field has, and `most` of them: the worst finding first, then odd flows, then all flows."""
    columns = "bytes_o + bytes_r AS bytes, verdict, severity, flow.app AS app, version"
    params: list[Any] = []
    if field.name == "host":
        source = f"SELECT src AS value, {columns} FROM flow UNION ALL SELECT dst, {columns} FROM flow WHERE dst != src"
    elif field.fact:
        source = f"SELECT {field.sql} AS value, {columns} FROM flow, json_each(flow.facts, ?) j WHERE {field.where}"
        params.append(f'$."{field.fact}"')
    else:
        source = f"SELECT {field.sql} AS value, {columns} FROM flow WHERE {field.where}"
    rows = connection.execute(
        f"SELECT value, max(version), count(*), sum(bytes), sum(verdict = {MISMATCH}), max(severity),"
        f" group_concat(DISTINCT app), count(*) OVER () FROM ({source}) GROUP BY value"
        " ORDER BY coalesce(max(severity), -1) DESC, 5 DESC, 3 DESC, value LIMIT ?",
        (*params, most),
    ).fetchall()
    apps = dict(connection.execute("SELECT id, name FROM app"))
    found = [
        ValueCount(
            _text(field, value, version, apps), flows, size, odd or 0, severity,
            tuple(sorted(apps.get(int(each), "") for each in (spoken or "").split(",") if each)),
        )
        for value, version, flows, size, odd, severity, spoken, _ in rows
    ]  # fmt: skip
    return (rows[0][7] if rows else 0), found


def filter_for(field: Countable, value: str) -> str:
    """The filter that leaves the flows of one value."""
    return field.filter.format(value.replace("\\", "\\\\").replace('"', '\\"') if field.fact else value)


def _text(field: Countable, value: Any, version: int, apps: dict[int, str]) -> str:
    if field.kind == "address":
        return address_text(value, version)
    if field.kind == "app":
        return "none" if value is None else apps.get(value, "none")
    if field.kind == "proto":
        return PROTOCOLS.get(value, f"ip-{value}")
    return str(value)
