"""Connections that failed, and what succeeded after them: port hopping, knocking, reconnect storms (BEH-10, 11, 14)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.history import History, Rows
from oddport.detection.hosts import INSIDE
from oddport.detection.model import Context, Evidence, Finding, Mapping, Rule
from oddport.detection.pairs import Places, opening, place_parts
from oddport.detection.words import listed
from oddport.engine.columns import STATES, TCP
from oddport.wording import duration

HOPPING, KNOCKING, STORM = 50, 60, 20
"""Bases of BEH-10, 11 and 14."""
SECOND = 10**9
FAILED = np.array([STATES.index(state) for state in ("S0", "REJ", "RSTOS0", "SH")], np.uint8)
"""Nobody answered, or the answer was a reset."""
REFUSED = np.array([STATES.index(state) for state in ("REJ", "RSTOS0")], np.uint8)
HOPS, HOP_NS = 3, 600 * SECOND
KNOCKS, KNOCK_NS, OPENED_NS, KNOCKS_MOST = 3, 10 * SECOND, 60 * SECOND, 8
SCAN_PORTS = 15
"""Ports of one server from which on it is a scan, which is another matter (T1046)."""
STORM_LEAST = 5
SHOWN = 8
"""Failures whose first packets are shown."""
LOOKED_BACK = 64
"""Failures before a success that are looked at: a pair of hosts may have any number of them."""
DOCUMENT = """\
# Attempts (`attempts`)

Looks at TCP connections that failed between two hosts, and at what succeeded after them.

| rule | what | base |
|---|---|---|
| BEH-10 | 3 or more ports of one server are tried within 10 minutes; earlier ones fail, a later one succeeds | 50 |
| BEH-11 | 3 to 8 closed ports within 10 seconds, then one success on another port within 60 seconds | 60 |
| BEH-14 | 5 or more refused connections to the same port | 20 |

Fifteen ports or more of one server are a scan and no part of this. The most specific rule wins: a knock is not
reported as hopping as well.

## False positives to expect

FTP in passive mode, calls, peer-to-peer, services that are down. Knocking: a scanner that stops at the first open port.

## ATT&CK

