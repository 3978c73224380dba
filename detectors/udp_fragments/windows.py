"""Events of a log → bursts, floods and suspicious stretches of time: what only several trains show."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.udp_fragments.log import MISSING_FIRST, OPEN, RULES, UNFINISHED, Pair
from oddport.engine.columns import UDP

SECOND = 1_000_000_000
BURST_NS, BURST = 60 * SECOND, 10
"""FRG-12: this many trains of one source without a first fragment, within this time."""
NEVER, NEVER_SHARE = 10, 0.5
"""FRG-13: trains of a pair that were never completed, at least, and their share of all its trains."""
HELD_NS = 30 * SECOND
"""How long a host keeps an unfinished datagram (net.ipv4.ipfrag_time of Linux)."""
FLOOD_OPEN, FLOOD_RATE, FLOOD_BYTES, FLOOD_SHARE = 100, 1_000, 4 << 20, 0.5
"""FRG-15, towards one host: unfinished trains open at once, their fragments within a second, their bytes held
(ipfrag_high_thresh of Linux); and the share of unfinished ones of all trains, below which it is loss and no flood."""
PAUSE_NS = 10 * SECOND
"""A pause that ends a flood."""
STRETCH_NS = 300 * SECOND
"""FRG-25: five minutes."""

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
_WEIGHED = (1 << len(RULES)) - 1 | MISSING_FIRST | UNFINISHED


@dataclass(slots=True)
class Flood:
    """Unfinished trains towards one host, too many at once."""

    rows: Ints
    """Events, by time."""
    open: int
    """Most trains open at once."""
    rate: int
    """Most fragments within a second."""
    held: int
    """Most bytes held."""
    sources: int


class Table:
    """Pairs and events, in order of time and then of the trains' ids, so that the order of arrival does not matter."""

    def __init__(self, pairs: list[Pair], events: NDArray[np.void]) -> None:
        """events: dtype EVENT."""
        self.pairs = pairs
        self.events = events[np.lexsort((events["train"], events["ns"]))]
        self.ns, self.pair, self.rules, self.fragments, self.bytes = (
            self.events[name].astype(np.int64) for name in ("ns", "pair", "rules", "fragments", "bytes")
        )

    def by_pair(self, rows: Ints) -> Iterator[tuple[int, Ints]]:
        """(pair, its rows by time)"""
        return _split(rows, self.pair[rows])

    def _by_end(self, rows: Ints, ends: list[bytes]) -> Iterator[tuple[int, Ints]]:
        """Rows by source or destination; `ends` has that address of each pair."""
        known: dict[bytes, int] = {}
        number = np.array([known.setdefault(end, len(known)) for end in ends], np.int64)
        return _split(rows, number[self.pair[rows]]) if len(rows) else iter(())

    def bursts(self) -> Mask:
        """Which events are part of a burst of trains without a first fragment."""
        found = np.zeros(len(self.ns), bool)
        rows = np.flatnonzero(self.rules & MISSING_FIRST)
        for _, mine in self._by_end(rows, [pair.src for pair in self.pairs]):
            ns = self.ns[mine]
            last = np.searchsorted(ns, ns + BURST_NS, "right")
            full = np.flatnonzero(last - np.arange(len(ns)) >= BURST)
            edges = np.zeros(len(ns) + 1, np.int64)
            np.add.at(edges, full, 1)
            np.add.at(edges, last[full], -1)
            found[mine[np.cumsum(edges[:-1]) > 0]] = True
        return found

    def never(self) -> dict[int, Ints]:
        """Pair → its events that were never completed, where they are many and most of its trains."""
        rows = np.flatnonzero(self.rules & UNFINISHED)
        return {
            pair: mine
            for pair, mine in self.by_pair(rows)
            if len(mine) >= NEVER and len(mine) >= NEVER_SHARE * self.pairs[pair].total
        }

    def floods(self) -> Iterator[Flood]:
        """Floods of unfinished trains, by destination and time."""
        totals: dict[bytes, int] = {}
        for pair in self.pairs:
            totals[pair.dst] = totals.get(pair.dst, 0) + pair.total
        rows = np.flatnonzero(self.rules & OPEN)
        for _, mine in self._by_end(rows, [pair.dst for pair in self.pairs]):
            if len(mine) >= FLOOD_SHARE * totals[self.pairs[int(self.pair[mine[0]])].dst]:
                yield from self._floods_of(mine)

    def _floods_of(self, mine: Ints) -> Iterator[Flood]:
        ns, index = self.ns[mine], np.arange(len(mine))
        held_from = np.searchsorted(ns, ns - HELD_NS, "left")
        second_from = np.searchsorted(ns, ns - SECOND, "right")
        fragments = np.concatenate(([0], np.cumsum(self.fragments[mine])))
        held = np.concatenate(([0], np.cumsum(self.bytes[mine])))
        opened = index + 1 - held_from
        rate = fragments[index + 1] - fragments[second_from]
        bytes_held = held[index + 1] - held[held_from]
        over = np.flatnonzero((opened >= FLOOD_OPEN) | (rate >= FLOOD_RATE) | (bytes_held >= FLOOD_BYTES))
        if not len(over):
            return
        breaks = np.flatnonzero(np.diff(ns[over]) > PAUSE_NS) + 1
        begins = 0
        for part in np.split(over, breaks):
            first = max(begins, int(held_from[part[0]]))
            begins = int(part[-1]) + 1
            rows = mine[first:begins]
            sources = len({self.pairs[pair].src for pair in self.pair[rows].tolist()})
            yield Flood(rows, int(opened[part].max()), int(rate[part].max()), int(bytes_held[part].max()), sources)

    def stretches(self) -> Iterator[tuple[int, Ints]]:
        """(pair, events) of UDP within STRETCH_NS of the first of them, by pair and time."""
        udp = np.array([pair.proto == UDP for pair in self.pairs], bool)
        rows = np.flatnonzero((self.rules & _WEIGHED) != 0)
        for pair, mine in self.by_pair(rows[udp[self.pair[rows]]] if len(rows) else rows):
            if len(mine) == 1:
                yield pair, mine
                continue
            ns = self.ns[mine]
            at = 0
            while at < len(mine):
                stop = int(np.searchsorted(ns, ns[at] + STRETCH_NS, "right"))
                yield pair, mine[at:stop]
                at = stop


def _split(rows: Ints, keys: Ints) -> Iterator[tuple[int, Ints]]:
    """Rows by key, in their order within each."""
    if not len(rows):
        return
    order = np.argsort(keys, kind="stable")
    rows, keys = rows[order], keys[order]
    bounds = np.flatnonzero(np.diff(keys)) + 1
    for part, first in zip(np.split(rows, bounds), np.concatenate(([0], bounds)).tolist(), strict=True):
        yield int(keys[first]), part
