"""Findings do not depend on batches; a broken detector harms nobody; the worst stay when there are too many."""

from collections.abc import Iterable
from functools import partial
from random import Random
from typing import ClassVar

import pytest

from oddport.detection.base import BaseDetector
from oddport.detection.groups import PERIOD_NS
from oddport.detection.model import (
    Context,
    Detector,
    DetectorError,
    Evidence,
    Finding,
    FlowBatch,
    Mapping,
    Proof,
    Severity,
)
from oddport.detection.runner import Runner
from oddport.detection.score import add, base
from oddport.detection.testing import SECOND, START_NS, MadeFlow, flow, flows, train
from oddport.engine.trains import TrainBatch
from oddport.protocols.model import PortVerdict, Tier

HOURS = 3600.0


def finding_of(batch: FlowBatch, row: int, score: int = 50, **given: object) -> Finding:
    record = batch.flows[row]
    fields: dict[str, object] = {
        "detector": "", "rule": "X-01", "title": "X", "summary": "", "parts": (base(score, "because"),),
        "src": record["src"].tobytes(), "dst": record["dst"].tobytes(), "version": 4, "proto": int(record["proto"]),
        "sport": int(record["sport"]), "dport": int(record["dport"]), "server_port": int(batch.server_port[row]),
        "first_ns": int(record["first_ns"]), "last_ns": int(record["last_ns"]), "app": batch.app[row],
        "flow": int(record["id"]),
    }  # fmt: skip
    return Finding(**{**fields, **given})  # type: ignore[arg-type]


class Everything(BaseDetector):
    name: ClassVar[str] = "everything"
    needs: ClassVar[frozenset[str]] = frozenset({"flows"})
    settings: ClassVar[dict[str, object]] = {"score": 50}

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        score = self.context.settings["score"]
        assert isinstance(score, int)
        return [finding_of(batch, row, score) for row in range(len(batch.flows))]


class Trains(BaseDetector):
    name: ClassVar[str] = "trains"
    needs: ClassVar[frozenset[str]] = frozenset({"trains"})

    def on_trains(self, batch: TrainBatch) -> Iterable[Finding]:
        raise RuntimeError("cannot read trains")

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        raise AssertionError("was not asked for")


class Broken(BaseDetector):
    name: ClassVar[str] = "broken"
    needs: ClassVar[frozenset[str]] = frozenset({"flows"})

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        yield finding_of(batch, 0)
        raise ZeroDivisionError("division\nby zero")


def web(at: float, src: str = "10.0.0.5", dst: str = "203.0.113.7", app: str = "http", lasts: float = 1.0) -> MadeFlow:
    return flow(
        f"{src}:50000 > {dst}:8088", app=app, orig=b"x", resp=b"y", at=at, lasts=lasts, verdict=PortVerdict.MISMATCH
    )


def ran(detectors: list[type[Detector]], *batches: FlowBatch, **given: object) -> Runner:
    runner = Runner(detectors, **given)  # type: ignore[arg-type]
    for batch in batches:
        runner.flows(batch)
    return runner


def test_occurrences_within_24_hours_are_one_finding_of_the_earliest() -> None:
    # flows are handed over in the order of their end: the earliest one may end last
    batch = flows(web(3 * HOURS), web(10 * HOURS), web(0, lasts=12 * HOURS))
    (found,) = ran([Everything], batch).finish()
    assert found.count == 3
    assert (found.first_ns, found.flow) == (START_NS, 3)
    assert found.last_ns == START_NS + round(12 * HOURS) * SECOND


def test_flows_of_a_finding_are_named_up_to_a_cap_and_counted_beyond_it() -> None:
    made = [web(float(n)) for n in range(1_005)]
    (found,) = ran([Everything], flows(*made[500:], first_id=501), flows(*made[:500])).finish()
    assert (found.count, list(found.also)) == (1_005, list(range(1, 1_001)))


def test_pause_of_more_than_24_hours_makes_a_second_finding() -> None:
    assert PERIOD_NS == 86_400 * SECOND
    batch = flows(web(0), web(24 * HOURS), web(48 * HOURS + 1))
    counts = sorted((found.first_ns, found.count) for found in ran([Everything], batch).finish())
    assert [count for _, count in counts] == [2, 1]


