"""Every link type leads to the IP packet in its frames, and to nothing where there is none."""

import struct

import pytest

from oddport.engine.batch import KIND_IP, KIND_UNREAD
from oddport.engine.links import KNOWN
from tests.engine.wire import A4, A6, decoded, ethernet, ip4, ip6, payload, udp

V4, V6 = ip4(udp(b"four")), ip6(udp(b"six"))
MACS = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
SNAP = b"\xaa\xaa\x03\0\0\0"
DATA = b"\x08\x00" + bytes(22)  # 802.11: frame control of a data frame, duration, three addresses, sequence
TAIL = SNAP + b"\x08\0" + V4
PPP_V6 = struct.pack(">H", 1 + len(V6)) + b"\x57" + V6
QOS = b"\x88\x00" + bytes(22) + b"\0\0"


def radiotap(flags: int, *, tsft: bool = False, words: int = 1) -> bytes:
    present = [2 | tsft | (0x80000000 if words > 1 else 0)] + [0x80000000] * max(0, words - 2) + [0] * (words > 1)
    fields = struct.pack(f"<{words}I", *present)
    if tsft:
        fields += bytes(-(4 + len(fields)) % 8) + bytes(8)
    fields += bytes((flags,))
    return struct.pack("<BBH", 0, 0, 4 + len(fields)) + fields


def ppi(link: int, fields: bytes = b"", flags: int = 0) -> bytes:
    return struct.pack("<BBHI", 0, flags, 8 + len(fields), link) + fields


def nflog(order: str, packet: bytes) -> bytes:
    prefix = struct.pack(order + "HH", 4 + 3, 10) + b"ab\0" + b"\0"
    return b"\x02\0\0\x05" + prefix + struct.pack(order + "HH", 4 + len(packet), 9) + packet


