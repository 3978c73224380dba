"""Who may capture an interface, and the child that does: what it says, its end, and its new beginning."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oddport.capture import live
from oddport.capture.live.interfaces import HostInterface, host_interfaces, usual_interface
from oddport.capture.live.source import LiveSource
from oddport.capture.live.ways import LiveError, Way, choose, local_ways, remote_way, sentence_of
from oddport.capture.source import END, NOTHING_YET
from tests.capture.build import pcap, record

PATIENCE = 20.0
CAPTURING = Path(live.__file__).with_name("capturing.py")


def fake(tmp_path: Path, body: str) -> Way:
    """A capturing program that does as `body` says; `starts` counts how often it was started."""
    script = tmp_path / "child.py"
    script.write_text(
        "import os, sys, time, pathlib, signal\n"
        f"tally = pathlib.Path({str(tmp_path / 'starts')!r})\n"
        "starts = int(tally.read_text()) + 1 if tally.exists() else 1\n"
        "tally.write_text(str(starts))\n"
        "def give(data):\n    os.write(1, data)\n"
        f"HEADER = {pcap()!r}\nPACKET = {record()!r}\nOTHER = {pcap(link=101)!r}\n" + body
    )
    return Way("tcpdump", "veth0", (sys.executable, str(script)), "as you", True)


def drain(source: LiveSource, until: int | None = None) -> bytes:
    """Bytes until the end, or until there are so many."""
    view = memoryview(bytearray(1 << 16))
    found = b""
    began = time.monotonic()
    while until is None or len(found) < until:
        assert time.monotonic() - began < PATIENCE, f"nothing more came after {len(found)} bytes: {source.state}"
        count = source.read_into(view)
        if count == END:
            break
        if count != NOTHING_YET:
            found += bytes(view[:count])
    return found


@pytest.fixture
def stopping() -> list[bool]:
    """Set its only element to end the capture."""
    return [False]


def test_a_child_that_dies_is_started_again_and_its_packets_go_on_in_one_stream(
    tmp_path: Path, stopping: list[bool]
) -> None:
    way = fake(
        tmp_path,
        "give(HEADER[:10]); time.sleep(0.3); give(HEADER[10:] + PACKET)\n"
        "if starts == 1:\n    sys.exit('tcpdump: pcap_loop: The interface went down')\n"
        "time.sleep(60)\n",
    )
    source = LiveSource(way, lambda: stopping[0])
    first = drain(source, len(pcap([record()])))
    seen = set()
    began = time.monotonic()
    view = memoryview(bytearray(1 << 16))
    second = b""
    while len(second) < len(record()) and time.monotonic() - began < PATIENCE:
        count = source.read_into(view)
        seen.add(source.state.problem)
        second += bytes(view[: max(0, count)])
    assert (first, second) == (pcap([record()]), record())
    assert "tcpdump ended: pcap_loop: The interface went down. Trying again." in seen
    assert source.state.problem == ""
    assert source.state.starts == 2
    stopping[0] = True
    assert drain(source) == b""
    assert source.trouble is None
    source.close()


def test_what_the_child_holds_when_it_is_stopped_is_not_lost(tmp_path: Path, stopping: list[bool]) -> None:
    way = fake(
        tmp_path,
        "def end(*_):\n    give(PACKET); os._exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
        "give(HEADER)\ntime.sleep(60)\n",
    )
    source = LiveSource(way, lambda: stopping[0])
    assert drain(source, len(pcap())) == pcap()
    stopping[0] = True
    assert drain(source) == record()
    source.close()


def test_a_child_that_never_begins_says_why(tmp_path: Path) -> None:
    source = LiveSource(fake(tmp_path, "sys.exit('tcpdump: veth0: You do not have permission')\n"), lambda: False)
    assert drain(source) == b""
    assert source.trouble == "tcpdump ended: veth0: You do not have permission"
    source.close()


def test_another_link_type_after_a_new_start_ends_the_stream(tmp_path: Path) -> None:
    way = fake(tmp_path, "give(HEADER if starts == 1 else OTHER)\n")
    source = LiveSource(way, lambda: False)
    assert drain(source) == pcap()
    assert source.trouble is not None
    assert "another link type" in source.trouble
    source.close()


def test_the_childs_counts_of_drops_are_known_and_add_up_over_its_starts(tmp_path: Path, stopping: list[bool]) -> None:
    way = fake(
        tmp_path,
        "def tell(*_):\n    os.write(2, b'tcpdump: 9 packets captured, 12 packets received by filter, "
        "3 packets dropped by kernel, 1 packet dropped by interface\\n')\n"
        "signal.signal(signal.SIGUSR1, tell)\ngive(HEADER)\n"
        "until = time.monotonic() + 2.5\n"
        "while time.monotonic() < until or starts > 1:\n    time.sleep(0.1)\n",
    )
    source = LiveSource(way, lambda: stopping[0])
    view = memoryview(bytearray(1 << 16))
    began = time.monotonic()
    assert source.state.kernel_drops is None
    while source.state.kernel_drops != 6:
        assert time.monotonic() - began < PATIENCE, source.state
        source.read_into(view)
    assert source.state.interface_drops == 2
    assert source.state.starts == 2
    source.close()


def test_the_first_telling_line_of_a_program_is_its_sentence() -> None:
    said = (
        'Running as user "root" and group "root".\nCapturing on \'x\'\ntcpdump: x: No such device\x1b[2J exists\nmore'
    )
    assert sentence_of(said, "tcpdump") == "x: No such device?[2J exists."
    assert sentence_of("\n\n", "tcpdump") == ""


def test_the_usual_interface_is_up_and_reaches_beyond_its_link() -> None:
    loopback = HostInterface("lo", ("127.0.0.1",), True, True)
    down = HostInterface("eth1", ("10.0.0.1",), False, False)
    local = HostInterface("eth2", ("fe80::1",), True, False)
    wanted = HostInterface("eth3", ("192.0.2.7", "fe80::2"), True, False)
    assert usual_interface([loopback, down, local, wanted]) == wanted
    assert usual_interface([loopback, down]) is None


def test_the_systems_interfaces_are_all_listed() -> None:
    listed = {each.name: each for each in host_interfaces()}
    assert {name for _, name in socket.if_nameindex()} <= set(listed)
    assert listed["lo"].loopback


def test_an_interface_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(LiveError, match=r"no interface called nosuch0\. There are: .*lo"):
        choose("nosuch0")


def test_capturing_over_ssh_leaves_out_its_own_connection_and_quotes_what_it_passes_on() -> None:
    if shutil.which("ssh") is None:
        pytest.skip("needs ssh")
    way = remote_way("ssh://ann@host.example:2222/eth0", "port 80 or '$(id)'")
    *options, destination, script = way.command
    assert destination == "ann@host.example"
    assert options[-3:] == ["-p", "2222", "--"]
    shown = subprocess.run(
        ["sh", "-c", script.replace("exec tcpdump", "exec printf '%s|'")],
        env={**os.environ, "SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("|")
    assert shown[-2] == "(port 80 or '$(id)') and not (host 192.0.2.1 and tcp port 50000)"
    for bad in ("ssh://host", "ssh://-oProxyCommand=x/eth0", "ssh://host/eth0;id", "ssh://host:x/eth0"):
        with pytest.raises(LiveError, match="is not understood"):
            remote_way(bad)


@pytest.mark.netns
def test_real_programs_capture_in_a_namespace(tmp_path: Path) -> None:
    if os.geteuid() != 0 or not (shutil.which("tcpdump") and shutil.which("unshare")):
        pytest.skip("needs root, unshare and tcpdump")
    script = tmp_path / "look.py"
    script.write_text(
        "import socket, time\n"
        "from oddport.capture.live.source import LiveSource\n"
        "from oddport.capture.live.ways import LiveError, choose, local_ways\n"
        "way, _ = choose('lo', 'udp port 9')\n"
        "try:\n    choose('lo', 'prt 9')\n"
        "except LiveError as error:\n    print('refused:', 'prt 9' in str(error))\n"
        "stop = []\nsource = LiveSource(way, lambda: bool(stop))\n"
        "view = memoryview(bytearray(1 << 16))\nfound = b''\nbegan = time.monotonic()\nsent = False\n"
        "while True:\n"
        "    count = source.read_into(view)\n"
        "    if count == 0:\n        break\n"
        "    found += bytes(view[:max(0, count)])\n"
        "    if len(found) >= 24 and not sent:\n"
        "        sent = socket.socket(type=socket.SOCK_DGRAM).sendto(b'hello wire', ('127.0.0.1', 9))\n"
        "    if b'hello wire' in found and source.state.kernel_drops is not None or time.monotonic() - began > 15:\n"
        "        stop.append(1)\n"
        "print(way.tool, b'hello wire' in found, source.state.kernel_drops, source.trouble)\n"
    )
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", f"ip link set lo up && exec {sys.executable} {script}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == ["refused: True", "tcpdump True 0 None"], done.stderr


def test_programs_that_may_not_are_told_apart_with_what_would_help(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "tcpdump"
    tool.write_text("#!/bin/sh\necho 'tcpdump: veth0: permission denied' >&2; exit 1\n")
    tool.chmod(0o755)
    monkeypatch.setattr("oddport.capture.live.ways._search_path", lambda: str(tmp_path))
    way, refusals = local_ways("veth0")
    assert way is None
    assert [(each.tool, each.reason) for each in refusals[:2]] == [
        ("tcpdump", "veth0: permission denied."), ("dumpcap", "It is not installed."),
    ]  # fmt: skip
    assert [each.tool for each in refusals[2:]] == ["packet ring", "scapy"]
    assert all(each.reason.endswith(".") for each in refusals)
    assert str(tool) in refusals[0].fix


OWN = """
import pathlib, socket, sys, time
from oddport.capture.live import ways
from oddport.capture.live.source import LiveSource
wanted, said = sys.argv[1], ways._said_by
def refusing(command):
    ours = "scapy" if "--scapy" in command else "packet ring"
    known = "capturing.py" in str(command)
    return said(command) if known and ours == wanted else "It may not."
