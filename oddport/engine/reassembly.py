"""One datagram: turns its fragments, as they arrive, into its bytes and into what is odd about them.

Earlier bytes win. Holes are the gaps between runs of bytes (the idea of RFC 815); nothing is laid out by offset, so a
fragment costs its own bytes wherever it claims to lie.
"""

from bisect import bisect_left, bisect_right

import cython

from oddport.engine.trains import CONFLICT_BYTES, CONFLICTS_KEPT, FRAGMENTS_KEPT, Conflict, Fragment, Train

Raw = tuple[int, ...]
"""The fields of a Fragment; the objects are made when the train is over."""

IP_MAX = 65_535
"""Bytes of an IPv4 packet (RFC 791, section 3.1) or of an IPv6 payload (RFC 8200, section 3)."""
TINY = 256
"""Bytes of data below which a fragment that is not the last is called tiny: no link in use has so small an MTU."""
TTL_SPREAD = 3
"""A changed path makes a difference of one or two."""
ROSE_GAP = 8_192
"""Bytes between the beginning and the far last fragment (the attack on CVE-2018-5391 leaves nearly 64 kB)."""
IPV6_HEADER = 40

TCP, UDP, ICMP6, SCTP, UDPLITE = 6, 17, 58, 132, 136
FRAGMENT_HEADER, AUTHENTICATION = 44, 51
EXTENSIONS = frozenset((0, 43, 44, 51, 60, 135, 139, 140))
"""IPv6 extension headers (IANA) that have a length to go on by."""
HEADER_SIZE = {TCP: 20, UDP: 8, ICMP6: 4, SCTP: 12, UDPLITE: 8}
"""The least bytes of transport headers."""
PORTS = frozenset((TCP, UDP, SCTP, UDPLITE))
"""Transports that begin with two ports."""


def upper_header(proto: int, version: int, data: bytes) -> tuple[int, int, bool]:
    """Protocol and offset of the transport header in `data`, which begins with a header of type `proto`.

    The third value tells whether a fragment header is on the way; the walk ends at it unless it is an atomic one. Where
    `data` ends before the transport header, the offset lies at or behind its end.
    """
    at = 0
    nested = False
    while proto in EXTENSIONS if version == 6 else proto == AUTHENTICATION:
        if proto == FRAGMENT_HEADER:
            nested = True
            if at + 4 <= len(data) and ((data[at + 2] << 8) | data[at + 3]) & 0xFFF9:
                break
        if at + 8 > len(data):
            return proto, len(data), nested
        if proto == AUTHENTICATION:
            size = (data[at + 1] + 2) * 4
        elif proto == FRAGMENT_HEADER:
            size = 8
        else:
            size = (data[at + 1] + 1) * 8
        proto = data[at]
        at += size
    return proto, at, nested


def takes_part(version: int, earliest: int, proto: int, header_length: int, stop: int) -> bool:
    """Whether a fragment belongs to the datagram: none ends behind IP_MAX, and in IPv4 (RFC 791) all have the protocol
    of the `earliest` one. stop: first byte behind it, in the datagram."""
    outside = header_length - (IPV6_HEADER if version == 6 else 0)
    return outside + stop <= IP_MAX and (version == 6 or proto == earliest)


def _first_difference(old: bytes, new: bytes) -> int:
    """Index of the first byte that differs, as far as both reach, else -1."""
    both = min(len(old), len(new))
    if old[:both] == new[:both]:
        return -1
    for i in range(both):
        if old[i] != new[i]:
            return i
    return -1


