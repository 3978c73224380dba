"""S7, its successor and MMS are told by the first data behind the same connection request, which RDP has, too."""

import pytest

from oddport.engine.columns import TCP
from oddport.engine.heads import Head
from oddport.protocols import iso
from oddport.protocols.identify import identify
from oddport.protocols.model import Tier
from oddport.protocols.registry import CLIENT

from . import build
from .plant import (
    MMS_ACCEPT,
    MMS_IDENTIFY,
    MMS_IDENTITY,
    MMS_OPEN,
    S7_CONFIRM,
    S7_CONNECT,
    S7_LIST,
    S7_LISTED,
    S7_PLUS_CONNECT,
    S7_PLUS_REQUEST,
    S7_PLUS_RESPONSE,
    S7_READ,
    S7_SET_UP,
    S7_SETUP,
    S7_VALUE,
    connect,
    data,
    s7,
    s7_plus,
)


def test_s7_says_its_functions_and_who_was_called() -> None:
    found = identify(Head(TCP, S7_CONNECT + S7_SETUP + S7_READ))
    assert (found.app, found.tier, found.server) == ("s7comm", Tier.B, 1)
    assert found.facts == {"called_selector": "0102", "functions": ["Setup Communication", "Read Var"]}


def test_s7_without_its_beginning_is_named_by_either_side() -> None:
    assert identify(Head(TCP, S7_READ)).server == 1
    assert identify(Head(TCP, S7_VALUE)).server == 0
    assert identify(Head(TCP, S7_LIST, S7_LISTED)).facts["functions"] == ["CPU services"]


def test_user_data_that_are_sent_unasked_are_either_sides() -> None:
    pushed = s7(7, bytes.fromhex("000112 04 00 44 01 00"))
    assert iso.s7_client(pushed) is not None
    assert iso.s7_server(pushed) is not None


def test_a_connection_request_alone_is_nobodys() -> None:
    assert identify(Head(TCP, S7_CONNECT, S7_CONFIRM)).app is None


def test_rdp_is_not_s7_and_s7_is_not_rdp() -> None:
    assert identify(Head(TCP, build.RDP_CLIENT, build.RDP_SERVER)).app == "rdp"
    assert identify(Head(TCP, S7_CONNECT + S7_SETUP, S7_CONFIRM + S7_SET_UP)).app == "s7comm"


def test_s7_whose_lengths_do_not_close_in_the_tpkt_is_none() -> None:
    longer = data(S7_SETUP[7:] + b"\0")
    assert iso.s7_client(longer) is None
    assert iso.s7_client(S7_SETUP + longer) is None
    assert iso.s7_client(data(b"\x32\x01\0\1" + S7_SETUP[11:])) is None
    assert iso.s7_client(data(b"\x32\x04" + S7_SETUP[9:])) is None


def test_a_message_in_several_tpdus_need_not_close_in_the_first() -> None:
    whole = s7(1, bytes.fromhex("1d 00 0000 0000 0000 0000"), bytes(40))
    begun = bytearray(whole[:27])
    begun[3], begun[6] = len(begun), 0  # size of the TPKT; no end mark
    assert iso.s7_client(bytes(begun)) is not None
    begun[6] = 0x80
    assert iso.s7_client(bytes(begun)) is None


def test_the_successor_has_text_selectors_requests_and_responses() -> None:
    found = identify(Head(TCP, S7_PLUS_CONNECT + S7_PLUS_REQUEST))
    assert (found.app, found.tier) == ("s7comm-plus", Tier.B)
    assert found.facts == {"called_selector": "SIMATIC-ROOT-HMI"}
    assert identify(Head(TCP, S7_PLUS_RESPONSE)).server == 0


def test_the_digest_of_version_3_is_stepped_over() -> None:
    signed = s7_plus(3, 0x20, bytes(32) + b"\x31" + bytes(20))
    assert iso.s7_plus_client(signed) is not None
    assert iso.s7_plus_server(signed) is None


def test_keep_alives_confirm_little_and_an_unknown_version_nothing() -> None:
    alive = data(b"\x72\xff\0\x04\0\0")
    alone = iso.s7_plus_client(alive)
    assert alone is not None
    assert not alone.strong
    assert iso.s7_plus_client(data(b"\x72\x07\0\x02\x31\0")) is None


def test_mms_is_told_by_its_object_identifier_or_by_its_data() -> None:
    assert identify(Head(TCP, S7_CONNECT + MMS_OPEN)).app == "mms"
    assert identify(Head(TCP, b"", S7_CONFIRM + MMS_ACCEPT)).app == "mms"
    found = identify(Head(TCP, MMS_IDENTIFY, MMS_IDENTITY))
    assert (found.tier, found.facts["pdus"]) == (Tier.A, ["confirmed response"])


def test_a_session_of_another_application_is_not_mms() -> None:
    other = MMS_OPEN.replace(b"\x28\xca\x22", b"\x28\xca\x23")
    assert iso.mms_client(S7_CONNECT + other) is None
    assert iso.mms_server(S7_CONFIRM + MMS_ACCEPT.replace(b"\x28\xca\x22", b"\x28\xca\x23")) is None


@pytest.mark.parametrize("cut", range(len(MMS_IDENTIFY) - 7))
def test_presentation_data_whose_lengths_do_not_close_are_not_mms(cut: int) -> None:
    assert iso.mms_client(data(MMS_IDENTIFY[7 : len(MMS_IDENTIFY) - 1 - cut])) is None


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"\x04" + bytes(9), "byte 0 is 0x04, a TPKT starts with 0x03"),
        (b"\x03\x01" + bytes(9), "byte 1 is 0x01, the second byte of a TPKT is reserved, 0x00"),
        (b"\x03\0\0\x16\x11\x50" + bytes(9), "byte 5 is 0x50, no X.224 TPDU has this code"),
        (
            b"\x03\0\0\x09\x40\xe0" + bytes(9),
            "byte 4 is 0x40, the X.224 header does not end in the TPKT of 9 bytes",
        ),
    ],
)
def test_what_is_no_iso_transport_is_told(payload: bytes, why: str) -> None:
    assert iso.s7_client(payload) is None
    assert iso.reject(payload, CLIENT) == why


def test_a_selector_that_runs_past_its_header_is_no_fact() -> None:
    broken = bytearray(connect(0xE0, 1, b"\x01\x02"))
    broken[-3] = 0x7F
    found = iso.s7_client(bytes(broken) + S7_SETUP)
    assert found is not None
    assert "called_selector" not in found.facts
