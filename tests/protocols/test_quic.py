"""QUIC: long-header packets whose lengths close, versions, version negotiation, and Google's older forms."""

import struct

import pytest

from oddport.engine.columns import UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import identify
from oddport.protocols.model import Tier, said
from oddport.protocols.quic import client, pair, reject, server
from oddport.protocols.registry import CLIENT, SERVER

from .build import GQUIC_CLIENT, QUIC_CLIENT, QUIC_SERVER, quic_initial

V2 = 0x6B3343CF


def handshake(version: int, target: bytes, source: bytes, size: int, first: int = 0xE3) -> bytes:
    head = (
        bytes((first,)) + struct.pack(">I", version) + bytes((len(target),)) + target + bytes((len(source),)) + source
    )
    return head + struct.pack(">H", 0x4000 | size - len(head) - 2) + b"h" * (size - len(head) - 2)


@pytest.mark.parametrize(
    ("version", "first", "word"),
    [
        (1, 0xC3, "1"),
        (V2, 0xD3, "2"),
        (0xFF00001D, 0xC3, "draft-29"),
        (0xFACEB002, 0xC3, "mvfst 0x02"),
        (0x54303530, 0xC3, "T050"),
    ],
)
def test_versions_with_the_wire_format_of_version_1(version: int, first: int, word: str) -> None:
    found = client(quic_initial(version, b"12345678", b"", 1200, first=first))
    assert found is not None
    assert found.strong
    assert found.facts == {"version": word}


def test_old_drafts_keep_both_id_lengths_in_one_byte() -> None:
    head = b"\xc3" + struct.pack(">I", 0xFF000011) + b"\x50" + b"12345678" + b"\0"
    found = client(head + struct.pack(">H", 0x4000 | 1200 - len(head) - 2) + b"q" * (1200 - len(head) - 2))
    assert found is not None
    assert found.facts == {"version": "draft-17"}


def test_a_clients_initial_comes_in_1200_bytes_to_an_id_of_eight() -> None:
    assert client(quic_initial(1, b"12345678", b"", 1199)) is None
    assert client(quic_initial(1, b"1234567", b"", 1200)) is None
    assert client(quic_initial(1, b"1" * 20, b"", 1200)) is not None
    assert client(quic_initial(1, b"1" * 21, b"", 1200)) is None
    assert client(quic_initial(1, b"12345678", b"s" * 21, 1200)) is None
    assert client(quic_initial(1, b"12345678", b"", 1200, token=b"t" * 40)) is not None


def test_a_server_sends_no_token_and_no_early_data() -> None:
    assert server(quic_initial(1, b"", b"87654321", 1200, token=b"t")) is None
    assert server(handshake(1, b"", b"87654321", 300, first=0xD3)) is None
    assert client(handshake(1, b"12345678", b"", 300, first=0xD3)) is not None


def test_packets_of_one_datagram_close_on_each_other() -> None:
    both = quic_initial(1, b"abcde", b"87654321", 200) + handshake(1, b"abcde", b"87654321", 1000)
    found = server(both)
    assert found is not None
    assert "Handshake packet, where the one before it ends" in [said(says) for _, _, says in found.spans]
    assert server(quic_initial(1, b"abcde", b"87654321", 200) + handshake(1, b"other", b"87654321", 1000)) is None
    assert server(quic_initial(1, b"abcde", b"87654321", 200) + handshake(1, b"abcde", b"87654321", 1000)[:-1]) is None


def test_a_short_header_or_padding_may_follow() -> None:
    assert server(quic_initial(1, b"abcde", b"87654321", 200) + b"\x40" + b"s" * 30) is not None
    assert server(quic_initial(1, b"abcde", b"87654321", 200) + b"\x40" + b"s" * 5) is None
    assert client(quic_initial(1, b"12345678", b"", 400) + b"\0" * 900) is not None
    assert client(quic_initial(1, b"12345678", b"", 400) + b"\0" * 900 + b"x") is None


def test_a_server_may_clear_the_fixed_bit_and_a_client_may_not() -> None:
    assert server(quic_initial(1, b"abcde", b"87654321", 1200, first=0x83)) is not None
    assert client(quic_initial(1, b"12345678", b"", 1200, first=0x83)) is None


def test_the_server_answers_to_the_id_that_the_client_chose() -> None:
    assert pair(QUIC_CLIENT, QUIC_SERVER)
    stranger = quic_initial(1, b"other", b"87654321", 1200)
    assert not pair(QUIC_CLIENT, stranger)
    assert identify(Head(UDP, QUIC_CLIENT, stranger)).tier == Tier.B
    assert pair(GQUIC_CLIENT, QUIC_SERVER)


