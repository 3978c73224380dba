"""Facts and opinions of a load → one JSON object a line, by stable names that scripts rely on."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.attack import ATTACK_VERSION
from oddport.case.words import why_unnamed
from oddport.detection.model import DetectorError, Evidence, Finding, FlowBatch
from oddport.engine.columns import address_text, proto_text
from oddport.engine.trains import TrainBatch, anomaly_words
from oddport.protocols.model import PortVerdict, Tier

TIERS: dict[int, str | None] = {tier: None if tier == Tier.NONE else tier.name for tier in Tier}
VERDICTS: dict[int, str | None] = {
    verdict: None if verdict == PortVerdict.NOTHING else verdict.name.lower() for verdict in PortVerdict
}


class NdjsonSink:
    """Writes records through `write` as they come: flows and trains in the order of their end, then findings.

    Call `finish` after the load for the findings and the `capture` records.
    """

    wants_packets = False
    wants_open = False

    def __init__(self, reader: Any, write: Callable[[str], object]) -> None:
        self._reader = reader
        self._write = write
        self.errors: list[DetectorError] = []
        self.severities: list[int] = []
        """Severity of each finding written."""

    def _put(self, record: dict[str, Any]) -> None:
        self._write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")

    def _path(self, file: int) -> str:
        return str(self._reader.files[file].path)

    def packets(self, columns: dict[str, NDArray[np.generic]], first: int, count: int, numbers: dict[int, int]) -> None:
        """Packets have no record of their own."""

    def flows(self, batch: FlowBatch, is_open: bool) -> None:
        """One `flow` record each."""
        for row, record in enumerate(flow_records(batch)):
            flow = batch.flows[row]
            if record["app"] is None:
                snaplen = self._reader.interfaces[int(flow["interface"])].snaplen
                record["unnamed"] = why_unnamed(int(flow["notes"]), record["payload_bytes"], snaplen)
            self._put({"type": "flow", "capture": self._path(int(flow["file"])), **record})

    def trains(self, trains: TrainBatch) -> None:
        """One `fragment_train` record each."""
        for file, record in zip(first_files(trains), train_records(trains), strict=True):
            self._put({"type": "fragment_train", "capture": self._path(file), **record})

    def findings(self, changed: list[Finding], gone: list[str]) -> None:
        """One `finding` record each; a load without a display hands them over once, at its end."""
        for finding in changed:
            self.severities.append(int(finding.severity))
            file = finding.evidence[0].file if finding.evidence else 0
            self._put({"type": "finding", "capture": self._path(file), **finding_record(finding, self._path)})

    def renamed(self, uids: Mapping[str, str]) -> None:
        """Nothing was printed under the old ones."""

    def marks(self, flows: NDArray[np.uint32], severity: NDArray[np.uint8]) -> None:
        """Findings name their flow themselves."""

    def error(self, error: DetectorError) -> None:
        """A `detector_error` record: detector, at, message."""
        self.errors.append(error)
        self._put({"type": "detector_error", "detector": error.detector, "at": error.at, "message": error.message})

    def files(self, reader: Any) -> None:
        """One `capture` record a file."""
        for file in reader.files:
            self._put(
                {
                    "type": "capture",
                    "capture": str(file.path),
                    "format": file.format,
                    "packets": file.packets,
                    "bytes": file.bytes,
                    "first_ts": seconds(file.first_ns),
                    "last_ts": seconds(file.last_ns),
                    "linktypes": list(file.linktypes),
                    "truncated": file.truncated,
                    "warnings": list(file.warnings),
                }
            )


def seconds(ns: int | None) -> float | None:
    """Epoch nanoseconds → epoch seconds."""
    return None if ns is None else ns / 1e9


def flow_records(batch: FlowBatch) -> list[dict[str, Any]]:
    """The keys of a `flow` record, without `type` and `capture`."""
    flows = batch.flows
    names = ("id", "version", "proto", "sport", "dport", "packets_o", "packets_r", "bytes_o", "bytes_r", "payload_o")
    columns = [flows[name].tolist() for name in (*names, "payload_r", "first_ns", "last_ns", "src", "dst")]
    tiers, verdicts, ports = batch.tier.tolist(), batch.verdict.tolist(), batch.server_port.tolist()
    records = []
    for row, values in enumerate(zip(*columns, strict=True)):
        (number, version, proto, sport, dport, p_o, p_r, b_o, b_r, l_o, l_r, first, last, src, dst) = values
        found = batch.identification(row)
        inside = batch.inside.get(number)
        records.append(
            {
                "id": number,
                "parent": None if inside is None else inside.parent,
                "tunnel": [] if inside is None else list(inside.tunnel),
                "proto": proto_text(proto),
                "src": address_text(bytes(src), version),
                "sport": sport,
                "dst": address_text(bytes(dst), version),
                "dport": dport,
                "server_port": ports[row] or None,
                "packets": p_o + p_r,
                "bytes": b_o + b_r,
                "payload_bytes": l_o + l_r,
                "first_ts": seconds(first),
                "last_ts": seconds(last),
                "first_ns": first,
                "last_ns": last,
                "app": batch.app[row],
                "unnamed": None,
                "inner": [each._asdict() for each in found.inner] if found is not None else [],
                "tier": TIERS[tiers[row]],
                "port_verdict": VERDICTS[verdicts[row]],
                "app_facts": found.facts if found is not None else {},
            }
        )
    return records


def first_files(batch: TrainBatch) -> list[int]:
    """The file of each train's first fragment, 0 where none is listed."""
    first, listed = batch.trains["first"], batch.trains["listed"] > 0
    files = np.zeros(len(batch), np.uint16)
    files[listed] = batch.fragments["file"][first[listed]]
    found: list[int] = files.tolist()
    return found


