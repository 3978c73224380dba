"""Request or status line of HTTP/1 → a match with host, method, path, status (RFC 9112, sections 3 and 4)."""

import re

from oddport.engine.columns import TCP
from oddport.protocols.binary import u32_le
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, UPPER, Grammar, Protocol
from oddport.protocols.text import clean

TARGET_LIMIT = 8_000
"""Bytes of a request target; RFC 9112, section 3, asks for at least that."""
# RFC 9112, section 3, lets a recipient take runs of white space for one space; spaces in a target are wrong but spoken
_REQUEST = re.compile(rb"([A-Z][A-Z-]{1,19})[ \t]{1,8}([^\x00-\x1f\x7f]{1,8000})[ \t]HTTP/1\.[01][ \t]{0,8}\r?\n")
_OPEN_REQUEST = re.compile(rb"(?:GET|POST|PUT|HEAD|CONNECT|OPTIONS|DELETE|PATCH) (?:/|http://)[\x21-\x7e\x80-\xff]*\Z")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9][0-9])(?: [^\x00-\x08\x0a-\x1f\x7f]*)?\r?\n")
_METHOD_BYTES = UPPER + b"-"


def _header(data: bytes, name: bytes, end: int) -> str | None:
    """The value of the first field `name` (given as it is usually written) before `end`."""
    at = data.find(b"\n" + name + b":", 0, end)
    if at < 0:
        at = data[:end].lower().find(b"\n" + name.lower() + b":")
        if at < 0:
            return None
    start = at + len(name) + 2
    stop = data.find(b"\n", start, end + 2)
    return clean(data[start : stop if stop >= 0 else end])


MAGIC = (
    (b"\x7fELF", "ELF program"), (b"\xcf\xfa\xed\xfe", "Mach-O program"), (b"\xca\xfe\xba\xbe", "Java class"),
    (b"#!", "script"), (b"PK\x03\x04", "ZIP archive"), (b"Rar!\x1a\x07", "RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "7z archive"), (b"\x1f\x8b\x08", "gzip archive"), (b"%PDF-", "PDF"),
)  # fmt: skip
"""First bytes of files that an analyst asks for (the makers' format descriptions)."""
MZ, PE_OFFSET, PE_LIMIT = b"MZ", 0x3C, 1_024
"""What a Windows program begins with, where it says its PE header lies, and how far behind that one ever is."""
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,8}[^\n]{0,64}\n")
"""The size before a chunk (RFC 9112, 7.1)."""


def _body(data: bytes, start: int) -> str:
    """What file the body at `start` begins like; "" for other bytes."""
    if data.startswith(MZ, start) and start + PE_OFFSET + 4 <= len(data):
        offset = u32_le(data, start + PE_OFFSET)
        there = data[start + offset : start + offset + 4]
        return "PE program" if PE_OFFSET < offset < PE_LIMIT and b"PE\0\0".startswith(there) else ""
    for magic, name in MAGIC:
        if data.startswith(magic, start):
            return name
    return ""


def _end_of_fields(data: bytes) -> int:
    """Where the header section ends; -1 = it is cut."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        end = data.find(b"\n\n")
    return end


def client(data: bytes) -> SideMatch | None:
    """A request line: method SP target SP HTTP/1.x. A line that is cut in its target counts weakly."""
    line = _REQUEST.match(data)
    if line is None:
        if len(data) > 8 and _OPEN_REQUEST.match(data) is not None:
            return SideMatch(False, ((0, len(data), "request line, cut in its target"),), {}, True, 40)
        return None
    method, target = line.group(1), line.group(2)
    verb = method.decode("ascii")
    facts: Facts = {"method": verb, "path": clean(target)}
    end = _end_of_fields(data)
    more = end < 0
    stop = len(data) if more else end
    host = _header(data, b"Host", stop)
    if host is not None:
        facts["host"] = host
    agent = _header(data, b"User-Agent", stop)
    if agent is not None:
        facts["user_agent"] = agent
    length = line.end()
    return SideMatch(True, ((0, length, "HTTP request line: " + verb),), facts, more, 8 * len(method) + 96)


def server(data: bytes) -> SideMatch | None:
    """A status line: HTTP/1.x SP three digits."""
    line = _STATUS.match(data)
    if line is None:
        return None
    facts: Facts = {"status": int(line.group(1))}
    end = _end_of_fields(data)
    more = end < 0
    name = _header(data, b"Server", len(data) if more else end)
    if name is not None:
        facts["server"] = name
    stop = len(data) if more else end
    kind = _header(data, b"Content-Type", stop)
    if kind is not None:
        facts["content_type"] = kind
    if not more and _header(data, b"Content-Encoding", stop) is None:
        start = end + (4 if data[end] == 0x0D else 2)
        chunk = _CHUNK.match(data, start) if _header(data, b"Transfer-Encoding", stop) is not None else None
        body = _body(data, start if chunk is None else chunk.end())
        if body:
            facts["body"] = body
    return SideMatch(True, ((0, line.end(), f"HTTP status line: {facts['status']}"),), facts, more, 104)


def refuses(said: Facts) -> bool:
    """400 Bad Request: what came was no request (RFC 9110, 15.5.1)."""
    return said.get("status") == 400


def reject(data: bytes, role: int) -> str:
    """Which byte breaks the request or status line; "" while it may still become one."""
    if role == CLIENT:
        space = data.find(b" ", 0, 21)
        for index, byte in enumerate(data[: space if space >= 0 else 21]):
            if byte not in _METHOD_BYTES:
                return f"byte {index} is 0x{byte:02x}, a request begins with a method in capital letters"
        if space < 0:
            return "no space ends a method within 20 bytes" if len(data) > 20 else ""
        end = data.find(b"\n", 0, TARGET_LIMIT)
        if end >= 0 and b" HTTP/1." not in data[:end]:
            return f"the first line ({end} bytes) does not end in HTTP/1.x"
        return ""
    for index, byte in enumerate(data[:7]):
        if byte != b"HTTP/1."[index]:
            return f"byte {index} is 0x{byte:02x}, a response begins with 'HTTP/1.'"
    return ""


PROTOCOLS = (
    Protocol(
        name="http",
        title="HTTP/1",
        spec="RFC 9112",
        aliases=("http1",),
        grammars=(Grammar((TCP,), client, server, UPPER, b"H", reject=reject),),
        refuses=refuses,
    ),
)