ways._said_by = refusing
way, refusals = ways.choose("lo", "udp port 9" if wanted == "packet ring" else "")
stop = []
source = LiveSource(way, lambda: bool(stop))
pid = source._child.pid
view, found, sent = memoryview(bytearray(1 << 16)), b"", False
began = time.monotonic()
while (count := source.read_into(view)) != 0:
    found += bytes(view[:max(0, count)])
    if len(found) >= 24 and not sent:
        sent = True
        for port in (10, 9):
            socket.socket(type=socket.SOCK_DGRAM).sendto(b"to %d" % port, ("127.0.0.1", port))
    told = source.state.kernel_drops is not None or not way.tells_drops
    if b"to 9" in found and told and not stop or time.monotonic() - began > 15:
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        stop.append(1)
times = found.count(b"to 9") if wanted == "packet ring" else 0
print(way.tool, [each.tool for each in refusals], times, b"to 10" in found, source.trouble)
print(status["Uid"].split()[1] != "0", int(status["CapPrm"], 16), source.state.kernel_drops)
"""


@pytest.mark.netns
@pytest.mark.parametrize(
    ("tool", "refused"),
    [("packet ring", ["tcpdump", "dumpcap"]), ("scapy", ["tcpdump", "dumpcap", "packet ring"])],
)
def test_our_own_program_captures_where_no_other_may_and_gives_up_its_rights(
    tmp_path: Path, tool: str, refused: list[str]
) -> None:
    if os.geteuid() != 0 or not (shutil.which("tcpdump") and shutil.which("dumpcap") and shutil.which("unshare")):
        pytest.skip("needs root, unshare, tcpdump and dumpcap")
    script = tmp_path / "own.py"
    script.write_text(OWN)
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", f"ip link set lo up && exec {sys.executable} {script} '{tool}'"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    filtered = tool == "packet ring"
    assert done.stdout.splitlines() == [
        f"{tool} {refused} {int(filtered)} {not filtered} None",
        f"True 0 {0 if filtered else None}",
    ], done.stderr


@pytest.mark.netns
def test_the_ring_of_our_own_stops_while_packets_go_on_coming(tmp_path: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root and unshare")
    script = tmp_path / "stop.py"
    script.write_text(
        "import signal, socket, subprocess, sys, threading, time\n"
        "end = threading.Event()\n"
        "def send():\n"
        "    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:\n"
        "        while not end.is_set():\n"
        "            out.sendto(b'x' * 100, ('127.0.0.1', 9))\n"
        "            time.sleep(0.001)\n"
        "threading.Thread(target=send, daemon=True).start()\n"
        f"child = subprocess.Popen([sys.executable, '-I', {str(CAPTURING)!r}, 'lo'], stdout=subprocess.PIPE)\n"
        "child.stdout.read(2_000)\n"
        "child.send_signal(signal.SIGTERM)\n"
        "began = time.monotonic()\n"
        "rest = child.stdout.read()\n"
        "print(child.wait(), len(rest) > 0, time.monotonic() - began < 3)\n"
        "end.set()\n"
    )
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", f"ip link set lo up && exec {sys.executable} {script}"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["0", "True", "True"], done.stderr
