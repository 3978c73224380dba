"""Signalling and user plane of telephone networks → matches: GTP, PFCP, Diameter, Megaco.

Sources: 3GPP TS 29.060, 29.274, 29.281, 32.295 (GTP), TS 29.244 (PFCP); RFC 6733 (Diameter); RFC 3525 (Megaco). Lengths
close on the datagram, and the elements inside end where the message does.
"""

import re

from oddport.engine.columns import SCTP, TCP, UDP
from oddport.protocols.binary import u16, u32
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol
from oddport.protocols.shapes import Message, fixed, grammar, masked, message, one_of, records, side, whole
from oddport.protocols.text import clean
from oddport.protocols.tunnels import ip_bits

# GTP ----------------------------------------------------------------------------------------------------------------

USER_DATA = 0xFF
OPTIONS = 0x07
"""Flags of extension header, sequence number, N-PDU number: any of them makes the header four bytes longer."""
EXTENSION = 0x04
FIXED_ELEMENTS = {
    1: 1, 2: 8, 3: 6, 4: 4, 5: 4, 8: 1, 9: 28, 11: 1, 12: 3, 13: 1, 14: 1, 15: 1, 16: 4, 17: 4, 18: 5, 19: 1, 20: 1,
    21: 1, 22: 9, 23: 1, 24: 1, 25: 2, 26: 2, 27: 2, 28: 2, 29: 1, 126: 1, 127: 4,
}  # fmt: skip
"""Information elements without a length → their bytes (TS 29.060, 7.7)."""


def _extended(data: bytes) -> int:
    """Where what a GTPv1 header precedes begins; -1 where its extensions run out of the datagram."""
    if not data[0] & OPTIONS:
        return 8
    at = 12
    following = data[11] if data[0] & EXTENSION else 0
    while following:
        if at >= len(data) or not data[at] or at + 4 * data[at] > len(data):
            return -1
        at += 4 * data[at]
        following = data[at - 1]
    return at if at <= len(data) else -1


def _user_data(data: bytes) -> int:
    at = _extended(data)
    # sessions may carry something else than IP
    return -1 if at < 0 else max(0, ip_bits(data, at))


def elements(data: bytes, at: int) -> int:
    """Bits by which information elements of GTPv1 from `at` on end with the data; -1 where they do not."""
    count = 0
    while at < len(data):
        kind = data[at]
        if kind in FIXED_ELEMENTS:
            at += 1 + FIXED_ELEMENTS[kind]
        elif kind & 0x80 and at + 3 <= len(data):
            at += 3 + u16(data, at + 1)
        else:
            return -1
        count += 1
    return (8 if count else 0) if at == len(data) else -1


def _signalling(data: bytes) -> int:
    at = _extended(data)
    return -1 if at < 0 else elements(data, at)


def _prime(data: bytes) -> int:
    return elements(data, 6)


def _elements_2(data: bytes) -> int:
    at = 12 if data[0] & 0x08 else 8
    count = 0
    while at + 4 <= len(data):
        at += 4 + u16(data, at + 1)
        count += 1
    return (14 if count else 0) if at == len(data) else -1


def _user_facts(data: bytes) -> Facts:
    return {"version": "GTP-U", "teid": u32(data, 4)}


def _version_facts(data: bytes) -> Facts:
    version = "GTP'" if not data[0] & 0x10 and data[0] >> 5 < 2 else f"GTPv{data[0] >> 5}"
    return {"version": version, "message": data[1]}


GTP1 = {
    CLIENT: b"\x01\x10\x12\x14\x1b\x1d\x20\x22\x24\x30\x32\x34",
    SERVER: b"\x02\x11\x13\x15\x1a\x1c\x1e\x21\x23\x25\x31\x33\x35\x1f\xfe",
}
"""Message types of GTPv1: echo, contexts, notifications, mobility; with the answers error indication, end marker."""
GTP2 = {
    CLIENT: b"\x01\x20\x22\x24\x26\x28\x40\x42\x44\x5f\x61\x63\x65\x80\x82\x84\x85\x88\x8b\xa0\xa2\xa6\xaa\xb0\xd3",
    SERVER: b"\x02\x03\x21\x23\x25\x27\x29\x41\x43\x45\x60\x62\x64\x66\x81\x83\x86\x89\x8c\xa1\xa3\xa7\xab\xb1\xd4",
}
PRIME = {CLIENT: b"\x01\x04\x06\xf0", SERVER: b"\x02\x03\x05\x07\xf1"}


def _gtp(role: int) -> tuple[Message, ...]:
    kind = "request" if role == CLIENT else "response"
    first = masked(0, 0xF8, 0x30)
    return (
        message("GTP-U packet", first, fixed(1, b"\xff"), whole(2, 2, 8), least=8, check=_user_data, facts=_user_facts),
        message(
            f"GTPv1 {kind}", first, one_of(1, GTP1[role]), whole(2, 2, 8), least=8, check=_signalling,
            facts=_version_facts,
        ),
        message(
            f"GTPv2 {kind}", masked(0, 0xF7, 0x40), one_of(1, GTP2[role]), whole(2, 2, 4), least=8, check=_elements_2,
            facts=_version_facts,
        ),
        message(
            f"GTP' {kind}", one_of(0, b"\x0f\x2e\x2f\x4e\x4f"), one_of(1, PRIME[role]), whole(2, 2, 6), least=6,
            check=_prime, facts=_version_facts,
        ),
    )  # fmt: skip


# PFCP ---------------------------------------------------------------------------------------------------------------

