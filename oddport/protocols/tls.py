"""TLS and SSL records → a match: a hello whose lengths all nest, an alert, or records that close on each other.

RFC 8446, 4 and 5; RFC 5246; RFC 6101 (SSL 3.0); RFC 5246, E.2 (the SSL 2.0 form of a hello). A hello may be spread over
several records, and be longer than a segment: what is there of it is checked.
"""

import cython

from oddport.engine.columns import HEAD_BYTES, NOTE_MIDSTREAM, TCP
from oddport.engine.heads import Head
from oddport.protocols.binary import u16, wrong_byte
from oddport.protocols.certificates import certificate_facts, first_certificate
from oddport.protocols.model import NO_HANDSHAKE, NOT_OFFERED, Facts, Identification, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol
from oddport.protocols.tls_facts import TLS, client_facts, server_facts
from oddport.protocols.tls_hello import (
    CLIENT_HELLO,
    COMPLETE,
    CONTRADICTS,
    FITS,
    HELLO_LEAST,
    SERVER_HELLO,
    Hello,
    read_hello,
)
from oddport.protocols.tls_names import version_text

CHANGE_CIPHER, ALERT, HANDSHAKE, APPLICATION, HEARTBEAT = 0x14, 0x15, 0x16, 0x17, 0x18
RECORD_TYPES = bytes((CHANGE_CIPHER, ALERT, HANDSHAKE, APPLICATION, HEARTBEAT))
"""ContentType (RFC 8446, 5.1; 24 is heartbeat, RFC 6520)."""
RECORD_NAMES = {
    0x14: "change cipher spec",
    0x15: "alert",
    0x16: "handshake",
    0x17: "application data",
    0x18: "heartbeat",
}
RECORD_HEADER = 5
MESSAGE_HEADER = 4
HELLO_BODY = RECORD_HEADER + MESSAGE_HEADER
HELLO_SEEN = HELLO_BODY + 2
"""Bytes that have to be there of a hello: up to the version in it."""
RECORD_LIMIT = (1 << 14) + 2048
"""Bytes of an encrypted record (RFC 5246, 6.2.3)."""
PLAIN_LIMIT = 1 << 14
HELLO_LIMIT = 1 << 17
"""Bytes of a hello: its longest parts are three vectors of up to 64 KB, of which none in use comes near."""
ALERTS = bytes((0, 10, 20, 21, 22, 30, *range(40, 52), 60, 70, 71, 80, 86, 90, 100, *range(109, 117), 120, 121))
"""AlertDescription values that are or were assigned (IANA)."""
PLAIN_MESSAGES = bytes((4, 11, 12, 13, 14, 15, 16, 22))
"""NewSessionTicket, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone, CertificateVerify,
ClientKeyExchange, CertificateStatus: what a capture that begins in the middle of a plain handshake may show first."""
CERTIFICATE, SERVER_HELLO_DONE = 11, 14
PLAIN_CERTIFICATE = ("TLS 1.2", "TLS 1.1", "TLS 1.0", "SSL 3.0")
WITHOUT_HELLO = (b"", bytes((APPLICATION,)))
"""What a connection without a handshake begins with in both directions."""
SSL2_CLIENT_HELLO, SSL2_SERVER_HELLO = 1, 4
SSL2_HEADER = 2
SEALED_ALERTS = (18, 22, 24, 26, 32, 34, 48, 64, 80)
"""Bytes of an encrypted alert up to TLS 1.2: two, with MAC, padding, nonce or vector (RFC 5246, 6.2.3)."""
ALERT_BITS = 40
"""Type, version, a length that closes, and one of few sizes."""
STRONG_RECORDS = 2
"""Records that have to close before application data alone proves TLS."""
WALKED = 8
CUT_RECORD = 64
"""Bytes of a longer record of application data that have to be there before its header counts for anything."""


@cython.cfunc
@cython.inline
def _u16(data: bytes, at: cython.Py_ssize_t) -> cython.int:
    high: cython.int = data[at]
    return high << 8 | data[at + 1]


@cython.cfunc
def _is_record(data: bytes, at: cython.Py_ssize_t, minor: cython.int) -> cython.bint:
    """Whether a record header with this minor version lies at `at`."""
    return (
        CHANGE_CIPHER <= data[at] <= HEARTBEAT
        and data[at + 1] == 3
        and data[at + 2] == minor
        and 1 <= _u16(data, at + 3) <= RECORD_LIMIT
    )


