"""Reasons to end a load early: a signal, a parent that is gone, a control pipe that closes."""

import os
import signal
import stat
import threading
from types import FrameType


class Stop:
    """Callable: whether the load should end. Make it in the main thread of the loading process."""

    def __init__(self) -> None:
        self._asked = False
        self._parent: int | None = None

    def __call__(self) -> bool:
        """Whether to end now."""
        return self._asked or (self._parent is not None and os.getppid() != self._parent)

    def on_signals(self) -> "Stop":
        """SIGINT and SIGTERM end the load cleanly; a second SIGINT interrupts at once."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take_signal)
        return self

    def on_parent(self, control: bool) -> "Stop":
        """End when the process that started this one is gone; with `control`, when standard input, a pipe, ends."""
        self._parent = os.getppid()
        if control:
            try:
                pipe = stat.S_ISFIFO(os.fstat(0).st_mode)
            except OSError:
                pipe = False
            if pipe:
                threading.Thread(target=self._wait_for_end, daemon=True).start()
        return self

    def _take_signal(self, number: int, frame: FrameType | None) -> None:
        if self._asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._asked = True

    def _wait_for_end(self) -> None:
        while True:
            try:
                if not os.read(0, 4096):
                    break
            except OSError:
                break
        self._asked = True
