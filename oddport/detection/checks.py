"""What a detector gives → a finding that a case file can hold, with its score; its proof, once it is wanted."""

from oddport.detection import score
from oddport.detection.model import EVIDENCE_BYTES, RELATIONS, Finding


def checked(finding: Finding, name: str) -> Finding:
    """The finding of detector `name`, with score and severity from its parts. Raises for what no case file can hold."""
    if not isinstance(finding, Finding):
        raise TypeError(f"gave {type(finding).__name__} where a Finding belongs")
    if len(finding.src) != 16 or len(finding.dst) != 16:
        raise ValueError(f"the ends of “{finding.title}” have {len(finding.src)} and {len(finding.dst)} bytes, not 16")
    _check_proof(finding)
    finding.detector = name
    finding.score = score.total(finding.parts)
    finding.severity = score.severity(finding.score)
    return finding


def prove(finding: Finding) -> None:
    """Fill in what the finding's `proof` makes. Raises what that raises, and for what no case file can hold."""
    if finding.proof is None:
        return
    made, finding.proof = finding.proof(), None
    finding.mappings, finding.evidence, finding.rejected = made.mappings, made.evidence, made.rejected
    _check_proof(finding)


def _check_proof(finding: Finding) -> None:
    for mapping in finding.mappings:
        if mapping.relation not in RELATIONS:
            words = ", ".join(RELATIONS)
            raise ValueError(f"{mapping.technique} is mapped as “{mapping.relation}”, not as one of {words}")
    for row in finding.evidence:
        if len(row.data) > EVIDENCE_BYTES:
            raise ValueError(f"an evidence row of “{finding.title}” holds {len(row.data)} bytes, over {EVIDENCE_BYTES}")
