"""Fields → the first bytes of controllers, drives, buildings and meters, written down from their specifications."""

import struct
from binascii import crc_hqx

from oddport.engine.columns import TCP, UDP

from .plant import ber

# EtherNet/IP --------------------------------------------------------------------------------------------------------


def enip(command: int, session: int, body: bytes = b"", status: int = 0) -> bytes:
    """Command, length, session, status, context, options (CIP volume 2, 2-3.1), all little-endian."""
    return struct.pack("<HHII8sI", command, len(body), session, status, b"context1", 0) + body


def packet(*items: tuple[int, bytes], interface: int = 0) -> bytes:
    """Interface, timeout, and items with type and length (2-6)."""
    body = b"".join(struct.pack("<HH", kind, len(item)) + item for kind, item in items)
    return struct.pack("<IHH", interface, 5, len(items)) + body


ENIP_REGISTER = enip(0x65, 0, b"\1\0\0\0")
ENIP_REGISTERED = enip(0x65, 0x12021000, b"\1\0\0\0")
ENIP_ASK = enip(0x6F, 0x12021000, packet((0, b""), (0xB2, bytes.fromhex("0e 03 2001 2401 3001"))))
ENIP_REPLY = enip(0x6F, 0x12021000, packet((0, b""), (0xB2, bytes.fromhex("8e 00 0000 0100"))))
ENIP_READ = enip(
    0x70, 0x12021000, packet((0xA1, b"\1\0\2\0"), (0xB1, b"\x07\0" + bytes.fromhex("4c 02 2072 2400 0100")))
)
ENIP_LIST = enip(0x63, 0)
ENIP_IDENTITY = enip(0x63, 0, struct.pack("<HHH", 1, 0x0C, 33) + bytes(33))
ENIP_IO = struct.pack("<HHHII", 2, 0x8002, 8, 0x004B0603, 1) + struct.pack("<HH", 0xB1, 6) + bytes(6)

# OPC UA -------------------------------------------------------------------------------------------------------------


