"""WireGuard: its handshake by exact lengths and empty mac2, its data only from both sides."""

import random

from oddport.engine.columns import UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.model import Tier
from oddport.protocols.wireguard import stream

CHANCE = random.Random(1)
INDEX = b"\x11\x22\x33\x44"


def initiation(mac2: bytes = bytes(16)) -> bytes:
    return b"\x01\0\0\0" + INDEX + CHANCE.randbytes(124) + mac2


def response(receiver: bytes = INDEX, mac2: bytes = bytes(16)) -> bytes:
    return b"\x02\0\0\0" + b"\x55\x66\x77\x88" + receiver + CHANCE.randbytes(64) + mac2


def data(counter: int, size: int = 48) -> bytes:
    return b"\x04\0\0\0" + INDEX + counter.to_bytes(8, "little") + CHANCE.randbytes(size)


def head(orig: bytes, resp: bytes = b"") -> Head:
    return Head(UDP, orig, resp, (orig,) if orig else (), (resp,) if resp else ())


def test_a_handshake_is_tier_a_and_does_not_tell_who_listens() -> None:
    found = identify(head(initiation(), response()))
    assert (found.app, found.tier, found.server) == ("wireguard", Tier.A, None)


def test_under_load_mac2_is_not_empty_and_both_sides_are_needed() -> None:
    loaded = CHANCE.randbytes(16)
    assert identify(head(initiation(loaded), response(mac2=loaded))).app == "wireguard"
    assert identify(head(initiation(loaded))).tier < Tier.B


def test_an_initiation_alone_is_proof_by_its_length_and_empty_end() -> None:
    found = identify(head(initiation()))
    assert (found.app, found.tier) == ("wireguard", Tier.B)


def test_a_response_to_somebody_else_makes_no_pair() -> None:
    assert identify(head(initiation(), response(b"\0\0\0\1"))).tier < Tier.A


def test_data_of_both_sides_is_named_where_the_handshake_was_not_seen() -> None:
    assert identify(head(data(9), data(12))).app == "wireguard"


def test_one_byte_more_or_less_is_another_thing() -> None:
    for size in (147, 149):
        assert identify(head((initiation() + b"\0")[:size])).app is None


def test_what_it_is_not_is_said_by_the_byte() -> None:
    assert explain_not("wireguard", head(b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")) == (
        "not WireGuard: the client's byte 0 is 0x47, a message of that side has type 1 or 4; "
        "the server's byte 0 is 0x48, a message of that side has type 2 or 4"
    )
    wrong = head(b"\x01\0\x05\0" + bytes(144), b"\x02\0\0\x09" + bytes(88))
    assert "byte 2 is 0x05" in (explain_not("wireguard", wrong) or "")


def test_data_of_one_tunnel_is_proof_where_its_counter_goes_on() -> None:
    def flow(*datagrams: bytes) -> Head:
        return Head(UDP, datagrams[0], b"", datagrams)

    found = identify(flow(data(7), data(8), data(10)))
    assert (found.app, found.tier, found.server) == ("wireguard", Tier.B, None)
    assert identify(flow(data(7), data(8))).tier < Tier.B
    assert identify(flow(data(7), data(7), data(7))).tier < Tier.B
    others = [one[:4] + bytes((n,)) * 4 + one[8:] for n, one in enumerate((data(7), data(8), data(9)))]
    assert identify(flow(*others)).tier < Tier.B


def test_random_data_messages_are_no_tunnel() -> None:
    for _ in range(20_000):
        datagrams = tuple(b"\4\0\0\0" + CHANCE.randbytes(9) + bytes(3) + CHANCE.randbytes(16) for _ in range(8))
        assert stream(datagrams) is None
