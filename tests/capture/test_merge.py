"""Several files as one capture: the order of time, whatever the files overlap."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oddport.capture import merge, stream
from oddport.engine.columns import BATCH
from tests.capture.build import block, enhanced, interface, option, pcap, read, record, section

S = 1_000_000_000


def by_heads(files: list[list[int]]) -> list[tuple[int, int]]:
    """(file, packet) by taking, again and again, the file whose next packet is the earliest."""
    at = [0] * len(files)
    order = []
    while any(a < len(times) for a, times in zip(at, files, strict=True)):
        _, file = min((times[a], i) for i, (a, times) in enumerate(zip(at, files, strict=True)) if a < len(times))
        order.append((file, at[file] + 1))
        at[file] += 1
    return order


def write(folder: Path, files: list[list[int]]) -> list[Path]:
    """A capture for each list of times (seconds); each frame says which file and packet it is."""
    paths = []
    for i, times in enumerate(files):
        path = folder / f"{i}.pcap"
        path.write_bytes(pcap([record(b"%d/%d" % (i, n), seconds=t) for n, t in enumerate(times, 1)]))
        paths.append(path)
    return paths


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.lists(st.integers(0, 12), max_size=12), min_size=2, max_size=5))
def test_the_order_is_that_of_the_earliest_next_packet(files: list[list[int]], tmp_path: Path) -> None:
    got = read(write(tmp_path, files), tmp_path)
    expected = by_heads(files)
    assert [(row.file, row.number) for row in got.rows] == expected
    assert got.frames == [b"%d/%d" % pair for pair in expected]
    assert got.times == [files[file][number - 1] * S for file, number in expected]
    assert [file.packets for file in got.reader.files] == [len(times) for times in files]


def test_the_order_holds_over_many_chunks_and_batches(tmp_path: Path) -> None:
    files = [[(n * step + i) // 3 for n in range(4_000)] for i, step in enumerate((1, 2, 5, 1, 3))]
    files.append([9_000 - n for n in range(500)])  # backwards
    got = read(write(tmp_path, files), tmp_path)
    assert [(row.file, row.number) for row in got.rows] == by_heads(files)
    total = 0
    for size in got.sizes:
        assert size <= BATCH - total % BATCH
        total += size
    assert total == 20_500


def test_files_named_in_the_wrong_order_are_read_in_the_order_of_time(tmp_path: Path) -> None:
    paths = write(tmp_path, [[50, 60], [30, 40], [10, 20]])
    got = read(paths, tmp_path)
    assert got.times == [10 * S, 20 * S, 30 * S, 40 * S, 50 * S, 60 * S]
    assert [row.file for row in got.rows] == [2, 2, 1, 1, 0, 0]
    assert [file.path for file in got.reader.files] == [str(path) for path in paths]


def test_frames_larger_than_the_buffer_go_through_a_merge(tmp_path: Path) -> None:
    large = bytes(range(251)) * 20_000  # 5 MB
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(
        pcap([record(b"a", seconds=1), record(large, seconds=3), record(b"a", seconds=5)], snaplen=len(large))
    )
    b.write_bytes(
        pcap([record(b"b", seconds=2), record(large[::-1], seconds=4), record(b"b", seconds=6)], snaplen=len(large))
    )
    got = read([a, b], tmp_path)
    assert got.frames == [b"a", b"b", large, large[::-1], b"a", b"b"]


def test_a_thousand_files_need_no_thousand_descriptors_and_little_memory(tmp_path: Path) -> None:
    import resource

    files = [[i % 7, i % 7 + 5, i % 7 + 20] for i in range(1_000)]
    paths = write(tmp_path, files)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        got = read(paths, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [(row.file, row.number) for row in got.rows] == by_heads(files)
    assert got.warnings == []
    assert merge._MEMORY < 1_000 * stream.BUFFER


def test_interfaces_with_one_name_are_one_across_files(tmp_path: Path) -> None:
    one = section() + interface(options=option(2, b"eth0")) + enhanced(b"1", 1_000_000)
    two = section() + interface(options=option(2, b"lo")) + interface(options=option(2, b"eth0"))
    two += enhanced(b"2", 2_000_000, number=1) + enhanced(b"3", 3_000_000, number=0)
    (tmp_path / "one").write_bytes(one)
    (tmp_path / "two").write_bytes(two)
    got = read([tmp_path / "one", tmp_path / "two"], tmp_path)
    names = [interface.name for interface in got.reader.interfaces]
    assert [names[row.interface] for row in got.rows] == ["eth0", "eth0", "lo"]
    assert sorted(name or "" for name in names) == ["eth0", "lo"]


def test_unnamed_interfaces_of_classic_captures_are_one_if_their_link_type_is(tmp_path: Path) -> None:
    for name, link in (("a", 1), ("b", 1), ("c", 101)):
        (tmp_path / name).write_bytes(pcap([record()], link=link))
    got = read([tmp_path / name for name in "abc"], tmp_path)
    assert [(i.number, i.link) for i in got.reader.interfaces] == [(0, 1), (0, 101)]
    assert [(row.interface, row.link) for row in got.rows] == [(0, 1), (0, 1), (1, 101)]


def test_files_that_cannot_be_read_keep_none_of_the_others_back(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(pcap([record(seconds=1), record(seconds=2)]))
    cut = tmp_path / "cut"
    cut.write_bytes(pcap([record(seconds=1), record(seconds=3)])[:-1])
    (tmp_path / "text").write_text("no capture at all")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "bare").write_bytes(pcap())
    names = ["text", "good", "missing", "cut", "empty", "bare"]
    got = read([tmp_path / name for name in names], tmp_path)
    assert [(row.file, row.ts // S) for row in got.rows] == [(1, 1), (3, 1), (1, 2)]
    assert [len(file.warnings) for file in got.reader.files] == [1, 0, 1, 1, 1, 0]
    assert [file.truncated for file in got.reader.files] == [False, False, False, True, False, False]
    assert got.reader.files[5].format == "pcap"


def test_compressed_files_are_merged_by_time_too(tmp_path: Path) -> None:
    import gzip

    paths = write(tmp_path, [[1, 4, 7], [2, 5, 8], [3, 6, 9]])
    for path in paths[:2]:
        path.write_bytes(gzip.compress(path.read_bytes()))
    got = read(paths, tmp_path / "unpacked")
    assert got.times == [n * S for n in range(1, 10)]
    assert [file.unpacked_path is None for file in got.reader.files] == [False, False, True]


def test_a_file_whose_first_packet_lies_far_behind_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    filler = block(0x0BAD, bytes(1 << 20)) * 20
    (tmp_path / "late").write_bytes(section() + filler + interface() + enhanced(b"late", 5_000_000))
    (tmp_path / "early").write_bytes(pcap([record(b"1", seconds=1), record(b"9", seconds=9)]))
    got = read([tmp_path / "late", tmp_path / "early"], tmp_path)
    assert got.frames == [b"1", b"late", b"9"]


def test_position_of_a_merge_ends_at_the_sum_of_the_sizes(tmp_path: Path) -> None:
    paths = write(tmp_path, [[1, 3], [2], []])
    got = read(paths, tmp_path)
    total = sum(path.stat().st_size for path in paths)
    assert got.reader.position() == (total, total)
