"""A flow and its finding → the lines that say what was seen, what was expected, why it matters, and the facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oddport.case.words import PORT_VERDICTS, SEVERITIES
from tui.format import clock, count, duration, endpoint, hexes, plural, size
from tui.glyphs import REVIEW_INKS, SEVERITY_INKS, SEVERITY_LETTERS, VERDICT_INKS, VERDICT_WORDS
from tui.widgets.line import EMPTY, Line, Piece, Span, cut, line, spans, width_of, wrap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oddport.case.model import EvidenceRow, FindingRow, FlowRow, OwnerRow, ScoreStep, TechniqueRow
    from tui.glyphs import Glyphs

LABEL = 10
"""Cells of a label and the gap behind it."""
SEEN_ROWS = 2
"""Rows of evidence at once; `b` shows the next ones."""
BYTES_LEAST, BYTES_MOST = 5, 16
"""Bytes of one row of evidence."""
NAMES = ("sni", "host", "qname", "server_name", "hostname")
_FACT_WORDS: dict[str, str] = {
    "sni": "Name", "host": "Name", "qname": "Name", "server_name": "Name", "hostname": "Name", "ja4": "JA4",
    "ja3": "JA3", "ja4s": "JA4S", "alpn": "ALPN", "alpn_chosen": "ALPN taken", "user_agent": "Agent",
    "banner": "Banner", "server": "Server", "cipher": "Cipher", "version": "Version", "status": "Status",
    "method": "Method", "target": "Target", "answers": "Answers", "user": "User", "software": "Software",
    "hassh": "HASSH", "announced_by": "Announced",
}  # fmt: skip
_SIDES = {
    "responder by SYN": "the server's side, by SYN and SYN-ACK",
    "originator by grammar": "the originator speaks as the server",
    "responder by grammar": "the responder speaks as the server",
    "originator by port": "the originator's side, by the lower port",
    "responder by port": "the responder's side, by the lower port",
}  # fmt: skip
_TIERS = {"A": "both directions", "B": "one direction", "C": "by signs only"}
_STATES = {
    "S0": "tried, never answered", "S1": "opened, not closed", "SF": "opened and closed", "REJ": "refused",
    "S2": "the originator closed its side only", "S3": "the responder closed its side only",
    "RSTO": "aborted by the originator", "RSTR": "aborted by the responder",
    "RSTOS0": "tried, then aborted by the originator", "RSTRH": "answered, then aborted, its start not seen",
    "SH": "tried and closed, no answer seen", "SHR": "answered and closed, its start not seen",
    "OTH": "seen in the middle only",
}  # fmt: skip
"""Zeek's conn_state, in words."""


@dataclass(frozen=True, slots=True)
class FlowPicture:
    """All that the screen says of a flow."""

    flow: FlowRow
    finding: FindingRow | None = None
    evidence: tuple[EvidenceRow, ...] = ()
    techniques: tuple[TechniqueRow, ...] = ()
    places: Mapping[int, int] | None = None
    """Id of an evidence row → 0-based place of its packet in the flow, where it is in it."""

    @property
    def severity(self) -> int | None:
        """Number of the finding's severity."""
        return SEVERITIES.index(self.finding.severity) if self.finding is not None else None


def ends(flow: FlowRow, glyphs: Glyphs) -> str:
    """`10.20.3.14:51544 → 203.0.113.80:8088`."""
    ported = flow.proto in ("tcp", "udp", "sctp", "udplite")
    return (
        f"{endpoint(flow.src, flow.sport if ported else None)} {glyphs.forward} "
        f"{endpoint(flow.dst, flow.dport if ported else None)}"
    )


def verdict_number(flow: FlowRow) -> int:
    """Number of the port verdict."""
    return PORT_VERDICTS.index(flow.verdict)


def port_pieces(flow: FlowRow, glyphs: Glyphs) -> list[Piece]:
    """`8088 ≠ tls`, in the colour of the verdict if it is an odd one."""
    number = verdict_number(flow)
    port = flow.server_port or flow.dport
    odd = flow.verdict == "mismatch"
    ink, strong = VERDICT_INKS[number] + (" bold" if odd else ""), "strong" if odd else "text"
    sign = glyphs.verdict[number].strip() or glyphs.none
    return [(f"{port} ", strong), (sign, ink), (f" {app_word(flow)}", strong)]


def app_word(flow: FlowRow) -> str:
    """What is spoken, or why there is no name for it."""
    if flow.app:
        return flow.app
    return "unknown" if flow.payload_o or flow.payload_r else "no data"


