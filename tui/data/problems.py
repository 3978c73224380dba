"""The case, its load and its detectors → what went wrong, in sentences, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.format import count, size, size_of
from tui.screens.error import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.data.case import Store, Summary
    from tui.data.load import Progress


def problems_of(
    store: Store,
    summary: Summary | None,
    progress: Progress | None,
    open_problem: str,
    settings: Sequence[str],
) -> list[Problem]:
    """All of them. `settings` are sentences on settings that do not hold, or empty."""
    found: list[Problem] = []
    if open_problem:
        found.append(Problem(open_problem, (("Tried", str(store.path)), ("Seen", open_problem))))
    if progress is not None and progress.state == "failed":
        found.append(_failed(store, progress.message))
    elif progress is None and summary is not None:
        found += _earlier(store, summary)
    if summary is not None:
        for detector, at, message in summary.errors:
            found.append(
                Problem(
                    f"{detector} stopped at {at}; the other detectors went on.",
                    (("Detector", detector), ("At", at), ("Seen", message)),
                    "Its findings up to there are kept. This is a bug in the detector.",
                    trace=store.trace_of(detector),
                )
            )
        for file in summary.files:
            for warning in file.warnings:
                title = f"{file.path.rpartition('/')[2]}: {warning}"
                found.append(Problem(title, (("Capture", file.path), ("Seen", warning)), ink="medium"))
        found += _left_out(summary)
    for caution in (store.caution, *settings):
        if caution:
            found.append(Problem(caution, ink="medium"))
    return found


def _left_out(summary: Summary) -> list[Problem]:
    from oddport.case.model import LIMIT

    found = [
        Problem(each.sentence, kept="What is here is right, but the case tells less than the capture.", ink="medium")
        for each in summary.omissions
        if each.kind == LIMIT
    ]
    undecided: dict[str, list[tuple[int, str]]] = {}
    for each in summary.omissions:
        if each.kind != LIMIT:
            undecided.setdefault(each.source, []).append((each.count, each.reason))
    for detector, reasons in undecided.items():
        title = f"{detector} did not judge {count(sum(number for number, _ in reasons))} for want of certainty."
        facts = tuple((count(number), reason) for number, reason in reasons)
        found.append(Problem(title, facts, ink="muted", quiet=True))
    return found


def _failed(store: Store, message: str) -> Problem:
    said = message or "The loader gave no reason."
    return Problem(said, (("Tried", f"loading into {store.path}"), ("Seen", said)), "L loads again.")


def _earlier(store: Store, summary: Summary) -> list[Problem]:
    read = size_of(summary.load_bytes, summary.load_total) if summary.load_total else size(summary.load_bytes)
    if summary.load_state == "failed":
        return [_failed(store, summary.load_message)]
    if summary.load_state == "interrupted":
        return [
            Problem(
                f"The load was interrupted at {read}.", (("Case", str(store.path)),),
                "L loads again from the start and completes it.", "What was read is here; verdicts are kept.",
                ink="medium",
            )
        ]  # fmt: skip
    if summary.load_state == "stopped":
        return [Problem(f"The load was stopped at {read}. L loads again.", (("Case", str(store.path)),), ink="medium")]
    return []
