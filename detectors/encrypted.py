"""Unnamed flows of nothing but random-looking bytes on ports of nobody → findings (PPM-09)."""

from collections.abc import Iterable
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.beacon import LEAST, weigh
from oddport.detection.evidence import beginning, pieces_of
from oddport.detection.history import History
from oddport.detection.mapping import recorded
from oddport.detection.model import Context, Evidence, Finding, FlowBatch, Mapping, Proof, Rule, ScorePart
from oddport.detection.pairs import place_parts
from oddport.detection.subject import INSIDE_SETTING, Subject, Subjects
from oddport.detection.whole import sift
from oddport.detection.words import listed
from oddport.engine.columns import TCP
from oddport.protocols.ports import port_table

ENCRYPTED = 30
LEAST_BYTES = 64
BITS_LOW, BITS_HIGH = 3.4, 4.6
"""Set bits a byte between which random bytes lie (Wu et al., USENIX Security 2023, "How the Great Firewall of China
Detects and Blocks Fully Encrypted Traffic", whose exemptions the next three are, too)."""
PRINTABLE_START, PRINTABLE_SHARE, PRINTABLE_RUN = 6, 0.5, 20
CHI_BYTES, CHI_LOW, CHI_HIGH = 256, 180.0, 340.0
"""Pearson's chi-square against even bytes, 255 degrees of freedom: all but one in 1,000 random samples lie between."""
DOCUMENT = """\
# Random-looking bytes (`encrypted`)

Protocols begin with something: a version, a length, a word. Connections that are random from their first byte are
encrypted by a key that both ends had before, as implants and circumvention tools do it.

| rule | what | base |
|---|---|---|
| PPM-09 | a TCP connection without a name, on a port that is nobody's, whose first bytes are random in both directions | 30 |

Random is: 3.4 to 4.6 set bits a byte, first six bytes not all printable, at most half printable, no 20 printable bytes in
a row, and over 256 bytes even by Pearson's chi-square. Both directions have to be so, in at least 64 bytes each. That the
same two hosts connect at regular times adds 20, with that an outside server 15; a port that ATT&CK records with a
protocol of the program's own adds 15. Alone it stays *low*. On well-known ports PPM-03 says it.

## False positives to expect

BitTorrent with its encryption, VPNs, games, messengers.

## ATT&CK

T1573.001 Symmetric Cryptography (related), T1571 (related), T1095 (related).
"""  # noqa: E501
_PRINTABLE = bytes(ord("p") if 0x20 <= value < 0x7F else 0 for value in range(256))


@cache
def owned_ports() -> NDArray[np.bool_]:
    """Whether a TCP port is well known for something."""
    owned = np.zeros(65_536, bool)
    owned[[port for proto, port in port_table().owner if proto == TCP]] = True
    return owned


