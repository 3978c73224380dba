"""DHCPv6 messages → a match: options fill the datagram, relayed messages nest (RFC 8415, sections 8, 9 and 21)."""

from oddport.engine.columns import UDP
from oddport.protocols.binary import u16, u32, wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, Grammar, Protocol
from oddport.protocols.text import clean

REQUESTS = {
    1: "SOLICIT", 3: "REQUEST", 4: "CONFIRM", 5: "RENEW", 6: "REBIND", 8: "RELEASE", 9: "DECLINE",
    11: "INFORMATION-REQUEST", 12: "RELAY-FORW", 14: "LEASEQUERY",
}  # fmt: skip
REPLIES = {2: "ADVERTISE", 7: "REPLY", 10: "RECONFIGURE", 13: "RELAY-REPL", 15: "LEASEQUERY-REPLY"}
RELAYS = frozenset((12, 13))
HEADER, RELAY_HEADER = 4, 34
OPTION = 4
OPTION_LIMIT = 150
"""Options below this are assigned (IANA, DHCPv6 parameters: 1 to 149)."""
CLIENT_ID, SERVER_ID, RELAY_MESSAGE, VENDOR_CLASS, FQDN = 1, 2, 9, 16, 39
DUID_TYPES = frozenset((1, 2, 3, 4))
"""Link-layer plus time, enterprise number, link-layer, UUID (RFC 8415, 11; RFC 6355)."""
DEPTH = 4
"""Relays whose messages are looked into."""


def _name(data: bytes, at: int, stop: int) -> str:
    """Labels of a domain name on the wire, with dots between."""
    labels: list[bytes] = []
    while at < stop and 0 < data[at] < 64:
        labels.append(data[at + 1 : min(at + 1 + data[at], stop)])
        at += 1 + data[at]
    return clean(b".".join(labels))


def _options(data: bytes, at: int, stop: int, facts: Facts, depth: int) -> int:
    """Bits that the options from `at` to `stop` confirm; -1 where they do not end there."""
    bits = 0
    while at < stop:
        if at + OPTION > stop:
            return -1
        code, start = u16(data, at), at + OPTION
        at = start + u16(data, at + 2)
        if at > stop or not 0 < code < OPTION_LIMIT:
            return -1
        bits += 8
        if code in (CLIENT_ID, SERVER_ID):
            if at < start + 2 or u16(data, start) not in DUID_TYPES:
                return -1
            bits += 14
        elif code == RELAY_MESSAGE:
            inner = _message(data, start, at, data[start], facts, depth) if at > start else -1
            if inner < 0:
                return -1
            bits += inner
        elif code == VENDOR_CLASS and at >= start + 6:
            facts["vendor"] = clean(data[start + 6 : at])
            facts["enterprise"] = u32(data, start)
        elif code == FQDN and at > start:
            facts["hostname"] = _name(data, start + 1, at)
    return bits


def _message(data: bytes, at: int, stop: int, kind: int, facts: Facts, depth: int) -> int:
    """Bits that the message of a kind at `at` confirms; -1 where it is none."""
    if kind not in REQUESTS and kind not in REPLIES:
        return -1
    facts["type"] = REQUESTS[kind] if kind in REQUESTS else REPLIES[kind]
    if kind not in RELAYS:
        return _options(data, at + HEADER, stop, facts, depth)
    if depth == 0 or at + RELAY_HEADER > stop:
        return -1
    return _options(data, at + RELAY_HEADER, stop, facts, depth - 1)


def _side(data: bytes, kinds: dict[int, str]) -> SideMatch | None:
    size = len(data)
    # a message without options proves nothing
    if size < HEADER + OPTION or data[0] not in kinds or (data[0] not in RELAYS and data[4]):
        return None
    facts: Facts = {}
    bits = _message(data, 0, size, data[0], facts, DEPTH)
    if bits <= 0:
        return None
    says = f"DHCPv6 {kinds[data[0]]}: options fill its {size} bytes exactly"
    return SideMatch(True, ((0, size, says),), facts, False, 4 + 16 + bits)


def client(data: bytes) -> SideMatch | None:
    """What a client or a relay asks."""
    return _side(data, REQUESTS)


def server(data: bytes) -> SideMatch | None:
    """What a server answers."""
    return _side(data, REPLIES)


def reject(data: bytes, role: int) -> str:
    """Bytes that no message of this side has."""
    kinds = REQUESTS if role == CLIENT else REPLIES
    text = wrong_byte(data, 0, bytes(kinds), "no message of this side has that type")
    if text or data[0] in RELAYS:
        return text
    return wrong_byte(data, HEADER, b"\x00", f"options have codes below {OPTION_LIMIT}")


PROTOCOLS = (
    Protocol(
        name="dhcpv6",
        title="DHCPv6",
        spec="RFC 8415",
        grammars=(Grammar((UDP,), client, server, bytes(REQUESTS), bytes(REPLIES), reject=reject),),
    ),
)
