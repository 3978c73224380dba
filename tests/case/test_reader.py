"""What the loader put in comes out as readable rows; lists come in the order that was asked for, and can be stopped."""

import dataclasses
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oddport.case import connect
from oddport.case.connect import SCHEMA_VERSION
from oddport.case.errors import CaseBusy, CaseError, Interrupted
from oddport.case.filter import compile_filter
from oddport.case.model import ScoreStep
from oddport.case.reader import CaseReader
from oddport.case.tables import FINDING_COLUMNS, FLOW_COLUMNS
from oddport.case.writer import CaseWriter
from oddport.engine.columns import FLOW
from tests.case.build import SECOND, START, finding, make_case, put_flows


def test_a_flow_reads_as_words(reader: CaseReader) -> None:
    flow = reader.flow(1)
    assert flow is not None
    assert (flow.src, flow.sport, flow.dst, flow.dport) == ("10.20.3.14", 51_544, "203.0.113.80", 8_088)
    assert (flow.proto, flow.version, flow.app, flow.tier, flow.verdict) == ("tcp", 4, "tls", "A", "mismatch")
    assert (flow.state, flow.server, flow.server_port) == ("SF", "responder by SYN", 8_088)
    assert (flow.packets, flow.bytes, flow.severity) == (11, 10_000, "high")
    assert flow.facts == {"sni": "Shop.Example.org", "alpn": ["h2", "http/1.1"], "resumed": True}
    assert not flow.server_is_originator
    assert flow.notes == ()


def test_what_is_not_known_of_a_flow_is_empty(reader: CaseReader) -> None:
    flow = reader.flow(3)
    assert flow is not None
    assert (flow.src, flow.dst, flow.app, flow.tier) == ("2001:db8::1", "2001:db8::2", None, "")
    assert (flow.facts, flow.notes) == ({}, ("one-sided", "fragmented"))
    ping = reader.flow(4)
    assert ping is not None
    assert (ping.proto, ping.server_port, ping.severity, ping.verdict) == ("icmp", None, None, "")
    assert reader.flow(99) is None


def test_flows_folded_into_a_finding_are_found_from_both_sides(tmp_path: Path) -> None:
    path = make_case(tmp_path / "c.oddport")
    with CaseWriter.resume(path) as writer:
        writer.put_findings([finding(also=[1, 2, 3])])
    with CaseReader.open(path) as reader:
        (number,) = [each.id for each in reader.findings_of_flow(3) if each.uid == "f1"]
        assert list(reader.flows_of_findings([number])) == [1, 2, 3]
        where = compile_filter("uid == f1", "flows")
        assert list(reader.query_ids("flows", where.sql, where.params)) == [1, 2, 3]
    with CaseWriter.resume(path) as writer:
        writer.put_findings([finding(also=[1, 2])])
    with CaseReader.open(path) as reader:
        assert list(reader.flows_of_findings([number])) == [1, 2]
        assert "f1" not in [each.uid for each in reader.findings_of_flow(3)]
    with CaseWriter.resume(path) as writer:
        writer.remove_findings(["f1"])
    with CaseReader.open(path) as reader:
        assert list(reader.flows_of_findings([number])) == []


def test_a_finding_reads_with_its_reasons(reader: CaseReader) -> None:
    found = reader.finding_by_uid("f1")
    assert found is not None
    assert reader.finding(found.id) == found
    assert (found.title, found.severity, found.score, found.flow) == ("TLS on 8088/tcp", "high", 72, 1)
    assert (found.src, found.dst, found.proto, found.attack_version) == ("10.20.3.14", "203.0.113.80", "tcp", "17.1")
    assert found.parts == (ScoreStep(60, False, "tier A"), ScoreStep(1.2, True, "both directions"))
    assert found.rejected == ("not SSH: byte 0 is 0x16",)
    assert found.lowered == ("seen once",)
    assert [each.says for each in reader.evidence(found.id)] == ["a TLS record", "a TLS record back"]
    first = reader.evidence(found.id)[0]
    assert (first.file, first.packet, first.offset, first.data, first.train) == (0, 4, 54, b"\x16\x03\x01", None)
    assert [(each.technique, each.relation) for each in reader.techniques(found.id)] == [
        ("T1571", "direct"), ("T1071.001", "related"),
    ]  # fmt: skip
    assert [each.uid for each in reader.findings_of_flow(1)] == ["f1"]
    assert reader.findings_of_flow(2) == []
    assert reader.finding(99) is None
    assert reader.finding_by_uid("f9") is None


