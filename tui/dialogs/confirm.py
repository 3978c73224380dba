"""A question → yes or no; asked only where something would be lost or stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui.screens.base import Dialog
from tui.widgets.line import EMPTY, Line, Span, line, wrap
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Confirm(Dialog[bool]):
    """`y` or Enter does it, `n` or Esc does not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes", id="here.yes", tooltip="yes"),
        Binding("n,q,escape", "answer(False)", "no", id="here.no", tooltip="no"),
    ]

    def __init__(self, title: str, text: str, yes: str, no: str) -> None:
        super().__init__()
        self._title, self._text, self._yes, self._no = title, text, yes, no

    def compose(self) -> ComposeResult:
        rows = [Line((Span(self._title, "strong"),), indent=0), EMPTY]
        rows += [Line((Span(row),), indent=0) for row in wrap(self._text, 64)]
        answers = line(("y", "key"), (f" {self._yes}     ", "text"), ("n", "key"), (f" {self._no}", "text"))
        rows += [EMPTY, Line(answers.left, indent=0)]
        with Vertical(id="area"):
            yield Lines(rows, ground="raised")
        yield Lines([EMPTY], ground="band", id="keys")

    def action_answer(self, yes: bool) -> None:
        """Give the answer."""
        self.dismiss(yes)


def stopping(doing: str, yes: str, live: bool) -> Confirm:
    """Whether a load, or a capture of an interface, may be stopped by what is being done: `Quitting`."""
    if live:
        said = f"{doing} ends the capture. What was captured is kept in the case."
        return Confirm("An interface is captured", said, yes, "go on")
    said = f"{doing} stops it. What was read is kept in the case; loading again completes it."
    return Confirm("A load runs", said, yes, "go on")
