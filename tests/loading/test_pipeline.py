"""From a capture to named, judged flows: what is said does not depend on how the bytes came."""

import gzip
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oddport.detection.base import BaseDetector
from oddport.engine.columns import NOTE_EARLY
from oddport.loading import pipeline
from oddport.loading.pipeline import LoadSettings
from tests.captures import (
    HTTP_TURNS,
    SECOND,
    SSH_TURNS,
    conversation,
    dns_answer,
    dns_over,
    dns_question,
    pcap,
    write_pcap,
)
from tests.engine.packets import udp
from tests.loading.recorder import Recorder, load


def said(recorder: Recorder) -> list[tuple[Any, ...]]:
    return [
        (flow["src"], flow["sport"], flow["dport"], flow["app"], flow["tier"], flow["port_verdict"])
        for flow in recorder.flow_list
    ]


@pytest.fixture
def mixed() -> list[bytes]:
    """Four conversations, one after the other."""
    return [
        *conversation(SSH_TURNS, sport=22),
        *conversation(HTTP_TURNS, sport=40001, port=443),
        *conversation(HTTP_TURNS, sport=40002, port=80),
        *dns_over(53),
    ]


def test_source_port_22_does_not_excuse_ssh_on_41414(tmp_path: Path) -> None:
    capture = write_pcap(tmp_path / "a.pcap", conversation(SSH_TURNS, sport=22, port=41414))
    (flow,) = load([capture], tmp_path).flow_list
    assert (flow["app"], flow["tier"], flow["server_port"], flow["port_verdict"]) == ("ssh", "A", 41414, "mismatch")


@pytest.mark.parametrize("port", [41414, 443, 53, 80, 25])
def test_ssh_is_ssh_on_any_port_and_fits_none_of_them(tmp_path: Path, port: int) -> None:
    (flow,) = load([write_pcap(tmp_path / "a.pcap", conversation(SSH_TURNS, port=port))], tmp_path).flow_list
    assert (flow["app"], flow["tier"], flow["port_verdict"]) == ("ssh", "A", "mismatch")


def test_every_flow_is_named_and_judged(tmp_path: Path, mixed: list[bytes]) -> None:
    recorder = load([write_pcap(tmp_path / "a.pcap", mixed)], tmp_path)
    assert said(recorder) == [
        ("10.0.0.1", 22, 41414, "ssh", "A", "mismatch"),
        ("10.0.0.1", 40001, 443, "http", "A", "mismatch"),
        ("10.0.0.1", 40002, 80, "http", "A", "standard"),
        ("10.0.0.1", 50000, 53, "dns", "A", "standard"),
    ]
    assert {finding.rule for finding in recorder.found.values()} == {"PPM-07", "PPM-11"}


def test_evidence_shows_the_very_bytes_of_the_capture(tmp_path: Path, mixed: list[bytes]) -> None:
    recorder = load([write_pcap(tmp_path / "a.pcap", mixed)], tmp_path)
    rows = [row for finding in recorder.found.values() for row in finding.evidence]
    assert rows
    for row in rows:
        frame = mixed[row.packet - 1]
        assert frame[row.offset : row.offset + len(row.data)] == row.data


def test_findings_mark_their_flows(tmp_path: Path, mixed: list[bytes]) -> None:
    recorder = load([write_pcap(tmp_path / "a.pcap", mixed)], tmp_path)
    assert set(recorder.marked) == {1, 2}


def test_packet_columns_lead_back_to_the_frames(tmp_path: Path, mixed: list[bytes]) -> None:
    capture = write_pcap(tmp_path / "a.pcap", mixed)
    block = load([capture], tmp_path).blocks[0]
    data = capture.read_bytes()
    read = [data[at : at + n] for at, n in zip(block["offset"].tolist(), block["caplen"].tolist(), strict=True)]
    assert read == mixed
    assert np.unique(block["flow"]).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("seed", range(3))
