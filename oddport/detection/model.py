"""What a detector is given and what it gives: batches of flows and trains in, findings with evidence out."""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from oddport.detection.hosts import Prevalences
from oddport.engine.columns import TCP
from oddport.engine.heads import Head
from oddport.engine.trains import TrainBatch
from oddport.engine.tunnels import Inside
from oddport.protocols.model import Identification

if TYPE_CHECKING:
    from oddport.detection.history import History

EVIDENCE_BYTES = 64
"""Bytes of a packet that an evidence row keeps at most."""
OPENING = 8
"""First bytes of a side that `FlowBatch.openings` has."""
RELATIONS = ("direct", "related", "context")
"""Direct: the traffic itself is the technique. Related: it serves the technique, but does not show it.
Context: worth knowing beside a direct finding."""


class Severity(IntEnum):
    """How much a finding matters; the bounds are those of its score."""

    INFO = 0  # < 25
    LOW = 1  # < 45
    MEDIUM = 2  # < 65
    HIGH = 3  # < 85
    CRITICAL = 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """Bytes of a packet that speak for a finding, what they say, and what was expected instead."""

    file: int
    packet: int
    """1-based number of the packet in its file."""
    offset: int
    """From the first captured byte of the frame; in the reassembled datagram where `train` is set."""
    data: bytes
    """The bytes themselves, at most 64, so that they outlive the capture."""
    length: int
    """How many bytes the claim is about (`data` may show fewer)."""
    says: str
    expected: str = ""
    train: int = 0
    side: int = 0
    """0 = sent by the originator, 1 = by the responder."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """An ATT&CK technique and what ties the finding to it."""

    technique: str
    """T1571, T1071.001 …"""
    relation: str
    """One of RELATIONS."""
    reason: str


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One step from the base to the score."""

    value: float
    factor: bool
    """True: the score so far is multiplied; False: the value is added."""
    reason: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What a finding shows for itself."""

    mappings: tuple[Mapping, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    rejected: tuple[str, ...] = ()


@dataclass(slots=True)
class Finding:
    """One opinion about a flow, a train or a pair of hosts."""

    detector: str
    rule: str
    """Of the catalogue: PPM-02, FRG-01 …"""
    title: str
    """WHAT on PORT/TRANSPORT, a fact: "TLS on 8088/tcp"."""
    summary: str
    """One sentence: what was seen and what was expected."""
    parts: tuple[ScorePart, ...]
    """The base first."""
    src: bytes
    """16 bytes, the originator."""
    dst: bytes
    version: int
    proto: int
    sport: int
    dport: int
    server_port: int
    first_ns: int
    last_ns: int
    app: str | None = None
    expected: str = ""
    """What the port promised: "http", "dns"."""
    flow: int = 0
    train: int = 0
    mappings: tuple[Mapping, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    rejected: tuple[str, ...] = ()
    """What it is not, and by which byte: "not TLS: byte 0 is 0x47, a record starts with 0x14 to 0x17"."""
    lowered: tuple[str, ...] = ()
    """Why it was lowered or suppressed."""
    count: int = 1
    """Occurrences that were folded into this one."""
    score: int = 0
    """0 to 100, from the parts."""
    severity: Severity = Severity.INFO
    also: Sequence[int] = ()
    """Further flows that it tells of, set in a second look; once it is handed out, all flows (the first 1,000 ids)."""
    uid: str = ""
    """Hash of detector, rule, ends, server port, protocol, first occurrence and the files' digest."""
    variant: str = ""
    """Keeps occurrences of one rule apart that must not be folded into one another: a redirected request must not
    stand for an answered one. Part of the uid; a word, never shown."""
    proof: Callable[[], Proof] | None = None
    """Makes mappings, evidence and rejected, where they cost something. Asked as soon as the finding is given, and only
    if it stands for itself: not where it joins an earlier one, or where there are too many that weigh more."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a detector, for listings."""

    id: str
    """Of the catalogue: PPM-02."""
    title: str
    base: int
    """Score before the modifiers."""
    techniques: tuple[str, ...] = ()
    """ATT&CK ids that its findings may be mapped to."""


@dataclass(frozen=True, slots=True)
class DetectorError:
    """Why a detector took no further part in a run."""

    detector: str
    at: str
    """Where in the run: `load`, `start`, `flows 8,113 to 8,190`, `trains 4 to 9`, `end`."""
    message: str
    """A sentence for a person."""
    trace: str
    """The traceback, for whoever wrote the detector."""


