"""First bytes of a flow → its name with tier, server side, proof and facts; and why it is not a named protocol.

Ports are never looked at. Candidates come from the first byte of each direction. What decides between them:

1. A protocol that both directions speak (tier A) beats one that only one direction speaks.
2. Among equals the one whose grammar forced more bits of these bytes wins (`SideMatch.bits`). Where two are equal the
   flow stays without a name: an honest "cannot tell" (`USER x` without the server's side is FTP or POP3).
3. Where the directions prove two different protocols, the server's one is the flow's name if it took up what it was
   sent: what answers there is what the port offers. A greeting, which comes whatever the client sent, and a refusal
   take up nothing; then what is spoken is what the client speaks. Both are kept (`client_app`, `server_app`).
"""

import cython

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.inner import SWITCHES, add_inner
from oddport.protocols.model import DISAGREE, Facts, Identification, Proof, SideMatch, Span, Tier, fits
from oddport.protocols.registry import (
    CLIENT,
    PLACE_BYTES,
    SERVER,
    Entry,
    Grammar,
    Registry,
    Row,
    byte_set_text,
    registry,
)

PAIR_BITS = 48
"""Bits that two weak directions need together for tier A; fewer make tier C."""
ALONE_BITS = 40
"""Bits that a weak direction needs to name a flow (tier C) whose other direction was not seen."""
DATAGRAMS = 2
"""Datagrams of a direction that are tried until one parses: the first may be a keep-alive, punch a hole, or be of a
version that the other side does not speak. (Trying the second only behind short ones saves 5 % and loses QUIC's version
negotiation.)"""
SERIES = 3
"""Datagrams of a direction that are looked at together where none of them names the flow."""
PAIRED = 8
"""Datagrams of a direction among which partners are looked for (a reply to a later question)."""

PLACE = cython.declare(cython.Py_ssize_t, PLACE_BYTES)
_A, _B = Tier.A, Tier.B

Hit = tuple[str, SideMatch, Grammar, int, int, int]
"""(name, match, grammar, which side's bytes, bytes before the datagram that matched, CLIENT or SERVER)"""

_tables: list[Registry] = []


def _registry() -> Registry:
    if not _tables:
        _tables.append(registry())
    return _tables[0]


def _hits(rows: Row, parts: tuple[bytes, ...], side: int, role: int) -> list[Hit]:
    """All that one direction parses as in one role; of datagrams, the first one that parses."""
    before = 0
    at: cython.Py_ssize_t
    behind: cython.Py_ssize_t
    data: bytes
    plan: bytes
    hits: list[Hit] = []
    for data in parts:
        if data:
            entries, plan = rows[data[0]]
            at = 0
            for name, matcher, grammar, _ in entries:
                behind = at + 1 + PLACE * plan[at]
                if _fits(data, plan, at + 1, behind):
                    match = matcher(data)
                    if match is not None:
                        hits.append((name, match, grammar, side, before, role))
                at = behind
            if hits:
                break
            before += len(data)
    return hits


@cython.cfunc
@cython.exceptval(-1)
def _fits(data: bytes, plan: bytes, at: cython.Py_ssize_t, behind: cython.Py_ssize_t) -> cython.bint:
    """Whether the places in `plan[at:behind]` (registry.py) are in the data and hold what may stand there."""
    size: cython.Py_ssize_t = len(data)
    place: cython.Py_ssize_t
    while at < behind:
        place = plan[at] | plan[at + 1] << 8
        if place >= size or not plan[at + 2 + (data[place] >> 3)] >> (data[place] & 7) & 1:
            return False
        at += PLACE
    return True


def _rest(entries: tuple[Entry, ...], parts: tuple[bytes, ...], side: int, role: int) -> list[Hit]:
    """What the fallback grammars see in one direction, which must begin like text."""
    data = parts[0]
    # what begins with a byte that no text has is looked at no further: nearly all unnamed flows end here
    if data and (data[0] >= 0x20 or data[0] in b"\r\n\t\x1b") and data[0] < 0x80:
        return [
            (name, match, grammar, side, 0, role)
            for name, matcher, grammar, places in entries
            if fits(data, places) and (match := matcher(data)) is not None
        ]
    return []


def _belong(grammar: Grammar, one: tuple[bytes, ...], other: tuple[bytes, ...]) -> bool:
    """Whether some datagram (or the stream) of the client's side belongs to one of the server's side."""
    pair = grammar.pair
    if pair is None:
        return True
    for first in one:
        if grammar.parse(CLIENT, first) is None:
            continue
        for second in other:
            if grammar.parse(SERVER, second) is not None and pair(first, second):
                return True
    return False


