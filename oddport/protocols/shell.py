"""Banners, prompts and output of an interactive shell → a match, on whatever port it answers.

There is no specification: the words are those of the programs (cmd.exe, PowerShell, dash, bash, BusyBox) and of POSIX
`id`. The side that prints them is the shell; that says nothing about who listens, for a shell may call out. Asked only
where nothing else named the flow.
"""

import re
from re import Match, Pattern

from oddport.engine.columns import TCP
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import Grammar, Protocol
from oddport.protocols.text import clean

LOOK = 16
"""First bytes that must be text before anything is searched."""

_PATTERNS: tuple[tuple[bytes, Pattern[bytes]], ...] = tuple(
    (word, re.compile(pattern))
    for word, pattern in (
        (
            b"Microsoft Windows [",
            rb"(?P<windows>Microsoft Windows \[[^\]\r\n]{1,16} [0-9.]{3,20}\]\r?\n"
            rb"(?:\([Cc]\)|\xa9|Copyright)[^\r\n]{0,100}Microsoft)",
        ),
        (b"PS ", rb"(?P<powershell>(?:^|\n)PS [A-Z]:\\[^\r\n<>|]{0,200}> ?)"),
        (b"Windows PowerShell", rb"(?P<psbanner>Windows PowerShell\r?\nCopyright \(C\))"),
        (b" job control", rb"(?P<nojobs>no job control in this shell)"),
        (b"job control turned", rb"(?P<notty>can't access tty; job control turned off)"),
        (b"terminal process", rb"(?P<nogroup>cannot set terminal process group)"),
        (b"sh-", rb"(?P<version>(?:^|\n)(?:ba|da|z|k|a)?sh-[0-9]\.[0-9]{1,2}[a-z]?[$#] )"),
        (b"BusyBox v", rb"(?P<busybox>BusyBox v[0-9.]+ [^\r\n]{1,80}built-in shell)"),
        (b":\\", rb"(?P<drive>(?:^|\n)[A-Z]:\\[^\r\n<>|*?]{0,200}>)"),
        (b"@", rb"(?P<host>(?:^|\n)[\w.-]{1,32}@[\w.-]{1,64}:[~/][^\r\n$#]{0,128}[$#] )"),
        (b"[", rb"(?P<bracket>(?:^|\n)\[[\w.-]{1,32}@[\w.-]{1,64} [^\]\r\n]{1,128}\][$#] )"),
        (b"uid=", rb"(?P<id>uid=[0-9]{1,10}\([^()\s]{1,64}\) gid=[0-9]{1,10}\([^()\s]{1,64}\))"),
        (b"$ ", rb"(?P<bare>(?:^|\n)\$ )"),
        (b"# ", rb"(?P<root>(?:^|\n)# )"),
    )
)
"""(a word without which the pattern cannot match, pattern), the strong ones first."""
_SAYS: dict[str, tuple[str, str, int]] = {
    "windows": ("banner of the Windows command prompt", "cmd", 0),
    "powershell": ("prompt of PowerShell", "powershell", 0),
    "psbanner": ("banner of PowerShell", "powershell", 0),
    "nojobs": ("a shell without a terminal says so", "sh", 0),
    "notty": ("a shell without a terminal says so", "sh", 0),
    "nogroup": ("a shell without a terminal says so", "sh", 0),
    "version": ("prompt with the shell's version", "sh", 0),
    "busybox": ("banner of BusyBox ash", "sh", 0),
    "drive": ("prompt of the Windows command prompt", "cmd", 32),
    "host": ("prompt user@host", "sh", 32),
    "bracket": ("prompt [user@host]", "sh", 32),
    "id": ("output of id: uid, gid", "sh", 31),
    "bare": ("a bare prompt", "sh", 12),
    "root": ("a bare prompt of root", "sh", 12),
}
"""(what it is, which shell, bits of a weak match; 0 = strong)"""
_TYPED = re.compile(
    rb"(?:ls|id|pwd|cd|cat|ps|uname|whoami|hostname|w|who|ifconfig|ip|netstat|env|export|echo|wget|curl|chmod|rm|mkdir|find|python3?"
    rb"|sh|bash|dir|type|ipconfig|systeminfo|tasklist|net|ver|set|copy|del|cmd|powershell|exit|sudo|su|history|df|mount|crontab|route"
    rb"|arp|reg|sc)"
    rb"(?:[ ;|&>][\x20-\x7e]{0,512})?\r?\n"
)


def _text(data: bytes) -> bool:
    """Whether it begins like text and has no NUL: that ends nearly all that comes here."""
    return data[:LOOK].isascii() and b"\0" not in data


def _search(data: bytes) -> Match[bytes] | None:
    """The first pattern that is found; each has a word that is looked for first, for a pattern costs far more."""
    for word, pattern in _PATTERNS:
        if word in data:
            match = pattern.search(data)
            if match is not None:
                return match
    return None


def server(data: bytes) -> SideMatch | None:
    """The shell's side: what it prints."""
    if not _text(data):
        return None
    match = _search(data)
    if match is None or match.lastgroup is None:
        return None
    says, kind, bits = _SAYS[match.lastgroup]
    start = match.start() + (1 if data[match.start()] == 0x0A else 0)
    strong = bits == 0
    length = match.end() - start
    facts: Facts = {"shell": kind, "banner": clean(data[start : match.end()])} if strong else {}
    return SideMatch(strong, ((start, length, says),), facts, False, bits or 8 * min(length, 12))


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
