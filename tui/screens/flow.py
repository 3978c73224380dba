"""A flow of a case → its claim and the bytes that prove it, its facts, and its packets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical

from oddport.case.errors import CaseError
from tui.data.dissection import ByteClaim, Request, shared_dissector
from tui.data.flow_packets import NARROW, SPEC, FlowPacket, FlowPackets
from tui.data.packet_evidence import places_in_flow
from tui.data.packet_says import Said, said
from tui.format import count, plural
from tui.screens.base import Frame
from tui.screens.flow_lines import (
    SEEN_ROWS,
    FlowPicture,
    claim_lines,
    ends,
    fact_columns,
    fact_lines,
    facts,
    title_pieces,
)
from tui.screens.reading_along import AHEAD, read_along
from tui.theme import look
from tui.widgets.line import EMPTY, Line, Piece, Span, line, spans, width_of
from tui.widgets.lines import Lines
from tui.widgets.rule import Rule
from tui.widgets.table import VirtualTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

    from oddport.case.model import PacketRow
    from tui.data.dissection import Dissector
    from tui.data.flow_case import FlowCase

FACT_ROWS = 14
"""Facts beside the claim, on a wide screen."""
LOOK_AGAIN = 1.0
"""Seconds between two looks at a flow that is still open."""


class PacketTable(VirtualTable):
    """The packets of the flow."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "packet", id="move.open", tooltip="packet"),
    ]

    def open_on(self, index: int) -> None:
        """Put the cursor on a row, with the rows before it in sight as far as there is room."""
        self.cursor = max(0, min(index, len(self.rows) - 1))
        self.key = self.rows.key(self.cursor) if len(self.rows) else None
        self.top = self._bounded(0)
        self.refresh()