def opc(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", 8 + len(body)) + body


def opc_string(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


OPC_URL = b"opc.tcp://plant.example:4840"
OPC_HELLO = opc(b"HELF", struct.pack("<5I", 0, 65535, 65535, 0, 0) + opc_string(OPC_URL))
OPC_ACKNOWLEDGE = opc(b"ACKF", struct.pack("<5I", 0, 65535, 65535, 0, 0))
OPC_POLICY = b"http://opcfoundation.org/UA/SecurityPolicy#None"
OPC_OPEN = opc(
    b"OPNF", struct.pack("<I", 0) + opc_string(OPC_POLICY) + b"\xff" * 8 + struct.pack("<II", 1, 1) + bytes(40)
)
OPC_MESSAGE = opc(b"MSGF", struct.pack("<4I", 4, 1, 2, 2) + bytes(60))
OPC_ERROR = opc(b"ERRF", struct.pack("<I", 0x80830000) + opc_string(b"no such endpoint"))

# ADS, HART-IP, FINS -------------------------------------------------------------------------------------------------

PLC, PANEL = bytes((5, 13, 117, 96, 1, 1)), bytes((192, 168, 1, 199, 1, 1))


def ads(target: bytes, source: bytes, command: int, flags: int, data: bytes) -> bytes:
    head = target + struct.pack("<H", 851) + source + struct.pack("<H", 32771)
    head += struct.pack("<HHIII", command, flags, len(data), 0, 3)
    return struct.pack("<HI", 0, len(head) + len(data)) + head + data


ADS_READ = ads(PLC, PANEL, 2, 4, struct.pack("<III", 0x4020, 0, 4))
ADS_VALUE = ads(PANEL, PLC, 2, 5, struct.pack("<III", 0, 4, 42))


def hart(kind: int, number: int, body: bytes, status: int = 0) -> bytes:
    return struct.pack(">BBBBHH", 1, kind, number, status, 2, 8 + len(body)) + body


def with_parity(data: bytes) -> bytes:
    parity = 0
    for byte in data:
        parity ^= byte
    return data + bytes((parity,))


HART_OPEN, HART_OPENED = hart(0, 0, b"\1\0\0\x75\x30"), hart(1, 0, b"\1\0\0\xea\x60")
HART_ASK = hart(0, 3, with_parity(bytes.fromhex("82 264e0000d2 00 00")))
HART_ANSWER = hart(1, 3, with_parity(bytes.fromhex("86 264e0000d2 00 05 0000fe264e")))


def fins(icf: int, command: int, rest: bytes, identifier: int = 0x7A) -> bytes:
    """ICF, reserved, gateways, three times network, node and unit, identifier, command (W421, 3-2)."""
    return bytes((icf, 0, 2, 0, 3, 0, 0, 99, 0, identifier)) + struct.pack(">H", command) + rest


def fins_tcp(command: int, body: bytes, error: int = 0) -> bytes:
    return b"FINS" + struct.pack(">III", 8 + len(body), command, error) + body


FINS_READ = fins(0x80, 0x0101, bytes.fromhex("82 000000 0001"))
FINS_VALUE = fins(0xC0, 0x0101, bytes.fromhex("0000 002a"))
FINS_TCP_READ = fins_tcp(0, bytes(4)) + fins_tcp(2, FINS_READ)
FINS_TCP_VALUE = fins_tcp(1, bytes((0, 0, 0, 99, 0, 0, 0, 3))) + fins_tcp(2, FINS_VALUE)

# HiSLIP, EGD, CAN ---------------------------------------------------------------------------------------------------


def hislip(kind: int, parameter: int, payload: bytes) -> bytes:
    return b"HS" + struct.pack(">BBIQ", kind, 0, parameter, len(payload)) + payload


HISLIP_OPEN, HISLIP_OPENED = hislip(0, 0x01005253, b"hislip0"), hislip(1, 0x01000001, b"")
EGD = (
    b"\x0d\x01" + struct.pack("<H4sIIIII", 7, bytes((192, 168, 8, 77)), 123, 0x387E8ABE, 740_000_000, 1, 0) + bytes(31)
)
CAN = b"ISO11898\x01\x01" + b"\0" * 16

# BACnet/IP, KNXnet/IP -----------------------------------------------------------------------------------------------


def bacnet(function: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0x81, function, 4 + len(body)) + body


READ_PROPERTY = bacnet(10, bytes.fromhex("01 04  00 05 01 0c 0c 02000001 19 4d"))
PROPERTY = bacnet(10, bytes.fromhex("01 00  30 01 0c 0c 02000001 19 4d 3e 75 05 00 50554d50 3f"))
WHO_IS = bacnet(11, bytes.fromhex("01 20 ffff 00 ff  10 08"))
I_AM = bacnet(11, bytes.fromhex("01 20 ffff 00 ff  10 00 c4 02000001 22 01e0 91 00 21 0f"))


def knx(service: int, body: bytes) -> bytes:
    return struct.pack(">BBHH", 6, 0x10, service, 6 + len(body)) + body


ENDPOINT = bytes((8, 1, 192, 168, 88, 231, 0x0E, 0x57))
KNX_CONNECT, KNX_CONNECTED = knx(0x0205, ENDPOINT * 2 + b"\4\4\2\0"), knx(0x0206, b"\x15\0" + ENDPOINT + b"\4\4\x11\1")

# Ether-S-Bus, LonTalk over IP, C12.22 -------------------------------------------------------------------------------


def sbus(attribute: int, body: bytes) -> bytes:
    head = struct.pack(">IBBHB", 11 + len(body), 1, 0, 7, attribute) + body
    return head + struct.pack(">H", crc_hqx(head, 0))


SBUS_ASK, SBUS_ANSWER = sbus(0, b"\x0a\x20"), sbus(1, b"D2M480")
CNIP = struct.pack(">HBBBBHIII", 32, 1, 1, 0, 0, 0, 0x6B8B4567, 1, 9) + bytes(12)
TITLE = ber(6, bytes.fromhex("607c86f75401160001"))
DATA = ber(0xBE, ber(0x28, ber(0x81, b"\x80\x05\x20\0\0\0\0")))
C1222_ASK = ber(0x60, ber(0xA2, TITLE), ber(0xA6, TITLE), ber(0xA8, b"\2\1\7"), DATA)
C1222_ANSWER = ber(0x60, ber(0xA2, TITLE), ber(0xA4, b"\2\1\7"), ber(0xA6, TITLE), DATA)

SAMPLES: tuple[tuple[str, int, bytes, bytes], ...] = (
    ("enip", TCP, ENIP_REGISTER + ENIP_ASK, ENIP_REGISTERED + ENIP_REPLY),
    ("enip", TCP, ENIP_ASK + ENIP_READ, ENIP_REPLY),
    ("enip", UDP, ENIP_LIST, ENIP_IDENTITY),
    ("opcua", TCP, OPC_HELLO + OPC_OPEN, OPC_ACKNOWLEDGE + OPC_OPEN + OPC_MESSAGE),
    ("ads", TCP, ADS_READ, ADS_VALUE),
    ("hart-ip", TCP, HART_OPEN + HART_ASK, HART_OPENED + HART_ANSWER),
    ("hart-ip", UDP, HART_ASK, HART_ANSWER),
    ("omron", TCP, FINS_TCP_READ, FINS_TCP_VALUE),
    ("omron", UDP, FINS_READ, FINS_VALUE),
    ("hislip", TCP, HISLIP_OPEN, HISLIP_OPENED),
    ("bacnet", UDP, READ_PROPERTY, PROPERTY),
    ("knxnet-ip", UDP, KNX_CONNECT, KNX_CONNECTED),
    ("knxnet-ip", TCP, KNX_CONNECT, KNX_CONNECTED),
    ("sbus", UDP, SBUS_ASK, SBUS_ANSWER),
    ("c1222", TCP, C1222_ASK, C1222_ANSWER),
    ("c1222", UDP, C1222_ASK, C1222_ANSWER),
)
"""(name, transport, the client's first bytes, the server's)"""
