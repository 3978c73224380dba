"""Fragment rows of a batch → their trains' keys and what their headers say, as columns."""

import numpy as np
from numpy.typing import NDArray

from oddport.engine import train_layout as layout
from oddport.engine.batch import FRAGMENT_ATOMIC, Decoded, RecordBatch
from oddport.engine.trains import FRAGMENT

# odd multipliers of 64-bit mixing
_K1, _K2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


def train_keys(batch: RecordBatch, decoded: Decoded, rows: NDArray[np.int64], seed: np.uint64) -> NDArray[np.int64]:
    """The words SRC_HI to HASH of each fragment's train. Who does not know the seed cannot choose keys that collide."""
    keys = np.empty((len(rows), layout.HASH + 1), np.uint64)
    keys[:, layout.SRC_HI] = decoded.src_hi[rows]
    keys[:, layout.SRC_LO] = decoded.src_lo[rows]
    keys[:, layout.DST_HI] = decoded.dst_hi[rows]
    keys[:, layout.DST_LO] = decoded.dst_lo[rows]
    keys[:, layout.ID] = decoded.context[rows].astype(np.uint64) << np.uint64(32) | decoded.fragment_id[rows]
    atomic = decoded.fragment_more[rows] == FRAGMENT_ATOMIC
    kind = atomic.astype(np.uint64) << np.uint64(8) | decoded.version[rows]
    keys[:, layout.WHERE] = batch.interface[rows].astype(np.uint64) << np.uint64(16) | kind
    mixed = np.full(len(rows), seed, np.uint64)
    for word in range(layout.HASH):
        mixed = (mixed ^ keys[:, word]) * _K1
        mixed = (mixed ^ mixed >> np.uint64(29)) * _K2
        mixed ^= mixed >> np.uint64(32)
    keys[:, layout.HASH] = mixed >> np.uint64(1)
    return keys.view(np.int64)


def fragment_rows(
    batch: RecordBatch, decoded: Decoded, rows: NDArray[np.int64], first_packet: int
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """The fragments (dtype FRAGMENT), and the index in `batch.data` of each one's first byte."""
    data, start, header = batch.data, decoded.fragment_start[rows], decoded.ip_header[rows]
    is_4 = decoded.version[rows] == 4
    found = np.empty(len(rows), FRAGMENT)
    found["number"] = batch.number[rows]
    found["file"] = batch.file[rows]
    found["packet"] = first_packet + rows
    found["ts"] = batch.ts[rows]
    found["frame_offset"] = start - batch.start[rows]
    found["offset"] = decoded.fragment_offset[rows]
    found["length"] = decoded.fragment_wire[rows]
    found["captured"] = decoded.fragment_captured[rows]
    found["more"] = decoded.fragment_more[rows] == 1
    found["ttl"] = decoded.ttl[rows]
    found["proto"] = data[np.where(is_4, header + 9, start - 8)]
    flags = data[np.where(is_4, header + 6, start - 7)]
    low = data[np.where(is_4, header + 6, start - 5)] & 6
    found["flags"] = np.where(is_4, flags >> 5, flags | low)
    found["header_length"] = start - header - np.where(is_4, 0, 8)
    return found, start
