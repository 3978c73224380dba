"""Every fragment rule finds its case, and none its benign twin; whatever the capture is cut into."""

import struct

import pytest

from detectors.fragments.readers import FragmentReaders
from oddport.attack import summary
from oddport.detection.model import Finding
from oddport.detection.runner import Runner
from oddport.detection.testing import train
from oddport.engine.trains import TrainBatch
from tests.detectors.fragment_cases import CASES, DETECTORS, Case, D, Frames, cut, datagram, four, judged, six

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