def test_occurrence_between_two_findings_makes_them_one() -> None:
    runner = ran([Everything], flows(web(0), web(40 * HOURS)))
    put, gone = runner.changes()
    assert (len(put), gone) == (2, [])
    later = max(put, key=lambda found: found.first_ns).uid
    runner.flows(flows(web(20 * HOURS), first_id=3))
    put, gone = runner.changes()
    assert [found.count for found in put] == [3]
    assert gone == [later]
    assert len(runner.finish()) == 1


@pytest.mark.parametrize("other", [
    {"src": "10.0.0.6"}, {"dst": "203.0.113.8"}, {"app": "ssh"},
])  # fmt: skip
def test_other_ends_or_app_are_another_finding(other: dict[str, str]) -> None:
    assert len(ran([Everything], flows(web(0), web(1, **other))).finish()) == 2  # type: ignore[arg-type]


def test_other_client_port_is_the_same_finding() -> None:
    same = [
        flow(f"10.0.0.5:{port} > 203.0.113.7:8088", app="http", orig=b"x", verdict=PortVerdict.MISMATCH)
        for port in (1, 2)
    ]
    (found,) = ran([Everything], flows(*same)).finish()
    assert found.count == 2


def test_findings_and_uids_do_not_depend_on_order_or_size_of_batches() -> None:
    dice = Random(1571)
    made = [
        web(dice.random() * 90 * HOURS, src=f"10.0.0.{dice.randrange(4)}", app=dice.choice(["http", "tls"]))
        for _ in range(120)
    ]
    for number, each in enumerate(made, 1):
        each.record["id"] = number
    expected = None
    for size in (120, 7, 1):
        dice.shuffle(made)
        batches = [flows(*made[start : start + size]) for start in range(0, len(made), size)]
        for batch, start in zip(batches, range(0, len(made), size), strict=True):
            batch.flows["id"] = [each.record["id"] for each in made[start : start + size]]
        found = [
            (each.uid, each.count, each.first_ns, each.last_ns, each.flow)
            for each in ran([Everything], *batches).finish()
        ]
        assert len({uid for uid, *_ in found}) == len(found) > 8
        assert expected is None or found == expected
        expected = found


def test_uid_changes_with_the_digest_and_not_with_the_settings() -> None:
    batch = flows(web(0))
    uids = [
        ran([Everything], batch, settings={"everything": {"score": score}}, digest=digest).finish()[0].uid
        for score, digest in ((50, "a"), (90, "a"), (50, "b"))
    ]
    assert uids[0] == uids[1] != uids[2]
    assert len(uids[0]) == 32


def test_changes_bring_an_earlier_answer_up_to_date() -> None:
    runner = ran([Everything], flows(web(5)))
    put, gone = runner.changes()
    shown = {found.uid: found for found in put}
    assert (len(shown), gone) == (1, [])
    assert runner.changes() == ([], [])
    runner.flows(flows(web(1), web(9), first_id=2))
    runner.finish()
    put, gone = runner.changes()
    for uid in gone:
        del shown[uid]
    shown |= {found.uid: found for found in put}
    assert sorted(shown) == sorted(found.uid for found in runner.finish())
    assert next(iter(shown.values())).count == 3


def test_handed_out_finding_does_not_change_afterwards() -> None:
    runner = ran([Everything], flows(web(5)))
    (before,) = runner.snapshot()
    runner.flows(flows(web(1), first_id=2))
    assert (before.count, before.flow) == (1, 1)


def test_flow_folded_into_an_earlier_one_is_still_marked() -> None:
    ids, severity = ran([Everything], flows(web(0), web(1), web(2, app="ssh"))).marks()
    assert ids.tolist() == [1, 2, 3]
    assert set(severity.tolist()) == {Severity.MEDIUM}


class Two(BaseDetector):
    name: ClassVar[str] = "two"
    needs: ClassVar[frozenset[str]] = frozenset({"flows"})

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        yield finding_of(batch, 0, 90)
        yield finding_of(batch, 0, 10, rule="X-02")


