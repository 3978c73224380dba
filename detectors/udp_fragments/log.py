"""Fragment trains → a compact record of pairs of hosts and of what is odd or unfinished between them."""

from array import array
from dataclasses import dataclass, field

from oddport.detection.model import Evidence
from oddport.engine.trains import Train

EVENTS = 500_000
"""Trains that are remembered one by one (48 bytes each); a flood has more, and is one long before."""
PAIRS = 50_000
"""Pairs of hosts that are told apart."""

SAMPLES = 2
"""Odd trains of a pair whose evidence is kept for the rules over several trains."""

RULES = ("FRG-01", "FRG-02", "FRG-03", "FRG-04", "FRG-05", "FRG-06", "FRG-07")
"""Bit 0 to 6 of an event's `rules`."""
MISSING_FIRST, UNFINISHED, OPEN = 1 << 8, 1 << 9, 1 << 10
"""Further bits: nothing came for offset 0; never completed, and that is not our doing; not completed for any reason."""

PairKey = tuple[bytes, bytes, int, int]
"""(src, dst, version, protocol)"""


@dataclass(slots=True)
class Pair:
    """What went from one host to another."""

    src: bytes
    dst: bytes
    version: int
    proto: int
    total: int = 0
    """Trains of any kind."""
    first_ns: int = 1 << 62
    """Of the first train of any kind."""
    named_ns: int = 1 << 62
    sport: int = 0
    """Ports of the earliest train that shows them, 0 = none does."""
    dport: int = 0
    samples: list[tuple[int, int, tuple[Evidence, ...]]] = field(default_factory=list)
    """(first_ns, train, evidence) of the earliest trains with a hit."""


class Log:
    """All pairs, and the events in columns: row i of every column is the same train."""

    def __init__(self, events: int = EVENTS, pairs: int = PAIRS) -> None:
        self._events = events
        self._pairs = pairs
        self._index: dict[PairKey, int] = {}
        self.pairs: list[Pair] = []
        self.pair = array("I")
        self.ns = array("q")
        self.last_ns = array("q")
        self.rules = array("H")
        self.fragments = array("I")
        self.bytes = array("I")
        self.train = array("I")
        self.flow = array("I")
        self.file = array("H")
        self.number = array("I")
        self.offset = array("I")
        self.length = array("I")
        self.unlogged_trains = 0
        """Odd or unfinished trains beyond the limits, which no rule over several trains knows of."""

    def __len__(self) -> int:
        return len(self.ns)

    def take(self, train: Train, rules: set[str], evidence: tuple[Evidence, ...]) -> None:
        """Count a train; remember it if rules hold (`rules`, of RULES) or it was never completed."""
        key = (train.src, train.dst, train.version, train.proto)
        number = self._index.get(key, -1)
        bits = sum(1 << RULES.index(rule) for rule in rules) | _state(train)
        if number < 0:
            if len(self.pairs) >= self._pairs:
                self.unlogged_trains += bool(bits)
                return
            number = self._index[key] = len(self.pairs)
            self.pairs.append(Pair(*key))
        pair = self.pairs[number]
        pair.total += 1
        pair.first_ns = min(pair.first_ns, train.first_ns)
        if train.sport is not None and train.dport is not None and train.first_ns < pair.named_ns:
            pair.named_ns, pair.sport, pair.dport = train.first_ns, train.sport, train.dport
        if not bits:
            return
        if len(self.ns) >= self._events:
            self.unlogged_trains += 1
            return
        if evidence:
            pair.samples.append((train.first_ns, train.id, evidence))
            pair.samples.sort(key=lambda sample: sample[:2])
            del pair.samples[SAMPLES:]
        self._append(number, train, bits)

    def _append(self, pair: int, train: Train, bits: int) -> None:
        told = train.fragments[0] if train.fragments else None
        self.pair.append(pair)
        self.ns.append(train.first_ns)
        self.last_ns.append(train.last_ns)
        self.rules.append(bits)
        self.fragments.append(min(train.count, 0xFFFFFFFF))
        self.bytes.append(min(sum(fragment.length for fragment in train.fragments), 0xFFFFFFFF))
        self.train.append(train.id & 0xFFFFFFFF)
        self.flow.append(train.flow)
        self.file.append(told.file if told else 0)
        self.number.append(told.number if told else 0)
        self.offset.append(told.frame_offset if told else 0)
        self.length.append(told.length if told else 0)


def _state(train: Train) -> int:
    """What is unfinished about a train, as bits."""
    if train.complete:
        return 0
    bits = OPEN
    if not (train.at_end or train.evicted):
        if not train.at_start:
            bits |= UNFINISHED
            if "missing_first" in train.anomalies:
                bits |= MISSING_FIRST
        elif "missing_first" not in train.anomalies:
            bits |= UNFINISHED
    return bits
