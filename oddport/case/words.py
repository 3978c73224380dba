"""Numbers of the case file → the words people read, without importing NumPy.

The same words are the names of the enumerations and tables in `engine.columns`, `protocols.model` and
`detection.model`; a test holds them equal. They are repeated here because the dashboard paints before NumPy is loaded.
"""

import socket
import unicodedata
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

SEVERITIES = ("info", "low", "medium", "high", "critical")
"""By detection.model.Severity."""
TIERS = ("", "C", "B", "A")
"""By protocols.model.Tier; the empty one has no name to be sure of."""
PORT_VERDICTS = ("", "standard", "alternate", "dynamic", "unrecognised", "mismatch")
"""By protocols.model.PortVerdict; the empty one: nothing to judge."""
STATES = ("", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH")
"""By engine.columns.STATES."""
SERVERS = (
    "unknown",
    "responder by SYN",
    "originator by grammar",
    "responder by grammar",
    "originator by port",
    "responder by port",
)
"""By engine.columns.SERVER_*."""
NOTES = (
    (1, "midstream"),
    (2, "one-sided"),
    (4, "cut"),
    (8, "gap from originator"),
    (16, "gap from responder"),
    (32, "named early"),
    (64, "fragmented"),
    (128, "repeats"),
    (256, "answer first"),
)
"""By engine.columns.NOTE_*."""
REASONS = (
    (2, "one-sided"),
    (1, "starts mid-stream"),
    (4, "cut"),
    (8 | 16, "lost segments"),
    (32, "memory ran short"),
)
"""Why a flow may have no name: by engine.columns.NOTE_*, any of which holds."""
UNCUT = 65_535
"""Bytes of a packet; a snap length from here on cuts nothing: what was cut was cut by something else, later."""
PROTOCOLS: dict[int, str] = {
    1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah", 58: "icmp6",
    88: "eigrp", 89: "ospf", 103: "pim", 112: "vrrp", 115: "l2tp", 132: "sctp", 136: "udplite",
}  # fmt: skip
"""By engine.columns.PROTO_NAMES (IANA protocol numbers)."""
BETWEEN_TUNNELS = " > "
"""Stands between the words of tunnels in one another, the outermost first."""
VERDICTS = ("benign", "suspicious", "confirmed")
"""What an analyst may say of a finding."""


def protocol_word(number: int) -> str:
    """The filter word of an IANA protocol number: `tcp`, `udp`, …, else `ip-N`."""
    return PROTOCOLS.get(number, f"ip-{number}")


def note_words(notes: int) -> tuple[str, ...]:
    """The words of the NOTE_* bits that are set."""
    return tuple(word for bit, word in NOTES if notes & bit)


def why_unnamed(notes: int, payload: int, snaplen: int) -> tuple[str, ...]:
    """Why a flow may have no name. payload: its bytes. snaplen: snap length of its interface, 0 for none."""
    if not payload:
        return ("no payload",)
    cut = f"cut at {snaplen} bytes" if 0 < snaplen < UNCUT else "cut"
    found = tuple(cut if words == "cut" else words for bits, words in REASONS if notes & bits)
    return found or ("not recognised",)


def address_text(stored: int | bytes, version: int) -> str:
    """The text of an address as the case holds it (IPv4 an integer, IPv6 16 bytes): dotted decimal, or RFC 5952."""
    if isinstance(stored, int):
        return socket.inet_ntoa(stored.to_bytes(4, "big"))
    return _wide_address_text(stored, version)


@lru_cache(maxsize=4_096)
def _wide_address_text(stored: bytes, version: int) -> str:
    return str(IPv4Address(stored[-4:])) if version == 4 else str(IPv6Address(stored))


def word_rows() -> list[tuple[str, int, str]]:
    """Rows of the table `word`: (kind, number, word)."""
    rows = [
        (kind, number, word)
        for kind, words in (
            ("severity", SEVERITIES),
            ("tier", TIERS),
            ("port_verdict", PORT_VERDICTS),
            ("state", STATES),
            ("server", SERVERS),
        )
        for number, word in enumerate(words)
        if word
    ]
    return rows + [("proto", number, protocol_word(number)) for number in range(256)]


def printable(text: str) -> str:
    """The text with everything that a terminal or a reader could take for more than text written as an escape.

    Control characters, bidirectional controls, invisible format characters and lone surrogates become `\\xNN` or
    `\\uNNNN`; other text stays as it is. What is stored in the case may be shown by any tool.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else _escape(ord(c)) for c in text)


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