def test_flows_interleaved_with_others_get_the_same_names(tmp_path: Path, mixed: list[bytes], seed: int) -> None:
    alone = said(load([write_pcap(tmp_path / "a.pcap", mixed)], tmp_path))
    chance = random.Random(seed)
    parts = [mixed[:8], mixed[8:16], mixed[16:24], mixed[24:]]
    woven: list[bytes] = []
    while any(parts):
        woven.append(chance.choice([part for part in parts if part]).pop(0))
    close_by = [i * 1_000_000 for i in range(len(woven))]  # or the last ACK would come after the flow's end
    together = said(load([write_pcap(tmp_path / "b.pcap", woven, close_by)], tmp_path))
    assert sorted(together) == sorted(alone)


def test_a_capture_split_over_files_says_the_same(tmp_path: Path, mixed: list[bytes]) -> None:
    times = [i * 10_000_000 for i in range(len(mixed))]
    whole = load([write_pcap(tmp_path / "a.pcap", mixed, times)], tmp_path)
    one = write_pcap(tmp_path / "1.pcap", mixed[:10], times[:10])
    two = write_pcap(tmp_path / "2.pcap", mixed[10:], times[10:])
    assert said(load([two, one], tmp_path)) == said(whole)


def test_a_compressed_capture_says_the_same(tmp_path: Path, mixed: list[bytes]) -> None:
    plain = load([write_pcap(tmp_path / "a.pcap", mixed)], tmp_path)
    packed = tmp_path / "a.pcap.gz"
    packed.write_bytes(gzip.compress(pcap(mixed)))
    assert said(load([packed], tmp_path / "work")) == said(plain)


def test_findings_have_the_same_ids_in_every_load(tmp_path: Path, mixed: list[bytes]) -> None:
    capture = write_pcap(tmp_path / "a.pcap", mixed)
    first, second = load([capture], tmp_path), load([capture], tmp_path, LiveRecorder())
    assert list(first.found) == list(second.found)


class LiveRecorder(Recorder):
    """Wants what is still open, at once."""

    def __init__(self) -> None:
        super().__init__(wants_open=True)


def test_open_flows_are_shown_before_they_end_and_end_as_without_it(
    tmp_path: Path, mixed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "FIRST_TICK", 0.0)
    monkeypatch.setattr(pipeline, "TICK", 0.0)
    capture = write_pcap(tmp_path / "a.pcap", mixed)
    live = load([capture], tmp_path, LiveRecorder())
    assert set(live.while_open) == {1, 2, 3, 4}
    assert said(live) == said(load([capture], tmp_path))


def test_with_little_memory_flows_are_named_early_and_say_so(tmp_path: Path) -> None:
    # each takes 6 blocks of 256 bytes; the arena has 327,680 of them at least, and seven tenths are the mark
    frames = [udp("10.0.0.1", 1024 + i % 60000, f"10.1.{i // 60000}.2", 53, bytes(1400)) for i in range(60_000)]
    capture = write_pcap(tmp_path / "a.pcap", frames, [i * 1000 for i in range(len(frames))])
    seen: list[Any] = []
    recorder = load([capture], tmp_path, settings=LoadSettings(head_memory=1), on_progress=seen.append)
    early = sum(bool(notes & NOTE_EARLY) for notes in recorder.notes.values())
    assert 0 < early < 60_000
    assert [each.count for each in seen[-1].omissions if "by fewer bytes" in each.reason] == [early]
    assert len(recorder.final) == 60_000


def test_a_load_that_is_stopped_hands_over_what_was_read(tmp_path: Path) -> None:
    frames = [frame for port in range(3000) for frame in conversation(SSH_TURNS, sport=10_000 + port)]
    capture = write_pcap(tmp_path / "a.pcap", frames, [i * 1000 for i in range(len(frames))])
    asked = iter([False, True])
    recorder = load([capture], tmp_path, stop=lambda: next(asked, True))
    assert recorder.whole is False  # type: ignore[attr-defined]
    assert 0 < len(recorder.final) < 3000
    assert {flow["app"] for flow in recorder.flow_list[:100]} == {"ssh"}


