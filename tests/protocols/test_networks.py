"""Tunnels, telephone networks, routers and devices: what is inside, what closes, and what does not."""

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.model import Facts, Tier

from . import networks
from .networks import (
    attribute,
    bfd,
    capwap,
    diameter,
    dlep,
    dsi,
    ethernet,
    geneve,
    gtp,
    ipv4,
    ipv6,
    item,
    ldp,
    lisp,
    ptp,
    rmcp_plus,
    vxlan,
)


def name(transport: int, client: bytes, server: bytes = b"") -> tuple[str | None, Tier]:
    found = identify(Head(transport, client, server))
    return found.app, found.tier


@pytest.mark.parametrize(("app", "transport", "data"), networks.PEERS)
def test_one_direction_proves_it_and_two_make_tier_a(app: str, transport: int, data: bytes) -> None:
    assert name(transport, data) == (app, Tier.B)
    assert name(transport, data, data) == (app, Tier.A)


@pytest.mark.parametrize(("app", "transport", "data"), networks.PEERS)
def test_cut_datagrams_are_not_called_something_else(app: str, transport: int, data: bytes) -> None:
    for length in range(1, len(data)):
        assert identify(Head(transport, data[:length])).app in (None, app), length


@pytest.mark.parametrize(
    ("transport", "data", "facts"),
    [
        (UDP, networks.VXLAN, {"vni": 100}),
        (UDP, networks.GENEVE, {"vni": 100}),
        (UDP, networks.L2TP_ASK, {"message": "SCCRQ"}),
        (UDP, networks.GTP_USER, {"version": "GTP-U", "teid": 7}),
        (UDP, networks.GTP1_ASK, {"version": "GTPv1", "message": 16}),
        (UDP, networks.GTP2_ASK, {"version": "GTPv2", "message": 32}),
        (UDP, networks.GTP_PRIME, {"version": "GTP'", "message": 240}),
        (UDP, networks.PFCP_ASK, {"message": 50}),
        (
            TCP,
            networks.DIAMETER_ANSWER,
            {"command": "Capabilities-Exchange", "application": 0, "origin_host": "node.example"},
        ),
        (UDP, networks.MEGACO_ASK, {"transaction": "Transaction"}),
        (UDP, networks.HSRP2, {"group": 16}),
        (UDP, networks.BFD_UP, {"state": "up"}),
        (TCP, networks.LDP_OPEN, {"router": "10.0.0.6", "message": "Initialization"}),
        (UDP, networks.DLEP_DISCOVER, {"peer": "router"}),
        (UDP, networks.PTP_SYNC, {"message": "Sync", "domain": 0}),
        (UDP, networks.CAPWAP_ASK, {"message": "Discovery Request"}),
        (UDP, networks.IPMI_ASK, {"class": "IPMI"}),
        (UDP, networks.ASF_PING, {"class": "ASF"}),
        (TCP, networks.DSI_ASK, {"command": "GetStatus"}),
        (UDP, networks.COAP_DISCOVER, {"path": "/.well-known/core"}),
        (UDP, networks.TIVO, {"machine": "Den"}),
    ],
)
def test_what_an_analyst_asks_is_a_fact(transport: int, data: bytes, facts: Facts) -> None:
    assert identify(Head(transport, data)).facts == facts


@pytest.mark.parametrize(
    "frame",
    [
        networks.ARP,
        ethernet(0x8100, b"\0\x07" + ethernet(0x0800, ipv4(b"abc"))[12:]),
        ethernet(0x86DD, ipv6(networks.LOCAL, networks.ROUTERS, b"abc")),
        ethernet(0x0800, ipv4(b"abc") + bytes(23)),
        ethernet(0x0026, b"\x42\x42\x03" + bytes(35)),
    ],
)
def test_vxlan_carries_any_frame_that_closes(frame: bytes) -> None:
    assert name(UDP, vxlan(frame)) == ("vxlan", Tier.B)


@pytest.mark.parametrize(
    "frame",
    [
        ethernet(0x0800, ipv4(b"abc")[:-1]),
        ethernet(0x86DD, ipv4(b"abc")),
        ethernet(0x0800, b"\x44" + ipv4(b"abc")[1:]),
        ethernet(0x0806, bytes(28)),
        ethernet(0x0026, bytes(38)),
        ethernet(0x9999, bytes(38)),
        ethernet(0x86DD, ipv6(networks.LOCAL, networks.ROUTERS, b"abc") + b"\0"),
    ],
)
def test_vxlan_and_geneve_without_a_frame_that_closes_are_none(frame: bytes) -> None:
    assert name(UDP, vxlan(frame))[0] is None
    assert name(UDP, geneve(0x6558, frame))[0] is None


