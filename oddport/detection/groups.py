"""Occurrences of one finding, in any order → one finding with a count, whose identity is its earliest occurrence."""

from array import array
from copy import copy
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heapify, heappop, heappush

import numpy as np

from oddport.detection.checks import prove
from oddport.detection.model import Finding

PERIOD_NS = 24 * 3600 * 10**9
"""Occurrences no further apart than this are one finding (chained, so that the order of arrival does not matter)."""
GROUPS = 20_000
"""Different findings that are kept at once. About 3 kB each; a scan of every port makes hundreds of thousands."""

OCCURRENCES = 1_000
"""Flows of a finding that are named one by one; `count` counts them all."""

Key = tuple[str, str, str, bytes, bytes, int, int, str | None]


def key_of(finding: Finding) -> Key:
    """What two occurrences must have in common to be folded into one."""
    return (
        finding.detector, finding.rule, finding.variant,
        finding.src, finding.dst, finding.server_port, finding.proto, finding.app,
    )  # fmt: skip


def uid_of(finding: Finding, digest: str) -> str:
    """32 hex digits of BLAKE2b over what identifies the finding in any load of the same bytes.

    The score, the settings, row ids and the way in which the capture was cut into batches are not among it.
    """
    named = (
        finding.detector, finding.rule, finding.variant, finding.src.hex(), finding.dst.hex(), finding.version,
        finding.server_port, finding.proto, finding.app or "", finding.first_ns, digest,
    )  # fmt: skip
    return blake2b("\x1f".join(map(str, named)).encode(), digest_size=16).hexdigest()


@dataclass(slots=True, eq=False)
class Group:
    """Occurrences of one key in which no pause is longer than PERIOD_NS."""

    finding: Finding
    """The earliest occurrence (first_ns, then flow, then train)."""
    first: int
    last: int
    """Of the occurrences' first_ns."""
    last_ns: int
    count: int
    flows: "array[int]" = field(default_factory=lambda: array("I"))
    uid: str = ""
    """Under which it was handed out last, empty if it was not."""
    changed: bool = True
    gone: bool = False

    def take(self, other: "Group") -> None:
        """Fold `other` in."""
        if _order(other.finding) < _order(self.finding):
            self.finding = other.finding
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.last_ns = max(self.last_ns, other.last_ns)
        self.count += other.count
        self.flows.extend(other.flows)
        self.changed = True


def _order(finding: Finding) -> tuple[int, int, int, int]:
    return (finding.first_ns, finding.flow, finding.train, finding.sport)


