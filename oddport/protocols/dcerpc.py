"""DCE/RPC over TCP, HTTP's RPC proxy and UDP → a match: fragment lengths close (C706, chapter 12; MS-RPCE 2.2.2)."""

from oddport.engine.columns import TCP, UDP
from oddport.protocols import ntlm
from oddport.protocols.binary import wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Protocol

HEADER = 16
VERSION = 5
CALLS = {0: "request", 11: "bind", 14: "alter context", 16: "auth3", 18: "cancel", 19: "orphaned"}
ANSWERS = {2: "response", 3: "fault", 12: "bind acknowledgement", 13: "bind refusal", 15: "alter context response",
           17: "shutdown"}  # fmt: skip
"""Packet types of a connection, by who sends them (C706, 12.6.4)."""
FIRST_FRAGMENT = 0x01
BIND, ALTER = 11, 14
SMALLEST = {0: 24, 2: 24, 3: 24, 11: 28, 12: 26, 13: 18, 14: 28, 15: 26}
"""Bytes of the shortest packet of a type."""
CONTEXT = 44
"""Bytes of a presentation context with one transfer syntax."""
CONTEXTS = 8
"""Contexts of a bind whose interface becomes a fact."""
BANNER = b"ncacn_http/1.0"
"""What a server of RPC over HTTP says first (MS-RPCH 2.1.1.1.1)."""
PACKETS = 4
"""Packets of a direction that are walked."""
AUTH_TRAILER = 8

DATAGRAM_HEADER = 80
DATAGRAM_VERSION = 4
DATAGRAM_CALLS = {0: "request", 1: "ping", 7: "acknowledgement", 8: "cancel", 9: "fragment acknowledgement"}
DATAGRAM_ANSWERS = {2: "response", 3: "fault", 4: "working", 5: "no call", 6: "reject", 9: "fragment acknowledgement",
                    10: "cancel acknowledgement"}  # fmt: skip
"""Packet types without a connection (C706, 12.5.1)."""

INTERFACES = {
    "e1af8308-5d1f-11c9-91a4-08002b14a0fa": "epmapper",
    "afa8bd80-7d8a-11c9-bef4-08002b102989": "mgmt",
    "99fcfec4-5260-101b-bbcb-00aa0021347a": "IObjectExporter",
    "000001a0-0000-0000-c000-000000000046": "IRemoteSCMActivator",
    "00000131-0000-0000-c000-000000000046": "IRemUnknown",
    "00000143-0000-0000-c000-000000000046": "IRemUnknown2",
    "12345678-1234-abcd-ef00-01234567cffb": "netlogon",
    "12345778-1234-abcd-ef00-0123456789ab": "lsarpc",
    "12345778-1234-abcd-ef00-0123456789ac": "samr",
    "12345678-1234-abcd-ef00-0123456789ab": "spoolss",
    "76f03f96-cdfd-44fc-a22c-64950a001209": "IRemoteWinspool",
    "367abb81-9844-35f1-ad32-98f038001003": "svcctl",
    "338cd001-2244-31f1-aaaa-900038001003": "winreg",
    "4b324fc8-1670-01d3-1278-5a47bf6ee188": "srvsvc",
    "6bffd098-a112-3610-9833-46c3f87e345a": "wkssvc",
    "1ff70682-0a51-30e8-076d-740be8cee98b": "atsvc",
    "378e52b0-c0a9-11cf-822d-00aa0051e40f": "sasec",
    "86d35949-83c9-4044-b424-db363231fd0c": "ITaskSchedulerService",
    "e3514235-4b06-11d1-ab04-00c04fc2dcd2": "drsuapi",
    "c681d488-d850-11d0-8c52-00c04fd90f7e": "efsrpc",
    "df1941c5-fe89-4e79-bf10-463657acf44d": "efsrpc",
    "4fc742e0-4a10-11cf-8273-00aa004ae673": "dfsnm",
    "a8e0653c-2744-4389-a61d-7373df8b2292": "FileServerVssAgent",
    "82273fdc-e32a-18c3-3f78-827929dc23ea": "eventlog",
    "f6beaff7-1e19-4fbb-9f8f-b89e2018337c": "eventlog6",
    "50abc2a4-574d-40b3-9d66-ee4fd5fba076": "dnsserver",
    "f5cc5a18-4264-101a-8c59-08002b2f8426": "nspi",
    "a4f1db00-ca47-1067-b31f-00dd010662da": "emsmdb",
    "9556dc99-828c-11cf-a37e-00aa003240c7": "IWbemServices",
    "f309ad18-d86a-11d0-a075-00c04fb68820": "IWbemLevel1Login",
    "dea00001-6c97-11d1-8271-00a02442df7d": "PROFINET device",
    "dea00002-6c97-11d1-8271-00a02442df7d": "PROFINET controller",
}
"""Interface identifiers → names (Microsoft open specifications, [MS-*] section 1.9; PROFINET: IEC 61158-6-10)."""


