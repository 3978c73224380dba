"""Flows → those of which enough was captured that something missing means something, and why the others say nothing."""

import numpy as np
from numpy.typing import NDArray

from oddport.detection.model import FlowBatch
from oddport.engine.columns import (
    NOTE_CUT,
    NOTE_EARLY,
    NOTE_GAP_O,
    NOTE_GAP_R,
    NOTE_MIDSTREAM,
    NOTE_ONE_SIDED,
    TCP,
)

Rows = NDArray[np.int64]

_NOTES = (
    (NOTE_ONE_SIDED, "only one direction was captured"),
    (NOTE_CUT, "its packets were captured in part"),
    (NOTE_GAP_O | NOTE_GAP_R, "its first bytes have a hole"),
    (NOTE_EARLY, "memory ran short before enough bytes were seen"),
    (NOTE_MIDSTREAM, "its beginning is not in the capture"),
)
_ANY = int(np.bitwise_or.reduce([note for note, _ in _NOTES]))


def _notes(batch: FlowBatch, rows: Rows) -> NDArray[np.uint16]:
    """The notes of rows; only TCP has a beginning that can be missing."""
    flows = batch.flows
    midstream = np.where(flows["proto"][rows] == TCP, 0, NOTE_MIDSTREAM)
    found: NDArray[np.uint16] = flows["notes"][rows] & ~midstream.astype(np.uint16)
    return found


def whole(batch: FlowBatch, rows: Rows) -> Rows:
    """Of these rows, those with nothing missing: both directions, from the start, without a hole."""
    kept: Rows = rows[(_notes(batch, rows) & _ANY) == 0] if len(rows) else rows
    return kept


def sift(batch: FlowBatch, rows: Rows, what: str) -> tuple[Rows, dict[str, int]]:
    """`whole`, and how many rows are left out for which reason; `what` begins each reason ("no name, and ")."""
    counts: dict[str, int] = {}
    for note, reason in _NOTES:
        lacking = (_notes(batch, rows) & note) != 0
        if lacking.any():
            counts[what + reason] = int(lacking.sum())
            rows = rows[~lacking]
    return rows, counts
