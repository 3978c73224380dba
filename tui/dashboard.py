"""A case and captures that are loaded into it, or a choice of them → the dashboard.

The app holds what all screens share: the case, the load that runs, the look. Four times a second while something
changes it looks at the case and tells the screen that is on top; screens ask the case for their rows themselves.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from oddport.case.captures import PIPE, is_live
from oddport.case.errors import CaseError
from tui.again import JudgingApp
from tui.data.case import Store, Summary
from tui.data.column_sets import ColumnSet, load_sets, save_sets
from tui.data.filter_store import FILE as FILTERS
from tui.data.filter_store import FilterStore
from tui.data.keymap import keymap, settings_file
from tui.data.load import Load, Progress
from tui.glyphs import choose_glyphs
from tui.screens.base import TABS, Frame
from tui.theme import NAMES, PALETTES, Look, Palette, choose_palette
from tui.widgets.load_line import end_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from textual.screen import Screen
    from textual.timer import Timer

    from oddport.loading.target import Target
    from tui.data.search import Search
    from tui.screens.error import Problem

POLL_SECONDS = 0.25
QUICK_POLL_SECONDS = 0.05
IDLE_POLL_SECONDS = 2.0
"""Where no load of ours runs: another process may write the case."""
NOT_AGAIN = ("done", "loading")
"""States of a case in which its captures are not loaded: it holds them, or another process is at it."""


class OddportApp(JudgingApp):
    """The dashboard."""

    TITLE = "oddport"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    * { scrollbar-size: 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(tab.key, f"tab('{tab.mode}')", tab.word, show=False, id=f"move.tab_{tab.mode}", tooltip="screens")
            for tab in TABS
        ),
        Binding(
            "O", "tab('start')", show=False, id="move.start", tooltip="start: cases, captures, demos, live traffic"
        ),
        Binding(
            "ctrl+c", "interrupt", "quit", show=False, id="move.interrupt", tooltip="quit", system=True, priority=True
        ),
        Binding("ctrl+q", "ignore", show=False, system=True, priority=True),
    ]

    def __init__(
        self,
        case_path: Path | None = None,
        captures: Sequence[str] | None = None,
        title: str = "",
        ascii: bool = False,
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
        load: Load | None = None,
    ) -> None:
        """`load` is a load of these captures that runs already; else one is started unless the case holds them.

        Without a case the dashboard begins with what there is to open.
        """
        environ = os.environ if environ is None else environ
        self._environ = dict(environ)  # Textual takes NO_COLOR out of the process
        self._theme_name, self._theme_problem = self._wanted_theme()
        palette = choose_palette(self._environ, self._theme_name)
        self.look = Look(palette, choose_glyphs(self._environ, ascii))
        super().__init__(ansi_color=True if palette.depth == "plain" else None)
        for each in PALETTES.values():
            self.register_theme(each.theme())
        self.theme = f"oddport-{palette.name}"
        self.animation_level = "none"
        self.case_title = title
        self._store = Store(case_path) if case_path is not None else None
        self.filters = FilterStore(settings_file(self._environ, "ODDPORT_FILTERS", FILTERS))
        self.captures = list(captures) if captures else []
        self.progress: Progress | None = None
        self.summary: Summary | None = None
        self.load = load
        self._command = tuple(command) if command is not None else None
        self._visited: list[str] = []
        self._ended = False
        self._looked = 0.0
        self._read_problem = self._keys_problem = self._columns_problem = ""
        self.column_sets: dict[str, ColumnSet] = {}
        """List → how the person wants it."""
        self._next_idle = 0.0
        self._polling: Timer | None = None

    @property
    def has_case(self) -> bool:
        """A case is open."""
        return self._store is not None

    @property
    def store(self) -> Store:
        """The case that is open."""
        assert self._store is not None
        return self._store

    def _wanted_theme(self) -> tuple[str, str]:
        name = self._environ.get("ODDPORT_THEME", "dark") or "dark"
        if name in NAMES:
            return name, ""
        return "dark", f"ODDPORT_THEME names no theme: {name}. Themes are {', '.join(NAMES)}."

    # start and end --------------------------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        keys, self._keys_problem = keymap(self._environ)
        self.set_keymap(keys)
        self.column_sets, self._columns_problem = load_sets(self._environ)
        from tui.screens.start import StartScreen

        self.add_mode("start", StartScreen)
        first = "start"
        if self.has_case:
            first = self._add_screens()
        self._visited = [first]
        await self.switch_mode(first)
        self.call_after_refresh(self._begin)

    def _add_screens(self) -> str:
        """The screens of the case; gives the mode of the first one."""
        from tui.screens.attack import AttackScreen
        from tui.screens.findings import FindingsScreen
        from tui.screens.flows import FlowsScreen
        from tui.screens.live import LiveScreen
        from tui.screens.packets import PacketsScreen
        from tui.screens.ports import PortsScreen
        from tui.screens.timeline import TimelineScreen
        from tui.screens.trains import TrainsScreen

        self.add_mode("live", lambda: LiveScreen(self.store))
        self.add_mode("trains", lambda: TrainsScreen(self.store))
        self.add_mode("timeline", lambda: TimelineScreen(self.store))
        self.add_mode("packets", lambda: PacketsScreen(self.store))
        self.add_mode("ports", lambda: PortsScreen(self.store))
        self.add_mode("findings", lambda: FindingsScreen(self.store))
        self.add_mode("flows", lambda: FlowsScreen(self.store))
        self.add_mode("attack", lambda: AttackScreen(self.store))
        return "findings"

    def _begin(self) -> None:
        # while the loader makes its first rows, or a person chooses, what reads them is imported
        threading.Thread(
            target=import_module, args=("oddport.case.reader",), name="oddport-import", daemon=True
        ).start()
        if self.has_case:
            self._begin_case()
        if self._polling is None:
            self._polling = self.set_interval(QUICK_POLL_SECONDS, self._poll)

    def _begin_case(self) -> None:
        if self.load is not None:
            self.progress = self.load.progress
        self._look_at_case(force=True)
        if self.load is None and self.captures and (self.summary is None or self.summary.load_state not in NOT_AGAIN):
            self.start_load(replace=False)

    def on_unmount(self) -> None:
        if self.judging is not None:
            self.judging.end()
        if self.load is not None:
            self.load.end()
        if self.has_case:
            self.store.close()

    # another case ---------------------------------------------------------------------------------------------------

    async def open_target(self, target: Target) -> None:
        """Show another case in place of the one that is open; asks where a load or a capture would be stopped."""
        if self.has_case and self.store.path == target.case:
            await self.action_tab("findings")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.call_later(self._open, target)

        if self.loading:
            self._ask_to_stop("Opening another case", "stop and open", answered)
        else:
            await self._open(target)

    async def _open(self, target: Target) -> None:
        await self._close_case()
        self._store, self.captures, self.case_title = Store(target.case), list(target.captures), target.title
        if target.live:
            self.start_load(replace=False, options=target.live)
        first = self._add_screens()
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        self._visited = ["start", first]
        await self.switch_mode(first)
        self.call_after_refresh(self._begin_case)

    async def _close_case(self) -> None:
        """Back to the start, with no case open."""
        await self.switch_mode("start")
        load, self.load = self.load, None
        judging, self.judging = self.judging, None
        for each in (load, judging):
            if each is not None:
                await asyncio.to_thread(each.end)
        self.exception_is_last = False
        if self.has_case:
            for mode in self._visited_modes():
                await self.remove_mode(mode)
            self.store.close()
        self._store = self.summary = self.progress = None
        self._ended, self._read_problem, self._next_idle = False, "", 0.0

    def keep_columns(self, name: str, chosen: ColumnSet) -> str:
        """How a list is shown, from now on; returns a sentence where that could not be written."""
        self.column_sets[name] = chosen
        if self._columns_problem:  # what somebody wrote there is not written over
            return "The columns hold until you quit: D says what is wrong with the file of columns."
        return save_sets(self._environ, self.column_sets)

    # the load -------------------------------------------------------------------------------------------------------

    def start_load(self, replace: bool, options: Sequence[str] = ()) -> None:
        """Load the captures into the case in a process of its own; `options` as for Load."""
        command: dict[str, Any] = {} if self._command is None else {"command": self._command}
        try:
            self.load = Load(self.store.path, self.captures, replace, options, **command)
        except OSError as error:
            self.progress = Progress(state="failed", message=f"The loader could not be started: {error.strerror}.")
            self._tell(changed=False, last=False)
            return
        self.progress = self.load.progress
        self._ended = False
        self._tell(changed=False, last=False)

    def _poll(self) -> None:
        if not self.has_case or not self.is_running:  # the latter: its screens are being taken down
            return
        now = time.monotonic()
        if self.load is not None and not self._ended:
            self._poll_load(now)
        elif self.progress is not None and self.progress.elsewhere:
            if now - self._looked >= POLL_SECONDS:
                self._look_at_case(force=True)
        elif now >= self._next_idle:
            self._next_idle = now + IDLE_POLL_SECONDS
            self._look_at_case()

    def _poll_load(self, now: float) -> None:
        assert self.load is not None
        before, self.progress = self.progress, self.load.progress
        last = not self.progress.running
        waiting = self.summary is None or not self.summary.flows  # for the first rows one looks more often
        if not last and not waiting and now - self._looked < POLL_SECONDS:
            return
        self._look_at_case(force=before is not self.progress or last, last=last)
        self._ended = last
        if last:
            self._say_end()

    def _watch_elsewhere(self) -> bool:
        """Take in how far another process is that loads this case; True when it has just ended."""
        if self.summary is None or (self.load is not None and not self._ended):
            return False
        watched = self.progress is not None and self.progress.elsewhere
        if self.summary.load_state == "loading":
            self.progress = self.summary.progress()
            return False
        if watched:
            self.progress = None
        return watched

    def _say_end(self) -> None:
        screen, progress = self.screen, self.progress
        if progress is None or not isinstance(screen, Frame):
            return
        if said := end_words(progress):
            screen.say(*said)
        elif progress.state == "done":
            undecided = [problem.title for problem in self.problems() if problem.quiet]
            if undecided:
                screen.say(f"{undecided[0]} D says why.", "muted")

    def _look_at_case(self, force: bool = False, last: bool = False) -> None:
        self._looked = time.monotonic()
        if not self.store.exists():
            if force or self.store.problem:
                self._tell(changed=False, last=last)
            return
        try:
            changed = self.store.changed()
            if changed or last or self.summary is None:
                self.summary = self.store.summary()
                last = self._watch_elsewhere() or last
            self._read_problem = ""
        except (CaseError, sqlite3.Error) as error:
            self.read_problem(error)
            self._tell(changed=False, last=last)
            return
        if changed or force or last:
            self._tell(changed, last)

    def read_problem(self, error: Exception) -> None:
        """Note that the case could not be read; the next look at it that succeeds clears it."""
        self._read_problem = str(error) if isinstance(error, CaseError) else f"The case could not be read: {error}."

    def _tell(self, changed: bool, last: bool) -> None:
        for screen in self._roots() if last else [self._base()]:
            take = getattr(screen, "take", None)
            if take is not None and screen.is_mounted:  # one that is still being made is told when it is there
                take(self.summary, self.progress, changed, last)

    def _roots(self) -> list[Screen[object]]:
        return [stack[0] for mode, stack in self._screen_stacks.items() if mode in self._visited_modes() and stack]

    def _visited_modes(self) -> set[str]:
        return {tab.mode for tab in TABS}

    def _base(self) -> Screen[object]:
        """The top-level screen that is open or under what is open."""
        return self.screen_stack[0]

    def look_again(self) -> None:
        self._look_at_case(force=True, last=True)

    def action_cancel_load(self) -> None:
        """Stop a search, or the judging, which changes nothing then, or the load, of which what was read is kept."""
        search = self._search()
        if search is not None:
            search.stop()
        elif self.judging is not None:
            self.judging.stop()
        elif self.load is not None:
            self.load.stop()
            screen = self.screen
            if self.progress is not None and self.progress.live is not None and isinstance(screen, Frame):
                screen.say("Stopping. What was captured is taken in, and stays in the case.", "muted")

    def _search(self) -> Search | None:
        """That of the list that is open, or under what is open."""
        from tui.screens.listing import ListScreen

        screen = self._base()
        return screen.search.running if isinstance(screen, ListScreen) else None

    def action_load_again(self) -> None:
        """Load the captures of the case again."""
        if not self.captures and self.summary is not None:
            self.captures = [file.path for file in self.summary.files]
        if self.captures:
            self.start_load(replace=True)

    # problems -------------------------------------------------------------------------------------------------------

    def problems(self) -> list[Problem]:
        """What went wrong, the worst first."""
        if not self.has_case:
            return []
        from tui.data.problems import problems_of

        return problems_of(
            self.store,
            self.summary,
            self.progress,
            self.store.problem or self._read_problem,
            (self._theme_problem, self._keys_problem, self._columns_problem),
        )

    def action_show_problems(self) -> None:
        """A page of what went wrong."""
        from tui.screens.error import Problems

        word = next((tab.word for tab in TABS if tab.mode == self.current_mode), "Findings")
        problems = self.problems()
        title = "What was not judged" if all(problem.quiet for problem in problems) else "What went wrong"
        self.push_screen(Problems(problems, (word, title)))

    # ways -----------------------------------------------------------------------------------------------------------

    async def action_tab(self, mode: str) -> None:
        """A top-level screen; its own key goes back to its list."""
        if mode != "start" and not self.has_case:
            return
        if mode == self.current_mode:
            while len(self.screen_stack) > 1:
                await self.pop_screen()
            return
        # a screen that is under the way back is gone back to, so that `q` never leads round in circles
        if mode in self._visited:
            del self._visited[self._visited.index(mode) + 1 :]
        else:
            self._visited.append(mode)
        await self.switch_mode(mode)
        take = getattr(self._base(), "take", None)
        if take is not None:
            take(self.summary, self.progress, True, False)

    async def action_leave(self) -> None:
        """To the screen before."""
        if len(self._visited) > 1:
            self._visited.pop()
            await self.switch_mode(self._visited[-1])

    def action_quit_app(self) -> None:
        """Quit; ask only if a load would stop."""
        if not self.loading:
            self.exit(0)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.exit(0)

        self._ask_to_stop("Quitting", "stop and quit", answered)

    def _ask_to_stop(self, doing: str, yes: str, answered: Callable[[bool | None], None]) -> None:
        from tui.dialogs.confirm import stopping

        live = self.progress is not None and self.progress.live is not None
        self.push_screen(stopping(doing, yes, live), answered)

    def action_interrupt(self) -> None:
        """Quit from wherever one is."""
        self.action_quit_app()

    def action_ignore(self) -> None:
        """Flow control of the terminal is no way to quit."""

    async def list_findings(self, filter_text: str) -> None:
        """The list of findings with a filter."""
        from tui.screens.findings import FindingsScreen

        if self.current_mode != "findings":
            await self.action_tab("findings")
        screen = self._base()
        if isinstance(screen, FindingsScreen):
            screen.apply_filter(filter_text)

    async def list_flows(self, filter_text: str) -> None:
        """The list of flows with a filter."""
        from tui.screens.flows import FlowsScreen

        await self.action_tab("flows")
        screen = self._base()
        if isinstance(screen, FlowsScreen):
            screen.apply_filter(filter_text)

    async def list_packets(self, number: int) -> None:
        """All packets, the cursor on the one with this number in the case."""
        from tui.screens.packets import PacketsScreen

        await self.action_tab("packets")
        screen = self._base()
        if isinstance(screen, PacketsScreen):
            if screen.filter_text:
                screen.apply_filter("")
            screen.go_to_packet(number)

    def open_finding(self, finding: int) -> None:
        """The list of findings with the cursor on one."""

        from tui.screens.listing import ListScreen

        async def go() -> None:
            await self.action_tab("findings")
            screen = self._base()
            if isinstance(screen, ListScreen):
                screen.table.go_to(finding)

        self.call_later(go)

    def action_next_theme(self) -> None:
        """Other colours."""
        if self.look.palette.depth == "plain":
            return
        self._theme_name = NAMES[(NAMES.index(self._theme_name) + 1) % len(NAMES)]
        self._take_palette(choose_palette(self._environ, self._theme_name))

    def _take_palette(self, palette: Palette) -> None:
        self.look = Look(palette, self.look.glyphs)
        self.theme = f"oddport-{palette.name}"
        for screen in self.screen_stack:
            for widget in screen.walk_children():
                widget.refresh()
        screen = self.screen
        if isinstance(screen, Frame):
            screen.say(f"Theme: {self._theme_name}", "muted")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean something now."""
        if action == "tab":
            return self.current_mode != "start" if parameters[0] == "start" else self.has_case
        if action == "cancel_load":
            return self.loading or self.is_judging or self._search() is not None
        if action == "judge_again":
            return self.can_judge
        if action == "load_again":
            return not self.loading and not self.is_judging and self._can_load_again()
        if action == "show_problems":
            return bool(self.problems())
        if action == "leave":
            return len(self._visited) > 1
        return action != "quit_app" or len(self._visited) == 1

    def _can_load_again(self) -> bool:
        summary = self.summary
        if summary is not None and any(file.path == PIPE or is_live(file.path) for file in summary.files):
            return False
        return summary is not None and summary.load_state in ("stopped", "failed", "interrupted")
