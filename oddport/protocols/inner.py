"""First bytes of a flow whose ends agree to go on with something else → what they speak behind that point.

STARTTLS and its kin (RFC 3207, 2595, 4217, 4511 section 4.14, 6120 section 5; PostgreSQL's SSLRequest, MySQL's request
for TLS, RDP's negotiation), HTTP's CONNECT and Upgrade (RFC 9110, 9.3.6 and 7.8), SOCKS (RFC 1928). Each direction has
a point behind which its bytes belong to the inner protocol; what begins there is named like a flow of its own.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from oddport.engine.heads import Head, Piece
from oddport.protocols.ber import element
from oddport.protocols.binary import u16, u24_le, u32, u32_le, wrong_byte
from oddport.protocols.model import BROKEN_PROMISE, INSIDE, Identification, Inner, Tier
from oddport.protocols.socks import target_of

DEPTH = 4
"""Protocols inside each other that are looked for."""
LATE = 256
"""Bytes of a client that may still ask for TLS."""
MYSQL_PACKET, MYSQL_REQUEST, MYSQL_TLS = 4, 32, 0x0800
POSTGRESQL_TLS = bytes.fromhex("0000000804d2162f")
RDP_NEGOTIATED, RDP_RESPONSE = 11, 2
"""Where the negotiation structure stands, and the type of a response (MS-RDPBCGR 2.2.1.2.1)."""
LDAP_TLS = b"1.3.6.1.4.1.1466.20037"
_FIELDS = rb"(?:[^\r\n][^\n]*\n)*"
_FRAME = bytes(
    final | deflated | opcode for final in (0, 0x80) for deflated in (0, 0x40) for opcode in (0, 1, 2, 8, 9, 10)
)
_MASKED = bytes(range(0x80, 0x100))

End = Callable[[bytes], int]
"""Where the outer protocol's bytes of a direction end; -1 where nothing was agreed."""
Test = Callable[[bytes], str]
"""Why the client's bytes behind that point do not begin like what was agreed on; "" where they do."""


class Broken(NamedTuple):
    """What the ends agreed on and the client did not go on with."""

    at: int
    """Where in the client's bytes it should begin."""
    app: str
    why: str
    """"byte 0 is 0x47, …", counted from there."""


class Switch(NamedTuple):
    """One way to go on with something else."""

    client: End
    server: End
    app: str = ""
    """What follows, where the agreement itself names it."""
    promise: str = ""
    """What has to follow …"""
    test: Test | None = None
    """… and how it begins."""
    agrees: End | None = None
    """Where the server agrees, whatever it goes on with; None: as `server`."""
    rare: bool = False
    """The server's first bytes tell sooner than the client's that nothing was agreed on, and do so of nearly all."""


def _begins_tls(data: bytes) -> str:
    """A handshake record (RFC 8446, 5.1), or a hello in the form of SSL 2.0 (RFC 5246, E.2)."""
    return (
        ""
        if data[0] & 0x80
        else wrong_byte(data, 0, b"\x16", "a handshake record begins with 0x16")
        or wrong_byte(data, 1, b"\x03", "a record's version starts with 0x03")
    )


def _begins_frame(data: bytes) -> str:
    """A frame of a client: two reserved bits clear, an assigned opcode, masked (RFC 6455, 5.2)."""
    return wrong_byte(data, 0, _FRAME, "no frame with an assigned opcode") or (
        wrong_byte(data, 1, _MASKED, "a client's frame is masked")
    )


def _behind(pattern: bytes) -> End:
    """Behind the first place where the pattern is."""
    search = re.compile(pattern, re.IGNORECASE).search

    def end(data: bytes) -> int:
        found = search(data)
        return -1 if found is None else found.end()

    return end


def _starttls(request: bytes, answer: bytes, before: bytes) -> Switch:
    """A line that asks, and a line that agrees: the last one before TLS begins, or the one behind what the server says
    `before` it."""
    return Switch(
        _behind(rb"(?:\A|\n)" + request + rb"[ \t]*\r?\n"),
        _behind(rb"(?:\A|\n)" + answer + rb"(?=\x16\x03|\Z)"),
        promise="tls",
        test=_begins_tls,
        agrees=_behind(before + answer),
    )


