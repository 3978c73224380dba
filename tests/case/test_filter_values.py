"""Prefixes of addresses stand for the ranges that a comparison of texts gives; sizes and times are exact."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddport.case.errors import FilterError
from oddport.case.filter_values import Value, duration_ns, prefixes_of, size, time_ns


@given(st.integers(0, 2**32 - 1), st.integers(0, 15), st.integers(0, 2**32 - 1))
@settings(max_examples=400, deadline=None)
def test_ipv4_prefixes_are_those_of_the_text(address: int, cut: int, other: int) -> None:
    text = str(IPv4Address(address))[: cut + 1]
    near = (address & 0xFFFF0000) | (other & 0xFFFF)
    for candidate in (address, other, near, address ^ 1, address ^ 0x100):
        inside = any(low <= candidate <= high for low, high in prefixes_of(text))  # type: ignore[operator]
        assert inside == str(IPv4Address(candidate)).startswith(text), (text, IPv4Address(candidate))


@given(st.integers(0, 2**128 - 1), st.integers(2, 39), st.integers(0, 2**128 - 1))
@settings(max_examples=400, deadline=None)
def test_ipv6_prefixes_are_those_of_the_groups(address: int, cut: int, other: int) -> None:
    def groups(number: int) -> str:
        return ":".join(f"{number >> shift & 0xFFFF:x}" for shift in range(112, -1, -16))

    text = groups(address)[:cut]
    if ":" not in text:
        return
    for candidate in (address, other, address ^ 1, address ^ (1 << 64)):
        packed = IPv6Address(candidate).packed
        inside = any(low <= packed <= high for low, high in prefixes_of(text))  # type: ignore[operator]
        assert inside == groups(candidate).startswith(text), (text, groups(candidate))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("10.2", 3),  # 10.2, 10.20 to 10.29, 10.200 to 10.255
        ("1", 3),
        ("0", 1),
        ("00", 0),
        ("01.2", 0),
        ("256", 0),
        ("256.1", 0),
        ("1.2.3.4.", 0),
        ("1.2.3.4.5", 0),
        ("abc", 0),
        ("::", 1),
        ("::1", 1),
        ("fe80::", 1),
        ("fe80::1", 1),
        ("1::2::3", 0),
        (":::", 0),
        (":1", 0),
        ("1:", 1),
        ("1:2:3:4:5:6:7:8", 4),  # 8, 80 to 8f, 800 to 8ff, 8000 to 8fff
        ("1:2:3:4:5:6:7:8:9", 0),
        ("12345:", 0),
        ("2001:db8::zz", 0),
        ("2001:0db8", 0),
    ],
)
def test_what_begins_an_address_and_what_does_not(text: str, count: int) -> None:
    assert len(prefixes_of(text)) == count


def test_a_gap_at_the_end_stands_for_a_group_of_zero() -> None:
    ((low, high),) = prefixes_of("fe80::")
    assert IPv6Address(low) == IPv6Address("fe80::")
    assert IPv6Address(high) == IPv6Address("fe80:0:ffff:ffff:ffff:ffff:ffff:ffff")


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("1500", 1_500), ("1.5k", 1_500), ("20K", 20_000), ("1M", 10**6), ("4Mi", 4_194_304),
     ("1.000000001G", 10**9 + 1), ("9B", 9), ("1kB", 1_000), ("1KiB", 1_024), ("999999999999999999T", 2**63 - 1)],
)  # fmt: skip
def test_sizes(text: str, value: int) -> None:
    assert size(Value(text, 0)) == value


@pytest.mark.parametrize("text", ["", "k", "1kk", "1e5", "0x10", "1.", "١", "1 k", "1234567890123456789"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(FilterError) as caught:
        size(Value(text, 7))
    assert caught.value.column == 7


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5 * 10**9), ("250ms", 250 * 10**6), ("1.5h", 5_400 * 10**9), ("7us", 7_000), ("7µs", 7_000), ("3ns", 3),
     ("2m", 120 * 10**9), ("1d", 86_400 * 10**9)],
)  # fmt: skip
def test_durations(text: str, value: int) -> None:
    assert duration_ns(Value(text, 0)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01.000000001", 10**9 + 1),
        ("2024-05-06T12:53:20Z", 1_715_000_000 * 10**9),
        ("2024-05-06T12:53:20.25+00:00", 1_715_000_000 * 10**9 + 250_000_000),
        ("1969-12-31T23:59:59.9", -100_000_000),
        ("0001-01-01", -(2**63 - 1)),
    ],
)
def test_times(text: str, value: int) -> None:
    assert time_ns(Value(text, 0)) == value
