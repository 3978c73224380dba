"""Remote Desktop's connection request and confirm, and its UDP SYN → a match (MS-RDPBCGR 2.2.1; MS-RDPEUDP 2.2).

Both are X.224 class 0 in a TPKT header (RFC 1006), as other protocols have them (S7, MMS, H.323): what makes it RDP is
the cookie or the negotiation structure behind the fixed part. Without these it counts only with the other side.
"""

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, u16_le, u32, u32_le, wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, Grammar, Places, Protocol, least
from oddport.protocols.text import clean

TPKT = 3
FIXED = 11
"""TPKT header (4), length indicator, code, two references, class."""
REQUEST, CONFIRM = 0xE0, 0xD0
NEGOTIATION_REQUEST, NEGOTIATION_RESPONSE, NEGOTIATION_FAILURE, CORRELATION = 1, 2, 3, 6
NEGOTIATION = 8
CORRELATION_BYTES = 36
PROTOCOLS_MASK = 0x1F
"""requestedProtocols: TLS, CredSSP, RDSTLS, CredSSP with early authorisation, Azure AD (2.2.1.1.1)."""
SELECTED = {0: "RDP", 1: "TLS", 2: "CredSSP", 4: "RDSTLS", 8: "CredSSP EX", 16: "AAD"}
FAILURES = range(1, 8)
COOKIE = b"Cookie: "
TOKEN_LIMIT = 240
UDP_SYN, UDP_ACK, UDP_CORRELATION, UDP_SYNEX = 0x0001, 0x0004, 0x0800, 0x1000
"""uFlags of the RDPUDP_FEC_HEADER (MS-RDPEUDP 2.2.2.1)."""
UDP_PLAIN_ACK = 0xFFFFFFFF
UDP_SMALLEST, UDP_LARGEST = 1_132, 1_232
"""Both sides' MTU in a SYN, and so its padded size (MS-RDPEUDP 2.2.2.5, 3.1.5.1.1)."""


def _connect(data: bytes, code: int) -> int:
    """Where the X.224 packet with this code ends, if its two lengths agree; -1 where there is none."""
    if len(data) < FIXED or data[0] != TPKT or data[1] != 0 or data[5] != code:
        return -1
    end = u16(data, 2)
    if end < FIXED or end > len(data) or data[4] != end - 5 or data[10] & 0xF0:
        return -1
    # a class 0 reference is zero in the request; RDP sends zero as the server's, or a number
    return end if code == CONFIRM or u16(data, 6) == 0 else -1


def client(data: bytes) -> SideMatch | None:
    """A connection request with a cookie or token, or with the negotiation of protocols."""
    end = _connect(data, REQUEST)
    if end < 0:
        return None
    facts: Facts = {}
    bits = 56
    strong = False
    at = FIXED
    spans = [(0, FIXED, f"X.224 connection request in a TPKT of {end} bytes, both lengths close")]
    if at < end and data[at] > NEGOTIATION_REQUEST:
        line = data.find(b"\r\n", at, min(end, at + TOKEN_LIMIT))
        if line < 0 or not (data.startswith(COOKIE, at) or data.startswith(b"tsv://", at)):
            return None
        text = data[at:line]
        spans.append((at, line - at, "RDP cookie or routing token"))
        facts["cookie"] = clean(text[len(COOKIE) :] if text.startswith(COOKIE) else text)
        at = line + 2
        bits += 64
        strong = True
    if at < end:
        if at + NEGOTIATION > end or data[at] != NEGOTIATION_REQUEST or u16_le(data, at + 2) != NEGOTIATION:
            return None
        wanted = u32_le(data, at + 4)
        if wanted & ~PROTOCOLS_MASK:
            return None
        spans.append((at, NEGOTIATION, "RDP negotiation request"))
        facts["requested"] = [name for bit, name in SELECTED.items() if bit & wanted] or ["RDP"]
        has_correlation = data[at + 1] & 8
        at += NEGOTIATION
        bits += 51
        strong = True
        if has_correlation and at + CORRELATION_BYTES <= end and data[at] == CORRELATION:
            at += CORRELATION_BYTES
    if at != end:
        return None
    return SideMatch(strong, tuple(spans), facts, False, bits)


