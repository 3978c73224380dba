"""Servers' management, printers, file servers and small devices → matches: RMCP/IPMI, BJNP, AFP, CoAP, UFTP and others.

Sources: DSP0136 (ASF), 3.2, and IPMI 2.0, 13; Apple, AFP over TCP (DSI); RFC 7252, 3; UFTP's protocol description,
version 5.0; Nano's protocol reference; TiVo Connect Automatic Machine Discovery; Kismet's old client protocol. BJNP as
the driver of SANE documents it.
"""

import re
from math import log2

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol, literal
from oddport.protocols.shapes import (
    Check,
    Message,
    fixed,
    grammar,
    masked,
    message,
    number,
    one_of,
    records,
    side,
    whole,
)
from oddport.protocols.text import clean

# RMCP: ASF and IPMI -------------------------------------------------------------------------------------------------

ASF, IPMI = 6, 7
RMCP_PLUS = 6
"""Authentication type of the format of IPMI 2.0."""
LONGER = (1, 2, 4, 5)
"""Authentication types with 16 bytes of code: MD2, MD5, password, OEM."""
RMCP_PLUS_REQUESTS, RMCP_PLUS_RESPONSES = (0x10, 0x12, 0x14), (0x11, 0x13, 0x15)
"""Payloads: open session, RAKP 1 to 4."""


def _lan_message(data: bytes, at: int, role: int) -> int:
    """An IPMI message on a LAN, with its two checksums: the header's and the rest's (13.8)."""
    size = data[at - 1]
    if at + size != len(data) or size < 7:
        return -1
    if sum(data[at : at + 3]) & 0xFF or sum(data[at + 3 : at + size]) & 0xFF:
        return -1
    # the network function is odd in responses
    return 8 + 8 + 8 + 1 if (data[at + 1] >> 2 & 1) == (role == SERVER) else -1


def _ipmi_check(role: int) -> Check:
    def check(data: bytes) -> int:
        if data[4] != RMCP_PLUS:
            if data[4] and data[4] not in LONGER:
                return -1
            at = 14 + (16 if data[4] else 0)
            return 5 + _lan_message(data, at, role) if len(data) > at and _lan_message(data, at, role) > 0 else -1
        kind = data[5] & 0x3F
        end = 16 + int.from_bytes(data[14:16], "little")
        if kind in (RMCP_PLUS_RESPONSES if role == CLIENT else RMCP_PLUS_REQUESTS) or end > len(data):
            return -1
        if kind in RMCP_PLUS_REQUESTS + RMCP_PLUS_RESPONSES:
            return 8 + 8 + 16 if end == len(data) and not any(data[6:14]) else -1
        # with integrity data behind
        return 8 + 6 if kind <= 2 and end + 40 >= len(data) else -1

    return check


def _rmcp(role: int) -> tuple[Message, ...]:
    return (
        message(
            f"ASF presence {'ping' if role == CLIENT else 'pong'}",
            fixed(0, b"\x06\0"),
            fixed(3, bytes((ASF,)) + b"\0\0\x11\xbe" + (b"\x80" if role == CLIENT else b"\x40")),
            whole(11, 1, 12),
            facts=lambda data: {"class": "ASF"},
        ),
        message(
            f"IPMI {'request' if role == CLIENT else 'response'}",
            fixed(0, b"\x06\0"),
            fixed(3, bytes((IPMI,))),
            least=16,
            check=_ipmi_check(role),
            facts=lambda data: {"class": "IPMI"},
        ),
    )


# BJNP, AFP ----------------------------------------------------------------------------------------------------------

BJNP_WORDS = (b"BJNP", b"BJNB", b"MFNP", b"MFNB")
BJNP_ANSWER = 0x80


def _bjnp(role: int) -> tuple[Message, ...]:
    kinds = bytes(kind | (BJNP_ANSWER if role == SERVER else 0) for kind in (1, 2))
    return tuple(message("BJNP packet", fixed(0, word), one_of(4, kinds), whole(12, 4, 16)) for word in BJNP_WORDS)


