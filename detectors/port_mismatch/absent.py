"""A flow without a name on a well-known port → proof that the port's protocol is absent, or why that cannot be said."""

import numpy as np
from numpy.typing import NDArray

from detectors.port_mismatch import rules
from detectors.port_mismatch.doubt import doubt
from detectors.port_mismatch.subject import Subject
from oddport.detection.model import FlowBatch
from oddport.detection.words import app_title, port_text
from oddport.engine.columns import (
    NOTE_CUT,
    NOTE_EARLY,
    NOTE_GAP_O,
    NOTE_GAP_R,
    NOTE_MIDSTREAM,
    NOTE_ONE_SIDED,
    TCP,
)
from oddport.engine.heads import Head
from oddport.protocols.ports import expected

Ints = NDArray[np.int64]

_NOTES = (
    (NOTE_ONE_SIDED, "only one direction was captured"),
    (NOTE_CUT, "its packets were captured in part"),
    (NOTE_GAP_O | NOTE_GAP_R, "its first bytes have a hole"),
    (NOTE_EARLY, "memory ran short before enough bytes were seen"),
)


class Absence:
    """PPM-03."""

    def __init__(self, ports: frozenset[int], payload: int, packets: int) -> None:
        """`ports` where absence counts, payload bytes of each side and payload packets that it takes at least."""
        self._watched = np.zeros(65_536, bool)
        self._watched[[port for port in ports if 0 < port < 65_536]] = True
        self._payload = payload
        self._packets = packets

    def sift(self, batch: FlowBatch, rows: Ints) -> tuple[Ints, dict[str, int]]:
        """Of these rows, those that have to be looked at, and how many are left out for which reason."""
        counts: dict[str, int] = {}
        flows = batch.flows
        notes, tcp = flows["notes"], flows["proto"] == TCP
        steps = [(~self._watched[batch.server_port], "no name, on a port where that is not unusual")]
        steps += [((notes & note) != 0, f"no name, and {reason}") for note, reason in _NOTES]
        steps.append((tcp & ((notes & NOTE_MIDSTREAM) != 0), "no name, and its beginning is not in the capture"))
        short = np.minimum(flows["payload_o"], flows["payload_r"]) < self._payload
        steps.append((short, f"no name, and fewer than {self._payload} bytes from one side"))
        for out, reason in steps:
            dropped = out[rows]
            if dropped.any():
                counts[reason] = int(dropped.sum())
                rows = rows[~dropped]
        return rows, counts

    def judge(self, subject: Subject) -> rules.Verdict | str:
        """The verdict on a row that was not left out, or the reason why there is none."""
        if subject.head is None:
            return "no name, and its first bytes were not kept"
        if payload_packets(subject.head) < self._packets:
            return f"no name, and fewer than {self._packets} packets with payload"
        owner, text = expected(subject.proto, subject.port)
        if owner is None:
            return "no name, and the port promises no protocol over this transport"
        why = doubt(subject, owner)
        if why is not None:
            return f"no name, but {why}"
        where = port_text(subject.port, subject.transport)
        return rules.Verdict(
            "PPM-03", rules.ABSENT, f"{app_title(owner)} is absent from its port, and nothing else was recognised",
            f"No {app_title(owner)} on {where}: unknown bytes",
            f"no protocol that belongs to {where}", owner, text,
            f"Neither direction of {where} parses as {app_title(owner)}, and no other protocol was recognised.",
        )  # fmt: skip


def payload_packets(head: Head) -> int:
    """Packets that the first bytes of both sides came in."""
    return len({(piece.file, piece.number) for piece in (*head.orig_pieces, *head.resp_pieces)})
