"""A mistake in a setting is a sentence with the nearest right word."""

from typing import ClassVar

import pytest

from oddport.detection.base import BaseDetector
from oddport.detection.settings import SettingsError, resolve


class Tuned(BaseDetector):
    name: ClassVar[str] = "port-mismatch"
    settings: ClassVar[dict[str, object]] = {
        "limit": 5,
        "share": 0.5,
        "on": True,
        "ports": [22, 23],
        "words": [],
        "word": "a",
    }
    limits: ClassVar[dict[str, tuple[float, float]]] = {"limit": (1, 100), "share": (0, 1)}


def test_defaults_are_filled_in_and_not_shared() -> None:
    first, second = (resolve([Tuned], {"port-mismatch": {"limit": 7}})["port-mismatch"] for _ in range(2))
    assert first == {"limit": 7, "share": 0.5, "on": True, "ports": [22, 23], "words": [], "word": "a"}
    assert first["ports"] is not second["ports"]
    assert Tuned.settings["ports"] == [22, 23]


def test_whole_number_stands_for_a_fraction() -> None:
    share = resolve([Tuned], {"port-mismatch": {"share": 1}})["port-mismatch"]["share"]
    assert share == 1.0
    assert isinstance(share, float)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"port-mismach": {}}, "There is no detector “port-mismach” to set. Did you mean “port-mismatch”?"),
        ({"zzz": {}}, "There is no detector “zzz” to set. There are: port-mismatch."),
        ({"port-mismatch": {"limits": 1}}, "has no setting “limits”. Did you mean “limit”?"),
        ({"port-mismatch": {"limit": "5"}}, "port-mismatch.limit is '5', but it has to be a whole number."),
        ({"port-mismatch": {"limit": True}}, "port-mismatch.limit is True, but it has to be a whole number."),
        ({"port-mismatch": {"limit": 0}}, "port-mismatch.limit is 0, but it has to be from 1 to 100."),
        ({"port-mismatch": {"share": 1.5}}, "port-mismatch.share is 1.5, but it has to be from 0 to 1."),
        ({"port-mismatch": {"on": 1}}, "port-mismatch.on is 1, but it has to be true or false."),
        (
            {"port-mismatch": {"ports": ["22"]}},
            "port-mismatch.ports holds '22', but each entry has to be a whole number.",
        ),
        ({"port-mismatch": {"words": "x"}}, "port-mismatch.words is 'x', but it has to be a list."),
    ],
)
def test_mistake_is_named_with_the_nearest_right_word(settings: dict[str, dict[str, object]], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve([Tuned], settings)
    assert sentence in str(caught.value)


def test_no_detectors_at_all_is_said() -> None:
    with pytest.raises(SettingsError, match="There are none"):
        resolve([], {"x": {}})
