"""Pictures of a screen stand alone."""

from tui.data.picture import alone

SVG = """<svg class="rich-terminal" viewBox="0 0 9 9" xmlns="http://www.w3.org/2000/svg">
    <style>
    @font-face {
        font-family: "Fira Code";
        src: local("FiraCode-Regular"), url("https://fonts.example/FiraCode.woff2") format("woff2");
    }
    .matrix { font-family: Fira Code, monospace; }
    </style>
    <text x="0">  two spaces</text>
</svg>
"""


def test_a_picture_fetches_nothing_and_keeps_its_spaces() -> None:
    picture = alone(SVG)
    assert "https://" not in picture
    assert "font-family: monospace" in picture
    assert picture.startswith('<svg xml:space="preserve" class="rich-terminal"')
    assert '<text x="0">  two spaces</text>' in picture
