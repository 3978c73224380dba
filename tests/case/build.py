"""Columns, findings and whole small cases for the tests of the case file, with numbers that can be counted by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oddport.case.train_rows import WaitingTrains
from oddport.case.writer import CaseWriter
from oddport.detection.model import Evidence, Finding, Mapping, ScorePart, Severity
from oddport.engine.columns import BLOCK, FLOW, packet_arrays
from oddport.engine.trains import Conflict, Fragment, Train, TrainBatch
from oddport.protocols.answers import facts_text

SECOND = 1_000_000_000
START = 1_715_000_000 * SECOND
"""2024-05-06T12:53:20Z, by date -u -d @1715000000."""


@dataclass
class File:
    """A capture file as the loader describes it."""

    id: int = 0
    path: str = "/captures/branch.pcap"
    unpacked_path: str | None = None
    format: str = "pcap"
    size: int = 1000
    mtime_ns: int = 5
    digest: str = "00" * 16
    packets: int = 0
    bytes: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    linktypes: list[int] = field(default_factory=lambda: [1])
    truncated: bool = False
    warnings: list[str] = field(default_factory=list)


@dataclass
class Interface:
    """An interface as the loader describes it."""

    index: int = 0
    file: int = 0
    number: int = 0
    name: str | None = None
    link: int = 1
    snaplen: int = 0


def packed(address: str) -> bytes:
    """16 bytes, as in the engine's columns."""
    return ip_address(address).packed.rjust(16, b"\0")


def flows(*rows: dict[str, Any]) -> NDArray[np.void]:
    """Flow columns; src and dst as text, what is not given is 0 (id: 1, 2, …)."""
    array = np.zeros(len(rows), FLOW)
    for i, row in enumerate(rows):
        array["id"][i] = i + 1
        array["version"][i] = ip_address(row.get("src", "0.0.0.0")).version
        array["first_ns"][i] = array["last_ns"][i] = START
        for name, value in row.items():
            array[name][i] = np.void(packed(value)) if name in ("src", "dst") else value
    return array


def packets(count: int, **columns: Any) -> dict[str, NDArray[Any]]:
    """Packet columns of BLOCK rows, of which `count` hold; what is not given is 0."""
    arrays = packet_arrays(BLOCK)
    for name, values in columns.items():
        arrays[name][:count] = values
    return arrays


def finding(uid: str = "f1", **values: Any) -> Finding:
    """A finding: TLS on 8088/tcp of flow 1."""
    given: dict[str, Any] = {
        "detector": "port-mismatch",
        "rule": "PPM-01",
        "title": "TLS on 8088/tcp",
        "summary": "A TLS handshake where http is expected.",
        "parts": (ScorePart(60, False, "tier A"), ScorePart(1.2, True, "both directions")),
        "src": packed("10.20.3.14"),
        "dst": packed("203.0.113.80"),
        "version": 4,
        "proto": 6,
        "sport": 51_544,
        "dport": 8_088,
        "server_port": 8_088,
        "first_ns": START,
        "last_ns": START + 3 * SECOND,
        "app": "tls",
        "expected": "http",
        "flow": 1,
        "mappings": (Mapping("T1571", "direct", "the port is not one of tls"), Mapping("T1071.001", "related", "web")),
        "evidence": (
            Evidence(0, 4, 54, b"\x16\x03\x01", 3, "a TLS record", "GET", 0, 0),
            Evidence(0, 5, 54, b"\x16\x03\x03", 3, "a TLS record back", "HTTP/1", 0, 1),
        ),
        "rejected": ("not SSH: byte 0 is 0x16",),
        "lowered": ("seen once",),
        "score": 72,
        "severity": Severity.HIGH,
    }
    return Finding(**{**given, **values}, uid=uid)


def train(number: int = 1, **values: Any) -> Train:
    """Two fragments of 8 bytes, the second of which came twice with other bytes."""
    fragments = [
        Fragment(1, 0, 0, START, 34, 0, 8, 8, True, 64, 17, 1, 20),
        Fragment(2, 0, 1, START + 1, 34, 8, 8, 8, False, 64, 17, 0, 20),
        Fragment(3, 0, 2, START + 2, 34, 8, 8, 8, False, 61, 17, 0, 20),
    ]
    given: dict[str, Any] = {
        "version": 4,
        "src": packed("10.0.0.1"),
        "dst": packed("10.0.0.2"),
        "proto": 17,
        "ip_id": 0xBEEF,
        "context": 0,
        "interface": 0,
        "first_ns": START,
        "last_ns": START + 2,
        "fragments": fragments,
        "count": 3,
        "complete": True,
        "datagram": b"x" * 16,
        "total": 16,
        "conflicts": [Conflict(8, b"aa", b"bb", 1, 2)],
        "anomalies": {"conflicting_overlap", "ttl_mixed"},
        "sport": 53,
        "dport": 4_444,
    }
    return Train(number, **{**given, **values})


