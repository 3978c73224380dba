"""A client's Initial packets of QUIC → the ClientHello in them (RFC 9001, 5; RFC 9369, 3.3; RFC 9000, 17.2.2 and 19).

Their keys follow from the destination id of the first one, so anybody on the way can read them. `cryptography` is
imported when the first one is read: it takes as long as thousands of packets.
"""

import hmac
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from oddport.protocols.binary import u32

VERSION_2 = 0x6B3343CF
SALT_1 = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
SALT_2 = bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9")
SALT_29 = bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899")
SALT_23 = bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502")
SALT_22 = bytes.fromhex("7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a")
"""RFC 9001, 5.2; RFC 9369, 3.3.1; draft-ietf-quic-tls-29, -23 and -22, 5.2."""
SAMPLE_AT, SAMPLE = 4, 16
"""Where header protection takes its sample, from the packet number on (RFC 9001, 5.4.2)."""
PADDING, PING, ACK, ACK_ECN, CRYPTO = 0, 1, 2, 3, 6
"""Frames of an Initial packet (RFC 9000, 12.4)."""
TAKEN_KEYS = 2
"""A Retry makes the client choose keys anew, once (RFC 9001, 5.2)."""


class Library(NamedTuple):
    """The parts of `cryptography` that are used."""

    ciphers: ModuleType
    aead: ModuleType
    refused: type[Exception]


class Keys(NamedTuple):
    """What opens the Initial packets of one client."""

    aead: Any
    iv: bytes
    protection: Any


@cache
def _library() -> Library:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives import ciphers
    from cryptography.hazmat.primitives.ciphers import aead

    return Library(ciphers, aead, InvalidTag)


def varint(data: bytes, at: int) -> int:
    """The variable-length integer at `at` (RFC 9000, 16), -1 where it is cut."""
    if at >= len(data):
        return -1
    end = at + (1 << (data[at] >> 6))
    if end > len(data):
        return -1
    value = data[at] & 0x3F
    for index in range(at + 1, end):
        value = value << 8 | data[index]
    return value


def varint_end(data: bytes, at: int) -> int:
    """Where the variable-length integer at `at` ends."""
    return at + (1 << (data[at] >> 6))


def _salt(version: int) -> bytes:
    """The salt of a version whose packets look like version 1's; b"" where it is not known."""
    if version == VERSION_2:
        return SALT_2
    if version == 1 or version in (0xFF000021, 0xFF000022):
        return SALT_1
    if 0xFF00001D <= version <= 0xFF000020:
        return SALT_29
    if 0xFF000017 <= version <= 0xFF00001C or version == 0xFACEB002:
        return SALT_23
    return SALT_22 if version in (0xFF000016, 0xFACEB001) else b""


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label without context, of at most one hash (RFC 8446, 7.1)."""
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes((len(label),)) + label + b"\0\1"
    return hmac.digest(secret, info, "sha256")[:size]


def client_keys(version: int, destination: bytes) -> Keys | None:
    """The keys of a client that sent its first Initial packet to `destination`; None for versions without a known
    salt."""
    salt = _salt(version)
    if not salt:
        return None
    ciphers = _library().ciphers
    secret = _expand(hmac.digest(salt, destination, "sha256"), b"client in", 32)
    word = b"quicv2 " if version == VERSION_2 else b"quic "
    protection = ciphers.Cipher(ciphers.algorithms.AES(_expand(secret, word + b"hp", 16)), ciphers.modes.ECB())
    return Keys(
        _library().aead.AESGCM(_expand(secret, word + b"key", 16)), _expand(secret, word + b"iv", 12), protection
    )


def open_packet(data: bytes, number_at: int, end: int, keys: Keys) -> bytes | None:
    """The frames of the packet that begins the datagram, whose packet number is at `number_at`; None where it is not
    sealed with these keys."""
    sample = number_at + SAMPLE_AT
    if sample + SAMPLE > end:
        return None
    mask = keys.protection.encryptor().update(data[sample : sample + SAMPLE])
    first = data[0] ^ mask[0] & 0x0F
    width = (first & 3) + 1
    number = bytes([data[number_at + index] ^ mask[1 + index] for index in range(width)])
    header = bytes((first,)) + data[1:number_at] + number
    nonce = int.from_bytes(keys.iv, "big") ^ int.from_bytes(number, "big")
    try:
        frames: bytes = keys.aead.decrypt(nonce.to_bytes(12, "big"), data[number_at + width : end], header)
    except _library().refused:
        return None
    return frames


def crypto_pieces(frames: bytes) -> list[tuple[int, bytes]]:
    """(offset, bytes) of the CRYPTO frames, up to a frame that Initial packets do not have."""
    pieces: list[tuple[int, bytes]] = []
    at = 0
    while at < len(frames):
        kind = frames[at]
        at += 1
        if kind in (PADDING, PING):
            continue
        if kind == CRYPTO:
            offset, length = varint(frames, at), 0
            if offset >= 0:
                at = varint_end(frames, at)
                length = varint(frames, at)
            if offset < 0 or length < 0:
                break
            at = varint_end(frames, at)
            pieces.append((offset, frames[at : at + length]))
            at += length
        elif kind in (ACK, ACK_ECN):
            at = _acknowledgement_end(frames, at, kind)
        else:
            break
    return pieces


def _acknowledgement_end(frames: bytes, at: int, kind: int) -> int:
    """Where the ACK frame ends whose fields begin at `at` (RFC 9000, 19.3)."""
    left, index = 4, 0
    while index < left:
        value = varint(frames, at)
        if value < 0:
            return len(frames)
        at = varint_end(frames, at)
        if index == 2:
            left += 2 * value + (3 if kind == ACK_ECN else 0)
        index += 1
    return at


def _number_at(data: bytes) -> tuple[int, int]:
    """Where the packet number of the Initial packet in front is, and where the packet ends; (0, 0) if it is none."""
    if len(data) < 7 or data[0] & 0xC0 != 0xC0 or data[0] >> 4 & 3 != (1 if u32(data, 1) == VERSION_2 else 0):
        return 0, 0
    at = 6 + data[5]
    if at >= len(data):
        return 0, 0
    at += 1 + data[at]
    token = varint(data, at)
    if token < 0:
        return 0, 0
    at = varint_end(data, at) + token
    length = varint(data, at)
    if length < 0:
        return 0, 0
    at = varint_end(data, at)
    return (at, at + length) if at + length <= len(data) else (0, 0)


def client_messages(datagrams: tuple[bytes, ...]) -> tuple[bytes, bool]:
    """The handshake bytes of a client in its first datagrams, from the first one to the first gap; and whether an
    Initial packet was there that its keys do not open."""
    known: list[Keys] = []
    pieces: list[tuple[int, bytes]] = []
    sealed = False
    for data in datagrams:
        number_at, end = _number_at(data)
        if number_at == 0:
            continue
        frames = None
        for keys in known:
            frames = open_packet(data, number_at, end, keys)
            if frames is not None:
                break
        if frames is None and len(known) < TAKEN_KEYS:
            fresh = client_keys(u32(data, 1), data[6 : 6 + data[5]])
            if fresh is None:
                continue
            frames = open_packet(data, number_at, end, fresh)
            if frames is not None:
                known.append(fresh)
        if frames is None:
            sealed = True
        else:
            pieces += crypto_pieces(frames)
    pieces.sort()
    whole = b""
    for offset, part in pieces:
        if offset > len(whole):
            break
        whole += part[len(whole) - offset :]
    return whole, sealed and not known
