"""What the stages of the engine hand to each other for up to BATCH packets: raw records, then decoded headers."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.engine.columns import BATCH


def _column(dtype: str) -> NDArray[Any]:
    return np.zeros(BATCH, dtype)


@dataclass(slots=True)
class RecordBatch:
    """Capture records in reading order. Only rows `[:count]` hold; arrays are reused by the next batch."""

    data: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    """The bytes that `start` points into; frame i is `data[start[i] : start[i] + caplen[i]]`, always inside `data`."""
    count: int = 0
    start: NDArray[np.int64] = field(default_factory=lambda: _column("i8"))
    caplen: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    wirelen: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    ts: NDArray[np.int64] = field(default_factory=lambda: _column("i8"))
    offset: NDArray[np.int64] = field(default_factory=lambda: _column("i8"))
    """Of the first captured byte in the unpacked capture file."""
    number: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    """1-based number of the packet in its file."""
    file: NDArray[np.uint16] = field(default_factory=lambda: _column("u2"))
    interface: NDArray[np.uint16] = field(default_factory=lambda: _column("u2"))
    link: NDArray[np.uint16] = field(default_factory=lambda: _column("u2"))
    """LINKTYPE_ number of the frame's interface."""


# Decoded.kind
KIND_UNREAD = 0  # not IP, unknown link type, or a header that does not hold together
KIND_IP = 1  # belongs to a flow
KIND_FRAGMENT = 2  # an IP fragment whose datagram is not complete (yet)

FRAGMENT_ATOMIC = 2
"""Decoded.fragment_more of an atomic fragment (RFC 6946): offset 0, no more to come, the datagram is whole."""


@dataclass(slots=True)
class Decoded:
    """Headers of a RecordBatch, row by row. IPv4 addresses have 0 in the high half and the address in the low one."""

    kind: NDArray[np.uint8] = field(default_factory=lambda: _column("u1"))
    version: NDArray[np.uint8] = field(default_factory=lambda: _column("u1"))
    proto: NDArray[np.uint8] = field(default_factory=lambda: _column("u1"))
    src_hi: NDArray[np.uint64] = field(default_factory=lambda: _column("u8"))
    src_lo: NDArray[np.uint64] = field(default_factory=lambda: _column("u8"))
    dst_hi: NDArray[np.uint64] = field(default_factory=lambda: _column("u8"))
    dst_lo: NDArray[np.uint64] = field(default_factory=lambda: _column("u8"))
    sport: NDArray[np.uint16] = field(default_factory=lambda: _column("u2"))
    """0 for protocols without ports, ICMP included, and for a header that is cut before them."""
    dport: NDArray[np.uint16] = field(default_factory=lambda: _column("u2"))
    context: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    """VLAN tags and PPPoE session: 0 = none; a single tag is its VLAN id; deeper stacks and sessions are a hash with
    the high bit set. MPLS labels do not count: they differ by direction (RFC 3031, section 3.1)."""
    payload: NDArray[np.int64] = field(default_factory=lambda: _column("i8"))
    """Index in `data` (or in the reassembly buffer, see `reassembled`) of the first byte after the transport header;
    for other IP protocols, of the first byte after the IP header."""
    payload_captured: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    payload_wire: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    """Payload bytes that the IP (and UDP) length says; padding of the frame does not count."""
    seq: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    ack: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    flags: NDArray[np.uint8] = field(default_factory=lambda: _column("u1"))
    """TCP flags."""
    # of fragments only
    ip_header: NDArray[np.int64] = field(default_factory=lambda: _column("i8"))
    """Index in `data` of the IP header (every IP packet)."""
    fragment_id: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    fragment_offset: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    """Bytes."""
    fragment_more: NDArray[np.uint8] = field(default_factory=lambda: _column("u1"))
    """1 = more fragments follow; FRAGMENT_ATOMIC: an IPv6 fragment header that fragments nothing (kind is KIND_IP)."""
    fragment_start: NDArray[np.int64] = field(default_factory=lambda: _column("i8"))
    """Index in `data` of the fragment's data (after the IPv4 header, or the IPv6 fragment header)."""
    fragment_captured: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    fragment_wire: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    ttl: NDArray[np.uint8] = field(default_factory=lambda: _column("u1"))
    reassembled: NDArray[np.uint8] = field(default_factory=lambda: _column("u1"))
    """1 = this row completed a datagram: payload lies in the reassembly buffer, kind is KIND_IP. 2 = the packet inside
    such a datagram: it lies in `data`, and places in it count from the datagram's first byte."""
    carrier: NDArray[np.uint8] = field(default_factory=lambda: _column("u1"))
    """The tunnel that the payload may be, by carriers.py; 0 = none. Only a look inside tells."""
    train: NDArray[np.uint32] = field(default_factory=lambda: _column("u4"))
    """Id of the fragment train the row belongs to, 0 = none."""
