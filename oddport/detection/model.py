"""What a detector is given and what it gives: batches of flows and trains in, findings with evidence out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from oddport.engine.heads import Head
from oddport.engine.trains import Train
from oddport.protocols.model import Identification


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
    """`direct`, `related` or `context`."""
    reason: str


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One step from the base to the score."""

    value: float
    factor: bool
    """True: the score so far is multiplied; False: the value is added."""
    reason: str


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
    uid: str = ""
    """Hash of detector, rule, ends, server port, protocol, first occurrence and the files' digest."""


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
    app: list[str | None]
    head: Callable[[int], Head | None]
    """First bytes of row i; None where they are gone."""
    identification: Callable[[int], Identification | None]


@dataclass(slots=True)
class Context:
    """What a detector may know of the run besides the batches."""

    settings: dict[str, object] = field(default_factory=dict)
    """Of this detector, defaults filled in."""
    first_ns: int = 0
    digest: str = ""


class Detector(Protocol):
    """One idea. Made anew for each run; methods are called with batches in order of the flows' end."""

    name: ClassVar[str]
    title: ClassVar[str]
    document: ClassVar[str]
    """Markdown: what, why, thresholds, false positives, ATT&CK."""
    needs: ClassVar[frozenset[str]]
    """Of `flows`, `heads`, `trains`."""
    settings: ClassVar[dict[str, object]]
    """Settings with their defaults; the type of the default is the type of the setting."""

    def __init__(self, context: Context) -> None: ...

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]: ...

    def on_trains(self, trains: list[Train]) -> Iterable[Finding]: ...

    def finish(self) -> Iterable[Finding]: ...