def test_counts_of_the_case(reader: CaseReader) -> None:
    counts = reader.counts()
    assert (counts.packets, counts.flows, counts.trains, counts.errors) == (8, 4, 1, 0)
    assert counts.findings == (0, 0, 1, 1, 0)
    assert counts.reviewed == 0
    assert [(each.technique, each.relation, each.findings, each.worst) for each in reader.technique_counts()] == [
        ("T1571", "direct", 1, "high"), ("T1071.001", "related", 1, "high"),
    ]  # fmt: skip
    assert "created_ns" in reader.meta()
    assert reader.errors() == []


def test_files_and_the_load_are_told(reader: CaseReader) -> None:
    (file,) = reader.files()
    assert (file.path, file.packets, file.linktypes, file.truncated) == ("/captures/branch.pcap", 8, (1,), False)
    assert reader.load_state().state == "done"
    assert reader.load_state().bytes_total == 1_000


def test_a_train_reads_with_fragments_and_conflicts(reader: CaseReader) -> None:
    train = reader.train(1)
    assert train is not None
    assert (train.src, train.dst, train.proto, train.ip_id, train.count) == ("10.0.0.1", "10.0.0.2", "udp", 0xBEEF, 3)
    assert [(each.offset, each.more, each.ttl) for each in train.fragments] == [
        (0, True, 64),
        (8, False, 64),
        (8, False, 61),
    ]
    assert (train.conflicts[0].offset, train.conflicts[0].old, train.conflicts[0].new) == (8, b"aa", b"bb")
    assert (train.reassembled, train.total, train.flow) == (16, 16, None)
    assert reader.trains(1) == []
    assert reader.train(2) is None


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ((), [1, 2, 3, 4]),
        (("bytes",), [4, 2, 1, 3]),
        ((("bytes", True),), [3, 1, 2, 4]),
        (("app",), [3, 4, 2, 1]),  # without a name first, then dns, tls
        ((("severity", True), "id"), [1, 3, 2, 4]),
        (("src",), [1, 2, 4, 3]),  # by number, IPv4 first
        ((("duration_ns", True),), [3, 1, 2, 4]),
    ],
)
def test_flows_come_in_the_order_that_is_asked_for(
    reader: CaseReader, order: tuple[str, ...], expected: list[int]
) -> None:
    assert list(reader.query_ids("flows", order=order)) == expected


def test_ties_go_by_id_and_lists_can_be_limited(reader: CaseReader) -> None:
    assert list(reader.query_ids("flows", order=(("first_packet", True),), limit=2)) == [4, 3]
    assert list(reader.query_ids("flows", "flow.proto = ?", (6,), ("proto",))) == [1, 3]
    assert list(reader.query_ids("flows", "flow.proto = ? OR flow.proto = ?", (6, 1), after=1)) == [3, 4]
    assert list(reader.query_ids("findings", order=(("score", True),))) == [1, 2]
    assert list(reader.query_ids("findings", order=("techniques", "verdict", "severity", "src"))) == [2, 1]


@pytest.mark.parametrize("order", [("nonsense",), ("id; DROP TABLE flow",), (("src DESC--", True),)])
def test_only_columns_can_be_sorted_by(reader: CaseReader, order: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="flows have no column"):
        reader.query_ids("flows", order=order)
    with pytest.raises(ValueError, match="there is no list"):
        reader.query_ids("sqlite_master")


