"""Pipes: batches as the bytes come, a copy to find packets in again, and an end whenever it is asked for."""

import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oddport.capture import open_capture, read_bytes
from oddport.capture.fingerprint import Fingerprint
from oddport.engine.columns import BATCH
from tests.capture.build import FRAME, enhanced, interface, pcap, read, record, rows_of, section

S = 1_000_000_000
CAPTURE = pcap([record(), record()])


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[tuple[Path, Callable[[Callable[[int], None]], threading.Thread]]]:
    """A named pipe, and a way to have it written by a thread."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    threads = []

    def write(work: Callable[[int], None]) -> threading.Thread:
        def run() -> None:
            fd = os.open(path, os.O_WRONLY)
            try:
                work(fd)
            except BrokenPipeError:
                pass
            finally:
                os.close(fd)

        thread = threading.Thread(target=run)
        threads.append(thread)
        thread.start()
        return thread

    yield path, write
    for thread in threads:
        thread.join(10)


Pipe = tuple[Path, Callable[[Callable[[int], None]], threading.Thread]]


def send(data: bytes) -> Callable[[int], None]:
    """Writes all of `data`."""

    def work(fd: int) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    return work


@pytest.mark.parametrize("data", [
    pcap([record(FRAME, seconds=1), record(FRAME[:20], seconds=2)]),
    section() + interface() + enhanced(FRAME, 1_000_000) + enhanced(FRAME[:20], 2_000_000),
    gzip.compress(pcap([record(FRAME, seconds=1), record(FRAME[:20], seconds=2)])),
], ids=["pcap", "pcapng", "gzip"])  # fmt: skip
def test_a_pipe_reads_like_a_file_and_leaves_a_copy(data: bytes, pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    write(send(data))
    got = read([path], tmp_path / "copies")
    assert got.frames == [FRAME, FRAME[:20]]
    assert got.times == [S, 2 * S]
    file = got.file
    assert file.unpacked_path is not None
    plain = gzip.decompress(data) if data[:1] == b"\x1f" else data
    assert Path(file.unpacked_path).read_bytes() == plain
    assert (file.size, file.digest, file.mtime_ns) == (len(plain), Fingerprint.of(file.unpacked_path).digest, 0)
    assert got.reader.position() == (len(plain), None)
    for row in got.rows:
        assert read_bytes(file.data_path, row.offset, len(row.frame)) == row.frame


def test_packets_of_a_slow_pipe_come_before_its_end(pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    seen = threading.Event()

    def slowly(fd: int) -> None:
        os.write(fd, pcap() + record(seconds=1) + record(seconds=2)[:30])
        assert seen.wait(10)
        os.write(fd, record(seconds=2)[30:] + record(seconds=3))

    write(slowly)
    times = []
    for batch in open_capture([path], workdir=tmp_path).batches():
        times += [row.ts // S for row in rows_of(batch)]
        seen.set()
    assert times == [1, 2, 3]


def test_bytes_that_trickle_in_one_by_one_are_read(pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    data = pcap([record(FRAME[:16], seconds=1), record(FRAME[:15], seconds=2)])

    def trickle(fd: int) -> None:
        for i in range(len(data)):
            os.write(fd, data[i : i + 1])
            time.sleep(0.002)

    write(trickle)
    assert read([path], tmp_path).times == [S, 2 * S]


def test_a_fast_pipe_gives_full_batches_that_end_where_those_of_a_file_may(pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    write(send(pcap([record(bytes(i % 9), seconds=i) for i in range(3 * BATCH + 7)])))
    got = read([path], tmp_path)
    assert [row.number for row in got.rows] == list(range(1, 3 * BATCH + 8))
    total = 0
    for size in got.sizes:
        assert size <= BATCH - total % BATCH
        total += size


def test_a_pipe_cut_in_a_packet_is_truncated(pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    write(send(pcap([record(), record()])[:-1]))
    got = read([path], tmp_path)
    assert (len(got.rows), got.file.truncated) == (1, True)


def test_a_large_claim_on_a_pipe_takes_no_memory_before_its_bytes_come(pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    write(send(pcap([record(captured=250 << 20)], snaplen=0xFFFFFFFF)))
    reader = open_capture([path], workdir=tmp_path)
    for batch in reader.batches():
        assert len(batch.data) <= 4 << 20
    assert reader.files[0].truncated


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"abc"])
def test_a_pipe_without_a_capture_is_a_warning_and_leaves_no_copy(data: bytes, pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    write(send(data))
    got = read([path], tmp_path / "copies")
    assert (got.rows, len(got.warnings), got.file.unpacked_path) == ([], 1, None)
    assert not (tmp_path / "copies").exists()


def test_a_compressed_pipe_that_pauses_is_read_on_afterwards(pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    first, second = gzip.compress(pcap([record(seconds=1)])), gzip.compress(record(seconds=2))
    seen = threading.Event()

    def pause(fd: int) -> None:
        os.write(fd, first)
        assert seen.wait(10)
        os.write(fd, second[:15])
        time.sleep(0.4)
        os.write(fd, second[15:])

    write(pause)
    times = []
    for batch in open_capture([path], workdir=tmp_path).batches():
        times += [row.ts // S for row in rows_of(batch)]
        seen.set()
    assert times == [1, 2]


def test_a_copy_that_vanishes_is_said(pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    write(send(CAPTURE))
    reader = open_capture([path], workdir=tmp_path / "copies")
    for _ in reader.batches():
        [copy] = (tmp_path / "copies").iterdir()
        copy.unlink()
    assert reader.files[0].warnings[0].endswith("cannot be read (no such file or directory).")
    assert reader.files[0].digest == ""


def test_a_pipe_of_compressed_text_is_a_warning(pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    write(send(gzip.compress(b"text that is no capture")))
    got = read([path], tmp_path / "copies")
    assert (got.rows, len(got.warnings)) == ([], 1)


def test_an_idle_pipe_gives_heartbeats_and_stops_when_it_is_told(pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    done = threading.Event()

    def hang(fd: int) -> None:
        os.write(fd, pcap() + record())
        done.wait(10)

    write(hang)
    reader = open_capture([path], workdir=tmp_path, heartbeat=True)
    counts = []
    began = time.monotonic()
    for batch in reader.batches():
        counts.append(batch.count)
        if counts.count(0) == 3:
            reader.stop()
    assert time.monotonic() - began < 5
    assert sum(counts) == 1
    assert reader.files[0].digest
    done.set()


def test_without_heartbeat_an_idle_pipe_stops_when_it_is_told(pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    done = threading.Event()
    write(lambda fd: (os.write(fd, pcap() + record()), done.wait(10), None)[-1])
    reader = open_capture([path], workdir=tmp_path)
    threading.Timer(0.6, reader.stop).start()
    assert [batch.count for batch in reader.batches()] == [1]
    done.set()


def test_an_idle_pipe_holds_a_merge_and_says_so_by_empty_batches(pipe: Pipe, tmp_path: Path) -> None:
    path, write = pipe
    (tmp_path / "file").write_bytes(pcap([record(seconds=t) for t in (1, 3, 5)]))
    go = threading.Event()

    def pause(fd: int) -> None:
        os.write(fd, pcap() + record(seconds=2))
        go.wait(10)
        os.write(fd, record(seconds=4))

    write(pause)
    times = []
    for batch in open_capture([tmp_path / "file", path], workdir=tmp_path, heartbeat=True).batches():
        times += [row.ts // S for row in rows_of(batch)]
        if not batch.count:
            go.set()
    assert times == [1, 2, 3, 4, 5]


PROGRAM = """
import signal
import sys
from pathlib import Path
from oddport.capture import open_capture
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background inherits that it is ignored
reader = open_capture(["-"], workdir=Path(sys.argv[1]))
try:
    for batch in reader.batches():
        print("batch", batch.count, flush=True)
