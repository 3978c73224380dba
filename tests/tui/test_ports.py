"""What speaks where: which apps and ports have a place on the map, and where Enter leads from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oddport.case.counts import PortCount
from tests.tui.cases import TABS, Flow, branch_office, make_case
from tests.tui.test_dashboard import desk_of
from tui.data.ports import MORE, UNKNOWN, compact, port_map
from tui.screens.flows import FlowsScreen
from tui.screens.ports import PortsScreen
from tui.widgets.heat_map import HeatMap

if TYPE_CHECKING:
    from pathlib import Path


def many() -> list[PortCount]:
    """Forty apps on forty ports of their own, the last of which does not fit; some without a name."""
    found = [PortCount(f"app{n:02}", 1000 + n, 1, None, 500 - n, 10) for n in range(39)]
    return [*found, PortCount("app39", 1039, 5, 4, 1, 10), PortCount(None, 7, 4, None, 3, 10)]


def test_what_does_not_fit_has_a_place_however_rare_it_is() -> None:
    shown = port_map(many(), 8, 6)
    assert "app39" in shown.apps
    assert 1039 in shown.ports
    assert shown.apps[-2:] == [UNKNOWN, MORE]
    assert len(shown.apps) == 8
    assert len(shown.ports) == 6
    assert shown.ports[-1] is None
    assert shown.ports[:-1] == sorted(port for port in shown.ports if port is not None)
    assert shown.cell(*shown.worst()).odd == 1  # type: ignore[union-attr]


def test_the_cells_hold_every_flow() -> None:
    found = many()
    for rows, columns in ((8, 6), (3, 2), (50, 50)):
        shown = port_map(found, rows, columns)
        assert sum(cell.flows for cell in shown.cells.values()) == sum(each.flows for each in found)
        assert shown.odd == 1


def test_an_odd_port_without_room_colours_the_sum() -> None:
    found = [PortCount("tls", port, 5, 3, 1, 1) for port in range(1, 30)]
    shown = port_map(found, 5, 4)
    assert shown.cells[("tls", None)].odd == 26


@pytest.mark.parametrize(("number", "text"), [(7, "7"), (4_871, "4,871"), (12_345, "12k"), (3_400_000, "3M")])
def test_counts_fit_a_cell(number: int, text: str) -> None:
    assert compact(number, 5) == text


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return branch_office(tmp_path_factory.mktemp("office") / "case.oddport")


async def test_the_map_opens_on_the_worst_cell_and_enter_lists_its_flows(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("4")
        assert isinstance(desk.app.screen, PortsScreen)
        assert desk.said("top").split() == TABS
        assert desk.said("cell").startswith(("443 ≠ shell", "53 ≠ ssh"))
        assert "expected http" in desk.said("cell")
        before = desk.app.screen.query_one(HeatMap).cursor
        await desk.press("enter")
        assert isinstance(desk.app.screen, FlowsScreen)
        assert desk.app.screen.filter_text in (
            "app == shell and server.port == 443",
            "app == ssh and server.port == 53",
        )
        assert len(desk.table.rows) == 1
        await desk.press("q")
        assert isinstance(desk.app.screen, PortsScreen)
        assert desk.app.screen.query_one(HeatMap).cursor == before


async def test_every_cell_lists_as_many_flows_as_it_says(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("4")
        heat = desk.app.screen.query_one(HeatMap)
        store = desk.app.store
        from oddport.case.filter import compile_filter

        for row in range(len(heat.map.apps)):
            for column in range(len(heat.map.ports)):
                cell = heat.map.cell(row, column)
                where = compile_filter(heat.map.filter(row, column), "flows")
                sql = f"SELECT count(*) FROM flow WHERE {where.sql}"
                (left,) = store.connection.execute(sql, where.params).fetchone()
                assert left == (cell.flows if cell else 0)


async def test_n_goes_through_what_does_not_fit(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("4", "g")
        seen = set()
        for _ in range(12):
            await desk.press("n")
            assert "≠" in desk.said("cell")
            seen.add(desk.said("cell"))
        assert len(seen) > 5
        await desk.press("N", "h", "j", "k", "l", "left", "up")


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 50)])
async def test_values_are_listed_by_field_and_lead_to_their_flows(office: Path, size: tuple[int, int]) -> None:
    async with desk_of(office, size=size) as desk:
        await desk.press("4", "tab")
        assert "the worst first" in desk.said("cell")
        host = desk.table.current.value
        assert host in desk.listed()[0]
        await desk.press("p", "p", "p")
        assert desk.table.spec.columns[0].forms[0].head == "Ports"
        value = desk.table.current.value
        await desk.press("j", "k", "enter")
        assert isinstance(desk.app.screen, FlowsScreen)
        assert desk.app.screen.filter_text == f"server.port == {value}"
        await desk.press("escape", "4", "P")
        assert desk.table.spec.columns[0].forms[0].head == "Responders"


async def test_facts_come_behind_the_fields_of_every_flow(office: Path) -> None:
    async with desk_of(office) as desk:
        await desk.press("4", "P", "P")
        assert desk.table.spec.columns[0].forms[0].head in ("sni", "qname")
        await desk.press("enter")
        assert isinstance(desk.app.screen, FlowsScreen)
        assert desk.app.screen.filter_text.startswith("fact.")
        assert len(desk.table.rows) >= 1


async def test_flows_without_ports_say_so(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow(proto=1, sport=0, dport=0, app=None, verdict=0, payload=0)])
    async with desk_of(case) as desk:
        await desk.press("4")
        assert "No flow has payload and a known server port." in desk.said("nothing")
        assert "10.20.3.14" in "".join(desk.listed())
        await desk.press("enter")
        assert isinstance(desk.app.screen, FlowsScreen)
        assert len(desk.table.rows) == 1
