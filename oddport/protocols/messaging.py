"""Queues, chats and orders → matches: XMPP, STOMP, NATS, AMQP, Kafka, OpenWire, Gearman, SMPP, MSRP, FIX, HL7.

Sources: RFC 6120 (XMPP), 4975 (MSRP); STOMP 1.2; NATS client protocol; AMQP 0-9-1, sections 2.2 and 4.2, and AMQP 1.0,
2.2; Apache Kafka protocol guide; OpenWire, wire format negotiation; Gearman's PROTOCOL; SMPP 3.4, section 3.2; FIX 4.2
and FIXT 1.1, session layer; HL7 version 2, minimal lower layer protocol.
"""

from oddport.engine.columns import TCP
from oddport.protocols.binary import u16, u32
from oddport.protocols.model import Facts
from oddport.protocols.phrases import phrase
from oddport.protocols.registry import Grammar, Protocol
from oddport.protocols.shapes import Message, Rules, fixed, grammar, message, number, one_of, records, same, side
from oddport.protocols.text import clean

# XMPP: a stream's header, and what it is made of --------------------------------------------------------------------

_PROLOGUE = rb"\s{0,4}(?:<\?xml [^>]{0,100}\?>\s{0,4})?"
_BEGINS = (b"<?xml ", b"<stream:stream ")
XMPP_STANZA = phrase(
    "stanza of XMPP",
    rb"<(?:iq|message|presence) (?=[^>]{0,600}['\"])(?=[^>]{0,600}(?:\bid|\bto|\btype)=['\"])[^>]{8,600}>",
    60,
    begins=(b"<iq ", b"<message ", b"<presence "),
    strong=False,
)
XMPP_END = phrase("end of a stream", rb"</stream:stream>\s{0,4}\Z", 128, begins=(b"</stream:stream>",))
XMPP_CLIENT = side(
    phrase(
        "stream to a server",
        _PROLOGUE + rb"<stream:stream (?=[^>]{0,1000}jabber:)(?![^>]{0,1000} id=)"
        rb"[^>]{0,1000}?\bto=['\"](?P<host>[^'\"<>]{1,255})",
        160,
        begins=_BEGINS,
    ),
    XMPP_STANZA,
    XMPP_END,
)
XMPP_SERVER = side(
    phrase(
        "stream from a server",
        _PROLOGUE + rb"<stream:stream (?=[^>]{0,1000}jabber:)(?=[^>]{0,1000}\bid=)[^>]{0,1000}>",
        160,
        begins=_BEGINS,
    ),
    XMPP_STANZA,
    XMPP_END,
)

# STOMP, NATS --------------------------------------------------------------------------------------------------------

_HEADERS = rb"(?:[a-z-]{1,40}:[^\x00\n]{0,200}\n){0,8}"
STOMP_CLIENT = phrase(
    "request for a session",
    rb"(?:CONNECT|STOMP)\r?\n" + _HEADERS + rb"(?:accept-version|login|host|passcode|heart-beat):",
    96,
    begins=(b"CONNECT\n", b"CONNECT\r\n", b"STOMP\n", b"STOMP\r\n"),
)
STOMP_SERVER = phrase(
    "session",
    rb"CONNECTED\r?\n" + _HEADERS + rb"(?:version|session|server|heart-beat|user-name):",
    120,
    begins=(b"CONNECTED\n", b"CONNECTED\r\n"),
)
NATS_CLIENT = side(
    phrase(
        "options of a client",
        rb"CONNECT ?\{[^\r\n]{0,200}\"(?:verbose|pedantic|lang|tls_required|user|name)\" ?:",
        136,
        begins=(b"CONNECT {", b"CONNECT{"),
    ),
    phrase("subscription", rb"SUB [!-~]{1,200}(?: [!-~]{1,200})? [0-9]{1,9}\r\n", 56, begins=(b"SUB ",)),
)
NATS_SERVER = phrase(
    "information of a server", rb"INFO ?\{[^\r\n]{0,40}\"server_(?:id|name)\" ?:", 136, begins=(b"INFO {", b"INFO{")
)

# AMQP: a header, then frames that end in 0xCE -----------------------------------------------------------------------

AMQP_LIMIT = 1 << 24
CLASSES = (10, 20, 30, 40, 50, 60, 85, 90)
"""connection, channel, access, exchange, queue, basic, confirm, tx."""
FRAME_END = 0xCE
_AMQP_EACH = (one_of(0, b"\1\2\3\x08"),)


def _method(data: bytes) -> int:
    """A method of a class that there is, in a frame that ends where it says; bits behind the first four bytes."""
    end = 7 + u32(data, 3)
    if u16(data, 7) not in CLASSES or data[9] or (end < len(data) and data[end] != FRAME_END):
        return -1
    return 13 + 8 + (8 if end < len(data) else 0)


