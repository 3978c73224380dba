"""Small cases for the dashboard's tests, written by the case's own writer."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import numpy as np

from oddport.case.writer import CaseWriter
from oddport.detection.model import Evidence, Finding, Mapping, ScorePart, Severity
from oddport.engine.columns import FLOW, packet_arrays
from tests.case import build

if TYPE_CHECKING:
    from pathlib import Path

START = 1_773_741_137_184_000_000
"""17 March 2026, 09:52:17.184 UTC, in ns."""
SECOND = 1_000_000_000
TABS = [
    "1", "Findings", "2", "Flows", "3", "Packets", "4", "Ports", "5", "ATT&CK", "6", "Timeline", "7", "Trains",
    "8", "Live",
]  # fmt: skip
"""The words of the first row."""
HELLO = bytes.fromhex("16030102000100 01fc0303".replace(" ", ""))
"""A TLS record with the beginning of a ClientHello (RFC 8446, 5.1 and 4.1.2)."""


def packed(text: str) -> bytes:
    """An address as the engine's columns hold it."""
    return ip_address(text).packed.rjust(16, b"\0")


@dataclass
class Flow:
    """A flow by its readable values."""

    src: str = "10.20.3.14"
    sport: int = 51544
    dst: str = "203.0.113.80"
    dport: int = 8088
    app: str | None = "tls"
    verdict: int = 5
    tier: int = 3
    proto: int = 6
    packets: int = 24
    bytes: int = 9450
    payload: int = 8000
    second: float = 0.0
    lasted: float = 0.841
    server_port: int | None = None
    server: int = 1
    notes: int = 0
    state: int = 3
    facts: dict[str, Any] | None = None


@dataclass
class Found:
    """A finding by its readable values."""

    title: str = "TLS on 8088/tcp"
    severity: int = 3
    score: int = 65
    flow: int = 1
    rule: str = "PPM-01"
    expected: str = "http"
    says: str = "TLS ClientHello"
    why: str = "8088/tcp is registered as radan-http (IANA)"
    data: bytes = HELLO
    count: int = 1
    packet: int = 1
    offset: int = 54
    rejected: tuple[str, ...] = ("not HTTP: byte 0 is 0x16, not a method token",)
    mappings: tuple[tuple[str, str, str], ...] = (
        ("T1571", "direct", "MITRE's own example: HTTPS on 8088"),
        ("T1573.002", "context", "the channel is TLS"),
    )
    lowered: tuple[str, ...] = ()
    train: int = 0


def flow_array(flows: list[Flow], first_id: int = 1) -> np.ndarray:
    """Flows as the engine gives them."""
    array = np.zeros(len(flows), FLOW)
    for place, flow in enumerate(flows):
        row = array[place]
        row["id"], row["first_ns"] = first_id + place, START + int(flow.second * SECOND)
        row["last_ns"] = row["first_ns"] + int(flow.lasted * SECOND)
        row["src"], row["dst"] = packed(flow.src), packed(flow.dst)
        row["version"] = 6 if ":" in flow.src else 4
        row["proto"], row["sport"], row["dport"] = flow.proto, flow.sport, flow.dport
        row["packets_o"], row["packets_r"] = flow.packets - flow.packets // 2, flow.packets // 2
        row["bytes_o"], row["bytes_r"] = flow.bytes // 3, flow.bytes - flow.bytes // 3
        row["payload_o"], row["payload_r"] = flow.payload // 3, flow.payload - flow.payload // 3
        row["state"], row["server"], row["notes"] = flow.state, flow.server, flow.notes
    return array


def put_flows(writer: CaseWriter, flows: list[Flow], first_id: int = 1) -> None:
    """Flows into the case."""
    build.put_flows(
        writer,
        flow_array(flows, first_id),
        [flow.app for flow in flows],
        [flow.tier for flow in flows],
        [flow.verdict for flow in flows],
        [flow.dport if flow.server_port is None else flow.server_port for flow in flows],
        [flow.facts for flow in flows],
    )


