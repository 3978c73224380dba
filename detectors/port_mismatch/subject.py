"""One row of a batch → the facts about a flow that the rules ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from detectors.port_mismatch.classes import HOPPING
from oddport.detection.hosts import Networks
from oddport.detection.model import FlowBatch
from oddport.engine.columns import (
    NOTE_CUT,
    NOTE_GAP_O,
    NOTE_GAP_R,
    SERVER_ORIGINATOR_BY_GRAMMAR,
    SERVER_ORIGINATOR_BY_PORT,
    proto_text,
)
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not
from oddport.protocols.model import FactValue, Span, Tier


@dataclass(slots=True)
class Subject:
    """A flow under judgement."""

    flow: int
    src: bytes
    dst: bytes
    version: int
    proto: int
    transport: str
    sport: int
    dport: int
    port: int
    """Of the server's side."""
    first_ns: int
    last_ns: int
    notes: int
    app: str | None
    tier: Tier
    server_side: int
    """0 = the originator serves, 1 = the responder."""
    sent: tuple[int, int]
    """Payload bytes of originator and responder."""
    packets: tuple[int, int]
    outside: bool
    """The server is an outside host."""
    within: bool
    """Both ends are inside."""
    head: Head | None
    spans: tuple[Span, ...] = ()
    facts: Mapping[str, FactValue] = field(default_factory=dict)
    _refuted: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, batch: FlowBatch, row: int, inside: Networks, neither: Networks) -> "Subject":
        """Row `row` of the batch, judged by the networks that are inside and those that are nobody's."""
        record = batch.flows[row]
        src, dst, version = record["src"].tobytes(), record["dst"].tobytes(), int(record["version"])
        serves = int(record["server"]) in (SERVER_ORIGINATOR_BY_GRAMMAR, SERVER_ORIGINATOR_BY_PORT)
        server, client = (src, dst) if serves else (dst, src)
        server_inside = inside.has(server, version)
        named = batch.identification(row)
        proto = int(record["proto"])
        return cls(
            flow=int(record["id"]),
            src=src,
            dst=dst,
            version=version,
            proto=proto,
            transport=proto_text(proto),
            sport=int(record["sport"]),
            dport=int(record["dport"]),
            port=int(batch.server_port[row]),
            first_ns=int(record["first_ns"]),
            last_ns=int(record["last_ns"]),
            notes=int(record["notes"]),
            app=batch.app[row],
            tier=Tier(int(batch.tier[row])),
            server_side=0 if serves else 1,
            sent=(int(record["payload_o"]), int(record["payload_r"])),
            packets=(int(record["packets_o"]), int(record["packets_r"])),
            outside=not server_inside and not neither.has(server, version),
            within=server_inside and inside.has(client, version),
            head=batch.head(row),
            spans=named.spans if named else (),
            facts=named.facts if named else {},
        )

    @property
    def hopping(self) -> bool:
        """The app takes any port as a habit."""
        return self.app in HOPPING

    @property
    def answered(self) -> bool:
        """The server sent payload, or its direction was not captured, so that one cannot know."""
        return self.sent[self.server_side] > 0 or self.packets[self.server_side] == 0

    @property
    def lacks_server_name(self) -> bool:
        """A whole ClientHello was seen, and there is no server name in it."""
        client = 1 - self.server_side
        gap = NOTE_GAP_R if client else NOTE_GAP_O
        seen = any(span.side == client for span in self.spans)
        return seen and "sni" not in self.facts and not self.notes & (gap | NOTE_CUT)

    def not_app(self, app: str) -> str | None:
        """Why the flow is not `app`, in terms of its bytes; None where that cannot be said."""
        if app not in self._refuted:
            self._refuted[app] = explain_not(app, self.head) if self.head is not None else None
        return self._refuted[app]

    def side_bytes(self, side: int) -> bytes:
        """First bytes of the originator (0) or responder (1); empty where they are gone."""
        if self.head is None:
            return b""
        return self.head.resp if side else self.head.orig
