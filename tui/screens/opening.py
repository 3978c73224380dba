"""What was chosen → the dashboard on it: the case is found in a thread, and where it cannot be, a sentence says why."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.widgets import Input

from oddport.case.errors import CaseError
from tui.screens.base import Frame
from tui.screens.case_frame import hosted
from tui.widgets.line import Line, line, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from oddport.loading.target import Target
    from tui.dashboard import OddportApp


LONGEST = 4096
"""Characters of a path (limits.h, PATH_MAX), or of a capture filter."""


class TypedLine(Input):
    """What takes the place of row 1 while something is typed."""

    DEFAULT_CSS = """
    TypedLine, TypedLine:focus {
        display: none; width: 1fr; height: 1; border: none; padding: 0 1; background: $panel;
        background-tint: $panel 0%; color: $foreground;
    }
    """

    def __init__(self, placeholder: str = "") -> None:
        super().__init__(compact=True, select_on_focus=False, max_length=LONGEST, placeholder=placeholder)
        self.cursor_blink = False


class OpeningFrame(Frame):
    """A screen on which one chooses what is opened. It may have a TypedLine, and has its list as `#main`."""

    DEFAULT_CSS = """
    OpeningFrame.-typing > TypedLine { display: block; }
    OpeningFrame.-typing > #context { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.opening = ""
        """What is being opened."""
        self.refusal = ""
        """Why what was chosen last cannot be opened, as sentences."""

    @property
    def host(self) -> OddportApp:
        """The dashboard."""
        return hosted(self)

    def opening_line(self) -> Line:
        """For row 1, while it is looked for."""
        return line((f"Opening {self.opening}.", "muted"))

    def refusal_lines(self) -> list[Line]:
        """For the strip, until something else is under the cursor."""
        return [line((row, "high")) for row in wrap(self.refusal, self.size.width - 2)]

    @property
    def typing(self) -> bool:
        """The line that is typed takes the keys."""
        return self.is_mounted and self.has_class("-typing")

    def start_typing(self, text: str) -> None:
        """Row 1 becomes an input that holds a text."""
        box = self.query_one(TypedLine)
        box.value, box.cursor_position = text, len(text)
        self.add_class("-typing")
        self.set_focus(box)
        self.refresh_frame()

    def stop_typing(self) -> None:
        """Back to the list."""
        self.remove_class("-typing")
        self.set_focus(self.query_one("#main"))
        self.refresh_frame()

    def open_by(self, make: Callable[[], Target], name: str) -> None:
        """Open what `make` gives: it reads files or starts programs, and is called in a thread."""
        self.opening, self.refusal = name, ""
        self.refresh_frame()
        self.run_worker(partial(self._make, make), thread=True, exclusive=True, group="open")

    def _make(self, make: Callable[[], Target]) -> None:
        from oddport.capture.live.ways import LiveError

        try:
            target = make()
        except (CaseError, LiveError, OSError) as error:
            self.soon(self.refused, str(error))
            return
        self.soon(self._made, target)

    def refused(self, why: str) -> None:
        """It cannot be opened."""
        self.opening, self.refusal = "", why
        self.refresh_frame()

    def _made(self, target: Target) -> None:
        self.opening = ""
        self.refresh_frame()
        self.app.call_later(self.host.open_target, target)