class Assembly:
    """The fragments of one train that are put together."""

    def __init__(self, train: Train) -> None:
        self.train = train
        self.count = 0
        """Fragments."""
        self.proto = -1
        """Protocol number of the earliest fragment; IPv6: of the first one, once it is there."""
        self.complete = False
        self.filled = 0
        """Bytes in the runs."""
        self.anomalies = train.anomalies
        self.listed: list[Raw] = []
        """What becomes Train.fragments."""
        self.starts: list[int] = []
        self.stops: list[int] = []
        self.pieces: list[bytes] = []
        """Shorter than their range where the capture cut them."""
        self.cut = False
        """Whether there is such a piece."""
        self.owners: list[int] = []
        """Index in Train.fragments that a run of bytes came with, -1 = not listed."""
        self.ranges: set[int] = set()
        """Offset and length of every fragment, in one number."""
        self.aside = 0
        """Bytes in Train.differing."""
        self.behind = 0
        """Bytes in the runs behind the end."""
        self.top = 0
        """The highest offset reached."""
        self.end = -1
        """Of the datagram, -1 = not known."""
        self.first_seen = False
        self.lone = True
        """Only fragments at offset 0 and last ones so far."""
        self.ttl_low = 255
        self.ttl_high = 0
        self.last_ns = train.last_ns

    def note(self, raw: Raw) -> cython.Py_ssize_t:
        """Take a fragment's header into account; gives its index in Train.fragments, -1 if it is not listed."""
        ts: cython.longlong
        ttl: cython.int
        proto: cython.int
        flags: cython.int
        _, _, _, ts, _, _, _, _, _, ttl, proto, flags, _ = raw
        self.count += 1
        if ts > self.last_ns:
            self.last_ns = ts
        if ttl < self.ttl_low:
            self.ttl_low = ttl
        if ttl > self.ttl_high:
            self.ttl_high = ttl
        if self.ttl_high - self.ttl_low >= TTL_SPREAD:
            self.anomalies.add("ttl_mixed")
        if flags & 6 or (flags and self.train.version == 6):
            self.anomalies.add("flags_nonsense")
        if self.proto < 0:
            self.proto = proto
        elif proto != self.proto:
            self.anomalies.add("protocol_mixed")
        if self.count > FRAGMENTS_KEPT:
            return -1
        self.listed.append(raw)
        return self.count - 1

    def add(self, raw: Raw, data: bytes) -> cython.bint:
        """Take one more fragment of an open datagram; gives whether the datagram is complete now."""
        offset: cython.Py_ssize_t
        length: cython.Py_ssize_t
        stop: cython.Py_ssize_t
        outside: cython.Py_ssize_t
        more: cython.bint
        proto: cython.int
        six: cython.bint = self.train.version == 6
        index: cython.Py_ssize_t = self.note(raw)
        _, _, _, _, _, offset, length, _, more, _, proto, _, outside = raw
        stop = offset + length
        if length == 0:
            self.anomalies.add("zero_length")
        if more:
            if length % 8:
                self.anomalies.add("misaligned")
            if length < TINY:
                self.anomalies.add("tiny")
            if offset:
                self.lone = False
        if six:
            outside -= IPV6_HEADER
        if outside + stop > IP_MAX:
            self.anomalies.add("past_65535")
            return False
        if not six and proto != self.proto:
            return False  # another datagram by RFC 791, which has the protocol in the key
        if offset == 0 and not self.first_seen:
            self.first_seen = True
            self.read_first(raw, data)
        elif offset == 8 and proto == TCP:
            self.anomalies.add("tiny_first")
        if not more:
            if self.end < 0:
                self.end = stop
                self.train.total = stop
                if self.top > stop:
                    self.anomalies.add("past_end")
                    for i in range(len(self.starts)):
                        if self.stops[i] > stop:
                            self.behind += self.stops[i] - max(self.starts[i], stop)
            elif self.end != stop:
                self.anomalies.add("two_tails")
        if self.end >= 0 and stop > self.end:
            self.anomalies.add("past_end")
        if stop > self.top:
            self.top = stop
        self.place(offset, stop, data, index)
        return self.filled - self.behind == self.end

    def brings_nothing(self, raw: Raw, data: bytes) -> cython.bint:
        """Whether a fragment that comes after completion repeats what is there; if so it is taken note of."""
        _, _, _, _, _, offset, length, _, more, _, proto, _, _ = raw
        stop = offset + length
        known = (offset << 20 | length) in self.ranges
        if proto != self.proto or (not more and stop != self.end and not known):
            return False
        covered, conflict = self.compare(offset, stop, data)
        if covered != length or conflict is not None:
            return False
        self.note(raw)
        self.anomalies.add("after_complete")
        return True

    def finish(self) -> bytes:
        """The bytes of a datagram that has just become complete, up to the first that was not captured."""
        train = self.train
        self.complete = train.complete = True
        data = self.joined()
        proto, at, _ = upper_header(self.proto, train.version, data)
        if proto == UDP and at + 8 <= len(data) and train.total is not None:
            said = (data[at + 4] << 8) | data[at + 5]
            # 0 is a jumbogram's (RFC 2675, section 4), which IPv4 has not
            if said != train.total - at and (said or train.version == 4):
                self.anomalies.add("udp_length")
        if len(data) == train.total and not self.behind:
            # what came piece by piece is kept as one, to compare repetitions with
            self.starts, self.stops, self.pieces, self.owners = [0], [len(data)], [data], [-1]
        return data

    def ports_at(self, datagram: bytes) -> int:
        """Offset of the ports in the datagram, -1 where they were not captured."""
        _, at, _ = upper_header(self.proto, self.train.version, datagram)
        return at if at + 4 <= len(datagram) else -1

    def close(self) -> Train:
        """What is known of the train now that it is over."""
        train = self.train
        train.count = self.count
        train.last_ns = self.last_ns
        train.fragments = [tuple.__new__(Fragment, raw) for raw in self.listed]  # half the time of _make
        train.datagram = self.joined()
        if train.complete:
            return train
        train.holes = self.holes()
        if not train.evicted:
            if not self.first_seen:
                self.anomalies.add("missing_first")
            if self.end < 0:
                self.anomalies.add("missing_last")
            if self.lone and self.first_seen and self.end >= 0 and self.gap() >= ROSE_GAP:
                self.anomalies.add("rose")
        return train

    def joined(self) -> bytes:
        """Bytes from offset 0 to the first hole, cut or end."""
        if self.filled == self.end and not self.behind and not self.cut:
            return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        parts: list[bytes] = []
        cursor = 0
        limit = self.end if self.end >= 0 else IP_MAX
        for start, stop, piece in zip(self.starts, self.stops, self.pieces, strict=True):
            if start != cursor or start >= limit:
                break
            parts.append(piece[: limit - start])
            if len(piece) < stop - start:
                break
            cursor = stop
        return b"".join(parts)

    def holes(self) -> list[tuple[int, int]]:
        """(first, last) missing bytes; the last of them is -1 where the end is unknown."""
        holes: list[tuple[int, int]] = []
        cursor = 0
        for start, stop in zip(self.starts, self.stops, strict=True):
            if self.end >= 0 and start >= self.end:
                break
            if start > cursor:
                holes.append((cursor, start - 1))
            cursor = stop
        if self.end < 0:
            holes.append((cursor, -1))
        elif cursor < self.end:
            holes.append((cursor, self.end - 1))
        return holes

    def gap(self) -> int:
        """Bytes of the greatest hole before the end."""
        greatest = 0
        for first, last in self.holes():
            greatest = max(greatest, last - first + 1)
        return greatest

    def read_first(self, raw: Raw, data: bytes) -> None:
        """Ports, and whether the headers are all there, by the fragment at offset 0."""
        train = self.train
        _, _, _, _, _, _, length, captured, more, _, self.proto, _, _ = (
            raw  # RFC 8200, section 4.5: the first fragment's value is the one used
        )
        proto, at, nested = upper_header(self.proto, train.version, data)
        train.proto = proto
        if nested:
            self.anomalies.add("nested_header")
        if proto in PORTS and at + 4 <= len(data):
            train.sport = (data[at] << 8) | data[at + 1]
            train.dport = (data[at + 2] << 8) | data[at + 3]
        size = HEADER_SIZE.get(proto, 0)
        uncut = captured >= length
        if train.version == 6 and uncut and (at + size > length or (proto in EXTENSIONS and not nested)):
            self.anomalies.add("no_upper_header")
        if proto == TCP and at + 13 <= len(data):
            size = max(size, (data[at + 12] >> 4) * 4)
        if more and proto in PORTS and at + size >= length:
            self.anomalies.add("tiny_first")

    def compare(
        self, start: cython.Py_ssize_t, stop: cython.Py_ssize_t, data: bytes
    ) -> tuple[int, tuple[int, bytes, bytes, int] | None]:
        """How many bytes of [start, stop) are there already, and where they first differ from `data`: (offset in the
        datagram, old bytes, new bytes, owner of the old)."""
        covered: cython.Py_ssize_t = 0
        conflict = None
        i: cython.Py_ssize_t = bisect_right(self.starts, start) - 1
        low: cython.Py_ssize_t
        high: cython.Py_ssize_t
        if i < 0 or self.stops[i] <= start:
            i += 1
        while i < len(self.starts) and self.starts[i] < stop:
            low = max(start, self.starts[i])
            high = min(stop, self.stops[i])
            covered += high - low
            if conflict is None:
                old = self.pieces[i][low - self.starts[i] : high - self.starts[i]]
                new = data[low - start : high - start]
                first = _first_difference(old, new)
                if first >= 0:
                    reach = min(len(old), len(new), first + CONFLICT_BYTES)
                    conflict = (low + first, old[first:reach], new[first:reach], self.owners[i])
            i += 1
        return covered, conflict

    def place(self, start: cython.Py_ssize_t, stop: cython.Py_ssize_t, data: bytes, index: cython.Py_ssize_t) -> None:
        """Put the bytes that are new into their places and say how the others lie to those already there."""
        train = self.train
        starts = self.starts
        stops = self.stops
        cursor: cython.Py_ssize_t = start
        reach: cython.Py_ssize_t
        i: cython.Py_ssize_t
        span = start << 20 | (stop - start)
        known: cython.bint = span in self.ranges
        self.ranges.add(span)
        if start == stop:
            return
        if len(data) < stop - start:
            self.cut = True
        if not starts or start >= stops[len(stops) - 1]:
            starts.append(start)
            stops.append(stop)
            self.pieces.append(data)
            self.owners.append(index)
            self.fill(start, stop)
            return
        covered, conflict = self.compare(start, stop, data)
        if conflict is not None:
            self.anomalies.add("conflicting_overlap")
            if index >= 0:
                train.differing[index] = data
                self.aside += len(data)
            if len(train.conflicts) < CONFLICTS_KEPT:
                offset, old, new, owner = conflict
                train.conflicts.append(Conflict(offset, old, new, owner, index))
        elif known:
            self.anomalies.add("duplicate")
        elif covered:
            self.anomalies.add("overlap")
        while cursor < stop and covered < stop - start:
            i = bisect_left(starts, cursor)
            if i and stops[i - 1] > cursor:
                cursor = stops[i - 1]
                continue
            reach = min(stop, starts[i]) if i < len(starts) else stop
            if reach > cursor:
                starts.insert(i, cursor)
                stops.insert(i, reach)
                self.pieces.insert(i, data[cursor - start : reach - start])
                self.owners.insert(i, index)
                self.fill(cursor, reach)
                cursor = reach
            else:
                cursor = stops[i]

    def fill(self, start: cython.Py_ssize_t, stop: cython.Py_ssize_t) -> cython.int:
        self.filled += stop - start
        if self.end >= 0 and stop > self.end:
            self.behind += stop - max(start, self.end)
        return 0
