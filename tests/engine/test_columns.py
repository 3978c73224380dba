"""Addresses and protocol numbers as text."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from oddport.engine.columns import address_text, proto_text


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("2001:db8::8", "2001:db8::8"),
        ("::1", "::1"),
        ("::", "::"),
        ("::ffff:192.0.2.1", "::ffff:c000:201"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    ],
)
def test_ipv6_is_written_by_rfc_5952_in_hexadecimal_groups(address: str, text: str) -> None:
    assert address_text(IPv6Address(address).packed, 6) == text


def test_ipv4_lies_in_the_last_four_bytes() -> None:
    assert address_text(bytes(12) + IPv4Address("192.0.2.1").packed, 4) == "192.0.2.1"


def test_a_protocol_without_a_word_is_its_number() -> None:
    assert [proto_text(6), proto_text(253)] == ["tcp", "ip-253"]