@dataclass(slots=True)
class FlowBatch:
    """Flows that are over and named. Row i of every column is the same flow."""

    flows: NDArray[np.void]
    """dtype columns.FLOW"""
    tier: NDArray[np.uint8]
    verdict: NDArray[np.uint8]
    """PortVerdict"""
    server_port: NDArray[np.uint16]
    """0 = unknown or none"""
    app_id: NDArray[np.int16]
    """Index into `names`, -1 = no name."""
    names: tuple[str, ...]
    spoken_by: NDArray[np.int8]
    """Which side spoke the server's grammar: 0 the originator, 1 the responder, -1 = it does not tell."""
    signs: NDArray[np.uint8]
    """Of Identification.signs: what the recogniser noticed."""
    head: Callable[[int], Head | None]
    """First bytes of row i; None where they are gone."""
    identification: Callable[[int], Identification | None]
    inside: MappingOf[int, Inside] = field(default_factory=dict)
    """Flow id → where it lies, of those that were found in tunnels."""
    facts: Callable[[], MappingOf[int, bytes]] = dict
    """Of the rows that have any: the facts of their identification as JSON in ASCII, made without it."""
    _app: list[str | None] | None = field(default=None, init=False, repr=False)
    _unnamed: NDArray[np.int64] | None = field(default=None, init=False, repr=False)
    _openings: tuple[NDArray[np.int64], NDArray[np.uint8]] | None = field(default=None, init=False, repr=False)

    @property
    def app(self) -> list[str | None]:
        """The name of each flow, made when it is first asked for: choose rows by columns before."""
        if self._app is None:
            self._app = list(map((*self.names, None).__getitem__, self.app_id.tolist()))
        return self._app

    @property
    def openings(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """TCP rows without a name in which a side sent something, and the first OPENING bytes of each side of them
        (rows × 2 × OPENING, zeros behind their end, or where they are gone): choose rows by them before heads."""
        if self._openings is None:
            flows = self.flows
            spoke = (flows["payload_o"] > 0) | (flows["payload_r"] > 0)
            rows = np.flatnonzero((self.app_id < 0) & spoke & (flows["proto"] == TCP))
            begun: list[bytes] = []
            for head in map(self.head, rows.tolist()):
                sides = (b"", b"") if head is None else (head.orig, head.resp)
                begun += [side[:OPENING].ljust(OPENING, b"\0") for side in sides]
            self._openings = rows, np.frombuffer(b"".join(begun), np.uint8).reshape(-1, 2, OPENING)
        return self._openings

    @property
    def unnamed(self) -> NDArray[np.int64]:
        """Rows in which both sides sent payload and nothing was recognised."""
        if self._unnamed is None:
            flows = self.flows
            self._unnamed = np.flatnonzero((self.app_id < 0) & (flows["payload_o"] > 0) & (flows["payload_r"] > 0))
        return self._unnamed

    def chosen(self, rows: NDArray[np.int64]) -> "FlowBatch":
        """A batch of these rows alone, in this order."""
        at: list[int] = rows.tolist()

        def facts() -> MappingOf[int, bytes]:
            every = self.facts()
            return {new: every[old] for new, old in enumerate(at) if old in every}

        return FlowBatch(
            self.flows[rows], self.tier[rows], self.verdict[rows], self.server_port[rows], self.app_id[rows],
            self.names, self.spoken_by[rows], self.signs[rows],
            lambda row: self.head(at[row]), lambda row: self.identification(at[row]), self.inside, facts,
        )  # fmt: skip

    def rows_of(self, apps: frozenset[str]) -> NDArray[np.int64]:
        """Rows whose app is one of these."""
        found = np.zeros(len(self.app_id), bool)
        for at, name in enumerate(self.names):
            if name in apps:
                found |= self.app_id == at
        return np.flatnonzero(found)


@dataclass(slots=True)
class Context:
    """What a detector may know of the run besides the batches."""

    settings: dict[str, object] = field(default_factory=dict)
    """Of this detector, defaults filled in."""
    first_ns: int = 0
    digest: str = ""
    baseline: "History | None" = None
    """Flows of an earlier case of the same network, where one was named."""
    prevalences: Prevalences = field(default_factory=Prevalences)
    """How many inside hosts use which server port; of every flow of the run, once it is over."""

    def number(self, key: str) -> float:
        """A setting whose default is a number."""
        value = self.settings[key]
        return value if isinstance(value, int | float) else float(str(value))

    def strings(self, key: str) -> list[str]:
        """A setting whose default is a list of strings."""
        value = self.settings[key]
        return [str(each) for each in value] if isinstance(value, list) else []


class Detector(Protocol):
    """One idea. Made anew for each run; methods are called with batches in order of the flows' end."""

    name: ClassVar[str]
    title: ClassVar[str]
    document: ClassVar[str]
    """Markdown: what, why, thresholds, false positives, ATT&CK."""
    needs: ClassVar[frozenset[str]]
    """Of `flows`, `heads`, `trains`, `history`."""
    settings: ClassVar[dict[str, object]]
    """Settings with their defaults; the type of the default is the type of the setting."""

    def __init__(self, context: Context) -> None: ...

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]: ...

    def on_trains(self, batch: TrainBatch) -> Iterable[Finding]: ...

    def finish(self) -> Iterable[Finding]: ...


@runtime_checkable
class Reviewer(Protocol):
    """A detector that has a second look at its findings once everything was seen (how many hosts use the port, …)."""

    def review(self, finding: Finding) -> Finding | None:
        """The finding with further parts, reasons, a higher count or another score; its ends, rule and first occurrence
        stay. None: another finding tells it along with its own (one attack with forged sources, …).
        """
        ...


@runtime_checkable
class Historian(Protocol):
    """A detector that judges all flows of the capture together; its `needs` have `history`."""

    def on_history(self, history: "History") -> Iterable[Finding]:
        """Findings of what hosts did over the whole capture. Called once, at the end, before `finish`."""
        ...


@runtime_checkable
class MtuWatcher(Protocol):
    """A detector that looks at what hosts are told of the MTU on their way."""

    def on_small_mtus(self, messages: NDArray[np.void]) -> Iterable[Finding]:
        """Findings of ICMP messages (dtype engine.path_mtu.TOLD) of an MTU below 1,280; at least one."""
        ...


@runtime_checkable
class Abstainer(Protocol):
    """A detector that says what it could not judge."""

    abstained: MappingOf[str, int]
    """Reason, as the words after "not judged:", to how many flows or trains it held for."""
