"""Banners, prompts and output of an interactive shell → a match, on whatever port it answers.

There is no specification: the words are those of the programs (cmd.exe, PowerShell, dash, bash, BusyBox) and of POSIX
`id`. The side that prints them is the shell; that says nothing about who listens, for a shell may call out. Asked only
where nothing else named the flow.
"""

import re

from oddport.engine.columns import TCP
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import Grammar, Protocol
from oddport.protocols.text import clean

WINDOW = 4_096
"""Bytes that are searched."""
LOOK = 16
"""First bytes that must be text before anything is searched."""

_STRONG = re.compile(
    rb"(?P<windows>Microsoft Windows \[[^\]\r\n]{1,16} [0-9.]{3,20}\]\r?\n"
    rb"(?:\([Cc]\)|\xa9|Copyright)[^\r\n]{0,100}Microsoft)"
    rb"|(?P<powershell>(?:^|\n)PS [A-Z]:\\[^\r\n<>|]{0,200}> ?)"
    rb"|(?P<psbanner>Windows PowerShell\r?\nCopyright \(C\))"
    rb"|(?P<jobs>no job control in this shell|can't access tty; job control turned off"
    rb"|cannot set terminal process group)"
    rb"|(?P<version>(?:^|\n)(?:ba|da|z|k|a)?sh-[0-9]\.[0-9]{1,2}[a-z]?[$#] )"
    rb"|(?P<busybox>BusyBox v[0-9.]+ [^\r\n]{1,80}built-in shell)"
)
_SAYS = {
    "windows": ("banner of the Windows command prompt", "cmd"),
    "powershell": ("prompt of PowerShell", "powershell"),
    "psbanner": ("banner of PowerShell", "powershell"),
    "jobs": ("a shell without a terminal says so", "sh"),
    "version": ("prompt with the shell's version", "sh"),
    "busybox": ("banner of BusyBox ash", "sh"),
}
_WEAK = re.compile(
    rb"(?P<drive>(?:^|\n)[A-Z]:\\[^\r\n<>|*?]{0,200}>)"
    rb"|(?P<host>(?:^|\n)[\w.-]{1,32}@[\w.-]{1,64}:[~/][^\r\n$#]{0,128}[$#] )"
    rb"|(?P<bracket>(?:^|\n)\[[\w.-]{1,32}@[\w.-]{1,64} [^\]\r\n]{1,128}\][$#] )"
    rb"|(?P<id>uid=[0-9]{1,10}\([^()\s]{1,64}\) gid=[0-9]{1,10}\([^()\s]{1,64}\))"
    rb"|(?P<bare>(?:^|\n)[$#] )"
)
_WEAK_SAYS = {
    "drive": ("prompt of the Windows command prompt", 32),
    "host": ("prompt user@host", 32),
    "bracket": ("prompt [user@host]", 32),
    "id": ("output of id: uid, gid", 31),
    "bare": ("a bare prompt", 12),
}
_TYPED = re.compile(
    rb"(?:ls|id|pwd|cd|cat|ps|uname|whoami|hostname|w|who|ifconfig|ip|netstat|env|export|echo|wget|curl|chmod|rm|mkdir|find|python3?"
    rb"|sh|bash|dir|type|ipconfig|systeminfo|tasklist|net|ver|set|copy|del|cmd|powershell|exit|sudo|su|history|df|mount|crontab|route"
    rb"|arp|reg|sc)"
    rb"(?:[ ;|&>][\x20-\x7e]{0,512})?\r?\n"
)


def _text(data: bytes) -> bool:
    start = data[:LOOK]
    return start.isascii() and b"\0" not in start


def server(data: bytes) -> SideMatch | None:
    """The shell's side: what it prints."""
    if not _text(data):
        return None
    match = _STRONG.search(data, 0, WINDOW)
    if match is not None and match.lastgroup is not None:
        says, kind = _SAYS[match.lastgroup]
        start = match.start() + (1 if data[match.start()] == 0x0A else 0)
        length = match.end() - start
        facts: Facts = {"shell": kind, "banner": clean(data[start : match.end()])}
        return SideMatch(True, ((start, length, says),), facts, False, 8 * min(length, 12))
    match = _WEAK.search(data, 0, WINDOW)
    if match is None or match.lastgroup is None:
        return None
    says, bits = _WEAK_SAYS[match.lastgroup]
    start = match.start() + (1 if data[match.start()] == 0x0A else 0)
    return SideMatch(False, ((start, match.end() - start, says),), {}, False, bits)


def client(data: bytes) -> SideMatch | None:
    """The other side: lines as typed, the first of them a command that people type into shells."""
    if not _text(data):
        return None
    match = _TYPED.match(data)
    if match is None:
        return None
    line = data[: match.end()].rstrip(b"\r\n")
    return SideMatch(False, ((0, len(line), "a shell command as typed"),), {"command": clean(line)}, False, 24)


PROTOCOLS = (
    Protocol(
        name="shell",
        title="Interactive shell",
        spec="none; words of cmd.exe, PowerShell, POSIX shells",
        first="either",
        grammars=(Grammar((TCP,), client, server, fallback=True, tells_server=False),),
    ),
)
