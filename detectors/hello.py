"""ClientHellos that name no server, or an address → findings (BEH-07)."""

import re
from collections.abc import Iterable
from typing import ClassVar

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.hosts import is_address
from oddport.detection.model import Context, Finding, FlowBatch, Mapping, Rule, ScorePart
from oddport.detection.pairs import place_parts
from oddport.detection.subject import INSIDE_SETTING, Subject, Subjects
from oddport.engine.columns import TCP
from oddport.protocols.model import PortVerdict, Tier

BASE = 25
HTTPS = 443
WEB = frozenset({"h2", "http/1.1", "http/1.0"})
"""ALPN names of HTTP over TCP (RFC 7301, 6; RFC 9113, 3.2)."""
_NAME = re.compile(rb'"sni": ?"[^"]*?([^"])"')
"""In facts as text: the last character of the server's name."""
DOCUMENT = """\
# ClientHellos without a server's name (`hello`)

Programs that people use tell the server whom they want to talk to; what was written to call one address often does not.
Looks at whole ClientHellos of TLS to outside hosts.

| rule | what | base |
|---|---|---|
| BEH-07 | no server name, on a port other than 443 | 25 |
| BEH-07 | no server name, but HTTP offered by ALPN, on any port: browsers and their like always name the server | 25 |
| BEH-07 | an address in place of the server's name, which RFC 6066 forbids, on any port | 25 |

What does not belong on the port adds 20. An encrypted ClientHello says no name on purpose, and is not judged; neither
is one of which bytes are missing.

## False positives to expect

Devices, mail servers that greet each other, monitoring by address.

## ATT&CK

T1573.002 Asymmetric Cryptography (related: an encrypted channel that was not made for names), T1571 (related off 443,
else context).
"""


class Hellos(BaseDetector):
    """Does the client say whom it wants to talk to?"""

    name: ClassVar[str] = "hello"
    title: ClassVar[str] = "TLS that names no server"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows"})
    settings: ClassVar[dict[str, object]] = {**INSIDE_SETTING}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("BEH-07", "TLS that names no server", BASE, ("T1571", "T1573.002")),
    )  # fmt: skip

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        tls = batch.rows_of(frozenset({"tls"}))
        tls = tls[(batch.flows["proto"][tls] == TCP) & (batch.tier[tls] >= Tier.A) & (batch.server_port[tls] > 0)]
        if not len(tls):
            return
        facts = batch.facts()
        for row in tls.tolist():
            text = facts.get(row, b"")
            # fingerprints are facts of a hello that was there as a whole; most name their server, and end here
            if b'"ja4"' not in text or _names_host(text):
                continue
            subject = self._subjects.of(batch, row)
            what = _oddity(subject)
            if subject.outside and what is not None:
                yield self._finding(batch, row, subject, *what)

    def _finding(self, batch: FlowBatch, row: int, subject: Subject, what: str, wanted: str) -> Finding:
        odd = batch.verdict[row] == PortVerdict.MISMATCH
        parts: list[ScorePart] = [score.base(BASE, what)]
        if odd:
            parts.append(score.add(20, f"TLS does not belong on {subject.where}"))
        parts += place_parts(subject)
        relation = "context" if subject.port == HTTPS else "related"
        return subject.finding(
            self.name, "BEH-07", f"TLS on {subject.where}, {what}", f"A ClientHello to {subject.where}: {what}.", parts,
            (
                Mapping("T1571", relation, f"TLS on {subject.where} that was not made for names"),
                Mapping("T1573.002", "related", "an encrypted channel to an address, not to a name"),
            ),
            subject.proof(1 - subject.server_side, f"the first packet of a TLS session: {what}", wanted),
        )  # fmt: skip


def _names_host(text: bytes) -> bool:
    """Whether facts hold a server's name that is no address: host names end in a letter (RFC 1123, 2.1)."""
    name = _NAME.search(text)
    return name is not None and name[1].isalpha()


def _oddity(subject: Subject) -> tuple[str, str] | None:
    """What is odd about the hello, and what was expected; None where it is in order."""
    name, offered = subject.facts.get("sni"), subject.facts.get("alpn")
    if isinstance(name, str):
        return ("an address for a name", "a host name (RFC 6066, 3)") if is_address(name.strip("[]")) else None
    if subject.facts.get("ech") is True:
        return None
    if isinstance(offered, list) and WEB & set(offered):
        return "HTTP offered, no server name", "a server name, as every browser sends it"
    return ("no server name", "a server name (RFC 6066, 3)") if subject.port != HTTPS else None
