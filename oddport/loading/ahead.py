"""A step of work that repeats → the same step, done by a thread while whoever waits for it does something else."""

import sys
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from types import TracebackType

SWITCH = 0.0005
"""Seconds after which a thread that holds the interpreter gives way to one that waits (Python's own: 0.005). The engine
lets go of it for its loops, and then needs it again for a moment."""


class Ahead:
    """Does `step` once for each `start`; `wait` gives what it gave, or raises what it raised.

    What the step touches is the thread's between the two, and nobody else's.
    """

    def __init__(self, step: Callable[[], bool]) -> None:
        self._step = step
        self._orders: SimpleQueue[bool] = SimpleQueue()
        self._done: SimpleQueue[bool | BaseException] = SimpleQueue()
        self._started = False
        self._thread = Thread(target=self._work, name="reading", daemon=True)

    def __enter__(self) -> "Ahead":
        self._before = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Waits for a step that was begun; what became of it is nobody's concern any more."""
        self._orders.put(False)
        self._thread.join()
        sys.setswitchinterval(self._before)

    def start(self) -> None:
        """Let the thread do the step."""
        self._started = True
        self._orders.put(True)

    def wait(self) -> bool:
        """The outcome of the step that was started; of one that is done now where none was."""
        if not self._started:
            return self._step()
        outcome = self._done.get()
        self._started = False
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _work(self) -> None:
        while self._orders.get():
            try:
                self._done.put(self._step())
            except BaseException as error:
                self._done.put(error)
