"""TLS records and hellos, SSL 2.0 forms, the middle of a connection, and imitations."""

import random
import struct
from hashlib import md5, sha256

import pytest

from oddport.engine.columns import NOTE_MIDSTREAM, TCP
from oddport.engine.heads import Head
from oddport.protocols.identify import identify
from oddport.protocols.model import Facts, Tier
from oddport.protocols.registry import CLIENT, SERVER
from oddport.protocols.tls import client, reject, server

from .build import (
    CLIENT_HELLO,
    SERVER_HELLO,
    SSL2_ANSWER,
    SSL2_HELLO,
    TLS13,
    alpn,
    client_hello,
    extension,
    server_hello,
    sni,
    tls_record,
)


def application(size: int, version: int = 0x0303) -> bytes:
    return tls_record(random.Random(size).randbytes(size), 0x17, version)


def digest(text: str) -> str:
    return md5(text.encode()).hexdigest()


def short_hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def said(client_bytes: bytes, server_bytes: bytes = b"") -> Facts:
    """The facts of a flow without its fingerprints."""
    facts = identify(Head(TCP, client_bytes, server_bytes)).facts
    return {key: value for key, value in facts.items() if not key.startswith("ja")}


def test_facts_of_both_hellos() -> None:
    found = identify(Head(TCP, CLIENT_HELLO, tls_record(server_hello(extension(43, b"\x03\x04"), alpn(b"h2")))))
    assert found.facts.pop("ja4") == "t13d0203h2_" + short_hash("1301,c02f") + "_" + short_hash("002b")
    assert found.facts.pop("ja3") == digest("771,4865-49199,0-16-43,,")
    assert found.facts.pop("ja3s") == digest("771,4865,43-16")
    assert found.facts == {
        "version": "TLS 1.3",
        "sni": "www.example.org",
        "alpn": ["h2", "http/1.1"],
        "cipher": "TLS_AES_128_GCM_SHA256",
        "alpn_chosen": "h2",
    }
    assert found.final


def test_grease_is_no_version_and_no_protocol_name() -> None:
    hello = client_hello(
        extension(43, b"\x06\x4a\x4a\x03\x04\x03\x03"), alpn(b"\x8a\x8a", b"h2"), extension(0x2A2A, b"")
    )
    facts = said(tls_record(hello))
    assert facts == {"version": "TLS 1.3", "alpn": ["h2"]}


def test_a_hello_of_1800_bytes_over_several_records_is_read_to_its_end() -> None:
    hello = client_hello(extension(51, b"\x11\xec" + b"k" * 1_700), sni(b"pq.example"), TLS13)
    pieces = b"".join(tls_record(hello[at : at + 600]) for at in range(0, len(hello), 600))
    found = client(pieces)
    assert found is not None
    assert said(pieces)["sni"] == "pq.example"
    assert "spread over 4 records" in found.spans[1][2]


def test_a_hello_cut_by_the_segment_stands_and_says_that_more_may_come() -> None:
    hello = tls_record(client_hello(extension(51, b"k" * 1_700), sni(b"late.example")))
    found = client(hello[:1_400])
    assert found is not None
    assert found.strong
    assert found.more
    assert said(hello[:1_400]) == {"version": "TLS 1.2"}
    for length in (11, 12, 45, 60, 80, 83, 90):
        assert client(hello[:length]) is not None, length
    assert client(hello[:10]) is None


def test_a_server_hello_of_the_drafts_has_no_session_id() -> None:
    body = b"\x7f\x12" + b"r" * 32 + b"\x13\x01" + struct.pack(">H", 4) + extension(43, b"")
    hello = tls_record(b"\2" + len(body).to_bytes(3, "big") + body)
    assert server(hello) is not None
    assert said(b"", hello) == {"version": "TLS 1.3 draft 18", "cipher": "TLS_AES_128_GCM_SHA256"}
    short = b"\x7f\x12" + b"r" * 36
    assert server(tls_record(b"\2" + len(short).to_bytes(3, "big") + short)) is None


def test_hellos_without_extensions_are_complete() -> None:
    found = client(tls_record(client_hello(version=0x0300, session=0), version=0x0300))
    assert found is not None
    assert not found.more
    assert said(tls_record(client_hello(version=0x0300, session=0), version=0x0300)) == {"version": "SSL 3.0"}