AMQP_METHOD = message(
    "method of AMQP, in a frame that closes",
    fixed(0, b"\1"),
    records(3, 4, 8, limit=AMQP_LIMIT, each=_AMQP_EACH),
    least=12,
    check=_method,
)
AMQP_HEADER = phrase(
    "header of AMQP",
    rb"AMQP(?:\x00\x00\x09\x01|\x01\x01[\x00\x08\x09][\x00-\x0a]|[\x00\x02\x03]\x01\x00\x00)",
    64,
    begins=(b"AMQP",),
)

# Kafka: length, what is asked in which version, correlation, client (protocol guide, "Requests") ---------------------

KAFKA_KEYS = {
    0: "Produce",
    1: "Fetch",
    2: "ListOffsets",
    3: "Metadata",
    8: "OffsetCommit",
    9: "OffsetFetch",
    10: "FindCoordinator",
    11: "JoinGroup",
    12: "Heartbeat",
    13: "LeaveGroup",
    14: "SyncGroup",
    17: "SaslHandshake",
    18: "ApiVersions",
    19: "CreateTopics",
    22: "InitProducerId",
    36: "SaslAuthenticate",
}
KAFKA_LAST_KEY, KAFKA_LAST_VERSION = 92, 20
NO_CLIENT = 0xFFFF
"""Length of a client id that is null."""


def _kafka_client(data: bytes) -> int:
    """A client id of printable text, or none; 6 bits for what follows the width of its length."""
    size = u16(data, 12)
    if size == NO_CLIENT:
        return 16
    name = data[14 : 14 + size]
    if (
        not 0 < size <= 249
        or len(name) < min(size, 4)
        or 14 + size > 4 + u32(data, 0)
        or not name.isascii()
        or not name.decode("ascii").isprintable()
    ):
        return -1
    return 8 + min(16, len(name))


def _kafka_facts(data: bytes) -> Facts:
    found: Facts = {"request": KAFKA_KEYS.get(u16(data, 4), f"API {u16(data, 4)}"), "version": u16(data, 6)}
    size = u16(data, 12)
    if size != NO_CLIENT:
        found["client_id"] = clean(data[14 : 14 + size])
    return found


KAFKA_CLIENT = side(
    message(
        "request of Kafka",
        fixed(0, b"\0"),
        number(4, 2, 0, KAFKA_LAST_KEY),
        number(6, 2, 0, KAFKA_LAST_VERSION),
        records(1, 3, 4, each=(fixed(0, b"\0"), number(4, 2, 0, KAFKA_LAST_KEY))),
        least=14,
        check=_kafka_client,
        facts=_kafka_facts,
    )
)
KAFKA_SERVER = side(message("answer of Kafka", fixed(0, b"\0"), records(1, 3, 4), least=10, alone=False))

# OpenWire, Gearman, SMPP --------------------------------------------------------------------------------------------

OPENWIRE = side(
    message("wire format of OpenWire", fixed(0, b"\0\0"), fixed(4, b"\x01ActiveMQ\0\0\0"), records(2, 2, 4), least=20)
)
GEARMAN_TYPES = 42


def _gearman(word: bytes) -> Message:
    each = (fixed(0, word), fixed(4, b"\0\0\0"))
    return message(
        "packet of Gearman",
        *each,
        one_of(7, bytes(range(1, GEARMAN_TYPES + 1))),
        records(8, 4, 12, limit=1 << 28, each=each),
    )


SMPP_LIMIT = 70_000
SMPP_BINDS = b"\1\2\x09"
SMPP_COMMANDS = b"\1\2\3\4\5\6\7\x08\x09\x0b\x15"
"""bind receiver, transmitter; query, submit, deliver; unbind, replace, cancel, bind transceiver; outbind, enquire link
(5.1.2.1)."""
SMPP_LATER = (one_of(4, b"\0\x80"), fixed(5, b"\0"), one_of(6, b"\0\1"))


def _smpp_asks(commands: bytes) -> tuple[Rules, ...]:
    return (
        fixed(0, b"\0"),
        fixed(4, b"\0\0\0"),
        one_of(7, commands),
        fixed(8, b"\0\0\0\0"),
        records(1, 3, limit=SMPP_LIMIT, each=SMPP_LATER),
    )


def _smpp_system(data: bytes) -> Facts:
    """Who binds: the first text of the body (4.1)."""
    return {"system_id": clean(data[16 : max(16, data.find(b"\0", 16, 33))])}


