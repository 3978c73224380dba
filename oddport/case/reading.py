"""Rows of the case's tables → the frozen rows of model.py."""

import json
import sqlite3
import struct
from collections.abc import Callable, Sequence
from typing import Any

from oddport.case.model import (
    CaptureRow,
    ConflictRow,
    EvidenceRow,
    FindingRow,
    FlowRow,
    FragmentRow,
    OwnerRow,
    ScoreStep,
    TechniqueCount,
    TechniqueRow,
    TrainRow,
)
from oddport.case.rows import loaded_path
from oddport.case.words import (
    BETWEEN_TUNNELS,
    PORT_VERDICTS,
    SERVERS,
    SEVERITIES,
    STATES,
    TIERS,
    address_text,
    note_words,
    protocol_word,
    why_unnamed,
)

FRAGMENT = struct.Struct("<IHIqIIII?BBBI")
"""A FragmentRow in `train.fragments`, field by field."""
ANOMALY_WORDS = (
    "SELECT group_concat(word, ' ') FROM (SELECT word FROM word WHERE kind = 'anomaly'"
    " AND train.anomalies >> number & 1 ORDER BY word)"
)
"""SQL of the anomalies of a train as words, in alphabetical order."""
_RELATION = "CASE relation WHEN 'direct' THEN 0 WHEN 'related' THEN 1 ELSE 2 END"


def captures(connection: sqlite3.Connection, file: int | None = None) -> list[CaptureRow]:
    """Capture files (or the one of this id), where the analyst pointed if anywhere."""
    rows = connection.execute(
        "SELECT id, coalesce(capture_place.path, file.path), unpacked_path, format, size,"
        " coalesce(capture_place.mtime_ns, file.mtime_ns), file.digest, packets, bytes, first_ns, last_ns, linktypes,"
        " truncated, warnings FROM file LEFT JOIN capture_place ON capture_place.digest = file.digest"
        " AND file.unpacked_path IS NULL WHERE ?1 IS NULL OR id = ?1 ORDER BY id",
        (file,),
    )
    found = []
    for number, path, unpacked, *facts, linktypes, truncated, warnings in rows:
        places = (loaded_path(path), None if unpacked is None else loaded_path(unpacked))
        lists = (tuple(json.loads(linktypes)), bool(truncated), tuple(json.loads(warnings)))
        found.append(CaptureRow(*(number, *places, *facts, *lists)))
    return found


def flow(connection: sqlite3.Connection, number: int) -> FlowRow | None:
    """A flow by its id."""
    row = connection.execute(
        "SELECT flow.id, first_ns, last_ns, src, sport, dst, dport, version, proto, server_port, server, app.name,"
        " tier, verdict, severity, facts, packets_o, packets_r, bytes_o, bytes_r, payload_o, payload_r, flags_o,"
        " flags_r, state, notes, context, interface, file, first_packet, last_packet, open,"
        " inside.parent, inside.tunnel, (SELECT snaplen FROM interface WHERE interface.id = flow.interface)"
        " FROM flow LEFT JOIN app ON app.id = flow.app"
        " LEFT JOIN inside ON inside.flow = flow.id WHERE flow.id = ?",
        (number,),
    ).fetchone()
    if row is None:
        return None
    (
        flow_id, first_ns, last_ns, src, sport, dst, dport, version, proto, server_port, server, app, tier, verdict,
        severity, facts, *sizes, state, notes, context, interface, file, first_packet, last_packet, is_open,
        parent, tunnel, snaplen,
    ) = row  # fmt: skip
    payload_o, payload_r = sizes[4:6]
    return FlowRow(*(
        flow_id, first_ns, last_ns, address_text(src, version), sport, address_text(dst, version), dport, version,
        protocol_word(proto), server_port or None, _word(SERVERS, server), app, _word(TIERS, tier),
        _word(PORT_VERDICTS, verdict), None if severity is None else _word(SEVERITIES, severity),
        json.loads(facts) if facts else {}, *sizes, _word(STATES, state), note_words(notes), context, interface, file,
        first_packet, last_packet, bool(is_open), parent, tuple(tunnel.split(BETWEEN_TUNNELS)) if tunnel else (),
        () if app else why_unnamed(notes, payload_o + payload_r, snaplen or 0), owners(connection, flow_id),
    ))  # fmt: skip


def owners(connection: sqlite3.Connection, flow_id: int) -> tuple[OwnerRow, ...]:
    """Processes of a flow's local ends, the originator's first."""
    rows = connection.execute(
        "SELECT side, pid, coalesce(name, ''), coalesce(path, ''), coalesce(user, ''), coalesce(why, '') FROM owner"
        " WHERE flow = ? ORDER BY side",
        (flow_id,),
    )
    return tuple(OwnerRow(*row) for row in rows)


