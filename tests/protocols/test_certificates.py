"""Certificates written down by RFC 5280 say who they are for, from whom and how long; cut ones say what is there."""

from oddport.engine.columns import TCP
from oddport.engine.heads import Head
from oddport.protocols.certificates import certificate_facts
from oddport.protocols.identify import identify

from .build import CLIENT_HELLO, ber, integer, server_hello, tls_record


def name(common: bytes = b"", organization: bytes = b"") -> bytes:
    parts = [(b"\x55\x04\x0a", organization), (b"\x55\x04\x03", common)]
    return ber(0x30, *[ber(0x31, ber(0x30, ber(6, kind), ber(0x0C, text))) for kind, text in parts if text])


def certificate(subject: bytes, issuer: bytes, names: bytes = b"") -> bytes:
    algorithm = ber(0x30, ber(6, b"\x2a\x86\x48\xce\x3d\x04\x03\x02"))
    validity = ber(0x30, ber(0x17, b"240131235959Z"), ber(0x18, b"20500101000000Z"))
    key = ber(0x30, algorithm, ber(3, b"\0" + b"k" * 64))
    extensions = ber(0xA3, ber(0x30, ber(0x30, ber(6, b"\x55\x1d\x11"), ber(4, ber(0x30, names))))) if names else b""
    inner = ber(0x30, ber(0xA0, integer(2)), integer(77), algorithm, issuer, validity, subject, key, extensions)
    return ber(0x30, inner, algorithm, ber(3, b"\0" + b"s" * 70))


HOSTS = ber(0x82, b"a.example") + ber(0x82, b"*.a.example") + ber(0x87, bytes((192, 0, 2, 1)))
SHOWN = {
    "cert_subject": "a.example",
    "cert_issuer": "Example CA",
    "cert_from": "2024-01-31T23:59:59Z",
    "cert_until": "2050-01-01T00:00:00Z",
    "cert_names": ["a.example", "*.a.example", "192.0.2.1"],
}
WHOLE = certificate(name(b"a.example"), name(b"Example CA", b"Example"), HOSTS)


def test_what_a_certificate_shows() -> None:
    assert certificate_facts(WHOLE) == SHOWN


def test_one_that_names_itself_as_issuer_and_one_without_common_name() -> None:
    facts = certificate_facts(certificate(name(organization=b"Acme"), name(organization=b"Acme")))
    assert (facts["cert_subject"], facts["self_signed"]) == ("Acme", True)


def test_names_beyond_sixteen_are_counted() -> None:
    many = b"".join(ber(0x82, b"h%d.example" % n) for n in range(40))
    facts = certificate_facts(certificate(name(b"a"), name(b"b"), many))
    names = facts["cert_names"]
    assert isinstance(names, list)
    assert (len(names), facts["cert_name_count"]) == (16, 40)


def test_cut_anywhere_no_half_name_is_shown() -> None:
    for length in range(len(WHOLE)):
        for key, value in certificate_facts(WHOLE[:length]).items():
            whole = SHOWN[key]
            assert value == whole or (isinstance(value, list) and value == whole[: len(value)]), (length, key)


def test_what_is_no_certificate_says_nothing() -> None:
    for data in (b"", b"\x30", b"\x31\x03abc", b"\x30\x03abc", b"\x30\x80" * 30, ber(0x30, ber(0x30, b"\x02\x01\x01"))):
        assert certificate_facts(data) == {}


def test_a_servers_certificate_in_a_plain_handshake_is_read() -> None:
    chain = len(WHOLE).to_bytes(3, "big") + WHOLE
    body = len(chain).to_bytes(3, "big") + chain
    message = b"\x0b" + len(body).to_bytes(3, "big") + body
    answer = tls_record(server_hello(version=0x0303)) + tls_record(message) + tls_record(b"\x0e\0\0\0")
    found = identify(Head(TCP, CLIENT_HELLO, answer, closed=False))
    assert found.final
    assert {key: value for key, value in found.facts.items() if key.startswith("cert")} == SHOWN
    waiting = identify(Head(TCP, CLIENT_HELLO, answer[:150], closed=False))
    assert not waiting.final
