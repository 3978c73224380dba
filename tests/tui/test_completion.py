"""Words are offered at the end of a filter: names where one begins, values behind a comparison; tab takes the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.cases import branch_office
from tests.tui.test_dashboard import desk_of
from tui.data.completion import complete
from tui.screens.flows import FlowsScreen
from tui.widgets.filter_bar import FilterBar

if TYPE_CHECKING:
    from pathlib import Path

WORDS = [("addr", "either address"), ("app", "what is spoken"), ("tcp.port", "either port")]


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("a", ["addr", "app"]), ("not ap", ["app"]), ("(tcp", ["tcp.port"]), ("app", []), ("port == 4", []),
        ("app == ", ["tls", "http"]), ("app == t", ["tls"]), ("app in {tls, h", ["http"]),
        ("x and app != ht", ["http"]),
        ("", []), ('"a', []), ("app == tls ", []),
    ],
)  # fmt: skip
def test_what_is_offered(text: str, offered: list[str]) -> None:
    found = complete(text, WORDS, lambda name: ["tls", "http"] if name == "app" else [])
    assert [each.word for each in found] == offered


async def test_tab_takes_the_first_word_and_the_filter_holds(tmp_path: Path) -> None:
    async with desk_of(branch_office(tmp_path / "c.oddport")) as desk:
        await desk.press("2", "slash")
        bar = desk.app.screen.query_one(FilterBar)
        await desk.type("verd")
        assert "tab verdict" in desk.said("wrong")
        await desk.press("tab")
        assert bar.box.value == "verdict "
        await desk.type("== mis")
        await desk.press("tab")
        assert bar.box.value == "verdict == mismatch "
        await desk.type("and app == sh")
        await desk.press("tab", "enter")
        screen = desk.app.screen
        assert isinstance(screen, FlowsScreen)
        assert screen.filter_text == "verdict == mismatch and app == shell"
        assert len(desk.table.rows) == 1
