"""A case and choices → its findings judged anew, and what that changed, on standard output."""

import sys
from pathlib import Path
from typing import Any

from oddport.case.errors import CaseError
from oddport.cli.paths import fail
from oddport.detection.settings import SettingsError
from oddport.loading.choices import choose
from oddport.loading.judge import judge
from oddport.loading.progress import TerminalProgress
from oddport.loading.stopping import Stop
from oddport.protocols.site import SiteError
from oddport.wording import safe


def judge_case(case: Path, chosen: dict[str, Any]) -> int:
    """Judge and say what changed; exit status 0, or 2 where nothing was judged."""
    progress = TerminalProgress()
    try:
        found = judge(case, choose(**chosen), Stop().on_signals(), progress.show)
    except (CaseError, SiteError, SettingsError) as error:
        progress.close()
        fail(str(error))
        return 2
    progress.close()
    if found is None:
        fail("Stopped. The findings are those of before.")
        return 2
    for broken in found.errors:
        fail(broken.message)
    if found.left_out:
        fail(f"{found.why} Left out, their findings kept: {', '.join(found.left_out)}.")
    for sign, changes in (("+", found.appeared), ("-", found.went)):
        for uid, title in changes:
            print(f"{sign} {uid[:8]}  {safe(title)}")
    print(f"{found.findings:,} findings, {len(found.appeared):,} appeared, {len(found.went):,} went.", file=sys.stderr)
    return 0
