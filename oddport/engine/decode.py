"""Headers: turns the IP packets of a RecordBatch into Decoded rows.

`links` says where each frame's IP packet lies; the rest is here: IPv4 (RFC 791), IPv6 and its extension headers (RFC
8200), TCP, UDP and SCTP. The types of the compiled build stand in decode.pxd; every read is behind a check of the
packet's end.
"""

from dataclasses import fields

import cython
import numpy as np
from numpy.typing import NDArray

from oddport.engine.batch import Decoded, RecordBatch
from oddport.engine.links import Locator

CHUNK = 512
"""Rows between the two passes over them: their headers are still in the processor's cache for the second."""
MAX_EXTENSIONS = cython.declare(cython.int, 64)
"""Extension headers that are walked; RFC 8200 knows no limit, hosts keep to 8 (Linux, RFC 8504 section 5.3)."""

# as in batch.py; the compiler wants its own
UNREAD = cython.declare(cython.int, 0)
IP = cython.declare(cython.int, 1)
FRAGMENT = cython.declare(cython.int, 2)
ATOMIC = cython.declare(cython.int, 2)

# IANA protocol numbers
HOP_BY_HOP = cython.declare(cython.int, 0)
P_TCP = cython.declare(cython.int, 6)
P_IPV4 = cython.declare(cython.int, 4)
P_UDP = cython.declare(cython.int, 17)
P_IPV6 = cython.declare(cython.int, 41)
ROUTING = cython.declare(cython.int, 43)
FRAGMENT_HEADER = cython.declare(cython.int, 44)
P_GRE = cython.declare(cython.int, 47)
AUTHENTICATION = cython.declare(cython.int, 51)
DESTINATION = cython.declare(cython.int, 60)
P_L2TP = cython.declare(cython.int, 115)
P_SCTP = cython.declare(cython.int, 132)
MOBILITY = cython.declare(cython.int, 135)
P_UDPLITE = cython.declare(cython.int, 136)
HIP = cython.declare(cython.int, 139)
SHIM6 = cython.declare(cython.int, 140)

# as in carriers.py
IN_IPV4 = cython.declare(cython.int, 1)
IN_IPV6 = cython.declare(cython.int, 2)
GRE = cython.declare(cython.int, 3)
L2TP3 = cython.declare(cython.int, 4)
VXLAN = cython.declare(cython.int, 5)
GENEVE = cython.declare(cython.int, 6)
GTP = cython.declare(cython.int, 7)
TEREDO = cython.declare(cython.int, 8)
L2TP = cython.declare(cython.int, 9)
PORT_TEREDO = cython.declare(cython.int, 3544)
PORT_L2TP = cython.declare(cython.int, 1701)
IN_UDP = cython.declare(cython.int, 36)
"""Bytes of a UDP header, of the shortest tunnel header (8, or L2TP's 6 and the PPP protocol), and of an IPv4 header."""


def decode(batch: RecordBatch, out: Decoded) -> int:
    """Fill rows [:count] of `out`; gives how many of them are fragments (IPv6 atomic fragments included)."""
    count = batch.count
    at, stop, wire_stop = (np.zeros(count, np.int64) for _ in range(3))
    for column in fields(out):
        getattr(out, column.name)[:count] = 0
    locator = Locator(
        batch.data, batch.link, batch.start, batch.caplen, batch.wirelen, at, stop, wire_stop, out.context
    )
    reader = Reader(batch.data, at, stop, wire_stop, out)
    fragments = 0
    for first in range(0, count, CHUNK):
        last = min(first + CHUNK, count)
        locator.run(first, last)
        fragments += reader.run(first, last)
    return fragments


