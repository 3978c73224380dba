"""Request or status line of SIP → a match (RFC 3261, section 7)."""

import re

from oddport.engine.columns import SCTP, TCP, UDP
from oddport.protocols import announced
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, UPPER, Grammar, Protocol, least
from oddport.protocols.text import clean

_REQUEST = re.compile(
    rb"(?:\r\n){0,4}([A-Z][A-Z-]{2,19}) ((?i:sips?|tel|urn):[\x21-\x7e\x80-\xff]{1,2000}) SIP/2\.0\r?\n"
)
_STATUS = re.compile(rb"(?:\r\n){0,4}SIP/2\.0 ([1-6][0-9][0-9])(?: [^\x00-\x08\x0a-\x1f\x7f]*)?\r?\n")
HEADERS = 2_048
"""Bytes behind the first line in which the ends are looked for."""
_AGENT = re.compile(rb"\n(?:User-Agent|Server)[ \t]*:([^\r\n]*)", re.IGNORECASE)


_ENDS = re.compile(rb"\n(?:(From|f)|(?:To|t))[ \t]*:[^\r\n<]*?<?((?:sips?|tel|urn):[^\s>;]{1,400})", re.IGNORECASE)


def _agent(data: bytes, start: int) -> str | None:
    match = _AGENT.search(data, start - 1)
    return clean(match.group(1)) if match is not None else None


def _ends(data: bytes, start: int, facts: Facts) -> None:
    """Who calls whom (RFC 3261, 20.20 and 20.39; 7.3.3 for the short names)."""
    for match in _ENDS.finditer(data, start - 1, start + HEADERS):
        facts.setdefault("from" if match.group(1) else "to", clean(match.group(2)))


def client(data: bytes) -> SideMatch | None:
    """A request line: method SP sip: URI SP SIP/2.0."""
    line = _REQUEST.match(data)
    if line is None:
        return None
    method = clean(line.group(1))
    facts: Facts = {"method": method, "uri": clean(line.group(2))}
    agent = _agent(data, line.end())
    if agent is not None:
        facts["user_agent"] = agent
    _ends(data, line.end(), facts)
    return SideMatch(True, ((0, line.end(), f"SIP request line: {method}"),), facts, False, 136)


def server(data: bytes) -> SideMatch | None:
    """A status line: SIP/2.0 SP three digits."""
    line = _STATUS.match(data)
    if line is None:
        return None
    facts: Facts = {"status": int(line.group(1))}
    agent = _agent(data, line.end())
    if agent is not None:
        facts["server"] = agent
    _ends(data, line.end(), facts)
    return SideMatch(True, ((0, line.end(), f"SIP status line: {facts['status']}"),), facts, False, 104)


def reject(data: bytes, role: int) -> str:
    """Which byte breaks the line that either role begins with; either end may send either."""
    start = 0
    while start < len(data) and start < 8 and data[start] in b"\r\n":
        start += 1
    end = data.find(b"\n", start, 2_048)
    line = data[start : end if end >= 0 else min(len(data), 2_048)]
    for index, byte in enumerate(line.rstrip(b"\r")):
        if byte < 0x20 or byte == 0x7F:
            return f"byte {start + index} is 0x{byte:02x}, a message begins with a line of text"
    if end >= 0 and b"SIP/2.0" not in line:
        return f"the first line ({len(line)} bytes) has no SIP/2.0"
    if role == CLIENT and line and line[0] not in UPPER:
        return f"byte {start} is 0x{line[0]:02x}, a request begins with a method in capital letters"
    return ""


_FIRST = UPPER + b"\r\n"
_METHOD_AT = ((1, UPPER + b"-\n"), (2, UPPER + b"-\r"), least(15))  # the shortest: OPT tel:1 SIP/2.0
_STATUS_AT = ((1, b"I\n"), (2, b"P\rS"), least(12))

PROTOCOLS = (
    Protocol(
        name="sip",
        title="SIP",
        spec="RFC 3261",
        describe=announced.media,
        grammars=(
            Grammar(
                (TCP, UDP, SCTP),
                client,
                server,
                _FIRST,
                b"S\r\n",
                reject=reject,
                symmetric=True,
                client_at=_METHOD_AT,
                server_at=_STATUS_AT,
            ),
        ),
    ),
)
