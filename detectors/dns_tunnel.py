"""Questions of DNS whose names carry data → findings by client and domain (PPM-14)."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.evidence import first_packet
from oddport.detection.model import Context, Evidence, Finding, FlowBatch, Mapping, Rule, ScorePart
from oddport.detection.subject import INSIDE_SETTING, Subjects

TUNNEL = 55
LONG_NAME = 52
"""Characters of a name from which on it is looked at."""
QUESTION = 12 + LONG_NAME + 2 + 4
"""Bytes of a question for such a name: header, name with first length and end, type, class (RFC 1035, 4.1)."""
RANDOM = 3.8
"""Bits a character: words of people have less, Base32 up to 5, Base64 up to 6."""
CARRIERS = frozenset({"TXT", "NULL", "CNAME", "MX", "SRV", "KEY", "PRIVATE"})
"""Types whose answers hold more than an address."""
CARRIER_SHARE = 0.3
SAMPLED = 2_048
"""Characters of the first names whose entropy is taken."""
PAIRS = 16_384
"""Pairs of client and domain that are told apart."""
SHOWN = 40
"""Characters of a domain that titles show."""
SUFFIX_LABEL = 3
"""A second label up to this long belongs to the registry (co.uk, com.br), not to who registered."""
DOCUMENT = """\
# Data in names (`dns-tunnel`)

A tunnel through DNS writes what it sends into the names that it asks for, under a domain of its own. Looks at questions for
names of 52 characters or more.

| rule | what | base |
|---|---|---|
| PPM-14 | `min_names` or more different names (or, where one flow asks them all, questions) of one client under one domain, whose characters have 3.8 bits or more | 55 |

At least 30 % of types whose answers hold more than an address (TXT, NULL, CNAME, MX …) add 15, ten times as many names 10. Where the
resolver is says nothing, since the names go on to whoever has the domain. The domain is
the last two labels, or three where the second last has up to three characters. Names under `.arpa` are addresses and not
judged.

## False positives to expect

Reputation look-ups of antivirus and mail (hashes under their maker's domain), content networks.

## ATT&CK

T1071.004 DNS (direct), T1572 Protocol Tunneling and T1048 Exfiltration Over Alternative Protocol (related), T1571 (context: what passes
is not what the port is for).
"""  # noqa: E501


@dataclass(slots=True)
class _Under:
    """What a client asked under a domain; `finding` is of its first flow."""

    finding: Finding
    names: set[int] = field(default_factory=set)
    """Hashes of the different names, up to the number that matters."""
    asked: int = 0
    carriers: int = 0
    repeated: int = 0
    """Questions of flows that ask more than one."""
    sample: str = ""
    flows: list[int] = field(default_factory=list)


class DnsTunnels(BaseDetector):
    """Do names carry data?"""

    name: ClassVar[str] = "dns-tunnel"
    title: ClassVar[str] = "DNS whose names carry data"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows"})
    settings: ClassVar[dict[str, object]] = {"min_names": 100, **INSIDE_SETTING}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("PPM-14", "Data in the names of DNS", TUNNEL, ("T1048", "T1071.004", "T1571", "T1572")),
    )  # fmt: skip

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)
        self._least = int(context.number("min_names"))
        self._under: dict[tuple[bytes, str], _Under] = {}

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        rows = batch.rows_of(frozenset({"dns"}))
        flows = batch.flows[rows]
        rows = rows[(flows["payload_o"] >= QUESTION * flows["packets_o"]) & (flows["packets_o"] > 0)]
        for row in rows.tolist():
            named = batch.identification(row)
            name = str(named.facts.get("qname", "")).rstrip(".") if named is not None else ""
            if named is not None and len(name) >= LONG_NAME and not name.endswith(".arpa"):
                self._take(batch, row, name, str(named.facts.get("qtype", "")))
        return ()

    def _take(self, batch: FlowBatch, row: int, name: str, kind: str) -> None:
        flow = batch.flows[row]
        domain, below = _split(name)
        key = flow["src"].tobytes(), domain
        under = self._under.get(key)
        if under is None:
            if len(self._under) >= PAIRS:
                self.abstain(f"data in names: more than {PAIRS:,} pairs of client and domain")
                return
            under = self._under[key] = _Under(self._finding(batch, row, domain, name))
        elif len(under.flows) < 10 * self._least:
            under.flows.append(int(flow["id"]))
        under.asked += 1
        under.carriers += kind.upper() in CARRIERS
        if flow["packets_o"] > 1:
            under.repeated += int(flow["packets_o"])
        if len(under.names) < 10 * self._least:
            under.names.add(hash(below))
        if len(under.sample) < SAMPLED:
            under.sample += below.replace(".", "").lower()

    def finish(self) -> Iterable[Finding]:
        """Each client and domain with enough names of enough entropy."""
        for (_, domain), under in self._under.items():
            count = max(len(under.names), under.repeated)
            bits = entropy(under.sample)
            if count < self._least or bits < RANDOM:
                continue
            found = under.finding
            said = f"{count:,} {'names' if count == len(under.names) else 'questions'}"
            what = f"{said} of {LONG_NAME} characters or more under {_short(domain)}, {bits:.1f} bits a character"
            parts: list[ScorePart] = [score.base(TUNNEL, what)]
            if under.carriers >= CARRIER_SHARE * under.asked:
                share = under.carriers / under.asked
                parts.append(score.add(15, f"{share:.0%} ask for types whose answers hold more than an address"))
            if count >= 10 * self._least:
                parts.append(score.add(10, f"{count:,} are many"))
            found.parts = tuple(parts)
            found.summary = f"{what}: names that nobody reads, and that carry data."
            found.count, found.also = 1 + len(under.flows), under.flows
            yield found

    def _finding(self, batch: FlowBatch, row: int, domain: str, name: str) -> Finding:
        subject = self._subjects.of(batch, row)
        return subject.finding(
            self.name, "PPM-14", f"Data in names under {_short(domain)}", "", (),
            (
                Mapping("T1071.004", "direct", f"the names asked for under {_short(domain)} carry data"),
                Mapping("T1572", "related", "what is carried may be connections"),
                Mapping("T1048", "related", "what is carried may be what was collected"),
                Mapping("T1571", "context", f"DNS on {subject.where} resolves nothing here"),
            ),
            _proof(batch.flows[row], name), expected="dns", variant=domain[:60],
        )  # fmt: skip


def _split(name: str) -> tuple[str, str]:
    """(domain, what stands below it)"""
    labels = name.split(".")
    keep = 3 if len(labels) > 2 and len(labels[-2]) <= SUFFIX_LABEL else 2
    return ".".join(labels[-keep:]), ".".join(labels[:-keep])


def _short(domain: str) -> str:
    """The end of a domain, as much as a title has room for."""
    return domain if len(domain) <= SHOWN else f"…{domain[-SHOWN:]}"


def entropy(text: str) -> float:
    """Bits a character, by how often each occurs (Shannon, 1948)."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def _proof(flow: np.void, name: str) -> tuple[Evidence, ...]:
    return first_packet(flow, f"asks for {name[:120]}", "a name of words, or of few characters")
