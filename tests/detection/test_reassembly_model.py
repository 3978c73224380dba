"""Every policy puts every train together as its published rule does, byte by byte."""

import random

import pytest

from oddport.detection.reassembly import POLICIES, Piece, pieces_of, reading, readings
from oddport.engine.batch import Decoded
from oddport.engine.decode import decode
from oddport.engine.fragments import FragmentTable
from oddport.engine.trains import Train
from tests.detection.reassembly_model import Part, overlaps, reassembled
from tests.engine.wire import batch_of, piece4, piece6

TRAINS, BATCH = 10_000, 500
BARE = 99
"""A protocol without a header: bytes are bytes."""


def drawn(draw: random.Random) -> list[Part]:
    """Fragments of one datagram, some of which repeat, overlap or contradict others; the last one is anywhere."""
    size = draw.randrange(3, 12) * 8
    true = draw.randbytes(size + 8)
    parts: list[Part] = []
    for _ in range(draw.randrange(1, 8)):
        first = draw.randrange(0, size, 8)
        stop = min(size, first + draw.randrange(1, 6) * 8)
        data = true[first:stop] if draw.random() < 0.4 else draw.randbytes(stop - first)
        parts.append(Part(first, data, True))
        if draw.random() < 0.1:
            parts.append(parts[-1])
    if not any(part.offset == 0 for part in parts):
        parts.insert(draw.randrange(len(parts)), Part(0, true[:8], True))
    if draw.random() < 0.8:
        parts.insert(draw.randrange(len(parts) + 1), Part(size, true[size : size + draw.randrange(1, 8)], False))
    return parts


def trains_of(many: list[list[Part]], version: int) -> list[Train]:
    """What the engine makes of them, each with an id of its own, as far as its first fragment is not a whole packet."""
    make = piece4 if version == 4 else piece6
    found: list[Train] = []
    for first in range(0, len(many), BATCH):
        table, out = FragmentTable(), Decoded()
        frames = [
            make(part.data, part.offset, part.more, proto=BARE, ident=ident)
            for ident, parts in enumerate(many[first : first + BATCH], 1)
            for part in parts
        ]
        batch = batch_of(frames)
        decode(batch, out)
        table.take(batch, out, 0)
        by_id = {}
        for train in [*table.closed(), *table.finish()]:
            by_id.setdefault(train.ip_id, train)
        found += [by_id[ident] for ident in range(1, len(many[first : first + BATCH]) + 1)]
    return found


def until_complete(parts: list[Part]) -> list[Part]:
    """What comes before a datagram is complete, and what completes it; the rest is no part of it."""
    seen: set[int] = set()
    end = None
    for number, part in enumerate(parts, 1):
        seen |= set(range(part.offset, part.end))
        end = part.end if end is None and not part.more else end
        if end is not None and seen >= set(range(end)):
            return parts[:number]
    return parts


@pytest.mark.parametrize("version", [4, 6])
def test_ten_thousand_trains_are_read_as_each_rule_has_it(version: int) -> None:
    draw = random.Random(791 + version)
    many = [drawn(draw) for _ in range(TRAINS // 2)]
    contradicted = 0
    for parts, train in zip(many, trains_of(many, version), strict=True):
        parts = until_complete(parts)
        told = readings(train)
        contradicted += len(set(told.values())) > 2
        for policy in POLICIES:
            assert told[policy] == reassembled(parts, policy), (policy, parts)
    assert contradicted > TRAINS // 5


def test_ten_thousand_sets_of_pieces_are_read_as_each_rule_has_it() -> None:
    draw = random.Random(815)
    dropped = 0
    for _ in range(TRAINS):
        parts = drawn(draw)
        pieces = [Piece(part.offset, len(part.data), part.data, part.more) for part in parts]
        dropped += overlaps(parts)
        for policy in POLICIES[:-1]:
            assert reading(pieces, policy) == reassembled(parts, policy), (policy, parts)
    assert dropped > TRAINS // 2


def test_reading_ends_with_the_limit_and_with_what_was_not_captured() -> None:
    whole = [Piece(0, 8, b"12345678", True), Piece(8, 8, b"abcd", False)]
    assert reading(whole, "first") == b"12345678abcd"
    assert reading(whole, "first", 5) == b"12345"
    assert reading([*whole, Piece(8, 8, b"ABCDEFGH", False)], "first") == b"12345678abcd"
    assert reading([*whole, Piece(8, 8, b"ABCDEFGH", False)], "last") == b"12345678ABCDEFGH"
    assert reading([], "last") == b""


def test_fragments_that_are_no_part_of_the_datagram_are_left_out() -> None:
    frames = [
        piece4(b"A" * 16, 0, True, proto=BARE), piece4(b"B" * 16, 0, True, proto=98),
        piece4(b"C" * 16, 65_528, False, proto=BARE), piece4(b"D" * 16, 8, False, proto=BARE),
    ]  # fmt: skip
    table, out, batch = FragmentTable(), Decoded(), batch_of(frames)
    decode(batch, out)
    table.take(batch, out, 0)
    (train,) = table.finish()
    assert [piece.data for piece in pieces_of(train)] == [b"A" * 16, b"D" * 16]
    assert readings(train)["last"] == b"A" * 8 + b"D" * 16
