"""What a fragment train costs, stage by stage: processor time of the engine, each detector and the case, a train.

    python benchmarks/fragments.py CAPTURE [--rounds 3]

Every stage is run over the whole capture by itself, what comes before it not counted; the best round counts.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time

from oddport.capture import open_capture
from oddport.case.train_rows import WaitingTrains
from oddport.case.writer import CaseWriter
from oddport.detection.model import Detector
from oddport.detection.registry import load
from oddport.detection.runner import Runner
from oddport.engine.batch import Decoded
from oddport.engine.decode import decode
from oddport.engine.fragments import FragmentTable
from oddport.engine.trains import TrainBatch


class Stopwatch:
    """Processor seconds by stage."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Counts what runs inside."""
        began = process_time()
        yield
        self.spent[stage] = self.spent.get(stage, 0.0) + process_time() - began


def judging(detector: type[Detector]) -> Callable[[list[TrainBatch]], None]:
    """Runs a detector over all trains."""

    def judged(batches: list[TrainBatch]) -> None:
        runner = Runner([detector])
        for batch in batches:
            runner.trains(batch)
        runner.finish()
        assert not runner.errors, runner.errors[0].trace

    return judged


def stored(batches: list[TrainBatch]) -> None:
    """All trains into a case."""
    with tempfile.TemporaryDirectory() as folder, CaseWriter.create(Path(folder) / "bench.oddport") as writer:
        writer.begin_load(None)
        writer.put_trains(WaitingTrains(*batches))
        writer.finish_load("done")


STAGES: dict[str, Callable[[list[TrainBatch]], None]] = {
    **{kind.name: judging(kind) for kind in load()[0] if "trains" in kind.needs},
    "case": stored,
}


def measure(path: Path, watch: Stopwatch) -> tuple[int, int]:
    """One round; gives the number of trains and of fragments."""
    table, out, first = FragmentTable(), Decoded(), 0
    batches: list[TrainBatch] = []
    with tempfile.TemporaryDirectory() as folder, open_capture([path], workdir=Path(folder)) as reader:
        for batch in reader.batches():
            decode(batch, out)
            with watch.of("engine: take"):
                table.take(batch, out, first)
            with watch.of("engine: closed"):
                batches.append(table.closed())
            first += batch.count
        with watch.of("engine: closed"):
            batches.append(table.finish())
    batches = [batch for batch in batches if len(batch)]
    for stage, run in STAGES.items():
        with watch.of(stage):
            run(batches)
    return sum(map(len, batches)), sum(int(batch.trains["count"].sum()) for batch in batches)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("capture", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rounds = []
    for _ in range(given.rounds):
        watch = Stopwatch()
        trains, fragments = measure(given.capture, watch)
        rounds.append(watch.spent)
    print(f"{trains:,} trains of {fragments:,} fragments; best of {given.rounds}")
    for stage in rounds[0]:
        best = min(spent[stage] for spent in rounds)
        print(f"{stage:<18} {best:8.3f} s {best / max(trains, 1) * 1e6:8.2f} µs a train")


if __name__ == "__main__":
    main()
