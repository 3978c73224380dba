"""Every fragment rule finds its case, and none its benign twin; whatever the capture is cut into."""

import random
import struct
from ipaddress import ip_address

import pytest

from detectors.fragments.dns import DnsFragments
from detectors.fragments.ipv6 import Ipv6Fragments
from detectors.fragments.readers import FragmentReaders
from oddport.attack import summary
from oddport.detection.model import Detector, Finding, Severity
from oddport.detection.runner import Runner
from oddport.detection.testing import START_NS, flow, flows, run, train
from oddport.engine.batch import Decoded
from oddport.engine.decode import decode
from oddport.engine.path_mtu import small_mtus, told
from oddport.engine.trains import Train, TrainBatch
from tests.detectors.fragment_cases import (
    CASES,
    DETECTORS,
    Case,
    D,
    Frames,
    Make,
    cut,
    datagram,
    four,
    judged,
    six,
    volley,
)
from tests.engine.wire import batch_of, ip4, ip6

SERVICES = {
    53: 1_400,
    88: 2_000,
    111: 8_192,
    500: 2_400,
    1812: 3_000,
    2049: 32_768,
    4500: 2_400,
    4789: 1_550,
    5060: 1_900,
}
"""Port → bytes of a datagram: DNS with EDNS, Kerberos, RPC, IKE, RADIUS, NFS, IKE, VXLAN at the MTU, SIP."""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case_is_found_and_its_twin_is_quiet(case: Case) -> None:
    found = judged(case.frames, case.gap)
    assert {each.rule for each in found} == {case.rule} | case.also
    assert all(each.evidence for each in found)
    assert [(each.rule, each.title) for each in judged(case.twin, case.gap)] == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_findings_do_not_depend_on_how_the_capture_is_cut_into_batches(case: Case) -> None:
    many = [frame for _ in range(3) for frame in case.frames]
    assert judged(many, case.gap, batch=2) == judged(many, case.gap)


def services() -> list[Frames]:
    """Datagrams of services that outgrow an MTU, in order, last fragment first, and at each usual MTU."""
    found: list[Frames] = []
    ident = 0
    for port, size in SERVICES.items():
        for make, steps in ((four, (1_480, 1_472, 1_448, 552)), (six, (1_448, 1_232))):
            for step in steps:
                ident += 1
                frames = cut(make, datagram(size, port, 40_000), step, ident)
                found += [frames, cut(make, datagram(size, port, 40_000), step, ident + 10_000)[::-1]]
    return found


def test_services_that_fragment_as_a_matter_of_course_are_quiet() -> None:
    trains = [train for train in services() if len(train) > 1]
    assert len(trains) > 80
    assert judged([frame for train in trains for frame in train]) == []


# FRG-26

DNS = struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + b"\7example\4test\0\0\1\0\1"


def view(first: bytes, second: bytes, tail: bytes = b"tail") -> Finding:
    """What is said of two first fragments of the same length, then an end."""
    frames = [four(first, 0, True), four(second, 0, True), four(tail, len(first), False)]
    (found,) = [each for each in judged(frames) if each.rule == "FRG-26"]
    return found


def test_each_policy_is_told_with_the_port_that_it_sees() -> None:
    found = view(datagram(304), datagram(304, dport=53))
    assert found.title == "Port depends on the reader on 4444/udp"
    assert "port 4444/udp (first, bsd, windows and solaris)" in found.summary
    assert "port 53/udp (last, bsd-right and linux-2.x)" in found.summary
    assert [(each.technique, each.relation) for each in found.mappings] == [("T1571", "direct")]
    # 20 bytes of IPv4 header: the ports' second half is at 22 of the packet
    assert [(each.packet, each.offset, each.data[:2]) for each in found.evidence] == [
        (2, 22, b"\x11\x5c"), (3, 22, b"\0\x35"),
    ]  # fmt: skip


def test_what_is_spoken_may_depend_on_the_reader_though_the_port_does_not() -> None:
    query = struct.pack(">HHHH", 40_000, 9_999, 8 + len(DNS), 0) + DNS
    found = view(query[:32], query[:8] + b"\xfe" * 24, query[32:])
    assert found.title == "Protocol depends on the reader on 9999/udp"
    assert "port 9999/udp, DNS (first, bsd, windows and solaris)" in found.summary
    assert [(each.technique, each.relation) for each in found.mappings] == [("T1571", "related")]


