"""The flows of a case → what is spoken on which port, and whether it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from oddport.case.counts import FACT_NAME
from oddport.case.words import PORT_VERDICTS, SERVERS, STATES, note_words
from tui.data.case import FIRST_PACKETS, Judged, judged
from tui.data.flows import LISTING, SPEC, TIERS, FlowLine, fact_text, facts_of, proto_word, severity_cell
from tui.format import clock, count, date, duration, endpoint, plural, size
from tui.glyphs import MISMATCH, SEVERITY_INKS, SEVERITY_LETTERS, VERDICT_INKS, VERDICT_WORDS, Glyphs
from tui.screens.findings import label
from tui.screens.handoff import HAND_KEYS, HandOffScreen
from tui.screens.listing import wrapped
from tui.theme import look
from tui.widgets.line import EMPTY, Line, Piece, Span, line, spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.widgets.columns import TableSpec
    from tui.widgets.table import VirtualTable

TIER_WORDS = ("", "by its shape", "one direction parses", "both directions parse")
"""By oddport.protocols.model.Tier."""
MOST_FACTS = 12
MOST_FIELDS = 12
"""Values of a row that are offered for a filter: the ends first, then facts."""
SHORT_WORDS = {2: "in wide use", 1: "fits", 3: "no fixed port", 4: "not recognised", 5: "does not fit"}
ODD_FILTER = "app != port"
EXCUSED = "site_exception"
"""The fact of a flow that its port is excused by the site's table (oddport.protocols.site)."""


def triple(flow: FlowLine, glyphs: Glyphs) -> tuple[Span, ...]:
    """`8088 ≠ tls`: the port, what is spoken on it, and the sign between them."""
    odd = flow.verdict == MISMATCH
    ink = "high" if odd else "strong"
    if not flow.has_ports:
        return spans([(proto_word(flow.proto), "strong")])
    sign = (f" {glyphs.verdict[flow.verdict]} ", VERDICT_INKS[flow.verdict] if not odd else "high")
    return spans([(str(flow.port), ink), sign, (flow.app_text, ink if flow.app else "muted")])


