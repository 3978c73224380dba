"""Modules with PROTOCOLS → the registry: protocols by name, and 256-entry dispatch tables by transport and role.

**Adding a protocol.** Write a module in this package that ends in

    PROTOCOLS = (
        Protocol(
            name="vnc",                      # lower case; what `app` of a flow says
            title="VNC (RFB)",               # for people
            spec="RFC 6143",
            first="server",                  # who speaks first: client, server, either
            aliases=("rfb",),
            grammars=(Grammar((TCP,), client=version, server=version_then_types, client_first=b"R", server_first=b"R",
                              reject=why_not),),
        ),
    )

add its name to MODULES below, give it ports in `data/ports.toml`, and list it in `engine/compiled.txt` once it works
compiled. `ssh.py` is the worked example; text protocols that are verbs and reply codes are entries of `lines.py`.

**A matcher** is `client(data: bytes) -> SideMatch | None` or `server(…)`: do these bytes, from their first one on,
parse as that role's side? For TCP it gets the direction's first bytes in sequence order (1 to 4,096 of them, possibly
cut anywhere); for UDP and SCTP it gets one whole datagram. It never gets empty data, and never data whose first byte is
not in `client_first` / `server_first` (a bytes object of the possible first bytes; ANY if every byte is possible).
Return None as early as possible and allocate nothing before that: it runs on every flow. Never raise, whatever the
bytes.

- `strong=True` says: this one direction proves the protocol (tier B by itself). Allowed only where random bytes
  behind the first four would be refused 9,999 times in 10,000: a length or checksum that closes, or four fixed bytes
  and more that is checked. Weak matches name a flow only together with the other direction (tier A), or at tier C.
- `bits` says how much was checked, in bits that the grammar forced: 8 for each literal byte, the width of a length
  or count that closes, log2(256/n) for a byte that had to be one of n values. Where two protocols match the same
  bytes, the one with more bits wins: never list order. 0 means 32 if strong, else 8.
- `spans` are (offset, length, says) of the bytes that prove it. `says` is a text; where values are in it, a %-format
  with the values, `("length %d closes the datagram", length)`: hardly any flow is ever looked at, and an f-string costs
  more than the match.
- `facts` are plain values, strings through `text.clean`.
- `more=True`: the name stands, but a fact (a host name beyond the cut) may still come.

**client_at, server_at** keep a matcher from being asked in vain, most of all one of a protocol over UDP that may begin
with any byte: places behind the first byte that must be there, each with the bytes that may stand in it. They are
checked in the compiled dispatch, for a hundredth of what calling the matcher costs:

    client_at=((3, b"\x00\x01"),)                       # byte 3 is there, and is 0 or 1
    client_at=(*literal(4, b"\x21\x12\xa4\x42"), least(20))  # the magic cookie at 4, and at least 20 bytes

Data that does not fit them is data that the matcher would have refused. For TCP remember that data may be cut anywhere.

**pair(client_data, server_data) -> bool**: optional; whether two matched directions belong together (same DNS id).
False takes tier A away.

**reject(data, role) -> str**: why these bytes are *not* this role's side, naming the byte: "byte 0 is 0x47, a record
starts with 0x14 to 0x17" (no "not TLS:" in front). "" where they may be, or are merely too short to tell. Without it,
the first-byte sets answer. `role` is CLIENT or SERVER. Bytes that a matcher accepts must never be rejected.

**Protocol.describe(head, found) -> None**: optional; called whenever a flow got this name, with its first bytes: adds
facts to `found.facts` that no name needs, or that take more than one message, and clears `found.final` where more may
come.

**fallback=True** is for grammars that may begin anywhere (a shell prompt after a banner): asked only when nothing else
named the flow, and only where a direction begins like text.

**series(datagrams) -> SideMatch | None**: for protocols over UDP of which no single datagram proves anything: what the
first datagrams of one direction are together (RTP: one source, whose numbers and times go on). Asked only where nothing
else named the flow, with SERIES datagrams or more; spans count over their concatenation. A match is strong or None.

**Protocol.refuses(facts) -> bool**: optional; whether the server's first message, by its facts, is an answer to what
it could not read at all. What such a server was sent is then named by the client's side.

**Protocol.announced_by**: the protocols whose flows announce channels of this one (announced.py). One that has no
grammar of its own is named by them alone, at tier C.

**Compiled modules** (plain Python, Cython makes them up to twice as fast) are compiled with `wraparound=False`: no
negative index or slice bound anywhere; annotate data as `bytes`; do not subclass builtins.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Literal

from oddport.engine.columns import SCTP, TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.model import Facts, Identification, SideMatch, fits

CLIENT, SERVER = 0, 1
NO_APP = -1
"""In a column of apps: no name."""
ANY = bytes(range(256))
"""Every first byte is possible."""
UPPER = bytes(range(0x41, 0x5B))
LETTERS = UPPER + bytes(range(0x61, 0x7B))
DIGITS = bytes(range(0x30, 0x3A))

Matcher = Callable[[bytes], SideMatch | None]
Reject = Callable[[bytes, int], str]
Pair = Callable[[bytes, bytes], bool]
Series = Callable[[tuple[bytes, ...]], SideMatch | None]
Describe = Callable[[Head, Identification], None]
Places = tuple[tuple[int, bytes], ...]
"""(offset, the bytes that may stand there): all of them must be there."""


def literal(at: int, text: bytes) -> Places:
    """The places of fixed bytes at an offset."""
    return tuple((at + index, text[index : index + 1]) for index in range(len(text)))


def least(size: int) -> tuple[int, bytes]:
    """The place that only data of at least `size` bytes has."""
    return size - 1, ANY


MODULES: tuple[str, ...] = (
    # one a line, in alphabetical order; the order means nothing
    "automation",
    "bittorrent",
    "building",
    "calls",
    "dcerpc",
    "devices",
    "dhcp",
    "dhcpv6",
    "dns",
    "dtls",
    "flowexport",
    "ftp",
    "http",
    "http2",
    "infrastructure",
    "ipsec",
    "irc",
    "iso",
    "kerberos",
    "ldap",
    "logs",
    "mail",
    "media",
    "memcached",
    "messaging",
    "mqtt",
    "mysql",
    "netbios",
    "news",
    "ntp",
    "openvpn",
    "peers",
    "postgresql",
    "quic",
    "radius",
    "rdp",
    "redis",
    "routing",
    "rtp",
    "scada",
    "shell",
    "sip",
    "smb",
    "snmp",
    "socks",
    "srvloc",
    "ssdp",
    "ssh",
    "stores",
    "stun",
    "sunrpc",
    "tds",
    "telecom",
    "telnet",
    "tftp",
    "tls",
    "tunnels",
    "unix",
    "vnc",
    "wireguard",
    "wsd",
    "zerotier",
)


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """What both sides of a protocol send first over some transports."""

    transports: tuple[int, ...]
    """Of TCP, UDP, SCTP (IANA protocol numbers)."""
    client: Matcher | None
    """None: the client's side cannot be told (it counts as absent)."""
    server: Matcher | None
    client_first: bytes = ANY
    server_first: bytes = ANY
    pair: Pair | None = None
    reject: Reject | None = None
    symmetric: bool = False
    """Either end may take either role at any time (SIP, NTP peers): two client, or two server sides, prove it too."""
    fallback: bool = False
    tells_server: bool = True
    """False: who speaks the server's part says nothing about who listens (a shell that calls out)."""
    client_at: Places = ()
    """Further places that the client's data must have."""
    server_at: Places = ()
    series: Series | None = None
    """What several datagrams of one direction are together."""

    def parse(self, role: int, data: bytes) -> SideMatch | None:
        """What the role's matcher makes of any data, also of such as it must not be asked about."""
        matcher, first, places = (
            (self.client, self.client_first, self.client_at)
            if role == CLIENT
            else (self.server, self.server_first, self.server_at)
        )
        if matcher is None or not data or data[0] not in first or not fits(data, places):
            return None
        return matcher(data)


