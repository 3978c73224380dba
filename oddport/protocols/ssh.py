"""Identification string and key exchange of SSH → a match (RFC 4253, sections 4.2 and 7.1)."""

from oddport.engine.columns import TCP
from oddport.protocols.model import SideMatch
from oddport.protocols.registry import Grammar, Protocol
from oddport.protocols.text import clean

LINE_LIMIT = 255
"""Bytes of the identification string with CR LF (RFC 4253, 4.2)."""
PREAMBLE_LIMIT = 1_024
"""Bytes of other lines that a server may send first; the RFC sets no limit, OpenSSH stops at 1,024 lines."""
KEXINIT = 20
"""SSH_MSG_KEXINIT (RFC 4253, section 12)."""
PACKET_LIMIT = 35_000
"""Bytes of a packet that everyone must take (RFC 4253, 6.1)."""
VERSIONS = (b"SSH-2.0-", b"SSH-1.99-", b"SSH-1.5-", b"SSH-1.3-")


def _control(data: bytes, start: int, end: int) -> bool:
    """Whether the line has control characters before its end; CR before LF is none."""
    line = data[start:end].rstrip(b"\r")
    return not line.isascii() or not line.decode("ascii").isprintable()


def _identification(data: bytes, start: int) -> SideMatch | None:
    """The identification string at `start`, and the key exchange packet behind it."""
    for version in VERSIONS:
        if data.startswith(version, start):
            break
    else:
        return None
    end = data.find(b"\n", start, start + LINE_LIMIT + 1)
    if end < 0 or _control(data, start, end):
        # cut, or padded with NUL as some devices do: the words are there, the line is not
        end = start + len(version)
        while end < len(data) and 0x20 <= data[end] < 0x7F and end - start < LINE_LIMIT:
            end += 1
        return SideMatch(False, ((start, end - start, "SSH identification string without its end"),), {}, True, 64)
    line = data[start:end].rstrip(b"\r")
    facts: dict[str, str | int | bool | list[str]] = {"banner": clean(line)}
    spans = [(start, end - start, "SSH identification string")]
    bits = 8 * len(version) + 8
    after = end + 1
    if len(data) >= after + 6:
        length = int.from_bytes(data[after : after + 4], "big")
        if data[after + 5] == KEXINIT and 12 <= length <= PACKET_LIMIT and 4 <= data[after + 4] < length:
            spans.append((after, 6, f"packet of {length} bytes, message 20: key exchange begins"))
            bits += 40
    return SideMatch(True, tuple(spans), facts, False, bits)


def client(data: bytes) -> SideMatch | None:
    """A client begins with its identification string."""
    return _identification(data, 0)


def server(data: bytes) -> SideMatch | None:
    """A server may send other lines before its identification string."""
    if data[0] == 0x53:
        match = _identification(data, 0)
        if match is not None:
            return match
    start = data.find(b"\nSSH-", 0, PREAMBLE_LIMIT)
    if start < 0:
        return None
    for byte in data[:start]:
        if byte < 0x20 and byte not in b"\r\n\t":
            return None
    return _identification(data, start + 1)


def reject(data: bytes, role: int) -> str:
    """Lines may come before a server's identification string, so text alone rejects nothing there."""
    head = data[:4]
    if b"SSH-".startswith(head) or head == b"SSH-":
        return ""
    for index, byte in enumerate(head):
        if role == 0 and byte != b"SSH-"[index]:
            return f"byte {index} is 0x{byte:02x}, an identification string begins with 'SSH-'"
        if byte < 0x20 and byte not in b"\r\n\t":
            return f"byte {index} is 0x{byte:02x}, a server begins with lines of text and 'SSH-'"
    if role == 1 and len(data) > PREAMBLE_LIMIT and b"\nSSH-" not in data:
        return f"no line of the first {PREAMBLE_LIMIT} bytes begins with 'SSH-'"
    return ""


TEXT_FIRST = bytes(range(0x20, 0x7F)) + b"\r\n\t"

PROTOCOLS = (
    Protocol(
        name="ssh",
        title="SSH",
        spec="RFC 4253",
        first="server",
        grammars=(Grammar((TCP,), client, server, b"S", TEXT_FIRST, reject=reject),),
    ),
)
