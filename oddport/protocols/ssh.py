"""Identification string and key exchange of SSH → a match, and what both sides agree on (RFC 4253, 4.2 and 7.1).

HASSH: Reardon, Corpuz, "HASSH: a profiling method for SSH clients and servers" (2018).
"""

from hashlib import md5

from oddport.engine.columns import HEAD_BYTES, TCP
from oddport.engine.heads import Head
from oddport.protocols.binary import u32
from oddport.protocols.model import Identification, Says, SideMatch
from oddport.protocols.registry import Grammar, Protocol
from oddport.protocols.text import clean

LINE_LIMIT = 255
"""Bytes of the identification string with CR LF (RFC 4253, 4.2)."""
PREAMBLE_LIMIT = 1_024
"""Bytes of other lines that a server may send first; the RFC sets no limit, OpenSSH stops at 1,024 lines."""
KEXINIT = 20
"""SSH_MSG_KEXINIT (RFC 4253, section 12)."""
PACKET_LIMIT = 35_000
"""Bytes of a packet that everyone must take (RFC 4253, 6.1)."""
COOKIE = 16
LISTS = 8
"""Name-lists of a KEXINIT that are read; the languages behind them are empty in practice."""
KEX, HOST_KEY, CIPHER_C, CIPHER_S, MAC_C, MAC_S, COMPRESSION_C, COMPRESSION_S = range(LISTS)
"""Their order (RFC 4253, 7.1); _C from client to server, _S the other way."""
MARKERS = (b"ext-info-c", b"kex-strict-c-v00@openssh.com")
"""Entries of a client's list that are no methods (RFC 8308, 2.1; OpenSSH, PROTOCOL, 1.10)."""
VERSIONS = (b"SSH-2.0-", b"SSH-1.99-", b"SSH-1.5-", b"SSH-1.3-")


def _control(data: bytes, start: int, end: int) -> bool:
    """Whether the line has control characters before its end; CR before LF is none."""
    line = data[start:end].rstrip(b"\r")
    return not line.isascii() or not line.decode("ascii").isprintable()


def _identification(data: bytes, start: int) -> SideMatch | None:
    """The identification string at `start`, and the key exchange packet behind it."""
    for version in VERSIONS:
        if data.startswith(version, start):
            break
    else:
        return None
    end = data.find(b"\n", start, start + LINE_LIMIT + 1)
    if end < 0 or _control(data, start, end):
        # cut, or padded with NUL as some devices do: the words are there, the line is not
        end = start + len(version)
        while end < len(data) and 0x20 <= data[end] < 0x7F and end - start < LINE_LIMIT:
            end += 1
        return SideMatch(False, ((start, end - start, "SSH identification string without its end"),), {}, True, 64)
    line = data[start:end].rstrip(b"\r")
    facts: dict[str, str | int | bool | list[str]] = {"banner": clean(line)}
    spans: list[tuple[int, int, Says]] = [(start, end - start, "SSH identification string")]
    bits = 8 * len(version) + 8
    after = end + 1
    if len(data) >= after + 6:
        length = int.from_bytes(data[after : after + 4], "big")
        if data[after + 5] == KEXINIT and 12 <= length <= PACKET_LIMIT and 4 <= data[after + 4] < length:
            spans.append((after, 6, ("packet of %d bytes, message 20: key exchange begins", length)))
            bits += 40
    return SideMatch(True, tuple(spans), facts, False, bits)


def client(data: bytes) -> SideMatch | None:
    """A client begins with its identification string."""
    return _identification(data, 0)


def server(data: bytes) -> SideMatch | None:
    """A server may send other lines before its identification string."""
    if data[0] == 0x53:
        match = _identification(data, 0)
        if match is not None:
            return match
    start = data.find(b"\nSSH-", 0, PREAMBLE_LIMIT)
    if start < 0:
        return None
    for byte in data[:start]:
        if byte < 0x20 and byte not in b"\r\n\t":
            return None
    return _identification(data, start + 1)


