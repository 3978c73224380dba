"""Packets of a case → a pcapng file with the bytes, times and interfaces that they had (draft-ietf-opsawg-pcapng).

The packets come in the order of the capture, whichever of the chosen flows they belong to. The captures are only read.
"""

import struct
from collections.abc import Callable, Sequence
from typing import BinaryIO

from oddport.case.model import PacketRow
from oddport.case.reader import CaseReader

PACKETS_AT_ONCE = 512
SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
BYTE_ORDER = 0x1A2B3C4D
NANOSECONDS = 9
"""if_tsresol: 10^-9 seconds a unit."""
_IF_TSRESOL, _HARDWARE_END = 9, 0


def write_pcapng(reader: CaseReader, flows: Sequence[int], out: BinaryIO, wanted: Callable[[], bool]) -> int:
    """Writes the packets of these flows while it is wanted; returns how many.

    Raises CaseError, CaptureMoved among them, where they cannot be read, OSError where they cannot be written.
    """
    out.write(_block(SECTION, struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1)))
    interfaces: dict[tuple[int, int, int], int] = {}
    written = 0
    for page in reader.packets_of_flows(flows, PACKETS_AT_ONCE):
        if not wanted():
            break
        for packet, frame in zip(page, reader.frames(page), strict=True):
            key = (packet.file, packet.interface, max(packet.link, 0))
            if key not in interfaces:
                interfaces[key] = len(interfaces)
                options = struct.pack("<HHB3xHH", _IF_TSRESOL, 1, NANOSECONDS, _HARDWARE_END, 0)
                out.write(_block(INTERFACE, struct.pack("<HHI", key[2], 0, 0) + options))
            out.write(_packet(interfaces[key], packet, frame))
            written += 1
    return written


def _packet(interface: int, packet: PacketRow, frame: bytes) -> bytes:
    ts = max(packet.ts, 0)
    head = struct.pack("<IIIII", interface, ts >> 32, ts & 0xFFFFFFFF, len(frame), packet.wirelen)
    return _block(PACKET, head + frame + bytes(-len(frame) % 4))


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length
