"""A case of an older version → the same case of this version, step by step, each step whole or not at all."""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from oddport.case.connect import (
    SCHEMA_VERSION,
    connect_to_migrate,
    explain,
    read_version,
    statements_of,
)
from oddport.case.errors import CaseError

if TYPE_CHECKING:
    from sqlite_utils import Database

Step = Callable[["Database"], None]


def _add_omissions(database: "Database") -> None:
    """From version 2: a table of what the load left out."""
    database.execute(
        "CREATE TABLE omission (source TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,"
        " PRIMARY KEY (source, kind, reason)) WITHOUT ROWID"
    )


STEPS: Mapping[int, Step] = {2: _add_omissions}
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
