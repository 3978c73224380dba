"""Flows that are still open → findings as they would be if every flow ended now, to be taken back when that changes."""

from collections.abc import Iterable, Mapping

from oddport.detection.model import Detector, Finding, FlowBatch
from oddport.detection.runner import Runner


class Provisional:
    """What detectors of single flows say of open ones, beside what a Runner has found in those that are over.

    Detectors that ask for fragment trains or for the whole history wait for the real run.
    """

    def __init__(
        self, detectors: Iterable[type[Detector]], settings: Mapping[str, Mapping[str, object]], digest: str
    ) -> None:
        self._kinds = [kind for kind in detectors if kind.needs <= {"flows", "heads"}]
        names = {kind.name for kind in self._kinds}
        self._settings = {name: values for name, values in settings.items() if name in names}
        self._digest = digest
        self._shown: dict[str, tuple[int, int, int]] = {}
        """Uid → (score, count, end) under which a finding was handed out last."""

    def look(self, batch: FlowBatch, real: Runner) -> tuple[list[Finding], list[str]]:
        """Findings of the open flows that are new or changed, and uids handed out before that hold no more.

        What `real` has found, and was asked for already, is not among them.
        """
        trial = Runner(self._kinds, self._settings, self._digest)
        trial.flows(batch)
        found = [finding for finding in trial.finish() if not real.has(finding)]
        before = self._shown
        self._shown = {each.uid: (each.score, each.count, each.last_ns) for each in found}
        changed = [each for each in found if before.get(each.uid) != self._shown[each.uid]]
        return changed, self._gone(before, real)

    def count(self) -> int:
        """Findings that were handed out and hold."""
        return len(self._shown)

    def end(self, real: Runner) -> list[str]:
        """Uids handed out before that are no real finding's."""
        before, self._shown = self._shown, {}
        return self._gone(before, real)

    def _gone(self, before: Mapping[str, object], real: Runner) -> list[str]:
        left = before.keys() - self._shown.keys()
        return sorted(left - real.uids()) if left else []
