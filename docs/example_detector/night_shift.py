"""Connections to outside hosts that begin at night → findings (NSH-01)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.history import History
from oddport.detection.hosts import INSIDE
from oddport.detection.model import Context, Finding, Mapping, Rule
from oddport.detection.pairs import Places, opening

BASE = 20
"""Info by itself: updates and backups run at night, too."""
HOUR_NS, DAY_HOURS = 3600 * 10**9, 24
DOCUMENT = """\
# Night shift (`night-shift`)

Reports hosts that connect to outside servers between `from_hour` and `to_hour` (UTC), once for each server port.

| rule | what | base |
|---|---|---|
| NSH-01 | a connection that begins at night, in which both sides sent something | 20 |

## False positives to expect

Updates, backups, people who work at night.

## ATT&CK

T1029 Scheduled Transfer (related).
"""


class NightShift(BaseDetector):
    """Does anything connect while everybody sleeps?"""

    name: ClassVar[str] = "night-shift"
    title: ClassVar[str] = "Connections at night"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"history"})
    settings: ClassVar[dict[str, object]] = {"from_hour": 22, "to_hour": 5, "inside": list(INSIDE)}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("NSH-01", "Connection at night", BASE, ("T1029",)),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._places = Places(context.strings("inside"))

    def on_history(self, history: History) -> Iterable[Finding]:
        """Every pair of hosts and server port with connections at night."""
        hour = history.flows["first_ns"] // HOUR_NS % DAY_HOURS
        first, last = self.context.number("from_hour"), self.context.number("to_hour")
        night = (hour >= first) & (hour < last) if first < last else (hour >= first) | (hour < last)
        rows = np.flatnonzero(night & (history.up > 0) & (history.down > 0))
        groups = history.groups(rows, history.client, history.server, history.service)
        for mine in groups.rows(groups.counts > 0):
            pair = self._places.pair(history, mine)
            if pair.outside:
                words = f"{len(mine):,} connections at night"
                yield pair.finding(
                    self.name, "NSH-01", f"Connections at night to {pair.where}", f"{words} to {pair.where}.",
                    [score.base(BASE, words)],
                    (Mapping("T1029", "related", "what is sent on a schedule is often sent at night"),),
                    evidence=opening(history, int(mine[0]), "the first one begins", f"none before {last:g}:00 UTC"),
                )  # fmt: skip
