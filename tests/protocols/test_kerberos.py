"""Kerberos over UDP and TCP, and password changes: version, type and every length have to agree."""

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import identify
from oddport.protocols.kerberos import (
    client,
    datagram_client,
    datagram_reject,
    datagram_server,
    reject,
    server,
)  # fmt: skip
from oddport.protocols.model import Tier
from oddport.protocols.registry import CLIENT, SERVER

from .build import AP_REPLY, AP_REQUEST, as_request, ber, counted, field, integer, krb_error, password


def test_a_request_tells_its_realm_and_an_error_its_code() -> None:
    asked = datagram_client(as_request(b"CORP.EXAMPLE"))
    assert asked is not None
    assert asked.facts == {"message": "AS-REQ", "realm": "CORP.EXAMPLE", "client": "alice"}
    answered = datagram_server(krb_error(b"CORP.EXAMPLE", 24))
    assert answered is not None
    assert answered.facts == {"message": "KRB-ERROR", "realm": "CORP.EXAMPLE", "error": 24}


def test_who_asks_and_for_which_service_are_facts() -> None:
    service = ber(0x30, field(0, integer(2)), field(1, ber(0x30, ber(0x1B, b"krbtgt"), ber(0x1B, b"EXAMPLE.ORG"))))
    body = ber(0x30, field(0, ber(3, b"\0\x40\x81\0\x10")), field(2, ber(0x1B, b"EXAMPLE.ORG")), field(3, service))
    asked = datagram_client(ber(0x6C, ber(0x30, field(1, integer(5)), field(2, integer(12)), field(4, body))))
    assert asked is not None
    assert asked.facts == {"message": "TGS-REQ", "realm": "EXAMPLE.ORG", "service": "krbtgt/EXAMPLE.ORG"}
    user = ber(0x30, field(0, integer(1)), field(1, ber(0x30, ber(0x1B, b"bob"))))
    reply = ber(
        0x6B,
        ber(0x30, field(0, integer(5)), field(1, integer(11)), field(3, ber(0x1B, b"EXAMPLE.ORG")), field(4, user)),
    )
    answered = datagram_server(reply)
    assert answered is not None
    assert answered.facts["client"] == "bob"


def test_names_that_are_no_names_are_no_facts() -> None:
    for names in (field(1, ber(0x31)), field(1, b"\x30\x05\x1b\x09"), b"", ber(0x04)):
        broken = ber(0x30, field(1, ber(0x30, field(0, integer(1)), names)), field(2, ber(0x1B, b"EXAMPLE.ORG")))
        asked = datagram_client(ber(0x6A, ber(0x30, field(1, integer(5)), field(2, integer(10)), field(4, broken))))
        assert asked is not None
        assert "client" not in asked.facts


def test_the_four_byte_length_over_tcp_has_to_be_the_messages() -> None:
    message = as_request()
    assert client(counted(message)) is not None
    assert client((len(message) + 1).to_bytes(4, "big") + message) is None
    assert client(b"\0\0\0\x04" + message) is None


def test_a_ticket_longer_than_the_kept_bytes_is_proved_by_its_head() -> None:
    ticket = ber(0x63, b"t" * 9_000)
    reply = ber(
        0x6D,
        ber(0x30, field(0, integer(5)), field(1, integer(13)), field(3, ber(0x1B, b"EXAMPLE.ORG")), field(5, ticket)),
    )
    found = server(counted(reply)[:4096])
    assert found is not None
    assert found.strong
    assert found.facts["realm"] == "EXAMPLE.ORG"
    assert not found.more


def test_more_is_awaited_while_the_realm_is_beyond_the_cut() -> None:
    found = client(counted(as_request())[:40])
    assert found is not None
    assert found.more
    assert "realm" not in found.facts


def test_another_version_or_type_is_none() -> None:
    for index, value in ((0x05, 0x04), (0x0A, 0x0B)):
        message = bytearray(as_request())
        at = message.index(bytes((2, 1, index)))
        message[at + 2] = value
        assert datagram_client(bytes(message)) is None
    assert datagram_client(as_request() + b"\0") is None
    assert datagram_client(as_request()[:-1]) is None


def test_password_changes_close_on_their_own_lengths() -> None:
    assert datagram_client(password(1, AP_REQUEST)) is not None
    assert datagram_client(password(2, AP_REQUEST)) is None
    assert datagram_server(password(1, AP_REPLY)) is not None
    assert datagram_server(password(1, AP_REQUEST)) is None
    error = password(1, b"", krb_error())
    assert datagram_server(error) is not None
    assert datagram_client(error) is None
    assert client(counted(password(0xFF80, AP_REQUEST))) is not None
    assert datagram_client(password(0xFF80, AP_REQUEST) + b"x") is None


def test_a_request_of_user_datagrams_answered_by_an_error_is_tier_a() -> None:
    found = identify(Head(UDP, as_request(), krb_error()))
    assert (found.app, found.tier, found.server) == ("kerberos", Tier.A, 1)
    assert identify(Head(TCP, as_request())).app is None


def test_rejections_name_the_byte() -> None:
    assert reject(b"\x16\x03\x01", CLIENT).startswith("byte 0 is 0x16, a message is shorter")
    assert reject(counted(as_request()), SERVER) == "byte 4 is 0x6a, no message of this side has that tag"
    assert reject(counted(password(0xFF80, AP_REQUEST)), CLIENT) == ""
    assert reject(b"\0\0", CLIENT) == ""
    assert datagram_reject(as_request(), SERVER) == "byte 0 is 0x6a, no message of this side has that tag"
    assert datagram_reject(password(1, AP_REPLY), SERVER) == ""
