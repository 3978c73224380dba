"""DHCP and BOOTP messages → a match: the magic cookie, and options that close (RFC 2131, 2; RFC 2132; RFC 951)."""

from oddport.engine.columns import UDP
from oddport.protocols.binary import wrong_byte, wrong_bytes
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol
from oddport.protocols.text import clean

HEADER = 236
COOKIE = b"\x63\x82\x53\x63"
"""RFC 2132, 2."""
REQUEST, REPLY = 1, 2
HARDWARE_LIMIT = 16
HOPS_LIMIT = 16
"""RFC 1542, 4.1.1: relays discard what has more."""
PAD, END = 0, 255
HOST_NAME, MESSAGE_TYPE, VENDOR_CLASS = 12, 53, 60
TYPES = (
    "", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM", "FORCERENEW", "LEASEQUERY",
    "LEASEUNASSIGNED", "LEASEUNKNOWN", "LEASEACTIVE", "BULKLEASEQUERY", "LEASEQUERYDONE", "ACTIVELEASEQUERY",
    "LEASEQUERYSTATUS", "TLS",
)  # fmt: skip
"""Message types (IANA, BOOTP and DHCP parameters)."""


def _options(data: bytes, facts: Facts) -> int:
    """Bits that the options confirm; -1 where they do not close. A message type is checked, names are kept as facts."""
    at = HEADER + len(COOKIE)
    size = len(data)
    bits = 0
    while at < size:
        code = data[at]
        if code == END:
            return bits + 8
        if code == PAD:
            at += 1
            continue
        if at + 1 >= size:
            return -1
        start = at + 2
        at = start + data[at + 1]
        if at > size:
            return -1
        if code == MESSAGE_TYPE:
            if at != start + 1 or not 1 <= data[start] < len(TYPES):
                return -1
            facts["type"] = TYPES[data[start]]
            bits += 12
        elif code == HOST_NAME:
            facts["hostname"] = clean(data[start:at].rstrip(b"\x00"))
        elif code == VENDOR_CLASS:
            facts["vendor"] = clean(data[start:at].rstrip(b"\x00"))
    # without an end the options still have to stop where the datagram does
    return bits


def _side(data: bytes, role: int) -> SideMatch | None:
    size = len(data)
    if size < HEADER + len(COOKIE) or data[0] != (REQUEST if role == CLIENT else REPLY):
        return None
    if data[2] > HARDWARE_LIMIT or data[3] > HOPS_LIMIT:
        return None
    if data[HEADER : HEADER + len(COOKIE)] != COOKIE:
        return None
    facts: Facts = {}
    bits = _options(data, facts)
    if bits < 0:
        return None
    what = f"DHCP {facts['type']}" if "type" in facts else "BOOTP"
    says = f"{what}: options end inside the datagram of {size} bytes"
    spans = ((HEADER, len(COOKIE), "DHCP magic cookie"), (HEADER + len(COOKIE), size - HEADER - len(COOKIE), says))
    return SideMatch(True, spans, facts, False, 8 + 8 + 32 + bits)


def client(data: bytes) -> SideMatch | None:
    """A request (op 1), with the cookie and options that close."""
    return _side(data, CLIENT)


def server(data: bytes) -> SideMatch | None:
    """A reply (op 2), with the cookie and options that close."""
    return _side(data, SERVER)


def reject(data: bytes, role: int) -> str:
    """Bytes that no DHCP message has."""
    want = REQUEST if role == CLIENT else REPLY
    text = wrong_byte(data, 0, bytes((want,)), f"op of this side is {want}")
    if text:
        return text
    if len(data) < HEADER + len(COOKIE):
        return f"{len(data)} bytes, a message with its cookie has {HEADER + len(COOKIE)} or more"
    return wrong_byte(
        data, 2, bytes(range(HARDWARE_LIMIT + 1)), "a hardware address has at most 16 bytes"
    ) or wrong_bytes(data, HEADER, COOKIE, "the magic cookie 63 82 53 63 stands there")


PROTOCOLS = (
    Protocol(
        name="dhcp",
        title="DHCP",
        spec="RFC 2131",
        grammars=(Grammar((UDP,), client, server, bytes((REQUEST,)), bytes((REPLY,)), reject=reject),),
        aliases=("bootp", "dhcpv4"),
    ),
)
