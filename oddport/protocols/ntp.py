"""NTP packets → a match: header fields in range and extensions that close, or a control message (RFC 5905, RFC 9327).

A header (RFC 5905, 7.3) has no literal bytes. What speaks for it: 48 bytes, or more with extension fields that close;
the upper bits of delay and dispersion, which are seconds in 16.16 fixed point and stay below 16 s or are zero;
timestamps of this era.
"""

from oddport.engine.columns import UDP
from oddport.protocols.binary import u16, u32
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol
from oddport.protocols.text import clean

HEADER = 48
CONTROL_HEADER, PRIVATE_HEADER = 12, 8
SYMMETRIC, PASSIVE, CLIENT_MODE, SERVER_MODE, BROADCAST, CONTROL, PRIVATE = 1, 2, 3, 4, 5, 6, 7
MODE_NAMES = ("", "symmetric active", "symmetric passive", "client", "server", "broadcast", "control", "private")
STRATUM_LIMIT = 16
POLL_LIMIT = 17
"""log2 seconds: MAXPOLL (RFC 5905, 7.2)."""
DELAY_LIMIT = 16 << 16
"""MAXDISP is 16 s (RFC 5905, 7.2), in 16.16 fixed point; delays were signed up to version 3 (RFC 1305, 3.2.1)."""
EPOCH = 0x83AA7E80
"""1970 in seconds since 1900: a clock that was never set shows it, earlier times are no clock's. Era 0 ends in 2036."""
MACS = (20, 24, 36, 52, 68, 72)
"""Key id and digest: MD5 or AES-CMAC (16 bytes), SHA-1 (20), SHA-256, 384, 512 (RFC 7822, 7.5); 72 is the extended
authenticator of Windows (MS-SNTP 2.2.3)."""
CONTROL_MACS = (20, 24)
CRYPTO_NAK = 4
SMALLEST_EXTENSION = 16
"""RFC 7822, 7.5.1.4; 28 where it is the last and no MAC follows."""
OPCODES = range(13)
"""Control message opcodes in use (RFC 9327, 2): 0 to 12, and 31."""
PRIVATE_IMPLEMENTATIONS = (0, 2, 3)
"""ntpd's mode 7: universal, xntpd's old and new number."""
LONG_ITEM = 512


def _closes(data: bytes) -> bool:
    """Whether what lies behind the header is extension fields and a MAC that fill the datagram."""
    size = len(data)
    at = HEADER
    while at < size:
        rest = size - at
        if rest == CRYPTO_NAK or rest in MACS:
            # a MAC, or one last extension field as long as a MAC
            return True
        if rest < SMALLEST_EXTENSION:
            return False
        length = u16(data, at + 2)
        if length < SMALLEST_EXTENSION or length & 3 or length > rest:
            return False
        at += length
    return True


def _fixed_point(value: int) -> bool:
    return value < DELAY_LIMIT or value >= 0x100000000 - DELAY_LIMIT


def _is_time(seconds: int) -> bool:
    """Whether the upper half of a timestamp is 0 (unknown) or lies in 1970 to 2036."""
    return seconds == 0 or seconds >= EPOCH


def _time(data: bytes, role: int) -> SideMatch | None:
    """A packet of modes 1 to 5."""
    first = data[0]
    version = first >> 3 & 7
    mode = first & 7
    stratum = data[1]
    if stratum > STRATUM_LIMIT or not _fixed_point(u32(data, 4)) or u32(data, 8) >= DELAY_LIMIT + 0x10000:
        return None
    poll = data[2]
    if POLL_LIMIT < poll < 0xFA:
        return None
    if 1 <= data[3] <= 0xDF and not (mode == CLIENT_MODE and data[3] < 0x40):
        # log2 of the clock's precision: from 2 ns (-29) to a second (0); plain clients send anything small
        return None
    # what a client sends there besides is its own business, and often random (interleaved mode, data minimisation)
    if mode != CLIENT_MODE and not (_is_time(u32(data, 16)) and _is_time(u32(data, 32))):
        return None
    transmit = u32(data, 40)
    if mode in (SERVER_MODE, BROADCAST, PASSIVE):
        if transmit < EPOCH:
            return None
    elif transmit == 0 and u32(data, 44) == 0 and mode != CLIENT_MODE:
        return None
    if mode == CLIENT_MODE and not any(data[4:]):
        # an empty request is legal in SNTP (RFC 4330, 5), and so are 48 bytes of anything beginning so
        if data[1:4] != b"\x00\x00\x00" or len(data) != HEADER:
            return None
    elif not _closes(data):
        return None
    facts: Facts = {"version": str(version), "mode": MODE_NAMES[mode]}
    if mode != CLIENT_MODE:
        facts["stratum"] = stratum
        if stratum <= 1 and data[12:16].strip(b"\x00").isalnum():
            facts["reference"] = clean(data[12:16].rstrip(b"\x00"))
    says = (
        f"NTP version {version}, {MODE_NAMES[mode]}: delay, dispersion and timestamps in range, {len(data)} bytes close"
    )
    # behind the first four bytes: 11 of delay and 11 of dispersion, and about one a timestamp; in them 12
    spans = ((0, 4, f"version {version}, mode {mode}, stratum {stratum}"), (0, HEADER, says))
    return SideMatch(True, spans, facts, False, 12 + 22 + 8)


