"""IP packets and frames written by hand → RecordBatch, for the tests of decoding and of fragments."""

import struct
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

import numpy as np

from oddport.engine.batch import Decoded, RecordBatch
from oddport.engine.decode import decode

SECOND = 1_000_000_000
A4, B4 = "10.0.0.1", "10.0.0.2"
A6, B6 = "2001:db8::1", "2001:db8::2"
ETHERNET, RAW = 1, 101


def udp(data: bytes = b"hello", sport: int = 1111, dport: int = 2222, length: int | None = None) -> bytes:
    """UDP header and data."""
    return struct.pack(">HHHH", sport, dport, 8 + len(data) if length is None else length, 0) + data


def tcp(data: bytes = b"", sport: int = 1111, dport: int = 2222, options: bytes = b"", flags: int = 0x18) -> bytes:
    """TCP header with `options` (a multiple of 4 bytes) and data; seq 0x01020304, ack 0xF0E0D0C0."""
    size = (20 + len(options)) // 4
    return (
        struct.pack(">HHIIBBHHH", sport, dport, 0x01020304, 0xF0E0D0C0, size << 4, flags, 8192, 0, 0) + options + data
    )


def ip4(
    body: bytes, proto: int = 17, *, src: str = A4, dst: str = B4, ident: int = 1, word: int = 0, options: bytes = b"",
    total: int | None = None, ttl: int = 64,
) -> bytes:  # fmt: skip
    """IPv4 packet; `word` is the field of flags and fragment offset."""
    size = 20 + len(options)
    length = size + len(body) if total is None else total
    ends = IPv4Address(src).packed + IPv4Address(dst).packed
    return struct.pack(">BBHHHBBH", 0x40 | size // 4, 0, length, ident, word, ttl, proto, 0) + ends + options + body


def ip6(
    body: bytes, proto: int = 17, *, src: str = A6, dst: str = B6, length: int | None = None, hops: int = 64
) -> bytes:
    """IPv6 packet."""
    size = len(body) if length is None else length
    return (
        struct.pack(">IHBB", 0x60000000, size, proto, hops) + IPv6Address(src).packed + IPv6Address(dst).packed + body
    )


def piece4(
    data: bytes, offset: int, more: bool, *, ident: int = 7, proto: int = 17, ttl: int = 64, bits: int = 0,
    src: str = A4, dst: str = B4, options: bytes = b"",
) -> bytes:  # fmt: skip
    """IPv4 fragment; `bits` are added to its flags (4 reserved, 2 don't fragment)."""
    word = (bits | more) << 13 | offset // 8
    return ip4(data, proto, src=src, dst=dst, ident=ident, word=word, ttl=ttl, options=options)


def piece6(
    data: bytes, offset: int, more: bool, *, ident: int = 7, proto: int = 17, odd: int = 0, before: bytes = b"",
    before_proto: int = 0, hops: int = 64,
) -> bytes:  # fmt: skip
    """IPv6 fragment; `odd` goes into the reserved byte, `before` are extension headers, the first of `before_proto`."""
    header = struct.pack(">BBHI", proto, odd, offset | more, ident)
    return ip6(before + header + data, before_proto if before else 44, hops=hops)


def ethernet(packet: bytes, kind: int | None = None, between: bytes = b"") -> bytes:
    """Ethernet frame; `between` are the bytes after the addresses that come before the packet's ethertype."""
    if kind is None:
        kind = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    return b"\x02\0\0\0\0\x01" + b"\x02\0\0\0\0\x02" + between + struct.pack(">H", kind) + packet


def batch_of(
    frames: Sequence[bytes], link: int = RAW, *, times: Sequence[int] | None = None, wire: Sequence[int] | None = None,
    first: int = 0, interface: int = 0,
) -> RecordBatch:  # fmt: skip
    """Frames → RecordBatch, a microsecond apart unless `times` (ns) says otherwise; `wire`: lengths on the wire."""
    batch = RecordBatch()
    batch.count = len(frames)
    batch.data = np.frombuffer(b"".join(frames), np.uint8)
    position = 0
    for i, frame in enumerate(frames):
        batch.start[i] = position
        batch.offset[i] = position
        batch.caplen[i] = len(frame)
        batch.wirelen[i] = len(frame) if wire is None else wire[i]
        batch.ts[i] = (first + i) * 1000 if times is None else times[i]
        batch.number[i] = first + i + 1
        batch.link[i] = link
        batch.interface[i] = interface
        position += len(frame)
    return batch


def decoded(*frames: bytes, link: int = RAW, wire: Sequence[int] | None = None) -> tuple[RecordBatch, Decoded]:
    """The frames' batch and what decode makes of it; every column was full of sevens before."""
    batch = batch_of(frames, link, wire=wire)
    out = Decoded()
    for name in Decoded.__slots__:
        getattr(out, name)[:] = 7
    decode(batch, out)
    return batch, out


def payload(batch: RecordBatch, out: Decoded, row: int = 0) -> bytes:
    """The captured payload of a row that is not reassembled."""
    start = int(out.payload[row])
    return batch.data[start : start + int(out.payload_captured[row])].tobytes()