CARRIERS = {
    "ethernet": (1, ethernet(V4)),
    "ethernet 6": (1, ethernet(V6)),
    "VLAN": (1, ethernet(V4, between=b"\x81\0\x20\x05")),
    "802.1ad": (1, ethernet(V4, between=b"\x88\xa8\0\x07")),
    "0x9100 and VLAN": (1, ethernet(V6, between=b"\x91\0\0\x07\x81\0\0\x08")),
    "0x9200": (1, ethernet(V4, between=b"\x92\0\0\x07")),
    "MPLS": (1, ethernet(b"\0\x01\x01\x40" + V4, 0x8847)),
    "MPLS of three labels": (1, ethernet(b"\0\x01\x00\x40\0\x02\x00\x40\0\x03\x01\x40" + V6, 0x8848)),
    "pseudowire with control word": (1, ethernet(b"\0\x01\x01\x40" + b"\0\0\0\0" + ethernet(V4), 0x8847)),
    "pseudowire without": (1, ethernet(b"\0\x01\x01\x40" + ethernet(V4), 0x8847)),
    "PPPoE": (1, ethernet(b"\x11\0\0\x09" + struct.pack(">H", 2 + len(V4)) + b"\0\x21" + V4, 0x8864)),
    "PPPoE 6, one-byte protocol": (1, ethernet(b"\x11\0\0\x09" + PPP_V6, 0x8864)),
    "VLAN, then PPPoE": (1, ethernet(b"\x11\0\0\x09\0\0\0\x21" + V4, 0x8864, between=b"\x81\0\0\x03")),
    "SNAP": (1, MACS + struct.pack(">H", 8 + len(V4)) + TAIL),
    "SNAP of a bridge tunnel": (1, MACS + struct.pack(">H", 8 + len(V6)) + b"\xaa\xaa\x03\0\0\xf8\x86\xdd" + V6),
    "bridged Ethernet": (1, MACS + b"\0\x50" + b"\xaa\xaa\x03\x00\x80\xc2\0\x07" + ethernet(V4)),
    "LLC of IP": (1, MACS + struct.pack(">H", 3 + len(V4)) + b"\x06\x06\x03" + V4),
    "VN-tag": (1, ethernet(V4, between=b"\x89\x26\0\0\0\x01")),
    "E-tag": (1, ethernet(V4, between=b"\x89\x3f\0\0\0\x01\0\0")),
    "security group tag": (1, ethernet(V4, between=b"\x89\x09\x01\x01\0\x01\0\x05")),
    "NULL little-endian": (0, b"\x02\0\0\0" + V4),
    "NULL big-endian": (0, b"\0\0\0\x02" + V4),
    "NULL with an ethertype": (0, b"\x0f\0\x08\0" + V4),
    **{f"NULL AF_INET6 {family}": (0, struct.pack("<I", family) + V6) for family in (10, 23, 24, 28, 30)},
    "LOOP": (108, b"\0\0\0\x18" + V6),
    "PPP": (9, b"\0\x21" + V4),
    "PPP with address and control": (9, b"\xff\x03\0\x57" + V6),
    "PPP that is Cisco HDLC": (9, b"\x0f\0\x08\0" + V4),
    "PPP, MPLS": (9, b"\xff\x03\x02\x81" + b"\0\x01\x01\x40" + V4),
    "PPP-HDLC": (50, b"\xff\x03\0\x21" + V4),
    "PPP-HDLC, Cisco": (50, b"\x8f\0\x86\xdd" + V6),
    "PPP_ETHER": (51, b"\x11\0\0\x09\0\0\0\x21" + V4),
    "PPP with direction": (204, b"\x01\xff\x03\0\x21" + V4),
    "C-HDLC": (104, b"\x0f\0\x08\0" + V4),
    "C-HDLC with direction": (205, b"\0\x0f\0\x86\xdd" + V6),
    "FDDI": (10, b"\x50" + MACS + TAIL),
    "ATM": (100, TAIL),
    "raw": (101, V4),
    "raw 6": (12, V6),
    "raw of OpenBSD": (14, V4),
    "IPv4": (228, V4),
    "IPv6": (229, V6),
    "frame relay": (107, b"\x18\x41\x03\xcc" + V4),
    "frame relay 6, four-byte address, pad": (107, b"\x18\x40\x40\x41\x03\0\x8e" + V6),
    "frame relay, SNAP": (107, b"\x18\x41\x03\x80\0\0\0\x08\0" + V4),
    "frame relay, Cisco": (107, b"\x18\x41\x08\0" + V4),
    "frame relay with direction": (206, b"\x01\x18\x41\x03\xcc" + V4),
    "ENC": (109, bytes(12) + V6),
    "PFLOG": (117, bytes((61,)) + bytes(63) + V4),
    "SLL": (113, bytes(14) + b"\x08\0" + V4),
    "SLL with a VLAN": (113, bytes(14) + b"\x81\0\0\x05\x86\xdd" + V6),
    "SLL of LLC": (113, bytes(14) + b"\0\x04" + TAIL),
    "SLL2": (276, b"\x86\xdd" + bytes(18) + V6),
    "SLL2 of LLC": (276, b"\0\x04" + bytes(18) + TAIL),
    "802.11": (105, DATA + TAIL),
    "802.11 QoS": (105, QOS + SNAP + b"\x86\xdd" + V6),
    "802.11 QoS with HT control": (105, b"\x88\x80" + bytes(22) + bytes(2 + 4) + TAIL),
    "802.11 of four addresses": (105, b"\x08\x03" + bytes(22) + bytes(6) + TAIL),
    "radiotap": (127, radiotap(0) + DATA + TAIL),
    "radiotap with timer and check sequence": (127, radiotap(0x10, tsft=True) + DATA + TAIL + bytes(4)),
    "radiotap with three maps": (127, radiotap(0, tsft=True, words=3) + DATA + TAIL),
    "radiotap, header padded": (127, radiotap(0x20) + QOS + b"\0\0" + TAIL),
    "PPI of 802.11": (192, ppi(105, struct.pack("<HHQHH8x", 2, 20, 0, 1, 0)) + DATA + TAIL + bytes(4)),
    "PPI of Ethernet": (192, ppi(1) + ethernet(V6)),
    "PPI, aligned fields": (192, ppi(101, struct.pack("<HH", 30002, 1) + bytes(4), 1) + V4),
    "Prism": (119, struct.pack("<II", 0x44, 144) + bytes(136) + DATA + TAIL),
    "Prism big-endian": (119, struct.pack(">II", 0x44, 144) + bytes(136) + DATA + TAIL),
    "AVS": (163, struct.pack(">II", 0x80211001, 64) + bytes(56) + DATA + TAIL),
    "NFLOG": (239, nflog("<", V4)),
    "NFLOG big-endian": (239, nflog(">", V6)),
    "mPacket": (274, b"\x55" * 7 + b"\xd5" + ethernet(V4) + bytes(4)),
    "mPacket, preemptable": (274, b"\x55" * 7 + b"\xe6" + ethernet(V4) + bytes(4)),
}  # fmt: skip


