"""Flows that are over, or have come far enough → flows with name, server side and port verdict.

What the table gives to be named at a multiple of BATCH packets is named at once, or in another process
(naming_process.py); either way the table hears of it at the next multiple, whoever was faster.
"""

from collections.abc import Iterator
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from oddport.detection.model import FlowBatch
from oddport.engine.columns import SERVER_RESPONDER_BY_SYN
from oddport.engine.first_bytes import FirstBytes
from oddport.engine.flows import FlowTable
from oddport.engine.heads import Head
from oddport.engine.layout import BITS, LIVE_BIT, USED
from oddport.engine.summary import Taken, flow_ends, flow_records
from oddport.engine.tunnels import Inside
from oddport.loading.channels import Channels
from oddport.loading.naming_process import NamingProcess
from oddport.protocols.answers import Answers, answers, facts_text, packed_facts, unpacked
from oddport.protocols.identify import proof
from oddport.protocols.model import Identification, PortVerdict, Span
from oddport.protocols.registry import NO_APP, app_names
from oddport.protocols.site import FACT, SiteTable
from oddport.protocols.verdicts import judge_of, originator_serves, server_ports

Thing = TypeVar("Thing")
_JUDGED = (int(PortVerdict.MISMATCH), int(PortVerdict.UNRECOGNISED))


class Known:
    """What is known of the flows that lie in the table, by slot."""

    def __init__(self) -> None:
        self.app = np.zeros(0, np.int16)
        self.tier = np.zeros(0, np.uint8)
        self.server = np.zeros(0, np.int8)
        self.signs = np.zeros(0, np.uint8)
        self.more: dict[int, bytes] = {}
        """Where there is more than a name (answers.py)."""
        self.first: dict[int, FirstBytes] = {}
        """First bytes that the table gave up, and a detector will want."""

    def reach(self, slots: NDArray[np.integer]) -> None:
        """Make room for these slots."""
        size = int(slots.max()) + 1 if len(slots) else 0
        if size > len(self.app):
            fresh = max(size, 2 * len(self.app)) - len(self.app)
            self.app = np.concatenate((self.app, np.full(fresh, NO_APP, np.int16)))
            self.tier = np.concatenate((self.tier, np.zeros(fresh, np.uint8)))
            self.server = np.concatenate((self.server, np.full(fresh, -1, np.int8)))
            self.signs = np.concatenate((self.signs, np.zeros(fresh, np.uint8)))


class Asked:
    """What the table gave at one time, and, once it is answered, the flows that were over."""

    def __init__(self, taken: Taken, known: Known) -> None:
        self.taken = taken
        self.batch: FlowBatch | None = None
        """The flows that were over, named; None until there is an answer."""
        over = taken.over
        known.reach(over)
        self.app, self.tier, self.server = known.app[over], known.tier[over], known.server[over]
        self.signs = known.signs[over]
        known.app[over], known.tier[over], known.server[over], known.signs[over] = NO_APP, 0, -1, 0
        self.more = _popped(known.more, over)
        self.first = _popped(known.first, over)

    def before(self) -> list[int]:
        """Of each task the one before it that asks about the same flow, -1 where there is none."""
        slots = self.taken.slots
        order = np.argsort(slots, kind="stable")
        again = np.flatnonzero(slots[order[1:]] == slots[order[:-1]])
        before = np.full(len(slots), -1, np.int64)
        before[order[again + 1]] = order[again]
        found: list[int] = before.tolist()
        return found


def _popped(things: dict[int, Thing], slots: NDArray[np.uint32]) -> dict[int, Thing]:
    """Those of the slots, by row."""
    if not things:
        return {}
    return {row: things.pop(slot) for row, slot in enumerate(slots.tolist()) if slot in things}


