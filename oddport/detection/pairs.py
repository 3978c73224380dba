"""Flows of a history that belong together → what findings about them share: ends, place, how usual the port is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oddport.detection import score
from oddport.detection.evidence import first_packet
from oddport.detection.history import History, Rows
from oddport.detection.hosts import NEITHER, Prevalence, Usage, networks
from oddport.detection.model import Evidence, Finding, Mapping, ScorePart
from oddport.detection.words import port_text
from oddport.engine.columns import proto_text

if TYPE_CHECKING:
    from oddport.detection.subject import Place, Subject


@dataclass(frozen=True, slots=True)
class Pair:
    """Flows between two ends (or from one of them), in order of time; what is said is said of the first."""

    history: History
    rows: Rows
    outside: bool
    """The server is an outside host."""
    within: bool
    """Both ends are inside."""

    @property
    def transport(self) -> str:
        """`tcp`, `udp` …"""
        return proto_text(int(self.history.flows["proto"][self.rows[0]]))

    @property
    def port(self) -> int:
        """The server's port, 0 where it is not known."""
        return int(self.history.flows["server_port"][self.rows[0]])

    @property
    def where(self) -> str:
        """`8088/tcp`"""
        return port_text(self.port, self.transport)

    @property
    def app(self) -> str | None:
        """The name of the first flow that has one."""
        named = self.rows[self.history.flows["app"][self.rows] >= 0]
        return self.history.app(int(named[0])) if len(named) else None

    @property
    def odd(self) -> bool:
        """What is spoken does not belong on the port, in at least one of the flows."""
        return bool(self.history.odd[self.rows].any())

    def finding(
        self,
        detector: str,
        rule: str,
        title: str,
        summary: str,
        parts: Iterable[ScorePart],
        mappings: tuple[Mapping, ...],
        lowered: tuple[str, ...] = (),
        evidence: tuple[Evidence, ...] = (),
    ) -> Finding:
        """A finding about all of these flows; its first occurrence is the first of them."""
        flows = self.history.flows[self.rows]
        first = flows[0]
        return Finding(
            detector=detector, rule=rule, title=title, summary=summary, parts=tuple(parts),
            src=first["src"].tobytes(), dst=first["dst"].tobytes(), version=int(first["version"]),
            proto=int(first["proto"]), sport=int(first["sport"]), dport=int(first["dport"]),
            server_port=int(first["server_port"]), first_ns=int(first["first_ns"]),
            last_ns=int(flows["last_ns"].max()), app=self.app, flow=int(first["id"]), mappings=mappings,
            lowered=lowered, evidence=evidence, count=len(self.rows), also=[int(each) for each in flows["id"][1:]],
        )  # fmt: skip


def opening(history: History, row: int, says: str, wanted: str = "") -> tuple[Evidence, ...]:
    """evidence.first_packet of a flow of the history."""
    return first_packet(history.flows[row], says, wanted)


class Places:
    """Which networks are inside."""

    def __init__(self, inside: Iterable[str]) -> None:
        """Raises ValueError with the text that is no network."""
        self.inside = networks(tuple(inside))
        self._neither = networks(NEITHER)

    def pair(self, history: History, rows: Rows) -> Pair:
        """These flows, with where their ends are."""
        *ends, version = history.ends(int(rows[0]))
        client, server = ends if history.originator_asks(int(rows[0])) else ends[::-1]
        inside = self.inside.has(server, version)
        outside = not inside and not self._neither.has(server, version)
        return Pair(history, rows, outside, inside and self.inside.has(client, version))


def place_parts(pair: "Pair | Place | Subject") -> Iterable[ScorePart]:
    """The steps that go by where the ends are."""
    if pair.outside:
        yield score.add(15, "to an outside address")
    elif pair.within:
        yield score.add(-10, "both ends are inside")


def usage_of(pair: Pair, prevalence: Prevalence) -> Usage:
    """How many inside hosts use the pair's server port."""
    return prevalence.usage(int(pair.history.flows["proto"][pair.rows[0]]), pair.port)


def usage_parts(pair: Pair, usage: Usage, least: int) -> Iterable[ScorePart]:
    """The steps that go by how many inside hosts use the port; none where fewer than `least` hosts are known."""
    if usage.hosts < least:
        return
    if usage.users and usage.rare:
        yield score.add(15, usage.words(pair.where))
    elif usage.common:
        yield score.add(-20, usage.words(pair.where))