DSI_COMMANDS = {
    1: "CloseSession",
    2: "Command",
    3: "GetStatus",
    4: "OpenSession",
    5: "Tickle",
    6: "Write",
    8: "Attention",
}


DSI_ANSWERED = (2, 3, 4, 6)


def _dsi(flags: int) -> Message:
    rest = fixed(12, bytes(4))
    return message(
        f"DSI {'reply' if flags else 'request'}",
        fixed(0, bytes((flags,))),
        one_of(1, bytes(DSI_ANSWERED if flags else DSI_COMMANDS)),
        rest,
        records(8, 4, 16, limit=1 << 24, each=(masked(0, 0xFE, 0), one_of(1, bytes(DSI_COMMANDS)), rest)),
        facts=lambda data: {"command": DSI_COMMANDS[data[1]]},
    )


# CoAP ---------------------------------------------------------------------------------------------------------------

COAP_OPTIONS = (1, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 19, 20, 21, 23, 27, 28, 31, 35, 39, 60, 252, 258, 292)
"""Registered option numbers (RFC 7252, 12.2, and the registry)."""
URI_HOST, URI_PATH, URI_QUERY, LOCATION = 3, 11, 15, 8
COAP_TEXT = (URI_HOST, LOCATION, URI_PATH, URI_QUERY, 20, 35, 39)
REQUESTS = (1, 2, 3, 4, 5, 6, 7)
RESPONSES = (
    0x41, 0x42, 0x43, 0x44, 0x45, 0x5F, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x88, 0x89, 0x8C, 0x8D, 0x8F, 0x96,
    0x9D, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA8,
)  # fmt: skip
"""Codes as class and detail: 2.01 to 5.08."""
PAYLOAD = 0xFF
DRAFT_OPTIONS = (*range(1, 16), 21)
DRAFT_PATH = 9
DRAFT_TEXT = (5, 6, 8, DRAFT_PATH, 15)
"""Uri-Host, Location-Path, Location-Query, Uri-Path, Uri-Query (draft-ietf-core-coap-07, 5.10)."""
LETTER_BITS = log2(256 / 95)
"""What a byte of printable ASCII forces."""


def _extended(data: bytes, at: int, nibble: int) -> tuple[int, int]:
    """(value, where it ends) of an option's delta or length; (-1, at) where it is none."""
    if nibble < 13:
        return nibble, at
    if nibble == 13 and at < len(data):
        return 13 + data[at], at + 1
    if nibble == 14 and at + 2 <= len(data):
        return 269 + u16(data, at), at + 2
    return -1, at


def _coap(data: bytes, codes: tuple[int, ...]) -> SideMatch | None:
    size, token = len(data), data[0] & 15
    if size < 4 or token > 8 or data[1] not in codes or size < 4 + token:
        return None
    at, option = 4 + token, 0
    bits = 2 + log2(16 / 9) + 8 - log2(len(codes))
    path: list[bytes] = []
    facts: Facts = {}
    while at < size:
        if data[at] == PAYLOAD:
            if at + 1 == size:
                return None
            bits += 8
            break
        delta, length = data[at] >> 4, data[at] & 15
        delta, at = _extended(data, at + 1, delta)
        length, at = _extended(data, at, length)
        option += delta
        if delta < 0 or length < 0 or at + length > size or option not in COAP_OPTIONS:
            return None
        bits += 4
        value = data[at : at + length]
        if option in COAP_TEXT:
            if not value.isascii() or not value.decode("ascii").isprintable():
                return None
            bits += LETTER_BITS * length
            if option == URI_PATH:
                path.append(value)
            elif option == URI_HOST:
                facts["host"] = clean(value)
        at += length
    if path:
        facts["path"] = clean(b"/" + b"/".join(path))
    says = f"CoAP {'request' if codes is REQUESTS else 'response'}, its options end with the datagram"
    return SideMatch(b".well-known" in path, ((0, 4, says),), facts, False, int(bits))


