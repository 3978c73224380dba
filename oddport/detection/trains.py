"""Fragment trains → findings by rules that a train meets by itself: what all such detectors have in common."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.groups import PERIOD_NS
from oddport.detection.hosts import INSIDE, NEITHER, Networks
from oddport.detection.model import EVIDENCE_BYTES, Context, Evidence, Finding, Mapping, ScorePart
from oddport.detection.sprays import Sprays
from oddport.detection.words import port_text
from oddport.engine.columns import TCP, UDP, proto_text
from oddport.engine.trains import Fragment, Train, TrainBatch, anomaly_mask
from oddport.protocols.ports import guess_server_by_port

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

SHOWN = 3
"""Fragments or conflicts of a train that are shown as evidence."""
MUDDLE = "different readers put together different datagrams, which muddles what a filter sees of port and protocol"
"""Why what makes readers disagree is mapped to T1571."""


@dataclass(slots=True)
class Hit:
    """A rule that a train meets."""

    rule: str
    base: float
    base_reason: str
    title: str
    summary: str
    evidence: tuple[Evidence, ...]
    mappings: tuple[Mapping, ...] = ()
    steps: tuple[ScorePart, ...] = ()
    """What is added to the base, besides what goes by where the ends are."""
    placed: bool = True
    """Whether it counts where the ends are."""
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about: a train, or the first one of many."""

    src: bytes
    dst: bytes
    version: int
    proto: int
    sport: int
    """0 = not known"""
    dport: int
    first_ns: int
    last_ns: int
    train: int
    flow: int


Check = tuple[str, str, Mask, Callable[[Train], Hit]]
"""(rule, variant, which trains of a batch meet it, what to say of one)"""


def has(batch: TrainBatch, *words: str) -> Mask:
    """Which trains have one of these anomalies."""
    found: Mask = batch.trains["anomalies"] & anomaly_mask(words) != 0
    return found


def totals(batch: TrainBatch, values: NDArray[Any]) -> NDArray[np.int64]:
    """For each train the sum of a column over its listed fragments."""
    sums = np.concatenate(([0], np.cumsum(values, dtype=np.int64)))
    first = batch.trains["first"].astype(np.int64)
    found: NDArray[np.int64] = sums[first + batch.trains["listed"]] - sums[first]
    return found


