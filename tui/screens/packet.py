"""A packet of a flow or a list → the tree of its layers beside its bytes, each following the other, evidence marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.worker import get_current_worker

from oddport.case.errors import CaptureMoved, CaseError
from oddport.case.words import SEVERITIES
from tui.data.dissection import ByteClaim, Node, Request, shared_dissector
from tui.data.packet_evidence import Proof, proofs, proving_packets
from tui.data.packet_says import fact_ranges, fact_texts
from tui.format import clock, count, date, plural
from tui.glyphs import SEVERITY_INKS, SEVERITY_LETTERS
from tui.screens.base import Frame
from tui.screens.flow_lines import app_word, ends
from tui.theme import look
from tui.widgets.hex_view import NOWHERE, HexView, Range
from tui.widgets.layer_tree import LayerTree
from tui.widgets.line import EMPTY, Line, Piece, Span, line, wrap
from tui.widgets.lines import Lines
from tui.widgets.rule import Rule
from tui.widgets.table import VirtualTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from textual.widget import Widget

    from oddport.case.model import EvidenceRow, FindingRow, FlowRow, PacketRow
    from tui.data.dissection import Dissection, Dissector
    from tui.data.flow_case import FlowCase, PacketSource

EDGE_ROWS = 4
"""Rows of the sentence about a capture that has moved, at most."""


class PacketScreen(Frame):
    """Opened from a flow."""

    TITLE_TEXT = "Packet"
    GUIDE = "The layers of the packet and its bytes. The cursor in one shows the place in the other."
    STRIP = 0
    AUTO_FOCUS = "#tree"
    DEFAULT_CSS = """
    PacketScreen > #notice { height: auto; }
    PacketScreen > #sides { height: 1fr; layout: vertical; }
    PacketScreen > #sides > LayerTree, PacketScreen > #sides > HexView { height: 1fr; width: 1fr; }
    PacketScreen > #sides > Rule { display: none; }
    PacketScreen > #foot { display: none; }
    PacketScreen.-panes > #sides { layout: horizontal; }
    PacketScreen.-panes > #sides > HexView { width: 1fr; }
    PacketScreen.-panes > #sides > Rule { display: block; }
    PacketScreen.-panes > #sides > #divider { display: none; }
    PacketScreen.-panes > #foot { display: block; }
    PacketScreen.-tree-only > #sides > HexView, PacketScreen.-hex-only > #sides > LayerTree { display: none; }
    PacketScreen.-tree-only > #sides > Rule, PacketScreen.-hex-only > #sides > Rule { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "side", "tree, bytes", id="move.side", tooltip="tree, bytes"),
        Binding("left_square_bracket", "packet(-1)", "packet", id="move.previous", tooltip="previous, next packet"),
        Binding("right_square_bracket", "packet(1)", "packet", id="move.next", tooltip="previous, next packet"),
        Binding("f", "stream", "stream", id="move.stream", tooltip="follow the stream"),
        Binding("b", "evidence", "next evidence", id="move.evidence", tooltip="next evidence"),
        Binding("z", "zoom", "zoom", id="here.zoom", tooltip="one side alone, both sides"),
        Binding("o", "point", "point to the file", id="here.point", tooltip="say where the capture lies now"),
    ]

    def __init__(
        self,
        case: FlowCase,
        flow_id: int,
        packet: int,
        trail: Sequence[str],
        evidence: Sequence[EvidenceRow] = (),
        *,
        finding: FindingRow | None = None,
        dissector: Dissector | None = None,
        among: PacketSource | None = None,
    ) -> None:
        """`packet` is the 0-based place among the packets of the flow, or of the list `among`, whose packets may belong
        to any flow or none; `trail` ends with the screen it is opened from.

        Raises CaseError where the case cannot be read or has no such flow or packet.
        """
        super().__init__()
        self.case = case
        self.flow_id = flow_id
        self.index = packet
        self._trail = tuple(trail)
        self._evidence = tuple(evidence)
        self._finding = finding
        self._dissector = dissector or shared_dissector()
        self._among = among
        self.flow = self._flow_of(flow_id)
        self.packet: PacketRow = self._packet_at(packet)
        self.data: bytes | None = None
        """The captured bytes; None where they are not where the case says."""
        self._moved = ""
        self.proofs: list[Proof] = []
        self._trouble = ""
        self._zoomed = False

    @property
    def _total(self) -> int:
        return len(self._among) if self._among is not None else self.case.packet_count_of_flow(self.flow_id)

    @property
    def _whole(self) -> str:
        return "flow" if self._among is None else "list"

    def _flow_of(self, flow_id: int) -> FlowRow | None:
        """None for a packet that belongs to none."""
        if not flow_id and self._among is not None:
            return None
        flow = self.case.flow(flow_id)
        if flow is None:
            raise CaseError(f"The case has no flow {count(flow_id)} any more. Go back to the list.")
        return flow

    def _packet_at(self, index: int) -> PacketRow:
        if self._among is not None:
            listed = self._among.packet(index)
            if listed is None:
                raise CaseError(f"The list has no packet {count(index + 1)} any more.")
            return listed
        found = self.case.packets_of_flow(self.flow_id, index, 1) if index >= 0 else []
        if not found:
            raise CaseError(f"Flow {count(self.flow_id)} has no packet {count(index + 1)}.")
        return found[0]

    @property
    def _facts(self) -> Mapping[str, Any]:
        return self.flow.facts if self.flow is not None else {}

    # frame ----------------------------------------------------------------------------------------------------------

    def trail(self) -> Sequence[str]:
        return (*self._trail, f"Packet {count(self.index + 1)}")

    def top_right(self) -> Sequence[Span]:
        return (Span(f"{count(self.index + 1)} of {count(self._total)}", "muted"),)

    def context(self) -> Line:
        glyphs, finding = look(self).glyphs, self._finding
        between = ends(self.flow, glyphs) if self.flow is not None else "belongs to no flow"
        claim: list[Piece] = []
        if finding is not None and finding.expected:
            claim = [("expected ", "muted"), (finding.expected, "expected"), (", seen ", "muted")]
        if self.flow is not None:
            claim.append((app_word(self.flow), "strong"))
        if not self.has_panes:
            return line((between, "text"), right=claim)
        pieces: list[Piece] = []
        if finding is not None:
            number = SEVERITIES.index(finding.severity)
            pieces.append((f"{glyphs.severity[number]} {SEVERITY_LETTERS[number]}  ", SEVERITY_INKS[number]))
        where = f"packet {count(self.index + 1)} of {count(self._total)}, {count(self.packet.number)} in the capture"
        sizes = plural(self.packet.caplen, "byte")
        if self.packet.caplen < self.packet.wirelen:
            sizes = f"{count(self.packet.caplen)} of {plural(self.packet.wirelen, 'byte')} captured"
        return line(*pieces, *claim, (f"    {where}    {between}    {sizes}", "muted"))

    def compose_body(self) -> Iterable[Widget]:
        """Tree and bytes."""
        yield Lines(id="notice")
        with Container(id="sides"):
            yield LayerTree(id="tree")
            yield Lines([EMPTY], ground="raised", id="divider")
            yield Rule()
            yield HexView(id="hex")
        yield Lines([EMPTY, EMPTY], id="foot")

    @property
    def tree_view(self) -> LayerTree:
        """The layers."""
        return self.query_one("#tree", LayerTree)

    @property
    def hex_view(self) -> HexView:
        """The bytes."""
        return self.query_one("#hex", HexView)

    def on_mount(self) -> None:
        self._open()

    def on_resize(self, event: Any) -> None:
        self._show_notice()
        self._name_field()

    # the packet -----------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Bytes at once, layers as soon as they are there."""
        packet = self.packet
        self._trouble = ""
        try:
            self.proofs = proofs(self.case, packet, self._evidence)
            self.data, self._moved = self.case.packet_bytes(packet), ""
        except CaptureMoved as error:
            self.data, self._moved = None, str(error)
        except CaseError as error:
            self.data, self._moved = None, str(error)
        self._show_notice()
        if self.data is None:
            self._show_kept()
        else:
            start = self.proofs[0].offset if self.proofs else 0
            marks = [Range(proof.offset, proof.end) for proof in self.proofs]
            known = [Range(*found) for found in fact_ranges(self.data, self._facts)]
            self.hex_view.show(self.data, marks, known, start)
            self.tree_view.show((self._frame_node(), Node("layers", "being read", kind="unread")))
            self._dissect(self.data)
        self._name_field()
        self.refresh_frame()
        self.refresh_keys()

    def _show_kept(self) -> None:
        """The capture is not there: the evidence that the case itself holds."""
        kept = tuple(
            Node(proof.row.says or "evidence", plural(len(proof.row.data), "byte"), proof.offset, proof.length)
            for proof in self.proofs
        )
        self.tree_view.show((self._frame_node(), *kept), is_evidence=lambda node: node in kept)
        if self.proofs:
            self.tree_view.reveal(self.proofs[0].offset, skip=1)
        self._show_kept_bytes(self.proofs[0] if self.proofs else None)

    def _show_kept_bytes(self, proof: Proof | None) -> None:
        if proof is None:
            self.hex_view.show(b"")
            return
        shown = proof.row.data
        self.hex_view.show(shown, [Range(0, min(len(shown), proof.length))], base=proof.offset)

    def _frame_node(self) -> Node:
        packet = self.packet
        value = f"{plural(packet.caplen, 'byte')}, {clock(packet.ts, 6)}"
        children = (
            Node("arrival", f"{date(packet.ts)}, {clock(packet.ts, 9)} UTC"),
            Node("captured", plural(packet.caplen, "byte")),
            Node("on the wire", plural(packet.wirelen, "byte")),
            Node("link type", str(packet.link) if packet.link >= 0 else "not known"),
            Node("in the case", f"packet {count(packet.packet + 1)}"),
        )
        return Node(f"Frame {count(packet.number)}", value, 0, 0, "layer", children)

    def _dissect(self, data: bytes) -> None:
        packet, app = self.packet, self.flow.app if self.flow is not None else None
        claims = tuple(ByteClaim(proof.offset, proof.length, proof.row.says) for proof in self.proofs)

        def work() -> None:
            result = self._dissector.dissect(Request(packet.link, data, app, claims))
            if not get_current_worker().is_cancelled:
                self.soon(self._dissected, packet, result)

        self.run_worker(work, thread=True, exclusive=True, group="dissect")

    def _dissected(self, packet: PacketRow, result: Dissection) -> None:
        if packet is not self.packet or not self.is_mounted or self.data is None:
            return
        self._trouble = result.trouble
        texts = {text.rstrip(".") for text in fact_texts(self._facts)}
        marks = [Range(proof.offset, proof.end) for proof in self.proofs]

        def is_fact(node: Node) -> bool:
            return not node.children and node.value.rstrip(".") in texts

        def is_evidence(node: Node) -> bool:
            inside = any(mark.start <= node.offset and node.offset + node.length <= mark.end for mark in marks)
            return bool(node.length) and not node.children and inside

        tree, at = self.tree_view, self.hex_view.cursor
        moved = tree.cursor  # the person may have gone on while the layers were read
        tree.show((self._frame_node(), *result.layers), is_fact, is_evidence)
        if not self.proofs and not at:
            if moved:
                tree.cursor = min(moved, len(tree.rows) - 1)
        else:
            node = tree.reveal(at, skip=1)
            self.hex_view.mark(_range(node), follow=False)
        self._show_notice()
        self._name_field()

    def _show_notice(self) -> None:
        """The sentence about bytes that are not there, or about layers that could not be read."""
        if not self.is_mounted:
            return
        glyphs = look(self).glyphs
        text = self._moved or self._trouble
        rows: list[Line] = []
        if text:
            parts = wrap(f"{text[0].upper()}{text[1:]}", max(self.size.width - 4, 20))[:EDGE_ROWS]
            rows = [
                Line((Span(f"{glyphs.alert} " if not at else "  ", "high"), Span(part, "text")))
                for at, part in enumerate(parts)
            ]
        if self._moved:
            kept = "  The evidence below comes from the case." if self.proofs else ""
            rows.append(line("  ", ("o", "key"), (" points to the right file.", "muted"), (kept, "muted")))
        notice = self.query_one("#notice", Lines)
        notice.show(rows)
        notice.display = bool(rows)

    # the two sides --------------------------------------------------------------------------------------------------

    def on_layer_tree_node_moved(self, event: LayerTree.NodeMoved) -> None:
        """Cursor in the tree: its bytes get the ground of the cursor."""
        if self.data is None:
            found = next((proof for proof in self.proofs if proof.offset == event.node.offset), None)
            if event.node.length:
                self._show_kept_bytes(found)
        else:
            self.hex_view.mark(_range(event.node))
        self._name_field()

    def on_hex_view_cursor_moved(self, event: HexView.CursorMoved) -> None:
        """Cursor in the bytes: the tree opens the field."""
        if self.data is not None:
            node = self.tree_view.reveal(event.offset, skip=1)
            self.hex_view.mark(_range(node), follow=False)
        self._name_field()

    def _name_field(self) -> None:
        """The field under the cursor and its place, between the two sides."""
        if not self.is_mounted:
            return
        node = self.tree_view.node
        said: list[Piece] = []
        if node is not None and node.length:
            place = f"{node.offset:04x} +{node.length}"
            name = "" if node.kind == "unread" else f"   {node.name}"
            said = [(place, "muted"), (name, "text"), (f"   {node.value}", "muted")]
        elif node is not None:
            said = [(node.name, "text")]
        room = max(self.size.width - 12, 10)
        pieces = _within(said, room)
        self.query_one("#divider", Lines).show([line(("Bytes", "strong"), right=pieces)])
        self.query_one("#foot", Lines).show([EMPTY, self._legend(pieces)])

    def _legend(self, place: list[Piece]) -> Line:
        own = "Layers by scapy" + ("; the evidence was found by oddport's own recogniser" if self.proofs else "")
        right: list[Piece] = []
        if self.proofs:
            right += [("  ", "evidence"), (" evidence   ", "muted")]
        if self.hex_view.facts:
            right += [("ab", "accent bold"), (" fact   ", "muted")]
        half = self.size.width // 2 - 3
        return line((own[:half].ljust(half), "muted"), "  ", *right, *place)

    def action_side(self) -> None:
        """The other side; the one that is alone makes way."""
        to_hex = self.focused is not self.hex_view
        if self._zoomed:
            self._zoom("-hex-only" if to_hex else "-tree-only")
        (self.hex_view if to_hex else self.tree_view).focus()

    def action_zoom(self) -> None:
        """One side alone, or both."""
        self._zoomed = not self._zoomed
        on_hex = self.focused is self.hex_view
        self._zoom(("-hex-only" if on_hex else "-tree-only") if self._zoomed else "")

    def _zoom(self, name: str) -> None:
        for other in ("-hex-only", "-tree-only"):
            self.set_class(other == name, other)

    # other packets --------------------------------------------------------------------------------------------------

    def _go(self, index: int) -> None:
        try:
            packet = self._packet_at(index)
            if self._among is not None and packet.flow != self.flow_id:
                self.flow = self._flow_of(packet.flow)
                self.flow_id = packet.flow
                self._finding, self._evidence = proof_of_flow(self.case, packet.flow)
        except CaseError as error:
            self.say(str(error), "high")
            return
        self.index, self.packet = index, packet
        self._open()

    def action_packet(self, step: int) -> None:
        """The packet before or behind, of the same flow."""
        index = self.index + step
        if 0 <= index < self._total:
            self._go(index)
        else:
            self.say(f"This is the {'first' if step < 0 else 'last'} packet of the {self._whole}.")

    def action_stream(self) -> None:
        """What both sides of the flow said; gone back to where one comes from there."""
        from tui.screens.stream import StreamScreen

        stack = self.app.screen_stack
        if len(stack) > 1 and isinstance(stack[-2], StreamScreen):
            self.dismiss()
            return
        finding = self._finding.id if self._finding else None
        self.app.push_screen(StreamScreen(self.case, self.flow_id, self.trail(), finding, self._dissector))

    def action_evidence(self) -> None:
        """The next evidence: in this packet, then in the next one that holds some."""
        if self.data is not None:
            behind = next((proof for proof in self.proofs if proof.offset > self.hex_view.cursor), None)
            if behind is not None:
                self._show_proof(behind)
                return
        places = sorted(self._evidence_places())
        index = next((place for place in places if place > self.index), places[0] if places else self.index)
        if index != self.index and self._among is None:
            self._go(index)
        elif self.proofs and self.data is not None:
            self._show_proof(self.proofs[0])

    def _show_proof(self, proof: Proof) -> None:
        self.hex_view.go_to(proof.offset)
        node = self.tree_view.reveal(proof.offset, skip=1)
        self.hex_view.mark(_range(node), follow=False)
        self._name_field()

    def _evidence_places(self) -> set[int]:
        """Places in the flow of the packets that hold evidence."""
        try:
            return proving_packets(self.case, self.flow_id, self._evidence)
        except CaseError as error:
            self.say(str(error), "high")
            return set()

    # a capture that has moved ---------------------------------------------------------------------------------------

    def action_point(self) -> None:
        """Say where the capture lies now."""
        from tui.dialogs.path import PathDialog

        old = next((file.path for file in self.case.files() if file.id == self.packet.file), "")
        text = f"The packets of this case lie in a capture that was at {old}. Give the path at which it lies now."
        self.app.push_screen(PathDialog("Where is the capture?", text, old, self._point_to), self._pointed)

    def _point_to(self, path: Path) -> str:
        try:
            self.case.point_to(self.packet.file, path)
        except CaseError as error:
            return str(error)
        return ""

    def _pointed(self, path: str | None) -> None:
        if path is not None:
            self._open()
            self.say("The capture is found; its bytes are here again." if self.data is not None else self._moved)

    def action_back(self) -> None:
        """To the flow, on the packet that was looked at last."""
        stack = self.app.screen_stack
        beneath = stack[-2] if len(stack) > 1 else None
        for table in beneath.query(VirtualTable) if beneath is not None else ():
            if table.id == "packets" or id(table.rows) == id(self._among):
                table.move_to_index(self.index)
        self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean something for this packet."""
        if action == "point":
            return bool(self._moved)
        if action == "evidence":
            return bool(self._evidence)
        if action == "stream":
            return bool(self.flow_id)
        return True


def proof_of_flow(case: FlowCase, flow: int) -> tuple[FindingRow | None, tuple[EvidenceRow, ...]]:
    """The worst finding of a flow, and its evidence. Raises CaseError."""
    finding = next(iter(case.findings_of_flow(flow)), None) if flow else None
    return finding, tuple(case.evidence(finding.id)) if finding is not None else ()


def _range(node: Node | None) -> Range:
    return Range(node.offset, node.offset + node.length) if node is not None and node.length else NOWHERE


def _within(pieces: list[Piece], room: int) -> list[Piece]:
    """Pieces cut to a width, since what stands at the right of a line is never cut."""
    from tui.widgets.line import cut, spans, width_of

    out: list[Piece] = []
    for span in spans(pieces):
        width = width_of((span,))
        out.append(Span(cut(span.text, room), span.ink) if width > room else span)
        room -= width
        if room <= 0:
            break
    return out
