"""LDAP messages over TCP and UDP (CLDAP) → a match: a BER element whose parts close on its own length (RFC 4511).

After a bind with SASL protection the messages are wrapped in buffers with a four-byte length (RFC 4422, 3.7); a
side whose capture begins there is recognised by such buffers closing on each other around GSS-API tokens.
"""

from oddport.engine.columns import TCP, UDP
from oddport.protocols.ber import (
    BOOLEAN,
    CUT,
    ENUMERATED,
    INTEGER,
    OCTETS,
    SEQUENCE,
    element,
    sequence_of_tags,
    small_integer,
)
from oddport.protocols.binary import is_text, u32, wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import Grammar, Protocol
from oddport.protocols.text import clean

# protocolOp tags (RFC 4511, section 4.2 to 4.14): [APPLICATION n], constructed 0x60 + n, primitive 0x40 + n
BIND, UNBIND, SEARCH, MODIFY, ADD, DELETE, MODIFY_DN, COMPARE, ABANDON, EXTENDED = (
    0x60, 0x42, 0x63, 0x66, 0x68, 0x4A, 0x6C, 0x6E, 0x50, 0x77,
)  # fmt: skip
BIND_RESPONSE, ENTRY, DONE, REFERENCE, EXTENDED_RESPONSE, INTERMEDIATE = 0x61, 0x64, 0x65, 0x73, 0x78, 0x79
REQUESTS = {
    BIND: "bindRequest", UNBIND: "unbindRequest", SEARCH: "searchRequest", MODIFY: "modifyRequest", ADD: "addRequest",
    DELETE: "delRequest", MODIFY_DN: "modDNRequest", COMPARE: "compareRequest", ABANDON: "abandonRequest",
    EXTENDED: "extendedRequest",
}  # fmt: skip
RESPONSES = {
    BIND_RESPONSE: "bindResponse", ENTRY: "searchResEntry", DONE: "searchResDone", REFERENCE: "searchResRef",
    0x67: "modifyResponse", 0x69: "addResponse", 0x6B: "delResponse", 0x6D: "modDNResponse", 0x6F: "compareResponse",
    EXTENDED_RESPONSE: "extendedResponse", INTERMEDIATE: "intermediateResponse",
}  # fmt: skip
SHAPES: dict[int, bytes] = {
    BIND: bytes((INTEGER, OCTETS)),
    SEARCH: bytes((OCTETS, ENUMERATED, ENUMERATED, INTEGER, INTEGER, BOOLEAN)),
    MODIFY: bytes((OCTETS, SEQUENCE)),
    ADD: bytes((OCTETS, SEQUENCE)),
    MODIFY_DN: bytes((OCTETS, OCTETS, BOOLEAN)),
    COMPARE: bytes((OCTETS, SEQUENCE)),
    EXTENDED: bytes((0x80,)),
    ENTRY: bytes((OCTETS, SEQUENCE)),
    REFERENCE: bytes((OCTETS,)),
}
"""Tags that the operation's content begins with; the other responses are an LDAPResult."""
RESULT = bytes((ENUMERATED, OCTETS, OCTETS))
CONTROLS = 0xA0
RESULT_CODES = 128
"""Result codes below this are assigned, or near enough (RFC 4511, A.1; RFC 3909 has 118 to 121)."""
MESSAGE_ID_BYTES = 4
"""messageID ::= INTEGER (0 .. 2147483647)"""
STRONG_BITS = 34
"""Bits checked from which on a side proves itself: up to 16 lie in the first four bytes, and log2(10,000) is 13.3."""
MESSAGES = 4
"""Messages of a side that are walked."""
WRAPPED_LIMIT = 0x00FFFFFF
"""Bytes of a SASL buffer: the receive limit of RFC 4752 is three bytes wide."""
CLIENT_FIRST = bytes((SEQUENCE, 0x00))
DATAGRAM_FIRST = bytes((SEQUENCE,))


