"""Payloads that may be tunnels → where the IP packet inside begins and ends, and which tunnel it came through.

A payload is opened where its header holds together and the packet inside does too: version, lengths and, where a UDP
payload alone says that it is a tunnel, the checksum of an IPv4 header. The types of the compiled build stand in
carriers.pxd; every read is behind a check of the payload's end.
"""

import cython
import numpy as np
from numpy.typing import NDArray

from oddport.engine.batch import Decoded, RecordBatch
from oddport.engine.links import Locator

# Decoded.carrier; what comes from UDP stands from VXLAN on
IN_IPV4 = cython.declare(cython.int, 1)  # IP protocol 4, RFC 2003
IN_IPV6 = cython.declare(cython.int, 2)  # IP protocol 41, RFC 4213
GRE = cython.declare(cython.int, 3)  # RFC 2784, RFC 2890; version 1: RFC 2637
L2TP3 = cython.declare(cython.int, 4)  # IP protocol 115, RFC 3931
VXLAN = cython.declare(cython.int, 5)  # RFC 7348
GENEVE = cython.declare(cython.int, 6)  # RFC 8926
GTP = cython.declare(cython.int, 7)  # 3GPP TS 29.281
TEREDO = cython.declare(cython.int, 8)  # RFC 4380
L2TP = cython.declare(cython.int, 9)  # RFC 2661
ERSPAN = cython.declare(cython.int, 10)  # a GRE payload, draft-foschiano-erspan

# layers as links.py numbers them
T_IPV4 = cython.declare(cython.int, 0x0800)
T_IPV6 = cython.declare(cython.int, 0x86DD)
T_BRIDGED = cython.declare(cython.int, 0x6558)  # Ethernet in GRE or Geneve
T_PPP = cython.declare(cython.int, 0x880B)
T_MPLS = cython.declare(cython.int, 0x8847)
T_ERSPAN = cython.declare(cython.int, 0x88BE)
T_ERSPAN3 = cython.declare(cython.int, 0x22EB)
T_ETHERNET = cython.declare(cython.int, 0x10000)
T_ANY_IP = cython.declare(cython.int, 0x10002)

PORT_TEREDO = cython.declare(cython.int, 3544)
PORT_L2TP = cython.declare(cython.int, 1701)
PADDED = cython.declare(cython.Py_ssize_t, 64)
"""Bytes of an Ethernet frame up to which the packet inside may be shorter than its room (IEEE 802.3, table 4-2)."""
TEREDO_PREFIX = cython.declare(cython.longlong, 0x20010000)
LINK_LOCAL = cython.declare(cython.longlong, 0xFE800000)

MASK64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
K1 = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)  # odd multiplier of 64-bit mixing, from the golden ratio
CONTEXT_DEEP = cython.declare(cython.ulonglong, 0x80000000)  # as of deeper stacks in links.py


