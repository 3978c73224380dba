"""Link types and recognised protocols → the scapy classes that read them, loaded only when they are needed."""

import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_LINKS: dict[int, tuple[str, str]] = {
    0: ("scapy.layers.l2", "Loopback"), 108: ("scapy.layers.l2", "Loopback"), 1: ("scapy.layers.l2", "Ether"),
    9: ("scapy.layers.ppp", "PPP"), 50: ("scapy.layers.ppp", "PPP"), 51: ("scapy.layers.ppp", "PPPoE"),
    12: ("scapy.layers.inet", "IP"), 14: ("scapy.layers.inet", "IP"), 101: ("scapy.layers.inet", "IP"),
    228: ("scapy.layers.inet", "IP"), 229: ("scapy.layers.inet6", "IPv6"), 104: ("scapy.contrib.chdlc", "CHDLC"),
    105: ("scapy.layers.dot11", "Dot11"), 119: ("scapy.layers.dot11", "PrismHeader"),
    127: ("scapy.layers.dot11", "RadioTap"), 163: ("scapy.contrib.avs", "AVSWLANHeader"),
    113: ("scapy.layers.l2", "CookedLinux"), 276: ("scapy.layers.l2", "CookedLinuxV2"),
    192: ("scapy.layers.ppi", "PPI"), 117: ("scapy.layers.pflog", "PFLog"), 227: ("scapy.layers.can", "CAN"),
    187: ("scapy.layers.bluetooth", "HCI_Hdr"), 201: ("scapy.layers.bluetooth", "HCI_PHDR_Hdr"),
    195: ("scapy.layers.dot15d4", "Dot15d4FCS"), 230: ("scapy.layers.dot15d4", "Dot15d4"),
}  # fmt: skip
"""Class by LINKTYPE_ number (registry of tcpdump.org)."""
RAW_IP_LINKS = frozenset({12, 14, 101})
"""Link types whose frame starts with an IP header of either version."""
_BASE_MODULES = ("scapy.layers.l2", "scapy.layers.inet", "scapy.layers.inet6")
_ETHERTYPES: dict[int, str] = {
    0x8847: "scapy.contrib.mpls", 0x8848: "scapy.contrib.mpls", 0x8863: "scapy.layers.ppp", 0x8864: "scapy.layers.ppp",
    0x88CC: "scapy.contrib.lldp", 0x888E: "scapy.layers.eap", 0x8809: "scapy.contrib.lacp",
}  # fmt: skip
"""Modules that bind themselves to an ethertype (IEEE 802 numbers, IANA)."""
_PROTOCOLS: dict[int, str] = {
    2: "scapy.contrib.igmp", 50: "scapy.layers.ipsec", 51: "scapy.layers.ipsec", 88: "scapy.contrib.eigrp",
    89: "scapy.contrib.ospf", 103: "scapy.contrib.pim", 112: "scapy.layers.vrrp", 115: "scapy.layers.l2tp",
    132: "scapy.layers.sctp",
}  # fmt: skip
"""Modules that bind themselves to an IP protocol number (IANA)."""


@dataclass(frozen=True, slots=True)
class AppLayer:
    """How the payload of a recognised protocol is read."""

    module: str
    names: tuple[str, ...]
    """The class; of two, the first reads what the originator of a request sends."""
    starts: Callable[[bytes], bool]
    """Whether a message starts here; a segment in the middle of a stream is no message."""


def _anything(payload: bytes) -> bool:
    return bool(payload)


def _tls_record(payload: bytes) -> bool:
    """RFC 8446, 5.1: types 20 to 24 (heartbeat, RFC 6520), major version 3, at most 2^14 + 2048 bytes (TLS 1.2)."""
    return len(payload) >= 5 and 20 <= payload[0] <= 24 and payload[1] == 3 and payload[2] <= 4 and (
        int.from_bytes(payload[3:5], "big") <= 16_384 + 2_048)  # fmt: skip


def _ssh_packet(payload: bytes) -> bool:
    """RFC 4253, 4.2 and 6: the version line, or a packet in clear, whose padding fits its length."""
    if payload.startswith(b"SSH-"):
        return True
    length = int.from_bytes(payload[:4], "big")
    return len(payload) >= 6 and 12 <= length <= 35_000 and 4 <= payload[4] < length and (length + 4) % 8 == 0


def _modbus(payload: bytes) -> bool:
    """Protocol identifier 0, and a length that holds at least unit and function."""
    return len(payload) >= 8 and payload[2:4] == b"\0\0" and 2 <= int.from_bytes(payload[4:6], "big") <= 254


def _mqtt(payload: bytes) -> bool:
    return len(payload) >= 2 and 1 <= payload[0] >> 4 <= 14


def _nbss(payload: bytes) -> bool:
    """RFC 1002, 4.3.1: session packet types; 0 is a message."""
    return len(payload) >= 4 and payload[0] in (0x00, 0x81, 0x82, 0x83, 0x84, 0x85)


