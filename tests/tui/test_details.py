"""What the lists say of one row: facts, notes, doubts, and the reasons where something is not there."""

from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING

from oddport.case.writer import CaseWriter
from tests.tui.cases import Flow, Found, finding_of, make_case
from tests.tui.test_dashboard import desk_of, loader, until
from tui.app import run, start_load
from tui.data.payload import payload_of
from tui.screens.findings import FindingsScreen
from tui.screens.flow import FlowScreen

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MANY_FACTS: dict[str, object] = {f"fact_{n:02d}": n for n in range(14)} | {"starttls": True, "alpn": ["h2", "http/1.1"]}


async def test_facts_of_a_flow_are_listed_and_the_rest_is_counted(tmp_path: Path) -> None:
    flow = Flow(facts={"alpn": ["h2", "http/1.1"], "starttls": True, **MANY_FACTS}, notes=1 | 4 | 128, state=7)
    async with desk_of(make_case(tmp_path / "c.oddport", [flow]), size=(160, 60)) as desk:
        await desk.press("2")
        rows = [" ".join(row.split()) for row in desk.said("left").splitlines()]
        assert "alpn h2, http/1.1" in rows
        assert "starttls yes" in rows
        assert "4 more facts in the flow" in rows
        assert "State RSTO, midstream, cut, repeats" in rows


async def test_two_findings_of_a_flow_are_counted_and_the_worst_is_named(tmp_path: Path) -> None:
    found = [Found("TLS on 8088/tcp", 3, 65), Found("Shell on 8088/tcp", 4, 99)]
    async with desk_of(make_case(tmp_path / "c.oddport", [Flow()], found), size=(160, 45)) as desk:
        await desk.press("2")
        rows = [" ".join(row.split()) for row in desk.said("left").splitlines()]
        assert "Finding ◆ C Shell on 8088/tcp 1 more" in rows


async def test_a_flow_without_payload_says_so_and_one_whose_packets_are_gone_too(tmp_path: Path) -> None:
    flows = [Flow(), Flow(sport=2, payload=0, app=None, tier=0, verdict=0, server=0), Flow(sport=3)]
    async with desk_of(make_case(tmp_path / "c.oddport", flows), size=(160, 45)) as desk:
        await desk.press("2", "j")
        assert "No payload." in desk.said("right")
        assert "Server     not known" in desk.said("left")
        assert "no data" in desk.listed()[1]
        await desk.press("j")
        assert "None of the first 32 packets holds payload by itself." in " ".join(desk.said("right").split())


async def test_notes_of_a_flow_stand_in_the_strip(tmp_path: Path) -> None:
    flow = Flow(notes=2, facts={"banner": "SSH-2.0-x", "zeal": "none"})
    async with desk_of(make_case(tmp_path / "c.oddport", [flow])) as desk:
        await desk.press("2")
        assert "one-sided" in desk.said("strip")
        assert "SSH-2.0-x" in desk.said("strip")


async def test_facts_that_say_nothing_by_themselves_are_named_in_the_strip(tmp_path: Path) -> None:
    async with desk_of(make_case(tmp_path / "c.oddport", [Flow(facts={"stratum": 2})])) as desk:
        await desk.press("2")
        assert "stratum 2" in desk.said("strip")


async def test_a_flow_says_what_its_recogniser_said_of_it(tmp_path: Path) -> None:
    async with desk_of(
        make_case(tmp_path / "c.oddport", [Flow(facts={"host": "pkg.example", "method": "GET", "uri": "/pool/"})]),
        size=(160, 45),
    ) as desk:
        await desk.press("2")
        assert "pkg.example  GET  /pool/" in desk.listed()[0]
        assert "Says       pkg.example GET /pool/" in desk.said("left")


async def test_enter_opens_a_flow_from_the_list_of_flows(tmp_path: Path) -> None:
    async with desk_of(make_case(tmp_path / "c.oddport", [Flow(verdict=2, dport=8443)])) as desk:
        await desk.press("2", "enter")
        assert isinstance(desk.app.screen, FlowScreen)
        assert desk.said("top").startswith("‹ Flows › Flow 1")


