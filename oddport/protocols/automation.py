"""Controllers, drives and instruments → matches: EtherNet/IP, OPC UA, ADS, HART-IP, FINS, HiSLIP, EGD, CAN in UDP.

Sources: ODVA CIP volume 2, 2-3; OPC 10000-6, 7.1.2; Beckhoff Information System, AMS/TCP packet; FieldComm
HCF_SPEC-085; Omron W421, FINS commands, and W227, FINS/TCP; IVI-6.1; GE GFK-2224 (EGD). CAN in UDP and EGD's header as
Wireshark's field reference has them.
"""

from collections.abc import Callable

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, u16_le, u32_le
from oddport.protocols.model import Facts
from oddport.protocols.registry import CLIENT, SERVER, Protocol
from oddport.protocols.shapes import (
    Check,
    Message,
    fixed,
    grammar,
    message,
    number,
    one_of,
    records,
    same,
    side,
    whole,
)
from oddport.protocols.text import clean

# EtherNet/IP --------------------------------------------------------------------------------------------------------

ENCAPSULATION = 24
ENIP_COMMANDS = {
    0x04: "ListServices", 0x63: "ListIdentity", 0x64: "ListInterfaces", 0x65: "RegisterSession",
    0x66: "UnRegisterSession", 0x6F: "SendRRData", 0x70: "SendUnitData",
}  # fmt: skip
_LISTS = b"\x04\x63\x64"
REGISTER, UNREGISTER, REQUEST_REPLY, UNIT_DATA = 0x65, 0x66, 0x6F, 0x70
CONNECTED, UNCONNECTED = 0xB1, 0xB2
"""Items of the common packet format (2-6): data of a connection, behind a counter, and of none."""
REPLY = 0x80
CIP_SERVICES = {
    0x01: "Get_Attributes_All", 0x02: "Set_Attributes_All", 0x03: "Get_Attribute_List", 0x04: "Set_Attribute_List",
    0x05: "Reset", 0x06: "Start", 0x07: "Stop", 0x0A: "Multiple_Service_Packet", 0x0E: "Get_Attribute_Single",
    0x10: "Set_Attribute_Single", 0x4C: "Read_Tag", 0x4D: "Write_Tag", 0x4E: "Forward_Close", 0x52: "Unconnected_Send",
    0x54: "Forward_Open", 0x5B: "Large_Forward_Open",
}  # fmt: skip


def _service(data: bytes) -> int:
    """The CIP service of SendRRData or SendUnitData; -1 where its items do not close, -2 where there is none."""
    stop = ENCAPSULATION + u16_le(data, 2)
    end = min(stop, len(data))
    at = ENCAPSULATION + 8
    if end < at:
        return -1
    found = -2
    for _ in range(u16_le(data, at - 2)):
        if at + 4 > end:
            break
        kind, size = u16_le(data, at), u16_le(data, at + 2)
        begin = at + (6 if kind == CONNECTED else 4)
        if kind in (CONNECTED, UNCONNECTED) and begin < min(end, at + 4 + size):
            found = data[begin]
        at += 4 + size
    return found if at == stop or stop > end else -1


def _enip_check(role: int) -> Check:
    def check(data: bytes) -> int:
        command, size = data[0], u16_le(data, 2)
        if role == CLIENT and u32_le(data, 8):
            return -1
        if command in _LISTS:
            return 32 if (size == 0) == (role == CLIENT) else -1
        if command == UNREGISTER:
            return 16 if role == CLIENT and size == 0 else -1
        if command == REGISTER:
            named = u32_le(data, 4) != 0
            return 16 if size == 4 and (role == SERVER or not named) and (named or role == CLIENT) else -1
        if len(data) < ENCAPSULATION + 8 or u32_le(data, ENCAPSULATION):
            return -1
        service = _service(data)
        if service == -1 or (service >= 0 and bool(service & REPLY) != (role == SERVER)):
            return -1
        return 32 + 16

    return check


