"""Verdicts are kept by the finding's uid, with who and when, and every change can be taken back."""

import sqlite3
from pathlib import Path

import pytest

from oddport.case import verdicts
from oddport.case.errors import CaseError
from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter


def test_a_verdict_is_kept_and_counted(own_case: Path) -> None:
    with CaseReader.open(own_case) as reader:
        reader.set_verdict("f1", "confirmed", "seen on\nthe host\x1b", "ada")
        said = reader.verdict("f1")
        assert said is not None
        assert (said.verdict, said.note, said.user) == ("confirmed", "seen on\nthe host\\x1b", "ada")
        assert said.at_ns > 1_700_000_000_000_000_000
        assert reader.counts().reviewed == 1
        found = reader.finding_by_uid("f1")
        assert found is not None
        assert (found.verdict, found.note) == ("confirmed", "seen on\nthe host\\x1b")
        assert reader.verdict("f2") is None


def test_changes_are_undone_one_by_one(own_case: Path) -> None:
    with CaseReader.open(own_case) as reader:
        reader.set_verdict("f1", "benign", "first", "ada")
        reader.set_verdict("f1", "confirmed", "second", "bob")
        reader.set_verdict("f1", None)
        assert reader.verdict("f1") is None
        seen = []
        while reader.undo_verdict("f1"):
            said = reader.verdict("f1")
            seen.append(None if said is None else (said.verdict, said.note, said.user))
        assert seen == [("confirmed", "second", "bob"), ("benign", "first", "ada"), None]
        assert not reader.undo_verdict("f1")


def test_an_undone_verdict_has_the_time_at_which_it_was_given(own_case: Path) -> None:
    with CaseReader.open(own_case) as reader:
        reader.set_verdict("f1", "benign")
        first = reader.verdict("f1")
        reader.set_verdict("f1", "confirmed")
        reader.undo_verdict("f1")
        assert reader.verdict("f1") == first


def test_other_words_are_no_verdicts(own_case: Path) -> None:
    with pytest.raises(ValueError, match="benign, suspicious, confirmed or none, not 'bad'"):
        verdicts.set_verdict(own_case, "f1", "bad")


def test_a_verdict_on_a_case_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="There is no case"):
        verdicts.set_verdict(tmp_path / "a.oddport", "f1", "benign")


def test_verdicts_are_from_the_user_of_the_process(own_case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "eve")
    verdicts.set_verdict(own_case, "f1", "benign")

    def unknown() -> str:
        raise OSError("no such user")

    monkeypatch.setattr("getpass.getuser", unknown)
    verdicts.set_verdict(own_case, "f2", "benign")
    connection = sqlite3.connect(own_case)
    assert connection.execute("SELECT user FROM verdict ORDER BY uid").fetchall() == [("eve",), ("unknown",)]
    connection.close()


def test_verdicts_move_with_their_findings_to_another_uid(tmp_path: Path) -> None:
    path = tmp_path / "c.oddport"
    CaseWriter.create(path).close()
    for uid, verdict in (("old", "benign"), ("old", "confirmed"), ("kept", "suspicious"), ("taken", "benign")):
        verdicts.set_verdict(path, uid, verdict, user="ann")
    with CaseWriter.resume(path) as writer:
        writer.move_verdicts({"old": "new", "kept": "taken", "none": "nowhere"})
    with CaseReader.open(path) as reader:
        found = {uid: reader.verdict(uid) for uid in ("old", "new", "kept", "taken", "nowhere")}
    assert {uid: each.verdict for uid, each in found.items() if each is not None} == {
        "new": "confirmed", "kept": "suspicious", "taken": "benign",
    }  # fmt: skip
    assert verdicts.undo_verdict(path, "new")
