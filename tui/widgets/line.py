"""Spans of text with colour tokens → one painted line of a terminal. Every text of the dashboard is painted here.

A `Line` has a left part that is cut with `…` where there is no room, and a right part that is kept whole. `paint`
sends each text through `tui.format.safe`; text is never read as markup.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from tui.format import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui.theme import Look


class Span(NamedTuple):
    """A piece of text and its ink (see tui.theme)."""

    text: str
    ink: str = "text"


Piece = Span | tuple[str, str] | str
"""What builders take: a span, or a text in `text` ink."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of cells."""

    left: tuple[Span, ...] = ()
    right: tuple[Span, ...] = ()
    indent: int = 1
    """Empty cells before the first and after the last text."""

    def plain(self) -> str:
        """The text alone, both parts with one space between."""
        left, right = "".join(span.text for span in self.left), "".join(span.text for span in self.right)
        return f"{left} {right}" if right else left


EMPTY = Line()


def spans(pieces: Iterable[Piece]) -> tuple[Span, ...]:
    """Builders' pieces as spans."""
    return tuple(Span(piece) if isinstance(piece, str) else Span(*piece) for piece in pieces)


def line(*left: Piece, right: Sequence[Piece] = (), indent: int = 1) -> Line:
    """A line from pieces: `line("Seen", ("16 03", "evidence"), right=[("packet 4", "muted")])`."""
    return Line(spans(left), spans(right), indent)


def width_of(pieces: Iterable[Span]) -> int:
    """Cells that spans take."""
    return sum(cell_len(safe(span.text)) for span in pieces)


def cut(text: str, width: int, mark: str = "…") -> str:
    """`text` in at most `width` cells, ending in `mark` if it was longer. Not padded."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    return set_cell_size(text, width - 1).rstrip() + mark


def cut_middle(text: str, width: int, mark: str = "…") -> str:
    """`text` in at most `width` cells with its middle left out; both ends of an address tell more than one."""
    if cell_len(text) <= width:
        return text
    if width < 3:
        return cut(text, width, mark)
    head = (width - 1) // 2
    return text[:head] + mark + text[len(text) - (width - 1 - head) :]


def fit(text: str, width: int, right: bool = False, mark: str = "…") -> str:
    """`text` in exactly `width` cells."""
    text = cut(text, width, mark)
    room = width - cell_len(text)
    return " " * room + text if right else text + " " * room


def wrap(text: str, width: int) -> list[str]:
    """`text` broken at spaces into lines of at most `width` cells; longer words are broken where the line ends."""
    width = max(width, 1)
    lines: list[str] = []
    row = ""
    for word in safe(text).split():
        if row and cell_len(row) + 1 + cell_len(word) > width:
            lines.append(row)
            row = ""
        row = f"{row} {word}" if row else word
        while cell_len(row) > width:
            head = set_cell_size(row, width).rstrip(" ") or row[:1]
            lines.append(head)
            row = row[len(head) :]
    if row or not lines:
        lines.append(row)
    return lines


def _shown(text: str, ascii_only: bool) -> str:
    text = safe(text)
    if ascii_only and not text.isascii():
        text = "".join(char if char.isascii() else "." * max(cell_len(char), 1) for char in text)
    return text


def segments(pieces: Iterable[Span], width: int, look: Look, ground: str) -> list[Segment]:
    """Spans as segments in exactly `width` cells, cut with `…` at the end."""
    out: list[Segment] = []
    pieces = _without_trailing_space(pieces)
    palette, ascii_only, mark = look.palette, look.glyphs.ascii, look.glyphs.cut
    room = width
    for text, ink in pieces:
        if not text:
            continue
        text = _shown(text, ascii_only)
        need = cell_len(text)
        if need > room:
            if room > 0:
                out.append(Segment(fit(text, room, mark=mark), palette.style(ink, ground)))
            elif out and width > 0:
                last = out[-1]
                out[-1] = Segment(fit(last.text + " ", cell_len(last.text), mark=mark), last.style)
            return out
        out.append(Segment(text, palette.style(ink, ground)))
        room -= need
    if room > 0:
        out.append(Segment(" " * room, palette.style("text", ground)))
    return out


def _without_trailing_space(pieces: Iterable[Span]) -> list[Span]:
    """Padding at the end of a row is no reason to cut it."""
    found = list(pieces)
    while found and "/" not in found[-1].ink and not found[-1].text.strip(" "):
        found.pop()
    if found and "/" not in found[-1].ink:
        found[-1] = Span(found[-1].text.rstrip(" "), found[-1].ink)
    return found


def paint(row: Line, width: int, look: Look, ground: str = "page") -> Strip:
    """One line in exactly `width` cells on a ground."""
    if width <= 0:
        return Strip([], 0)
    indent = min(row.indent, width // 2)
    inner = width - 2 * indent
    blank = look.palette.style("text", ground)
    right_width = width_of(row.right)
    if right_width > inner:
        right_width = 0
    gap = 2 if right_width and row.left else 0
    left_width = inner - right_width - gap
    if left_width < 8 and row.left and right_width:  # no room for both: what is said on the left comes first
        right_width = gap = 0
        left_width = inner
    parts = [Segment(" " * indent, blank)] if indent else []
    parts += segments(row.left, left_width, look, ground)
    if right_width:
        parts.append(Segment(" " * gap, blank))
        parts += segments(row.right, right_width, look, ground)
    if indent:
        parts.append(Segment(" " * indent, blank))
    return Strip(parts, width)
