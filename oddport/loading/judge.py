"""A case → its findings judged anew, with other settings or detectors; what appeared, what went, what could not be.

What was read stays as it is: the captures are read once more for the first bytes of flows and fragments, which a case
does not hold, and only findings are written, and what the site's table says of ports. Where a capture is gone, the
detectors that need bytes are left out by name and their findings stay.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.attack import ATTACK_VERSION
from oddport.capture import open_capture
from oddport.case.errors import CaseError
from oddport.case.flow_batches import flow_batches
from oddport.case.folders import unpack_folder
from oddport.case.model import LIMIT, CaptureRow
from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter
from oddport.detection.model import Detector, DetectorError, Finding, FlowBatch
from oddport.detection.runner import Runner
from oddport.engine.trains import TrainBatch
from oddport.loading.choices import Choices
from oddport.loading.excuses import Excuse, excuses
from oddport.loading.pipeline import Load, Progress

BYTES = frozenset({"heads", "trains"})
"""What a detector may need that a case does not hold."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What changed."""

    findings: int
    appeared: tuple[tuple[str, str], ...]
    """(uid, title), worst first."""
    went: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...] = ()
    """Detectors that need bytes which are gone."""
    why: str = ""
    """A sentence about those bytes."""
    errors: tuple[DetectorError, ...] = ()


class FindingSink:
    """Keeps the findings of a load and drops its facts, which the case has."""

    wants_packets = False
    wants_open = False

    def __init__(self) -> None:
        self.found: dict[str, Finding] = {}
        self.errors: list[DetectorError] = []
        self.marked: tuple[NDArray[np.uint32], NDArray[np.uint8]] = (np.zeros(0, np.uint32), np.zeros(0, np.uint8))

    def packets(self, columns: dict[str, NDArray[np.generic]], first: int, count: int, numbers: dict[int, int]) -> None:
        """The case has them."""

    def flows(self, batch: FlowBatch, is_open: bool) -> None:
        """The case has them."""

    def trains(self, trains: TrainBatch) -> None:
        """The case has them."""

    def findings(self, changed: list[Finding], gone: list[str]) -> None:
        """The last hand-over of a uid holds."""
        for uid in gone:
            self.found.pop(uid, None)
        self.found.update((finding.uid, finding) for finding in changed)

    def renamed(self, uids: Mapping[str, str]) -> None:
        """Never: the digest is known from the beginning."""

    def marks(self, flows: NDArray[np.uint32], severity: NDArray[np.uint8]) -> None:
        """Flows that occur in findings."""
        self.marked = (flows, severity)

    def error(self, error: DetectorError) -> None:
        """A detector that stopped."""
        self.errors.append(error)

    def files(self, reader: Any) -> None:
        """The case has them."""


def judge(
    case: Path,
    choices: Choices,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Judgement | None:
    """Judge the case at `case` anew; None where `stop` ended it, and nothing was changed.

    Verdicts and notes stay: they go by the uids of findings, which depend on neither settings nor scores. Raises
    CaseError where the case cannot be read or written, is being loaded, or holds no load that is done.
    """
    with CaseReader.open(case) as reader:
        state = reader.load_state()
        if state.state not in ("done", "stopped"):
            raise CaseError(f"The case {case} holds no load that is over (it is {state.state}). Load it first.")
        if any(each.source == "packets" and each.kind == LIMIT for each in reader.omissions()):
            raise CaseError(
                f"{case} has forgotten its oldest packets; findings on them would be lost by judging again."
            )
        files = reader.files()
    why = next((text for text in map(_missing, files) if text), "")
    if state.state == "stopped" and not why:
        why = f"The load of {case} was stopped, so that reading the captures again would give other flows."
    sink = FindingSink()
    for error in choices.errors:
        sink.error(error)
    able = [each for each in choices.detectors if not (why and each.needs & BYTES)]
    left_out = tuple(each.name for each in choices.detectors if each not in able)
    excused = excuses(case, choices.settings.site)
    if why:
        _from_columns(case, able, choices, sink, "+".join(file.digest for file in files), excused)
    elif not _from_captures(case, files, choices, sink, stop, on_progress):
        return None
    failed = {error.detector for error in sink.errors}
    kept = frozenset(left_out) | failed
    with CaseWriter.resume(case) as writer:
        writer.attack_version = ATTACK_VERSION
        changed = writer.replace_findings(sink.found.values(), kept, *sink.marked)
        writer.excuse_flows((each.flow, each.verdict, each.facts) for each in excused)
        for error in sink.errors:
            writer.put_error(error.detector, error.at, error.message, error.trace)
    return Judgement(len(sink.found), *changed, left_out, why, tuple(sink.errors))


def _missing(file: CaptureRow) -> str:
    """Why the bytes of a capture cannot be read again; "" where they can."""
    place = _place(file)
    if place is None:
        return "The capture was a pipe, of which no copy was kept."
    if not Path(place).is_file():
        return f"The capture {file.path} is not there any more; point to it from the dashboard."
    return ""


def _place(file: CaptureRow) -> str | None:
    """The file whose digest the findings' uids stand on: a packed one as it was given, the copy that was kept of a
    pipe."""
    return file.unpacked_path if file.path == "-" else file.path


def _from_captures(
    case: Path,
    files: list[CaptureRow],
    choices: Choices,
    sink: FindingSink,
    stop: Callable[[], bool],
    on_progress: Callable[[Progress], None],
) -> bool:
    """Read the captures again for those who judge; whether they were read to their end. Raises CaseError where they
    are others than those that were loaded."""
    paths = [place for place in map(_place, files) if place is not None]
    with open_capture(paths, workdir=unpack_folder(case)) as reader:
        whole = Load(reader, sink, choices.detectors, choices.settings, stop, on_progress).run()
        changed = [row.path for row, file in zip(files, reader.files, strict=True) if row.digest != file.digest]
    if changed:
        raise CaseError(f"The capture {changed[0]} is not the one that was loaded: its bytes are others. Load it anew.")
    return whole


def _from_columns(
    case: Path,
    detectors: Iterable[type[Detector]],
    choices: Choices,
    sink: FindingSink,
    digest: str,
    excused: Iterable[Excuse],
) -> None:
    """Judge the flows of the case without any bytes."""
    verdicts = {each.flow: each.verdict for each in excused}
    chosen = list(detectors)
    names = {each.name for each in chosen}
    settings = {name: keys for name, keys in choices.settings.detectors.items() if name in names}
    runner = Runner(chosen, settings, digest, sink.error, baseline=choices.settings.baseline)
    for batch in flow_batches(case):
        for row, flow in enumerate(batch.flows["id"].tolist()) if verdicts else ():
            batch.verdict[row] = verdicts.get(flow, batch.verdict[row])
        runner.flows(batch)
    sink.findings(runner.finish(), [])
    sink.marks(*runner.marks())
