"""The dashboard in a real terminal, by tmux: it starts, paints, loads, and leaves the terminal as it was."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tui.cases import TABS, branch_office

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
ROOT = Path(__file__).parents[2]
NUMBERS = itertools.count()
"""Of servers of tmux: one that is being killed must not be met again by its name."""
RUN = (
    "import sys; from pathlib import Path; from tui.app import run;"
    " sys.exit(run(Path(sys.argv[1]), sys.argv[2:] or None))"
)


class Terminal:
    """A window of tmux with a program in it."""

    def __init__(self, socket: str, columns: int, rows: int, term: str, command: list[str], **environ: str) -> None:
        self.socket = socket
        # the shell shows the exit status after the program has left the alternate screen
        quoted = " ".join(f"'{part}'" for part in command)
        variables = " ".join(
            f"{name}='{value}'" for name, value in {"TERM": term, "PYTHONPATH": str(ROOT), **environ}.items()
        )
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  f"cd '{ROOT}'; env -u COLORTERM {variables} {quoted}; echo ended $?; sleep 60")  # fmt: skip

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", self.socket, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def picture(self, *options: str) -> str:
        return self.tmux("capture-pane", "-p", *options)

    def until(self, text: str, seconds: float = 30.0) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            picture = self.picture()
            if text in picture:
                return picture
            time.sleep(0.05)
        raise AssertionError(f"{text!r} did not appear:\n{self.picture()}")


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[list[Terminal]]:
    made: list[Terminal] = []
    yield made
    for terminal in made:
        subprocess.run(["tmux", "-L", terminal.socket, "kill-server"], capture_output=True, check=False)


def start(terminals: list[Terminal], case: Path, *captures: str, columns: int = 80, rows: int = 24,
          term: str = "screen-256color", **environ: str) -> Terminal:  # fmt: skip
    command = [sys.executable, "-c", RUN, str(case), *captures]
    terminal = Terminal(f"oddport-test-{os.getpid()}-{next(NUMBERS)}", columns, rows, term, command,
                        LC_ALL="C.UTF-8", **environ)  # fmt: skip
    terminals.append(terminal)
    return terminal


@pytest.mark.parametrize(
    ("term", "environ"), [("screen-256color", {}), ("screen", {}), ("screen-256color", {"NO_COLOR": "1"})]
)
def test_from_the_list_to_the_flow_and_out_again(
    terminals: list[Terminal], tmp_path: Path, term: str, environ: dict[str, str]
) -> None:
    terminal = start(terminals, branch_office(tmp_path / "c.oddport"), term=term, **environ)
    picture = terminal.until("Shell on 443/tcp").splitlines()
    assert picture[0].split() == TABS
    assert picture[3].startswith("▌◆ C Shell on 443/tcp")
    assert picture[23].strip().endswith("q quit")
    terminal.keys("j", "Enter")
    terminal.until("‹ Findings › SSH on 53/tcp › Flow 2")
    terminal.keys("Escape")
    terminal.until("q quit")
    terminal.keys("q")
    picture = terminal.until("ended 0")
    assert "Shell on" not in picture


def test_a_terminal_that_shrinks_and_grows_keeps_the_cursor(terminals: list[Terminal], tmp_path: Path) -> None:
    terminal = start(terminals, branch_office(tmp_path / "c.oddport"), COLUMNS="80", LINES="24")
    terminal.until("Shell on 443/tcp")
    terminal.keys("j", "j")
    terminal.tmux("resize-window", "-x", "40", "-y", "10")
    terminal.until("oddport needs 60 columns")
    terminal.tmux("resize-window", "-x", "160", "-y", "45")
    picture = terminal.until("Rejected")
    assert any(row.startswith("▌▲ H    70 TLS on 587/tcp, no STARTTLS") for row in picture.splitlines())


def test_a_real_load_fills_the_lists(terminals: list[Terminal], tmp_path: Path) -> None:
    (tmp_path / "office").mkdir()
    branch_office(tmp_path / "office" / "c.oddport")
    capture = tmp_path / "office" / "branch-office.pcapng"
    terminal = start(terminals, tmp_path / "new.oddport", str(capture))
    terminal.until("Findings")
    terminal.keys("2")
    picture = terminal.until("203.0.113.80")
    assert "443" in picture
    terminal.keys("q")
    terminal.until("q quit")
    terminal.keys("q")
    terminal.until("ended 0")


@pytest.mark.parametrize(("term", "columns", "rows"), [("screen-256color", 80, 24), ("screen", 200, 50)])
def test_a_stream_of_a_real_capture_is_followed_and_left(
    terminals: list[Terminal], tmp_path: Path, term: str, columns: int, rows: int
) -> None:
    capture = ROOT / "demo_pcaps" / "shell-on-443.pcap"
    terminal = start(terminals, tmp_path / "c.oddport", str(capture), term=term, columns=columns, rows=rows)
    terminal.until("0 of 1 reviewed")
    terminal.keys("f")
    terminal.until("uid=1004(svc-print)")
    terminal.keys("Tab")
    terminal.until("75 69 64 3d 31 30 30 34")
    terminal.keys("Escape")
    terminal.until("q quit")


def test_a_pipe_is_shown_as_it_comes_with_keys_from_the_terminal(terminals: list[Terminal], tmp_path: Path) -> None:
    capture = ROOT / "demo_pcaps" / "shell-on-443.pcap"
    half = capture.stat().st_size * 3 // 4
    later = f"until [ -e go ]; do sleep 0.1; done; tail -c +{half + 1} '{capture}'"
    (tmp_path / "pipe.sh").write_text(
        f"cd '{tmp_path}'; {{ head -c {half} '{capture}'; {later}; }} | '{sys.executable}' -m oddport - --case c"
    )
    command = ["sh", str(tmp_path / "pipe.sh")]
    terminal = Terminal(f"oddport-test-{os.getpid()}-pipe", 80, 24, "screen-256color", command, LC_ALL="C.UTF-8")
    terminals.append(terminal)
    terminal.until("Provisional")
    terminal.keys("2")
    terminal.until("203.0.113.66")
    (tmp_path / "go").touch()
    terminal.keys("1")
    terminal.until("0 of 1 reviewed")
    terminal.keys("Enter")
    terminal.until("uid=")
