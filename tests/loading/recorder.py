"""A sink that remembers."""

from pathlib import Path
from typing import Any

import numpy as np

from oddport.capture import open_capture
from oddport.detection.registry import load as load_detectors
from oddport.exports.ndjson import flow_records
from oddport.loading.pipeline import Load, LoadSettings


class Recorder:
    """Keeps what a load hands over."""

    def __init__(self, wants_packets: bool = True, wants_open: bool = False) -> None:
        self.wants_packets = wants_packets
        self.wants_open = wants_open
        self.records: list[dict[str, Any]] = []
        self.final: dict[int, dict[str, Any]] = {}
        self.while_open: dict[int, dict[str, Any]] = {}
        self.found: dict[str, Any] = {}
        self.train_list: list[Any] = []
        self.marked: dict[int, int] = {}
        self.errors: list[Any] = []
        self.blocks: dict[int, dict[str, Any]] = {}
        self.notes: dict[int, int] = {}

    def packets(self, columns: dict[str, Any], first: int, count: int, numbers: dict[int, int]) -> None:
        kept = {name: column[:count].copy() for name, column in columns.items()}
        self.blocks[first] = {**kept, "numbers": dict(numbers)}

    def flows(self, batch: Any, is_open: bool) -> None:
        for row, record in enumerate(flow_records(batch)):
            (self.while_open if is_open else self.final)[record["id"]] = record
            self.notes[record["id"]] = int(batch.flows["notes"][row])

    def trains(self, trains: Any) -> None:
        self.train_list.extend(trains)

    def findings(self, changed: list[Any], gone: list[str]) -> None:
        for uid in gone:
            del self.found[uid]
        self.found.update({finding.uid: finding for finding in changed})

    def renamed(self, uids: Any) -> None:
        self.renames = dict(uids)

    def marks(self, flows: Any, severity: Any) -> None:
        self.marked = dict(zip(np.asarray(flows).tolist(), np.asarray(severity).tolist(), strict=True))

    def error(self, error: Any) -> None:
        self.errors.append(error)

    def files(self, reader: Any) -> None:
        self.capture_files = list(reader.files)

    @property
    def flow_list(self) -> list[dict[str, Any]]:
        return [self.final[key] for key in sorted(self.final)]


def load(
    paths: list[Path], workdir: Path, sink: Recorder | None = None, settings: LoadSettings | None = None, **more: Any
) -> Recorder:
    """Load captures with the installed detectors into a recorder."""
    sink = sink or Recorder()
    reader = open_capture([str(path) for path in paths], workdir=workdir)
    try:
        sink.whole = Load(reader, sink, more.pop("detectors", None) or load_detectors()[0], settings, **more).run()  # type: ignore[attr-defined]
    finally:
        reader.close()
    return sink
