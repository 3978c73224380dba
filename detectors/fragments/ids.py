"""Ids of fragment trains that come again, follow one another or are guessed at → findings (FRG-23)."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.fragments.alone import Alone, evidence_of, seen, subject_of
from oddport.detection import score
from oddport.detection.hosts import INSIDE, halves, mix
from oddport.detection.model import Context, Finding, Mapping, Rule
from oddport.detection.trains import SHOWN, Check, Hit, TrainDetector, has, place, span
from oddport.engine.trains import Train, TrainBatch

REUSED, SEQUENTIAL = 75, 20
"""Bases of FRG-23; the second one for ids that only can be predicted."""
REMEMBERED = 500_000
"""Trains whose time is remembered (16 bytes each); of a quarter as many trains of IPv6 the ids are (69 bytes each)."""
SECOND = 10**9
LIFE = 60
"""Seconds in which an id must not come again (RFC 6864, section 4; RFC 8200, section 4.5)."""
IDS4, IDS6 = 1 << 16, 1 << 32
CHANCE = 3
"""Reuse up to this many times what chance makes is put down to chance."""
FOLLOWING_SHARE = 0.9
DOCUMENT = """\
# Ids that come again or can be guessed (`fragment-ids`)

The id says which fragments belong together. Who guesses it can have a fragment of his own put into somebody else's
datagram, such as the second half of a DNS answer.

| rule | what | base |
|---|---|---|
| FRG-23 | the id of a complete datagram comes again within 60 s with other data | 75 |
| FRG-23 | a volley: one piece of a datagram under `guesses` ids or more, alone, to one host within 60 s | 75 |
| FRG-23 | an IPv6 host counts its ids up by one or two: `sequence` datagrams or more, nine of ten | 20 |

Then: towards an outside address +15, both ends inside −10 (not for the last one). Reuse no more often than three
times what ids drawn at random come to, at the rate of these trains, counts a third.

## Settings

| key | what | default | from, to |
|---|---|---|---|
| `guesses` | ids that make a volley | 20 | 5, 65536 |
| `sequence` | datagrams that show how a host counts | 10 | 5, 65536 |
| `inside` | networks that are inside | private ones | |

## What is quiet

Fragments that repeat what is there, as mirrored ports and retransmitting links have them.

## False positives to expect

Senders of thousands of datagrams a second come round within 60 s (RFC 4963). A capture filter that lets only later
fragments pass (`not port 2049`) makes volleys of them.

## ATT&CK

