"""Paths into batches of records: one file in its own order, several merged in the order of time."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

from oddport.capture.fingerprint import Fingerprint
from oddport.capture.interfaces import InterfaceTable
from oddport.capture.live.ring import Ring, RingLimits, ring_files
from oddport.capture.merge import Merge
from oddport.capture.model import CaptureError, CaptureFile, Interface, shown, why
from oddport.capture.opening import STANDARD_INPUT, Opening, Workshop, prepare
from oddport.capture.source import Source
from oddport.capture.stream import BUFFER, FileStream, Warner
from oddport.capture.unpack import LIMIT_BYTES, Budget
from oddport.engine.batch import RecordBatch
from oddport.engine.columns import BATCH

FILES_MOST = 65_535
"""Files of one capture: the `file` column has 16 bits."""


def open_capture(
    paths: Sequence[str | os.PathLike[str]],
    *,
    workdir: Path,
    limit_bytes: int = LIMIT_BYTES,
    on_warning: Callable[[str], None] | None = None,
    heartbeat: bool = False,
) -> "CaptureReader":
    """One capture of all `paths` (files, pipes, `-` for standard input), packets in the order of time.

    `workdir`: where compressed files and pipes are unpacked, made when it is needed; the copies may take `limit_bytes`
    together. `on_warning` gets each warning as a sentence with its file; they are kept in the files as well. With
    `heartbeat`, a pipe on which nothing comes gives an empty batch four times a second.

    What cannot be read is a file without packets and with a warning. CaptureError: no path, or more than FILES_MOST.
    """
    if not paths:
        raise CaptureError("No capture was named; give a file, a folder of captures, or - for standard input.")
    if len(paths) > FILES_MOST:
        raise CaptureError(f"A capture has at most {FILES_MOST:,} files, not {len(paths):,}; load them in parts.")
    return CaptureReader([os.fsdecode(path) for path in paths], workdir, limit_bytes, on_warning, heartbeat)


def open_live(source: Source, name: str, *, folder: Path, limits: RingLimits) -> "CaptureReader":
    """The capture that comes out of `source` (one classic pcap), kept in a ring in `folder`.

    `name` is the path of its only file, as it is shown. OSError where the ring cannot be made.
    """
    return CaptureReader([name], folder, LIMIT_BYTES, None, True, Ring(source, folder, limits))


class CaptureReader:
    """Reads a capture once, from its first batch to its last."""

    def __init__(
        self,
        paths: list[str],
        workdir: Path,
        limit_bytes: int,
        on_warning: Callable[[str], None] | None,
        heartbeat: bool,
        ring: Ring | None = None,
    ) -> None:
        self.files: list[CaptureFile] = []
        """In the order given. Sizes and digests are there at once (a pipe's at its end), counts grow."""
        self._on_warning = on_warning
        self._heartbeat = heartbeat
        self._stopped = False
        self._table = InterfaceTable()
        self._openings: list[Opening] = []
        self._streams: dict[int, FileStream] = {}
        self._over: set[int] = set()
        self._workshop = Workshop(workdir, Budget(limit_bytes), self._table, lambda: self._stopped)
        stdin_taken = False
        for path in paths:
            file = CaptureFile(len(self.files), path)
            self.files.append(file)
            warn = Warner(file, self._tell)
            if ring is not None:
                file.unpacked_path = str(workdir.absolute())
                self._openings.append(Opening(file, warn, readable=True, pipe=True, ring=ring))
                continue
            opening = prepare(file, warn)
            if path == STANDARD_INPUT:
                if stdin_taken:
                    opening.readable = False
                    opening.warn("Standard input can be read once, and is named twice.")
                stdin_taken = True
            self._openings.append(opening)

    @property
    def interfaces(self) -> list[Interface]:
        """By index; grows while batches are read, before the first packet of an interface is handed over."""
        return self._table.all

    def _tell(self, file: CaptureFile, sentence: str) -> None:
        if self._on_warning is not None:
            name = "Standard input" if file.path == STANDARD_INPUT else shown(file.path)
            self._on_warning(f"{name}: {sentence}")

    def batches(self) -> Iterator[RecordBatch]:
        """The packets, at most BATCH a time and never across a multiple of BATCH of the packets so far. The batch and
        its arrays are the same each time; `data` may be another. Nothing after `stop` or `close`, or a second time."""
        if self._stopped:
            return
        readable = [opening for opening in self._openings if opening.readable]
        try:
            if len(self._openings) == 1 and readable:
                yield from self._single(readable[0])
            elif readable:
                yield from self._merged(readable)
        finally:
            self.close()

    def _single(self, opening: Opening) -> Iterator[RecordBatch]:
        batch = RecordBatch()
        stream = self._open(opening, batch, BUFFER, True)
        total = 0
        while stream is not None and not self._stopped:
            count = stream.next_rows(BATCH - total % BATCH)
            if count:
                total += count
                yield batch
            elif stream.ended:
                self._end(opening)
                break
            elif self._heartbeat:
                batch.count = 0
                yield batch

    def _merged(self, openings: list[Opening]) -> Iterator[RecordBatch]:
        merge = Merge(openings, self._open, self._end, lambda: self._stopped)
        for batch in merge.batches():
            if batch.count or self._heartbeat:
                yield batch

    def _open(self, opening: Opening, batch: RecordBatch, room: int, keep_open: bool) -> FileStream | None:
        stream = self._workshop.open(opening, batch, room, keep_open)
        if stream is not None:
            self._streams[opening.file.id] = stream
        return stream

    def _end(self, opening: Opening) -> None:
        """A stream is over: give back what it holds; a pipe now has a size and a digest."""
        file = opening.file
        self._over.add(file.id)
        stream = self._streams.pop(file.id, None)
        if stream is None:
            return
        consumed = stream.consumed
        stream.close()
        if not opening.pipe:
            return
        file.size = consumed
        if file.unpacked_path is not None:
            try:
                if opening.ring is not None:
                    file.digest = "+".join(Fingerprint.of(each).digest for each in ring_files(file.unpacked_path))
                    return
                known = Fingerprint.of(file.unpacked_path)
            except OSError as error:
                opening.warn(f"Its copy {shown(file.unpacked_path)} cannot be read ({why(error)}).")
                return
            file.size, file.digest = known.size, known.digest

    def position(self) -> tuple[int, int | None]:
        """(bytes read, bytes in all) of the files on disk; the latter None where a pipe is among them."""
        done = 0
        for opening in self._openings:
            stream = self._streams.get(opening.file.id)
            if stream is not None:
                done += stream.consumed
            elif opening.file.id in self._over or not opening.readable:
                done += opening.file.size
        if any(opening.pipe for opening in self._openings):
            return done, None
        return done, sum(file.size for file in self.files)

    def stop(self) -> None:
        """End the batches soon, as if the input ended there (within 0.25 s on a pipe). May be called from a signal
        handler or another thread."""
        self._stopped = True

    def close(self) -> None:
        """Give back descriptors. Twice does no harm; copies of pipes and compressed files stay."""
        self._stopped = True
        for opening in self._openings:
            self._end(opening)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
