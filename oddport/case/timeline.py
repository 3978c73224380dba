"""A case → how much traffic and how many findings there were in each part of a span of time.

Packets are counted from their blocks, flows and findings by their first packet. The statements may be interrupted.
"""

import sqlite3
from dataclasses import dataclass, field

import numpy as np

from oddport.case.blocks import Unpacked

SEVERITIES = 5


@dataclass(frozen=True, slots=True)
class Span:
    """From the first to the last nanosecond, both included."""

    first_ns: int
    last_ns: int

    def step(self, parts: int) -> int:
        """ns of one of so many equal parts that cover it; at least 1."""
        return max(-(-(self.last_ns - self.first_ns + 1) // parts), 1)


@dataclass(slots=True)
class OverTime:
    """Counts by part of a span."""

    span: Span
    step_ns: int
    packets: list[int]
    bytes: list[int]
    """On the wire."""
    flows: list[int]
    odd: list[int]
    """Flows that do not fit their port."""
    findings: list[list[int]] = field(default_factory=list)
    """By severity, from info to critical."""


def whole_span(connection: sqlite3.Connection) -> Span | None:
    """Of all captures, or of the flows where no capture is done yet; None where there is nothing."""
    for sql in (
        "SELECT min(first_ns), max(last_ns) FROM file WHERE packets > 0",
        "SELECT min(first_ns), max(last_ns) FROM flow",
    ):
        first, last = connection.execute(sql).fetchone()
        if first is not None and last is not None:
            return Span(first, max(last, first))
    return None


def over_time(connection: sqlite3.Connection, span: Span, parts: int) -> OverTime:
    """Counts in `parts` equal parts of a span. A second or two for a million flows and ten million packets."""
    step = span.step(parts)
    found = OverTime(span, step, [0] * parts, [0] * parts, [0] * parts, [0] * parts)
    inside = (span.first_ns, step, span.first_ns, span.last_ns)
    for part, flows, odd in connection.execute(
        "SELECT (first_ns - ?) / ?, count(*), sum(verdict = 5) FROM flow WHERE first_ns BETWEEN ? AND ? GROUP BY 1",
        inside,
    ):
        found.flows[part], found.odd[part] = flows, odd
    found.findings = [[0] * parts for _ in range(SEVERITIES)]
    for part, severity, number in connection.execute(
        "SELECT (first_ns - ?) / ?, severity, count(*) FROM finding WHERE first_ns BETWEEN ? AND ? GROUP BY 1, 2",
        inside,
    ):
        found.findings[severity][part] = number
    _count_packets(connection, found, parts)
    return found


def _count_packets(connection: sqlite3.Connection, found: OverTime, parts: int) -> None:
    packets, sizes = np.zeros(parts, np.int64), np.zeros(parts, np.int64)
    first, last, step = found.span.first_ns, found.span.last_ns, found.step_ns
    rows = connection.execute("SELECT count, layout, ts, caplen, wirelen FROM packet_block ORDER BY id")
    for count, layout, times, captured, lengths in rows:
        block, blobs = Unpacked(layout, count), {"ts": times, "caplen": captured, "wirelen": lengths}
        ts = block.take("ts", blobs, None).astype(np.int64)
        inside = (ts >= first) & (ts <= last)
        if not inside.any():
            continue
        # the difference of two times may need all 64 bits
        part = (ts[inside].view(np.uint64) - np.uint64(first & (1 << 64) - 1)) // np.uint64(step)
        where = part.astype(np.int64)
        packets += np.bincount(where, minlength=parts)[:parts]
        wire = block.take("wirelen", blobs, None)[inside]
        sizes += np.bincount(where, weights=wire, minlength=parts)[:parts].astype(np.int64)
    found.packets, found.bytes = packets.tolist(), sizes.tolist()
