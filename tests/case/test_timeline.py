"""Packets, bytes, flows and findings are counted in the part of the time in which they were."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from oddport.case.connect import connect_for_reading
from oddport.case.timeline import Span, over_time, whole_span
from oddport.case.writer import CaseWriter
from tests.case.build import SECOND, START


@pytest.fixture
def connection(small_case: Path) -> Iterator[sqlite3.Connection]:
    opened = connect_for_reading(small_case).connection
    yield opened
    opened.close()


def test_the_whole_span_is_that_of_the_captures(connection: sqlite3.Connection) -> None:
    assert whole_span(connection) == Span(START, START + 4 * SECOND)


def test_flows_and_findings_are_counted_where_they_begin(connection: sqlite3.Connection) -> None:
    # five seconds in five parts: flows begin at 0, 1, 2 and 4 s, both findings at 0 s, eight packets in the first 7 µs
    found = over_time(connection, Span(START, START + 5 * SECOND - 1), 5)
    assert found.step_ns == SECOND
    assert found.flows == [1, 1, 1, 0, 1]
    assert found.odd == [1, 0, 0, 0, 0]
    assert [lane[0] for lane in found.findings] == [0, 0, 1, 1, 0]
    assert sum(map(sum, found.findings)) == 2
    assert found.packets == [8, 0, 0, 0, 0]
    assert found.bytes == [8 * 84, 0, 0, 0, 0]


def test_what_is_outside_of_the_span_is_left_out(connection: sqlite3.Connection) -> None:
    # packets are 1 µs apart: those at 2, 3 and 4 µs
    found = over_time(connection, Span(START + 2_000, START + 4_000), 3)
    assert found.packets == [1, 1, 1]
    assert found.step_ns == 667
    assert sum(found.flows) == 0


def test_parts_cover_the_span_however_it_is_cut() -> None:
    for length in (1, 2, 7, 1_000, 999_999_999):
        for parts in (1, 3, 70, 190):
            step = Span(START, START + length - 1).step(parts)
            assert step * parts >= length


def test_a_case_without_anything_has_no_span(tmp_path: Path) -> None:
    with CaseWriter.create(tmp_path / "empty.oddport"):
        pass
    opened = connect_for_reading(tmp_path / "empty.oddport").connection
    assert whole_span(opened) is None
    opened.close()
