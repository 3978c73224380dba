"""The bindings that are active on a screen → the hints of its last row, and the groups of its help.

A binding's `description` is its word in the last row, its `tooltip` the longer one in the help, and the part of its
`id` before the dot the group it stands in: `move`, `judge`, `narrow`, `hand`, else `here`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui.widgets.line import Line, Span, width_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import App
    from textual.binding import Binding
    from textual.screen import Screen

GROUPS = (("move", "Move"), ("judge", "Judge"), ("narrow", "Narrow down"), ("hand", "Hand off"), ("here", "Here"))
_NAMES = {
    "escape": "esc", "question_mark": "?", "slash": "/", "full_stop": ".", "comma": ",", "colon": ":", "space": "space",
    "exclamation_mark": "!", "equals_sign": "=", "equal": "=", "vertical_line": "|", "left_square_bracket": "[",
    "right_square_bracket": "]", "pageup": "pgup", "pagedown": "pgdn", "apostrophe": "'",
}  # fmt: skip
LAST = ("help", "back", "leave", "quit_app", "close", "dismiss", "keep_old")
"""Actions whose hints stand at the end and are never dropped."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Keys and the word for what they do."""

    keys: str
    word: str
    last: bool = False


def key_text(key: str, arrows: tuple[str, str, str, str] = ("←", "→", "↑", "↓")) -> str:
    """How a key is written: `ctrl-d`, `esc`, `/`, `→`."""
    named = dict(zip(("left", "right", "up", "down"), arrows, strict=True)) | _NAMES
    *modifiers, last = key.split("+")
    return "-".join([*modifiers, named.get(last, last)])


def active(screen: Screen[Any]) -> list[Binding]:
    """Bindings that work here now, the focused widget's first."""
    return [found.binding for found in screen.active_bindings.values() if found.enabled]


def _arrows(app: App[Any]) -> tuple[str, str, str, str]:
    shown = getattr(app, "look", None)
    if shown is None:
        return "←", "→", "↑", "↓"
    glyphs = shown.glyphs
    return ("left", "right", "up", "down") if glyphs.ascii else (glyphs.left, glyphs.right, glyphs.up, glyphs.down)


def hints(screen: Screen[Any]) -> list[Hint]:
    """Hints of the last row: keys of one word together, help and the way out at the end."""
    arrows = _arrows(screen.app)
    merged: dict[str, list[Binding]] = {}
    for binding in active(screen):
        if binding.show and binding.description and not binding.system:
            merged.setdefault(binding.description, []).append(binding)
    found = [
        Hint(
            " ".join(dict.fromkeys(binding.key_display or key_text(binding.key, arrows) for binding in bindings)),
            word,
            bindings[0].action.partition("(")[0].rpartition(".")[2] in LAST,
        )
        for word, bindings in merged.items()
    ]
    ends = sorted((hint for hint in found if hint.last), key=lambda hint: hint.word != "help")
    return [hint for hint in found if not hint.last] + ends


def hint_line(found: Iterable[Hint], width: int) -> Line:
    """As many hints as fit, from the left; those at the end always."""
    found = list(found)
    ends = [hint for hint in found if hint.last]
    shown: list[Hint] = []
    room = width - 2 - sum(_width(hint) + 2 for hint in ends)
    for hint in found:
        if hint.last:
            continue
        if _width(hint) > room:
            break
        shown.append(hint)
        room -= _width(hint) + 2
    pieces: list[Span] = []
    for hint in [*shown, *ends]:
        if pieces:
            pieces.append(Span("  "))
        pieces += [Span(hint.keys, "key"), Span(f" {hint.word}", "muted")]
    return Line(tuple(pieces))


def _width(hint: Hint) -> int:
    return width_of((Span(hint.keys), Span(f" {hint.word}")))


def help_groups(screen: Screen[Any]) -> list[tuple[str, list[Hint]]]:
    """The keys of a screen in groups, those that do the same on one row."""
    arrows = _arrows(screen.app)
    groups: dict[str, dict[str, list[str]]] = {}
    names = {name for name, _ in GROUPS}
    for binding in active(screen):
        word = binding.tooltip or binding.description
        if not word or not binding.id:
            continue
        name = (binding.id or "").partition(".")[0]
        rows = groups.setdefault(name if name in names else "here", {})
        keys = rows.setdefault(word, [])
        text = binding.key_display or key_text(binding.key, arrows)
        if text not in keys:
            keys.append(text)
    return [
        (title, [Hint(" ".join(sorted(keys, key=_named)), word) for word, keys in groups[name].items()])
        for name, title in GROUPS
        if name in groups
    ]


def _named(key: str) -> bool:
    """Letters stand before keys that have a name."""
    return len(key) > 1 or key in "←→↑↓"
