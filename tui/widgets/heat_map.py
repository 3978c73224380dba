"""A map of apps and ports → a grid with a cursor: how many flows, and which of them do not fit.

It posts `Moved` when another cell is under the cursor and `Opened` on Enter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from tui.data.ports import ALTERNATE, MORE, OTHER, UNKNOWN, PortMap, compact
from tui.glyphs import MISMATCH, SEVERITY_INKS
from tui.theme import look
from tui.widgets.line import Line, Span, fit, paint

if TYPE_CHECKING:
    from textual import events
    from textual.strip import Strip

    from tui.data.ports import Cell

CELL = 5
NAMES = 12
"""Cells of app names, at most."""


class HeatMap(Widget, can_focus=True):
    """The map."""

    DEFAULT_CSS = "HeatMap { height: auto; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "these flows", id="move.open", tooltip="the flows of the cell"),
        Binding("j,down", "move(1, 0)", show=False, id="move.down", tooltip="cell"),
        Binding("k,up", "move(-1, 0)", show=False, id="move.up", tooltip="cell"),
        Binding("h,left", "move(0, -1)", show=False, id="move.left", tooltip="cell"),
        Binding("l,right", "move(0, 1)", show=False, id="move.right", tooltip="cell"),
        Binding("g,home", "worst", show=False, id="move.top", tooltip="the worst cell"),
        Binding("n", "next(1)", "next odd", id="judge.next", tooltip="next, previous cell that does not fit"),
        Binding("N", "next(-1)", show=False, id="judge.previous", tooltip="next, previous cell that does not fit"),
    ]

    class Moved(Message):
        """Another cell is under the cursor."""

    class Opened(Message):
        """Enter on a cell with flows."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.map = PortMap()
        self.cursor = (0, 0)
        self._placed = False

    def show(self, shown: PortMap) -> None:
        """Another map; the cursor stays on its app and port, and begins at the worst cell."""
        old, (row, column) = self.map, self.cursor
        here = (old.apps[row], old.ports[column]) if row < len(old.apps) and column < len(old.ports) else None
        self.map = shown
        if not self._placed and shown.apps:
            self.cursor, self._placed = shown.worst(), True
        elif here is not None and here[0] in shown.apps and here[1] in shown.ports:
            self.cursor = (shown.apps.index(here[0]), shown.ports.index(here[1]))
        else:
            self.cursor = (0, 0)
        self.refresh(layout=True)
        self.post_message(self.Moved())

    @property
    def current(self) -> Cell | None:
        """What is under the cursor."""
        return self.map.cell(*self.cursor)

    def room(self, width: int, names: int) -> int:
        """Columns that fit."""
        return max((width - 3 - min(names, NAMES)) // (CELL + 1), 2)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """The heads, and a row an app."""
        return len(self.map.apps) + 1

    # keys and mouse -------------------------------------------------------------------------------------------------

    def _go(self, row: int, column: int) -> None:
        row = max(0, min(row, len(self.map.apps) - 1))
        column = max(0, min(column, len(self.map.ports) - 1))
        if (row, column) != self.cursor:
            self.cursor = (row, column)
            self.refresh()
            self.post_message(self.Moved())

    def action_move(self, rows: int, columns: int) -> None:
        self._go(self.cursor[0] + rows, self.cursor[1] + columns)

    def action_worst(self) -> None:
        self._go(*self.map.worst())

    def action_next(self, step: int) -> None:
        places = [
            (row, column) for row in range(len(self.map.apps)) for column in range(len(self.map.ports))
            if (cell := self.map.cell(row, column)) is not None and cell.odd
        ]  # fmt: skip
        if not places:
            return
        behind = [place for place in places if (place > self.cursor if step > 0 else place < self.cursor)]
        self._go(*((behind or places)[0] if step > 0 else (behind or places)[-1]))

    def action_open(self) -> None:
        if self.current is not None:
            self.post_message(self.Opened())

    def on_click(self, event: events.Click) -> None:
        column = (event.x - self._names - 2) // (CELL + 1)
        if event.y and column >= 0:
            self._go(event.y - 1, column)
            if event.chain == 2:
                self.action_open()

    # painting -------------------------------------------------------------------------------------------------------

    @property
    def _names(self) -> int:
        return min(max((len(app) for app in self.map.apps), default=0), NAMES)

    def render_line(self, y: int) -> Strip:
        """The heads of the columns, or the row of an app."""
        shown = look(self)
        if y > len(self.map.apps) or not self.map.apps:
            return paint(Line(), self.size.width, shown)
        pieces = self._heads() if y == 0 else self._row(y - 1)
        return paint(Line(tuple(pieces)), self.size.width, shown)

    def _heads(self) -> list[Span]:
        pieces = [Span(" " * self._names)]
        for column, port in enumerate(self.map.ports):
            here = column == self.cursor[1] and self.has_focus
            text = OTHER if port is None else str(port)
            pieces.append(Span(" " + fit(text, CELL, right=True), "strong" if here else "muted"))
        return pieces

    def _row(self, row: int) -> list[Span]:
        glyphs = look(self).glyphs
        app = self.map.apps[row]
        under = row == self.cursor[0] and self.has_focus
        quiet = app in (UNKNOWN, MORE)
        pieces = [Span(fit(app, self._names, mark=glyphs.cut), "strong" if under else "muted" if quiet else "text")]
        for column in range(len(self.map.ports)):
            at_right = under and column - 1 == self.cursor[1]
            before = ("[" if glyphs.ascii else "▐") if under and column == self.cursor[1] else " "
            pieces.append(Span(("]" if glyphs.ascii else "▌") if at_right else before, "accent"))
            pieces += self._cell(self.map.cell(row, column))
        if under and self.cursor[1] == len(self.map.ports) - 1:
            pieces.append(Span("]" if glyphs.ascii else "▌", "accent"))
        return pieces

    def _cell(self, cell: Cell | None) -> list[Span]:
        glyphs = look(self).glyphs
        if cell is None:
            return [Span(glyphs.byte.rjust(CELL), "rule")]
        ground = cell.ground
        if cell.odd:
            number = fit(compact(cell.odd, CELL - 1), CELL - 1, right=True)
            return [
                Span(glyphs.verdict[MISMATCH], f"{SEVERITY_INKS[max(cell.severity, 1)]}/{ground}"),
                Span(number, f"strong/{ground}"),
            ]
        wide = cell.verdict == ALTERNATE and len(compact(cell.flows, CELL)) < CELL
        sign = glyphs.verdict[ALTERNATE] if wide else " "
        number = fit(compact(cell.flows, CELL), CELL - 1 if wide else CELL, right=True)
        ink = "text" if ground in ("heat-1", "heat-2", "heat-3") else "strong"
        return [*([Span(sign, f"muted/{ground}")] if wide else []), Span(number, f"{ink}/{ground}")]
