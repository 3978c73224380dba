"""A case of 1 M flows and 10 M packets → how the dashboard feels in it, and a cut of it in termshark beside.

Run by benchmarks/ui.py --large. The capture is `mixed` of make_synthetic.py, enlarged; it takes 6 GB.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.load import make  # noqa: E402 - the project beside this script, installed or not
from tools.terminal import Terminal  # noqa: E402

Rows = list[str]
Report = Callable[[str, list[float], float | None, str], None]
"""A row of the table of benchmarks/ui.py: what, seconds, goal, what stands beside."""
SECONDS = 120.0
GOAL_OPEN, GOAL_KEY, GOAL_NEARLY, GOAL_KEY_LOADING, GOAL_FILTER, GOAL_MB = 1.0, 0.030, 0.060, 0.050, 0.300, 150
"""Seconds: case to rows; 95 and 99 of 100 keys; 95 of 100 while a capture loads; filter to first rows. Then memory."""
SCREENS = (("1", "Findings"), ("2", "Flows"), ("3", "Packets"))
FILTERS = (
    ("2", "Flows", "id == 700000"),
    ("2", "Flows", "app == ssh and app != port"),
    ("3", "Packets", "frame.number == 5000000"),
    ("3", "Packets", "flow == 700000"),
    ("3", "Packets", "app == ssh and frame.len > 1000"),
)
CUT = 1_000_000
"""Packets of the cut that termshark opens too."""
CURSOR = "▌"


def made(corpora: Path, work: Path) -> tuple[Path, Path]:
    """(capture, case), made where they are missing."""
    capture, case = make("many", corpora, work), work / "many.oddport"
    if not case.exists():
        command = [sys.executable, "-m", "oddport", "load", str(capture), "--case", str(case)]
        subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    return capture, case


def first_row(rows: Rows) -> str:
    """The row under the cursor, without it; empty where there is none."""
    return next((row[1:] for row in rows[2:] if row.startswith(CURSOR)), "")


def other_row(terminal: Terminal, before: str) -> float:
    """The moment at which another row is under the cursor."""
    return terminal.until(lambda rows: first_row(rows) not in ("", before), SECONDS)


def print_after(terminal: Terminal, keys: str) -> float:
    """Seconds from keys to the first byte that the program prints for them."""
    terminal.settle(0.15, 2.0)
    before, pressed = terminal.printed, terminal.press(keys)
    return terminal.until(lambda _: terminal.printed > before, SECONDS) - pressed


def open_case(report: Report, start: Callable[..., Terminal], case: Path, rounds: int) -> None:
    """From the start of the process to rows, on each screen."""
    for key, word in SCREENS:
        took = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="oddport-ui-") as folder, start(folder, 80, 24, case) as terminal:
                began = terminal.started
                seen = terminal.until(lambda rows: bool(first_row(rows)), SECONDS)
                if key != "1":
                    before, began = first_row(terminal.screen.rows), terminal.press(key)
                    seen = other_row(terminal, before)
                took.append(seen - began)
        what = "open the case, to the first findings" if key == "1" else f"key {key}, to the first rows of {word}"
        report(what, took, GOAL_OPEN, "")


def keys_of(terminal: Terminal, press: Callable[..., list[float]], number: int) -> list[float]:
    """Seconds from keys to the cursor in its new row."""
    terminal.settle(0.5, 5.0)
    return press(terminal, number, lambda rows: True)


def filters(report: Report, start: Callable[..., Terminal], case: Path, rounds: int) -> None:
    """From Enter to the first rows that a filter leaves."""
    for key, word, text in FILTERS:
        took = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="oddport-ui-") as folder, start(folder, 80, 24, case) as terminal:
                terminal.until(lambda rows: bool(first_row(rows)), SECONDS)
                terminal.press(key)
                terminal.settle(2.0, 15.0)
                terminal.press("/")
                terminal.settle(0.5, 5.0)
                terminal.press(text)
                terminal.settle(1.0, 10.0)
                before, pressed = first_row(terminal.screen.rows), terminal.press("\r")
                took.append(other_row(terminal, before) - pressed)
        report(f"{word}: {text}", took, GOAL_FILTER if "==" in text and " and " not in text else None, "")


def termshark(
    report: Report, start: Callable[..., Terminal], capture: Path, work: Path, rounds: int, keys: int
) -> None:
    """The same cut in termshark and here: from the start to rows of packets, and from a key to the first print."""
    cut = work / "cut.pcap"
    if not cut.exists():
        subprocess.run(["editcap", "-r", str(capture), str(cut), f"1-{CUT}"], check=True, stderr=subprocess.DEVNULL)

    def theirs(folder: str, *words: str | Path) -> Terminal:
        environ = {
            **os.environ,
            "HOME": folder,
            "XDG_CONFIG_HOME": folder,
            "XDG_CACHE_HOME": folder,
            "TERM": "xterm-256color",
        }
        return Terminal(["termshark", "-r", *map(str, words)], 80, 24, environ, ROOT)

    numbered = re.compile(r"^\W*1 +0\.000", re.ASCII)

    def ours(folder: str, *words: str | Path) -> Terminal:
        terminal = start(folder, 80, 24, *words)
        terminal.until(lambda rows: "Findings" in rows[0], SECONDS)
        terminal.press("3")
        return terminal

    for name, begin in (("termshark", theirs), ("oddport", ours)):
        took, after, down = [], [], "\x1b[B"
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="oddport-ui-") as folder, begin(folder, cut) as terminal:
                seen = terminal.until(lambda rows: any(numbered.match(row) for row in rows), SECONDS)
                took.append(seen - terminal.started)
                terminal.settle(3.0, 60.0)
                after += [print_after(terminal, down) for _ in range(keys // rounds)]
        report(f"{name}: 1 M packets, start to rows", took, None, f"median {statistics.median(took):.2f} s")
        report(f"{name}: key to first print", after, None, f"keys: {len(after)}")


def measure(
    report: Report, start: Callable[..., Terminal], press: Callable[..., list[float]], peak: Callable[[int], float],
    corpora: Path, work: Path, rounds: int, keys: int,
) -> None:  # fmt: skip
    """All of it."""
    capture, case = made(corpora, work)
    open_case(report, start, case, rounds)
    with tempfile.TemporaryDirectory(prefix="oddport-ui-") as folder, start(folder, 80, 24, case) as terminal:
        terminal.until(lambda rows: bool(first_row(rows)), SECONDS)
        for key, word in SCREENS:
            terminal.press(key)
            terminal.settle(2.0, 15.0)
            took = keys_of(terminal, press, keys)
            nearly = sorted(took)[int(len(took) * 0.99)]
            verdict = "ok" if nearly <= GOAL_NEARLY else "MISSED"
            report(
                f"key to picture, {word}",
                took,
                GOAL_KEY,
                f"keys: {len(took)}; 99 % {verdict} ≤ {GOAL_NEARLY * 1000:.0f}",
            )
        command = [sys.executable, "-m", "oddport", "load", str(capture), "--case", f"{folder}/other.oddport"]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as other:
            took = keys_of(terminal, press, keys)
            other.terminate()
        report("key to picture, another capture loads", took, GOAL_KEY_LOADING, f"keys: {len(took)}")
        memory = peak(terminal.process.pid)
        verdict = "ok" if memory <= GOAL_MB else "MISSED"
        print(f"{'memory of the dashboard':<38}{memory:>8.0f} MB  {verdict} ≤ {GOAL_MB} MB", flush=True)
    filters(report, start, case, rounds)
    if shutil.which("termshark") and shutil.which("editcap"):
        termshark(report, start, capture, work, min(rounds, 3), keys // 3)
    else:
        print("termshark or editcap is not here: no comparison")
