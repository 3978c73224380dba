"""One row of a batch → the facts about a flow that the rules ask for."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from oddport.detection.evidence import first_packet, rows
from oddport.detection.hosts import INSIDE, NEITHER, Networks, networks
from oddport.detection.model import Context, Evidence, Finding, FlowBatch, Proof, ScorePart
from oddport.detection.model import Mapping as Technique
from oddport.detection.words import port_text
from oddport.engine.columns import (
    FLOW,
    NOTE_CUT,
    NOTE_GAP_O,
    NOTE_GAP_R,
    SERVER_ORIGINATOR_BY_GRAMMAR,
    SERVER_ORIGINATOR_BY_PORT,
    proto_text,
)
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not
from oddport.protocols.model import FactValue, Identification, Span, Tier

if TYPE_CHECKING:
    from types import EllipsisType


_AT = {name: at for at, name in enumerate(FLOW.names or ())}
_COLUMNS = itemgetter(
    *map(
        _AT.__getitem__,
        (
            "id", "src", "dst", "version", "proto", "sport", "dport", "first_ns", "last_ns", "notes", "server",
            "payload_o", "payload_r", "packets_o", "packets_r",
        ),
    )
)  # fmt: skip

_TIERS = tuple(Tier)


class Subject:
    """A flow under judgement. First bytes and what they say are read when they are asked for, within the batch."""

    __slots__ = (
        "_batch", "_head", "_inside", "_named", "_neither", "_place", "_refuted", "_row",
        "app", "dport", "dst", "first_ns", "flow", "last_ns", "notes", "packets", "port", "proto", "sent",
        "server_side", "sport", "src", "tier", "version",
    )  # fmt: skip

    def __init__(self, batch: FlowBatch, row: int, inside: Networks, neither: Networks) -> None:
        """Row `row` of the batch, judged by the networks that are inside and those that are nobody's."""
        self.src: bytes
        self.dst: bytes
        (
            self.flow, self.src, self.dst, self.version, self.proto, self.sport, self.dport, self.first_ns,
            self.last_ns, self.notes, server, *counts,
        ) = _COLUMNS(batch.flows[row].item())  # fmt: skip
        self.port = int(batch.server_port[row])
        """Of the server's side."""
        self.app = batch.app[row]
        self.tier = _TIERS[batch.tier[row]]
        self.server_side = 0 if server in (SERVER_ORIGINATOR_BY_GRAMMAR, SERVER_ORIGINATOR_BY_PORT) else 1
        """0 = the originator serves, 1 = the responder."""
        self.sent: tuple[int, int] = (counts[0], counts[1])
        """Payload bytes of originator and responder."""
        self.packets: tuple[int, int] = (counts[2], counts[3])
        self._batch, self._row = batch, row
        self._inside, self._neither = inside, neither
        self._head: Head | EllipsisType | None = ...
        self._named: Identification | EllipsisType = ...
        self._place: Place | None = None
        self._refuted: dict[str, str | None] = {}

    @property
    def head(self) -> Head | None:
        """The first bytes; None where they are gone."""
        if self._head is ...:
            self._head = self._batch.head(self._row)
        return self._head

    @property
    def named(self) -> Identification:
        """What was recognised."""
        if self._named is ...:
            named = self._batch.identification(self._row)
            self._named = Identification() if named is None else named
        return self._named

    @property
    def spans(self) -> tuple[Span, ...]:
        """The bytes that prove the name."""
        return self.named.spans

    @property
    def facts(self) -> Mapping[str, FactValue]:
        """What was read beside the name."""
        return self.named.facts

    @property
    def server_app(self) -> str:
        """What the server's side proves, where the flow has its name from the client's; else empty."""
        return (self.named.server_app or "") if self.named.app == self.named.client_app else ""

    @property
    def outside(self) -> bool:
        """The server is an outside host."""
        return self._where.outside

    @property
    def within(self) -> bool:
        """Both ends are inside."""
        return self._where.within

    @property
    def _where(self) -> "Place":
        if self._place is None:
            ends = (self.dst, self.src) if self.server_side == 0 else (self.src, self.dst)
            self._place = place_of(*ends, self.version, self._inside, self._neither)
        return self._place

    @property
    def transport(self) -> str:
        """`tcp`"""
        return proto_text(self.proto)

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
        if "sni" in self.facts or self.notes & (gap | NOTE_CUT):
            return False
        return any(span.side == client for span in self.spans)

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

    def proof(self, side: int | None, says: str, wanted: str) -> tuple[Evidence, ...]:
        """The bytes that prove the name, of `side` where one is given; where they are gone, the flow's first packet,
        which `says` what was seen. `wanted`: what was expected instead."""
        if self.head is not None:
            for span in self.spans:
                if side is None or span.side == side:
                    return rows(self.head, span, wanted)
        return first_packet(self._batch.flows[self._row], says, wanted)

    def finding(
        self,
        detector: str,
        rule: str,
        title: str,
        summary: str,
        parts: Iterable[ScorePart],
        mappings: tuple[Technique, ...] = (),
        evidence: tuple[Evidence, ...] = (),
        *,
        expected: str = "",
        rejected: tuple[str, ...] = (),
        lowered: tuple[str, ...] = (),
        variant: str = "",
        proof: Callable[[], Proof] | None = None,
    ) -> Finding:
        """A finding about this flow. `proof`: see Finding."""
        return Finding(
            detector=detector, rule=rule, title=title, summary=summary, parts=tuple(parts), src=self.src, dst=self.dst,
            version=self.version, proto=self.proto, sport=self.sport, dport=self.dport, server_port=self.port,
            first_ns=self.first_ns, last_ns=self.last_ns, app=self.app, expected=expected, flow=self.flow,
            mappings=mappings, evidence=evidence, rejected=rejected, lowered=lowered, variant=variant, proof=proof,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where two ends are."""

    outside: bool
    """The server is an outside host."""
    within: bool
    """Both ends are inside."""


def place_of(client: bytes, server: bytes, version: int, inside: Networks, neither: Networks) -> Place:
    """Where two ends are, by the networks that are inside and those that are nobody's."""
    served_inside = inside.has(server, version)
    return Place(not served_inside and not neither.has(server, version), served_inside and inside.has(client, version))


class Subjects:
    """Makes subjects by which networks are inside."""

    def __init__(self, context: Context) -> None:
        """The setting `inside` of the detector. Raises ValueError with the text that is no network."""
        self.inside = networks(tuple(context.strings("inside")))
        self._neither = networks(NEITHER)

    def of(self, batch: FlowBatch, row: int) -> Subject:
        """The flow in this row."""
        return Subject(batch, row, self.inside, self._neither)

    def place(self, finding: Finding) -> Place:
        """Where the ends of a finding are."""
        serves = finding.server_port == finding.sport and finding.server_port != finding.dport
        ends = (finding.src, finding.dst)
        client, server = ends[::-1] if serves else ends
        return place_of(client, server, finding.version, self.inside, self._neither)


INSIDE_SETTING: dict[str, object] = {"inside": list(INSIDE)}
"""The setting that `Subjects` reads."""
