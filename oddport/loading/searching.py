"""The searching process: a case and a filter → the flows in whose payload its terms stand, as JSON lines on stdout.

A line is progress as a loader's, and `found`: for each term of the filter, in order, the ids of the flows that were
found since the line before. A process of its own can be ended in the middle of a regular expression.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from oddport.case.errors import CaseError, FilterError
from oddport.case.filter import compile_filter
from oddport.case.payload_scan import scan
from oddport.case.reader import CaseReader
from oddport.loading.progress import say
from oddport.loading.stopping import Stop
from oddport.wording import plural

REPORT_SECONDS = 0.2
"""Between two lines at least."""


def main() -> int:
    """Exit status: 0 searched (or stopped as asked), 2 the case or a capture cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m oddport.loading.searching", description=__doc__)
    parser.add_argument("--case", type=Path, required=True)
    parser.add_argument("--list", choices=("flows", "findings"), required=True)
    parser.add_argument("--filter", required=True)
    options = parser.parse_args()
    stop = Stop().on_parent(control=True)  # a signal ends it at once: nothing is written
    began = last = time.monotonic()

    def tell(**words: object) -> None:
        say(json.dumps({"seconds": round(time.monotonic() - began, 3), **words}))

    try:
        terms = compile_filter(options.filter, options.list).terms
        found: list[list[int]] = [[] for _ in terms]
        gone = 0
        with CaseReader.open(options.case) as reader:
            for looked in scan(reader, options.filter, options.list, terms, stop):
                gone = looked.gone
                for all_of_term, new in zip(found, looked.found, strict=True):
                    all_of_term.extend(new)
                if time.monotonic() - last >= REPORT_SECONDS:
                    tell(state="loading", bytes=looked.bytes, total=looked.total, found=found)
                    found, last = [[] for _ in terms], time.monotonic()
    except (CaseError, FilterError) as error:
        tell(state="failed", message=str(error))
        return 2
    why = f"{plural(gone, 'packet')} could not be searched: the ring has given their bytes up." if gone else ""
    tell(state="stopped" if stop() else "done", found=found, message=why)
    return 0


if __name__ == "__main__":
    sys.exit(main())
