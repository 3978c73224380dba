"""The interfaces of this machine → rows to choose from: state, addresses, who may capture there, what would allow it.

Programs are started to ask them, so all of it happens in a thread.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oddport.capture.live.interfaces import HostInterface, host_interfaces
from oddport.capture.live.ways import ANY, LiveError, Refusal, check_filter, local_ways

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oddport.capture.live.ways import Way

UP, DOWN = "up", "down"


@dataclass(frozen=True, slots=True)
class InterfaceLine:
    """An interface."""

    name: str
    state: str
    """`up`, `down`; empty for all of them at once."""
    addresses: tuple[str, ...]
    asked: bool = False
    """The programs were asked; until then nothing is known of the following."""
    way: Way | None = None
    """How it is captured."""
    refusals: tuple[Refusal, ...] = ()
    """The programs that may not, in the order in which they were asked."""


def unasked() -> list[InterfaceLine]:
    """All interfaces, the likely ones first; OSError where the system does not tell."""
    rows = [_line(each) for each in host_interfaces()]
    if sys.platform == "linux" and len(rows) > 1:
        rows.append(InterfaceLine(ANY, "", ("all of them at once",)))
    return rows


def _line(interface: HostInterface) -> InterfaceLine:
    return InterfaceLine(interface.name, UP if interface.up else DOWN, interface.addresses)


def asked(rows: list[InterfaceLine]) -> Iterator[tuple[int, InterfaceLine]]:
    """Each row with its place, once the programs were asked."""
    for place, row in enumerate(rows):
        way, refusals = local_ways(row.name)
        if way is None and row.state == DOWN:
            refusals = [Refusal(row.name, "It is down.", _bring_up(row.name))]
        yield place, InterfaceLine(row.name, row.state, row.addresses, True, way, tuple(refusals))


def _bring_up(name: str) -> str:
    words = f"ip link set {shlex.quote(name)} up" if sys.platform == "linux" else f"ifconfig {shlex.quote(name)} up"
    return f"sudo {words}"


def filter_problem(way: Way, capture_filter: str) -> str:
    """Why a capture filter cannot be used, as a sentence; empty if it can."""
    try:
        check_filter(way, capture_filter)
    except LiveError as error:
        return str(error)
    return ""
