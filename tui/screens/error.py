"""What went wrong → a page that says what was tried, what was seen, and what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.screens.page import TextPage
from tui.theme import look
from tui.widgets.line import EMPTY, Line, Span, line, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence


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


class Problems(TextPage):
    """All that went wrong with a case."""

    TITLE_TEXT = "What went wrong"
    GUIDE = "What was tried, what was seen, and what can be done."

    def __init__(self, problems: Sequence[Problem], trail: Sequence[str]) -> None:
        super().__init__(trail)
        self._problems = tuple(problems)

    def text(self) -> list[Line]:
        rows: list[Line] = [EMPTY]
        for problem in self._problems:
            rows += [*problem_lines(problem, self.size.width, look(self).glyphs.alert), EMPTY]
        if not self._problems:
            rows.append(Line((Span("Nothing went wrong.", "strong"),)))
        return rows
