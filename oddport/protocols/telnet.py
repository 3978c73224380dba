"""Option negotiation and login prompts of Telnet → a match (RFC 854, RFC 855, IANA Telnet options)."""

import re

from oddport.engine.columns import TCP
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import Grammar, Protocol
from oddport.protocols.text import clean

IAC, SE, SB, WILL, DONT = 0xFF, 0xF0, 0xFA, 0xFB, 0xFE
"""RFC 854: interpret as command; end and begin of subnegotiation; WILL, WONT, DO, DONT are 0xFB to 0xFE."""
SUB_LIMIT = 512
"""Bytes of a subnegotiation; none of the registered options needs more at the start."""
OPTIONS = frozenset([*range(50), 69, 70, 85, 86, 90, 91, 93, *range(138, 141), 200, 201, 255])
"""IANA Telnet options (0-49, 138-140, 255) and those that MUD servers use."""
COMMANDS_LIMIT = 32
BANNER_LIMIT = 2_048
"""Bytes of text before a login prompt."""
COMMAND_BITS = 15
"""IAC, one of five verbs, one of some 60 options: 8 + 5.7 + 2, rounded down so that one command a side is tier C."""
STRONG_COMMANDS = 3
"""Behind the first four bytes stand then five more, of which two are in a set of five values and two in one of 60."""
_LOGIN = re.compile(rb"(?:^|[\r\n])[^\r\n]{0,64}?(?:login|user ?name|user|password)[ \t]?:[ \t]*\Z", re.IGNORECASE)


def _commands(data: bytes) -> tuple[int, int, int]:
    """(negotiations that parse from byte 0 on, where they end, index of the first byte that breaks one; -1 = none)."""
    at, count = 0, 0
    while at < len(data) and data[at] == IAC and count < COMMANDS_LIMIT:
        if at + 1 >= len(data):
            break
        verb = data[at + 1]
        if WILL <= verb <= DONT:
            if at + 2 >= len(data):
                break
            if data[at + 2] not in OPTIONS:
                return count, at, at + 2
            at += 3
        elif verb == SB:
            if at + 2 >= len(data):
                break
            if data[at + 2] not in OPTIONS:
                return count, at, at + 2
            end = data.find(b"\xff\xf0", at + 3, at + SUB_LIMIT)
            if end < 0:
                if len(data) > at + SUB_LIMIT:
                    return count, at, at + SUB_LIMIT
                break
            at = end + 2
        elif 0xF1 <= verb <= 0xF9:
            at += 2  # no option behind it, so it proves nothing
            continue
        else:
            return count, at, at + 1
        count += 1
    return count, at, -1


def negotiation(data: bytes) -> SideMatch | None:
    """Either side begins with option negotiation."""
    count, end, broken = _commands(data)
    if count == 0 or (broken >= 0 and count < STRONG_COMMANDS):
        return None
    return SideMatch(
        count >= STRONG_COMMANDS,
        ((0, end, f"{count} Telnet commands, the first with IAC (0xff)"),),
        {},
        False,
        COMMAND_BITS * count,
    )


def reject(data: bytes, role: int) -> str:
    """Text may be Telnet, too: only what begins with IAC and goes wrong, or with control characters, is refused."""
    _, _, broken = _commands(data)
    if broken >= 0:
        return f"byte {broken} is 0x{data[broken]:02x}, no Telnet command or option"
    if data[0] < 0x20 and data[0] not in b"\x00\x07\b\t\n\r\x0c\x1b":
        return f"byte 0 is 0x{data[0]:02x}, Telnet begins with IAC (0xff) or text"
    return ""


def prompt(data: bytes) -> SideMatch | None:
    """A server without options whose text so far ends in a login prompt."""
    if len(data) > BANNER_LIMIT or not data.rstrip(b" \t").endswith(b":") or not data.isascii() or b"\0" in data:
        return None
    match = _LOGIN.search(data)
    if match is None:
        return None
    facts: Facts = {"banner": clean(data)}
    return SideMatch(False, ((match.start(), match.end() - match.start(), "login prompt"),), facts, False, 40)


def typed(data: bytes) -> SideMatch | None:
    """A client's first line: a short word and the end of the line."""
    end = data.find(b"\r", 0, 64)
    if end <= 0 or not data[:end].isascii() or not data[:end].decode("ascii").isprintable():
        return None
    return SideMatch(False, ((0, end, "a line as typed"),), {}, False, 4)


PROTOCOLS = (
    Protocol(
        name="telnet",
        title="Telnet",
        spec="RFC 854",
        first="server",
        grammars=(
            Grammar((TCP,), negotiation, negotiation, b"\xff", b"\xff", reject=reject),
            Grammar((TCP,), typed, prompt, fallback=True),
        ),
    ),
)
