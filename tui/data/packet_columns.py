"""Rows of the list of packets → its columns."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tui.data.flow_packets import flag_words, note_text
from tui.data.times import CLOCK, HEADS
from tui.format import count
from tui.widgets.columns import Cell, Column, Form, TableSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.data.packet_says import Said
    from tui.data.packets import PacketLine
    from tui.glyphs import Glyphs


def packet_spec(
    said: Callable[[int], Said | None],
    time: Callable[[PacketLine, int], str],
    strong: Callable[[PacketLine], bool],
    form: str,
) -> TableSpec:
    """All columns. `said` gives what a packet says by its number, `time` its time with some digits of the second's
    fraction in this form, `strong` whether it belongs to the flow under the cursor."""

    def text(value: str, row: PacketLine, ink: str = "text") -> Cell:
        return ((value, "strong" if strong(row) else ink),)

    def time_cell(row: PacketLine, _: Glyphs, digits: int) -> Cell:
        return text(time(row, digits), row, "muted")

    def says(row: PacketLine, _: Glyphs) -> Cell:
        known = said(row.id)
        words = known.text if known is not None else ""
        notes = note_text(row.packet)
        shown = words or flag_words(row.packet.flags)
        return ((shown, "strong" if strong(row) else "text"), (f"{'  ' if shown and notes else ''}{notes}", "muted"))

    def port(row: PacketLine, number: int, ink: str) -> Cell:
        return text(str(number) if row.has_ports else "", row, ink)

    measured = form != CLOCK
    times = tuple(
        Form(partial(time_cell, digits=digits), 4 if measured else width, HEADS[form], measure if measured else "")
        for digits, width, measure in ((6, 15, "microseconds"), (3, 12, "milliseconds"), (0, 8, "seconds"))
    )
    return TableSpec(
        columns=(
            Column("packet", (Form(lambda row, _: text(count(row.id), row, "muted"), 6, "Packet", "packet"),),
                   right=True, removable=False),
            Column("time", times, right=True),
            Column("from", (Form(lambda row, _: text(row.src, row), 15, "From", "address"),),
                   middle=True, removable=False),
            Column("sport", (Form(lambda row, _: port(row, row.sport, "muted"), 5, "Port"),), right=True),
            Column("to", (Form(lambda row, _: text(row.dst, row), 15, "To", "address"),), middle=True, removable=False),
            Column("port", (Form(lambda row, _: port(row, row.dport, "text"), 5, "Port"),), right=True,
                   removable=False),
            Column("app", (Form(lambda row, _: text(row.app_text, row, "text" if row.app else "muted"), 5, "App"),)),
            Column("length", (Form(lambda row, _: text(count(row.packet.wirelen), row, "muted"), 6, "Length"),),
                   right=True),
            Column("flags", (Form(lambda row, _: text(flag_words(row.packet.flags), row, "muted"), 8, "Flags"),)),
            Column("says", (Form(says, 32, "What it says"), Form(says, 10, "It says")), removable=False),
            Column("flow", (Form(lambda row, _: text(count(row.flow) if row.flow else "", row, "muted"), 9, "Flow"),),
                   right=True),
        ),
        steps=("flags", "says", "sport", "flow", "time", "length", "time", "app", "time"),
        slack=("says",),
        squeeze=("to", "from"),
    )  # fmt: skip
