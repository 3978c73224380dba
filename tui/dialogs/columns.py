"""The columns that a list could show → those that it is to show, in their order, and the one it is sorted by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget

from tui.data.column_sets import ColumnSet
from tui.screens.base import Dialog
from tui.theme import look
from tui.widgets.line import EMPTY, Line, Span, fit, paint
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.strip import Strip

LABEL = 18
"""Cells of what a column is called."""
MARGIN = 8
"""Rows of the terminal that the list leaves free."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A column that may be shown."""

    name: str
    head: str
    says: str
    sorts: bool


class Offers(Widget, can_focus=True):
    """The columns, one a row: those that are shown first, in their order."""

    DEFAULT_CSS = "Offers { height: auto; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "show", "show, hide", id="here.toggle", tooltip="show or hide"),
        Binding("K,shift+up", "carry(-1)", "move", id="here.carry_up", tooltip="to the left, to the right"),
        Binding("J,shift+down", "carry(1)", "move", id="here.carry_down", tooltip="to the left, to the right"),
        Binding("s", "sort", "sort by", id="narrow.sort", tooltip="sort by it; again: the other way round"),
        Binding("r", "reset", "as at first", id="here.reset", tooltip="all columns as at first"),
        Binding("enter", "screen.take", "take", id="here.take", tooltip="take them"),
        Binding("j,down", "step(1)", show=False, id="move.down", tooltip="column"),
        Binding("k,up", "step(-1)", show=False, id="move.up", tooltip="column"),
    ]

    def __init__(self, offers: Sequence[Offer], now: ColumnSet, default: ColumnSet) -> None:
        super().__init__()
        self._default = default
        self._offers = {offer.name: offer for offer in offers}
        self.at = self._top = 0
        self._take(now)

    def _take(self, chosen: ColumnSet) -> None:
        self.shown = [name for name in chosen.columns if name in self._offers]
        self.order = [*self.shown, *(name for name in self._offers if name not in self.shown)]
        self.sort, self.descending = chosen.sort, chosen.descending

    @property
    def answer(self) -> ColumnSet:
        """As it is chosen now; without columns where they are as at first."""
        columns = tuple(name for name in self.order if name in self.shown)
        return ColumnSet(() if columns == self._default.columns else columns, self.sort, self.descending)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """A row each, as many as there is room for."""
        return max(min(len(self.order), self.screen.size.height - MARGIN), 1)

    def action_step(self, by: int) -> None:
        """Another column."""
        self.at = (self.at + by) % len(self.order)
        height = max(self.size.height, 1)
        self._top = max(min(self._top, self.at), self.at - height + 1)
        self.refresh()

    def action_show(self) -> None:
        """Show or hide; the last one stays."""
        name = self.order[self.at]
        if name not in self.shown:
            self.shown.append(name)
        elif len(self.shown) > 1:
            self.shown.remove(name)
        self.refresh()

    def action_carry(self, by: int) -> None:
        """Change places with the column above or below."""
        there = self.at + by
        if 0 <= there < len(self.order):
            self.order[self.at], self.order[there] = self.order[there], self.order[self.at]
            self.action_step(by)

    def action_sort(self) -> None:
        """Sort by it, or the other way round."""
        offer = self._offers[self.order[self.at]]
        if offer.sorts:
            self.descending = not self.descending if self.sort == offer.name else False
            self.sort = offer.name
            self.refresh()

    def action_reset(self) -> None:
        """All as at first."""
        self._take(self._default)
        self.at = self._top = 0
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One column."""
        shown, at = look(self), self._top + y
        if at >= len(self.order):
            return paint(EMPTY, self.size.width, shown, "raised")
        offer, glyphs = self._offers[self.order[at]], shown.glyphs
        chosen = offer.name in self.shown
        mark = (glyphs.descending if self.descending else glyphs.ascending) if offer.name == self.sort else " "
        pieces = (
            Span(glyphs.cursor if at == self.at else " ", "accent"), Span(" "),
            Span(f"[{'x' if chosen else ' '}] ", "accent" if chosen else "muted"),
            Span(fit(offer.head, LABEL, mark=glyphs.cut), "strong" if chosen else "text"), Span(f"{mark} ", "accent"),
            Span(offer.says, "muted"),
        )  # fmt: skip
        return paint(Line(pieces, indent=0), self.size.width, shown, "cursor" if at == self.at else "raised")


class ColumnsDialog(Dialog[ColumnSet]):
    """Gives the columns as they are to be."""

    AUTO_FOCUS = "Offers"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "leave it", id="move.close", tooltip="change nothing"),
    ]

    def __init__(self, offers: Sequence[Offer], now: ColumnSet, default: ColumnSet) -> None:
        super().__init__()
        self._rows = Offers(offers, now, default)

    def compose(self) -> ComposeResult:
        with Vertical(id="area"):
            yield Lines([Line((Span("Columns", "strong"), Span("   kept for this list", "muted")), indent=0), EMPTY],
                        ground="raised")  # fmt: skip
            yield self._rows
        yield Lines([EMPTY], ground="band", id="keys")

    def action_take(self) -> None:
        """Take them."""
        self.dismiss(self._rows.answer)
