"""NTP by ranges and ends, its control protocols, and DHCP by cookie and options."""

import struct

import pytest

from oddport.engine.columns import UDP
from oddport.engine.heads import Head
from oddport.protocols import dhcp as bootp
from oddport.protocols.identify import identify
from oddport.protocols.model import Tier
from oddport.protocols.ntp import client, reject, server
from oddport.protocols.registry import CLIENT, SERVER

from .build import DHCP_DISCOVER, DHCP_OFFER, NTP_CLIENT, NTP_SERVER, dhcp, ntp


def test_facts_are_version_mode_and_stratum() -> None:
    found = identify(Head(UDP, NTP_CLIENT, NTP_SERVER))
    assert (found.app, found.tier) == ("ntp", Tier.A)
    assert found.facts == {"version": "4", "mode": "server", "stratum": 2}


def test_a_first_stratum_server_names_its_clock() -> None:
    data = ntp(4, stratum=1)
    found = server(data[:12] + b"GPS\0" + data[16:])
    assert found is not None
    assert found.facts["reference"] == "GPS"


def test_one_direction_is_tier_b() -> None:
    assert identify(Head(UDP, ntp(5))).tier == Tier.B
    assert identify(Head(UDP, NTP_CLIENT)).tier == Tier.B


def test_two_peers_prove_it_together() -> None:
    found = identify(Head(UDP, ntp(1), ntp(1)))
    assert (found.app, found.tier, found.server) == ("ntp", Tier.A, None)
    assert identify(Head(UDP, ntp(1), ntp(2))).tier == Tier.A


def test_an_empty_request_of_sntp_has_48_bytes() -> None:
    assert client(b"\x1b" + b"\0" * 47) is not None
    assert client(b"\x1b" + b"\0" * 51) is None
    assert client(b"\x1b\1" + b"\0" * 46) is None


def test_a_client_may_send_random_timestamps() -> None:
    data = ntp(3, stratum=0)
    assert client(data[:16] + b"\x11" * 8 + data[24:32] + b"\x22" * 16) is not None


@pytest.mark.parametrize(
    "data",
    [
        ntp(4, stratum=17),
        ntp(4, delay=0x00200000),
        ntp(4, dispersion=0x00200000),
        ntp(4, now=0x12345678),
        ntp(4, version=5),
        ntp(4)[:2] + b"\x40" + ntp(4)[3:],
        ntp(4)[:3] + b"\x40" + ntp(4)[4:],
        ntp(4)[:40] + b"\0" * 8,
        ntp(4)[:47],
        ntp(4) + b"xx",
    ],
)
def test_fields_out_of_range_are_none(data: bytes) -> None:
    assert server(data) is None
    assert reject(data, SERVER) != ""


def test_a_peer_without_its_time_is_none() -> None:
    assert client(ntp(1)[:40] + b"\0" * 8) is None
    assert client(ntp(1)[:39] + b"\1" + b"\0" * 8) is None


def test_delays_before_version_4_may_be_negative() -> None:
    assert server(ntp(4, version=3, delay=0xFFFFFF00)) is not None


@pytest.mark.parametrize("size", [4, 20, 24, 72])
def test_authenticators_close(size: int) -> None:
    assert server(ntp(4) + b"m" * size) is not None


def test_extension_fields_close_on_each_other() -> None:
    cookie = struct.pack(">HH", 0x0204, 32) + b"c" * 28
    unique = struct.pack(">HH", 0x0104, 28) + b"u" * 24
    assert client(NTP_CLIENT + unique + cookie) is not None
    assert client(NTP_CLIENT + unique + cookie + b"m" * 20) is not None
    assert client(NTP_CLIENT + struct.pack(">HH", 0x0204, 30) + b"c" * 28) is None
    assert client(NTP_CLIENT + struct.pack(">HH", 0x0204, 64) + b"c" * 28) is None
    assert client(NTP_CLIENT + b"m" * 8) is None


def test_text_of_48_bytes_is_not_ntp() -> None:
    text = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,54"
    assert len(text) == 48
    assert identify(Head(UDP, text)).app is None


def control(flags: int, data: bytes = b"", status: int = 0, tail: bytes = b"") -> bytes:
    head = struct.pack(">BBHHHHH", 0x16, flags, 1, status, 0, 0, len(data))
    return head + data + b"\0" * (-len(data) % 4) + tail


def test_control_messages_close_on_their_count() -> None:
    asked = control(0x02)
    told = control(0x82, b'version="ntpd 4.2.8"', 0x0615)
    found = identify(Head(UDP, asked, told))
    assert (found.app, found.tier, found.facts["mode"]) == ("ntp", Tier.A, "control")
    assert server(told + b"more") is None
    assert server(control(0x82)) is None
    assert server(control(0xC2)) is not None
    assert client(control(0x42)) is None
    assert client(control(0x0F)) is None
    assert client(control(0x1F)) is not None
    assert client(control(0x02, status=1)) is None
    assert client(b"\x16\2\0\1") is None


