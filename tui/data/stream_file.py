"""A stream → a file: the bytes of one side as they are, or what is shown of both with numbers and arrows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.data.stream import StreamBytes
from tui.data.stream_rows import rows_of, told
from tui.format import count

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from tui.data.stream import Stream
    from tui.glyphs import Glyphs

ENDLESS = 1 << 30
"""Cells of a row that is not wrapped."""
HEX_WIDTH = 80


def write_stream(
    stream: Stream, out: BinaryIO, form: str, only: bool | None, glyphs: Glyphs, wanted: Callable[[], bool]
) -> int:
    """Write what was read of the stream while it is wanted; returns how many bytes were written.

    only: False or True for the bytes of the originator or the responder alone, None for rows of both sides.
    Raises CaseError where the bytes cannot be read, OSError where they cannot be written.
    """
    reading, written = StreamBytes(stream), 0
    for index in range(len(stream.segments)):
        if not wanted():
            break
        segment = stream.segments[index]
        if only is not None:
            written += out.write(reading.data(index)) if segment.back == only else 0
            continue
        arrow = f"{glyphs.back} R" if segment.back else f"{glyphs.forward} O"
        lead = f"{count(segment.place + 1):>8} {arrow}  "
        if segment.has_data:
            rows = rows_of(reading.data(index), form, HEX_WIDTH if form == "hex" else ENDLESS, glyphs)
            texts = ["".join(text for text, _, _ in row.pieces).rstrip() for row in rows]
        else:
            texts = [f"{glyphs.gap} {told(segment, glyphs)} {glyphs.gap}"]
        for row, text in enumerate(texts):
            written += out.write(f"{' ' * len(lead) if row else lead}{text}\n".encode())
    return written
