"""HTTP/2 without TLS → a match: the preface, and SETTINGS as first frame of either side (RFC 9113, 3.4 and 6.5)."""

from oddport.engine.columns import HEAD_BYTES, TCP
from oddport.engine.heads import Head
from oddport.protocols.binary import u16, u32, wrong_byte, wrong_bytes
from oddport.protocols.hpack import fields
from oddport.protocols.model import Identification, SideMatch
from oddport.protocols.registry import CLIENT, Grammar, Protocol
from oddport.protocols.text import clean

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEADER = 9
SETTINGS = 4
FRAME_TYPES = 0x10
"""Types below this are assigned (DATA to ORIGIN, PRIORITY_UPDATE is 0x10)."""
HEADERS, PADDED, PRIORITY = 1, 0x08, 0x20
FRAMES = 16
"""Frames of a side among which the first HEADERS is looked for."""
FACTS = {
    b":method": "method",
    b":path": "path",
    b":authority": "host",
    b"user-agent": "user_agent",
    b":status": "status",
    b"server": "server",
    b"content-type": "content_type",
}
SETTING = 6
SETTINGS_LIMIT = 64
"""Settings of one frame; nine are assigned, unknown ones are ignored (RFC 9113, 6.5.2)."""
FIRST_FRAME_LIMIT = 16_384
"""SETTINGS_MAX_FRAME_SIZE before it is negotiated."""


def _settings(data: bytes, at: int) -> int:
    """Bits that the SETTINGS frame at `at`, and the header of the one behind it, confirm; -1 where there is none."""
    size = len(data)
    if at + FRAME_HEADER > size:
        return -1
    length = data[at] << 16 | u16(data, at + 1)
    if length % SETTING or length > SETTING * SETTINGS_LIMIT or data[at + 3] != SETTINGS or data[at + 4] != 0:
        return -1
    if u32(data, at + 5) != 0:
        return -1
    bits = 40
    end = at + FRAME_HEADER + length
    for index in range(at + FRAME_HEADER, min(end, size - 1), SETTING):
        if u16(data, index) == 0:
            return -1
        bits += 4
    if end + FRAME_HEADER <= size:
        following = data[end] << 16 | u16(data, end + 1)
        if data[end + 3] > FRAME_TYPES or data[end + 5] >= 0x80 or following > FIRST_FRAME_LIMIT:
            return -1
        bits += 14
    elif length == 0 and end != size:
        return -1
    return bits


def client(data: bytes) -> SideMatch | None:
    """The connection preface, and SETTINGS where they are there already."""
    if data[: len(PREFACE)] != PREFACE:
        return None
    bits = 192
    spans: tuple[tuple[int, int, str], ...] = ((0, len(PREFACE), "HTTP/2 connection preface"),)
    if len(data) >= len(PREFACE) + FRAME_HEADER:
        more = _settings(data, len(PREFACE))
        if more > 0:
            bits += more
            spans = (*spans, (len(PREFACE), FRAME_HEADER, "SETTINGS frame on stream 0"))
    return SideMatch(True, spans, {"version": "HTTP/2"}, False, bits)


def server(data: bytes) -> SideMatch | None:
    """SETTINGS on stream 0; an empty frame proves too little to stand alone."""
    bits = _settings(data, 0)
    if bits < 0:
        return None
    strong = len(data) > FRAME_HEADER and data[:3] != b"\x00\x00\x00"
    return SideMatch(strong, ((0, FRAME_HEADER, "SETTINGS frame on stream 0"),), {"version": "HTTP/2"}, False, bits)


def reject(data: bytes, role: int) -> str:
    """Bytes that no preface, or no first frame, has."""
    if role == CLIENT:
        return wrong_bytes(data, 0, PREFACE, "the connection preface has another byte there")
    return (
        wrong_byte(data, 0, b"\x00", "the first frame is shorter than 64 KB")
        or wrong_byte(data, 3, b"\x04", "the first frame is SETTINGS (type 4)")
        or wrong_bytes(data, 4, b"\x00\x00\x00\x00\x00", "SETTINGS have no flags and stream 0")
    )


def _block(data: bytes, at: int) -> bytes:
    """The header block of the first HEADERS frame from `at` on (6.2), without padding and priority; b"" if none."""
    for _ in range(FRAMES):
        if at + FRAME_HEADER > len(data):
            break
        length = data[at] << 16 | u16(data, at + 1)
        kind, flags = data[at + 3], data[at + 4]
        begin, end = at + FRAME_HEADER, at + FRAME_HEADER + length
        if kind == HEADERS:
            padding = data[begin] if flags & PADDED and begin < len(data) else 0
            return data[
                begin + (1 if flags & PADDED else 0) + (5 if flags & PRIORITY else 0) : max(begin, end - padding)
            ]
        at = end
    return b""


def describe(head: Head, found: Identification) -> None:
    """What the first request and its answer say, as HTTP/1 would have."""
    client, server = (head.resp, head.orig) if found.server == 0 else (head.orig, head.resp)
    asked = _block(client, len(PREFACE)) if client.startswith(PREFACE) else b""
    for block in (asked, _block(server, 0)):
        for name, value in fields(block):
            fact = FACTS.get(name)
            if fact == "status" and len(value) == 3 and value.isdigit():
                found.facts[fact] = int(value)
            elif fact is not None and fact != "status" and value:
                found.facts[fact] = clean(value)
    if not asked and len(client) < HEAD_BYTES and not head.closed:
        found.final = False


PROTOCOLS = (
    Protocol(
        name="http2",
        title="HTTP/2",
        spec="RFC 9113",
        grammars=(Grammar((TCP,), client, server, b"P", b"\x00", reject=reject),),
        aliases=("h2c",),
        describe=describe,
    ),
)
