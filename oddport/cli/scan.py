"""Captures → findings on standard output, as a table or as NDJSON."""

import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from oddport.capture import open_capture
from oddport.case.errors import CaseError
from oddport.case.folders import unpack_folder
from oddport.case.model import Omission
from oddport.cli.paths import expand, fail
from oddport.detection.model import Severity
from oddport.detection.settings import SettingsError
from oddport.exports.ndjson import NdjsonSink
from oddport.exports.table import TableSink
from oddport.loading.choices import Choices, choose
from oddport.loading.omissions import sentences
from oddport.loading.pipeline import Load
from oddport.loading.progress import TerminalProgress
from oddport.loading.stopping import Stop
from oddport.protocols.site import SiteError

OK, FOUND, UNUSABLE = 0, 1, 2


def scan(
    words: Sequence[str], form: str, each: bool, case: Path | None, fail_on: str | None, chosen: dict[str, Any]
) -> int:
    """Print what is found; gives the exit status. `chosen`: the arguments of `choices.choose`."""
    paths = expand(words)
    if not paths:
        return UNUSABLE
    runs = [[path] for path in paths] if each else [paths]
    if case is not None and len(runs) > 1:
        fail("--case keeps one capture; with --each there are several. Leave one of the two out.")
        return UNUSABLE
    try:
        choices = choose(**chosen)
    except (SiteError, SettingsError, CaseError) as error:
        fail(str(error))
        return UNUSABLE
    stop = Stop().on_signals()
    worst, readable = -1, False
    omissions: list[Omission] = []
    try:
        for run in runs:
            found, read, left_out = _scan_one(run, form, case, choices, stop)
            omissions += left_out
            worst, readable = max(worst, found), readable or read
            if stop():
                fail("Stopped. What was read until then is above.")
                break
        sys.stdout.flush()
        for sentence in sentences(omissions):
            fail(sentence)
    except CaseError as error:
        fail(str(error))
        return UNUSABLE
    except BrokenPipeError:
        # whoever read the output has seen enough; keep Python from failing once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not readable:
        return UNUSABLE
    return FOUND if fail_on is not None and worst >= Severity[fail_on.upper()] else OK


def _scan_one(
    paths: list[str], form: str, case: Path | None, choices: Choices, stop: Stop
) -> tuple[int, bool, tuple[Omission, ...]]:
    """Analyse one capture; (worst severity or -1, whether anything could be read, what was left out).

    Raises CaseError.
    """
    progress = TerminalProgress()
    with ExitStack() as ending:
        if case is None:
            workdir = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="oddport-")))
        else:  # what is unpacked is a part of the case
            workdir = unpack_folder(case)
        reader = ending.enter_context(open_capture(paths, workdir=workdir, heartbeat=True))
        ending.callback(progress.close)
        printer = TableSink(reader) if form == "table" else NdjsonSink(reader, sys.stdout.write)
        if case is None:
            for error in choices.errors:
                printer.error(error)
            Load(reader, printer, choices.detectors, choices.settings, stop=stop, on_progress=progress.show).run()
        else:
            from oddport.loading.into_case import into_case

            into_case(
                reader, case, choices.detectors, stop, progress.show,
                beside=printer, errors=choices.errors, settings=choices.settings,
            )  # fmt: skip
        progress.close()
        if isinstance(printer, TableSink):
            printer.print()
        return max(printer.severities, default=-1), any(file.format for file in reader.files), progress.omissions
