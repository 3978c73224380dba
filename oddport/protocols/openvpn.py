"""Hard resets that begin an OpenVPN session → a match (OpenVPN source documentation, "OpenVPN wire protocol").

A control packet: opcode and key id in a byte, the sender's session id of 8 bytes, perhaps what wraps it, the ids of
packets that it acknowledges (their count; where there are some, they and the other end's session id), its packet id.
Wrapped by tls-auth it has an HMAC, a replay id and a time behind the session id; by tls-crypt a replay id, a time and
an HMAC, and all behind is encrypted. Over TCP each packet has its length of two bytes in front.
"""

from typing import NamedTuple

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, u32, wrong_byte
from oddport.protocols.model import SideMatch
from oddport.protocols.registry import CLIENT, Grammar, Protocol

RESET_CLIENT, RESET_SERVER, RESET_CLIENT_3 = 7 << 3, 8 << 3, 10 << 3
"""P_CONTROL_HARD_RESET_CLIENT_V2, …_SERVER_V2 and …_CLIENT_V3, with key id 0 as the first one always has."""
OPCODES = range(3, 12)
FRONT = 9
"""Bytes of opcode and session id."""
ASKED, ANSWERED = 5, 17
"""Bytes of the acknowledgements and the packet id: none of the former; or one with the session id it belongs to."""
REPLAY = 8
"""Bytes of replay id and time."""
TLS_CRYPT_HMAC = 32
HMACS = (16, 20, 28, 32, 48, 64)
"""Bytes of the HMACs that tls-auth may take: MD5, SHA-1, SHA-224 to SHA-512."""
REPLAY_LIMIT = 256
"""Replay ids count from 1; resets are sent again a few times."""
EARLY = 6
"""Bytes in which a server takes part in the early negotiation that the upper half of a client's replay id asks for."""
LENGTH = 2
CLOCKS_APART = 1 << 26
"""Seconds (two years) that the clocks of both ends may differ."""
PLAIN, TLS_AUTH, TLS_CRYPT, TLS_CRYPT_2 = "none", "tls-auth", "tls-crypt", "tls-crypt-v2"


class Reset(NamedTuple):
    """How a hard reset is wrapped, and where its readable parts lie; 0 where they are none."""

    wrapped: str
    acknowledged: int
    """Offset of the count of acknowledgements."""
    time: int


def _reads(data: bytes, at: int, answers: bool) -> bool:
    """Whether what is not wrapped reads as a first packet: one acknowledgement or none, packet ids 0."""
    if not answers:
        return not any(data[at : at + ASKED])
    return data[at] == 1 and not any(data[at + 1 : at + 5]) and not any(data[at + 13 : at + 17])


def _replay(data: bytes, at: int) -> bool:
    return 0 < u32(data, at) < REPLAY_LIMIT


def _reset(data: bytes) -> Reset | None:
    """The hard reset that is all of these bytes."""
    size = len(data)
    if size < FRONT + ASKED:
        return None
    answers = data[0] == RESET_SERVER
    rest = ANSWERED if answers else ASKED
    if data[0] == RESET_CLIENT_3:
        # the client's key, wrapped, ends in its own length
        own = FRONT + REPLAY + TLS_CRYPT_HMAC + ASKED
        if size > own + LENGTH and u16(data, size - LENGTH) == size - own and 0 < u16(data, FRONT + 2) < REPLAY_LIMIT:
            return Reset(TLS_CRYPT_2, 0, FRONT + 4)
        return None
    if size == FRONT + rest and _reads(data, FRONT, answers):
        return Reset(PLAIN, FRONT, 0)
    hmac = size - FRONT - REPLAY - rest
    if hmac in HMACS and _replay(data, FRONT + hmac) and _reads(data, FRONT + hmac + REPLAY, answers):
        return Reset(TLS_AUTH, FRONT + hmac + REPLAY, FRONT + hmac + 4)
    if hmac in (TLS_CRYPT_HMAC, TLS_CRYPT_HMAC + EARLY) and _replay(data, FRONT):
        return Reset(TLS_CRYPT, 0, FRONT + 4)
    return None


