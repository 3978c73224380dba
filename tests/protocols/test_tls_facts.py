"""Facts and fingerprints of hellos, against the examples that their authors published."""

import struct
from hashlib import md5

import pytest

from oddport.protocols.model import Facts
from oddport.protocols.tls_facts import DTLS, TLS, client_facts, server_facts
from oddport.protocols.tls_hello import CLIENT_HELLO, COMPLETE, FITS, SERVER_HELLO, Hello, read_hello

from .build import alpn, client_hello, extension, server_hello, sni


def numbers(text: str, separator: str = ",", base: int = 16) -> bytes:
    return b"".join(struct.pack(">H", int(each, base)) for each in text.split(separator) if each)


def counted(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def read(message: bytes, kind: int = CLIENT_HELLO, carrier: str = TLS) -> Facts:
    hello = Hello(message, kind)
    result = read_hello(message, 4, len(message), kind, False, hello)
    assert result == COMPLETE
    return client_facts(hello, carrier, True) if kind == CLIENT_HELLO else server_facts(hello, True)


CHROME_CIPHERS = "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"
CHROME_EXTENSIONS = "001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015"
CHROME_SIGNATURES = "0403,0804,0401,0503,0805,0501,0806,0601"


def chrome(signatures: str = CHROME_SIGNATURES, *, grease: bool = False) -> bytes:
    """The ClientHello of the JA4 document's example: 15 cipher suites, 16 extensions, h2."""
    bodies = {
        0: sni(b"www.example.org")[4:],
        16: alpn(b"h2", b"http/1.1")[4:],
        13: counted(numbers(signatures)),
        43: b"\x06\x4a\x4a\x03\x04\x03\x03",
    }
    if not signatures:
        del bodies[13]
    ciphers, types = numbers(CHROME_CIPHERS), numbers(CHROME_EXTENSIONS)
    kinds = [number for (number,) in struct.iter_unpack(">H", types)]
    extensions = [extension(kind, bodies.get(kind, b"")) for kind in kinds]
    if grease:
        ciphers = b"\xfa\xfa" + ciphers
        extensions = [extension(0x2A2A, b""), *extensions, extension(0xDADA, b"\0")]
    return client_hello(*extensions, ciphers=ciphers)


@pytest.mark.parametrize("grease", [False, True])
def test_the_example_of_the_ja4_document(grease: bool) -> None:
    assert read(chrome(grease=grease))["ja4"] == "t13d1516h2_8daaf6152771_e5627efa2ab1"


def test_ja4_without_signature_algorithms_ends_without_an_underscore() -> None:
    assert read(chrome(""))["ja4"] == "t13d1516h2_8daaf6152771_6d807ffa2a79"


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        (b"http/1.1", "h1"),
        (b"h", "hh"),
        (b"", "00"),
        (b"\xab", "ab"),
        (b"\xab\xcd", "ad"),
        (b"\x30\xab", "3b"),
        (b"\x30\x31\xab\xcd", "3d"),
        (b"\x30\xab\xcd\x31", "01"),
    ],
)
def test_ends_of_the_first_alpn_name_as_the_ja4_document_lists_them(name: bytes, ends: str) -> None:
    assert str(read(client_hello(alpn(name)))["ja4"])[8:10] == ends


def test_ja4_of_a_hello_without_extensions_has_no_hash_of_nothing() -> None:
    assert str(read(client_hello(version=0x0301))["ja4"]).startswith("t10i020000_")
    assert str(read(client_hello(version=0x0301))["ja4"]).endswith("_000000000000")


def test_ja4_names_the_carrier_and_counts_to_99() -> None:
    many = client_hello(*[extension(0x5000 + n, b"") for n in range(120)], ciphers=b"\x13\x01" * 101)
    assert str(read(many)["ja4"])[:10] == "t12i999900"
    assert str(read(many, carrier=DTLS)["ja4"])[0] == "d"


@pytest.mark.parametrize(
    ("ciphers", "groups", "formats", "digest"),
    [
        ("47-53-5-10-49161-49162-49171-49172-50-56-19-4", "23-24-25", b"\0", "ada70206e40642a3e4461f35503241d5"),
        ("4-5-10-9-100-98-3-6-19-18-99", "", b"", "de350869b8c85de67a350c8d186f11e6"),
    ],
)
def test_the_examples_of_the_ja3_document(ciphers: str, groups: str, formats: bytes, digest: str) -> None:
    extensions = []
    if groups:
        extensions = [
            sni(b"a.example"),
            extension(10, counted(b"\x2a\x2a" + numbers(groups, "-", 10))),
            extension(11, bytes((len(formats),)) + formats),
        ]
    hello = client_hello(*extensions, version=0x0301, ciphers=numbers(ciphers, "-", 10))
    assert read(hello)["ja3"] == digest


def test_ja3s_is_version_cipher_and_extensions_in_their_order() -> None:
    extensions = [extension(number, b"") for number in (65281, 0, 11, 35, 5, 16)]
    hello = server_hello(*extensions, version=0x0301, cipher=47)
    assert read(hello, SERVER_HELLO)["ja3s"] == md5(b"769,47,65281-0-11-35-5-16").hexdigest()


def test_an_encrypted_hello_is_said() -> None:
    assert read(client_hello(extension(0xFE0D, b"\0" * 20)))["ech"] is True


def test_versions_of_dtls_count_downwards() -> None:
    assert read(client_hello(extension(43, b"\x04\xfe\xfc\xfe\xfd")))["version"] == "DTLS 1.3"


def test_a_cut_hello_has_no_fingerprint() -> None:
    message = chrome()
    hello = Hello(message[:100], CLIENT_HELLO)
    result = read_hello(message[:100], 4, len(message), CLIENT_HELLO, False, hello)
    assert result == FITS
    assert not {"ja3", "ja4"} & set(client_facts(hello, TLS, False))
    assert "ja3s" not in server_facts(Hello(b"", SERVER_HELLO), False)
