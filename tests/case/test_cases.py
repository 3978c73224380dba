"""Cases without a name of their own lie in the user's data folder; they are found again, listed and removed."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from oddport.case import cases
from oddport.case.cases import describe, find_case, list_cases, mark_opened, remove_case
from oddport.case.errors import CaseError
from oddport.case.folders import case_for, case_for_live, data_folder, readable_stem, unpack_folder
from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter
from tests.case.build import START, make_case


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own, not there yet."""
    folder = tmp_path / "data" / "cases"
    monkeypatch.setenv("ODDPORT_DATA", str(folder))
    return folder


def test_the_data_folder_is_made_for_its_owner_alone(home: Path) -> None:
    assert data_folder() == home
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_without_a_variable_the_folder_is_that_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ODDPORT_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert data_folder() == tmp_path / "xdg" / "oddport" / "cases"


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ODDPORT_DATA", str(tmp_path / "file" / "x"))
    with pytest.raises(CaseError, match="Set ODDPORT_DATA to a folder that you may write"):
        data_folder()


DIGEST = "3f9a1c2b7d04" + "0" * 20


def test_a_case_is_named_after_its_capture(home: Path) -> None:
    assert case_for(["/in/Branch Office.pcapng.gz"], [DIGEST]) == home / "Branch_Office-3f9a1c2b7d04.oddport"


def test_the_same_bytes_under_another_name_have_the_case_that_is_there(home: Path) -> None:
    first = make_case(case_for(["a.pcap"], [DIGEST]))
    assert case_for(["/elsewhere/b.pcap"], [DIGEST]) == first
    assert case_for(["/elsewhere/b.pcap"], ["f" * 32]) != first


def test_several_captures_have_one_case_in_any_order() -> None:
    one = case_for(["a.pcap", "b.pcap"], ["1" * 32, "2" * 32])
    assert one.name.startswith("a-and-1-more-")
    make_case(one)
    assert case_for(["b.pcap", "a.pcap"], ["2" * 32, "1" * 32]) == one
    assert case_for(["a.pcap"], ["1" * 32]) != one


@pytest.mark.parametrize(("paths", "digests"), [([], []), (["a"], []), (["a"], [""])])
def test_captures_without_digest_have_no_name(paths: list[str], digests: list[str]) -> None:
    with pytest.raises(ValueError, match="named by the path and the digest"):
        case_for(paths, digests)


def test_a_pipe_is_named_after_the_moment(home: Path) -> None:
    assert case_for_live("pipe", START + 1_234_567) == home / "pipe-20240506T125320Z-001234.oddport"


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("/x/a.b.pcap.zst", "a.b"),
        ("../.pcap", "capture"),
        ("/x/\x1b[2J☃.cap", "2J"),
        ("x" * 300 + ".pcap", "x" * 40),
        ("/x/folder/", "folder"),
        ("-rf.pcap", "rf"),
    ],
)
def test_names_of_cases_are_plain(path: str, stem: str) -> None:
    assert readable_stem([path]) == stem


def test_cases_are_listed_with_what_is_in_them(home: Path) -> None:
    path = make_case(case_for(["/captures/branch.pcap"], [DIGEST]))
    copies = unpack_folder(path)
    copies.mkdir()
    (copies / "0.pcap").write_bytes(b"x" * 1_000)
    with CaseReader.open(path) as reader:
        reader.set_verdict("f1", "benign")
    (case,) = list_cases()
    assert (case.path, case.name, case.state, case.problem) == (path, "branch-3f9a1c2b7d04", "done", "")
    assert case.captures == ("/captures/branch.pcap",)
    assert (case.packets, case.flows, case.findings, case.reviewed) == (8, 4, (0, 0, 1, 1, 0), 1)
    assert case.size == path.stat().st_size + 1_000
    assert case.opened_ns is None


def test_the_case_that_was_opened_last_comes_first(home: Path) -> None:
    first = make_case(case_for(["a.pcap"], ["1" * 32]))
    second = make_case(case_for(["b.pcap"], ["2" * 32]))
    os.utime(first, ns=(START, START))
    os.utime(second, ns=(START + 1, START + 1))
    assert [case.path for case in list_cases()] == [second, first]
    assert mark_opened(first)
    assert [case.path for case in list_cases()] == [first, second]
    assert list_cases()[0].opened_ns is not None


def test_what_may_not_be_written_is_not_marked(home: Path) -> None:
    assert not mark_opened(home / "none.oddport")


