"""Real and hostile captures, each folder in one process: nothing is lost or breaks; names and verdicts are right."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CORPORA = Path(os.environ.get("ODDPORT_CORPORA", ROOT.parent / "shared" / "corpora"))
MEMORY = 1_000_000_000
"""Bytes that one process may take for all captures."""
RIGHT, WRONG = 0.72, 0.005
"""Shares of the flows on which the reference tools agree: named as they do at least, named otherwise at most."""
RECALL, PRECISION, ALTERNATE_KEPT = 0.95, 0.90, 0.95
LONGEST = 900
"""Seconds for one folder, on a busy machine; alone it takes about one minute."""

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPORA.is_dir(), reason=f"no collection of captures at {CORPORA}"),
    pytest.mark.xdist_group("score"),
]


@dataclass(frozen=True, slots=True)
class Scanned:
    """What `scan --each` printed of a folder, and how it went."""

    output: Path
    status: int
    said: str
    memory: int
    """Largest resident set, in bytes."""

    def captures(self) -> dict[str, dict[str, Any]]:
        """The capture records, by file name."""
        with self.output.open(encoding="utf-8") as lines:
            found = [json.loads(line) for line in lines if line.startswith('{"type":"capture"')]
        assert len({Path(each["capture"]).name for each in found}) == len(found)
        return {Path(each["capture"]).name: each for each in found}


def scan(kind: str, output: Path) -> Scanned:
    """Run the command over one folder of the collection, as a process of its own."""
    errors = output.with_suffix(".err")
    command = [sys.executable, "-m", "oddport", "scan", "--each", "--format", "ndjson", str(CORPORA / kind)]
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            ["timeout", "--signal=KILL", str(LONGEST), *command],
            cwd=ROOT, stdout=out, stderr=err, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    kilobytes = usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss // 1024
    return Scanned(output, process.returncode, errors.read_text(encoding="utf-8"), kilobytes * 1024)


def sources(kind: str) -> dict[str, dict[str, str]]:
    """What the collection says of its captures, by file name."""
    with (CORPORA / kind / "SOURCES.tsv").open(encoding="utf-8", newline="") as lines:
        return {line["file"]: line for line in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)}


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    return scan("captures", tmp_path_factory.mktemp("captures") / "captures.ndjson")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    return scan("hostile", tmp_path_factory.mktemp("hostile") / "hostile.ndjson")


@pytest.fixture(scope="module")
def score(captures: Scanned) -> dict[str, Any]:
    """The figures of the collection's own scorer."""
    command = [sys.executable, str(CORPORA / "score.py"), str(CORPORA / "captures"), str(captures.output), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST)
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def test_one_process_analyses_every_real_capture(captures: Scanned) -> None:
    assert captures.status == 0, captures.said[-4000:]
    assert "Traceback" not in captures.said
    assert set(captures.captures()) == set(sources("captures"))


def test_every_capture_that_is_whole_has_as_many_packets_as_other_tools_count(captures: Scanned) -> None:
    found = captures.captures()
    counted = {name: int(line["packets"]) for name, line in sources("captures").items() if name in found}
    whole = [name for name in counted if not found[name]["truncated"]]
    assert len(whole) > 0.9 * len(counted)
    assert {name: found[name]["packets"] for name in whole} == {name: counted[name] for name in whole}


def test_no_detector_stops_on_a_real_capture(captures: Scanned) -> None:
    with captures.output.open(encoding="utf-8") as lines:
        assert [line for line in lines if line.startswith('{"type":"detector_error"')] == []


def test_real_captures_take_less_than_a_gigabyte(captures: Scanned) -> None:
    assert captures.memory < MEMORY


def test_hostile_captures_neither_crash_nor_hang(hostile: Scanned) -> None:
    assert hostile.status == 0, hostile.said[-4000:]
    assert "Traceback" not in hostile.said
    assert set(hostile.captures()) == set(sources("hostile"))


def test_hostile_captures_take_less_than_a_gigabyte(hostile: Scanned) -> None:
    assert hostile.memory < MEMORY


def test_hostile_bytes_never_reach_the_output_as_control_characters(hostile: Scanned) -> None:
    allowed = {0x0A}
    with hostile.output.open("rb") as lines:
        for line in lines:
            assert not {byte for byte in line if byte < 0x20 or byte == 0x7F} - allowed
            assert not [each for each in line.decode("utf-8").rstrip("\n") if not each.isprintable()]


def test_flows_are_named_as_the_reference_tools_agree(score: dict[str, Any]) -> None:
    identification = score["identification"]
    assert identification["right"] >= RIGHT
    assert identification["wrong"] <= WRONG


def test_ports_are_judged_as_the_collection_says(score: dict[str, Any]) -> None:
    verdicts = score["port_verdicts"]
    assert verdicts["recall"] >= RECALL
    assert verdicts["precision"] >= PRECISION
    assert verdicts["alternate_kept"] >= ALTERNATE_KEPT
