"""The compiled engine and the same files as plain Python say the same of every capture, byte for byte."""

import json
import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from oddport.engine import is_compiled
from tests.captures import HTTP_TURNS, SSH_TURNS, conversation, dns_answer, dns_over, write_pcap
from tests.engine.packets import udp
from tests.engine.wrapping import TUNNELS, gre, vxlan, wrapped

ROOT = Path(__file__).parents[2]
DEMOS = sorted((ROOT / "demo_pcaps").glob("*.pcap*"))
ETHERNET, IPV4 = 14, 20
pytestmark = pytest.mark.skipif(not is_compiled(), reason="the engine is not compiled here: there is one build only")


def scanned(folder: Path, engine: str) -> bytes:
    """What `scan` prints of every capture in the folder."""
    done = subprocess.run(
        [sys.executable, "-m", "oddport", "scan", "--each", "--format", "ndjson", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ODDPORT_ENGINE": engine},
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def fragmented(frame: bytes, size: int, number: int) -> list[bytes]:
    """An Ethernet frame with plain IPv4 as fragments of `size` bytes (a multiple of 8)."""
    data = frame[ETHERNET + IPV4 :]
    parts = []
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        more = 0x2000 if at + size < len(data) else 0
        header = bytearray(frame[ETHERNET : ETHERNET + IPV4])
        header[2:4] = struct.pack(">H", IPV4 + len(piece))
        header[4:8] = struct.pack(">HH", number, more | at // 8)
        parts.append(frame[:ETHERNET] + bytes(header) + piece)
    return parts


def hand_made(folder: Path) -> None:
    """Captures with names, mismatches, fragments (in order, out of order, overlapping) and damage."""
    dice = random.Random(1571)
    flows = [
        *conversation(SSH_TURNS),
        *conversation(HTTP_TURNS, sport=40001, port=443),
        *conversation([("c", dice.randbytes(700)), ("s", dice.randbytes(1400))], sport=40002, port=53),
        *dns_over(53),
        *dns_over(8053, sport=50001),
        *[frame for wrapper in TUNNELS.values() for frame in wrapped(dns_over(53), wrapper, gre, vxlan)],
    ]
    write_pcap(folder / "flows.pcap", flows)
    answer = udp("203.0.113.53", 53, "10.0.0.1", 50000, dns_answer() + b"\0" * 1200)
    trains = [fragmented(answer, size, number) for number, size in enumerate((512, 256, 64, 8), 1)]
    mixed = [part for train in trains for part in train]
    dice.shuffle(mixed)
    twice = trains[0] + [trains[0][1][:60] + b"\xff" * (len(trains[0][1]) - 60)]
    write_pcap(folder / "fragments.pcap", [*mixed, *twice])
    broken = []
    for frame in [*flows, *mixed] * 3:
        bad = bytearray(frame[: dice.randrange(1, len(frame) + 1)])
        for _ in range(dice.randrange(4)):
            bad[dice.randrange(len(bad))] = dice.randrange(256)
        broken.append(bytes(bad))
    write_pcap(folder / "broken.pcap", broken)


def test_both_builds_print_the_same_of_hand_made_captures(tmp_path: Path) -> None:
    hand_made(tmp_path)
    compiled = scanned(tmp_path, "")
    kinds = {json.loads(line)["type"] for line in compiled.splitlines()}
    assert kinds == {"capture", "flow", "fragment_train", "finding"}
    assert scanned(tmp_path, "python") == compiled


@pytest.mark.skipif(not DEMOS, reason="there are no demo captures in demo_pcaps/")
def test_both_builds_print_the_same_of_the_demo_captures() -> None:
    compiled = scanned(ROOT / "demo_pcaps", "")
    assert sum(json.loads(line)["type"] == "capture" for line in compiled.splitlines()) == len(DEMOS)
    assert scanned(ROOT / "demo_pcaps", "python") == compiled


def test_the_setting_really_runs_the_plain_files() -> None:
    code = "import oddport.engine.flows as flows; print(flows.__file__.endswith('.py'))"
    for engine, said in (("", "False"), ("python", "True")):
        env = {**os.environ, "PYTHONPATH": str(ROOT), "ODDPORT_ENGINE": engine}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == said
