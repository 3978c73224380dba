"""Live traffic in a real terminal: real programs in a network namespace, findings while they talk, and a whole case."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from oddport.case.filter import compile_filter
from oddport.case.reader import CaseReader
from tests.tui.test_terminal import ROOT, Terminal, terminals

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["terminals"]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(
        not all(shutil.which(tool) for tool in ("tmux", "tcpdump", "unshare", "openssl")),
        reason="needs tmux, tcpdump, unshare and openssl",
    ),
]
PEERS = """
import pathlib, socket, subprocess, threading, time

def serve():
    server = socket.create_server(("127.0.0.1", 443))
    pathlib.Path("listening").touch()
    peer = server.accept()[0]
    peer.sendall(b"SSH-2.0-OpenSSH_9.2\\r\\n")
    peer.recv(99)
    pathlib.Path("talked").touch()
    time.sleep(300)

threading.Thread(target=serve, daemon=True).start()
while not pathlib.Path("go").exists():
    time.sleep(0.05)
subprocess.run("echo | openssl s_client -connect 127.0.0.1:8088", shell=True, capture_output=True)
with socket.create_connection(("127.0.0.1", 443)) as peer:
    peer.recv(99)
    peer.sendall(b"SSH-2.0-client\\r\\n")
    time.sleep(300)
"""
SCRIPT = """
ip link set lo up
cd '{folder}'
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=host 2>/dev/null
openssl s_server -accept 8088 -key key.pem -cert cert.pem -www >/dev/null 2>&1 </dev/null &
{python} peers.py >/dev/null 2>&1 </dev/null &
until [ -e listening ]; do sleep 0.1; done
{python} -m oddport live lo --case live.oddport
"""


def test_traffic_is_judged_as_it_comes_and_the_case_equals_a_scan_of_the_ring(
    terminals: list[Terminal], tmp_path: Path
) -> None:
    (tmp_path / "peers.py").write_text(PEERS)
    script = tmp_path / "live.sh"
    script.write_text(SCRIPT.format(folder=tmp_path, python=sys.executable))
    command = ["unshare", "--net", "--pid", "--fork", "--kill-child", "sh", str(script)]
    terminal = Terminal(f"oddport-test-{os.getpid()}-live", 80, 24, "screen-256color", command, LC_ALL="C.UTF-8")
    terminals.append(terminal)
    terminal.until("drops 0")
    (tmp_path / "go").touch()
    picture = terminal.until("SSH on 443/tcp")  # this connection stays open
    assert "Provisional" in picture
    terminal.until("TLS on 8088/tcp")
    terminal.keys("v")
    terminal.until("confirmed")
    terminal.keys("c", "Enter")
    time.sleep(0.5)
    terminal.keys("x")
    terminal.until("1 of 2 reviewed")
    terminal.keys("q")
    terminal.until("ended 0")
    (ring,) = tmp_path.glob("live.oddport.unpacked/live-*/*.pcap")
    scanned = subprocess.run(
        [sys.executable, "-m", "oddport", "scan", "--format", "ndjson", str(ring)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    records = [json.loads(row) for row in scanned.stdout.splitlines()]
    expected = {each["id"]: each["score"] for each in records if each["type"] == "finding"}
    with CaseReader.open(tmp_path / "live.oddport") as reader:
        assert reader.load_state().state == "done"
        found = {uid: reader.finding_by_uid(uid) for uid in expected}
        assert {uid: row.score for uid, row in found.items() if row is not None} == expected
        assert sum(reader.counts().findings) == len(expected) == 2
        assert reader.counts().reviewed == 1
        where = compile_filter('proc == "python"', "flows")
        rows = [reader.flow(number) for number in reader.query_ids("flows", where.sql, where.params)]
        (ssh,) = [row for row in rows if row is not None and row.dport == 443]
        assert [owner.side for owner in ssh.owners] == [0, 1]
        assert all(owner.path == os.path.realpath(sys.executable) for owner in ssh.owners)