def _enip_facts(data: bytes) -> Facts:
    facts: Facts = {"command": ENIP_COMMANDS[data[0]]}
    if data[0] in (REQUEST_REPLY, UNIT_DATA):
        name = CIP_SERVICES.get(_service(data) & 0x7F)
        if name is not None:
            facts["service"] = name
    return facts


_ENIP_EACH = (one_of(0, bytes((0, *ENIP_COMMANDS))), fixed(1, b"\0"), fixed(20, bytes(4)))


def _encapsulated(role: int, transport: int) -> Message:
    return message(
        f"EtherNet/IP {'request' if role == CLIENT else 'reply'}",
        one_of(0, bytes(ENIP_COMMANDS)),
        fixed(1, b"\0"),
        fixed(20, bytes(4)),
        records(2, 2, ENCAPSULATION, little=True, each=_ENIP_EACH)
        if transport == TCP
        else whole(2, 2, ENCAPSULATION, little=True),
        check=_enip_check(role),
        facts=_enip_facts,
    )


def _io_data(data: bytes) -> int:
    return 16 if len(data) == 18 + u16_le(data, 16) else -1


# class 1: a sequenced address of a connection, then its data
_IO = message("EtherNet/IP I/O data", fixed(0, b"\x02\0\x02\x80\x08\0"), fixed(14, b"\xb1\0"), least=18, check=_io_data)

# OPC UA -------------------------------------------------------------------------------------------------------------

OPC_HEADER = 8
OPC_LARGEST = 1 << 26
POLICY = b"http://opcfoundation.org/UA/SecurityPolicy#"
_OPC_EACH = (one_of(0, b"HARMOCE"), one_of(1, b"ESPRCKLH"), one_of(2, b"LRENGKO"), one_of(3, b"FCA"))


def _opc(kind: bytes, says: str, check: Check, facts: Callable[[bytes], Facts] | None = None) -> Message:
    return message(
        f"OPC UA {says}",
        fixed(0, kind),
        records(4, 4, little=True, limit=OPC_LARGEST, each=_OPC_EACH),
        least=16,
        check=check,
        facts=facts,
    )


def _string(data: bytes, at: int) -> bytes:
    """The string whose four-byte length is at `at`, as far as it is there; empty where it is null."""
    size = u32_le(data, at) if at + 4 <= len(data) else 0
    return data[at + 4 : at + 4 + size] if size < OPC_LARGEST else b""


def _hello(data: bytes) -> int:
    """Version 0, sizes and the endpoint, which ends where the message does."""
    if len(data) < 32 or u32_le(data, 8) or u32_le(data, 4) != 32 + u32_le(data, 28):
        return -1
    return 64


def _acknowledge(data: bytes) -> int:
    return 64 if u32_le(data, 4) == 28 and u32_le(data, 8) == 0 else -1


def _error(data: bytes) -> int:
    # codes of bad status have the two upper bits 10 (OPC 10000-4, 7.39)
    return 24 + 2 if data[11] >> 6 == 2 and u32_le(data, 4) == 16 + max(0, len(_string(data, 12))) else -1


def _open(data: bytes) -> int:
    return 8 * len(POLICY) if _string(data, 12).startswith(POLICY) else -1


def _endpoint(data: bytes) -> Facts:
    return {"endpoint": clean(_string(data, 28))}


def _policy(data: bytes) -> Facts:
    return {"policy": clean(_string(data, 12)[len(POLICY) :])}


def _any(data: bytes) -> int:
    return 0


_OPC_BOTH = (
    _opc(b"OPNF", "channel", _open, _policy),
    _opc(b"MSGF", "message", _any),
    _opc(b"MSGC", "message", _any),
    _opc(b"CLOF", "close", _any),
)

# ADS ----------------------------------------------------------------------------------------------------------------

AMS = 32
"""Bytes of the header that the length of the frame counts beside the data."""
ADS_COMMANDS = {
    1: "Read Device Info", 2: "Read", 3: "Write", 4: "Read State", 5: "Write Control", 6: "Add Notification",
    7: "Delete Notification", 8: "Notification", 9: "Read Write",
}  # fmt: skip
NOTIFICATION = 8
ANSWERS = 1
"""Bit of the state flags; another says that it is a command."""