def test_flow_in_two_findings_has_the_worst_severity() -> None:
    ids, severity = ran([Two], flows(web(0))).marks()
    assert (ids.tolist(), severity.tolist()) == ([1], [Severity.CRITICAL])


def test_variant_keeps_a_redirect_from_standing_for_an_answer() -> None:
    class Variants(BaseDetector):
        name: ClassVar[str] = "variants"
        needs: ClassVar[frozenset[str]] = frozenset({"flows"})

        def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
            yield finding_of(batch, 0, 20, variant="redirected")
            yield finding_of(batch, 1, 60)

    found = ran([Variants], flows(web(0), web(0))).finish()
    assert [each.score for each in found] == [60, 20]
    assert found[0].uid != found[1].uid


def test_error_in_one_detector_is_one_row_and_the_others_go_on() -> None:
    told: list[DetectorError] = []
    runner = ran(
        [Broken, Everything], flows(web(0)), flows(web(1), web(2, src="10.0.0.9"), first_id=2), on_error=told.append
    )
    found = runner.finish()
    assert {(each.detector, each.count) for each in found} == {("broken", 1), ("everything", 2), ("everything", 1)}
    (row,) = told
    assert runner.errors == told
    assert (row.detector, row.at) == ("broken", "flows 1")
    assert row.message == (
        "broken stopped at flows 1 with ZeroDivisionError: division by zero. "
        "What it had found before is kept; the others went on."
    )
    assert "raise ZeroDivisionError" in row.trace


def test_detector_is_called_for_what_it_needs_only() -> None:
    runner = ran([Trains], flows(web(0)))
    assert runner.needs == {"trains"}
    assert runner.errors == []
    runner.trains(
        TrainBatch.of(
            [
                train("10.0.0.1 > 10.0.0.2/udp", (0, bytes(16), False), id=4),
                train("10.0.0.1 > 10.0.0.2/udp", (0, b"", False), id=9),
            ]
        )
    )
    assert [(row.detector, row.at) for row in runner.errors] == [("trains", "trains 4 to 9")]
    assert runner.needs == frozenset()


def test_nothing_to_judge_calls_nobody() -> None:
    runner = Runner([Broken, Trains])
    runner.flows(flows())
    runner.trains(TrainBatch.of([]))
    assert runner.errors == []


class Starts(BaseDetector):
    name: ClassVar[str] = "starts"

    def __init__(self, context: Context) -> None:
        raise OSError("no list")


class Ends(BaseDetector):
    name: ClassVar[str] = "ends"

    def finish(self) -> Iterable[Finding]:
        raise KeyError


def test_error_at_start_and_at_the_end_is_told_as_well() -> None:
    runner = Runner([Starts, Ends, Everything])
    assert runner.finish() == []
    assert [(row.detector, row.at) for row in runner.errors] == [("starts", "start"), ("ends", "end")]
    assert "no reason given" in runner.errors[1].message


def bad(**given: object) -> type[Detector]:
    class Bad(BaseDetector):
        name: ClassVar[str] = "bad"
        needs: ClassVar[frozenset[str]] = frozenset({"flows"})

        def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
            return [finding_of(batch, 0, **given)] if given else [None]  # type: ignore[list-item,arg-type]

    return Bad


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "NoneType"),
        ({"src": b"\x0a\0\0\1"}, "have 4 and 16 bytes"),
        ({"mappings": (Mapping("T1571", "certain", ""),)}, "“certain”"),
        ({"evidence": (Evidence(0, 1, 0, bytes(65), 65, ""),)}, "65 bytes, over 64"),
        ({"proof": lambda: Proof(evidence=(Evidence(0, 1, 0, bytes(65), 65, ""),))}, "65 bytes, over 64"),
        ({"parts": (base(float("nan"), "odd"),)}, "“odd”"),
    ],
)
def test_finding_that_the_case_cannot_hold_is_its_detectors_error(given: dict[str, object], words: str) -> None:
    runner = ran([bad(**given)], flows(web(0)))
    assert runner.finish() == []
    assert words in runner.errors[0].message


