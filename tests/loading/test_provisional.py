"""Traffic that goes on: what is named and judged before flows are over, and what is left of it in the end."""

from pathlib import Path
from typing import Any

import pytest

from oddport.capture.stream import FileStream
from oddport.engine.columns import BATCH
from oddport.loading import pipeline
from oddport.loading.pipeline import LoadSettings
from oddport.protocols.model import PortVerdict
from tests.captures import HTTP_TURNS, SSH_TURNS, conversation, write_pcap
from tests.engine.packets import udp
from tests.loading.recorder import Recorder, load
from tests.loading.test_channels import CONTROL, FILE, PORT

DEMOS = sorted((Path(__file__).parents[2] / "demo_pcaps").glob("*.pcap*"))
LIVE = LoadSettings(provisional=True)


class Watching(Recorder):
    """Notes after which packet each finding was there."""

    def __init__(self) -> None:
        super().__init__(wants_open=True)
        self.history: list[tuple[set[str], set[str]]] = []

    def findings(self, changed: list[Any], gone: list[str]) -> None:
        super().findings(changed, gone)
        self.history.append(({finding.rule for finding in changed}, set(self.found)))


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packets come a few at a time, and what is known is handed over after each."""
    monkeypatch.setattr(pipeline, "FIRST_TICK", 0.0)
    monkeypatch.setattr(pipeline, "TICK", 0.0)
    monkeypatch.setattr(pipeline, "TICK_SHARE", 0)


def parts(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """At most so many packets in a batch of a single file."""
    honest = FileStream.next_rows
    monkeypatch.setattr(FileStream, "next_rows", lambda self, limit: honest(self, min(limit, rows)))


@pytest.mark.usefixtures("slowly")
@pytest.mark.parametrize("demo", DEMOS, ids=lambda path: path.stem)
def test_in_the_end_everything_is_as_if_it_had_been_read_at_once(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = load([demo], tmp_path)
    parts(monkeypatch, 7 if demo.stat().st_size < 200_000 else 200)
    found = load([demo], tmp_path, Watching(), LIVE)
    assert found.found == expected.found
    assert found.flow_list == expected.flow_list
    assert found.marked == expected.marked


@pytest.mark.usefixtures("slowly")
def test_a_flow_is_named_and_judged_while_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = conversation(SSH_TURNS, port=443)
    parts(monkeypatch, 1)
    sink = Watching()
    load([write_pcap(tmp_path / "a.pcap", frames[:-3])], tmp_path, sink, LIVE)
    before_the_end = sink.history[:-1]
    assert any(uids for _, uids in before_the_end)
    assert sink.while_open[1]["app"] == "ssh"
    assert sink.while_open[1]["port_verdict"] == PortVerdict.MISMATCH.name.lower()
    (uid,) = sink.found
    assert before_the_end[-1][1] == {uid}, "what was said before the end holds, under the same name"


@pytest.mark.usefixtures("slowly")
def test_an_announced_channel_is_named_while_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [udp("10.0.0.7", 40_000, "10.0.0.8", 40_001, b"x")] * BATCH  # so that the announcement was taken in
    frames = [*conversation(CONTROL, port=21)[:-3], *before, *conversation(FILE, sport=40_001, port=PORT)[:-3]]
    parts(monkeypatch, 1_024)
    sink = Watching()
    load([write_pcap(tmp_path / "a.pcap", frames)], tmp_path, sink, LIVE)
    assert [each["app"] for each in sink.while_open.values()].count("ftp-data") == 1


@pytest.mark.usefixtures("slowly")
def test_only_flows_that_moved_are_handed_over_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[list[int]] = []

    class Noting(Watching):
        def flows(self, batch: Any, is_open: bool) -> None:
            super().flows(batch, is_open)
            if is_open:
                handed.append(batch.flows["id"].tolist())

    parts(monkeypatch, 2)
    frames = [udp("10.0.0.1", 1_000 + port, "10.0.0.2", 53, b"x") for port in (1, 2, 3, 1)]
    load([write_pcap(tmp_path / "a.pcap", frames)], tmp_path, Noting(), LIVE)
    assert handed == [[1, 2], [1, 3]]


@pytest.mark.usefixtures("slowly")
def test_what_more_bytes_disprove_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first words of a client alone may look like what the answer then shows to be something else."""
    frames = conversation([("c", b"SSH-2.0-x\r\n"), *HTTP_TURNS], port=8081)
    parts(monkeypatch, 1)
    sink = Watching()
    load([write_pcap(tmp_path / "a.pcap", frames)], tmp_path, sink, LIVE)
    expected = load([tmp_path / "a.pcap"], tmp_path)
    assert set(sink.found) == set(expected.found)


def test_nothing_provisional_is_said_where_nobody_asked_for_it(tmp_path: Path) -> None:
    sink = Watching()
    load([write_pcap(tmp_path / "a.pcap", conversation(SSH_TURNS, port=443))], tmp_path, sink)
    assert len(sink.history) == 1
