"""Fragments that came alone, without a first one → sprays of them, as somebody makes who guesses at ids."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddport.detection.model import Evidence
from oddport.detection.trains import Subject
from oddport.engine.trains import TrainBatch

REMEMBERED = 200_000
"""Fragments that are remembered (69 bytes each)."""
WITHIN_NS = 60 * 10**9
"""A receiver holds a fragment that long (RFC 1122, section 3.3.2)."""
SHOWN = 3

SEEN: np.dtype[np.void] = np.dtype(
    [
        ("src", "V16"), ("dst", "V16"), ("version", "u1"), ("proto", "u1"), ("ip_id", "u4"), ("ns", "i8"),
        ("train", "u4"), ("flow", "u4"), ("sport", "u2"), ("dport", "u2"), ("file", "u2"), ("number", "u4"),
        ("frame_offset", "u4"), ("offset", "u4"), ("length", "u4"),
    ]
)  # fmt: skip
"""A train and its earliest fragment, as far as rules over several trains need them."""


def seen(batch: TrainBatch, rows: NDArray[np.int64]) -> NDArray[np.void]:
    """Trains with at least one listed fragment as rows of SEEN; ports that are not known are 0."""
    trains = batch.trains[rows]
    fragments = batch.fragments[trains["first"]]
    found = np.empty(len(rows), SEEN)
    for name in ("src", "dst", "version", "proto", "ip_id", "flow"):
        found[name] = trains[name]
    found["ns"], found["train"] = trains["first_ns"], trains["id"]
    for name in ("sport", "dport"):
        found[name] = np.maximum(trains[name], 0)
    for name in ("file", "number", "frame_offset", "offset", "length"):
        found[name] = fragments[name]
    return found


def subject_of(rows: NDArray[np.void]) -> Subject:
    """The first of these trains (SEEN, by time), and how long they go on."""
    first = rows[0]
    return Subject(
        first["src"].tobytes(), first["dst"].tobytes(), int(first["version"]), int(first["proto"]), int(first["sport"]),
        int(first["dport"]), int(first["ns"]), int(rows["ns"].max()), int(first["train"]), int(first["flow"]),
    )  # fmt: skip


def evidence_of(rows: NDArray[np.void], says: str, expected: str) -> tuple[Evidence, ...]:
    """Where the first fragments of the first trains lie; their bytes are not kept."""
    return tuple(
        Evidence(
            file=int(row["file"]),
            packet=int(row["number"]),
            offset=int(row["frame_offset"]),
            data=b"",
            length=int(row["length"]),
            says=f"id 0x{int(row['ip_id']):x}, {says}",
            expected=expected if index == 0 else "",
        )
        for index, row in enumerate(rows[:SHOWN])
    )


@dataclass(slots=True)
class Volley:
    """Fragments with the same place and length under many ids, to one host."""

    rows: NDArray[np.void]
    """dtype SEEN, by time."""
    ids: int


class Alone:
    """All fragments that came alone."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._parts: list[NDArray[np.void]] = []
        self._count = 0
        self.left_out = 0
        """Fragments beyond the limit."""

    def take(self, batch: TrainBatch) -> None:
        """Remember those of a batch."""
        trains = batch.trains
        rows = np.flatnonzero(~trains["complete"] & (trains["count"] == 1) & (trains["listed"] == 1))
        rows = rows[batch.fragments["offset"][trains["first"][rows]] > 0]
        kept = rows[: self._limit - self._count]
        self.left_out += len(rows) - len(kept)
        if len(kept):
            self._parts.append(seen(batch, kept))
            self._count += len(kept)

    def volleys(self, least: int) -> Iterator[Volley]:
        """Fragments to one host, of one place and length, under at least `least` ids within WITHIN_NS."""
        if self._count < least:
            return
        rows = np.concatenate(self._parts)
        keys = np.empty(len(rows), [("dst", "V16"), ("version", "u1"), ("offset", "u4"), ("length", "u4")])
        for name in keys.dtype.names or ():
            keys[name] = rows[name]
        which = np.unique(keys.view(f"V{keys.itemsize}"), return_inverse=True)[1]
        order = np.lexsort((rows["train"], rows["ns"], which))
        for part in np.split(order, np.flatnonzero(np.diff(which[order])) + 1):
            mine = rows[part]
            last = np.searchsorted(mine["ns"], mine["ns"] + WITHIN_NS, "right")
            for first in np.flatnonzero(last - np.arange(len(mine)) >= least).tolist():
                ids = len(np.unique(mine["ip_id"][first : last[first]]))
                if ids >= least:
                    yield Volley(mine[first:], len(np.unique(mine["ip_id"][first:])))
                    break
