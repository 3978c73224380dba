"""The findings of a case by ATT&CK technique → techniques, their findings with relation and reason, and their flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from tui.data.attack import MappedLine, Overview, TechniqueLine, mapped_findings, overview
from tui.format import count, plural
from tui.glyphs import SEVERITY_INKS, SEVERITY_LETTERS, Glyphs
from tui.screens.base import Frame
from tui.screens.case_frame import LEAVE_KEYS, STOP_KEY, THEME_KEY, CaseFrame
from tui.screens.listing import wrapped
from tui.theme import heat_of, look
from tui.widgets.columns import CUT, Cell, Column, Form, TableSpec
from tui.widgets.line import EMPTY, Line, Piece, Span, fit, line, spans, width_of
from tui.widgets.lines import Lines
from tui.widgets.rule import Rule
from tui.widgets.table import VirtualTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from textual.widget import Widget

    from tui.data.case import Store, Summary
    from tui.data.load import Progress

UNFOLD = 200
"""Findings that are listed under a technique; a row says how many more there are."""
SHORT = {
    "reconnaissance": ("Rec", "Recon"), "resource-development": ("Res", "Resources"),
    "initial-access": ("Ini", "Initial"), "execution": ("Exe", "Execution"), "persistence": ("Per", "Persist"),
    "privilege-escalation": ("Pri", "Privilege"),
    "defense-evasion": ("Def", "Evasion"), "credential-access": ("Cre", "Creds"), "discovery": ("Dis", "Discovery"),
    "lateral-movement": ("Lat", "Lateral"), "collection": ("Col", "Collection"), "command-and-control": ("C2", "C2"),
    "exfiltration": ("Exf", "Exfiltr."), "impact": ("Imp", "Impact"),
}  # fmt: skip
"""Tactics in 3 and in 10 cells."""
RELATIONS = (
    ("direct", "the traffic itself is the technique"),
    ("related", "it serves the technique, but does not show it"),
    ("context", "worth knowing beside a direct finding"),
)


@dataclass(frozen=True, slots=True)
class Node:
    """A row of the tree."""

    key: int
    technique: TechniqueLine
    unfolded: bool = False
    finding: MappedLine | None = None
    flow: bool = False
    """The row of the finding's flow."""
    more: int = 0
    """Findings that are not listed."""


class Tree:
    """Techniques, unfolded ones with their findings: what the table shows."""

    widths: Mapping[str, int]

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.widths = {}

    def show(self, nodes: list[Node], glyphs: Glyphs) -> None:
        """Other rows."""
        self.nodes = nodes
        names = [width_of(spans(_name(node, glyphs))) for node in nodes if not node.flow]
        relations = [width_of(spans(_relation(node, glyphs))) for node in nodes]
        self.widths = {"name": max(names, default=0), "relation": max(relations, default=0)}

    def __len__(self) -> int:
        return len(self.nodes)

    def row(self, index: int) -> Node:
        """The row at a place."""
        return self.nodes[index]

    def key(self, index: int) -> int:
        """What the row is known by."""
        return self.nodes[index].key

    def find(self, key: int) -> int | None:
        """Where a row is now."""
        return next((place for place, node in enumerate(self.nodes) if node.key == key), None)


def _name(node: Node, glyphs: Glyphs) -> Cell:
    if node.more:
        return ((f"      {count(node.more)} more", "muted"),)
    if node.flow and node.finding is not None:
        origin, response = node.finding.ends
        return (
            (f"        flow {count(node.finding.flow or 0)}  ", "muted"),
            (f"{origin} {glyphs.forward} {response}", "text"),
        )
    if node.finding is not None:
        found = node.finding
        ink = SEVERITY_INKS[found.severity]
        fold = (glyphs.unfolded if node.unfolded else glyphs.folded) if found.flow else " "
        return (
            (f"  {fold} ", "muted"), (f"{glyphs.severity[found.severity]} {SEVERITY_LETTERS[found.severity]}", ink),
            (f"  {found.title}", "muted" if found.verdict == "benign" else "text"),
        )  # fmt: skip
    fold = glyphs.unfolded if node.unfolded else glyphs.folded
    return (
        (f"{fold} ", "muted"), (f"{node.technique.id:<11}", "accent"),
        (node.technique.name, "strong" if node.unfolded else "text"),
    )  # fmt: skip


