#!/usr/bin/env python3
"""Replays a capture for long into `oddport live`, and looks whether its processes and its case stay as they are.

usage: benchmarks/soak.py CAPTURE [--minutes N] [--rate N] [--case-limit MB] [--ring MB] [--work DIR]

Every --every seconds: resident memory of each process of the load by what it is (loader, naming process, capturing
child, one for more of a kind), bytes of the case with its log, and of the ring. Memory is flat where the largest of the
second half is at most a tenth above that of the first half without its first sixth (ten minutes of an hour). Exit
status 1 where memory is not flat, or the case is beyond its limit by more than its log and a block of packets.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import psutil
from wire import Loader, enter_namespace, replay, sent_by

MB = 1_000_000
FLAT = 1.10
BEYOND = 34 * MB + 4 * MB
"""The log may hold 32 MiB, a block of packets about 2 MB."""


def kind_of(process: psutil.Process) -> str:
    """What a process of the load is."""
    words = process.cmdline()
    return "loader" if "oddport.loading" in words else "naming" if "python" in words[0] else Path(words[0]).name


def resident(loader: Loader) -> dict[str, int]:
    """Resident bytes by kind."""
    found: dict[str, int] = {}
    top = psutil.Process(loader.process.pid)
    for process in (top, *top.children(recursive=True)):
        try:
            kind = kind_of(process)
            found[kind] = found.get(kind, 0) + process.memory_info().rss
        except (psutil.NoSuchProcess, IndexError):
            continue  # ended since
    return found


def size_of(place: Path) -> int:
    """Bytes of a case with what lies beside it in the same folder, or of a folder."""
    if place.is_dir():
        return sum(each.stat().st_size for each in place.rglob("*") if each.is_file())
    return sum(each.stat().st_size for each in place.parent.glob(place.name + "*") if each.is_file())


def is_flat(sizes: list[int]) -> bool:
    """Whether the second half is as the first one was once it had begun."""
    first, second = sizes[len(sizes) // 6 : len(sizes) // 2], sizes[len(sizes) // 2 :]
    return bool(first and second) and max(second) <= FLAT * max(first)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("capture", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=5_000, help="packets a second")
    parser.add_argument("--case-limit", type=int, default=200, help="MB")
    parser.add_argument("--ring", type=int, default=500, help="MB")
    parser.add_argument("--every", type=float, default=5.0)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    enter_namespace()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        case = Path(folder) / "soak.oddport"
        loader = Loader(
            case, "--case-limit", str(options.case_limit * MB), "--ring-bytes", str(options.ring * MB // 5),
            "--ring-files", "5",
        )  # fmt: skip
        replaying = replay(options.capture, options.rate, options.minutes * 60)
        began, memory, largest, ring = time.monotonic(), dict[str, list[int]](), 0, 0
        while replaying.poll() is None and loader.process.poll() is None:
            time.sleep(options.every)
            for kind, size in resident(loader).items():
                memory.setdefault(kind, []).append(size)
            case_size, ring = size_of(case), size_of(Path(f"{case}.unpacked"))
            largest = max(largest, case_size)
            told = ", ".join(f"{kind} {sizes[-1] / MB:.0f} MB" for kind, sizes in memory.items())
            print(f"{time.monotonic() - began:7.0f} s  {loader.number('packets'):>12,} packets  {told}  "
                  f"case {case_size / MB:.0f} MB  ring {ring / MB:.0f} MB", flush=True)  # fmt: skip
        if loader.process.poll() is not None:
            sys.exit("The loader ended before the replay did.")
        sent, _ = sent_by(replaying)
        time.sleep(3)
        kernel, interface = loader.drops()
        loader.stop()
    steady = {kind: is_flat(sizes) for kind, sizes in memory.items() if len(sizes) >= 6}
    within = largest <= options.case_limit * MB + BEYOND
    print(f"sent {sent:,}, received {loader.number('packets'):,}, dropped by the kernel {kernel:,}, by the interface "
          f"{interface:,}")  # fmt: skip
    for kind, flat in steady.items():
        sizes = memory[kind]
        print(
            f"{kind}: {'flat' if flat else 'not flat'}, largest {max(sizes) / MB:.0f} MB, last {sizes[-1] / MB:.0f} MB"
        )
    print(f"case: largest {largest / MB:.0f} MB, limit {options.case_limit} MB, {'within' if within else 'beyond'}")
    return 0 if within and all(steady.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
