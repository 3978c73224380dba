#!/usr/bin/env python3
"""Times the dashboard as a person sees it: processes in a pseudo-terminal, from the start or the key to the picture.

usage: benchmarks/ui.py [CAPTURE] [--large] [--corpora DIR] [--work DIR] [--rounds N] [--keys N]

Without CAPTURE, bench_mix is made as benchmarks/load.py makes it. A picture counts from the moment at which its last
byte was read; processor time of the dashboard (without its loader) stands beside, since it means something on a machine
that is busy with other things too. Keys are pressed 30 to 120 ms apart, in turn down and up. --large measures
a finished case of 1 M flows and 10 M packets instead (benchmarks/large.py).
"""

import argparse
import os
import platform
import random
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import large  # noqa: E402 - the project beside this script, installed or not
from benchmarks.load import make  # noqa: E402 - the project beside this script, installed or not
from oddport.case.writer import CaseWriter  # noqa: E402
from tools.terminal import Terminal  # noqa: E402

SIZES = ((80, 24), (200, 50))
CURSOR = "▌"
GOAL_EMPTY, GOAL_ROWS, GOAL_KEY = 0.5, 1.0, 0.05
"""Seconds: first picture without a capture, first rows of a capture, 95 of 100 keys while it loads."""
SECONDS = 120.0
PAUSES = (0.03, 0.12)


def dashboard(folder: str, columns: int, rows: int, *words: str | Path) -> Terminal:
    """`oddport WORDS` in a terminal of that size."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "ODDPORT_DATA": folder, "TERM": "xterm-256color"}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return Terminal([sys.executable, "-m", "oddport", *map(str, words)], columns, rows, environ, ROOT)


def painted(rows: list[str]) -> bool:
    """The frame of the dashboard is there."""
    return "Findings" in rows[0] and any(rows[2:])


def cursor_row(rows: list[str]) -> int:
    """Where the row under the cursor is; -1 where there are no rows."""
    return next((place for place, row in enumerate(rows) if row.startswith(CURSOR)), -1)


def processor_seconds(process: int) -> float:
    """User and system time of a process so far (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(process: int) -> float:
    """Largest resident set of a process so far (proc_pid_status(5))."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def start_to(
    seen: Callable[[list[str]], bool], keys: str, rounds: int, *words: str | Path
) -> tuple[list[float], float]:
    """Seconds from the start of the process to a picture, each round with a new case; median processor time."""
    took, processor = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="oddport-ui-") as folder, dashboard(folder, 80, 24, *words) as terminal:
            if keys:
                terminal.until(painted, SECONDS)
                terminal.press(keys)
            took.append(terminal.until(seen, SECONDS) - terminal.started)
            processor.append(processor_seconds(terminal.process.pid))
    return took, statistics.median(processor)


def press_keys(terminal: Terminal, number: int, going_on: Callable[[list[str]], bool]) -> list[float]:
    """Seconds from each key to the cursor in its new row, for as long as `going_on`."""
    chance, took, down = random.Random(1), [], True
    while len(took) < number and going_on(terminal.screen.rows):
        terminal.settle(chance.uniform(*PAUSES), PAUSES[1])
        before = cursor_row(terminal.screen.rows)
        pressed = terminal.press("j" if down else "k")
        took.append(terminal.until(lambda rows, before=before: cursor_row(rows) not in (before, -1), SECONDS) - pressed)
        down = not down
    return took


def row(what: str, took: list[float], goal: float | None, beside: str) -> None:
    """A row of the table, in ms; the goal is for the median of pictures, and for 95 of 100 keys."""
    ordered = sorted(took)
    half, most, nearly = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99))
    held = most if beside.startswith("keys") else statistics.median(took)
    verdict = "" if goal is None else f"{'ok' if held <= goal else 'MISSED'} ≤ {goal * 1000:.0f} ms"
    print(
        f"{what:<38}{ordered[0] * 1000:>8.0f}{half * 1000:>8.0f}{most * 1000:>8.0f}{nearly * 1000:>8.0f}"
        f"  {verdict:<20}{beside}",
        flush=True,
    )


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", nargs="?", type=Path)
    parser.add_argument("--large", action="store_true")
    parser.add_argument(
        "--corpora", type=Path, default=Path(os.environ.get("ODDPORT_CORPORA", ROOT.parent / "shared/corpora"))
    )
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "oddport-bench")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--keys", type=int, default=300)
    options = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {options.rounds} rounds, "
        f"{os.getloadavg()[0]:.1f} other processes at work"
    )
    print(f"{'ms':<38}{'least':>8}{'half':>8}{'95 %':>8}{'99 %':>8}  {'goal':<20}")
    if options.large:
        rounds, keys = options.rounds, options.keys
        large.measure(row, dashboard, press_keys, peak_mb, options.corpora, options.work, rounds, keys)
        return
    capture = options.capture or make("bench_mix", options.corpora, options.work)
    with tempfile.TemporaryDirectory(prefix="oddport-ui-") as folder:
        empty = Path(folder) / "empty.oddport"
        CaseWriter.create(empty).close()
        start_to(painted, "", 1, empty)  # bytecode and the files of the libraries are in memory from here on
        starts = (
            ("first picture, empty dashboard", painted, "", (empty,), GOAL_EMPTY),
            ("first finding of the capture", lambda rows: cursor_row(rows) >= 0, "", (capture,), GOAL_ROWS),
            ("first flows of the capture, by key 2", lambda rows: cursor_row(rows) >= 0, "2", (capture,), GOAL_ROWS),
        )
        for what, seen, keys, words, goal in starts:
            took, processor = start_to(seen, keys, options.rounds, *words)
            row(what, took, goal, f"{processor:.2f} s of processor time")
        for columns, rows in SIZES:
            case = Path(folder) / f"{columns}.oddport"
            with dashboard(folder, columns, rows, "--case", case, capture) as terminal:
                terminal.until(painted, SECONDS)
                terminal.press("2")
                terminal.until(lambda rows: cursor_row(rows) >= 0 and "cancel" in rows[1], SECONDS)
                took = press_keys(terminal, options.keys, lambda rows: "cancel" in rows[1])
                row(f"key to picture, loading, {columns}×{rows}", took, GOAL_KEY, f"keys: {len(took)}")
                terminal.until(lambda rows: "cancel" not in rows[1], SECONDS)
                terminal.settle(1.0, 5.0)
                took = press_keys(terminal, options.keys, lambda rows: True)
                memory = peak_mb(terminal.process.pid)
                row(f"key to picture, loaded, {columns}×{rows}", took, None, f"keys: {len(took)}; {memory:.0f} MB peak")


if __name__ == "__main__":
    main()
