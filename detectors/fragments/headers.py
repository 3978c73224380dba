"""Fragment trains whose headers disagree with one another or with the rules → findings (FRG-16, 17, 22)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.fragments.alone import evidence_of, seen, subject_of
from oddport.detection import score
from oddport.detection.hosts import halves, mix
from oddport.detection.model import Context, Finding, Mapping, Rule
from oddport.detection.reassembly import transport_at
from oddport.detection.trains import SHOWN, Check, Hit, TrainDetector, has, least_and_most, place, span
from oddport.detection.udp_checksum import checked
from oddport.engine.columns import proto_text
from oddport.engine.trains import Fragment, Train, TrainBatch

MIXED, RESERVED, NONSENSE, UDP_LENGTH = 50, 35, 15, 60
"""Bases of FRG-16, of FRG-17 with and without the reserved bit, and of FRG-22."""
RIGHT_FOR_WRONG = 4
"""A wrong checksum says something only where this many of its sender's trains were looked at."""
REMEMBERED = 500_000
"""Trains whose sender is remembered (8 bytes each)."""
RESERVED_BIT, DONT_FRAGMENT = 4, 2
"""Of Fragment.flags, IPv4."""
DOCUMENT = """\
# Headers that disagree (`fragment-headers`)

All fragments of one datagram left one host at one moment: protocol, header and TTL are the same in each, and the UDP
length is that of the datagram.

| rule | what | base |
|---|---|---|
| FRG-16 | within a train: other protocols, other header lengths (IPv4 options), or TTLs that differ by 3 or more | 50 |
| FRG-17 | the reserved flag (35); "don't fragment" on a fragment, or a TTL of 0 or 1 (15) | 15/35 |
| FRG-22 | the UDP header's length is not that of the datagram | 60 |
| FRG-22 | the UDP checksum is not that of the datagram, while at least three of four of its sender's are | 60 |

Then, but for FRG-17: towards an outside address +15, both ends inside −10.

## What is quiet

Trains whose TTLs differ by one or two, as where a route changes between two fragments. DSCP and ECN are not compared:
routers change them.

## False positives to expect

Linux sends fragments with "don't fragment" while it looks for the path MTU, and traceroute with long probes has a
TTL of 1: FRG-17 is information. IP ids that come again soon at a high rate put fragments of two datagrams together
(RFC 4963), which looks like FRG-22. Checksums of a sender most of whose are wrong are not judged: the capture is from
the sender's own machine, or its addresses were replaced.

## ATT&CK

ATT&CK has no technique for fragments. FRG-16 and FRG-22 are mapped to T1571 as *related*: readers that go by another
header see another protocol or other payload. Where the first fragment came with another TTL than all the rest, somebody
else may have sent it: T1557, *related*. FRG-17 has no technique.
"""


class FragmentHeaders(TrainDetector):
    """Do the headers of a train agree?"""

    name: ClassVar[str] = "fragment-headers"
    title: ClassVar[str] = "Fragments whose headers disagree"
    document: ClassVar[str] = DOCUMENT
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("FRG-16", "Headers of one train disagree", MIXED, ("T1571", "T1557")),
        Rule("FRG-17", "Flags or TTL that make no sense", RESERVED),
        Rule("FRG-22", "UDP length or checksum is not the datagram's", UDP_LENGTH, ("T1571",)),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._sources: list[NDArray[np.uint64]] = []
        self._wrong: list[NDArray[np.void]] = []
        self._checked = self._left_out = 0

    def on_trains(self, batch: TrainBatch) -> Iterable[Finding]:
        rows, wrong = checked(batch)
        kept = rows[: REMEMBERED - self._checked]
        self._left_out += len(rows) - len(kept)
        self._checked += len(kept)
        if len(kept):
            self._sources.append(_source(batch.trains[kept]))
            odd = kept[wrong[: len(kept)] & ~has(batch, "udp_length")[kept]]
            if len(odd):
                self._wrong.append(seen(batch, odd))
        return super().on_trains(batch)

    def finish(self) -> Iterable[Finding]:
        if self._left_out:
            self.abstain("UDP checksums: too many trains to remember", self._left_out)
        if not self._wrong:
            return
        wrong = np.concatenate(self._wrong)
        wrong = wrong[np.lexsort((wrong["train"], wrong["ns"]))]
        sources, totals = np.unique(np.concatenate(self._sources), return_counts=True)
        source = _source(wrong)
        for number in np.unique(source):
            mine = wrong[source == number]
            total = int(totals[np.searchsorted(sources, number)])
            if len(mine) * RIGHT_FOR_WRONG > total:
                self.abstain(
                    "UDP checksums: most of their sender's are wrong, as before a network card fills them in", len(mine)
                )
                continue
            for dst in dict.fromkeys(mine["dst"].tolist()):
                yield self._checksum(mine[mine["dst"] == np.void(dst)], total)

    def _checksum(self, rows: NDArray[np.void], total: int) -> Finding:
        subject = subject_of(rows)
        found = self.finding_of(
            subject, "FRG-22", "UDP checksum does not fit",
            f"{len(rows):,} of {total:,} complete datagrams of this sender do not have the checksum that their UDP "
            "header says, the others do: a piece of another datagram may have got into them (RFC 4963).",
            (score.base(UDP_LENGTH, "a checksum that is wrong, of a sender whose others are right"),
             *self.place_parts(subject.src, subject.dst, subject.version)),
            evidence_of(rows, "complete, with a wrong checksum", "the checksum of the datagram (RFC 768)"),
            (Mapping("T1571", "related", "a datagram whose pieces are not of one sender is read as one"),),
        )  # fmt: skip
        found.count, found.variant = len(rows), "checksum"
        return found

    def checks(self, batch: TrainBatch) -> Iterable[Check]:
        shortest, longest = least_and_most(batch, "header_length")
        least_ttl, _ = least_and_most(batch, "ttl")
        odd_flags = has(batch, "flags_nonsense") & (batch.trains["version"] == 4)
        yield "FRG-16", "", has(batch, "ttl_mixed", "protocol_mixed") | (shortest != longest), _mixed
        if odd_flags.any():
            reserved = odd_flags & (least_and_most(batch, "flags")[1] >= RESERVED_BIT)
            yield "FRG-17", "reserved", reserved, _reserved
            yield "FRG-17", "", odd_flags & ~reserved, _dont_fragment
        yield "FRG-17", "ttl", least_ttl <= 1, _spent
        yield "FRG-22", "", has(batch, "udp_length"), _udp_length


