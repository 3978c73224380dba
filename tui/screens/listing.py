"""A table of the case → a screen with a list: rows as they come, sorting, the filter, the load in row 1.

Findings and Flows are this with their columns, strip and panes.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from tui.data.background import Background
from tui.data.completion import complete
from tui.data.rows import ALL, IdRows, Listing, Where
from tui.format import count, percent, plural, size
from tui.screens.case_frame import LEAVE_KEYS, STOP_KEY, THEME_KEY
from tui.screens.columned import ColumnFrame, ListTable, fact_order
from tui.screens.searching import Searching
from tui.theme import look
from tui.widgets.filter_bar import FilterBar, Wrong
from tui.widgets.line import Line, Piece, Span, line, wrap
from tui.widgets.lines import Lines
from tui.widgets.load_line import load_line
from tui.widgets.table import FixedRows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

    from textual import events
    from textual.widget import Widget

    from oddport.case.filter import Where as Filter
    from tui.data.case import Store, Summary
    from tui.data.completion import Completion
    from tui.data.filter_store import FilterStore
    from tui.data.load import Progress
    from tui.widgets.table import VirtualTable

GRAMMAR_SECONDS = 1.0
"""Until the grammar of filters is loaded, where nobody asks for it before."""
NOTICES = 2
"""Lines of what went wrong that a list gives room to."""


class Used:
    """The filters of a list that were used before, in this session and earlier ones."""

    def __init__(self, filters: FilterStore, table: str) -> None:
        self._filters, self._table = filters, table

    def texts(self) -> list[str]:
        """The newest last."""
        return self._filters.history(self._table)

    def add(self, text: str) -> None:
        """The newest now."""
        self._filters.remember(self._table, text)


class ListScreen(ColumnFrame):
    """A top-level screen with a list of the case."""

    DEFAULT_CSS = """
    ListScreen > #main { height: 1fr; }
    ListScreen > #notices { height: auto; }
    ListScreen > #empty { display: none; height: 1fr; padding: 0; }
    ListScreen.-empty > #main { display: none; }
    ListScreen.-empty > #panes { display: none; }
    ListScreen.-empty > #strip { display: none; }
    ListScreen.-empty > #empty { display: block; }
    ListScreen.-filtering > #context { display: none; }
    ListScreen > #panes { display: none; height: 45%; }
    ListScreen.-panes > #panes { display: block; }
    ListScreen.-panes.-empty > #panes { display: none; }
    ListScreen.-panes > #strip { display: none; }
    ListScreen > #panes > #left { width: 1fr; height: 100%; }
    ListScreen > #panes > #right { width: 1fr; height: 100%; }
    """
    AUTO_FOCUS = "#main"
    LISTING: ClassVar[Listing]
    FOLLOWS: ClassVar[bool] = False
    """The newest row is kept in sight from the beginning of a capture on."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="narrow.filter", tooltip="filter"),
        Binding("F", "saved_filters", show=False, id="narrow.saved", tooltip="saved filters: pick, save, delete"),
        Binding("full_stop", "sort_in", "sort in", id="narrow.sort_in", tooltip="sort in the rows that joined"),
        Binding("space", "follow(True)", "follow", id="here.follow", tooltip="keep the newest row in sight"),
        Binding("space", "follow(False)", "pause", id="here.pause", tooltip="let the rows stand; what comes is kept"),
        STOP_KEY,
        Binding("L", "app.load_again", "load again", id="here.load", tooltip="load the captures again"),
        Binding("D", "app.show_problems", show=False, id="here.problems", tooltip="what went wrong or was left out"),
        THEME_KEY,
        *LEAVE_KEYS,
    ]

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.rows: IdRows | None = None
        self.filter_text = ""
        self.summary: Summary | None = None
        self.progress: Progress | None = None
        self.search = Searching(self)
        self._counter: Background | None = None
        self._panes_wanted = False
        self.following: bool | None = None
        """The newest row is kept in sight; None until traffic comes."""
        self._paused_at = 0
        """Rows that there were when it was no more."""

    # body -----------------------------------------------------------------------------------------------------------

    def compose_body(self) -> Iterable[Widget]:
        """Filter, notices, list, panes, and what is said where there is nothing to list."""
        yield FilterBar(self._check, self._completions, Used(self.host.filters, self.MODE), id="filter")
        yield Lines(ground="raised", id="notices")
        yield ListTable(self.spec(), FixedRows(), id="main")
        with Horizontal(id="panes"):
            yield Lines(ground="raised", id="left")
            yield Lines(ground="raised", id="right")
        yield Lines(id="empty")

    def on_mount(self) -> None:
        if not self.query("#main"):
            return  # the dashboard was quit before this screen had its widgets
        self.table.sort = self.first_sort()
        self.start_rows()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._show_row)

    def on_unmount(self) -> None:
        self.search.end()
        if self.rows is not None:
            self.rows.close()
        if self._counter is not None:
            self._counter.close()

    def start_rows(self) -> None:
        """Begin to list as soon as there is a case."""
        if self.rows is not None or not self.store.exists():
            return
        self.rows = IdRows(
            self.LISTING, self.store.connect, self.soon, self._rows_changed, self._rows_joined, self._rows_failed
        )
        self._counter = Background(self.store.connect, self.soon, "count")
        self.table.rows = self.rows
        self.rows.requery(order=self.order_of(*self.table.sort))
        self.set_timer(GRAMMAR_SECONDS, self._load_grammar)

    def _load_grammar(self) -> None:
        """It takes a moment: not at the first letter of the first filter, and not while the first rows are painted."""
        threading.Thread(target=self._compile, args=("app == tls",), name="oddport-filter", daemon=True).start()

    def _rows_changed(self, place: int | None) -> None:
        self.table.rows_changed(place)
        self._keep_newest()
        self._show_row()
        self.refresh_keys()  # nothing stands out of its place any more

    def _rows_joined(self) -> None:
        self.table.rows_joined()
        self._keep_newest()
        if self.has_class("-empty"):
            self._show_row()
        else:
            self.refresh_frame()

    def _rows_failed(self, error: Exception) -> None:
        self.soon(self.say_unreadable, error)

    # the case and the load ------------------------------------------------------------------------------------------

    def take(self, summary: Summary | None, progress: Progress | None, changed: bool, last: bool) -> None:
        """What the app has seen at its last look at the case: `changed` since, `last` = the load has just ended."""
        ran, problems = self.load_runs, self.query_one("#notices", Lines).lines
        self.summary, self.progress = summary, progress
        self.start_rows()
        if self.rows is not None and (changed or last):
            self.rows.forget_pages()
            if last and not self.table.touched and not self.filter_text:
                self.rows.requery(keep=self.table.key)
            else:
                self.rows.poll(last)
        if ran and last and self.search.was_asked:
            self.apply_filter(self.filter_text)  # in what has come since, too
        self.show_notices()
        self._show_row()
        if ran != self.load_runs or problems != self.query_one("#notices", Lines).lines:
            self.refresh_keys()

    # following ------------------------------------------------------------------------------------------------------

    @property
    def comes(self) -> bool:
        """Traffic comes, of which nobody knows how long it goes on."""
        return self.progress is not None and self.progress.running and self.progress.provisional

    def _keep_newest(self) -> None:
        """Put the cursor on the newest row, if that is followed."""
        if self.following is None and self.comes:
            self.following, self._paused_at = self.FOLLOWS and not self.table.touched, len(self.table.rows)
        if self.following and self.comes and self.rows is not None and (place := self.rows.newest()) is not None:
            self.table.move_to_index(place)

    def _pause_where_moved(self) -> None:
        """Who moves the cursor away from the newest row wants to look at another one."""
        if self.following and self.rows is not None and self.table.cursor != self.rows.newest():
            self._pause()

    def _pause(self) -> None:
        self.following, self._paused_at = False, len(self.table.rows)
        self.refresh_frame()
        self.refresh_keys()

    def action_follow(self, on: bool) -> None:
        """Keep the newest row in sight, or no more. What is captured is the same."""
        if on:
            self.following = True
            self._keep_newest()
            self.refresh_frame()
            self.refresh_keys()
        else:
            self._pause()

    def follow_pieces(self) -> list[Piece]:
        """Whether the newest row is followed, for row 1."""
        if not self.comes:
            return []
        glyphs = look(self).glyphs
        if self.following:
            return [(f"{glyphs.live} following  ", "ok")]
        newer = 0 if self.following is None else max(len(self.table.rows) - self._paused_at, 0)
        return [(f"{glyphs.paused} paused{f', {count(newer)} newer' if newer else ''}  ", "medium")]

    @property
    def load_runs(self) -> bool:
        """A load runs."""
        return self.progress is not None and self.progress.running

    def show_notices(self) -> None:
        """A line for each of the worst; the others by `D`."""
        found = [(problem.title, problem.ink) for problem in self.host.problems() if not problem.quiet]
        alert = look(self).glyphs.alert
        rows = []
        for place, (text, ink) in enumerate(found[:NOTICES]):
            more = len(found) - NOTICES if place == NOTICES - 1 else 0
            right: list[Piece] = [("D", "key"), (f" {count(more)} more" if more > 0 else " shows more", "muted")]
            rows.append(line((f"{alert} ", ink), (text, "text"), right=right))
        self.query_one("#notices", Lines).show(rows)

    # rows and what is said of them ----------------------------------------------------------------------------------

    def on_virtual_table_moved(self, event: VirtualTable.Moved) -> None:
        self._pause_where_moved()
        if not self.has_panes:
            self._show_row()
        elif not self._panes_wanted:  # the row itself is painted first
            self._panes_wanted = True
            self.call_after_refresh(self._show_panes)

    def _show_panes(self) -> None:
        self._panes_wanted = False
        self._show_row()

    def _show_row(self) -> None:
        if self.is_mounted:
            self.guarded(self._show_row_now)

    def _show_row_now(self) -> None:
        empty = self.rows is None or not len(self.rows)
        was = self.has_class("-empty")
        self.set_class(empty, "-empty")
        if empty:
            self.query_one("#empty", Lines).show(self._placed(self._nothing()))
        elif self.has_panes:
            row = self.table.current
            self.query_one("#left", Lines).show(self.left_pane(row) if row is not None else [])
            self.query_one("#right", Lines).show(self.right_pane(row) if row is not None else [])
        self.refresh_frame()
        if was != empty:
            self.refresh_keys()
            if not empty and not self.has_class("-filtering"):
                self.table.focus()

    def _placed(self, rows: Sequence[Line]) -> list[Line]:
        """A left edge that is found at once: column 40, row 11 where there is room, else column 1."""
        wide = self.size.width >= 120 and self.size.height >= 30
        indent, above = (40, 9) if wide else (1, 2)
        return [Line()] * above + [Line(row.left, row.right, indent) for row in rows]

    def left_pane(self, row: Any) -> list[Line]:
        """Under the list, at the left."""
        return []

    def right_pane(self, row: Any) -> list[Line]:
        """Under the list, at the right."""
        return []

    def _nothing(self) -> list[Line]:
        if self.search.running is not None:
            return [line(("Nothing found so far.", "strong"))]
        return self.nothing()

    def nothing(self) -> list[Line]:
        """What is said where there is nothing to list."""
        return []

    def context(self) -> Line:
        judging = self.host.judging
        if judging is not None:
            return load_line(judging.progress, self.size.width, "judging again")
        if self.search.running is not None:
            found = count(len(self.rows)) if self.rows is not None else "0"
            return load_line(self.search.running.progress, self.size.width, f"{found} found so far")
        if self.load_runs and self.progress is not None and self.filter_text:
            shown = count(len(self.rows)) if self.rows is not None else "0"
            read = (
                percent(self.progress.bytes, self.progress.total) if self.progress.total else size(self.progress.bytes)
            )
            right: list[Piece] = [(f"{read} read", "strong"), ("  x", "key"), (" cancel", "muted")]
            return line(
                *self.follow_pieces(), (shown, "strong"), (" so far", "muted"), *self.filter_pieces(), right=right
            )
        if self.load_runs and self.progress is not None:
            return load_line(self.progress, self.size.width, follow=self.follow_pieces())
        return self.counts()

    def counts(self) -> Line:
        """Row 1 where no load runs."""
        return Line()

    def filter_pieces(self) -> list[Piece]:
        """The filter that holds, for row 1."""
        if not self.filter_text:
            return []
        return [("   / ", "key"), (self.filter_text, "text"), ("  esc clears it", "muted")]

    def tail_pieces(self) -> list[Piece]:
        """That rows at the end are not in their place."""
        tail = self.rows.tail if self.rows is not None else 0
        if not tail:
            return []
        return [(f"   {count(tail)} new at the end", "muted"), ("  .", "key"), (" sorts them in", "muted")]

    def case_name(self) -> str:
        """Of row 1."""
        name = self.host.case_title
        if not name and self.summary is not None and self.summary.files:
            files = self.summary.files
            name = files[0].path.rpartition("/")[2] if len(files) == 1 else plural(len(files), "capture")
        return name or self.store.path.stem

    def top_right(self) -> Sequence[Span]:
        if self.size.width < 120:
            return ()
        pieces = [Span(self.case_name(), "text")]
        if self.load_runs:
            return [*pieces, Span("  loading", "muted")]
        summary = self.summary
        if summary is not None:
            facts = (size(summary.bytes), plural(summary.flows, "flow"), plural(summary.packets, "packet"), "UTC")
            pieces += [Span(f"  {fact}", "muted") for fact in facts]
        return pieces

    # sorting --------------------------------------------------------------------------------------------------------

    def on_virtual_table_sorted(self, event: VirtualTable.Sorted) -> None:
        self.sort_by(event.column, event.descending)

    def sort_by(self, column: str, descending: bool) -> None:
        """Put the rows in another order; the cursor stays on its row."""
        if self.rows is not None and (column, descending) != self.table.sort:
            self.table.sort = (column, descending)
            self.rows.requery(order=self.order_of(column, descending), keep=self.table.key)
            self.table.refresh()

    def order_of(self, column: str, descending: bool) -> str:
        """ORDER BY of a sorted column; empty cells stand last either way."""
        listing = self.LISTING
        first = self.SPEC.sorts[0]
        if column == first and descending == (first in self.SPEC.descending_first):
            return listing.default
        expression = fact_order(listing.table, column) or listing.orders[column]
        return f"({expression}) IS NULL, +({expression}) {'DESC' if descending else 'ASC'}, id"

    def action_sort_in(self) -> None:
        """Put the rows at the end in their place."""
        if self.rows is not None:
            self.rows.requery(keep=self.table.key)

    # the filter -----------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Row 1 becomes the input."""
        if self.rows is None:
            return
        self.add_class("-filtering")
        self.query_one(FilterBar).open(self.filter_text)
        self.refresh_keys()

    def action_saved_filters(self) -> None:
        """Pick a filter by its name, or give the one that holds a name."""
        from oddport.case.errors import FilterError
        from tui.dialogs.saved import SavedDialog

        def chosen(text: str | None) -> None:
            if text is None:
                return
            try:
                self.apply_filter(text)
            except FilterError as error:
                self.say(f"This filter does not fit this list. {error.message}", "high")

        self.app.push_screen(SavedDialog(self.host.filters, self.filter_text), chosen)

    @property
    def _list(self) -> str:
        return "flows" if self.LISTING.table == "flow" else "findings"

    def _compile(self, text: str) -> Filter:
        from oddport.case.filter import compile_filter

        return compile_filter(text, self._list)

    def _check(self, text: str) -> Wrong | None:
        from oddport.case.errors import FilterError

        try:
            self._compile(text)
        except FilterError as error:
            return Wrong(error.message, error.column, error.hint)
        return None

    def _completions(self, text: str) -> list[Completion]:
        from oddport.case.filter import filter_values, filter_words

        return self._complete(text, filter_words(self._list), partial(filter_values, self._list))

    def _complete(
        self, text: str, words: Sequence[tuple[str, str, tuple[str, ...]]], values: Callable[[str], Sequence[str]]
    ) -> list[Completion]:
        def values_of(name: str) -> Sequence[str]:
            return self.store.apps() if name == "app" else values(name)

        return complete(text, [(name, says) for name, says, _ in words], values_of)

    def on_filter_bar_typed(self, event: FilterBar.Typed) -> None:
        bar, table = self.query_one(FilterBar), self.LISTING.table
        if self._counter is None:
            return
        where = self._compile(event.text) if event.text.strip() else None
        if where is not None and where.terms:
            bar.count("enter searches bytes")
            return
        sql, params = ("1", ()) if where is None else (where.sql, where.params)

        def ask(db: sqlite3.Connection) -> int:
            found: int = db.execute(f"SELECT count(*) FROM {table} WHERE {sql}", params).fetchone()[0]
            return found

        self._counter.submit(ask, lambda number: bar.count(plural(number, "row")), lambda error: None)

    def on_filter_bar_applied(self, event: FilterBar.Applied) -> None:
        self.apply_filter(event.text)
        self._close_filter()
        if self.host.filters.problem:
            self.say(self.host.filters.problem, "medium")

    def on_filter_bar_closed(self, event: FilterBar.Closed) -> None:
        self._close_filter()

    def _close_filter(self) -> None:
        self.query_one(FilterBar).close_bar()
        self.remove_class("-filtering")
        self.table.focus()
        self._show_row()
        self.refresh_keys()

    def apply_filter(self, text: str) -> None:
        """List what the filter leaves; raises FilterError."""
        found = self._compile(text) if text.strip() else None
        self.filter_text = text.strip()
        self.search.end()
        if found is None or not found.terms:
            self.list_where(ALL if found is None else Where(found.sql, found.params))
        else:
            self.search.start(self.store.path, self._list, self.filter_text, found)

    def list_where(self, where: Where) -> None:
        """List what meets a condition; the cursor stays on its row."""
        if self.rows is not None:
            self.rows.requery(where=where, keep=self.table.key)

    def action_back(self) -> None:
        """Esc clears the filter; it never quits."""
        if self.filter_text:
            self.apply_filter("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean something now."""
        if action == "back":
            return bool(self.filter_text)
        if action == "follow":
            return self.comes and parameters[0] != bool(self.following) and not self.has_class("-filtering")
        if action == "sort_in":
            return bool(self.rows is not None and self.rows.tail)
        if action == "filter":
            something = self.rows is not None and (len(self.rows) > 0 or bool(self.filter_text))
            return something and not self.has_class("-filtering")
        return True


def wrapped(text: str, width: int, ink: str = "text", lead: Span | None = None, indent: int = 1) -> list[Line]:
    """A text over several lines, the first with a lead, the others indented as far."""
    from rich.cells import cell_len

    room = cell_len(lead.text) if lead is not None else 0
    rows = wrap(text, max(width - room - 2 * indent, 8))
    return [
        Line((lead if place == 0 and lead is not None else Span(" " * room), Span(row, ink)), indent=indent)
        for place, row in enumerate(rows)
    ]