def _smpp_bind(data: bytes) -> int:
    """A name of up to 15 characters and an end."""
    end = data.find(b"\0", 16, 33)
    return 8 if end > 16 and data[16:end].isascii() else -1


SMPP_CLIENT = side(
    message("bind of SMPP", *_smpp_asks(SMPP_BINDS), least=23, check=_smpp_bind, facts=_smpp_system),
    message("request of SMPP", *_smpp_asks(SMPP_COMMANDS[2:8] + SMPP_COMMANDS[10:]), least=16),
)
SMPP_SERVER = side(
    message(
        "answer of SMPP",
        fixed(0, b"\0"),
        fixed(4, b"\x80\0\0"),
        one_of(7, b"\0" + SMPP_COMMANDS),
        fixed(8, b"\0\0"),
        records(1, 3, limit=SMPP_LIMIT, each=SMPP_LATER),
        least=16,
    ),
    message("request of SMPP", *_smpp_asks(b"\5\6\x15"), least=16, alone=False),
)

# lines and fields of text -------------------------------------------------------------------------------------------

MSRP_CLIENT = phrase(
    "request of MSRP",
    rb"MSRP [0-9A-Za-z.+%=-]{4,32} (?:SEND|REPORT|AUTH|NICKNAME)\r\nTo-Path: (?P<to>msrps?://[!-~]{1,300})",
    200,
    begins=(b"MSRP ",),
)
MSRP_SERVER = phrase(
    "answer of MSRP",
    rb"MSRP [0-9A-Za-z.+%=-]{4,32} (?P<status>[2-6][0-9]{2})(?: [^\r\n]{0,80})?\r\nTo-Path: msrps?://",
    180,
    begins=(b"MSRP ",),
)
FIX = side(
    phrase(
        "message of FIX",
        rb"8=(?P<version>FIXT?\.[0-9]\.[0-9](?:SP[0-9])?)\x019=[0-9]{1,6}\x0135=[0-9A-Za-z]{1,3}\x01"
        rb"(?:[0-9]{1,5}=[^\x01]{0,200}\x01){0,6}?49=(?P<sender>[^\x01]{1,80})\x01",
        150,
        begins=(b"8=FIX.", b"8=FIXT."),
    )
)
HL7 = side(
    phrase(
        "message of HL7",
        rb"\x0bMSH\|[^|\r\n]{3,5}\|(?P<application>[^|\r\n]{0,200})\|[^|\r\n]{0,200}\|[^|\r\n]{0,200}\|",
        88,
        begins=(b"\x0bMSH|",),
    )
)


def _protocol(name: str, title: str, spec: str, *grammars: Grammar, aliases: tuple[str, ...] = ()) -> Protocol:
    return Protocol(name=name, title=title, spec=spec, grammars=grammars, aliases=aliases)


PROTOCOLS = (
    _protocol("xmpp", "XMPP", "RFC 6120", grammar((TCP,), XMPP_CLIENT, XMPP_SERVER), aliases=("jabber",)),
    _protocol("stomp", "STOMP", "STOMP 1.2", grammar((TCP,), side(STOMP_CLIENT), side(STOMP_SERVER))),
    _protocol("nats", "NATS", "NATS client protocol", grammar((TCP,), NATS_CLIENT, side(NATS_SERVER))),
    _protocol(
        "amqp",
        "AMQP",
        "AMQP 0-9-1; 1.0",
        grammar((TCP,), side(AMQP_HEADER, AMQP_METHOD), side(AMQP_HEADER, AMQP_METHOD), symmetric=True),
    ),
    _protocol(
        "kafka", "Kafka", "Apache Kafka protocol guide", grammar((TCP,), KAFKA_CLIENT, KAFKA_SERVER, pair=same(4, 8, 4))
    ),
    _protocol(
        "openwire", "OpenWire (ActiveMQ)", "OpenWire, wire format", grammar((TCP,), OPENWIRE, OPENWIRE, symmetric=True)
    ),
    _protocol(
        "gearman", "Gearman", "Gearman, PROTOCOL", grammar((TCP,), side(_gearman(b"\0REQ")), side(_gearman(b"\0RES")))
    ),
    _protocol("smpp", "SMPP", "SMPP 3.4", grammar((TCP,), SMPP_CLIENT, SMPP_SERVER)),
    _protocol("msrp", "MSRP", "RFC 4975", grammar((TCP,), side(MSRP_CLIENT), side(MSRP_SERVER), symmetric=True)),
    _protocol("fix", "FIX", "FIX 4.2; FIXT 1.1", grammar((TCP,), FIX, FIX, symmetric=True)),
    _protocol("hl7", "HL7", "HL7 version 2, MLLP", grammar((TCP,), HL7, HL7, symmetric=True)),
)
