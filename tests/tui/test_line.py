"""A line fills exactly its width, keeps its right part, and never lets anything of the wire through."""

from hypothesis import given
from hypothesis import strategies as st

from tui.glyphs import ASCII
from tui.theme import DEFAULT_LOOK, PALETTES, Look
from tui.widgets.line import Line, Span, cell_len, cut, cut_middle, fit, line, paint, width_of, wrap


def painted(row: Line, width: int, look: Look = DEFAULT_LOOK) -> str:
    return paint(row, width, look).text


def test_the_right_part_is_kept_and_the_left_one_is_cut() -> None:
    assert painted(line("branch-office.pcapng", right=["4 of 20"]), 24) == " branch-offic…  4 of 20 "


def test_where_there_is_no_room_for_both_the_left_part_stays() -> None:
    assert painted(line("TLS on 8088", right=["203.0.113.80"]), 16) == " TLS on 8088    "


def test_padding_at_the_end_is_no_reason_for_an_ellipsis() -> None:
    assert "…" not in painted(Line((Span("abc   "), Span("      ")), indent=0), 4)


def test_markup_is_text_and_control_characters_are_dots() -> None:
    assert painted(line("[red]x[/] \x1b[2J\u202eabc"), 24) == " [red]x[/] ·[2J·abc     "


def test_in_ascii_no_other_character_is_painted() -> None:
    look = Look(PALETTES["plain"], ASCII)
    text = painted(line("café → 例え", right=["≠"]), 30, look)
    assert text.isascii()
    assert cell_len(text) == 30


@given(st.lists(st.text(st.characters(codec=None), max_size=20), max_size=4), st.text(max_size=12), st.integers(0, 60))
def test_any_texts_fill_exactly_the_width(texts: list[str], right: str, width: int) -> None:
    strip = paint(Line(tuple(Span(text) for text in texts), (Span(right),) if right else ()), width, DEFAULT_LOOK)
    assert strip.text.isprintable() or not strip.text
    assert cell_len(strip.text) == max(width, 0)


def test_texts_are_cut_by_cells_not_by_characters() -> None:
    assert cell_len(cut("例え例え例え", 5)) <= 5
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"
    assert cut("abcd", 0) == ""
    assert fit("例", 4, right=True) == "  例"


def test_an_address_that_must_be_cut_keeps_both_ends() -> None:
    assert cut_middle("2a00:d40:1:3:7aac:c0ff:fea7:d4c", 15) == "2a00:d4…ea7:d4c"
    assert cut_middle("10.0.0.1", 15) == "10.0.0.1"


def test_words_are_wrapped_at_spaces_and_long_ones_broken() -> None:
    assert wrap("the traffic itself is the technique", 12) == ["the traffic", "itself is", "the", "technique"]
    assert wrap("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert wrap("", 10) == [""]


def test_widths_count_what_is_painted() -> None:
    assert width_of((Span("a\x1bb"), Span("例"))) == 5
