"""Link layers: turns captured frames into where their IP packet begins and ends, and the VLAN or session it lies in.

The types of the compiled build stand in links.pxd; uncompiled, the same code runs over memoryviews. Every read is
behind a check of the frame's end, so no bytes make it read outside the frame.
"""

import cython
import numpy as np
from numpy.typing import NDArray

# LINKTYPE_ numbers: https://www.tcpdump.org/linktypes.html
NULL = cython.declare(cython.int, 0)
ETHERNET = cython.declare(cython.int, 1)
PPP = cython.declare(cython.int, 9)
FDDI = cython.declare(cython.int, 10)
DLT_RAW = cython.declare(cython.int, 12)  # DLT_RAW of most systems, written into files by mistake
DLT_RAW_OPENBSD = cython.declare(cython.int, 14)
PPP_HDLC = cython.declare(cython.int, 50)
PPP_ETHER = cython.declare(cython.int, 51)
ATM_RFC1483 = cython.declare(cython.int, 100)
RAW = cython.declare(cython.int, 101)
C_HDLC = cython.declare(cython.int, 104)
IEEE802_11 = cython.declare(cython.int, 105)
FRELAY = cython.declare(cython.int, 107)
LOOP = cython.declare(cython.int, 108)
ENC = cython.declare(cython.int, 109)
LINUX_SLL = cython.declare(cython.int, 113)
PFLOG = cython.declare(cython.int, 117)
IEEE802_11_PRISM = cython.declare(cython.int, 119)
IEEE802_11_RADIOTAP = cython.declare(cython.int, 127)
IEEE802_11_AVS = cython.declare(cython.int, 163)
PPI = cython.declare(cython.int, 192)
PPP_WITH_DIR = cython.declare(cython.int, 204)
C_HDLC_WITH_DIR = cython.declare(cython.int, 205)
FRELAY_WITH_DIR = cython.declare(cython.int, 206)
IPV4 = cython.declare(cython.int, 228)
IPV6 = cython.declare(cython.int, 229)
NFLOG = cython.declare(cython.int, 239)
ETHERNET_MPACKET = cython.declare(cython.int, 274)
LINUX_SLL2 = cython.declare(cython.int, 276)

KNOWN = frozenset(
    (
        0,
        1,
        9,
        10,
        12,
        14,
        50,
        51,
        100,
        101,
        104,
        105,
        107,
        108,
        109,
        113,
        117,
        119,
        127,
        163,
        192,
        204,
        205,
        206,
        228,
        229,
        239,
        274,
        276,
    )
)
"""LINKTYPE_ numbers that are read; frames of others are KIND_UNREAD."""

# Ethertypes (IEEE 802 numbers, IANA)
T_IPV4 = cython.declare(cython.int, 0x0800)
T_IPV6 = cython.declare(cython.int, 0x86DD)
T_VLAN = cython.declare(cython.int, 0x8100)
T_SERVICE_VLAN = cython.declare(cython.int, 0x88A8)  # IEEE 802.1ad
T_QINQ_9100 = cython.declare(cython.int, 0x9100)  # in use before 802.1ad
T_QINQ_9200 = cython.declare(cython.int, 0x9200)
T_MPLS = cython.declare(cython.int, 0x8847)  # RFC 5332
T_MPLS_UPSTREAM = cython.declare(cython.int, 0x8848)
T_PPPOE = cython.declare(cython.int, 0x8864)  # session stage, RFC 2516
T_VN_TAG = cython.declare(cython.int, 0x8926)  # Cisco VN-Link: four bytes, then the next ethertype
T_E_TAG = cython.declare(cython.int, 0x893F)  # IEEE 802.1BR: six bytes, then the next ethertype
T_CISCO_METADATA = cython.declare(cython.int, 0x8909)  # security group tag: six bytes, then the next ethertype
T_PPP = cython.declare(cython.int, 0x880B)
LENGTH_MAX = cython.declare(cython.int, 1500)  # up to here the field is an IEEE 802.3 length and LLC follows
# Layers without an ethertype: numbers above 16 bits
T_ETHERNET = cython.declare(cython.int, 0x10000)
T_LLC = cython.declare(cython.int, 0x10001)
T_ANY_IP = cython.declare(cython.int, 0x10002)  # the version is the first nibble
T_CISCO_HDLC = cython.declare(cython.int, 0x10003)

