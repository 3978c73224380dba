"""The words in which recognisers say what they found: a match of one direction, the name of a flow."""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

import cython  # noqa: TC002 - Cython has to see it

FactValue = str | int | bool | list[str]
Facts = dict[str, FactValue]
Says = str | tuple[object, ...]
"""What bytes are, for a person. Where values are in it: a %-format and the values, ("length %d closes", length), put
together only where somebody looks, since nobody ever sees what most flows would say."""


def said(says: Says) -> str:
    """The text."""
    return says if isinstance(says, str) else str(says[0]) % says[1:]


def fits(data: bytes, places: tuple[tuple[int, bytes], ...]) -> bool:
    """Whether every place, (offset, the bytes that may stand there), is in the data and holds one of its bytes."""
    at: cython.Py_ssize_t
    size: cython.Py_ssize_t = len(data)
    allowed: bytes
    for at, allowed in places:  # noqa: SIM110 - a generator costs more than most matchers
        if at >= size or data[at] not in allowed:
            return False
    return True


class Tier(IntEnum):
    """How sure a name is."""

    NONE = 0
    C = 1  # heuristic
    B = 2  # one direction, by a length or checksum that closes, or by 4 fixed bytes and a check random tails fail
    A = 3  # both directions parse as the protocol


class PortVerdict(IntEnum):
    """Whether a server port fits what is spoken on it."""

    NOTHING = 0  # nothing to judge
    STANDARD = 1
    ALTERNATE = 2  # in wide use for this protocol
    DYNAMIC = 3  # no fixed ports, and the port is not well known for another service
    UNRECOGNISED = 4  # payload on a well-known port, name unknown
    MISMATCH = 5


NO_HANDSHAKE = 1
"""TLS records follow no handshake, though the connection was seen from its start."""
NOT_OFFERED = 2
"""The server took a cipher suite that the client had not offered."""
DISAGREE = 4
"""The two directions prove different protocols."""
INSIDE = 8
"""The ends agreed to go on with another protocol …"""
BROKEN_PROMISE = 16
"""… and what follows is not the one that they agreed on."""
MINES = 32
"""Work is fetched for a miner."""
# bits of Identification.signs: what a recogniser noticed that a detector may want to look at


class Span(NamedTuple):
    """Bytes that prove a name."""

    side: int
    """0 = originator's bytes, 1 = responder's."""
    offset: int
    """In that side's bytes (Head.orig, Head.resp; for datagrams, in their concatenation)."""
    length: int
    says: str
    """What these bytes are, for a person: "TLS ClientHello", "record length 512 closes on the next record"."""


class Inner(NamedTuple):
    """A protocol that is spoken inside another one from some byte on."""

    app: str
    packet: int
    """1-based number in its file of the packet in which it begins, 0 = not known."""
    offset: int
    """Of its first byte, in the captured frame."""


class SideMatch:
    """One direction parses as one role of a protocol."""

    __slots__ = ("bits", "facts", "more", "spans", "strong")

    def __init__(
        self,
        strong: bool,
        spans: tuple[tuple[int, int, Says], ...] = (),
        facts: Facts | None = None,
        more: bool = False,
        bits: int = 0,
    ) -> None:
        self.strong = strong
        """Enough for tier B by itself: see Tier.B. Otherwise it counts only together with the other direction."""
        self.spans = spans
        """(offset, length, says)"""
        self.facts: Facts = {} if facts is None else facts
        self.more = more
        """The name stands, but facts may still come with more bytes."""
        self.bits = bits or (32 if strong else 8)
        """Bits that the grammar forced and that were checked (registry.py)."""


Proof = tuple[int, int, SideMatch]
"""(side, bytes of that side before the datagram that matched, its match)"""


class Identification:
    """The name of a flow, and why."""

    __slots__ = (
        "_later", "_proof", "_spans", "app", "client_app", "facts", "final", "inner", "server", "server_app", "signs",
        "tier",
    )  # fmt: skip

    def __init__(
        self,
        app: str | None = None,
        tier: Tier = Tier.NONE,
        server: int | None = None,
        spans: tuple[Span, ...] = (),
        facts: Facts | None = None,
        final: bool = False,
        proof: tuple[Proof, ...] = (),
    ) -> None:
        self.app = app
        self.tier = tier
        self.server = server
        """Which side spoke the server's grammar: 0 originator, 1 responder, None = the grammar does not tell."""
        self.facts: Facts = {} if facts is None else facts
        self.final = final
        """Tier A and all facts are there: more bytes would change nothing."""
        self.client_app: str | None = None
        """Set where the two directions parse as different protocols: what the client side parses as …"""
        self.server_app: str | None = None
        """… and the server side."""
        self.inner: tuple[Inner, ...] = ()
        """What the ends went on with, each inside the one before: TLS after STARTTLS."""
        self.signs = 0
        """Bits: NO_HANDSHAKE, NOT_OFFERED …"""
        self._spans = spans
        self._proof = proof
        self._later: Callable[[], tuple[Span, ...]] | None = None

    def prove_later(self, spans: Callable[[], tuple[Span, ...]]) -> None:
        """Let `spans` be asked for them the first time that somebody wants them."""
        self._later = spans

    @property
    def spans(self) -> tuple[Span, ...]:
        """The bytes that prove the name; none where the first bytes are gone, as of most flows that fit their port."""
        if self._later is not None:
            self._spans, self._later = self._later(), None
        if self._proof:
            self._spans = tuple(
                [
                    Span(side, before + at, length, said(says))
                    for side, before, match in self._proof
                    for at, length, says in match.spans
                ]
            )
            self._proof = ()
        return self._spans

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identification) and _fields(self) == _fields(other)


def _fields(one: Identification) -> tuple[object, ...]:
    return (
        one.app, one.tier, one.server, one.spans, one.facts, one.final, one.client_app, one.server_app, one.inner,
        one.signs,
    )  # fmt: skip
