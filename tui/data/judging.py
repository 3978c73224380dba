"""A case → a process that judges it anew, and what it said has changed."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui.data.load import Load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tui.data.load import Progress

COMMAND = (sys.executable, "-m", "oddport.loading.judging")


@dataclass(frozen=True, slots=True)
class Judged:
    """What changed by judging anew."""

    findings: int = 0
    appeared: tuple[tuple[str, int], ...] = ()
    """(title, how many findings), the most first."""
    went: tuple[tuple[str, int], ...] = ()
    left_out: tuple[str, ...] = ()
    """Detectors whose findings are those of before, since the bytes that they need are gone."""
    why: str = ""
    """A sentence about those bytes."""

    @property
    def counts(self) -> tuple[int, int]:
        """Findings that appeared, and that went."""
        return sum(number for _, number in self.appeared), sum(number for _, number in self.went)


class Judging(Load):
    """A judging process. `judged` is what changed, once it is done."""

    WHAT = "The judging"
    KEPT = "The findings are those of before."

    def __init__(self, case: Path, command: Sequence[str] = COMMAND) -> None:
        """Raises OSError if the process cannot be started."""
        self.judged: Judged | None = None
        super().__init__(case, (), command=command)

    def heard(self, row: str) -> Progress:
        found = _judged(row)
        if found is not None:
            self.judged = found
        return super().heard(row)


def _judged(row: str) -> Judged | None:
    if '"judged"' not in row:
        return None
    try:
        told: dict[str, Any] = json.loads(row)["judged"]
        appeared, went = (tuple((str(title), int(n)) for title, n in told[name]) for name in ("appeared", "went"))
        left_out = tuple(str(each) for each in told["left_out"])
        return Judged(int(told["findings"]), appeared, went, left_out, str(told["why"]))
    except (KeyError, TypeError, ValueError):
        return None  # a line that is no such report changes nothing, as with progress
