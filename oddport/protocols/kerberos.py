"""Kerberos 5 messages and password changes → a match (RFC 4120, 5.4 to 5.9, 7.2.2; RFC 3244)."""

from oddport.engine.columns import TCP, UDP
from oddport.protocols.ber import INTEGER, SEQUENCE, element, small_integer
from oddport.protocols.binary import u16, u32, wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol
from oddport.protocols.text import clean

MESSAGES = {
    0x6A: (10, "AS-REQ"), 0x6B: (11, "AS-REP"), 0x6C: (12, "TGS-REQ"), 0x6D: (13, "TGS-REP"), 0x6E: (14, "AP-REQ"),
    0x6F: (15, "AP-REP"), 0x7E: (30, "KRB-ERROR"),
}  # fmt: skip
"""[APPLICATION n] tag → msg-type and name (RFC 4120, 5.10)."""
REQUEST_FIRST = bytes((0x6A, 0x6C))
REPLY_FIRST = bytes((0x6B, 0x6D, 0x7E))
VERSION = 5
REALM_FIELDS = {0x6A: 0xA2, 0x6C: 0xA2, 0x6B: 0xA3, 0x6D: 0xA3, 0x7E: 0xA9}
"""Tag of the realm: in KDC-REQ-BODY [2], KDC-REP [3] crealm, KRB-ERROR [9]."""
CLIENT_FIELDS = {0x6A: 0xA1, 0x6B: 0xA4, 0x6D: 0xA4, 0x7E: 0xA8}
SERVICE_FIELDS = {0x6A: 0xA3, 0x6C: 0xA3, 0x7E: 0xAA}
"""Tags of cname and sname: in KDC-REQ-BODY [1] and [3], KDC-REP [4], KRB-ERROR [8] and [10]."""
NAME_STRING = 0xA1
"""PrincipalName name-string [1]."""
NAMES = 8
BODY = 0xA4
"""KDC-REQ req-body [4]."""
ERROR_CODE = 0xA6
MESSAGE_LIMIT = 1 << 24
"""Bytes of a message over TCP. The RFC reserves only the top bit of the length (7.2.2); tickets reach some 64 KB."""
FIELDS = 16
"""Context-tagged fields of a message, at most (KRB-ERROR has 13)."""
PASSWORD_VERSIONS = (1, 0xFF80)
"""Protocol version of a password change: 1 in replies and old requests, 0xff80 in RFC 3244 requests."""


def _field(data: bytes, at: int, stop: int, tag: int) -> tuple[int, int] | None:
    """(start, stop) of what lies inside the context tag `tag` among the fields from `at` on."""
    for _ in range(FIELDS):
        part = element(data, at, stop)
        if part is None or part[0] < 0 or part[1] >= len(data):
            return None
        if part[0] == tag:
            return part[1], part[2]
        at = part[2]
    return None


def _principal(data: bytes, scope: tuple[int, int] | None) -> str:
    """The names of a principal, with slashes between (5.2.2); "" where they are not there."""
    names = None
    if scope is not None:
        whole = element(data, scope[0], scope[1])
        if whole is not None and whole[0] == SEQUENCE:
            names = _field(data, whole[1], whole[2], NAME_STRING)
    parts = element(data, names[0], names[1]) if names is not None else None
    if parts is None or parts[0] != SEQUENCE:
        return ""
    at = parts[1]
    words: list[bytes] = []
    while at < parts[2] and len(words) < NAMES:
        word = element(data, at, parts[2])
        if word is None or word[0] < 0 or word[2] > len(data):
            return ""
        words.append(data[word[1] : word[2]])
        at = word[2]
    return clean(b"/".join(words))


def _facts(data: bytes, tag: int, start: int, stop: int) -> Facts:
    """The message's kind, its realm, who asks for what, and an error's code."""
    facts: Facts = {"message": MESSAGES[tag][1]}
    scope: tuple[int, int] | None = (start, stop)
    if tag in REQUEST_FIRST:
        scope = _field(data, start, stop, BODY)
        if scope is not None:
            body = element(data, scope[0], scope[1])
            scope = (body[1], body[2]) if body is not None and body[0] == SEQUENCE else None
    found = _field(data, scope[0], scope[1], REALM_FIELDS.get(tag, 0)) if scope is not None else None
    if found is not None:
        text = element(data, found[0], found[1])
        if text is not None and text[0] >= 0 and text[2] <= len(data):
            facts["realm"] = clean(data[text[1] : text[2]])
    if scope is not None:
        for fact, fields in (("client", CLIENT_FIELDS), ("service", SERVICE_FIELDS)):
            name = _principal(data, _field(data, scope[0], scope[1], fields[tag])) if tag in fields else ""
            if name:
                facts[fact] = name
    if tag == 0x7E:
        found = _field(data, start, stop, ERROR_CODE)
        part = element(data, found[0], found[1]) if found is not None else None
        if part is not None and part[0] == INTEGER:
            facts["error"] = small_integer(data, part)
    return facts


