"""A fragment train and its bytes → what each fragment brought, and the datagram under each reassembly policy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from oddport.case.train_life import Life, life_of
from oddport.case.words import PROTOCOLS
from oddport.detection.reassembly import POLICIES, Piece, ports, reading
from oddport.engine.columns import UDP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from oddport.case.model import FragmentRow, TrainRow
    from oddport.case.reader import CaseReader

NEW, SAME, DIFFERS = 1, 2, 3
"""What a byte of a fragment is: not there before, the same as what was there, another one."""
Run = tuple[int, int, int]
"""(first byte of the datagram, past the last, NEW, SAME or DIFFERS)"""
UDP_HEADER = 8
_NUMBERS = {word: number for number, word in PROTOCOLS.items()}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A fragment and what it brought."""

    fragment: FragmentRow
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """The datagram as a policy puts it together."""

    policy: str
    data: bytes | None
    """Up to its first hole; None where the policy throws the train away."""
    port: int | None
    """The destination port."""
    app: str
    """What is spoken in it; empty where nothing is recognised."""


@dataclass(frozen=True, slots=True)
class TrainPicture:
    """All that the screen draws of a train."""

    train: TrainRow
    arrivals: tuple[Arrival, ...]
    readings: tuple[Reading, ...]
    differing: tuple[tuple[int, int], ...]
    """(first, past the last) bytes in which readings differ."""
    length: int
    """Bytes of the datagram, as far as is known."""
    life: Life
    """What each arrival left open, and how it ended."""


def picture_of(reader: CaseReader, number: int) -> TrainPicture | None:
    """Everything about a train; None where the case has it no more.

    Raises CaseError, CaptureMoved among them, where its bytes cannot be read.
    """
    train = reader.train(number)
    if train is None:
        return None
    packets = [reader.packet(part.packet) for part in train.fragments]
    frames = iter(reader.frames([packet for packet in packets if packet is not None]))
    pieces = []
    for part, packet in zip(train.fragments, packets, strict=True):
        frame = next(frames) if packet is not None else b""
        pieces.append(frame[part.frame_offset : part.frame_offset + min(part.length, part.captured)])
    return draw(train, pieces)


def draw(train: TrainRow, pieces: Sequence[bytes]) -> TrainPicture:
    """The picture of a train whose fragments hold these bytes."""
    parts = [
        Piece(part.offset, part.length, data, part.more) for part, data in zip(train.fragments, pieces, strict=True)
    ]
    length = max([train.total or 0, *(part.end for part in parts)])
    arrivals = tuple(Arrival(part, runs) for part, runs in zip(train.fragments, _arrivals(parts, length), strict=True))
    once = list(dict.fromkeys((part.offset, part.length, part.data) for part in parts))
    taken = np.zeros(length, np.int64)
    for offset, size, _ in once:  # a fragment that comes again as it was is no overlap (RFC 5722, 4)
        taken[offset : offset + size] += 1
    overlaps = bool((taken > 1).any())
    readings = []
    for policy in POLICIES:
        data = None if policy == "drop" and overlaps else reading(parts, "first" if policy == "drop" else policy)
        port, app = _spoken(train, data)
        readings.append(Reading(policy, data, port, app))
    differ = differing([each.data for each in readings])
    return TrainPicture(train, arrivals, tuple(readings), differ, length, life_of(train))


def _arrivals(parts: Sequence[Piece], length: int) -> list[tuple[Run, ...]]:
    known, held = np.zeros(length, bool), np.zeros(length, np.uint8)
    found = []
    for part in parts:
        data = np.frombuffer(part.data, np.uint8)
        place = slice(part.offset, part.offset + len(data))
        kinds = np.where(~known[place], NEW, np.where(held[place] == data, SAME, DIFFERS))
        fresh = kinds == NEW
        held[place][fresh] = data[fresh]
        known[place] = True
        found.append(_runs(kinds, part.offset))
    return found


def _runs(kinds: NDArray[np.int64], offset: int) -> tuple[Run, ...]:
    if not len(kinds):
        return ()
    edges = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]
    return tuple((offset + first, offset + last, int(kinds[first])) for first, last in pairwise(edges))


def differing(readings: Sequence[bytes | None]) -> tuple[tuple[int, int], ...]:
    """Ranges in which readings differ from the first one; one that is thrown away is left out."""
    whole = [np.frombuffer(data, np.uint8) for data in readings if data is not None]
    if len(whole) < 2:
        return ()
    shortest = min(map(len, whole))
    differs = np.zeros(shortest, np.int8)
    for data in whole[1:]:
        differs |= (data[:shortest] != whole[0][:shortest]).astype(np.int8)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], differs, [0]])))
    return tuple(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _spoken(train: TrainRow, data: bytes | None) -> tuple[int | None, str]:
    """Destination port and app of a datagram; the header is where the transport begins (RFC 768, RFC 9293)."""
    proto = _NUMBERS.get(train.proto, 0)
    pair = ports(data, proto)
    if data is None or pair is None:
        return None, ""
    port = pair[1]
    if proto != UDP or len(data) <= UDP_HEADER:
        return port, ""
    from oddport.engine.heads import Head
    from oddport.protocols.identify import identify

    payload = data[UDP_HEADER:]
    named = identify(Head(UDP, payload, orig_datagrams=(payload,)))
    if named.app is None:
        named = identify(Head(UDP, b"", payload, resp_datagrams=(payload,)))
    return port, named.app or ""
