"""SNMP: three versions, traps, both transports; each checked against scapy's idea of the same message too."""

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import identify
from oddport.protocols.model import Tier
from oddport.protocols.registry import CLIENT
from oddport.protocols.snmp import client, reject, server, stream_client, stream_server

from .build import LDAP_BIND, SCOPED, SNMP_GET, SNMP_RESPONSE, SNMP_TRAP_1, ber, integer, octets, snmp, snmp3


@pytest.mark.parametrize(("version", "word"), [(0, "1"), (1, "2c")])
def test_versions_with_a_community_tell_version_and_pdu_but_no_community_that_is_a_secret(
    version: int, word: str
) -> None:
    found = client(snmp(version, 0xA1, community=b"s3cret"))
    assert found is not None
    assert found.facts == {"version": word, "pdu": "GetNextRequest"}
    assert "s3cret" not in repr(found)


def test_a_community_that_everybody_knows_is_told() -> None:
    found = client(snmp(1, 0xA0, community=b"public"))
    assert found is not None
    assert found.facts == {"version": "2c", "pdu": "GetRequest", "community": "public"}


def test_the_user_of_version_3_is_told() -> None:
    header = ber(0x30, integer(9), integer(65507), octets(b"\7"), integer(3))
    model = ber(0x30, octets(b"engine"), integer(2), integer(99), octets(b"maplesyrup"), octets(b""), octets(b""))
    found = client(ber(0x30, integer(3), header, octets(model), octets(b"e" * 40)))
    assert found is not None
    assert found.facts == {"version": "3", "pdu": "encrypted", "user": "maplesyrup"}


def test_version_2_without_a_standard_is_none() -> None:
    assert client(snmp(2, 0xA0)) is None


def test_notifications_come_from_the_client_of_port_162() -> None:
    for data in (SNMP_TRAP_1, snmp(1, 0xA7), snmp(1, 0xA6)):
        found = identify(Head(UDP, data))
        assert (found.app, found.tier, found.server) == ("snmp", Tier.B, 1)
    assert server(SNMP_TRAP_1) is None


def test_version_3_plain_and_encrypted() -> None:
    plain = client(snmp3(4, SCOPED))
    assert plain is not None
    assert plain.facts == {"version": "3", "pdu": "GetRequest"}
    assert server(snmp3(0, SCOPED)) is None
    asking, answering = snmp3(7, octets(b"e" * 40)), snmp3(3, octets(b"e" * 40))
    found = identify(Head(UDP, asking, answering))
    assert (found.app, found.tier, found.facts["pdu"]) == ("snmp", Tier.A, "encrypted")
    assert client(answering) is None


def test_version_3_headers_that_break_its_rules_are_none() -> None:
    assert client(snmp3(8 + 4, SCOPED)) is None
    assert client(snmp3(4, octets(b"plain text is a sequence"))) is None
    assert client(snmp3(7, SCOPED)) is None
    assert client(snmp3(4, ber(0x30, octets(b""), octets(b"")))) is None
    assert client(snmp3(4, ber(0x30, integer(1), octets(b"")))) is None
    small = ber(0x30, integer(9), integer(483), octets(b"\4"), integer(3))
    assert client(ber(0x30, integer(3), small, octets(b"x" * 8), SCOPED)) is None
    assert client(ber(0x30, integer(3), ber(0x30, integer(9)), octets(b"x" * 8), SCOPED)) is None
    assert client(ber(0x30, integer(3), octets(b"x" * 20))) is None
    assert (
        client(ber(0x30, integer(3), ber(0x30, integer(9), integer(999), octets(b"\4"), integer(3)), integer(4)))
        is None
    )


def test_the_datagram_has_to_be_filled_and_over_tcp_more_may_follow() -> None:
    assert client(SNMP_GET + b"\0") is None
    assert stream_client(SNMP_GET + SNMP_GET) is not None
    assert stream_server(SNMP_RESPONSE) is not None
    assert stream_client(SNMP_RESPONSE) is None
    found = identify(Head(TCP, SNMP_GET, SNMP_RESPONSE))
    assert (found.app, found.tier) == ("snmp", Tier.A)


def test_a_pdu_whose_bindings_do_not_close_is_none() -> None:
    loose = ber(0x30, integer(1), octets(b"public"), ber(0xA0, integer(1), integer(0), integer(0), ber(0x30), b"\5\0"))
    assert client(loose) is None
    short = ber(0x30, integer(1), octets(b"public"), ber(0xA0, integer(1), integer(0)))
    assert client(short) is None
    assert client(ber(0x30, integer(1), integer(7), ber(0xA0, integer(1), integer(0), integer(0), ber(0x30)))) is None
    assert client(ber(0x30, octets(b"1"), octets(b"public"), ber(0xA0))) is None
    assert client(ber(0x30, integer(1), octets(b"public"), ber(0xB0, integer(1)))) is None


def test_scapy_builds_what_is_recognised() -> None:
    asn1 = pytest.importorskip("scapy.layers.snmp")
    bindings = [asn1.SNMPvarbind(oid="1.3.6.1.2.1.1.5.0")]
    request = bytes(asn1.SNMP(version=1, community="public", PDU=asn1.SNMPget(id=4711, varbindlist=bindings)))
    answer = bytes(asn1.SNMP(version=1, community="public", PDU=asn1.SNMPresponse(id=4711, varbindlist=bindings)))
    found = identify(Head(UDP, request, answer))
    assert (found.app, found.tier, found.facts["version"]) == ("snmp", Tier.A, "2c")


def test_rejections_name_the_byte() -> None:
    bind = reject(LDAP_BIND, CLIENT)
    assert bind == "byte 5 is 0x60, a community (0x04) or a header (0x30) follows the version"
    assert reject(b"\x31\x20", CLIENT) == "byte 0 is 0x31, a message is a SEQUENCE (0x30)"
    assert reject(b"\x30\x80", CLIENT) == "byte 1 is 0x80, no length of an SNMP message"
    assert reject(b"\x30\x20\x04", CLIENT) == "byte 2 is 0x04, the version is an INTEGER (0x02)"
    assert reject(b"\x30\x20\x02\x02", CLIENT) == "byte 3 is 0x02, the version is one byte long"
    assert reject(b"\x30\x20\x02\x01\x02", CLIENT) == "byte 4 is 0x02, versions are 0, 1 and 3"
    assert reject(b"\x30", CLIENT) == ""
    assert reject(b"\x30\x82", CLIENT) == ""
