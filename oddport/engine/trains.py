"""What is known of fragment trains: their fragments in order of arrival, their state, and what is odd about them.

A batch of trains is columns; the object of one train is made for whoever wants it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    differing: dict[int, bytes] = field(default_factory=dict)
    """Index in `fragments` → captured data of a fragment that differs from what was there: with them, `datagram` tells
    what every fragment up to its end held."""


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


FRAGMENT: np.dtype[np.void] = np.dtype(
    [
        ("number", "<u4"), ("file", "<u2"), ("packet", "<u4"), ("ts", "<i8"), ("frame_offset", "<u4"),
        ("offset", "<u4"), ("length", "<u4"), ("captured", "<u4"), ("more", "?"), ("ttl", "u1"), ("proto", "u1"),
        ("flags", "u1"), ("header_length", "<u4"),
    ]
)  # fmt: skip
"""A Fragment as a row, field by field."""

TRAIN: np.dtype[np.void] = np.dtype(
    [
        ("id", "u4"),
        ("version", "u1"),
        ("proto", "u1"),
        ("src", "V16"),
        ("dst", "V16"),
        ("ip_id", "u4"),
        ("context", "u4"),
        ("interface", "u2"),
        ("first_ns", "i8"),
        ("last_ns", "i8"),
        ("count", "u4"),  # fragments that arrived
        ("listed", "u4"),  # of them in `fragments`
        ("first", "u4"),  # index in `fragments` of the first one listed
        ("complete", "?"),
        ("total", "i4"),  # -1 = not known
        ("reassembled", "u4"),  # bytes of the datagram that are there
        ("anomalies", "u4"),  # bit i is ANOMALIES[i]
        ("sport", "i4"),  # -1 = not known
        ("dport", "i4"),
        ("flow", "u4"),
        ("at_start", "?"),
        ("at_end", "?"),
        ("evicted", "?"),
    ]
)
"""A Train as a row, but for its fragments, holes, conflicts and bytes."""

_BITS = {word: 1 << bit for bit, word in enumerate(ANOMALIES)}


def anomaly_mask(words: Iterable[str]) -> int:
    """The bits of some words of ANOMALIES."""
    mask = 0
    for word in words:
        mask |= _BITS[word]
    return mask


def anomaly_words(mask: int) -> set[str]:
    """The words of ANOMALIES whose bits are set."""
    return {word for word, bit in _BITS.items() if mask & bit}


def train_rows(trains: Sequence[Train]) -> NDArray[np.void]:
    """Trains as rows of TRAIN; `first` is 0."""
    return np.array(
        [
            (
                train.id, train.version, train.proto, train.src, train.dst, train.ip_id, train.context,
                train.interface, train.first_ns, train.last_ns, train.count, len(train.fragments), 0, train.complete,
                -1 if train.total is None else train.total, len(train.datagram), anomaly_mask(train.anomalies),
                -1 if train.sport is None else train.sport, -1 if train.dport is None else train.dport, train.flow,
                train.at_start, train.at_end, train.evicted,
            )
            for train in trains
        ],
        TRAIN,
    )  # fmt: skip


class TrainBatch:
    """Trains that are over."""

    __slots__ = ("_buffers", "_places", "fragments", "special", "trains")

    def __init__(
        self,
        trains: NDArray[np.void],
        fragments: NDArray[np.void],
        special: Mapping[int, Train],
        buffers: Mapping[int, NDArray[np.uint8]],
        places: NDArray[np.int64],
    ) -> None:
        """places: for each train the key in `buffers` and the index of its datagram's first byte there; those of
        `special` have none."""
        self.trains = trains
        """dtype TRAIN."""
        self.fragments = fragments
        """dtype FRAGMENT: those of all trains, one train's behind the other's."""
        self.special = special
        """Row → a train that has more to it than its row says: holes, conflicts, or bytes that lie by themselves."""
        self._buffers = buffers
        self._places = places

    @classmethod
    def of(cls, trains: Sequence[Train]) -> "TrainBatch":
        """A batch of these trains."""
        rows = train_rows(trains)
        rows["first"] = np.cumsum(rows["listed"]) - rows["listed"]
        listed = [fragment for train in trains for fragment in train.fragments]
        return cls(rows, np.array(listed, FRAGMENT), dict(enumerate(trains)), {}, np.zeros((len(rows), 2), np.int64))

    def __len__(self) -> int:
        return len(self.trains)

    def __iter__(self) -> Iterator[Train]:
        return map(self.train, range(len(self.trains)))

    def listed(self, row: int) -> NDArray[np.void]:
        """The listed fragments of a train, as rows."""
        first, count = int(self.trains["first"][row]), int(self.trains["listed"][row])
        return self.fragments[first : first + count]

    def datagram(self, row: int) -> bytes:
        """The reassembled data of a train, up to the first hole."""
        if row in self.special:
            return self.special[row].datagram
        buffer, at = self._places[row].tolist()
        data: bytes = self._buffers[buffer][at : at + int(self.trains["reassembled"][row])].tobytes()
        return data

    def bytes_at(self, rows: NDArray[np.int64], offset: int) -> NDArray[np.uint8]:
        """For each of these trains a byte of its reassembled data, which has to be longer."""
        found = np.zeros(len(rows), np.uint8)
        for at in np.flatnonzero(np.isin(rows, list(self.special))).tolist():
            found[at] = self.special[int(rows[at])].datagram[offset]
        places = self._places[rows]
        for number, buffer in self._buffers.items():
            mine = np.flatnonzero((places[:, 0] == number) & ~np.isin(rows, list(self.special)))
            found[mine] = buffer[places[mine, 1] + offset]
        return found

    def sums(self, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
        """For each of these trains the sum of its reassembled data as 16-bit words (RFC 1071), not folded."""
        found = np.zeros(len(rows), np.uint64)
        apart = np.isin(rows, list(self.special))
        for at in np.flatnonzero(apart).tolist():
            data = self.datagram(int(rows[at]))
            found[at] = np.frombuffer(data + b"\0" * (len(data) % 2), ">u2").sum(dtype=np.uint64)
        places, lengths = self._places[rows], self.trains["reassembled"][rows].astype(np.int64)
        for number, buffer in self._buffers.items():
            for parity in (0, 1):
                mine = np.flatnonzero(~apart & (places[:, 0] == number) & (places[:, 1] % 2 == parity) & (lengths > 1))
                mine = mine[np.argsort(places[mine, 1])]
                begin, length = places[mine, 1], lengths[mine]
                high = _runs(buffer[parity::2], begin // 2, (length + 1) // 2)
                low = _runs(buffer[1 - parity :: 2], (begin + 1) // 2, length // 2)
                found[mine] = high * np.uint64(256) + low
        return found

    def train(self, row: int) -> Train:
        """All that is known of one train."""
        special = self.special.get(row)
        if special is not None:
            special.flow = int(self.trains["flow"][row])
            return special
        values: dict[str, Any] = dict(zip(TRAIN.names or (), self.trains[row].item(), strict=True))
        for name in ("total", "sport", "dport"):
            values[name] = None if values[name] < 0 else values[name]
        return Train(
            fragments=[Fragment(*each) for each in self.listed(row).tolist()],
            datagram=self.datagram(row),
            anomalies=anomaly_words(values.pop("anomalies")),
            **{name: value for name, value in values.items() if name not in ("first", "listed", "reassembled")},
        )


def _runs(values: NDArray[np.uint8], begin: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Sums of runs of values, which ascend and do not meet."""
    if not len(begin):
        return np.zeros(0, np.uint64)
    borders = np.column_stack((begin, begin + count)).ravel()
    inside = borders[:-1] if borders[-1] == len(values) else borders
    found: NDArray[np.uint64] = np.add.reduceat(values, inside, dtype=np.uint64)[::2]
    return found
