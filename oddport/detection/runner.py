"""Batches of flows and trains → findings of all detectors, whatever any one of them does wrong."""

import traceback
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.detection.checks import checked, prove
from oddport.detection.groups import GROUPS, Groups, worst_first
from oddport.detection.history import History
from oddport.detection.hosts import Prevalences
from oddport.detection.model import (
    Abstainer,
    Context,
    Detector,
    DetectorError,
    Finding,
    FlowBatch,
    Historian,
    MtuWatcher,
    Reviewer,
)
from oddport.detection.settings import resolve
from oddport.engine.trains import TrainBatch

_IDENTITY = (
    "rule",
    "variant",
    "src",
    "dst",
    "version",
    "proto",
    "sport",
    "dport",
    "server_port",
    "app",
    "first_ns",
    "flow",
    "train",
)
"""Fields that a second look must not change: the uid and the grouping stand on them."""


class Runner:
    """Runs detectors over one capture.

    Call `flows` and `trains` as they come, then `finish` (or `close`) once. What a detector raises is reported once
    through `on_error`, and that detector takes no further part; what it had found stays. Findings do not depend on the
    order or the size of the batches as long as no more than `limit` different ones turn up; beyond that, those with the
    lowest score give way and are counted in `dropped`.

    Raises SettingsError where `settings` name what does not exist, ValueError where two detectors have one name.
    """

    def __init__(
        self,
        detectors: Iterable[type[Detector]],
        settings: Mapping[str, Mapping[str, object]] | None = None,
        digest: str = "",
        on_error: Callable[[DetectorError], None] | None = None,
        *,
        first_ns: int = 0,
        limit: int = GROUPS,
        baseline: History | None = None,
    ) -> None:
        kinds = list(detectors)
        names = [kind.name for kind in kinds]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"Two detectors are called “{name}”; names tell findings apart, so one has to change.")
        self._groups = Groups(digest, limit)
        self._on_error = on_error
        self.errors: list[DetectorError] = []
        self._all: dict[str, Detector] = {}
        self._running: dict[str, Detector] = {}
        self._finished = False
        self._history = History()
        self._prevalences = Prevalences()
        filled = resolve(kinds, settings or {})
        for kind in kinds:
            try:
                detector = kind(Context(filled[kind.name], first_ns, digest, baseline, self._prevalences))
            except Exception as error:
                self._fail(kind.name, "start", error)
            else:
                self._all[kind.name] = self._running[kind.name] = detector

    @property
    def needs(self) -> frozenset[str]:
        """What the detectors that still run ask for: of `flows`, `heads`, `trains`, `history`."""
        return frozenset().union(*(detector.needs for detector in self._running.values()))

    @property
    def dropped(self) -> Mapping[tuple[str, str], int]:
        """(detector, rule) → occurrences beyond the limit that are in no finding."""
        return self._groups.dropped

    @property
    def left_out(self) -> int:
        """Flows that detectors of behaviour over time did not see, for want of memory."""
        return self._history.left_out

    def flows(self, batch: FlowBatch) -> None:
        """Judge flows that are over."""
        if not len(batch.flows):
            return
        if "history" in self.needs:
            self._history.take(batch)
        self._prevalences.take(batch.flows, batch.server_port)
        ids = batch.flows["id"]
        for name, detector in list(self._running.items()):
            if "flows" in detector.needs:
                where = _where("flows", int(ids[0]), int(ids[-1]))
                self._run(name, where, detector.on_flows, batch)

    def trains(self, batch: TrainBatch) -> None:
        """Judge fragment trains that are over."""
        if not len(batch):
            return
        ids = batch.trains["id"]
        for name, detector in list(self._running.items()):
            if "trains" in detector.needs:
                where = _where("trains", int(ids[0]), int(ids[-1]))
                self._run(name, where, detector.on_trains, batch)

    def small_mtus(self, messages: NDArray[np.void]) -> None:
        """Judge ICMP messages (dtype engine.path_mtu.TOLD) of a small MTU."""
        if not len(messages):
            return
        for name, detector in list(self._running.items()):
            if isinstance(detector, MtuWatcher):
                self._run(name, "messages of path MTUs", detector.on_small_mtus, messages)

    def count(self) -> int:
        """Findings so far."""
        return len(self._groups)

    def has(self, finding: Finding) -> bool:
        """Whether this would be another occurrence of a finding that is there."""
        return self._groups.has(finding)

    def uids(self) -> set[str]:
        """Of the findings that were handed out and hold."""
        return self._groups.uids()

    def set_digest(self, digest: str) -> dict[str, str]:
        """The files' digest where it is known only at the end, as of a pipe; uids handed out before hold no more.

        Gives old → new of those that changed.
        """
        return self._groups.rename(digest)

    def close(self) -> None:
        """Judge what needs the whole capture. A second call does nothing."""
        if self._finished:
            return
        self._finished = True
        self._judge_history()
        for name, detector in list(self._running.items()):
            self._run(name, "end", detector.finish)
        self._review()

    def finish(self) -> list[Finding]:
        """Close; all findings, worst first. A second call gives the same again."""
        self.close()
        return self.snapshot()

    def snapshot(self) -> list[Finding]:
        """The findings so far, worst first. Before `close`, scores and uids may still change."""
        return sorted((self._groups.finding_of(group) for group in self._groups.groups()), key=worst_first)

    def changes(self) -> tuple[list[Finding], list[str]]:
        """What to put and what to take away to bring an earlier answer up to date.

        Findings that are new or changed since the last call (the first call: all), worst first, and the uids handed
        out before that hold no more, because an earlier occurrence turned up or the finding gave way at the limit.
        """
        return self._groups.take_changes()

    def marks(self) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """(flow ids, severity) of every flow that occurs in a finding, also where it is folded into an earlier one.

        The ids ascend; a flow in several findings has the worst severity.
        """
        groups = self._groups.groups()
        ids = np.array([flow for group in groups for flow in group.flows], np.uint32)
        worst = np.array([group.finding.severity for group in groups for _ in group.flows], np.uint8)
        order = np.lexsort((worst, ids))
        ids, worst = ids[order], worst[order]
        last = np.ones(len(ids), bool)
        last[:-1] = ids[1:] != ids[:-1]
        return ids[last], worst[last]

    def abstained(self) -> dict[str, dict[str, int]]:
        """Detector → reason → how many flows or trains were not judged for it."""
        return {
            name: dict(detector.abstained)
            for name, detector in self._all.items()
            if isinstance(detector, Abstainer) and detector.abstained
        }

    def _judge_history(self) -> None:
        judging = [(name, each) for name, each in self._running.items() if isinstance(each, Historian)]
        if not judging:
            return
        self._history.close()
        for name, detector in judging:
            self._run(name, "end", detector.on_history, self._history)

    # one detector

    def _run(self, name: str, at: str, method: Callable[..., Iterable[Finding]], *given: Any) -> None:
        try:
            for finding in method(*given):
                self._groups.add(checked(finding, name))
        except Exception as error:
            self._fail(name, at, error)

    def _review(self) -> None:
        reviewers = {name: each for name, each in self._running.items() if isinstance(each, Reviewer)}
        for group in self._groups.groups():
            name = group.finding.detector
            detector = reviewers.get(name)
            if detector is None or name not in self._running:
                continue
            before = group.finding
            try:
                reviewed = detector.review(copy(before))
                after = None if reviewed is None else checked(reviewed, name)
                if after is not None:
                    prove(after)
            except Exception as error:
                self._fail(name, "end", error)
                continue
            if after is None:
                self._groups.withdraw(group)
                continue
            for field in _IDENTITY:
                setattr(after, field, getattr(before, field))
            group.finding = after
            group.count = max(group.count, after.count)
            group.flows.extend(after.also)
            after.also = ()
            self._groups.touched(group)

    def _fail(self, name: str, at: str, error: Exception) -> None:
        self._running.pop(name, None)
        kind = type(error).__name__
        reason = " ".join(str(error).split()) or "no reason given"
        row = DetectorError(
            name,
            at,
            f"{name} stopped at {at} with {kind}: {reason}. What it had found before is kept; the others went on.",
            "".join(traceback.format_exception(error)),
        )
        self.errors.append(row)
        if self._on_error:
            self._on_error(row)


def _where(what: str, first: int, last: int) -> str:
    return f"{what} {first:,}" if first == last else f"{what} {first:,} to {last:,}"