def _match(data: bytes, before: int) -> SideMatch | None:
    """The match of a packet that lies `before` bytes into its direction."""
    reset = _reset(data)
    if reset is None:
        return None
    role = "server" if data[0] == RESET_SERVER else "client"
    says = ("OpenVPN hard reset of the %s, %d bytes, wrapping: %s", role, len(data), reset.wrapped)
    # opcode and the exact size; ids that are 0 or nearly; encrypted ones leave the replay id only
    readable = 64 if reset.acknowledged else 24
    bits = 8 + 16 + readable + (16 if reset.wrapped == TLS_CRYPT_2 else 0)
    strong = reset.wrapped != TLS_CRYPT
    return SideMatch(strong, ((before, len(data), says),), {"wrapping": reset.wrapped}, False, bits)


def datagram(data: bytes) -> SideMatch | None:
    """A datagram that is a hard reset."""
    return _match(data, 0)


def stream(data: bytes) -> SideMatch | None:
    """A hard reset behind its length; another packet behind it."""
    if len(data) <= LENGTH or data[2] not in (RESET_CLIENT, RESET_CLIENT_3, RESET_SERVER):
        return None
    end = LENGTH + u16(data, 0)
    if end > len(data) or (end + LENGTH < len(data) and data[end + LENGTH] >> 3 not in OPCODES):
        return None
    return _match(data[LENGTH:end], LENGTH)


def client_stream(data: bytes) -> SideMatch | None:
    """As `stream`, of the client."""
    return None if data[2:3] == bytes((RESET_SERVER,)) else stream(data)


def server_stream(data: bytes) -> SideMatch | None:
    """As `stream`, of the server."""
    return stream(data) if data[2:3] == bytes((RESET_SERVER,)) else None


def pair(asked: bytes, answered: bytes) -> bool:
    """The answer names the session that asked; where that is encrypted, both clocks are near."""
    one, other = _reset(asked), _reset(answered)
    if one is None or other is None:
        return False
    if other.acknowledged:
        named = other.acknowledged + 5
        return answered[named : named + 8] == asked[1:FRONT]
    return one.time != 0 and abs(u32(asked, one.time) - u32(answered, other.time)) < CLOCKS_APART


def _packet(data: bytes) -> bytes:
    return data[LENGTH : LENGTH + u16(data, 0)]


def pair_stream(asked: bytes, answered: bytes) -> bool:
    """As `pair`, behind the lengths."""
    return pair(_packet(asked), _packet(answered))


def reject(data: bytes, role: int) -> str:
    """Bytes that no hard reset begins with."""
    if data[0] >> 3 in OPCODES:
        return ""
    wanted = "client 0x38 or 0x50" if role == CLIENT else "server 0x40"
    return f"byte 0 is 0x{data[0]:02x}, a session begins with a hard reset of the {wanted}"


def reject_stream(data: bytes, role: int) -> str:
    """Bytes that no hard reset behind a length begins with."""
    allowed = bytes((RESET_CLIENT, RESET_CLIENT_3)) if role == CLIENT else bytes((RESET_SERVER,))
    return wrong_byte(data, 2, allowed, "a session begins with a hard reset behind two bytes of length")


PROTOCOLS = (
    Protocol(
        name="openvpn",
        title="OpenVPN",
        spec="OpenVPN wire protocol (source documentation)",
        grammars=(
            Grammar(
                (UDP,), datagram, datagram, bytes((RESET_CLIENT, RESET_CLIENT_3)), bytes((RESET_SERVER,)), pair=pair,
                reject=reject,
            ),
            Grammar(
                (TCP,), client_stream, server_stream, bytes(range(5)), b"\0", pair=pair_stream, reject=reject_stream
            ),
        ),
    ),
)  # fmt: skip
