"""What runs over ISO transport on TCP (RFC 1006, port 102) → matches: S7 communication, its successor, and MMS.

Each TPKT's length must lead to the next; the first data behind the connection request tell which it is. Layouts: ISO
8073 (X.224) 13, ISO 9506-2 (MMS) by ISO 8823 and 8327. Siemens publishes none for S7: they are as Wireshark's
wiki (S7comm) and many captures show them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from oddport.engine.columns import TCP
from oddport.protocols.ber import element
from oddport.protocols.binary import u16, wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Matcher, Protocol, least, literal
from oddport.protocols.text import clean

VERSION = 3
PACKETS = 24
"""TPKTs of a stream that are walked over."""
NAMES = 8
HEADER = 7
"""TPKT (4), length indicator, code, and number with the end mark of a data TPDU."""
REQUEST, CONFIRM, DATA = 0xE0, 0xD0, 0xF0
CODES = (REQUEST, CONFIRM, DATA, 0x80, 0x70, 0x10)
"""X.224 TPDUs of class 0 and 2: connection request and confirm, data, disconnect request, error, expedited data."""
END = 0x80
FIXED = 11
"""Bytes of a TPKT until the parameters of a connection request."""
TPDU_BITS = 28
"""Of a data TPDU: version, reserved byte, header's length, code."""
STRONG = 50
"""Bits of which 14 and more lie behind the first four bytes."""
EITHER = -1

S7, S7_PLUS = 0x32, 0x72
JOB, ACK, ACK_DATA, USER_DATA = 1, 2, 3, 7
S7_FUNCTIONS = {
    0x00: "CPU services", 0x04: "Read Var", 0x05: "Write Var", 0x1A: "Request Download", 0x1B: "Download Block",
    0x1C: "Download Ended", 0x1D: "Start Upload", 0x1E: "Upload", 0x1F: "End Upload", 0x28: "PLC Control",
    0x29: "PLC Stop", 0xF0: "Setup Communication",
}  # fmt: skip
REQUESTS, RESPONSES = (0x11, 0x04), (0x12, 0x08)
"""Methods of user data."""
S7_PLUS_VERSIONS = (1, 2, 3, 0xFE)
S7_PLUS_OPERATIONS = {0x31: CLIENT, 0x32: SERVER, 0x33: SERVER}
"""Request, response, notification."""
DIGESTED, KEEP_ALIVE = 3, 0xFF
CALLED = 0xC2
"""X.224 parameter: the called transport selector (13.3.4)."""

MMS_SYNTAX = b"\x28\xca\x22\x02"
"""Object identifier 1.0.9506.2 of MMS's syntax and application context."""
SESSION_CONNECT, SESSION_ACCEPT = 0x0D, 0x0E
SESSION_DATA = b"\x01\x00\x01\x00"
"""Give tokens and data transfer, both without parameters (ISO 8327)."""
PRESENTATION_DATA = 0x61
MMS_REQUESTS = {0xA0: "confirmed request", 0xA8: "initiate request", 0x8B: "conclude request", 0xA5: "cancel request"}
MMS_RESPONSES = {
    0xA1: "confirmed response", 0xA2: "confirmed error", 0xA3: "information report", 0xA4: "reject",
    0xA9: "initiate response", 0xAA: "initiate error", 0x8C: "conclude response",
}  # fmt: skip


class Tpdu(NamedTuple):
    """An X.224 TPDU in its TPKT."""

    code: int
    at: int
    """Where its TPKT begins."""
    begin: int
    """Where its user data begin; the parameters of a connection request lie before."""
    end: int
    last: bool
    """Nothing of the message is in the next one."""


def tpdus(data: bytes) -> Iterator[Tpdu]:
    """The TPDUs of a stream, until its bytes are none, or cut."""
    at = 0
    for _ in range(PACKETS):
        if at + HEADER > len(data) or data[at] != VERSION or data[at + 1]:
            return
        end, code = at + u16(data, at + 2), data[at + 5] & 0xF0
        begin = at + 5 + data[at + 4]
        if end < at + HEADER or code not in CODES or begin > end or (code == DATA and begin != at + HEADER):
            return
        yield Tpdu(code, at, begin, end, bool(data[at + 6] & END))
        at = end