class Reader:
    """Reads the IP packets that a Locator has found."""

    def __init__(
        self,
        data: NDArray[np.uint8],
        at: NDArray[np.int64],
        stop: NDArray[np.int64],
        wire_stop: NDArray[np.int64],
        out: Decoded,
    ) -> None:
        """Columns `at`, `stop` and `wire_stop` as Locator gives them; the rows of `out` are zero but for `context`."""
        self.data = data.data
        self.at = at.data
        self.stop = stop.data
        self.wire_stop = wire_stop.data
        self.kind = out.kind.data
        self.version = out.version.data
        self.proto = out.proto.data
        self.src_hi = out.src_hi.data
        self.src_lo = out.src_lo.data
        self.dst_hi = out.dst_hi.data
        self.dst_lo = out.dst_lo.data
        self.sport = out.sport.data
        self.dport = out.dport.data
        self.context = out.context.data
        self.payload = out.payload.data
        self.payload_captured = out.payload_captured.data
        self.payload_wire = out.payload_wire.data
        self.seq = out.seq.data
        self.ack = out.ack.data
        self.flags = out.flags.data
        self.ip_header = out.ip_header.data
        self.fragment_id = out.fragment_id.data
        self.fragment_offset = out.fragment_offset.data
        self.fragment_more = out.fragment_more.data
        self.fragment_start = out.fragment_start.data
        self.fragment_captured = out.fragment_captured.data
        self.fragment_wire = out.fragment_wire.data
        self.ttl = out.ttl.data
        self.carrier = out.carrier.data

    def be16(self, o: cython.Py_ssize_t) -> cython.int:
        return (self.data[o] << 8) | self.data[o + 1]

    def be32(self, o: cython.Py_ssize_t) -> cython.longlong:
        high: cython.longlong = self.data[o]
        return (high << 24) | (self.data[o + 1] << 16) | (self.data[o + 2] << 8) | self.data[o + 3]

    def run(self, first: cython.Py_ssize_t, last: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Read rows [first, last); gives how many are fragments or atomic fragments."""
        i: cython.Py_ssize_t
        o: cython.Py_ssize_t
        kind: cython.int
        fragments: cython.Py_ssize_t = 0
        with cython.nogil:
            for i in range(first, last):
                o = self.at[i]
                if o < 0:
                    continue
                kind = self.ip4(i, o) if self.data[o] >> 4 == 4 else self.ip6(i, o)
                if kind == UNREAD:
                    self.forget(i)
                    continue
                self.kind[i] = kind
                if kind == FRAGMENT or self.fragment_more[i] == ATOMIC:
                    fragments += 1
        return fragments

    def forget(self, i: cython.Py_ssize_t) -> cython.int:
        """A header of row `i` does not hold together: nothing of it is passed on."""
        self.version[i] = self.proto[i] = self.ttl[i] = self.flags[i] = self.fragment_more[i] = 0
        self.src_hi[i] = self.src_lo[i] = self.dst_hi[i] = self.dst_lo[i] = 0
        self.sport[i] = self.dport[i] = 0
        self.context[i] = self.seq[i] = self.ack[i] = self.payload_captured[i] = self.payload_wire[i] = 0
        self.fragment_id[i] = self.fragment_offset[i] = self.fragment_captured[i] = self.fragment_wire[i] = 0
        self.payload[i] = self.ip_header[i] = self.fragment_start[i] = 0
        return 0

    def ip4(self, i: cython.Py_ssize_t, o: cython.Py_ssize_t) -> cython.int:
        stop: cython.Py_ssize_t = self.stop[i]
        wire: cython.Py_ssize_t
        length: cython.int
        total: cython.int
        word: cython.int
        if stop - o < 20:
            return UNREAD
        length = (self.data[o] & 15) * 4
        total = self.be16(o + 2)
        if total == 0:
            wire = self.wire_stop[i]  # left to the network card (segmentation offload)
        else:
            wire = o + total
            if stop > wire:
                stop = wire
        if length < 20 or wire - o < length:
            return UNREAD
        self.version[i] = 4
        self.src_lo[i] = self.be32(o + 12)
        self.dst_lo[i] = self.be32(o + 16)
        self.ttl[i] = self.data[o + 8]
        self.ip_header[i] = o
        word = self.be16(o + 6)
        if word & 0x3FFF:  # more fragments, or an offset
            self.fragment(i, self.be16(o + 4), (word & 0x1FFF) * 8, (word >> 13) & 1, o + length, stop, wire)
            if word & 0x1FFF == 0:
                return self.headers(i, self.data[o + 9], o + length, stop, wire, False, True)
            self.proto[i] = self.data[o + 9]
            return FRAGMENT
        if self.data[o + 9] == AUTHENTICATION:
            return self.headers(i, AUTHENTICATION, o + length, stop, wire, False, False)
        return self.transport(i, self.data[o + 9], o + length, stop, wire)

    def ip6(self, i: cython.Py_ssize_t, o: cython.Py_ssize_t) -> cython.int:
        stop: cython.Py_ssize_t = self.stop[i]
        wire: cython.Py_ssize_t
        size: cython.longlong
        proto: cython.int
        high: cython.ulonglong
        if stop - o < 40:
            return UNREAD
        size = self.be16(o + 4)
        proto = self.data[o + 6]
        if size == 0 and proto == HOP_BY_HOP:
            size = self.jumbo(o + 40, stop)
        if size == 0:
            wire = self.wire_stop[i]
        else:
            wire = o + 40 + size
            if stop > wire:
                stop = wire
        self.version[i] = 6
        high = self.be32(o + 8)
        self.src_hi[i] = (high << 32) | self.be32(o + 12)
        high = self.be32(o + 16)
        self.src_lo[i] = (high << 32) | self.be32(o + 20)
        high = self.be32(o + 24)
        self.dst_hi[i] = (high << 32) | self.be32(o + 28)
        high = self.be32(o + 32)
        self.dst_lo[i] = (high << 32) | self.be32(o + 36)
        self.ttl[i] = self.data[o + 7]
        self.ip_header[i] = o
        return self.headers(i, proto, o + 40, stop, wire, True, False)

    def jumbo(self, o: cython.Py_ssize_t, stop: cython.Py_ssize_t) -> cython.longlong:
        """Payload length by the jumbo option (RFC 2675, section 2) of the hop-by-hop header at `o`, else 0."""
        last: cython.Py_ssize_t
        if stop - o < 8:
            return 0
        last = o + (self.data[o + 1] + 1) * 8
        if last > stop:
            last = stop
        o += 2
        while last - o >= 6:
            if self.data[o] == 0:
                o += 1  # Pad1
            elif self.data[o] == 0xC2 and self.data[o + 1] == 4:
                return self.be32(o + 2)
            else:
                o += 2 + self.data[o + 1]
        return 0

    def headers(
        self,
        i: cython.Py_ssize_t,
        proto: cython.int,
        p: cython.Py_ssize_t,
        stop: cython.Py_ssize_t,
        wire: cython.Py_ssize_t,
        extensions: cython.bint,
        part: cython.bint,
    ) -> cython.int:
        """Walk from the header of type `proto` at `p` to the transport header; gives the row's kind.

        extensions: IPv6, whose extension headers count; IPv4 has the authentication header only (RFC 4302).
        part: these are the bytes of a first fragment, of which the ports alone are wanted.
        """
        size: cython.int
        word: cython.int
        following: cython.int
        walked: cython.int = 0
        while proto == AUTHENTICATION or (
            extensions and (proto in (HOP_BY_HOP, ROUTING, FRAGMENT_HEADER, DESTINATION, MOBILITY, HIP, SHIM6))
        ):
            if wire - p < 8 and not part:
                return UNREAD
            if walked == MAX_EXTENSIONS or stop - p < 8:
                break  # too many, cut by the snap length, or going on in the next fragment
            walked += 1
            following = self.data[p]
            if proto == FRAGMENT_HEADER:
                if part:
                    break  # a fragment of a fragment: what is inside shows when the outer datagram is complete
                size = 8
                word = self.be16(p + 2)
                if word & 0xFFF9:
                    self.fragment(i, self.be32(p + 4), word & 0xFFF8, word & 1, p + 8, stop, wire)
                    part = True
                    if word & 0xFFF8:
                        self.proto[i] = following
                        return FRAGMENT
                else:
                    self.fragment(i, self.be32(p + 4), 0, ATOMIC, p + 8, stop, wire)
            elif proto == AUTHENTICATION:
                size = (self.data[p + 1] + 2) * 4
            else:
                size = (self.data[p + 1] + 1) * 8
            if size > wire - p:
                if not part:
                    return UNREAD
                break
            proto = following
            p += size
        if part:
            self.proto[i] = proto
            self.ports(i, proto, p, stop)
            return FRAGMENT
        return self.transport(i, proto, p, stop, wire)

    def fragment(
        self,
        i: cython.Py_ssize_t,
        number: cython.longlong,
        offset: cython.int,
        more: cython.int,
        p: cython.Py_ssize_t,
        stop: cython.Py_ssize_t,
        wire: cython.Py_ssize_t,
    ) -> cython.int:
        self.fragment_id[i] = number
        self.fragment_offset[i] = offset
        self.fragment_more[i] = more
        self.fragment_start[i] = p
        self.fragment_captured[i] = stop - p if stop > p else 0
        self.fragment_wire[i] = wire - p if wire > p else 0
        return 0

    def transport(
        self,
        i: cython.Py_ssize_t,
        proto: cython.int,
        p: cython.Py_ssize_t,
        stop: cython.Py_ssize_t,
        wire: cython.Py_ssize_t,
    ) -> cython.int:
        """Read the transport header at `p` of a whole datagram."""
        size: cython.int = 0
        self.proto[i] = proto
        if proto == P_TCP:
            size = 20
            if wire - p < 20:
                return UNREAD
            if stop - p >= 13:
                size = (self.data[p + 12] >> 4) * 4
                if size < 20 or size > wire - p:
                    return UNREAD
            if stop - p >= 12:
                self.seq[i] = self.be32(p + 4)
                self.ack[i] = self.be32(p + 8)
            if stop - p >= 14:
                self.flags[i] = self.data[p + 13]
        elif proto == P_UDP:
            if wire - p < 8:
                return UNREAD
            if stop - p >= 6:
                size = self.be16(p + 4)
                # 0: a jumbogram (RFC 2675, section 4), or left to the network card
                if 0 < size < 8:
                    return UNREAD
                if size != 0 and size < wire - p:
                    wire = p + size
                    if stop > wire:
                        stop = wire
                if stop - p >= IN_UDP:
                    self.carrier[i] = self.in_udp(p, wire)
            size = 8
        elif proto == P_SCTP:
            size = 12
            if wire - p < 12:
                return UNREAD
        elif proto == P_UDPLITE:
            size = 8
            if wire - p < 8:
                return UNREAD
        elif proto == P_IPV4:
            self.carrier[i] = IN_IPV4
        elif proto == P_IPV6:
            self.carrier[i] = IN_IPV6
        elif proto == P_GRE:
            self.carrier[i] = GRE
        elif proto == P_L2TP:
            self.carrier[i] = L2TP3
        self.ports(i, proto, p, stop)
        p += size
        self.payload[i] = p
        self.payload_captured[i] = stop - p if stop > p else 0
        self.payload_wire[i] = wire - p if wire > p else 0
        return IP

    def in_udp(self, p: cython.Py_ssize_t, wire: cython.Py_ssize_t) -> cython.int:
        """The tunnel that the datagram at `p` may be, by its first bytes; where they say little, by its port as well.

        VXLAN: RFC 7348, section 5. Geneve: RFC 8926, section 3.4. GTP-U with a packet: 3GPP TS 29.281, section 5.1.
        Teredo: RFC 4380, section 5.1.1. L2TP's data: RFC 2661, section 3.1.
        """
        word: cython.longlong = self.be32(p + 8)
        high: cython.int = cython.cast(cython.int, word >> 16)
        low: cython.int = cython.cast(cython.int, word & 0xFFFF)
        if word == 0x08000000:
            return VXLAN
        if high & 0xC03F == 0 and (low == 0x6558 or low == 0x0800 or low == 0x86DD):
            return GENEVE
        if high & 0xF8FF == 0x30FF and low == wire - p - 16:
            return GTP
        if high >> 12 == 6:
            return TEREDO if self.be16(p + 12) == wire - p - 48 else 0
        if high <= 1:
            return TEREDO if self.be16(p) == PORT_TEREDO or self.be16(p + 2) == PORT_TEREDO else 0
        if high & 0xB4FF == 2 and (self.be16(p) == PORT_L2TP or self.be16(p + 2) == PORT_L2TP):
            return L2TP
        return 0

    def ports(
        self, i: cython.Py_ssize_t, proto: cython.int, p: cython.Py_ssize_t, stop: cython.Py_ssize_t
    ) -> cython.int:
        if stop - p >= 4 and (proto in (P_TCP, P_UDP, P_SCTP, P_UDPLITE)):
            self.sport[i] = self.be16(p)
            self.dport[i] = self.be16(p + 2)
        return 0
