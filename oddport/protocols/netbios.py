"""NetBIOS names, datagrams and sessions → a match (RFC 1002, sections 4.2 to 4.4)."""

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, wrong_byte
from oddport.protocols.dns_message import BAD, HEADER, NB, NBSTAT, NETBIOS_LABEL, is_netbios_name, skip_name
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import ANY, CLIENT, SERVER, Grammar, Protocol, least
from oddport.protocols.text import clean

OPCODES = (0, 5, 6, 7, 8, 9, 15)
"""Query, registration, release, wait, refresh (8; 9 in RFC 1002's table), multi-homed registration (MS-NBTE 2.2.4)."""
SESSION_REQUEST, POSITIVE, NEGATIVE, RETARGET, KEEP_ALIVE = 0x81, 0x82, 0x83, 0x84, 0x85
SESSION_ERRORS = (0x80, 0x81, 0x82, 0x83, 0x8F)
"""Negative session response, RFC 1002, 4.3.4."""
DATAGRAMS = bytes((0x10, 0x11, 0x12))
"""Direct unique, direct group, broadcast."""
DATAGRAM_ERROR, DATAGRAM_QUERY, DATAGRAM_YES, DATAGRAM_NO = 0x13, 0x14, 0x15, 0x16
DATAGRAM_HEADER = 14
ENCODED_NAME = 2 + NETBIOS_LABEL
"""Length byte, 32 letters, and the end of a name without a scope."""


def decode_name(data: bytes, at: int) -> str:
    """The 15 characters of the name in the 32 letters at `at`, and its suffix byte: "FILESERVER<20>"."""
    plain = bytes((data[at + 2 * i] - 0x41) << 4 | (data[at + 2 * i + 1] - 0x41) for i in range(16))
    return f"{clean(plain[:15].rstrip())}<{plain[15]:02x}>"


def _name_end(data: bytes, at: int) -> int:
    """Where an encoded name (and its scope) ends; BAD if there is none."""
    if not is_netbios_name(data, at):
        return BAD
    end: int = skip_name(data, at, len(data), 0)
    return end


def _names(data: bytes, role: int) -> SideMatch | None:
    """A name service packet that its one question and its records fill exactly."""
    size = len(data)
    if size < HEADER + ENCODED_NAME + 4 or data[HEADER] != NETBIOS_LABEL:
        return None
    if data[2] >> 7 != role or data[2] >> 3 & 15 not in OPCODES:
        return None
    questions = u16(data, 4)
    records = u16(data, 6) + u16(data, 8) + u16(data, 10)
    if questions > 1 or records > 4 or questions + records == 0:
        return None
    at = HEADER
    for index in range(questions + records):
        at = _name_end(data, at) if index == 0 else skip_name(data, at, size, 0)
        if at < 0 or at + 4 > size or u16(data, at) not in (NB, NBSTAT, 1, 2, 10) or u16(data, at + 2) != 1:
            return None
        at += 4
        if index >= questions:
            if at + 6 > size:
                return None
            at += 6 + u16(data, at + 4)
    if at != size:
        return None
    what = "answer" if role == SERVER else "request"
    says = f"NetBIOS name service {what}: an encoded name, and records that fill the datagram"
    return SideMatch(True, ((HEADER, ENCODED_NAME, "NetBIOS name in 32 letters A to P"), (0, size, says)),
                     {"name": decode_name(data, HEADER + 1)}, False, 240)  # fmt: skip


