"""Messengers, calls, media, peers and routers: what an analyst asks of them, what proves them, and what nearly does."""

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.model import Facts, Tier

from . import talk
from .talk import (
    adb,
    ajp,
    amqp,
    bgp,
    bitcoin,
    discovery,
    donkey,
    fix,
    framed,
    gearman,
    giop,
    iscsi,
    kafka,
    oicq,
    openflow,
    pptp,
    radmin,
    rip,
    ripng,
    skinny,
    smpp,
    tacacs,
    thrift,
    tpkt,
    xdmcp,
)


def name(transport: int, client: bytes, server: bytes = b"") -> tuple[str | None, Tier]:
    found = identify(Head(transport, client, server))
    return found.app, found.tier


@pytest.mark.parametrize(
    ("transport", "client", "server", "facts"),
    [
        (TCP, b"example.com\r\n", talk.WHOIS_TOLD, {"query": "example.com"}),
        (TCP, b"6193, 23\r\n", talk.IDENT_TOLD, {"user": "stjohns"}),
        (TCP, talk.RLOGIN_ASKED, b"", {"client_user": "bostic", "user": "kbostic"}),
        (TCP, talk.RSH_ASKED, b"", {"client_user": "lns", "user": "root", "command": "mkdir testdir"}),
        (TCP, talk.RSYNC, b"", {"version": "31.0"}),
        (TCP, talk.GIT_ASKED, b"", {"path": "/tools.git", "host": "git.example"}),
        (TCP, talk.SVN_ASKED, b"", {"url": "svn://svn.example/trunk"}),
        (TCP, talk.CVS_ASKED, b"", {"path": "/cvsroot", "user": "anonymous"}),
        (TCP, talk.XMPP_ASKED, talk.XMPP_TOLD, {"host": "im.example"}),
        (TCP, talk.KAFKA_ASKED, talk.KAFKA_TOLD, {"request": "ApiVersions", "version": 0, "client_id": "rdkafka"}),
        (TCP, talk.SMPP_BIND, b"", {"system_id": "SMPP3TEST"}),
        (TCP, fix(b"A", b"BUYER"), b"", {"version": "FIX.4.2", "sender": "BUYER"}),
        (TCP, talk.hl7(b"ADT"), b"", {"application": "ADT"}),
        (TCP, thrift(1, b"get_anonymous"), b"", {"method": "get_anonymous"}),
        (TCP, framed(thrift(1, b"get_anonymous")), b"", {"method": "get_anonymous"}),
        (UDP, talk.THRIFT_COMPACT, b"", {"method": "emitBatch"}),
        (TCP, talk.AJP_ASKED, b"", {"method": "GET", "path": "/app", "host": "a.example"}),
        (TCP, adb(b"CNXN", 1, 4096, b"device::ro.x=y\0"), b"", {"banner": "device::ro.x=y"}),
        (
            TCP,
            talk.RTSP_ASKED,
            talk.RTSP_TOLD,
            {"uri": "rtsp://camera.example/live", "user_agent": "player 3", "status": "200", "server": "cam 1"},
        ),
        (UDP, talk.MGCP_ASKED, b"", {"endpoint": "aaln/1@rgw-2567.whatever.net"}),
        (
            TCP,
            talk.BITCOIN_VERSION,
            b"",
            {"network": "bitcoin", "command": "version", "user_agent": "/Satoshi:0.20.0/"},
        ),
        (TCP, talk.STRATUM_ASKED, b"", {"method": "mining.subscribe"}),
        (TCP, talk.MONERO_ASKED, b"", {"user": "44AFFq5k"}),
        (TCP, talk.GNUTELLA_ASKED, b"", {"version": "0.6", "user_agent": "BearShare"}),
        (UDP, oicq(1, 7, bytes(8) + bytes(range(24))), b"", {"user": 1_444_875_387}),
        (TCP, talk.BGP_OPEN, b"", {"as": 65_001, "router": "10.0.0.1"}),
        (TCP, pptp(1, b"local", b"cananian"), b"", {"host": "local", "vendor": "cananian"}),
        (TCP, tacacs(1, bytes(range(30))), b"", {"type": "authentication"}),
        (
            TCP,
            talk.ISCSI_ASKED,
            b"",
            {"initiator": "iqn.2001-04.com.example:pc", "target": "iqn.2001-04.com.example:disk"},
        ),
        (TCP, talk.associate(1), b"", {"called": "STORESCP", "calling": "ECHOSCU"}),
        (
            TCP,
            talk.zabbix(b'{"request":"active checks","host":"web1"}'),
            b"",
            {"request": "active checks", "host": "web1"},
        ),
    ],
)
def test_what_an_analyst_asks_is_a_fact(transport: int, client: bytes, server: bytes, facts: Facts) -> None:
    assert identify(Head(transport, client, server)).facts == facts


