"""Rows of the table `flow` → the flow list: its columns, orders, and the facts of the flow under the cursor."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oddport.case.marks import marked_sql
from oddport.case.words import address_text, protocol_word
from tui.data.rows import Listing
from tui.format import clock, count, lasted, size
from tui.glyphs import MISMATCH, SEVERITY_INKS, SEVERITY_LETTERS, VERDICT_INKS, Glyphs
from tui.widgets.columns import CUT, Cell, Column, Form, TableSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

TIERS = ("", "C", "B", "A")
PROC_MOST = 18
"""Cells of the processes of a flow, of each of which the system keeps 15 letters."""
WITH_PORTS = frozenset({6, 17, 132, 136})
"""TCP, UDP, SCTP, UDP-Lite: protocols whose header has ports (IANA protocol numbers)."""
NAME_FACTS = ("sni", "host", "qname", "server_name", "hostname")
"""Facts that name the other side, the surest first."""
TELLING_FACTS = (
    "method",
    "uri",
    "status",
    "qtype",
    "banner",
    "server",
    "user_agent",
    "command",
    "user",
    "cipher",
    "version",
)
"""Facts that say something by themselves, the most telling first."""


def proto_word(number: int) -> str:
    """`tcp`, `udp`, …, `ip-99`."""
    return protocol_word(number)


def facts_of(text: str | None) -> dict[str, Any]:
    """Facts of a flow from their JSON."""
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def fact_text(value: object) -> str:
    """A fact as text: lists with commas, yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value)


def says_of(facts: dict[str, Any]) -> str:
    """What a flow says, in one line: its name, then what else speaks for itself."""
    name = name_of(facts)
    rest = [str(facts[key]) for key in TELLING_FACTS if isinstance(facts.get(key), (str, int)) and facts[key] != name]
    return "  ".join([name, *rest[:2]] if name else rest[:3])


def name_of(facts: dict[str, Any]) -> str:
    """The name of the other side, if the traffic gives one."""
    for key in NAME_FACTS:
        value = facts.get(key)
        if isinstance(value, str) and value:
            return value
    return ""


@dataclass(frozen=True, slots=True)
class FlowLine:
    """A flow as the list shows it."""

    id: int
    first_ns: int
    last_ns: int
    src: str
    dst: str
    proto: int
    sport: int
    dport: int
    server_port: int | None
    packets_o: int
    packets_r: int
    bytes_o: int
    bytes_r: int
    payload: int
    state: int
    server: int
    notes: int
    app: str | None
    tier: int
    verdict: int
    severity: int | None
    says: str
    facts: str | None
    proc: str
    """Names of the processes that it belongs to, the originator's first."""
    marked: bool = False

    @property
    def packets(self) -> int:
        """In both directions."""
        return self.packets_o + self.packets_r

    @property
    def bytes(self) -> int:
        """In both directions, frames on the wire."""
        return self.bytes_o + self.bytes_r

    @property
    def has_ports(self) -> bool:
        """TCP, UDP, SCTP."""
        return self.proto in WITH_PORTS

    @property
    def served_by_originator(self) -> bool:
        """The server's port is the originator's."""
        return self.server in (2, 4)

    @property
    def port(self) -> int:
        """The port that is judged: the server's, else the responder's."""
        return self.server_port or self.dport

    @property
    def app_text(self) -> str:
        """What is spoken, or why there is no name for it."""
        if self.app:
            return self.app
        if not self.has_ports:
            return proto_word(self.proto)
        return "unknown" if self.payload else "no data"


_COLUMNS = (
    "f.id, f.first_ns, f.last_ns, f.src, f.dst, f.version, f.proto, f.sport, f.dport, f.server_port,"
    " f.packets_o, f.packets_r, f.bytes_o, f.bytes_r, f.payload_o + f.payload_r, f.state, f.server, f.notes,"
    " a.name, f.tier, f.verdict, f.severity, f.facts,"
    " (SELECT group_concat(name, ', ') FROM (SELECT name FROM owner WHERE owner.flow = f.id AND name IS NOT NULL"
    f" ORDER BY side)), {marked_sql('flow', 'f')}"
)


def make(row: Sequence[Any]) -> FlowLine:
    """A row of the listing."""
    (
        row_id, first_ns, last_ns, src, dst, version, proto, sport, dport, server_port, packets_o, packets_r, bytes_o,
        bytes_r, payload, state, server, notes, app, tier, verdict, severity, facts, proc, marked,
    ) = row  # fmt: skip
    return FlowLine(
        row_id, first_ns, last_ns, address_text(src, version), address_text(dst, version), proto, sport, dport,
        server_port, packets_o, packets_r, bytes_o, bytes_r, payload, state, server, notes, app, tier, verdict,
        severity, says_of(facts_of(facts)), facts, proc or "", bool(marked),
    )  # fmt: skip


