"""The dashboard as a person uses it: what the screens say and where the keys lead."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter
from tests.tui.cases import TABS, File, Flow, Found, Port, branch_office, finding_of, make_case, put_flows
from tui.dashboard import OddportApp
from tui.screens.attack import AttackScreen, TechniqueScreen
from tui.screens.error import Problems
from tui.screens.findings import FindingsScreen
from tui.screens.flow import FlowScreen
from tui.screens.flows import FlowsScreen
from tui.screens.help import Help
from tui.widgets.lines import Lines
from tui.widgets.table import VirtualTable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from textual.pilot import Pilot

ENVIRON = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}

SETTINGS = ("columns.toml", "filters.json")
"""What a person has chosen: beside the case, not in the home of whoever runs the tests."""


class Desk:
    """The running dashboard and its keys."""

    def __init__(self, app: OddportApp, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot

    async def settle(self) -> None:
        """Until the case has answered and the screen is painted."""
        for _ in range(400):
            await self.pilot.pause(0.01)
            rows = [getattr(screen, "rows", None) for screen in self.app.screen_stack]
            counters = [getattr(screen, "_counter", None) for screen in self.app.screen_stack]
            if not any(getattr(each, "busy", False) is True for each in (*rows, *counters) if each is not None):
                break
        await self.pilot.pause(0.02)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def type(self, text: str) -> None:
        await self.press(
            *({" ": "space", "=": "equals_sign", "!": "exclamation_mark"}.get(char, char) for char in text)
        )

    @property
    def table(self) -> VirtualTable:
        return self.app.screen.query_one(VirtualTable)

    def said(self, name: str) -> str:
        """Text of an area: top, context, strip, keys, empty, left, notices …"""
        return self.app.screen.query_one(f"#{name}", Lines).plain

    def listed(self) -> list[str]:
        table = self.table
        return [table.render_line(y).text.rstrip() for y in range(1, min(len(table.rows) - table.top, table.page) + 1)]

    def picture(self) -> str:
        """All that is on the screen."""
        return "\n".join(
            "".join(segment.text for segment in strip) for strip in self.app.screen._compositor.render_strips()
        )


@asynccontextmanager
async def desk_of(
    case: Path, captures: list[str] | None = None, size: tuple[int, int] = (80, 24), **options: Any
) -> AsyncIterator[Desk]:
    own = {f"ODDPORT_{file.partition('.')[0].upper()}": str(case.with_name(file)) for file in SETTINGS}
    environ = {**own, **options.pop("environ", ENVIRON)}
    app = OddportApp(case, captures, environ=environ, **options)
    async with app.run_test(size=size) as pilot:
        desk = Desk(app, pilot)
        await desk.settle()
        yield desk


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case that no test changes."""
    return branch_office(tmp_path_factory.mktemp("office") / "case.oddport")


# findings -----------------------------------------------------------------------------------------------------------


async def test_findings_stand_worst_first_with_their_proof_below(office: Path) -> None:
    async with desk_of(office) as desk:
        titles = [row[5:33].strip() for row in desk.listed()]
        assert titles[:3] == ["Shell on 443/tcp", "SSH on 53/tcp", "TLS on 587/tcp, no STARTTLS"]
        assert titles[-1] == "HTTP on 443/tcp, redirected"
        seen, expected = desk.said("strip").splitlines()
        assert seen.split()[:12] == ["Seen", *["16", "03", "01", "02", "00", "01", "00", "01", "fc", "03", "03"]]
        assert "TLS ClientHello" in seen
        assert expected.startswith("Expected   http")
        assert expected.endswith("T1571 direct")
        assert "◆ C 2" in " ".join(desk.said("context").split())
        assert desk.said("context").endswith("0 of 10 reviewed")


async def test_only_screens_that_are_built_have_a_tab_and_a_key(office: Path) -> None:
    async with desk_of(office) as desk:
        assert desk.said("top").split() == TABS
        await desk.press("9", "0")
        assert isinstance(desk.app.screen, FindingsScreen)


