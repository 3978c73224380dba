"""Fields → first bytes of tunnels, telephone networks, routers and devices, written down from the specifications."""

import struct

from oddport.engine.columns import SCTP, TCP, UDP

# Packets inside packets ---------------------------------------------------------------------------------------------


def ipv4(payload: bytes) -> bytes:
    return struct.pack(">BBHIBBH4s4s", 0x45, 0, 20 + len(payload), 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2") + payload


def ipv6(source: bytes, target: bytes, payload: bytes, kind: int = 58) -> bytes:
    return struct.pack(">IHBB16s16s", 0x60000000, len(payload), kind, 255, source, target) + payload


def ethernet(kind: int, payload: bytes) -> bytes:
    return b"\2\0\0\0\0\1" + b"\2\0\0\0\0\2" + struct.pack(">H", kind) + payload


def vxlan(frame: bytes, vni: int = 100) -> bytes:
    return struct.pack(">II", 0x08000000, vni << 8) + frame


def geneve(kind: int, inner: bytes, options: bytes = b"") -> bytes:
    return struct.pack(">BBHI", len(options) // 4, 0, kind, 100 << 8) + options + inner


ARP = ethernet(0x0806, bytes.fromhex("0001 0800 0604 0001") + bytes(20))
VXLAN = vxlan(ethernet(0x0800, ipv4(b"x" * 30)))
GENEVE = geneve(0x6558, ethernet(0x0800, ipv4(b"x" * 30)), b"\1\2\3\0")
LOCAL, TEREDO = b"\xfe\x80" + bytes(13) + b"\1", b"\x20\x01\0\0" + bytes(11) + b"\2"
ROUTERS = b"\xff\x02" + bytes(13) + b"\2"
AUTHENTICATION = b"\0\1\0\0" + b"nonce..." + b"\0"
TEREDO_ASK = AUTHENTICATION + ipv6(LOCAL, ROUTERS, b"\x85\0\0\0\0\0\0\0")
TEREDO_ANSWER = AUTHENTICATION + b"\0\0\x19\x32\x9c\x1f\xa5\x99" + ipv6(LOCAL, LOCAL, b"\x86\0" + bytes(46))
BUBBLE = ipv6(TEREDO, TEREDO[:15] + b"\3", b"", 59)


def l2tp(kind: int) -> bytes:
    attributes = bytes.fromhex("8008 0000 0000") + struct.pack(">H", kind) + bytes.fromhex("800a 0000 0007") + b"host"
    return struct.pack(">HHHHHH", 0xC802, 12 + len(attributes), 0, 0, 0, 0) + attributes


L2TP_ASK, L2TP_ANSWER = l2tp(1), l2tp(2)

# Telephone networks -------------------------------------------------------------------------------------------------


def gtp(first: int, kind: int, body: bytes, more: int = 0) -> bytes:
    """Version and flags, type, length, tunnel; version 2 counts its tunnel, too."""
    return struct.pack(">BBHI", first, kind, len(body) + more, 7) + body


GTP_USER = gtp(0x30, 0xFF, ipv4(b"x" * 30))
GTP1_ASK = gtp(0x32, 16, b"\0\1\0\0" + b"\x02\x42\x00\x01\x10\x32\x54\x76\x98" + b"\x0f\x01" + b"\x83\0\x03net")
GTP1_ANSWER = gtp(0x32, 17, b"\0\1\0\0" + b"\x01\x80" + b"\x10\0\0\0\x09")
GTP2_ASK = gtp(0x48, 32, b"\0\0\1\0" + b"\x01\0\x08\0\x42\0\x01\x10\x32\x54\x76\x98", 4)
GTP2_ANSWER = gtp(0x48, 33, b"\0\0\1\0" + b"\x02\0\x02\0\x10\0", 4)
GTP_PRIME = struct.pack(">BBHH", 0x2E, 0xF0, 8, 4) + b"\x7e\x01" + b"\xfc\0\x03\1\2\3"
GTP_PRIME_ANSWER = struct.pack(">BBHH", 0x2E, 0xF1, 7, 4) + b"\x01\x80" + b"\xfd\0\x02\0\4"


def pfcp(kind: int, body: bytes, session: bool) -> bytes:
    rest = (bytes(8) if session else b"") + b"\0\0\x0b\0" + body
    return struct.pack(">BBH", 0x20 | session, kind, len(rest)) + rest


PFCP_ASK = pfcp(50, b"\0\x3c\0\5\0\x0a\0\0\1" + b"\0\x39\0\x0d\2" + bytes(12), True)
PFCP_ANSWER = pfcp(51, b"\0\x13\0\1\1", True)


def attribute(code: int, value: bytes) -> bytes:
    """Code, flags with the mandatory bit, length without padding, value (RFC 6733, 4.1)."""
    return struct.pack(">II", code, 0x40 << 24 | 8 + len(value)) + value + bytes(-len(value) & 3)


def diameter(flags: int, command: int, *attributes: bytes) -> bytes:
    body = b"".join(attributes)
    return struct.pack(">IIIII", 1 << 24 | 20 + len(body), flags << 24 | command, 0, 1, 2) + body


CAPABILITIES = (attribute(264, b"node.example"), attribute(296, b"example"), attribute(266, b"\0\0\0\1"))
DIAMETER_ASK = diameter(0x80, 257, *CAPABILITIES)
DIAMETER_ANSWER = diameter(0, 257, attribute(268, b"\0\0\x07\xd1"), *CAPABILITIES)
MEGACO_ASK = b"MEGACO/1 [192.0.2.9]:2944\nTransaction = 9 { Context = - { Modify = line/1 } }"
MEGACO_ANSWER = b"!/1 <gw.example>\nP=9{C=-{MF=line/1}}"

# Routers, clocks, radios --------------------------------------------------------------------------------------------

HSRP = bytes.fromhex("00 00 10 03 0a 5a 0a 00") + b"cisco\0\0\0" + bytes((10, 28, 168, 254))
HSRP2 = struct.pack(
    ">BBBBBBH6sIII16s", 1, 40, 2, 0, 4, 6, 16, b"\xaa\xbb\xcc\0\1\x20", 105, 10_000, 20_000, b"\xfe\x80"
)


def bfd(state: int, mine: int, other: int) -> bytes:
    return struct.pack(">BBBBIIIII", 0x20, state << 6, 3, 24, mine, other, 1_000_000, 1_000_000, 0)


BFD_UP = bfd(3, 1, 2)


def ldp(kind: int, body: bytes) -> bytes:
    messages = struct.pack(">HHI", kind, 4 + len(body), 1) + body
    return struct.pack(">HH4sH", 1, 6 + len(messages), b"\x0a\0\0\6", 0) + messages


LDP_HELLO = ldp(0x0100, bytes.fromhex("0400 0004 000f 0000"))
LDP_OPEN = ldp(0x0200, bytes.fromhex("0500 000e 0001 00b4 00 00 0000 0a000101 0000"))
LDP_ALIVE = ldp(0x0201, b"")


def lisp(first: int) -> bytes:
    return (
        bytes((first, 0, 0, 1))
        + b"nonce..."
        + struct.pack(">BBH", 0, 1, 20)
        + bytes(20)
        + b"\0\0\5\xa0\1\x20"
        + bytes(18)
    )


def item(kind: int, value: bytes) -> bytes:
    return struct.pack(">HH", kind, len(value)) + value


def dlep(kind: int, *items: bytes, signal: bool = False) -> bytes:
    body = b"".join(items)
    return (b"DLEP" if signal else b"") + struct.pack(">HH", kind, len(body)) + body


PEER = item(4, b"\0router")
DLEP_DISCOVER, DLEP_OFFER = (
    dlep(1, PEER, signal=True),
    dlep(2, item(4, b"\0modem"), item(2, b"\0\x0a\0\0\2\3\x56"), signal=True),
)
DLEP_OPEN = dlep(1, item(5, b"\0\0\xea\x60"), PEER, item(6, b"\xff\xf1"))
DLEP_OPENED = dlep(2, item(1, b"\0"), PEER, item(5, b"\0\0\xea\x60"), item(12, bytes(8)))


def ptp(kind: int, size: int, control: int) -> bytes:
    """IEEE 1588-2019, 13.3: type, version, length, domain, flags, correction, port, number, control, interval."""
    head = struct.pack(">BBHBBHQI", kind, 2, size, 0, 0, 0x0200, 0, 0) + b"\0\xb0\xae\xff\xfe\1\xf9\x20\0\1"
    return (head + struct.pack(">HBB", 9, control, 0x7F)).ljust(size, b"\0")


PTP_SYNC, PTP_DELAY = ptp(0, 44, 0), ptp(9, 54, 3)


def capwap(kind: int, elements: bytes) -> bytes:
    """Preamble, header of 8 bytes; type, number, length from behind the number, flags (RFC 5415, 4.3, 4.5.1)."""
    return b"\0\x10\x02" + bytes(5) + struct.pack(">IBHB", kind, 0, 3 + len(elements), 0) + elements


CAPWAP_ASK, CAPWAP_ANSWER = capwap(1, item(20, b"\1") + item(39, bytes(9))), capwap(2, item(1, bytes(12)))
CAPWAP_DTLS = b"\1\0\0\0" + b"\x17\xfe\xff\0\1" + bytes(6) + b"\0\x10" + bytes(16)

# Devices ------------------------------------------------------------------------------------------------------------


def checked(data: bytes) -> bytes:
    """With the byte that makes the sum zero (IPMI 2.0, 13.8)."""
    return data + bytes((-sum(data) & 0xFF,))


def ipmi(function: int, body: bytes) -> bytes:
    inner = checked(bytes((0x20, function << 2))) + checked(b"\x81\x04" + body)
    return b"\6\0\xff\7" + bytes(9) + bytes((len(inner),)) + inner


IPMI_ASK, IPMI_ANSWER = ipmi(6, b"\x38\x0e\x04"), ipmi(7, b"\x38\0\1\2")
ASF_PING = bytes.fromhex("0600ff06 000011be 80 09 00 00")
ASF_PONG = bytes.fromhex("0600ff06 000011be 40 09 00 10 000011be 00000000 81 00 000000000000")


def rmcp_plus(kind: int, session: int, body: bytes) -> bytes:
    return b"\6\0\xff\7\6" + struct.pack("<BIIH", kind, session, 0, len(body)) + body


def bjnp(kind: int, payload: bytes) -> bytes:
    return b"BJNP" + struct.pack(">BBHHHI", kind, 1, 0, 1, 0, len(payload)) + payload


def dsi(flags: int, command: int, body: bytes) -> bytes:
    return struct.pack(">BBHIII", flags, command, 1, 0, len(body), 0) + body


DSI_ASK, DSI_ANSWER = dsi(0, 3, b""), dsi(1, 3, bytes(40))
COAP_ASK = b"\x42\x01\x12\x34tk" + b"\xb7storage" + b"\x0amyresource"
COAP_ANSWER = b"\x62\x45\x12\x34tk" + b"\xc0" + b"\xffcontent"
COAP_DISCOVER = b"\x40\x01\x12\x35" + b"\xbb.well-known" + b"\x04core"
UFTP = b"\x40\1\0\0\x0a\0\0\1\x96\xf4\xc3\4\0\x9d\0\0" + b"\1\6" + bytes(22)
NANO = b"RC\x15\x14\x12\x0a\5\0" + bytes(32)
TIVO = b"TiVoConnect=1\nMethod=Broadcast\nPlatform=pc/x\nMachine=Den\nServices=http:80\n"
KISMET_SAYS, KISMET_ASKS = b"*KISMET: 0.0.0 1144 \x01Server\x01 2005\n*PROTOCOLS: x\n", b"!0 ENABLE INFO networks\n"

SAMPLES: tuple[tuple[str, int, bytes, bytes], ...] = (
    ("l2tp", UDP, L2TP_ASK, L2TP_ANSWER),
    ("teredo", UDP, TEREDO_ASK, TEREDO_ANSWER),
    ("gtp", UDP, GTP1_ASK, GTP1_ANSWER),
    ("gtp", UDP, GTP2_ASK, GTP2_ANSWER),
    ("gtp", UDP, GTP_PRIME, GTP_PRIME_ANSWER),
    ("pfcp", UDP, PFCP_ASK, PFCP_ANSWER),
    ("diameter", TCP, DIAMETER_ASK, DIAMETER_ANSWER),
    ("diameter", SCTP, DIAMETER_ASK, DIAMETER_ANSWER),
    ("megaco", UDP, MEGACO_ASK, MEGACO_ANSWER),
    ("lisp", UDP, lisp(0x32), lisp(0x48)),
    ("dlep", UDP, DLEP_DISCOVER, DLEP_OFFER),
    ("dlep", TCP, DLEP_OPEN, DLEP_OPENED),
    ("capwap", UDP, CAPWAP_ASK, CAPWAP_ANSWER),
    ("rmcp", UDP, IPMI_ASK, IPMI_ANSWER),
    ("rmcp", UDP, ASF_PING, ASF_PONG),
    ("bjnp", UDP, bjnp(1, b""), bjnp(0x81, b"\1\2")),
    ("afp", TCP, DSI_ASK, DSI_ANSWER),
    ("coap", UDP, COAP_ASK, COAP_ANSWER),
    ("kismet", TCP, KISMET_ASKS, KISMET_SAYS),
)
"""(name, transport, the client's first bytes, the server's)"""

PEERS: tuple[tuple[str, int, bytes], ...] = (
    ("vxlan", UDP, VXLAN),
    ("geneve", UDP, GENEVE),
    ("gtp", UDP, GTP_USER),
    ("teredo", UDP, BUBBLE),
    ("hsrp", UDP, HSRP),
    ("hsrp", UDP, HSRP2),
    ("bfd", UDP, BFD_UP),
    ("ldp", UDP, LDP_HELLO),
    ("ldp", TCP, LDP_OPEN + LDP_ALIVE),
    ("ptp", UDP, PTP_SYNC),
    ("ptp", UDP, PTP_DELAY),
    ("capwap", UDP, CAPWAP_DTLS),
    ("uftp", UDP, UFTP),
    ("tivoconnect", UDP, TIVO),
)
"""(name, transport, what either side sends, and proves by itself)"""