def put_flows(
    writer: CaseWriter,
    rows: NDArray[np.void],
    app: Sequence[str | None],
    tier: ArrayLike,
    verdict: ArrayLike,
    server_port: ArrayLike,
    facts: Sequence[dict[str, Any] | None] = (),
    open: bool = False,
) -> None:
    """Flows into a case, with apps by name and facts as they are."""
    names = sorted({name for name in app if name is not None})
    numbers = np.array([-1 if name is None else names.index(name) for name in app], np.int16)
    texts = {row: facts_text(each) for row, each in enumerate(facts) if each}
    writer.put_flows(rows, numbers, names, tier, verdict, server_port, texts, open)


def waiting(*trains: Train) -> WaitingTrains:
    """Trains as a writer takes them."""
    return WaitingTrains(TrainBatch.of(trains))


FLOWS: tuple[dict[str, Any], ...] = (
    {"src": "10.20.3.14", "dst": "203.0.113.80", "proto": 6, "sport": 51_544, "dport": 8_088, "packets_o": 6,
     "packets_r": 5, "bytes_o": 1_000, "bytes_r": 9_000, "payload_o": 600, "payload_r": 8_400, "state": 3, "server": 1,
     "last_ns": START + 3 * SECOND},
    {"src": "10.20.4.61", "dst": "10.20.0.53", "proto": 17, "sport": 33_090, "dport": 53, "packets_o": 1,
     "packets_r": 1, "bytes_o": 80, "bytes_r": 221, "payload_o": 38, "payload_r": 179, "server": 5,
     "first_ns": START + SECOND, "last_ns": START + SECOND + 20_000_000, "first_packet": 4, "last_packet": 5},
    {"src": "2001:db8::1", "dst": "2001:db8::2", "proto": 6, "sport": 40_000, "dport": 443, "packets_o": 2_000,
     "bytes_o": 2_000_000, "payload_o": 1_900_000, "notes": 64 | 2, "context": 10, "first_ns": START + 2 * SECOND,
     "last_ns": START + 700 * SECOND, "first_packet": 6, "last_packet": 6},
    {"src": "10.200.0.1", "dst": "192.0.2.1", "proto": 1, "packets_o": 1, "bytes_o": 98, "first_ns": START + 4 * SECOND,
     "last_ns": START + 4 * SECOND, "first_packet": 7, "last_packet": 7},
)  # fmt: skip
"""TLS on 8088, DNS on 53, something unknown on 443 over IPv6, a ping."""


def make_case(path: Path, *, state: str | None = "done") -> Path:
    """The four flows of FLOWS, two findings, a train, eight packets. state None: the load is not finished."""
    with CaseWriter.create(path) as writer:
        writer.attack_version = "17.1"
        writer.begin_load(1_000)
        writer.put_files([File(packets=8, first_ns=START, last_ns=START + 4 * SECOND)], [Interface(name="eth0")])
        writer.put_packets(
            packets(
                8,
                ts=START + np.arange(8) * 1_000,
                offset=40 + np.arange(8) * 100,
                caplen=84,
                wirelen=84,
                flow=[1, 1, 1, 1, 2, 2, 3, 4],
                flags=[2, 18, 16, 24, 0, 0, 2, 0],
                info=[0, 1, 0, 16, 16, 17, 0, 0],
            ),
            0,
            8,
            {0: 1},
        )
        put_flows(
            writer,
            flows(*FLOWS),
            ["tls", "dns", None, None],
            tier=[3, 3, 0, 0],
            verdict=[5, 1, 4, 0],
            server_port=[8_088, 53, 443, 0],
            facts=[
                {"sni": "Shop.Example.org", "alpn": ["h2", "http/1.1"], "resumed": True},
                {"qname": "a.test"},
                {},
                None,
            ],
        )
        writer.put_trains(waiting(train()))
        writer.put_findings(
            [
                finding(),
                finding(
                    "f2",
                    rule="PPM-07",
                    title="Unknown on 443/tcp",
                    summary="Bytes that no recogniser knows.",
                    src=packed("2001:db8::1"),
                    dst=packed("2001:db8::2"),
                    version=6,
                    sport=40_000,
                    dport=443,
                    server_port=443,
                    app=None,
                    expected="tls",
                    flow=3,
                    mappings=(),
                    evidence=(),
                    score=50,
                    severity=Severity.MEDIUM,
                ),
            ]
        )
        if state is not None:
            writer.finish_load(state)
    return path
