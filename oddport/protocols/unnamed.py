"""What was seen of a flow without a name → why it may have none."""

from collections.abc import Mapping

from oddport.engine.columns import (
    NOTE_CUT,
    NOTE_EARLY,
    NOTE_GAP_O,
    NOTE_GAP_R,
    NOTE_MIDSTREAM,
    NOTE_ONE_SIDED,
)

REASONS: Mapping[int, str] = {
    NOTE_ONE_SIDED: "one-sided",
    NOTE_MIDSTREAM: "starts mid-stream",
    NOTE_CUT: "cut",
    NOTE_GAP_O | NOTE_GAP_R: "lost segments",
    NOTE_EARLY: "memory ran short",
}
"""By the NOTE_* bits of which any holds."""
NO_LIMIT = 65_535
"""Bytes of a packet from which a snap length cuts nothing: what was cut was cut by something else, later."""


def why_unnamed(notes: int, payload: int, snaplen: int) -> tuple[str, ...]:
    """Reasons, of a flow with `payload` bytes from an interface with a snap length of `snaplen` (0 = none)."""
    if not payload:
        return ("no payload",)
    found = [words for bits, words in REASONS.items() if notes & bits]
    if notes & NOTE_CUT and 0 < snaplen < NO_LIMIT:
        found[found.index(REASONS[NOTE_CUT])] = f"cut at {snaplen} bytes"
    return tuple(found) or ("not recognised",)
