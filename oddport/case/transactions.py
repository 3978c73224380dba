"""Statements of the loader → transactions of at most 100 ms, and SQLite's refusals → sentences."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oddport.case.connect import BUSY_TIMEOUT_MS, explain

TRANSACTION_S = 0.1
"""Longest wall time that a transaction stays open."""
LOOK_S = 0.001
"""Between two looks whether the case can be written."""
GIVE_WAY_S = 0.003
"""Pause after a transaction that was closed by the clock: a verdict that waits for the lock gets it."""


class Transactions:
    """A writing connection. One thread at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self._path = path
        self._depth = 0
        self._begun = 0.0
        self._gave_way = time.monotonic()
        self._attached = False

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside shares transactions; the clock may close one between two statements.

        An error inside undoes what is not committed yet.
        """
        if self._depth:
            self.look_at_the_clock()
            yield
            return
        if time.monotonic() - self._gave_way >= TRANSACTION_S:  # short transactions one after the other, too
            self._give_way()
        self._begin()
        self._depth = 1
        try:
            yield
            self.one("COMMIT")
        except BaseException:
            # a full disk may have ended the transaction already
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise
        finally:
            self._depth = 0

    def look_at_the_clock(self) -> None:
        """Commits and begins anew if the transaction is as old as TRANSACTION_S. Only inside `together`."""
        if time.monotonic() - self._begun >= TRANSACTION_S:
            self.one("COMMIT")
            self._give_way()
            self._begin()

    def _give_way(self) -> None:
        time.sleep(GIVE_WAY_S)
        self._gave_way = time.monotonic()

    def attach(self, image: bytes | bytearray) -> None:
        """Makes a database in memory (see table_image) the one named `image`; an open transaction is closed before."""
        if self._depth:
            self.one("COMMIT")
        if not self._attached:
            self.one("ATTACH ':memory:' AS image")
            self._attached = True
        self._run(lambda: self.connection.deserialize(image, name="image"))
        if self._depth:
            self._begin()

    def one(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Runs a statement; raises CaseError where SQLite cannot."""
        cursor: sqlite3.Cursor = self._run(self.connection.execute, sql, values)
        return cursor

    def many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """Runs a statement for each of the values; raises CaseError where SQLite cannot."""
        self._run(self.connection.executemany, sql, values)

    def _begin(self) -> None:
        """Begins as soon as no other process writes. It looks each millisecond: SQLite's own waiting looks every 100 ms
        after a while, and then hardly ever meets the moment in which a loader gives way."""
        until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
        self.one("PRAGMA busy_timeout=0")
        try:
            while True:
                try:
                    self.connection.execute("BEGIN IMMEDIATE")
                    break
                except sqlite3.DatabaseError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                        raise explain(error, self._path, "written") from error
                time.sleep(LOOK_S)
        finally:
            self.one(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        self._begun = time.monotonic()

    def _run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError):
            raise  # our own mistake, not the disk's
        except sqlite3.DatabaseError as error:
            raise explain(error, self._path, "written") from error
