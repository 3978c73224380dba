"""Captures → a case file, with progress on standard error and nothing else."""

import sys
from collections.abc import Sequence
from pathlib import Path

from oddport.capture import open_capture
from oddport.case.errors import CaseError
from oddport.case.folders import unpack_folder
from oddport.cli.paths import expand, fail
from oddport.detection.registry import load as load_detectors
from oddport.loading.into_case import into_case
from oddport.loading.omissions import sentences
from oddport.loading.pipeline import LoadSettings
from oddport.loading.progress import TerminalProgress
from oddport.loading.stopping import Stop
from oddport.protocols.site import SiteError, read_site


def load(words: Sequence[str], case: Path, replace: bool, site: Path | None) -> int:
    """Load into `case`; exit status 0, or 2 where nothing could be read or the case cannot be written."""
    paths = expand(words)
    if not paths:
        return 2
    try:
        settings = LoadSettings(site=read_site(site))
    except SiteError as error:
        fail(str(error))
        return 2
    stop = Stop().on_signals()
    progress = TerminalProgress()
    detectors, errors = load_detectors()
    reader = open_capture(paths, workdir=unpack_folder(case), heartbeat=True)
    try:
        state = into_case(
            reader, case, detectors, stop, progress.show, errors=errors, replace=replace, settings=settings
        )
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
    for broken in errors:
        fail(broken.message)
    if state == "stopped":
        print("oddport: stopped; what was read is kept.", file=sys.stderr)
    return 0 if any(file.format for file in reader.files) else 2
