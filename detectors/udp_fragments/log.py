"""Fragment trains → a compact record of pairs of hosts and of what is odd or unfinished between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oddport.detection.model import Evidence
from oddport.detection.trains import totals
from oddport.engine.reassembly import TINY
from oddport.engine.trains import TrainBatch, anomaly_mask

EVENTS = 500_000
"""Trains that are remembered one by one (48 bytes each); a flood has more, and is one long before."""
PAIRS = 50_000
"""Pairs of hosts that are told apart."""
WAITING = 4_096
"""Trains that are counted together: what is done for many at once costs least."""
SAMPLES = 2
"""Odd trains of a pair whose evidence is kept for the rules over several trains."""

SHAPES: dict[str, tuple[int, int]] = {
    "FRG-08": (anomaly_mask(["tiny"]), 0),
    "FRG-09": (anomaly_mask(["zero_length"]), 0),
    "FRG-10": (anomaly_mask(["two_tails"]), 0),
    "FRG-11": (anomaly_mask(["past_end"]), 0),
    "FRG-14": (anomaly_mask(["rose"]), 0),
    "FRG-16": (anomaly_mask(["ttl_mixed", "protocol_mixed"]), 0),
    "FRG-17": (anomaly_mask(["flags_nonsense"]), 4),
    "FRG-19": (anomaly_mask(["overlap", "conflicting_overlap"]), 6),
    "FRG-20": (anomaly_mask(["no_upper_header"]), 6),
    "FRG-21": (anomaly_mask(["nested_header", "flags_nonsense", "misaligned"]), 6),
    "FRG-22": (anomaly_mask(["udp_length"]), 0),
    "FRG-23": (anomaly_mask(["id_reuse"]), 0),
}
"""Rules that other detectors report and that are weighed here → the anomalies they go by, and in which IP version (0 =
either)."""
RULES = ("FRG-01", "FRG-02", "FRG-03", "FRG-04", "FRG-05", "FRG-06", "FRG-07", *SHAPES)
"""By bit of an event's `rules`."""
MISSING_FIRST, UNFINISHED, OPEN = 1 << 24, 1 << 25, 1 << 26
"""Further bits: nothing came for offset 0; never completed, and that is not our doing; not completed for any reason."""

EVENT: np.dtype[np.void] = np.dtype(
    [
        ("pair", "u4"), ("ns", "i8"), ("last_ns", "i8"), ("rules", "u4"), ("fragments", "u4"), ("bytes", "u4"),
        ("train", "u4"), ("flow", "u4"), ("file", "u2"), ("number", "u4"), ("offset", "u4"), ("length", "u4"),
    ]
)  # fmt: skip
"""An odd or unfinished train; the last four tell where its earliest fragment lies (number 0 = none is listed)."""
_KEY = np.dtype([("src", "V16"), ("dst", "V16"), ("version", "u1"), ("proto", "u1")])
_LATEST = 1 << 62
_COUNTS = np.dtype([("total", "i8"), ("first_ns", "i8"), ("named_ns", "i8"), ("sport", "u2"), ("dport", "u2")])
_NO_FIRST = anomaly_mask(["missing_first"])

Sample = tuple[int, int, tuple[Evidence, ...]]
"""(first_ns, train, evidence)"""


@dataclass(slots=True)
class Pair:
    """What went from one host to another."""

    src: bytes
    dst: bytes
    version: int
    proto: int
    total: int
    """Trains of any kind."""
    first_ns: int
    """Of the first train of any kind."""
    sport: int
    """Ports of the earliest train that shows them, 0 = none does."""
    dport: int
    samples: list[Sample] = field(default_factory=list)
    """The earliest trains with a hit."""


