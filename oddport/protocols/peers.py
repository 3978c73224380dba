"""Peers, miners, games and messengers → matches: Bitcoin, stratum, Gnutella, eDonkey, OICQ, RakNet, Discord, …

Sources: Bitcoin developer reference, P2P network; Stratum mining protocol (slushpool) and Monero's pool protocol;
Gnutella 0.6, 2.1; eDonkey protocol specification (Kulbak, Bickson 2005), 3.1; OICQ as Wireshark documents it; RakNet,
offline messages; Discord developer documentation, IP discovery; Tailscale, disco message format; DNSCrypt 2; Ethereum,
Node Discovery Protocol v4; Syncthing, local discovery protocol 4.
"""

from hashlib import sha256

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.binary import u32_le
from oddport.protocols.model import MINES, Facts, Identification
from oddport.protocols.phrases import phrase
from oddport.protocols.registry import Protocol
from oddport.protocols.shapes import Message, fixed, grammar, message, one_of, records, same, side
from oddport.protocols.text import clean

# Bitcoin: magic of the network, command of 12 bytes, length, checksum -----------------------------------------------

BITCOIN_HEADER = 24
BITCOIN_LIMIT = 32 << 20
NETWORKS = {
    b"\xf9\xbe\xb4\xd9": "bitcoin",
    b"\x0b\x11\x09\x07": "bitcoin testnet3",
    b"\xfa\xbf\xb5\xda": "bitcoin regtest",
    b"\x0a\x03\xcf\x40": "bitcoin signet",
    b"\x1c\x16\x3f\x28": "bitcoin testnet4",
    b"\xfb\xc0\xb6\xdb": "litecoin",
    b"\xc0\xc0\xc0\xc0": "dogecoin",
}


def _command(data: bytes) -> int:
    """A command in small letters, filled up with zeros; the checksum where the payload is all there."""
    word = data[4:16].rstrip(b"\0")
    if not word or not word.isascii() or not word.decode("ascii").isalnum() or word.lower() != word:
        return -1
    size = u32_le(data, 16)
    body = data[BITCOIN_HEADER : BITCOIN_HEADER + size]
    if len(body) == size and size and sha256(sha256(body).digest()).digest()[:4] != data[20:24]:
        return -1
    return 56


def _network(data: bytes) -> Facts:
    facts: Facts = {"network": NETWORKS[data[:4]], "command": clean(data[4:16].rstrip(b"\0"))}
    at = BITCOIN_HEADER + 80
    if facts["command"] == "version" and len(data) > at and at + 1 + data[at] <= len(data):
        facts["user_agent"] = clean(data[at + 1 : at + 1 + data[at]])
    return facts


BITCOIN = side(
    *(
        message(
            f"message of {network}",
            fixed(0, magic),
            records(16, 4, BITCOIN_HEADER, little=True, limit=BITCOIN_LIMIT, each=(fixed(0, magic),)),
            least=BITCOIN_HEADER,
            check=_command,
            facts=_network,
        )
        for magic, network in NETWORKS.items()
    )
)

# stratum: a JSON object a line --------------------------------------------------------------------------------------

_OBJECT = rb"\{[^\n]{0,600}?"
STRATUM_CLIENT = side(
    phrase(
        "a miner's request",
        _OBJECT
        + rb"\"method\" ?: ?\"(?P<method>mining\.[a-z_.]{3,40}|eth_(?:submit(?:Login|Work|Hashrate)|getWork))\"",
        150,
        begins=(b"{",),
    ),
    phrase(
        "a miner's login",
        rb"\{(?=[^\n]{0,1000}\"method\" ?: ?\"login\")(?=[^\n]{0,1000}\"pass\" ?:)"
        rb"[^\n]{0,600}?\"login\" ?: ?\"(?P<user>[^\"\n]{1,200})\"",
        180,
        begins=(b"{",),
    ),
)
STRATUM_SERVER = side(
    phrase(
        "a pool's notice",
        _OBJECT + rb"\"method\" ?: ?\"(?:mining\.(?:notify|set_difficulty|set_extranonce|set_target)|job)\"",
        130,
        begins=(b"{",),
    ),
    phrase(
        "a pool's answer",
        _OBJECT + rb"(?:\"mining\.(?:notify|set_difficulty)\"|\"job\" ?: ?\{[^\n]{0,200}?\"blob\" ?:)",
        110,
        begins=(b"{",),
    ),
    phrase(
        "an answer with a result",
        rb"\{[^\n]{0,100}?\"(?:result|jsonrpc)\" ?:[^\n]{1,600}\"error\" ?:[^\n]{1,100}\}\n",
        44,
        begins=(b"{",),
        strong=False,
    ),
)


