"""A flow on the screen: claim, facts, packets, and the way on."""

from __future__ import annotations

import inspect
from dataclasses import replace
from types import SimpleNamespace

import pytest
from flow_fakes import EVIDENCE, FIRST_NUMBER, FLOW, NS, START, FakeCase, HereDissector, Host
from frames import MAC, ipv4, udp

from oddport.case.errors import CaseError
from oddport.case.reader import CaseReader
from tui.data.dissection.model import Dissection, Node
from tui.data.flow_case import FlowCase
from tui.data.flow_packets import FlowPackets, flag_words, seconds
from tui.data.packet_says import fact_ranges, said
from tui.glyphs import ASCII, UNICODE
from tui.screens.flow import FlowScreen
from tui.screens.packet import PacketScreen
from tui.theme import PALETTES, Look
from tui.widgets.lines import Lines

TRAIL = ("Findings", "TLS on 8088/tcp", "Flow 4,211")


async def settled(pilot) -> None:
    """Until the threads have read what is on the screen."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def shown(screen) -> list[str]:
    """The rows of the screen as text."""
    text = []
    for y in range(screen.size.height):
        strip = screen._compositor.render_strips()[y]
        text.append("".join(segment.text for segment in strip))
    return text


class On:
    """A flow screen in an app."""

    def __init__(self, case: FakeCase | None = None, size=(80, 24), finding: int | None = 7, look: Look | None = None):
        self.case = case or FakeCase()
        self.host = Host(look)
        self.size = size
        self.screen = FlowScreen(self.case, 4_211, TRAIL, finding, dissector=HereDissector())

    async def __aenter__(self):
        self.context = self.host.run_test(size=self.size)
        self.pilot = await self.context.__aenter__()
        await self.host.push_screen(self.screen)
        await settled(self.pilot)
        return self

    async def __aexit__(self, *error):
        await self.context.__aexit__(*error)

    @property
    def rows(self) -> list[str]:
        return shown(self.screen)

    def line(self, start: str) -> str:
        return next(row for row in self.rows if row.strip().startswith(start))


async def test_at_80_cells_seen_expected_score_and_attack_stand_over_the_packets():
    async with On() as on:
        rows = on.rows
        assert rows[0].startswith(" ‹ Findings › TLS on 8088/tcp › Flow 4,211")
        assert rows[1].startswith(" ▲ H  TLS on 8088/tcp")
        assert rows[1].rstrip().endswith("10.20.3.14:51544 → 203.0.113.80:8088")
        assert rows[3].rstrip() == " Seen      16 03 01 00 60 01 00 00 5c 03 03  TLS ClientHello  packet 4 →"
        assert rows[4].rstrip() == "           16 03 03 00 32 02 00 00 2e 03 03  TLS ServerHello  packet 6 ←"
        assert rows[5].rstrip() == " Expected  http   8088/tcp is registered as radan-http"
        assert rows[6].startswith(" Score     65  35 base  × 1 tier A  +15 to an outside address")
        assert rows[7].startswith(" ATT&CK    T1571 direct  T1573.002 context   HTTPS on 8088")
        assert rows[9].rstrip() == " App       tls 1.3, tier A, both directions       Packets 24 → 14 ← 10"
        assert "9.46 kB → 3.06 ← 6.40" in rows[10]
        assert rows[11].startswith(" JA4       t13d1516h2_8daaf6152771_b186095e22b6")
        assert rows[12].split() == ["Packet", "Time", "Data", "Flags", "What", "it", "says"]


async def test_the_first_evidence_is_under_the_cursor_with_the_packets_before_it_in_sight():
    async with On() as on:
        assert on.screen.table.cursor == 3
        assert on.screen.table.top == 0
        row = next(row for row in on.rows if " TLS ClientHello  cdn-sync.example" in row)
        # the evidence bar wins over the cursor's bar
        assert row.split()[:3] == ["▌", "4", "0.018702"]
        assert on.line("▌     6").split()[2:5] == ["0.037388", "←", "61"]


async def test_packets_say_what_they_carry_and_how_much():
    async with On() as on:
        assert on.line("1    0.000000").split()[:5] == ["1", "0.000000", "→", "·", "SYN"]
        assert "101 PSH ACK  TLS ClientHello  cdn-sync.example" in on.line("▌     4")
        assert "TLS ServerHello, ChangeCipherSpec" in on.line("▌     6")
        assert "TLS ChangeCipherSpec, ApplicationData" in on.line("9 ")


async def test_wide_screens_show_each_part_of_the_score_all_facts_and_all_columns():
    async with On(size=(200, 50)) as on:
        text = "\n".join(on.rows)
        for expected in (
            "packet 4 +54 →", "Rejected  not http: byte 0 is 0x16, not a method token", "   35  base", "  × 1  tier A",
            "  +15  to an outside address", "   65  high", "T1571 Non-Standard Port  direct  HTTPS on 8088 is MITRE",
            "Port         8088 ≠ tls   the server's side, by SYN and SYN-ACK", "Name         cdn-sync.example",
            "ALPN         h2, http/1.1", "Certificate  not visible: TLS 1.3 encrypts it",
            "State        opened and closed   SF", "Like it      5 more flows, same hosts and port",
            "Verdict      none", "24 packets in this flow", "In capture", "Since last", "not reviewed",
        ):  # fmt: skip
            assert expected in text, expected
        packet = on.line("▌     4")
        assert packet.split()[2:5] == ["417,391", "0.018702", "0.000391"]
        assert packet.rstrip().endswith("evidence")


async def test_a_flow_without_finding_starts_with_its_port_and_what_is_spoken_there():
    case = FakeCase(flow={"verdict": "alternate", "severity": None, "server_port": 8_443, "dport": 8_443})
    case.finding_row, case.evidence_rows = None, []
    async with On(case, finding=None) as on:
        assert on.rows[1].startswith(" 8443 ≈ tls   in wide use for tls")
        assert "Seen" not in "".join(on.rows)
        assert on.screen.table.cursor == 0
        await on.pilot.press("b", "v", "u", "n")
        assert on.host.screen is on.screen


async def test_a_flow_opened_from_the_flow_list_shows_its_worst_finding():
    async with On(finding=None) as on:
        assert "TLS on 8088/tcp" in on.rows[1]


@pytest.mark.parametrize(
    ("verdict", "app", "said_of_it"),
    [
        ("standard", "tls", "443 = tls   the standard port of tls"),
        ("unrecognised", None, "443 ? unknown   not recognised"),
        ("dynamic", "rtp", "443 · rtp   no fixed port"),
        ("", None, "443 – unknown   nothing to judge"),
    ],
)
async def test_every_verdict_of_a_port_has_its_sign_and_its_words(verdict, app, said_of_it):
    case = FakeCase(flow={"verdict": verdict, "app": app, "server_port": 443, "tier": "", "facts": {}})
    case.finding_row, case.evidence_rows = None, []
    async with On(case, finding=None) as on:
        assert on.rows[1].startswith(f" {said_of_it}")


async def test_long_addresses_are_never_cut_they_get_a_row_of_their_own():
    src, dst = "2001:db8:1111:2222:3333:4444:5555:6666", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
    async with On(FakeCase(flow={"src": src, "dst": dst, "version": 6}), size=(100, 24)) as on:
        assert f"[{src}]:51544 → [{dst}]:8088" in "\n".join(on.rows)
        assert "TLS on 8088/tcp" in on.rows[1]


async def test_b_goes_from_evidence_to_evidence_and_round():
    async with On() as on:
        assert on.screen.table.cursor == 3
        await on.pilot.press("b")
        assert on.screen.table.cursor == 5
        await on.pilot.press("b")
        assert on.screen.table.cursor == 3


async def test_more_evidence_than_fits_is_counted_and_b_shows_it():
    case = FakeCase()
    case.evidence_rows = [
        replace(EVIDENCE[0], id=at, packet=FIRST_NUMBER + at, says=f"claim {at}") for at in (3, 5, 6, 8)
    ]
    async with On(case) as on:
        assert "claim 5  packet 6" in on.line("2 more b  16 03 01 00 60 01")
        await on.pilot.press("b")
        assert "claim 6" in on.line("Seen")
        assert on.screen.table.cursor == 6
        await on.pilot.press("b")
        assert "claim 3" in on.line("Seen")


async def test_enter_opens_the_packet_and_escape_comes_back_to_the_packet_looked_at_last():
    async with On() as on:
        await on.pilot.press("j", "enter")
        await settled(on.pilot)
        packet = on.host.screen
        assert isinstance(packet, PacketScreen)
        assert packet.index == 4
        await on.pilot.press("right_square_bracket", "escape")
        await settled(on.pilot)
        assert on.host.screen is on.screen
        assert on.screen.table.cursor == 5


async def test_escape_leaves_to_where_the_flow_was_opened_from():
    async with On() as on:
        await on.pilot.press("escape")
        assert on.host.screen is not on.screen


async def test_a_capture_that_has_moved_is_said_and_the_evidence_stays():
    case = FakeCase()
    case.moved = "The bytes are not here any more: /old/place.pcapng is gone."
    async with On(case) as on:
        assert on.line("▲ The bytes").strip() == f"▲ {case.moved}"
        assert "16 03 01 00 60" in on.line("Seen")
        assert "TLS ClientHello" in on.line("▌     4")


async def test_a_verdict_is_kept_and_shown():
    async with On(size=(200, 50)) as on:
        await on.pilot.press("v")
        await on.pilot.pause()
        await on.pilot.press("c", "o", "k", "enter")
        await settled(on.pilot)
        assert on.case.verdicts == [("ab", "confirmed", "ok")]
        assert on.host.screen is on.screen
        assert "! confirmed" in on.line("ATT&CK") + "\n".join(on.rows)
        assert "Note         ok" in "\n".join(on.rows)
        await on.pilot.press("u")
        assert "was taken back" in on.rows[1]


async def test_a_verdict_that_cannot_be_kept_is_said():
    case = FakeCase()

    def refuse(*_: object) -> None:
        raise CaseError("The case is read-only. Copy it to a folder of yours.")

    case.set_verdict = case.undo_verdict = refuse  # type: ignore[assignment,method-assign]
    async with On(case) as on:
        await on.pilot.press("v")
        await on.pilot.pause()
        await on.pilot.press("c", "enter")
        await on.pilot.pause()
        assert "The case is read-only" in on.rows[1]
        await on.pilot.press("u")
        assert "The case is read-only" in on.rows[1]


class Beneath:
    """The list that the flow was opened from."""

    def __init__(self, lines):
        self.lines, self.told = lines, []
        self.table = SimpleNamespace(cursor=0, touched=False, move_to_index=self.move)
        self.rows = self

    def __len__(self):
        return len(self.lines)

    def row(self, place):
        return self.lines[place]

    def move(self, place):
        self.table.cursor = place

    def query_one(self, *_):
        return self.table

    def after_verdict(self, problem):
        self.told.append(problem)


async def test_n_goes_to_the_next_finding_of_the_list_that_has_a_flow(monkeypatch):
    beneath = Beneath([
        SimpleNamespace(id=7, flow=4_211, title="TLS on 8088/tcp"), SimpleNamespace(id=8, flow=None, title="trains"),
        SimpleNamespace(id=9, flow=4_211, title="SSH on 53/tcp"), SimpleNamespace(id=10, flow=99, title="gone"),
    ])  # fmt: skip
    monkeypatch.setattr(FlowScreen, "_list", lambda self: beneath)
    async with On() as on:
        assert on.rows[0].rstrip().endswith("1 of 4")
        await on.pilot.press("n")
        await settled(on.pilot)
        assert on.rows[0].startswith(" ‹ Findings › SSH on 53/tcp › Flow 4,211")
        assert on.rows[0].rstrip().endswith("3 of 4")
        await on.pilot.press("n")
        assert "The case has no flow 99 any more" in on.rows[1]
        await on.pilot.press("n")
        assert "last finding" in on.rows[1]
        await on.pilot.press("N", "N", "N")
        assert "first finding" in on.rows[1]
        await on.pilot.press("v")
        await on.pilot.pause()
        await on.pilot.press("b", "enter")
        await settled(on.pilot)
        assert beneath.told == [""]
        assert beneath.table.cursor == 2


async def test_an_open_flow_gets_its_new_packets_at_the_end():
    case = FakeCase(flow={"open": True})
    async with On(case, size=(200, 50)) as on:
        case.add(MAC + b"\x08\x00" + ipv4(17, udp(b"late")), START + NS, 500_000)
        on.screen._look_again()
        await settled(on.pilot)
        assert "25 packets in this flow" in "\n".join(on.rows)
        assert "Open" in "\n".join(on.rows)
        cursor = on.screen.table.cursor

        def refuse(_: int) -> None:
            raise CaseError("The case was closed.")

        case.flow = refuse  # type: ignore[assignment,method-assign]
        on.screen._look_again()
        assert "The case was closed." in on.rows[1]
        assert on.screen.table.cursor == cursor


async def test_a_flow_that_is_gone_is_an_error_with_a_sentence():
    with pytest.raises(CaseError, match="no flow 5 any more"):
        FlowScreen(FakeCase(), 5, TRAIL, dissector=HereDissector())


@pytest.mark.parametrize("size", [(40, 10), (60, 20), (80, 24), (119, 30), (120, 30), (160, 45), (300, 90)])
async def test_every_size_can_be_drawn(size):
    async with On(size=size) as on:
        assert all(len(row) == size[0] for row in on.rows)


async def test_growing_shows_more_columns_and_shrinking_fewer():
    async with On() as on:
        await on.pilot.resize_terminal(160, 45)
        await settled(on.pilot)
        assert "capture" in on.screen.table.columns_shown()
        await on.pilot.resize_terminal(80, 24)
        await settled(on.pilot)
        assert on.screen.table.columns_shown() == ("packet", "time", "arrow", "data", "flags", "says")


async def test_hostile_text_never_reaches_the_terminal():
    bad = "\x1b[31m\x9b\u202eevil[bold]\r\n"
    case = FakeCase(flow={"facts": {"sni": bad, "x\x1b": [bad]}, "app": "tls"})
    case.finding_row = replace(case.finding_row, title=bad, expected=bad, note=bad, rejected=(bad,))
    case.evidence_rows = [replace(EVIDENCE[0], says=bad, expected=bad)]
    for size in ((80, 24), (200, 50)):
        async with On(case, size=size) as on:
            text = "\n".join(on.rows)
            assert not set("\x1b\x9b\u202e\r") & set(text)
            assert "[bold]" in text


async def test_ascii_terminals_get_ascii_only():
    async with On(look=Look(PALETTES["ansi"], ASCII)) as on:
        assert "".join(on.rows).isascii()


async def test_help_lists_the_keys_of_the_screen():
    async with On() as on:
        await on.pilot.press("question_mark")
        await settled(on.pilot)
        text = "\n".join(shown(on.host.screen))
        for word in ("next evidence", "verdict", "packet"):
            assert word in text


# pure parts -----------------------------------------------------------------------------------------------------------


def test_pages_of_packets_are_read_once_and_forgotten_in_turn():
    case = FakeCase()
    asked = []
    original = case.packets_of_flow

    def counting(flow, offset, limit):
        asked.append((offset, limit))
        return original(flow, offset, limit)

    case.packets_of_flow = counting  # type: ignore[method-assign]
    rows = FlowPackets(case, 4_211, START)
    assert [rows.row(at).index for at in range(24)] == list(range(24))
    assert asked == [(0, 128)]
    assert rows.row(24) is None
    assert rows.packet(-1) is None
    assert (rows.find(1), rows.find(24), rows.find(25)) == (0, 23, None)


def test_elapsed_and_since_are_seconds_to_the_microsecond():
    rows = FlowPackets(FakeCase(), FLOW.id, START)
    row = rows.row(3)
    assert (seconds(row.elapsed), seconds(row.since)) == ("0.018702", "0.000391")
    assert seconds(-1_500_000) == "-0.001500"


def test_flags_are_words_in_the_order_people_say_them():
    assert [flag_words(bits) for bits in (0x02, 0x12, 0x18, 0x11, 0x14, 0)] == [
        "SYN", "SYN ACK", "PSH ACK", "FIN ACK", "RST ACK", "",
    ]  # fmt: skip


def layers(*nodes: Node) -> Dissection:
    return Dissection(nodes, 100)


def test_payload_without_a_reader_shows_its_first_bytes():
    transport = Node("UDP", "", 34, 8, "layer")
    raw = Node("payload", "not dissected: 30 bytes", 42, 30, "unread")
    binary = bytes(42) + b"hello\0\r\n" + b"\xff" * 17
    assert said(layers(transport, raw), binary, {}).text == "68 65 6c 6c 6f 00 0d 0a ff ff ff ff …"
    assert said(layers(transport, raw), bytes(42) + b"a" * 30, {}).text == "a" * 24 + "…"
    claimed = replace(raw, children=(Node("RFB version", "", 42, 12),))
    assert said(layers(transport, claimed), bytes(72), {}).text == "RFB version"
    assert said(layers(transport, raw), bytes(72), {}).data == 30


def test_packets_without_transport_say_their_last_layer():
    assert said(layers(Node("ARP", "who has 10.0.0.1", 14, 28, "layer")), b"", {}).text == "ARP who has 10.0.0.1"
    assert said(layers(), b"", {}).text == ""
    icmp = said(layers(Node("ICMP", "echo-request", 34, 8, "layer"), Node("payload", "", 42, 9, "unread")), b"", {})
    assert (icmp.text, icmp.data) == ("ICMP echo-request", 9)


def test_facts_are_found_in_the_bytes_also_as_dns_labels():
    frame = b"..." + b"\x03www\x07example\x00" + b"tail"
    assert fact_ranges(frame, {"qname": "www.example"}) == [(4, 15)]
    assert fact_ranges(b"xx cdn.example", {"sni": "cdn.example", "ja4": "cdn", "host": "ab"}) == [(3, 14)]
    assert fact_ranges(b"nothing", {"sni": "cdn.example"}) == []


def test_signs_have_ascii_forms():
    assert UNICODE.evidence != ASCII.evidence


async def test_the_notice_is_away_while_there_is_nothing_to_say():
    async with On() as on:
        assert not on.screen.query_one("#moved", Lines).display


async def test_what_the_bytes_are_goes_before_more_of_the_bytes():
    case = FakeCase()
    long = "TLS record, handshake, 240 bytes of it"
    case.evidence_rows = [replace(EVIDENCE[0], says=long)]
    async with On(case) as on:
        assert on.line("Seen").rstrip().endswith(f"16 03 01 00 60  {long}  packet 4 →")


async def test_where_the_bytes_are_is_never_cut():
    case = FakeCase()
    case.evidence_rows = [replace(EVIDENCE[0], says="a very long sentence about these very few bytes " * 3)]
    async with On(case) as on:
        assert on.line("Seen").rstrip().endswith("…  packet 4 →")


def test_the_reader_of_cases_has_what_the_screens_ask_for():
    names = [name for name, found in vars(FlowCase).items() if inspect.isfunction(found) and name[0] != "_"]
    assert len(names) == 19
    for name in names:
        asked = list(inspect.signature(getattr(FlowCase, name)).parameters)
        given = list(inspect.signature(getattr(CaseReader, name)).parameters)
        assert asked == given, name