def _short_name(node: Node, glyphs: Glyphs) -> Cell:
    """Where the ends of a flow stand in the column of reasons."""
    if node.flow and node.finding is not None:
        return ((f"        flow {count(node.finding.flow or 0)}", "muted"),)
    return _name(node, glyphs)


def _relation(node: Node, glyphs: Glyphs) -> Cell:
    if node.flow or node.more:
        return ()
    if node.finding is not None:
        return ((node.finding.relation, "strong" if node.finding.relation == "direct" else "muted"),)
    numbers = (
        (node.technique.direct, "direct"),
        (node.technique.related, "related"),
        (node.technique.context, "context"),
    )
    return ((" ".join(f"{count(number)} {word}" for number, word in numbers if number), "muted"),)


def _reason(node: Node, glyphs: Glyphs) -> Cell:
    if node.flow and node.finding is not None:
        return ((f" {glyphs.forward} ".join(node.finding.ends), "text"),)
    return ((node.finding.reason, "muted"),) if node.finding is not None and not node.flow and not node.more else ()


def _count(node: Node, glyphs: Glyphs) -> Cell:
    if node.finding is None and not node.more:
        return ((count(node.technique.findings), "strong plain"),)
    if node.flow and node.finding is not None and node.finding.count > 1:
        return ((f"{glyphs.times} {count(node.finding.count)}", "muted"),)
    return ()


SPEC = TableSpec(
    columns=(
        Column("technique", (Form(_name, 24, "Technique", "name"),), removable=False),
        Column("relation", (Form(_relation, 8, "Relation", "relation"),)),
        Column("findings", (Form(_count, 8, "Findings"),), right=True, removable=False),
    ),
    steps=(CUT, "relation"),
    slack=("technique",),
    text="technique",
    text_want=60,
    text_least=24,
    squeeze=("technique",),
)
WIDE_SPEC = TableSpec(
    columns=(
        Column("technique", (Form(_short_name, 24, "Technique", "name"),), removable=False),
        Column("relation", (Form(_relation, 8, "Relation", "relation"),)),
        Column("reason", (Form(_reason, 20, "Reason"),)),
        Column("findings", (Form(_count, 8, "Findings"),), right=True, removable=False),
    ),
    steps=("reason", CUT, "relation"),
    slack=("reason", "technique"),
    text="technique",
    text_want=48,
    text_least=24,
    squeeze=("technique",),
)


