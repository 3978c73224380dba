"""Server ports that a host did not use, or did not serve, in an earlier case → findings (BEH-03, 12)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.history import History, joined
from oddport.detection.hosts import INSIDE
from oddport.detection.mapping import recorded
from oddport.detection.model import Context, Finding, Mapping, Rule, ScorePart
from oddport.detection.pairs import Pair, Places, opening
from oddport.detection.words import app_title, listed
from oddport.protocols.ports import DYNAMIC_FIRST

NEW_PORT, NEW_LISTENER = 20, 35
DAY_NS = 24 * 3600 * 10**9
DOCUMENT = """\
# What is new (`novelty`)

Compares with an earlier case of the same network (`--baseline CASE`), which has to span `min_days` days.

| rule | what | base |
|---|---|---|
| BEH-03 | an inside host uses a server port that it never used before | 20 |
| BEH-12 | an inside host serves a port that it never served before; asked from outside +20 | 35 |

Only hosts that the earlier case knows are judged, only exchanges in which both sides sent something, and no dynamic
ports (49152 and up). What does not belong on the port adds 20, a port that ATT&CK records with an own protocol 15.
Without an earlier case nothing is judged; with one that is too short neither, and that is said.

## False positives to expect

New software, a host that took over an address.

## ATT&CK

T1571 (related: a port that nobody used here before).
"""


class Novelty(BaseDetector):
    """Is a port used or served that was not before?"""

    name: ClassVar[str] = "novelty"
    title: ClassVar[str] = "Ports that are new for a host"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"history"})
    settings: ClassVar[dict[str, object]] = {"inside": list(INSIDE), "min_days": 7.0}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("BEH-03", "First use of a port", NEW_PORT, ("T1571",)),
        Rule("BEH-12", "New listener", NEW_LISTENER, ("T1571",)),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._places = Places(context.strings("inside"))

    def on_history(self, history: History) -> Iterable[Finding]:
        """Every host and port that the earlier case does not have."""
        before = self.context.baseline
        exchanges = _exchanges(history)
        if before is None:
            return
        first_ns, last_ns = before.span
        days = self.context.number("min_days")
        if last_ns - first_ns < days * DAY_NS or not before.complete:
            self.abstain(f"what is new: the earlier case does not span {days:g} days", len(exchanges))
            return
        for rule, ends, earlier in (
            ("BEH-03", history.client, before.client),
            ("BEH-12", history.server, before.server),
        ):
            known = _exchanges(before)
            rows = exchanges[np.isin(ends[exchanges], earlier[known])]
            seen = joined(earlier, before.service)[known]
            rows = rows[~np.isin(joined(ends, history.service)[rows], seen)]
            groups = history.groups(rows, ends, history.service)
            for mine in groups.rows(groups.counts > 0):
                pair = self._places.pair(history, mine)
                if rule == "BEH-03" or not pair.outside:
                    yield self._finding(rule, pair, days)

    def _finding(self, rule: str, pair: Pair, days: float) -> Finding:
        title = app_title(pair.app) if pair.app else "something without a name"
        uses = rule == "BEH-03"
        what = f"First use of {pair.where}" if uses else f"New listener on {pair.where}"
        words = f"{'used' if uses else 'served'} {pair.where} for the first time, {title} is spoken"
        return pair.finding(
            self.name, rule, what, f"The host {words}; the earlier case knows the host, not the port.",
            self._parts(rule, pair, words),
            (Mapping("T1571", "related", f"{pair.where} is new for this host"),),
            evidence=opening(
                pair.history, int(pair.rows[0]), f"the first of {len(pair.rows):,} flows on {pair.where}",
                f"none, as in the {days:g} days and more of the earlier case",
            ),
        )  # fmt: skip

    def _parts(self, rule: str, pair: Pair, words: str) -> Iterable[ScorePart]:
        yield score.base(NEW_PORT if rule == "BEH-03" else NEW_LISTENER, words)
        if rule == "BEH-12" and not pair.within:
            yield score.add(20, "asked from outside")
        if pair.odd:
            yield score.add(20, f"what is spoken does not belong on {pair.where}")
        known = [each.name for each in recorded(None, pair.transport, pair.port)] if pair.app is None else []
        if known:
            yield score.add(15, f"ATT&CK records {listed(known)} with an own protocol on {pair.where}")


def _exchanges(history: History) -> NDArray[np.int64]:
    """Flows in which both sides sent something, on a server port that somebody chose."""
    port = history.flows["server_port"]
    return np.flatnonzero((history.up > 0) & (history.down > 0) & (port > 0) & (port < DYNAMIC_FIRST))
