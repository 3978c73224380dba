"""Columns of flows → the side that serves, and the port verdict, by tables that are made once from the ports' table."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from oddport.engine.columns import (
    SCTP,
    SERVER_ORIGINATOR_BY_GRAMMAR,
    SERVER_ORIGINATOR_BY_PORT,
    SERVER_RESPONDER_BY_GRAMMAR,
    SERVER_RESPONDER_BY_PORT,
    SERVER_UNKNOWN,
    TCP,
    UDP,
)
from oddport.protocols.model import PortVerdict
from oddport.protocols.ports import DYNAMIC_FIRST, RANK_BORDERS, port_table, rank
from oddport.protocols.registry import NO_APP

_ELSEWHERE = -2
"""In a column of owners: an app that is none of the names."""
_TRANSPORTS = (TCP, UDP, SCTP)
_OTHER = len(_TRANSPORTS)
_PORTS = 65_536


class Judge:
    """Judges flows whose apps are given as indices into `names`."""

    def __init__(self, names: tuple[str, ...]) -> None:
        table = port_table()
        self._transport = np.full(256, _OTHER, np.uint8)
        self._transport[list(_TRANSPORTS)] = range(_OTHER)
        index = {name: at for at, name in enumerate(names)}
        self._owner = np.full((_OTHER + 1, _PORTS), NO_APP, np.int16)
        for (transport, port), name in table.owner.items():
            self._owner[self._transport[transport], port] = index.get(name, _ELSEWHERE)
        sizes = np.diff((*RANK_BORDERS, _PORTS))
        free, owned = (
            np.repeat(np.array([rank(each, first) for first in RANK_BORDERS], np.uint8), sizes)
            for each in (False, True)
        )
        self._rank = np.where(self._owner == NO_APP, free, owned)
        entries = [table.apps.get(name) for name in names]
        self._known = np.array([entry is not None for entry in entries], np.bool_)
        self._dynamic = np.array([entry is not None and entry.dynamic for entry in entries], np.bool_)
        fits: dict[int, PortVerdict] = {}
        for at, entry in enumerate(entries):
            if entry is None:
                continue
            for transport in entry.over:
                place = (at * (_OTHER + 1) + int(self._transport[transport])) * _PORTS
                fits.update((place + port, PortVerdict.ALTERNATE) for port in entry.alternate)
                fits.update((place + port, PortVerdict.STANDARD) for port in entry.standard)
        self._keys = np.array([*sorted(fits), np.iinfo(np.int64).max], np.int64)
        self._fits = np.array([*(fits[key] for key in sorted(fits)), PortVerdict.NOTHING], np.uint8)

    def verdicts(
        self,
        app: NDArray[np.int16],
        proto: NDArray[np.uint8],
        port: NDArray[np.uint16],
        payload: NDArray[np.bool_],
    ) -> NDArray[np.uint8]:
        """`ports.judge_port` of each flow, a PortVerdict. `port`: the server's; `payload`: whether there was any."""
        transport = self._transport[proto]
        owned = self._owner[transport, port] != NO_APP
        verdict: NDArray[np.uint8] = ((app == NO_APP) & owned & payload).view(np.uint8) * np.uint8(
            PortVerdict.UNRECOGNISED
        )
        rows = np.flatnonzero((app != NO_APP) & (port != 0))
        if len(rows):
            apps, ports = app[rows], port[rows]
            keys = (apps.astype(np.int64) * (_OTHER + 1) + transport[rows]) * _PORTS + ports
            at = np.searchsorted(self._keys, keys)
            free = self._dynamic[apps] & ((ports >= DYNAMIC_FIRST) | ~owned[rows])
            found = np.where(free, np.uint8(PortVerdict.DYNAMIC), np.uint8(PortVerdict.MISMATCH))
            found = np.where(self._keys[at] == keys, self._fits[at], found)
            verdict[rows] = found * self._known[apps]
        return verdict

    def at_home(self, app: NDArray[np.int16], proto: NDArray[np.uint8], port: NDArray[np.uint16]) -> NDArray[np.bool_]:
        """Whether the port is well known for nothing else than the app."""
        owner = self._owner[self._transport[proto], port]
        home: NDArray[np.bool_] = (owner == NO_APP) | (owner == app)
        return home

    def server_sides(self, flows: NDArray[np.void], by_grammar: NDArray[np.int8]) -> NDArray[np.uint8]:
        """SERVER_* of each flow: by SYN as the engine says, else by grammar (0 originator, 1 responder, -1 unknown),
        else by port."""
        sport, dport = flows["sport"], flows["dport"]
        transport = self._transport[flows["proto"]]
        source, destination = self._rank[transport, sport], self._rank[transport, dport]
        responder = (source > destination) | ((source == destination) & (sport >= dport))
        by_port = np.where(responder, np.uint8(SERVER_RESPONDER_BY_PORT), np.uint8(SERVER_ORIGINATOR_BY_PORT))
        by_port[(sport == 0) & (dport == 0)] = SERVER_UNKNOWN
        told = np.where(by_grammar == 1, np.uint8(SERVER_RESPONDER_BY_GRAMMAR), np.uint8(SERVER_ORIGINATOR_BY_GRAMMAR))
        server = flows["server"]
        return np.where(server != SERVER_UNKNOWN, server, np.where(by_grammar < 0, by_port, told))


@cache
def judge_of(names: tuple[str, ...]) -> Judge:
    """The judge of flows whose apps are these names."""
    return Judge(names)


def originator_serves(flows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether the originator is the side that serves, by the column `server`."""
    side = flows["server"]
    served: NDArray[np.bool_] = (side == SERVER_ORIGINATOR_BY_GRAMMAR) | (side == SERVER_ORIGINATOR_BY_PORT)
    return served


def server_ports(flows: NDArray[np.void]) -> NDArray[np.uint16]:
    """The port of the side that serves."""
    return np.where(originator_serves(flows), flows["sport"], flows["dport"])
