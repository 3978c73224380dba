"""Any keys in any order, on a real capture, in a terminal that changes its size: no crash, and always a way back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.tui.test_dashboard import desk_of
from tui.app import start_load
from tui.screens.base import TABS

DEMO = Path(__file__).parents[2] / "demo_pcaps" / "branch-office.pcapng"
KEYS = (
    *"jkgGhlnNbfdweyvViucopPsSxtTzD0+-=!/:?[].r|", *(tab.key for tab in TABS), "tab", "enter", "enter", "escape",
    "left",
    "right", "up", "down", "pageup", "pagedown", "ctrl+d", "ctrl+u", "ctrl+p", "space",
)  # fmt: skip
NAMES = {
    "+": "plus", "-": "minus", "=": "equals_sign", "!": "exclamation_mark", "/": "slash", ":": "colon",
    "?": "question_mark", "[": "left_square_bracket", "]": "right_square_bracket", ".": "full_stop",
    "|": "vertical_line",
}  # fmt: skip
SIZES = ((80, 24), (60, 20), (200, 50), (40, 10), (120, 30))
RUN, RESIZE_AT = 250, 50
WAYS_BACK = 12
"""Keys that lead from anywhere to a top-level screen, at most."""


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_no_keys_break_the_dashboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ODDPORT_DATA", str(tmp_path / "data"))
    case = tmp_path / "case.oddport"
    load = start_load(case, [str(DEMO)])
    assert load is not None
    while load.progress.running:
        pass
    load.end()
    chance = random.Random(seed)
    async with desk_of(case) as desk:
        for number in range(RUN):
            if number % RESIZE_AT == RESIZE_AT - 1:
                await desk.pilot.resize_terminal(*chance.choice(SIZES))
            key = chance.choice(KEYS)
            await desk.pilot.press(NAMES.get(key, key))
        await desk.pilot.resize_terminal(80, 24)
        for _ in range(WAYS_BACK):
            if len(desk.app.screen_stack) == 1 and not desk.app.screen.has_class("-filtering"):
                break
            await desk.pilot.press("escape")
        assert len(desk.app.screen_stack) == 1
        await desk.press("1")
        assert "Findings" in desk.said("top")
