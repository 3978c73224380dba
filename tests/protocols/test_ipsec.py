"""IKE: headers whose length closes, payloads that chain to the end, and the marker where a NAT is crossed."""

import random
import struct

import pytest

from oddport.engine.columns import UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.ipsec import client, marked_client, marked_reject, reject, server
from oddport.protocols.model import Tier
from oddport.protocols.registry import CLIENT

ONE, OTHER = b"initiato", b"responde"


def message(responder: bytes, payloads: bytes, *, first: int, version: int, exchange: int, flags: int) -> bytes:
    """RFC 7296, 3.1: both SPIs, next payload, version, exchange, flags, message id, length."""
    return (
        ONE
        + responder
        + bytes((first, version, exchange, flags))
        + struct.pack(">II", 0, 28 + len(payloads))
        + payloads
    )


def payload(following: int, body: bytes) -> bytes:
    return bytes((following, 0)) + struct.pack(">H", 4 + len(body)) + body


INIT = payload(34, b"a" * 40) + payload(40, b"k" * 68) + payload(0, b"n" * 32)
ASKED = message(bytes(8), INIT, first=33, version=0x20, exchange=34, flags=0x08)
ANSWERED = message(OTHER, INIT, first=33, version=0x20, exchange=34, flags=0x20)
SECRET = message(OTHER, payload(35, b"e" * 100), first=46, version=0x20, exchange=35, flags=0x08)
OLD_ASKED = message(
    bytes(8), payload(13, b"a" * 52) + payload(0, b"v" * 16), first=1, version=0x10, exchange=2, flags=0
)
OLD_ANSWERED = message(OTHER, payload(0, b"a" * 52), first=1, version=0x10, exchange=2, flags=0)
OLD_SECRET = message(OTHER, b"e" * 64, first=5, version=0x10, exchange=2, flags=1)


def flow(one: bytes, other: bytes = b"") -> Head:
    return Head(UDP, one, other, (one,), (other,) if other else ())


@pytest.mark.parametrize(
    ("one", "other", "version", "exchange"),
    [(ASKED, ANSWERED, "IKEv2", "IKE_SA_INIT"), (OLD_ASKED, OLD_ANSWERED, "IKEv1", "identity protection")],
)
@pytest.mark.parametrize("marker", [b"", b"\0\0\0\0"])
def test_both_versions_with_and_without_the_marker(
    one: bytes, other: bytes, version: str, exchange: str, marker: bytes
) -> None:
    found = identify(flow(marker + one, marker + other))
    assert (found.app, found.tier, found.server) == ("ipsec", Tier.A, 1)
    assert found.facts == {"version": version, "exchange": exchange}
    assert identify(flow(marker + one)).tier == Tier.B


def test_encrypted_messages_are_named_in_the_middle() -> None:
    assert client(SECRET) is not None
    assert server(SECRET) is None
    assert client(OLD_SECRET) is not None
    assert server(OLD_SECRET) is not None
    assert client(OLD_SECRET[:24] + struct.pack(">I", 91) + b"e" * 63) is None


@pytest.mark.parametrize(
    ("at", "value"), [(16, 99), (17, 0x30), (18, 77), (19, 0x80), (27, 0), (28, 99), (31, 3), (75, 9)]
)
def test_a_changed_byte_of_the_header_or_of_a_length_is_none(at: int, value: int) -> None:
    changed = bytearray(ASKED)
    changed[at] = value
    assert client(bytes(changed)) is None
    assert reject(bytes(changed), CLIENT) != ""


def test_an_association_without_its_initiator_is_none() -> None:
    assert client(bytes(8) + ASKED[8:]) is None
    assert server(OLD_ASKED) is None


def test_cut_anywhere_and_random_behind_a_header_it_is_none() -> None:
    source = random.Random(7296)
    for length in range(1, len(ASKED)):
        assert client(ASKED[:length]) is None
        assert marked_client(b"\0\0\0\0" + ASKED[:length]) is None
    assert not any(client(ASKED[:28] + source.randbytes(len(ASKED) - 28)) for _ in range(20_000))


def test_esp_beside_it_is_not_ruled_out() -> None:
    assert marked_reject(b"\x11\x22\x33\x44" + bytes(60), CLIENT) == ""
    assert marked_reject(b"\0\0\0\0" + ASKED, CLIENT) == ""
    assert explain_not("ipsec", flow(ASKED, ANSWERED)) is None


def test_rejections_name_the_byte() -> None:
    assert reject(b"GET /", CLIENT) == "5 bytes, a message has at least 28"
    assert reject(b"x" * 40, CLIENT) == "byte 17 is 0x78, the version is 0x10 or 0x20"
    assert reject(ASKED + b"x", CLIENT) == f"bytes 24 to 27 are no length of {len(ASKED) + 1} bytes"
