"""What both sides of a flow said, in order, by hand-made segments; and how the screen shows, searches and writes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flow_fakes import NS, START, FakeCase, HereDissector, Host
from frames import MAC, ipv4, udp

from oddport.case.model import EvidenceRow, FragmentRow, TrainRow
from tests.tui.test_flow_screen import settled, shown
from tui.data.stream import Kind, Stream, StreamBytes, places_of
from tui.data.stream_rows import rows_of
from tui.glyphs import UNICODE
from tui.screens.flow import FlowScreen
from tui.screens.packet import PacketScreen
from tui.screens.stream import StreamScreen, needle_of

if TYPE_CHECKING:
    from pathlib import Path

SYN, ACK = 2, 16


def segment(sequence: int, payload: bytes, back: bool = False, flags: int = ACK, acknowledges: int = 0) -> bytes:
    """An Ethernet frame with a TCP segment (RFC 9293, 3.1)."""
    ports = (8_088, 51_544) if back else (51_544, 8_088)
    head = b"".join(port.to_bytes(2, "big") for port in ports)
    head += sequence.to_bytes(4, "big") + acknowledges.to_bytes(4, "big") + bytes([0x50, flags]) + bytes(6)
    return MAC + b"\x08\x00" + ipv4(6, head + payload)


class Said(FakeCase):
    """A flow with these packets: (frame, from the responder)."""

    def __init__(self, *frames: tuple[bytes, bool], proto: str = "tcp") -> None:
        super().__init__(flow={"proto": proto, "packets_o": len(frames), "packets_r": 0})
        self.raw, self.packets = [], []
        self.finding_row, self.evidence_rows = None, []
        for number, (frame, back) in enumerate(frames, 1):
            self.add(frame, START + number * NS, number, back)


def stream_of(case: FakeCase) -> Stream:
    stream = Stream(case, case.flow_row)
    stream.read(lambda: True)
    assert stream.complete
    return stream


def told(case: FakeCase) -> list[tuple[str, bool, bytes | int]]:
    stream = stream_of(case)
    reading = StreamBytes(stream)
    found: list[tuple[str, bool, bytes | int]] = []
    for index in range(len(stream.segments)):
        each = stream.segments[index]
        found.append((each.kind.name, each.back, reading.data(index) if each.has_data else each.length))
    return found


def o(sequence: int, payload: bytes, **more: int) -> tuple[bytes, bool]:
    return segment(sequence, payload, **more), False


def r(sequence: int, payload: bytes, **more: int) -> tuple[bytes, bool]:
    return segment(sequence, payload, True, **more), True


# order --------------------------------------------------------------------------------------------------------------


def test_both_sides_are_told_in_the_order_in_which_they_spoke() -> None:
    assert told(Said(o(1, b"GET /"), r(9, b"200"), o(6, b"bye"))) == [
        ("DATA", False, b"GET /"), ("DATA", True, b"200"), ("DATA", False, b"bye"),
    ]  # fmt: skip


def test_a_segment_that_is_early_waits_for_the_one_before_it() -> None:
    assert told(Said(o(1, b"one"), o(7, b"three"), o(4, b"two"))) == [
        ("DATA", False, b"one"), ("DATA", False, b"two"), ("DATA", False, b"three"),
    ]  # fmt: skip


def test_what_came_before_is_told_and_shown_once() -> None:
    assert told(Said(o(1, b"one"), o(1, b"one"), o(4, b"two"))) == [
        ("DATA", False, b"one"), ("REPEAT", False, 3), ("DATA", False, b"two"),
    ]  # fmt: skip
    # bytes 1 to 3 came before, 4 and 5 are new
    assert told(Said(o(1, b"one"), o(1, b"one+2"))) == [
        ("DATA", False, b"one"), ("REPEAT", False, 3), ("DATA", False, b"+2"),
    ]  # fmt: skip


def test_bytes_that_never_come_are_a_gap_at_the_end() -> None:
    assert told(Said(o(1, b"one"), o(14, b"more"))) == [
        ("DATA", False, b"one"), ("GAP", False, 10), ("DATA", False, b"more"),
    ]  # fmt: skip


def test_what_the_other_side_acknowledges_is_told_before_its_answer() -> None:
    assert told(Said(o(1, b"one"), o(14, b"more"), r(5, b"yes", acknowledges=18))) == [
        ("DATA", False, b"one"), ("GAP", False, 10), ("DATA", False, b"more"), ("DATA", True, b"yes"),
    ]  # fmt: skip


def test_after_syn_the_first_byte_is_known_and_may_be_missing() -> None:
    # SYN takes one number of the sequence (RFC 9293, 3.4): the first byte is 101
    assert told(Said(o(100, b"", flags=SYN), o(103, b"late"))) == [("GAP", False, 2), ("DATA", False, b"late")]


def test_sequence_numbers_go_on_from_zero() -> None:
    assert told(Said(o(0xFFFFFFFE, b"abc"), o(1, b"def"), o(0xFFFFFFFE, b"abc"))) == [
        ("DATA", False, b"abc"), ("DATA", False, b"def"), ("REPEAT", False, 3),
    ]  # fmt: skip


def test_a_packet_that_was_cut_says_how_much_is_missing() -> None:
    case = Said(o(1, b"whole text"), o(11, b"next"))
    case.raw[0] = case.raw[0][:-4]
    case.packets[0] = replace(case.packets[0], caplen=len(case.raw[0]))
    assert told(case) == [("DATA", False, b"whole "), ("CUT", False, 4), ("DATA", False, b"next")]


def test_many_early_segments_do_not_wait_for_ever() -> None:
    frames = [o(1, b"x"), *(o(100 + n, b"y") for n in range(200))]
    stream = Stream(case := Said(*frames), case.flow_row)
    kinds = []
    stream.read(lambda: True)
    kinds = [stream.segments[n].kind for n in range(len(stream.segments))]
    assert kinds == [Kind.DATA, Kind.GAP, *[Kind.DATA] * 200]


def test_datagrams_follow_one_another_and_one_in_fragments_is_whole() -> None:
    frames = [(MAC + b"\x08\x00" + ipv4(17, udp(b"query")), False), (MAC + b"\x08\x00" + ipv4(17, bytes(30)), True)]
    frame = bytearray(frames[1][0])
    frame[20:22] = (0x2001).to_bytes(2, "big")  # more fragments, offset 8 (RFC 791, 3.1)
    case = Said(frames[0], (bytes(frame), True), proto="udp")
    case.packets[1] = replace(case.packets[1], fragment=True)
    part = FragmentRow(2, 1, 1, START, 34, 8, 30, 30, False, 64, 17, 0, 20)
    case.trains[3] = TrainRow(3, 4, "10.0.0.1", "10.0.0.2", "udp", 7, 1, 2, 4211, 0, 0, 2, True, 38, 38, (),
                              fragments=(part,))  # fmt: skip
    case.datagrams[3] = udp(b"a long answer")
    assert told(case) == [("DATA", False, b"query"), ("DATAGRAM", True, b"a long answer")]


def test_what_is_looked_for_is_found_across_segments_of_one_side_and_not_across_a_gap() -> None:
    stream = stream_of(Said(o(1, b"pass"), r(1, b"WORD"), o(5, b"Word")))
    reading = StreamBytes(stream)
    assert [places_of(stream, reading, b"password", n) for n in range(3)] == [[], [], [-4]]
    gapped = stream_of(Said(o(1, b"pass"), o(9, b"word")))
    assert [places_of(gapped, StreamBytes(gapped), b"password", n) for n in range(3)] == [[], [], []]


# rows ---------------------------------------------------------------------------------------------------------------


def texts(data: bytes, form: str, width: int = 40) -> list[str]:
    return ["".join(text for text, _, _ in row.pieces) for row in rows_of(data, form, width, UNICODE)]


def test_nothing_of_the_wire_reaches_the_terminal_as_control() -> None:
    hostile = b"\x1b[2J\x9b31m\x07\xe2\x80\xaeevil\x00[bold]\r\nnext\ttab \xc3\xa9"
    for form in ("text", "hex", "escaped"):
        for row in texts(hostile, form):
            assert row.isprintable(), form
    assert texts(hostile, "text") == ["·[2J·31m····evil·[bold]", "next    tab é"]
    assert texts(b"a\r\n\x1b", "escaped") == ["a\\r\\n", "\\x1b"]


def test_long_lines_wrap_and_every_byte_is_in_one_place() -> None:
    rows = rows_of(bytes(range(32, 127)) * 3, "text", 40, UNICODE)
    assert [row.goes_on for row in rows] == [False, *[True] * (len(rows) - 1)]
    covered = [start for row in rows for _, start, _ in row.pieces]
    assert covered == list(range(95 * 3))
    assert all(sum(len(text) for text, _, _ in row.pieces) <= 40 - 2 * row.goes_on for row in rows)


def test_hex_has_sixteen_bytes_where_there_is_room_and_eight_where_not() -> None:
    assert texts(b"GET / HTTP/1.1\r\n\x00", "hex", 68)[0] == (
        "47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1··"
    )
    assert texts(b"GET / HT", "hex", 34) == ["47 45 54 20 2f 20 48 54  GET / HT"]
    assert texts(b"G", "hex", 90)[0].startswith("0000  47 ")


@pytest.mark.parametrize(("text", "wanted"), [("uid", b"uid"), ("0x16 03", b"\x16\x03"), ("0x1603", b"\x16\x03")])
def test_bytes_are_looked_for_after_0x(text: str, wanted: bytes) -> None:
    assert needle_of(text) == wanted


def test_half_a_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="pairs of hex digits"):
        needle_of("0x1")


# the screen ---------------------------------------------------------------------------------------------------------

SHELL = (
    o(1, b"$ "), r(1, b"id\n"), o(3, b"uid=33(www-data)\n$ "), o(3, b"uid=33(www-data)\n$ "), r(4, b"exit\n"),
)  # fmt: skip


class On:
    """A stream screen in an app."""

    def __init__(self, case: FakeCase, size: tuple[int, int] = (80, 24), finding: int | None = None) -> None:
        self.case, self.size = case, size
        self.host = Host()
        self.screen = StreamScreen(case, 4_211, ("Flows", "Flow 4,211"), finding, HereDissector())

    async def __aenter__(self) -> On:
        self.context = self.host.run_test(size=self.size)
        self.pilot = await self.context.__aenter__()
        await self.host.push_screen(self.screen)
        await settled(self.pilot)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.context.__aexit__(*error)

    async def press(self, *keys: str) -> list[str]:
        await self.pilot.press(*keys)
        await settled(self.pilot)
        return shown(self.host.screen)


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (200, 50)])
async def test_each_side_has_its_letter_and_a_repeat_its_row(size: tuple[int, int]) -> None:
    async with On(Said(*SHELL), size) as on:
        rows = [row.rstrip(" ┃│") for row in await on.press()]
        assert rows[0].startswith(" ‹ Flows › Flow 4,211 › Stream")
        assert rows[1].startswith(" → O 10.20.3.14:51544")
        assert rows[2] == "▌   1 → O  $"
        assert rows[3:6] == ["    2 ← R  id", "    3 → O  uid=33(www-data)", "           $"]
        assert rows[6] == "       ┄┄ packet 4 repeats 19 bytes from → O, shown once ┄┄"
        assert rows[7] == "    5 ← R  exit"


async def test_forms_sides_and_the_packet_behind_a_row() -> None:
    async with On(Said(*SHELL)) as on:
        assert "69 64 0a" in "".join(await on.press("tab"))
        assert "id\\n" in "".join(await on.press("tab"))
        rows = "".join(await on.press("d"))
        assert "id\\n" not in rows
        assert "uid=33" in rows
        rows = "".join(await on.press("d"))
        assert "exit\\n" in rows
        assert "uid=33" not in rows
        await on.press("j", "enter")
        assert isinstance(on.host.screen, PacketScreen)
        assert on.host.screen.index == 4
        await on.press("escape")
        assert on.host.screen is on.screen
        assert on.screen.view.segment is not None
        assert on.screen.view.segment.place == 4


async def test_find_goes_on_from_the_other_end_and_says_what_is_not_there() -> None:
    async with On(Said(*SHELL)) as on:
        rows = await on.press("slash", *"id", "enter")
        assert on.screen.view.cursor[0] == 1
        assert any("in packet 2" in row for row in rows)
        await on.press("n")
        assert on.screen.view.cursor == (2, 0)
        await on.press("n")
        assert on.screen.view.cursor[0] == 1
        await on.press("N")
        assert on.screen.view.cursor == (2, 0)
        rows = await on.press("slash", *"nowhere", "enter")
        assert any("nowhere is not in the stream." in row for row in rows)
        rows = await on.press("slash", *"0x1")
        assert any("pairs of hex digits" in row for row in rows)
        await on.press("escape", "escape")
        assert on.host.screen is not on.screen


async def test_evidence_is_marked_in_place_and_one_key_away() -> None:
    case = Said(*SHELL)
    case.finding_row = FakeCase().finding_row
    case.evidence_rows = [EvidenceRow(1, 7, 1, 3, 54, 6, b"uid=33", "a shell answers", "443 is TLS's", None, 0)]
    async with On(case, finding=7) as on:
        rows = await on.press("b")
        assert on.screen.view.cursor == (2, 0)
        assert on.screen.view.marks == {2: [(0, 6, "evidence")]}
        assert any(row.startswith(" Seen      uid=33  a shell answers") and "packet 3 →" in row for row in rows)


async def test_one_side_is_written_as_it_is_and_nothing_is_overwritten(tmp_path: Path) -> None:
    async with On(Said(*SHELL)) as on:
        await on.press("d", "d", "w", "ctrl+u", *str(tmp_path / "out.bin"), "enter")
        assert (tmp_path / "out.bin").read_bytes() == b"id\nexit\n"
        rows = await on.press("w", "ctrl+u", *str(tmp_path / "out.bin"), "enter")
        assert any("is there already" in row for row in rows)
        assert (tmp_path / "out.bin").read_bytes() == b"id\nexit\n"


async def test_both_sides_are_written_as_they_are_shown(tmp_path: Path) -> None:
    async with On(Said(o(1, b"\x1b[31m\n"), r(1, b"ok"))) as on:
        await on.press("w", "ctrl+u", *str(tmp_path / "out.txt"), "enter")
        assert (tmp_path / "out.txt").read_text() == "       1 → O  ·[31m\n       2 ← R  ok\n"


async def test_a_flow_without_payload_and_a_capture_that_is_gone_say_so() -> None:
    async with On(Said(o(1, b"", flags=SYN))) as on:
        assert any("No payload" in row for row in await on.press("j", "G", "pagedown", "enter", "tab", "d"))
    case = Said(*SHELL)
    case.moved = "The bytes are not here any more."
    async with On(case) as on:
        assert any("The bytes are not here any more." in row for row in await on.press("j", "n"))


async def test_the_cursor_walks_through_all_rows_and_back() -> None:
    lines = b"".join(b"line %d\n" % n for n in range(300))
    async with On(Said(o(1, lines), r(1, b"end"))) as on:
        view = on.screen.view
        await on.press("G")
        assert view.cursor == (1, 0)
        assert view.in_sight()[-1] == (1, 0)
        await on.press("k")
        assert view.cursor == (0, 299)
        await on.press("pageup", "pageup")
        assert view.cursor == (0, 299 - 2 * view.size.height)
        await on.press("g")
        assert (view.cursor, view.top) == ((0, 0), (0, 0))
        await on.press("pagedown")
        assert view.cursor == (0, view.size.height)
        assert view.cursor in view.in_sight()


async def test_f_opens_it_from_a_flow_and_from_a_packet_and_escape_comes_back() -> None:
    case = FakeCase()
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        flow = FlowScreen(case, 4_211, ("Findings", "Flow 4,211"), 7, dissector=HereDissector())
        await host.push_screen(flow)
        await settled(pilot)
        await pilot.press("f")
        await settled(pilot)
        assert isinstance(host.screen, StreamScreen)
        await pilot.press("escape", "enter")
        await settled(pilot)
        assert isinstance(host.screen, PacketScreen)
        await pilot.press("f")
        await settled(pilot)
        assert isinstance(host.screen, StreamScreen)
        await pilot.press("escape", "escape")
        await settled(pilot)
        assert host.screen is flow