def finding_of(found: Found, flow: Flow, number: int) -> Finding:
    """A finding as a detector gives it."""
    evidence = Evidence(0, found.packet, found.offset, found.data, len(found.data), found.says, found.why, found.train)
    return Finding(
        detector="port-mismatch",
        rule=found.rule,
        title=found.title,
        summary=f"{found.says} where {found.expected} was expected.",
        parts=(
            ScorePart(35, False, "base, known protocol on a port that is not its own"),
            ScorePart(1, True, "both directions parse (tier A)"),
            ScorePart(15, False, "to an outside address"),
        ),
        src=packed(flow.src),
        dst=packed(flow.dst),
        version=6 if ":" in flow.src else 4,
        proto=flow.proto,
        sport=flow.sport,
        dport=flow.dport,
        server_port=flow.dport,
        first_ns=START + int(flow.second * SECOND),
        last_ns=START + int((flow.second + flow.lasted) * SECOND),
        app=flow.app,
        expected=found.expected,
        flow=found.flow,
        train=found.train,
        mappings=tuple(Mapping(*mapping) for mapping in found.mappings),
        evidence=(evidence,),
        rejected=found.rejected,
        lowered=found.lowered,
        count=found.count,
        score=found.score,
        severity=Severity(found.severity),
        uid=f"uid-{number:04d}",
    )


@dataclass
class File:
    """A capture file as the case wants to know it."""

    path: str
    id: int = 0
    unpacked_path: str | None = None
    format: str = "pcap"
    size: int = 412_000_000
    mtime_ns: int = 0
    digest: str = "d"
    packets: int = 1
    bytes: int = 64
    first_ns: int | None = START
    last_ns: int | None = START
    linktypes: list[int] = field(default_factory=lambda: [1])
    truncated: bool = False
    warnings: list[str] = field(default_factory=list)


@dataclass
class Port:
    """An interface as the case wants to know it."""

    index: int = 0
    file: int = 0
    number: int = 0
    name: str | None = None
    link: int = 1
    snaplen: int = 65535


def hello_frame(flow: Flow) -> bytes:
    """An Ethernet frame with a TLS ClientHello: 14 + 20 + 20 bytes of headers, then HELLO."""
    payload = HELLO + bytes(range(200))
    ethernet = bytes(12) + b"\x08\x00"
    total = 20 + 20 + len(payload)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, total, 1, 0x4000, 64, 6, 0)
    ip += ip_address(flow.src).packed + ip_address(flow.dst).packed
    tcp = struct.pack("!HHIIBBHHH", flow.sport, flow.dport, 1, 1, 0x50, 0x18, 502, 0, 0)
    return ethernet + ip + tcp + payload