def test_cases_that_cannot_be_read_are_listed_as_such(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = data_folder()
    (folder / "notes.txt").write_text("not listed")
    (folder / "folder.oddport").mkdir()
    (folder / "empty.oddport").touch()
    (folder / "garbage.oddport").write_bytes(b"\xff" * 5_000)
    connection = sqlite3.connect(folder / "foreign.oddport")
    connection.execute("CREATE TABLE x (y)")
    connection.close()
    newer = make_case(folder / "newer.oddport")
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    torn = make_case(folder / "torn.oddport")
    content = bytearray(torn.read_bytes())
    content[16_384:] = b"\xff" * (len(content) - 16_384)
    torn.write_bytes(content)
    make_case(folder / "half.oddport", state=None)
    monkeypatch.setattr("oddport.case.process.process_start", lambda pid: "another/1")
    listed = {case.path.name: (case.state, bool(case.problem)) for case in list_cases()}
    assert listed == {
        "empty.oddport": ("empty", True),
        "garbage.oddport": ("damaged", True),
        "foreign.oddport": ("foreign", True),
        "newer.oddport": ("newer", True),
        "torn.oddport": ("damaged", True),
        "half.oddport": ("interrupted", False),
    }
    monkeypatch.setattr(cases, "SCHEMA_VERSION", 99)
    monkeypatch.setattr("oddport.case.connect.SCHEMA_VERSION", 99)
    assert describe(folder / "half.oddport").state == "older"  # not brought up to date by looking at it


@pytest.mark.parametrize("junk", range(6))
def test_no_damage_makes_the_list_fail(home: Path, junk: int) -> None:
    import random

    rng = random.Random(junk)
    path = make_case(data_folder() / "a.oddport")
    content = bytearray(path.read_bytes())
    for _ in range(200):
        at = rng.randrange(100, len(content))
        content[at] = rng.randrange(256)
    if junk == 0:
        content = content[: len(content) // 2]
    path.write_bytes(content)
    (case,) = list_cases()
    assert case.path == path


def test_a_case_is_found_by_name_by_beginning_and_by_path(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = make_case(case_for(["branch.pcap"], ["1" * 32]))
    other = make_case(case_for(["branchless.pcap"], ["2" * 32]))
    assert find_case("branch-111111111111") == one
    assert find_case("branch-111111111111.oddport") == one
    assert find_case("branchless") == other
    assert find_case(str(one)) == one
    with pytest.raises(CaseError, match=r"Several cases begin with branch: branch-1{12}, branchless-2{12}"):
        find_case("branch")
    for name in ("nothing", "", "../nowhere"):
        with pytest.raises(CaseError, match="There is no case"):
            find_case(name)


def test_a_removed_case_leaves_nothing_beside_the_captures(home: Path, tmp_path: Path) -> None:
    capture = tmp_path / "a.pcap"
    capture.write_bytes(b"x")
    path = make_case(case_for([capture], [DIGEST]))
    copies = unpack_folder(path)
    copies.mkdir()
    (copies / "0.pcap").write_bytes(b"y" * 500)
    freed = remove_case(path)
    assert freed > 500
    assert list(home.iterdir()) == []
    assert capture.exists()
    with pytest.raises(CaseError, match="There is no case"):
        remove_case(path)


def test_a_link_beside_a_case_is_not_followed(home: Path, tmp_path: Path) -> None:
    path = make_case(case_for(["a.pcap"], [DIGEST]))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "keep").touch()
    unpack_folder(path).symlink_to(mine)
    remove_case(path)
    assert (mine / "keep").exists()


def test_other_files_are_not_removed(home: Path, tmp_path: Path) -> None:
    text = tmp_path / "thesis.txt"
    text.write_text("years of work " * 100)
    empty = tmp_path / "empty.txt"
    empty.touch()
    foreign = tmp_path / "accounts.sqlite"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE x (y)")
    connection.close()
    for path in (text, empty, foreign):
        with pytest.raises(CaseError, match="is not a case of oddport and was not removed"):
            remove_case(path)
        assert path.exists()


def test_damaged_and_empty_cases_can_be_removed(home: Path) -> None:
    folder = data_folder()
    garbage = folder / "garbage.oddport"
    garbage.write_bytes(b"\xff" * 5_000)
    empty = folder / "empty.oddport"
    empty.touch()
    torn = make_case(folder / "torn.oddport")
    content = bytearray(torn.read_bytes())
    content[16_384:] = b"\xff" * (len(content) - 16_384)
    torn.write_bytes(content)
    for path in (garbage, empty, torn):
        remove_case(path)
    assert list(folder.iterdir()) == []


def test_a_case_that_is_being_loaded_is_not_removed(home: Path) -> None:
    path = case_for(["a.pcap"], [DIGEST])
    with CaseWriter.create(path) as writer:
        writer.begin_load(1)
        with pytest.raises(CaseError, match=f"is being loaded by process {os.getpid()}"):
            remove_case(path)
        writer.finish_load()
    remove_case(path)


def test_what_cannot_be_removed_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_case(case_for(["a.pcap"], [DIGEST]))

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(CaseError, match="could not be removed: Permission denied"):
        remove_case(path)
    assert path.exists()
