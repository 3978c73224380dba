"""A path as given into a capture file that can be read: pipe or file, packed or plain, or a sentence why not."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oddport.capture.fingerprint import Fingerprint
from oddport.capture.interfaces import InterfaceTable
from oddport.capture.live.ring import Ring
from oddport.capture.magic import MAGIC_BYTES, Packing, capture_format, packing
from oddport.capture.model import CaptureFile, shown, why
from oddport.capture.source import END, NOTHING_YET, FileSource, Limited, PipeSource, Source, is_regular
from oddport.capture.stream import FileStream, Warner, not_a_capture
from oddport.capture.unpack import Budget, Copying, Prefixed, Unpacking, unpack_head
from oddport.engine.batch import RecordBatch

STANDARD_INPUT: Final = "-"
_HEAD: Final = 64 << 10
"""Bytes of a compressed file within which its first plain bytes are looked for."""
_PEEK_ROOM: Final = 64 << 10
_PEEK_BYTES: Final = 16 << 20
"""Bytes, unpacked, within which the first packet of a file is looked for ahead of its time."""


def probe(fd: int) -> tuple[Packing | None, str | None, bytes]:
    """(compression, capture format, first bytes) of an open regular file; the format is of the unpacked bytes."""
    head = os.pread(fd, MAGIC_BYTES, 0)
    packed = packing(head)
    if packed is None:
        return None, capture_format(head), head
    return packed, capture_format(unpack_head(os.pread(fd, _HEAD, 0), packed, MAGIC_BYTES)), head


class Sniffing:
    """A pipe whose first bytes tell how to go on: unpack it or not, and keep a copy if it is a capture."""

    def __init__(self, raw: Source, decide: Callable[[bytes, Source], Source]) -> None:
        """`decide` is given the first bytes and the source with those put back, once; it gives what is read on."""
        self.trouble: str | None = None
        self._raw = raw
        self._decide = decide
        self._head = b""
        self._inner: Source | None = None

    def read_into(self, view: memoryview) -> int:
        while self._inner is None:
            room = bytearray(MAGIC_BYTES - len(self._head))
            got = self._raw.read_into(memoryview(room))
            if got == NOTHING_YET:
                return NOTHING_YET
            self._head += room[: max(0, got)]
            if got == END or len(self._head) == MAGIC_BYTES:
                self._inner = self._decide(self._head, Prefixed(self._head, self._raw))
        count = self._inner.read_into(view)
        self.trouble = self._inner.trouble
        return count

    def progress(self) -> int:
        return self._raw.progress()

    def remaining(self) -> int | None:
        return None

    def close(self) -> None:
        (self._inner or self._raw).close()


@dataclass(slots=True)
class Opening:
    """How one file of a capture is to be read; `readable` is off where a warning says why it cannot be."""

    file: CaptureFile
    warn: Warner
    readable: bool = False
    pipe: bool = False
    packed: Packing | None = None
    ring: Ring | None = None
    """Where the bytes come from, if not from `file.path`."""


def prepare(file: CaptureFile, warn: Warner) -> Opening:
    """Look at what `file.path` is and fill in what is known before reading."""
    opening = Opening(file, warn)
    if file.path == STANDARD_INPUT:
        opening.readable = opening.pipe = True
        return opening
    try:
        if os.path.isdir(file.path):
            warn("It is a folder; the captures in it have to be named one by one or found first.")
            return opening
        if not is_regular(file.path):
            opening.readable = opening.pipe = True
            return opening
        fd = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            known = Fingerprint.of_descriptor(fd)
            opening.packed, kind, head = probe(fd)
        finally:
            os.close(fd)
    except OSError as error:
        warn(f"It cannot be read: {why(error)}.")
        return opening
    except ValueError:  # a null character in the path
        warn("It cannot be read: no file has such a name.")
        return opening
    file.size, file.mtime_ns, file.digest = known.size, known.mtime_ns, known.digest
    file.format = kind or ""
    if kind is not None:
        opening.readable = True
    elif opening.packed is None:
        warn(not_a_capture(head))
    else:
        warn(f"It is {opening.packed} data, but what they hold does not begin like a pcap or pcapng capture.")
    return opening


@dataclass(slots=True)
class Workshop:
    """What opening the files of one capture shares."""

    folder: Path
    """For unpacked copies."""
    budget: Budget
    interfaces: InterfaceTable
    stopped: Callable[[], bool]

    def open(self, opening: Opening, batch: RecordBatch, room: int, keep_open: bool) -> FileStream | None:
        """The stream of a readable file; None, and a warning, where that fails."""
        file = opening.file
        try:
            source = self._source(opening, keep_open)
        except OSError as error:
            opening.warn(f"It cannot be read: {why(error)}.")
            return None
        at_record = None if opening.ring is None else opening.ring.at_record
        return FileStream(file, source, self.interfaces, batch, opening.warn, room, at_record)

    def _source(self, opening: Opening, keep_open: bool) -> Source:
        file = opening.file
        if opening.ring is not None:
            return opening.ring
        if opening.pipe:
            return Sniffing(self._pipe(file), lambda head, raw: self._decide(file, opening.warn, head, raw))
        raw = FileSource(file.path, keep_open)
        if opening.packed is None:
            return raw
        return self._copied(file, opening.warn, Unpacking(raw, opening.packed), f"{file.id}-{file.digest}")

    def _pipe(self, file: CaptureFile) -> Source:
        if file.path != STANDARD_INPUT:
            return PipeSource(os.open(file.path, os.O_RDONLY | os.O_CLOEXEC), True, self.stopped)
        if sys.stdin is None or sys.stdin.closed:
            raise OSError(0, "there is no standard input")
        return PipeSource(sys.stdin.fileno(), False, self.stopped)

    def _decide(self, file: CaptureFile, warn: Warner, head: bytes, raw: Source) -> Source:
        packed = packing(head)
        if packed is None and capture_format(head) is None:
            return raw
        plain = raw if packed is None else Unpacking(raw, packed)
        return self._copied(file, warn, plain, f"{file.id}-pipe-{os.getpid()}")

    def _copied(self, file: CaptureFile, warn: Warner, source: Source, stem: str) -> Source:
        path = (self.folder / f"{stem}.unpacked").absolute()
        try:
            copying = Copying(source, path, self.budget)
        except OSError as error:
            source.close()
            raise OSError(
                error.errno, f"its unpacked copy cannot be made in {shown(str(self.folder))} ({why(error)})"
            ) from error
        file.unpacked_path = str(path)
        return copying


def first_time(opening: Opening) -> int | None:
    """Time in ns of the first packet of a regular file; None where it has none in its first bytes, or cannot be read.
    Nothing is kept."""
    scratch = CaptureFile(opening.file.id, opening.file.path)
    try:
        raw = FileSource(opening.file.path, False)
    except OSError:
        return None
    source: Source = raw if opening.packed is None else Unpacking(raw, opening.packed)
    batch = RecordBatch()
    stream = FileStream(scratch, Limited(source, _PEEK_BYTES), InterfaceTable(), batch, Warner(scratch), _PEEK_ROOM)
    try:
        return int(batch.ts[0]) if stream.next_rows(1) else None
    finally:
        stream.close()
