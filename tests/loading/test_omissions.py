"""What a load leaves out is gathered from the rooms that count it, and said in sentences."""

from pathlib import Path
from typing import Any

from oddport.case.model import DOUBT, LIMIT, Omission
from oddport.detection.runner import Runner
from oddport.engine.batch import Decoded
from oddport.engine.decode import decode
from oddport.engine.flows import FlowTable
from oddport.engine.fragments import FragmentTable
from oddport.loading.omissions import omissions, sentences
from tests.captures import SSH_TURNS, conversation, write_pcap
from tests.detection.test_runner import Scored, flows, ran, web
from tests.engine.wire import batch_of, piece4
from tests.loading.recorder import load


def test_a_load_within_all_limits_leaves_nothing_out() -> None:
    assert omissions(FlowTable(), 0, 0, Runner([])) == ()


def test_trains_that_were_given_up_and_findings_beyond_the_limit_are_named_with_their_number() -> None:
    trains = FragmentTable(trains_max=100)
    batch, decoded = batch_of([piece4(bytes(256), 256, True, ident=i) for i in range(1, 301)]), Decoded()
    decode(batch, decoded)
    trains.take(batch, decoded, 0)
    trains.finish()
    runner = ran([Scored], flows(*(web(0, src=f"10.0.0.{i}") for i in (50, 60, 40))), limit=2)
    found = omissions(FlowTable(), 7, trains.dropped_trains, runner)
    assert [(each.source, each.kind, each.count) for each in found] == [
        ("flows", LIMIT, 7), ("fragments", LIMIT, 200), ("scored", LIMIT, 1),
    ]  # fmt: skip
    assert sentences(found)[1] == "200 unfinished fragment trains were given up for want of memory."


def test_doubts_of_a_detector_are_one_sentence_over_all_captures_that_names_the_most_frequent() -> None:
    first = [Omission("a", DOUBT, "too short", 3), Omission("a", DOUBT, "one-sided", 4), Omission("b", DOUBT, "cut", 1)]
    second = [Omission("a", DOUBT, "too short", 2), Omission("flows", LIMIT, "flows were ended early", 1_000)]
    assert sentences([*first, *second]) == [
        "1,000 flows were ended early.", "a did not judge 9: too short ….", "b did not judge 1: cut.",
    ]  # fmt: skip


def test_the_last_progress_of_a_load_tells_what_was_left_out(tmp_path: Path) -> None:
    seen: list[Any] = []
    load([write_pcap(tmp_path / "a.pcap", conversation(SSH_TURNS))], tmp_path, on_progress=seen.append)
    (doubt,) = (each for each in seen[-1].omissions if each.source == "port-mismatch")
    assert (doubt.kind, doubt.count) == (DOUBT, 1)
    assert doubt.reason.startswith("how rare the port is: that needs")
