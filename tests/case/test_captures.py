"""Bytes come from the capture that was loaded; where it lies now can be said anew, another file is noticed."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from oddport.capture.fingerprint import Fingerprint
from oddport.case.errors import CaptureMoved, CaseError
from oddport.case.model import PacketRow
from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter
from tests.case.build import File, Interface, packets, train, waiting

BYTES = bytes(range(256)) * 4


def make(case: Path, capture: Path, unpacked: Path | None = None, path: str | None = None) -> CaseReader:
    known = Fingerprint.of(capture)
    with CaseWriter.create(case) as writer:
        writer.begin_load(1)
        file = File(
            path=path or str(capture),
            unpacked_path=None if unpacked is None else str(unpacked),
            size=known.size,
            mtime_ns=known.mtime_ns,
            digest=known.digest,
        )
        writer.put_files([file], [Interface()])
        writer.put_packets(packets(3, offset=[24, 124, 1_000], caplen=[16, 16, 40]), 0, 3, {0: 1})
        parts = [
            type(f)(f.number, f.file, f.packet, f.ts, 4, f.offset, f.length, f.captured, f.more, 64, 17, 0, 20)
            for f in train().fragments[:2]
        ]
        writer.put_trains(waiting(train(fragments=parts)))
        writer.finish_load()
    return CaseReader.open(case)


def packet_of(reader: CaseReader, number: int) -> PacketRow:
    packet = reader.packet(number)
    assert packet is not None
    return packet


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.pcap"
    path.parent.mkdir()
    path.write_bytes(BYTES)
    return path


def test_bytes_of_a_packet_come_from_the_capture(tmp_path: Path, capture: Path) -> None:
    with make(tmp_path / "a.oddport", capture) as reader:
        assert reader.packet_bytes(packet_of(reader, 0)) == BYTES[24:40]
        assert reader.packet_bytes(packet_of(reader, 1)) == BYTES[124:140]


def test_bytes_of_a_live_capture_come_from_its_ring_under_the_name_of_its_interface(
    tmp_path: Path, capture: Path
) -> None:
    ring = tmp_path / "ring"
    ring.mkdir()
    shutil.copy(capture, ring / "live-000000000000024.pcap")
    with make(tmp_path / "a.oddport", capture, unpacked=ring, path="live:eth0") as reader:
        assert [file.path for file in reader.files()] == ["live:eth0"]
        assert reader.packet_bytes(packet_of(reader, 1)) == BYTES[124:140]


def test_a_packet_behind_the_end_of_the_capture_is_a_sentence(tmp_path: Path, capture: Path) -> None:
    with (
        make(tmp_path / "a.oddport", capture) as reader,
        pytest.raises(CaptureMoved, match="It is shorter than when it was loaded"),
    ):
        reader.packet_bytes(packet_of(reader, 2))


def test_a_capture_that_was_taken_away_is_noticed_also_after_it_was_read(tmp_path: Path, capture: Path) -> None:
    with make(tmp_path / "a.oddport", capture) as reader:
        reader.packet_bytes(packet_of(reader, 0))
        capture.rename(tmp_path / "b.pcap")
        with pytest.raises(CaptureMoved, match=r"a\.pcap cannot be read"):
            reader.packet_bytes(packet_of(reader, 0))


@pytest.mark.parametrize("content", [BYTES + b"x", b"\xff" + BYTES[1:]])
def test_a_capture_that_was_changed_is_noticed(tmp_path: Path, capture: Path, content: bytes) -> None:
    with make(tmp_path / "a.oddport", capture) as reader:
        reader.packet_bytes(packet_of(reader, 0))
        capture.write_bytes(content)
        os.utime(capture, ns=(1, 1))
        with pytest.raises(CaptureMoved, match="is not the capture that was loaded"):
            reader.packet_bytes(packet_of(reader, 0))


def test_a_capture_with_another_time_but_the_same_bytes_is_the_same(tmp_path: Path, capture: Path) -> None:
    with make(tmp_path / "a.oddport", capture) as reader:
        os.utime(capture, ns=(1, 1))
        assert reader.packet_bytes(packet_of(reader, 0)) == BYTES[24:40]


def test_a_moved_capture_is_found_where_it_is_pointed_to_and_again_after_the_next_load(
    tmp_path: Path, capture: Path
) -> None:
    case = tmp_path / "a.oddport"
    with make(case, capture) as reader:
        moved = tmp_path / "b.pcap"
        capture.rename(moved)
        wrong = tmp_path / "c.pcap"
        wrong.write_bytes(BYTES[::-1])
        with pytest.raises(CaptureMoved, match="its size is the same, but not its bytes"):
            reader.point_to(0, wrong)
        with pytest.raises(CaptureMoved, match="cannot be read"):
            reader.point_to(0, tmp_path / "none.pcap")
        reader.point_to(0, moved)
        assert reader.packet_bytes(packet_of(reader, 0)) == BYTES[24:40]
        assert reader.files()[0].path == str(moved)
        digest = reader.files()[0].digest
    with CaseWriter.resume(case) as writer:
        writer.begin_load(1, replace=True)
        writer.put_files([File(path=str(capture), size=len(BYTES), digest=digest)], [])
    with CaseReader.open(case) as reader:
        assert reader.files()[0].path == str(moved)


def test_a_file_number_that_the_case_does_not_have_is_a_sentence(tmp_path: Path, capture: Path) -> None:
    with make(tmp_path / "a.oddport", capture) as reader, pytest.raises(CaseError, match="has no capture number 5"):
        reader.point_to(5, capture)


def test_packed_captures_are_read_from_their_unpacked_copy(tmp_path: Path, capture: Path) -> None:
    copy = tmp_path / "copy.pcap"
    copy.write_bytes(BYTES[::-1])
    with make(tmp_path / "a.oddport", capture, copy) as reader:
        capture.unlink()  # the copy is enough
        assert reader.packet_bytes(packet_of(reader, 0)) == BYTES[::-1][24:40]
        copy.unlink()
        with pytest.raises(CaptureMoved, match=r"unpacked copy of .*a\.pcap is gone .* Load the capture again"):
            reader.packet_bytes(packet_of(reader, 0))
        with pytest.raises(CaptureMoved, match="Put the copy back"):
            reader.point_to(0, capture)


def test_what_came_through_a_pipe_is_recognised_by_its_copy(tmp_path: Path, capture: Path) -> None:
    copy = tmp_path / "copy.pcap"
    shutil.copy(capture, copy)
    with make(tmp_path / "a.oddport", capture, copy, "-") as reader:
        assert reader.packet_bytes(packet_of(reader, 0)) == BYTES[24:40]
        copy.write_bytes(BYTES[1:])
        with pytest.raises(CaptureMoved, match="is not the capture that was loaded"):
            reader.packet_bytes(packet_of(reader, 0))
        copy.unlink()
        with pytest.raises(CaptureMoved, match="what came through the pipe is gone"):
            reader.packet_bytes(packet_of(reader, 0))


def test_a_train_is_put_together_from_the_capture_and_earlier_bytes_win(tmp_path: Path, capture: Path) -> None:
    with make(tmp_path / "a.oddport", capture) as reader:
        found = reader.train(1)
        assert found is not None
        # data begins 4 bytes into each frame: 8 bytes of packet 0, then 8 of packet 1
        assert reader.train_bytes(found) == BYTES[28:36] + BYTES[128:136]
        overlapping = [found.fragments[0], type(found.fragments[1])(2, 0, 1, 0, 4, 4, 8, 8, False, 64, 17, 0, 20)]
        other = replace(found, fragments=tuple(overlapping))
        assert reader.train_bytes(other) == BYTES[28:36] + BYTES[132:136]
        hole = replace(found, fragments=(found.fragments[1],))
        assert reader.train_bytes(hole) == b""
        gone = [type(found.fragments[0])(1, 0, 99, 0, 4, 0, 8, 8, False, 64, 17, 0, 20)]
        assert reader.train_bytes(replace(found, fragments=tuple(gone))) == b""
