"""New flows → the processes of their local ends: a look at the sockets serves all that came since the last one."""

import time
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from oddport.capture.live.sockets import GONE, Process, Sockets
from oddport.case.model import OwnerRow

LOOK_SECONDS: Final = 0.25
"""Least time between two looks."""
LOOK_SHARE: Final = 8
"""A look that took t is followed by a pause of at least LOOK_SHARE * t."""
LOOKS: Final = 4
"""Looks at which an end may be missing before it counts as gone: its packet may be seen before its socket is."""
WAITING_MOST: Final = 10_000
"""Ends that wait for a look; of those beyond, the processes stay unknown, and say so."""
TOO_MANY: Final = "too many new flows at once"
_PORTS: Final = (6, 17)

Waiting = tuple[int, int, int, tuple[bytes, int], tuple[bytes, int]]
"""Flow, side, IP protocol, the local end, the other one."""


class Owners:
    """Of one capture on this machine. Each end of a flow is looked up once, when the flow is first seen."""

    def __init__(self, sockets: Sockets | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Looks at the sockets once. Raises OSError where the system does not tell its addresses."""
        self._sockets = Sockets() if sockets is None else sockets
        self._clock = clock
        self._seen = np.zeros(1024, np.bool_)
        self._waiting: dict[Waiting, int] = {}
        """End → looks at which it was missing."""
        self._known: list[tuple[int, OwnerRow]] = []
        self._next_look = 0.0
        self._look()

    def see(self, flows: NDArray[np.void]) -> None:
        """Note flows (dtype FLOW, in any state) of which some may be new."""
        ids = flows["id"]
        if not len(ids):
            return
        while int(ids.max()) >= len(self._seen):
            self._seen = np.concatenate((self._seen, np.zeros_like(self._seen)))
        new = flows[~self._seen[ids] & np.isin(flows["proto"], _PORTS)]
        self._seen[ids] = True
        local = self._sockets.local
        for flow in new:
            number, proto = int(flow["id"]), int(flow["proto"])
            ends = (
                (flow["src"].tobytes(), int(flow["sport"])),
                (flow["dst"].tobytes(), int(flow["dport"])),
            )
            for side in (0, 1):
                if ends[side][0] not in local:
                    continue
                if len(self._waiting) < WAITING_MOST:
                    self._waiting[number, side, proto, ends[side], ends[1 - side]] = 0
                else:
                    self._known.append((number, OwnerRow(side, None, "", "", "", TOO_MANY)))

    def take(self, last: bool = False) -> list[tuple[int, OwnerRow]]:
        """(flow, process of an end) that became known since; looks if it is time. `last`: nothing may wait longer."""
        if self._waiting and (last or self._clock() >= self._next_look):
            self._resolve()  # at what the last look saw: a socket may have gone since
            if self._waiting:
                self._look()
                self._resolve()
            for end in list(self._waiting):
                self._waiting[end] += 1
                if last or self._waiting[end] >= LOOKS:
                    del self._waiting[end]
                    self._known.append((end[0], OwnerRow(end[1], None, "", "", "", GONE)))
        known, self._known = self._known, []
        return known

    def _look(self) -> None:
        began = self._clock()
        self._sockets.look()
        ended = self._clock()
        self._next_look = ended + max(LOOK_SECONDS, LOOK_SHARE * (ended - began))

    def _resolve(self) -> None:
        for end in list(self._waiting):
            number, side, proto, here, there = end
            found = self._sockets.owner(proto, here, there)
            if found is not None:
                del self._waiting[end]
                self._known.append((number, _row(side, found)))


def _row(side: int, process: Process) -> OwnerRow:
    return OwnerRow(side, process.pid, process.name, process.path, process.user, process.why)
