"""A case file → what all screens ask of it: connections, counts, how far its load is, the analyst's verdicts."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oddport.case.words import address_text
from tui.data.load import Progress
from tui.data.payload import payload_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from oddport.case.model import Omission
    from oddport.case.reader import CaseReader


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """A capture of the case."""

    path: str
    size: int
    packets: int
    truncated: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a case at one moment."""

    files: tuple[CaptureFile, ...] = ()
    severities: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    """Findings by severity."""
    reviewed: int = 0
    errors: tuple[tuple[str, str, str], ...] = ()
    """(detector, where, message) of detectors that stopped."""
    load_state: str = ""
    """Of the latest load: `loading`, `done`, `stopped`, `failed`, `interrupted`; empty for none."""
    load_bytes: int = 0
    load_total: int | None = None
    load_message: str = ""
    load_started_ns: int = 0
    packets: int = 0
    flows: int = 0
    omissions: tuple[Omission, ...] = ()
    """What the load left out for want of memory, and what detectors left undecided."""

    @property
    def findings(self) -> int:
        """All of them."""
        return sum(self.severities)

    def progress(self) -> Progress:
        """Of a load by another process."""
        seconds = max(time.time_ns() - self.load_started_ns, 0) / 1e9
        return Progress(
            "loading",
            self.load_bytes,
            self.load_total,
            self.packets,
            self.flows,
            self.findings,
            seconds,
            elsewhere=True,
        )

    @property
    def bytes(self) -> int:
        """Of the captures on the disk."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of the flows of a case; counted over all of them, so asked in the background."""

    flows: int = 0
    verdicts: tuple[int, int, int, int, int, int] = (0, 0, 0, 0, 0, 0)
    """Flows by port verdict."""
    examples: tuple[tuple[str, ...], ...] = ((), (), (), (), (), ())
    """The most frequent apps (with their port) of each."""
    unknown: tuple[tuple[str, int], ...] = ()
    """Why flows with payload were not recognised, and how many."""
    trains: int = 0


FIRST_PACKETS = 32
"""Packets of a flow among which the first ones with payload are looked for."""
# oddport.engine.columns, NOTE_*
_MIDSTREAM, _ONE_SIDED, _CUT, _GAPS = 1, 2, 4, 8 | 16


def _address_width(packed: bytes) -> int:
    return len(address_text(packed, 6))