T1205.001 Port Knocking (direct for BEH-11: the shape is the technique), T1008 Fallback Channels (related for BEH-10 and
14), T1571 related.
"""


@dataclass(frozen=True, slots=True)
class Tries:
    """TCP connections between two hosts, in order of time."""

    history: History
    rows: Rows
    failed: NDArray[np.bool_]
    used: NDArray[np.bool_]
    """The server sent something."""

    def first_used(self) -> Rows:
        """Positions of connections that were used right after one that failed."""
        after_failure = np.concatenate(([False], self.failed[:-1]))
        return np.flatnonzero(self.used & after_failure)

    def failed_before(self, position: int, within_ns: int) -> Rows:
        """Positions of failures before `position`, on other ports, no longer ago than `within_ns`; the latest ones."""
        start = max(0, position - LOOKED_BACK)
        before = start + np.flatnonzero(self.failed[start:position])
        near = self.ns[before] >= self.ns[position] - within_ns
        found: Rows = before[near & (self.ports[before] != self.ports[position])]
        return found

    @property
    def ns(self) -> NDArray[np.int64]:
        """When each began."""
        return self.history.flows["first_ns"][self.rows]

    @property
    def ports(self) -> NDArray[np.uint16]:
        """Of the server."""
        return self.history.flows["dport"][self.rows]


class Attempts(BaseDetector):
    """Does somebody look for a way through?"""

    name: ClassVar[str] = "attempts"
    title: ClassVar[str] = "Failed connections and what came after"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"history"})
    settings: ClassVar[dict[str, object]] = {"inside": list(INSIDE)}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("BEH-10", "Port hopping", HOPPING, ("T1008", "T1571")),
        Rule("BEH-11", "Knock, then connect", KNOCKING, ("T1205.001", "T1571")),
        Rule("BEH-14", "Reconnect storm", STORM, ("T1008", "T1571")),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._places = Places(context.strings("inside"))

    def on_history(self, history: History) -> Iterable[Finding]:
        """Every pair of hosts with failed connections."""
        tcp = history.flows["proto"] == TCP
        failed = tcp & np.isin(history.flows["state"], FAILED)
        refused = np.isin(history.flows["state"], REFUSED)
        used = ~failed & (history.down > 0)
        groups = history.groups(np.flatnonzero(tcp), history.client, history.server)
        chosen = (groups.sums(failed) >= HOPS - 1) & (groups.counts >= HOPS)
        chosen &= (groups.sums(used) > 0) | (groups.sums(refused) >= STORM_LEAST)
        chosen &= groups.kinds(history.flows["dport"]) < SCAN_PORTS
        for mine in groups.rows(chosen):
            tries = Tries(history, mine, failed[mine], used[mine])
            found = self._knock(tries) or self._hops(tries)
            if found is not None:
                yield found
            yield from self._storms(history, mine[refused[mine]])

    def _knock(self, tries: Tries) -> Finding | None:
        ns, ports = tries.ns, tries.ports
        if len(np.unique(ports)) > KNOCKS_MOST + 1 or len(np.unique(ports[tries.used])) != 1:
            return None
        for door in tries.first_used().tolist():
            before = tries.failed_before(door, OPENED_NS)
            burst = before[ns[before] >= ns[before[-1:]] - KNOCK_NS]
            if KNOCKS <= len(np.unique(ports[burst])) <= KNOCKS_MOST:
                return self._knocked(tries.history, tries.rows[np.append(burst, door)])
        return None

    def _knocked(self, history: History, rows: Rows) -> Finding:
        pair = self._places.pair(history, rows)
        tried = [str(port) for port in history.flows["dport"][rows[:-1]].tolist()]
        door = int(history.flows["dport"][rows[-1]])
        waited = duration(
            (int(history.flows["first_ns"][rows[-1]]) - int(history.flows["first_ns"][rows[-2]])) / SECOND
        )
        summary = f"Ports {listed(tried, 8)} were tried and closed; {waited} later {door}/tcp was open."
        return pair.finding(
            self.name, "BEH-11", f"Knock, then {door}/tcp", summary,
            [score.base(KNOCKING, f"{len(tried)} closed ports, then an open one"), *place_parts(pair)],
            (
                Mapping("T1205.001", "direct", "closed ports in a row, then one that is open, is how a knock looks"),
                Mapping("T1571", "related", f"the port that opens, {door}/tcp, is hidden from whoever does not knock"),
            ),
            evidence=_tries(history, rows),
        )  # fmt: skip

    def _hops(self, tries: Tries) -> Finding | None:
        for found in tries.first_used().tolist():
            tried = tries.failed_before(found, HOP_NS)
            if len(np.unique(tries.ports[tried])) >= HOPS - 1:
                return self._hopped(tries.history, tries.rows[np.append(tried, found)])
        return None

    def _hopped(self, history: History, rows: Rows) -> Finding:
        pair = self._places.pair(history, rows)
        tried = [str(port) for port in dict.fromkeys(history.flows["dport"][rows[:-1]].tolist())]
        last = int(history.flows["dport"][rows[-1]])
        summary = f"Ports {listed(tried, 8)} failed before {last}/tcp of the same server was used."
        return pair.finding(
            self.name, "BEH-10", f"Port hopping to {last}/tcp", summary,
            [score.base(HOPPING, f"{len(tried)} ports failed, then another one succeeded"), *place_parts(pair)],
            (
                Mapping("T1008", "related", "one port after the other is tried until one is let through"),
                Mapping("T1571", "related", f"it ends on {last}/tcp because the ports before it were closed"),
            ),
            evidence=_tries(history, rows),
        )  # fmt: skip

    def _storms(self, history: History, refused: Rows) -> Iterable[Finding]:
        groups = history.groups(refused, history.service)
        for rows in groups.rows(groups.counts >= STORM_LEAST):
            pair = self._places.pair(history, rows)
            words = f"{len(rows):,} refused connections to {pair.where}"
            yield pair.finding(
                self.name, "BEH-14", f"Reconnect storm on {pair.where}", f"{words}.",
                [score.base(STORM, words), *place_parts(pair)],
                (
                    Mapping("T1008", "related", "keeps asking for a channel that is gone"),
                    Mapping("T1571", "context", f"the channel was on {pair.where}"),
                ),
                evidence=opening(history, int(rows[0]), "the first refused connection", "a client that gives up")
                + opening(history, int(rows[-1]), f"the last one of {len(rows):,}"),
            )  # fmt: skip


def _tries(history: History, rows: Rows) -> tuple[Evidence, ...]:
    """The first packets of connections that failed, and of the one behind them that did not."""
    found: tuple[Evidence, ...] = ()
    for row in [*rows[:-1][:SHOWN].tolist(), int(rows[-1])]:
        port = int(history.flows["dport"][row])
        if row == rows[-1]:
            found += opening(history, row, f"{port}/tcp is open", "closed, as the ports before it")
        else:
            found += opening(history, row, f"{port}/tcp is tried and fails")
    return found