def handshake(data: bytes, wanted: int) -> tuple[bytes, int, bool]:
    """The handshake bytes of the records from the first one on, up to the record that has byte `wanted`.

    With it, how many records that took, and whether what follows is something else than such a record.
    """
    parts: list[bytes] = []
    at = 0
    size = len(data)
    total = 0
    while at + RECORD_HEADER <= size and total < wanted:
        length = u16(data, at + 3)
        if data[at] != HANDSHAKE or data[at + 1] != 3 or not 1 <= length <= PLAIN_LIMIT:
            return b"".join(parts), len(parts), True
        part = data[at + RECORD_HEADER : at + RECORD_HEADER + length]
        parts.append(part)
        total += len(part)
        at += RECORD_HEADER + length
    return b"".join(parts), len(parts), False


def _hello(data: bytes, kind: cython.int) -> SideMatch | None:
    """A handshake record that begins with the hello of `kind`."""
    size: cython.Py_ssize_t = len(data)
    record: cython.int = _u16(data, 3)
    length: cython.int
    result: cython.int
    records: int = 1
    if size < HELLO_SEEN or not 4 <= record <= PLAIN_LIMIT or data[5] != kind or data[6] > 1:
        return None
    length = data[6] << 16 | _u16(data, 7)
    if not HELLO_LEAST <= length <= HELLO_LIMIT:
        return None
    if record >= length + MESSAGE_HEADER:
        result = read_hello(data, HELLO_BODY, HELLO_BODY + length, kind)
    else:
        body, records, ended = handshake(data, length + MESSAGE_HEADER)
        if ended and len(body) < length + MESSAGE_HEADER:
            return None
        result = read_hello(body, MESSAGE_HEADER, MESSAGE_HEADER + length, kind)
    if result == CONTRADICTS:
        return None
    name = "ClientHello" if kind == CLIENT_HELLO else "ServerHello"
    spread = f", spread over {records} records" if records > 1 else ""
    nesting = "close" if result == COMPLETE else "nest as far as the bytes go"
    spans = (
        (0, RECORD_HEADER, f"TLS record, handshake, {record} bytes"),
        (
            RECORD_HEADER,
            min(MESSAGE_HEADER + length, size - RECORD_HEADER),
            f"TLS {name}, {length} bytes{spread}: its lengths {nesting}",
        ),
    )
    # 16 03 and one of five versions; type and two bytes of the length; the version inside; vectors that nest
    bits = 22 + 8 + 7 + 13 + (48 if result == COMPLETE else 8)
    return SideMatch(True, spans, {}, result == FITS, bits)


@cython.cfunc
def _plain_message(data: bytes) -> cython.bint:
    """Whether the handshake record at 0 begins with a plain message that fits (a capture may begin in a handshake)."""
    if len(data) < RECORD_HEADER + MESSAGE_HEADER or data[5] not in PLAIN_MESSAGES or data[6] > 1:
        return False
    return (data[6] << 16 | _u16(data, 7)) + MESSAGE_HEADER <= _u16(data, 3)


def _records(data: bytes) -> SideMatch | None:
    """Records in the middle of a connection, which close on each other."""
    size: cython.Py_ssize_t = len(data)
    kind: cython.int = data[0]
    minor: cython.int = data[2]
    first: cython.int = _u16(data, 3)
    at: cython.Py_ssize_t = 0
    end: cython.Py_ssize_t
    closed: cython.int = 0
    if not 1 <= first <= RECORD_LIMIT:
        return None
    if kind == CHANGE_CIPHER and (first != 1 or data[5] != 1):
        return None
    if kind == HANDSHAKE and not _plain_message(data):
        return None
    if kind == ALERT and first == 2:
        if size < 7 or data[5] not in (1, 2) or data[6] not in ALERTS:
            return None
        if size == 7:
            says = f"TLS alert, level {data[5]}, description {data[6]}; its length closes"
            return SideMatch(True, ((0, 7, says),), {"version": version_text(u16(data, 1))}, False, 64)
    while closed < WALKED and at + RECORD_HEADER <= size:
        end = at + RECORD_HEADER + _u16(data, at + 3)
        if end > size:
            break
        if end + RECORD_HEADER <= size and not _is_record(data, end, minor):
            return None
        closed += 1
        at = end
    # 17 03 03 is literal, other types and versions are one of five each; then the length, and 36 bits a record more
    bits = 24 if kind == APPLICATION and minor == 3 else 19
    if kind == ALERT and closed == 1 and end == size and first in SEALED_ALERTS:
        says = f"TLS record, an encrypted alert of {first} bytes is all that is here"
        return SideMatch(False, ((0, RECORD_HEADER, says),), {}, False, ALERT_BITS)
    if closed == 0:
        if kind != APPLICATION or size < CUT_RECORD:
            return None
        says = f"TLS record, application data, {first} bytes, of which the first {size - RECORD_HEADER} are here"
        return SideMatch(False, ((0, RECORD_HEADER, says),), {}, False, bits)
    return SideMatch(closed >= STRONG_RECORDS, _record_spans(data, closed), {}, False, bits + 16 + 36 * (closed - 1))


