"""Filters come back by history and by name, in later sessions too, and a file that is not ours to read stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.cases import branch_office
from tests.tui.test_dashboard import Desk, desk_of
from tui.data.filter_store import HISTORY, FilterStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return branch_office(tmp_path / "case.oddport")


async def narrow(desk: Desk, text: str) -> None:
    await desk.press("slash", "ctrl+u")
    await desk.type(text)
    await desk.press("enter")


async def test_up_brings_back_filters_of_an_earlier_session_of_the_same_list(office: Path) -> None:
    async with desk_of(office) as desk:
        await narrow(desk, "sev == high")
        await narrow(desk, "app == ssh")
        await desk.press("2")
        await narrow(desk, "bytes > 10")
    async with desk_of(office) as desk:
        await desk.press("slash", "up")
        assert desk.app.screen.query_one("FilterInput").value == "app == ssh"  # type: ignore[attr-defined]
        await desk.press("up", "enter")
        assert "sev == high" in desk.said("context")


async def test_a_filter_gets_a_name_is_picked_and_forgotten(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("F")
        assert "None yet." in desk.picture()
        await desk.press("escape")
        await narrow(desk, "app == ssh")
        await desk.press("F")
        await desk.type("shells")
        await desk.press("enter")
        assert "Saved as shells." in desk.picture()
    async with desk_of(office) as desk:
        await desk.press("F", "enter")
        assert "app == ssh" in desk.said("context")
        await desk.press("F", "d")
        assert "None yet." in desk.picture()
        await desk.press("u", "d", "escape", "escape", "F")
        assert "None yet." in desk.picture()


async def test_a_saved_filter_of_another_list_is_told_not_to_fit(office: Path) -> None:
    FilterStore(office.with_name("filters.json")).save("many", "count > 1")
    async with desk_of(office) as desk:
        await desk.press("2", "F", "enter")
        assert "does not fit this list" in desk.said("context")


def test_what_cannot_be_read_is_said_and_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "filters.json"
    path.write_text("{broken", encoding="utf-8")
    store = FilterStore(path)
    assert store.history("flows") == []
    assert "cannot be read" in store.save("a", "b")
    assert path.read_text(encoding="utf-8") == "{broken"


def test_the_history_is_bounded_and_holds_each_filter_once(tmp_path: Path) -> None:
    store = FilterStore(tmp_path / "filters.json")
    for number in range(HISTORY + 5):
        store.remember("flows", f"bytes > {number}")
    store.remember("flows", "bytes > 20")
    found = store.history("flows")
    assert (len(found), found[-1], found[0]) == (HISTORY, "bytes > 20", "bytes > 5")
    assert found.count("bytes > 20") == 1
