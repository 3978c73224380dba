"""Colour tokens → Rich styles and Textual themes, for every kind of terminal.

Widgets name a token, never a colour: `palette.style("muted", "raised")`. An *ink* is a token with optional modifiers
and an optional ground of its own: `"high"`, `"accent bold"`, `"text underline"`, `"strong/heat-3"`. The ink
`evidence` brings its fill along.

`look(widget)` gives the palette and the glyphs of the running app, and a usable default in any other app, so that a
widget can be tried alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.style import Style
from textual.theme import Theme

from tui.glyphs import UNICODE, Glyphs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.widget import Widget

GROUNDS = (
    "page", "band", "raised", "cursor", "range", "rule", "evidence",
    "heat-1", "heat-2", "heat-3", "heat-4", "heat-5",
    "odd-critical", "odd-high", "odd-medium", "odd-low",
)  # fmt: skip
"""Tokens that are filled areas."""
BARS = {"bar": "accent", "bar-rest": "rule"}
"""Grounds of progress, which carry no text → the token whose colour they have."""

INKS = (
    "text", "strong", "muted", "expected", "accent", "evidence-text", "evidence-bar",
    "critical", "high", "medium", "low", "info", "ok",
)  # fmt: skip
"""Tokens that are drawn on a ground."""

UNREAD = ("rule", "heat-3", "heat-5")
"""Grounds that are also drawn with: lines, dots, and the tops of bars; no text has these colours."""

BOLD = frozenset({"strong", "expected", "evidence-text", "critical", "high", "key"})
"""Tokens that are bold unless the ink says `plain`."""

_ALIASES = {"key": "accent", "evidence": "evidence-text/evidence", "head": "muted"}

# Colours of true-colour terminals; the contrast of every ink on page, band, raised and cursor is at least 4.5 (a test
# holds it).
_DARK = {
    "page": "#10151c", "band": "#18202a", "raised": "#202b37", "cursor": "#1d3f4c",
    "range": "#1d3142", "rule": "#3b4a5a",
    "text": "#d3dae2", "strong": "#f3f6f9", "muted": "#8e9baa", "expected": "#a9b6c4", "accent": "#58cfd9",
    "evidence": "#ffd75f", "evidence-text": "#141100", "evidence-bar": "#ffd75f",
    "critical": "#ff7fcf", "high": "#ff857c",
    "medium": "#f5b25f", "low": "#8ab8ff", "info": "#8e9baa", "ok": "#86d992",
    "odd-critical": "#5e1f49", "odd-high": "#61262a", "odd-medium": "#543a16", "odd-low": "#21395c",
    "heat-1": "#1a2b35", "heat-2": "#1d3945", "heat-3": "#205062", "heat-4": "#236a7f", "heat-5": "#2f8aa0",
}  # fmt: skip
_LIGHT = {
    "page": "#fcfbf8", "band": "#f1eee8", "raised": "#e7e3da", "cursor": "#cfe6ea",
    "range": "#dbe9f3", "rule": "#c6c0b4",
    "text": "#26313b", "strong": "#0c1217", "muted": "#586471", "expected": "#47535f", "accent": "#00636f",
    "evidence": "#ffd23f", "evidence-text": "#1c1600", "evidence-bar": "#a07800",
    "critical": "#9b0065", "high": "#b0231a",
    "medium": "#834800", "low": "#1c55a0", "info": "#586471", "ok": "#17632d",
    "odd-critical": "#f6cfe5", "odd-high": "#f8d3cf", "odd-medium": "#f7e1bd", "odd-low": "#d5e3f6",
    "heat-1": "#eaf1f1", "heat-2": "#d9eaec", "heat-3": "#bfdde1", "heat-4": "#9dcbd2", "heat-5": "#79b7c0",
}  # fmt: skip
# Terminals with 256 colours: exact entries of xterm's palette, since the nearest ones to the colours above fall
# together.
_DARK_256 = {
    "page": "#121212", "band": "#262626", "raised": "#303030", "cursor": "#000087",
    "range": "#00005f", "rule": "#585858",
    "text": "#d0d0d0", "strong": "#eeeeee", "muted": "#9e9e9e", "expected": "#bcbcbc", "accent": "#5fd7d7",
    "evidence": "#ffd75f", "evidence-text": "#000000", "evidence-bar": "#ffd75f",
    "critical": "#ff87d7", "high": "#ff8787",
    "medium": "#ffaf5f", "low": "#87afff", "info": "#9e9e9e", "ok": "#87d787",
    "odd-critical": "#5f005f", "odd-high": "#5f0000", "odd-medium": "#5f5f00", "odd-low": "#00005f",
    "heat-1": "#262626", "heat-2": "#303030", "heat-3": "#005f5f", "heat-4": "#005f87", "heat-5": "#00afaf",
}  # fmt: skip
_LIGHT_256 = {
    "page": "#ffffff", "band": "#eeeeee", "raised": "#e4e4e4", "cursor": "#d7d7ff",
    "range": "#d7ffff", "rule": "#bcbcbc",
    "text": "#262626", "strong": "#000000", "muted": "#585858", "expected": "#444444", "accent": "#005f5f",
    "evidence": "#ffd75f", "evidence-text": "#000000", "evidence-bar": "#af8700",
    "critical": "#87005f", "high": "#af0000",
    "medium": "#5f5f00", "low": "#005faf", "info": "#585858", "ok": "#005f00",
    "odd-critical": "#ffd7ff", "odd-high": "#ffd7d7", "odd-medium": "#ffffd7", "odd-low": "#d7d7ff",
    "heat-1": "#eeeeee", "heat-2": "#e4e4e4", "heat-3": "#afd7d7", "heat-4": "#87d7d7", "heat-5": "#5fd7d7",
}  # fmt: skip
_CONTRAST = _DARK | {
    "page": "#000000", "text": "#ffffff", "strong": "#ffffff", "muted": "#d0d0d0", "expected": "#d0d0d0",
    "info": "#d0d0d0",
}  # fmt: skip
# 16 colours by number (ECMA-48, xterm order): shape and letter carry what the colour cannot.
_ANSI = {
    "page": "0", "band": "0", "raised": "0", "cursor": "4", "range": "4", "rule": "8",
    "text": "7", "strong": "15", "muted": "7", "expected": "7", "accent": "14",
    "evidence": "3", "evidence-text": "0", "evidence-bar": "11", "critical": "13", "high": "9",
    "medium": "11", "low": "6", "info": "7", "ok": "10",
    "odd-critical": "5", "odd-high": "1", "odd-medium": "0", "odd-low": "0",
    "heat-1": "0", "heat-2": "0", "heat-3": "0", "heat-4": "0", "heat-5": "0",
}  # fmt: skip
_ANSI_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


@dataclass(frozen=True)
class Palette:
    """The colours of one theme."""

    name: str
    """`dark`, `light`, `contrast`, `ansi` or `plain`; with `-256` where the terminal has 256 colours."""
    colours: Mapping[str, str]
    """Token → `#rrggbb`, or the number of an ANSI colour; empty for `plain`."""
    depth: str
    """`rgb`, `ansi` (16 colours) or `plain` (no colour at all: bold, reverse and underline only)."""
    dark: bool = True

    def __hash__(self) -> int:
        return hash(self.name)

    def style(self, ink: str, ground: str = "page") -> Style:
        """The style of text in `ink` on `ground`; KeyError for a token that does not exist."""
        return _style(self, ink, ground)

    def rich(self, token: str) -> str:
        """The colour of a token as Rich writes it."""
        value = self.colours[token]
        return value if value.startswith("#") else f"color({value})"

    def css(self, token: str) -> str:
        """The colour of a token as Textual's CSS writes it."""
        if not self.colours:
            return "ansi_default"
        value = self.colours[token]
        if value.startswith("#"):
            return value
        number = int(value)
        return f"ansi_{'bright_' if number > 7 else ''}{_ANSI_NAMES[number % 8]}"

    def theme(self) -> Theme:
        """The Textual theme of these colours, with every token as a CSS variable."""
        css = self.css
        variables = {token: css(token) for token in (*GROUNDS, *INKS)}
        variables |= {
            "ansi-background": css("page"),
            "ansi-foreground": css("text"),
            "input-cursor-background": css("accent"),
            "input-cursor-foreground": css("page"),
            "input-cursor-text-style": "none" if self.colours else "reverse",
            "input-selection-background": css("cursor"),
            "input-selection-foreground": css("strong"),
            "block-cursor-background": css("cursor"),
            "block-cursor-foreground": css("strong"),
        }
        return Theme(
            name=f"oddport-{self.name}",
            primary=css("accent"),
            secondary=css("accent"),
            accent=css("accent"),
            warning=css("medium"),
            error=css("high"),
            success=css("ok"),
            foreground=css("text"),
            background=css("page"),
            surface=css("page"),
            panel=css("raised"),
            boost=css("raised"),
            dark=self.dark,
            variables=variables,
            ansi=self.depth != "rgb",
        )


