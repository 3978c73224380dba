"""A flow without a name on a well-known port → proof that the port's protocol is absent, or why that cannot be said."""

from detectors.port_mismatch import rules
from detectors.port_mismatch.doubt import doubt
from detectors.port_mismatch.subject import Subject
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
        self._ports = ports
        self._payload = payload
        self._packets = packets

    def judge(self, subject: Subject) -> rules.Verdict | str:
        """The verdict, or the reason why there is none."""
        if subject.port not in self._ports:
            return "no name, on a port where that is not unusual"
        for note, reason in _NOTES:
            if subject.notes & note:
                return f"no name, and {reason}"
        if subject.proto == TCP and subject.notes & NOTE_MIDSTREAM:
            return "no name, and its beginning is not in the capture"
        if min(subject.sent) < self._payload:
            return f"no name, and fewer than {self._payload} bytes from one side"
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
