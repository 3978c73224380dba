"""What a load finds → the case file, in transactions so short that readers and the analyst's verdicts get their turn.

Each `put_…` commits before it returns, so what it wrote is seen by readers and survives the death of the process; no
lock is held between two calls. Many small calls may share a transaction: `with writer.together(): …`.
"""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oddport.case import process, rows
from oddport.case.blocks import COLUMNS as BLOCK_COLUMNS
from oddport.case.blocks import Unpacked, pack
from oddport.case.bulk import BulkRows, template_of
from oddport.case.connect import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    check_version,
    connect_for_writing,
    is_empty,
    make_file,
    schema_statements,
)
from oddport.case.errors import CaseError
from oddport.case.flow_blocks import UNKNOWN, FlowBlocks
from oddport.case.flow_rows import FlowRows
from oddport.case.forgetting import forget_oldest
from oddport.case.model import Omission, OwnerRow
from oddport.case.train_rows import WaitingTrains
from oddport.case.transactions import Transactions
from oddport.case.words import BETWEEN_TUNNELS, printable, word_rows
from oddport.engine.columns import BLOCK, INNER_PACKET
from oddport.engine.trains import ANOMALIES

if TYPE_CHECKING:
    from oddport.detection.model import Finding
    from oddport.engine.tunnels import Inside

FLOWS_AT_ONCE = 16_384
"""Flows between two looks at the clock: about 25 ms, and 10 MB for their image."""
IMAGE_ROWS = 512
"""Rows from which an image of them costs less than binding their values: 1.6 µs a row of many, against 4.1."""
TRAFFIC_TABLES = (
    "flow_block", "inner_block", "inside", "owner", "flow", "finding_technique", "evidence", "occurrence",
    "finding", "train", "detector_error", "omission", "app", "interface", "file",
)  # fmt: skip
"""What a load fills, besides packet_block; the analyst's tables are not among them."""
_NO_INNER = np.zeros(0, INNER_PACKET)
INDEXES = (
    "CREATE INDEX IF NOT EXISTS flow_severity ON flow (severity) WHERE severity IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS flow_odd ON flow (verdict, server_port) WHERE verdict >= 4",
)
"""Built when the load is over: over the few flows that matter. A scan of a million flows takes a third of a second, an
index over one of their columns costs twice that at each load."""