def test_rows_come_by_id_with_readable_values(reader: CaseReader) -> None:
    first, gone, third = reader.rows(
        "flows", [3, 77, 1], ["src", "app", "verdict", "severity", "tier", "bytes", "open"]
    )
    assert first == ("2001:db8::1", None, "unrecognised", "medium", None, 2_000_000, False)
    assert gone is None
    assert third == ("10.20.3.14", "tls", "mismatch", "high", "A", 10_000, False)
    (row,) = reader.rows("findings", [1])
    assert row is not None
    values = dict(zip(FINDING_COLUMNS, row, strict=True))
    assert (values["severity"], values["techniques"], values["verdict"]) == ("high", "T1571 T1071.001", None)
    (row,) = reader.rows("flows", [4])
    assert row is not None
    values = dict(zip(FLOW_COLUMNS, row, strict=True))
    assert (values["proto"], values["severity"], values["verdict"]) == ("icmp", None, None)
    assert reader.rows("flows", []) == []


def test_more_rows_than_fit_in_one_statement_come_too(tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as writer:
        writer.begin_load(1)
        array = np.zeros(1_200, FLOW)
        array["id"] = np.arange(1_200) + 1
        array["version"] = 4
        put_flows(writer, array, ["tls"] * 1_200, np.zeros(1_200), np.zeros(1_200), np.arange(1_200))
        writer.finish_load()
    with CaseReader.open(path) as opened:
        ids = opened.query_ids("flows", order=(("server_port", True),))
        assert [row and row[0] for row in opened.rows("flows", ids, ["server_port"])] == list(range(1_199, -1, -1))


# the four flows joined to themselves, and twice to 300 words: minutes at least
SLOW = (
    "(SELECT count(*) FROM flow a, flow b, flow c, flow d, flow e, flow f, flow g, flow h, flow i, flow j, flow k) > 0"
)


def test_a_query_that_is_not_wanted_any_more_is_stopped_from_another_thread(small_case: Path) -> None:
    with CaseReader.open(small_case) as reader:
        ended: list[type[BaseException]] = []

        def ask() -> None:
            try:
                reader.query_ids("flows", f"{SLOW} AND {SLOW.replace('flow a,', 'flow a, word x, word y,')}")
            except BaseException as error:
                ended.append(type(error))

        thread = threading.Thread(target=ask)
        thread.start()
        deadline = time.monotonic() + 30
        while thread.is_alive():
            assert time.monotonic() < deadline
            reader.interrupt()
            assert reader.flow(1) is not None  # other questions go on
            thread.join(0.02)
        assert ended == [Interrupted]
        assert list(reader.query_ids("flows")) == [1, 2, 3, 4]


def test_a_query_asks_whether_it_is_still_wanted(small_case: Path) -> None:
    with CaseReader.open(small_case) as reader:
        with pytest.raises(Interrupted):
            reader.query_ids("flows", wanted=lambda: False)
        asked = []

        def wanted() -> bool:
            asked.append(1)
            return len(asked) < 4

        with pytest.raises(Interrupted):
            reader.query_ids("flows", SLOW.replace("flow a,", "flow a, word x, word y,"), wanted=wanted)
        assert len(asked) == 4
        assert list(reader.query_ids("flows")) == [1, 2, 3, 4]


def test_many_threads_read_at_once(small_case: Path) -> None:
    with CaseReader.open(small_case) as reader:
        wrong: list[object] = []

        def read() -> None:
            for _ in range(30):
                rows = reader.rows("flows", reader.query_ids("flows"), ["src"])
                if [row and row[0] for row in rows] != ["10.20.3.14", "10.20.4.61", "2001:db8::1", "10.200.0.1"]:
                    wrong.append(rows)
                if len(reader.packets_of_flow(1)) != 4:
                    wrong.append("packets")

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_a_closed_reader_says_so(small_case: Path) -> None:
    reader = CaseReader.open(small_case)
    reader.close()
    with pytest.raises(CaseError, match="was closed"):
        reader.flow(1)


def test_a_reader_cannot_write(small_case: Path) -> None:
    with (
        CaseReader.open(small_case) as reader,
        reader._pool.use() as connection,
        pytest.raises(sqlite3.OperationalError),
    ):
        connection.execute("DELETE FROM flow")


def test_no_transaction_stays_open_between_two_questions(own_case: Path) -> None:
    with CaseReader.open(own_case) as reader:
        reader.query_ids("flows")
        reader.rows("flows", [1])
        reader.packets_of_flow(1)
        writer = sqlite3.connect(own_case, isolation_level=None)
        writer.execute("INSERT INTO meta VALUES ('x', 'y')")
        # a log that no reader holds on to can be emptied
        assert writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
        writer.close()
        assert reader.meta()["x"] == "y"


def test_what_is_no_case_is_said(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="There is no case"):
        CaseReader.open(tmp_path / "no.oddport")
    with pytest.raises(CaseError, match="is a folder, not a case"):
        CaseReader.open(tmp_path)
    text = tmp_path / "notes.txt"
    text.write_text("not a case, just text\n" * 100)
    with pytest.raises(CaseError, match="is not a case of oddport"):
        CaseReader.open(text)
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE flow (id)")
    connection.close()
    with pytest.raises(CaseError, match="an SQLite file, but not a case of oddport"):
        CaseReader.open(other)
    with pytest.raises(CaseError, match="an SQLite file, but not a case of oddport"):
        CaseWriter.resume(other)


def test_a_case_of_a_newer_oddport_is_refused_with_a_sentence(own_case: Path) -> None:
    connection = sqlite3.connect(own_case)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(
        CaseError,
        match=rf"made by a newer oddport \(file version 99, this one knows {SCHEMA_VERSION}\)\. Update oddport",
    ):
        CaseReader.open(own_case)
    with pytest.raises(CaseError, match="newer oddport"):
        CaseWriter.resume(own_case)


def test_a_damaged_case_is_said_and_not_read_wrong(own_case: Path) -> None:
    content = bytearray(own_case.read_bytes())
    for at in range(16_384, len(content), 16_384):
        content[at : at + 200] = b"\xff" * 200
    own_case.write_bytes(content)
    with pytest.raises(CaseError, match="is damaged"), CaseReader.open(own_case) as reader:
        reader.flow(1)


@pytest.mark.parametrize("name", ["a b#c?d%20.oddport", "ünïcode ☃.oddport", "quo'te\".oddport"])
def test_any_file_name_opens(tmp_path: Path, name: str) -> None:
    path = make_case(tmp_path / name)
    with CaseReader.open(path) as reader:
        assert reader.counts().flows == 4
        reader.set_verdict("f1", "benign")
        assert reader.verdict("f1") is not None


READ_ONLY = """
import os, sys
from oddport.case.reader import CaseReader
from oddport.case.errors import CaseError
if os.geteuid() == 0:  # root may write everywhere
    os.setgid(65534)
    os.setuid(65534)
try:
    with CaseReader.open(sys.argv[1]) as reader:
        print(reader.counts().flows, reader.caution)
        reader.set_verdict("f1", "benign")
except CaseError as error:
    print("!", error)
"""


def as_nobody(path: Path) -> str:
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(path)],
        capture_output=True,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(root), "HOME": "/", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return ran.stdout + ran.stderr