def _mines(head: Head, found: Identification) -> None:
    found.signs |= MINES


# sharing ------------------------------------------------------------------------------------------------------------

GNUTELLA_CLIENT = phrase(
    "request for a connection",
    rb"GNUTELLA CONNECT/(?P<version>0\.[0-9])\r?\n"
    rb"(?:(?:[^\r\n]{1,400}\r?\n){0,30}?(?i:User-Agent): ?(?P<user_agent>[^\r\n]{1,200})\r?\n)?",
    150,
    begins=(b"GNUTELLA CONNECT/0.",),
)
GNUTELLA_SERVER = phrase(
    "answer of a peer",
    rb"GNUTELLA(?:/0\.[0-9] (?P<status>[1-5][0-9]{2})| OK\n)",
    96,
    begins=(b"GNUTELLA/0.", b"GNUTELLA OK\n"),
)

DONKEY_LIMIT = 1 << 20
_DONKEY = (one_of(0, b"\xe3\xc5\xd4"),)


def _donkey(says: str, code: bytes) -> Message:
    """Mark, length from the code on, code, and a user's hash of 16 bytes (as long as it says where peers greet)."""
    return message(
        says,
        fixed(0, b"\xe3"),
        fixed(5, code),
        records(1, 4, 5, little=True, limit=DONKEY_LIMIT, each=_DONKEY),
        least=30,
    )


# OICQ: 02, version, command, sequence, number of the user, data, 03 -------------------------------------------------

OICQ_COMMANDS = bytes(
    (
        0x01,
        0x02,
        0x04,
        0x05,
        0x06,
        0x09,
        0x0A,
        0x0B,
        0x0D,
        0x0E,
        0x12,
        0x16,
        0x17,
        0x18,
        0x1A,
        0x1C,
        0x1D,
        0x21,
        0x22,
        0x26,
        0x27,
        0x29,
        0x30,
        0x58,
        0x5C,
        0x62,
        0x67,
        0x80,
        0x81,
        0xB5,
    )
)
OICQ_END = 3
OICQ_HEADER = 11


def _oicq(data: bytes) -> int:
    """The mark at the end; a logout has eight zeros, and what is encrypted comes in blocks of eight."""
    if data[len(data) - 1] != OICQ_END:
        return -1
    logout = data[4] == 1 and data[OICQ_HEADER : OICQ_HEADER + 8] == bytes(8) and (len(data) - OICQ_HEADER - 1) % 8 == 0
    return 8 + (64 + 3 if logout else 0)


OICQ = side(
    message(
        "message of OICQ, from 02 to 03",
        fixed(0, b"\2"),
        fixed(3, b"\0"),
        one_of(4, OICQ_COMMANDS),
        least=OICQ_HEADER + 9,
        check=_oicq,
        facts=lambda data: {"user": int.from_bytes(data[7:11], "big")},
    )
)

# games and voice ----------------------------------------------------------------------------------------------------

RAKNET_MAGIC = bytes.fromhex("00ffff00fefefefefdfdfdfd12345678")
RAKNET_CLIENT = side(
    message("request of RakNet, its magic", one_of(0, b"\5\7\x7b\x79"), fixed(1, RAKNET_MAGIC), least=18),
    message("ping of RakNet, its magic", one_of(0, b"\1\2"), fixed(9, RAKNET_MAGIC), least=25),
)
RAKNET_SERVER = side(
    message(
        "answer of RakNet, its magic",
        one_of(0, b"\6\x08\x11\x12\x14\x17\x19\x1a\x78\x7a\x7c\x7d\x7e"),
        fixed(1, RAKNET_MAGIC),
        least=18,
    ),
    message("pong of RakNet, its magic", fixed(0, b"\x1c"), fixed(17, RAKNET_MAGIC), least=33),
)

DISCOVERY = 74
"""Bytes of a request: type, length, SSRC, and an address and port to fill in."""


def _empty(data: bytes) -> int:
    return 8 * 66 if not any(data[8:]) else -1


def _address(data: bytes) -> int:
    """The address in text, filled up with zeros."""
    text = data[8:72].rstrip(b"\0")
    return 8 * (64 - len(text)) + 16 if text and not text.strip(b"0123456789abcdef.:") else -1


DISCORD_CLIENT = side(
    message("question for its own address", fixed(0, b"\0\1\0\x46"), least=DISCOVERY, most=DISCOVERY, check=_empty)
)
DISCORD_SERVER = side(message("the address", fixed(0, b"\0\2\0\x46"), least=DISCOVERY, most=DISCOVERY, check=_address))

DISCO = side(message("message of disco", fixed(0, b"TS\xf0\x9f\x92\xac"), least=6 + 32 + 24 + 16))
# DNSCrypt: what a resolver's answer begins with (protocol version 2, "Resolver response") --------------------------

