"""WireGuard messages → a match: type, three zero bytes and the exact length of that type.

Layout by Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel" (NDSS 2017), section 5.4. An initiation is 148
bytes, a response 92; the last 16 of both are zero unless the other end is under load. Data are padded to 16 bytes.
Both ends are peers: either renews the keys, so who begins does not tell who listens.
"""

from oddport.engine.columns import UDP
from oddport.protocols.model import SideMatch
from oddport.protocols.registry import CLIENT, Grammar, Protocol

INITIATION, RESPONSE, COOKIE, DATA = 1, 2, 3, 4
INITIATION_BYTES, RESPONSE_BYTES = 148, 92
MAC2 = 16
DATA_HEADER = 16
DATA_LEAST = 32
"""Header and the tag of an empty packet, which keeps a tunnel alive."""
NOTHING = bytes(MAC2)
HANDSHAKE_BITS = 32 + 8
"""Type, reserved bytes and the length."""
DATA_BITS = 32 + 4 + 24
"""Type, reserved bytes, the padding, and the upper bytes of a counter that starts at 0."""
LEAST = 3
"""Data messages to one receiver that are proof together."""
STEP_BITS = 32 + 32 + 36
"""What each further one confirms: the header, its receiver, and a counter that goes on."""


def _handshake(data: bytes, size: int, says: str) -> SideMatch | None:
    if len(data) != size or data[1] or data[2] or data[3]:
        return None
    idle = data[size - MAC2 :] == NOTHING
    spans = ((0, 4, says),) if not idle else ((0, 4, says), (size - MAC2, MAC2, "mac2 is empty: not under load"))
    return SideMatch(strong=idle, spans=spans, bits=HANDSHAKE_BITS + (128 if idle else 0))


def _data(data: bytes) -> SideMatch | None:
    size = len(data)
    if size < DATA_LEAST or size & 15 or data[1] or data[2] or data[3] or data[13] or data[14] or data[15]:
        return None
    return SideMatch(strong=False, spans=((0, DATA_HEADER, "WireGuard data, padded to 16 bytes"),), bits=DATA_BITS)


def client(data: bytes) -> SideMatch | None:
    """The end that began: a handshake initiation, or data where the handshake was not seen."""
    if data[0] == INITIATION:
        return _handshake(data, INITIATION_BYTES, "WireGuard handshake initiation, 148 bytes")
    return _data(data)


def server(data: bytes) -> SideMatch | None:
    """The end that answered: a handshake response, or data."""
    if data[0] == RESPONSE:
        return _handshake(data, RESPONSE_BYTES, "WireGuard handshake response, 92 bytes")
    return _data(data)


def stream(datagrams: tuple[bytes, ...]) -> SideMatch | None:
    """Three data messages or more to one receiver, whose counters rise: a tunnel whose handshake was not seen."""
    at = 0
    places: list[int] = []
    receiver, counter = b"", -1
    for data in datagrams:
        if data[:1] == b"\x04" and _data(data) is not None and data[4:8] == (receiver or data[4:8]):
            number = int.from_bytes(data[8:16], "little")
            if number > counter:
                receiver, counter = data[4:8], number
                places.append(at)
        at += len(data)
    if len(places) < LEAST or counter >> 32:
        return None
    spans = tuple((place, DATA_HEADER, "WireGuard data to one receiver, its counter goes on") for place in places[:2])
    return SideMatch(True, spans, {}, False, STEP_BITS * (len(places) - 1))


def pair(asked: bytes, answered: bytes) -> bool:
    """A response names the sender of the initiation as its receiver."""
    if asked[0] == INITIATION and answered[0] == RESPONSE:
        return asked[4:8] == answered[8:12]
    return asked[0] == answered[0] == DATA


def reject(data: bytes, role: int) -> str:
    """Why these bytes are no message of that side."""
    first = INITIATION if role == CLIENT else RESPONSE
    if data[0] not in (first, DATA):
        return f"byte 0 is 0x{data[0]:02x}, a message of that side has type {first} or {DATA}"
    for at in range(1, min(4, len(data))):
        if data[at]:
            return f"byte {at} is 0x{data[at]:02x}, reserved and zero in every message"
    return ""


PROTOCOLS = (
    Protocol(
        name="wireguard",
        title="WireGuard",
        spec="Donenfeld, NDSS 2017, section 5.4",
        grammars=(
            Grammar(
                (UDP,), client=client, server=server, client_first=b"\x01\x04", server_first=b"\x02\x04", pair=pair,
                reject=reject, series=stream, tells_server=False,
            ),
        ),
    ),
)  # fmt: skip
