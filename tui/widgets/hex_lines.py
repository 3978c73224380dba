"""Bytes → rows of offset, hex and text, for panes in which nobody moves about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.widgets.line import Line, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.glyphs import Glyphs

ROW = 16
Range = tuple[int, int]
"""(first, past the last) byte."""


def hex_rows(
    data: bytes, marked: Sequence[Range], glyphs: Glyphs, first: int = 0, rows: int | None = None
) -> list[Line]:
    """Rows from byte `first` (a multiple of 16) on: `0040  d2 10 16 03 …  ··…`; `marked` bytes are evidence."""
    out = []
    last = len(data) if rows is None else min(len(data), first + rows * ROW)
    for start in range(first, last, ROW):
        chunk = data[start : start + ROW]
        inks = [_ink(start + n, value, marked) for n, value in enumerate(chunk)]
        pieces = [Span(f"{start:04x}  ", "muted")]
        for n in range(ROW):
            joined = n + 1 < len(chunk) and inks[n] == inks[n + 1] == "evidence" and n + 1 < ROW
            gap = "  " if n == ROW // 2 - 1 else " "
            if n < len(chunk):
                pieces.append(Span(f"{chunk[n]:02x}", inks[n]))
                pieces.append(Span(gap, "evidence" if joined else "text"))
            else:
                pieces.append(Span("  " + gap, "text"))
        pieces.append(Span(" "))
        pieces += [
            Span(_char(value, glyphs), ink if ink != "muted" else "muted")
            for value, ink in zip(chunk, inks, strict=True)
        ]
        out.append(Line(tuple(_merged(pieces))))
    return out


def _ink(place: int, value: int, marked: Sequence[Range]) -> str:
    if any(start <= place < end for start, end in marked):
        return "evidence"
    return "text" if value else "muted"


def _char(value: int, glyphs: Glyphs) -> str:
    return chr(value) if 0x20 <= value < 0x7F else glyphs.byte


def _merged(pieces: Sequence[Span]) -> list[Span]:
    out: list[Span] = []
    for piece in pieces:
        if out and out[-1].ink == piece.ink:
            out[-1] = Span(out[-1].text + piece.text, piece.ink)
        else:
            out.append(piece)
    return out


def first_row_for(marked: Sequence[Range], length: int, rows: int) -> int:
    """The byte to begin with so that the first evidence stands in the second row, and no row is wasted at the end."""
    if not marked:
        return 0
    wanted = max(0, (marked[0][0] // ROW - 1) * ROW)
    latest = max(0, (-(-length // ROW) - rows) * ROW)
    return min(wanted, latest)
