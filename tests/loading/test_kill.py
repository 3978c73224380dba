"""`oddport load` killed at any moment leaves a case that opens and says how far it got; loading again completes it."""

import signal
import time
from pathlib import Path

import pytest

from tests.loading.killing import (
    CONVERSATIONS,
    MOMENTS,
    Content,
    check_complete,
    check_cut_off,
    ended_as,
    load,
    loaded,
    moment_in,
    start,
    wait_for,
    write_capture,
)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kill") / "conversations.pcap"
    write_capture(path)
    assert 25e6 < path.stat().st_size < 40e6
    return path


@pytest.fixture(scope="module")
def undisturbed(capture: Path) -> tuple[Content, float]:
    whole, took = loaded(capture)
    assert len(whole["flow"]) == CONVERSATIONS
    assert {row[-1] for row in whole["flow"]} == {"http", "ssh", "dns"}
    assert whole["finding"]
    return whole, took


@pytest.mark.xdist_group("kill")
@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_killed_load_opens_says_how_far_it_got_and_completes(
    capture: Path, undisturbed: tuple[Content, float], tmp_path: Path, moment: int
) -> None:
    whole, took = undisturbed
    case = tmp_path / "killed.oddport"
    process = start(capture, case)
    wait_for(case, process)
    time.sleep(moment_in(took, moment))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert case.exists()
    check_cut_off(case, whole, ("empty", "interrupted", "done"))
    if ended_as(case) != "done":
        load(capture, case)
    check_complete(case, whole)