class Encrypted(BaseDetector):
    """Is it random from the first byte?"""

    name: ClassVar[str] = "encrypted"
    title: ClassVar[str] = "Random bytes from the first one on"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows", "heads", "history"})
    settings: ClassVar[dict[str, object]] = {**INSIDE_SETTING, "min_beacon": 70}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("PPM-09", "Fully encrypted, unknown", ENCRYPTED, ("T1095", "T1571", "T1573.001")),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)
        self._rhythm: dict[tuple[bytes, bytes, int], int] = {}

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        flows, rows = batch.flows, batch.unnamed
        if not len(rows):
            return
        enough = np.minimum(flows["payload_o"][rows], flows["payload_r"][rows]) >= LEAST_BYTES
        port = batch.server_port[rows]
        rows = rows[enough & (flows["proto"][rows] == TCP) & (port != 0) & ~owned_ports()[port]]
        rows, reasons = sift(batch, rows, "no name, and ")
        for reason, count in reasons.items():
            self.abstain(reason, count)
        for row in rows.tolist():
            head = batch.head(row)
            if head is not None and random_looking(head.orig) and random_looking(head.resp):
                yield self._finding(self._subjects.of(batch, row))

    def _finding(self, subject: Subject) -> Finding:
        parts = [score.base(ENCRYPTED, "random bytes in both directions")]
        known = [each.name for each in recorded(None, subject.transport, subject.port)]
        if known:
            parts.append(score.add(15, f"ATT&CK records {listed(known)} with an own protocol on {subject.where}"))
        return subject.finding(
            self.name, "PPM-09", f"Random bytes on {subject.where}",
            f"Both directions on {subject.where} are random from their first byte on, and in no known protocol.", parts,
            proof=lambda: _proof(subject),
        )  # fmt: skip

    def on_history(self, history: History) -> Iterable[Finding]:
        """Weigh the rhythm of the hosts that have such connections, for `review`."""
        spoke = (history.up >= LEAST_BYTES) & (history.down >= LEAST_BYTES)
        rows = np.flatnonzero((history.flows["app"] < 0) & spoke)
        groups = history.groups(rows, history.client, history.server, history.service)
        first_ns, last_ns = history.span
        for rows in groups.rows(groups.counts >= LEAST):
            beacon = weigh(
                history.flows["first_ns"][rows], history.up[rows], first_ns, last_ns, self.context.number("min_beacon")
            )
            if beacon is not None:
                first = history.flows[rows[0]]
                key = (first["src"].tobytes(), first["dst"].tobytes(), int(first["server_port"]))
                self._rhythm[key] = len(rows)
        return ()

    def review(self, finding: Finding) -> Finding:
        """Add what corroborates it; alone it stays low."""
        calls = self._rhythm.get((finding.src, finding.dst, finding.server_port))
        if calls:
            extra: list[ScorePart] = [score.add(20, f"{calls:,} connections at regular times")]
            place = self._subjects.place(finding)
            finding.parts = (*finding.parts, *extra, *place_parts(place))
        else:
            finding.lowered = (
                *finding.lowered,
                "nothing corroborates it: much harmless traffic looks so",
            )
        return finding


def _proof(subject: Subject) -> Proof:
    head = subject.head
    assert head is not None  # as its bytes were looked at
    evidence: tuple[Evidence, ...] = ()
    for side, name in ((0, "originator"), (1, "responder")):
        data = subject.side_bytes(side)
        length = min((piece.length for piece in pieces_of(head, side) if piece.position == 0), default=len(data))
        says = f"the {name}'s first bytes: {set_bits(data[:length]):.2f} set bits a byte of {length:,}"
        evidence += beginning(head, side, LEAST_BYTES, says, "" if side else "a beginning that some protocol has")
    return Proof(
        (
            Mapping("T1573.001", "related", "a key that both ends had before needs no handshake"),
            Mapping("T1571", "related", f"no protocol of {subject.where} begins so"),
            Mapping("T1095", "related", f"no application protocol was recognised on {subject.where}"),
        ),
        evidence,
    )


def set_bits(data: bytes) -> float:
    """Bits that are 1, a byte."""
    return int.from_bytes(data, "little").bit_count() / len(data) if data else 0.0


def random_looking(data: bytes) -> bool:
    """Whether bytes are as even as encrypted ones; False for fewer than 64."""
    if len(data) < LEAST_BYTES or not BITS_LOW < set_bits(data) < BITS_HIGH:
        return False
    printable = data.translate(_PRINTABLE)
    if printable.startswith(b"p" * PRINTABLE_START) or printable.count(b"p") > PRINTABLE_SHARE * len(data):
        return False
    if b"p" * PRINTABLE_RUN in printable:
        return False
    if len(data) < CHI_BYTES:
        return True
    counts = np.bincount(np.frombuffer(data, np.uint8), minlength=256)
    return CHI_LOW < int(counts @ counts) * 256 / len(data) - len(data) < CHI_HIGH
