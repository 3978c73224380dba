"""Fingerprints of clients that hardly any host has, or that a list names → findings (BEH-09)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.evidence import first_packet
from oddport.detection.hosts import INSIDE
from oddport.detection.model import Context, Evidence, Finding, FlowBatch, Mapping, Rule, ScorePart
from oddport.detection.pairs import place_parts
from oddport.detection.subject import Subject, Subjects
from oddport.protocols.model import PortVerdict

RARE, LISTED = 25, 70
"""Bases of a fingerprint that hardly anybody has, and of one on the list."""
HOSTS_MOST, SERVERS_MOST = 1, 2
"""A fingerprint is rare with at most as many."""
REMEMBERED = 65_536
"""Fingerprints, and inside hosts, that are told apart."""
SPOKEN = frozenset({"tls", "quic", "dtls", "ssh"})
_PRINTS = re.compile(rb'"(ja4|ja3|hassh)": ?"([^"\\]{1,64})"')
_KEY = {b"ja4": "JA4", b"ja3": "JA3", b"hassh": "HASSH"}
DOCUMENT = """\
# Client fingerprints (`fingerprint`)

How a program opens TLS, QUIC or SSH tells programs apart: JA4 (with the order of what is offered left out, and GREASE
ignored), JA3 and HASSH.

| rule | what | base |
|---|---|---|
| BEH-09 | a JA4 or HASSH that one inside host has, for at most two servers, on a port that does not fit, of at least `min_hosts` inside hosts with fingerprints | 25 |
| BEH-09 | a JA4, JA3 or HASSH that stands in the setting `known` | 70 |

No list comes with oddport: `known` is for what your own sources name. With fewer hosts rarity is not judged, and that is
said.

## False positives to expect

A new browser, the one host with the odd program.

## ATT&CK

T1071.001 Web Protocols and T1573.002 Asymmetric Cryptography (related), T1571 (context).
"""  # noqa: E501


@dataclass(slots=True)
class _Seen:
    """Who has a fingerprint: hosts and servers up to one more than the rare have, and the first finding on it."""

    hosts: set[bytes] = field(default_factory=set)
    servers: set[bytes] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)

    @property
    def rare(self) -> bool:
        """So far."""
        return len(self.hosts) <= HOSTS_MOST and len(self.servers) <= SERVERS_MOST

    def take(self, client: bytes, server: bytes) -> None:
        """One more flow."""
        if self.rare:
            self.hosts.add(client)
            self.servers.add(server)
            if not self.rare:
                self.findings.clear()


class Fingerprints(BaseDetector):
    """Is there a program that nobody else has?"""

    name: ClassVar[str] = "fingerprint"
    title: ClassVar[str] = "Fingerprints that are rare or listed"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows"})
    settings: ClassVar[dict[str, object]] = {"known": [], "inside": list(INSIDE), "min_hosts": 20}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("BEH-09", "Rare or listed fingerprint", RARE, ("T1071.001", "T1571", "T1573.002")),
    )  # fmt: skip

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)
        self._known = frozenset(each.strip().lower().encode() for each in context.strings("known"))
        self._seen: dict[bytes, _Seen] = {}
        self._hosts: set[bytes] = set()
        self._full = False

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        chosen = batch.rows_of(SPOKEN)
        if not len(chosen):
            return
        facts = batch.facts()
        for row in chosen.tolist():
            prints = dict(_PRINTS.findall(facts.get(row, b"")))
            listed = next((key for key, value in prints.items() if value.lower() in self._known), None)
            if listed is not None:
                yield self._finding(batch, row, self._subjects.of(batch, row), listed, prints[listed], True)
            kind = b"ja4" if b"ja4" in prints else b"hassh"
            if kind in prints:
                self._count(batch, row, kind, prints[kind])

    def _count(self, batch: FlowBatch, row: int, kind: bytes, value: bytes) -> None:
        flow = batch.flows[row]
        server_first = batch.server_port[row] == flow["sport"] != flow["dport"]
        client, server = (flow["src"].tobytes(), flow["dst"].tobytes())[:: -1 if server_first else 1]
        if not self._subjects.inside.has(client, int(flow["version"])):
            return
        seen = self._seen.get(value)
        if len(self._seen) >= REMEMBERED or len(self._hosts) >= REMEMBERED:
            self._full = True
            if seen is None:
                return
        elif seen is None:
            seen = self._seen[value] = _Seen()
        self._hosts.add(client)
        seen.take(client, server)
        if seen.rare and batch.verdict[row] == PortVerdict.MISMATCH and len(seen.findings) < SERVERS_MOST:
            subject = self._subjects.of(batch, row)
            if subject.outside:
                seen.findings.append(self._finding(batch, row, subject, kind, value, False))

    def finish(self) -> Iterable[Finding]:
        """What stayed rare."""
        rare = [finding for seen in self._seen.values() for finding in seen.findings]
        least = int(self.context.number("min_hosts"))
        if rare and (len(self._hosts) < least or self._full):
            few = f"that needs {least} inside hosts with one, there are {len(self._hosts):,}"
            self.abstain(f"how rare a fingerprint is: {'there are too many' if self._full else few}", len(rare))
            return
        yield from rare

    def _finding(
        self, batch: FlowBatch, row: int, subject: Subject, kind: bytes, value: bytes, listed: bool
    ) -> Finding:
        name, text = _KEY[kind], value.decode("ascii", "replace")
        what = f"{name} {text} stands in the list" if listed else f"{name} {text} is of one host alone"
        parts: list[ScorePart] = [score.base(LISTED if listed else RARE, what), *place_parts(subject)]
        return subject.finding(
            self.name, "BEH-09", f"{'Listed' if listed else 'Rare'} {name} on {subject.where}",
            f"The program that connects to {subject.where}: {what}.", parts,
            (
                Mapping("T1071.001", "related", "a program of its own speaks in a common protocol"),
                Mapping("T1573.002", "related", f"the encrypted channel begins as only {text} does"),
                Mapping("T1571", "context", f"it is used on {subject.where}"),
            ),
            _proof(batch.flows[row], what), variant=text[:40],
        )  # fmt: skip


def _proof(flow: np.void, what: str) -> tuple[Evidence, ...]:
    return first_packet(flow, f"the first packet of a session: {what}", "a program that others here use, too")
