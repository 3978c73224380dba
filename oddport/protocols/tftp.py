"""Requests of TFTP, and the blocks that answer them from another port → a match (RFC 1350; options RFC 2347)."""

from oddport.engine.columns import UDP
from oddport.protocols import announced
from oddport.protocols.binary import is_text
from oddport.protocols.model import Facts
from oddport.protocols.phrases import phrase
from oddport.protocols.registry import Protocol
from oddport.protocols.shapes import fixed, grammar, message, one_of, side

BLOCK = 512
"""Bytes of a block where no option says more."""
BLOCK_MOST = 65_464
"""RFC 2348."""


def error(data: bytes) -> int:
    """A text that ends in NUL ends the datagram: half a bit for each byte that is no control character, and the NUL."""
    end = len(data) - 1
    return 8 + (end - 4) // 2 if data[end] == 0 and is_text(data[4:end]) else -1


def code(data: bytes) -> Facts:
    """Why the transfer failed (RFC 1350, appendix)."""
    return {"error": data[3]}


REQUEST = phrase(
    "request of TFTP",
    rb"\x00[\x01\x02](?P<path>[^\x00-\x1f]{1,500})\x00(?P<mode>(?i:octet|netascii|mail))\x00"
    rb"(?:[!-~]{1,40}\x00[ -~]{1,40}\x00)*\Z",
    16 + 48 + 8,
    begins=(b"\x00\x01", b"\x00\x02"),
)
ACKNOWLEDGED = message("first acknowledgement", fixed(0, b"\x00\x04\x00"), one_of(3, b"\x00\x01"), least=4, most=4)
FIRST = message("first block", fixed(0, b"\x00\x03"), fixed(2, b"\x00\x01"), least=4, most=BLOCK_MOST + 4, alone=False)
FAILED = message(
    "error of TFTP", fixed(0, b"\x00\x05\x00"), one_of(3, bytes(range(9))), least=8, most=BLOCK, check=error, facts=code
)
OPTIONS = phrase(
    "acknowledgement of options",
    rb"\x00\x06(?:(?i:blksize|tsize|timeout|windowsize|multicast)\x00[0-9.,]{1,40}\x00){1,6}\Z",
    16 + 40,
    begins=(b"\x00\x06",),
)

PROTOCOLS = (
    Protocol(
        name="tftp",
        title="TFTP",
        spec="RFC 1350",
        describe=announced.tftp,
        announced_by=("tftp",),
        grammars=(
            grammar((UDP,), side(REQUEST), side(FIRST, ACKNOWLEDGED, FAILED, OPTIONS)),
            # the server's answer comes from a new port, so it is a flow of its own: either end may send the blocks
            grammar(
                (UDP,), side(FIRST, FAILED, OPTIONS), side(ACKNOWLEDGED), tells_server=False,
            ),
        ),
    ),
)  # fmt: skip