def reject(data: bytes, role: int) -> str:
    """Lines may come before a server's identification string, so text alone rejects nothing there."""
    head = data[:4]
    if b"SSH-".startswith(head) or head == b"SSH-":
        return ""
    for index, byte in enumerate(head):
        if role == 0 and byte != b"SSH-"[index]:
            return f"byte {index} is 0x{byte:02x}, an identification string begins with 'SSH-'"
        if byte < 0x20 and byte not in b"\r\n\t":
            return f"byte {index} is 0x{byte:02x}, a server begins with lines of text and 'SSH-'"
    if role == 1 and len(data) > PREAMBLE_LIMIT and b"\nSSH-" not in data:
        return f"no line of the first {PREAMBLE_LIMIT} bytes begins with 'SSH-'"
    return ""


def _key_exchange(data: bytes) -> tuple[bytes, list[bytes]] | None:
    """The identification string of a side, and the name-lists of its KEXINIT (none where it is not all there)."""
    start = 0 if data[:4] == b"SSH-" else data.find(b"\nSSH-", 0, PREAMBLE_LIMIT) + 1
    end = data.find(b"\n", start, start + LINE_LIMIT + 1)
    if end < 0 or data[start : start + 4] != b"SSH-":
        return None
    line = data[start:end].rstrip(b"\r")
    at = end + 1
    if len(data) < at + 6 or data[at + 5] != KEXINIT:
        return line, []
    stop = min(at + 4 + u32(data, at), len(data))
    at += 6 + COOKIE
    lists: list[bytes] = []
    while len(lists) < LISTS:
        if at + 4 > stop or at + 4 + u32(data, at) > stop:
            return line, []
        length = u32(data, at)
        lists.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return line, lists


def _hassh(lists: list[bytes], *numbers: int) -> str:
    return md5(b";".join([lists[number] for number in numbers]), usedforsecurity=False).hexdigest()


def _agreed(asked: list[bytes], offered: list[bytes], number: int) -> str:
    """The first of the client's methods that the server has too (RFC 4253, 7.1)."""
    has = set(offered[number].split(b","))
    for name in asked[number].split(b","):
        if name in has and name not in MARKERS:
            return clean(name, 64)
    return ""


def describe(head: Head, found: Identification) -> None:
    """`client_software`, `server_software`, `hassh`, `hassh_server`, and what both sides take: `kex`, `host_key`,
    `cipher` (from client to server).

    Both sides begin alike: where the connection does not tell who is the client, the originator is taken for it.
    """
    client, server = (head.resp, head.orig) if found.server == 0 else (head.orig, head.resp)
    one, other = _key_exchange(client), _key_exchange(server)
    facts = found.facts
    for key, side in (("client_software", one), ("server_software", other)):
        if side is not None:
            facts[key] = clean(side[0][side[0].find(b"-", 4) + 1 :])
    if one is not None and one[1]:
        facts["hassh"] = _hassh(one[1], KEX, CIPHER_C, MAC_C, COMPRESSION_C)
    if other is not None and other[1]:
        facts["hassh_server"] = _hassh(other[1], KEX, CIPHER_S, MAC_S, COMPRESSION_S)
    if one is not None and other is not None and one[1] and other[1]:
        for key, number in (("kex", KEX), ("host_key", HOST_KEY), ("cipher", CIPHER_C)):
            name = _agreed(one[1], other[1], number)
            if name:
                facts[key] = name
    for side, data in ((one, client), (other, server)):
        if side is not None and not side[1] and len(data) < HEAD_BYTES and not head.closed and side[0][4:5] != b"1":
            found.final = False


TEXT_FIRST = bytes(range(0x20, 0x7F)) + b"\r\n\t"

PROTOCOLS = (
    Protocol(
        name="ssh",
        title="SSH",
        spec="RFC 4253",
        first="server",
        grammars=(Grammar((TCP,), client, server, b"S", TEXT_FIRST, reject=reject),),
        describe=describe,
    ),
)
