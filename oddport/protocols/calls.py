"""Calls between programs and debuggers → matches: Java RMI, Thrift, CORBA (GIOP), AJP, RTPS, JDWP, ADB.

Sources: Java RMI specification, 10.2; Apache Thrift, thrift-rpc.md and thrift-compact-protocol.md; OMG CORBA 3.3, 9.4
(GIOP); Apache Tomcat, AJP protocol reference; OMG DDSI-RTPS 2.5, 8.3 and 9.4; Java Debug Wire Protocol; Android Open
Source Project, adb's protocol.txt.
"""

import re

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, u16_le
from oddport.protocols.model import Facts
from oddport.protocols.phrases import phrase
from oddport.protocols.registry import Protocol
from oddport.protocols.shapes import Message, fixed, grammar, masked, message, one_of, records, side
from oddport.protocols.text import clean

# RMI ----------------------------------------------------------------------------------------------------------------


def _endpoint(data: bytes) -> int:
    """The client's host as the server sees it, and its port."""
    end = 3 + u16(data, 1)
    host = data[3:end]
    if not 1 < len(host) <= 255 or len(data) < end + 4 or not re.fullmatch(rb"[0-9A-Za-z.:%_-]+", host):
        return -1
    return -1 if data[end] or data[end + 1] else 16 + min(16, 2 * len(host))


RMI_CLIENT = side(message("header of RMI, version 2", fixed(0, b"JRMI\0\2"), one_of(6, b"KLM")))
RMI_SERVER = side(message("acknowledgement with the client's end", fixed(0, b"N\0"), least=8, check=_endpoint))

# Thrift: version, kind and name of a call, plain or behind the length of a frame ------------------------------------

_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_.:]{2,}")


def _named(data: bytes, at: int, size: int) -> int:
    """2 bits for each letter of a name, which is all there; -1 where it is none."""
    name = data[at : at + size]
    return min(32, 2 * size) if 3 <= size <= 128 and len(name) == size and _NAME.fullmatch(name) else -1


def _plain(data: bytes) -> int:
    return _named(data, 8, data[7])


def _plain_facts(data: bytes) -> Facts:
    return {"method": clean(data[8 : 8 + data[7]])}


def _framed(data: bytes) -> int:
    return _named(data, 12, data[11])


def _framed_facts(data: bytes) -> Facts:
    return {"method": clean(data[12 : 12 + data[11]])}


def _compact_name(data: bytes) -> tuple[int, int]:
    """Where the name begins behind the sequence number, and its length."""
    at = 2
    while at < 6 and data[at] & 0x80:
        at += 1
    return at + 2, data[at + 1]


def _compact(data: bytes) -> int:
    return _named(data, *_compact_name(data))


def _compact_facts(data: bytes) -> Facts:
    at, size = _compact_name(data)
    return {"method": clean(data[at : at + size])}


def _thrift(kinds: bytes) -> tuple[Message, ...]:
    """Messages of the binary protocol whose kind is one of these."""
    return (
        message(
            "message of Thrift",
            fixed(0, b"\x80\1\0"),
            one_of(3, kinds),
            fixed(4, b"\0\0\0"),
            least=11,
            check=_plain,
            facts=_plain_facts,
        ),
        message(
            "message of Thrift in a frame",
            fixed(0, b"\0"),
            fixed(4, b"\x80\1\0"),
            one_of(7, kinds),
            fixed(8, b"\0\0\0"),
            records(1, 3, 4),
            least=15,
            check=_framed,
            facts=_framed_facts,
        ),
    )


def _packed(kinds: bytes) -> Message:
    """One of the compact protocol: the kind in the upper three bits, version 1 in the lower five."""
    first = bytes(kind << 5 | 1 for kind in kinds)
    return message(
        "compact message of Thrift", fixed(0, b"\x82"), one_of(1, first), least=10, check=_compact, facts=_compact_facts
    )


CALLS, REPLIES = b"\1\4", b"\2\3"
"""Call and one-way call; reply and exception."""

# GIOP: version, byte order, kind, length ----------------------------------------------------------------------------

GIOP_LIMIT = 1 << 24
GIOP_CLIENT, GIOP_SERVER = b"\0\2\3\7", b"\1\4\5\6\7"
"""Request, cancel, locate, fragment; reply, located, close, error, fragment."""


def _giop(says: str, kinds: bytes) -> tuple[Message, ...]:
    each = (fixed(0, b"GIOP\1"),)
    return tuple(
        message(
            says,
            *each,
            one_of(5, b"\0\1\2\3"),
            masked(6, 0xFD, order),
            one_of(7, kinds),
            records(8, 4, 12, little=bool(order), limit=GIOP_LIMIT, each=each),
        )
        for order in (0, 1)
    )


# AJP ----------------------------------------------------------------------------------------------------------------

AJP_METHODS = {1: "OPTIONS", 2: "GET", 3: "HEAD", 4: "POST", 5: "PUT", 6: "DELETE"}


def _forward(data: bytes) -> Facts:
    """Method, path and host of a request that a web server passes on."""
    facts: Facts = {}
    at = 6
    if data[5] in AJP_METHODS:
        facts["method"] = AJP_METHODS[data[5]]
    for key in ("", "path", "", "", "host"):
        if at + 2 > len(data):
            break
        size = u16(data, at)
        if size == 0xFFFF:
            at += 2
            continue
        if key:
            facts[key] = clean(data[at + 2 : at + 2 + size])
        at += 3 + size
    return facts