def test_an_rtmp_client_says_where_it_wants_to_go() -> None:
    client = talk.RTMP_ASKED + talk.RTMP_TOLD[1:1537] + talk.RTMP_CONNECT
    found = identify(Head(TCP, client, talk.RTMP_TOLD))
    assert found.facts == {"application": "live", "url": "rtmp://a.example/l"}
    assert name(TCP, client)[1] is Tier.B
    digest = b"\3" + bytes(4) + b"\x80\0\7\2" + client[9:]
    assert name(TCP, digest) == ("rtmp", Tier.B)


def test_a_handshake_of_rtmp_whose_echo_differs_is_not_proved_by_both() -> None:
    told = talk.RTMP_TOLD[:1545] + bytes(1528)
    assert name(TCP, talk.RTMP_ASKED, talk.RTMP_TOLD) == ("rtmp", Tier.A)
    assert name(TCP, talk.RTMP_ASKED, told)[1] < Tier.A


@pytest.mark.parametrize(
    ("transport", "client"),
    [
        (TCP, b"\0bostic\0kbostic\0"),
        (TCP, b"0031" + talk.GIT_ASKED[4:]),
        (TCP, b"JRMI\0\3K"),
        (TCP, thrift(1, b"no such name")),
        (TCP, giop(0, bytes(40))[:-1] + b"\0" + b"GIOQ" + bytes(20)),
        (TCP, ajp(b"\x12\x34", b"\2\2" + bytes(20))),
        (TCP, adb(b"CNXN", 1, 4096, b"")[:20] + b"CNXN"),
        (TCP, amqp(61, 10, b"")),
        (TCP, amqp(10, 10, b"12345678")[:-1] + b"\xcf\1"),
        (TCP, kafka(18, 0, 7, b"rd\0afka")),
        (TCP, kafka(930, 0, 7, b"rdkafka")),
        (TCP, gearman(b"REQ", 43)),
        (TCP, smpp(9, b"\xff\xfeSMPP3TEST\0", 1)),
        (TCP, smpp(4, status=3)),
        (TCP, tpkt(b"\2\x70\1\6\0\x08\x81\x76\0\7" + bytes(20))),
        (TCP, skinny(0x26, bytes(12), 0x99)),
        (TCP, bitcoin(b"version", b"abc")[:-1] + b"x"),
        (TCP, bitcoin(b"VERSION", b"abc")),
        (TCP, donkey(2, bytes(30))),
        (TCP, bgp(7, b"")),
        (TCP, openflow(0, bytes(8))),
        (TCP, iscsi(0x43, bytes(40))),
        (TCP, tacacs(3, bytes(30))),
        (TCP, b'{"id":1,"method":"eth_call","params":[]}\n'),
        (TCP, talk.x11("<")[:2] + b"\x0c" + talk.x11("<")[3:]),
        (UDP, xdmcp(2, b"\0") + b"\0"),
        (UDP, talk.TRANSPORT_STREAM[:188] + b"\x48" + talk.TRANSPORT_STREAM[189:]),
        (UDP, talk.TRANSPORT_STREAM + b"\x47"),
        (UDP, talk.RTPS[:-1]),
        (UDP, talk.DISCOVER[:-1] + b"\1"),
        (UDP, rip(2, (2, 17))),
        (UDP, rip(2, (3, 1))),
        (UDP, rip(2, (2, 1)) + b"\0"),
        (UDP, ripng(2, (b"\x20\1\x0d\xb8", 129, 1))),
        (UDP, ripng(2, (b"\x20\1\x0d\xb8", 16, 1))),
        (UDP, b"\5" + talk.RAKNET[:-1] + b"\x79" + bytes(100)),
        (UDP, oicq(3, 7, bytes(24))),
        (TCP, radmin(b"\x08\2\0\0\x0a")[:-1] + b"\x0b"),
        (TCP, b"ZBXD\3" + bytes(8) + b"\x79"),
        (UDP, discovery(1, b"\4", bytes(20)) + b"\0"),
        (UDP, discovery(1, b"\4", bytes(20))[:-5] + b"\x85" + bytes(4)),
        (UDP, b"r6fnvWj9" + bytes(60)),
        (UDP, talk.RAS_ASKED.replace(b"\x91\x4a", b"\x91\x4b")),
    ],
)
def test_what_is_nearly_one_of_them_has_no_name(transport: int, client: bytes) -> None:
    assert name(transport, client)[0] is None


