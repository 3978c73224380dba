"""While traffic comes, the newest row stays in sight where that is wanted, and only there."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from oddport.case.writer import CaseWriter
from tests.tui.cases import Flow, Found, finding_of, make_case, put_flows
from tests.tui.test_dashboard import ENVIRON, Desk
from tests.tui.test_live_screen import LIVE, OPTIONS, Heard
from tui.dashboard import OddportApp
from tui.data.load import Progress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

COMES = Progress("loading", bytes=1, packets=1, flows=1, seconds=9.0, live=LIVE, provisional=True)
ROWS = 40
"""More than a screen holds."""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CaseWriter]:
    """A case that is being written, with more flows than a screen holds."""
    case = make_case(tmp_path / "c.oddport", [Flow(second=at) for at in range(ROWS)], [Found()], state="loading")
    writer = CaseWriter.resume(case)
    writer.begin_load(1, replace=True)
    put_flows(writer, [Flow(second=at) for at in range(ROWS)])
    writer.put_findings([finding_of(Found(), Flow(), 1)])
    yield writer
    writer.close()


@asynccontextmanager
async def desk_on(writer: CaseWriter, progress: Progress = COMES, keys: str = "2") -> AsyncIterator[Desk]:
    app = OddportApp(writer.path, environ=ENVIRON, load=Heard(progress, OPTIONS))
    async with app.run_test(size=(80, 24)) as pilot:
        desk = Desk(app, pilot)
        await desk.settle()
        await desk.press(keys)
        yield desk


async def rows(desk: Desk, number: int) -> None:
    for _ in range(200):
        await desk.settle()
        if len(desk.table.rows) == number:
            await desk.settle()
            return
    raise AssertionError(f"{len(desk.table.rows)} rows, not {number}")


def more(writer: CaseWriter, number: int, first: int) -> None:
    put_flows(writer, [Flow(second=first + at) for at in range(number)], first_id=first + 1)


async def test_flows_follow_what_comes_until_the_cursor_is_moved(writer: CaseWriter) -> None:
    async with desk_on(writer) as desk:
        await rows(desk, ROWS)
        assert desk.table.cursor == ROWS - 1
        assert desk.said("context").startswith("▶ following  live")
        more(writer, 5, ROWS)
        await rows(desk, ROWS + 5)
        assert desk.table.cursor == ROWS + 4
        assert desk.table.current.id == ROWS + 5
        await desk.press("k")
        assert desk.said("context").startswith("‖ paused  live")
        stays, top = desk.table.current.id, desk.table.top
        more(writer, 3, ROWS + 5)
        await rows(desk, ROWS + 8)
        assert (desk.table.current.id, desk.table.top) == (stays, top)
        assert desk.said("context").startswith("‖ paused, 3 newer  live")


async def test_space_pauses_and_follows_again(writer: CaseWriter) -> None:
    async with desk_on(writer) as desk:
        await rows(desk, ROWS)
        assert "space pause" in desk.said("keys")
        await desk.press("space")
        assert "space follow" in desk.said("keys")
        more(writer, 2, ROWS)
        await rows(desk, ROWS + 2)
        assert desk.table.cursor == ROWS - 1
        assert "paused, 2 newer" in desk.said("context")
        await desk.press("g", "space")
        assert desk.table.cursor == ROWS + 1
        assert "following" in desk.said("context")


async def test_findings_stand_worst_first_until_following_is_asked_for(writer: CaseWriter) -> None:
    async with desk_on(writer, keys="1") as desk:
        await rows(desk, 1)
        worse = Found("SSH on 53/tcp", 4, 100, flow=2)
        writer.put_findings([finding_of(worse, Flow(sport=2), 2)])
        await rows(desk, 2)
        assert desk.table.cursor == 0
        assert "paused, 1 newer" in desk.said("context")
        await desk.press("space")
        assert desk.table.current.title == "SSH on 53/tcp"
        mild = Found("DNS on 8053/udp", 1, 20, flow=3)
        writer.put_findings([finding_of(mild, Flow(sport=3), 3)])
        await rows(desk, 3)
        assert desk.table.current.title == "DNS on 8053/udp"
        await desk.press("full_stop")  # sorted in, the newest is elsewhere and still under the cursor
        assert [row[5:20].strip() for row in desk.listed()] == ["SSH on 53/tcp", "TLS on 8088/tcp", "DNS on 8053/udp"]
        assert desk.table.current.title == "DNS on 8053/udp"


async def test_a_file_that_is_loaded_is_not_followed_and_space_means_nothing(writer: CaseWriter) -> None:
    loads = Progress("loading", bytes=1, total=9, packets=1, flows=1, seconds=9.0)
    async with desk_on(writer, loads) as desk:
        await rows(desk, ROWS)
        assert desk.table.cursor == 0
        await desk.press("space")
        assert desk.table.cursor == 0
        assert "follow" not in desk.said("context") + desk.said("keys")


async def test_at_the_end_of_a_capture_nothing_is_followed_any_more(writer: CaseWriter) -> None:
    async with desk_on(writer) as desk:
        await rows(desk, ROWS)
        load = desk.app.load
        assert load is not None
        load.progress = Progress("done", packets=1, flows=ROWS, seconds=9.0, live=LIVE, provisional=True)
        await desk.pilot.pause(0.5)
        assert "The capture is over" in desk.said("context")
        assert "space" not in desk.said("keys")
