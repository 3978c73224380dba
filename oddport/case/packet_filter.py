"""A filter as a person types it → which packets of a block it holds for, in columns.

    frame.len > 1400 and tls            tcp.flags.syn and not tcp.flags.ack
    server.port == 8088                 fragment or malformed

What names a packet is looked up in the columns of its block. Every other name is one of the flow language: which flows
meet it is asked of SQLite once, and a packet meets it if its flow does, or one that lies in it in a tunnel. As in
Wireshark, a packet without a flow meets no comparison with one, `!=` included; `not` turns that round.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oddport.case.errors import FilterError
from oddport.case.filter import MOST, condition_of, filter_values, filter_words, is_token, value_of
from oddport.case.filter_fields import Parameter, ascii_lower, not_a_word
from oddport.case.filter_parse import parse
from oddport.case.filter_values import Value, size, time_ns
from oddport.case.payload_term import Term
from oddport.engine.columns import (
    ACK,
    BLOCK,
    FIN,
    PACKET_BACK,
    PACKET_FRAGMENT,
    PACKET_PAYLOAD,
    PACKET_REPEAT,
    PACKET_UNREAD,
    PSH,
    RST,
    SYN,
    URG,
)

if TYPE_CHECKING:
    import sqlite3

    from oddport.case.packets import Block

Mask = NDArray[np.bool_]
Look = Callable[["Block"], Mask]
"""Which packets of a block meet something."""
EVERY = range(1 << 32)
"""Packets of any case."""
FEW = 500
"""Flows whose blocks are asked for one by one."""
AT_ONCE = 50_000
"""Flow ids taken from SQLite between two looks at whether they are still wanted."""
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Test:
    """What a filter asks of packets."""

    look: Look
    among: range = EVERY
    """0-based numbers in the case; no packet outside of these meets it."""

    def __call__(self, block: Block) -> Mask:
        """Which packets of a block meet it."""
        return self.look(block)

    def may_meet(self, first: int, count: int) -> bool:
        """Whether any of these packets could."""
        return first < self.among.stop and self.among.start < first + count


@dataclass(frozen=True, slots=True)
class PacketField:
    """A name of the language that is looked up in the packet's own columns."""

    says: str
    compare: Callable[[str, Value], Test]
    operators: tuple[str, ...]
    alone: Look | None = None
    values: tuple[str, ...] = ()


def _anywhere(_: str, __: int) -> range:
    return EVERY


def _of_number(sign: str, number: int) -> range:
    """Where packets with such 1-based numbers lie."""
    at = min(max(number - 1, 0), EVERY.stop)
    after = min(max(number, 0), EVERY.stop)
    spans = {"==": range(at, after), ">": range(after, EVERY.stop), ">=": range(at, EVERY.stop), "<": range(at)}
    return spans.get(sign, range(after) if sign == "<=" else EVERY)


def _number(
    says: str,
    column: Callable[[Block], NDArray[Any]],
    parse_value: Callable[[Value], int],
    span: Callable[[str, int], range] = _anywhere,
) -> PacketField:
    def compare(sign: str, value: Value) -> Test:
        wanted = parse_value(value)
        return Test(lambda block: np.asarray(_COMPARE[sign](column(block), wanted), np.bool_), span(sign, wanted))

    return PacketField(says, compare, (*_COMPARE, "in"))


def _bit(says: str, column: str, bit: int) -> PacketField:
    def holds(block: Block) -> Mask:
        return np.asarray(block.take(column) & bit, np.bool_)

    def compare(sign: str, value: Value) -> Test:
        word = ascii_lower(value.text)
        if word not in ("true", "yes", "1", "false", "no", "0"):
            raise not_a_word(value, ("true", "false"))
        wanted = (word in ("true", "yes", "1")) == (sign == "==")
        return Test(lambda block: holds(block) == wanted)

    return PacketField(says, compare, ("==", "!="), holds, ("true", "false"))


def _column(name: str) -> Callable[[Block], NDArray[Any]]:
    return lambda block: block.take(name).astype(np.int64)


