"""Packets that carry packets → matches: VXLAN, Geneve, Teredo, and the user plane and control of L2TP.

Sources: RFC 7348, 5; RFC 8926, 3.4; RFC 4380, 5.1.1; RFC 2661, 3.1 and 4.1. What proves a tunnel is the packet inside
whose own length closes on the datagram.
"""

from oddport.engine.columns import UDP
from oddport.protocols.binary import u16, u32
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol
from oddport.protocols.shapes import Message, fixed, grammar, masked, message, one_of, side, whole

IPV4, IPV6, ARP, VLAN, TRANSPARENT = 0x0800, 0x86DD, 0x0806, 0x8100, 0x6558
"""EtherTypes; the last is Ethernet in something else."""
OTHER_TYPES = (0x8847, 0x8848, 0x88A8, 0x88CC, 0x8863, 0x8864, 0x888E, 0x88E5, 0x8809)
"""MPLS, service VLAN, LLDP, PPPoE, EAPOL, MACsec, slow protocols: what follows is not looked at."""
ARP_ETHERNET = bytes.fromhex("0001 0800 0604")
SPANNING_TREE = b"\x42\x42\x03"
"""LLC of what has a length for a type."""
LONGEST_FRAME = 1_500


def ip_bits(data: bytes, at: int) -> int:
    """Bits that an IP packet from `at` to the end of the data confirms; -1 where there is none."""
    room = len(data) - at
    if room < 20:
        return -1
    if data[at] >> 4 == 4:
        total = u16(data, at + 2)
        if data[at] & 15 < 5 or not 20 <= total <= room:
            return -1
        # short frames are padded
        return 4 + (16 if total == room else 6)
    if data[at] >> 4 == 6 and room >= 40:
        return 4 + 16 if u16(data, at + 4) == room - 40 else -1
    return -1


def ethernet_bits(data: bytes, at: int) -> int:
    """As `ip_bits`, of an Ethernet frame."""
    at += 12
    while at + 6 <= len(data) and u16(data, at) == VLAN:
        at += 4
    if at + 5 > len(data):
        return -1
    kind = u16(data, at)
    if kind in (IPV4, IPV6):
        inner = ip_bits(data, at + 2)
        return 15 + inner if inner >= 0 and (data[at + 2] >> 4 == 4) == (kind == IPV4) else -1
    if kind == ARP:
        return 16 + 48 if data.startswith(ARP_ETHERNET, at + 2) else -1
    if kind <= LONGEST_FRAME:
        return 24 if data.startswith(SPANNING_TREE, at + 2) else -1
    return 12 if kind in OTHER_TYPES else -1


# VXLAN, Geneve ------------------------------------------------------------------------------------------------------

VXLAN_HEADER = 8


def _vxlan(data: bytes) -> int:
    return ethernet_bits(data, VXLAN_HEADER)


def _vni(data: bytes) -> Facts:
    return {"vni": u32(data, 4) >> 8}


_VXLAN = message(
    "VXLAN with an Ethernet frame", fixed(0, b"\x08\0\0\0"), fixed(7, b"\0"), least=22, check=_vxlan, facts=_vni
)


def _geneve(data: bytes) -> int:
    at = 8 + 4 * data[0]
    kind = u16(data, 2)
    return ethernet_bits(data, at) if kind == TRANSPARENT else ip_bits(data, at) if kind in (IPV4, IPV6) else -1


_GENEVE = message(
    "Geneve with a frame or packet",
    masked(0, 0xC0, 0),
    masked(1, 0x3F, 0),
    one_of(2, b"\x65\x08\x86"),
    one_of(3, b"\x58\x00\xdd"),
    fixed(7, b"\0"),
    least=28,
    check=_geneve,
    facts=_vni,
)

# Teredo -------------------------------------------------------------------------------------------------------------

IPV6_HEADER = 40
TEREDO_PREFIX = b"\x20\x01\0\0"
LINK_LOCAL = b"\xfe\x80\0\0\0\0\0\0"
ORIGIN = 8
"""Bytes of the origin indication: two zeros, port and address, which are inverted."""


