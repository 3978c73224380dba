"""SSH: software and HASSH of both sides, and the methods that they agree on."""

import struct
from hashlib import md5

from oddport.engine.columns import TCP
from oddport.engine.heads import Head
from oddport.protocols.identify import identify

KEX = b"sntrup761x25519-sha512@openssh.com,curve25519-sha256,ext-info-c"
KEYS = b"ssh-ed25519,rsa-sha2-512"
CIPHERS, CIPHERS_BACK = b"chacha20-poly1305@openssh.com,aes128-ctr", b"aes256-gcm@openssh.com"
MACS, MACS_BACK = b"hmac-sha2-256", b"hmac-sha1"


def kexinit(kex: bytes = KEX, keys: bytes = KEYS, ciphers: bytes = CIPHERS) -> bytes:
    """RFC 4253, 6 and 7.1: a packet with padding; message 20, a cookie, ten name-lists, a flag, four zero bytes."""
    lists = (kex, keys, ciphers, CIPHERS_BACK, MACS, MACS_BACK, b"none,zlib@openssh.com", b"none", b"", b"")
    body = b"\x14" + b"c" * 16 + b"".join(struct.pack(">I", len(one)) + one for one in lists) + bytes(5)
    return struct.pack(">IB", len(body) + 9, 8) + body + bytes(8)


CLIENT = b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3\r\n"
SERVER = b"SSH-2.0-dropbear_2022.83\r\n"
ONE = kexinit()
OTHER = kexinit(b"curve25519-sha256,ext-info-c", b"rsa-sha2-512", b"aes128-ctr")


def test_both_sides_and_what_they_agree_on() -> None:
    found = identify(Head(TCP, CLIENT + ONE, SERVER + OTHER, closed=False))
    assert found.final
    assert found.facts == {
        "banner": "SSH-2.0-dropbear_2022.83",
        "client_software": "OpenSSH_9.6p1 Ubuntu-3",
        "server_software": "dropbear_2022.83",
        "hassh": md5(KEX + b";" + CIPHERS + b";" + MACS + b";none,zlib@openssh.com").hexdigest(),
        "hassh_server": md5(b"curve25519-sha256,ext-info-c;" + CIPHERS_BACK + b";" + MACS_BACK + b";none").hexdigest(),
        "kex": "curve25519-sha256",
        "host_key": "rsa-sha2-512",
        "cipher": "aes128-ctr",
    }


def test_markers_are_no_method_and_no_common_one_is_said() -> None:
    facts = identify(Head(TCP, CLIENT + ONE, SERVER + kexinit(b"ext-info-c", b"x"))).facts
    assert "kex" not in facts
    assert "host_key" not in facts


def test_a_greeting_may_stand_in_front_of_the_servers_string() -> None:
    facts = identify(Head(TCP, CLIENT + ONE, b"welcome\r\n" + SERVER + OTHER)).facts
    assert facts["server_software"] == "dropbear_2022.83"
    assert "hassh_server" in facts


def test_lists_that_are_cut_or_lie_about_their_length_have_no_fingerprint() -> None:
    for length in range(len(CLIENT), len(CLIENT + ONE) - 30, 5):
        found = identify(Head(TCP, (CLIENT + ONE)[:length], SERVER + OTHER, closed=False))
        assert found.app == "ssh"
        assert "hassh" not in found.facts
        assert not found.final
    broken = bytearray(ONE)
    broken[22] = 0xFF
    assert "hassh" not in identify(Head(TCP, CLIENT + bytes(broken), SERVER + OTHER)).facts


def test_version_1_has_no_lists_to_wait_for() -> None:
    found = identify(Head(TCP, b"SSH-1.5-old\n", b"SSH-1.5-older\n", closed=False))
    assert found.final
    assert found.facts["server_software"] == "older"
