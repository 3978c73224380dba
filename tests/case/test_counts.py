"""Values of fields are counted as a filter for them would count; apps on ports with what does not fit."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from oddport.case.connect import connect_for_reading
from oddport.case.counts import FIELDS, OddExample, PortCount, fact_fields, filter_for, port_counts, value_counts
from oddport.case.filter import compile_filter
from oddport.case.reader import CaseReader


@pytest.fixture
def connection(small_case: Path) -> Iterator[sqlite3.Connection]:
    opened = connect_for_reading(small_case).connection
    yield opened
    opened.close()


def test_apps_on_ports_are_counted_by_whether_they_fit(connection: sqlite3.Connection) -> None:
    assert sorted(port_counts(connection), key=lambda each: each.port) == [
        PortCount("dns", 53, 1, None, 1, 301),
        PortCount(None, 443, 4, 2, 1, 2_000_000),
        PortCount("tls", 8_088, 5, 3, 1, 10_000),
    ]


def test_hosts_are_counted_on_both_sides_the_worst_first(connection: sqlite3.Connection) -> None:
    total, found = value_counts(connection, FIELDS[0], 100)
    assert total == 8
    assert [(each.value, each.odd, each.severity) for each in found[:4]] == [
        ("10.20.3.14", 1, 3), ("203.0.113.80", 1, 3), ("2001:db8::1", 0, 2), ("2001:db8::2", 0, 2),
    ]  # fmt: skip
    assert (found[0].flows, found[0].bytes, found[0].apps) == (1, 10_000, ("tls",))


def test_facts_are_fields_too_and_lists_count_by_item(connection: sqlite3.Connection) -> None:
    facts = {field.fact: field for field in fact_fields(connection)}
    assert set(facts) == {"sni", "alpn", "qname"}  # yes and no are no values to count
    _, found = value_counts(connection, facts["alpn"], 10)
    assert [(each.value, each.flows) for each in found] == [("h2", 1), ("http/1.1", 1)]


def test_a_filter_for_a_value_leaves_the_flows_that_were_counted(connection: sqlite3.Connection) -> None:
    checked = 0
    for field in (*FIELDS, *fact_fields(connection)):
        for each in value_counts(connection, field, 100)[1]:
            where = compile_filter(filter_for(field, each.value), "flows")
            (left,) = connection.execute(f"SELECT count(*) FROM flow WHERE {where.sql}", where.params).fetchone()
            assert left == each.flows, (field.name, each.value)
            checked += 1
    assert checked > 20


def test_a_value_of_the_wire_cannot_leave_its_quotes(connection: sqlite3.Connection) -> None:
    sni = next(field for field in fact_fields(connection) if field.fact == "sni")
    hostile = '" or not "\\'
    where = compile_filter(filter_for(sni, hostile), "flows")
    assert hostile in where.params
    assert connection.execute(f"SELECT count(*) FROM flow WHERE {where.sql}", where.params).fetchone() == (0,)


def test_only_as_many_values_as_are_wanted_and_how_many_there_are(connection: sqlite3.Connection) -> None:
    total, found = value_counts(connection, FIELDS[0], 3)
    assert (total, len(found)) == (8, 3)


def test_a_flow_that_does_not_fit_says_between_whom_and_what_was_expected(reader: CaseReader) -> None:
    assert reader.odd_example("tls", 8_088) == OddExample("10.20.3.14", "203.0.113.80", "http")
    assert reader.odd_example("dns", 53) is None
