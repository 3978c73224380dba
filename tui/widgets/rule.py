"""A thin vertical line between two panes."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tui.theme import look


class Rule(Widget, can_focus=False):
    """One cell wide, as high as its panes."""

    DEFAULT_CSS = "Rule { width: 1; height: 100%; }"

    def render_line(self, y: int) -> Strip:
        """One cell of it."""
        shown = look(self)
        palette = shown.palette
        if palette.colours:
            style = Style(color=palette.rich("rule"), bgcolor=palette.rich("page"))
        else:
            style = palette.style("muted")
        return Strip([Segment(shown.glyphs.rule, style)], 1)
