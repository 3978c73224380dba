"""A case file → flows, findings, packets and their bytes as readable rows. Reads only; any number of readers may.

A reader may be used from any thread: each question takes a connection of its own for as long as it lasts, and none
keeps a transaction open between two questions.
"""

import os
import sqlite3
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from oddport.case import captures, counts, marks, process, reading, verdicts
from oddport.case.connect import SCHEMA_VERSION, connect_for_reading, read_version
from oddport.case.counts import OddExample
from oddport.case.errors import CaseError
from oddport.case.model import (
    CaptureRow,
    Counts,
    DetectorErrorRow,
    EvidenceRow,
    FindingRow,
    FlowRow,
    LoadState,
    MarkRow,
    Omission,
    PacketRow,
    ReviewRow,
    TechniqueCount,
    TechniqueRow,
    TrainRow,
    VerdictRow,
)
from oddport.case.pool import Pool
from oddport.case.tables import Order, readable, table_named
from oddport.case.words import SEVERITIES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from oddport.case.packet_filter import Test
    from oddport.case.packets import Packets
    from oddport.case.timeline import OverTime

IDS_AT_ONCE = 50_000
"""Row ids taken from SQLite between two looks at the other threads."""
ROWS_AT_ONCE = 500
"""Row ids in one statement; SQLite's least limit of parameters is 999."""


