"""A filter over packets holds for those for which its words hold, whether they are the packet's or its flow's."""

from pathlib import Path

import numpy as np
import pytest

from oddport.case.errors import FilterError
from oddport.case.packet_filter import PacketFilter, packet_values, packet_words
from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter
from oddport.engine.columns import ACK, BLOCK, FLOW, INNER_PACKET, PACKET_FRAGMENT, PACKET_UNREAD, SYN
from tests.case.build import START, File, Interface, packed, packets, put_flows

COUNT = BLOCK + 10
"""Packet i belongs to flow i % 3 (0 = none), is i % 1,500 bytes long, and comes i µs after START."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    case = tmp_path_factory.mktemp("filter") / "a.oddport"
    index = np.arange(COUNT)
    with CaseWriter.create(case) as writer:
        writer.begin_load(1)
        writer.put_files([File()], [Interface()])
        rows = np.zeros(3, FLOW)
        rows["id"], rows["version"], rows["proto"] = (1, 2, 3), 4, 6
        rows["src"], rows["dst"] = packed("10.0.0.1"), [packed("192.0.2.1"), packed("192.0.2.2"), packed("192.0.2.3")]
        rows["sport"], rows["dport"] = 40_000, (443, 8088, 8088)
        put_flows(writer, rows, ["tls", "ssh", None], np.zeros(3), np.zeros(3), rows["dport"])
        for first in (0, BLOCK):
            part = slice(first, min(first + BLOCK, COUNT))
            count = part.stop - first
            columns = packets(
                count,
                flow=index[part] % 3,
                ts=START + index[part] * 1_000,
                caplen=np.minimum(index[part] % 1_500, 96),
                wirelen=index[part] % 1_500,
                flags=np.where(index[part] % 3 == 1, SYN | (index[part] % 2) * ACK, 0),
                info=np.where(index[part] % 3 == 0, PACKET_UNREAD, 0) | np.where(index[part] == 2, PACKET_FRAGMENT, 0),
            )
            columns["inner"] = np.zeros(1, INNER_PACKET)
            columns["inner"]["row"], columns["inner"]["flow"] = 4, 3  # packet 4 of each block carries one of flow 3
            writer.put_packets(columns, first, count, {0: first + 1})
        writer.finish_load()
    return case


def listed(path: Path, text: str) -> list[int]:
    """0-based numbers of the packets that a filter leaves."""
    with CaseReader.open(path) as reader, reader._pool.use() as connection:
        test = PacketFilter(text).ask(connection)
        return [
            block * BLOCK + int(row)
            for block in range(len(reader.packet_counts()))
            for row in reader.packets_that_meet(block, test)
        ]


ALL = range(COUNT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("frame.len >= 1498", [i for i in ALL if i % 1_500 >= 1_498]),
        ("frame.number in {1, 65536..65538}", [0, 65_535, 65_536, 65_537]),
        ("frame.cap_len == 96 and frame.number < 100", [96, 97, 98]),
        ("frame.time < 2024-05-06T12:53:20.000003", [0, 1, 2]),
        ("tcp.flags.syn and not tcp.flags.ack", [i for i in ALL if i % 3 == 1 and i % 2 == 0]),
        ("tcp.flags.syn == 1 and tcp.flags.ack != 1", [i for i in ALL if i % 3 == 1 and i % 2 == 0]),
        ("fragment", [2]),
        ("malformed", list(range(0, COUNT, 3))),
        ("tls", [i for i in ALL if i % 3 == 1]),
        ("app == tls and frame.number <= 10", [1, 4, 7]),
        ("(ssh or malformed) and frame.number < 5", [0, 2, 3]),
        ("frame.len in {}", []),
    ],
)
def test_packets_are_found_by_their_own_words_and_by_those_of_their_flow(
    path: Path, text: str, expected: list[int]
) -> None:
    assert listed(path, text) == expected


def test_a_packet_without_a_flow_meets_no_comparison_with_one_and_every_not(path: Path) -> None:
    assert listed(path, "app != tls and frame.number <= 6") == [2, 4, 5]  # 4 carries a packet of flow 3
    assert listed(path, "not app == tls and frame.number <= 6") == [0, 2, 3, 5]


def test_a_packet_in_a_tunnel_is_found_by_its_own_flow(path: Path) -> None:
    assert listed(path, "flow == 3") == [4, BLOCK + 4]


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("frame.len", 0, "is compared with something"),
        ("frame.len contains 5", 10, "is not compared with contains"),
        ("frame.len > many", 12, "is not a number"),
        ("tls and tcp.flags.syn == maybe", 25, "none of true, false"),
        ("frame.size == 5", 0, "is not a name"),
        ("tls and payload contains abc", 8, "Bytes are not searched"),
        ('not payload matches "a+"', 4, "Bytes are not searched"),
        (" or ".join(["fragment"] * 201), 2400, "more than 200 conditions"),
        (" or ".join(["tls"] * 201), 1400, "more than 200 conditions"),
        (f"frame.len in {{{', '.join(['1'] * 201)}}}", 614, "more than 200 values"),
    ],
)
def test_what_is_not_understood_is_said_with_its_column(text: str, column: int, said: str) -> None:
    with pytest.raises(FilterError, match=said) as caught:
        PacketFilter(text)
    assert caught.value.column == column


def test_all_words_are_offered_those_of_packets_too() -> None:
    names = [name for name, _, _ in packet_words()]
    assert names == sorted(set(names))
    assert {"frame.len", "tcp.flags.syn", "app", "ip.addr"} <= set(names)
    assert packet_values("fragment") == ("true", "false")
    assert "tcp" in packet_values("proto")


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("frame.number == 65537", [1]),
        ("frame.number <= 3 or frame.number == 2", [0]),
        ("frame.number > 65536 and tls", [1]),
        ("frame.number > 65536 and frame.number < 9", []),
        ("app == irc", []),
        ("not frame.number == 1", [0, 1]),
        ("frame.len > 5", [0, 1]),
    ],
)
def test_blocks_in_which_nothing_can_be_are_not_looked_at(path: Path, text: str, blocks: list[int]) -> None:
    with CaseReader.open(path) as reader, reader._pool.use() as connection:
        test = PacketFilter(text).ask(connection)
        assert [block for block in (0, 1) if test.may_meet(block * BLOCK, BLOCK)] == blocks


def test_counts_are_by_number_of_block_also_where_the_oldest_were_forgotten(tmp_path: Path) -> None:
    with CaseWriter.create(tmp_path / "a.oddport") as writer:
        writer.begin_load(1)
        for first in (0, BLOCK):
            writer.put_packets(packets(BLOCK, ts=START), first, BLOCK, {0: first + 1})
        writer.keep_within(0)
    with CaseReader.open(tmp_path / "a.oddport") as reader:
        assert reader.packet_counts() == [0, BLOCK]