def test_overlap_that_changes_payload_only_is_no_matter_of_ports() -> None:
    frames = [four(D[:304], 0, True), four(D[:200] + b"X" * 104, 0, True), four(D[304:], 304, False)]
    assert "FRG-26" not in {each.rule for each in judged(frames)}


def test_trains_beyond_the_budget_are_counted_and_said() -> None:
    made = [train("10.0.0.1:1000 > 10.0.0.2:53/udp", (0, datagram(16), True), (0, datagram(16, 1, 2), True))] * 3
    runner = Runner([FragmentReaders], {"fragment-readers": {"most": 1}})
    runner.trains(TrainBatch.of(made))
    assert [each.count for each in runner.finish()] == [1]
    assert sum(runner.abstained()["fragment-readers"].values()) == 2


# FRG-22

UNSUMMED = struct.pack(">HHHH", 40_000, 4_444, 1_600, 0) + bytes(1_592)
"""Without a checksum; 0x1234 in its place is a wrong one."""
WRONG = UNSUMMED[:6] + b"\x12\x34" + UNSUMMED[8:]


@pytest.mark.parametrize("make", [four, six])
def test_wrong_checksum_is_reported_of_a_sender_whose_others_are_right(make: Make) -> None:
    right = [frame for ident in (100, 300, 777) for frame in cut(make, UNSUMMED, 1_232, ident)]
    (found,) = judged([*right, *cut(make, WRONG, 1_232, 900)])
    assert (found.rule, found.title, found.count) == ("FRG-22", "UDP checksum does not fit on 4444/udp", 1)
    assert "id 0x384" in found.evidence[0].says
    assert judged([*right[2:], *cut(make, WRONG, 1_232, 900)]) == []


# FRG-23


def test_ids_that_come_again_as_often_as_chance_has_it_count_a_third() -> None:
    # 40 datagrams a second draw from 65,536 ids: of 4,000, with 2,400 a minute, 4,000 × 2,400 / 65,536 = 146 meet one
    draw = random.Random(6864)
    data = [datagram(2_000)[:16] + struct.pack(">I", number) + bytes(1_980) for number in range(4_000)]
    trains = [cut(four, each, 1_232, draw.randrange(65_536)) for each in data]
    again = [each for each in judged([part for each in trains for part in each], 0.0125) if each.rule == "FRG-23"]
    assert [(each.variant, each.severity) for each in again] == [("reuse", Severity.LOW)]
    assert "ids drawn at random come again 146." in again[0].parts[-1].reason


def test_volley_of_nineteen_ids_is_none_and_so_is_one_over_two_minutes() -> None:
    frames = [four(D[1_232:], 1_232, False, ident) for ident in range(0, 2_000, 100)]
    assert "FRG-23" in {each.rule for each in judged(frames)}
    assert "FRG-23" not in {each.rule for each in judged(frames[:19])}
    assert "FRG-23" not in {each.rule for each in judged(frames, 6.4)}
    assert "FRG-23" in {each.rule for each in judged(frames, 6.4, settings={"fragment-ids": {"guesses": 9}})}


def test_volley_finding_points_at_its_fragments() -> None:
    (found,) = [each for each in judged(volley(four)[0]) if each.rule == "FRG-23"]
    assert (found.title, found.count, found.server_port) == ("Volley of second fragments", 20, 0)
    assert [(each.packet, each.length) for each in found.evidence] == [(2, 1_768), (3, 1_768), (4, 1_768)]


# FRG-24 and FRG-18: who was told of a small MTU

SERVER, RESOLVER = "203.0.113.53", "198.51.100.9"


def too_big(mtu: int) -> bytes:
    """RFC 1191: type 3, code 4, MTU, and the header of a packet from the name server to the resolver."""
    quoted = ip4(b"", 17, src=SERVER, dst=RESOLVER, total=1_500)
    return struct.pack(">BBHHH", 3, 4, 0, 0, mtu) + quoted + bytes(8)


def too_big6(mtu: int) -> bytes:
    """RFC 4443, section 3.2."""
    return struct.pack(">BBHI", 2, 0, 0, mtu) + ip6(b"", 17, length=1_400) + bytes(8)


def answers(at: float, sport: int = 53) -> list[Train]:
    data = datagram(1_400, sport)
    return [
        train(
            f"{SERVER}:{sport} > {RESOLVER}:40000/udp",
            (0, data[:544], True),
            (544, data[544:], False),
            at=at,
            id=number,
        )
        for number in (1, 2)
    ]