def _uuid(data: bytes, at: int, little: bool) -> str:
    """The 16 bytes at `at` as an identifier is written (C706, appendix A)."""
    part = data[at : at + 16]
    if little:
        part = bytes((part[3], part[2], part[1], part[0], part[5], part[4], part[7], part[6])) + part[8:16]
    text = part.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def _interface(data: bytes, at: int, little: bool) -> str:
    uuid = _uuid(data, at, little)
    return INTERFACES.get(uuid, uuid)


def _number(data: bytes, at: int, little: bool) -> int:
    """Two bytes in the sender's order."""
    return data[at] | data[at + 1] << 8 if little else data[at] << 8 | data[at + 1]


def _is_representation(data: bytes, at: int) -> bool:
    """Whether a data representation label stands at `at`: byte order, characters, one of four floats (C706, 14.1)."""
    return data[at] & 0xEE == 0 and data[at + 1] <= 3


def _packet(data: bytes, at: int, types: dict[int, str], facts: Facts) -> int:
    """Where the packet at `at` ends, maybe behind the bytes that are there; -1 where there is none."""
    if at + HEADER > len(data) or data[at] != VERSION or data[at + 1] > 1 or data[at + 2] not in types:
        return -1
    if not _is_representation(data, at + 4) or data[at + 6] or data[at + 7]:
        return -1
    little = data[at + 4] & 0x10 != 0
    length = _number(data, at + 8, little)
    kind = data[at + 2]
    security = _number(data, at + 10, little)
    if length < SMALLEST.get(kind, HEADER) + (security + AUTH_TRAILER if security else 0):
        return -1
    if kind in (BIND, ALTER) and at + 28 <= len(data):
        contexts = data[at + 24]
        # three reserved bytes follow the count (C706, 12.6.3.1)
        if contexts == 0 or data[at + 25] or data[at + 26] or data[at + 27]:
            return -1
        context = at + 28
        for _ in range(min(contexts, CONTEXTS)):
            if context + CONTEXT > len(data):
                break
            _add(facts, _interface(data, context + 4, little))
            context += 24 + 20 * data[context + 2]
    return at + length


def _add(facts: Facts, name: str) -> None:
    known = facts.setdefault("interface", [])
    if isinstance(known, list) and name not in known and len(known) < CONTEXTS:
        known.append(name)


def _stream(data: bytes, types: dict[int, str], start: int) -> SideMatch | None:
    """Packets from `start` on, each behind the other."""
    facts: Facts = {}
    spans: list[tuple[int, int, str]] = []
    bits = 0
    at = start
    size = len(data)
    while len(spans) < PACKETS and at < size:
        end = _packet(data, at, types, facts)
        if end < 0:
            # what follows a packet that closed must be one, as far as its bytes are there
            if not spans or at + HEADER <= size:
                return None
            break
        says = f"DCE/RPC {types[data[at + 2]]}: fragment length {end - at} closes"
        spans.append((at, min(HEADER, size - at), says))
        bits += 8 + 7 + 4 + 12 + 16 + 16
        at = end
    if not spans:
        return None
    ntlm.add_facts(data, facts)
    return SideMatch(True, tuple(spans), facts, False, bits)


