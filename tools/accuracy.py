"""A collection of captures with the names that other tools gave → docs/accuracy.md: who names what, side by side.

usage: accuracy.py COLLECTION [--results SCAN.ndjson] [--output docs/accuracy.md]

COLLECTION is a folder of captures with truth_flows.csv.gz (one row a flow, with the names of nDPI and tshark) and
truth_t1571.csv (port verdicts); beside it lies vocabulary.json, which says what names mean the same. Without --results
the captures are scanned first.

Nobody knows the truth. A flow's name here is what at least two of the three tools give, so that each of them is held
to the other two. A vote is not fair to who is alone and right.
"""

import argparse
import csv
import gzip
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.false_alarms import Said, measure, section  # noqa: E402 - found from the folder of the tools' package
from tools.sections import onto  # noqa: E402
from tools.sections import section as section_of  # noqa: E402

TOOLS = ("oddport", "nDPI", "tshark")
OF_OTHERS = ("## Bytes that mean nothing", "## Beacons")
"""Sections of the page that noise.py and benchmarks/beacon.py write."""
LEAST = 5
"""Flows of a protocol that count in the mean over protocols."""
Key = tuple[str, str, tuple[tuple[str, int], ...]]
"""(file, transport, both ends in order)"""


@dataclass(slots=True)
class Vocabulary:
    """Which names mean the same."""

    groups: list[set[str]]

    def same(self, one: str, other: str) -> bool:
        """Whether the two names are one, or stand in a group."""
        return one == other or any(one in group and other in group for group in self.groups)


@dataclass(slots=True)
class Score:
    """How the tools name the flows of one protocol."""

    flows: int = 0
    right: Counter[str] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)
    """Named otherwise."""


def key(capture: str, proto: str, src: str, sport: object, dst: str, dport: object) -> Key:
    """The flow, whichever end is named first."""
    ends = sorted([(src.lower(), int(str(sport or 0))), (dst.lower(), int(str(dport or 0)))])
    return Path(capture).name, proto, tuple(ends)


def scanned(lines: Iterable[str], said: Said) -> dict[Key, dict[str, Any]]:
    """Flow records of `oddport scan --format ndjson`; of those between the same ends the one with most payload.

    Flows in tunnels are left out. Findings are told to `said`.
    """
    found: dict[Key, dict[str, Any]] = {}
    for line in lines:
        flow = json.loads(line)
        if flow["type"] == "finding":
            said.take(flow)
        if flow["type"] != "flow" or flow.get("tunnel"):
            continue
        where = key(*(flow[word] for word in ("capture", "proto", "src", "sport", "dst", "dport")))
        known = found.get(where)
        if known is None or (flow["payload_bytes"], bool(flow["app"])) > (known["payload_bytes"], bool(known["app"])):
            found[where] = flow
    return found


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Lines of a table, packed or not, without those of flows in tunnels."""
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as lines:
        yield from (row for row in csv.DictReader(lines) if row["tunnel"] != "1")


def row_key(row: Mapping[str, str]) -> Key:
    """The flow of a line."""
    return key(*(row[word] for word in ("capture", "proto", "src", "sport", "dst", "dport")))


def vote(names: Mapping[str, str], vocabulary: Vocabulary) -> str:
    """The name that at least two tools give; "" where all differ. Of names for the same the last tool's counts."""
    given = [(tool, names[tool]) for tool in reversed(TOOLS) if names[tool]]
    for tool, name in given:
        if any(tool != other and vocabulary.same(name, word) for other, word in given):
            return name
    return ""


def identification(
    table: Iterable[dict[str, str]], ours: Mapping[Key, dict[str, Any]], vocabulary: Vocabulary
) -> dict[str, Score]:
    """By protocol, how each tool names the flows on which two of them agree."""
    scores: dict[str, Score] = defaultdict(Score)
    for row in table:
        flow = ours.get(row_key(row))
        names = {"oddport": (flow or {}).get("app") or "", "nDPI": row["ndpi_label"], "tshark": row["tshark_label"]}
        voted = vote(names, vocabulary)
        if not voted:
            continue
        score = scores[voted]
        score.flows += 1
        for tool, name in names.items():
            if name:
                (score.right if vocabulary.same(name, voted) else score.other)[tool] += 1
    return dict(scores)