class _Choice:
    """The best candidate so far, and whether another one is exactly as good."""

    __slots__ = ("best", "bits", "one", "other", "tie")

    def __init__(self) -> None:
        self.bits = -1
        self.tie = False
        self.one: Hit | None = None
        self.other: Hit | None = None

    def offer(self, bits: int, one: Hit, other: Hit | None) -> None:
        if self.one is None or bits > self.bits:
            self.bits, self.one, self.other, self.tie = bits, one, other, False
        elif bits == self.bits and one[0] != self.one[0]:
            self.tie = True


def _pairs(
    choice: _Choice, ones: list[Hit], others: list[Hit], one_parts: tuple[bytes, ...], other_parts: tuple[bytes, ...]
) -> None:
    """Offer what the client's side and the server's side both parse as."""
    for one in ones:
        for other in others:
            if one[0] == other[0] and one[2] is other[2] and _belong(one[2], one_parts, other_parts):
                choice.offer(one[1].bits + other[1].bits, one, other)


def _peers(choice: _Choice, ones: list[Hit], others: list[Hit]) -> None:
    """Offer what both sides parse as in the same role, where the protocol lets either end take either role."""
    for one in ones:
        if one[2].symmetric:
            for other in others:
                if one[0] == other[0] and one[2] is other[2]:
                    choice.offer(one[1].bits + other[1].bits, one, other)


def _proof(one: Hit, other: Hit) -> tuple[Proof, ...]:
    return (one[3], one[4], one[1]), (other[3], other[4], other[1])


def _named(one: Hit, other: Hit | None, tier: Tier, server: int | None) -> Identification:
    """The name that `one` (and `other`) give."""
    match = one[1]
    if not one[2].tells_server:
        server = None
    if other is None:
        return Identification(one[0], tier, server, (), match.facts, False, ((one[3], one[4], match),))
    facts: Facts = match.facts
    if other[1].facts:
        facts = {**facts, **other[1].facts} if facts else other[1].facts
    final = tier == _A and not match.more and not other[1].more
    return Identification(one[0], tier, server, (), facts, final, _proof(one, other))


def _pair_tier(one: Hit, other: Hit, bits: int) -> Tier:
    return _A if bits >= PAIR_BITS or one[1].strong or other[1].strong else Tier.C


def _best(hits: list[Hit]) -> _Choice:
    """The best of one direction; strong before weak, then by bits."""
    choice = _Choice()
    for hit in hits:
        choice.offer(hit[1].bits + (1 << 20 if hit[1].strong else 0), hit, None)
    return choice


def _decide(
    forward: tuple[list[Hit], list[Hit]],
    backward: tuple[list[Hit], list[Hit]],
    orig: tuple[bytes, ...],
    resp: tuple[bytes, ...],
) -> Identification:
    """The name by all hits: forward = (originator as client, responder as server), backward = (originator as server,
    responder as client)."""
    choice, reverse = _Choice(), _Choice()
    _pairs(choice, forward[0], forward[1], orig, resp)
    _pairs(reverse, backward[1], backward[0], resp, orig)
    if choice.one is not None or reverse.one is not None:
        if reverse.bits > choice.bits:
            server: int | None = 0
            chosen = reverse
        elif choice.bits > reverse.bits or choice.one is None or reverse.one is None:
            server, chosen = 1, choice
        else:
            server, chosen = None, choice
            if reverse.one[0] != choice.one[0]:
                choice.tie = True
    else:
        server, chosen = None, _Choice()
        _peers(chosen, forward[0], backward[1])
        _peers(chosen, backward[0], forward[1])
    one, other = chosen.one, chosen.other
    if one is None or other is None or chosen.tie:
        return _one_sided(forward, backward, any(orig), any(resp))
    tier = _pair_tier(one, other, chosen.bits)
    if tier < _B:
        # two weak directions do not outweigh one that proves another protocol
        alone = _one_sided(forward, backward, any(orig), any(resp))
        if alone.tier >= _B:
            return alone
    return _named(one, other, tier, server)


def _one_sided(
    forward: tuple[list[Hit], list[Hit]], backward: tuple[list[Hit], list[Hit]], has_orig: bool, has_resp: bool
) -> Identification:
    """The name where no protocol is spoken by both directions."""
    left = _best(forward[0] + backward[0])
    right = _best(forward[1] + backward[1])
    one, other = left.one, right.one
    if one is not None and (left.tie or not (one[1].strong or (one[1].bits >= ALONE_BITS and not has_resp))):
        one = None
    if other is not None and (right.tie or not (other[1].strong or (other[1].bits >= ALONE_BITS and not has_orig))):
        other = None
    if one is None and other is None:
        return Identification()
    if one is None or other is None:
        hit = one if one is not None else other
        if hit is None:  # pragma: no cover - for the type checker
            return Identification()
        tier = Tier.B if hit[1].strong else Tier.C
        return _named(hit, None, tier, _server_of(hit, forward, backward))
    if one[5] == other[5] or one[0] == other[0]:
        # both in one role, or one protocol whose directions do not belong together: the side that proves more
        hit = one if one[1].bits >= other[1].bits else other
        return _named(hit, None, Tier.B, _server_of(hit, forward, backward))
    return _disagreeing(one, other) if other[5] == SERVER else _disagreeing(other, one)


