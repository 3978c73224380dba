"""A capture of an interface on one page: who captures and why, how much, what is lost, what is kept, what goes on."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from oddport.case.folders import unpack_folder
from tests.tui.cases import branch_office
from tests.tui.test_dashboard import ENVIRON, Desk
from tui.dashboard import OddportApp
from tui.data.live import Wanted, newest_ring, wanted
from tui.data.load import Live, Load, Progress, _Rates
from tui.screens.interfaces import InterfacesScreen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

OPTIONS = ("--live", "eth0", "--ring-bytes", "2000000", "--ring-files", "3", "--filter", "not port 22")
LIVE = Live(
    "dumpcap, as you", True, 7, 0, packet_rate=4_812.4, byte_rate=3_900_000, starts=3,
    refused=("tcpdump: It is not installed.",), history=(0, 10, 20, 40),
)  # fmt: skip
RUNS = Progress("loading", bytes=88_000_000, packets=123_456, flows=200, findings=10, seconds=761.4, live=LIVE)


class Heard(Load):
    """A loader of which only what it says is there."""

    def __init__(self, progress: Progress, options: tuple[str, ...] = OPTIONS) -> None:
        self.progress, self.options, self.stopped = progress, options, False

    def stop(self) -> None:
        self.stopped = True

    def end(self) -> None:
        self.stop()


@asynccontextmanager
async def desk_on(case: Path, load: Load | None, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Desk]:
    app = OddportApp(case, environ=ENVIRON, load=load)
    async with app.run_test(size=size) as pilot:
        desk = Desk(app, pilot)
        await desk.settle()
        await desk.press("8")
        yield desk


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A case with a ring of two files beside it."""
    path = branch_office(tmp_path / "case.oddport")
    ring = unpack_folder(path) / "live-1"
    ring.mkdir(parents=True)
    (ring / "live-000000000000024.pcap").write_bytes(bytes(3_000))
    (ring / "live-000000000003000.pcap").write_bytes(bytes(1_000))
    return path


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (200, 50)])
async def test_all_of_a_capture_is_told_at_every_size(case: Path, size: tuple[int, int]) -> None:
    async with desk_on(case, Heard(RUNS), size) as desk:
        await desk.pilot.pause(1.2)
        told = " ".join(desk.said("facts").split())
        for wanted_words in (
            "Interface eth0", "Filter not port 22", "Source dumpcap, as you", "not tcpdump: It is not installed.",
            "For 12 min 41 s started again 2 times", "Packets 4,812/s 123,456 so far",
            "Bytes 31.2 Mbit/s 88.0 MB so far",
            "at most 40/s", "Drops 7 kernel 0 interface", "Flows 200 0 go on", "Findings 10 0 provisional",
            "Ring 2 files of 3, 4.00 kB of at most 6.00 MB",
        ):  # fmt: skip
            assert wanted_words in told
        picture = desk.picture()
        assert "2 files of 3" in picture
        assert "live-1" in picture or size[0] < 100
        assert "8 Live" in picture
        if size[1] > 24:
            assert "live-000000000003000.pcap 1.00 kB live-000000000000024.pcap 3.00 kB" in told


async def test_what_is_wrong_is_said_in_full(case: Path) -> None:
    problem = "dumpcap ended: The interface went down, and nobody knows when it comes back up again. Trying again."
    progress = replace(RUNS, live=replace(LIVE, problem=problem))
    async with desk_on(case, Heard(progress)) as desk:
        assert " ".join(desk.said("strip").split()) == problem


async def test_a_key_stops_it_without_a_question_and_the_case_stays_open(case: Path) -> None:
    load = Heard(RUNS)
    async with desk_on(case, load) as desk:
        await desk.press("x")
        assert load.stopped
        assert "Stopping." in desk.said("context")
        load.progress = replace(RUNS, state="done")
        await desk.pilot.pause(0.5)
        assert desk.said("context").startswith("The capture is over: 123,456 packets and 200 flows in 12 min 41 s.")
        assert "so far" not in desk.said("facts")
        assert "x stop" not in desk.said("keys")
        await desk.press("1")
        assert "Shell on 443/tcp" in desk.picture()


async def test_a_case_of_files_says_that_nothing_is_captured_and_where_one_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.screens.interfaces.unasked", list)
    async with desk_on(branch_office(tmp_path / "case.oddport"), None) as desk:
        assert "No interface is captured in this case." in desk.said("facts")
        await desk.press("l")
        assert isinstance(desk.app.screen, InterfacesScreen)
        assert "This machine has no network interface." in desk.picture()
        await desk.press("escape")
        assert "No interface is captured" in desk.said("facts")


def test_the_words_of_a_loader_are_read_back() -> None:
    assert wanted(OPTIONS) == Wanted("eth0", "not port 22", 2_000_000, 3)
    assert wanted(("--live", "lo")) == Wanted("lo")
    assert wanted(()) is None


def test_a_ring_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert newest_ring(tmp_path / "case.oddport") is None


def test_packets_of_each_second_are_kept_for_a_minute() -> None:
    rates = _Rates()
    last = Progress(live=Live())
    for quarter in range(4 * 70 + 1):
        last = rates.of(Progress("loading", packets=25 * quarter, seconds=quarter / 4, live=Live()))
    assert last.live is not None
    assert last.live.history == (100,) * 60
    assert last.live.packet_rate == 100
