"""PostgreSQL's start-up and its answers → a match (PostgreSQL documentation, "Message Formats", protocol 3)."""

from oddport.engine.columns import TCP
from oddport.protocols.binary import is_text, u32, wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, Grammar, Protocol
from oddport.protocols.text import clean

CANCEL, TLS_REQUEST, GSS_REQUEST = 80877102, 80877103, 80877104
"""Request codes in place of a version: 1234 in the upper half, 5678 to 5680 in the lower."""
REQUESTS = {CANCEL: (16, "CancelRequest"), TLS_REQUEST: (8, "SSLRequest"), GSS_REQUEST: (8, "GSSENCRequest")}
MAJOR = 3
MINORS = (0, 2)
"""Protocol 3.0, and 3.2 of PostgreSQL 18; 3.1 was never used."""
STARTUP_LIMIT = 10_000
"""MAX_STARTUP_PACKET_LENGTH of the server."""
PARAMETERS = 64
AUTHENTICATION = {0: 8, 2: 8, 3: 8, 5: 12, 7: 8, 9: 8}
"""Kind of an authentication request → its length; 8, 10, 11 and 12 carry more."""
AUTHENTICATION_OPEN = (8, 10, 11, 12)
AUTHENTICATION_NAMES = {0: "ok", 2: "kerberos5", 3: "password", 5: "md5", 7: "gss", 9: "sspi", 10: "sasl"}
SEVERITIES = (b"FATAL", b"ERROR", b"PANIC")
BACKEND = b"KNRSZTDCE1I23tncAGHWdfvV"
"""First bytes of messages that a server sends."""
MESSAGES = 8


def client(data: bytes) -> SideMatch | None:
    """A start-up message whose parameters close on its length, behind requests for encryption; or a cancel request."""
    size = len(data)
    at = 0
    facts: Facts = {}
    spans: list[tuple[int, int, str]] = []
    while at + 8 <= size:
        length = u32(data, at)
        code = u32(data, at + 4)
        request = REQUESTS.get(code)
        if request is None:
            break
        if length != request[0]:
            return None
        if code == CANCEL and at + length > size:
            return None
        spans.append((at, length, f"PostgreSQL {request[1]}, {length} bytes"))
        at += length
        if len(spans) > 2 or code == CANCEL:
            break
    if spans and (at >= size or data[at] != 0):
        # alone, refused and gone away, or followed by TLS
        return SideMatch(True, tuple(spans), {"request": spans[0][2].split()[1].rstrip(",")}, False, 64)
    if at + 9 > size:
        return SideMatch(True, tuple(spans), {}, False, 64) if spans else None
    length = u32(data, at)
    if not 9 <= length <= STARTUP_LIMIT or u32(data, at + 4) >> 16 != MAJOR or u32(data, at + 4) & 0xFFFF not in MINORS:
        return None
    end = at + length
    if end > size or data[end - 1] != 0:
        return None
    words = data[at + 8 : end - 1].split(b"\x00")
    # name, value, name, value, and an empty string behind the last zero
    if len(words) % 2 == 0 or words.pop() != b"" or len(words) > 2 * PARAMETERS or b"user" not in words[::2]:
        return None
    for index in range(0, len(words) - 1, 2):
        if not words[index] or not is_text(words[index]):
            return None
        name = words[index].decode("ascii", "replace")
        if name in ("user", "database", "application_name"):
            facts[name] = clean(words[index + 1])
    spans.append((at, length, f"PostgreSQL StartupMessage: {len(words) // 2} parameters close on {length} bytes"))
    return SideMatch(True, tuple(spans), facts, False, 96 + 64 * (len(spans) - 1))


def _error(data: bytes, at: int, stop: int, facts: Facts) -> bool:
    """Whether the fields of an ErrorResponse between `at` and `stop` begin with a severity and end with a zero."""
    if stop > len(data) or data[at] != 0x53 or data[stop - 1] != 0:
        return False
    fields = data[at : stop - 1].split(b"\x00")
    for one in fields:
        if not is_text(one):
            return False
        if one[:1] == b"M":
            facts["error"] = clean(one[1:])
    # the severity's word is in the server's language; newer servers repeat it in English in field V
    return len(fields) >= 4


def server(data: bytes) -> SideMatch | None:
    """One byte on encryption, an authentication request, or an error; then messages that close on each other."""
    size = len(data)
    at = 0
    facts: Facts = {}
    spans: list[tuple[int, int, str]] = []
    if data == b"G":
        return SideMatch(False, ((0, 1, "PostgreSQL accepts GSS encryption"),), {}, False, 8)
    if data[0] in b"NS" and (size == 1 or data[0] == 0x53 or data[1] in b"NRE"):
        spans.append((0, 1, "PostgreSQL accepts TLS" if data[0] == 0x53 else "PostgreSQL declines encryption"))
        at = 2 if size > 1 and data[0] == 0x4E and data[1] in b"NS" else 1
        if at >= size:
            return SideMatch(False, tuple(spans), {}, False, 7)
        if data[0] == 0x53:
            # a length follows a ParameterStatus message; behind a yes to TLS there is a TLS record
            if data[1] in b"\x14\x15\x16" and (size < 3 or data[2] == 3):
                return SideMatch(False, tuple(spans), {}, False, 24)
            return None
    bits = 8 * at
    strong = False
    messages = 0
    while at + 5 <= size and messages < MESSAGES:
        kind = data[at]
        length = u32(data, at + 1)
        end = at + 1 + length
        if kind not in BACKEND or length < 4 or length > 1 << 24:
            return None
        if messages == 0:
            if kind == 0x52 and at + 9 <= size:
                number = u32(data, at + 5)
                wanted = AUTHENTICATION.get(number)
                if (wanted is None and number not in AUTHENTICATION_OPEN) or (wanted is not None and length != wanted):
                    return None
                facts["auth"] = AUTHENTICATION_NAMES.get(number, str(number))
                spans.append((at, 9, f"PostgreSQL authentication request {number}, {length} bytes"))
                bits += 60
            elif kind == 0x45 and length > 8 and _error(data, at + 5, end, facts):
                spans.append((at, end - at, f"PostgreSQL ErrorResponse, {length} bytes"))
                bits += 60
            elif kind == 0x76 and 12 <= length <= STARTUP_LIMIT:
                spans.append((at, 5, "PostgreSQL NegotiateProtocolVersion"))
                bits += 28
            else:
                return None
            strong = kind != 0x76
        elif kind == 0x53 and end <= size:
            words = data[at + 5 : end].split(b"\x00")
            if words[0] == b"server_version" and len(words) > 1:
                facts["version"] = clean(words[1])
        bits += 8
        messages += 1
        at = end
    if messages == 0:
        return None
    return SideMatch(strong, tuple(spans), facts, False, bits)


def reject(data: bytes, role: int) -> str:
    """Bytes that no start-up message, or no first answer, has."""
    if role == CLIENT:
        return wrong_byte(data, 0, b"\x00", "a start-up message is shorter than 64 KB") or wrong_byte(
            data, 4, b"\x00\x04", "protocol 3 (0x00) or a request code (0x04) stands there"
        )
    return wrong_byte(data, 0, FIRST, "an answer starts with S, N, G, R, E or v")


FIRST = b"SNGREv"
PROTOCOLS = (
    Protocol(
        name="postgresql",
        title="PostgreSQL",
        spec="PostgreSQL frontend/backend protocol 3",
        grammars=(Grammar((TCP,), client, server, b"\x00", FIRST, reject=reject),),
        aliases=("postgres", "pgsql"),
    ),
)
