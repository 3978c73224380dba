"""Control of calls and streams → matches: RTSP, MGCP, H.323, Skinny (SCCP), RTMP, and MPEG transport streams.

Sources: RFC 2326 and 7826 (RTSP), 3435 (MGCP); ITU-T H.225.0, 7.2 and annex H, H.245, annex A (H.323); Cisco's Skinny
as Wireshark documents it; Adobe's RTMP 1.0, section 5; ISO 13818-1, 2.4.3.2 (transport stream).
"""

from oddport.engine.columns import TCP, UDP
from oddport.protocols import announced
from oddport.protocols.binary import u32_le
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.phrases import phrase
from oddport.protocols.registry import CLIENT, Grammar, Protocol, least, literal
from oddport.protocols.shapes import Message, fixed, grammar, message, number, one_of, records, side
from oddport.protocols.text import clean

# RTSP, MGCP ---------------------------------------------------------------------------------------------------------

RTSP_METHODS = (
    b"DESCRIBE",
    b"ANNOUNCE",
    b"OPTIONS",
    b"SETUP",
    b"PLAY",
    b"PAUSE",
    b"TEARDOWN",
    b"GET_PARAMETER",
    b"SET_PARAMETER",
    b"RECORD",
    b"REDIRECT",
    b"PLAY_NOTIFY",
)
_FIELDS = rb"(?:[^\r\n]{1,1000}\r?\n){0,30}?"
RTSP_CLIENT = phrase(
    "request of RTSP",
    rb"[A-Z_]{4,13} (?P<uri>rtsp[su]?://[^\x00-\x20]{1,1000}|\*) RTSP/[12]\.0\r?\n"
    rb"(?:" + _FIELDS + rb"(?i:User-Agent): ?(?P<user_agent>[^\r\n]{1,400})\r?\n)?",
    112,
    begins=tuple(method + b" " for method in RTSP_METHODS),
)
RTSP_SERVER = phrase(
    "answer of RTSP",
    rb"RTSP/[12]\.0 (?P<status>[1-5][0-9]{2})(?: [^\r\n]{0,200})?\r?\n"
    rb"(?:" + _FIELDS + rb"(?i:Server): ?(?P<server>[^\r\n]{1,400})\r?\n)?",
    96,
    begins=(b"RTSP/1.0 ", b"RTSP/2.0 "),
)

MGCP_VERBS = (b"EPCF ", b"CRCX ", b"MDCX ", b"DLCX ", b"RQNT ", b"NTFY ", b"AUEP ", b"AUCX ", b"RSIP ", b"MESG ")
MGCP_CLIENT = phrase(
    "command of MGCP",
    rb"[A-Z]{4} [0-9]{1,9} (?P<endpoint>[!-~]{1,255}) MGCP [0-9]\.[0-9](?: [!-~ ]{1,80})?[\r\n]",
    112,
    begins=MGCP_VERBS,
)
MGCP_SERVER = phrase(
    "answer of MGCP",
    rb"(?P<code>[01258][0-9]{2}) [0-9]{1,9}(?: [ -~]{0,200})?[\r\n]",
    28,
    begins=(b"0", b"1", b"2", b"5", b"8"),
    strong=False,
)


def mgcp_pair(command: bytes, answer: bytes) -> bool:
    """The same transaction: the number behind the verb, and behind the code."""
    return command.split(None, 2)[1] == answer.split(None, 2)[1]


# H.323: the object identifiers of H.225.0 and H.245 with their version, in packed encoding --------------------------

H225 = b"\x08\x91\x4a\x00"
H245 = b"\x08\x81\x75\x00"
Q931_MESSAGES = rb"[\x01\x02\x03\x05\x07\x0d\x45\x4d\x5a\x62\x6e\x7b\x7d]"
"""Alerting, call proceeding, progress, set-up, connect, release complete, status, … (H.225.0, 7.4)."""
RAS_FIRST = bytes(range(0x18))
"""Requests, confirms and rejects of gatekeepers and registrations: the choices of RAS that name the version."""
IDENTIFIER_WITHIN = 16