_FIELDS = {
    "frame.number": _number(
        "number of the packet in the case",
        lambda block: np.arange(block.first + 1, block.first + 1 + block.count),
        size,
        _of_number,
    ),
    "frame.len": _number("bytes on the wire", _column("wirelen"), size),
    "frame.cap_len": _number("bytes captured", _column("caplen"), size),
    "frame.time": _number("time of the packet, UTC", _column("ts"), time_ns),
    "tcp.flags.fin": _bit("FIN is set", "flags", FIN),
    "tcp.flags.syn": _bit("SYN is set", "flags", SYN),
    "tcp.flags.reset": _bit("RST is set", "flags", RST),
    "tcp.flags.push": _bit("PSH is set", "flags", PSH),
    "tcp.flags.ack": _bit("ACK is set", "flags", ACK),
    "tcp.flags.urg": _bit("URG is set", "flags", URG),
    "tcp.analysis.retransmission": _bit("TCP payload that was seen before", "info", PACKET_REPEAT),
    "fragment": _bit("a fragment of an IP datagram", "info", PACKET_FRAGMENT),
    "malformed": _bit("no IP, or a header that is wrong", "info", PACKET_UNREAD),
    "answer": _bit("from the responder to the originator", "info", PACKET_BACK),
    "data": _bit("carries payload", "info", PACKET_PAYLOAD),
}


def packet_words() -> list[tuple[str, str, tuple[str, ...]]]:
    """Names of the language over packets: (name, what it is, its operators), for help and completion."""
    own = [(name, field.says, field.operators) for name, field in _FIELDS.items()]
    return sorted([*own, *(word for word in filter_words("flows") if word[0] not in _FIELDS)])


def packet_values(name: str) -> tuple[str, ...]:
    """The words that a name is compared with, where they are few."""
    field = _FIELDS.get(name)
    return field.values if field is not None else filter_values("flows", name)


@dataclass(frozen=True, slots=True)
class _Flows:
    """Packets whose flow meets a condition."""

    sql: str
    params: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class _Own:
    """Packets that meet something themselves."""

    test: Test


@dataclass(frozen=True, slots=True)
class _Joined:
    """`and`, `or` of the parts, `not` of the only one."""

    word: str
    parts: tuple[_Part, ...]


_Part = _Flows | _Own | _Joined


class PacketFilter:
    """A compiled filter. `ask` binds it to a case."""

    def __init__(self, text: str) -> None:
        """Raises FilterError with the 0-based column of what is not understood."""
        self._part = _part(parse(text), itertools.count(1))

    def ask(self, connection: sqlite3.Connection) -> Test:
        """Which flows meet it is asked now; a byte a flow is kept. The test may be used from any thread."""
        (highest,) = connection.execute("SELECT coalesce(max(id), 0) FROM flow").fetchone()
        return _bound(self._part, connection, highest + 1)


def _part(tree: Any, numbers: Iterator[int]) -> _Part:
    """numbers: of the conditions, from 1."""
    children = tree.children
    match tree.data:
        case "start":
            return _part(children[0], numbers)
        case "either" | "all":
            parts = tuple(_part(child, numbers) for child in children if not is_token(child))
            return parts[0] if len(parts) == 1 else _Joined("or" if tree.data == "either" else "and", parts)
        case "inner":
            return _part(children[1], numbers)
        case "no":
            return _Joined("not", (_part(children[1], numbers),))
    name = value_of(children[0])
    if next(numbers) > MOST:
        raise FilterError(f"The filter has more than {MOST} conditions.", name.column)
    field = None if name.quoted else _FIELDS.get(ascii_lower(name.text))
    if field is None:
        found = condition_of(tree, "flow")
        if any(isinstance(each, Term) for each in found.params):
            raise FilterError(
                "Bytes are not searched in the list of packets; filter Flows by payload, or / in a stream.",
                name.column,
                "data",
            )
        return _Flows(found.sql, found.params)
    if tree.data == "alone":
        if field.alone is None:
            raise FilterError(f"“{name.text}” is compared with something: {name.text} > 1000.", name.column, ">")
        return _Own(Test(field.alone))
    sign = {"contains": "contains", "among": "in"}.get(tree.data, str(children[1]))
    if sign not in field.operators:
        raise FilterError(
            f"“{name.text}” is not compared with {sign}, but with {' '.join(field.operators)}.",
            children[1].start_pos,
            "==",
        )
    if sign != "in":
        return _Own(field.compare(sign, value_of(children[2])))
    items = [value_of(child) for child in children[2:] if child is not None and not is_token(child)]
    if len(items) > MOST:
        raise FilterError(f"The set has more than {MOST} values.", items[MOST].column)
    return _Joined("or", tuple(_item(field, item) for item in items))


