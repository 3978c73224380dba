"""A screen over a case: the way to a flow, and what is said where the case cannot be read."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from textual.binding import Binding

from oddport.case.errors import CaseError
from tui.screens.base import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.dashboard import OddportApp
    from tui.data.case import Store

STOP_KEY = Binding("x", "app.cancel_load", "stop", id="here.cancel", tooltip="stop what runs")
THEME_KEY = Binding("T", "app.next_theme", show=False, id="here.theme", tooltip="other colours")
LEAVE_KEYS = (
    Binding("q", "app.leave", "back", id="move.back_q", tooltip="back"),
    Binding("q", "app.quit_app", "quit", id="move.quit", tooltip="quit"),
)
"""What every top-level screen has, each at its place in the last row."""


def hosted(screen: Frame) -> OddportApp:
    """The dashboard that a screen lives in."""
    from tui.dashboard import OddportApp

    app = screen.app
    assert isinstance(app, OddportApp)
    return app


class CaseFrame(Frame):
    """A top-level screen."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    @property
    def host(self) -> OddportApp:
        """The dashboard."""
        return hosted(self)

    def guarded(self, call: Callable[[], None]) -> None:
        """Call; where the case cannot be read, say so: its file may lie on a disk or a share that goes away."""
        try:
            call()
        except (CaseError, sqlite3.Error) as error:
            self.say_unreadable(error)

    def say_unreadable(self, error: Exception) -> None:
        """In row 1."""
        self.say(str(error) if isinstance(error, CaseError) else f"The case could not be read: {error}.", "high")

    def refresh_frame(self) -> None:
        try:
            super().refresh_frame()
        except (CaseError, sqlite3.Error) as error:
            self.host.read_problem(error)

    def open_flow(self, flow: int, trail: Sequence[str], finding: int | None) -> None:
        """A flow and its packets; without a finding its worst one is shown."""
        from tui.screens.flow import FlowScreen

        def go() -> None:
            self.app.push_screen(FlowScreen(self.store.reader, flow, trail, finding))

        self.guarded(go)

    def open_stream(self, flow: int, trail: Sequence[str], finding: int | None) -> None:
        """What both sides of a flow said."""
        from tui.screens.stream import StreamScreen

        def go() -> None:
            self.app.push_screen(StreamScreen(self.store.reader, flow, trail, finding))

        self.guarded(go)
