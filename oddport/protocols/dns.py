"""DNS messages over UDP and TCP → a match: the records that the header counts fill the message exactly.

RFC 1035, 4.1; RFC 7766, 8 (length over TCP). Multicast DNS (RFC 6762) and LLMNR (RFC 4795) share the format, and are
told apart by what unicast DNS never says:

- multicast DNS has id 0 and either the top bit of a class (answer me alone, forget what you knew), an answer without
  its question, a question that brings records along, or a name under .local (RFC 6762, 3, 5.4, 6, 7.1, 8.2, 10.2, 18);
- an answer of LLMNR to a single label has no flag but the one of an answer: neither with authority nor recursive
  (RFC 4795, 2.1.1). Its query can be one of DNS, and so is only named with the answer.

Any other message is DNS, whatever its port.
"""

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, wrong_byte
from oddport.protocols.dns_message import HEADER, NAME_LIMIT, OPCODES, RCODES, Message, name_text
from oddport.protocols.model import SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Places, Protocol, least


def _datagram(data: bytes, role: int) -> SideMatch | None:
    message = Message(data, 0, len(data))
    if not message.read(role) or message.is_multicast():
        return None
    if role == SERVER and message.answers and message.is_single():
        return None
    return message.match(role, True)


def datagram_client(data: bytes) -> SideMatch | None:
    """UDP: a query, notification or update fills the datagram."""
    return _datagram(data, CLIENT)


def datagram_server(data: bytes) -> SideMatch | None:
    """UDP: an answer fills the datagram."""
    return _datagram(data, SERVER)


def _multicast(data: bytes, role: int) -> SideMatch | None:
    message = Message(data, 0, len(data))
    return message.match(role, True) if message.read(role) and message.is_multicast() else None


def multicast_client(data: bytes) -> SideMatch | None:
    """Multicast DNS: a question, maybe with the answers that are known already."""
    return _multicast(data, CLIENT)


def multicast_server(data: bytes) -> SideMatch | None:
    """Multicast DNS: an answer or announcement."""
    return _multicast(data, SERVER)


def _link_local(data: bytes, role: int) -> SideMatch | None:
    message = Message(data, 0, len(data))
    if not message.read(role) or not message.is_single() or message.is_multicast():
        return None
    return message.match(role, role == SERVER) if (message.answers > 0) == (role == SERVER) else None


def link_local_client(data: bytes) -> SideMatch | None:
    """LLMNR: a question for a single label, as DNS might have it, too."""
    return _link_local(data, CLIENT)


def link_local_server(data: bytes) -> SideMatch | None:
    """LLMNR: an answer."""
    return _link_local(data, SERVER)


def _stream(data: bytes, role: int) -> SideMatch | None:
    """TCP: a two-byte length and a message that it closes."""
    if len(data) < 2 + HEADER:
        return None
    length = u16(data, 0)
    message = Message(data, 2, 2 + length)
    if not message.read(role):
        return None
    match = message.match(role, True)
    match.spans = ((0, 2, ("length %d, as long as the message", length)), *match.spans)
    match.bits += 16
    return match


def client(data: bytes) -> SideMatch | None:
    """TCP: queries."""
    return _stream(data, CLIENT)


def server(data: bytes) -> SideMatch | None:
    """TCP: answers."""
    return _stream(data, SERVER)


def pair(query: bytes, answer: bytes) -> bool:
    """UDP: the first datagrams carry one id, or, where answers overtook each other, one name."""
    if query[:2] == answer[:2] or len(query) < HEADER or len(answer) < HEADER:
        return query[:2] == answer[:2]
    return name_text(query, HEADER, 0).lower() == name_text(answer, HEADER, 0).lower()


def _reject(data: bytes, base: int, end: int, role: int) -> str:
    if len(data) < base + HEADER:
        return ""
    high = base + 2
    if Message(data, base, end).is_answer() != (role == SERVER):
        want = "a query has bit 7 clear, and no answers" if role == CLIENT else "an answer has bit 7 set"
        return f"byte {high} is 0x{data[high]:02x}, {want}"
    if data[high] >> 3 & 15 not in OPCODES:
        return f"byte {high} is 0x{data[high]:02x}, opcode {data[high] >> 3 & 15} is not assigned"
    if data[high + 1] & 15 >= len(RCODES):
        return f"byte {high + 1} is 0x{data[high + 1]:02x}, error code {data[high + 1] & 15} is not assigned"
    records = u16(data, base + 6) + u16(data, base + 8) + u16(data, base + 10)
    if u16(data, base + 4) * 5 + records * 11 > end - base - HEADER:
        return f"bytes {base + 4} to {base + 11} count more records than {end - base} bytes can hold"
    # with fewer bytes than the longest name and its type the first question may be cut
    judged = len(data) >= min(end, base + HEADER + NAME_LIMIT + 10)
    if judged and not Message(data, base, end).read(role):
        return f"the records that bytes {base + 4} to {base + 11} count do not fill the message's {end - base} bytes"
    return ""


def datagram_reject(data: bytes, role: int) -> str:
    """UDP: why the datagram is no message."""
    if len(data) < HEADER:
        return f"{len(data)} bytes, a message has a header of {HEADER}"
    return _reject(data, 0, len(data), role)


def reject(data: bytes, role: int) -> str:
    """TCP: why a length and a message do not begin here."""
    if len(data) < 2:
        return ""
    length = u16(data, 0)
    if length < HEADER:
        return wrong_byte(data, 1, b"", f"the length before a message is {HEADER} or more")
    return _reject(data, 2, 2 + length, role)


def _header_at(base: int, flags: bytes) -> Places:
    """What every message has behind its first byte: flags, an error that is assigned, and counts that fit 64 KB."""
    codes = bytes(value for value in range(256) if value & 15 < len(RCODES))
    return (
        (base + 2, flags), (base + 3, codes), (base + 4, bytes(range(52))),
        *((base + at, bytes(range(24))) for at in (6, 8, 10)), least(base + HEADER),
    )  # fmt: skip


_FLAGS = bytes(value for value in range(256) if value >> 3 & 15 in OPCODES)
_ASKS = _header_at(0, bytes(value for value in _FLAGS if value < 0x80))
_TELLS = _header_at(0, _FLAGS)
_SINGLE: Places = ((3, b"\x00"), (4, b"\x00"), (5, b"\x01"), least(HEADER + 7))
PROTOCOLS = (
    Protocol(
        name="dns",
        title="DNS",
        spec="RFC 1035",
        grammars=(
            Grammar(
                (UDP,), datagram_client, datagram_server, pair=pair, reject=datagram_reject, client_at=_ASKS,
                server_at=_TELLS,
            ),
            Grammar(
                (TCP,), client, server, reject=reject, client_at=_header_at(2, _FLAGS), server_at=_header_at(2, _FLAGS)
            ),
        ),
    ),
    Protocol(
        name="mdns",
        title="multicast DNS",
        spec="RFC 6762",
        grammars=(
            Grammar(
                (UDP,), multicast_client, multicast_server, b"\x00", b"\x00", reject=datagram_reject,
                client_at=((1, b"\x00"), *_ASKS), server_at=((1, b"\x00"), *_TELLS), symmetric=True,
            ),
        ),
    ),
    Protocol(
        name="llmnr",
        title="LLMNR",
        spec="RFC 4795",
        grammars=(
            Grammar(
                (UDP,), link_local_client, link_local_server, pair=pair, reject=datagram_reject,
                client_at=((2, b"\x00"), *_SINGLE), server_at=((2, b"\x80"), *_SINGLE),
            ),
        ),
    ),
)  # fmt: skip
