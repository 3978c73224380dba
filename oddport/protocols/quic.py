"""QUIC long-header packets, and the first packets of Google's QUIC → a match (RFC 9000, 17.2; RFC 9369, 3.2; RFC 8999).

A datagram is a chain of long-header packets whose lengths close on each other, perhaps with a short-header packet or
padding behind. Version negotiation counts only as the answer to such a packet; short-header packets prove nothing.
"""

from oddport.engine.columns import HEAD_DATAGRAMS, UDP
from oddport.engine.heads import Head
from oddport.protocols.binary import u16, u32, wrong_byte
from oddport.protocols.model import Identification, Says, SideMatch
from oddport.protocols.quic_initial import VERSION_2, client_messages, varint
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol
from oddport.protocols.tls_facts import QUIC, client_facts
from oddport.protocols.tls_hello import CLIENT_HELLO, COMPLETE, CONTRADICTS, Hello, read_hello

VERSION_1 = 0x00000001
DRAFTS = range(0xFF000016, 0xFF000023)
"""draft-22 to draft-34: the wire format of version 1."""
OLD_DRAFTS = range(0xFF000011, 0xFF000016)
"""draft-17 to draft-21: one byte holds both connection id lengths (draft-ietf-quic-transport-17, 17.2)."""
MVFST = range(0xFACEB000, 0xFACEB010)
"""Facebook's names of the drafts."""
INITIAL, ZERO_RTT, HANDSHAKE, RETRY = 0, 1, 2, 3
KIND_NAMES = ("Initial", "0-RTT", "Handshake", "Retry")
CONNECTION_ID_LIMIT = 20
"""RFC 9000, 17.2."""
FIRST_DESTINATION = 8
"""Bytes at least of the destination id that a client makes up (RFC 9000, 7.2)."""
INITIAL_DATAGRAM = 1_200
"""RFC 9000, 14.1."""
SMALLEST_PACKET = 20
"""Packet number and payload: 4 bytes before the header protection sample, and its 16 (RFC 9001, 5.4.2)."""
GOOGLE_LONG = (b"Q043", b"Q044", b"Q046", b"Q050", b"T050", b"T051")
GOOGLE_DATAGRAM = 1_200
"""A Google QUIC client pads its CHLO to 1,200 bytes or more, save for the smallest networks: 1,024."""
GOOGLE_SMALLEST = 1_024
TAG_WINDOW = 96
"""Bytes of a Google QUIC packet in which the handshake's tag stands: header, hash, stream frame header."""


def _version(number: int) -> str:
    """The name of a version whose packets look like version 1's; "" where it is not one."""
    if number == VERSION_1:
        return "1"
    if number == VERSION_2:
        return "2"
    if number in DRAFTS:
        return f"draft-{number & 0xFF}"
    if number in MVFST:
        return f"mvfst 0x{number & 0xFF:02x}"
    if number in (0x51303530, 0x54303530, 0x54303531):  # Q050, T050, T051
        return number.to_bytes(4, "big").decode("ascii")
    return ""


def _is_reserved(number: int) -> bool:
    """Whether a version is one of 0x?a?a?a?a, sent to exercise version negotiation (RFC 9000, 15)."""
    return number & 0x0F0F0F0F == 0x0A0A0A0A


