"""The bindings of a screen → a page of its keys in groups, with the signs explained at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from tui.glyphs import REVIEW_INKS, SEVERITY_INKS, SEVERITY_LETTERS, SEVERITY_WORDS, VERDICT_INKS, VERDICT_WORDS, Glyphs
from tui.screens.base import Dialog, Frame
from tui.theme import look
from tui.widgets.keys import Hint, help_groups
from tui.widgets.line import EMPTY, Line, Span, fit, line, width_of
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

SCORES = (0, 25, 45, 65, 85)
"""The least score of each severity."""
Group = tuple[str, list[Hint]]


def _group_rows(group: Group, keys_width: int, width: int) -> list[tuple[Span, ...]]:
    title, found = group
    rows: list[tuple[Span, ...]] = [(Span(fit(title, width), "muted"),)]
    for hint in found:
        keys = fit(hint.keys, max(keys_width, len(hint.keys)))
        rows.append((Span(f"{keys}  ", "key"), Span(fit(hint.word, max(width - len(keys) - 2, 4)))))
    return rows


def _needs(column: Sequence[Group]) -> int:
    """Cells of the longest row of a column."""
    found = [hint for _, hints in column for hint in hints]
    keys = _keys_width(column)
    return max((max(keys, len(hint.keys)) + 2 + len(hint.word) for hint in found), default=0)


def _keys_width(column: Sequence[Group]) -> int:
    return min(max((len(hint.keys) for _, hints in column for hint in hints), default=0), 15)


def _columns(groups: Sequence[Group], number: int) -> list[list[Group]]:
    """Groups dealt to columns, each to the shortest so far."""
    columns: list[list[Group]] = [[] for _ in range(number)]
    for group in groups:
        shortest = min(columns, key=lambda column: sum(len(found) + 2 for _, found in column))
        shortest.append(group)
    return columns


def key_lines(groups: Sequence[Group], width: int) -> list[Line]:
    """The groups beside one another in as many columns as fit."""
    number, each = 1, width
    for number in (3, 2, 1):  # as many as leave every row whole
        each = (width - 2 * (number - 1)) // number
        if number == 1 or all(_needs(column) <= each for column in _columns(groups, number)):
            break
    rendered: list[list[tuple[Span, ...]]] = []
    for column in _columns(groups, number):
        rows: list[tuple[Span, ...]] = []
        keys_width = _keys_width(column)
        for group in column:
            if rows:
                rows.append(())
            rows += _group_rows(group, keys_width, each)
        rendered.append(rows)
    lines = []
    for y in range(max((len(rows) for rows in rendered), default=0)):
        pieces: list[Span] = []
        for rows in rendered:
            row = rows[y] if y < len(rows) else ()
            pieces += row
            pieces.append(Span(" " * (each + 2 - width_of(row))))
        lines.append(Line(tuple(pieces), indent=0))
    return lines


def sign_lines(glyphs: Glyphs, width: int) -> list[Line]:
    """What the signs mean."""
    severity: list[Span] = []
    for level in (4, 3, 2, 1, 0):
        severity += [
            Span(f"{glyphs.severity[level]} {SEVERITY_LETTERS[level]}", SEVERITY_INKS[level]),
            Span(f" {SEVERITY_WORDS[level]}" + (f" {SCORES[level]}+" if level else "") + "  "),
        ]
    port: list[Span] = []
    for verdict in (1, 2, 5, 4, 3):
        port += [Span(glyphs.verdict[verdict], VERDICT_INKS[verdict]), Span(f" {VERDICT_WORDS[verdict]}  ")]
    review: list[Span] = []
    for word, ink in REVIEW_INKS.items():
        review += [Span(glyphs.review(word), ink), Span(f" {word}  ")]
    rows: list[Line] = []
    for label, pieces in (("Severity", severity), ("Port", port), ("Verdict", review)):
        rows += _flow_pairs(label, pieces, width)
    return rows


def _flow_pairs(label: str, pieces: list[Span], width: int) -> list[Line]:
    rows: list[Line] = []
    row = [Span(fit(label, 10), "muted")]
    for sign, word in zip(pieces[::2], pieces[1::2], strict=True):
        if width_of((*row, sign, Span(word.text.rstrip()))) > width and len(row) > 1:
            rows.append(Line(tuple(row), indent=0))
            row = [Span(" " * 10)]
        row += [sign, word]
    rows.append(Line(tuple(row), indent=0))
    return rows


class Help(Dialog[None]):
    """All keys of the screen below."""

    DEFAULT_CSS = """
    Help > #area { width: 76; }
    Help.-wide > #area { width: 120; }
    Help > #area { scrollbar-size: 0 0; }
    """
    AUTO_FOCUS = "#area"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q", "close", "close", id="move.close_help", tooltip="close"),
        Binding("j,down", "scroll(1)", "scroll", id="move.scroll_down", tooltip="scroll"),
        Binding("k,up", "scroll(-1)", "scroll", id="move.scroll_up", tooltip="scroll"),
    ]

    def __init__(self, of: Frame) -> None:
        super().__init__()
        self._title, self._guide = of.TITLE_TEXT, of.GUIDE
        self._groups = help_groups(of)

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="area"):
            yield Lines(ground="raised", id="text")
        yield Lines([EMPTY], ground="band", id="keys")

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._fill)

    def on_mount(self) -> None:
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        text = self.query_one("#text", Lines)
        width = text.size.width or 70
        rows = [line((self._title, "strong"), right=[("? or esc closes", "muted")], indent=0)]
        if self._guide and self.size.height >= 30:
            rows.append(line((self._guide, "muted"), indent=0))
        rows += [EMPTY, *key_lines(self._groups, width), EMPTY, *sign_lines(look(self).glyphs, width)]
        text.show(rows)

    def action_scroll(self, by: int) -> None:
        self.query_one("#area", VerticalScroll).scroll_relative(y=by, animate=False)