async def test_without_findings_n_says_that_there_is_none(tmp_path: Path) -> None:
    async with desk_of(make_case(tmp_path / "c.oddport", [Flow(verdict=1)])) as desk:
        await desk.press("2", "n")
        assert desk.said("context") == "No flow of this list has a finding."


async def test_a_lowered_finding_says_why_and_a_note_is_shown(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()], [Found(lowered=("answered with 301 and closed",), count=6)])
    async with desk_of(case, size=(160, 60)) as desk:
        await desk.press("v", "s")
        await desk.type("asked")
        await desk.press("ctrl+o")
        left = " ".join(desk.said("left").split())
        assert "Lowered answered with 301 and closed" in left
        assert "Like it 5 more" in left
        assert "Note asked" in left


async def test_many_evidences_are_counted_and_none_is_replaced_by_the_summary(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()])
    several, none = finding_of(Found(), Flow(), 1), finding_of(Found("Beacon on 8443/tcp", 1, 30), Flow(), 2)
    several.evidence = several.evidence * 5
    none.evidence, none.mappings = (), ()
    writer = CaseWriter.resume(case)
    writer.put_findings([several, none])
    writer.close()
    async with desk_of(case, size=(160, 45)) as desk:
        assert "2 more" in desk.said("left")
        await desk.press("j")
        assert "Seen       TLS ClientHello where http was expected." in desk.said("left")
        assert desk.said("right") == ""
        await desk.pilot.resize_terminal(80, 24)
        await desk.settle()
        assert desk.said("strip").startswith("Seen       TLS ClientHello where")


async def test_evidence_of_reassembled_bytes_is_named_a_datagram(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()], [Found(train=3)])
    async with desk_of(case, size=(160, 45)) as desk:
        assert "Datagram" in desk.said("right")
        assert "datagram  0036" in desk.said("left")


async def test_a_finding_without_flow_leads_from_attack_to_its_place_in_the_list(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()], [Found("TLS on 8088/tcp", 4)])
    lone = finding_of(Found("First fragment missing", 1, 30, train=1), Flow(), 7)
    lone.flow = 0
    writer = CaseWriter.resume(case)
    writer.put_findings([lone])
    writer.close()
    async with desk_of(case) as desk:
        await desk.press("5", "j", "j", "enter")
        await desk.settle()
        assert isinstance(desk.app.screen, FindingsScreen)
        assert desk.table.current.title == "First fragment missing"


async def test_a_technique_of_another_version_is_shown_as_unknown(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()], [Found(mappings=(("T9999", "direct", "because"),))])
    async with desk_of(case, size=(160, 45)) as desk:
        await desk.press("5")
        assert "not in this version of ATT&CK" in desk.listed()[0]
        assert "has no technique 'T9999'" in " ".join(desk.said("about").split())
        await desk.press("right", "left")


async def test_a_sub_technique_names_what_it_is_part_of(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()], [Found(mappings=(("T1021.004", "related", "SSH"),))])
    async with desk_of(case, size=(160, 45)) as desk:
        await desk.press("5")
        assert "Part of T1021 Remote Services" in " ".join(desk.said("about").split())


async def test_who_used_a_port_is_said_beside_its_finding(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow(dport=443)], [Found("Shell on 443/tcp")])
    async with desk_of(case, size=(160, 50)) as desk:
        await desk.press("5", "j")
        about = " ".join(desk.said("about").split())
        assert "on 443/tcp: " in about
        assert "none recorded" not in about


async def test_flows_say_how_far_a_load_is_and_the_filter_stays_in_sight(tmp_path: Path) -> None:
    command, gate = loader(tmp_path)
    async with desk_of(tmp_path / "c.oddport", ["x.pcap"], command=command) as desk:
        await desk.press("2")
        await until(desk, lambda: "2 flows and 0 findings so far" in desk.said("strip"))
        gate.write_text("1")
        await until(desk, lambda: "1 finding so far:  ◆ C 0  ▲ H 1" in desk.said("strip"))
        await desk.press("slash")
        await desk.type("app == ssh")
        await desk.press("enter")
        await until(desk, lambda: "app == ssh" in desk.said("context"))
        assert "48 % read  x cancel" in desk.said("context")
        assert len(desk.table.rows) == 1
        gate.write_text("3")
        await until(desk, lambda: "1 of 2" in desk.said("context"))


