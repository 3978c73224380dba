"""Tables of what is fixed in a binary message → matchers, with their first bytes, their bits and why they refuse.

A protocol whose messages are told by fixed bytes, ranges and lengths that close needs no code, only a table. RADIUS
(RFC 2865, section 3) is a code, an identifier, the length of the datagram, and 16 bytes of authenticator:

    REQUEST = side(message("RADIUS request", one_of(0, b"\\x01\\x04\\x0c"), whole(2, 2), least=20, check=attributes))
    ANSWER = side(message("RADIUS answer", one_of(0, b"\\x02\\x03\\x05\\x0b"), whole(2, 2), least=20, check=attributes))
    GRAMMAR = grammar((UDP,), REQUEST, ANSWER, pair=same(1, 1))

The table says what is checked, so it also says what a match is worth: `one_of` with three values 6.4 bits, the length
16, and whatever `check` (a function: attributes that end where the datagram ends) returns. `same(1, 1)` asks that one
byte at offset 1, the identifier, is the same in both directions. The reason for refusing comes from the same table:
"length at byte 2 says 40, the datagram has 44 bytes".

Rules (offsets and widths in bytes, numbers big-endian unless `little`):

    fixed(at, literal)               bytes as they are written
    masked(at, mask, value)          one byte, under a mask
    one_of(at, allowed)              one byte of a set
    number(at, width, low, high)     a number from low to high, both included
    whole(at, width, plus)           number + plus is the size of the datagram
    within(at, width, plus)          number + plus lies in the datagram
    records(at, width, plus, …)      a stream: number + plus is the size of the message; the next one begins behind it

A side is several messages (or phrases: phrases.py) of which one must fit; where more do, the one with the most bits
counts. A match is strong (registry.py) where the table and the check force STRONG_BITS, at least STRONG_MARGIN of them
behind the first four bytes; a length that closes counts among these wherever it stands; `alone=False` makes it weak: a
length in front of anything is not one protocol's. A stream may be cut anywhere: its length closes where
the messages fill the data exactly; each further message that begins as `each` says counts, too.
"""

from collections.abc import Callable
from math import log2
from typing import Literal, NamedTuple, Protocol, TypedDict, Unpack

import cython

from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import ANY, CLIENT, Grammar, Pair, Places, Series, byte_set_text
from oddport.protocols.registry import least as at_least

STRONG_BITS = 32
"""Bits that one direction must force to prove a protocol: one random message in 4 billion has them."""
STRONG_MARGIN = 14
"""Bits that random bytes behind four given ones must guess: 1 in 16,384, less than 1 in 10,000."""
RECORDS = 16
"""Messages of a stream that are walked over."""
WIDEST = 6
"""Bytes of the widest number: signed 64 bits hold it."""
UNLIMITED = 1 << 8 * WIDEST

Check = Callable[[bytes], int]
"""What no table tells: the bits that it confirmed, all behind the first four bytes; -1 refuses the message."""


class Byte(NamedTuple):
    """One byte that must be one of some values."""

    at: int
    allowed: bytes
    among: bytes
    """256 bytes: 1 where the value is allowed."""


class Number(NamedTuple):
    """Bytes that are a number in a range."""

    at: int
    width: int
    low: int
    high: int
    little: bool


class Length(NamedTuple):
    """Bytes that are a length; value * unit + plus is what it measures."""

    at: int
    width: int
    plus: int
    unit: int
    little: bool
    closes: Literal["whole", "within", "records"]
    limit: int
    """Longest message of a stream, in bytes."""
    each: "Rules"
    """How every further message of a stream begins."""


Rules = tuple[Byte | Number | Length, ...]


def one_of(at: int, allowed: bytes) -> Rules:
    """The byte `at` is one of `allowed`."""
    return (Byte(at, allowed, bytes(value in allowed for value in range(256))),)


def fixed(at: int, literal: bytes) -> Rules:
    """The bytes from `at` on are `literal`."""
    return tuple(one_of(at + index, bytes((value,)))[0] for index, value in enumerate(literal))


def masked(at: int, mask: int, value: int) -> Rules:
    """The byte `at`, under `mask`, is `value`."""
    return one_of(at, bytes(byte for byte in range(256) if byte & mask == value))


