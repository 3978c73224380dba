"""Keys pressed while the dashboard still comes up lead to the screen that was asked for; what a terminal shows."""

import os
import sys
from pathlib import Path

import pytest

from tests.tui.cases import branch_office
from tools.terminal import Screen, Terminal

ROOT = Path(__file__).parents[2]
SECONDS = 60.0


@pytest.mark.parametrize("keys", ["2", "5", "25", "2?"])
def test_keys_pressed_before_the_first_picture_are_kept(tmp_path: Path, keys: str) -> None:
    case = branch_office(tmp_path / "c.oddport")
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    with Terminal([sys.executable, "-m", "oddport", str(case)], 80, 24, environ, ROOT) as terminal:
        terminal.until(lambda rows: "Findings" in rows[0], SECONDS)
        terminal.press(keys)
        wanted = {"2": "of 200 flows", "5": "T1571", "25": "T1571", "2?": "keys"}[keys]
        terminal.until(lambda rows: any(wanted in row for row in rows[1:]), SECONDS)


def test_the_screen_of_a_terminal_is_what_was_written_where() -> None:
    screen = Screen(10, 3)
    screen.feed(b"\x1b[?1049h\x1b[2J\x1b[Habc\x1b[2;4Hd\xe2\x94")
    screen.feed(b"\x82\x1b[1mf\x1b[0m\x1b]0;title\x07\x1b[3;1H0123456789A\x1b[1;2H\x1b")
    screen.feed(b"[K")
    assert screen.rows == ["a", "   d│f", "0123456789"]
    screen.feed(b"\x1b[2;6H\x1b[1K\r\n-\x1b[A+")
    assert screen.rows == ["a", " +", "-123456789"]
