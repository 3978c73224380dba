"""Flows to or from port 0 → findings about hosts that use it again and again (PPM-18)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.history import History
from oddport.detection.hosts import INSIDE, halves, mix
from oddport.detection.model import Context, Finding, Mapping, Rule
from oddport.detection.pairs import Places, opening, place_parts
from oddport.engine.columns import TCP, UDP

ZERO = 30
SECOND = 10**9
DOCUMENT = """\
# Port 0 (`port-zero`)

Port 0 is reserved (RFC 6335, section 6): no service has it, and systems give it to no client. Who sends there crafts
packets.

| rule | what | base |
|---|---|---|
| PPM-18 | more than `more_than` flows of one host with port 0 at one end within `within` seconds | 30 |

Fragments, whose ports are not known, and headers that were cut before the ports are no port 0.

## False positives to expect

Middleboxes that lose ports, load generators.

## ATT&CK

T1571 (related), T1046 Network Service Discovery (related: systems answer port 0 differently).
"""


class PortZero(BaseDetector):
    """Does a host use the port that nobody has?"""

    name: ClassVar[str] = "port-zero"
    title: ClassVar[str] = "Port 0 in use"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"history"})
    settings: ClassVar[dict[str, object]] = {"inside": list(INSIDE), "more_than": 10, "within": 180.0}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("PPM-18", "Port 0 in use", ZERO, ("T1046", "T1571")),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._places = Places(context.strings("inside"))

    def on_history(self, history: History) -> Iterable[Finding]:
        """Every host with enough such flows in a short time."""
        flows = history.flows
        ported = (flows["proto"] == TCP) | (flows["proto"] == UDP)
        rows = np.flatnonzero(ported & ((flows["sport"] == 0) != (flows["dport"] == 0)))
        if not len(rows):
            return
        source = mix(*halves(flows["src"]), flows["version"])
        more, within = int(self.context.number("more_than")), int(self.context.number("within") * SECOND)
        groups = history.groups(rows, source)
        for mine in groups.rows(groups.counts > more):
            ns = flows["first_ns"][mine]
            close = np.flatnonzero(ns[more:] - ns[:-more] <= within)
            if len(close):
                yield self._finding(history, mine[int(close[0]) :])

    def _finding(self, history: History, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Finding:
        pair = self._places.pair(history, rows)
        words = f"{len(rows):,} flows with port 0 at one end"
        return pair.finding(
            self.name, "PPM-18", f"Port 0/{pair.transport} in use", f"{words} begin at one host.",
            [score.base(ZERO, words), *place_parts(pair)],
            (
                Mapping("T1046", "related", "systems answer port 0 differently, and tell what they are"),
                Mapping("T1571", "related", "no service has port 0"),
            ),
            evidence=opening(history, int(rows[0]), "the first flow with port 0", "a port from 1 on (RFC 6335, 6)")
            + opening(history, int(rows[-1]), f"the last one of {len(rows):,}"),
        )  # fmt: skip