def test_every_known_link_type_has_a_frame_here() -> None:
    assert {link for link, _ in CARRIERS.values()} == set(KNOWN)


@pytest.mark.parametrize("name", CARRIERS)
def test_the_packet_in_a_frame_is_found(name: str) -> None:
    link, frame = CARRIERS[name]
    batch, out = decoded(frame, link=link)
    assert out.kind[0] == KIND_IP
    assert (out.sport[0], out.dport[0], out.proto[0]) == (1111, 2222, 17)
    assert payload(batch, out) == (b"four" if out.version[0] == 4 else b"six")
    assert out.version[0] == (6 if V6 in frame else 4)


@pytest.mark.parametrize("name", CARRIERS)
def test_a_frame_cut_before_its_packet_is_unread(name: str) -> None:
    link, frame = CARRIERS[name]
    packet = frame.index(V6 if V6 in frame else V4)
    for size in range(packet + 1):
        _, out = decoded(frame[:size], link=link)
        assert out.kind[0] == KIND_UNREAD
        assert out.context[0] == 0


ELSE = {
    "unknown link type": (147, V4),
    "ARP": (1, ethernet(bytes(46), 0x0806)),
    "ethertype says 4, packet says 6": (1, ethernet(V6, 0x0800)),
    "ethertype says 6, packet says 4": (1, ethernet(V4, 0x86DD)),
    "spanning tree": (1, MACS + b"\0\x26\x42\x42\x03" + bytes(35)),
    "SNAP of another organisation": (1, MACS + b"\0\x50\xaa\xaa\x03\0\0\x0c\x20\0" + bytes(64)),
    "SNAP that names a length": (1, MACS + b"\0\x50" + SNAP + b"\0\x10" + V4),
    "MPLS of neither": (1, ethernet(b"\0\x01\x01\x40\x10" + bytes(40), 0x8847)),
    "PPPoE discovery code": (1, ethernet(b"\x11\x09\0\0\0\0\0\x21" + V4, 0x8864)),
    "PPP link control": (9, b"\xc0\x21\x01\x01\0\x04"),
    "Cisco keepalive": (104, b"\x8f\0\0\0" + bytes(20)),
    "NULL of another family": (0, b"\x07\0\0\0" + V4),
    "NULL family 2 with IPv6": (0, b"\x02\0\0\0" + V6),
    "SLL of IPX": (113, bytes(14) + b"\0\x01" + V4),
    "SLL2 of IPX": (276, b"\0\x01" + bytes(18) + V4),
    "raw of version 5": (101, b"\x55" + V4[1:]),
    "802.11 beacon": (105, b"\x80\0" + bytes(22) + TAIL),
    "802.11 without data": (105, b"\x48\0" + bytes(22) + TAIL),
    "802.11 encrypted": (105, b"\x08\x40" + bytes(22) + TAIL),
    "802.11 later fragment": (105, b"\x08\0" + bytes(20) + b"\x01\0" + TAIL),
    "802.11 A-MSDU": (105, QOS[:24] + b"\x80\0" + TAIL),
    "802.11 of another version": (105, b"\x09\0" + bytes(22) + TAIL),
    "radiotap of another version": (127, b"\x01" + radiotap(0)[1:] + DATA + TAIL),
    "radiotap, check sequence failed": (127, radiotap(0x50) + DATA + TAIL + bytes(4)),
    "radiotap longer than the frame": (127, b"\0\0\xff\xff" + bytes(40)),
    "radiotap of endless maps": (127, b"\0\0\x10\0" + b"\xff" * 12 + DATA + TAIL),
    "PPI, check sequence failed": (192, ppi(105, struct.pack("<HHQHH", 2, 12, 0, 5, 0)) + DATA + TAIL),
    "PPI in PPI": (192, ppi(192) + ppi(1) + ethernet(V4)),
    "PPI of a link type beyond 16 bits": (192, ppi(0x10001) + ethernet(V4)),
    "PPI shorter than itself": (192, b"\0\0\x04\0\x01\0\0\0" + ethernet(V4)),
    "PPI of another version": (192, b"\x01" + ppi(1)[1:] + ethernet(V4)),
    "Prism longer than the frame": (119, struct.pack("<II", 0x44, 9999) + bytes(200)),
    "frame relay, endless address": (107, bytes(20) + V4),
    "frame relay, OSI": (107, b"\x18\x41\x03\x81" + V4),
    "frame relay, LMI": (107, b"\x18\x41\x00\x08" + V4),
    "frame relay, SNAP of another organisation": (107, b"\x18\x41\x03\x80\0\0\x0c\x08\0" + V4),
    "frame relay, SNAP that names a length": (107, b"\x18\x41\x03\x80\0\0\0\0\x10" + V4),
    "NFLOG of another version": (239, b"\x02\x01" + nflog("<", V4)[2:]),
    "NFLOG without a packet": (239, b"\x02\0\0\0" + struct.pack("<HHI", 8, 1, 0) + bytes(4)),
    "NFLOG attribute shorter than its header": (239, b"\x02\0\0\0" + struct.pack("<HHHH", 4, 1, 3, 9) + V4),
    "mPacket, later fragment": (274, b"\x55" * 6 + b"\x61\xe6" + ethernet(V4) + bytes(4)),
}


