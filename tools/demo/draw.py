"""Packets that no ordinary program sends → capture files: fragments that overlap, first fragments that hide something.

usage (from the top of the repository): python -m tools.demo.draw [FOLDER]

Everything here is drawn with scapy and is the same, byte for byte, each time.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.demo.captures import SECOND, Frame, moved, write_pcap
from tools.demo.network import OFFICE_MAC, WORLD_MAC

START_NS = 1_795_510_800 * SECOND
"""When a drawn scene begins that stands alone: 24 November 2026, 09:00:00 UTC."""
GAP_NS = 400_000
"""Between the fragments of one datagram."""
FOE, TARGET = "203.0.113.99", "10.20.4.17"
FOE6, TARGET6 = "2001:db8:99::99", "fd57:1571:20::17"
UDP, TCP, FRAGMENT, DESTINATION = 17, 6, 44, 60
"""IANA protocol numbers; 60 is the header of destination options (RFC 8200, section 4.6)."""


def _udp(dport: int, payload: bytes, checksum: int | None = None) -> bytes:
    """A UDP datagram from FOE's port 40000 to TARGET, without the IP header; 0 stands for no checksum (RFC 768)."""
    from scapy.layers.inet import IP
    from scapy.layers.inet import UDP as Udp

    return bytes(IP(src=FOE, dst=TARGET) / Udp(sport=40_000, dport=dport, chksum=checksum) / payload)[20:]


def _fragments(ident: int, proto: int, pieces: list[tuple[int, bytes, bool]]) -> list[bytes]:
    """Frames of IPv4 fragments from FOE to TARGET: (offset in bytes, data, more to follow)."""
    from scapy.layers.inet import IP
    from scapy.layers.l2 import Ether

    return [
        bytes(
            Ether(src=WORLD_MAC, dst=OFFICE_MAC)
            / IP(src=FOE, dst=TARGET, id=ident, ttl=57, proto=proto, flags="MF" if more else 0, frag=offset // 8)
            / data
        )
        for offset, data, more in pieces
    ]


def _in_time(*trains: list[bytes]) -> list[Frame]:
    """One train every two seconds."""
    return [
        Frame(number * 2 * SECOND + index * GAP_NS, data)
        for number, train in enumerate(trains)
        for index, data in enumerate(train)
    ]


def overlapping_fragments() -> list[Frame]:
    """Two datagrams whose fragments contradict each other: one about its destination port, one about its payload."""
    harmless, other = (_udp(port, _question()) for port in (53, 4444))
    ports = [(0, harmless[:24], True), (0, other[:24], True), (24, harmless[24:], False)]
    said = _udp(514, b"<134>print: second-floor is empty, all trays are full, next check at half past nine", checksum=0)
    meant = said[:24] + b"rm -r /srv/print/spool; " + said[48:]
    payload = [(0, said[:48], True), (24, meant[24:72], True), (72, said[72:], False)]
    return _in_time(_fragments(0x1571, UDP, ports), _fragments(0x1572, UDP, payload))


def _question() -> bytes:
    """A DNS question."""
    from scapy.layers.dns import DNS, DNSQR

    return bytes(DNS(id=0x1571, rd=1, qd=DNSQR(qname="status.print.office.example", qtype="A")))


def tiny_fragments() -> list[Frame]:
    """First fragments cut so short that a filter which looks at them alone sees no payload, no TCP flags, no ports."""
    bare = _udp(161, b"a payload that is kept out of the first fragment")
    whole = [(0, bare[:8], True), (8, bare[8:], False)]
    syn = _syn()
    flags = [(0, syn[:8], True), (8, syn[8:], False)]
    return _in_time(_fragments(0x1573, UDP, whole), _fragments(0x1574, TCP, flags), _hidden_ports())


def _syn() -> bytes:
    """A SYN to Telnet, without the IP header; its flags are in byte 13."""
    from scapy.layers.inet import IP
    from scapy.layers.inet import TCP as Tcp

    return bytes(IP(src=FOE, dst=TARGET) / Tcp(sport=40_001, dport=23, flags="S", seq=1571, window=1024))[20:]


def _hidden_ports() -> list[bytes]:
    """IPv6, whose first fragment holds destination options and nothing of the UDP header (RFC 7112 forbids that)."""
    from scapy.layers.inet import UDP as Udp
    from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, PadN
    from scapy.layers.l2 import Ether

    upper: Any = (
        IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]) / Udp(sport=40_002, dport=4444) / (b"out of sight " * 4)
    )
    data = bytes(IPv6(src=FOE6, dst=TARGET6) / upper)[40:]
    return [
        bytes(
            Ether(src=WORLD_MAC, dst=OFFICE_MAC)
            / IPv6(src=FOE6, dst=TARGET6, hlim=57, nh=FRAGMENT)
            / IPv6ExtHdrFragment(nh=DESTINATION, offset=offset // 8, m=int(more), id=0x1575)
            / piece
        )
        for offset, piece, more in ((0, data[:8], True), (8, data[8:], False))
    ]


SCENES: dict[str, Callable[[], list[Frame]]] = {
    "overlapping-fragments": overlapping_fragments,
    "tiny-fragments": tiny_fragments,
}
"""Name of the capture → the scene that is drawn."""


def draw(name: str, target: Path) -> None:
    """Draw one scene. Raises KeyError for a name that is none."""
    write_pcap(target, moved(SCENES[name](), START_NS))


def main() -> None:
    """Draw every scene."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "demo_pcaps"
    for name in SCENES:
        target = folder / f"{name}.pcap"
        draw(name, target)
        print(f"{name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
