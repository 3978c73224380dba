"""Fragment trains as bars and as readings, by trains written down by hand; and the screen that shows them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oddport.case.model import FragmentRow, TrainRow
from tests.tui.cases import Flow, make_case
from tests.tui.test_dashboard import Desk, desk_of
from tui.app import start_load
from tui.data.train_readings import DIFFERS, NEW, SAME, draw
from tui.screens.flow import FlowScreen
from tui.screens.stream import StreamScreen
from tui.screens.trains import TrainsScreen
from tui.widgets.train_lines import Scale, ended, missing_cells

DEMOS = Path(__file__).parents[2] / "demo_pcaps"


def train_of(*parts: tuple[int, bytes, bool], proto: str = "udp") -> tuple[TrainRow, list[bytes]]:
    """A train of (offset, bytes, more fragments follow), as they arrived."""
    rows = tuple(
        FragmentRow(n + 1, 0, n, n * 1_000_000, 34, offset, len(data), len(data), more, 64, 17, int(more), 20)
        for n, (offset, data, more) in enumerate(parts)
    )
    end = max(offset + len(data) for offset, data, _ in parts)
    train = TrainRow(1, 4, "10.0.0.1", "10.0.0.2", proto, 7, 1, 2, None, 0, 9, len(rows), True, end, end, (),
                     fragments=rows)  # fmt: skip
    return train, [data for _, data, _ in parts]


def test_each_fragment_says_what_it_brought() -> None:
    picture = draw(*train_of((0, b"abcdefgh", True), (4, b"efXXijkl", True), (12, b"mn", False)))
    assert [arrival.runs for arrival in picture.arrivals] == [
        ((0, 8, NEW),),
        ((4, 6, SAME), (6, 8, DIFFERS), (8, 12, NEW)),
        ((12, 14, NEW),),
    ]


def test_policies_take_the_bytes_that_their_rules_say() -> None:
    # the later one begins before the earlier one and ends behind it: first keeps the old bytes; last, windows and
    # solaris take the new ones; bsd keeps old ones unless they begin later, which they do (Novak 2005, table 1)
    picture = draw(*train_of((8, b"OOOOOOOO", True), (0, b"NNNNNNNNNNNNNNNNNNNNNNNN", False)))
    read = {each.policy: each.data for each in picture.readings}
    old, new = b"N" * 8 + b"O" * 8 + b"N" * 8, b"N" * 24
    assert read["first"] == old
    assert read["last"] == new
    assert read["bsd"] == new
    assert read["bsd-right"] == old
    assert read["windows"] == new
    assert read["solaris"] == new
    assert read["drop"] is None
    assert picture.differing == ((8, 16),)


def test_a_fragment_that_comes_again_as_it_was_is_thrown_away_alone() -> None:
    whole, end = (0, b"abcdefgh", True), (8, b"ijkl", False)
    read = {each.policy: each.data for each in draw(*train_of(whole, whole, end)).readings}
    assert read["drop"] == b"abcdefghijkl"
    part = (0, b"abcd", True)
    assert {each.policy: each.data for each in draw(*train_of(whole, part, end)).readings}["drop"] is None


def test_where_three_meet_the_later_ones_are_weighed_against_the_one_that_holds_the_byte() -> None:
    picture = draw(*train_of((0, b"aaaaaaaa", True), (0, b"bbbbbbbb", True), (0, b"cccccccc", False)))
    read = {each.policy: each.data for each in picture.readings}
    assert (read["first"], read["last"]) == (b"a" * 8, b"c" * 8)


def test_a_datagram_ends_at_its_first_hole() -> None:
    picture = draw(*train_of((0, b"abcdefgh", True), (16, b"tail", False)))
    assert {each.data for each in picture.readings} == {b"abcdefgh"}


def test_the_port_and_what_is_spoken_may_depend_on_the_reader() -> None:
    head = (40_000).to_bytes(2, "big") + (53).to_bytes(2, "big") + (24).to_bytes(2, "big") + b"\0\0"
    other = head[:2] + (4_444).to_bytes(2, "big") + head[4:]
    picture = draw(*train_of((0, head, True), (0, other, True), (8, b"x" * 16, False)))
    ports = {each.policy: each.port for each in picture.readings}
    assert (ports["first"], ports["last"], ports["drop"]) == (53, 4_444, None)


@pytest.mark.parametrize(("length", "room"), [(56, 58), (2_977, 38), (1, 60), (65_535, 16), (0, 40), (20, 178)])
def test_bytes_and_cells_cover_one_another(length: int, room: int) -> None:
    scale = Scale(length, room)
    assert scale.cells <= room
    assert scale.bytes_of(scale.cells - 1)[1] == max(length, 1)
    for cell in range(scale.cells):
        begin, end = scale.bytes_of(cell)
        assert begin < end
        assert scale.cell_of(begin) <= cell


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo capture of a branch office, loaded."""
    case = tmp_path_factory.mktemp("trains") / "case.oddport"
    load = start_load(case, [str(DEMOS / "branch-office.pcapng")])
    assert load is not None
    while load.progress.running:
        pass
    load.end()
    return case


