"""MQTT packets → a match: fields that close on the remaining length (MQTT 3.1, 3.1.1, 5.0; 2.1, 3.1 to 3.3)."""

import re

from oddport.engine.columns import TCP
from oddport.protocols.binary import u16, wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, Grammar, Protocol, least
from oddport.protocols.text import clean

CONNECT, CONNACK = 0x10, 0x20
LENGTH_BYTES = 4
"""Bytes of a variable byte integer (5.0, 1.5.5)."""
NAMES = {b"\x00\x04MQTT": (4, 5), b"\x00\x06MQIsdp": (3,)}
"""Protocol name with its length → protocol levels."""
VERSIONS = {3: "3.1", 4: "3.1.1", 5: "5.0"}
BRIDGE = 0x80
"""Set in the level by brokers that connect to each other (a habit of Mosquitto)."""
WILL, WILL_QOS, WILL_RETAIN, PASSWORD, USER = 0x04, 0x18, 0x20, 0x40, 0x80
RETURN_CODES = 6
REASONS = (0, *range(0x80, 0x8B), 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F)
"""Connect reason codes of 5.0 (3.2.2.2)."""
PACKET_TYPES = b"\x30\x31\x32\x33\x34\x35\x3a\x3b\x3c\x3d\x40\x50\x62\x70\x90\xb0\xd0\xe0\xf0"
"""First bytes of what a server may send after its CONNACK: type and the flags that belong to it (2.1.3)."""


STRONG_BITS = 14
"""Bits of later packets that make a CONNACK proof by itself: log2(10,000) is 13.3."""
PACKETS = 8
PING_RESPONSE = 0xD0
SHORTEST = {3: 2, 4: 2, 5: 2, 6: 2, 7: 2, 9: 3, 11: 2}
"""Packet type → smallest remaining length: topic length or packet id."""


def _length(data: bytes, at: int) -> tuple[int, int]:
    """(value, where it ends) of the variable byte integer at `at`; (-1, at) if it is none or cut."""
    value = 0
    for index in range(LENGTH_BYTES):
        if at + index >= len(data):
            break
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    return -1, at


def client(data: bytes) -> SideMatch | None:
    """CONNECT: name, level, flags, keep alive, and the strings that the flags announce."""
    if data[0] != CONNECT:
        return None
    length, at = _length(data, 1)
    if length < 12:
        return None
    end = at + length
    size = len(data)
    name = next((one for one in NAMES if data.startswith(one, at)), b"")
    if not name:
        return None
    levels = NAMES[name]
    begin = at
    at += len(name)
    if at + 4 > size:
        return None
    level = data[at] & ~BRIDGE
    flags = data[at + 1]
    if level not in levels or flags & 1 or flags & WILL_QOS == WILL_QOS:
        return None
    if not flags & WILL and flags & (WILL_QOS | WILL_RETAIN):
        return None
    facts: Facts = {"version": VERSIONS[level]}
    at += 4
    spans = (
        (0, begin, f"MQTT CONNECT, {length} bytes follow"),
        (begin, len(name) + 1, f"protocol name, version {VERSIONS[level]}"),
    )
    whole = _strings(data, at, end, level, flags, facts)
    if whole < 0:
        return None
    return SideMatch(True, spans, facts, False, 40 + 8 * len(name) + (16 if whole else 0))


def _strings(data: bytes, at: int, end: int, level: int, flags: int, facts: Facts) -> int:
    """1 where the payload's strings close on `end`, 0 where the bytes end before, -1 where they cannot close."""
    size = len(data)
    wanted = [("client_id", False)]
    if flags & WILL:
        wanted += [("", True), ("", False)]
    if flags & USER:
        wanted.append(("user", False))
    if flags & PASSWORD:
        wanted.append(("", False))
    before = level == 5
    for fact, properties in wanted:
        if before or (properties and level == 5):
            length, at = _length(data, at)
            if length < 0:
                return 0 if at + LENGTH_BYTES > size else -1
            at += length
            before = False
        if at + 2 > end:
            return -1
        if at + 2 > size:
            return 0
        stop = at + 2 + u16(data, at)
        if stop > end:
            return -1
        if stop > size:
            return 0
        if fact and stop > at + 2:
            facts[fact] = clean(data[at + 2 : stop])
        at = stop
    return 1 if at == end else -1