def _tls(client: End, server: End) -> Switch:
    """Two binary messages behind which TLS begins."""
    return Switch(client, server, promise="tls", test=_begins_tls)


def _http(
    request: bytes, status: bytes, app: str = "", promise: str = "", test: Test | None = None, rare: bool = False
) -> Switch:
    """A request with its fields, and an answer of that status."""
    return Switch(
        _behind(rb"\A" + request + _FIELDS + rb"\r?\n"),
        _behind(rb"\AHTTP/1\.[01] " + status + rb"[^\n]*\n" + _FIELDS + rb"\r?\n"),
        app,
        promise,
        test,
        rare=rare,
    )


def _mysql_client(data: bytes) -> int:
    end = MYSQL_PACKET + MYSQL_REQUEST
    return end if len(data) >= end and u24_le(data, 0) == MYSQL_REQUEST and u32_le(data, 4) & MYSQL_TLS else -1


def _mysql_server(data: bytes) -> int:
    return MYSQL_PACKET + u24_le(data, 0) if len(data) > MYSQL_PACKET else -1


def _rdp_client(data: bytes) -> int:
    return u16(data, 2) if len(data) > RDP_NEGOTIATED else -1


def _rdp_server(data: bytes) -> int:
    # protocol 0 is RDP's own security: no TLS follows
    agreed = len(data) >= RDP_NEGOTIATED + 8 and data[RDP_NEGOTIATED] == RDP_RESPONSE
    return u16(data, 2) if agreed and u32_le(data, RDP_NEGOTIATED + 4) else -1


def _ldap_client(data: bytes) -> int:
    whole = element(data, 0, len(data))
    return whole[2] if whole is not None and LDAP_TLS in data[: max(whole[2], 0)] else -1


def _ldap_server(data: bytes) -> int:
    whole = element(data, 0, len(data))
    return -1 if whole is None else whole[2]


def _socks_client(data: bytes) -> int:
    if data[:1] == b"\x04":
        # the user's name, and with address 0.0.0.x the host's behind it (SOCKS 4A)
        end = data.find(b"\x00", 8)
        if end >= 0 and u32(data, 4) >> 8 == 0:
            end = data.find(b"\x00", end + 1)
        return end + 1 if end >= 0 else -1
    if len(data) < 2:
        return -1
    at = 2 + data[1]
    if at + 2 <= len(data) and data[at] == 1:
        # a name and a password (RFC 1929)
        at += 2 + data[at + 1]
        if at >= len(data):
            return -1
        at += 1 + data[at]
    return target_of(data, at + 3)[1] if data[at : at + 1] == b"\x05" else -1


def _socks_server(data: bytes) -> int:
    if data[:2] == b"\x00\x5a":
        return 8 if len(data) >= 8 else -1
    at = 4 if data[:2] == b"\x05\x02" else 2
    return target_of(data, at + 3)[1] if data[at : at + 2] == b"\x05\x00" else -1


SWITCHES: dict[str, tuple[Switch, ...]] = {
    "smtp": (_starttls(rb"STARTTLS", rb"220[ -][^\n]*\n", rb"(?:\A|\n)250 [^\n]*\n"),),
    "imap": (_starttls(rb"[^\s]+ STARTTLS", rb"[^\s*+]+ OK[^\n]*\n", rb"\A\*[^\n]*\n"),),
    "pop3": (_starttls(rb"STLS", rb"\+OK[^\n]*\n", rb"(?:\A\+OK[^\n]*\n|\n\.\r\n)"),),
    "ftp": (_starttls(rb"AUTH (?:TLS|SSL|TLS-C|TLS-P)", rb"234[ -][^\n]*\n", rb"\n"),),
    "xmpp": (_tls(_behind(rb"<starttls[^>]*>(?:</starttls>)?"), _behind(rb"<proceed[^>]*>(?:</proceed>)?")),),
    "http": (
        _http(rb"CONNECT \S+:443 [^\n]*\n", rb"2[0-9][0-9]", promise="tls", test=_begins_tls),
        _http(rb"CONNECT [^\n]*\n", rb"2[0-9][0-9]"),
        _http(
            rb"[A-Z]+ [^\n]*\n" + _FIELDS + rb"?Upgrade:[ \t]*websocket[^\n]*\n", rb"101",
            "websocket", "websocket", _begins_frame, rare=True,
        ),
        _http(rb"[A-Z]+ [^\n]*\n" + _FIELDS + rb"?Upgrade:[^\n]*\n", rb"101", rare=True),
    ),
    "ldap": (_tls(_ldap_client, _ldap_server),),
    "postgresql": (_tls(_behind(rb"\A" + re.escape(POSTGRESQL_TLS)), _behind(rb"\AS(?=\x16\x03|\Z)")),),
    "mysql": (_tls(_mysql_client, _mysql_server),),
    "rdp": (_tls(_rdp_client, _rdp_server),),
    "socks": (Switch(_socks_client, _socks_server),),
}  # fmt: skip
"""By the outer protocol."""
LINES = frozenset(("smtp", "imap", "pop3", "ftp", "xmpp"))
"""Those in which a client may ask after it said other things."""


