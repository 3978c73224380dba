"""Rows of the table `finding` → the list of findings: its columns, orders, and what proves the one under the cursor."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oddport.case.marks import marked_sql
from oddport.case.words import address_text
from tui.data.flows import WITH_PORTS, facts_of, name_of, proto_word, severity_cell
from tui.data.rows import Listing
from tui.format import clock, count, minute
from tui.glyphs import REVIEW_INKS, Glyphs
from tui.widgets.columns import CUT, Cell, Column, Form, TableSpec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class FindingLine:
    """A finding as the list shows it."""

    id: int
    uid: str
    detector: str
    rule: str
    severity: int
    score: int
    title: str
    src: str
    dst: str
    proto: int
    sport: int
    dport: int
    server_port: int
    app: str | None
    expected: str
    flow: int | None
    train: int | None
    first_ns: int
    last_ns: int
    count: int
    verdict: str
    note: str
    techniques: tuple[tuple[str, str], ...]
    """(technique, relation), direct ones first."""
    name: str
    """Of the other side, as the traffic gives it."""
    marked: bool = False
    facts: str | None = None
    """Of its flow, as JSON."""

    @property
    def has_ports(self) -> bool:
        """TCP, UDP, SCTP."""
        return self.proto in WITH_PORTS

    @property
    def port_text(self) -> str:
        """`8088/tcp`; only the protocol where no port is known."""
        return f"{self.server_port}/{proto_word(self.proto)}" if self.server_port else proto_word(self.proto)


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """Bytes that speak for a finding."""

    id: int
    file: int
    packet: int
    offset: int
    length: int
    data: bytes
    says: str
    expected: str
    train: int
    side: int


@dataclass(frozen=True, slots=True)
class Part:
    """A step of the score."""

    value: float
    factor: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Technique:
    """A technique a finding maps to."""

    id: str
    relation: str
    reason: str


@dataclass(frozen=True, slots=True)
class FindingDetail:
    """What the panes show beside the row."""

    summary: str
    parts: tuple[Part, ...]
    rejected: tuple[str, ...]
    lowered: tuple[str, ...]
    evidence: tuple[EvidenceLine, ...]
    techniques: tuple[Technique, ...]
    attack_version: str


RELATIONS = {"direct": 0, "related": 1, "context": 2}

_SELECT = (
    "SELECT f.id, f.uid, f.detector, f.rule, f.severity, f.score, f.title, f.src, f.dst, f.version, f.proto, f.sport,"
    " f.dport, f.server_port, f.app, f.expected, f.flow, f.train, f.first_ns, f.last_ns, f.count, v.verdict, v.note,"
    " (SELECT group_concat(t.technique || ' ' || t.relation, ',') FROM finding_technique t WHERE t.finding = f.id),"
    f" w.facts, {marked_sql('finding', 'f')}"
    " FROM finding f LEFT JOIN verdict v ON v.uid = f.uid LEFT JOIN flow w ON w.id = f.flow"
)


def _mapped(text: str | None) -> tuple[tuple[str, str], ...]:
    pairs = [part.partition(" ")[::2] for part in (text or "").split(",") if part]
    return tuple(sorted(pairs, key=lambda pair: (RELATIONS.get(pair[1], 3), pair[0] != "T1571", pair[0])))


def make(row: Sequence[Any]) -> FindingLine:
    """A row of the listing."""
    (
        row_id, uid, detector, rule, severity, score, title, src, dst, version, proto, sport, dport, server_port, app,
        expected, flow, train, first_ns, last_ns, times, verdict, note, techniques, facts,
        marked,
    ) = row  # fmt: skip
    return FindingLine(
        row_id, uid, detector, rule, severity, score, title, address_text(src, version), address_text(dst, version),
        proto, sport, dport, server_port, app, expected, flow, train, first_ns, last_ns, times, verdict or "",
        note or "",
        _mapped(techniques), name_of(facts_of(facts)), bool(marked), facts,
    )  # fmt: skip


WORST_FIRST = "+severity DESC, +score DESC, +first_ns, id"
LISTING = Listing(
    table="finding",
    select=_SELECT,
    key="f.id",
    make=make,
    orders={
        "sev": "severity",
        "score": "score",
        "finding": "title",
        "from": "src",
        "to": "dst",
        "port": "server_port",
        "times": "count",
        "first": "first_ns",
        "last": "last_ns",
        "attack": "(SELECT min(technique) FROM finding_technique t WHERE t.finding = finding.id)",
        "verdict": "(SELECT verdict FROM verdict v WHERE v.uid = finding.uid)",
    },
    default=WORST_FIRST,
    measure=(
        "max(length(title)) AS title,"
        " max(CASE version WHEN 6 THEN address_width(src) ELSE 15 END) AS src_width,"
        " max(CASE version WHEN 6 THEN address_width(dst) ELSE 15 END) AS dst_width,"
        " length(max(count)) + (length(max(count)) - 1) / 3 AS times"
    ),
)


def detail_of(db: sqlite3.Connection, finding: int) -> FindingDetail | None:
    """The rest of a finding; None if it is gone."""
    row = db.execute(
        "SELECT summary, parts, rejected, lowered, attack_version FROM finding WHERE id = ?", (finding,)
    ).fetchone()
    if row is None:
        return None
    summary, parts, rejected, lowered, version = row
    evidence = tuple(
        EvidenceLine(*found)
        for found in db.execute(
            "SELECT id, file, packet, offset, length, data, says, expected, train, side FROM evidence WHERE finding = ?"
            " ORDER BY id",
            (finding,),
        )
    )
    techniques = sorted(
        (
            Technique(*found)
            for found in db.execute(
                "SELECT technique, relation, reason FROM finding_technique WHERE finding = ?", (finding,)
            )
        ),
        key=lambda found: (RELATIONS.get(found.relation, 3), found.id != "T1571", found.id),
    )
    return FindingDetail(
        summary,
        tuple(Part(value, factor, reason) for value, factor, reason in json.loads(parts)),
        tuple(json.loads(rejected)),
        tuple(json.loads(lowered)),
        evidence,
        tuple(techniques),
        version,
    )


def _text(value: str, ink: str = "text") -> Cell:
    return ((value, ink),)


def _title(finding: FindingLine, glyphs: Glyphs) -> Cell:
    return _text(finding.title, "muted" if finding.verdict == "benign" else "text")


def _port(finding: FindingLine, glyphs: Glyphs) -> Cell:
    return _text(str(finding.server_port)) if finding.server_port else _text(glyphs.none, "muted")


def _techniques(finding: FindingLine, glyphs: Glyphs) -> Cell:
    pieces: list[tuple[str, str]] = []
    for technique, relation in finding.techniques[:2]:
        word = "" if relation == "direct" or len(finding.techniques) > 1 else f" {relation}"
        pieces.append((("  " if pieces else "") + technique + word, "muted"))
    return tuple(pieces)


def _verdict(finding: FindingLine, glyphs: Glyphs) -> Cell:
    if not finding.verdict:
        return ()
    return _text(f"{glyphs.review(finding.verdict)} {finding.verdict}", REVIEW_INKS.get(finding.verdict, "muted"))


def _verdict_sign(finding: FindingLine, glyphs: Glyphs) -> Cell:
    return _text(glyphs.review(finding.verdict), REVIEW_INKS.get(finding.verdict, "muted")) if finding.verdict else ()


def _times(finding: FindingLine, glyphs: Glyphs) -> Cell:
    return _text(count(finding.count) if finding.count > 1 else "", "muted")


SPEC = TableSpec(
    columns=(
        Column("sev", (Form(lambda f, glyphs: severity_cell(f.severity, glyphs), 3, "Sev"),), removable=False),
        Column("score", (Form(lambda f, _: _text(str(f.score)), 5, "Score"),), right=True),
        Column("finding", (Form(_title, 12, "Finding", "title"),), removable=False),
        Column("from", (Form(lambda f, _: _text(f.src), 15, "From", "src_width"),), middle=True, removable=False),
        Column("to", (Form(lambda f, _: _text(f.dst), 15, "To", "dst_width"),), middle=True, removable=False),
        Column("port", (Form(_port, 5, "Port"),), right=True),
        Column("name", (Form(lambda f, _: _text(f.name, "muted"), 20, "Name seen in capture"),)),
        Column("times", (Form(_times, 3, "×", "times"),), right=True),
        Column(
            "first",
            (
                Form(lambda f, _: _text(clock(f.first_ns), "muted"), 10, "First seen"),
                Form(lambda f, _: _text(minute(f.first_ns), "muted"), 5, "First"),
            ),
            right=True,
            time=lambda f: f.first_ns,
        ),
        Column(
            "last",
            (Form(lambda f, _: _text(clock(f.last_ns), "muted"), 9, "Last seen"),),
            right=True,
            time=lambda f: f.last_ns,
        ),
        Column("attack", (Form(_techniques, 16, "ATT&CK"),)),
        Column("verdict", (Form(_verdict, 12, "Verdict"), Form(_verdict_sign, 1, "")), removable=False),
    ),
    steps=("name", "last", "attack", "score", "port", "verdict", "first", CUT, "first", "times"),
    slack=("finding",),
    text="finding",
    text_want=28,
    text_least=12,
    squeeze=("to", "from"),
    sorts=("sev", "score", "finding", "from", "to", "port", "times", "first", "last", "attack", "verdict"),
    descending_first=frozenset({"sev", "score", "times", "verdict"}),
)
