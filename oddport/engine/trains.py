"""What is known of a fragment train: its fragments in order of arrival, its state, and what is odd about it."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Fragment:
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
    """In the datagram."""
    old: bytes
    new: bytes
    old_fragment: int
    """Index in Train.fragments."""
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


ANOMALIES = (
    "overlap", "conflicting_overlap", "duplicate", "tiny_first", "tiny", "misaligned", "past_end", "past_65535", "two_tails",
    "missing_first", "missing_last", "rose", "zero_length", "ttl_mixed", "protocol_mixed", "flags_nonsense", "udp_length", "atomic",
    "nested_header", "no_upper_header", "id_reuse", "after_complete",
)  # fmt: skip
"""The words of the `fragment_train` record."""
