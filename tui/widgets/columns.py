"""The columns a table could show, the width of the terminal and of the values → the columns it shows, and where.

A column has *forms*, from the widest to the narrowest (`10:02:17.184`, `10:02:17`). As width shrinks, the table's
*steps* are taken in order; a step names a column and takes its next form, or the column away if it was the last.
Widths come from the longest value of the whole result, so that scrolling never moves a column; where they do not fit,
from the longest value that was in sight, so that one IPv6 address far below does not cost every row its title.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tui.glyphs import Glyphs
from tui.widgets.line import Piece, spans, width_of

Cell = tuple[Piece, ...]
"""What stands in a cell: pieces beside one another; the cell is cut or padded by the table."""
CellOf = Callable[[Any, Glyphs], Cell]

CUT = "~"
"""The step at which the text column starts to be cut."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a column."""

    cell: CellOf
    width: int
    """Cells, or the least of them where `measure` names a measured width."""
    head: str = ""
    measure: str = ""
    """Key of the result's measured widths."""
    most: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a table could show."""

    name: str
    """Also the name by which it is sorted."""
    forms: tuple[Form, ...]
    right: bool = False
    middle: bool = False
    """Cut in the middle rather than at the end (addresses)."""
    removable: bool = True
    if_any: str = ""
    """Key of a measured width: the column is there only where that is not 0."""
    time: Callable[[Any], int] | None = None
    """The time that it shows of a row, in ns."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """All columns of a table, and how they give way."""

    columns: tuple[Column, ...]
    steps: tuple[str, ...]
    slack: tuple[str, ...]
    """The columns that take what is left over: the first of them that is shown."""
    text: str = ""
    """The column that is cut from CUT on; measured and at most `text_want` wide before that."""
    text_want: int = 28
    text_least: int = 12
    squeeze: tuple[str, ...] = ()
    """Cut in this order when all steps are taken and there is still no room."""
    sorts: tuple[str, ...] = ()
    """Columns that can be sorted by, in the order of the sort key."""
    descending_first: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Placed:
    """A column on the screen."""

    name: str
    head: str
    cell: CellOf
    left: int
    """First cell, counted from the left edge of the table."""
    width: int
    right: bool
    middle: bool


SQUEEZED = 15
"""Cells to which addresses are squeezed first: every IPv4 address is whole."""
SQUEEZED_MORE = 9
GUTTER = 1
SCROLL = 1


def _width(spec: TableSpec, column: Column, form: Form, measured: Mapping[str, int], cutting: bool) -> int:
    width = min(max(form.width, measured.get(form.measure, 0) if form.measure else 0, len(form.head)), form.most)
    if column.name == spec.text:
        return min(width, spec.text_least if cutting else max(spec.text_want, spec.text_least))
    return width


def longest(spec: TableSpec, rows: Iterable[Any], glyphs: Glyphs) -> dict[str, int]:
    """Cells of the longest value among `rows`, of each column that is measured."""
    forms = [form for column in spec.columns for form in column.forms if form.measure]
    found = dict.fromkeys((form.measure for form in forms), 0)
    for row in rows:
        for form in forms:
            found[form.measure] = max(found[form.measure], width_of(spans(form.cell(row, glyphs))))
    return found


def all_fit(spec: TableSpec, total: int, measured: Mapping[str, int]) -> bool:
    """Whether every column has its first form and its longest value in `total` cells."""
    widths = [
        max(_width(spec, column, column.forms[0], measured, False), measured.get(column.forms[0].measure, 0))
        for column in spec.columns
    ]
    return GUTTER + SCROLL + sum(widths) + len(widths) <= total


def place(spec: TableSpec, total: int, measured: Mapping[str, int]) -> list[Placed]:
    """The columns that fit in `total` cells: a gutter at the left, one cell between columns, a scroll bar at the
    right."""
    chosen = {column.name: 0 for column in spec.columns if not column.if_any or measured.get(column.if_any)}
    cutting = False
    steps = list(spec.steps)

    def widths() -> dict[str, int]:
        return {
            column.name: _width(spec, column, column.forms[chosen[column.name]], measured, cutting)
            for column in spec.columns
            if column.name in chosen
        }

    room = max(total - GUTTER - SCROLL, 0)
    now = widths()
    while sum(now.values()) + len(now) > room and steps:
        step = steps.pop(0)
        if step == CUT:
            cutting = True
        elif step in chosen:
            column = next(column for column in spec.columns if column.name == step)
            if chosen[step] + 1 < len(column.forms):
                chosen[step] += 1
            elif column.removable:
                del chosen[step]
        now = widths()
    over = sum(now.values()) + len(now) - room
    for least in (SQUEEZED, SQUEEZED_MORE):
        for name in spec.squeeze:
            if over > 0 and name in now:
                taken = min(over, now[name] - min(now[name], least))
                now[name] -= taken
                over -= taken
    if over < 0:
        slack = -over
        if spec.text in now:  # before anything else grows, the text is whole
            slack = _give(spec, now, measured, slack)
        taker = next((name for name in spec.slack if name in now), None)
        if taker is not None:
            now[taker] += slack
    placed, left = [], GUTTER
    for column in spec.columns:
        if column.name not in now:
            continue
        form = column.forms[chosen[column.name]]
        placed.append(Placed(column.name, form.head, form.cell, left, now[column.name], column.right, column.middle))
        left += now[column.name] + 1
    return placed


def _give(spec: TableSpec, now: dict[str, int], measured: Mapping[str, int], slack: int) -> int:
    column = next(column for column in spec.columns if column.name == spec.text)
    wanted = measured.get(column.forms[0].measure, spec.text_want)
    given = max(min(slack, wanted - now[spec.text]), 0)
    now[spec.text] += given
    return slack - given
