"""Flow ids of each packet block → the rows of `flow_block`: only the blocks that the flow itself does not tell.

Most flows have all their packets in one block, which `flow.first_packet` gives. A row is needed for each further block
of a flow, and where the first block in which its id stands is not the one of its first packet (a fragment train whose
ports became known later). So a load writes about one row for eight flows instead of one for each.
"""

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 0xFFFF_FFFF
_ROOM = 8_192


class FlowBlocks:
    """Which blocks flows were seen in and which they say they begin in: 8 bytes a flow."""

    def __init__(self) -> None:
        self._seen = np.zeros(0, np.uint32)
        self._declared = np.zeros(0, np.uint32)

    def see(self, block: int, flows: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Notes the flows (different ids, ascending, none 0) of a block; gives which of them need a row for it."""
        if not len(flows):
            return np.zeros(0, np.bool_)
        self._make_room(int(flows[-1]))
        seen = self._seen[flows]
        new = seen == UNKNOWN
        self._seen[flows[new]] = block
        declared = self._declared[flows]
        listed: NDArray[np.bool_] = (~new & (seen != block)) | ((declared != UNKNOWN) & (declared != block))
        return listed

    def knows(self, flows: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of the flows were declared before."""
        self._make_room(int(flows.max()))
        known: NDArray[np.bool_] = self._declared[flows] != UNKNOWN
        return known

    def declare(self, flows: NDArray[np.uint32], blocks: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Notes in which block each flow says it begins; gives the block of those that were first seen in another one,
        UNKNOWN for the others."""
        if not len(flows):
            return np.zeros(0, np.uint32)
        self._make_room(int(flows.max()))
        self._declared[flows] = blocks
        seen = self._seen[flows]
        return np.where(seen != blocks, seen, np.uint32(UNKNOWN))

    def _make_room(self, highest: int) -> None:
        known = len(self._seen)
        if highest >= known:
            more = np.full(max(_ROOM, highest + 1 - known, known), UNKNOWN, np.uint32)
            self._seen = np.concatenate((self._seen, more))
            self._declared = np.concatenate((self._declared, more))
