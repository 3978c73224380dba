"""A capture → its facts and opinions, handed to a sink: the way of the data from bytes to findings, once."""

import gc
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.capture import CaptureReader
from oddport.case.model import Omission
from oddport.detection.history import History
from oddport.detection.model import Detector
from oddport.detection.runner import Runner
from oddport.engine.batch import Decoded, RecordBatch
from oddport.engine.columns import BATCH, BLOCK, INNER_PACKET, NOTE_EARLY, packet_arrays
from oddport.engine.decode import decode
from oddport.engine.flows import FlowTable
from oddport.engine.fragments import FragmentTable
from oddport.engine.path_mtu import small_mtus
from oddport.engine.trains import TrainBatch
from oddport.engine.tunnels import DEPTH, Tunnels, Woven
from oddport.loading.ahead import Ahead
from oddport.loading.file_numbers import FileNumbers
from oddport.loading.naming import Asked, Namer
from oddport.loading.naming_process import YOUNG_OBJECTS, NamingProcess
from oddport.loading.omissions import omissions
from oddport.loading.provisional import Provisional
from oddport.loading.sink import Sink
from oddport.protocols.site import SiteTable

SECOND = 1_000_000_000
FIRST_TICK = 0.02
"""Seconds until the first rows are handed over; a shorter load hands over once."""
TICK = 0.25
"""Seconds between two hand-overs of what is not over yet, and between two reports of progress."""
TICK_SHARE = 8
"""A hand-over that took t is followed by a pause of at least TICK_SHARE * t."""


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What the engine may be told. Times in seconds of capture time; the defaults are Zeek's."""

    tcp_timeout: float = 300.0
    tcp_closed_timeout: float = 5.0
    udp_timeout: float = 60.0
    other_timeout: float = 60.0
    head_memory: int = 128 << 20
    """Bytes for the first bytes of all open flows together."""
    detectors: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    provisional: bool = False
    """Name and judge what is not over as if it ended now, and take that back as more comes: for traffic of which nobody
    knows how long it goes on."""
    baseline: History | None = None
    """Flows of an earlier case, to compare with."""
    site: SiteTable | None = None
    """What belongs where at this site, besides what belongs there anywhere."""
    process_after: int = 20_000
    """First bytes that are named here; from then on another process names. 0: wait for it, and let it name all."""
    tunnel_depth: int = DEPTH
    """How many tunnels in one another are opened."""


@dataclass(slots=True)
class Progress:
    """How far a load is."""

    bytes: int = 0
    total: int | None = None
    packets: int = 0
    flows: int = 0
    findings: int = 0
    seconds: float = 0.0
    omissions: tuple[Omission, ...] = ()
    """What was left out or left undecided; known at the end."""


