"""Flows of the engine → rows of the table `flow`."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.case.bulk import BulkRows, addresses, optional
from oddport.case.table_image import Column, Tail
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


class FlowRows(BulkRows):
    """Rows of different flows, by ascending id."""

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
        flows = flows[order]
        self.first_packets = np.ascontiguousarray(flows["first_packet"])
        columns = {name: values[order] for name, values in integers.items()}
        columns["open"] = np.full(len(flows), int(is_open), np.uint8)
        some = [(place, each) for place, each in enumerate(facts or ()) if each]
        place_of = np.empty(len(order), np.intp)
        place_of[order] = np.arange(len(order))
        texts = [text.encode("ascii") for text in facts_texts([each for _, each in some])]
        super().__init__(
            "flow",
            FLOW_COLUMNS,
            np.ascontiguousarray(flows["id"]),
            [_column(name, flows, columns.get(name)) for name in FLOW_COLUMNS[1:-1]],
            [Tail(place_of[[place for place, _ in some]], texts, True)],
        )


def _column(name: str, flows: NDArray[np.void], values: NDArray[Any] | None) -> Column:
    if values is None and name not in (FLOW.names or ()):
        return Column(None)
    if values is None:
        values = flows[name]
    if values.dtype.kind == "V":
        return addresses(values, flows["version"])
    if name in ("app", "severity"):
        return optional(values, values < 0)
    return Column(np.minimum(values, np.uint64(INTEGER_MAX)) if values.dtype == np.uint64 else values)


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
