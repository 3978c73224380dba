"""Captures written byte by byte, for tests."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from oddport.capture import LIMIT_BYTES, CaptureFile, CaptureReader, open_capture
from oddport.engine.batch import RecordBatch

ETHERNET = 1
FRAME = bytes.fromhex("020000000001020000000002") + b"\x08\x00" + bytes(range(46))
"""60 bytes, the shortest frame that Ethernet allows."""


def pcap(
    records: Sequence[bytes] = (),
    magic: int = 0xA1B2C3D4,
    order: str = "<",
    version: tuple[int, int] = (2, 4),
    snaplen: int = 65_535,
    link: int = ETHERNET,
    after_header: bytes = b"",
) -> bytes:
    """A classic capture."""
    head = struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, link)
    return head + after_header + b"".join(records)


def record(
    frame: bytes = FRAME,
    seconds: int = 1_000,
    fraction: int = 0,
    order: str = "<",
    wire: int | None = None,
    captured: int | None = None,
    extra: bytes = b"",
) -> bytes:
    """A classic record; `extra` stands between its header and its frame."""
    lengths = len(frame) if captured is None else captured, len(frame) if wire is None else wire
    return struct.pack(order + "IIII", seconds, fraction, *lengths) + extra + frame


def block(kind: int, body: bytes, order: str = "<", length: int | None = None, trailer: int | None = None) -> bytes:
    """A pcapng block with its two lengths and its padding."""
    body += bytes(-len(body) % 4)
    first = 12 + len(body) if length is None else length
    return (
        struct.pack(order + "II", kind, first) + body + struct.pack(order + "I", first if trailer is None else trailer)
    )


def section(order: str = "<", major: int = 1, length: int = -1, options: bytes = b"", mark: int = 0x1A2B3C4D) -> bytes:
    """A section header block."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", mark, major, 0, length) + options, order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """One option of a block, padded."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(link: int = ETHERNET, snaplen: int = 0, options: bytes = b"", order: str = "<") -> bytes:
    """An interface description block."""
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def enhanced(
    frame: bytes = FRAME,
    ticks: int = 0,
    number: int = 0,
    order: str = "<",
    wire: int | None = None,
    captured: int | None = None,
    options: bytes = b"",
) -> bytes:
    """An enhanced packet block."""
    lengths = len(frame) if captured is None else captured, len(frame) if wire is None else wire
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, *lengths)
    return block(6, head + frame + bytes(-len(frame) % 4) + options, order)


def simple(frame: bytes = FRAME, wire: int | None = None, order: str = "<") -> bytes:
    """A simple packet block."""
    return block(3, struct.pack(order + "I", len(frame) if wire is None else wire) + frame, order)


def obsolete(frame: bytes = FRAME, ticks: int = 0, number: int = 0, drops: int = 0, order: str = "<") -> bytes:
    """A packet block, as pcapng had it before the enhanced one."""
    head = struct.pack(order + "HHIIII", number, drops, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(2, head + frame, order)


@dataclass
class Row:
    """What a batch said of one packet."""

    frame: bytes
    wirelen: int
    ts: int
    offset: int
    number: int
    file: int
    interface: int
    link: int


@dataclass
class Read:
    """All that a reader gave."""

    reader: CaptureReader
    rows: list[Row] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    """Rows of each batch."""
    warnings: list[str] = field(default_factory=list)

    @property
    def file(self) -> CaptureFile:
        return self.reader.files[0]

    @property
    def frames(self) -> list[bytes]:
        return [row.frame for row in self.rows]

    @property
    def times(self) -> list[int]:
        return [row.ts for row in self.rows]


def rows_of(batch: RecordBatch) -> list[Row]:
    """A batch's rows, copied out of its arrays."""
    got = []
    for i in range(batch.count):
        start, caplen = int(batch.start[i]), int(batch.caplen[i])
        assert 0 <= start <= start + caplen <= len(batch.data)
        got.append(
            Row(
                bytes(np.asarray(batch.data)[start : start + caplen]),
                int(batch.wirelen[i]),
                int(batch.ts[i]),
                int(batch.offset[i]),
                int(batch.number[i]),
                int(batch.file[i]),
                int(batch.interface[i]),
                int(batch.link[i]),
            )
        )
    return got


def read(paths: Sequence[Path | str], workdir: Path, limit_bytes: int = LIMIT_BYTES) -> Read:
    """Read a capture to its end."""
    warnings: list[str] = []
    reader = open_capture(paths, workdir=workdir, on_warning=warnings.append, limit_bytes=limit_bytes)
    got = Read(reader, warnings=warnings)
    for batch in got.reader.batches():
        got.rows += rows_of(batch)
        got.sizes.append(batch.count)
    return got


def read_data(data: bytes, folder: Path) -> Read:
    """Read one file with these bytes, whose name says nothing."""
    path = folder / "something.txt"
    path.write_bytes(data)
    return read([path], folder / "unpacked")
