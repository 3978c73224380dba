#!/usr/bin/env python3
"""Replays a capture at several rates and counts what `oddport live` receives and drops, beside `tcpdump -w` in one run.

usage: benchmarks/live.py CAPTURE [--rates 20000,100000,250000] [--seconds N] [--work DIR]

Both read the same end of a pair of virtual interfaces in a network namespace of its own. tcpdump has the same buffer in
the kernel as oddport's capturing child. "unread" is what neither the kernel counted as dropped nor oddport received.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wire import FAR, ROOT, Loader, enter_namespace, replay, sent_by

sys.path.insert(0, str(ROOT))
from oddport.capture.live.ways import KERNEL_BUFFER_KIB

QUIET_SECONDS = 15.0
"""Without a new packet for so long, nothing comes any more: longer than a loader that works pauses between reports."""


def beside(work: Path) -> "subprocess.Popen[str]":
    """tcpdump into a file, as it is called without more."""
    return subprocess.Popen(
        ["tcpdump", "-n", "-i", FAR, "-s", "0", "-B", str(KERNEL_BUFFER_KIB), "-w", str(work / "beside.pcap")],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def counts_of(tcpdump: "subprocess.Popen[str]") -> tuple[int, int]:
    """(packets captured, dropped by the kernel), once it is told to end."""
    tcpdump.terminate()
    said = tcpdump.communicate()[1]
    captured, dropped = (re.search(rf"(\d+) packets? {words}", said) for words in ("captured", "dropped by kernel"))
    if captured is None or dropped is None:
        sys.exit(f"tcpdump did not say what it captured: {said}")
    return int(captured[1]), int(dropped[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("capture", type=Path)
    parser.add_argument("--rates", default="20000,100000,250000", help="packets a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    enter_namespace()
    print(f"{'asked/s':>9} {'sent':>10} {'sent/s':>9} {'oddport':>10} {'kernel':>8} {'interface':>9} {'unread':>7} "
          f"{'tcpdump':>10} {'kernel':>8} {'caught up':>9}")  # fmt: skip
    for rate in map(int, options.rates.split(",")):
        with tempfile.TemporaryDirectory(dir=options.work) as folder:
            work = Path(folder)
            loader = Loader(work / "live.oddport")
            tcpdump = beside(work)
            time.sleep(1)
            sent, seconds = sent_by(replay(options.capture, rate, options.seconds))
            ended = moved = time.monotonic()
            before = loader.number("packets")
            while time.monotonic() - moved < QUIET_SECONDS:
                time.sleep(0.1)
                if before != (before := loader.number("packets")):
                    moved = time.monotonic()
            late = moved - ended
            kernel, interface = loader.drops()
            loader.stop()
            received = loader.number("packets")
            captured, dropped = counts_of(tcpdump)
        unread = max(0, sent - received - kernel)
        print(f"{rate:>9,} {sent:>10,} {round(sent / seconds):>9,} {received:>10,} {kernel:>8,} {interface:>9,} "
              f"{unread:>7,} {captured:>10,} {dropped:>8,} {max(0.0, late):>8.1f}s")  # fmt: skip


if __name__ == "__main__":
    main()