async def test_enter_goes_to_the_flow_and_esc_back_to_the_same_row(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("j", "j", "j", "enter")
        assert isinstance(desk.app.screen, FlowScreen)
        assert desk.said("top").startswith("‹ Findings › HTTP on 443/tcp in clear › Flow 4")
        await desk.press("escape")
        assert isinstance(desk.app.screen, FindingsScreen)
        assert desk.table.cursor == 3


async def test_a_verdict_is_kept_in_the_case_and_the_next_finding_comes(tmp_path: Path) -> None:
    case = branch_office(tmp_path / "c.oddport", 20)
    async with desk_of(case) as desk:
        await desk.press("v", "b")
        await desk.type("scanner")
        await desk.press("enter")
        assert desk.table.cursor == 1
        assert desk.listed()[0].endswith("✓")
        assert desk.said("context").endswith("1 of 10 reviewed")
        with CaseReader.open(case) as reader:
            kept = reader.verdict("uid-0000")
        assert kept is not None
        assert (kept.verdict, kept.note) == ("benign", "scanner")
        await desk.press("k", "u")
        assert desk.said("context").endswith("0 of 10 reviewed")
        await desk.press("u")
        assert desk.said("context").startswith("There is nothing to undo")


async def test_esc_leaves_the_verdict_as_it_was_and_a_note_needs_a_verdict(tmp_path: Path) -> None:
    case = branch_office(tmp_path / "c.oddport", 20)
    async with desk_of(case) as desk:
        await desk.press("v", "c", "escape")
        assert desk.said("context").endswith("0 of 10 reviewed")
        await desk.press("i")
        await desk.type("why")
        await desk.press("enter")
        assert "A note is kept with a verdict" in desk.said("foot")
        await desk.press("right", "right", "enter")
        assert desk.said("context").endswith("1 of 10 reviewed")
        assert desk.table.rows.row(0).verdict == "suspicious"


async def test_ctrl_o_saves_and_stays(tmp_path: Path) -> None:
    async with desk_of(branch_office(tmp_path / "c.oddport", 20)) as desk:
        await desk.press("v", "s", "ctrl+o")
        assert desk.table.cursor == 0
        assert desk.listed()[0].endswith("?")


async def test_n_goes_to_the_next_finding_that_is_not_reviewed(tmp_path: Path) -> None:
    case = branch_office(tmp_path / "c.oddport", 20)
    with CaseReader.open(case) as reader:
        for number in (1, 2):
            reader.set_verdict(f"uid-{number:04d}", "benign")
    async with desk_of(case) as desk:
        await desk.press("n")
        assert desk.table.cursor == 3
        await desk.press("N")
        assert desk.table.cursor == 0


async def test_when_all_is_reviewed_n_says_so(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()], [Found()])
    with CaseReader.open(case) as reader:
        reader.set_verdict("uid-0000", "confirmed", "known")
    async with desk_of(case) as desk:
        await desk.press("n")
        assert desk.said("context") == "All findings of this list are reviewed."


async def test_a_finding_without_a_flow_says_why_it_does_not_open(tmp_path: Path) -> None:
    found = finding_of(Found("First fragment missing", train=1), Flow(), 1)
    case = make_case(tmp_path / "c.oddport", [Flow()])
    writer = CaseWriter.resume(case)
    found.flow = 0
    writer.put_findings([found])
    writer.close()
    async with desk_of(case) as desk:
        await desk.press("enter")
        assert "belong to no flow" in desk.said("context")


async def test_a_wide_screen_shows_the_claim_and_the_bytes_under_the_list(office: Path) -> None:
    async with desk_of(office, size=(160, 45)) as desk:
        left, right = desk.said("left"), desk.said("right")
        for text in ("Shell on 443/tcp", "10.20.0.14:50000 → 203.0.113.80:443", "TLS ClientHello",
        "not HTTP: byte 0 is 0x16",
                     "both directions parse (tier A)", "+15", "100  critical", "T1571", "T1573.002"):  # fmt: skip
            assert text in left
        assert "Packet 1" in right
        assert "0030  01 f6 00 00 00 00 16 03" in right
        assert "12" not in desk.said("strip") or not desk.app.screen.query_one("#strip").display


async def test_bytes_of_a_capture_that_is_gone_come_from_the_evidence(tmp_path: Path) -> None:
    case = branch_office(tmp_path / "c.oddport", 20)
    (tmp_path / "branch-office.pcapng").unlink()
    async with desk_of(case, size=(160, 45)) as desk:
        assert "11 bytes of the evidence" in desk.said("right")
        assert "16 03 01 02 00 01 00 01" in desk.said("right")
        await desk.press("2")
        assert "branch-office.pcapngcannotberead" in "".join(desk.said("right").split())


# nothing to list ----------------------------------------------------------------------------------------------------