def _source(rows: NDArray[np.void]) -> NDArray[np.uint64]:
    """A number for the sender of each row."""
    return mix(*halves(rows["src"]), rows["version"])


def _values(words: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(words))


def _mixed(train: Train) -> Hit:
    earliest = train.fragments[0]
    odd = [
        each
        for each in train.fragments
        if each.proto != earliest.proto
        or each.header_length != earliest.header_length
        or ("ttl_mixed" in train.anomalies and each.ttl != earliest.ttl)
    ]
    said: list[str] = []
    if "protocol_mixed" in train.anomalies:
        said.append(f"protocols {_values(proto_text(each.proto) for each in train.fragments)}")
    if "ttl_mixed" in train.anomalies:
        ttls = sorted({each.ttl for each in train.fragments})
        said.append(f"TTLs from {ttls[0]} to {ttls[-1]}")
    if len({each.header_length for each in train.fragments}) > 1:
        said.append(f"headers of {_values(str(each.header_length) for each in train.fragments)} bytes")
    mappings = [Mapping("T1571", "related", "who goes by another fragment's header sees another protocol")]
    if _first_apart(train):
        mappings.append(
            Mapping("T1557", "related", "the first fragment came another way than the rest: two senders, maybe")
        )
    return Hit(
        "FRG-16", MIXED, "fragments of one datagram with different headers", "Headers of one train disagree",
        f"Fragments of one datagram have {', '.join(said)}; one sender gives all of them the same.",
        (place(train, earliest, _header(earliest), "the same in every fragment"),
         *(place(train, each, _header(each)) for each in odd[: SHOWN - 1])),
        tuple(mappings),
    )  # fmt: skip


def _header(fragment: Fragment) -> str:
    return (
        f"{proto_text(fragment.proto)}, TTL {fragment.ttl}, header of {fragment.header_length} bytes "
        f"(bytes {span(fragment)})"
    )


def _first_apart(train: Train) -> bool:
    """Whether the fragments at offset 0 have one TTL and all the others have another one."""
    first = {each.ttl for each in train.fragments if each.offset == 0}
    rest = {each.ttl for each in train.fragments if each.offset}
    return "ttl_mixed" in train.anomalies and len(first) == len(rest) == 1


def _reserved(train: Train) -> Hit:
    odd = next(each for each in train.fragments if each.flags & RESERVED_BIT)
    return Hit(
        "FRG-17", RESERVED, "the reserved flag is set", "Reserved flag of IPv4 set",
        "A fragment has the flag set that has to be zero (RFC 791, section 3.1).",
        (place(train, odd, f"flags {odd.flags:03b}", "the first flag 0"),), placed=False, variant="reserved",
    )  # fmt: skip


def _dont_fragment(train: Train) -> Hit:
    odd = next(each for each in train.fragments if each.flags & DONT_FRAGMENT)
    return Hit(
        "FRG-17", NONSENSE, "“don't fragment” on a fragment", "Fragment that is not to be fragmented",
        "A fragment says that its datagram is not to be fragmented; Linux does so while it looks for the path MTU.",
        (place(train, odd, f"flags {odd.flags:03b}", "“don't fragment” on whole packets only"),), placed=False,
    )  # fmt: skip


def _spent(train: Train) -> Hit:
    odd = min(train.fragments, key=lambda each: each.ttl)
    return Hit(
        "FRG-17", NONSENSE, "a TTL that reaches no further", "Fragments whose TTL is spent",
        f"A fragment came with a TTL of {odd.ttl}: no router passes it on, as traceroute has it.",
        (place(train, odd, f"TTL {odd.ttl}", "a TTL that reaches its receiver and more"),), placed=False, variant="ttl",
    )  # fmt: skip


def _udp_length(train: Train) -> Hit:
    first = next((each for each in train.fragments if each.offset == 0), train.fragments[0])
    at = transport_at(train, train.datagram)[1]
    said = int.from_bytes(train.datagram[at + 4 : at + 6], "big")
    total = (train.total or 0) - at
    return Hit(
        "FRG-22", UDP_LENGTH, "the UDP length is not the datagram's", "UDP length is not the datagram's",
        f"The UDP header speaks of {said:,} bytes and the fragments make {total:,}.",
        (place(train, first, f"UDP length {said:,}", f"{total:,}"),),
        (Mapping("T1571", "related", "who goes by the UDP length and who goes by IP read different payload"),),
    )  # fmt: skip
