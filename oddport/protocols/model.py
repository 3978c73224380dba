"""The words in which recognisers say what they found: a match of one direction, the name of a flow."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

FactValue = str | int | bool | list[str]
Facts = dict[str, FactValue]


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


class Span(NamedTuple):
    """Bytes that prove a name. (A named tuple: two of them are made for nearly every flow.)"""

    side: int
    """0 = originator's bytes, 1 = responder's."""
    offset: int
    """In that side's bytes (Head.orig, Head.resp; for datagrams, in their concatenation)."""
    length: int
    says: str
    """What these bytes are, for a person: "TLS ClientHello", "record length 512 closes on the next record"."""


@dataclass(slots=True)
class SideMatch:
    """One direction parses as one role of a protocol."""

    strong: bool
    """Enough for tier B by itself: see Tier.B. Otherwise it counts only together with the other direction."""
    spans: tuple[tuple[int, int, str], ...] = ()
    """(offset, length, says)"""
    facts: Facts = field(default_factory=dict)
    more: bool = False
    """The name stands, but facts may still come with more bytes."""
    bits: int = 0
    """Bits that the grammar forced and that were checked (registry.py); 0 means 32 if strong, else 8."""


@dataclass(slots=True)
class Identification:
    """The name of a flow, and why."""

    app: str | None = None
    tier: Tier = Tier.NONE
    server: int | None = None
    """Which side spoke the server's grammar: 0 originator, 1 responder, None = the grammar does not tell."""
    spans: tuple[Span, ...] = ()
    facts: Facts = field(default_factory=dict)
    final: bool = False
    """Tier A and all facts are there: more bytes would change nothing."""
    client_app: str | None = None
    """Set where the two directions parse as different protocols: what the client side parses as …"""
    server_app: str | None = None
    """… and the server side."""
