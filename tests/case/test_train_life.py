"""A train's life is told from its rows: arrivals, holes as RFC 815 keeps them, and how it ended."""

import random
from pathlib import Path

import pytest

from oddport.case.model import TrainRow
from oddport.case.reader import CaseReader
from oddport.case.train_life import CAPTURE_ENDED, COMPLETE, ENDLESS, EXPIRED, GIVEN_UP, Life, filled, life_of
from oddport.case.train_rows import WaitingTrains
from oddport.case.writer import CaseWriter
from oddport.engine.batch import Decoded
from oddport.engine.decode import decode
from oddport.engine.fragments import FragmentTable
from tests.engine.wire import SECOND, batch_of, piece4, piece6

BARE = 99


def rows(tmp_path: Path, frames: list[bytes], times: list[int], **limits: int) -> list[TrainRow]:
    """The trains of these frames, out of a case."""
    table, out = FragmentTable(**limits), Decoded()
    batch = batch_of(frames, times=times)
    decode(batch, out)
    table.take(batch, out, 0)
    with CaseWriter.create(tmp_path / "life.oddport") as writer:
        writer.begin_load(None)
        writer.put_trains(WaitingTrains(table.closed(), table.finish()))
        writer.finish_load("done")
    with CaseReader.open(tmp_path / "life.oddport") as reader:
        return reader.trains()


def life(tmp_path: Path, frames: list[bytes], ms: list[int], **limits: int) -> Life:
    (found,) = [each for each in rows(tmp_path, frames, [at * 10**6 for at in ms], **limits) if each.ip_id == 7]
    return life_of(found)


def test_each_fragment_leaves_its_holes_and_the_last_one_none(tmp_path: Path) -> None:
    frames = [piece4(b"a" * 16, 16, True, proto=BARE), piece4(b"b" * 5, 48, False, proto=BARE),
              piece4(b"c" * 16, 0, True, proto=BARE), piece4(b"a" * 16, 16, True, proto=BARE),
              piece4(b"d" * 16, 32, True, proto=BARE)]  # fmt: skip
    told = life(tmp_path, frames, [1_000, 1_002, 1_005, 1_006, 1_009])
    assert [step.holes for step in told.steps] == [
        ((0, 15), (32, ENDLESS)), ((0, 15), (32, 47)), ((32, 47),), ((32, 47),), (),
    ]  # fmt: skip
    assert [step.fills for step in told.steps] == [16, 5, 16, 0, 16]
    assert [step.after_ns // 10**6 for step in told.steps] == [0, 2, 5, 6, 9]
    assert (told.end, told.end_ns, told.expires_ns) == (COMPLETE, 1_009 * 10**6, 61 * SECOND)


FIRST = piece4(b"a" * 16, 0, True, proto=BARE)
LATER = piece4(b"z" * 16, 0, True, proto=BARE, ident=9)


def test_train_whose_timer_runs_out_ends_then(tmp_path: Path) -> None:
    told = life(tmp_path, [FIRST, LATER], [1_000, 100_000])
    assert (told.end, told.end_ns) == (EXPIRED, 61 * SECOND)
    assert told.steps[-1].holes == ((16, ENDLESS),)


def test_train_that_the_capture_ends_in_ends_with_its_last_fragment(tmp_path: Path) -> None:
    told = life(tmp_path, [FIRST, LATER], [1_000, 2_000])
    assert (told.end, told.end_ns, told.expires_ns) == (CAPTURE_ENDED, SECOND, 61 * SECOND)


def test_train_that_memory_ran_short_for_says_so(tmp_path: Path) -> None:
    told = life(tmp_path, [FIRST, LATER], [1_000, 2_000], trains_max=1)
    assert told.end == GIVEN_UP


def test_bytes_of_no_datagram_fill_no_hole(tmp_path: Path) -> None:
    frames = [FIRST, piece4(b"b" * 16, 16, True, proto=98), piece4(b"c" * 16, 65_528, False, proto=BARE)]
    told = life(tmp_path, frames, [1, 2, 3])
    assert [step.holes for step in told.steps] == [((16, ENDLESS),)] * 3
    assert [step.fills for step in told.steps] == [16, 0, 0]


@pytest.mark.parametrize("seed", range(40))
def test_last_holes_are_those_that_the_engine_counts(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    make = piece4 if seed % 2 else piece6
    frames = []
    for _ in range(draw.randrange(2, 12)):
        offset, more = draw.randrange(0, 12) * 8, draw.random() < 0.7
        frames.append(make(b"x" * draw.randrange(0, 33), offset, more or not offset, proto=BARE))
    found = [each for each in rows(tmp_path, frames, list(range(1, len(frames) + 1))) if each.ip_id == 7]
    for train in found:
        told = life_of(train)
        assert (told.end == COMPLETE) == train.complete
        assert told.steps[-1].holes == train.holes


def test_hole_is_cut_in_two_or_gone() -> None:
    assert filled(((0, 99),), 40, 8, True) == ((0, 39), (48, 99))
    assert filled(((0, 99),), 0, 100, True) == ()
    assert filled(((0, 39), (48, 99)), 32, 24, True) == ((0, 31), (56, 99))
    assert filled(((0, ENDLESS),), 0, 8, False) == ()
    assert filled(((16, ENDLESS),), 8, 8, False) == ()
