"""The kit makes what a load makes: its trains agree with byte-by-byte reasoning, its flows with the columns."""

import numpy as np
import pytest

from oddport.detection.base import BaseDetector
from oddport.detection.testing import Piecewise, ends, flow, flows, run, train
from oddport.engine.columns import NOTE_MIDSTREAM, TCP, UDP, address_text
from oddport.protocols.model import PortVerdict, Tier


def test_text_names_ends_transport_and_version() -> None:
    src, sport, dst, dport, version, proto = ends("[2001:db8::1]:5000 > [2001:db8::2]:53/udp")
    assert (address_text(src, version), sport, address_text(dst, version), dport) == (
        "2001:db8::1",
        5000,
        "2001:db8::2",
        53,
    )
    assert (version, proto) == (6, UDP)
    assert ends("10.0.0.1 > 10.0.0.2")[1:] == (0, bytes(12) + b"\x0a\0\0\2", 0, 4, TCP)


def test_text_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="is not like"):
        ends("10.0.0.1:5 -> 10.0.0.2:6")


def test_flow_has_the_columns_head_and_name_that_it_was_given() -> None:
    batch = flows(flow("10.0.0.1:5 > 10.0.0.2:53/udp", app="dns", orig=[b"ab", b"cd"], notes=NOTE_MIDSTREAM))
    record, head, named = batch.flows[0], batch.head(0), batch.identification(0)
    assert head is not None
    assert named is not None
    assert (int(record["payload_o"]), int(record["payload_r"]), int(record["id"])) == (4, 0, 1)
    assert (head.orig, head.orig_datagrams, head.notes) == (b"ab", (b"ab", b"cd"), NOTE_MIDSTREAM)
    assert [(piece.position, piece.frame_offset) for piece in head.orig_pieces] == [(0, 42), (2, 42)]
    assert (named.tier, batch.verdict[0], batch.server_port[0]) == (Tier.B, PortVerdict.STANDARD, 53)


def test_flow_whose_bytes_are_gone_has_no_head() -> None:
    assert flows(flow("10.0.0.1:5 > 10.0.0.2:6", orig=b"x", gone=True)).head(0) is None


def test_train_that_is_whole_is_complete_whatever_the_order() -> None:
    made = train("10.0.0.1:5 > 10.0.0.2:53/udp", (16, b"tail", False), (0, bytes(16), True))
    assert (made.complete, made.total, made.holes, made.datagram[-4:]) == (True, 20, [], b"tail")
    assert (made.sport, made.dport, made.anomalies, made.conflicts) == (5, 53, set(), [])


def test_holes_are_those_of_rfc_815() -> None:
    made = train("10.0.0.1:5 > 10.0.0.2:53/udp", (0, bytes(16), True), Piecewise(32, bytes(8), True, after=2.5))
    assert made.holes == [(16, 31), (40, -1)]
    assert made.last_ns - made.first_ns == 2_500_000_000
    assert train("10.0.0.1 > 10.0.0.2/udp", (8, bytes(8), False)).holes == [(0, 7)]
    cut = train("10.0.0.1 > 10.0.0.2/udp", (0, bytes(8), True), (32, bytes(8), False), (16, b"", True))
    assert cut.holes == [(8, 31)]


def test_train_without_its_first_bytes_shows_no_ports() -> None:
    made = train("10.0.0.1:5 > 10.0.0.2:53/udp", (8, bytes(8), False))
    assert (made.sport, made.dport) == (None, None)


def test_conflicts_are_runs_of_differing_bytes_with_their_fragments() -> None:
    made = train("10.0.0.1:5 > 10.0.0.2:53/udp", (0, b"aaaaaaaabbbbbbbb", True), (8, b"bbXXbbYb", False))
    assert [(each.offset, each.old, each.new, each.old_fragment, each.new_fragment) for each in made.conflicts] == [
        (10, b"bb", b"XX", 0, 1), (14, b"b", b"Y", 0, 1),
    ]  # fmt: skip
    assert made.anomalies == {"conflicting_overlap"}
    assert made.datagram == b"aaaaaaaabbbbbbbb"


def test_duplicate_overlap_and_conflict_are_three_things() -> None:
    once = (0, b"aaaaaaaabbbbbbbb", True)
    tail = (16, b"end", False)
    assert train("10.0.0.1 > 10.0.0.2/udp", once, once, tail).anomalies == {"duplicate"}
    assert train("10.0.0.1 > 10.0.0.2/udp", once, (8, b"bbbbbbbbend", False)).anomalies == {"overlap"}
    assert train("10.0.0.1 > 10.0.0.2/udp", once, (0, b"aaaaaaaabbbbbbbX", True), tail).anomalies == {
        "conflicting_overlap"
    }


def test_run_raises_what_the_detector_raised() -> None:
    class Broken(BaseDetector):
        name = "broken"

        def finish(self) -> tuple[()]:
            raise RuntimeError("at the end")

    with pytest.raises(AssertionError, match="at the end"):
        run(Broken)


def test_rows_chosen_from_a_batch_keep_what_is_known_of_them() -> None:
    batch = flows(
        flow("10.0.0.1:1 > 10.0.0.2:53/udp", app="dns", orig=b"one"),
        flow("10.0.0.1:2 > 10.0.0.2:80", app="http", orig=b"two"),
        flow("10.0.0.1:3 > 10.0.0.2:22", app="ssh", orig=b"three"),
    )
    batch.facts = lambda: {1: b"{}", 2: b'{"a":1}'}
    chosen = batch.chosen(np.array([2, 0]))
    assert (chosen.flows["id"].tolist(), chosen.app) == ([3, 1], ["ssh", "dns"])
    heads = [chosen.head(row) for row in range(2)]
    assert [head.orig for head in heads if head is not None] == [b"three", b"one"]
    found = chosen.identification(0)
    assert found is not None
    assert found.app == "ssh"
    assert chosen.facts() == {0: b'{"a":1}'}