TAG_PRIME = cython.declare(cython.ulonglong, 0x9E3779B1)  # 2^32 over the golden ratio: spreads the bits of a product
TAG_DEEP = cython.declare(cython.ulonglong, 0x80000000)
MASK32 = cython.declare(cython.ulonglong, 0xFFFFFFFF)
MARK_SESSION = cython.declare(cython.ulonglong, 0x01000000)  # keeps a session apart from a VLAN id of the same number


class Locator:
    """Finds the IP packet of each row of a RecordBatch."""

    def __init__(
        self,
        data: NDArray[np.uint8],
        link: NDArray[np.uint16],
        start: NDArray[np.int64],
        caplen: NDArray[np.uint32],
        wirelen: NDArray[np.uint32],
        at: NDArray[np.int64],
        stop: NDArray[np.int64],
        wire_stop: NDArray[np.int64],
        context: NDArray[np.uint32],
    ) -> None:
        """Read frames `data[start : start + caplen]` of LINKTYPE_ `link`; write into the last four columns.

        at: index of the IP header, -1 where there is none; its first nibble is 4 or 6.
        stop: index behind the last captured byte that can belong to the packet (frame check sequences are left out).
        wire_stop: the same if the whole frame had been captured.
        context: 0, a VLAN id, or a hash with the high bit set (see Decoded.context).
        """
        self.data = data.data
        self.link = link.data
        self.start = start.data
        self.caplen = caplen.data
        self.wirelen = wirelen.data
        self.at = at.data
        self.stop = stop.data
        self.wire_stop = wire_stop.data
        self.context = context.data
        self.end = 0
        self.wire_end = 0
        self.tags = 0

    def be16(self, o: cython.Py_ssize_t) -> cython.int:
        return (self.data[o] << 8) | self.data[o + 1]

    def be32(self, o: cython.Py_ssize_t) -> cython.longlong:
        high: cython.longlong = self.data[o]
        return (high << 24) | (self.data[o + 1] << 16) | (self.data[o + 2] << 8) | self.data[o + 3]

    def le16(self, o: cython.Py_ssize_t) -> cython.int:
        return (self.data[o + 1] << 8) | self.data[o]

    def le32(self, o: cython.Py_ssize_t) -> cython.longlong:
        high: cython.longlong = self.data[o + 3]
        return (high << 24) | (self.data[o + 2] << 16) | (self.data[o + 1] << 8) | self.data[o]

    def run(self, first: cython.Py_ssize_t, last: cython.Py_ssize_t) -> cython.int:
        """Fill rows [first, last) of the result columns."""
        i: cython.Py_ssize_t
        o: cython.Py_ssize_t
        found: cython.Py_ssize_t
        with cython.nogil:
            for i in range(first, last):
                o = self.start[i]
                self.end = o + self.caplen[i]
                self.wire_end = o + self.wirelen[i]
                if self.wire_end < self.end:
                    self.wire_end = self.end
                self.tags = 0
                if (
                    self.link[i] == ETHERNET
                    and self.end - o >= 34
                    and self.be16(o + 12) == T_IPV4
                    and self.data[o + 14] >> 4 == 4
                ):
                    found = o + 14  # nine frames of ten
                else:
                    found = self.frame(self.link[i], o)
                self.at[i] = found
                self.stop[i] = self.end
                self.wire_stop[i] = self.wire_end
                self.context[i] = self.tags if found >= 0 else 0
        return 0

    def frame(self, link: cython.int, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Index of the IP header of the frame at `o`, -1 if it carries none."""
        size: cython.Py_ssize_t = self.end - o
        if link == ETHERNET:
            return self.layers(T_ETHERNET, o)
        if link in (NULL, LOOP):
            return self.loopback(o)
        if link in (RAW, DLT_RAW, DLT_RAW_OPENBSD):
            return self.layers(T_ANY_IP, o)
        if link == LINUX_SLL:
            if size < 16:
                return -1
            # 1 = Novell IPX without LLC, 4 = IEEE 802.2 LLC, small numbers are no lengths here
            if self.be16(o + 14) == 4:
                return self.layers(T_LLC, o + 16)
            return self.layers(self.be16(o + 14), o + 16) if self.be16(o + 14) > LENGTH_MAX else -1
        if link == LINUX_SLL2:
            if size < 20:
                return -1
            if self.be16(o) == 4:
                return self.layers(T_LLC, o + 20)
            return self.layers(self.be16(o), o + 20) if self.be16(o) > LENGTH_MAX else -1
        if link == IPV4:
            return self.ip(o, 4)
        if link == IPV6:
            return self.ip(o, 6)
        if link in (PPP, PPP_HDLC):
            return self.layers(T_PPP, o)
        if link == PPP_ETHER:
            return self.layers(T_PPPOE, o)
        if link == C_HDLC:
            return self.layers(T_CISCO_HDLC, o)
        if link == PPP_WITH_DIR:
            return self.layers(T_PPP, o + 1) if size > 1 else -1
        if link == C_HDLC_WITH_DIR:
            return self.layers(T_CISCO_HDLC, o + 1) if size > 1 else -1
        if link == IEEE802_11_RADIOTAP:
            return self.radiotap(o)
        if link == IEEE802_11:
            return self.wlan(o, False)
        if link == PPI:
            return self.ppi(o)
        if link in (IEEE802_11_PRISM, IEEE802_11_AVS):
            return self.prism(o)
        if link == FRELAY:
            return self.frame_relay(o)
        if link == FRELAY_WITH_DIR:
            return self.frame_relay(o + 1) if size > 1 else -1
        if link == NFLOG:
            return self.nflog(o)
        if link == ATM_RFC1483:
            return self.layers(T_LLC, o)
        if link == FDDI:
            return self.layers(T_LLC, o + 13) if size > 13 else -1
        if link == ENC:
            return self.layers(T_ANY_IP, o + 12) if size > 12 else -1
        if link == ETHERNET_MPACKET:
            return self.mpacket(o)
        if link == PFLOG:
            # the first byte is the header's length without its padding to four bytes
            if size < 1 or size <= ((self.data[o] + 3) & 0xFC):
                return -1
            return self.layers(T_ANY_IP, o + ((self.data[o] + 3) & 0xFC))
        return -1

    def ip(self, o: cython.Py_ssize_t, version: cython.int) -> cython.Py_ssize_t:
        if o < self.end and self.data[o] >> 4 == version:
            return o
        return -1

    def tag(self, number: cython.ulonglong, vlan: cython.bint) -> cython.int:
        """Put one more VLAN tag or session onto the frame's context."""
        if vlan and self.tags == 0:
            self.tags = number
        else:
            if self.tags < TAG_DEEP:
                self.tags = (self.tags * TAG_PRIME) & MASK32  # so that the order of the tags counts
            self.tags = ((self.tags ^ number) * TAG_PRIME) & MASK32
            self.tags = (self.tags ^ (self.tags >> 15)) | TAG_DEEP
        return 0

    def carries(self, o: cython.Py_ssize_t) -> cython.int:
        """Whether an Ethernet header at `o` names a layer that is read further."""
        kind: cython.int
        if self.end - o < 14:
            return 0
        kind = self.be16(o + 12)
        if kind in (T_IPV4, T_IPV6, T_VLAN, T_SERVICE_VLAN):
            return 1
        return 1 if kind in (T_MPLS, T_PPPOE, T_QINQ_9100) else 0

    def layers(self, kind: cython.int, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Walk from a layer of type `kind` at `o` down to IP. Each round goes on by at least one byte."""
        size: cython.Py_ssize_t
        word: cython.longlong
        while True:
            size = self.end - o
            if kind == T_IPV4:
                return self.ip(o, 4)
            if kind == T_IPV6:
                return self.ip(o, 6)
            if size < 4:
                return -1
            if kind == T_ETHERNET:
                if size < 14:
                    return -1
                kind = self.be16(o + 12)
                o += 14
            elif kind in (T_VLAN, T_SERVICE_VLAN, T_QINQ_9100, T_QINQ_9200):
                if self.be16(o) & 0x0FFF:  # id 0 carries a priority only (IEEE 802.1Q, table 9-2)
                    self.tag(self.be16(o) & 0x0FFF, True)
                kind = self.be16(o + 2)
                o += 4
            elif kind == T_VN_TAG:
                if size < 6:
                    return -1
                kind = self.be16(o + 4)
                o += 6
            elif kind in (T_E_TAG, T_CISCO_METADATA):
                if size < 8:
                    return -1
                kind = self.be16(o + 6)
                o += 8
            elif kind in (T_MPLS, T_MPLS_UPSTREAM):
                # RFC 3032, section 2.1: label 20 bits, class 3, bottom of stack 1, TTL 8. Labels are no part of the
                # context: they hold for one link and one direction (RFC 3031, section 3.1), so they would tear every
                # conversation in two
                while True:
                    if self.end - o < 5:
                        return -1
                    word = self.be32(o)
                    o += 4
                    if word & 0x100:
                        break
                kind = self.data[o] >> 4
                if kind == 4 or kind == 6:
                    return o
                if kind == 0 and self.carries(o + 4):
                    o += 4  # control word of an Ethernet pseudowire (RFC 4448, section 4.6)
                elif not self.carries(o):
                    return -1
                kind = T_ETHERNET
            elif kind == T_PPPOE:
                # RFC 2516, section 4: version 1, type 1, code 0, session, length
                if size < 7 or self.be16(o) != 0x1100:
                    return -1
                self.tag(MARK_SESSION | self.be16(o + 2), False)
                o += 6
                kind = T_PPP
            elif kind == T_PPP:
                # address and control (RFC 1662) may be left out; so may the first byte of a small protocol number
                if self.be16(o) == 0xFF03:
                    o += 2
                elif self.data[o] == 0x0F or self.data[o] == 0x8F:
                    kind = T_CISCO_HDLC
                    continue
                if self.data[o] & 1:
                    kind = self.data[o]
                    o += 1
                else:
                    kind = self.be16(o)
                    o += 2
                # PPP protocol numbers, IANA
                if kind == 0x0021:
                    kind = T_IPV4
                elif kind == 0x0057:
                    kind = T_IPV6
                elif kind == 0x0281 or kind == 0x0283:
                    kind = T_MPLS
                else:
                    return -1
            elif kind == T_CISCO_HDLC:
                kind = self.be16(o + 2)
                o += 4
                if kind <= LENGTH_MAX:
                    return -1
            elif kind <= LENGTH_MAX or kind == T_LLC:
                if self.be16(o) == 0x0606 and self.data[o + 2] == 3:
                    return self.ip(o + 3, 4)
                if size < 9 or self.be16(o) != 0xAAAA or self.data[o + 2] != 3:
                    return -1
                word = self.be32(o + 2) & 0xFFFFFF
                kind = self.be16(o + 6)
                o += 8
                if word == 0x0080C2 and (kind == 1 or kind == 7):  # bridged Ethernet: RFC 2684, section 5.2
                    kind = T_ETHERNET
                elif (word != 0 and word != 0x0000F8) or kind <= LENGTH_MAX:
                    return -1
            elif kind == T_ANY_IP:
                return o if self.data[o] >> 4 == 4 or self.data[o] >> 4 == 6 else -1
            else:
                return -1

    def mpacket(self, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """IEEE 802.3br: preamble, start delimiter, then the frame and its check sequence; not the later fragments."""
        delimiter: cython.int
        while self.end - o > 1 and self.data[o] == 0x55:
            o += 1
        if self.end - o <= 1:
            return -1
        delimiter = self.data[o]
        # express, or the first fragment of a preemptable frame (table 99-1)
        if delimiter != 0xD5 and delimiter != 0xE6 and delimiter != 0x4C and delimiter != 0x7F and delimiter != 0xB3:
            return -1
        self.trailer(4)
        return self.layers(T_ETHERNET, o + 1)

    def loopback(self, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Four bytes of address family, in either byte order, before the packet."""
        family: cython.longlong
        if self.end - o < 5:
            return -1
        if self.be16(o + 2) > LENGTH_MAX:
            return self.layers(self.be16(o + 2), o + 4)  # an ethertype in its place
        family = self.be32(o)
        if family > 0xFFFF:
            family = self.le32(o)
        if family == 2:
            return self.ip(o + 4, 4)
        # AF_INET6: 10 Linux, 23 Windows, 24 NetBSD and OpenBSD, 28 FreeBSD, 30 Darwin
        if family == 10 or family == 23 or family == 24 or family == 28 or family == 30:
            return self.ip(o + 4, 6)
        return -1

    def trailer(self, count: cython.int) -> cython.int:
        """Leave the last `count` bytes of the frame out, as far as they were captured."""
        self.wire_end -= count
        if self.end > self.wire_end:
            self.end = self.wire_end
        return 0

    def wlan(self, o: cython.Py_ssize_t, padded: cython.bint) -> cython.Py_ssize_t:
        """An IEEE 802.11 frame: readable are data frames that are neither encrypted, aggregated nor a later part."""
        control: cython.int
        flags: cython.int
        length: cython.int = 24
        if self.end - o < 24:
            return -1
        control = self.data[o]
        flags = self.data[o + 1]
        # version 0, type data, subtype without the "no data" bit; not protected (IEEE 802.11, 9.2.4.1)
        if control & 0x0F != 0x08 or control & 0x40 or flags & 0x40:
            return -1
        if self.data[o + 22] & 0x0F:
            return -1  # a later fragment of a frame
        if flags & 3 == 3:
            length += 6  # four addresses
        if control & 0x80:
            if self.end - o < length + 2 or self.data[o + length] & 0x80:
                return -1  # A-MSDU
            length += 2
            if flags & 0x80:
                length += 4  # HT control
        if padded:
            length = (length + 3) & 0xFC
        if self.end - o < length + 8:
            return -1
        return self.layers(T_LLC, o + length)

    def radiotap(self, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """radiotap.org: a little-endian header with a bit map of fields; of these, the frame flags count."""
        length: cython.Py_ssize_t
        field: cython.Py_ssize_t
        present: cython.longlong
        flags: cython.int = 0
        if self.end - o < 8 or self.data[o] != 0:
            return -1
        length = self.le16(o + 2)
        if length < 8 or length > self.end - o:
            return -1
        present = self.le32(o + 4)
        field = 8
        while self.le32(o + field - 4) >> 31:
            field += 4
            if field > length:
                return -1
        if present & 1:
            field = ((field + 7) & 0xFFF8) + 8  # TSFT, aligned to its eight bytes
        if present & 2 and field < length:
            flags = self.data[o + field]
        if flags & 0x40:
            return -1  # failed its check sequence: any bit of it may be wrong
        if flags & 0x10:
            self.trailer(4)
        return self.wlan(o + length, flags & 0x20 != 0)

    def ppi(self, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Per-Packet Information header: its fields, then a frame of the link type that it names."""
        length: cython.Py_ssize_t
        field: cython.Py_ssize_t
        size: cython.int
        link: cython.longlong
        if self.end - o < 8 or self.data[o] != 0:
            return -1
        length = self.le16(o + 2)
        if length < 8 or length > self.end - o:
            return -1
        link = self.le32(o + 4)
        field = 8
        while field + 4 <= length:
            size = self.le16(o + field + 2)
            # field 2 is 802.11-Common; after its timer of eight bytes come flags: 1 = check sequence at the end,
            # 4 = it failed
            if self.le16(o + field) == 2 and size >= 10 and field + 14 <= length:
                if self.le16(o + field + 12) & 4:
                    return -1
                if self.le16(o + field + 12) & 1:
                    self.trailer(4)
            field += 4 + size
            if self.data[o + 1] & 1:
                field = (field + 3) & 0x1FFFC
        if link == PPI or link > 0xFFFF:
            return -1
        return self.frame(cython.cast(cython.int, link), o + length)

    def prism(self, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Prism monitor header (length in the byte order of the host) or AVS header (big-endian), then 802.11."""
        length: cython.longlong
        if self.end - o < 8:
            return -1
        length = self.be32(o + 4)
        if self.be32(o) >> 12 != 0x80211 and length > 0xFFFF:
            length = self.le32(o + 4)
        if length < 8 or length > self.end - o:
            return -1
        return self.wlan(o + length, False)

    def frame_relay(self, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Q.922 address, then RFC 2427 (control, NLPID) or Cisco's (ethertype) encapsulation."""
        a: cython.int = 0
        while True:  # the low bit marks the last address byte; two to four bytes
            if self.end - o < 4 or a == 4:
                return -1
            a += 1
            o += 1
            if self.data[o - 1] & 1:
                break
        if self.data[o] != 3:
            return self.layers(self.be16(o), o + 2) if self.be16(o) > LENGTH_MAX else -1
        o += 1
        if self.data[o] == 0:
            o += 1  # pad
        if self.end - o < 7:
            return -1
        if self.data[o] == 0xCC:
            return self.ip(o + 1, 4)
        if self.data[o] == 0x8E:
            return self.ip(o + 1, 6)
        if self.data[o] != 0x80 or self.be16(o + 1) != 0 or self.data[o + 3] != 0:
            return -1
        return self.layers(self.be16(o + 4), o + 6) if self.be16(o + 4) > LENGTH_MAX else -1

    def nflog(self, o: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Linux NFLOG: family, version 0, group, then attributes in host byte order; attribute 9 is the packet."""
        size: cython.int
        kind: cython.int
        swapped: cython.bint
        if self.end - o < 8 or self.data[o + 1] != 0:
            return -1
        o += 4
        swapped = self.le16(o) > self.end - o or self.le16(o) < 4
        while self.end - o >= 5:
            size = self.be16(o) if swapped else self.le16(o)
            kind = self.be16(o + 2) if swapped else self.le16(o + 2)
            if size < 4:
                return -1
            if kind & 0x7FFF == 9:
                return self.layers(T_ANY_IP, o + 4)
            o += (size + 3) & 0x1FFFC
        return -1
