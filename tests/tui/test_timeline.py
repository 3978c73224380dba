"""Traffic and findings over time: bars and lanes, the range that becomes a filter, and zooming around the cursor."""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from oddport.case.filter import compile_filter
from tests.tui.cases import SECOND, START, branch_office, make_case
from tests.tui.test_dashboard import ENVIRON, Desk, desk_of
from tui.data.axis import height, iso, marks, round_up
from tui.screens.flow import FlowScreen
from tui.screens.flows import FlowsScreen
from tui.screens.timeline import TimelineScreen
from tui.widgets.time_chart import TimeChart

if TYPE_CHECKING:
    from pathlib import Path


def test_marks_stand_at_round_times_and_do_not_touch() -> None:
    # START is 09:52:17.184; 70 parts of 4 s are 4 min 40 s
    found = marks(START, 4 * SECOND, 70)
    assert [text for _, text in found] == ["09:53", "09:54", "09:55", "09:56"]
    assert found[0][0] == 42_816 // 4_000  # 42.816 s later
    assert [text for _, text in marks(START, SECOND // 10, 70)] == [f"09:52:{second}" for second in range(18, 24)]
    assert marks(START, 10**6, 30)[0][1].startswith("09:52:17.")
    assert marks(START, 86_400 * SECOND, 60)[0][1].endswith(("Mar", "Apr"))
    for step in (1, 10**3, 10**6, 10**9, 10**12, 10**15):
        placed = marks(START, step, 70)
        assert all(a + len(text) < b for (a, text), (b, _) in pairwise(placed))


@pytest.mark.parametrize(("value", "expected"), [(0, (0, 0)), (1, (0, 1)), (50, (3, 0)), (99, (5, 7)), (100, (6, 0))])
def test_bars_end_on_eighths_and_what_is_there_shows(value: int, expected: tuple[int, int]) -> None:
    assert height(value, 100, 6) == expected


@pytest.mark.parametrize(("number", "top"), [(1, 1), (3, 5), (18_000, 20_000), (9_999, 10_000)])
def test_the_scale_is_round(number: int, top: int) -> None:
    assert round_up(number) == top


def test_times_are_written_as_the_filter_reads_them() -> None:
    for ns in (START, START + 1, START + 500_000_000, 0, -1, (1 << 63) - 1):
        assert compile_filter(f'time >= "{iso(ns)}"', "flows").params == (ns,)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return branch_office(tmp_path_factory.mktemp("office") / "case.oddport")


def chart_of(desk: Desk) -> TimeChart:
    return desk.app.screen.query_one(TimeChart)


async def opened(desk: Desk) -> TimeChart:
    await desk.press("6")
    for _ in range(100):
        await desk.pilot.pause(0.02)
        if chart_of(desk).found is not None:
            break
    await desk.settle()
    return chart_of(desk)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 50)])
async def test_the_range_becomes_a_filter_that_leaves_as_many_flows(tmp_path: Path, size: tuple[int, int]) -> None:
    case = spread(tmp_path)
    async with desk_of(case, size=size) as desk:
        chart = await opened(desk)
        assert chart.found is not None
        assert sum(chart.found.flows) == 200
        await desk.press("g", "left_square_bracket", *["l"] * 9, "right_square_bracket")
        assert chart.range == (0, 9)
        wanted = sum(chart.found.flows[:10])
        assert f"{wanted} flow" in desk.said("strip")
        await desk.press("equals_sign")
        assert isinstance(desk.app.screen, FlowsScreen)
        assert len(desk.table.rows) == wanted > 0
        await desk.press("q")
        assert isinstance(desk.app.screen, TimelineScreen)
        assert chart.range == (0, 9)
        await desk.press("escape")
        assert chart.range is None


def spread(path: Path) -> Path:
    """The office, with a capture that lasts as long as its flows."""
    case = branch_office(path / "c.oddport")
    with sqlite3.connect(case) as db:
        db.execute("UPDATE file SET last_ns = (SELECT max(last_ns) FROM flow)")
    db.close()
    return case


async def test_it_opens_on_the_worst_finding_and_enter_goes_to_its_flow(tmp_path: Path) -> None:
    async with desk_of(spread(tmp_path)) as desk:
        chart = await opened(desk)
        assert chart.found is not None
        assert chart.found.findings[4][chart.cursor]
        assert "1 finding" in desk.said("strip")
        await desk.press("tab")
        assert "Shell on 443/tcp" in desk.listed()[0]
        await desk.press("enter")
        assert isinstance(desk.app.screen, FlowScreen)
        await desk.press("escape")
        assert isinstance(desk.app.screen, TimelineScreen)
        before = chart.cursor
        await desk.press("tab", "n")
        assert chart.cursor > before
        await desk.press("N")
        assert chart.cursor == before


async def test_zooming_keeps_the_time_under_the_cursor_and_comes_back(tmp_path: Path) -> None:
    async with desk_of(spread(tmp_path)) as desk:
        chart = await opened(desk)
        assert chart.found is not None
        whole = chart.found.span
        await desk.press("g", *["l"] * 30)
        at = chart.found.span.first_ns + chart.cursor * chart.found.step_ns
        await desk.press("plus")
        await desk.pilot.pause(0.2)
        found = chart.found
        assert found.span.last_ns - found.span.first_ns < (whole.last_ns - whole.first_ns) * 0.6
        assert abs(found.span.first_ns + chart.cursor * found.step_ns - at) <= found.step_ns
        await desk.press("left_square_bracket", "l", "l", "right_square_bracket", "plus")
        await desk.pilot.pause(0.2)
        assert chart.found.step_ns < found.step_ns / 5
        await desk.press("0")
        await desk.pilot.pause(0.2)
        assert chart.found.span == whole
        await desk.press("minus")
        await desk.pilot.pause(0.2)
        assert chart.found.span == whole


async def test_bars_of_packets_bytes_and_flows(office: Path) -> None:
    async with desk_of(office) as desk:
        await opened(desk)
        assert desk.said("kind").startswith("Packets in")
        await desk.press("o")
        assert desk.said("kind").startswith("Bytes in")
        await desk.press("o")
        assert desk.said("kind").startswith("Flows in")


@pytest.mark.parametrize("environ", [{"TERM": "screen"}, {"NO_COLOR": "1", **ENVIRON}, {"TERM": "linux"}])
async def test_bars_are_seen_without_colours(tmp_path: Path, environ: dict[str, str]) -> None:
    async with desk_of(spread(tmp_path), environ={"LC_ALL": "C.UTF-8", **environ}) as desk:
        chart = await opened(desk)
        await desk.press("o", "o")
        picture = [chart.render_line(y).text for y in range(chart.size.height)]
        assert any(set("▁▂▃▄▅▆▇.:-=+*#") & set(row[9:]) for row in picture[:6])


async def test_a_case_without_packets_says_so(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [])
    with sqlite3.connect(case) as db:
        db.execute("DELETE FROM file")
    db.close()
    async with desk_of(case) as desk:
        await desk.press("6", "plus", "n", "equals_sign", "tab", "enter")
        assert "No packets yet." in desk.said("nothing")
