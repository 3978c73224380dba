"""Flows inside tunnels in the case: where they lie, their packets, and finding them by words."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from oddport.capture import open_capture
from oddport.case.filter import compile_filter
from oddport.case.reader import CaseReader
from oddport.loading.into_case import into_case
from tests.captures import HTTP_TURNS, SSH_TURNS, conversation, dns_over, write_pcap
from tests.engine.wrapping import gre, vxlan, wrapped

SSH = wrapped(conversation(SSH_TURNS), vxlan, gre)
HTTP = conversation(HTTP_TURNS, sport=40001, port=80)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[CaseReader]:
    """SSH in VXLAN in GRE with HTTP beside it, packet by packet, and DNS."""
    frames = [frame for pair in zip(SSH, HTTP, strict=True) for frame in pair] + dns_over(53)
    reader = open_capture([str(write_pcap(tmp_path / "a.pcap", frames))], workdir=tmp_path)
    into_case(reader, tmp_path / "a.oddport", [], lambda: False, lambda progress: None)
    with CaseReader.open(tmp_path / "a.oddport") as opened:
        yield opened


def only(case: CaseReader, where: str) -> int:
    (found,) = case.query_ids("flows", where)
    return found


def test_a_flow_says_what_it_lies_in_and_who_carries_it(case: CaseReader) -> None:
    ssh = case.flow(only(case, "flow.app = (SELECT id FROM app WHERE name = 'ssh')"))
    assert ssh is not None
    assert ssh.tunnel == ("gre", "vxlan vni 42")
    carrier = case.flow(ssh.parent or 0)
    assert carrier is not None
    assert (carrier.proto, carrier.app, carrier.tunnel) == ("udp", "vxlan", ("gre",))
    outermost = case.flow(carrier.parent or 0)
    assert outermost is not None
    assert (outermost.proto, outermost.parent, outermost.tunnel) == ("gre", None, ())


def test_its_packets_are_those_around_it_with_its_own_flags_and_directions(case: CaseReader) -> None:
    number = only(case, "flow.app = (SELECT id FROM app WHERE name = 'ssh')")
    packets = case.packets_of_flow(number)
    assert [packet.number for packet in packets] == list(range(1, 2 * len(SSH), 2))
    assert case.packet_count_of_flow(number) == len(SSH)
    assert [packet.flags for packet in packets[:3]] == [0x02, 0x12, 0x10]
    assert [packet.back for packet in packets[:4]] == [False, True, False, True]
    assert {packet.flow for packet in packets} == {number}
    assert case.place_in_flow(packets[4]) == 4
    assert case.packets_of_flow(number, 5, 2) == packets[5:7]
    assert case.frames(packets[:2]) == SSH[:2]


def test_packets_by_their_number_are_those_of_the_outermost_flow(case: CaseReader) -> None:
    packet = case.packet_of_file(0, 1)
    assert packet is not None
    flow = case.flow(packet.flow)
    assert flow is not None
    assert flow.proto == "gre"
    assert case.packet_count_of_flow(flow.id) == len(SSH)


def test_tunnels_are_found_by_words(case: CaseReader) -> None:
    def found(text: str) -> list[str | None]:
        where = compile_filter(text, "flows")
        flows = [case.flow(number) for number in case.query_ids("flows", where.sql, where.params)]
        return [flow.app or flow.proto for flow in flows if flow is not None]

    assert found('tunnel contains "vxlan vni 42"') == ["ssh"]
    assert set(found("tunnel == gre")) == {"vxlan"}
    gre_flow = only(case, "proto = 47")
    assert found(f"parent == {gre_flow}") == ["vxlan"] * 2