def client(data: bytes) -> SideMatch | None:
    """TCP: bind, requests."""
    return _stream(data, CALLS, 0)


def server(data: bytes) -> SideMatch | None:
    """TCP: bind acknowledgement, responses; behind a banner where RPC is spoken over HTTP's port."""
    start = len(BANNER) if data[: len(BANNER)] == BANNER else 0
    if start and len(data) == start:
        return SideMatch(True, ((0, start, "banner of RPC over HTTP"),), {}, True, 8 * start)
    match = _stream(data, ANSWERS, start)
    if match is not None and start:
        match.bits += 8 * start
    return match


def _datagram(data: bytes, types: dict[int, str]) -> SideMatch | None:
    """A packet without connection whose body length closes on the datagram, or on the verifier behind it."""
    size = len(data)
    if size < DATAGRAM_HEADER or data[0] != DATAGRAM_VERSION or data[1] not in types:
        return None
    # two bits of the second flags are in use (C706, 12.5.2.6)
    if data[3] & 0xFC or not _is_representation(data, 4) or data[6]:
        return None
    little = data[4] & 0x10 != 0
    length = _number(data, 74, little)
    end = DATAGRAM_HEADER + length
    if end != size and not (data[78] and end < size):
        return None
    facts: Facts = {"interface": [_interface(data, 24, little)], "operation": _number(data, 68, little)}
    spans = ((0, 8, f"DCE/RPC {types[data[1]]} without connection"), (74, 2, f"body of {length} bytes closes"))
    return SideMatch(True, spans, facts, False, 8 + 5 + 6 + 12 + 8 + 16)


def datagram_client(data: bytes) -> SideMatch | None:
    """UDP: requests and what keeps them going."""
    return _datagram(data, DATAGRAM_CALLS)


def datagram_server(data: bytes) -> SideMatch | None:
    """UDP: responses."""
    return _datagram(data, DATAGRAM_ANSWERS)


def pair(call: bytes, answer: bytes) -> bool:
    """UDP: both carry one activity identifier, in whatever byte order each has."""
    return _uuid(call, 40, call[4] & 0x10 != 0) == _uuid(answer, 40, answer[4] & 0x10 != 0)


def reject(data: bytes, role: int) -> str:
    """TCP: bytes that no packet of this side has."""
    if role == SERVER and BANNER.startswith(data[: len(BANNER)]):
        return ""
    return (
        wrong_byte(data, 0, bytes((VERSION,)), "the RPC version is 5")
        or wrong_byte(data, 1, b"\x00\x01", "the minor version is 0 or 1")
        or wrong_byte(data, 2, bytes(CALLS if role == CLIENT else ANSWERS), "no packet of this side has that type")
    )


def datagram_reject(data: bytes, role: int) -> str:
    """UDP: bytes that no packet of this side has."""
    types = DATAGRAM_CALLS if role == CLIENT else DATAGRAM_ANSWERS
    if len(data) < DATAGRAM_HEADER:
        return f"{len(data)} bytes, a packet has a header of {DATAGRAM_HEADER}"
    return wrong_byte(data, 0, bytes((DATAGRAM_VERSION,)), "the RPC version is 4") or wrong_byte(
        data, 1, bytes(types), "no packet of this side has that type"
    )


PROTOCOLS = (
    Protocol(
        name="dcerpc",
        title="DCE/RPC",
        spec="C706, MS-RPCE",
        aliases=("msrpc", "epmap"),
        grammars=(
            Grammar((TCP,), client, server, b"\x05", b"\x05n", reject=reject),
            Grammar((UDP,), datagram_client, datagram_server, b"\x04", b"\x04", pair=pair, reject=datagram_reject),
        ),
    ),
)
