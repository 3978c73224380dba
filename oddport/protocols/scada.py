"""Telecontrol on TCP and UDP → matches: Modbus/TCP, DNP3, IEC 60870-5-104, and synchrophasors (IEEE C37.118).

What proves them: a Modbus length agrees with its function code, DNP3 and C37.118 carry checksums, and an IEC 104 frame
is as long as the type of its objects asks. Sources: MODBUS Application Protocol V1.1b3 and Messaging on TCP/IP V1.0b;
IEEE 1815-2012, 9.2; IEC 60870-5-101, 7 and 60870-5-104, 5; IEEE C37.118.2-2011, 6.
"""

from binascii import crc_hqx
from typing import NamedTuple

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, u16_le, wrong_byte, wrong_bytes
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import ANY, CLIENT, SERVER, Grammar, Protocol, least, literal

MARGIN = 14
"""Bits behind the first four bytes that prove a protocol: log2(10,000) is 13.3."""
MESSAGES = 16
"""Messages of a stream that are walked over."""
NAMES = 8
"""Different functions that are kept as facts."""

# Modbus -------------------------------------------------------------------------------------------------------------

HEADER = 6
"""Bytes of the header before what its length counts: transaction, protocol, length."""
LONGEST = 260
"""The specification's 254, and room for the makers' own functions."""
HEADER_BITS = 16 + 8
"""Protocol identifier, and a length of at most LONGEST."""
FITTING_BITS = 8 + 3
"""The rest of a length that is what its function asks, and a function that is known."""
CLOSING_BITS = 8
EXCEPTION = 0x80
EXCEPTIONS = range(1, 12)


class Function(NamedTuple):
    """A function code: how long its two messages are, counted as the header's length does (unit and function too)."""

    name: str
    request: int
    response: int
    counted: tuple[int, int] = (0, 0)
    """Where request and response have the byte that counts the rest; 0 = none, the length is as it is. A length of 0:
    any."""


FUNCTIONS = {
    1: Function("Read Coils", 6, 3, (0, 8)),
    2: Function("Read Discrete Inputs", 6, 3, (0, 8)),
    3: Function("Read Holding Registers", 6, 3, (0, 8)),
    4: Function("Read Input Registers", 6, 3, (0, 8)),
    5: Function("Write Single Coil", 6, 6),
    6: Function("Write Single Register", 6, 6),
    7: Function("Read Exception Status", 2, 3),
    8: Function("Diagnostics", 0, 0),
    11: Function("Get Comm Event Counter", 2, 6),
    12: Function("Get Comm Event Log", 2, 3, (0, 8)),
    15: Function("Write Multiple Coils", 7, 6, (12, 0)),
    16: Function("Write Multiple Registers", 7, 6, (12, 0)),
    17: Function("Report Server ID", 2, 3, (0, 8)),
    20: Function("Read File Record", 3, 3, (8, 8)),
    21: Function("Write File Record", 3, 3, (8, 8)),
    22: Function("Mask Write Register", 8, 8),
    23: Function("Read/Write Multiple Registers", 11, 3, (16, 8)),
    24: Function("Read FIFO Queue", 4, 0),
    43: Function("Encapsulated Interface Transport", 0, 0),
    90: Function("Unity (UMAS)", 0, 0),
}


def _modbus(data: bytes, role: int) -> SideMatch | None:
    size = len(data)
    if size < HEADER + 2 or data[2] or data[3] or data[4] > 1:
        return None
    at = bits = 0
    names: list[str] = []
    facts: Facts = {"unit": data[6]}
    for _ in range(MESSAGES):
        if at + HEADER + 2 > size:
            break
        length, code = u16(data, at + 4), data[at + 7]
        if data[at + 2] or data[at + 3] or not 2 <= length <= LONGEST:
            return None
        known = FUNCTIONS.get(code & ~EXCEPTION)
        fits = _modbus_length(data, at, role, known) if known is not None else 0
        if fits < 0 or (known is None and not at):
            return None
        bits += HEADER_BITS + (FITTING_BITS if fits else 0)
        if known is not None and known.name not in names and len(names) < NAMES:
            names.append(known.name)
        if code & EXCEPTION and at + 8 < size:
            facts.setdefault("exception", data[at + 8])
        at += HEADER + length
    if at == size:
        bits += CLOSING_BITS
    facts["functions"] = names
    spans = ((2, 6, f"Modbus {'request' if role == CLIENT else 'response'}, protocol 0: {names[0]}"),)
    return SideMatch(bits - 16 >= MARGIN, spans, facts, False, bits)


