"""One opened file into rows of a RecordBatch, and into what is known of the file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from oddport.capture import formats
from oddport.capture.interfaces import InterfaceTable
from oddport.capture.magic import MAGIC_BYTES, SECTION_HEADER, capture_format
from oddport.capture.model import MORE_WARNINGS, WARNINGS_KEPT, CaptureFile
from oddport.capture.source import END, NOTHING_YET, Source
from oddport.engine import records
from oddport.engine.batch import RecordBatch

BUFFER: Final = 4 << 20
"""Bytes read at a time."""
_SMALLEST: Final = 16 << 10
"""Bytes of the smallest buffer."""


@dataclass(frozen=True, slots=True)
class Warner:
    """Where warnings about a file go: once each, at most WARNINGS_KEPT, and on to the caller."""

    file: CaptureFile
    tell: Callable[[CaptureFile, str], None] | None = None

    def __call__(self, sentence: str) -> None:
        kept = self.file.warnings
        if sentence in kept or len(kept) > WARNINGS_KEPT:
            return
        if len(kept) == WARNINGS_KEPT:
            sentence = MORE_WARNINGS
        kept.append(sentence)
        if self.tell is not None:
            self.tell(self.file, sentence)


def not_a_capture(head: bytes) -> str:
    """The sentence for a file that begins with `head` and is none."""
    if not head:
        return "It is empty: it holds no capture."
    return (
        f"It is no capture that can be read: its first bytes ({head[:8].hex(' ')}) are those of neither pcap nor "
        "pcapng, nor of gzip, zstd or xz around one."
    )


class FileStream:
    """Reads one file from its first byte to its last, or as far as it makes sense."""

    def __init__(
        self,
        file: CaptureFile,
        source: Source,
        interfaces: InterfaceTable,
        batch: RecordBatch,
        warn: Warner,
        room: int = BUFFER,
        at_record: Callable[[int, memoryview], None] | None = None,
    ) -> None:
        """`room`: bytes of the buffer, which grows for a record that is larger. `at_record` is told where the walk
        has got to, always between two records, and what was read beyond."""
        self.file = file
        self.batch = batch
        self.ended = False
        self._source = source
        self._interfaces = interfaces
        self._warn = warn
        self._at_record = at_record
        left = source.remaining()
        self._room = max(_SMALLEST, room if left is None else min(room, left))
        self._set_buffer(np.empty(self._room, np.uint8))
        self._begin = 0
        self._end = 0
        self._base = 0
        self._more = True
        self._walker: records.PcapWalker | records.PcapngWalker | None = None
        self._need = 0
        self._section_interfaces = 0
        self._big = False

    def _set_buffer(self, buffer: NDArray[np.uint8]) -> None:
        self._buffer = buffer
        self._view: memoryview = buffer.data
        self.batch.data = buffer

    @property
    def position(self) -> int:
        """Offset of the first byte that was not walked."""
        return self._base + self._begin

    @property
    def consumed(self) -> int:
        """Bytes on disk, or of the pipe, that were walked (unpacked, where they are compressed)."""
        return self._source.progress() if self._source.remaining() is None else self.position

    def next_rows(self, limit: int) -> int:
        """Fill up to `limit` rows of the batch. 0: the file has `ended`, or a pipe had nothing whole in time."""
        while not self.ended:
            if self._walker is None and not self._start():
                if not self.ended and not self._refill(self._header_need()):
                    return 0
                continue
            count = self._walk(limit)
            if count:
                self._account(count)
                if self._at_record is not None:
                    self._at_record(self.position, self._view[self._begin : self._end])
                return count
            if not self.ended and not self._refill(self._need):
                return 0
        return 0

    # header

    def _header_need(self) -> int:
        if capture_format(bytes(self._view[self._begin : self._end])) == "pcap":
            return formats.PCAP_HEADER + formats.SAMPLE
        return MAGIC_BYTES

    def _start(self) -> bool:
        """Tell the format and make the walker; False where more bytes are needed for that, or the file has ended."""
        have = self._end - self._begin
        if have < MAGIC_BYTES and self._more:
            return False
        head = bytes(self._view[self._begin : self._end][: formats.PCAP_HEADER + formats.SAMPLE])
        kind = capture_format(head)
        if kind is None:
            self._not_a_capture(head)
            return False
        self.file.format = kind
        if kind == "pcapng":
            self._walker = records.PcapngWalker(self.batch)
            return True
        if have < formats.PCAP_HEADER:
            if not self._more:
                self._cut(f"the file header needs {formats.PCAP_HEADER} bytes, the file ends after {have}")
            return False
        header = formats.read_pcap_header(head)
        if have < header.begin:
            if not self._more:
                self._cut(f"the file header needs {header.begin} bytes, the file ends after {have}")
            return False
        self._walker = records.PcapWalker(
            self.batch, header.big, header.multiplier, header.header, header.swapped, header.longest
        )
        self._begin += header.begin
        interface = self._add_interface(0, None, header.link, header.snaplen)
        self.batch.interface[:] = interface
        self.batch.link[:] = header.link
        return True

    def _not_a_capture(self, head: bytes) -> None:
        self.ended = True
        if self._source.trouble is not None:
            self.file.truncated = True
            self._warn(f"It could not be read: {self._source.trouble}.")
        else:
            self._warn(not_a_capture(head))

    # records

    def _walk(self, limit: int) -> int:
        """Rows of what lies in the buffer; sets `_need` where that ran out."""
        walker = self._walker
        assert walker is not None
        count = 0
        while True:
            count = walker.walk(self._view, self._begin, self._end, self._base, count, limit)
            self._begin = walker.position
            if walker.status == records.BLOCK:
                assert isinstance(walker, records.PcapngWalker)
                block = self._view[self._begin : self._begin + walker.need]
                if not self._read_block(walker, block):
                    break
                self._begin += walker.need
                continue
            if walker.status == records.CORRUPT:
                self._corrupt(walker.reason, walker.detail)
            elif walker.status == records.MORE:
                self._need = walker.need
            break
        return count

    def _read_block(self, walker: records.PcapngWalker, block: memoryview) -> bool:
        """Take in a section header or an interface description; False where the file ends with it."""
        if bytes(block[:4]) == SECTION_HEADER:
            section = formats.read_section_header(block)
            if section is None:
                self._stop("a section header has no byte-order magic")
                return False
            if section.major != 1:
                self._stop(f"a section has format version {section.major}; only version 1 is known")
                return False
            self._big = section.big
            self._section_interfaces = 0
            walker.start_section(section.big)
            return True
        about = formats.read_interface(block, self._big)
        number = self._section_interfaces
        index = self._add_interface(number, about.name, about.link, about.snaplen)
        if not walker.add_interface(index, about.link, about.snaplen, about.resolution, about.offset):
            self._stop(f"a section describes more than {records.MAX_INTERFACES:,} interfaces")
            return False
        self._section_interfaces += 1
        return True

    def _add_interface(self, number: int, name: str | None, link: int, snaplen: int) -> int:
        if link not in self.file.linktypes:
            self.file.linktypes.append(link)
        return self._interfaces.add(self.file.id, number, name, link, snaplen, self._warn)

    def _account(self, count: int) -> None:
        file, batch = self.file, self.batch
        batch.count = count
        batch.file[:count] = file.id
        batch.number[:count] = np.arange(file.packets + 1, file.packets + count + 1, dtype=np.int64)
        file.packets += count
        file.bytes += int(batch.wirelen[:count].sum(dtype=np.uint64))
        first, last = int(batch.ts[:count].min()), int(batch.ts[:count].max())
        file.first_ns = first if file.first_ns is None else min(first, file.first_ns)
        file.last_ns = last if file.last_ns is None else max(last, file.last_ns)

    # bytes

    def _refill(self, need: int) -> bool:
        """Get more bytes, so that `need` of them follow `_begin`; False where none came in time or none will come
        (then the file has ended)."""
        have = self._end - self._begin
        left = self._source.remaining()
        if left is not None and need > have + left and self._walker is not None:
            self._more = False  # no memory for what a record only claims
        if not self._more:
            self._finish(have, need)
            return False
        self._make_room(have, need)
        while self._end < len(self._view):
            got = self._source.read_into(self._view[self._end :])
            if got == NOTHING_YET:
                return self._end - self._begin >= need
            if got == END:
                self._more = False
                break
            self._end += got
            if left is None:
                break
        if self._walker is None or self._end - self._begin > have:
            return True
        self._finish(have, need)
        return False

    def _make_room(self, have: int, need: int) -> None:
        """Move what is left to the front; take a larger buffer as the bytes of a large record come in, and go back to
        the usual one after it."""
        size = len(self._view)
        if have == size:
            size = min(2 * size, max(size, need, self._room))
        elif size > self._room and max(have, need) <= self._room:
            size = self._room
        if size != len(self._view):
            old = self._view
            self._set_buffer(np.empty(size, np.uint8))
            self._view[:have] = old[self._begin : self._end]
        elif self._begin:
            self._view[:have] = self._view[self._begin : self._end]
        self._base += self._begin
        self._begin, self._end = 0, have

    # ends

    def _finish(self, have: int, need: int) -> None:
        """The bytes are over: tell whether they end where a record does."""
        self.ended = True
        if self._source.trouble is not None:
            self.file.truncated = True
            self._warn(f"Read up to byte {self.position:,}: {self._source.trouble}.")
        elif have:
            self._cut(f"what begins there needs {need:,} bytes, and {have:,} are there")
        self._tell_clamped()

    def _cut(self, reason: str) -> None:
        self.ended = True
        self.file.truncated = True
        self._warn(f"Cut off at byte {self.position:,}: {reason}. What stands before it was read.")

    def _corrupt(self, reason: int, detail: int) -> None:
        self._stop(
            {
                records.REASON_LENGTH: f"a record claims {detail:,} bytes, more than a packet can have",
                records.REASON_BLOCK_LENGTH: f"a block claims a length of {detail:,} bytes, which cannot be",
                records.REASON_TRAILER: f"a block's length is another at its end ({detail:,})",
                records.REASON_PACKET_LENGTH: f"a packet claims {detail:,} bytes, more than its block has",
                records.REASON_INTERFACE: f"a packet is of interface {detail:,}, which was not described before it",
            }[reason]
        )

    def _stop(self, reason: str) -> None:
        self.ended = True
        self.file.truncated = True
        self._warn(f"Corrupt at byte {self.position:,}: {reason}. What stands before it was read.")
        self._tell_clamped()

    def _tell_clamped(self) -> None:
        walker = self._walker
        if isinstance(walker, records.PcapngWalker) and walker.clamped:
            self._warn(
                f"Packets with a time that cannot be (before 1677 or after 2262): {walker.clamped:,}, the first at "
                f"byte {walker.clamped_at:,}. They have the earliest or latest time there is."
            )

    def close(self) -> None:
        """Give back descriptors and the buffer's memory."""
        self.ended = True
        self._source.close()