def _negotiation(data: bytes) -> SideMatch | None:
    """Version negotiation: version 0, two connection ids, then versions, a known one among them (RFC 8999, 6)."""
    size = len(data)
    at = 6 + data[5]
    if data[5] > CONNECTION_ID_LIMIT or at >= size or data[at] > CONNECTION_ID_LIMIT:
        return None
    at += 1 + data[at]
    if at >= size or (size - at) & 3:
        return None
    for index in range(at, size, 4):
        number = u32(data, index)
        if _version(number) or number in OLD_DRAFTS or data[index : index + 4] in GOOGLE_LONG:
            says = ("version negotiation offers %d versions, 0x%08x among them", (size - at) // 4, number)
            return SideMatch(False, ((1, 4, "QUIC version 0"), (at, size - at, says)), {}, False, 70)
    return None


def _kind(byte: int, version: int) -> int:
    """The packet type of a first byte; version 2 turned the numbers by one (RFC 9369, 3.2)."""
    kind = byte >> 4 & 3
    return kind - 1 & 3 if version == VERSION_2 else kind


def _packet(data: bytes, at: int, version: int, old: bool) -> tuple[int, int, int, int, int]:
    """(end, kind, bytes of the destination id, source id and token) of the packet at `at`; end -1 if none."""
    none = (-1, 0, 0, 0, 0)
    size = len(data)
    if at + 7 > size or data[at] & 0x80 == 0 or u32(data, at + 1) != version:
        return none
    kind = _kind(data[at], version)
    if old:
        nibbles = data[at + 5]
        target = nibbles >> 4
        source = nibbles & 15
        target = target + 3 if target else 0
        source = source + 3 if source else 0
        position = at + 6 + target + source
    else:
        target = data[at + 5]
        if target > CONNECTION_ID_LIMIT or at + 6 + target >= size:
            return none
        source = data[at + 6 + target]
        if source > CONNECTION_ID_LIMIT:
            return none
        position = at + 7 + target + source
    if kind == RETRY:
        # a token and a tag of 16 bytes up to the datagram's end (RFC 9000, 17.2.5)
        return (size, kind, target, source, 0) if position + 17 <= size else none
    token = 0
    if kind == INITIAL:
        token = varint(data, position)
        if token < 0:
            return none
        position += (1 << (data[position] >> 6)) + token
    length = varint(data, position)
    if length < SMALLEST_PACKET:
        return none
    position += (1 << (data[position] >> 6)) + length
    return (position, kind, target, source, token) if position <= size else none


def _google(data: bytes, role: int) -> SideMatch | None:
    """Google's QUIC up to Q046: the version where it belongs, and the tag of a handshake message."""
    size = len(data)
    if data[0] & 0x80:
        # long header with Q043 to Q046: both connection id lengths in one byte
        if size < 18 or data[1:5] not in GOOGLE_LONG[:3] or data[5] not in (0x50, 0x05, 0x55):
            return None
        where = data[1:5]
    else:
        # public header: flags, connection id of 8 bytes, version where flag 1 is set
        if size < 40 or data[0] & 0xC0:
            return None
        where = data[9:13] if data[0] & 9 == 9 else b""
        if role == CLIENT and not (where[:1] == b"Q" and where[1:].isdigit() and where[1:2] == b"0"):
            return None
    window = data[:TAG_WINDOW]
    if role == CLIENT:
        at = window.find(b"CHLO")
        if at < 0 or size < GOOGLE_SMALLEST:
            return None
    else:
        at = max(window.find(b"REJ\x00"), window.find(b"SHLO"))
        if at < 0 and data[0] & 0x80:
            # the answer may be encrypted: the version and one connection id are all there is to see
            return SideMatch(False, ((0, 14, "Google QUIC " + where.decode("ascii")),), {}, False, 44)
        if at < 0:
            return None
    version = where.decode("ascii") if where[:1] == b"Q" else ""
    spans = ((0, 13, f"Google QUIC {version}".strip()), (at, 4, "handshake message tag"))
    return SideMatch(True, spans, {"version": version} if version else {}, False, 64)


def _side(data: bytes, role: int) -> SideMatch | None:
    size = len(data)
    if role == SERVER and data[0] & 0x80 and size >= 11 and u32(data, 1) == 0:
        return _negotiation(data)
    if size < 24:
        return None
    # a server may clear the fixed bit (RFC 9287, 3)
    if data[0] & 0xC0 != 0xC0 and (role == CLIENT or data[0] & 0x80 == 0):
        return _google(data, role)
    version = u32(data, 1)
    name = _version(version)
    old = False
    reserved = False
    if not name:
        if version in OLD_DRAFTS:
            name = f"draft-{version & 0xFF}"
            old = True
        elif _is_reserved(version) and role == CLIENT:
            name = "reserved"
            reserved = True
        else:
            return _google(data, role)
    at, kind, target, source, token = _packet(data, 0, version, old)
    if at < 0:
        return None
    if role == SERVER and kind == INITIAL and token:
        return None
    if kind == ZERO_RTT and role == SERVER:
        return None
    if role == CLIENT and (
        kind == RETRY or (kind == INITIAL and (size < INITIAL_DATAGRAM or target < FIRST_DESTINATION))
    ):
        return None
    spans: list[tuple[int, int, Says]] = [
        (0, min(7 + target + source, size), ("QUIC version %s, %s packet", name, KIND_NAMES[kind])),
        (0, at, ("its length closes at byte %d", at)),
    ]
    bits = 32 + 2 + 8 + 8
    while at < size:
        if data[at] & 0xC0 != 0xC0 and (data[at] & 0x80 == 0 or role == CLIENT):
            # a short-header packet, or padding of zeros
            if data[at] & 0xC0 == 0x40:
                if size - at < SMALLEST_PACKET:
                    return None
            elif data[at:].strip(b"\x00"):
                return None
            bits += 2
            break
        end, following, _, _, _ = _packet(data, at, version, old)
        if end < 0 or following == RETRY or data[at + 5 : at + 6 + target] != data[5 : 6 + target]:
            return None
        spans.append((at, 5, ("%s packet, where the one before it ends", KIND_NAMES[following])))
        bits += 40
        at = end
    if at == size:
        bits += 14
    elif reserved:
        return None
    if kind == INITIAL and role == CLIENT:
        bits += 8
    # nothing of a Retry closes
    return SideMatch(kind != RETRY, tuple(spans), {"version": name}, False, bits)


def client(data: bytes) -> SideMatch | None:
    """A datagram of 1,200 bytes or more that begins with an Initial packet; or a later one of long-header packets."""
    return _side(data, CLIENT)


def server(data: bytes) -> SideMatch | None:
    """A datagram of long-header packets, or a Retry."""
    return _side(data, SERVER)


def _ids(data: bytes) -> tuple[bytes, bytes]:
    """Destination and source connection id of a long header as version 1 has it; empty where it is another one."""
    if data[0] & 0x80 == 0 or len(data) < 7 or not _version(u32(data, 1)):
        return b"", b""
    target = data[5]
    if 6 + target >= len(data):
        return b"", b""
    source = data[6 + target]
    return data[6 : 6 + target], data[7 + target : 7 + target + source]


def pair(query: bytes, answer: bytes) -> bool:
    """The server sends to the connection id that the client gave as its own (RFC 9000, 7.2)."""
    if query[0] & 0x80 == 0 or answer[0] & 0x80 == 0 or u32(answer, 1) == 0:
        return True
    return _ids(query)[1] == _ids(answer)[0]


def reject(data: bytes, role: int) -> str:
    """Bytes that no first datagram has."""
    if data[0] & 0xC0 != 0xC0:
        if (data[0] & 0x80 and role == CLIENT) or (role == CLIENT and data[0] & 9 != 9):
            return f"byte 0 is 0x{data[0]:02x}, a first packet has a long header with both top bits set"
        return ""
    if len(data) < 7:
        return f"{len(data)} bytes, a long header alone has 7"
    version = u32(data, 1)
    if version and not _version(version) and version not in OLD_DRAFTS and data[1:5] not in GOOGLE_LONG:
        # versions are open-ended (RFC 8999): only the lengths behind it can speak against it
        return (
            ""
            if data[5] <= CONNECTION_ID_LIMIT
            else wrong_byte(data, 5, bytes(range(CONNECTION_ID_LIMIT + 1)), "connection ids have at most 20 bytes")
        )
    if version == 0 or _side(data, role) is not None:
        return ""
    if role == CLIENT and _kind(data[0], version) == INITIAL and len(data) < INITIAL_DATAGRAM:
        return f"{len(data)} bytes, a client's Initial packet comes in {INITIAL_DATAGRAM} or more"
    return f"the lengths from byte 5 on do not close within {len(data)} bytes"


MESSAGE_HEADER = 4
"""Type and length of a handshake message."""


def describe(head: Head, found: Identification) -> None:
    """Facts of the ClientHello in the Initial packets: `sni`, `alpn`, `tls_version`, `ja4`, `ja3`, `ech`.

    `not_opened`: no Initial packet opens with the keys of its destination id: the first was missed, or it is no QUIC.
    """
    client = head.resp_datagrams or (head.resp,)
    if found.server != 0:
        client = head.orig_datagrams or (head.orig,)
    messages, sealed = client_messages(client)
    if sealed:
        found.facts["not_opened"] = True
    more = not sealed
    if len(messages) >= MESSAGE_HEADER and messages[0] == CLIENT_HELLO:
        stop = MESSAGE_HEADER + (messages[1] << 16 | u16(messages, 2))
        hello = Hello(messages, CLIENT_HELLO)
        result = read_hello(messages, MESSAGE_HEADER, stop, CLIENT_HELLO, False, hello)
        more = result != COMPLETE
        if result != CONTRADICTS:
            facts = client_facts(hello, QUIC, not more)
            facts["tls_version"] = facts.pop("version")
            found.facts.update(facts)
    if more and not head.closed and len(client) < HEAD_DATAGRAMS:
        found.final = False


GOOGLE_FLAGS = bytes(byte for byte in range(0x40) if byte & 8 or byte in (0, 0x0C, 0x10, 0x1C, 0x20, 0x2C, 0x30, 0x3C))
LONG = bytes(range(0xC0, 0x100))
NEGOTIATION = bytes(range(0x80, 0xC0))
"""Only the top bit of version negotiation is fixed (RFC 8999, 6)."""
PROTOCOLS = (
    Protocol(
        name="quic",
        title="QUIC",
        spec="RFC 9000",
        grammars=(
            Grammar((UDP,), client, server, LONG + GOOGLE_FLAGS, LONG + NEGOTIATION + GOOGLE_FLAGS, pair, reject),
        ),
        aliases=("gquic",),
        describe=describe,
    ),
)