def _disagreeing(client: Hit, server: Hit) -> Identification:
    """The name where the client's side proves one protocol and the server's another."""
    takes_up = _registry().protocols[server[0]].takes_up
    app, match = (server[0], server[1]) if takes_up(server[1].facts) else (client[0], client[1])
    facts: Facts = {**match.facts, "client_app": client[0], "server_app": server[0]}
    side = server[3] if server[2].tells_server else None
    found = Identification(app, _B, side, (), facts, False, _proof(client, server))
    found.client_app, found.server_app = client[0], server[0]
    found.signs = DISAGREE
    return found


def _server_of(hit: Hit, forward: tuple[list[Hit], list[Hit]], backward: tuple[list[Hit], list[Hit]]) -> int | None:
    """Which side is the server if this direction alone is known; None where it parses as either role."""
    side = hit[3]
    as_client = forward[0] if side == 0 else backward[1]
    as_server = backward[0] if side == 0 else forward[1]
    client = any(entry[0] == hit[0] for entry in as_client)
    server = any(entry[0] == hit[0] for entry in as_server)
    if client == server:
        return None
    return side if server else 1 - side


def _parts(head: Head, most: int) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """What matchers are given of each direction: the stream, or the first datagrams."""
    if head.proto == TCP:
        return (head.orig,), (head.resp,)
    return (head.orig_datagrams or (head.orig,))[:most], (head.resp_datagrams or (head.resp,))[:most]


def identify(head: Head) -> Identification:
    """The name of a flow by its first bytes, `Identification()` where there is none. Never raises, whatever the bytes.

    Mid-stream starts, one-sided captures and either order of speaking are taken as they come; see the module's head for
    how candidates are weighed.
    """
    found = _described(head)
    if found.app in SWITCHES and found.tier >= _B:
        add_inner(head, found, _described)
    return found


def proof(app: str | None, head: Head) -> tuple[Span, ...]:
    """The bytes that prove that the flow is `app`; none where the first bytes do not give this name. The facts, most of
    the work of some protocols, are left out."""
    found = _identify(_registry(), head)
    return found.spans if found.app == app else ()


def _described(head: Head) -> Identification:
    """The name, with what its protocol says of the flow."""
    tables = _tables[0] if _tables else _registry()
    found = _identify(tables, head)
    describe = tables.describe.get(found.app)
    if describe is not None:
        describe(head, found)
    return found


def _identify(tables: Registry, head: Head) -> Identification:
    proto = head.proto
    rows = tables.client.get(proto)
    if rows is None or not (head.orig or head.resp):
        return Identification()
    server_rows = tables.server[proto]
    orig, resp = _parts(head, DATAGRAMS)
    as_client = _hits(rows, orig, 0, CLIENT)
    as_server = _hits(server_rows, resp, 1, SERVER)
    if len(as_client) == 1 and len(as_server) == 1:
        # the common case: one candidate, both directions strong. Two proofs are not weighed against what the exchanged
        # order might give; it matters only for who is the server
        one, other = as_client[0], as_server[0]
        grammar = one[2]
        if (
            grammar is other[2]
            and one[1].strong
            and other[1].strong
            and (grammar.pair is None or _matched_belong(grammar, one, other, head, orig, resp))
            and not _reverses(grammar, one, other, orig, resp)
        ):
            return _named(one, other, _A, 1)
    server_first = _hits(server_rows, orig, 0, SERVER)
    client_last = _hits(rows, resp, 1, CLIENT)
    count = len(as_client) + len(as_server) + len(server_first) + len(client_last)
    found = None
    if count == 1:
        # one direction parses, in one role
        one = (as_client or as_server or server_first or client_last)[0]
        if one[1].strong:
            return _named(one, None, _B, one[3] if one[5] == SERVER else 1 - one[3])
    if count:
        found = _decide((as_client, as_server), (server_first, client_last), *_parts(head, PAIRED))
        if found.tier >= _B:
            return found
    if tables.fallback_client[proto] or tables.fallback_server[proto]:
        late = _identify_late(tables, proto, orig, resp)
        if late is not None and (found is None or late.tier > found.tier):
            return late
    if proto == UDP and max(len(head.orig_datagrams), len(head.resp_datagrams)) >= SERIES:
        series = _identify_series(tables, head)
        if series is not None:
            return series
    return found if found is not None else Identification()


