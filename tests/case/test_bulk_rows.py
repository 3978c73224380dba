"""However many flows or trains are put at once, and in whatever order, the table holds what the columns held."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddport.case.bulk import BulkRows, declaration_of, template_of
from oddport.case.flow_rows import FLOW_COLUMNS, FlowRows
from oddport.case.reading import FRAGMENT as PACKED
from oddport.case.table_image import LARGEST_ROW, Column, Tail, database, empty_table
from oddport.case.train_rows import TRAIN_COLUMNS, WaitingTrains
from oddport.engine.columns import FLOW
from oddport.engine.trains import ANOMALIES, FRAGMENT, Conflict, Fragment, TrainBatch
from oddport.protocols.answers import facts_text
from tests.case.build import START, train

NAMES = [name for name in FLOW.names or () if name not in ("src", "dst", "number", "ip_at")]


def stored(rows: BulkRows, way: str) -> list[dict[str, Any]]:
    """What the table holds after the rows were put as an image or value by value, by id."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute(declaration_of(rows.table))
    if way == "image":
        image = rows.image(template_of(rows.table))
        assert image is not None
        connection.execute("ATTACH ':memory:' AS image")
        connection.deserialize(image, name="image")
        assert connection.execute("PRAGMA image.integrity_check").fetchone()[0] == "ok"
        connection.execute(f"INSERT INTO main.{rows.table} SELECT * FROM image.{rows.table}")
    else:
        connection.executemany(*rows.values())
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    found = [dict(row) for row in connection.execute(f"SELECT * FROM {rows.table} ORDER BY id")]
    connection.close()
    return found


def texts_of(facts: Sequence[dict[str, Any] | None]) -> dict[int, bytes]:
    """Facts by row, as JSON."""
    return {row: facts_text(each) for row, each in enumerate(facts) if each}


def plain_flows(count: int) -> tuple[Any, dict[str, Any]]:
    array = np.zeros(count, FLOW)
    array["id"] = np.arange(count) + 1
    array["version"] = 4
    nothing = np.zeros(count, np.int64)
    return array, {"app": nothing - 1, "tier": nothing, "verdict": nothing, "server_port": nothing}


def test_the_columns_are_those_of_their_table_in_its_order() -> None:
    connection = sqlite3.connect(":memory:")
    for table, names in (("flow", FLOW_COLUMNS), ("train", TRAIN_COLUMNS)):
        connection.execute(declaration_of(table))
        assert tuple(row[1] for row in connection.execute(f"PRAGMA table_info({table})")) == names
    connection.close()


