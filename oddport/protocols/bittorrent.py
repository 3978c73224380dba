"""BitTorrent between peers, its DHT, uTP and trackers over UDP → a match (BEP 3, 5, 14, 15, 29)."""

from oddport.engine.columns import TCP, UDP
from oddport.protocols.model import Facts
from oddport.protocols.phrases import phrase
from oddport.protocols.registry import Protocol
from oddport.protocols.shapes import fixed, grammar, message, number, one_of, same, side
from oddport.protocols.text import clean

PEER_ID = 48
"""Offset of the peer's id in a handshake: 20 bytes of name, 8 reserved ones, 20 of the torrent's hash (BEP 3)."""
TRACKER_MAGIC = b"\x00\x00\x04\x17\x27\x10\x19\x80"
"""What a connection id is before the tracker gives one (BEP 15)."""
UTP_HEADER = 20
UTP_WINDOW = 1 << 24
"""Bytes that nobody's receive window exceeds."""
DHT_BITS = 96


def handshake(data: bytes) -> Facts:
    """The torrent, and the client's name and version where its id follows the usual form (BEP 20)."""
    found: Facts = {"info_hash": data[28:PEER_ID].hex()}
    if data[PEER_ID : PEER_ID + 1] == b"-":
        found["client"] = clean(data[PEER_ID + 1 : PEER_ID + 7])
    return found


def same_connection(asked: bytes, answered: bytes) -> bool:
    """Both ends of a uTP connection use one id, and the other that plus one (BEP 29); other messages are free."""
    if asked[0] & 0x0F != 1 or answered[0] & 0x0F != 1:
        return True
    one, other = asked[2] << 8 | asked[3], answered[2] << 8 | answered[3]
    return abs(one - other) <= 1


PEER = side(
    message("handshake of BitTorrent", fixed(0, b"\x13BitTorrent protocol"), least=PEER_ID, facts=handshake),
    message("beginning of a handshake of BitTorrent", fixed(0, b"\x13BitTorrent protocol"), most=PEER_ID - 1),
)
UTP_SYN = message(
    "SYN of uTP",
    fixed(0, b"\x41"), one_of(1, b"\x00\x01\x02"), fixed(8, b"\0\0\0\0"), fixed(18, b"\0\0"),
    number(12, 4, 0, UTP_WINDOW), most=UTP_HEADER + 12,
)  # fmt: skip
UTP = message(
    "packet of uTP",
    one_of(0, b"\x01\x11\x21\x31"), one_of(1, b"\x00\x01\x02"), number(12, 4, 0, UTP_WINDOW), least=UTP_HEADER,
    alone=False,
)  # fmt: skip
QUERY = phrase(
    "query of the DHT",
    rb"d(?:2:ip\d{1,2}:.{4,18})?1:ad(?:2:bsi1e)?2:id20:.{20}",
    DHT_BITS,
    begins=(b"d1:ad2:", b"d2:ip"),
)
ANSWER = phrase(
    "answer of the DHT",
    rb"d(?:2:ip\d{1,2}:.{4,18})?(?:1:rd(?:2:bsi1e)?2:id20:.{20}|1:eli\d{3}e)",
    DHT_BITS,
    begins=(b"d1:rd2:", b"d1:el", b"d2:ip"),
)

PROTOCOLS = (
    Protocol(
        name="bittorrent",
        title="BitTorrent",
        spec="BEP 3",
        aliases=("bt", "utp", "bt-dht"),
        grammars=(
            grammar((TCP,), PEER, PEER, symmetric=True),
            grammar((UDP,), side(UTP_SYN, UTP), side(UTP), pair=same_connection, symmetric=True),
            grammar((UDP,), side(QUERY), side(ANSWER), symmetric=True),
            grammar(
                (UDP,),
                side(message("connect to a tracker", fixed(0, TRACKER_MAGIC + b"\0\0\0\0"), least=16)),
                side(message("answer of a tracker", fixed(0, b"\0\0\0\0"), least=16)),
                pair=same(4, 12, 4),
            ),
            grammar(
                (UDP,),
                side(
                    phrase(
                        "local search for peers",
                        rb"BT-SEARCH \* HTTP/1\.1\r\n",
                        192,
                        begins=(b"BT-SEARCH * HTTP/1.1\r\n",),
                    )
                ),
                None,
            ),
        ),
    ),
)
