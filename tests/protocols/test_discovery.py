"""Finding services: SLP, SSDP, WS-Discovery, DHCPv6, CLDAP; each by what closes or is written in it."""

import struct

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols import dhcpv6, srvloc, ssdp
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.model import Identification, Tier
from oddport.protocols.registry import CLIENT, SERVER

from .build import LDAP_DONE, LDAP_ENTRY, LDAP_SEARCH


def name(one: bytes, other: bytes = b"") -> Identification:
    return identify(Head(UDP, one, other, (one,) if one else (), (other,) if other else ()))


# SLP ----------------------------------------------------------------------------------------------------------------


def string(text: bytes) -> bytes:
    return struct.pack(">H", len(text)) + text


def slp2(function: int, body: bytes, *, flags: int = 0, tag: bytes = b"en", more: int = 0) -> bytes:
    length = 14 + len(tag) + len(body) + more
    return bytes((2, function)) + length.to_bytes(3, "big") + struct.pack(">H3xHH", flags, 9, len(tag)) + tag + body


def slp1(function: int, body: bytes, *, code: int = 3) -> bytes:
    return bytes((1, function)) + struct.pack(">H", 12 + len(body)) + b"\0\0en" + struct.pack(">HH", code, 9) + body


SEARCH = slp2(1, string(b"") + string(b"service:printer") + string(b"DEFAULT") + string(b"") + string(b""))
FOUND = slp2(2, struct.pack(">HH", 0, 0))


def test_a_service_request_of_either_version_says_what_is_looked_for() -> None:
    found = name(SEARCH, FOUND)
    assert (found.app, found.tier, found.facts["service"]) == ("srvloc", Tier.A, "service:printer")
    old = name(slp1(1, string(b"") + string(b"service:printer//")))
    assert (old.app, old.tier, old.facts["service"], old.facts["version"]) == ("srvloc", Tier.B, "service:printer", 1)


def test_an_agent_that_speaks_unasked_is_not_the_server_for_that() -> None:
    assert name(FOUND).server is None


def test_over_tcp_messages_follow_each_other_or_are_cut() -> None:
    assert identify(Head(TCP, SEARCH + SEARCH, FOUND)).tier is Tier.A
    assert identify(Head(TCP, SEARCH[:30])).app == "srvloc"
    assert identify(Head(TCP, SEARCH + b"x")).app is None


@pytest.mark.parametrize(
    "data",
    [
        SEARCH[:-1],
        SEARCH + b"\0",
        slp2(1, string(b"")),
        slp2(12, b""),
        slp2(5, b"\0\0", flags=1),
        slp2(5, b"\0\0", tag=b"e!"),
        slp2(5, b"\0\0", tag=b"e"),
        slp1(5, b"\0\0", code=7),
        slp2(5, b"\0\0", more=1),
        b"\3" + SEARCH[1:],
    ],
)
def test_a_length_flag_tag_or_string_that_is_wrong_refuses_a_message(data: bytes) -> None:
    assert name(data).app is None


def test_slp_is_refused_by_the_byte() -> None:
    assert srvloc.reject(b"GET /", CLIENT) == "byte 0 is 0x47, the version is 1 or 2"
    assert srvloc.reject(SEARCH, SERVER) == "byte 1 is 0x01, no message of this side has that function"


# SSDP and WS-Discovery ----------------------------------------------------------------------------------------------

M_SEARCH = (
    b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 3\r\nST: ssdp:all\r\n'
    b"USER-AGENT: probe/1\r\n\r\n"
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nLOCATION: http://192.0.2.1/d.xml\r\nSERVER: OS/1 UPnP/1.0 box/2\r\nST: ssdp:all\r\n"
    b"USN: uuid:1::upnp:rootdevice\r\n\r\n"
)
NOTIFY = b"NOTIFY * HTTP/1.1 \r\nHOST: 239.255.255.250:1900\r\nNT: upnp:rootdevice\r\nUSN: uuid:1\r\n\r\n"


def test_a_search_and_its_answer_are_ssdp_with_what_the_device_says() -> None:
    found = name(M_SEARCH, ANSWER)
    assert (found.app, found.tier, found.server) == ("ssdp", Tier.A, 1)
    assert found.facts == {
        "method": "M-SEARCH", "target": "ssdp:all", "user_agent": "probe/1", "server": "OS/1 UPnP/1.0 box/2",
        "location": "http://192.0.2.1/d.xml", "usn": "uuid:1::upnp:rootdevice",
    }  # fmt: skip


