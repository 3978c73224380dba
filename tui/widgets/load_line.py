"""Progress of a load → the context row while it runs: bar, per cent, bytes, rate, what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.format import eta, percent, rate, size, size_of
from tui.widgets.line import Line, Piece, line, spans, width_of

if TYPE_CHECKING:
    from tui.data.load import Progress

BAR_LEAST, BAR_MOST = 8, 40
SOON = 2.0
"""Seconds: under this the bar says enough."""


def load_line(progress: Progress, width: int) -> Line:
    """One row; without a bar where the whole is not known."""
    right = [("by another process", "muted")] if progress.elsewhere else [("x", "key"), (" cancel", "muted")]
    speed = f"{rate(progress.rate)}" if progress.seconds >= 0.5 else ""
    if progress.total is None:
        if not progress.bytes:
            return line(("opening the capture", "muted"), right=right)
        return line(size(progress.bytes), (" read", "muted"), (f"   {speed}", "muted"), right=right)
    left = progress.seconds_left
    if left is not None and left >= SOON:
        right = [(eta(left), "text"), ("  ", "text"), *right]
    told: list[Piece] = [
        (f"  {percent(progress.bytes, progress.total):>5}", "strong"),
        (f"  {size_of(progress.bytes, progress.total)}", "muted"),
        (f"  {speed}", "muted"),
    ]
    room = width - width_of(spans([*told, *right])) - 4
    if room < BAR_LEAST:  # the rate is the least of what is said
        told.pop()
        room = width - width_of(spans([*told, *right])) - 4
    cells = max(BAR_LEAST // 2, min(BAR_MOST, room))
    done = min(cells, cells * progress.bytes // progress.total)
    return line((" " * done, "text/bar"), (" " * (cells - done), "text/bar-rest"), *told, right=right)
