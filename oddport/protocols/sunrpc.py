"""ONC RPC calls and replies, NFS among them → a match (RFC 5531, sections 9 to 11; programs as IANA lists them)."""

from collections.abc import Callable

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u32, wrong_byte, wrong_bytes
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import ANY, CLIENT, Grammar, Protocol, literal
from oddport.protocols.text import clean

Bytes = Callable[[bytes], SideMatch | None]

MARK = 4
"""Bytes of the record mark before a message over TCP (RFC 5531, 11)."""
LAST = 0x80000000
CALL, REPLY = 0, 1
VERSION = 2
CALL_HEADER, REPLY_HEADER = 40, 24
"""Bytes of a call and of an accepted reply with empty credentials."""
OPAQUE_LIMIT = 400
"""Bytes of credentials and verifiers (RFC 5531, 8.2)."""
ACCEPT_STATES = 6
DENIED_STATES = 2
UNIX = 1
"""AUTH_SYS: its credentials name the machine (RFC 5531, appendix A)."""
FLAVOURS = frozenset((0, 1, 2, 3, 4, 5, 6, 7, 390003, 390004, 390005))
"""AUTH_NONE to AUTH_TLS, and the pseudo flavours of Kerberos (IANA, RPC authentication numbers)."""
FRAGMENT_LIMIT = 0x00FFFFFF
"""Bytes of a first fragment; servers take a few MB at most."""
PROGRAM_LIMIT = 0x60000000
"""Programs from here on are reserved (RFC 5531, 8.1)."""
NFS_PROGRAMS = frozenset((100003, 100227))
"""NFS and its access lists."""
PROGRAMS = {
    100000: "portmap", 100001: "rstat", 100002: "rusers", 100003: "nfs", 100004: "ypserv", 100005: "mount",
    100007: "ypbind", 100008: "walld", 100009: "yppasswd", 100011: "rquota", 100012: "spray", 100020: "llockmgr",
    100021: "nlockmgr", 100024: "status", 100028: "ypupdate", 100068: "cmsd", 100083: "ttdbserver", 100227: "nfs_acl",
    100232: "sadmind", 100235: "cachefsd", 100249: "snmpXdmid", 395183: "vxi11-core", 395184: "vxi11-async",
    536870913: "nfs-callback",
}  # fmt: skip


def _opaque(data: bytes, at: int, end: int) -> int:
    """Where the flavour and the padded bytes of credentials at `at` end; -1 where they are none."""
    if at + 8 > end:
        return -1
    length = u32(data, at + 4)
    if length > OPAQUE_LIMIT or u32(data, at) not in FLAVOURS:
        return -1
    after = at + 8 + (length + 3 & ~3)
    return after if after <= end else -1


def _call(data: bytes, at: int, end: int, nfs: bool) -> SideMatch | None:
    """The call at `at` of a program that is NFS, or that is not; `end` may lie behind the bytes that are there."""
    size = min(end, len(data))
    if end - at < CALL_HEADER or size - at < CALL_HEADER or u32(data, at + 4) != CALL or u32(data, at + 8) != VERSION:
        return None
    program, version = u32(data, at + 12), u32(data, at + 16)
    if (program in NFS_PROGRAMS) != nfs or not 0 < program < PROGRAM_LIMIT or version > 0xFFFF:
        return None
    credentials = at + 24
    verifier = _opaque(data, credentials, size)
    if verifier < 0 or (after := _opaque(data, verifier, size)) < 0:
        return None
    name = PROGRAMS.get(program, str(program))
    facts: Facts = {"program": name, "version": version, "procedure": u32(data, at + 20)}
    if u32(data, credentials) == UNIX and verifier >= credentials + 16:
        length = u32(data, credentials + 12)
        machine = data[credentials + 16 : min(credentials + 16 + length, verifier)]
        if machine:
            facts["machine"] = clean(machine)
    says = f"ONC RPC call of program {name}, version {version}"
    return SideMatch(True, ((at, after - at, says),), facts, False, 32 + 32 + 8 + 16 + 2 * 40)


