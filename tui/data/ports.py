"""Flows by app and server port → the map of what speaks where: its apps and ports, and what its cells say.

Every port with a flow that does not fit is shown as long as there is room; what has no row or column of its own is
summed up in the last ones, which never hide that something in them does not fit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tui.format import count
from tui.glyphs import MISMATCH
from tui.theme import heat_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oddport.case.counts import PortCount

ALTERNATE, UNRECOGNISED = 2, 4
UNKNOWN, OTHER, MORE = "unknown", "other", "more"
"""Row of flows without a name, column and row of what is summed up."""
MOST_IN_FILTER = 100
"""Values that a filter leaves out one by one."""
ODD_GROUNDS = ("odd-low", "odd-low", "odd-medium", "odd-high", "odd-critical")
"""By severity."""


@dataclass(slots=True)
class Cell:
    """Flows of an app on a port, or of several."""

    flows: int = 0
    bytes: int = 0
    odd: int = 0
    """Flows that do not fit."""
    severity: int = 0
    """Of the worst finding among those."""
    verdict: int = 0
    """The worst port verdict."""

    def add(self, found: PortCount) -> None:
        """More flows."""
        self.flows += found.flows
        self.bytes += found.bytes
        if found.verdict == MISMATCH:
            self.odd += found.flows
            self.severity = max(self.severity, found.severity or 0)
        weight = (0, 1, 2, 0, 3, 4)
        if weight[found.verdict] > weight[self.verdict]:
            self.verdict = found.verdict

    @property
    def ground(self) -> str:
        """Of its painting: how many flows, or how bad."""
        if self.odd:
            return ODD_GROUNDS[self.severity]
        return heat_of(self.flows)


@dataclass(slots=True)
class PortMap:
    """What is shown."""

    apps: list[str] = field(default_factory=list)
    """Rows, UNKNOWN and MORE last."""
    ports: list[int | None] = field(default_factory=list)
    """Columns by number; None, the last one, is all others."""
    cells: dict[tuple[str, int | None], Cell] = field(default_factory=dict)
    hidden_apps: tuple[str, ...] = ()
    """In MORE."""
    flows: int = 0
    odd: int = 0

    def cell(self, row: int, column: int) -> Cell | None:
        """What stands at a place; None where nothing was seen."""
        if row >= len(self.apps) or column >= len(self.ports):
            return None
        return self.cells.get((self.apps[row], self.ports[column]))

    def worst(self) -> tuple[int, int]:
        """(row, column) of the cell that the eye should go to first."""
        places = [(row, column) for row in range(len(self.apps)) for column in range(len(self.ports))]

        def weight(place: tuple[int, int]) -> tuple[int, int]:
            cell = self.cell(*place)
            return (0, 0) if cell is None else (cell.severity + 1 if cell.odd else 0, cell.flows)

        return max(places, key=weight, default=(0, 0))

    def filter(self, row: int, column: int) -> str:
        """The filter that leaves the flows of a cell; empty where it cannot be said in one."""
        app, port = self.apps[row], self.ports[column]
        parts = []
        if app == MORE:
            if len(self.hidden_apps) > MOST_IN_FILTER:
                return ""
            parts.append(f"app in {{{', '.join(self.hidden_apps)}}}")
        else:
            parts.append("app == none and payload > 0" if app == UNKNOWN else f"app == {app}")
        shown = [each for each in self.ports if each is not None]
        if port is not None:
            parts.append(f"server.port == {port}")
        else:
            parts.append("server.port > 0")
            parts += [f"not server.port in {{{', '.join(map(str, shown))}}}"] if shown else []
        return " and ".join(parts)


def port_map(found: Iterable[PortCount], rows: int, columns: int) -> PortMap:
    """The map with at most so many rows and columns, those of what is summed up included."""
    by_app: dict[str, Cell] = {}
    by_port: dict[int, Cell] = {}
    counts = list(found)
    for each in counts:
        by_app.setdefault(each.app or UNKNOWN, Cell()).add(each)
        by_port.setdefault(each.port, Cell()).add(each)
    unknown = by_app.pop(UNKNOWN, None)
    apps = _chosen(by_app, rows - (unknown is not None))
    ports = sorted(_chosen(by_port, columns))
    hidden = len(ports) < len(by_port)
    shown = PortMap(
        apps=sorted(apps, key=lambda app: -by_app[app].flows),
        ports=[*ports, None] if hidden else [*ports],
        hidden_apps=tuple(sorted(set(by_app) - set(apps))),
    )
    shown.apps += [UNKNOWN] if unknown is not None else []
    shown.apps += [MORE] if shown.hidden_apps else []
    own = frozenset(shown.apps)
    of_port = dict.fromkeys(ports)
    for each in counts:
        app = each.app or UNKNOWN
        place = (app if app in own else MORE, each.port if each.port in of_port else None)
        shown.cells.setdefault(place, Cell()).add(each)
        shown.flows += each.flows
        shown.odd += each.flows if each.verdict == MISMATCH else 0
    return shown


Key = TypeVar("Key", str, int)


def _chosen(cells: dict[Key, Cell], room: int) -> list[Key]:
    """Those that have a place of their own: odd ones first, the worst before others, then the most used."""
    ordered = sorted(cells, key=lambda key: (-_badness(cells[key]), -cells[key].flows, str(key)))
    return ordered if len(ordered) <= room else ordered[: max(room - 1, 0)]


def _badness(cell: Cell) -> int:
    return cell.severity + 1 if cell.odd else 0


def compact(number: int, width: int) -> str:
    """A count in at most `width` cells: `4,871`, `12k`, `3M`."""
    text = count(number)
    if len(text) <= width:
        return text
    return f"{number // 1000}k" if number < 10**6 else f"{number // 10**6}M"
