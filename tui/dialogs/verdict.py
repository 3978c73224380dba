"""A finding → what the analyst says of it: confirmed, suspicious, benign or nothing, and a note."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input

from tui.glyphs import REVIEW_INKS, SEVERITY_INKS, SEVERITY_LETTERS
from tui.screens.base import Dialog
from tui.theme import look
from tui.widgets.line import EMPTY, Line, Piece, Span, line
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui.data.findings import FindingLine

CHOICES = (("confirmed", "c"), ("suspicious", "s"), ("benign", "b"), ("", "u"))
LONGEST_NOTE = 2000
"""Characters."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided."""

    verdict: str
    """`confirmed`, `suspicious`, `benign`; empty for none."""
    note: str
    go_on: bool
    """To the next finding that is not reviewed."""


class Choice(Widget, can_focus=True):
    """One row of verdicts."""

    DEFAULT_CSS = "Choice { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "choose('confirmed')", show=False, id="judge.confirmed", tooltip="confirmed"),
        Binding("s", "choose('suspicious')", show=False, id="judge.suspicious", tooltip="suspicious"),
        Binding("b", "choose('benign')", show=False, id="judge.benign", tooltip="benign"),
        Binding("u", "choose('')", show=False, id="judge.none", tooltip="none"),
        Binding("left", "step(-1)", "choose", id="judge.left", tooltip="choose"),
        Binding("right", "step(1)", "choose", id="judge.right", tooltip="choose"),
        Binding("h", "step(-1)", show=False, id="judge.h", tooltip="choose"),
        Binding("l", "step(1)", show=False, id="judge.l", tooltip="choose"),
        Binding("enter", "screen.save(True)", "save, next finding", id="judge.save", tooltip="save, next finding"),
    ]

    def __init__(self, verdict: str) -> None:
        super().__init__(id="choice")
        self.verdict = verdict

    def render_line(self, y: int) -> object:  # type: ignore[override]
        """The four words, the chosen one filled."""
        from tui.widgets.line import paint

        shown = look(self)
        pieces: list[Piece] = [("Verdict   ", "muted")]
        for word, key in CHOICES:
            sign = shown.glyphs.review(word) or shown.glyphs.none
            if word == self.verdict:
                focus = " underline" if self.has_focus else ""
                pieces += [(f" {sign} ", f"{REVIEW_INKS.get(word, 'strong')}/cursor"),
                           (f"{word or 'none'} ", f"strong/cursor{focus}"), " "]  # fmt: skip
            else:
                pieces += [(f" {key}", "key"), (f" {word or 'none'} ", "text"), " "]
        return paint(Line(line(*pieces).left, indent=0), self.size.width, shown, "raised")

    def action_choose(self, verdict: str) -> None:
        """A verdict, and on to the note."""
        self.verdict = verdict
        self.refresh()
        self.screen.query_one(Input).focus()

    def action_step(self, by: int) -> None:
        """The one beside it."""
        words = [word for word, _ in CHOICES]
        self.verdict = words[(words.index(self.verdict) + by) % len(words)]
        self.refresh()


class NoteInput(Input):
    """The note."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.save(True)", "save, next finding", id="judge.save_note", tooltip="save, next finding"),
    ]


class VerdictDialog(Dialog[Decision]):
    """Opens on the verdicts, or on the note."""

    DEFAULT_CSS = """
    VerdictDialog #note-row { height: 1; }
    VerdictDialog #note-label { width: 10; }
    """
    AUTO_FOCUS = "#choice"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "next field", id="move.field", tooltip="next field"),
        Binding("ctrl+o", "save(False)", "save", id="judge.save_only", tooltip="save and stay"),
        Binding("escape", "close", "leave it", id="move.close", tooltip="change nothing"),
    ]

    def __init__(self, finding: FindingLine, note_first: bool = False) -> None:
        super().__init__()
        self._finding = finding
        self._note_first = note_first

    def compose(self) -> ComposeResult:
        finding = self._finding
        with Vertical(id="area"):
            yield Lines(ground="raised", id="head")
            yield Choice(finding.verdict)
            yield Lines([EMPTY], ground="raised")
            with Horizontal(id="note-row"):
                yield Lines([Line((Span("Note", "muted"),), indent=0)], ground="raised", id="note-label")
                box = NoteInput(finding.note, compact=True, max_length=LONGEST_NOTE, select_on_focus=False)
                box.cursor_blink = False
                yield box
            yield Lines(ground="raised", id="foot")
        yield Lines([EMPTY], ground="band", id="keys")

    def on_mount(self) -> None:
        if self._note_first:
            self.query_one(NoteInput).focus()
        finding, glyphs = self._finding, look(self).glyphs
        ends = f"{finding.src} {glyphs.forward} {finding.dst}"
        ink = SEVERITY_INKS[finding.severity]
        sign = f"{glyphs.severity[finding.severity]} {SEVERITY_LETTERS[finding.severity]}"
        head = [Line(line((sign, ink), (f"  {finding.title}", "strong")).left, indent=0)]
        head += [Line(line((ends, "muted")).left, indent=0), EMPTY]
        self.query_one("#head", Lines).show(head)
        flows = f"this finding, all its {finding.count:,} flows" if finding.count > 1 else "this finding"
        self._foot(f"Holds for {flows}.", "muted")

    def _foot(self, text: str, ink: str) -> None:
        self.query_one("#foot", Lines).show([EMPTY, Line((Span(text, ink),), indent=0)])

    def action_save(self, go_on: bool) -> None:
        """Keep what was decided; a note needs a verdict to be kept with."""
        verdict, note = self.query_one(Choice).verdict, self.query_one(Input).value.strip()
        if note and not verdict and self._finding.note != note:
            self._foot("A note is kept with a verdict: choose one.", "high")
            self.query_one(Choice).focus()
            return
        self.dismiss(Decision(verdict, note if verdict else "", go_on))
