"""Reassembly against a byte-by-byte model of it, against scapy's cutting, and compiled against uncompiled."""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddport.engine.batch import Decoded
from oddport.engine.trains import FRAGMENTS_KEPT, Train
from tests.engine import builds
from tests.engine.wire import batch_of, piece4, piece6, tcp, udp

INSTALLED = builds.installed()
SOURCE = builds.from_source()


@dataclass
class Model:
    """RFC 791's reassembly with one entry a byte; whoever comes first stays."""

    held: dict[int, int] = field(default_factory=dict)
    ranges: set[tuple[int, int]] = field(default_factory=set)
    said: set[str] = field(default_factory=set)
    end: int | None = None

    def take(self, offset: int, more: bool, data: bytes) -> bool:
        """Put a fragment in; gives whether the datagram is complete."""
        places = range(offset, offset + len(data))
        there = [at for at in places if at in self.held]
        if any(self.held[at] != data[at - offset] for at in there):
            self.said.add("conflicting_overlap")
        elif there and (offset, len(data)) in self.ranges:
            self.said.add("duplicate")
        elif there:
            self.said.add("overlap")
        if not more:
            if self.end is not None and self.end != places.stop:
                self.said.add("two_tails")
            if self.end is None:
                self.end = places.stop
        for at in places:
            self.held.setdefault(at, data[at - offset])
        self.ranges.add((offset, len(data)))
        if self.end is not None and max(self.held, default=-1) >= self.end:
            self.said.add("past_end")
        return self.end is not None and all(at in self.held for at in range(self.end))

    def holes(self) -> list[tuple[int, int]]:
        """Missing bytes as runs."""
        top = max(self.held, default=-1) + 1
        missing = [at for at in range(top if self.end is None else self.end) if at not in self.held]
        runs: list[tuple[int, int]] = []
        for at in missing:
            if runs and runs[-1][1] == at - 1:
                runs[-1] = (runs[-1][0], at)
            else:
                runs.append((at, at))
        return runs if self.end is not None else [*runs, (top, -1)]


