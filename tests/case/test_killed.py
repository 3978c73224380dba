"""A loader that is killed at any moment leaves a case that opens, says how far it got, and can be loaded again."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oddport.case.errors import CaseNotReady
from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter
from tests.case.build import finding, flows, put_flows

LOADER = """
import sys
import numpy as np
from oddport.case.writer import CaseWriter
from oddport.engine.columns import BLOCK, FLOW
from tests.case.build import File, Interface, finding, packets, put_flows, train, waiting
from pathlib import Path

path = Path(sys.argv[1])
print("go", flush=True)
writer = CaseWriter.resume(path) if path.exists() else CaseWriter.create(path)
writer.begin_load(10**9)
writer.put_files([File()], [Interface()])
for block in range(400):
    n = 3_000
    rows = np.zeros(n, FLOW)
    rows["id"] = np.arange(n) + 1 + n * block
    rows["version"] = 4
    rows["first_packet"] = block * BLOCK
    writer.put_packets(packets(BLOCK, flow=np.resize(rows["id"], BLOCK)), block * BLOCK, BLOCK, {0: block * BLOCK + 1})
    put_flows(writer, rows, ["tls"] * n, np.full(n, 3), np.full(n, 5), np.full(n, 443))
    writer.put_findings([finding(f"u{block}-{i}", flow=n * block + 1) for i in range(20)])
    writer.put_trains(waiting(train(block + 1)))
    writer.progress(bytes_read=block, packets=block * BLOCK, flows=n * block)
writer.finish_load()
"""
ROOT = Path(__file__).parents[2]


def start(path: Path) -> "subprocess.Popen[str]":
    loader = subprocess.Popen(
        [sys.executable, "-c", LOADER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert loader.stdout is not None
    assert loader.stdout.readline() == "go\n"
    return loader


def kill(loader: "subprocess.Popen[str]") -> None:
    loader.send_signal(signal.SIGKILL)
    loader.wait()
    assert loader.stdout is not None
    loader.stdout.close()


def look_through(path: Path) -> None:
    """Opens, is whole, and tells how far the load got."""
    try:
        reader = CaseReader.open(path)
    except CaseNotReady:
        return  # killed before the first table
    with reader:
        assert reader.load_state().state in ("empty", "interrupted")
        ids = reader.query_ids("flows")
        assert len(ids) == reader.counts().flows
        for row in reader.rows("findings", reader.query_ids("findings")[-20:], ["uid", "id"]):
            assert row is not None
            assert len(reader.evidence(row[1])) == 2  # a finding is never there without its evidence
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()


@pytest.mark.parametrize("moment", range(10))
def test_a_killed_load_leaves_a_case_that_opens_and_completes(tmp_path: Path, moment: int) -> None:
    rng = random.Random(moment)
    path = tmp_path / "a.oddport"
    for _ in range(2):  # the second one is killed while it clears up after the first, or later
        loader = start(path)
        time.sleep(rng.choice([0.0, 0.003, 0.01, 0.05]) + rng.random() * rng.choice([0.02, 0.5]))
        kill(loader)
        if path.exists():
            look_through(path)
    with CaseWriter.resume(path) if path.exists() else CaseWriter.create(path) as again:
        again.begin_load(1)
        put_flows(again, flows({"src": "10.0.0.1"}), ["tls"], [3], [5], [443])
        again.put_findings([finding("u0-0")])
        again.finish_load()
    with CaseReader.open(path) as reader:
        assert reader.load_state().state == "done"
        assert list(reader.query_ids("flows")) == [1]
        assert len(reader.query_ids("findings")) == 1
        assert reader.packet(0) is None
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()


def test_readers_see_a_whole_state_at_every_moment_of_a_load(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    loader = start(path)
    try:
        deadline = time.monotonic() + 20
        reader = None
        while reader is None:
            assert time.monotonic() < deadline
            try:
                reader = CaseReader.open(path) if path.exists() else None
            except CaseNotReady:
                time.sleep(0.01)
        seen = -1
        pages = 0
        with reader:
            while pages < 25 and loader.poll() is None:
                ids = reader.query_ids("flows", after=seen if seen > 0 else None)
                assert list(ids) == sorted(ids)
                if len(ids):
                    seen = ids[-1]
                    assert seen % 3_000 == 0  # a put is seen whole or not at all
                    found = reader.packets_of_flow(seen, 0, 50)
                    assert {each.flow for each in found} == {seen}
                    # 65,536 packets over 3,000 flows in turn: the last flow has 21, the first 2,536 have 22
                    assert len(found) == 21
                    pages += 1
                assert reader.load_state().state in ("loading", "empty")
        assert pages == 25
    finally:
        kill(loader)
