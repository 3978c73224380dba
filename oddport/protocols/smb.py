"""SMB 1, 2 and 3, framed by NetBIOS or directly → a match (MS-CIFS 2.2.3.1; MS-SMB2 2.1, 2.2.1, 2.2.41, 2.2.42)."""

from oddport.engine.columns import TCP
from oddport.protocols import ntlm
from oddport.protocols.binary import u16, u16_le, u32_le, wrong_byte, wrong_bytes
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.netbios import POSITIVE, SESSION_REQUEST, decode_name, session_request_end
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol
from oddport.protocols.text import clean

FRAME = 4
"""Bytes before each message: zero and a 24-bit length (MS-SMB2 2.1); over NetBIOS a type, a flag and 16 or 17 bits."""
SMB1, SMB2, ENCRYPTED, COMPRESSED = b"\xffSMB", b"\xfeSMB", b"\xfdSMB", b"\xfcSMB"
SMB1_HEADER, SMB2_HEADER, ENCRYPTED_HEADER, COMPRESSED_HEADER = 32, 64, 52, 16
LOGIN_LIMIT = 1_500
"""Bytes of a client within which it logs in with NTLM, if it does."""
MESSAGE_LIMIT = 0x00FFFFFF
SMB1_REPLY = 0x80
"""SMB_FLAGS_REPLY, MS-CIFS 2.2.3.1."""
SMB2_REPLY = 1
"""SMB2_FLAGS_SERVER_TO_REDIR, MS-SMB2 2.2.1.2."""
COMMANDS = (
    "NEGOTIATE", "SESSION_SETUP", "LOGOFF", "TREE_CONNECT", "TREE_DISCONNECT", "CREATE", "CLOSE", "FLUSH", "READ",
    "WRITE", "LOCK", "IOCTL", "CANCEL", "ECHO", "QUERY_DIRECTORY", "CHANGE_NOTIFY", "QUERY_INFO", "SET_INFO",
    "OPLOCK_BREAK", "SERVER_TO_CLIENT_NOTIFICATION",
)  # fmt: skip
"""SMB2 command codes, MS-SMB2 2.2.1.2."""
DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x02FF: "2.???", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
SMB1_NEGOTIATE = 0x72
NEGOTIATE = 0
STRUCTURE_SIZES = ((36, 65), (25, 9), (4, 4))
"""StructureSize of a request's and a response's body for commands 0 to 2 (MS-SMB2 2.2.3 to 2.2.8)."""


def _smb1(data: bytes, at: int, role: int, facts: Facts) -> str:
    """What the SMB 1 header at `at` says; "" where it belongs to the other side or to nothing."""
    if at + SMB1_HEADER > len(data) or bool(data[at + 9] & SMB1_REPLY) != (role == SERVER):
        return ""
    command = data[at + 4]
    facts["dialect"] = "1"
    if command == SMB1_NEGOTIATE and role == CLIENT and at + SMB1_HEADER + 3 <= len(data):
        count = u16_le(data, at + SMB1_HEADER + 1)
        stop = min(at + SMB1_HEADER + 3 + count, len(data))
        offered = data[at + SMB1_HEADER + 3 : stop].split(b"\x00")
        facts["offered"] = [clean(name[1:], 64) for name in offered[:16] if name[:1] == b"\x02"]
    return f"SMB 1, command 0x{command:02x}"


