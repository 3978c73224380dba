"""A port where something is fine → the words of an exception for the site's table, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from tui.data.site import Wanted
from tui.dialogs.path import WIDTH
from tui.screens.base import Dialog
from tui.widgets.line import EMPTY, Line, Span, wrap
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

FIELDS = (
    ("server", "Server", "an address or a network, 10.1.0.0/16"),
    ("port", "Port", ""),
    ("protocol", "Protocol", ""),
    ("reason", "Reason", "who says so, or a ticket"),
    ("expires", "Until", "the last day, UTC; empty: for good"),
)
"""(name, label, what belongs there)"""
LONGEST = 200
"""Characters of a field."""


class FieldInput(Input):
    """A field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.take", "benign here, judge again", id="here.take", tooltip="write it and judge again"),
        Binding("down", "app.focus_next", show=False, id="move.field_down", tooltip="next field"),
        Binding("up", "app.focus_previous", show=False, id="move.field_up", tooltip="field before"),
    ]


class ExceptionDialog(Dialog[Wanted]):
    """Stays open until the exception is accepted or the person gives up."""

    DEFAULT_CSS = """
    ExceptionDialog Horizontal { height: 1; }
    ExceptionDialog Horizontal > .label { width: 11; }
    ExceptionDialog Horizontal > .says { width: 36; }
    """
    AUTO_FOCUS = "#reason"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "next field", id="move.field", tooltip="next field"),
        Binding("escape", "close", "leave it", id="move.close", tooltip="change nothing"),
    ]

    def __init__(self, offered: Wanted, accept: Callable[[Wanted], str]) -> None:
        """`accept` is given what was typed; what it gives back is why not, or empty if all is well."""
        super().__init__()
        self._offered, self._accept = offered, accept

    def compose(self) -> ComposeResult:
        text = "From now on this protocol belongs on this port. The entry goes into your site's table; verdicts stay."
        rows = [Line((Span("Benign here", "strong"),), indent=0), EMPTY]
        rows += [Line((Span(row, "muted"),), indent=0) for row in wrap(text, WIDTH)]
        with Vertical(id="area"):
            yield Lines([*rows, EMPTY], ground="raised")
            for name, label, says in FIELDS:
                with Horizontal():
                    yield Lines([Line((Span(label, "muted"),), indent=0)], ground="raised", classes="label")
                    value = getattr(self._offered, name)
                    box = FieldInput(value, compact=True, max_length=LONGEST, select_on_focus=False, id=name)
                    box.cursor_blink = False
                    yield box
                    if says:
                        yield Lines([Line((Span(f" {says}", "muted"),), indent=0)], ground="raised", classes="says")
            yield Lines([EMPTY], ground="raised", id="why")
        yield Lines([EMPTY], ground="band", id="keys")

    def action_take(self) -> None:
        """Close, if it is accepted; else say why not."""
        wanted = Wanted(**{name: self.query_one(f"#{name}", FieldInput).value.strip() for name, _, _ in FIELDS})
        why = self._accept(wanted)
        if not why:
            self.dismiss(wanted)
            return
        rows = [Line((Span(row, "high"),), indent=0) for row in wrap(why, WIDTH)]
        self.query_one("#why", Lines).show([EMPTY, *rows])
