"""Some choices, and if need be a line of text → the one that was chosen with its text, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget

from tui.dialogs.path import WIDTH, PathInput
from tui.screens.base import Dialog
from tui.theme import look
from tui.widgets.line import EMPTY, Line, Span, fit, paint, wrap
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.strip import Strip

LABEL = 22
"""Cells of what is chosen; behind it stands what is said of it."""


class Choice(NamedTuple):
    """Something to choose."""

    name: str
    label: str
    says: str = ""
    text: str = ""
    """What stands in the line of text at first."""


class Choices(Widget, can_focus=True):
    """The choices, one a row."""

    DEFAULT_CSS = "Choices { height: auto; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "step(1)", "choose", id="move.down", tooltip="choose", key_display="↑ ↓"),
        Binding("k,up", "step(-1)", show=False, id="move.up", tooltip="choose"),
        Binding("enter", "screen.take", "take it", id="here.take", tooltip="take it"),
    ]

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__()
        self.choices, self.at = list(choices), 0

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """A row each."""
        return len(self.choices)

    def action_step(self, by: int) -> None:
        """Another one."""
        self.go((self.at + by) % len(self.choices))

    def go(self, at: int) -> None:
        """The one at a place."""
        self.at = at
        self.refresh()
        screen = self.screen
        if isinstance(screen, ChooseDialog):
            screen.chosen()

    def on_click(self, event: events.Click) -> None:
        self.go(min(event.y, len(self.choices) - 1))

    def render_line(self, y: int) -> Strip:
        """One choice."""
        shown, choice = look(self), self.choices[y]
        ground = "cursor" if y == self.at else "raised"
        pieces = (
            Span(shown.glyphs.cursor if y == self.at else " ", "accent"), Span(" "),
            Span(fit(choice.label, LABEL, mark=shown.glyphs.cut), "strong"), Span(f" {choice.says}", "muted"),
        )  # fmt: skip
        return paint(Line(pieces, indent=0), self.size.width, shown, ground)


class ChooseDialog(Dialog[tuple[str, str]]):
    """Stays open until a choice is accepted or the person gives up; gives (name, text)."""

    AUTO_FOCUS = "Choices"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "side", "text", id="move.side", tooltip="choices, text"),
        Binding("escape", "close", "leave it", id="move.close", tooltip="change nothing"),
    ]

    def __init__(
        self,
        title: str,
        text: str,
        choices: Sequence[Choice],
        accept: Callable[[str, str], str] | None = None,
        asks: str = "",
    ) -> None:
        """`accept` is given name and text; what it gives back is why not, or empty if all is well. `asks` is the
        question over the line of text; without one there is no such line."""
        super().__init__()
        self._title, self._text, self._accept, self._asks = title, text, accept, asks
        self._choices = Choices(choices)
        self._offered = choices[0].text

    def compose(self) -> ComposeResult:
        rows = [Line((Span(self._title, "strong"),), indent=0), EMPTY]
        rows += [Line((Span(row, "muted"),), indent=0) for row in wrap(self._text, WIDTH)] if self._text else []
        with Vertical(id="area"):
            yield Lines([*rows, *([EMPTY] if self._text else [])], ground="raised")
            yield self._choices
            if self._asks:
                yield Lines([EMPTY, Line((Span(self._asks, "muted"),), indent=0)], ground="raised")
                box = PathInput(self._offered, compact=True, select_on_focus=False)
                box.cursor_blink = False
                yield box
            yield Lines([EMPTY], ground="raised", id="why")
        yield Lines([EMPTY], ground="band", id="keys")

    def chosen(self) -> None:
        """Another choice is under the cursor: its text takes the place of one that nobody has changed."""
        choice = self._choices.choices[self._choices.at]
        for box in self.query(PathInput):
            if box.value == self._offered:
                box.value = self._offered = choice.text
                box.cursor_position = len(choice.text)

    def action_side(self) -> None:
        """The choices, or the line of text."""
        for box in self.query(PathInput):
            (self._choices if self.focused is box else box).focus()

    def action_take(self) -> None:
        """Close, if it is accepted; else say why not."""
        choice = self._choices.choices[self._choices.at]
        text = next((box.value.strip() for box in self.query(PathInput)), choice.text)
        why = self._accept(choice.name, text) if self._accept is not None else ""
        if not why:
            self.dismiss((choice.name, text))
            return
        rows = [Line((Span(row, "high"),), indent=0) for row in wrap(why, WIDTH)]
        self.query_one("#why", Lines).show([EMPTY, *rows])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a line of text there is one side only."""
        return bool(self._asks) if action == "side" else True
