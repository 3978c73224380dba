"""Counts over time → bars, a lane of findings a severity, and an axis; with a cursor and a range.

It posts `Moved` when the cursor or the range is another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from tui.data.axis import height, marks, round_up
from tui.format import count, size
from tui.glyphs import SEVERITY_INKS, SEVERITY_LETTERS
from tui.theme import look
from tui.widgets.line import Line, Span, paint

if TYPE_CHECKING:
    from textual import events
    from textual.strip import Strip

    from oddport.case.timeline import OverTime

LABEL = 9
"""Cells at the left: numbers, severities."""
LANES = (4, 3, 2, 1, 0)
KINDS = ("packets", "bytes", "flows")


class TimeChart(Widget, can_focus=True):
    """The chart. Its height is given by CSS."""

    DEFAULT_CSS = "TimeChart { height: 12; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,left", "move(-1)", "move", id="move.left", tooltip="earlier, later", key_display="← →"),
        Binding("l,right", "move(1)", show=False, id="move.right", tooltip="earlier, later"),
        Binding("ctrl+u,pageup", "move(-10)", show=False, id="move.left_ten", tooltip="ten parts"),
        Binding("ctrl+d,pagedown", "move(10)", show=False, id="move.right_ten", tooltip="ten parts"),
        Binding("g,home", "jump(0)", show=False, id="move.top", tooltip="first, last"),
        Binding("G,end", "jump(-1)", show=False, id="move.end", tooltip="first, last"),
    ]

    class Moved(Message):
        """Another part is under the cursor, or another range is chosen."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.found: OverTime | None = None
        self.kind = KINDS[0]
        self.cursor = 0
        self.range: tuple[int, int] | None = None
        """First and last part that are chosen."""

    @property
    def parts(self) -> int:
        """Parts of the span: one a cell."""
        return max(self.size.width - LABEL - 2, 10)

    def show(self, found: OverTime, cursor: int, chosen: tuple[int, int] | None) -> None:
        """Other counts."""
        self.found, self.range = found, chosen
        self.cursor = max(0, min(cursor, len(found.flows) - 1))
        self.refresh()
        self.post_message(self.Moved())

    def values(self) -> list[int]:
        """What the bars stand for."""
        if self.found is None:
            return []
        return {"packets": self.found.packets, "bytes": self.found.bytes, "flows": self.found.flows}[self.kind]

    # keys and mouse -------------------------------------------------------------------------------------------------

    def go(self, part: int) -> None:
        """Put the cursor on a part."""
        if self.found is None:
            return
        part = max(0, min(part, len(self.found.flows) - 1))
        if part != self.cursor:
            self.cursor = part
            self.refresh()
            self.post_message(self.Moved())

    def choose(self, chosen: tuple[int, int] | None) -> None:
        """Another range."""
        self.range = chosen
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        self.go(self.cursor + by)

    def action_jump(self, to: int) -> None:
        self.go(to if to >= 0 else len(self.found.flows) - 1 if self.found is not None else 0)

    def on_click(self, event: events.Click) -> None:
        self.go(event.x - LABEL - 1)

    # painting -------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Bars, then lanes, then the axis."""
        shown, found = look(self), self.found
        bars = self.size.height - len(LANES) - 1
        if found is None:
            return paint(Line(), self.size.width, shown)
        if y < bars:
            pieces = self._bar_row(y, bars)
        elif y < bars + len(LANES):
            pieces = self._lane(LANES[y - bars])
        else:
            pieces = self._axis()
        return paint(Line(tuple(pieces)), self.size.width, shown)

    def _ground(self, part: int) -> str:
        if part == self.cursor and self.has_focus:
            return "cursor"
        chosen = self.range
        return "range" if chosen is not None and chosen[0] <= part <= chosen[1] else "page"

    def _bar_row(self, y: int, rows: int) -> list[Span]:
        shown, values = look(self), self.values()
        top = round_up(max(values, default=0) or 1)
        filled = shown.palette.depth == "rgb"
        levels = shown.glyphs.levels
        labels = {rows // 2: top // 2, 0: top, rows - 1: 0} if rows > 3 else {0: top}
        pieces = [Span(self._label(labels.get(y)).rjust(LABEL - 1) + " ", "muted")]
        for part, value in enumerate(values):
            full, eighths = height(value, top, rows)
            ground = self._ground(part)
            from_below = rows - 1 - y
            ink = "heat-3" if ground == "page" else "heat-5"
            if from_below < full:
                pieces.append(Span(" ", f"text/{ink}") if filled else Span(levels[-1], f"accent/{ground}"))
            elif from_below == full and eighths:
                glyph = levels[min(eighths, len(levels)) - 1]
                pieces.append(Span(glyph, f"{ink if filled else 'accent'}/{ground}"))
            else:
                pieces.append(Span(" ", f"text/{ground}"))
        return _merged(pieces)

    def _label(self, value: int | None) -> str:
        if value is None:
            return ""
        return size(value) if self.kind == "bytes" else count(value)

    def _lane(self, severity: int) -> list[Span]:
        glyphs = look(self).glyphs
        assert self.found is not None
        sign = f"{glyphs.severity[severity]} {SEVERITY_LETTERS[severity]}"
        pieces = [Span(sign.rjust(LABEL - 1) + " ", SEVERITY_INKS[severity])]
        for part, number in enumerate(self.found.findings[severity]):
            ground = self._ground(part)
            if number:
                pieces.append(Span(glyphs.severity[severity], f"{SEVERITY_INKS[severity]}/{ground}"))
            else:
                pieces.append(Span(glyphs.gap[0], f"rule/{ground}"))
        return _merged(pieces)

    def _axis(self) -> list[Span]:
        assert self.found is not None
        found, parts = self.found, len(self.found.flows)
        text = [" "] * parts
        for part, word in marks(found.span.first_ns, found.step_ns, parts):
            text[part : part + len(word) + 1] = look(self).glyphs.rule + word
        return [Span(" " * LABEL), Span("".join(text), "muted")]


def _merged(pieces: list[Span]) -> list[Span]:
    out: list[Span] = []
    for piece in pieces:
        if out and out[-1].ink == piece.ink:
            out[-1] = Span(out[-1].text + piece.text, piece.ink)
        else:
            out.append(piece)
    return out
