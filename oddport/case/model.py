"""What a reader gives of a case: frozen rows with readable values. Times are ns since 1970 (UTC), sizes are bytes."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CaptureRow:
    """A capture file that was loaded."""

    id: int
    path: str
    """As given when it was loaded, or where the analyst pointed since; `-` is standard input."""
    unpacked_path: str | None
    format: str
    size: int
    mtime_ns: int
    digest: str
    packets: int
    bytes: int
    """On the wire."""
    first_ns: int | None
    last_ns: int | None
    linktypes: tuple[int, ...]
    truncated: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoadState:
    """How far the latest load got."""

    state: str
    """`empty` (none yet), `loading`, `interrupted` (its process ended before it did), `done`, `stopped`, `failed`."""
    started_ns: int = 0
    ended_ns: int | None = None
    bytes_total: int | None = None
    bytes_read: int = 0
    packets: int = 0
    flows: int = 0
    findings: int = 0
    pid: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a case holds."""

    packets: int
    flows: int
    findings: tuple[int, int, int, int, int]
    """By severity, from info to critical."""
    reviewed: int
    """Findings that have a verdict."""
    trains: int
    errors: int
    """Times that a detector failed."""


@dataclass(frozen=True, slots=True)
class OwnerRow:
    """The process that an end of a flow belongs to, on the machine where it was captured."""

    side: int
    """0 = the originator's, 1 = the responder's."""
    pid: int | None
    name: str
    """Of the process; empty where it is not known, and `why` says for what reason."""
    path: str
    """Of its program; empty where that may not be read."""
    user: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A flow. `…_o` is sent by the originator, `…_r` by the responder."""

    id: int
    first_ns: int
    last_ns: int
    src: str
    """Address of the originator."""
    sport: int
    dst: str
    dport: int
    version: int
    """4 or 6."""
    proto: str
    """`tcp`, `udp`, …, `ip-N`."""
    server_port: int | None
    """None where neither side is known to offer the service."""
    server: str
    """How the server side is known: `responder by SYN` …"""
    app: str | None
    tier: str
    """`A`, `B`, `C`, or empty."""
    verdict: str
    """Of the port: `standard`, `alternate`, `dynamic`, `unrecognised`, `mismatch`, or empty."""
    severity: str | None
    """Of its worst finding."""
    facts: dict[str, Any]
    packets_o: int
    packets_r: int
    bytes_o: int
    bytes_r: int
    payload_o: int
    payload_r: int
    flags_o: int
    """TCP flags ever seen, as bits."""
    flags_r: int
    state: str
    """TCP connection state in Zeek's words, or empty."""
    notes: tuple[str, ...]
    context: int
    interface: int
    file: int
    first_packet: int
    """0-based number in the case."""
    last_packet: int
    open: bool
    """More packets may come."""
    parent: int | None = None
    """The flow whose packets carry this one, where it was found in a tunnel."""
    tunnel: tuple[str, ...] = ()
    """The tunnels that it lies in, outermost first."""
    unnamed: tuple[str, ...] = ()
    """Why it may have no name, where it has none: `one-sided`, `cut at 96 bytes` …"""
    owners: tuple[OwnerRow, ...] = ()
    """Processes of its local ends, where they were looked up."""

    @property
    def packets(self) -> int:
        """Of both directions."""
        return self.packets_o + self.packets_r

    @property
    def bytes(self) -> int:
        """Of both directions."""
        return self.bytes_o + self.bytes_r

    @property
    def server_is_originator(self) -> bool:
        """The service is offered by the side that sent the first packet."""
        return self.server.startswith("originator")


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """Bytes of a packet that speak for a finding."""

    id: int
    finding: int
    file: int
    packet: int
    """1-based number in its file."""
    offset: int
    """From the first captured byte of the frame; in the reassembled datagram where `train` is set."""
    length: int
    data: bytes
    """The bytes themselves, at most 64."""
    says: str
    expected: str
    train: int | None
    side: int
    """0 = sent by the originator, 1 = by the responder."""


@dataclass(frozen=True, slots=True)
class TechniqueRow:
    """What ties a finding to an ATT&CK technique."""

    technique: str
    relation: str
    """`direct`, `related` or `context`."""
    reason: str


