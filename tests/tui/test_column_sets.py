"""Columns that a person chose are shown in their order, sorted as wanted, and are there the next time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.cases import Flow, branch_office, make_case
from tests.tui.test_dashboard import ENVIRON, Desk, desk_of
from tui.data.column_sets import ColumnSet, load_sets, save_sets, shaped
from tui.data.flows import SPEC
from tui.dialogs.columns import ColumnsDialog, Offers
from tui.screens.columned import fact_cell

if TYPE_CHECKING:
    from pathlib import Path

WIDE = (200, 50)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return branch_office(tmp_path / "c.oddport", 40)


async def go_to(desk: Desk, name: str) -> Offers:
    """Put the cursor of the dialog on a column."""
    offers = desk.app.screen.query_one(Offers)
    while offers.order[offers.at] != name:
        await desk.press("j")
    return offers


async def test_a_column_is_hidden_and_is_still_hidden_the_next_time(case: Path) -> None:
    async with desk_of(case, size=WIDE) as desk:
        await desk.press("2")
        assert "lasted" in desk.table.columns_shown()
        await desk.press("C")
        await go_to(desk, "lasted")
        await desk.press("space", "enter")
        assert "lasted" not in desk.table.columns_shown()
    async with desk_of(case, size=WIDE) as desk:
        await desk.press("2")
        assert "lasted" not in desk.table.columns_shown()
        await desk.press("C", "r", "enter")
        assert "lasted" in desk.table.columns_shown()


async def test_a_fact_becomes_a_column_and_the_list_is_sorted_by_it(case: Path) -> None:
    async with desk_of(case, size=WIDE) as desk:
        await desk.press("2", "C")
        offers = await go_to(desk, "fact.sni")
        await desk.press("space", "s", "s", "enter")
        assert "fact.sni" in desk.table.columns_shown()
        names = [desk.table.rows.row(index).facts for index in range(len(desk.table.rows))]
        shown = [text.split('"')[3] for text in names if text and "sni" in text]
        assert shown == sorted(shown, reverse=True)
        assert all(text and "sni" in text for text in names[: len(shown)])  # those without stand last
        await desk.press("g")
        assert shown[0] in desk.listed()[0]
        assert offers.answer.sort == "fact.sni"


async def test_columns_change_places_and_esc_changes_nothing(case: Path) -> None:
    async with desk_of(case, size=WIDE) as desk:
        await desk.press("C")
        await go_to(desk, "to")
        await desk.press("K", "enter")
        shown = desk.table.columns_shown()
        assert shown.index("to") == shown.index("from") - 1
        await desk.press("C", "space", "escape")
        assert desk.table.columns_shown() == shown


async def test_the_last_column_cannot_be_hidden(case: Path) -> None:
    async with desk_of(case, size=WIDE) as desk:
        await desk.press("C")
        offers = desk.app.screen.query_one(Offers)
        for _ in range(len(offers.order)):
            if offers.order[offers.at] in offers.shown:
                await desk.press("space")
            await desk.press("j")
        assert len(offers.shown) == 1


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_the_dialog_scrolls_where_there_are_more_columns_than_rows(case: Path, size: tuple[int, int]) -> None:
    async with desk_of(case, size=size) as desk:
        await desk.press("2", "C", "k")
        assert isinstance(desk.app.screen, ColumnsDialog)
        offers = desk.app.screen.query_one(Offers)
        assert offers.at == len(offers.order) - 1
        assert offers.size.height <= size[1] - 4
        assert "▌" in offers.render_line(offers.size.height - 1).text


async def test_times_are_kept_and_hold_for_the_list_they_were_chosen_in(case: Path) -> None:
    async with desk_of(case, size=WIDE) as desk:
        await desk.press("2")
        assert desk.listed()[0].startswith("▌09:52:17.184")
        await desk.press("t")
        assert [row.replace("▌", " ").split()[0] for row in desk.listed()[:3]] == ["0.000", "60.000", "120.000"]
        await desk.press("t")
        assert [row.replace("▌", " ").split()[0] for row in desk.listed()[:3]] == ["0.000", "60.000", "60.000"]
    async with desk_of(case, size=WIDE) as desk:
        await desk.press("2")
        assert desk.listed()[1].split()[0] == "60.000"
        await desk.press("1")
        assert "09:52:17" in "".join(desk.listed())


async def test_packets_have_chosen_columns_and_facts_of_their_flow_too(tmp_path: Path) -> None:
    case = make_case(tmp_path / "c.oddport", [Flow(facts={"sni": "cdn-sync.example"})])
    async with desk_of(case, size=WIDE) as desk:
        await desk.press("3", "C")
        await go_to(desk, "fact.sni")
        await desk.press("space", "enter")
        assert "cdn-sync.example" in desk.listed()[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[flows\n", "is no TOML"),
        ("flows = 3\n", "is not understood"),
        ('[flows]\ncolumns = ["to\'); DROP"]\n', "is not understood"),
        ('[flows]\ncolumns = "to"\n', "is not understood"),
        ('[flows]\ntime = "soon"\n', "is not understood"), ("[flows]\ndescending = 1\n", "is not understood"),
    ],
)  # fmt: skip
async def test_a_wrong_file_is_said_and_neither_holds_nor_is_written_over(
    case: Path, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    environ = {**ENVIRON, "ODDPORT_COLUMNS": str(file)}
    found, problem = load_sets(environ)
    assert (found, said in problem) == ({}, True)
    async with desk_of(case, environ=environ) as desk:
        assert "mine.toml" in desk.said("notices")
        await desk.press("t")
        assert desk.said("context").startswith("The columns hold until you quit")
    assert file.read_text() == text


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    environ = {"ODDPORT_COLUMNS": str(tmp_path / "new" / "columns.toml")}
    sets = {"flows": ColumnSet(("to", "fact.sni"), "bytes", True, "before"), "findings": ColumnSet()}
    assert save_sets(environ, sets) == ""
    assert load_sets(environ) == (sets, "")
    (tmp_path / "file").write_text("")
    assert "could not be written" in save_sets({"ODDPORT_COLUMNS": str(tmp_path / "file" / "c.toml")}, sets)


def test_columns_that_there_are_not_are_left_out(tmp_path: Path) -> None:
    spec = shaped(SPEC, ("gone", "to", "fact.sni"), fact_cell)
    assert [column.name for column in spec.columns] == ["to", "fact.sni"]
    assert shaped(SPEC, ("gone",), fact_cell) is SPEC
