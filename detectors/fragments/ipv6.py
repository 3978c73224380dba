"""IPv6 fragment trains that break the rules of IPv6 → findings (FRG-18 to 21)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddport.detection import score
from oddport.detection.hosts import INSIDE
from oddport.detection.model import Context, Evidence, Finding, Mapping, Rule
from oddport.detection.path_mtu import SmallMtus
from oddport.detection.trains import MUDDLE, Check, Hit, TrainDetector, end, has, place, span
from oddport.detection.words import listed
from oddport.engine.trains import Fragment, Train, TrainBatch

ATOMIC, OVERLAP, NO_CHAIN, ODD_HEADER = 20, 85, 70, 60
"""Bases of FRG-18 to 21."""
PAIRS = 50_000
"""Pairs of hosts whose atomic fragments are counted (about 150 bytes each)."""
DOCUMENT = """\
# Fragments that IPv6 forbids (`ipv6-fragments`)

IPv6 leaves a sender less choice than IPv4: fragments never overlap, the first one holds every header, and a fragment
header stands once.

| rule | what | base |
|---|---|---|
| FRG-18 | atomic fragments, a fragment header on a whole packet; `many` of a pair, or as ICMPv6 told it, +30 | 20 |
| FRG-19 | fragments overlap without being exact repetitions: the datagram has to be dropped (RFC 5722, RFC 8200) | 85 |
| FRG-20 | the first fragment does not hold all headers up to the transport's (RFC 7112) | 70 |
| FRG-21 | a fragment header within a fragment, reserved bits, or a length that is no multiple of 8 mid-way | 60 |

Then, but for FRG-18: towards an outside address +15, both ends inside −10.

## Settings

| key | what | default | from, to |
|---|---|---|---|
| `many` | atomic fragments between two hosts that are many | 10 | 2, 1000000 |
| `inside` | networks that are inside | private ones | |

## What is quiet

Complete trains cut at 1,280 bytes or more, with extension headers in their first fragment.

## False positives to expect

Hosts behind a translator (RFC 6145 before RFC 7915) sent atomic fragments as a matter of course: FRG-18 by itself is
information.

## ATT&CK

