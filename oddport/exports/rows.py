"""Rows of a list of the case → CSV or JSON, a page at a time.

A cell of CSV that a spreadsheet would take for a formula begins with an apostrophe: names come from the wire.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from oddport.case.reader import CaseReader
from oddport.case.tables import FINDING_COLUMNS, FLOW_COLUMNS

ROWS_AT_ONCE = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")
SECOND = 1_000_000_000
LOG_COLUMNS = ("at", "user", "what", "finding", "flow", "title", "verdict", "note")
"""Of the review log; `what`: verdict or mark."""


def write_rows(
    reader: CaseReader, table: str, ids: Sequence[int], form: str, out: TextIO, wanted: Callable[[], bool]
) -> int:
    """Writes rows of `flows` or `findings` as `csv` or `json` (a list of objects) while it is wanted; returns how many.

    Raises CaseError where they cannot be read, OSError where they cannot be written.
    """
    columns = FLOW_COLUMNS if table == "flows" else FINDING_COLUMNS
    written = 0
    if form == "json":
        out.write("[")
    else:
        out.write(_csv_line(("first", *columns)))
    for row in _rows(reader, table, ids, columns, wanted):
        if form == "json":
            out.write(",\n " if written else "\n ")
            out.write(json.dumps(dict(zip(("first", *columns), row, strict=True)), ensure_ascii=False))
        else:
            out.write(_csv_line(row))
        written += 1
    if form == "json":
        out.write("\n]\n")
    return written


def write_log(reader: CaseReader, form: str, out: TextIO) -> int:
    """Writes what the analyst said of findings and marked, by whom and when, the first first, as `csv` or `json` (a
    list of objects); returns how many rows."""
    said = [
        (each.at_ns, (time_text(each.at_ns), each.user, "verdict", each.uid, "", each.title, each.verdict or "none",
                      each.note))
        for each in reader.review_log()
    ]  # fmt: skip
    marks = [
        (each.at_ns, (time_text(each.at_ns), each.user, "mark", each.uid, "" if each.flow is None else each.flow,
                      each.title, "", ""))
        for each in reader.marks()
    ]  # fmt: skip
    rows = [row for _, row in sorted([*said, *marks], key=lambda pair: pair[0])]
    if form == "json":
        json.dump([dict(zip(LOG_COLUMNS, row, strict=True)) for row in rows], out, ensure_ascii=False, indent=1)
        out.write("\n")
        return len(rows)
    for line in (LOG_COLUMNS, *rows):
        out.write(_csv_line(line))
    return len(rows)


def _rows(
    reader: CaseReader, table: str, ids: Sequence[int], columns: Sequence[str], wanted: Callable[[], bool]
) -> Iterator[tuple[Any, ...]]:
    at = columns.index("first_ns")
    for start in range(0, len(ids), ROWS_AT_ONCE):
        if not wanted():
            return
        for row in reader.rows(table, ids[start : start + ROWS_AT_ONCE], columns):
            if row is not None:
                yield (time_text(row[at]), *row)


def time_text(ns: int) -> str:
    """ISO 8601, UTC, to the nanosecond."""
    moment = datetime.fromtimestamp(ns // SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ns % SECOND:09d}Z"


def _csv_line(values: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_cell(value) for value in values])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value
