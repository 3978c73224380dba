"""A case of an older version → the same case of this version, step by step, each step whole or not at all."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oddport.case.connect import (
    SCHEMA_VERSION,
    connect_to_migrate,
    explain,
    read_version,
    statements_of,
)
from oddport.case.errors import CaseError
from oddport.case.reading import FRAGMENT

if TYPE_CHECKING:
    from sqlite_utils import Database

Step = Callable[["Database"], None]


def _add_omissions(database: "Database") -> None:
    """From version 2: a table of what the load left out."""
    database.execute(
        "CREATE TABLE omission (source TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,"
        " PRIMARY KEY (source, kind, reason)) WITHOUT ROWID"
    )


def _pack_trains(database: "Database") -> None:
    """From version 3: fragments of trains as bytes, anomalies as bits, what else was JSON as columns."""
    from oddport.engine.trains import ANOMALIES, anomaly_mask

    database.conn.executemany("INSERT OR REPLACE INTO word VALUES ('anomaly', ?, ?)", enumerate(ANOMALIES))
    database.execute("ALTER TABLE train RENAME TO old_train")
    database.execute(
        "CREATE TABLE train (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, src NOT NULL, dst NOT NULL,"
        " proto INTEGER NOT NULL, ip_id INTEGER NOT NULL, sport INTEGER, dport INTEGER, flow INTEGER,"
        " first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, count INTEGER NOT NULL, complete INTEGER NOT NULL,"
        " total INTEGER, reassembled INTEGER NOT NULL, anomalies INTEGER NOT NULL, context INTEGER NOT NULL,"
        " interface INTEGER NOT NULL, at_start INTEGER NOT NULL, at_end INTEGER NOT NULL, fragments BLOB NOT NULL,"
        " rest TEXT)"
    )

    def packed(*facts: Any) -> tuple[Any, ...]:
        *columns, anomalies, text = facts
        detail = json.loads(text)
        fragments = b"".join(FRAGMENT.pack(*(*each[:8], bool(each[8]), *each[9:])) for each in detail["fragments"])
        rest = {name: detail[name] for name in ("holes", "conflicts")}
        return (
            *columns, anomaly_mask(json.loads(anomalies)), detail["context"], detail["interface"],
            int(detail["at_start"]), int(detail["at_end"]), fragments,
            json.dumps(rest, separators=(",", ":")) if any(rest.values()) else None,
        )  # fmt: skip

    old = database.conn.execute(
        "SELECT id, version, src, dst, proto, ip_id, sport, dport, flow, first_ns, last_ns, count, complete, total,"
        " reassembled, anomalies, detail FROM old_train"
    )
    database.conn.executemany(f"INSERT INTO train VALUES ({','.join('?' * 22)})", (packed(*facts) for facts in old))
    database.execute("DROP TABLE old_train")


def _add_tunnels(database: "Database") -> None:
    """From version 4: what lies inside tunnels."""
    database.execute("CREATE TABLE inside (flow INTEGER PRIMARY KEY, parent INTEGER NOT NULL, tunnel TEXT NOT NULL)")
    database.execute("CREATE TABLE inner_block (block INTEGER PRIMARY KEY, packets BLOB NOT NULL)")


def _add_occurrences(database: "Database") -> None:
    """From version 5: the flows that a finding stands for. Those of findings that are there are known from the next
    judging on."""
    database.execute(
        "CREATE TABLE occurrence (finding INTEGER NOT NULL, flow INTEGER NOT NULL, PRIMARY KEY (finding, flow))"
        " WITHOUT ROWID"
    )
    database.execute("CREATE INDEX occurrence_flow ON occurrence (flow)")


def _add_owners(database: "Database") -> None:
    """From version 6: processes that flows belong to."""
    database.execute(
        "CREATE TABLE owner (flow INTEGER NOT NULL, side INTEGER NOT NULL, pid INTEGER, name TEXT, path TEXT,"
        " user TEXT, why TEXT, PRIMARY KEY (flow, side)) WITHOUT ROWID"
    )


def _add_marks(database: "Database") -> None:
    """From version 7: what the analyst marks."""
    for statement in statements_of("schema.sql"):
        if statement.startswith(("CREATE TABLE finding_mark (", "CREATE TABLE flow_mark (")):
            database.execute(statement)


STEPS: Mapping[int, Step] = {
    2: _add_omissions, 3: _pack_trains, 4: _add_tunnels, 5: _add_occurrences, 6: _add_owners, 7: _add_marks,
}  # fmt: skip
"""Version → what makes a case of that version one of the next. Views are no part of it: all are made anew after it."""


def migrate(path: Path, steps: Mapping[int, Step] | None = None, target: int = SCHEMA_VERSION) -> int:
    """Brings a case up to `target`; gives the version that it had. Other readers and the analyst's tables keep theirs.

    Raises CaseError where the case cannot be written (it stays as it was), or no step leads on from its version.
    """
    from sqlite_utils import Database  # 0.15 s, and only for an old case

    steps = STEPS if steps is None else steps
    opened = connect_to_migrate(path)
    connection = opened.connection
    try:
        before = version = read_version(connection, path, target)
        while version < target:
            step = steps.get(version)
            if step is None:
                raise CaseError(
                    f"The case {path} is of version {version}, which this oddport cannot bring up to {target}. Load "
                    f"the capture into a new case."
                )
            connection.execute("BEGIN IMMEDIATE")
            try:
                drop_views(connection)
                step(Database(connection, execute_plugins=False))
                version += 1
                if version == target:
                    for statement in statements_of("views.sql"):
                        connection.execute(statement)
                connection.execute(f"PRAGMA user_version={version}")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
    except sqlite3.DatabaseError as error:
        raise explain(error, path, "brought up to date") from error
    finally:
        connection.close()
    return before


def drop_views(connection: sqlite3.Connection) -> None:
    """Takes all views away, so that a step may change what they read."""
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall():
        quoted = name.replace('"', '""')
        connection.execute(f'DROP VIEW "{quoted}"')