def _operation(data: bytes, op: int, start: int, stop: int, facts: Facts) -> int:
    """Bits that the content of an operation confirms; -1 where it contradicts."""
    if op == UNBIND:
        return 0 if stop == start else -1
    if op == ABANDON:
        return 3 if 1 <= stop - start <= MESSAGE_ID_BYTES else -1
    if op == DELETE:
        name = data[start:stop]
        return 16 if b"=" in name and is_text(name) else -1
    if op == INTERMEDIATE:
        # both parts are optional: a name [0], a value [1]
        part = element(data, start, stop) if stop > start else CUT
        return -1 if part is None or (part[0] >= 0 and part[0] not in (0x80, 0x81)) else 7
    shape = SHAPES.get(op, RESULT)
    seen = sequence_of_tags(data, start, stop, shape)
    if seen < 0:
        return -1
    bits = 8 * seen
    if seen == 0:
        return 0
    first = element(data, start, stop)
    if first is None:
        return -1
    begin = first[1]
    end = first[2]
    if op == BIND:
        version = small_integer(data, first, 1)
        if end <= len(data) and version not in (2, 3):
            return -1
        facts["version"] = f"LDAPv{version}"
        second = element(data, end, stop) if seen > 1 else None
        if second is not None and second[0] >= 0 and second[2] < len(data):
            if data[second[2]] not in (0x80, 0xA3, 0x89, 0x8A, 0x8B):  # simple, sasl, Sicily (MS-ADTS 5.1.1.1.3)
                return -1
            facts["auth"] = {0x80: "simple", 0xA3: "sasl"}.get(data[second[2]], "sicily")
            if second[2] > second[1]:
                facts["user"] = clean(data[second[1] : second[2]])
            bits += 14
    elif op == SEARCH:
        if end <= len(data) and not is_text(data[begin:end]):
            return -1
        if seen > 2:
            at = end
            for most in (3, 3):  # scope (3 is subordinateSubtree), derefAliases
                part = element(data, at, stop)
                if part is None or small_integer(data, part, 1) > most:
                    return -1
                at = part[2]
            bits += 12
        facts["base"] = clean(data[begin : min(end, len(data))])
    elif op == EXTENDED:
        name = data[begin : min(end, len(data))]
        if not name or name.strip(b"0123456789."):
            return -1
        facts["extended"] = clean(name)
        bits += 6 * min(len(name), 8)
    elif shape is RESULT:
        if end <= len(data) and not 0 <= small_integer(data, first, 1) < RESULT_CODES:
            return -1
        bits += 8
    elif end <= len(data) and not is_text(data[begin:end]):
        return -1
    return bits


def _message(data: bytes, at: int, limit: int, names: dict[int, str], facts: Facts) -> tuple[int, int, str] | None:
    """(where it stops, bits checked, operation) of the LDAPMessage at `at`; None if there is none or it is cut."""
    whole = element(data, at, limit)
    if whole is None or whole[0] != SEQUENCE:
        return None
    stop = whole[2]
    number = element(data, whole[1], stop)
    if number is None or number[0] != INTEGER or not 1 <= number[2] - number[1] <= MESSAGE_ID_BYTES:
        return None
    if number[2] > len(data) or data[number[1]] >= 0x80:
        return None
    operation = element(data, number[2], stop)
    if operation is None or operation[0] < 0:
        return None
    name = names.get(operation[0])
    if name is None:
        return None
    if operation[2] != stop:
        controls = element(data, operation[2], stop)
        if controls is None or (controls[0] >= 0 and (controls[0] != CONTROLS or controls[2] != stop)):
            return None
        if controls is CUT and operation[2] > len(data):
            # the bytes end inside the operation: that controls follow is a guess, so the length did not close
            return None
    bits = _operation(data, operation[0], operation[1], operation[2], facts)
    if bits < 0:
        return None
    # tag 02 of the message id, one of about ten operations, a length that closes
    return stop, 8 + 4 + 8 + bits, name


