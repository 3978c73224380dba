"""Flows that are over, or have come far enough → flows with name, server side and port verdict."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddport.detection.model import FlowBatch
from oddport.engine.flows import FlowTable
from oddport.engine.heads import Head
from oddport.protocols.identify import identify
from oddport.protocols.model import Identification, PortVerdict
from oddport.protocols.registry import app_names
from oddport.protocols.site import SiteTable
from oddport.protocols.verdicts import NO_APP, judge_of, originator_serves, server_ports

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

    def __init__(self, table: FlowTable, site: SiteTable | None = None) -> None:
        self._table = table
        self._site = site
        self._named: dict[int, Named] = {}
        self._names = app_names()
        self._ids: dict[str | None, int] = {None: NO_APP, **{name: at for at, name in enumerate(self._names)}}
        self._judge = judge_of(self._names)

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
        wanted = np.isin(batch.verdict, _JUDGED)
        # also where a name is at home on a port beside its owner: HTTP/2 in clear on the port of HTTPS
        wanted |= ~self._judge.at_home(batch.app_id, batch.flows["proto"], batch.server_port)
        for slot, keep in zip(slots, wanted.tolist(), strict=True):
            self._table.release(slot)
            if not keep:
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
        found = [one.identification for one in named]
        count, ids = len(named), self._ids
        app = np.fromiter([ids[one.app] for one in found], np.int16, count)
        sides = np.fromiter([-1 if one.server is None else one.server for one in found], np.int8, count)
        flows["server"] = self._judge.server_sides(flows, sides)
        ports = server_ports(flows)
        payload = (flows["payload_o"] + flows["payload_r"]) > 0
        verdict = self._judge.verdicts(app, flows["proto"], ports, payload)
        if self._site is not None:
            self._site.excuse(flows, found, originator_serves(flows), ports, verdict)
        heads = [one.head for one in named]
        return FlowBatch(
            flows=flows,
            tier=np.fromiter([one.tier for one in found], np.uint8, count),
            verdict=verdict,
            server_port=ports,
            app_id=app,
            names=self._names,
            head=heads.__getitem__,
            identification=found.__getitem__,
        )
