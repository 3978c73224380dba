"""Bytes on the screen: where they stand, what is marked, how the cursor moves."""

import asyncio

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.containers import Horizontal

from tui.data.dissection.model import Node
from tui.theme import PALETTES
from tui.widgets.hex_view import HexView, Range
from tui.widgets.layer_tree import LayerTree

DARK = PALETTES["dark"]
DATA = bytes(range(256)) * 3


class Bench(App[None]):
    CSS = "HexView { width: 100%; }"

    def __init__(self, data: bytes = DATA, **marks: object) -> None:
        super().__init__()
        self.view = HexView(data)
        self.marks = marks
        self.moved: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()
        if self.marks:
            self.view.show(self.view.data, **self.marks)  # type: ignore[arg-type]

    def on_hex_view_cursor_moved(self, event: HexView.CursorMoved) -> None:
        self.moved.append(event.offset)


def row(view: HexView, y: int) -> str:
    return view.render_line(y).text


def cells(view: HexView, y: int) -> list[tuple[str, object]]:
    """(character, style) of every cell of a row."""
    return [(char, segment.style) for segment in view.render_line(y) for char in segment.text]


@pytest.mark.parametrize("width", [80, 73])
async def test_a_row_is_offset_two_times_eight_bytes_and_text(width):
    app = Bench(b"GET /\x00\x1b[31m\x7f\xff ABCDE")
    async with app.run_test(size=(width, 24)):
        expected = " 0000  47 45 54 20 2f 00 1b 5b  33 31 6d 7f ff 20 41 42  GET /··[31m·· AB"
        assert row(app.view, 0)[1:] == expected.ljust(width)[1:]
        assert row(app.view, 1) == " 0010  43 44 45".ljust(57) + "CDE".ljust(width - 57)
        assert row(app.view, 2) == " " * width


async def test_narrow_views_show_fewer_bytes_a_row_and_cut_no_byte_in_two():
    for width, count in ((60, 16), (55, 16), (54, 8), (40, 8), (30, 8), (20, 4)):
        app = Bench()
        async with app.run_test(size=(width, 24)):
            assert app.view.per_row == count
            assert len(row(app.view, 0)) == width
            assert f"{count - 1:02x}" in row(app.view, 0)


async def test_large_data_has_long_offsets():
    app = Bench(bytes(0x10001))
    async with app.run_test(size=(80, 24)):
        assert row(app.view, 0)[1:9] == "00000000"


async def test_evidence_is_filled_with_the_spaces_between_its_bytes_and_nothing_else():
    app = Bench(evidence=(Range(6, 10),))
    async with app.run_test(size=(80, 24)):
        fill = DARK.style("evidence").bgcolor
        filled = [at for at, (_, style) in enumerate(cells(app.view, 0)) if style.bgcolor == fill]
        # byte 6 stands in cells 25 and 26, byte 8 behind a gap of two; text column starts at 57
        assert filled == [*range(25, 37), *range(63, 67)]


async def test_evidence_wins_over_the_field_and_is_underlined_there():
    app = Bench(evidence=(Range(0, 2),))
    async with app.run_test(size=(80, 24)):
        app.view.mark(Range(0, 4), follow=False)
        byte_0, byte_3 = cells(app.view, 0)[7][1], cells(app.view, 0)[16][1]
        assert byte_0.bgcolor == DARK.style("evidence").bgcolor
        assert byte_0.underline
        assert byte_3.bgcolor == DARK.style("text", "cursor").bgcolor


async def test_zero_bytes_are_muted_and_facts_have_the_accent():
    app = Bench(b"\0A\0BC", facts=(Range(3, 5),), cursor=1)
    async with app.run_test(size=(80, 24)):
        found = cells(app.view, 0)
        assert found[7][1].color == DARK.style("muted").color
        assert found[16][1].color == DARK.style("accent").color
        assert found[60][1].color == DARK.style("accent").color


async def test_keys_move_by_byte_row_page_and_to_the_ends():
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        steps = [
            ("l", 1), ("right", 2), ("j", 18), ("down", 34), ("h", 33), ("k", 17), ("up", 1), ("up", 1), ("left", 0),
            ("left", 0), ("pagedown", 384), ("ctrl+u", 192), ("G", 767), ("j", 767), ("l", 767), ("g", 0),
        ]  # fmt: skip
        for key, offset in steps:
            await pilot.press(key)
            assert app.view.cursor == offset, key
        assert app.moved == [1, 2, 18, 34, 33, 17, 1, 0, 384, 192, 767, 0]


async def test_down_from_the_row_before_a_short_one_goes_to_its_end():
    app = Bench(bytes(20), cursor=10)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j")
        assert app.view.cursor == 19


async def test_the_program_moves_the_cursor_without_a_message():
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        app.view.go_to(500)
        app.view.mark(Range(600, 610))
        await pilot.pause()
        assert (app.view.cursor, app.moved) == (600, [])
        assert app.view.top <= 600 // 16 < app.view.top + 24


async def test_a_step_repaints_two_rows():
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        asked: list[tuple[int, int]] = []
        refresh = app.view.refresh

        def spy(*regions, **more):
            asked.extend((region.y, region.height) for region in regions)
            return refresh(*regions, **more)

        app.view.refresh = spy  # type: ignore[method-assign]
        await pilot.press("j")
        assert sorted(asked) == [(0, 1), (1, 1)]


async def test_a_click_puts_the_cursor_on_the_byte_in_either_column():
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click(HexView, offset=(32, 2))
        assert app.view.cursor == 40
        await pilot.click(HexView, offset=(58, 3))
        assert app.view.cursor == 49
        await pilot.click(HexView, offset=(79, 3))
        assert app.view.cursor == 49


