"""A list of `Line` → an area of that many rows, repainting only the rows that changed."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from textual.geometry import Region
from textual.widget import Widget

from tui.theme import look
from tui.widgets.line import EMPTY, Line, paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.strip import Strip


class Lines(Widget, can_focus=False):
    """Rows of text on one ground. Set `height` in CSS, or let it be as high as it has lines (`auto`)."""

    DEFAULT_CSS = "Lines { height: auto; width: 1fr; }"

    def __init__(
        self, lines: Sequence[Line] = (), *, ground: str = "page", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._lines = list(lines)
        self._ground = ground

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown."""
        return tuple(self._lines)

    @property
    def plain(self) -> str:
        """What is shown, as text."""
        return "\n".join(row.plain() for row in self._lines)

    def show(self, lines: Sequence[Line]) -> None:
        """Show these lines instead."""
        old, self._lines = self._lines, list(lines)
        if len(old) != len(self._lines) and self._is_as_high_as_its_lines():
            self.refresh(layout=True)
            return
        width = self.size.width
        rows = zip_longest(old, self._lines, fillvalue=EMPTY)
        changed = [Region(0, y, width, 1) for y, (was, now) in enumerate(rows) if was != now]
        if changed:
            self.refresh(*changed)

    def _is_as_high_as_its_lines(self) -> bool:
        height = self.styles.height
        return height is None or height.is_auto

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many rows as there are lines."""
        return len(self._lines)

    def get_content_width(self, container: object, viewport: object) -> int:
        """The longest line."""
        from tui.widgets.line import width_of

        return max((width_of(row.left) + width_of(row.right) + 2 * row.indent for row in self._lines), default=0)

    def render_line(self, y: int) -> Strip:
        """One row."""
        row = self._lines[y] if y < len(self._lines) else EMPTY
        return paint(row, self.size.width, look(self), self._ground)
