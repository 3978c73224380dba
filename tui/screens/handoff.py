"""A list of the case → its rows elsewhere: copied, written to files, or narrowed down by what a row holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.worker import get_current_worker

from oddport.case.errors import CaseError
from tui.data.picture import alone
from tui.dialogs.choose import Choice, ChooseDialog
from tui.format import plural, safe
from tui.screens.listing import ListScreen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

CLIP = "clip.txt"
"""In the folder of the cases: what was copied last, for terminals that take no clipboard."""
EXPORTS = {
    "pcapng": Choice("pcapng", "packets, pcapng", "every packet of these flows"),
    "csv": Choice("csv", "rows, CSV", "for a spreadsheet"),
    "json": Choice("json", "rows, JSON", "one object a row"),
    "html": Choice("html", "report, HTML", "findings, bytes, ATT&CK, verdicts on one page"),
    "md": Choice("md", "report, Markdown", "the same as text"),
    "log": Choice("log", "review log, CSV", "verdicts, notes, marks; by whom, when"),
    "log-json": Choice("log-json", "review log, JSON", "the same, one object an entry"),
    "svg": Choice("svg", "picture, SVG", "this screen"),
}
SUFFIXES = {"log": "-reviews.csv", "log-json": "-reviews.json"}


HAND_KEYS: list[BindingType] = [
    Binding("m", "mark", show=False, id="judge.mark", tooltip="mark the row, or take its mark away"),
    Binding("M", "mark_all", show=False, id="judge.mark_all", tooltip="mark all that are listed, or none"),
    Binding("b", "benign_here", show=False, id="judge.benign_here", tooltip="benign here: an exception for this port"),
    Binding("equals_sign", "narrow(False)", "only this", id="narrow.only", tooltip="only, without such rows"),
    Binding("exclamation_mark", "narrow(True)", show=False, id="narrow.without", tooltip="only, without such rows"),
    Binding("y", "copy", "copy", id="hand.copy", tooltip="copy"),
    Binding("e", "export", "export", id="hand.export", tooltip="write the listed or marked rows to a file"),
]
"""For the end of a screen's own keys: the last row shows as many as fit, from the first on."""


