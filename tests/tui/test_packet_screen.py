"""A packet on the screen: layers and bytes that follow each other, evidence, and bytes that are not there."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from flow_fakes import EVIDENCE, FINDING, FIRST_NUMBER, HELLO, OFFSET, FakeCase, HereDissector, Host
from frames import MAC, ipv4, udp
from test_flow_screen import settled, shown

from oddport.case.errors import CaseError
from oddport.case.model import EvidenceRow, FragmentRow, TrainRow
from tui.data.dissection.model import Dissection
from tui.dialogs.path import PathDialog
from tui.screens.packet import PacketScreen
from tui.theme import PALETTES, Look
from tui.widgets.hex_view import Range
from tui.widgets.layer_tree import LayerTree

TRAIL = ("Findings", "TLS on 8088/tcp", "Flow 4,211")


class On:
    """A packet screen in an app."""

    def __init__(
        self, case=None, index=3, size=(80, 24), evidence=EVIDENCE, finding=FINDING, look=None, dissector=None
    ):
        self.case = case or FakeCase()
        self.host = Host(look)
        self.size = size
        self.screen = PacketScreen(
            self.case, 4_211, index, TRAIL, evidence, finding=finding, dissector=dissector or HereDissector()
        )

    async def __aenter__(self):
        self.context = self.host.run_test(size=self.size)
        self.pilot = await self.context.__aenter__()
        await self.host.push_screen(self.screen)
        await settled(self.pilot)
        return self

    async def __aexit__(self, *error):
        await self.context.__aexit__(*error)

    @property
    def rows(self):
        return shown(self.screen)

    @property
    def text(self):
        return "\n".join(self.rows)

    @property
    def tree(self):
        return self.screen.tree_view

    @property
    def hex(self):
        return self.screen.hex_view


async def test_the_evidence_is_under_both_cursors_when_a_packet_opens():
    async with On() as on:
        assert on.rows[0].startswith(" ‹ Findings › TLS on 8088/tcp › Flow 4,211 › Packet 4")
        assert on.rows[0].rstrip().endswith("4 of 24")
        assert on.rows[1].startswith(" 10.20.3.14:51544 → 203.0.113.80:8088")
        assert on.rows[1].rstrip().endswith("expected http, seen tls")
        assert (on.tree.node.name, on.tree.node.offset) == ("type", OFFSET)
        assert on.hex.cursor == OFFSET
        assert on.hex.evidence == (Range(OFFSET, OFFSET + 11),)
        assert on.hex.field == Range(OFFSET, OFFSET + 1)
        name = on.screen.data.index(b"cdn-sync.example")
        assert on.hex.facts == (Range(name, name + 16),)
        divider = next(row for row in on.rows if row.startswith(" Bytes"))
        assert divider.rstrip().endswith("0036 +1   type   22 handshake")


async def test_the_cursor_in_the_tree_marks_the_bytes():
    async with On() as on:
        await on.pilot.press("j", "j")
        assert on.tree.node.name == "length"
        assert on.hex.field == Range(OFFSET + 3, OFFSET + 5)
        assert on.hex.cursor == OFFSET + 3


async def test_the_cursor_in_the_bytes_opens_the_field():
    async with On() as on:
        await on.pilot.press("tab", "g")
        assert on.host.focused is on.hex
        assert (on.tree.node.name, on.hex.cursor) == ("destination", 0)
        await on.pilot.press("j", "l", "l", "l", "l", "l", "l", "l")
        # byte 23 of the frame is the ninth byte of the IPv4 header: the protocol
        assert (on.tree.node.name, on.tree.node.value, on.hex.cursor) == ("protocol", "6 tcp", 23)
        assert on.hex.field == Range(23, 24)
        await on.pilot.press("tab", "j")
        assert on.tree.node.name == "checksum"


async def test_following_ends_after_one_step_each_way():
    async with On() as on:
        moves = []
        on.screen.on_layer_tree_node_moved = lambda event: moves.append("tree")
        await on.pilot.press("tab", "l", "l")
        await on.pilot.pause()
        assert moves == []


async def test_the_server_name_has_the_accent_in_both_halves():
    async with On(size=(160, 45)) as on:
        name = on.screen.data.index(b"cdn-sync.example")
        on.hex.go_to(name)
        on.screen.on_hex_view_cursor_moved(type(on.hex).CursorMoved(on.hex, name))
        assert on.tree.node.value == "cdn-sync.example"
        row = on.tree.render_line(on.tree.cursor - on.tree.top)
        value = next(segment for segment in row if "cdn-sync" in segment.text)
        assert value.style.color == PALETTES["dark"].style("accent").color
        assert "evidence was found by oddport's own recogniser" in on.text
        assert "ab fact" in on.text


async def test_bytes_are_there_before_the_layers_are():
    gate = threading.Event()

    class Slow(HereDissector):
        def dissect(self, request):
            gate.wait(10)
            return super().dissect(request)

    case = FakeCase()
    host = Host()
    screen = PacketScreen(case, 4_211, 3, TRAIL, EVIDENCE, finding=FINDING, dissector=Slow())
    async with host.run_test(size=(80, 24)) as pilot:
        await host.push_screen(screen)
        await pilot.pause()
        assert "16 03  01" in "\n".join(shown(screen))
        assert [row.node.name for row in screen.tree_view.rows] == ["Frame 417,391", "layers"]
        gate.set()
        await settled(pilot)
        assert "TLS" in [row.node.name for row in screen.tree_view.rows]


async def test_layers_of_a_packet_that_was_left_are_not_shown():
    async with On() as on:
        old = on.screen.packet
        await on.pilot.press("right_square_bracket")
        await settled(on.pilot)
        before = list(on.tree.nodes)
        on.screen._dissected(old, Dissection((), 0))
        assert list(on.tree.nodes) == before


async def test_brackets_go_to_the_packets_before_and_behind():
    async with On(index=0) as on:
        await on.pilot.press("left_square_bracket")
        assert "first packet of the flow" in on.rows[1]
        await on.pilot.press("right_square_bracket")
        await settled(on.pilot)
        assert on.rows[0].rstrip().endswith("2 of 24")
        assert on.screen.packet.number == FIRST_NUMBER + 1
        on.screen._go(23)
        await settled(on.pilot)
        await on.pilot.press("right_square_bracket")
        assert "last packet of the flow" in on.rows[1]


async def test_b_goes_to_the_next_evidence_in_this_packet_then_to_the_next_packet():
    second = replace(EVIDENCE[0], id=9, offset=OFFSET + 40, length=2)
    async with On(evidence=(*EVIDENCE, second)) as on:
        await on.pilot.press("b")
        assert (on.screen.index, on.hex.cursor) == (3, OFFSET + 40)
        await on.pilot.press("b")
        await settled(on.pilot)
        assert (on.screen.index, on.hex.cursor) == (5, OFFSET)
        await on.pilot.press("b")
        await settled(on.pilot)
        assert (on.screen.index, on.hex.cursor) == (3, OFFSET)


async def test_b_with_evidence_in_one_packet_goes_round_in_it():
    async with On(evidence=EVIDENCE[:1]) as on:
        await on.pilot.press("tab", "G", "b")
        await settled(on.pilot)
        assert (on.screen.index, on.hex.cursor) == (3, OFFSET)


async def test_tab_changes_side_and_z_gives_one_side_all_the_room():
    async with On() as on:
        height = on.tree.size.height
        await on.pilot.press("z")
        assert on.tree.size.height > height
        assert not on.hex.display
        await on.pilot.press("tab")
        assert on.hex.display
        assert not on.tree.display
        await on.pilot.press("z")
        assert on.tree.display
        assert on.hex.display


async def test_side_by_side_from_120_by_30():
    async with On(size=(120, 30)) as on:
        assert on.tree.region.y == on.hex.region.y
        assert on.tree.region.right <= on.hex.region.x
        await on.pilot.resize_terminal(119, 30)
        await settled(on.pilot)
        assert on.tree.region.bottom <= on.hex.region.y


async def test_a_moved_capture_is_said_with_what_to_do_and_the_evidence_stays():
    case = FakeCase()
    case.moved = "The bytes are not here any more. /old/place.pcapng changed."
    async with On(case) as on:
        assert on.rows[2].rstrip() == f" ▲ {case.moved}"
        assert "o points to the right file." in on.rows[3]
        assert HELLO[:11].hex(" ", 1)[:23] in on.text
        assert "0036" in on.text
        assert on.hex.evidence == (Range(0, 11),)
        await on.pilot.press("o")
        await on.pilot.pause()
        assert isinstance(on.host.screen, PathDialog)
        await on.pilot.press("x", "enter")
        await on.pilot.pause()
        assert "is another capture: its digest differs." in "\n".join(shown(on.host.screen)).replace("\n", " ")
        box = on.host.screen.query_one("PathInput")
        box.value = ""
        await on.pilot.press("enter")
        assert isinstance(on.host.screen, PathDialog)
        box.value = case.right_path
        await on.pilot.press("enter")
        await settled(on.pilot)
        assert on.host.screen is on.screen
        assert "its bytes are here again" in on.rows[1]
        assert len(on.hex.data) == len(case.raw[3])


async def test_leaving_the_question_for_the_file_changes_nothing():
    case = FakeCase()
    case.moved = "The bytes are not here any more."
    async with On(case) as on:
        await on.pilot.press("o")
        await on.pilot.pause()
        await on.pilot.press("escape")
        await settled(on.pilot)
        assert on.host.screen is on.screen
        assert "▲ The bytes are not here" in on.text


async def test_moved_bytes_of_several_claims_are_shown_one_at_a_time():
    case = FakeCase()
    case.moved = "The bytes are not here any more."
    second = replace(EVIDENCE[0], id=9, offset=OFFSET + 40, data=b"\xca\xfe", length=2, says="second")
    async with On(case, evidence=(*EVIDENCE, second)) as on:
        await on.pilot.press("j")
        assert on.hex.data == b"\xca\xfe"
        assert "005e" in on.text
        await on.pilot.press("tab", "l", "tab", "g")
        assert on.hex.data == b"\xca\xfe"


async def test_a_moved_capture_without_evidence_here_shows_no_bytes():
    case = FakeCase()
    case.moved = "The bytes are not here any more."
    async with On(case, index=0) as on:
        assert on.hex.data == b""
        assert "evidence below" not in on.text


async def test_o_does_nothing_while_the_bytes_are_there():
    async with On() as on:
        await on.pilot.press("o")
        assert on.host.screen is on.screen


async def test_an_unknown_link_type_shows_the_bytes_and_says_so():
    case = FakeCase()
    case.packets[3] = replace(case.packets[3], link=147)
    async with On(case, evidence=()) as on:
        await on.pilot.press("j")
        divider = next(row for row in on.rows if row.startswith(" Bytes"))
        assert "not dissected: 155 bytes; link type 147 is not known" in divider
        assert "02 00 00 00 00 01" in on.text


async def test_what_scapy_could_not_do_is_a_sentence():
    class Broken(HereDissector):
        def dissect(self, request):
            return Dissection((), len(request.frame), "scapy took more than 5 s for this frame, so it was stopped")

    async with On(dissector=Broken()) as on:
        assert on.rows[2].rstrip() == " ▲ Scapy took more than 5 s for this frame, so it was stopped"
        assert "16 03  01" in on.text


async def test_the_recognised_app_is_what_the_payload_is_read_as():
    dissector = HereDissector()
    async with On(dissector=dissector):
        (request,) = dissector.asked
        assert (request.link, request.app) == (1, "tls")
        (claim,) = request.claims
        assert (claim.offset, claim.length, claim.says) == (OFFSET, 11, "TLS ClientHello")


async def test_evidence_in_a_reassembled_datagram_lies_in_its_fragments():
    case = FakeCase()
    case.add(MAC + b"\x08\x00" + ipv4(17, udp(b"x" * 40)), case.packets[-1].ts, 500_000)
    fragment = FragmentRow(500_000, 1, 499_999, 0, 34, 16, 48, 48, True, 64, 17, 1, 20)
    case.trains[3] = TrainRow(
        3, 4, "a", "b", "udp", 7, None, None, 4_211, 0, 0, 2, True, 64, 64, (), fragments=(fragment,)
    )
    evidence = EvidenceRow(1, 7, 1, 500_000, 10, 20, b"x", "conflict", "", 3, 0)
    async with On(case, index=24, evidence=(evidence, replace(evidence, id=2, train=99))) as on:
        # bytes 10 to 29 of the datagram; the fragment holds those from 16 on, at 34 of its frame
        assert on.hex.evidence == (Range(34, 48),)
        assert on.screen._evidence_places() == {24}


async def test_a_case_that_cannot_be_read_is_a_sentence():
    case = FakeCase()
    async with On(case) as on:

        def refuse(*_: object) -> None:
            raise CaseError("The case was closed.")

        case.packet_of_file = refuse  # type: ignore[assignment,method-assign]
        await on.pilot.press("tab", "G", "b")
        assert "The case was closed." in on.rows[1]
        case.packets_of_flow = refuse  # type: ignore[assignment,method-assign]
        await on.pilot.press("right_square_bracket")
        assert "The case was closed." in on.rows[1]
        case.train = refuse  # type: ignore[assignment,method-assign]
        on.screen._evidence = (replace(EVIDENCE[0], train=4),)
        assert on.screen._evidence_places() == set()


async def test_packets_and_flows_that_are_not_there_are_errors_with_a_sentence():
    with pytest.raises(CaseError, match=r"Flow 4,211 has no packet 100\."):
        PacketScreen(FakeCase(), 4_211, 99, TRAIL, dissector=HereDissector())
    with pytest.raises(CaseError, match="no flow 5 any more"):
        PacketScreen(FakeCase(), 5, 0, TRAIL, dissector=HereDissector())


async def test_a_cut_packet_says_how_much_of_it_was_captured():
    case = FakeCase()
    case.packets[3] = replace(case.packets[3], wirelen=1_514)
    async with On(case, size=(160, 45)) as on:
        assert "155 of 1,514 bytes captured" in on.rows[1]


async def test_the_person_may_move_while_the_layers_are_read():
    async with On(index=0, evidence=(), finding=None) as on:
        packet = on.screen.packet
        on.tree.show(on.tree.nodes)
        on.tree.cursor = 1
        on.screen._dissected(packet, Dissection(on.tree.nodes[1:], 54))
        assert on.tree.cursor == 1


@pytest.mark.parametrize("size", [(40, 10), (60, 20), (80, 24), (119, 30), (120, 30), (160, 45), (300, 90)])
async def test_every_size_can_be_drawn(size):
    async with On(size=size) as on:
        assert all(len(row) == size[0] for row in on.rows)


async def test_ascii_terminals_get_ascii_only():
    from tui.glyphs import ASCII

    async with On(look=Look(PALETTES["plain"], ASCII)) as on:
        assert on.text.replace("\n", "").isascii()


async def test_hostile_names_in_a_packet_stay_text():
    case = FakeCase(flow={"app": "http", "facts": {"host": "\x1b]0;x\x07"}})
    case.raw[3] = case.raw[3][:OFFSET] + b"GET /\x1b[2J HTTP/1.1\r\nHost: \x1b]0;x\x07\r\n\r\n"
    case.packets[3] = replace(case.packets[3], caplen=len(case.raw[3]))
    async with On(case, size=(160, 45)) as on:
        await on.pilot.press("l", "j", "l", "j")
        assert not set("\x1b\x07") & set(on.text)


async def test_escape_without_a_flow_beneath_just_leaves():
    async with On() as on:
        await on.pilot.press("escape")
        assert on.host.screen is not on.screen


async def test_the_footer_names_the_keys_of_the_side_that_has_them():
    async with On(size=(160, 45)) as on:
        assert "→ ← open, close" in on.rows[-1]
        assert "[ ] packet" in on.rows[-1]
        await on.pilot.press("tab")
        await on.pilot.pause()
        assert "open, close" not in on.rows[-1]
        assert isinstance(on.tree, LayerTree)
