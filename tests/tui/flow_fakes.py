"""A case with one TLS flow on 8088 that needs no file, and an app that shows a screen of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from frames import MAC, ipv4, tcp
from textual.app import App

from oddport.case.errors import CaptureMoved, CaseError
from oddport.case.model import (
    CaptureRow,
    EvidenceRow,
    FindingRow,
    FlowRow,
    PacketRow,
    ScoreStep,
    TechniqueRow,
    TrainRow,
    VerdictRow,
)
from tui.data.dissection.reading import dissect
from tui.theme import Look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.data.dissection.model import Dissection, Request

NS = 1_000_000_000
START = (3 * 365 + 20_000) * 86_400 * NS + 36_137_184_000_000
"""Some day at 10:02:17.184."""
FIRST_NUMBER = 417_388
NAME = b"cdn-sync.example"
SNI = b"\0\0" + (len(NAME) + 5).to_bytes(2, "big") + (len(NAME) + 3).to_bytes(2, "big") + b"\0\0\x10" + NAME
EXTENSIONS = SNI + b"\0\x17\0\0" + b"\0\x10\0\x0e\0\x0c\x02h2\x08http/1.1"
BODY = b"\x03\x03" + bytes(range(32)) + b"\0" + b"\0\x04\x13\x01\xc0\x2f" + b"\1\0"
BODY += len(EXTENSIONS).to_bytes(2, "big") + EXTENSIONS


def handshake(kind: int, version: bytes, body: bytes) -> bytes:
    """A TLS record with one handshake message (RFC 8446, 4 and 5.1)."""
    message = bytes([kind, 0]) + len(body).to_bytes(2, "big") + body
    return b"\x16" + version + len(message).to_bytes(2, "big") + message


HELLO = handshake(1, b"\x03\x01", BODY)
ANSWER_BODY = b"\x03\x03" + bytes(32) + b"\0" + b"\x13\x01" + b"\0" + b"\0\x06" + b"\0\x2b\0\x02\x03\x04"
ANSWER = handshake(2, b"\x03\x03", ANSWER_BODY) + b"\x14\x03\x03\0\1\1"
DATA = b"\x17\x03\x03\0\x40" + bytes(range(64))

SCRIPT = (
    # (µs since the last packet, from the responder, TCP flags, payload)
    (0, False, 0x02, b""), (18_204, True, 0x12, b""), (107, False, 0x10, b""), (391, False, 0x18, HELLO),
    (18_248, True, 0x10, b""), (438, True, 0x18, ANSWER), (3, True, 0x18, DATA), (111, False, 0x10, b""),
    (1_415, False, 0x18, b"\x14\x03\x03\0\1\1" + DATA), (485, False, 0x18, DATA), *((900, True, 0x18, DATA),) * 14,
)  # fmt: skip
FLOW = FlowRow(
    id=4_211, first_ns=START, last_ns=START + 841_000_000, src="10.20.3.14", sport=51_544, dst="203.0.113.80",
    dport=8_088,
    version=4, proto="tcp", server_port=8_088, server="responder by SYN", app="tls", tier="A", verdict="mismatch",
    severity="high", facts={
        "version": "TLS 1.3", "sni": "cdn-sync.example", "ja4": "t13d1516h2_8daaf6152771_b186095e22b6",
        "alpn": ["h2", "http/1.1"],
    },
    packets_o=14, packets_r=10, bytes_o=3_060, bytes_r=6_400, payload_o=2_100, payload_r=5_750, flags_o=31, flags_r=31,
    state="SF", notes=(), context=0, interface=1, file=1, first_packet=FIRST_NUMBER - 1, last_packet=FIRST_NUMBER + 500,
    open=False,
)  # fmt: skip
FINDING = FindingRow(
    id=7, uid="ab", detector="port-mismatch", rule="PPM-01", severity="high", score=65, title="TLS on 8088/tcp",
    summary="TLS was seen where http was expected.", expected="http",
    src=FLOW.src, sport=FLOW.sport, dst=FLOW.dst,
    dport=FLOW.dport, version=4, proto="tcp", server_port=8_088, app="tls", flow=FLOW.id, train=None, first_ns=START,
    last_ns=FLOW.last_ns, count=6, parts=(
        ScoreStep(35, False, "base"), ScoreStep(1, True, "tier A"), ScoreStep(15, False, "to an outside address"),
        ScoreStep(15, False, "1 of 214 hosts uses 8088/tcp"),
    ),
    rejected=("not http: byte 0 is 0x16, not a method token",), lowered=(), attack_version="18.1",
    verdict=None, note="",
)  # fmt: skip
OFFSET = 54
EVIDENCE = (
    EvidenceRow(1, 7, 1, FIRST_NUMBER + 3, OFFSET, 11, HELLO[:11], "TLS ClientHello",
                "8088/tcp is registered as radan-http", None, 0),
    EvidenceRow(2, 7, 1, FIRST_NUMBER + 5, OFFSET, 11, ANSWER[:11], "TLS ServerHello", "", None, 1),
)  # fmt: skip
TECHNIQUES = (
    TechniqueRow("T1571", "direct", "HTTPS on 8088 is MITRE's own example"),
    TechniqueRow("T1573.002", "context", "the channel is TLS"),
)


class FakeCase:
    """What the screens ask of a case."""

    def __init__(self, **changes: Any) -> None:
        self.flow_row = replace(FLOW, **changes.pop("flow", {}))
        self.finding_row: FindingRow | None = FINDING
        self.evidence_rows: list[EvidenceRow] = list(EVIDENCE)
        self.trains: dict[int, TrainRow] = {}
        self.raw: list[bytes] = []
        self.datagrams: dict[int, bytes] = {}
        self.packets: list[PacketRow] = []
        self.moved = ""
        self.right_path = "/new/place.pcapng"
        self.verdicts: list[tuple[str, str | None, str]] = []
        self.link = 1
        now = START
        for at, (later, back, flags, payload) in enumerate(SCRIPT):
            now += later * 1_000
            segment = bytearray(tcp(payload, sport=8_088 if back else 51_544, dport=51_544 if back else 8_088))
            segment[13] = flags
            frame = MAC + b"\x08\x00" + ipv4(6, bytes(segment))
            self.add(frame, now, back=back, flags=flags, payload=bool(payload), number=FIRST_NUMBER + at)

    def add(self, frame: bytes, ts: int, number: int, back: bool = False, flags: int = 0, payload: bool = True) -> None:
        self.raw.append(frame)
        self.packets.append(
            PacketRow(
                packet=number - 1, number=number, file=1, interface=1, link=self.link, ts=ts, offset=len(self.raw),
                caplen=len(frame), wirelen=len(frame), flow=self.flow_row.id, flags=flags, back=back, fragment=False,
                unread=False, repeat=False, payload=payload,
            )
        )  # fmt: skip

    def flow(self, flow: int) -> FlowRow | None:
        return self.flow_row if flow == self.flow_row.id else None

    def finding(self, finding: int) -> FindingRow | None:
        return self.finding_row if self.finding_row is not None and finding == self.finding_row.id else None

    def findings_of_flow(self, flow: int) -> list[FindingRow]:
        return [self.finding_row] if self.finding_row is not None else []

    def evidence(self, finding: int) -> list[EvidenceRow]:
        return list(self.evidence_rows)

    def techniques(self, finding: int) -> list[TechniqueRow]:
        return list(TECHNIQUES)

    def packets_of_flow(self, flow: int, offset: int, limit: int) -> list[PacketRow]:
        return self.packets[offset : offset + limit]

    def packet_count_of_flow(self, flow: int) -> int:
        return len(self.packets)

    def packet_of_file(self, file: int, number: int) -> PacketRow | None:
        return next((packet for packet in self.packets if (packet.file, packet.number) == (file, number)), None)

    def place_in_flow(self, packet: PacketRow) -> int:
        return self.packets.index(packet)

    def packet_bytes(self, packet: PacketRow) -> bytes:
        if self.moved:
            raise CaptureMoved(self.moved)
        return self.raw[packet.offset - 1]

    def frames(self, packets: Sequence[PacketRow], most: int | None = None) -> list[bytes]:
        return [self.packet_bytes(packet)[:most] for packet in packets]

    def trains_of_flow(self, flow: int, offset: int = 0, limit: int = 100) -> list[TrainRow]:
        return list(self.trains.values())[offset : offset + limit]

    def train_bytes(self, train: TrainRow) -> bytes:
        return self.datagrams[train.id]

    def point_to(self, file: int, path: object) -> None:
        if str(path) != self.right_path:
            raise CaseError(f"{path} is another capture: its digest differs.")
        self.moved = ""

    def train(self, train: int) -> TrainRow | None:
        return self.trains.get(train)

    def verdict(self, uid: str) -> VerdictRow | None:
        return None

    def set_verdict(self, uid: str, verdict: str | None, note: str = "", user: str = "") -> None:
        self.verdicts.append((uid, verdict, note))
        assert self.finding_row is not None
        self.finding_row = replace(self.finding_row, verdict=verdict, note=note)

    def undo_verdict(self, uid: str) -> bool:
        return bool(self.verdicts)

    def files(self) -> list[CaptureRow]:
        return [CaptureRow(1, "/old/place.pcapng", None, "pcapng", 9, 9, "d", 9, 9, 0, 0, (1,), False, ())]


class HereDissector:
    """Dissects in this process, so that tests need no second one."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def warm(self) -> None:
        """There is nothing to start."""

    def dissect(self, request: Request) -> Dissection:
        self.asked.append(request)
        return dissect(request)

    def close(self) -> None:
        """There is nothing to end."""


class Host(App[None]):
    """An app that shows one screen."""

    CSS = "Screen { background: #10151c; }"

    def __init__(self, look: Look | None = None) -> None:
        super().__init__()
        if look is not None:
            self.look = look

    def get_css_variables(self) -> dict[str, str]:
        return super().get_css_variables()

    def on_mount(self) -> None:
        self.register_theme(Look().palette.theme())
        self.theme = Look().palette.theme().name