class HandOffScreen(ListScreen):
    """A list whose rows can be handed on."""

    EXPORTS: ClassVar[tuple[str, ...]] = ("pcapng", "csv", "json", "svg")
    WORD: ClassVar[str] = "flow"

    def fields_of(self, row: Any) -> list[tuple[str, str]]:
        """(filter, value) of what a row holds."""
        raise NotImplementedError

    def ends_of(self, row: Any) -> tuple[str, int, str, int, str]:
        """(source, port, destination, port, transport) of a row; ports are 0 where there are none."""
        raise NotImplementedError

    def server_of(self, row: Any) -> tuple[str, int, str | None]:
        """(address, port, app) of the side that serves; port 0 or app None where they are not known."""
        raise NotImplementedError

    # marks ----------------------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Mark the row under the cursor; again: take the mark away."""
        row = self.table.current
        if row is not None:
            self._set_marks([row.id], not row.marked)

    def action_mark_all(self) -> None:
        """Mark every row of the list, or take all marks away."""
        if self.rows is None:
            return
        ids = self.rows.ids()
        marked = self._marked(ids)
        choices = [Choice("mark", "mark", f"all {plural(len(ids), self.WORD)} of the list")]
        if marked:
            choices.append(Choice("unmark", "take marks away", f"of {plural(len(marked), self.WORD)}"))

        def chosen(answer: tuple[str, str] | None) -> None:
            if answer is not None and self._set_marks(ids, answer[0] == "mark"):
                done = "marked" if answer[0] == "mark" else "have no mark any more"
                self.say(f"{plural(len(ids), self.WORD)} {done}. The filter “marked” lists what is marked.", "ok")

        self.app.push_screen(ChooseDialog("Marks", self.filter_text, choices), chosen)

    def _set_marks(self, ids: Sequence[int], marked: bool) -> bool:
        problem = self.store.set_marks(self.LISTING.table, ids, marked)
        if problem:
            self.say(problem, "high")
            return False
        if self.rows is not None:
            self.rows.forget_pages()
        self.table.refresh()
        self._show_row()
        return True

    def _marked(self, ids: Sequence[int]) -> list[int]:
        """Those of the list that are marked, in its order."""
        marked = self.store.marked(self.LISTING.table)
        return [each for each in ids if each in marked]

    def with_set(self, title: str, then: Callable[[list[int], str], None]) -> None:
        """Go on with the rows of the list, or, where some are marked, with those that the person chooses; `then` is
        given their ids and what they are in words."""
        if self.rows is None:
            return
        ids = self.rows.ids()
        marked = self._marked(ids)
        everything = f"{plural(len(ids), self.WORD)} of this list"
        if self.filter_text:
            everything += f", filtered by {self.filter_text}"
        if not marked or len(marked) == len(ids):
            then(ids, everything)
            return
        some = f"{plural(len(marked), 'marked ' + self.WORD)} of this list"
        choices = [Choice("marked", "marked", some), Choice("all", "all", everything)]

        def chosen(answer: tuple[str, str] | None) -> None:
            if answer is not None:
                then(*((marked, some) if answer[0] == "marked" else (ids, everything)))

        self.app.push_screen(ChooseDialog(title, "", choices), chosen)

    # what is fine here ----------------------------------------------------------------------------------------------

    def action_benign_here(self) -> None:
        """What is spoken there belongs there: an exception of the site, and the case is judged again."""
        from tui.data.site import Wanted, usual_expiry

        row = self.table.current
        if row is None:
            return
        server, port, app = self.server_of(row)
        if not app or not port:
            what = "protocol" if not app else "port"
            self.say(f"No {what} is known here. An exception names a protocol and the port of a server.", "muted")
            return
        self.host.ask_exception(Wanted(server, str(port), app, expires=usual_expiry()))

    # narrowing down -------------------------------------------------------------------------------------------------

    def action_narrow(self, without: bool) -> None:
        """Only rows that hold what this one holds, or all others."""
        row = self.table.current
        if row is None:
            return
        choices = [Choice(text, value, text) for text, value in self.fields_of(row)]

        def chosen(answer: tuple[str, str] | None) -> None:
            if answer is not None:
                text = f"not {answer[0]}" if without else answer[0]
                old = self.filter_text
                self.apply_filter(f"({old}) and {text}" if old else text)

        title = f"Without {self.WORD}s like this one in" if without else f"Only {self.WORD}s like this one in"
        self.app.push_screen(ChooseDialog(title, "", choices), chosen)

    # copying --------------------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """A value of the row, the row, or a filter, to the terminal's clipboard and to a file."""
        row = self.table.current
        if row is None:
            return
        values = [value for _, value in self.fields_of(row)]
        source, _, destination, _, _ = self.ends_of(row)
        choices = [
            Choice("row", "the row", "values with tabs between them", "\t".join(values)),
            Choice("from", "from", source, source), Choice("to", "to", destination, destination),
            Choice("wireshark", "filter for Wireshark", "packets of these two ends", wireshark(self.ends_of(row))),
        ]  # fmt: skip
        if self.filter_text:
            choices.append(Choice("filter", "the filter", self.filter_text, self.filter_text))

        def chosen(answer: tuple[str, str] | None) -> None:
            if answer is not None:
                self._copy("\t".join(map(safe, answer[1].split("\t"))))

        self.app.push_screen(ChooseDialog("Copy", "", choices), chosen)

    def _copy(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        from oddport.case.folders import data_folder

        try:
            place = data_folder() / CLIP
            place.write_text(text + "\n", encoding="utf-8")
        except (CaseError, OSError) as error:
            self.say(f"Copied to the terminal only: {error}", "medium")
            return
        self.say(f"Copied, also in {place}", "ok")

    # writing --------------------------------------------------------------------------------------------------------

    def action_export(self) -> None:
        """The listed or the marked rows, as a file."""
        self.with_set("Export", self._export)

    def _export(self, ids: list[int], what: str) -> None:
        stem = self.store.path.stem
        choices = [
            EXPORTS[name]._replace(text=stem + SUFFIXES.get(name, f"-{self.WORD}s.{name}")) for name in self.EXPORTS
        ]
        opened: list[BinaryIO] = []

        def accept(name: str, path: str) -> str:
            if not path:
                return "Give a path."
            try:
                opened.append(Path(path).expanduser().open("xb"))
            except FileExistsError:
                return f"{path} is there already. Give another name."
            except OSError as error:
                return f"{path} cannot be written: {error.strerror}."
            return ""

        def chosen(answer: tuple[str, str] | None) -> None:
            if answer is None:
                return
            name, path = answer
            if name == "svg":
                self.call_after_refresh(self._picture, opened[0], path)
            else:
                self.say(f"Writing {path}", "muted")
                self.run_worker(lambda: self._write(name, ids, opened[0], path), thread=True, group="export")

        self.app.push_screen(ChooseDialog("Export", what, choices, accept, "To the file"), chosen)

    def _picture(self, out: BinaryIO, path: str) -> None:
        with out:
            out.write(alone(self.app.export_screenshot()).encode())
        self.say(f"Written to {path}", "ok")

    def _write(self, name: str, ids: Sequence[int], out: BinaryIO, path: str) -> None:
        from oddport.exports.forms import write_form

        worker = get_current_worker()
        try:
            with out:
                title = f"Review of {self.case_name()}"
                said = write_form(
                    self.store.reader, f"{self.WORD}s", ids, name, out, title, lambda: not worker.is_cancelled
                )
        except (CaseError, OSError) as error:
            self.soon(self.say, f"{path} was not written whole: {error}", "high")
            return
        if worker.is_cancelled:  # another case was opened: half a file would pass for a whole one
            Path(path).expanduser().unlink(missing_ok=True)
            return
        self.soon(self.say, f"{said} written to {path}", "ok")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("narrow", "copy", "export", "mark", "mark_all"):
            return self.rows is not None and len(self.rows) > 0
        if action == "benign_here":
            return self.rows is not None and len(self.rows) > 0 and self.host.can_judge
        return super().check_action(action, parameters)


def wireshark(ends: tuple[str, int, str, int, str]) -> str:
    """Wireshark's display filter for the packets between two ends."""
    source, sport, destination, dport, transport = ends
    parts = [f"{'ipv6' if ':' in each else 'ip'}.addr == {each}" for each in (source, destination)]
    if transport in ("tcp", "udp", "sctp"):
        parts += [f"{transport}.port == {port}" for port in (sport, dport) if port]
    return " && ".join(parts)
