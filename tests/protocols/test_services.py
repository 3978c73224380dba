"""Recognisers of services: what proves them, which facts they give, and what they leave to others."""

import random
import struct

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.model import FactValue, Tier

from .services import (
    BROWSER,
    COLLECTD,
    CONNECT_DATA,
    HANDSHAKE,
    LAN_SYNC,
    LOGIN,
    MONGO_HELLO,
    MONGO_QUERY,
    NETFLOW5,
    NETFLOW9,
    OLD_REQUEST,
    ONE_SIDED,
    RADIUS_ACCEPT,
    RADIUS_REQUEST,
    SFLOW,
    SOCKS4A,
    SOCKS5,
    SOCKS5_TOLD,
    STUN_ANSWER,
    STUN_REQUEST,
    TFTP_BLOCK,
    TFTP_READ,
    TNS_ACCEPT,
    TNS_CONNECT,
    attribute,
    radius,
    stun,
    tds,
    tlv,
    utp,
)

IDS = [f"{name}-{index}" for index, (name, _, _) in enumerate(ONE_SIDED)]


@pytest.mark.parametrize(("name", "transport", "said"), ONE_SIDED, ids=IDS)
def test_what_only_one_side_says_proves_it(name: str, transport: int, said: bytes) -> None:
    found = identify(Head(transport, said))
    assert (found.app, found.tier) == (name, Tier.B)


@pytest.mark.parametrize(("name", "transport", "said"), ONE_SIDED, ids=IDS)
def test_cut_or_changed_behind_four_bytes_it_is_nothing_else(name: str, transport: int, said: bytes) -> None:
    source = random.Random(name)
    for length in range(1, len(said)):
        assert identify(Head(transport, said[:length])).app in (None, name), length
    named = sum(identify(Head(transport, said[:4] + source.randbytes(60))).tier >= Tier.B for _ in range(4_000))
    assert named < 2


def facts(transport: int, asked: bytes, told: bytes = b"") -> dict[str, FactValue]:
    return identify(Head(transport, asked, told)).facts


def test_facts_are_what_an_analyst_would_ask() -> None:
    assert facts(UDP, STUN_REQUEST) == {"software": "agent 1", "username": "alice:bob"}
    assert facts(UDP, RADIUS_REQUEST) == {"user": "alice"}
    assert facts(TCP, HANDSHAKE) == {"info_hash": "ab" * 20, "client": "TR2940"}
    assert facts(TCP, SOCKS5, SOCKS5_TOLD) == {"user": "alice", "target": "example.org:80"}
    assert facts(TCP, SOCKS4A) == {"user": "alice", "target": "www.example.org:80"}
    assert facts(TCP, tds(0x10, LOGIN)) == {"host": "PC", "user": "sa"}
    assert facts(TCP, MONGO_HELLO) == {"database": "admin"}
    assert facts(TCP, MONGO_QUERY) == {"collection": "admin.$cmd"}
    assert facts(TCP, TNS_CONNECT) == {"service": "ORCL", "program": "sqlplus", "user": "scott"}
    assert facts(UDP, TFTP_READ) == {
        "path": "boot/menu.cfg",
        "mode": "octet",
        "announces": ["tftp udp client 0"],
    }
    assert facts(UDP, b"<165>1 2003-10-11T22:14:15Z h a - - - x") == {"facility": 20, "severity": 5}
    assert facts(UDP, COLLECTD) == {"host": "host"}


def test_one_direction_of_these_proves_them() -> None:
    for transport, data, name in (
        (UDP, STUN_ANSWER, "stun"),
        (UDP, OLD_REQUEST, "stun"),
        (UDP, RADIUS_REQUEST, "radius"),
        (UDP, RADIUS_ACCEPT, "radius"),
        (TCP, MONGO_QUERY, "mongodb"),
        (TCP, TNS_CONNECT, "oracle-tns"),
        (UDP, TFTP_READ, "tftp"),
        (UDP, utp(4, 500, 1, 0), "bittorrent"),
    ):
        found = identify(Head(transport, data))
        assert (found.app, found.tier) == (name, Tier.B)


def test_an_answer_to_another_transaction_makes_no_pair() -> None:
    other = stun(0x0101, attribute(0x0020, bytes(8)), transaction=b"another one!")
    assert identify(Head(UDP, STUN_REQUEST, other)).tier is Tier.B
    assert identify(Head(UDP, RADIUS_REQUEST, radius(2, tlv(6, bytes(4)), number=8))).tier is Tier.B


def test_lengths_that_do_not_close_are_refused() -> None:
    assert identify(Head(UDP, STUN_REQUEST + b"\0")).app is None
    assert identify(Head(UDP, RADIUS_REQUEST + b"\0")).app is None
    assert identify(Head(UDP, NETFLOW5[:-1])).app is None
    assert identify(Head(UDP, NETFLOW9[:-1])).app is None
    assert identify(Head(UDP, SFLOW + b"\0\0\0\0")).app is None
    assert identify(Head(UDP, COLLECTD[:-1])).app is None


