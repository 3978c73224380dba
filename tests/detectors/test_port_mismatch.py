"""What is spoken on a port is judged by the server's port, by the most specific rule, once a flow."""

from typing import Any

import pytest

from detectors.port_mismatch import PortMismatch
from oddport.attack import summary, technique
from oddport.detection.model import Finding, FlowBatch, Severity
from oddport.detection.runner import Runner
from oddport.detection.testing import MadeFlow, flow, flows, run
from oddport.engine.columns import NOTE_CUT, NOTE_EARLY, NOTE_GAP_R, NOTE_MIDSTREAM, NOTE_ONE_SIDED
from oddport.protocols.model import PortVerdict, Span, Tier

# RFC 8446, sections 5.1 and 4: record type 22, version 3.1, length 49, handshake type 1 (ClientHello), length 45
HELLO = (
    b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x03" + bytes(range(32)) + b"\x00\x00\x04\x13\x01\x13\x02\x01\x00\x00\x00"
)
SERVER_HELLO = b"\x16\x03\x03\x00\x2c\x02\x00\x00\x28\x03\x03" + bytes(range(32, 64)) + b"\x00\x13\x01\x00\x00\x00"
GET = b"GET /beacon HTTP/1.1\r\nHost: example.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
SSH = b"SSH-2.0-OpenSSH_9.6\r\n"
NAMED = {"tls": (HELLO, SERVER_HELLO), "http": (GET, OK), "ssh": (SSH, SSH)}
INSIDE, OTHER, OUTSIDE = "10.0.0.5", "10.0.0.9", "203.0.113.7"


def talk(app: str, port: int, to: str = OUTSIDE, **given: Any) -> MadeFlow:
    orig, resp = NAMED.get(app, (b"hello, there", b"hello, here"))
    given = {"orig": orig, "resp": resp, "app": app, **given}
    transport = given.pop("transport", "tcp")
    source = given.pop("source", f"{INSIDE}:51000")
    return flow(f"{source} > {to}:{port}/{transport}", **given)


def only(*made: MadeFlow, **settings: object) -> Finding:
    (found,) = run(PortMismatch, flows(*made), settings=settings)
    return found


def none(*made: MadeFlow, **settings: object) -> bool:
    return run(PortMismatch, flows(*made), settings=settings) == []


# PPM-01


def test_tls_on_8088_is_mitres_own_example() -> None:
    found = only(talk("tls", 8088, facts={"sni": "cdn-sync.example"}))
    assert (found.rule, found.title, found.expected) == ("PPM-01", "TLS on 8088/tcp", "http")
    assert "8088/tcp is registered as radan-http (IANA)" in found.summary
    assert [(part.value, part.factor) for part in found.parts] == [(35, False), (1.0, True), (15, False)]
    assert (found.score, found.severity) == (50, Severity.MEDIUM)
    first = found.mappings[0]
    assert (first.technique, first.relation) == ("T1571", "direct")
    assert first.reason == "HTTPS on 8088 is the example MITRE gives"
    assert [(each.technique, each.relation) for each in found.mappings[1:]] == [("T1573.002", "context")]


def test_evidence_is_the_proof_in_the_frame_with_what_was_expected() -> None:
    spans = [Span(0, 0, 11, "TLS ClientHello"), Span(1, 0, 11, "TLS ServerHello")]
    client, server = only(talk("tls", 8088, spans=spans)).evidence
    assert (client.packet, client.offset, client.data, client.side) == (4, 54, HELLO[:11], 0)
    assert (server.packet, server.offset, server.data, server.side) == (5, 54, SERVER_HELLO[:11], 1)
    assert client.says == "TLS ClientHello"
    assert "radan-http" in client.expected
    assert server.expected == ""


def test_what_it_is_not_is_said_by_the_byte() -> None:
    (reason,) = only(talk("tls", 8088)).rejected
    assert "not HTTP" in reason
    assert "0x16" in reason


def test_tls_on_its_own_port_and_http_on_an_alternate_are_quiet() -> None:
    assert none(
        talk("tls", 443), talk("http", 80), talk("http", 8080), talk("ssh", 2222), talk("dns", 53, transport="udp")
    )


def test_alternates_are_listed_low_where_somebody_asks() -> None:
    found = only(talk("http", 8000), report_alternates=True)
    assert (found.title, found.score, found.severity) == ("HTTP on 8000/tcp (alternate)", 10, Severity.INFO)
    assert found.lowered == ("8000/tcp is in wide use for HTTP",)
    assert [each.relation for each in found.mappings] == ["context"]


