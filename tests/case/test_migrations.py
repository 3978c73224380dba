"""A case of an older version is brought up to date step by step, and stays as it was where that fails."""

import sqlite3
from pathlib import Path

import pytest
import sqlite_utils

from oddport.case import connect, migrations
from oddport.case.errors import CaseError
from oddport.case.migrations import migrate
from oddport.case.reader import CaseReader


def add_country(database: sqlite_utils.Database) -> None:
    """From version 1: a column, filled in, and a table that is made over."""
    database.table("flow").add_column("country", str)
    database.execute("UPDATE flow SET country = 'n/a'")
    database.table("detector_error").transform(rename={"at": "place"})


def add_index(database: sqlite_utils.Database) -> None:
    """From version 2."""
    database.table("flow").create_index(["country"])


def test_two_steps_lead_from_version_1_to_3_and_keep_all_that_was_there(own_case: Path) -> None:
    with CaseReader.open(own_case) as reader:
        reader.set_verdict("f1", "benign", "kept")
    assert migrate(own_case, {1: add_country, 2: add_index}, target=3) == 1
    connection = sqlite3.connect(own_case)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 3
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
        migrate(own_case, {1: fail}, target=2)
    connection = sqlite3.connect(own_case)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 1
    assert connection.execute("SELECT count(*) FROM flows").fetchone()[0] == 4
    assert "country" not in [row[1] for row in connection.execute("PRAGMA table_info(flow)")]
    connection.close()
    assert len(own_case.read_bytes()) == len(before)


def test_a_step_that_is_missing_is_said(own_case: Path) -> None:
    with pytest.raises(CaseError, match=r"is of version 1, which this oddport cannot bring up to 2\. Load the capture"):
        migrate(own_case, {}, target=2)


def test_a_case_that_is_up_to_date_is_left_alone(own_case: Path) -> None:
    assert migrate(own_case) == 1


def test_opening_an_older_case_brings_it_up_to_date(own_case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def stand_in(path: Path) -> int:
        asked.append(path)
        return migrate(path, {1: add_index_on_sport}, target=2)

    def add_index_on_sport(database: sqlite_utils.Database) -> None:
        database.table("flow").create_index(["sport"])

    for module in ("oddport.case.connect", "oddport.case.reader", "oddport.case.migrations"):
        monkeypatch.setattr(f"{module}.SCHEMA_VERSION", 2)
    with pytest.raises(CaseError, match=r"made by an older oddport \(file version 1, this one writes 2\)"):
        connect.connect_for_writing(own_case)
    monkeypatch.setattr(migrations, "migrate", stand_in)
    monkeypatch.setattr(connect.read_version, "__defaults__", (2,))
    with CaseReader.open(own_case) as reader:
        assert asked == [own_case]
        assert reader.counts().flows == 4


def test_a_damaged_older_case_is_a_sentence(own_case: Path) -> None:
    content = bytearray(own_case.read_bytes())
    content[16_384:32_768] = b"\xff" * 16_384
    content[100:200] = b"\xff" * 100  # the page of the schema
    own_case.write_bytes(content)
    with pytest.raises(CaseError, match="is damaged"):
        migrate(own_case, {1: add_index}, target=2)
