"""Progress of a load → the context row while it runs: bar, per cent, bytes, rate, what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.format import eta, percent, rate, size, size_of
from tui.widgets.line import Line, Piece, line

if TYPE_CHECKING:
    from tui.data.load import Progress

BAR_NARROW, BAR_WIDE = 20, 40
SOON = 2.0
"""Seconds: under this the bar says enough."""


def load_line(progress: Progress, width: int) -> Line:
    """One row; without a bar where the whole is not known."""
    right = [("x", "key"), (" cancel", "muted")]
    speed = f"{rate(progress.rate)}" if progress.seconds >= 0.5 else ""
    if progress.total is None:
        if not progress.bytes:
            return line(("opening the capture", "muted"), right=right)
        return line(size(progress.bytes), (" read", "muted"), (f"   {speed}", "muted"), right=right)
    cells = BAR_WIDE if width >= 120 else BAR_NARROW
    done = min(cells, cells * progress.bytes // progress.total)
    pieces: list[Piece] = [
        (" " * done, "text/bar"),
        (" " * (cells - done), "text/bar-rest"),
        (f"  {percent(progress.bytes, progress.total):>5}", "strong"),
        (f"  {size_of(progress.bytes, progress.total)}", "muted"),
        (f"  {speed}", "muted"),
    ]
    left = progress.seconds_left
    if left is not None and left >= SOON:
        right = [(eta(left), "text"), ("  ", "text"), *right]
    return line(*pieces, right=right)
