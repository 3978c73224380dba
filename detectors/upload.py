"""Far more bytes to an outside host than from it, on a port that does not fit, or very many → findings (BEH-05)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.history import History, Rows
from oddport.detection.hosts import INSIDE
from oddport.detection.model import Context, Evidence, Finding, Mapping, Rule
from oddport.detection.pairs import Places, opening, place_parts
from oddport.wording import size

BASE = 35
SHOWN = 3
"""Flows whose first packets are shown."""
DOCUMENT = """\
# Uploads (`upload`)

Most connections bring more than they take away. Reports a host that sends an outside server at least `ratio` times as
many bytes as it gets back, over all its connections to the same port: from `min_bytes` on where what is spoken does not
belong on the port, else from `min_bytes_any` on.

| rule | what | base |
|---|---|---|
| BEH-05 | ten times as much up as down, 1 MB on an unfitting port, 25 MB on any | 35 |

## False positives to expect

Backups, video calls, mail with attachments, logs sent to a collector.

## ATT&CK

T1041 Exfiltration Over C2 Channel and T1048 Exfiltration Over Alternative Protocol, both related: that much left the
network is seen, what it was is not. T1571 is related where the port does not fit.
"""


class Uploads(BaseDetector):
    """Does much more leave than come in?"""

    name: ClassVar[str] = "upload"
    title: ClassVar[str] = "More sent than received"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"history"})
    settings: ClassVar[dict[str, object]] = {
        "ratio": 10.0,
        "min_bytes": 1_000_000,
        "min_bytes_any": 25_000_000,
        "inside": list(INSIDE),
    }
    rules: ClassVar[tuple[Rule, ...]] = (Rule("BEH-05", "Upload", BASE, ("T1041", "T1048", "T1571")),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._places = Places(context.strings("inside"))

    def on_history(self, history: History) -> Iterable[Finding]:
        """Every pair of a host and an outside server port with enough bytes up."""
        ratio, least = self.context.number("ratio"), self.context.number("min_bytes")
        sending = np.flatnonzero((history.up > 0) & (history.down > 0) & (history.flows["server_port"] > 0))
        groups = history.groups(sending, history.client, history.server, history.service)
        sent, received, odd = groups.sums(history.up), groups.sums(history.down), groups.sums(history.odd) > 0
        least_any = self.context.number("min_bytes_any")
        for rows in groups.rows((sent >= ratio * received) & (sent >= np.where(odd, least, least_any))):
            up, down = int(history.up[rows].sum()), int(history.down[rows].sum())
            pair = self._places.pair(history, rows)
            if not pair.outside:
                continue
            words = f"{size(up)} up, {size(down)} down"
            parts = [score.base(BASE, words), *place_parts(pair)]
            mappings = [
                Mapping("T1041", "related", f"{size(up)} left by this channel"),
                Mapping("T1048", "related", "or by a way that is used for nothing else"),
            ]
            if pair.odd:
                parts.append(score.add(20, f"what is spoken does not belong on {pair.where}"))
                mappings.append(Mapping("T1571", "related", f"the channel is on {pair.where}, where it does not fit"))
            yield pair.finding(
                self.name, "BEH-05", f"Upload of {size(up)} on {pair.where}",
                f"The client sent {size(up)} to {pair.where} and got {size(down)} back.", parts, tuple(mappings),
                evidence=self._largest(history, rows),
            )  # fmt: skip

    def _largest(self, history: History, rows: Rows) -> tuple[Evidence, ...]:
        """The first packets of the flows that took most away."""
        found: tuple[Evidence, ...] = ()
        for row in rows[np.argsort(-history.up[rows].astype(np.int64), kind="stable")[:SHOWN]].tolist():
            up, down = int(history.up[row]), int(history.down[row])
            wanted = f"at most {self.context.number('ratio'):g} times as much up as down"
            found += opening(history, row, f"a flow begins that takes {size(up)} up and {size(down)} down", wanted)
        return found
