"""The cursor belongs to a row, keys move it, and only what changed is painted."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App, ComposeResult

from tui.widgets.columns import Column, Form, TableSpec
from tui.widgets.table import VirtualTable

SPEC = TableSpec(
    columns=(
        Column("number", (Form(lambda row, _: ((str(row), "muted"),), 8, "Number"),), right=True),
        Column("word", (Form(lambda row, _: ((f"row {row}", "text"),), 12, "Word"),)),
    ),
    steps=("number",),
    slack=("word",),
    sorts=("number", "word"),
    descending_first=frozenset({"number"}),
)


class Numbers:
    """Rows are numbers; a row is known by its number plus one."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers
        self.widths: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def row(self, index: int) -> Any:
        return self.numbers[index]

    def key(self, index: int) -> int:
        return self.numbers[index] + 1

    def find(self, key: int) -> int | None:
        return self.numbers.index(key - 1) if key - 1 in self.numbers else None


class Alone(App[None]):
    """The table by itself."""

    def __init__(self, numbers: list[int]) -> None:
        super().__init__()
        self.rows = Numbers(numbers)
        self.told: list[object] = []

    def compose(self) -> ComposeResult:
        yield VirtualTable(SPEC, self.rows, id="main")

    @property
    def table(self) -> VirtualTable:
        return self.query_one(VirtualTable)

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        self.told.append(("opened", event.row))

    def on_virtual_table_sorted(self, event: VirtualTable.Sorted) -> None:
        self.told.append(("sorted", event.column, event.descending))
        self.table.sort = (event.column, event.descending)


def lines(table: VirtualTable) -> list[str]:
    return [table.render_line(y).text for y in range(table.size.height)]


async def test_keys_move_by_row_page_and_to_both_ends() -> None:
    app = Alone(list(range(1_000_000)))
    async with app.run_test(size=(40, 21)) as pilot:
        table = app.table
        await pilot.press("j", "j", "down", "k")
        assert table.cursor == 2
        await pilot.press("G")
        assert (table.cursor, table.top) == (999_999, 999_980)
        await pilot.press("g")
        assert (table.cursor, table.top) == (0, 0)
        await pilot.press("ctrl+d")
        assert table.cursor == 10
        await pilot.press("pagedown", "pageup", "ctrl+u", "k")
        assert table.cursor == 0
        assert table.touched


async def test_enter_opens_the_row_under_the_cursor() -> None:
    app = Alone([5, 6, 7])
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("j", "enter")
        await pilot.pause()
        assert app.told == [("opened", 6)]


async def test_the_cursor_stays_on_its_row_when_the_order_changes() -> None:
    app = Alone(list(range(100)))
    async with app.run_test(size=(40, 11)) as pilot:
        await pilot.press("j", "j", "j")
        app.rows.numbers = list(reversed(range(100)))
        app.table.rows_changed()
        assert app.table.current == 3
        assert app.table.top <= app.table.cursor < app.table.top + app.table.page
        assert any("▌" in row and "row 3 " in row for row in lines(app.table))


async def test_a_row_that_is_gone_leaves_the_cursor_in_place() -> None:
    app = Alone(list(range(10)))
    async with app.run_test(size=(40, 21)) as pilot:
        await pilot.press("j", "j")
        app.rows.numbers = [0, 1]
        app.table.rows_changed()
        assert app.table.current == 1
        app.rows.numbers = []
        app.table.rows_changed()
        assert app.table.current is None
        await pilot.press("j", "enter", "G", "ctrl+d")
        assert app.told == []


async def test_rows_that_join_at_the_end_move_nothing() -> None:
    app = Alone(list(range(10)))
    async with app.run_test(size=(40, 11)) as pilot:
        await pilot.press("j", "j")
        before = lines(app.table)[:10]
        app.rows.numbers += [10, 11]
        app.table.rows_joined()
        after = lines(app.table)[:10]
        assert [row[:-1] for row in before] == [row[:-1] for row in after]


