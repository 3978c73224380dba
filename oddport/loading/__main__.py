"""The loading process: captures → a case, and progress as JSON lines on standard output."""

import argparse
import os
import sys
from pathlib import Path

from oddport.capture import open_capture
from oddport.case.errors import CaseError
from oddport.case.folders import unpack_folder
from oddport.detection.settings import SettingsError
from oddport.loading.choices import choose
from oddport.loading.into_case import into_case
from oddport.loading.pipeline import Progress
from oddport.loading.progress import progress_json
from oddport.loading.stopping import Stop
from oddport.protocols.site import SiteError


def main() -> int:
    """Exit status: 0 loaded (or stopped as asked), 2 the case cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m oddport.loading", description=__doc__)
    parser.add_argument("--case", type=Path, required=True)
    parser.add_argument("--replace", action="store_true", help="a finished load in the case gives way")
    parser.add_argument("captures", nargs="+", metavar="CAPTURE")
    options = parser.parse_args()
    stop = Stop().on_signals().on_parent(control="-" not in options.captures)
    last = Progress()

    def report(progress: Progress, state: str = "loading", message: str = "") -> None:
        try:
            print(progress_json(progress, state, message), flush=True)
        except BrokenPipeError:
            # nobody listens any more: the load ends at the next batch, through its own stop
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def keep(progress: Progress) -> None:
        nonlocal last
        last = progress
        report(progress)

    try:
        choices = choose()
    except (SiteError, SettingsError) as error:
        report(last, "failed", str(error))
        return 2
    reader = open_capture(options.captures, workdir=unpack_folder(options.case), heartbeat=True)
    try:
        state = into_case(
            reader, options.case, choices.detectors, stop, keep,
            errors=choices.errors, live=True, replace=options.replace, settings=choices.settings,
        )  # fmt: skip
    except CaseError as error:
        report(last, "failed", str(error))
        return 2
    finally:
        reader.close()
    report(last, state)
    return 0


if __name__ == "__main__":
    sys.exit(main())
