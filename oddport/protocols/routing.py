"""What routers, switches and radios say to each other → matches: HSRP, BFD, LDP, LISP, DLEP, PTP, CAPWAP.

Sources: RFC 2281, 5 (HSRP; version 2 as Cisco documents it); RFC 5880, 4.1; RFC 5036, 3.1; RFC 9301, 5; RFC 8175, 10
and 11; IEEE 1588-2019, 13; RFC 5415, 4.
"""

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, u32
from oddport.protocols.model import Facts
from oddport.protocols.registry import CLIENT, Protocol
from oddport.protocols.shapes import Message, fixed, grammar, masked, message, number, one_of, records, side, whole
from oddport.protocols.text import clean


def type_lengths(data: bytes, at: int, end: int) -> int:
    """How many values, each behind a two-byte type and a two-byte length, fill the data up to `end`; -1 if not."""
    count = 0
    while at + 4 <= end:
        at += 4 + u16(data, at + 2)
        count += 1
    return count if at == end else -1


# HSRP ---------------------------------------------------------------------------------------------------------------

HSRP_SIZE = 20
HSRP_PASSWORD = b"cisco\0\0\0"
"""Authentication data where nothing else is configured (RFC 2281, 5.10)."""


def _group(data: bytes) -> Facts:
    return {"group": data[6]}


_HSRP_HEADER = (fixed(0, b"\0"), one_of(1, b"\0\1\2"), one_of(2, b"\0\1\2\4\x08\x10"), fixed(7, b"\0"))
_HSRP = (
    message("HSRP with the usual password", *_HSRP_HEADER, fixed(8, HSRP_PASSWORD), least=HSRP_SIZE, facts=_group),
    message(
        "HSRP version 2, group state",
        fixed(0, b"\x01\x28\x02"),
        one_of(3, b"\0\1\2"),
        one_of(4, bytes(range(7))),
        one_of(5, b"\4\6"),
        number(6, 2, 0, 4095),
        number(14, 4, 0, 255),
        number(18, 4, 0, 1 << 22),
        number(22, 4, 0, 1 << 22),
        least=42,
        facts=lambda data: {"group": u16(data, 6)},
    ),
)

# BFD ----------------------------------------------------------------------------------------------------------------

DIAGNOSES = 10
"""Codes 0 to 9 (RFC 5880, 4.1; RFC 6428)."""
BFD_HEADER = 24
AUTHENTICATED, MULTIPOINT, POLL, FINAL = 0x04, 0x01, 0x20, 0x10
SLOWEST = 0x00FFFFFF
"""Longest interval that is believed, in microseconds: 17 seconds."""
BFD_STATES = ("admin down", "down", "init", "up")


def _bfd(data: bytes) -> int:
    size, flags = len(data), data[1]
    if bool(flags & AUTHENTICATED) != (size > BFD_HEADER) or (flags & POLL and flags & FINAL) or not u32(data, 4):
        return -1
    # who knows no other end cannot be in the states that need one
    return -1 if flags >> 6 >= 2 and not u32(data, 8) else 1


_BFD = message(
    "BFD control packet",
    one_of(0, bytes(range(0x20, 0x20 + DIAGNOSES))),
    masked(1, MULTIPOINT, 0),
    number(2, 1, 1, 255),
    whole(3, 1),
    *(number(at, 4, 0, SLOWEST) for at in (12, 16, 20)),
    least=BFD_HEADER,
    check=_bfd,
    facts=lambda data: {"state": BFD_STATES[data[1] >> 6]},
)

# LDP ----------------------------------------------------------------------------------------------------------------

LDP_HEADER = 10
"""Version, length, LSR, label space."""
LDP_MESSAGES = {
    0x0001: "Notification", 0x0100: "Hello", 0x0200: "Initialization", 0x0201: "KeepAlive", 0x0300: "Address",
    0x0301: "Address Withdraw", 0x0400: "Label Mapping", 0x0401: "Label Request", 0x0402: "Label Withdraw",
    0x0403: "Label Release", 0x0404: "Label Abort Request",
}  # fmt: skip
UNKNOWN_BIT = 0x8000


def _ldp(data: bytes) -> int:
    end = 4 + u16(data, 2)
    at, bits = LDP_HEADER, 0
    while at < end:
        if at + 8 > min(end, len(data)):
            return -1 if at + 8 > end else bits
        kind, size = u16(data, at) & ~UNKNOWN_BIT, u16(data, at + 2)
        if kind not in LDP_MESSAGES or size < 4:
            return -1
        bits += 12
        at += 4 + size
    return min(bits, 48) + 8 if at == end else -1


