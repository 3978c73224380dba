"""What a load writes is there at once, in short transactions; it gives way to a new load, not to a second loader."""

import os
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from oddport.case import process, transactions, writer
from oddport.case.connect import SCHEMA_VERSION, connect_for_writing
from oddport.case.errors import CaseBusy, CaseError
from oddport.case.flow_blocks import UNKNOWN, FlowBlocks
from oddport.case.model import DOUBT, LIMIT, Omission
from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter
from oddport.detection.model import Severity
from oddport.engine.columns import BLOCK
from tests.case.build import File, Interface, finding, flows, make_case, packets, put_flows, train, waiting


def one(path: Path, sql: str, *values: object) -> object:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql, values).fetchone()[0]
    finally:
        connection.close()


def test_a_new_case_is_an_oddport_file_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as made:
        made.begin_load(None)
        assert made.caution == ""
        for each in tmp_path.iterdir():  # the log and its index too
            assert stat.S_IMODE(each.stat().st_mode) == 0o600, each
    assert [each.name for each in tmp_path.iterdir()] == ["a.oddport"]
    assert one(path, "PRAGMA application_id") == 0x6F646470
    assert one(path, "PRAGMA user_version") == SCHEMA_VERSION
    assert one(path, "PRAGMA auto_vacuum") == 2  # incremental
    assert one(path, "PRAGMA journal_mode") == "wal"
    assert one(path, "PRAGMA integrity_check") == "ok"