def least_and_most(batch: TrainBatch, column: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each train the least and the greatest value of a column of its listed fragments; 0 and 0 where none is."""
    found = np.zeros((2, len(batch)), np.int64)
    listed = np.flatnonzero(batch.trains["listed"])
    if len(listed):
        values, first = batch.fragments[column].astype(np.int64), batch.trains["first"][listed]
        found[0, listed] = np.minimum.reduceat(values, first)
        found[1, listed] = np.maximum.reduceat(values, first)
    return found[0], found[1]


def end(fragment: Fragment) -> int:
    """First byte behind the fragment, in the datagram."""
    return fragment.offset + fragment.length


def span(fragment: Fragment) -> str:
    """`16–23`, the bytes of the datagram that a fragment holds."""
    return f"{fragment.offset}–{end(fragment) - 1}" if fragment.length else f"{fragment.offset}, no data"


def place(train: Train, fragment: Fragment, says: str, expected: str = "", data: bytes | None = None) -> Evidence:
    """A fragment as evidence. Its bytes are those of the datagram, its own where fragments disagree, unless they are
    given or were not kept."""
    if data is None:
        data = _own_bytes(train, fragment)
    return Evidence(
        file=fragment.file,
        packet=fragment.number,
        offset=fragment.frame_offset,
        data=data[: min(EVIDENCE_BYTES, fragment.captured)],
        length=fragment.length,
        says=says,
        expected=expected,
    )


def _own_bytes(train: Train, fragment: Fragment) -> bytes:
    """The first bytes that a fragment brought, whichever of those that disagree the datagram has."""
    data = bytearray(train.datagram[fragment.offset : min(end(fragment), fragment.offset + EVIDENCE_BYTES)])
    for conflict in train.conflicts:
        for own, number in ((conflict.old, conflict.old_fragment), (conflict.new, conflict.new_fragment)):
            if 0 <= number < len(train.fragments) and train.fragments[number] is fragment:
                at = conflict.offset - fragment.offset
                data[at : at + len(own)] = own[: max(0, len(data) - at)]
    return bytes(data)


def within(fragment: Fragment, offset: int, data: bytes, says: str, expected: str = "") -> Evidence:
    """Bytes at `offset` of the datagram that came in this fragment, as evidence."""
    return Evidence(
        file=fragment.file,
        packet=fragment.number,
        offset=fragment.frame_offset + offset - fragment.offset,
        data=data[:EVIDENCE_BYTES],
        length=len(data),
        says=says,
        expected=expected,
    )


def conflict_rows(train: Train) -> tuple[Evidence, ...]:
    """Both copies of the bytes that a train's fragments disagree about."""
    rows: list[Evidence] = []
    for conflict in train.conflicts[:SHOWN]:
        says = f"bytes {conflict.offset}–{conflict.offset + len(conflict.old) - 1} of the datagram"
        if 0 <= conflict.old_fragment < len(train.fragments):
            old = train.fragments[conflict.old_fragment]
            expected = "the same bytes in both fragments"
            rows.append(within(old, conflict.offset, conflict.old, f"{says}, earlier", expected))
        if 0 <= conflict.new_fragment < len(train.fragments):
            new = train.fragments[conflict.new_fragment]
            rows.append(within(new, conflict.offset, conflict.new, f"{says}, later"))
    return tuple(rows)


class TrainDetector(BaseDetector):
    """Subclass it and write `checks`; rules that need several trains go into `on_trains` and `finish` besides.

    A check is made for a whole batch in columns, and what to say only for the trains that need a finding: the first
    and the last of those that a finding folds, and only the earliest of what many sources do to one host.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"trains"})
    settings: ClassVar[dict[str, object]] = {"inside": list(INSIDE)}

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._inside = Networks(context.strings("inside"))
        self._neither = Networks(NEITHER)
        self._sprays = Sprays()

    def checks(self, batch: TrainBatch) -> Iterable[Check]:
        """The rules that a train meets by itself."""
        return ()

    def on_trains(self, batch: TrainBatch) -> Iterable[Finding]:
        """Findings of trains that are over."""
        for rule, variant, mask, say in self.checks(batch):
            rows = np.flatnonzero(mask & (batch.trains["listed"] > 0))
            rows = self._sprays.take_rows(rule, variant, batch.trains, rows)
            for row, count in occurrences(batch.trains, rows):
                train = batch.train(row)
                found = self.of_train(train, say(train))
                found.count = count
                yield found

    def review(self, finding: Finding) -> Finding | None:
        """Let one finding tell what many sources did to one host: forged sources are one attack, not thousands."""
        return self._sprays.review(finding)

    def of_train(self, train: Train, hit: Hit) -> Finding:
        """The finding of a hit."""
        parts = [score.base(hit.base, hit.base_reason), *hit.steps]
        if hit.placed:
            parts += self.place_parts(train.src, train.dst, train.version)
        subject = Subject(
            train.src, train.dst, train.version, train.proto, train.sport or 0, train.dport or 0, train.first_ns,
            train.last_ns, train.id, train.flow,
        )  # fmt: skip
        found = self.finding_of(subject, hit.rule, hit.title, hit.summary, parts, hit.evidence, hit.mappings)
        found.variant = hit.variant
        return found

    def finding_of(
        self,
        subject: Subject,
        rule: str,
        title: str,
        summary: str,
        parts: Iterable[ScorePart],
        evidence: tuple[Evidence, ...],
        mappings: tuple[Mapping, ...],
    ) -> Finding:
        """A finding whose title ends with the port that serves, where one can be told."""
        server = server_port(subject.proto, subject.sport, subject.dport)
        return Finding(
            detector=self.name, rule=rule, summary=summary, parts=tuple(parts),
            title=f"{title} on {port_text(server, proto_text(subject.proto))}" if server else title,
            src=subject.src, dst=subject.dst, version=subject.version, proto=subject.proto, sport=subject.sport,
            dport=subject.dport, server_port=server, first_ns=subject.first_ns, last_ns=subject.last_ns,
            flow=subject.flow, train=subject.train, mappings=mappings, evidence=evidence,
        )  # fmt: skip

    def place_parts(self, src: bytes, dst: bytes, version: int) -> tuple[ScorePart, ...]:
        """The steps that go by where the ends are."""
        if self.is_outside(dst, version):
            return (score.add(15, "to an outside address"),)
        if self._inside.has(src, version) and self._inside.has(dst, version):
            return (score.add(-10, "both ends are inside"),)
        return ()

    def is_outside(self, address: bytes, version: int) -> bool:
        """Whether it is the address of a single host that is not inside."""
        return not self._inside.has(address, version) and not self._neither.has(address, version)


def server_port(proto: int, sport: int, dport: int) -> int:
    """The port of the side that serves, as far as ports tell; 0 = not known."""
    if not (sport or dport) or proto not in (TCP, UDP):
        return 0
    return (sport, dport)[guess_server_by_port(proto, sport, dport)]


_KEY = np.dtype(
    [("src", "V16"), ("dst", "V16"), ("version", "u1"), ("proto", "u1"), ("sport", "<i4"), ("dport", "<i4")]
)


def occurrences(trains: NDArray[np.void], rows: Rows) -> Iterator[tuple[int, int]]:
    """(row, how many it stands for) of trains that have their ends in common.

    The first of them stands for itself, the last one for the others, so that findings fold as if each train had one;
    a pause that ends a finding is none between.
    """
    if not len(rows):
        return
    keys = np.empty(len(rows), _KEY)
    for name in _KEY.names or ():
        keys[name] = trains[name][rows]
    which = np.unique(keys.view(f"V{_KEY.itemsize}"), return_inverse=True)[1]
    order = np.lexsort((trains["id"][rows], trains["flow"][rows], trains["first_ns"][rows], which))
    which, ns = which[order], trains["first_ns"][rows][order]
    borders = np.flatnonzero((np.diff(which) != 0) | (np.diff(ns) > PERIOD_NS)) + 1
    for part in np.split(rows[order], borders):
        yield int(part[0]), 1
        if len(part) > 1:
            yield int(part[-1]), len(part) - 1
