"""A film of a terminal: one picture after the other, each with what was pressed."""

import re
from html import escape
from xml.etree import ElementTree

import pytest

from tools.film import as_part, film

SHOT = '<svg class="rich-terminal" viewBox="0 0 90 40" xmlns="http://www.w3.org/2000/svg"><text>{}</text></svg>'
SVG = "{http://www.w3.org/2000/svg}"


def test_pictures_follow_one_another_without_a_gap_and_say_the_key() -> None:
    shots = [
        (key, said, as_part(SHOT.format(escape(said))))
        for key, said in (("", "begin"), ("<", "a & b"), ("esc", "back"))
    ]
    made = film(shots)
    root = ElementTree.fromstring(made)
    groups = root.findall(f"{SVG}g")
    assert [" ".join(group.itertext()).split() for group in groups] == [
        ["begin", "begin"], ["a", "&", "b", "<", "a", "&", "b"], ["back", "esc", "back"],
    ]  # fmt: skip
    assert [group.find(f"{SVG}svg").attrib["height"] for group in groups] == ["40"] * 3  # type: ignore[union-attr]
    shown = re.findall(r"([0-9.]+)% \{ visibility: visible; \} ([0-9.]+)%", made)
    assert [begins for begins, _ in shown] == ["0.000", *(ends for _, ends in shown[:-1])]
    assert shown[-1][1] == "100.000"


def test_a_picture_without_a_size_is_refused() -> None:
    with pytest.raises(ValueError, match="no size"):
        film([("", "", "<svg></svg>")])