def _modbus_length(data: bytes, at: int, role: int, known: Function) -> int:
    """1 where the length of the message at `at` is what its function asks, 0 where that is not told, -1 where not."""
    length, code = u16(data, at + 4), data[at + 7]
    if code & EXCEPTION:
        if role == CLIENT or length != 3 or at + 8 >= len(data):
            return -1 if role == CLIENT or length != 3 else 0
        return 1 if data[at + 8] in EXCEPTIONS else -1
    wanted = known.request if role == CLIENT else known.response
    if not wanted:
        return 0
    counter = known.counted[role]
    if counter:
        if at + counter >= len(data):
            return 0
        wanted += data[at + counter]
    return 1 if length == wanted else -1


MODBUS_AT = (*literal(2, b"\0\0"), (4, b"\0\1"), least(HEADER + 2))


def modbus_client(data: bytes) -> SideMatch | None:
    """Requests whose lengths are what their functions ask."""
    return _modbus(data, CLIENT)


def modbus_server(data: bytes) -> SideMatch | None:
    """Responses and exceptions likewise."""
    return _modbus(data, SERVER)


def modbus_reject(data: bytes, role: int) -> str:
    """Bytes that no Modbus/TCP header has."""
    text = wrong_bytes(data, 2, b"\x00\x00", "the protocol identifier of Modbus is 0")
    if text or len(data) < HEADER + 2:
        return text
    length, code = u16(data, 4), data[7]
    if not 2 <= length <= LONGEST:
        return f"length at byte 4 says {length}, expected 2 to {LONGEST}"
    known = FUNCTIONS.get(code & ~EXCEPTION)
    if known is None:
        return f"byte 7 is 0x{code:02x}, no function code"
    if _modbus_length(data, 0, role, known) < 0:
        return f"length at byte 4 says {length}, not that of a {'request' if role == CLIENT else 'response'} {code}"
    return ""


# DNP3 ---------------------------------------------------------------------------------------------------------------

DNP3_START = b"\x05\x64"
LINK_HEADER = 10
FROM_MASTER = 0x80
DNP3_FUNCTIONS = {
    0: "Confirm", 1: "Read", 2: "Write", 3: "Select", 4: "Operate", 5: "Direct Operate", 6: "Direct Operate No Ack",
    7: "Immediate Freeze", 8: "Immediate Freeze No Ack", 9: "Freeze Clear", 10: "Freeze Clear No Ack",
    11: "Freeze At Time", 12: "Freeze At Time No Ack", 13: "Cold Restart", 14: "Warm Restart", 15: "Initialize Data",
    16: "Initialize Application", 17: "Start Application", 18: "Stop Application", 19: "Save Configuration",
    20: "Enable Unsolicited", 21: "Disable Unsolicited", 22: "Assign Class", 23: "Delay Measurement",
    24: "Record Current Time", 25: "Open File", 26: "Close File", 27: "Delete File", 28: "Get File Info",
    29: "Authenticate File", 30: "Abort File", 31: "Activate Configuration", 32: "Authentication Request",
    33: "Authentication Request No Ack", 129: "Response", 130: "Unsolicited Response", 131: "Authentication Response",
}  # fmt: skip


