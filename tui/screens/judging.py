"""A finding as the case reads it → the finding as the dialog of verdicts knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oddport.case.words import PROTOCOLS, SEVERITIES
from tui.data.findings import FindingLine

if TYPE_CHECKING:
    from oddport.case.model import FindingRow

_NUMBERS = {word: number for number, word in PROTOCOLS.items()}


def as_line(finding: FindingRow) -> FindingLine:
    """The same finding, by the numbers that lists use."""
    number = _NUMBERS.get(finding.proto)
    return FindingLine(
        id=finding.id, uid=finding.uid, detector=finding.detector, rule=finding.rule,
        severity=SEVERITIES.index(finding.severity), score=finding.score, title=finding.title, src=finding.src,
        dst=finding.dst, proto=int(finding.proto.removeprefix("ip-")) if number is None else number,
        sport=finding.sport, dport=finding.dport, server_port=finding.server_port, app=finding.app,
        expected=finding.expected, flow=finding.flow, train=finding.train, first_ns=finding.first_ns,
        last_ns=finding.last_ns, count=finding.count, verdict=finding.verdict or "", note=finding.note,
        techniques=(), name="",
    )  # fmt: skip
