"""What is spoken behind STARTTLS, CONNECT, Upgrade and their kin, and in which packet it begins."""

import struct

import pytest

from oddport.engine.columns import TCP
from oddport.engine.heads import Head, Piece
from oddport.protocols.identify import identify
from oddport.protocols.model import Inner, Tier

from .build import (
    CLIENT_HELLO,
    LDAP_STARTTLS,
    MYSQL_GREETING,
    MYSQL_TLS,
    PG_TLS,
    RDP_CLIENT,
    RDP_SERVER,
    SERVER_HELLO,
    ber,
    integer,
    ldap,
    octets,
)

LDAP_AGREED = ldap(1, ber(0x78, integer(0, 10), octets(b""), octets(b"")))
GET = b"GET / HTTP/1.1\r\nHost: inside.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"
CONNECT = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
UPGRADE = b"GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


@pytest.mark.parametrize(
    ("app", "client", "server"),
    [
        ("smtp", b"EHLO a.example\r\nSTARTTLS\r\n", b"220 b ESMTP\r\n250-b\r\n250 STARTTLS\r\n220 Go ahead\r\n"),
        ("imap", b"a1 STARTTLS\r\n", b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\na1 OK begin\r\n"),
        ("pop3", b"CAPA\r\nSTLS\r\n", b"+OK POP3 ready <1.2@b>\r\n+OK\r\nSTLS\r\n.\r\n+OK begin\r\n"),
        ("ftp", b"AUTH TLS\r\n", b"220 FTP server ready\r\n234 Proceed\r\n"),
        ("ldap", LDAP_STARTTLS, LDAP_AGREED),
        ("postgresql", PG_TLS, b"S"),
        ("mysql", MYSQL_TLS, MYSQL_GREETING),
        ("rdp", RDP_CLIENT, RDP_SERVER),
        ("http", CONNECT, ESTABLISHED),
    ],
)
def test_tls_behind_the_agreement_is_inner_and_brings_its_names(app: str, client: bytes, server: bytes) -> None:
    found = identify(Head(TCP, client + CLIENT_HELLO, server + SERVER_HELLO))
    assert (found.app, found.tier) == (app, Tier.A)
    assert [each.app for each in found.inner] == ["tls"]
    assert found.facts["inner"] == ["tls"]
    assert found.facts["sni"] == "www.example.org"
    plain = identify(Head(TCP, client, server))
    assert plain.app == app
    assert plain.inner == ()
    assert not plain.final


def test_the_packet_and_frame_offset_of_the_first_inner_byte_are_kept() -> None:
    size = len(CONNECT)
    apart = [Piece(0, size, 0, 4, 54), Piece(size, len(CLIENT_HELLO), 0, 7, 54)]
    answer = [Piece(0, len(ESTABLISHED), 0, 6, 54)]
    head = Head(TCP, CONNECT + CLIENT_HELLO, ESTABLISHED, orig_pieces=apart, resp_pieces=answer)
    assert identify(head).inner == (Inner("tls", 7, 54),)
    together = [Piece(0, size + len(CLIENT_HELLO), 0, 4, 54)]
    head = Head(TCP, CONNECT + CLIENT_HELLO, ESTABLISHED, orig_pieces=together, resp_pieces=answer)
    assert identify(head).inner == (Inner("tls", 4, 54 + size),)


def test_a_client_that_was_called_is_followed_the_other_way_round() -> None:
    found = identify(Head(TCP, ESTABLISHED + SERVER_HELLO, CONNECT + CLIENT_HELLO))
    assert (found.server, found.facts["inner"]) == (0, ["tls"])


def test_a_websocket_is_named_by_the_upgrade_once_it_carries_something() -> None:
    assert identify(Head(TCP, UPGRADE, SWITCHING)).inner == ()
    found = identify(Head(TCP, UPGRADE + b"\x81\x85mask\x00\x00\x00\x00\x00", SWITCHING))
    assert (found.app, found.facts["inner"], found.facts["host"]) == ("http", ["websocket"], "a.example")


def test_a_refused_request_goes_on_as_it_was() -> None:
    for status in (b"400 Bad Request", b"403 Forbidden"):
        refused = b"HTTP/1.1 " + status + b"\r\n\r\n"
        assert identify(Head(TCP, CONNECT + CLIENT_HELLO, refused)).inner == ()
    assert identify(Head(TCP, GET, OK)).inner == ()
    assert identify(Head(TCP, b"", OK + SERVER_HELLO)).inner == ()
    own = RDP_SERVER[:-4] + struct.pack("<I", 0)
    assert identify(Head(TCP, RDP_CLIENT + CLIENT_HELLO, own)).inner == ()


def test_tunnels_in_tunnels_are_followed_to_a_depth() -> None:
    found = identify(Head(TCP, CONNECT + CONNECT + GET, ESTABLISHED + ESTABLISHED + OK))
    assert found.facts["inner"] == ["http", "http"]
    deep = identify(Head(TCP, CONNECT * 20 + GET, ESTABLISHED * 20 + OK))
    assert deep.facts["inner"] == ["http"] * 4


def test_cut_anywhere_the_outer_name_stands() -> None:
    client, server = CONNECT + CLIENT_HELLO, ESTABLISHED + SERVER_HELLO
    for length in range(len(CONNECT), len(client)):
        found = identify(Head(TCP, client[:length], server))
        assert found.app == "http"
        assert [each.app for each in found.inner] == ["tls"]


GREETED, PASSED_ON = b"\x05\x01\x00", b"\x05\x00\x00\x01" + bytes(6)
SOCKS_ASKS = {
    "a name": (GREETED + b"\x05\x01\x00\x03\x09a.example\x01\xbb", b"\x05\x00" + PASSED_ON),
    "an address of IPv6": (GREETED + b"\x05\x01\x00\x04" + bytes(15) + b"\x01\x01\xbb", b"\x05\x00" + PASSED_ON),
    "a login before": (
        b"\x05\x01\x02" + b"\x01\x02me\x03pwd" + b"\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb",
        b"\x05\x02" + b"\x01\x00" + PASSED_ON,
    ),
    "a name for version 4A": (b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00proxied.example\x00", b"\x00\x5a" + bytes(6)),
}


@pytest.mark.parametrize(("client", "server"), SOCKS_ASKS.values(), ids=SOCKS_ASKS)
def test_what_a_socks_server_passes_on_is_inner(client: bytes, server: bytes) -> None:
    found = identify(Head(TCP, client + CLIENT_HELLO, server + SERVER_HELLO))
    assert (found.app, found.facts["inner"]) == ("socks", ["tls"])
    for length in range(len(client)):
        assert identify(Head(TCP, client[:length], server)).inner == ()
    for length in range(1, len(server)):
        assert identify(Head(TCP, client + CLIENT_HELLO, server[:length])).inner == ()