class Namer:
    """Names the flows of one table. Call `take` at every BATCH packets."""

    def __init__(
        self, table: FlowTable, site: SiteTable | None = None, inside: dict[int, Inside] | None = None
    ) -> None:
        """inside: flow id → where it lies, of flows in tunnels; those that are over are taken out of it."""
        self._table = table
        self._inside = {} if inside is None else inside
        self._site = site
        self._known = Known()
        self._names = app_names()
        self._judge = judge_of(self._names)
        self._channels = Channels(self._names)
        self._named: list[NDArray[np.uint32]] = []
        """Slots of flows that are named for good, and of which the table has not heard."""
        self._elsewhere: NamingProcess | None = None
        self._waiting: Asked | None = None
        """What the other process is to answer."""
        self._unsent: Asked | None = None
        """The same, until it is asked."""
        self.tasks = 0
        """How many there were so far."""

    def move(self, process: NamingProcess) -> None:
        """From now on, name in that process."""
        self._elsewhere = process

    def take(self) -> Iterator[Asked]:
        """Let the table give what it has to be named, in the order in which it is to be handed over.

        Where another process names, the last one is still without an answer, and the last one of the time before has
        got one."""
        self.settle()
        if self._named:
            self._table.release(np.concatenate(self._named))
            self._named = []
        whole = False
        while not whole:
            taken = self._table.take()
            whole = taken.whole
            asked = Asked(taken, self._known)
            self.tasks += len(taken.slots)
            self.settle()
            if self._elsewhere is None or not len(taken.slots):
                self._answered(asked, answers(taken.first, asked.before()))
            else:
                self._waiting = self._unsent = asked
            yield asked

    def send(self) -> None:
        """Ask the other process, if there is something to ask. Raises NamingError."""
        asked, self._unsent = self._unsent, None
        if asked is not None and self._elsewhere is not None:
            self._elsewhere.ask(asked.taken.first, asked.before())

    def settle(self) -> None:
        """Wait for the other process's answer, if there is something to ask. Raises NamingError."""
        self.send()
        asked, self._waiting = self._waiting, None
        if asked is not None and self._elsewhere is not None:
            self._answered(asked, self._elsewhere.answer())

    def _answered(self, asked: Asked, found: Answers) -> None:
        self._keep(asked.taken, found)
        asked.batch = self._over(asked, found)

    def _keep(self, taken: Taken, found: Answers) -> None:
        """Remember the names of open flows; keep the first bytes of those that are named for good and that a detector
        will look at."""
        live = (taken.rows[: taken.offered + taken.pressed, BITS] >> np.uint64(LIVE_BIT)) & np.uint64(1)
        tasks = np.flatnonzero(live)
        if not len(tasks):
            return
        slots, known = taken.slots[tasks], self._known
        known.reach(slots)
        known.app[slots], known.tier[slots] = found.app[tasks], found.tier[tasks]
        known.server[slots], known.signs[slots] = found.server[tasks], found.signs[tasks]
        for task, slot in zip(tasks.tolist(), slots.tolist(), strict=True):
            more = found.more[task]
            if more is not None:
                known.more[slot] = more
            else:
                known.more.pop(slot, None)
        controls = tasks[self._channels.announcing(found.app[tasks])]
        if len(controls):
            told = [found.more[task] for task in controls.tolist()]
            self._channels.learn(flow_records(taken.rows[controls]), found.server[controls], told)
        final = found.final[tasks] > 0
        self._named.append(slots[final])
        done = tasks[final | (tasks >= taken.offered)]
        wanted = self._wanted(flow_ends(taken.rows[done]), found.app[done], found.server[done], found.signs[done])
        for task in done[wanted].tolist():
            known.first[int(taken.slots[task])] = taken.first.one(int(found.source[task]))

    def _wanted(
        self, flows: NDArray[np.void], app: NDArray[np.int16], server: NDArray[np.int8], signs: NDArray[np.uint8]
    ) -> NDArray[np.bool_]:
        """Which flows with payload a detector will look at; `flows`: records with the fields of ENDS."""
        flows["server"] = self._judge.server_sides(flows, server)
        ports = server_ports(flows)
        verdict = self._judge.verdicts(app, flows["proto"], ports, np.ones(len(flows), np.bool_))
        # also where a name is at home on a port beside its owner: HTTP/2 in clear on the port of HTTPS
        turned = (server == 0) & (flows["server"] == SERVER_RESPONDER_BY_SYN)
        wanted: NDArray[np.bool_] = (
            np.isin(verdict, _JUDGED) | (signs != 0) | turned | ~self._judge.at_home(app, flows["proto"], ports)
        )
        return wanted

    def _over(self, asked: Asked, found: Answers) -> FlowBatch:
        taken, task = asked.taken, asked.taken.over_tasks()
        rows = np.flatnonzero(task >= 0)
        tasks = task[rows]
        app, tier, server, signs = asked.app, asked.tier, asked.server, asked.signs
        app[rows], tier[rows] = found.app[tasks], found.tier[tasks]
        server[rows], signs[rows] = found.server[tasks], found.signs[tasks]
        more = asked.more
        for row, at in zip(rows.tolist(), tasks.tolist(), strict=True):
            one = found.more[at]
            if one is not None:
                more[row] = one
            else:
                more.pop(row, None)
        source = np.full(len(task), -1, np.int32)
        source[rows] = found.source[tasks]
        # what was named for good before it was over keeps its bytes by the same rule as if that had been long ago
        early = np.flatnonzero((source >= 0) & (source < taken.offered))
        if len(early):
            ends = flow_ends(taken.over_rows[early])
            source[early[~self._wanted(ends, app[early], server[early], signs[early])]] = -1
        flows = flow_records(taken.over_rows)
        controls = np.flatnonzero(self._channels.announcing(app))
        self._channels.learn(flows[controls], server[controls], [more.get(row) for row in controls.tolist()])
        self._channels.name(flows, app, tier, server, more)
        batch = self._batch(flows, app, tier, server, signs, _Rows(more, asked.first, taken.first, source))
        for number in batch.inside:
            del self._inside[number]
        return batch

    def open(self, since: int) -> FlowBatch:
        """Open flows with a packet numbered `since` or later, with the names they have so far."""
        slots, flows = self._table.open_flows(since)
        known = self._known
        known.reach(slots)
        more = {row: known.more[slot] for row, slot in enumerate(slots.tolist()) if slot in known.more}
        app, tier, server, signs = known.app[slots], known.tier[slots], known.server[slots], known.signs[slots]
        self._channels.name(flows, app, tier, server, more)
        return self._batch(flows, app, tier, server, signs, _Rows(more, {}))

    def preview(self) -> FlowBatch:
        """All flows that were not handed over, named by all their first bytes as if no more would come. What they will
        be called in the end does not depend on it."""
        slots, words, first = self._table.look()
        known = self._known
        known.reach(slots)
        app, tier, server, signs = known.app[slots], known.tier[slots], known.server[slots], known.signs[slots]
        held = ((words[:, USED] | words[:, USED + 1]) & np.uint64(0xFFFFFFFF)) > 0
        rows = np.flatnonzero(held)
        found = answers(first, [-1] * len(slots))
        app[rows], tier[rows], server[rows] = found.app[rows], found.tier[rows], found.server[rows]
        signs[rows] = found.signs[rows]
        more, kept = {}, {}
        for row, slot in enumerate(slots.tolist()):
            said = found.more[row] if held[row] else known.more.get(slot)
            if said is not None:
                more[row] = said
            if slot in known.first:
                kept[row] = known.first[slot]
        source = np.where(held, np.arange(len(slots)), -1).astype(np.int32)
        flows = flow_records(words)
        self._channels.name(flows, app, tier, server, more)
        return self._batch(flows, app, tier, server, signs, _Rows(more, kept, first, source))

    def _batch(
        self,
        flows: NDArray[np.void],
        app: NDArray[np.int16],
        tier: NDArray[np.uint8],
        server: NDArray[np.int8],
        signs: NDArray[np.uint8],
        rows: "_Rows",
    ) -> FlowBatch:
        flows["server"] = self._judge.server_sides(flows, server)
        ports = server_ports(flows)
        payload = (flows["payload_o"] + flows["payload_r"]) > 0
        verdict = self._judge.verdicts(app, flows["proto"], ports, payload)
        rows.names, rows.app, rows.tier, rows.server, rows.signs = self._names, app, tier, server, signs
        if self._site is not None:
            rows.excused = self._site.excuse(flows, rows.name, originator_serves(flows), ports, verdict)
        return FlowBatch(
            flows=flows,
            tier=tier,
            verdict=verdict,
            server_port=ports,
            app_id=app,
            names=self._names,
            spoken_by=server,
            signs=signs,
            head=rows.head,
            identification=rows.identification,
            inside={number: self._inside[number] for number in flows["id"].tolist() if number in self._inside}
            if self._inside
            else {},
            facts=cache(rows.facts),
        )


