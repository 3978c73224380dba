"""A flow without a name says why: cut, one-sided, begun before the capture, with lost segments."""

import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from oddport.capture import open_capture
from oddport.case.reader import CaseReader
from oddport.case.words import REASONS, why_unnamed
from oddport.engine.columns import NOTE_CUT, NOTE_EARLY, NOTE_GAP_O, NOTE_GAP_R, NOTE_MIDSTREAM, NOTE_ONE_SIDED
from oddport.loading.into_case import into_case
from tests.captures import conversation
from tests.engine.packets import udp

NOISE = [("c", bytes(range(7, 207))), ("s", bytes(range(250, 50, -1)))]
SNAPLEN = 96


def capture(path: Path, frames: Sequence[bytes], snaplen: int = 262_144) -> Path:
    """A capture whose packets are cut at `snaplen`, as its header says."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, 1)]
    for second, frame in enumerate(frames):
        kept = frame[:snaplen]
        out.append(struct.pack("<IIII", second, 0, len(kept), len(frame)) + kept)
    path.write_bytes(b"".join(out))
    return path


def scanned(path: Path) -> dict[str, Any]:
    """The flow that `scan` prints of a capture with one."""
    command = [sys.executable, "-m", "oddport", "scan", "--format", "ndjson", str(path)]
    done = subprocess.run(command, capture_output=True, check=True)
    (flow,) = [record for record in map(json.loads, done.stdout.splitlines()) if record["type"] == "flow"]
    return flow  # type: ignore[no-any-return]


WHOLE = conversation(NOISE)
PARTS: dict[str, tuple[list[bytes], int, list[str]]] = {
    "whole": (WHOLE, 262_144, ["not recognised"]),
    "no data": (conversation([]), 262_144, ["no payload"]),
    "cut": (WHOLE, SNAPLEN, ["cut at 96 bytes"]),
    "one side": ([frame for frame in WHOLE if frame[26:30] == WHOLE[0][26:30]], 262_144, ["one-sided"]),
    "begun before": (WHOLE[3:], 262_144, ["starts mid-stream"]),
    "lost": (
        [*WHOLE[:3], *conversation([("c", bytes(100)), ("c", b"z" * 100), *NOISE[1:]])[4:]], 262_144, ["lost segments"],
    ),
    "one side, begun before and cut": (WHOLE[3:4], SNAPLEN, ["one-sided", "starts mid-stream", "cut at 96 bytes"]),
    "datagrams": ([udp("10.0.0.1", 5000, "10.0.0.2", 41414, bytes(range(100)))], 262_144, ["one-sided"]),
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_scan_and_case_say_why_there_is_no_name(tmp_path: Path, part: str) -> None:
    frames, snaplen, reasons = PARTS[part]
    path = capture(tmp_path / "a.pcap", frames, snaplen)
    flow = scanned(path)
    assert (flow["app"], flow["unnamed"]) == (None, reasons)
    into_case(
        open_capture([str(path)], workdir=tmp_path), tmp_path / "a.oddport", [], lambda: False, lambda progress: None
    )
    with CaseReader.open(tmp_path / "a.oddport") as case:
        row = case.flow(1)
        assert row is not None
        assert list(row.unnamed) == reasons


def test_what_has_a_name_has_no_reason(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcap", conversation([("s", b"SSH-2.0-OpenSSH_9.6\r\n")]), SNAPLEN)
    assert scanned(path)["unnamed"] is None


def test_the_reasons_go_by_the_bits_of_the_engine() -> None:
    gap = NOTE_GAP_O | NOTE_GAP_R
    assert [bits for bits, _ in REASONS] == [NOTE_ONE_SIDED, NOTE_MIDSTREAM, NOTE_CUT, gap, NOTE_EARLY]


def test_a_snap_length_that_cuts_nothing_is_not_blamed() -> None:
    assert why_unnamed(4, 1, 262_144) == why_unnamed(4, 1, 65_535) == why_unnamed(4, 1, 0) == ("cut",)
    assert why_unnamed(32, 1, 0) == ("memory ran short",)
