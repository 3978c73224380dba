"""All packets of a case → a list in order of reading, narrowed by a filter; Enter goes to a packet's bytes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from tui.data.dissection import ByteClaim, Request, shared_dissector
from tui.data.flows import facts_of
from tui.data.packet_columns import packet_spec
from tui.data.packet_says import Said, said
from tui.data.packets import PacketLine, PacketList
from tui.data.times import BEFORE, SAYS, START, time_text
from tui.dialogs.number import NumberDialog
from tui.format import count, hexes, percent, plural
from tui.screens.listing import GRAMMAR_SECONDS, ListScreen
from tui.screens.packet import PacketScreen, proof_of_flow
from tui.screens.reading_along import AHEAD, read_along
from tui.theme import look
from tui.widgets.line import EMPTY, Line, Piece, line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oddport.case.packet_filter import PacketFilter
    from tui.data.case import Store
    from tui.data.completion import Completion
    from tui.widgets.columns import TableSpec
    from tui.widgets.filter_bar import FilterBar
    from tui.widgets.table import VirtualTable

STRIP_BYTES = 10
"""Bytes of evidence in the strip."""


class PacketsScreen(ListScreen):
    """Tab 3."""

    MODE = "packets"
    TIME = START
    TITLE_TEXT = "Packets"
    GUIDE = "Every packet of the capture in order of reading. The flow of the one under the cursor stands out."
    DEFAULT_CSS = """
    PacketsScreen.-panes > #panes { display: none; }
    PacketsScreen.-panes > #strip { display: block; }
    """
    rows: PacketList | None  # type: ignore[assignment]  # no list of ids: there may be many millions
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "narrow", "this flow only", id="narrow.flow", tooltip="only packets of this flow; again: all"),
        Binding("f", "stream", "stream", id="move.stream", tooltip="follow the stream of its flow"),
        Binding("o", "flow", "its flow", id="move.flow", tooltip="the flow that it belongs to"),
        Binding("p", "number", "go to", id="move.number", tooltip="go to a packet by its number"),
    ]

    def __init__(self, store: Store) -> None:
        self._moved = ""
        self._wanted: PacketFilter | None = None
        self._go_to = 0
        super().__init__(store)

    # rows -----------------------------------------------------------------------------------------------------------

    def start_rows(self) -> None:
        """Begin to list as soon as there is a case."""
        if self.rows is not None or not self.store.exists():
            return
        self.rows = PacketList(
            self.store.reader, self.store.connect, self.soon, self._rows_changed, self._rows_joined, self._rows_failed
        )
        self.table.rows = self.rows
        self.table.bars = self.rows.evidence
        self.rows.requery()
        self.set_timer(GRAMMAR_SECONDS, self._load_grammar)
        shared_dissector().warm()

    def _rows_changed(self, place: int | None) -> None:
        super()._rows_changed(place)
        self._go_on()
        self._read_along()

    def _rows_joined(self) -> None:
        super()._rows_joined()
        self._go_on()
        self._read_along()

    def go_to_packet(self, number: int) -> None:
        """Put the cursor on the packet with this number, or the next one listed, as soon as it is there."""
        self._go_to = number
        self._go_on()

    def _go_on(self) -> None:
        rows = self.rows
        if not self._go_to or rows is None or not len(rows):
            return
        if rows.key(len(rows) - 1) < self._go_to and not rows.ready:
            return
        place, self._go_to = rows.at_or_after(self._go_to), 0
        if place is not None:
            self.table.touched = True
            self.table.move_to_index(place)

    # cells ----------------------------------------------------------------------------------------------------------

    def whole_spec(self) -> TableSpec:
        """All columns that there are, with times in the form that holds."""
        return packet_spec(self._words_of, self._time, self._of_this_flow, self.time_form)

    def _words_of(self, number: int) -> Said | None:
        return self.rows.said(number) if self.rows is not None else None

    def _time(self, row: PacketLine, digits: int) -> str:
        rows, before = self.rows, None
        if rows is None:
            return ""
        if self.time_form == BEFORE and self.table.painted:
            packet = rows.packet(self.table.painted - 1)
            before = None if packet is None else packet.ts
        return time_text(self.time_form, row.packet.ts, rows.start_ns, before, digits)

    def _of_this_flow(self, row: PacketLine) -> bool:
        return bool(row.flow) and row.flow == self._flow

    _flow = 0
    """Of the packet under the cursor."""

    # what packets say -----------------------------------------------------------------------------------------------

    def on_virtual_table_moved(self, event: VirtualTable.Moved) -> None:
        flow = event.row.flow if isinstance(event.row, PacketLine) else 0
        if flow != self._flow:
            self._flow = flow
            self.table.refresh()
        self._read_along()

    def on_resize(self, event: Any) -> None:
        self.call_after_refresh(self._read_along)

    def _read_along(self) -> None:
        if not self.is_mounted or self._moved or self.rows is None:
            return
        table = self.table
        wanted = self.rows.unsaid(table.top - AHEAD, table.top + table.page + AHEAD)
        read_along(self, [(row.id, partial(self._words, row)) for row in wanted], self._heard, self._bytes_moved)

    def _words(self, row: PacketLine) -> Said:
        frame, facts = self.store.reader.packet_bytes(row.packet), facts_of(row.facts)
        claims = tuple(
            ByteClaim(found.offset, found.length, found.says) for found in self._evidence(row) if not found.train
        )
        return said(shared_dissector().dissect(Request(row.packet.link, frame, row.app, claims)), frame, facts)

    def _proves(self, row: PacketLine) -> bool:
        return self.rows is not None and row.id in self.rows.evidence

    def _heard(self, heard: dict[int, Said]) -> None:
        if self.rows is not None and heard:
            for number, words in heard.items():
                self.rows.say(number, words)
            self.table.refresh()

    def _bytes_moved(self, sentence: str) -> None:
        self._moved = sentence
        self.refresh_frame()

    # row 1 and the strip --------------------------------------------------------------------------------------------

    def counts(self) -> Line:
        rows = self.rows
        total = self.summary.packets if self.summary is not None else 0
        if rows is None or not (len(rows) or rows.ready):
            return line((self.case_name(), "text"))
        if not self.filter_text:
            right: list[Piece] = [("time ", "muted"), (SAYS[self.time_form], "text")]
            return line(
                (plural(len(rows), "packet"), "strong"), ("   the whole capture, in order of reading", "muted"),
                right=right if self.size.width >= 120 else (),
            )  # fmt: skip
        pieces: list[Piece] = [(f"{count(len(rows))} of {count(total)}", "strong")]
        if (read := rows.read_of) is not None:
            pieces.append((f" so far, {percent(*read)} searched", "muted"))
        return line(*pieces, *self.filter_pieces())

    def strip(self) -> Sequence[Line]:
        row: PacketLine | None = self.table.current
        if row is None:
            return []
        if self._moved:
            return [line((f"{look(self).glyphs.alert} ", "high"), (self._moved, "text")), self._about(row)]
        words = self._words_of(row.id)
        first: list[Piece] = [(words.text, "text")] if words is not None else []
        for found in self._evidence(row):
            first = [("Seen   ", "muted"), (hexes(found.data, STRIP_BYTES), "evidence"), (f"   {found.says}", "text")]
            break
        return [line(*first, right=[(plural(row.packet.wirelen, "byte"), "muted")]), self._about(row)]

    def _evidence(self, row: PacketLine) -> list[Any]:
        if not self._proves(row):
            return []
        _, evidence = proof_of_flow(self.store.reader, row.flow)
        return [each for each in evidence if (each.file, each.packet) == (row.packet.file, row.packet.number)]

    def _about(self, row: PacketLine) -> Line:
        if not row.flow:
            return line(("Belongs to no flow.", "muted"))
        pieces: list[Piece] = [("Flow ", "muted"), (count(row.flow), "text")]
        for name, value in list(facts_of(row.facts).items())[:2]:
            pieces += [(f"   {name} ", "muted"), (str(value), "text")]
        return line(*pieces)

    def nothing(self) -> list[Line]:
        if self.filter_text:
            if self.rows is not None and self.rows.busy:
                return [line(("No packet so far.", "strong"))]
            keys: list[Piece] = [("/", "key"), " changes the filter, ", ("esc", "key"), " clears it."]
            return [line(("No packet matches.", "strong")), EMPTY, line(*keys)]
        if self.load_runs:
            return [line(("No packets yet.", "strong"))]
        if self.rows is None or not self.rows.ready:
            return []
        return [line(("No packets", "strong")), EMPTY, line("Nothing was read.")]

    # the filter -----------------------------------------------------------------------------------------------------

    def _compile(self, text: str) -> Any:
        from oddport.case.packet_filter import PacketFilter

        return PacketFilter(text)

    def _completions(self, text: str) -> list[Completion]:
        from oddport.case.packet_filter import packet_values, packet_words

        return self._complete(text, packet_words(), packet_values)

    def on_filter_bar_typed(self, event: FilterBar.Typed) -> None:
        """Counting goes through all packets: that waits for Enter."""
        event.prevent_default()

    def apply_filter(self, text: str) -> None:
        """List what the filter leaves; raises FilterError."""
        self._wanted = self._compile(text) if text.strip() else None
        self.filter_text = text.strip()
        if self.rows is not None:
            self.rows.requery(self._wanted, keep=self.table.key)
        self.refresh_frame()

    # keys -----------------------------------------------------------------------------------------------------------

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        row: PacketLine = event.row

        def go() -> None:
            assert self.rows is not None
            finding, evidence = proof_of_flow(self.store.reader, row.flow)
            self.app.push_screen(
                PacketScreen(
                    self.store.reader, row.flow, event.index, ("Packets",), evidence, finding=finding, among=self.rows
                )
            )

        self.guarded(go)

    def action_narrow(self) -> None:
        """Only the packets of this flow; again: all, on the same packet."""
        row: PacketLine | None = self.table.current
        if row is not None and row.flow:
            text = f"flow == {row.flow}"
            self._go_to = row.id
            self.apply_filter("" if self.filter_text == text else text)

    def action_stream(self) -> None:
        """What both sides of its flow said."""
        row: PacketLine | None = self.table.current
        if row is not None and row.flow:
            self.open_stream(row.flow, ("Packets", f"Flow {count(row.flow)}"), None)

    def action_flow(self) -> None:
        """The flow that it belongs to."""
        row: PacketLine | None = self.table.current
        if row is not None and row.flow:
            self.open_flow(row.flow, ("Packets", f"Flow {count(row.flow)}"), None)

    def action_number(self) -> None:
        """Go to a packet by its number."""
        if self.rows is None or not len(self.rows):
            return
        last = self.rows.key(len(self.rows) - 1)

        def chosen(number: int | None) -> None:
            if number is not None:
                self.go_to_packet(number)

        says = f"Number of the packet, 1 to {count(last)}"
        if self.filter_text:
            says += "; of those that are filtered out, the next one listed"
        self.app.push_screen(NumberDialog("Go to packet", f"{says}.", 1, last), chosen)

    def action_back(self) -> None:
        """Esc clears the filter, on the same packet; it never quits."""
        if self.filter_text:
            self._go_to = self.table.key or 0
            self.apply_filter("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("narrow", "stream", "flow"):
            return self.rows is not None and bool(self._flow)
        if action == "number":
            return self.rows is not None and len(self.rows) > 0
        return super().check_action(action, parameters)
