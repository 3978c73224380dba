"""A hello of TLS, DTLS or QUIC → its facts: versions, names, what was offered and taken, fingerprints.

JA3 and JA3S: Althouse, Atkinson, Atkins, "TLS Fingerprinting with JA3 and JA3S" (2019). JA4: FoxIO, "JA4: TLS Client
Fingerprinting" (technical details, BSD-3-Clause).
"""

import struct
from hashlib import md5, sha256

from oddport.protocols.binary import u16
from oddport.protocols.model import Facts
from oddport.protocols.text import clean
from oddport.protocols.tls_hello import Hello
from oddport.protocols.tls_names import cipher_text, is_grease, version_text

SERVER_NAME, GROUPS, POINT_FORMATS, SIGNATURES, ALPN, SUPPORTED_VERSIONS = 0, 10, 11, 13, 16, 43
ENCRYPTED_HELLO = 0xFE0D
"""Extension types (IANA; the last one: draft-ietf-tls-esni, 11.1)."""
NAMES_LIMIT = 8
"""Names of an ALPN list that are kept."""
GREASE = frozenset(f"{nibble:x}a{nibble:x}a" for nibble in range(16))
GREASE_NUMBERS = frozenset(int(text, 16) for text in GREASE)
"""Values that clients send to keep servers tolerant (RFC 8701, 2); no fingerprint counts them."""
JA4_VERSIONS = {
    0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2", 0xFEFF: "d1", 0xFEFD: "d2",
    0xFEFC: "d3",
}  # fmt: skip
TLS, QUIC, DTLS = "t", "q", "d"
"""What carries the hello, as JA4 says it."""
JA4_HASH = 12
"""Hexadecimal digits of each of JA4's hashes."""
JA4_NOTHING = "0" * JA4_HASH
JA4_COUNT_LIMIT = 99
_LEFT_OUT = ("0000", "0010")
"""SERVER_NAME and ALPN, which the first part of JA4 already speaks of."""


def _server_name(hello: Hello) -> str:
    """The host name of a server_name extension (RFC 6066, 3)."""
    data = hello.data
    at, stop = hello.sections[SERVER_NAME]
    if at + 5 > stop or data[at + 2] != 0:
        return ""
    length = u16(data, at + 3)
    return clean(data[at + 5 : at + 5 + length]) if at + 5 + length <= stop else ""


def _alpn(hello: Hello) -> list[bytes]:
    """The names of an ALPN extension (RFC 7301, 3.1), GREASE left out."""
    data = hello.data
    at, stop = hello.sections.get(ALPN, (0, 0))
    names: list[bytes] = []
    at += 2
    while at < stop and len(names) < NAMES_LIMIT:
        end = at + 1 + data[at]
        if end > stop:
            break
        if end - at != 3 or not is_grease(u16(data, at + 1)):
            names.append(data[at + 1 : end])
        at = end
    return names


def _numbers(hello: Hello, extension: int) -> bytes:
    """The list of two-byte numbers, behind its own length, that is all of an extension."""
    at, stop = hello.sections.get(extension, (0, 0))
    return hello.data[at + 2 : stop - (stop & 1 ^ at & 1)] if stop > at + 2 else b""


def _offered_version(hello: Hello) -> int:
    """The highest version that a client offers; those of DTLS count downwards (RFC 9147, 5.3)."""
    data = hello.data
    at, stop = hello.sections.get(SUPPORTED_VERSIONS, (0, 0))
    best = 0
    for index in range(at + 1, stop - 1, 2):
        number = u16(data, index)
        if number >> 8 == 0xFE:
            best = min(best or number, number)
        elif number not in GREASE_NUMBERS:
            best = max(best, number)
    return best or hello.version


