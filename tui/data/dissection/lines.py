"""Bytes of a protocol that speaks in lines of text → one node a line, with exact places.

HTTP/1 (RFC 9112, 2.1), SMTP, FTP, POP3, IMAP, IRC, SIP, RTSP, Redis and the banners of SSH and Telnet: a line ends
with CR LF or LF. The wording of a line is the node's value; in a block of headers its name is the node's name.
"""

from tui.data.dissection.model import Node
from tui.data.dissection.words import bytes_text, cut

LINE_PROTOCOLS: dict[str, str] = {
    "http": "HTTP", "smtp": "SMTP", "ftp": "FTP", "pop3": "POP3", "imap": "IMAP", "irc": "IRC", "sip": "SIP",
    "rtsp": "RTSP", "redis": "Redis", "ssdp": "SSDP", "nntp": "NNTP", "finger": "Finger", "gopher": "Gopher",
    "memcached": "memcached", "xmpp": "XMPP", "svn": "SVN",
}  # fmt: skip
"""Protocols in lines, and their names."""
_HEADED = frozenset({"http", "sip", "rtsp", "ssdp"})
"""Protocols whose message is a start line, headers, an empty line and a body."""
_LINE_LIMIT = 500
"""Lines that become nodes; the rest is one node."""
_TEXT = bytes((*range(0x20, 0x7F), 0x09, 0x0D, 0x0A))
_ENOUGH_TEXT = 0.85
"""Share of printable bytes below which a payload is no text; one UTF-8 name in a line stays above it."""


def looks_like_lines(payload: bytes) -> bool:
    """Whether the payload is text rather than a binary body or encrypted bytes."""
    sample = payload[:512]
    return bool(sample) and len(sample) - len(sample.translate(None, _TEXT)) >= _ENOUGH_TEXT * len(sample)


def line_node(app: str, payload: bytes, base: int) -> Node | None:
    """The layer of `app` over `payload`, which starts at `base` of the frame; None if these are no lines of it."""
    end = payload.find(b"\r\n\r\n") + 4 if app in _HEADED else len(payload)
    head = payload[: end if end > 3 else len(payload)]
    if not looks_like_lines(head) or (app in _HEADED and not _starts_message(head)):
        return None
    children: list[Node] = []
    at = 0
    while at < len(head):
        if len(children) >= _LINE_LIMIT:
            children.append(Node("…", f"{len(head) - at:,} more bytes", base + at, len(head) - at))
            break
        stop = head.find(b"\n", at)
        behind = len(head) if stop < 0 else stop + 1
        line = head[at:behind].rstrip(b"\r\n")
        children.append(_line(app, line, base + at, behind - at, first=not children))
        at = behind
    if len(head) < len(payload):
        body = payload[len(head) :]
        children.append(Node("body", bytes_text(body), base + len(head), len(body)))
    first = head.split(b"\n", 1)[0].rstrip(b"\r")
    return Node(LINE_PROTOCOLS[app], bytes_text(first), base, len(payload), "layer", tuple(children))


def _starts_message(head: bytes) -> bool:
    """Whether the first line is a request or status line: three words, one of them a protocol with its version."""
    words = head.split(b"\n", 1)[0].split()
    return len(words) >= 2 and (b"/" in words[0] or b"/" in words[-1]) and words[0][:1].isalpha()


def _line(app: str, line: bytes, offset: int, length: int, *, first: bool) -> Node:
    if not line:
        return Node("empty line", "", offset, length)
    if first and app in _HEADED:
        parts = line.split(b" ")
        names = ("version", "status", "reason") if b"/" in parts[0] else ("method", "target", "version")
        children: list[Node] = []
        at = 0
        for index, part in enumerate(names):
            rest = line[at:]
            word = rest if index == 2 else rest.split(b" ", 1)[0]
            if word:
                children.append(Node(part, bytes_text(word), offset + at, len(word)))
            at += len(word) + 1
        return Node("start line", bytes_text(line), offset, length, "field", tuple(children))
    name, colon, value = line.partition(b":")
    if app in _HEADED and colon and name and b" " not in name:
        return Node(cut(bytes_text(name)), bytes_text(value.strip()), offset, length)
    return Node("line", bytes_text(line), offset, length)
