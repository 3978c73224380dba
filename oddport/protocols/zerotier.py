"""ZeroTier's HELLO → a match: the identity that a peer introduces itself with is of the address that it sends from.

Source: the description of packets and of HELLO in ZeroTier One (node/Packet.hpp). Everything later is encrypted, and
looks like nothing; so does a HELLO of newer peers that know each other (extended armor).

    0 packet id · 8 to · 13 from (5 bytes each) · 18 flags, cipher, hops · 19 authenticator · 27 verb
    28 protocol and software versions · 33 time · 41 address, kind, public key of 64 bytes, length of a secret key: 0
"""

from oddport.engine.columns import UDP
from oddport.protocols.model import Facts
from oddport.protocols.registry import Protocol
from oddport.protocols.shapes import fixed, grammar, masked, message, number, side

FROM, IDENTITY, ADDRESS = 13, 41, 5
"""Where the sender and its identity stand, and how long an address is."""
SECRET_LENGTH = IDENTITY + ADDRESS + 1 + 64
NO_FLAGS, NO_CIPHER_OR_FLAG = 0x9F, 0xF8
"""Of the verb: all but two reserved bits; of byte 18: all but the hops."""
HELLO, RESERVED = 1, 0xFF
LATEST = 63
"""Protocol versions, of which 13 is the newest so far; beyond this they are something else."""


def _introduces(data: bytes) -> int:
    """Bits that the address confirms: it is the sender's, and one that peers may have."""
    address = data[IDENTITY : IDENTITY + ADDRESS]
    if address != data[FROM : FROM + ADDRESS] or address[0] == RESERVED or not any(address):
        return -1
    return 8 * ADDRESS


def _facts(data: bytes) -> Facts:
    return {
        "address": data[FROM : FROM + ADDRESS].hex(),
        "version": f"{data[29]}.{data[30]}.{data[31] << 8 | data[32]}",
    }


_HELLO = message(
    "ZeroTier HELLO, its identity is the sender's",
    masked(18, NO_CIPHER_OR_FLAG, 0),
    masked(27, NO_FLAGS, HELLO),
    number(28, 1, 1, LATEST),
    fixed(IDENTITY + ADDRESS, b"\0"),
    fixed(SECRET_LENGTH, b"\0"),
    least=SECRET_LENGTH + 1,
    check=_introduces,
    facts=_facts,
)

PROTOCOLS = (
    Protocol(
        name="zerotier",
        title="ZeroTier",
        spec="ZeroTier One, node/Packet.hpp",
        first="either",
        grammars=(grammar((UDP,), side(_HELLO), None, symmetric=True, tells_server=False),),
    ),
)
