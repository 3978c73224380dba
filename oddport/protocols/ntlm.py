"""NTLM messages inside other protocols → who logs in from where, and what the server calls itself (MS-NLMP 2.2.1)."""

from oddport.protocols.binary import u16_le, u32_le
from oddport.protocols.model import Facts
from oddport.protocols.text import REPLACEMENT, clean

SIGNATURE = b"NTLMSSP\x00"
CHALLENGE, AUTHENTICATE = 2, 3
CHALLENGE_BYTES, AUTHENTICATE_BYTES = 48, 64
"""Bytes up to the end of the fixed fields that are read."""
UNICODE = 1
"""NTLMSSP_NEGOTIATE_UNICODE, bit 0 of the flags (2.2.2.5)."""
MESSAGES = 3
"""Messages of a direction that are looked at."""
NAMES = {1: "computer", 2: "domain", 3: "dns_computer", 4: "dns_domain"}
"""Of a challenge's target information, by AvId (2.2.2.1)."""
PAIRS = 16


def _text(data: bytes, unicode: bool) -> str:
    """A name as it is shown, in UTF-16 (little-endian) or in the sender's code page, of which ASCII is kept."""
    if unicode:
        return clean(data.decode("utf-16-le", "replace").encode("utf-8", "replace"))
    return clean(data)


def _field(data: bytes, at: int, message: int) -> bytes:
    """The bytes that the length and offset at `at` point to; b"" where they are not all there (2.2.1, fields)."""
    start = message + u32_le(data, at + 4)
    stop = start + u16_le(data, at)
    return data[start:stop] if stop <= len(data) else b""


def _challenge(data: bytes, message: int, facts: Facts) -> None:
    pairs = _field(data, message + 40, message)
    at = 0
    for _ in range(PAIRS):
        if at + 4 > len(pairs):
            return
        kind = u16_le(pairs, at)
        stop = at + 4 + u16_le(pairs, at + 2)
        name = NAMES.get(kind)
        # pairs are in UTF-16 whatever the flags say
        if name is not None and stop <= len(pairs):
            facts[name] = _text(pairs[at + 4 : stop], True)
        at = stop


def _authenticate(data: bytes, message: int, facts: Facts) -> None:
    unicode = bool(data[message + 60] & UNICODE)
    for name, at in (("domain", 28), ("user", 36), ("workstation", 44)):
        text = _text(_field(data, message + at, message), unicode)
        if text and REPLACEMENT not in text:
            facts[name] = text


def add_facts(data: bytes, facts: Facts) -> bool:
    """Add what the NTLM messages in `data` say of names; whether an AUTHENTICATE message was among them."""
    at = data.find(SIGNATURE)
    for _ in range(MESSAGES):
        if at < 0 or at + 12 > len(data):
            return False
        kind = u32_le(data, at + 8)
        if kind == CHALLENGE and at + CHALLENGE_BYTES <= len(data):
            _challenge(data, at, facts)
        elif kind == AUTHENTICATE and at + AUTHENTICATE_BYTES <= len(data):
            _authenticate(data, at, facts)
            return True
        at = data.find(SIGNATURE, at + len(SIGNATURE))
    return False