def number(at: int, width: int, low: int, high: int, *, little: bool = False) -> Rules:
    """The `width` bytes from `at` on are a number from `low` to `high`."""
    return (Number(at, width, low, high, little),)


def whole(at: int, width: int, plus: int = 0, *, unit: int = 1, little: bool = False) -> Rules:
    """The number (times `unit`) and `plus` are the size of the datagram."""
    return (Length(at, width, plus, unit, little, "whole", UNLIMITED, ()),)


def within(at: int, width: int, plus: int = 0, *, unit: int = 1, little: bool = False) -> Rules:
    """The number (times `unit`) and `plus` are no more than the size of the datagram."""
    return (Length(at, width, plus, unit, little, "within", UNLIMITED, ()),)


def records(
    at: int,
    width: int,
    plus: int = 0,
    *,
    unit: int = 1,
    little: bool = False,
    limit: int = UNLIMITED,
    each: tuple[Rules, ...] = (),
) -> Rules:
    """The number (times `unit`) and `plus` are the size of a stream's message, at most `limit`; where the data go on
    behind it, another one follows that begins as the rules `each` say and has its length at the same place."""
    return (Length(at, width, plus, unit, little, "records", limit, _flat(each)),)


def _flat(rules: tuple[Rules, ...]) -> Rules:
    return tuple(rule for some in rules for rule in some)


def _end(rule: Byte | Number | Length) -> int:
    return rule.at + (1 if isinstance(rule, Byte) else rule.width)


def _bits(rule: Byte | Number | Length) -> float:
    """What the rule forces by itself; a length that may be anything up to its limit forces only that."""
    if isinstance(rule, Byte):
        return 8 - log2(len(set(rule.allowed)))
    if isinstance(rule, Number):
        return 8 * rule.width - log2(rule.high - rule.low + 1)
    return max(0.0, 8 * rule.width - log2(rule.limit))


def _value(data: bytes, at: cython.Py_ssize_t, width: cython.Py_ssize_t, little: cython.bint) -> int:
    """The number of `width` bytes at `at`, which are there."""
    value: cython.longlong = 0
    index: cython.Py_ssize_t
    for index in range(width):
        value = value << 8 | data[at + (width - 1 - index if little else index)]
    read: int = value
    return read


def _wrong(rules: Rules, data: bytes, start: int) -> tuple[int, str]:
    """(offset, reason) of what first breaks a rule of a message at `start`; (-1, "") if nothing does."""
    for rule in rules:
        at = start + rule.at
        if isinstance(rule, Byte):
            if at < len(data) and not rule.among[data[at]]:
                return at, f"byte {at} is 0x{data[at]:02x}, expected {byte_set_text(rule.allowed)}"
        elif isinstance(rule, Number) and at + rule.width <= len(data):
            value = _value(data, at, rule.width, rule.little)
            if not rule.low <= value <= rule.high:
                return at, f"number at byte {at} is {value}, expected {rule.low} to {rule.high}"
    return -1, ""


def _place(rule: Byte | Number) -> tuple[int, bytes]:
    """The byte that the rule restricts most, and what it may be."""
    if isinstance(rule, Byte):
        return rule.at, rule.allowed
    shift = 8 * (rule.width - 1)
    highest = range(rule.low >> shift, (rule.high >> shift) + 1)
    return rule.at + (rule.width - 1 if rule.little else 0), bytes(highest)


