"""The first bytes of unnamed TCP flows in columns are those of their heads, and choose what detectors look at."""

import numpy as np

from detectors.executable import may_begin_program, program
from oddport.detection.testing import flow, flows


def test_openings_are_the_first_bytes_of_unnamed_tcp_flows_by_side() -> None:
    batch = flows(
        flow("10.0.0.5:1 > 203.0.113.7:8088", orig=b"0123456789", resp=b"ab"),
        flow("10.0.0.5:2 > 203.0.113.7:8088", app="http", orig=b"GET /", resp=b"HTTP"),
        flow("10.0.0.5:3 > 203.0.113.7:8088/udp", orig=b"datagram", resp=b"datagram"),
        flow("10.0.0.5:4 > 203.0.113.7:8088"),
        flow("10.0.0.5:5 > 203.0.113.7:8088", orig=[b"01", b"23"]),
        flow("10.0.0.5:6 > 203.0.113.7:8088", orig=b"gone", gone=True),
    )
    rows, openings = batch.openings
    assert rows.tolist() == [0, 4, 5]
    assert [[side.tobytes().rstrip(b"\0") for side in both] for both in openings] == [
        [b"01234567", b"ab"],
        [b"0123", b""],
        [b"", b""],
    ]


def test_every_program_is_chosen_by_its_opening() -> None:
    pe = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0"
    programs = [
        pe, b"\x7fELF\x02\x01\x01" + bytes(60), b"\xfe\xed\xfa\xcf" + bytes(60), b"\xcf\xfa\xed\xfe" + bytes(60),
        b"#! /bin/sh\nid\n",
    ]  # fmt: skip
    staged = [len(each).to_bytes(4, "little") + each for each in programs[:-1]]
    other = [b"hello, world", b"M", bytes(80), b"\x40\0\0\0plain" + bytes(60)]
    sides = [*programs, *staged, *other]
    batch = flows(
        *(flow(f"10.0.0.5:{port} > 203.0.113.7:8088", orig=side) for port, side in enumerate(sides, 1)),
        *(flow(f"10.0.0.5:{port} > 203.0.113.7:8088", resp=side) for port, side in enumerate(sides, 1)),
    )
    rows, openings = batch.openings
    assert len(rows) == 2 * len(sides)
    wanted = np.array([bool(program(side)[0]) for side in sides] * 2)
    assert wanted.sum() == 2 * len([*programs, *staged])
    assert may_begin_program(openings)[wanted].all()
    assert not may_begin_program(openings)[~wanted].any()