def datagram(data: bytes) -> SideMatch | None:
    """A datagram service packet: the length after its header closes, and both names are encoded."""
    size = len(data)
    kind = data[0]
    if kind == DATAGRAM_ERROR:
        return None
    if kind not in DATAGRAMS:
        if size < 10 + ENCODED_NAME or _name_end(data, 10) != size:
            return None
        span = (10, size - 10, "NetBIOS name in 32 letters A to P")
        return SideMatch(True, (span,), {"name": decode_name(data, 11)}, False, 160)
    if size < DATAGRAM_HEADER + 2 * ENCODED_NAME or u16(data, 10) != size - DATAGRAM_HEADER:
        return None
    second = _name_end(data, DATAGRAM_HEADER)
    if second < 0:
        return None
    end = _name_end(data, second)
    if end < 0:
        return None
    spans = (
        (10, 2, f"length {size - DATAGRAM_HEADER} closes the datagram"),
        (DATAGRAM_HEADER, end - DATAGRAM_HEADER, "two NetBIOS names"),
    )
    facts: Facts = {"source": decode_name(data, DATAGRAM_HEADER + 1), "name": decode_name(data, second + 1)}
    return SideMatch(True, spans, facts, False, 300)


def names_client(data: bytes) -> SideMatch | None:
    """UDP: a name request."""
    return _names(data, CLIENT)


def names_server(data: bytes) -> SideMatch | None:
    """UDP: a name answer."""
    return _names(data, SERVER)


def session_request_end(data: bytes) -> int:
    """Where a session request ends: two encoded names that its length closes; BAD if there is none."""
    if len(data) < 4 + 2 * ENCODED_NAME or data[0] != SESSION_REQUEST or data[1] > 1:
        return BAD
    end = 4 + ((data[1] & 1) << 16 | u16(data, 2))
    second = _name_end(data, 4)
    if second < 0:
        return BAD
    return end if _name_end(data, second) == end else BAD


def client(data: bytes) -> SideMatch | None:
    """TCP: a session request that nothing follows yet (with SMB behind it the flow is SMB)."""
    end = session_request_end(data)
    if end < 0 or len(data) >= end + 8:
        return None
    return SideMatch(True, ((0, end, "NetBIOS session request: its length closes on two encoded names"),),
                     {"name": decode_name(data, 5)}, False, 320)  # fmt: skip


def server(data: bytes) -> SideMatch | None:
    """TCP: a session response that nothing follows."""
    if data[0] == POSITIVE and data[:4] == b"\x82\x00\x00\x00" and len(data) == 4:
        return SideMatch(False, ((0, 4, "NetBIOS positive session response"),), {}, False, 32)
    if data[0] == NEGATIVE and len(data) == 5 and data[:4] == b"\x83\x00\x00\x01" and data[4] in SESSION_ERRORS:
        return SideMatch(False, ((0, 5, f"NetBIOS negative session response, error 0x{data[4]:02x}"),), {}, False, 38)
    return None


def reject(data: bytes, role: int) -> str:
    """TCP: first bytes that no session has."""
    allowed = CLIENT_FIRST if role == CLIENT else SERVER_FIRST
    return wrong_byte(data, 0, allowed + b"\x00\x85", "no NetBIOS session packet has that type")


CLIENT_FIRST = bytes((SESSION_REQUEST,))
SERVER_FIRST = bytes((POSITIVE, NEGATIVE))
NAME_AT = ((HEADER, bytes((NETBIOS_LABEL,))),)
DATAGRAM_AT = (least(10 + ENCODED_NAME),)
DATAGRAM_CLIENT = DATAGRAMS + bytes((DATAGRAM_QUERY,))
DATAGRAM_SERVER = DATAGRAM_CLIENT + bytes((DATAGRAM_YES, DATAGRAM_NO))
PROTOCOLS = (
    Protocol(
        name="netbios",
        title="NetBIOS",
        spec="RFC 1002",
        aliases=("nbns", "nbdgm", "nbss"),
        grammars=(
            Grammar((UDP,), names_client, names_server, ANY, ANY, client_at=NAME_AT, server_at=NAME_AT),
            # either end sends datagrams to the other's names
            Grammar(
                (UDP,),
                datagram,
                datagram,
                DATAGRAM_CLIENT,
                DATAGRAM_SERVER,
                client_at=DATAGRAM_AT,
                server_at=DATAGRAM_AT,
            ),
            Grammar((TCP,), client, server, CLIENT_FIRST, SERVER_FIRST, reject=reject),
        ),
    ),
)
