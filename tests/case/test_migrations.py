"""A case of an older version is brought up to date step by step, and stays as it was where that fails."""

import sqlite3
from pathlib import Path

import pytest
import sqlite_utils

from oddport.case import connect, migrations
from oddport.case.errors import CaseError
from oddport.case.migrations import migrate
from oddport.case.reader import CaseReader
from tests.case.build import START

NOW = connect.SCHEMA_VERSION


def add_country(database: sqlite_utils.Database) -> None:
    """From the present version: a column, filled in, and a table that is made over."""
    database.table("flow").add_column("country", str)
    database.execute("UPDATE flow SET country = 'n/a'")
    database.table("detector_error").transform(rename={"at": "place"})


def add_index(database: sqlite_utils.Database) -> None:
    """From the next one."""
    database.table("flow").create_index(["country"])


def test_two_steps_lead_over_two_versions_and_keep_all_that_was_there(own_case: Path) -> None:
    with CaseReader.open(own_case) as reader:
        reader.set_verdict("f1", "benign", "kept")
    assert migrate(own_case, {NOW: add_country, NOW + 1: add_index}, target=NOW + 2) == NOW
    connection = sqlite3.connect(own_case)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == NOW + 2
    assert connection.execute("SELECT DISTINCT country FROM flow").fetchall() == [("n/a",)]
    assert connection.execute("SELECT note FROM verdict").fetchall() == [("kept",)]
    assert connection.execute("SELECT src FROM flows WHERE id = 1").fetchone() == (
        "10.20.3.14",
    )  # views are there again
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()


def test_a_step_that_fails_leaves_the_case_as_it_was(own_case: Path) -> None:
    def fail(database: sqlite_utils.Database) -> None:
        add_country(database)
        database.execute("SELECT nonsense")

    before = own_case.read_bytes()
    with pytest.raises(CaseError, match="could not be brought up to date: no such column: nonsense"):
        migrate(own_case, {NOW: fail}, target=NOW + 1)
    connection = sqlite3.connect(own_case)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == NOW
    assert connection.execute("SELECT count(*) FROM flows").fetchone()[0] == 4
    assert "country" not in [row[1] for row in connection.execute("PRAGMA table_info(flow)")]
    connection.close()
    assert len(own_case.read_bytes()) == len(before)


def test_a_step_that_is_missing_is_said(own_case: Path) -> None:
    said = rf"is of version {NOW}, which this oddport cannot bring up to {NOW + 1}\. Load the capture"
    with pytest.raises(CaseError, match=said):
        migrate(own_case, {}, target=NOW + 1)


def test_a_case_that_is_up_to_date_is_left_alone(own_case: Path) -> None:
    assert migrate(own_case) == NOW


def test_opening_an_older_case_brings_it_up_to_date(own_case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def stand_in(path: Path) -> int:
        asked.append(path)
        return migrate(path, {NOW: add_index_on_sport}, target=NOW + 1)

    def add_index_on_sport(database: sqlite_utils.Database) -> None:
        database.table("flow").create_index(["sport"])

    for module in ("oddport.case.connect", "oddport.case.reader", "oddport.case.migrations"):
        monkeypatch.setattr(f"{module}.SCHEMA_VERSION", NOW + 1)
    said = rf"made by an older oddport \(file version {NOW}, this one writes {NOW + 1}\)"
    with pytest.raises(CaseError, match=said):
        connect.connect_for_writing(own_case)
    monkeypatch.setattr(migrations, "migrate", stand_in)
    monkeypatch.setattr(connect.read_version, "__defaults__", (NOW + 1,))
    with CaseReader.open(own_case) as reader:
        assert asked == [own_case]
        assert reader.counts().flows == 4


OLD_TRAIN = (
    '{"context":0,"interface":0,"at_start":false,"at_end":false,"holes":[],"fragments":['
    f"[1,0,0,{START},34,0,8,8,1,64,17,1,20],[2,0,1,{START + 1},34,8,8,8,0,64,17,0,20],"
    f'[3,0,2,{START + 2},34,8,8,8,0,61,17,0,20]],"conflicts":[[8,"6161","6262",1,2]]}}'
)


def make_older(case: Path, version: int) -> None:
    """Makes a case of today one of an older version."""
    connection = sqlite3.connect(case)
    connection.executescript(f"DROP TABLE finding_mark; DROP TABLE flow_mark; PRAGMA user_version = {version}")
    if version < 7:
        connection.executescript("DROP VIEW flows; DROP TABLE owner")
    if version < 6:
        connection.executescript("DROP TABLE occurrence")
    if version < 5:
        connection.executescript("DROP TABLE inside; DROP TABLE inner_block")
    if version >= 4:
        connection.close()
        return
    columns = "id, version, src, dst, proto, ip_id, sport, dport, flow, first_ns, last_ns, count, complete, total"
    anomalies = '["conflicting_overlap", "ttl_mixed"]'
    connection.executescript(
        "DROP VIEW trains; DELETE FROM word WHERE kind = 'anomaly';"
        f"CREATE TABLE older AS SELECT {columns}, reassembled, '{anomalies}' AS anomalies, '{OLD_TRAIN}' AS detail"
        f" FROM train; DROP TABLE train; ALTER TABLE older RENAME TO train; PRAGMA user_version = {version}"
    )
    if version < 3:
        connection.execute("DROP TABLE omission")
    connection.close()


@pytest.mark.parametrize("version", [2, 3, 4, 5, 6, 7])
def test_older_cases_keep_all_that_was_known_and_get_the_tables_of_today(own_case: Path, version: int) -> None:
    def tables() -> list[list[str]]:
        connection = sqlite3.connect(own_case)
        made = connection.execute("SELECT sql FROM sqlite_master WHERE sql > '' ORDER BY 1")
        found = [row[0].split() for row in made]
        connection.close()
        return found

    with CaseReader.open(own_case) as reader:
        train = reader.train(1)
    assert train is not None
    today = tables()
    make_older(own_case, version)
    with CaseReader.open(own_case) as reader:
        assert reader.train(1) == train
        assert reader.omissions() == []
        assert reader.counts().flows == 4
    assert tables() == today


def test_a_damaged_older_case_is_a_sentence(own_case: Path) -> None:
    content = bytearray(own_case.read_bytes())
    content[16_384:32_768] = b"\xff" * 16_384
    content[100:200] = b"\xff" * 100  # the page of the schema
    own_case.write_bytes(content)
    with pytest.raises(CaseError, match="is damaged"):
        migrate(own_case, {NOW: add_index}, target=NOW + 1)
