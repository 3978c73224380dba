"""What went wrong → a page that says what was tried, what was seen, and what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll

from tui.screens.base import Frame
from tui.theme import look
from tui.widgets.line import EMPTY, Line, Span, line, wrap
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that went wrong, in sentences."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    """(label, text): Tried, Seen, Expected, …"""
    advice: str = ""
    """What to do."""
    kept: str = ""
    """What did not happen, or is still as it was."""
    trace: str = ""
    """For a bug: the traceback."""
    ink: str = "high"
    quiet: bool = False
    """Said on this page only, not over the lists."""


def problem_lines(problem: Problem, width: int, alert: str) -> list[Line]:
    """The page of a problem."""
    titles = wrap(problem.title, max(width - 4, 20))
    rows = [line((f"{alert} ", problem.ink), (titles[0], "strong"))]
    rows += [line("  ", (row, "strong")) for row in titles[1:]]
    rows.append(EMPTY)
    for name, text in problem.facts:
        for place, row in enumerate(wrap(text, max(width - 13, 20))):
            rows.append(line((f"{name if place == 0 else '':<10} ", "muted"), row))
    if problem.facts:
        rows.append(EMPTY)
    for text, ink in ((problem.advice, "text"), (problem.kept, "muted")):
        if text:
            rows += [line((row, ink)) for row in wrap(text, max(width - 2, 20))]
            rows.append(EMPTY)
    if problem.trace:
        rows += [line((row, "muted")) for row in problem.trace.splitlines()]
        rows.append(EMPTY)
    return rows


class Problems(Frame):
    """All that went wrong with a case."""

    DEFAULT_CSS = """
    Problems > VerticalScroll { height: 1fr; scrollbar-size: 1 0; scrollbar-color: $muted; scrollbar-background:
    $background; }
    """
    TITLE_TEXT = "What went wrong"
    GUIDE = "What was tried, what was seen, and what can be done."
    STRIP = 0
    AUTO_FOCUS = "VerticalScroll"

    def __init__(self, problems: Sequence[Problem], trail: Sequence[str]) -> None:
        super().__init__()
        self._problems, self._trail = tuple(problems), tuple(trail)

    def trail(self) -> Sequence[str]:
        return self._trail

    def compose_body(self) -> Iterable[Widget]:
        """One text that scrolls."""
        with VerticalScroll():
            yield Lines(id="text")

    def refresh_frame(self) -> None:
        super().refresh_frame()
        if not self.is_mounted:
            return
        rows: list[Line] = [EMPTY]
        for problem in self._problems:
            rows += [*problem_lines(problem, self.size.width, look(self).glyphs.alert), EMPTY]
        if not self._problems:
            rows.append(Line((Span("Nothing went wrong.", "strong"),)))
        self.query_one("#text", Lines).show(rows)

    BINDINGS: ClassVar = []
