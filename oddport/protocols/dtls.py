"""Records of DTLS that close on the datagram → a match, and its hellos → facts (RFC 6347, 4; RFC 9147, 4 and 5).

Records of DTLS 1.3 that are encrypted have a header of their own and prove nothing; they are taken where they follow
plain records in a datagram. A hello may be in fragments, in one datagram or several.
"""

import cython

from oddport.engine.columns import HEAD_DATAGRAMS, UDP
from oddport.engine.heads import Head
from oddport.protocols.binary import u16, wrong_byte
from oddport.protocols.certificates import certificate_facts, first_certificate
from oddport.protocols.model import Identification, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol
from oddport.protocols.tls_facts import DTLS, client_facts, server_facts
from oddport.protocols.tls_hello import (
    CLIENT_HELLO,
    COMPLETE,
    CONTRADICTS,
    HELLO_LEAST,
    SERVER_HELLO,
    Hello,
    read_hello,
)

RECORD_HEADER, MESSAGE_HEADER = 13, 12
HANDSHAKE, APPLICATION = 0x16, 0x17
RECORD_TYPES = bytes(range(0x14, 0x1B))
"""ContentType: as TLS, 25 is a record with connection id (RFC 9146), 26 an acknowledgement (RFC 9147, 4)."""
RECORD_NAMES = (
    "change cipher spec", "alert", "handshake", "application data", "heartbeat", "connection id", "acknowledgement",
)  # fmt: skip
VERSIONS = (0xFEFF, 0xFEFD, 0x0100)
"""DTLS 1.0, 1.2 (and 1.3), and OpenSSL's from before the RFC."""
UNIFIED, UNIFIED_MASK = 0x20, 0xE0
"""Top bits of an encrypted record of DTLS 1.3 (RFC 9147, 4)."""
UNIFIED_LEAST = 18
"""Its header with one byte of sequence number and no length, and 16 bytes that mask that number."""
HELLO_VERIFY, CERTIFICATE = 3, 11
CLIENT_MESSAGES = bytes((CLIENT_HELLO, 11, 15, 16, 20))
SERVER_MESSAGES = bytes((0, SERVER_HELLO, HELLO_VERIFY, 4, CERTIFICATE, 12, 13, 14, 20, 22))
"""Handshake messages of each side before encryption (RFC 6347, 4.3.2)."""
MESSAGE_LIMIT = 1 << 17
"""Bytes of a message."""
WALKED = 16
"""Records of a datagram that are looked at."""


@cython.cfunc
@cython.inline
def _u16(data: bytes, at: cython.Py_ssize_t) -> cython.int:
    high: cython.int = data[at]
    return high << 8 | data[at + 1]


@cython.cfunc
def _record_end(data: bytes, at: cython.Py_ssize_t, version: cython.int) -> cython.Py_ssize_t:
    """Where the record at `at` ends, 0 if there is none of this version that the datagram holds."""
    end: cython.Py_ssize_t
    if at + RECORD_HEADER > len(data) or not 0x14 <= data[at] <= 0x1A or _u16(data, at + 1) != version:
        return 0
    # the upper byte of an epoch, and of a sequence number of 48 bits the upper 16
    if data[at + 3] or data[at + 5] or data[at + 6]:
        return 0
    end = at + RECORD_HEADER + _u16(data, at + 11)
    return end if end > at + RECORD_HEADER and end <= len(data) else 0


@cython.cfunc
def _fits_role(data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t, role: cython.int) -> cython.bint:
    """Whether the plain handshake record `data[at:end]` begins with a fragment of a message of this side."""
    body: cython.Py_ssize_t = at + RECORD_HEADER
    offset: cython.int
    length: cython.int
    total: cython.int
    result: cython.int
    if body + MESSAGE_HEADER > end:
        return False
    if data[body] not in (CLIENT_MESSAGES if role == CLIENT else SERVER_MESSAGES):
        return False
    total = data[body + 1] << 16 | _u16(data, body + 2)
    offset = data[body + 6] << 16 | _u16(data, body + 7)
    length = data[body + 9] << 16 | _u16(data, body + 10)
    body += MESSAGE_HEADER
    if total > MESSAGE_LIMIT or offset + length > total or body + length > end:
        return False
    if offset == 0 and (data[body - 12] == CLIENT_HELLO or data[body - 12] == SERVER_HELLO):
        if total < HELLO_LEAST:
            return False
        # a hello's first fragment ends before the data of other records begin
        result = read_hello(data[: body + length], body, body + total, data[body - 12], True)
        return result != CONTRADICTS
    return True


