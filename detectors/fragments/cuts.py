"""Fragment trains cut as no sender cuts a datagram → findings (FRG-08 to 11, 14)."""

from collections.abc import Iterable
from typing import ClassVar

from oddport.detection import score
from oddport.detection.hosts import INSIDE
from oddport.detection.model import Context, Mapping, Rule
from oddport.detection.trains import MUDDLE, SHOWN, Check, Hit, TrainDetector, end, has, place, span, totals
from oddport.engine.trains import Fragment, Train, TrainBatch

TINY, ZERO_LENGTH, TWO_TAILS, PAST_END, ROSE = 45, 40, 65, 65, 70
"""Bases of FRG-08 to 11 and 14."""
SMALLEST_MTU_DATA = 48
"""Bytes of data in a fragment on the smallest link that IPv4 allows (RFC 791, section 3.2: 68 bytes)."""
DOCUMENT = """\
# Cuts that no sender makes (`fragment-cuts`)

A sender cuts a datagram into pieces as long as the link allows, the last one shorter, and sends each of them once.

| rule | what | base |
|---|---|---|
| FRG-08 | fragments other than the last with fewer than `tiny_below` bytes: two or more 45, one alone half of it | 45 |
| FRG-09 | a fragment without data | 40 |
| FRG-10 | two last fragments that say different lengths | 65 |
| FRG-11 | data behind the end that the last fragment said | 65 |
| FRG-14 | only the beginning and a far last fragment, and never what is between (Rose) | 70 |

Then: towards an outside address +15, both ends inside −10. One finding folds what two hosts do again and again; the
same rule from 50 sources to one host is one finding.

## Settings

| key | what | default | from, to |
|---|---|---|---|
| `tiny_below` | bytes of data below which a fragment that is not the last is tiny | 256 | 8, 256 |
| `inside` | networks that are inside | private ones | |

## What is quiet

Complete trains of full-sized fragments in any order, as DNS with EDNS, NFS, IKE, RADIUS, Kerberos, SIP and tunnels at
their MTU make them. A train that the capture ends in is no Rose.

## False positives to expect

Tests of the path MTU, and links with an MTU below 300 bytes (amateur radio, old serial lines) give FRG-08; the loss of
everything between the first and the last fragment of a long datagram looks like FRG-14.

## ATT&CK

ATT&CK has no technique for fragments. What keeps ports and payload from a filter, or makes readers disagree, is mapped
to T1571 as *related*: it muddles the parsing that T1571 is about, but is no use of another port by itself. Packets that
have crashed receivers go to T1499.004, those that fill the reassembly buffer to T1499.001, both *related*.
"""
_HIDES = Mapping("T1571", "related", "pieces so small keep ports and payload apart: a filter sees neither whole")
_MUDDLES = Mapping("T1571", "related", MUDDLE)


class FragmentCuts(TrainDetector):
    """Is a datagram cut as no sender cuts it?"""

    name: ClassVar[str] = "fragment-cuts"
    title: ClassVar[str] = "Cuts that no sender makes"
    document: ClassVar[str] = DOCUMENT
    settings: ClassVar[dict[str, object]] = {"tiny_below": 256, "inside": list(INSIDE)}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"tiny_below": (8, 256)}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("FRG-08", "Tiny fragments", TINY, ("T1571",)),
        Rule("FRG-09", "Fragment without data", ZERO_LENGTH, ("T1499.004",)),
        Rule("FRG-10", "Two ends of one datagram", TWO_TAILS, ("T1571",)),
        Rule("FRG-11", "Data behind the end", PAST_END, ("T1571",)),
        Rule("FRG-14", "Beginning and far end only", ROSE, ("T1499.001",)),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._tiny_below = int(context.number("tiny_below"))

    def checks(self, batch: TrainBatch) -> Iterable[Check]:
        if has(batch, "tiny").any():
            fragments = batch.fragments
            length = fragments["length"]
            tiny = totals(batch, fragments["more"] & (length > 0) & (length < self._tiny_below))
            yield "FRG-08", "", tiny > 1, self._tiny
            yield "FRG-08", "lone", tiny == 1, self._tiny
        yield "FRG-09", "", has(batch, "zero_length"), _zero_length
        yield "FRG-10", "", has(batch, "two_tails"), _two_tails
        yield "FRG-11", "", has(batch, "past_end"), _past_end
        yield "FRG-14", "", has(batch, "rose") & ~batch.trains["at_end"], _rose

    def _tiny(self, train: Train) -> Hit:
        small = [each for each in train.fragments if each.more and 0 < each.length < self._tiny_below]
        least = min(each.length for each in small)
        lone = len(small) == 1
        summary = (
            f"{len(small)} of {train.count:,} fragments hold fewer than {self._tiny_below} bytes and are not the last "
            f"(the smallest {least}); links carry hundreds at least."
        )
        if train.version == 4 and least < SMALLEST_MTU_DATA:
            summary += f" No link of IPv4 cuts below {SMALLEST_MTU_DATA} (RFC 791, section 3.2)."
        return Hit(
            "FRG-08", TINY, "tiny fragments that are not the last", "Tiny fragments", summary,
            tuple(
                place(
                    train, each, f"bytes {span(each)} of the datagram, more to follow",
                    f"at least {self._tiny_below} bytes" if index == 0 else "",
                )
                for index, each in enumerate(small[:SHOWN])
            ),
            (_HIDES,), (score.times(0.5, "one alone: a path of several MTUs can leave one"),) if lone else (),
            variant="lone" if lone else "",
        )  # fmt: skip


