"""A case → read-only connections, one for each thread that asks at the same time, whose queries can be stopped."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from oddport.case.connect import Opened, explain
from oddport.case.errors import CaseError, Interrupted

IDLE_CONNECTIONS = 4
"""Kept open for the next question; more than the threads of the dashboard."""
WATCHED_STEPS = 20_000
"""Steps of SQLite's machine between two looks at whether a query is still wanted: about a millisecond."""


class Pool:
    """Read-only connections to one case. Safe to use from any thread."""

    def __init__(self, path: Path, open_one: Callable[[], Opened]) -> None:
        self._path = path
        self._open = open_one
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._watched: set[sqlite3.Connection] = set()
        self._closed = False

    @contextmanager
    def use(self, wanted: Callable[[], bool] | None = None, *, watched: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection for this block; its queries see one state of the case each.

        wanted: asked about every millisecond while a query runs; once it is false, Interrupted is raised.
        watched: `interrupt` stops it too. Raises CaseError where SQLite cannot read.
        """
        connection = self._take(watched)
        try:
            if wanted is not None:
                connection.set_progress_handler(lambda: not wanted(), WATCHED_STEPS)
                if not wanted():
                    raise Interrupted
            yield connection
        except sqlite3.OperationalError as error:
            if (getattr(error, "sqlite_errorcode", 0) & 0xFF) == sqlite3.SQLITE_INTERRUPT:
                raise Interrupted from error
            raise explain(error, self._path, "read") from error
        except sqlite3.DatabaseError as error:
            raise explain(error, self._path, "read") from error
        except UnicodeEncodeError:
            raise  # of what was asked for, not of what was read
        except (ValueError, OverflowError, TypeError, LookupError) as error:
            # SQLite read the row, but it holds what no writer of a case puts into it
            raise CaseError(f"The case {self._path} is damaged ({error}). Load the capture into a new case.") from error
        finally:
            if wanted is not None:
                connection.set_progress_handler(None, 0)
            self._give_back(connection)

    def interrupt(self) -> None:
        """Stops the watched queries that run at this moment: Interrupted is raised in their threads."""
        with self._lock:
            for connection in self._watched:
                connection.interrupt()

    def close(self) -> None:
        """Closes what is idle now and the others when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for connection in self._watched:
                connection.interrupt()
        for connection in idle:
            connection.close()

    def _take(self, watched: bool) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise CaseError(f"The case {self._path} was closed.")
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._open().connection
        if watched:
            with self._lock:
                self._watched.add(connection)
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            self._watched.discard(connection)
            keep = not self._closed and len(self._idle) < IDLE_CONNECTIONS
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()