def port_reason(flow: FlowRow) -> str:
    """The verdict in words: `in wide use for tls`."""
    word = VERDICT_WORDS[verdict_number(flow)]
    if flow.app and flow.verdict == "alternate":
        return f"in wide use for {flow.app}"
    if flow.app and flow.verdict == "standard":
        return f"the standard port of {flow.app}"
    return word


def title_pieces(picture: FlowPicture, glyphs: Glyphs) -> list[Piece]:
    """Severity and title of the finding; the port and what is spoken on it where there is none."""
    if picture.finding is None or picture.severity is None:
        return [*port_pieces(picture.flow, glyphs), (f"   {port_reason(picture.flow)}", "muted")]
    number = picture.severity
    sign = f"{glyphs.severity[number]} {SEVERITY_LETTERS[number]}"
    return [(sign, SEVERITY_INKS[number]), (f"  {picture.finding.title}", "strong")]


def label(text: str) -> Span:
    """A label in its column."""
    return Span(text.ljust(LABEL), "muted")


# claims ---------------------------------------------------------------------------------------------------------------


def claim_lines(picture: FlowPicture, glyphs: Glyphs, width: int, first: int, wide: bool) -> list[Line]:
    """Seen, expected, rejected, score and ATT&CK; `first` is the first row of evidence that is shown."""
    finding = picture.finding
    if finding is None:
        return []
    rows = seen_lines(picture, glyphs, width, first, wide)
    why = next((found.expected for found in picture.evidence if found.expected), "")
    expected = finding.expected or "nothing in particular"
    reason = f"   {why}" if why and why != expected else ""
    rows.append(line(label("Expected"), (expected, "expected"), (reason, "muted")))
    if wide:
        for place, reason in enumerate(finding.rejected[:3]):
            rows.append(line(label("Rejected" if place == 0 else ""), (reason, "muted")))
        rows += [EMPTY, *score_lines(finding, picture.severity or 0, width), EMPTY]
    else:
        rows.append(score_line(finding, picture.severity or 0))
    rows += technique_lines(picture.techniques, wide)
    return rows


