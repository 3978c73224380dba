"""A case and a filter → a file to hand on, or standard output."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from oddport.case.cases import find_case
from oddport.case.errors import CaseError, FilterError
from oddport.case.filter import compile_filter
from oddport.case.reader import CaseReader
from oddport.case.tables import Order
from oddport.cli.paths import fail
from oddport.exports.forms import FORMS, write_form
from oddport.wording import plural

if TYPE_CHECKING:
    from array import array

ORDERS: Mapping[str, Order] = {"flows": ("first_ns",), "findings": (("severity", True), ("score", True))}
"""As the dashboard lists them at first."""


def export(case: str, table: str, form: str | None, text: str, out: Path | None) -> int:
    """Write the rows of `table` that the filter `text` holds for; exit status 0, or 2 where that cannot be.

    `case`: a file, or the name of a case in the data folder. Without `form`, that of the file's ending, else the usual.
    """
    known = FORMS[table]
    form = form or (out.suffix.lstrip(".") if out is not None and out.suffix.lstrip(".") in known else known[0])
    if form not in known:
        fail(f"There is no {form} of {table}; there are {', '.join(known)}.")
        return 2
    if out is None and form == "pcapng" and sys.stdout.isatty():
        fail("Packets are no text for a terminal. Name a file by --out, or pipe them on.")
        return 2
    try:
        with CaseReader.open(find_case(case)) as reader:
            return _written(reader, _ids(reader, table, text), table, form, out)
    except FilterError as error:
        fail(f"The filter {text!r} is not understood at character {error.column + 1}. {error}")
    except CaseError as error:
        fail(str(error))
    return 2


def _ids(reader: CaseReader, table: str, text: str) -> "array[int]":
    where = compile_filter(text, table)
    if where.terms:
        from oddport.case.payload_scan import searched

        where, gone = searched(reader, text, table, where)
        if gone:
            fail(f"{plural(gone, 'packet')} could not be searched: the ring has given up their bytes.")
    return reader.query_ids(table, where.sql, where.params, ORDERS[table])


def _written(reader: CaseReader, ids: Sequence[int], table: str, form: str, out: Path | None) -> int:
    try:
        with open(1, "wb", closefd=False) if out is None else out.open("xb") as file:
            said = write_form(reader, table, ids, form, file, f"Review of {reader.path.stem}")
    except FileExistsError:
        fail(f"{out} is there already. Give another name.")
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever reads has read enough
        return 0
    except (CaseError, OSError) as error:
        fail(f"{out or 'standard output'} was not written whole: {error}")
        return 2
    if out is not None:
        print(f"oddport: {said} written to {out}", file=sys.stderr)
    return 0
