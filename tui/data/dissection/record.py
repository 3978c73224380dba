"""Scapy's reading of a packet → where in the buffer each of its fields was read.

Scapy keeps the value of a field, not its place. While a recorder is active, every `getfield` of every field class is
wrapped: how much of the buffer was left before and after tells the place to the bit, for conditional, variable and
nested fields alike, without reading anything a second time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

CALL_LIMIT = 150_000
"""Fields read for one frame; a frame of 64 KiB in fields of one byte needs less than half of it."""


class TooMuch(BaseException):
    """Reading the frame took more steps than any sane frame needs. Not an Exception, which scapy would swallow."""


@dataclass(slots=True)
class Reading:
    """One field that was read: places are bits from the start of the packet's buffer."""

    field: Any
    value: Any
    start: int
    end: int
    trailer: bool
    """The field was taken from the end of the buffer; `start` and `end` count from there."""
    items: list["Reading"] = field(default_factory=list)
    """Readings inside this one for the same packet: the elements of a list."""


@dataclass(slots=True)
class Layout:
    """All readings of one packet object."""

    packet: Any
    buffer: bytes
    """What the first field was read from."""
    readings: list[Reading] = field(default_factory=list)
    left: int = 0
    """Bits behind the last reading."""
    back: int = 0
    """Bits taken from the end so far."""

    def consumed(self) -> bytes:
        """The bytes that the fields were read from, without what follows them."""
        front = max((reading.end for reading in self.readings if not reading.trailer), default=0)
        return self.buffer[: (front + 7) // 8]


def _bits_left(state: Any) -> int:
    """Bits that are left in what `getfield` takes and gives: bytes, or (bytes, bits used of the first[, …])."""
    if isinstance(state, tuple):
        return len(state[0]) * 8 - int(state[1])
    return len(state) * 8


def _bytes_of(state: Any) -> bytes:
    return bytes(state[0] if isinstance(state, tuple) else state)


class Recorder:
    """Layouts of every packet read while it was active, by the identity of the packet."""

    def __init__(self, trailer: type, bases: tuple[type, ...]) -> None:
        self._trailer = trailer
        self._bases = bases
        self._layouts: dict[int, Layout] = {}
        self._stack: list[tuple[Any, list[Reading] | None]] = []
        self._calls = 0
        self._by_bytes: dict[tuple[type, bytes], Layout] | None = None

    def layout(self, packet: Any) -> Layout | None:
        """Where the fields of `packet` lie in its buffer; None if it was not read field by field.

        Some dissectors give a copy of the packet that they read; it is known by its class and its very bytes.
        """
        layout = self._layouts.get(id(packet))
        if layout is not None and layout.packet is packet:
            return layout
        consumed = packet.raw_packet_cache
        if not consumed:
            return None
        if self._by_bytes is None:
            self._by_bytes = {(type(known.packet), known.consumed()): known for known in self._layouts.values()}
        return self._by_bytes.get((type(packet), bytes(consumed)))

    def _is_trailer(self, fld: Any) -> bool:
        for _ in range(4):
            if isinstance(fld, self._trailer):
                return True
            fld = getattr(fld, "fld", None)
            if fld is None:
                return False
        return False

    def read(self, original: Callable[..., Any], fld: Any, packet: Any, state: Any) -> Any:
        """Call `original` and note what it consumed."""
        self._calls += 1
        if self._calls > CALL_LIMIT:
            raise TooMuch
        before = _bits_left(state)
        inner = bool(self._stack) and self._stack[-1][0] is packet
        reading = Reading(fld, None, 0, 0, False)
        self._stack.append((packet, reading.items))
        try:
            result = original(fld, packet, state)
        finally:
            self._stack.pop()
        after = _bits_left(result[0])
        reading.value = result[1]
        if inner:
            # what was left, for lack of the start of the outer reading; `_settle` turns it round
            reading.start, reading.end = before, after
            outer = self._stack[-1][1]
            if outer is not None:
                outer.append(reading)
            return result
        layout = self._layouts.get(id(packet))
        if layout is None or layout.packet is not packet or layout.left != before:
            # a first reading, or the packet is read anew: the last reading of it is the one that counts
            layout = Layout(packet, _bytes_of(state), left=before)
            self._layouts[id(packet)] = layout
        if self._is_trailer(fld):
            reading.trailer = True
            reading.start, reading.end = layout.back, layout.back + before - after
            layout.back = reading.end
        else:
            total = len(layout.buffer) * 8
            reading.start = total - layout.back - before
            reading.end = total - layout.back - after
            _settle(reading)
        layout.left = after
        layout.readings.append(reading)
        return result

    @contextmanager
    def active(self) -> Iterator["Recorder"]:
        """Wrap `getfield` of all field classes there are now, and put back what was there."""
        changed: list[tuple[Any, Any]] = []
        for cls in _family(self._bases):
            original = cls.__dict__.get("getfield")
            if original is not None:
                changed.append((cls, original))
                cls.getfield = self._wrap(original)
        try:
            yield self
        finally:
            for cls, original in changed:
                cls.getfield = original

    def _wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def getfield(fld: Any, pkt: Any, s: Any) -> Any:
            return self.read(original, fld, pkt, s)

        return getfield


def _settle(outer: Reading) -> None:
    """Turn what was left before and after each inner reading into places in the buffer.

    Lists read their elements from a slice of the buffer, so only differences count; the first element starts where
    the outer field does.
    """
    if not outer.items:
        return
    most = outer.items[0].start
    for item in outer.items:
        item.start, item.end = outer.start + most - item.start, outer.start + most - item.end
        _settle(item)


def _family(bases: tuple[Any, ...]) -> list[Any]:
    """`bases` and every class below them, each once."""
    seen: dict[Any, None] = dict.fromkeys(bases)
    todo = list(bases)
    while todo:
        for cls in type.__subclasses__(todo.pop()):
            if cls not in seen:
                seen[cls] = None
                todo.append(cls)
    return list(seen)
