"""Segments of a stream → rows with a cursor, painted line by line; only the segments in sight are read and laid out.

A place is (segment, row within it): nobody knows how many rows there are in all, nor needs to. It posts `Opened` on
Enter and `Moved` when another row is under the cursor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment as Painted
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from oddport.case.errors import CaseError
from tui.data.newest import Newest
from tui.data.stream_rows import FORMS, Row, rows_of, spans_of, told
from tui.format import count
from tui.theme import Look, look
from tui.widgets.line import Line, Span, paint
from tui.widgets.moving import row_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from tui.data.stream import Segment, Stream, StreamBytes

Place = tuple[int, int]
Mark = tuple[int, int, str]
"""(first byte, past the last one, ink)"""
LAID_OUT = 128
"""Segments whose rows are kept."""
LEAD = 7
"""Cells of arrow and letter and what is around them, between number and text."""
INKS = ("text", "strong")
"""Of what the originator and the responder say: by weight, not by hue."""


class StreamView(Widget, can_focus=True):
    """The stream."""

    DEFAULT_CSS = "StreamView { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "packet", id="move.open", tooltip="packet"),
        *row_keys(),
    ]

    class Opened(Message):
        """Enter on a row."""

        def __init__(self, segment: Segment) -> None:
            self.segment = segment
            super().__init__()

    class Moved(Message):
        """Another row is under the cursor."""

    class Unreadable(Message):
        """The bytes could not be read; `text` is a sentence."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    def __init__(self, stream: Stream, reading: StreamBytes, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.stream, self.reading = stream, reading
        self.form = FORMS[0]
        self.only: bool | None = None
        """False: what the originator says alone, True: the responder; None: both."""
        self.cursor: Place = (0, 0)
        self.top: Place = (0, 0)
        self.marks: dict[int, list[Mark]] = {}
        """Evidence, by segment."""
        self.hit: tuple[int, Mark] | None = None
        """What was looked for: its segment and its bytes there."""
        self._rows = Newest[tuple[int, str, int], list[Row]](LAID_OUT)
        self._unread = False

    # places ---------------------------------------------------------------------------------------------------------

    @property
    def number_width(self) -> int:
        """Cells of packet numbers."""
        return max(4, len(count(self.stream.flow.packets)))

    @property
    def room(self) -> int:
        """Cells of text in a row."""
        return max(self.size.width - 1 - self.number_width - LEAD - 1, 8)

    def rows(self, index: int) -> list[Row]:
        """The rows of a segment; one for a gap or a repeat."""
        return self._rows.wanted((index, self.form, self.room), lambda: self._laid_out(index))

    def _laid_out(self, index: int) -> list[Row]:
        if self.stream.segments[index].has_data and not self._unread:
            try:
                return rows_of(self.reading.data(index), self.form, self.room, look(self).glyphs)
            except CaseError as error:
                self._unread = True
                self.post_message(self.Unreadable(str(error)))
        return [Row(())]

    def _shown(self, index: int) -> bool:
        return self.only is None or self.stream.segments.back(index) == self.only

    def _beside(self, index: int, step: int) -> int | None:
        """The next segment that is shown."""
        index += step
        while 0 <= index < len(self.stream.segments):
            if self._shown(index):
                return index
            index += step
        return None

    def _walk(self, place: Place, by: int) -> Place:
        """The place so many rows further, or the last one there is."""
        index, row = place
        while by:
            row += by
            if row < 0:
                before = self._beside(index, -1)
                if before is None:
                    return index, 0
                by, index = row + 1, before
                row = len(self.rows(index)) - 1
                if not by:
                    return index, row
            elif row >= (length := len(self.rows(index))):
                behind = self._beside(index, 1)
                if behind is None:
                    return index, length - 1
                by, index, row = row - length, behind, 0
            else:
                return index, row
        return index, row

    def in_sight(self) -> list[Place]:
        """Places of the rows on the screen."""
        if not len(self.stream.segments):
            return []
        index: int | None = self.top[0]
        found: list[Place] = []
        row = self.top[1]
        while index is not None and len(found) < self.size.height:
            rows = len(self.rows(index))
            found += [(index, n) for n in range(row, min(rows, row + self.size.height - len(found)))]
            index, row = self._beside(index, 1), 0
        return found

    @property
    def segment(self) -> Segment | None:
        """The segment under the cursor."""
        return self.stream.segments[self.cursor[0]] if self.cursor[0] < len(self.stream.segments) else None

    def go_to(self, index: int, byte: int = 0) -> None:
        """Put the cursor on the row that shows a byte of a segment."""
        rows = self.rows(index)
        row = next((n for n, each in enumerate(rows) if any(end > byte for _, _, end in each.pieces)), 0)
        self._set((index, row))

    def _set(self, place: Place) -> None:
        old, old_top = self.cursor, self.top
        self.cursor = place
        sight = self.in_sight()
        if place < self.top:
            self.top = place
        elif place not in sight:
            self.top = self._walk(place, -(self.size.height - 1))
        if self.top != old_top:
            self.refresh()
        else:
            lines = [y for y, each in enumerate(sight) if each in (old, place)]
            self.refresh(*(Region(0, y, self.size.width, 1) for y in lines))
        self.post_message(self.Moved())

    def show(self, form: str, only: bool | None) -> None:
        """Show it in another form, or one side alone; the segment under the cursor stays if it is of that side."""
        byte, index = self.first_byte(), self.cursor[0]
        self.form, self.only = form, only
        self._rows.clear()
        if index < len(self.stream.segments):
            if not self._shown(index):
                beside = self._beside(index, 1)
                before = self._beside(index, -1) if beside is None else beside
                index, byte = index if before is None else before, 0
            self.top = (index, 0)
            self.go_to(index, byte)
        self.refresh()

    def says_anything(self, back: bool) -> bool:
        """Whether a side sent anything."""
        segments = self.stream.segments
        return any(segments.back(index) == back for index in range(len(segments)))

    def first_byte(self) -> int:
        """The first byte of the row under the cursor, in its segment."""
        index, row = self.cursor
        rows = self.rows(index) if index < len(self.stream.segments) else []
        pieces = rows[row].pieces if row < len(rows) else ()
        return next((start for _, start, _ in pieces if start >= 0), 0)

    # keys and mouse -------------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        if self.stream.segments:
            self._set(self._walk(self.cursor, by))

    def action_page(self, pages: float) -> None:
        if self.stream.segments:
            step = max(1, int(self.size.height * abs(pages))) * (1 if pages > 0 else -1)
            last = self._walk((self._end(), 1 << 30), -(self.size.height - 1))
            self.top = max(min(self._walk(self.top, step), last), self._walk(self.top, step) if step < 0 else (0, 0))
            self._set(self._walk(self.cursor, step))
            self.refresh()

    def _end(self) -> int:
        length = len(self.stream.segments)
        return length - 1 if self._shown(length - 1) else self._beside(length - 1, -1) or 0

    def action_jump(self, to: int) -> None:
        if not self.stream.segments:
            return
        if to < 0:
            self._set(self._walk((self._end(), 1 << 30), 1))
        else:
            first = 0 if self._shown(0) else self._beside(0, 1) or 0
            self._set((first, 0))

    def action_open(self) -> None:
        if (segment := self.segment) is not None:
            self.post_message(self.Opened(segment))

    def on_click(self, event: events.Click) -> None:
        sight = self.in_sight()
        if event.y < len(sight):
            self._set(sight[event.y])
            if event.chain == 2:
                self.action_open()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_move(3)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_move(-3)
        event.stop()

    def on_resize(self) -> None:
        if self.stream.segments:
            index = self.cursor[0]
            row = min(self.cursor[1], len(self.rows(index)) - 1)
            self.top = (self.top[0], min(self.top[1], len(self.rows(self.top[0])) - 1))
            self._set((index, row))

    # painting -------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One row."""
        shown, width = look(self), self.size.width
        sight = self.in_sight()
        if y >= len(sight):
            return paint(Line(), width, shown)
        index, row = sight[y]
        under = sight[y] == self.cursor
        ground = "cursor" if under else "page"
        pieces = self._pieces(index, row, shown)
        body = paint(Line(tuple(pieces), indent=0), max(width - 2, 1), shown, ground)
        gutter = Painted(shown.glyphs.cursor if under else " ", shown.palette.style("accent", ground))
        glyph, ink = self._bar(y, shown)
        return Strip([gutter, *body, Painted(glyph, shown.palette.style(ink, ground))], width)

    def _pieces(self, index: int, row: int, shown: Look) -> list[Span]:
        segment, glyphs = self.stream.segments[index], shown.glyphs
        number = self.number_width
        if not segment.has_data:
            return [Span(" " * number + f"  {glyphs.gap} {told(segment, glyphs)} {glyphs.gap}", "muted italic")]
        rows = self.rows(index)
        if row >= len(rows):
            return []
        if row:
            lead = [Span(" " * (number + LEAD - 1))]
        else:
            arrow = f"{glyphs.back} R" if segment.back else f"{glyphs.forward} O"
            lead = [
                Span(count(segment.place + 1).rjust(number), "muted"),
                Span(f" {arrow}  ", "strong" if segment.back else "accent"),
            ]
        if rows[row].goes_on:
            lead.append(Span(f"{glyphs.wrap} ", "muted"))
        marks: Sequence[Mark] = self.marks.get(index, ())
        if self.hit is not None and self.hit[0] == index:
            marks = (self.hit[1], *marks)
        return [*lead, *spans_of(rows[row], INKS[segment.back], marks)]

    def _bar(self, y: int, shown: Look) -> tuple[str, str]:
        """The scroll bar goes by segments: their rows are not counted."""
        height, length = self.size.height, len(self.stream.segments)
        sight = self.in_sight()
        if not sight or (sight[0] == (0, 0) and len(sight) < height):
            return " ", "text"
        first, last = sight[0][0], sight[-1][0]
        start = first * height // length
        end = max(start + 1, -(-(last + 1) * height // length))
        return (shown.glyphs.thumb, "muted") if start <= y < end else (shown.glyphs.track, "rule")
