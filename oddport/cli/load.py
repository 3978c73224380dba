"""Captures → a case file, with progress on standard error and nothing else."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oddport.capture import open_capture
from oddport.case.errors import CaseError
from oddport.case.folders import unpack_folder
from oddport.cli.paths import expand, fail
from oddport.detection.settings import SettingsError
from oddport.loading.choices import choose
from oddport.loading.into_case import into_case
from oddport.loading.omissions import sentences
from oddport.loading.progress import TerminalProgress
from oddport.loading.stopping import Stop
from oddport.protocols.site import SiteError


def load(words: Sequence[str], case: Path, replace: bool, chosen: dict[str, Any]) -> int:
    """Load into `case`; exit status 0, or 2 where nothing could be read or the case cannot be written.

    `chosen`: the arguments of `choices.choose`.
    """
    paths = expand(words)
    if not paths:
        return 2
    try:
        choices = choose(**chosen)
    except (SiteError, SettingsError, CaseError) as error:
        fail(str(error))
        return 2
    stop = Stop().on_signals()
    progress = TerminalProgress()
    reader = open_capture(paths, workdir=unpack_folder(case), heartbeat=True)
    try:
        state = into_case(
            reader, case, choices.detectors, stop, progress.show,
            errors=choices.errors, replace=replace, settings=choices.settings,
        )  # fmt: skip
    except CaseError as error:
        progress.close()
        fail(str(error))
        return 2
    finally:
        progress.close()
        reader.close()
    for file in reader.files:
        for warning in file.warnings:
            fail(f"{file.path}: {warning}")
    for sentence in sentences(progress.omissions):
        fail(sentence)
    for broken in choices.errors:
        fail(broken.message)
    if state == "stopped":
        print("oddport: stopped; what was read is kept.", file=sys.stderr)
    return 0 if any(file.format for file in reader.files) else 2
