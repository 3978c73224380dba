"""Findings of a scan, and flows that are known to be in order → how often each detector says something of such a flow.

A flow counts as reported where a finding has its capture, its two hosts, its transport and the server's port: whatever
is folded into a finding is counted with it. Fragments that show no port are about no flow.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SEVERITIES = ("info", "low", "medium", "high", "critical")
LIMIT = 3.0
"""Flows of 1,000 that may be reported as medium or worse."""
GOOD, TRUE_KINDS = "negative_gold", frozenset({"negative_gold", "grey_alt"})
Place = tuple[str, str, frozenset[str], int]
"""(file, transport, hosts, server port)"""


@dataclass(slots=True)
class Flows:
    """Flows in order, and what is said of them."""

    total: int = 0
    by_detector: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Detector → severity → flows; the worst of a detector counts."""
    worst: Counter[str] = field(default_factory=Counter)
    """Severity → flows, by the worst finding of all detectors."""

    def take(self, found: Iterable[tuple[str, str]]) -> None:
        """One flow, with (detector, severity) of what is said of it."""
        self.total += 1
        worst: dict[str, int] = {}
        for detector, severity in found:
            worst[detector] = max(worst.get(detector, 0), SEVERITIES.index(severity))
        for detector, level in worst.items():
            self.by_detector[detector][SEVERITIES[level]] += 1
        if worst:
            self.worst[SEVERITIES[max(worst.values())]] += 1


class Said:
    """Findings by what they are about."""

    def __init__(self) -> None:
        self._by_place: dict[Place, list[tuple[str, str]]] = defaultdict(list)

    def take(self, finding: Mapping[str, Any]) -> None:
        """A finding record."""
        hosts = frozenset((finding["src"].lower(), finding["dst"].lower()))
        port = int(finding.get("server_port") or 0)
        said = (str(finding["detector"]), str(finding["severity"]))
        self._by_place[Path(finding["capture"]).name, finding["proto"], hosts, port].append(said)

    def of(self, capture: str, proto: str, hosts: frozenset[str], ports: Iterable[int]) -> Iterator[tuple[str, str]]:
        """(detector, severity) of every finding about a flow."""
        for port in set(ports) - {0}:
            yield from self._by_place.get((capture, proto, hosts, port), ())


def measure(cases: Iterable[Mapping[str, str]], said: Said) -> tuple[Flows, Flows]:
    """Of the truth table's rows: (all flows in order, those of captures in which every judged flow is in order)."""
    rows = list(cases)
    kinds: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        kinds[row["capture"]].add(row["verdict"])
    good, benign = Flows(), Flows()
    for row in rows:
        if row["verdict"] not in TRUE_KINDS:
            continue
        hosts = frozenset((row["src"].lower(), row["dst"].lower()))
        ports = [int(row[word] or 0) for word in ("sport", "dport")]
        found = list(said.of(row["capture"], row["proto"], hosts, ports))
        if row["verdict"] == GOOD:
            good.take(found)
        if kinds[row["capture"]] <= TRUE_KINDS:
            benign.take(found)
    return good, benign


def section(good: Flows, benign: Flows) -> list[str]:
    """Lines of the page."""
    lines = [
        "## False alarms",
        "",
        "Flows whose protocol and port two tools agree on, and of which oddport says something, per 1,000 flows. A",
        "finding counts for every flow between its hosts on its server port. The second table is of flows of captures",
        f"in which every judged flow is in order; some are of attacks. At most {LIMIT:g} of",
        "1,000 may be reported as medium or worse.",
        "",
    ]
    for title, flows in (
        (f"{good.total:,} flows on a port that is theirs", good),
        (f"{benign.total:,} flows of captures without any other", benign),
    ):
        serious = sum(flows.worst[word] for word in SEVERITIES[2:])
        lines += [
            f"| {title} | {' | '.join(SEVERITIES)} | medium or worse |",
            "|---|---|---|---|---|---|---|",
            _row("all", flows.worst, flows.total),
            *(_row(name, flows.by_detector[name], flows.total) for name in sorted(flows.by_detector)),
            "",
            f"Medium or worse: {serious:,} flows.",
            "",
        ]
    return lines


def _row(name: str, counts: Counter[str], total: int) -> str:
    rate = 1000 / (total or 1)
    serious = sum(counts[word] for word in SEVERITIES[2:])
    cells = [f"{counts[word] * rate:.2f}" if counts[word] else "" for word in SEVERITIES]
    return f"| {name} | {' | '.join(cells)} | {serious * rate:.2f} |"
