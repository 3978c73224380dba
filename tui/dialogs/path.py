"""A question for a file → its path, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from tui.screens.base import Dialog
from tui.widgets.line import EMPTY, Line, Span, wrap
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

WIDTH = 64
"""Cells of text in the dialog."""


class PathInput(Input):
    """The path."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.take", "take it", id="here.take", tooltip="take it"),
    ]


class PathDialog(Dialog[str]):
    """Stays open until the file is accepted or the person gives up."""

    AUTO_FOCUS = "PathInput"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "leave it", id="move.close", tooltip="change nothing"),
    ]

    def __init__(self, title: str, text: str, path: str, accept: Callable[[Path], str]) -> None:
        """`accept` is given the path; what it gives back is why not, or empty if all is well."""
        super().__init__()
        self._title, self._text, self._path, self._accept = title, text, path, accept

    def compose(self) -> ComposeResult:
        rows = [Line((Span(self._title, "strong"),), indent=0), EMPTY]
        rows += [Line((Span(row, "muted"),), indent=0) for row in wrap(self._text, WIDTH)]
        with Vertical(id="area"):
            yield Lines([*rows, EMPTY], ground="raised")
            box = PathInput(self._path, compact=True, select_on_focus=False)
            box.cursor_blink = False
            yield box
            yield Lines([EMPTY], ground="raised", id="why")
        yield Lines([EMPTY], ground="band", id="keys")

    def action_take(self) -> None:
        """Close, if the file is the right one; else say why not."""
        text = self.query_one(PathInput).value.strip()
        if not text:
            return
        why = self._accept(Path(text).expanduser())
        if not why:
            self.dismiss(text)
            return
        rows = [Line((Span(row, "high"),), indent=0) for row in wrap(why, WIDTH)]
        self.query_one("#why", Lines).show([EMPTY, *rows])