except KeyboardInterrupt:
    reader.close()
    print("interrupted", reader.files[0].packets, reader.files[0].size, flush=True)
print("total", reader.files[0].packets, *reader.files[0].warnings, flush=True)
"""


def start(tmp_path: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


def test_standard_input_is_read_as_it_comes_and_an_interrupt_leaves_a_whole_copy(tmp_path: Path) -> None:
    with start(tmp_path) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        data = pcap() + record() * 3
        program.stdin.write(data + record()[:10])
        program.stdin.flush()
        assert program.stdout.readline() == b"batch 3\n"
        program.send_signal(signal.SIGINT)
        assert program.stdout.readline() == f"interrupted 3 {len(data) + 10}\n".encode()
        program.stdin.close()
    [copy] = tmp_path.iterdir()
    assert copy.read_bytes() == data + record()[:10]


def test_standard_input_that_is_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(pcap([record()] * 5))
    with (tmp_path / "in").open("rb") as stdin:
        said = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "copies")], stdin=stdin, capture_output=True, check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
    assert said.stdout.endswith(b"total 5\n")


def test_standard_input_named_twice_is_read_once(tmp_path: Path) -> None:
    warnings: list[str] = []
    reader = open_capture(["-", "-"], workdir=tmp_path, on_warning=warnings.append)
    assert warnings == ["Standard input: Standard input can be read once, and is named twice."]
    reader.close()


def test_no_standard_input_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    got = read(["-"], tmp_path)
    assert got.warnings == ["Standard input: It cannot be read: there is no standard input."]
