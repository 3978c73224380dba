"""Findings of one rule from many sources to one host → the earliest of them, telling all."""

from array import array
from dataclasses import dataclass, field

from detectors.udp_fragments.windows import DISTRIBUTED
from oddport.detection.model import Finding
from oddport.engine.columns import address_text

SOURCES = 100_000
"""Pairs of target and source that are told apart (at most 500 bytes each); further ones only count as occurrences."""

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
