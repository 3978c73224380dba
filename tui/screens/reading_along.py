"""Packets in sight of a list → what they say, read from the capture in a thread while someone scrolls."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.worker import get_current_worker

from oddport.case.errors import CaptureMoved, CaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.data.packet_says import Said
    from tui.screens.base import Frame

AHEAD = 8
"""Packets above and below the screen that are read along."""
TELL_EVERY = 0.05
"""Seconds between two repaints of the list while packets are read."""

Reading = tuple[int, "Callable[[], Said]"]
"""What the packet is known by, and what reads it."""


def read_along(
    screen: Frame,
    wanted: Sequence[Reading],
    heard: Callable[[dict[int, Said]], None],
    moved: Callable[[str], None],
) -> None:
    """Read packets; those that an earlier call has not come to are given up.

    `heard` is given what is known by now, `moved` a sentence where the capture is not what it was; both are called in
    the thread of the screen.
    """
    if wanted:
        # without `exclusive`, threads would queue up behind each other's packets while someone scrolls
        screen.run_worker(
            lambda: _read(screen, wanted, heard, moved), thread=True, exclusive=True, group="read", exit_on_error=True
        )


def _read(
    screen: Frame,
    wanted: Sequence[Reading],
    heard: Callable[[dict[int, Said]], None],
    moved: Callable[[str], None],
) -> None:
    worker = get_current_worker()
    found, told = dict[int, "Said"](), time.monotonic()
    for key, words in wanted:
        if worker.is_cancelled:
            return
        try:
            found[key] = words()
        except CaptureMoved as error:
            screen.soon(moved, str(error))
            return
        except CaseError as error:
            screen.soon(screen.say, str(error), "high")
            return
        if time.monotonic() - told > TELL_EVERY:
            screen.soon(heard, found)
            found, told = {}, time.monotonic()
    screen.soon(heard, found)
