"""Ethernet frames → the same inside tunnels, written by hand from the specifications."""

import struct
from collections.abc import Callable, Sequence

from tests.engine.wire import ethernet, ip4, ip6, udp

FRAME_HEADER = 14
ROUTERS = ("198.51.100.1", "198.51.100.2")
ROUTERS_6 = ("2001:db8:9::1", "2001:db8:9::2")
Wrapper = Callable[[bytes, bool], bytes]
"""A frame, and whether it goes back → the frame around it."""


def checked(packet: bytes) -> bytes:
    """An IPv4 packet with its header checksum (RFC 1071)."""
    size = (packet[0] & 15) * 4
    header = packet[:10] + b"\0\0" + packet[12:size]
    total = sum(struct.unpack(f">{size // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack(">H", total ^ 0xFFFF) + header[12:] + packet[size:]


def packet_of(frame: bytes) -> bytes:
    """The IP packet of a frame without tags."""
    packet = frame[FRAME_HEADER:]
    return checked(packet) if packet[0] >> 4 == 4 else packet


def frame_of(frame: bytes) -> bytes:
    """The frame, with the checksum of its packet."""
    return frame[:FRAME_HEADER] + packet_of(frame)


def over_ip(body: bytes, proto: int, back: bool) -> bytes:
    """A frame between the tunnel's ends."""
    src, dst = ROUTERS[::-1] if back else ROUTERS
    return ethernet(checked(ip4(body, proto, src=src, dst=dst)))


def over_ip6(body: bytes, proto: int, back: bool) -> bytes:
    """The same over IPv6."""
    src, dst = ROUTERS_6[::-1] if back else ROUTERS_6
    return ethernet(ip6(body, proto, src=src, dst=dst))


def over_udp(body: bytes, port: int, back: bool, sport: int | None = None) -> bytes:
    """A datagram to `port`, from a port of the sender's own in each direction (RFC 7348, section 4.1)."""
    return over_ip(udp(body, (50001 if back else 50002) if sport is None else sport, port), 17, back)


def vxlan(frame: bytes, back: bool, vni: int = 42, port: int = 4789) -> bytes:
    """RFC 7348, section 5."""
    return over_udp(struct.pack(">II", 0x08000000, vni << 8) + frame_of(frame), port, back)


def geneve(frame: bytes, back: bool, vni: int = 42, port: int = 6081, options: bytes = b"\1\2\3\0") -> bytes:
    """RFC 8926, section 3.4."""
    return over_udp(
        struct.pack(">BBHI", len(options) // 4, 0, 0x6558, vni << 8) + options + frame_of(frame), port, back
    )


def gtp(frame: bytes, back: bool, port: int = 2152) -> bytes:
    """3GPP TS 29.281, section 5.1: a sequence number, and an extension header of four bytes."""
    body = b"\0\1\0\x85" + b"\1\0\0\0" + packet_of(frame)
    return over_udp(struct.pack(">BBHI", 0x36, 255, len(body), 8 if back else 7) + body, port, back, 2152)


def gre(frame: bytes, back: bool) -> bytes:
    """RFC 2784, section 2."""
    return over_ip(struct.pack(">HH", 0, 0x0800 if frame[14] >> 4 == 4 else 0x86DD) + packet_of(frame), 47, back)


def gre_key(frame: bytes, back: bool) -> bytes:
    """RFC 2890, section 2: checksum, key and sequence number; Ethernet inside (RFC 7637)."""
    return over_ip(struct.pack(">HHIII", 0xB000, 0x6558, 0, 7, 1) + frame_of(frame), 47, back)


def pptp(frame: bytes, back: bool) -> bytes:
    """RFC 2637, section 4.1: sequence and acknowledgement, another call id each way; PPP inside (RFC 1661)."""
    packet = packet_of(frame)
    ppp = b"\xff\x03" + (b"\x00\x21" if packet[0] >> 4 == 4 else b"\x00\x57") + packet
    return over_ip(struct.pack(">HHHHII", 0x3081, 0x880B, len(ppp), 9 if back else 5, 1, 1) + ppp, 47, back)


def erspan(frame: bytes, back: bool) -> bytes:
    """draft-foschiano-erspan-03, type II: GRE with a sequence number, session 5."""
    return over_ip(
        struct.pack(">HHI", 0x1000, 0x88BE, 1) + struct.pack(">HHI", 0x1000, 5, 0) + frame_of(frame), 47, back
    )


def ipip(frame: bytes, back: bool) -> bytes:
    """RFC 2003, RFC 4213: protocol 4 or 41 in IPv4."""
    packet = packet_of(frame)
    return over_ip(packet, 4 if packet[0] >> 4 == 4 else 41, back)


def in_ip6(frame: bytes, back: bool) -> bytes:
    """RFC 2473: the same in IPv6."""
    packet = packet_of(frame)
    return over_ip6(packet, 4 if packet[0] >> 4 == 4 else 41, back)


def l2tp(frame: bytes, back: bool) -> bytes:
    """RFC 2661, section 3.1: a data message with length and sequence, PPP inside."""
    packet = packet_of(frame)
    ppp = b"\xff\x03" + (b"\x00\x21" if packet[0] >> 4 == 4 else b"\x00\x57") + packet
    head = struct.pack(">HHHHHH", 0x4802, 12 + len(ppp), 6 if back else 3, 4, 1, 1)
    return over_udp(head + ppp, 1701, back, 1701)


def l2tp3(frame: bytes, back: bool) -> bytes:
    """RFC 3931, section 4.1.1.1: session 9, a cookie of four bytes, Ethernet inside (RFC 4719)."""
    return over_ip(struct.pack(">II", 9, 0xC00C1E00) + frame_of(frame), 115, back)


TUNNELS: dict[str, Wrapper] = {
    "ipip": ipip,
    "4in6": in_ip6,
    "gre": gre,
    "gre key 7": gre_key,
    "gre ": pptp,
    "erspan session 5": erspan,
    "vxlan vni 42": vxlan,
    "geneve vni 42": geneve,
    "gtp-u teid 0x00000007": gtp,
    "l2tp tunnel 3 session 4": l2tp,
    "l2tpv3 session 9": l2tp3,
}
"""What IPv4 can lie in, by the words for it (those of `gre` with PPP end in a space here)."""


def goes_back(frames: Sequence[bytes]) -> list[bool]:
    """Which Ethernet frames with IPv4 do not come from where the first one came from."""
    return [frame[26:30] != frames[0][26:30] for frame in frames]


def wrapped(frames: Sequence[bytes], *wrappers: Wrapper) -> list[bytes]:
    """The frames in tunnels, the innermost wrapper first."""
    back = goes_back(frames)
    out = list(frames)
    for wrapper in wrappers:
        out = [wrapper(frame, way) for frame, way in zip(out, back, strict=True)]
    return out
