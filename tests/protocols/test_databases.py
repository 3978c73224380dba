"""MySQL and PostgreSQL: greeting, login, requests for encryption, errors."""

import struct

import pytest

from oddport.engine.columns import TCP
from oddport.engine.heads import Head
from oddport.protocols import mysql, postgresql
from oddport.protocols.identify import identify
from oddport.protocols.model import Tier
from oddport.protocols.registry import CLIENT, SERVER

from .build import (
    CLIENT_HELLO,
    MYSQL_GREETING,
    MYSQL_LOGIN,
    MYSQL_TLS,
    PG_READY,
    PG_STARTUP,
    PG_TLS,
    SERVER_HELLO,
    mysql_packet,
    pg_message,
    pg_startup,
)


def test_mysql_facts_are_version_and_user() -> None:
    found = identify(Head(TCP, MYSQL_LOGIN, MYSQL_GREETING))
    assert (found.app, found.tier, found.facts) == ("mysql", Tier.A, {"user": "root", "version": "8.0.36"})


def test_a_greeting_alone_is_tier_b_and_tells_the_server() -> None:
    found = identify(Head(TCP, b"", MYSQL_GREETING))
    assert (found.app, found.tier, found.server) == ("mysql", Tier.B, 1)


def test_a_mysql_client_that_turns_to_tls_stays_mysql() -> None:
    found = identify(Head(TCP, MYSQL_TLS + CLIENT_HELLO, MYSQL_GREETING))
    assert (found.app, found.facts["starttls"]) == ("mysql", True)
    assert mysql.client(MYSQL_TLS + b"root") is None


def test_an_error_stands_in_place_of_a_greeting() -> None:
    text = b"Host '10.0.0.9' is not allowed to connect to this MySQL server"
    found = mysql.server(mysql_packet(0, b"\xff" + struct.pack("<H", 1130) + text))
    assert found is not None
    assert found.facts == {"error": 1130, "banner": text.decode()}
    assert mysql.server(mysql_packet(0, b"\xff" + struct.pack("<H", 99) + text)) is None
    assert mysql.server(mysql_packet(0, b"\xff" + struct.pack("<H", 1130) + b"Host \0 is not allowed")) is None


@pytest.mark.parametrize(
    ("at", "value"), [(0, 0xFF), (3, 1), (4, 9), (5, 0x41), (6, 1), (24, 7), (32, 99), (33, 1), (38, 1), (11, 0x38)]
)
def test_a_greeting_with_one_field_changed_is_none(at: int, value: int) -> None:
    changed = bytearray(MYSQL_GREETING)
    changed[at] = value
    assert mysql.server(bytes(changed)) is None


@pytest.mark.parametrize(("at", "value"), [(0, 0xFF), (2, 1), (3, 0), (5, 0), (13, 1), (31, 1), (36, 7)])
def test_a_login_with_one_field_changed_is_none(at: int, value: int) -> None:
    changed = bytearray(MYSQL_LOGIN)
    changed[at] = value
    assert mysql.client(bytes(changed)) is None


def test_a_login_without_the_end_of_its_user_or_too_short_is_none() -> None:
    assert mysql.client(MYSQL_LOGIN[:30]) is None
    assert mysql.client(mysql_packet(1, struct.pack("<IIB", 0x200, 1, 33) + b"\0" * 23 + b"root")) is None
    assert mysql.client(mysql_packet(1, struct.pack("<IIB", 0x200, 1, 33) + b"\0" * 23)) is None
    assert mysql.server(b"\x4a\0\0\0\x0a8.0") is None


def test_mysql_rejections_name_the_byte() -> None:
    assert mysql.reject(b"HTTP", SERVER).startswith("byte 2 is 0x54, the length of the first packet")
    assert mysql.reject(b"\x4a\0\0\5", SERVER) == "byte 3 is 0x05, the server's first packet has number 0"
    assert mysql.reject(b"\x4a\0\0\0\x20", SERVER) == "byte 4 is 0x20, a greeting starts with protocol version 0x0a"
    assert mysql.reject(MYSQL_GREETING, CLIENT) == "byte 3 is 0x00, the client's first packet has number 1"