def _ads_check(role: int) -> Check:
    def check(data: bytes) -> int:
        command, flags = u16_le(data, 22), u16_le(data, 24)
        if command not in ADS_COMMANDS or flags & ~ANSWERS != 4 or u32_le(data, 2) != AMS + u32_le(data, 26):
            return -1
        if command != NOTIFICATION and bool(flags & ANSWERS) != (role == SERVER):
            return -1
        return 32 + 12 + 15

    return check


def _net_id(data: bytes, at: int) -> str:
    return ".".join(str(byte) for byte in data[at : at + 6]) + f":{u16_le(data, at + 6)}"


def _ads_facts(data: bytes) -> Facts:
    return {"command": ADS_COMMANDS[u16_le(data, 22)], "target": _net_id(data, 6), "source": _net_id(data, 14)}


def _ads(role: int) -> Message:
    return message(
        f"AMS {'request' if role == CLIENT else 'response'}",
        fixed(0, b"\0\0"),
        records(2, 4, 6, little=True, limit=1 << 24, each=(fixed(0, b"\0\0"),)),
        least=38,
        check=_ads_check(role),
        facts=_ads_facts,
    )


# HART-IP ------------------------------------------------------------------------------------------------------------

HART_HEADER = 8
INITIATE, CLOSE, KEEP_ALIVE, TOKEN_PASSING, DIRECT, AUDIT = range(6)
HART_IDS = {
    INITIATE: "session initiate", CLOSE: "session close", KEEP_ALIVE: "keep alive", TOKEN_PASSING: "HART PDU",
    DIRECT: "direct PDU", AUDIT: "read audit log",
}  # fmt: skip
_HART_TYPES = {CLIENT: b"\x00", SERVER: b"\x01\x02\x0f"}
"""Request; response, publish, negative acknowledgement."""


def _hart(data: bytes) -> int:
    size = u16(data, 6)
    if data[2] == INITIATE:
        return 16 + 7 if size == HART_HEADER + 5 and len(data) > HART_HEADER and data[HART_HEADER] <= 1 else -1
    if data[2] in (CLOSE, KEEP_ALIVE):
        return 16 if size == HART_HEADER else -1
    if data[2] != TOKEN_PASSING or size > len(data):
        return 0
    check = 0
    for byte in data[HART_HEADER:size]:
        check ^= byte
    # the last byte is the parity of all before it
    return 8 if size > HART_HEADER + 4 and check == 0 else -1


def _hart_facts(data: bytes) -> Facts:
    facts: Facts = {"version": data[0], "message": HART_IDS[data[2]]}
    if data[2] == TOKEN_PASSING and len(data) > HART_HEADER:
        # delimiter, address of one or five bytes, command
        at = HART_HEADER + (6 if data[HART_HEADER] & 0x80 else 2)
        if at < len(data):
            facts["command"] = data[at]
    return facts


def _hart_message(role: int, transport: int) -> Message:
    each = (one_of(0, b"\x01\x02"), one_of(1, _HART_TYPES[role]), one_of(2, bytes(HART_IDS)))
    return message(
        f"HART-IP {'request' if role == CLIENT else 'response'}",
        *each,
        fixed(3, b"\0") if role == CLIENT else (),
        records(6, 2, limit=4096, each=each) if transport == TCP else whole(6, 2),
        least=HART_HEADER,
        check=_hart,
        facts=_hart_facts,
    )


# FINS ---------------------------------------------------------------------------------------------------------------

