"""SNMP messages → a match: version, community or security header and PDU close on each other (RFC 1157, 3412, 3416)."""

from oddport.engine.columns import TCP, UDP
from oddport.protocols.ber import INTEGER, OCTETS, OID, SEQUENCE, Element, element, sequence_of_tags, small_integer
from oddport.protocols.binary import wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol
from oddport.protocols.text import clean

VERSIONS = {0: "1", 1: "2c", 3: "3"}
"""msgVersion: RFC 1157, 4; RFC 1901, 3; RFC 3412, 6.1."""
PDUS = {
    0xA0: "GetRequest", 0xA1: "GetNextRequest", 0xA2: "Response", 0xA3: "SetRequest", 0xA4: "Trap",
    0xA5: "GetBulkRequest", 0xA6: "InformRequest", 0xA7: "SNMPv2-Trap", 0xA8: "Report",
}  # fmt: skip
DEFAULT_COMMUNITIES = (b"public", b"private")
"""Communities that are no secret; others are passwords, and no facts."""
RESPONSES = (0xA2, 0xA8)
"""An agent on 161 answers with these. Notifications go to whoever listens on 162, so their sender is the client."""
TRAP_V1 = 0xA4
PDU_SHAPE = bytes((INTEGER, INTEGER, INTEGER, SEQUENCE))
TRAP_SHAPE = bytes((OID, 0x40, INTEGER, INTEGER, 0x43, SEQUENCE))
HEADER_SHAPE = bytes((INTEGER, INTEGER, OCTETS, INTEGER))
"""HeaderData of RFC 3412, 6: msgID, msgMaxSize, msgFlags, msgSecurityModel."""
SMALLEST_MESSAGE = 484
"""msgMaxSize at least (RFC 3412, 6.3)."""
REPORTABLE = 4
"""msgFlags bit of what wants an answer (RFC 3412, 6.4)."""
ENCRYPTED = 2
MESSAGE_LIMIT = 65_535


def _pdu(data: bytes, part: Element, stop: int) -> bool:
    """Whether the PDU's own parts nest and its variable bindings close on `stop`, where all that is there."""
    shape = TRAP_SHAPE if part[0] == TRAP_V1 else PDU_SHAPE
    if part[2] != stop or sequence_of_tags(data, part[1], stop, shape) < 0:
        return False
    at = part[1]
    bindings: Element | None = None
    for _ in range(len(shape)):
        bindings = element(data, at, stop)
        if bindings is None:
            return False
        if bindings[0] < 0:
            return True
        at = bindings[2]
    return bindings is not None and bindings[2] == stop


def _match(
    data: bytes, role: int, version: int, pdu: str, stop: int, bits: int, fact: str, name: Element | None
) -> SideMatch:
    says = f"SNMPv{VERSIONS[version]} {pdu}: every length closes, {stop} bytes"
    facts: Facts = {"version": VERSIONS[version], "pdu": pdu}
    if name is not None and name[0] == OCTETS and name[1] < name[2] <= len(data):
        text = data[name[1] : name[2]]
        if fact == "user" or text in DEFAULT_COMMUNITIES:
            facts[fact] = clean(text)
    return SideMatch(True, ((0, min(stop, len(data)), says),), facts, False, bits)


def _user(data: bytes, security: Element) -> Element | None:
    """msgUserName, the fourth of the security parameters of the user-based model (RFC 3414, 2.4)."""
    part = element(data, security[1], security[2])
    if part is None or part[0] != SEQUENCE:
        return None
    stop = part[2]
    part = element(data, part[1], stop)
    for _ in range(3):
        part = element(data, part[2], stop) if part is not None and part[0] >= 0 else None
    return part


