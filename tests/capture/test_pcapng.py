"""pcapng: sections, interfaces, packet blocks of all kinds, times to the nanosecond, and blocks that do not hold."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from oddport.capture import read_bytes
from tests.capture.build import FRAME, block, enhanced, interface, obsolete, option, read_data, section, simple

S = 1_000_000_000
END = option(0, b"")
STRANGE = block(0x0BAD, b"a block that nobody here knows")
NAME_RESOLUTION, STATISTICS, SECRETS = block(4, bytes(8)), block(5, bytes(12)), block(10, bytes(16))


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_packets_of_all_block_kinds_are_read_in_both_byte_orders(order: str, tmp_path: Path) -> None:
    data = section(order) + interface(order=order) + enhanced(FRAME, 5_000_007, order=order)
    data += simple(FRAME[:14], order=order) + obsolete(FRAME[:31], 6_000_000, order=order)
    data += enhanced(FRAME[:17], 7_000_000, wire=1_500, order=order)
    got = read_data(data, tmp_path)
    assert got.frames == [FRAME, FRAME[:14], FRAME[:31], FRAME[:17]]
    assert got.times == [5 * S + 7_000, 5 * S + 7_000, 6 * S, 7 * S]  # a simple packet has the time of the one before
    assert [row.wirelen for row in got.rows] == [60, 14, 31, 1_500]
    assert (got.file.format, got.file.truncated, got.file.warnings) == ("pcapng", False, [])
    for row in got.rows:
        assert read_bytes(got.file.data_path, row.offset, len(row.frame)) == row.frame


def test_other_blocks_and_options_are_skipped(tmp_path: Path) -> None:
    told = option(1, b"a comment") + END
    data = section(options=told) + STRANGE + interface(options=told) + NAME_RESOLUTION + enhanced(options=told)
    data += STATISTICS + SECRETS + enhanced(FRAME[:20]) + STRANGE
    got = read_data(data, tmp_path)
    assert got.frames == [FRAME, FRAME[:20]]
    assert got.file.warnings == []


def test_sections_have_their_own_byte_order_and_interfaces(tmp_path: Path) -> None:
    data = section("<") + interface(1, options=option(2, b"eth0")) + enhanced(ticks=1_000_000)
    data += section(">") + interface(113, options=option(2, b"any", ">"), order=">")
    data += interface(1, options=option(2, b"eth0", ">"), order=">")
    data += enhanced(FRAME[:30], 2_000_000, 0, ">") + enhanced(FRAME[:40], 3_000_000, 1, ">")
    got = read_data(data, tmp_path)
    assert [(row.link, row.interface, row.ts) for row in got.rows] == [(1, 0, S), (113, 1, 2 * S), (1, 0, 3 * S)]
    assert [(i.index, i.number, i.name, i.link) for i in got.reader.interfaces] == [
        (0, 0, "eth0", 1),
        (1, 0, "any", 113),
    ]
    assert got.file.linktypes == [1, 113]


def test_a_section_with_its_length_given_is_read_like_one_without(tmp_path: Path) -> None:
    body = interface() + enhanced()
    for length in (len(body), -1, 0, 12_345):
        assert read_data(section(length=length) + body + section() + body, tmp_path).frames == [FRAME, FRAME]


def test_interfaces_without_names_are_told_apart_by_number_and_link_type(tmp_path: Path) -> None:
    data = section() + interface(1) + interface(1) + interface(101)
    data += enhanced(number=0) + enhanced(number=1) + enhanced(number=2)
    got = read_data(data, tmp_path)
    assert [(i.number, i.name, i.link) for i in got.reader.interfaces] == [(0, None, 1), (1, None, 1), (2, None, 101)]
    assert [row.interface for row in got.rows] == [0, 1, 2]


def test_the_snap_length_cuts_simple_packets(tmp_path: Path) -> None:
    got = read_data(section() + interface(snaplen=20) + simple(FRAME[:20], wire=60) + simple(FRAME[:9]), tmp_path)
    assert [(row.frame, row.wirelen) for row in got.rows] == [(FRAME[:20], 60), (FRAME[:9], 9)]
    assert got.times == [0, 0]  # nothing came before that had a time


RESOLUTIONS = [
    # if_tsresol, if_tsoffset, ticks, ns by hand
    (0, 0, 1_600_000_000, 1_600_000_000 * S),
    (3, 0, 1_600_000_000_123, 1_600_000_000 * S + 123_000_000),
    (6, 0, 1_600_000_000_123_456, 1_600_000_000 * S + 123_456_000),
    (7, 0, 16_000_000_001_234_567, 1_600_000_000 * S + 123_456_700),
    (9, 0, 1_600_000_000_123_456_789, 1_600_000_000 * S + 123_456_789),
    (12, 0, 1_600_000_123_456_789_999, 1_600_000 * S + 123_456_789),
    (19, 0, 10_000_000_000_000_000_000 + 9_999_999_999, S),
    (20, 0, 2**64 - 1, 184_467_440),
    (28, 0, 2**64 - 1, 1),
    (29, 0, 2**64 - 1, 0),
    (127, 0, 2**64 - 1, 0),
    (0x80, 0, 1_600_000_000, 1_600_000_000 * S),
    (0x81, 0, 3, 1_500_000_000),
    (0x80 | 20, 0, (1_600_000_000 << 20) | 0x80001, 1_600_000_000 * S + 500_000_953),
    (0x80 | 30, 0, (1_600_000_000 << 30) | 1, 1_600_000_000 * S),
    (0x80 | 32, 0, (1_600_000_000 << 32) | 0xFFFFFFFF, 1_600_000_000 * S + 999_999_999),
    (0x80 | 33, 0, (1_600_000_000 << 33) | (1 << 32), 1_600_000_000 * S + 500_000_000),
    (0x80 | 63, 0, (1 << 63) | (1 << 62), 1_500_000_000),
    (0x80 | 64, 0, 1 << 63, 500_000_000),
    (0x80 | 93, 0, 2**64 - 1, 1),
    (0x80 | 94, 0, 2**64 - 1, 0),
    (0x80 | 127, 0, 2**64 - 1, 0),
    (6, 1_600_000_000, 1_500_000, 1_600_000_001_500_000_000),
    (6, -1, 500_000, -500_000_000),
    (6, -9_223_372_036, 0, -9_223_372_036 * S),
]


@pytest.mark.parametrize(("resolution", "offset", "ticks", "ns"), RESOLUTIONS)
def test_times_are_exact_in_every_resolution(resolution: int, offset: int, ticks: int, ns: int, tmp_path: Path) -> None:
    about = option(9, bytes([resolution])) + option(14, struct.pack("<q", offset)) + END
    got = read_data(section() + interface(options=about) + enhanced(ticks=ticks), tmp_path)
    assert got.times == [ns]
    assert got.file.warnings == []


@pytest.mark.parametrize(
    ("resolution", "offset", "ticks", "ns"),
    [
        (0, 0, 2**64 - 1, 2**63 - 1),
        (6, 0, 2**64 - 1, 2**63 - 1),
        (9, 0, 2**64 - 1, 2**63 - 1),
        (6, 2**63 - 1, 0, 2**63 - 1),
        (0, 2**62, 2**62 - 1, 2**63 - 1),
        (6, -(2**63), 0, -(2**63)),
        (0, -9_223_372_037, 0, -(2**63)),
    ],
)
def test_a_time_that_nanoseconds_cannot_hold_is_clamped_and_said(
    resolution: int, offset: int, ticks: int, ns: int, tmp_path: Path
) -> None:
    about = option(9, bytes([resolution])) + option(14, struct.pack("<q", offset)) + END
    head = section() + interface(options=about)
    got = read_data(head + enhanced(ticks=ticks) + enhanced(ticks=ticks), tmp_path)
    assert got.times == [ns, ns]
    [warning] = got.file.warnings
    assert f"2, the first at byte {len(head)}" in warning
    assert not got.file.truncated


@pytest.mark.peer
@pytest.mark.parametrize("resolution", [0, 3, 6, 7, 9, 0x80 | 10, 0x80 | 20, 0x80 | 32])
def test_tshark_reads_the_same_time(resolution: int, tmp_path: Path) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    unit = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    about = option(9, bytes([resolution])) + option(14, struct.pack("<q", 3_600)) + END
    ticks = 1_234_567 * unit + unit // 7
    got = read_data(section() + interface(options=about) + enhanced(ticks=ticks), tmp_path)
    said = subprocess.run(
        ["tshark", "-r", tmp_path / "something.txt", "-T", "fields", "-e", "frame.time_epoch"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    [ns] = got.times
    assert said.stdout.strip() == f"{ns // S}.{ns % S:09}"


def test_options_of_a_wrong_length_count_as_missing(tmp_path: Path) -> None:
    about = option(9, b"\x09\x09") + option(14, b"\1") + END
    got = read_data(section() + interface(options=about) + enhanced(ticks=1_000_000), tmp_path)
    assert got.times == [S]


def test_an_option_that_runs_past_its_block_counts_as_missing(tmp_path: Path) -> None:
    about = struct.pack("<HH", 9, 500) + b"\x09\0\0\0"
    got = read_data(section() + interface(options=about) + enhanced(ticks=1_000_000), tmp_path)
    assert got.times == [S]


def test_options_after_the_end_of_options_do_not_count(tmp_path: Path) -> None:
    got = read_data(section() + interface(options=END + option(9, b"\x09")) + enhanced(ticks=1_000_000), tmp_path)
    assert got.times == [S]


def test_names_of_interfaces_cannot_reach_a_terminal(tmp_path: Path) -> None:
    name = b"eth\x1b[31m\n0\xff" + b"x" * 5_000
    got = read_data(section() + interface(195, options=option(2, name)) + enhanced(), tmp_path)
    shown = got.reader.interfaces[0].name
    assert shown is not None
    assert shown.startswith("eth\\x1b[31m\\n0\ufffdxxx")
    assert len(shown) < 300
    assert all(text.isprintable() for text in [shown, *got.file.warnings])


def test_an_unknown_link_type_is_said_once_an_interface(tmp_path: Path) -> None:
    data = section() + interface(195) + interface(195) + enhanced() * 3
    got = read_data(data + data, tmp_path)
    assert [warning.split(" has ")[0] for warning in got.file.warnings] == ["Interface 0", "Interface 1"]


GOOD = section() + interface() + enhanced()
BROKEN = {
    "trailer": (block(6, bytes(20), trailer=36), "length is another at its end (36)"),
    "block too short": (block(6, b"", length=12), "a length of 12 bytes"),
    "length zero": (block(0x0BAD, b"", length=0), "a length of 0 bytes"),
    "block too long": (block(6, bytes(20), length=0xFFFFFFFC), "a length of 4,294,967,292 bytes"),
    "packet longer than its block": (enhanced(captured=61), "a packet claims 61 bytes"),
    "packet of 4 GB": (enhanced(captured=0xFFFFFFFF), "a packet claims 4,294,967,295 bytes"),
    "simple packet longer than its block": (simple(wire=61), "a packet claims 61 bytes"),
    "unknown interface": (enhanced(number=1), "interface 1"),
    "unknown interface of an obsolete packet": (obsolete(number=9), "interface 9"),
    "simple packet without interface": (section() + simple(), "interface 0"),
    "no byte-order magic": (section(mark=0x01020304), "no byte-order magic"),
    "version 2": (section(major=2), "version 2"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_block_ends_the_reading_there(name: str, tmp_path: Path) -> None:
    broken, reason = BROKEN[name]
    got = read_data(GOOD + broken + GOOD, tmp_path)
    assert len(got.rows) == 1
    assert got.file.truncated
    [warning] = got.file.warnings
    assert "Corrupt at byte " in warning
    assert reason in warning
    if name != "simple packet without interface":
        assert f"byte {len(GOOD)}:" in warning


@pytest.mark.parametrize("missing", [1, 4, 5, 60, 91])
def test_a_cut_off_file_is_read_up_to_the_cut(missing: int, tmp_path: Path) -> None:
    got = read_data((GOOD + enhanced())[:-missing], tmp_path)
    assert len(got.rows) == 1
    assert got.file.truncated
    assert f"Cut off at byte {len(GOOD)}" in got.file.warnings[0]


def test_a_length_without_its_padding_is_read_as_if_it_had_it(tmp_path: Path) -> None:
    body = struct.pack("<IIIII", 0, 0, 0, 13, 13) + FRAME[:13]
    got = read_data(section() + interface() + block(6, body, length=12 + 20 + 13) + enhanced(), tmp_path)
    assert got.frames == [FRAME[:13], FRAME]


def test_more_interfaces_than_a_section_may_have_end_the_reading(tmp_path: Path) -> None:
    got = read_data(section() + enhanced()[:0] + interface() * 65_537 + enhanced(), tmp_path)
    assert got.rows == []
    assert "more than 65,536 interfaces" in got.file.warnings[-1]
    assert len(got.reader.interfaces) == 65_536
    assert got.reader.interfaces[-1].name == "(further interfaces)"


def test_a_flood_of_warnings_is_bounded_and_said_to_be(tmp_path: Path) -> None:
    got = read_data(section() + interface(195) * 1_000 + enhanced(), tmp_path)
    assert len(got.file.warnings) == 51
    assert "more than 50 warnings" in got.file.warnings[-1]
    assert len(got.rows) == 1


def test_first_bytes_of_a_section_without_magic_are_no_capture(tmp_path: Path) -> None:
    got = read_data(section(mark=0x11223344), tmp_path)
    assert got.file.format == ""
    assert "no capture" in got.file.warnings[0]