def write_pcap(path: Path, frames: list[bytes]) -> list[int]:
    """A classic pcap (little-endian, µs) with these frames; returns where each begins."""
    blob = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    places = []
    for number, frame in enumerate(frames):
        blob += struct.pack("<IIII", START // SECOND + number, 184_000, len(frame), len(frame))
        places.append(len(blob))
        blob += frame
    path.write_bytes(blob)
    return places


def make_case(
    path: Path,
    flows: list[Flow] | None = None,
    found: list[Found] | None = None,
    *,
    state: str = "done",
    warnings: list[str] | None = None,
    errors: list[tuple[str, str, str, str]] | None = None,
    name: str = "branch-office.pcapng",
) -> Path:
    """A case with these flows and findings; packet 1 of its capture is a TLS ClientHello of the first flow."""
    flows = [Flow()] if flows is None else flows
    found = [] if found is None else found
    capture = path.with_name(name)
    frame = hello_frame(flows[0]) if flows and ":" not in flows[0].src else bytes(64)
    (place,) = write_pcap(capture, [frame])
    from oddport.capture import Fingerprint

    print_ = Fingerprint.of(str(capture)) if hasattr(Fingerprint, "of") else None
    file = File(str(capture), warnings=warnings or [], truncated=bool(warnings))
    file.size = capture.stat().st_size
    file.mtime_ns = capture.stat().st_mtime_ns
    if print_ is not None:
        file.digest = print_.digest
    with CaseWriter.create(path) as writer:
        writer.attack_version = "18.1"
        writer.begin_load(412_000_000)
        writer.put_files([file], [Port()])
        columns = packet_arrays(1)
        columns["ts"][0], columns["offset"][0], columns["caplen"][0] = START, place, len(frame)
        columns["wirelen"][0], columns["flow"][0], columns["info"][0] = len(frame), min(len(flows), 1), 16
        writer.put_packets(columns, 0, 1, {0: 1})
        if flows:
            put_flows(writer, flows)
        if found:
            writer.put_findings([finding_of(each, flows[each.flow - 1], n) for n, each in enumerate(found)])
        for error in errors or []:
            writer.put_error(*error)
        writer.progress(bytes_read=157_000_000, packets=1_284_506, flows=len(flows), findings=len(found))
        if state != "loading":
            writer.finish_load(state)
    return path


APPS = (
    ("dns", 53, 17, 1),
    ("tls", 443, 6, 1),
    ("http", 80, 6, 1),
    ("tls", 8443, 6, 2),
    ("ntp", 123, 17, 1),
    (None, 9001, 6, 0),
)


def office(count: int = 200) -> tuple[list[Flow], list[Found]]:
    """Flows of an ordinary day and twenty findings, five of a severity, for pictures and walks."""
    odd = (
        ("Shell on 443/tcp", "shell", 443, 4, 100), ("SSH on 53/tcp", "ssh", 53, 4, 100),
        ("TLS on 587/tcp, no STARTTLS", "tls", 587, 3, 70), ("HTTP on 443/tcp in clear", "http", 443, 3, 70),
        ("TLS on 8088/tcp", "tls", 8088, 3, 65), ("VNC on 8081/tcp", "vnc", 8081, 2, 50),
        ("DNS on 8053/udp", "dns", 8053, 2, 50), ("HTTP on 8899/tcp", "http", 8899, 1, 35),
        ("MQTT on 1884/tcp", "mqtt", 1884, 1, 25), ("HTTP on 443/tcp, redirected", "http", 443, 0, 20),
    )  # fmt: skip
    flows, found = [], []
    for place, (title, app, port, severity, score) in enumerate(odd):
        flow = Flow(f"10.20.{place}.14", 50000 + place, f"203.0.113.{80 + place}", port, app, second=60.0 * place)
        flow.facts = {"sni": "cdn-sync.example"} if app == "tls" else None
        flow.proto = 17 if title.endswith("udp") else 6
        flows.append(flow)
        found.append(Found(title, severity, score, place + 1, count=place + 1))
    flows.append(Flow("2001:db8:20:5::1f", 61204, "2001:db8:ff::443", 443, "quic", 1, proto=17, second=3.0))
    flows.append(Flow("10.20.3.90", 52007, "198.51.100.80", 443, None, 4, 0, notes=2, second=4.0))
    for n in range(max(count - len(flows), 0)):
        app, port, proto, verdict = APPS[n % len(APPS)]
        name = (
            {"sni": f"host-{n}.example"} if app == "tls" else {"qname": f"name-{n}.example"} if app == "dns" else None
        )
        flows.append(
            Flow(f"10.20.{n % 7}.{n % 250 + 1}", 40000 + n % 20000, f"198.51.100.{n % 250 + 1}", port, app, verdict,
                 3 if app else 0, proto, 2 + n % 90, 188 + n * 37, 100 + n, 5.0 + n * 0.31, 0.001 * (n % 9000),
                 facts=name)
        )  # fmt: skip
    return flows, found


def branch_office(path: Path, count: int = 200) -> Path:
    """The case of `office`."""
    flows, found = office(count)
    return make_case(path, flows, found)


__all__ = ["Flow", "Found", "branch_office", "make_case", "office", "replace"]