def test_source_port_22_does_not_excuse_ssh_on_41414() -> None:
    found = only(talk("ssh", 41414, source=f"{INSIDE}:22"))
    assert (found.title, found.rule, found.server_port) == ("SSH on 41414/tcp", "PPM-11", 41414)


def test_server_that_is_the_originator_is_judged_by_its_own_port() -> None:
    made = flow(f"{OUTSIDE}:8088 > {INSIDE}:443", app="tls", orig=SERVER_HELLO, resp=HELLO, server="originator")
    found = only(made)
    assert (found.title, found.server_port, found.score) == ("TLS on 8088/tcp", 8088, 55)


def test_stun_on_an_odd_port_is_a_habit_and_scores_5() -> None:
    found = only(talk("stun", 41414, to=OTHER, transport="udp", verdict=PortVerdict.MISMATCH))
    assert found.parts[0].value == 5
    assert found.severity is Severity.INFO


# PPM-02


def test_ssh_on_53_squats_on_dns_and_scores_100() -> None:
    found = only(talk("ssh", 53))
    assert (found.rule, found.title, found.expected) == ("PPM-02", "SSH on 53/tcp", "dns")
    # 65 × 1 + 20 + 15
    assert (found.score, found.severity) == (100, Severity.CRITICAL)
    assert found.summary == "SSH was spoken on 53/tcp; 53/tcp is the port of dns (IANA: domain)."
    assert {each.technique: each.relation for each in found.mappings} == {
        "T1571": "direct", "T1021.004": "related", "T1572": "context",
    }  # fmt: skip


def test_both_ends_inside_lower_the_score_and_make_remote_control_direct() -> None:
    found = only(talk("ssh", 53, to=OTHER))
    assert found.score == 75
    assert ("T1021.004", "direct") in [(each.technique, each.relation) for each in found.mappings]


def test_port_that_no_filter_opens_for_its_owner_adds_nothing() -> None:
    found = only(talk("http", 9042))  # Cassandra's
    assert (found.rule, found.expected, found.score) == ("PPM-02", "cassandra", 80)


def test_dynamic_port_belongs_to_nobody() -> None:
    found = only(talk("http", 50_000))  # Db2's, in the dynamic range
    assert found.rule == "PPM-01"
    assert "dynamic range" in " ".join(part.reason for part in found.parts)


def test_turn_on_443_is_a_habit_of_calls() -> None:
    found = only(talk("stun", 443, to=OTHER))
    assert (found.rule, found.parts[0].value, found.severity) == ("PPM-02", 20, Severity.INFO)


def test_shell_is_left_to_its_own_detector() -> None:
    assert none(talk("shell", 443, tier=Tier.B, facts={"shell": "sh"}))


# PPM-11, 13, 14


def test_remote_control_of_an_outside_host_off_its_port_is_high() -> None:
    found = only(talk("ssh", 41414))
    assert (found.rule, found.score, found.severity) == ("PPM-11", 80, Severity.HIGH)
    assert only(talk("vnc", 41414, to=OTHER)).score == 50  # 60 - 10


def test_tunnel_off_its_port_weighs_more_than_any_other_protocol() -> None:
    found = only(talk("wireguard", 41414, transport="udp"))
    assert (found.rule, found.score) == ("PPM-13", 65)


def test_dns_off_its_port_takes_question_and_answer() -> None:
    assert (only(talk("dns", 41414, transport="udp")).rule, only(talk("dns", 41414, tier=Tier.B)).rule) == (
        "PPM-14", "PPM-01",
    )  # fmt: skip


# PPM-07


def test_http_on_443_in_clear_is_said_so() -> None:
    found = only(talk("http", 443))
    assert (found.rule, found.title, found.expected) == ("PPM-07", "HTTP on 443/tcp in clear", "tls")
    # 55 × 1 + 15
    assert (found.score, found.severity) == (70, Severity.HIGH)
    assert "Derusbi" in found.mappings[0].reason
    assert [each.technique for each in found.mappings] == ["T1571", "T1071.001"]


