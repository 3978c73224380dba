"""A question for a number → the number, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui.dialogs.path import WIDTH, PathInput
from tui.format import count
from tui.screens.base import Dialog
from tui.widgets.line import EMPTY, Line, Span, wrap
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from textual.app import ComposeResult


class NumberDialog(Dialog[int]):
    """Stays open until the number is one that there is, or the person gives up."""

    AUTO_FOCUS = "PathInput"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "leave it", id="move.close", tooltip="change nothing"),
    ]

    def __init__(self, title: str, text: str, least: int, most: int) -> None:
        super().__init__()
        self._title, self._text, self._least, self._most = title, text, least, most

    def compose(self) -> ComposeResult:
        rows = [Line((Span(self._title, "strong"),), indent=0), EMPTY]
        rows += [Line((Span(row, "muted"),), indent=0) for row in wrap(self._text, WIDTH)]
        with Vertical(id="area"):
            yield Lines([*rows, EMPTY], ground="raised")
            box = PathInput(compact=True, select_on_focus=False)
            box.cursor_blink = False
            yield box
            yield Lines([EMPTY], ground="raised", id="why")
        yield Lines([EMPTY], ground="band", id="keys")

    def action_take(self) -> None:
        """Close, if there is such a number; separators of thousands may stand in it."""
        text = self.query_one(PathInput).value.strip().replace(",", "").replace(" ", "")
        if text.isascii() and text.isdigit() and len(text) < 19 and self._least <= int(text) <= self._most:
            self.dismiss(int(text))
            return
        why = f"That is no number from {count(self._least)} to {count(self._most)}."
        self.query_one("#why", Lines).show([EMPTY, Line((Span(why, "high"),), indent=0)])
