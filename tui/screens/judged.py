"""What judging anew has changed → a page that says what appeared, what went, and what could not be judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.format import count, plural
from tui.screens.page import TextPage
from tui.widgets.line import EMPTY, Line, line, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.data.judging import Judged


def summary_of(found: Judged) -> str:
    """`2 findings went, none appeared.`"""
    appeared, went = found.counts
    if not appeared and not went:
        return "Judged again: the findings are the same."
    return (
        f"{plural(went, 'finding') if went else 'No finding'} went, {count(appeared) if appeared else 'none'} appeared."
    )


class JudgedScreen(TextPage):
    """Opened where something has changed."""

    TITLE_TEXT = "Judged again"
    GUIDE = "What appeared and what went by judging the case anew; verdicts and notes stay."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "back", "go on", id="move.on", tooltip="go on"),
        Binding("u", "take_back", "undo", id="judge.undo", tooltip="take the site's exception back, judge again"),
    ]

    def __init__(self, found: Judged, after: str, trail: Sequence[str]) -> None:
        """`after`: a sentence on what was done before, or empty."""
        super().__init__(trail)
        self._found, self._after = found, after

    def context(self) -> Line:
        return line((summary_of(self._found), "strong"))

    def text(self) -> list[Line]:
        found, width = self._found, max(self.size.width - 2, 20)
        rows: list[Line] = [EMPTY]
        if self._after:
            rows += [*(line((row, "text")) for row in wrap(self._after, width)), EMPTY]
        for word, ink, listed in (("Went", "muted", found.went), ("Appeared", "strong", found.appeared)):
            for place, (title, number) in enumerate(listed):
                times = f"  × {count(number)}" if number > 1 else ""
                rows.append(line(((word if not place else "").ljust(11), "muted"), (title, ink), (times, "muted")))
            if listed:
                rows.append(EMPTY)
        if found.left_out:
            text = f"{found.why} Not judged again, their findings kept: {', '.join(found.left_out)}."
            rows += [*(line((row, "medium")) for row in wrap(text, width)), EMPTY]
        rows.append(line((f"{plural(found.findings, 'finding')} now. Verdicts and notes are kept.", "muted")))
        return rows

    def action_take_back(self) -> None:
        """The exception is taken out again."""
        from tui.again import JudgingApp

        host = self.app
        assert isinstance(host, JudgingApp)
        self.dismiss()
        host.take_exception_back()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to take back after an exception only."""
        from tui.again import JudgingApp

        return action != "take_back" or (isinstance(self.app, JudgingApp) and self.app.can_take_back)
