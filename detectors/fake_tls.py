"""Flows that begin like TLS and are none → findings (PPM-06)."""

from collections import Counter
from collections.abc import Iterable
from math import log2
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.evidence import beginning
from oddport.detection.mapping import recorded
from oddport.detection.model import Context, Evidence, Finding, FlowBatch, Mapping, Rule, ScorePart
from oddport.detection.pairs import place_parts
from oddport.detection.subject import INSIDE_SETTING, Subject, Subjects
from oddport.detection.whole import sift
from oddport.detection.words import listed
from oddport.protocols.binary import u16
from oddport.protocols.model import NO_HANDSHAKE, NOT_OFFERED, Tier
from oddport.protocols.registry import CLIENT, SERVER
from oddport.protocols.tls import APPLICATION, RECORD_HEADER, RECORD_NAMES, RECORD_TYPES, reject

FAKE = 75
ENTROPY_LEAST, ENTROPY_BYTES = 6.5, 512
"""Bits a byte that encrypted data has at least, over as many bytes; 512 random ones have 7.6."""
HELLO_SHOWN = 64
DOCUMENT = """\
# TLS that is none (`fake-tls`)

Programs dress their own protocol up as TLS, because port 443 is open and nobody looks behind the first bytes. Judges
connections whose first bytes look like TLS records, on any port.

| rule | what | base |
|---|---|---|
| PPM-06 | application data although no handshake came before it, in a connection seen from its SYN | 75 |
| PPM-06 | a hello whose lengths do not nest, records that do not close on each other, a record over the limit | 75 |
| PPM-06 | a ServerHello that takes a cipher suite which the client had not offered | 75 |

"Encrypted" data of less than 6.5 bits a byte over 512 bytes adds 10: it is not encrypted. A port that ATT&CK records
with such a disguise adds 15.

Connections without their SYN, with a hole, cut packets or of one direction are counted as not judged.

## False positives to expect

Sessions that another connection had agreed on (no such thing exists in TLS, but some VPN clients do it), middleboxes
that answer in place of the server.

## ATT&CK

T1001.003 Protocol or Service Impersonation (direct), T1571 (direct where the port is that of TLS, else related).
"""


class FakeTls(BaseDetector):
    """Is what looks like TLS TLS?"""

    name: ClassVar[str] = "fake-tls"
    title: ClassVar[str] = "What looks like TLS and is none"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows", "heads"})
    settings: ClassVar[dict[str, object]] = {**INSIDE_SETTING}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("PPM-06", "Fake or malformed TLS", FAKE, ("T1001.003", "T1571")),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        tls = batch.names.index("tls") if "tls" in batch.names else -2
        both = (batch.flows["payload_o"] > 0) & (batch.flows["payload_r"] > 0)
        signed = (batch.signs & (NO_HANDSHAKE | NOT_OFFERED)) != 0
        half = (batch.app_id == tls) & (batch.tier < Tier.A) & both
        rows = np.flatnonzero(signed | half)
        without, openings = batch.openings
        records = np.isin(openings[:, :, 0], list(RECORD_TYPES)) & (openings[:, :, 1] == 3) & (openings[:, :, 2] <= 4)
        unnamed = without[records.any(1)]
        unnamed = np.array([row for row in unnamed[both[unnamed]].tolist() if self._looks(batch, row)], np.int64)
        rows, reasons = sift(batch, np.concatenate((rows, unnamed)), "looks like TLS without a handshake, and ")
        for reason, count in reasons.items():
            self.abstain(reason, count)
        for row in rows.tolist():
            subject = self._subjects.of(batch, row)
            if subject.head is None:
                self.abstain("looks like TLS, and its first bytes were not kept")
                continue
            found = self._judge(subject, int(batch.signs[row]))
            if found is not None:
                yield found

    def _looks(self, batch: FlowBatch, row: int) -> bool:
        """Whether either side begins with the header of a record."""
        head = batch.head(row)
        return head is not None and (looks_like_record(head.orig) or looks_like_record(head.resp))

    def _judge(self, subject: Subject, signs: int) -> Finding | None:
        client, server = 1 - subject.server_side, subject.server_side
        if signs & NOT_OFFERED:
            cipher = subject.facts.get("cipher", "")
            why = f"the server takes {cipher}, which the client had not offered"
            evidence = self._first(
                subject, server, HELLO_SHOWN, f"ServerHello with {cipher}", "a suite that was offered"
            )
            return self._finding(subject, "TLS with an unoffered cipher", why, evidence)
        if signs & NO_HANDSHAKE:
            evidence = ()
            for side in (client, server):
                data = subject.side_bytes(side)
                if data[:1] == bytes((APPLICATION,)):
                    says = f"a record of application data, {u16(data, 3):,} bytes, and no hello before it"
                    evidence += self._first(subject, side, RECORD_HEADER, says, "a handshake record, 16 03 0x")
            return self._finding(
                subject, "TLS without a handshake", "application data came before any handshake", evidence
            )
        for side, role, name in ((client, CLIENT, "client"), (server, SERVER, "server")):
            data = subject.side_bytes(side)
            why = reject(data, role) if looks_like_record(data) else ""
            if why and reject(data, 1 - role):  # a true hello of the wrong side is not malformed
                kind = RECORD_NAMES[data[0]]
                evidence = self._first(subject, side, HELLO_SHOWN, f"begins like a record ({kind})", why)
                return self._finding(subject, "Malformed TLS", f"the {name}'s {why}", evidence)
        return None

    def _first(self, subject: Subject, side: int, length: int, says: str, wanted: str) -> tuple[Evidence, ...]:
        return beginning(subject.head, side, length, says, wanted) if subject.head is not None else ()

    def _finding(self, subject: Subject, what: str, why: str, evidence: tuple[Evidence, ...]) -> Finding:
        home = (subject.app == "tls" and subject.port in (443, 465, 636, 853, 993, 995)) or subject.port == 443
        known = [each.name for each in recorded(None, subject.transport, subject.port) if each.app == "faketls"]
        reason = f"{what} on {subject.where}"
        if known:
            reason += f"; recorded so in ATT&CK: {listed(known)}"
        return subject.finding(
            self.name, "PPM-06", f"{what} on {subject.where}", f"On {subject.where}, {why}.",
            self._parts(subject, why, known),
            (
                Mapping("T1001.003", "direct", f"made to look like TLS: {why}"),
                Mapping("T1571", "direct" if home else "related", reason),
            ),
            evidence, expected="tls", rejected=(f"not TLS: {why}",),
        )  # fmt: skip

    def _parts(self, subject: Subject, why: str, known: list[str]) -> Iterable[ScorePart]:
        yield score.base(FAKE, why)
        for side, name in ((0, "originator"), (1, "responder")):
            data = subject.side_bytes(side)[RECORD_HEADER:]
            bits = entropy(data) if len(data) >= ENTROPY_BYTES else 8.0
            if bits < ENTROPY_LEAST:
                yield score.add(10, f"the {name}'s data has {bits:.1f} bits a byte, encrypted data has nearly 8")
        if known:
            yield score.add(15, f"ATT&CK records {listed(known)} with such a disguise on {subject.where}")
        yield from place_parts(subject)


def looks_like_record(data: bytes) -> bool:
    """Whether the bytes begin like the header of a TLS record (RFC 8446, 5.1)."""
    return len(data) > RECORD_HEADER and data[0] in RECORD_TYPES and data[1] == 3 and data[2] <= 4


def entropy(data: bytes) -> float:
    """Shannon's entropy of the bytes, in bits a byte."""
    total = len(data)
    return -sum(count / total * log2(count / total) for count in Counter(data).values())