@pytest.mark.parametrize(
    ("app", "port"),
    [
        ("http", 8443), ("imap", 993), ("smtp", 465), ("ldap", 636), ("pop3", 995), ("mqtt", 8883), ("dns", 853),
        ("sip", 5061), ("http2", 443),
    ],
)  # fmt: skip
def test_protocol_in_clear_on_the_port_of_its_tls_form_is_07(app: str, port: int) -> None:
    found = only(talk(app, port))
    assert (found.rule, found.title.endswith(f"on {port}/tcp in clear")) == ("PPM-07", True)


def test_tls_from_the_first_byte_on_587_is_no_starttls() -> None:
    found = only(talk("tls", 587, facts={"sni": "relay.example"}))
    assert (found.rule, found.title, found.score) == ("PPM-07", "TLS on 587/tcp, no STARTTLS", 70)
    assert found.mappings[0].reason == "HTTPS on 587 is the example MITRE gives"


def test_tls_on_53_has_no_starttls_to_speak_of() -> None:
    found = only(talk("tls", 53, facts={"sni": "x.example"}))
    assert (found.rule, found.title, found.expected) == ("PPM-07", "TLS on 53/tcp", "dns")


def test_tls_on_22_squats_rather() -> None:
    assert only(talk("tls", 22)).rule == "PPM-02"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\nThe plain HTTP request was sent to HTTPS port",
        b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://example.test/\r\n\r\n",
        b"HTTP/1.0 308 Permanent Redirect\r\nDate: x\r\nlocation:\thttps://example.test/\r\n\r\n",
    ],
)
def test_http_on_443_that_is_sent_away_is_info(answer: bytes) -> None:
    found = only(talk("http", 443, resp=answer))
    assert (found.title, found.score, found.severity) == ("HTTP on 443/tcp, redirected", 20, Severity.INFO)
    assert [each.relation for each in found.mappings] == ["context"]
    assert found.lowered


def test_http_on_443_whose_bytes_are_gone_is_not_taken_for_redirected() -> None:
    assert only(talk("http", 443, gone=True, facts={"status": 400})).title == "HTTP on 443/tcp in clear"


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 302 Found\r\nLocation: http://other.test/\r\n\r\n", b"HTTP/1.1 404 Not Found\r\n\r\n", b"hm"]
)
def test_redirect_to_http_or_a_page_not_found_is_an_answer_in_clear(answer: bytes) -> None:
    assert only(talk("http", 443, resp=answer)).title == "HTTP on 443/tcp in clear"


def test_redirected_request_does_not_stand_for_a_later_answered_one() -> None:
    sent_away = talk("http", 443, resp=b"HTTP/1.1 400 Bad Request\r\n\r\n")
    found = run(PortMismatch, flows(sent_away, talk("http", 443, at=60)))
    assert [each.severity for each in found] == [Severity.HIGH, Severity.INFO]


def test_dns_in_datagrams_on_853_has_no_tls_to_lack() -> None:
    assert none(talk("dns", 853, transport="udp"))


# score


def test_server_that_sent_nothing_halves_the_score_and_is_an_attempt() -> None:
    attempt = talk("http", 53, resp=b"")
    found = only(attempt)
    # (65 × 0.8 + 20 + 15) × 0.5 = 43.5
    assert found.score == 44
    assert found.lowered == ("the server sent nothing: an attempt, not an exchange",)
    assert len(run(PortMismatch, flows(attempt, talk("http", 53)))) == 2


def test_server_that_only_greets_makes_what_the_client_speaks_an_attempt() -> None:
    found = only(talk("http", 22, resp=SSH, read=True))
    assert (found.title, found.rule, found.expected) == ("HTTP on 22/tcp", "PPM-02", "ssh")
    assert found.lowered == ("the server is SSH and took nothing up: an attempt, not an exchange",)
    assert (found.parts[-1].value, found.parts[-1].reason) == (0.5, found.lowered[0])
    assert {row.side for row in found.evidence} == {0, 1}


def test_direction_that_was_not_captured_is_no_silence() -> None:
    made = talk("http", 53, resp=b"", notes=NOTE_ONE_SIDED)
    made.record["packets_r"] = 0
    assert only(made).lowered == ()


def test_one_direction_weighs_four_fifths() -> None:
    assert only(talk("ftp", 41414, to=OTHER, tier=Tier.B)).score == 18  # 35 × 0.8 − 10


def test_client_hello_without_a_server_name_adds_5() -> None:
    named, unnamed = (only(talk("tls", 41414, facts=facts)).score for facts in ({"sni": "a.test"}, {}))
    assert unnamed - named == 5


