"""A file or a pipe into bytes in a caller's buffer, in order, each once."""

import contextlib
import os
import select
import stat
import time
from collections.abc import Callable
from typing import Final, Protocol

from oddport.capture.model import why

END: Final = 0
"""Of Source.read_into: no more bytes will come."""
NOTHING_YET: Final = -1
"""Of Source.read_into: none came within WAIT."""
WAIT: Final = 0.25
"""Seconds that bytes of a pipe are gathered before they are handed on."""


class Source(Protocol):
    """Bytes in order. `trouble` is why they ended early, as the end of a sentence; None where they simply ended."""

    trouble: str | None

    def read_into(self, view: memoryview) -> int:
        """Fill some of `view`, from its start; how many bytes, END, or NOTHING_YET."""

    def progress(self) -> int:
        """Bytes taken from the disk or pipe so far."""

    def remaining(self) -> int | None:
        """Bytes that are still to come, None = unknown."""

    def close(self) -> None:
        """Give back what it holds; twice does no harm."""


class FileSource:
    """A regular file from a position on. With `keep_open` off it is open only while it is being read, so that a
    capture of any number of files never runs out of descriptors."""

    def __init__(self, path: str, keep_open: bool = True) -> None:
        """OSError where it cannot be opened."""
        self.trouble: str | None = None
        self._path = path
        self._keep_open = keep_open
        self._position = 0
        self._fd = self._open()
        facts = os.fstat(self._fd)
        self._identity = (facts.st_dev, facts.st_ino)
        self.size = facts.st_size
        if not keep_open:
            self._close_descriptor()

    def _open(self) -> int:
        return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)

    def _close_descriptor(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def read_into(self, view: memoryview) -> int:
        if self.trouble is not None:
            return END
        try:
            if self._fd < 0:
                self._fd = self._open()
                facts = os.fstat(self._fd)
                if (facts.st_dev, facts.st_ino) != self._identity:
                    self.trouble = "another file was put in its place while it was read"
                    return END
            count = os.preadv(self._fd, [view], self._position)
        except OSError as error:
            self.trouble = f"reading it failed ({why(error)})"
            return END
        finally:
            if not self._keep_open:
                self._close_descriptor()
        self._position += count
        return count

    def progress(self) -> int:
        return self._position

    def remaining(self) -> int | None:
        return max(0, self.size - self._position)

    def close(self) -> None:
        self._close_descriptor()
        self.trouble = self.trouble or "it was closed"


class PipeSource:
    """A pipe, socket or terminal: hands on what came within WAIT, be it little."""

    def __init__(self, fd: int, owned: bool, stopped: Callable[[], bool]) -> None:
        """`owned`: close `fd` at the end. `stopped` is asked at least every WAIT seconds; true ends the bytes."""
        self.trouble: str | None = None
        self._fd = fd
        self._ready = select.poll()  # unlike select, it takes descriptors above 1023
        self._ready.register(fd, select.POLLIN)
        self._owned = owned
        self._stopped = stopped
        self._count = 0
        self._ended = False

    def read_into(self, view: memoryview) -> int:
        count = 0
        until = time.monotonic() + WAIT
        left = WAIT
        while not self._ended and count < len(view) and left > 0:
            if self._stopped():
                self._ended = True
                break
            try:
                if not self._ready.poll(left * 1_000):
                    break
                part = os.readv(self._fd, [view[count:]])
            except BlockingIOError:  # someone else made the descriptor non-blocking and took the bytes
                left = until - time.monotonic()
                continue
            except OSError as error:
                self.trouble = f"reading the pipe failed ({why(error)})"
                self._ended = True
                break
            if part == 0:
                self._ended = True
                break
            count += part
            left = until - time.monotonic()
        self._count += count
        if count:
            return count
        return END if self._ended else NOTHING_YET

    def progress(self) -> int:
        return self._count

    def remaining(self) -> int | None:
        return None

    def close(self) -> None:
        self._ended = True
        fd, self._fd = self._fd, -1
        if self._owned and fd >= 0:
            with contextlib.suppress(OSError):  # a failing close of a descriptor that was read from loses nothing
                os.close(fd)


class Limited:
    """The first bytes of a source."""

    def __init__(self, inner: Source, limit: int) -> None:
        """`limit`: bytes that are given at least, if they are there; at most one reading more."""
        self.trouble: str | None = None
        self._inner = inner
        self._left = limit

    def read_into(self, view: memoryview) -> int:
        if self._left <= 0:
            return END
        count = self._inner.read_into(view)
        self._left -= max(0, count)
        return count

    def progress(self) -> int:
        return self._inner.progress()

    def remaining(self) -> int | None:
        return None

    def close(self) -> None:
        self._inner.close()


def is_regular(path: str) -> bool:
    """Whether bytes of `path` can be read again later: no pipe, socket or device. OSError where it is not there."""
    return stat.S_ISREG(os.stat(path).st_mode)