def test_a_retry_counts_only_with_its_client() -> None:
    retry = b"\xf0" + struct.pack(">I", 1) + b"\x05abcde\x0887654321" + b"token" + b"t" * 16
    found = server(retry)
    assert found is not None
    assert not found.strong
    assert client(retry) is None
    assert identify(Head(UDP, QUIC_CLIENT, retry)).tier == Tier.A
    assert server(retry[:30]) is None


def negotiation(*versions: int) -> bytes:
    return b"\x9a\0\0\0\0\x05abcde\x0812345678" + b"".join(struct.pack(">I", one) for one in versions)


def test_version_negotiation_answers_a_reserved_version_and_names_nothing_alone() -> None:
    greased = quic_initial(0x1A2A3A4A, b"12345678", b"abcde", 1200)
    found = identify(Head(UDP, greased, negotiation(1, 0x5A6A7A8A)))
    assert (found.app, found.tier) == ("quic", Tier.A)
    assert identify(Head(UDP, b"x", negotiation(1))).app is None
    assert server(negotiation(0x5A6A7A8A)) is None
    assert server(negotiation(1) + b"x") is None
    assert server(negotiation()) is None
    assert server(b"\x9a\0\0\0\0\x15" + b"a" * 40) is None
    assert server(greased) is None
    assert client(quic_initial(0x1A2A3A4A, b"12345678", b"", 1200) + b"\0" * 8) is None


def test_short_headers_alone_and_unknown_versions_are_none() -> None:
    assert client(b"\x40" + b"s" * 1300) is None
    assert server(b"\x4c" + b"s" * 60) is None
    assert client(quic_initial(0x12345678, b"12345678", b"", 1200)) is None
    assert client(QUIC_CLIENT[:20]) is None


def test_lengths_that_leave_the_datagram_are_none() -> None:
    assert client(QUIC_CLIENT[:21] + b"\x7f\xff" + QUIC_CLIENT[23:]) is None
    head = b"\xc3" + struct.pack(">I", 1) + b"\x0812345678\0"
    assert client((head + b"\0\x01").ljust(1200, b"q")) is None
    assert client((head + b"\xc0" + b"\xff" * 7).ljust(1200, b"q")) is None
    assert client(b"\xc3" + struct.pack(">I", 1) + b"\x14" + b"1" * 19) is None


def test_google_quic_shows_its_version_and_its_hello() -> None:
    found = client(GQUIC_CLIENT)
    assert found is not None
    assert found.facts == {"version": "Q043"}
    assert client(GQUIC_CLIENT[:1000]) is None
    assert client(GQUIC_CLIENT.replace(b"CHLO", b"CHLX")) is None
    assert client(GQUIC_CLIENT.replace(b"Q043", b"X043")) is None
    rejection = b"\x0812345678\x01" + b"h" * 12 + b"\xa0\1\0\4REJ\0" + b"r" * 60
    assert identify(Head(UDP, GQUIC_CLIENT, rejection)).tier == Tier.A
    assert server(rejection.replace(b"REJ\0", b"XXXX")) is None
    assert server(b"\x08" + b"1" * 30) is None


def test_google_quic_with_long_headers() -> None:
    hello = (b"\xc3Q046\x50" + b"12345678" + b"\0\0\0\1" + b"h" * 12 + b"\xa0\1\0\4CHLO").ljust(1350, b"\0")
    assert client(hello) is not None
    answer = b"\xd3Q046\x05" + b"12345678" + b"\0\0\0\1" + b"e" * 60
    found = server(answer)
    assert found is not None
    assert not found.strong
    assert identify(Head(UDP, hello, answer)).tier == Tier.A
    assert server(answer[:5] + b"\x11" + answer[6:]) is None


def test_rejections_name_the_byte() -> None:
    assert reject(b"GET / HTTP/1.1", CLIENT).startswith("byte 0 is 0x47, a first packet has a long header")
    assert reject(b"\x83" + b"x" * 30, CLIENT).startswith("byte 0 is 0x83")
    assert reject(b"\x40" + b"x" * 30, SERVER) == ""
    assert reject(b"\xc3\0\0", CLIENT) == "3 bytes, a long header alone has 7"
    assert reject(QUIC_CLIENT[:600], CLIENT) == "600 bytes, a client's Initial packet comes in 1200 or more"
    assert reject(QUIC_SERVER[:600], SERVER).startswith("the lengths from byte 5 on do not close")
    assert reject(b"\xc3ABCD\x30" + b"x" * 60, CLIENT).startswith("byte 5 is 0x30, connection ids")
    assert reject(b"\xc3ABCD\x08" + b"x" * 60, CLIENT) == ""
    assert reject(negotiation(1), SERVER) == ""
