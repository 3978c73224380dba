"""Marks on flows and findings are kept with name and time, can be filtered by, and outlive a new load."""

import sqlite3
from pathlib import Path

from oddport.case.filter import compile_filter
from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter


def listed(reader: CaseReader, table: str, text: str) -> list[int]:
    where = compile_filter(text, table)
    return list(reader.query_ids(table, where.sql, where.params))


def test_marked_rows_are_filtered_and_unmarked_again(own_case: Path) -> None:
    with CaseReader.open(own_case) as reader:
        flows, findings = list(reader.query_ids("flows")), list(reader.query_ids("findings"))
        reader.set_marks("flow", flows[:2], True, "ada")
        reader.set_marks("finding", findings[:1], True, "ada")
        assert listed(reader, "flows", "marked") == flows[:2]
        assert listed(reader, "flows", "not marked") == flows[2:]
        assert listed(reader, "findings", "marked") == findings[:1]
        assert reader.rows("flows", flows, ("marked",)) == [(True,), (True,), *[(False,)] * (len(flows) - 2)]
        reader.set_marks("flow", flows[:1], False)
        reader.set_marks("flow", flows[1:2], True, "bob")  # it stays ada's
        assert listed(reader, "flows", "marked") == flows[1:2]
    connection = sqlite3.connect(own_case)
    assert connection.execute("SELECT user FROM flow_mark").fetchall() == [("ada",)]
    assert connection.execute("SELECT at_ns > 1700000000000000000 FROM finding_mark").fetchall() == [(1,)]
    connection.close()


def test_a_mark_goes_by_what_the_flow_is_and_outlives_a_new_load(own_case: Path) -> None:
    with CaseReader.open(own_case) as reader:
        reader.set_marks("flow", [2], True)
    connection = sqlite3.connect(own_case)
    connection.execute("UPDATE flow SET id = id + 100")  # as another load may number them
    connection.commit()
    with CaseReader.open(own_case) as reader:
        assert listed(reader, "flows", "marked") == [102]
    with CaseWriter.resume(own_case) as writer:
        writer.begin_load(0, replace=True)
    assert connection.execute("SELECT count(*) FROM flow").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM flow_mark").fetchone() == (1,)
    connection.close()
