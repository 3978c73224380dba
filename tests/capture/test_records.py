"""The record walkers, compiled and uncompiled: the same columns and states from any bytes, however they are cut."""

from dataclasses import fields
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import oddport.engine
from oddport.engine import records
from oddport.engine.batch import RecordBatch
from oddport.engine.columns import BATCH
from tests.capture.build import FRAME, block, enhanced, interface, obsolete, option, record, section, simple


def _uncompiled() -> ModuleType:
    spec = spec_from_file_location("records_uncompiled", Path(oddport.engine.__file__).parent / "records.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILDS = [records, _uncompiled()]
STATE = ("position", "status", "need", "reason", "detail")


def columns(batch: RecordBatch, rows: int) -> dict[str, list[int]]:
    """The first rows of all columns."""
    names = [part.name for part in fields(batch) if part.name not in ("data", "count")]
    return {name: getattr(batch, name)[:rows].tolist() for name in names}


def walk_pcap(build: Any, data: bytes, settings: tuple[bool, int, int, bool, int], limit: int) -> Any:
    """All that a walk over `data` gives, `limit` rows a call."""
    batch = RecordBatch()
    walker = build.PcapWalker(batch, *settings)
    told = []
    begin = 0
    for _ in range(len(data) + 2):
        rows = walker.walk(memoryview(data), begin, len(data), 1_000_000, 0, limit)
        told.append((columns(batch, rows), *(getattr(walker, name) for name in STATE)))
        begin = walker.position
        if walker.status != build.FULL:
            break
    return told


def walk_pcapng(build: Any, data: bytes, limit: int) -> Any:
    """As walk_pcap; sections and interfaces are taken in the plainest way."""
    batch = RecordBatch()
    walker = build.PcapngWalker(batch)
    told = []
    begin = 0
    for _ in range(len(data) + 2):
        rows = walker.walk(memoryview(data), begin, len(data), -5, 0, limit)
        told.append((columns(batch, rows), *(getattr(walker, n) for n in (*STATE, "clamped", "clamped_at"))))
        begin = walker.position
        if walker.status == build.BLOCK:
            body = data[begin : begin + walker.need]
            if body[:1] == b"\x0a":
                walker.start_section(body[8] == 0x1A)
            else:
                found = build.find_option(memoryview(body), 16, len(body) - 4, False, 9)
                told.append(found)
                resolution = body[found[0]] if found[0] >= 0 and found[1] else 6
                walker.add_interface(body[8], body[9], body[12], resolution, body[10] - 128)
            begin += walker.need
        elif walker.status != build.FULL:
            break
    return told


garbage = st.binary(max_size=200)
frames = st.binary(max_size=40)
u32 = st.one_of(st.integers(0, 100), st.integers(0, 2**32 - 1))
orders = st.sampled_from("<>")


@st.composite
def pcap_records(draw: st.DrawFn) -> bytes:
    """Records, some of which lie about their lengths, with garbage between them, cut anywhere."""
    order = draw(orders)
    parts = []
    for frame in draw(st.lists(frames, max_size=6)):
        lie = draw(st.none() | u32)
        extra = draw(st.sampled_from([b"", b"", bytes(4), bytes(8)]))
        parts.append(record(frame, draw(u32), draw(u32), order, draw(st.none() | u32), lie, extra))
        parts.append(draw(st.sampled_from([b"", b"", b"\xff"])))
    data = b"".join(parts) + draw(garbage)
    return data[: draw(st.integers(0, len(data)))]


@given(
    data=st.one_of(garbage, pcap_records()),
    settings=st.tuples(
        st.booleans(), st.sampled_from([1, 1000]), st.integers(16, 28), st.booleans(), st.integers(0, 2**33)
    ),
    limit=st.integers(1, 5),
)
@example(record(seconds=2**32 - 1, fraction=2**32 - 1), (False, 1000, 16, False, 1_000), 3)
@example(record(captured=2**32 - 1), (False, 1000, 16, False, 2**33), 3)
def test_both_builds_walk_the_same_classic_records(
    data: bytes, settings: tuple[bool, int, int, bool, int], limit: int
) -> None:
    compiled, uncompiled = (walk_pcap(build, data, settings, limit) for build in BUILDS)
    assert compiled == uncompiled
    for rows, position, *_ in compiled:
        assert 0 <= position <= len(data)
        for start, caplen in zip(rows["start"], rows["caplen"], strict=True):
            assert 0 <= start <= start + caplen <= len(data)


@st.composite
def pcapng_blocks(draw: st.DrawFn) -> bytes:
    """Blocks, most of them whole, in both byte orders, changed in a few bytes and cut anywhere."""
    order = draw(orders)
    parts = [section(order), interface(order=order)]
    for _ in range(draw(st.integers(0, 8))):
        frame, ticks, number = draw(frames), draw(st.integers(0, 2**64 - 1)), draw(st.integers(0, 2))
        options = option(9, draw(st.binary(min_size=1, max_size=2)), order)
        kinds = [
            section(draw(orders)),
            interface(draw(st.integers(0, 65_535)), draw(u32), options, order),
            enhanced(frame, ticks, number, order, draw(st.none() | u32), draw(st.none() | u32)),
            enhanced(frame, ticks, 0, order),
            simple(frame, draw(st.none() | u32), order),
            obsolete(frame, ticks, number, order=order),
            block(draw(u32), frame, order, draw(st.none() | u32), draw(st.none() | u32)),
        ]
        parts.append(draw(st.sampled_from(kinds)))
    data = bytearray(b"".join(parts) + draw(garbage))
    for at in draw(st.lists(st.integers(0, len(data) - 1), max_size=3)):
        data[at] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))])


