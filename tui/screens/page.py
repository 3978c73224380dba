"""A text of a few lines or many → a screen that scrolls through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll

from tui.screens.base import Frame
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

    from tui.widgets.line import Line


class TextPage(Frame):
    """One text, as wide as the terminal."""

    DEFAULT_CSS = """
    TextPage > VerticalScroll { height: 1fr; scrollbar-size: 1 0; scrollbar-color: $muted; scrollbar-background:
    $background; }
    """
    STRIP = 0
    AUTO_FOCUS = "VerticalScroll"

    def __init__(self, trail: Sequence[str]) -> None:
        super().__init__()
        self._trail = tuple(trail)

    def trail(self) -> Sequence[str]:
        return self._trail

    def text(self) -> list[Line]:
        """What stands there at the width of now."""
        raise NotImplementedError

    def compose_body(self) -> Iterable[Widget]:
        """One text that scrolls."""
        with VerticalScroll():
            yield Lines(id="text")

    def refresh_frame(self) -> None:
        super().refresh_frame()
        if self.is_mounted:
            self.query_one("#text", Lines).show(self.text())
