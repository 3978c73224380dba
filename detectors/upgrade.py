"""Flows whose ends agree to go on with another protocol → those that do not keep to it, or go on oddly (PPM-08, 13)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.evidence import rows
from oddport.detection.model import Context, Finding, FlowBatch, Mapping, Proof, Rule
from oddport.detection.pairs import place_parts
from oddport.detection.subject import INSIDE_SETTING, Subject, Subjects
from oddport.detection.words import app_title
from oddport.protocols.inner import broken_promise
from oddport.protocols.model import BROKEN_PROMISE, INSIDE, Span

BROKEN, PROXIED = 60, 50
SHOWN = 32
TLS_PORTS = frozenset({443, 563, 8443})
"""Ports that proxies let through: CONNECT is for TLS (RFC 9110, 9.3.6)."""
DOCUMENT = """\
# Upgrades (`upgrade`)

A conversation may agree to go on in another protocol: STARTTLS, HTTP's CONNECT and Upgrade, SOCKS.

| rule | what | base |
|---|---|---|
| PPM-08 | both ends agreed on TLS (or WebSocket), and the client's next byte is none of it | 60 |
| PPM-13 | CONNECT to another port than 443, 563 and 8443 that the proxy granted | 50 |
| PPM-13 | CONNECT to such a port, or SOCKS, behind which a remote shell (SSH) or the like follows | 50 + 20 |

An upgrade that the server refused is none, and nothing is said of it. What follows in a packet that is not in the
capture is not judged.

## False positives to expect

Clients that send a command behind STARTTLS too early; proxies for development that CONNECT to any port.

## ATT&CK

T1572 Protocol Tunneling (direct for PPM-13, related for PPM-08), T1090 Proxy (direct for PPM-13), T1573 Encrypted
Channel (context), T1571 (related).
"""


class Upgrades(BaseDetector):
    """Do the ends go on with what they agreed on?"""

    name: ClassVar[str] = "upgrade"
    title: ClassVar[str] = "Upgrades that are not kept, proxied connections"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows", "heads"})
    settings: ClassVar[dict[str, object]] = {**INSIDE_SETTING, "connect_ports": sorted(TLS_PORTS)}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("PPM-08", "Upgrade not honoured", BROKEN, ("T1571", "T1572", "T1573")),
        Rule("PPM-13", "Proxied to an odd port", PROXIED, ("T1090", "T1571", "T1572")),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)
        self._ports = frozenset(map(int, context.strings("connect_ports")))

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        for row in np.flatnonzero(batch.signs & (BROKEN_PROMISE | INSIDE)).tolist():
            subject = self._subjects.of(batch, row)
            if batch.signs[row] & BROKEN_PROMISE:
                found = self._broken(subject)
            else:
                found = self._proxied(subject, [each.app for each in subject.named.inner])
            if found is not None:
                yield found

    def _broken(self, subject: Subject) -> Finding | None:
        broken = broken_promise(subject.app, subject.client, subject.server)
        if broken is None or subject.head is None:
            self.abstain("an upgrade was not kept, and its first bytes were not kept either")
            return None
        outer, inner = app_title(subject.app or ""), app_title(broken.app)
        left = len(subject.client) - broken.at
        return subject.finding(
            self.name, "PPM-08", f"{outer} on {subject.where} agrees on {inner}, none follows",
            f"Both ends of {outer} on {subject.where} agreed to go on with {inner}; of what follows, {broken.why}.",
            [score.base(BROKEN, f"{inner} was agreed on and does not follow"), *place_parts(subject)],
            (
                Mapping("T1572", "related", f"{outer} is left behind after a word that lets {inner} through"),
                Mapping("T1573", "context", f"{inner} was announced"),
                Mapping("T1571", "related", f"neither {outer} nor {inner} is spoken on {subject.where} in the end"),
            ),
            rows(
                subject.head,
                Span(1 - subject.server_side, broken.at, min(SHOWN, left), f"what follows the agreement on {inner}"),
                broken.why,
            ),
            rejected=(f"not {inner} behind the agreement: {broken.why}",),
        )  # fmt: skip

    def _proxied(self, subject: Subject, inner: list[str]) -> Finding | None:
        facts = subject.facts
        target = str(facts.get("path" if subject.app == "http" else "target", ""))
        port = target.rpartition(":")[2]
        if (subject.app == "http" and facts.get("method") != "CONNECT") or subject.app not in ("http", "socks"):
            return None
        operated = bool({"ssh", "rdp", "vnc", "telnet", "shell"} & set(inner))
        if not operated and (subject.app == "socks" or not port.isdecimal() or int(port) in self._ports):
            return None
        speaks = app_title(inner[0]) if inner and inner[0] else "something without a name"
        title, proxy = app_title(subject.app), "CONNECT" if subject.app == "http" else "SOCKS"
        parts = [score.base(PROXIED, f"{proxy} to {target}"), *place_parts(subject)]
        if operated:
            parts.insert(1, score.add(20, f"{speaks} operates the host behind the proxy"))
        return subject.finding(
            self.name, "PPM-13", f"{speaks} through {proxy} on {subject.where}",
            f"{proxy} on {subject.where} was granted a connection to {target}, in which {speaks} is spoken.", parts,
            proof=lambda: Proof(
                (
                    Mapping("T1090", "direct", f"{proxy} passes the connection on to {target}"),
                    Mapping("T1572", "direct", f"{speaks} travels inside {title}"),
                    Mapping("T1571", "related", f"port {port} is reached through {subject.where}"),
                ),
                tuple(
                    each
                    for span in subject.spans
                    for each in (rows(subject.head, span, "TLS to port 443") if subject.head is not None else ())
                ),
            ),
        )  # fmt: skip
