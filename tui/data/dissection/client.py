"""Frames to dissect → trees, through a process that has scapy loaded and can be ended when a frame makes it hang."""

import atexit
import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from queue import Empty, SimpleQueue

from tui.data.dissection.model import Dissection, Request, unread
from tui.data.dissection.pipe import dissection_of, request_line

FRAME_SECONDS = 5.0
"""For one frame, the load of a further layer included (TLS brings cryptography along: 0.5 s); a sane one takes 5 ms."""
START_SECONDS = 30.0
"""For the process to start and import scapy: 0.4 to 1 s, and far more on a machine that swaps."""
_ROOT = Path(__file__).resolve().parents[3]


class Dissector:
    """Dissects one frame at a time; threads wait for one another. The process starts at the first need."""

    def __init__(self, seconds: float = FRAME_SECONDS, command: list[str] | None = None) -> None:
        self._seconds = seconds
        self._command = command or [sys.executable, "-P", "-m", "tui.data.dissection"]
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        self._ready = False

    def warm(self) -> None:
        """Start the process, without waiting for it: for the moment when a packet is likely to be opened soon."""
        if self._lock.acquire(blocking=False):
            try:
                self._start()
            except OSError:
                # the dissection itself says so, to a person who has asked for one
                self._process = None
            finally:
                self._lock.release()

    def dissect(self, request: Request) -> Dissection:
        """The layers of a frame; blocks for at most the seconds of a frame (and of the start). Never raises OSError.

        Where the process cannot be had or has to be ended, all bytes are one unread node, and `trouble` says why.
        """
        with self._lock:
            try:
                return self._ask(request)
            except (OSError, ValueError) as error:
                self._end()
                return _nothing(request, f"the process that dissects failed: {error}")
            except Empty:
                self._end()
                return _nothing(request, f"scapy took more than {self._seconds:g} s for this frame, so it was stopped")
            except EOFError:
                self._end()
                return _nothing(request, "scapy could not cope with this frame: the process that dissects ended")

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _ask(self, request: Request) -> Dissection:
        process = self._start()
        if process.stdin is None:
            raise EOFError
        if not self._ready:
            if not self._lines.get(timeout=START_SECONDS):
                raise EOFError
            self._ready = True
        try:
            process.stdin.write(request_line(request))
            process.stdin.flush()
        except BrokenPipeError as error:
            raise EOFError from error
        line = self._lines.get(timeout=self._seconds)
        if not line:
            raise EOFError
        return dissection_of(line)

    def _start(self) -> subprocess.Popen[bytes]:
        """The process, with scapy loaded."""
        process = self._process
        if process is None or process.poll() is not None:
            self._end()
            environment = dict(os.environ)
            environment["PYTHONPATH"] = os.pathsep.join(
                part for part in (str(_ROOT), environment.get("PYTHONPATH", "")) if part
            )
            process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
            self._process, self._lines, self._ready = process, SimpleQueue(), False
            threading.Thread(target=_pump, args=(process, self._lines), name="dissector", daemon=True).start()
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        process.wait()


def _pump(process: subprocess.Popen[bytes], lines: SimpleQueue[bytes]) -> None:
    """Lines of the process into a queue; an empty one when there are no more."""
    if process.stdout is not None:
        with process.stdout as stdout:
            for line in stdout:
                lines.put(line)
    lines.put(b"")


def _nothing(request: Request, why: str) -> Dissection:
    length = len(request.frame)
    layers = (unread(0, length, "", request.claims),) if length else ()
    return Dissection(layers, length, why)


_shared: Dissector | None = None
_shared_lock = threading.Lock()


def shared_dissector() -> Dissector:
    """The one dissector of this program; ended with it."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Dissector()
            atexit.register(_shared.close)
        return _shared