def test_a_broken_attribute_behind_others_that_fit_is_still_radius() -> None:
    broken = radius(1, tlv(4, bytes(4)), tlv(5, bytes(4)), tlv(61, bytes(4)), b"\x01\x50abc")
    assert identify(Head(UDP, broken)).app == "radius"
    assert identify(Head(UDP, radius(1, tlv(1, b"alice"), b"\x01\x50abc"))).app is None


def test_a_name_and_stations_in_text_are_worth_half_a_bit_a_byte() -> None:
    broken = radius(1, tlv(1, b"0311480073638072@wlan.mnc480.3gppnetwork.org"), b"\x01\x50abc")
    assert identify(Head(UDP, broken)).app == "radius"
    assert identify(Head(UDP, broken.replace(b"wlan", b"w\x81an"))).app is None


def test_a_query_of_an_old_driver_answers_minus_one() -> None:
    old = MONGO_QUERY[:8] + b"\xff" * 4 + MONGO_QUERY[12:]
    assert identify(Head(TCP, old)).app == "mongodb"
    assert identify(Head(TCP, MONGO_QUERY[:8] + b"\xff\xff\xff\xfe" + MONGO_QUERY[12:])).app is None


def test_text_with_a_priority_is_a_weak_syslog_message_and_without_text_none() -> None:
    found = identify(Head(UDP, b"<133>ssg: NetScreen device_id=0185082008001541 system-notification"))
    assert (found.app, found.tier) == ("syslog", Tier.C)
    assert identify(Head(UDP, b"<192>Oct 11 22:14:15 host su: over the last priority")).app is None
    assert identify(Head(UDP, b"<13>" + bytes(range(200, 240)))).app is None


def test_a_first_block_and_its_acknowledgement_are_tftp_and_another_block_s_is_not() -> None:
    assert identify(Head(UDP, TFTP_BLOCK, b"\0\4\0\1")).app == "tftp"
    assert identify(Head(UDP, TFTP_BLOCK, b"\0\4\0\2")).app is None


def test_sql_server_s_browser_lists_its_instances() -> None:
    assert identify(Head(UDP, b"\3", BROWSER)).app == "ms-sql"
    assert identify(Head(UDP, b"", BROWSER)).tier is Tier.B


def test_socks_with_a_method_that_was_not_offered_is_not_proved_by_both() -> None:
    asked = b"\5\1\0" + b"\5\1\0\1\xc0\0\2\1\1\xbb"
    assert identify(Head(TCP, asked, b"\5\0\5\0\0\1\0\0\0\0\0\0")).tier is Tier.A
    assert identify(Head(TCP, asked, b"\5\2")).tier is Tier.B
    assert identify(Head(TCP, asked, b"\5\xff")).tier is Tier.A


def test_socks_to_ipv6_says_the_target_in_brackets() -> None:
    asked = b"\5\1\0" + b"\5\1\0\4" + bytes(15) + b"\1\0\x16"
    assert facts(TCP, asked) == {"target": "[::1]:22"}


def test_lan_sync_may_order_its_keys_as_it_likes() -> None:
    turned = b'{"version": [2, 0], "port": 17500, "host_int": 330, "displayname": "", "namespaces": [1]}'
    assert identify(Head(UDP, turned)).app == identify(Head(UDP, LAN_SYNC)).app == "db-lsp"
    assert identify(Head(UDP, b'{"version": [2, 0], "port": 17500}')).app is None


def test_what_it_is_not_is_said_by_the_byte() -> None:
    web = Head(TCP, b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
    assert explain_not("socks", web) == (
        "not SOCKS: the client's byte 0 is 0x47, expected 0x04, 0x05; the server's byte 0 is 0x48, expected 0x00, 0x05"
    )
    assert explain_not("bittorrent", web) == (
        "not BitTorrent: the client's byte 0 is 0x47, expected 0x13; the server's byte 0 is 0x48, expected 0x13"
    )
    wrong = Head(UDP, radius(1) + b"\0", radius(2, number=9) + b"\0")
    assert explain_not("radius", wrong) == (
        "not RADIUS: the client's length at byte 2 says 20, the datagram has 21 bytes; "
        "the server's length at byte 2 says 20, the datagram has 21 bytes"
    )


def test_an_accept_of_oracle_alone_is_too_common_to_name_it() -> None:
    assert identify(Head(TCP, b"", TNS_ACCEPT)).tier < Tier.B
    assert CONNECT_DATA in TNS_CONNECT
    assert struct.unpack(">H", TNS_CONNECT[:2])[0] == len(TNS_CONNECT)


def test_a_message_that_is_mostly_zeros_is_not_proof_of_a_store() -> None:
    # RFC 2637, 2.1: a Start-Control-Connection-Request, whose version reads as MongoDB's OP_REPLY
    pptp = struct.pack(">HHIHHHHII", 156, 1, 0x1A2B3C4D, 1, 0, 0x0100, 0, 1, 1).ljust(156, b"\0")
    assert identify(Head(TCP, pptp, pptp)).app == "pptp"
    # a length of 128 and small numbers, little-endian, as Skinny has them
    skinny = struct.pack("<III", 128, 0, 1).ljust(136, b"\0")
    found = identify(Head(TCP, skinny))
    assert found.tier < Tier.B
    assert found.app in (None, "sccp")
