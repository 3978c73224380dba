#!/usr/bin/env python3
"""Times the stages between a capture's bytes and its flows: nanoseconds of processor time a packet.

usage: benchmarks/engine.py CAPTURE… [--rounds N]

Each round goes through the whole capture batch by batch, as a load does, and adds up the processor time (user and
system) of this thread in each stage; the smallest sum of all rounds is printed, since a busy machine only ever adds.

  read     bytes from the file into the reader's buffer
  records  record headers to columns, and the counts of the file
  decode   headers of packets to columns
  trains   fragments to datagrams, and the time that passes for them
  tunnels  packets inside packets
  flows    packets to flows, without their first bytes
  heads    what the first bytes add to that
  turn     what happens once a batch: flows that are over or named are given back

The last line runs a load's feeding in a thread beside a loop of plain Python: `both` is the larger of the two parts
where the engine lets go of the interpreter, and their sum where it does not.
"""

import argparse
import gc
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from oddport.capture import CaptureReader, open_capture  # noqa: E402 - the project beside this script, installed or not
from oddport.capture.stream import BUFFER  # noqa: E402
from oddport.engine.batch import Decoded, RecordBatch  # noqa: E402
from oddport.engine.columns import BATCH, packet_arrays  # noqa: E402
from oddport.engine.decode import decode  # noqa: E402
from oddport.engine.flows import FlowTable  # noqa: E402
from oddport.engine.fragments import FragmentTable  # noqa: E402
from oddport.engine.tunnels import Tunnels  # noqa: E402

BESIDE = 1_000_000
"""Rounds of the loop of plain Python for each second of feeding; some tens of ns each."""


class Engine:
    """The stages of a load from records to flows, each under its own clock."""

    def __init__(self, heads: bool) -> None:
        """`heads`: keep first bytes; without, every payload is taken for one that was not captured."""
        self.spent: Counter[str] = Counter()
        self.packets = 0
        self._heads = heads
        self._decoded, self._trains, self._flows = Decoded(), FragmentTable(), FlowTable()
        self._tunnels = Tunnels()
        self._columns = packet_arrays(BATCH)

    def take(self, batch: RecordBatch) -> None:
        """Everything that a load does with a batch before it names flows."""
        clock = time.thread_time_ns
        began = clock()
        decode(batch, self._decoded)
        decoded = clock()
        self._trains.take(batch, self._decoded, self.packets)
        trains = clock()
        woven = self._tunnels.weave(batch, self._decoded, self._trains.buffer, self.packets)
        tunnels = clock()
        decoded_all = self._decoded if woven is None else woven.decoded
        if not self._heads:
            decoded_all.payload_captured[:] = 0
        fed = clock()
        if woven is None:
            self._flows.feed(batch, self._decoded, self._trains.buffer, self._columns, self.packets)
        else:
            columns = packet_arrays(woven.batch.count)
            self._flows.feed(woven.batch, woven.decoded, woven.joined, columns, 0, woven.in_case)
        flows = clock()
        self._flows.sweep()
        taken = self._flows.take()
        self._flows.release(taken.slots[: taken.offered])
        self._trains.closed()
        self.spent.update(decode=decoded - began, trains=trains - decoded, tunnels=tunnels - trains)
        self.spent.update(flows=flows - fed, turn=clock() - flows)
        self.packets += batch.count

    def flows(self) -> int:
        """Flows so far."""
        return self._flows.count()


def read_only(path: Path) -> int:
    """ns of processor time to take the file's bytes into a buffer of the reader's size."""
    buffer = bytearray(BUFFER)
    began = time.thread_time_ns()
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.thread_time_ns() - began


def opened(path: Path, work: str) -> CaptureReader:
    return open_capture([path], workdir=Path(work))


def one_round(path: Path, work: str, heads: bool) -> tuple[Counter[str], Engine]:
    """ns of each stage over the whole capture, without the time of the cyclic garbage collector."""
    gc.disable()
    engine = Engine(heads)
    began = time.thread_time_ns()
    for batch in opened(path, work).batches():
        engine.take(batch)
    whole = time.thread_time_ns() - began
    gc.enable()
    spent = Counter(engine.spent)
    spent["records"] = whole - spent.total()
    return spent, engine


def stages(path: Path, work: str, rounds: int) -> None:
    """The table of one capture."""
    best: dict[str, int] = {}
    for _ in range(rounds):
        bare, _ = one_round(path, work, False)
        spent, engine = one_round(path, work, True)
        spent["read"], spent["bare"] = read_only(path), bare["flows"]
        best = {name: min(best.get(name, took), took) for name, took in spent.items()}
    best["records"] -= best["read"]
    best["heads"] = best["flows"] - best["bare"]
    best["flows"] = best.pop("bare")
    print(f"{path.name}: {engine.packets:,} packets, {engine.flows():,} flows; ns a packet, best of {rounds}")
    for name in ("read", "records", "decode", "trains", "tunnels", "flows", "heads", "turn"):
        print(f"  {name:8}{best[name] / engine.packets:8.1f}")
    print(f"  {'sum':8}{sum(best.values()) / engine.packets:8.1f}")


def plain_python(rounds: int) -> None:
    total = 0
    for number in range(rounds):
        total += number & 7


def beside(path: Path, work: str) -> None:
    """Wall time of feeding and of plain Python, apart and together."""

    def feed() -> None:
        one_round(path, work, True)

    def wall(*works: threading.Thread) -> float:
        began = time.perf_counter()
        for each in works:
            each.start()
        for each in works:
            each.join()
        return time.perf_counter() - began

    engine = wall(threading.Thread(target=feed))
    rounds = int(engine * 10 * BESIDE)
    python = wall(threading.Thread(target=plain_python, args=(rounds,)))
    both = wall(threading.Thread(target=feed), threading.Thread(target=plain_python, args=(rounds,)))
    print(f"  beside plain Python (wall s): engine {engine:.2f}, Python {python:.2f}, both {both:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="+", type=Path, metavar="CAPTURE")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with TemporaryDirectory() as work:
        for path in arguments.captures:
            stages(path, work, arguments.rounds)
            beside(path, work)


if __name__ == "__main__":
    main()