@pytest.mark.parametrize("given", [{"notes": NOTE_CUT}, {"spans": [Span(1, 0, 5, "TLS ServerHello")]}])
def test_client_hello_that_was_not_seen_whole_lacks_nothing(given: dict[str, Any]) -> None:
    assert only(talk("tls", 41414, **given)).score == 50


def test_recorded_port_adds_15_where_it_is_nobodys_else() -> None:
    found = only(talk("tls", 1402, facts={"sni": "a.test"}))
    assert found.score == 65
    assert "StrongPity" in found.parts[-1].reason
    assert "StrongPity" in found.mappings[0].reason
    assert only(talk("http", 1402)).score == 50  # recorded with TLS only


def test_multicast_is_neither_inside_nor_outside() -> None:
    found = only(talk("sip", 4000, to="239.1.2.3", transport="udp"))
    assert [part.value for part in found.parts] == [35, 1.0]


def crowd(hosts: int, port: int = 443, first: int = 0) -> list[MadeFlow]:
    """Inside hosts that had an answer from `port`."""
    return [
        talk("tls", port, source=f"10.1.{(first + host) // 250}.{(first + host) % 250 + 1}:50000", facts={"sni": "x"})
        for host in range(hosts)
    ]


def test_port_that_one_of_many_hosts_uses_adds_15() -> None:
    found = only(talk("tls", 8088, facts={"sni": "x"}), *crowd(213))
    assert (found.score, found.severity) == (65, Severity.HIGH)
    assert found.parts[-1].reason == "1 of 214 inside hosts uses 8088/tcp"


def test_port_that_half_of_the_hosts_use_is_common_here() -> None:
    found = run(PortMismatch, flows(*crowd(15, 8088), *crowd(15, 443, first=15)))
    assert {each.score for each in found} == {30}
    assert all(each.lowered == ("common here: 15 of 30 inside hosts use 8088/tcp",) for each in found)


def test_port_that_all_use_for_its_owner_excuses_nothing_else_on_it() -> None:
    found = only(talk("ssh", 443), *crowd(30))
    assert (found.rule, found.lowered) == ("PPM-02", ())
    assert found.score == only(talk("ssh", 443)).score


def test_few_hosts_tell_nothing_about_how_rare_a_port_is() -> None:
    runner = Runner([PortMismatch])
    runner.flows(flows(talk("tls", 8088, facts={"sni": "x"}), *crowd(10)))
    assert [each.score for each in runner.finish()] == [50]
    (reason,) = runner.abstained()["port-mismatch"]
    assert reason == "how rare the port is: that needs 20 inside hosts, there are 11"


def test_port_between_rare_and_common_changes_nothing() -> None:
    found = run(PortMismatch, flows(*crowd(5, 8088), *crowd(25, 443, first=5)))
    assert {each.score for each in found} == {50}


def test_own_networks_may_be_inside() -> None:
    assert only(talk("ssh", 53), inside=["10.0.0.0/8", "203.0.113.0/24"]).score == 75


# a guess


def test_guess_is_reported_only_where_the_ports_protocol_is_refuted() -> None:
    says = b"NOTICE x\r\n" * 3
    refuted = talk("irc", 443, orig=b"NICK a\r\n", resp=says, tier=Tier.C)
    assert only(refuted).score == 43  # 55 × 0.5 + 15
    unrefuted = talk("irc", 443, orig=HELLO, resp=says, tier=Tier.C)
    assert none(unrefuted)
    assert none(talk("irc", 41414, tier=Tier.C, verdict=PortVerdict.MISMATCH))


# PPM-03

BLOB = bytes(range(0x80, 0xC0))


def absent(port: int = 443, **given: Any) -> MadeFlow:
    blobs = {"orig": [BLOB, BLOB], "resp": [BLOB[::-1], BLOB]}
    return flow(f"{INSIDE}:51000 > {OUTSIDE}:{port}/{given.pop('transport', 'tcp')}", **{**blobs, **given})