def ras(data: bytes) -> SideMatch | None:
    """A request, confirm or reject of RAS, with the identifier of H.225.0 near its begin."""
    at = data.find(b"\x06\x00" + H225, 3, IDENTIFIER_WITHIN)
    if at < 0 or len(data) < at + 8 or not 0 < data[at + 6] < 8:
        return None
    return SideMatch(True, ((at, 7, ("object identifier of H.225.0, version %d", data[at + 6])),), {}, False, 60)


def ras_reject(data: bytes, role: int) -> str:
    """Says what is missing."""
    if data[0] not in RAS_FIRST or ras(data) is not None or len(data) < IDENTIFIER_WITHIN + 8:
        return ""
    return f"bytes 3 to {IDENTIFIER_WITHIN + 5} hold no object identifier of H.225.0"


H323 = side(
    phrase(
        "call signalling of H.225.0",
        rb"\x03\x00..\x08\x02.." + Q931_MESSAGES + rb".{0,300}?\x7e..\x05.{0,3}?\x06?\x00?\x08\x91\x4a\x00[\x01-\x07]",
        104,
        begins=(b"\x03\x00",),
    ),
    phrase("control of H.245", rb"\x03\x00..\x02.{1,5}?\x06\x00\x08\x81\x75\x00[\x01-\x1f]", 96, begins=(b"\x03\x00",)),
)

# Skinny: length, version of the header, message id, all little-endian -----------------------------------------------

SKINNY_VERSIONS = bytes((0, *range(0x0A, 0x18)))


def _whole(data: bytes) -> int:
    """The first message is all there: the zeros of its numbers are those of many protocols."""
    return 0 if 8 + u32_le(data, 0) <= len(data) else -1


def _skinny(says: str, low: int, high: int) -> Message:
    each = (one_of(4, SKINNY_VERSIONS), fixed(5, b"\0\0\0"), fixed(10, b"\0\0"))
    return message(
        says,
        one_of(4, SKINNY_VERSIONS),
        fixed(5, b"\0\0\0"),
        number(8, 4, low, high, little=True),
        fixed(2, b"\0\0"),
        records(0, 2, 8, little=True, each=each),
        least=12,
        check=_whole,
        alone=False,
    )


# RTMP: version, a time, zero or a version, random bytes; the server repeats the client's (5.2) -----------------------

RTMP_CHUNK = 1536
RTMP_REST = 1 + 2 * RTMP_CHUNK
"""Where the first message of a client begins."""
_CONNECT = b"\x02\x00\x07connect\x00"
ECHOED = 64
"""Bytes of the echo that are compared; the last may be a digest."""


def rtmp_client(data: bytes) -> SideMatch | None:
    """Version 3 and a handshake; behind it the command connect."""
    at = data.find(_CONNECT, RTMP_REST)
    if at < 0:
        if len(data) < 9 or any(data[5:9]):
            return None
        return SideMatch(False, ((0, 9, "RTMP handshake, version 3"),), {}, False, 39)
    facts: Facts = {}
    for key, fact in (
        (b"\x00\x03app\x02", "application"),
        (b"\x00\x05tcUrl\x02", "url"),
        (b"\x00\x08flashVer\x02", "client"),
    ):
        place = data.find(key, at)
        if 0 <= place < len(data) - len(key) - 2:
            begin = place + len(key) + 2
            facts[fact] = clean(data[begin : begin + (data[begin - 2] << 8 | data[begin - 1])])
    return SideMatch(
        True, ((0, 9, "RTMP handshake, version 3"), (at, len(_CONNECT), "command connect")), facts, False, 96
    )


def rtmp_server(data: bytes) -> SideMatch | None:
    """Version 3 and a handshake."""
    if len(data) < 9 or any(data[5:9]):
        return None
    return SideMatch(False, ((0, 9, "RTMP handshake, version 3"),), {}, False, 39)


