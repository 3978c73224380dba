"""Fragmented answers of name servers beside signs that somebody tampers with them → findings (FRG-24)."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.fragments.alone import Alone, evidence_of, seen, subject_of
from oddport.detection import score
from oddport.detection.hosts import INSIDE
from oddport.detection.model import Context, Finding, FlowBatch, Mapping, Rule
from oddport.detection.path_mtu import SmallMtus, Told
from oddport.detection.trains import SHOWN, Check, Hit, Mask, TrainDetector, has, place, span
from oddport.detection.words import listed
from oddport.engine.columns import UDP
from oddport.engine.path_mtu import SMALL_MTU
from oddport.engine.trains import Train, TrainBatch

POISONED = 85
"""Base of FRG-24."""
DNS = 53
REMEMBERED = 100_000
"""Fragmented answers, and name servers, that are remembered (69 and about 100 bytes each)."""
DOCUMENT = """\
# Fragmented DNS answers that somebody tampers with (`dns-fragments`)

An answer from port 53 that is cut in two has its question and ids in the first half only. Who can put another second
half in the place of the true one poisons the resolver (Herzberg and Shulman, Fragmentation Considered Poisonous).

| rule | what | base |
|---|---|---|
| FRG-24 | an answer in fragments that meet FRG-01, 16, 19 or 22, or use an id again (FRG-23) | 85 |
| FRG-24 | a volley of second fragments under `guesses` ids or more from a name server's address (FRG-23) | 85 |
| FRG-24 | an answer in fragments within 10 minutes after its sender was told of an MTU below 1,280 | 85 |

Then: towards an outside address +15, both ends inside −10.

## Settings

| key | what | default | from, to |
|---|---|---|---|
| `guesses` | ids that make a volley | 20 | 5, 65536 |
| `inside` | networks that are inside | private ones | |

## What is quiet

Answers in fragments as EDNS and DNSSEC make them, however large. They could be avoided (RFC 9715), but are no attack.

## False positives to expect

A path that really has an MTU below 1,280: some tunnels have. IP ids that come again at a high rate (RFC 4963).

## ATT&CK

