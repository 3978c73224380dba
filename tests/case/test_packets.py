"""Pages of packets are what a plain look through all packets gives, wherever the blocks of a flow lie."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter
from oddport.engine.columns import BLOCK, FLOW
from tests.case.build import File, Interface, flows, make_case, packets, put_flows

COUNT = 3 * BLOCK + 1_000
FLOWS = 5_000


class Spread:
    """A capture of two files in turn: flow 1 beacons through all of it, the others last 40 packets each."""

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        index = np.arange(COUNT)
        self.flow = 2 + np.minimum(index // 40, FLOWS - 2)
        self.flow[::500] = 1
        self.file = (rng.random(COUNT) < 0.3).astype(np.uint16)
        self.number = np.where(self.file == 0, np.cumsum(self.file == 0), np.cumsum(self.file == 1))

    def rows_of(self, flow: int) -> list[int]:
        return [int(i) for i in np.flatnonzero(self.flow == flow)]


@pytest.fixture(scope="module")
def spread() -> Spread:
    return Spread()


@pytest.fixture(scope="module")
def path(spread: Spread, tmp_path_factory: pytest.TempPathFactory) -> Path:
    case = tmp_path_factory.mktemp("spread") / "a.oddport"
    with CaseWriter.create(case) as writer:
        writer.begin_load(1)
        writer.put_files([File(0), File(1, "/captures/b.pcap")], [Interface(0, link=1), Interface(1, file=1, link=113)])
        rows = np.zeros(FLOWS, FLOW)
        rows["id"] = np.arange(FLOWS) + 1
        rows["version"] = 4
        for flow, first in zip(*np.unique(spread.flow, return_index=True), strict=True):
            rows["first_packet"][flow - 1] = first
        half = FLOWS // 2  # some flows are put before their packets, some after
        none: list[Any] = [None] * half
        put_flows(writer, rows[:half], none, np.zeros(half), np.zeros(half), np.zeros(half))
        for first in range(0, COUNT, BLOCK):
            count = min(BLOCK, COUNT - first)
            part = slice(first, first + count)
            numbers = {
                int(file): int(spread.number[part][spread.file[part] == file][0])
                for file in np.unique(spread.file[part])
            }
            columns = packets(
                count,
                flow=spread.flow[part],
                file=spread.file[part],
                interface=spread.file[part],
                ts=1_000 + np.arange(first, first + count) * 10,
                offset=24 + np.arange(first, first + count) * 100,
                caplen=60,
                wirelen=1_514,
                flags=np.arange(count) % 64,
                info=np.arange(count) % 32,
            )
            if count > 500:
                writer.put_packets(columns, first, 500, numbers)  # as it was when half full
            writer.put_packets(columns, first, count, numbers)
        put_flows(writer, rows[half:], none, np.zeros(half), np.zeros(half), np.zeros(half))
        writer.finish_load()
    return case


def test_every_page_of_a_beacon_is_found(path: Path, spread: Spread) -> None:
    expected = spread.rows_of(1)
    assert len(expected) == 396  # 197,608 packets, each 500th of them
    with CaseReader.open(path) as reader:
        assert reader.packet_count_of_flow(1) == 396
        for offset, limit in ((0, 50), (100, 50), (130, 3), (131, 200), (390, 50), (396, 10), (0, 1_000), (5, 0)):
            found = reader.packets_of_flow(1, offset, limit)
            assert [each.packet for each in found] == expected[offset : offset + limit]


def test_every_flow_has_its_packets_and_no_others(path: Path, spread: Spread) -> None:
    with CaseReader.open(path) as reader:
        for flow in range(2, FLOWS, 97):
            expected = spread.rows_of(flow)
            found = reader.packets_of_flow(flow, 0, 100_000)
            assert [each.packet for each in found] == expected
            assert reader.packet_count_of_flow(flow) == len(expected)
            assert [reader.place_in_flow(each) for each in found[:3]] == [0, 1, 2][: len(found)]
        assert reader.packets_of_flow(FLOWS + 10) == []
        assert reader.packet_count_of_flow(FLOWS + 10) == 0


def test_the_place_of_a_packet_is_the_offset_that_begins_with_it(path: Path) -> None:
    with CaseReader.open(path) as reader:
        for offset in (0, 1, 131, 132, 263, 395):
            (packet,) = reader.packets_of_flow(1, offset, 1)
            assert reader.place_in_flow(packet) == offset


def test_packets_are_numbered_in_their_own_file(path: Path, spread: Spread) -> None:
    with CaseReader.open(path) as reader:
        for i in (0, 1, 2, BLOCK - 1, BLOCK, 2 * BLOCK + 17, COUNT - 1):
            packet = reader.packet(i)
            assert packet is not None
            assert (packet.file, packet.number) == (spread.file[i], spread.number[i])
            assert (packet.link, packet.interface) == ((1, 0) if spread.file[i] == 0 else (113, 1))
            assert (packet.ts, packet.offset, packet.caplen, packet.wirelen) == (
                1_000 + i * 10,
                24 + i * 100,
                60,
                1_514,
            )
            assert reader.packet_of_file(packet.file, packet.number) == packet
        assert reader.packet(COUNT) is None
        assert reader.packet(-1) is None
        assert reader.packet_of_file(0, 0) is None
        assert reader.packet_of_file(0, int(spread.number[spread.file == 0][-1]) + 1) is None
        assert reader.packet_of_file(7, 1) is None


def test_the_bits_of_a_packet_are_words(path: Path) -> None:
    with CaseReader.open(path) as reader:
        packet = reader.packet(21)  # info 21 = 16 + 4 + 1
        assert packet is not None
        assert (packet.payload, packet.repeat, packet.unread, packet.fragment, packet.back) == (
            True,
            False,
            True,
            False,
            True,
        )
        assert packet.flags == 21


def test_memory_for_blocks_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from oddport.case import packets as module

    monkeypatch.setattr(module, "BLOCKS_KEPT", 2)
    with CaseReader.open(path) as reader:
        assert len(reader.packets_of_flow(1, 0, 1_000)) == 396
        assert reader._packets is not None
        assert len(reader._packets._blocks) == 2
        assert len(reader.packets_of_flow(1, 0, 1_000)) == 396


def test_a_flow_whose_fragments_stand_before_its_first_packet_shows_them(tmp_path: Path) -> None:
    """The ids of early fragments are written with block 0, the flow begins in block 1 by what it says itself."""
    path = tmp_path / "a.oddport"

    def ids(*numbers: int) -> NDArray[Any]:
        return np.array(numbers, np.uint32)

    with CaseWriter.create(path) as writer:
        writer.begin_load(1)
        whole = np.ones(BLOCK, np.uint32)
        whole[-1] = 2
        writer.put_packets(packets(BLOCK, flow=whole), 0, BLOCK, {0: 1})
        writer.put_packets(packets(2, flow=ids(2, 2)), BLOCK, 2, {0: BLOCK + 1})
        two = flows({"src": "10.0.0.1"}, {"src": "10.0.0.2", "first_packet": BLOCK})
        put_flows(writer, two, [None] * 2, [0] * 2, [0] * 2, [0] * 2)
    with CaseReader.open(path) as reader:
        assert [each.packet for each in reader.packets_of_flow(2)] == [BLOCK - 1, BLOCK, BLOCK + 1]
        assert reader.packet_count_of_flow(2) == 3


def test_an_interface_that_the_case_does_not_know_has_no_link_type(tmp_path: Path) -> None:
    path = make_case(tmp_path / "a.oddport")
    with CaseWriter.resume(path) as writer:
        writer._db.one("DELETE FROM interface")
    with CaseReader.open(path) as reader:
        packet = reader.packet(0)
        assert packet is not None
        assert packet.link == -1


def test_a_block_that_is_not_written_yet_has_no_packets(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as writer, CaseReader.open(path) as reader:
        writer.begin_load(1)
        put_flows(writer, flows({"src": "10.0.0.1"}), [None], [0], [0], [0], open=True)
        assert reader.packets_of_flow(1) == []
        assert reader.packet_count_of_flow(1) == 0