class AttackScreen(CaseFrame):
    """Tab 5."""

    DEFAULT_CSS = """
    AttackScreen > #tactics { height: 3; }
    AttackScreen > #split { height: 1fr; }
    AttackScreen > #split > #main { width: 1fr; }
    AttackScreen > #split > Rule { display: none; }
    AttackScreen > #split > #about { display: none; width: 64; height: 100%; }
    AttackScreen.-panes > #split > Rule { display: block; }
    AttackScreen.-panes > #split > #about { display: block; }
    AttackScreen.-panes > #strip { display: none; }
    AttackScreen > #nothing { display: none; height: 1fr; }
    AttackScreen.-empty > #nothing { display: block; }
    AttackScreen.-empty > #split { display: none; }
    AttackScreen.-empty > #tactics { display: none; }
    """
    MODE = "attack"
    TITLE_TEXT = "ATT&CK"
    GUIDE = "Techniques by number of findings. A relation says how sure the tie is, a reason why it is made."
    STRIP = 3
    AUTO_FOCUS = "#main"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "tactic(-1)", "tactic", id="move.tactic_left", tooltip="tactic"),
        Binding("right", "tactic(1)", "tactic", id="move.tactic_right", tooltip="tactic"),
        Binding("h", "tactic(-1)", show=False, id="move.tactic_h", tooltip="tactic"),
        Binding("l", "tactic(1)", show=False, id="move.tactic_l", tooltip="tactic"),
        Binding("space", "fold", "fold", id="move.fold", tooltip="fold, unfold"),
        Binding("r", "read", "read in full", id="here.read", tooltip="read in full"),
        STOP_KEY,
        THEME_KEY,
        *LEAVE_KEYS,
    ]

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.tree_rows = Tree()
        self.found = Overview()
        self.unfolded: set[str] = set()
        self.open_findings: set[tuple[str, int]] = set()
        self.summary: Summary | None = None
        self._keys_of: dict[tuple[str, int, str], int] = {}
        self._first = True

    def compose_body(self) -> Iterable[Widget]:
        """Tactics, tree, and what the technique is."""
        yield Lines([EMPTY] * 3, id="tactics")
        with Horizontal(id="split"):
            yield VirtualTable(SPEC, self.tree_rows, id="main")
            yield Rule()
            yield Lines(id="about")
        yield Lines(id="nothing")

    @property
    def table(self) -> VirtualTable:
        """The tree."""
        return self.query_one("#main", VirtualTable)

    def on_mount(self) -> None:
        if self.query("#main"):  # else the dashboard was quit before this screen had its widgets
            self.look_again()

    def take(self, summary: Summary | None, progress: Progress | None, changed: bool, last: bool) -> None:
        """What the app has seen at its last look at the case."""
        self.summary = summary
        if changed or last or self._first:
            self.look_again()

    def look_again(self) -> None:
        """Count anew; what is unfolded stays so, the cursor on its row."""
        self.guarded(self._look_again)

    def _look_again(self) -> None:
        if not self.store.exists():
            self._show()
            return
        self.found = overview(self.store.connection)
        if self._first and self.found.techniques:
            self._first = False
            self.unfolded.add(self.found.techniques[0].id)
        self._build()

    def _key(self, *what: Any) -> int:
        return self._keys_of.setdefault(what, len(self._keys_of) + 1)

    def _build(self) -> None:
        nodes: list[Node] = []
        for technique in self.found.techniques:
            unfolded = technique.id in self.unfolded
            nodes.append(Node(self._key(technique.id, 0, ""), technique, unfolded))
            if not unfolded:
                continue
            listed = mapped_findings(self.store.connection, technique.id, UNFOLD)
            for found in listed:
                opened = (technique.id, found.id) in self.open_findings
                nodes.append(Node(self._key(technique.id, found.id, ""), technique, opened, found))
                if opened and found.flow:
                    nodes.append(Node(self._key(technique.id, found.id, "flow"), technique, False, found, True))
            if technique.findings > len(listed):
                nodes.append(Node(self._key(technique.id, 0, "more"), technique, more=technique.findings - len(listed)))
        self.tree_rows.show(nodes, look(self).glyphs)
        self.table.spec = WIDE_SPEC if self.has_panes else SPEC
        self.table._placed_for = None
        self.table.rows_changed()
        self._show()

    def on_resize(self, event: Any) -> None:
        self.table.spec = WIDE_SPEC if self.has_panes else SPEC
        self.table._placed_for = None
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        if not self.is_mounted:
            return
        empty = not self.tree_rows.nodes
        self.set_class(empty, "-empty")
        if empty:
            findings = self.found.findings
            said = f" That is not the same as no findings: {count(findings)}." if findings else ""
            self.query_one("#nothing", Lines).show([EMPTY, EMPTY, line(("No finding maps to ATT&CK.", "strong"), said)])
        self.query_one("#tactics", Lines).show([*self._tactic_lines(), EMPTY])
        if self.has_panes:
            self.query_one("#about", Lines).show(self._about())
        self.refresh_frame()

    # rows over the tree ---------------------------------------------------------------------------------------------

    @property
    def node(self) -> Node | None:
        """The row under the cursor."""
        return self.table.current if self.is_mounted else None

    def _tactic(self) -> str:
        node = self.node
        if node is None or not node.technique.tactics:
            return ""
        wanted = self._wanted
        return wanted if wanted in node.technique.tactics else node.technique.tactics[0]

    _wanted = ""

    def _tactic_lines(self) -> list[Line]:
        wide = self.size.width >= 160
        cell = min(11, (self.size.width - 2) // 14) if wide else min(5, max(3, (self.size.width - 2) // 14))
        chosen, glyphs = self._tactic(), look(self).glyphs
        names: list[Span] = []
        numbers: list[Span] = []
        for slug, number in self.found.tactics:
            here = slug == chosen
            short = SHORT.get(slug, (slug[:3], slug[:10]))[1 if wide else 0]
            names.append(
                Span(
                    fit(short[: cell - 1], cell - 1, right=True) + " ",
                    "accent bold" if here else "text" if number else "muted",
                )
            )
            ground = heat_of(number)
            mark = (glyphs.cursor, f"accent/{ground}") if here else (" ", f"text/{ground}")
            text = count(number) if number else glyphs.byte
            ink = "strong" if number else "muted"
            numbers += [Span(*mark), Span(fit(text, cell - 2, right=True) + " ", f"{ink}/{ground}")]
        return [Line(tuple(names)), Line(tuple(numbers))]

    def context(self) -> Line:
        from oddport.attack import ATTACK_VERSION, tactics

        found = self.found
        pieces: list[Piece] = [(f"ATT&CK {ATTACK_VERSION}", "text")]
        if found.techniques:
            techniques = plural(len(found.techniques), "technique")
            words = f"{count(found.mapped)} of {count(found.findings)} findings map to {techniques}"
            pieces.append((f"   {words}", "muted"))
        chosen = self._tactic()
        right: list[Piece] = []
        if chosen:
            name = next((tactic.name for tactic in tactics() if tactic.slug == chosen), chosen)
            number = dict(found.tactics).get(chosen, 0)
            right = [(name, "accent bold"), (f"  {count(number)}", "strong")]
        return line(*pieces, right=right)

    # beside and under the tree --------------------------------------------------------------------------------------

    def strip(self) -> Sequence[Line]:
        from oddport.attack import summary as words_of

        node = self.node
        if node is None:
            return []
        rows: list[Line] = []
        width = self.size.width
        if node.finding is not None and not node.more:
            lead = Span(f"{node.finding.relation:<8}", "strong" if node.finding.relation == "direct" else "muted")
            rows.append(line(lead, node.finding.reason))
        text = words_of(node.technique.id)
        lead = Span(f"{node.technique.id:<11}", "accent")
        rows += wrapped(text or node.technique.name, width, "text", lead)
        if len(rows) > 3:  # what does not fit is said to be there
            rows = [*rows[:2], Line((*rows[2].left, Span("  r reads on", "muted")))]
        return rows

    def _about(self) -> list[Line]:
        node = self.node
        if node is None:
            return []
        return about_lines(node.technique.id, node.finding if not node.more else None, 64, self.size.height - 8)

    # keys -----------------------------------------------------------------------------------------------------------

    def on_virtual_table_moved(self, event: VirtualTable.Moved) -> None:
        self._show()

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        node: Node = event.row
        if node.more or node.finding is None:
            if node.more:
                self._list_all(node.technique.id)
            else:
                self.action_fold()
            return
        if not node.finding.flow:
            self.host.open_finding(node.finding.id)
            return
        flow = node.finding.flow
        trail = ("ATT&CK", node.technique.id, node.finding.title, f"Flow {count(flow)}")
        self.open_flow(flow, trail, node.finding.id)

    def _list_all(self, technique: str) -> None:
        self.app.call_later(self.host.list_findings, f"finding == {technique}")

    def action_fold(self) -> None:
        """Open or close the row under the cursor."""
        node = self.node
        if node is None:
            return
        if node.finding is None and not node.more:
            self.unfolded ^= {node.technique.id}
        elif node.finding is not None and node.finding.flow and not node.flow:
            self.open_findings ^= {(node.technique.id, node.finding.id)}
        else:
            return
        self.guarded(self._build)

    def action_tactic(self, step: int) -> None:
        """To the first technique of the next tactic that has findings."""
        slugs = [slug for slug, number in self.found.tactics if number]
        if not slugs:
            return
        now = self._tactic()
        at = slugs.index(now) if now in slugs else 0
        self._wanted = slugs[(at + step) % len(slugs)]
        for place, node in enumerate(self.tree_rows.nodes):
            if node.finding is None and not node.more and self._wanted in node.technique.tactics:
                self.table.move_to_index(place)
                break
        self._show()

    def action_read(self) -> None:
        """All that is known of the technique, on a page."""
        node = self.node
        if node is not None:
            self.app.push_screen(TechniqueScreen(node.technique.id, node.finding if not node.more else None))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("tactic", "fold", "read"):
            return bool(self.found.techniques)
        return action != "back"


def about_lines(technique_id: str, finding: MappedLine | None, width: int, height: int) -> list[Line]:
    """What a technique is, in our words, and where to read more; MITRE's line at the end."""
    from oddport.attack import ATTRIBUTION, UnknownTechnique, in_version_19, technique
    from oddport.attack import summary as words_of

    try:
        about = technique(technique_id)
    except UnknownTechnique as error:
        return [EMPTY, *wrapped(str(error), width)]
    right: list[Piece] = []
    if about.version:
        right = [(f"v{about.version}, {about.modified}", "muted")]
    rows = [line((about.id, "accent"), (f"  {about.name}", "strong"), right=right), EMPTY]
    rows += wrapped(words_of(about.id) or "oddport has no text on this technique yet.", width)
    if finding is not None:
        rows += [
            EMPTY,
            line((f"{finding.relation:<10}", "strong" if finding.relation == "direct" else "muted"), finding.title),
        ]
        rows += wrapped(finding.reason, width, "muted", Span(" " * 10))
    facts = [("Tactic", ", ".join(f"{tactic.name} ({tactic.id})" for tactic in about.tactics))]
    facts.append(("Platforms", ", ".join(about.platforms)))
    if about.id == "T1571":
        facts += _non_standard(finding)
    elif about.parent:
        facts.append(("Part of", f"{about.parent} {technique(about.parent).name}"))
    newer = in_version_19(about.id)
    if newer != about.id:
        facts.append(("Since 19", newer or "withdrawn"))
    rows.append(EMPTY)
    for name, text in facts:
        rows += wrapped(text, width, "text", Span(f"{name:<11}", "muted"))
    rows.append(line((f"{'Link':<11}", "muted"), (about.url.removeprefix("https://"), "accent")))
    rows.append(EMPTY)
    rows += [line((f"{word:<10}", "strong plain"), (text, "muted")) for word, text in RELATIONS]
    end = wrapped(ATTRIBUTION, width, "muted")
    rows += [EMPTY] * max(1, height - len(rows) - len(end))
    return rows + end


def _non_standard(finding: MappedLine | None) -> list[tuple[str, str]]:
    from oddport.attack import non_standard_port, procedures_for

    about = non_standard_port()
    now = ", ".join(f"{component.id} {component.name}" for component in about.components)
    analytics = [analytic.id for analytic in about.analytics]
    used = f"{len(about.procedures)} groups, campaigns and programs in ATT&CK"
    if finding is not None and finding.server_port and finding.transport:
        there = procedures_for(finding.server_port, finding.transport)
        names = ", ".join(procedure.name for procedure in there[:3])
        place = f"{finding.server_port}/{finding.transport}"
        used += f"; on {place}: {len(there)}, among them {names}" if there else f"; on {place}: none recorded"
    return [
        ("Data", f"{about.data_source} {about.data_source_name} (deprecated), now {now}"),
        ("Strategy", f"{about.strategy}, analytics {analytics[0]} to {analytics[-1]}" if analytics else about.strategy),
        ("Mitigate", ", ".join(f"{number} {name}" for number, name in about.mitigations)),
        ("Used by", used),
    ]


class TechniqueScreen(Frame):
    """A technique in full."""

    DEFAULT_CSS = "TechniqueScreen > #text { height: 1fr; }"
    STRIP = 0
    TITLE_TEXT = "Technique"
    GUIDE = "In oddport's own words; the link leads to MITRE's."

    def __init__(self, technique_id: str, finding: MappedLine | None) -> None:
        super().__init__()
        self._technique, self._finding = technique_id, finding

    def trail(self) -> Sequence[str]:
        return ("ATT&CK", self._technique)

    def compose_body(self) -> Iterable[Widget]:
        """The text."""
        yield Lines(id="text")

    def refresh_frame(self) -> None:
        super().refresh_frame()
        if self.is_mounted:
            width = min(self.size.width, 92)
            rows = about_lines(self._technique, self._finding, width, self.size.height - 4)
            self.query_one("#text", Lines).show([EMPTY, *(Line(row.left, (), row.indent) for row in rows)])