def test_geneve_carries_packets_too() -> None:
    assert name(UDP, geneve(0x0800, ipv4(b"x" * 30)))[0] == "geneve"
    assert name(UDP, geneve(0x8847, ipv4(b"x" * 30)))[0] is None


def test_teredo_is_ipv6_of_teredo_or_of_the_link_that_closes() -> None:
    assert identify(Head(UDP, networks.TEREDO_ANSWER)).server == 0
    other = ipv6(b"\x20\x01\x0d\xb8" + bytes(12), b"\x20\x01\x0d\xb8" + bytes(12), b"abc")
    assert name(UDP, other)[0] is None
    assert name(UDP, networks.BUBBLE + b"\0")[0] is None
    why = explain_not("teredo", Head(UDP, b"GET / HTTP/1.1", b"HTTP/1.1 200"))
    assert why is not None
    assert "byte 0 is 0x47" in why


def test_gtp_steps_over_extension_headers() -> None:
    extended = gtp(0x34, 0xFF, b"\0\1\0\x85" + b"\1\x10\5\0" + ipv4(b"x" * 30))
    assert name(UDP, extended) == ("gtp", Tier.B)
    assert name(UDP, gtp(0x34, 0xFF, b"\0\1\0\x85" + b"\0\x10\5\0" + ipv4(b"x" * 30)))[0] is None


def test_gtp_elements_end_with_the_message() -> None:
    assert name(UDP, gtp(0x32, 16, b"\0\1\0\0" + b"\x83\0\x04net"))[0] is None
    assert name(UDP, gtp(0x32, 16, b"\0\1\0\0" + b"\x07\1"))[0] is None
    assert name(UDP, gtp(0x48, 32, b"\0\0\1\0" + b"\1\0\5\0abcd", 4))[0] is None


def test_gtp_of_something_else_than_ip_needs_the_other_side() -> None:
    opaque = gtp(0x30, 0xFF, b"not an IP packet")
    assert name(UDP, opaque)[1] < Tier.B


def test_pfcp_and_diameter_elements_end_with_the_message() -> None:
    assert name(UDP, networks.pfcp(50, b"\0\x3c\0\6\0\x0a\0\0\1", True))[0] is None
    assert name(TCP, diameter(0x80, 257, attribute(264, b"n"), b"\0\0\1\7\x40\0\0\x07"))[0] is None
    assert name(TCP, diameter(0x80, 257, attribute(264, b"n"), b"\0\0\1\7\x41\0\0\x08"))[0] is None


def test_bfd_knows_no_other_end_only_while_it_is_down() -> None:
    assert name(UDP, bfd(1, 1, 0))[0] == "bfd"
    for wrong in (bfd(3, 1, 0), bfd(1, 0, 0), networks.BFD_UP + b"\0"):
        assert name(UDP, wrong)[0] is None


def test_hsrp_with_another_password_needs_the_other_router() -> None:
    secret = networks.HSRP[:8] + b"s3cret\0\0" + networks.HSRP[16:]
    assert name(UDP, secret)[1] < Tier.B


def test_ldp_messages_fill_their_pdu() -> None:
    assert name(UDP, ldp(0x0111, bytes(8)))[0] is None
    wrong = networks.LDP_HELLO[:13] + b"\x20" + networks.LDP_HELLO[14:]
    assert name(UDP, wrong)[0] is None


def test_lisp_has_as_many_bytes_of_proof_as_the_algorithm_makes() -> None:
    assert name(UDP, lisp(0x32)) == ("lisp", Tier.B)
    assert name(UDP, lisp(0x32)[:13] + b"\2" + lisp(0x32)[14:])[0] is None


def test_dlep_items_fill_the_message() -> None:
    assert name(TCP, dlep(1, item(5, bytes(4)), b"\0"))[0] is None
    assert name(TCP, dlep(1, item(5000, bytes(4))))[0] is None
    assert name(UDP, dlep(1, b"\0\4\0\x40x", signal=True))[0] is None


def test_ptp_has_a_control_that_belongs_to_its_type_and_may_be_padded() -> None:
    assert name(UDP, ptp(0, 44, 0) + b"\0\0")[0] == "ptp"
    assert name(UDP, ptp(0, 44, 0) + b"\0")[0] is None
    assert name(UDP, ptp(0, 44, 4))[0] is None
    assert name(UDP, ptp(11, 44, 5))[0] is None


def test_capwap_elements_fill_the_message() -> None:
    assert name(UDP, capwap(1, b"\0\x14\0\7x"))[0] is None
    assert name(UDP, capwap(99, item(20, b"\1")))[0] is None
    assert name(UDP, networks.CAPWAP_DTLS[:-1])[0] is None
    data = b"\0\x20\x03\x20" + bytes(4) + bytes(40)
    assert name(UDP, data, data) == ("capwap", Tier.A)
    assert name(UDP, data[:4] + b"\1" + data[5:])[0] is None


