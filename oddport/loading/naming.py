"""Flows that are over, or have come far enough → flows with name, server side and port verdict."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddport.detection.model import FlowBatch
from oddport.engine.columns import (
    SERVER_ORIGINATOR_BY_GRAMMAR,
    SERVER_ORIGINATOR_BY_PORT,
    SERVER_RESPONDER_BY_GRAMMAR,
    SERVER_RESPONDER_BY_PORT,
    SERVER_UNKNOWN,
)
from oddport.engine.flows import FlowTable
from oddport.engine.heads import Head
from oddport.protocols.identify import identify
from oddport.protocols.model import Identification, PortVerdict
from oddport.protocols.ports import guess_server_by_port, judge_ports, owner

_JUDGED = (int(PortVerdict.MISMATCH), int(PortVerdict.UNRECOGNISED))


@dataclass(slots=True)
class Named:
    """The name of an open flow, and its first bytes where a detector will want them."""

    identification: Identification
    head: Head | None = None
    final: bool = False


NO_NAME = Identification()
UNNAMED = Named(NO_NAME)


class Namer:
    """Names the flows of one table. Call `early` at every BATCH packets, then `over`."""

    def __init__(self, table: FlowTable) -> None:
        self._table = table
        self._named: dict[int, Named] = {}

    def early(self) -> None:
        """Name the flows that have come far enough, and free the first bytes of those whose name is final."""
        table = self._table
        done: list[int] = []
        for slot, used_o, used_r in table.events():
            known = self._named.get(slot)
            if known is not None and known.final:
                continue
            head = table.head(slot, used_o, used_r, False)
            found = identify(head)
            self._named[slot] = Named(found, head if found.final else None, found.final)
            if found.final:
                done.append(slot)
        for slot in table.pressed():
            if table.is_done(slot):
                continue
            head = table.head(slot, -1, -1, True)
            self._named[slot] = Named(identify(head), head, True)
            table.note_early(slot)
            done.append(slot)
            if table.arena_share() < 0.5:
                break
        self._settle(done)

    def _settle(self, slots: list[int]) -> None:
        """Free first bytes; keep them for the flows that a detector will look at."""
        if not slots:
            return
        batch = self._batch(self._table.table(slots), [self._named[slot] for slot in slots])
        rows = zip(
            slots,
            batch.verdict.tolist(),
            batch.flows["proto"].tolist(),
            batch.server_port.tolist(),
            batch.app,
            strict=True,
        )
        for slot, verdict, proto, port, app in rows:
            self._table.release(slot)
            # also where a name is at home on a port beside its owner: HTTP/2 in clear on the port of HTTPS
            if verdict not in _JUDGED and owner(proto, port) in (app, None):
                self._named[slot].head = None

    def over(self) -> FlowBatch:
        """The flows that ended since the last call, named. Their rows in the table are free afterwards."""
        slots = self._table.closed()
        flows = self._table.table(slots)
        spoke = (flows["payload_o"] + flows["payload_r"] > 0).tolist()
        named = [self._last_name(slot, said) for slot, said in zip(slots, spoke, strict=True)]
        batch = self._batch(flows, named)
        self._table.recycle()
        return batch

    def open(self, since: int) -> FlowBatch:
        """Open flows with a packet numbered `since` or later, with the names they have so far."""
        slots = self._table.open_slots(since)
        return self._batch(self._table.table(slots), [self._named.get(slot, UNNAMED) for slot in slots])

    def _last_name(self, slot: int, spoke: bool) -> Named:
        known = self._named.pop(slot, None)
        if known is not None and known.final:
            return known
        if not spoke:
            return UNNAMED
        head = self._table.head(slot, -1, -1, True)
        if not head.orig and not head.resp:
            return UNNAMED
        return Named(identify(head), head, True)

    def _batch(self, flows: NDArray[np.void], named: list[Named]) -> FlowBatch:
        apps = [one.identification.app for one in named]
        flows["server"] = _server_sides(flows, [one.identification.server for one in named])
        server_port = _server_ports(flows)
        payload = (flows["payload_o"] + flows["payload_r"]) > 0
        verdict = judge_ports(apps, flows["proto"], server_port, payload)
        heads = [one.head for one in named]
        identifications = [one.identification for one in named]
        return FlowBatch(
            flows=flows,
            tier=np.fromiter((one.identification.tier for one in named), np.uint8, len(named)),
            verdict=verdict,
            server_port=server_port,
            app=apps,
            head=heads.__getitem__,
            identification=identifications.__getitem__,
        )


def _server_sides(flows: NDArray[np.void], by_grammar: list[int | None]) -> NDArray[np.uint8]:
    """SERVER_* of each flow: SYN first, then grammar, then port."""
    server = flows["server"].copy()
    unknown = np.flatnonzero(server == SERVER_UNKNOWN)
    proto, sport, dport = (flows[name][unknown].tolist() for name in ("proto", "sport", "dport"))
    for i, row in enumerate(unknown.tolist()):
        side = by_grammar[row]
        if side is not None:
            server[row] = SERVER_RESPONDER_BY_GRAMMAR if side else SERVER_ORIGINATOR_BY_GRAMMAR
        elif sport[i] or dport[i]:
            guess = guess_server_by_port(proto[i], sport[i], dport[i])
            server[row] = SERVER_RESPONDER_BY_PORT if guess else SERVER_ORIGINATOR_BY_PORT
    return server


def _server_ports(flows: NDArray[np.void]) -> NDArray[np.uint16]:
    server = flows["server"]
    by_originator = (server == SERVER_ORIGINATOR_BY_GRAMMAR) | (server == SERVER_ORIGINATOR_BY_PORT)
    return np.where(by_originator, flows["sport"], flows["dport"]).astype(np.uint16)