@pytest.fixture
def read_only_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which nobody but root may write, on a path that everybody may walk."""
    base = Path("/tmp") if os.geteuid() == 0 else tmp_path_factory.mktemp("ro")
    folder = base / f"oddport-read-only-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir(mode=0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_case_in_a_folder_that_may_not_be_written_is_read_and_that_is_said(read_only_folder: Path) -> None:
    path = make_case(read_only_folder / "a.oddport")
    path.chmod(0o644)
    read_only_folder.chmod(0o555)
    said = as_nobody(path)
    first, second = said.splitlines()
    assert first.startswith("4 The folder of a.oddport may not be written: the case is read as it is now")
    assert "could not be" in second or "cannot be written" in second


def test_a_case_with_pending_changes_in_such_a_folder_is_refused_rather_than_read_in_part(
    read_only_folder: Path,
) -> None:
    path = read_only_folder / "a.oddport"
    writer = CaseWriter.create(path)
    writer.begin_load(1)
    log = path.with_name("a.oddport-wal")
    kept = read_only_folder / "kept"
    shutil.copy(log, kept)
    shutil.copy(path, read_only_folder / "b.oddport")
    writer.close()
    other = read_only_folder / "b.oddport"
    shutil.move(kept, read_only_folder / "b.oddport-wal")
    for each in read_only_folder.iterdir():
        each.chmod(0o644)
    assert stat.S_IMODE(other.stat().st_mode) == 0o644
    read_only_folder.chmod(0o555)
    said = as_nobody(other)
    assert "its last changes still lie in b.oddport-wal" in said


@pytest.mark.parametrize(
    ("line", "where", "kind"),
    [
        ("36 35 0:31 / /home rw - nfs4 server:/home rw", "/home/ada/a.oddport", "nfs4"),
        ("36 35 0:31 / /home rw - nfs4 server:/home rw", "/homes/a.oddport", "ext4"),
        ("36 35 0:31 / /mnt/my\\040share rw shared:1 - cifs //s/x rw", "/mnt/my share/a.oddport", "cifs"),
        ("nonsense", "/x", "ext4"),
    ],
)
def test_the_file_system_of_a_case_is_known(tmp_path: Path, line: str, where: str, kind: str) -> None:
    info = tmp_path / "mountinfo"
    info.write_text(f"22 1 8:1 / / rw,relatime - ext4 /dev/vda rw\n{line}\n")
    assert connect.filesystem_of(Path(where), info) == kind
    assert connect.filesystem_of(Path(where), tmp_path / "none") == ""


def test_on_a_network_file_system_the_case_is_written_without_a_log_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "filesystem_of", lambda path: "nfs4")
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as writer:
        assert "without a write-ahead log, since it lies on a network file system (nfs4)" in writer.caution
        writer.begin_load(1)
        assert not path.with_name("a.oddport-wal").exists()
        with CaseReader.open(path) as reader:
            assert reader.load_state().state == "loading"
            reader.set_verdict("f1", "confirmed")
        writer.finish_load()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
    assert connection.execute("PRAGMA auto_vacuum").fetchone()[0] == 2
    connection.close()


class Stubborn(sqlite3.Connection):
    """SQLite on a file system without shared memory."""

    answer: str | None = "delete"

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql == "PRAGMA journal_mode=WAL":
            if self.answer is None:
                raise sqlite3.OperationalError("disk I/O error")
            sql = f"SELECT '{self.answer}'"
        return super().execute(sql, *values)


@pytest.mark.parametrize(("answer", "why"), [("delete", "has no shared memory"), (None, "does not allow it")])
def test_where_the_log_cannot_be_had_the_case_is_written_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str | None, why: str
) -> None:
    original = sqlite3.connect
    monkeypatch.setattr(Stubborn, "answer", answer)
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: original(*a, factory=Stubborn, **k))
    with CaseWriter.create(tmp_path / "a.oddport") as writer:
        assert why in writer.caution
        writer.begin_load(1)
        writer.finish_load()


class NoIndex(sqlite3.Connection):
    """SQLite in a folder where it may not make the index of the log: every read fails unless the file is immutable."""

    code = sqlite3.SQLITE_CANTOPEN

    def __init__(self, place: str, *values: Any, **options: Any) -> None:
        super().__init__(place, *values, **options)
        self.fails = "immutable" not in place

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if self.fails:
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = self.code
            raise error
        return super().execute(sql, *values)


CONNECT = sqlite3.connect


def without_index(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(NoIndex, "code", code)
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: CONNECT(*a, factory=NoIndex, **k))


def test_without_the_index_of_the_log_the_case_is_read_as_it_is(
    own_case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_index(monkeypatch, sqlite3.SQLITE_CANTOPEN)
    with CaseReader.open(own_case) as reader:
        assert "the case is read as it is now" in reader.caution
        assert reader.counts().flows == 4


def test_without_the_index_pending_changes_are_said(own_case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_case.with_name("own.oddport-wal").write_bytes(b"pending")
    without_index(monkeypatch, sqlite3.SQLITE_READONLY)
    with pytest.raises(CaseError, match=r"its last changes still lie in own\.oddport-wal\. Copy both files"):
        CaseReader.open(own_case)


def test_a_change_that_a_killed_writer_left_half_done_is_undone_by_the_next_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a log, SQLite keeps what to undo in a journal; a reader may not touch it."""
    monkeypatch.setattr(connect, "filesystem_of", lambda path: "nfs4")
    path = make_case(tmp_path / "a.oddport")
    code = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA cache_size=1'); c.execute('BEGIN IMMEDIATE'); c.execute('UPDATE flow SET sport = 1')\n"
        "c.execute('CREATE TABLE big AS SELECT a.* FROM word a, word b'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    journal = path.with_name("a.oddport-journal")
    assert journal.stat().st_size > 0
    half_done = tmp_path / "half.oddport"
    shutil.copy(path, half_done)
    shutil.copy(journal, tmp_path / "half.oddport-journal")
    with CaseReader.open(path) as reader:
        flow = reader.flow(1)
        assert flow is not None
        assert flow.sport == 51_544
        assert reader.caution == ""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(CaseError, match=r"its last changes still lie in half\.oddport-journal"):
        CaseReader.open(half_done)