def _message(data: bytes, at: int, limit: int, exact: bool) -> SideMatch | None:
    """The message at `at`; it must stop at `limit` where `exact`."""
    tag = data[at]
    whole = element(data, at, limit)
    if whole is None or whole[0] < 0 or (exact and whole[2] != limit):
        return None
    stop = whole[2]
    inner = element(data, whole[1], stop)
    if inner is None or inner[0] != SEQUENCE or inner[2] != stop:
        return None
    # the version is field [1] in requests to the KDC, which came first in Kerberos 4's order, and [0] everywhere else
    base = 0xA1 if tag in REQUEST_FIRST else 0xA0
    first = inner[1]
    if first + 10 > len(data):
        return None
    kind = MESSAGES[tag][0]
    if data[first : first + 10] != bytes((base, 3, INTEGER, 1, VERSION, base + 1, 3, INTEGER, 1, kind)):
        return None
    says = f"{MESSAGES[tag][1]}: version 5, message type {kind}, {stop - at} bytes close"
    facts = _facts(data, tag, inner[1], stop)
    more = "realm" not in facts and stop > len(data)
    return SideMatch(True, ((at, min(stop, len(data)) - at, says),), facts, more, 112)


def _password(data: bytes, at: int, role: int, exact: bool) -> SideMatch | None:
    """A password change message: its length, a version, the length of an AP-REQ or AP-REP, and that message."""
    if at + 8 > len(data):
        return None
    length = u16(data, at)
    inner = u16(data, at + 4)
    if u16(data, at + 2) not in PASSWORD_VERSIONS or length < 6 + inner or (exact and at + length != len(data)):
        return None
    begin = at + 6
    if inner == 0:
        # an error answers without an AP-REP
        if role != SERVER or data[begin] != 0x7E:
            return None
        return _message(data, begin, at + length, True)
    if data[begin] != (0x6E if role == CLIENT else 0x6F):
        return None
    return _message(data, begin, begin + inner, True)


def _stream(data: bytes, role: int) -> SideMatch | None:
    """A four-byte length, and a message that is exactly as long."""
    if len(data) < 16:
        return None
    length = u32(data, 0)
    if not 12 <= length < MESSAGE_LIMIT:
        return None
    tag = data[4]
    if tag not in (REQUEST_FIRST if role == CLIENT else REPLY_FIRST):
        return _password(data, 4, role, False) if u16(data, 4) == length else None
    match = _message(data, 4, 4 + length, True)
    if match is not None:
        match.spans = ((0, 4, f"length {length}, as long as the message"), *match.spans)
        match.bits = match.bits + 32
    return match


def client(data: bytes) -> SideMatch | None:
    """TCP: requests to a KDC."""
    return _stream(data, CLIENT)


def server(data: bytes) -> SideMatch | None:
    """TCP: its replies and errors."""
    return _stream(data, SERVER)


def datagram_client(data: bytes) -> SideMatch | None:
    """UDP: a request that fills the datagram."""
    if len(data) < 16:
        return None
    if data[0] in REQUEST_FIRST:
        return _message(data, 0, len(data), True)
    return _password(data, 0, CLIENT, True)


def datagram_server(data: bytes) -> SideMatch | None:
    """UDP: a reply that fills the datagram."""
    if len(data) < 16:
        return None
    if data[0] in REPLY_FIRST:
        return _message(data, 0, len(data), True)
    return _password(data, 0, SERVER, True)


def reject(data: bytes, role: int) -> str:
    """TCP: bytes that no length and message have."""
    first = REQUEST_FIRST if role == CLIENT else REPLY_FIRST
    text = wrong_byte(data, 0, b"\x00", "a message is shorter than 16 MB, so its four-byte length begins with 0x00")
    if text or len(data) < 8:
        return text
    if u16(data, 4) == u32(data, 0) and u16(data, 6) in PASSWORD_VERSIONS:
        return ""
    return wrong_byte(data, 4, first, "no message of this side has that tag")


def datagram_reject(data: bytes, role: int) -> str:
    """UDP: bytes that no message has."""
    first = REQUEST_FIRST if role == CLIENT else REPLY_FIRST
    if len(data) >= 4 and u16(data, 2) in PASSWORD_VERSIONS and u16(data, 0) == len(data):
        return ""
    return wrong_byte(data, 0, first, "no message of this side has that tag")


ZERO = b"\x00"
PASSWORD_FIRST = bytes(range(0x10))
"""First byte of the length of a password change: below 4,096 bytes, or it would not fit a request of that service."""
PROTOCOLS = (
    Protocol(
        name="kerberos",
        title="Kerberos 5",
        spec="RFC 4120",
        aliases=("krb5", "kpasswd"),
        grammars=(
            Grammar((TCP,), client, server, ZERO, ZERO, reject=reject),
            Grammar(
                (UDP,),
                datagram_client,
                datagram_server,
                REQUEST_FIRST + PASSWORD_FIRST,
                REPLY_FIRST + PASSWORD_FIRST,
                reject=datagram_reject,
            ),
        ),
    ),
)
