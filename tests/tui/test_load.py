"""A loader process is watched: its progress, its end, its complaints; it can be stopped."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tui.data.load import Live, Load, Progress, parse_progress
from tui.theme import DEFAULT_LOOK
from tui.widgets.line import paint
from tui.widgets.load_line import load_line

if TYPE_CHECKING:
    from pathlib import Path


def run(script: str, tmp_path: Path, replace_old: bool = False) -> Load:
    return Load(tmp_path / "c.oddport", ["a.pcap"], replace_old, command=(sys.executable, "-c", script))


def heard(load: Load) -> None:
    """Until the loader has said something."""
    end = time.monotonic() + 20
    while load.progress == Progress() and time.monotonic() < end:
        time.sleep(0.01)


def test_each_line_is_progress_and_the_last_one_says_how_it_ended(tmp_path: Path) -> None:
    lines = [
        {"state": "loading", "bytes": 50, "total": 100, "packets": 5, "flows": 2, "findings": 1, "seconds": 1.0},
        {"state": "done", "bytes": 100, "total": 100, "packets": 9, "flows": 4, "findings": 2, "seconds": 2.0},
    ]
    script = f"print({json.dumps(lines[0])!r}, flush=True); input(); print({json.dumps(lines[1])!r}, flush=True)"
    load = run(script, tmp_path)
    heard(load)
    assert (load.progress.state, load.progress.bytes, load.progress.flows) == ("loading", 50, 2)
    assert load.progress.seconds_left == 1.0
    assert load._process.stdin is not None
    load._process.stdin.write("\n")
    load._process.stdin.flush()
    load.wait(20)
    assert (load.progress.state, load.progress.bytes, load.progress.flows) == ("done", 100, 4)
    assert not load.running


def test_the_case_and_the_captures_are_given_to_the_loader(tmp_path: Path) -> None:
    load = run("import sys; sys.exit(' '.join(sys.argv[1:]))", tmp_path, replace_old=True)
    load.wait(20)
    assert f"--case {tmp_path / 'c.oddport'} --replace -- a.pcap" in load.progress.message


def test_a_loader_that_dies_is_a_sentence_with_its_last_words(tmp_path: Path) -> None:
    load = run(
        "import sys; print('oops', file=sys.stderr); print('the disk is full.', file=sys.stderr); sys.exit(3)", tmp_path
    )
    load.wait(20)
    assert load.progress.state == "failed"
    assert load.progress.message == "The load stopped. the disk is full. What was read is kept."
    assert load.errors == ("oops", "the disk is full.")


def test_a_loader_that_is_killed_says_by_which_signal(tmp_path: Path) -> None:
    load = run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    load.wait(20)
    assert "It was ended by signal 9." in load.progress.message


def test_a_loader_that_breaks_says_that_this_is_a_bug(tmp_path: Path) -> None:
    load = run("1 / 0", tmp_path)
    load.wait(20)
    assert "This is a bug in oddport: ZeroDivisionError: division by zero." in load.progress.message


def test_a_failure_that_the_loader_tells_itself_is_shown_as_it_is(tmp_path: Path) -> None:
    load = run('print(\'{"state": "failed", "message": "No such capture: a.pcap."}\'); raise SystemExit(2)', tmp_path)
    load.wait(20)
    assert (load.progress.state, load.progress.message) == ("failed", "No such capture: a.pcap.")


def test_a_loader_that_is_stopped_is_stopped_not_failed(tmp_path: Path) -> None:
    load = run('import time; print(\'{"state": "loading", "bytes": 7}\', flush=True); time.sleep(60)', tmp_path)
    heard(load)
    load.stop()
    load.wait(20)
    assert (load.progress.state, load.progress.bytes) == ("stopped", 7)


def test_a_loader_that_does_not_listen_is_killed_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.data.load.STOP_SECONDS", 0.3)
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('[]'); print('{\"bytes\": 1}', flush=True);"
        " time.sleep(60)"
    )
    load = run(script, tmp_path)
    heard(load)
    load.end()
    assert not load.running


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[1, 2]", "null", '{"bytes": -5, "total": "x", "seconds": "y", "state": 7, "flows": true}']
)
def test_a_line_that_is_no_progress_changes_nothing_that_matters(text: str) -> None:
    before = Progress("loading", 10, 100, 1, 2, 3, 4.0)
    after = parse_progress(text, before)
    assert (after.state, after.bytes, after.flows, after.seconds) == ("loading", 10, 2, 4.0)


def shown(progress: Progress, width: int = 80) -> str:
    return paint(load_line(progress, width), width, DEFAULT_LOOK).text


def test_the_line_of_a_load_has_bar_per_cent_bytes_rate_and_what_is_left() -> None:
    text = shown(Progress("loading", 157_000_000, 412_000_000, 0, 0, 0, 4.13))
    assert text.split() == ["38", "%", "157", "of", "412", "MB", "38", "MB/s", "about", "7", "s", "left", "x", "cancel"]


def test_a_pipe_has_no_bar_and_nothing_left() -> None:
    text = shown(Progress("loading", 157_000_000, None, 0, 0, 0, 4.13))
    assert text.split() == ["157", "MB", "read", "38", "MB/s", "x", "cancel"]


def test_a_load_that_ends_soon_has_only_its_bar() -> None:
    assert "left" not in shown(Progress("loading", 400, 412, 0, 0, 0, 1.0))
    assert shown(Progress()).split() == ["opening", "the", "capture", "x", "cancel"]


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_line_of_a_load_is_whole_at_any_width(width: int) -> None:
    text = shown(Progress("loading", 1_000_000_000, 1_202_387_471, 0, 0, 0, 300.0), width)
    assert "…" not in text
    assert len(text) == width


def told(live: Live, width: int = 80) -> str:
    """The row of a capture that runs for twelve minutes."""
    progress = Progress("loading", packets=9, seconds=761.4, live=live)
    return "".join(segment.text for segment in paint(load_line(progress, width), width, DEFAULT_LOOK)).rstrip()


def test_the_row_of_an_interface_tells_rates_and_drops_and_how_it_is_captured() -> None:
    live = Live("tcpdump, as you", True, 0, 0, packet_rate=4_812.4, byte_rate=3_900_000)
    row = told(live)
    assert row.startswith(" live  12 min 41 s  4,812/s  drops 0  31.2 Mbit/s  tcpdump, as you ")
    assert row.endswith("x stop")
    assert "tcpdump" not in told(live, 60)
    assert "drops 7" in told(Live("tcpdump, as you", True, 5, 2))
    assert "drops told at the end" in told(Live("dumpcap, as you", False))
    assert "drops not known yet" in told(Live("tcpdump, as you", True))
    assert "Trying again." in told(Live("tcpdump, as you", problem="tcpdump ended: it went down. Trying again."))


def test_what_the_loader_says_of_an_interface_is_taken_in_and_rates_are_made_of_it(tmp_path: Path) -> None:
    live = {"how": "tcpdump, as you", "tells_drops": True, "kernel_drops": 3, "interface_drops": None, "problem": ""}
    lines = [
        {"state": "loading", "bytes": 1_000 * at, "packets": 10 * at, "seconds": float(at), "live": live}
        for at in range(6)
    ]
    load = run(f"for line in {[json.dumps(line) for line in lines]!r}: print(line)\ninput()", tmp_path)
    end = time.monotonic() + 20
    while load.progress.packets < 50 and time.monotonic() < end:
        time.sleep(0.01)
    got = load.progress.live
    assert got == Live("tcpdump, as you", True, 3, None, "", 10.0, 1_000.0, history=(10,) * 5)
    load.end()
