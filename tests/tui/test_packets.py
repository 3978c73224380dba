"""All packets of a case in one list: found by number and filter, opened and come back from, with a flow or without."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter
from oddport.engine.columns import BLOCK
from tests.captures import HTTP_TURNS, SSH_TURNS, conversation, write_pcap
from tests.case.build import packets
from tests.tui.cases import START, File, Flow, Port, branch_office, put_flows
from tests.tui.test_dashboard import Desk, desk_of, until
from tui.app import start_load
from tui.screens.flow import FlowScreen
from tui.screens.packet import PacketScreen
from tui.screens.packets import PacketsScreen
from tui.screens.stream import StreamScreen

if TYPE_CHECKING:
    from pathlib import Path

ARP = bytes.fromhex("ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002")
"""Who has 10.0.0.2? (RFC 826) From no flow."""
MANY = 3 * BLOCK + 100
TALK = conversation(SSH_TURNS), conversation(HTTP_TURNS, "10.0.0.7", 40001, "203.0.113.7", 8443)


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packet 1 is ARP, 2 to 9 are SSH on 41414, 10 to 17 are HTTP on 8443; a second apart."""
    folder = tmp_path_factory.mktemp("talk")
    capture = write_pcap(folder / "talk.pcap", [ARP, *TALK[0], *TALK[1]])
    load = start_load(folder / "case.oddport", [str(capture)])
    assert load is not None
    while load.progress.running:
        pass
    load.end()
    return folder / "case.oddport"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four blocks; packet i (0-based) is of flow 2 where i % 1,000 is 999, else of flow 1. The capture is gone."""
    case = tmp_path_factory.mktemp("many") / "case.oddport"
    with CaseWriter.create(case) as writer:
        writer.begin_load(1)
        writer.put_files([File("/gone/many.pcap")], [Port()])
        put_flows(writer, [Flow(), Flow(src="2001:db8:20:5::1f", dst="2001:db8:ff::443", dport=443)])
        for first in range(0, MANY, BLOCK):
            numbers = range(first, min(first + BLOCK, MANY))
            columns = packets(
                len(numbers),
                flow=[2 if i % 1_000 == 999 else 1 for i in numbers],
                ts=[START + i * 1_000_000 for i in numbers],
                caplen=60,
                wirelen=60,
            )
            writer.put_packets(columns, first, len(numbers), {0: first + 1})
        writer.progress(bytes_read=1, packets=MANY, flows=2, findings=0)
        writer.finish_load()
    return case


async def go_to(desk: Desk, number: str) -> None:
    await desk.press("p")
    await desk.type(number)
    await desk.press("enter")


async def test_all_packets_stand_in_order_with_their_flow_and_what_they_say(talk: Path) -> None:
    async with desk_of(talk, size=(120, 40)) as desk:
        await desk.press("3")
        await until(desk, lambda: "SSH" in "".join(desk.listed()))
        rows = [" ".join(row.split()) for row in desk.listed()]
        assert len(rows) == 1 + len(TALK[0]) + len(TALK[1])
        assert rows[0].startswith("▌ 1 0.000000")
        assert "ARP" in rows[0]
        assert "10.0.0.1 40000 203.0.113.9 41414 ssh" in rows[1]
        assert "SYN" in rows[1]
        assert "203.0.113.9 41414 10.0.0.1 40000 ssh" in rows[2]  # an answer comes from the server
        assert "SSH" in rows[4]
        assert desk.said("context").startswith("17 packets   the whole capture")


async def test_enter_opens_the_packet_and_esc_comes_back_to_the_one_looked_at_last(talk: Path) -> None:
    async with desk_of(talk) as desk:
        await desk.press("3", "j", "enter")
        assert isinstance(desk.app.screen, PacketScreen)
        assert desk.said("top").startswith("‹ Packets › Packet 2")
        await desk.press("right_square_bracket", "escape")
        assert isinstance(desk.app.screen, PacketsScreen)
        assert desk.table.cursor == 2


async def test_a_packet_of_no_flow_is_shown_and_the_next_one_brings_its_flow(talk: Path) -> None:
    async with desk_of(talk) as desk:
        await desk.press("3", "enter")
        assert "belongs to no flow" in desk.said("context")
        await desk.press("f")  # there is no stream to follow
        assert isinstance(desk.app.screen, PacketScreen)
        await desk.press("right_square_bracket")
        assert "10.0.0.1:40000 → 203.0.113.9:41414" in desk.said("context")
        await desk.press("f")
        assert isinstance(desk.app.screen, StreamScreen)
        await desk.press("escape", "left_square_bracket")
        assert "belongs to no flow" in desk.said("context")


async def test_a_filter_leaves_packets_and_esc_clears_it_on_the_same_packet(talk: Path) -> None:
    async with desk_of(talk) as desk:
        await desk.press("3", "slash")
        await desk.type("http and data")
        await desk.press("enter")
        assert [row.split()[0].strip("▌") or row.split()[1] for row in desk.listed()] == ["13", "14"]
        assert desk.said("context").startswith("2 of 17")
        await desk.press("j", "escape")
        assert len(desk.table.rows) == 17
        assert desk.table.key == 14


async def test_only_this_flow_and_all_again_stay_on_the_packet(talk: Path) -> None:
    async with desk_of(talk) as desk:
        await desk.press("3")
        await go_to(desk, "12")
        await desk.press("c")
        assert len(desk.table.rows) == len(TALK[1])
        assert desk.table.key == 12
        await desk.press("c")
        assert (len(desk.table.rows), desk.table.key) == (17, 12)


async def test_a_flow_leads_to_its_packets_among_all_and_a_packet_to_its_flow(talk: Path) -> None:
    async with desk_of(talk) as desk:
        await desk.press("2", "j", "enter", "g", "j", "a")
        assert isinstance(desk.app.screen, PacketsScreen)
        assert desk.table.key == 11
        await desk.press("o")
        assert isinstance(desk.app.screen, FlowScreen)
        assert desk.said("top").startswith("‹ Packets › Flow 2")
        await desk.press("escape", "2", "2", "a")  # from the list: its first packet
        assert desk.table.key == 10


async def test_times_are_of_the_day_since_the_start_or_since_the_row_above(talk: Path) -> None:
    async with desk_of(talk, size=(120, 40)) as desk:
        await desk.press("3")
        assert desk.listed()[3].split()[1] == "3.000000"
        await desk.press("t")
        assert desk.listed()[3].split()[1] == "1.000000"
        assert desk.listed()[0].split()[2] == "0.000000"
        await desk.press("t")
        assert desk.listed()[3].split()[1] == "00:00:03.000000"


async def test_any_packet_of_many_is_one_number_away(many: Path) -> None:
    async with desk_of(many) as desk:
        await desk.press("3")
        assert len(desk.table.rows) == MANY
        await go_to(desk, "131,073")
        assert (desk.table.cursor, desk.table.key) == (2 * BLOCK, 131_073)
        await go_to(desk, "999999")
        assert "no number from 1 to 196,708" in desk.said("why")
        await desk.press("escape", "G")
        assert desk.table.key == MANY
        assert "no capture" in desk.said("strip") or "gone" in desk.said("strip")


async def test_a_filter_over_many_blocks_counts_and_finds_each(many: Path) -> None:
    async with desk_of(many) as desk:
        await desk.press("3")
        await go_to(desk, "70000")
        await desk.press("c", "G")  # flow 2: each thousandth packet
        assert len(desk.table.rows) == 196
        assert desk.table.key == 196_000
        await go_to(desk, "100500")  # filtered out: the next one listed
        assert desk.table.key == 101_000
        assert "2001:db8:20:5::1f" in "".join(desk.listed())
        with CaseReader.open(many) as reader:
            rows = desk.table.rows
            for index in (0, 64, 65, 66, 130, 195):
                packet = reader.packet(rows.key(index) - 1)
                assert packet is not None
                assert (packet.flow, packet.packet) == (2, 1_000 * index + 999)
                assert rows.find(rows.key(index)) == index
        assert rows.find(5) is None


async def test_memory_is_bounded_by_pages_and_blocks(many: Path) -> None:
    async with desk_of(many) as desk:
        await desk.press("3")
        rows = desk.table.rows
        for index in range(0, MANY, 640):
            rows.row(index)
        assert len(rows._pages) <= 32  # type: ignore[attr-defined]


async def test_packets_join_while_a_case_grows(tmp_path: Path) -> None:
    case = branch_office(tmp_path / "c.oddport", 20)
    async with desk_of(case) as desk:
        await desk.press("3")
        assert len(desk.table.rows) == 1
        with CaseWriter.resume(case) as writer:
            columns = packets(500, flow=1, ts=START, caplen=60, wirelen=60)
            writer.put_packets(columns, 0, 500, {0: 1})
        await until(desk, lambda: len(desk.table.rows) == 500)
        assert desk.table.cursor == 0


async def test_packets_keep_their_numbers_when_the_oldest_are_forgotten(many: Path, tmp_path: Path) -> None:
    case = tmp_path / "c.oddport"
    shutil.copy(many, case)
    async with desk_of(case) as desk:
        await desk.press("3")
        assert len(desk.table.rows) == MANY
        with CaseWriter.resume(case) as writer:
            writer.keep_within(0)
        await until(desk, lambda: len(desk.table.rows) == 100)
        rows = desk.table.rows
        assert rows.key(0) == rows.row(0).id == 3 * BLOCK + 1
        assert (rows.find(3 * BLOCK + 2), rows.find(1)) == (1, None)
        assert rows.at_or_after(5) == 0
        assert rows.start_ns == desk.app.screen.store.start_ns() == START + 3 * BLOCK * 1_000_000