class Store:
    """A case that may not be there yet. Used from the thread of the screen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        """Why the case cannot be opened."""
        self.bytes_problem = ""
        """Why the bytes that were asked for last are not here."""
        self.caution = ""
        """What could not be done as usual when the case was opened."""
        self._connection: sqlite3.Connection | None = None
        self._reader: CaseReader | None = None
        self._version = -1
        self._start = 0

    def exists(self) -> bool:
        """The case is there, with its tables. Where it is there and cannot be opened, `problem` says why."""
        from oddport.case.errors import CaseError

        if self._reader is None:
            try:
                self._reader = self._open()
                self.problem = ""
            except CaseError as error:
                self.problem = str(error)
        return self._reader is not None

    def _open(self) -> CaseReader | None:
        try:
            if not self.path.stat().st_size:
                return None
        except OSError:
            return None
        from oddport.case.connect import connect_for_reading
        from oddport.case.reader import CaseReader

        opened = connect_for_reading(self.path)
        try:
            if not opened.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return None  # its maker has not come to the end of the tables
        finally:
            opened.connection.close()
        reader = CaseReader.open(self.path)
        self.caution = reader.caution
        return reader

    def connect(self) -> sqlite3.Connection:
        """A read-only connection of its own; raises CaseError (a sentence)."""
        from oddport.case.connect import connect_for_reading

        opened = connect_for_reading(self.path)
        # a million rows are sorted in 20 MB and a file beside them instead of in 200 MB
        opened.connection.execute("PRAGMA temp_store=FILE")
        opened.connection.create_function("address_width", 1, _address_width, deterministic=True)
        return opened.connection

    @property
    def connection(self) -> sqlite3.Connection:
        """The one of the screen's thread."""
        if self._connection is None:
            self._connection = self.connect()
        return self._connection

    @property
    def reader(self) -> CaseReader:
        """The reader of the case, for packets and their bytes."""
        if self._reader is None and not self.exists():
            from oddport.case.errors import CaseError

            raise CaseError(self.problem or f"There is no case {self.path} yet.")
        assert self._reader is not None
        return self._reader

    def changed(self) -> bool:
        """Whether someone else has written since this was asked last."""
        version: int = self.connection.execute("PRAGMA data_version").fetchone()[0]
        before, self._version = self._version, version
        return version != before

    def close(self) -> None:
        """Give the case back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def frame(self, file: int, number: int) -> bytes | None:
        """Captured bytes of packet `number` (1-based) of a file; None if they are not here (see `bytes_problem`)."""
        from oddport.case.errors import CaseError

        self.bytes_problem = ""
        try:
            packet = self.reader.packet_of_file(file, number)
            return self.reader.packet_bytes(packet) if packet is not None else None
        except CaseError as error:
            self.bytes_problem = str(error)
            return None

    def flows_with_findings(self) -> frozenset[int]:
        """Ids of all flows that have one."""
        return frozenset(row[0] for row in self.connection.execute("SELECT DISTINCT flow FROM finding WHERE flow > 0"))

    def start_ns(self) -> int:
        """Time of the first packet that is kept; 0 where there is none yet."""
        if not self._start:
            row = self.connection.execute("SELECT first FROM packet_block ORDER BY id LIMIT 1").fetchone()
            packet = None if row is None else self.reader.packet(row[0])
            self._start = packet.ts if packet is not None else 0
        return self._start

    def apps(self) -> list[str]:
        """Names of what is spoken in the case, in the order in which they were first seen."""
        return [row[0] for row in self.connection.execute("SELECT name FROM app ORDER BY id")]

    def summary(self) -> Summary:
        """Counts that are quick to get."""
        db = self.connection
        files = tuple(
            CaptureFile(path, size, packets, bool(truncated), tuple(json.loads(warnings)))
            for path, size, packets, truncated, warnings in db.execute(
                "SELECT path, size, packets, truncated, warnings FROM file ORDER BY id"
            )
        )
        severities = [0] * 5
        for severity, number in db.execute("SELECT severity, count(*) FROM finding GROUP BY severity"):
            severities[severity] = number
        reviewed = db.execute("SELECT count(*) FROM finding JOIN verdict USING (uid)").fetchone()[0]
        errors = tuple(db.execute("SELECT detector, at, message FROM detector_error ORDER BY id"))
        load = self.reader.load_state()
        packets, flows = load.packets, load.flows
        if load.state in ("interrupted", "empty"):
            packets = db.execute("SELECT coalesce(sum(count), 0) FROM packet_block").fetchone()[0]
            flows = db.execute("SELECT count(*) FROM flow").fetchone()[0]
        return Summary(
            files=files,
            severities=(severities[0], severities[1], severities[2], severities[3], severities[4]),
            reviewed=reviewed,
            errors=errors,
            load_state=load.state,
            load_bytes=load.bytes_read,
            load_total=load.bytes_total,
            load_message=load.message,
            load_started_ns=load.started_ns,
            packets=packets,
            flows=flows,
            omissions=tuple(self.reader.omissions()),
        )

    def trace_of(self, detector: str) -> str:
        """The traceback of a detector that stopped."""
        row = self.connection.execute(
            "SELECT trace FROM detector_error WHERE detector = ? ORDER BY id LIMIT 1", (detector,)
        ).fetchone()
        return row[0] if row else ""

    def set_verdict(self, uid: str, verdict: str, note: str) -> str:
        """Keep what the analyst says; returns a sentence where that could not be, else nothing."""
        from oddport.case.errors import CaseError

        try:
            self.reader.set_verdict(uid, verdict or None, note)
        except CaseError as error:
            return str(error)
        return ""

    def set_verdicts(self, uids: Sequence[str], verdict: str, note: str) -> str:
        """Say the same of many findings; returns a sentence where that could not be, else nothing."""
        from oddport.case.errors import CaseError

        try:
            self.reader.set_verdicts(uids, verdict or None, note)
        except CaseError as error:
            return str(error)
        return ""

    def set_marks(self, table: str, ids: Sequence[int], marked: bool) -> str:
        """Mark rows of `flow` or `finding`, or take marks away; returns a sentence where that could not be."""
        from oddport.case.errors import CaseError

        try:
            self.reader.set_marks(table, ids, marked)
        except CaseError as error:
            return str(error)
        return ""

    def marked(self, table: str) -> frozenset[int]:
        """Ids of the rows of `flow` or `finding` that are marked."""
        from oddport.case.marks import marked_sql

        return frozenset(row[0] for row in self.connection.execute(f"SELECT id FROM {table} WHERE {marked_sql(table)}"))

    def undo_verdict(self, uid: str) -> str:
        """Take the last change back; returns a sentence where there is none or that could not be."""
        from oddport.case.errors import CaseError

        try:
            return "" if self.reader.undo_verdict(uid) else "There is nothing to undo on this finding."
        except CaseError as error:
            return str(error)

    def first_bytes(self, flow: int) -> tuple[bytes, bytes]:
        """The first payload of the originator and of the responder, where it is in a whole packet; see
        `bytes_problem`."""
        from oddport.case.errors import CaseError

        self.bytes_problem = ""
        found = [b"", b""]
        try:
            row = self.reader.flow(flow)
            depth = 0 if row is None else len(row.tunnel)
            for packet in self.reader.packets_of_flow(flow, 0, FIRST_PACKETS):
                side = 1 if packet.back else 0
                if packet.payload and not packet.fragment and not found[side]:
                    frame = self.reader.packet_bytes(packet)
                    start, length = payload_of(frame, packet.link, depth)
                    found[side] = frame[start : start + length]
                if all(found):
                    break
        except CaseError as error:
            self.bytes_problem = str(error)
        return found[0], found[1]


def judged(db: sqlite3.Connection) -> Judged:
    """Count the flows by what became of them; reads the whole table (0.1 s a million flows)."""
    verdicts = [0] * 6
    for verdict, number in db.execute("SELECT verdict, count(*) FROM flow GROUP BY verdict"):
        verdicts[verdict] = number
    examples: list[list[str]] = [[] for _ in range(6)]
    cursor = db.execute(
        "SELECT f.verdict, a.name, f.server_port, count(*) FROM flow f JOIN app a ON a.id = f.app"
        " WHERE f.verdict IN (2, 3) GROUP BY 1, 2, 3 ORDER BY 4 DESC"
    )
    for verdict, app, port, _ in cursor:
        text = f"{app} on {port}" if verdict == 2 else app
        if len(examples[verdict]) < 3 and text not in examples[verdict]:
            examples[verdict].append(text)
    reasons = db.execute(
        f"SELECT sum(notes & {_ONE_SIDED} > 0), sum(notes & {_ONE_SIDED} = 0 AND notes & {_MIDSTREAM} > 0),"
        f" sum(notes & {_ONE_SIDED | _MIDSTREAM} = 0 AND notes & {_CUT} > 0),"
        f" sum(notes & {_ONE_SIDED | _MIDSTREAM | _CUT} = 0 AND notes & {_GAPS} > 0) FROM flow WHERE verdict = 4"
    ).fetchone()
    words = ("one direction only", "begun before the capture", "cut off", "with bytes missing")
    unknown = tuple((word, number) for word, number in zip(words, reasons, strict=True) if number)
    trains = db.execute("SELECT count(*) FROM train").fetchone()[0]
    return Judged(sum(verdicts), tuple(verdicts), tuple(map(tuple, examples)), unknown, trains)  # type: ignore[arg-type]
