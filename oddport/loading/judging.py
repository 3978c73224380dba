"""The judging process: a case → its findings judged anew; progress and what changed as JSON lines on standard output.

The last line of a judging that was done has `judged`: `findings`, `appeared` and `went` (lists of [title, how many],
the most first), `left_out` and `why` as in judge.Judgement.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from oddport.case.errors import CaseError
from oddport.detection.settings import SettingsError
from oddport.loading.choices import choose
from oddport.loading.judge import Judgement, judge
from oddport.loading.pipeline import Progress
from oddport.loading.progress import progress_json, say
from oddport.loading.stopping import Stop
from oddport.protocols.site import SiteError


def main() -> int:
    """Exit status: 0 judged (or stopped as asked, with nothing changed), 2 the case could not be judged."""
    parser = argparse.ArgumentParser(prog="python -m oddport.loading.judging", description=__doc__)
    parser.add_argument("--case", type=Path, required=True)
    options = parser.parse_args()
    stop = Stop().on_signals().on_parent(control=True)

    try:
        found = judge(options.case, choose(), stop, lambda progress: say(progress_json(progress, "loading")))
    except (CaseError, SiteError, SettingsError) as error:
        say(progress_json(Progress(), "failed", str(error)))
        return 2
    say(json.dumps({"state": "stopped"} if found is None else {"state": "done", "judged": _words(found)}))
    return 0


def _words(found: Judgement) -> dict[str, object]:
    return {
        "findings": found.findings,
        "appeared": Counter(title for _, title in found.appeared).most_common(),
        "went": Counter(title for _, title in found.went).most_common(),
        "left_out": list(found.left_out),
        "why": found.why,
    }


if __name__ == "__main__":
    sys.exit(main())
