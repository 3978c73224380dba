"""Messages of a small MTU → who had been told of one, about packets to whom."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddport.detection.model import Evidence

WITHIN_NS = 600 * 10**9
"""How long a host keeps what it was told (RFC 1191, section 6.3: ten minutes)."""
KEPT = 20_000
"""Pairs of hosts that are remembered (about 300 bytes each)."""
TOLD_KEPT = 16
"""Messages that are remembered of each."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message that a packet was too big."""

    ns: int
    mtu: int
    file: int
    number: int
    offset: int

    def evidence(self) -> Evidence:
        """Where it is."""
        says = f"an ICMP message of an MTU of {self.mtu:,}"
        return Evidence(file=self.file, packet=self.number, offset=self.offset, data=b"", length=8, says=says)


class SmallMtus:
    """The messages of a run that speak of a small MTU."""

    def __init__(self) -> None:
        self._told: dict[tuple[bytes, bytes], list[Told]] = {}
        self.left_out = 0
        """Messages beyond the limits."""

    def take(self, messages: NDArray[np.void]) -> None:
        """Remember messages (dtype path_mtu.TOLD)."""
        for src, dst, mtu, ns, file, number, offset in messages.tolist():
            there = self._told.get((src, dst))
            if there is None and len(self._told) < KEPT:
                there = self._told[src, dst] = []
            if there is None or len(there) >= TOLD_KEPT:
                self.left_out += 1
            else:
                there.append(Told(ns, mtu, file, number, offset))

    def __len__(self) -> int:
        return len(self._told)

    def before(self, src: bytes, dst: bytes, ns: int) -> Told | None:
        """What `src` had been told about its packets to `dst`, not long before `ns`; None where it had not."""
        return next((each for each in self._told.get((src, dst), ()) if each.ns <= ns <= each.ns + WITHIN_NS), None)