@dataclass(frozen=True, slots=True, eq=False)
class Protocol:
    """One protocol: its name, its grammars, and what people call it."""

    name: str
    title: str
    spec: str
    grammars: tuple[Grammar, ...]
    first: Literal["client", "server", "either"] = "client"
    aliases: tuple[str, ...] = ()
    describe: Describe | None = None
    announced_by: tuple[str, ...] = ()
    """Protocols whose flows announce channels of this one."""
    refuses: Callable[[Facts], bool] | None = None
    """By the facts of a server's first message: it says that it understood nothing of what it was sent."""

    def takes_up(self, said: Facts) -> bool:
        """Whether a server's first message, by its facts, has to do with what the client sent before."""
        return self.first != "server" and not (self.refuses is not None and self.refuses(said))


Entry = tuple[str, Matcher, Grammar, Places]
"""(protocol name, matcher of the role, its grammar, where the matcher may be asked)"""
Cell = tuple[tuple[Entry, ...], bytes]
"""Entries, and their places behind one another in a form that compiled code reads without making objects (`_plan`)."""
Row = tuple[Cell, ...]
"""256 cells, by first byte."""
PLACE_BYTES = 34
"""Of a place in a plan: an offset of two bytes, the lower one first, and a bit for each byte that may stand there."""


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """All protocols, and who may be meant by a first byte."""

    protocols: dict[str, Protocol]
    aliases: dict[str, str]
    """Other names in lower case → name."""
    client: dict[int, Row]
    """By transport."""
    server: dict[int, Row]
    fallback_client: dict[int, tuple[Entry, ...]]
    fallback_server: dict[int, tuple[Entry, ...]]
    series: tuple[tuple[str, Series, Grammar], ...]
    """What is asked about several datagrams of a direction."""
    describe: dict[str | None, Describe]
    """By name."""


