"""The published rules of reassembly, one byte at a time, to hold the real thing against.

Novak, Target-Based Fragmentation Reassembly (2005), words each rule by which fragment it favours, the original one or
the subsequent one; so does this. Nothing here knows of runs, arrays or masks.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A fragment."""

    offset: int
    data: bytes
    more: bool

    @property
    def end(self) -> int:
        """First byte behind it."""
        return self.offset + len(self.data)


def favours_original(policy: str, original: Part, subsequent: Part) -> bool:
    """Whether a byte that both have stays as it is."""
    if policy == "first":
        return True
    if policy == "last":
        return False
    if policy == "bsd":
        return original.offset <= subsequent.offset
    if policy == "bsd-right":
        return not original.offset <= subsequent.offset
    if policy == "linux-2.x":
        return original.offset < subsequent.offset
    begins_before = subsequent.offset < original.offset
    if policy == "windows":
        return not (begins_before and subsequent.end > original.end)
    if policy == "solaris":
        return not (begins_before and subsequent.end >= original.end)
    raise ValueError(policy)


def overlaps(parts: Sequence[Part]) -> bool:
    """Whether a byte comes twice, other than by a fragment that repeats another one exactly."""
    seen: set[int] = set()
    kept: list[Part] = []
    for part in parts:
        again = seen & set(range(part.offset, part.end))
        same = any(old.offset == part.offset and old.data == part.data for old in kept)
        if again and not same:
            return True
        seen |= set(range(part.offset, part.end))
        kept.append(part)
    return False


def reassembled(parts: Sequence[Part], policy: str) -> bytes | None:
    """The datagram up to its first hole or its end; None where it is dropped."""
    if policy == "drop":
        return None if overlaps(parts) else reassembled(parts, "first")
    owner: dict[int, Part] = {}
    for part in parts:
        for at in range(part.offset, part.end):
            if at not in owner or not favours_original(policy, owner[at], part):
                owner[at] = part
    end = None
    for part in parts:
        if not part.more and end is None:
            end = part.end
    found = bytearray()
    while len(found) in owner and len(found) != end:
        part = owner[len(found)]
        found.append(part.data[len(found) - part.offset])
    return bytes(found)