def _coap_draft(data: bytes, codes: tuple[int, ...]) -> SideMatch | None:
    """A message as before RFC 7252: the count of its options stands where a token's length does now, and there is no
    token in front of them (draft-ietf-core-coap-07, 3.1 and 3.2)."""
    size, at, option, count = len(data), 4, 0, data[0] & 15
    if size < 5 or data[1] not in codes or not count:
        return None
    bits = 2 + 4 + 8 - log2(len(codes))
    path: list[bytes] = []
    for _ in range(count):
        if at >= size:
            return None
        option += data[at] >> 4
        length, at = data[at] & 15, at + 1
        if length == 15 and at < size:
            length, at = 15 + data[at], at + 1
        value = data[at : at + length]
        if option not in DRAFT_OPTIONS or len(value) < length:
            return None
        bits += 4
        if option in DRAFT_TEXT:
            if not value.isascii() or not value.decode("ascii").isprintable():
                return None
            bits += LETTER_BITS * length
            if option == DRAFT_PATH:
                path.append(value)
        at += length
    facts: Facts = {"path": clean(b"/" + b"/".join(path))} if path else {}
    says = ("CoAP of the drafts, %d options, as it says", count)
    return SideMatch(b".well-known" in path, ((0, 4, says),), facts, False, int(bits))


def coap_client(data: bytes) -> SideMatch | None:
    """A request: method, token, and options of known numbers; also as the drafts before RFC 7252 had it."""
    return _coap(data, REQUESTS) or _coap_draft(data, REQUESTS)


def coap_server(data: bytes) -> SideMatch | None:
    """A response likewise, or the empty acknowledgement before it."""
    if len(data) == 4 and data[0] in (0x60, 0x70) and not data[1]:
        return SideMatch(False, ((0, 4, "CoAP, empty acknowledgement or reset"),), {}, False, 7 + 8)
    return _coap(data, RESPONSES) or _coap_draft(data, RESPONSES)


def coap_pair(asked: bytes, answered: bytes) -> bool:
    """The same message, or the same token."""
    token = asked[0] & 15
    if asked[2:4] == answered[2:4]:
        return True
    return token > 0 and token == answered[0] & 15 and asked[4 : 4 + token] == answered[4 : 4 + token]


def coap_reject(data: bytes, role: int) -> str:
    """Bytes that no CoAP message has."""
    text = wrong_byte(data, 0, COAP_FIRST, "version 1 begins with 0x40 to 0x7f, a token has 8 bytes or fewer")
    codes = bytes(REQUESTS if role == CLIENT else (0, *RESPONSES))
    text = text or wrong_byte(data, 1, codes, "no code of that side")
    if text or (coap_client(data) if role == CLIENT else coap_server(data)) is not None:
        return text
    return f"the options do not end with the {len(data)} bytes"


COAP_FIRST = bytes(byte for byte in range(0x40, 0x80) if byte & 15 <= 8)

# UFTP, Nano ---------------------------------------------------------------------------------------------------------

UFTP_HEADER = 16
UFTP_FUNCTIONS = range(1, 18)


def _uftp(data: bytes) -> int:
    size = len(data) - UFTP_HEADER
    words = size // 4
    if data[UFTP_HEADER] != data[1] or data[UFTP_HEADER + 1] > words or size & 3:
        return -1
    return 8 + 2 + int(8 - log2(words + 1))


_UFTP = message(
    "UFTP message, its function twice",
    one_of(0, b"\x40\x50"),
    one_of(1, bytes(UFTP_FUNCTIONS)),
    fixed(15, b"\0"),
    least=UFTP_HEADER + 4,
    check=_uftp,
)
NANO_HEADER = 8
NANO_TYPES = bytes(range(2, 16))


def _nano(data: bytes) -> int:
    # highest, current and lowest version, each one byte
    return 6 if data[2] >= data[3] >= data[4] else -1


