"""A flow without a name on a well-known port → proof that the port's protocol is absent, or why that cannot be said."""

import numpy as np
from numpy.typing import NDArray

from detectors.port_mismatch import rules
from detectors.port_mismatch.doubt import doubt
from oddport.detection.model import FlowBatch
from oddport.detection.subject import Subject
from oddport.detection.whole import sift
from oddport.detection.words import app_title, port_text
from oddport.engine.heads import Head
from oddport.protocols.ports import expected

Ints = NDArray[np.int64]


class Absence:
    """PPM-03."""

    def __init__(self, ports: frozenset[int], payload: int, packets: int) -> None:
        """`ports` where absence weighs most, payload bytes of each side and payload packets that it takes at least."""
        self._watched = ports
        self._payload = payload
        self._packets = packets

    def sift(self, batch: FlowBatch, rows: Ints) -> tuple[Ints, dict[str, int]]:
        """Of these rows, those that have to be looked at, and how many are left out for which reason."""
        rows, counts = sift(batch, rows, "no name, and ")
        flows = batch.flows[rows]
        short = np.minimum(flows["payload_o"], flows["payload_r"]) < self._payload
        if short.any():
            counts[f"no name, and fewer than {self._payload} bytes from one side"] = int(short.sum())
        return rows[~short], counts

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
        base = rules.ABSENT if subject.port in self._watched else rules.ABSENT_ELSEWHERE
        return rules.Verdict(
            "PPM-03", base, f"{app_title(owner)} is absent from its port, and nothing else was recognised",
            f"No {app_title(owner)} on {where}: unknown bytes",
            f"no protocol that belongs to {where}", owner, text,
            f"Neither direction of {where} parses as {app_title(owner)}, and no other protocol was recognised.",
        )  # fmt: skip


def payload_packets(head: Head) -> int:
    """Packets that the first bytes of both sides came in."""
    return len({(piece.file, piece.number) for piece in (*head.orig_pieces, *head.resp_pieces)})