def _zero_length(train: Train) -> Hit:
    empty = [each for each in train.fragments if not each.length][:SHOWN]
    return Hit(
        "FRG-09", ZERO_LENGTH, "a fragment without data", "Fragment without data",
        "A fragment carries no byte of the datagram; no sender cuts so, and receivers have stumbled over it.",
        tuple(place(train, each, f"no data at byte {each.offset}", "at least one byte of data") for each in empty),
        (Mapping("T1499.004", "related", "fragments without data have made receivers loop or crash"),),
    )  # fmt: skip


def _tails(train: Train) -> list[Fragment]:
    """One last fragment for each end that is said, in order of arrival."""
    return list({end(each): each for each in reversed(train.fragments) if not each.more}.values())[::-1]


def _two_tails(train: Train) -> Hit:
    tails = _tails(train)
    ends = " and ".join(f"{end(each):,}" for each in tails[:SHOWN])
    return Hit(
        "FRG-10", TWO_TAILS, "last fragments that disagree", "Two ends of one datagram",
        f"Last fragments end the datagram at {ends} bytes; a datagram has one length.",
        tuple(
            place(train, each, f"a last fragment, bytes {span(each)}", "one end" if index == 0 else "")
            for index, each in enumerate(tails[:SHOWN])
        ),
        (_MUDDLES,),
    )  # fmt: skip


def _past_end(train: Train) -> Hit:
    total = train.total or 0
    behind = [each for each in train.fragments if end(each) > total]
    tail = next((each for each in train.fragments if not each.more), None)
    rows = [
        place(train, each, f"bytes {span(each)} of the datagram", f"no data behind byte {total - 1}")
        for each in behind[: SHOWN - 1]
    ]
    if tail is not None:
        rows.append(place(train, tail, f"the last fragment, bytes {span(tail)}"))
    return Hit(
        "FRG-11", PAST_END, "data behind the declared end", "Data behind the end of a datagram",
        f"The last fragment ends the datagram at {total:,} bytes, and other fragments go on behind it.", tuple(rows),
        (_MUDDLES,),
    )  # fmt: skip


def _rose(train: Train) -> Hit:
    first, last = (max((each for each in train.fragments if each.more is more), key=end) for more in (True, False))
    return Hit(
        "FRG-14", ROSE, "the two ends of a datagram and nothing between (Rose)", "Beginning and far end only",
        f"Bytes {end(first):,} to {last.offset - 1:,} never came: the receiver holds room for a datagram of "
        f"{end(last):,} bytes until it gives up.",
        (
            place(train, first, f"the beginning, bytes {span(first)}", "all that is between, within the timeout"),
            place(train, last, f"the last fragment, bytes {span(last)}"),
        ),
        (Mapping("T1499.001", "related", "long datagrams that stay open fill the reassembly buffer"),),
    )  # fmt: skip