_NANO = message(
    "Nano message",
    fixed(0, b"R"),
    one_of(1, b"ABCX"),
    *(number(at, 1, 1, 63) for at in (2, 3, 4)),
    one_of(5, NANO_TYPES),
    least=NANO_HEADER,
    check=_nano,
)

# TiVo, Kismet -------------------------------------------------------------------------------------------------------

_TIVO = re.compile(
    rb"TiVoConnect=\d\r?\n(?:\w{1,40}=[^\x00-\x1f]{0,400}\r?\n)*\w{1,40}=[^\x00-\x1f]{0,400}(?:\r?\n)?\Z", re.I
)
_MACHINE = re.compile(rb"\nmachine=([^\r\n]{1,200})", re.I)
_KISMET_ASKS = re.compile(rb"!\d{1,10} [A-Z]{3,20} [ -~]+\n")
_KISMET_SAYS = re.compile(rb"\*KISMET: [ -~\x01]+\n")


def tivo(data: bytes) -> SideMatch | None:
    """A beacon: pairs of names and values, to the end of the datagram."""
    if _TIVO.match(data) is None:
        return None
    machine = _MACHINE.search(data)
    facts: Facts = {"machine": clean(machine.group(1))} if machine is not None else {}
    return SideMatch(True, ((0, len(data), "TiVo Connect beacon"),), facts, False, 8 * 12)


def kismet_client(data: bytes) -> SideMatch | None:
    """A numbered command."""
    match = _KISMET_ASKS.match(data)
    return (
        SideMatch(False, ((0, match.end(), "numbered Kismet command"),), {}, False, 30) if match is not None else None
    )


def kismet_server(data: bytes) -> SideMatch | None:
    """The greeting with the version."""
    match = _KISMET_SAYS.match(data)
    return (
        SideMatch(True, ((0, match.end(), "greeting of a Kismet server"),), {}, False, 72)
        if match is not None
        else None
    )


PROTOCOLS = (
    Protocol(
        name="afp",
        title="AFP",
        spec="Apple, AFP over TCP (DSI)",
        grammars=(grammar((TCP,), side(_dsi(0)), side(_dsi(1))),),
        aliases=("dsi",),
    ),
    Protocol(
        name="bjnp",
        title="Canon BJNP",
        spec="SANE, bjnp protocol",
        grammars=(grammar((UDP, TCP), side(*_bjnp(CLIENT)), side(*_bjnp(SERVER))),),
    ),
    Protocol(
        name="coap",
        title="CoAP",
        spec="RFC 7252",
        grammars=(
            Grammar((UDP,), coap_client, coap_server, COAP_FIRST, COAP_FIRST, pair=coap_pair, reject=coap_reject),
        ),
    ),
    Protocol(
        name="kismet",
        title="Kismet",
        spec="Kismet, client protocol before 2016",
        grammars=(Grammar((TCP,), kismet_client, kismet_server, b"!", b"*", server_at=literal(1, b"KISMET: ")),),
        first="server",
    ),
    Protocol(
        name="nano",
        title="Nano",
        spec="Nano, protocol reference",
        grammars=(grammar((TCP, UDP), side(_NANO), None, symmetric=True),),
    ),
    Protocol(
        name="rmcp",
        title="RMCP (ASF, IPMI)",
        spec="DSP0136; IPMI 2.0",
        grammars=(grammar((UDP,), side(*_rmcp(CLIENT)), side(*_rmcp(SERVER))),),
        aliases=("ipmi",),
    ),
    Protocol(
        name="tivoconnect",
        title="TiVo Connect",
        spec="TiVo Connect Automatic Machine Discovery 1.5",
        grammars=(Grammar((UDP,), tivo, None, b"Tt", symmetric=True),),
    ),
    Protocol(
        name="uftp",
        title="UFTP",
        spec="UFTP protocol description 5.0",
        grammars=(grammar((UDP,), side(_UFTP), None, symmetric=True),),
    ),
)