def test_other_failures_are_not_taken_for_a_missing_index(
    own_case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "text"
    text.write_text("no case")
    without_index(monkeypatch, sqlite3.SQLITE_CANTOPEN)
    with pytest.raises(CaseError, match="could not be opened: unable to open database file"):
        CaseReader.open(text)
    without_index(monkeypatch, sqlite3.SQLITE_BUSY)
    with pytest.raises(CaseBusy, match="another process held it for 5 seconds"):
        CaseReader.open(own_case)


def test_a_case_without_rights_is_a_sentence(own_case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(CaseError, match="cannot be written: no permission"):
        CaseWriter.resume(own_case)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (sqlite3.SQLITE_CORRUPT, "is damaged"),
        (sqlite3.SQLITE_FULL, "the disk is full"),
        (sqlite3.SQLITE_READONLY, "may not be written here"),
        (sqlite3.SQLITE_IOERR | 5 << 8, "disk I/O error"),
    ],
)
def test_what_sqlite_says_is_a_sentence_for_the_person(code: int, said: str) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    assert said in str(connect.explain(error, Path("/x/a.oddport"), "written"))


def test_a_row_that_no_writer_makes_is_damage(own_case: Path) -> None:
    connection = sqlite3.connect(own_case)
    connection.execute("UPDATE flow SET facts = '[broken' WHERE id = 1")
    connection.execute("UPDATE flow SET src = 99999999999 WHERE id = 2")
    connection.execute("UPDATE packet_block SET flow = x'00'")
    connection.commit()
    connection.close()
    with CaseReader.open(own_case) as reader:
        for ask in (lambda: reader.flow(1), lambda: reader.flow(2), lambda: reader.packets_of_flow(1)):
            with pytest.raises(CaseError, match="is damaged"):
                ask()
        with pytest.raises(UnicodeEncodeError):  # a mistake of the caller
            reader.finding_by_uid("\ud800")


def test_a_reader_that_is_closed_while_it_is_asked_ends_the_question(small_case: Path) -> None:
    reader = CaseReader.open(small_case)
    ended: list[type[BaseException]] = []
    begun = threading.Event()

    def wanted() -> bool:
        begun.set()
        return True

    def ask() -> None:
        try:
            reader.query_ids("flows", SLOW.replace("flow a,", "flow a, word x, word y,"), wanted=wanted)
        except BaseException as error:
            ended.append(type(error))

    thread = threading.Thread(target=ask)
    thread.start()
    assert begun.wait(30)
    while thread.is_alive():
        reader.close()
        thread.join(0.02)
    assert ended == [Interrupted]


def test_rows_are_frozen(reader: CaseReader) -> None:
    flow = reader.flow(1)
    assert flow is not None
    with pytest.raises(dataclasses.FrozenInstanceError):
        flow.app = "ssh"  # type: ignore[misc]
    assert (flow.first_ns, flow.last_ns - flow.first_ns) == (START, 3 * SECOND)
