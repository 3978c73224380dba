"""LINKTYPE_ numbers into the names that a person knows (https://www.tcpdump.org/linktypes.html)."""

from typing import Final

NAMES: Final[dict[int, str]] = {
    0: "BSD loopback", 1: "Ethernet", 3: "AX.25", 6: "Token Ring", 7: "ARCNET BSD", 8: "SLIP", 9: "PPP", 10: "FDDI",
    12: "raw IP", 14: "raw IP", 50: "PPP in HDLC framing", 51: "PPPoE", 100: "LLC/SNAP over ATM", 101: "raw IP",
    104: "Cisco HDLC", 105: "802.11", 107: "Frame Relay", 108: "OpenBSD loopback", 109: "OpenBSD encapsulating",
    113: "Linux cooked", 114: "LocalTalk", 117: "PF log", 119: "802.11 with Prism header",
    122: "IP over Fibre Channel", 123: "ATM by SunATM", 127: "802.11 with radiotap", 129: "ARCNET Linux",
    138: "IP over FireWire", 139: "MTP2 with header", 140: "MTP2", 141: "MTP3", 142: "SCCP", 143: "DOCSIS",
    144: "IrDA", 163: "802.11 with AVS header", 165: "BACnet MS/TP", 166: "PPP by pppd", 169: "GPRS LLC",
    177: "Linux LAPD", 182: "Juniper MFR", 187: "Bluetooth HCI H4", 189: "USB by Linux", 190: "CAN 2.0B", 192: "PPI",
    195: "802.15.4 with FCS", 196: "SITA", 197: "ERF", 201: "Bluetooth HCI H4 with header", 202: "AX.25 KISS",
    203: "LAPD", 204: "PPP with direction", 205: "Cisco HDLC with direction", 206: "Frame Relay with direction",
    209: "IPMB by Linux", 215: "802.15.4 with non-ASK header", 220: "USB by Linux, padded", 224: "Fibre Channel FC-2",
    226: "IPNET by Solaris", 227: "CAN by SocketCAN", 228: "raw IPv4", 229: "raw IPv6", 230: "802.15.4 without FCS",
    231: "D-Bus", 235: "DVB-CI", 236: "multiplexed UART (27.010)", 237: "STANAG 5066", 239: "netfilter log",
    240: "NetANALYZER", 242: "IP over InfiniBand", 243: "MPEG-2 transport stream", 247: "InfiniBand", 248: "SCTP",
    249: "USB by USBPcap", 251: "Bluetooth LE", 252: "Wireshark upper PDU", 253: "netlink", 254: "Bluetooth monitor",
    256: "Bluetooth LE with header", 258: "PKTAP", 259: "Ethernet passive optical network", 264: "ISO 14443",
    265: "RDS", 266: "USB by Darwin", 270: "LoRaTap", 271: "virtual socket", 272: "Nordic Bluetooth LE",
    273: "DOCSIS by XRA-31", 274: "Ethernet mPacket", 275: "DisplayPort AUX", 276: "Linux cooked, version 2",
    278: "OpenVizsla", 279: "Elektrobit high speed", 280: "VPP dispatch", 281: "Broadcom DSA tag",
    282: "Broadcom DSA tag in front", 283: "802.15.4 TAP", 284: "Marvell DSA tag", 285: "Marvell extended DSA tag",
    288: "USB 2.0", 289: "ATSC ALP", 290: "Event Tracing for Windows",
}  # fmt: skip


def link_text(number: int) -> str:
    """`195 (802.15.4 with FCS)`, or the bare number where it has no name here."""
    name = NAMES.get(number)
    return str(number) if name is None else f"{number} ({name})"
