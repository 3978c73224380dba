"""Packets of TDS, which SQL Server speaks, and its browser service → a match (MS-TDS 2.2.3; MS-SQLR 2.2)."""

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16
from oddport.protocols.model import Facts
from oddport.protocols.registry import Protocol
from oddport.protocols.shapes import Rules, fixed, grammar, message, one_of, records, side, whole
from oddport.protocols.text import clean

HEADER = 8
LARGEST = 32_767
"""Bytes of a packet (MS-TDS 2.2.3.1.3)."""
OPTION_TYPES = frozenset(range(8))
"""VERSION to NONCEOPT (2.2.6.5)."""
TERMINATOR = 0xFF
OPTION = 5
TOKENS = b"\x81\xa4\xa9\xaa\xab\xac\xad\xae\xd1\xd2\xd3\xe3\xe5\xed\xfd\xfe\xff"
"""What a response to anything but a pre-login begins with (2.2.4)."""
VERSIONS = (
    b"\x00\x00\x00\x70",
    b"\x01\x00\x00\x71",
    b"\x02\x00\x09\x72",
    b"\x03\x00\x0a\x73",
    b"\x03\x00\x0b\x73",
    b"\x04\x00\x00\x74",
)
"""TDS 7.0 to 7.4 as a login says them (2.2.6.4)."""
HOST_AT = 36
"""Offset of the table of offsets in a login, from its beginning; the host's name stands first, the user's second."""
STATUS = bytes((0, 1, 2, 3, 8, 9, 16, 17))


def options(data: bytes) -> int:
    """A table of pre-login options: each offset where the one before it ended, and a terminator (2.2.6.5)."""
    at, after, seen = HEADER, -1, 0
    while at < len(data) and data[at] != TERMINATOR:
        if at + OPTION > len(data) or data[at] not in OPTION_TYPES or (seen and data[at] == 0):
            return -1
        start = u16(data, at + 1)
        if after >= 0 and start != after:
            return -1
        after = start + u16(data, at + 3)
        seen += 1
        at += OPTION
    return 5 * seen + 16 * (seen - 1) if seen else -1


def login(data: bytes) -> int:
    """A version that there is (2.2.6.4)."""
    return 27 if data[12:16] in VERSIONS else -1


def who(data: bytes) -> Facts:
    """The client's host, and the user, as the login says."""
    found: Facts = {}
    for name, at in (("host", HEADER + HOST_AT), ("user", HEADER + HOST_AT + 4)):
        if at + 4 <= len(data):
            start = HEADER + data[at] + (data[at + 1] << 8)
            text = data[start : start + 2 * (data[at + 2] + (data[at + 3] << 8))]
            if text:
                found[name] = clean(text.decode("utf-16-le", "replace").encode())
    return found


def packet(kinds: bytes) -> tuple[Rules, ...]:
    """The header of a packet: type, status, length with it, and a window that is always 0."""
    each = (one_of(0, kinds), one_of(1, STATUS), fixed(7, b"\0"))
    return (*each, records(2, 2, limit=LARGEST, each=each))


CLIENT_SIDE = side(
    message("pre-login of TDS", *packet(b"\x12"), least=HEADER + OPTION + 1, check=options),
    message("login of TDS", *packet(b"\x10"), least=HEADER + HOST_AT, check=login, facts=who),
    message("request of TDS", *packet(b"\x01\x03\x0e\x06\x07\x08\x02"), fixed(4, b"\0\0"), alone=False),
)
SERVER_SIDE = side(
    message("answer to a pre-login of TDS", *packet(b"\x04"), least=HEADER + OPTION + 1, check=options),
    message("response of TDS", *packet(b"\x04"), one_of(8, TOKENS), alone=False),
)
ASKED = side(
    message("question to all instances", one_of(0, b"\x02\x03"), most=1),
    message("question for an instance", fixed(0, b"\x04"), least=3, most=34),
)
TOLD = side(message("list of instances", fixed(0, b"\x05"), fixed(3, b"ServerName;"), whole(1, 2, 3, little=True)))

PROTOCOLS = (
    Protocol(
        name="ms-sql",
        title="SQL Server (TDS)",
        spec="MS-TDS",
        aliases=("tds", "mssql", "ms-sql-s"),
        grammars=(grammar((TCP,), CLIENT_SIDE, SERVER_SIDE), grammar((UDP,), ASKED, TOLD)),
    ),
)