class Reviewing(Everything):
    name: ClassVar[str] = "reviewing"

    def review(self, finding: Finding) -> Finding:
        if finding.app == "ssh":
            raise LookupError("second look")
        finding.parts = (*finding.parts, add(15, "rare"))
        finding.first_ns = 0
        return finding


def test_second_look_changes_the_score_and_not_the_identity() -> None:
    runner = ran([Reviewing], flows(web(0)))
    (before,) = runner.snapshot()
    (after,) = runner.finish()
    assert (before.score, after.score, after.severity) == (50, 65, Severity.HIGH)
    assert (after.uid, after.first_ns) == (before.uid, START_NS)
    assert runner.finish() == [after]


def test_error_in_a_second_look_leaves_the_finding() -> None:
    runner = ran([Reviewing], flows(web(0, app="ssh")))
    assert [found.score for found in runner.finish()] == [50]
    assert runner.errors[0].at == "end"


class Scored(BaseDetector):
    """Scores are the last byte of the source."""

    name: ClassVar[str] = "scored"
    needs: ClassVar[frozenset[str]] = frozenset({"flows"})

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        return [finding_of(batch, row, batch.flows[row]["src"].tobytes()[-1]) for row in range(len(batch.flows))]


def test_over_the_limit_the_lowest_score_gives_way_and_is_counted() -> None:
    runner = ran([Scored], flows(web(0, src="10.0.0.50"), web(0, src="10.0.0.10"), web(1, src="10.0.0.10")), limit=2)
    put, _ = runner.changes()
    lowest = next(found.uid for found in put if found.score == 10)
    runner.flows(flows(web(0, src="10.0.0.70"), web(0, src="10.0.0.20"), first_id=4))
    assert [found.score for found in runner.finish()] == [70, 50]
    assert runner.dropped == {("scored", "X-01"): 3}
    assert runner.changes()[1] == [lowest]


def test_over_the_limit_known_findings_still_count() -> None:
    runner = ran([Scored], flows(web(0, src="10.0.0.50"), web(0, src="10.0.0.60"), web(0, src="10.0.0.40")), limit=2)
    runner.flows(flows(web(5, src="10.0.0.50"), first_id=4))
    assert [(found.score, found.count) for found in runner.finish()] == [(60, 1), (50, 2)]
    assert runner.dropped == {("scored", "X-01"): 1}


class Proving(Scored):
    """Scored, with findings that show where they are from once they are asked."""

    name: ClassVar[str] = "proving"
    asked: ClassVar[list[int]] = []

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        for found in super().on_flows(batch):
            found.proof = partial(self.prove, found.flow)
            yield found

    def prove(self, flow: int) -> Proof:
        self.asked.append(flow)
        return Proof((Mapping("T1571", "direct", ""),), (Evidence(0, flow, 0, b"x", 1, "x"),), ("not TLS",))


def test_only_findings_that_stand_for_themselves_are_proved() -> None:
    Proving.asked.clear()
    runner = ran([Proving], flows(web(5, src="10.0.0.50"), web(6, src="10.0.0.50"), web(0, src="10.0.0.60")), limit=2)
    assert Proving.asked == [1, 3]  # not 2, which joins 1
    runner.flows(flows(web(0, src="10.0.0.40"), web(0, src="10.0.0.70"), web(4, src="10.0.0.70"), first_id=4))
    assert Proving.asked == [1, 3, 5]  # not 4, which scores too low
    runner.flows(flows(web(-1, src="10.0.0.60"), first_id=7))
    assert Proving.asked == [1, 3, 5, 7]  # earlier than what it joins, so that it speaks for both
    found = runner.finish()
    assert [(each.flow, each.count, [row.packet for row in each.evidence]) for each in found] == [
        (5, 2, [5]),
        (7, 2, [7]),
    ]
    assert {(each.mappings[0].technique, each.rejected) for each in found} == {("T1571", ("not TLS",))}
    assert runner.dropped == {("proving", "X-01"): 3}


