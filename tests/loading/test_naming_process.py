"""Naming in another process: the same names, the same order, and what happens when the process fails."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from oddport.engine.first_bytes import unpacked
from oddport.loading.naming_process import NamingError, NamingProcess
from oddport.loading.pipeline import LoadSettings
from oddport.protocols.answers import Answers, answers
from oddport.protocols.registry import app_names
from tests.captures import HTTP_TURNS, SSH_TURNS, conversation, dns_over, write_pcap
from tests.engine.packets import Bench
from tests.loading.recorder import Recorder, load

HERE, THERE = LoadSettings(process_after=1 << 62), LoadSettings(process_after=0)


@pytest.fixture
def process() -> NamingProcess:
    return NamingProcess()


def columns(found: Answers) -> list[object]:
    return [*(column.tolist() for column in found[:5]), found.more]


def everything(recorder: Recorder) -> list[object]:
    return [recorder.flow_list, recorder.found, recorder.marked]


def long_capture(path: Path) -> Path:
    """Three batches of packets; conversations begin in one of them and end in another."""
    frames: list[bytes] = []
    for number in range(450):
        turns = (SSH_TURNS, HTTP_TURNS)[number % 2]
        frames += conversation(turns, sport=20_000 + number, port=(22, 80, 443, 8080)[number % 4])
        frames += dns_over(53, sport=30_000 + number) if number % 3 else dns_over(5300, sport=30_000 + number)
    frames *= 5
    return write_pcap(path, frames, [at * 1_000_000 for at in range(len(frames))])


def test_the_other_process_gives_the_same_columns(process: NamingProcess) -> None:
    bench = Bench().feed([*conversation(SSH_TURNS), *dns_over(53), *conversation(HTTP_TURNS, sport=40_009)])
    bench.table.end_all()
    taken = bench.table.take()
    before = [-1] * len(taken.slots)
    assert process.ready(wait=True)
    process.ask(taken.first, before)
    found = process.answer()
    process.close()
    assert {"ssh", "http", "dns"} == {app_names()[app] for app in found.app.tolist()}
    assert columns(found) == columns(answers(taken.first, before))


def test_a_load_says_the_same_wherever_flows_are_named(tmp_path: Path) -> None:
    capture = long_capture(tmp_path / "a.pcap")
    here, there = (load([capture], tmp_path, settings=settings) for settings in (HERE, THERE))
    assert len(here.flow_list) >= 900
    assert len(here.found) > 0
    assert everything(here) == everything(there)


def test_what_is_shown_while_it_loads_ends_the_same_wherever_flows_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oddport.loading.pipeline.FIRST_TICK", 0.0)
    monkeypatch.setattr("oddport.loading.pipeline.TICK", 0.0)
    capture = long_capture(tmp_path / "a.pcap")
    here = load([capture], tmp_path, settings=HERE)
    shown = load([capture], tmp_path, Recorder(wants_open=True), settings=THERE)
    assert everything(shown) == everything(here)


def test_a_failure_in_the_other_process_is_told_with_its_traceback(process: NamingProcess) -> None:
    assert process.ready(wait=True)
    process.ask(unpacked((b"\x06", bytes(8), b"\0", bytes(8), b"")), [-1])  # says that there is a flow, and has none
    with pytest.raises(NamingError, match="failed:\nTraceback"):
        process.answer()
    process.close()


def test_a_process_that_was_killed_is_missed(process: NamingProcess) -> None:
    assert process.ready(wait=True)
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(NamingError, match="is gone, with status -9"):
        process.answer()
    process.close()


def test_closing_does_not_wait_for_an_answer(process: NamingProcess) -> None:
    assert process.ready(wait=True)
    size = 1 << 20
    empty = unpacked((bytes(size), bytes(8 * size), bytes(size), np.zeros(2 * size + 1, np.int64).tobytes(), b""))
    process.ask(empty, [-1] * size)
    process.close()
    assert process.status == -signal.SIGKILL