def server(data: bytes) -> SideMatch | None:
    """A connection confirm with the chosen protocol or the reason of refusal."""
    end = _connect(data, CONFIRM)
    if end < 0:
        return None
    says = f"X.224 connection confirm in a TPKT of {end} bytes, both lengths close"
    if end == FIXED:
        return SideMatch(False, ((0, FIXED, says),), {}, False, 56)
    if end != FIXED + NEGOTIATION or u16_le(data, FIXED + 2) != NEGOTIATION:
        return None
    kind = data[FIXED]
    value = u32_le(data, FIXED + 4)
    facts: Facts
    if kind == NEGOTIATION_RESPONSE and value in SELECTED:
        facts = {"selected": SELECTED[value]}
        what = f"RDP negotiation response: {SELECTED[value]}"
    elif kind == NEGOTIATION_FAILURE and value in FAILURES:
        facts = {"failure": value}
        what = f"RDP negotiation failure {value}"
    else:
        return None
    return SideMatch(True, ((0, FIXED, says), (FIXED, NEGOTIATION, what)), facts, False, 110)


def _syn(data: bytes, flags: int, acknowledged: bool) -> SideMatch | None:
    size = len(data)
    if size < UDP_SMALLEST or size > UDP_LARGEST or u16(data, 6) & ~(UDP_CORRELATION | UDP_SYNEX) != flags:
        return None
    if (u32(data, 0) == UDP_PLAIN_ACK) == acknowledged:
        return None
    up, down = u16(data, 12), u16(data, 14)
    if not (UDP_SMALLEST <= up <= UDP_LARGEST and UDP_SMALLEST <= down <= UDP_LARGEST):
        return None
    spans = (
        (6, 2, "RDP over UDP, SYN" + (" and ACK" if acknowledged else "")),
        (12, 4, f"MTUs {up} and {down}, {size} bytes in all"),
    )
    # both MTUs are one of 101 values: 9.3 bits each; the flags 14
    return SideMatch(True, spans, {"transport": "udp"}, False, 32 + (0 if acknowledged else 32))


def datagram_client(data: bytes) -> SideMatch | None:
    """UDP: a SYN, padded to the MTU it offers."""
    return _syn(data, UDP_SYN, False) if data[0] == 0xFF else None


def datagram_server(data: bytes) -> SideMatch | None:
    """UDP: a SYN and ACK, padded likewise."""
    return _syn(data, UDP_SYN | UDP_ACK, True)


def reject(data: bytes, role: int) -> str:
    """Bytes that no connection request or confirm has."""
    code = REQUEST if role == CLIENT else CONFIRM
    text = (
        wrong_byte(data, 0, b"\x03", "a TPKT starts with 0x03")
        or wrong_byte(data, 1, b"\x00", "the second byte of a TPKT is reserved, 0x00")
        or wrong_byte(data, 5, bytes((code,)), f"the first X.224 packet of this side has code 0x{code:02x}")
    )
    if text or len(data) < FIXED or len(data) < u16(data, 2) or (client(data) if role == CLIENT else server(data)):
        return text
    if data[4] != u16(data, 2) - 5:
        return f"byte 4 is 0x{data[4]:02x}, the X.224 length does not close on the TPKT's of {u16(data, 2)} bytes"
    return f"byte {FIXED} does not begin an RDP cookie or negotiation"


def _flags_at(flags: int) -> Places:
    """Where the flags are that a first datagram has."""
    free = UDP_CORRELATION | UDP_SYNEX
    return tuple(
        (at, bytes(value for value in range(256) if (value ^ flags >> shift) & ~(free >> shift) & 0xFF == 0))
        for at, shift in ((6, 8), (7, 0))
    )


FIRST = bytes((TPKT,))
PROTOCOLS = (
    Protocol(
        name="rdp",
        title="RDP",
        spec="MS-RDPBCGR",
        grammars=(
            Grammar((TCP,), client, server, FIRST, FIRST, reject=reject),
            Grammar(
                (UDP,),
                datagram_client,
                datagram_server,
                b"\xff",
                client_at=(*_flags_at(UDP_SYN), least(UDP_SMALLEST)),
                server_at=(*_flags_at(UDP_SYN | UDP_ACK), least(UDP_SMALLEST)),
            ),
        ),
        aliases=("ms-wbt-server", "rdpudp"),
    ),
)