def _record_spans(data: bytes, count: int) -> tuple[tuple[int, int, str], ...]:
    """The headers of the first `count` records, which are all there."""
    spans: list[tuple[int, int, str]] = []
    at = 0
    for _ in range(count):
        length = u16(data, at + 3)
        end = at + RECORD_HEADER + length
        where = "on the next record" if end < len(data) else "with the bytes"
        spans.append((at, RECORD_HEADER, f"TLS record, {RECORD_NAMES[data[at]]}, {length} bytes, closes {where}"))
        at = end
    return tuple(spans)


def _ssl2_client(data: bytes) -> SideMatch | None:
    """A ClientHello in the form of SSL 2.0: lengths of cipher specs, session id and challenge add up to its own."""
    size = len(data)
    if size < 11 or data[2] != SSL2_CLIENT_HELLO:
        return None
    length = (data[0] & 0x7F) << 8 | data[1]
    version = u16(data, 3)
    if version not in (2, 0x0300, 0x0301, 0x0302, 0x0303):
        return None
    specs = u16(data, 5)
    session = u16(data, 7)
    challenge = u16(data, 9)
    if specs == 0 or specs % 3 or session not in (0, 16) or not 16 <= challenge <= 32:
        return None
    if 9 + specs + session + challenge != length:
        return None
    says = f"ClientHello in SSL 2.0 form, {length} bytes: cipher specs, session id and challenge add up"
    facts: Facts = {"version": version_text(version)}
    return SideMatch(True, ((0, min(size, SSL2_HEADER + length), says),), facts, False, 80)


def _ssl2_server(data: bytes) -> SideMatch | None:
    """A ServerHello of SSL 2.0: lengths of certificate, cipher specs and connection id add up to its own."""
    size = len(data)
    if size < 13 or data[2] != SSL2_SERVER_HELLO or data[3] > 1 or data[4] > 1 or u16(data, 5) != 2:
        return None
    length = (data[0] & 0x7F) << 8 | data[1]
    if 11 + u16(data, 7) + u16(data, 9) + u16(data, 11) != length or u16(data, 9) % 3:
        return None
    says = f"SSL 2.0 ServerHello, {length} bytes: certificate, cipher specs and connection id add up"
    return SideMatch(True, ((0, min(size, SSL2_HEADER + length), says),), {"version": "SSL 2.0"}, False, 72)


def _side(data: bytes, role: cython.int) -> SideMatch | None:
    size: cython.Py_ssize_t = len(data)
    kind: cython.int = data[0]
    if size <= RECORD_HEADER:
        return None
    if kind >= 0x80:
        return _ssl2_client(data) if role == CLIENT else _ssl2_server(data)
    if data[1] != 3 or data[2] > 4:
        return None
    if kind == HANDSHAKE:
        match = _hello(data, CLIENT_HELLO if role == CLIENT else SERVER_HELLO)
        if match is not None:
            return match
        if role == SERVER and data[3:9] == b"\x00\x04\x00\x00\x00\x00":
            return SideMatch(True, ((0, 9, "TLS HelloRequest"),), {}, False, 64)
    return _records(data)


def client(data: bytes) -> SideMatch | None:
    """A ClientHello, in TLS records or the form of SSL 2.0; or records of a connection that began earlier."""
    return _side(data, CLIENT)


def server(data: bytes) -> SideMatch | None:
    """A ServerHello or an alert; or records of a connection that began earlier."""
    return _side(data, SERVER)


def reject(data: bytes, role: int) -> str:
    """Bytes that no record, or no first message of this side, has."""
    if data[0] & 0xFE == 0x80:
        if len(data) < 13 or _side(data, role) is not None:
            return ""
        return "byte 0 is 0x%02x, and the lengths of an SSL 2.0 hello do not add up" % data[0]  # noqa: UP031
    text = (
        wrong_byte(data, 0, RECORD_TYPES, "a record starts with 0x14 to 0x18")
        or wrong_byte(data, 1, b"\x03", "a record's version starts with 0x03")
        or wrong_byte(data, 2, b"\x00\x01\x02\x03\x04", "versions end in 0x00 to 0x04")
    )
    if text or len(data) < RECORD_HEADER:
        return text
    length = u16(data, 3)
    if not 1 <= length <= RECORD_LIMIT:
        return f"bytes 3 and 4 are a length of {length}, a record holds 1 to {RECORD_LIMIT} bytes"
    if len(data) < 11 or _side(data, role) is not None:
        return ""
    if data[0] == HANDSHAKE:
        return _reject_handshake(data, length, role)
    end = RECORD_HEADER + length
    if end < len(data):
        return wrong_byte(data, end, RECORD_TYPES, f"where a record of {length} bytes ends another one starts")
    return ""


