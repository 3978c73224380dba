"""The dashboard without a capture: what there is to open, files known by their bytes, and who may capture where."""

from __future__ import annotations

import gzip
import os
import shutil
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from oddport.capture.live.interfaces import HostInterface
from oddport.capture.live.ways import LiveError, Refusal, Way
from oddport.case.cases import describe
from tests.captures import SSH_TURNS, conversation, write_pcap
from tests.tui.cases import branch_office
from tests.tui.test_dashboard import ENVIRON, Desk
from tui.dashboard import OddportApp
from tui.data.folder import CAPTURE, CASE, OTHER, completed, look_at
from tui.data.start import day
from tui.dialogs.confirm import Confirm
from tui.screens.browse import BrowseScreen
from tui.screens.findings import FindingsScreen
from tui.screens.interfaces import InterfacesScreen
from tui.screens.start import StartScreen
from tui.widgets.sections import Sections

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SIZES = [(80, 24), (60, 20), (200, 50)]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, on a machine with one interface that tcpdump may capture and one that is down."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("ODDPORT_DATA", str(folder))
    interfaces = [
        HostInterface("eth0", ("192.0.2.7", "2001:db8::7"), True, False), HostInterface("eth1", (), False, False),
        HostInterface("eth2", ("192.0.2.9",), True, False),
    ]  # fmt: skip
    monkeypatch.setattr("oddport.capture.live.interfaces.host_interfaces", lambda: interfaces)
    monkeypatch.setattr("tui.data.interfaces.host_interfaces", lambda: interfaces)
    monkeypatch.setattr("oddport.capture.live.ways.local_ways", ways)
    monkeypatch.setattr("tui.data.interfaces.local_ways", ways)
    return folder


def ways(name: str) -> tuple[Way | None, list[Refusal]]:
    if name == "eth0":
        return Way("tcpdump", name, ("tcpdump",), "as you", True), []
    return None, [
        Refusal("tcpdump", "You may not.", "sudo setcap x tcpdump"), Refusal("dumpcap", "Not there.", "sudo apt y"),
    ]  # fmt: skip


@asynccontextmanager
async def desk_at_start(size: tuple[int, int] = (80, 24)) -> AsyncIterator[Desk]:
    app = OddportApp(environ=ENVIRON)
    async with app.run_test(size=size) as pilot:
        desk = Desk(app, pilot)
        await until(desk, "detectors")
        yield desk


async def until(desk: Desk, text: str) -> None:
    for _ in range(500):
        await desk.pilot.pause(0.02)
        if text in desk.picture():
            return
    raise AssertionError(f"{text!r} did not appear:\n{desk.picture()}")


def under(desk: Desk) -> str:
    row = desk.app.screen.query_one(Sections).current
    return "" if row is None else row.key


# start --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_without_cases_a_demo_is_under_the_cursor_and_opens(data: Path, size: tuple[int, int]) -> None:
    async with desk_at_start(size) as desk:
        assert isinstance(desk.app.screen, StartScreen)
        assert "No cases yet." in desk.picture()
        assert under(desk) == "demo branch-office"
        assert "Four minutes at a branch" in desk.picture()
        assert "eth0 by tcpdump, as you" in desk.picture() or size[0] == 60
        await desk.press("j", "enter")
        await until(desk, "TLS on 8088/tcp")
        assert isinstance(desk.app.screen, FindingsScreen)
        await desk.press("q")
        assert isinstance(desk.app.screen, StartScreen)
        await until(desk, "https-on-8088.pcap is open")


@pytest.mark.parametrize("size", SIZES)
async def test_recent_cases_stand_with_what_was_found_in_them(data: Path, size: tuple[int, int]) -> None:
    branch_office(data / "office.oddport")
    (data / "broken.oddport").write_bytes(b"no case at all, but called like one")
    os.utime(data / "broken.oddport", (1, 1))
    async with desk_at_start(size) as desk:
        assert under(desk) == f"case {data / 'office.oddport'}"
        row = next(row for row in desk.picture().splitlines() if row.startswith("▌"))
        assert "branch-office.pcapng" in row
        assert "◆ 2" in row
        assert "today" in row
        assert ("0 of 10" in row) == (size[0] >= 80)
        title = "Shell on 443/t"
        assert "200 flows" in desk.said("strip")
        await desk.press("j")
        assert "damaged" in next(row for row in desk.picture().splitlines() if row.startswith("▌"))
        told = desk.said("strip")
        assert "oddport" in told
        await desk.press("enter")
        assert desk.said("strip") == told
        assert isinstance(desk.app.screen, StartScreen)
        await desk.press("k", "enter")
        await until(desk, title)


