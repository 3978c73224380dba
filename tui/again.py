"""The part of the dashboard that judges its case anew: what starts it, how far it is, and what it has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from tui.data.judging import Judged, Judging
from tui.screens.base import TABS, Frame

if TYPE_CHECKING:
    from oddport.protocols.site import SiteException
    from tui.data.case import Store, Summary
    from tui.data.load import Progress
    from tui.data.site import Wanted

JUDGED = ("done", "stopped")
"""States of a load whose case can be judged."""
POLL_SECONDS = 0.1


class JudgingApp(App[int]):
    """An app over a case that can be judged anew."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "J", "judge_again", show=False, id="judge.again",
            tooltip="judge again, with the settings and detectors of now",
        ),
    ]  # fmt: skip
    progress: Progress | None
    summary: Summary | None
    judging: Judging | None = None
    judging_command: tuple[str, ...] | None = None
    _after = ""
    _exceptions: tuple[SiteException, ...] = ()
    """That were made in this session, the last one last."""
    exception_is_last = False
    """Nothing was decided since the last exception: `undo` takes that back."""

    @property
    def store(self) -> Store:
        """The case that is open."""
        raise NotImplementedError

    @property
    def loading(self) -> bool:
        """A load of ours runs."""
        return self.progress is not None and self.progress.running and not self.progress.elsewhere

    @property
    def is_judging(self) -> bool:
        """The case is being judged anew."""
        return self.judging is not None

    @property
    def can_judge(self) -> bool:
        """The case is loaded, and neither loaded nor judged at the moment."""
        state = "" if self.summary is None else self.summary.load_state
        return state in JUDGED and not self.is_judging and (self.progress is None or not self.progress.running)

    def action_judge_again(self) -> None:
        """Run the detectors again over the case."""
        self.judge_again("")

    def judge_again(self, after: str) -> None:
        """Judge the case anew in a process of its own. `after`: a sentence on why, for the page of what changed."""
        options: dict[str, Any] = {} if self.judging_command is None else {"command": self.judging_command}
        try:
            self.judging = Judging(self.store.path, **options)
        except OSError as error:
            self._say(f"The judging could not be started: {error.strerror}.", "high")
            return
        self._after = after
        self._look_at_judging()

    def _look_at_judging(self) -> None:
        judging = self.judging
        if judging is None:
            return
        if not judging.progress.running:
            self.judging = None
            self._judged(judging)
            self._refresh()
            return
        self._refresh()
        self.set_timer(POLL_SECONDS, self._look_at_judging)

    def _refresh(self) -> None:
        screen = self.screen
        if isinstance(screen, Frame):
            screen.refresh_frame()
            screen.refresh_keys()

    def _judged(self, judging: Judging) -> None:
        """It is over: show the case as it is now, and say what changed."""
        self.look_again()
        progress, found = judging.progress, judging.judged
        if progress.state == "stopped":
            self._say(f"{self._after} Judging was stopped: the findings are those of before.".strip(), "medium")
        elif progress.state == "failed" or found is None:
            self._say(progress.message or "The judging said nothing of what it changed.", "high")
        elif found == Judged(found.findings):
            self._say(f"{self._after} Judged again: the findings are the same.".strip(), "ok")
        else:
            self._show(found)

    def _show(self, found: Judged) -> None:
        from tui.screens.judged import JudgedScreen

        word = next((tab.word for tab in TABS if tab.mode == self.current_mode), "Findings")
        self.push_screen(JudgedScreen(found, self._after, (word, "Judged again")))

    def look_again(self) -> None:
        """Tell all screens that the case has changed."""
        raise NotImplementedError

    def _say(self, text: str, ink: str) -> None:
        screen = next((each for each in reversed(self.screen_stack) if isinstance(each, Frame)), None)
        if screen is not None:
            screen.say(text, ink)

    # what is fine here ----------------------------------------------------------------------------------------------

    def ask_exception(self, offered: Wanted) -> None:
        """Ask for the exception, write it and judge again."""
        from tui.data.site import put_in
        from tui.dialogs.exception import ExceptionDialog

        made: list[SiteException] = []

        def accept(wanted: Wanted) -> str:
            own, why = put_in(wanted)
            if own is not None:
                made.append(own)
            return why

        def accepted(wanted: Wanted | None) -> None:
            if wanted is None or not made:
                return
            self._exceptions = (*self._exceptions, made[-1])
            self.exception_is_last = True
            self.judge_again(f"{_words(made[-1])} is fine from now on.")

        self.push_screen(ExceptionDialog(offered, accept), accepted)

    @property
    def can_take_back(self) -> bool:
        """An exception was made last, and the case can be judged without it."""
        return self.exception_is_last and bool(self._exceptions) and self.can_judge

    def take_exception_back(self) -> None:
        """Take the exception that was made last out of the site's table, and judge again."""
        if self.can_take_back:
            self.end_exception(self._exceptions[-1])

    def end_exception(self, one: SiteException) -> None:
        """Take an exception out of the site's table, and judge again."""
        from tui.data.site import take_out

        why = take_out(one)
        if why:
            self._say(why, "high")
            return
        self._exceptions = tuple(each for each in self._exceptions if each != one)
        self.exception_is_last = bool(self._exceptions)
        self.judge_again(f"{_words(one)} is judged as anywhere again.")


def _words(one: SiteException) -> str:
    host = one.servers.network_address if one.servers.num_addresses == 1 else one.servers
    return f"{one.app} on port {one.port} of {host}"