LISTING = Listing(
    table="flow",
    select=f"SELECT {_COLUMNS} FROM flow f LEFT JOIN app a ON a.id = f.app",
    key="f.id",
    make=make,
    orders={
        "time": "first_ns",
        "lasted": "last_ns - first_ns",
        "from": "src",
        "sport": "sport",
        "to": "dst",
        "sign": "verdict",
        "port": "coalesce(server_port, dport)",
        "app": "(SELECT name FROM app WHERE app.id = flow.app)",
        "tier": "tier",
        "packets": "packets_o + packets_r",
        "bytes": "bytes_o + bytes_r",
        "sev": "severity",
        "proc": "(SELECT min(name) FROM owner WHERE owner.flow = flow.id)",
    },
    default="id",
    measure=(
        "max(CASE version WHEN 6 THEN address_width(src) ELSE 15 END) AS src_width,"
        " max(CASE version WHEN 6 THEN address_width(dst) ELSE 15 END) AS dst_width,"
        " length(max(packets_o + packets_r)) + (length(max(packets_o + packets_r)) - 1) / 3 AS packets_width,"
        " (SELECT max(length(name)) FROM app) AS app,"
        " (SELECT max(letters) FROM (SELECT sum(length(name)) + 2 * (count(name) - 1) AS letters FROM owner"
        " GROUP BY owner.flow)) AS proc"
    ),
    by_id=True,
)


def _text(value: str, ink: str = "text") -> Cell:
    return ((value, ink),)


def _odd(flow: FlowLine) -> bool:
    return flow.verdict == MISMATCH


def _port(flow: FlowLine, glyphs: Glyphs) -> Cell:
    if not flow.has_ports:
        return _text(glyphs.none, "muted")
    mark = glyphs.back if flow.served_by_originator and flow.server_port else ""
    return ((mark, "muted"), (str(flow.port), "strong" if _odd(flow) else "text"))


def _app(flow: FlowLine, glyphs: Glyphs) -> Cell:
    return _text(flow.app_text, "strong" if _odd(flow) else "text" if flow.app else "muted")


def _sign(flow: FlowLine, glyphs: Glyphs) -> Cell:
    return _text(glyphs.verdict[flow.verdict], VERDICT_INKS[flow.verdict])


def severity_cell(severity: int | None, glyphs: Glyphs) -> Cell:
    """`▲ H`; empty for none."""
    if severity is None:
        return ()
    return ((f"{glyphs.severity[severity]} {SEVERITY_LETTERS[severity]}", SEVERITY_INKS[severity]),)


def _sport(flow: FlowLine, glyphs: Glyphs) -> Cell:
    return _text(str(flow.sport) if flow.has_ports else "", "muted")


SPEC = TableSpec(
    columns=(
        Column(
            "time",
            (
                Form(lambda flow, _: _text(clock(flow.first_ns, 3), "muted"), 12, "Time"),
                Form(lambda flow, _: _text(clock(flow.first_ns), "muted"), 8, "Time"),
            ),
            time=lambda flow: flow.first_ns,
        ),
        Column(
            "lasted", (Form(lambda flow, _: _text(lasted(flow.last_ns - flow.first_ns), "muted"), 11, "Lasted"),), True
        ),
        Column("from", (Form(lambda flow, _: _text(flow.src), 15, "From", "src_width"),), middle=True, removable=False),
        Column("sport", (Form(_sport, 5, "Port"),), right=True),
        Column("to", (Form(lambda flow, _: _text(flow.dst), 15, "To", "dst_width"),), middle=True, removable=False),
        Column("port", (Form(_port, 6, "Port"),), right=True, removable=False),
        Column("sign", (Form(_sign, 1, ""),), removable=False),
        Column("app", (Form(_app, 7, "App", "app", 16),), removable=False),
        Column("tier", (Form(lambda flow, glyphs: _text(TIERS[flow.tier], "muted"), 1, "T"),)),
        Column(
            "proc", (Form(lambda flow, _: _text(flow.proc, "muted"), 7, "Process", "proc", PROC_MOST),), if_any="proc"
        ),
        Column("says", (Form(lambda flow, _: _text(flow.says, "muted"), 14, "What it says"),)),
        Column(
            "packets", (Form(lambda flow, _: _text(count(flow.packets), "text"), 7, "Packets", "packets_width"),), True
        ),
        Column("bytes", (Form(lambda flow, _: _text(size(flow.bytes)), 7, "Bytes"),), right=True),
        Column("sev", (Form(lambda flow, glyphs: severity_cell(flow.severity, glyphs), 3, "Sev"),), removable=False),
    ),
    steps=("lasted", "says", "sport", "tier", "packets", "time", "proc", "bytes", "time", CUT),
    slack=("says", "app"),
    squeeze=("to", "from"),
    sorts=("time", "lasted", "from", "sport", "to", "port", "sign", "app", "tier", "packets", "bytes", "sev", "proc"),
    descending_first=frozenset({"lasted", "packets", "bytes", "sev", "tier"}),
)