T1557 *related*: a forged half puts somebody between resolver and name server; that it was taken is not seen. It is no
T1071.004, which is about orders in DNS.
"""
_SIGNS = {
    "conflicting_overlap": "overlap with different bytes",
    "overlap": "overlap",
    "ttl_mixed": "came with different TTLs",
    "protocol_mixed": "have different protocols",
    "udp_length": "do not fit the UDP length",
    "id_reuse": "use an id again",
}
_BETWEEN = Mapping("T1557", "related", "a forged half of an answer puts somebody between resolver and name server")


class DnsFragments(TrainDetector):
    """Does somebody tamper with fragmented answers?"""

    name: ClassVar[str] = "dns-fragments"
    title: ClassVar[str] = "Fragmented DNS answers that somebody tampers with"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"trains", "flows"})
    settings: ClassVar[dict[str, object]] = {"guesses": 20, "inside": list(INSIDE)}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"guesses": (5, 65_536)}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("FRG-24", "Fragmented DNS answer tampered with", POISONED, ("T1557",)),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._guesses = int(context.number("guesses"))
        self._alone = Alone()
        self._mtus = SmallMtus()
        self._answers: list[NDArray[np.void]] = []
        self._answered = self._left_out = 0
        self._servers: set[bytes] = set()

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        flows = batch.flows
        asked = (flows["proto"] == UDP) & (flows["dport"] == DNS)
        self._know(set(flows["dst"][asked].tolist()))
        return ()

    def on_small_mtus(self, messages: NDArray[np.void]) -> Iterable[Finding]:
        """Remember who was told."""
        self._mtus.take(messages)
        return ()

    def checks(self, batch: TrainBatch) -> Iterable[Check]:
        yield "FRG-24", "", _answers(batch) & has(batch, *_SIGNS), _tampered

    def on_trains(self, batch: TrainBatch) -> Iterable[Finding]:
        self._alone.take(batch)
        rows = np.flatnonzero(_answers(batch) & (batch.trains["listed"] > 0))
        kept = rows[: REMEMBERED - self._answered]
        self._left_out += len(rows) - len(kept)
        if len(kept):
            self._answers.append(seen(batch, kept))
            self._answered += len(kept)
            self._know(set(batch.trains["src"][kept].tolist()))
        return super().on_trains(batch)

    def finish(self) -> Iterable[Finding]:
        for volley in self._alone.volleys(self._guesses):
            if volley.rows["src"][0].tobytes() in self._servers:
                yield self._volley(volley.rows, volley.ids)
        if self._answered and len(self._mtus):
            yield from self._made_to_fragment(np.concatenate(self._answers))
        left_out = self._alone.left_out + self._mtus.left_out + self._left_out
        if left_out:
            self.abstain("answers, servers or messages of path MTUs: too many to remember", left_out)

    def _know(self, servers: set[bytes]) -> None:
        new = servers - self._servers
        self._left_out += max(len(self._servers) + len(new) - REMEMBERED, 0)
        self._servers.update(sorted(new)[: max(REMEMBERED - len(self._servers), 0)])

    def _volley(self, rows: NDArray[np.void], ids: int) -> Finding:
        subject = subject_of(rows)
        found = self.finding_of(
            subject, "FRG-24", "Forged halves of DNS answers",
            f"{len(rows):,} second fragments under {ids:,} ids came from a name server's address, and no first one: "
            "each is a guess at the id of its next answer.",
            (score.base(POISONED, "a volley of second fragments from a name server's address"),
             *self.place_parts(subject.src, subject.dst, subject.version)),
            evidence_of(rows, "nothing else of this datagram", "a first fragment with the same id"), (_BETWEEN,),
        )  # fmt: skip
        found.count, found.variant = len(rows), "volley"
        return found

    def _made_to_fragment(self, answers: NDArray[np.void]) -> Iterator[Finding]:
        """Answers in fragments soon after their sender was told of a small MTU, by pair."""
        answers = answers[np.lexsort((answers["train"], answers["ns"]))]
        by_pair: dict[tuple[bytes, bytes], list[int]] = {}
        said: dict[tuple[bytes, bytes], Told] = {}
        for row, (src, dst, ns) in enumerate(answers[["src", "dst", "ns"]].tolist()):
            told = self._mtus.before(src, dst, ns)
            if told is not None:
                by_pair.setdefault((src, dst), []).append(row)
                said.setdefault((src, dst), told)
        for pair, rows in by_pair.items():
            yield self._small(answers[rows], said[pair])

    def _small(self, rows: NDArray[np.void], told: Told) -> Finding:
        subject = subject_of(rows)
        found = self.finding_of(
            subject, "FRG-24", "DNS answers made to fragment",
            f"{len(rows):,} answer{'s' * (len(rows) > 1)} came in fragments after the sender was told of an MTU of "
            f"{told.mtu:,}. Anyone can tell it so, and hardly a link has less than {SMALL_MTU:,}.",
            (score.base(POISONED, f"fragmented answers within 10 minutes after a message of an MTU of {told.mtu:,}"),
             *self.place_parts(subject.src, subject.dst, subject.version)),
            (told.evidence(), *evidence_of(rows, "an answer in fragments", "an answer in one packet (RFC 9715)")),
            (_BETWEEN,),
        )  # fmt: skip
        found.count, found.variant = len(rows), "mtu"
        return found


def _answers(batch: TrainBatch) -> Mask:
    found: Mask = (batch.trains["sport"] == DNS) & (batch.trains["proto"] == UDP)
    return found


def _tampered(train: Train) -> Hit:
    signs = [words for sign, words in _SIGNS.items() if sign in train.anomalies]
    return Hit(
        "FRG-24", POISONED, "an answer of a name server in fragments that do not fit", "Odd fragments of a DNS answer",
        f"Fragments of an answer from port 53 {listed(signs, 6)}: one of them may be somebody else's.",
        tuple(
            place(train, each, f"bytes {span(each)}, TTL {each.ttl}", "fragments of one sender" if not index else "")
            for index, each in enumerate(train.fragments[:SHOWN])
        ),
        (_BETWEEN,),
    )  # fmt: skip