def _protocol_text(data: bytes) -> int:
    """The protocol that the request came in: text of 8 bytes."""
    return 64 if data[6:15] == b"\0\x08HTTP/1." else -1


_AJP_ASKS, _AJP_TELLS = (fixed(0, b"\x124"),), (fixed(0, b"AB"),)
AJP_CLIENT = side(
    message(
        "request that a web server passes on",
        *_AJP_ASKS,
        fixed(4, b"\2"),
        one_of(5, bytes(range(1, 28))),
        records(2, 2, 4, each=_AJP_ASKS),
        least=16,
        check=_protocol_text,
        facts=_forward,
    ),
    message("question whether anyone is there", *_AJP_ASKS, fixed(2, b"\0\1\x0a"), records(2, 2, 4, each=_AJP_ASKS)),
)
AJP_SERVER = side(
    message("answer of a servlet container", *_AJP_TELLS, one_of(4, b"\3\4\5\6\x09"), records(2, 2, 4, each=_AJP_TELLS))
)

# RTPS, JDWP, ADB ----------------------------------------------------------------------------------------------------

RTPS_HEADER = 20
RTPS_SUBMESSAGES = frozenset((0x01, *range(0x06, 0x18), 0x30, 0x31, 0x32, 0x33, 0x34, 0x80))


def _submessages(data: bytes) -> int:
    """Submessages, in either byte order, that fill the datagram; the last may say 0 for the rest (9.4.5.1.3)."""
    at, count = RTPS_HEADER, 0
    while at + 4 <= len(data):
        if data[at] not in RTPS_SUBMESSAGES:
            return -1
        size = u16_le(data, at + 2) if data[at + 1] & 1 else u16(data, at + 2)
        at = at + 4 + size if size else len(data)
        count += 1
    return min(32, 14 * count) if at == len(data) and count else -1


RTPS = side(
    message(
        "message of RTPS, its parts fill it",
        fixed(0, b"RTPS"),
        one_of(4, b"\1\2"),
        one_of(5, bytes(range(6))),
        least=24,
        check=_submessages,
    ),
    message(
        "probe of RTPS",
        fixed(0, b"RTPS"),
        one_of(4, b"\1\2"),
        one_of(5, bytes(range(6))),
        fixed(8, b"NDDSPING"),
        least=16,
        most=16,
    ),
)
JDWP = side(phrase("handshake of a debugger", rb"JDWP-Handshake", 112, begins=(b"JDWP-Handshake",)))

ADB_LIMIT = 1 << 20


def _adb(word: bytes, says: str) -> Message:
    """A command, its arguments, length and checksum, and its complement (protocol.txt)."""
    return message(
        says,
        fixed(0, word),
        fixed(20, bytes(value ^ 0xFF for value in word)),
        records(12, 4, 24, little=True, limit=ADB_LIMIT),
        facts=_banner if word == b"CNXN" else None,
    )


def _banner(data: bytes) -> Facts:
    """What the end says of itself: "device::ro.product.name=…"."""
    text = data[24 : 24 + u16_le(data, 12)].rstrip(b"\0")
    return {"banner": clean(text)} if text else {}


ADB_CLIENT = side(_adb(b"CNXN", "connection of adb"), _adb(b"OPEN", "stream of adb"), _adb(b"WRTE", "data of adb"))
ADB_SERVER = side(
    _adb(b"CNXN", "connection of adb"),
    _adb(b"AUTH", "authentication of adb"),
    _adb(b"STLS", "TLS for adb"),
    _adb(b"OKAY", "acknowledgement of adb"),
)

PROTOCOLS = (
    Protocol(
        name="rmi",
        title="Java RMI",
        spec="Java RMI specification, 10.2",
        aliases=("jrmi", "jrmp"),
        grammars=(grammar((TCP,), RMI_CLIENT, RMI_SERVER),),
    ),
    Protocol(
        name="thrift",
        title="Thrift",
        spec="Apache Thrift, thrift-rpc.md",
        grammars=(
            grammar((TCP, UDP), side(*_thrift(CALLS), _packed(CALLS)), side(*_thrift(REPLIES), _packed(REPLIES))),
        ),
    ),
    Protocol(
        name="giop",
        title="CORBA (GIOP)",
        spec="OMG CORBA 3.3, 9.4",
        aliases=("iiop", "corba"),
        grammars=(
            grammar((TCP,), side(*_giop("request of GIOP", GIOP_CLIENT)), side(*_giop("reply of GIOP", GIOP_SERVER))),
        ),
    ),
    Protocol(
        name="ajp",
        title="AJP (Tomcat)",
        spec="Apache Tomcat, AJP protocol reference",
        aliases=("ajp13",),
        grammars=(grammar((TCP,), AJP_CLIENT, AJP_SERVER),),
    ),
    Protocol(
        name="rtps",
        title="RTPS (DDS)",
        spec="OMG DDSI-RTPS 2.5",
        aliases=("dds",),
        first="either",
        grammars=(grammar((UDP, TCP), RTPS, RTPS, symmetric=True, tells_server=False),),
    ),
    Protocol(
        name="jdwp",
        title="Java debugger (JDWP)",
        spec="Java Debug Wire Protocol",
        grammars=(grammar((TCP,), JDWP, JDWP, symmetric=True),),
    ),
    Protocol(
        name="adb",
        title="Android debug bridge",
        spec="Android Open Source Project, adb protocol.txt",
        grammars=(grammar((TCP,), ADB_CLIENT, ADB_SERVER, symmetric=True),),
    ),
)
