"""Commands and replies of RESP, which Redis speaks → a match (Redis serialization protocol, RESP2, RESP3)."""

import re

from oddport.engine.columns import TCP
from oddport.protocols.model import SideMatch
from oddport.protocols.registry import CLIENT, DIGITS, LETTERS, Grammar, Protocol
from oddport.protocols.text import clean

ARGUMENTS_LIMIT = 1_048_576
"""Elements of a command (Redis refuses more)."""
BULK_LIMIT = 536_870_912
"""Bytes of a bulk string (proto-max-bulk-len, 512 MB)."""
_ARRAY = re.compile(rb"\*([1-9][0-9]{0,6})\r\n\$([1-9][0-9]{0,8})\r\n")
_BULK = re.compile(rb"\$(-1|[0-9]{1,9})\r\n")
_SIMPLE = re.compile(rb"\+(?:OK|PONG|QUEUED|FULLRESYNC [0-9a-f]{40} [0-9]+|CONTINUE)\r\n")
_ERROR = re.compile(
    rb"-(?:ERR|NOAUTH|WRONGPASS|WRONGTYPE|MOVED|ASK|LOADING|NOPERM|MISCONF|READONLY|EXECABORT|DENIED|BUSY|NOSCRIPT)"
    rb" [\x20-\x7e\x80-\xff]{1,512}\r\n"
)
_NUMBER = re.compile(rb":-?[0-9]{1,19}\r\n")
_REPLY_ARRAY = re.compile(rb"[*%~>](-1|[0-9]{1,7})\r\n[$*:+\-%~#,_(]")
_WORDS = b"PING INFO AUTH GET SET KEYS CONFIG DEL ECHO SELECT SLAVEOF FLUSHALL SAVE QUIT COMMAND CLIENT MONITOR".split()
"""Commands that people and scanners type; any other one is seen only as an array."""
_INLINE = re.compile(rb"(?:" + b"|".join(_WORDS) + rb")(?: [\x20-\x7e]{1,512})?\r?\n", re.IGNORECASE)
_INLINE_BEGIN = frozenset(word[:3] for word in _WORDS)


def client(data: bytes) -> SideMatch | None:
    """An array of bulk strings whose first length closes on CR LF; an inline command counts weakly."""
    if data[0] != 0x2A:
        if data[:3].upper() not in _INLINE_BEGIN or data[3:5] == b" /":
            return None
        inline = _INLINE.match(data)
        if inline is None or b" HTTP/1." in inline.group():
            return None
        word = data[: inline.end()].split(None, 1)[0]
        return SideMatch(
            False, ((0, inline.end(), "inline command"),), {"command": clean(word)}, False, 4 * len(word) + 8
        )
    match = _ARRAY.match(data)
    if match is None or int(match.group(1)) > ARGUMENTS_LIMIT:
        return None
    start, length = match.end(), int(match.group(2))
    end = start + length
    if length > 64 or data[end : end + 2] != b"\r\n":
        return None  # the first element is the command's name: none is longer than a few words
    name = data[start:end]
    if not name.replace(b".", b"").replace(b"_", b"").replace(b"-", b"").replace(b"|", b"").isalnum():
        return None
    return SideMatch(
        True,
        ((0, end + 2, f"array of {int(match.group(1))} bulk strings; the first is {length} bytes, CR LF closes it"),),
        {"command": clean(name)},
        False,
        8 * (end + 2 - length) + 8,
    )


def server(data: bytes) -> SideMatch | None:
    """One typed reply: a bulk string that closes, or a simple string, error, number or array of the words in use."""
    kind = data[0]
    if kind == 0x24:
        match = _BULK.match(data)
        if match is None:
            return None
        size = match.group(1)
        if size == b"-1":
            return SideMatch(False, ((0, match.end(), "null bulk string"),), {}, False, 40)
        length, start = int(size), match.end()
        if length > BULK_LIMIT:
            return None
        end = start + length
        if end + 2 <= len(data):
            if data[end : end + 2] != b"\r\n":
                return None
            return SideMatch(True, ((0, end + 2, f"bulk string of {length} bytes, CR LF closes it"),), {}, False, 48)
        if data.startswith(b"# Server\r\nredis_version:", start):
            at = start + 24
            stop = data.find(b"\r", at)
            facts = {"version": clean(data[at : stop if stop >= 0 else len(data)], 32)}
            return SideMatch(True, ((0, at, "bulk string that begins with redis_version"),), dict(facts), False, 200)
        return SideMatch(False, ((0, start, f"bulk string of {length} bytes, cut"),), {}, False, 24)
    if kind == 0x2B:
        match = _SIMPLE.match(data)
        says, bits = "simple string", 32
    elif kind == 0x2D:
        match = _ERROR.match(data)
        says, bits = "error reply", 40
    elif kind == 0x3A:
        match = _NUMBER.match(data)
        says, bits = "number", 28
    else:
        match = _REPLY_ARRAY.match(data)
        says, bits = "array", 30
    if match is None:
        return None
    return SideMatch(False, ((0, match.end(), f"{says} of RESP"),), {}, False, bits)


def reject(data: bytes, role: int) -> str:
    """Only the first byte, and the count behind it, are judged."""
    if role == CLIENT:
        if data[0] == 0x2A:
            if len(data) > 1 and not 0x30 <= data[1] <= 0x39:
                return f"byte 1 is 0x{data[1]:02x}, a command's array has a count in digits"
            return ""
        end = data.find(b"\n", 0, 128)
        line = data[: end if end >= 0 else 128]
        for index, byte in enumerate(line.rstrip(b"\r")):
            if not 0x20 <= byte <= 0x7E:
                return f"byte {index} is 0x{byte:02x}, a command begins with '*' or is a line of text"
        if end >= 0 and _INLINE.match(data) is None:
            return f"byte 0 is 0x{data[0]:02x}, a command begins with '*' or is a line with a command's name"
        return ""
    if data[0] not in SERVER_FIRST:
        return f"byte 0 is 0x{data[0]:02x}, a reply begins with one of + - : $ * % ~ >"
    return ""


def _letters(at: int) -> bytes:
    """What stands at that place of a command that is typed."""
    letters = {word[at] for word in _WORDS}
    return bytes(letters | {letter | 0x20 for letter in letters})


SERVER_FIRST = b"+-:$*%~>"

PROTOCOLS = (
    Protocol(
        name="redis",
        title="Redis (RESP)",
        spec="Redis serialization protocol specification",
        aliases=("resp",),
        grammars=(
            Grammar(
                (TCP,),
                client,
                server,
                b"*" + LETTERS,
                SERVER_FIRST,
                reject=reject,
                client_at=((0, b"*" + _letters(0)), (1, DIGITS + _letters(1)), (2, b"\r" + DIGITS + _letters(2))),
            ),
        ),
    ),
)