def findings(connection: sqlite3.Connection, where: str, params: Sequence[Any]) -> list[FindingRow]:
    """Findings, the worst first."""
    rows = connection.execute(
        "SELECT finding.id, finding.uid, detector, rule, severity, score, title, summary, expected, src, sport, dst,"
        " dport, version, proto, server_port, app, flow, train, first_ns, last_ns, count, parts, rejected, lowered,"
        " attack_version, verdict.verdict, coalesce(verdict.note, '') FROM finding LEFT JOIN verdict USING (uid)"
        f" WHERE {where} ORDER BY severity DESC, score DESC, finding.id",
        params,
    )
    return [_finding(*row) for row in rows]


def _finding(*row: Any) -> FindingRow:
    (
        number, uid, detector, rule, severity, score, title, summary, expected, src, sport, dst, dport, version, proto,
        server_port, app, flow_id, train, first_ns, last_ns, count, parts, rejected, lowered, attack, verdict, note,
    ) = row  # fmt: skip
    return FindingRow(
        number, uid, detector, rule, _word(SEVERITIES, severity), score, title, summary, expected,
        address_text(src, version), sport, address_text(dst, version), dport, version, protocol_word(proto),
        server_port, app, flow_id, train, first_ns, last_ns, count,
        tuple(ScoreStep(value, bool(factor), reason) for value, factor, reason in json.loads(parts)),
        tuple(json.loads(rejected)), tuple(json.loads(lowered)), attack, verdict, note,
    )  # fmt: skip


def evidence(connection: sqlite3.Connection, finding: int) -> list[EvidenceRow]:
    """Evidence of a finding, in the order in which its detector gave it."""
    rows = connection.execute(
        "SELECT id, finding, file, packet, offset, length, data, says, expected, nullif(train, 0), side FROM evidence"
        " WHERE finding = ? ORDER BY id",
        (finding,),
    )
    return [EvidenceRow(*row) for row in rows]


def techniques(connection: sqlite3.Connection, finding: int) -> list[TechniqueRow]:
    """Techniques of a finding: direct, related, context."""
    rows = connection.execute(
        f"SELECT technique, relation, reason FROM finding_technique WHERE finding = ? ORDER BY {_RELATION}, technique",
        (finding,),
    )
    return [TechniqueRow(*row) for row in rows]


def technique_counts(connection: sqlite3.Connection) -> list[TechniqueCount]:
    """Techniques that findings are tied to, by relation and technique."""
    rows = connection.execute(
        "SELECT technique, relation, count(*), max(severity) FROM finding_technique"
        " JOIN finding ON finding.id = finding_technique.finding"
        f" GROUP BY technique, relation ORDER BY {_RELATION}, technique"
    )
    return [
        TechniqueCount(technique, relation, count, _word(SEVERITIES, worst))
        for technique, relation, count, worst in rows
    ]


def trains(connection: sqlite3.Connection, where: str, params: Sequence[Any], window: str = "") -> list[TrainRow]:
    """Fragment trains by time of their first fragment."""
    rows = connection.execute(
        "SELECT id, version, src, dst, proto, ip_id, sport, dport, flow, first_ns, last_ns, count, complete, total,"
        f" reassembled, ({ANOMALY_WORDS}), at_start, at_end, context, interface, fragments, rest FROM train"
        f" WHERE {where} ORDER BY first_ns, id {window}",
        params,
    )
    return [_train(*row) for row in rows]


def _train(number: int, version: int, src: int | bytes, dst: int | bytes, proto: int, *row: Any) -> TrainRow:
    ip_id, sport, dport, flow_id, first_ns, last_ns, count, complete, total, reassembled, anomalies, *more = row
    at_start, at_end, context, interface, fragments, text = more
    rest = json.loads(text) if text else {"holes": (), "conflicts": ()}
    return TrainRow(
        number, version, address_text(src, version), address_text(dst, version), protocol_word(proto), ip_id, sport,
        dport, flow_id, first_ns, last_ns, count, bool(complete), total, reassembled, tuple((anomalies or "").split()),
        bool(at_start), bool(at_end), tuple((first, last) for first, last in rest["holes"]),
        tuple(FragmentRow(*fields) for fields in FRAGMENT.iter_unpack(fragments)),
        tuple(
            ConflictRow(offset, bytes.fromhex(old), bytes.fromhex(new), old_fragment, new_fragment)
            for offset, old, new, old_fragment, new_fragment in rest["conflicts"]
        ),
        context, interface, bool(rest.get("evicted")),
    )  # fmt: skip


def put_together(train: TrainRow, frame_of: Callable[[int], bytes]) -> bytes:
    """The data of a train up to its first hole; bytes of earlier fragments win (RFC 791, section 3.2).

    frame_of: captured bytes of a packet by its 0-based number in the case.
    """
    end = max((part.offset + part.length for part in train.fragments), default=0)
    data, known = bytearray(end), bytearray(end)
    for part in train.fragments:
        frame = frame_of(part.packet)
        piece = frame[part.frame_offset : part.frame_offset + min(part.length, part.captured)]
        for i, byte in enumerate(piece, part.offset):
            if not known[i]:
                data[i], known[i] = byte, 1
    hole = known.find(0)
    return bytes(data if hole < 0 else data[:hole])


def _word(words: Sequence[str], number: int) -> str:
    return words[number] if 0 <= number < len(words) else ""
