"""Streams of several files into one, in the order of time.

Always the file goes next whose next packet is the earliest, the file named first among equals; within a file, packets
keep their order even where their times do not. That is the order of the running maximum of each file's times, so whole
chunks are sorted at once instead of packet by packet.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from oddport.capture.opening import Opening, first_time
from oddport.capture.stream import BUFFER, FileStream
from oddport.engine.batch import RecordBatch
from oddport.engine.columns import BATCH
from oddport.engine.records import copy_frames

_MEMORY: Final = 64 << 20
"""Bytes that the buffers of all files share."""
_ROOM_LEAST: Final = 16 << 10
_ROWS_LEAST: Final = 256
_BYTES_A_ROW: Final = 64
"""A buffer of so many bytes gets a row: no packet with Ethernet, IP and a record header is much smaller."""
_BEFORE_ALL: Final = -(1 << 63)
_COLUMNS: Final = ("caplen", "wirelen", "ts", "offset", "number", "file", "interface", "link")

Open = Callable[[Opening, RecordBatch, int, bool], FileStream | None]


def _small_batch(rows: int) -> RecordBatch:
    """A RecordBatch of fewer rows."""
    return RecordBatch(
        start=np.zeros(rows, np.int64), caplen=np.zeros(rows, np.uint32), wirelen=np.zeros(rows, np.uint32),
        ts=np.zeros(rows, np.int64), offset=np.zeros(rows, np.int64), number=np.zeros(rows, np.uint32),
        file=np.zeros(rows, np.uint16), interface=np.zeros(rows, np.uint16), link=np.zeros(rows, np.uint16),
    )  # fmt: skip


@dataclass(slots=True)
class _Active:
    """An open file and those of its rows that were read and not yet given."""

    opening: Opening
    stream: FileStream
    batch: RecordBatch
    low: int = 0
    high: int = 0
    latest: int = _BEFORE_ALL
    key: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Running maximum of the times, of rows 0 to `high`."""

    @property
    def bound(self) -> tuple[int, int]:
        """(key, file): no later row of this file comes before it."""
        return self.latest, self.opening.file.id

    def read(self) -> bool:
        """Get the next rows; False where none came."""
        count = self.stream.next_rows(len(self.batch.ts))
        self.low, self.high = 0, count
        if not count:
            return False
        self.key = np.maximum(np.maximum.accumulate(self.batch.ts[:count]), self.latest)
        self.latest = int(self.key[-1])
        return True


class Merge:
    """Gives the packets of several files as one sequence of batches."""

    def __init__(
        self,
        openings: list[Opening],
        open_stream: Open,
        end: Callable[[Opening], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._open_stream = open_stream
        self._end = end
        self._stopped = stopped
        self._room = max(_ROOM_LEAST, min(BUFFER, _MEMORY // len(openings)))
        self._rows = max(_ROWS_LEAST, min(BATCH, self._room // _BYTES_A_ROW))
        # a file is opened when its first packet is due; one without packets at once, for its warnings
        self._pending = sorted(
            ((self._first(opening), opening.file.id, opening) for opening in openings), key=lambda item: item[:2]
        )
        self._pending.reverse()
        self._active: list[_Active] = []
        self._out = RecordBatch(data=np.empty(BUFFER, np.uint8))
        self._total = 0

    def _first(self, opening: Opening) -> int:
        if opening.pipe or self._stopped():
            return _BEFORE_ALL
        first = first_time(opening)
        return _BEFORE_ALL if first is None else first

    def batches(self) -> Iterator[RecordBatch]:
        """The packets in order; an empty batch where a pipe keeps all others waiting."""
        while not self._stopped():
            if not self._read_on():
                self._out.count = 0
                yield self._out
                continue
            if not self._active:
                return
            yield from self._give(self._take())

    def _read_on(self) -> bool:
        """See that every open file has rows and that every file that is due is open; False where a pipe is idle."""
        idle = False
        for active in list(self._active):
            if active.low == active.high and not active.read():
                if active.stream.ended:
                    self._active.remove(active)
                    self._end(active.opening)
                else:
                    idle = True
        while not idle and self._pending:
            due = min((active.bound for active in self._active), default=None)
            if due is not None and self._pending[-1][:2] > due:
                break
            _, _, opening = self._pending.pop()
            batch = _small_batch(self._rows)
            stream = self._open_stream(opening, batch, self._room, False)
            if stream is None:
                continue
            active = _Active(opening, stream, batch)
            if active.read():
                self._active.append(active)
            elif stream.ended:
                self._end(opening)
            else:
                self._active.append(active)
                idle = True
        return not idle

    def _take(self) -> list[tuple[_Active, int, int]]:
        """The rows that nothing unread can come before, as (file, first, end), files in the order they were named."""
        key, file = min(active.bound for active in self._active)
        taken = []
        for active in sorted(self._active, key=lambda active: active.opening.file.id):
            side: Literal["left", "right"] = "right" if active.opening.file.id <= file else "left"
            count = int(np.searchsorted(active.key[active.low : active.high], key, side=side))
            if count:
                taken.append((active, active.low, active.low + count))
                active.low += count
        return taken

    def _give(self, taken: list[tuple[_Active, int, int]]) -> Iterator[RecordBatch]:
        """The rows in the order of their keys, with their frames put together in the batch's own buffer."""
        order = np.argsort(np.concatenate([a.key[low:high] for a, low, high in taken]), kind="stable")
        columns = {
            name: np.concatenate([getattr(a.batch, name)[low:high] for a, low, high in taken])[order]
            for name in _COLUMNS
        }
        start = np.concatenate([a.batch.start[low:high] for a, low, high in taken])[order]
        which = np.repeat(np.arange(len(taken)), [high - low for _, low, high in taken])[order]
        ends = np.cumsum(columns["caplen"], dtype=np.int64)
        out = self._out
        done = 0
        while done < len(order) and not self._stopped():
            before = int(ends[done - 1]) if done else 0
            end = int(np.searchsorted(ends, before + BUFFER, side="right"))
            end = max(done + 1, min(end, done + BATCH - self._total % BATCH))
            size = int(ends[end - 1]) - before
            if len(out.data) < size or len(out.data) > BUFFER >= size:
                out.data = np.empty(max(size, BUFFER), np.uint8)
            count = end - done
            out.start[:count] = ends[done:end] - columns["caplen"][done:end] - before
            for name in _COLUMNS:
                getattr(out, name)[:count] = columns[name][done:end]
            for part in np.unique(which[done:end]):
                rows = np.flatnonzero(which[done:end] == part)
                copy_frames(
                    taken[part][0].batch.data.data,
                    start[done:end][rows].data,
                    out.data.data,
                    out.start[rows].data,
                    out.caplen[rows].data,
                )
            out.count = count
            self._total += count
            done = end
            yield out