class _Rows:
    """What a batch of flows says of single rows, made when it is asked for."""

    names: tuple[str, ...]
    app: NDArray[np.int16]
    tier: NDArray[np.uint8]
    server: NDArray[np.int8]
    signs: NDArray[np.uint8]

    def __init__(
        self,
        more: dict[int, bytes],
        kept: dict[int, FirstBytes],
        first: FirstBytes | None = None,
        source: NDArray[np.int32] | None = None,
    ) -> None:
        self._more = more
        self._kept = kept
        self._first = first
        self._source = source
        self.excused: dict[int, str] = {}

    def name(self, row: int) -> str | None:
        """The app."""
        app = int(self.app[row])
        return None if app == NO_APP else self.names[app]

    def head(self, row: int) -> Head | None:
        """The first bytes that the name stands on; None where they are gone, or there never were any."""
        kept = self._kept.get(row)
        if kept is not None:
            return kept.head(0)
        source = -1 if self._source is None else int(self._source[row])
        if self._first is None or source < 0:
            return None
        head = self._first.head(source)
        return head if head.orig or head.resp else None

    def identification(self, row: int) -> Identification:
        """The name with its facts; where the first bytes are there, they prove it."""
        found = unpacked(
            self.name(row), int(self.tier[row]), int(self.server[row]), int(self.signs[row]), self._more.get(row)
        )
        if row in self.excused:
            found.facts = {**found.facts, FACT: self.excused[row]}
        if found.app is not None:
            found.prove_later(lambda: self._spans(row))
        return found

    def facts(self) -> dict[int, bytes]:
        """See FlowBatch."""
        found = {row: packed_facts(more) for row, more in self._more.items()}
        for row in self.excused:
            found[row] = facts_text(self.identification(row).facts)
        return found

    def _spans(self, row: int) -> tuple[Span, ...]:
        head = self.head(row)
        # an announced channel has a name that its own bytes do not give
        return () if head is None else proof(self.name(row), head)
