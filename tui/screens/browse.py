"""Folders and their files → the captures or the case that are opened; a path may be typed, too."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input
from textual.worker import get_current_worker

from oddport.capture.model import why
from tui.data.folder import CAPTURE, CASE, FOLDER, UP, FileLine, completed, list_folder, look_at, looked_into, typed
from tui.data.start import day
from tui.format import plural, safe, size
from tui.screens.opening import OpeningFrame, TypedLine
from tui.theme import look
from tui.widgets.columns import CUT, Cell, Column, Form, TableSpec
from tui.widgets.line import Line, Piece, cut_middle, line, spans, width_of, wrap
from tui.widgets.table import FixedRows, VirtualTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

    from tui.glyphs import Glyphs


def _name(row: FileLine, glyphs: Glyphs) -> Cell:
    ink = "strong" if row.opens else "accent" if row.kind == FOLDER else "muted"
    mark: tuple[Piece, ...] = (("* ", "accent"),) if row.marked else ()
    return (*mark, (f"{row.name}{'/' if row.kind == FOLDER and row.name != UP else ''}", ink))


def _says(row: FileLine, glyphs: Glyphs) -> Cell:
    return ((row.says, "text" if row.opens else "muted"),)


def _size(row: FileLine, glyphs: Glyphs) -> Cell:
    return ((size(row.size) if row.size is not None else "", "text" if row.opens else "muted"),)


def _day(row: FileLine, glyphs: Glyphs) -> Cell:
    return ((day(row.modified) if row.modified else "", "muted"),)


SPEC = TableSpec(
    columns=(
        Column("name", (Form(_name, 12, "Name", "name"),), removable=False),
        Column("says", (Form(_says, 14, "What it is"),), removable=False),
        Column("size", (Form(_size, 7, "Size"),), right=True, removable=False),
        Column("modified", (Form(_day, 8, "Changed"),)),
    ),
    steps=(CUT, "modified"),
    slack=("name",),
    text="name",
    text_want=40,
)


class TypedPath(TypedLine):
    """A path that is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.take_typed", "open", id="move.take", tooltip="open what was typed"),
        Binding("tab", "screen.complete", "complete", id="narrow.complete", tooltip="complete the path"),
        Binding("ctrl+u", "delete_left_all", "clear", id="narrow.clear", tooltip="clear"),
        Binding("escape", "screen.leave_typed", "back to the list", id="move.leave", tooltip="back to the list"),
    ]


