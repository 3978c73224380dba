"""Tables of patterns → matchers of protocols whose first words tell them (parts of a side: shapes.py).

    phrase("RTSP request", rb"DESCRIBE (?P<uri>rtsp://[^ ]+) RTSP/1\\.0\\r\\n", 208, begins=(b"DESCRIBE ",))

`begins` are the literal words that data may begin with: they give the first bytes and the reasons for refusing, and
without one of them the pattern is not tried. `bits` say what the pattern forces (registry.py): 8 for each literal
byte, 1.4 for a printable one, the fewest that any match has. Named groups are facts.
"""

import re

from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.text import clean


class Phrase:
    """One thing that a side may say first. Made by `phrase`."""

    __slots__ = ("_begins", "_bits", "_pattern", "_strong", "first", "least", "places", "says")

    def __init__(self, says: str, pattern: bytes, bits: int, begins: tuple[bytes, ...], strong: bool) -> None:
        self.says = says
        self._pattern = re.compile(pattern, re.DOTALL)
        self._bits = bits
        self._begins = begins
        self._strong = strong
        self.first = bytes(sorted({word[0] for word in begins}))
        self.least = min(len(word) for word in begins)
        self.places = {at: bytes({word[at] for word in begins}) for at in range(self.least)}

    def match(self, data: bytes) -> SideMatch | None:
        """The match of data that begin with the pattern."""
        if not data.startswith(self._begins):
            return None
        found = self._pattern.match(data)
        if found is None:
            return None
        facts: Facts = {name: clean(value) for name, value in found.groupdict().items() if value is not None}
        return SideMatch(self._strong, ((0, found.end(), self.says),), facts, False, self._bits)

    def refuses(self, data: bytes) -> tuple[int, str]:
        """(offset, reason) by which no word fits; (-1, "") where one does, or is cut."""
        best = -1
        for word in self._begins:
            same = 0
            while same < min(len(word), len(data)) and word[same] == data[same]:
                same += 1
            if same in (len(word), len(data)):
                return -1, ""
            best = max(best, same)
        return best, f"byte {best} is 0x{data[best]:02x}, {self.says} does not go on like that"


def phrase(says: str, pattern: bytes, bits: int, *, begins: tuple[bytes, ...], strong: bool = True) -> Phrase:
    """What `pattern` (from the first byte on; "." is any byte) matches; `says` is its name for a person.

    strong: whether it proves the protocol by itself (registry.py). The pattern must not need long to fail on any data.
    """
    return Phrase(says, pattern, bits, begins, strong)
