"""A pair of virtual interfaces in a network namespace, a replayed capture on it, and a loader that captures: for
benchmarks of live traffic. Needs root, unshare, ip and tcpreplay."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEAR, FAR = "oddport-a", "oddport-b"
INSIDE = "ODDPORT_WIRE"
"""Set in the environment of the process that runs in the namespace."""


def enter_namespace() -> None:
    """Start this program again in a network namespace of its own, with NEAR and FAR tied together; back only inside."""
    missing = [tool for tool in ("unshare", "ip", "tcpreplay", "tcpdump") if shutil.which(tool) is None]
    if missing or os.geteuid():
        sys.exit(f"This needs root{''.join(f', {tool}' for tool in missing)}.")
    if os.environ.get(INSIDE):
        for words in (
            f"link add {NEAR} mtu 65535 type veth peer name {FAR} mtu 65535",
            "link set lo up",
            f"link set {NEAR} up",
            f"link set {FAR} up",
        ):
            subprocess.run(["ip", *words.split()], check=True)
        return
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])


def replay(capture: Path, rate: int, seconds: float) -> "subprocess.Popen[str]":
    """tcpreplay of a capture, from its beginning again where it is over, at packets a second, for so long."""
    return subprocess.Popen(
        ["tcpreplay", "-q", "-i", NEAR, f"--pps={rate}", "--loop=0", f"--duration={round(seconds)}", str(capture)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def sent_by(replaying: "subprocess.Popen[str]") -> tuple[int, float]:
    """(packets, seconds) of a replay that is over."""
    said = replaying.communicate()[0]
    found = re.search(r"Actual: (\d+) packets .* sent in ([\d.]+) seconds", said)
    if found is None:
        sys.exit(f"tcpreplay did not say what it sent: {said}")
    return int(found[1]), float(found[2])


class Loader:
    """`python -m oddport.loading --live FAR` into a case; `said` is its last line of progress."""

    def __init__(self, case: Path, *options: str) -> None:
        self.said: dict[str, object] = {}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "oddport.loading", "--case", str(case), "--live", FAR, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self.ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self.ready.wait(30):
            sys.exit("The loader did not begin within 30 seconds.")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said = json.loads(line)
            if self.said["state"] == "failed":
                sys.exit(str(self.said["message"]))
            live = self.said["live"]
            if isinstance(live, dict) and live["kernel_drops"] is not None:
                self.ready.set()  # tcpdump has answered, so it captures

    def number(self, name: str) -> int:
        """A count of its last line."""
        value = self.said.get(name)
        return value if isinstance(value, int) else 0

    def drops(self) -> tuple[int, int]:
        """(dropped by the kernel, by the interface)."""
        live = self.said["live"]
        assert isinstance(live, dict)
        return live["kernel_drops"] or 0, live["interface_drops"] or 0

    def stop(self) -> None:
        """Let it read what it holds, and end."""
        self.process.terminate()
        self.process.wait(120)
        self._reader.join()
