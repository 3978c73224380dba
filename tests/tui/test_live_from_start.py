"""From the choice of an interface to the end of its capture, in a real terminal and a network of its own."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from oddport.case.reader import CaseReader
from tests.tui.test_terminal import Terminal, terminals

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["terminals"]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(
        not all(shutil.which(tool) for tool in ("tmux", "tcpdump", "unshare", "ip")),
        reason="needs tmux, tcpdump, unshare and ip",
    ),
]
SENDER = """
import socket, time

sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(100_000):
    sender.sendto(b"left out by the filter", ("127.0.0.1", 9))
    sender.sendto(b"number %d" % number, ("127.0.0.1", 10_000 + number % 50_000))
    time.sleep(0.1)
"""
SCRIPT = """
ip link set lo up
cd '{folder}'
{python} sender.py >/dev/null 2>&1 </dev/null &
ODDPORT_DATA='{folder}/data' {python} -m oddport
"""
MOST_INTERFACES = 12


def test_an_interface_is_chosen_filtered_followed_and_stopped(terminals: list[Terminal], tmp_path: Path) -> None:
    (tmp_path / "sender.py").write_text(SENDER)
    script = tmp_path / "live.sh"
    script.write_text(SCRIPT.format(folder=tmp_path, python=sys.executable))
    command = ["unshare", "--net", "--pid", "--fork", "--kill-child", "sh", str(script)]
    terminal = Terminal(f"oddport-test-{os.getpid()}-begin", 80, 24, "screen-256color", command, LC_ALL="C.UTF-8")
    terminals.append(terminal)
    terminal.until("No cases yet.")
    terminal.keys("l")
    terminal.until("127.0.0.1")
    for _ in range(MOST_INTERFACES):
        if terminal.picture().splitlines()[21].startswith(" lo "):
            break
        terminal.keys("j")
    terminal.until("tcpdump, opened as root")
    terminal.keys("/")
    terminal.until("pcap-filter(7)")
    terminal.keys("not pot 9", "Enter")
    terminal.until("is no capture filter")
    terminal.keys("C-u")
    terminal.until("It is checked before")
    terminal.keys("not port 9", "Enter")
    terminal.until("Capture filter  not port 9")
    terminal.keys("Enter")
    terminal.until("drops 0")
    terminal.keys("2")
    terminal.until("following")
    listed = [row for row in terminal.until("10060").splitlines()[3:-3] if row.strip()]
    assert listed[-1].startswith("▌")
    terminal.keys("k")
    terminal.until("paused")
    terminal.keys("8")
    page = terminal.until("tcpdump, opened as root")
    assert "not port 9" in page
    assert "started again 0 times" in page
    terminal.until("1 file of 20")
    terminal.keys("x")
    terminal.until("The capture is over: ")
    terminal.keys("1")
    terminal.until("Nothing odd found")
    terminal.keys("q", "q", "q")
    terminal.until("lo, live")
    terminal.keys("q")
    terminal.until("ended 0")
    (case,) = (tmp_path / "data").glob("lo-*.oddport")
    with CaseReader.open(case) as reader:
        assert reader.load_state().state == "done"
        assert [file.path for file in reader.files()] == ["live:lo"]
        numbers = range(1, reader.counts().flows + 1)
        ports = {flow.dport for number in numbers if (flow := reader.flow(number)) is not None and flow.proto == "udp"}
        assert 9 not in ports
        assert 10_060 in ports
        (packet, *_) = reader.packets_of_flow(1)
        assert reader.packet_bytes(packet)[12:14] == b"\x08\x00"  # IPv4, by Ethernet
