"""Flows that leave a segment against the list of what may leave it → findings (BEH-13)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.hosts import Networks, halves
from oddport.detection.model import Context, Finding, FlowBatch, Mapping, Rule, ScorePart
from oddport.detection.pairs import place_parts
from oddport.detection.subject import INSIDE_SETTING, Subjects
from oddport.detection.words import app_title
from oddport.engine.columns import PROTO_NAMES
from oddport.protocols.verdicts import originator_serves

UNLISTED, WRONG_APP = 30, 60
"""Bases of a port that is not on the list, and of one that is, for another protocol."""
ANY = "any"
_ENTRY = re.compile(r"^\s*(\S+)\s*>\s*(\S+)\s+(any|\d{1,5})/(\w+)(?:\s+([\w-]+))?\s*$")
Halves = tuple[NDArray[np.uint64], NDArray[np.uint64]]
_TRANSPORTS = {word: number for number, word in PROTO_NAMES.items()}
DOCUMENT = """\
# Egress against the list (`egress`)

A segment needs few ways out, and a list of them (M1030) makes every other one a find. Without the setting `allow` nothing is
judged. Each entry says who may talk with whom, on which port, and what:

    [egress]
    allow = ["10.1.0.0/16 > any 443/tcp tls", "10.1.0.0/16 > 10.0.0.53 53/udp dns", "10.2.0.0/16 > any any/tcp"]

| rule | what | base |
|---|---|---|
| BEH-13 | a host of a segment on the list uses a port and server that no entry for it allows | 30 |
| BEH-13 | an entry allows port and server, but for another protocol than the bytes prove | 60 |

A segment is whatever stands left of `>`: hosts in none are not judged, nor is what stays within the networks of one entry.
Without a protocol at its end an entry allows all; what has no name yet is held against no protocol. A server that sent nothing
halves the score.

## False positives to expect

A list that is older than the network.

## ATT&CK

T1571 (direct where the port is allowed for another protocol, else related).
"""  # noqa: E501


@dataclass(frozen=True, slots=True)
class Way:
    """One entry of the list."""

    source: Networks
    target: Networks | None
    """None: any server."""
    port: int
    """0: any."""
    proto: int
    app: str
    """Empty: any."""


def parse(text: str) -> Way:
    """`10.1.0.0/16 > any 443/tcp tls`. Raises ValueError with what is wrong with it."""
    match = _ENTRY.match(text)
    if match is None:
        raise ValueError(f"“{text}” is no entry of egress.allow. One is written like 10.1.0.0/16 > any 443/tcp tls.")
    source, target, port, transport, app = match.groups()
    if transport not in _TRANSPORTS:
        raise ValueError(f"“{transport}” in “{text}” is no transport. Known are {', '.join(sorted(_TRANSPORTS))}.")
    number = 0 if port == ANY else int(port)
    if number > 65_535 or (port != ANY and not number):
        raise ValueError(f"{port} in “{text}” is no port. Ports are 1 to 65535, or any.")
    return Way(
        Networks([source]), None if target == ANY else Networks([target]), number, _TRANSPORTS[transport], app or ""
    )


class Egress(BaseDetector):
    """Does anything leave a segment that may not?"""

    name: ClassVar[str] = "egress"
    title: ClassVar[str] = "Flows that no entry of the egress list allows"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows"})
    settings: ClassVar[dict[str, object]] = {"allow": [], **INSIDE_SETTING}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("BEH-13", "Egress against the list", UNLISTED, ("T1571",)),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)
        self._ways = [parse(text) for text in context.strings("allow")]

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        if not self._ways:
            return
        flows, version = batch.flows, batch.flows["version"]
        served = originator_serves(flows)
        client, server = _ends(flows["src"], flows["dst"], served)
        held = np.zeros(len(flows), bool)
        allowed, fits = held.copy(), held.copy()
        for way in self._ways:
            mine = way.source.mask(*client, version)
            held |= mine & ~way.source.mask(*server, version)
            fits_here = mine & (flows["proto"] == way.proto)
            if way.target is not None:
                fits_here &= way.target.mask(*server, version)
            if way.port:
                fits_here &= batch.server_port == way.port
            fits |= fits_here
            allowed |= fits_here & _speaks(batch, way.app)
        for row in np.flatnonzero(held & ~allowed & (batch.server_port > 0)).tolist():
            yield self._finding(batch, row, bool(fits[row]))

    def _finding(self, batch: FlowBatch, row: int, port_allowed: bool) -> Finding:
        subject = self._subjects.of(batch, row)
        title = app_title(subject.app) if subject.app else "Something without a name"
        if port_allowed:
            what = f"{subject.where} is allowed to this server, {title} on it is not"
        else:
            what = f"{subject.where} to this server stands in no entry"
        parts: list[ScorePart] = [score.base(WRONG_APP if port_allowed else UNLISTED, what), *place_parts(subject)]
        if not subject.answered:
            parts.append(score.times(0.5, "the server sent nothing: an attempt, not an exchange"))
        return subject.finding(
            self.name, "BEH-13", f"{title} on {subject.where} against the egress list", f"{what}.", parts,
            (Mapping("T1571", "direct" if port_allowed else "related", what),),
            subject.proof(None, f"the first packet: {what}", "what egress.allow lists for the segment"),
            variant="protocol" if port_allowed else "",
        )  # fmt: skip


def _ends(source: NDArray[np.void], target: NDArray[np.void], served: NDArray[np.bool_]) -> tuple[Halves, Halves]:
    """The client's and the server's addresses, in halves."""
    one, other = halves(source), halves(target)
    client = np.where(served, other[0], one[0]), np.where(served, other[1], one[1])
    return client, (np.where(served, one[0], other[0]), np.where(served, one[1], other[1]))


def _speaks(batch: FlowBatch, app: str) -> NDArray[np.bool_]:
    """Rows that speak the app, or have no name yet; all where it is empty."""
    if not app:
        return np.ones(len(batch.flows), bool)
    found: NDArray[np.bool_] = batch.app_id < 0
    found[batch.rows_of(frozenset({app}))] = True
    return found