def build(protocols: tuple[Protocol, ...]) -> Registry:
    """The registry of these protocols. Raises ValueError where two share a name, or a first-byte set is empty."""
    by_name: dict[str, Protocol] = {}
    aliases: dict[str, str] = {}
    for protocol in protocols:
        for word in (protocol.name, *protocol.aliases):
            if word in by_name or word in aliases:
                raise ValueError(f"two protocols are called {word!r}: rename one of them in its module")
        by_name[protocol.name] = protocol
        aliases.update(dict.fromkeys(protocol.aliases, protocol.name))
    tables: dict[tuple[int, int], list[list[Entry]]] = {
        (role, transport): [[] for _ in range(256)] for role in (CLIENT, SERVER) for transport in (TCP, UDP, SCTP)
    }
    fallback: dict[tuple[int, int], list[Entry]] = {key: [] for key in tables}
    for name in sorted(by_name):
        for grammar in by_name[name].grammars:
            sides = (
                (CLIENT, grammar.client, grammar.client_first, grammar.client_at),
                (SERVER, grammar.server, grammar.server_first, grammar.server_at),
            )
            for role, matcher, first, places in sides:
                if matcher is None:
                    continue
                if not first:
                    raise ValueError(f"{name}: a side with a matcher needs at least one possible first byte")
                for transport in grammar.transports:
                    entry = (name, matcher, grammar, places)
                    if grammar.fallback:
                        fallback[role, transport].append(entry)
                        continue
                    for byte in set(first):
                        tables[role, transport][byte].append(entry)

    def rows(role: int) -> dict[int, Row]:
        return {
            t: tuple((tuple(cell), b"".join(_plan(entry[3]) for entry in cell)) for cell in table)
            for (r, t), table in tables.items()
            if r == role
        }

    def rest(role: int) -> dict[int, tuple[Entry, ...]]:
        return {t: tuple(entries) for (r, t), entries in fallback.items() if r == role}

    describe: dict[str | None, Describe] = {p.name: p.describe for p in protocols if p.describe is not None}
    series = tuple(
        (name, grammar.series, grammar)
        for name in sorted(by_name)
        for grammar in by_name[name].grammars
        if grammar.series is not None
    )
    return Registry(by_name, aliases, rows(CLIENT), rows(SERVER), rest(CLIENT), rest(SERVER), series, describe)


@cache
def _plan(places: Places) -> bytes:
    """How many places there are, in one byte, and the places."""
    plan = bytearray((len(places),))
    for at, allowed in places:
        bits = sum(1 << value for value in set(allowed))
        plan += at.to_bytes(2, "little") + bits.to_bytes(32, "little")
    return bytes(plan)


@cache
def registry() -> Registry:
    """The registry of all modules in MODULES, built at the first call."""
    found: list[Protocol] = []
    for module in MODULES:
        found.extend(import_module(f"oddport.protocols.{module}").PROTOCOLS)
    return build(tuple(found))


@cache
def app_names() -> tuple[str, ...]:
    """The names of all protocols, in alphabetical order: what columns of flows count their apps by."""
    return tuple(sorted(registry().protocols))


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """(first, last) of each run of numbers that follow on one another."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def byte_set_text(values: bytes) -> str:
    """A set of byte values for a person: "0x14 to 0x17", "'G', 'P'", at most eight items."""
    printable = all(0x21 <= value <= 0x7E for value in values)

    def name(value: int) -> str:
        return f"'{chr(value)}'" if printable else f"0x{value:02x}"

    parts = [
        name(a) if a == b else f"{name(a)} to {name(b)}" if b > a + 1 else f"{name(a)}, {name(b)}"
        for a, b in runs(values)
    ]
    return ", ".join(parts[:8]) + (" …" if len(parts) > 8 else "")
