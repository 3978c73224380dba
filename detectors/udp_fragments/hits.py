"""One fragment train → what the rules that need no other train say of it."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from detectors.udp_fragments import geometry
from oddport.detection import reassembly
from oddport.detection.model import Evidence, Mapping
from oddport.detection.trains import MUDDLE, SHOWN, Hit, conflict_rows, end, place, span
from oddport.detection.words import listed
from oddport.engine.trains import Fragment, Train, anomaly_mask

CONFLICT, OVERLAP, DUPLICATE, TEARDROP, BONK, TOO_LONG, TINY = 80, 40, 10, 85, 75, 85, 75
"""Bases of FRG-01 to FRG-07."""
TINY_WHOLE = 45
"""FRG-07 where the header is whole and only the payload is kept from a filter: as a small fragment anywhere."""
MANY_DUPLICATES = 10
DUPLICATE_SHARE = 0.2

_MEETING = frozenset({"overlap", "conflicting_overlap", "past_end", "two_tails"})
"""Without any of these, no fragment lies within another one."""
_TOLD = anomaly_mask([*_MEETING, "duplicate", "misaligned", "past_65535", "tiny_first"])
_TINY_FIRST = anomaly_mask(["tiny_first"])
_IPV6 = " IPv6 forbids any overlap (RFC 5722)."


Made = tuple[str, Callable[[], Hit]]
"""A rule that holds, and what makes its hit: evidence and words are made only where they are wanted."""


def suspicious(trains: NDArray[np.void]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The rows (dtype TRAIN) that may meet a rule, and for each of them whether it meets FRG-07 and no other one."""
    odd = trains["anomalies"] & _TOLD
    far = np.isin(trains["dport"], list(geometry.DOMAIN_PORTS)) & (~trains["complete"] | (trains["anomalies"] != 0))
    rows = np.flatnonzero(((odd != 0) | far) & (trains["listed"] > 0))
    return rows, (odd[rows] == _TINY_FIRST) & ~far[rows]


def holding(train: Train) -> list[Made]:
    """The rules FRG-01 to FRG-07 that a suspicious train meets, each at most once; what they go by is in _TOLD."""
    words = train.anomalies
    found: list[Made] = []
    dropped = geometry.teardrop(train) if words & _MEETING else None
    if dropped is not None:
        found.append(("FRG-04", partial(_teardrop, train, *dropped)))
    if "conflicting_overlap" in words:
        found.append(("FRG-01", partial(_conflict, train)))
    elif "overlap" in words and dropped is None and train.version == 4:
        found.append(("FRG-02", partial(_overlap, train)))
    if "duplicate" in words:
        again = geometry.duplicates(train)
        if again and (len(again) >= MANY_DUPLICATES or len(again) >= DUPLICATE_SHARE * len(train.fragments)):
            found.append(("FRG-03", partial(_duplicates, train, again)))
    odd = geometry.misaligned(train) if "misaligned" in words else None
    odd = odd or geometry.beyond(train)
    if odd is not None:
        found.append(("FRG-05", partial(_bonk, train, odd)))
    if "past_65535" in words:
        found.append(("FRG-06", partial(_too_long, train)))
    if "tiny_first" in words:
        found.append(("FRG-07", partial(_tiny, train)))
    return found


def _conflict(train: Train) -> Hit:
    reason = MUDDLE
    summary = "Two fragments give different bytes for the same place of one datagram."
    seen = reassembly.ports_by_policy(train)
    if len(seen) > 1:
        choices = [f"port {pair[1]} ({listed(policies, 6)})" for pair, policies in seen.items()]
        summary += f" Who reads it decides its destination: {listed(choices, 4)}."
        reason = "the port that a filter sees and the port that a host sees differ with the way of reassembly"
    if train.version == 6:
        summary += _IPV6
    return Hit(
        "FRG-01", CONFLICT, "fragments overlap with different bytes", "Overlap with different bytes", summary,
        conflict_rows(train), (Mapping("T1571", "related", reason),),
    )  # fmt: skip