def _crc_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (polynomial if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


DNP3_CRC = _crc_table(0xA6BC)
"""By byte, of x^16+x^13+x^12+x^11+x^10+x^8+x^6+x^5+x^2+1, lowest bit first."""


def dnp3_crc(data: bytes) -> int:
    """The checksum of a block of the data link layer."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ DNP3_CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFF


def _dnp3(data: bytes, role: int) -> SideMatch | None:
    size = len(data)
    if size < LINK_HEADER or data[0] != DNP3_START[0] or data[1] != DNP3_START[1] or data[2] < 5:
        return None
    if bool(data[3] & FROM_MASTER) == (role == SERVER):
        return None
    facts: Facts = {"source": u16_le(data, 6), "destination": u16_le(data, 4)}
    names: list[str] = []
    at = 0
    spans: tuple[tuple[int, int, str], ...] = ()
    for _ in range(MESSAGES):
        if at + LINK_HEADER > size or data[at] != DNP3_START[0] or data[at + 1] != DNP3_START[1] or data[at + 2] < 5:
            break
        if dnp3_crc(data[at : at + 8]) == u16_le(data, at + 8):
            says = f"DNP3 frame from the {'master' if role == CLIENT else 'outstation'}, its checksum is right"
            spans += ((at, LINK_HEADER, says),)
        user = data[at + 2] - 5
        # transport header with FIR, application control, function
        if user >= 3 and at + 12 < size and data[at + 10] & 0x40:
            name = DNP3_FUNCTIONS.get(data[at + 12])
            if name is not None and name not in names and len(names) < NAMES:
                names.append(name)
        at += LINK_HEADER + user + 2 * ((user + 15) // 16)
    if not spans:
        return None
    if names:
        facts["functions"] = names
    return SideMatch(True, spans[:1], facts, False, 32 * len(spans))


def dnp3_client(data: bytes) -> SideMatch | None:
    """Frames of a master."""
    return _dnp3(data, CLIENT)


def dnp3_server(data: bytes) -> SideMatch | None:
    """Frames of an outstation."""
    return _dnp3(data, SERVER)


def dnp3_reject(data: bytes, role: int) -> str:
    """Bytes that no frame of that side begins with."""
    text = wrong_bytes(data, 0, DNP3_START, "a frame starts with 0x05 0x64")
    if text or len(data) < LINK_HEADER:
        return text
    if data[2] < 5:
        return f"byte 2 is 0x{data[2]:02x}, a length is 5 or more"
    if bool(data[3] & FROM_MASTER) == (role == SERVER):
        return f"byte 3 is 0x{data[3]:02x}, the direction bit is that of the other side"
    return "" if _dnp3(data, role) is not None else "checksum at byte 8 is wrong"


# IEC 60870-5-104 ----------------------------------------------------------------------------------------------------

START = 0x68
UNNUMBERED = {0x07: CLIENT, 0x0B: SERVER, 0x13: CLIENT, 0x23: SERVER, 0x43: -1, 0x83: -1}
"""U formats: STARTDT, STOPDT, TESTFR, each act and con; whose they are, -1 = either's."""
OBJECT_BYTES = {
    1: 1, 2: 4, 3: 1, 4: 4, 5: 2, 6: 5, 7: 5, 8: 8, 9: 3, 10: 6, 11: 3, 12: 6, 13: 5, 14: 8, 15: 5, 16: 8, 17: 6, 18: 7,
    19: 7, 20: 5, 21: 2, 30: 8, 31: 8, 32: 9, 33: 12, 34: 10, 35: 10, 36: 12, 37: 12, 38: 10, 39: 11, 40: 11, 45: 1,
    46: 1, 47: 1, 48: 3, 49: 3, 50: 5, 51: 4, 58: 8, 59: 8, 60: 8, 61: 10, 62: 10, 63: 12, 64: 11, 70: 1, 100: 1,
    101: 1, 102: 0, 103: 7, 104: 2, 105: 1, 106: 2, 107: 9, 110: 3, 111: 3, 112: 5, 113: 1,
}  # fmt: skip
"""Type identification → bytes of one information object without its address (IEC 60870-5-101, 7.3)."""
FILE_TYPES = range(120, 128)
"""Their objects have lengths of their own."""
ASKING = (5, 6, 8)
"""Causes of what a controlling station sends: request, activation, deactivation."""
ASDU_BITS = 12
"""At most 16 of the 65,536 pairs of type and qualifier have any given length."""
TYPE_NAMES = {
    45: "single command", 46: "double command", 47: "regulating step command", 48: "set point", 49: "set point",
    50: "set point", 51: "bit string command", 58: "single command", 59: "double command",
    60: "regulating step command", 61: "set point", 62: "set point", 63: "set point", 64: "bit string command",
    100: "interrogation", 101: "counter interrogation", 102: "read", 103: "clock synchronisation", 104: "test",
    105: "reset process", 106: "delay acquisition", 107: "test", 110: "parameter", 111: "parameter", 112: "parameter",
    113: "parameter activation",
}  # fmt: skip


def _asdu(data: bytes, at: int, length: int, role: int) -> bool:
    """Whether the objects of the I frame at `at` are as long as their type asks, and come from that side."""
    kind, qualifier, cause = data[at + 6], data[at + 7], data[at + 8] & 0x3F
    if kind in FILE_TYPES:
        return cause != 0
    size = OBJECT_BYTES.get(kind, -1)
    count = qualifier & 0x7F
    if size < 0 or not cause or not count:
        return False
    if length - 10 != (3 + count * size if qualifier & 0x80 else count * (3 + size)):
        return False
    asked = kind in TYPE_NAMES and cause in ASKING
    return asked == (role == CLIENT)


def _frame(data: bytes, at: int, role: int) -> int:
    """Bits of the control field and the objects of the frame at `at`, -1 where they are none of that side's."""
    length, control = data[at + 1], data[at + 2]
    if control & 1:
        if length != 4 or data[at + 3] or data[at + 4] & 1:
            return -1
        if control & 2:
            side = UNNUMBERED.get(control, 1 - role)
            return -1 if side == 1 - role or data[at + 4] or data[at + 5] else 8 + 5 + 24
        return 8 + 8 + 8 + 1 if control == 1 else -1
    if length < 10 or data[at + 4] & 1:
        return -1
    if at + 12 > len(data):
        return 2
    return 2 + ASDU_BITS if _asdu(data, at, length, role) else -1


def _iec104(data: bytes, role: int) -> SideMatch | None:
    size = len(data)
    if size < 6 or data[0] != START:
        return None
    at = bits = length = 0
    names: list[str] = []
    facts: Facts = {}
    for _ in range(MESSAGES):
        if at + 6 > size:
            break
        length = data[at + 1]
        if data[at] != START or not 4 <= length <= 253:
            return None
        confirmed = _frame(data, at, role)
        if confirmed < 0:
            return None
        bits += 8 + confirmed
        if not data[at + 2] & 1 and at + 12 <= size:
            name = TYPE_NAMES.get(data[at + 6])
            if name is not None and name not in names and len(names) < NAMES:
                names.append(name)
            facts.setdefault("common_address", u16_le(data, at + 10))
        at += 2 + length
    if at == size and length > 4:
        bits += 8
    if names:
        facts["commands"] = names
    # what lies in the first four bytes is given: start, length, and what is fixed of the first two control bytes
    given = (9, 32, 9, 29)[data[2] & 3]
    says = f"IEC 104 frame, its length of {data[1]} is that of its format"
    return SideMatch(bits - given >= MARGIN, ((0, 6, says),), facts, False, bits)


def iec104_client(data: bytes) -> SideMatch | None:
    """A controlling station: STARTDT act, commands."""
    return _iec104(data, CLIENT)


def iec104_server(data: bytes) -> SideMatch | None:
    """A controlled station: STARTDT con, confirmations, measured values."""
    return _iec104(data, SERVER)


def iec104_reject(data: bytes, role: int) -> str:
    """Bytes that no frame of that side begins with."""
    text = wrong_byte(data, 0, bytes((START,)), "a frame starts with 0x68")
    if text or len(data) < 12 or _iec104(data, role) is not None:
        return text
    if not 4 <= data[1] <= 253:
        return f"byte 1 is 0x{data[1]:02x}, a length is 4 to 253"
    if data[2] & 1:
        return f"byte 2 is 0x{data[2]:02x}, the frames from there on are none of that side's"
    return f"byte 6 is 0x{data[6]:02x}, the objects of that type have another length or are the other side's"


# Synchrophasors -----------------------------------------------------------------------------------------------------

SYNC = 0xAA
COMMAND = 4
FRAMES = {0: "data", 1: "header", 2: "configuration 1", 3: "configuration 2", 4: "command", 5: "configuration 3"}
SMALLEST_FRAME = 16
CHECKSUM = 2


def _synphasor(data: bytes, role: int) -> SideMatch | None:
    size = len(data)
    if size < SMALLEST_FRAME or data[0] != SYNC or data[1] & 0x0F not in (1, 2):
        return None
    kind, length = data[1] >> 4, u16(data, 2)
    if kind not in FRAMES or (kind == COMMAND) != (role == CLIENT) or length < SMALLEST_FRAME:
        return None
    facts: Facts = {"frame": FRAMES[kind], "device": u16(data, 4)}
    if length > size:
        return SideMatch(False, ((0, 4, f"C37.118 {FRAMES[kind]} frame, cut"),), facts, False, 8 + 5)
    # CRC-CCITT over all that stands before it (C37.118.2, annex B)
    if crc_hqx(data[: length - CHECKSUM], 0xFFFF) != u16(data, length - CHECKSUM):
        return None
    says = f"C37.118 {FRAMES[kind]} frame of {length} bytes"
    spans = ((0, 4, says), (length - CHECKSUM, CHECKSUM, "its checksum is right"))
    return SideMatch(True, spans, facts, False, 8 + 5 + 16 + (16 if length == size else 0))


def synphasor_client(data: bytes) -> SideMatch | None:
    """Commands to a measuring unit."""
    return _synphasor(data, CLIENT)


def synphasor_server(data: bytes) -> SideMatch | None:
    """Configuration, header and data frames of a measuring unit."""
    return _synphasor(data, SERVER)


def synphasor_reject(data: bytes, role: int) -> str:
    """Bytes that no frame of that side has."""
    text = wrong_byte(data, 0, bytes((SYNC,)), "a frame starts with 0xaa")
    if text or len(data) < SMALLEST_FRAME or _synphasor(data, role) is not None:
        return text
    if data[1] >> 4 in FRAMES and data[1] & 0x0F in (1, 2) and u16(data, 2) >= SMALLEST_FRAME:
        if (data[1] >> 4 == COMMAND) != (role == CLIENT):
            return f"byte 1 is 0x{data[1]:02x}, a frame of the other side"
        return f"checksum at byte {u16(data, 2) - CHECKSUM} is wrong"
    return f"byte 1 is 0x{data[1]:02x} and the length at byte 2 {u16(data, 2)}, no frame of version 1 or 2"


PROTOCOLS = (
    Protocol(
        name="modbus",
        title="Modbus/TCP",
        spec="MODBUS Application Protocol V1.1b3",
        grammars=(
            Grammar(
                (TCP,), modbus_client, modbus_server, ANY, ANY, reject=modbus_reject,
                client_at=MODBUS_AT, server_at=MODBUS_AT,
            ),
        ),
        aliases=("mbtcp",),
    ),
    Protocol(
        name="dnp3",
        title="DNP3",
        spec="IEEE 1815-2012",
        grammars=(
            Grammar((TCP, UDP), dnp3_client, dnp3_server, DNP3_START[:1], DNP3_START[:1], reject=dnp3_reject),
        ),
        first="either",
    ),
    Protocol(
        name="iec104",
        title="IEC 60870-5-104",
        spec="IEC 60870-5-104",
        grammars=(
            Grammar((TCP,), iec104_client, iec104_server, bytes((START,)), bytes((START,)), reject=iec104_reject),
        ),
    ),
    Protocol(
        name="synphasor",
        title="IEEE C37.118 synchrophasors",
        spec="IEEE C37.118.2-2011",
        grammars=(
            Grammar(
                (TCP, UDP), synphasor_client, synphasor_server, bytes((SYNC,)), bytes((SYNC,)), reject=synphasor_reject
            ),
        ),
    ),
)  # fmt: skip