class Message:
    """One kind of message: what is fixed in it. Made by `message`."""

    __slots__ = (
        "_alone", "_bytes", "_check", "_facts", "_header", "_length", "_most", "_numbers", "_worth",
        "bits", "first", "least", "margin", "places", "rules", "says", "spans",
    )  # fmt: skip

    def __init__(
        self,
        says: str,
        rules: Rules,
        sizes: tuple[int, int],
        check: Check | None,
        facts: Callable[[bytes], Facts] | None,
        alone: bool,
    ) -> None:
        lengths = [rule for rule in rules if isinstance(rule, Length)]
        if len(lengths) > 1 or any(not isinstance(r, Byte) and not 1 <= r.width <= WIDEST for r in rules):
            raise ValueError(f"{says}: a message has at most one length, and numbers of 1 to {WIDEST} bytes")
        self.says = says
        self.rules = rules
        self.least = max(sizes[0], *(_end(rule) for rule in rules))
        self.places = dict(_place(rule) for rule in rules if not isinstance(rule, Length))
        self.first = next((rule.allowed for rule in rules if isinstance(rule, Byte) and rule.at == 0), ANY)
        self.bits = sum(_bits(rule) for rule in rules)
        self.margin = sum(_bits(rule) for rule in rules if rule.at >= 4)
        self._bytes = tuple((rule.at, rule.among) for rule in rules if isinstance(rule, Byte))
        self._numbers = tuple(rule for rule in rules if isinstance(rule, Number))
        self._length = lengths[0] if lengths else None
        each = self._length.each if self._length is not None else ()
        self._header = max((_end(rule) for rule in (*each, *lengths)), default=0)
        self._worth = sum(_bits(rule) for rule in each)
        self._most = sizes[1]
        self._check = check
        self._facts = facts
        self._alone = alone
        begin = (0, max((_end(rule) for rule in rules if isinstance(rule, Byte)), default=self.least), says)
        self.spans: tuple[tuple[int, int, str], ...] = (begin,)
        if self._length is not None:
            self.spans += ((self._length.at, self._length.width, "the length that it has"),)

    def match(self, data: bytes) -> SideMatch | None:
        """The match of data that begin with this message."""
        at: cython.Py_ssize_t
        among: bytes
        if not self.least <= len(data) <= self._most:
            return None
        for at, among in self._bytes:
            if not among[data[at]]:
                return None
        for rule in self._numbers:
            if not rule.low <= _value(data, rule.at, rule.width, rule.little) <= rule.high:
                return None
        more = 0.0
        if self._length is not None:
            more = self._closing(data, self._length)
            if more < 0:
                return None
        if self._check is not None:
            confirmed = self._check(data)
            if confirmed < 0:
                return None
            more += confirmed
        bits = self.bits + more
        strong = self._alone and bits >= STRONG_BITS and self.margin + more >= STRONG_MARGIN
        return SideMatch(strong, self.spans, {} if self._facts is None else self._facts(data), False, int(bits))

    def _closing(self, data: bytes, length: Length) -> float:
        """Bits by which the length, or those of a stream's messages, are confirmed; -1 where they cannot be right."""
        size = len(data)
        total = _value(data, length.at, length.width, length.little) * length.unit + length.plus
        if total < self.least:
            return -1
        if length.closes == "whole":
            return 8 * length.width if total == size else -1
        if length.closes == "within":
            return max(0, 8 * length.width - size.bit_length()) if total <= size else -1
        bits = 0.0
        start = 0
        header = self._header
        for _ in range(RECORDS):
            if total < header or total > length.limit:
                return -1
            start += total
            if start >= size:
                break
            if _wrong(length.each, data, start)[1]:
                return -1
            if start + header > size:
                break
            bits += self._worth
            total = _value(data, start + length.at, length.width, length.little) * length.unit + length.plus
        return bits + (8 * length.width - _bits(length) if start == size else 0)

    def refuses(self, data: bytes) -> tuple[int, str]:
        """(offset, reason) by which the table refuses the data; (-1, "") where they fit, or are cut."""
        at, why = _wrong(self.rules, data, 0)
        if why:
            return at, why
        size = len(data)
        if size > self._most:
            return self._most, f"message has {size} bytes, expected at most {self._most}"
        length = self._length
        if length is None:
            return -1, ""
        if length.closes != "records" and size < self.least:
            return size, f"datagram has {size} bytes, expected at least {self.least}"
        if size < _end(length):
            return -1, ""
        total = _value(data, length.at, length.width, length.little) * length.unit + length.plus
        says = f"length at byte {length.at} says {total}"
        if total < self.least:
            return length.at, f"{says}, expected at least {self.least}"
        if total > length.limit:
            return length.at, f"{says}, expected at most {length.limit}"
        if (length.closes == "whole" and total != size) or (length.closes == "within" and total > size):
            return length.at, f"{says}, the datagram has {size} bytes"
        return (-1, "") if length.closes != "records" else _wrong(length.each, data, total)


