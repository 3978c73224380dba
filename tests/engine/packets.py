"""Frames written by hand → RecordBatch, and what the engine makes of them."""

import struct
from collections.abc import Sequence

import numpy as np

from oddport.engine.batch import Decoded, RecordBatch
from oddport.engine.columns import packet_arrays
from oddport.engine.decode import decode
from oddport.engine.flows import FlowTable
from oddport.engine.heads import Head
from oddport.engine.summary import flow_records

SECOND = 1_000_000_000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
NOTHING = np.zeros(1, np.uint8)


def address(text: str) -> bytes:
    """Dotted decimal → 4 bytes."""
    return bytes(int(part) for part in text.split("."))


def ipv4(src: str, dst: str, proto: int, body: bytes, identification: int = 1) -> bytes:
    """An Ethernet frame with an IPv4 packet."""
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), identification, 0, 64, proto, 0)
    return b"\2" * 6 + b"\4" * 6 + b"\x08\x00" + header + address(src) + address(dst) + body


def tcp(
    src: str, sport: int, dst: str, dport: int, flags: int = ACK, seq: int = 0, ack: int = 0, data: bytes = b""
) -> bytes:
    """A frame with a TCP segment."""
    body = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 8192, 0, 0)
    return ipv4(src, dst, 6, body + data)


def udp(src: str, sport: int, dst: str, dport: int, data: bytes) -> bytes:
    """A frame with a UDP datagram."""
    return ipv4(src, dst, 17, struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data)


def batch_of(frames: Sequence[bytes], times: Sequence[int] | None = None, first: int = 0) -> RecordBatch:
    """Ethernet frames as one batch; a frame a second unless `times` (ns) say otherwise."""
    batch = RecordBatch()
    batch.count = len(frames)
    batch.data = np.frombuffer(b"".join(frames) or b"\0", np.uint8)
    at = 0
    for i, frame in enumerate(frames):
        batch.start[i], batch.caplen[i], batch.wirelen[i] = at, len(frame), len(frame)
        batch.ts[i] = times[i] if times is not None else (first + i) * SECOND
        batch.number[i], batch.link[i] = first + i + 1, 1
        at += len(frame)
    return batch


class Bench:
    """A flow table that is fed frames."""

    def __init__(self, **settings: int) -> None:
        self.table = FlowTable(**settings)
        self.fed = 0
        self.flow: list[int] = []
        self.info: list[int] = []
        self._heads: list[Head] = []

    def feed(self, frames: Sequence[bytes], times: Sequence[int] | None = None) -> "Bench":
        """Frames in order of arrival."""
        batch, decoded = batch_of(frames, times, self.fed), Decoded()
        decode(batch, decoded)
        columns = packet_arrays(max(1, len(frames)))
        self.table.feed(batch, decoded, NOTHING, columns, self.fed)
        self.fed += len(frames)
        self.flow += columns["flow"].tolist()
        self.info += columns["info"].tolist()
        return self

    def end(self) -> np.ndarray:
        """All flows by id, after the end of the capture."""
        self.table.end_all()
        return self.over()

    def over(self) -> np.ndarray:
        """The flows that are over, by id."""
        parts, heads = [], []
        whole = False
        while not whole:
            taken = self.table.take()
            parts.append(flow_records(taken.over_rows))
            heads += [taken.first.head(task) if task >= 0 else Head(0) for task in taken.over_tasks().tolist()]
            whole = taken.whole
        records = np.concatenate(parts)
        order = np.argsort(records["id"])
        self._heads = [heads[at] for at in order.tolist()]
        return records[order]

    def heads(self) -> list[Head]:
        """First bytes of the flows that were over at the last look, by id."""
        return self._heads
