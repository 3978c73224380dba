"""However flows are packed into parameters, the table holds what the columns held."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddport.case import flow_rows
from oddport.case.connect import statements_of
from oddport.engine.columns import FLOW

DDL = next(s for s in statements_of("schema.sql") if s.startswith("CREATE TABLE flow ("))
NAMES = [name for name in FLOW.names or () if name not in ("src", "dst")]


@pytest.fixture(params=["packed", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Packing is a matter of how many rows there are; here it is chosen."""
    monkeypatch.setattr(flow_rows, "PACK_ROWS", 1 if request.param == "packed" else 10**9)
    return str(request.param)


def stored(array: Any, integers: dict[str, Any], says: Any, facts: Any, is_open: bool) -> Iterator[dict[str, Any]]:
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    database.execute(DDL)
    sql, rows = flow_rows.flow_statement(array, integers, says, facts, is_open)
    database.executemany(sql, rows)
    yield from (dict(row) for row in database.execute("SELECT * FROM flow ORDER BY id"))
    database.close()


@given(data=st.data(), count=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("pack_rows", [1, 10**9])
def test_every_value_arrives_as_it_was(pack_rows: int, data: st.DataObject, count: int) -> None:
    array = np.zeros(count, FLOW)
    for name in NAMES:
        dtype = FLOW[name]
        top = 2 ** (8 * dtype.itemsize)
        low, high = (-(top // 2), top // 2 - 1) if dtype.kind == "i" else (0, top - 1)
        spread = data.draw(st.sampled_from([0, 1, 300, 2**20, 2**40, 2**64]))
        base = data.draw(st.integers(low, high))
        array[name] = data.draw(st.lists(st.integers(base, min(high, base + spread)), min_size=count, max_size=count))
    array["id"] = np.arange(count) * data.draw(st.integers(1, 300_000_000)) + 1
    array["version"] = data.draw(st.lists(st.sampled_from([4, 6]), min_size=count, max_size=count))
    for name in ("src", "dst"):
        addresses = data.draw(st.lists(st.binary(min_size=16, max_size=16), min_size=count, max_size=count))
        for i, address in enumerate(addresses):
            array[name][i] = np.void(address if array["version"][i] == 6 else bytes(12) + address[12:])
    app = data.draw(st.lists(st.integers(-1, 60), min_size=count, max_size=count).map(lambda v: [x or -1 for x in v]))
    severity = data.draw(st.lists(st.integers(-1, 4), min_size=count, max_size=count))
    integers = {
        "app": np.array(app), "severity": np.array(severity), "tier": np.full(count, 3, np.uint8),
        "verdict": np.arange(count, dtype=np.uint8), "server_port": np.full(count, 443, np.uint16),
    }  # fmt: skip
    before = flow_rows.PACK_ROWS
    flow_rows.PACK_ROWS = pack_rows
    try:
        rows = list(stored(array, integers, None, None, False))
    finally:
        flow_rows.PACK_ROWS = before
    assert len(rows) == count
    for i, row in enumerate(rows):
        for name in NAMES:
            assert row[name] == min(int(array[name][i]), 2**63 - 1), name
        for name in ("src", "dst"):
            raw = bytes(array[name][i])
            assert row[name] == (int.from_bytes(raw[12:], "big") if array["version"][i] == 4 else raw)
        assert row["app"] == (None if app[i] < 0 else app[i])
        assert row["severity"] == (None if severity[i] < 0 else severity[i])
        assert (row["tier"], row["verdict"], row["server_port"], row["open"]) == (3, i, 443, 0)


def test_texts_are_stored_without_control_characters(way: str) -> None:
    array = np.zeros(2, FLOW)
    array["id"] = [1, 2]
    array["version"] = 4
    integers = {"app": np.array([-1, 1]), "tier": np.zeros(2), "verdict": np.zeros(2), "server_port": np.zeros(2)}
    integers = {name: values.astype(np.int64) for name, values in integers.items()}
    facts = [{"banner": "\x1b[2J\udc80é", "list": ["a"]}, {}]
    rows = list(stored(array, integers, ["a\x1b]0;x\x07\u202eb", None], facts, True))
    assert rows[0]["says"] == "a\\x1b]0;x\\x07\\u202eb"
    assert rows[0]["facts"] == '{"banner":"\\u001b[2J\\udc80\\u00e9","list":["a"]}'
    assert (rows[1]["says"], rows[1]["facts"]) == (None, None)
    assert [row["open"] for row in rows] == [1, 1]


@given(
    st.lists(
        st.none()
        | st.dictionaries(
            st.text(max_size=4),
            st.text() | st.sampled_from(["},\n{", ",\n", "{}"]) | st.integers() | st.booleans()
            | st.lists(st.text(), max_size=2)
            | st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
            max_size=3,
        ),
        max_size=6,
    )
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_facts_are_the_json_of_each_flow(facts: list[dict[str, Any] | None]) -> None:
    expected = [json.dumps(each, separators=(",", ":")) if each else None for each in facts]
    assert flow_rows.facts_texts(facts) == expected


def test_columns_that_are_all_the_same_need_no_parameter() -> None:
    array = np.zeros(1_000, FLOW)
    array["id"] = np.arange(1_000) + 1
    array["version"] = 4
    nothing = np.zeros(1_000, np.int64)
    integers = {"app": nothing - 1, "tier": nothing, "verdict": nothing, "server_port": nothing}
    sql, rows = flow_rows.flow_statement(array, integers, None, None, False)
    assert sql.count("?") == 1
    assert len(next(rows)) == 1
