"""Fields → the first bytes of protocols of plants and substations, written down from their specifications."""

import struct
from binascii import crc_hqx

from oddport.engine.columns import TCP, UDP

# Modbus -------------------------------------------------------------------------------------------------------------


def modbus(transaction: int, pdu: bytes, unit: int = 1) -> bytes:
    """The header counts unit and PDU (Messaging on TCP/IP V1.0b, 3.1.3)."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


READ_REGISTERS = modbus(7, bytes.fromhex("03 006b 0003"))
REGISTERS = modbus(7, bytes.fromhex("03 06 022b 0000 0064"))
WRITE_REGISTERS = modbus(8, bytes.fromhex("10 0001 0002 04 000a 0102"))
WRITTEN = modbus(8, bytes.fromhex("10 0001 0002"))
ILLEGAL = modbus(7, bytes.fromhex("83 02"))

# DNP3 ---------------------------------------------------------------------------------------------------------------


def dnp3_checksum(data: bytes) -> bytes:
    """CRC-16/DNP, bit by bit: polynomial 0x3D65 with the lowest bit first, inverted at the end (IEEE 1815, 9.2.4.1)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA6BC if crc & 1 else crc >> 1
    return struct.pack("<H", crc ^ 0xFFFF)


def dnp3(control: int, destination: int, source: int, user: bytes) -> bytes:
    header = struct.pack("<2sBBHH", b"\x05\x64", 5 + len(user), control, destination, source)
    blocks = [user[at : at + 16] for at in range(0, len(user), 16)]
    return b"".join(block + dnp3_checksum(block) for block in [header, *blocks])


DNP3_READ = dnp3(0xC4, 4, 3, bytes.fromhex("c0 c1 01 3c 02 06"))
DNP3_RESPONSE = dnp3(0x44, 3, 4, bytes.fromhex("c0 c1 81 0000"))

# IEC 60870-5-104 ----------------------------------------------------------------------------------------------------


def frame(*control: int, asdu: bytes = b"") -> bytes:
    return bytes((0x68, 4 + len(asdu), *control)) + asdu


def asdu(kind: int, cause: int, *objects: bytes) -> bytes:
    """Type, number of objects, cause, originator 0, common address 1; each object has its address of three bytes."""
    return bytes((kind, len(objects), cause, 0, 1, 0)) + b"".join(b"\x0a\0\0" + one for one in objects)


STARTDT, STARTDT_CON = frame(0x07, 0, 0, 0), frame(0x0B, 0, 0, 0)
INTERROGATION = frame(0, 0, 0, 0, asdu=asdu(100, 6, b"\x14"))
INTERROGATION_CON = frame(0, 0, 2, 0, asdu=asdu(100, 7, b"\x14"))
FLOAT = frame(2, 0, 2, 0, asdu=asdu(13, 20, struct.pack("<fB", 231.5, 0)))

# Synchrophasors -----------------------------------------------------------------------------------------------------


def phasor(kind: int, body: bytes) -> bytes:
    """SYNC, size, device, second, fraction, body, CRC-CCITT (C37.118.2, 6.2)."""
    head = struct.pack(">BBHHII", 0xAA, kind << 4 | 1, 16 + len(body), 60, 0x48933743, 0) + body
    return head + struct.pack(">H", crc_hqx(head, 0xFFFF))


TURN_ON = phasor(4, struct.pack(">H", 2))
PHASORS = phasor(0, bytes(30))

# ISO transport: S7, MMS ---------------------------------------------------------------------------------------------


def tpkt(tpdu: bytes) -> bytes:
    return struct.pack(">BBH", 3, 0, 4 + len(tpdu)) + tpdu


def connect(code: int, source: int, called: bytes) -> bytes:
    """X.224 13.3: length, code, two references, class 0, and the parameters for size and selectors."""
    parameters = b"\xc0\x01\x0a\xc1\x02\x01\x00\xc2" + bytes((len(called),)) + called
    return tpkt(struct.pack(">BBHHB", 6 + len(parameters), code, 0, source, 0) + parameters)


def data(payload: bytes) -> bytes:
    return tpkt(b"\x02\xf0\x80" + payload)


def s7(kind: int, parameters: bytes, payload: bytes = b"") -> bytes:
    """Mark, kind, 0, number, two lengths, and in an answer two bytes of error."""
    error = b"\0\0" if kind in (2, 3) else b""
    head = struct.pack(">BBHHHH", 0x32, kind, 0, 0x0200, len(parameters), len(payload)) + error
    return data(head + parameters + payload)