def train_records(batch: TrainBatch) -> list[dict[str, Any]]:
    """The keys of `fragment_train` records, without `type` and `capture`."""
    names = [
        "version", "src", "dst", "proto", "ip_id", "count", "complete", "reassembled", "anomalies", "first_ns", "flow"
    ]  # fmt: skip
    return [
        {
            "src": address_text(src, version),
            "dst": address_text(dst, version),
            "proto": proto_text(proto),
            "ip_id": ip_id,
            "version": version,
            "fragments": count,
            "state": "complete" if complete else "incomplete",
            "reassembled_bytes": reassembled,
            "anomalies": sorted(anomaly_words(anomalies)),
            "first_ts": seconds(first_ns),
            "flow": flow or None,
        }
        for version, src, dst, proto, ip_id, count, complete, reassembled, anomalies, first_ns, flow in zip(
            *(batch.trains[name].tolist() for name in names), strict=True
        )
    ]


def finding_record(finding: Finding, path: Callable[[int], str]) -> dict[str, Any]:
    """The keys of a `finding` record, without `type` and `capture`; `path`: file index → path of the capture."""
    return {
        "id": finding.uid,
        "detector": finding.detector,
        "rule": finding.rule,
        "title": finding.title,
        "severity": finding.severity.name.lower(),
        "score": finding.score,
        "parts": [{"value": part.value, "factor": part.factor, "reason": part.reason} for part in finding.parts],
        "attack_version": ATTACK_VERSION,
        "techniques": [
            {"id": mapping.technique, "relation": mapping.relation, "reason": mapping.reason}
            for mapping in finding.mappings
        ],
        "flow": finding.flow or None,
        "flows": list(finding.also),
        "train": finding.train or None,
        "proto": proto_text(finding.proto),
        "src": address_text(finding.src, finding.version),
        "sport": finding.sport,
        "dst": address_text(finding.dst, finding.version),
        "dport": finding.dport,
        "server_port": finding.server_port or None,
        "app": finding.app,
        "first_ts": seconds(finding.first_ns),
        "last_ts": seconds(finding.last_ns),
        "count": finding.count,
        "summary": finding.summary,
        "expected": finding.expected,
        "rejected": list(finding.rejected),
        "lowered": list(finding.lowered),
        "evidence": [_evidence_record(row, path) for row in finding.evidence],
    }


def _evidence_record(row: Evidence, path: Callable[[int], str]) -> dict[str, Any]:
    return {
        "capture": path(row.file),
        "packet": row.packet,
        "offset": row.offset,
        "length": row.length,
        "hex": row.data.hex(),
        "says": row.says,
        "expected": row.expected,
        "train": row.train or None,
        "side": "responder" if row.side else "originator",
    }
