"""The sweep that compares the score of beacons with RITA's: its figures, its picture and its table."""

from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.beacon import HEADING, LEAST, area, beacon, curve, draw, picture, rita, table

SCORES = {"rita+": [0.9, 0.4], "rita-": [0.5, 0.3], "ours+": [0.9, 0.8], "ours-": [0.1, 0.2]}


def test_area_is_the_share_of_pairs_in_the_right_order_and_a_draw_counts_half() -> None:
    assert area([0.9, 0.4], [0.5, 0.3]) == 3 / 4
    assert (area([1.0], [1.0]), area([2.0], [1.0]), area([0.0], [1.0])) == (0.5, 1.0, 0.0)


def test_curve_begins_with_what_is_found_without_a_false_one() -> None:
    assert curve(SCORES, "ours")[0] == (0.0, 1.0)
    assert curve(SCORES, "rita")[0] == (0.0, 0.5)


def test_rita_gives_an_even_series_of_a_day_all_four_quarters() -> None:
    times = np.arange(0, 86_400, 60.0)
    assert rita((times, np.full(len(times), 500.0)), 86_400) == pytest.approx(1.0, abs=0.01)
    assert rita((times[:3], np.full(3, 500.0)), 86_400) == 0


def test_each_cell_has_as_many_samples_as_asked_for_whatever_was_drawn_before() -> None:
    scores = draw((60.0, 0.2, 0.1), 12, [])
    assert {len(values) for values in scores.values()} == {12}
    assert scores == draw((60.0, 0.2, 0.1), 12, [])
    assert area(scores["ours+"], scores["ours-"]) > 0.9


def test_cell_whose_captures_hold_too_few_calls_says_nothing() -> None:
    assert draw((21_600.0, 0.0, 0.0), 12, []) == {"rita+": [], "rita-": [], "ours+": [], "ours-": []}


def test_beacon_keeps_its_period_within_its_jitter() -> None:
    times, sizes = beacon(np.random.default_rng(1), 60, 0.1, 0.0, 3_600)
    gaps = np.diff(times)
    assert (gaps >= 54).all()
    assert (gaps <= 66).all()
    assert len(times) == len(sizes) >= LEAST


def test_picture_and_table_hold_every_jitter_and_say_what_says_too_little() -> None:
    root = ElementTree.fromstring(picture({0.0: SCORES, 0.5: SCORES}))
    lines = [each for each in root.iter() if each.tag.endswith("polyline")]
    assert len(lines) == 4
    text = table({(60.0, 0.0, 0.0): (0.75, 1.0), (60.0, 0.5, 0.1): (0.9, 0.95)}, 1, 2, 0)
    assert text.startswith(f"{HEADING}\n\n")
    assert "1 of 3 cells say too little" in text
    assert "ours is above RITA's by 0.1500, in the worst one by +0.0500." in text
    assert "| jitter ±50% | 1 | 0.9000 | 0.9000 | 0.9500 | 0.9500 |" in text
