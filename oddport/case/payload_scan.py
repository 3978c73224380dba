"""The captures of a case and terms → the flows in whose payload they stand, as they are found.

A block of packets at a time, in stretches of at most a few megabytes: read, passed over where no bytes of a term are
in it, decoded by the engine, and searched packet by packet. A term stands within one packet; fragments are not put
together.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddport.case.captures import CaptureBytes, is_live
from oddport.case.connect import connect_for_reading
from oddport.case.errors import CaptureMoved
from oddport.case.filter import Where, candidates
from oddport.case.model import CaptureRow
from oddport.case.packets import Block, load_block
from oddport.case.payload_term import Term
from oddport.case.reader import CaseReader
from oddport.engine.batch import KIND_IP, Decoded, RecordBatch
from oddport.engine.columns import BATCH, PACKET_PAYLOAD
from oddport.engine.decode import decode
from oddport.engine.tunnels import at_depth

STRETCH = 4 << 20
"""Bytes of a capture that are read at once."""
GAP = 64 << 10
"""Bytes between two wanted packets that are not read along."""


@dataclass(frozen=True, slots=True)
class Looked:
    """How far a search is."""

    bytes: int
    """On the wire, of the packets that were passed."""
    total: int
    found: tuple[tuple[int, ...], ...]
    """Flows that were found since the last report, by term."""
    gone: int = 0
    """Packets of an interface whose bytes its ring has given up."""


def scan(
    reader: CaseReader, text: str, table: str, terms: Sequence[Term], stop: Callable[[], bool]
) -> Iterator[Looked]:
    """Searches for the terms of a filter of `flows` or `findings` in the flows for which the rest of it can hold.

    Raises CaseError where the case, CaptureMoved where a capture cannot be read.
    """
    if not terms:
        return
    connection = connect_for_reading(reader.path).connection
    try:
        wanted, depths = _wanted(connection, text, table)
        files = {file.id: file for file in reader.files()}
        links = dict(connection.execute("SELECT id, link FROM interface"))
        search = _Search(terms, wanted, depths, files, links)
        done, total = 0, sum(file.bytes for file in files.values())
        yield Looked(0, total, search.taken())
        for number in [row[0] for row in connection.execute("SELECT id FROM packet_block ORDER BY id")]:
            block = load_block(connection, number)
            if block is None:
                continue
            before, share = done, int(block.take("wirelen").sum(dtype=np.int64))
            for part in search.block(block):
                if stop():
                    return
                yield Looked(before + int(share * part), total, search.taken(), search.gone)
            done += share
            yield Looked(done, total, search.taken(), search.gone)
    finally:
        connection.close()


def searched(reader: CaseReader, text: str, table: str, where: Where) -> tuple[Where, int]:
    """The compiled filter with all that its terms are found in, and how many packets have no bytes any more; raises as
    `scan`."""
    gone = 0
    found: list[list[int]] = [[] for _ in where.terms]
    for looked in scan(reader, text, table, where.terms, lambda: False):
        gone = looked.gone
        for flows, new in zip(found, looked.found, strict=True):
            flows.extend(new)
    bound = where.bound({term: json.dumps(flows) for term, flows in zip(where.terms, found, strict=True)})
    return bound, gone


def _wanted(connection: sqlite3.Connection, text: str, table: str) -> tuple[NDArray[np.bool_], Mapping[int, int]]:
    """Which flows are looked at, by id; and how deep each lies that was found in a tunnel."""
    where = candidates(text, table)
    most = connection.execute("SELECT coalesce(max(id), 0) FROM flow").fetchone()[0]
    wanted = np.zeros(most + 1, np.bool_)
    column, base = ("id", "flow") if table in ("flow", "flows") else ("flow", "finding")
    rows = connection.execute(
        f"SELECT {column} FROM {base} WHERE ({where.sql}) AND {column} <= ?", (*where.params, most)
    )
    while chunk := rows.fetchmany(BATCH):
        wanted[[row[0] for row in chunk]] = True
    tunnels = connection.execute("SELECT flow, tunnel FROM inside")
    return wanted, {flow: tunnel.count(" > ") + 1 for flow, tunnel in tunnels if flow <= most and wanted[flow]}


class _Search:
    def __init__(
        self,
        terms: Sequence[Term],
        wanted: NDArray[np.bool_],
        depths: Mapping[int, int],
        files: Mapping[int, CaptureRow],
        links: Mapping[int, int],
    ) -> None:
        self._tests = [_test_of(term) for term in terms]
        self._needles = [term.pattern for term in terms if not term.is_regex]
        self._all_plain = len(self._needles) == len(terms)
        self._left = [wanted.copy() for _ in terms]
        """Flows in which each term is still looked for."""
        self._new: list[list[int]] = [[] for _ in terms]
        self._depths, self._files, self._links = depths, files, links
        self._bytes = CaptureBytes()
        self._decoded = Decoded()
        self.gone = 0

    def taken(self) -> tuple[tuple[int, ...], ...]:
        """What was found since this was asked last."""
        found = tuple(tuple(each) for each in self._new)
        self._new = [[] for _ in self._new]
        return found

    def block(self, block: Block) -> Iterator[float]:
        """Look through a block; gives after each stretch which part of it is done."""
        left = np.logical_or.reduce(self._left)
        flow, info, inner = block.take("flow"), block.take("info"), block.inner
        rows = left[np.minimum(flow, len(left) - 1)] & (flow < len(left)) & ((info & PACKET_PAYLOAD) > 0)
        rows[inner["row"][left[np.minimum(inner["flow"], len(left) - 1)]]] = True
        chosen = np.flatnonzero(rows)
        for part in self._stretches(block, chosen):
            self._stretch(block, part)
            yield float(np.searchsorted(chosen, part[-1]) + 1) / len(chosen)

    def _stretches(self, block: Block, rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        """Rows of one file whose bytes lie near one another."""
        files = block.take("file", rows)
        for file in np.unique(files).tolist():
            mine = rows[files == file]
            start = block.take("offset", mine).astype(np.int64)
            end = start + block.take("caplen", mine)
            alone = is_live(self._files[file].path)  # its bytes lie in several files of a ring
            first = 0
            for at in range(1, len(mine) + 1):
                if (
                    at == len(mine) or alone or at - first >= BATCH or end[at] - start[first] > STRETCH
                    or not 0 <= start[at] - end[at - 1] <= GAP
                ):  # fmt: skip
                    yield mine[first:at]
                    first = at

    def _stretch(self, block: Block, rows: NDArray[np.intp]) -> None:
        start = block.take("offset", rows).astype(np.int64)
        caplen = block.take("caplen", rows)
        base = int(start[0])
        file = self._files[int(block.take("file", rows[:1])[0])]
        try:
            data = self._bytes.read(file, base, int(start[-1] + caplen[-1]) - base)
        except CaptureMoved:
            if not is_live(file.path):
                raise
            self.gone += len(rows)
            return
        if self._all_plain and not any(needle in data for needle in self._needles):
            return
        count = len(rows)
        batch = RecordBatch(data=np.frombuffer(data, np.uint8).copy(), count=count)
        batch.start[:count] = start - base
        batch.caplen[:count], batch.wirelen[:count] = caplen, block.take("wirelen", rows)
        batch.link[:count] = [self._links.get(each, 0) for each in block.take("interface", rows).tolist()]
        decode(batch, self._decoded)
        self._rows(data, self._decoded, range(count), block.take("flow", rows).tolist())
        inside = block.inner[np.isin(block.inner["row"], rows)]
        deep: dict[int, list[tuple[int, int]]] = {}
        for row, flow in zip(np.searchsorted(rows, inside["row"]).tolist(), inside["flow"].tolist(), strict=True):
            if flow in self._depths:
                deep.setdefault(self._depths[flow], []).append((row, flow))
        for depth, pairs in deep.items():
            lying = at_depth(batch, self._decoded, depth)
            self._rows(data, lying, [row for row, _ in pairs], [flow for _, flow in pairs])

    def _rows(self, data: bytes, decoded: Decoded, rows: Sequence[int], flows: Sequence[int]) -> None:
        kind, payload, length = decoded.kind, decoded.payload, decoded.payload_captured
        for row, flow in zip(rows, flows, strict=True):
            size = int(length[row])
            if kind[row] != KIND_IP or not size:
                continue
            begin = int(payload[row])
            for test, left, new in zip(self._tests, self._left, self._new, strict=True):
                if flow < len(left) and left[flow] and test(data, begin, begin + size):
                    left[flow] = False
                    new.append(flow)


def _test_of(term: Term) -> Callable[[bytes, int, int], bool]:
    """Whether a term stands between two places."""
    if not term.is_regex:
        return lambda data, begin, end: data.find(term.pattern, begin, end) >= 0
    expression = re.compile(term.pattern)
    return lambda data, begin, end: expression.search(data[begin:end]) is not None
