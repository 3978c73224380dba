"""Server ports outside that few of many inside hosts use → findings (BEH-04)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.history import History, Keys
from oddport.detection.hosts import INSIDE, RARE
from oddport.detection.model import Context, Finding, Mapping, Rule
from oddport.detection.pairs import Places, opening, place_parts, usage_of
from oddport.protocols.ports import DYNAMIC_FIRST

BASE = 15
DOCUMENT = """\
# Rare ports (`rare-port`)

In a network of many hosts, most services are used by many. Reports ports of outside servers that at most 2 % of the
inside hosts use, where what is spoken does not belong on the port or has no name.

| rule | what | base |
|---|---|---|
| BEH-04 | few of at least `min_hosts` inside hosts use the server port | 15 |

With fewer hosts in the capture nothing is judged, and that is said.

## False positives to expect

The one host with the odd appliance.

## ATT&CK

T1571 (related).
"""


class RarePorts(BaseDetector):
    """Does hardly anybody use this port?"""

    name: ClassVar[str] = "rare-port"
    title: ClassVar[str] = "Server ports that few hosts use"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"history"})
    settings: ClassVar[dict[str, object]] = {"inside": list(INSIDE), "min_hosts": 50}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("BEH-04", "Rare server port", BASE, ("T1571",)),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._places = Places(context.strings("inside"))
        self._prevalence = context.prevalences.of(self._places.inside)

    def on_history(self, history: History) -> Iterable[Finding]:
        """Every outside server port that few hosts use, once for each pair of hosts."""
        port = history.flows["server_port"]
        spoke = (history.up > 0) & (history.down > 0) & (port > 0) & (port < DYNAMIC_FIRST)
        rows = np.flatnonzero(spoke & (history.odd | history.unnamed))
        least, hosts = int(self.context.number("min_hosts")), self._prevalence.hosts()
        if not len(rows):
            return
        if hosts < least or not self._prevalence.complete:
            self.abstain(f"how rare a port is: that needs {least} inside hosts, there are {hosts}", len(rows))
            return
        rows = rows[np.isin(history.service[rows], self._rare(history.service[rows]))]
        groups = history.groups(rows, history.client, history.server, history.service)
        for mine in groups.rows(groups.counts > 0):
            pair = self._places.pair(history, mine)
            if pair.outside:
                usage = usage_of(pair, self._prevalence)
                words = usage.words(pair.where)
                yield pair.finding(
                    self.name, "BEH-04", f"Rare port {pair.where}", f"{words}.",
                    [score.base(BASE, words), *place_parts(pair)],
                    (Mapping("T1571", "related", f"hardly anybody here uses {pair.where}"),),
                    evidence=opening(
                        history, int(mine[0]), f"the first of {len(mine):,} flows to {pair.where}",
                        f"a port that more than {RARE:.0%} of the inside hosts use",
                    ),
                )  # fmt: skip

    def _rare(self, services: Keys) -> Keys:
        """Those of the services that few hosts use."""
        every = np.unique(services)
        usages = [self._prevalence.usage(service >> 16, service & 0xFFFF) for service in every.tolist()]
        return every[[bool(usage.users) and usage.rare for usage in usages]]
