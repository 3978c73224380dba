"""Values become the text that the look asks for, and hostile text becomes harmless."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.format import (
    clock,
    date,
    duration,
    endpoint,
    eta,
    hexes,
    lasted,
    percent,
    plural,
    rate,
    safe,
    size,
    size_of,
    span,
)

STAMP = 1_773_741_737_184_000_000
"""date -u -d @1773741737 says Tue Mar 17 10:02:17 UTC 2026."""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (996, "996 B"), (9_450, "9.45 kB"), (12_600, "12.6 kB"), (412_000_000, "412 MB"), (999, "999 B"),
     (999_499, "999 kB"), (999_500, "1.00 MB"), (1_202_387_471, "1.20 GB"), (9_995, "10.0 kB"), (9_994, "9.99 kB")],
)  # fmt: skip
def test_bytes_have_three_digits_and_a_decimal_unit(value: int, text: str) -> None:
    assert size(value) == text


def test_the_part_of_a_load_is_in_the_unit_of_the_whole() -> None:
    assert size_of(157_000_000, 412_000_000) == "157 of 412 MB"
    assert size_of(0, 1_610_000) == "0.00 of 1.61 MB"


def test_percent_is_whole_and_reaches_100_only_at_the_end() -> None:
    assert percent(157, 412) == "38 %"
    assert percent(999_999, 1_000_000) == "99 %"
    assert percent(1_000_000, 1_000_000) == "100 %"


@pytest.mark.parametrize(
    ("ns", "text"),
    [(841_000_000, "0.841 s"), (18_200_000, "18.2 ms"), (664_000_000_000, "11 min 4 s"), (9_240_000_000_000,
    "2 h 34 min"),
     (0, "0.000 s"), (450, "450 ns"), (-18_200_000, "-18.2 ms"), (13_000_000_000, "13.0 s"), (90_000 * 10**9,
     "1 d 1 h")],
)  # fmt: skip
def test_durations_take_the_unit_that_fits_them(ns: int, text: str) -> None:
    assert duration(ns) == text


def test_short_durations_of_a_column_are_all_seconds() -> None:
    assert [lasted(3_000_000), lasted(1_204_000_000), lasted(664_000_000_000)] == ["0.003 s", "1.204 s", "11 min 4 s"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(7.2, "about 7 s left"), (0.2, "about 1 s left"), (33, "about 35 s left"), (100, "about 1 min 30 s left"),
     (119, "about 2 min left"), (700, "about 12 min left"), (7_500, "about 2 h 5 min left")],
)  # fmt: skip
def test_what_is_left_is_rounded_to_1_5_and_30_seconds_then_minutes(seconds: float, text: str) -> None:
    assert eta(seconds) == text


def test_times_are_utc_with_as_many_digits_as_asked_for() -> None:
    assert (clock(STAMP), clock(STAMP, 3), date(STAMP)) == ("10:02:17", "10:02:17.184", "17 March 2026")
    assert span(STAMP, STAMP + 60 * 10**9) == "17 March 2026, 10:02:17 to 10:03:17"


def test_a_time_no_calendar_holds_is_shown_in_seconds() -> None:
    assert date(10**21) == "1000000000000 s"


def test_rates_ports_and_counts_are_written_as_the_look_says() -> None:
    assert rate(38_200_000) == "38 MB/s"
    assert endpoint("2001:db8::8", 443) == "[2001:db8::8]:443"
    assert endpoint("10.0.0.1", 80) == "10.0.0.1:80"
    assert endpoint("10.0.0.1", None) == "10.0.0.1"
    assert (plural(1, "flow"), plural(12_931, "flow"), plural(2, "child", "children")) == (
        "1 flow", "12,931 flows", "2 children",
    )  # fmt: skip
    assert hexes(b"\x16\x03\x01\x02", 2) == "16 03 …"


@pytest.mark.parametrize(
    "text",
    ["\x1b[31mred", "a\rb", "a\nb", "\x9b2J", "\u202egnp.exe", "a\u200bb", "\u2066x\u2069", "x\u0336y", "\ud800",
    "\ufeffa",
     "\u2028", "\x07", "\x7f", "\U000e0041"],
)  # fmt: skip
def test_what_steers_a_terminal_or_hides_is_replaced(text: str) -> None:
    shown = safe(text)
    assert shown.isprintable()
    assert "·" in shown


def test_ordinary_text_of_any_script_stays() -> None:
    assert safe("café.example  пример  例え") == "café.example  пример  例え"
    assert safe("[bold red]x[/]") == "[bold red]x[/]"


@given(st.text(st.characters(codec=None), max_size=60))
def test_no_text_whatever_comes_out_with_a_control_or_an_invisible_character(text: str) -> None:
    shown = safe(text)
    assert shown.isprintable()
    assert not any(unicodedata.category(char) in ("Mn", "Me", "Mc") for char in shown)
