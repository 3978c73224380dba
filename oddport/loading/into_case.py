"""A capture → a case file: the sink that writes one, and the load from its beginning to its stored end."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.attack import ATTACK_VERSION
from oddport.capture import CaptureReader
from oddport.case.model import LIMIT, Omission
from oddport.case.train_rows import WaitingTrains
from oddport.case.writer import CaseWriter
from oddport.detection.model import Detector, DetectorError, Finding, FlowBatch
from oddport.engine.trains import TrainBatch
from oddport.loading.owners import Owners
from oddport.loading.pipeline import Load, LoadSettings, Progress
from oddport.loading.sink import Sink
from oddport.loading.tee import Tee

FLOWS_AT_ONCE = 8_192
"""Flows that are over and wait to be written together: one statement for all of them costs least."""

FORGOTTEN = "packets were forgotten, the oldest first, since the case met its limit"
TRAINS_AT_ONCE = 4_096
"""Fragment trains that wait likewise."""


class CaseSink:
    """Writes what a load hands over into a case."""

    wants_packets = True

    def __init__(
        self, writer: CaseWriter, live: bool = True, owners: Owners | None = None, limit: int | None = None
    ) -> None:
        """owners: for traffic of this machine, who asks for the processes of flows. limit: bytes that the case may hold
        before it forgets its oldest packets."""
        self.forgotten = 0
        """Packets that were forgotten for that."""
        self._limit = limit
        self._writer = writer
        self._owners = owners
        self.wants_open = live
        self._waiting: list[FlowBatch] = []
        self._waiting_rows = 0
        self._trains = WaitingTrains()

    def packets(self, columns: dict[str, NDArray[np.generic]], first: int, count: int, numbers: dict[int, int]) -> None:
        """A packet block."""
        present = np.flatnonzero(np.bincount(columns["file"][:count])).tolist()
        self._writer.put_packets(columns, first, count, {file: numbers.get(file, 0) + 1 for file in present})

    def flows(self, batch: FlowBatch, is_open: bool) -> None:
        """Flow rows; those that are over are written when there are enough of them, or before anything open is."""
        if self._owners is not None:
            self._owners.see(batch.flows)
        if is_open:
            self._write_flows()
            self._put_flows([batch], True)
            return
        self._waiting.append(batch)
        self._waiting_rows += len(batch.flows)
        if self._waiting_rows >= FLOWS_AT_ONCE:
            self._write_flows()

    def _write_flows(self) -> None:
        waiting, self._waiting, self._waiting_rows = self._waiting, [], 0
        if waiting:
            self._put_flows(waiting, False)

    def _put_flows(self, batches: list[FlowBatch], is_open: bool) -> None:
        facts: dict[int, bytes] = {}
        count = 0
        for batch in batches:
            facts.update((count + row, text) for row, text in batch.facts().items() if text)
            count += len(batch.flows)
        self._writer.put_flows(
            np.concatenate([batch.flows for batch in batches]),
            np.concatenate([batch.app_id for batch in batches]),
            batches[0].names,
            np.concatenate([batch.tier for batch in batches]),
            np.concatenate([batch.verdict for batch in batches]),
            np.concatenate([batch.server_port for batch in batches]),
            facts,
            is_open,
        )
        for batch in batches:
            if batch.inside:
                self._writer.put_inside(batch.inside)

    def trains(self, trains: TrainBatch) -> None:
        """Fragment trains; they are written when there are enough of them."""
        self._trains.add(trains)
        if len(self._trains) >= TRAINS_AT_ONCE:
            self._write_trains()

    def _write_trains(self) -> None:
        waiting, self._trains = self._trains, WaitingTrains()
        self._writer.put_trains(waiting)

    def findings(self, changed: list[Finding], gone: list[str]) -> None:
        """Findings, and those that gave way."""
        if gone:
            self._writer.remove_findings(gone)
        if changed:
            self._writer.put_findings(changed)

    def renamed(self, uids: Mapping[str, str]) -> None:
        """Verdicts given while the traffic came go on with their findings."""
        self._writer.move_verdicts(uids)

    def marks(self, flows: NDArray[np.uint32], severity: NDArray[np.uint8]) -> None:
        """Severity of every flow that occurs in a finding; all flows are written by then."""
        self._write_flows()
        self._writer.mark_flows(flows, severity)
        self._write_owners(last=True)

    def error(self, error: DetectorError) -> None:
        """A detector that stopped."""
        self._writer.put_error(error.detector, error.at, error.message, error.trace)

    def files(self, reader: Any) -> None:
        """Files and interfaces; with them, everything that waits."""
        self._write_flows()
        self._write_trains()
        self._writer.put_files(reader.files, reader.interfaces)
        self._write_owners()
        if self._limit is not None:
            self.forgotten += self._writer.keep_within(self._limit)

    def omissions(self) -> list[Omission]:
        """What the case tells less for its limit."""
        return [Omission("packets", LIMIT, FORGOTTEN, self.forgotten)] if self.forgotten else []

    def _write_owners(self, last: bool = False) -> None:
        if self._owners is not None and (known := self._owners.take(last)):
            self._writer.put_owners(known)


def into_case(
    reader: CaptureReader,
    case: Path,
    detectors: Iterable[type[Detector]],
    stop: Callable[[], bool],
    on_progress: Callable[[Progress], None],
    *,
    beside: Sink | None = None,
    errors: Iterable[DetectorError] = (),
    live: bool = False,
    replace: bool = False,
    settings: LoadSettings | None = None,
    owners: Owners | None = None,
    limit: int | None = None,
) -> str:
    """Load `reader`'s capture into the case at `case`; gives the state it ends in, `done` or `stopped`.

    `beside`: another sink that is handed everything too. `errors`: detectors that could not be loaded. `live`: write
    what is still open four times a second, for a dashboard. `replace`: a finished load in the case gives way. `owners`:
    who knows the processes of this traffic. `limit`: bytes that the case may hold before its oldest packets go.
    Raises CaseError where the case cannot be written or another process is loading it.
    """
    writer = CaseWriter.resume(case) if case.exists() else CaseWriter.create(case)
    with writer:
        writer.attack_version = ATTACK_VERSION
        writer.begin_load(reader.position()[1], replace=replace)
        try:
            kept = CaseSink(writer, live, owners, limit)
            sink: Sink = kept if beside is None else Tee(kept, beside)
            for error in errors:
                sink.error(error)
            kept.files(reader)

            def report(progress: Progress) -> None:
                writer.progress(
                    bytes_read=progress.bytes,
                    packets=progress.packets,
                    flows=progress.flows,
                    findings=progress.findings,
                )
                omissions = [*kept.omissions(), *progress.omissions]
                if omissions:
                    writer.put_omissions(omissions)
                on_progress(progress)

            whole = Load(reader, sink, detectors, settings, stop, report).run()
        except Exception as error:
            writer.finish_load("failed", f"{type(error).__name__}: {error}")
            raise
        state = "done" if whole else "stopped"
        writer.finish_load(state)
        return state
