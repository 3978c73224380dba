"""The fragment trains of a case → rows of a list, those that say something is odd before the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oddport.case.reading import ANOMALY_WORDS
from oddport.case.words import address_text, protocol_word
from tui.data.flows import severity_cell
from tui.data.rows import Listing
from tui.format import clock, count
from tui.widgets.columns import Cell, Column, Form, TableSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.glyphs import Glyphs


@dataclass(frozen=True, slots=True)
class TrainLine:
    """A fragment train as a list shows it."""

    id: int
    src: str
    dst: str
    proto: str
    ip_id: int
    first_ns: int
    count: int
    complete: bool
    reassembled: int
    anomalies: tuple[str, ...]
    flow: int | None
    severity: int | None
    """Of its worst finding."""
    finding: str
    """The title of that one."""

    @property
    def odd(self) -> str:
        """What is odd about it, in one line."""
        words = ", ".join(word.replace("_", " ") for word in self.anomalies)
        return self.finding or words


_FINDING = "FROM finding f WHERE f.train = t.id ORDER BY f.severity DESC, f.score DESC LIMIT 1"
_WORDS = ANOMALY_WORDS.replace("train.", "t.")
LISTING = Listing(
    table="train",
    select=(
        "SELECT t.id, t.src, t.dst, t.version, t.proto, t.ip_id, t.first_ns, t.count, t.complete, t.reassembled,"
        f" ({_WORDS}), t.flow, (SELECT f.severity {_FINDING}), (SELECT f.title {_FINDING}) FROM train AS t"
    ),
    key="t.id",
    make=lambda row: make(row),
    orders={"time": "first_ns", "fragments": "count", "bytes": "reassembled", "from": "src", "to": "dst"},
    default=(
        "coalesce((SELECT max(severity) FROM finding WHERE finding.train = train.id), -1) DESC, anomalies = 0,"
        " first_ns, id"
    ),
    measure=(
        "max(CASE version WHEN 6 THEN address_width(src) ELSE 15 END) AS src_width,"
        " max(CASE version WHEN 6 THEN address_width(dst) ELSE 15 END) AS dst_width"
    ),
)


def make(row: Sequence[Any]) -> TrainLine:
    """A row of the listing."""
    number, src, dst, version, proto, ip_id, first, fragments, complete, size, words, flow, severity, title = row
    return TrainLine(
        number, address_text(src, version), address_text(dst, version), protocol_word(proto), ip_id, first, fragments,
        bool(complete), size, tuple((words or "").split()), flow, severity, title or "",
    )  # fmt: skip


def _severity(row: TrainLine, glyphs: Glyphs) -> Cell:
    return () if row.severity is None else tuple(severity_cell(row.severity, glyphs))


def _odd(row: TrainLine, _: Glyphs) -> Cell:
    if row.odd:
        return ((row.odd, "text"),)
    return (("in good order" if row.complete else "not whole", "muted"),)


def _muted(text: str) -> Cell:
    return ((text, "muted"),)


SPEC = TableSpec(
    columns=(
        Column("sev", (Form(_severity, 3, "Sev"),), removable=False),
        Column("time", (Form(lambda row, _: _muted(clock(row.first_ns, 3)), 12, "Time"),
                        Form(lambda row, _: _muted(clock(row.first_ns)), 8, "Time"))),
        Column("from", (Form(lambda row, _: (row.src,), 15, "From", "src_width"),), middle=True, removable=False),
        Column("to", (Form(lambda row, _: (row.dst,), 15, "To", "dst_width"),), middle=True, removable=False),
        Column("proto", (Form(lambda row, _: _muted(row.proto), 5, "Proto"),)),
        Column("id", (Form(lambda row, _: _muted(f"{row.ip_id:#06x}"), 10, "Id"),
                      Form(lambda row, _: _muted(f"{row.ip_id:#06x}"), 6, "Id")), removable=False),
        Column("fragments", (Form(lambda row, _: (count(row.count),), 4, "Fr"),), right=True),
        Column("bytes", (Form(lambda row, _: (count(row.reassembled),), 6, "Bytes"),), right=True),
        Column("odd", (Form(_odd, 14, "What is odd"),), removable=False),
    ),
    steps=("bytes", "proto", "time", "id", "time", "fragments"),
    slack=("odd",),
    squeeze=("to", "from"),
    sorts=("time", "from", "to", "fragments", "bytes"),
    descending_first=frozenset({"fragments", "bytes"}),
)  # fmt: skip
