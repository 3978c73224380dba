"""Flows of Stratum and other JSON-RPC of miners → findings (PPM-16)."""

import re
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.evidence import beginning, rows
from oddport.detection.model import Context, Finding, FlowBatch, Mapping, Rule
from oddport.detection.pairs import place_parts
from oddport.detection.subject import INSIDE_SETTING, Subject, Subjects
from oddport.engine.columns import TCP
from oddport.protocols.model import MINES, Span
from oddport.protocols.ports import expected

MINER = 60
SHOWN = 64
METHOD = re.compile(
    rb'"method"\s*:\s*"(mining\.(?:subscribe|authorize|configure|submit|notify|set_difficulty)'
    rb'|eth_(?:submitLogin|getWork|submitWork)|login|job|keepalived|getblocktemplate|getwork)"'
)
"""Methods of Stratum (its specification for Bitcoin, the Ethereum and Monero variants) and of getwork."""
LOGIN = re.compile(rb'"(?:login|agent|pass|rigid|algo)"\s*:')
"""Parameters of a miner's `login`; the word alone is many a JSON-RPC's."""
DOCUMENT = """\
# Miners (`miner`)

Miners fetch work by JSON-RPC lines (Stratum and its variants, getwork), on any port.

| rule | what | base |
|---|---|---|
| PPM-16 | a request of a miner in the first bytes of a connection | 60 |

## False positives to expect

Mines of your own; wallets that ask a node of their own host.

## ATT&CK

T1496.001 Compute Hijacking (direct: work is fetched), T1571 (related).
"""


class Miners(BaseDetector):
    """Is work fetched for a miner?"""

    name: ClassVar[str] = "miner"
    title: ClassVar[str] = "A miner fetches work"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows", "heads"})
    settings: ClassVar[dict[str, object]] = {**INSIDE_SETTING}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("PPM-16", "Miner protocol", MINER, ("T1496.001", "T1571")),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        rows, openings = batch.openings
        rows = rows[openings[:, 0, 0] == ord("{")]
        answered = batch.flows["payload_r"][rows] > 0
        for row in np.union1d(rows[answered], np.flatnonzero(batch.signs & MINES)).tolist():
            head = batch.head(row)
            if head is None or head.proto != TCP or head.orig[:1] != b"{":
                continue
            found = METHOD.search(head.orig)
            if found is not None and (found.group(1) != b"login" or LOGIN.search(head.orig)):
                yield self._finding(self._subjects.of(batch, row), found)

    def _finding(self, subject: Subject, found: re.Match[bytes]) -> Finding:
        head = subject.head
        assert head is not None  # the match is in it
        method = found.group(1).decode("ascii")
        owner, text = expected(subject.proto, subject.port)
        return subject.finding(
            self.name, "PPM-16", f"Miner on {subject.where}",
            f"A miner asks for work on {subject.where} ({method}); {text}.",
            [score.base(MINER, f"JSON-RPC of a miner, method {method}"), *place_parts(subject)],
            (
                Mapping("T1496.001", "direct", f"work for a miner is fetched by {method}"),
                Mapping("T1571", "related", f"on {subject.where}, which is no port of its own"),
            ),
            rows(head, Span(0, found.start(), found.end() - found.start(), f"method {method}"), text)
            + beginning(head, 1, SHOWN, "what the server answers"),
            expected=owner or "",
        )  # fmt: skip