def client_facts(hello: Hello, carrier: str, complete: bool) -> Facts:
    """What a ClientHello says; fingerprints only where all of it is there.

    `version` (the highest offered), `sni`, `alpn`, `ech` (True: the true name is encrypted), `ja4`, `ja3`.
    """
    version = _offered_version(hello)
    facts: Facts = {"version": version_text(version)}
    if SERVER_NAME in hello.sections:
        name = _server_name(hello)
        if name:
            facts["sni"] = name
    names = _alpn(hello)
    if names:
        facts["alpn"] = [clean(name, 64) for name in names]
    if ENCRYPTED_HELLO in hello.sections:
        facts["ech"] = True
    if complete:
        facts["ja4"] = ja4(hello, carrier, version, names)
        facts["ja3"] = ja3(hello)
    return facts


def server_facts(hello: Hello, complete: bool) -> Facts:
    """What a ServerHello says: `version` and `cipher` taken, `alpn_chosen`, `ja3s` where all of it is there."""
    at, stop = hello.sections.get(SUPPORTED_VERSIONS, (0, 0))
    version = u16(hello.data, at) if stop == at + 2 else hello.version
    facts: Facts = {"version": version_text(version), "cipher": cipher_text(hello.cipher)}
    names = _alpn(hello)
    if names:
        facts["alpn_chosen"] = clean(names[0], 64)
    if complete:
        text = f"{hello.version},{hello.cipher},{_decimal(hello.extension_types)}"
        facts["ja3s"] = md5(text.encode("ascii"), usedforsecurity=False).hexdigest()
    return facts


def _decimal(numbers: bytes) -> str:
    """Two-byte numbers as JA3 writes them."""
    values = struct.unpack(f">{len(numbers) >> 1}H", numbers)
    return "-".join([str(value) for value in values if value not in GREASE_NUMBERS])


def ja3(hello: Hello) -> str:
    """MD5 of version, cipher suites, extensions, groups and point formats in their order."""
    at, stop = hello.sections.get(POINT_FORMATS, (0, 0))
    formats = "-".join([str(value) for value in hello.data[at + 1 : stop]]) if stop else ""
    text = ",".join(
        (
            str(hello.version),
            _decimal(hello.ciphers),
            _decimal(hello.extension_types),
            _decimal(_numbers(hello, GROUPS)),
            formats,
        )
    )
    return md5(text.encode("ascii"), usedforsecurity=False).hexdigest()


def _hexadecimal(numbers: bytes) -> list[str]:
    """Two-byte numbers as JA4 writes them, GREASE left out."""
    if not numbers:
        return []
    return [text for text in numbers.hex(",", 2).split(",") if text not in GREASE]


def _short_hash(text: str) -> str:
    return sha256(text.encode("ascii")).hexdigest()[:JA4_HASH]


def _alpn_ends(names: list[bytes]) -> str:
    """First and last character of the first ALPN name, or of its hexadecimal digits where they are no letters."""
    if not names or not names[0]:
        return "00"
    name = names[0]
    ends = name[:1] + name[len(name) - 1 :]
    if ends.isalnum():
        return ends.decode("ascii")
    digits = name.hex()
    return digits[0] + digits[len(digits) - 1]


def ja4(hello: Hello, carrier: str, version: int, names: list[bytes]) -> str:
    """The JA4 fingerprint of a whole ClientHello that offers `version` and the ALPN `names`."""
    ciphers = _hexadecimal(hello.ciphers)
    extensions = _hexadecimal(hello.extension_types)
    count = min(len(extensions), JA4_COUNT_LIMIT)
    first = (
        f"{carrier}{JA4_VERSIONS.get(version, '00')}{'d' if SERVER_NAME in hello.sections else 'i'}"
        f"{min(len(ciphers), JA4_COUNT_LIMIT):02}{count:02}{_alpn_ends(names)}"
    )
    ciphers.sort()
    second = _short_hash(",".join(ciphers)) if ciphers else JA4_NOTHING
    kept = sorted([text for text in extensions if text not in _LEFT_OUT])
    if not kept:
        return f"{first}_{second}_{JA4_NOTHING}"
    signatures = _hexadecimal(_numbers(hello, SIGNATURES))
    third = ",".join(kept) + "_" + ",".join(signatures) if signatures else ",".join(kept)
    return f"{first}_{second}_{_short_hash(third)}"
