"""The checksum of a reassembled UDP datagram is right where RFC 768 has it so, whichever way the train went."""

import random
import struct
from ipaddress import ip_address

import numpy as np
import pytest

from oddport.detection.udp_checksum import checked
from oddport.engine.batch import Decoded
from oddport.engine.decode import decode
from oddport.engine.fragments import FragmentTable
from oddport.engine.trains import TrainBatch
from tests.engine.wire import A4, A6, B4, B6, batch_of, piece4, piece6


def ones_sum(data: bytes) -> int:
    """RFC 1071, a word at a time."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def datagram(body: bytes, version: int, wrong: bool = False) -> bytes:
    """A UDP datagram with its checksum (RFC 768; RFC 8200, section 8.1), or another one."""
    ends = (A4, B4) if version == 4 else (A6, B6)
    length = 8 + len(body)
    header = struct.pack(">HHH", 1000, 2000, length)
    pseudo = b"".join(ip_address(each).packed for each in ends) + struct.pack(">II", length, 17)
    value = ~ones_sum(pseudo + header + b"\0\0" + body) & 0xFFFF or 0xFFFF
    return header + struct.pack(">H", (value ^ 0x0101) or 0x0101 if wrong else value) + body


def batches(trains: list[list[bytes]], size: int) -> list[TrainBatch]:
    frames = [frame for train in trains for frame in train]
    table, out, found = FragmentTable(), Decoded(), []
    for first in range(0, len(frames), size):
        batch = batch_of(frames[first : first + size], first=first)
        decode(batch, out)
        table.take(batch, out, first)
        found.append(table.closed())
    return [*found, table.finish()]


@pytest.mark.parametrize("size", [10_000, 3])
@pytest.mark.parametrize("version", [4, 6])
def test_right_and_wrong_checksums_are_told_apart(version: int, size: int) -> None:
    draw = random.Random(768)
    make, expected, trains = piece4 if version == 4 else piece6, {}, []
    for ident in range(1, 301):
        wrong = draw.random() < 0.3
        data = datagram(draw.randbytes(draw.randrange(300, 3_000)), version, wrong)
        step = draw.choice((256, 520, 1_232))
        frames = [
            make(data[at : at + step], at, at + step < len(data), ident=ident) for at in range(0, len(data), step)
        ]
        if draw.random() < 0.3:
            frames.reverse()
        if len(frames) > 1:
            expected[ident] = wrong
            trains.append(frames)
    told: dict[int, bool] = {}
    for batch in batches(trains, size):
        rows, wrongs = checked(batch)
        told.update(zip(batch.trains["ip_id"][rows].tolist(), wrongs.tolist(), strict=True))
    assert told == expected


def test_no_checksum_is_no_wrong_one_and_other_trains_are_not_looked_at() -> None:
    bare = struct.pack(">HHHH", 1, 2, 1_000, 0) + b"\xff" * 992
    trains = [
        [piece4(bare[:504], 0, True, ident=1), piece4(bare[504:], 504, False, ident=1)],
        [piece4(bare[:504], 0, True, ident=2)],
        [piece4(bare[:504], 0, True, ident=3, proto=6), piece4(bare[504:], 504, False, ident=3, proto=6)],
    ]
    (_, batch) = batches(trains, 100)
    rows, wrong = checked(batch)
    assert batch.trains["ip_id"][rows].tolist() == [1]
    assert not np.any(wrong)
