"""The picture of a fragment train → the lines that draw it: arrivals as bars, readings side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oddport.case.train_life import CAPTURE_ENDED, COMPLETE, ENDLESS, EXPIRED, GIVEN_UP
from tui.data.train_readings import DIFFERS, NEW, SAME
from tui.format import duration, plural
from tui.glyphs import MISMATCH
from tui.theme import look
from tui.widgets.line import Line, Piece, Span, line, spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.widget import Widget

    from oddport.case.train_life import Hole
    from tui.data.train_readings import Arrival, Reading, TrainPicture
    from tui.theme import Look

LEAD = 20
"""Cells before the bars."""
CONTEXT = 2
"""Bytes shown before and behind those that differ."""
NAME = 10
OPEN = 9
"""A cell that this fragment left open, beside NEW, SAME and DIFFERS for those that it brought."""
ENDS = {
    EXPIRED: "expired 30 s after the first fragment",
    CAPTURE_ENDED: "the capture ended before the rest",
    GIVEN_UP: "given up by the loader: memory ran short",
}
TAIL = 16
"""Cells of port and app."""


def arrival_lines(picture: TrainPicture, widget: Widget, width: int, first: int, rows: int) -> list[Line]:
    """An axis, and a row a fragment from `first` on; the last one is what never came."""
    shown = look(widget)
    cells = max(width - LEAD - 2, 16)
    scale = Scale(picture.length, cells)
    out = [_axis(scale, shown)]
    start = picture.arrivals[0].fragment.ts if picture.arrivals else 0
    for number, arrival in enumerate(picture.arrivals[first : first + rows], first + 1):
        open_cells = missing_cells(picture.life.steps[number - 1].holes, scale)
        out.append(_bar(number, arrival, open_cells, start, scale, shown))
    if picture.train.holes:
        text = "".join(shown.glyphs.hole if gone else " " for gone in missing_cells(picture.train.holes, scale))
        out.append(line(("missing".ljust(LEAD), "medium"), (text, "medium")))
    return out


def missing_cells(holes: Sequence[Hole], scale: Scale) -> list[bool]:
    """Which cells have missing bytes in them; a hole without a known end goes to the last one."""
    ends = [(first, scale.length if last == ENDLESS else last + 1) for first, last in holes]
    return [
        any(first < end and begin < last for first, last in ends)
        for begin, end in map(scale.bytes_of, range(scale.cells))
    ]


class Scale:
    """Bytes of a datagram on cells: several cells a byte, or several bytes a cell."""

    def __init__(self, length: int, room: int) -> None:
        self.length = max(length, 1)
        self.each = max(room // self.length, 1)
        """Cells of a byte."""
        self.bytes = -(-self.length // room) if self.each == 1 and self.length > room else 1
        """Bytes of a cell."""
        self.cells = min(-(-self.length // self.bytes) * self.each, room)

    def bytes_of(self, cell: int) -> tuple[int, int]:
        """(first, past the last) byte of a cell."""
        first = cell // self.each * self.bytes
        return first, min(first + self.bytes, self.length)

    def cell_of(self, byte: int) -> int:
        """The first cell of a byte."""
        return byte // self.bytes * self.each


def _axis(scale: Scale, shown: Look) -> Line:
    text = [" "] * scale.cells
    step = next(step for power in range(7) for step in (8 * 10**power, 16 * 10**power, 40 * 10**power)
                if step // scale.bytes * scale.each >= 8)  # fmt: skip
    for byte in range(0, scale.length, step):
        word, at = f"{shown.glyphs.rule}{byte}", scale.cell_of(byte)
        if at + len(word) <= scale.cells:
            text[at : at + len(word)] = word
    per = f"1 cell = {scale.bytes} bytes" if scale.bytes > 1 else "byte"
    return line((per.ljust(LEAD), "muted"), ("".join(text), "muted"))


def _bar(number: int, arrival: Arrival, missing: list[bool], start: int, scale: Scale, shown: Look) -> Line:
    part, glyphs = arrival.fragment, shown.glyphs
    kinds: list[int] = []
    for cell in range(scale.cells):
        begin, end = scale.bytes_of(cell)
        here = [kind for first, last, kind in arrival.runs if first < end and begin < last]
        kinds.append(DIFFERS if DIFFERS in here else SAME if SAME in here else NEW if here else OPEN * missing[cell])
    filled = shown.palette.depth == "rgb"
    looks = {
        0: (" ", "text"), OPEN: (glyphs.hole, "muted"),
        NEW: (" ", "text/heat-4") if filled else (glyphs.levels[-1], "accent"),
        SAME: (glyphs.repeat, "text"), DIFFERS: (" " if filled else glyphs.verdict[MISMATCH], "evidence"),
    }  # fmt: skip
    pieces: list[Span] = []
    for kind in kinds:
        text, ink = looks[kind]
        if pieces and pieces[-1].ink == ink:
            pieces[-1] = Span(pieces[-1].text + text, ink)
        else:
            pieces.append(Span(text, ink))
    lead = f"{number:<3} +{(part.ts - start) / 1e6:.3f} ms"
    return line((lead[: LEAD - 4].ljust(LEAD - 4), "text"), ("mf  " if part.more else "end ", "muted"), *pieces)


def windows(picture: TrainPicture, room: int) -> list[tuple[int, int]]:
    """The ranges of bytes that are shown of each reading: around what differs, as much as there is room for."""
    found: list[tuple[int, int]] = []
    used = 0
    shortest = min((len(each.data) for each in picture.readings if each.data is not None), default=0)
    for first, last in picture.differing or ((0, min(shortest, room // 3)),):
        begin, end = max(first - CONTEXT, 0), min(last + CONTEXT, shortest)
        if found and begin <= found[-1][1]:
            begin = found[-1][1]
        end = min(end, begin + (room - used) // 3)
        if end <= begin:
            break
        if found and begin == found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
        used += 3 * (end - begin) + 2
    return found


def reading_lines(picture: TrainPicture, width: int) -> tuple[Line, list[Line]]:
    """The head with the places of the bytes, and a row a policy: bytes that differ from the first one are evidence."""
    room = width - 2 - NAME - 1 - TAIL
    shown = windows(picture, room)
    needed = sum(3 * (end - begin) + 1 for begin, end in shown)
    head: list[Piece] = [("Reassembly".ljust(NAME + 1), "strong")]
    for begin, end in shown:
        text = f"{begin} to {end - 1}" if end - begin > 3 else str(begin)
        head.append((text[: 3 * (end - begin)].ljust(3 * (end - begin) + 1), "muted"))
    head.append(("port  app", "muted"))
    base = picture.readings[0].data or b""
    if not picture.differing and all(each.data == base for each in picture.readings):
        rows = [_reading(replace(picture.readings[0], policy="all"), base, shown, needed)]
    else:
        rows = [_reading(each, base, shown, needed) for each in picture.readings]
    hidden = sum(last - first for first, last in picture.differing)
    for first, last in picture.differing:
        hidden -= sum(max(min(last, end) - max(first, begin), 0) for begin, end in shown)
    right: list[Piece] = [(f"{plural(hidden, 'more byte')} differ", "medium")] if hidden > 0 else []
    return line(*head, right=right), rows


def _reading(each: Reading, base: bytes, shown: list[tuple[int, int]], room: int) -> Line:
    pieces: list[Piece] = [(each.policy.ljust(NAME + 1), "text")]
    if each.data is None:
        return line(*pieces, ("throws it away".ljust(room), "muted"))
    used = 0
    for begin, end in shown:
        for at in range(begin, end):
            differs = at < len(base) and at < len(each.data) and each.data[at] != base[at]
            text = f"{each.data[at]:02x}" if at < len(each.data) else "  "
            both = differs and at + 1 < end and at + 1 < len(each.data) and each.data[at + 1] != base[at + 1]
            pieces += [(text, "evidence" if differs else "muted"), (" ", "evidence" if both else "text")]
        pieces.append((" ", "text"))
        used += 3 * (end - begin) + 1
    pieces.append((" " * max(room - used, 0), "text"))
    port = "" if each.port is None else str(each.port)
    return line(*pieces, (port.ljust(6), "strong"), (each.app or "unknown", "text" if each.app else "muted"))


def summary(picture: TrainPicture) -> Line:
    """In one sentence: do they read the same? And how the train ended."""
    return replace(_agreement(picture), right=spans([ended(picture)]))


def _agreement(picture: TrainPicture) -> Line:
    ports: dict[int, int] = {}
    for each in picture.readings:
        if each.port is not None:
            ports[each.port] = ports.get(each.port, 0) + 1
    differ = sum(last - first for first, last in picture.differing)
    if len(ports) > 1:
        said = ", ".join(f"{port} under {plural(number, 'policy', 'policies')}" for port, number in ports.items())
        return line((said, "strong"), (". A filter and a host may disagree.", "text"))
    if differ:
        return line((plural(differ, "byte"), "strong"), (" depend on who puts the fragments together.", "text"))
    if picture.train.holes:
        return line(("Not whole: ", "text"), ("some bytes never came.", "muted"))
    return line((f"All policies read the same {plural(picture.length, 'byte')}.", "text"))


def ended(picture: TrainPicture) -> Piece:
    """How the train ended: whole after a time, or why not."""
    life, first = picture.life, picture.train.first_ns
    if life.end == COMPLETE:
        return (f"whole after {duration(life.end_ns - first)}", "muted")
    return (ENDS[life.end], "medium")


def legend(shown: Look) -> list[Piece]:
    """The signs of bytes that were there before."""
    return [
        ("open ", "muted"),
        (shown.glyphs.hole, "muted"),
        ("  same ", "muted"),
        (shown.glyphs.repeat, "text"),
        ("  ", "muted"),
        ("differs", "evidence"),
    ]