def _identify_series(tables: Registry, head: Head) -> Identification | None:
    """The name by what the datagrams of a direction are together; None where they are nothing."""
    orig, resp = (
        _best([
            (name, match, grammar, side, 0, CLIENT)
            for name, series, grammar in tables.series
            if len(datagrams) >= SERIES and (match := series(datagrams)) is not None
        ])
        for side, datagrams in enumerate((head.orig_datagrams, head.resp_datagrams))
    )  # fmt: skip
    one, other = orig.one, resp.one
    if one is None or other is None:
        hit = one if one is not None else other
        return _named(hit, None, _B, None) if hit is not None else None
    if one[0] == other[0]:
        return _named(one, other, _A, None)
    return _named(one if one[1].bits >= other[1].bits else other, None, _B, None)


def _identify_late(
    tables: Registry, proto: int, orig: tuple[bytes, ...], resp: tuple[bytes, ...]
) -> Identification | None:
    """The name by the fallback grammars; None where neither direction begins like text, or nothing parses."""
    clients, servers = tables.fallback_client[proto], tables.fallback_server[proto]
    forward = (_rest(clients, orig, 0, CLIENT), _rest(servers, resp, 1, SERVER))
    backward = (_rest(servers, orig, 0, SERVER), _rest(clients, resp, 1, CLIENT))
    if forward[0] or forward[1] or backward[0] or backward[1]:
        return _decide(forward, backward, orig, resp)
    return None


def _matched_belong(
    grammar: Grammar, one: Hit, other: Hit, head: Head, orig: tuple[bytes, ...], resp: tuple[bytes, ...]
) -> bool:
    """Whether the two matched datagrams belong together, or else some other two of the flow."""
    pair = grammar.pair
    return pair is None or pair(_matched(one, orig), _matched(other, resp)) or _belong(grammar, *_parts(head, PAIRED))


def _reverses(grammar: Grammar, one: Hit, other: Hit, orig: tuple[bytes, ...], resp: tuple[bytes, ...]) -> bool:
    """Whether the same bytes parse with the roles exchanged, too."""
    first, second = _matched(one, orig), _matched(other, resp)
    return grammar.parse(SERVER, first) is not None and grammar.parse(CLIENT, second) is not None


def _matched(hit: Hit, parts: tuple[bytes, ...]) -> bytes:
    """The stream, or the datagram that matched."""
    before = 0
    for data in parts:
        if data and before == hit[4]:
            return data
        before += len(data)
    return parts[0]  # pragma: no cover - a hit always lies in one of its parts


def explain_not(app: str, head: Head) -> str | None:
    """Why the flow is not `app` (a name or an alias): "not TLS: the client's byte 0 is 0x47, …; the server's byte 0 …".

    None where that cannot be said: the protocol is unknown or has no grammar over this transport, a direction has no
    bytes, or its bytes fit as far as they go. The originator is taken for the client.
    """
    tables = _registry()
    protocol = tables.protocols.get(tables.aliases.get(app, app))
    if protocol is None:
        return None
    orig, resp = _parts(head, DATAGRAMS)
    if not any(orig) or not any(resp):
        return None
    reasons: list[str] = []
    for grammar in protocol.grammars:
        if head.proto not in grammar.transports:
            continue
        for client, server in ((orig, resp), (resp, orig)):
            if any(grammar.parse(CLIENT, data) is not None for data in client):
                return None
            if any(grammar.parse(SERVER, data) is not None for data in server):
                return None
        if grammar.fallback:
            continue
        client_why = _why_not(grammar, CLIENT, orig)
        server_why = _why_not(grammar, SERVER, resp)
        if not client_why or not server_why:
            return None
        if not reasons:
            reasons.append(f"the client's {client_why}; the server's {server_why}")
    return f"not {protocol.title}: {reasons[0]}" if reasons else None


def _why_not(grammar: Grammar, role: int, parts: tuple[bytes, ...]) -> str:
    """The reason by which the first datagram (or the stream) is refused; "" = it is not refused."""
    data = next(part for part in parts if part)
    matcher, first = (
        (grammar.client, grammar.client_first) if role == CLIENT else (grammar.server, grammar.server_first)
    )
    if matcher is None:
        return ""
    if grammar.reject is not None:
        why = grammar.reject(data, role)
        if why:
            return why
    if data[0] not in first:
        return f"byte 0 is 0x{data[0]:02x}, expected {byte_set_text(first)}"
    return ""