async def test_sort_keys_go_through_the_columns_that_are_shown_and_reverse() -> None:
    class Sorted(VirtualTable):
        BINDINGS = VirtualTable.SORT_BINDINGS

    class Sorting(Alone):
        def compose(self) -> ComposeResult:
            yield Sorted(SPEC, self.rows, id="main")

    app = Sorting([1, 2])
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("s")
        await pilot.pause()
        await pilot.press("s")
        await pilot.pause()
        await pilot.press("S")
        await pilot.pause()
        assert app.told == [("sorted", "number", True), ("sorted", "word", False), ("sorted", "word", True)]
        assert "Word ▾" in lines(app.table)[0]


async def test_the_mouse_chooses_opens_sorts_and_scrolls() -> None:
    app = Alone(list(range(50)))
    async with app.run_test(size=(40, 11)) as pilot:
        await pilot.click("#main", offset=(5, 3))
        assert app.table.cursor == 2
        await pilot.click("#main", offset=(5, 3), times=2)
        await pilot.click("#main", offset=(12, 0))
        await pilot.pause()
        assert ("opened", 2) in app.told
        assert ("sorted", "word", False) in app.told
        app.table.action_move(3)
        assert app.table.cursor == 5


async def test_the_scroll_bar_shows_where_one_is_and_only_if_there_is_more() -> None:
    app = Alone(list(range(100)))
    async with app.run_test(size=(40, 11)) as pilot:
        assert [row[-1] for row in lines(app.table)] == [" ", "┃", *"│" * 9]
        await pilot.press("G")
        assert [row[-1] for row in lines(app.table)] == [" ", *"│" * 9, "┃"]
        app.rows.numbers = [1]
        app.table.rows_changed()
        assert {row[-1] for row in lines(app.table)} == {" "}


async def test_evidence_rows_have_their_bar_also_under_the_cursor() -> None:
    app = Alone([1, 2, 3])
    async with app.run_test(size=(40, 5)):
        app.table.bars = frozenset({2, 3})
        style = app.table.render_line(1)._segments[0].style
        assert style.color.name == "#ffd75f"
        assert app.table.render_line(2).text.startswith("▌")
        assert app.table.render_line(3).text.startswith(" ")


@pytest.mark.parametrize("width", [1, 2, 5, 10, 39])
async def test_a_table_of_any_width_is_painted_whole(width: int) -> None:
    app = Alone(list(range(30)))
    async with app.run_test(size=(width, 4)):
        assert {len(row) for row in lines(app.table)} == {width}


async def test_going_to_a_key_that_is_not_there_says_so() -> None:
    app = Alone([1, 2, 3])
    async with app.run_test(size=(40, 5)):
        assert app.table.go_to(4)
        assert app.table.current == 3
        assert not app.table.go_to(99)
        assert app.table.columns_shown() == ("number", "word")
        assert app.table.width_of("number") == 8
        assert app.table.width_of("nothing") == 0


MEASURED = TableSpec(
    columns=(
        Column("number", (Form(lambda row, _: ((str(row), "muted"),), 8, "Number"),)),
        Column("word", (Form(lambda row, _: (("x" * (50 if row == 40 else 5), "text"),), 4, "Word", "word"),)),
    ),
    steps=("number",),
    slack=("word",),
)


async def test_a_long_value_far_below_costs_no_column_until_it_is_in_sight() -> None:
    app = Alone(list(range(60)))
    async with app.run_test(size=(40, 11)) as pilot:
        app.table.spec = MEASURED
        app.rows.widths = {"word": 50}
        app.table.refresh()
        await pilot.pause()
        assert app.table.columns_shown() == ("number", "word")
        app.table.move_to_index(40)
        await pilot.pause()
        assert app.table.columns_shown() == ("word",)
        app.table.move_to_index(0)  # what has grown stays
        await pilot.pause()
        assert app.table.columns_shown() == ("word",)
