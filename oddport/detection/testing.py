"""Lines like `10.0.0.5:51000 > 203.0.113.7:8088` → flows and fragment trains as a load makes them, for tests.

A detector is tried in three lines: `batch = flows(flow("10.0.0.5:51000 > 203.0.113.7:8088", app="tls", orig=hello))`,
`found = run(PortMismatch, batch)`, and `assert [finding.title for finding in found] == ["TLS on 8088/tcp"]`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

import numpy as np

from oddport.detection.model import Detector, Finding, FlowBatch
from oddport.detection.runner import Runner
from oddport.engine.columns import (
    FLOW,
    PROTO_NAMES,
    SERVER_ORIGINATOR_BY_GRAMMAR,
    SERVER_RESPONDER_BY_GRAMMAR,
    SERVER_RESPONDER_BY_SYN,
    STATES,
    TCP,
)
from oddport.engine.heads import Head, Piece
from oddport.engine.trains import Conflict, Fragment, Train, TrainBatch
from oddport.protocols.answers import facts_text
from oddport.protocols.identify import identify
from oddport.protocols.model import Facts, Identification, PortVerdict, Span, Tier

START_NS = 1_700_000_000 * 10**9
"""When a flow or train begins unless it is said: 14 November 2023, 22:13:20 UTC."""
SECOND = 10**9
ETHERNET = 14
"""Bytes of a frame before its IP header."""
TCP_PAYLOAD_AT, UDP_PAYLOAD_AT, FRAGMENT_AT = 54, 42, 34
"""Where payload (or a fragment's data) begins in an Ethernet frame with plain IPv4 headers."""
DIGEST = "0" * 32

_ENDS = re.compile(r"^(?P<src>\S+?)(?::(?P<sport>\d+))? > (?P<dst>\S+?)(?::(?P<dport>\d+))?(?:/(?P<proto>[\w-]+))?$")
_NUMBERS = {word: number for number, word in PROTO_NAMES.items()}


@dataclass(slots=True)
class MadeFlow:
    """One flow, before it has its id."""

    record: dict[str, object]
    app: str | None
    tier: Tier
    verdict: PortVerdict | None
    server_port: int
    head: Head
    identification: Identification
    gone: bool = False


def ends(text: str) -> tuple[bytes, int, bytes, int, int, int]:
    """(src, sport, dst, dport, IP version, IANA protocol) of `A:port > B:port/udp`; IPv6 goes into brackets.

    Without a transport it is TCP, without a port the port is 0. Raises ValueError for any other text.
    """
    match = _ENDS.match(text)
    if not match:
        raise ValueError(f"“{text}” is not like “10.0.0.5:51000 > 203.0.113.7:443/udp”")
    source, target = (ip_address(match[name].strip("[]")) for name in ("src", "dst"))
    src, dst = source.packed.rjust(16, b"\0"), target.packed.rjust(16, b"\0")
    sport, dport = int(match["sport"] or 0), int(match["dport"] or 0)
    return src, sport, dst, dport, source.version, _NUMBERS[match["proto"] or "tcp"]


def flow(
    text: str,
    *,
    app: str | None = None,
    orig: bytes | Sequence[bytes] = b"",
    resp: bytes | Sequence[bytes] = b"",
    tier: Tier | None = None,
    verdict: PortVerdict | None = None,
    server: str = "responder",
    notes: int = 0,
    state: str | None = None,
    at: float = 0.0,
    lasts: float = 1.0,
    facts: Facts | None = None,
    spans: Sequence[Span] | None = None,
    gone: bool = False,
    read: bool = False,
) -> MadeFlow:
    """A flow that is over.

    `orig` and `resp` are the payload of each packet of a side (one bytes object: one packet). `tier` is A where both
    sides sent something and `app` is named, else B. `verdict` is what the port tables say unless given. `server` is
    `responder` (by SYN for TCP) or `originator` (by grammar). `at` is in seconds from START_NS, `lasts` in seconds.
    `spans` default to the first 8 bytes of each side. `gone` = the first bytes are no longer there. `read` = what is
    spoken is told from the bytes, as a load does it.
    """
    src, sport, dst, dport, version, proto = ends(text)
    sides = [[side] if isinstance(side, bytes) else list(side) for side in (orig, resp)]
    packets = [[payload for payload in side if payload] for side in sides]
    sent = [sum(map(len, side)) for side in packets]
    if tier is None:
        tier = Tier.NONE if app is None else Tier.A if all(sent) else Tier.B
    serves = server == "originator"
    by = (
        SERVER_ORIGINATOR_BY_GRAMMAR
        if serves
        else SERVER_RESPONDER_BY_SYN
        if proto == TCP
        else SERVER_RESPONDER_BY_GRAMMAR
    )
    header = TCP_PAYLOAD_AT if proto == TCP else UDP_PAYLOAD_AT
    first_number = 4 if proto == TCP else 1
    pieces: list[tuple[Piece, ...]] = []
    for side, payloads in enumerate(packets):
        position, made = 0, []
        for index, payload in enumerate(payloads):
            made.append(Piece(position, len(payload), 0, first_number + 2 * index + side, header))
            position += len(payload)
        pieces.append(tuple(made))
    datagrams = [tuple(side) for side in packets]
    joined = [b"".join(side) for side in packets]
    if proto == TCP:
        head = Head(proto, joined[0], joined[1], (), (), notes, True, pieces[0], pieces[1])
    else:
        first = [side[0] if side else b"" for side in packets]
        head = Head(proto, first[0], first[1], datagrams[0], datagrams[1], notes, True, pieces[0], pieces[1])
    if spans is None and app:
        spans = [Span(side, 0, min(8, sent[side]), f"{app} begins") for side in (0, 1) if sent[side]]
    named = Identification(app, tier, 0 if serves else 1, tuple(spans or ()), facts or {}, tier == Tier.A)
    if read:
        named = identify(head)
        app, tier = named.app, named.tier
    begins = START_NS + round(at * SECOND)
    handshake = 2 if proto == TCP else 0
    if state is None:
        state = "SF" if proto == TCP else ""
    record: dict[str, object] = {
        "first_ns": begins, "last_ns": begins + round(lasts * SECOND), "src": src, "dst": dst, "version": version,
        "proto": proto, "sport": sport, "dport": dport, "server": by, "notes": notes, "state": STATES.index(state),
        "packets_o": len(packets[0]) + handshake, "packets_r": len(packets[1]) + handshake,
        "payload_o": sent[0], "payload_r": sent[1],
        "bytes_o": sent[0] + header * len(packets[0]), "bytes_r": sent[1] + header * len(packets[1]),
    }  # fmt: skip
    return MadeFlow(record, app, tier, verdict, sport if serves else dport, head, named, gone)


def flows(*made: MadeFlow, first_id: int = 1) -> FlowBatch:
    """A batch of these flows, with ids from `first_id` on."""
    table = np.zeros(len(made), FLOW)
    for index, each in enumerate(made):
        table[index]["id"] = first_id + index
        table[index]["number"], table[index]["ip_at"] = 1 + index, ETHERNET
        for name, value in each.record.items():
            table[index][name] = np.void(value) if isinstance(value, bytes) else value
    names = tuple(sorted({each.app for each in made if each.app is not None}))
    return FlowBatch(
        table,
        np.array([each.tier for each in made], np.uint8),
        np.array([_verdict(each) for each in made], np.uint8),
        np.array([each.server_port for each in made], np.uint16),
        np.array([-1 if each.app is None else names.index(each.app) for each in made], np.int16),
        names,
        np.array([-1 if each.identification.server is None else each.identification.server for each in made], np.int8),
        np.array([each.identification.signs for each in made], np.uint8),
        lambda row: None if made[row].gone else made[row].head,
        lambda row: made[row].identification,
        facts=lambda: {
            row: facts_text(each.identification.facts) for row, each in enumerate(made) if each.identification.facts
        },
    )


def _verdict(made: MadeFlow) -> PortVerdict:
    if made.verdict is not None:
        return made.verdict
    from oddport.protocols.ports import judge_port

    record = made.record
    return judge_port(
        made.app, int(str(record["proto"])), made.server_port, bool(record["payload_o"] or record["payload_r"])
    )


@dataclass(slots=True)
class Piecewise:
    """One fragment of a train to be made: `data` at `offset` of the datagram."""

    offset: int
    data: bytes
    more: bool
    after: float = 0.0
    """Seconds since the train began."""
    ttl: int = 64


@dataclass(slots=True)
class _Overlaid:
    have: dict[int, int] = field(default_factory=dict)
    owner: dict[int, int] = field(default_factory=dict)


def train(
    text: str,
    *pieces: tuple[int, bytes, bool] | Piecewise,
    id: int = 1,
    ip_id: int = 7,
    at: float = 0.0,
    anomalies: Sequence[str] = (),
    at_start: bool = False,
    at_end: bool = False,
    flow: int = 0,
    number: int = 1,
) -> Train:
    """The train of these fragments, (offset, data, more fragments) each, in order of arrival.

    Earlier bytes win. State, holes and conflicts are worked out, byte by byte; `overlap`, `conflicting_overlap` and
    `duplicate` too, while the other anomalies are those given. `number` is the first fragment's packet number.
    """
    src, sport, dst, dport, version, proto = ends(text)
    made = [piece if isinstance(piece, Piecewise) else Piecewise(*piece) for piece in pieces]
    begins = START_NS + round(at * SECOND)
    bytes_seen = _Overlaid()
    words = set(anomalies)
    fragments: list[Fragment] = []
    conflicts: list[Conflict] = []
    differing: dict[int, bytes] = {}
    for index, piece in enumerate(made):
        ranges = [(fragment.offset, fragment.length) for fragment in fragments]
        said = _overlay(bytes_seen, conflicts, index, piece, (piece.offset, len(piece.data)) in ranges)
        words |= said
        if "conflicting_overlap" in said:
            differing[index] = piece.data
        fragments.append(
            Fragment(
                number + index, 0, number + index - 1, begins + round(piece.after * SECOND), FRAGMENT_AT, piece.offset,
                len(piece.data), len(piece.data), piece.more, piece.ttl, proto, 1 if piece.more else 0, 20,
            )
        )  # fmt: skip
    tails = [fragment.offset + fragment.length for fragment in fragments if not fragment.more]
    total = tails[0] if tails else None
    holes = _holes(bytes_seen.have, total)
    gap = holes[0][0] if holes else total or 0
    known = 0 in bytes_seen.have and 7 in bytes_seen.have
    return Train(
        id, version, src, dst, proto, ip_id, 0, 0, begins, max(fragment.ts for fragment in fragments), fragments,
        len(fragments), not holes, bytes(bytes_seen.have[at] for at in range(gap)), total, holes, conflicts, words,
        sport if known else None, dport if known else None, flow, at_start, at_end,
        differing=differing,
    )  # fmt: skip


def _overlay(seen: _Overlaid, conflicts: list[Conflict], index: int, piece: Piecewise, same_range: bool) -> set[str]:
    differs: list[int] = []
    again = 0
    for at, byte in enumerate(piece.data, piece.offset):
        if at in seen.have:
            again += 1
            if seen.have[at] != byte:
                differs.append(at)
        else:
            seen.have[at], seen.owner[at] = byte, index
    start = 0
    for stop in range(1, len(differs) + 1):
        here = differs[start:stop]
        if stop < len(differs) and differs[stop] == here[-1] + 1 and seen.owner[differs[stop]] == seen.owner[here[0]]:
            continue
        old = bytes(seen.have[at] for at in here)
        new = bytes(piece.data[at - piece.offset] for at in here)
        conflicts.append(Conflict(here[0], old, new, seen.owner[here[0]], index))
        start = stop
    if differs:
        return {"conflicting_overlap"}
    return {"duplicate" if same_range else "overlap"} if again else set()


def _holes(have: Mapping[int, int], total: int | None) -> list[tuple[int, int]]:
    """(first, last) missing bytes; the last hole ends at -1 where no last fragment came (RFC 815)."""
    holes: list[tuple[int, int]] = []
    expected = 0
    for at in sorted(have):
        if at > expected:
            holes.append((expected, at - 1))
        expected = at + 1
    if total is None:
        holes.append((expected, -1))
    elif expected < total:
        holes.append((expected, total - 1))
    return holes


def run(
    detector: type[Detector], *given: FlowBatch | Sequence[Train], settings: Mapping[str, object] | None = None
) -> list[Finding]:
    """What a detector finds in batches of flows and lists of trains. Raises what the detector raises."""
    runner = Runner([detector], {detector.name: settings} if settings else {}, DIGEST)
    for each in given:
        if isinstance(each, FlowBatch):
            runner.flows(each)
        else:
            runner.trains(TrainBatch.of(each))
    found = runner.finish()
    if runner.errors:
        raise AssertionError(runner.errors[0].trace)
    return found
