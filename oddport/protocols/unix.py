"""What Unix systems serve each other → matches: whois, finger, ident, rlogin, rsh, LPD, rsync, Git, SVN, CVS, X.

Sources: RFC 3912 (whois), 1288 (finger), 1413 (ident), 1282 (rlogin), 1179 (LPD); rshd(8); rsync's csprotocol.txt;
gitprotocol-common(5) and gitprotocol-pack(5); Subversion's ra_svn protocol; CVS client/server protocol; X Window System
Protocol, section 8; XDMCP 1.1.
"""

import re

from oddport.engine.columns import TCP, UDP
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.phrases import phrase
from oddport.protocols.registry import CLIENT, Grammar, Protocol
from oddport.protocols.shapes import Message, fixed, grammar, message, number, one_of, side, whole
from oddport.protocols.text import clean

DIGIT = tuple(bytes((value,)) for value in b"0123456789")
WORD = tuple(bytes((value,)) for value in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
HOST = rb"[0-9A-Za-z_.-]"

# one line is asked, and the server closes behind its answer ---------------------------------------------------------

# any text may begin these two, so that they are asked only where nothing else has a name
WHOIS_ASKS = phrase(
    "one line, a name",
    rb"(?P<query>(?:[a-z]{1,8} )?=?[0-9A-Za-z][0-9A-Za-z_.:-]{1,120})\r\n\Z",
    24,
    begins=WORD,
    strong=False,
)
WHOIS_TELLS = side(
    phrase(
        "greeting of a registry",
        rb"[%#][^\n]{0,40}\b(?i:whois|ripe|registry)\b[^\n]{0,200}\r?\n",
        56,
        begins=(b"%", b"#"),
    ),
    phrase(
        "record of a domain",
        rb" {0,4}(?i:domain name): {0,40}(?i:" + HOST + rb"{3,80})\r?\n[ -~\t]{4,}",
        120,
        begins=(b"Domain Name:", b"   Domain Name:", b"Domain name:", b"domain name:"),
    ),
    phrase(
        "registries that an answer comes from",
        rb"(?:\n|#[^\n]{0,80}\n){1,12}# ARIN WHOIS data",
        120,
        begins=(b"\n#", b"#\n"),
    ),
    phrase(
        "no such name",
        rb"(?i:no match for |no data found|not found)",
        48,
        begins=(b"No match", b"NOT FOUND"),
        strong=False,
    ),
)

FINGER_ASKS = phrase(
    "one line, a user",
    rb"(?:/W ?)?(?P<user>[!-.0-~]{0,32}(?:@" + HOST + rb"{1,80})?)\r\n\Z",
    16,
    begins=(*WORD, b"/W", b"\r\n", b"@"),
    strong=False,
)
FINGER_TELLS = phrase(
    "record of a user",
    rb"Login(?: name)?: [!-~]{1,32}[ \t]+(?:Name|In real life): ?[^\x00-\x08\r\n]{0,80}\r?\n",
    120,
    begins=(b"Login",),
)

IDENT_ASKS = phrase("two ports", rb"[0-9]{1,5} {0,2}, {0,2}[0-9]{1,5}\r?\n\Z", 30, begins=DIGIT, strong=False)
IDENT_TELLS = phrase(
    "two ports and whose they are",
    rb"[0-9]{1,5} {0,2}, {0,2}[0-9]{1,5} {0,2}: {0,2}"
    rb"(?:USERID {0,2}: {0,2}[^:\r\n]{1,64}: ?(?P<user>[^\r\n]{1,512})|ERROR {0,2}: {0,2}[A-Z-]{6,16})\r?\n",
    100,
    begins=DIGIT,
)

# remote shells and printers -----------------------------------------------------------------------------------------

NAME = rb"[!-~]{1,32}"
RLOGIN_ASKS = phrase(
    "names on both sides, terminal and speed",
    rb"\x00(?P<client_user>" + NAME + rb")\x00(?P<user>" + NAME + rb")\x00[A-Za-z0-9_.+-]{1,32}/[0-9]{2,6}\x00",
    74,
    begins=(b"\0",),
)
ACCEPTED = phrase("an empty byte: accepted", rb"\x00", 8, begins=(b"\0",), strong=False)
RSH_ASKS = phrase(
    "port for errors, names on both sides, command",
    rb"[0-9]{0,5}\x00(?P<client_user>" + NAME + rb")\x00(?P<user>" + NAME + rb")\x00(?P<command>[ -~]{2,1000})\x00",
    72,
    begins=(b"\0", *DIGIT),
)
RSH_TELLS = side(
    ACCEPTED,
    phrase("a byte of 1, and why not", rb"\x01[ -~]{4,200}\r?\n", 24, begins=(b"\1",), strong=False),
)
LPD_ASKS = side(
    phrase(
        "a job for a queue, and its control file",
        rb"\x02(?P<queue>[!-~]{1,64})\n\x02[0-9]{1,6} cfA[0-9]{3}[!-~]{1,64}\n",
        90,
        begins=(b"\2",),
    ),
    phrase(
        "command and queue",
        rb"[\x01-\x05](?P<queue>[!-~]{1,64})(?: [ -~]{0,200})?\n\Z",
        24,
        begins=(b"\1", b"\2", b"\3", b"\4", b"\5"),
        strong=False,
    ),
)

# files and their versions -------------------------------------------------------------------------------------------

RSYNC = phrase(
    "greeting of rsync",
    rb"@RSYNCD: (?P<version>[0-9]{1,2}(?:\.[0-9]{1,2})?)(?: [a-z0-9 ]{1,200})?\n",
    84,
    begins=(b"@RSYNCD: ",),
)
SVN_ASKS = phrase(
    "version, abilities and address",
    rb"\( [0-9] \( (?:[a-z0-9:-]{1,60} ){1,40}\) [0-9]{1,4}:(?P<url>svn(?:\+[a-z]{1,16})?://[!-~]{1,1000}) ",
    120,
    begins=(b"( 1 ( ", b"( 2 ( ", b"( 3 ( "),
)
SVN_TELLS = phrase("versions and abilities", rb"\( success \( [0-9] [0-9] \( ", 150, begins=(b"( success ( ",))
CVS_ASKS = phrase(
    "request for authentication",
    rb"BEGIN (?:AUTH|VERIFICATION|GSSAPI) REQUEST\n(?:(?P<path>/[^\x00\n]{0,400})\n(?P<user>[!-~]{1,64})\n)?",
    150,
    begins=(b"BEGIN AUTH REQUEST\n", b"BEGIN VERIFICATION REQUEST\n", b"BEGIN GSSAPI REQUEST\n"),
)
CVS_TELLS = phrase(
    "whether it loves you",
    rb"(?:I LOVE YOU|I HATE YOU)\n|E [ -~]{1,200}\n(?:I HATE YOU|error )",
    80,
    begins=(b"I LOVE YOU\n", b"I HATE YOU\n", b"E "),
)

GIT_DIGITS = 4
"""Hex digits of the length that a packet line begins with; they count themselves (gitprotocol-common(5))."""
HEX = b"0123456789abcdef"
_GIT_ASKS = re.compile(
    rb"git-(?:upload-pack|receive-pack|upload-archive) ([^\x00\n]{1,1024})\x00(?:host=([^\x00]{1,255})\x00)?"
)
_GIT_TELLS = re.compile(rb"(?:[0-9a-f]{40}|[0-9a-f]{64}) [^\x00\n]{1,1024}(?:\x00|\n|\Z)|version [12]\n|ERR [ -~]{2,}")


def _git_line(data: bytes) -> int:
    """Bytes of the first packet line with its digits; 0 where it begins with no length."""
    digits = data[:GIT_DIGITS]
    if len(digits) < GIT_DIGITS or digits.strip(HEX):
        return 0
    return int(digits, 16)


def git_client(data: bytes) -> SideMatch | None:
    """The request: a service, the repository, and mostly the host, in a line whose length closes."""
    size = _git_line(data)
    match = _GIT_ASKS.match(data, GIT_DIGITS) if size else None
    if match is None or match.end() > size or len(data) < size:
        return None
    facts: Facts = {"path": clean(match.group(1))}
    if match.group(2):
        facts["host"] = clean(match.group(2))
    return SideMatch(True, ((0, size, ("request of %d bytes, as its length says", size)),), facts, False, 128)


def git_server(data: bytes) -> SideMatch | None:
    """The first reference with the server's abilities, the version, or an error."""
    size = _git_line(data)
    match = _GIT_TELLS.match(data, GIT_DIGITS) if size else None
    if match is None or match.end() > size:
        return None
    return SideMatch(True, ((0, match.end(), ("packet line of %d bytes", size)),), {}, False, 64)


def git_reject(data: bytes, role: int) -> str:
    """Judges the length, and behind it what a request begins with."""
    for index, byte in enumerate(data[:GIT_DIGITS]):
        if byte not in HEX:
            return f"byte {index} is 0x{byte:02x}, a packet line begins with four hex digits"
    if role == CLIENT:
        for index, wanted in enumerate(b"git-", GIT_DIGITS):
            if index < len(data) and data[index] != wanted:
                return f"byte {index} is 0x{data[index]:02x}, a request names a service: git-upload-pack …"
    return ""


# X ------------------------------------------------------------------------------------------------------------------


def _x11_asks(order: bytes, little: bool) -> Message:
    """Byte order, version 11.0, lengths of the name and the data of authorization (section 8)."""
    eleven = b"\x0b\0" if little else b"\0\x0b"
    return message(
        "set-up of X11",
        fixed(0, order + b"\0" + eleven + b"\0\0"),
        number(6, 2, 0, 64, little=little),
        number(8, 2, 0, 256, little=little),
        fixed(10, b"\0\0"),
    )


def _x11_tells(eleven: bytes) -> Message:
    return message("X11 server, version 11.0", one_of(0, b"\0\1\2"), fixed(2, eleven + b"\0\0"), least=8, alone=False)


XDMCP_ASKS = b"\1\2\3\4\7\x0a\x0d"
"""Broadcast-, Query, Indirect-, ForwardQuery, Request, Manage, KeepAlive."""
XDMCP_TELLS = b"\5\6\x08\x09\x0b\x0c\x0e"
"""Willing, Unwilling, Accept, Decline, Refuse, Failed, Alive."""


def _xdmcp(says: str, codes: bytes) -> Message:
    return message(says, fixed(0, b"\0\1\0"), one_of(3, codes), whole(4, 2, 6))


def _protocol(name: str, title: str, spec: str, *grammars: Grammar, aliases: tuple[str, ...] = ()) -> Protocol:
    return Protocol(name=name, title=title, spec=spec, grammars=grammars, aliases=aliases)


PROTOCOLS = (
    _protocol(
        "whois",
        "Whois",
        "RFC 3912",
        grammar((TCP,), side(WHOIS_ASKS), WHOIS_TELLS, fallback=True),
        aliases=("nicname",),
    ),
    _protocol("finger", "Finger", "RFC 1288", grammar((TCP,), side(FINGER_ASKS), side(FINGER_TELLS), fallback=True)),
    _protocol("ident", "Ident", "RFC 1413", grammar((TCP,), side(IDENT_ASKS), side(IDENT_TELLS)), aliases=("auth",)),
    _protocol("rlogin", "rlogin", "RFC 1282", grammar((TCP,), side(RLOGIN_ASKS), side(ACCEPTED))),
    _protocol("rsh", "Remote shell (rsh)", "rshd(8)", grammar((TCP,), side(RSH_ASKS), RSH_TELLS)),
    _protocol("lpd", "Line printer (LPD)", "RFC 1179", grammar((TCP,), LPD_ASKS, side(ACCEPTED)), aliases=("printer",)),
    Protocol(
        name="rsync",
        title="rsync",
        spec="rsync, csprotocol.txt",
        first="either",
        grammars=(grammar((TCP,), side(RSYNC), side(RSYNC), symmetric=True),),
    ),
    _protocol(
        "git", "Git", "gitprotocol-pack(5)", Grammar((TCP,), git_client, git_server, HEX, HEX, reject=git_reject)
    ),
    Protocol(
        name="svn",
        title="Subversion",
        spec="Subversion, ra_svn protocol",
        first="server",
        aliases=("subversion",),
        grammars=(grammar((TCP,), side(SVN_ASKS), side(SVN_TELLS)),),
    ),
    _protocol("cvs", "CVS", "CVS client/server protocol", grammar((TCP,), side(CVS_ASKS), side(CVS_TELLS))),
    _protocol(
        "x11",
        "X11",
        "X Window System Protocol, section 8",
        grammar((TCP,), side(_x11_asks(b"l", True)), side(_x11_tells(b"\x0b\0"))),
        grammar((TCP,), side(_x11_asks(b"B", False)), side(_x11_tells(b"\0\x0b"))),
        aliases=("x",),
    ),
    _protocol(
        "xdmcp",
        "XDMCP",
        "X Display Manager Control Protocol 1.1",
        grammar((UDP,), side(_xdmcp("request of XDMCP", XDMCP_ASKS)), side(_xdmcp("answer of XDMCP", XDMCP_TELLS))),
    ),
)