def test_postgresql_facts_are_user_database_and_version() -> None:
    found = identify(Head(TCP, PG_STARTUP, PG_READY))
    assert (found.app, found.tier) == ("postgresql", Tier.A)
    assert found.facts == {"user": "alice", "database": "shop", "auth": "ok", "version": "15.3"}


def test_requests_for_encryption_are_eight_fixed_bytes() -> None:
    for request in (PG_TLS, bytes.fromhex("0000000804d21630")):
        found = identify(Head(TCP, request))
        assert (found.app, found.tier, found.server) == ("postgresql", Tier.B, 1)
    assert postgresql.client(bytes.fromhex("0000000904d2162f")) is None
    cancel = bytes.fromhex("0000001004d2162e0000002a12345678")
    assert postgresql.client(cancel) is not None
    assert postgresql.client(cancel[:12]) is None


def test_answers_to_a_request_for_encryption() -> None:
    for answer in (b"S", b"N", b"G", b"S" + SERVER_HELLO, b"N" + PG_READY):
        assert identify(Head(TCP, PG_TLS, answer)).tier == Tier.A, answer[:8]
    assert identify(Head(TCP, PG_TLS + bytes.fromhex("0000000804d21630") + PG_STARTUP, b"NN" + PG_READY)).tier == Tier.A
    assert postgresql.server(b"S" + PG_READY) is None
    assert postgresql.server(b"SSH-2.0-x") is None
    assert postgresql.server(b"NOTICE") is None
    assert postgresql.client(PG_TLS + b"\0") is not None


def test_a_startup_needs_a_user_and_pairs_that_close() -> None:
    assert postgresql.client(pg_startup(database=b"x")) is None
    assert postgresql.client(PG_STARTUP[:-1]) is None
    assert postgresql.client(struct.pack(">I", len(PG_STARTUP) + 1) + PG_STARTUP[4:] + b"x") is None
    odd = b"\0\3\0\0user\0alice\0database\0"
    assert postgresql.client(struct.pack(">I", len(odd) + 4) + odd) is None
    assert postgresql.client(PG_STARTUP[:4] + b"\0\2\0\0" + PG_STARTUP[8:]) is None
    assert postgresql.client(PG_STARTUP[:4] + b"\0\3\0\2" + PG_STARTUP[8:]) is not None
    assert postgresql.client(PG_STARTUP.replace(b"database", b"data\1ase")) is None


def test_authentication_requests_have_their_lengths() -> None:
    assert postgresql.server(pg_message(b"R", b"\0\0\0\5salt")) is not None
    sasl = postgresql.server(pg_message(b"R", b"\0\0\0\x0aSCRAM-SHA-256\0\0"))
    assert sasl is not None
    assert sasl.facts == {"auth": "sasl"}
    assert postgresql.server(pg_message(b"R", b"\0\0\0\5sal")) is None
    assert postgresql.server(pg_message(b"R", b"\0\0\0\x63")) is None


def test_an_error_names_its_message() -> None:
    fields = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "alice"\0\0'
    found = postgresql.server(pg_message(b"E", fields))
    assert found is not None
    assert found.strong
    assert found.facts == {"error": 'password authentication failed for user "alice"'}
    assert postgresql.server(pg_message(b"E", b"SFATAL\0\0xxxxx")) is None
    assert postgresql.server(pg_message(b"E", b"SFA\x01AL\0V\0C\0M\0\0")) is None
    assert postgresql.server(pg_message(b"E", b"SFATAL\0Mx\0\0")) is None


def test_version_negotiation_counts_only_with_the_client() -> None:
    found = postgresql.server(pg_message(b"v", b"\0\3\0\0\0\0\0\0"))
    assert found is not None
    assert not found.strong
    assert postgresql.server(pg_message(b"R", b"\0\0\0\0") + b"?\0\0\0\5x") is None
    assert postgresql.server(b"R\0\0") is None


def test_postgresql_rejections_name_the_byte() -> None:
    assert postgresql.reject(b"GET ", CLIENT) == "byte 0 is 0x47, a start-up message is shorter than 64 KB"
    assert postgresql.reject(b"\0\0\0\x08\x16", CLIENT).startswith("byte 4 is 0x16, protocol 3")
    assert postgresql.reject(b"HTTP", SERVER) == "byte 0 is 0x48, an answer starts with S, N, G, R, E or v"