def _smb2(data: bytes, at: int, role: int, facts: Facts) -> str:
    """What the SMB 2 header at `at` says; "" where it belongs to the other side or to nothing."""
    if at + SMB2_HEADER > len(data) or u16_le(data, at + 4) != SMB2_HEADER:
        return ""
    command = u16_le(data, at + 12)
    if command >= len(COMMANDS) or (data[at + 16] & SMB2_REPLY) != role:
        return ""
    body = at + SMB2_HEADER
    if command < len(STRUCTURE_SIZES) and body + 2 <= len(data):
        size = u16_le(data, body)
        # an error answers any command with a body of 9 (MS-SMB2 2.2.2)
        if size != STRUCTURE_SIZES[command][role] and not (role == SERVER and size == 9):
            return ""
    if command == NEGOTIATE and role == SERVER and body + 6 <= len(data):
        number = u16_le(data, body + 4)
        if u16_le(data, body) == 65:
            facts["dialect"] = DIALECTS.get(number, f"0x{number:04x}")
    elif command == NEGOTIATE and role == CLIENT and body + 36 <= len(data):
        count = min(u16_le(data, body + 2), 16, (len(data) - body - 36) // 2)
        numbers = [u16_le(data, body + 36 + 2 * i) for i in range(count)]
        facts["offered"] = [DIALECTS.get(number, f"0x{number:04x}") for number in numbers]
    return f"SMB 2, {COMMANDS[command]}"


def _message(data: bytes, at: int, role: int, spans: list[tuple[int, int, str]], facts: Facts) -> bool:
    """Whether a framed message lies at `at`."""
    if at + FRAME + COMPRESSED_HEADER > len(data) or data[at] != 0:
        return False
    length = data[at + 1] << 16 | u16(data, at + 2)
    start = at + FRAME
    magic = data[start : start + 4]
    what = ""
    if magic == SMB1 and length >= SMB1_HEADER + 3:
        what = _smb1(data, start, role, facts)
    elif magic == SMB2 and length >= SMB2_HEADER + 2:
        what = _smb2(data, start, role, facts)
    elif magic == ENCRYPTED and length > ENCRYPTED_HEADER and start + ENCRYPTED_HEADER <= len(data):
        # MS-SMB2 2.2.41: OriginalMessageSize, reserved zero, Flags (or algorithm in 3.0) 1
        if u32_le(data, start + 36) == length - ENCRYPTED_HEADER and data[start + 42] in (1, 2):
            what = "SMB 3, encrypted"
            facts["encrypted"] = True
    elif magic == COMPRESSED and length > COMPRESSED_HEADER and u16_le(data, start + 8) <= 5:
        what = "SMB 3, compressed"
    if not what:
        return False
    end = start + length
    size = len(data)
    if end + 8 <= size:
        # the length closes on the next message, or it is a lie
        if data[end] not in (0, 0x85) or (data[end] == 0 and data[end + 5 : end + 8] != b"SMB"):
            return False
        closes = "closes on the next one"
    else:
        closes = "closes here" if end == size else f"of {length} bytes"
    spans.append((at, min(FRAME + 8, size - at), f"{what}; message length {closes}"))
    return True


def client(data: bytes) -> SideMatch | None:
    """Requests, on port 139 behind a session request."""
    if data[0] == SESSION_REQUEST:
        at = session_request_end(data)
        if at < 0 or len(data) < at + 8:
            return None
        spans = [(0, at, "NetBIOS session request")]
        facts: Facts = {"name": decode_name(data, 5)}
    else:
        at = 0
        spans = []
        facts = {}
    if not _message(data, at, CLIENT, spans, facts):
        return None
    # who logs in comes with the session, after the dialect is agreed
    more = not ntlm.add_facts(data, facts) and len(data) < LOGIN_LIMIT
    return SideMatch(True, tuple(spans), facts, more, 64 if at == 0 else 320)


def server(data: bytes) -> SideMatch | None:
    """Answers, on port 139 behind a positive session response."""
    at = 0
    spans: list[tuple[int, int, str]] = []
    if data[0] == POSITIVE:
        if data[:4] != b"\x82\x00\x00\x00":
            return None
        at = 4
        spans.append((0, 4, "NetBIOS positive session response"))
    facts: Facts = {}
    if not _message(data, at, SERVER, spans, facts):
        return None
    ntlm.add_facts(data, facts)
    return SideMatch(True, tuple(spans), facts, False, 64)


def reject(data: bytes, role: int) -> str:
    """Bytes that no framed SMB message has."""
    first = CLIENT_FIRST if role == CLIENT else SERVER_FIRST
    text = wrong_byte(data, 0, first + b"\x83\x85", "a message begins with 0x00, or with a NetBIOS session packet")
    if text or data[0] != 0:
        return text
    return wrong_byte(data, 4, b"\xff\xfe\xfd\xfc", "a message begins with 0xFC to 0xFF and 'SMB'") or wrong_bytes(
        data, 5, b"SMB", "the letters 'SMB' stand there"
    )


CLIENT_FIRST = bytes((0, SESSION_REQUEST))
SERVER_FIRST = bytes((0, POSITIVE))
PROTOCOLS = (
    Protocol(
        name="smb",
        title="SMB",
        spec="MS-SMB2",
        grammars=(Grammar((TCP,), client, server, CLIENT_FIRST, SERVER_FIRST, reject=reject),),
        aliases=("cifs", "smb2", "smb3"),
    ),
)