def _reject_handshake(data: bytes, length: int, role: int) -> str:
    kind = CLIENT_HELLO if role == CLIENT else SERVER_HELLO
    name = "ClientHello" if role == CLIENT else "ServerHello"
    if data[5] != kind:
        if _plain_message(data):
            return ""
        return f"byte 5 is 0x{data[5]:02x}, the first handshake message is a {name} (0x{kind:02x})"
    return (
        wrong_byte(data, 6, b"\x00\x01", f"a {name} is shorter than 128 KB")
        or wrong_byte(data, 9, b"\x03\x7f", f"the version in a {name} starts with 0x03")
        or f"the lengths inside the {name} (record of {length} bytes) do not nest"
    )


def _first_message(data: bytes, kind: int) -> tuple[Hello, bool] | None:
    """The hello of `kind` that a direction begins with, and whether all of it is there."""
    if len(data) < HELLO_SEEN or data[0] != HANDSHAKE or data[5] != kind:
        return None
    length = data[6] << 16 | u16(data, 7)
    body = data[RECORD_HEADER : RECORD_HEADER + MESSAGE_HEADER + length]
    if u16(data, 3) < MESSAGE_HEADER + length:
        body = handshake(data, MESSAGE_HEADER + length)[0]
    hello = Hello(body, kind)
    result = read_hello(body, MESSAGE_HEADER, MESSAGE_HEADER + length, kind, False, hello)
    return None if result == CONTRADICTS else (hello, result == COMPLETE)


def _certificate(data: bytes) -> tuple[bytes | None, bool]:
    """The first certificate in a server's plain handshake, as far as it is there, and whether more of it may come."""
    messages, _, ended = handshake(data, HEAD_BYTES)
    at = 0
    while at + MESSAGE_HEADER <= len(messages):
        end = at + MESSAGE_HEADER + (messages[at + 1] << 16 | u16(messages, at + 2))
        if messages[at] == CERTIFICATE:
            found = first_certificate(messages, at + MESSAGE_HEADER)
            return found, end > len(messages) and not ended
        if messages[at] == SERVER_HELLO_DONE:
            return None, False
        at = end
    return None, not ended


def _offers(ciphers: bytes, cipher: int) -> bool:
    """Whether a list of two-byte cipher suites has this one (RFC 8446, 4.1.3: the server takes one of them)."""
    wanted = cipher.to_bytes(2, "big")
    at = ciphers.find(wanted)
    while at >= 0 and at & 1:
        at = ciphers.find(wanted, at + 1)
    return at >= 0


def describe(head: Head, found: Identification) -> None:
    """Facts of both hellos, of the server's certificate where it is sent in clear (TLS up to 1.2), and of records
    that follow no handshake though the connection was seen from its start."""
    client, server = (head.resp, head.orig) if found.server == 0 else (head.orig, head.resp)
    facts = found.facts
    asked = _first_message(client, CLIENT_HELLO)
    if asked is not None:
        facts.update(client_facts(asked[0], TLS, asked[1]))
    answered = _first_message(server, SERVER_HELLO)
    if answered is not None:
        facts.update(server_facts(answered[0], answered[1]))
        if asked is not None and asked[1] and not _offers(asked[0].ciphers, answered[0].cipher):
            found.signs |= NOT_OFFERED
        if facts["version"] in PLAIN_CERTIFICATE:
            certificate, more = _certificate(server)
            if certificate:
                facts.update(certificate_facts(certificate))
            if more and len(server) < HEAD_BYTES and not head.closed:
                found.final = False
    elif (
        not head.notes & NOTE_MIDSTREAM
        and server[:1] in WITHOUT_HELLO
        # an answer that begins with application data follows no handshake, even where there was a ClientHello
        and (client[:1] in WITHOUT_HELLO or (asked is not None and server))
    ):
        facts["no_handshake"] = True
        found.signs |= NO_HANDSHAKE


FIRST = RECORD_TYPES + b"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
PROTOCOLS = (
    Protocol(
        name="tls",
        title="TLS",
        spec="RFC 8446",
        grammars=(Grammar((TCP,), client, server, FIRST, FIRST, reject=reject),),
        aliases=("ssl",),
        describe=describe,
    ),
)