@lru_cache(4096)
def _style(palette: Palette, ink: str, ground: str) -> Style:
    ink = _ALIASES.get(ink, ink) if " " not in ink else " ".join(_ALIASES.get(part, part) for part in ink.split(" "))
    first, *modifiers = ink.split(" ")
    own = ""
    if "/" in first:
        first, own = first.split("/", 1)
    token = "accent" if first == "key" else first
    ground = own or ground
    if (token not in INKS and token not in UNREAD) or (ground not in GROUNDS and ground not in BARS):
        raise KeyError(f"no such colour token: {ink!r} on {ground!r}")
    bold = (first in BOLD or "bold" in modifiers) and "plain" not in modifiers
    underline, italic, reverse = "underline" in modifiers, "italic" in modifiers, "reverse" in modifiers
    if palette.depth == "plain":
        filled = ground in ("cursor", "evidence", "bar") or ground.startswith("odd-")
        return Style(
            bold=bold or token == "accent" or ground == "evidence" or None,
            reverse=(filled != reverse) or None,
            underline=underline or None,
            italic=italic or None,
        )
    if ground == "cursor":
        if palette.depth == "ansi":
            token = "strong"
        elif token in ("muted", "info"):
            token = "expected"
    if palette.depth == "ansi" and ground == "band":  # the first and the last row are black on white
        return Style(color=palette.rich("page"), bgcolor=palette.rich("text"), bold=bold or token == "accent" or None)
    return Style(
        color=palette.rich(token), bgcolor=palette.rich(BARS.get(ground, ground)), bold=bold or None,
        underline=underline or None,
        italic=italic or None, reverse=reverse or None,
    )  # fmt: skip


