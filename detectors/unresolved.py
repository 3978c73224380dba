"""Outside servers whose address no name led to, on ports that do not fit → findings (BEH-06)."""

import re
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.history import History
from oddport.detection.hosts import INSIDE, halves, mix
from oddport.detection.model import Context, Finding, FlowBatch, Mapping, Rule
from oddport.detection.pairs import Pair, Places, opening, place_parts
from oddport.engine.columns import address_text

BASE = 15
MINUTE_NS = 60 * 10**9
ADDRESSES = 1_000_000
"""Addresses, and hosts that ask, that are remembered: about 100 bytes each."""
NAMES = frozenset({"dns", "mdns", "llmnr"})
ANSWERED_TOGETHER = 1
"""Questions of a flow whose answers are facts; of flows with more, the later answers are not known."""
_ANSWERS = re.compile(rb'"answers": ?\["([^\]]*)"\]')
"""In facts as text: the items of the list, up to their borders."""
DOCUMENT = """\
# Connections without a name (`unresolved`)

Programs look up a name and connect to what the answer says; an address that is written into a program needs no name.
Reports connections from inside to outside servers whose address stands in no DNS answer of the capture, on ports where
what is spoken does not belong or has no name.

| rule | what | base |
|---|---|---|
| BEH-06 | no DNS answer of the capture leads to the address, and none of its flows says a name (SNI, Host) | 15 |

An answer excuses the address at any time and for everyone. Judged are only hosts whose DNS
is in the capture, one question a flow, so that all answers are known; and nothing in the first `min_minutes` minutes, since
answers from before may still be in a cache.

## False positives to expect

DNS over HTTPS, names that were looked up long before, peer-to-peer.

## ATT&CK

T1571 (related), T1095 (context: such channels often have a protocol of their own).
"""  # noqa: E501


class Unresolved(BaseDetector):
    """Did any name lead to this address?"""

    name: ClassVar[str] = "unresolved"
    title: ClassVar[str] = "Connections to addresses without a name"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows", "history"})
    settings: ClassVar[dict[str, object]] = {"inside": list(INSIDE), "min_minutes": 30.0}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("BEH-06", "No name before the connection", BASE, ("T1571", "T1095")),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._places = Places(context.strings("inside"))
        self._answers: set[bytes] = set()
        """Addresses in DNS answers, as texts (and whatever else stands there)."""
        self._named: set[int] = set()
        """Servers whose flows say a name: by numbers like those of History, as all below."""
        self._asked: set[int] = set()
        self._unread: set[int] = set()

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        flows = batch.flows
        asks = np.zeros(len(flows), bool)
        asks[batch.rows_of(NAMES)] = True
        source, target = (mix(*halves(flows[side]), flows["version"]) for side in ("src", "dst"))
        many = asks & (flows["packets_o"] > ANSWERED_TOGETHER) & (flows["packets_r"] > ANSWERED_TOGETHER)
        self._asked.update(source[asks].tolist())
        self._unread.update(source[many].tolist())
        if self._full:
            return ()
        for row, text in batch.facts().items():
            if asks[row]:
                found = _ANSWERS.search(text)
                if found is not None:
                    self._answers.update(found[1].split(b'","'))
                    if found[1].endswith(b" more"):
                        self._unread.add(int(source[row]))
            elif b'"sni"' in text or b'"host"' in text:
                self._named.update((int(source[row]), int(target[row])))
        return ()

    @property
    def _full(self) -> bool:
        return max(len(self._answers), len(self._named), len(self._asked), len(self._unread)) >= ADDRESSES

    def on_history(self, history: History) -> Iterable[Finding]:
        """Every pair of hosts of which no name is known."""
        port = history.flows["server_port"]
        rows = np.flatnonzero((history.up > 0) & (history.down > 0) & (port > 0) & (history.odd | history.unnamed))
        if not len(rows) or not self._asked:
            return
        minutes = self.context.number("min_minutes")
        late = history.flows["first_ns"][rows] - history.span[0] >= minutes * MINUTE_NS
        if self._full or not late.any():
            why = (
                "there are too many answers" if self._full else f"in its first {minutes:g} minutes caches are not known"
            )
            self.abstain(f"whether a name led there: {why}", len(rows))
            return
        rows = rows[late]
        asked = _among(history.client[rows], self._asked) & ~_among(history.client[rows], self._unread)
        if not asked.all():
            self.abstain("whether a name led there: not all DNS of the host is known", int((~asked).sum()))
        rows = rows[asked & ~_among(history.server[rows], self._named)]
        groups = history.groups(rows, history.client, history.server, history.service)
        for mine in groups.rows(groups.counts > 0):
            pair = self._places.pair(history, mine)
            first = history.flows[int(mine[0])]
            end = "dst" if history.originator_asks(int(mine[0])) else "src"
            text = address_text(first[end].tobytes(), int(first["version"])).encode("ascii")
            if pair.outside and text not in self._answers:
                yield self._finding(pair)

    def _finding(self, pair: Pair) -> Finding:
        words = f"no name led to the address that {pair.where} is used of"
        return pair.finding(
            self.name, "BEH-06", f"No name before {pair.where}",
            "No DNS answer of the capture leads to the address, and no flow to it says a name.",
            [score.base(BASE, words), *place_parts(pair)],
            (
                Mapping("T1571", "related", f"{pair.where} of an address that was known before"),
                Mapping("T1095", "context", "what needs no name often has a protocol of its own"),
            ),
            evidence=opening(
                pair.history, int(pair.rows[0]), f"the first of {len(pair.rows):,} flows to this address",
                "a DNS answer with it before",
            ),
        )  # fmt: skip


def _among(keys: NDArray[np.unsignedinteger[Any]], known: set[int]) -> NDArray[np.bool_]:
    return np.isin(keys, np.fromiter(known, np.uint64, len(known)))
