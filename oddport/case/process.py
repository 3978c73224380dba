"""Process ids in a case → whether the process that was loading it still runs."""

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

BEAT_PATIENCE_NS = 60_000_000_000
"""A loader on another machine that was not heard of for so long is taken for dead (it beats at each progress)."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """Who loads: enough to tell a living loader from another process that was given its number later."""

    host: str
    pid: int
    start: str
    """Boot id and start time in clock ticks where /proc tells them, else empty."""


def identity() -> ProcessIdentity:
    """Of this process."""
    pid = os.getpid()
    return ProcessIdentity(socket.gethostname(), pid, process_start(pid))


def process_start(pid: int) -> str:
    """When the process started, in a form that no later process of the same number shares; empty where unknown.

    Source: proc(5), field 22 of /proc/PID/stat, counted after the command name, which may hold spaces.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in "ZX":  # a zombie works no more
        return ""
    return f"{boot}/{fields[19]}"


def is_running(process: ProcessIdentity, beat_ns: int | None) -> bool:
    """Whether the process that wrote this identity into the case runs now."""
    if process.host != socket.gethostname():
        return beat_ns is not None and time.time_ns() - beat_ns < BEAT_PATIENCE_NS
    if process.pid <= 0:
        return False
    if process.start:
        return process_start(process.pid) == process.start
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