def server(data: bytes) -> SideMatch | None:
    """CONNACK; what comes behind it starts with a packet type that fits."""
    size = len(data)
    if size < 4 or data[0] != CONNACK:
        return None
    length, at = _length(data, 1)
    end = at + length
    if length < 2 or length > 1 << 14 or at + 2 > size or data[at] > 1:
        return None
    code = data[at + 1]
    facts: Facts = {"code": code}
    bits = 8 + 7 + 5
    if length == 2:
        if code >= RETURN_CODES and code not in REASONS:
            return None
        bits += 8
    else:
        properties, begin = _length(data, at + 2)
        if code not in REASONS or properties < 0 or begin + properties != end:
            return None
        bits += 16
    if data[at] and code:
        # a session is present only where the connection was accepted
        return None
    if end > size:
        return None
    more = _following(data, end)
    if more < 0:
        return None
    says = f"MQTT CONNACK, code {code}; its length closes"
    return SideMatch(more >= STRONG_BITS, ((0, end, says),), facts, False, bits + more)


def _following(data: bytes, at: int) -> int:
    """Bits that the packets from `at` on confirm, each starting where the one before it ends; -1 where one is none."""
    size = len(data)
    bits = 0
    for _ in range(PACKETS):
        if at >= size:
            break
        kind = data[at]
        if kind not in PACKET_TYPES:
            return -1
        length, start = _length(data, at + 1)
        if length < 0:
            return -1 if at + 1 + LENGTH_BYTES <= size else bits
        if length < SHORTEST.get(kind >> 4, 0) or (kind == PING_RESPONSE and length):
            return -1
        # one of 20 types; a length of 0 or 2, as most of these packets have, is 6 bits more
        bits += 10 if length <= 2 else 4
        at = start + length
    return bits


def middle(data: bytes) -> SideMatch | None:
    """Packets of a session whose begin was not seen, the first a PUBLISH: a topic in text, and lengths that lead on."""
    at, count, bits = 0, 0, 0
    size = len(data)
    facts: Facts = {}
    spans: list[tuple[int, int, str]] = []
    while count < PACKETS and at < size:
        kind = data[at]
        if kind not in MIDDLE:
            return None
        length, start = _length(data, at + 1)
        if length < 0:
            break
        if kind & 0xF0 == PUBLISH:
            if start + 2 > size:
                break
            wanted = u16(data, start)
            topic = data[start + 2 : start + 2 + wanted]
            if not 2 <= wanted <= length - 2 or not topic.isascii() or _NO_TOPIC.search(topic) is not None:
                return None
            facts.setdefault("topic", clean(topic))
            bits += 12 + len(topic)
        elif length != PLAIN.get(kind & 0xF0, length) or length < SHORTEST.get(kind >> 4, 0):
            return None
        else:
            bits += 10
        if len(spans) < 2:
            spans.append((at, min(start + 2, size) - at, f"MQTT packet of type {kind >> 4}, {length} bytes follow"))
        count += 1
        at = start + length
    if count == 0 or at < size or (count == 1 and at != size):
        return None
    return SideMatch(count > 1 and bits >= MIDDLE_BITS, tuple(spans), facts, False, bits)


def middle_reject(data: bytes, role: int) -> str:
    """Bytes that no packet in the middle of a session begins with."""
    return wrong_byte(data, 0, MIDDLE_FIRST, "what is published begins with 0x30 to 0x3d")


def reject(data: bytes, role: int) -> str:
    """Bytes that no CONNECT or CONNACK has."""
    first = CONNECT if role == CLIENT else CONNACK
    name = "CONNECT" if role == CLIENT else "CONNACK"
    text = wrong_byte(data, 0, bytes((first,)), f"this side begins with {name} (0x{first:02x})")
    length, at = _length(data, 1)
    if text or length < 0 or len(data) < at + 8:
        return text
    if role == CLIENT and not any(data.startswith(one, at) for one in NAMES):
        return f"byte {at} does not begin the name 'MQTT' or 'MQIsdp' with its length"
    return ""


PUBLISH = 0x30
MIDDLE_FIRST = b"\x30\x31\x32\x33\x34\x35\x3a\x3b\x3c\x3d\x40"
"""PUBLISH with its flags (3.3.1), and PUBACK."""
MIDDLE = frozenset(MIDDLE_FIRST + b"\x50\x62\x70\x82\x90\xa2\xb0\xc0\xd0\xe0\xf0")
PLAIN = {0x40: 2, 0x50: 2, 0x60: 2, 0x70: 2, 0xC0: 0, 0xD0: 0}
"""Remaining lengths that are always the same, up to 3.1.1."""
MIDDLE_BITS = 48
_NO_TOPIC = re.compile(rb"[\x00-\x1f#+]")

PROTOCOLS = (
    Protocol(
        name="mqtt",
        title="MQTT",
        spec="OASIS MQTT 5.0",
        grammars=(
            Grammar((TCP,), client, server, bytes((CONNECT,)), bytes((CONNACK,)), reject=reject),
            Grammar(
                (TCP,),
                middle,
                middle,
                MIDDLE_FIRST,
                MIDDLE_FIRST,
                reject=middle_reject,
                symmetric=True,
                client_at=(least(4),),
                server_at=(least(4),),
            ),
        ),
    ),
)
