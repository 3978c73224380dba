"""The flows of a case → what speaks where: a map of apps and server ports, and the values of any field with counts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from oddport.case.counts import FIELDS, Countable, ValueCount, fact_fields, filter_for, port_counts, value_counts
from tui.data.background import Background
from tui.data.flows import severity_cell
from tui.data.ports import ALTERNATE, MORE, OTHER, UNKNOWN, port_map
from tui.format import count, endpoint, plural, size
from tui.glyphs import MISMATCH, VERDICT_INKS, VERDICT_WORDS
from tui.screens.case_frame import LEAVE_KEYS, STOP_KEY, THEME_KEY, CaseFrame
from tui.theme import look
from tui.widgets.columns import CUT, Cell, Column, Form, TableSpec
from tui.widgets.heat_map import NAMES, HeatMap
from tui.widgets.line import EMPTY, Line, Piece, line
from tui.widgets.lines import Lines
from tui.widgets.table import VirtualTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from textual.widget import Widget

    from oddport.case.counts import PortCount
    from tui.data.case import Store, Summary
    from tui.data.load import Progress
    from tui.glyphs import Glyphs
    from tui.widgets.line import Span

MOST_VALUES = 5_000
"""Values that are listed; the rows under the list say how many there are."""
LOOK_AGAIN_SECONDS = 3.0
"""Between two counts while a load runs."""
LEAST_LIST = 7
"""Rows of the list, its head included."""


class Values:
    """The values of a field: what the table shows."""

    def __init__(self) -> None:
        self.field: Countable = FIELDS[0]
        self.found: list[ValueCount] = []
        self.total = 0
        self.widths: Mapping[str, int] = {}

    def show(self, total: int, found: list[ValueCount]) -> None:
        """Other values."""
        self.total, self.found = total, found
        self.widths = {
            "value": max((len(each.value) for each in found), default=0),
            "flows": max((len(count(each.flows)) for each in found), default=0),
        }

    def __len__(self) -> int:
        return len(self.found)

    def row(self, index: int) -> ValueCount:
        """The value at a place."""
        return self.found[index]

    def key(self, index: int) -> int:
        """What the row is known by: its place, since a value is text."""
        return index + 1

    def find(self, key: int) -> int | None:
        """Where a row is."""
        return key - 1 if 1 <= key <= len(self.found) else None


def _odd(row: ValueCount, _: Glyphs) -> Cell:
    return ((count(row.odd), "strong"),) if row.odd else ()


def _severity(row: ValueCount, glyphs: Glyphs) -> Cell:
    return () if row.severity is None else tuple(severity_cell(row.severity, glyphs))


def spec_of(field: Countable) -> TableSpec:
    """The columns for the values of a field."""
    return TableSpec(
        columns=(
            Column("value", (Form(lambda row, _: ((row.value, "text"),), 12, field.title, "value"),), removable=False),
            Column("flows", (Form(lambda row, _: ((count(row.flows), "text"),), 6, "Flows", "flows"),), right=True,
                   removable=False),
            Column("bytes", (Form(lambda row, _: ((size(row.bytes), "text"),), 8, "Bytes"),), right=True),
            Column("speaks", (Form(lambda row, _: ((" ".join(row.apps), "muted"),), 12, "Speaks"),)),
            Column("odd", (Form(_odd, 6, "Odd"),), right=True, removable=False),
            Column("sev", (Form(_severity, 3, "Sev"),), removable=False),
        ),
        steps=(CUT, "speaks", "bytes"),
        slack=("speaks", "value"),
        text="value",
        text_want=64,
        text_least=15,
        squeeze=("value",),
    )  # fmt: skip


class PortsScreen(CaseFrame):
    """Tab 4."""

    MODE = "ports"
    TITLE_TEXT = "Hosts and ports"
    GUIDE = "What speaks where, and the values of a field by their flows. Enter lists those flows."
    STRIP = 0
    AUTO_FOCUS = "#map"
    DEFAULT_CSS = """
    PortsScreen > #values { height: 1fr; }
    PortsScreen > #nothing { display: none; height: auto; }
    PortsScreen.-empty > #nothing { display: block; }
    PortsScreen.-empty > #map { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "side", "map, list", id="move.side", tooltip="map, list"),
        Binding("p", "field(1)", "other fields", id="here.field", tooltip="count another field, the one before"),
        Binding("P", "field(-1)", show=False, id="here.field_back", tooltip="count another field, the one before"),
        STOP_KEY,
        THEME_KEY,
        *LEAVE_KEYS,
    ]

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.values = Values()
        self.summary: Summary | None = None
        self._fields: list[Countable] = list(FIELDS)
        self._counts: list[PortCount] | None = None
        self._counter: Background | None = None
        self._lister: Background | None = None
        self._asked = 0.0
        self._ends: tuple[tuple[str, int | None], list[Piece]] = (("", None), [])

    def compose_body(self) -> Iterable[Widget]:
        """Map, the cell in words, list."""
        yield HeatMap(id="map")
        yield Lines([EMPTY], ground="raised", id="cell")
        yield VirtualTable(spec_of(FIELDS[0]), self.values, id="values")
        yield Lines(id="nothing")

    @property
    def heat(self) -> HeatMap:
        """The map."""
        return self.query_one("#map", HeatMap)

    @property
    def table(self) -> VirtualTable:
        """The list."""
        return self.query_one("#values", VirtualTable)

    # counting -------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._ask()

    def on_unmount(self) -> None:
        for each in (self._counter, self._lister):
            if each is not None:
                each.close()

    def take(self, summary: Summary | None, progress: Progress | None, changed: bool, last: bool) -> None:
        """What the app has seen at its last look at the case."""
        grown = summary is not None and (self.summary is None or summary.flows != self.summary.flows)
        self.summary = summary
        waited = time.monotonic() - self._asked > LOOK_AGAIN_SECONDS
        if last or self._counts is None or (grown and waited):
            self._ask()
        self.refresh_frame()

    @property
    def busy(self) -> bool:
        """Flows are being counted."""
        return any(each is not None and each.busy for each in (self._counter, self._lister))

    def _ask(self) -> None:
        if not self.store.exists() or (self._counter is not None and self._counter.busy):
            return
        self._asked = time.monotonic()
        if self._counter is None or self._lister is None:
            self._counter = Background(self.store.connect, self.soon, "ports")
            self._lister = Background(self.store.connect, self.soon, "values")

        self._counter.submit(port_counts, self._counted, self.say_unreadable)
        self._ask_values()

    def _ask_values(self) -> None:
        if self._lister is not None:
            field = self.values.field
            self._lister.submit(
                lambda db: value_counts(db, field, MOST_VALUES), lambda found: self._listed(*found), self.say_unreadable
            )

    def _counted(self, found: list[PortCount]) -> None:
        self._counts = found
        self._show()

    def _listed(self, total: int, found: list[ValueCount]) -> None:
        self.values.show(total, found)
        self.table.rows_changed()
        self.refresh_frame()
        if len(self._fields) == len(FIELDS) and self._lister is not None:
            self._lister.submit(fact_fields, self._learn_facts, self.say_unreadable)

    def _learn_facts(self, facts: list[Countable]) -> None:
        self._fields = [*FIELDS, *facts]

    def on_resize(self, event: Any) -> None:
        self._show()

    def _show(self) -> None:
        if not self.is_mounted or self._counts is None:
            return
        names = min(max((len(each.app or UNKNOWN) for each in self._counts), default=0), NAMES)
        rows = max(self.size.height - 5 - LEAST_LIST, 4)
        if self.has_panes:
            rows = min(rows, self.size.height * 55 // 100)
        self.heat.show(port_map(self._counts, rows, self.heat.room(self.size.width, names)))
        empty = not self._counts
        self.set_class(empty, "-empty")
        if empty:
            why = "None yet." if self.host.loading else "No flow has payload and a known server port."
            self.query_one("#nothing", Lines).show([EMPTY, line((why, "strong")), EMPTY])
            self.table.focus()
        self.refresh_frame()

    # what is said ---------------------------------------------------------------------------------------------------

    def context(self) -> Line:
        shown = self.heat.map
        if self._counts is None:
            return line(("What speaks where", "text"), ("   counting the flows", "muted"))
        ink = "high" if shown.odd else "text"
        right: list[Piece] = [(count(shown.odd), ink), (f" of {count(shown.flows)} do not fit", "muted")]
        return line(("What speaks where", "text"), ("   flows by app and server port", "muted"), right=right)

    def top_right(self) -> Sequence[Span]:
        return ()

    def refresh_frame(self) -> None:
        super().refresh_frame()
        if self.is_mounted:
            self.query_one("#cell", Lines).show([self._words()])

    def _words(self) -> Line:
        """What is under the cursor, in words."""
        if self.focused is self.table:
            listed, total = len(self.values), self.values.total
            some = f"{count(listed)} of {count(total)}" if listed < total else count(total)
            return line((f"{self.values.field.title}", "strong"), (f"   {some}, the worst first", "muted"))
        heat, glyphs = self.heat, look(self).glyphs
        row, column = heat.cursor
        if row >= len(heat.map.apps) or column >= len(heat.map.ports):
            return EMPTY
        app, port, cell = heat.map.apps[row], heat.map.ports[column], heat.current
        where = OTHER if port is None else str(port)
        what = f"{count(len(heat.map.hidden_apps))} other apps" if app == MORE else app
        if cell is None:
            return line((f"{where}   {what}", "muted"), ("   no flows", "muted"))
        verdict = MISMATCH if cell.odd else cell.verdict
        ink = VERDICT_INKS[verdict] if verdict == MISMATCH else "strong"
        pieces: list[Piece] = [
            (f"{where} {glyphs.verdict[verdict]} {what}", ink), (f"   {plural(cell.flows, 'flow')}", "text"),
            (f"   {size(cell.bytes)}", "muted"),
        ]  # fmt: skip
        right: list[Piece] = []
        if cell.odd and port is not None and app != MORE:
            right = self._odd_ends(app, port)
            if cell.odd < cell.flows:
                pieces.append((f"   {count(cell.odd)} do not fit", "high"))
        elif cell.odd:
            pieces.append((f"   {count(cell.odd)} do not fit", "high"))
        elif cell.verdict == ALTERNATE:
            pieces.append((f"   {VERDICT_WORDS[ALTERNATE]}", "muted"))
        return line(*pieces, right=right)

    def _odd_ends(self, app: str, port: int) -> list[Piece]:
        """Between whom, and what was expected; by the index over flows that do not fit."""
        if self._ends[0] != (app, port):
            found = self.store.reader.odd_example(app, port)
            glyphs = look(self).glyphs
            pieces: list[Piece] = []
            if found is not None:
                pieces = [(f"{found.src} {glyphs.forward} {endpoint(found.dst, None)}", "muted")]
                if found.expected:
                    pieces += [("   expected ", "muted"), (found.expected, "expected")]
            self._ends = ((app, port), pieces)
        return self._ends[1]

    # keys -----------------------------------------------------------------------------------------------------------

    def on_heat_map_moved(self, event: HeatMap.Moved) -> None:
        self.refresh_frame()

    def on_descendant_focus(self, event: Any) -> None:
        self.heat.refresh()
        self.refresh_frame()

    def on_heat_map_opened(self, event: HeatMap.Opened) -> None:
        text = self.heat.map.filter(*self.heat.cursor)
        if text:
            self.app.call_later(self.host.list_flows, text)
        else:
            self.say("These are too many apps for one filter. A wider terminal has rows for more of them.", "medium")

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        row: ValueCount = event.row
        self.app.call_later(self.host.list_flows, filter_for(self.values.field, row.value))

    def action_side(self) -> None:
        """The map, or the list."""
        (self.heat if self.focused is self.table else self.table).focus()

    def action_field(self, step: int) -> None:
        """Count the values of another field."""
        names = [field.name for field in self._fields]
        at = names.index(self.values.field.name) if self.values.field.name in names else 0
        field = self._fields[(at + step) % len(self._fields)]
        self.values.field = field
        self.values.show(0, [])
        self.table.use(spec_of(field))
        self.table.rows_changed()
        self.table.focus()
        self._ask_values()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc never quits."""
        return action != "back"
