"""Two network namespaces with a cable between them → commands that run at either end, and what the cable carried.

The office is where the clients are, the world is everything that they talk to. The cable is a veth pair whose offloads
are off, so that a capture shows frames of at most an MTU with the checksums that a wire would carry. Nothing leaves the
two namespaces; both go away with the block that made them.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

OFFICE_LINK, WORLD_LINK = "office0", "world0"
OFFICE_MAC, WORLD_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
"""Locally administered (IEEE 802, bit 1 of the first byte): no maker's."""
SETTLE = 0.4
"""Seconds until tcpdump captures, and until it has written what came last."""
PATIENCE = 15.0
"""Seconds that a client's command, or the start of a server, may take."""
NOISE = "not arp and not icmp6 and not ip6 multicast"
"""Neighbour discovery between the two ends of the cable is left out: it would show nothing but the cable."""


class RecordingError(Exception):
    """Why a scene could not be recorded, as a sentence for a person."""


def program(name: str) -> str | None:
    """Where a program lies; the folders of the administrator count too."""
    return shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")


def run(*words: str) -> None:
    """A command that must work. Raises RecordingError with what it said."""
    try:
        subprocess.run(words, check=True, capture_output=True, timeout=PATIENCE)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip() or f"exit status {error.returncode}"
        raise RecordingError(f"`{' '.join(words)}` failed: {said}") from error


@dataclass(frozen=True, slots=True)
class Network:
    """The two ends, by the names of their namespaces."""

    office: str
    world: str

    def client(self, *words: str, data: bytes = b"", timeout: float = PATIENCE) -> bytes:
        """Run a command in the office to its end; gives what it printed.

        What the peer answers is the scene's business, so that the exit status does not matter; nor does the clock, where
        a client has no end of its own.
        """
        command = ["ip", "netns", "exec", self.office, *words]
        try:
            return subprocess.run(command, input=data, capture_output=True, timeout=timeout, check=False).stdout
        except subprocess.TimeoutExpired as late:
            return late.stdout or b""

    @contextlib.contextmanager
    def server(self, at: str, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A command that runs in the world meanwhile, from the moment on at which it listens at `at` (`192.0.2.53:53`).

        Raises RecordingError if it never does.
        """
        command = ["ip", "netns", "exec", self.world, *words]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        try:
            self._until(at, process)
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            _wait(process)

    def _until(self, at: str, process: "subprocess.Popen[bytes]") -> None:
        """Wait until somebody listens there."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if at in self.listening():
                return
            if process.poll() is not None:
                said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
                raise RecordingError(f"The server for {at} ended before it listened: {said or 'it said nothing'}.")
            time.sleep(0.05)
        raise RecordingError(f"The server for {at} does not listen after {PATIENCE:.0f} s.")

    def listening(self) -> set[str]:
        """Where somebody in the world listens, as `address:port`, IPv6 in brackets."""
        said = subprocess.run(
            ["ip", "netns", "exec", self.world, "ss", "-Hltun"], capture_output=True, text=True, check=True
        )
        return {line.split()[4] for line in said.stdout.splitlines()}

    @contextlib.contextmanager
    def recorded(self, target: Path) -> Iterator[None]:
        """Write what the cable carries to `target` (pcap, nanoseconds)."""
        dump = subprocess.Popen(
            ["ip", "netns", "exec", self.world, "tcpdump", "-i", WORLD_LINK, "--immediate-mode", "-U", "-s", "0", "-Z", "root",
             "--time-stamp-precision=nano", "-w", str(target), NOISE],
            stderr=subprocess.PIPE,
        )  # fmt: skip
        time.sleep(SETTLE)
        if dump.poll() is not None:
            said = dump.stderr.read().decode(errors="replace").strip() if dump.stderr else ""
            raise RecordingError(f"tcpdump did not start: {said}")
        try:
            yield
            time.sleep(SETTLE)
        finally:
            dump.send_signal(signal.SIGINT)
            _wait(dump)


def _wait(process: "subprocess.Popen[bytes]") -> None:
    """Until it has ended, by force if it does not listen."""
    try:
        process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def network(office: Sequence[str], world: Sequence[str]) -> Iterator[Network]:
    """Two namespaces that have these addresses. Raises RecordingError."""
    names = Network(f"oddport-office-{os.getpid()}", f"oddport-world-{os.getpid()}")
    ends = ((names.office, OFFICE_LINK, office, world), (names.world, WORLD_LINK, world, office))
    made: list[str] = []
    try:
        for name, *_ in ends:
            run("ip", "netns", "add", name)
            made.append(name)
        run("ip", "link", "add", OFFICE_LINK, "netns", names.office, "address", OFFICE_MAC, "type", "veth",
            "peer", "name", WORLD_LINK, "netns", names.world, "address", WORLD_MAC)  # fmt: skip
        for name, link, own, others in ends:
            _bring_up(name, link, own, others)
        yield names
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _bring_up(name: str, link: str, own: Sequence[str], others: Sequence[str]) -> None:
    """Give one end its addresses, and the way to those of the other one."""
    inside = ("ip", "netns", "exec", name)
    run(*inside, "ethtool", "-K", link, "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off")
    run("ip", "-n", name, "link", "set", "lo", "up")
    run("ip", "-n", name, "link", "set", link, "up")
    for address in own:
        if ip_address(address).version == 6:
            run("ip", "-n", name, "address", "add", f"{address}/128", "dev", link, "nodad")
        else:
            run("ip", "-n", name, "address", "add", f"{address}/32", "dev", link)
    for address in others:
        run("ip", "-n", name, "route", "add", address, "dev", link)