def test_no_tls_on_443_is_proved_by_the_bytes_of_both_directions() -> None:
    found = only(absent())
    assert (found.rule, found.title, found.app) == ("PPM-03", "No TLS on 443/tcp: unknown bytes", None)
    assert (found.score, found.severity) == (75, Severity.HIGH)
    assert [(each.technique, each.relation) for each in found.mappings] == [("T1571", "direct"), ("T1095", "related")]
    assert "recorded so in ATT&CK: MoonWind, BADCALL, HARDRAIN and 6 more" in found.mappings[0].reason
    (reason,) = found.rejected
    assert "not TLS" in reason
    assert "0x80" in reason
    assert "0xbf" in reason
    first, second = found.evidence
    assert (first.data, first.side, second.data, second.side) == (BLOB[:16], 0, BLOB[::-1][:16], 1)
    assert "443/tcp is the port of tls" in first.expected


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"notes": NOTE_ONE_SIDED}, "only one direction"),
        ({"notes": NOTE_CUT}, "captured in part"),
        ({"notes": NOTE_GAP_R}, "a hole"),
        ({"notes": NOTE_EARLY}, "memory ran short"),
        ({"notes": NOTE_MIDSTREAM}, "beginning is not in the capture"),
        ({"resp": BLOB[:10]}, "fewer than 64 bytes from one side"),
        ({"gone": True}, "first bytes were not kept"),
        ({"orig": [HELLO, BLOB]}, "not refuted that it is TLS"),
        ({"port": 993, "transport": "udp", "verdict": PortVerdict.UNRECOGNISED}, "promises no protocol over this"),
    ],
)
def test_where_absence_cannot_be_proved_nothing_is_reported_and_the_reason_counts(
    given: dict[str, Any], reason: str
) -> None:
    runner = Runner([PortMismatch])
    runner.flows(flows(absent(**given)))
    assert runner.finish() == []
    counted = runner.abstained()["port-mismatch"]
    assert [count for words, count in counted.items() if reason in words] == [1], counted
    assert runner.errors == []


def test_absence_takes_two_packets_with_payload() -> None:
    runner = Runner([PortMismatch], {"port-mismatch": {"min_payload_packets": 5}})
    runner.flows(flows(absent()))
    assert runner.finish() == []
    assert "no name, and fewer than 5 packets with payload" in runner.abstained()["port-mismatch"]


def test_udp_needs_no_syn() -> None:
    found = only(absent(53, transport="udp", notes=NOTE_MIDSTREAM, verdict=PortVerdict.UNRECOGNISED))
    assert found.title == "No DNS on 53/udp: unknown bytes"


def judged(made: MadeFlow) -> tuple[list[Finding], list[str]]:
    """Findings, and reasons for which nothing was said."""
    runner = Runner([PortMismatch])
    runner.flows(flows(made))
    return runner.finish(), list(runner.abstained().get("port-mismatch", {}))


def test_padded_acknowledgements_before_the_handshake_do_not_refute_it() -> None:
    late = absent(orig=[b"\0\0", HELLO, BLOB], resp=[b"\0" * 6, SERVER_HELLO, BLOB])
    assert judged(late) == ([], ["no name, but TLS begins in a later packet"])


def test_padding_that_displaced_the_first_bytes_is_no_refutation() -> None:
    shifted = absent(orig=[b"\0\0", HELLO[2:], BLOB], resp=[b"\0" * 6, SERVER_HELLO[6:], BLOB])
    assert judged(shifted) == ([], ["no name, but its first bytes may be the padding of an empty packet"])
    assert len(judged(absent(orig=[b"\0" * 7, BLOB], resp=[b"\0\1", BLOB]))[0]) == 1


def test_http2_has_to_be_refuted_on_443_as_well() -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + BLOB
    assert judged(absent(orig=[preface, BLOB]))[0] == []


UDP_443: dict[str, Any] = {
    "port": 443, "transport": "udp", "verdict": PortVerdict.UNRECOGNISED, "resp": [b"\x72" + BLOB, BLOB],
}  # fmt: skip


def test_quic_that_began_before_the_capture_is_not_called_absent() -> None:
    short = b"\x5f" + BLOB
    found, (reason,) = judged(absent(**{**UDP_443, "orig": [short, short], "resp": [b"\x41" + BLOB, short]}))
    assert found == []
    assert reason == "no name, but it may be QUIC from before the capture: all its packets have short headers"


def test_other_bytes_on_443_udp_are_no_quic() -> None:
    (one,), _ = judged(absent(**UDP_443, orig=[b"\x41" + BLOB, BLOB]))
    assert one.title == "No QUIC on 443/udp: unknown bytes"