ATT&CK has no technique for fragments. A foreign piece in an answer puts somebody between two hosts: T1557, *related*,
since the ids show the attempt and not that it succeeded.
"""
_BETWEEN = Mapping("T1557", "related", "a fragment with a guessed id gets somebody else's bytes into an answer")
_STAMP: np.dtype[np.void] = np.dtype([("pair", "u8"), ("ns", "i8")])


class FragmentIds(TrainDetector):
    """Does somebody guess at ids?"""

    name: ClassVar[str] = "fragment-ids"
    title: ClassVar[str] = "Ids that come again or can be guessed"
    document: ClassVar[str] = DOCUMENT
    settings: ClassVar[dict[str, object]] = {"guesses": 20, "sequence": 10, "inside": list(INSIDE)}
    limits: ClassVar[dict[str, tuple[float, float]]] = {"guesses": (5, 65_536), "sequence": (5, 65_536)}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("FRG-23", "Ids that come again or are guessed at", REUSED, ("T1557",)),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._guesses = int(context.number("guesses"))
        self._sequence = int(context.number("sequence"))
        self._alone = Alone()
        self._stamps: list[NDArray[np.void]] = []
        self._six: list[NDArray[np.void]] = []
        self._stamped = self._six_seen = self._left_out = 0
        self._reused: dict[bytes, int] = {}
        self._by_chance: dict[bytes, tuple[int, float]] = {}

    def checks(self, batch: TrainBatch) -> Iterable[Check]:
        yield "FRG-23", "reuse", has(batch, "id_reuse"), _reused

    def on_trains(self, batch: TrainBatch) -> Iterable[Finding]:
        self._alone.take(batch)
        self._remember(batch)
        return super().on_trains(batch)

    def finish(self) -> Iterable[Finding]:
        self._settle_reuse()
        for volley in self._alone.volleys(self._guesses):
            yield self._volley(volley.rows, volley.ids)
        yield from self._sequences()
        left_out = self._alone.left_out + self._left_out
        if left_out:
            self.abstain("ids: too many trains to remember", left_out)

    def review(self, finding: Finding) -> Finding | None:
        """Put down to chance what chance explains."""
        chance = self._by_chance.get(_ends(finding.src, finding.dst, finding.version))
        if finding.variant == "reuse" and chance is not None:
            total, expected = chance
            finding.parts += (
                score.times(
                    1 / 3,
                    f"ids drawn at random come again {expected:.1f} times in the {total:,} trains of the two",
                ),
            )
        return super().review(finding)

    def _remember(self, batch: TrainBatch) -> None:
        trains = batch.trains
        stamps = np.empty(len(trains), _STAMP)
        stamps["pair"], stamps["ns"] = _pairs(trains), trains["first_ns"]
        kept = stamps[: REMEMBERED - self._stamped]
        self._stamps.append(kept)
        self._stamped += len(kept)
        six = np.flatnonzero((trains["version"] == 6) & (trains["listed"] > 0))
        chosen = six[: REMEMBERED // 4 - self._six_seen]
        if len(chosen):
            self._six.append(seen(batch, chosen))
            self._six_seen += len(chosen)
        self._left_out += max(len(stamps) - len(kept), len(six) - len(chosen))
        for src, dst, version in trains[has(batch, "id_reuse")][["src", "dst", "version"]].tolist():
            key = _ends(src, dst, version)
            self._reused[key] = self._reused.get(key, 0) + 1

    def _settle_reuse(self) -> None:
        """Which pairs reuse ids no more often than chance does."""
        if not self._reused:
            return
        stamps = np.concatenate(self._stamps)
        for key, count in self._reused.items():
            pair = np.frombuffer(key, _KEY)
            ns = stamps["ns"][stamps["pair"] == _pairs(pair)[0]]
            total = len(ns)
            seconds = max(int(ns.max() - ns.min()) / SECOND, 1.0) if total else 1.0
            at_once = min(total, total / seconds * LIFE)
            expected = total * at_once / (IDS4 if pair["version"][0] == 4 else IDS6)
            if count <= CHANCE * expected:
                self._by_chance[key] = total, expected

    def _volley(self, rows: NDArray[np.void], ids: int) -> Finding:
        subject = subject_of(rows)
        first, length = int(rows["offset"][0]), int(rows["length"][0])
        found = self.finding_of(
            subject, "FRG-23", "Volley of second fragments",
            f"Bytes {first}–{first + length - 1} of a datagram came {len(rows):,} times, under {ids:,} ids; nothing of "
            "the rest did: somebody guesses at the id of a datagram that is still to come.",
            (score.base(REUSED, f"one piece of a datagram under {ids:,} ids"),
             *self.place_parts(subject.src, subject.dst, subject.version)),
            evidence_of(rows, "nothing else of this datagram", "a first fragment with the same id"), (_BETWEEN,),
        )  # fmt: skip
        found.count, found.variant = len(rows), f"volley-{first}-{length}"
        return found

    def _sequences(self) -> Iterator[Finding]:
        """IPv6 hosts whose next id can be told."""
        if self._six_seen < self._sequence:
            return
        rows = np.concatenate(self._six)
        source = mix(*halves(rows["src"]), rows["version"])
        order = np.lexsort((rows["train"], rows["ns"], source))
        rows, source = rows[order], source[order]
        ids = rows["ip_id"].astype(np.int64)
        steps: NDArray[np.int64] = (ids[1:] - ids[:-1]) & (IDS6 - 1)
        for part in np.split(np.arange(len(rows)), np.flatnonzero(source[1:] != source[:-1]) + 1):
            if len(part) < self._sequence:
                continue
            mine = steps[part[:-1]]
            following = int(np.count_nonzero((mine == 1) | (mine == 2)))
            if following >= FOLLOWING_SHARE * len(mine):
                yield self._counted(rows[part], following)

    def _counted(self, rows: NDArray[np.void], following: int) -> Finding:
        found = self.finding_of(
            subject_of(rows), "FRG-23", "Ids that count up",
            f"The next id of {following:,} of {len(rows) - 1:,} IPv6 datagrams was one or two more than the last: who "
            "sees one of them knows the next (RFC 7739).",
            (score.base(SEQUENTIAL, "ids that can be predicted"),),
            evidence_of(rows, "counted up", "an id that cannot be told from the one before (RFC 7739)"), (_BETWEEN,),
        )  # fmt: skip
        found.count, found.variant = len(rows), "sequence"
        return found


_KEY: np.dtype[np.void] = np.dtype([("src", "V16"), ("dst", "V16"), ("version", "u1")])


def _ends(src: bytes, dst: bytes, version: int) -> bytes:
    return src + dst + bytes((version,))


def _pairs(rows: NDArray[np.void]) -> NDArray[np.uint64]:
    """A number for the two ends of each row."""
    return mix(*halves(rows["dst"]), mix(*halves(rows["src"]), rows["version"]))


def _reused(train: Train) -> Hit:
    first = train.fragments[0]
    return Hit(
        "FRG-23", REUSED, "an id that comes again with other data", "Id that comes again with other data",
        f"A datagram of id 0x{train.ip_id:x} was complete, and within {LIFE} s other data came under the same id: "
        "somebody else may have sent one of the two.",
        tuple(
            place(train, each, f"id 0x{train.ip_id:x} again, bytes {span(each)}", "another id" if each is first else "")
            for each in train.fragments[:SHOWN]
        ),
        (_BETWEEN,), variant="reuse",
    )  # fmt: skip