def test_answers_belong_to_what_was_asked() -> None:
    assert name(TCP, talk.KAFKA_ASKED, talk.KAFKA_TOLD)[1] is Tier.A
    assert name(TCP, talk.KAFKA_ASKED, talk.KAFKA_TOLD[:7] + b"\x63" + talk.KAFKA_TOLD[8:])[1] is Tier.B
    assert name(UDP, talk.MGCP_ASKED, b"200 1202 OK\r\n")[1] is Tier.B
    assert name(UDP, oicq(2, 7, bytes(24)), oicq(2, 8, bytes(24)))[1] < Tier.B


def test_what_begins_in_the_middle_is_named_where_it_closes() -> None:
    assert name(TCP, talk.AMQP_PUBLISH * 2) == ("amqp", Tier.B)
    assert name(TCP, b"</stream:stream>") == ("xmpp", Tier.B)
    stanza = b"<message to='a@im.example' type='chat'><body>x</body></message>"
    assert name(TCP, stanza) == ("xmpp", Tier.C)
    assert name(TCP, bgp(4, b"") * 3) == ("bgp", Tier.B)


def test_an_answer_of_dnscrypt_proves_it_and_its_question_cannot_be_told() -> None:
    answer = b"r6fnvWj8" + bytes(range(24)) + bytes(80)
    found = identify(Head(UDP, bytes(range(200)), answer))
    assert (found.app, found.tier, found.server) == ("dnscrypt", Tier.B, 1)


def test_packed_messages_of_zabbix_are_zabbix() -> None:
    packed = b"ZBXD\3" + (6).to_bytes(4, "little") + (9).to_bytes(4, "little") + b"\x78\x9c1234"
    assert name(TCP, packed, packed) == ("zabbix", Tier.A)


def test_rsh_and_rlogin_are_told_apart_by_terminal_and_speed() -> None:
    assert name(TCP, b"\0a\0b\0ls -l /tmp\0")[0] == "rsh"
    assert name(TCP, b"\0a\0b\0xterm/38400\0")[0] == "rlogin"


def test_the_first_byte_that_speaks_against_them_is_named() -> None:
    other = b"\x16\x03\x01" + bytes(40)
    assert "byte 0 is 0x16" in (explain_not("git", Head(TCP, other, other)) or "")
    ask = b"0030nothing-like-it\0"
    assert "a request names a service" in (explain_not("git", Head(TCP, ask, other)) or "")
    assert "a handshake has zeros there" in (
        explain_not("rtmp", Head(TCP, b"\3" + b"\1" * 20, b"\3" + b"\1" * 20)) or ""
    )
    assert "no object identifier" in (explain_not("h323", Head(UDP, bytes(40), bytes(40))) or "")
