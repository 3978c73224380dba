"""Rows that are fetched a page at a time → a table of any length with a cursor, painted line by line.

How to use it: give it a `TableSpec` (tui.widgets.columns) and any object that is `Rows`; tell it `rows_changed()` when
there are other rows. It posts `Opened` on Enter, `Moved` when another row is under the cursor, `Sorted` when the sort
keys are used. The cursor belongs to a row, by its key: it stays on it when the rows are sorted, filtered or joined by
others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.format import safe
from tui.theme import Look, look
from tui.widgets.columns import Cell, Placed, TableSpec, all_fit, longest, place
from tui.widgets.line import Span, cut_middle, segments, spans
from tui.widgets.moving import row_keys

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from textual import events


Row = TypeVar("Row")


class Rows(Protocol):
    """What a table shows. A row is any object that the columns' cells understand."""

    @property
    def widths(self) -> Mapping[str, int]:
        """Longest value of measured columns, in cells."""

    def __len__(self) -> int: ...

    def row(self, index: int) -> Any | None:
        """The row at a place, None if it is gone."""

    def key(self, index: int) -> int:
        """What the row at a place is known by."""

    def find(self, key: int) -> int | None:
        """The place of a row."""


class FixedRows(Generic[Row]):
    """Rows that are all there and do not move: each is known by its place."""

    def __init__(self, rows: Iterable[Row] = (), widths: Mapping[str, int] | None = None) -> None:
        self.all = list(rows)
        self.widths: Mapping[str, int] = widths or {}

    def __len__(self) -> int:
        return len(self.all)

    def row(self, index: int) -> Row | None:
        """The row at a place."""
        return self.all[index] if index < len(self.all) else None

    def key(self, index: int) -> int:
        """Its place, counted from 1."""
        return index + 1

    def find(self, key: int) -> int | None:
        """The place of a key."""
        return key - 1 if 1 <= key <= len(self.all) else None


