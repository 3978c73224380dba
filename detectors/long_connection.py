"""Connections that last for hours, to an outside host or on a port that does not fit → findings (BEH-02)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.history import History
from oddport.detection.hosts import INSIDE
from oddport.detection.model import Context, Finding, Mapping, Rule
from oddport.detection.pairs import Places, opening, place_parts
from oddport.detection.words import app_title
from oddport.wording import duration

HOUR = 3600
STEPS = ((12, 40), (8, 35), (4, 25), (1, 15))
"""Hours from which on a connection has the base beside it."""
DOCUMENT = """\
# Long connections (`long-connection`)

A channel that is kept open needs no beacon. Reports connections in which both sides sent something and that last an
hour or more, where the server is an outside host or what is spoken does not belong on the port.

| rule | lasts | base |
|---|---|---|
| BEH-02 | 1 h / 4 h / 8 h / 12 h | 15 / 25 / 35 / 40 |

An unfitting port adds 20, an outside server 15. A connection that began before the capture, or goes on after it, lasted
at least as long as was seen.

## False positives to expect

VPNs, push services, database pools, remote desktops, backups: what is known here belongs into the site's exceptions.

## ATT&CK

T1571 (related, where the port does not fit), T1572 Protocol Tunneling and T1219 Remote Access Tools (context: both keep
connections open).
"""


class LongConnections(BaseDetector):
    """Is a channel kept open?"""

    name: ClassVar[str] = "long-connection"
    title: ClassVar[str] = "Connections that last for hours"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"history"})
    settings: ClassVar[dict[str, object]] = {"min_hours": 1.0, "inside": list(INSIDE)}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("BEH-02", "Connection of hours", STEPS[-1][1], ("T1219", "T1571", "T1572")),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._places = Places(context.strings("inside"))

    def on_history(self, history: History) -> Iterable[Finding]:
        """Every connection that lasts long enough."""
        lasts = (history.flows["last_ns"] - history.flows["first_ns"]) / 1e9
        both = (history.up > 0) & (history.down > 0) & (history.flows["server_port"] > 0)
        for row in np.flatnonzero(both & (lasts >= self.context.number("min_hours") * HOUR)).tolist():
            pair = self._places.pair(history, np.array([row]))
            if not (pair.odd or pair.outside):
                continue
            seconds = float(lasts[row])
            base = next((base for hours, base in STEPS if seconds >= hours * HOUR), STEPS[-1][1])
            parts = [score.base(base, f"lasted {duration(seconds)}"), *place_parts(pair)]
            mappings = [
                Mapping("T1572", "context", "a tunnel is a connection that stays open"),
                Mapping("T1219", "context", "so is a session of remote control"),
            ]
            if pair.odd:
                parts.append(score.add(20, f"what is spoken does not belong on {pair.where}"))
                mappings.insert(0, Mapping("T1571", "related", f"a channel is kept open on {pair.where}"))
            speaks = app_title(pair.app) if pair.app else "Something without a name"
            summary = f"{speaks} on {pair.where} lasted {duration(seconds)}."
            title = f"Connection of {duration(seconds)} on {pair.where}"
            yield pair.finding(
                self.name, "BEH-02", title, summary, parts, tuple(mappings),
                evidence=opening(
                    history, row, f"the connection begins; its last packet comes {duration(seconds)} later",
                    f"an end within {duration(self.context.number('min_hours') * HOUR)}",
                ),
            )  # fmt: skip