def test_an_announcement_counts_with_blanks_before_its_line_end() -> None:
    found = name(NOTIFY)
    assert (found.app, found.tier, found.facts["target"]) == ("ssdp", Tier.B, "upnp:rootdevice")


def test_http_in_a_datagram_without_ssdps_fields_proves_nothing() -> None:
    assert name(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n").tier < Tier.B
    assert name(b"GET * HTTP/1.1\r\n\r\n").app is None
    assert ssdp.reject(b"NOTICE", CLIENT) == "byte 4 is 0x43, a first line begins 'NOTIFY * HTTP/1.'"
    assert ssdp.reject(b"HTTQ", SERVER) == "byte 3 is 0x51, a first line begins 'HTTP/1.'"
    assert ssdp.reject(M_SEARCH, CLIENT) == ssdp.reject(NOTIFY, CLIENT) == ""


def envelope(action: bytes, body: bytes = b"") -> bytes:
    return (
        b'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope">'
        b"<soap:Header><wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/" + action + b"</wsa:Action>"
        b"</soap:Header><soap:Body>" + body + b"</soap:Body></soap:Envelope>"
    )


def test_a_probe_is_ws_discovery_and_other_soap_is_not() -> None:
    probe = envelope(b"Probe", b"<wsd:Probe><wsd:Types>wsdp:Device</wsd:Types></wsd:Probe>")
    found = name(probe, envelope(b"ProbeMatches"))
    assert (found.app, found.tier, found.facts["target"]) == ("wsd", Tier.A, "wsdp:Device")
    assert name(envelope(b"Bye")).app == "wsd"
    assert name(envelope(b"Order")).app is None
    assert name(b"<html>" + probe).app is None
    assert "byte 0 is 0x00" in (explain_not("wsd", Head(UDP, b"\0a", b"\0b")) or "")


# DHCPv6 and CLDAP ---------------------------------------------------------------------------------------------------


def option(code: int, value: bytes) -> bytes:
    return struct.pack(">HH", code, len(value)) + value


DUID = option(1, b"\0\1\0\1" + bytes(10))
SOLICIT = b"\1abc" + DUID + option(16, b"\0\0\1\x37\0\x08MSFT 5.0") + option(39, b"\0\6laptop\4corp\0")
ADVERTISE = b"\2abc" + DUID + option(2, b"\0\3\0\1" + bytes(6))


def test_options_that_fill_a_message_are_dhcpv6_and_name_the_host() -> None:
    found = name(SOLICIT, ADVERTISE)
    assert (found.app, found.tier) == ("dhcpv6", Tier.A)
    assert {"hostname": "laptop.corp", "vendor": "MSFT 5.0", "enterprise": 311}.items() <= found.facts.items()
    assert name(SOLICIT[:-1]).app is None
    assert name(SOLICIT + b"\0").app is None


def test_a_relayed_message_nests() -> None:
    relayed = b"\x0c\0" + bytes(32) + option(18, b"eth0") + option(9, SOLICIT)
    found = name(relayed)
    assert (found.app, found.facts["type"], found.facts["hostname"]) == ("dhcpv6", "SOLICIT", "laptop.corp")
    assert name(b"\x0c\0" + bytes(32) + option(9, SOLICIT[:-1])).app is None
    endless = SOLICIT
    for _ in range(6):
        endless = b"\x0c\0" + bytes(32) + option(9, endless)
    assert name(endless).app is None


def test_a_duid_or_code_that_is_not_assigned_refuses_a_message() -> None:
    assert name(b"\1abc" + option(1, b"\0\7" + bytes(8))).app is None
    assert name(b"\1abc" + option(151, bytes(8))).app is None
    assert dhcpv6.reject(b"\2abc", CLIENT) == "byte 0 is 0x02, no message of this side has that type"
    assert dhcpv6.reject(b"\1abc\7", CLIENT) == "byte 4 is 0x07, options have codes below 150"


def test_ldap_in_datagrams_is_cldap() -> None:
    found = name(LDAP_SEARCH, LDAP_ENTRY + LDAP_DONE)
    assert (found.app, found.tier) == ("cldap", Tier.A)