def _ldp_facts(data: bytes) -> Facts:
    router = ".".join(str(byte) for byte in data[4:8])
    return {"router": router, "message": LDP_MESSAGES[u16(data, LDP_HEADER) & ~UNKNOWN_BIT]}


def _ldp_message(transport: int) -> Message:
    begins = fixed(0, b"\0\x01")
    return message(
        "LDP message",
        begins,
        records(2, 2, 4, limit=4100, each=(begins,)) if transport == TCP else whole(2, 2, 4),
        least=LDP_HEADER + 8,
        check=_ldp,
        facts=_ldp_facts,
    )


# LISP ---------------------------------------------------------------------------------------------------------------

AUTHENTICATION = {1: 20, 2: 32}
"""Algorithm (HMAC-SHA-1-96, HMAC-SHA-256-128) → bytes of its data."""


def _lisp(data: bytes) -> int:
    return 24 if data[3] and AUTHENTICATION.get(data[13]) == u16(data, 14) else -1


def _lisp_message(says: str, kind: int, spare: int) -> Message:
    return message(
        f"LISP {says}", masked(0, 0xF0, kind << 4), masked(1, spare, 0), fixed(12, b"\0"), least=40, check=_lisp
    )


# DLEP ---------------------------------------------------------------------------------------------------------------

DLEP_ITEMS = 1024
"""Data item types below are assigned, or may come to be; those above are private or reserved (RFC 8175, 15.6)."""


def _items(data: bytes) -> int:
    count = type_lengths(data, 8, len(data))
    return 16 if count >= 0 else -1


def _stream_items(data: bytes) -> int:
    end = 4 + u16(data, 2)
    if end > len(data):
        return 0
    at, count = 4, 0
    while at + 4 <= end:
        if not 0 < u16(data, at) < DLEP_ITEMS:
            return -1
        at += 4 + u16(data, at + 2)
        count += 1
    return 8 + 6 * min(count, 6) if at == end and count else -1


def _peer(data: bytes) -> Facts:
    return {"peer": clean(data[13 : 12 + u16(data, 10)])} if data[8:10] == b"\0\4" and len(data) > 13 else {}


def _dlep_stream(kind: bytes, says: str) -> Message:
    each = (fixed(0, b"\0"), one_of(1, bytes(range(1, 17))))
    return message(
        f"DLEP {says}", fixed(0, b"\0" + kind), records(2, 2, 4, limit=4096, each=each), least=8, check=_stream_items
    )


def _dlep_signal(kind: bytes, says: str) -> Message:
    return message(f"DLEP {says}", fixed(0, b"DLEP\0" + kind), whole(6, 2, 8), check=_items, facts=_peer)


# PTP ----------------------------------------------------------------------------------------------------------------

PTP_SIZES = {0: 44, 1: 44, 2: 54, 3: 54, 8: 44, 9: 54, 10: 54, 11: 64, 12: 44, 13: 48}
"""Message type → smallest length."""
PTP_CONTROLS = {0: 0, 1: 1, 8: 2, 9: 3, 13: 4}
"""Message type → control field; 5 for all others, and 0 as well since 2019."""
PTP_NAMES = {
    0: "Sync", 1: "Delay_Req", 2: "Pdelay_Req", 3: "Pdelay_Resp", 8: "Follow_Up", 9: "Delay_Resp",
    10: "Pdelay_Resp_Follow_Up", 11: "Announce", 12: "Signaling", 13: "Management",
}  # fmt: skip
PTP_DOMAINS = (0, 1, 2)
"""Major SDO identifiers: the standard's own, IEEE 802.1AS, common mean link delay (7.1.4)."""
PADDING = (0, 2)
"""Bytes behind a message: over IPv6 there are two (annex D)."""


def _ptp(data: bytes) -> int:
    kind, length = data[0] & 15, u16(data, 2)
    if length < PTP_SIZES[kind] or len(data) - length not in PADDING:
        return -1
    if data[32] not in (PTP_CONTROLS.get(kind, 5), 0):
        return -1
    return 15 + 7


_PTP = message(
    "PTP version 2",
    one_of(0, bytes(domain << 4 | kind for domain in PTP_DOMAINS for kind in PTP_SIZES)),
    one_of(1, b"\x02\x12"),
    fixed(16, bytes(4)),
    least=44,
    check=_ptp,
    facts=lambda data: {"message": PTP_NAMES[data[0] & 15], "domain": data[4]},
)

# CAPWAP -------------------------------------------------------------------------------------------------------------

