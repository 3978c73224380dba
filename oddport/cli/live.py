"""An interface → the dashboard on a case that its traffic comes into."""

import os
import re
import sys
import time
from pathlib import Path

from oddport.capture.live.interfaces import host_interfaces, usual_interface
from oddport.capture.live.ring import RingLimits
from oddport.capture.live.ways import LiveError, choose
from oddport.case.errors import CaseError
from oddport.case.folders import case_for_live
from oddport.cli.dashboard import open_on
from oddport.cli.paths import fail

MEGABYTE = 1_000_000


def open_live(
    interface: str | None, capture_filter: str, case: Path | None, keep: int, mouse: bool, ascii_only: bool
) -> int:
    """Open the dashboard; gives the exit status. `keep`: megabytes of packets."""
    if not sys.stdout.isatty():
        fail(
            "The dashboard needs a terminal. `tcpdump -U -w - | oddport load - --case FILE` keeps traffic without one."
        )
        return 2
    try:
        name = interface or _usual()
        choose(name, capture_filter)
        place = case if case is not None else case_for_live(re.sub(r"\W+", "-", name).strip("-"), time.time_ns())
        if place.exists():
            raise CaseError(f"{place} is there already; a live capture begins a case of its own.")
    except (LiveError, CaseError) as error:
        fail(str(error))
        return 2
    size = max(MEGABYTE * 2, min(RingLimits().file_bytes, MEGABYTE * keep // 2))
    words = ["--live", name, "--ring-bytes", str(size), "--ring-files", str(max(2, MEGABYTE * keep // size))]
    if capture_filter:
        words += ["--filter", capture_filter]
    mouse = mouse and not os.environ.get("SSH_CONNECTION")
    return open_on(place, [], f"{name}, live", mouse, ascii_only, words)


def _usual() -> str:
    found = usual_interface(host_interfaces())
    if found is None:
        raise LiveError("No interface is up and has an address. `oddport interfaces` lists them; name one.")
    return found.name
