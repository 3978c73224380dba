"""The capturing child → bytes of one classic pcap, started again where it died, with its counts of dropped packets."""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Final

from oddport.capture.formats import PCAP_HEADER
from oddport.capture.live.ways import Way, sentence_of
from oddport.capture.source import END, NOTHING_YET, PipeSource

ASK_SECONDS: Final = 1.0
"""Between two questions for the child's counts."""
RETRY_SECONDS: Final = 1.0
"""Between two attempts to start a child that died."""
STOP_SECONDS: Final = 2.0
"""What a child gets to hand over its last packets after it was told to stop."""
_LINE_BYTES: Final = 4_096
"""Of what the child says at once; more is another line."""
_LINES: Final = 20
"""Last lines of what the child says that are kept."""
_INFO: Final = getattr(signal, "SIGINFO", signal.SIGUSR1)
"""What tcpdump(1) answers with its counts."""
_COUNTS: Final = re.compile(r"(\d+) packets? (captured|received by filter|dropped by kernel|dropped by interface)")


@dataclass(frozen=True, slots=True)
class LiveState:
    """How the capturing goes."""

    kernel_drops: int | None = None
    """Packets that the kernel dropped for want of room; None: not known (yet)."""
    interface_drops: int | None = None
    """Packets that the interface or its driver dropped; None: not known."""
    problem: str = ""
    """Why nothing comes at the moment, as a sentence; empty while the child runs."""
    starts: int = 0
    """How often a child was started."""


class LiveSource:
    """A Source of the packets of an interface.

    Where the child dies (the interface goes down, the machine slept, the connection broke) it is started again until
    `stopped`; its packets go on in the same stream, as long as they are of the same link type.
    """

    def __init__(self, way: Way, stopped: Callable[[], bool]) -> None:
        """Starts the child; OSError where it cannot be started."""
        self.trouble: str | None = None
        self._way = way
        self._stopped = stopped
        self._count = 0
        self._header = b""
        self._skipped = 0
        self._began = False
        self._before = (0, 0)
        self._now = (0, 0)
        self._known = False
        self._problem = ""
        self._starts = 0
        self._retry_at = 0.0
        self._asked = 0.0
        self._ending: float | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._pipe: PipeSource | None = None
        self._said: deque[str] = deque(maxlen=_LINES)
        self._start()

    # the child

    def _start(self) -> None:
        child = subprocess.Popen(
            self._way.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # an interrupt of the terminal is ours to handle
            env={**os.environ, "LC_ALL": "C"},
        )
        assert child.stdout is not None
        assert child.stderr is not None
        self._said.clear()
        self._listener = threading.Thread(target=self._listen, args=(child.stderr,), name="oddport-live", daemon=True)
        self._listener.start()
        self._child = child
        self._pipe = PipeSource(child.stdout.fileno(), False, lambda: False)
        self._starts += 1
        self._skipped = 0
        self._began = False

    def _listen(self, stderr: IO[bytes]) -> None:
        for raw in iter(lambda: stderr.readline(_LINE_BYTES), b""):
            text = raw.decode("utf-8", "replace").rstrip("\n")
            counts = {what: int(number) for number, what in _COUNTS.findall(text)}
            if counts:
                kernel, interface = self._now
                self._now = (
                    counts.get("dropped by kernel", kernel), counts.get("dropped by interface", interface),
                )  # fmt: skip
                self._known = True
            else:
                self._said.append(text)
        stderr.close()

    def _over(self) -> str:
        """The child ended by itself: take it away; why it did, as a sentence."""
        child, self._child, self._pipe = self._child, None, None
        assert child is not None
        code = child.wait()
        self._listener.join(STOP_SECONDS)
        self._before = (self._before[0] + self._now[0], self._before[1] + self._now[1])
        self._now = (0, 0)
        _close(child)
        said = sentence_of("\n".join(reversed(self._said)), self._way.tool)
        return f"{self._way.tool} ended: {said}" if said else f"{self._way.tool} ended with status {code}."

    # Source

    def read_into(self, view: memoryview) -> int:
        if self._ending is None and self._stopped():
            self._ask_to_stop()
        if self._pipe is None:
            return self._try_again()
        if self._ending is not None and time.monotonic() > self._ending:
            return self._ended()
        count = self._read(view)
        if count > 0:
            self._count += count
            self._problem = ""
            self._ask()
        elif count == END:
            return self._ended()
        else:
            self._ask()
        return count

    def _read(self, view: memoryview) -> int:
        """Bytes of the child, without the file header where the stream has had one."""
        assert self._pipe is not None
        count = self._pipe.read_into(view)
        if count <= 0 or self._began:
            return count
        part = bytes(view[:count])
        wanted = PCAP_HEADER - self._skipped
        head, rest = part[:wanted], part[wanted:]
        if self._starts == 1:
            self._header += head
            self._skipped += len(head)
            self._mark_begun()
            return count
        if head != self._header[self._skipped : self._skipped + len(head)]:
            self.trouble = f"{self._way.interface} came back with another link type; capture it anew"
            self._ask_to_stop()
            return END
        self._skipped += len(head)
        self._mark_begun()
        view[: len(rest)] = rest
        return len(rest) or NOTHING_YET

    def _mark_begun(self) -> None:
        if self._skipped == PCAP_HEADER:
            self._began = True
            self._asked = time.monotonic()

    def _ask(self) -> None:
        """Ask for the child's counts, not before it has had time to install its handler."""
        now = time.monotonic()
        if not (self._way.tells_drops and self._began) or now - self._asked < ASK_SECONDS:
            return
        self._asked = now
        if self._child is not None and self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # gone, or no longer ours: no counts
                self._child.send_signal(_INFO)

    def _ask_to_stop(self) -> None:
        self._ending = time.monotonic() + STOP_SECONDS
        if self._child is not None and self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                self._child.terminate()

    def _ended(self) -> int:
        if self._child is not None and self._child.poll() is None and self._ending is not None:
            self._child.kill()
        why = self._over()
        if self._ending is not None:
            return END
        if len(self._header) < PCAP_HEADER:
            self.trouble = why.rstrip(".")
            return END
        self._problem = f"{why} Trying again."
        self._retry_at = time.monotonic() + RETRY_SECONDS
        return NOTHING_YET

    def _try_again(self) -> int:
        if self._ending is not None:
            return END
        if time.monotonic() < self._retry_at:
            time.sleep(0.1)
            return NOTHING_YET
        try:
            self._start()
        except OSError as error:
            self._problem = f"{self._way.tool} cannot be started ({error.strerror}). Trying again."
            self._retry_at = time.monotonic() + RETRY_SECONDS
        return NOTHING_YET

    @property
    def state(self) -> LiveState:
        """How it goes now."""
        known = self._known
        return LiveState(
            self._before[0] + self._now[0] if known else None,
            self._before[1] + self._now[1] if known else None,
            self._problem,
            self._starts,
        )

    def progress(self) -> int:
        return self._count

    def remaining(self) -> int | None:
        return None

    def close(self) -> None:
        """End the child, if it still runs."""
        child, self._child, self._pipe = self._child, None, None
        if child is None:
            return
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        _close(child)


def _close(child: "subprocess.Popen[bytes]") -> None:
    if child.stdout is not None:
        child.stdout.close()