async def drawn(desk: Desk) -> TrainsScreen:
    for _ in range(200):
        await desk.pilot.pause(0.02)
        screen = desk.app.screen
        if isinstance(screen, TrainsScreen) and screen.picture is not None:
            row = screen.table.current
            if row is not None and row.id == screen.picture.train.id:
                break
    await desk.settle()
    assert isinstance(desk.app.screen, TrainsScreen)
    return desk.app.screen


def test_each_arrival_shows_what_it_left_open() -> None:
    picture = draw(*train_of((8, b"ijklmnop", True), (0, b"abcdefgh", True), (16, b"qr", False)))
    scale = Scale(picture.length, 18)
    shown = ["".join("░" if gone else "." for gone in missing_cells(step.holes, scale)) for step in picture.life.steps]
    assert shown == ["░░░░░░░░........░░", "................░░", ".................."]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"complete": True, "last_ns": 2_000_000}, "whole after 2.00 ms"),
        ({"complete": False}, "expired 30 s after the first fragment"),
        ({"complete": False, "at_end": True}, "the capture ended before the rest"),
        ({"complete": False, "evicted": True}, "given up by the loader: memory ran short"),
    ],
)
def test_how_a_train_ended_is_said(changed: dict[str, Any], said: str) -> None:
    train, pieces = train_of((0, b"abcdefgh", True))
    assert ended(draw(replace(train, first_ns=0, **changed), pieces))[0] == said


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 50)])
async def test_odd_trains_come_first_with_their_bars_and_readings(office: Path, size: tuple[int, int]) -> None:
    async with desk_of(office, size=size) as desk:
        await desk.press("7")
        screen = await drawn(desk)
        assert screen.rows is not None
        assert len(screen.rows) == 7
        assert screen.table.current.severity == 4
        assert desk.said("about").startswith("Arrivals   id 0x1571, udp, 53 bytes")
        readings = desk.said("readings").splitlines()
        assert [row.split()[0] for row in readings] == [
            "first", "last", "bsd", "bsd-right", "linux-2.x", "windows", "solaris", "drop"]  # fmt: skip
        assert readings[0].split()[-2:] == ["53", "dns"]
        assert readings[1].split()[-2:] == ["4444", "dns"]
        assert "11 5c" in readings[1]
        assert "53 under 4 policies, 4444 under 3 policies" in desk.said("strip")


async def test_a_train_in_good_order_reads_one_way_and_leads_to_its_flow(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("7")
        await drawn(desk)
        await desk.press("G")
        screen = await drawn(desk)
        assert desk.said("readings").split()[0] == "all"
        assert "All policies read the same 2,977 bytes." in desk.said("strip")
        arrivals = desk.said("arrivals").splitlines()
        assert len(arrivals) == 4
        assert arrivals[1].split()[:4] == ["1", "+0.000", "ms", "mf"]
        assert ["░" in row for row in arrivals[1:]] == [True, True, False]  # what was open after each
        assert "whole after" in desk.said("strip")
        await desk.press("f")
        assert isinstance(desk.app.screen, StreamScreen)
        await desk.press("escape", "enter")
        assert isinstance(desk.app.screen, FlowScreen)
        await desk.press("escape")
        assert desk.app.screen is screen
        await desk.press("s", "s", "S", "right_square_bracket", "left_square_bracket")


async def test_a_case_without_fragments_says_so(tmp_path: Path) -> None:
    async with desk_of(make_case(tmp_path / "c.oddport", [Flow()])) as desk:
        await desk.press("7")
        assert "No fragments in this case." in desk.said("nothing")
        await desk.press("enter", "f", "s", "G")
        await desk.press("q")
        assert not isinstance(desk.app.screen, TrainsScreen)


async def test_a_capture_that_is_gone_says_so(tmp_path: Path) -> None:
    copy = tmp_path / "gone.pcap"
    copy.write_bytes((DEMOS / "overlapping-fragments.pcap").read_bytes())
    case = tmp_path / "c.oddport"
    load = start_load(case, [str(copy)])
    assert load is not None
    while load.progress.running:
        pass
    load.end()
    copy.unlink()
    async with desk_of(case) as desk:
        await desk.press("7")
        await desk.pilot.pause(0.5)
        assert "cannot be read (no such file or directory)" in desk.said("arrivals")