@dataclass(frozen=True, slots=True)
class ScoreStep:
    """One step from the base to the score."""

    value: float
    factor: bool
    """The score so far is multiplied; else the value is added."""
    reason: str


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding, with the analyst's verdict."""

    id: int
    uid: str
    detector: str
    rule: str
    severity: str
    score: int
    title: str
    summary: str
    expected: str
    src: str
    sport: int
    dst: str
    dport: int
    version: int
    proto: str
    server_port: int
    app: str | None
    flow: int | None
    train: int | None
    first_ns: int
    last_ns: int
    count: int
    parts: tuple[ScoreStep, ...]
    rejected: tuple[str, ...]
    lowered: tuple[str, ...]
    attack_version: str
    verdict: str | None
    note: str


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """What the analyst said of a finding."""

    uid: str
    verdict: str
    """`benign`, `suspicious` or `confirmed`."""
    note: str
    user: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A change of what the analyst said of a finding."""

    at_ns: int
    user: str
    uid: str
    title: str
    """Of the finding; empty where the case has it no more."""
    verdict: str | None
    note: str


@dataclass(frozen=True, slots=True)
class MarkRow:
    """A mark of the analyst on a finding or a flow."""

    at_ns: int
    user: str
    uid: str
    """Of the finding; empty for a flow."""
    flow: int | None
    """Of a flow; None where the case has it no more."""
    title: str
    """Of the finding, or the ends of the flow."""


@dataclass(frozen=True, slots=True)
class PacketRow:
    """A packet as the case knows it; its bytes lie in the capture."""

    packet: int
    """0-based number in the case."""
    number: int
    """1-based number in its file."""
    file: int
    interface: int
    link: int
    """LINKTYPE_ number of the interface, -1 where the case does not know the interface."""
    ts: int
    offset: int
    """Of the first captured byte in the (unpacked) capture."""
    caplen: int
    """Captured bytes."""
    wirelen: int
    """Bytes on the wire."""
    flow: int
    """0 = belongs to none."""
    flags: int
    """TCP flags."""
    back: bool
    """Responder to originator."""
    fragment: bool
    unread: bool
    """No IP packet, or a malformed one."""
    repeat: bool
    """A retransmission."""
    payload: bool
    """Carries transport payload."""


@dataclass(frozen=True, slots=True)
class FragmentRow:
    """A fragment of a train, as it arrived."""

    number: int
    """1-based packet number in its file."""
    file: int
    packet: int
    """0-based number in the case."""
    ts: int
    frame_offset: int
    """Of the fragment's data in the captured frame."""
    offset: int
    """Of its data in the datagram."""
    length: int
    captured: int
    more: bool
    ttl: int
    proto: int
    flags: int
    header_length: int


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """Bytes of a later fragment that differ from those already there."""

    offset: int
    old: bytes
    new: bytes
    old_fragment: int
    """Index in TrainRow.fragments."""
    new_fragment: int


@dataclass(frozen=True, slots=True)
class TrainRow:
    """A fragment train."""

    id: int
    version: int
    src: str
    dst: str
    proto: str
    ip_id: int
    sport: int | None
    dport: int | None
    flow: int | None
    first_ns: int
    last_ns: int
    count: int
    """Fragments that arrived; `fragments` may hold fewer."""
    complete: bool
    total: int | None
    """Bytes of the whole datagram, where a last fragment said so."""
    reassembled: int
    """Bytes that were put together."""
    anomalies: tuple[str, ...]
    at_start: bool = False
    at_end: bool = False
    holes: tuple[tuple[int, int], ...] = ()
    """(first, last) missing bytes; last is -1 where the end is unknown."""
    fragments: tuple[FragmentRow, ...] = ()
    conflicts: tuple[ConflictRow, ...] = ()
    context: int = 0
    interface: int = 0
    evicted: bool = False
    """Given up for want of memory, so that what is missing may have come."""


@dataclass(frozen=True, slots=True)
class TechniqueCount:
    """How many findings are tied to a technique."""

    technique: str
    relation: str
    findings: int
    worst: str
    """Severity of the worst of them."""


LIMIT, DOUBT = "limit", "doubt"
"""Kinds of an Omission."""


@dataclass(frozen=True, slots=True)
class Omission:
    """What a load left out or left undecided."""

    source: str
    """`flows`, `fragments`, `history`, or the name of a detector."""
    kind: str
    """LIMIT: a limit of memory was met, so the case tells less than the capture. DOUBT: a detector did not judge."""
    reason: str
    """Of a limit: the words after the count. Of a doubt: the words after "not judged:"."""
    count: int

    @property
    def sentence(self) -> str:
        """For a person."""
        if self.kind == LIMIT:
            return f"{self.count:,} {self.reason}."
        return f"{self.source} did not judge {self.count:,}: {self.reason}."


@dataclass(frozen=True, slots=True)
class DetectorErrorRow:
    """A detector that failed."""

    id: int
    detector: str
    at: str
    message: str
    trace: str = field(repr=False)
