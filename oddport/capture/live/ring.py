"""Bytes of one pcap stream → a ring of pcap files on disk, the oldest given up first, and bytes back by their offset.

A packet of a live capture is known by its offset in the whole stream, as if the ring never turned. Each file of the
ring begins with the stream's file header, so that it can be opened by itself, and is named after the offset of its
first record.
"""

import contextlib
import os
import re
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oddport.capture.formats import PCAP_HEADER
from oddport.capture.model import why
from oddport.capture.source import END, Source

_NAME: Final = re.compile(r"live-(\d{15,})\.pcap\Z")


@dataclass(frozen=True, slots=True)
class RingLimits:
    """How much of the traffic is kept."""

    file_bytes: int = 100_000_000
    """A file that has grown to this is followed by another one."""
    files: int = 20

    def __post_init__(self) -> None:
        if self.file_bytes < 1 << 20 or self.files < 2:
            raise ValueError("a ring has at least 2 files of at least 1 MiB each")


class Ring:
    """A Source whose bytes are written to the ring before they are handed on."""

    def __init__(self, inner: Source, folder: Path, limits: RingLimits) -> None:
        """Makes the folder and its first file, for the owner only. OSError where that fails."""
        self.trouble: str | None = None
        self._inner = inner
        self._folder = folder
        self._limits = limits
        self._fd = -1
        self._header = b""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._starts: list[int] = []
        """Offset in the stream of the first record of each file that is there."""
        self._size = 0
        self._open(PCAP_HEADER)
        self._ended = False

    def _open(self, start: int) -> None:
        self.close_file()
        self._fd = os.open(_path(self._folder, start), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._size = 0
        self._starts.append(start)

    def read_into(self, view: memoryview) -> int:
        if self._ended:
            return END
        count = self._inner.read_into(view)
        if count == END:
            self.trouble = self._inner.trouble
            self._ended = True
        if count <= 0:
            return count
        if len(self._header) < PCAP_HEADER:
            self._header += bytes(view[: min(count, PCAP_HEADER - len(self._header))])
        try:
            self._write(view[:count])
        except OSError as error:
            self._fail(error)
            return END
        return count

    def _fail(self, error: OSError) -> None:
        self.trouble = f"the ring in {self._folder} could not be written ({why(error)}); make room and capture again"
        self._ended = True

    def _write(self, data: memoryview | bytes) -> None:
        view = memoryview(data)
        while len(view):
            written = os.write(self._fd, view)
            self._size += written
            view = view[written:]

    def at_record(self, offset: int, rest: memoryview) -> None:
        """A record ends at `offset` of the stream, and `rest` is what was read after it: turn the ring if it is time.

        The rest is moved to the new file, since nobody knows of its packets yet.
        """
        if self._size < self._limits.file_bytes or offset <= self._starts[-1] or self._ended:
            return
        try:
            os.ftruncate(self._fd, PCAP_HEADER + offset - self._starts[-1])
            self._open(offset)
            self._write(self._header)
            self._write(rest)
        except OSError as error:
            self._fail(error)
            return
        while len(self._starts) > self._limits.files:
            with contextlib.suppress(FileNotFoundError):
                _path(self._folder, self._starts.pop(0)).unlink()

    def progress(self) -> int:
        return self._inner.progress()

    def remaining(self) -> int | None:
        return None

    def close_file(self) -> None:
        """Give back the descriptor of the file that is written."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def close(self) -> None:
        self._ended = True
        self._inner.close()
        self.close_file()


def ring_files(folder: str | os.PathLike[str]) -> list[Path]:
    """The files of a ring, the oldest first; OSError where there is no folder."""
    return [_path(Path(folder), start) for start in _starts_in(folder)]


def locate(folder: str | os.PathLike[str], offset: int) -> tuple[Path, int] | None:
    """(file, offset in it) of what lies at `offset` of the stream; None where its file was given up.

    OSError where there is no folder.
    """
    starts = _starts_in(folder)
    at = bisect_right(starts, offset) - 1
    if at < 0:
        return None
    return _path(Path(folder), starts[at]), PCAP_HEADER + offset - starts[at]


def _starts_in(folder: str | os.PathLike[str]) -> list[int]:
    found = (_NAME.match(name) for name in os.listdir(folder))
    return sorted(int(match[1]) for match in found if match)


def _path(folder: Path, start: int) -> Path:
    return folder / f"live-{start:015d}.pcap"
