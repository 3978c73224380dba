"""The interfaces of this machine → a capture of one of them, with a filter that was checked before."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.worker import get_current_worker

from tui.data.interfaces import InterfaceLine, asked, filter_problem, unasked
from tui.screens.opening import OpeningFrame, TypedLine
from tui.widgets.columns import Cell, Column, Form, TableSpec
from tui.widgets.line import EMPTY, Line, Piece, line, wrap
from tui.widgets.lines import Lines
from tui.widgets.table import FixedRows, VirtualTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget
    from textual.widgets import Input

    from oddport.capture.live.ways import Way
    from tui.glyphs import Glyphs


def _name(row: InterfaceLine, glyphs: Glyphs) -> Cell:
    return ((row.name, "strong" if row.way is not None else "text" if not row.asked else "muted"),)


def _state(row: InterfaceLine, glyphs: Glyphs) -> Cell:
    return ((row.state, "ok" if row.state == "up" else "muted"),)


def _addresses(row: InterfaceLine, glyphs: Glyphs) -> Cell:
    return ((", ".join(row.addresses) or "no address", "text" if row.addresses else "muted"),)


def _capture(row: InterfaceLine, glyphs: Glyphs) -> Cell:
    if not row.asked:
        return (("", "muted"),)
    return (("no", "medium"),) if row.way is None else ((row.way.tool, "text"),)


SPEC = TableSpec(
    columns=(
        Column("name", (Form(_name, 9, "Interface", "name", 24),), removable=False),
        Column("state", (Form(_state, 5, "State"),), removable=False),
        Column("addresses", (Form(_addresses, 15, "Addresses"),), removable=False),
        Column("capture", (Form(_capture, 8, "Capture"),), removable=False),
    ),
    steps=(),
    slack=("addresses",),
)


class TypedFilter(TypedLine):
    """A capture filter that is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.take_filter", "check and keep", id="narrow.take", tooltip="check and keep it"),
        Binding("ctrl+u", "delete_left_all", "clear", id="narrow.clear", tooltip="clear"),
        Binding("escape", "screen.leave_filter", "keep the old", id="narrow.keep", tooltip="keep the old filter"),
    ]


