"""Overlapping fragment trains → those whose port or protocol depends on who reads them (FRG-26)."""

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import numpy as np

from oddport.detection.hosts import INSIDE
from oddport.detection.model import Context, Finding, Mapping, Rule
from oddport.detection.reassembly import ports, readings, transport_at
from oddport.detection.trains import Hit, TrainDetector, conflict_rows, has
from oddport.detection.words import app_title, listed, port_text
from oddport.engine.columns import TCP, UDP, proto_text
from oddport.engine.heads import Head
from oddport.engine.trains import Train, TrainBatch
from oddport.protocols.identify import identify

DIFFERS = 90
"""Base of FRG-26."""
LOOKED_AT = 1_024
"""Bytes of each reading that are looked at: headers and the beginning of what is spoken."""
UDP_HEADER = 8
DOCUMENT = """\
# Port and protocol by who reads them (`fragment-readers`)

Where fragments overlap with different bytes, each system keeps others of them. This puts every such train together
as each policy does (first, last, bsd, bsd-right, linux-2.x, windows, solaris; `drop` throws it away) and compares what
comes out.

| rule | what | base |
|---|---|---|
| FRG-26 | the transport, a port, or the protocol that is spoken differs with the policy | 90 |

Then: towards an outside address +15, both ends inside −10. The summary says which policies see what: a filter with one
of them lets pass what a host with another one takes for something else.

The rules are those of Novak, Target-Based Fragmentation Reassembly (2005): the fragment that holds a byte against the
one that brings it again, by where both begin and end. The first 1,024 bytes of each reading are compared.

## Settings

| key | what | default | from, to |
|---|---|---|---|
| `most` | overlapping trains that are put together; further ones are counted as not judged | 10000 | 1, 1000000 |
| `inside` | networks that are inside | private ones | |

## What is quiet

Trains without overlap, repetitions and overlaps with the same bytes, and overlaps that change payload only.

## False positives to expect

IP ids that come again soon put two datagrams into one train (RFC 4963): both have headers of their own, and which one
counts depends on who reads. At a high rate with loss, look at the pair before at the train.

## ATT&CK

T1571 *direct* where the port differs: the port that a filter sees is not the one that the host uses. *related* where
only the protocol differs.
"""


class View(NamedTuple):
    """What a reading shows."""

    proto: int
    sport: int
    dport: int
    app: str | None

    @property
    def text(self) -> str:
        """`port 53/udp, DNS`"""
        where = f"port {port_text(self.dport, proto_text(self.proto))}" if self.dport else proto_text(self.proto)
        return f"{where}, {app_title(self.app)}" if self.app else where


class FragmentReaders(TrainDetector):
    """Does the port depend on who puts the fragments together?"""

    name: ClassVar[str] = "fragment-readers"
    title: ClassVar[str] = "Port and protocol by who reads them"
    document: ClassVar[str] = DOCUMENT
    settings: ClassVar[dict[str, object]] = {"most": 10_000, "inside": list(INSIDE)}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"most": (1, 1_000_000)}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("FRG-26", "Port or protocol depends on the reader", DIFFERS, ("T1571",)),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._left = int(context.number("most"))

    def on_trains(self, batch: TrainBatch) -> Iterator[Finding]:
        rows = np.flatnonzero(has(batch, "conflicting_overlap") & (batch.trains["listed"] > 0))
        looked, left_out = rows[: self._left], rows[self._left :]
        self._left -= len(looked)
        if len(left_out):
            self.abstain("too many trains with conflicting overlaps to put together", len(left_out))
        for train in map(batch.train, looked.tolist()):
            seen = views(train)
            if len(seen) > 1 and self._sprays.take(
                ("FRG-26", "", train.dst, train.version), train.src, train.first_ns, train.flow
            ):
                yield self.of_train(train, _differs(train, seen))


def views(train: Train) -> dict[View, list[str]]:
    """What each policy sees of a train → the policies that see it so; those that throw it away are left out."""
    by_bytes: dict[bytes, list[str]] = {}
    for policy, data in readings(train, LOOKED_AT).items():
        if data is not None:
            by_bytes.setdefault(data, []).append(policy)
    found: dict[View, list[str]] = {}
    if len(by_bytes) > 1:
        for data, policies in by_bytes.items():
            found.setdefault(_view(train, data), []).extend(policies)
    return found


def _view(train: Train, data: bytes) -> View:
    proto, at = transport_at(train, data)
    sport, dport = ports(data[at:], proto) or (0, 0)
    app = None
    if proto == UDP:
        payload = data[at + UDP_HEADER :]
        app = identify(Head(proto, payload, b"", (payload,))).app if payload else None
    elif proto == TCP and len(data) > at + 12:
        app = identify(Head(proto, data[at + (data[at + 12] >> 4) * 4 :])).app
    return View(proto, sport, dport, app)


def _differs(train: Train, seen: dict[View, list[str]]) -> Hit:
    said = [f"{view.text} ({listed(policies, 7)})" for view, policies in seen.items()]
    by_port = len({view[:3] for view in seen}) > 1
    mapping = (
        Mapping("T1571", "direct", "the port that a filter sees is not the port that the host uses")
        if by_port
        else Mapping("T1571", "related", "the protocol that a filter sees is not the one that the host speaks")
    )
    what = "Port" if by_port else "Protocol"
    return Hit(
        "FRG-26", DIFFERS, f"the {what.lower()} depends on who puts the fragments together",
        f"{what} depends on the reader", f"Who reads it decides what it is: {listed(said, 7)}.",
        conflict_rows(train), (mapping,),
    )  # fmt: skip
