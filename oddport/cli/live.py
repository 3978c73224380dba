"""An interface → the dashboard on a case that its traffic comes into."""

import sys
from pathlib import Path

from oddport.capture.live.interfaces import host_interfaces, usual_interface
from oddport.capture.live.ways import LiveError
from oddport.case.errors import CaseError
from oddport.cli.dashboard import open_on
from oddport.cli.paths import fail
from oddport.loading.target import live_target


def open_live(
    interface: str | None,
    capture_filter: str,
    case: Path | None,
    keep: int,
    case_size: int,
    mouse: bool,
    ascii_only: bool,
) -> int:
    """Open the dashboard; gives the exit status. `keep`: megabytes of packets. `case_size`: megabytes of the case."""
    if not sys.stdout.isatty():
        fail(
            "The dashboard needs a terminal. `tcpdump -U -w - | oddport load - --case FILE` keeps traffic without one."
        )
        return 2
    try:
        target = live_target(interface or _usual(), capture_filter, case, keep, case_size)
    except (LiveError, CaseError) as error:
        fail(str(error))
        return 2
    return open_on(target, mouse, ascii_only)


def _usual() -> str:
    found = usual_interface(host_interfaces())
    if found is None:
        raise LiveError("No interface is up and has an address. `oddport interfaces` lists them; name one.")
    return found.name
