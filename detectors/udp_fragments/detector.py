"""Fragment trains → findings: each train by itself as it comes, bursts and floods at the end of the capture."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from detectors.udp_fragments import hits, windows
from detectors.udp_fragments.document import DOCUMENT
from detectors.udp_fragments.log import MISSING_FIRST, RULES, UNFINISHED, Log, Pair
from detectors.udp_fragments.windows import Ints, Table
from oddport.detection import score
from oddport.detection.hosts import INSIDE
from oddport.detection.model import Context, Evidence, Finding, Mapping, Rule, ScorePart
from oddport.detection.sprays import DISTRIBUTED
from oddport.detection.trains import SHOWN, Subject, TrainDetector
from oddport.detection.words import listed
from oddport.engine.columns import address_text
from oddport.engine.trains import TrainBatch

MISSING, NEVER, FLOOD = 35, 40, 75
"""Bases of FRG-12, 13 and 15."""
STEP = 10
"""What each circumstance adds in FRG-25."""
MISSING_LONE = 5
"""What a lone train without its first fragment counts in FRG-25: one lost packet does that."""
BENIGN_PORTS: tuple[int, ...] = (
    53, 69, 88, 111, 161, 162, 500, 514, 1645, 1646, 1701, 1812, 1813, 2049, 2123, 2152, 4500, 4789, 5060,
    5246, 5247, 6081,
)  # fmt: skip
"""UDP services whose datagrams outgrow an MTU as a matter of course: DNS, TFTP, Kerberos, RPC, SNMP, IKE, syslog,
RADIUS, L2TP, NFS, GTP, VXLAN, SIP, CAPWAP, Geneve (by their IANA ports)."""
_WEIGHTS = {
    "FRG-01": hits.CONFLICT, "FRG-02": hits.OVERLAP, "FRG-03": hits.DUPLICATE, "FRG-04": hits.TEARDROP,
    "FRG-05": hits.BONK, "FRG-06": hits.TOO_LONG, "FRG-07": hits.TINY_WHOLE, "FRG-08": 45, "FRG-09": 40, "FRG-10": 65,
    "FRG-11": 65, "FRG-14": 70, "FRG-16": 50, "FRG-17": 15, "FRG-19": 85, "FRG-20": 70, "FRG-21": 60, "FRG-22": 60,
    "FRG-23": 75,
}  # fmt: skip
_SAYS = {
    "FRG-01": "overlap with different bytes", "FRG-02": "overlap with the same bytes", "FRG-03": "duplicate fragments",
    "FRG-04": "a last fragment within another one", "FRG-05": "a fragment that fits no datagram",
    "FRG-06": "a datagram beyond 65,535 bytes", "FRG-07": "a tiny first fragment",
    "FRG-08": "tiny fragments", "FRG-09": "a fragment without data", "FRG-10": "two ends of one datagram",
    "FRG-11": "data behind the end", "FRG-14": "a beginning and a far end only", "FRG-16": "headers that disagree",
    "FRG-17": "flags that make no sense", "FRG-19": "an overlap in IPv6", "FRG-20": "a first fragment without headers",
    "FRG-21": "a header that IPv6 forbids", "FRG-22": "a UDP length that does not fit", "FRG-23": "an id used again",
    "FRG-12": "a missing first fragment", "FRG-13": "trains that were never completed", "FRG-15": "part of a flood",
}  # fmt: skip
_TINY_FIRST = 1 << RULES.index("FRG-07")
_MUDDLES = Mapping("T1571", "related", "fragments muddle what a filter sees of port and protocol")
_HIDES = Mapping("T1571", "related", "without its first fragment a train shows no ports")
_EXHAUSTS = Mapping("T1499.001", "related", "unfinished datagrams fill the reassembly buffer of the receiver")


class UdpFragments(TrainDetector):
    """Does somebody play with fragments?"""

    name: ClassVar[str] = "udp-fragments"
    title: ClassVar[str] = "Fragments that no honest sender makes"
    document: ClassVar[str] = DOCUMENT
    settings: ClassVar[dict[str, object]] = {
        "alert_from": 50,
        "benign_ports": list(BENIGN_PORTS),
        "inside": list(INSIDE),
    }
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("FRG-01", "Overlap with different bytes", hits.CONFLICT, ("T1571",)),
        Rule("FRG-02", "Overlap with the same bytes", hits.OVERLAP, ("T1571",)),
        Rule("FRG-03", "Duplicate fragments", hits.DUPLICATE),
        Rule("FRG-04", "Last fragment within another one", hits.TEARDROP, ("T1499.004", "T1571")),
        Rule("FRG-05", "Fragment that fits no datagram", hits.BONK, ("T1499.004",)),
        Rule("FRG-06", "Datagram beyond 65,535 bytes", hits.TOO_LONG, ("T1499.004",)),
        Rule("FRG-07", "Tiny first fragment", hits.TINY, ("T1571",)),
        Rule("FRG-12", "First fragment missing", MISSING, ("T1499.001", "T1571")),
        Rule("FRG-13", "Trains never completed", NEVER, ("T1499.001",)),
        Rule("FRG-15", "Fragment flood", FLOOD, ("T1499.001",)),
        Rule("FRG-25", "Suspicious UDP fragments", 0, ("T1499.001", "T1499.004", "T1571")),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        settings = context.settings
        benign = settings["benign_ports"]
        self._benign = frozenset(int(str(port)) for port in (benign if isinstance(benign, list) else ()))
        self._alert_from = int(str(settings["alert_from"]))
        self._log = Log()

    def on_trains(self, batch: TrainBatch) -> Iterable[Finding]:
        rules: dict[int, int] = {}
        evidence: dict[int, tuple[Evidence, ...]] = {}
        rows, only_tiny = hits.suspicious(batch.trains)
        columns = [batch.trains[name][rows].tolist() for name in ("dst", "version", "src", "first_ns", "flow")]
        for row, alone, dst, version, *source in zip(rows.tolist(), only_tiny.tolist(), *columns, strict=True):
            if alone and not self._sprays.take(("FRG-07", "", dst, version), *source):
                rules[row] = _TINY_FIRST  # as thousands of a spray are: no object is made for it
                continue
            train = batch.train(row)
            holding = hits.holding(train)
            made = [make() for rule, make in holding if alone or self._sprays.take((rule, "", dst, version), *source)]
            rules[row] = sum(1 << RULES.index(rule) for rule, _ in holding)
            evidence[row] = tuple(part for hit in made for part in hit.evidence[:2])
            for hit in made:
                yield self.of_train(train, hit)
        self._log.take(batch, rules, evidence)

    def finish(self) -> Iterable[Finding]:
        table = Table(*self._log.settle())
        if self._log.unlogged_trains:
            self.abstained["bursts and floods: too many odd trains to remember"] = self._log.unlogged_trains
        burst = table.bursts()
        never = table.never()
        flooding = np.zeros(len(table.ns), bool)
        for flood in table.floods():
            flooding[flood.rows] = True
            yield self._flood(table, flood)
        for found in self._missing(table, burst):
            target = (found.rule, found.variant, found.dst, found.version)
            if self._sprays.take(target, found.src, found.first_ns, found.flow, found.count):
                yield found
        for pair, rows in never.items():
            yield self._never(table, pair, rows)
        for pair, rows in table.stretches():
            rules = self._rules_of(table, rows, burst, flooding, pair in never)
            composite = self._composite(table, pair, rows, rules)
            if composite is not None:
                yield composite

    # several trains

    def _missing(self, table: Table, burst: windows.Mask) -> Iterator[Finding]:
        """FRG-12, by pair: the bursts, and apart from them the lone ones."""
        for in_burst in (True, False):
            rows = np.flatnonzero(((table.rules & MISSING_FIRST) != 0) & (burst == in_burst))
            for number, mine in table.by_pair(rows):
                pair = table.pairs[number]
                if in_burst:
                    title = f"First fragment missing, {len(mine):,} trains"
                    parts = [
                        score.base(MISSING, "trains without their first fragment"),
                        score.add(10, f"{windows.BURST} or more of one source within 60 s"),
                    ]
                    mappings: tuple[Mapping, ...] = (_HIDES, _EXHAUSTS)
                else:
                    title = "First fragment missing"
                    parts = [
                        score.base(MISSING, "a train without its first fragment"),
                        score.times(0.5, "few of them: one lost packet does that"),
                    ]
                    mappings = (_HIDES,)
                summary = (
                    f"{len(mine):,} of {pair.total:,} trains came without a first fragment, "
                    "so that neither port can be seen."
                )
                found = self._of_pair("FRG-12", title, summary, parts, table, number, mine, mappings, placed=in_burst)
                found.count = len(mine)
                found.variant = "burst" if in_burst else ""
                yield found

    def _never(self, table: Table, number: int, rows: Ints) -> Finding:
        pair = table.pairs[number]
        found = self._of_pair(
            "FRG-13", "Trains never completed",
            f"{len(rows):,} of {pair.total:,} trains were never completed.",
            [score.base(NEVER, "most trains between the two were never completed")], table, number, rows, (_EXHAUSTS,),
        )  # fmt: skip
        found.count = len(rows)
        return found

    def _flood(self, table: Table, flood: windows.Flood) -> Finding:
        pairs, counts = np.unique(table.pair[flood.rows], return_counts=True)
        number = int(pairs[int(np.argmax(counts))])
        mine = flood.rows[table.pair[flood.rows] == number]
        pair = table.pairs[number]
        target = address_text(pair.dst, pair.version)
        distributed = flood.sources >= DISTRIBUTED
        parts = [score.base(FLOOD, "more unfinished datagrams than a receiver can hold")]
        if distributed:
            parts.append(score.add(10, f"from {flood.sources:,} sources"))
        seconds = int(table.ns[flood.rows[-1]] - table.ns[flood.rows[0]]) / windows.SECOND
        sources = f"{flood.sources:,} source{'' if flood.sources == 1 else 's'}"
        found = self._of_pair(
            "FRG-15", f"{'Distributed fragment' if distributed else 'Fragment'} flood",
            f"{len(flood.rows):,} unfinished trains from {sources} to {target} within {seconds:.1f} s: "
            f"up to {flood.open:,} open at once, {flood.rate:,} fragments within a second, "
            f"{flood.held:,} bytes held.",
            parts, table, number, mine,
            (Mapping("T1499.001", "direct", "unfinished datagrams fill the reassembly buffer of the receiver"),),
        )  # fmt: skip
        found.count = len(flood.rows)
        return found

    def _rules_of(
        self, table: Table, rows: Ints, burst: windows.Mask, flooding: windows.Mask, never: bool
    ) -> dict[str, int]:
        """Rule → its weight in FRG-25, of the rules that hold for these events."""
        bits = int(np.bitwise_or.reduce(table.rules[rows]))
        found = {rule: _WEIGHTS[rule] for bit, rule in enumerate(RULES) if bits & 1 << bit}
        if bits & MISSING_FIRST:
            found["FRG-12"] = MISSING if burst[rows].any() else MISSING_LONE
        if bits & UNFINISHED and never:
            found["FRG-13"] = NEVER
        if flooding[rows].any():
            found["FRG-15"] = FLOOD
        return found

    def _composite(self, table: Table, number: int, rows: Ints, rules: dict[str, int]) -> Finding | None:
        """FRG-25, our reading of PT-CR-476."""
        pair = table.pairs[number]
        service = not {pair.sport, pair.dport} & self._benign
        if not rules or sum(rules.values()) + 3 * STEP < self._alert_from:
            return None
        outside = self.is_outside(pair.src, pair.version) or self.is_outside(pair.dst, pair.version)
        first_ns = int(table.ns[rows[0]])
        new = pair.first_ns > first_ns - windows.STRETCH_NS
        if sum(rules.values()) + STEP * (service + outside + new) < self._alert_from:
            return None
        target = ("FRG-25", "", pair.dst, pair.version)
        if not self._sprays.take(target, pair.src, first_ns, self._first(table, rows)[1]):
            return None
        parts = [score.base(weight, f"{rule}: {_SAYS[rule]}") for rule, weight in rules.items()]
        if service:
            where = f"{pair.sport} to {pair.dport}/udp" if pair.sport or pair.dport else "no port is to be seen"
            parts.append(score.add(STEP, f"not a service that fragments anyway: {where}"))
        if outside:
            parts.append(score.add(STEP, "an outside address"))
        if new:
            parts.append(score.add(STEP, "the first fragments between the two in this capture"))
        mappings = [_MUDDLES]
        if rules.keys() & {"FRG-04", "FRG-05", "FRG-06"}:
            mappings.append(Mapping("T1499.004", "related", "among them are packets made to crash their receiver"))
        if rules.keys() & {"FRG-13", "FRG-15"}:
            mappings.append(_EXHAUSTS)
        return self._of_pair(
            "FRG-25", "Suspicious UDP fragments",
            f"Within 5 minutes: {listed([_SAYS[rule] for rule in rules], 6)} (our reading of PT-CR-476).",
            parts, table, number, rows, tuple(mappings), placed=False, samples=True,
        )  # fmt: skip

    # what all have in common

    def _of_pair(
        self,
        rule: str,
        title: str,
        summary: str,
        parts: list[ScorePart],
        table: Table,
        number: int,
        rows: Ints,
        mappings: tuple[Mapping, ...],
        *,
        placed: bool = True,
        samples: bool = False,
    ) -> Finding:
        """A finding about events of one pair; the first of them stands for it."""
        pair = table.pairs[number]
        if placed:
            parts = [*parts, *self.place_parts(pair.src, pair.dst, pair.version)]
        evidence = self._samples(table, pair, rows) if samples else ()
        subject = Subject(
            pair.src, pair.dst, pair.version, pair.proto, pair.sport, pair.dport, int(table.ns[rows[0]]),
            self._last(table, rows), *self._first(table, rows),
        )  # fmt: skip
        return self.finding_of(
            subject, rule, title, summary, parts, evidence or self._places(table, rows), mappings,
        )  # fmt: skip

    def _first(self, table: Table, rows: Ints) -> tuple[int, int]:
        """(train, flow) of the first event."""
        event = table.events[rows[0]]
        return int(event["train"]), int(event["flow"])

    def _last(self, table: Table, rows: Ints) -> int:
        return int(table.events["last_ns"][rows].max())

    def _samples(self, table: Table, pair: Pair, rows: Ints) -> tuple[Evidence, ...]:
        """The evidence kept of trains among these events."""
        trains = set(table.events["train"][rows].tolist())
        return tuple(row for _, train, kept in pair.samples if train in trains for row in kept)

    def _places(self, table: Table, rows: Ints) -> tuple[Evidence, ...]:
        """Where the first fragments of the first events lie; their bytes were not kept."""
        first = table.events[["file", "number", "offset", "length"]][rows[:SHOWN]].tolist()
        return tuple(
            Evidence(
                file=file,
                packet=number,
                offset=offset,
                data=b"",
                length=length,
                says="the earliest fragment of a train that this counts",
                expected="a train that is whole and plain" if index == 0 else "",
            )
            for index, (file, number, offset, length) in enumerate(first)
            if number
        )
