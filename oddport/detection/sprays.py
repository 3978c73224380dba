"""Findings of one rule from many sources to one host → the earliest of them, telling all."""

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oddport.detection.model import Finding
from oddport.engine.columns import address_text

DISTRIBUTED = 50
"""Sources from which on many findings are one attack."""
SOURCES = 100_000
"""Pairs of target and source that are told apart (at most 500 bytes each); further ones only count as occurrences."""

_END = np.dtype([("dst", "V16"), ("version", "u1")])

Target = tuple[str, str, bytes, int]
"""(rule, variant, destination, IP version)"""


@dataclass(slots=True)
class Spray:
    """One rule, one target."""

    first_ns: int
    src: bytes
    """Of the earliest finding; of several in the same nanosecond, the lowest address."""
    count: int = 0
    sources: set[bytes] = field(default_factory=set)
    flows: "array[int]" = field(default_factory=lambda: array("I"))
    """Of all occurrences."""


class Sprays:
    """All targets of a run. Does not depend on the order in which findings come."""

    def __init__(self, limit: int = SOURCES) -> None:
        self._limit = limit
        self._known = 0
        self._targets: dict[Target, Spray] = {}

    def take(self, target: Target, src: bytes, first_ns: int, flow: int, count: int = 1) -> bool:
        """Count `count` occurrences from `src`; whether a finding is needed, since no other one is sure to tell it."""
        spray = self._targets.get(target)
        if spray is None:
            if self._known >= self._limit:
                return True
            spray = self._targets[target] = Spray(first_ns, src)
        spray.count += count
        if flow:
            spray.flows.append(flow)
        if src not in spray.sources and self._known < self._limit:
            self._known += 1
            spray.sources.add(src)
        if (first_ns, src) <= (spray.first_ns, spray.src):
            spray.first_ns, spray.src = first_ns, src
            return True
        return len(spray.sources) < DISTRIBUTED

    def take_rows(
        self, rule: str, variant: str, trains: NDArray[np.void], rows: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Count trains (rows of dtype TRAIN) that one rule holds for; gives those that need a finding. What is done for
        each train by itself is done in columns: a spray has thousands of them."""
        if not len(rows):
            return rows
        needed: list[NDArray[np.int64]] = []
        ends = np.empty(len(rows), _END)
        for name in _END.names or ():
            ends[name] = trains[name][rows]
        packed = ends.view(f"V{_END.itemsize}")
        targets, which = np.unique(packed, return_inverse=True)
        order = np.lexsort((trains["id"][rows], trains["first_ns"][rows], which))
        borders = np.flatnonzero(np.diff(which[order])) + 1
        for target, part in zip(targets, np.split(order, borders), strict=True):
            dst, version = target.view(_END).item()
            needed.append(rows[part[: self._taken((rule, variant, dst, version), trains[rows[part]])]])
        return np.sort(np.concatenate(needed))

    def _taken(self, target: Target, trains: NDArray[np.void]) -> int:
        """Count trains of one target, in order of time; how many of them, from the first on, need a finding."""
        sources: list[bytes] = trains["src"].tolist()
        together = int(np.searchsorted(trains["first_ns"], trains["first_ns"][0], "right"))
        first = min(range(together), key=sources.__getitem__)
        is_needed = self.take(target, sources[first], int(trains["first_ns"][0]), int(trains["flow"][first]))
        spray = self._targets.get(target)
        if spray is None:
            return len(trains)
        flows = np.delete(trains["flow"], first)
        spray.count += len(flows)
        spray.flows.extend(flows[flows > 0].tolist())
        new = sorted(set(sources) - spray.sources)[: max(self._limit - self._known, 0)]
        self._known += len(new)
        spray.sources.update(new)
        if len(spray.sources) < DISTRIBUTED:
            return len(trains)
        return together if is_needed else 0

    def review(self, finding: Finding) -> Finding | None:
        """The finding as it is; from DISTRIBUTED sources on, the earliest one tells all, and the others are None."""
        spray = self._targets.get((finding.rule, finding.variant, finding.dst, finding.version))
        if spray is None or len(spray.sources) < DISTRIBUTED:
            return finding
        if (finding.src, finding.first_ns) != (spray.src, spray.first_ns):
            return None
        target = address_text(finding.dst, finding.version)
        finding.title += f", from {len(spray.sources):,} sources"
        finding.summary += f" {len(spray.sources):,} sources did so to {target}; the earliest stands for all."
        finding.count = spray.count
        finding.also = spray.flows
        return finding
