"""The ranges of a train's fragments → the shapes that the rules look for."""

from oddport.detection.trains import end
from oddport.engine.columns import TCP, UDP
from oddport.engine.trains import Fragment, Train

UDP_HEADER = 8
"""RFC 768"""
TCP_HEADER = 20
"""Without options, RFC 9293, section 3.1."""
FAR = 8_192
"""Bytes between the data that came and a last fragment that make it a far one (Rose, Bonk)."""
DOMAIN_PORTS = frozenset({53, 55})
"""Where the tools named Bonk and Boink sent their last fragments."""


def by_place(train: Train) -> list[Fragment]:
    """By offset, the longer one first."""
    return sorted(train.fragments, key=lambda fragment: (fragment.offset, -fragment.length))


def teardrop(train: Train) -> tuple[Fragment, Fragment] | None:
    """(other, last) where a last fragment lies within another one and ends before it."""
    longest_yet: Fragment | None = None
    for fragment in by_place(train):
        if longest_yet is not None and not fragment.more and fragment.offset and end(fragment) < end(longest_yet):
            return longest_yet, fragment
        if longest_yet is None or end(fragment) > end(longest_yet):
            longest_yet = fragment
    return None


def overlapping(train: Train) -> tuple[Fragment, Fragment] | None:
    """Two fragments, by place, that share bytes without being the same range."""
    longest_yet: Fragment | None = None
    for fragment in by_place(train):
        if longest_yet is not None and fragment.length and fragment.offset < end(longest_yet):
            same = (fragment.offset, fragment.length) == (longest_yet.offset, longest_yet.length)
            if not same:
                return longest_yet, fragment
        if longest_yet is None or end(fragment) > end(longest_yet):
            longest_yet = fragment
    return None


def beyond(train: Train) -> Fragment | None:
    """A fragment that begins behind the end which a last fragment declared, or a last one to port 53 or 55 that
    begins FAR behind all other data."""
    tail = next((fragment for fragment in train.fragments if not fragment.more), None)
    if tail is not None and "past_end" in train.anomalies:
        behind = next((fragment for fragment in train.fragments if fragment.offset > end(tail)), None)
        if behind is not None:
            return behind
    if train.dport not in DOMAIN_PORTS or len(train.fragments) < 2:
        return None
    *_, second, last = sorted(train.fragments, key=end)
    return last if not last.more and last.offset >= end(second) + FAR else None


def misaligned(train: Train) -> Fragment | None:
    """A fragment that is followed by more and whose length is no multiple of 8 (RFC 791, section 3.2)."""
    return next((fragment for fragment in train.fragments if fragment.more and fragment.length % 8), None)


def longest(train: Train) -> Fragment:
    """The fragment that ends last."""
    return max(train.fragments, key=end)


def first(train: Train) -> Fragment | None:
    """The first fragment that came for offset 0; for TCP else the one at offset 8 (RFC 3128)."""
    for offset in (0, 8) if train.proto == TCP else (0,):
        for fragment in train.fragments:
            if fragment.offset == offset:
                return fragment
    return None


def header_hidden(train: Train, fragment: Fragment) -> bool:
    """Whether the first fragment does not hold the whole transport header, so that a filter cannot read it. Behind
    IPv6 extension headers it may be long and hold nothing of it."""
    if "no_upper_header" in train.anomalies:
        return True
    needed = {UDP: UDP_HEADER, TCP: TCP_HEADER}.get(train.proto, 0)
    return fragment.offset > 0 or fragment.length < needed


def duplicates(train: Train) -> list[Fragment]:
    """Fragments whose range came before."""
    seen: set[tuple[int, int, bool]] = set()
    found: list[Fragment] = []
    for fragment in train.fragments:
        key = (fragment.offset, fragment.length, fragment.more)
        if key in seen:
            found.append(fragment)
        seen.add(key)
    return found