def damaged(at: int, value: int, data: bytes = CLIENT_HELLO) -> bytes:
    changed = bytearray(data)
    changed[at] = value
    return bytes(changed)


@pytest.mark.parametrize(
    ("at", "value", "why"),
    [
        (5, 3, "no first message"),
        (8, 0xFF, "the hello is longer than its extensions"),
        (9, 4, "version inside"),
        (43, 33, "session id longer than 32"),
        (77, 5, "odd number of cipher bytes"),
        (77, 0, "no cipher"),
        (82, 0, "no compression method"),
        (85, 0xFF, "extensions beyond the hello"),
        (89, 0xF0, "first extension beyond the block"),
    ],
)
def test_an_imitation_whose_lengths_do_not_nest_is_none(at: int, value: int, why: str) -> None:
    assert client(CLIENT_HELLO) is not None
    assert client(damaged(at, value)) is None, why
    assert reject(damaged(at, value), CLIENT) != "", why


def test_a_handshake_record_with_a_random_body_is_none() -> None:
    source = random.Random(245)
    for _ in range(2_000):
        assert client(tls_record(source.randbytes(200))) is None
        assert server(tls_record(source.randbytes(200))) is None


def test_an_imitation_cannot_be_finished_by_application_data() -> None:
    fake = tls_record(b"\x01" + b"A" * 199) + application(300) + application(300)
    assert client(fake) is None


def test_hellos_spread_over_what_is_no_record_are_none() -> None:
    hello = client_hello(extension(51, b"k" * 700))
    assert client(tls_record(hello[:300]) + b"GET / HTTP/1.1") is None
    assert client(tls_record(hello[:300]) + b"\x16\x03") is not None


def test_an_alert_answers_for_the_server() -> None:
    found = server(tls_record(b"\x02\x28", 0x15))
    assert found is not None
    assert found.strong
    assert server(tls_record(b"\x02\xf0", 0x15)) is None
    assert server(tls_record(b"\x03\x28", 0x15)) is None
    assert identify(Head(TCP, CLIENT_HELLO, tls_record(b"\x02\x46", 0x15))).tier == Tier.A


def test_hello_request_begins_a_renegotiation() -> None:
    assert server(tls_record(b"\0\0\0\0")) is not None
    assert client(tls_record(b"\0\0\0\0")) is None


def test_the_middle_of_a_connection_needs_two_records_that_close() -> None:
    two = application(40) + application(60)
    found = identify(Head(TCP, two))
    assert (found.app, found.tier, found.server) == ("tls", Tier.B, None)
    one = client(application(40))
    assert one is not None
    assert not one.strong
    assert client(application(40) + b"SSH-2.0-x") is None
    assert client(application(40) + application(60, 0x0302)) is None
    assert client(application(40) + b"\x17\x03") is not None


def test_a_record_longer_than_the_bytes_counts_a_little() -> None:
    cut = client(application(4_000)[:200])
    assert cut is not None
    assert not cut.strong
    assert identify(Head(TCP, application(4_000)[:200])).app is None
    assert client(application(4_000)[:40]) is None
    assert client(tls_record(b"x" * 400, 0x15)[:200]) is None


def test_a_capture_may_begin_in_a_plain_handshake_or_at_change_cipher_spec() -> None:
    ticket = b"\x04\0\0\x20" + b"t" * 32
    finish = tls_record(b"\1", 0x14) + tls_record(b"e" * 40)
    found = server(tls_record(ticket) + finish)
    assert found is not None
    assert found.strong
    assert client(finish) is not None
    assert client(tls_record(b"\2", 0x14)) is None
    assert client(tls_record(b"e" * 40) + application(40)) is None


def test_ssl_2_hellos_add_up() -> None:
    found = identify(Head(TCP, SSL2_HELLO, SERVER_HELLO))
    assert (found.app, found.tier) == ("tls", Tier.A)
    assert client(SSL2_HELLO[:13]) is not None
    for at, value in ((1, 0), (3, 9), (6, 7), (8, 3), (10, 99)):
        assert client(damaged(at, value, SSL2_HELLO)) is None
    assert client(SSL2_HELLO[:10]) is None
    assert server(SSL2_ANSWER) is not None
    for at, value in ((1, 0), (3, 9), (6, 9), (10, 2)):
        assert server(damaged(at, value, SSL2_ANSWER)) is None


