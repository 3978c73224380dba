"""Packets → capture files, byte by byte."""

import struct
from collections.abc import Sequence
from pathlib import Path

from tests.engine.packets import ACK, FIN, PSH, SYN, tcp, udp

SECOND = 1_000_000_000


def pcap(frames: Sequence[bytes], times: Sequence[int] | None = None, link: int = 1) -> bytes:
    """A classic little-endian capture with nanoseconds; a frame a second unless `times` (ns) say otherwise."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link)]
    for i, frame in enumerate(frames):
        ns = times[i] if times is not None else i * SECOND
        out.append(struct.pack("<IIII", ns // SECOND, ns % SECOND, len(frame), len(frame)) + frame)
    return b"".join(out)


def write_pcap(path: Path, frames: Sequence[bytes], times: Sequence[int] | None = None, link: int = 1) -> Path:
    """The same, in a file."""
    path.write_bytes(pcap(frames, times, link))
    return path


def conversation(
    turns: Sequence[tuple[str, bytes]],
    client: str = "10.0.0.1",
    sport: int = 40000,
    server: str = "203.0.113.9",
    port: int = 41414,
) -> list[bytes]:
    """A TCP connection with its handshake and end; `turns` are ("c" or "s", bytes)."""
    at = {"c": 1000, "s": 5000}
    ends = {"c": (client, sport, server, port), "s": (server, port, client, sport)}

    def frame(side: str, flags: int, data: bytes = b"") -> bytes:
        other = "s" if side == "c" else "c"
        made = tcp(*ends[side], flags, at[side], at[other], data)
        at[side] += len(data) + bool(flags & (SYN | FIN))
        return made

    frames = [frame("c", SYN), frame("s", SYN | ACK), frame("c", ACK)]
    frames += [frame(side, PSH | ACK, data) for side, data in turns]
    return [*frames, frame("c", FIN | ACK), frame("s", FIN | ACK), frame("c", ACK)]


SSH_TURNS = [("s", b"SSH-2.0-OpenSSH_9.6\r\n"), ("c", b"SSH-2.0-OpenSSH_9.7\r\n")]
HTTP_TURNS = [
    ("c", b"GET /beacon HTTP/1.1\r\nHost: files.example\r\nUser-Agent: test\r\n\r\n"),
    ("s", b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 2\r\n\r\nok"),
]


def dns_question(name: bytes = b"\x07example\x03com\x00", number: int = 7) -> bytes:
    """A question for an A record."""
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1)


def dns_answer(name: bytes = b"\x07example\x03com\x00", number: int = 7) -> bytes:
    """Its answer: 192.0.2.1."""
    head = struct.pack(">HHHHHH", number, 0x8180, 1, 1, 0, 0) + name + struct.pack(">HH", 1, 1)
    return head + b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 1])


def dns_over(port: int, client: str = "10.0.0.1", server: str = "203.0.113.53", sport: int = 50000) -> list[bytes]:
    """A question and its answer over UDP."""
    return [udp(client, sport, server, port, dns_question()), udp(server, port, client, sport, dns_answer())]
