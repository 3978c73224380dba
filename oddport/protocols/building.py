"""Buildings and meters → matches: BACnet/IP, KNXnet/IP, Ether-S-Bus, LonTalk over IP, and ANSI C12.22.

Sources: ANSI/ASHRAE 135, clauses 6, 20 and annex J; ISO 22510 (KNXnet/IP); EIA-852; ANSI C12.22, 5.3; SAIA S-Bus as
Wireshark documents it.
"""

from binascii import crc_hqx

from oddport.engine.columns import TCP, UDP
from oddport.protocols.ber import element
from oddport.protocols.binary import u16, wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol
from oddport.protocols.shapes import Check, Message, fixed, grammar, message, one_of, records, side, whole

# BACnet/IP ----------------------------------------------------------------------------------------------------------

FORWARDED = 4
BVLC_SIZES = {0: 6, 2: 4, 5: 6, 6: 4, 8: 10}
"""Functions of the virtual link without a network message → their size (J.2)."""
BVLC_NETWORK = (FORWARDED, 9, 10, 11)
"""Forwarded, distribute broadcast, unicast, broadcast: a network message follows."""
BVLC_ANSWERS = (0, 3, 7)
NETWORK_MESSAGE, DESTINATION, SOURCE, RESERVED = 0x80, 0x20, 0x08, 0x50
"""Bits of the network layer's control byte (6.2.2)."""
CONFIRMED, UNCONFIRMED, SIMPLE_ACK, COMPLEX_ACK, SEGMENT_ACK, ERROR, REJECT, ABORT = range(8)
SEGMENTED = 0x08
CONFIRMED_SERVICES: tuple[str, ...] = (
    "AcknowledgeAlarm", "ConfirmedCOVNotification", "ConfirmedEventNotification", "GetAlarmSummary",
    "GetEnrollmentSummary", "SubscribeCOV", "AtomicReadFile", "AtomicWriteFile", "AddListElement", "RemoveListElement",
    "CreateObject", "DeleteObject", "ReadProperty", "ReadPropertyConditional", "ReadPropertyMultiple", "WriteProperty",
    "WritePropertyMultiple", "DeviceCommunicationControl", "ConfirmedPrivateTransfer", "ConfirmedTextMessage",
    "ReinitializeDevice", "VT-Open", "VT-Close", "VT-Data", "Authenticate", "RequestKey", "ReadRange",
    "LifeSafetyOperation", "SubscribeCOVProperty", "GetEventInformation", "SubscribeCOVPropertyMultiple",
    "ConfirmedCOVNotificationMultiple", "ConfirmedAuditNotification", "AuditLogQuery",
)  # fmt: skip
UNCONFIRMED_SERVICES: tuple[str, ...] = (
    "I-Am", "I-Have", "UnconfirmedCOVNotification", "UnconfirmedEventNotification", "UnconfirmedPrivateTransfer",
    "UnconfirmedTextMessage", "TimeSynchronization", "Who-Has", "Who-Is", "UTCTimeSynchronization", "WriteGroup",
    "UnconfirmedCOVNotificationMultiple", "UnconfirmedAuditNotification", "Who-Am-I", "You-Are",
)  # fmt: skip


def _apdu(data: bytes) -> int:
    """Where the application's PDU begins; 0 = a network message, -1 = the network layer is none."""
    at = 10 if data[1] == FORWARDED else 4
    if at + 2 > len(data) or data[at] != 1 or data[at + 1] & RESERVED:
        return -1
    control = data[at + 1]
    at += 2
    for bit in (DESTINATION, SOURCE):
        if control & bit:
            if at + 3 > len(data):
                return -1
            at += 3 + data[at + 2]
    at += 1 if control & DESTINATION else 0
    if at >= len(data):
        return -1
    return 0 if control & NETWORK_MESSAGE else at


def _service(data: bytes, at: int) -> str:
    """The service of the PDU at `at`, "" where it names none, "?" where it is unknown."""
    kind = data[at] >> 4
    if kind == UNCONFIRMED:
        index, names = at + 1, UNCONFIRMED_SERVICES
    elif kind in (CONFIRMED, COMPLEX_ACK):
        index = at + (3 if kind == CONFIRMED else 2) + (2 if data[at] & SEGMENTED else 0)
        names = CONFIRMED_SERVICES
    elif kind in (SIMPLE_ACK, ERROR):
        index, names = at + 2, CONFIRMED_SERVICES
    else:
        return "" if kind <= ABORT else "?"
    return names[data[index]] if index < len(data) and data[index] < len(names) else "?"