def test_a_control_message_with_an_authenticator_does_not_stand_alone() -> None:
    found = client(control(0x02, b"abc", tail=b"m" * 20))
    assert found is not None
    assert not found.strong


def test_private_requests_are_empty_and_answers_close_on_their_items() -> None:
    asked = bytes.fromhex("1700032a00000000")
    told = bytes.fromhex("9700032a00020048") + b"i" * 144
    found = identify(Head(UDP, asked + b"\0" * 40, told))
    assert (found.app, found.tier, found.facts["request"]) == ("ntp", Tier.A, 42)
    assert client(asked + b"x") is None
    assert client(bytes.fromhex("1700092a00000000")) is None
    assert client(bytes.fromhex("1700032a00010000")) is None
    assert server(told + b"x") is None
    assert server(bytes.fromhex("9700032a00000000")) is None
    assert server(bytes.fromhex("9700032a40000000")) is not None


def test_ntp_rejections_name_the_byte() -> None:
    assert reject(b"\0" * 48, CLIENT).startswith("byte 0 is 0x00: version 0, mode 0")
    assert reject(NTP_CLIENT[:40], CLIENT) == "40 bytes, a packet has 48 or more"
    assert reject(b"\x24\x63" + b"\0" * 46, SERVER) == "byte 1 is 0x63, a stratum is 16 or less"
    assert reject(NTP_SERVER, SERVER) == ""


def test_dhcp_facts_are_type_host_and_vendor() -> None:
    found = bootp.client(dhcp(1, 3, b"\x0c\x06laptop", b"\x3c\x08MSFT 5.0"))
    assert found is not None
    assert found.facts == {"type": "REQUEST", "hostname": "laptop", "vendor": "MSFT 5.0"}


def test_a_broadcast_alone_is_tier_b_and_an_offer_tells_the_server() -> None:
    assert identify(Head(UDP, DHCP_DISCOVER)).tier == Tier.B
    found = identify(Head(UDP, DHCP_OFFER))
    assert (found.app, found.tier, found.server) == ("dhcp", Tier.B, 0)


def test_bootp_without_a_message_type_is_known_by_its_cookie() -> None:
    plain = (struct.pack(">BBBBI", 1, 1, 6, 0, 7).ljust(236, b"\0") + b"\x63\x82\x53\x63\xff").ljust(300, b"\0")
    found = bootp.client(plain)
    assert found is not None
    assert found.facts == {}


def test_options_that_leave_the_datagram_or_have_no_length_are_none() -> None:
    head = struct.pack(">BBBBI", 1, 1, 6, 0, 7).ljust(236, b"\0") + b"\x63\x82\x53\x63"
    assert bootp.client(head + b"\x35\x01\x01") is not None
    assert bootp.client(head + b"\0\0\x35\x01\x01\xff") is not None
    assert bootp.client(head + b"\x0c\x20abc") is None
    assert bootp.client(head + b"\x0c") is None
    assert bootp.client(head + b"\x35\x01\x63\xff") is None
    assert bootp.client(head + b"\x35\x02\x01\x01\xff") is None


@pytest.mark.parametrize(("at", "value"), [(0, 2), (2, 17), (3, 17), (236, 0)])
def test_a_discover_with_one_field_changed_is_none(at: int, value: int) -> None:
    changed = bytearray(DHCP_DISCOVER)
    changed[at] = value
    assert bootp.client(bytes(changed)) is None


def test_scapy_builds_what_is_recognised() -> None:
    layers = pytest.importorskip("scapy.layers.dhcp")
    built = layers.BOOTP(op=1, xid=7, chaddr=b"\x02" * 6) / layers.DHCP(options=[("message-type", "inform"), "end"])
    found = bootp.client(bytes(built))
    assert found is not None
    assert found.facts["type"] == "INFORM"


def test_dhcp_rejections_name_the_byte() -> None:
    assert bootp.reject(DHCP_OFFER, CLIENT) == "byte 0 is 0x02, op of this side is 1"
    assert bootp.reject(DHCP_DISCOVER[:100], CLIENT) == "100 bytes, a message with its cookie has 240 or more"
    assert bootp.reject(DHCP_DISCOVER[:236] + b"\0" * 64, CLIENT).startswith("byte 236 is 0x00, the magic cookie")
    assert (
        bootp.reject(b"\1\1\x63" + DHCP_DISCOVER[3:], CLIENT)
        == "byte 2 is 0x63, a hardware address has at most 16 bytes"
    )
