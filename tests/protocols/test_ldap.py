"""LDAP and CLDAP: whole messages close; SNMP, Kerberos and MQTT that begin alike are none."""

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import identify
from oddport.protocols.ldap import client, datagram_client, datagram_server, reject, server
from oddport.protocols.model import Tier
from oddport.protocols.registry import CLIENT, SERVER

from .build import (
    LDAP_BIND,
    LDAP_BOUND,
    LDAP_DONE,
    LDAP_ENTRY,
    LDAP_SEARCH,
    LDAP_STARTTLS,
    SNMP_GET,
    as_request,
    ber,
    integer,
    ldap,
    octets,
)


def test_a_bind_tells_version_user_and_method() -> None:
    found = client(LDAP_BIND)
    assert found is not None
    assert found.strong
    assert found.facts == {"version": "LDAPv3", "auth": "simple", "user": "cn=admin,dc=example"}


def test_a_bind_of_version_9_or_with_an_unknown_method_is_none() -> None:
    assert client(ldap(1, ber(0x60, integer(9), octets(b""), ber(0x80)))) is None
    assert client(ldap(1, ber(0x60, integer(3), octets(b""), ber(0x85)))) is None


def test_windows_writes_lengths_of_four_bytes_and_controls_behind_the_operation() -> None:
    search = ldap(5, LDAP_SEARCH[5:], wide=True)
    assert client(search) is not None
    controls = ber(0xA0, ber(0x30, octets(b"1.2.840.113556.1.4.319")))
    both = ber(0x30, integer(2), LDAP_SEARCH[5:], controls)
    found = client(both)
    assert found is not None
    assert found.facts == {"base": "dc=example"}
    assert client(ber(0x30, integer(2), LDAP_SEARCH[5:], ber(0xA1, b"x"))) is None


def test_every_request_that_rfc_4511_defines_is_known() -> None:
    attributes = ber(0x30, ber(0x30, octets(b"cn"), ber(0x31, octets(b"x"))))
    operations = {
        "modifyRequest": ber(0x66, octets(b"cn=x"), attributes),
        "addRequest": ber(0x68, octets(b"cn=x"), attributes),
        "delRequest": ber(0x4A, b"cn=x,dc=example"),
        "modDNRequest": ber(0x6C, octets(b"cn=x"), octets(b"cn=y"), ber(1, b"\xff")),
        "compareRequest": ber(0x6E, octets(b"cn=x"), ber(0x30, octets(b"a"), octets(b"b"))),
        "extendedRequest": ber(0x77, ber(0x80, b"1.3.6.1.4.1.4203.1.11.3")),
    }
    for name, operation in operations.items():
        found = client(ldap(3, operation))
        assert found is not None, name
        assert found.strong, name
        assert found.spans[0][2].startswith(name)


def test_every_response_that_rfc_4511_defines_is_known() -> None:
    result = integer(0, 10) + octets(b"") + octets(b"")
    for tag in (0x61, 0x65, 0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x78):
        found = server(ldap(3, ber(tag, result)))
        assert found is not None, hex(tag)
        assert found.strong
    assert server(ldap(3, ber(0x73, octets(b"ldap://other/")))) is not None
    assert server(ldap(3, ber(0x79, ber(0x80, b"1.3.6.1")))) is not None
    assert server(ldap(3, ber(0x79, octets(b"1.3.6.1")))) is None
    assert server(ldap(3, ber(0x65, integer(4096, 10), octets(b""), octets(b"")))) is None
    assert server(ldap(3, ber(0x64, octets(b"a\0b"), ber(0x30)))) is None


def test_unbind_and_abandon_are_too_short_to_stand_alone() -> None:
    for operation in (ber(0x42), ber(0x50, b"\x07")):
        found = client(ldap(3, operation))
        assert found is not None
        assert not found.strong
    assert client(ldap(3, ber(0x42, b"x"))) is None
    assert client(ldap(3, ber(0x50, b"12345"))) is None
    assert client(ldap(3, ber(0x4A, b"no dn"))) is None


