"""Keys pressed while the dashboard still comes up lead to the screen that was asked for; what a terminal shows."""

import os
import sys
from pathlib import Path

import pytest

from tests.tui.cases import branch_office
from tools.terminal import Screen, Terminal

ROOT = Path(__file__).parents[2]
SECONDS = 60.0


def dashboard(folder: Path) -> Terminal:
    """`oddport` on a case, in a terminal of its own."""
    return oddport(folder, str(branch_office(folder / "c.oddport")))


def oddport(folder: Path, *words: str) -> Terminal:
    """`oddport WORDS` in a terminal of its own, with cases in this folder."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "ODDPORT_DATA": str(folder)}
    return Terminal([sys.executable, "-m", "oddport", *words], 80, 24, environ, ROOT)


@pytest.mark.parametrize("keys", ["2", "5", "25", "2?"])
def test_keys_pressed_before_the_first_picture_are_kept(tmp_path: Path, keys: str) -> None:
    with dashboard(tmp_path) as terminal:
        terminal.until(lambda rows: "Findings" in rows[0], SECONDS)
        terminal.press(keys)
        wanted = {"2": "of 200 flows", "5": "T1571", "25": "T1571", "2?": "keys"}[keys]
        terminal.until(lambda rows: any(wanted in row for row in rows[1:]), SECONDS)


def test_bytes_that_are_no_letters_here_do_not_end_the_dashboard(tmp_path: Path) -> None:
    with dashboard(tmp_path) as terminal:
        terminal.until(lambda rows: "Findings" in rows[0], SECONDS)
        for typed in (b"\xf6", b"\xc3", b"\xff\xfe\x80", b"2"):
            terminal.type(typed)
        terminal.until(lambda rows: "of 200 flows" in rows[1], SECONDS)


@pytest.mark.parametrize("keys", ["2\x03", "5\x03", "25\x03", "2\r\x03"])
def test_an_interrupt_ends_it_from_anywhere_also_while_a_screen_is_made(tmp_path: Path, keys: str) -> None:
    with dashboard(tmp_path) as terminal:
        terminal.until(lambda rows: "Findings" in rows[0], SECONDS)
        terminal.press(keys)
        terminal.until(lambda rows: terminal.process.poll() is not None, SECONDS)
        terminal.settle(0.2, SECONDS)
        assert terminal.process.returncode == 0
        assert not any("Traceback" in row or "│" in row for row in terminal.screen.rows)


def test_without_a_capture_it_begins_with_what_there_is_to_open(tmp_path: Path) -> None:
    with oddport(tmp_path) as terminal:
        terminal.until(lambda rows: any("No cases yet." in row for row in rows), SECONDS)
        terminal.press("\r")
        terminal.until(lambda rows: "reviewed" in rows[1], SECONDS)  # the load is over
        assert any("Shell on 443/tcp" in row for row in terminal.screen.rows)
        terminal.press("q")
        terminal.until(lambda rows: "branch-office.pcapng is open." in rows[1], SECONDS)
        terminal.press("q")
        terminal.until(lambda rows: terminal.process.poll() is not None, SECONDS)
        assert terminal.process.returncode == 0


def test_the_screen_of_a_terminal_is_what_was_written_where() -> None:
    screen = Screen(10, 3)
    screen.feed(b"\x1b[?1049h\x1b[2J\x1b[Habc\x1b[2;4Hd\xe2\x94")
    screen.feed(b"\x82\x1b[1mf\x1b[0m\x1b]0;title\x07\x1b[3;1H0123456789A\x1b[1;2H\x1b")
    screen.feed(b"[K")
    assert screen.rows == ["a", "   d│f", "0123456789"]
    screen.feed(b"\x1b[2;6H\x1b[1K\r\n-\x1b[A+")
    assert screen.rows == ["a", " +", "-123456789"]