@given(data=st.data(), count=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("way", ["image", "values"])
def test_every_value_arrives_as_it_was(way: str, data: st.DataObject, count: int) -> None:
    array = np.zeros(count, FLOW)
    for name in NAMES:
        dtype = FLOW[name]
        top = 2 ** (8 * dtype.itemsize)
        low, high = (-(top // 2), top // 2 - 1) if dtype.kind == "i" else (0, top - 1)
        spread = data.draw(st.sampled_from([0, 1, 300, 2**20, 2**40, 2**64]))
        base = data.draw(st.integers(low, high))
        array[name] = data.draw(st.lists(st.integers(base, min(high, base + spread)), min_size=count, max_size=count))
    ids = np.arange(count) * data.draw(st.integers(1, 300_000_000)) + 1
    array["id"] = data.draw(st.permutations(ids.tolist()))
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
    facts = data.draw(st.lists(st.sampled_from([None, {}, {"a": 1}, {"b": "x" * 60}, {"c": "y" * 9_000}]),
                               min_size=count, max_size=count))  # fmt: skip
    rows = stored(FlowRows(array, integers, texts_of(facts), False), way)
    assert len(rows) == count
    for i, row in zip(np.argsort(array["id"]).tolist(), rows, strict=True):
        for name in NAMES:
            assert row[name] == min(int(array[name][i]), 2**63 - 1), name
        for name in ("src", "dst"):
            raw = bytes(array[name][i])
            assert row[name] == (int.from_bytes(raw[12:], "big") if array["version"][i] == 4 else raw)
        assert row["app"] == (None if app[i] < 0 else app[i])
        assert row["severity"] == (None if severity[i] < 0 else severity[i])
        assert (row["tier"], row["verdict"], row["server_port"], row["open"]) == (3, i, 443, 0)
        assert row["facts"] == (json.dumps(facts[i], separators=(",", ":")) if facts[i] else None)


@pytest.mark.parametrize("way", ["image", "values"])
def test_facts_are_stored_without_control_characters(way: str) -> None:
    array, integers = plain_flows(2)
    facts = [{"banner": "\x1b[2J\udc80é", "list": ["a"]}, {}]
    rows = stored(FlowRows(array, integers, texts_of(facts), True), way)
    assert rows[0]["facts"] == '{"banner":"\\u001b[2J\\udc80\\u00e9","list":["a"]}'
    assert rows[1]["facts"] is None
    assert [row["open"] for row in rows] == [1, 1]


def test_an_image_of_many_pages_holds_every_row_once() -> None:
    array, integers = plain_flows(20_000)
    array["id"] = array["id"][::-1]
    array["bytes_o"] = array["id"]
    rows = stored(FlowRows(array, integers, texts_of([{"n": "x" * (n % 300)} for n in range(20_000)]), False), "image")
    assert [(row["id"], row["bytes_o"]) for row in rows] == [(n, n) for n in range(1, 20_001)]
    assert [json.loads(row["facts"])["n"] for row in rows] == ["x" * ((20_000 - n) % 300) for n in range(1, 20_001)]


def test_facts_that_fit_no_page_are_left_to_the_other_way() -> None:
    array, integers = plain_flows(2)
    rows = FlowRows(array, integers, texts_of([{"long": "x" * LARGEST_ROW}, None]), False)
    assert rows.image(template_of("flow")) is None
    assert len(stored(rows, "values")[0]["facts"]) > LARGEST_ROW


@pytest.mark.parametrize("length", [LARGEST_ROW, 8_186, 8_185, 58, 57, 0])
def test_rows_of_the_longest_text_lie_on_pages(length: int) -> None:
    template = empty_table("CREATE TABLE t (id INTEGER PRIMARY KEY, n, text)")
    ids = np.arange(1, 6, dtype=np.uint32)
    numbers = np.array([-1, 127, -32_769, 2**47, -(2**63)])
    image = database(template, ids, [Column(numbers)], [Tail(np.arange(5), [b"x" * length] * 5, True)])
    connection = sqlite3.connect(":memory:")
    connection.deserialize(image)
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    found = connection.execute("SELECT id, n, length(text), typeof(text) FROM t").fetchall()
    assert found == [(i, n, length, "text") for i, n in zip(ids.tolist(), numbers.tolist(), strict=True)]
    connection.close()


def fragment(draw: st.DrawFn) -> Fragment:
    """Any, as far as its columns hold it."""
    top = {name: 2 ** (8 * FRAGMENT[name].itemsize) - 1 for name in Fragment._fields}
    values = {name: draw(st.integers(0, top[name])) for name in Fragment._fields if name not in ("ts", "more")}
    return Fragment(**values, ts=draw(st.integers(-(2**63), 2**63 - 1)), more=draw(st.booleans()))


@given(data=st.data(), count=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("way", ["image", "values"])
def test_every_train_arrives_with_its_fragments_holes_and_conflicts(way: str, data: st.DataObject, count: int) -> None:
    trains = []
    for number in data.draw(st.permutations(range(1, count + 1))):
        known, six, odd = data.draw(st.booleans()), data.draw(st.booleans()), data.draw(st.booleans())
        trains.append(
            train(
                number, version=6 if six else 4, src=bytes(range(16)) if six else bytes(12) + b"\x0a\0\0\1",
                dst=bytes(15) + b"\1" if six else bytes(12) + b"\xff\0\0\2", sport=53 if known else None,
                dport=0 if known else None, flow=number * known, total=16 if known else None, complete=known,
                fragments=data.draw(st.lists(st.composite(fragment)(), max_size=12)), context=number, interface=2,
                anomalies=data.draw(st.sets(st.sampled_from(ANOMALIES))), at_start=six, at_end=odd,
                holes=[(8, -1)] if odd else [], conflicts=[Conflict(8, b"a", b"b", 1, 2)] if odd else [],
            )
        )  # fmt: skip
    half = len(trains) // 2
    waiting = WaitingTrains(TrainBatch.of(trains[:half]))
    waiting.add(TrainBatch.of(trains[half:]))
    rows = stored(waiting.rows(), way)
    assert [row["id"] for row in rows] == list(range(1, count + 1))
    for one, row in zip(sorted(trains, key=lambda each: each.id), rows, strict=True):
        ends = (one.src, one.dst) if one.version == 6 else (0x0A000001, 0xFF000002)
        assert (row["version"], row["src"], row["dst"]) == (one.version, *ends)
        assert (row["sport"], row["dport"], row["total"]) == (one.sport, one.dport, one.total)
        assert row["flow"] == (one.flow or None)
        assert (row["complete"], row["at_start"], row["at_end"]) == (one.complete, one.at_start, one.at_end)
        assert (row["ip_id"], row["context"], row["interface"]) == (0xBEEF, one.id, 2)
        assert (row["count"], row["reassembled"], row["last_ns"]) == (3, 16, START + 2)
        assert {word for bit, word in enumerate(ANOMALIES) if row["anomalies"] >> bit & 1} == one.anomalies
        assert [Fragment(*each) for each in PACKED.iter_unpack(row["fragments"])] == one.fragments
        assert row["rest"] == ('{"holes":[[8,-1]],"conflicts":[[8,"61","62",1,2]]}' if one.at_end else None)
