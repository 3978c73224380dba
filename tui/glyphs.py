"""Meanings → the one-cell signs that show them, in Unicode or in ASCII."""

from __future__ import annotations

import locale
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oddport.wording import SEVERITY_LETTERS as SEVERITY_LETTERS
from oddport.wording import SEVERITY_WORDS as SEVERITY_WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

SEVERITY_INKS = ("info", "low", "medium", "high", "critical")
"""Colour token of each severity, by its number."""

VERDICT_INKS = ("muted", "muted", "muted", "muted", "medium", "high")
"""Colour token of the port sign, by port verdict (see oddport.protocols.model.PortVerdict)."""
VERDICT_WORDS = (
    "nothing to judge",
    "fits its port",
    "in wide use there",
    "no fixed port",
    "not recognised",
    "does not fit",
)
MISMATCH, UNRECOGNISED = 5, 4

REVIEW_INKS = {"confirmed": "high", "suspicious": "medium", "benign": "ok"}
"""Colour token of the analyst's verdict."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Signs; each is one cell wide."""

    ascii: bool
    severity: tuple[str, str, str, str, str]
    """info, low, medium, high, critical"""
    verdict: tuple[str, str, str, str, str, str]
    """nothing, standard, alternate, dynamic, unrecognised, mismatch"""
    confirmed: str
    suspicious: str
    benign: str
    forward: str
    back: str
    cursor: str
    evidence: str
    folded: str
    unfolded: str
    home: str
    trail: str
    cut: str
    wrap: str
    live: str
    paused: str
    track: str
    thumb: str
    rule: str
    levels: str
    repeat: str
    hole: str
    gap: str
    byte: str
    """an unprintable byte, zero data"""
    none: str
    """not applicable"""
    times: str
    left: str
    right: str
    up: str
    down: str
    descending: str
    ascending: str
    alert: str
    mark: str
    """a row that the analyst marked"""

    def review(self, verdict: str) -> str:
        """The sign of an analyst's verdict; empty for none."""
        return {"confirmed": self.confirmed, "suspicious": self.suspicious, "benign": self.benign}.get(verdict, "")


UNICODE = Glyphs(
    ascii=False, severity=("·", "○", "●", "▲", "◆"), verdict=(" ", "=", "≈", "·", "?", "≠"),
    confirmed="!", suspicious="?",
    benign="✓", forward="→", back="←", cursor="▌", evidence="▌", folded="▸", unfolded="▾", home="‹", trail="›", cut="…",
    wrap="↪", live="▶", paused="‖", track="│", thumb="┃", rule="│", levels="▁▂▃▄▅▆▇", repeat="▒", hole="░", gap="┄┄",
    byte="·", none="–", times="×", left="←", right="→", up="↑", down="↓", descending="▾", ascending="▴", alert="▲",
    mark="•",
)  # fmt: skip
ASCII = Glyphs(
    ascii=True, severity=(".", "o", "*", "^", "#"), verdict=(" ", "=", "~", ".", "?", "!"),
    confirmed="!", suspicious="?",
    benign="v", forward=">", back="<", cursor=">", evidence="@", folded="+", unfolded="-", home="<", trail=">", cut="~",
    wrap="\\", live=">", paused="=", track=":", thumb="#", rule="|", levels=".:-=+*#", repeat="%", hole=".", gap="--",
    byte=".", none="-", times="x", left="<", right=">", up="^", down="v", descending="-", ascending="+", alert="^",
    mark="*",
)  # fmt: skip


def choose_glyphs(environ: Mapping[str, str], ascii: bool = False) -> Glyphs:
    """ASCII where it is asked for, where the locale is not UTF-8, and on terminals that are known not to draw the
    others."""
    term = environ.get("TERM", "").strip().lower()
    if ascii or term in ("linux", "vt100", "dumb"):
        return ASCII
    encoding = locale.getencoding() if environ.get("LC_ALL") is None else environ["LC_ALL"]
    if environ.get("LC_ALL") and "utf" not in encoding.lower():
        return ASCII
    return UNICODE if "utf" in encoding.lower() else ASCII
