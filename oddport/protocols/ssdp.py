"""SSDP, HTTP's lines in datagrams → a match (UPnP Device Architecture 2.0, chapter 1)."""

import re

from oddport.engine.columns import UDP
from oddport.protocols.binary import wrong_bytes
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, Grammar, Protocol
from oddport.protocols.text import clean

_REQUEST = re.compile(rb"(M-SEARCH|NOTIFY) \* HTTP/1\.[01][ \t]{0,8}\r?\n")
_ANSWER = re.compile(rb"HTTP/1\.[01] [1-9][0-9][0-9] ?[^\x00-\x1f\x7f]*\r?\n")
_FIELD = re.compile(rb"\n(ST|NT|USN|SERVER|LOCATION|USER-AGENT) ?:([^\r\n]*)", re.IGNORECASE)
FACTS = {b"ST": "target", b"NT": "target", b"USN": "usn", b"SERVER": "server", b"LOCATION": "location",
         b"USER-AGENT": "user_agent"}  # fmt: skip


def _facts(data: bytes) -> Facts:
    return {FACTS[name.upper()]: clean(value) for name, value in _FIELD.findall(data)}


def client(data: bytes) -> SideMatch | None:
    """A search, or what a device announces of itself."""
    line = _REQUEST.match(data)
    if line is None:
        return None
    method = line.group(1).decode("ascii")
    says = f"SSDP request line: {method}"
    return SideMatch(True, ((0, line.end(), says),), {"method": method, **_facts(data)}, False, 8 * line.end())


def server(data: bytes) -> SideMatch | None:
    """A device's answer to a search: a status line, and the fields ST and USN that only this protocol has."""
    line = _ANSWER.match(data)
    if line is None:
        return None
    facts = _facts(data)
    strong = "target" in facts and "usn" in facts
    return SideMatch(strong, ((0, line.end(), "SSDP answer: status line"),), facts, False, 96 + (80 if strong else 0))


def reject(data: bytes, role: int) -> str:
    """The byte from which on it is no first line."""
    if role == CLIENT:
        return "" if data[:1] == b"M" and not _wrong(data, b"M-SEARCH * HTTP/1.") else _wrong(data, b"NOTIFY * HTTP/1.")
    return _wrong(data, b"HTTP/1.")


def _wrong(data: bytes, begin: bytes) -> str:
    return wrong_bytes(data, 0, begin, f"a first line begins '{begin.decode()}'")


PROTOCOLS = (
    Protocol(
        name="ssdp",
        title="SSDP",
        spec="UPnP Device Architecture 2.0",
        aliases=("upnp",),
        grammars=(Grammar((UDP,), client, server, b"MN", b"H", reject=reject),),
    ),
)
