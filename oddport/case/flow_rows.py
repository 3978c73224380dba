"""Flows of the engine → rows of the table `flow`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.case.bulk import BulkRows, addresses, optional
from oddport.case.table_image import Column, Tail
from oddport.engine.columns import FLOW

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
        facts: Mapping[int, bytes],
        is_open: bool,
    ) -> None:
        """flows: dtype FLOW. integers: `app` (row id or -1), `tier`, `verdict`, `server_port`, and `severity` (-1 is
        none) if there is any. All have one entry a flow. facts: row → JSON in ASCII, none of them empty."""
        order = np.argsort(flows["id"], kind="stable")
        flows = flows[order]
        self.first_packets = np.ascontiguousarray(flows["first_packet"])
        columns = {name: values[order] for name, values in integers.items()}
        columns["open"] = np.full(len(flows), int(is_open), np.uint8)
        place_of = np.empty(len(order), np.intp)
        place_of[order] = np.arange(len(order))
        super().__init__(
            "flow",
            FLOW_COLUMNS,
            np.ascontiguousarray(flows["id"]),
            [_column(name, flows, columns.get(name)) for name in FLOW_COLUMNS[1:-1]],
            [Tail(place_of[np.fromiter(facts, np.intp, len(facts))], list(facts.values()), True)],
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