async def test_ten_megabytes_open_and_move_at_once():
    app = Bench(bytes(range(256)) * 40_000)
    async with app.run_test(size=(80, 24)) as pilot:
        await asyncio.wait_for(pilot.press("G"), 2)
        assert app.view.cursor == 10_239_999
        assert row(app.view, 23)[1:9] == "009c3ff0"
        assert "ff" in row(app.view, 23)


async def test_no_bytes_are_no_rows():
    app = Bench(b"")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "l", "G", "pagedown")
        assert (app.view.cursor, app.moved) == (0, [])
        assert row(app.view, 0) == " " * 80


async def test_revealing_before_the_first_layout_is_kept():
    app = Bench(cursor=700)
    async with app.run_test(size=(80, 24)):
        assert app.view.top <= 700 // 16 < app.view.top + 24


async def test_a_row_can_be_asked_for():
    app = Bench()
    async with app.run_test(size=(80, 10)):
        app.view.reveal(320, 1)
        assert app.view.top == 19


async def test_the_wheel_scrolls_without_moving_the_cursor():
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot._post_mouse_events([events.MouseScrollDown], HexView)
        assert (app.view.top, app.view.cursor) == (3, 0)
        await pilot._post_mouse_events([events.MouseScrollUp], HexView)
        assert app.view.top == 0


TREE = (
    Node("Frame 7", "30 bytes", 0, 0, "layer", (Node("time", "10:00", 0, 0),)),
    Node("Ethernet", "a → b", 0, 14, "layer",
         (Node("destination", "a", 0, 6), Node("source", "b", 6, 6), Node("type", "IPv4", 12, 2))),
    Node("DNS", "query", 14, 16, "layer",
         (Node("flags", "", 14, 2), Node("question", "x", 16, 10, "field", (Node("name", "x\x1b[31m", 16, 4),)))),
)  # fmt: skip


class Wood(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.wood = LayerTree()
        self.moved: list[str] = []

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield self.wood

    def on_mount(self) -> None:
        self.wood.show(TREE, is_fact=lambda node: node.name == "name", is_evidence=lambda node: node.name == "flags")
        self.wood.focus()

    def on_layer_tree_node_moved(self, event: LayerTree.NodeMoved) -> None:
        self.moved.append(event.node.name)


def names(tree: LayerTree) -> list[str]:
    return [entry.node.name for entry in tree.rows]


async def test_layers_are_folded_at_first_and_open_one_by_one():
    app = Wood()
    async with app.run_test(size=(80, 24)) as pilot:
        assert names(app.wood) == ["Frame 7", "Ethernet", "DNS"]
        await pilot.press("j", "l")
        assert names(app.wood) == ["Frame 7", "Ethernet", "destination", "source", "type", "DNS"]
        await pilot.press("right")
        assert app.wood.node is TREE[1].children[0]
        await pilot.press("l")  # a field without fields of its own: nothing to open
        assert app.wood.node is TREE[1].children[0]
        await pilot.press("h")
        assert app.wood.node is TREE[1]
        await pilot.press("left")
        assert names(app.wood) == ["Frame 7", "Ethernet", "DNS"]
        await pilot.press("h")  # an outermost folded layer: nowhere to go
        assert app.wood.node is TREE[1]
        assert app.moved == ["Ethernet", "destination", "Ethernet"]


async def test_enter_turns_a_node_open_and_closed():
    app = Wood()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("G", "enter")
        assert names(app.wood)[-2:] == ["flags", "question"]
        await pilot.press("space")
        assert names(app.wood)[-1] == "DNS"


async def test_a_row_is_name_value_and_place_at_the_right_edge():
    app = Wood()
    async with app.run_test(size=(80, 24)):
        app.wood.reveal(17, skip=1)
        texts = [app.wood.render_line(y).text for y in range(7)]
        assert texts[1] == " ▸ Ethernet                   a → b".ljust(71) + "0000 +14 "
        assert texts[2] == " ▾ DNS                        query".ljust(71) + "000e +16 "
        assert texts[4] == "   ▾ question                 x".ljust(71) + "0010 +10 "
        assert texts[5].startswith("▌      name                   x·[31m")
        assert texts[3].startswith("▌    flags")
        assert texts[0].rstrip() == " ▸ Frame 7                    30 bytes"


async def test_a_byte_opens_the_field_that_holds_it_without_a_message():
    app = Wood()
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.wood.reveal(18, skip=1) is TREE[2].children[1].children[0]
        assert app.wood.node is TREE[2].children[1].children[0]
        assert app.wood.reveal(13, skip=1) is TREE[1].children[2]
        assert app.wood.reveal(30, skip=1) is None
        await pilot.pause()
        assert app.moved == []


async def test_folding_puts_the_cursor_on_what_is_left():
    app = Wood()
    async with app.run_test(size=(80, 24)) as pilot:
        app.wood.reveal(17, skip=1)
        await pilot.click(LayerTree, offset=(3, 2))
        await pilot.click(LayerTree, offset=(3, 2))
        assert names(app.wood)[-1] == "DNS"
        app.wood.unfold(TREE[1])
        assert "destination" in names(app.wood)


async def test_narrow_trees_give_the_name_all_the_room_there_is():
    for width in (10, 20, 40):
        app = Wood()
        async with app.run_test(size=(width, 24)):
            assert len(app.wood.render_line(1).text) == width


async def test_an_empty_tree_takes_keys():
    app = Wood()
    async with app.run_test(size=(80, 24)) as pilot:
        app.wood.show(())
        await pilot.press("j", "l", "h", "enter", "G", "g", "pagedown", "ctrl+d")
        assert app.wood.node is None
        assert app.wood.render_line(0).text.strip() == ""
