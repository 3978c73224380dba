"""What sessions say of themselves: names, certificates, fingerprints, answers of DNS; and what may leave a segment."""

import random
from typing import Any

import pytest

from detectors.certificate import Certificates
from detectors.dns_tunnel import DnsTunnels, entropy
from detectors.egress import Egress, parse
from detectors.fingerprint import Fingerprints
from detectors.hello import Hellos
from detectors.unresolved import Unresolved
from oddport.attack import technique
from oddport.detection.model import Detector, Finding, Severity
from oddport.detection.runner import Runner
from oddport.detection.testing import MadeFlow, flow, flows, run
from oddport.protocols.model import Facts, PortVerdict
from tests.protocols.build import CLIENT_HELLO, SERVER_HELLO, alpn, client_hello, sni, tls_record

INSIDE, OUTSIDE = "10.0.0.5", "203.0.113.7"
ALL: list[Any] = [Certificates, DnsTunnels, Egress, Fingerprints, Hellos, Unresolved]


def tls(port: int = 443, to: str = OUTSIDE, source: str = INSIDE, **given: Any) -> MadeFlow:
    """A session of TLS: by `hello` as a load reads it, else by its `facts`."""
    hello = given.pop("hello", None)
    if hello is not None:
        return flow(f"{source}:51000 > {to}:{port}", orig=hello, resp=SERVER_HELLO, read=True, **given)
    return flow(f"{source}:51000 > {to}:{port}", app="tls", orig=CLIENT_HELLO, resp=SERVER_HELLO, **given)


def only(detector: type[Detector], *made: MadeFlow, **settings: object) -> Finding:
    (found,) = run(detector, flows(*made), settings=settings)
    return found


def none(detector: type[Detector], *made: MadeFlow, **settings: object) -> bool:
    return run(detector, flows(*made), settings=settings) == []


def abstained(detector: type[Detector], *made: MadeFlow) -> list[str]:
    runner = Runner([detector])
    runner.flows(flows(*made))
    assert runner.finish() == []
    return list(runner.abstained().get(detector.name, {}))


@pytest.mark.parametrize("detector", ALL)
def test_every_rule_names_techniques_that_there_are_and_stands_in_the_document(detector: Any) -> None:
    assert all(technique(each).name for rule in detector.rules for each in rule.techniques)
    assert all(rule.id in detector.document for rule in detector.rules)
    given = (
        set(detector.settings)
        - {"inside", "min_hosts", "min_minutes", "known", "min_names", "allow"}
        - {"report_self_signed"}
    )
    assert given == set()


# BEH-07


def hello(*extensions: bytes) -> bytes:
    return tls_record(client_hello(*extensions), version=0x0301)


def test_hello_without_a_name_off_443_is_reported_at_the_hello() -> None:
    found = only(Hellos, tls(8443, hello=hello(alpn(b"x"))))
    assert (found.rule, found.title, found.score) == ("BEH-07", "TLS on 8443/tcp, no server name", 40)
    assert (found.evidence[0].side, found.evidence[0].expected) == (0, "a server name (RFC 6066, 3)")


def test_hello_with_a_name_or_to_an_inside_host_or_on_443_is_quiet() -> None:
    assert none(Hellos, tls(8443, hello=hello(sni(b"www.example.org"))))
    assert none(Hellos, tls(8443, to="10.0.0.9", hello=hello(alpn(b"x"))))
    assert none(Hellos, tls(443, hello=hello(alpn(b"x"))))


def test_browser_that_names_nobody_and_an_address_for_a_name_are_odd_on_443() -> None:
    assert only(Hellos, tls(443, hello=hello(alpn(b"h2")))).title == "TLS on 443/tcp, HTTP offered, no server name"
    assert only(Hellos, tls(443, hello=hello(sni(b"203.0.113.7")))).title == "TLS on 443/tcp, an address for a name"
    assert none(Hellos, tls(443, hello=hello(sni(b"host7"))))


def test_name_that_is_encrypted_is_not_missed() -> None:
    facts: Facts = {"ja4": "t13i", "ech": True}
    assert none(Hellos, tls(8443, facts=facts))
    assert only(Hellos, tls(8443, facts={"ja4": "t13i"}, gone=True)).evidence[0].packet == 1


# BEH-08

START = "2023-11-01T00:00:00Z"
"""Two weeks before flows of the kit begin."""


def shows(port: int = 443, to: str = OUTSIDE, until: str = "2024-02-01T00:00:00Z", **facts: Any) -> MadeFlow:
    given = {"cert_subject": "a.example.org", "cert_issuer": "CA", "cert_from": START, "cert_until": until, **facts}
    return tls(port, to, facts=given)


