"""Every fragment rule finds its case, and none its benign twin; whatever the capture is cut into."""

import pytest

from oddport.attack import summary
from tests.detectors.fragment_cases import CASES, DETECTORS, Case, Frames, cut, datagram, four, judged, six

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