def _side(data: bytes, names: dict[int, str], datagram: bool) -> SideMatch | None:
    if len(data) < 7 or data[0] != SEQUENCE:
        return None
    facts: Facts = {}
    at = 0
    bits = 8
    spans: list[tuple[int, int, str]] = []
    for _ in range(MESSAGES):
        size = len(data)
        found = _message(data, at, size if datagram else at + WRAPPED_LIMIT, names, facts)
        if found is None:
            break
        stop = found[0]
        bits += found[1]
        spans.append((at, min(stop, size) - at, f"{found[2]}: its length closes on the message's, {stop - at} bytes"))
        at = stop
        if at >= size:
            break
    if not spans or (datagram and at != len(data)):
        return None
    return SideMatch(bits >= STRONG_BITS, tuple(spans), facts, False, bits)


def _wrapped(data: bytes) -> SideMatch | None:
    """SASL buffers that close on each other, each a Kerberos wrap token (RFC 4121, 4.2.6.2) or an NTLM signature."""
    at = 0
    spans: list[tuple[int, int, str]] = []
    while at + 8 <= len(data):
        length = u32(data, at)
        if not 16 <= length <= WRAPPED_LIMIT:
            return None
        token = u32(data, at + 4)
        if not (token >> 16 == 0x0504 and token >> 8 & 0xFF < 8 and token & 0xFF == 0xFF) and token != 0x01000000:
            return None
        spans.append((at, 8, f"SASL buffer of {length} bytes around a GSS-API or NTLM token"))
        at += 4 + length
        if len(spans) == MESSAGES:
            break
    if not spans or (len(spans) < 2 and at != len(data)):
        return None
    return SideMatch(False, tuple(spans), {"wrapped": "sasl"}, False, 40 * len(spans))


def client(data: bytes) -> SideMatch | None:
    """TCP: requests, one after the other."""
    return _wrapped(data) if data[0] == 0 else _side(data, REQUESTS, False)


def server(data: bytes) -> SideMatch | None:
    """TCP: responses, one after the other."""
    return _wrapped(data) if data[0] == 0 else _side(data, RESPONSES, False)


def datagram_client(data: bytes) -> SideMatch | None:
    """UDP: the request fills the datagram."""
    return _side(data, REQUESTS, True)


def datagram_server(data: bytes) -> SideMatch | None:
    """UDP: entry and result fill the datagram."""
    return _side(data, RESPONSES, True)


def reject(data: bytes, role: int) -> str:
    """Bytes that no LDAPMessage has at this place."""
    if data[0] == 0:
        if len(data) < 8 or _wrapped(data) or len(data) < 4 + u32(data, 0):
            return ""
        return "byte 0 is 0x00, a message is a SEQUENCE (0x30) or a SASL buffer that closes"
    if data[0] != SEQUENCE:
        return wrong_byte(data, 0, CLIENT_FIRST, "a message is a SEQUENCE (0x30)")
    whole = element(data, 0, WRAPPED_LIMIT)
    if whole is None:
        return f"byte 1 is 0x{data[1]:02x}, no definite length" if len(data) > 1 else ""
    if whole[0] < 0:
        return ""
    at = whole[1]
    text = wrong_byte(data, at, bytes((INTEGER,)), "a message id is an INTEGER (0x02)")
    number = element(data, at, whole[2])
    if text or number is None or number[0] < 0:
        return text
    names = RESPONSES if role else REQUESTS
    return wrong_byte(data, number[2], bytes(names), "no operation of this side has that tag")


PROTOCOLS = (
    Protocol(
        name="ldap",
        title="LDAP",
        spec="RFC 4511",
        grammars=(Grammar((TCP,), client, server, CLIENT_FIRST, CLIENT_FIRST, reject=reject),),
    ),
    Protocol(
        name="cldap",
        title="CLDAP",
        spec="RFC 4511, MS-ADTS 3.1.1.3.3",
        grammars=(Grammar((UDP,), datagram_client, datagram_server, DATAGRAM_FIRST, DATAGRAM_FIRST, reject=reject),),
    ),
)
