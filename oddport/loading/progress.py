"""Progress of a load → a line on a terminal, or one JSON object a line for the dashboard."""

import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from oddport.loading.pipeline import Progress
from oddport.wording import eta, size

if TYPE_CHECKING:
    from oddport.case.model import Omission


def progress_json(
    progress: Progress,
    state: str,
    message: str = "",
    live: Mapping[str, object] | None = None,
    provisional: bool = False,
) -> str:
    """One line for whoever started the loader: `state` is loading, done, stopped or failed; `live`: how an interface is
    captured; `provisional`: findings of flows that go on are among them."""
    return json.dumps(
        {
            "state": state,
            "bytes": progress.bytes,
            "total": progress.total,
            "packets": progress.packets,
            "flows": progress.flows,
            "findings": progress.findings,
            "seconds": round(progress.seconds, 3),
            "message": message,
            "live": live,
            "provisional": provisional,
        }
    )


def say(text: str) -> None:
    """A line for whoever started this process. Where nobody listens any more it goes nowhere, like all that follow: the
    process ends by itself, when it next asks whether it should."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def progress_text(progress: Progress) -> str:
    """One line for a person: share, bytes, rate, what is left, packets and flows."""
    rate = progress.bytes / progress.seconds if progress.seconds else 0.0
    counts = f"{progress.packets:,} packets, {progress.flows:,} flows"
    if progress.total is None:
        return f"{size(progress.bytes)} read, {size(rate)}/s, {counts}"
    share = progress.bytes / progress.total if progress.total else 1.0
    left = (progress.total - progress.bytes) / rate if rate else 0.0
    rest = f", {eta(left)}" if left >= 2 else ""
    return f"{share:.0%} of {size(progress.total)}, {size(rate)}/s{rest}, {counts}"


class TerminalProgress:
    """Rewrites one line of standard error; prints nothing where that is no terminal until `close`."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._width = 0
        self.omissions: tuple[Omission, ...] = ()
        """What the load left out, once it is over."""

    def show(self, progress: Progress) -> None:
        """Put the line in place of the last one."""
        self.omissions = progress.omissions
        if not self._live:
            return
        text = progress_text(progress)
        self._stream.write("\r" + text.ljust(self._width))
        self._stream.flush()
        self._width = len(text)

    def close(self) -> None:
        """Clear the line."""
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0