def s7_plus(version: int, operation: int, body: bytes) -> bytes:
    part = bytes((operation,)) + body
    return data(struct.pack(">BBH", 0x72, version, len(part)) + part + struct.pack(">BBH", 0x72, version, 0))


S7_CONNECT, S7_CONFIRM = connect(0xE0, 0x0007, b"\x01\x02"), connect(0xD0, 0x0003, b"\x01\x02")
S7_SETUP = s7(1, bytes.fromhex("f0 00 0001 0001 01e0"))
S7_READ = s7(1, bytes.fromhex("04 01 12 0a 10 02 0001 0001 84 000000"))
S7_SET_UP, S7_VALUE = s7(3, bytes.fromhex("f0 00 0001 0001 00f0")), s7(3, b"\x04\x01", bytes.fromhex("ff 04 0008 2a"))
S7_LIST = s7(7, bytes.fromhex("000112 04 11 44 01 00"), bytes.fromhex("ff 09 0004 0011 0000"))
S7_LISTED = s7(7, bytes.fromhex("000112 08 12 84 01 01 0000 0000"), bytes.fromhex("ff 09 0004 0011 0000"))
S7_PLUS_CONNECT, S7_PLUS_CONFIRM = connect(0xE0, 1, b"SIMATIC-ROOT-HMI"), connect(0xD0, 2, b"SIMATIC-ROOT-HMI")
S7_PLUS_REQUEST = s7_plus(1, 0x31, bytes.fromhex("0000 04ca 0000 0001 00000120 36 00000000"))
S7_PLUS_RESPONSE = s7_plus(1, 0x32, bytes.fromhex("0000 04ca 0000 0001 36 1102 8740"))


def ber(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes((tag, len(content))) + content


MMS_CONTEXT = ber(6, b"\x28\xca\x22\x02\x01")
SESSION = b"\x0d\x30\x05\x06\x13\x01\x00\x16\x01\x02\x14\x02\x00\x02\xc1\x22\x31\x20\xa4\x1e"
MMS_OPEN = data(SESSION + ber(0x30, b"\x02\x01\x03", MMS_CONTEXT, ber(0x30, ber(6, b"\x51\x01"))))
MMS_ACCEPT = data(b"\x0e" + SESSION[1:] + ber(0xA1, ber(6, b"\x28\xca\x22\x02\x03")))


def mms(pdu: bytes) -> bytes:
    """Give tokens, data transfer, user data of presentation context 3 (ISO 8823, 8.4)."""
    return data(b"\x01\x00\x01\x00" + ber(0x61, ber(0x30, b"\x02\x01\x03", ber(0xA0, pdu))))


MMS_IDENTIFY = mms(ber(0xA0, b"\x02\x01\x01", b"\x82\x00"))
MMS_IDENTITY = mms(ber(0xA1, b"\x02\x01\x01", ber(0xA2, ber(0x80, b"maker"), ber(0x81, b"model"), ber(0x82, b"1"))))

SAMPLES: tuple[tuple[str, int, bytes, bytes], ...] = (
    ("modbus", TCP, READ_REGISTERS, REGISTERS),
    ("modbus", TCP, READ_REGISTERS + WRITE_REGISTERS, ILLEGAL + WRITTEN),
    ("dnp3", TCP, DNP3_READ, DNP3_RESPONSE),
    ("dnp3", UDP, DNP3_READ, DNP3_RESPONSE),
    ("iec104", TCP, STARTDT + INTERROGATION, STARTDT_CON + INTERROGATION_CON + FLOAT),
    ("synphasor", TCP, TURN_ON, PHASORS),
    ("synphasor", UDP, TURN_ON, PHASORS),
    ("s7comm", TCP, S7_CONNECT + S7_SETUP + S7_READ, S7_CONFIRM + S7_SET_UP + S7_VALUE),
    ("s7comm", TCP, S7_LIST, S7_LISTED),
    ("s7comm-plus", TCP, S7_PLUS_CONNECT + S7_PLUS_REQUEST, S7_PLUS_CONFIRM + S7_PLUS_RESPONSE),
    ("mms", TCP, S7_CONNECT + MMS_OPEN + MMS_IDENTIFY, S7_CONFIRM + MMS_ACCEPT + MMS_IDENTITY),
    ("mms", TCP, MMS_IDENTIFY, MMS_IDENTITY),
)
"""(name, transport, the client's first bytes, the server's)"""
