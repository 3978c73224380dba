"""Commands and replies of memcached, as text, binary, or text in a datagram → a match (memcached, protocol.txt)."""

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, u32
from oddport.protocols.phrases import phrase
from oddport.protocols.registry import Protocol
from oddport.protocols.shapes import Rules, fixed, grammar, message, one_of, records, same, side

KEY = rb"[!-~]{1,250}"
NUMBER = rb"[0-9]{1,20}"
COMMANDS = (
    rb"(?:gets?(?: " + KEY + rb")+|(?:set|add|replace|append|prepend|cas) " + KEY + rb"(?: " + NUMBER + rb"){3,4}"
    rb"(?: noreply)?|stats(?: [!-~]{1,40})*|version|flush_all(?: " + NUMBER + rb")?|verbosity [0-9])\r\n"
)
COMMAND_WORDS = (
    b"get ", b"gets ", b"set ", b"add ", b"replace ", b"append ", b"prepend ", b"cas ", b"stats", b"version\r",
    b"flush_all", b"verbosity ",
)  # fmt: skip
REPLIES = (
    rb"(?:VALUE "
    + KEY
    + rb"(?: "
    + NUMBER
    + rb"){2,3}|STAT [!-~]{1,80} [ -~]{0,250}|VERSION (?P<version>[0-9][!-~]{0,30})"
    rb"|STORED|NOT_STORED|EXISTS|NOT_FOUND|DELETED|TOUCHED|END|OK|ERROR|(?:CLIENT|SERVER)_ERROR [ -~]{0,200})\r\n"
)
REPLY_WORDS = (
    b"VALUE ", b"STAT ", b"VERSION ", b"STORED\r", b"NOT_STORED\r", b"EXISTS\r", b"NOT_FOUND\r", b"DELETED\r",
    b"TOUCHED\r", b"END\r", b"OK\r", b"ERROR\r", b"CLIENT_ERROR ", b"SERVER_ERROR ",
)  # fmt: skip
COMMAND_BITS, REPLY_BITS = 48, 24
"""Those of `get a` and of `OK`, the shortest."""
FRAME = 8
"""Bytes of request id, number, count and zeros in front of the text of a datagram."""
HEADER = 24
LIMIT = 1 << 27
"""Bytes of an item; the default is 1 MB."""
KEY_MOST, EXTRAS_MOST = 250, 28

COMMAND = phrase("command of memcached", COMMANDS, COMMAND_BITS, begins=COMMAND_WORDS, strong=False)
REPLY = phrase("reply of memcached", REPLIES, REPLY_BITS, begins=REPLY_WORDS, strong=False)


def binary(magic: int) -> tuple[Rules, ...]:
    """The header of a packet: magic, operation, a data type that is always 0, and a length that closes."""
    each = (fixed(0, bytes((magic,))), one_of(1, bytes(range(0x40))), fixed(5, b"\0"))
    return (*each, records(8, 4, HEADER, limit=LIMIT, each=each))


def lengths(data: bytes) -> int:
    """Key and extras have a largest length (8 and 3 bits), and are a part of the body."""
    key, extras = u16(data, 2), data[4]
    return 11 if key <= KEY_MOST and extras <= EXTRAS_MOST and key + extras <= u32(data, 8) else -1


def framed_command(data: bytes) -> int:
    """A command behind the frame of a datagram."""
    return COMMAND_BITS if COMMAND.match(data[FRAME:]) is not None else -1


def framed_reply(data: bytes) -> int:
    """A reply behind the frame of a datagram."""
    return REPLY_BITS if REPLY.match(data[FRAME:]) is not None else -1


PROTOCOLS = (
    Protocol(
        name="memcached",
        title="memcached",
        spec="memcached, protocol.txt",
        grammars=(
            grammar((TCP,), side(COMMAND), side(REPLY)),
            grammar(
                (TCP,),
                side(message("request of memcached", *binary(0x80), least=HEADER, check=lengths, alone=False)),
                side(message("answer of memcached", *binary(0x81), least=HEADER, check=lengths, alone=False)),
                pair=same(1, 1),
            ),
            grammar(
                (UDP,),
                side(
                    message("command of memcached", fixed(2, b"\0\0\0\1\0\0"), least=FRAME + 6, check=framed_command),
                ),
                side(message("reply of memcached", fixed(2, b"\0\0"), fixed(6, b"\0\0"), check=framed_reply)),
                pair=same(2, 0),
            ),
        ),
    ),
)
