"""A list whose columns a person chooses: which, in which order, sorted by which, and the form of its times."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from oddport.case.counts import FACT_NAME, fact_fields
from tui.data.column_sets import FACT, ColumnSet, shaped, timed
from tui.data.flows import fact_text, facts_of
from tui.data.times import CLOCK, SAYS, following, time_text
from tui.screens.case_frame import CaseFrame
from tui.widgets.table import VirtualTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.glyphs import Glyphs
    from tui.widgets.columns import Cell, CellOf, Column, TableSpec


def fact_cell(name: str) -> CellOf:
    """A fact of the row's flow. Rows have `facts`, as JSON or None."""

    def cell(row: Any, _: Glyphs) -> Cell:
        value = facts_of(row.facts).get(name)
        return () if value is None else ((fact_text(value), "text"),)

    return cell


def fact_order(table: str, column: str) -> str:
    """What a list is sorted by for a column that shows a fact; empty for another column."""
    name = column.removeprefix(FACT)
    if name == column or not FACT_NAME.match(name):
        return ""
    value = f"json_extract(flow.facts, '$.\"{name}\"')"
    return value if table == "flow" else f"(SELECT {value} FROM flow WHERE flow.id = {table}.flow)"


class ListTable(VirtualTable):
    """The list."""

    BINDINGS: ClassVar[list[BindingType]] = VirtualTable.SORT_BINDINGS


class ColumnFrame(CaseFrame):
    """What such a list has besides its rows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "time", show=False, id="here.time", tooltip="times: of the day, since the start, the row above"),
        Binding("C", "columns", show=False, id="here.columns", tooltip="choose columns, add a field as one"),
    ]
    SPEC: ClassVar[TableSpec]
    TIME: ClassVar[str] = CLOCK
    """The form of times by itself."""

    @property
    def table(self) -> ListTable:
        """The list."""
        return self.query_one("#main", ListTable)

    @property
    def chosen(self) -> ColumnSet:
        """What the person has chosen for this list."""
        return self.host.column_sets.get(self.MODE, ColumnSet())

    @property
    def time_form(self) -> str:
        """The form of times that holds."""
        return self.chosen.time or self.TIME

    def whole_spec(self) -> TableSpec:
        """All columns that there are, with times in the form that holds."""
        return timed(self.SPEC, self.time_form, self._time_cell)

    def spec(self) -> TableSpec:
        """The columns as they were chosen."""
        return shaped(self.whole_spec(), self.chosen.columns, fact_cell)

    def first_sort(self) -> tuple[str, bool]:
        """Column and direction of the list as it is opened."""
        spec, chosen = self.spec(), self.chosen
        if chosen.sort in spec.sorts:
            return chosen.sort, chosen.descending
        return (spec.sorts[0], spec.sorts[0] in spec.descending_first) if spec.sorts else ("", False)

    def _time_cell(self, column: Column, digits: int) -> Callable[[Any, Glyphs], Cell]:
        time_of = column.time
        assert time_of is not None

        def cell(row: Any, _: Glyphs) -> Cell:
            above = self.table.rows.row(self.table.painted - 1) if self.table.painted else None
            before = None if above is None else time_of(above)
            return ((time_text(self.time_form, time_of(row), self.store.start_ns(), before, digits), "muted"),)

        return cell

    def _keep(self, chosen: ColumnSet) -> str:
        why = self.host.keep_columns(self.MODE, chosen)
        self.table.use(self.spec())
        return why

    def action_time(self) -> None:
        """The next form of the time."""
        form = following(self.time_form)
        why = self._keep(replace(self.chosen, time=form))
        self.say(why or f"Times: {SAYS[form]}", "medium" if why else "muted")

    def action_columns(self) -> None:
        """Choose columns."""
        from tui.dialogs.columns import ColumnsDialog, Offer

        whole, spec = self.whole_spec(), self.spec()
        shown = [column.name for column in spec.columns]
        row = self.table.current
        here = facts_of(row.facts) if row is not None else {}
        known = [found.fact for found in fact_fields(self.store.connection)]
        facts = dict.fromkeys([*here, *known, *(name.removeprefix(FACT) for name in shown if name.startswith(FACT))])

        def says(name: str) -> str:
            return f"a fact: {fact_text(here[name])}" if name in here else "a fact"

        offers = [
            *(Offer(each.name, each.forms[0].head or each.name, each.name, each.name in whole.sorts)
              for each in whole.columns),
            *(Offer(FACT + name, name.replace("_", " "), says(name), bool(whole.sorts))
              for name in facts if FACT_NAME.match(name)),
        ]  # fmt: skip

        def answered(answer: ColumnSet | None) -> None:
            if answer is None:
                return
            why = self._keep(replace(answer, time=self.chosen.time))
            if answer.sort:
                self.sort_by(answer.sort, answer.descending)
            if why:
                self.say(why, "medium")

        default = ColumnSet(tuple(column.name for column in whole.columns))
        now = ColumnSet(tuple(shown), *self.table.sort)
        self.app.push_screen(ColumnsDialog(offers, now, default), answered)

    def sort_by(self, column: str, descending: bool) -> None:
        """Put the rows in another order."""
        raise NotImplementedError
