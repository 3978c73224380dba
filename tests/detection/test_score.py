"""Parts make the score in the order they stand in; bounds make the severity."""

import math

import pytest

from oddport.detection.model import Severity
from oddport.detection.score import add, base, severity, times, total


def test_tls_on_8088_of_the_catalogue_scores_65() -> None:
    parts = (base(35, "odd port"), times(1, "tier A"), add(15, "outside"), add(15, "rare"))
    assert total(parts) == 65


def test_factor_multiplies_what_stands_before_it_only() -> None:
    assert total((base(50, ""), times(0.8, ""), add(15, ""))) == 55
    assert total((base(50, ""), add(15, ""), times(0.8, ""))) == 52


def test_half_a_point_rounds_up() -> None:
    assert total((base(35, ""), times(0.5, ""))) == 18


def test_score_stays_between_0_and_100_and_is_capped_at_the_end_only() -> None:
    assert total((base(90, ""), add(40, ""), add(-20, ""))) == 100
    assert total((base(90, ""), add(40, ""), add(-35, ""))) == 95
    assert total((base(10, ""), add(-20, ""))) == 0
    assert total((base(1e300, ""), times(1e300, ""))) == 100


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_part_that_is_no_number_is_refused_by_its_reason(value: float) -> None:
    with pytest.raises(ValueError, match="the reason"):
        total((base(value, "the reason"),))


@pytest.mark.parametrize(
    ("score", "word"),
    [
        (0, Severity.INFO), (24, Severity.INFO), (25, Severity.LOW), (44, Severity.LOW),
        (45, Severity.MEDIUM), (64, Severity.MEDIUM), (65, Severity.HIGH), (84, Severity.HIGH),
        (85, Severity.CRITICAL), (100, Severity.CRITICAL),
    ],
)  # fmt: skip
def test_severity_bounds_are_25_45_65_85(score: int, word: Severity) -> None:
    assert severity(score) is word
