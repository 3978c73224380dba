"""Compressed captures: known by their bytes, unpacked once to a copy that packets can be found in again."""

import gzip
import lzma
import random
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from oddport.capture import find_captures, read_bytes
from oddport.capture.fingerprint import Fingerprint
from tests.capture.build import FRAME, pcap, read, read_data, record

PLAIN = pcap([record(FRAME + bytes([i]), seconds=i) for i in range(200)])
PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress, "xz": lzma.compress}


def noise(count: int) -> bytes:
    """Bytes that do not compress, the same each time."""
    return random.Random(7).randbytes(count)


@pytest.mark.parametrize("packing", PACK)
def test_a_compressed_capture_reads_like_the_plain_one(packing: str, tmp_path: Path) -> None:
    packed = PACK[packing](PLAIN)
    got = read_data(packed, tmp_path)
    assert got.frames == [FRAME + bytes([i]) for i in range(200)]
    file = got.file
    assert (file.format, file.truncated, file.warnings) == ("pcap", False, [])
    assert file.size == len(packed)
    assert file.digest == Fingerprint.of(tmp_path / "something.txt").digest
    assert file.unpacked_path is not None
    assert Path(file.unpacked_path).read_bytes() == PLAIN
    assert stat.S_IMODE(Path(file.unpacked_path).stat().st_mode) == 0o600
    for row in got.rows:
        assert read_bytes(file.data_path, row.offset, len(row.frame)) == row.frame
    assert got.reader.position() == (len(packed), len(packed))