ATT&CK has no technique for fragments. FRG-19 and FRG-20 are mapped to T1571 as *related*: one reader drops or skips
what another one takes. Atomic fragments that somebody else provokes are mapped to T1499, *related* (RFC 8021). FRG-21
has no technique.
"""


_FORBIDDEN = {
    "nested_header": "a fragment header within a fragment",
    "flags_nonsense": "reserved bits that are set",
    "misaligned": "a length that is no multiple of 8, with more to follow",
}


class Ipv6Fragments(TrainDetector):
    """Do fragments break the rules of IPv6?"""

    name: ClassVar[str] = "ipv6-fragments"
    title: ClassVar[str] = "Fragments that IPv6 forbids"
    document: ClassVar[str] = DOCUMENT
    settings: ClassVar[dict[str, object]] = {"many": 10, "inside": list(INSIDE)}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"many": (2, 1_000_000)}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("FRG-18", "Atomic fragments", ATOMIC, ("T1499",)),
        Rule("FRG-19", "Overlap in IPv6", OVERLAP, ("T1571",)),
        Rule("FRG-20", "First fragment without all headers", NO_CHAIN, ("T1571",)),
        Rule("FRG-21", "Fragment header that IPv6 forbids", ODD_HEADER),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._many = int(context.number("many"))
        self._atomic: dict[tuple[bytes, bytes], int] = {}
        self._mtus = SmallMtus()

    def checks(self, batch: TrainBatch) -> Iterable[Check]:
        six = batch.trains["version"] == 6
        atomic = has(batch, "atomic")
        if atomic.any():
            self._count(batch.trains[atomic])
        yield "FRG-18", "", atomic, _atomic
        yield "FRG-19", "", six & has(batch, "overlap", "conflicting_overlap"), _overlap
        yield "FRG-20", "", has(batch, "no_upper_header"), _no_chain
        yield "FRG-21", "", six & has(batch, "nested_header", "flags_nonsense", "misaligned"), _odd_header

    def on_small_mtus(self, messages: NDArray[np.void]) -> Iterable[Finding]:
        """Remember who was told."""
        self._mtus.take(messages)
        return ()

    def _count(self, trains: NDArray[np.void]) -> None:
        for src, dst, count in trains[["src", "dst", "count"]].tolist():
            if (src, dst) in self._atomic or len(self._atomic) < PAIRS:
                self._atomic[src, dst] = self._atomic.get((src, dst), 0) + count

    def review(self, finding: Finding) -> Finding | None:
        """Add how many atomic fragments there were between the two, or who told the host to send them."""
        if finding.rule == "FRG-18":
            count = self._atomic.get((finding.src, finding.dst), 0)
            told = self._mtus.before(finding.src, finding.dst, finding.first_ns)
            if told is not None:
                finding.parts += (score.add(30, f"the host had been told of an MTU of {told.mtu:,} (RFC 8021)"),)
                finding.evidence += (told.evidence(),)
            elif count >= self._many:
                finding.parts += (score.add(30, f"{count:,} of them: somebody may have told the host to send them"),)
        return super().review(finding)


def _atomic(train: Train) -> Hit:
    return Hit(
        "FRG-18", ATOMIC, "a fragment header on a whole packet", "Atomic fragments",
        "A whole packet carries a fragment header. Hosts did so when told of an MTU below 1,280 (RFC 8021), which "
        "anybody can tell them; filters that skip fragments let it pass.",
        _first_rows(train, "a fragment header, offset 0, no more to follow", "no fragment header"),
        (Mapping("T1499", "related", "a host that is made to send atomic fragments loses traffic (RFC 8021)"),),
        placed=False,
    )  # fmt: skip


def _first_rows(train: Train, says: str, expected: str) -> tuple[Evidence, ...]:
    return (place(train, train.fragments[0], says, expected),)


def _overlap(train: Train) -> Hit:
    rows: list[Evidence] = []
    reached: Fragment | None = None
    for each in sorted(train.fragments, key=lambda each: (each.offset, -each.length)):
        if reached is not None and each.length and each.offset < end(reached):
            rows = [
                place(train, reached, f"bytes {span(reached)} of the datagram", "fragments that do not overlap"),
                place(train, each, f"bytes {span(each)} of the datagram"),
            ]
            break
        if reached is None or end(each) > end(reached):
            reached = each
    differing = "conflicting_overlap" in train.anomalies
    return Hit(
        "FRG-19", OVERLAP, "overlap, which IPv6 forbids", "Overlap in IPv6",
        f"Fragments overlap with {'different' if differing else 'the same'} bytes. IPv6 forbids any overlap, and a "
        "receiver drops the whole datagram (RFC 5722; RFC 8200, section 4.5); who does not reads what others do not.",
        tuple(rows), (Mapping("T1571", "related", MUDDLE),),
    )  # fmt: skip


def _no_chain(train: Train) -> Hit:
    first = next((each for each in train.fragments if each.offset == 0), train.fragments[0])
    return Hit(
        "FRG-20", NO_CHAIN, "a first fragment without all headers", "First fragment without all headers",
        "The first fragment does not hold every header up to the transport's, as it has to (RFC 7112): a filter that "
        "reads it sees no port.",
        (place(train, first, f"first fragment, {first.length} bytes", "all headers in the first fragment"),),
        (Mapping("T1571", "related", "the port is not in the fragment that filters look at"),),
    )  # fmt: skip


def _odd_header(train: Train) -> Hit:
    said = [what for word, what in _FORBIDDEN.items() if word in train.anomalies]
    odd = next((each for each in train.fragments if each.flags or (each.more and each.length % 8)), train.fragments[0])
    return Hit(
        "FRG-21", ODD_HEADER, "a fragment header that IPv6 forbids", "Fragment header that IPv6 forbids",
        f"There is {listed(said)}; no sender makes it (RFC 8200, section 4.5).",
        (place(train, odd, said[0], "one fragment header as RFC 8200 has it"),),
    )  # fmt: skip