def seen_lines(picture: FlowPicture, glyphs: Glyphs, width: int, first: int, wide: bool) -> list[Line]:
    """Rows of evidence as filled bytes, what they are, packet and direction.

    What the bytes are goes before more of the bytes: they can all be seen in the packet.
    """
    shown = picture.evidence[first : first + SEEN_ROWS]
    words = [
        (found.says, f"{place_text(picture, found, wide)} {glyphs.back if found.side else glyphs.forward}")
        for found in shown
    ]
    room = width - 2 - LABEL - max((width_of(spans(pair)) for pair in words), default=0) - 4
    limit = max(BYTES_LEAST, min((room + 1) // 3, BYTES_MOST))
    texts = [hexes(found.data[:limit]) for found in shown]
    longest = max(map(len, texts), default=0)
    hidden = len(picture.evidence) - first - SEEN_ROWS
    rows: list[Line] = []
    for at, (text, (says, where)) in enumerate(zip(texts, words, strict=True)):
        lead = [label("Seen")] if at == 0 else [label("")]
        if at and hidden > 0:
            more = f"{count(hidden)} more "
            lead = [Span(more, "muted"), Span("b".ljust(max(LABEL - len(more), 2)), "key")]
        says = cut(says, max(width - 2 - LABEL - longest - 4 - len(where), 8), glyphs.cut)
        rows.append(line(*lead, (text, "evidence"), " " * (longest - len(text)), f"  {says}", (f"  {where}", "muted")))
    if not rows and picture.finding is not None:
        rows.append(line(label("Seen"), picture.finding.summary))
    return rows


def place_text(picture: FlowPicture, found: EvidenceRow, wide: bool) -> str:
    """`packet 4`, counted in the flow, else in its capture; with the offset where there is room."""
    if found.train:
        where = "datagram of fragments"
    else:
        place = (picture.places or {}).get(found.id)
        where = f"packet {count(place + 1)}" if place is not None else f"packet {count(found.packet)} of the capture"
    return f"{where} +{found.offset}" if wide else where


def step_text(step: ScoreStep) -> str:
    """`+15`, `× 1.2`, `-10`."""
    value = f"{step.value:g}"
    if step.factor:
        return f"× {value}"
    return value if step.value < 0 else f"+{value}"


def score_line(finding: FindingRow, severity: int) -> Line:
    """The score with its parts, in one row."""
    pieces: list[Piece] = [label("Score"), (str(finding.score), f"{SEVERITY_INKS[severity]} bold")]
    for at, step in enumerate(finding.parts):
        value = f"{step.value:g}" if at == 0 else step_text(step)
        pieces.append((f"  {value} {step.reason}", "muted"))
    return line(*pieces)


def score_lines(finding: FindingRow, severity: int, width: int) -> list[Line]:
    """The score, one row a part."""
    rows = []
    for at, step in enumerate(finding.parts):
        value = f"{step.value:g}" if at == 0 else step_text(step)
        rows.append(line(label("Score" if at == 0 else ""), f"{value:>5}", (f"  {step.reason}", "muted")))
    ink = SEVERITY_INKS[severity]
    rows.append(
        line(label("" if rows else "Score"), (f"{finding.score:>5}", f"{ink} bold"), (f"  {finding.severity}", ink))
    )
    for reason in finding.lowered:
        for at, text in enumerate(wrap(reason, max(width - LABEL - 2, 10))):
            rows.append(line(label("Lowered" if at == 0 else ""), (text, "muted")))
    return rows


def technique_lines(techniques: Sequence[TechniqueRow], wide: bool) -> list[Line]:
    """ATT&CK: one row in all at 80 cells, one a technique with its name where there is room."""
    if not techniques:
        return []
    if not wide:
        pieces: list[Piece] = [label("ATT&CK")]
        for found in techniques[:3]:
            pieces += [(found.technique, "accent"), (f" {found.relation}  ", "text")]
        return [line(*pieces, (f" {techniques[0].reason}", "muted"))]
    return [
        line(
            label("ATT&CK" if at == 0 else ""), (found.technique, "accent"), f" {technique_name(found.technique)}  ",
            (found.relation, "strong plain"), (f"  {found.reason}", "muted"),
        )
        for at, found in enumerate(techniques)
    ]  # fmt: skip


def technique_name(technique: str) -> str:
    """The name by ATT&CK; empty for an id that this version does not know."""
    from oddport.attack import UnknownTechnique
    from oddport.attack import technique as known

    try:
        return known(technique).name
    except UnknownTechnique:
        return ""


# facts ----------------------------------------------------------------------------------------------------------------

Fact = tuple[str, list[Piece]]


def name_of(flow: FlowRow) -> str:
    """The name of the other side, as the traffic gives it."""
    return next((value for key in NAMES if isinstance(value := flow.facts.get(key), str) and value), "")


def fact_value(value: Any) -> str:
    """A fact as text."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def facts(picture: FlowPicture, glyphs: Glyphs) -> list[Fact]:
    """All facts of the flow, the most telling first."""
    flow = picture.flow
    found: list[Fact] = [("App", _app(flow)), ("Port", [*port_pieces(flow, glyphs), _side(flow)])]
    name = name_of(flow)
    if name:
        found.append(("Name", [(name, "accent")]))
    found += [
        (_FACT_WORDS.get(key, key.replace("_", " ").capitalize()), [fact_value(value)])
        for key, value in flow.facts.items()
        if value != name and not (key == "version" and _version(flow))
    ]
    if flow.app == "tls" and _version(flow).endswith("1.3") and "subject" not in flow.facts:
        found.append(("Certificate", [("not visible: TLS 1.3 encrypts it", "muted")]))
    return [*found, *traffic(flow, glyphs), *_judgement(picture, glyphs)]


def _side(flow: FlowRow) -> Piece:
    return (f"   {_SIDES.get(flow.server, 'which side serves is not known')}", "muted")


def _version(flow: FlowRow) -> str:
    value = flow.facts.get("version")
    return value if isinstance(value, str) and len(value) <= 8 else ""


def _app(flow: FlowRow) -> list[Piece]:
    app, version = app_word(flow), _version(flow).lower()
    text = version if version.startswith(app) else f"{app} {version}".strip()
    if not flow.tier:
        return [text, (f"   {', '.join(flow.unnamed)}", "muted")] if flow.unnamed else [text]
    return [f"{text}, tier {flow.tier}", (f", {_TIERS.get(flow.tier, '')}", "text")]


def _owner(owner: OwnerRow) -> list[Piece]:
    """`curl, pid 812, of ann   /usr/bin/curl   originator`, or why it is not known."""
    side = ("   responder" if owner.side else "   originator", "muted")
    if not owner.name:
        return [("not known", "text"), (f": {owner.why}", "muted"), side]
    told = f"{owner.name}, pid {owner.pid}" + (f", of {owner.user}" if owner.user else "")
    return [told, *([(f"   {owner.path}", "text")] if owner.path else []), side]


def traffic(flow: FlowRow, glyphs: Glyphs) -> list[Fact]:
    """Time, packets, bytes, state."""
    forward, back = glyphs.forward, glyphs.back
    found: list[Fact] = [
        ("Time", [clock(flow.first_ns, 3), (f"   {duration(flow.last_ns - flow.first_ns)}", "text")]),
        ("Packets", [f"{count(flow.packets)}   {forward} {count(flow.packets_o)}   {back} {count(flow.packets_r)}"]),
        (
            "Bytes",
            [f"{size(flow.bytes)}   {forward} {size(flow.bytes_o)}   {back} {size(flow.bytes_r)}",
             (f"   payload {size(flow.payload_o + flow.payload_r)}", "muted")],
        ),
    ]  # fmt: skip
    if flow.state:
        found.append(("State", [_STATES.get(flow.state, flow.state), (f"   {flow.state}", "muted")]))
    if flow.parent is not None:
        found.append(("Inside", [" > ".join(flow.tunnel), (f"   flow {flow.parent}", "muted")]))
    found += [("Process", _owner(owner)) for owner in flow.owners]
    if flow.notes:
        found.append(("Notes", [", ".join(flow.notes)]))
    if flow.open:
        found.append(("Open", ["more packets may come"]))
    return found


def _judgement(picture: FlowPicture, glyphs: Glyphs) -> list[Fact]:
    finding = picture.finding
    if finding is None:
        return []
    found: list[Fact] = []
    if finding.count > 1:
        found.append(("Like it", [plural(finding.count - 1, "more flow"), (", same hosts and port", "muted")]))
    verdict = finding.verdict or ""
    ink = REVIEW_INKS.get(verdict, "muted")
    found.append(("Note", [(finding.note or "none", "text" if finding.note else "muted")]))
    found.append(("Verdict", [(f"{glyphs.review(verdict)} {verdict}".strip() or "none", ink)]))
    return found


def fact_lines(found: Sequence[Fact], rows: int) -> list[Line]:
    """Facts in one column; if there are more than rows, the last row says how many."""
    width = max((len(name) for name, _ in found), default=0) + 2
    lines = [line((name.ljust(width), "muted"), *pieces) for name, pieces in found]
    if len(lines) <= rows:
        return lines
    hidden = len(lines) - rows + 1
    return [*lines[: rows - 1], line(" " * width, (f"{hidden} more in ?", "muted"))]


def fact_columns(picture: FlowPicture, glyphs: Glyphs, width: int) -> list[Line]:
    """Three rows of facts in two columns, for 80 cells."""
    flow = picture.flow
    left: list[Fact] = [("App", _app(flow))]
    name = name_of(flow)
    if name:
        left.append(("Name", [name]))
    for key, value in flow.facts.items():
        if len(left) < 3 and value != name and key != "version":
            left.append((_FACT_WORDS.get(key, key.replace("_", " ").capitalize()), [fact_value(value)]))
    for owner in flow.owners:
        if len(left) < 3 and owner.name:
            left.append(("Process", [owner.name, (f", pid {owner.pid}", "text")]))
    if len(left) < 3 and flow.parent is not None:
        left.append(("Inside", [" > ".join(flow.tunnel), (f" flow {flow.parent}", "muted")]))
    if len(left) < 3 and flow.state:
        left.append(("State", [_STATES.get(flow.state, flow.state)]))
    if len(left) < 3 and flow.notes:
        left.append(("Notes", [", ".join(flow.notes)]))
    there, back = glyphs.forward, glyphs.back
    packets = f"{count(flow.packets)} {there} {count(flow.packets_o)} {back} {count(flow.packets_r)}"
    whole, *parts = (size(number) for number in (flow.bytes, flow.bytes_o, flow.bytes_r))
    unit = whole[whole.index(" ") :]
    if all(part.endswith(unit) for part in parts):
        parts = [part.removesuffix(unit) for part in parts]
    right: list[list[Piece]] = [
        [("Packets ", "muted"), packets],
        [("Bytes   ", "muted"), f"{whole} {there} {parts[0]} {back} {parts[1]}"],
        [("Time    ", "muted"), f"{clock(flow.first_ns, 3)}  {duration(flow.last_ns - flow.first_ns)}"],
    ]
    # the right column is as wide as its longest row, so that it stands still while one walks from flow to flow
    room = max(width_of(spans(row)) for row in right)
    rows = []
    for at, pieces in enumerate(right):
        said: list[Piece] = []
        if at < len(left):
            said = [label(left[at][0]), *left[at][1]]
        used = width_of(spans(pieces))
        rows.append(Line(spans(said), (*spans(pieces), Span(" " * (room - used)))))
    return rows