def test_cipher_and_version_numbers_without_a_name_are_shown_as_numbers() -> None:
    facts = said(b"", tls_record(server_hello(extension(43, b"\x05\x05"), cipher=0xFEFE)))
    assert facts == {"version": "0x0505", "cipher": "0xfefe"}


def test_host_names_of_another_kind_or_beyond_their_extension_are_left_out() -> None:
    for body in (b"\0\4\1\0\1a", b"\0\7\0\0\xffabc", b"\0"):
        assert said(tls_record(client_hello(extension(0, body)))) == {"version": "TLS 1.2"}
    broken = tls_record(client_hello(extension(16, b"\0\3\x09h2"), extension(43, b"")))
    assert said(broken) == {"version": "TLS 1.2"}


def test_rejections_name_the_byte() -> None:
    assert reject(b"GET /", CLIENT) == "byte 0 is 0x47, a record starts with 0x14 to 0x18"
    assert reject(b"\x16\x05", CLIENT) == "byte 1 is 0x05, a record's version starts with 0x03"
    assert reject(b"\x16\x03\x09", CLIENT) == "byte 2 is 0x09, versions end in 0x00 to 0x04"
    assert reject(b"\x17\x03\x03\xff\xff", CLIENT).startswith("bytes 3 and 4 are a length of 65535")
    assert reject(CLIENT_HELLO, SERVER) == "byte 5 is 0x01, the first handshake message is a ServerHello (0x02)"
    assert reject(damaged(6, 9), CLIENT) == "byte 6 is 0x09, a ClientHello is shorter than 128 KB"
    assert reject(damaged(9, 9), CLIENT) == "byte 9 is 0x09, the version in a ClientHello starts with 0x03"
    assert reject(damaged(43, 99), CLIENT).startswith("the lengths inside the ClientHello")
    assert reject(tls_record(b"\x0b\0\0\xff" + b"c" * 30), SERVER) != ""
    assert reject(tls_record(b"\x0b\0\0\x1e" + b"c" * 30)[:20], SERVER) == ""
    assert reject(application(10) + b"hello", CLIENT).startswith("byte 15 is 0x68, where a record of 10 bytes ends")
    assert reject(application(9_000)[:30], CLIENT) == ""
    assert reject(damaged(1, 0, SSL2_HELLO), CLIENT).startswith("byte 0 is 0x80")
    assert reject(SSL2_HELLO[:8], CLIENT) == ""


def test_records_from_the_first_byte_on_without_a_handshake_are_said() -> None:
    two = application(40) + application(60)
    assert said(two, application(30) + application(50)) == {"no_handshake": True}
    assert said(two) == {"no_handshake": True}
    assert "no_handshake" not in said(CLIENT_HELLO + two, SERVER_HELLO + two)
    missed = identify(Head(TCP, two, two, notes=NOTE_MIDSTREAM))
    assert missed.facts == {}


def test_the_certificate_of_a_flow_whose_server_has_only_greeted_may_still_come() -> None:
    hello = tls_record(server_hello(version=0x0303))
    assert not identify(Head(TCP, CLIENT_HELLO, hello, closed=False)).final
    assert identify(Head(TCP, CLIENT_HELLO, hello, closed=True)).final
    assert identify(Head(TCP, CLIENT_HELLO, hello + tls_record(b"\1", 0x14), closed=False)).final
    assert identify(Head(TCP, CLIENT_HELLO, hello + tls_record(b"\x0e\0\0\0"), closed=False)).final
    assert identify(Head(TCP, CLIENT_HELLO, SERVER_HELLO, closed=False)).final


@pytest.mark.parametrize("size", [18, 22, 26, 32, 48, 80])
def test_an_encrypted_alert_that_is_all_there_is_tls_at_tier_c(size: int) -> None:
    """A connection that is closed long after its begin: one record, of a size that an alert has."""
    alert = b"\x15\x03\x03" + size.to_bytes(2, "big") + random.Random(size).randbytes(size)
    found = identify(Head(TCP, alert))
    assert (found.app, found.tier) == ("tls", Tier.C)
    assert identify(Head(TCP, b"", alert)).app == "tls"
    assert identify(Head(TCP, alert[:-1])).app is None
    assert identify(Head(TCP, alert, b"not TLS")).app is None


def test_an_alert_of_another_size_is_nothing() -> None:
    for size in (17, 23, 49, 120):
        assert identify(Head(TCP, b"\x15\x03\x03" + size.to_bytes(2, "big") + bytes(size))).app is None
