"""The bindings that work on a screen → all its actions by name, found by some of their letters, with their keys."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from tui.format import count
from tui.screens.base import Dialog
from tui.theme import look
from tui.widgets.keys import GROUPS, key_text
from tui.widgets.line import EMPTY, Line, Span, fit
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.dom import DOMNode
    from textual.screen import Screen

ROWS = 10
"""Actions that are shown at once."""
KEYS = 12
"""Cells of keys."""
_PAIR = re.compile(r"(\w+), (\w+)( .*)?\Z")
ITSELF = ("palette", "back", "close")
"""Actions that make no sense here: this one, and ways out of it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An action."""

    name: str
    group: str
    keys: str
    action: str
    node: DOMNode
    id: str
    """Its name in `keys.toml`."""


def entries_of(screen: Screen[Any]) -> list[Entry]:
    """The actions that work on a screen now, in the groups of its help; keys of the same action together."""
    order = {name: place for place, (name, _) in enumerate(GROUPS)}
    found: dict[tuple[int, str], Entry] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        name = binding.tooltip or binding.description
        bare = binding.action.partition("(")[0].rpartition(".")[2]
        if not active.enabled or not name or not binding.id or bare in ITSELF:
            continue
        key = binding.key_display or key_text(binding.key)
        at = (id(active.node), binding.action)
        old = found.get(at)
        keys = f"{old.keys} {key}" if old is not None else key
        group = binding.id.partition(".")[0]
        found[at] = Entry(name, group if group in order else "here", keys, binding.action, active.node, binding.id)
    entries = sorted(found.values(), key=lambda entry: (entry.group == "move", order[entry.group]))
    return [_alone(entry, entries) for entry in entries]


def _alone(entry: Entry, entries: Sequence[Entry]) -> Entry:
    """Of two actions that the help names together, `next, previous finding`, each has its own word."""
    pair = [each for each in entries if each.name == entry.name]
    words = _PAIR.match(entry.name)
    if len(pair) != 2 or words is None:
        return entry
    return replace(entry, name=words[1 + (entry is pair[1])] + (words[3] or ""))


def matches(name: str, wanted: str) -> tuple[int, ...] | None:
    """Places of the letters that are wanted, in their order: together if they stand so anywhere; None if they do not
    occur."""
    text, letters = name.lower(), wanted.lower().replace(" ", "")
    together = text.find(wanted.lower())
    if together >= 0:
        return tuple(range(together, together + len(wanted)))
    places: list[int] = []
    at = -1
    for letter in letters:
        at = text.find(letter, at + 1)
        if at < 0:
            return None
        places.append(at)
    return tuple(places)


def found_by(entries: Sequence[Entry], wanted: str) -> list[tuple[Entry, tuple[int, ...]]]:
    """What fits: where the letters stand together first, then in the order of the groups."""
    fitting = [(entry, places) for entry in entries if (places := matches(entry.name, wanted)) is not None]

    def spread(each: tuple[Entry, tuple[int, ...]]) -> int:
        places = each[1]
        return places[-1] - places[0] - len(places) if places else 0

    return sorted(fitting, key=spread)


class PaletteInput(Input):
    """What is looked for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.step(1)", "choose", id="move.down", tooltip="choose", key_display="↑ ↓"),
        Binding("up", "screen.step(-1)", show=False, id="move.up", tooltip="choose"),
        Binding("enter", "screen.take", "do it", id="here.take", tooltip="do it"),
    ]


class Palette(Dialog[Entry]):
    """Closes with the action that was chosen."""

    AUTO_FOCUS = "PaletteInput"

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__()
        self._entries = entries
        self._found = found_by(entries, "")
        self._at = 0

    def compose(self) -> ComposeResult:
        with Vertical(id="area"):
            box = PaletteInput(compact=True)
            box.cursor_blink = False
            yield box
            yield Lines([EMPTY] * (ROWS + 2), ground="raised", id="actions")
        yield Lines([EMPTY], ground="band", id="keys")

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._show)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._found, self._at = found_by(self._entries, event.value.strip()), 0
        self._show()

    def _show(self) -> None:
        glyphs = look(self).glyphs
        first = max(0, min(self._at - ROWS // 2, len(self._found) - ROWS))
        rows = [EMPTY]
        room = self.query_one("#actions", Lines).size.width - KEYS - 2
        for place, (entry, letters) in enumerate(self._found[first : first + ROWS], first):
            under = place == self._at
            ground = "/cursor" if under else ""
            pieces = [Span(f"{glyphs.cursor if under else ' '} ", f"accent{ground}")]
            for at, letter in enumerate(fit(entry.name, max(room, 1), mark=glyphs.cut)):
                pieces.append(Span(letter, self._ink(at in letters, under)))
            pieces.append(Span(fit(entry.keys, KEYS, right=True), f"key{ground}"))
            rows.append(Line(tuple(pieces), indent=0))
        if not self._found:
            rows.append(Line((Span("  No action has these letters.", "muted"),), indent=0))
        more = len(self._found) - ROWS
        rows += [EMPTY] * (ROWS + 1 - len(rows))
        told = f"{count(len(self._found))} actions" if more > 0 else ""
        name = f"in keys.toml: {self._found[self._at][0].id}" if self._found else ""
        rows.append(Line((Span(f"  {told}", "muted"),), (Span(name, "muted"),), indent=0))
        self.query_one("#actions", Lines).show(rows)

    @staticmethod
    def _ink(matched: bool, under: bool) -> str:
        return ("accent/cursor" if under else "accent") if matched else ("text/cursor" if under else "text")

    def action_step(self, by: int) -> None:
        """Another action."""
        if self._found:
            self._at = (self._at + by) % len(self._found)
            self._show()

    def action_take(self) -> None:
        """Do what is under the cursor."""
        if self._found:
            self.dismiss(self._found[self._at][0])