def _version_3(data: bytes, at: int, stop: int, role: int) -> SideMatch | None:
    header = element(data, at, stop)
    if header is None or header[0] != SEQUENCE or header[2] > len(data):
        return None
    if sequence_of_tags(data, header[1], header[2], HEADER_SHAPE) != len(HEADER_SHAPE):
        return None
    number = element(data, header[1], header[2])
    size = element(data, number[2], header[2]) if number is not None else None
    flags = element(data, size[2], header[2]) if size is not None else None
    model = element(data, flags[2], header[2]) if flags is not None else None
    if size is None or flags is None or model is None or model[2] != header[2] or flags[2] - flags[1] != 1:
        return None
    bits_set = data[flags[1]]
    if bits_set > 7 or small_integer(data, size) < SMALLEST_MESSAGE:
        return None
    security = element(data, header[2], stop)
    if security is None or security[0] != OCTETS:
        return None
    scoped = element(data, security[2], stop)
    if scoped is None or scoped[0] < 0 or scoped[2] != stop:
        return None
    if bits_set & ENCRYPTED:
        if scoped[0] != OCTETS or (role == CLIENT) != bool(bits_set & REPORTABLE):
            return None
        return _match(data, role, 3, "encrypted", stop, 88, "user", _user(data, security))
    if scoped[0] != SEQUENCE:
        return None
    engine = element(data, scoped[1], stop)
    context = element(data, engine[2], stop) if engine is not None and engine[0] == OCTETS else None
    part = element(data, context[2], stop) if context is not None and context[0] == OCTETS else None
    if part is None or part[0] not in PDUS or (part[0] in RESPONSES) != (role == SERVER) or not _pdu(data, part, stop):
        return None
    return _match(data, role, 3, PDUS[part[0]], stop, 120, "user", _user(data, security))


def _side(data: bytes, role: int, datagram: bool) -> SideMatch | None:
    if len(data) < 12 or data[0] != SEQUENCE:
        return None
    whole = element(data, 0, len(data) if datagram else MESSAGE_LIMIT)
    if whole is None or whole[0] < 0 or (datagram and whole[2] != len(data)):
        return None
    stop = whole[2]
    number = element(data, whole[1], stop)
    if number is None or number[0] != INTEGER:
        return None
    version = small_integer(data, number, 1)
    if version not in VERSIONS:
        return None
    if version == 3:
        return _version_3(data, number[2], stop, role)
    community = element(data, number[2], stop)
    if community is None or community[0] != OCTETS:
        return None
    part = element(data, community[2], stop)
    if part is None or part[0] not in PDUS or (part[0] in RESPONSES) != (role == SERVER) or not _pdu(data, part, stop):
        return None
    # of these, the tags of PDU, request id and errors and two lengths lie behind any four first bytes
    return _match(data, role, version, PDUS[part[0]], stop, 72, "community", community)


def client(data: bytes) -> SideMatch | None:
    """A request or a notification that fills its datagram."""
    return _side(data, CLIENT, True)


def server(data: bytes) -> SideMatch | None:
    """A response or a report that fills its datagram."""
    return _side(data, SERVER, True)


def stream_client(data: bytes) -> SideMatch | None:
    """The same over TCP (RFC 3430), where other messages may follow."""
    return _side(data, CLIENT, False)


def stream_server(data: bytes) -> SideMatch | None:
    """As `stream_client`, of the answering side."""
    return _side(data, SERVER, False)


def reject(data: bytes, role: int) -> str:
    """Bytes that no SNMP message has at this place."""
    text = wrong_byte(data, 0, FIRST, "a message is a SEQUENCE (0x30)")
    whole = element(data, 0, MESSAGE_LIMIT)
    if text or len(data) < 2:
        return text
    if whole is None:
        return f"byte 1 is 0x{data[1]:02x}, no length of an SNMP message"
    if whole[0] < 0:
        return ""
    at = whole[1]
    return (
        wrong_byte(data, at, bytes((INTEGER,)), "the version is an INTEGER (0x02)")
        or wrong_byte(data, at + 1, b"\x01", "the version is one byte long")
        or wrong_byte(data, at + 2, bytes(VERSIONS), "versions are 0, 1 and 3")
        or wrong_byte(
            data, at + 3, bytes((OCTETS, SEQUENCE)), "a community (0x04) or a header (0x30) follows the version"
        )
    )


FIRST = bytes((SEQUENCE,))
PROTOCOLS = (
    Protocol(
        name="snmp",
        title="SNMP",
        spec="RFC 3411 to 3418",
        grammars=(
            Grammar((UDP,), client, server, FIRST, FIRST, reject=reject),
            Grammar((TCP,), stream_client, stream_server, FIRST, FIRST, reject=reject),
        ),
    ),
)
