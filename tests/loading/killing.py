"""A capture that takes a while to load, what a case of it holds, and how the load went: for tests that kill it."""

import os
import random
import sqlite3
import struct
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from oddport.case.errors import CaseNotReady
from oddport.case.reader import CaseReader
from tests.captures import HTTP_TURNS, SSH_TURNS, conversation, dns_over

ROOT = Path(__file__).parents[2]
CONVERSATIONS = 2_200
"""Of 15 packets and 14 kB each: a capture of about 30 MB."""
MOMENTS = 10
TABLES = {
    "file": "SELECT path, format, size, digest, packets, bytes, first_ns, last_ns, truncated, warnings FROM file",
    "interface": "SELECT * FROM interface",
    "flow": "SELECT flow.*, app.name FROM flow LEFT JOIN app ON app.id = flow.app ORDER BY flow.id",
    "packet_block": "SELECT * FROM packet_block ORDER BY first",
    "flow_block": "SELECT * FROM flow_block ORDER BY flow, block",
    "finding": "SELECT * FROM finding ORDER BY uid",
    "evidence": "SELECT finding.uid, evidence.* FROM evidence JOIN finding ON finding.id = evidence.finding "
    "ORDER BY finding.uid, packet, offset, says",
    "finding_technique": "SELECT finding.uid, technique, relation, reason FROM finding_technique "
    "JOIN finding ON finding.id = finding_technique.finding ORDER BY finding.uid, technique",
}
Content = dict[str, list[tuple[Any, ...]]]
LOCAL = {"finding": {"id"}, "evidence": {"id", "finding"}, "flow": {"app"}}
"""Columns that hold row ids, which mean nothing beyond one case."""


def write_capture(path: Path) -> None:
    """Conversations of one host with many servers, one after the other; every tenth is SSH or DNS on a wrong port."""
    template = conversation([*HTTP_TURNS, *[("s", bytes([number]) * 1_400) for number in range(10)]], port=80)
    ssh, dns = conversation(SSH_TURNS), dns_over(8053)
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1))
        clock = 0
        for number in range(CONVERSATIONS):
            frames = template if number % 10 else ssh if number % 20 else dns
            server = bytes([203, 0, number >> 8, number & 255])
            for frame in frames:
                # another server for each conversation; the addresses lie at 26 and 30 of the frame
                from_client = frame[26] == 10
                moved = frame[:30] + server + frame[34:] if from_client else frame[:26] + server + frame[30:]
                file.write(struct.pack("<IIII", clock // 1000, clock % 1000 * 10**6, len(moved), len(moved)) + moved)
                clock += 1


def start(capture: Path, case: Path) -> "subprocess.Popen[bytes]":
    """Begin to load."""
    return subprocess.Popen(
        [sys.executable, "-m", "oddport", "load", str(capture), "--case", str(case)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for(case: Path, process: "subprocess.Popen[bytes]") -> None:
    """Until the loader has made the case, or has ended."""
    while not case.exists() and process.poll() is None:
        time.sleep(0.001)


def load(capture: Path, case: Path) -> float:
    """Load undisturbed; seconds from the moment that the case is there."""
    process = start(capture, case)
    wait_for(case, process)
    began = time.monotonic()
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (0, b""), err.decode()
    return time.monotonic() - began


def content(case: Path) -> Content:
    """Everything of a case that does not depend on when and how often it was loaded."""
    with closing(sqlite3.connect(f"file:{case}?mode=ro", uri=True)) as connection:
        found = {}
        for table, question in TABLES.items():
            cursor = connection.execute(question)
            kept = [i for i, column in enumerate(cursor.description) if column[0] not in LOCAL.get(table, ())]
            found[table] = [tuple(row[i] for i in kept) for row in cursor]
    return found


def integrity(case: Path) -> str:
    """SQLite's own word for the file."""
    with closing(sqlite3.connect(case)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def loaded(capture: Path) -> tuple[Content, float]:
    """The content of a case that was loaded in one go, and the seconds that its loader worked on it."""
    took = []
    for number in range(3):
        case = capture.with_name(f"undisturbed-{number}.oddport")
        took.append(load(capture, case))
    return content(case), min(took)


def moment_in(took: float, moment: int) -> float:
    """Seconds to wait: one moment in each tenth of the time, so that start, middle and end are all met."""
    return took * (moment + random.Random(moment).random()) / MOMENTS


def check_cut_off(case: Path, whole: Content, states: tuple[str, ...]) -> None:
    """The case opens, is whole by SQLite's own word, and says how far its load got, which ended in one of `states`."""
    with suppress(CaseNotReady), CaseReader.open(case) as reader:  # it may have died before its first commit
        state = reader.load_state()
        packets = sum(row[2] for row in whole["packet_block"])
        assert state.state in states
        assert 0 <= state.packets <= packets
        assert reader.counts().flows <= len(whole["flow"])
        assert state.state != "done" or state.packets == packets
    assert integrity(case) == "ok"


def check_complete(case: Path, whole: Content) -> None:
    """The case holds what one that was loaded in one go holds."""
    assert ended_as(case) == "done"
    assert integrity(case) == "ok"
    again = content(case)
    assert {name: len(rows) for name, rows in again.items()} == {name: len(rows) for name, rows in whole.items()}
    assert again == whole


def ended_as(case: Path) -> str:
    """How the latest load ended, as a reader is told."""
    try:
        with CaseReader.open(case) as reader:
            return reader.load_state().state
    except CaseNotReady:
        return "empty"
