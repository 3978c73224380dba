"""An interface → the program that reads it for us, or for each program why not and what would allow it.

Nothing here captures and nothing here asks for rights: a program that has them is started as a child, and writes
classic pcap to a pipe. tcpdump goes first, since it tells while it runs how many packets the kernel dropped, and drops
its rights; then dumpcap; then, where neither may, our own program (capturing.py) with a ring of Linux, or with scapy.
"""

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from oddport.capture.live.interfaces import host_interfaces

ANY: Final = "any"
"""All interfaces at once, where the system can (Linux)."""
REMOTE: Final = "ssh://"
"""How the name of an interface of another machine begins."""
PROBE_SECONDS: Final = 5.0
"""What a program gets to say whether it may open an interface."""
KERNEL_BUFFER_KIB: Final = 32 << 10
"""What the kernel keeps for the capturing child: a second at 250 Mbit/s."""
RING, SCAPY = "packet ring", "scapy"
"""Our own program, as a tool."""
SCAPY_RATE: Final = 2_000
"""Packets a second that scapy's sniffer receives without loss."""
_SAID: Final = 200
"""Characters of what a program says that are passed on."""


class LiveError(Exception):
    """Traffic cannot be captured as asked; the message is a sentence or several for the person."""


@dataclass(frozen=True, slots=True)
class Way:
    """A child that captures: what it is called with, and as whom it runs."""

    tool: str
    interface: str
    """As it was named: eth0, or ssh://host/eth0."""
    command: tuple[str, ...]
    account: str
    """As the words after the tool's name: "as you", "opened as root, goes on as nobody"."""
    tells_drops: bool
    """It answers a signal with its counts."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A program that cannot capture here."""

    tool: str
    reason: str
    """A sentence."""
    fix: str
    """A command that would allow it, or empty."""


def local_ways(interface: str) -> tuple[Way | None, list[Refusal]]:
    """The first program that may read the interface, and why those before it may not."""
    refusals = []
    for tool, make in (("tcpdump", _tcpdump), ("dumpcap", _dumpcap)):
        path = shutil.which(tool, path=_search_path())
        if path is None:
            refusals.append(Refusal(tool, "It is not installed.", _install(tool)))
            continue
        trouble = _said_by((path, "-i", interface, "-L"))
        if trouble is None:
            return make(path, interface), refusals
        refusals.append(Refusal(tool, trouble, _grant(tool, path)))
    for tool, own in ((RING, _ring), (SCAPY, _scapy)):
        way = own(tool, interface)
        trouble = "It is there on Linux only." if way is None else _said_by((*way.command, "--check"))
        if way is not None and trouble is None:
            return way, refusals
        refusals.append(Refusal(tool, trouble or "", ""))
    return None, refusals


def choose(interface: str, capture_filter: str = "") -> tuple[Way, list[Refusal]]:
    """The way to capture `interface` (a name, or ssh://[user@]host[:port]/name) with a filter (pcap-filter(7)).

    Raises LiveError: no program may, the filter is not one, or the address is not understood.
    """
    if interface.startswith(REMOTE):
        return remote_way(interface, capture_filter), []
    names = [each.name for each in host_interfaces()]
    if interface not in names and interface != ANY:
        raise LiveError(f"There is no interface called {_shown(interface)}. There are: {', '.join(names)}.")
    way, refusals = local_ways(interface)
    if way is None:
        lines = [f"{refusal.tool}: {refusal.reason}" for refusal in refusals]
        fixes = [refusal.fix for refusal in refusals if refusal.fix]
        advice = f" This would allow it: {fixes[0]}" if fixes else ""
        raise LiveError(f"{interface} cannot be captured. {' '.join(lines)}{advice}")
    if capture_filter:
        check_filter(way, capture_filter)
        way = _filtered(way, capture_filter)
    return way, refusals


