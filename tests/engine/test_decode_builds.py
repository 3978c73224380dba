"""Whatever bytes come, decode stays within them, and the compiled and the uncompiled build say the same of them."""

import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddport.engine.batch import KIND_UNREAD, Decoded, RecordBatch
from oddport.engine.links import KNOWN
from tests.engine import builds
from tests.engine.test_decode_links import CARRIERS
from tests.engine.wire import batch_of, ethernet, ip4, ip6, piece4, piece6, tcp, udp

SOURCE = builds.from_source()
LINKS = sorted(KNOWN)
PACKETS = [
    ip4(tcp(b"x" * 9, options=bytes(8)), 6),
    ip4(udp(b"x" * 9), options=b"\x01" * 8),
    ip4(bytes((17, 4)) + bytes(22) + udp(b"x"), 51),
    ip4(bytes(20), 132),
    ip6(bytes((60, 0)) + bytes(6) + bytes((43, 1)) + bytes(14) + tcp(b"x"), 0),
    ip6(bytes((17, 0, 0xC2, 4)) + struct.pack(">I", 24) + udp(b"xxxxxxxx"), 0, length=0),
    piece4(udp(b"x" * 24), 0, True),
    piece4(bytes(16), 1480, False),
    piece6(bytes((17, 0)) + bytes(6) + udp(b"x" * 8), 0, True, proto=60),
    piece6(bytes(16), 1232, True),
    piece6(udp(b"x"), 0, False),
]


def assert_builds_agree(batch: RecordBatch) -> Decoded:
    compiled, source = Decoded(), Decoded()
    for out in (compiled, source):
        for name in Decoded.__slots__:
            getattr(out, name)[: batch.count] = 7
    assert builds.installed().decode.decode(batch, compiled) == SOURCE.decode.decode(batch, source)
    for name in Decoded.__slots__:
        one, other = getattr(compiled, name)[: batch.count], getattr(source, name)[: batch.count]
        assert one.tolist() == other.tolist(), name
    return compiled


def assert_within(batch: RecordBatch, out: Decoded) -> None:
    """Payload, fragment and header lie inside of their frames; unread rows are empty."""
    rows = slice(batch.count)
    start, end = batch.start[rows], batch.start[rows] + batch.caplen[rows]
    read = out.kind[rows] != KIND_UNREAD
    for at, size in (
        (out.payload[rows], out.payload_captured[rows].astype(np.int64)),
        (out.fragment_start[rows], out.fragment_captured[rows].astype(np.int64)),
    ):
        held = read & (size > 0)
        assert (at[held] >= start[held]).all()
        assert (at[held] + size[held] <= end[held]).all()
    assert (out.payload_captured[rows] <= out.payload_wire[rows]).all()
    assert (out.fragment_captured[rows] <= out.fragment_wire[rows]).all()
    assert not out.payload_wire[rows][~read].any()


@pytest.mark.skipif(not builds.is_compiled(), reason="the engine is not compiled here: there is one build only")
def test_the_two_builds_are_two() -> None:
    assert str(SOURCE.decode.__file__).endswith(".py")
    assert SOURCE.decode.Locator is not builds.installed().decode.Locator


@given(st.sampled_from([*LINKS, 147]), st.binary(max_size=200), st.integers(0, 400))
@settings(max_examples=300, deadline=None)
def test_random_bytes_of_every_link_type(link: int, data: bytes, more: int) -> None:
    batch = batch_of([data], link, wire=[len(data) + more])
    assert_within(batch, assert_builds_agree(batch))


@given(st.sampled_from(sorted(CARRIERS)), st.data())
@settings(max_examples=400, deadline=None)
def test_known_frames_with_some_bytes_wrong_and_the_end_cut_off(name: str, data: st.DataObject) -> None:
    link, frame = CARRIERS[name]
    changed = bytearray(frame)
    for at in data.draw(st.lists(st.integers(0, len(frame) - 1), max_size=6)):
        changed[at] = data.draw(st.sampled_from((0, 1, 4, 6, 15, 17, 44, 60, 64, 127, 128, 255)))
    kept = bytes(changed[: data.draw(st.integers(0, len(frame)))])
    batch = batch_of([kept], link, wire=[data.draw(st.sampled_from((0, len(kept), len(frame), 0xFFFFFFFF)))])
    assert_within(batch, assert_builds_agree(batch))


@given(st.sampled_from(PACKETS), st.data())
@settings(max_examples=400, deadline=None)
def test_packets_with_absurd_lengths(packet: bytes, data: st.DataObject) -> None:
    changed = bytearray(packet)
    for at in data.draw(st.lists(st.integers(0, len(packet) - 1), max_size=5)):
        changed[at] = data.draw(st.integers(0, 255))
    kept = bytes(changed[: data.draw(st.integers(0, len(packet)))])
    batch = batch_of([kept], data.draw(st.sampled_from((101, 228, 229))), wire=[len(packet)])
    assert_within(batch, assert_builds_agree(batch))


def test_every_cut_of_every_frame() -> None:
    for link, frame in CARRIERS.values():
        batch = batch_of([frame[:size] for size in range(len(frame) + 1)], link)
        assert_within(batch, assert_builds_agree(batch))


def test_every_cut_of_every_packet() -> None:
    for packet in PACKETS:
        frames = [ethernet(packet)[:size] for size in range(len(packet) + 15)]
        batch = batch_of(frames, 1, wire=[len(packet) + 14] * len(frames))
        assert_within(batch, assert_builds_agree(batch))


@pytest.mark.parametrize(
    "frame",
    [
        b"\x02" * 12 + b"\x81\x00\x00\x05" * 60_000,
        b"\x02" * 12 + b"\x88\x47" + b"\x00\x01\x00\x40" * 60_000,
        b"\x02" * 12 + b"\x88\x47" + (b"\x00\x01\x01\x40" + b"\x02" * 12 + b"\x88\x47") * 10_000,
        b"\x02" * 12 + b"\x88\x64" + (b"\x11\x00\x00\x01\x00\x00\x02\x81" + b"\x00\x01\x01\x40" + bytes(16)) * 5_000,
    ],
)
def test_endless_stacks_end_with_the_frame(frame: bytes) -> None:
    batch = batch_of([frame], 1)
    out = assert_builds_agree(batch)
    assert out.kind[0] == KIND_UNREAD


def test_a_batch_of_all_kinds_of_frames_is_decoded_row_by_row() -> None:
    draw = random.Random(1571)
    frames = [ethernet(draw.choice(PACKETS)) for _ in range(1500)]
    batch = batch_of(frames, 1)
    together = assert_builds_agree(batch)
    for row in draw.sample(range(1500), 40):
        alone = Decoded()
        builds.installed().decode.decode(batch_of([frames[row]], 1), alone)
        shift = int(batch.start[row])
        for name in Decoded.__slots__:
            value = int(getattr(alone, name)[0])
            if name in ("payload", "ip_header", "fragment_start") and value:
                value += shift
            assert int(getattr(together, name)[row]) == value, name
