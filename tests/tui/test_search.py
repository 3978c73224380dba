"""A filter that looks into payload: what is found joins the list, row 1 tells how far it is, a key stops it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from oddport.capture import open_capture
from oddport.detection.registry import load as load_detectors
from oddport.loading.into_case import into_case
from tests.captures import HTTP_TURNS, SSH_TURNS, conversation, write_pcap
from tests.tui.test_dashboard import Desk, desk_of
from tui.data import search

if TYPE_CHECKING:
    from pathlib import Path

HALF = 'import time; print(\'{"state": "loading", "bytes": 50, "total": 100, "found": [[1]]}\', flush=True);'


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """SSH on 41414 and HTTP on 443."""
    frames = [*conversation(SSH_TURNS), *conversation(HTTP_TURNS, sport=40001, port=443)]
    capture, path = write_pcap(tmp_path / "odd.pcap", frames), tmp_path / "odd.oddport"
    with open_capture([str(capture)], workdir=tmp_path) as reader:
        into_case(reader, path, load_detectors()[0], lambda: False, lambda progress: None)
    return path


async def searched(desk: Desk, text: str) -> None:
    await desk.press("slash", "ctrl+u")
    await desk.type(text)
    await desk.press("enter")
    for _ in range(400):
        await desk.pilot.pause(0.05)
        if desk.app.screen.search.running is None:  # type: ignore[attr-defined]
            break
    await desk.settle()


async def test_flows_and_findings_are_listed_by_what_their_packets_hold(case: Path) -> None:
    async with desk_of(case) as desk:
        await searched(desk, 'payload contains "SSH-2"')
        assert len(desk.listed()) == 1
        assert "SSH on 41414/tcp" in desk.listed()[0]
        await desk.press("2")
        await searched(desk, 'payload matches "^GET "')
        assert len(desk.listed()) == 1
        assert "443" in desk.listed()[0]
        await searched(desk, 'payload contains "no such thing"')
        assert "No flow matches." in desk.said("empty")
        await desk.press("escape")
        assert len(desk.listed()) == 2


async def test_rows_join_while_it_goes_on_and_stay_when_it_is_stopped(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = (sys.executable, "-c", HALF + " time.sleep(60)")
    monkeypatch.setattr(search.Search.__init__, "__defaults__", (command,))
    async with desk_of(case) as desk:
        await desk.press("2", "slash")
        await desk.type("payload contains x")
        assert "enter searches bytes" in desk.picture()
        await desk.press("enter")
        for _ in range(200):
            await desk.pilot.pause(0.05)
            if "1 found so far" in desk.said("context"):
                break
        assert "50 %" in desk.said("context")
        assert len(desk.listed()) == 1
        await desk.press("x")
        for _ in range(200):
            await desk.pilot.pause(0.05)
            if "was stopped" in desk.said("context"):
                break
        assert "1 flow found until then" in desk.said("context")
        assert len(desk.listed()) == 1


async def test_a_search_that_fails_says_why(case: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.pcap").unlink()
    async with desk_of(case) as desk:
        await searched(desk, 'payload contains "SSH-2"')
        assert "odd.pcap" in desk.said("context")
