"""Flows whose directions do not fit each other, or whose wrong side serves or speaks first → findings (PPM-04, 05)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.evidence import beginning, pieces_of, rows
from oddport.detection.model import Context, Evidence, Finding, FlowBatch, Mapping, Rule, ScorePart
from oddport.detection.pairs import place_parts
from oddport.detection.subject import INSIDE_SETTING, Subject, Subjects
from oddport.detection.whole import whole
from oddport.detection.words import app_title
from oddport.engine.columns import SERVER_RESPONDER_BY_SYN, TCP
from oddport.engine.heads import Head
from oddport.protocols.model import DISAGREE, PortVerdict, Tier
from oddport.protocols.ports import expected, judge_port

DISAGREEING, WRONG_SIDE, PROBE = 55, 55, 15
"""Bases of PPM-04 and 05, and of a question that was put to the wrong service."""
PROBE_NS = 10**9
"""What is over sooner was a question to the wrong service, not an exchange."""
SHOWN = 16
CLIENT_FIRST = frozenset({80, 389, 443, 445, 636, 853, 1433, 3389, 5432, 8080, 8443})
"""TCP ports whose client always speaks first (RFC 9112, 8446, 4511, 7858; MS-SMB2, MS-TDS, MS-RDPBCGR; PostgreSQL)."""
KIN = (
    frozenset({"http", "http2", "websocket"}),
    frozenset({"dns", "mdns", "llmnr"}),
    frozenset({"classicstun", "dtls", "rtcp", "rtp", "stun"}),
    frozenset({"netbios", "smb"}),
)
"""Protocols that share a port or a form by design: that two of these meet means nothing."""
DOCUMENT = """\
# Directions that do not fit (`directions`)

Two programs that speak a protocol with each other speak the same one, and the side that was connected to serves it.

| rule | what | base |
|---|---|---|
| PPM-04 | the client's bytes prove one protocol, the server's another | 55 |
| PPM-05 | the side that *opened* the connection (by its SYN) speaks as the server, on a port of something else | 55 |
| PPM-05 | on a port whose client speaks first, the server does, in no protocol that is recognised | 55 |

An exchange that disagrees and is over within a second is *info*: somebody asked the wrong service; unless that service
only greets or refuses, and does not belong on the port itself. The order is that of
sequence numbers, not of arrival; flows with a hole, without their SYN or of one direction are not judged.

## False positives to expect

Scanners, misconfigured clients, health checks in another protocol, port multiplexers. PPM-05: tunnels that a firewall's
owner opens from inside, remote support.

## ATT&CK