def _agreed(app: str | None, client: bytes, server: bytes) -> tuple[Switch, int, int] | None:
    """How the ends went on, and where in the client's and the server's bytes; a server that was not seen has nothing to
    say against it."""
    for switch in SWITCHES.get(app or "", ()):
        if switch.rare and server and switch.server(server) < 0:
            continue
        one = switch.client(client)
        other = switch.server(server) if server else 0
        if one >= 0 and other >= 0:
            return switch, one, other
    return None


def broken_promise(app: str | None, client: bytes, server: bytes) -> Broken | None:
    """What both ends agreed on, where the client goes on with something else; None where all is kept, nothing was
    agreed, or the client said nothing more."""
    for switch in SWITCHES.get(app or "", ()):
        if switch.rare and server and switch.server(server) < 0:
            continue
        at = switch.client(client) if switch.test is not None and server else -1
        if switch.test is None or not 0 <= at < len(client) or (switch.agrees or switch.server)(server) < 0:
            continue
        why = switch.test(client[at:])
        if why:
            return Broken(at, switch.promise, why)
    return None


def _pieces(pieces: tuple[Piece, ...], at: int) -> list[Piece]:
    """The pieces of what lies behind `at`."""
    rest: list[Piece] = []
    for piece in pieces:
        skip = max(0, at - piece.position)
        if skip < piece.length:
            start = max(0, piece.position - at)
            rest.append(
                Piece(start, piece.length - skip, piece.file, piece.number, piece.frame_offset + skip, piece.train)
            )
    return rest


def _rest(head: Head, orig: int, resp: int) -> Head:
    """The first bytes behind these points of both directions."""
    return Head(
        head.proto, head.orig[orig:], head.resp[resp:], notes=head.notes, closed=head.closed,
        orig_pieces=_pieces(head.orig_pieces, orig), resp_pieces=_pieces(head.resp_pieces, resp),
    )  # fmt: skip


def _place(app: str, head: Head) -> Inner:
    """Where the inner protocol begins: its first byte that came in a known packet, the originator's first."""
    for piece in (*head.orig_pieces[:1], *head.resp_pieces[:1]):
        if piece.number:
            return Inner(app, piece.number, piece.frame_offset)
    return Inner(app, 0, 0)


def add_inner(head: Head, found: Identification, name: Callable[[Head], Identification]) -> None:
    """Add to a named flow what is spoken inside it, with its facts; `name` names first bytes."""
    app = found.app
    backwards = found.server == 0
    for _ in range(DEPTH):
        client, server = (head.resp, head.orig) if backwards else (head.orig, head.resp)
        agreed = _agreed(app, client, server)
        if not found.inner and broken_promise(app, client, server) is not None:
            found.signs |= BROKEN_PROMISE
        if agreed is None:
            if app in LINES and len(client) < LATE:
                found.final = False
            return
        switch, one, other = agreed
        head = _rest(head, other, one) if backwards else _rest(head, one, other)
        inside = name(head)
        app = inside.app if inside.tier >= Tier.B else switch.app
        if not app or not (head.orig or head.resp):
            found.final = False
            return
        found.inner = (*found.inner, _place(app, head))
        found.signs |= INSIDE
        found.facts = {**inside.facts, **found.facts, "inner": [each.app for each in found.inner]}