class Log:
    """All pairs and events. `settle` has them."""

    def __init__(self, events: int = EVENTS, pairs: int = PAIRS) -> None:
        self._events_max = events
        self._pairs_max = pairs
        self._index: dict[bytes, int] = {}
        self._counts = np.zeros(0, _COUNTS)
        self._samples: dict[int, list[Sample]] = {}
        self._events: list[NDArray[np.void]] = []
        self._logged = 0
        self._waiting: list[tuple[NDArray[np.void], NDArray[np.void], NDArray[np.uint32]]] = []
        self._waiting_count = 0
        self._evidence: dict[int, tuple[Evidence, ...]] = {}
        self.unlogged_trains = 0
        """Odd or unfinished trains beyond the limits, which no rule over several trains knows of."""

    def take(self, batch: TrainBatch, rules: Mapping[int, int], evidence: Mapping[int, tuple[Evidence, ...]]) -> None:
        """Count trains; those for which rules hold (row → bits) or which were never completed are remembered."""
        bits = _states(batch.trains) | _shapes(batch)
        for row, held in rules.items():
            bits[row] |= held
        for row, told in evidence.items():
            if told:
                self._evidence[int(batch.trains["id"][row])] = told
        self._waiting.append((batch.trains, batch.fragments, bits))
        self._waiting_count += len(bits)
        if self._waiting_count >= WAITING:
            self._count()

    def settle(self) -> tuple[list[Pair], NDArray[np.void]]:
        """All pairs, and the events (dtype EVENT) in the order in which they came."""
        self._count()
        keys = np.frombuffer(b"".join(self._index), _KEY).tolist()
        counts = self._counts[: len(keys)].tolist()
        pairs = [
            Pair(src, dst, version, proto, total, first_ns, sport, dport, self._samples.get(number, []))
            for number, ((src, dst, version, proto), (total, first_ns, _, sport, dport)) in enumerate(
                zip(keys, counts, strict=True)
            )
        ]
        return pairs, np.concatenate([np.zeros(0, EVENT), *self._events])

    def _count(self) -> None:
        """Count what waits."""
        waiting, self._waiting, self._waiting_count = self._waiting, [], 0
        if not waiting:
            return
        trains = np.concatenate([each[0] for each in waiting])
        bits = np.concatenate([each[2] for each in waiting])
        numbers = self._numbers(trains)
        self._count_pairs(trains[numbers >= 0], numbers[numbers >= 0])
        odd = np.flatnonzero((bits != 0) & (numbers >= 0))
        logged = odd[: max(self._events_max - self._logged, 0)]
        self.unlogged_trains += int(np.count_nonzero(bits)) - len(logged)
        if len(logged):
            sizes = [len(each[1]) for each in waiting]
            moved = np.repeat(np.cumsum(sizes, dtype=np.int64) - sizes, [len(each[0]) for each in waiting])
            fragments = np.concatenate([each[1] for each in waiting])
            self._log(trains[logged], fragments, moved[logged], bits[logged], numbers[logged])
        self._evidence.clear()

    def _numbers(self, trains: NDArray[np.void]) -> NDArray[np.int64]:
        """The number of each train's pair, -1 beyond the limit."""
        packed = np.empty(len(trains), _KEY)
        for name in _KEY.names or ():
            packed[name] = trains[name]
        keys: list[bytes] = packed.view(f"V{_KEY.itemsize}").tolist()
        index = self._index
        for key in dict.fromkeys(keys):
            if key not in index and len(index) < self._pairs_max:
                index[key] = len(index)
        more = len(index) - len(self._counts)
        if more > 0:
            grown = np.zeros(len(self._counts) + max(more, len(self._counts)), _COUNTS)
            grown["first_ns"] = grown["named_ns"] = _LATEST
            grown[: len(self._counts)] = self._counts
            self._counts = grown
        return np.array([index.get(key, -1) for key in keys], np.int64)

    def _count_pairs(self, trains: NDArray[np.void], numbers: NDArray[np.int64]) -> None:
        """Totals, first times and first ports of the trains' pairs."""
        counts, ns = self._counts, trains["first_ns"]
        np.add.at(counts["total"], numbers, 1)
        np.minimum.at(counts["first_ns"], numbers, ns)
        order = np.lexsort((ns, numbers))
        order = order[trains["sport"][order] >= 0]
        first = np.ones(len(order), bool)
        first[1:] = numbers[order[1:]] != numbers[order[:-1]]
        order = order[first]
        order = order[ns[order] < counts["named_ns"][numbers[order]]]
        for name, column in (("named_ns", "first_ns"), ("sport", "sport"), ("dport", "dport")):
            counts[name][numbers[order]] = trains[column][order]

    def _log(
        self,
        trains: NDArray[np.void],
        fragments: NDArray[np.void],
        moved: NDArray[np.int64],
        bits: NDArray[np.uint32],
        numbers: NDArray[np.int64],
    ) -> None:
        """Remember these trains, whose `first` counts from `moved` in `fragments`."""
        events = np.zeros(len(trains), EVENT)
        events["pair"], events["rules"] = numbers, bits
        for name, column in (
            ("ns", "first_ns"), ("last_ns", "last_ns"), ("fragments", "count"), ("train", "id"), ("flow", "flow")
        ):  # fmt: skip
            events[name] = trains[column]
        first = moved + trains["first"]
        lengths = np.concatenate(([0], np.cumsum(fragments["length"], dtype=np.int64)))
        events["bytes"] = np.minimum(lengths[first + trains["listed"]] - lengths[first], 0xFFFFFFFF)
        listed = trains["listed"] > 0
        for name, column in (("file", "file"), ("number", "number"), ("offset", "frame_offset"), ("length", "length")):
            events[name][listed] = fragments[column][first[listed]]
        self._events.append(events)
        self._logged += len(events)
        for number, ns, train in zip(numbers.tolist(), events["ns"].tolist(), events["train"].tolist(), strict=True):
            if train in self._evidence:
                samples = self._samples.setdefault(number, [])
                samples.append((ns, train, self._evidence[train]))
                samples.sort(key=lambda sample: sample[:2])
                del samples[SAMPLES:]


def _shapes(batch: TrainBatch) -> NDArray[np.uint32]:
    """The rules of SHAPES that each train meets, as bits."""
    anomalies, version = batch.trains["anomalies"], batch.trains["version"]
    bits = np.zeros(len(batch), np.uint32)
    for rule, (mask, only) in SHAPES.items():
        met = anomalies & mask != 0
        if only:
            met &= version == only
        if rule == "FRG-08" and met.any():
            met &= totals(batch, batch.fragments["more"] & (batch.fragments["length"] < TINY)) > 1
        bits[met] |= 1 << RULES.index(rule)
    return bits


def _states(trains: NDArray[np.void]) -> NDArray[np.uint32]:
    """What is unfinished about each train, as bits."""
    no_first = trains["anomalies"] & _NO_FIRST != 0
    ours = trains["at_end"] | trains["evicted"]
    bits = np.zeros(len(trains), np.uint32)
    bits[~ours & ~(trains["at_start"] & no_first)] |= UNFINISHED
    bits[~ours & ~trains["at_start"] & no_first] |= MISSING_FIRST
    bits |= OPEN
    bits[trains["complete"]] = 0
    return bits