def test_progress_ends_at_the_whole_file(tmp_path: Path, mixed: list[bytes]) -> None:
    capture = write_pcap(tmp_path / "a.pcap", mixed)
    told = []
    load(
        [capture],
        tmp_path,
        on_progress=lambda progress: told.append((progress.bytes, progress.total, progress.packets)),
    )
    size = capture.stat().st_size
    assert told[-1] == (size, size, len(mixed))


class Broken(BaseDetector):
    """Fails at the first batch."""

    name = "broken"
    title = "fails"
    needs = frozenset({"flows"})

    def on_flows(self, batch: Any) -> Any:
        raise RuntimeError("no reason")


def test_a_broken_detector_does_not_stop_the_others(tmp_path: Path, mixed: list[bytes]) -> None:
    from detectors.port_mismatch import PortMismatch

    recorder = load([write_pcap(tmp_path / "a.pcap", mixed)], tmp_path, detectors=[Broken, PortMismatch])
    assert [error.detector for error in recorder.errors] == ["broken"]
    assert {finding.rule for finding in recorder.found.values()} == {"PPM-07", "PPM-11"}


def test_timeouts_are_settings(tmp_path: Path) -> None:
    frames, times = dns_over(53) * 2, [0, SECOND, 40 * SECOND, 41 * SECOND]
    capture = write_pcap(tmp_path / "a.pcap", frames, times)
    assert len(load([capture], tmp_path).flow_list) == 1
    assert len(load([capture], tmp_path, settings=LoadSettings(udp_timeout=30)).flow_list) == 2


def test_the_side_that_answers_is_the_server_also_when_it_was_seen_first(tmp_path: Path) -> None:
    question, answer = dns_over(5300)
    (flow,) = load([write_pcap(tmp_path / "a.pcap", [answer, question])], tmp_path).flow_list
    assert (flow["server_port"], flow["app"], flow["port_verdict"]) == (5300, "dns", "alternate")


def test_a_capture_without_packets_says_nothing_and_fails_nothing(tmp_path: Path) -> None:
    recorder = load([write_pcap(tmp_path / "a.pcap", [])], tmp_path)
    assert (recorder.flow_list, recorder.found, recorder.blocks) == ([], {}, {})


def test_the_place_of_a_reassembled_payload_is_that_in_its_datagram(tmp_path: Path) -> None:
    question = udp("10.0.0.1", 50000, "203.0.113.53", 41414, dns_question(b"\x3fx" + b"x" * 62 + b"\x00"))
    header, body = question[14:34], question[34:]
    first = question[:14] + header[:6] + b"\x20\x00" + header[8:] + body[:40]
    second = question[:14] + header[:6] + b"\x00\x05" + header[8:] + body[40:]
    frames = [first[:16] + bytes([0, 60]) + first[18:], second[:16] + bytes([0, 20 + len(body) - 40]) + second[18:]]
    answer = dns_answer(b"\x3fx" + b"x" * 62 + b"\x00")
    frames.append(udp("203.0.113.53", 41414, "10.0.0.1", 50000, answer))
    recorder = load([write_pcap(tmp_path / "a.pcap", frames)], tmp_path)
    (flow,) = recorder.flow_list
    assert (flow["app"], flow["tier"], flow["port_verdict"]) == ("dns", "A", "mismatch")
    (finding,) = [found for found in recorder.found.values() if found.detector == "port-mismatch"]
    (row,) = [row for row in finding.evidence if row.train and row.offset == 8]
    assert body[8 : 8 + len(row.data)] == row.data


def test_a_name_that_is_at_home_on_anothers_port_still_has_evidence(tmp_path: Path) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
    turns = [("c", preface), ("s", bytes([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]))]
    frames = conversation(turns, port=443)
    recorder = load([write_pcap(tmp_path / "a.pcap", frames)], tmp_path)
    (finding,) = recorder.found.values()
    assert finding.rule == "PPM-07"
    (row,) = [row for row in finding.evidence if row.side == 0][:1]
    assert frames[row.packet - 1][row.offset : row.offset + 14] == b"PRI * HTTP/2.0"