def _bacnet_check(role: int) -> Check:
    def check(data: bytes) -> int:
        function = data[1]
        if function not in BVLC_NETWORK:
            if BVLC_SIZES.get(function, len(data)) != len(data):
                return -1
            return 8 if (function in BVLC_ANSWERS) == (role == SERVER) else -1
        at = _apdu(data)
        if at <= 0:
            return 8 + 2 if at == 0 else -1
        kind = data[at] >> 4
        if _service(data, at) == "?":
            return -1
        asks = kind == CONFIRMED or kind in (UNCONFIRMED, SEGMENT_ACK, ABORT)
        answers = kind != CONFIRMED
        return 8 + 2 + 1 + 3 if (asks if role == CLIENT else answers) else -1

    return check


def _bacnet_facts(data: bytes) -> Facts:
    at = _apdu(data) if data[1] in BVLC_NETWORK else 0
    name = _service(data, at) if at > 0 else ""
    return {"service": name} if name else {}


def _bacnet(role: int) -> Message:
    return message(
        "BACnet/IP message",
        fixed(0, b"\x81"),
        one_of(1, bytes(range(12))),
        whole(2, 2),
        check=_bacnet_check(role),
        facts=_bacnet_facts,
    )


# KNXnet/IP ----------------------------------------------------------------------------------------------------------

KNX_HEADER = b"\x06\x10"
"""Size of the header, version 1.0."""
KNX_FAMILIES = {
    0x02: (b"\x01\x03\x05\x07\x09\x0b", b"\x02\x04\x06\x07\x08\x09\x0a\x0c", "core"),
    0x03: (b"\x10\x11", b"\x10\x11", "device management"),
    0x04: (b"\x20\x21\x22\x24", b"\x20\x21\x23\x25", "tunnelling"),
    0x05: (b"\x30\x31\x32\x33", b"\x30\x31\x32\x33", "routing"),
    0x07: (b"\x40\x42\x43", b"\x41", "remote diagnosis"),
    0x09: (b"\x50\x51\x53\x54\x55", b"\x50\x52\x54\x55", "security"),
}
"""Family of services → those that a client sends, those that a server sends, its name."""


def _knx_facts(data: bytes) -> Facts:
    return {"family": KNX_FAMILIES[data[2]][2]}


def _knx(role: int, transport: int) -> tuple[Message, ...]:
    closes = records(4, 2, limit=4096, each=(fixed(0, KNX_HEADER),)) if transport == TCP else whole(4, 2)
    return tuple(
        message(
            f"KNXnet/IP {name}",
            fixed(0, KNX_HEADER + bytes((family,))),
            one_of(3, asked if role == CLIENT else answered),
            closes,
            facts=_knx_facts,
        )
        for family, (asked, answered, name) in KNX_FAMILIES.items()
    )


# Ether-S-Bus, LonTalk over IP ---------------------------------------------------------------------------------------


SHORT = bytes(range(8))
"""Upper bytes of a length below 2,048: what fits into a datagram of a plant's network."""


def _sbus_checksum(data: bytes) -> int:
    end = len(data) - 2
    return 16 if crc_hqx(data[:end], 0) == u16(data, end) else -1


def _sbus(attributes: bytes) -> Message:
    return message(
        "Ether-S-Bus telegram with a right checksum",
        fixed(0, b"\0\0"),
        one_of(2, SHORT),
        one_of(4, b"\0\x01"),
        fixed(5, b"\0"),
        one_of(8, attributes),
        whole(0, 4),
        least=11,
        check=_sbus_checksum,
    )


CN_HEADER = 20
CN_PACKETS = b"\x01\x03\x04\x06\x07\x08\x60\x63\x64\x66\x68\x70\x7f"
"""Data, registration, membership, send list, acknowledge, routing, segment, the requests for these, statistics, segment
request (EIA-852, 8)."""
_CN = message(
    "CN/IP packet",
    one_of(0, SHORT),
    fixed(2, b"\x01"),
    one_of(3, CN_PACKETS),
    fixed(6, b"\0\0"),
    whole(0, 2),
    least=CN_HEADER,
)