class InterfacesScreen(OpeningFrame):
    """Where traffic can be watched."""

    DEFAULT_CSS = """
    InterfacesScreen > #why { height: auto; max-height: 50%; }
    """
    TITLE_TEXT = "Live traffic"
    GUIDE = "An interface is captured by a program that may; what is seen becomes a case while it comes."
    AUTO_FOCUS = "#main"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="narrow.filter", tooltip="capture filter, as pcap-filter(7)"),
        Binding("r", "again", "ask again", id="here.again", tooltip="ask again who may capture"),
        Binding("y", "copy", "copy the command", id="hand.copy", tooltip="copy the command that would allow it"),
    ]

    def __init__(self, trail: Sequence[str] = ("Start", "Live traffic")) -> None:
        super().__init__()
        self._trail = tuple(trail)
        self.capture_filter = ""
        self._problem = ""
        self._unlisted = ""

    def trail(self) -> Sequence[str]:
        return self._trail

    def compose_body(self) -> Iterable[Widget]:
        """What is typed, the list, and why not."""
        yield TypedFilter("not port 22")
        yield VirtualTable(SPEC, FixedRows[InterfaceLine](), id="main")
        yield Lines(id="why")

    @property
    def table(self) -> VirtualTable:
        """The list."""
        return self.query_one("#main", VirtualTable)

    @property
    def rows(self) -> list[InterfaceLine]:
        """What is listed."""
        rows = self.table.rows
        assert isinstance(rows, FixedRows)
        return rows.all

    # who may --------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.action_again()

    def action_again(self) -> None:
        """Ask the system and the programs."""
        self.run_worker(self._ask, thread=True, exclusive=True, group="ask")

    def _ask(self) -> None:
        worker = get_current_worker()
        try:
            rows = unasked()
        except OSError as error:
            self.soon(self._listed, [], f"The interfaces of this machine could not be listed: {error.strerror}.")
            return
        self.soon(self._listed, rows, "")
        for place, row in asked(rows):
            if worker.is_cancelled:
                return
            self.soon(self._answered, place, row)

    def _listed(self, rows: list[InterfaceLine], problem: str) -> None:
        self._unlisted = problem or ("" if rows else "This machine has no network interface.")
        self.table.rows = FixedRows(rows, {"name": max((len(row.name) for row in rows), default=0)})
        self.table.rows_changed()
        self._told()

    def _answered(self, place: int, row: InterfaceLine) -> None:
        if place < len(self.rows) and self.rows[place].name == row.name:
            self.rows[place] = row
            self.table.refresh()
            self._told()

    def _told(self) -> None:
        """What is said of the interface under the cursor."""
        row, width = self.table.current, max(self.size.width - 2, 20)
        told: list[Line] = []
        if self._unlisted:
            told = [line((self._unlisted, "high"))]
        elif row is not None and row.asked:
            if row.way is None:
                allow = "this" if len(row.refusals) == 1 else "one of these"
                told.append(line((f"{row.name} cannot be captured. {allow.capitalize()} would allow it:", "strong")))
            for refusal in row.refusals:
                rows = wrap(f"{refusal.tool}: {refusal.reason}", width)
                told += [line((each, "muted")) for each in rows]
                if refusal.fix:
                    told += [line((f"  {each}", "accent")) for each in wrap(refusal.fix, width - 2)]
        self.query_one("#why", Lines).show([EMPTY, *told] if told else [])
        self.refresh_frame()
        self.refresh_keys()

    # what is said ---------------------------------------------------------------------------------------------------

    def context(self) -> Line:
        if self.opening:
            return self.opening_line()
        if self.capture_filter:
            return line(("Capture filter  ", "muted"), (self.capture_filter, "strong"))
        return line(("Everything is captured.", "muted"), right=[("/", "key"), (" says what", "muted")])

    def strip(self) -> Sequence[Line]:
        if self.typing:
            told = wrap(self._problem, self.size.width - 2) if self._problem else []
            return [line((each, "high")) for each in told] or [
                line(("Which packets, as pcap-filter(7): ", "muted"), ("not port 22", "text")),
                line(("It is checked before anything is captured.", "muted")),
            ]
        row: InterfaceLine | None = self.table.current
        if self.refusal:
            return self.refusal_lines()
        if row is None:
            return []
        first: list[Piece] = [(row.name, "strong"), (f"  {', '.join(row.addresses)}", "text")]
        if not row.asked:
            return [line(*first), line(("Asking who may capture.", "muted"))]
        if row.way is None:
            return [line(*first), line(("Everything else works without it.", "muted"))]
        return [line(*first), line((f"{row.way.tool}, {row.way.account}", "muted"))]

    # keys -----------------------------------------------------------------------------------------------------------

    def on_virtual_table_moved(self, event: VirtualTable.Moved) -> None:
        self.refusal = ""
        self._told()

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        from oddport.loading.target import live_target

        row: InterfaceLine = event.row
        if row.asked and row.way is None:
            self.refused(f"{row.name} cannot be captured; what would allow it stands above.")
            return
        self.open_by(partial(live_target, row.name, self.capture_filter), row.name)

    def _fix(self) -> str:
        row: InterfaceLine | None = self.table.current if self.is_mounted else None
        if row is None or row.way is not None:
            return ""
        return next((refusal.fix for refusal in row.refusals if refusal.fix), "")

    def action_copy(self) -> None:
        """The command that would allow it."""
        self.app.copy_to_clipboard(self._fix())
        self.say(f"Copied: {self._fix()}", "muted")

    def action_filter(self) -> None:
        """Row 1 becomes an input."""
        self._problem = ""
        self.start_typing(self.capture_filter)

    def action_leave_filter(self) -> None:
        """The filter stays as it was."""
        self.stop_typing()

    def action_take_filter(self) -> None:
        """Check it, and keep it if it is one."""
        text = self.query_one(TypedFilter).value.strip()
        way = next((row.way for row in [self.table.current, *self.rows] if row is not None and row.way), None)
        if not text or way is None:  # where nobody may capture, nobody can check either: it is checked at the start
            self._keep(text)
        else:
            self.run_worker(partial(self._check, way, text), thread=True, exclusive=True, group="check")

    def _check(self, way: Way, text: str) -> None:
        problem = filter_problem(way, text)
        self.soon(self._refuse if problem else self._keep, problem or text)

    def _refuse(self, problem: str) -> None:
        self._problem = problem
        self.refresh_frame()

    def _keep(self, text: str) -> None:
        self.capture_filter = text
        self.action_leave_filter()

    def on_input_changed(self, event: Input.Changed) -> None:
        if self._problem:
            self._problem = ""
            self.refresh_frame()

    def check_action(self, action: str, parameters: tuple[Any, ...]) -> bool | None:
        """Keys that mean something now."""
        if action == "copy":
            return bool(self._fix())
        if action in ("filter", "again"):
            return not self.typing
        return True
