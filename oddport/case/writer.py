"""What a load finds → the case file, in transactions so short that readers and the analyst's verdicts get their turn.

Each `put_…` commits before it returns, so what it wrote is seen by readers and survives the death of the process; no
lock is held between two calls. Many small calls may share a transaction: `with writer.together(): …`.
"""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oddport.case import process, rows
from oddport.case.blocks import COLUMNS as BLOCK_COLUMNS
from oddport.case.blocks import Unpacked, pack
from oddport.case.connect import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    check_version,
    connect_for_writing,
    explain,
    is_empty,
    make_file,
    schema_statements,
)
from oddport.case.errors import CaseError
from oddport.case.words import printable, word_rows
from oddport.engine.columns import BLOCK, FLOW

if TYPE_CHECKING:
    from oddport.detection.model import Finding
    from oddport.engine.trains import Train

TRANSACTION_S = 0.1
"""Longest wall time that a transaction stays open."""
GIVE_WAY_S = 0.002
"""Pause after a transaction that was closed by the clock: a verdict that waits for the lock gets it."""
FLOWS_AT_ONCE = 8_192
"""Flows between two looks at the clock: about 35 ms."""
NO_BLOCK = 0xFFFF_FFFF
TRAFFIC_TABLES = (
    "flow_block", "flow", "finding_technique", "evidence", "finding", "train", "detector_error", "app", "interface", "file",
)  # fmt: skip
"""What a load fills, besides packet_block; the analyst's tables are not among them."""
INDEXES = (
    "CREATE INDEX IF NOT EXISTS flow_severity ON flow (severity) WHERE severity IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS flow_odd ON flow (verdict, server_port) WHERE verdict >= 4",
)
"""Built when the load is over: over the few flows that matter. A scan of a million flows takes a third of a second, an
index over one of their columns costs twice that at each load."""


class CaptureFileLike(Protocol):
    """What the case wants to know of a capture file (capture.CaptureFile has it)."""

    id: int
    path: str | os.PathLike[str]
    unpacked_path: str | os.PathLike[str] | None
    format: str
    size: int
    mtime_ns: int
    digest: str
    packets: int
    bytes: int
    first_ns: int | None
    last_ns: int | None
    linktypes: Sequence[int]
    truncated: bool
    warnings: Sequence[str]


