"""Score parts → score and severity; the steps that more than one detector takes."""

from collections.abc import Iterable
from math import floor, isfinite

from oddport.detection.model import ScorePart, Severity
from oddport.protocols.model import Tier

LOWEST, HIGHEST = 0, 100
BOUNDS: tuple[tuple[int, Severity], ...] = (
    (25, Severity.INFO),
    (45, Severity.LOW),
    (65, Severity.MEDIUM),
    (85, Severity.HIGH),
)
"""A score below the number has the severity beside it; from the last number on it is critical."""

TIER_FACTOR: dict[Tier, float] = {Tier.A: 1.0, Tier.B: 0.8, Tier.C: 0.5, Tier.NONE: 1.0}
"""How much a name weighs by how sure it is. Where there is no name, the absence itself is what was proved."""


def base(value: float, reason: str) -> ScorePart:
    """The first part: what the rule alone is worth."""
    return ScorePart(value, False, reason)


def add(value: float, reason: str) -> ScorePart:
    """A step up (or, negative, down) by `value`."""
    return ScorePart(value, False, reason)


def times(value: float, reason: str) -> ScorePart:
    """A multiplication of the score so far."""
    return ScorePart(value, True, reason)


def total(parts: Iterable[ScorePart]) -> int:
    """The score of the parts taken in order, 0 to 100, rounded half up.

    Raises ValueError for a part that is not a finite number.
    """
    score = 0.0
    for part in parts:
        if not isfinite(part.value):
            raise ValueError(f"the score part “{part.reason}” is {part.value}, not a number")
        score = score * part.value if part.factor else score + part.value
    return min(HIGHEST, max(LOWEST, floor(min(max(score, -1e9), 1e9) + 0.5)))


def severity(score: int) -> Severity:
    """The severity whose bounds hold `score`."""
    for bound, word in BOUNDS:
        if score < bound:
            return word
    return Severity.CRITICAL