def test_certificate_that_somebody_vouches_for_at_its_time_is_in_order() -> None:
    assert none(Certificates, shows())
    assert none(Certificates, shows(until="2033-11-01T00:00:00Z"))  # a private authority


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"self_signed": True}, "signed by itself"),
        ({"until": "2023-11-10T00:00:00Z"}, "that expired on 2023-11-10T00:00:00Z"),
        ({"cert_from": "2023-11-20T00:00:00Z"}, "not valid before 2023-11-20T00:00:00Z"),
        ({"cert_from": "2023-11-14T12:00:00Z"}, "less than a day old"),
        ({"cert_subject": "localhost"}, "for “localhost”, which tools fill in"),
        ({"cert_subject": "203.0.113.7"}, "for the address 203.0.113.7"),
    ],
)
def test_each_oddity_of_a_certificate_is_said(facts: dict[str, Any], what: str) -> None:
    found = only(Certificates, shows(**facts), report_self_signed=True)
    assert (found.rule, found.score, found.parts[0].reason) == ("BEH-08", 25, f"a certificate {what}")


def test_further_oddities_add_and_a_port_that_does_not_fit_adds_more() -> None:
    odd = {"self_signed": True, "until": "2033-11-01T00:00:00Z"}
    assert only(Certificates, shows(**odd), report_self_signed=True).score == 30
    assert only(Certificates, shows(cert_subject="localhost", **odd)).score == 35
    assert only(Certificates, shows(4444, **odd)).severity == Severity.MEDIUM


def test_appliance_that_signs_for_itself_where_tls_belongs_is_usual() -> None:
    assert none(Certificates, shows(self_signed=True, until="2033-11-01T00:00:00Z"))
    assert none(Certificates, shows(self_signed=True, cert_from="2023-11-14T12:00:00Z"))


def test_certificate_of_an_inside_server_is_its_owners_matter_unless_the_port_does_not_fit() -> None:
    assert none(Certificates, shows(to="10.0.0.9", self_signed=True))
    assert only(Certificates, shows(4444, to="10.0.0.9", self_signed=True)).score == 45


def test_long_validity_of_a_certificate_from_before_the_limit_is_not_odd() -> None:
    old = only(
        Certificates, shows(4444, self_signed=True, cert_from="2019-01-01T00:00:00Z", until="2029-01-01T00:00:00Z")
    )
    assert [each.value for each in old.parts] == [25, 20]


# BEH-09


def crowd(count: int = 25, ja4: str = "t13d_common") -> list[MadeFlow]:
    return [tls(source=f"10.1.0.{host}", facts={"ja4": ja4}) for host in range(1, count + 1)]


def test_fingerprint_of_one_host_on_a_port_that_does_not_fit_is_rare() -> None:
    odd = tls(4444, facts={"ja4": "t13i_own", "ja3": "ab"})
    found = only(Fingerprints, odd, *crowd())
    assert (found.rule, found.title, found.score) == ("BEH-09", "Rare JA4 on 4444/tcp", 40)
    assert none(Fingerprints, tls(443, facts={"ja4": "t13i_own"}), *crowd())
    assert none(Fingerprints, odd, *crowd(ja4="t13i_own"))


def test_few_hosts_make_nothing_rare_and_that_is_said() -> None:
    odd = tls(4444, facts={"ja4": "t13i_own"})
    assert abstained(Fingerprints, odd, *crowd(5)) == [
        "how rare a fingerprint is: that needs 20 inside hosts with one, there are 6"
    ]


def test_listed_fingerprint_is_reported_on_any_port() -> None:
    found = only(Fingerprints, tls(443, facts={"ja4": "t13i", "ja3": "ABCDEF"}), known=["abcdef"])
    assert (found.title, found.score, found.severity) == ("Listed JA3 on 443/tcp", 85, Severity.CRITICAL)
    assert none(Fingerprints, tls(443, facts={"ja4": "t13i", "ja3": "ABCDEF"}), known=["abcde"])


# BEH-06


def lookup(address: str, at: float = 10.0, packets: int = 1) -> MadeFlow:
    facts: Facts = {"qname": "a.example.org", "qtype": "A", "answers": ["b.example.org", address]}
    asked, answered = [b"q"] * packets, [b"a"] * packets
    return flow(f"{INSIDE}:5353 > 10.0.0.1:53/udp", app="dns", orig=asked, resp=answered, facts=facts, at=at)


def odd_talk(at: float, facts: Facts | None = None) -> MadeFlow:
    return flow(
        f"{INSIDE}:52000 > {OUTSIDE}:8088", app="tls", orig=CLIENT_HELLO, resp=SERVER_HELLO, at=at, facts=facts,
        verdict=PortVerdict.MISMATCH,
    )  # fmt: skip


def test_address_that_no_answer_led_to_is_reported_and_one_that_an_answer_did_is_not() -> None:
    found = only(Unresolved, lookup("198.51.100.1"), odd_talk(3_600))
    assert (found.rule, found.title, found.score) == ("BEH-06", "No name before 8088/tcp", 30)
    assert none(Unresolved, lookup(OUTSIDE), odd_talk(3_600))
    assert none(Unresolved, lookup("198.51.100.1"), odd_talk(3_600, {"sni": "a.example.org"}))


def test_what_may_have_been_looked_up_unseen_is_not_judged_and_that_is_said() -> None:
    assert none(Unresolved, odd_talk(0), odd_talk(3_600))  # no DNS at all
    early = abstained(Unresolved, lookup("198.51.100.1", 0), odd_talk(600))
    assert early == ["whether a name led there: in its first 30 minutes caches are not known"]
    many = abstained(Unresolved, lookup("198.51.100.1", packets=2), odd_talk(3_600))
    assert many == ["whether a name led there: not all DNS of the host is known"]