def _control(data: bytes, role: int) -> SideMatch | None:
    """Mode 6: the count of bytes closes on the datagram, up to padding and a MAC."""
    size = len(data)
    if size < CONTROL_HEADER or (data[1] >> 7) != role or data[0] & 0xC0:
        return None
    operation = data[1] & 31
    count = u16(data, 10)
    end = CONTROL_HEADER + (count + 3 & ~3)
    if operation not in OPCODES and operation != 31:
        return None
    # some programs leave the padding out where no MAC follows
    closes = size in (end, CONTROL_HEADER + count)
    if not closes and not (end < size and size - end in CONTROL_MACS):
        return None
    if role == CLIENT:
        # a request has no status, and asks from the start (RFC 9327, 2)
        if data[1] & 0x60 or u16(data, 4) or u16(data, 8):
            return None
    elif count == 0 and not data[1] & 0x40:
        # an answer without data is an error
        return None
    says = f"NTP control message, opcode {operation}: {count} bytes close"
    facts: Facts = {"version": str(data[0] >> 3 & 7), "mode": "control"}
    bits = 12 + (32 if role == CLIENT else 0) + (15 if closes else 12)
    return SideMatch(closes, ((0, CONTROL_HEADER, says),), facts, False, bits)


def _private(data: bytes, role: int) -> SideMatch | None:
    """Mode 7 of ntpd: items times their size close on the datagram; a request has none, and zeros behind."""
    size = len(data)
    if size < PRIVATE_HEADER or (data[0] >> 7) != role or data[2] not in PRIVATE_IMPLEMENTATIONS:
        return None
    items = u16(data, 4) & 0x0FFF
    length = u16(data, 6)
    facts: Facts = {"version": str(data[0] >> 3 & 7), "mode": "private", "request": data[3]}
    if role == CLIENT:
        if items or length or u16(data, 4) or data[PRIVATE_HEADER:].strip(b"\x00"):
            return None
        says = f"NTP private request {data[3]}, without items"
        return SideMatch(True, ((0, PRIVATE_HEADER, says),), facts, False, 44)
    if length > LONG_ITEM or PRIVATE_HEADER + items * length != size or (items == 0 and u16(data, 4) >> 12 == 0):
        return None
    says = f"NTP private response {data[3]}: {items} items of {length} bytes close"
    return SideMatch(items > 0, ((0, PRIVATE_HEADER, says),), facts, False, 36)


def _side(data: bytes, role: int) -> SideMatch | None:
    mode = data[0] & 7
    if mode == CONTROL:
        return _control(data, role)
    if mode == PRIVATE:
        return _private(data, role)
    if len(data) < HEADER or len(data) & 3 or not 1 <= data[0] >> 3 & 7 <= 4:
        return None
    if (mode in (SYMMETRIC, CLIENT_MODE)) != (role == CLIENT):
        return None
    return _time(data, role)


def client(data: bytes) -> SideMatch | None:
    """A request, a symmetric peer that begins, or a query of the control protocols."""
    return _side(data, CLIENT)


def server(data: bytes) -> SideMatch | None:
    """An answer, a passive peer, a broadcast, or an answer of the control protocols."""
    return _side(data, SERVER)


def reject(data: bytes, role: int) -> str:
    """Bytes that no NTP packet has."""
    mode = data[0] & 7
    if mode == 0 or not 1 <= data[0] >> 3 & 7 <= 4:
        return f"byte 0 is 0x{data[0]:02x}: version {data[0] >> 3 & 7}, mode {mode}; versions are 1 to 4, modes 1 to 7"
    if mode < CONTROL and len(data) < HEADER:
        return f"{len(data)} bytes, a packet has {HEADER} or more"
    if mode < CONTROL and data[1] > STRATUM_LIMIT:
        return f"byte 1 is 0x{data[1]:02x}, a stratum is 16 or less"
    if _side(data, CLIENT) is None and _side(data, SERVER) is None:
        return f"the fields from byte 1 on are out of range, or the {len(data)} bytes do not close"
    return ""


CLIENT_FIRST = bytes(
    b for b in range(256) if 1 <= b >> 3 & 7 <= 4 and b & 7 in (1, 3, 6, 7) and (b & 7 != 7 or b < 128)
)
SERVER_FIRST = bytes(b for b in range(256) if b & 7 in (2, 4, 5, 6) and 1 <= b >> 3 & 7 <= 4) + bytes(
    b for b in range(128, 256) if b & 7 == 7 and 1 <= b >> 3 & 7 <= 4
)
PROTOCOLS = (
    Protocol(
        name="ntp",
        title="NTP",
        spec="RFC 5905",
        grammars=(Grammar((UDP,), client, server, CLIENT_FIRST, SERVER_FIRST, reject=reject, symmetric=True),),
        aliases=("sntp",),
    ),
)