class FlowsScreen(HandOffScreen):
    """Tab 2."""

    MODE = "flows"
    TITLE_TEXT = "Flows"
    GUIDE = "In the order of their first packet. The sign between port and app says whether they fit."
    LISTING = LISTING
    SPEC: ClassVar[TableSpec] = SPEC
    FOLLOWS = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "stream", "stream", id="move.stream", tooltip="follow the stream"),
        Binding("n", "next(1)", "next finding", id="judge.next", tooltip="next, previous flow with a finding"),
        Binding("N", "next(-1)", show=False, id="judge.previous", tooltip="next, previous flow with a finding"),
        Binding("a", "all_packets", show=False, id="move.all", tooltip="its first packet among all packets"),
        Binding("c", "conversation", show=False, id="narrow.conversation", tooltip="only between these two hosts"),
        Binding("u", "undo", show=False, id="judge.undo", tooltip="undo the last exception"),
        Binding("o", "odd", "odd ones only", id="narrow.odd", tooltip="only flows that do not fit their port"),
        *HAND_KEYS,
    ]

    _judged: Judged | None = None
    _asked_at: int = -1
    _worst: tuple[int, tuple[Any, ...] | None] = (0, None)

    # row 1 ----------------------------------------------------------------------------------------------------------

    def counts(self) -> Line:
        summary, found = self.summary, self._judged
        wide = self.size.width >= 120
        if summary is None:
            return line((self.case_name(), "text"))
        self._ask_judged()
        pieces: list[Piece] = [(plural(summary.flows, "flow") if wide else self.case_name(), "text")]
        if self.filter_text:
            shown = len(self.rows) if self.rows is not None else 0
            pieces += [(f"   {count(shown)} of {count(summary.flows)}", "strong"), *self.filter_pieces()]
        elif found is not None:
            odd = found.verdicts[MISMATCH]
            if wide:
                pieces += [
                    (f"   {count(odd)}", "text"),
                    (f" {'speaks' if odd == 1 else 'speak'} what does not fit their port", "muted"),
                ]
            else:
                pieces += [
                    (f"   {count(odd)} of {count(found.flows)} flows speak what does not fit their port", "muted")
                ]
        pieces += self.tail_pieces()
        return line(*pieces, right=self._legend() if wide and not self.filter_text else ())

    def _legend(self) -> list[Piece]:
        glyphs = look(self).glyphs
        pieces: list[Piece] = []
        for verdict in (1, 2, 5, 4, 3):
            ink = VERDICT_INKS[verdict]
            pieces += [
                ("  " if pieces else "", "muted"), (glyphs.verdict[verdict], ink),
                (f" {SHORT_WORDS[verdict]}", "high plain" if verdict == MISMATCH else "muted"),
            ]  # fmt: skip
        return pieces

    def _ask_judged(self) -> None:
        if self._counter is None or self.summary is None or self._asked_at == self.summary.flows or self._counter.busy:
            return
        self._asked_at = self.summary.flows

        def done(found: Judged) -> None:
            self._judged = found
            self.refresh_frame()

        self._counter.submit(judged, done, lambda error: self.say(str(error), "high"))

    # the flow under the cursor --------------------------------------------------------------------------------------

    def _finding(self, flow: FlowLine) -> tuple[Any, ...] | None:
        """(severity, title, expected, how many) of its worst finding."""
        if self._worst[0] != flow.id or self.load_runs:
            row = self.store.connection.execute(
                "SELECT severity, title, expected, (SELECT count(*) FROM finding WHERE flow = f.flow) FROM finding f"
                " WHERE flow = ? ORDER BY severity DESC, score DESC LIMIT 1",
                (flow.id,),
            ).fetchone()
            self._worst = (flow.id, row)
        return self._worst[1]

    def strip(self) -> Sequence[Line]:
        flow: FlowLine | None = self.table.current
        glyphs = look(self).glyphs
        if self.load_runs and not self.table.touched and self.progress is not None:
            return self._so_far()
        if flow is None:
            return []
        finding = self._finding(flow)
        first: list[Piece] = [*triple(flow, glyphs)]
        if finding is not None and finding[2]:
            first += [("   expected ", "muted"), (finding[2], "expected")]
        facts = facts_of(flow.facts)
        if 0 < self.table.width_of("to") < len(flow.dst):  # the whole of what the list had to cut
            first += [("   to ", "muted"), (flow.dst, "text")]
        elif flow.says:
            first.append((f"   {flow.says}", "text"))
        else:
            for name, value in list(facts.items())[:2]:
                first += [(f"   {name} ", "muted"), (fact_text(value), "text")]
        second: list[Piece] = [
            (plural(flow.packets, "packet"), "text"),
            (f"   {glyphs.forward} ", "muted"), (size(flow.bytes_o), "text"), (f"  {glyphs.back} ", "muted"),
            (size(flow.bytes_r), "text"), (f"   {duration(flow.last_ns - flow.first_ns)}", "text"),
        ]  # fmt: skip
        words = note_words(flow.notes)
        if 0 < self.table.width_of("from") < len(flow.src):
            second = [("from ", "muted"), (flow.src, "text"), (f"   {size(flow.bytes)}", "text")]
        elif words:
            second.append((f"   {', '.join(words)}", "muted"))
        right: list[Piece] = []
        if finding is not None:
            right = [*severity_cell(finding[0], glyphs), (f" {finding[1]}", "text")]
        return [line(*first, right=[(f"flow {count(flow.id)}", "muted")]), line(*second, right=right)]

    def _so_far(self) -> list[Line]:
        progress, summary, glyphs = self.progress, self.summary, look(self).glyphs
        assert progress is not None
        found = summary.findings if summary is not None else 0
        pieces: list[Piece] = [
            (count(progress.flows), "strong"), (" flows and ", "muted"), (count(found), "strong"),
            (f" finding{'' if found == 1 else 's'} so far" + (":  " if found else ""), "muted"),
        ]  # fmt: skip
        if summary is not None and found:
            for severity in (4, 3, 2, 1, 0):
                pieces += [
                    (f"{glyphs.severity[severity]} {SEVERITY_LETTERS[severity]}", SEVERITY_INKS[severity]),
                    (f" {count(summary.severities[severity])}  ", "text"),
                ]
        return [
            line(*pieces),
            line(
                ("Open, filter and sort what is here. ", "muted"),
                ("1", "key"),
                (" shows the findings as they come.", "muted"),
            ),
        ]

    # panes ----------------------------------------------------------------------------------------------------------

    def left_pane(self, row: FlowLine) -> list[Line]:
        glyphs = look(self).glyphs
        width = max(self.size.width // 2, 40)
        src = endpoint(row.src, row.sport if row.has_ports else None)
        dst = endpoint(row.dst, row.dport if row.has_ports else None)
        rows = [
            EMPTY,
            line(*triple(row, glyphs), ("   " + f"flow {count(row.id)}", "muted")),
            line((f"{src} {glyphs.forward} {dst}", "muted")),
            EMPTY,
        ]
        tier = f", tier {TIERS[row.tier]}: {TIER_WORDS[row.tier]}" if row.tier else ""
        rows.append(line(label("App"), (row.app or row.app_text, "text"), (tier, "muted")))
        if row.verdict:
            rows.append(
                line(
                    label("Port"),
                    (VERDICT_WORDS[row.verdict], VERDICT_INKS[row.verdict] if row.verdict > 3 else "text"),
                )
            )
        if row.has_ports:
            rows.append(line(label("Server"), self._server(row)))
        finding = self._finding(row)
        if finding is not None:
            more = f"   {finding[3] - 1} more" if finding[3] > 1 else ""
            rows.append(line(label("Finding"), *severity_cell(finding[0], glyphs), f" {finding[1]}", (more, "muted")))
        rows += self._facts(row, width)
        lasts = duration(row.last_ns - row.first_ns)
        rows += [
            line(
                label("Traffic"), plural(row.packets, "packet"),
                (f"   {glyphs.forward} {count(row.packets_o)}  {size(row.bytes_o)}", "text"),
                (f"   {glyphs.back} {count(row.packets_r)}  {size(row.bytes_r)}", "text"),
            ),
            line(label("Time"), f"{date(row.first_ns)} {clock(row.first_ns, 3)}", (f"   {lasts}", "muted")),
        ]  # fmt: skip
        state, words = STATES[row.state] if row.state < len(STATES) else "", note_words(row.notes)
        told = [*([state] if state else []), *words]
        if told:
            rows.append(line(label("State"), ", ".join(told)))
        return rows

    def _server(self, row: FlowLine) -> str:
        side, _, how = SERVERS[row.server].partition(" ") if row.server < len(SERVERS) else ("", "", "")
        if not how:
            return "not known"
        return f"the {side}, {how}"

    def _facts(self, row: FlowLine, width: int) -> list[Line]:
        rows: list[Line] = []
        if row.says:
            rows += wrapped(row.says, width, "text", label("Says"))[:2]
        facts = facts_of(row.facts)
        for name, value in list(facts.items())[:MOST_FACTS]:
            rows.append(line(label(name[:10]), fact_text(value)))
        if len(facts) > MOST_FACTS:
            rows.append(line(label(""), (f"{len(facts) - MOST_FACTS} more facts in the flow", "muted")))
        return rows

    def right_pane(self, row: FlowLine) -> list[Line]:
        glyphs = look(self).glyphs
        from tui.widgets.hex_lines import hex_rows

        height = max(self.query_one("#right").size.height, 6)
        sides = self.store.first_bytes(row.id)
        rows: list[Line] = []
        shown = [(side, payload) for side, payload in enumerate(sides) if payload]
        each = (height - 1) // max(len(shown), 1) - 3
        for side, payload in shown:
            arrow, word = (glyphs.back, "responder") if side else (glyphs.forward, "originator")
            rows += [EMPTY, line(("First bytes", "strong"), (f"   {arrow} {word}", "muted")), EMPTY]
            rows += hex_rows(payload, (), glyphs, 0, each)
        if not shown:
            rows = [EMPTY, *wrapped(self.store.bytes_problem or self._no_bytes(row), self.size.width // 2, "muted")]
        return rows

    def _no_bytes(self, row: FlowLine) -> str:
        if not row.payload:
            return "No payload."
        if self.load_runs:
            return "The first bytes are not in the case yet."
        return f"None of the first {FIRST_PACKETS} packets holds payload by itself. Enter lists them all."

    # nothing to list ------------------------------------------------------------------------------------------------

    def nothing(self) -> list[Line]:
        if self.filter_text:
            total = self.summary.flows if self.summary else 0
            return [
                line(("No flow matches.", "strong")), EMPTY,
                line(("/", "key"), " changes the filter, ", ("esc", "key"), f" clears it. {count(total)} without it."),
            ]  # fmt: skip
        if self.load_runs:
            return [line(("No flows yet.", "strong"))]
        if self.rows is None or not self.rows.ready:
            return []
        packets = self.summary.packets if self.summary else 0
        why = (
            f"{plural(packets, 'packet')} read; none of them was IP that could be read."
            if packets
            else "Nothing was read."
        )
        return [line(("No flows", "strong")), EMPTY, line(why)]

    # keys -----------------------------------------------------------------------------------------------------------

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        flow: FlowLine = event.row
        self.open_flow(flow.id, ("Flows", f"Flow {count(flow.id)}"), None)

    def action_stream(self) -> None:
        """What both sides of the flow said."""
        flow: FlowLine | None = self.table.current
        if flow is not None:
            self.open_stream(flow.id, ("Flows", f"Flow {count(flow.id)}"), None)

    async def action_all_packets(self) -> None:
        """The first packet of the flow among all packets of the case."""
        flow: FlowLine | None = self.table.current
        packets = self.store.reader.packets_of_flow(flow.id, 0, 1) if flow is not None else []
        if packets:
            await self.host.list_packets(packets[0].packet + 1)

    def fields_of(self, row: FlowLine) -> list[tuple[str, str]]:
        """(filter, value) of what a row holds."""
        found = [(f"src == {row.src}", row.src), (f"dst == {row.dst}", row.dst)]
        if row.has_ports:
            found.append((f"server.port == {row.port}", str(row.port)))
        found += [(f"app == {row.app or 'none'}", row.app or row.app_text), (f"proto == {proto_word(row.proto)}",
                  proto_word(row.proto))]  # fmt: skip
        verdict = PORT_VERDICTS[row.verdict]
        if verdict:
            found.append((f"verdict == {verdict}", verdict))
        for name, value in facts_of(row.facts).items():
            if isinstance(value, str) and FACT_NAME.match(name):
                quoted = value.replace("\\", "\\\\").replace('"', '\\"')
                found.append((f'fact.{name} == "{quoted}"', value))
        return found[:MOST_FIELDS]

    def server_of(self, row: FlowLine) -> tuple[str, int, str | None]:
        """(address, port, app) of the side that serves."""
        return row.src if row.served_by_originator else row.dst, row.server_port or 0, row.app

    def action_benign_here(self) -> None:
        """An exception for what is spoken there; where one holds already, it is taken out."""
        row: FlowLine | None = self.table.current
        if row is None or EXCUSED not in facts_of(row.facts):
            super().action_benign_here()
            return
        from tui.data.site import holding
        from tui.dialogs.confirm import Confirm

        server, port, app = self.server_of(row)
        one, why = holding(app or "", server, port, row.first_ns)
        if one is None:
            self.say(why, "medium")
            return
        found = one

        def answered(yes: bool | None) -> None:
            if yes:
                self.host.end_exception(found)

        said = f"{app} on port {port} of {found.servers} is excused: {found.reason}."
        self.app.push_screen(
            Confirm("An exception of this site", said, "take it out, judge again", "keep it"), answered
        )

    def action_undo(self) -> None:
        """Take the last exception out again."""
        self.host.take_exception_back()

    def ends_of(self, row: FlowLine) -> tuple[str, int, str, int, str]:
        """(source, port, destination, port, transport) of a row."""
        return row.src, row.sport, row.dst, row.dport, proto_word(row.proto)

    def action_conversation(self) -> None:
        """Only flows between these two hosts."""
        row: FlowLine | None = self.table.current
        if row is not None:
            self.apply_filter(f"addr == {row.src} and addr == {row.dst}")

    def action_odd(self) -> None:
        """Only flows that do not fit their port; again: all."""
        self.apply_filter("" if self.filter_text == ODD_FILTER else ODD_FILTER)

    def action_next(self, step: int) -> None:
        """To the next flow with a finding."""
        rows, table = self.rows, self.table
        if rows is None or not len(rows):
            return
        wanted = self.store.flows_with_findings()
        place = rows.next_of(wanted, table.cursor, step)
        if place is None:
            self.say("No flow of this list has a finding.", "muted")
            return
        table.touched = True
        table.move_to_index(place)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("next", "stream", "conversation", "all_packets"):
            return self.rows is not None and len(self.rows) > 0
        if action == "undo":
            return self.host.can_take_back
        if action == "odd":
            return self.rows is not None and (len(self.rows) > 0 or bool(self.filter_text))
        return super().check_action(action, parameters)