class Opener:
    """Finds the IP packets inside the payloads of decoded rows."""

    def __init__(
        self,
        data: NDArray[np.uint8],
        base: int,
        batch: RecordBatch,
        outer: Decoded,
        at: NDArray[np.int64],
        stop: NDArray[np.int64],
        wire_stop: NDArray[np.int64],
        context: NDArray[np.uint32],
        wirelen: NDArray[np.uint32],
        kind: NDArray[np.uint8],
        number: NDArray[np.uint32],
    ) -> None:
        """Read the payloads of `outer` in `data`; those of rows with `reassembled` 1 lie `base` bytes further on.

        Written for rows that are opened, by index in `data`: at, stop, wire_stop, as Locator gives them; context, a
        hash with the high bit set of what keeps the packets inside apart from others (the same in both directions);
        wirelen, bytes of the frame or packet inside; kind, the tunnel; number, its id (VNI, key, TEID, session).
        """
        self.locator = Locator(data, batch.link, batch.start, batch.caplen, batch.wirelen, at, stop, wire_stop, context)
        self.data = data.data
        self.base = base
        self.carrier = outer.carrier.data
        self.reassembled = outer.reassembled.data
        self.payload = outer.payload.data
        self.captured = outer.payload_captured.data
        self.wire = outer.payload_wire.data
        self.sport = outer.sport.data
        self.dport = outer.dport.data
        self.src_hi = outer.src_hi.data
        self.src_lo = outer.src_lo.data
        self.dst_hi = outer.dst_hi.data
        self.dst_lo = outer.dst_lo.data
        self.around = outer.context.data
        self.at = at.data
        self.stop = stop.data
        self.wire_stop = wire_stop.data
        self.context = context.data
        self.wirelen = wirelen.data
        self.kind = kind.data
        self.number = number.data
        self.end = 0
        self.wire_end = 0
        self.which = 0
        self.id = 0
        self.begin = 0

    def be16(self, o: cython.Py_ssize_t) -> cython.int:
        return (self.data[o] << 8) | self.data[o + 1]

    def be32(self, o: cython.Py_ssize_t) -> cython.longlong:
        high: cython.longlong = self.data[o]
        return (high << 24) | (self.data[o + 1] << 16) | (self.data[o + 2] << 8) | self.data[o + 3]

    def run(self, rows: NDArray[np.int64]) -> cython.Py_ssize_t:
        """Open the payloads of `rows` (those with a `carrier`); gives how many were opened."""
        each = rows.data
        k: cython.Py_ssize_t
        i: cython.Py_ssize_t
        opened: cython.Py_ssize_t = 0
        for k in range(len(rows)):
            i = each[k]
            self.which = self.carrier[i]
            self.begin = self.payload[i]
            if self.reassembled[i] == 1:
                self.begin += self.base
            self.end = self.begin + self.captured[i]
            self.wire_end = self.begin + self.wire[i]
            self.id = 0
            self.at[i] = self.inside(i, self.begin)
            if self.at[i] >= 0:
                self.stop[i] = self.end
                self.wire_stop[i] = self.wire_end
                self.wirelen[i] = cython.cast(cython.uint, self.wire_end - self.begin)
                self.kind[i] = self.which
                self.number[i] = self.id
                self.context[i] = self.apart(i)
                opened += 1
        return opened

    def apart(self, i: cython.Py_ssize_t) -> cython.uint:
        """What the flows inside are kept apart by: the tunnel's id where both directions have the same, else its ends;
        IPv6 through IPv4 has addresses that hold everywhere."""
        mixed: cython.ulonglong = self.around[i]
        number: cython.ulonglong = self.id
        mixed = (mixed << 8) | self.which
        if self.which in (VXLAN, GENEVE, ERSPAN) or (self.which == GRE and self.id):
            mixed ^= number << 32
        elif self.which != IN_IPV6 and self.which != TEREDO:
            mixed ^= (self.src_hi[i] ^ self.dst_hi[i]) * K1 & MASK64
            mixed ^= (self.src_lo[i] ^ self.dst_lo[i]) << 24 & MASK64
        mixed = mixed * K1 & MASK64
        mixed = (mixed ^ (mixed >> 31) ^ self.locator.tags) * K1 & MASK64
        return cython.cast(cython.uint, (mixed >> 32) | CONTEXT_DEEP)

    def inside(self, i: cython.Py_ssize_t, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Index of the IP header inside the payload at `o`, -1 where there is none."""
        if self.which == IN_IPV4:
            return self.packet(T_IPV4, o, False)
        if self.which == IN_IPV6:
            return self.packet(T_IPV6, o, False)
        if self.which == GRE:
            return self.gre(o)
        if self.which == L2TP3:
            return self.l2tp3(o)
        if self.end - o < 8:
            return -1
        if self.which == VXLAN:
            self.id = cython.cast(cython.uint, self.be32(o + 4) >> 8)
            return self.packet(T_ETHERNET, o + 8, True) if self.data[o + 7] == 0 else -1
        if self.which == GENEVE:
            return self.geneve(o)
        if self.which == GTP:
            return self.gtp(o)
        if self.which == TEREDO:
            return self.teredo(o, self.sport[i] == PORT_TEREDO or self.dport[i] == PORT_TEREDO)
        return self.l2tp(o)

    def packet(self, layer: cython.int, o: cython.Py_ssize_t, sure: cython.bint) -> cython.Py_ssize_t:
        """Index of an IP header below a layer of links.py at `o`; -1 unless its packet holds together.

        sure: nothing outside says that there is a packet, so that it has to fill its room, and IPv4 its checksum.
        """
        found: cython.Py_ssize_t
        room: cython.Py_ssize_t
        total: cython.Py_ssize_t
        size: cython.Py_ssize_t
        self.begin = o
        self.locator.end = self.end
        self.locator.wire_end = self.wire_end
        self.locator.tags = 0
        found = self.locator.layers(layer, o)
        if found < 0 or self.end - found < 20:
            return -1
        room = self.wire_end - found
        if self.data[found] >> 4 == 4:
            size = (self.data[found] & 15) * 4
            total = self.be16(found + 2)
            if size < 20 or total < size:
                return -1
            if sure and (self.end - found < size or self.checksum(found, size) != 0xFFFF):
                return -1
        else:
            if self.end - found < 40:
                return -1
            total = 40 + self.be16(found + 4)
        if total > room or (sure and total < room and self.wire_end - o > PADDED):
            return -1
        return found

    def checksum(self, o: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.int:
        """Ones' complement sum of the header's 16-bit words (RFC 1071); 0xFFFF where the header is whole."""
        k: cython.Py_ssize_t
        total: cython.int = 0
        for k in range(o, o + size, 2):
            total += self.be16(k)
        total = (total & 0xFFFF) + (total >> 16)
        return (total & 0xFFFF) + (total >> 16)

    def gre(self, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        flags: cython.int
        kind: cython.int
        if self.end - o < 4:
            return -1
        flags = self.be16(o)
        kind = self.be16(o + 2)
        # checksum, key, sequence number; version 1 counts its acknowledgement too, and its key is none of both ends
        if flags & 7 == 1:
            if flags & 0xEF78 != 0x2000 or kind != T_PPP or self.end - o < 8:
                return -1
            return self.packet(T_PPP, o + 8 + (4 if flags & 0x1000 else 0) + (4 if flags & 0x80 else 0), False)
        if flags & 0x4FFF:
            return -1
        o += 8 if flags & 0x8000 else 4
        if flags & 0x2000:
            if self.end - o < 4:
                return -1
            self.id = cython.cast(cython.uint, self.be32(o))
            o += 4
        if flags & 0x1000:
            o += 4
        if kind == T_BRIDGED:
            return self.packet(T_ETHERNET, o, False)
        if kind in (T_ERSPAN, T_ERSPAN3):
            return self.erspan(o, kind, flags & 0x1000 != 0)
        if kind in (T_IPV4, T_IPV6, T_PPP, T_MPLS):
            return self.packet(kind, o, False)
        return -1

    def erspan(self, o: cython.Py_ssize_t, kind: cython.int, numbered: cython.bint) -> cython.Py_ssize_t:
        """Type I has no header of its own and no sequence number; II has eight bytes, III twelve or, with a platform's
        part, twenty."""
        size: cython.Py_ssize_t = 0
        self.which = ERSPAN
        self.id = 0
        if kind == T_ERSPAN3 or numbered:
            size = 12 if kind == T_ERSPAN3 else 8
            if self.end - o < size or self.data[o] >> 4 != (2 if kind == T_ERSPAN3 else 1):
                return -1
            if kind == T_ERSPAN3 and self.data[o + 11] & 1:
                size = 20
            self.id = self.be16(o + 2) & 0x3FF
        return self.packet(T_ETHERNET, o + size, False)

    def l2tp3(self, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Session, then a cookie of no, four or eight bytes and a sublayer of no or four bytes, as both ends agreed."""
        found: cython.Py_ssize_t
        skip: cython.Py_ssize_t
        if self.end - o < 4:
            return -1
        self.id = cython.cast(cython.uint, self.be32(o))
        if self.id == 0:
            return -1  # a control message
        for skip in range(4, 20, 4):
            found = self.packet(T_ETHERNET, o + skip, True)
            if found >= 0:
                return found
        return -1

    def geneve(self, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """RFC 8926, section 3.4; the upper bits and the kind were looked at when the row was decoded."""
        kind: cython.int = self.be16(o + 2)
        if self.data[o + 7]:
            return -1
        self.id = cython.cast(cython.uint, self.be32(o + 4) >> 8)
        return self.packet(
            T_ETHERNET if kind == T_BRIDGED else kind, o + 8 + cython.cast(cython.int, self.data[o] & 0x3F) * 4, True
        )

    def gtp(self, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """3GPP TS 29.281, sections 5.1 and 5.2: four more bytes with any of three flags, then extension headers."""
        following: cython.int
        extended: cython.bint = self.data[o] & 7 != 0
        self.id = cython.cast(cython.uint, self.be32(o + 4))
        following = self.data[o] & 4
        o += 8
        if extended:
            if self.end - o < 4:
                return -1
            following = self.data[o + 3] if following else 0
            o += 4
        while following:
            if self.end - o < 4 or self.data[o] == 0 or self.end - o < self.data[o] * 4:
                return -1
            o += self.data[o] * 4
            following = self.data[o - 1]
        return self.packet(T_ANY_IP, o, True)

    def teredo(self, o: cython.Py_ssize_t, known: cython.bint) -> cython.Py_ssize_t:
        """RFC 4380, sections 5.1.1 and 2.6: authentication and origin, on the service's port alone; one address is of
        Teredo's prefix or link-local."""
        src: cython.longlong
        dst: cython.longlong
        if self.be16(o) == 1:
            if not known:
                return -1
            o += 13 + self.data[o + 2] + self.data[o + 3]
        if self.end - o >= 8 and self.be16(o) == 0:
            if not known:
                return -1
            o += 8
        if self.end - o < 40:
            return -1
        src = self.be32(o + 8)
        dst = self.be32(o + 24)
        if src != TEREDO_PREFIX and dst != TEREDO_PREFIX and src != LINK_LOCAL and dst != LINK_LOCAL:
            return -1
        return self.packet(T_IPV6, o, True)

    def l2tp(self, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """RFC 2661, section 3.1: a data message; its length closes where it has one."""
        flags: cython.int = self.be16(o)
        begin: cython.Py_ssize_t = o
        o += 2
        if flags & 0x4000:
            if self.be16(o) != self.wire_end - begin:
                return -1
            o += 2
        self.id = cython.cast(cython.uint, self.be32(o))
        o += 4
        if flags & 0x0800:
            o += 4
        if flags & 0x0200:
            if self.end - o < 2:
                return -1
            o += 2 + self.be16(o)
        return self.packet(T_PPP, o, True)