def rtmp_pair(client: bytes, server: bytes) -> bool:
    """The server's second part repeats the client's first, as far as both are there."""
    asked, echoed = client[9 : 9 + ECHOED], server[1 + RTMP_CHUNK + 8 : 1 + RTMP_CHUNK + 8 + ECHOED]
    return bool(echoed) and asked[: len(echoed)] == echoed


def rtmp_reject(data: bytes, role: int) -> str:
    """Judges the zeros behind the time, which clients with a digest do not have."""
    matched = rtmp_client(data) if role == CLIENT else rtmp_server(data)
    if data[0] != 3 or matched is not None or len(data) < 9:
        return ""
    return f"bytes 5 to 8 are {data[5:9].hex(' ')}, a handshake has zeros there"


# MPEG transport stream ----------------------------------------------------------------------------------------------

TS_PACKET = 188
TS_LEAST = 4


def _packets(data: bytes) -> int:
    """Whole packets, each with its synchronization byte; 8 bits for each that the table does not ask for."""
    count, rest = divmod(len(data), TS_PACKET)
    if rest or data[::TS_PACKET].strip(b"\x47"):
        return -1
    return 8 * (count - TS_LEAST) + 7


TRANSPORT_STREAM = side(
    message(
        "packets of 188 bytes, each begins with 0x47",
        *(fixed(TS_PACKET * number, b"\x47") for number in range(TS_LEAST)),
        least=TS_LEAST * TS_PACKET,
        check=_packets,
    )
)

PROTOCOLS = (
    Protocol(
        name="rtsp",
        title="RTSP",
        spec="RFC 7826",
        describe=announced.rtsp,
        grammars=(grammar((TCP, UDP), side(RTSP_CLIENT), side(RTSP_SERVER)),),
    ),
    Protocol(
        name="mgcp",
        title="MGCP",
        spec="RFC 3435",
        grammars=(grammar((UDP, TCP), side(MGCP_CLIENT), side(MGCP_SERVER), pair=mgcp_pair, symmetric=True),),
    ),
    Protocol(
        name="h323",
        title="H.323",
        spec="ITU-T H.225.0, H.245",
        aliases=("h.323", "h225", "h245", "ras"),
        first="either",
        grammars=(
            grammar((TCP,), H323, H323, symmetric=True),
            Grammar(
                (UDP,),
                ras,
                ras,
                RAS_FIRST,
                RAS_FIRST,
                reject=ras_reject,
                symmetric=True,
                client_at=(least(14),),
                server_at=(least(14),),
            ),
        ),
    ),
    Protocol(
        name="sccp",
        title="Skinny (SCCP)",
        spec="Cisco Skinny, as Wireshark documents it",
        aliases=("skinny",),
        grammars=(
            grammar(
                (TCP,),
                side(
                    _skinny("message of a phone", 0, 0x7F),
                    _skinny("message of a phone", 0x154, 0x159),
                ),
                side(_skinny("message of a call manager", 0x80, 0x153)),
                symmetric=True,
            ),
        ),
    ),
    Protocol(
        name="rtmp",
        title="RTMP",
        spec="Adobe RTMP 1.0",
        grammars=(
            Grammar(
                (TCP,),
                rtmp_client,
                rtmp_server,
                b"\3",
                b"\3",
                pair=rtmp_pair,
                reject=rtmp_reject,
                client_at=(least(9),),
                server_at=literal(5, b"\0\0\0\0"),
            ),
        ),
    ),
    Protocol(
        name="mp2t",
        title="MPEG transport stream",
        spec="ISO 13818-1",
        aliases=("mpegts",),
        first="either",
        grammars=(grammar((UDP,), TRANSPORT_STREAM, TRANSPORT_STREAM, symmetric=True, tells_server=False),),
    ),
)
