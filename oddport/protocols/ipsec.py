"""IKE messages whose length and payloads close on the datagram → a match (RFC 7296, 3; RFC 2408, 3; RFC 3948, 2).

Where a NAT is crossed, IKE has four zero bytes in front, and shares its port with ESP; ESP itself, a number and
ciphertext, proves nothing.
"""

from oddport.engine.columns import UDP
from oddport.protocols.binary import u16, u32
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Places, Protocol, least, literal

HEADER = 28
NEXT_PAYLOAD, VERSION, EXCHANGE, FLAGS, LENGTH = 16, 17, 18, 19, 24
"""Offsets in the header (RFC 7296, 3.1; RFC 2408, 3.1)."""
MARKER = b"\0\0\0\0"
"""In front of IKE on the port that it shares with ESP (RFC 3948, 2.2)."""
PAYLOAD_HEADER = 4
NO_SPI = bytes(8)
IKE_1, IKE_2 = 0x10, 0x20
EXCHANGES_1 = {
    1: "base", 2: "identity protection", 3: "authentication only", 4: "aggressive", 5: "informational",
    6: "transaction", 32: "quick mode", 33: "new group mode",
}  # fmt: skip
EXCHANGES_2 = {
    34: "IKE_SA_INIT", 35: "IKE_AUTH", 36: "CREATE_CHILD_SA", 37: "INFORMATIONAL", 38: "IKE_SESSION_RESUME",
    43: "IKE_INTERMEDIATE", 44: "IKE_FOLLOWUP_KE",
}  # fmt: skip
"""Exchange types (IANA, IPSEC and IKEv2 parameters)."""
PAYLOADS_1 = frozenset((*range(1, 24), *range(128, 136)))
"""Payload types of IKEv1 (IANA); from 128 on private ones, in use before NAT traversal had its numbers."""
PAYLOADS_2 = frozenset(range(33, 55))
ENCRYPTED_2 = (46, 53)
"""Encrypted payload, encrypted fragment: the last one, whatever it names as next (RFC 7296, 3.14; RFC 7383, 2.5)."""
FLAGS_1 = 0x07
ENCRYPTED_1 = 0x01
"""Flags of IKEv1: encryption, commit, authentication only (RFC 2408, 3.1)."""
INITIATOR, VERSION_FLAG, RESPONSE = 0x08, 0x10, 0x20
FLAGS_2 = INITIATOR | VERSION_FLAG | RESPONSE
INITIATION = 34
CIPHER_BLOCK = 4
"""Encrypted bodies are padded to at least this (RFC 2408 leaves it to the cipher; 8 and 16 are usual)."""


def _payloads_close(data: bytes, start: int, version: int) -> bool:
    """Whether the chain of plain payloads of the message at `start` ends exactly where the datagram does."""
    kind = data[start + NEXT_PAYLOAD]
    known = PAYLOADS_1 if version == IKE_1 else PAYLOADS_2
    at, size = start + HEADER, len(data)
    while kind:
        if kind not in known or at + PAYLOAD_HEADER > size:
            return False
        length = u16(data, at + 2)
        if length < PAYLOAD_HEADER or at + length > size:
            return False
        if version == IKE_2 and kind in ENCRYPTED_2:
            return at + length == size
        kind = data[at]
        at += length
    return at == size


def _message(data: bytes, start: int, role: int) -> SideMatch | None:
    """The IKE message of one side that all bytes from `start` on are."""
    size = len(data) - start
    if size < HEADER or u32(data, start + LENGTH) != size:
        return None
    version, exchange, flags = data[start + VERSION], data[start + EXCHANGE], data[start + FLAGS]
    if data[start : start + 8] == NO_SPI:
        return None
    first = data[start + 8 : start + 16] == NO_SPI
    if version == IKE_1:
        if exchange not in EXCHANGES_1 or flags & ~FLAGS_1 or (first and role == SERVER):
            return None
        if flags & ENCRYPTED_1:
            if data[start + NEXT_PAYLOAD] not in PAYLOADS_1 or size % CIPHER_BLOCK:
                return None
        elif not _payloads_close(data, start, version):
            return None
        name, what = "IKEv1", EXCHANGES_1[exchange]
    elif version == IKE_2:
        if exchange not in EXCHANGES_2 or flags & ~FLAGS_2 or not _payloads_close(data, start, version):
            return None
        # who opened the association says so in each message of its own
        if bool(flags & INITIATOR) != (role == CLIENT) or (first and exchange != INITIATION):
            return None
        name, what = "IKEv2", EXCHANGES_2[exchange]
    else:
        return None
    says = ("%s, %s, %d bytes, as its length says; its payloads close", name, what, size)
    facts: Facts = {"version": name, "exchange": what}
    # version, exchange and flags; the length; the chain of payloads
    return SideMatch(True, ((start, HEADER, says),), facts, False, 8 + 5 + 5 + 32 + 16 + 8 * start)


def client(data: bytes) -> SideMatch | None:
    """A message of who opened the association."""
    return _message(data, 0, CLIENT)


def server(data: bytes) -> SideMatch | None:
    """A message of who answered; of IKEv1 any but the first, since its messages do not tell."""
    return _message(data, 0, SERVER)


def marked_client(data: bytes) -> SideMatch | None:
    """As `client`, behind the marker."""
    return _message(data, len(MARKER), CLIENT)


def marked_server(data: bytes) -> SideMatch | None:
    """As `server`, behind the marker."""
    return _message(data, len(MARKER), SERVER)


def pair(asked: bytes, answered: bytes) -> bool:
    """Both speak of the same association."""
    return asked[:8] == answered[:8]


def marked_pair(asked: bytes, answered: bytes) -> bool:
    """As `pair`, behind the markers."""
    return asked[4:12] == answered[4:12]


def _reject(data: bytes, start: int, role: int) -> str:
    if len(data) < start + HEADER:
        return f"{len(data)} bytes, a message has at least {start + HEADER}"
    if data[start + VERSION] not in (IKE_1, IKE_2):
        return f"byte {start + VERSION} is 0x{data[start + VERSION]:02x}, the version is 0x10 or 0x20"
    if u32(data, start + LENGTH) != len(data) - start:
        return f"bytes {start + LENGTH} to {start + LENGTH + 3} are no length of {len(data) - start} bytes"
    if _message(data, start, role) is not None:
        return ""
    return f"exchange type, flags or the payloads from byte {start + HEADER} on do not fit"


def reject(data: bytes, role: int) -> str:
    """Bytes that no message has."""
    return _reject(data, 0, role)


def marked_reject(data: bytes, role: int) -> str:
    """As `reject`, behind the marker; what has none may be ESP."""
    return _reject(data, len(MARKER), role) if data[:4] == MARKER else ""


def _places(start: int) -> Places:
    """What every message has in its header."""
    return (
        (start + VERSION, bytes((IKE_1, IKE_2))),
        (start + EXCHANGE, bytes((*EXCHANGES_1, *EXCHANGES_2))),
        least(start + HEADER),
    )


PROTOCOLS = (
    Protocol(
        name="ipsec",
        title="IPsec key exchange (IKE)",
        spec="RFC 7296",
        grammars=(
            Grammar(
                (UDP,), client, server, pair=pair, reject=reject, client_at=_places(0), server_at=_places(0),
            ),
            Grammar(
                (UDP,), marked_client, marked_server, b"\0", b"\0", pair=marked_pair, reject=marked_reject,
                client_at=literal(1, MARKER[1:]) + _places(4), server_at=literal(1, MARKER[1:]) + _places(4),
            ),
        ),
        aliases=("ike", "isakmp"),
    ),
)  # fmt: skip