def _item(field: PacketField, item: Value) -> _Part:
    low, dots, high = item.text.partition("..")
    if not dots or item.quoted:
        return _Own(field.compare("==", item))
    ends = (
        field.compare(">=", Value(low, item.column)),
        field.compare("<=", Value(high, item.column + len(low) + 2)),
    )
    return _Joined("and", tuple(map(_Own, ends)))


def _bound(part: _Part, connection: sqlite3.Connection, flows: int) -> Test:
    if isinstance(part, _Own):
        return part.test
    if isinstance(part, _Flows):
        mask = _flow_mask(part, connection, flows)
        return Test(_of_flows(mask), _where(mask, connection))
    tests = [_bound(each, connection, flows) for each in part.parts]
    if part.word == "not":
        return Test(lambda block: ~tests[0](block))
    starts, stops = [test.among.start for test in tests], [test.among.stop for test in tests]
    if part.word == "and":
        return Test(lambda block: _all_of(tests, block), range(max(starts), min(stops)))
    return Test(lambda block: _any_of(tests, block), range(min(starts, default=0), max(stops, default=0)))


def _all_of(tests: Sequence[Test], block: Block) -> Mask:
    found = np.ones(block.count, np.bool_)
    for test in tests:
        found &= test(block)
        if not found.any():
            break
    return found


def _any_of(tests: Sequence[Test], block: Block) -> Mask:
    found = np.zeros(block.count, np.bool_)
    for test in tests:
        found |= test(block)
    return found


def _flow_mask(part: _Flows, connection: sqlite3.Connection, flows: int) -> Mask:
    """By flow id; 0, which is no flow, meets nothing."""
    mask = np.zeros(flows, np.bool_)
    cursor = connection.execute(f"SELECT id FROM flow WHERE ({part.sql}) AND id < ?", (*part.params, flows))
    while chunk := cursor.fetchmany(AT_ONCE):
        mask[[row[0] for row in chunk]] = True
    return mask


def _where(mask: Mask, connection: sqlite3.Connection) -> range:
    """Where packets of these flows lie, if they are few: their blocks, as flows and `flow_block` tell."""
    ids = np.flatnonzero(mask).tolist()
    if not 0 < len(ids) <= FEW:
        return EVERY if ids else range(0)
    marks = ",".join("?" * len(ids))
    first, last = connection.execute(
        f"SELECT min(first_packet), max(last_packet) FROM flow WHERE id IN ({marks})", ids
    ).fetchone()
    low, high = connection.execute(
        f"SELECT min(block), max(block) FROM flow_block WHERE flow IN ({marks})", ids
    ).fetchone()
    blocks = [first // BLOCK, last // BLOCK, *(each for each in (low, high) if each is not None)]
    return range(min(blocks) * BLOCK, (max(blocks) + 1) * BLOCK)


def _of_flows(mask: Mask) -> Look:
    def holds(ids: NDArray[Any]) -> Mask:
        known = ids < len(mask)  # flows of a load that went on meanwhile are met when they are asked for again
        return mask[np.where(known, ids, 0)]

    def test(block: Block) -> Mask:
        found = holds(block.take("flow"))
        found[block.inner["row"][holds(block.inner["flow"])]] = True
        return found

    return test
