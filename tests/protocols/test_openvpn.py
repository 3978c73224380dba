"""OpenVPN: hard resets, plain and wrapped, over UDP and TCP."""

import random
import struct

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.model import Tier
from oddport.protocols.openvpn import datagram, pair

CHANCE = random.Random(1194)
ASKING, ANSWERING = b"c" * 8, b"s" * 8
NOW = struct.pack(">I", 1_700_000_000)
ASKED = b"\0" + b"\0\0\0\0"
ANSWERED = b"\1" + b"\0\0\0\0" + ASKING + b"\0\0\0\0"


def wrapped(first: int, session: bytes, rest: bytes, hmac: int = 0) -> bytes:
    """Opcode and session id; tls-auth's HMAC, replay id and time where there is one; the rest."""
    between = CHANCE.randbytes(hmac) + b"\0\0\0\1" + NOW if hmac else b""
    return bytes((first,)) + session + between + rest


def crypt(first: int, session: bytes, size: int) -> bytes:
    return bytes((first,)) + session + b"\0\0\0\1" + NOW + CHANCE.randbytes(32 + size)


def flow(one: bytes, other: bytes = b"") -> Head:
    return Head(UDP, one, other, (one,), (other,) if other else ())


@pytest.mark.parametrize(
    ("hmac", "word"), [(0, "none"), (16, "tls-auth"), (20, "tls-auth"), (32, "tls-auth"), (64, "tls-auth")]
)
def test_resets_of_both_sides_and_how_they_are_wrapped(hmac: int, word: str) -> None:
    found = identify(flow(wrapped(0x38, ASKING, ASKED, hmac), wrapped(0x40, ANSWERING, ANSWERED, hmac)))
    assert (found.app, found.tier, found.server) == ("openvpn", Tier.A, 1)
    assert found.facts == {"wrapping": word}
    assert identify(flow(wrapped(0x38, ASKING, ASKED, hmac))).tier == Tier.B


def test_an_answer_to_another_session_makes_no_pair() -> None:
    stranger = b"\1" + b"\0\0\0\0" + b"x" * 8 + b"\0\0\0\0"
    assert not pair(wrapped(0x38, ASKING, ASKED), wrapped(0x40, ANSWERING, stranger))
    assert not pair(wrapped(0x38, ASKING, ASKED), b"\x40" + b"x" * 9)


def test_encrypted_resets_need_both_sides() -> None:
    one, other = crypt(0x38, ASKING, 5), crypt(0x40, ANSWERING, 17)
    assert (identify(flow(one, other)).app, identify(flow(one, other)).tier) == ("openvpn", Tier.A)
    assert identify(flow(one)).tier < Tier.B


def test_a_clients_own_wrapped_key_ends_in_its_length() -> None:
    key = CHANCE.randbytes(288) + struct.pack(">H", 290)
    found = identify(flow(crypt(0x50, ASKING, 5) + key, crypt(0x40, ANSWERING, 17 + 6)))
    assert (found.tier, found.facts["wrapping"]) == (Tier.A, "tls-crypt")
    assert identify(flow(crypt(0x50, ASKING, 5) + key)).facts == {"wrapping": "tls-crypt-v2"}
    assert datagram(crypt(0x50, ASKING, 5) + key + b"x") is None


def test_over_tcp_a_length_lies_in_front() -> None:
    one, other = wrapped(0x38, ASKING, ASKED), wrapped(0x40, ANSWERING, ANSWERED)
    acknowledge = b"\0\x16\x28" + b"c" * 21
    stream = Head(TCP, struct.pack(">H", len(one)) + one + acknowledge, struct.pack(">H", len(other)) + other)
    assert (identify(stream).app, identify(stream).tier, identify(stream).server) == ("openvpn", Tier.A, 1)
    for bad in (b"\0\x0f" + one, b"\0\x0e" + one + b"\0\x05\xff", b"\0\x0e\x40" + one[1:]):
        assert identify(Head(TCP, bad)).app is None


def test_random_bytes_behind_a_reset_are_none() -> None:
    found = [datagram(b"\x38ccc" + CHANCE.randbytes(size - 4)) for size in (14, 42, 54, 86) for _ in range(5_000)]
    assert not any(match.strong for match in found if match is not None)


def test_what_it_is_not_is_said_by_the_byte() -> None:
    why = explain_not("openvpn", flow(b"GET / HTTP/1.1", b"HTTP/1.1 200 OK"))
    assert why is not None
    assert "byte 0 is 0x01, a session begins with a hard reset of the client" in str(
        explain_not("openvpn", flow(b"\x01" * 20, b"\x01" * 20))
    )
