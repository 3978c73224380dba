"""Every colour can be read on every ground it is drawn on, and terminals get what they can show."""

from itertools import product

import pytest

from tui.glyphs import ASCII, UNICODE, Glyphs, choose_glyphs
from tui.theme import DEFAULT_LOOK, INKS, PALETTES, choose_palette, colour_depth
from tui.widgets.line import cell_len

TEXT_GROUNDS = ("page", "band", "raised", "cursor")
RGB = [palette for palette in PALETTES.values() if palette.depth == "rgb"]


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", RGB, ids=lambda palette: palette.name)
def test_every_ink_has_a_contrast_of_4_5_on_every_ground_with_text(palette) -> None:
    poor = []
    for ink, ground in product(set(INKS) - {"evidence-bar", "evidence-text"}, TEXT_GROUNDS):
        style = palette.style(ink, ground)
        ratio = contrast(style.color.name, style.bgcolor.name)
        if ratio < 4.5:
            poor.append(f"{ink} on {ground}: {ratio:.2f}")
    evidence = palette.style("evidence")
    assert contrast(evidence.color.name, evidence.bgcolor.name) >= 7
    assert not poor


@pytest.mark.parametrize("palette", RGB, ids=lambda palette: palette.name)
def test_heat_and_odd_cells_can_be_read(palette) -> None:
    for ground in ("heat-1", "heat-2", "heat-3", "heat-4", "odd-critical", "odd-high", "odd-medium", "odd-low"):
        style = palette.style("strong", ground)
        assert contrast(style.color.name, style.bgcolor.name) >= 4.5, ground


@pytest.mark.parametrize("palette", RGB, ids=lambda palette: palette.name)
def test_grounds_can_be_told_apart(palette) -> None:
    assert len({palette.colours[ground] for ground in ("page", "band", "raised", "cursor", "evidence")}) == 5


def test_a_terminal_of_256_colours_gets_exact_entries_of_its_palette() -> None:
    cube, grey = {0, 95, 135, 175, 215, 255}, {8 + 10 * n for n in range(24)}
    for name in ("dark-256", "light-256"):
        for token, colour in PALETTES[name].colours.items():
            parts = [int(colour[n : n + 2], 16) for n in (1, 3, 5)]
            assert set(parts) <= cube or (len(set(parts)) == 1 and parts[0] in grey), token


@pytest.mark.parametrize(
    ("environ", "name", "palette"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "dark", "dark"),
        ({"TERM": "screen-256color"}, "dark", "dark-256"),
        ({"TERM": "screen-256color"}, "light", "light-256"),
        ({"TERM": "screen-256color"}, "contrast", "contrast"),
        ({"TERM": "screen"}, "light", "ansi"),
        ({"TERM": "linux"}, "dark", "ansi-linux"),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "dark", "plain"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "ansi", "ansi"),
    ],
)
def test_the_palette_fits_the_terminal(environ: dict[str, str], name: str, palette: str) -> None:
    assert choose_palette(environ, name).name == palette


def test_an_unknown_theme_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="themes are dark, light, contrast, ansi"):
        choose_palette({}, "solarized")


def test_without_colour_evidence_and_cursor_are_reverse_and_odd_is_bold() -> None:
    plain = PALETTES["plain"]
    assert plain.style("evidence").reverse
    assert plain.style("text", "cursor").reverse
    assert plain.style("high").bold
    assert all(plain.style(ink).color is None for ink in INKS)


def test_on_sixteen_colours_the_cursor_row_is_white_on_blue() -> None:
    for ink in ("muted", "high", "accent", "critical"):
        style = PALETTES["ansi"].style(ink, "cursor")
        assert (style.color.number, style.bgcolor.number) == (15, 4)


def test_muted_text_is_lighter_on_the_cursor_row() -> None:
    dark = PALETTES["dark"]
    assert dark.style("muted", "cursor").color.name == dark.colours["expected"]


def test_a_token_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError, match="no such colour token"):
        DEFAULT_LOOK.palette.style("teal")
    with pytest.raises(KeyError, match="no such colour token"):
        DEFAULT_LOOK.palette.style("text", "cellar")


def test_colour_depth_is_what_the_terminal_says() -> None:
    assert colour_depth({"TERM": "xterm-direct"}) == "rgb"
    assert colour_depth({}) == "16"


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_glyph_is_one_cell(glyphs: Glyphs) -> None:
    signs = [*glyphs.severity, *glyphs.verdict, *glyphs.levels]
    signs += [
        getattr(glyphs, name)
        for name in glyphs.__slots__
        if name not in ("ascii", "severity", "verdict", "levels", "gap")
    ]
    assert {cell_len(sign) for sign in signs} == {1}
    if glyphs.ascii:
        assert all(sign.isascii() for sign in signs)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_severities_and_port_verdicts_are_told_apart_without_colour(glyphs: Glyphs) -> None:
    assert len(set(glyphs.severity)) == 5
    assert len({glyphs.verdict[1], glyphs.verdict[2], glyphs.verdict[4], glyphs.verdict[5]}) == 4
    assert len({glyphs.review(word) for word in ("confirmed", "suspicious", "benign")}) == 3
    assert glyphs.review("") == ""


@pytest.mark.parametrize(
    ("environ", "ascii", "expected"),
    [({"LC_ALL": "C.UTF-8", "TERM": "xterm"}, False, UNICODE), ({"LC_ALL": "C.UTF-8", "TERM": "xterm"}, True, ASCII),
     ({"LC_ALL": "C.UTF-8", "TERM": "linux"}, False, ASCII), ({"LC_ALL": "POSIX", "TERM": "xterm"}, False, ASCII)],
)  # fmt: skip
def test_ascii_is_used_where_the_others_cannot_be_drawn(environ: dict[str, str], ascii: bool, expected: Glyphs) -> None:
    assert choose_glyphs(environ, ascii) is expected
