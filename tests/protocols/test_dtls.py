"""DTLS: records that close on the datagram, hellos in fragments, cookies, and what is none."""

import random
import struct

import pytest

from oddport.engine.columns import UDP
from oddport.engine.heads import Head
from oddport.protocols.dtls import client, reject, server
from oddport.protocols.identify import identify
from oddport.protocols.model import Tier
from oddport.protocols.registry import CLIENT, SERVER

from .build import alpn, extension, sni

DTLS12 = 0xFEFD


def record(data: bytes, kind: int = 22, *, version: int = DTLS12, epoch: int = 0, number: int = 0) -> bytes:
    """RFC 6347, 4.1: type, version, epoch, 48 bits of sequence number, length."""
    return struct.pack(">BHHHIH", kind, version, epoch, 0, number, len(data)) + data


def message(kind: int, body: bytes, number: int = 0, pieces: int = 1) -> list[bytes]:
    """RFC 6347, 4.2.2: a handshake message in fragments."""
    step = -(-len(body) // pieces)
    return [
        bytes((kind,))
        + len(body).to_bytes(3, "big")
        + struct.pack(">H", number)
        + at.to_bytes(3, "big")
        + len(body[at : at + step]).to_bytes(3, "big")
        + body[at : at + step]
        for at in range(0, len(body), step)
    ]


def hello_body(*extensions: bytes, cookie: bytes = b"", version: int = DTLS12) -> bytes:
    joined = b"".join(extensions)
    body = struct.pack(">H", version) + b"R" * 32 + b"\0" + bytes((len(cookie),)) + cookie
    return body + b"\0\4\xc0\x2b\xc0\x2f\1\0" + struct.pack(">H", len(joined)) + joined


def answer_body(*extensions: bytes) -> bytes:
    joined = b"".join(extensions)
    return struct.pack(">H", DTLS12) + b"r" * 32 + b"\0\xc0\x2f\0" + struct.pack(">H", len(joined)) + joined


HELLO = hello_body(sni(b"vpn.example.org"), alpn(b"webrtc"))
CLIENT_HELLO = record(message(1, HELLO)[0])
VERIFY = record(message(3, b"\xfe\xff\x08cookie!!")[0], version=0xFEFF)
SERVER_HELLO = record(message(2, answer_body(alpn(b"webrtc")))[0])


def flow(orig: tuple[bytes, ...], resp: tuple[bytes, ...] = (), closed: bool = True) -> Head:
    return Head(UDP, b"".join(orig[:1]), b"".join(resp[:1]), orig, resp, closed=closed)


def test_hellos_of_both_sides_name_it_and_say_what_was_agreed() -> None:
    found = identify(flow((CLIENT_HELLO,), (SERVER_HELLO,)))
    assert (found.app, found.tier, found.server) == ("dtls", Tier.A, 1)
    assert found.facts["sni"] == "vpn.example.org"
    assert found.facts["version"] == "DTLS 1.2"
    assert found.facts["cipher"] == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    assert found.facts["alpn_chosen"] == "webrtc"
    assert str(found.facts["ja4"]).startswith("dd2d0202wc_")


def test_a_cookie_is_asked_for_and_the_second_hello_counts() -> None:
    again = record(message(1, hello_body(sni(b"second.example"), cookie=b"cookie!!"), 1)[0], number=1)
    found = identify(flow((CLIENT_HELLO, again), (VERIFY, SERVER_HELLO)))
    assert found.facts["cookie"] is True
    assert found.facts["sni"] == "second.example"


def test_a_hello_in_fragments_over_two_datagrams_is_put_together() -> None:
    first, second = (record(piece, number=n) for n, piece in enumerate(message(1, HELLO, pieces=2)))
    assert identify(flow((first, second), (SERVER_HELLO,))).facts["sni"] == "vpn.example.org"
    waiting = identify(flow((first,), (SERVER_HELLO,), closed=False))
    assert waiting.app == "dtls"
    assert not waiting.final


def test_a_pre_standard_hello_is_dtls_too() -> None:
    old = record(message(1, hello_body(version=0x0100))[0], version=0x0100)
    assert identify(flow((old,))).facts["version"] == "DTLS 0.9"


def test_encrypted_records_that_close_prove_it_from_the_middle() -> None:
    data = record(b"e" * 60, 23, epoch=1, number=77)
    found = identify(flow((data,)))
    assert (found.app, found.tier, found.server) == ("dtls", Tier.B, None)
    assert client(data + data) is not None
    assert client(data[:-1]) is None
    assert client(data + b"x") is None
    assert client(record(b"e" * 60, 23, epoch=0)) is None, "application data is never sent in clear"


def test_encrypted_records_of_dtls_13_may_follow_plain_ones() -> None:
    assert server(SERVER_HELLO + b"\x2e\0\1\0\x20" + b"e" * 32) is not None
    assert server(SERVER_HELLO + b"\x2e\0\1") is None
    assert server(b"\x2e\0\1\0\x20" + b"e" * 32) is None


def test_each_side_sends_its_own_messages() -> None:
    assert server(CLIENT_HELLO) is None
    assert client(SERVER_HELLO) is None
    assert client(VERIFY) is None


@pytest.mark.parametrize(
    ("at", "value"), [(1, 3), (3, 1), (5, 1), (11, 1), (13, 9), (14, 2), (19, 9), (22, 9), (25, 3), (60, 9)]
)
def test_a_changed_length_version_or_type_is_none(at: int, value: int) -> None:
    changed = bytearray(CLIENT_HELLO)
    changed[at] = value
    assert client(bytes(changed)) is None


def test_random_bytes_behind_a_real_beginning_are_none() -> None:
    source = random.Random(6347)
    for beginning in (CLIENT_HELLO[:4], record(b"", 23, epoch=1)[:4]):
        assert not any(client(beginning + source.randbytes(source.choice((12, 40, 300)))) for _ in range(20_000))


def test_cut_anywhere_nothing_is_raised() -> None:
    whole = CLIENT_HELLO + record(b"e" * 30, 20)
    for length in range(1, len(whole)):
        identify(flow((whole[:length],), (SERVER_HELLO[:length],)))
        reject(whole[:length], CLIENT)


def test_rejections_name_the_byte() -> None:
    assert reject(b"GET / HTTP/1.1", CLIENT) == "byte 0 is 0x47, a record starts with 0x14 to 0x1a"
    assert reject(b"\x16\xfe", SERVER) == "2 bytes, the header of a record has 13"
    assert reject(b"\x16\x03\x01" + bytes(20), CLIENT) == "bytes 1 and 2 are 0x0301, no version of DTLS"
    assert "do not fit 20 bytes" in reject(CLIENT_HELLO[:20], CLIENT)
    assert reject(b"\x2e" + b"e" * 40, CLIENT) == ""
    assert reject(CLIENT_HELLO, CLIENT) == ""


def test_numbers_of_extensions_are_counted_in_ja4() -> None:
    many = record(message(1, hello_body(*[extension(n, b"") for n in (10, 11, 13)]))[0])
    assert str(identify(flow((many,))).facts["ja4"]).startswith("dd2i020300_")