class Groups:
    """All groups of a run. Over `limit`, the lowest score gives way, so that a flood of trifles hides nothing."""

    def __init__(self, digest: str, limit: int = GROUPS) -> None:
        self._digest = digest
        self._limit = limit
        self._by_key: dict[Key, list[Group]] = {}
        self._count = 0
        self._changed: list[Group] = []
        self._gone: list[str] = []
        self._heap: list[tuple[int, int, int, Group]] | None = None
        self._serial = 0
        self.dropped: dict[tuple[str, str], int] = {}
        """(detector, rule) → occurrences that were counted but are in no finding that is kept."""

    def __len__(self) -> int:
        return self._count

    def add(self, finding: Finding) -> None:
        """Fold one occurrence in, score and severity filled in. Raises what its proof raises, and changes nothing
        then."""
        key = key_of(finding)
        new = Group(finding, finding.first_ns, finding.first_ns, finding.last_ns, max(1, finding.count))
        if finding.flow:
            new.flows.append(finding.flow)
        touching = self._touching(key, finding.first_ns)
        if touching:
            if all(_order(finding) < _order(group.finding) for group in touching):
                prove(finding)
            self._fold(key, touching, new)
            return
        if self._count >= self._limit:
            lowest = self._lowest()
            if lowest is None or lowest.finding.score >= finding.score:
                self._drop(new)
                return
            prove(finding)
            self.withdraw(lowest)
            self._drop(lowest)
        else:
            prove(finding)
        self._by_key.setdefault(key, []).append(new)
        self._count += 1
        self._changed.append(new)
        self._push(new)

    def _touching(self, key: Key, first_ns: int) -> list[Group]:
        """The groups that an occurrence at this time joins."""
        groups = self._by_key.get(key, ())
        return [group for group in groups if group.first - PERIOD_NS <= first_ns <= group.last + PERIOD_NS]

    def _fold(self, key: Key, touching: list[Group], new: Group) -> None:
        """An occurrence joins a group, or bridges the pause between two and makes them one."""
        kept = touching[0]
        score = kept.finding.score
        was_changed = kept.changed
        kept.take(new)
        for other in touching[1:]:
            kept.take(other)
            self._remove(key, other)
        if not was_changed:
            self._changed.append(kept)
        if kept.finding.score != score:
            self._push(kept)

    def has(self, finding: Finding) -> bool:
        """Whether an occurrence like this would be folded into a group that is there."""
        return bool(self._touching(key_of(finding), finding.first_ns))

    # over the limit

    def _push(self, group: Group) -> None:
        if self._heap is not None:
            self._serial += 1
            heappush(self._heap, (group.finding.score, -group.first, self._serial, group))

    def _lowest(self) -> Group | None:
        """The group that gives way first, if there is any."""
        if self._heap is None:
            self._heap = []
            for group in self.groups():
                self._serial += 1
                self._heap.append((group.finding.score, -group.first, self._serial, group))
            heapify(self._heap)
        while self._heap and (self._heap[0][3].gone or self._heap[0][0] != self._heap[0][3].finding.score):
            heappop(self._heap)
        return self._heap[0][3] if self._heap else None

    def _drop(self, group: Group) -> None:
        rule = (group.finding.detector, group.finding.rule)
        self.dropped[rule] = self.dropped.get(rule, 0) + group.count

    def withdraw(self, group: Group) -> None:
        """Take a group out of the findings."""
        self._remove(key_of(group.finding), group)

    def _remove(self, key: Key, group: Group) -> None:
        group.gone = True
        groups = self._by_key[key]
        groups.remove(group)
        if not groups:
            del self._by_key[key]
        self._count -= 1
        if group.uid:
            self._gone.append(group.uid)

    # handing out

    def groups(self) -> list[Group]:
        """All that are kept, in no order."""
        return [group for groups in self._by_key.values() for group in groups]

    def uids(self) -> set[str]:
        """Under which groups were handed out, of those that are kept."""
        return {group.uid for group in self.groups() if group.uid}

    def touched(self, group: Group) -> None:
        """Note that the group's finding was replaced."""
        if not group.changed:
            group.changed = True
            self._changed.append(group)

    def rename(self, digest: str) -> dict[str, str]:
        """Another digest of the capture: every uid changes, those handed out before hold no more; old → new."""
        if digest == self._digest:
            return {}
        before, self._digest = self._digest, digest
        renamed = {}
        for group in self.groups():
            renamed[uid_of(group.finding, before)] = uid_of(group.finding, digest)
            self.touched(group)
        return renamed

    def finding_of(self, group: Group) -> Finding:
        """A copy for others to keep, with the count, the end and the uid of the group."""
        finding = copy(group.finding)
        finding.count, finding.last_ns = group.count, group.last_ns
        finding.uid = uid_of(finding, self._digest)
        finding.also = np.unique(np.frombuffer(group.flows, np.uint32))[:OCCURRENCES].tolist()
        return finding

    def take_changes(self) -> tuple[list[Finding], list[str]]:
        """Findings that are new or changed since the last call, and uids handed out before that hold no more."""
        put: list[Finding] = []
        gone, self._gone = self._gone, []
        changed, self._changed = self._changed, []
        for group in changed:
            if group.gone:
                continue
            group.changed = False
            finding = self.finding_of(group)
            if group.uid and group.uid != finding.uid:
                gone.append(group.uid)
            group.uid = finding.uid
            put.append(finding)
        put.sort(key=worst_first)
        return put, gone


def worst_first(finding: Finding) -> tuple[int, int, str]:
    """Sort key: score downwards, then time, then uid."""
    return (-finding.score, finding.first_ns, finding.uid)