class VirtualTable(Widget, can_focus=True):
    """A list with a cursor, of any length."""

    DEFAULT_CSS = "VirtualTable { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", id="move.open", tooltip="deeper"),
        *row_keys(),
    ]
    SORT_BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort(1)", show=False, id="narrow.sort", tooltip="sort by the next column"),
        Binding("S", "reverse", show=False, id="narrow.reverse", tooltip="the other way round"),
    ]

    class Opened(Message):
        """Enter on a row."""

        def __init__(self, table: VirtualTable, index: int, row: Any) -> None:
            self.table, self.index, self.row = table, index, row
            super().__init__()

    class Moved(Message):
        """Another row is under the cursor, or the row has changed; None = there is none."""

        def __init__(self, table: VirtualTable, index: int, row: Any | None) -> None:
            self.table, self.index, self.row = table, index, row
            super().__init__()

    class Sorted(Message):
        """The rows are wanted in another order."""

        def __init__(self, table: VirtualTable, column: str, descending: bool) -> None:
            self.table, self.column, self.descending = table, column, descending
            super().__init__()

    def __init__(self, spec: TableSpec, rows: Rows, *, ground: str = "page", id: str | None = None) -> None:
        super().__init__(id=id)
        self.spec, self.rows, self.ground = spec, rows, ground
        self.cursor = 0
        """Place of the row under the cursor."""
        self.top = 0
        """Place of the first row on the screen."""
        self.touched = False
        """The person has moved the cursor."""
        self.sort: tuple[str, bool] = ("", False)
        """Column and whether descending, as shown in the head."""
        self.key: int | None = None
        """Key of the row under the cursor."""
        self.bars: Container[int] = frozenset()
        """Keys of rows with the evidence bar in the gutter."""
        self.painted = 0
        """Place of the row that is being painted, for cells that look at the one before."""
        self._placed: list[Placed] = []
        self._placed_for: tuple[int, tuple[tuple[str, int], ...]] | None = None
        self._crowded = False
        """The longest values of the whole result do not fit."""
        self._seen: dict[str, int] = {}
        """Longest values that were in sight."""
        self._sight: tuple[int, int, int] | None = None
        """First row, rows in sight and rows in all at which `_seen` was looked at."""

    @property
    def page(self) -> int:
        """Rows that are on the screen at once."""
        return max(self.size.height - 1, 1)

    @property
    def current(self) -> Any | None:
        """The row under the cursor."""
        return self.rows.row(self.cursor) if self.cursor < len(self.rows) else None

    # rows -----------------------------------------------------------------------------------------------------------

    def use(self, spec: TableSpec) -> None:
        """Show other columns."""
        if spec is not self.spec:
            self.spec, self._placed_for = spec, None
            self.refresh()

    def rows_changed(self, place: int | None = None) -> None:
        """Other rows, or another order: the cursor follows its row. `place` is where that row is now, if known."""
        length = len(self.rows)
        keep = self.cursor - self.top
        old_key = self.key
        if place is None and self.key is not None:
            stayed = self.cursor < length and self.rows.key(self.cursor) == self.key
            place = self.cursor if stayed else self.rows.find(self.key)
        self.cursor = max(0, min(self.cursor if place is None else place, length - 1))
        self.top = self._bounded(self.cursor - keep)
        self.key = self.rows.key(self.cursor) if length else None
        self.refresh()
        if self.key != old_key or old_key is None:
            self.post_message(self.Moved(self, self.cursor, self.current))

    def rows_joined(self) -> None:
        """Rows were added after the last one; nothing that is on the screen has moved."""
        if self.key is None:
            self.rows_changed()
            return
        self.refresh()

    def go_to(self, key: int) -> bool:
        """Put the cursor on the row with this key; False if it is not there."""
        found = self.rows.find(key)
        if found is None:
            return False
        self._move_to(found)
        return True

    def move_to_index(self, index: int) -> None:
        """Put the cursor on the row at a place."""
        self._move_to(index)

    def _bounded(self, top: int) -> int:
        top = min(max(top, self.cursor - self.page + 1), self.cursor)
        return max(0, min(top, max(0, len(self.rows) - self.page)))

    def _move_to(self, index: int) -> None:
        length = len(self.rows)
        if not length:
            return
        old, old_top = self.cursor, self.top
        self.cursor = max(0, min(index, length - 1))
        self.key = self.rows.key(self.cursor)
        self.top = self._bounded(self.top)
        if self.cursor == old and self.top == old_top:
            return
        if self.top != old_top:
            self.refresh()
        else:
            width = self.size.width
            self.refresh(*(Region(0, index - self.top + 1, width, 1) for index in (old, self.cursor)))
        self.post_message(self.Moved(self, self.cursor, self.current))

    # keys and mouse -------------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        self.touched = True
        self._move_to(self.cursor + by)

    def action_page(self, pages: float) -> None:
        self.touched = True
        step = max(1, int(self.page * abs(pages)))
        step = step if pages > 0 else -step
        self.top = max(0, min(self.top + step, max(0, len(self.rows) - self.page)))
        self.refresh()
        self._move_to(self.cursor + step)

    def action_jump(self, index: int) -> None:
        self.touched = True
        self._move_to(index if index >= 0 else len(self.rows) - 1)

    def action_open(self) -> None:
        if (row := self.current) is not None:
            self.post_message(self.Opened(self, self.cursor, row))

    def action_sort(self, by: int) -> None:
        shown = {column.name for column in self._columns()}
        names = [name for name in self.spec.sorts if name in shown]
        if not names:
            return
        at = names.index(self.sort[0]) if self.sort[0] in names else -by
        name = names[(at + by) % len(names)]
        self.post_message(self.Sorted(self, name, name in self.spec.descending_first))

    def action_reverse(self) -> None:
        if self.sort[0]:
            self.post_message(self.Sorted(self, self.sort[0], not self.sort[1]))

    def on_click(self, event: events.Click) -> None:
        index = self.top + event.y - 1
        if event.y == 0:
            self._click_head(event.x)
        elif index < len(self.rows):
            self.touched = True
            self._move_to(index)
            if event.chain == 2:
                self.action_open()

    def _click_head(self, x: int) -> None:
        for column in self._columns():
            if column.left <= x < column.left + column.width and column.name in self.spec.sorts:
                again = self.sort[0] == column.name
                descending = not self.sort[1] if again else column.name in self.spec.descending_first
                self.post_message(self.Sorted(self, column.name, descending))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_move(3)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_move(-3)
        event.stop()

    def on_resize(self) -> None:
        self.top = self._bounded(self.top)
        # what is said of the row may depend on the columns that fit now
        self.post_message(self.Moved(self, self.cursor, self.current))

    def on_mount(self) -> None:
        self.rows_changed()

    # painting -------------------------------------------------------------------------------------------------------

    def _columns(self) -> list[Placed]:
        width, whole = self.size.width, self.rows.widths
        if not width:
            return []  # not laid out yet: no column is shown, nor cut
        wanted = (width, tuple(whole.items()))
        if wanted != self._placed_for:
            self._placed, self._placed_for = place(self.spec, width, whole), wanted
            self._crowded = not all_fit(self.spec, width, whole)
            self._seen, self._sight = {}, None
        sight = (self.top, self.page, len(self.rows))
        if self._crowded and sight != self._sight:
            self._sight = sight
            self._make_room(width, whole)
        return self._placed

    def _make_room(self, width: int, whole: Mapping[str, int]) -> None:
        """Columns as wide as what was in sight needs: they grow while one goes through the list, and never shrink."""
        rows = (self.rows.row(index) for index in range(self.top, min(self.top + self.page, len(self.rows))))
        longest_now = longest(self.spec, (row for row in rows if row is not None), look(self).glyphs)
        seen = {
            name: min(most, max(longest_now.get(name, most), self._seen.get(name, 0))) for name, most in whole.items()
        }
        if seen != self._seen:
            self._seen = seen
            self._placed = place(self.spec, width, seen)
            self.refresh()

    def width_of(self, name: str) -> int:
        """Cells of a column; 0 if it is not shown."""
        return next((column.width for column in self._columns() if column.name == name), 0)

    def columns_shown(self) -> tuple[str, ...]:
        """Names of the columns that fit at this width."""
        return tuple(column.name for column in self._columns())

    def render_line(self, y: int) -> Strip:
        """The head, or one row."""
        shown = look(self)
        if y == 0:
            return self._paint_head(shown)
        index = self.top + y - 1
        under = index == self.cursor and index < len(self.rows)
        ground = "cursor" if under else self.ground
        row = self.rows.row(index) if index < len(self.rows) else None
        self.painted = index
        marked = getattr(row, "marked", False)
        out = [self._gutter(shown, under, ground, self.rows.key(index) if row is not None else 0, marked)]
        at = 1
        for column in self._columns() if row is not None else ():
            cell = column.cell(row, shown.glyphs)
            if (quick := _plain_cell(cell, column, column.left - at, shown, ground)) is not None:
                out.append(quick)
            else:
                if column.left > at:
                    out.append(Segment(" " * (column.left - at), shown.palette.style("text", ground)))
                out += _paint_cell(cell, column, shown, ground)
            at = column.left + column.width
        return self._finish(out, at, y, shown, ground)

    def _gutter(self, shown: Look, under: bool, ground: str, key: int, marked: bool) -> Segment:
        glyphs, palette = shown.glyphs, shown.palette
        if marked:
            return Segment(glyphs.mark, palette.style("key", ground))
        if key and key in self.bars:
            return Segment(glyphs.evidence, palette.style("evidence-bar", ground))
        if under:
            return Segment(glyphs.cursor, palette.style("accent", ground))
        return Segment(" ", palette.style("text", ground))

    def _finish(self, out: list[Segment], at: int, y: int, shown: Look, ground: str) -> Strip:
        width, palette = self.size.width, shown.palette
        bar = self._scroll_bar(y, shown)
        if at > width - 1:
            out = list(Strip(out, at).crop(0, width - 1))
        elif at < width - 1:
            out.append(Segment(" " * (width - 1 - at), palette.style("text", ground)))
        out.append(Segment(bar[0], palette.style(bar[1], ground)))
        return Strip(out, max(width, 1))

    def _scroll_bar(self, y: int, shown: Look) -> tuple[str, str]:
        length, page = len(self.rows), self.page
        if y == 0 or length <= page:
            return " ", "text"
        thumb = max(1, page * page // length)
        start = round((page - thumb) * self.top / (length - page))
        inside = start <= y - 1 < start + thumb
        return (shown.glyphs.thumb, "muted") if inside else (shown.glyphs.track, "rule")

    def _paint_head(self, shown: Look) -> Strip:
        glyphs, palette = shown.glyphs, shown.palette
        flat = " underline" if palette.depth != "rgb" else ""
        out, at = [Segment(" ", palette.style("text", self.ground))], 1
        for column in self._columns():
            if column.left > at:
                out.append(Segment(" " * (column.left - at), palette.style("text", self.ground)))
            sorted_by = column.name == self.sort[0]
            text = column.head
            mark = glyphs.descending if self.sort[1] else glyphs.ascending
            if sorted_by and len(text) + 2 <= column.width:
                text = f"{text} {mark}"
            ink = ("accent bold" if sorted_by else "muted") + flat
            out += _paint_cell(((text, ink),), column, shown, self.ground)
            at = column.left + column.width
        return self._finish(out, at, 0, shown, self.ground)


def _plain_cell(cell: Cell, column: Placed, gap: int, shown: Look, ground: str) -> Segment | None:
    """A cell of one plain piece that fits, with the gap before it, as one segment: nearly all cells are that, and a
    third of the segments is a third of the work for all that comes after."""
    if len(cell) != 1:
        return None
    piece = cell[0]
    text, ink = (piece, "text") if isinstance(piece, str) else piece
    room = column.width - len(text)
    if room < 0 or "/" in ink or not text.isascii() or not text.isprintable():
        return None
    text = " " * (gap + room) + text if column.right else " " * gap + text + " " * room
    return Segment(text, shown.palette.style(ink, ground))


def _paint_cell(cell: Cell, column: Placed, shown: Look, ground: str) -> list[Segment]:
    pieces = spans(cell)
    width = column.width
    if column.middle and len(pieces) == 1:
        pieces = (Span(cut_middle(safe(pieces[0].text), width, shown.glyphs.cut), pieces[0].ink),)
    if column.right:
        need = sum(cell_len(safe(piece.text)) for piece in pieces)
        if need < width:
            pieces = (Span(" " * (width - need)), *pieces)
    return segments(pieces, width, shown, ground)