def reassemble(build: object, frames: list[bytes], batches: int = 1) -> tuple[list[Train], list[list[tuple[int, ...]]]]:
    """Trains by id, and the columns of every batch's rows."""
    table = build.fragments.FragmentTable(trains_max=20, bytes_max=1 << 18)  # type: ignore[attr-defined]
    columns, trains = [], []
    size = -(-len(frames) // batches) or 1
    for first in range(0, len(frames), size):
        batch, out = batch_of(frames[first : first + size], first=first), Decoded()
        build.decode.decode(batch, out)  # type: ignore[attr-defined]
        table.take(batch, out, first)
        columns.append([tuple(getattr(out, name)[: batch.count].tolist()) for name in Decoded.__slots__])
        columns.append([tuple(table.buffer.tolist())])
        trains += table.closed()
    trains += table.finish()
    return sorted(trains, key=lambda train: train.id), columns


def told(train: Train) -> tuple[object, ...]:
    """All of a train in a form that compares."""
    return tuple(
        sorted(value) if isinstance(value, set) else value
        for value in (getattr(train, name) for name in Train.__slots__)
    )


GRAIN = st.tuples(
    st.integers(0, 9).map(lambda step: step * 8), st.booleans(), st.binary(min_size=1, max_size=33), st.booleans()
)
ALPHABET = st.lists(GRAIN, min_size=1, max_size=14)


@given(ALPHABET, st.booleans())
@settings(max_examples=600, deadline=None)
def test_small_trains_agree_with_the_model(grains: list[tuple[int, bool, bytes, bool]], six: bool) -> None:
    # proto 99: no transport header is read, so that bytes are bytes; half of the fragments repeat a known pattern
    pattern = bytes(range(200))
    model, frames, complete = Model(), [], False
    for offset, more, noise, plain in grains:
        if offset == 0 and not more:
            continue  # a whole packet
        data = pattern[offset : offset + len(noise)] if plain else noise
        frames.append((piece6 if six else piece4)(data, offset, more, proto=99))
        complete = model.take(offset, more, data)
        if complete:
            break
    if not frames:
        return
    (train,), columns = reassemble(INSTALLED, frames, 1)
    named = {"conflicting_overlap", "duplicate", "overlap", "two_tails", "past_end"}
    assert train.anomalies & named == model.said
    assert train.complete == complete
    assert train.total == model.end
    assert train.holes == ([] if complete else model.holes())
    whole = model.end if model.end is not None else 10**6
    prefix = bytes(
        model.held[at] for at in range(next(at for at in range(whole + 1) if at == whole or at not in model.held))
    )
    assert train.datagram == prefix
    assert sum(columns[0][list(Decoded.__slots__).index("reassembled")]) == complete


@given(st.integers(1, 40), st.integers(2, 9), st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_shuffled_datagram_comes_out_as_it_went_in(units: int, step: int, draw: random.Random, six: bool) -> None:
    data = udp(draw.randbytes(units * 8 + draw.randrange(8)))
    make = piece6 if six else piece4
    frames = [make(data[at : at + step * 8], at, at + step * 8 < len(data)) for at in range(0, len(data), step * 8)]
    if len(frames) < 2:
        return
    draw.shuffle(frames)
    (train,), _ = reassemble(INSTALLED, frames, draw.randrange(1, 4))
    assert train.complete
    assert train.datagram == data
    assert train.anomalies <= {"tiny", "tiny_first"}


def hostile(draw: random.Random) -> bytes:
    """A fragment that may be anything."""
    shape = draw.random()
    data = draw.choice((udp(b"u" * 40), tcp(b"t" * 40), bytes(48), draw.randbytes(draw.randrange(60))))
    offset = draw.choice((0, 0, 8, 16, 40, 48, 400, 65000, 65528))
    more, ident = draw.random() < 0.6, draw.randrange(6)
    if shape < 0.5:
        frame = piece4(
            data, offset, more, ident=ident, proto=draw.choice((17, 17, 6, 1, 51)), ttl=draw.choice((64, 64, 1)),
            bits=draw.choice((0, 0, 2, 4)), options=draw.choice((b"", bytes(8))),
        )  # fmt: skip
    else:
        before, number = draw.choice(
            (
                (b"", 44),
                (bytes((44, 0)) + bytes(6), 60),
                (bytes((44, 0, 0, 0)) + bytes(4), 44),
                (bytes((44, 4)) + bytes(22), 51),
            )
        )
        body = draw.choice((data, bytes((17, 0)) + bytes(6) + data, bytes((17, 0, 0, 1)) + bytes(4) + data))
        frame = piece6(
            body, offset, more, ident=ident, proto=draw.choice((17, 6, 60, 44, 58, 0, 51)), odd=draw.choice((0, 0, 7)),
            before=before, before_proto=number,
        )  # fmt: skip
    if draw.random() < 0.1:
        frame = frame[: draw.randrange(len(frame) + 1)]
    if draw.random() < 0.1 and frame:
        at = draw.randrange(len(frame))
        frame = frame[:at] + bytes((draw.randrange(256),)) + frame[at + 1 :]
    return frame


def traffic(draw: random.Random, count: int) -> list[bytes]:
    """Frames of trains as honest senders make them, several at a time, of which few are disturbed."""
    under_way: list[list[bytes]] = []
    before: list[list[bytes]] = []
    frames: list[bytes] = []
    while len(frames) < count:
        if len(under_way) < draw.choice((1, 3, 30)):
            under_way.append(honest(draw) if not before or draw.random() < 0.9 else list(draw.choice(before)))
            before.append(list(under_way[-1]))
        train = draw.choice(under_way)
        if draw.random() < 0.02:
            frames.append(hostile(draw))
        if draw.random() < 0.02 and len(train) > 1:
            train[0], train[1] = train[1], train[0]
        frames.append(train.pop(0))
        if not train:
            under_way.remove(train)
    return frames


def honest(draw: random.Random) -> list[bytes]:
    """A train in order; its protocol, its UDP length and its TTLs may be anything that occurs."""
    body = draw.randbytes(draw.randrange(1, 20) if draw.random() < 0.3 else draw.randrange(300, 3_000))
    proto, data = draw.choice(
        (
            (17, udp(body)),
            (6, tcp(body)),
            (6, tcp(body, options=bytes(8))),
            (1, body),
            (44, body),
            (58, body),
            (132, body),
            (17, udp(body, length=9)),
            (17, udp(body, length=0)),
        )
    )
    step, ident, size = draw.choice((8, 24) if len(data) < 60 else (256, 520, 1480)), draw.randrange(60), len(data)
    make = draw.choice((piece4, piece4, piece6))
    before = draw.choice(((44, 60), (44, 44))) if make is piece6 and draw.random() < 0.2 else None
    odd: dict[str, Any] = {"ttl": 61} if make is piece4 and draw.random() < 0.05 else {}
    same: dict[str, Any] = {"before": bytes((before[0], 0)) + bytes(6), "before_proto": before[1]} if before else {}
    return [
        make(data[at : at + step], at, at + step < size, ident=ident, proto=proto, **(odd if at else {}), **same)
        for at in range(0, size, step)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_plain_trains_are_the_same_whichever_way_they_go(seed: int) -> None:
    # within one batch they are sums; cut into batches of one row, each gets an Assembly
    frames = traffic(random.Random(seed), 400)
    sums, rows = reassemble(INSTALLED, frames, 1)
    assert sum(train.complete for train in sums) > 20
    for batches in (len(frames), 7):
        others, _ = reassemble(INSTALLED, frames, batches)
        assert [told(train) for train in sums] == [told(train) for train in others]
    source, source_rows = reassemble(SOURCE, frames, 1)
    assert [told(train) for train in sums] == [told(train) for train in source]
    assert rows == source_rows


@pytest.mark.parametrize("seed", range(40))
def test_the_two_builds_say_the_same_of_hostile_fragments(seed: int) -> None:
    draw = random.Random(seed)
    frames = [hostile(draw) for _ in range(300)]
    one, one_rows = reassemble(INSTALLED, frames, 4)
    other, other_rows = reassemble(SOURCE, frames, 4)
    assert [told(train) for train in one] == [told(train) for train in other]
    assert one_rows == other_rows


@pytest.mark.parametrize("seed", range(5))
def test_how_fragments_are_split_into_batches_changes_no_train(seed: int) -> None:
    draw = random.Random(seed)
    frames = [hostile(draw) for _ in range(200)]
    whole, _ = reassemble(INSTALLED, frames, 1)
    pieces, _ = reassemble(INSTALLED, frames, 200)
    assert [told(train) for train in whole] == [told(train) for train in pieces]


@pytest.mark.skipif(not builds.is_compiled(), reason="the engine is not compiled here: there is one build only")
def test_the_two_builds_are_two() -> None:
    assert SOURCE.fragments.FragmentTable is not INSTALLED.fragments.FragmentTable
    assert str(SOURCE.reassembly.__file__).endswith(".py")


def test_what_scapy_cuts_is_put_together_again() -> None:
    inet = pytest.importorskip("scapy.layers.inet", reason="scapy is not installed")
    inet6 = pytest.importorskip("scapy.layers.inet6")
    body = inet.UDP(sport=1111, dport=2222) / (bytes(range(256)) * 20)
    four = inet.IP(src="10.0.0.1", dst="10.0.0.2", id=9) / body
    six = inet6.IPv6(src="2001:db8::1", dst="2001:db8::2") / inet6.IPv6ExtHdrFragment(id=9) / body
    for packet, parts in ((four, inet.fragment(four, 1480)), (six, inet6.fragment6(six, 1280))):
        frames = [bytes(part) for part in parts]
        assert len(frames) > 3
        (train,), _ = reassemble(INSTALLED, frames)
        assert train.complete
        assert train.anomalies == set()
        assert train.datagram == bytes(packet)[-len(body) :]


def test_thousands_of_small_fragments_in_a_bad_order_are_put_together() -> None:
    data = bytes(random.Random(3).randbytes(65_504))
    frames = [piece4(data[at : at + 8], at, at + 8 < len(data), proto=99) for at in range(0, len(data), 8)]
    assert len(frames) > 15 * FRAGMENTS_KEPT
    (train,), _ = reassemble(INSTALLED, frames[1::2][::-1] + frames[::2], 2)
    assert train.complete
    assert train.datagram == data