def test_proof_that_fails_takes_nothing_from_what_was_found() -> None:
    class Failing(Proving):
        name: ClassVar[str] = "failing"

        def prove(self, flow: int) -> Proof:
            if flow == 2:
                raise LookupError("no bytes")
            return super().prove(flow)

    runner = ran([Failing], flows(web(0, src="10.0.0.50"), web(0, src="10.0.0.60")), limit=1)
    assert [found.flow for found in runner.finish()] == [1]
    assert [error.detector for error in runner.errors] == ["failing"]
    assert runner.dropped == {}


def test_score_that_changed_since_counts_when_room_is_made() -> None:
    class Climbing(BaseDetector):
        name: ClassVar[str] = "climbing"
        needs: ClassVar[frozenset[str]] = frozenset({"flows"})

        def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
            # the payload of the originator says the score
            return [finding_of(batch, row, int(batch.flows[row]["payload_o"])) for row in range(len(batch.flows))]

    def scored(src: str, score: int, at: float) -> MadeFlow:
        return flow(f"{src}:1 > 203.0.113.7:8088", app="http", orig=bytes(score), at=at, verdict=PortVerdict.MISMATCH)

    runner = ran(
        [Climbing], flows(scored("10.0.0.1", 10, 9), scored("10.0.0.2", 20, 9), scored("10.0.0.3", 5, 9)), limit=2
    )
    runner.flows(flows(scored("10.0.0.1", 80, 1), first_id=4))  # the earlier occurrence speaks for 10.0.0.1 now
    runner.flows(flows(scored("10.0.0.4", 30, 1), first_id=5))
    assert [found.score for found in runner.finish()] == [80, 30]


def test_two_detectors_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="“everything”"):
        Runner([Everything, Everything])


def test_what_was_not_judged_is_counted_by_detector_and_reason() -> None:
    class Shy(BaseDetector):
        name: ClassVar[str] = "shy"
        needs: ClassVar[frozenset[str]] = frozenset({"flows"})

        def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
            for _ in range(len(batch.flows)):
                self.abstain("one direction only")
            return ()

    runner = ran([Shy, Everything], flows(web(0), web(1)))
    assert runner.abstained() == {"shy": {"one direction only": 2}}


def test_detector_that_looks_at_nothing_finds_nothing() -> None:
    class Nothing(BaseDetector):
        name: ClassVar[str] = "nothing"
        needs: ClassVar[frozenset[str]] = frozenset({"flows", "trains"})

    runner = ran([Nothing], flows(flow("10.0.0.1:1 > 10.0.0.2:2", tier=Tier.NONE, verdict=PortVerdict.NOTHING)))
    runner.trains(TrainBatch.of([train("10.0.0.1 > 10.0.0.2/udp", (0, bytes(16), False))]))
    assert (runner.finish(), runner.errors) == ([], [])


def test_digest_that_is_known_late_renames_what_was_handed_out() -> None:
    runner = ran([Everything], flows(web(0)), digest="of a pipe")
    ((before,), _) = runner.changes()
    runner.set_digest("of the copy")
    ((after,), gone) = runner.changes()
    assert gone == [before.uid]
    assert after.uid == ran([Everything], flows(web(0)), digest="of the copy").finish()[0].uid
    runner.set_digest("of the copy")
    assert runner.changes() == ([], [])
    assert runner.count() == 1


def test_finding_that_another_one_tells_is_withdrawn_and_its_flows_are_marked_there() -> None:
    class Folding(Everything):
        name: ClassVar[str] = "folding"

        def review(self, finding: Finding) -> Finding | None:
            if finding.flow > 1:
                return None
            finding.count, finding.also = 9, [2, 3]
            return finding

    runner = ran([Folding], flows(*[web(0, src=f"10.0.0.{host}") for host in (1, 2, 3)]))
    shown = {found.uid: found.flow for found in runner.changes()[0]}
    (kept,) = runner.finish()
    assert (kept.flow, kept.count, runner.count()) == (1, 9, 1)
    put, gone = runner.changes()
    assert [(found.flow, found.also) for found in put] == [(1, [1, 2, 3])]
    assert sorted(shown[uid] for uid in gone) == [2, 3]
    assert runner.marks()[0].tolist() == [1, 2, 3]