def called(data: bytes, tpdu: Tpdu) -> Facts:
    """The called transport selector of a connection request: text as it is, else in hex."""
    at = tpdu.at + FIXED
    while at + 2 <= min(tpdu.begin, len(data)):
        stop = at + 2 + data[at + 1]
        if data[at] == CALLED and stop <= tpdu.begin:
            raw = data[at + 2 : stop]
            return {"called_selector": clean(raw) if raw.replace(b"-", b"").isalnum() else raw[:16].hex()}
        at = stop
    return {}


Part = tuple[int, int, str]
"""(bits, role, function): bits 0 where it is no message, role EITHER where the bytes do not tell."""
NONE: Part = (0, EITHER, "")


def _s7(data: bytes, tpdu: Tpdu) -> Part:
    size, at = len(data), tpdu.begin
    kind = data[at + 1]
    header = 12 if kind in (ACK, ACK_DATA) else 10
    if at + header > size or kind not in (JOB, ACK, ACK_DATA, USER_DATA) or data[at + 2] or data[at + 3]:
        return NONE
    parameters, rest = u16(data, at + 6), u16(data, at + 8)
    if tpdu.last and at + header + parameters + rest != tpdu.end:
        return NONE
    bits = 6 + 16 + (16 if tpdu.last else 0)
    first = at + header
    if kind == USER_DATA:
        method = data[first + 4] if parameters >= 5 and first + 4 < size else 0
        return bits, CLIENT if method in REQUESTS else SERVER if method in RESPONSES else EITHER, S7_FUNCTIONS[0]
    name = S7_FUNCTIONS.get(data[first], "") if parameters and first < size else ""
    return bits, CLIENT if kind == JOB else SERVER, name


def _s7_plus(data: bytes, tpdu: Tpdu) -> Part:
    """Header, data, and behind the last part a trailer as long as the header."""
    at = tpdu.begin
    version = data[at + 1]
    if version == KEEP_ALIVE:
        return 8, EITHER, ""
    if at + 5 > len(data) or version not in S7_PLUS_VERSIONS:
        return NONE
    stop = at + 4 + u16(data, at + 2)
    if tpdu.last and tpdu.end not in (stop, stop + 4):
        return NONE
    # version 3 has a digest and its length before the operation
    first = at + 4 if version < DIGESTED else at + 5 + data[at + 4]
    role = S7_PLUS_OPERATIONS.get(data[first], EITHER) if first < len(data) else EITHER
    return 6 + (15 if tpdu.last else 0), role, ""


def _siemens(data: bytes, mark: int, role: int) -> SideMatch | None:
    parse = _s7 if mark == S7 else _s7_plus
    bits = 0
    names: list[str] = []
    facts: Facts = {}
    spans: tuple[tuple[int, int, str], ...] = ()
    for tpdu in tpdus(data):
        if tpdu.code == REQUEST and not facts:
            facts = called(data, tpdu)
        if tpdu.code != DATA or tpdu.begin == tpdu.end or tpdu.begin + 2 > len(data):
            continue
        if data[tpdu.begin] != mark:
            if not bits:
                return None
            continue
        confirmed, side, name = parse(data, tpdu)
        if not confirmed or side == 1 - role:
            return None
        if not spans:
            says = f"{'S7' if mark == S7 else 'S7 plus'} message, its lengths close in the TPKT"
            spans = ((tpdu.begin, min(tpdu.end, len(data)) - tpdu.begin, says),)
        bits += TPDU_BITS + 8 + confirmed
        if name and name not in names and len(names) < NAMES:
            names.append(name)
    if not bits:
        return None
    if names:
        facts["functions"] = names
    return SideMatch(bits >= STRONG, spans, facts, False, bits)


def s7_client(data: bytes) -> SideMatch | None:
    """Jobs and requests for user data."""
    return _siemens(data, S7, CLIENT)


def s7_server(data: bytes) -> SideMatch | None:
    """Acknowledgements, and user data that answer or are sent unasked."""
    return _siemens(data, S7, SERVER)


def s7_plus_client(data: bytes) -> SideMatch | None:
    """Requests."""
    return _siemens(data, S7_PLUS, CLIENT)


def s7_plus_server(data: bytes) -> SideMatch | None:
    """Responses and notifications."""
    return _siemens(data, S7_PLUS, SERVER)