def _bgp(payload: bytes) -> bool:
    """RFC 4271, 4.1: sixteen bytes of ones in front."""
    return payload.startswith(b"\xff" * 16)


_APPS: dict[str, AppLayer] = {
    "tls": AppLayer("scapy.layers.tls.all", ("TLS",), _tls_record),
    "dns": AppLayer("scapy.layers.dns", ("DNS",), _anything),
    "mdns": AppLayer("scapy.layers.dns", ("DNS",), _anything),
    "llmnr": AppLayer("scapy.layers.dns", ("DNS",), _anything),
    "ssh": AppLayer("scapy.layers.ssh", ("SSH",), _ssh_packet),
    "dhcp": AppLayer("scapy.layers.dhcp", ("BOOTP",), _anything),
    "bootp": AppLayer("scapy.layers.dhcp", ("BOOTP",), _anything),
    "dhcpv6": AppLayer("scapy.layers.dhcp6", ("DHCP6",), _anything),
    "ntp": AppLayer("scapy.layers.ntp", ("NTP",), _anything),
    "radius": AppLayer("scapy.layers.radius", ("Radius",), _anything),
    "tftp": AppLayer("scapy.layers.tftp", ("TFTP",), _anything),
    "rip": AppLayer("scapy.layers.rip", ("RIP",), _anything),
    "rtp": AppLayer("scapy.layers.rtp", ("RTP",), _anything),
    "rtcp": AppLayer("scapy.contrib.rtcp", ("RTCP",), _anything),
    "quic": AppLayer("scapy.layers.quic", ("QUIC",), _anything),
    "netflow": AppLayer("scapy.layers.netflow", ("NetflowHeader",), _anything),
    "hsrp": AppLayer("scapy.layers.hsrp", ("HSRP",), _anything),
    "l2tp": AppLayer("scapy.layers.l2tp", ("L2TP",), _anything),
    "ipsec": AppLayer("scapy.layers.isakmp", ("ISAKMP",), lambda payload: len(payload) >= 28),
    "vxlan": AppLayer("scapy.layers.vxlan", ("VXLAN",), _anything),
    "coap": AppLayer("scapy.contrib.coap", ("CoAP",), _anything),
    "stun": AppLayer("scapy.contrib.stun", ("STUN",), _anything),
    "modbus": AppLayer("scapy.contrib.modbus", ("ModbusADURequest", "ModbusADUResponse"), _modbus),
    "mqtt": AppLayer("scapy.contrib.mqtt", ("MQTT",), _mqtt),
    "smb": AppLayer("scapy.layers.netbios", ("NBTSession",), _nbss),
    "bgp": AppLayer("scapy.contrib.bgp", ("BGP",), _bgp),
    "wireguard": AppLayer("scapy.contrib.wireguard", ("Wireguard",), _anything),
    "gtp": AppLayer("scapy.contrib.gtp", ("GTPHeader",), _anything),
}  # fmt: skip
"""Protocols by the names of the recognisers."""


def load_scapy() -> Any:
    """Import scapy's core, silent and without a look at this machine's routes; the module `scapy.packet`."""
    logging.getLogger("scapy").setLevel(logging.CRITICAL + 1)
    config = importlib.import_module("scapy.config")
    config.conf.route_autoload = False
    config.conf.route6_autoload = False
    for module in _BASE_MODULES:
        importlib.import_module(module)
    # loading sets the level of some of its loggers anew
    for name in ("scapy", "scapy.loading", "scapy.runtime", "scapy.interactive"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return importlib.import_module("scapy.packet")


def link_class(link: int, frame: bytes) -> type | None:
    """The class that reads a frame of link type `link`; None if there is none."""
    if link in RAW_IP_LINKS and frame[:1] and frame[0] >> 4 == 6:
        link = 229
    known = _LINKS.get(link)
    return None if known is None else _class(*known)


def app_layer(app: str) -> AppLayer | None:
    """How payload of `app` is read by scapy; None if scapy has no layer for it."""
    return _APPS.get(app)


def app_class(layer: AppLayer, index: int = 0) -> type:
    """The class of a protocol's layer; ImportError if this scapy has it not."""
    return _class(layer.module, layer.names[min(index, len(layer.names) - 1)])


def missing_module(packet: Any) -> str | None:
    """The module that would read the payload which `packet`, the last layer that was read, announces; else None."""
    kind = packet.fields.get("type", packet.fields.get("proto"))
    if isinstance(kind, int) and kind > 0x600 and kind in _ETHERTYPES:
        return _ETHERTYPES[kind]
    number = packet.fields.get("proto", packet.fields.get("nh"))
    if isinstance(number, int) and type(packet).__name__.startswith("IP"):
        return _PROTOCOLS.get(number)
    return None


def _class(module: str, name: str) -> type:
    found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, type):
        raise ImportError(f"scapy's {module} has no {name}")
    return found
