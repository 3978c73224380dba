"""The bytes of a segment → the rows that show them as text, as hex, or escaped. Nothing else of the wire is shown.

Each piece of a row knows the bytes it stands for, so that evidence and what was looked for can be marked in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from tui.data.stream import Kind
from tui.format import count, plural, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.data.stream import Segment
    from tui.glyphs import Glyphs
    from tui.widgets.line import Span

FORMS = ("text", "hex", "escaped")
TAB = 4
"""Cells of a tab, at most."""
LINE_ENDS = (0x0A,)
_NAMED = {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x5C: "\\\\"}

Piece = tuple[str, int, int]
"""(text, first byte, past the last byte)"""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a segment."""

    pieces: tuple[Piece, ...]
    goes_on: bool = False
    """It was wrapped: the row before had no more room."""


def rows_of(data: bytes, form: str, width: int, glyphs: Glyphs) -> list[Row]:
    """The rows of `data` in at most `width` cells each."""
    if form == "hex":
        return list(_hex(data, width, glyphs))
    return list(_wrapped(_text(data, glyphs.byte) if form == "text" else _escaped(data), width))


def _text(data: bytes, dot: str) -> Iterator[Piece]:
    at, column = 0, 0
    while at < len(data):
        byte = data[at]
        if byte == 0x0D and data[at + 1 : at + 2] == b"\n":
            yield "\n", at, at + 2
            at, column = at + 2, 0
            continue
        if byte in LINE_ENDS:
            yield "\n", at, at + 1
            at, column = at + 1, 0
            continue
        if byte == 0x09:
            text, size = " " * (TAB - column % TAB), 1
        elif 0x20 <= byte < 0x7F:
            text, size = chr(byte), 1
        else:
            text, size = _beyond_ascii(data, at, dot)
        yield text, at, at + size
        at, column = at + size, column + len(text)


def _beyond_ascii(data: bytes, at: int, dot: str) -> tuple[str, int]:
    """A character of UTF-8 (RFC 3629), where it is whole and a terminal shows it as it is."""
    for size in (2, 3, 4):
        try:
            text = data[at : at + size].decode()
        except UnicodeDecodeError:
            continue
        if len(text) == 1 and text.isprintable() and safe(text) == text and cell_len(text):
            return text, size
    return dot, 1


def _escaped(data: bytes) -> Iterator[Piece]:
    for at, byte in enumerate(data):
        yield _NAMED.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"), at, at + 1
        if byte in LINE_ENDS and at + 1 < len(data):
            yield "\n", at, at + 1


def _wrapped(pieces: Iterator[Piece], width: int) -> Iterator[Row]:
    row: list[Piece] = []
    cells, goes_on = 0, False
    anything = False
    for piece in pieces:
        if piece[0] == "\n":
            yield Row(tuple(row), goes_on)
            row, cells, goes_on, anything = [], 0, False, True
            continue
        need = len(piece[0]) if piece[0].isascii() else cell_len(piece[0])
        if row and cells + need > width - 2 * goes_on:
            yield Row(tuple(row), goes_on)
            row, cells, goes_on = [], 0, True
        row.append(piece)
        cells += need
    if row or not anything:
        yield Row(tuple(row), goes_on)


def _hex(data: bytes, width: int, glyphs: Glyphs) -> Iterator[Row]:
    each = hex_bytes(width)
    shows_offset = width >= 6 + 4 * each + 1
    for start in range(0, len(data), each):
        chunk = data[start : start + each]
        pieces: list[Piece] = [(f"{start:04x}  ", -1, -1)] if shows_offset else []
        for n, byte in enumerate(chunk):
            pieces.append((f"{byte:02x}", start + n, start + n + 1))
            last = n + 1 == len(chunk)
            pieces.append((" ", -1, -1) if last else (" ", start + n, start + n + 2))
        pieces.append(("   " * (each - len(chunk)) + " ", -1, -1))
        for n, byte in enumerate(chunk):
            pieces.append((chr(byte) if 0x20 <= byte < 0x7F else glyphs.byte, start + n, start + n + 1))
        yield Row(tuple(pieces))


def hex_bytes(width: int) -> int:
    """Bytes in a row of hex: 16 where there is room."""
    return 16 if width >= 16 * 4 + 1 else 8


def spans_of(row: Row, ink: str, marks: Sequence[tuple[int, int, str]]) -> list[Span]:
    """The row as spans; bytes of `marks` (first, past the last, ink) have another ink."""
    from tui.widgets.line import Span

    out: list[Span] = []
    for text, start, end in row.pieces:
        inside = next((mark for first, last, mark in marks if start >= first and end <= last and start >= 0), ink)
        if out and out[-1].ink == inside:
            out[-1] = Span(out[-1].text + text, inside)
        else:
            out.append(Span(text, inside))
    return out


def told(segment: Segment, glyphs: Glyphs) -> str:
    """What is said of a segment without bytes."""
    arrow = f"{glyphs.back} R" if segment.back else f"{glyphs.forward} O"
    if segment.kind == Kind.GAP:
        return f"gap: {plural(segment.length, 'byte')} from {arrow} {_are(segment)} not in the capture"
    number = count(segment.place + 1)
    if segment.kind == Kind.CUT:
        return f"packet {number} was cut: {plural(segment.length, 'byte')} from {arrow} {_are(segment)} not captured"
    return f"packet {number} repeats {plural(segment.length, 'byte')} from {arrow}, shown once"


def _are(segment: Segment) -> str:
    return "is" if segment.length == 1 else "are"
