"""Rows of a list of the case → a file of one of the forms in which they are handed on."""

import io
from collections.abc import Callable, Sequence
from typing import BinaryIO

from oddport.case.reader import CaseReader
from oddport.wording import plural

FORMS = {"flows": ("pcapng", "csv", "json"), "findings": ("html", "md", "csv", "json", "pcapng", "log", "log-json")}
"""List → its forms, the usual one first. `log`, `log-json`: verdicts, notes and marks, by whom and when."""


def write_form(
    reader: CaseReader,
    table: str,
    ids: Sequence[int],
    form: str,
    out: BinaryIO,
    title: str,
    wanted: Callable[[], bool] = lambda: True,
) -> str:
    """Write rows of `flows` or `findings` while it is wanted; says what was written: "12 packets".

    pcapng: every packet of the flows, or of the flows that the findings stand for. html, md: a report with that title.
    `out` is closed after text. Raises CaseError where rows or packets cannot be read, OSError where they cannot be
    written.
    """
    if form == "pcapng":
        from oddport.exports.pcapng import write_pcapng

        flows = ids if table == "flows" else reader.flows_of_findings(ids)
        return plural(write_pcapng(reader, flows, out, wanted), "packet")
    with io.TextIOWrapper(out, encoding="utf-8", newline="") as text:
        if form in ("csv", "json"):
            from oddport.exports.rows import write_rows

            return plural(write_rows(reader, table, ids, form, text, wanted), "row")
        if form in ("log", "log-json"):
            from oddport.exports.rows import write_log

            return plural(write_log(reader, "json" if form == "log-json" else "csv", text), "entry", "entries")
        from oddport.exports.report import write_report

        return plural(write_report(reader, title, form, text, ids), "finding")
