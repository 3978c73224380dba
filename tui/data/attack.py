"""Findings of a case → ATT&CK techniques with counts, and the findings of one technique."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from oddport.case.words import address_text, protocol_word
from tui.format import endpoint

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class TechniqueLine:
    """A technique that findings map to."""

    id: str
    name: str
    tactics: tuple[str, ...]
    """Short names: `command-and-control`."""
    direct: int
    related: int
    context: int
    worst: int
    """Severity of the worst finding."""

    @property
    def findings(self) -> int:
        """All of them."""
        return self.direct + self.related + self.context


@dataclass(frozen=True, slots=True)
class MappedLine:
    """A finding under a technique."""

    id: int
    severity: int
    title: str
    relation: str
    reason: str
    flow: int | None
    ends: tuple[str, str]
    """Originator and responder with their ports."""
    count: int
    verdict: str
    server_port: int = 0
    transport: str = ""
    """`tcp`, `udp` …"""


@dataclass(frozen=True, slots=True)
class Overview:
    """What of ATT&CK a case has."""

    techniques: tuple[TechniqueLine, ...] = ()
    """Most findings first, then by id."""
    tactics: tuple[tuple[str, int], ...] = ()
    """(short name, findings), in the order of the matrix."""
    mapped: int = 0
    """Findings with a technique."""
    findings: int = 0


def overview(db: sqlite3.Connection) -> Overview:
    """All techniques of the findings."""
    from oddport.attack import UnknownTechnique, tactics, technique

    counts: dict[str, dict[str, int]] = {}
    worst: dict[str, int] = {}
    cursor = db.execute(
        "SELECT t.technique, t.relation, count(*), max(f.severity) FROM finding_technique t"
        " JOIN finding f ON f.id = t.finding GROUP BY 1, 2"
    )
    for name, relation, number, severity in cursor:
        counts.setdefault(name, {})[relation] = number
        worst[name] = max(worst.get(name, 0), severity)
    lines = []
    for name, by in counts.items():
        try:
            about = technique(name)
            title, slugs = about.name, tuple(tactic.slug for tactic in about.tactics)
        except UnknownTechnique:  # of a detector that knows another version
            title, slugs = "not in this version of ATT&CK", ()
        lines.append(
            TechniqueLine(
                name, title, slugs, by.get("direct", 0), by.get("related", 0), by.get("context", 0), worst[name]
            )
        )
    lines.sort(key=lambda line: (-line.findings, line.id))
    ids_by_slug: dict[str, list[str]] = {}
    for line in lines:
        for slug in line.tactics:
            ids_by_slug.setdefault(slug, []).append(line.id)
    totals = []
    for tactic in tactics():
        ids = ids_by_slug.get(tactic.slug, [])
        marks = ",".join("?" * len(ids))
        number = 0
        if ids:
            number = db.execute(
                f"SELECT count(DISTINCT finding) FROM finding_technique WHERE technique IN ({marks})", ids
            ).fetchone()[0]
        totals.append((tactic.slug, number))
    mapped = db.execute("SELECT count(DISTINCT finding) FROM finding_technique").fetchone()[0]
    findings = db.execute("SELECT count(*) FROM finding").fetchone()[0]
    return Overview(tuple(lines), tuple(totals), mapped, findings)


def mapped_findings(db: sqlite3.Connection, technique: str, limit: int) -> list[MappedLine]:
    """Findings of a technique, direct ones first, then the worst; at most `limit`."""
    cursor = db.execute(
        "SELECT f.id, f.severity, f.title, t.relation, t.reason, f.flow, f.src, f.dst, f.version, f.sport, f.dport,"
        " f.count, v.verdict, f.server_port, f.proto FROM finding_technique t JOIN finding f ON f.id = t.finding"
        " LEFT JOIN verdict v ON v.uid = f.uid WHERE t.technique = ? ORDER BY f.severity DESC, f.score DESC,"
        " CASE t.relation WHEN 'direct' THEN 0 WHEN 'related' THEN 1 ELSE 2 END, f.first_ns, f.id LIMIT ?",
        (technique, limit),
    )
    return [
        MappedLine(
            row_id, severity, title, relation, reason, flow,
            (endpoint(address_text(src, version), sport or None), endpoint(address_text(dst, version), dport or None)),
            times, verdict or "", server_port, protocol_word(proto),
        )
        for row_id, severity, title, relation, reason, flow, src, dst, version, sport, dport, times, verdict,
        server_port,
        proto in cursor
    ]  # fmt: skip
