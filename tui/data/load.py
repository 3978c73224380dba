"""A case and captures → a loader process that is watched: its progress, how it ended, a way to stop it.

The loader is started with `subprocess`: `multiprocessing` cannot start anything from inside a running Textual app,
whose stand-in for standard output has no file descriptor.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STDERR_LINES = 40
"""Last lines of what the loader says on standard error that are kept."""
STOP_SECONDS = 5.0
"""What a loader gets to close the case after it was told to stop."""


RATE_SECONDS = 2.0
"""The newest traffic of an interface, of which rates are told."""
HISTORY_SECONDS = 60
"""Of which the packets of each second are kept."""
MOST_TOLD = 8
"""Sentences of a list that are taken from the loader."""


@dataclass(frozen=True, slots=True)
class Live:
    """How the capturing of an interface goes."""

    how: str = ""
    """The program and as whom it runs: "tcpdump, as you"."""
    tells_drops: bool = True
    """The program tells while it runs what was dropped."""
    kernel_drops: int | None = None
    """Packets that the kernel had no room for; None: not known (yet)."""
    interface_drops: int | None = None
    problem: str = ""
    """Why nothing comes at the moment, as a sentence."""
    packet_rate: float = 0.0
    """Packets a second, of late."""
    byte_rate: float = 0.0
    """Bytes a second, of late."""
    starts: int = 0
    """How often the program was started."""
    refused: tuple[str, ...] = ()
    """Why the programs that were asked before it do not capture, a sentence each."""
    history: tuple[int, ...] = ()
    """Packets of each of the last seconds."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load is. Bytes are of the captures as they lie on the disk."""

    state: str = "starting"
    """`starting`, `loading`, `done`, `stopped`, `failed`."""
    bytes: int = 0
    total: int | None = None
    packets: int = 0
    flows: int = 0
    findings: int = 0
    seconds: float = 0.0
    message: str = ""
    """Why it failed, as a sentence."""
    elsewhere: bool = False
    """Another process does it."""
    live: Live | None = None
    """Of an interface."""
    provisional: bool = False
    """Findings of flows that go on are told, and may be taken back."""

    @property
    def running(self) -> bool:
        """It goes on."""
        return self.state in ("starting", "loading")

    @property
    def rate(self) -> float:
        """Bytes a second so far."""
        return self.bytes / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; None where the whole or the rate is not known yet."""
        if self.total is None or self.rate <= 0 or self.seconds < 0.5:
            return None
        return max(self.total - self.bytes, 0) / self.rate


def parse_progress(text: str, before: Progress) -> Progress:
    """A line of the loader as progress; a line that is none changes nothing."""
    try:
        told = json.loads(text)
    except ValueError:
        return before
    if not isinstance(told, dict):
        return before

    def number(name: str, old: int) -> int:
        value = told.get(name, old)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else old

    seconds = told.get("seconds", before.seconds)
    total = told.get("total", before.total)
    state = told.get("state", before.state)
    message = told.get("message")
    return Progress(
        state=state if isinstance(state, str) else before.state,
        bytes=number("bytes", before.bytes),
        total=total if isinstance(total, int) and total > 0 else None,
        packets=number("packets", before.packets),
        flows=number("flows", before.flows),
        findings=number("findings", before.findings),
        seconds=float(seconds) if isinstance(seconds, (int, float)) else before.seconds,
        message=message if isinstance(message, str) else before.message,
        live=_live(told.get("live"), before.live),
        provisional=told.get("provisional", before.provisional) is True,
    )


def _live(told: object, before: Live | None) -> Live | None:
    if not isinstance(told, dict):
        return before

    def number(name: str) -> int | None:
        value = told.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

    def text(name: str) -> str:
        value = told.get(name)
        return value if isinstance(value, str) else ""

    return Live(
        text("how"),
        told.get("tells_drops") is not False,
        number("kernel_drops"),
        number("interface_drops"),
        text("problem"),
        starts=number("starts") or 0,
        refused=_sentences(told.get("refused")),
    )


def _sentences(told: object) -> tuple[str, ...]:
    return tuple(each for each in told if isinstance(each, str))[:MOST_TOLD] if isinstance(told, list) else ()


class _Rates:
    """Progress as it comes → rates of late, and the packets of each of the last seconds."""

    def __init__(self) -> None:
        self._recent: deque[Progress] = deque()
        self._seconds: deque[int] = deque(maxlen=HISTORY_SECONDS)
        self._second: Progress | None = None

    def of(self, progress: Progress) -> Progress:
        """With the rates since the oldest that is kept, which is RATE_SECONDS ago."""
        recent = self._recent
        recent.append(progress)
        while len(recent) > 2 and progress.seconds - recent[1].seconds >= RATE_SECONDS:
            recent.popleft()
        self._count(progress)
        first = recent[0]
        seconds = progress.seconds - first.seconds
        if progress.live is None or seconds <= 0:
            return progress
        live = replace(
            progress.live,
            packet_rate=(progress.packets - first.packets) / seconds,
            byte_rate=(progress.bytes - first.bytes) / seconds,
            history=tuple(self._seconds),
        )
        return replace(progress, live=live)

    def _count(self, progress: Progress) -> None:
        """Packets a second since the second before; where nothing was told for longer, evenly for each of them."""
        if self._second is None:
            self._second = progress
            return
        passed = progress.seconds - self._second.seconds
        if passed >= 1:
            each = round((progress.packets - self._second.packets) / passed)
            self._seconds.extend([each] * min(int(passed), HISTORY_SECONDS))
            self._second = progress


class Load:
    """A loader process."""

    WHAT = "The load"
    KEPT = "What was read is kept."
    """Said where it failed."""

    def __init__(
        self,
        case: Path,
        captures: Sequence[str],
        replace_old: bool = False,
        options: Sequence[str] = (),
        pipe: int | None = None,
        command: Sequence[str] = (sys.executable, "-m", "oddport.loading"),
    ) -> None:
        """`replace_old`: a load that is done gives way. `options`: more words for the loader. `pipe`: its standard
        input, for the capture `-`. `progress` is what was said last.

        Raises OSError if the process cannot be started.
        """
        self.progress = Progress()
        self.options = tuple(options)
        self._stopped = False
        self._errors: deque[str] = deque(maxlen=STDERR_LINES)
        words = [*command, "--case", str(case), *(["--replace"] if replace_old else []), *options]
        self._process = subprocess.Popen(
            [*words, *(["--", *captures] if captures else [])],
            stdin=subprocess.PIPE if pipe is None else pipe,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # an interrupt of the terminal is the dashboard's to handle
        )
        self._complaints = threading.Thread(target=self._read_errors, name="oddport-load-errors", daemon=True)
        self._complaints.start()
        self._reader = threading.Thread(target=self._read, name="oddport-load", daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """The process is there."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask the loader to stop; what was read is kept. Returns at once."""
        self._stopped = True
        if self._process.poll() is None:
            self._process.terminate()

    def end(self) -> None:
        """Stop, and wait until the case is closed; kill the loader if it does not end."""
        self.stop()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait(self, timeout: float | None = None) -> None:
        """Until the last progress was heard."""
        self._reader.join(timeout)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for row in self._process.stderr:
            self._errors.append(row.rstrip("\n"))

    def _read(self) -> None:
        assert self._process.stdout is not None
        ended: Progress | None = None
        rates = _Rates()
        for row in self._process.stdout:
            progress = self.heard(row)
            if progress.live is not None:
                progress = rates.of(progress)
            if progress is not self.progress:
                if progress.running:
                    self.progress = progress
                else:
                    ended = progress
        code = self._process.wait()
        self._complaints.join(STOP_SECONDS)
        self.progress = self._ended(ended or self.progress, code)

    def heard(self, row: str) -> Progress:
        """What a line of the process says, in its own thread."""
        return parse_progress(row, self.progress)

    def _ended(self, progress: Progress, code: int) -> Progress:
        if not progress.running and progress.state != "failed":
            return progress
        if self._stopped:
            return replace(progress, state="stopped")
        if code == 0 and progress.state != "failed":
            return replace(progress, state="done")
        if progress.state == "failed" and progress.message:
            return progress
        said = next((row.strip() for row in reversed(self._errors) if row.strip()), "")
        if any(row.startswith("Traceback ") for row in self._errors):
            said = f"This is a bug in oddport: {said}."
        how = (
            f"It was ended by signal {-code}." if code < 0 else said or f"It ended with status {code} and said nothing."
        )
        return replace(progress, state="failed", message=f"{self.WHAT} stopped. {how} {self.KEPT}")

    @property
    def errors(self) -> tuple[str, ...]:
        """The last lines that the loader wrote to standard error."""
        return tuple(self._errors)
