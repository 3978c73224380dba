"""Server ports on which more than one protocol is spoken, of which one does not fit → findings (PPM-12)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.history import History, Rows
from oddport.detection.hosts import INSIDE
from oddport.detection.model import Context, Finding, Mapping, Rule
from oddport.detection.pairs import Places, opening, place_parts
from oddport.detection.words import app_title, listed
from oddport.protocols.model import Tier

SHARED = 45
DAY_NS = 24 * 3600 * 10**9
KIN = (
    frozenset({"http", "http2", "tls", "websocket"}),
    frozenset({"classicstun", "dtls", "rtcp", "rtp", "stun"}),
    frozenset({"dns", "llmnr", "mdns"}),
    frozenset({"netbios", "smb", "dcerpc"}),
)
"""Protocols that share a port by design."""
DOCUMENT = """\
# Two protocols on one port (`shared-port`)

A server port offers one service. Where a second protocol is spoken on it, something listens beside the service, or the
service is more than it says.

| rule | what | base |
|---|---|---|
| PPM-12 | the same server port speaks two protocols within a day, each in both directions, and one does not belong there | 45 |

Families that share a port by design (HTTP with TLS and WebSocket, STUN with DTLS and RTP, NetBIOS with SMB) count as
one.

## False positives to expect

Multiplexers such as sslh, NAT gateways behind whose address many servers stand, dynamic ports.

## ATT&CK

T1571 (direct), T1205 Traffic Signaling (context: a trigger may switch the service), T1090 (context).
"""  # noqa: E501


class SharedPorts(BaseDetector):
    """Is more than one thing spoken on a port?"""

    name: ClassVar[str] = "shared-port"
    title: ClassVar[str] = "Two protocols on one server port"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"history"})
    settings: ClassVar[dict[str, object]] = {"inside": list(INSIDE)}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("PPM-12", "Two protocols on one server port", SHARED, ("T1090", "T1205", "T1571")),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._places = Places(context.strings("inside"))

    def on_history(self, history: History) -> Iterable[Finding]:
        """Every server port with two sure names."""
        flows = history.flows
        sure = np.flatnonzero((flows["tier"] == Tier.A) & (flows["app"] >= 0) & (flows["server_port"] > 0))
        groups = history.groups(sure, history.server, history.service)
        for rows in groups.rows((groups.sums(history.odd) > 0) & (groups.kinds(flows["app"]) > 1)):
            chosen = self._chosen(history, rows)
            if len(chosen):
                yield self._finding(history, chosen)

    def _chosen(self, history: History, rows: Rows) -> Rows:
        """The first flow of each protocol, in order of time, where two are strangers and a day apart at most."""
        firsts = rows[np.sort(np.unique(history.flows["app"][rows], return_index=True)[1])]
        names = [history.app(row) or "" for row in firsts.tolist()]
        strangers = not any(set(names) <= kin for kin in KIN)
        ns = history.flows["first_ns"][firsts]
        return firsts if strangers and (np.diff(ns) <= DAY_NS).any() else firsts[:0]

    def _finding(self, history: History, rows: Rows) -> Finding:
        pair = self._places.pair(history, rows)
        names = [app_title(history.app(row) or "") for row in rows.tolist()]
        spoken = listed(names)
        return pair.finding(
            self.name, "PPM-12", f"{spoken} on one port, {pair.where}",
            f"The same server speaks {spoken} on {pair.where}.",
            [score.base(SHARED, f"{len(names)} protocols on one server port"), *place_parts(pair)],
            (
                Mapping("T1571", "direct", f"of {spoken}, one at most belongs on {pair.where}"),
                Mapping("T1205", "context", "what answers may depend on what is sent first"),
                Mapping("T1090", "context", "or the port passes connections on"),
            ),
            evidence=tuple(
                each
                for row, name in zip(rows.tolist(), names, strict=True)
                for each in opening(history, row, f"{name} is spoken in the flow that begins here", "one protocol")
            ),
        )  # fmt: skip
