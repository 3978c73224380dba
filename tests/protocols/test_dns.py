"""DNS: counts, names, types and the end of the message have to agree; multicast forms, TCP, and what is not DNS."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddport.engine.columns import UDP
from oddport.engine.heads import Head
from oddport.protocols.dns import (
    client,
    datagram_client,
    datagram_reject,
    datagram_server,
    link_local_client,
    link_local_server,
    multicast_client,
    multicast_server,
    pair,
    reject,
    server,
)
from oddport.protocols.dns_message import BAD, SHORT, name_text, skip_name
from oddport.protocols.identify import identify
from oddport.protocols.model import Tier, said
from oddport.protocols.registry import CLIENT, SERVER

from .build import DNS_ANSWER, DNS_QUERY, NBNS_ANSWER, NBNS_QUERY, dns, name, question, record


def framed(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def test_facts_are_name_type_and_answers() -> None:
    found = identify(Head(UDP, DNS_QUERY, DNS_ANSWER))
    assert found.facts == {"qname": "www.example.org", "qtype": "A", "answers": ["192.0.2.1"]}


def test_answers_of_many_types_are_shown_and_the_rest_is_counted() -> None:
    owner, six = b"\xc0\x0c", bytes.fromhex("20010db8000000000000000000000001")
    shown = [
        record(owner, 5, name("web.example.org")),
        record(owner, 28, six),
        record(owner, 15, b"\0\x0a" + name("mx.example.org")),
        record(owner, 33, b"\0\1\0\2\0\x50" + name("srv.example.org")),
        record(owner, 16, b"\x05hello"),
        record(owner, 6, bytes(22)),
    ]
    found = datagram_server(dns(0x8180, [question("a.b", 255)], shown))
    assert found is not None
    texts = ["web.example.org", "2001:db8::1", "mx.example.org", "srv.example.org", "hello"]
    assert found.facts["answers"] == texts
    many = datagram_server(dns(0x8180, [question("a.b")], [record(owner, 1, bytes((10, 0, 0, n))) for n in range(20)]))
    assert many is not None
    assert many.facts["answers"] == [*(f"10.0.0.{n}" for n in range(8)), "12 more"]


def test_a_name_that_does_not_exist_is_said_so() -> None:
    found = identify(Head(UDP, DNS_QUERY, dns(0x8183, [question("www.example.org")])))
    assert (found.tier, found.facts["rcode"]) == (Tier.A, "NXDOMAIN")


def test_an_answer_without_the_bit_of_one_is_the_servers_all_the_same() -> None:
    unmarked = dns(0, [question("www.example.org")], [record(b"\xc0\x0c", 1, b"\xc0\0\2\1")])
    assert datagram_client(unmarked) is None
    found = identify(Head(UDP, DNS_QUERY, unmarked))
    assert (found.app, found.tier, found.server) == ("dns", Tier.A, 1)


def test_a_byte_more_or_less_than_the_records_is_none() -> None:
    assert datagram_client(DNS_QUERY + b"\0") is None
    assert datagram_client(DNS_QUERY[:-1]) is None
    assert datagram_server(DNS_ANSWER + b"\0") is None
    assert datagram_server(DNS_ANSWER[:-1]) is None


def test_counts_that_promise_more_than_the_bytes_can_hold_are_none() -> None:
    assert datagram_client(dns(0x0100, [question("a.b")], number=1)[:4] + b"\0\xff" + DNS_QUERY[6:]) is None


def test_multicast_questions_with_the_unicast_bit_and_answers_with_cache_flush() -> None:
    ask = dns(0, [question("_ipp._tcp.local", 12, 0x8001), question("_http._tcp.local", 12, 0x8001)], number=0)
    tell = dns(0x8400, [], [record(name("printer.local"), 1, b"\xc0\xa8\0\7", 0x8001)], number=0)
    found = identify(Head(UDP, tell))
    assert (found.app, found.tier) == ("mdns", Tier.B)
    assert found.facts == {"qname": "printer.local", "qtype": "A", "answers": ["192.168.0.7"]}
    assert identify(Head(UDP, ask, tell)).tier is Tier.A
    assert identify(Head(UDP, ask, ask)).tier is Tier.A
    probe = dns(0, [question("printer.lan", 255, 1)], authority=[record(b"\xc0\x0c", 1, b"\xc0\xa8\0\7")], number=0)
    known = dns(0, [question("_ipp._tcp.lan", 12)], [record(b"\xc0\x0c", 12, b"\1a\xc0\x0c")], number=0)
    for data in (ask, probe, known):
        assert identify(Head(UDP, data)).app == "mdns"
        assert datagram_client(data) is None


def test_id_zero_alone_or_local_alone_is_no_multicast_dns() -> None:
    for data in (dns(0x0100, [question("printer.local")], number=0), dns(0, [question("printer.local")], number=5)):
        assert multicast_client(data) is None
        assert identify(Head(UDP, data)).app == "dns"
    assert multicast_client(dns(0, [question("printer.local")], number=0)) is not None
    assert multicast_client(dns(0, [question("printer.lokal")], number=0)) is None
    echoed = dns(0x8400, [question("a.b")], [record(b"\xc0\x0c", 1, b"\1\2\3\4")], number=0)
    assert multicast_server(echoed) is None
    assert datagram_server(echoed) is not None


def test_link_local_names_are_told_by_their_answer() -> None:
    ask = dns(0, [question("fileserver")])
    tell = dns(0x8000, [question("fileserver")], [record(b"\xc0\x0c", 1, b"\xc0\xa8\0\7")])
    found = identify(Head(UDP, ask, tell))
    assert (found.app, found.tier, found.server) == ("llmnr", Tier.A, 1)
    assert identify(Head(UDP, tell)).app == "llmnr"
    assert identify(Head(UDP, ask)).app == "dns"
    assert datagram_server(tell) is None
    for flags, asked in ((0x8180, "fileserver"), (0x8400, "fileserver"), (0x8000, "file.server")):
        other = dns(flags, [question(asked)], [record(b"\xc0\x0c", 1, b"\xc0\xa8\0\7")])
        assert link_local_server(other) is None
        assert datagram_server(other) is not None
    assert link_local_client(dns(0, [question("file.server")])) is None


def test_updates_notifications_and_edns_are_dns() -> None:
    update = dns(0x2800, [question("example.org", 6)], authority=[record(name("h.example.org"), 1, b"", 254)])
    assert datagram_client(update) is not None
    assert datagram_client(dns(0x2400, [question("example.org", 6)])) is not None
    edns = dns(0x0120, [question("example.org", 1)], more=[b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)])
    assert datagram_client(edns) is not None


@pytest.mark.parametrize(
    ("flags", "kind", "family"), [(0x1800, 1, 1), (0x010F, 1, 1), (0x0100, 80, 1), (0x0100, 1, 2), (0x0100, 0, 1)]
)
def test_unassigned_opcodes_codes_types_and_classes_are_none(flags: int, kind: int, family: int) -> None:
    assert datagram_client(dns(flags, [question("example.org", kind, family)])) is None


def test_the_reserved_flag_does_not_hide_a_query() -> None:
    assert datagram_client(dns(0x0140, [question("example.org")])) is not None


def test_addresses_of_the_wrong_length_are_none() -> None:
    assert datagram_server(dns(0x8180, [question("a.b")], [record(b"\xc0\x0c", 1, b"\1\2\3")])) is None
    assert datagram_server(dns(0x8180, [question("a.b", 28)], [record(b"\xc0\x0c", 28, b"\1\2\3\4")])) is None


def test_pointers_lead_backwards_only() -> None:
    forward = dns(0x8180, [question("a.b")], [record(b"\xc0\x40", 1, b"\1\2\3\4")])
    assert datagram_server(forward) is None
    itself = dns(0x0100, [b"\xc0\x0c" + b"\0\1\0\1"])
    assert datagram_client(itself) is None
    into_header = dns(0x8180, [question("a.b")], [record(b"\xc0\x04", 1, b"\1\2\3\4")])
    assert datagram_server(into_header) is None


def test_names_are_at_most_255_bytes_and_labels_at_most_63() -> None:
    label = "l" * 63
    good = ".".join([label, label, label, "l" * 61])
    assert len(name(good)) == 255
    assert datagram_client(dns(0x0100, [question(good)])) is not None
    assert datagram_client(dns(0x0100, [question(good + ".x")])) is None
    assert skip_name(b"\x40" + b"a" * 64 + b"\0", 0, 66, 0) == BAD
    assert skip_name(b"\3ab", 0, 20, 0) == SHORT
    assert skip_name(b"\xc0", 0, 20, 0) == SHORT
    assert skip_name(b"\xc0", 0, 1, 0) == BAD
    assert skip_name(b"", 0, 0, 0) == BAD


@given(st.binary(max_size=80), st.integers(0, 80), st.integers(0, 4))
def test_following_pointers_always_ends(data: bytes, at: int, base: int) -> None:
    text = name_text(data, at, base)
    assert text.isprintable()
    assert len(text) <= 256


def test_the_name_of_a_pointer_is_followed_backwards() -> None:
    data = b"h" * 12 + name("example.org") + b"\3www\xc0\x0c"
    assert name_text(data, 25, 0) == "www.example.org"
    assert name_text(data, len(data), 0) == "."
    assert name_text(b"\0", 0, 0) == "."


def test_an_error_without_its_question_counts_only_with_the_query() -> None:
    refused = dns(0x8105, [])
    found = identify(Head(UDP, DNS_QUERY, refused))
    assert (found.app, found.tier, found.facts["rcode"]) == ("dns", Tier.A, "REFUSED")
    assert identify(Head(UDP, b"x", refused)).app is None
    assert datagram_server(dns(0x8100, [])) is None
    assert datagram_client(dns(0x0100, [])) is None


def test_answers_that_overtook_each_other_still_belong_to_the_query() -> None:
    other = dns(0x8180, [question("WWW.example.org", 28)], number=0x9999)
    assert pair(DNS_QUERY, DNS_ANSWER)
    assert pair(DNS_QUERY, other)
    assert not pair(DNS_QUERY, dns(0x8180, [question("elsewhere.example")], number=0x9999))
    assert not pair(DNS_QUERY, b"\1\2")


def test_netbios_names_are_left_to_netbios() -> None:
    assert datagram_client(NBNS_QUERY) is None
    assert datagram_server(NBNS_ANSWER) is None


def test_over_tcp_the_length_closes_and_a_long_answer_is_judged_as_far_as_it_goes() -> None:
    assert client(framed(DNS_QUERY)) is not None
    assert client(framed(DNS_QUERY)[:9]) is None
    assert client(struct.pack(">H", len(DNS_QUERY) + 4) + DNS_QUERY + b"\0\0\0\0") is None
    many = dns(0x8180, [question("a.b", 252)], [record(b"\xc0\x0c", 16, b"\xfa" + b"t" * 250)] * 40)
    found = server(framed(many)[:4096])
    assert found is not None
    assert found.strong
    assert "of 10" in said(found.spans[1][2])
    assert "exactly" not in said(found.spans[1][2])


def test_the_mark_of_windows_behind_its_zone_transfer_query_is_taken() -> None:
    transfer = dns(0, [question("corp.local", 252)])
    assert client(framed(transfer + b"MS")) is not None
    assert client(framed(transfer + b"XX")) is None
    assert client(framed(dns(0, [question("corp.local", 1)]) + b"MS")) is None


def test_types_without_a_name_are_shown_by_number() -> None:
    found = datagram_client(dns(0x0100, [question("t.example", 65399)]))
    assert found is not None
    assert found.facts["qtype"] == "TYPE65399"


def test_control_characters_of_a_name_never_reach_a_fact() -> None:
    found = datagram_client(dns(0x0100, [b"\x05\x1b[31m\0" + b"\0\1\0\1"]))
    assert found is not None
    assert "\x1b" not in str(found.facts["qname"])


def test_scapy_builds_what_is_recognised() -> None:
    scapy = pytest.importorskip("scapy.layers.dns")
    asked = scapy.DNSQR(qname="a.example", qtype="TXT")
    given_back = scapy.DNSRR(rrname="a.example", type="TXT", rdata=b"x")
    query, answer = bytes(scapy.DNS(id=9, rd=1, qd=asked)), bytes(scapy.DNS(id=9, qr=1, qd=asked, an=given_back))
    found = identify(Head(UDP, query, answer))
    assert (found.app, found.tier, found.facts["qtype"]) == ("dns", Tier.A, "TXT")


def test_rejections_name_the_byte() -> None:
    assert datagram_reject(b"short", CLIENT) == "5 bytes, a message has a header of 12"
    assert datagram_reject(DNS_ANSWER, CLIENT) == "byte 2 is 0x81, a query has bit 7 clear, and no answers"
    assert datagram_reject(DNS_QUERY, SERVER) == "byte 2 is 0x01, an answer has bit 7 set"
    assert datagram_reject(b"\0\0\x18" + b"\0" * 20, CLIENT) == "byte 2 is 0x18, opcode 3 is not assigned"
    assert datagram_reject(b"\0\0\0\x0f" + b"\0" * 20, CLIENT) == "byte 3 is 0x0f, error code 15 is not assigned"
    assert "count more records" in datagram_reject(b"\0\0\0\0" + b"\xff" * 20, CLIENT)
    assert "do not fill" in datagram_reject(DNS_QUERY + b"\0", CLIENT)
    assert reject(b"\x00\x05hello", CLIENT) == "byte 1 is 0x05, the length before a message is 12 or more"
    assert reject(b"\0", CLIENT) == ""
    assert reject(b"\x16\x03\x01\x02", CLIENT) == ""