class Load:
    """One run over one capture (several files in time order are one capture).

    `run` returns whether the capture was read to its end; False: `stop` said to end. What was read is handed over whole
    either way.
    """

    def __init__(
        self,
        reader: CaptureReader,
        sink: Sink,
        detectors: Iterable[type[Detector]],
        settings: LoadSettings | None = None,
        stop: Callable[[], bool] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        settings = settings or LoadSettings()
        self.progress = Progress()
        self._reader = reader
        self._sink = sink
        self._stop = stop
        self._on_progress = on_progress
        self._table = FlowTable(
            tcp_timeout=int(settings.tcp_timeout * SECOND),
            closed_timeout=int(settings.tcp_closed_timeout * SECOND),
            udp_timeout=int(settings.udp_timeout * SECOND),
            other_timeout=int(settings.other_timeout * SECOND),
            arena_bytes=settings.head_memory,
        )
        self._tunnels = Tunnels(settings.tunnel_depth)
        self._namer = Namer(self._table, settings.site, self._tunnels.inside)
        self._process: NamingProcess | None = None
        self._process_after = settings.process_after
        self._due: deque[Asked | TrainBatch] = deque()
        """What is over and was not handed over, since it, or something before it, waits for its names."""
        self._trains = FragmentTable()
        detectors = list(detectors)
        self._runner = Runner(detectors, settings.detectors, _digest(reader), sink.error, baseline=settings.baseline)
        self._provisional = (
            Provisional(detectors, settings.detectors, _digest(reader)) if settings.provisional else None
        )
        self._decoded = Decoded()
        self._columns = packet_arrays(BLOCK)
        self._inner: list[NDArray[np.void]] = []
        """Packets inside those of the block in hand, dtype INNER_PACKET."""
        self._block_first = 0
        self._told: list[NDArray[np.void]] = []
        """Messages of small MTUs (path_mtu.TOLD) among what was read and not taken in."""
        self._numbers: dict[int, int] = {}
        self._file_numbers = FileNumbers()
        self._shown = 0
        self._early = 0
        self._began = time.monotonic()
        self._next_tick = self._began + FIRST_TICK

    def run(self) -> bool:
        """Read, name and judge. Raises what the sink raises, and NamingError where another process was to name, and did
        not; bad captures are warnings of the reader."""
        before = gc.get_threshold()
        gc.set_threshold(YOUNG_OBJECTS, *before[1:])
        try:
            return self._run()
        finally:
            gc.set_threshold(*before)
            if self._process is not None:
                self._process.close()

    def _run(self) -> bool:
        batches = self._reader.batches()
        with Ahead(partial(self._read, batches)) as ahead:
            whole = self._go_on(ahead)
        self._finish()
        return whole

    def _go_on(self, ahead: Ahead) -> bool:
        """Name, judge and hand over what is over, while the thread reads on; False: `stop` said to end."""
        named = 0
        more = True
        while more:
            more = ahead.wait()
            self._take_in()
            if self.progress.packets % BATCH == 0 and self.progress.packets > named:
                named = self.progress.packets
                self._name()
            if self._stop is not None and self._stop():
                return False
            now = time.monotonic()
            if now >= self._next_tick:
                self._hand_over()
                self._tick(now)
            elif more:
                ahead.start()
                self._hand_over()
        return True

    def _read(self, batches: Iterator[RecordBatch]) -> bool:
        """Count packets into their flows, up to where flows are named next, or until nothing comes or something is to
        be told; False at the end. Runs in a thread: what it has for others waits until they take it in."""
        self._namer.send()
        for batch in batches:
            if not batch.count:  # an idle pipe gives empty batches, so that what it gave before is shown
                return True
            self._take(batch)
            if self.progress.packets % BATCH == 0 or time.monotonic() >= self._next_tick:
                return True
        return False

    def _take(self, batch: RecordBatch) -> None:
        count, first = batch.count, self.progress.packets
        decoded, at = self._decoded, first - self._block_first
        fragments = decode(batch, decoded)
        self._told.append(small_mtus(batch, decoded))
        self._trains.take(batch, decoded, first)  # also without fragments: the time that passes ends trains
        rows = slice(at, at + count)
        columns = self._columns
        results = {name: columns[name][rows] for name in ("flow", "flags", "info")}
        woven = self._tunnels.weave(batch, decoded, self._trains.buffer, first)
        if woven is None:
            self._table.feed(batch, decoded, self._trains.buffer, results, first)
            self._file_numbers.take(results["flow"].view(np.uint32), batch.number[:count], first, first + count - 1)
        else:
            self._feed_woven(woven, results, at)
        if fragments:
            self._trains.tie(columns["flow"][rows])
        if self._sink.wants_packets:
            for name in ("file", "interface", "ts", "offset", "caplen", "wirelen"):
                columns[name][rows] = getattr(batch, name)[:count]
        self.progress.packets = first + count

    def _take_in(self) -> None:
        """Hand on what was read: messages of small MTUs, a block that is full."""
        for messages in self._told:
            self._runner.small_mtus(messages)
        self._told = []
        if self.progress.packets - self._block_first < BLOCK:
            return
        if self._sink.wants_packets:
            self._put_packets(BLOCK)
            self._inner = []
            for file, packets in enumerate(np.bincount(self._columns["file"]).tolist()):
                if packets:
                    self._numbers[file] = self._numbers.get(file, 0) + packets
        self._block_first += BLOCK

    def _put_packets(self, count: int) -> None:
        """Hand over the block in hand."""
        inner = np.concatenate(self._inner) if self._inner else np.zeros(0, INNER_PACKET)
        self._sink.packets({**self._columns, "inner": inner}, self._block_first, count, self._numbers)

    def _feed_woven(self, woven: Woven, results: dict[str, NDArray[Any]], at: int) -> None:
        """Count packets and those inside them into their flows. at: the batch's first row in the block."""
        before = self._table.count()
        every = {name: np.zeros(woven.batch.count, column.dtype) for name, column in results.items()}
        self._table.feed(woven.batch, woven.decoded, woven.joined, every, 0, woven.in_case)
        self._tunnels.note(woven, every["flow"], before)
        first, last = int(woven.in_case[0]), int(woven.in_case[-1])
        self._file_numbers.take(every["flow"].view(np.uint32), woven.batch.number[: woven.batch.count], first, last)
        outermost = woven.level == 0
        for name, column in results.items():
            column[:] = every[name][outermost]
        if self._sink.wants_packets:
            inside = ~outermost & (every["flow"] > 0)
            inner = np.empty(np.count_nonzero(inside), INNER_PACKET)
            inner["row"] = woven.row[inside] + at
            for name in results:
                inner[name] = every[name][inside]
            self._inner.append(inner)

    def _name(self) -> None:
        """Name what can be named. What is over is due then, and most of it is handed over while more is read."""
        self._table.sweep()
        if self._process is None and self._namer.tasks >= self._process_after:
            self._process = NamingProcess()
        if self._process is not None and self._process.ready(wait=self._process_after == 0):
            self._namer.move(self._process)
        self._take_over(self._closed_trains())

    def _closed_trains(self) -> Iterator[TrainBatch]:
        yield self._trains.closed()
        yield from self._tunnels.trains()

    def _last_trains(self) -> Iterator[TrainBatch]:
        yield self._trains.finish()
        yield from self._tunnels.last_trains()

    def _take_over(self, trains: Iterator[TrainBatch]) -> None:
        """Take what is over out of the tables, and hand over as much as is named by now, in order."""
        for asked in self._namer.take():
            self._due.append(asked)
            if not asked.taken.whole:  # what is over is more than should wait
                self._hand_over()
        self._due.extend(trains)
        self.progress.flows = self._table.count()

    def _hand_over(self) -> None:
        """Judge and hand over what is due, up to the first that waits for its names."""
        while self._due:
            due = self._due[0]
            if isinstance(due, TrainBatch):
                self._judge_trains(due)
            elif due.batch is None:
                break
            elif len(due.batch.flows):
                self._early += int(np.count_nonzero(due.batch.flows["notes"] & NOTE_EARLY))
                due.batch.flows["number"] = self._file_numbers.of(due.batch.flows)
                self._runner.flows(due.batch)
                self._sink.flows(due.batch, False)
            self._due.popleft()

    def _judge_trains(self, trains: TrainBatch) -> None:
        if len(trains):
            self._runner.trains(trains)
            self._sink.trains(trains)

    def _tick(self, now: float) -> None:
        """Report progress; show what is not over yet to a sink that wants it."""
        self.progress.bytes, self.progress.total = self._reader.position()
        self.progress.seconds = now - self._began
        if self._sink.wants_open:
            self._sink.files(self._reader)
            self._hand_over_open()
        if self._on_progress is not None:
            self._on_progress(self.progress)
        ended = time.monotonic()
        self._next_tick = ended + max(TICK, TICK_SHARE * (ended - now))

    def _hand_over_open(self) -> None:
        """Rows of open flows that moved since the last time, findings so far, and the block that is not full yet."""
        self._namer.settle()
        self._hand_over()
        if self._provisional is None:
            batch = moved = self._namer.open(self._shown)
        else:
            batch = self._namer.preview()
            moved = batch.chosen(np.flatnonzero(batch.flows["last_packet"] >= self._shown))
        if len(moved.flows):
            self._sink.flows(moved, True)
        self._shown = self.progress.packets
        self.progress.flows = self._table.count()
        changed, gone = self._runner.changes()
        self.progress.findings = self._runner.count()
        if self._provisional is not None:
            more, less = self._provisional.look(batch, self._runner)
            changed, gone = changed + more, gone + less
            self.progress.findings += self._provisional.count()
        if changed or gone:
            self._sink.findings(changed, gone)
        if self._sink.wants_packets and self.progress.packets > self._block_first:
            count = self.progress.packets - self._block_first
            self._put_packets(count)

    def _finish(self) -> None:
        self._table.end_all()
        self._take_over(self._last_trains())
        self._namer.settle()
        self._hand_over()
        self._table.close()  # what is judged at the end needs memory, too
        count = self.progress.packets - self._block_first
        if self._sink.wants_packets and count:
            self._put_packets(count)
        renamed = self._runner.set_digest(_digest(self._reader))
        if renamed:
            self._sink.renamed(renamed)
        self._runner.close()
        changed, gone = self._runner.changes()
        if self._provisional is not None:
            gone += self._provisional.end(self._runner)
        self._sink.findings(changed, gone)
        self._sink.marks(*self._runner.marks())
        self._sink.files(self._reader)
        self.progress.findings = self._runner.count()
        dropped = self._trains.dropped_trains + self._tunnels.dropped_trains
        self.progress.omissions = omissions(self._table, self._early, dropped, self._runner)
        self.progress.bytes, self.progress.total = self._reader.position()
        self.progress.seconds = time.monotonic() - self._began
        if self._on_progress is not None:
            self._on_progress(self.progress)


def _digest(reader: CaptureReader) -> str:
    """Of all files together; that of a pipe is known at its end."""
    return "+".join(file.digest for file in reader.files)
