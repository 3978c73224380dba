"""Odd fragments are reported by what is odd about them; fragmentation alone, on any service, never is."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from detectors.udp_fragments import UdpFragments
from detectors.udp_fragments.log import Log
from oddport.attack import technique
from oddport.detection.model import Finding, Severity
from oddport.detection.runner import Runner
from oddport.detection.sprays import Sprays
from oddport.detection.testing import SECOND, START_NS, Piecewise, run, train
from oddport.engine.trains import Train, TrainBatch

INSIDE, PEER, OUTSIDE = "10.0.0.5", "10.0.0.9", "203.0.113.7"
UDP_HEADER = b"\x9c\x40\x11\x5c\x00\x28\x00\x00"


def between(src: str, dst: str, sport: int = 40_000, dport: int = 4444, proto: str = "udp") -> str:
    return f"{src}:{sport} > {dst}:{dport}/{proto}"


IN = between(PEER, INSIDE)


def found(*trains: Train, **settings: object) -> list[Finding]:
    return run(UdpFragments, list(trains), settings=settings)


def by_rule(*trains: Train, **settings: object) -> dict[str, Finding]:
    return {each.rule: each for each in found(*trains, **settings)}


def whole(ends: str, size: int = 3_000, mtu: int = 1_480, **given: Any) -> Train:
    """A train as an honest sender cuts it."""
    data = UDP_HEADER + bytes(size - 8)
    cuts = [(at, data[at : at + mtu], at + mtu < size) for at in range(0, size, mtu)]
    return train(ends, *cuts, **given)


def moved(made: Train, id: int, at: float) -> Train:
    """The same train at another time."""
    begins = START_NS + round(at * SECOND)
    return replace(made, id=id, first_ns=begins, last_ns=begins + made.last_ns - made.first_ns)


# what is quiet


@pytest.mark.parametrize("port", [53, 88, 111, 500, 514, 1701, 1812, 2049, 4500, 4789, 5060, 41_414])
def test_complete_train_of_any_service_is_quiet(port: int) -> None:
    trains = [whole(between(OUTSIDE, INSIDE, port, 40_000), id=number, at=number) for number in range(1, 40)]
    assert found(*trains) == []


def test_last_fragment_first_is_quiet() -> None:
    assert found(train(IN, (1480, bytes(600), False), (0, UDP_HEADER + bytes(1472), True))) == []


def test_busy_server_with_a_little_loss_is_no_flood() -> None:
    # 4 % of 10,000 datagrams in 10 s lost a fragment: 400 open at once, but 4 % of all
    server = between(PEER, INSIDE, 2049, 700)
    fine, lost = whole(server, 120, 64), cut(1, 0)
    trains = [moved(lost if number % 25 == 0 else fine, number, number / 1000) for number in range(1, 10_001)]
    assert "FRG-15" not in by_rule(*trains)
    assert "FRG-15" in by_rule(*[moved(lost, number, number / 1000) for number in range(1, 401)])


# FRG-01


def test_overlap_with_different_bytes_points_at_both_copies() -> None:
    made = train(
        IN, (0, UDP_HEADER + b"AAAAAAAABBBBBBBB", True), (16, b"BBxxBBBB", True), (24, b"tail", False), number=7
    )
    one = by_rule(made)["FRG-01"]
    assert (one.title, one.score, one.severity) == ("Overlap with different bytes on 4444/udp", 70, Severity.HIGH)
    old, new = one.evidence
    # a fragment's data begins at 34 of its frame: byte 18 of the datagram is at 34 + 18, and at 34 + (18 − 16)
    assert (old.packet, old.offset, old.data, old.length) == (7, 52, b"BB", 2)
    assert (new.packet, new.offset, new.data, new.length) == (8, 36, b"xx", 2)
    assert [(each.technique, each.relation) for each in one.mappings] == [("T1571", "related")]


def test_ports_that_differ_by_reader_are_told() -> None:
    other = b"\x9c\x40\x00\x35" + UDP_HEADER[4:]
    made = train(IN, (0, UDP_HEADER + bytes(8), True), (0, other, True), (16, b"tail", False))
    one = by_rule(made)["FRG-01"]
    assert "port 4444 (first, bsd, windows and solaris)" in one.summary
    assert "port 53 (last, bsd-right and linux-2.x)" in one.summary
    assert "the port that a host sees differ" in one.mappings[0].reason


def test_overlap_of_ipv6_is_forbidden_at_all() -> None:
    ends = "[fd00::1]:40000 > [fd00::2]:4444/udp"
    made = train(ends, (0, UDP_HEADER + bytes(8), True), (8, b"12345678", True), (16, b"tail", False))
    assert "RFC 5722" in by_rule(made)["FRG-01"].summary


def test_conflict_with_fragments_that_are_not_listed_has_no_evidence_and_no_crash() -> None:
    made = train(IN, (0, UDP_HEADER + bytes(8), True), (8, b"12345678", True))
    made.conflicts[0].old_fragment = -1
    made.conflicts[0].new_fragment = 512
    assert by_rule(made)["FRG-01"].evidence == ()


# FRG-02, FRG-03


def test_overlap_with_the_same_bytes_is_another_rule() -> None:
    data = UDP_HEADER + bytes(range(32))
    made = train(IN, (0, data[:24], True), (16, data[16:40], False))
    rules = by_rule(made)
    assert rules["FRG-02"].title == "Overlap with the same bytes on 4444/udp"
    assert (rules["FRG-02"].score, rules["FRG-02"].severity) == (30, Severity.LOW)
    assert "FRG-01" not in rules
    assert "FRG-03" not in rules
    first, second = rules["FRG-02"].evidence
    assert (first.data, second.data) == (data[:24], data[16:40])


@pytest.mark.parametrize("dst", [INSIDE, OUTSIDE])
def test_duplicate_is_no_overlap(dst: str) -> None:
    data = UDP_HEADER + bytes(16)
    made = train(between(PEER, dst), (0, data, True), (0, data, True), (24, b"tail", False))
    (one,) = found(made)
    assert (one.rule, one.severity, one.mappings) == ("FRG-03", Severity.INFO, ())
    assert one.evidence[0].packet == 2


def test_few_duplicates_in_a_long_train_are_not_worth_a_line() -> None:
    cuts = [(at, bytes(8), True) for at in range(0, 8 * 20, 8)]
    assert found(train(IN, *cuts, *cuts[:3], (160, b"", False))) == []


# FRG-04, FRG-05, FRG-06


def test_teardrop_is_a_last_fragment_within_another_one() -> None:
    made = train(IN, (0, UDP_HEADER + bytes(28), True), (24, b"\0\0\0\0", False), anomalies=["past_end"])
    rules = by_rule(made)
    one = rules["FRG-04"]
    assert (one.score, one.severity) == (75, Severity.HIGH)
    assert one.mappings[0].technique == "T1499.004"
    assert (one.evidence[0].packet, one.evidence[0].length) == (2, 4)
    assert "FRG-02" not in rules


def test_overlap_that_ends_with_the_datagram_is_no_teardrop() -> None:
    data = UDP_HEADER + bytes(28)
    assert "FRG-04" not in by_rule(train(IN, (0, data[:24], True), (16, data[16:], False)))


def test_length_that_is_no_multiple_of_8_fits_no_datagram() -> None:
    made = train(IN, (0, UDP_HEADER + bytes(13), True), (24, b"tail", False), anomalies=["misaligned"])
    one = by_rule(made)["FRG-05"]
    assert (one.evidence[0].length, one.evidence[0].expected) == (21, "a multiple of 8 bytes (RFC 791, section 3.2)")
    assert (one.mappings[0].technique, one.mappings[0].relation) == ("T1499.004", "related")


def test_data_behind_the_declared_end_fits_no_datagram() -> None:
    made = train(IN, (0, UDP_HEADER + bytes(8), False), (4000, b"far away", True), anomalies=["past_end"])
    assert "no data behind byte 15" in by_rule(made)["FRG-05"].evidence[0].expected


def test_far_last_fragment_to_53_is_bonk_and_elsewhere_a_hole() -> None:
    cuts = ((0, UDP_HEADER + bytes(24), True), (32 + 8192, b"last", False))
    assert "FRG-05" in by_rule(train(between(PEER, INSIDE, dport=53), *cuts))
    assert "FRG-05" not in by_rule(train(IN, *cuts))
    near = ((0, UDP_HEADER + bytes(24), True), (32 + 8184, b"last", False))
    assert "FRG-05" not in by_rule(train(between(PEER, INSIDE, dport=53), *near))


def test_ping_of_death_is_a_datagram_beyond_65535() -> None:
    ends = f"{OUTSIDE} > {INSIDE}/icmp"
    made = train(ends, (0, bytes(1480), True), (65_120, bytes(400), False), anomalies=["past_65535"])
    one = by_rule(made)["FRG-06"]
    # 65,120 + 400 + 20 of the header
    assert "65,540 bytes" in one.summary
    assert (one.severity, one.mappings[0].relation) == (Severity.CRITICAL, "direct")
    assert one.server_port == 0
    out = train(f"{INSIDE} > {OUTSIDE}/icmp", (65_120, bytes(400), False), anomalies=["past_65535"], at_start=True)
    assert by_rule(out)["FRG-06"].score == 100


# FRG-07


def test_first_fragment_that_hides_the_header_is_worse_than_one_that_hides_payload() -> None:
    hidden = train(
        between(PEER, INSIDE, proto="tcp"), (0, bytes(16), True), (16, bytes(40), False), anomalies=["tiny_first"]
    )
    bare = train(IN, (0, UDP_HEADER, True), (8, bytes(40), False), anomalies=["tiny_first"])
    assert by_rule(hidden)["FRG-07"].parts[0].value == 75
    assert by_rule(bare)["FRG-07"].parts[0].value == 45
    assert by_rule(bare)["FRG-07"].evidence[0].data == UDP_HEADER


def test_tcp_at_offset_8_is_the_trick_of_rfc_3128() -> None:
    made = train(between(PEER, INSIDE, proto="tcp"), (8, bytes(24), False), anomalies=["tiny_first"], at_start=True)
    one = by_rule(made)["FRG-07"]
    assert one.parts[0].value == 75
    assert "offset 8" in one.evidence[0].says


def test_ipv6_first_fragment_of_extension_headers_hides_the_ports() -> None:
    options = b"\x11\x00" + b"\x01\x04" + bytes(4)
    made = train(
        "[2001:db8::1] > [2001:db8::2]/udp", (0, options, True), (8, UDP_HEADER + bytes(40), False),
        anomalies=["tiny_first", "no_upper_header"],
    )  # fmt: skip
    one = by_rule(made)["FRG-07"]
    assert one.parts[0].value == 75
    assert one.summary.endswith("cannot see the whole transport header (RFC 7112).")


def test_tiny_first_that_is_not_listed_has_no_evidence() -> None:
    made = train(IN, (16, bytes(8), False), anomalies=["tiny_first"], at_start=True)
    assert by_rule(made)["FRG-07"].evidence == ()


# FRG-12


def headless(number: int, at: float, src: str = PEER, dst: str = INSIDE, **given: Any) -> Train:
    given = {"anomalies": ["missing_first"], **given}
    return train(between(src, dst), (1480, bytes(600), False), id=number, at=at, number=number, **given)


@pytest.mark.parametrize("dst", [INSIDE, OUTSIDE])
def test_one_train_without_its_first_fragment_is_info(dst: str) -> None:
    (one,) = found(headless(3, 100, dst=dst))
    assert (one.rule, one.title, one.severity) == ("FRG-12", "First fragment missing", Severity.INFO)
    assert (one.evidence[0].packet, one.evidence[0].length, one.server_port) == (3, 600, 0)
    assert [each.technique for each in one.mappings] == ["T1571"]


@pytest.mark.parametrize("given", [{"at_start": True}, {"at_end": True}])
def test_train_at_an_end_of_the_capture_may_have_its_first_fragment_outside(given: dict[str, Any]) -> None:
    assert found(headless(1, 100, **given)) == []


def test_train_that_memory_ran_short_for_is_not_called_incomplete() -> None:
    made = headless(1, 100)
    made.evicted = True
    assert found(made) == []


def test_ten_within_a_minute_of_one_source_are_medium() -> None:
    trains = [headless(number, number * 6.0, src=OUTSIDE, dst=f"10.0.0.{number % 2 + 20}") for number in range(1, 11)]
    rules = [each for each in found(*trains) if each.rule == "FRG-12"]
    assert sorted(each.count for each in rules) == [5, 5]
    assert {each.severity for each in rules} == {Severity.MEDIUM}
    assert rules[0].title == "First fragment missing, 5 trains"
    nine = [each for each in found(*trains[:9]) if each.rule == "FRG-12"]
    assert {each.severity for each in nine} == {Severity.INFO}


def test_ten_over_ten_minutes_are_ten_lone_ones() -> None:
    trains = [headless(number, number * 61.0) for number in range(1, 11)]
    (one,) = [each for each in found(*trains) if each.rule == "FRG-12"]
    assert (one.count, one.severity) == (10, Severity.INFO)


def test_burst_and_lone_trains_of_a_pair_are_told_apart() -> None:
    trains = [headless(number, number) for number in range(1, 11)] + [headless(11, 5_000)]
    counts = {each.variant: each.count for each in found(*trains) if each.rule == "FRG-12"}
    assert counts == {"burst": 10, "": 1}


# FRG-13, FRG-15


def cut(number: int, at: float, src: str = PEER, dst: str = INSIDE, size: int = 1_472, **given: Any) -> Train:
    """A first fragment that nothing follows."""
    first = (0, UDP_HEADER + bytes(size), True)
    return train(between(src, dst), first, id=number, at=at, number=number, **{"anomalies": ["missing_last"], **given})


def test_pair_whose_trains_are_mostly_never_completed() -> None:
    trains = [cut(number, number * 40.0) for number in range(1, 11)]
    fine = [whole(IN, id=20 + number, at=number * 40.0) for number in range(10)]
    rules = by_rule(*trains, *fine)
    assert (rules["FRG-13"].count, rules["FRG-13"].mappings[0].technique) == (10, "T1499.001")
    assert "10 of 20 trains" in rules["FRG-13"].summary
    assert "FRG-13" not in by_rule(*trains[:9])
    assert "FRG-13" not in by_rule(*trains, *fine, whole(IN, id=99))


def test_hundred_unfinished_trains_open_at_once_are_a_flood() -> None:
    trains = [cut(number, number * 0.1) for number in range(1, 101)]
    one = by_rule(*trains)["FRG-15"]
    assert (one.title, one.count) == ("Fragment flood on 4444/udp", 100)
    assert "100 unfinished trains from 1 source to 10.0.0.5 within 9.9 s: up to 100 open at once" in one.summary
    assert (one.mappings[0].technique, one.mappings[0].relation) == ("T1499.001", "direct")
    assert "FRG-15" not in by_rule(*trains[:99])


def test_flood_that_lasts_until_the_capture_ends_is_one_as_well() -> None:
    assert "FRG-15" in by_rule(*[cut(number, number * 0.1, at_end=True) for number in range(1, 101)])


def test_slow_unfinished_trains_are_no_flood() -> None:
    # one every 0.4 s: 75 within the 30 s that a host keeps them
    assert "FRG-15" not in by_rule(*[cut(number, number * 0.4) for number in range(1, 200)])


def test_four_mebibytes_held_are_a_flood_with_fewer_trains() -> None:
    one = train(IN, (0, UDP_HEADER + bytes(64_992), True), anomalies=["missing_last"])
    big = [moved(one, number, number * 0.3) for number in range(1, 66)]
    assert "FRG-15" in by_rule(*big)  # 65 × 65,000 bytes > 4 MiB
    assert "FRG-15" not in by_rule(*big[:64])


def test_thousand_fragments_of_unfinished_trains_within_a_second_are_a_flood() -> None:
    cuts = [Piecewise(8 * at, bytes(8), True) for at in range(25)]
    trains = [train(IN, *cuts, id=number, at=number * 0.02) for number in range(1, 41)]
    assert "FRG-15" in by_rule(*trains)
    assert "FRG-15" not in by_rule(*trains[:39])


def test_flood_of_fifty_sources_is_distributed() -> None:
    trains = [cut(number, number * 0.1, src=f"198.51.100.{number % 50 + 1}") for number in range(1, 101)]
    one = by_rule(*trains)["FRG-15"]
    assert one.title.startswith("Distributed fragment flood")
    assert "from 50 sources" in [part.reason for part in one.parts]


def test_pause_makes_two_floods_of_one_finding() -> None:
    trains = [cut(number, number * 0.1) for number in range(1, 111)]
    trains += [cut(200 + number, 100 + number * 0.1) for number in range(1, 111)]
    one = by_rule(*trains)["FRG-15"]
    assert one.count == 220


# FRG-25


def test_composite_adds_rules_service_place_and_novelty() -> None:
    data = UDP_HEADER + bytes(range(32))
    made = train(between(OUTSIDE, INSIDE), (0, data[:24], True), (16, data[16:40], False), id=4)
    one = by_rule(made)["FRG-25"]
    assert [part.value for part in one.parts] == [40, 10, 10, 10]
    assert (one.title, one.score, one.severity) == ("Suspicious UDP fragments on 4444/udp", 70, Severity.HIGH)
    assert "our reading of PT-CR-476" in one.summary
    assert one.evidence[0].data == data[:24]
    assert one.train == 4


def test_composite_knows_services_that_fragment_anyway() -> None:
    data = UDP_HEADER + bytes(range(32))
    benign = train(between(PEER, INSIDE, 53), (0, data[:24], True), (16, data[16:40], False))
    assert [part.value for part in by_rule(benign)["FRG-25"].parts] == [40, 10]
    assert "FRG-25" not in by_rule(benign, alert_from=51)


@pytest.mark.parametrize("src", [PEER, OUTSIDE])
def test_a_lost_fragment_or_a_mirrored_one_is_no_composite(src: str) -> None:
    data = UDP_HEADER + bytes(16)
    twice = train(between(src, INSIDE), (0, data, True), (0, data, True), (24, b"tail", False), id=2)
    assert "FRG-25" not in by_rule(headless(1, 1, src=src), twice)
    assert "FRG-25" not in by_rule(cut(1, 1, src=src))


def test_composite_is_of_udp_only() -> None:
    made = train(between(PEER, INSIDE, proto="tcp"), (0, UDP_HEADER + bytes(16), True), (8, b"12345678", False))
    assert set(by_rule(made)) == {"FRG-01", "FRG-04"}


def test_composite_of_crashing_shapes_and_floods_names_them_in_attack() -> None:
    trains = [cut(number, number * 0.1) for number in range(1, 101)]
    drop = train(IN, (0, UDP_HEADER + bytes(28), True), (24, b"\0\0\0\0", False), id=500, at=1)
    one = by_rule(*trains, drop)["FRG-25"]
    assert [each.technique for each in one.mappings] == ["T1571", "T1499.004", "T1499.001"]
    assert {"FRG-04", "FRG-13", "FRG-15"} <= {part.reason[:6] for part in one.parts}


def test_composite_knows_a_burst_from_a_lone_loss() -> None:
    trains = [headless(number, number, src=OUTSIDE) for number in range(1, 11)]
    one = by_rule(*trains)["FRG-25"]
    assert one.parts[0].value == 35
    assert "no port is to be seen" in one.parts[2].reason


def test_stretches_are_five_minutes_and_only_the_first_is_new() -> None:
    data = UDP_HEADER + bytes(range(32))
    cuts = ((0, data[:24], True), (16, data[16:40], False))
    made = [train(IN, *cuts, id=number, at=at) for number, at in ((1, 0.0), (2, 299.0), (3, 301.0))]
    one = by_rule(*made, alert_from=40)["FRG-25"]
    assert one.count == 2
    assert by_rule(*made)["FRG-25"].parts[-1].value == 10
    later = by_rule(whole(IN, id=9, at=-400), *made, alert_from=40)["FRG-25"].parts
    assert [part.value for part in later] == [40, 10]


# many sources


def sprayed(count: int, dst: str = INSIDE) -> list[Train]:
    data = UDP_HEADER + bytes(range(32))
    return [
        train(
            between(f"198.51.{number // 200}.{number % 200 + 1}", dst), (0, data[:24], True), (16, data[16:40], False),
            id=number + 1, at=number, number=number + 1,
        )
        for number in range(count)
    ]  # fmt: skip


def test_forged_sources_are_one_attack_and_not_thousands() -> None:
    trains = sprayed(300) + sprayed(3, PEER)
    Random(2).shuffle(trains)
    findings = found(*trains)
    to_inside = {each.rule: each for each in findings if each.count > 1}
    assert len(findings) == 2 + 2 * 3
    one = to_inside["FRG-02"]
    assert one.title == "Overlap with the same bytes on 4444/udp, from 300 sources"
    assert (one.count, one.train, one.evidence[0].packet) == (300, 1, 1)
    assert "300 sources did so to 10.0.0.5" in one.summary
    assert to_inside["FRG-25"].count == 300


def test_forty_nine_sources_stay_forty_nine_findings() -> None:
    assert len([each for each in found(*sprayed(49)) if each.rule == "FRG-02"]) == 49


def test_sources_beyond_the_limit_are_occurrences_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oddport.detection.trains.Sprays", lambda: Sprays(limit=60))
    (one,) = [each for each in found(*sprayed(80)) if each.rule == "FRG-02"]
    assert one.title.endswith("from 60 sources")
    assert one.count == 80


# the run


def many() -> list[Train]:
    dice = Random(476)
    data = UDP_HEADER + bytes(range(32))
    cuts = ((0, data[:24], True), (16, data[16:40], False))
    trains = [headless(number, dice.random() * 500, src=f"198.51.100.{number % 3 + 1}") for number in range(1, 40)]
    trains += [cut(number, 600 + dice.random() * 8) for number in range(100, 240)]
    trains += [
        train(between(OUTSIDE, INSIDE), *cuts, id=number, at=dice.random() * 5_000) for number in range(300, 320)
    ]
    return trains


def test_order_and_chunks_of_trains_change_nothing() -> None:
    trains = many()
    one = run(UdpFragments, trains)
    Random(1).shuffle(trains)
    two = run(UdpFragments, *[trains[at : at + 7] for at in range(0, len(trains), 7)])
    assert one == two
    assert {each.rule for each in one} == {"FRG-02", "FRG-12", "FRG-13", "FRG-15", "FRG-25"}


def test_train_without_listed_fragments_is_counted_and_does_not_crash() -> None:
    made = headless(1, 100)
    made.fragments = []
    (one,) = found(made)
    assert (one.rule, one.evidence) == ("FRG-12", ())


def test_beyond_its_limits_the_log_counts_what_it_does_not_remember(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.udp_fragments.detector.Log", lambda: Log(events=2, pairs=2))
    runner = Runner([UdpFragments])
    runner.trains(TrainBatch.of([headless(number, number, src=f"198.51.100.{number}") for number in range(1, 5)]))
    runner.trains(TrainBatch.of([headless(9, 9, src="198.51.100.1"), whole(IN, id=10)]))
    runner.finish()
    assert runner.errors == []
    assert runner.abstained() == {"udp-fragments": {"bursts and floods: too many odd trains to remember": 3}}


def test_empty_run_finds_nothing() -> None:
    assert found() == []


def test_rules_name_every_technique_that_they_map_to() -> None:
    named = {rule.id: set(rule.techniques) for rule in UdpFragments.rules}
    assert all(technique(each) for ids in named.values() for each in ids)
    for each in found(*many()):
        assert {mapping.technique for mapping in each.mappings} <= named[each.rule], each.rule
    for rule in UdpFragments.rules:
        assert rule.id in UdpFragments.document


def test_targets_beyond_the_limit_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oddport.detection.trains.Sprays", lambda: Sprays(limit=1))
    assert len(found(*sprayed(1), *sprayed(1, PEER))) == 4
