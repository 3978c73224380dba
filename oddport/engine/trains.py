"""What is known of a fragment train: its fragments in order of arrival, its state, and what is odd about it."""

from dataclasses import dataclass, field
from typing import NamedTuple

FRAGMENTS_KEPT = 512
"""Fragments of a train that are listed; a benign one of 65,535 bytes has about 50 at Ethernet's MTU."""
CONFLICTS_KEPT = 16
"""Conflicts of a train that are listed."""
CONFLICT_BYTES = 64
"""Bytes of a conflict that are kept, from the first that differs."""


class Fragment(NamedTuple):
    """One fragment as it arrived."""

    number: int
    """1-based packet number in its file."""
    file: int
    packet: int
    """0-based number of the packet in the case."""
    ts: int
    """ns"""
    frame_offset: int
    """Of the fragment's data in the captured frame."""
    offset: int
    """Of its data in the datagram, bytes."""
    length: int
    """Bytes of data on the wire."""
    captured: int
    more: bool
    ttl: int
    proto: int
    flags: int
    """IPv4: the three flag bits (reserved, DF, MF) as 4, 2, 1. IPv6: the reserved byte and bits, non-zero if odd."""
    header_length: int
    """Of the IP header (IPv4) or of the unfragmentable part (IPv6), bytes."""


@dataclass(slots=True)
class Conflict:
    """Bytes of a later fragment that differ from those already there."""

    offset: int
    """In the datagram, of the first byte that differs."""
    old: bytes
    new: bytes
    old_fragment: int
    """Index in Train.fragments, -1 where that one is not listed."""
    new_fragment: int


@dataclass(slots=True)
class Train:
    """All fragments with the same addresses, id, VLAN and interface within the timeout."""

    id: int
    version: int
    src: bytes
    """16 bytes, as in the flow columns."""
    dst: bytes
    proto: int
    """Of the first fragment if it was seen, else of the earliest one."""
    ip_id: int
    context: int
    interface: int
    first_ns: int
    last_ns: int
    fragments: list[Fragment] = field(default_factory=list)
    """At most FRAGMENTS_KEPT; `count` counts on."""
    count: int = 0
    complete: bool = False
    """All bytes up to `total` were on the wire; a snap length may have cut some off, then `datagram` ends there."""
    datagram: bytes = b""
    """The reassembled data (earlier bytes win), up to the first hole, bounded."""
    total: int | None = None
    """Bytes of the whole datagram, once a last fragment said so."""
    holes: list[tuple[int, int]] = field(default_factory=list)
    """(first, last) missing bytes at the end of its life; the last of them is -1 where the end is unknown (RFC 815)."""
    conflicts: list[Conflict] = field(default_factory=list)
    """Bounded; `anomalies` tells when there are any."""
    anomalies: set[str] = field(default_factory=set)
    """Words of ANOMALIES."""
    sport: int | None = None
    """Ports by the first fragment, None where it was not seen or holds less."""
    dport: int | None = None
    flow: int = 0
    at_start: bool = False
    """Its first arrival lies within the timeout of the start of the capture: earlier fragments may be missing."""
    at_end: bool = False
    """The capture ended before its timeout."""
    evicted: bool = False
    """Given up before its timeout for want of memory: what is missing may be our doing, so nothing is said about it."""


ANOMALIES = (
    "overlap",  # a range that lies partly on bytes already there, and they are the same
    "conflicting_overlap",  # some byte differs from the one already there, also when the range is the same
    "duplicate",  # the same range and bytes once more, before the datagram was complete
    "tiny_first",  # the first ends with the transport header or within it (RFC 1858), or TCP at offset 8 (RFC 3128)
    "tiny",  # a fragment that is not the last has fewer than 256 bytes
    "misaligned",  # more fragments follow, but the length is no multiple of 8
    "past_end",  # bytes behind the end that a last fragment gave
    "past_65535",  # headers and data beyond what an IP packet can hold; such a fragment's bytes are left out
    "two_tails",  # last fragments with different ends
    "missing_first",  # over and not complete: nothing came for offset 0
    "missing_last",  # over and not complete: no last fragment
    "rose",  # over and not complete: only the beginning and a last fragment at least 8 kB behind it
    "zero_length",
    "ttl_mixed",  # TTLs differ by 3 or more
    "protocol_mixed",  # protocol numbers differ; IPv4 bytes of another protocol than the earliest are left out
    "flags_nonsense",  # reserved bits set, or "don't fragment" on a fragment
    "udp_length",  # the UDP header's length is not that of the datagram
    "atomic",  # IPv6 fragment header on a whole packet (RFC 6946)
    "nested_header",  # IPv6 fragment header within the fragments, or behind another one
    "no_upper_header",  # IPv6: the first fragment does not hold all headers up to the transport's (RFC 7112)
    "id_reuse",  # the same key with other data within the timeout after a datagram was complete
    "after_complete",  # fragments of a complete datagram came again and bring nothing new
)
"""The words of the `fragment_train` record."""
