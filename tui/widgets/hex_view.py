"""Bytes of any number → rows of offset, hexadecimal and text, with a cursor and with marks, painted row by row.

Marks are places of the bytes: *evidence* is filled, *facts* have the accent colour, the *field* that the tree beside is
on has the ground of a cursor row. Evidence wins over the field, its bytes are then underlined.

`CursorMoved` is posted when the person moves the cursor, never when the program does, so that a tree and this view can
follow each other without an echo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.theme import Look, look
from tui.widgets.moving import row_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.style import Style
    from textual import events

_HEX = tuple(f"{value:02x}" for value in range(256))
_TEXT = tuple(chr(value) if 0x20 <= value < 0x7F else "" for value in range(256))
WHOLE, HALF, LEAST = 16, 8, 4
"""Bytes of a row, as the width allows."""


class Range(NamedTuple):
    """Bytes from `start` up to, not including, `end`."""

    start: int
    end: int

    def holds(self, offset: int) -> bool:
        """Whether the byte at `offset` is one of them."""
        return self.start <= offset < self.end


NOWHERE = Range(0, 0)


class HexView(Widget, can_focus=True):
    """A view of bytes."""

    DEFAULT_CSS = "HexView { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l,right", "move(1)", show=False, id="move.byte", tooltip="byte"),
        Binding("h,left", "move(-1)", show=False, id="move.byte_back", tooltip="byte"),
        *row_keys("move_row"),
    ]

    class CursorMoved(Message):
        """The person has put the cursor on another byte."""

        def __init__(self, view: HexView, offset: int) -> None:
            self.view, self.offset = view, offset
            super().__init__()

    def __init__(self, data: bytes = b"", *, ground: str = "page", id: str | None = None) -> None:
        super().__init__(id=id)
        self.data = data
        self.ground = ground
        self.cursor = 0
        """Offset of the byte under the cursor."""
        self.base = 0
        """Offset of the first byte in what it is a part of."""
        self.top = 0
        """First row on the screen."""
        self.field = NOWHERE
        """The bytes of the field that the tree is on."""
        self.evidence: tuple[Range, ...] = ()
        self.facts: tuple[Range, ...] = ()
        self._wanted: tuple[int, int] | None = None

    # what is shown --------------------------------------------------------------------------------------------------

    def show(
        self,
        data: bytes,
        evidence: Sequence[Range] = (),
        facts: Sequence[Range] = (),
        cursor: int = 0,
        base: int = 0,
    ) -> None:
        """Show other bytes, with the cursor on one of them. `base` is added to the offsets at the left."""
        self.base = base
        self.data, self.evidence, self.facts = data, tuple(evidence), tuple(facts)
        self.field, self.top = NOWHERE, 0
        self.cursor = max(0, min(cursor, len(data) - 1))
        self.reveal(self.cursor)
        self.refresh()

    def mark(self, field: Range, *, follow: bool = True) -> None:
        """Give the bytes of a field the ground of the cursor; `follow` puts the cursor on its first byte."""
        old, self.field = self.field, field
        cursor = self.cursor
        if follow and field.start < field.end:
            cursor = min(field.start, max(0, len(self.data) - 1))
        self._put(cursor, (old, field))

    def go_to(self, offset: int) -> None:
        """Put the cursor on a byte, without telling anyone."""
        self._put(max(0, min(offset, len(self.data) - 1)), ())

    def reveal(self, offset: int, row: int | None = None) -> None:
        """Scroll until the byte is on the screen; in `row`, if that is given."""
        if not self.size.height:
            self._wanted = (offset, -1 if row is None else row)
            return
        at = offset // self.per_row
        top = self.top
        if row is not None:
            top = at - row
        elif not top <= at < top + self.size.height:
            top = at - 1 if at < top else at - self.size.height + 2
        top = max(0, min(top, self.rows - self.size.height))
        if top != self.top:
            self.top = top
            self.refresh()

    @property
    def digits(self) -> int:
        """Of an offset."""
        return 4 if self.base + len(self.data) <= 0x10000 else 8

    @property
    def per_row(self) -> int:
        """Bytes of a row: sixteen, or as many as the width has room for in hexadecimal."""
        for count in (WHOLE, HALF):
            if self._text_at(count) - 2 <= self.size.width or not self.size.width:
                return count
        return LEAST

    @property
    def rows(self) -> int:
        """All rows."""
        return (len(self.data) + self.per_row - 1) // self.per_row

    def _text_at(self, count: int) -> int:
        """Where the text column starts: gutter, offset, two spaces, the bytes, a gap in their middle, two spaces."""
        return 1 + self.digits + 2 + 3 * count - 1 + (1 if count == WHOLE else 0) + 2

    # moving ---------------------------------------------------------------------------------------------------------

    def _put(self, cursor: int, changed: Sequence[Range]) -> None:
        old, self.cursor, top = self.cursor, cursor, self.top
        self.reveal(cursor)
        if self.top != top or not self.size.height:
            self.refresh()
            return
        rows = {offset // self.per_row for offset in (old, cursor)}
        for part in changed:
            if part.start < part.end:
                first, last = part.start // self.per_row, (part.end - 1) // self.per_row
                rows.update(range(max(first, top), min(last, top + self.size.height) + 1))
        width, height = self.size
        regions = [Region(0, row - top, width, 1) for row in sorted(rows) if 0 <= row - top < height]
        if regions:
            self.refresh(*regions)

    def _moved(self, cursor: int) -> None:
        cursor = max(0, min(cursor, len(self.data) - 1))
        if cursor != self.cursor and self.data:
            self._put(cursor, ())
            self.post_message(self.CursorMoved(self, cursor))

    def action_move(self, by: int) -> None:
        self._moved(self.cursor + by)

    def action_move_row(self, by: int) -> None:
        target = self.cursor + by * self.per_row
        if 0 <= target < len(self.data):
            self._moved(target)
        elif by > 0 and self.cursor // self.per_row < self.rows - 1:
            self._moved(len(self.data) - 1)  # the last row is shorter

    def action_page(self, pages: float) -> None:
        step = max(1, int(self.size.height * abs(pages))) * self.per_row
        step = step if pages > 0 else -step
        inside = self.cursor % self.per_row
        self.top = max(0, min(self.top + step // self.per_row, self.rows - self.size.height))
        self.refresh()
        last_row = (self.rows - 1) * self.per_row
        target = min(max(self.cursor + step, inside), last_row + inside)
        self._moved(target)

    def action_jump(self, offset: int) -> None:
        self._moved(offset if offset >= 0 else len(self.data) - 1)

    def on_click(self, event: events.Click) -> None:
        offset = self._offset_at(event.x, event.y)
        if offset is not None:
            self._moved(offset)

    def _offset_at(self, x: int, y: int) -> int | None:
        count = self.per_row
        start = 1 + self.digits + 2
        text = self._text_at(count)
        if x >= text:
            column = x - text
        else:
            x -= start
            if count == WHOLE and x >= 3 * HALF:
                x -= 1
            column = x // 3
        offset = (self.top + y) * count + column
        return offset if 0 <= column < count and offset < len(self.data) else None

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._scroll(3)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._scroll(-3)
        event.stop()

    def _scroll(self, rows: int) -> None:
        top = max(0, min(self.top + rows, self.rows - self.size.height))
        if top != self.top:
            self.top = top
            self.refresh()

    def on_resize(self) -> None:
        if self._wanted is not None:
            (offset, row), self._wanted = self._wanted, None
            self.reveal(offset, None if row < 0 else row)
        self.top = max(0, min(self.top, self.rows - self.size.height))
        self.reveal(self.cursor)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # painting -------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One row of bytes."""
        shown = look(self)
        width, count = self.size.width, self.per_row
        base = (self.top + y) * count
        chunk = self.data[base : base + count]
        blank = shown.palette.style("text", self.ground)
        if not chunk:
            return Strip([Segment(" " * width, blank)], width)
        under = self.has_focus and base <= self.cursor < base + count
        out = [
            Segment(shown.glyphs.cursor if under else " ", shown.palette.style("accent", self.ground)),
            Segment(f"{self.base + base:0{self.digits}x}", shown.palette.style("muted", self.ground)),
            Segment("  ", blank),
        ]
        inks = [self._ink(base + at, value) for at, value in enumerate(chunk)]
        for at, value in enumerate(chunk):
            ink, ground = inks[at]
            out.append(Segment(_HEX[value], shown.palette.style(ink, ground)))
            if at + 1 < len(chunk):
                gap = "  " if at + 1 == HALF and count == WHOLE else " "
                out.append(Segment(gap, self._between(base + at, shown)))
        used = self._text_at(count) - 2 - 3 * (count - len(chunk))
        if len(chunk) <= HALF and count == WHOLE:
            used -= 1
        out.append(Segment(" " * (self._text_at(count) - used), blank))
        for at, value in enumerate(chunk):
            ink, ground = inks[at]
            out.append(Segment(_TEXT[value] or shown.glyphs.byte, shown.palette.style(ink, ground)))
        strip = Strip(Segment.simplify(out))
        return strip.adjust_cell_length(width, blank)

    def _ink(self, offset: int, value: int) -> tuple[str, str]:
        """Ink and ground of one byte."""
        on_cursor = offset == self.cursor
        if _in(self.evidence, offset):
            return "evidence underline" if on_cursor or self.field.holds(offset) else "evidence", self.ground
        ground = "cursor" if on_cursor or self.field.holds(offset) else self.ground
        ink = "accent bold" if _in(self.facts, offset) else "text" if value else "muted"
        return f"{ink} underline bold" if on_cursor and self.has_focus else ink, ground

    def _between(self, offset: int, shown: Look) -> Style:
        """Style of the space behind a byte: filled where both neighbours are."""
        if any(part.holds(offset) and part.holds(offset + 1) for part in self.evidence):
            return shown.palette.style("evidence", self.ground)
        both = self.field.holds(offset) and self.field.holds(offset + 1)
        return shown.palette.style("text", "cursor" if both else self.ground)


def _in(parts: Sequence[Range], offset: int) -> bool:
    return any(part.start <= offset < part.end for part in parts)
