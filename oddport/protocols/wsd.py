"""WS-Discovery, SOAP in datagrams → a match (OASIS WS-Discovery 1.1, and the drafts that Windows speaks)."""

import re

from oddport.engine.columns import UDP
from oddport.protocols.binary import wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import Grammar, Protocol
from oddport.protocols.text import clean

_ENVELOPE = re.compile(rb"\s*(?:<\?xml[^>]{0,128}\?>\s*)?<(?:[\w.-]{1,32}:)?Envelope\s")
_ACTION = re.compile(rb"Action[^>]{0,256}>\s*(http://[\w./-]{1,128}/discovery)/([A-Za-z]{1,24})\s*<")
_TYPES = re.compile(rb"Types[^>]{0,512}>\s*([^<]{1,512})<")
REQUESTS = (b"Hello", b"Bye", b"Probe", b"Resolve")
ANSWERS = (b"ProbeMatches", b"ResolveMatches")
FIRST = b"<\xef \t\r\n"
"""An element, a byte order mark or white space."""
_BOM = b"\xef\xbb\xbf"


def _side(data: bytes, actions: tuple[bytes, ...]) -> SideMatch | None:
    envelope = _ENVELOPE.match(data.removeprefix(_BOM))
    action = _ACTION.search(data) if envelope is not None else None
    if action is None or action.group(2) not in actions:
        return None
    facts: Facts = {"action": clean(action.group(2))}
    types = _TYPES.search(data)
    if types is not None:
        facts["target"] = clean(types.group(1))
    start, stop = action.span(1)
    return SideMatch(True, ((start, stop - start, "WS-Discovery's namespace in SOAP's Action"),), facts, False, 240)


def client(data: bytes) -> SideMatch | None:
    """What a device announces, or what is looked for."""
    return _side(data, REQUESTS)


def server(data: bytes) -> SideMatch | None:
    """The devices that match."""
    return _side(data, ANSWERS)


def reject(data: bytes, role: int) -> str:
    """What begins no XML."""
    return wrong_byte(data, 0, FIRST, "an envelope is an XML element")


PROTOCOLS = (
    Protocol(
        name="wsd",
        title="WS-Discovery",
        spec="OASIS WS-Discovery 1.1",
        grammars=(Grammar((UDP,), client, server, FIRST, FIRST, reject=reject),),
        aliases=("ws-discovery",),
    ),
)