# BEH-13

LIST = ["10.0.0.0/24 > any 443/tcp tls", "10.0.0.0/24 > 10.0.9.53 53/udp dns"]


def leaves(text: str, app: str | None, **given: Any) -> MadeFlow:
    return flow(text, app=app, orig=b"hello, there", resp=b"hello, here", **given)


def test_without_a_list_nothing_is_judged() -> None:
    assert none(Egress, leaves(f"{INSIDE}:51000 > {OUTSIDE}:4444", "tls"))


def test_what_the_list_allows_is_quiet_and_so_is_what_stays_in_the_segment_or_has_none() -> None:
    fine = [
        leaves(f"{INSIDE}:51000 > {OUTSIDE}:443", "tls"),
        leaves(f"{INSIDE}:51001 > {OUTSIDE}:443", None),
        leaves(f"{INSIDE}:51000 > 10.0.9.53:53/udp", "dns"),
        leaves(f"{INSIDE}:51000 > 10.0.0.77:22", "ssh"),
        leaves(f"192.168.7.7:51000 > {OUTSIDE}:22", "ssh"),
    ]
    assert none(Egress, *fine, allow=LIST)


def test_port_that_is_not_listed_and_one_that_is_for_another_protocol_are_two_things() -> None:
    unlisted = only(Egress, leaves(f"{INSIDE}:51000 > {OUTSIDE}:22", "ssh"), allow=LIST)
    assert (unlisted.rule, unlisted.title, unlisted.score) == ("BEH-13", "SSH on 22/tcp against the egress list", 45)
    wrong = only(Egress, leaves(f"{INSIDE}:51000 > {OUTSIDE}:443", "ssh"), allow=LIST)
    assert (wrong.score, wrong.mappings[0].relation) == (75, "direct")
    assert "allowed to this server, SSH on it is not" in wrong.summary


def test_listed_port_of_another_server_is_not_allowed_and_an_attempt_weighs_half() -> None:
    other = leaves(f"{INSIDE}:51000 > 198.51.100.53:53/udp", "dns")
    assert only(Egress, other, allow=LIST).score == 45
    tried = flow(f"{INSIDE}:51000 > {OUTSIDE}:22", orig=b"hello")
    assert only(Egress, tried, allow=LIST).score == 23


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("10.0.0.0/24 any 443/tcp", "is no entry of egress.allow"),
        ("10.0.0.0/99 > any 443/tcp", "is no network"),
        ("10.0.0.0/24 > any 70000/tcp", "70000 in .* is no port"),
        ("10.0.0.0/24 > any 443/tpc", "is no transport"),
    ],
)
def test_entry_that_is_none_is_refused_with_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)


# PPM-14


def asks(name: str, number: int, kind: str = "TXT", packets: int = 1) -> MadeFlow:
    question = b"q" * (12 + len(name) + 2 + 4)
    facts: Facts = {"qname": name, "qtype": kind}
    return flow(
        f"{INSIDE}:{20_000 + number} > 10.0.0.1:53/udp", app="dns", orig=[question] * packets,
        resp=[b"a"] * packets, facts=facts, at=number,
    )  # fmt: skip


def carried(count: int, under: str = "t.example.com") -> list[str]:
    drawn = random.Random(1)
    return ["".join(drawn.choices("abcdefghijklmnopqrstuvwxyz234567", k=50)) + f".{under}" for _ in range(count)]


def test_many_names_that_carry_data_under_one_domain_are_a_tunnel() -> None:
    made = [asks(name, number) for number, name in enumerate(carried(120))]
    found = only(DnsTunnels, *made)
    assert (found.rule, found.title, found.score) == ("PPM-14", "Data in names under example.com", 70)
    assert (found.count, found.evidence[0].packet) == (120, 1)
    assert "120 names of 52 characters or more under example.com" in found.summary


def test_few_names_or_the_same_ones_or_words_or_addresses_are_no_tunnel() -> None:
    names = carried(120)
    assert none(DnsTunnels, *[asks(name, number) for number, name in enumerate(names[:60])])
    assert none(DnsTunnels, *[asks(names[number % 9], number) for number in range(120)])
    words = [f"{'images-' * 6}{number}.content.example.com" for number in range(120)]
    assert none(DnsTunnels, *[asks(name, number) for number, name in enumerate(words)])
    arpa = ["".join(f"{random.Random(n).randrange(16):x}." for _ in range(32)) + "ip6.arpa" for n in range(120)]
    assert none(DnsTunnels, *[asks(name, number) for number, name in enumerate(arpa)])


def test_one_flow_with_many_long_questions_is_a_tunnel_too() -> None:
    found = only(DnsTunnels, asks(carried(1)[0], 0, "A", 1_200))
    assert (found.score, found.count) == (65, 1)
    assert "1,200 questions" in found.summary


def test_entropy_is_in_bits_a_character() -> None:
    assert (entropy("aaaa"), entropy("abab"), entropy("abcdefgh")) == (0, 1, 3)
