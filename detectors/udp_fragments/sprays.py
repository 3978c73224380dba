"""Findings of one rule from many sources to one host → the earliest of them, telling all."""

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


class Sprays:
    """All targets of a run. Does not depend on the order in which findings come."""

    def __init__(self, limit: int = SOURCES) -> None:
        self._limit = limit
        self._known = 0
        self._targets: dict[Target, Spray] = {}

    def take(self, finding: Finding) -> None:
        """Count one occurrence, before it is folded with others of its pair."""
        key = (finding.rule, finding.variant, finding.dst, finding.version)
        spray = self._targets.get(key)
        if spray is None:
            if self._known >= self._limit:
                return
            spray = self._targets[key] = Spray(finding.first_ns, finding.src)
        spray.count += finding.count
        if (finding.first_ns, finding.src) < (spray.first_ns, spray.src):
            spray.first_ns, spray.src = finding.first_ns, finding.src
        if finding.src not in spray.sources and self._known < self._limit:
            self._known += 1
            spray.sources.add(finding.src)

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
        return finding