class InterfaceLike(Protocol):
    """What the case wants to know of an interface; its id is its place in the list."""

    file: int
    number: int
    name: str | None
    link: int
    snaplen: int | None


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
        self._connection = connection
        self._load = 0
        self._depth = 0
        self._begun = 0.0
        self._apps: dict[str, int] = {}
        self._severity: dict[int, int] = {}
        self._first_block = np.zeros(0, np.uint32)
        self._declared_block = np.zeros(0, np.uint32)

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
            writer._one("BEGIN IMMEDIATE")
            if writer._one("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                writer._one("ROLLBACK")  # another process made it a case in the meantime
                check_version(opened.connection, place)
                return writer
            for statement in schema_statements():
                writer._one(statement)
            writer._many("INSERT INTO word (kind, number, word) VALUES (?,?,?)", word_rows())
            writer._one("INSERT INTO meta (key, value) VALUES ('created_ns', ?)", (str(time.time_ns()),))
            writer._one(f"PRAGMA application_id={APPLICATION_ID}")
            writer._one(f"PRAGMA user_version={SCHEMA_VERSION}")
            writer._one("COMMIT")
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
        self._connection.close()

    # -- the load

    def begin_load(self, files_total_bytes: int | None, *, replace: bool = False) -> int:
        """Starts a load; returns its number. `files_total_bytes` is None for a pipe.

        Traffic of an earlier load that did not end is dropped, verdicts stay. Raises CaseError where another process is
        loading this case now, or where it holds a load that is done and `replace` is not set.
        """
        with self.together():
            last = self._one(
                "SELECT id, state, host, pid, process_start, beat_ns FROM load ORDER BY id DESC LIMIT 1"
            ).fetchone()
            if last is not None:
                self._check_earlier_load(last, replace)
            me = process.identity()
            now = time.time_ns()
            self._load = int(
                self._one(
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
        self._first_block = np.zeros(0, np.uint32)
        self._declared_block = np.zeros(0, np.uint32)
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
        self._one(
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
            self._one(statement)
        self._one("PRAGMA analysis_limit=400")
        self._one("ANALYZE")
        with self.together():
            self._one(
                "UPDATE load SET state = ?, message = ?, ended_ns = ?, beat_ns = ?,"
                " packets = (SELECT coalesce(sum(count), 0) FROM packet_block),"
                " flows = (SELECT count(*) FROM flow), findings = (SELECT count(*) FROM finding) WHERE id = ?",
                (state, printable(message) or None, time.time_ns(), time.time_ns(), self._load),
            )
        self._one("PRAGMA incremental_vacuum").fetchall()
        self._one("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # -- what was read

    def put_files(self, files: Iterable[CaptureFileLike], interfaces: Iterable[InterfaceLike] = ()) -> None:
        """Adds or replaces capture files (by id) and interfaces (by their place in the list)."""
        with self.together():
            self._many(
                rows.insert_sql(
                    "file",
                    (
                        "id", "path", "unpacked_path", "format", "size", "mtime_ns", "digest", "packets", "bytes", "first_ns",
                        "last_ns", "linktypes", "truncated", "warnings",
                    ),
                    "INSERT OR REPLACE",
                ),
                (
                    (
                        f.id, stored_path(f.path), None if f.unpacked_path is None else stored_path(f.unpacked_path), f.format,
                        f.size, f.mtime_ns, f.digest, f.packets, f.bytes, f.first_ns, f.last_ns,
                        json.dumps([int(link) for link in f.linktypes]), int(f.truncated), json.dumps(list(f.warnings)),
                    )
                    for f in files
                ),
            )  # fmt: skip
            self._many(
                "INSERT OR REPLACE INTO interface (id, file, number, name, link, snaplen) VALUES (?,?,?,?,?,?)",
                (
                    (
                        i,
                        each.file,
                        each.number,
                        None if each.name is None else printable(each.name),
                        each.link,
                        each.snaplen,
                    )
                    for i, each in enumerate(interfaces)
                ),
            )

    def put_packets(
        self, columns: Mapping[str, NDArray[np.generic]], first: int, count: int, numbers: Mapping[int, int]
    ) -> None:
        """Puts one block of packets, or a fuller state of it in place of the last.

        columns: arrays by columns.PACKET, rows `[:count]` hold, 1 ≤ count ≤ BLOCK. first: 0-based number of the first
        packet in the case, a multiple of BLOCK. numbers: file → 1-based number in that file of its first packet here.
        """
        if first % BLOCK or not 1 <= count <= BLOCK:
            raise ValueError(f"a block holds 1 to {BLOCK} packets from a multiple of that, not {count} from {first}")
        packed = pack(columns, count)
        block = first // BLOCK
        ids, counts = np.unique(np.asarray(columns["flow"][:count], np.uint32), return_counts=True)
        if len(ids) and ids[0] == 0:
            ids, counts = ids[1:], counts[1:]
        self._know_flows(int(ids[-1]) if len(ids) else 0)
        earlier = self._first_block[ids]
        new = earlier == NO_BLOCK
        self._first_block[ids[new]] = block
        declared = self._declared_block[ids]
        stray = (declared != NO_BLOCK) & (declared != block)
        listed = (~new & (earlier != block)) | stray
        with self.together():
            self._one(
                rows.insert_sql(
                    "packet_block", ("id", "first", "count", "numbers", "layout", *BLOCK_COLUMNS), "INSERT OR REPLACE"
                ),
                (
                    block,
                    first,
                    count,
                    json.dumps({str(k): int(v) for k, v in numbers.items()}),
                    packed.layout,
                    *packed.blobs,
                ),
            )
            self._put_flow_blocks(ids[listed], np.full(int(listed.sum()), block, np.uint32), counts[listed])

    def put_flows(
        self,
        flows: NDArray[np.void],
        app: Sequence[str | None],
        tier: ArrayLike,
        verdict: ArrayLike,
        server_port: ArrayLike,
        says: Sequence[str | None] | None = None,
        facts: Sequence[dict[str, Any] | None] | None = None,
        open: bool = False,
    ) -> None:
        """Puts flows (dtype columns.FLOW), or a later state of them, by id.

        tier, verdict: numbers of protocols.model. server_port: 0 = unknown. says: one line on what was recognised.
        open: more packets may come. All have one entry a flow.
        """
        count = len(flows)
        arrays = [np.asarray(array) for array in (tier, verdict, server_port)]
        if any(len(each) != count for each in (app, *arrays, *(each for each in (says, facts) if each is not None))):
            raise ValueError(f"each column of {count} flows has one entry a flow")
        with self.together():
            app_ids = self._app_ids(app)
            for start in range(0, count, FLOWS_AT_ONCE):
                part = slice(start, start + FLOWS_AT_ONCE)
                self._put_flows(
                    flows[part],
                    app_ids[part],
                    *(array[part] for array in arrays),
                    None if says is None else says[part],
                    None if facts is None else facts[part],
                    open,
                )
                self._look_at_the_clock()

    def put_trains(self, trains: Iterable["Train"]) -> None:
        """Puts fragment trains, or a later state of them, by id. The bytes of the datagram stay in the capture."""
        with self.together():
            self._many(
                rows.insert_sql("train", rows.TRAIN_COLUMNS, "INSERT OR REPLACE"),
                (rows.train_row(train) for train in trains),
            )

    # -- what was judged

    def put_findings(self, findings: Iterable["Finding"]) -> None:
        """Puts findings with evidence and techniques; one with a known uid takes the place of the old one.

        `flow.severity` becomes that of the worst finding of the flow, also for flows that are put later.
        """
        with self.together():
            for finding in findings:
                self._put_finding(finding)
                self._look_at_the_clock()

    def put_error(self, detector: str, at: str, message: str, trace: str) -> None:
        """Notes that a detector failed: where it was, what it said, and the traceback."""
        texts = (printable(detector), printable(at), printable(message), trace.encode("utf-8", "replace").decode())
        self._one("INSERT INTO detector_error (detector, at, message, trace) VALUES (?,?,?,?)", texts)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Puts made inside share transactions; these are still closed by the clock between two puts.

        An error inside undoes what is not committed yet.
        """
        outermost = self._depth == 0
        if outermost:
            self._begin()
        else:
            self._look_at_the_clock()
        self._depth += 1
        try:
            yield
        except BaseException:
            if outermost and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
                self._apps.clear()
            raise
        else:
            if outermost:
                self._run(self._connection.execute, "COMMIT")
        finally:
            self._depth -= 1

    def put_meta(self, key: str, value: str) -> None:
        """Notes a fact about the case as a whole: version of a rule set, detectors that were left out …"""
        self._one("INSERT OR REPLACE INTO meta (key, value) VALUES (?,?)", (key, printable(value)))

    # -- inside

    def _must_have_begun(self) -> None:
        if not self._load:
            raise RuntimeError("no load has begun: call begin_load first")

    def _begin(self) -> None:
        self._run(self._connection.execute, "BEGIN IMMEDIATE")
        self._begun = time.monotonic()

    def _look_at_the_clock(self) -> None:
        if time.monotonic() - self._begun >= TRANSACTION_S:
            self._run(self._connection.execute, "COMMIT")
            time.sleep(GIVE_WAY_S)
            self._begin()

    def _one(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor = self._run(self._connection.execute, sql, values)
        return cursor

    def _many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        self._run(self._connection.executemany, sql, values)

    def _run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except sqlite3.IntegrityError:
            raise  # a row that breaks the schema is our own mistake
        except sqlite3.DatabaseError as error:
            raise explain(error, self.path, "written") from error

    def _check_earlier_load(self, last: tuple[Any, ...], replace: bool) -> None:
        number, state, host, pid, start, beat = last
        if state == "loading":
            other = process.ProcessIdentity(host or "", pid or 0, start or "")
            if other != process.identity() and process.is_running(other, beat):
                raise CaseError(
                    f"The case {self.path} is being loaded by process {pid} on {host}. Wait for it, or stop it first."
                )
            self._one(
                "UPDATE load SET state = 'interrupted', message = 'its process ended before the load did' WHERE id = ?",
                (number,),
            )
        elif state == "done" and not replace:
            raise CaseError(
                f"The case {self.path} already holds a load that is done. Open it, give another path for a new case, or say "
                f"that it may be replaced."
            )

    def _drop_traffic(self) -> None:
        with self.together():
            for statement in ("DROP INDEX IF EXISTS flow_severity", "DROP INDEX IF EXISTS flow_odd"):
                self._one(statement)
            for table in TRAFFIC_TABLES:
                self._one(f"DELETE FROM {table}")
                self._look_at_the_clock()
            # large rows: their pages are freed one by one
            while self._one("DELETE FROM packet_block WHERE id = (SELECT max(id) FROM packet_block)").rowcount:
                self._look_at_the_clock()

    def _know_flows(self, highest: int) -> None:
        known = len(self._first_block)
        if highest >= known:
            more = np.full(max(FLOWS_AT_ONCE, highest + 1 - known, known), NO_BLOCK, np.uint32)
            self._first_block = np.concatenate((self._first_block, more))
            self._declared_block = np.concatenate((self._declared_block, more))

    def _put_flow_blocks(self, flows: NDArray[Any], blocks: NDArray[Any], counts: NDArray[Any]) -> None:
        if len(flows):
            self._many(
                "INSERT OR REPLACE INTO flow_block (flow, block, packets) VALUES (?,?,?)",
                zip(flows.tolist(), blocks.tolist(), counts.tolist(), strict=True),
            )

    def _app_ids(self, app: Sequence[str | None]) -> NDArray[np.int64]:
        known = self._apps
        for name in set(app):
            if name is not None and name not in known:
                word = printable(name)
                self._one("INSERT OR IGNORE INTO app (name) VALUES (?)", (word,))
                known[name] = int(self._one("SELECT id FROM app WHERE name = ?", (word,)).fetchone()[0])
        return np.fromiter((-1 if name is None else known[name] for name in app), np.int64, len(app))

    def _put_flows(
        self,
        flows: NDArray[np.void],
        app: NDArray[np.int64],
        tier: NDArray[Any],
        verdict: NDArray[Any],
        server_port: NDArray[Any],
        says: Sequence[str | None] | None,
        facts: Sequence[dict[str, Any] | None] | None,
        is_open: bool,
    ) -> None:
        count = len(flows)
        ids = np.ascontiguousarray(flows["id"])
        integers: dict[str, NDArray[np.generic]] = {}
        values: dict[str, Sequence[Any]] = {}
        rows.address_columns(flows, integers, values)
        for name in FLOW.names or ():
            if name not in ("src", "dst"):
                column = flows[name]
                integers[name] = (
                    np.minimum(column, np.uint64(rows.INTEGER_MAX)) if column.dtype == np.uint64 else column
                )
        severity = np.full(count, -1, np.int64)
        if self._severity:
            worst = self._severity
            severity = np.fromiter((worst.get(i, -1) for i in ids.tolist()), np.int64, count)
        integers |= {"app": app, "tier": tier, "verdict": verdict, "server_port": server_port, "severity": severity}
        integers["open"] = np.full(count, int(is_open), np.uint8)
        values["says"] = [None] * count if says is None else [text and printable(text) for text in says]
        values["facts"] = [None] * count if facts is None else [rows.facts_text(each) for each in facts]
        self._many(*rows.flow_rows(integers, values))

        self._know_flows(int(ids.max()) if count else 0)
        declared = (flows["first_packet"] // np.uint32(BLOCK)).astype(np.uint32)
        self._declared_block[ids] = declared
        seen = self._first_block[ids]
        stray = (seen != NO_BLOCK) & (seen != declared)
        for block in np.unique(seen[stray]).tolist():
            self._list_stray(ids[stray & (seen == block)], block)

    def _list_stray(self, flows: NDArray[np.uint32], block: int) -> None:
        """Flows whose first packet in the columns is not where they say: the block is listed like the later ones."""
        layout, count, blob = self._one(
            "SELECT layout, count, flow FROM packet_block WHERE id = ?", (block,)
        ).fetchone()
        ids, counts = np.unique(Unpacked(layout, count).column("flow", {"flow": blob}), return_counts=True)
        places = np.searchsorted(ids, np.sort(flows))
        self._put_flow_blocks(ids[places], np.full(len(places), block, np.uint32), counts[places])

    def _put_finding(self, finding: "Finding") -> None:
        if not finding.uid:
            raise ValueError(f"a finding of {finding.detector} has no uid")
        old = self._one("SELECT id, flow FROM finding WHERE uid = ?", (finding.uid,)).fetchone()
        row = rows.finding_row(finding, self.attack_version)
        if old is None:
            number = int(self._one(rows.insert_sql("finding", rows.FINDING_COLUMNS), row).lastrowid or 0)
        else:
            number = int(old[0])
            names = ", ".join(f"{name} = ?" for name in rows.FINDING_COLUMNS)
            self._one(f"UPDATE finding SET {names} WHERE id = ?", (*row, number))
            self._one("DELETE FROM evidence WHERE finding = ?", (number,))
            self._one("DELETE FROM finding_technique WHERE finding = ?", (number,))
        self._many(
            rows.insert_sql("evidence", rows.EVIDENCE_COLUMNS),
            (rows.evidence_row(number, each) for each in finding.evidence),
        )
        self._many(
            "INSERT OR REPLACE INTO finding_technique (finding, technique, relation, reason) VALUES (?,?,?,?)",
            ((number, each.technique, each.relation, printable(each.reason)) for each in finding.mappings),
        )
        for flow in {finding.flow, old[1] if old else None} - {0, None}:
            self._mark_flow(flow)

    def _mark_flow(self, flow: int) -> None:
        worst = self._one("SELECT max(severity) FROM finding WHERE flow = ?", (flow,)).fetchone()[0]
        if worst is None:
            self._severity.pop(flow, None)
        else:
            self._severity[flow] = worst
        self._one("UPDATE flow SET severity = ? WHERE id = ?", (worst, flow))


def stored_path(path: str | os.PathLike[str]) -> str | bytes:
    """A path as the case holds it: text, or its bytes where they are no UTF-8."""
    text = os.fspath(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def loaded_path(stored: str | bytes) -> str:
    """The path that was stored."""
    return stored if isinstance(stored, str) else os.fsdecode(stored)
