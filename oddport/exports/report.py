"""A case → a report for somebody who was not there: findings with their bytes, ATT&CK, the course of time, verdicts.

As Markdown or as one HTML page without scripts or anything from elsewhere. What comes from the wire is escaped for
each.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from oddport.attack import UnknownTechnique, technique
from oddport.case.model import EvidenceRow, FindingRow
from oddport.case.reader import CaseReader
from oddport.case.timeline import OverTime
from oddport.exports.rows import time_text
from oddport.wording import count, plural, safe, size

MOST_FINDINGS = 500
"""Findings that are told in full; the others are counted."""
BARS = 60
LEVELS = "▁▂▃▄▅▆▇█"
EVIDENCE = 8
"""Rows of evidence of a finding."""
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#26313b}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2em .8em .2em 0;vertical-align:top;"
    "border-bottom:1px solid #e7e3da}code{background:#ffd23f;padding:0 .2em}h2{margin-top:2em}"
    "rect{fill:#9dcbd2}rect.found{fill:#b0231a}"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&$])")


@dataclass(frozen=True, slots=True)
class Told:
    """A finding with all that is told of it."""

    finding: FindingRow
    evidence: tuple[EvidenceRow, ...]
    techniques: tuple[tuple[str, str, str], ...]
    """(id, relation, reason)"""


class Markdown:
    """Text with signs."""

    def text(self, value: str) -> str:
        """A value of the case, so that no sign of it means anything."""
        return _MARKDOWN.sub(r"\\\1", safe(value))

    def code(self, value: str) -> str:
        """Bytes."""
        return f"`{value}`"

    def heading(self, level: int, value: str) -> str:
        """A title."""
        return f"\n{'#' * level} {self.text(value)}\n\n"

    def paragraph(self, value: str) -> str:
        """Text that is escaped already."""
        return f"{value}\n\n"

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        """Rows of cells that are escaped already."""
        lines = [heads, ["---"] * len(heads), *rows]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines) + "\n"

    def timeline(self, found: OverTime) -> str:
        """Packets as bars of text, findings under them."""
        top = max(found.packets, default=0) or 1
        bars = "".join(LEVELS[min(value * len(LEVELS) // (top + 1), 7)] if value else " " for value in found.packets)
        marks = "".join("▲" if any(lane[part] for lane in found.findings) else " " for part in range(len(bars)))
        return f"    {bars}\n    {marks}\n\n"

    def page(self, title: str, body: str) -> str:
        """The whole."""
        return f"# {self.text(title)}\n\n{body.lstrip()}"


class Html(Markdown):
    """One page."""

    def text(self, value: str) -> str:
        return html.escape(safe(value))

    def code(self, value: str) -> str:
        return f"<code>{value}</code>"

    def heading(self, level: int, value: str) -> str:
        return f"<h{level}>{self.text(value)}</h{level}>\n"

    def paragraph(self, value: str) -> str:
        return f"<p>{value}</p>\n"

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        head = "".join(f"<th>{cell}</th>" for cell in heads)
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n" for cells in rows)
        return f"<table><tr>{head}</tr>\n{body}</table>\n"

    def timeline(self, found: OverTime) -> str:
        top = max(found.packets, default=0) or 1
        rects = []
        for part, value in enumerate(found.packets):
            tall = round(60 * value / top, 1)
            rects.append(f'<rect x="{part * 12}" y="{60 - tall}" width="11" height="{tall}"/>')
            if any(lane[part] for lane in found.findings):
                rects.append(f'<rect class="found" x="{part * 12 + 3}" y="66" width="5" height="5"/>')
        return f'<svg viewBox="0 0 {12 * len(found.packets)} 72" width="100%">{"".join(rects)}</svg>\n'

    def page(self, title: str, body: str) -> str:
        return (
            f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{self.text(title)}</title>\n'
            f"<style>{STYLE}</style>\n<h1>{self.text(title)}</h1>\n{body}</html>\n"
        )


def write_report(reader: CaseReader, title: str, form: str, out: TextIO, findings: Sequence[int] | None = None) -> int:
    """Writes the report as `html` or `md`; returns how many findings it tells of.

    findings: row ids in the order in which they are told; all, the worst first, if None. Raises CaseError where the
    case cannot be read, OSError where it cannot be written.
    """
    pen = Html() if form == "html" else Markdown()
    ids = reader.query_ids("findings", order=[("severity", True), ("score", True), "first_ns"])
    chosen = list(ids if findings is None else findings)
    told = [each for number in chosen[:MOST_FINDINGS] if (each := _tell(reader, number)) is not None]
    parts = [_summary(reader, pen, len(chosen)), _over_time(reader, pen), _list(pen, told), _attack(pen, told)]
    parts += [_finding(pen, each) for each in told]
    if len(chosen) > MOST_FINDINGS:
        parts.append(pen.paragraph(f"{count(len(chosen) - MOST_FINDINGS)} more findings are in the case."))
    out.write(pen.page(title, "".join(parts)))
    return len(told)


def _tell(reader: CaseReader, number: int) -> Told | None:
    finding = reader.finding(number)
    if finding is None:
        return None
    techniques = tuple((each.technique, each.relation, each.reason) for each in reader.techniques(number))
    return Told(finding, tuple(reader.evidence(number)), techniques)


def _summary(reader: CaseReader, pen: Markdown, chosen: int) -> str:
    counts = reader.counts()
    rows = [
        [pen.text(each.path), size(each.size), count(each.packets),
         pen.text(f"{time_text(each.first_ns or 0)[:19]} to {time_text(each.last_ns or 0)[:19]} UTC")]
        for each in reader.files()
    ]  # fmt: skip
    said = (
        f"{plural(counts.flows, 'flow')} and {plural(counts.packets, 'packet')};"
        f" {plural(sum(counts.findings), 'finding')}, {count(counts.reviewed)} of them reviewed."
        f" This report tells of {count(chosen)}."
    )
    return pen.paragraph(pen.text(said)) + pen.table(["Capture", "Size", "Packets", "From, to"], rows)


def _over_time(reader: CaseReader, pen: Markdown) -> str:
    found = reader.over_time(BARS)
    return "" if found is None else pen.heading(2, "Packets and findings over time") + pen.timeline(found)


def _list(pen: Markdown, told: Sequence[Told]) -> str:
    rows = [
        [pen.text(each.severity), str(each.score), pen.text(each.title), pen.text(each.src), pen.text(each.dst),
         pen.text(each.verdict or "not reviewed")]
        for each in (one.finding for one in told)
    ]  # fmt: skip
    heads = ["Severity", "Score", "Finding", "From", "To", "Verdict"]
    return pen.heading(2, "Findings") + pen.table(heads, rows) if rows else pen.paragraph("No findings.")


def _attack(pen: Markdown, told: Sequence[Told]) -> str:
    by_technique: dict[str, dict[str, int]] = {}
    for each in told:
        for name, relation, _ in each.techniques:
            counts = by_technique.setdefault(name, {})
            counts[relation] = counts.get(relation, 0) + 1
    rows = [
        [
            name,
            pen.text(_name(name)),
            *(str(by_technique[name].get(word, "")) for word in ("direct", "related", "context")),
        ]
        for name in sorted(by_technique)
    ]
    heads = ["Technique", "Name", "Direct", "Related", "Context"]
    return pen.heading(2, "MITRE ATT&CK") + pen.table(heads, rows) if rows else ""


def _name(name: str) -> str:
    try:
        return technique(name).name
    except UnknownTechnique:
        return ""


def _finding(pen: Markdown, told: Told) -> str:
    finding = told.finding
    ports = finding.proto in ("tcp", "udp", "sctp")
    source = _end(finding.src, finding.sport if ports else None)
    ends = f"{source} to {_end(finding.dst, finding.dport if ports else None)}"
    facts = [
        ["Severity", pen.text(f"{finding.severity}, score {finding.score}")],
        ["Between", pen.text(f"{ends}, {finding.proto}")],
        ["First, last", pen.text(f"{time_text(finding.first_ns)}, {time_text(finding.last_ns)}")],
        ["Occurrences", count(finding.count)],
    ]
    for row in told.evidence[:EVIDENCE]:
        place = f"packet {count(row.packet)}, offset {row.offset}, {plural(row.length, 'byte')}"
        facts.append(["Seen", f"{pen.code(row.data[:16].hex(' '))} {pen.text(row.says)} ({pen.text(place)})"])
    if len(told.evidence) > EVIDENCE:
        facts.append(["", f"{len(told.evidence) - EVIDENCE} more"])
    if finding.expected:
        facts.append(["Expected", pen.text(finding.expected)])
    facts += [["Rejected", pen.text(reason)] for reason in finding.rejected]
    facts += [["Lowered", pen.text(reason)] for reason in finding.lowered]
    facts += [["ATT&amp;CK" if isinstance(pen, Html) else "ATT&CK", pen.text(f"{name} ({relation}): {reason}")]
              for name, relation, reason in told.techniques]  # fmt: skip
    facts.append(["Verdict", pen.text(finding.verdict or "not reviewed")])
    if finding.note:
        facts.append(["Note", pen.text(finding.note.replace("\n", " / "))])
    return pen.heading(3, finding.title) + pen.paragraph(pen.text(finding.summary)) + pen.table(["", ""], facts)


def _end(address: str, port: int | None) -> str:
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
