"""Greetings, requests and replies of SOCKS → a match with the target (RFC 1928, 1929; SOCKS 4 and 4A by Y.-D. Lee)."""

from ipaddress import ip_address

from oddport.engine.columns import TCP
from oddport.protocols.binary import is_text, u16
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, Grammar, Protocol, byte_set_text
from oddport.protocols.text import clean

V4, V5 = 4, 5
COMMANDS = b"\x01\x02\x03"
"""CONNECT, BIND, UDP ASSOCIATE (version 4 has no third)."""
V4_REPLIES = b"\x5a\x5b\x5c\x5d"
METHODS = b"\x00\x01\x02\x03\x05\x06\x07\x08\x09"
"""IANA, SOCKS Methods."""
NONE_FITS = 0xFF
LAST_REPLY = 8
IPV4, NAME, IPV6 = 1, 3, 4
PASSWORD = 2
TEXT_LIMIT = 255
"""Bytes of a user's or a host's name."""


def target_of(data: bytes, at: int) -> tuple[str, int]:
    """(host and port, where they end) of the address whose type stands at `at`; ("", -1) where it is none or cut."""
    kind = data[at] if at < len(data) else 0
    if kind == NAME:
        size = data[at + 1] if at + 1 < len(data) else 0
        end = at + 2 + size
        if size == 0 or end + 2 > len(data) or not is_text(data[at + 2 : end]):
            return "", -1
        return f"{clean(data[at + 2 : end])}:{u16(data, end)}", end + 2
    width = {IPV4: 4, IPV6: 16}.get(kind, 0)
    end = at + 1 + width
    if width == 0 or end + 2 > len(data):
        return "", -1
    host = str(ip_address(data[at + 1 : end]))
    return f"[{host}]:{u16(data, end)}" if kind == IPV6 else f"{host}:{u16(data, end)}", end + 2


def _client5(data: bytes) -> SideMatch | None:
    """A greeting with its methods, a name with a password where method 2 was offered, a request."""
    count = data[1] if len(data) > 1 else 0
    end = 2 + count
    if not 0 < count <= len(METHODS) or len(data) < end or data[2:end].strip(METHODS):
        return None
    greeting = (0, end, ("greeting of SOCKS 5 with %d methods", count))
    bits = 8 + 5 + 4 * count
    if len(data) == end:
        return SideMatch(False, (greeting,), {}, True, bits + 8)
    facts: Facts = {}
    at = end
    if data[at] == 1 and PASSWORD in data[2:end] and at + 1 < len(data):
        user = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + len(user)
        at += 1 + (data[at] if at < len(data) else 0)
        facts["user"] = clean(user)
        bits += 8
        if at >= len(data):
            return SideMatch(False, (greeting,), facts, True, bits)
    if at + 4 > len(data) or data[at] != V5 or data[at + 1] not in COMMANDS or data[at + 2]:
        return None
    target, stop = target_of(data, at + 3)
    if stop < 0:
        return None
    facts["target"] = target
    request = (at, stop - at, ("request for %s", target))
    return SideMatch(True, (greeting, request), facts, False, bits + 8 + 6 + 8 + 6)


def _client4(data: bytes) -> SideMatch | None:
    """A request: command, port, address, user; behind an address 0.0.0.x the name of the host (4A)."""
    if len(data) < 9 or data[1] not in COMMANDS[:2]:
        return None
    user_end = data.find(b"\0", 8, 8 + TEXT_LIMIT + 1)
    if user_end < 0 or not is_text(data[8:user_end]):
        return None
    facts: Facts = {"user": clean(data[8:user_end])} if user_end > 8 else {}
    named = data[4:7] == b"\0\0\0" and data[7] != 0
    host_end = data.find(b"\0", user_end + 1, user_end + TEXT_LIMIT + 2) if named else user_end
    host = data[user_end + 1 : host_end] if named else b""
    if host_end < 0 or (named and (not host or not is_text(host))):
        return None
    target = clean(host) if named else str(ip_address(data[4:8]))
    facts["target"] = f"{target}:{u16(data, 2)}"
    request = (0, host_end + 1, ("request of SOCKS 4 for %s", facts["target"]))
    return SideMatch(len(host) > 7, (request,), facts, False, 8 + 7 + 8 + (24 + 8 + len(host) if named else 0))


def client(data: bytes) -> SideMatch | None:
    """What asks for a connection."""
    return _client5(data) if data[0] == V5 else _client4(data)


def server(data: bytes) -> SideMatch | None:
    """The method that was chosen with the reply to the request, or the reply of version 4."""
    if data[0] == 0:
        if len(data) < 8 or data[1] not in V4_REPLIES:
            return None
        return SideMatch(False, ((0, 8, "reply of SOCKS 4"),), {}, False, 8 + 6)
    if len(data) < 2 or (data[1] != NONE_FITS and data[1] not in METHODS):
        return None
    method = data[1]
    chosen = (0, 2, ("method %d of SOCKS 5", method))
    if len(data) == 2:
        return SideMatch(False, (chosen,), {}, False, 8 + 5 + 8)
    at = 2
    if method == PASSWORD:
        if data[2] != 1:
            return None
        at = 4
        if len(data) <= at:
            return SideMatch(False, (chosen,), {}, False, 8 + 5 + 8)
    if at + 4 > len(data) or data[at] != V5 or data[at + 1] > LAST_REPLY or data[at + 2]:
        return None
    _, stop = target_of(data, at + 3)
    if stop < 0:
        return None
    return SideMatch(False, (chosen, (at, stop - at, "reply of SOCKS 5")), {}, False, 8 + 5 + 8 + 5 + 8 + 6)


def pair(asked: bytes, answered: bytes) -> bool:
    """Both speak one version, and the chosen method was offered."""
    if asked[0] == V4 or answered[0] == 0:
        return asked[0] == V4 and answered[0] == 0
    return answered[1] == NONE_FITS or answered[1] in asked[2 : 2 + asked[1]]


def reject(data: bytes, role: int) -> str:
    """The version, and the byte behind it."""
    versions = b"\x04\x05" if role == CLIENT else b"\x00\x05"
    if data[0] not in versions:
        return f"byte 0 is 0x{data[0]:02x}, expected {byte_set_text(versions)}"
    if len(data) < 2:
        return ""
    if role == CLIENT:
        allowed = bytes(range(1, len(METHODS) + 1)) if data[0] == V5 else COMMANDS[:2]
    else:
        allowed = METHODS + b"\xff" if data[0] == V5 else V4_REPLIES
    return "" if data[1] in allowed else f"byte 1 is 0x{data[1]:02x}, expected {byte_set_text(allowed)}"


PROTOCOLS = (
    Protocol(
        name="socks",
        title="SOCKS",
        spec="RFC 1928",
        aliases=("socks4", "socks5"),
        grammars=(Grammar((TCP,), client, server, b"\x04\x05", b"\x00\x05", pair=pair, reject=reject),),
    ),
)
