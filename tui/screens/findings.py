"""The findings of a case, worst first → what was seen, what was expected, and the way to the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from tui.data.case import Judged, judged
from tui.data.findings import LISTING, SPEC, EvidenceLine, FindingDetail, FindingLine, Part, detail_of
from tui.data.flows import proto_word
from tui.dialogs.choose import Choice, ChooseDialog
from tui.format import clock, count, endpoint, hexes, plural
from tui.glyphs import SEVERITY_INKS, SEVERITY_LETTERS, SEVERITY_WORDS, UNRECOGNISED, VERDICT_INKS, VERDICT_WORDS
from tui.screens.handoff import HAND_KEYS, HandOffScreen
from tui.screens.listing import wrapped
from tui.theme import look
from tui.widgets.hex_lines import first_row_for, hex_rows
from tui.widgets.line import EMPTY, Line, Piece, Span, cut, line

if TYPE_CHECKING:
    from tui.widgets.columns import TableSpec
    from tui.widgets.table import VirtualTable

LABEL = 11
"""Cells of a label and the gap behind it."""
STRIP_BYTES = 11
"""Bytes of the evidence in the strip, at most."""
LEAST_BYTES = 4


def label(text: str) -> Span:
    """`Seen       `."""
    return Span(text.ljust(LABEL), "muted")


def part_text(part: Part) -> str:
    """`+15`, `× 1.2`, `35`."""
    value = f"{part.value:g}"
    if part.factor:
        return f"× {value}"
    return value if part.value < 0 else f"+{value}"


VERDICT_CHOICES = (
    ("confirmed", "it is what it looks like"),
    ("suspicious", "worth another look"),
    ("benign", "known and wanted"),
    ("", "takes the verdicts away"),
)


class FindingsScreen(HandOffScreen):
    """Tab 1."""

    MODE = "findings"
    TITLE_TEXT = "Findings"
    GUIDE = "Worst first. Enter goes from a finding to its flow, its packet and its bytes."
    LISTING = LISTING
    SPEC: ClassVar[TableSpec] = SPEC
    EXPORTS = ("pcapng", "html", "md", "csv", "json", "log", "log-json", "svg")
    WORD = "finding"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next(1)", "next", id="judge.next", tooltip="next, previous not reviewed"),
        Binding("N", "next(-1)", show=False, id="judge.previous", tooltip="next, previous not reviewed"),
        Binding("v", "verdict", "verdict", id="judge.verdict", tooltip="verdict"),
        Binding("i", "note", "note", id="judge.note", tooltip="note"),
        Binding("V", "verdict_all", show=False, id="judge.all", tooltip="verdict on all that are listed or marked"),
        Binding("u", "undo", show=False, id="judge.undo", tooltip="undo the last verdict or exception"),
        Binding("f", "stream", "stream", id="move.stream", tooltip="follow the stream"),
        Binding("o", "flows", "its flows", id="move.flows", tooltip="all flows that the finding stands for"),
        *HAND_KEYS,
    ]

    _judged: Judged | None = None
    _judging = False
    _detail: tuple[int, FindingDetail | None] = (0, None)

    # row 1 ----------------------------------------------------------------------------------------------------------

    def counts(self) -> Line:
        summary, glyphs = self.summary, look(self).glyphs
        wide = self.size.width >= 120
        if summary is None:
            return line((self.case_name(), "text"))
        pieces: list[Piece] = [
            (plural(summary.findings, "finding") if wide and summary.findings else self.case_name(), "text"),
            "  ",
        ]
        if self.filter_text or (self.rows is not None and self.rows.tail):
            if self.filter_text:
                shown = len(self.rows) if self.rows is not None else 0
                pieces += [(f" {count(shown)} of {count(summary.findings)}", "strong")]
            pieces += [*self.filter_pieces(), *self.tail_pieces()]
        elif summary.findings:
            for severity in (4, 3, 2, 1, 0):
                ink = SEVERITY_INKS[severity]
                pieces += [
                    (f" {glyphs.severity[severity]} {SEVERITY_LETTERS[severity]}", ink),
                    (f" {count(summary.severities[severity])}  ", "text"),
                ]
        right: list[Piece] = []
        if summary.findings:
            if wide:
                done = 20 * summary.reviewed // summary.findings
                right += [(" " * done, "text/bar"), (" " * (20 - done), "text/bar-rest"), "  "]
            right += [(count(summary.reviewed), "strong"), (f" of {count(summary.findings)} reviewed", "muted")]
        else:
            right = [("0 findings", "muted")]
        return line(*pieces, right=right)

    # the finding under the cursor -----------------------------------------------------------------------------------

    def detail(self, finding: FindingLine) -> FindingDetail | None:
        """The rest of a finding, kept while it is under the cursor."""
        if self._detail[0] != finding.id or self.load_runs:
            self._detail = (finding.id, detail_of(self.store.connection, finding.id))
        return self._detail[1]

    def strip(self) -> list[Line]:
        finding = self.table.current
        if self.load_runs and not self.table.touched and self.progress is not None:
            return self._so_far()
        if finding is None:
            return []
        detail = self.detail(finding)
        if detail is None:
            return []
        return [self._seen_line(detail), self._expected_line(finding, detail)]

    def _so_far(self) -> list[Line]:
        summary, progress, glyphs = self.summary, self.progress, look(self).glyphs
        assert progress is not None
        found = summary.findings if summary is not None else 0
        pieces: list[Piece] = [
            (count(progress.flows), "strong"), (f" flow{'' if progress.flows == 1 else 's'} and ", "muted"),
            (count(found), "strong"),
            (f" finding{'' if found == 1 else 's'} so far", "muted"),
        ]  # fmt: skip
        if summary is not None and found:
            pieces.append((":  ", "muted"))
            for severity in (4, 3, 2, 1, 0):
                pieces += [
                    (f"{glyphs.severity[severity]} {SEVERITY_LETTERS[severity]}", SEVERITY_INKS[severity]),
                    (f" {count(summary.severities[severity])}  ", "text"),
                ]
        what = "Open, filter and sort what is here; new rows join at the end."
        if progress.provisional:
            what = "Provisional: flows go on, and what is said of them may change until they are over."
        return [line(*pieces), line((what, "muted"))]

    def _seen_line(self, detail: FindingDetail) -> Line:
        if not detail.evidence:
            return line(label("Seen"), detail.summary)
        first = detail.evidence[0]
        room = self.size.width - LABEL - len(first.says) - len(self._where(first)) - 6
        shown = max(min(len(first.data), STRIP_BYTES, (room + 1) // 3), LEAST_BYTES)
        return line(
            label("Seen"), (hexes(first.data[:shown]), "evidence"), (f"  {first.says}", "text"),
            right=[(self._where(first), "muted")],
        )  # fmt: skip

    def _where(self, evidence: EvidenceLine) -> str:
        glyphs = look(self).glyphs
        arrow = glyphs.back if evidence.side else glyphs.forward
        place = "datagram" if evidence.train else f"packet {count(evidence.packet)}"
        return f"{place}  {evidence.offset:04x} {arrow}"

    def _expected_line(self, finding: FindingLine, detail: FindingDetail) -> Line:
        right: list[Piece] = []
        if detail.techniques:
            technique = detail.techniques[0]
            right = [(technique.id, "accent"), (f" {technique.relation}", "muted")]
        if 0 < self.table.width_of("to") < len(finding.dst):  # the whole of what the list had to cut
            right = [("to ", "muted"), (finding.dst, "text")]
        elif finding.name:
            right = [("name ", "muted"), (cut(finding.name, 30), "text"), "   ", *right]
        what = finding.expected or "nothing in particular"
        why = next((evidence.expected for evidence in detail.evidence if evidence.expected), "")
        return line(label("Expected"), (what, "expected"), (f"  {why}" if why != what else "", "muted"), right=right)

    # panes ----------------------------------------------------------------------------------------------------------

    def left_pane(self, row: FindingLine) -> list[Line]:
        detail = self.detail(row)
        glyphs = look(self).glyphs
        if detail is None:
            return []
        width = max(self.size.width // 2, 40)
        src, dst = endpoint(row.src, row.sport or None), endpoint(row.dst, row.dport or None)
        head = [
            Span(f"{glyphs.severity[row.severity]} {SEVERITY_LETTERS[row.severity]}", SEVERITY_INKS[row.severity]),
            Span(f"  {row.title}", "strong"),
        ]
        ends = f"{src} {glyphs.forward} {dst}"
        rows = [EMPTY, Line((*head, Span(f"   flow {count(row.flow)}" if row.flow else "", "muted")))]
        rows += [line((ends, "muted")), EMPTY]
        rows += self._claims(row, detail, width)
        rows += [EMPTY, *self._score(row, detail, width)]
        if detail.techniques:
            rows.append(EMPTY)
            for place, technique in enumerate(detail.techniques):
                lead = label("ATT&CK" if place == 0 else "")
                ink = "text" if technique.relation == "direct" else "muted"
                rows.append(
                    line(
                        lead,
                        (f"{technique.id:<10}", "accent"),
                        (f"{technique.relation:<8} ", ink),
                        (technique.reason, "muted"),
                    )
                )
        if row.count > 1:
            rows += [EMPTY, line(label("Like it"), f"{count(row.count - 1)} more",
                                 (f"   {clock(row.first_ns)} to {clock(row.last_ns)}", "muted"))]  # fmt: skip
        if row.note:
            rows += [EMPTY, *wrapped(row.note, width, "text", label("Note"))]
        return rows

    def _claims(self, row: FindingLine, detail: FindingDetail, width: int) -> list[Line]:
        rows = []
        for place, evidence in enumerate(detail.evidence[:3]):
            lead = label("Seen" if place == 0 else "")
            shown = hexes(evidence.data[:STRIP_BYTES])
            rows.append(
                line(
                    lead, (shown, "evidence"), (f"  {evidence.says}", "text"), right=[(self._where(evidence), "muted")]
                )
            )
        if len(detail.evidence) > 3:
            rows.append(line(label(""), (f"{len(detail.evidence) - 3} more", "muted")))
        if not detail.evidence:
            rows += wrapped(detail.summary, width, "text", label("Seen"))
        why = next((evidence.expected for evidence in detail.evidence if evidence.expected), "")
        rows.append(
            line(label("Expected"), (row.expected or "nothing in particular", "expected"), (f"  {why}", "muted"))
        )
        for place, reason in enumerate(detail.rejected):
            rows += wrapped(reason, width, "muted", label("Rejected" if place == 0 else ""))
        return rows

    def _score(self, row: FindingLine, detail: FindingDetail, width: int) -> list[Line]:
        rows = []
        for place, part in enumerate(detail.parts):
            value = f"{part.value:g}" if place == 0 else part_text(part)
            rows.append(
                line(label("Score" if place == 0 else ""), (f"{value:>5}", "text"), (f"  {part.reason}", "muted"))
            )
        ink = SEVERITY_INKS[row.severity]
        rows.append(line(label("" if detail.parts else "Score"), (f"{row.score:>5}", f"{ink} bold"),
                         (f"  {SEVERITY_WORDS[row.severity]}", ink)))  # fmt: skip
        for reason in detail.lowered:
            rows += wrapped(reason, width, "muted", label("Lowered"))
        return rows

    def right_pane(self, row: FindingLine) -> list[Line]:
        detail = self.detail(row)
        glyphs = look(self).glyphs
        if detail is None or not detail.evidence:
            return []
        first = detail.evidence[0]
        height = max(self.query_one("#right").size.height, 4)
        data, marked, said = self._frame(row, first, detail)
        room = height - 4
        rows = hex_rows(data, marked, glyphs, first_row_for(marked, len(data), room), room)
        arrow = glyphs.back if first.side else glyphs.forward
        head = "Datagram" if first.train else f"Packet {count(first.packet)}"
        return [EMPTY, line((head, "strong"), (f"   {arrow} {said}", "muted")), EMPTY, *rows]

    def _frame(
        self, row: FindingLine, first: EvidenceLine, detail: FindingDetail
    ) -> tuple[bytes, list[tuple[int, int]], str]:
        """Bytes of the packet of the first evidence, the places that are evidence, and a word on them."""
        if not first.train:
            data = self.store.frame(first.file, first.packet)
            if data is not None:
                marked = [
                    (found.offset, found.offset + found.length)
                    for found in detail.evidence
                    if found.file == first.file and found.packet == first.packet and not found.train
                ]
                return data, marked, plural(len(data), "byte")
        return first.data, [(0, len(first.data))], f"{plural(len(first.data), 'byte')} of the evidence"

    # nothing to list ------------------------------------------------------------------------------------------------

    def nothing(self) -> list[Line]:
        if self.filter_text:
            total = self.summary.findings if self.summary else 0
            return [
                line(("No finding matches.", "strong")), EMPTY,
                line(("/", "key"), " changes the filter, ", ("esc", "key"), f" clears it. {count(total)} without it."),
            ]  # fmt: skip
        if self.load_runs:
            flows = self.progress.flows if self.progress is not None else 0
            return [line(("None so far.", "strong"), f" {count(flows)} flows judged.")]
        if self.rows is None:
            return [line(("There is no case yet.", "strong")), EMPTY, line((str(self.store.path), "muted"))]
        if not self.rows.ready:
            return []
        return self._nothing_odd()

    def _nothing_odd(self) -> list[Line]:
        found, glyphs = self._judged, look(self).glyphs
        if found is None:
            self._ask_judged()
            return [line(("No findings", "strong"))]
        state = self.summary.load_state if self.summary is not None else ""
        title = (
            "Nothing odd found" if state == "done" else "Nothing odd found so far; the capture was not read to its end"
        )
        rows = [line((title, "strong")), EMPTY]
        trains = f" and {plural(found.trains, 'fragment train')}" if found.trains else ""
        rows += [line(f"{plural(found.flows, 'flow')}{trains} judged."), EMPTY]
        for verdict in (1, 2, 3, 4, 0):
            number = found.verdicts[verdict]
            if not number:
                continue
            aside = ", ".join(found.examples[verdict])
            if verdict == UNRECOGNISED:
                aside = ", ".join(f"{count(n)} {word}" for word, n in found.unknown)
            if verdict == 0:
                aside = "no payload, or no ports"
            rows.append(
                line((f"  {glyphs.verdict[verdict]} ", VERDICT_INKS[verdict]), (f"{count(number):>9}", "strong"),
                     f"  {VERDICT_WORDS[verdict]:<19}", (aside, "muted"))
            )  # fmt: skip
        passed_over = self._not_looked_at()
        if passed_over:
            rows.append(EMPTY)
            for place, text in enumerate(passed_over):
                rows.append(line((("Not looked at" if place == 0 else "").ljust(15), "muted"), (text, "muted")))
        rows += [
            EMPTY,
            EMPTY,
            line(("2", "key"), "  all flows     ", ("5", "key"), "  ATT&CK     ", ("?", "key"), "  help"),
        ]
        return rows

    def _not_looked_at(self) -> list[str]:
        if self.summary is None:
            return []
        rows = [f"{detector} stopped at {at}: {message}" for detector, at, message in self.summary.errors]
        for file in self.summary.files:
            rows += file.warnings
        return rows

    def _ask_judged(self) -> None:
        if self._judging or self._counter is None:
            return
        self._judging = True

        def done(found: Judged) -> None:
            self._judged, self._judging = found, False
            self._show_row()

        def failed(error: Exception) -> None:
            self._judging = False
            self.say(str(error), "high")

        self._counter.submit(judged, done, failed)

    def take(self, summary: Any, progress: Any, changed: bool, last: bool) -> None:
        if changed or last:
            self._judged = None
            self._detail = (0, None)
        super().take(summary, progress, changed, last)

    # keys -----------------------------------------------------------------------------------------------------------

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        self.open_finding(event.row)

    def open_finding(self, finding: FindingLine) -> None:
        """Its flow, or its packets where it has none."""
        if not finding.flow:
            self.say("This finding is about fragments that belong to no flow.", "muted")
            return
        self.open_flow(finding.flow, ("Findings", finding.title, f"Flow {count(finding.flow)}"), finding.id)

    def action_stream(self) -> None:
        """What both sides of the flow said."""
        finding = self.table.current
        if finding is not None:
            self.open_stream(finding.flow, ("Findings", finding.title), finding.id)

    def action_next(self, step: int) -> None:
        """To the next finding without a verdict."""
        rows, table = self.rows, self.table
        if rows is None or not len(rows):
            return
        for distance in range(1, len(rows) + 1):
            place = (table.cursor + step * distance) % len(rows)
            row = rows.row(place)
            if row is not None and not row.verdict:
                table.touched = True
                table.move_to_index(place)
                return
        self.say("All findings of this list are reviewed.", "ok")

    def action_verdict(self) -> None:
        """Confirmed, suspicious, benign, none."""
        self._ask_verdict(False)

    def action_note(self) -> None:
        """A note on the finding."""
        self._ask_verdict(True)

    def _ask_verdict(self, note_first: bool) -> None:
        finding = self.table.current
        if finding is None:
            return
        from tui.dialogs.verdict import Decision, VerdictDialog

        def decided(decision: Decision | None) -> None:
            if decision is None:
                return
            problem = self.store.set_verdict(finding.uid, decision.verdict, decision.note)
            self._said_of = ()
            self.after_verdict(problem)
            if not problem and decision.go_on:
                self.action_next(1)

        self.app.push_screen(VerdictDialog(finding, note_first), decided)

    def action_verdict_all(self) -> None:
        """The same verdict on every finding of the list, or on the marked ones."""
        self.with_set("Verdict", self._verdict_on)

    def _verdict_on(self, ids: list[int], what: str) -> None:
        uids = [row[0] for row in self.store.reader.rows("findings", ids, ("uid",)) if row is not None]
        choices = [Choice(word, word or "none", says) for word, says in VERDICT_CHOICES]

        def accept(verdict: str, note: str) -> str:
            return self.store.set_verdicts(uids, verdict, note)

        def chosen(answer: tuple[str, str] | None) -> None:
            if answer is not None:
                self._said_of = tuple(uids)
                self.after_verdict("")
                self.say(f"{plural(len(uids), 'finding')}: {answer[0] or 'no verdict'}. u takes it back.", "ok")

        self.app.push_screen(ChooseDialog("Verdict", what, choices, accept, "Note"), chosen)

    _said_of: tuple[str, ...] = ()
    """Findings of the last verdict on many, which one key takes back."""

    def fields_of(self, row: FindingLine) -> list[tuple[str, str]]:
        """(filter, value) of what a row holds."""
        found = [(f'title == "{row.title}"', row.title), (f"src == {row.src}", row.src), (f"dst == {row.dst}", row.dst)]
        if row.server_port:
            found.append((f"server.port == {row.server_port}", str(row.server_port)))
        found += [(f"app == {row.app or 'none'}", row.app or "none"), (f"rule == {row.rule}", row.rule),
                  (f"sev == {SEVERITY_WORDS[row.severity]}", SEVERITY_WORDS[row.severity])]  # fmt: skip
        return found + [(f"technique == {each}", each) for each, _ in row.techniques]

    def server_of(self, row: FindingLine) -> tuple[str, int, str | None]:
        """(address, port, app) of the side that serves."""
        by_originator = row.server_port == row.sport != row.dport
        return row.src if by_originator else row.dst, row.server_port, row.app

    def ends_of(self, row: FindingLine) -> tuple[str, int, str, int, str]:
        """(source, port, destination, port, transport) of a row."""
        return row.src, row.sport, row.dst, row.dport, proto_word(row.proto)

    def action_flows(self) -> None:
        """All flows that the finding stands for, in the list of flows."""
        finding = self.table.current
        if finding is not None:
            self.app.call_later(self.host.list_flows, f'uid contains "{finding.uid[:12]}"')

    def action_undo(self) -> None:
        """Take back what was decided last: an exception, or a verdict; that on many as a whole."""
        if self.host.can_take_back:
            self.host.take_exception_back()
            return
        if self._said_of:
            uids, self._said_of = self._said_of, ()
            problem = next((why for uid in uids if (why := self.store.undo_verdict(uid))), "")
            self.after_verdict(problem)
            if not problem:
                self.say(f"The verdict on {plural(len(uids), 'finding')} was taken back.", "ok")
            return
        finding = self.table.current
        if finding is None:
            return
        undone = self.store.undo_verdict(finding.uid)
        self.after_verdict(undone)

    def after_verdict(self, problem: str) -> None:
        """Show what was decided, or why it could not be kept."""
        if problem:
            self.say(problem, "high")
            return
        self.host.exception_is_last = False
        if self.rows is not None:
            self.rows.forget_pages()
        self.summary = self.store.summary()
        self.table.refresh()
        self._show_row()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("stream", "flows"):
            return bool(self.rows is not None and len(self.rows) and self.table.current and self.table.current.flow)
        if action == "undo" and self.host.can_take_back:
            return True
        if action in ("verdict", "verdict_all", "note", "undo", "next"):
            return self.rows is not None and len(self.rows) > 0
        return super().check_action(action, parameters)
