"""Every action by name: found by its letters, done as by its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.cases import branch_office
from tests.tui.test_dashboard import Desk, desk_of
from tui.dialogs.palette import Palette, entries_of, matches
from tui.screens.findings import FindingsScreen
from tui.screens.flow import FlowScreen
from tui.screens.flows import FlowsScreen
from tui.screens.help import Help
from tui.screens.ports import PortsScreen

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return branch_office(tmp_path_factory.mktemp("office") / "case.oddport")


@pytest.mark.parametrize(
    ("name", "wanted", "places"),
    [("verdict", "dict", (3, 4, 5, 6)), ("follow the stream", "fstr", (0, 8, 12, 13)), ("copy", "x", None),
     ("copy", "", ())],
)  # fmt: skip
def test_letters_are_found_together_or_in_their_order(name: str, wanted: str, places: tuple[int, ...] | None) -> None:
    found = matches(name, wanted)
    if places is None:
        assert found is None
    else:
        assert found is not None
        assert "".join(name[place] for place in found).replace(" ", "") == wanted
        assert list(found) == sorted(found)


async def do(desk: Desk, key: str, text: str) -> None:
    await desk.press(key)
    assert isinstance(desk.app.screen, Palette)
    await desk.type(text)
    await desk.press("enter")


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 50)])
async def test_actions_of_the_screen_the_list_and_the_app_are_done(office: Path, size: tuple[int, int]) -> None:
    async with desk_of(office, size=size) as desk:
        assert isinstance(desk.app.screen, FindingsScreen)
        await do(desk, "colon", "keys of this")
        assert isinstance(desk.app.screen, Help)
        await desk.press("escape")
        row = desk.table.cursor
        await do(desk, "ctrl+p", "next not reviewed")
        assert desk.table.cursor == row + 1
        await do(desk, "colon", "deeper")
        assert isinstance(desk.app.screen, FlowScreen)
        await desk.press("escape", "2")
        assert isinstance(desk.app.screen, FlowsScreen)
        await do(desk, "colon", "only flows that do not fit")
        assert desk.app.screen.filter_text == "app != port"


async def test_nothing_is_done_where_nothing_fits_or_one_leaves(office: Path) -> None:
    async with desk_of(office) as desk:
        await do(desk, "colon", "zzzz")
        assert isinstance(desk.app.screen, Palette)
        assert "No action has these letters." in desk.said("actions")
        await desk.press("down", "up", "escape")
        assert isinstance(desk.app.screen, FindingsScreen)


async def test_every_action_of_a_screen_that_works_now_is_there_with_its_own_name(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("4")
        assert isinstance(desk.app.screen, PortsScreen)
        entries = entries_of(desk.app.screen)
        names = [entry.name for entry in entries]
        for wanted in ("next cell that does not fit", "previous cell that does not fit", "map, list", "other colours"):
            assert wanted in names, names
        assert all(entry.keys for entry in entries)
