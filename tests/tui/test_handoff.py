"""From a list to elsewhere: what is copied and where to, what is written, and verdicts on many at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oddport.case.reader import CaseReader
from tests.tui.cases import branch_office
from tests.tui.test_dashboard import desk_of
from tui.app import start_load
from tui.dialogs.choose import ChooseDialog
from tui.screens.flows import FlowsScreen
from tui.screens.handoff import wireshark

ROOT = Path(__file__).parents[2]


def test_wireshark_takes_the_filter_of_both_ends() -> None:
    assert wireshark(("10.0.0.1", 1, "10.0.0.2", 2, "tcp")) == (
        "ip.addr == 10.0.0.1 && ip.addr == 10.0.0.2 && tcp.port == 1 && tcp.port == 2"
    )
    assert wireshark(("2001:db8::1", 0, "2001:db8::2", 0, "icmp6")) == (
        "ipv6.addr == 2001:db8::1 && ipv6.addr == 2001:db8::2"
    )


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ODDPORT_DATA", str(tmp_path / "data"))
    return branch_office(tmp_path / "case.oddport")


async def test_a_row_is_copied_to_the_terminal_and_to_a_file(office: Path, tmp_path: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("2", "y")
        assert isinstance(desk.app.screen, ChooseDialog)
        await desk.press("down", "enter")
        assert isinstance(desk.app.screen, FlowsScreen)
        assert desk.app.clipboard == desk.table.current.src
        assert (tmp_path / "data" / "clip.txt").read_text() == desk.table.current.src + "\n"
        assert desk.said("context").startswith("Copied, also in ")
        await desk.press("y", "enter")
        assert desk.app.clipboard.split("\t")[:2] == [desk.table.current.src, desk.table.current.dst]
        await desk.press("y", "escape")
        assert isinstance(desk.app.screen, FlowsScreen)


async def test_the_flows_that_a_finding_stands_for_are_listed(tmp_path: Path) -> None:
    case = tmp_path / "case.oddport"
    load = start_load(case, [str(ROOT / "demo_pcaps" / "https-on-8088.pcap")])
    assert load is not None
    load.wait()
    load.end()
    async with desk_of(case) as desk:
        count = desk.table.current.count
        assert count == 6
        await desk.press("o")
        assert isinstance(desk.app.screen, FlowsScreen)
        assert len(desk.table.rows) == count
        assert {row.server_port for row in (desk.table.rows.row(place) for place in range(count))} == {8088}


async def test_rows_of_the_filter_are_written_and_nothing_is_overwritten(office: Path, tmp_path: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("2", "o")
        odd = len(desk.table.rows)
        await desk.press("e", "down", "down", "tab", "ctrl+u", *str(tmp_path / "odd.json"), "enter")
        await desk.pilot.pause(0.3)
        rows = json.loads((tmp_path / "odd.json").read_text())
        assert len(rows) == odd
        assert {row["verdict"] for row in rows} == {"mismatch"}
        assert f"{odd} rows written to" in desk.said("context")
        await desk.press("e", "tab", "ctrl+u", *str(tmp_path / "odd.json"), "enter")
        assert isinstance(desk.app.screen, ChooseDialog)
        assert "is there already" in desk.said("why")


@pytest.mark.parametrize(
    ("downs", "name", "begins"),
    [(1, "r.html", b"<!doctype html>"),
     (2, "r.md", b"# Review of"), (0, "r.pcapng", b"\n\r\r\n"), (5, "r.csv", b"at,user"),
     (6, "r.json", b"[]\n"), (7, "r.svg", b"<svg")],
)  # fmt: skip
async def test_each_kind_of_file_is_what_it_says(
    office: Path, tmp_path: Path, downs: int, name: str, begins: bytes
) -> None:
    async with desk_of(office) as desk:
        await desk.press("e", *["down"] * downs, "tab", "ctrl+u", *str(tmp_path / name), "enter")
        for _ in range(100):
            await desk.pilot.pause(0.05)
            if (tmp_path / name).stat().st_size:
                break
        assert (tmp_path / name).read_bytes().startswith(begins)


async def test_the_name_of_the_file_follows_the_choice_until_it_is_changed(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("e")
        from tui.dialogs.path import PathInput

        box = desk.app.screen.query_one(PathInput)
        assert box.value == "case-findings.pcapng"
        await desk.press("down", "down")
        assert box.value == "case-findings.md"
        await desk.press("tab", "x", "tab", "down")
        assert box.value == "case-findings.mdx"


async def test_a_verdict_on_all_that_are_listed_is_taken_back_by_one_key(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("slash")
        await desk.type("sev == high")
        await desk.press("enter")
        listed = len(desk.table.rows)
        assert 0 < listed < 10
        await desk.press("V", "down", "down", "tab", *"known", "enter")
        reader = desk.app.store.reader
        assert reader.counts().reviewed == listed
        assert {(row.verdict, row.note) for row in reader.review_log()} == {("benign", "known")}
        await desk.press("u")
        assert reader.counts().reviewed == 0


async def test_only_this_and_without_this_join_the_filter(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("2", "equals_sign", "down", "down", "enter")
        screen = desk.app.screen
        assert isinstance(screen, FlowsScreen)
        port = desk.table.current.port
        assert screen.filter_text == f"server.port == {port}"
        before = len(desk.table.rows)
        source = desk.table.current.src
        await desk.press("exclamation_mark", "enter")
        assert screen.filter_text == f"(server.port == {port}) and not src == {source}"
        assert len(desk.table.rows) < before
        await desk.press("escape", "c")
        row = desk.table.current
        assert screen.filter_text == f"addr == {row.src} and addr == {row.dst}"


async def test_marked_rows_are_shown_listed_and_handed_on_apart(office: Path, tmp_path: Path) -> None:
    async with desk_of(office) as desk:
        first = desk.table.current.title
        await desk.press("m", "j", "j", "m", "g")
        assert [row[0] for row in desk.listed()[:4]] == ["•", " ", "•", " "]
        await desk.press("m")
        assert desk.listed()[0][0] == "▌"
        await desk.press("m", "e")
        assert "2 marked findings of this list" in desk.picture()
        await desk.press("enter", "j", "j", "j")  # CSV
        await desk.press("tab", "ctrl+u")
        await desk.type(str(tmp_path / "marked.csv"))
        await desk.press("enter")
        for _ in range(100):
            await desk.pilot.pause(0.02)
            if "written to" in desk.said("context"):
                break
        await desk.press("slash")
        await desk.type("marked")
        await desk.press("enter")
        assert len(desk.listed()) == 2
        await desk.press("M", "j", "enter")  # away with them
        await desk.press("escape", "slash")
        await desk.type("marked")
        await desk.press("enter")
        assert "No finding matches." in desk.said("empty")
    rows = (tmp_path / "marked.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 3
    assert first in rows[1]


async def test_a_verdict_on_the_marked_ones_leaves_the_others_alone(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("m", "V", "enter", "enter")
        assert "1 finding: confirmed" in desk.said("context")
    with CaseReader.open(office) as reader:
        assert len(reader.review_log()) == 1
