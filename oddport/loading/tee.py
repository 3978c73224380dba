"""One load → two sinks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.detection.model import DetectorError, Finding, FlowBatch
from oddport.engine.trains import TrainBatch
from oddport.loading.sink import Sink


class Tee:
    """Hands everything to each of its sinks; what is still open only to those that want it."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks
        self.wants_packets = any(sink.wants_packets for sink in sinks)
        self.wants_open = False

    def packets(self, columns: dict[str, NDArray[np.generic]], first: int, count: int, numbers: dict[int, int]) -> None:
        """See Sink."""
        for sink in self._sinks:
            if sink.wants_packets:
                sink.packets(columns, first, count, numbers)

    def flows(self, batch: FlowBatch, is_open: bool) -> None:
        """See Sink."""
        for sink in self._sinks:
            sink.flows(batch, is_open)

    def trains(self, trains: TrainBatch) -> None:
        """See Sink."""
        for sink in self._sinks:
            sink.trains(trains)

    def findings(self, changed: list[Finding], gone: list[str]) -> None:
        """See Sink."""
        for sink in self._sinks:
            sink.findings(changed, gone)

    def renamed(self, uids: Mapping[str, str]) -> None:
        """See Sink."""
        for sink in self._sinks:
            sink.renamed(uids)

    def marks(self, flows: NDArray[np.uint32], severity: NDArray[np.uint8]) -> None:
        """See Sink."""
        for sink in self._sinks:
            sink.marks(flows, severity)

    def error(self, error: DetectorError) -> None:
        """See Sink."""
        for sink in self._sinks:
            sink.error(error)

    def files(self, reader: Any) -> None:
        """See Sink."""
        for sink in self._sinks:
            sink.files(reader)
