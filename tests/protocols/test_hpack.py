"""HPACK by the examples of its specification (RFC 7541, appendix C), and what is cut, broken or endless."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddport.engine.columns import TCP
from oddport.engine.heads import Head
from oddport.protocols.hpack import FIELDS, fields, unpack_text
from oddport.protocols.http2 import PREFACE
from oddport.protocols.identify import identify
from oddport.protocols.model import Tier

REQUEST = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]
PLAIN = bytes.fromhex("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d")
PACKED = bytes.fromhex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff")
ANSWER = bytes.fromhex(
    "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b"
    "97c8 e9ae 82ae 43d3"
)


def test_requests_of_the_appendix_with_and_without_huffman_codes() -> None:
    assert fields(PLAIN) == fields(PACKED) == REQUEST  # C.3.1, C.4.1
    assert fields(bytes.fromhex("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572")) == [
        (b"custom-key", b"custom-header")  # C.2.1
    ]
    assert fields(bytes.fromhex("040c 2f73 616d 706c 652f 7061 7468")) == [(b":path", b"/sample/path")]  # C.2.2


def test_the_answer_of_the_appendix() -> None:
    assert fields(ANSWER) == [  # C.6.1
        (b":status", b"302"),
        (b"cache-control", b"private"),
        (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT"),
        (b"location", b"https://www.example.com"),
    ]


def test_what_was_added_is_found_again_by_its_index() -> None:
    assert fields(PLAIN + b"\xbe") == [*REQUEST, REQUEST[3]]
    assert fields(PLAIN + b"\xbf\x82") == REQUEST
    assert fields(b"\x3f\xe1\x1f" + PLAIN) == REQUEST  # behind a new size of the table (6.3)


def test_a_block_is_read_as_far_as_it_is_there() -> None:
    for length in range(len(PLAIN)):
        found = fields(PLAIN[:length])
        assert found == REQUEST[: len(found)]
    assert fields(b"\x80\x82") == []
    assert fields(b"\xff\xff\xff\xff\xff\x82") == []
    assert len(fields(b"\x82" * 500)) == FIELDS


def test_a_value_with_a_character_of_a_long_code_is_left_out_and_the_next_one_is_not() -> None:
    long = b"\x04\x84\xff\xff\xff\xff"
    assert unpack_text(b"\xff\xff\xff\xff") is None
    assert fields(long + b"\x82") == [REQUEST[0]]


@pytest.mark.parametrize(("text", "ends"), [(b"\x1f", True), (b"\x18", False), (b"\xff\xff", False)])
def test_codes_end_in_fewer_than_eight_ones(text: bytes, ends: bool) -> None:
    assert (unpack_text(text) is not None) == ends


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise(block: bytes) -> None:
    assert all(isinstance(part, bytes) for field in fields(block) for part in field)


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


def test_requests_and_answers_of_http_2_are_facts() -> None:
    grpc = b"\x5f\x10application/grpc"
    client = PREFACE + frame(4, 0, 0, b"") + frame(1, 0x2C, 1, b"\2" + bytes(5) + PACKED + grpc + b"xx")
    server = frame(4, 0, 0, b"\0\3\0\0\0\x64") + frame(4, 1, 0, b"") + frame(1, 4, 1, b"\x88" + grpc)
    found = identify(Head(TCP, client, server))
    assert (found.app, found.tier, found.final) == ("http2", Tier.A, True)
    assert found.facts == {
        "version": "HTTP/2",
        "method": "GET",
        "path": "/",
        "host": "www.example.com",
        "content_type": "application/grpc",
        "status": 200,
    }
    assert not identify(Head(TCP, client[:40], server, closed=False)).final


def test_a_status_that_is_no_number_is_no_fact() -> None:
    server = frame(4, 0, 0, b"\0\3\0\0\0\x64") + frame(1, 4, 1, b"\x08\x04four")
    assert identify(Head(TCP, PREFACE + frame(4, 0, 0, b""), server)).facts == {"version": "HTTP/2"}
