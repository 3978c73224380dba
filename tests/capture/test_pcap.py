"""Classic pcap: every variant of its header, exact times, and files that end or break where they should not."""

import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from oddport.capture import read_bytes
from oddport.engine.columns import BATCH
from tests.capture.build import FRAME, pcap, read, read_data, record

S = 1_000_000_000
VARIANTS: dict[str, tuple[dict[str, Any], bytes, int, int]] = {
    # arguments of the file header, what stands between record header and frame, fraction, that in ns
    "microseconds": ({"magic": 0xA1B2C3D4}, b"", 123_456, 123_456_000),
    "nanoseconds": ({"magic": 0xA1B23C4D}, b"", 123_456_789, 123_456_789),
    "modified": ({"magic": 0xA1B2CD34}, bytes(8), 123_456, 123_456_000),
    "modified by SuSE": ({"magic": 0xA1B2CD34}, bytes(12), 123_456, 123_456_000),
    "modified, with the usual magic": ({"magic": 0xA1B2C3D4}, bytes(8), 123_456, 123_456_000),
    "Nokia": ({"magic": 0xA1B2C3D4}, bytes(4), 123_456, 123_456_000),
    "Ixia hardware": ({"magic": 0x1C0001AC, "after_header": b"\x98\x00\x00\x00"}, b"", 123_456, 123_456_000),
    "Ixia software": ({"magic": 0x1C0001AB, "after_header": b"\x98\x00\x00\x00"}, b"", 123_456, 123_456_000),
    "AIX": ({"magic": 0xA1B2C3D4, "version": (2, 2), "link": 6}, b"", 123_456_789, 123_456_789),
}


def variant(name: str, order: str) -> tuple[bytes, int]:
    """A capture of two packets at 1,000 s and a fraction, and that fraction in ns."""
    head, extra, fraction, ns = VARIANTS[name]
    one = record(FRAME, 1_000, fraction, order, extra=extra)
    lengths = {"captured": 1_500} if name == "AIX" else {"wire": 1_500}  # AIX writes the length on the wire first
    two = record(FRAME + b"!", 2_000, fraction, order, extra=extra, **lengths)
    return pcap([one, two], order=order, **head), ns


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_gives_the_same_packets_in_both_byte_orders(name: str, order: str, tmp_path: Path) -> None:
    data, ns = variant(name, order)
    got = read_data(data, tmp_path)
    assert got.frames == [FRAME, FRAME + b"!"]
    assert got.times == [1_000 * S + ns, 2_000 * S + ns]
    assert [row.wirelen for row in got.rows] == [60, 1_500]
    assert [row.link for row in got.rows] == [1, 1]
    assert [row.number for row in got.rows] == [1, 2]
    assert (got.file.format, got.file.truncated, got.warnings) == ("pcap", False, [])


