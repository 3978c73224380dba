"""Flows of the engine → rows of the table `flow`: as an image of the table where they are many, else value by value."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.case.connect import statements_of
from oddport.case.rows import insert_sql
from oddport.case.table_image import LARGEST_TEXT, Column, Texts, database, empty_table
from oddport.engine.columns import FLOW

Facts = Mapping[str, Any]
INTEGER_MAX = 0x7FFF_FFFF_FFFF_FFFF
"""The largest integer that SQLite holds."""
FLOW_COLUMNS = (
    "id", "first_ns", "last_ns", "src", "dst", "version", "proto", "sport", "dport", "server_port", "context",
    "interface", "file", "packets_o", "packets_r", "bytes_o", "bytes_r", "payload_o", "payload_r", "flags_o", "flags_r",
    "state", "server", "notes", "first_packet", "last_packet", "app", "tier", "verdict", "severity", "open", "facts",
)  # fmt: skip
"""In the order of the table."""
DECLARATION = next(each for each in statements_of("schema.sql") if each.startswith("CREATE TABLE flow ("))


class FlowRows:
    """Rows that are ready to be put: different flows, by ascending id."""

    def __init__(
        self,
        flows: NDArray[np.void],
        integers: Mapping[str, NDArray[Any]],
        facts: Sequence[Facts | None] | None,
        is_open: bool,
    ) -> None:
        """flows: dtype FLOW. integers: `app` (row id or -1), `tier`, `verdict`, `server_port`, and `severity` (-1 is
        none) if there is any. All have one entry a flow."""
        order = np.argsort(flows["id"], kind="stable")
        self._flows = flows[order]
        self.ids = np.ascontiguousarray(self._flows["id"])
        self.first_packets = np.ascontiguousarray(self._flows["first_packet"])
        columns = {name: values[order] for name, values in integers.items()}
        columns["open"] = np.full(len(flows), int(is_open), np.uint8)
        self._columns = [self._column(name, columns.get(name)) for name in FLOW_COLUMNS[1:-1]]
        some = [(place, each) for place, each in enumerate(facts or ()) if each]
        place_of = np.empty(len(order), np.intp)
        place_of[order] = np.arange(len(order))
        self._rows = place_of[[place for place, _ in some]]
        self._texts = facts_texts([each for _, each in some])

    def image(self, template: bytes) -> bytearray | None:
        """A database with these rows in its table `flow`; None where facts are too long for that."""
        if any(len(text) > LARGEST_TEXT for text in self._texts):
            return None
        return database(
            template, self.ids, self._columns, Texts(self._rows, [text.encode("ascii") for text in self._texts])
        )

    def values(self) -> tuple[str, Iterator[tuple[Any, ...]]]:
        """The statement that puts one row, and the values of each."""
        texts: list[str | None] = [None] * len(self.ids)
        for row, text in zip(self._rows.tolist(), self._texts, strict=True):
            texts[row] = text
        columns = (self.ids.tolist(), *(_plain(column, len(self.ids)) for column in self._columns), texts)
        return insert_sql("flow", FLOW_COLUMNS), zip(*columns, strict=True)

    def _column(self, name: str, values: NDArray[Any] | None) -> Column:
        if values is None and name not in (FLOW.names or ()):
            return Column(None)
        if values is None:
            values = self._flows[name]
        if values.dtype.kind == "V":
            packed = np.ascontiguousarray(values)
            # IPv4 an integer, IPv6 16 bytes
            return Column(packed.view(">u4").reshape(-1, 4)[:, 3], packed, self._flows["version"] != 4)
        if name in ("app", "severity"):
            return Column(values, None, values < 0)
        return Column(np.minimum(values, np.uint64(INTEGER_MAX)) if values.dtype == np.uint64 else values)


def flow_template() -> bytes:
    """What FlowRows.image wants to have."""
    return empty_table(DECLARATION)


def facts_texts(facts: Sequence[Facts]) -> list[str]:
    """Facts of flows, none of them empty, as JSON in ASCII; control characters and lone surrogates are escapes in it.

    All are encoded at once and taken apart at the line ends, which JSON has only between values: 0.6 µs for a flow with
    one fact, 1.5 if each is encoded by itself.
    """
    pieces = _encode(facts)[2:-2].split(_BORDER) if facts else []
    if len(pieces) != len(facts):  # facts that hold objects, whose borders look the same
        pieces = [_encode(each)[1:-1] for each in facts]
    return ["{" + piece.replace(_LINE, ",") + "}" for piece in pieces]


_LINE = ",\n"
_BORDER = "}" + _LINE + "{"
_encode: Callable[[object], str] = json.JSONEncoder(separators=(_LINE, ":")).encode


def _plain(column: Column, count: int) -> list[Any]:
    if column.values is None:
        return [None] * count
    values: list[Any] = column.values.tolist()
    if column.other is not None:
        others = [None] * count if column.others is None else column.others.tolist()
        for row in np.flatnonzero(column.other).tolist():
            values[row] = others[row]
    return values