class CaseReader:
    """Reads one case. Methods raise CaseError (a sentence) where SQLite cannot read."""

    def __init__(self, path: Path, pool: Pool, caution: str) -> None:
        self.path = path
        self.caution = caution
        """A sentence where the case could not be opened in the usual way, else empty."""
        self._pool = pool
        self._bytes = captures.CaptureBytes()
        self._packets: Packets | None = None

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Opens a case; one of an older version is brought up to date first.

        Raises CaseError where it is none, is damaged, or was made by a newer oddport.
        """
        place = Path(path)
        opened = connect_for_reading(place)
        try:
            version = read_version(opened.connection, place)
        finally:
            opened.connection.close()
        if version < SCHEMA_VERSION:
            from oddport.case.migrations import migrate

            migrate(place)
        return cls(place, Pool(place, lambda: connect_for_reading(place)), opened.caution)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections; queries that run are stopped."""
        self._pool.close()

    # -- the case as a whole

    def files(self) -> list[CaptureRow]:
        """The captures, in the order in which they were given."""
        with self._pool.use() as connection:
            return reading.captures(connection)

    def load_state(self) -> LoadState:
        """How far the latest load got; `interrupted` where its process does not live any more."""
        with self._pool.use() as connection:
            row = connection.execute(
                "SELECT state, started_ns, ended_ns, bytes_total, bytes_read, packets, flows, findings, pid, message,"
                " host, process_start, beat_ns FROM load ORDER BY id DESC LIMIT 1"
            ).fetchone()
        if row is None:
            return LoadState("empty")
        state, *numbers, pid, message, host, start, beat = row
        if state == "loading" and not process.is_running(
            process.ProcessIdentity(host or "", pid or 0, start or ""), beat
        ):
            state = "interrupted"
        return LoadState(*(state, *numbers, pid, message or ""))

    def counts(self) -> Counts:
        """How much the case holds; while a load runs, as of its last report."""
        state = self.load_state()
        with self._pool.use() as connection:
            packets, flows = state.packets, state.flows
            if state.state in ("interrupted", "empty"):
                packets = _number(connection, "SELECT coalesce(sum(count), 0) FROM packet_block")
                flows = _number(connection, "SELECT count(*) FROM flow")
            by_severity = [0] * len(SEVERITIES)
            for severity, count in connection.execute("SELECT severity, count(*) FROM finding GROUP BY severity"):
                by_severity[severity] = count
            return Counts(
                packets,
                flows,
                tuple(by_severity),  # type: ignore[arg-type]
                _number(connection, "SELECT count(*) FROM finding WHERE uid IN (SELECT uid FROM verdict)"),
                _number(connection, "SELECT count(*) FROM train"),
                _number(connection, "SELECT count(*) FROM detector_error"),
            )

    def meta(self) -> dict[str, str]:
        """Facts about the case as a whole."""
        with self._pool.use() as connection:
            return dict(connection.execute("SELECT key, value FROM meta ORDER BY key").fetchall())

    def errors(self) -> list[DetectorErrorRow]:
        """Detectors that failed, in order."""
        with self._pool.use() as connection:
            rows = connection.execute("SELECT id, detector, at, message, trace FROM detector_error ORDER BY id")
            return [DetectorErrorRow(*row) for row in rows]

    def omissions(self) -> list[Omission]:
        """What the load left out or left undecided: limits first, the most frequent first."""
        with self._pool.use() as connection:
            rows = connection.execute(
                "SELECT source, kind, reason, count FROM omission"
                " ORDER BY kind = 'limit' DESC, count DESC, source, reason"
            )
            return [Omission(*row) for row in rows]

    # -- lists

    def query_ids(
        self,
        table: str,
        where: str = "",
        params: Sequence[Any] = (),
        order: Order = (),
        *,
        limit: int | None = None,
        after: int | None = None,
        wanted: Callable[[], bool] | None = None,
    ) -> "array[int]":
        """Row ids of `flows` or `findings` in the order in which they are listed.

        where, params: from compile_filter. order: column names, or (name, True) for descending; ties go by id.
        limit: only the first ones, for a first paint. after: only ids above this one, for rows that a load added.
        wanted: asked about every millisecond; once it is false, Interrupted is raised, as by `interrupt`.
        """
        listed = table_named(table)
        values = list(params)
        if after is not None:
            where, values = f"({where or '1'}) AND {listed.base}.id > ?", [*values, after]
        sql = listed.ids_sql(where, order)
        if limit is not None:
            sql, values = f"{sql} LIMIT ?", [*values, limit]
        ids = array("q")
        with self._pool.use(wanted, watched=True) as connection:
            cursor = connection.execute(sql, values)
            while chunk := cursor.fetchmany(IDS_AT_ONCE):
                ids.extend(row[0] for row in chunk)
        return ids

    def interrupt(self) -> None:
        """Stops every `query_ids` that runs now; each raises Interrupted in its thread."""
        self._pool.interrupt()

    def rows(
        self, table: str, ids: Sequence[int], columns: Sequence[str] | None = None
    ) -> list[tuple[Any, ...] | None]:
        """Readable values of rows, in the order of `ids`; None where there is no such row (any more).

        columns: names of tables.FLOW_COLUMNS or FINDING_COLUMNS, all if None.
        """
        listed = table_named(table)
        chosen = listed.columns if columns is None else tuple(listed.column(name) for name in columns)
        found: dict[int, tuple[Any, ...]] = {}
        with self._pool.use() as connection:
            for start in range(0, len(ids), ROWS_AT_ONCE):
                part = [int(i) for i in ids[start : start + ROWS_AT_ONCE]]
                for row in connection.execute(listed.rows_sql(chosen, len(part)), part):
                    found[row[0]] = readable(chosen, row)
        return [found.get(int(i)) for i in ids]

    # -- flows and findings

    def flow(self, flow: int) -> FlowRow | None:
        """A flow by its id."""
        with self._pool.use() as connection:
            return reading.flow(connection, flow)

    def finding(self, finding: int) -> FindingRow | None:
        """A finding by its row id."""
        with self._pool.use() as connection:
            return next(iter(reading.findings(connection, "finding.id = ?", (finding,))), None)

    def finding_by_uid(self, uid: str) -> FindingRow | None:
        """A finding by the name that it has in every case of the same capture."""
        with self._pool.use() as connection:
            return next(iter(reading.findings(connection, "finding.uid = ?", (uid,))), None)

    def findings_of_flow(self, flow: int) -> list[FindingRow]:
        """The findings of a flow, the worst first."""
        with self._pool.use() as connection:
            there = "finding.id IN (SELECT finding FROM occurrence WHERE flow = ?)"
            return reading.findings(connection, f"finding.flow = ? OR {there}", (flow, flow))

    def flows_of_findings(self, findings: Sequence[int]) -> "array[int]":
        """The flows of findings, those folded into them included, in the order of their ids."""
        flows: set[int] = set()
        with self._pool.use() as connection:
            for start in range(0, len(findings), ROWS_AT_ONCE):
                some = list(findings[start : start + ROWS_AT_ONCE])
                marks = ",".join("?" * len(some))
                flows.update(
                    row[0]
                    for row in connection.execute(
                        f"SELECT flow FROM finding WHERE flow > 0 AND id IN ({marks})"
                        f" UNION SELECT flow FROM occurrence WHERE finding IN ({marks})",
                        (*some, *some),
                    )
                )
        return array("q", sorted(flows))

    def evidence(self, finding: int) -> list[EvidenceRow]:
        """The bytes that speak for a finding, in the order in which its detector gave them."""
        with self._pool.use() as connection:
            return reading.evidence(connection, finding)

    def techniques(self, finding: int) -> list[TechniqueRow]:
        """The ATT&CK techniques of a finding: direct, related, context."""
        with self._pool.use() as connection:
            return reading.techniques(connection, finding)

    def over_time(self, parts: int) -> "OverTime | None":
        """Traffic and findings in equal parts of the whole time; None where there is none."""
        from oddport.case.timeline import over_time, whole_span  # late: NumPy

        with self._pool.use() as connection:
            span = whole_span(connection)
            return None if span is None else over_time(connection, span, parts)

    def odd_example(self, app: str, port: int) -> OddExample | None:
        """A flow of an app that does not fit its server port, the one with the worst finding."""
        with self._pool.use() as connection:
            return counts.odd_example(connection, app, port)

    def technique_counts(self) -> list[TechniqueCount]:
        """Techniques that findings are tied to, by relation and technique."""
        with self._pool.use() as connection:
            return reading.technique_counts(connection)

    def verdict(self, uid: str) -> VerdictRow | None:
        """What the analyst said of a finding."""
        with self._pool.use() as connection:
            return verdicts.read_verdict(connection, uid)

    def review_log(self) -> list[ReviewRow]:
        """Every change of a verdict that was not taken back, the first one first."""
        with self._pool.use() as connection:
            return verdicts.read_log(connection)

    def set_verdicts(self, uids: Sequence[str], verdict: str | None, note: str = "", user: str = "") -> None:
        """Says the same of many findings; see verdicts.set_verdicts."""
        verdicts.set_verdicts(self.path, uids, verdict, note, user)

    def set_verdict(self, uid: str, verdict: str | None, note: str = "", user: str = "") -> None:
        """Says `benign`, `suspicious`, `confirmed` or None (takes it back) of a finding; see verdicts.set_verdict."""
        verdicts.set_verdict(self.path, uid, verdict, note, user)

    def undo_verdict(self, uid: str) -> bool:
        """Takes the last change of a finding's verdict back; False where there is none left."""
        return verdicts.undo_verdict(self.path, uid)

    def marks(self) -> list[MarkRow]:
        """All marks on findings and flows, the first one first."""
        with self._pool.use() as connection:
            return marks.read_marks(connection)

    def set_marks(self, table: str, ids: Sequence[int], marked: bool, user: str = "") -> None:
        """Marks rows of `flow` or `finding`, or takes their marks away; see marks.set_marks."""
        marks.set_marks(self.path, table, ids, marked, user)

    # -- packets and bytes

    def packets_of_flow(self, flow: int, offset: int = 0, limit: int = 100) -> list[PacketRow]:
        """At most `limit` packets of a flow from the `offset`-th (0-based) on, in order of reading."""
        with self._pool.use() as connection:
            return self._packet_blocks().of_flow(connection, flow, offset, limit)

    def packet_count_of_flow(self, flow: int) -> int:
        """Packets of a flow that `packets_of_flow` can give."""
        with self._pool.use() as connection:
            return self._packet_blocks().count_of_flow(connection, flow)

    def place_in_flow(self, packet: PacketRow) -> int:
        """The offset at which `packets_of_flow` of the packet's flow begins with it."""
        with self._pool.use() as connection:
            return self._packet_blocks().place_in_flow(connection, packet)

    def packets_of_flows(self, flows: Sequence[int], limit: int = 500) -> Iterator[list[PacketRow]]:
        """The packets of these flows in order of reading, at most `limit` at a time."""
        import numpy as np

        wanted = np.unique(np.asarray(flows, np.int64))
        with self._pool.use() as connection:
            blocks = connection.execute("SELECT id, first FROM packet_block ORDER BY id").fetchall()
        for block, first in blocks:
            at = 0
            while True:
                with self._pool.use() as connection:
                    page = self._packet_blocks().of_flows(connection, wanted, block, at, limit)
                if not page:
                    break
                at = page[-1].packet - first + 1
                yield page

    def packet(self, packet: int) -> PacketRow | None:
        """A packet by its 0-based number in the case."""
        with self._pool.use() as connection:
            return self._packet_blocks().packet(connection, packet)

    def packet_counts(self) -> list[int]:
        """Packets by block number: engine.columns.BLOCK in all but the last of the case, 0 in those forgotten."""
        with self._pool.use() as connection:
            found = dict(connection.execute("SELECT id, count FROM packet_block").fetchall())
        return [found.get(block, 0) for block in range(max(found, default=-1) + 1)]

    def packets_in_block(self, block: int, rows: "slice | NDArray[np.intp]") -> list[PacketRow]:
        """Packets of a block (0-based) by their rows in it."""
        with self._pool.use() as connection:
            return self._packet_blocks().in_block(connection, block, rows)

    def packets_that_meet(self, block: int, test: "Test") -> "NDArray[np.uint16]":
        """Rows of a block whose packets meet a test (packet_filter.PacketFilter), ascending."""
        with self._pool.use() as connection:
            return self._packet_blocks().that_meet(connection, block, test)

    def packet_of_file(self, file: int, number: int) -> PacketRow | None:
        """A packet by its 1-based number in its file, as evidence names it."""
        with self._pool.use() as connection:
            return self._packet_blocks().packet_of_file(connection, file, number)

    def packet_bytes(self, packet: PacketRow) -> bytes:
        """The captured bytes of a packet, from the capture.

        Raises CaptureMoved (a sentence) where the capture is gone or is another file now.
        """
        return self._bytes.read(self._file(packet.file), packet.offset, packet.caplen)

    def frames(self, packets: Sequence[PacketRow], most: int | None = None) -> list[bytes]:
        """The captured bytes of packets, or the first `most` of each.

        Raises CaptureMoved (a sentence) where a capture is gone or is another file now.
        """
        files = {number: self._file(number) for number in {packet.file for packet in packets}}
        return [
            self._bytes.read(files[packet.file], packet.offset, min(packet.caplen, most or packet.caplen))
            for packet in packets
        ]

    def point_to(self, file: int, path: str | os.PathLike[str]) -> None:
        """Says where a capture that has moved lies now; kept in the case.

        Raises CaptureMoved where the file there is another one, CaseError where the case cannot be written.
        """
        captures.point_to(self.path, self._file(file), path)

    # -- fragment trains

    def train(self, train: int) -> TrainRow | None:
        """A fragment train with its fragments."""
        with self._pool.use() as connection:
            return next(iter(reading.trains(connection, "id = ?", (train,))), None)

    def trains(self, offset: int = 0, limit: int = 1_000) -> list[TrainRow]:
        """Fragment trains by time of their first fragment."""
        with self._pool.use() as connection:
            return reading.trains(connection, "1", (), f"LIMIT {int(limit)} OFFSET {int(offset)}")

    def trains_of_flow(self, flow: int, offset: int = 0, limit: int = 100) -> list[TrainRow]:
        """Fragment trains whose datagrams belong to a flow, by time of their first fragment."""
        with self._pool.use() as connection:
            return reading.trains(connection, "flow = ?", (flow,), f"LIMIT {int(limit)} OFFSET {int(offset)}")

    def train_bytes(self, train: TrainRow) -> bytes:
        """What the fragments of a train put together give, up to the first hole; earlier bytes win (RFC 791, 3.2).

        Raises CaptureMoved where the capture is gone or is another file now.
        """
        return reading.put_together(train, self._fragment_bytes)

    # -- inside

    def _packet_blocks(self) -> "Packets":
        if self._packets is None:
            from oddport.case.packets import Packets  # late: NumPy

            self._packets = Packets()
        return self._packets

    def _file(self, file: int) -> CaptureRow:
        with self._pool.use() as connection:
            found = reading.captures(connection, file)
        if not found:
            raise CaseError(f"The case {self.path} has no capture number {file}. Load the capture again.")
        return found[0]

    def _fragment_bytes(self, packet: int) -> bytes:
        row = self.packet(packet)
        return b"" if row is None else self.packet_bytes(row)


def _number(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])