class BrowseScreen(OpeningFrame):
    """Files to open."""

    TITLE_TEXT = "Open a capture or a case"
    GUIDE = "Files are known by their first bytes, whatever they are called."
    AUTO_FOCUS = "#main"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "type", "type a path", id="narrow.type", tooltip="type a path"),
        Binding("backspace,h,left", "up", "up", id="move.up", tooltip="folder above", key_display="h"),
        Binding("m", "mark", "mark", id="judge.mark", tooltip="mark several, to open them as one capture"),
        Binding("full_stop", "hidden", show=False, id="narrow.hidden", tooltip="files that begin with a dot"),
        Binding("tilde", "home", show=False, id="move.home", tooltip="home folder"),
    ]

    def __init__(self, folder: str | None = None) -> None:
        super().__init__()
        self._folder = os.path.abspath(folder or os.getcwd())
        self._hidden = False
        self._offered: list[str] = []
        self._problem = ""

    def trail(self) -> Sequence[str]:
        return "Start", "Open a capture or a case"

    def compose_body(self) -> Iterable[Widget]:
        """What is typed, and the list."""
        yield TypedPath()
        yield VirtualTable(SPEC, FixedRows[FileLine](), id="main")

    @property
    def table(self) -> VirtualTable:
        """The list."""
        return self.query_one("#main", VirtualTable)

    @property
    def rows(self) -> list[FileLine]:
        """What is listed."""
        rows = self.table.rows
        assert isinstance(rows, FixedRows)
        return rows.all

    def on_mount(self) -> None:
        self._go(self._folder)

    # folders --------------------------------------------------------------------------------------------------------

    def _go(self, folder: str, come_from: str = "") -> None:
        """List a folder; the cursor stands on `come_from`, else on the first entry that is not the way up."""
        self.run_worker(partial(self._list, folder, come_from), thread=True, exclusive=True, group="list")

    def _list(self, folder: str, come_from: str) -> None:
        worker = get_current_worker()
        try:
            rows = list_folder(folder, self._hidden)
        except OSError as error:
            self.soon(self.say, f"{folder} cannot be listed: {why(error)}.", "high")
            return
        if worker.is_cancelled:
            return
        self.soon(self._listed, folder, rows, come_from)
        for found in looked_into(rows):
            if worker.is_cancelled:
                return
            self.soon(self._looked, folder, found)

    def _listed(self, folder: str, rows: list[FileLine], come_from: str) -> None:
        self._folder = folder
        table = self.table
        table.rows = FixedRows(rows)
        wanted = next((place for place, row in enumerate(rows) if row.name == come_from), None)
        if wanted is None:
            wanted = 1 if len(rows) > 1 and rows[0].name == UP else 0
        table.key = None
        table.top = 0
        table.rows_changed(wanted)
        self.refresh_frame()
        self.refresh_keys()

    def _looked(self, folder: str, found: list[tuple[int, FileLine]]) -> None:
        if folder != self._folder:
            return
        for place, row in found:
            self.rows[place] = replace(row, marked=self.rows[place].marked)
        self.table.refresh()
        self.refresh_frame()
        self.refresh_keys()

    # what is said ---------------------------------------------------------------------------------------------------

    def context(self) -> Line:
        if self.opening:
            return self.opening_line()
        marked = len(self._marked())
        captures = sum(row.kind == CAPTURE for row in self.rows)
        right: list[Piece] = [(f"{marked} marked", "accent")] if marked else [(plural(captures, "capture"), "muted")]
        room = max(self.size.width - 4 - width_of(spans(right)), 8)
        return line((cut_middle(safe(self._folder), room, look(self).glyphs.cut), "text"), right=right)

    def strip(self) -> Sequence[Line]:
        if self.typing:
            if self._problem:
                return [line((each, "high")) for each in wrap(self._problem, self.size.width - 2)]
            return [line(("   ".join(self._offered), "muted"))]
        row: FileLine | None = self.table.current
        if self.refusal:
            return self.refusal_lines()
        if row is None:
            return []
        if row.refused:
            return [line((each, "muted")) for each in wrap(row.refused, self.size.width - 2)]
        if row.kind == FOLDER:
            return [line((row.path, "muted"))]
        if not row.kind:
            return [line(("Not looked into yet.", "muted"))]
        return [line((row.path, "text"), right=[(row.says, "muted")])]

    # keys -----------------------------------------------------------------------------------------------------------

    def on_virtual_table_moved(self, event: VirtualTable.Moved) -> None:
        self.refusal = ""
        self.refresh_frame()
        self.refresh_keys()

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        row: FileLine = event.row
        if row.kind == FOLDER:
            self._go(row.path, os.path.basename(self._folder) if row.name == UP else "")
        elif marked := self._marked():
            self._open([each.path for each in marked])
        else:
            self._open_file(row if row.kind else look_at(row.path))

    def _open_file(self, row: FileLine) -> None:
        if row.opens:
            self._open([row.path])
        else:
            self.refused(row.refused or f"{row.name} is no capture.")

    def _open(self, paths: list[str]) -> None:
        from pathlib import Path

        from oddport.loading.target import captures_target, case_target, is_case

        name = os.path.basename(paths[0])
        if len(paths) == 1 and is_case(Path(paths[0])):
            self.open_by(partial(case_target, Path(paths[0])), name)
        else:
            self.open_by(partial(captures_target, paths), name)

    def _marked(self) -> list[FileLine]:
        return [row for row in self.rows if row.marked]

    def action_mark(self) -> None:
        """Open this capture with others, as one."""
        row: FileLine | None = self.table.current
        if row is None or row.kind == FOLDER:
            return
        if row.kind != CAPTURE:
            what = f"{row.name} is a case; cases are opened one by one." if row.kind == CASE else row.refused
            self.refused(what)
            return
        self.rows[self.table.cursor] = replace(row, marked=not row.marked)
        self.table.refresh()
        self.table.action_move(1)
        self.refresh_frame()

    def action_up(self) -> None:
        """The folder above, with the cursor on this one."""
        parent = os.path.dirname(self._folder)
        if parent != self._folder:
            self._go(parent, os.path.basename(self._folder))

    def action_home(self) -> None:
        """The home folder."""
        self._go(os.path.expanduser("~"))

    def action_hidden(self) -> None:
        """Files that begin with a dot, or not."""
        self._hidden = not self._hidden
        row: FileLine | None = self.table.current
        self._go(self._folder, row.name if row is not None else "")

    # typing ---------------------------------------------------------------------------------------------------------

    def action_type(self) -> None:
        """Row 1 becomes an input."""
        self._offered, self._problem = [], ""
        self.start_typing(self._folder.rstrip("/") + "/")

    def action_leave_typed(self) -> None:
        """Back to the list."""
        self.stop_typing()

    def on_input_changed(self, event: Input.Changed) -> None:
        if self.typing:
            self._problem = ""
            self._offered = []
            self.refresh_frame()

    def action_complete(self) -> None:
        """As far as the names leave no choice; then the choice is shown."""
        box = self.query_one(TypedPath)
        text, names = completed(box.value, self._folder)
        with self.prevent(Input.Changed):
            box.value = text
        box.cursor_position = len(text)
        self._offered = names if len(names) > 1 else []
        self._problem = "" if names else "Nothing there begins like that."
        self.refresh_frame()

    def action_take_typed(self) -> None:
        """Go to the folder, or open the file."""
        row = look_at(typed(self.query_one(TypedPath).value, self._folder))
        if row.kind == FOLDER:
            self.action_leave_typed()
            self._go(row.path)
        elif row.opens:
            self.action_leave_typed()
            self._open([row.path])
        else:
            self._problem = row.refused
            self.refresh_frame()

    def check_action(self, action: str, parameters: tuple[Any, ...]) -> bool | None:
        """Keys that mean something now."""
        if action in ("type", "up", "mark", "hidden", "home"):
            return not self.typing
        return True