def test_what_a_load_left_out_is_read_back_limits_first_and_goes_with_the_load(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    doubts = [Omission("a", DOUBT, "too short", 9), Omission("b", DOUBT, "one\x1b[2Jsided", 20)]
    limit = Omission("flows", LIMIT, "flows were ended early", 3)
    with CaseWriter.create(path) as made, CaseReader.open(path) as reader:
        made.begin_load(None)
        made.put_omissions([Omission("old", LIMIT, "of an earlier report", 1)])
        made.put_omissions([*doubts, limit])
        made.finish_load()
        found = reader.omissions()
        assert [each.source for each in found] == ["flows", "b", "a"]
        assert (found[0], found[2]) == (limit, doubts[0])
        assert "\x1b" not in found[1].reason
        made.begin_load(None, replace=True)
        assert reader.omissions() == []


def test_making_a_case_does_not_import_sqlite_utils_nor_textual(tmp_path: Path) -> None:
    code = (
        "import sys; from oddport.case.writer import CaseWriter; from oddport.case.reader import CaseReader;"
        f"path = {str(tmp_path / 'a.oddport')!r}; CaseWriter.create(path).close(); CaseReader.open(path).close();"
        "print([m for m in ('sqlite_utils', 'textual', 'rich', 'lark', 'scapy', 'platformdirs') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_reading_a_case_imports_numpy_only_for_packets(small_case: Path) -> None:
    code = (
        "import sys; from oddport.case.reader import CaseReader; from oddport.case.filter import compile_filter;"
        f"r = CaseReader.open({str(small_case)!r}); r.counts(); r.flow(1); r.finding(1); r.evidence(1); r.trains();"
        "w = compile_filter('tls', 'flows'); r.rows('flows', r.query_ids('flows', w.sql, w.params));"
        "print('numpy' in sys.modules, 'oddport.protocols' in sys.modules); r.packets_of_flow(1);"
        "print('numpy' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False False\nTrue\n"


def test_an_existing_file_is_never_made_a_new_case(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(CaseError, match=r"notes\.txt is there already"):
        CaseWriter.create(path)
    assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="could not be made: No such file or directory"):
        CaseWriter.create(tmp_path / "no" / "a.oddport")


def test_a_case_that_cannot_be_made_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "schema_statements", lambda: ["CREATE TABLE x (a)", "nonsense"])
    with pytest.raises(CaseError, match="could not be written"):
        CaseWriter.create(tmp_path / "a.oddport")
    assert not list(tmp_path.iterdir())


def test_an_empty_file_of_a_killed_maker_is_made_a_case(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    path.touch(0o600)
    with CaseWriter.resume(path) as made:
        assert made.begin_load(1) == 1


def test_two_makers_of_one_empty_file_make_one_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.oddport"
    path.touch(0o600)
    connect = connect_for_writing

    def late(place: Path, *, empty: bool) -> object:
        opened = connect(place, empty=empty)
        monkeypatch.setattr(writer, "connect_for_writing", connect)
        with CaseWriter.resume(path) as first:  # another process is quicker
            first.begin_load(7)
        return opened

    monkeypatch.setattr(writer, "connect_for_writing", late)
    CaseWriter.resume(path).close()
    assert one(path, "SELECT bytes_total FROM load") == 7


def test_what_is_put_is_seen_by_readers_before_the_load_ends(tmp_path: Path) -> None:
    path = make_case(tmp_path / "a.oddport", state=None)
    with CaseReader.open(path) as reader:
        assert [row and row[0] for row in reader.rows("flows", [1, 4, 9], ["src"])] == [
            "10.20.3.14",
            "10.200.0.1",
            None,
        ]
        assert reader.finding_by_uid("f1") is not None


def test_a_loader_that_died_is_seen_as_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_case(tmp_path / "a.oddport", state=None)
    with CaseReader.open(path) as reader:
        assert reader.load_state().state == "loading"  # this process lives
        monkeypatch.setattr(process, "process_start", lambda pid: "another boot/1")
        assert reader.load_state().state == "interrupted"
        assert reader.counts().flows == 4
        assert reader.counts().packets == 8


def test_loading_again_drops_what_was_half_loaded_and_keeps_verdicts(tmp_path: Path) -> None:
    path = make_case(tmp_path / "a.oddport", state=None)
    with CaseReader.open(path) as reader:
        reader.set_verdict("f1", "benign", "a test shop")
    with CaseWriter.resume(path) as again:
        again.begin_load(1_000)
        with CaseReader.open(path) as reader:
            assert not reader.query_ids("flows")
            assert not reader.query_ids("findings")
            assert reader.packet(0) is None
            assert reader.trains() == []
        put_flows(again, flows({"src": "10.20.3.14", "dst": "203.0.113.80"}), ["tls"], [3], [5], [8_088])
        again.put_findings([finding()])
        again.finish_load()
    with CaseReader.open(path) as reader:
        found = reader.finding_by_uid("f1")
        assert found is not None
        assert (found.verdict, found.note) == ("benign", "a test shop")
        assert reader.load_state().state == "done"
    assert one(path, "SELECT state FROM load WHERE id = 1") == "interrupted"
    assert one(path, "PRAGMA integrity_check") == "ok"
    assert one(path, "PRAGMA freelist_count") == 0


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_a_load_that_did_not_come_to_its_end_may_be_started_over(tmp_path: Path, state: str) -> None:
    path = make_case(tmp_path / "a.oddport", state=state)
    with CaseReader.open(path) as reader:
        assert reader.load_state().state == state
        assert reader.counts().flows == 4  # what was read is kept until then
    with CaseWriter.resume(path) as again:
        assert again.begin_load(1) == 2
    assert one(path, "SELECT count(*) FROM flow") == 0


def test_a_load_that_is_done_gives_way_only_if_that_is_said(tmp_path: Path) -> None:
    path = make_case(tmp_path / "a.oddport")
    with CaseWriter.resume(path) as again:
        with pytest.raises(CaseError, match="already holds a load that is done"):
            again.begin_load(1)
        assert one(path, "SELECT count(*) FROM flow") == 4
        again.begin_load(1, replace=True)
        assert one(path, "SELECT count(*) FROM flow") == 0


def test_a_second_loader_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    code = (
        "import sys; from oddport.case.writer import CaseWriter\n"
        f"w = CaseWriter.create({str(path)!r}); w.begin_load(5); print('begun', flush=True); sys.stdin.read()"
    )
    first = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdin is not None
    try:
        assert first.stdout.readline() == "begun\n"
        with CaseWriter.resume(path) as second:
            with pytest.raises(CaseError, match=f"is being loaded by process {first.pid} on "):
                second.begin_load(5)
            first.kill()
            first.wait()
            assert second.begin_load(5) == 2
    finally:
        first.kill()
        first.stdin.close()
        first.stdout.close()
        first.wait()


def test_no_lock_is_held_between_two_puts(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as made:
        made.begin_load(1)
        made.put_findings([finding()])
        other = sqlite3.connect(path, timeout=0)
        other.execute("INSERT INTO meta VALUES ('mine', '1')")
        other.commit()
        other.close()


def test_a_long_put_is_many_short_transactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "FLOWS_AT_ONCE", 10)
    monkeypatch.setattr(transactions, "TRANSACTION_S", 0.0)
    monkeypatch.setattr(transactions, "GIVE_WAY_S", 0.0)
    path = tmp_path / "a.oddport"
    statements: list[str] = []
    with CaseWriter.create(path) as made:
        made.begin_load(1)
        made._db.connection.set_trace_callback(statements.append)
        rows = flows(*[{"src": "10.0.0.1", "dst": "10.0.0.2"}] * 100)
        put_flows(made, rows, ["tls"] * 100, [3] * 100, [1] * 100, [443] * 100)
        made._db.connection.set_trace_callback(None)
    assert statements.count("COMMIT") == 11  # after each ten, and at the end
    assert one(path, "SELECT count(*) FROM flow") == 100


def test_several_puts_share_a_transaction_and_an_error_undoes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as made:
        made.begin_load(1)
        rows = flows({"src": "10.0.0.1", "dst": "10.0.0.2"})

        def fail() -> None:
            with made.together():
                put_flows(made, rows, ["tls"], [3], [1], [443])
                raise RuntimeError("stop")

        with pytest.raises(RuntimeError, match="stop"):
            fail()
        assert one(path, "SELECT count(*) FROM flow") == 0
        with made.together():
            put_flows(made, rows, ["tls"], [3], [1], [443])
            made.put_findings([finding()])
            assert one(path, "SELECT count(*) FROM flow") == 0
        assert one(path, "SELECT app.name FROM flow JOIN app ON app.id = flow.app") == "tls"
        assert one(path, "SELECT severity FROM flow") == Severity.HIGH


def test_a_flow_that_is_put_again_takes_the_place_of_its_earlier_state(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as made:
        made.begin_load(1)
        early = flows({"src": "10.0.0.1", "dst": "10.0.0.2", "packets_o": 1})
        put_flows(made, early, [None], [0], [0], [0], open=True)
        made.put_findings([finding(severity=Severity.LOW)])
        later = flows({"src": "10.0.0.1", "dst": "10.0.0.2", "packets_o": 9})
        put_flows(made, later, ["tls"], [3], [5], [8_088])
    with CaseReader.open(path) as reader:
        flow = reader.flow(1)
        assert flow is not None
        assert (flow.packets_o, flow.app, flow.open, flow.severity) == (9, "tls", False, "low")


def test_columns_of_different_length_are_refused(tmp_path: Path) -> None:
    with CaseWriter.create(tmp_path / "a.oddport") as made:
        rows = flows({"src": "10.0.0.1"}, {"src": "10.0.0.2"})
        with pytest.raises(ValueError, match="each column of 2 flows"):
            put_flows(made, rows, ["tls"], [3, 3], [1, 1], [443, 443])


def test_no_flows_at_all_are_no_error(tmp_path: Path) -> None:
    with CaseWriter.create(tmp_path / "a.oddport") as made:
        put_flows(made, flows(), [], [], [], [])


def test_a_finding_that_is_judged_again_keeps_its_row_and_changes_all_else(tmp_path: Path) -> None:
    path = make_case(tmp_path / "a.oddport")
    with CaseReader.open(path) as reader:
        before = reader.finding_by_uid("f1")
        assert before is not None
        with CaseWriter.resume(path) as again:
            again.put_findings(
                [finding(severity=Severity.LOW, score=30, flow=2, mappings=(), evidence=finding().evidence[:1])]
            )
        after = reader.finding_by_uid("f1")
        assert after is not None
        assert (after.id, after.severity, after.score, after.flow) == (before.id, "low", 30, 2)
        assert len(reader.evidence(after.id)) == 1
        assert reader.techniques(after.id) == []
        first, second = reader.flow(1), reader.flow(2)
        assert first is not None
        assert second is not None
        assert (first.severity, second.severity) == (None, "low")


def test_a_flow_has_the_severity_of_its_worst_finding(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as made:
        made.begin_load(1)
        put_flows(made, flows({"src": "10.0.0.1", "dst": "10.0.0.2"}), [None], [0], [0], [0])
        made.put_findings([finding("a", severity=Severity.CRITICAL), finding("b", severity=Severity.LOW)])
        assert one(path, "SELECT severity FROM flow") == Severity.CRITICAL
        made.remove_findings(["a", "never heard of"])
        assert one(path, "SELECT severity FROM flow") == Severity.LOW
        assert one(path, "SELECT count(*) FROM evidence") == 2
        made.remove_findings(["b"])
        assert one(path, "SELECT count(*) FROM flow WHERE severity IS NULL") == 1
        assert one(path, "SELECT count(*) FROM evidence") == 0
        assert one(path, "SELECT count(*) FROM finding_technique") == 0


def test_marked_flows_get_the_severity_that_is_given(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as made:
        made.begin_load(1)
        put_flows(made, flows({"src": "10.0.0.1"}, {"src": "10.0.0.1"}), [None] * 2, [0] * 2, [0] * 2, [0] * 2)
        made.mark_flows(np.array([2], np.uint32), np.array([3], np.uint8))
        assert one(path, "SELECT group_concat(coalesce(severity, '-')) FROM flow") == "-,3"


def test_a_finding_of_a_train_alone_has_no_flow(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as made:
        made.begin_load(1)
        made.put_findings([finding(flow=0, train=7)])
        made.remove_findings(["f1"])
        assert one(path, "SELECT count(*) FROM finding") == 0


def test_a_finding_without_uid_is_a_mistake_of_its_detector(tmp_path: Path) -> None:
    with (
        CaseWriter.create(tmp_path / "a.oddport") as made,
        pytest.raises(ValueError, match="finding of port-mismatch has no uid"),
    ):
        made.put_findings([finding("")])


def test_wire_text_in_findings_holds_no_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    hostile = "\x1b[31mred\x00\u202e"
    with CaseWriter.create(path) as made:
        made.begin_load(1)
        made.put_findings([finding(title=hostile, summary=hostile, expected=hostile, app=hostile, rejected=(hostile,))])
        made.put_error("d\x1b", "flows 1 to 2", "no\x07", "Traceback\n  \udcff")
        made.put_files([File(warnings=[hostile])], [Interface(name=hostile)])
        made.put_meta("rules", hostile)
    connection = sqlite3.connect(path)
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for row in connection.execute(f'SELECT * FROM "{table}"'):
            for value in row:
                if isinstance(value, str) and table not in ("sqlite_master", "sqlite_stat1"):
                    assert value.replace("\n", "").isprintable(), (table, value)
    connection.close()
    with CaseReader.open(path) as reader:
        (error,) = reader.errors()
        assert (error.message, error.trace) == ("no\\x07", "Traceback\n  ?")
        assert reader.meta()["rules"] == "\\x1b[31mred\\x00\\u202e"


def test_progress_and_end_of_a_load_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as made, CaseReader.open(path) as reader:
        assert reader.load_state().state == "empty"
        with pytest.raises(RuntimeError, match="begin_load first"):
            made.progress(bytes_read=1)
        with pytest.raises(RuntimeError, match="begin_load first"):
            made.finish_load()
        made.begin_load(2_000)
        made.progress(bytes_read=500, packets=10, flows=3)
        made.progress(bytes_read=700)
        state = reader.load_state()
        assert (state.state, state.bytes_read, state.bytes_total, state.packets) == ("loading", 700, 2_000, 10)
        assert reader.counts().flows == 3
        with pytest.raises(ValueError, match="done, stopped or failed"):
            made.finish_load("finished")
        made.finish_load("failed", "no room\x07")
        state = reader.load_state()
        assert (state.state, state.message, state.packets, state.flows) == ("failed", "no room\\x07", 0, 0)
        assert state.ended_ns is not None


def test_after_a_load_one_file_remains(tmp_path: Path) -> None:
    path = make_case(tmp_path / "a.oddport")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.oddport"]
    assert (
        one(path, "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name IN ('flow_severity', 'flow_odd')")
        == 2
    )


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    with CaseWriter.create(tmp_path / "a.oddport") as made:
        made.begin_load(1)
        pages = made._db.connection.execute("PRAGMA page_count").fetchone()[0]
        made._db.connection.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(CaseError, match=r"could not be written: the disk is full\. Make room"):
            made.put_findings([finding(f"u{i}") for i in range(2_000)])
        made._db.connection.execute("PRAGMA max_page_count=100000")
        made.put_findings([finding("after")])


def test_a_case_that_is_locked_for_too_long_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as made:
        made.begin_load(1)
        made._db.connection.execute("PRAGMA busy_timeout=50")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CaseBusy, match="another process held it"):
            made.put_findings([finding()])
        other.execute("ROLLBACK")
        other.close()
        made.put_findings([finding()])


def test_blocks_are_replaced_by_their_fuller_state(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as made, CaseReader.open(path) as reader:
        made.begin_load(1)
        made.put_packets(packets(2, flow=[1, 2]), 0, 2, {0: 1})
        put_flows(
            made,
            flows({"src": "10.0.0.1"}, {"src": "10.0.0.2", "first_packet": 1}),
            [None] * 2,
            [0] * 2,
            [0] * 2,
            [0] * 2,
        )
        assert reader.packet_count_of_flow(1) == 1
        made.put_packets(packets(5, flow=[1, 2, 1, 1, 2]), 0, 5, {0: 1})
        assert reader.packet_count_of_flow(1) == 3
        assert [each.packet for each in reader.packets_of_flow(1)] == [0, 2, 3]
    assert one(path, "SELECT count(*) FROM flow_block") == 0


@pytest.mark.parametrize(("first", "count"), [(1, 1), (0, 0), (0, BLOCK + 1)])
def test_a_block_that_is_none_is_refused(tmp_path: Path, first: int, count: int) -> None:
    with CaseWriter.create(tmp_path / "a.oddport") as made, pytest.raises(ValueError, match="a block holds 1 to 65536"):
        made.put_packets(packets(1), first, count, {0: 1})


def test_paths_that_are_no_utf_8_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    odd = os.fsdecode(b"/captures/caf\xe9.pcap")
    with CaseWriter.create(path) as made:
        made.begin_load(1)
        made.put_files([File(path=odd), File(1, "relative.pcap", unpacked_path="/tmp/u"), File(2, "-")])
    with CaseReader.open(path) as reader:
        files = reader.files()
        assert [each.path for each in files] == [odd, os.path.abspath("relative.pcap"), "-"]
        assert [each.unpacked_path for each in files] == [None, "/tmp/u", None]


def test_flow_blocks_list_only_what_the_flow_does_not_tell() -> None:
    blocks = FlowBlocks()

    def ids(*numbers: int) -> np.ndarray:
        return np.array(numbers, np.uint32)

    assert blocks.see(0, ids(1, 2)).tolist() == [False, False]
    assert blocks.see(0, ids(1, 2)).tolist() == [False, False]  # the same block, fuller
    assert blocks.see(3, ids(2, 20_000)).tolist() == [True, False]
    assert blocks.see(4, ids()).tolist() == []
    # flow 1 says that it begins in block 2, but its id stands in block 0 already: block 0 is listed
    assert blocks.declare(ids(1, 2), ids(2, 0)).tolist() == [0, UNKNOWN]
    # flow 9 says that it begins in block 5, and is seen in block 6 first: block 6 is listed
    assert blocks.declare(ids(9), ids(5)).tolist() == [UNKNOWN]
    assert blocks.see(6, ids(9)).tolist() == [True]
    assert blocks.declare(ids(), ids()).tolist() == []


def test_trains_are_stored_with_their_fragments(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as made:
        made.begin_load(1)
        odd = train(2, sport=None, dport=None, flow=0, complete=False, holes=[(8, -1)], conflicts=[], total=None)
        made.put_trains(waiting(train(1, flow=3), odd))
    assert one(path, "SELECT anomalies FROM trains WHERE id = 1") == "conflicting_overlap ttl_mixed"
    assert one(path, "SELECT rest FROM train WHERE id = 2") == '{"holes":[[8,-1]],"conflicts":[]}'
    with CaseReader.open(path) as reader:
        first, second = reader.trains()
        assert (first.flow, first.complete, first.anomalies) == (3, True, ("conflicting_overlap", "ttl_mixed"))
        assert second.holes == ((8, -1),)


def test_verdicts_find_the_lock_while_a_load_writes_all_the_time(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    code = (
        "import sys, numpy as np; from oddport.case.writer import CaseWriter; from oddport.engine.columns import FLOW\n"
        f"w = CaseWriter.create({str(path)!r}); w.begin_load(1); n = 40_000\n"
        "f = np.zeros(n, FLOW); f['version'] = 4; print('begun', flush=True); k = 0\n"
        "while True:\n"
        "    f['id'] = np.arange(n) + 1 + n * (k % 4); k += 1; z = [0] * n; w.put_flows(f, [-1] * n, (), z, z, z)\n"
    )
    loader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert loader.stdout is not None
    try:
        loader.stdout.readline()
        waits = []
        with CaseReader.open(path) as reader:
            for i in range(8):
                began = time.monotonic()
                reader.set_verdict(f"u{i}", "benign")
                waits.append(time.monotonic() - began)
                time.sleep(0.05)
            assert loader.poll() is None
            assert max(waits) < 5
            assert reader.verdict("u7") is not None
    finally:
        loader.kill()
        loader.wait()
        loader.stdout.close()
