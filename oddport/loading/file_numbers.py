"""Numbers of packets in the case → their numbers in their files, of the packets that flows begin with."""

from threading import Lock

import numpy as np
from numpy.typing import NDArray


class FileNumbers:
    """Follows a load. While one file is all that was read, both numbers go together and nothing is kept; from then on
    eight bytes a flow. One thread may call `take` while another calls `of`."""

    def __init__(self) -> None:
        self._alike = 0
        """Packets from the first one on that have the same number in case and file."""
        self._together = True
        self._made = 0
        """The highest flow id so far."""
        self._flows: list[NDArray[np.uint32]] = []
        self._numbers: list[NDArray[np.uint32]] = []
        self._lock = Lock()

    def take(self, flows: NDArray[np.uint32], numbers: NDArray[np.uint32], first: int, last: int) -> None:
        """Packets in order, each perhaps with those that lie inside it: the flow id of each, its 1-based number in its
        file; `first`, `last`: 0-based numbers of the first and the last in the case."""
        if self._together and numbers[0] == first + 1 and numbers[len(numbers) - 1] == last + 1:
            self._alike, self._made = last + 1, max(self._made, int(flows.max()))
            return
        self._together = False
        fresh = np.flatnonzero(flows > self._made)
        ids, at = np.unique(flows[fresh], return_index=True)
        if len(ids):
            with self._lock:
                self._flows.append(ids.astype(np.uint32))
                self._numbers.append(numbers[fresh[at]])
            self._made = int(ids[-1])

    def of(self, flows: NDArray[np.void]) -> NDArray[np.uint32]:
        """The 1-based number in its file of the first packet of each flow (FLOW records)."""
        found: NDArray[np.uint32] = flows["first_packet"] + np.uint32(1)
        late = np.flatnonzero(flows["first_packet"] >= self._alike)
        if len(late):
            with self._lock:
                self._flows, self._numbers = [np.concatenate(self._flows)], [np.concatenate(self._numbers)]
                known, numbers = self._flows[0], self._numbers[0]
            found[late] = numbers[np.searchsorted(known, flows["id"][late])]
        return found
