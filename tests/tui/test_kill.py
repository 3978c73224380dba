"""The dashboard, also with its loader, killed at any moment: the case opens, says how far it got, and completes."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from oddport.case.process import process_start
from tests.loading.killing import (
    MOMENTS,
    Content,
    check_complete,
    check_cut_off,
    ended_as,
    loaded,
    moment_in,
    write_capture,
)
from tools.terminal import Terminal

ROOT = Path(__file__).parents[2]
SECONDS = 60.0
"""What anything gets that takes a second or two on a machine that has nothing else to do."""

pytestmark = [
    pytest.mark.xdist_group("kill"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children of a process are found in Linux's /proc"),
]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kill") / "conversations.pcap"
    write_capture(path)
    return path


@pytest.fixture(scope="module")
def undisturbed(capture: Path) -> tuple[Content, float]:
    return loaded(capture)


def dashboard(*words: str | Path) -> Terminal:
    """`oddport` in a terminal of its own."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    return Terminal([sys.executable, "-m", "oddport", *map(str, words)], 80, 24, environ, ROOT)


def loader_of(terminal: Terminal) -> int:
    """The process that the dashboard in this terminal has started."""
    tasks = Path(f"/proc/{terminal.process.pid}/task").glob("*/children")
    (loader,) = [int(child) for task in tasks for child in task.read_text().split()]
    return loader


def wait_until_over(process: int) -> None:
    """Until no such process runs."""
    end = time.monotonic() + SECONDS
    while process_start(process):
        assert time.monotonic() < end, "the loader goes on though nobody is there who has started it"
        time.sleep(0.01)


def kill_at(capture: Path, case: Path, wait: float, loader_too: bool) -> None:
    """Begin to load in the dashboard, and kill it so many seconds after the case is there."""
    with dashboard("--case", case, capture) as terminal:
        while not case.exists():
            terminal.read(0.001)
        loader = loader_of(terminal)
        end = time.monotonic() + wait
        while (left := end - time.monotonic()) > 0:
            terminal.read(left)
        assert terminal.process.poll() is None
        if loader_too and process_start(loader):
            os.kill(loader, signal.SIGKILL)
        os.kill(terminal.process.pid, signal.SIGKILL)
        assert terminal.process.wait() == -signal.SIGKILL
    wait_until_over(loader)


def load_again(case: Path) -> None:
    """Open the case in the dashboard, read there how far the load got, and let it load again."""
    words = {"interrupted": "The load was interrupted at", "stopped": "The load was stopped at"}[ended_as(case)]
    with dashboard(case) as terminal:
        terminal.until(lambda rows: any(words in row for row in rows), SECONDS)
        terminal.press("L")
        terminal.until(lambda rows: ended_as(case) == "done", SECONDS)


@pytest.mark.parametrize("moment", range(MOMENTS))
@pytest.mark.parametrize("victims", ["dashboard", "dashboard and loader"])
def test_a_killed_dashboard_leaves_a_case_that_says_how_far_it_got_and_completes(
    capture: Path, undisturbed: tuple[Content, float], tmp_path: Path, victims: str, moment: int
) -> None:
    whole, took = undisturbed
    case = tmp_path / "killed.oddport"
    loader_too = victims == "dashboard and loader"
    kill_at(capture, case, moment_in(took, moment), loader_too)
    # a loader that is left behind stops by itself, and says so
    check_cut_off(case, whole, ("empty", "interrupted", "done") if loader_too else ("empty", "stopped", "done"))
    state = ended_as(case)
    assert state != "done" or moment > 2, "so early the load cannot have come to its end"
    if state == "empty":
        with dashboard("--case", case, capture) as terminal:
            terminal.until(lambda rows: ended_as(case) == "done", SECONDS)
    elif state != "done":
        load_again(case)
    check_complete(case, whole)