class CaseWriter:
    """The only writer of traffic in a case. Used by one thread at a time.

    Methods raise CaseError (a sentence) where SQLite cannot write: disk full, file damaged or taken away, lock not
    given within 5 s (CaseBusy).
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, caution: str) -> None:
        self.path = path
        self.caution = caution
        """A sentence where the case could not be opened in the usual way (see connect), else empty."""
        self.attack_version = ""
        """Version of ATT&CK that the findings' mappings refer to; set before put_findings."""
        self._db = Transactions(connection, path)
        self._load = 0
        self._apps: dict[str, int] = {}
        self._severity: dict[int, int] = {}
        self._flow_blocks = FlowBlocks()
        # what SQLite was built without, it cannot give to Python
        images = hasattr(connection, "deserialize")
        self._templates = {table: template_of(table) for table in ("flow", "train")} if images else {}

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Self:
        """A new, empty case. Raises CaseError if the file is there already or cannot be made."""
        place = Path(path)
        make_file(place)
        try:
            return cls._of_empty(place)
        except BaseException:
            place.unlink(missing_ok=True)
            raise

    @classmethod
    def resume(cls, path: str | os.PathLike[str]) -> Self:
        """A case that exists, to load (again) into it; one whose maker was killed before the first table is made anew.

        Raises CaseError if it is no case of this version or cannot be written.
        """
        place = Path(path)
        if is_empty(place):
            return cls._of_empty(place)
        opened = connect_for_writing(place)
        return cls(place, opened.connection, opened.caution)

    @classmethod
    def _of_empty(cls, place: Path) -> Self:
        opened = connect_for_writing(place, empty=True)
        writer = cls(place, opened.connection, opened.caution)
        try:
            # one transaction: a process killed here leaves an empty file, never half a schema
            writer._db.one("BEGIN IMMEDIATE")
            if writer._db.one("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                writer._db.one("ROLLBACK")  # another process made it a case in the meantime
                check_version(opened.connection, place)
                return writer
            for statement in schema_statements():
                writer._db.one(statement)
            writer._db.one("INSERT INTO meta (key, value) VALUES ('created_ns', ?)", (str(time.time_ns()),))
            writer._db.one(f"PRAGMA application_id={APPLICATION_ID}")
            writer._db.one(f"PRAGMA user_version={SCHEMA_VERSION}")
            writer._db.one("COMMIT")
        except BaseException:
            opened.connection.close()
            raise
        return writer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; a load that is not finished counts as interrupted from when the process ends."""
        self._db.connection.close()

    # -- the load

    def begin_load(self, files_total_bytes: int | None, *, replace: bool = False) -> int:
        """Starts a load; returns its number. `files_total_bytes` is None for a pipe.

        Traffic of an earlier load that did not end is dropped, verdicts stay. Raises CaseError where another process is
        loading this case now, or where it holds a load that is done and `replace` is not set.
        """
        with self._db.together():
            last = self._db.one(
                "SELECT id, state, host, pid, process_start, beat_ns FROM load ORDER BY id DESC LIMIT 1"
            ).fetchone()
            if last is not None:
                self._check_earlier_load(last, replace)
            me = process.identity()
            now = time.time_ns()
            self._db.many("INSERT OR REPLACE INTO word (kind, number, word) VALUES (?,?,?)", _words())
            self._load = int(
                self._db.one(
                    "INSERT INTO load (started_ns, state, bytes_total, pid, host, process_start, beat_ns)"
                    " VALUES (?, 'loading', ?, ?, ?, ?, ?)",
                    (now, files_total_bytes, me.pid, me.host, me.start, now),
                ).lastrowid
                or 0
            )
        if last is not None:
            self._drop_traffic()
        self._apps.clear()
        self._severity.clear()
        self._flow_blocks = FlowBlocks()
        return self._load

    def progress(
        self,
        *,
        bytes_read: int | None = None,
        packets: int | None = None,
        flows: int | None = None,
        findings: int | None = None,
    ) -> None:
        """How far the load got, and that its process lives; what is None stays as it was."""
        self._must_have_begun()
        self._db.one(
            "UPDATE load SET beat_ns = ?, bytes_read = coalesce(?, bytes_read), packets = coalesce(?, packets),"
            " flows = coalesce(?, flows), findings = coalesce(?, findings) WHERE id = ?",
            (time.time_ns(), bytes_read, packets, flows, findings, self._load),
        )

    def finish_load(self, state: str = "done", message: str = "") -> None:
        """Ends the load as `done`, `stopped` or `failed`: indexes, statistics, and one file without a log beside it.

        The log stays while other processes read the case; the last of them to close it takes it away.
        """
        if state not in ("done", "stopped", "failed"):
            raise ValueError(f"a load ends as done, stopped or failed, not as {state!r}")
        self._must_have_begun()
        for statement in INDEXES:
            self._db.one(statement)
        self._db.one("PRAGMA analysis_limit=400")
        self._db.one("ANALYZE")
        with self._db.together():
            self._db.one(
                "UPDATE load SET state = ?, message = ?, ended_ns = ?, beat_ns = ?,"
                " packets = (SELECT coalesce(sum(count), 0) FROM packet_block),"
                " flows = (SELECT count(*) FROM flow), findings = (SELECT count(*) FROM finding) WHERE id = ?",
                (state, printable(message) or None, time.time_ns(), time.time_ns(), self._load),
            )
        self._db.one("PRAGMA incremental_vacuum").fetchall()
        self._db.one("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # -- what was read

    def put_files(self, files: Iterable[rows.CaptureFileLike], interfaces: Iterable[rows.InterfaceLike] = ()) -> None:
        """Adds or replaces capture files (by id) and interfaces (by index)."""
        with self._db.together():
            self._db.many(
                rows.insert_sql("file", rows.FILE_COLUMNS, "INSERT OR REPLACE"), (rows.file_row(file) for file in files)
            )
            self._db.many(
                rows.insert_sql("interface", rows.INTERFACE_COLUMNS, "INSERT OR REPLACE"),
                (rows.interface_row(interface) for interface in interfaces),
            )

    def put_packets(
        self, columns: Mapping[str, NDArray[np.generic]], first: int, count: int, numbers: Mapping[int, int]
    ) -> None:
        """Puts one block of packets, or a fuller state of it in place of the last.

        columns: arrays by columns.PACKET, rows `[:count]` hold, 1 ≤ count ≤ BLOCK. first: 0-based number of the first
        packet in the case, a multiple of BLOCK. `columns["inner"]`, if there: packets inside these, dtype
        INNER_PACKET. numbers: file → 1-based number in that file of its first packet here.
        """
        if first % BLOCK or not 1 <= count <= BLOCK:
            raise ValueError(f"a block holds 1 to {BLOCK} packets from a multiple of that, not {count} from {first}")
        packed = pack(columns, count)
        block = first // BLOCK
        flows = np.asarray(columns["flow"][:count], np.uint32)
        inner: NDArray[Any] = columns.get("inner", _NO_INNER)
        flows = np.concatenate((flows, inner["flow"]))
        ids, counts = np.unique(flows, return_counts=True)
        if len(ids) and ids[0] == 0:
            ids, counts = ids[1:], counts[1:]
        listed = self._flow_blocks.see(block, ids)
        with self._db.together():
            self._db.one(
                rows.insert_sql(
                    "packet_block", ("id", "first", "count", "numbers", "layout", *BLOCK_COLUMNS), "INSERT OR REPLACE"
                ),
                (block, first, count, rows.numbers_text(numbers), packed.layout, *packed.blobs),
            )
            if len(inner):
                self._db.one(
                    rows.insert_sql("inner_block", ("block", "packets"), "INSERT OR REPLACE"), (block, inner.tobytes())
                )
            self._put_flow_blocks(ids[listed], np.full(int(listed.sum()), block, np.uint32), counts[listed])

    def put_flows(
        self,
        flows: NDArray[np.void],
        app: ArrayLike,
        names: Sequence[str],
        tier: ArrayLike,
        verdict: ArrayLike,
        server_port: ArrayLike,
        facts: Mapping[int, bytes] | None = None,
        open: bool = False,
    ) -> None:
        """Puts different flows (dtype columns.FLOW), or a later state of them, by id.

        app: index into `names`, -1 = none. tier, verdict: numbers of protocols.model. server_port: 0 = unknown. All
        have one entry a flow. facts: JSON in ASCII, by place in `flows`. open: more packets may come.
        """
        count = len(flows)
        columns = {"app": app, "tier": tier, "verdict": verdict, "server_port": server_port}
        arrays = {name: np.asarray(column, np.int64) for name, column in columns.items()}
        if any(len(column) != count for column in arrays.values()):
            raise ValueError(f"each column of {count} flows has one entry a flow")
        facts = facts or {}
        with self.together():
            arrays["app"] = self._app_ids(arrays["app"], names)
            for start in range(0, count, FLOWS_AT_ONCE):
                end = min(start + FLOWS_AT_ONCE, count)
                whole = count <= FLOWS_AT_ONCE
                self._put_flows(
                    flows[start:end],
                    {name: array[start:end] for name, array in arrays.items()},
                    facts if whole else {row - start: facts[row] for row in range(start, end) if row in facts},
                    open,
                )
                self._db.look_at_the_clock()

    def put_inside(self, flows: Mapping[int, "Inside"]) -> None:
        """Puts where flows lie that were found in tunnels, by flow id."""
        texts = ((flow, each.parent, BETWEEN_TUNNELS.join(each.tunnel)) for flow, each in flows.items())
        with self._db.together():
            self._db.many(rows.insert_sql("inside", ("flow", "parent", "tunnel"), "INSERT OR REPLACE"), texts)

    def put_owners(self, owners: Iterable[tuple[int, OwnerRow]]) -> None:
        """Puts the processes that ends of flows belong to, by flow id."""
        columns = ("flow", "side", "pid", "name", "path", "user", "why")
        with self._db.together():
            self._db.many(
                rows.insert_sql("owner", columns, "INSERT OR REPLACE"), (rows.owner_row(*one) for one in owners)
            )

    def keep_within(self, limit: int) -> int:
        """Forgets the oldest packets where the case holds more than `limit` bytes (see forgetting.py); how many."""
        return forget_oldest(self._db, limit)

    def put_trains(self, trains: WaitingTrains) -> None:
        """Puts fragment trains, each once in a load. The bytes of their datagrams stay in the capture."""
        if len(trains):
            with self._db.together():
                self._put_rows(trains.rows())

    # -- what was judged

    def put_findings(self, findings: Iterable["Finding"]) -> None:
        """Puts findings with evidence and techniques; one with a known uid takes the place of the old one.

        `flow.severity` becomes that of the worst finding of the flow, also for flows that are put later.
        """
        with self._db.together():
            for finding in findings:
                self._put_finding(finding)
                self._db.look_at_the_clock()

    def replace_findings(
        self,
        findings: Iterable["Finding"],
        kept: frozenset[str],
        flows: NDArray[np.uint32],
        severity: NDArray[np.uint8],
    ) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
        """Puts `findings` in place of all there are, but for those of the `kept` detectors, in one transaction.

        `flows`, `severity`: which flows occur in them, and how severe. Gives what appeared and what went, (uid, title)
        each. Errors of detectors go with the old findings, verdicts stay. Raises CaseError where a process is loading
        the case.
        """
        last = self._db.one("SELECT id, state FROM load ORDER BY id DESC LIMIT 1").fetchone()
        if last is None or last[1] == "loading":
            raise CaseError(f"The case {self.path} is being loaded; judge it when that is over.")
        with self._db.together():
            before = {
                uid: title
                for uid, title, detector in self._db.one("SELECT uid, title, detector FROM finding")
                if detector not in kept
            }
            self._db.one("DELETE FROM detector_error")
            new = sorted(findings, key=lambda finding: (-finding.score, finding.first_ns, finding.uid))
            uids = {finding.uid for finding in new}
            went = tuple((uid, title) for uid, title in before.items() if uid not in uids)
            self.remove_findings(uid for uid, _ in went)
            self._db.one("UPDATE flow SET severity = NULL WHERE severity IS NOT NULL")
            self.put_findings(new)
            self.mark_flows(flows, severity)
            self._db.one(
                "UPDATE flow SET severity = max(severity, (SELECT max(severity) FROM finding WHERE flow = flow.id))"
                " WHERE id IN (SELECT flow FROM finding)"
            )
            self._db.one("UPDATE load SET findings = (SELECT count(*) FROM finding) WHERE id = ?", (last[0],))
        return tuple((each.uid, each.title) for each in new if each.uid not in before), went

    def excuse_flows(self, rows: Iterable[tuple[int, int, str | None]]) -> None:
        """Gives flows another port verdict and other facts: (id, PortVerdict, JSON in ASCII or None) each."""
        with self._db.together():
            self._db.many(
                "UPDATE flow SET verdict = ?, facts = ? WHERE id = ?",
                ((verdict, text, flow) for flow, verdict, text in rows),
            )

    def put_error(self, detector: str, at: str, message: str, trace: str) -> None:
        """Notes that a detector failed: where it was, what it said, and the traceback."""
        texts = (printable(detector), printable(at), printable(message), trace.encode("utf-8", "replace").decode())
        self._db.one("INSERT INTO detector_error (detector, at, message, trace) VALUES (?,?,?,?)", texts)

    def put_omissions(self, omissions: Iterable[Omission]) -> None:
        """Notes what the load left out, in place of what was noted before."""
        with self._db.together():
            self._db.one("DELETE FROM omission")
            self._db.many(
                rows.insert_sql("omission", ("source", "kind", "reason", "count")),
                ((printable(each.source), each.kind, printable(each.reason), each.count) for each in omissions),
            )

    def remove_findings(self, uids: Iterable[str]) -> None:
        """Takes findings away that hold no more; verdicts on them stay. Unknown uids are none."""
        with self._db.together():
            for uid in uids:
                row = self._db.one("SELECT id, flow FROM finding WHERE uid = ?", (uid,)).fetchone()
                if row is None:
                    continue
                for statement in (
                    "DELETE FROM evidence WHERE finding = ?",
                    "DELETE FROM finding_technique WHERE finding = ?",
                    "DELETE FROM occurrence WHERE finding = ?",
                    "DELETE FROM finding WHERE id = ?",
                ):
                    self._db.one(statement, (row[0],))
                if row[1] is not None:
                    self._mark_flow(row[1])
                self._db.look_at_the_clock()

    def move_verdicts(self, uids: Mapping[str, str]) -> None:
        """Verdicts of findings, with their history, and marks go over to another uid (old → new); one that is there
        stays."""
        with self._db.together():
            for table in ("verdict", "verdict_history", "finding_mark"):
                there = {row[0] for row in self._db.one(f"SELECT uid FROM {table}")}
                moving = [(new, old) for old, new in uids.items() if old in there and new not in there]
                self._db.many(f"UPDATE {table} SET uid = ? WHERE uid = ?", moving)

    def mark_flows(self, flows: NDArray[np.uint32], severity: NDArray[np.uint8]) -> None:
        """At the end of a load: sets `flow.severity` of flows that occur in findings, folded ones included."""
        with self._db.together():
            for start in range(0, len(flows), FLOWS_AT_ONCE):
                part = slice(start, start + FLOWS_AT_ONCE)
                self._db.many(
                    "UPDATE flow SET severity = ?1 WHERE id = ?2 AND severity IS NOT ?1",
                    zip(severity[part].tolist(), flows[part].tolist(), strict=True),
                )
                self._db.look_at_the_clock()

    @contextmanager
    def together(self) -> Iterator[None]:
        """`with writer.together():` puts made inside share transactions, which the clock still closes between two puts.

        An error inside undoes what is not committed yet.
        """
        try:
            with self._db.together():
                yield
        except BaseException:
            self._apps.clear()  # names may have been undone
            raise

    def put_meta(self, key: str, value: str) -> None:
        """Notes a fact about the case as a whole: version of a rule set, detectors that were left out …"""
        self._db.one("INSERT OR REPLACE INTO meta (key, value) VALUES (?,?)", (key, printable(value)))

    # -- inside

    def _must_have_begun(self) -> None:
        if not self._load:
            raise RuntimeError("no load has begun: call begin_load first")

    def _check_earlier_load(self, last: tuple[Any, ...], replace: bool) -> None:
        number, state, host, pid, start, beat = last
        if state == "loading":
            other = process.ProcessIdentity(host or "", pid or 0, start or "")
            if other != process.identity() and process.is_running(other, beat):
                raise CaseError(
                    f"The case {self.path} is being loaded by process {pid} on {host}. Wait for it, or stop it first."
                )
            self._db.one(
                "UPDATE load SET state = 'interrupted', message = 'its process ended before the load did' WHERE id = ?",
                (number,),
            )
        elif state == "done" and not replace:
            raise CaseError(
                f"The case {self.path} already holds a load that is done. Open it, give another path for a new case, "
                f"or say that it may be replaced."
            )

    def _drop_traffic(self) -> None:
        with self._db.together():
            for statement in ("DROP INDEX IF EXISTS flow_severity", "DROP INDEX IF EXISTS flow_odd"):
                self._db.one(statement)
            for table in TRAFFIC_TABLES:
                self._db.one(f"DELETE FROM {table}")
                self._db.look_at_the_clock()
            # large rows: their pages are freed one by one
            while self._db.one("DELETE FROM packet_block WHERE id = (SELECT max(id) FROM packet_block)").rowcount:
                self._db.look_at_the_clock()

    def _put_flow_blocks(self, flows: NDArray[Any], blocks: NDArray[Any], counts: NDArray[Any]) -> None:
        if len(flows):
            self._db.many(
                "INSERT OR REPLACE INTO flow_block (flow, block, packets) VALUES (?,?,?)",
                zip(flows.tolist(), blocks.tolist(), counts.tolist(), strict=True),
            )

    def _app_ids(self, app: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.int64]:
        """Row ids in the table `app`, -1 = none."""
        known = self._apps
        ids = np.full(len(names) + 1, -1, np.int64)  # the last one is that of -1
        for number in np.unique(app[app >= 0]).tolist():
            name = names[number]
            if name not in known:
                word = printable(name)
                self._db.one("INSERT OR IGNORE INTO app (name) VALUES (?)", (word,))
                known[name] = int(self._db.one("SELECT id FROM app WHERE name = ?", (word,)).fetchone()[0])
            ids[number] = known[name]
        return ids[app]

    def _put_flows(
        self,
        flows: NDArray[np.void],
        integers: dict[str, NDArray[Any]],
        facts: Mapping[int, bytes],
        is_open: bool,
    ) -> None:
        if self._severity:
            worst = self._severity
            integers["severity"] = np.fromiter((worst.get(i, -1) for i in flows["id"].tolist()), np.int64, len(flows))
        rows = FlowRows(flows, integers, facts, is_open)
        self._put_rows(rows, rows.ids[self._flow_blocks.knows(rows.ids)].tolist())
        strays = self._flow_blocks.declare(rows.ids, (rows.first_packets // np.uint32(BLOCK)).astype(np.uint32))
        for block in np.unique(strays[strays != UNKNOWN]).tolist():
            self._list_stray(rows.ids[strays == block], block)

    def _put_rows(self, rows: BulkRows, earlier: Sequence[int] = ()) -> None:
        """Puts rows; those of the ids `earlier` are in the table already, and give way."""
        template = self._templates.get(rows.table)
        image = rows.image(template) if template and len(rows) >= IMAGE_ROWS else None
        if image is not None:
            self._db.attach(image)
        self._db.many(f"DELETE FROM {rows.table} WHERE id = ?", ((number,) for number in earlier))
        if image is not None:
            self._db.one(f"INSERT OR ROLLBACK INTO main.{rows.table} SELECT * FROM image.{rows.table}")
        else:
            self._db.many(*rows.values())

    def _list_stray(self, flows: NDArray[np.uint32], block: int) -> None:
        """Flows whose first packet in the columns is not where they say: the block is listed like the later ones."""
        row = self._db.one("SELECT layout, count, flow FROM packet_block WHERE id = ?", (block,)).fetchone()
        if row is None:
            return  # forgotten since
        layout, count, blob = row
        ids, counts = np.unique(Unpacked(layout, count).column("flow", {"flow": blob}), return_counts=True)
        places = np.searchsorted(ids, np.sort(flows))
        self._put_flow_blocks(ids[places], np.full(len(places), block, np.uint32), counts[places])

    def _put_finding(self, finding: "Finding") -> None:
        if not finding.uid:
            raise ValueError(f"a finding of {finding.detector} has no uid")
        old = self._db.one("SELECT id, flow FROM finding WHERE uid = ?", (finding.uid,)).fetchone()
        row = rows.finding_row(finding, self.attack_version)
        if old is None:
            number = int(self._db.one(rows.insert_sql("finding", rows.FINDING_COLUMNS), row).lastrowid or 0)
        else:
            number = int(old[0])
            names = ", ".join(f"{name} = ?" for name in rows.FINDING_COLUMNS)
            self._db.one(f"UPDATE finding SET {names} WHERE id = ?", (*row, number))
            self._db.one("DELETE FROM evidence WHERE finding = ?", (number,))
            self._db.one("DELETE FROM finding_technique WHERE finding = ?", (number,))
            self._db.one("DELETE FROM occurrence WHERE finding = ?", (number,))
        self._db.many(
            "INSERT INTO occurrence (finding, flow) VALUES (?,?)",
            ((number, flow) for flow in finding.also if flow != finding.flow),
        )
        self._db.many(
            rows.insert_sql("evidence", rows.EVIDENCE_COLUMNS),
            (rows.evidence_row(number, each) for each in finding.evidence),
        )
        self._db.many(
            "INSERT OR REPLACE INTO finding_technique (finding, technique, relation, reason) VALUES (?,?,?,?)",
            ((number, each.technique, each.relation, printable(each.reason)) for each in finding.mappings),
        )
        for flow in {finding.flow, (old[1] or 0) if old else 0} - {0}:
            self._mark_flow(flow)

    def _mark_flow(self, flow: int) -> None:
        worst = self._db.one("SELECT max(severity) FROM finding WHERE flow = ?", (flow,)).fetchone()[0]
        if worst is None:
            self._severity.pop(flow, None)
        else:
            self._severity[flow] = worst
        self._db.one("UPDATE flow SET severity = ? WHERE id = ?", (worst, flow))


def _words() -> list[tuple[str, int, str]]:
    """Rows of the table `word`."""
    return [*word_rows(), *(("anomaly", number, word) for number, word in enumerate(ANOMALIES))]