FINS_COMMANDS = {
    0x0101: "Memory Area Read", 0x0102: "Memory Area Write", 0x0103: "Memory Area Fill",
    0x0104: "Multiple Memory Area Read", 0x0105: "Memory Area Transfer", 0x0201: "Parameter Area Read",
    0x0202: "Parameter Area Write", 0x0203: "Parameter Area Clear", 0x0304: "Program Area Protect",
    0x0305: "Program Area Protect Clear", 0x0306: "Program Area Read", 0x0307: "Program Area Write",
    0x0308: "Program Area Clear", 0x0401: "Run", 0x0402: "Stop", 0x0501: "Controller Data Read",
    0x0502: "Connection Data Read", 0x0601: "Controller Status Read", 0x0620: "Cycle Time Read",
    0x0701: "Clock Read", 0x0702: "Clock Write", 0x0801: "Loop-back Test", 0x0802: "Broadcast Results Read",
    0x0803: "Broadcast Data Send", 0x0920: "Message Read/Clear", 0x0C01: "Access Right Acquire",
    0x0C02: "Access Right Forced Acquire", 0x0C03: "Access Right Release", 0x2101: "Error Clear",
    0x2102: "Error Log Read", 0x2103: "Error Log Clear", 0x2201: "File Name Read", 0x2202: "Single File Read",
    0x2203: "Single File Write", 0x2204: "Memory Card Format", 0x2205: "File Delete", 0x2207: "File Copy",
    0x2208: "File Name Change", 0x220A: "Memory Area File Transfer", 0x220B: "Parameter Area File Transfer",
    0x220C: "Program Area File Transfer", 0x2301: "Forced Set/Reset", 0x2302: "Forced Set/Reset Cancel",
}  # fmt: skip
FINS_HEADER = 12
FINS_ANSWERS = 0x40
"""Bit of the first byte (ICF)."""
FINS_TCP = 16
FINS_UNITS = bytes((0, *range(0x10, 0x20), 0xE1, 0xFD, 0xFE))
"""Unit addresses: CPU, bus units, inner board, computer, network unit (W421, 3-2)."""
_ICF = {CLIENT: b"\x80\x81", SERVER: b"\xc0\xc1"}


def _fins_command(data: bytes) -> int:
    # 42 commands in 16 bits
    return 10 if u16(data, 10) in FINS_COMMANDS else -1


def _fins_facts(data: bytes) -> Facts:
    return {"command": FINS_COMMANDS[u16(data, 10)], "node": data[4]}


def _fins(role: int) -> Message:
    return message(
        f"FINS {'command' if role == CLIENT else 'response'}",
        one_of(0, _ICF[role]),
        fixed(1, b"\0"),
        one_of(2, b"\x02\x07"),
        *(number(at, 1, 0, 0x7F) for at in (3, 6)),
        *(one_of(at, FINS_UNITS) for at in (5, 8)),
        least=FINS_HEADER if role == CLIENT else FINS_HEADER + 2,
        check=_fins_command,
        facts=_fins_facts,
    )


def _fins_tcp_facts(data: bytes) -> Facts:
    """Of the first frame that holds a FINS message: the first is mostly about addresses only."""
    begin = 0 if data[11] == 2 else 8 + int.from_bytes(data[4:8])
    inner = data[begin + FINS_TCP : begin + FINS_TCP + FINS_HEADER]
    return _fins_facts(inner) if len(inner) == FINS_HEADER and u16(inner, 10) in FINS_COMMANDS else {}


def _fins_tcp_check(role: int) -> Check:
    def check(data: bytes) -> int:
        if data[11] != 2 or len(data) <= FINS_TCP:
            return 0
        return 6 if data[FINS_TCP] in _ICF[role] else -1

    return check


def _fins_tcp(role: int) -> Message:
    return message(
        f"FINS/TCP {'command' if role == CLIENT else 'response'}",
        fixed(0, b"FINS"),
        fixed(8, bytes(3)),
        one_of(11, b"\0\x02" if role == CLIENT else b"\x01\x02\x03"),
        number(12, 4, 0, 0x25),
        records(4, 4, 8, limit=4096, each=(fixed(0, b"FINS"),)),
        check=_fins_tcp_check(role),
        facts=_fins_tcp_facts,
    )


# HiSLIP, EGD, CAN over Ethernet -------------------------------------------------------------------------------------

