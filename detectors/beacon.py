"""Connections between two ends that come at regular times, on a port that few use or that does not fit (BEH-01, 15)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.beacon import LEAST, Beacon, weigh
from oddport.detection.history import History
from oddport.detection.hosts import INSIDE
from oddport.detection.model import Context, Evidence, Finding, Mapping, Rule, ScorePart
from oddport.detection.pairs import Pair, Places, opening, place_parts, usage_of, usage_parts
from oddport.detection.words import app_title
from oddport.wording import duration

REGULAR, STROBE = 45, 30
"""Bases of BEH-01 and 15."""
SHOWN = 4
"""Calls from the first one on whose packets are shown."""
DAY_NS = 24 * 3600 * 10**9
DOCUMENT = """\
# Beacons (`beacon`)

Programs that call home do so at regular times. Looks at connections between the same two hosts to the same server port
in which both sides sent something.

| rule | what | base |
|---|---|---|
| BEH-01 | at least 10 connections whose times and sizes weigh 70 or more of 100 as a beacon, on a port that few inside hosts use (2 %), or where what is spoken does not belong or has no name | 45 |
| BEH-15 | as many as 86,400 connections a day or more | 30 |

## The weight of a beacon

Two hypotheses are fitted to the intervals: a program that calls every *period*, with jitter, some of whose calls are
missing; and connections by chance, in one or two rhythms, as people, bursts and the time of day give them. The weight goes
by the ratio of their likelihoods, and by how alike the sizes are, how evenly the connections fill the time, and how much
of it they span. Times are never rounded to seconds. Jitter of half the period and a loss of a fifth are expected.

## What is not judged

Fewer than 10 connections say nothing, and a period below `min_period` seconds is no beacon but one piece of work. How rare a
port is needs `min_hosts` inside hosts.

## False positives to expect

Monitoring, telemetry, time and mail polling on odd ports. Where at least half of the inside hosts use the port the score
falls by 20.

## ATT&CK

T1571 Non-Standard Port and T1071 Application Layer Protocol, both related: a beacon is how a channel is kept, on
whatever port.
"""  # noqa: E501


class Beacons(BaseDetector):
    """Does a program call home?"""

    name: ClassVar[str] = "beacon"
    title: ClassVar[str] = "Connections at regular times"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"history"})
    settings: ClassVar[dict[str, object]] = {
        "min_score": 70,
        "min_period": 1.0,
        "strobe_per_day": 86_400,
        "inside": list(INSIDE),
        "min_hosts": 20,
    }
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("BEH-01", "Beacon on a rare or unfitting port", REGULAR, ("T1571", "T1071")),
        Rule("BEH-15", "Connections without a pause", STROBE, ("T1571", "T1071")),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._places = Places(context.strings("inside"))
        self._prevalence = context.prevalences.of(self._places.inside)
        self._min_hosts = int(context.number("min_hosts"))

    def on_history(self, history: History) -> Iterable[Finding]:
        """Weigh every pair of hosts and server port that could be reported."""
        first_ns, last_ns = history.span
        least, shortest = self.context.number("min_score"), self.context.number("min_period")
        exchanges = np.flatnonzero((history.up > 0) & (history.down > 0) & (history.flows["server_port"] > 0))
        groups = history.groups(exchanges, history.client, history.server, history.service)
        for rows in groups.rows(groups.counts >= LEAST):
            pair = self._places.pair(history, rows)
            if not (pair.odd or history.unnamed[rows].any() or self._rare(pair)):
                continue
            times = history.flows["first_ns"][rows]
            a_day = len(rows) * DAY_NS / max(int(times[-1] - times[0]), DAY_NS // 24)
            beacon = weigh(times, history.up[rows], first_ns, last_ns, least)
            if beacon is not None and beacon.period >= shortest:
                yield self._finding(pair, beacon)
            elif a_day >= self.context.number("strobe_per_day"):
                yield self._strobe(pair, a_day)

    def _rare(self, pair: Pair) -> bool:
        usage = usage_of(pair, self._prevalence)
        return usage.hosts >= self._min_hosts and usage.rare

    def _finding(self, pair: Pair, beacon: Beacon) -> Finding:
        every = duration(beacon.period)
        speaks = app_title(pair.app) if pair.app else "something without a name"
        parts = [
            score.base(REGULAR, f"{beacon.connections:,} connections about every {every}"),
            score.add(
                round((beacon.score - 70) / 2),
                f"weighs {beacon.score:.0f} of 100 as a beacon (times {beacon.parts['times']:.2f}, "
                f"sizes {beacon.parts['sizes']:.2f}, evenness {beacon.parts['evenness']:.2f}, "
                f"span {beacon.parts['span']:.2f})",
            ),
            *self._parts(pair),
        ]
        summary = (
            f"{beacon.connections:,} connections to {pair.where} come about every {every}, with a jitter of "
            f"{beacon.jitter:.0%} and {beacon.lost:.0%} missing; {speaks} is spoken."
        )
        why = f"calls at regular times on {pair.where}"
        return pair.finding(
            self.name,
            "BEH-01",
            f"Beacon on {pair.where}",
            summary,
            parts,
            _mappings(why),
            evidence=_calls(pair, beacon),
        )

    def _strobe(self, pair: Pair, a_day: float) -> Finding:
        words = f"{len(pair.rows):,} connections, as many as {a_day:,.0f} a day"
        return pair.finding(
            self.name, "BEH-15", f"Connections without a pause on {pair.where}", f"{words}, to {pair.where}.",
            [score.base(STROBE, words), *self._parts(pair)], _mappings(f"connects without a pause to {pair.where}"),
            evidence=opening(pair.history, int(pair.rows[0]), f"the first of {len(pair.rows):,} connections")
            + opening(pair.history, int(pair.rows[-1]), "the last one"),
        )  # fmt: skip

    def _parts(self, pair: Pair) -> Iterable[ScorePart]:
        if pair.odd:
            yield score.add(20, f"what is spoken does not belong on {pair.where}")
        yield from place_parts(pair)
        yield from usage_parts(pair, usage_of(pair, self._prevalence), self._min_hosts)


def _calls(pair: Pair, beacon: Beacon) -> tuple[Evidence, ...]:
    """The first calls, the one in the middle and the last one, each with the time since the call before it."""
    count = len(pair.rows)
    ns = pair.history.flows["first_ns"][pair.rows]
    found: tuple[Evidence, ...] = ()
    for call in sorted({*range(min(SHOWN, count)), count // 2, count - 1}):
        says, wanted = f"call 1 of {count:,}", ""
        if call:
            gap = int(ns[call] - ns[call - 1]) / 1e9
            says = f"call {call + 1:,} of {count:,}, {duration(gap)} after the one before"
            times = max(1, round(gap / beacon.period))
            wanted = f"{duration(times * beacon.period)} after it, if it calls every {duration(beacon.period)}"
        found += opening(pair.history, int(pair.rows[call]), says, wanted)
    return found


def _mappings(why: str) -> tuple[Mapping, ...]:
    return (Mapping("T1571", "related", why), Mapping("T1071", "related", f"{why}, as an implant keeps its channel"))