async def test_wide_screens_say_that_a_load_runs(tmp_path: Path) -> None:
    command, gate = loader(tmp_path)
    async with desk_of(tmp_path / "c.oddport", ["x.pcap"], command=command, size=(160, 45)) as desk:
        await until(desk, lambda: desk.said("top").endswith("branch-office.pcapng  loading "))
        await desk.press("2")
        await until(desk, lambda: len(desk.table.rows) == 2)
        assert "The first bytes are not in the case yet." in desk.said("right")
        gate.write_text("3")
        await until(desk, lambda: desk.said("top").endswith("packets  UTC "))


async def test_a_case_that_turns_unreadable_is_said_so_and_the_screen_lives_on(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()], [Found()])
    async with desk_of(case) as desk:
        with sqlite3.connect(case) as db:
            db.execute("DROP TABLE verdict")
        db.close()
        desk.app._look_at_case(force=True, last=True)
        await desk.settle()
        assert "The case could not be read" in desk.said("notices")
        await desk.press("j", "2", "5", "space", "1", "enter", "escape")
        assert desk.app.is_running


async def test_a_case_of_several_captures_counts_them(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()], [Found()])
    with sqlite3.connect(case) as db:
        columns = "path, format, size, mtime_ns, digest"
        db.execute(f"INSERT INTO file (id, {columns}) SELECT 1, {columns} FROM file")
    db.close()
    async with desk_of(case) as desk:
        assert desk.said("context").startswith("2 captures")


async def test_typing_a_filter_before_there_is_a_case_does_nothing(tmp_path: Path) -> None:
    async with desk_of(tmp_path / "none.oddport") as desk:
        assert "There is no case yet." in desk.said("empty")
        await desk.press("slash", "s", "n", "v", "enter", "full_stop", "2", "5", "1")
        assert isinstance(desk.app.screen, FindingsScreen)


def test_the_payload_of_a_frame_is_found_by_the_engines_decoder() -> None:
    # Ethernet 14, IPv4 20, UDP 8 bytes, then "hello" and one byte of padding
    frame = (
        bytes(12)
        + b"\x08\x00"
        + bytes.fromhex("45000021000100004011000001020304050607080035003500 0d0000".replace(" ", ""))
    )
    assert payload_of(frame + b"hello\0", 1) == (42, 5)
    assert payload_of(b"", 1) == (0, 0)
    assert payload_of(b"\0" * 60, 1) == (0, 0)
    assert payload_of(frame, -1) == (0, 0)


def test_run_gives_the_exit_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def quit_at_once(app: object, mouse: bool = True, **_: object) -> int:
        seen.append(mouse)
        return 0

    monkeypatch.setattr("tui.dashboard.OddportApp.run", quit_at_once)
    monkeypatch.setenv("COLUMNS", "80")
    assert run(tmp_path / "c.oddport", None, "title", mouse=False, ascii=True) == 0
    assert seen == [False]
    assert sys.argv


async def test_a_load_by_another_process_is_watched_and_not_doubled(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow()], state="loading")
    async with desk_of(case, ["x.pcap"], command=["/no/such/program"]) as desk:
        assert "157 of 412 MB" in desk.said("context")
        assert desk.said("context").endswith("by another process")
        assert "cancel" not in desk.said("keys")
        with sqlite3.connect(case) as db:
            db.execute("UPDATE load SET state = 'done', ended_ns = started_ns")
        db.close()
        await until(desk, lambda: "Nothing odd found" in desk.said("empty") or "0 findings" in desk.said("context"))
        assert desk.app.progress is None
        await desk.press("q")
        assert desk.app.return_value == 0


def test_the_loader_is_started_unless_the_case_holds_the_captures(tmp_path: Path) -> None:
    assert start_load(make_case(tmp_path / "done.oddport", [Flow()]), ["x.pcap"]) is None
    assert start_load(make_case(tmp_path / "busy.oddport", [Flow()], state="loading"), ["x.pcap"]) is None
    broken = tmp_path / "broken.oddport"
    broken.write_bytes(b"no case" * 99)
    assert start_load(broken, ["x.pcap"]) is None
    load = start_load(tmp_path / "new.oddport", [str(tmp_path / "no-such.pcap")])
    assert load is not None
    load.wait(30)
    assert not load.running