CAPWAP_TYPES = {
    1: "Discovery Request", 2: "Discovery Response", 3: "Join Request", 4: "Join Response",
    5: "Configuration Status Request", 6: "Configuration Status Response", 7: "Configuration Update Request",
    8: "Configuration Update Response", 9: "WTP Event Request", 10: "WTP Event Response", 11: "Change State Request",
    12: "Change State Response", 13: "Echo Request", 14: "Echo Response", 15: "Image Data Request",
    16: "Image Data Response", 17: "Reset Request", 18: "Reset Response", 19: "Primary Discovery Request",
    20: "Primary Discovery Response", 21: "Data Transfer Request", 22: "Data Transfer Response",
    23: "Clear Configuration Request", 24: "Clear Configuration Response", 25: "Station Configuration Request",
    26: "Station Configuration Response",
}  # fmt: skip
FROM_CONTROLLER = (2, 4, 6, 7, 12, 14, 10, 15, 17, 20, 21, 23, 25)
DTLS_VERSIONS = (b"\xfe\xff", b"\xfe\xfd")


def _control_header(data: bytes) -> int:
    """Where the control header begins: behind the header that says its own length in words."""
    return 4 * (data[1] >> 3)


def _capwap_control(role: int) -> Message:
    def check(data: bytes) -> int:
        at = _control_header(data)
        if not 8 <= at <= len(data) - 8 or u32(data, at) not in CAPWAP_TYPES:
            return -1
        if (u32(data, at) in FROM_CONTROLLER) == (role == CLIENT):
            return -1
        if at + 5 + u16(data, at + 5) != len(data) or type_lengths(data, at + 8, len(data)) < 0:
            return -1
        return 27 + 16 + 14

    return message(
        "CAPWAP control message",
        fixed(0, b"\0"),
        least=16,
        check=check,
        facts=lambda data: {"message": CAPWAP_TYPES[u32(data, _control_header(data))]},
    )


def _capwap_record(data: bytes) -> int:
    """DTLS behind the preamble: version, first epochs, and a length that stays in the datagram."""
    if data[5:7] not in DTLS_VERSIONS or data[7] or 17 + u16(data, 15) > len(data):
        return -1
    return 15 + 8 + 4


_CAPWAP = message(
    "CAPWAP with DTLS", fixed(0, b"\x01\0\0\0"), one_of(4, b"\x14\x15\x16\x17"), least=17, check=_capwap_record
)
# frames of 802.11 or 802.3, whole: no fragment, nothing reserved
_CAPWAP_DATA = message(
    "CAPWAP data",
    fixed(0, b"\0"),
    one_of(1, b"\x10\x18\x20\x28"),
    masked(2, 0x3E, 0x02),
    masked(3, 0x87, 0),
    fixed(4, bytes(4)),
    least=24,
)


PROTOCOLS = (
    Protocol(
        name="bfd",
        title="BFD",
        spec="RFC 5880",
        grammars=(grammar((UDP,), side(_BFD), None, symmetric=True),),
    ),
    Protocol(
        name="capwap",
        title="CAPWAP",
        spec="RFC 5415",
        grammars=(
            grammar(
                (UDP,),
                side(_capwap_control(CLIENT), _CAPWAP, _CAPWAP_DATA),
                side(_capwap_control(1 - CLIENT), _CAPWAP, _CAPWAP_DATA),
            ),
        ),
    ),
    Protocol(
        name="dlep",
        title="DLEP",
        spec="RFC 8175",
        grammars=(
            grammar((UDP,), side(_dlep_signal(b"\1", "discovery")), side(_dlep_signal(b"\2", "offer"))),
            grammar(
                (TCP,),
                side(_dlep_stream(b"\1", "session initialization")),
                side(_dlep_stream(b"\2", "session initialization response")),
            ),
        ),
    ),
    Protocol(
        name="hsrp",
        title="HSRP",
        spec="RFC 2281",
        grammars=(grammar((UDP,), side(*_HSRP), None, symmetric=True),),
    ),
    Protocol(
        name="ldp",
        title="LDP",
        spec="RFC 5036",
        grammars=(
            grammar((TCP,), side(_ldp_message(TCP)), None, symmetric=True),
            grammar((UDP,), side(_ldp_message(UDP)), None, symmetric=True),
        ),
        first="either",
    ),
    Protocol(
        name="lisp",
        title="LISP control",
        spec="RFC 9301",
        grammars=(
            grammar((UDP,), side(_lisp_message("map register", 3, 0xFF)), side(_lisp_message("map notify", 4, 0xFF))),
        ),
    ),
    Protocol(
        name="ptp",
        title="PTP",
        spec="IEEE 1588-2019",
        grammars=(grammar((UDP,), side(_PTP), None, symmetric=True),),
        first="either",
    ),
)
