"""A flow of a case → what both sides said, in order: as text, hex or escaped; searched, and written to a file."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.worker import get_current_worker

from oddport.case.errors import CaptureMoved, CaseError
from tui.data.packet_evidence import places_in_flow, proving_packets
from tui.data.stream import Kind, Stream, StreamBytes, datagram_header, places_of
from tui.data.stream_file import write_stream
from tui.data.stream_rows import FORMS
from tui.format import count, endpoint, percent, plural, size
from tui.screens.base import Frame
from tui.screens.flow_lines import label, name_of
from tui.theme import look
from tui.widgets.filter_bar import FilterBar, Wrong
from tui.widgets.line import EMPTY, Line, Piece, Span, line, wrap
from tui.widgets.lines import Lines
from tui.widgets.stream_view import StreamView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from textual.widget import Widget

    from oddport.case.model import EvidenceRow, FindingRow
    from tui.data.dissection import Dissector
    from tui.data.flow_case import FlowCase

TELL_SECONDS = 0.25
_HEX = re.compile(r"0x((?:\s*[0-9A-Fa-f]{2})+)\s*\Z")


def needle_of(text: str) -> bytes:
    """What is looked for: bytes after `0x`, else the text itself. Raises ValueError for bytes that are none."""
    if text.startswith("0x"):
        match = _HEX.match(text)
        if match is None:
            raise ValueError("bytes are pairs of hex digits after 0x")
        return bytes.fromhex(match.group(1))
    return text.encode()


class StreamScreen(Frame):
    """Opened from a finding, a flow or a packet."""

    TITLE_TEXT = "Stream"
    GUIDE = "What both sides said, in order: O is the originator, R the responder. Gaps and repeats are told."
    AUTO_FOCUS = "#stream"
    DEFAULT_CSS = """
    StreamScreen > #notice { height: auto; }
    StreamScreen.-finding > #context { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "form", "text, hex", id="here.form", tooltip="text, hex, escaped"),
        Binding("d", "direction", "direction", id="here.direction", tooltip="both sides, or one alone"),
        Binding("slash", "find", "find", id="narrow.find", tooltip="find text, or bytes after 0x"),
        Binding("n", "again(1)", show=False, id="narrow.again", tooltip="find the next, the one before"),
        Binding("N", "again(-1)", show=False, id="narrow.again_back", tooltip="find the next, the one before"),
        Binding("b", "evidence", "next evidence", id="move.evidence", tooltip="next evidence"),
        Binding("w", "write", "write file", id="hand.write", tooltip="write it to a file"),
    ]

    def __init__(
        self,
        case: FlowCase,
        flow_id: int,
        trail: Sequence[str],
        finding_id: int | None = None,
        dissector: Dissector | None = None,
    ) -> None:
        """`trail` ends with the screen it is opened from. Raises CaseError where the case has no such flow."""
        super().__init__()
        flow = case.flow(flow_id)
        if flow is None:
            raise CaseError(f"The case has no flow {count(flow_id)} any more. Go back to the list.")
        self.case, self.flow, self._dissector = case, flow, dissector
        self._trail = (*trail, "Stream")
        finding = case.finding(finding_id) if finding_id is not None else None
        self.finding: FindingRow | None = finding or next(iter(case.findings_of_flow(flow_id)), None)
        self.evidence: tuple[EvidenceRow, ...] = tuple(case.evidence(self.finding.id)) if self.finding else ()
        self._seen_at = places_in_flow(case, flow_id, self.evidence[:1])
        self.stream = Stream(case, flow)
        self._reading = StreamBytes(self.stream)
        self._problem = ""
        self._needle = b""
        self._looked = ""
        self._marked_until = 0

    # frame ----------------------------------------------------------------------------------------------------------

    def trail(self) -> Sequence[str]:
        return self._trail

    def top_right(self) -> Sequence[Span]:
        totals = self.stream.totals
        if not self.stream.complete and not self._problem:
            return (Span(f"{percent(totals.packets, self.flow.packets)} read", "muted"),)
        found = [size(totals.bytes)]
        found += [plural(totals.gaps, "gap")] if totals.gaps else []
        found += [plural(totals.repeats, "repeat")] if totals.repeats else []
        return (Span("  ".join(found), "muted"),)

    def context(self) -> Line:
        flow, glyphs, view = self.flow, look(self).glyphs, self.view
        ports = flow.proto in ("tcp", "udp", "sctp")
        ends = [
            (f"{glyphs.forward} O ", "accent", endpoint(flow.src, flow.sport if ports else None)),
            (f"{glyphs.back} R ", "strong", endpoint(flow.dst, flow.dport if ports else None)),
        ]
        forms: list[Piece] = []
        for form in FORMS:
            forms += [("  " if forms else "", "muted"), (form, "key" if form == view.form else "muted")]
        room = self.size.width - 2 - sum(len(text) + 2 for text in FORMS) - 2
        if view.only is not None or sum(4 + len(end[2]) for end in ends) + 3 > room:
            under = view.segment
            back = view.only if view.only is not None else under is not None and under.back
            ends = [ends[back]]
        pieces: list[Piece] = []
        for arrow, ink, end in ends:
            pieces += [("   " if pieces else "", "text"), (arrow, ink), (end, "text")]
        return line(*pieces, right=forms)

    def strip(self) -> Sequence[Line]:
        finding, glyphs = self.finding, look(self).glyphs
        if self._looked:
            looked = line(label("Find"), (self._looked, "text"))
            return [looked, self._sides()]
        if finding is None or not self.evidence:
            return [line(label("App"), (name_of(self.flow) or self.flow.app or "unknown", "text")), self._sides()]
        found = self.evidence[0]
        at = self._seen_at.get(found.id)
        place = (
            f"packet {count(found.packet if at is None else at + 1)} {glyphs.back if found.side else glyphs.forward}"
        )
        text = found.data.decode("ascii", "replace") if found.data.isascii() and _printable(found.data) else ""
        seen = text or found.data[:11].hex(" ")
        technique = next(iter(self.case.techniques(finding.id)), None)
        right: list[Piece] = [(technique.technique, "accent")] if technique else []
        expected: list[Piece] = [(finding.expected, "expected"), (f"   {found.expected}", "muted")]
        return [
            line(label("Seen"), (seen[:40], "evidence"), (f"  {found.says}", "text"), right=[(place, "muted")]),
            line(label("Expected"), *expected, right=right),
        ]

    def _sides(self) -> Line:
        flow, glyphs = self.flow, look(self).glyphs
        return line(
            label("Payload"), (f"{glyphs.forward} O ", "accent"), (size(flow.payload_o), "text"),
            (f"   {glyphs.back} R ", "strong"), (size(flow.payload_r), "text"),
            (f"   {plural(flow.packets, 'packet')}", "muted"),
        )  # fmt: skip

    def compose_body(self) -> Iterable[Widget]:
        """What is looked for, what is wrong, and the stream."""
        yield FilterBar(_check, id="filter")
        yield Lines(id="notice")
        yield StreamView(self.stream, self._reading, id="stream")

    @property
    def view(self) -> StreamView:
        """The rows."""
        return self.query_one("#stream", StreamView)

    # reading --------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.run_worker(self._read, thread=True, exclusive=True, group="read")
        self.set_interval(TELL_SECONDS, self._look)

    def _read(self) -> None:
        worker = get_current_worker()
        try:
            self.stream.read(lambda: not worker.is_cancelled)
        except CaseError as error:
            self.soon(self._failed, str(error))
            return
        self.soon(self._look)

    def _look(self) -> None:
        """Take in what was read since."""
        if not self.is_mounted or self._marked_until < 0:
            return
        before, length = self._marked_until, len(self.stream.segments)
        self._mark(before, length)
        self._marked_until = -1 if self.stream.complete else length
        if length != before or self.stream.complete:
            self.view.refresh()
            self._say_nothing()
            self.refresh_frame()

    def _say_nothing(self) -> None:
        notice = self.query_one("#notice", Lines)
        rows: list[Line] = []
        if self._problem:
            alert = look(self).glyphs.alert
            rows = [line((f"{alert} " if not n else "  ", "high"), text)
                    for n, text in enumerate(wrap(self._problem, max(self.size.width - 4, 20)))]  # fmt: skip
        elif self.stream.complete and not len(self.stream.segments):
            opened = self.flow.proto == "tcp" and self.flow.flags_o & 2 and self.flow.flags_r & 2
            why = "No payload: the connection was opened, and nothing was said." if opened else "No payload."
            rows = [EMPTY, line((why, "strong"))]
        notice.show(rows)
        notice.display = bool(rows)

    def _failed(self, sentence: str) -> None:
        self._problem = sentence
        self._marked_until = -1
        self._say_nothing()
        self.refresh_frame()

    def on_stream_view_unreadable(self, event: StreamView.Unreadable) -> None:
        self._failed(event.text)

    def _mark(self, first: int, last: int) -> None:
        """Evidence among segments that are new."""
        if not self.evidence:
            return
        header = datagram_header(self.flow)
        by_packet: dict[tuple[int, int], list[EvidenceRow]] = {}
        for row in self.evidence:
            by_packet.setdefault((row.file, row.packet), []).append(row)
        trains = {row.train for row in self.evidence if row.train}
        places = self._evidence_places()
        for index in range(first, last):
            segment = self.stream.segments[index]
            if not segment.has_data or (segment.place not in places and segment.kind != Kind.DATAGRAM):
                continue
            if segment.kind == Kind.DATAGRAM:
                rows = [row for row in self.evidence if row.train == segment.start and segment.start in trains]
                start = header
            else:
                packet = self._reading.packet(segment.place)
                rows = by_packet.get((packet.file, packet.number), []) if packet is not None else []
                rows, start = [row for row in rows if not row.train], segment.start
            marks = [(row.offset - start, row.offset - start + row.length, "evidence") for row in rows]
            if marks:
                self.view.marks[index] = marks

    def _evidence_places(self) -> frozenset[int]:
        if self._places is None:
            self._places = frozenset(proving_packets(self.case, self.flow.id, self.evidence))
        return self._places

    _places: frozenset[int] | None = None

    # keys -----------------------------------------------------------------------------------------------------------

    def on_stream_view_moved(self, event: StreamView.Moved) -> None:
        self.refresh_frame()

    def on_stream_view_opened(self, event: StreamView.Opened) -> None:
        from tui.screens.packet import PacketScreen

        try:
            screen = PacketScreen(
                self.case, self.flow.id, event.segment.place, self._trail, self.evidence, finding=self.finding,
                dissector=self._dissector,
            )  # fmt: skip
        except CaseError as error:
            self.say(str(error), "high")
            return
        self.app.push_screen(screen)

    def action_form(self) -> None:
        """Text, hex, escaped."""
        view = self.view
        view.show(FORMS[(FORMS.index(view.form) + 1) % len(FORMS)], view.only)
        self.refresh_frame()

    def action_direction(self) -> None:
        """Both sides, the originator alone, the responder alone."""
        view = self.view
        order = [None, *(back for back in (False, True) if view.says_anything(back))]
        view.show(view.form, order[(order.index(view.only) + 1) % len(order)] if order[1:] else None)
        self.refresh_frame()

    def action_evidence(self) -> None:
        """The next evidence."""
        view = self.view
        if not view.marks:
            return
        found = sorted((index, mark) for index, marks in view.marks.items() for mark in marks)
        here = (view.cursor[0], view.first_byte())
        index, mark = next(((i, m) for i, m in found if (i, max(m[0], 0)) > here), found[0])
        view.go_to(index, max(mark[0], 0))

    # finding --------------------------------------------------------------------------------------------------------

    def action_find(self) -> None:
        """Row 1 becomes the input."""
        self.add_class("-finding")
        self.query_one(FilterBar).open("")
        self.refresh_keys()

    def on_filter_bar_applied(self, event: FilterBar.Applied) -> None:
        self._close_bar()
        if event.text:
            self._needle = needle_of(event.text)
            self.action_again(1, here=True)

    def on_filter_bar_closed(self, event: FilterBar.Closed) -> None:
        self._close_bar()

    def _close_bar(self) -> None:
        self.query_one(FilterBar).close_bar()
        self.remove_class("-finding")
        self.view.focus()
        self.refresh_keys()

    def action_again(self, step: int, here: bool = False) -> None:
        """The next place of what is looked for, from the cursor on and then from the other end."""
        needle, length = self._needle, len(self.stream.segments)
        if not needle or not length:
            return
        index = self.view.cursor[0]
        after = self.view.hit[1][0] if self.view.hit is not None and self.view.hit[0] == index else None
        if after is None and not here:
            after = self.view.first_byte()
        order = chain(
            range(index, length if step > 0 else -1, step), range(0 if step > 0 else length - 1, index + step, step)
        )
        self._looked = "…"
        self.refresh_frame()
        reading, only = StreamBytes(self.stream), self.view.only

        def work() -> None:
            worker = get_current_worker()
            found: tuple[int, int] | None = None
            try:
                for number, place in enumerate(order):
                    if worker.is_cancelled:
                        return
                    if only not in (None, self.stream.segments.back(place)):
                        continue
                    hits = places_of(self.stream, reading, needle, place)
                    if number == 0 and after is not None:
                        hits = [at for at in hits if (at > after if step > 0 else at < after)]
                    if hits:
                        found = (place, hits[0] if step > 0 else hits[-1])
                        break
            except CaseError as error:
                self.soon(self._failed, str(error))
                return
            self.soon(self._found, found, needle)

        self.run_worker(work, thread=True, exclusive=True, group="find")

    def _found(self, found: tuple[int, int] | None, needle: bytes) -> None:
        shown = needle.decode() if _printable(needle) else f"0x{needle.hex()}"
        if found is None:
            so_far = "" if self.stream.complete else " so far"
            self._looked = f"{shown} is not in the stream{so_far}."
            self.view.hit = None
            self.view.refresh()
        else:
            index, at = found
            self.view.hit = (index, (at, at + len(needle), "strong/range underline"))
            self.view.go_to(index, max(at, 0))
            self.view.refresh()
            self._looked = f"{shown}   in packet {count(self.stream.segments[index].place + 1)}   n N next, previous"
        self.refresh_frame()

    # writing --------------------------------------------------------------------------------------------------------

    def action_write(self) -> None:
        """One side: its bytes as they are; both: what is shown, with numbers and arrows."""
        from tui.dialogs.path import PathDialog

        only, form = self.view.only, self.view.form
        opened: list[BinaryIO] = []

        def accept(path: Path) -> str:
            try:
                opened.append(path.open("xb"))
            except FileExistsError:
                return f"{path} is there already. Give another name."
            except OSError as error:
                return f"{path} cannot be written: {error.strerror}."
            return ""

        if only is None:
            name = f"flow-{self.flow.id}.txt"
            text = f"Both sides as {form}, with the number of each packet. For the bytes as they are, show one side: d."
        else:
            name = f"flow-{self.flow.id}-{'responder' if only else 'originator'}.bin"
            text = f"The bytes of the {'responder' if only else 'originator'} as they are. Gaps are left out."

        def named(path: str | None) -> None:
            if path is not None and opened:
                self.run_worker(lambda: self._write(opened[0], path, form, only), thread=True, group="write")

        self.app.push_screen(PathDialog("Write the stream to a file", text, name, accept), named)

    def _write(self, out: BinaryIO, path: str, form: str, only: bool | None) -> None:
        worker = get_current_worker()
        try:
            with out:
                written = write_stream(self.stream, out, form, only, look(self).glyphs, lambda: not worker.is_cancelled)
        except CaptureMoved as error:
            self.soon(self._failed, str(error))
            return
        except (CaseError, OSError) as error:
            self.soon(self.say, f"{path} was not written whole: {error}.", "high")
            return
        self.soon(self.say, f"{size(written)} written to {path}", "ok")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean something for this stream."""
        if action == "evidence":
            return bool(self.evidence)
        if action == "again":
            return bool(self._needle)
        return True


def _check(text: str) -> Wrong | None:
    try:
        needle_of(text)
    except ValueError:
        return Wrong("Bytes are pairs of hex digits after 0x, as in 0x16 03 01.", 0)
    return None


def _printable(data: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in data)
