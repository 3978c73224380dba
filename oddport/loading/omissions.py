"""Counters of the rooms that a load goes through → what it left out or left undecided, as sentences."""

from collections.abc import Iterable, Iterator

from oddport.case.model import DOUBT, LIMIT, Omission
from oddport.detection.groups import GROUPS
from oddport.detection.runner import Runner
from oddport.engine.flows import FlowTable


def omissions(flows: FlowTable, named_early: int, dropped_trains: int, runner: Runner) -> tuple[Omission, ...]:
    """Of a load that is over; `named_early`: flows with NOTE_EARLY. Limits first."""
    limits = (
        (
            "flows",
            flows.evicted_count(),
            "flows were ended early to make room for others; what followed is counted as new ones",
        ),
        ("flows", named_early, "flows were named by fewer bytes than usual, for want of memory"),
        ("fragments", dropped_trains, "unfinished fragment trains were given up for want of memory"),
        ("history", runner.left_out, "flows were not compared with the others over time, for want of memory"),
    )
    return (
        *(Omission(source, LIMIT, reason, count) for source, count, reason in limits if count),
        *_of_findings(runner),
    )


def _of_findings(runner: Runner) -> Iterator[Omission]:
    for (detector, rule), count in sorted(runner.dropped.items()):
        reason = f"occurrences of {rule} are in no finding: at most {GROUPS:,} are kept, and these scored lowest"
        yield Omission(detector, LIMIT, reason, count)
    for detector, reasons in sorted(runner.abstained().items()):
        for reason, count in sorted(reasons.items()):
            yield Omission(detector, DOUBT, reason, count)


def sentences(all_of: Iterable[Omission]) -> list[str]:
    """One or several loads' omissions for a person: each limit that was met, and a line for each detector's doubts."""
    limits: dict[tuple[str, str], int] = {}
    doubts: dict[str, dict[str, int]] = {}
    for each in all_of:
        if each.kind == LIMIT:
            place = (each.source, each.reason)
            limits[place] = limits.get(place, 0) + each.count
        else:
            reasons = doubts.setdefault(each.source, {})
            reasons[each.reason] = reasons.get(each.reason, 0) + each.count
    said = [Omission(source, LIMIT, reason, count).sentence for (source, reason), count in limits.items()]
    for source, reasons in doubts.items():
        most = max(reasons, key=lambda reason: reasons[reason])
        said.append(Omission(source, DOUBT, f"{most}{' …' * (len(reasons) > 1)}", sum(reasons.values())).sentence)
    return said