@pytest.mark.parametrize("packing", PACK)
def test_members_one_after_the_other_are_one_capture(packing: str, tmp_path: Path) -> None:
    pack = PACK[packing]
    data = pack(PLAIN[:1_000]) + pack(b"") + pack(PLAIN[1_000:5_000]) + pack(PLAIN[5_000:])
    got = read_data(data, tmp_path)
    assert len(got.rows) == 200
    assert not got.file.truncated


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("size", [3_000_000, 9_000_000])
def test_large_captures_stream_through_the_buffer(packing: str, size: int, tmp_path: Path) -> None:
    frames = [noise(1_000) + i.to_bytes(4, "big") for i in range(size // 1_004)]
    plain = pcap([record(frame) for frame in frames])
    data = zstd.compress(plain, 1) if packing == "zstd" else PACK[packing](plain)
    got = read_data(data, tmp_path)
    assert got.frames == frames


@pytest.mark.parametrize("packing", ["gzip", "xz"])
def test_zero_padding_after_the_data_is_no_damage(packing: str, tmp_path: Path) -> None:
    got = read_data(PACK[packing](PLAIN) + bytes(512), tmp_path)
    assert (len(got.rows), got.file.truncated) == (200, False)


@pytest.mark.parametrize("packing", PACK)
def test_compressed_data_that_end_early_are_read_as_far_as_they_go(packing: str, tmp_path: Path) -> None:
    plain = pcap([record(noise(500)) for _ in range(400)])
    packed = PACK[packing](plain[:100_000]) + PACK[packing](plain[100_000:])[:-20]
    got = read_data(packed, tmp_path)
    assert len(got.rows) >= (100_000 - 24) // 516
    assert got.frames == [noise(500)] * len(got.rows)
    assert got.file.truncated
    assert f"{packing} data end in the middle" in got.file.warnings[0]


@pytest.mark.parametrize("packing", PACK)
def test_damaged_compressed_data_are_read_up_to_the_damage(packing: str, tmp_path: Path) -> None:
    packed = bytearray(PACK[packing](PLAIN) + PACK[packing](PLAIN[24:]))
    at = len(PACK[packing](PLAIN))
    packed[at + 6 : at + 46] = b"\xff" * 40
    got = read_data(bytes(packed), tmp_path)
    assert got.file.truncated
    assert 200 <= len(got.rows) < 400
    assert f"{packing} data are broken" in got.file.warnings[0]


@pytest.mark.parametrize("packing", PACK)
def test_something_else_after_the_data_is_said(packing: str, tmp_path: Path) -> None:
    got = read_data(PACK[packing](PLAIN) + b"trailing text, not compressed at all", tmp_path)
    assert len(got.rows) == 200
    assert f"not {packing} follows" in got.file.warnings[0]


def test_compressed_text_is_no_capture(tmp_path: Path) -> None:
    got = read_data(gzip.compress(b"just text in here"), tmp_path)
    assert got.rows == []
    assert got.file.warnings == [
        "It is gzip data, but what they hold does not begin like a pcap or pcapng capture."
    ]  # fmt: skip
    assert not (tmp_path / "unpacked").exists()


def test_a_capture_compressed_twice_is_said_to_be_none(tmp_path: Path) -> None:
    got = read_data(gzip.compress(gzip.compress(PLAIN)), tmp_path)
    assert (got.rows, len(got.file.warnings)) == ([], 1)


def test_a_zstd_file_may_begin_with_a_skippable_frame(tmp_path: Path) -> None:
    skippable = bytes.fromhex("5e2a4d18") + (6).to_bytes(4, "little") + b"abcdef"
    got = read_data(skippable + zstd.compress(PLAIN), tmp_path)
    assert len(got.rows) == 200


def test_a_bomb_stops_at_the_limit_and_says_so(tmp_path: Path) -> None:
    bomb = gzip.compress(PLAIN + record(bytes(200_000)) * 100)
    assert len(bomb) < 60_000
    path = tmp_path / "bomb"
    path.write_bytes(bomb)
    got = read([path], tmp_path / "unpacked", limit_bytes=1_000_000)
    assert got.file.truncated
    assert "1,000,000 bytes" in got.file.warnings[0]
    assert got.file.unpacked_path is not None
    assert Path(got.file.unpacked_path).stat().st_size == 1_000_000
    assert len(got.rows) == 200 + (1_000_000 - len(PLAIN)) // 200_016


def test_the_limit_is_for_all_copies_together(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(gzip.compress(PLAIN))
    got = read([tmp_path / "a", tmp_path / "b"], tmp_path / "unpacked", limit_bytes=len(PLAIN) + 1_000)
    sizes = [Path(file.unpacked_path or "").stat().st_size for file in got.reader.files]
    assert sum(sizes) == len(PLAIN) + 1_000
    assert any(file.truncated for file in got.reader.files)


def test_an_xz_header_that_asks_for_a_huge_dictionary_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30, "mode": lzma.MODE_FAST, "mf": lzma.MF_HC3}]
    compressor = lzma.LZMACompressor(filters=filters, preset=None)
    data = compressor.compress(PLAIN) + compressor.flush()
    got = read_data(data, tmp_path)
    assert got.rows == []
    assert len(got.file.warnings) == 1


def test_no_place_for_the_copy_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    path = tmp_path / "capture"
    path.write_bytes(gzip.compress(PLAIN))
    got = read([path], tmp_path / "file" / "deeper")
    assert got.rows == []
    assert "unpacked copy cannot be made" in got.file.warnings[0]
    assert "not a directory" in got.file.warnings[0]


def test_a_full_disk_ends_the_reading_with_a_sentence(tmp_path: Path) -> None:
    import resource
    import signal

    path = tmp_path / "capture"
    path.write_bytes(gzip.compress(PLAIN + record(bytes(100_000)) * 30))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
    try:
        got = read([path], tmp_path / "unpacked")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert got.file.truncated
    assert "could not be written (file too large)" in got.file.warnings[0]
    assert len(got.rows) == 200 + (500_000 - len(PLAIN)) // 100_016


def test_unpacking_again_replaces_the_copy_of_before(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(gzip.compress(PLAIN))
    first = read([path], tmp_path / "unpacked").file.unpacked_path
    second = read([path], tmp_path / "unpacked").file.unpacked_path
    assert first == second
    assert len(list((tmp_path / "unpacked").iterdir())) == 1


@pytest.mark.parametrize("packing", PACK)
def test_a_folder_is_looked_through_for_captures_inside_of_compressed_files(packing: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(PACK[packing](PLAIN))
    (tmp_path / "b").write_bytes(PACK[packing](b"no capture"))
    assert find_captures(tmp_path) == [tmp_path / "a"]