async def test_a_clean_case_says_what_was_judged_and_what_was_not(tmp_path: Path) -> None:
    flows = [Flow(dport=443, verdict=1)] * 3 + [
        Flow(dport=8443, verdict=2),
        Flow(dport=443, app=None, verdict=4, tier=0, notes=2),
    ]
    case = make_case(
        tmp_path / "c.oddport", flows, warnings=["14 packets of link type 147, which oddport does not know"]
    )
    async with desk_of(case) as desk:
        text = desk.said("empty")
        assert "Nothing odd found" in text
        assert "5 flows judged." in text
        rows = [" ".join(row.split()) for row in text.splitlines()]
        assert "= 3 fits its port" in rows
        assert "≈ 1 in wide use there tls on 8443" in rows
        assert "? 1 not recognised 1 one direction only" in rows
        assert "Not looked at 14 packets of link type 147, which oddport does not know" in rows
        await desk.press("2")
        assert isinstance(desk.app.screen, FlowsScreen)
        assert len(desk.listed()) == 5


async def test_a_case_that_was_not_read_to_its_end_is_not_called_clean(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow(verdict=1)], state="stopped")
    async with desk_of(case) as desk:
        assert "was not read to its end" in desk.said("empty")
        assert "stopped at 157 of 412 MB" in desk.said("notices")


async def test_a_capture_without_ip_says_so(tmp_path: Path) -> None:
    async with desk_of(make_case(tmp_path / "c.oddport", [])) as desk:
        await desk.press("2")
        assert "1 packet read; none of them was IP" in desk.said("empty")
        assert "filter" not in desk.said("keys")


# flows --------------------------------------------------------------------------------------------------------------