def _teredo(data: bytes, role: int) -> SideMatch | None:
    size = len(data)
    at = 0
    says = "IPv6 in Teredo"
    if size > 4 and data[0] == 0 and data[1] == 1:
        # authentication: identifier and value, nonce, confirmation
        at = 4 + data[2] + data[3] + 9
        says += ", authentication before"
    if at + ORIGIN <= size and data[at] == 0 and data[at + 1] == 0:
        if role == CLIENT:
            return None
        at += ORIGIN
        says += ", origin before"
    if at + IPV6_HEADER > size or data[at] >> 4 != 6 or u16(data, at + 4) != size - at - IPV6_HEADER:
        return None
    bits = 0
    for begin in (at + 8, at + 24):
        if data.startswith(TEREDO_PREFIX, begin):
            bits += 8 * len(TEREDO_PREFIX)
        elif data.startswith(LINK_LOCAL, begin):
            bits += 8 * len(LINK_LOCAL)
    if not bits:
        return None
    return SideMatch(True, ((at, IPV6_HEADER, f"{says}; its length closes"),), {}, False, 4 + 16 + bits)


def teredo_client(data: bytes) -> SideMatch | None:
    """An IPv6 packet of a client: to its server, to a relay, or to another client."""
    return _teredo(data, CLIENT)


def teredo_server(data: bytes) -> SideMatch | None:
    """An IPv6 packet to a client, with the origin that a server saw before it."""
    return _teredo(data, SERVER)


def teredo_reject(data: bytes, role: int) -> str:
    """Why the data are no IPv6 packet in Teredo."""
    if data[0] and data[0] >> 4 != 6:
        return f"byte 0 is 0x{data[0]:02x}, IPv6 starts with 0x60 to 0x6f, what stands before it with 0x00"
    return "" if _teredo(data, role) is not None else f"no IPv6 packet of Teredo ends with the {len(data)} bytes"


# L2TP ---------------------------------------------------------------------------------------------------------------

CONTROL_HEADER = 12
L2TP_MESSAGES = {
    1: "SCCRQ", 2: "SCCRP", 3: "SCCCN", 4: "StopCCN", 6: "HELLO", 7: "OCRQ", 8: "OCRP", 9: "OCCN", 10: "ICRQ",
    11: "ICRP", 12: "ICCN", 14: "CDN", 15: "WEN", 16: "SLI",
}  # fmt: skip
L2TP_REPLIES = (2, 8, 11)
MESSAGE_TYPE = bytes.fromhex("8008 0000 0000")
"""The first attribute of a control message: mandatory, eight bytes, of no vendor, type 0."""
RESERVED = 0x3C


def _l2tp_message(role: int) -> Message:
    kinds = bytes(kind for kind in L2TP_MESSAGES if (kind in L2TP_REPLIES) == (role == SERVER))
    return message(
        "L2TP control message",
        fixed(0, b"\xc8\x02"),
        fixed(CONTROL_HEADER, MESSAGE_TYPE + b"\0"),
        one_of(CONTROL_HEADER + 7, kinds),
        whole(2, 2),
        check=_attributes,
        facts=_l2tp_facts,
    )


def _attributes(data: bytes) -> int:
    at = CONTROL_HEADER
    while at + 6 <= len(data):
        size = u16(data, at) & 0x3FF
        if size < 6 or data[at] & RESERVED:
            return -1
        at += size
    return 10 if at == len(data) else -1


def _l2tp_facts(data: bytes) -> Facts:
    return {"message": L2TP_MESSAGES[data[CONTROL_HEADER + 7]]}


# a message without attributes acknowledges
_L2TP_ACK = message("L2TP acknowledgement", fixed(0, b"\xc8\x02\0\x0c"), whole(2, 2))

PROTOCOLS = (
    Protocol(
        name="geneve",
        title="Geneve",
        spec="RFC 8926",
        grammars=(grammar((UDP,), side(_GENEVE), None, symmetric=True),),
    ),
    Protocol(
        name="l2tp",
        title="L2TP",
        spec="RFC 2661",
        grammars=(
            grammar(
                (UDP,),
                side(_l2tp_message(CLIENT), _L2TP_ACK),
                side(_l2tp_message(SERVER), _L2TP_ACK),
                symmetric=True,
            ),
        ),
    ),
    Protocol(
        name="teredo",
        title="Teredo",
        spec="RFC 4380",
        grammars=(
            Grammar(
                (UDP,), teredo_client, teredo_server, bytes((0, *range(0x60, 0x70))), bytes((0, *range(0x60, 0x70))),
                reject=teredo_reject,
            ),
        ),
    ),
    Protocol(
        name="vxlan",
        title="VXLAN",
        spec="RFC 7348",
        grammars=(grammar((UDP,), side(_VXLAN), None, symmetric=True),),
    ),
)  # fmt: skip