# ANSI C12.22 --------------------------------------------------------------------------------------------------------

ASSOCIATION = 0x60
CALLED_INVOCATION, USER_INFORMATION = 0xA4, 0xBE
ELEMENTS = (0xA1, 0xA2, 0xA4, 0xA6, 0xA7, 0xA8, 0x8B, 0xAC, USER_INFORMATION)
"""Context, called title and invocation, calling title, qualifier and invocation, mechanism, authentication, data."""
EXTERNAL = 0x28
EPSEM = (0x80, 0x81, 0x82, 0xA0, 0xA1, 0xA2)


def _c1222(data: bytes, role: int) -> SideMatch | None:
    whole_message = element(data, 0, len(data))
    if whole_message is None or whole_message[0] != ASSOCIATION or whole_message[2] != len(data):
        return None
    at, end = whole_message[1], whole_message[2]
    seen: list[int] = []
    while at < end:
        part = element(data, at, end)
        if part is None or part[0] not in ELEMENTS or (seen and ELEMENTS.index(part[0]) <= ELEMENTS.index(seen[-1])):
            return None
        seen.append(part[0])
        if part[0] == USER_INFORMATION:
            external = element(data, part[1], part[2])
            value = element(data, external[1], part[2]) if external is not None else None
            if external is None or external[0] != EXTERNAL or external[2] != part[2]:
                return None
            if value is None or value[0] not in EPSEM or value[2] != part[2]:
                return None
        at = part[2]
    if not seen or seen[-1] != USER_INFORMATION or (CALLED_INVOCATION in seen) != (role == SERVER):
        return None
    bits = 8 + 8 + 5 * len(seen) + 8 * 4
    return SideMatch(True, ((0, 2, f"C12.22 message of {end} bytes, every length closes"),), {}, False, bits)


def c1222_client(data: bytes) -> SideMatch | None:
    """A request."""
    return _c1222(data, CLIENT)


def c1222_server(data: bytes) -> SideMatch | None:
    """A response: it names the invocation that it answers."""
    return _c1222(data, SERVER)


def c1222_reject(data: bytes, role: int) -> str:
    """Bytes that no message begins with."""
    text = wrong_byte(data, 0, bytes((ASSOCIATION,)), "a message has the tag 0x60")
    begin = element(data, 0, len(data)) if not text and len(data) > 1 else None
    if begin is None or begin[0] < 0:
        return text
    return wrong_byte(data, begin[1], bytes(ELEMENTS), "no element of a message")


PROTOCOLS = (
    Protocol(
        name="bacnet",
        title="BACnet/IP",
        spec="ANSI/ASHRAE 135, annex J",
        grammars=(grammar((UDP,), side(_bacnet(CLIENT)), side(_bacnet(SERVER)), symmetric=True),),
    ),
    Protocol(
        name="c1222",
        title="ANSI C12.22",
        spec="ANSI C12.22",
        grammars=(
            Grammar(
                (TCP, UDP), c1222_client, c1222_server, bytes((ASSOCIATION,)), bytes((ASSOCIATION,)),
                reject=c1222_reject,
            ),
        ),
    ),
    Protocol(
        name="cnip",
        title="LonTalk over IP",
        spec="EIA-852",
        grammars=(grammar((UDP,), side(_CN), side(_CN)),),
    ),
    Protocol(
        name="knxnet-ip",
        title="KNXnet/IP",
        spec="ISO 22510",
        grammars=(
            grammar((TCP,), side(*_knx(CLIENT, TCP)), side(*_knx(SERVER, TCP))),
            grammar((UDP,), side(*_knx(CLIENT, UDP)), side(*_knx(SERVER, UDP)), symmetric=True),
        ),
        aliases=("knx",),
    ),
    Protocol(
        name="sbus",
        title="Ether-S-Bus",
        spec="SAIA S-Bus, as Wireshark documents it",
        grammars=(grammar((UDP,), side(_sbus(b"\0")), side(_sbus(b"\x01\x02"))),),
    ),
)  # fmt: skip
