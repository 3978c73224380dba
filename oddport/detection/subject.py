"""One row of a batch → the facts about a flow that the rules ask for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from oddport.detection.hosts import INSIDE, NEITHER, Networks, networks
from oddport.detection.model import Context, Evidence, Finding, FlowBatch, ScorePart
from oddport.detection.model import Mapping as Technique
from oddport.detection.words import port_text
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
    def where(self) -> str:
        """`8088/tcp`"""
        return port_text(self.port, self.transport)

    @property
    def client(self) -> bytes:
        """First bytes of the side that asks."""
        return self.side_bytes(1 - self.server_side)

    @property
    def server(self) -> bytes:
        """First bytes of the side that serves."""
        return self.side_bytes(self.server_side)

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

    def finding(
        self,
        detector: str,
        rule: str,
        title: str,
        summary: str,
        parts: Iterable[ScorePart],
        mappings: tuple[Technique, ...],
        evidence: tuple[Evidence, ...],
        *,
        expected: str = "",
        rejected: tuple[str, ...] = (),
        lowered: tuple[str, ...] = (),
        variant: str = "",
    ) -> Finding:
        """A finding about this flow."""
        return Finding(
            detector=detector, rule=rule, title=title, summary=summary, parts=tuple(parts), src=self.src, dst=self.dst,
            version=self.version, proto=self.proto, sport=self.sport, dport=self.dport, server_port=self.port,
            first_ns=self.first_ns, last_ns=self.last_ns, app=self.app, expected=expected, flow=self.flow,
            mappings=mappings, evidence=evidence, rejected=rejected, lowered=lowered, variant=variant,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where two ends are."""

    outside: bool
    """The server is an outside host."""
    within: bool
    """Both ends are inside."""


class Subjects:
    """Makes subjects by which networks are inside."""

    def __init__(self, context: Context) -> None:
        """The setting `inside` of the detector. Raises ValueError with the text that is no network."""
        self.inside = networks(tuple(context.strings("inside")))
        self._neither = networks(NEITHER)

    def of(self, batch: FlowBatch, row: int) -> Subject:
        """The flow in this row."""
        return Subject.of(batch, row, self.inside, self._neither)

    def place(self, finding: Finding) -> Place:
        """Where the ends of a finding are."""
        serves = finding.server_port == finding.sport and finding.server_port != finding.dport
        ends = (finding.src, finding.dst)
        client, server = ends[::-1] if serves else ends
        inside = self.inside.has(server, finding.version)
        return Place(
            not inside and not self._neither.has(server, finding.version),
            inside and self.inside.has(client, finding.version),
        )


INSIDE_SETTING: dict[str, object] = {"inside": list(INSIDE)}
"""The setting that `Subjects` reads."""
