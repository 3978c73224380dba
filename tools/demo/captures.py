"""Frames with their times ↔ capture files: the pcap that tcpdump writes, the pcapng that a demo is."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SECOND = 10**9
ETHERNET = 1
"""LINKTYPE_ETHERNET"""
SNAPLEN = 262_144
"""What tcpdump sets."""
PCAP_NS = 0xA1B23C4D
"""Magic of a pcap with nanoseconds."""
SHB, IDB, EPB = 0x0A0D0D0A, 1, 6
"""Block types of pcapng: section header, interface description, enhanced packet."""
COMMENT, IF_NAME, IF_TSRESOL = 1, 2, 9
"""Option codes of pcapng."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame on the cable."""

    ns: int
    """Since the epoch; in a scene that is drawn, since its beginning."""
    data: bytes


def read_pcap(path: Path) -> list[Frame]:
    """Frames of a little-endian pcap with nanoseconds, whole packets. Raises ValueError for anything else."""
    data = path.read_bytes()
    if len(data) < 24 or struct.unpack_from("<I", data)[0] != PCAP_NS:
        raise ValueError(f"{path} is no pcap with nanoseconds, as the recorder makes it.")
    found, at = [], 24
    while at < len(data):
        if at + 16 > len(data):
            raise ValueError(f"{path} ends within the header of a packet, at byte {at}.")
        seconds, ns, kept, whole = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16 : at + 16 + kept]
        if kept != whole or len(frame) != kept:
            raise ValueError(f"{path} holds a packet that is not whole, at byte {at}.")
        found.append(Frame(seconds * SECOND + ns, frame))
        at += 16 + kept
    return found


def merge(*parts: Iterable[Frame]) -> list[Frame]:
    """All frames in order of time; of equal times, those of the earlier part first."""
    return sorted((frame for part in parts for frame in part), key=lambda frame: frame.ns)


def moved(frames: Iterable[Frame], ns: int) -> list[Frame]:
    """The frames, later by `ns`."""
    return [Frame(frame.ns + ns, frame.data) for frame in frames]


def write_pcap(path: Path, frames: Sequence[Frame]) -> None:
    """A pcap with nanoseconds."""
    parts = [struct.pack("<IHHiIII", PCAP_NS, 2, 4, 0, 0, SNAPLEN, ETHERNET)]
    for frame in frames:
        size = len(frame.data)
        parts.append(struct.pack("<IIII", frame.ns // SECOND, frame.ns % SECOND, size, size) + frame.data)
    path.write_bytes(b"".join(parts))


def write_pcapng(path: Path, frames: Sequence[Frame], interface: str, comment: str) -> None:
    """A pcapng of one section and one interface, with nanoseconds (draft-ietf-opsawg-pcapng, section 4)."""
    header = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _options((COMMENT, comment.encode()))
    port = struct.pack("<HHI", ETHERNET, 0, SNAPLEN) + _options((IF_NAME, interface.encode()), (IF_TSRESOL, b"\x09"))
    parts = [_block(SHB, header), _block(IDB, port)]
    for frame in frames:
        size = len(frame.data)
        place = struct.pack("<IIIII", 0, frame.ns >> 32, frame.ns & 0xFFFFFFFF, size, size)
        parts.append(_block(EPB, place + _padded(frame.data)))
    path.write_bytes(b"".join(parts))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(*options: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", code, len(data)) + _padded(data) for code, data in options) + bytes(4)


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size
