"""Keys → a filter: the input that takes the place of the context row, with what is wrong with it below.

The bar knows nothing of the language: it is given a function that checks a text, and posts what was decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from rich.highlighter import Highlighter
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input

from tui.theme import look
from tui.widgets.line import EMPTY, Line, Piece, line, wrap
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from rich.text import Text
    from textual.app import ComposeResult

    from tui.data.completion import Completion

WORD = 16
"""Cells of a word that is offered."""
LONGEST = 4096
"""Characters of a filter."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a filter."""

    message: str
    column: int
    """0-based place in the text."""
    hint: str = ""
    """What was probably meant."""


Check = Callable[[str], Wrong | None]


class Remembered(Protocol):
    """Filters that were used before."""

    def texts(self) -> list[str]:
        """The newest last."""

    def add(self, text: str) -> None:
        """The newest now."""


class _Marked(Highlighter):
    """Underlines the word that is wrong."""

    def __init__(self, bar: FilterBar) -> None:
        self._bar = bar

    def highlight(self, text: Text) -> None:
        wrong = self._bar.wrong
        if wrong is None or not text.plain:
            return
        start, end = word_at(text.plain, wrong.column)
        text.stylize(look(self._bar).palette.style("high underline", "raised"), start, end)


def word_at(text: str, column: int) -> tuple[int, int]:
    """Where the word at a column begins and ends; at least one character."""
    start = max(0, min(column, len(text) - 1))
    end = start
    while end < len(text) and not text[end].isspace():
        end += 1
    return start, max(end, start + 1)


