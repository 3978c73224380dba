"""The loading process: captures, or an interface, → a case, and progress as JSON lines on standard output."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from oddport.capture import open_capture
from oddport.capture.live.ring import RingLimits
from oddport.capture.live.ways import LiveError
from oddport.case.captures import PIPE
from oddport.case.errors import CaseError
from oddport.case.folders import unpack_folder
from oddport.detection.settings import SettingsError
from oddport.loading.choices import choose
from oddport.loading.into_case import into_case
from oddport.loading.live import Interface, open_interface
from oddport.loading.owners import Owners
from oddport.loading.pipeline import Progress
from oddport.loading.progress import progress_json, say
from oddport.loading.stopping import Stop
from oddport.protocols.site import SiteError


def main() -> int:
    """Exit status: 0 loaded (or stopped as asked), 2 the case cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m oddport.loading", description=__doc__)
    parser.add_argument("--case", type=Path, required=True)
    parser.add_argument("--replace", action="store_true", help="a finished load in the case gives way")
    parser.add_argument("--live", metavar="INTERFACE", help="capture this until told to stop")
    parser.add_argument("--filter", default="", help="with --live: which packets, as pcap-filter(7)")
    parser.add_argument("--ring-bytes", type=int, default=RingLimits().file_bytes, help="bytes of a file of the ring")
    parser.add_argument("--ring-files", type=int, default=RingLimits().files, help="files of the ring")
    parser.add_argument("--case-limit", type=int, help="with --live: bytes that the case may hold")
    parser.add_argument("captures", nargs="*", metavar="CAPTURE")
    options = parser.parse_args()
    if bool(options.captures) == bool(options.live):
        parser.error("give captures, or --live INTERFACE")
    piped = PIPE in options.captures
    comes = piped or bool(options.live)
    stop = Stop().on_signals().on_parent(control=not piped)
    last = Progress()
    interface: Interface | None = None
    owners: Owners | None = None

    def report(progress: Progress, state: str = "loading", message: str = "") -> None:
        live = None if interface is None else interface.words()
        say(progress_json(progress, state, message, live, comes))

    def keep(progress: Progress) -> None:
        nonlocal last
        last = progress
        report(progress)

    try:
        choices = choose()
    except (SiteError, SettingsError) as error:
        report(last, "failed", str(error))
        return 2
    settings = replace(choices.settings, provisional=comes)
    if options.live:
        try:
            limits = RingLimits(options.ring_bytes, options.ring_files)
            interface = open_interface(options.live, options.filter, options.case, limits, stop)
        except (LiveError, ValueError) as error:
            report(last, "failed", str(error))
            return 2
        reader = interface.reader
    else:
        reader = open_capture(options.captures, workdir=unpack_folder(options.case), heartbeat=True)
    try:
        if interface is not None and interface.local:
            owners = Owners()
        state = into_case(
            reader, options.case, choices.detectors, stop if interface is None else _never, keep,
            errors=choices.errors, live=True, replace=options.replace, settings=settings,
            owners=owners, limit=options.case_limit if interface is not None else None,
        )  # fmt: skip
    except (CaseError, OSError) as error:
        report(last, "failed", str(error))
        return 2
    finally:
        reader.close()
    report(last, state)
    return 0


def _never() -> bool:
    """An interface hands over what it holds after it was told to stop, and then ends by itself."""
    return False


if __name__ == "__main__":
    sys.exit(main())