def verdicts(
    table: Iterable[dict[str, str]], ours: Mapping[Key, dict[str, Any]], vocabulary: Vocabulary
) -> dict[str, tuple[int, dict[str, int]]]:
    """Verdict class → cases, and how many of them each tool reports as a protocol on a port that is not its own."""
    reported: dict[str, dict[str, set[str]]] = defaultdict(lambda: {"oddport": set(), "nDPI": set()})
    cases: dict[str, set[str]] = defaultdict(set)
    for row in table:
        kind, case = row["verdict"], row["case_id"]
        cases[kind].add(case)
        flow = ours.get(row_key(row))
        if flow is not None and flow["port_verdict"] == "mismatch" and vocabulary.same(flow["app"] or "", row["label"]):
            reported[kind]["oddport"].add(case)
        if row["ndpi_nonstd_risk"] == "1":
            reported[kind]["nDPI"].add(case)
    return {kind: (len(all_), {t: len(reported[kind][t]) for t in ("oddport", "nDPI")}) for kind, all_ in cases.items()}


def share(part: int, whole: int) -> str:
    """In per cent, with one digit behind the point."""
    return f"{100 * part / whole:.1f}" if whole else "–"


def render(
    scores: Mapping[str, Score], judged: Mapping[str, tuple[int, dict[str, int]]], captures: int, alarms: list[str]
) -> str:
    """The page; `alarms`: its section about false ones."""
    total = sum(score.flows for score in scores.values())
    common = [score for score in scores.values() if score.flows >= LEAST]
    lines = [
        "# Accuracy",
        "",
        f"Who names what in {captures:,} real captures with {len(scores)} protocols, written by",
        "`python tools/accuracy.py COLLECTION`. nDPI and tshark are as the collection recorded them; nDPI counts only",
        "where it looked at the bytes.",
        "",
        "The truth of a flow is what at least two of the three tools call it: each is held to the other two. That is",
        "not fair to who is alone and right, and a protocol that only one of them knows does not occur.",
        "",
        "| tool | named as voted, % | named otherwise, % | without a name, % | mean over protocols, % |",
        "|---|---|---|---|---|",
    ]
    for tool in TOOLS:
        right = sum(score.right[tool] for score in scores.values())
        other = sum(score.other[tool] for score in scores.values())
        mean = sum(100 * score.right[tool] / score.flows for score in common) / (len(common) or 1)
        figures = (share(right, total), share(other, total), share(total - right - other, total), f"{mean:.1f}")
        lines.append(f"| {tool} | {' | '.join(figures)} |")
    lines += [
        "",
        f"{total:,} flows; the mean is over the {len(common)} protocols with {LEAST} flows or more.",
        "",
        "## Protocols on ports that are not theirs",
        "",
        "Cases are a capture, a protocol and a port. tshark makes no such claim.",
        "",
        "| cases | | oddport reports, % | nDPI reports, % |",
        "|---|---|---|---|",
    ]
    for kind, says in KINDS.items():
        cases, reported = judged.get(kind, (0, {"oddport": 0, "nDPI": 0}))
        lines.append(f"| {says} | {cases:,} | {share(reported['oddport'], cases)} | {share(reported['nDPI'], cases)} |")
    lines += [
        "",
        *alarms,
        "## By protocol",
        "",
        "Share of the flows that each tool names as voted, in per cent; in brackets those it names otherwise.",
        "",
        "| protocol | flows | oddport | nDPI | tshark |",
        "|---|---|---|---|---|",
    ]
    for name, score in sorted(scores.items(), key=lambda each: (-each[1].flows, each[0])):
        cells = [
            share(score.right[tool], score.flows)
            + (f" ({share(score.other[tool], score.flows)})" if score.other[tool] else "")
            for tool in TOOLS
        ]
        lines.append(f"| {name} | {score.flows:,} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


KINDS = {
    "positive_gold": "not its port: should be reported",
    "negative_gold": "its port: should not",
    "grey_alt": "a port in wide use for it: should not",
}


def main() -> int:
    """Write the page; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "accuracy.md")
    options = parser.parse_args()
    collection: Path = options.collection
    words = json.loads((collection.parent / "vocabulary.json").read_text(encoding="utf-8"))
    vocabulary = Vocabulary([set(group) for group in words["equivalent"]])
    said = Said()
    if options.results is not None:
        with options.results.open(encoding="utf-8") as lines:
            ours = scanned(lines, said)
    else:
        command = [sys.executable, "-m", "oddport", "scan", "--each", "--format", "ndjson", str(collection)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
            assert process.stdout is not None
            ours = scanned(process.stdout, said)
        if process.returncode:
            print(f"oddport scan ended with {process.returncode}, so nothing was written.", file=sys.stderr)
            return process.returncode
    scores = identification(rows(collection / "truth_flows.csv.gz"), ours, vocabulary)
    judged = verdicts(rows(collection / "truth_t1571.csv"), ours, vocabulary)
    captures = len({where[0] for where in ours})
    alarms = section(*measure(rows(collection / "truth_t1571.csv"), said))
    before = options.output.read_text(encoding="utf-8") if options.output.exists() else ""
    page = render(scores, judged, captures, alarms)
    for heading in OF_OTHERS:
        page = onto(page, section_of(before, heading))
    options.output.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
