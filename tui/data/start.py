"""This machine → what there is to open: recent cases, demo captures, the interface one would watch, and which version
this is. All of it is asked for in a thread: it reads files and starts programs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from oddport.case.captures import LIVE
from oddport.case.errors import CaseError

if TYPE_CHECKING:
    from oddport.case.cases import CaseInfo
    from oddport.demos import Demo

DAY = 86_400
SEVERITIES = ("info", "low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class DemoLine:
    """A demo capture."""

    name: str
    title: str
    story: str
    path: str
    packets: int
    severity: int | None
    """Of the worst finding that has to be in it; None where there is nothing to find."""


def recent_cases() -> tuple[list[CaseInfo], str]:
    """The cases of the data folder, the one used last first, and a sentence where they cannot be listed."""
    from oddport.case.cases import list_cases

    try:
        return list_cases(), ""
    except (CaseError, OSError) as error:
        return [], str(error)


def demo_lines() -> tuple[list[DemoLine], str]:
    """The demo captures, and a sentence where they did not come along."""
    from oddport.demos import DemosError, list_demos

    try:
        return [_demo_line(demo) for demo in list_demos()], ""
    except DemosError as error:
        return [], str(error)


def _demo_line(demo: Demo) -> DemoLine:
    worst = max((SEVERITIES.index(each.at_least) for each in demo.findings), default=None)
    return DemoLine(demo.name, demo.title, demo.story, str(demo.path), demo.packets, worst)


def version_line() -> tuple[str, ...]:
    """oddport's version, that of ATT&CK, the number of detectors."""
    from oddport import __version__
    from oddport.attack import version_in_use
    from oddport.detection.registry import entries
    from oddport.wording import plural

    return __version__, f"ATT&CK {version_in_use()}", plural(len(entries()), "detector")


def watching() -> tuple[str, bool]:
    """What would be watched and how, as words, and whether it may be."""
    from oddport.capture.live.interfaces import host_interfaces, usual_interface
    from oddport.capture.live.ways import local_ways

    try:
        usual = usual_interface(host_interfaces())
    except OSError as error:
        return f"the interfaces could not be listed: {error.strerror}", False
    if usual is None:
        return "no interface is up and has an address", False
    way, _ = local_ways(usual.name)
    if way is None:
        return f"{usual.name} needs the right to capture", False
    return f"{usual.name} by {way.tool}, {way.account}", True


def shown_name(case: CaseInfo) -> str:
    """What a case is of, as one would call it: its capture's name, or the interface."""
    if not case.captures:
        return case.name
    first = case.captures[0]
    if first.startswith(LIVE):
        return f"{first.removeprefix(LIVE)}, live"
    name = first.rpartition("/")[2] or first
    return name if len(case.captures) == 1 else f"{name} and {len(case.captures) - 1} more"


def used(case: CaseInfo) -> int:
    """When the case was opened or written last, in seconds since 1970."""
    return max(case.opened_ns or 0, case.modified_ns) // 1_000_000_000


def day(seconds: int, now: float | None = None) -> str:
    """`today`, `16 Mar`, `Mar 2024`: a day in a narrow column, UTC."""
    now = time.time() if now is None else now
    moment, today = datetime.fromtimestamp(seconds, UTC), datetime.fromtimestamp(now, UTC)
    if moment.date() == today.date():
        return "today"
    return f"{moment.day} {moment:%b}" if moment.year == today.year else f"{moment:%b %Y}"
