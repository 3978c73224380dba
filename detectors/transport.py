"""Unnamed flows on a port that is well known over the other transport only → findings (PPM-15)."""

from collections.abc import Iterable
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.evidence import beginning
from oddport.detection.model import Context, Finding, FlowBatch, Mapping, Rule
from oddport.detection.pairs import place_parts
from oddport.detection.subject import INSIDE_SETTING, Subject, Subjects
from oddport.detection.whole import whole
from oddport.detection.words import app_title, port_text
from oddport.engine.columns import TCP, UDP, proto_text
from oddport.protocols.ports import SYSTEM_LAST, owner, port_table, source_of

WRONG, WRONG_ABOVE = 40, 15
"""On a system port, and on a higher one, where programs take what is free."""
SHOWN = 16
DOCUMENT = """\
# The other transport (`transport`)

Some ports belong to a service over TCP or over UDP only: 445 to SMB over TCP, 161 to SNMP over UDP. Reports exchanges
without a name that use such a port over the other transport.

| rule | what | base |
|---|---|---|
| PPM-15 | payload of both sides, no name, on a system port (up to 1023) of the other transport | 40 |
| PPM-15 | the same on a higher port | 15 |

What is recognised there is a mismatch of `port-mismatch`.

## False positives to expect

Games and calls over UDP on high ports.

## ATT&CK

T1571 (direct: the service of the port does not exist over this transport), T1095 (related).
"""


@cache
def foreign_ports() -> NDArray[np.bool_]:
    """For TCP (row 0) and UDP (row 1): whether a port is well known over the other one, and for nothing over this one.

    What IANA registers does not count: it gave most ports for both, whether the service has two or not.
    """
    owners, others = port_table().owner, port_table().alternates
    found = np.zeros((2, 65_536), bool)
    for other, port in owners:
        proto = UDP if other == TCP else TCP
        if other in (TCP, UDP) and (proto, port) not in owners and (proto, port) not in others:
            found[int(proto == UDP), port] = True
    return found


class Transport(BaseDetector):
    """Is a port used over the transport on which nobody serves it?"""

    name: ClassVar[str] = "transport"
    title: ClassVar[str] = "A port of the other transport"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows", "heads"})
    settings: ClassVar[dict[str, object]] = {**INSIDE_SETTING}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("PPM-15", "Port of the other transport", WRONG, ("T1095", "T1571")),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        rows = batch.unnamed
        if len(rows):
            proto, port = batch.flows["proto"][rows], batch.server_port[rows]
            foreign = foreign_ports()
            rows = rows[((proto == TCP) & foreign[0, port]) | ((proto == UDP) & foreign[1, port])]
        for row in whole(batch, rows).tolist():
            yield self._finding(self._subjects.of(batch, row))

    def _finding(self, subject: Subject) -> Finding:
        other = UDP if subject.proto == TCP else TCP
        app = owner(other, subject.port) or ""
        home = port_text(subject.port, proto_text(other))
        text = f"{app_title(app)} is spoken on {home} ({source_of(app, subject.port)}), never on {subject.where}"
        base = WRONG if subject.port <= SYSTEM_LAST else WRONG_ABOVE
        head = subject.head
        return subject.finding(
            self.name, "PPM-15", f"Unknown bytes on {subject.where}, the port of {app_title(app)} on {home}",
            f"Something without a name is spoken on {subject.where}; {text}.",
            [score.base(base, f"{home} is a well-known port, {subject.where} is none"), *place_parts(subject)],
            (
                Mapping("T1571", "direct", f"no service has {subject.where}"),
                Mapping("T1095", "related", f"no application protocol was recognised on {subject.where}"),
            ),
            ()
            if head is None
            else beginning(head, 0, SHOWN, "first bytes of the originator, no name", text)
            + beginning(head, 1, SHOWN, "first bytes of the responder, no name"),
            expected=app,
        )  # fmt: skip
