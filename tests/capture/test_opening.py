"""Paths that are no captures, folders with captures in them, and files that change while or after they are read."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from oddport.capture import CaptureError, CaptureMoved, Fingerprint, check, find_captures, open_capture, read_bytes
from oddport.capture import source as sources
from tests.capture.build import pcap, read, read_data, record, section

CAPTURE = pcap([record()])


def test_what_cannot_be_read_is_a_file_with_a_warning_and_no_packets(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("plain text")
    (tmp_path / "empty").touch()
    os.symlink(tmp_path / "loop", tmp_path / "loop")
    cases = {
        str(tmp_path / "missing"): "It cannot be read: no such file or directory.",
        str(tmp_path): "It is a folder; the captures in it have to be named one by one or found first.",
        str(
            tmp_path / "text"
        ): "It is no capture that can be read: its first bytes (70 6c 61 69 6e 20 74 65) are those of "
        "neither pcap nor pcapng, nor of gzip, zstd or xz around one.",
        str(tmp_path / "empty"): "It is empty: it holds no capture.",
        str(tmp_path / "loop"): "It cannot be read: too many levels of symbolic links.",
        str(tmp_path / "null\0"): "It cannot be read: no file has such a name.",
    }
    for path, sentence in cases.items():
        got = read([path], tmp_path)
        assert (got.rows, got.file.format, got.file.packets) == ([], "", 0)
        assert got.file.warnings == [sentence]
        assert got.file.path == path


def test_a_file_without_permission_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "capture"
    path.write_bytes(CAPTURE)
    refuse(monkeypatch, str(path), errno.EACCES)
    assert read([path], tmp_path).file.warnings == ["It cannot be read: permission denied."]


def refuse(monkeypatch: pytest.MonkeyPatch, path: str, error: int, after: int = 0) -> None:
    """Opening `path` fails, but not the first `after` times."""
    real = os.open
    times = 0

    def opened(name: Any, *rest: Any) -> int:
        nonlocal times
        if os.fspath(name) == path:
            times += 1
            if times > after:
                raise OSError(error, os.strerror(error), name)
        return real(name, *rest)

    monkeypatch.setattr(os, "open", opened)


def test_a_file_that_vanishes_between_looking_and_reading_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(CAPTURE)
    refuse(monkeypatch, str(tmp_path / "a"), errno.ENOENT, after=1)
    got = read([tmp_path / "a"], tmp_path)
    assert got.file.warnings == ["It cannot be read: no such file or directory."]
    monkeypatch.undo()
    refuse(monkeypatch, str(tmp_path / "a"), errno.ENOENT, after=1)
    got = read([tmp_path / "a", tmp_path / "b"], tmp_path)
    assert [row.file for row in got.rows] == [1]
    assert len(got.reader.files[0].warnings) == 1


def test_a_read_error_ends_the_file_where_it_occurs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.preadv

    def failing(fd: int, buffers: Any, offset: int) -> int:
        if offset:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(fd, [buffers[0][:200]], offset)

    path = tmp_path / "capture"
    path.write_bytes(pcap([record()] * 5))
    monkeypatch.setattr(os, "preadv", failing)
    got = read([path], tmp_path)
    assert len(got.rows) == 2
    assert got.file.truncated
    assert got.file.warnings == ["Read up to byte 176: reading it failed (input/output error)."]


def test_a_file_that_is_replaced_during_a_merge_is_read_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(pcap([record(bytes(5_000), seconds=t) for t in range(2_000)]))
    b.write_bytes(pcap([record(seconds=t) for t in range(2_000)]))
    reader = open_capture([a, b], workdir=tmp_path)
    monkeypatch.setattr("oddport.capture.merge._MEMORY", 1)
    for number, _ in enumerate(reader.batches()):
        if number == 0:
            (tmp_path / "new").write_bytes(pcap([record(b"other")]))
            os.replace(tmp_path / "new", a)
    assert reader.files[0].truncated
    assert "another file was put in its place" in reader.files[0].warnings[0]
    assert 0 < reader.files[0].packets < 2_000
    assert reader.files[1].packets == 2_000


def test_a_closed_source_gives_no_more_bytes(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(CAPTURE)
    source = sources.FileSource(str(path))
    source.close()
    source.close()
    assert source.read_into(memoryview(bytearray(10))) == sources.END


def test_a_pipe_that_cannot_be_read_ends_with_a_reason(tmp_path: Path) -> None:
    source = sources.PipeSource(os.open(tmp_path, os.O_RDONLY), True, lambda: False)
    assert source.read_into(memoryview(bytearray(10))) == sources.END
    assert source.trouble == "reading the pipe failed (is a directory)"
    source.close()
    source.close()
    assert source.read_into(memoryview(bytearray(10))) == sources.END
    assert source.progress() == 0


def test_a_pipe_whose_bytes_another_process_takes_is_only_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, outside = os.pipe()
    os.write(outside, b"x")

    def taken(*_: object) -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "readv", taken)
    source = sources.PipeSource(inside, True, lambda: False)
    assert source.read_into(memoryview(bytearray(10))) == sources.NOTHING_YET
    source.close()
    os.close(outside)


def test_batches_are_given_once(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(CAPTURE)
    reader = open_capture([path], workdir=tmp_path)
    assert [batch.count for batch in reader.batches()] == [1]
    assert list(reader.batches()) == []
    assert reader.files[0].packets == 1


def test_no_path_and_too_many_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="No capture was named"):
        open_capture([], workdir=tmp_path)
    with pytest.raises(CaptureError, match="at most 65,535"):
        open_capture(["x"] * 65_536, workdir=tmp_path)


def test_names_with_control_characters_are_escaped_in_sentences(tmp_path: Path) -> None:
    got = read([tmp_path / "a\x1b[2Jb\n"], tmp_path)
    assert got.warnings == [f"{tmp_path}/a\\x1b[2Jb\\n: It cannot be read: no such file or directory."]
    assert got.file.path.endswith("a\x1b[2Jb\n")


def test_a_reader_is_a_context_and_can_be_left_early(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(pcap([record()] * 20_000))
    with open_capture([path], workdir=tmp_path) as reader:
        for _ in reader.batches():
            break
    assert 0 < reader.files[0].packets < 20_000


# folders


def test_a_folder_stands_for_the_captures_in_it_by_their_first_bytes(tmp_path: Path) -> None:
    deep = tmp_path / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / "z.txt").write_bytes(CAPTURE)
    (tmp_path / "b" / "nanoseconds").write_bytes(pcap(magic=0xA1B23C4D, order=">"))
    (deep / "capture.ng").write_bytes(section(">"))
    (deep / "wrong.pcapng").write_bytes(section(mark=0x01020304))
    (tmp_path / "text.pcap").write_text("no capture, whatever its name says")
    (tmp_path / "short.pcap").write_bytes(CAPTURE[:3])
    (tmp_path / "empty.pcap").touch()
    os.mkfifo(tmp_path / "pipe.pcap")
    os.symlink(tmp_path / "nowhere", tmp_path / "broken.pcap")
    os.symlink(tmp_path, tmp_path / "round")
    os.symlink(tmp_path / "z.txt", tmp_path / "link")
    warnings: list[str] = []
    assert find_captures(tmp_path, warnings.append) == [
        tmp_path / "b" / "c" / "capture.ng", tmp_path / "b" / "nanoseconds", tmp_path / "link", tmp_path / "z.txt",
    ]  # fmt: skip
    assert warnings == [f"{tmp_path}/broken.pcap: It was not looked into: no such file or directory."]


def test_what_cannot_be_listed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CaptureError, match="cannot be searched for captures: no such file"):
        find_captures(tmp_path / "missing")
    (tmp_path / "closed").mkdir()
    (tmp_path / "capture").write_bytes(CAPTURE)
    real = os.scandir

    def scandir(path: Any) -> Any:
        if os.fspath(path) == str(tmp_path / "closed"):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    warnings: list[str] = []
    assert find_captures(tmp_path, warnings.append) == [tmp_path / "capture"]
    assert find_captures(tmp_path) == [tmp_path / "capture"]
    assert warnings == [f"{tmp_path}/closed: It was not looked into: permission denied."]


# known again


def test_a_file_is_known_again_by_its_size_and_both_ends(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    data = bytearray(pcap([record(bytes(1_000))] * 300))
    path.write_bytes(data)
    known = Fingerprint.of(path)
    assert check(known, path) is None
    assert (known.size, known.mtime_ns) == (len(data), path.stat().st_mtime_ns)
    copy = tmp_path / "copy"
    copy.write_bytes(data)
    os.utime(copy, ns=(1, 1))
    assert check(known, copy) is None
    for at in (0, 65_535, len(data) - 65_536, len(data) - 1):
        changed = bytearray(data)
        changed[at] ^= 1
        copy.write_bytes(changed)
        assert "but not its bytes" in (check(known, copy) or "")
    copy.write_bytes(data[:-1])
    assert f"has {len(data) - 1:,} bytes, not {len(data):,}" in (check(known, copy) or "")
    copy.unlink()
    assert "cannot be read (no such file or directory)" in (check(known, copy) or "")
    assert "not a regular file" in (check(known, tmp_path) or "")


def test_the_digest_of_a_small_file_is_blake2b_of_size_and_both_ends(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "capture"
    path.write_bytes(b"abc")
    expected = hashlib.blake2b((3).to_bytes(8, "little") + b"abc" + b"abc", digest_size=16).hexdigest()
    assert Fingerprint.of(path).digest == expected


def test_bytes_of_a_capture_that_moved_or_shrank_are_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(b"0123456789")
    assert read_bytes(path, 2, 5) == b"23456"
    assert read_bytes(path, 10, 0) == b""
    with pytest.raises(CaptureMoved, match="of 5 bytes at 8 2 are there"):
        read_bytes(path, 8, 5)
    with pytest.raises(CaptureMoved, match=r"could not be read from .*missing \(no such file"):
        read_bytes(tmp_path / "missing", 0, 1)
    with pytest.raises(ValueError, match="negative"):
        read_bytes(path, -1, 1)


def test_short_reads_of_the_system_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, length, offset: real(fd, min(length, 3), offset))
    path = tmp_path / "capture"
    path.write_bytes(b"0123456789")
    assert read_bytes(path, 1, 8) == b"12345678"


def test_a_capture_of_one_end_only_is_hashed_whole(tmp_path: Path) -> None:
    got = read_data(CAPTURE, tmp_path)
    assert got.file.digest == Fingerprint.of(tmp_path / "something.txt").digest
    assert got.file.mtime_ns == (tmp_path / "something.txt").stat().st_mtime_ns