SESSION = 0x01
"""Flag: the header has a session's endpoint identifier."""
PFCP = {
    CLIENT: b"\x01\x03\x05\x07\x09\x0c\x0e\x32\x34\x36\x38",
    SERVER: b"\x02\x04\x06\x08\x0a\x0b\x0d\x0f\x33\x35\x37\x39",
}


def _pfcp_elements(data: bytes) -> int:
    at = 16 if data[0] & SESSION else 8
    count = 0
    while at + 4 <= len(data):
        at += 4 + u16(data, at + 2)
        count += 1
    return (14 if count else 0) if at == len(data) else -1


def _pfcp(role: int) -> Message:
    return message(
        f"PFCP {'request' if role == CLIENT else 'response'}",
        masked(0, 0xF8, 0x20),
        one_of(1, PFCP[role]),
        whole(2, 2, 4),
        least=8,
        check=_pfcp_elements,
        facts=lambda data: {"message": data[1]},
    )


# Diameter -----------------------------------------------------------------------------------------------------------

DIAMETER_HEADER = 20
ORIGIN_HOST = 264
DIAMETER_COMMANDS = {
    257: "Capabilities-Exchange", 258: "Re-Auth", 265: "AA", 268: "Diameter-EAP", 271: "Accounting",
    272: "Credit-Control", 274: "Abort-Session", 275: "Session-Termination", 280: "Device-Watchdog",
    282: "Disconnect-Peer", 316: "Update-Location", 317: "Cancel-Location", 318: "Authentication-Information",
    319: "Insert-Subscriber-Data", 321: "Purge-UE", 324: "ME-Identity-Check",
}  # fmt: skip
RESERVED_FLAGS = 0x1F


def _attribute(data: bytes, at: int, end: int) -> int:
    """Where the attribute at `at` ends with its padding; -1 where it is none."""
    if at + 8 > end or data[at + 4] & RESERVED_FLAGS:
        return -1
    size = u32(data, at + 4) & 0xFFFFFF
    return at + size + (-size & 3) if 8 <= size <= end - at else -1


def _attributes(data: bytes) -> int:
    end = u32(data, 0) & 0xFFFFFF
    at, bits = DIAMETER_HEADER, 0
    while at < min(end, len(data)):
        if at + 8 > len(data):
            break
        at = _attribute(data, at, end)
        if at < 0:
            return -1
        bits += 5
    return min(bits, 40) + (20 if at == end else 0)


def _diameter_facts(data: bytes) -> Facts:
    number = u32(data, 4) & 0xFFFFFF
    facts: Facts = {"command": DIAMETER_COMMANDS.get(number, str(number)), "application": u32(data, 8)}
    end = min(u32(data, 0) & 0xFFFFFF, len(data))
    at = DIAMETER_HEADER
    while at >= 0 and at + 8 <= end:
        if u32(data, at) == ORIGIN_HOST:
            facts["origin_host"] = clean(data[at + 8 : at + (u32(data, at + 4) & 0xFFFFFF)])
            break
        at = _attribute(data, at, end)
    return facts


def _diameter(role: int) -> Message:
    return message(
        f"Diameter {'request' if role == CLIENT else 'answer'}",
        fixed(0, b"\x01"),
        masked(4, 0x8F, 0x80 if role == CLIENT else 0),
        records(1, 3, limit=1 << 20, each=(fixed(0, b"\x01"), masked(4, 0x0F, 0))),
        least=DIAMETER_HEADER,
        check=_attributes,
        facts=_diameter_facts,
    )


# Megaco -------------------------------------------------------------------------------------------------------------

_MEGACO = re.compile(
    rb"(?:MEGACO|!)/[1-9]\s+(?:<[^>\s]{1,64}>|\[[0-9A-Fa-f.:]{2,45}\])(?::\d{1,5})?\s+(\w+)\s*[={]", re.I
)
_REQUESTS = (b"T", b"TRANSACTION", b"K", b"TRANSACTIONRESPONSEACK")
_REPLIES = (b"P", b"REPLY", b"PN", b"PENDING", b"ER", b"ERROR")


def _megaco(data: bytes, words: tuple[bytes, ...]) -> SideMatch | None:
    match = _MEGACO.match(data)
    if match is None or match.group(1).upper() not in words:
        return None
    facts: Facts = {"transaction": clean(match.group(1))}
    return SideMatch(True, ((0, match.end(), "Megaco header and transaction"),), facts, False, 8 * 8)


def megaco_client(data: bytes) -> SideMatch | None:
    """A transaction in text (RFC 3525, annex B)."""
    return _megaco(data, _REQUESTS)


def megaco_server(data: bytes) -> SideMatch | None:
    """Its reply."""
    return _megaco(data, _REPLIES)


PROTOCOLS = (
    Protocol(
        name="diameter",
        title="Diameter",
        spec="RFC 6733",
        grammars=(grammar((TCP, SCTP), side(_diameter(CLIENT)), side(_diameter(SERVER)), symmetric=True),),
        first="either",
    ),
    Protocol(
        name="gtp",
        title="GTP",
        spec="3GPP TS 29.060, 29.274, 29.281",
        grammars=(grammar((UDP,), side(*_gtp(CLIENT)), side(*_gtp(SERVER)), symmetric=True),),
        first="either",
    ),
    Protocol(
        name="megaco",
        title="Megaco (H.248)",
        spec="RFC 3525",
        grammars=(Grammar((TCP, UDP, SCTP), megaco_client, megaco_server, b"!Mm", b"!Mm", symmetric=True),),
        aliases=("h.248",),
    ),
    Protocol(
        name="pfcp",
        title="PFCP",
        spec="3GPP TS 29.244",
        grammars=(grammar((UDP,), side(_pfcp(CLIENT)), side(_pfcp(SERVER)), symmetric=True),),
        first="either",
    ),
)
