"""Progress of a load → the context row while it runs: bar, per cent, bytes, rate, what is left; words at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.format import bit_rate, count, eta, percent, plural, rate, running, size, size_of
from tui.widgets.line import Line, Piece, line, spans, width_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.data.load import Live, Progress

BAR_LEAST, BAR_MOST = 8, 40
SOON = 2.0
"""Seconds: under this the bar says enough."""


def load_line(progress: Progress, width: int, what: str = "", follow: Sequence[Piece] = ()) -> Line:
    """One row; without a bar where the whole is not known. `what` is done, where that is no load; `follow`: whether the
    newest row is kept in sight."""
    right = [("by another process", "muted")] if progress.elsewhere else [("x", "key"), (" cancel", "muted")]
    if progress.live is not None:
        return live_line(progress.live, progress.seconds, width, follow)
    speed = f"{rate(progress.rate)}" if progress.seconds >= 0.5 else ""
    if progress.total is None:
        if not progress.bytes:
            return line((what or "opening the capture", "muted"), right=right)
        return line(*follow, size(progress.bytes), (" read", "muted"), (f"   {speed}", "muted"), right=right)
    left = progress.seconds_left
    if left is not None and left >= SOON:
        right = [(eta(left), "text"), ("  ", "text"), *right]
    first: list[Piece] = [(what, "strong"), "  "] if what else []
    told: list[Piece] = [
        (f"  {percent(progress.bytes, progress.total):>5}", "strong"),
        (f"  {size_of(progress.bytes, progress.total)}", "muted"),
        (f"  {speed}", "muted"),
    ]
    room = width - width_of(spans([*first, *told, *right])) - 4
    if room < BAR_LEAST:  # the rate is the least of what is said
        told.pop()
        room = width - width_of(spans([*first, *told, *right])) - 4
    cells = max(BAR_LEAST // 2, min(BAR_MOST, room))
    done = min(cells, cells * progress.bytes // progress.total)
    return line(*first, (" " * done, "text/bar"), (" " * (cells - done), "text/bar-rest"), *told, right=right)


def live_line(live: Live, seconds: float, width: int, follow: Sequence[Piece] = ()) -> Line:
    """One row of an interface: for how long, rates, drops, what is wrong; the least needed goes first."""
    right: list[Piece] = [("x", "key"), (" stop", "muted")]
    told: list[Piece] = [*follow, ("live", "ok"), (f"  {running(seconds)}", "muted")]
    if live.problem:
        return line(*told, (f"  {live.problem}", "high"), right=right)
    drops: list[Piece] = [("  drops ", "muted")]
    if live.kernel_drops is None:
        drops.append(("not known yet" if live.tells_drops else "told at the end", "muted"))
    else:
        lost = live.kernel_drops + (live.interface_drops or 0)
        drops.append((count(lost), "high" if lost else "text"))
    told += [(f"  {count(round(live.packet_rate))}/s", "strong"), *drops]
    for more in ((f"  {bit_rate(live.byte_rate)}", "muted"), (f"  {live.how}", "muted")):
        if width_of(spans([*told, more, *right])) + 2 <= width:
            told.append(more)
    return line(*told, right=right)


def end_words(progress: Progress) -> tuple[str, str] | None:
    """A sentence for the end of a load and its ink; None where the lists say enough."""
    if progress.live is not None and progress.state in ("done", "stopped"):
        seen = f"{plural(progress.packets, 'packet')} and {plural(progress.flows, 'flow')}"
        return f"The capture is over: {seen} in {running(progress.seconds)}. The case stays open.", "strong"
    if progress.state == "stopped":
        read = size_of(progress.bytes, progress.total) if progress.total else size(progress.bytes)
        return f"Stopped at {read}. What was read is kept. L loads again.", "medium"
    return None