def _overlap(train: Train) -> Hit:
    pair = geometry.overlapping(train)
    rows: tuple[Evidence, ...] = ()
    if pair is not None:
        one, other = pair
        rows = (
            place(train, one, f"bytes {span(one)} of the datagram", "fragments that do not overlap"),
            place(train, other, f"bytes {span(other)}, partly the same"),
        )
    summary = "Fragments repeat a part of each other with the same bytes; no sender cuts a datagram so."
    return Hit(
        "FRG-02", OVERLAP, "fragments overlap in part, with the same bytes", "Overlap with the same bytes",
        summary + (_IPV6 if train.version == 6 else ""), rows, (Mapping("T1571", "related", MUDDLE),),
    )  # fmt: skip


def _duplicates(train: Train, again: list[Fragment]) -> Hit:
    rows = tuple(place(train, each, f"bytes {span(each)}, the same once more") for each in again[:SHOWN])
    return Hit(
        "FRG-03", DUPLICATE, "whole fragments came twice", "Duplicate fragments",
        f"{len(again)} of {len(train.fragments)} fragments repeat an earlier one exactly, as a mirrored port or a "
        "retransmitting link does.", rows, placed=False,
    )  # fmt: skip


def _teardrop(train: Train, other: Fragment, last: Fragment) -> Hit:
    expected = f"a last fragment that ends behind byte {end(other) - 1}"
    return Hit(
        "FRG-04", TEARDROP, "the last fragment lies within another one (Teardrop)", "Last fragment within another one",
        f"The last fragment (bytes {span(last)}) ends inside another one ({span(other)}): "
        "the length left over is negative, which crashed IP stacks.",
        (
            place(train, last, f"last fragment, bytes {span(last)}", expected),
            place(train, other, f"the other fragment, bytes {span(other)}"),
        ),
        (
            Mapping("T1499.004", "direct", "the shape of Teardrop, a packet made to crash its receiver"),
            Mapping("T1571", "related", MUDDLE),
        ),
    )  # fmt: skip


def _bonk(train: Train, odd: Fragment) -> Hit:
    if odd.more and odd.length % 8:
        says = f"{odd.length} bytes and more to follow"
        expected = "a multiple of 8 bytes (RFC 791, section 3.2)"
        summary = f"A fragment of {odd.length} bytes is followed by more; the next one cannot begin at its end."
    else:
        says = f"bytes {span(odd)} of the datagram"
        expected = f"no data behind byte {train.total - 1}" if train.total else "no gap before the last fragment"
        summary = f"A fragment lies far outside the datagram (bytes {span(odd)}), as Bonk and Boink make it."
    return Hit(
        "FRG-05", BONK, "a fragment that fits no datagram (Bonk, Jolt)", "Fragment that fits no datagram", summary,
        (place(train, odd, says, expected),),
        (Mapping("T1499.004", "related", "the shape of Bonk and Jolt; a broken stack can make it too"),),
    )  # fmt: skip


def _too_long(train: Train) -> Hit:
    longest = geometry.longest(train)
    total = end(longest) + longest.header_length
    return Hit(
        "FRG-06", TOO_LONG, "a datagram beyond 65,535 bytes (ping of death)", "Datagram beyond 65,535 bytes",
        f"Header and fragments come to {total:,} bytes; an IP packet holds 65,535 at most (RFC 791, section 3.1).",
        (place(train, longest, f"bytes {span(longest)} of the datagram", "no end past 65,535 bytes"),),
        (Mapping("T1499.004", "direct", "the shape of the ping of death, a packet made to crash its receiver"),),
    )  # fmt: skip


def _tiny(train: Train) -> Hit:
    head = geometry.first(train)
    hidden = head is None or geometry.header_hidden(train, head)
    rows: tuple[Evidence, ...] = ()
    if head is not None:
        says = f"first fragment, {head.length} bytes at offset {head.offset}"
        rows = (place(train, head, says, "a first fragment with the transport header and data"),)
    source = "RFC 7112" if train.version == 6 else "RFC 1858"
    base, reason = (TINY, "the first fragment hides the transport header") if hidden else (
        TINY_WHOLE, "the first fragment holds nothing but the transport header",
    )  # fmt: skip
    return Hit(
        "FRG-07", base, reason, "Tiny first fragment",
        "The first fragment is cut so short that a filter which reads it alone "
        + (f"cannot see the whole transport header ({source})." if hidden else "sees ports but no payload."),
        rows,
        (Mapping("T1571", "related", "keeps ports or payload out of the fragment that filters look at"),),
    )  # fmt: skip