def _reply(data: bytes, at: int, end: int, nfs: bool) -> SideMatch | None:
    """The reply at `at`; it does not name its program, so that alone it speaks for RPC, and a little less for NFS."""
    size = min(end, len(data))
    if size - at < REPLY_HEADER - 4 or u32(data, at + 4) != REPLY:
        return None
    state = u32(data, at + 8)
    if state == 0:
        after = _opaque(data, at + 12, size)
        if after < 0 or after + 4 > size or u32(data, after) >= ACCEPT_STATES:
            return None
        says = "ONC RPC reply, accepted"
    elif state == 1 and u32(data, at + 12) < DENIED_STATES:
        after = at + 16
        says = "ONC RPC reply, denied"
    else:
        return None
    return SideMatch(state == 0, ((at, after - at, says),), {}, False, 32 + 32 + 40 - nfs)


def _datagram(part: Callable[[bytes, int, int, bool], SideMatch | None], nfs: bool) -> Bytes:
    """UDP: a datagram is a message, a whole number of words."""

    def matcher(data: bytes) -> SideMatch | None:
        return None if len(data) & 3 else part(data, 0, len(data), nfs)

    return matcher


def _stream(part: Callable[[bytes, int, int, bool], SideMatch | None], nfs: bool) -> Bytes:
    """TCP: a message behind its record mark, which closes on the end or on the next mark."""

    def matcher(data: bytes) -> SideMatch | None:
        if len(data) < MARK + REPLY_HEADER - 4:
            return None
        mark = u32(data, 0)
        end = MARK + (mark & ~LAST)
        if end - MARK > FRAGMENT_LIMIT:
            return None
        if end < len(data) and data[end] & 0x7F:
            return None
        match = part(data, MARK, end, nfs)
        if match is not None:
            match.spans = ((0, MARK, f"record mark of {end - MARK} bytes"), *match.spans)
            match.bits = match.bits + 8
        return match

    return matcher


def pair(call: bytes, reply: bytes) -> bool:
    """UDP: a reply has its call's transaction id."""
    return call[:4] == reply[:4]


def _reject(data: bytes, at: int, role: int) -> str:
    kind = CALL if role == CLIENT else REPLY
    return wrong_bytes(data, at + 4, kind.to_bytes(4, "big"), f"a message of this side has type {kind}") or (
        wrong_bytes(data, at + 8, VERSION.to_bytes(4, "big"), "the RPC version is 2") if role == CLIENT else ""
    )


def datagram_reject(data: bytes, role: int) -> str:
    """UDP: bytes that no message has."""
    if len(data) & 3:
        return f"{len(data)} bytes, a message is a whole number of 4-byte words"
    return _reject(data, 0, role)


def reject(data: bytes, role: int) -> str:
    """TCP: bytes that no record has."""
    return wrong_byte(data, 0, TCP_FIRST, "the first fragment is shorter than 16 MB") or _reject(data, MARK, role)


TCP_FIRST = b"\x00\x80"


def _grammars(nfs: bool) -> tuple[Grammar, ...]:
    return (
        Grammar(
            (UDP,), _datagram(_call, nfs), _datagram(_reply, nfs), ANY, ANY, pair=pair, reject=datagram_reject,
            client_at=literal(4, b"\0\0\0\0\0\0\0\2"), server_at=literal(4, b"\0\0\0\1\0\0\0"),
        ),
        Grammar((TCP,), _stream(_call, nfs), _stream(_reply, nfs), TCP_FIRST, TCP_FIRST, reject=reject),
    )  # fmt: skip


PROTOCOLS = (
    Protocol("nfs", "NFS", "RFC 5531, RFC 7530", _grammars(True)),
    Protocol("sunrpc", "ONC RPC", "RFC 5531", _grammars(False), aliases=("rpc", "portmap", "rpcbind")),
)