async def test_a_case_of_an_older_oddport_says_so_and_is_opened_all_the_same(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = describe(branch_office(data / "office.oddport"))
    older = replace(case, state="older", problem="It was made by an older oddport. Open it once.")
    monkeypatch.setattr("tui.screens.start.recent_cases", lambda: ([older], ""))
    async with desk_at_start() as desk:
        assert "made by an older oddport" in desk.picture()
        assert "Open it once." in desk.said("strip")
        await desk.press("enter")
        await until(desk, "Shell on 443/tcp")


async def test_many_cases_are_not_cut_without_a_word(data: Path) -> None:
    for number in range(9):
        branch_office(data / f"c{number}.oddport")
    async with desk_at_start() as desk:
        assert "4 more" in desk.picture()
        await desk.press(*"jjjjj")
        assert under(desk) == "more"
        await desk.press("enter")
        assert "more" not in desk.picture()
        keys = [row.key for row in desk.app.screen.query_one(Sections).rows]
        assert sum(key.startswith("case ") for key in keys) == 9


async def test_another_case_takes_the_place_of_the_one_that_is_open(data: Path) -> None:
    branch_office(data / "office.oddport")
    async with desk_at_start() as desk:
        await desk.press("2")
        assert isinstance(desk.app.screen, StartScreen)  # no case is open: its screens are nowhere
        await desk.press("enter")
        await until(desk, "Shell on 443/tcp")
        await desk.press("2", "6")
        await desk.press("O")
        assert isinstance(desk.app.screen, StartScreen)
        await desk.press("1")
        await until(desk, "Shell on 443/tcp")
        await desk.press("O")
        await until(desk, "Demo captures")
        while under(desk) != "demo ssh-on-53":
            await desk.press("j")
        await desk.press("enter")
        await until(desk, "SSH on 53/tcp")
        await desk.press("2")
        await until(desk, "1 of 1 flow")
        assert desk.app.store.path != data / "office.oddport"


async def test_a_case_is_forgotten_only_if_that_was_meant_and_it_is_not_open(data: Path) -> None:
    case = branch_office(data / "office.oddport")
    async with desk_at_start() as desk:
        await desk.press("x")
        assert isinstance(desk.app.screen, Confirm)
        await desk.press("n")
        assert case.exists()
        await desk.press("enter")
        await until(desk, "Shell on 443/tcp")
        await desk.press("q", "x")
        assert "is open" in desk.said("context")
        assert case.exists()
    async with desk_at_start() as desk:
        await desk.press("x", "y")
        await until(desk, "No cases yet.")
        assert not case.exists()


async def test_a_data_folder_that_cannot_be_made_is_said_and_demos_are_there(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ODDPORT_DATA", str(tmp_path / "file" / "below"))
    async with desk_at_start() as desk:
        assert "could not be made" in desk.picture()
        assert "branch-office" in desk.picture()
        while not under(desk).startswith("demo"):
            await desk.press("j")
        await desk.press("enter")
        await until(desk, "could not be made")
        assert isinstance(desk.app.screen, StartScreen)


def test_days_are_short_and_tell_the_year_where_it_is_another() -> None:
    now = 1_773_741_137  # 17 March 2026
    assert (day(now - 3600, now), day(now - 86_400, now), day(now - 400 * 86_400, now)) == (
        "today",
        "16 Mar",
        "Feb 2025",
    )


# files --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files whose names do not tell what they are."""
    place = tmp_path / "files"
    (place / "below").mkdir(parents=True)
    write_pcap(place / "b-capture.txt", conversation(SSH_TURNS))
    (place / "c-packed").write_bytes(gzip.compress((place / "b-capture.txt").read_bytes()))
    (place / "d-notes.pcap").write_text("# notes")
    (place / "e-empty.pcap").touch()
    shutil.copy(place / "b-capture.txt", place / ".hidden")
    branch_office(place / "f-case")
    monkeypatch.chdir(place)
    return place


def test_files_are_known_by_their_first_bytes(folder: Path) -> None:
    looks = {name: look_at(str(folder / name)) for name in ("b-capture.txt", "c-packed", "d-notes.pcap", "f-case")}
    assert {name: (each.kind, each.says) for name, each in looks.items()} == {
        "b-capture.txt": (CAPTURE, "pcap"), "c-packed": (CAPTURE, "pcap in gzip"), "d-notes.pcap": (OTHER, ""),
        "f-case": (CASE, "case"),
    }  # fmt: skip
    assert looks["d-notes.pcap"].refused.startswith("d-notes.pcap begins with 23 20 6e 6f: no pcap")
    assert look_at(str(folder / "e-empty.pcap")).refused == "e-empty.pcap is empty."
    assert "no such file" in look_at(str(folder / "nowhere")).refused
    os.mkfifo(folder / "pipe")
    assert "no regular file" in look_at(str(folder / "pipe")).refused


def test_a_path_is_completed_as_far_as_there_is_no_choice(folder: Path) -> None:
    (folder / "d-notes.old").touch()
    assert completed("d", str(folder)) == ("d-notes.", ["d-notes.old", "d-notes.pcap"])
    assert completed("be", str(folder)) == ("below/", ["below/"])
    assert completed(f"{folder}/b-", "/") == (f"{folder}/b-capture.txt", ["b-capture.txt"])
    assert completed(".h", str(folder)) == (".hidden", [".hidden"])
    assert completed("nothing", str(folder)) == ("nothing", [])


@pytest.mark.parametrize("size", SIZES)
async def test_captures_are_found_among_files_and_others_refused_with_a_sentence(
    folder: Path, size: tuple[int, int]
) -> None:
    async with desk_at_start(size) as desk:
        await desk.press("o")
        assert isinstance(desk.app.screen, BrowseScreen)
        await until(desk, "pcap in gzip")
        assert ".hidden" not in desk.picture()
        assert "3 captures" in desk.said("context")
        await desk.press(*"jjjj", "enter")
        assert desk.said("strip").startswith("d-notes.pcap begins with 23 20 6e 6f")
        assert isinstance(desk.app.screen, BrowseScreen)
        await desk.press("full_stop")
        await until(desk, ".hidden")
        await desk.press("h")
        await until(desk, "files/")
        assert desk.table.current.name == "files"  # coming from below, the cursor stands on where one was
        await desk.press("enter")
        await until(desk, "b-capture.txt")
        while desk.table.current.name != "b-capture.txt":
            await desk.press("j")
        await desk.press("enter")
        await until(desk, "SSH on 41414/t")


async def test_several_captures_are_marked_and_opened_as_one(folder: Path) -> None:
    async with desk_at_start() as desk:
        await desk.press("o")
        await until(desk, "pcap in gzip")
        await desk.press("j", "m", "j", "m", "m")
        assert "d-notes.pcap begins with" in desk.said("strip")
        assert "2 marked" in desk.said("context")
        await desk.press("enter")
        await until(desk, "SSH on 41414/tcp")
        assert [os.path.basename(path) for path in desk.app.captures] == ["b-capture.txt", "c-packed"]


async def test_a_path_is_typed_completed_and_opened(folder: Path) -> None:
    async with desk_at_start() as desk:
        await desk.press("o", "slash", "d", "tab")
        assert desk.app.screen.query_one("TypedPath").value.endswith("/d-notes.pcap")
        await desk.press("enter")
        assert "no pcap" in desk.said("strip")
        await desk.press("ctrl+u", *"below", "enter")
        await until(desk, "files/below")
        await desk.press("slash", "ctrl+u", *"../f-", "tab", "enter")
        await until(desk, "Shell on 443/tcp")
        assert desk.app.store.path == folder / "f-case"


# live ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_who_may_not_capture_gets_the_command_that_would_allow_it(data: Path, size: tuple[int, int]) -> None:
    async with desk_at_start(size) as desk:
        await desk.press("l")
        assert isinstance(desk.app.screen, InterfacesScreen)
        await until(desk, "tcpdump, as you")
        assert "192.0.2.7" in desk.picture()
        await desk.press("j")
        await until(desk, "sudo ip link set eth1 up")
        await desk.press("j")
        await until(desk, "sudo setcap x tcpdump")
        assert "dumpcap: Not there." in desk.picture()
        await desk.press("enter")
        assert "eth2 cannot be captured" in desk.said("strip")
        await desk.press("y")
        assert desk.app.clipboard == "sudo setcap x tcpdump"
        await desk.press("escape")
        assert isinstance(desk.app.screen, StartScreen)


async def test_a_capture_filter_is_checked_before_it_is_kept(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(way: Way, text: str) -> None:
        if text != "not port 22":
            raise LiveError(f"“{text}” is no capture filter: syntax error.")

    monkeypatch.setattr("tui.data.interfaces.check_filter", check)
    async with desk_at_start() as desk:
        await desk.press("l")
        await until(desk, "tcpdump, as you")
        await desk.press("slash")
        await desk.type("not pot 22")
        await desk.press("enter")
        await until(desk, "“not pot 22” is no capture filter")
        await desk.press("ctrl+u")
        assert "no capture filter" not in desk.picture()
        await desk.type("not port 22")
        await desk.press("enter")
        await until(desk, "Capture filter  not port 22")
        await desk.press("slash", "ctrl+u", "escape")
        assert "not port 22" in desk.said("context")


async def test_what_the_programs_refuse_is_said_where_one_wanted_to_begin(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def refuse(*words: Any) -> None:
        asked.append(words)
        raise LiveError("eth0 went away.")

    monkeypatch.setattr("oddport.capture.live.ways.choose", refuse)
    async with desk_at_start() as desk:
        await desk.press("l")
        await until(desk, "tcpdump, as you")
        await desk.press("enter")
        await until(desk, "eth0 went away.")
        assert asked == [("eth0", "")]
        assert isinstance(desk.app.screen, InterfacesScreen)