def _mms_data(data: bytes, at: int, end: int, kinds: dict[int, str]) -> str:
    """The name of the MMS PDU in presentation data at `at`: every length closes on `end`; "" where it is none."""
    if not data.startswith(SESSION_DATA, at) or end > len(data):
        return ""
    whole = element(data, at + len(SESSION_DATA), end)
    if whole is None or whole[0] != PRESENTATION_DATA or whole[2] != end:
        return ""
    part = element(data, whole[1], end)
    if part is None or part[0] != 0x30 or part[2] != end:
        return ""
    context = element(data, part[1], end)
    value = element(data, context[2], end) if context is not None and context[0] == 2 else None
    if value is None or value[0] != 0xA0 or value[2] != end or value[1] >= end:
        return ""
    return kinds.get(data[value[1]], "")


def _mms(data: bytes, role: int) -> SideMatch | None:
    bits = 0
    names: list[str] = []
    facts: Facts = {}
    spans: tuple[tuple[int, int, str], ...] = ()
    for tpdu in tpdus(data):
        if tpdu.code == REQUEST and not facts:
            facts = called(data, tpdu)
        if tpdu.code != DATA or tpdu.begin >= min(tpdu.end, len(data)):
            continue
        begin = tpdu.begin
        if data[begin] == (SESSION_CONNECT if role == CLIENT else SESSION_ACCEPT):
            found = data.find(MMS_SYNTAX, begin, tpdu.end)
            if found < 0:
                return None
            bits += TPDU_BITS + 8 + 8 * len(MMS_SYNTAX)
            spans = spans or ((found, len(MMS_SYNTAX), "object identifier of MMS, 1.0.9506.2"),)
            continue
        name = _mms_data(data, begin, tpdu.end, MMS_REQUESTS if role == CLIENT else MMS_RESPONSES)
        if not name:
            if not bits:
                return None
            continue
        bits += TPDU_BITS + 8 * len(SESSION_DATA) + 5 * 8
        spans = spans or ((begin, tpdu.end - begin, f"MMS {name}, every length closes in the TPKT"),)
        if name not in names and len(names) < NAMES:
            names.append(name)
    if not bits:
        return None
    if names:
        facts["pdus"] = names
    return SideMatch(bits >= STRONG, spans, facts, False, bits)


def mms_client(data: bytes) -> SideMatch | None:
    """A session that is opened for MMS, or requests."""
    return _mms(data, CLIENT)


def mms_server(data: bytes) -> SideMatch | None:
    """A session that is accepted for MMS, or responses and reports."""
    return _mms(data, SERVER)


def reject(data: bytes, role: int) -> str:
    """Bytes that ISO transport over TCP does not begin with."""
    text = (
        wrong_byte(data, 0, FIRST, "a TPKT starts with 0x03")
        or wrong_byte(data, 1, b"\x00", "the second byte of a TPKT is reserved, 0x00")
        or wrong_byte(data, 5, X224_CODES, "no X.224 TPDU has this code")
    )
    if text or len(data) < HEADER:
        return text
    if u16(data, 2) < data[4] + 5:
        return f"byte 4 is 0x{data[4]:02x}, the X.224 header does not end in the TPKT of {u16(data, 2)} bytes"
    return ""


FIRST = bytes((VERSION,))
AT = (*literal(1, b"\0"), least(HEADER))
X224_CODES = bytes(code for code in range(256) if code & 0xF0 in CODES)


def _over_tpkt(client: Matcher, server: Matcher) -> Grammar:
    return Grammar((TCP,), client, server, FIRST, FIRST, reject=reject, client_at=AT, server_at=AT)


PROTOCOLS = (
    Protocol(
        name="mms",
        title="MMS",
        spec="ISO 9506-2",
        grammars=(_over_tpkt(mms_client, mms_server),),
        aliases=("iec61850",),
    ),
    Protocol(
        name="s7comm",
        title="S7 communication",
        spec="RFC 1006; Wireshark wiki, S7comm",
        grammars=(_over_tpkt(s7_client, s7_server),),
        aliases=("s7",),
    ),
    Protocol(
        name="s7comm-plus",
        title="S7 communication plus",
        spec="RFC 1006; Wireshark wiki, S7comm-plus",
        grammars=(_over_tpkt(s7_plus_client, s7_plus_server),),
        aliases=("s7plus",),
    ),
)
