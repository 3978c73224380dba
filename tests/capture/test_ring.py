"""A stream of packets kept in a ring: whole files, bytes by offset, and the oldest given up first."""

import os
import stat
from pathlib import Path

import pytest

from oddport.capture import open_capture, open_live, read_bytes
from oddport.capture.fingerprint import Fingerprint
from oddport.capture.live.ring import RingLimits, locate, ring_files
from oddport.capture.source import END, NOTHING_YET
from tests.capture.build import pcap, record

SMALL = RingLimits(1 << 20, 3)


class Given:
    """A source that gives bytes in parts of a size, with a pause after each."""

    def __init__(self, data: bytes, part: int) -> None:
        self.trouble: str | None = None
        self._data = data
        self._part = part
        self._at = 0
        self._pause = False
        self.closed = False

    def read_into(self, view: memoryview) -> int:
        self._pause = not self._pause
        if not self._pause:
            return NOTHING_YET
        part = self._data[self._at : self._at + min(self._part, len(view))]
        view[: len(part)] = part
        self._at += len(part)
        return len(part) or END

    def progress(self) -> int:
        return self._at

    def remaining(self) -> int | None:
        return None

    def close(self) -> None:
        self.closed = True


def frame(number: int) -> bytes:
    """A frame that no other number has."""
    return number.to_bytes(4, "big") * 2_000


def stream(count: int) -> bytes:
    return pcap([record(frame(number)) for number in range(count)])


def taken(source: Given, folder: Path, limits: RingLimits) -> tuple[list[int], str]:
    """Offsets of all packets of a live capture, and the digest of its file at the end."""
    offsets: list[int] = []
    with open_live(source, "live:veth0", folder=folder, limits=limits) as reader:
        for batch in reader.batches():
            offsets.extend(batch.offset[: batch.count].tolist())
    return offsets, reader.files[0].digest


@pytest.mark.parametrize("part", [999, 70_000, 4 << 20])
def test_files_of_a_ring_are_captures_and_together_hold_the_newest_packets(tmp_path: Path, part: int) -> None:
    count = 800
    offsets, _ = taken(Given(stream(count), part), tmp_path / "ring", SMALL)
    assert len(offsets) == count
    files = ring_files(tmp_path / "ring")
    assert len(files) == SMALL.files
    kept: list[bytes] = []
    for file in files:
        with open_capture([file], workdir=tmp_path / "work") as reader:
            for batch in reader.batches():
                for start, length in zip(batch.start[: batch.count], batch.caplen[: batch.count], strict=True):
                    kept.append(bytes(batch.data[start : start + length]))
            assert not reader.files[0].warnings
    assert kept == [frame(number) for number in range(count - len(kept), count)]
    assert len(kept) * 8_000 > SMALL.file_bytes * (SMALL.files - 1)


def test_packets_are_found_by_their_offset_in_the_stream_until_they_are_given_up(tmp_path: Path) -> None:
    count = 800
    offsets, _ = taken(Given(stream(count), 50_000), tmp_path / "ring", SMALL)
    found = 0
    for number, offset in enumerate(offsets):
        place = locate(tmp_path / "ring", offset)
        if place is None:
            assert not found, "an older packet is there and a newer one is not"
            continue
        found += 1
        assert read_bytes(*place, 8_000) == frame(number)
    assert 0 < found < count


def test_a_ring_that_did_not_turn_is_the_stream(tmp_path: Path) -> None:
    data = stream(20)
    _, digest = taken(Given(data, 1_000), tmp_path / "ring", RingLimits())
    (file,) = ring_files(tmp_path / "ring")
    assert file.read_bytes() == data
    assert digest == Fingerprint.of(file).digest
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(file.parent).st_mode) == 0o700


def test_a_full_disk_ends_the_capture_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: memoryview) -> int:
        raise OSError(28, "No space left on device")

    source = Given(stream(5), 1_000)
    with open_live(source, "live:veth0", folder=tmp_path / "ring", limits=RingLimits()) as reader:
        monkeypatch.setattr(os, "write", full)
        assert sum(batch.count for batch in reader.batches()) == 0
        monkeypatch.undo()
    assert "no space left on device" in reader.files[0].warnings[0].lower()
    assert source.closed


def test_limits_that_keep_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 files"):
        RingLimits(1 << 20, 1)