DNSCRYPT = side(message("answer of DNSCrypt", fixed(0, b"r6fnvWj8"), least=8 + 24 + 16))

# Ethereum: hash, signature, type, and a list whose items close (Node Discovery Protocol v4, wire protocol) -----------

SIGNED = 98
"""Bytes of hash, signature and type."""
SHORT, LONG = 0xC0, 0xF7
"""First byte of a list of up to 55 bytes, and of a longer one less the width of its length (RLP)."""
EXPIRES = b"\x84"
"""The last item of the four kinds that are oldest: a time of four bytes."""


def _discovery(data: bytes) -> int:
    """A list that fills the datagram and ends with a time."""
    first = data[SIGNED]
    if first <= LONG:
        begin, length = SIGNED + 1, first - SHORT
    else:
        begin = SIGNED + 1 + first - LONG
        length = int.from_bytes(data[SIGNED + 1 : begin], "big")
    if begin + length != len(data) or data[len(data) - 5 : len(data) - 4] != EXPIRES:
        return -1
    return 16 + 8


def _ethereum(says: str, kinds: bytes) -> Message:
    return message(
        says,
        one_of(96, b"\0\1"),
        one_of(97, kinds),
        one_of(SIGNED, bytes(range(SHORT + 5, LONG + 3))),
        least=105,
        check=_discovery,
    )


SYNCTHING = side(
    message("announcement of a device", fixed(0, b"\x2e\xa7\xd9\x0b\x0a\x20"), least=40),
    message("greeting of a device", fixed(0, b"\x2e\xa7\xd9\x0b\0"), one_of(6, b"\x0a"), least=8),
)

PROTOCOLS = (
    Protocol(
        name="bitcoin",
        title="Bitcoin",
        spec="Bitcoin developer reference, P2P network",
        grammars=(grammar((TCP,), BITCOIN, BITCOIN, symmetric=True),),
    ),
    Protocol(
        name="stratum",
        title="Stratum (mining)",
        spec="Stratum mining protocol",
        aliases=("mining",),
        describe=_mines,
        grammars=(grammar((TCP,), STRATUM_CLIENT, STRATUM_SERVER),),
    ),
    Protocol(
        name="gnutella",
        title="Gnutella",
        spec="Gnutella 0.6",
        grammars=(grammar((TCP,), side(GNUTELLA_CLIENT), side(GNUTELLA_SERVER)),),
    ),
    Protocol(
        name="edonkey",
        title="eDonkey",
        spec="Kulbak, Bickson: eMule protocol specification",
        aliases=("emule",),
        grammars=(
            grammar(
                (TCP,),
                side(_donkey("greeting of a peer or to a server", b"\1")),
                side(_donkey("answer to a greeting", b"\x4c"), _donkey("number for a client", b"\x40")),
            ),
        ),
    ),
    Protocol(
        name="oicq",
        title="OICQ (QQ)",
        spec="OICQ, as Wireshark documents it",
        aliases=("qq",),
        grammars=(grammar((UDP,), OICQ, OICQ, pair=same(8, 3), tells_server=False),),
    ),
    Protocol(
        name="dnscrypt",
        title="DNSCrypt",
        spec="DNSCrypt version 2",
        grammars=(grammar((UDP, TCP), None, DNSCRYPT),),
    ),
    Protocol(
        name="ethereum",
        title="Ethereum discovery",
        spec="Node Discovery Protocol v4",
        aliases=("devp2p",),
        grammars=(
            grammar(
                (UDP,),
                side(_ethereum("ping or question for nodes", b"\1\3")),
                side(_ethereum("pong or nodes", b"\2\4")),
                symmetric=True,
                tells_server=False,
            ),
        ),
    ),
    Protocol(
        name="raknet",
        title="RakNet",
        spec="RakNet, offline messages",
        grammars=(grammar((UDP,), RAKNET_CLIENT, RAKNET_SERVER),),
    ),
    Protocol(
        name="discord",
        title="Discord voice",
        spec="Discord developer documentation, IP discovery",
        grammars=(grammar((UDP,), DISCORD_CLIENT, DISCORD_SERVER, pair=same(4, 4)),),
    ),
    Protocol(
        name="tailscale",
        title="Tailscale (disco)",
        spec="Tailscale, disco message format",
        aliases=("disco",),
        first="either",
        grammars=(grammar((UDP,), DISCO, DISCO, symmetric=True, tells_server=False),),
    ),
    Protocol(
        name="syncthing",
        title="Syncthing",
        spec="Syncthing, local discovery protocol 4",
        first="either",
        grammars=(grammar((UDP,), SYNCTHING, SYNCTHING, symmetric=True, tells_server=False),),
    ),
)