def _side(data: bytes, role: cython.int) -> SideMatch | None:
    size: cython.Py_ssize_t = len(data)
    at: cython.Py_ssize_t
    end: cython.Py_ssize_t
    count: cython.int = 1
    version: cython.int
    if size <= RECORD_HEADER:
        return None
    version = _u16(data, 1)
    if version != 0xFEFD and version != 0xFEFF and version != 0x0100:
        return None
    end = _record_end(data, 0, version)
    if end == 0:
        return None
    if data[0] == HANDSHAKE and data[4] == 0 and not _fits_role(data, 0, end, role):
        return None
    if data[0] == APPLICATION and data[4] == 0:
        # nothing is sent in clear
        return None
    at = end
    while at < size and count < WALKED:
        if data[at] & UNIFIED_MASK == UNIFIED:
            if size - at < UNIFIED_LEAST:
                return None
            break
        # the version of the answer may differ from that of the first records
        end = _record_end(data, at, version)
        if end == 0:
            return None
        at = end
        count += 1
    name = RECORD_NAMES[data[0] - 0x14]
    more = f", and {count - 1} more close on each other" if count > 1 else ""
    spans = ((0, RECORD_HEADER, f"DTLS record, {name}, {_u16(data, 11)} bytes: its length closes{more}"),)
    # one of seven types, of three versions; epoch and sequence number in their upper bytes; the length
    bits = 5 + 14 + 24 + 16 + 40 * (count - 1)
    return SideMatch(True, spans, {}, False, bits)


def client(data: bytes) -> SideMatch | None:
    """A ClientHello or another plain message of a client, or encrypted records, closing on the datagram."""
    return _side(data, CLIENT)


def server(data: bytes) -> SideMatch | None:
    """A HelloVerifyRequest, a ServerHello or another plain message of a server, or encrypted records."""
    return _side(data, SERVER)


class _Message:
    """A plain handshake message, put together from fragments that came in order."""

    __slots__ = ("body", "number", "total")

    def __init__(self, number: int, total: int) -> None:
        self.number = number
        self.total = total
        self.body = b""


def _messages(datagrams: tuple[bytes, ...]) -> dict[int, _Message]:
    """The plain handshake messages of one side, by type.

    One that is sent anew under another number (a ClientHello with its cookie) takes the place of the one before.
    """
    found: dict[int, _Message] = {}
    for data in datagrams:
        at = 0
        while at + RECORD_HEADER + MESSAGE_HEADER <= len(data):
            end = at + RECORD_HEADER + u16(data, at + 11)
            if data[at] == HANDSHAKE and data[at + 4] == 0:
                _fragments(data, at + RECORD_HEADER, min(end, len(data)), found)
            at = end
    return found


def _fragments(data: bytes, at: int, end: int, found: dict[int, _Message]) -> None:
    """Add the fragments between `at` and `end`, where a record has its content."""
    while at + MESSAGE_HEADER <= end:
        kind, number = data[at], u16(data, at + 4)
        offset = data[at + 6] << 16 | u16(data, at + 7)
        length = data[at + 9] << 16 | u16(data, at + 10)
        message = found.get(kind)
        if message is None or message.number != number:
            message = found[kind] = _Message(number, data[at + 1] << 16 | u16(data, at + 2))
        at += MESSAGE_HEADER
        if offset == len(message.body):
            message.body += data[at : min(at + length, end)]
        at += length


def _hello(messages: dict[int, _Message], kind: int) -> tuple[Hello, bool] | None:
    """The hello of `kind`, and whether all of it is there."""
    message = messages.get(kind)
    if message is None:
        return None
    hello = Hello(message.body, kind)
    result = read_hello(message.body, 0, message.total, kind, True, hello)
    return None if result == CONTRADICTS else (hello, result == COMPLETE)


def describe(head: Head, found: Identification) -> None:
    """Facts of both hellos and of the server's certificate; `cookie`: the client had to prove its address first."""
    orig, resp = head.orig_datagrams or (head.orig,), head.resp_datagrams or (head.resp,)
    client, server = (resp, orig) if found.server == 0 else (orig, resp)
    facts = found.facts
    asked = _hello(_messages(client), CLIENT_HELLO)
    if asked is not None:
        facts.update(client_facts(asked[0], DTLS, asked[1]))
        if not asked[1] and not head.closed and len(client) < HEAD_DATAGRAMS:
            found.final = False
    messages = _messages(server)
    answered = _hello(messages, SERVER_HELLO)
    if answered is not None:
        facts.update(server_facts(answered[0], answered[1]))
    if HELLO_VERIFY in messages:
        facts["cookie"] = True
    if CERTIFICATE in messages:
        certificate = first_certificate(messages[CERTIFICATE].body, 0)
        facts.update(certificate_facts(certificate))
    elif (answered is not None or HELLO_VERIFY in messages) and not head.closed and len(server) < HEAD_DATAGRAMS:
        found.final = False


def reject(data: bytes, role: int) -> str:
    """Bytes that no datagram of DTLS 1.2 begins with, or lengths that do not close on it."""
    if data[0] & UNIFIED_MASK == UNIFIED:
        return ""
    text = wrong_byte(data, 0, RECORD_TYPES, "a record starts with 0x14 to 0x1a")
    if text or len(data) < RECORD_HEADER:
        return text or f"{len(data)} bytes, the header of a record has {RECORD_HEADER}"
    if u16(data, 1) not in VERSIONS:
        return f"bytes 1 and 2 are 0x{data[1]:02x}{data[2]:02x}, no version of DTLS"
    if _side(data, role) is not None:
        return ""
    return f"epoch, sequence number and lengths of the records do not fit {len(data)} bytes"


PROTOCOLS = (
    Protocol(
        name="dtls",
        title="DTLS",
        spec="RFC 9147",
        grammars=(Grammar((UDP,), client, server, RECORD_TYPES, RECORD_TYPES, reject=reject),),
        describe=describe,
    ),
)
