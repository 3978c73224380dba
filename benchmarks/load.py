#!/usr/bin/env python3
"""Times loading a capture into a case against ndpiReader and tshark, as whole processes, in turn, in one run.

usage: benchmarks/load.py [CAPTURE…] [--corpora DIR] [--work DIR] [--rounds N] [--tshark-rounds N]

Without CAPTURE the four benchmark captures are built in --work by the makers in --corpora (make_bench.py and
make_synthetic.py). Each round runs every tool once on a file before the next round begins, so that a machine that slows
down slows all of them; the ratio is taken round by round and its median is printed. Memory is the largest resident set
of the process. `scan` is run once a file to compare its counts with the case's.
"""

import argparse
import json
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = {
    "bench_mix": ("make_bench.py", "OUT", "--mode", "mix"),
    "mixed": ("make_synthetic.py", "mixed", "OUT"),
    "small": ("make_synthetic.py", "small", "OUT"),
    "elephant": ("make_synthetic.py", "elephant", "OUT"),
}
OTHERS = {"many": ("make_synthetic.py", "mixed", "OUT", "--flows", "1000000", "--packets", "11500000")}
"""Captures of other benchmarks."""
GOALS = {"bench_mix": 0.35, "small": 0.35, "elephant": 0.90}
"""Largest wall time as a share of ndpiReader's."""
GOAL_TSHARK = 0.08
GOAL_MEMORY_MB = {"bench_mix": 350}


def run(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak resident MB of one process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{' '.join(command)} ended with status {os.waitstatus_to_exitcode(status)}")
    return took, usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)


def make(name: str, corpora: Path, work: Path) -> Path:
    """A benchmark capture, made where it is missing."""
    work.mkdir(parents=True, exist_ok=True)
    path = work / f"{name}.pcap"
    if not path.exists():
        maker, *words = (KINDS | OTHERS)[name]
        command = [sys.executable, str(corpora / maker), *(str(path) if word == "OUT" else word for word in words)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def counts_of_case(case: Path) -> tuple[int, int]:
    """(flows, findings) in a case."""
    with sqlite3.connect(f"file:{case}?mode=ro", uri=True) as database:
        (flows,) = database.execute("SELECT count(*) FROM flow").fetchone()
        (findings,) = database.execute("SELECT count(*) FROM finding").fetchone()
    return flows, findings


def counts_of_scan(capture: Path) -> tuple[int, int]:
    """(flows, findings) that `scan` prints."""
    command = [sys.executable, "-m", "oddport", "scan", "--format", "ndjson", str(capture)]
    tally = {"flow": 0, "finding": 0}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            kind = json.loads(line)["type"]
            if kind in tally:
                tally[kind] += 1
    return tally["flow"], tally["finding"]


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="*", type=Path)
    parser.add_argument(
        "--corpora", type=Path, default=Path(os.environ.get("ODDPORT_CORPORA", ROOT.parent / "shared/corpora"))
    )
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "oddport-bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tshark-rounds", type=int, default=1)
    options = parser.parse_args()
    captures = options.captures or [make(name, options.corpora, options.work) for name in KINDS]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{options.rounds} rounds; medians"
    )
    print(
        f"{'capture':<12}{'oddport s':>11}{'MB':>6}{'ndpi s':>9}{'MB':>7}{'ratio':>8}{'tshark s':>10}{'ratio':>8}"
        "  goals, counts"
    )
    for capture in captures:
        measure(capture, options.rounds, options.tshark_rounds)


def measure(capture: Path, rounds: int, tshark_rounds: int) -> None:
    """One row of the table."""
    ours, peers, tshark, ratios, tshark_ratios = [], [], [], [], []
    with tempfile.TemporaryDirectory(prefix="oddport-bench-") as folder:
        case = Path(folder) / "bench.oddport"
        for number in range(rounds):
            if shutil.which("ndpiReader"):
                peers.append(run(["ndpiReader", "-q", "-i", str(capture)]))
            for left in Path(folder).iterdir():
                left.unlink()
            ours.append(run([sys.executable, "-m", "oddport", "load", str(capture), "--case", str(case)]))
            if peers:
                ratios.append(ours[-1][0] / peers[-1][0])
            if number < tshark_rounds and shutil.which("tshark"):
                tshark.append(run(["tshark", "-q", "-z", "conv,tcp", "-r", str(capture)]))
                tshark_ratios.append(ours[-1][0] / tshark[-1][0])
        in_case = counts_of_case(case)
    printed = counts_of_scan(capture)
    name = capture.stem
    wall, memory = statistics.median(s for s, _ in ours), max(m for _, m in ours)
    ratio = statistics.median(ratios) if ratios else float("nan")
    slower = statistics.median(tshark_ratios) if tshark_ratios else float("nan")
    verdicts = []
    if ratios and name in GOALS:
        verdicts.append(f"{'ok' if ratio <= GOALS[name] else 'MISSED'} ≤ {GOALS[name]} × ndpiReader")
    if tshark_ratios:
        verdicts.append(f"{'ok' if slower <= GOAL_TSHARK else 'MISSED'} ≤ {GOAL_TSHARK} × tshark")
    if name in GOAL_MEMORY_MB:
        verdicts.append(f"{'ok' if memory <= GOAL_MEMORY_MB[name] else 'MISSED'} ≤ {GOAL_MEMORY_MB[name]} MB")
    verdicts.append(
        f"case {in_case[0]:,} flows {in_case[1]:,} findings, scan {'the same' if printed == in_case else printed}"
    )
    peer = (statistics.median(s for s, _ in peers), max(m for _, m in peers)) if peers else (float("nan"), float("nan"))
    third = statistics.median(s for s, _ in tshark) if tshark else float("nan")
    print(
        f"{name:<12}{wall:>11.2f}{memory:>6.0f}{peer[0]:>9.2f}{peer[1]:>7.0f}{ratio:>8.3f}{third:>10.1f}{slower:>8.3f}"
        f"  {'; '.join(verdicts)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
