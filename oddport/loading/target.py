"""What a person asks to see (captures, a case, an interface) → the case that it is in, and what a loader is to do.

Imports nothing that the start of a loader would wait for.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from oddport.case.errors import CaseError
from oddport.case.folders import case_for, case_for_live

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CASE_MAGIC: Final = b"SQLite format 3\0"
MEGABYTE: Final = 1_000_000
KEEP_MEGABYTES: Final = 2_000
"""Of the packets of an interface, where nobody says how much."""
CASE_MEGABYTES: Final = 2_000
"""That the case of an interface may hold, where nobody says how much."""


@dataclass(frozen=True, slots=True)
class Target:
    """A case, and what comes into it."""

    case: Path
    captures: tuple[str, ...]
    title: str
    live: tuple[str, ...] = ()
    """Words for a loader that captures an interface."""


def is_case(path: Path) -> bool:
    """The file begins as a case does; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(CASE_MAGIC)) == CASE_MAGIC
    except OSError:
        return False


def case_target(path: Path, title: str = "") -> Target:
    """A case as it is."""
    return Target(path, (), title or path.name)


def captures_target(paths: Sequence[str], case: Path | None = None) -> Target:
    """Captures, together one, in `case` or in the case that the data folder has for them.

    The case is marked as opened now, if it is there. CaseError or OSError where it cannot be used.
    """
    from oddport.case.cases import mark_opened

    place = case if case is not None else _case_of(paths)
    if place.exists():
        mark_opened(place)
    first = os.path.basename(paths[0].rstrip("/"))
    return Target(place, tuple(paths), first if len(paths) == 1 else f"{first} and {len(paths) - 1} more")


def live_target(
    interface: str,
    capture_filter: str = "",
    case: Path | None = None,
    keep: int = KEEP_MEGABYTES,
    case_size: int = CASE_MEGABYTES,
) -> Target:
    """A new capture of an interface, of whose packets the newest `keep` megabytes stay, in a case of at most
    `case_size` megabytes.

    Asks the programs that would capture, which may take seconds. LiveError where none may, or the filter is none;
    CaseError where the case is there already.
    """
    from oddport.capture.live.ring import RingLimits
    from oddport.capture.live.ways import choose

    choose(interface, capture_filter)
    place = _new_case(case, re.sub(r"\W+", "-", interface).strip("-"), "a live capture")
    size = max(MEGABYTE * 2, min(RingLimits().file_bytes, MEGABYTE * keep // 2))
    words = ["--live", interface, "--ring-bytes", str(size), "--ring-files", str(max(2, MEGABYTE * keep // size))]
    words += ["--case-limit", str(MEGABYTE * case_size)]
    if capture_filter:
        words += ["--filter", capture_filter]
    return Target(place, (), f"{interface}, live", tuple(words))


def pipe_target(case: Path | None = None) -> Target:
    """What comes by a pipe. CaseError where the case is there already."""
    return Target(_new_case(case, "pipe", "a pipe"), (), "pipe")


def _new_case(case: Path | None, source: str, what: str) -> Path:
    """`case`, or a new one in the data folder that is named after its source; CaseError where it is there already."""
    place = case if case is not None else case_for_live(source, time.time_ns())
    if place.exists():
        raise CaseError(f"{place} is there already; {what} begins a case of its own. Name another by --case.")
    return place


def _case_of(paths: Sequence[str]) -> Path:
    """The case of these captures in the user's data folder."""
    from oddport.capture.fingerprint import Fingerprint

    return case_for(paths, [Fingerprint.of(path).digest for path in paths])