def message(
    says: str,
    *rules: Rules,
    least: int = 0,
    most: int = UNLIMITED,
    check: Check | None = None,
    facts: Callable[[bytes], Facts] | None = None,
    alone: bool = True,
) -> Message:
    """A message by its rules, in the order in which they are tried; `says` is its name for a person.

    least: smallest size in bytes, if the rules do not tell; most: largest size (of a datagram, or of all that a stream
    says first). check: see Check; it is asked last, with at least `least` bytes. facts: what an analyst would ask, of
    a match only. alone: whether it may prove the protocol by itself. Raises ValueError where the rules contradict
    what a message is.
    """
    return Message(says, _flat(rules), (least, most), check, facts, alone)


class Part(Protocol):
    """What a side is made of: a message, or a phrase."""

    @property
    def says(self) -> str:
        """Its name for a person."""

    @property
    def first(self) -> bytes:
        """Its possible first bytes."""

    @property
    def least(self) -> int:
        """Its smallest size in bytes."""

    @property
    def places(self) -> dict[int, bytes]:
        """Offset → the bytes that may stand there, for places that are checked."""

    def match(self, data: bytes) -> SideMatch | None:
        """The match of data that begin with it."""

    def refuses(self, data: bytes) -> tuple[int, str]:
        """(offset, reason) by which it refuses the data; (-1, "") where they may fit."""


def _shared(parts: tuple[Part, ...]) -> Places:
    """What all parts ask for behind the first byte: their least size, and the bytes that each of them restricts."""
    common = sorted(set.intersection(*(set(one.places) for one in parts)) - {0})
    places = ((at, bytes(sorted(set(b"".join(one.places[at] for one in parts))))) for at in common)
    return at_least(min(one.least for one in parts)), *places


class Side:
    """What one role sends first: one of some messages or phrases. Made by `side`."""

    __slots__ = ("_by_first", "first", "parts", "places")

    def __init__(self, parts: tuple[Part, ...]) -> None:
        self.parts = parts
        self.first = bytes(sorted({value for one in parts for value in one.first}))
        self.places = _shared(parts)
        self._by_first = tuple(tuple(one for one in parts if value in one.first) for value in range(256))

    def match(self, data: bytes) -> SideMatch | None:
        """The best match among the parts; a matcher (registry.py)."""
        best: SideMatch | None = None
        for one in self._by_first[data[0]]:
            found = one.match(data)
            if found is not None and (best is None or (found.strong, found.bits) > (best.strong, best.bits)):
                best = found
        return best

    def reject(self, data: bytes) -> str:
        """Why the data are none of the parts, by the one that fits farthest; "" where one may fit."""
        reasons = [one.refuses(data) for one in self.parts]
        return max(reasons)[1] if all(why for _, why in reasons) else ""


def side(*parts: Part) -> Side:
    """What one role sends first: one of these messages or phrases."""
    return Side(parts)


def same(width: int, asked: int, answered: int | None = None) -> Pair:
    """Whether `width` bytes at `asked` of the client's data are those at `answered` (or `asked`) of the server's."""
    there = asked if answered is None else answered

    def pair(client: bytes, server: bytes) -> bool:
        return client[asked : asked + width] == server[there : there + width]

    return pair


class Options(TypedDict, total=False):
    """What else a grammar may say (registry.Grammar)."""

    pair: Pair
    symmetric: bool
    tells_server: bool
    series: Series
    fallback: bool


def grammar(
    transports: tuple[int, ...], client: Side | None, server: Side | None, **options: Unpack[Options]
) -> Grammar:
    """The grammar of two sides, with their first bytes and reasons; None: that side cannot be told."""

    def reject(data: bytes, role: int) -> str:
        asked = client if role == CLIENT else server
        return "" if asked is None else asked.reject(data)

    return Grammar(
        transports,
        client.match if client is not None else None,
        server.match if server is not None else None,
        client.first if client is not None else b"",
        server.first if server is not None else b"",
        reject=reject,
        client_at=client.places if client is not None else (),
        server_at=server.places if server is not None else (),
        **options,
    )