@pytest.mark.parametrize("name", ELSE)
def test_what_carries_no_readable_packet_is_unread(name: str) -> None:
    link, frame = ELSE[name]
    _, out = decoded(frame, link=link)
    assert out.kind[0] == KIND_UNREAD
    assert (out.version[0], out.src_lo[0], out.sport[0], out.payload_wire[0], out.context[0]) == (0, 0, 0, 0, 0)


def context(*between: bytes, packet: bytes = V4, kind: int | None = None) -> int:
    _, out = decoded(ethernet(packet, kind, between=b"".join(between)), link=1)
    assert out.kind[0] == KIND_IP
    return int(out.context[0])


def test_a_single_tag_is_its_vlan_id() -> None:
    assert context() == 0
    assert context(b"\x81\0\x0f\xff") == 4095
    assert context(b"\x81\0\xe0\x05") == 5, "priority is no part of it"
    assert context(b"\x88\xa8\0\x05") == 5


def test_a_priority_tag_is_no_vlan() -> None:
    assert context(b"\x81\0\xe0\0") == 0
    assert context(b"\x81\0\xe0\0", b"\x81\0\0\x05") == 5


def test_stacks_are_told_apart_by_all_their_tags_and_their_order() -> None:
    stacks = [
        context(b"\x88\xa8\0\x01", b"\x81\0\0\x02"),
        context(b"\x88\xa8\0\x02", b"\x81\0\0\x01"),
        context(b"\x88\xa8\0\x01", b"\x81\0\0\x03"),
        context(b"\x88\xa8\0\x01", b"\x81\0\0\x02", b"\x81\0\0\x03"),
    ]
    assert len(set(stacks)) == 4
    assert all(value >> 31 for value in stacks)


def test_pppoe_sessions_are_told_apart_from_each_other_and_from_vlans() -> None:
    def session(number: int) -> int:
        return context(packet=struct.pack(">BBHHH", 0x11, 0, number, 2 + len(V4), 0x21) + V4, kind=0x8864)

    assert session(9) >> 31
    assert len({session(9), session(10), context(b"\x81\0\0\x09")}) == 3


def test_mpls_labels_do_not_tear_the_two_directions_of_a_flow_apart() -> None:
    there, back = b"\0\x01\x01\x40" + V4, b"\0\x77\x71\x40" + V4
    assert context(packet=there, kind=0x8847) == context(packet=back, kind=0x8847) == 0


def test_radiotap_check_sequence_does_not_become_payload() -> None:
    packet = ip4(udp(b"four", length=0), total=0)  # lengths left to the card: the payload goes to the frame's end
    batch, out = decoded(radiotap(0x10) + DATA + SNAP + b"\x08\0" + packet + b"FCS!", link=127)
    assert payload(batch, out) == b"four"
    batch, out = decoded(radiotap(0) + DATA + SNAP + b"\x08\0" + packet + b"more", link=127)
    assert payload(batch, out) == b"fourmore"


def test_addresses_of_both_versions() -> None:
    _, out = decoded(V4, V6)
    assert (out.src_hi[0], out.src_lo[0], out.dst_lo[0]) == (0, 0x0A000001, 0x0A000002)
    assert (out.src_hi[1], out.src_lo[1], out.dst_hi[1], out.dst_lo[1]) == (0x20010DB8 << 32, 1, 0x20010DB8 << 32, 2)
    assert (A4, A6) == ("10.0.0.1", "2001:db8::1")