class FlowScreen(Frame):
    """Opened from a list; Enter goes on to a packet."""

    TITLE_TEXT = "Flow"
    GUIDE = "What was seen and expected, the facts of the flow, and its packets. Enter goes on to the bytes."
    STRIP = 0
    AUTO_FOCUS = "#packets"
    DEFAULT_CSS = """
    FlowScreen > #about { height: auto; layout: vertical; }
    FlowScreen > #about > #claims, FlowScreen > #about > #facts { height: auto; width: 1fr; }
    FlowScreen > #about > Rule { display: none; }
    FlowScreen.-panes > #about { layout: horizontal; }
    FlowScreen.-panes > #about > #claims, FlowScreen.-panes > #about > #facts { width: 1fr; }
    FlowScreen.-panes > #about > Rule { display: block; }
    FlowScreen > #moved { height: auto; }
    FlowScreen > #head { display: none; }
    FlowScreen.-panes > #head { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "stream", "stream", id="move.stream", tooltip="follow the stream"),
        Binding("b", "evidence", "next evidence", id="move.evidence", tooltip="next evidence"),
        Binding("a", "all_packets", "among all", id="move.all", tooltip="this packet among all packets of the case"),
        Binding("n", "finding(1)", "next finding", id="judge.next", tooltip="next, previous finding"),
        Binding("N", "finding(-1)", show=False, id="judge.previous", tooltip="next, previous finding"),
        Binding("v", "verdict(False)", "verdict", id="judge.verdict", tooltip="verdict"),
        Binding("i", "verdict(True)", "note", id="judge.note", tooltip="note"),
        Binding("u", "undo", show=False, id="judge.undo", tooltip="undo the last verdict"),
    ]

    def __init__(
        self,
        case: FlowCase,
        flow_id: int,
        trail: Sequence[str],
        finding_id: int | None = None,
        dissector: Dissector | None = None,
    ) -> None:
        """`trail` ends with this screen's own name. Without `finding_id` the worst finding of the flow is shown.

        Raises CaseError where the case cannot be read or has no such flow.
        """
        super().__init__()
        self.case = case
        self._dissector = dissector or shared_dissector()
        self._trail = tuple(trail)
        self._moved = ""
        self._first_evidence = 0
        self.picture: FlowPicture
        self.rows: FlowPackets
        self._take(flow_id, finding_id)

    # the flow -------------------------------------------------------------------------------------------------------

    def _take(self, flow_id: int, finding_id: int | None) -> None:
        flow = self.case.flow(flow_id)
        if flow is None:
            raise CaseError(f"The case has no flow {count(flow_id)} any more. Go back to the list.")
        finding = self.case.finding(finding_id) if finding_id is not None else None
        if finding is None:
            finding = next(iter(self.case.findings_of_flow(flow_id)), None)
        evidence = tuple(self.case.evidence(finding.id)) if finding is not None else ()
        techniques = tuple(self.case.techniques(finding.id)) if finding is not None else ()
        places = places_in_flow(self.case, flow_id, evidence)
        self.picture = FlowPicture(flow, finding, evidence, techniques, places)
        self.rows = FlowPackets(self.case, flow_id, flow.first_ns)
        self.rows.evidence = frozenset(places.values())
        self._first_evidence = 0
        self._moved = ""

    # frame ----------------------------------------------------------------------------------------------------------

    def trail(self) -> Sequence[str]:
        return self._trail

    def top_right(self) -> Sequence[Span]:
        place = self._place_in_list()
        return (Span(place, "muted"),) if place else ()

    def context(self) -> Line:
        glyphs = look(self).glyphs
        title = title_pieces(self.picture, glyphs)
        between = ends(self.picture.flow, glyphs)
        if self.has_panes:
            finding = self.picture.finding
            more: list[Piece] = [(f"    {between}", "muted")]
            if finding is not None:
                more.append((f"    {finding.verdict or 'not reviewed'}", "muted"))
            return line(*title, *more)
        if self._ends_apart():
            return line(*title)
        return line(*title, right=[(between, "text")])

    def _ends_apart(self) -> bool:
        """Both ends need a row of their own: an address is never cut."""
        glyphs = look(self).glyphs
        least = min(width_of(spans(title_pieces(self.picture, glyphs))), 20)
        return not self.has_panes and len(ends(self.picture.flow, glyphs)) + least + 4 > self.size.width

    def compose_body(self) -> Iterable[Widget]:
        """Claims and facts over the packets."""
        yield Vertical(Lines(id="claims"), Rule(), Lines(id="facts"), id="about")
        yield Lines(id="moved")
        yield Lines([EMPTY], id="head")
        yield PacketTable(NARROW, self.rows, id="packets")

    @property
    def table(self) -> PacketTable:
        """The packets."""
        return self.query_one("#packets", PacketTable)

    def on_mount(self) -> None:
        self._dissector.warm()
        self._show()
        self.call_after_refresh(self._opened)
        self.set_interval(LOOK_AGAIN, self._look_again)

    def _opened(self) -> None:
        """The sizes are known: the first evidence under the cursor."""
        self.table.open_on(min(self.rows.evidence, default=0))
        self._read_along()

    def on_resize(self, event: Any) -> None:
        self._show()
        self.call_after_refresh(self._read_along)

    def _show(self) -> None:
        """Take in what is to be said of the flow now."""
        if not self.is_mounted:
            return
        glyphs, width = look(self).glyphs, self.size.width
        if self.has_panes:
            half = width // 2
            claims = claim_lines(self.picture, glyphs, half, self._first_evidence, True)
            found = fact_lines(facts(self.picture, glyphs), FACT_ROWS)
            high = max(len(claims), len(found))
            rows = [[EMPTY, *part, *[EMPTY] * (high - len(part)), EMPTY] for part in (claims, found)]
            if not claims:
                rows = [rows[1], []]
            total = f"{plural(len(self.rows), 'packet')} in this flow"
            self.query_one("#head", Lines).show([line(("Packets", "strong"), right=[(total, "muted")])])
        else:
            apart = [line((ends(self.picture.flow, glyphs), "text"))] if self._ends_apart() else []
            claims = claim_lines(self.picture, glyphs, width, self._first_evidence, False)
            columns = fact_columns(self.picture, glyphs, width)
            rows = [[*apart, EMPTY, *claims, EMPTY], columns] if claims else [[*apart, EMPTY], [*columns, EMPTY]]
        self.query_one("#claims", Lines).show(rows[0])
        self.query_one("#facts", Lines).show(rows[1])
        self.query_one("#facts", Lines).display = bool(rows[1])
        self.query_one("#about > Rule").styles.height = max(len(rows[0]), 1)
        moved = [line((f"{glyphs.alert} ", "high"), (self._moved, "text"))] if self._moved else []
        self.query_one("#moved", Lines).show(moved)
        self.query_one("#moved", Lines).display = bool(moved)
        self.table.use(SPEC if self.has_panes else NARROW)
        self.table.bars = frozenset(place + 1 for place in self.rows.evidence)
        self.refresh_frame()

    def _look_again(self) -> None:
        """A flow that is still open gets more packets."""
        if not self.picture.flow.open or self.app.screen is not self:
            return
        try:
            flow = self.case.flow(self.picture.flow.id)
            grown = self.rows.grown()
        except CaseError as error:
            self.say(str(error), "high")
            return
        if flow is not None:
            old = self.picture
            self.picture = FlowPicture(flow, old.finding, old.evidence, old.techniques, old.places)
        if grown:
            self.table.rows_joined()
        self._show()
        self._read_along()

    # what packets say -----------------------------------------------------------------------------------------------

    def on_virtual_table_moved(self, event: VirtualTable.Moved) -> None:
        self._read_along()

    def _read_along(self) -> None:
        """Read the packets on the screen, in a thread."""
        if not self.is_mounted or self._moved:
            return
        table = self.table
        try:
            wanted = self.rows.unsaid(table.top - AHEAD, table.top + table.page + AHEAD)
        except CaseError as error:
            self.say(str(error), "high")
            return
        rows = self.rows
        read_along(
            self,
            [(index, partial(self._words, packet)) for index, packet in wanted],
            lambda heard: self._heard(rows, heard),
            self._bytes_moved,
        )

    def _words(self, packet: PacketRow) -> Said:
        frame = self.case.packet_bytes(packet)
        claims = tuple(
            ByteClaim(found.offset, found.length, found.says)
            for found in self.picture.evidence
            if not found.train and (found.file, found.packet) == (packet.file, packet.number)
        )
        flow = self.picture.flow
        return said(self._dissector.dissect(Request(packet.link, frame, flow.app, claims)), frame, flow.facts)

    def _heard(self, rows: FlowPackets, heard: dict[int, Said]) -> None:
        if rows is self.rows and self.is_mounted and heard:
            for index, words in heard.items():
                rows.say(index, words)
            self.table.refresh()

    def _bytes_moved(self, sentence: str) -> None:
        self._moved = sentence
        for found in self.picture.evidence:
            place = (self.picture.places or {}).get(found.id)
            if place is not None:
                self.rows.say(place, Said(None, found.says))
        self._show()
        self.table.refresh()

    # keys -----------------------------------------------------------------------------------------------------------

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        row = event.row
        if isinstance(row, FlowPacket):
            from tui.screens.packet import PacketScreen

            self.app.push_screen(
                PacketScreen(
                    self.case, self.picture.flow.id, row.index, self._trail, self.picture.evidence,
                    finding=self.picture.finding, dissector=self._dissector,
                )
            )  # fmt: skip

    def action_stream(self) -> None:
        """What both sides of the flow said."""
        from tui.screens.stream import StreamScreen

        finding = self.picture.finding
        self.app.push_screen(
            StreamScreen(self.case, self.picture.flow.id, self._trail, finding.id if finding else None, self._dissector)
        )

    async def action_all_packets(self) -> None:
        """The packet under the cursor among all packets of the case."""
        from tui.dashboard import OddportApp

        row, app = self.table.current, self.app
        if isinstance(row, FlowPacket) and isinstance(app, OddportApp):
            await app.list_packets(row.packet.packet + 1)

    def action_evidence(self) -> None:
        """The next evidence: its row above, its packet below."""
        picture = self.picture
        if not picture.evidence:
            return
        places = sorted(self.rows.evidence)
        after = next((place for place in places if place > self.table.cursor), places[0] if places else None)
        if len(picture.evidence) > SEEN_ROWS:
            self._first_evidence += SEEN_ROWS
            if self._first_evidence >= len(picture.evidence):
                self._first_evidence = 0
            shown = picture.evidence[self._first_evidence]
            after = (picture.places or {}).get(shown.id, after)
        if after is not None:
            self.table.touched = True
            self.table.move_to_index(after)
        self._show()

    def action_finding(self, step: int) -> None:
        """The next finding of the list that this screen was opened from."""
        beneath = self._list()
        rows = getattr(beneath, "rows", None)
        if beneath is None or rows is None:
            return
        table = beneath.query_one("#main", VirtualTable)
        place = table.cursor + step
        while 0 <= place < len(rows):
            row = rows.row(place)
            if row is not None and row.flow:
                table.touched = True
                table.move_to_index(place)
                self._go_to(row)
                return
            place += step
        self.say("This is the last finding of the list." if step > 0 else "This is the first finding of the list.")

    def _go_to(self, row: Any) -> None:
        """Show another finding of the list."""
        try:
            self._take(row.flow, row.id)
        except CaseError as error:
            self.say(str(error), "high")
            return
        self._trail = (*self._trail[:-2], row.title, f"Flow {count(row.flow)}")
        table = self.table
        table.rows = self.rows
        self._show()
        self._opened()
        self.refresh_keys()

    def _list(self) -> Any | None:
        """The list of findings that this screen was opened from."""
        from tui.screens.findings import FindingsScreen

        stack = self.app.screen_stack
        place = stack.index(self) if self in stack else 0
        beneath = stack[place - 1] if place else None
        return beneath if isinstance(beneath, FindingsScreen) else None

    def _place_in_list(self) -> str:
        """`7 of 20`."""
        beneath = self._list()
        rows = getattr(beneath, "rows", None)
        if beneath is None or rows is None or not len(rows):
            return ""
        return f"{count(beneath.query_one('#main', VirtualTable).cursor + 1)} of {count(len(rows))}"

    def action_verdict(self, note_first: bool) -> None:
        """What the analyst says of the finding."""
        finding = self.picture.finding
        if finding is None:
            return
        from tui.dialogs.verdict import Decision, VerdictDialog
        from tui.screens.judging import as_line

        def decided(decision: Decision | None) -> None:
            if decision is None:
                return
            try:
                self.case.set_verdict(finding.uid, decision.verdict or None, decision.note)
            except CaseError as error:
                self.say(str(error), "high")
                return
            self._after_verdict()
            if decision.go_on and self._list() is not None:
                self.action_finding(1)

        self.app.push_screen(VerdictDialog(as_line(finding), note_first), decided)

    def action_undo(self) -> None:
        """Take the last change of the verdict back."""
        finding = self.picture.finding
        if finding is None:
            return
        try:
            undone = self.case.undo_verdict(finding.uid)
        except CaseError as error:
            self.say(str(error), "high")
            return
        self._after_verdict()
        self.say("The last change of the verdict was taken back." if undone else "There is nothing to take back.")

    def _after_verdict(self) -> None:
        old = self.picture
        finding = self.case.finding(old.finding.id) if old.finding is not None else None
        self.picture = FlowPicture(old.flow, finding or old.finding, old.evidence, old.techniques, old.places)
        beneath = self._list()
        if beneath is not None:
            beneath.after_verdict("")
        self._show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean something for this flow."""
        if action in ("verdict", "undo"):
            return self.picture.finding is not None
        if action == "evidence":
            return bool(self.picture.evidence)
        if action == "finding":
            return self._list() is not None
        return True
