"""RDP: what sets it apart from the other users of TPKT, and its UDP transport."""

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import identify
from oddport.protocols.model import Tier
from oddport.protocols.rdp import client, datagram_client, datagram_server, reject, server
from oddport.protocols.registry import CLIENT, SERVER

from .build import CLIENT_HELLO, RDP_CLIENT, RDP_SERVER, SERVER_HELLO, rdp_syn, tpkt

NEGOTIATION = bytes.fromhex("0100080003000000")


def test_facts_are_cookie_and_protocols() -> None:
    found = identify(Head(TCP, RDP_CLIENT, RDP_SERVER))
    assert found.facts == {"cookie": "mstshash=alice", "requested": ["TLS", "CredSSP"], "selected": "CredSSP"}


def test_tls_inside_leaves_the_flow_rdp() -> None:
    found = identify(Head(TCP, RDP_CLIENT + CLIENT_HELLO, RDP_SERVER + SERVER_HELLO))
    assert (found.app, found.tier) == ("rdp", Tier.A)


def test_a_request_without_cookie_or_negotiation_is_anyones() -> None:
    bare = client(tpkt(0xE0, b""))
    assert bare is not None
    assert not bare.strong
    found = server(tpkt(0xD0, b"", 0x1234))
    assert found is not None
    assert not found.strong


def test_the_parameters_of_s7_and_mms_are_not_rdp() -> None:
    # TPDU size and the two TSAPs, as S7 sends them (RFC 905, 13.3.4; RFC 1006, 5)
    s7 = tpkt(0xE0, bytes.fromhex("c0010ac1020100c2020102"), 1)
    assert client(s7) is None
    assert server(tpkt(0xD0, bytes.fromhex("c0010ac1020100c2020102"), 1)) is None
    assert identify(Head(TCP, s7, tpkt(0xD0, bytes.fromhex("c0010ac1020100c2020102"), 1))).app is None


def test_the_prelogin_of_tds_is_not_rdp() -> None:
    assert client(bytes.fromhex("1201002f00000100")) is None
    assert client(bytes.fromhex("0301001300000100d00000123400")) is None


def test_a_token_or_a_negotiation_alone_proves_it() -> None:
    for rest in (NEGOTIATION, b"Cookie: msts=1.2.3\r\n", b"tsv://MS Terminal Services Plugin.1.x\r\n" + NEGOTIATION):
        found = client(tpkt(0xE0, rest))
        assert found is not None
        assert found.strong
    standard = client(tpkt(0xE0, bytes.fromhex("0100080000000000")))
    assert standard is not None
    assert standard.facts == {"requested": ["RDP"]}
    correlated = bytes.fromhex("010808000300000006002400") + b"c" * 32
    assert client(tpkt(0xE0, correlated)) is not None


def test_what_does_not_close_or_asks_for_unknown_protocols_is_none() -> None:
    assert client(RDP_CLIENT[:-1]) is None
    assert client(tpkt(0xE0, b"Cookie: no line end")) is None
    assert client(tpkt(0xE0, b"Biscuit: x\r\n")) is None
    assert client(tpkt(0xE0, NEGOTIATION[:6])) is None
    assert client(tpkt(0xE0, bytes.fromhex("0100080000010000"))) is None
    assert client(tpkt(0xE0, NEGOTIATION + b"x")) is None
    assert client(tpkt(0xE0, bytes.fromhex("01000900") + b"\0" * 4)) is None
    assert client(RDP_CLIENT[:4] + b"\x07" + RDP_CLIENT[5:]) is None
    assert client(tpkt(0xE0, NEGOTIATION)[:6] + b"\x11" + tpkt(0xE0, NEGOTIATION)[7:]) is None


def test_a_server_chooses_or_refuses() -> None:
    refused = server(tpkt(0xD0, bytes.fromhex("0300080005000000")))
    assert refused is not None
    assert refused.facts == {"failure": 5}
    assert server(tpkt(0xD0, bytes.fromhex("0300080063000000"))) is None
    assert server(tpkt(0xD0, bytes.fromhex("0200080003000000"))) is None
    assert server(tpkt(0xD0, bytes.fromhex("0200090002000000"))) is None
    assert server(RDP_CLIENT) is None


def test_over_udp_the_syn_carries_two_sizes_and_its_padding() -> None:
    found = identify(Head(UDP, rdp_syn(1, 0xFFFFFFFF), rdp_syn(5, 0x11223344)))
    assert (found.app, found.tier) == ("rdp", Tier.A)
    assert datagram_client(rdp_syn(1, 7)) is None
    assert datagram_client(rdp_syn(5, 0xFFFFFFFF)) is None
    assert datagram_client(rdp_syn(1, 0xFFFFFFFF)[:1000]) is None
    assert datagram_server(rdp_syn(5, 0xFFFFFFFF)) is None
    wide = bytearray(rdp_syn(1, 0xFFFFFFFF))
    wide[12:14] = b"\xff\xff"
    assert datagram_client(bytes(wide)) is None


def test_rejections_name_the_byte() -> None:
    assert reject(b"\x16\x03", CLIENT) == "byte 0 is 0x16, a TPKT starts with 0x03"
    assert reject(b"\x03\x01", CLIENT) == "byte 1 is 0x01, the second byte of a TPKT is reserved, 0x00"
    assert reject(RDP_SERVER, CLIENT) == "byte 5 is 0xd0, the first X.224 packet of this side has code 0xe0"
    assert reject(RDP_CLIENT[:4] + b"\x07" + RDP_CLIENT[5:], CLIENT).startswith("byte 4 is 0x07, the X.224 length")
    s7 = tpkt(0xD0, bytes.fromhex("c0010ac1020100c2020102"), 1)
    assert reject(s7, SERVER) == "byte 11 does not begin an RDP cookie or negotiation"
    assert reject(RDP_CLIENT, CLIENT) == ""
    assert reject(RDP_CLIENT[:-4], CLIENT) == ""
