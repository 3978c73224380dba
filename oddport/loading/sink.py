"""What a load hands over as it goes: to a case file, to a stream of records, to a test."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from oddport.detection.model import DetectorError, Finding, FlowBatch
from oddport.engine.trains import TrainBatch


class Sink(Protocol):
    """Receives the facts and opinions of one load."""

    wants_packets: bool
    """Packet columns are made only for a sink that wants them."""
    wants_open: bool
    """Open flows and unfinished findings are shown while the load runs."""

    def packets(self, columns: dict[str, NDArray[np.generic]], first: int, count: int, numbers: dict[int, int]) -> None:
        """`count` packets from number `first` on; `numbers`: file → packets of that file before this block.
        `columns["inner"]`: the packets inside these, dtype INNER_PACKET, by row.
        A block that is not full yet is handed over again later, under the same `first`."""

    def flows(self, batch: FlowBatch, is_open: bool) -> None:
        """Flows by id; the last hand-over of an id holds."""

    def trains(self, trains: TrainBatch) -> None:
        """Fragment trains that are over."""

    def findings(self, changed: list[Finding], gone: list[str]) -> None:
        """Findings by uid that are new or changed, and uids that hold no more."""

    def renamed(self, uids: Mapping[str, str]) -> None:
        """At the end of what came through a pipe: old uid → that under which the same finding is handed over next."""

    def marks(self, flows: NDArray[np.uint32], severity: NDArray[np.uint8]) -> None:
        """At the end: which flows occur in findings, and how severe."""

    def error(self, error: DetectorError) -> None:
        """A detector stopped."""

    def files(self, reader: Any) -> None:
        """Files, interfaces and warnings as they stand (oddport.capture's reader)."""
