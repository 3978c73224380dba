"""The columns that packets and flows travel in: every dtype of the engine is declared here and nowhere else.

Times are int64 nanoseconds since 1970 (UTC). Addresses are 16 bytes; an IPv4 address lies in the last four, after
twelve zero bytes, with `version` 4 beside it. Direction 0 is originator to responder, 1 is back.
"""

from socket import AF_INET, AF_INET6, inet_ntop

import numpy as np
from numpy.typing import NDArray

BATCH = 8_192
"""Packets between two points at which flows are named; fixed, so that results do not depend on how a file is read."""
BLOCK = 65_536
"""Packets in a stored packet block; a multiple of BATCH."""
HEAD_BYTES = 4_096
"""First bytes of each direction that are kept for naming."""
HEAD_DATAGRAMS = 8
"""First datagrams of each direction whose borders are kept."""

ICMP, TCP, UDP, ICMP6, SCTP = 1, 6, 17, 58, 132
PROTO_NAMES: dict[int, str] = {
    1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah", 58: "icmp6",
    88: "eigrp", 89: "ospf", 103: "pim", 112: "vrrp", 115: "l2tp", 132: "sctp", 136: "udplite",
}  # fmt: skip
"""Assigned internet protocol numbers (IANA) that have a word in the filter language; others are `ip-N`."""

# TCP flag bits (RFC 9293, section 3.1)
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32

PACKET: dict[str, np.dtype[np.generic]] = {
    "file": np.dtype("u2"),  # index of the capture file in this case
    "interface": np.dtype("u2"),  # index of the interface in this case
    "ts": np.dtype("i8"),  # ns
    "offset": np.dtype("i8"),  # of the first captured byte in the (unpacked) capture file
    "caplen": np.dtype("u4"),  # captured bytes
    "wirelen": np.dtype("u4"),  # bytes on the wire
    "flow": np.dtype("u4"),  # id of the flow, 0 = belongs to none
    "flags": np.dtype("u1"),  # TCP flags
    "info": np.dtype("u1"),  # PACKET_* bits
}
"""One array per column; row i is packet i of the case in the order of reading."""

INNER_PACKET: np.dtype[np.void] = np.dtype([("row", "<u2"), ("flow", "<u4"), ("flags", "u1"), ("info", "u1")])
"""A packet inside a tunnel: the row of the packet around it in its block, and what PACKET says of that one."""

# bits of PACKET["info"]
PACKET_BACK = 1  # responder to originator
PACKET_FRAGMENT = 2  # an IP fragment
PACKET_UNREAD = 4  # no IP packet: unknown link type, other ethertype, malformed header
PACKET_REPEAT = 8  # TCP payload that was seen before (retransmission)
PACKET_PAYLOAD = 16  # carries transport payload

FLOW: np.dtype[np.void] = np.dtype(
    [
        ("id", "u4"),  # 1, 2, … in order of the first packet
        ("first_ns", "i8"),
        ("last_ns", "i8"),
        ("src", "V16"),  # originator
        ("dst", "V16"),  # responder
        ("version", "u1"),  # 4 or 6
        ("proto", "u1"),  # IANA protocol number
        ("sport", "u2"),
        ("dport", "u2"),
        ("context", "u4"),  # VLAN tags or PPPoE session the flow lies in, 0 = none
        ("interface", "u2"),
        ("file", "u2"),  # file of the first packet
        ("packets_o", "u4"),
        ("packets_r", "u4"),
        ("bytes_o", "u8"),  # frames on the wire
        ("bytes_r", "u8"),
        ("payload_o", "u8"),  # transport payload on the wire, retransmissions included
        ("payload_r", "u8"),
        ("flags_o", "u1"),  # TCP flags ever seen from the originator
        ("flags_r", "u1"),
        ("state", "u1"),  # STATES
        ("server", "u1"),  # SERVER_*: how the server side is known
        ("notes", "u2"),  # NOTE_* bits
        ("first_packet", "u4"),  # 0-based number of the first packet in the case
        ("last_packet", "u4"),
        ("number", "u4"),  # of the first packet in its file, from 1 on; 0 = not known
        ("ip_at", "u2"),  # bytes of the first packet's frame before its IP header
    ]
)
"""One record a flow."""

STATES = ("", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH")
"""TCP connection states, by the names and meanings of Zeek's conn_state; the empty one is for other protocols."""

# FLOW["server"]: which side offers the service, and by what that is known
SERVER_UNKNOWN = 0
SERVER_RESPONDER_BY_SYN = 1
SERVER_ORIGINATOR_BY_GRAMMAR = 2
SERVER_RESPONDER_BY_GRAMMAR = 3
SERVER_ORIGINATOR_BY_PORT = 4
SERVER_RESPONDER_BY_PORT = 5

# FLOW["notes"] bits
NOTE_MIDSTREAM = 1  # TCP without its SYN
NOTE_ONE_SIDED = 2  # packets of one direction only
NOTE_CUT = 4  # a packet with payload was captured in part (snap length)
NOTE_GAP_O = 8  # the originator's first bytes have a hole that was never filled
NOTE_GAP_R = 16
NOTE_EARLY = 32  # named early because memory for first bytes ran short
NOTE_FRAGMENTED = 64  # has IP fragments
NOTE_REPEATS = 128  # has retransmissions
NOTE_ANSWER_FIRST = 256  # the first packet is the responder's


def address_text(packed: bytes, version: int) -> str:
    """The text of a 16-byte address column: dotted decimal, or RFC 5952 for IPv6."""
    if version == 4:
        return inet_ntop(AF_INET, packed[12:])
    text = inet_ntop(AF_INET6, packed)
    if "." in text:  # one spelling for all: hexadecimal groups, also where IPv4 is embedded (RFC 4291, section 2.2, 1)
        text = f"{text[: text.rindex(':')]}:{packed[12] << 8 | packed[13]:x}:{packed[14] << 8 | packed[15]:x}"
    return text


def proto_text(number: int) -> str:
    """The filter word of an IANA protocol number: `tcp`, `udp`, …, else `ip-N`."""
    return PROTO_NAMES.get(number, f"ip-{number}")


def packet_arrays(count: int) -> dict[str, NDArray[np.generic]]:
    """Zeroed packet columns of `count` rows."""
    return {name: np.zeros(count, dtype) for name, dtype in PACKET.items()}
