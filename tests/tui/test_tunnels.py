"""A flow inside a tunnel in the dashboard: its first bytes and its stream are its own, not those of what carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oddport.capture import open_capture
from oddport.case.reader import CaseReader
from oddport.loading.into_case import into_case
from tests.captures import HTTP_TURNS, conversation, dns_over, write_pcap
from tests.engine.wrapping import gre, l2tp, vxlan, wrapped
from tui.data.case import Store
from tui.data.stream import Stream, StreamBytes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """HTTP in VXLAN in GRE, and DNS in L2TP."""
    frames = wrapped(conversation(HTTP_TURNS, port=80), vxlan, gre) + wrapped(dns_over(53), l2tp)
    reader = open_capture([str(write_pcap(tmp_path / "a.pcap", frames))], workdir=tmp_path)
    into_case(reader, tmp_path / "a.oddport", [], lambda: False, lambda progress: None)
    return tmp_path / "a.oddport"


def test_the_stream_of_an_inner_flow_is_what_its_ends_said(path: Path) -> None:
    with CaseReader.open(path) as case:
        for app, turns in (("http", HTTP_TURNS), ("dns", [("c", dns_over(53)[0][42:]), ("s", dns_over(53)[1][42:])])):
            (number,) = case.query_ids("flows", "flow.app = (SELECT id FROM app WHERE name = ?)", (app,))
            flow = case.flow(number)
            assert flow is not None
            stream = Stream(case, flow)
            stream.read(lambda: True)
            said = StreamBytes(stream)
            assert [said.data(index) for index in range(len(stream.segments))] == [data for _, data in turns]


def test_the_first_bytes_of_an_inner_flow_are_its_own_and_those_of_the_outer_one_too(path: Path) -> None:
    store = Store(path)
    assert store.exists()
    by_depth = {len(flow.tunnel): flow for flow in map(store.reader.flow, store.reader.query_ids("flows")) if flow}
    assert store.first_bytes(by_depth[2].id) == tuple(data for _, data in HTTP_TURNS)
    assert store.first_bytes(next(i for i in store.reader.query_ids("flows", "proto = 47")))[0][:4] == b"\0\0\x08\0"
