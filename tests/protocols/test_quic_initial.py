"""Initial packets of QUIC are opened with the keys of RFC 9001 and 9369, and the ClientHello in them is read."""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from oddport.engine.columns import UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import identify
from oddport.protocols.quic_initial import client_messages, crypto_pieces

from .build import alpn, client_hello, extension, sni

DESTINATION = bytes.fromhex("8394c8f03e515708")
KEY, IV, MASKING = "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2"
"""RFC 9001, A.1, of the client."""
KEY_2, IV_2, MASKING_2 = (
    "8b1a0bc121284290a29e0971b5cd045d",
    "91f73e2351d8fa91660e909f",
    "45b95e15235d6f45a6b19cbcb0294ba9",
)
"""RFC 9369, A.1."""
RFC_FRAME = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301130201"
    "0000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c70"
    "6e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74"
    "d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffff"
    "ffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff"
)
"""RFC 9001, A.2: the CRYPTO frame of the client's first packet."""


def seal(frames: bytes, number: int = 2, version: int = 1) -> bytes:
    """A datagram of 1,200 bytes with these frames, sealed as the RFCs' example (RFC 9001, 5.3 and 5.4)."""
    key, iv, masking = (KEY, IV, MASKING) if version == 1 else (KEY_2, IV_2, MASKING_2)
    first = 0xC3 if version == 1 else 0xD3
    header = bytes((first,)) + version.to_bytes(4, "big") + b"\x08" + DESTINATION + b"\0\0\x44\x9e"
    header += number.to_bytes(4, "big")
    nonce = (int(iv, 16) ^ number).to_bytes(12, "big")
    sealed = AESGCM(bytes.fromhex(key)).encrypt(nonce, frames.ljust(1162, b"\0"), header)
    masks = Cipher(algorithms.AES(bytes.fromhex(masking)), modes.ECB()).encryptor().update(sealed[:16])
    number_masked = bytes(a ^ b for a, b in zip(header[18:], masks[1:5], strict=True))
    return bytes((header[0] ^ masks[0] & 15,)) + header[1:18] + number_masked + sealed


def flow(*datagrams: bytes, closed: bool = True) -> Head:
    return Head(UDP, datagrams[0], b"", datagrams, closed=closed)


def crypto(offset: int, data: bytes) -> bytes:
    return b"\x06" + (0x4000 | offset).to_bytes(2, "big") + (0x4000 | len(data)).to_bytes(2, "big") + data


HELLO = client_hello(
    sni(b"shop.example"), alpn(b"h3"), extension(43, b"\x02\x03\x04"), ciphers=b"\x13\x01\x13\x02", session=0
)


def test_the_packet_of_rfc_9001() -> None:
    packet = seal(RFC_FRAME)
    assert packet[:22].hex() == "c000000001088394c8f03e5157080000449e7b9aec34"
    assert packet[22:38].hex() == "d1b1c98dd7689fb8ec11d242b123dc9b"
    facts = identify(flow(packet)).facts
    assert (facts["version"], facts["tls_version"], facts["sni"], facts["alpn"]) == (
        "1",
        "TLS 1.3",
        "example.com",
        ["alpn"],
    )
    assert str(facts["ja4"]).startswith("q13d0211an_")


@pytest.mark.parametrize("version", [1, 0x6B3343CF])
def test_both_versions_and_pieces_in_any_order_over_two_datagrams(version: int) -> None:
    one = seal(crypto(30, HELLO[30:60]) + b"\x01" + crypto(0, HELLO[:30]), 0, version)
    other = seal(b"\x02\x05\0\x01\x02\x03\x04" + crypto(60, HELLO[60:]), 1, version)
    facts = identify(flow(one, other)).facts
    assert facts["sni"] == "shop.example"
    assert str(facts["ja4"]).startswith("q13d0203h3_")
    waiting = identify(flow(one, closed=False))
    assert waiting.app == "quic"
    assert "ja4" not in waiting.facts
    assert not waiting.final


def test_a_packet_that_its_keys_do_not_open_is_said() -> None:
    packet = seal(crypto(0, HELLO))
    broken = packet[:600] + bytes((packet[600] ^ 1,)) + packet[601:]
    facts = identify(flow(broken)).facts
    assert facts == {"version": "1", "not_opened": True}


def test_datagrams_without_an_initial_packet_and_cut_ones_say_nothing() -> None:
    packet = seal(crypto(0, HELLO))
    assert client_messages((b"", b"\x40" + b"s" * 60)) == (b"", False)
    for length in range(0, len(packet), 7):
        assert client_messages((packet[:length],)) == (b"", False)


def test_frames_are_walked_to_the_first_that_does_not_belong_there() -> None:
    acknowledge = b"\x03\x05\0\0\x02\1\1\1"
    assert crypto_pieces(b"\0\1" + acknowledge + crypto(0, b"abc") + b"\x08\0" + crypto(3, b"d")) == [(0, b"abc")]
    assert crypto_pieces(b"\x06") == []
    assert crypto_pieces(b"\x06\0") == []
    assert crypto_pieces(b"\x02\x05\0\x7f\xff\x01") == []


def test_a_message_that_is_no_hello_is_left_out() -> None:
    facts = identify(flow(seal(crypto(0, b"\x02" + HELLO[1:])))).facts
    assert facts == {"version": "1"}
    broken = bytearray(HELLO)
    broken[5] = 0x99
    assert identify(flow(seal(crypto(0, bytes(broken))))).facts == {"version": "1"}
