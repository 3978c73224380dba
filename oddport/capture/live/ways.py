"""An interface → the program that reads it for us, or for each program why not and what would allow it.

Nothing here captures and nothing here asks for rights: a program that has them is started as a child, and writes
classic pcap to a pipe. tcpdump goes first, since only it tells while it runs how many packets the kernel dropped.
"""

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
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
    if way.tool == "dumpcap":
        said = _said_by((path, "-i", way.interface, "-d", "-f", capture_filter))
    else:
        said = _said_by((path, "-i", way.interface, "-d", "--", capture_filter))
    if said is not None:
        raise LiveError(
            f"“{_shown(capture_filter)}” is no capture filter: {said} The language is that of pcap-filter(7)."
        )


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
        user = os.environ.get("SUDO_USER") or "nobody"
        user = "nobody" if user == "root" else user
        command += ["-Z", user]
        account = f"opened as root, goes on as {user}"
    return Way("tcpdump", interface, tuple(command), account, True)


def _dumpcap(path: str, interface: str) -> Way:
    buffer = str(KERNEL_BUFFER_KIB >> 10)
    command = (path, "-i", interface, "-q", "-P", "-w", "-", "-B", buffer)
    account = "as root, which keeps its rights" if os.geteuid() == 0 else "as you"
    return Way("dumpcap", interface, command, account, False)


def _filtered(way: Way, capture_filter: str) -> Way:
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