PALETTES: dict[str, Palette] = {
    palette.name: palette
    for palette in (
        Palette("dark", _DARK, "rgb"),
        Palette("light", _LIGHT, "rgb", dark=False),
        Palette("contrast", _CONTRAST, "rgb"),
        Palette("dark-256", _DARK_256, "rgb"),
        Palette("light-256", _LIGHT_256, "rgb", dark=False),
        Palette("ansi", _ANSI, "ansi"),
        # the Linux console draws colour 3 as brown, on which black is hard to read
        Palette("ansi-linux", _ANSI | {"evidence": "6"}, "ansi"),
        Palette("plain", {}, "plain"),
    )
}
NAMES = ("dark", "light", "contrast", "ansi")
"""What a person can ask for."""


HEAT = ((2000, 5), (400, 4), (100, 3), (20, 2), (1, 1))
"""(count, level of heat from it on)"""


def heat_of(number: int) -> str:
    """Ground of a cell with so many flows or findings."""
    return next((f"heat-{level}" for least, level in HEAT if number >= least), "heat-1")


@dataclass(frozen=True, slots=True)
class Look:
    """Palette and glyphs of the running app."""

    palette: Palette = PALETTES["dark"]
    glyphs: Glyphs = UNICODE


DEFAULT_LOOK = Look()


def look(widget: Widget) -> Look:
    """The look of the app a widget lives in."""
    found = getattr(widget.app, "look", None)
    return found if isinstance(found, Look) else DEFAULT_LOOK


def colour_depth(environ: Mapping[str, str]) -> str:
    """`rgb`, `256` or `16`: how many colours the terminal says it has."""
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return "rgb"
    term = environ.get("TERM", "").strip().lower()
    if term.endswith(("-256color", "-256")):
        return "256"
    return "rgb" if term.endswith("-direct") or term in ("xterm-kitty", "alacritty", "foot") else "16"


def choose_palette(environ: Mapping[str, str], name: str = "dark") -> Palette:
    """The palette called `name` in the form that fits the terminal; ValueError (a sentence) for an unknown name."""
    if name not in NAMES:
        raise ValueError(f"There is no theme {name!r}; themes are {', '.join(NAMES)}.")
    if "NO_COLOR" in environ:
        return PALETTES["plain"]
    term = environ.get("TERM", "").strip().lower()
    depth = colour_depth(environ)
    if name == "ansi" or depth == "16":
        return PALETTES["ansi-linux" if term == "linux" else "ansi"]
    if depth == "256":
        return PALETTES.get(f"{name}-256", PALETTES[name])
    return PALETTES[name]