HISLIP_INITIALIZE = 0
_HISLIP_ASKS = b"\x00\x02\x03\x04\x06\x07\x08\x0a\x0c\x0f\x11\x13\x15\x18\x1a\x1c\x1d"
_HISLIP_ANSWERS = b"\x01\x02\x03\x05\x06\x07\x09\x0b\x0d\x0e\x10\x12\x14\x16\x17\x19\x1b\x1e"
"""Message types of IVI-6.1, table 4."""


def _hislip_facts(data: bytes) -> Facts:
    size = int.from_bytes(data[8:16])
    return {"sub_address": clean(data[16 : 16 + size])} if data[2] == HISLIP_INITIALIZE and size else {}


def _hislip(kinds: bytes) -> Message:
    each = (fixed(0, b"HS"), one_of(2, kinds), fixed(8, bytes(2)))
    return message("HiSLIP message", *each, records(10, 6, 16, limit=1 << 24, each=each), facts=_hislip_facts)


_EGD = message(
    "EGD data production",
    fixed(0, b"\x0d\x01"),
    number(16, 4, 0, 999_999_999, little=True),
    number(20, 4, 0, 0xFFFF, little=True),
    fixed(28, bytes(4)),
    least=32,
)
_CAN = message("CAN over Ethernet, version 1", fixed(0, b"ISO11898\x01"), least=10)

PROTOCOLS = (
    Protocol(
        name="ads",
        title="ADS (TwinCAT)",
        spec="Beckhoff Information System, AMS/TCP",
        grammars=(grammar((TCP,), side(_ads(CLIENT)), side(_ads(SERVER))),),
        aliases=("ams",),
    ),
    Protocol(
        name="caneth",
        title="CAN over Ethernet",
        spec="ISO 11898, as carried on 11898/udp",
        grammars=(grammar((UDP,), side(_CAN), None),),
    ),
    Protocol(
        name="egd",
        title="Ethernet Global Data",
        spec="GE GFK-2224",
        grammars=(grammar((UDP,), side(_EGD), None),),
    ),
    Protocol(
        name="enip",
        title="EtherNet/IP",
        spec="ODVA CIP volume 2",
        grammars=(
            grammar((TCP,), side(_encapsulated(CLIENT, TCP)), side(_encapsulated(SERVER, TCP))),
            grammar((UDP,), side(_encapsulated(CLIENT, UDP), _IO), side(_encapsulated(SERVER, UDP), _IO)),
        ),
        aliases=("cip", "ethernet/ip"),
    ),
    Protocol(
        name="hart-ip",
        title="HART-IP",
        spec="FieldComm HCF_SPEC-085",
        grammars=(
            grammar((TCP,), side(_hart_message(CLIENT, TCP)), side(_hart_message(SERVER, TCP))),
            grammar((UDP,), side(_hart_message(CLIENT, UDP)), side(_hart_message(SERVER, UDP))),
        ),
    ),
    Protocol(
        name="hislip",
        title="HiSLIP",
        spec="IVI-6.1",
        grammars=(grammar((TCP,), side(_hislip(_HISLIP_ASKS)), side(_hislip(_HISLIP_ANSWERS))),),
    ),
    Protocol(
        name="omron",
        title="Omron FINS",
        spec="Omron W421, W227",
        grammars=(
            grammar((TCP,), side(_fins_tcp(CLIENT)), side(_fins_tcp(SERVER))),
            grammar((UDP,), side(_fins(CLIENT)), side(_fins(SERVER)), pair=same(3, 9)),
        ),
        aliases=("fins",),
    ),
    Protocol(
        name="opcua",
        title="OPC UA",
        spec="OPC 10000-6, 7.1",
        grammars=(
            grammar(
                (TCP,),
                side(_opc(b"HELF", "hello", _hello, _endpoint), *_OPC_BOTH),
                side(_opc(b"ACKF", "acknowledge", _acknowledge), _opc(b"ERRF", "error", _error), *_OPC_BOTH),
            ),
        ),
        aliases=("opc-ua",),
    ),
)
