"""Filters with a name → the one that is to hold; new names are given, old ones are taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui.dialogs.choose import Choice, Choices
from tui.dialogs.path import WIDTH, PathInput
from tui.screens.base import Dialog
from tui.widgets.line import EMPTY, Line, Span, wrap
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui.data.filter_store import FilterStore


class SavedDialog(Dialog[str]):
    """Gives the filter that was picked."""

    DEFAULT_CSS = "SavedDialog Choices { max-height: 12; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d,delete", "delete", "delete", id="here.delete", tooltip="forget the name"),
        Binding("u", "undo", "undo", id="here.undo", tooltip="bring the last one back"),
        Binding("tab", "side", "name", id="move.side", tooltip="the list, the new name"),
        Binding("escape", "close", "leave it", id="move.close", tooltip="change nothing"),
    ]

    def __init__(self, filters: FilterStore, current: str) -> None:
        """`current`: the filter that holds now, which can be given a name."""
        super().__init__()
        self._filters, self._current = filters, current
        self._choices = Choices(self._listed())
        self._deleted: list[tuple[str, str]] = []

    def _listed(self) -> list[Choice]:
        return [Choice(name, name, text, text) for name, text in self._filters.saved().items()]

    def compose(self) -> ComposeResult:
        with Vertical(id="area"):
            yield Lines([Line((Span("Saved filters", "strong"),), indent=0), EMPTY], ground="raised")
            yield Lines(ground="raised", id="none")
            yield self._choices
            if self._current:
                asks = [EMPTY, Line((Span("Save the filter that holds as", "muted"),), indent=0)]
                asks += [Line((Span(row, "text"),), indent=0) for row in wrap(self._current, WIDTH)[:3]]
                yield Lines(asks, ground="raised")
                box = PathInput("", compact=True, select_on_focus=False)
                box.cursor_blink = False
                yield box
            yield Lines([EMPTY], ground="raised", id="why")
        yield Lines([EMPTY], ground="band", id="keys")

    def on_mount(self) -> None:
        self._show(self._filters.problem)
        if self._choices.choices:
            self._choices.focus()
        else:
            for box in self.query(PathInput):
                box.focus()

    def _show(self, why: str, ink: str = "high") -> None:
        choices = self._choices
        choices.choices = self._listed()
        choices.at = max(0, min(choices.at, len(choices.choices) - 1))
        choices.display = bool(choices.choices)
        choices.refresh(layout=True)
        none = "None yet. A filter that holds can be given a name here." if not choices.choices else ""
        self.query_one("#none", Lines).show([Line((Span(none, "muted"),), indent=0)] if none else [])
        rows = [Line((Span(row, ink),), indent=0) for row in wrap(why, WIDTH)] if why else []
        self.query_one("#why", Lines).show([EMPTY, *rows] if rows else [EMPTY])
        self.refresh_bindings()

    def action_take(self) -> None:
        """The filter under the cursor, or a name for the one that holds."""
        for box in self.query(PathInput):
            if self.focused is box:
                name = box.value.strip()
                why = self._filters.save(name, self._current)
                if not why:
                    box.value = ""
                self._show(why or f"Saved as {name}.", "high" if why else "ok")
                return
        if self._choices.choices:
            self.dismiss(self._choices.choices[self._choices.at].text)

    def action_delete(self) -> None:
        """Forget the one under the cursor."""
        choice = self._choices.choices[self._choices.at]
        why = self._filters.delete(choice.name)
        if not why:
            self._deleted.append((choice.name, choice.text))
        self._show(why or f"{choice.name} is forgotten. u brings it back.", "high" if why else "muted")

    def action_undo(self) -> None:
        """Bring back the one that was forgotten last."""
        name, text = self._deleted[-1]
        why = self._filters.save(name, text)
        if not why:
            self._deleted.pop()
        self._show(why)

    def action_side(self) -> None:
        """The list, or the new name."""
        for box in self.query(PathInput):
            (self._choices if self.focused is box and self._choices.choices else box).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean something now."""
        if action == "delete":
            return bool(self._choices.choices)
        if action == "undo":
            return bool(self._deleted)
        return bool(self._current) if action == "side" else True