@given(data=st.one_of(garbage, pcapng_blocks()), limit=st.integers(1, 5))
def test_both_builds_walk_the_same_blocks(data: bytes, limit: int) -> None:
    compiled, uncompiled = (walk_pcapng(build, data, limit) for build in BUILDS)
    assert compiled == uncompiled
    for told in compiled:
        if isinstance(told[0], dict):
            for start, caplen in zip(told[0]["start"], told[0]["caplen"], strict=True):
                assert 0 <= start <= start + caplen <= len(data)


def by_definition(ticks: int, resolution: int, offset: int) -> int:
    """The time in ns by unbounded integers, clamped where a whole second of it does not fit."""
    units: int = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    seconds, rest = divmod(ticks, units)
    seconds += offset
    if seconds > 9_223_372_035:
        return 2**63 - 1
    if seconds < -9_223_372_036:
        return -(2**63)
    ns: int = seconds * 10**9 + rest * 10**9 // units
    return ns


edges = st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 10**18, 10**19])


@given(
    ticks=st.one_of(edges, st.integers(0, 2**64 - 1)),
    resolution=st.integers(0, 255),
    offset=st.one_of(st.just(0), st.integers(-(10**10), 10**10), st.sampled_from([-(2**63), 2**63 - 1])),
)
def test_times_are_those_of_unbounded_integers(ticks: int, resolution: int, offset: int) -> None:
    if resolution in (0, 0x80, 0x81) and ticks >= 2**62:
        ticks >>= 2  # more than 2**62 s, taken back by an offset, are clamped all the same
    expected = by_definition(ticks, resolution, offset)
    assert [build.nanoseconds(ticks, resolution, offset) for build in BUILDS] == [expected, expected]


def copy(build: Any, source: bytes, start: list[int], target: bytearray, goal: list[int], length: list[int]) -> None:
    """copy_frames with columns made of lists."""
    build.copy_frames(
        memoryview(source),
        np.array(start, np.int64).data,
        memoryview(target),
        np.array(goal, np.int64).data,
        np.array(length, np.uint32).data,
    )


@pytest.mark.parametrize("build", BUILDS, ids=["compiled", "uncompiled"])
class TestBorders:
    """What a walker must refuse."""

    @pytest.mark.parametrize(
        ("begin", "end", "row", "limit"), [(-1, 4, 0, 1), (0, 5, 0, 1), (0, 4, -1, 1), (0, 4, 0, BATCH + 1)]
    )
    def test_ranges_outside_of_the_buffers_are_refused(
        self, build: Any, begin: int, end: int, row: int, limit: int
    ) -> None:
        for walker in (build.PcapWalker(RecordBatch(), False, 1, 16, False, 9), build.PcapngWalker(RecordBatch())):
            with pytest.raises(ValueError, match="outside"):
                walker.walk(memoryview(bytes(4)), begin, end, 0, row, limit)

    def test_a_record_header_has_at_least_its_four_fields(self, build: Any) -> None:
        with pytest.raises(ValueError, match="16 bytes"):
            build.PcapWalker(RecordBatch(), False, 1, 15, False, 9)

    def test_options_are_looked_for_inside_of_the_buffer_only(self, build: Any) -> None:
        for begin, end in ((-1, 4), (0, 5)):
            with pytest.raises(ValueError, match="outside"):
                build.find_option(memoryview(bytes(4)), begin, end, False, 1)

    def test_frames_are_copied_to_where_they_are_told(self, build: Any) -> None:
        target = bytearray(10)
        copy(build, b"abcdef", [4, 0, 6], target, [0, 3, 10], [2, 4, 0])
        assert target == b"ef\0abcd\0\0\0"

    @pytest.mark.parametrize(
        ("start", "goal", "length"),
        [(-1, 0, 1), (0, -1, 1), (6, 0, 1), (0, 10, 1), (3, 0, 4), (0, 7, 4), (0, 0, 2**32 - 1)],
    )
    def test_frames_outside_of_the_buffers_are_refused(self, build: Any, start: int, goal: int, length: int) -> None:
        target = bytearray(10)
        with pytest.raises(ValueError, match="frame 1"):
            copy(build, b"abcdef", [0, start], target, [0, goal], [1, length])
        assert target == b"a" + bytes(9)

    def test_frames_without_a_place_are_refused(self, build: Any) -> None:
        with pytest.raises(ValueError, match="fewer"):
            copy(build, b"a", [], bytearray(1), [0], [1])
        with pytest.raises(ValueError, match="fewer"):
            copy(build, b"a", [0], bytearray(1), [], [1])

    def test_interfaces_are_kept_as_the_table_grows(self, build: Any) -> None:
        batch = RecordBatch()
        walker = build.PcapngWalker(batch)
        for i in range(100):
            assert walker.add_interface(i, 100 + i, 0, 9, i)
        data = b"".join(enhanced(FRAME, ticks=5, number=i) for i in range(100))
        assert walker.walk(memoryview(data), 0, len(data), 0, 0, BATCH) == 100
        assert batch.interface[:100].tolist() == list(range(100))
        assert batch.link[:100].tolist() == list(range(100, 200))
        assert batch.ts[:100].tolist() == [i * 1_000_000_000 + 5 for i in range(100)]


def test_the_stub_names_what_the_module_has() -> None:
    stub = (Path(oddport.engine.__file__).parent / "records.pyi").read_text(encoding="utf-8")
    for name in ("nanoseconds", "find_option", "copy_frames", "PcapWalker", "PcapngWalker", "MORE", "MAX_RECORD"):
        assert hasattr(records, name)
        assert name in stub