def test_dtls_on_443_is_not_called_unknown() -> None:
    # RFC 6347, section 4.1: type 22, version 254.253, epoch, sequence number, length 100
    record = b"\x16\xfe\xfd" + bytes(8) + (100).to_bytes(2, "big") + bytes(100)
    found, reasons = judged(absent(**UDP_443, orig=[record, BLOB]))
    assert (found, reasons) == ([], ["no name, but it is not refuted that it is DTLS"])
    assert len(judged(absent(**UDP_443, orig=[record[:80], BLOB]))[0]) == 1


def test_absence_weighs_less_where_filters_do_not_let_everybody_through() -> None:
    assert (only(absent(9042)).parts[0].value, only(absent(), absent_ports=[80]).parts[0].value) == (20, 20)


# the run


def test_flow_without_first_bytes_is_still_reported_without_evidence() -> None:
    found = only(talk("ssh", 53, gone=True))
    assert (found.title, found.evidence, found.rejected) == ("SSH on 53/tcp", (), ())


def test_name_without_its_proof_shows_the_first_bytes() -> None:
    client, server = only(talk("ssh", 53, spans=[])).evidence
    assert (client.data, client.says) == (SSH[:16], "first bytes of the originator, SSH")
    assert (server.data, server.side) == (SSH[:16], 1)


def test_flow_whose_name_was_lost_is_counted() -> None:
    runner = Runner([PortMismatch])
    runner.flows(flows(flow(f"{INSIDE}:5 > {OUTSIDE}:443", orig=b"x", verdict=PortVerdict.MISMATCH)))
    assert runner.finish() == []
    assert runner.abstained()["port-mismatch"] == {"no name and no identification were kept": 1}


def test_every_flow_gives_at_most_one_finding() -> None:
    ports = (22, 25, 53, 80, 443, 587, 8443, 41414)
    made = [
        talk(app, port, source=f"10.0.{number}.5:51000")
        for number, (app, port) in enumerate((app, port) for app in NAMED for port in ports)
    ]
    runner = Runner([PortMismatch])
    runner.flows(flows(*made))
    found = runner.finish()
    assert len({each.flow for each in found}) == len(found) > 15
    assert all(technique(each.technique) and summary(each.technique) for one in found for each in one.mappings)


def test_order_and_size_of_batches_change_nothing() -> None:
    pairs = [("tls", 8088), ("http", 443), ("ssh", 53), ("http", 53), ("tls", 587)]
    made = [
        talk(app, port, source=f"10.0.0.{1 + number % 3}:{50_000 + number}", at=number * 5_000.0)
        for number, (app, port) in enumerate(pairs * 8)
    ]

    def batch(numbers: list[int]) -> FlowBatch:
        found = flows(*[made[number] for number in numbers])
        found.flows["id"] = [number + 1 for number in numbers]
        return found

    numbers = list(range(len(made)))
    forward, backward = [batch(numbers)], [batch([number]) for number in reversed(numbers)]
    one, two = run(PortMismatch, *forward), run(PortMismatch, *backward)
    assert one == two
    assert len(one) > 10


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        ("smtp", "T1071.003"), ("mqtt", "T1071.005"), ("ftp", "T1071.002"), ("irc", "T1071"), ("openvpn", "T1572"),
        ("socks", "T1090"), ("mysql", "T1071"), ("dns", "T1071.004"), ("quic", "T1071.001"),
    ],
)  # fmt: skip
def test_protocol_has_its_own_technique_beside_t1571(app: str, expected: str) -> None:
    found = only(talk(app, 41414, verdict=PortVerdict.MISMATCH))
    assert [each.technique for each in found.mappings] == ["T1571", expected]


def test_remote_desktop_to_an_outside_host_is_remote_control() -> None:
    outside, inside = (only(talk("rdp", 41414, to=to)).mappings for to in (OUTSIDE, OTHER))
    assert [each.technique for each in outside] == ["T1571", "T1021.001", "T1219"]
    assert [each.technique for each in inside] == ["T1571", "T1021.001"]


def test_rules_name_every_technique_that_they_may_map_to() -> None:
    named = {each for rule in PortMismatch.rules for each in rule.techniques}
    assert all(technique(each).name for each in named)
    assert sorted(rule.id for rule in PortMismatch.rules) == [
        "PPM-01",
        "PPM-02",
        "PPM-03",
        "PPM-07",
        "PPM-11",
        "PPM-13",
        "PPM-14",
    ]
    for key in PortMismatch.settings:
        assert key in PortMismatch.document or key in ("inside", "absent_ports"), key
