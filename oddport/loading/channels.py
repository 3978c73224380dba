"""Control flows that announce channels → names of the flows that have none of their own, at tier C.

The one exception to the rule that a name depends on no other flow: what an FTP, SIP, RTSP or TFTP flow announces is
named after it, and says so (`announced_by` is the id of the flow that did).
"""

from collections import OrderedDict
from collections.abc import Sequence
from ipaddress import ip_address
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oddport.protocols.announced import CLIENT, FACT, SERVER, channel_of
from oddport.protocols.answers import packed, unpacked
from oddport.protocols.model import Identification, Tier
from oddport.protocols.registry import registry

MOST = 65_536
"""Announced ends that are remembered; the oldest give way."""
ADDRESS = 16
"""Bytes of an address in the columns."""

End = tuple[int, bytes, int]
"""Transport, address, port."""


class Announcement(NamedTuple):
    """Of what an end is, who announced it, since when."""

    app: str
    flow: int
    first_ns: int


class Channels:
    """The ends that control flows announced. `names`: the apps that columns count by."""

    def __init__(self, names: tuple[str, ...]) -> None:
        controls = {name for one in registry().protocols.values() for name in one.announced_by}
        self._index = {name: at for at, name in enumerate(names)}
        self._controls = np.array([self._index[name] for name in sorted(controls)], np.int16)
        self._ends: OrderedDict[End, Announcement] = OrderedDict()
        self._ports = np.zeros(1 << 16, np.int32)
        """Port → how many of the ends have it: few flows come near one, and only those are looked at one by one."""

    def announcing(self, app: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Which apps are those of control flows."""
        return np.isin(app, self._controls)

    def learn(self, flows: NDArray[np.void], server: NDArray[np.int8], more: Sequence[bytes | None]) -> None:
        """Remember what control flows announce; `server` and `more` as in answers.Answers."""
        for row, known in enumerate(more):
            told = unpacked(None, 0, -1, 0, known).facts.get(FACT)
            if not isinstance(told, list):
                continue
            flow = flows[row]
            ends = [(bytes(flow["src"]), int(flow["sport"])), (bytes(flow["dst"]), int(flow["dport"]))]
            asks, serves = reversed(ends) if server[row] == 0 else ends
            for channel in map(channel_of, told):
                own = {CLIENT: asks, SERVER: serves}.get(channel.host)
                if own is not None:
                    address, port = own[0], channel.port or own[1]
                else:
                    address, port = ip_address(channel.host).packed.rjust(ADDRESS, b"\0"), channel.port
                end = (channel.proto, address, port)
                self._ports[port] += end not in self._ends
                self._ends[end] = Announcement(channel.app, int(flow["id"]), int(flow["first_ns"]))
                self._ends.move_to_end(end)
        while len(self._ends) > MOST:
            (_, _, port), _ = self._ends.popitem(last=False)
            self._ports[port] -= 1

    def name(
        self,
        flows: NDArray[np.void],
        app: NDArray[np.int16],
        tier: NDArray[np.uint8],
        server: NDArray[np.int8],
        more: dict[int, bytes],
    ) -> None:
        """Put names where flows with payload lead to an announced end and prove nothing by themselves."""
        if not self._ends:
            return
        spoke = (flows["payload_o"] + flows["payload_r"]) > 0
        near = (self._ports[flows["dport"]] + self._ports[flows["sport"]]) > 0
        for row in np.flatnonzero(spoke & near & (tier < Tier.B)).tolist():
            flow = flows[row]
            told = self._told(flow)
            if told is not None:
                app[row], tier[row], server[row] = self._index[told.app], Tier.C, -1
                facts = packed(Identification(facts={"announced_by": told.flow}))
                if facts is not None:
                    more[row] = facts

    def _told(self, flow: np.void) -> Announcement | None:
        """The announcement of either end, by another flow that was there first."""
        proto = int(flow["proto"])
        for address, port in (("dst", "dport"), ("src", "sport")):
            told = self._ends.get((proto, bytes(flow[address]), int(flow[port])))
            if told is not None and told.flow != flow["id"] and flow["first_ns"] >= told.first_ns:
                return told
        return None
