"""`columns.toml` in the folder of settings ⇄ which columns each list shows, in which order, how sorted.

    [flows]
    columns = ["time", "from", "to", "port", "app", "fact.sni"]
    sort = "bytes"
    descending = true
    time = "clock"

The dashboard writes it; a column `fact.NAME` shows a fact of the flow. `ODDPORT_COLUMNS` names another file.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from oddport.replacing import replace_file
from tui.data.keymap import settings_file
from tui.data.times import CLOCK, FORMS, HEADS, START

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tui.glyphs import Glyphs
    from tui.widgets.columns import Cell, Column, TableSpec

FILE = "columns.toml"
FACT = "fact."
"""What a column that shows a fact begins with."""
_LIST = re.compile(r"[a-z]{1,20}\Z")
_COLUMN = re.compile(r"(?:fact\.)?[a-z][a-z0-9_]{0,63}\Z")
FACT_WIDTH = 20


@dataclass(frozen=True, slots=True)
class ColumnSet:
    """How a list is shown. What is empty is as the list has it by itself."""

    columns: tuple[str, ...] = ()
    sort: str = ""
    descending: bool = False
    time: str = ""


def load_sets(environ: Mapping[str, str]) -> tuple[dict[str, ColumnSet], str]:
    """(list → its columns, a sentence where the file is not as it should be). Nothing of a wrong file holds."""
    path = settings_file(environ, "ODDPORT_COLUMNS", FILE)
    try:
        wanted = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, ""
    except (OSError, UnicodeDecodeError) as error:
        return {}, f"{path} could not be read: {error}."
    except tomllib.TOMLDecodeError as error:
        return {}, f"{path} is no TOML: {error}."
    found = {}
    for name, said in wanted.items():
        made = _set_of(said) if _LIST.match(name) else None
        if made is None:
            return {}, f'{path}: [{name}] is not understood. A line looks like columns = ["time", "from", "fact.sni"].'
        found[name] = made
    return found, ""


def _set_of(said: Any) -> ColumnSet | None:
    if not isinstance(said, dict):
        return None
    columns, sort = said.get("columns", []), said.get("sort", "")
    descending, time = said.get("descending", False), said.get("time", "")
    names = [*columns, *([sort] if sort else [])] if isinstance(columns, list) else [None]
    if not all(isinstance(name, str) and _COLUMN.match(name) for name in names):
        return None
    if not isinstance(descending, bool) or time not in ("", *FORMS):
        return None
    return ColumnSet(tuple(dict.fromkeys(columns)), sort, descending, time)


def save_sets(environ: Mapping[str, str], sets: Mapping[str, ColumnSet]) -> str:
    """Write them; returns a sentence where that could not be."""
    path = settings_file(environ, "ODDPORT_COLUMNS", FILE)
    lines = []
    for name, each in sorted(sets.items()):
        lines += [f"[{name}]", f"columns = {json.dumps(each.columns)}", f"sort = {json.dumps(each.sort)}"]
        lines += [f"descending = {json.dumps(each.descending)}", f"time = {json.dumps(each.time)}", ""]
    try:
        replace_file(path, "\n".join(lines))
    except OSError as error:
        return f"The columns hold until you quit; {path} could not be written: {error.strerror}."
    return ""


def shaped(spec: TableSpec, names: Sequence[str], fact: Callable[[str], Callable[[Any, Glyphs], Cell]]) -> TableSpec:
    """The columns with these names, in their order; `fact` makes the cell of a fact. Names that there are not are left
    out; without any, the columns are as they are."""
    from tui.widgets.columns import Column, Form

    known = {column.name: column for column in spec.columns}
    chosen: list[Column] = []
    for name in names:
        if name in known:
            chosen.append(known[name])
        elif name.startswith(FACT):
            head = name.removeprefix(FACT).replace("_", " ")
            cell = fact(name.removeprefix(FACT))
            chosen.append(Column(name, (Form(cell, FACT_WIDTH, head), Form(cell, 8, head))))
    if not chosen:
        return spec
    facts = tuple(column.name for column in chosen if column.name.startswith(FACT))
    slack = tuple(name for name in (*spec.slack, *facts) if name in {column.name for column in chosen})
    return replace(
        spec, columns=tuple(chosen), steps=(*reversed(facts), *spec.steps, *reversed(facts)),
        slack=slack or (chosen[-1].name,), sorts=(*spec.sorts, *facts) if spec.sorts else (),
    )  # fmt: skip


def timed(spec: TableSpec, form: str, cell: Callable[[Column, int], Callable[[Any, Glyphs], Cell]]) -> TableSpec:
    """The columns that show a time in another form; `cell` makes one with some digits of the second's fraction."""
    from tui.widgets.columns import Form

    if form == CLOCK:
        return spec

    def other(column: Column) -> Column:
        if column.time is None:
            return column
        head = column.forms[0].head if form == START else HEADS[form]
        forms = tuple(Form(cell(column, digits), width, head) for digits, width in ((3, 12), (0, 8)))
        return replace(column, forms=forms, right=True)

    return replace(spec, columns=tuple(other(column) for column in spec.columns))
