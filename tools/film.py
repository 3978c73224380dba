"""Pictures of a terminal, each with what was pressed → one SVG that shows them one after the other, for ever."""

import re
from collections.abc import Sequence
from html import escape

SECONDS = 2.4
"""For which a picture stays."""
CAPTION = 44
"""Height of the row under the pictures that says what was pressed."""
_BOX = re.compile(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"')


def film(shots: Sequence[tuple[str, str, str]]) -> str:
    """`shots`: (key, what it does, picture as SVG with class names of its own), all of one size.

    Each is seen for its share of the round (CSS Animations 1, section 3: keyframes that step); where nothing moves, as
    in a reader of still pictures, the first is seen.
    """
    found = _BOX.search(shots[0][2])
    if found is None:
        raise ValueError("the first picture says no size")
    width, height = (float(number) for number in found.groups())
    whole = len(shots) * SECONDS
    share = 100 / len(shots)
    style = [
        ".shot { visibility: hidden; }",
        ".shot:first-of-type { visibility: visible; }",
        ".said { font: 20px monospace; fill: #d3dae2; }",
        ".key { font-weight: bold; fill: #f2c94c; }",
    ]
    groups = []
    for number, (key, said, picture) in enumerate(shots):
        begins, ends = number * share, (number + 1) * share
        before = "" if number == 0 else "0% { visibility: hidden; } "
        style.append(
            f"@keyframes k{number} {{ {before}{begins:.3f}% {{ visibility: visible; }} "
            f"{ends:.3f}%{', 100%' if ends < 100 else ''} {{ visibility: hidden; }} }}\n"
            f".s{number} {{ animation: k{number} {whole:.1f}s step-end infinite; }}"
        )
        pressed = f'<tspan class="key">{escape(key)}</tspan>  ' if key else ""
        groups.append(
            f'<g class="shot s{number}">\n{picture}'
            f'<text class="said" x="12" y="{height + CAPTION * 0.65:.0f}">{pressed}{escape(said)}</text>\n</g>'
        )
    rules = "\n".join(style)
    return (
        f'<svg xml:space="preserve" viewBox="0 0 {width:g} {height + CAPTION:g}" xmlns="http://www.w3.org/2000/svg">\n'
        f"<style>\n{rules}\n</style>\n"
        f'<rect width="{width:g}" height="{height + CAPTION:g}" rx="8" fill="#141a21"/>\n'
        + "\n".join(groups)
        + "\n</svg>\n"
    )


def as_part(picture: str) -> str:
    """A whole picture, its size in figures, so that it can stand in another one."""
    return _BOX.sub(r'width="\1" height="\2" \g<0>', picture, count=1)
