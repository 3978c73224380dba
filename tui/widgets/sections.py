"""Rows under headings, of which only some can be chosen → a list with a cursor that skips the others.

Unlike VirtualTable its rows are few and of several kinds; each is told how to write itself in a width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from tui.theme import look
from tui.widgets.line import EMPTY, Line, Span, paint
from tui.widgets.moving import row_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.strip import Strip

AROUND = 5
"""Cells of the gutter, of the gap before what stands at the right, and of the scroll bar with the one before it."""
Writer = Callable[[int], Line]
"""Cells of the list → the line of a row."""


@dataclass(frozen=True, slots=True)
class Section:
    """A row."""

    write: Writer
    key: str = ""
    """What it is known by; empty for what cannot be chosen."""
    value: Any = None


class Sections(Widget, can_focus=True):
    """The list."""

    DEFAULT_CSS = "Sections { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", id="move.open", tooltip="open"),
        *row_keys("step"),
    ]

    class Opened(Message):
        """Enter on a row."""

        def __init__(self, key: str, value: Any) -> None:
            self.key, self.value = key, value
            super().__init__()

    class Moved(Message):
        """Another row is under the cursor."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: list[Section] = []
        self.cursor = 0
        self.top = 0
        self.touched = False
        """The person has moved the cursor."""

    @property
    def current(self) -> Section | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) and self.rows[self.cursor].key else None

    def show(self, rows: Sequence[Section], first: str = "") -> None:
        """Other rows. The cursor stays on its row; one that nobody moved goes to `first`, else to the first of all."""
        key = self.current.key if self.touched and self.current is not None else first
        self.rows = list(rows)
        places = {row.key: place for place, row in reversed(list(enumerate(self.rows))) if row.key}
        self.cursor = places.get(key, min(places.values(), default=0))
        self._bound()
        self.refresh()
        self.post_message(self.Moved())

    def _choosable(self) -> list[int]:
        return [place for place, row in enumerate(self.rows) if row.key]

    def _go(self, place: int) -> None:
        self.touched = True
        if place == self.cursor:
            return
        self.cursor = place
        self._bound()
        self.refresh()
        self.post_message(self.Moved())

    def _bound(self) -> None:
        """The cursor in sight, with the heading over the first row that can be chosen."""
        height = max(self.size.height, 1)
        places = self._choosable()
        if places and self.cursor == places[0]:
            self.top = 0
        self.top = max(min(self.top, self.cursor), self.cursor - height + 1, 0)
        self.top = max(0, min(self.top, len(self.rows) - height))

    def on_resize(self) -> None:
        self._bound()

    def action_step(self, by: int) -> None:
        places = self._choosable()
        if places:
            at = places.index(self.cursor) + by
            self._go(places[max(0, min(at, len(places) - 1))])

    def action_jump(self, index: int) -> None:
        if places := self._choosable():
            self._go(places[index])

    def action_page(self, pages: float) -> None:
        wanted = self.cursor + int(self.size.height * pages)
        if places := self._choosable():
            self._go(min(places, key=lambda place: abs(place - wanted)))

    def action_open(self) -> None:
        if (row := self.current) is not None:
            self.post_message(self.Opened(row.key, row.value))

    def on_click(self, event: events.Click) -> None:
        place = self.top + event.y
        if place in self._choosable():
            self._go(place)
            if event.chain == 2:
                self.action_open()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_step(1)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_step(-1)
        event.stop()

    def render_line(self, y: int) -> Strip:
        """One row, with the bar of the cursor in the gutter and the scroll bar at the right."""
        shown, width, place = look(self), self.size.width, self.top + y
        row = self.rows[place] if place < len(self.rows) else None
        under = row is not None and place == self.cursor and bool(row.key)
        written = row.write(width - AROUND) if row is not None else EMPTY
        gutter = Span(shown.glyphs.cursor, "accent") if under else Span(" ")
        bar = self._scroll_bar(y)
        right = (*written.right, Span(f" {bar}", "muted"))
        return paint(Line((gutter, *written.left), right, indent=0), width, shown, "cursor" if under else "page")

    def _scroll_bar(self, y: int) -> str:
        height, length = self.size.height, len(self.rows)
        if length <= height:
            return " "
        glyphs = look(self).glyphs
        thumb = max(1, height * height // length)
        start = round((height - thumb) * self.top / (length - height))
        return glyphs.thumb if start <= y < start + thumb else glyphs.track