def check_filter(way: Way, capture_filter: str) -> None:
    """Let the program translate the filter for its interface; LiveError, with what it says, where it cannot."""
    path = way.command[0]
    if way.tool == RING:
        return  # translated, and so checked, by the one who adds it
    if way.tool == SCAPY:
        said = _said_by((*way.command, "--filter", capture_filter, "--check"))
    elif way.tool == "dumpcap":
        said = _said_by((path, "-i", way.interface, "-d", "-f", capture_filter))
    else:
        said = _said_by((path, "-i", way.interface, "-d", "--", capture_filter))
    if said is not None:
        raise _no_filter(capture_filter, said)


def _no_filter(capture_filter: str, said: str) -> LiveError:
    return LiveError(f"“{_shown(capture_filter)}” is no capture filter: {said} The language is that of pcap-filter(7).")


LINKS: Final = {"65534": "RAW", "512": "PPP"}
"""ARPHRD_ number of an interface whose frames are not of Ethernet → what tcpdump calls them."""


def _translated(capture_filter: str, interface: str) -> str:
    """The filter as the kernel wants it, for frames of the interface; LiveError where tcpdump refuses or is missing."""
    path = shutil.which("tcpdump", path=_search_path())
    if path is None:
        raise LiveError(f"A capture filter needs tcpdump, which translates it. {_install('tcpdump')}".rstrip())
    try:
        kind = (Path("/sys/class/net") / interface / "type").read_text(encoding="ascii").strip()
        done = subprocess.run(
            (path, "-y", LINKS.get(kind, "EN10MB"), "-ddd", "--", capture_filter), stdin=subprocess.DEVNULL,
            capture_output=True, timeout=PROBE_SECONDS, check=False, encoding="utf-8", errors="replace",
            env=_plain_environment(),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LiveError(f"The capture filter could not be translated for {_shown(interface)}: {error}.") from error
    if done.returncode:
        raise _no_filter(capture_filter, sentence_of(done.stderr, "tcpdump"))
    return ",".join(done.stdout.split("\n")).rstrip(",")


def remote_way(address: str, capture_filter: str = "") -> Way:
    """tcpdump on another machine over ssh, which must not ask for anything; LiveError where the address is none.

    The ssh connection itself is left out of what is captured, else each packet would make another one.
    """
    parts = urlsplit(address)
    interface = parts.path.strip("/")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if not parts.hostname or not re.fullmatch(r"[\w.:-]+", interface) or port == -1 or parts.hostname.startswith("-"):
        raise LiveError(f"{_shown(address)} is not understood. Write ssh://user@host/eth0, or ssh://host:2222/eth0.")
    ssh = shutil.which("ssh")
    if ssh is None:
        raise LiveError(f"Capturing over ssh needs ssh, which is not installed. {_install('openssh-client')}".rstrip())
    wanted = f"({capture_filter}) and " if capture_filter else ""
    ours = "not (host ${1:-0.0.0.0} and tcp port ${2:-0})"
    script = (
        "set -- $SSH_CONNECTION; "
        f'exec tcpdump -i {shlex.quote(interface)} -U -w - -s 0 -- {shlex.quote(wanted)}"{ours}"'
    )
    user = f"{parts.username}@" if parts.username else ""
    command = (
        ssh, "-T", "-o", "BatchMode=yes", *(("-p", str(port)) if port else ()), "--", f"{user}{parts.hostname}", script,
    )  # fmt: skip
    return Way("tcpdump over ssh", address, command, f"as {parts.username or 'your account'} there", False)


def _tcpdump(path: str, interface: str) -> Way:
    command = [
        path, "-i", interface, "-n", "-U", "-w", "-", "-s", "0", "-B", str(KERNEL_BUFFER_KIB),
        "--time-stamp-precision=nano",
    ]  # fmt: skip
    account = "as you"
    if os.geteuid() == 0:
        command += ["-Z", _ordinary_user()]
        account = f"opened as root, goes on as {_ordinary_user()}"
    return Way("tcpdump", interface, tuple(command), account, True)


def _ordinary_user() -> str:
    """As whom a child goes on that was started by root."""
    user = os.environ.get("SUDO_USER") or "nobody"
    return "nobody" if user == "root" else user


def _ring(tool: str, interface: str) -> Way | None:
    if sys.platform != "linux":
        return None
    return _own(tool, interface, "", True)


def _scapy(tool: str, interface: str) -> Way:
    return _own(tool, interface, f"; it loses packets above {SCAPY_RATE:,} a second", False, "--scapy")


def _own(tool: str, interface: str, warning: str, tells_drops: bool, *more: str) -> Way:
    # -I: neither the working directory nor the environment says what is imported
    command = (sys.executable, "-I", str(Path(__file__).with_name("capturing.py")), *more, "--user", _ordinary_user())
    account = "as you" if os.geteuid() else f"opened as root, goes on as {_ordinary_user()}"
    return Way(tool, interface, (*command, interface), account + warning, tells_drops)


def _dumpcap(path: str, interface: str) -> Way:
    buffer = str(KERNEL_BUFFER_KIB >> 10)
    command = (path, "-i", interface, "-q", "-P", "-w", "-", "-B", buffer)
    account = "as root, which keeps its rights" if os.geteuid() == 0 else "as you"
    return Way("dumpcap", interface, command, account, False)


def _filtered(way: Way, capture_filter: str) -> Way:
    if way.tool == RING:
        more = ("--filter", _translated(capture_filter, way.interface))
    elif way.tool == SCAPY:
        more = ("--filter", capture_filter)
    else:
        more = ("-f", capture_filter) if way.tool == "dumpcap" else ("--", capture_filter)
    return Way(way.tool, way.interface, (*way.command, *more), way.account, way.tells_drops)


def _search_path() -> str:
    """PATH and where administrators' programs lie, which ordinary users do not always have in theirs."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def _said_by(command: tuple[str, ...]) -> str | None:
    """None where the program succeeds, else what it says on standard error, as a sentence."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS, check=False,
            encoding="utf-8", errors="replace", env=_plain_environment(),
        )  # fmt: skip
    except OSError as error:
        return f"It cannot be started ({error.strerror})."
    except subprocess.TimeoutExpired:
        return f"It did not answer within {PROBE_SECONDS:g} seconds."
    if done.returncode == 0:
        return None
    return sentence_of(done.stderr, os.path.basename(command[0])) or f"It ended with status {done.returncode}."


