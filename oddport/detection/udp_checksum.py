"""Complete UDP trains of a batch → whether their checksum (RFC 768) is that of their bytes, in columns."""

import numpy as np
from numpy.typing import NDArray

from oddport.engine.columns import UDP
from oddport.engine.trains import TrainBatch

_HEADER = 8
_FOLDS = 3
"""How often 16 bits are carried until nothing is left to carry of 64,000 bytes."""


def checked(batch: TrainBatch) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(rows, wrong): the complete and uncut trains that begin with a UDP header, and for which of them the sum over
    addresses, protocol, length and data is not all ones. One that says 0, for no checksum, is right."""
    trains = batch.trains
    begins = np.zeros(len(trains), bool)
    listed = np.flatnonzero(trains["listed"])
    begins[listed] = batch.fragments["proto"][trains["first"][listed]] == UDP
    whole = trains["complete"] & (trains["reassembled"] == trains["total"]) & (trains["total"] >= _HEADER)
    rows = np.flatnonzero(begins & whole & (trains["proto"] == UDP))
    ends = np.empty((len(rows), 32), np.uint8)
    for column, name in enumerate(("src", "dst")):
        ends[:, 16 * column : 16 * column + 16] = trains[name][rows].copy().view(np.uint8).reshape(len(rows), 16)
    sums = batch.sums(rows) + ends.view(">u2").sum(axis=1, dtype=np.uint64) + np.uint64(UDP)
    sums += trains["total"][rows].astype(np.uint64)
    for _ in range(_FOLDS):
        sums = (sums & np.uint64(0xFFFF)) + (sums >> np.uint64(16))
    wrong = sums != 0xFFFF
    wrong[wrong] = (batch.bytes_at(rows[wrong], 6) | batch.bytes_at(rows[wrong], 7)) != 0
    return rows, wrong
