"""Packets of a batch → the ICMP messages that tell a host of a small MTU."""

import numpy as np
from numpy.typing import NDArray

from oddport.engine.batch import KIND_IP, Decoded, RecordBatch
from oddport.engine.columns import ICMP, ICMP6

SMALL_MTU = 1_280
"""The least MTU of IPv6 (RFC 8200, section 5); links of IPv4 with a smaller one are hardly in use."""
_UNREACHABLE, _TOO_BIG_CODE, _TOO_BIG6 = 3, 4, 2
"""RFC 792 and RFC 1191, section 4; RFC 4443, section 3.2."""
_HEADER, _QUOTED = 8, {4: 20, 6: 40}
"""Bytes of the ICMP header, and of the IP header that is quoted behind it."""

TOLD: np.dtype[np.void] = np.dtype(
    [
        ("src", "V16"), ("dst", "V16"), ("mtu", "u4"), ("ns", "i8"), ("file", "u2"), ("number", "u4"), ("offset", "u4"),
    ]
)  # fmt: skip
"""Who was told, about its packets to whom; and where the message begins in its frame."""


def told(data: bytes, version: int) -> tuple[bytes, bytes, int] | None:
    """(sender, receiver, MTU) that an ICMP message tells of, addresses of 16 bytes; None for any other message."""
    quoted = data[_HEADER:]
    if len(quoted) < _QUOTED[version]:
        return None
    if version == 4:
        if data[:2] != bytes((_UNREACHABLE, _TOO_BIG_CODE)):
            return None
        return quoted[12:16].rjust(16, b"\0"), quoted[16:20].rjust(16, b"\0"), int.from_bytes(data[6:8], "big")
    if data[0] != _TOO_BIG6:
        return None
    return quoted[8:24], quoted[24:40], int.from_bytes(data[4:8], "big")


def small_mtus(batch: RecordBatch, decoded: Decoded) -> NDArray[np.void]:
    """The messages (dtype TOLD) of an MTU below SMALL_MTU among whole packets that were just decoded."""
    proto = decoded.proto[: batch.count]
    rows = np.flatnonzero(((proto == ICMP) | (proto == ICMP6)) & (decoded.kind[: batch.count] == KIND_IP))
    rows = rows[decoded.payload_captured[rows] >= _HEADER + _QUOTED[4]]
    kinds = batch.data[decoded.payload[rows]]
    rows = rows[(kinds == _UNREACHABLE) & (proto[rows] == ICMP) | (kinds == _TOO_BIG6) & (proto[rows] == ICMP6)]
    found: list[tuple[bytes, bytes, int, int, int, int, int]] = []
    for row in rows.tolist():
        first = int(decoded.payload[row])
        data = batch.data[first : first + int(decoded.payload_captured[row])].tobytes()
        said = told(data, 4 if proto[row] == ICMP else 6)
        if said is not None and said[2] < SMALL_MTU:
            found.append(
                (
                    *said, int(batch.ts[row]), int(batch.file[row]), int(batch.number[row]),
                    first - int(batch.start[row]),
                )
            )  # fmt: skip
    return np.array(found, TOLD)
