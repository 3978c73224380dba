"""The fragment trains of a case → arrivals as bars, and what each reassembly policy makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.worker import get_current_worker

from oddport.case.errors import CaseError
from tui.data.rows import IdRows
from tui.data.trains import LISTING, SPEC, TrainLine
from tui.format import count, plural
from tui.screens.case_frame import LEAVE_KEYS, STOP_KEY, THEME_KEY, CaseFrame
from tui.theme import look
from tui.widgets.line import EMPTY, Line, Piece, line, wrap
from tui.widgets.lines import Lines
from tui.widgets.table import FixedRows, VirtualTable
from tui.widgets.train_lines import arrival_lines, legend, reading_lines, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

    from tui.data.case import Store, Summary
    from tui.data.load import Progress
    from tui.data.train_readings import TrainPicture


LIST, SHORT_LIST, STANDARD = 5, 3, 24
"""Rows of the list with its head, at this height of the screen and below."""


class TrainTable(VirtualTable):
    """The list."""

    BINDINGS: ClassVar[list[BindingType]] = VirtualTable.SORT_BINDINGS


class TrainsScreen(CaseFrame):
    """Tab 7."""

    MODE = "trains"
    TITLE_TEXT = "Fragment trains"
    GUIDE = "Fragments in order of arrival over the bytes they bring, and the datagram as each policy reads it."
    STRIP = 1
    AUTO_FOCUS = "#main"
    DEFAULT_CSS = """
    TrainsScreen > #arrivals { height: 1fr; }
    TrainsScreen > #readings { height: auto; }
    TrainsScreen > #nothing { display: none; height: 1fr; }
    TrainsScreen.-empty > #nothing { display: block; }
    TrainsScreen.-empty > #main, TrainsScreen.-empty > #arrivals, TrainsScreen.-empty > #readings { display: none; }
    TrainsScreen.-empty > #about, TrainsScreen.-empty > #places, TrainsScreen.-empty > #strip { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "scroll(-1)", "fragments", id="move.fragments_up", tooltip="scroll fragments"),
        Binding("right_square_bracket", "scroll(1)", "fragments", id="move.fragments_down", tooltip="scroll fragments"),
        Binding("f", "stream", "stream", id="move.stream", tooltip="follow the stream of its flow"),
        STOP_KEY,
        THEME_KEY,
        *LEAVE_KEYS,
    ]

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.rows: IdRows | None = None
        self.summary: Summary | None = None
        self.picture: TrainPicture | None = None
        self._problem = ""
        self._first = 0

    def compose_body(self) -> Iterable[Widget]:
        """List, arrivals, readings."""
        yield TrainTable(SPEC, FixedRows(), id="main")
        yield Lines([EMPTY], ground="raised", id="about")
        yield Lines(id="arrivals")
        yield Lines([EMPTY], ground="raised", id="places")
        yield Lines(id="readings")
        yield Lines(id="nothing")

    @property
    def table(self) -> TrainTable:
        """The list."""
        return self.query_one("#main", TrainTable)

    # rows -----------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._start()

    def on_unmount(self) -> None:
        if self.rows is not None:
            self.rows.close()

    def _start(self) -> None:
        if self.rows is None and self.store.exists():
            self.rows = IdRows(
                LISTING, self.store.connect, self.soon, self._rows_changed, self._rows_joined, self.say_unreadable
            )
            self.table.rows = self.rows
            self.rows.requery()

    def take(self, summary: Summary | None, progress: Progress | None, changed: bool, last: bool) -> None:
        """What the app has seen at its last look at the case."""
        self.summary = summary
        self._start()
        if self.rows is not None and (changed or last):
            self.rows.forget_pages()
            if last and not self.table.touched:
                self.rows.requery(keep=self.table.key)
            else:
                self.rows.poll(last)
        self.refresh_frame()

    def _rows_changed(self, place: int | None) -> None:
        self.table.rows_changed(place)
        self._empty()

    def _rows_joined(self) -> None:
        self.table.rows_joined()
        self._empty()

    def _empty(self) -> None:
        empty = self.rows is not None and not len(self.rows)
        self.set_class(empty, "-empty")
        if empty:
            why = "No fragments so far." if self.host.loading else "No fragments in this case."
            self.query_one("#nothing", Lines).show([EMPTY, EMPTY, line((why, "strong"))])
        self.refresh_frame()

    def on_virtual_table_sorted(self, event: VirtualTable.Sorted) -> None:
        if self.rows is not None:
            self.table.sort = (event.column, event.descending)
            order = f"{LISTING.orders[event.column]} {'DESC' if event.descending else 'ASC'}, id"
            self.rows.requery(order=order, keep=self.table.key)

    # the train under the cursor -------------------------------------------------------------------------------------

    def on_virtual_table_moved(self, event: VirtualTable.Moved) -> None:
        row: TrainLine | None = event.row
        self._first = 0
        if row is not None and (self.picture is None or self.picture.train.id != row.id):
            reader, number = self.store.reader, row.id
            self.run_worker(lambda: self._draw(reader, number), thread=True, exclusive=True, group="draw")
        self.refresh_frame()

    def _draw(self, reader: Any, number: int) -> None:
        from tui.data.train_readings import picture_of

        worker = get_current_worker()
        picture, problem = None, ""
        try:
            picture = picture_of(reader, number)
        except CaseError as error:
            problem = str(error)
        if not worker.is_cancelled:
            self.soon(self._drawn, picture, problem)

    def _drawn(self, picture: TrainPicture | None, problem: str) -> None:
        self.picture, self._problem = picture, problem
        self._show()

    def on_resize(self, event: Any) -> None:
        if not self.has_panes:
            self.table.styles.height = LIST if self.size.height >= STANDARD else SHORT_LIST
        else:
            self.table.styles.height = "30%"
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        if not self.is_mounted:
            return
        picture, width = self.picture, self.size.width
        if picture is None:
            rows = [line((text, "high")) for text in wrap(self._problem, width - 4)] if self._problem else []
            self.query_one("#arrivals", Lines).show(rows)
            self.query_one("#readings", Lines).show([])
            self.refresh_frame()
            return
        head, rows = reading_lines(picture, width)
        self.query_one("#places", Lines).show([head])
        self.query_one("#readings", Lines).show(rows)
        self.refresh_frame()
        self.call_after_refresh(self._show_arrivals)

    def _show_arrivals(self) -> None:
        """As many as there is room for, which is known once the readings have their rows."""
        picture = self.picture
        if not self.is_mounted or picture is None:
            return
        room = self._room()
        self._first = max(0, min(self._first, len(picture.arrivals) - room))
        self.query_one("#arrivals", Lines).show(arrival_lines(picture, self, self.size.width, self._first, room))
        self.refresh_frame()
        self.refresh_keys()

    def _room(self) -> int:
        """Rows of fragments: without the axis, and without what never came."""
        holes = bool(self.picture and self.picture.train.holes)
        return max(self.query_one("#arrivals", Lines).size.height - 1 - holes, 1)

    def refresh_frame(self) -> None:
        super().refresh_frame()
        if self.is_mounted:
            self.query_one("#about", Lines).show([self._about()])

    def _about(self) -> Line:
        picture = self.picture
        if picture is None:
            return line(("Arrivals", "strong"))
        train, room = picture.train, self._room()
        size = plural(picture.length, "byte")
        some = ""
        if len(picture.arrivals) > room:
            last = min(self._first + room, len(picture.arrivals))
            some = f"   {self._first + 1} to {last} of {count(len(picture.arrivals))}"
        if train.count > len(picture.arrivals):
            some += f"   {count(train.count - len(picture.arrivals))} more are not in the case"
        return line(
            ("Arrivals", "strong"), (f"   id {train.ip_id:#06x}, {train.proto}, {size}", "muted"), (some, "muted"),
            right=legend(look(self)),
        )  # fmt: skip

    # what is said ---------------------------------------------------------------------------------------------------

    def context(self) -> Line:
        rows = self.rows
        pieces: list[Piece] = [(plural(len(rows) if rows is not None else 0, "fragment train"), "text")]
        if rows is not None and len(rows) and rows.order == LISTING.default:
            pieces.append(("   odd ones first", "muted"))
        return line(*pieces)

    def strip(self) -> Sequence[Line]:
        return [summary(self.picture)] if self.picture is not None else []

    # keys -----------------------------------------------------------------------------------------------------------

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        row: TrainLine = event.row
        if row.flow:
            self.open_flow(row.flow, ("Trains", f"Flow {count(row.flow)}"), None)
        else:
            self.say("Its datagram was never whole, so that it belongs to no flow.", "muted")

    def action_stream(self) -> None:
        """What both sides of its flow said."""
        row: TrainLine | None = self.table.current
        if row is not None and row.flow:
            self.open_stream(row.flow, ("Trains", f"Flow {count(row.flow)}"), None)

    def action_scroll(self, by: int) -> None:
        """Other fragments of the train."""
        self._first += by * max(self._room() - 1, 1)
        self._show_arrivals()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean something now."""
        if action == "scroll":
            return self.picture is not None and len(self.picture.arrivals) > self._room()
        if action == "stream":
            return self.rows is not None and len(self.rows) > 0
        return action != "back"