def test_ipmi_checksums_decide() -> None:
    wrong = networks.IPMI_ASK[:-1] + bytes((networks.IPMI_ASK[-1] ^ 1,))
    assert name(UDP, wrong)[0] is None
    assert name(UDP, networks.IPMI_ASK[:-1])[0] is None
    assert name(UDP, b"\6\0\xff\7\7" + networks.IPMI_ASK[5:])[0] is None


def test_ipmi_2_opens_sessions_and_then_hides_what_it_says() -> None:
    ask, answer = rmcp_plus(0x10, 0, bytes(32)), rmcp_plus(0x11, 0, bytes(36))
    assert name(UDP, ask, answer) == ("rmcp", Tier.A)
    assert name(UDP, ask + b"\0")[0] is None
    assert name(UDP, rmcp_plus(0x10, 9, bytes(32)))[0] is None
    sealed = rmcp_plus(0xC0, 9, bytes(32)) + bytes(16)
    assert name(UDP, sealed, sealed) == ("rmcp", Tier.A)


def test_fastcgi_is_not_a_reply_of_a_file_server() -> None:
    assert name(TCP, dsi(1, 1, b"\0" * 8))[0] is None
    assert name(TCP, networks.DSI_ASK)[0] == "afp"


def test_coap_needs_options_that_are_registered_and_a_partner_of_the_same_message() -> None:
    assert name(UDP, networks.COAP_DISCOVER) == ("coap", Tier.B)
    assert name(UDP, networks.COAP_ASK)[1] is Tier.C
    assert name(UDP, networks.COAP_ASK, networks.COAP_ANSWER[:2] + b"\x99\x99xx" + b"\xff1")[1] < Tier.A
    separate = networks.COAP_ANSWER[:2] + b"\x99\x99tk" + b"\xffcontent"
    assert name(UDP, networks.COAP_ASK, separate) == ("coap", Tier.A)
    for wrong in (
        b"\x40\1\0\1\x21a",
        b"\x40\1\0\1\xb9\x01",
        b"\x40\1\0\1\xff",
        b"\x40\1\0\1\xb2a\n",
        b"\x40\1\0\1\xf0",
    ):
        assert name(UDP, wrong)[0] is None
    assert "no code of that side" in (explain_not("coap", Head(UDP, b"\x40\x1e\0\1", b"\x40\x1f\0\1")) or "")


def test_coap_writes_long_options_with_more_bytes() -> None:
    query = b"\x40\1\0\1" + b"\xbd\x02" + b"temperature-abc" + b"\x4d\x09" + b"unit=celsius&long=1234"
    assert identify(Head(UDP, query)).facts == {"path": "/temperature-abc"}
    far = b"\x40\1\0\1" + b"\xb7sensors" + b"\xe1\0\x0c" + b"x"
    assert identify(Head(UDP, far)).app is None  # 11 + 269 + 12 = 292 is registered, yet all of it is 30 bits


def test_an_empty_acknowledgement_alone_is_four_bytes_of_anyone() -> None:
    assert name(UDP, b"\x60\0\x12\x34")[0] is None
    assert name(UDP, networks.COAP_ASK, b"\x60\0\x12\x34") == ("coap", Tier.A)


def test_nano_needs_both_ends() -> None:
    assert name(TCP, networks.NANO)[1] < Tier.B
    assert name(TCP, networks.NANO, networks.NANO) == ("nano", Tier.A)
    assert name(TCP, b"RC\x12\x14" + networks.NANO[4:], networks.NANO)[0] is None


def test_uftp_says_its_function_twice() -> None:
    assert name(UDP, networks.UFTP[:16] + b"\2" + networks.UFTP[17:])[0] is None
    assert name(UDP, networks.UFTP + b"\0")[0] is None


# CON GET, three options: Uri-Port 5683, Uri-Path .well-known, Uri-Path core (draft-ietf-core-coap-07, 3.1)
COAP_DRAFT = b"\x43\x01\x05\xca" + b"\x72\x16\x33" + b"\x2b.well-known" + b"\x04core"


def test_coap_as_the_drafts_had_it_counts_its_options() -> None:
    found = identify(Head(UDP, COAP_DRAFT))
    assert (found.app, found.tier, found.facts) == ("coap", Tier.B, {"path": "/.well-known/core"})
    assert name(UDP, b"\x44" + COAP_DRAFT[1:])[0] is None
    assert name(UDP, COAP_DRAFT[:-1])[0] is None
    assert name(UDP, COAP_DRAFT.replace(b"core", b"c\x01re"))[0] is None
    long = b"\x41\x01\x05\xca" + b"\x9f\x11" + b"a-name-of-thirty-two-characters."
    assert identify(Head(UDP, long)).facts == {"path": "/a-name-of-thirty-two-characters."}