def test_an_operation_that_does_not_close_on_the_message_is_none() -> None:
    broken = bytearray(LDAP_BIND)
    broken[1] -= 1
    assert client(bytes(broken)) is None
    assert client(ldap(1, ber(0x63, octets(b"x\0y"), b"\x0a\1\0" * 2 + b"\2\1\0" * 2 + b"\1\1\0"))) is None
    assert client(ldap(1, ber(0x63, octets(b"x"), b"\x0a\1\7" + b"\x0a\1\0" + b"\2\1\0" * 2 + b"\1\1\0"))) is None
    assert client(ber(0x30, integer(1), b"\x60")) is None
    assert client(ber(0x30, b"\x02\x05\0\0\0\0\1", LDAP_BIND[5:])) is None
    assert client(ber(0x30, b"\x02\x01\xff", LDAP_BIND[5:])) is None


def test_an_entry_longer_than_the_kept_bytes_is_proved_by_its_headers() -> None:
    entry = ldap(7, ber(0x64, octets(b"cn=big"), ber(0x30, ber(0x30, octets(b"a"), ber(0x31, octets(b"v" * 9_000))))))
    found = server(entry[:4096])
    assert found is not None
    assert found.strong


def test_starttls_leaves_the_flow_ldap() -> None:
    answer = ldap(1, ber(0x78, integer(0, 10), octets(b""), octets(b"")))
    found = identify(Head(TCP, LDAP_STARTTLS + b"\x16\x03\x01\x00\x05hello", answer))
    assert (found.app, found.tier) == ("ldap", Tier.A)
    assert found.facts["extended"] == "1.3.6.1.4.1.1466.20037"
    assert client(ldap(1, ber(0x77, ber(0x80, b"not an oid")))) is None


def test_sasl_buffers_count_only_together() -> None:
    wrap = b"\x05\x04\x06\xff" + b"w" * 40
    buffers = b"".join(len(wrap).to_bytes(4, "big") + wrap for _ in range(2))
    found = identify(Head(TCP, buffers, buffers))
    assert (found.app, found.tier) == ("ldap", Tier.A)
    assert identify(Head(TCP, buffers, b"x")).app is None
    one = client(buffers[: 4 + len(wrap)])
    assert one is not None
    assert client(buffers[:30]) is None
    assert client(b"\0\0\0\x08" + wrap) is None
    assert client(b"\0\0\0\x2c\x60" + wrap) is None
    assert reject(b"\0\0\0\x08" + wrap, CLIENT).startswith("byte 0 is 0x00")
    assert reject(buffers, CLIENT) == ""


def test_a_cldap_datagram_has_to_be_filled() -> None:
    assert datagram_client(LDAP_SEARCH) is not None
    assert datagram_client(LDAP_SEARCH + b"\0") is None
    assert datagram_server(LDAP_ENTRY + LDAP_DONE) is not None
    assert datagram_server(LDAP_ENTRY + LDAP_DONE[:-1]) is None


@pytest.mark.parametrize("other", [SNMP_GET, as_request(), b"\x30\x0c\x00\x05topic" + b"hello"])
def test_snmp_kerberos_and_an_mqtt_publish_are_not_ldap(other: bytes) -> None:
    assert client(other.ljust(7, b"\0")) is None if other[0] == 0x30 else True
    assert identify(Head(TCP, other)).app != "ldap"
    assert identify(Head(UDP, other)).app != "ldap"


def test_a_publish_of_mqtt_with_the_topic_of_a_message_id_is_not_ldap() -> None:
    # 30 0c 02 01: an MQTT topic length of 513 that lies; the rest must still nest to be LDAP
    assert client(b"\x30\x0c\x02\x01\x01\x60\x07\x00\x00\x00\x00\x00\x00\x00") is None


def test_rejections_name_the_byte() -> None:
    assert reject(b"GET /", CLIENT) == "byte 0 is 0x47, a message is a SEQUENCE (0x30)"
    assert reject(b"\x30\x80\0", CLIENT) == "byte 1 is 0x80, no definite length"
    assert reject(b"\x30\x05\x04\x01\0\0\0", CLIENT) == "byte 2 is 0x04, a message id is an INTEGER (0x02)"
    assert reject(LDAP_BOUND, CLIENT) == "byte 5 is 0x61, no operation of this side has that tag"
    assert reject(LDAP_BIND, SERVER) == "byte 5 is 0x60, no operation of this side has that tag"
    assert reject(b"\x30", CLIENT) == ""
    assert reject(b"\x30\x82", CLIENT) == ""
    assert reject(b"\x30\x0c\x02", CLIENT) == ""