def after_message(detector: type[Detector], message: bytes, trains: list[Train]) -> list[Finding]:
    """What is found after an ICMP message that came at START_NS."""
    batch, out = batch_of([message], times=[START_NS]), Decoded()
    decode(batch, out)
    runner = Runner([detector])
    runner.small_mtus(small_mtus(batch, out))
    runner.trains(TrainBatch.of(trains))
    found = runner.finish()
    assert not runner.errors
    return found


@pytest.mark.parametrize(
    ("mtu", "after", "sport", "count"), [(552, 10, 53, 1), (1_280, 10, 53, 0), (552, 700, 53, 0), (552, 10, 4_444, 0)]
)
def test_answers_in_fragments_after_a_small_mtu_are_reported(mtu: int, after: float, sport: int, count: int) -> None:
    found = after_message(DnsFragments, ip4(too_big(mtu), 1, src="192.0.2.66", dst=SERVER), answers(after, sport))
    assert len(found) == count
    for each in found:
        assert (each.rule, each.count, each.severity) == ("FRG-24", 2, Severity.CRITICAL)
        assert "had been told" not in each.title
        assert [(mapping.technique, mapping.relation) for mapping in each.mappings] == [("T1557", "related")]


def test_answers_in_fragments_alone_are_quiet() -> None:
    assert run(DnsFragments, answers(10)) == []


def test_volley_from_the_address_of_a_name_server_is_forged_halves_of_answers() -> None:
    halves = [
        train(f"{SERVER} > {RESOLVER}/udp", (1_480, bytes(400), False), ip_id=number, id=number)
        for number in range(1, 21)
    ]
    asked = flows(flow(f"{RESOLVER}:40000 > {SERVER}:53/udp", app="dns", orig=DNS, resp=DNS))
    (found,) = run(DnsFragments, asked, halves)
    assert (found.rule, found.title, found.count) == ("FRG-24", "Forged halves of DNS answers", 20)
    assert run(DnsFragments, halves) == []


def test_message_tells_who_is_told_and_about_packets_to_whom() -> None:
    ends = (ip_address(each).packed.rjust(16, b"\0") for each in (SERVER, RESOLVER))
    assert told(too_big(552), 4) == (*ends, 552)
    assert told(bytes((11,)) + too_big(552)[1:], 4) is None


@pytest.mark.parametrize("cut_at", range(48))
def test_messages_that_are_cut_tell_nothing(cut_at: int) -> None:
    assert told(too_big6(1_000)[:cut_at], 6) is None
    assert told(too_big(552)[: min(cut_at, 27)], 4) is None


def test_atomic_fragments_of_a_host_that_was_told_to_send_them_are_medium() -> None:
    made = train(
        "[2001:db8::1]:53 > [2001:db8::2]:40000/udp", (0, datagram(1_000, 53), False), anomalies=["atomic"], at=5
    )
    (found,) = after_message(Ipv6Fragments, ip6(too_big6(1_000), 58, src="2001:db8::66"), [made])
    assert (found.evidence[-1].packet, found.evidence[-1].offset) == (1, 40)
    assert (found.severity, found.parts[-1].reason) == (
        Severity.MEDIUM, "the host had been told of an MTU of 1,000 (RFC 8021)",
    )  # fmt: skip
    (alone,) = run(Ipv6Fragments, [made])
    assert alone.severity is Severity.INFO


def test_many_atomic_fragments_of_a_pair_are_medium() -> None:
    frames = [six(datagram(1_000), 0, False, ident) for ident in range(0, 1_000, 100)]
    assert [each.severity for each in judged(frames, 61) if each.rule == "FRG-18"] == [Severity.MEDIUM]
    assert [each.severity for each in judged(frames[:9], 61) if each.rule == "FRG-18"] == [Severity.INFO]


def test_rules_name_techniques_that_exist_and_are_explained() -> None:
    for detector in DETECTORS:
        for rule in detector.rules:
            assert rule.id in detector.document
            for name in rule.techniques:
                assert summary(name)


def test_what_a_finding_is_mapped_to_is_what_its_rule_says() -> None:
    rules = {rule.id: set(rule.techniques) for detector in DETECTORS for rule in detector.rules}
    for case in CASES:
        for each in judged(case.frames, case.gap):
            assert {mapping.technique for mapping in each.mappings} <= rules[each.rule]
