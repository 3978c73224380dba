"""What there is to open → the screen that the dashboard begins with where nothing was named: recent cases, files, demo
captures, live traffic."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from oddport.wording import SEVERITY_LETTERS
from tui.data.start import (
    DemoLine,
    day,
    demo_lines,
    recent_cases,
    shown_name,
    used,
    version_line,
    watching,
)
from tui.format import clock, count, date, plural, size
from tui.glyphs import SEVERITY_INKS
from tui.screens.case_frame import LEAVE_KEYS, THEME_KEY
from tui.screens.opening import OpeningFrame
from tui.theme import look
from tui.widgets.line import EMPTY, Line, Piece, Span, fit, line, wrap
from tui.widgets.sections import AROUND, Section, Sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual import events
    from textual.widget import Widget

    from oddport.case.cases import CaseInfo

QUESTION = "Does what is spoken on this port fit the port?"
FIRST_CASES = 5
"""Cases that are shown before the others are asked for."""
SIZE, FLOWS, FINDINGS, REVIEWED, OPENED = 8, 10, 15, 11, 9
"""Cells of the columns of a case."""
ALL_COLUMNS = 74
"""Cells from which all of them are shown."""
OLDER = "older"
STATES = {
    OLDER: "made by an older oddport", "newer": "made by a newer oddport", "foreign": "not a case", "empty": "empty",
}  # fmt: skip
"""Of cases that cannot be read, where the word of oddport.case.cases does not say it."""
DEMO = 22
WORST = 3
"""Severities that a row counts; the lines below count all."""


class StartScreen(OpeningFrame):
    """What there is to open."""

    MODE = "start"
    TITLE_TEXT = "Start"
    GUIDE = "Recent cases, files, demo captures and live traffic: what is chosen opens in place of what is open."
    AUTO_FOCUS = "#main"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "browse", "open a file", id="here.browse", tooltip="open a capture or a case"),
        Binding("l", "live", "live", id="here.live", tooltip="watch live traffic"),
        Binding("x", "forget", "forget", id="here.forget", tooltip="remove the case under the cursor"),
        THEME_KEY,
        *LEAVE_KEYS,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._cases: list[CaseInfo] | None = None
        self._demos: list[DemoLine] = []
        self._problems = ["", ""]
        self._version: tuple[str, ...] = ()
        self._watching = ("", True)
        self._all = False

    @property
    def choices(self) -> Sections:
        """What there is to choose from."""
        return self.query_one("#main", Sections)

    # what there is --------------------------------------------------------------------------------------------------

    def compose_body(self) -> Iterable[Widget]:
        """One list."""
        yield Sections(id="main")

    def on_mount(self) -> None:
        self._demos, self._problems[1] = demo_lines()
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        self._show()

    def on_screen_resume(self) -> None:
        self.look_again()

    def look_again(self) -> None:
        """Ask anew what there is."""
        self.run_worker(self._ask, thread=True, exclusive=True, group="look")

    def _ask(self) -> None:
        cases = recent_cases()
        self.soon(self._take_cases, cases)
        self.soon(self._take_words, version_line(), watching())

    def _take_cases(self, found: tuple[list[CaseInfo], str]) -> None:
        self._cases, self._problems[0] = found
        self._show()

    def _take_words(self, version: tuple[str, ...], watched: tuple[str, bool]) -> None:
        self._version, self._watching = version, watched
        self._show()

    def _show(self) -> None:
        if not self.is_mounted:
            return
        rows = [*self._case_rows(), _gap(), *self._way_rows(), _gap(), *self._demo_rows()]
        self.choices.show(rows, "" if self._cases else _key_of(self._demos[0]) if self._demos else "browse")
        self.refresh_frame()
        self.refresh_keys()

    def _case_rows(self) -> list[Section]:
        if self._cases is None:
            return [_head("Recent cases"), _said("Looking for them.")]
        if self._problems[0]:
            return [_head("Recent cases"), *self._wrapped(self._problems[0])]
        if not self._cases:
            return [_head("Recent cases"), _said("No cases yet. A demo shows the whole way in a minute.")]
        shown = self._cases if self._all or len(self._cases) <= FIRST_CASES + 1 else self._cases[:FIRST_CASES]
        rows = [Section(_case_head)]
        rows += [Section(partial(self._case_line, case), f"case {case.path}", case) for case in shown]
        if more := len(self._cases) - len(shown):
            rows.append(Section(lambda width: line((f"{count(more)} more", "accent"), indent=0), "more"))
        return rows

    def _way_rows(self) -> list[Section]:
        words, may = self._watching
        return [
            Section(
                partial(_way, "o", "Open a capture or a case", "pcap, pcapng, gz, zst, xz, or a case", "muted"),
                "browse",
            ),
            Section(partial(_way, "l", "Watch live traffic", words, "muted" if may else "medium"), "live"),
        ]

    def _demo_rows(self) -> list[Section]:
        rows = [_head("Demo captures")]
        if self._problems[1]:
            rows += self._wrapped(self._problems[1])
        return rows + [Section(partial(self._demo_line, demo), _key_of(demo), demo) for demo in self._demos]

    def _wrapped(self, problem: str) -> list[Section]:
        return [_said(row, "high") for row in wrap(problem, self.size.width - AROUND)]

    # rows -----------------------------------------------------------------------------------------------------------

    def _case_line(self, case: CaseInfo, width: int) -> Line:
        glyphs = look(self).glyphs
        wide = width >= ALL_COLUMNS
        name = width - SIZE - FINDINGS - OPENED - (FLOWS + REVIEWED if wide else 0)
        pieces: list[Piece] = [(fit(shown_name(case), name, mark=glyphs.cut), "strong")]
        pieces.append((fit(size(case.size), SIZE, right=True), "text"))
        if case.problem:
            pieces.append((f"  {STATES.get(case.state, case.state)}", "medium"))
            return line(*pieces, indent=0)
        if wide:
            pieces.append((fit(count(case.flows), FLOWS, right=True), "text"))
        worst = [each for each in (4, 3, 2, 1, 0) if case.findings[each]][:WORST]
        words = [(f"{glyphs.severity[each]} {count(case.findings[each])}", SEVERITY_INKS[each]) for each in worst]
        room = FINDINGS - 2
        pieces.append("  ")
        for text, ink in words:
            if len(text) + 1 <= room:
                pieces.append((f"{text} ", ink))
                room -= len(text) + 1
        pieces.append((fit("none", room) if not words else " " * room, "muted"))
        if wide:
            reviewed = f"{count(case.reviewed)} of {count(sum(case.findings))}" if words else ""
            pieces.append((fit(reviewed, REVIEWED, right=True), "muted"))
        pieces.append((f"  {day(used(case))}", "muted"))
        return line(*pieces, indent=0)

    def _demo_line(self, demo: DemoLine, width: int) -> Line:
        right: list[Piece] = [("none", "muted")]
        if demo.severity is not None:
            sign = look(self).glyphs.severity[demo.severity]
            right = [(f"{sign} {SEVERITY_LETTERS[demo.severity]}", SEVERITY_INKS[demo.severity])]
        name = fit(demo.name, DEMO)
        return line((name, "text"), (demo.title, "muted"), right=right, indent=0)

    # what stands around the list ------------------------------------------------------------------------------------

    def refresh_frame(self) -> None:
        super().refresh_frame()
        if self.is_mounted:
            from tui.widgets.lines import Lines

            sign = look(self).glyphs.verdict[5]
            right = [(" ".join(self._version[:1]), "muted")]
            right += [(f"   {word}", "muted") for word in self._version[1:]]
            self.query_one("#top", Lines).show([line((f"{sign} ", "accent"), ("oddport", "strong"), right=right)])

    def context(self) -> Line:
        if self.opening:
            return self.opening_line()
        if self.host.has_case:
            right: list[Piece] = [("1", "key"), (" goes back to it", "muted")]
            return line((f"{self.host.case_title or self.host.store.path.name} is open.", "text"), right=right)
        return line((QUESTION, "text"))

    def strip(self) -> Sequence[Line]:
        row = self.choices.current
        if self.refusal:
            return self.refusal_lines()
        if row is None:
            return []
        if row.key == "browse":
            return [line(("Files are known by their first bytes, whatever they are called.", "muted"))]
        if row.key == "live":
            return [line(("Interfaces, their addresses, and who may capture there.", "muted"))]
        if isinstance(row.value, DemoLine):
            told = wrap(row.value.story, self.size.width - 2)
            rest = f" {look(self).glyphs.cut}" if len(told) > self.STRIP else ""
            return [line((each, "text")) for each in told[: self.STRIP - 1]] + [
                line((each[: self.size.width - 4] + rest, "text")) for each in told[self.STRIP - 1 : self.STRIP]
            ]
        return self._of_case(row.value) if row.value is not None else []

    def _of_case(self, case: CaseInfo) -> list[Line]:
        glyphs = look(self).glyphs
        if case.problem:
            return [line((row, "medium")) for row in wrap(case.problem, self.size.width - 2)]
        told = ", ".join(case.captures) or str(case.path)
        state = "" if case.state == "done" else case.state
        when = used(case)
        pieces: list[Piece] = [(f"{plural(case.packets, 'packet')}   {plural(case.flows, 'flow')}  ", "text")]
        for each in (4, 3, 2, 1, 0):
            if case.findings[each]:
                sign = f" {glyphs.severity[each]} {SEVERITY_LETTERS[each]}"
                pieces += [(sign, SEVERITY_INKS[each]), (f" {count(case.findings[each])} ", "text")]
        right = [(f"{date(when * 1_000_000_000)} {clock(when * 1_000_000_000)[:5]} UTC", "muted")]
        return [line((told, "text"), right=[(state, "medium")] if state else ()), line(*pieces, right=right)]

    # keys -----------------------------------------------------------------------------------------------------------

    def on_sections_moved(self, event: Sections.Moved) -> None:
        self.refusal = ""
        self.refresh_frame()
        self.refresh_keys()

    def on_sections_opened(self, event: Sections.Opened) -> None:
        if event.key == "more":
            self._all = True
            self._show()
        elif event.key == "browse":
            self.action_browse()
        elif event.key == "live":
            self.action_live()
        else:
            self._open(event.value)

    def _open(self, chosen: Any) -> None:
        from oddport.loading.target import captures_target, case_target

        if isinstance(chosen, DemoLine):
            self.open_by(partial(captures_target, [chosen.path]), chosen.name)
        else:
            case: CaseInfo = chosen
            if case.problem and case.state != OLDER:
                self.refused(case.problem)
                return
            self.open_by(partial(case_target, case.path, shown_name(case)), shown_name(case))

    def action_browse(self) -> None:
        """Choose among files."""
        from tui.screens.browse import BrowseScreen

        self.app.push_screen(BrowseScreen())

    def action_live(self) -> None:
        """Choose among interfaces."""
        from tui.screens.interfaces import InterfacesScreen

        self.app.push_screen(InterfacesScreen())

    def action_forget(self) -> None:
        """Remove a case, once that was agreed to."""
        from tui.dialogs.confirm import Confirm

        row = self.choices.current
        if row is None or row.value is None or isinstance(row.value, DemoLine):
            return
        case: CaseInfo = row.value
        if self.host.has_case and self.host.store.path == case.path:
            self.say("This case is open. Open another one before it is removed.", "medium")
            return
        what = f"{case.path.name} is removed, with the verdicts and notes in it. Captures stay."

        def answered(yes: bool | None) -> None:
            if yes:
                self._remove(case)

        self.app.push_screen(Confirm(f"Forget {shown_name(case)}?", what, "remove it", "keep it"), answered)

    def _remove(self, case: CaseInfo) -> None:
        from oddport.case.cases import remove_case
        from oddport.case.errors import CaseError

        def remove() -> None:
            try:
                freed = remove_case(case.path)
            except CaseError as error:
                self.soon(self.say, str(error), "high")
            else:
                self.soon(self.say, f"{shown_name(case)} is removed, {size(freed)} freed.", "muted")
            self.soon(self.look_again)

        self.run_worker(remove, thread=True, group="remove")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean something now."""
        if action == "forget":
            row = self.choices.current if self.is_mounted else None
            return row is not None and row.key.startswith("case ")
        return action != "back"


def _gap() -> Section:
    return Section(lambda width: EMPTY)


def _head(text: str) -> Section:
    return Section(lambda width: line((text, "muted"), indent=0))


def _said(text: str, ink: str = "text") -> Section:
    return Section(lambda width: line((text, ink), indent=0))


def _key_of(demo: DemoLine) -> str:
    return f"demo {demo.name}"


def _way(key: str, what: str, says: str, ink: str, width: int) -> Line:
    return line((f"{key}  ", "key"), (fit(what, 27), "text"), (says, ink), indent=0)


def _case_head(width: int) -> Line:
    wide = width >= ALL_COLUMNS
    name = width - SIZE - FINDINGS - OPENED - (FLOWS + REVIEWED if wide else 0)
    heads = [fit("Recent cases", name), fit("Size", SIZE, right=True)]
    heads += [fit("Flows", FLOWS, right=True)] if wide else []
    heads.append(fit("  Findings", FINDINGS))
    heads += [fit("Reviewed", REVIEWED, right=True)] if wide else []
    return Line((Span("".join([*heads, "  Opened"]), "muted"),), indent=0)
