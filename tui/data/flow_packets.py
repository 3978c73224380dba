"""The packets of a flow → rows for a VirtualTable, a page at a time, and the columns that show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui.data.newest import Newest
from tui.format import SECOND, count
from tui.widgets.columns import Cell, Column, Form, TableSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oddport.case.model import PacketRow
    from tui.data.flow_case import FlowCase
    from tui.data.packet_says import Said
    from tui.glyphs import Glyphs

PAGE, PAGES = 128, 32
"""Rows of a page, pages that are kept."""
SAID_KEPT = 8_192
"""Packets whose words are kept."""
_FLAGS = ((2, "SYN"), (1, "FIN"), (4, "RST"), (8, "PSH"), (16, "ACK"), (32, "URG"))
"""TCP flag bits (RFC 9293, 3.1), in the order in which people say them."""


def flag_words(flags: int) -> str:
    """`PSH ACK`; empty for none."""
    return " ".join(word for bit, word in _FLAGS if flags & bit)


@dataclass(frozen=True, slots=True)
class FlowPacket:
    """A packet of a flow as the list shows it."""

    index: int
    """0-based place among the packets of the flow."""
    packet: PacketRow
    elapsed: int
    """ns since the first packet of the flow."""
    since: int
    """ns since the packet before."""
    said: Said | None
    """None until the packet was read."""
    evidence: bool


class FlowPackets:
    """All packets of one flow. Also keeps what was read of them."""

    def __init__(self, case: FlowCase, flow: int, first_ns: int) -> None:
        self._case, self._flow, self._first_ns = case, flow, first_ns
        self._length = case.packet_count_of_flow(flow)
        self._pages = Newest[int, "list[PacketRow]"](PAGES)
        self._said = Newest[int, "Said"](SAID_KEPT)
        self.evidence: frozenset[int] = frozenset()
        """Places of packets that hold evidence."""

    @property
    def widths(self) -> Mapping[str, int]:
        """Longest number of a packet, in the flow and in its capture."""
        return {"packet": len(count(self._length)), "time": 10}

    def __len__(self) -> int:
        return self._length

    def key(self, index: int) -> int:
        """1-based place in the flow."""
        return index + 1

    def find(self, key: int) -> int | None:
        """Place of a key."""
        return key - 1 if 1 <= key <= self._length else None

    def packet(self, index: int) -> PacketRow | None:
        """The packet at a place; None if there is none."""
        if not 0 <= index < self._length:
            return None
        number, within = divmod(index, PAGE)
        if within >= len(self._pages.get(number, ())):  # not there, or from before the flow grew
            self._pages.pop(number, None)
        page = self._pages.wanted(number, lambda: self._case.packets_of_flow(self._flow, number * PAGE, PAGE))
        return page[within] if within < len(page) else None

    def row(self, index: int) -> FlowPacket | None:
        """The row at a place."""
        packet = self.packet(index)
        if packet is None:
            return None
        before = self.packet(index - 1) if index else None
        since = packet.ts - before.ts if before is not None else 0
        return FlowPacket(
            index, packet, packet.ts - self._first_ns, since, self._said.get(index), index in self.evidence
        )

    def grown(self) -> bool:
        """Whether there are more packets than before; takes them in."""
        length = self._case.packet_count_of_flow(self._flow)
        grown, self._length = length > self._length, max(length, self._length)
        return grown

    def unsaid(self, start: int, stop: int) -> list[tuple[int, PacketRow]]:
        """Packets of [start, stop) that nobody has read yet."""
        wanted = [index for index in range(max(start, 0), min(stop, self._length)) if index not in self._said]
        return [(index, packet) for index in wanted if (packet := self.packet(index)) is not None]

    def say(self, index: int, said: Said) -> None:
        """Keep what a packet says."""
        self._said[index] = said

    def forget(self) -> None:
        """Read all packets anew."""
        self._said.clear()


def seconds(ns: int) -> str:
    """Seconds to the microsecond: `0.018204`."""
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    return f"{sign}{ns // SECOND}.{ns % SECOND // 1000:06d}"


def _text(value: str, ink: str = "text") -> Cell:
    return ((value, ink),)


def _arrow(row: FlowPacket, glyphs: Glyphs) -> Cell:
    return _text(glyphs.back if row.packet.back else glyphs.forward, "text" if row.packet.back else "accent")


def _data(row: FlowPacket, glyphs: Glyphs) -> Cell:
    known = row.said.data if row.said is not None else None
    if known is None:
        return () if row.packet.payload else _text(glyphs.byte, "muted")
    return _text(count(known)) if known else _text(glyphs.byte, "muted")


def note_text(packet: PacketRow) -> str:
    """What is special about a packet: `repeat, cut`."""
    noted = (
        ("repeat", packet.repeat),
        ("fragment", packet.fragment),
        ("malformed", packet.unread),
        ("cut", packet.caplen < packet.wirelen),
    )
    return ", ".join(word for word, holds in noted if holds)


def _says(row: FlowPacket, glyphs: Glyphs) -> Cell:
    notes = note_text(row.packet)
    pieces: list[Any] = [(row.said.text if row.said is not None else "", "text")]
    if notes:
        pieces.append((("  " if pieces[0][0] else "") + notes, "muted"))
    return tuple(pieces)


def _index(row: FlowPacket, _: Glyphs) -> Cell:
    return _text(count(row.index + 1))


def _number(row: FlowPacket, _: Glyphs) -> Cell:
    return _text(count(row.packet.number), "muted")


def _finding(row: FlowPacket, _: Glyphs) -> Cell:
    return _text("evidence", "strong") if row.evidence else ()


SPEC = TableSpec(
    columns=(
        Column("packet", (Form(_index, 6, "Packet", "packet"),), right=True, removable=False),
        Column("capture", (Form(_number, 10, "In capture"),), right=True),
        Column("time", (Form(lambda row, _: _text(seconds(row.elapsed), "muted"), 11, "Time"),), right=True),
        Column("since", (Form(lambda row, _: _text(seconds(row.since), "muted"), 10, "Since last"),), right=True),
        Column("arrow", (Form(_arrow, 1),), removable=False),
        Column("data", (Form(_data, 6, "Data"),), right=True, removable=False),
        Column("flags", (Form(lambda row, _: _text(flag_words(row.packet.flags), "muted"), 8, "Flags"),)),
        Column("says", (Form(_says, 12, "What it says"),), removable=False),
        Column("finding", (Form(_finding, 8, "Finding"),)),
    ),
    steps=("capture", "since", "finding", "flags", "time"),
    slack=("says",),
)
"""From 120 cells on."""
NARROW = TableSpec(
    columns=tuple(column for column in SPEC.columns if column.name not in ("capture", "since", "finding")),
    steps=("flags", "time"),
    slack=("says",),
)
"""Under 120 cells: what a packet says needs the room."""