T1571 (direct for PPM-05 on the port of another service, else related), T1001.003 Protocol or Service Impersonation
(related for PPM-04: one side only looks like the protocol), T1090 Proxy (related for PPM-05: so do reverse connections
work).
"""


class Directions(BaseDetector):
    """Do both sides speak the same, each in its part?"""

    name: ClassVar[str] = "directions"
    title: ClassVar[str] = "Directions that do not fit each other"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows", "heads"})
    settings: ClassVar[dict[str, object]] = {**INSIDE_SETTING, "min_payload": 16}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("PPM-04", "Directions disagree", DISAGREEING, ("T1001.003", "T1571")),
        Rule("PPM-05", "Wrong side serves or speaks first", WRONG_SIDE, ("T1090", "T1571")),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)
        self._client_first = np.zeros(65_536, bool)
        self._client_first[list(CLIENT_FIRST)] = True

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        for row in whole(batch, np.flatnonzero(batch.signs & DISAGREE)).tolist():
            named = batch.identification(row)
            asked, answered = (named.client_app, named.server_app) if named is not None else (None, None)
            if asked and answered and not any({asked, answered} <= kin for kin in KIN):
                yield self._disagreement(self._subjects.of(batch, row), asked, answered)
        by_syn = batch.flows["server"] == SERVER_RESPONDER_BY_SYN
        # on a port of its own the listener is the server, whatever a grammar makes of requests that look like answers
        turned = by_syn & (batch.spoken_by == 0) & (batch.tier >= Tier.B) & (batch.verdict == PortVerdict.MISMATCH)
        turned &= (batch.signs & DISAGREE) == 0
        for row in whole(batch, np.flatnonzero(turned)).tolist():
            yield self._turned(self._subjects.of(batch, row))
        early = batch.unnamed
        least = int(self.context.number("min_payload"))
        if len(early):
            flows = batch.flows[early]
            early = early[
                self._client_first[batch.server_port[early]]
                & (flows["proto"] == TCP)
                & by_syn[early]
                & (flows["payload_r"] >= least)
            ]
        for row in whole(batch, early).tolist():
            subject = self._subjects.of(batch, row)
            if subject.head is not None and _speaks_first(subject.head, 1, least):
                yield self._early(subject)

    def _disagreement(self, subject: Subject, asked: str, answered: str) -> Finding:
        client, server = app_title(asked), app_title(answered)
        # a service that does not belong on the port is none that somebody asked by mistake
        foreign = subject.server_app and judge_port(answered, subject.proto, subject.port, True) == PortVerdict.MISMATCH
        probe = subject.last_ns - subject.first_ns < PROBE_NS and not foreign
        if probe:
            parts: list[ScorePart] = [score.base(PROBE, "a question in another protocol, over within a second")]
        else:
            parts = [
                score.base(DISAGREEING, f"the client's bytes prove {client}, the server's {server}"),
                *place_parts(subject),
            ]
        owner, text = expected(subject.proto, subject.port)
        return subject.finding(
            self.name, "PPM-04", f"{client} to {server} on {subject.where}",
            f"On {subject.where} the client speaks {client} and the server {server}; {text}.", parts,
            (
                Mapping("T1571", "context" if probe else "related", f"{client} and {server} meet on {subject.where}"),
                Mapping("T1001.003", "context" if probe else "related", "one of the two only has the looks"),
            ),
            _proof(subject, f"{server}, as the other side speaks"),
            expected=owner or "", lowered=("a probe: nothing went on",) if probe else (),
            variant="probe" if probe else "",
        )  # fmt: skip

    def _turned(self, subject: Subject) -> Finding:
        title = app_title(subject.app or "")
        owner, text = expected(subject.proto, subject.port)
        squats = owner is not None and owner != subject.app
        return subject.finding(
            self.name, "PPM-05", f"{title} server connects out to {subject.where}",
            f"The side that opened the connection to {subject.where} speaks as the server of {title}; {text}.",
            [
                score.base(WRONG_SIDE, f"the originator speaks as the server of {title}"),
                score.times(score.TIER_FACTOR[subject.tier], f"tier {subject.tier.name}"),
                *place_parts(subject),
            ],
            (
                Mapping("T1571", "direct" if squats else "related", f"{title}, turned round, on {subject.where}"),
                Mapping("T1090", "related", "a connection from inside that serves the outside reverses the way in"),
            ),
            _proof(subject, f"a client of {title}: this side sent the SYN"),
            expected=owner or "",
        )  # fmt: skip

    def _early(self, subject: Subject) -> Finding:
        owner, text = expected(subject.proto, subject.port)
        head = subject.head
        assert head is not None  # as tested before
        promise = app_title(owner or "the port's protocol")
        return subject.finding(
            self.name, "PPM-05", f"Server speaks first on {subject.where}",
            f"On {subject.where} the server sent the first bytes; {text}, whose client speaks first.",
            [score.base(WRONG_SIDE, "the server speaks first"), *place_parts(subject)],
            (
                Mapping("T1571", "direct", f"no {promise} on {subject.where}: the wrong side speaks first"),
                Mapping("T1090", "related", "a waiting client is what reverse connections have"),
            ),
            beginning(
                head, 1, SHOWN, "the first bytes of the connection, sent by the server",
                f"silence until the client asked: {text}",
            )
            + beginning(head, 0, SHOWN, "the client's first bytes, sent later"),
            expected=owner or "",
        )  # fmt: skip


def _proof(subject: Subject, wanted: str) -> tuple[Evidence, ...]:
    """What both sides said; what was expected stands beside the client's, or the originator's, first row."""
    head = subject.head
    if head is None:
        return ()
    found: list[Evidence] = []
    for span in sorted(subject.spans, key=lambda span: span.side):
        found += rows(head, span, wanted if not found else "")
    return tuple(found)


def _speaks_first(head: Head, side: int, least: int) -> bool:
    """Whether the first bytes of this side, `least` of them at once, came in an earlier packet than those of the other:
    fewer may be the padding of an empty packet."""
    mine, other = (
        next((piece for piece in pieces_of(head, each) if piece.position == 0), None) for each in (side, 1 - side)
    )
    if mine is None or other is None or mine.length < least:
        return False
    return mine.file == other.file and 0 < mine.number < other.number