async def test_flows_show_port_sign_and_app_side_by_side(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("2")
        rows = desk.listed()
        assert "443 ≠ shell" in " ".join(rows[0].split())
        assert "443 = quic" in " ".join(rows[10].split())
        assert "443 ? unknown" in " ".join(rows[11].split())
        assert "10 of 200 flows speak what does not fit their port" in desk.said("context")
        assert desk.said("strip").splitlines()[0].startswith("443 ≠ shell   expected http")


async def test_a_port_of_the_originator_is_marked(tmp_path: Path) -> None:
    flow = Flow("10.0.0.53", 53, "10.20.7.41", 33090, "dns", 1, proto=17, server_port=53, server=2)
    async with desk_of(make_case(tmp_path / "c.oddport", [flow])) as desk:
        await desk.press("2")
        assert "←53 = dns" in " ".join(desk.listed()[0].split())


async def test_protocols_without_ports_show_their_name(tmp_path: Path) -> None:
    flow = Flow(proto=1, app=None, verdict=0, tier=0, sport=0, dport=0)
    async with desk_of(make_case(tmp_path / "c.oddport", [flow])) as desk:
        await desk.press("2")
        assert " ".join(desk.listed()[0].split()).split("–")[1].split()[0] == "icmp"


async def test_n_goes_through_the_flows_that_have_a_finding(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("2", "G", "n")
        assert desk.table.cursor == 0
        await desk.press("n")
        assert desk.table.cursor == 1
        await desk.press("N", "N")
        assert desk.table.cursor == 9


async def test_sorting_keeps_the_row_under_the_cursor(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("2", "j", "j")
        assert desk.table.current.id == 3
        await desk.press("s")
        assert desk.table.sort[0] == "from"
        assert desk.table.current.id == 3
        first = desk.table.rows.row(0).src
        await desk.press("S")
        assert desk.table.current.id == 3
        assert desk.table.rows.row(0).src != first


async def test_o_shows_the_odd_ones_only_and_again_all(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("2", "o")
        assert len(desk.table.rows) == 10
        await desk.press("o")
        assert len(desk.table.rows) == 200


async def test_an_address_that_the_list_had_to_cut_is_whole_in_the_strip(tmp_path: Path) -> None:
    dst = "2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa"
    flow = Flow("2001:db8:1111:2222:3333:4444:5555:6666", 1, dst, 443, verdict=1)
    async with desk_of(make_case(tmp_path / "c.oddport", [flow])) as desk:
        await desk.press("2")
        assert dst not in desk.listed()[0]
        assert dst in desk.said("strip")


async def test_a_wide_screen_shows_the_facts_and_the_first_bytes_of_a_flow(office: Path) -> None:
    async with desk_of(office, size=(160, 45)) as desk:
        await desk.press("2")
        left, right = desk.said("left"), desk.said("right")
        assert "shell, tier A: both directions parse" in left
        assert "the responder, by SYN" in left
        assert "24 packets" in left
        assert "First bytes   → originator" in right
        assert "0000  16 03 01 02 00 01 00 01  fc 03 03 00 01 02 03 04" in right


# filter -------------------------------------------------------------------------------------------------------------


async def test_a_filter_leaves_what_it_names_and_esc_clears_it(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("2", "slash")
        await desk.type("app == quic")
        assert "✓ 1 row" in desk.said("status")
        await desk.press("enter")
        assert len(desk.table.rows) == 1
        assert "1 of 200" in desk.said("context")
        assert "app == quic" in desk.said("context")
        await desk.press("escape")
        assert len(desk.table.rows) == 200


async def test_an_error_in_a_filter_says_where_and_keeps_the_old_list(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("slash")
        await desk.type("app =! tls")
        assert "▲ column 5" in desk.said("status")
        assert "is not an operator" in desk.said("wrong")
        await desk.press("enter")
        assert desk.app.screen.has_class("-filtering")
        await desk.press("tab")
        assert desk.app.focused.value == "app != tls"  # type: ignore[union-attr]
        await desk.press("escape")
        assert not desk.app.screen.has_class("-filtering")
        assert len(desk.table.rows) == 10
        assert isinstance(desk.app.focused, VirtualTable)


async def test_filters_used_before_come_back_with_the_arrows(office: Path) -> None:
    async with desk_of(office) as desk:
        for text in ("app == tls", "app == ssh"):
            await desk.press("slash", "ctrl+u")
            await desk.type(text)
            await desk.press("enter")
        await desk.press("slash", "ctrl+u", "up", "up")
        assert desk.app.focused.value == "app == tls"  # type: ignore[union-attr]
        await desk.press("down")
        assert desk.app.focused.value == "app == ssh"  # type: ignore[union-attr]


async def test_a_filter_that_leaves_nothing_says_how_to_get_out(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("slash")
        await desk.type("app == gopher")
        await desk.press("enter")
        assert "No finding matches." in desk.said("empty")
        assert "10 without it." in desk.said("empty")
        await desk.press("slash", "ctrl+u", "enter")
        assert len(desk.table.rows) == 10


# ATT&CK -------------------------------------------------------------------------------------------------------------


async def test_techniques_unfold_to_findings_and_flows(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("5")
        assert "10 of 10 findings map to 2 techniques" in desk.said("context")
        assert desk.said("context").endswith("Command and Control  10")
        rows = desk.listed()
        assert rows[0].split()[:4] == ["▌▾", "T1571", "Non-Standard", "Port"]
        assert "direct" in rows[1]
        await desk.press("j", "space")
        assert "flow 1  10.20.0.14:50000 → 203.0.113.80:443" in desk.listed()[2]
        assert desk.said("strip").startswith("direct  MITRE's own example")
        await desk.press("j", "enter")
        assert isinstance(desk.app.screen, FlowScreen)
        await desk.press("escape", "k", "k", "space")
        assert len(desk.table.rows) == 2
        await desk.press("enter")
        assert len(desk.table.rows) > 2


async def test_a_technique_can_be_read_in_full_with_mitres_line(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("5", "r")
        assert isinstance(desk.app.screen, TechniqueScreen)
        text = " ".join(desk.said("text").split())
        for words in ("DS0029", "DC0078", "DET0227", "attack.mitre.org/techniques/T1571", "The MITRE Corporation"):
            assert words in text
        await desk.press("escape")
        assert isinstance(desk.app.screen, AttackScreen)


async def test_arrows_go_from_tactic_to_tactic(tmp_path: Path) -> None:
    mappings = (("T1571", "direct", "a"), ("T1021.004", "related", "b"))
    async with desk_of(make_case(tmp_path / "c.oddport", [Flow()], [Found(mappings=mappings)])) as desk:
        await desk.press("5")
        assert "Lateral Movement" in desk.said("context") or "Command and Control" in desk.said("context")
        before = desk.said("context")
        await desk.press("right")
        assert desk.said("context") != before
        await desk.press("left")
        assert desk.said("context") == before


async def test_no_mapping_is_not_the_same_as_no_finding(tmp_path: Path) -> None:
    async with desk_of(make_case(tmp_path / "c.oddport", [Flow()], [Found(mappings=())])) as desk:
        await desk.press("5")
        assert desk.said("nothing").strip() == "No finding maps to ATT&CK. That is not the same as no findings: 1."


async def test_many_findings_of_a_technique_are_listed_by_a_filter(tmp_path: Path) -> None:
    flows = [Flow(sport=1000 + n) for n in range(230)]
    found = [Found(f"TLS on {8000 + n}/tcp", flow=n + 1) for n in range(230)]
    async with desk_of(make_case(tmp_path / "c.oddport", flows, found)) as desk:
        await desk.press("5")
        desk.table.move_to_index(201)
        await desk.settle()
        assert "30 more" in desk.listed()[-2] or "30 more" in "".join(desk.listed())
        await desk.press("enter")
        assert isinstance(desk.app.screen, FindingsScreen)
        assert desk.app.screen.filter_text == "finding == T1571"
        assert len(desk.table.rows) == 230


# help, ways, sizes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["question_mark", "escape", "q"])
async def test_help_shows_the_keys_of_the_screen_and_any_way_out_closes_it(office: Path, key: str) -> None:
    async with desk_of(office) as desk:
        await desk.press("question_mark")
        assert isinstance(desk.app.screen, Help)
        text = desk.said("text")
        for words in ("Findings", "ctrl-d ctrl-u", "half a page", "verdict", "filter", "does not fit", "critical 85+"):
            assert words in text
        await desk.press(key)
        assert isinstance(desk.app.screen, FindingsScreen)


async def test_every_binding_of_a_screen_is_in_its_help(office: Path) -> None:
    async with desk_of(office, size=(160, 60)) as desk:
        for key in ("1", "2", "5"):
            await desk.press(key)
            ours = {each.binding.tooltip for each in desk.app.screen.active_bindings.values() if each.binding.id}
            await desk.press("question_mark")
            text = desk.said("text")
            assert {words for words in ours if words and words not in text} == set()
            await desk.press("escape")


async def test_q_goes_back_to_the_screen_before_and_quits_on_the_first(office: Path) -> None:
    async with desk_of(office) as desk:
        assert desk.said("keys").endswith("q quit")
        await desk.press("2")
        assert desk.said("keys").endswith("q back")
        await desk.press("q")
        assert isinstance(desk.app.screen, FindingsScreen)
        await desk.press("escape")
        assert desk.app.is_running
        await desk.press("q")
        assert desk.app.return_value == 0


async def test_the_way_back_never_leads_round_in_circles(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("2", "5", "2", "5", "1", "2", "1")
        assert desk.said("keys").endswith("q quit")


async def test_its_own_number_goes_back_to_the_list(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("enter", "1")
        assert isinstance(desk.app.screen, FindingsScreen)


async def test_the_last_two_hints_are_never_dropped(office: Path) -> None:
    async with desk_of(office, size=(60, 20)) as desk:
        await desk.press("2")
        assert desk.said("keys").split("  ")[-2:] == ["? help", "q back"]
        assert len(desk.said("keys")) <= 58


async def test_a_screen_that_is_too_small_says_what_it_needs_and_loses_nothing(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("j", "j")
        await desk.pilot.resize_terminal(52, 18)
        await desk.settle()
        assert "oddport needs 60 columns and 20 rows; here are 52 and 18." in " ".join(desk.picture().split())
        await desk.press("j")
        await desk.pilot.resize_terminal(80, 24)
        await desk.settle()
        assert desk.table.cursor == 3


@pytest.mark.parametrize(
    "size", [(1, 1), (10, 3), (40, 10), (60, 20), (79, 24), (119, 29), (120, 30), (200, 50), (300, 90)]
)
async def test_no_size_of_the_terminal_is_too_odd(office: Path, size: tuple[int, int]) -> None:
    async with desk_of(office, size=size) as desk:
        for key in (
            "j",
            "2",
            "slash",
            "a",
            "escape",
            "5",
            "space",
            "question_mark",
            "escape",
            "1",
            "v",
            "escape",
            "enter",
            "escape",
        ):
            await desk.press(key)
        await desk.pilot.resize_terminal(80, 24)
        await desk.settle()
        assert len(desk.listed()) == 10


async def test_panes_come_and_go_with_the_size(office: Path) -> None:
    async with desk_of(office) as desk:
        assert not desk.app.screen.query_one("#panes").display
        await desk.pilot.resize_terminal(120, 30)
        await desk.settle()
        assert desk.app.screen.query_one("#panes").display
        assert not desk.app.screen.query_one("#strip").display
        assert "Shell on 443/tcp" in desk.said("left")


# hostile text, colours ----------------------------------------------------------------------------------------------

HOSTILE = "\x1b]0;owned\x07\x1b[2J[bold red]x[/]\u202e\u200b\r\n\t例"


async def test_nothing_from_the_wire_steers_the_terminal_or_is_read_as_markup(tmp_path: Path) -> None:
    flow = Flow(facts={"sni": HOSTILE, HOSTILE: HOSTILE, "list": [HOSTILE]})
    found = Found(HOSTILE, says=HOSTILE, why=HOSTILE, expected=HOSTILE, rejected=(HOSTILE,), lowered=(HOSTILE,),
                  mappings=(("T1571", "direct", HOSTILE), ("T9999", "odd", HOSTILE)))  # fmt: skip
    case = make_case(
        tmp_path / "c.oddport", [flow], [found], warnings=[HOSTILE], errors=[("d", HOSTILE, HOSTILE, HOSTILE)],
        name="a\x1b[31mb[red].pcap",
    )  # fmt: skip
    async with desk_of(case, size=(160, 45), title=HOSTILE) as desk:
        for keys in (
            (),
            ("2",),
            ("5",),
            ("j", "space"),
            ("r",),
            ("escape", "1", "v"),
            ("escape", "D"),
            ("escape", "enter"),
        ):
            await desk.press(*keys)
            picture = desk.picture()
            assert all(char.isprintable() or char == "\n" for char in picture)
        await desk.press("escape")
        assert "[bold red]x[/]" in desk.picture()


async def test_ascii_paints_nothing_else(office: Path) -> None:
    async with desk_of(office, size=(160, 45), ascii=True) as desk:
        for key in ("j", "2", "5", "question_mark"):
            await desk.press(key)
            assert desk.picture().isascii()


@pytest.mark.parametrize(
    "environ",
    [{"TERM": "screen-256color", "LC_ALL": "C.UTF-8"}, {"TERM": "screen", "LC_ALL": "C.UTF-8"}, {"TERM": "linux"},
     {"TERM": "xterm-256color", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"},
     {"TERM": "xterm-256color", "COLORTERM": "truecolor", "ODDPORT_THEME": "light"}],
)  # fmt: skip
async def test_every_kind_of_terminal_gets_every_screen(office: Path, environ: dict[str, str]) -> None:
    async with desk_of(office, environ=environ) as desk:
        for key in ("2", "5", "question_mark", "escape", "1", "v"):
            await desk.press(key)
        assert "Shell on 443/tcp" in desk.picture()


async def test_t_goes_through_the_themes(office: Path) -> None:
    async with desk_of(office) as desk:
        names = []
        for _ in range(4):
            await desk.press("T")
            names.append(desk.app.look.palette.name)
        assert names == ["light", "contrast", "ansi", "dark"]


async def test_a_theme_that_does_not_exist_is_named(office: Path) -> None:
    async with desk_of(office, environ=ENVIRON | {"ODDPORT_THEME": "solarized"}) as desk:
        assert "ODDPORT_THEME names no theme: solarized." in desk.said("notices")


# loading ------------------------------------------------------------------------------------------------------------

LOADER = """
import json, sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from oddport.case.writer import CaseWriter
from tests.tui.cases import File, Flow, Found, Port, finding_of, put_flows
case = Path(sys.argv[sys.argv.index("--case") + 1])
gate = case.with_suffix(".gate")
def say(state, read, flows, findings):
    print(json.dumps(dict(state=state, bytes=read, total=412_000_000, packets=9, flows=flows, findings=findings,
                          seconds=4.13)), flush=True)
def wait(step):
    while not gate.exists() or gate.read_text() < step:
        time.sleep(0.01)
writer = CaseWriter.resume(case) if case.exists() else CaseWriter.create(case)
writer.begin_load(412_000_000, replace="--replace" in sys.argv)
writer.put_files([File("/x/branch-office.pcapng")], [Port()])
put_flows(writer, [Flow(), Flow(sport=2, dport=53, app="ssh")])
say("loading", 157_000_000, 2, 0)
wait("1")
writer.put_findings([finding_of(Found(), Flow(), 1)])
say("loading", 200_000_000, 2, 1)
wait("2")
writer.put_findings([finding_of(Found("SSH on 53/tcp", 4, 100, flow=2), Flow(sport=2, dport=53), 2)])
say("loading", 300_000_000, 2, 2)
wait("3")
writer.progress(bytes_read=412_000_000, packets=9, flows=2, findings=2)
writer.finish_load("done")
say("done", 412_000_000, 2, 2)
"""


def loader(tmp_path: Path) -> tuple[list[str], Path]:
    """A loader that goes on when its gate is opened."""
    script = tmp_path / "loader.py"
    script.write_text(LOADER.format(root=str(Path(__file__).parents[2])))
    return [sys.executable, str(script)], tmp_path / "c.gate"


async def until(desk: Desk, what: Any, seconds: float = 20.0) -> None:
    for _ in range(int(seconds / 0.05)):
        await desk.settle()
        if what():
            return
        await desk.pilot.pause(0.05)
    raise AssertionError(f"it did not come to that; the screen says:\n{desk.picture()}")


async def test_rows_appear_while_the_load_runs_and_are_sorted_at_its_end(tmp_path: Path) -> None:
    command, gate = loader(tmp_path)
    async with desk_of(tmp_path / "c.oddport", ["x.pcap"], command=command) as desk:
        await until(desk, lambda: "157 of 412 MB" in desk.said("context"))
        assert "None so far. 2 flows judged." in desk.said("empty")
        assert "x stop" in desk.said("keys")
        gate.write_text("1")
        await until(desk, lambda: len(desk.table.rows) == 1)
        assert "2 flows and 1 finding so far" in desk.said("strip")
        gate.write_text("2")
        await until(desk, lambda: len(desk.table.rows) == 2)
        assert [desk.table.rows.row(n).severity for n in range(2)] == [3, 4]
        gate.write_text("3")
        await until(desk, lambda: desk.said("context").endswith("0 of 2 reviewed"))
        await until(desk, lambda: [desk.table.rows.row(n).severity for n in range(2)] == [4, 3])


async def test_rows_do_not_move_under_a_cursor_that_was_moved(tmp_path: Path) -> None:
    command, gate = loader(tmp_path)
    async with desk_of(tmp_path / "c.oddport", ["x.pcap"], command=command) as desk:
        gate.write_text("1")
        await until(desk, lambda: len(desk.table.rows) == 1)
        await desk.press("j")
        gate.write_text("3")
        await until(desk, lambda: "1 new at the end" in desk.said("context"))
        assert desk.table.current.title == "TLS on 8088/tcp"
        await desk.press("full_stop")
        assert [desk.table.rows.row(n).severity for n in range(2)] == [4, 3]
        assert desk.table.current.title == "TLS on 8088/tcp"
        assert "sorts them in" not in desk.said("context")


async def test_x_stops_the_load_and_keeps_what_was_read(tmp_path: Path) -> None:
    command, _ = loader(tmp_path)
    async with desk_of(tmp_path / "c.oddport", ["x.pcap"], command=command) as desk:
        await until(desk, lambda: "157 of 412 MB" in desk.said("context"))
        await desk.press("x")
        await until(desk, lambda: "Stopped at 157 of 412 MB. What was read is kept." in desk.said("context"))
        await desk.press("2")
        assert len(desk.table.rows) == 2
        assert desk.app.load is not None
        assert not desk.app.load.running


async def test_q_asks_before_it_stops_a_load(tmp_path: Path) -> None:
    command, _ = loader(tmp_path)
    async with desk_of(tmp_path / "c.oddport", ["x.pcap"], command=command) as desk:
        await until(desk, lambda: "157 of 412 MB" in desk.said("context"))
        await desk.press("q")
        assert "Quitting stops it." in desk.picture()
        await desk.press("n")
        assert desk.app.is_running
        await desk.press("q", "y")
        assert desk.app.return_value == 0


async def test_a_load_that_was_interrupted_says_how_far_it_got_and_l_completes_it(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()], state="loading")
    with sqlite3.connect(case) as db:  # its process is gone
        db.execute("UPDATE load SET pid = 0, process_start = ''")
    command, gate = loader(tmp_path)
    gate.write_text("3")
    async with desk_of(case, command=command) as desk:
        assert "The load was interrupted at 157 of 412 MB." in desk.said("notices")
        await desk.press("L")
        await until(desk, lambda: desk.app.summary is not None and desk.app.summary.load_state == "done")
        await until(desk, lambda: len(desk.table.rows) == 2)
        assert desk.said("notices") == ""


async def test_a_loader_that_fails_is_a_line_and_a_page(tmp_path: Path) -> None:
    command = [sys.executable, "-c", 'print(\'{"state": "failed", "message": "No such capture: x.pcap."}\')']
    async with desk_of(tmp_path / "c.oddport", ["x.pcap"], command=command) as desk:
        await until(desk, lambda: "No such capture: x.pcap." in desk.said("notices"))
        await desk.press("D")
        assert isinstance(desk.app.screen, Problems)
        assert "Tried" in desk.said("text")
        await desk.press("escape")
        assert isinstance(desk.app.screen, FindingsScreen)


async def test_a_loader_that_cannot_be_started_is_a_sentence(tmp_path: Path) -> None:
    async with desk_of(tmp_path / "c.oddport", ["x.pcap"], command=["/no/such/program"]) as desk:
        await until(desk, lambda: "The loader could not be started" in desk.said("notices"))


async def test_a_case_that_is_loaded_already_is_not_loaded_again(office: Path) -> None:
    async with desk_of(office, ["x.pcap"], command=["/no/such/program"]) as desk:
        assert desk.app.load is None
        assert desk.said("notices") == ""


async def test_a_detector_that_stopped_is_a_line_and_its_trace_a_page(tmp_path: Path) -> None:
    case = make_case(
        tmp_path / "c.oddport", [Flow()], [Found()], errors=[("beacon", "flow 8,112", "division by zero", "Trace\n  x")]
    )
    async with desk_of(case) as desk:
        assert "beacon stopped at flow 8,112; the other detectors went on." in desk.said("notices")
        await desk.press("D")
        assert "division by zero" in desk.said("text")
        assert "Trace" in desk.said("text")


async def test_what_a_load_left_out_is_a_line_and_what_was_not_judged_a_page(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()], [Found()])
    with closing(sqlite3.connect(case)) as db, db:
        db.executemany(
            "INSERT INTO omission (source, kind, reason, count) VALUES (?, ?, ?, ?)",
            [
                ("flows", "limit", "flows were ended early to make room for others", 1_200),
                ("port-mismatch", "doubt", "the start was not seen", 31),
                ("port-mismatch", "doubt", "bytes are missing", 4),
            ],
        )
    async with desk_of(case) as desk:
        assert "1,200 flows were ended early to make room for others." in desk.said("notices")
        assert "port-mismatch" not in desk.said("notices")
        await desk.press("D")
        text = desk.said("text")
        assert "the case tells less than the capture" in text
        assert "port-mismatch did not judge 35 for want of certainty." in text
        assert [" ".join(row.split()) for row in text.splitlines() if "seen" in row] == ["31 the start was not seen"]


async def test_what_was_asked_in_the_background_is_not_told_to_a_screen_that_is_closed_by_then(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("enter")
        screen = desk.app.screen
        assert isinstance(screen, FlowScreen)
        told: list[str] = []
        screen.soon(told.append, "while it is there")
        await until(desk, lambda: told == ["while it is there"])
        screen.dismiss()
        screen.soon(told.append, "too late")
        await until(desk, lambda: desk.app.screen is not screen)
        await desk.pilot.pause(0.1)
        assert told == ["while it is there"]


async def test_a_file_that_is_no_case_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "c.oddport"
    path.write_bytes(b"this is not a case" * 100)
    async with desk_of(path) as desk:
        assert "is not a case of oddport" in desk.said("notices") or "could not be opened" in desk.said("notices")
        await desk.press("D")
        assert str(path) in "".join(desk.said("text").split())


async def test_another_process_that_writes_the_case_is_seen(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()], [Found()])
    async with desk_of(case) as desk:
        writer = CaseWriter.resume(case)
        put_flows(writer, [Flow()], first_id=2)
        writer.put_findings([finding_of(Found("DNS on 8053/udp"), Flow(), 9)])
        writer.close()
        await until(desk, lambda: len(desk.table.rows) == 2)


def test_the_dashboard_starts_without_heavy_libraries() -> None:
    import subprocess

    heavy = ("numpy", "scapy", "sqlite_utils", "lark", "oddport.protocols")
    loaded = f"[name for name in {heavy!r} if name in sys.modules]"
    script = f"import sys, json, tui.app, tui.dashboard; print(json.dumps({loaded}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


__all__ = ["File", "Port"]