@pytest.mark.peer
@pytest.mark.parametrize("name", VARIANTS)
def test_tshark_reads_the_same_times_and_lengths_from_every_variant(name: str, tmp_path: Path) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    data, _ = variant(name, ">" if name == "AIX" else "<")
    got = read_data(data, tmp_path)
    said = subprocess.run(
        ["tshark", "-r", tmp_path / "something.txt", "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.splitlines() == [
        f"{row.ts // S}.{row.ts % S:09}\t{row.wirelen}" for row in got.rows
    ]  # fmt: skip


def test_a_file_without_packets_is_a_capture_without_packets(tmp_path: Path) -> None:
    got = read_data(pcap(), tmp_path)
    assert (got.rows, got.warnings, got.file.format, got.file.linktypes) == ([], [], "pcap", [1])
    assert (got.file.packets, got.file.first_ns, got.file.last_ns, got.file.truncated) == (0, None, None, False)


def test_counts_bytes_on_the_wire_and_the_earliest_and_latest_time(tmp_path: Path) -> None:
    times = [20, 10, 30, 15]
    got = read_data(pcap([record(wire=100 + t, seconds=t) for t in times]), tmp_path)
    assert got.times == [t * S for t in times]
    assert (got.file.packets, got.file.bytes) == (4, 475)
    assert (got.file.first_ns, got.file.last_ns) == (10 * S, 30 * S)


def test_offsets_lead_back_to_the_frames(tmp_path: Path) -> None:
    got = read_data(pcap([record(FRAME[:20]), record(FRAME), record(b"")]), tmp_path)
    assert [row.offset for row in got.rows] == [24 + 16, 24 + 16 + 20 + 16, 24 + 16 + 20 + 16 + 60 + 16]
    for row in got.rows:
        assert read_bytes(got.file.data_path, row.offset, len(row.frame)) == row.frame


def test_seconds_are_unsigned_and_the_largest_time_is_exact(tmp_path: Path) -> None:
    got = read_data(pcap([record(seconds=0xFFFFFFFF, fraction=0xFFFFFFFF)]), tmp_path)
    assert got.times == [4_294_967_295 * S + 4_294_967_295_000]


def test_the_frame_check_bits_above_the_link_type_are_not_part_of_it(tmp_path: Path) -> None:
    got = read_data(pcap([record()], link=0x24000001), tmp_path)
    assert got.file.linktypes == [1]


@pytest.mark.parametrize(("version", "swapped"), [((2, 2), True), ((2, 3), True), ((2, 543), True), ((2, 4), False)])
def test_lengths_of_old_versions_may_stand_the_other_way_round(
    version: tuple[int, int], swapped: bool, tmp_path: Path
) -> None:
    first = record(FRAME, captured=1_500 if swapped else 60, wire=60 if swapped else 1_500)
    got = read_data(pcap([first, record(FRAME)], version=version), tmp_path)
    assert [(len(row.frame), row.wirelen) for row in got.rows] == [(60, 1_500), (60, 60)]


def test_a_wire_length_below_the_captured_one_stays_as_it_is_written(tmp_path: Path) -> None:
    got = read_data(pcap([record(wire=7), record()]), tmp_path)
    assert [(len(row.frame), row.wirelen) for row in got.rows] == [(60, 7), (60, 60)]


@pytest.mark.parametrize("missing", [1, 59, 60, 61, 75])
def test_a_cut_off_file_is_read_up_to_the_cut_and_says_where_it_is(missing: int, tmp_path: Path) -> None:
    whole = pcap([record(), record(), record()])
    got = read_data(whole[:-missing], tmp_path)
    assert len(got.rows) == 2
    assert got.file.truncated
    [warning] = got.file.warnings
    assert "Cut off at byte 176" in warning  # 24 and two records of 76
    assert got.warnings == [f"{tmp_path / 'something.txt'}: {warning}"]


def test_a_length_no_packet_has_ends_the_reading_there(tmp_path: Path) -> None:
    got = read_data(pcap([record(), record(captured=262_145), record()]) + bytes(300_000), tmp_path)
    assert len(got.rows) == 1
    assert got.file.truncated
    assert got.file.warnings == [
        "Corrupt at byte 100: a record claims 262,145 bytes, more than a packet can have. "
        "What stands before it was read."
    ]


def test_a_snap_length_above_the_customary_one_allows_longer_records_up_to_a_bound(tmp_path: Path) -> None:
    long = bytes(300_000)
    got = read_data(pcap([record(long)], snaplen=500_000), tmp_path)
    assert got.frames == [long]
    got = read_data(pcap([record(captured=(256 << 20) + 1)], snaplen=0xFFFFFFFF), tmp_path)
    assert "268,435,457" in got.file.warnings[0]


def test_a_record_larger_than_the_buffer_is_read_whole_and_the_ones_after_it_too(tmp_path: Path) -> None:
    large = bytes(range(256)) * (40_000)  # 10 MB
    records = [record(), record(large, seconds=2), record(seconds=3), record(large, seconds=4), record(seconds=5)]
    got = read_data(pcap(records, snaplen=len(large)), tmp_path)
    assert got.frames == [FRAME, large, FRAME, large, FRAME]


def test_a_claim_beyond_the_end_of_the_file_takes_no_memory(tmp_path: Path) -> None:
    got = read_data(pcap([record(captured=200 << 20)], snaplen=0xFFFFFFFF), tmp_path)
    assert got.file.truncated
    assert "209,715,216 bytes" in got.file.warnings[0]
    for batch in got.reader.batches():
        assert len(batch.data) < 1 << 20


def test_batches_end_at_multiples_of_the_batch_size(tmp_path: Path) -> None:
    count = 2 * BATCH + 10
    got = read_data(pcap([record(b"x" * (i % 7), seconds=i) for i in range(count)]), tmp_path)
    assert got.sizes == [BATCH, BATCH, 10]
    assert [row.number for row in got.rows] == list(range(1, count + 1))


def test_batches_end_at_multiples_of_the_batch_size_where_the_buffer_ends_in_between(tmp_path: Path) -> None:
    got = read_data(pcap([record(bytes(1_000)) for _ in range(BATCH + 5_000)]), tmp_path)
    assert len(got.sizes) > 3  # 13 MB through a buffer of 4
    total = 0
    for size in got.sizes:
        assert size <= BATCH - total % BATCH
        total += size
    assert total == BATCH + 5_000


def test_an_unknown_link_type_is_a_warning_and_its_packets_come_through(tmp_path: Path) -> None:
    got = read_data(pcap([record(), record()], link=195), tmp_path)
    assert len(got.rows) == 2
    [warning] = got.file.warnings
    assert "195 (802.15.4 with FCS)" in warning
    assert not got.file.truncated


def test_a_file_header_that_is_cut_is_a_cut_capture(tmp_path: Path) -> None:
    for length in (4, 12, 23):
        got = read_data(pcap()[:length], tmp_path)
        assert got.file.truncated, length
        assert f"ends after {length}" in got.file.warnings[0]
    ixia = pcap([], magic=0x1C0001AC, after_header=bytes(4))
    got = read_data(ixia[:26], tmp_path)
    assert "needs 28 bytes" in got.file.warnings[0]


def test_two_damaged_records_are_not_taken_for_another_variant(tmp_path: Path) -> None:
    damaged = struct.pack("<IIII", 1, 5_000_000, 60, 60) + FRAME  # five seconds of microseconds
    got = read_data(pcap([damaged, record(seconds=2)]), tmp_path)
    assert got.times == [6 * S, 2 * S]


def test_position_runs_from_nothing_to_the_size_of_the_file(tmp_path: Path) -> None:
    data = pcap([record()] * 3)
    (tmp_path / "a").write_bytes(data)
    got = read([tmp_path / "a"], tmp_path)
    assert got.reader.position() == (len(data), len(data))