def sentence_of(said: str, tool: str) -> str:
    """The first line of what a program says on standard error that tells something, as a sentence."""
    for line in said.splitlines():
        text = _shown(line.strip().removeprefix(f"{tool}: "))
        if text and not text.startswith(("Running as user", "Capturing on", "tcpdump: listening", "listening on")):
            return text if text.endswith((".", "!", "?")) else f"{text}."
    return ""


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:_SAID])


def _plain_environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}


def _install(package: str) -> str:
    for manager, words in (
        ("apt-get", "sudo apt install"), ("dnf", "sudo dnf install"), ("pacman", "sudo pacman -S"),
        ("apk", "sudo apk add"), ("brew", "brew install"),
    ):  # fmt: skip
        if shutil.which(manager):
            return f"{words} {'wireshark-common' if (manager, package) == ('apt-get', 'dumpcap') else package}"
    return ""


def _grant(tool: str, path: str) -> str:
    """The command after which this user may capture with the program."""
    if platform.system() == "Darwin":
        return "sudo chmod o+r /dev/bpf*"
    group = _group_of(path)
    if tool == "dumpcap" and group == "wireshark" and _has_capabilities(path):
        return 'sudo usermod -aG wireshark "$USER" (then log in again)'
    return f"sudo setcap cap_net_raw,cap_net_admin=eip {shlex.quote(os.path.realpath(path))}"


def _group_of(path: str) -> str:
    import grp

    try:
        return grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        return ""


def _has_capabilities(path: str) -> bool:
    if sys.platform != "linux":
        return False
    try:
        return bool(os.getxattr(path, "security.capability"))
    except OSError:
        return False