class FilterInput(Input):
    """The input itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "apply", id="narrow.apply", tooltip="apply the filter"),
        Binding("tab", "take_hint", "put in", id="narrow.hint", tooltip="put in what was meant"),
        Binding("up", "history(-1)", "history", id="narrow.older", tooltip="filters used before"),
        Binding("down", "history(1)", "history", id="narrow.newer", tooltip="filters used before"),
        Binding("ctrl+u", "delete_left_all", "clear", id="narrow.clear", tooltip="clear"),
        Binding("escape", "keep_old", "keep the old", id="narrow.keep", tooltip="keep the old filter", show=True),
    ]

    class Kept(Message):
        """Esc: the old filter stays."""

    class Recall(Message):
        """Up or down: another filter of the history."""

        def __init__(self, by: int) -> None:
            self.by = by
            super().__init__()

    class TakeHint(Message):
        """Tab: put in what was meant."""

    def action_keep_old(self) -> None:
        self.post_message(self.Kept())

    def action_history(self, by: int) -> None:
        self.post_message(self.Recall(by))

    def action_take_hint(self) -> None:
        self.post_message(self.TakeHint())


class FilterBar(Vertical):
    """`/` text, and at the right whether it is right."""

    DEFAULT_CSS = """
    FilterBar { height: auto; width: 1fr; display: none; background: $panel; }
    FilterBar > Horizontal { height: 1; }
    FilterBar > Horizontal > #slash { width: 3; }
    FilterBar > Horizontal > #status { width: 26; }
    FilterBar FilterInput, FilterBar FilterInput:focus {
        width: 1fr; background: $panel; background-tint: $panel 0%; color: $foreground; border: none; padding: 0;
    }
    """

    class Applied(Message):
        """Enter on a filter that is right; empty = no filter."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    class Closed(Message):
        """The old filter stays."""

    class Typed(Message):
        """The text has changed and is right: how many rows would it leave?"""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    def __init__(
        self,
        check: Check,
        complete: Callable[[str], list[Completion]] | None = None,
        remembered: Remembered | None = None,
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._remembered = remembered
        self._check, self._complete = check, complete
        self._offered: list[Completion] = []
        self._history: list[str] = []
        self._at = 0
        self._before = ""
        self.wrong: Wrong | None = None

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Lines([line(("/", "key"))], ground="raised", id="slash")
            box = FilterInput(compact=True, highlighter=_Marked(self), max_length=LONGEST, select_on_focus=False)
            box.cursor_blink = False
            yield box
            yield Lines([EMPTY], ground="raised", id="status")
        yield Lines(ground="raised", id="wrong")

    @property
    def box(self) -> FilterInput:
        """The input."""
        return self.query_one(FilterInput)

    def open(self, text: str) -> None:
        """Take the keys; `text` is the filter that holds now."""
        self.display = True
        if self._remembered is not None:
            self._history = self._remembered.texts()
        self._before, self._at = text, len(self._history)
        box = self.box
        box.value = text
        box.cursor_position = len(text)
        box.focus()
        self._look(text)

    def count(self, text: str) -> None:
        """Say at the right how many rows the filter leaves."""
        if self.wrong is None:
            self._status([("✓" if not look(self).glyphs.ascii else "v", "ok"), (f" {text}", "muted")])

    def _status(self, pieces: list[Piece]) -> None:
        self.query_one("#status", Lines).show([line(right=pieces)])

    def _look(self, text: str) -> None:
        self.wrong = self._check(text) if text.strip() else None
        wrong, area = self.wrong, self.query_one("#wrong", Lines)
        unfinished = wrong is None or word_at(text, wrong.column)[1] >= len(text)
        self._offered = self._complete(text) if self._complete is not None and unfinished else []
        offers = [self._offer(each, first=place == 0) for place, each in enumerate(self._offered)]
        if wrong is None:
            self._status([])
            area.show(offers)
            self.post_message(self.Typed(text))
            return
        alert = look(self).glyphs.alert
        self._status([(f"{alert} column {wrong.column + 1}", "high")])
        area.show(offers or self._explain(wrong))

    @staticmethod
    def _offer(each: Completion, first: bool) -> Line:
        """A word that could stand here."""
        lead = ("tab ", "key") if first else ("    ", "muted")
        return Line(line(lead, (each.word.ljust(WORD), "strong"), (f" {each.says}", "muted")).left, indent=3)

    def _explain(self, wrong: Wrong) -> list[Line]:
        width = max(self.size.width - 6, 20)
        rows = [EMPTY, *(Line(line(row).left, indent=3) for row in wrap(wrong.message, width))]
        if wrong.hint:
            rows.append(Line(line(("tab", "key"), (" puts in ", "muted"), (wrong.hint, "strong")).left, indent=3))
        old = self._before or "none"
        return [*rows, Line(line((f"The list still shows the filter before: {old}", "muted")).left, indent=3), EMPTY]

    def close_bar(self) -> None:
        """Give the row back."""
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._look(event.value)
        self.box.refresh()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.wrong is not None:
            return
        text = event.value.strip()
        if text and self._remembered is not None:
            self._remembered.add(text)
        self.post_message(self.Applied(text))

    def on_filter_input_kept(self, event: FilterInput.Kept) -> None:
        event.stop()
        self.post_message(self.Closed())

    def on_filter_input_recall(self, event: FilterInput.Recall) -> None:
        event.stop()
        if not self._history:
            return
        self._at = max(0, min(self._at + event.by, len(self._history)))
        text = self._history[self._at] if self._at < len(self._history) else self._before
        self.box.value = text
        self.box.cursor_position = len(text)

    def on_filter_input_take_hint(self, event: FilterInput.TakeHint) -> None:
        event.stop()
        wrong = self.wrong
        if self._offered:
            self._take(self._offered[0])
            return
        if wrong is None or not wrong.hint:
            return
        text = self.box.value
        start, end = word_at(text, wrong.column)
        self.box.value = text[:start] + wrong.hint + text[end:]
        self.box.cursor_position = start + len(wrong.hint)

    def _take(self, each: Completion) -> None:
        """Put a word in at the end."""
        text = self.box.value
        self.box.value = f"{text[: len(text) - each.replaces]}{each.word} "
        self.box.cursor_position = len(self.box.value)
