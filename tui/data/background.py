"""Questions to a case that take longer than a key stroke → answers, from a thread with a connection of its own.

Only the latest question matters: a new one interrupts the one that is being answered and takes its place.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import Any

Job = Callable[[sqlite3.Connection], Any]
"""Runs in the thread. It may be interrupted at any statement."""


WATCHED_STEPS = 20_000
"""Steps of SQLite's machine between two looks at whether the answer is still wanted: about a millisecond."""


class Background:
    """One thread, one connection, one question at a time."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        deliver: Callable[[Callable[[], None]], None],
        name: str = "query",
    ) -> None:
        """`deliver` calls its argument in the thread of the screen, soon."""
        self._connect, self._deliver, self._name = connect, deliver, name
        self._wake = threading.Condition()
        self._job: tuple[int, Job, Callable[[Any], None], Callable[[Exception], None]] | None = None
        self._generation = 0
        self._running = False
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """A question waits or is being answered."""
        with self._wake:
            return self._job is not None or self._running

    def submit(self, job: Job, done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        """Ask. `done` or `failed` is called with the answer, unless another question came meanwhile."""
        with self._wake:
            if self._closed:
                return
            self._generation += 1
            self._job = (self._generation, job, done, failed)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"oddport-{self._name}", daemon=True)
                self._thread.start()
            self._wake.notify()

    def close(self) -> None:
        """Stop; what is being answered is given up."""
        with self._wake:
            self._closed = True
            self._job = None
            self._generation += 1
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._running = False
                while self._job is None and not self._closed:
                    self._wake.wait()
                if self._closed:
                    break
                assert self._job is not None
                generation, job, done, failed = self._job
                self._job = None
                self._running = True
            self._answer(generation, job, done, failed)
        if self._connection is not None:
            self._connection.close()

    def _answer(
        self, generation: int, job: Job, done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        try:
            if self._connection is None:
                self._connection = self._connect()
            # asked while a statement runs: `interrupt` would be lost on one that has not begun
            self._connection.set_progress_handler(lambda: self._generation != generation, WATCHED_STEPS)
            answer = job(self._connection)
        except Exception as error:  # shown by the screen as a sentence; an interrupted question is dropped below
            problem = error
            self._give(generation, lambda: failed(problem))
            return
        self._give(generation, lambda: done(answer))

    def _give(self, generation: int, call: Callable[[], None]) -> None:
        def if_latest() -> None:
            with self._wake:
                wanted = generation == self._generation and not self._closed
            if wanted:
                call()

        with self._wake:
            if generation != self._generation or self._closed:
                return
        self._deliver(if_latest)
