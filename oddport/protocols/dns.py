"""DNS messages over UDP and TCP → a match: the records that the header counts fill the message exactly.

RFC 1035, 4.1; RFC 7766, 8 (length over TCP); RFC 6762 (multicast DNS: QU and cache-flush bits, several questions);
RFC 4795 (LLMNR).
"""

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, wrong_byte
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import ANY, CLIENT, SERVER, Grammar, Protocol
from oddport.protocols.text import LIMIT, clean

HEADER = 12
NAME_LIMIT = 255
"""Bytes of a name on the wire (RFC 1035, 2.3.4)."""
OPCODES = (0, 1, 2, 4, 5, 6)
"""Query, IQuery, Status, Notify, Update, Stateful Operations (IANA DNS parameters)."""
CLASSES = (1, 3, 4, 254, 255)
"""IN, CH, HS, NONE, ANY."""
TOP_BIT = 0x8000
"""Of a class in multicast DNS: unicast answer wanted, or cache flush (RFC 6762, 5.4, 10.2)."""
RCODES = 11
"""Greatest RCODE in a header that is assigned (DSO type not implemented)."""
MICROSOFT = b"MS"
"""Two bytes that Windows puts behind its query for a zone transfer, to say that its peer may pack records."""
TYPES: dict[int, str] = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 17: "RP", 24: "SIG",
    25: "KEY", 28: "AAAA", 29: "LOC", 33: "SRV", 35: "NAPTR", 37: "CERT", 39: "DNAME", 41: "OPT", 43: "DS", 44: "SSHFP",
    46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 53: "SMIMEA", 55: "HIP",
    59: "CDS", 60: "CDNSKEY", 61: "OPENPGPKEY", 64: "SVCB", 65: "HTTPS", 99: "SPF", 249: "TKEY", 250: "TSIG",
    251: "IXFR", 252: "AXFR", 255: "ANY", 256: "URI", 257: "CAA",
}  # fmt: skip
"""Types with a name here (IANA DNS parameters); other assigned ones are shown as TYPEn (RFC 3597, 5)."""
A, AAAA, OPT, AXFR = 1, 28, 41, 252
NB, NBSTAT = 0x20, 0x21
"""Of the NetBIOS name service (RFC 1002, 4.2.1.2), which shares DNS's format: NIMLOC and SRV in DNS."""
NETBIOS_LABEL = 32
NETBIOS_LETTERS = b"ABCDEFGHIJKLMNOP"
QUESTION_BITS = 104
"""Counts (64), name end (8), type (10), class (14) and the closing length (8) of a question."""
RECORDS = 512
"""Records that are walked; a message of 64 KB can hold more, then what was walked has to do."""
BAD = -1
SHORT = -2


def known_type(number: int) -> bool:
    """Whether a type is assigned or reserved for private use (IANA DNS parameters; 65,280 on is private)."""
    return number in TYPES or (
        1 <= number <= 68
        or 99 <= number <= 109
        or 249 <= number <= 264
        or number in (128, 32768, 32769)
        or 65280 <= number <= 65534
    )


def skip_name(data: bytes, at: int, end: int, base: int) -> int:
    """Where the name at `at` ends; BAD if it is none, SHORT where `data` ends in it.

    Labels are at most 63 bytes, names 255, and pointers lead to before the name, behind the header (RFC 1035, 4.1.4).
    """
    start = at
    size = len(data)
    while True:
        if at >= end:
            return BAD
        if at >= size:
            return SHORT
        length = data[at]
        if length == 0:
            return at + 1
        if length >= 0xC0:
            if at + 2 > end:
                return BAD
            if at + 2 > size:
                return SHORT
            target = (length & 0x3F) << 8 | data[at + 1]
            return at + 2 if HEADER <= target < start - base else BAD
        if length > 63:
            return BAD
        at += 1 + length
        if at - start > NAME_LIMIT:
            return BAD


def name_text(data: bytes, at: int, base: int) -> str:
    """The name at `at` for a person, pointers followed (each one further back, so it ends); "." is the root."""
    labels: list[bytes] = []
    total = 0
    limit = at + 1
    while at < len(data):
        length = data[at]
        if length == 0 or total > LIMIT:
            break
        if length >= 0xC0:
            if at + 2 > len(data):
                break
            target = base + ((length & 0x3F) << 8 | data[at + 1])
            if target >= limit - 1:
                break
            at = target
            limit = target + 1
            continue
        if length > 63:
            break
        labels.append(data[at + 1 : at + 1 + length])
        total += 1 + length
        at += 1 + length
    return clean(b".".join(labels)) if labels else "."


def type_text(number: int) -> str:
    """A type's name, or TYPEn."""
    return TYPES.get(number, f"TYPE{number}")


def is_netbios_name(data: bytes, at: int) -> bool:
    """Whether the first label is 32 letters A to P, two for each byte of a NetBIOS name (RFC 1001, 14.1)."""
    if at + 1 + NETBIOS_LABEL > len(data) or data[at] != NETBIOS_LABEL:
        return False
    return not data[at + 1 : at + 1 + NETBIOS_LABEL].translate(None, NETBIOS_LETTERS)


def _record(data: bytes, at: int, end: int, base: int) -> int:
    """Where the resource record at `at` ends; BAD or SHORT as in skip_name."""
    at = skip_name(data, at, end, base)
    if at < 0:
        return at
    if at + 10 > end:
        return BAD
    if at + 10 > len(data):
        return SHORT
    kind = data[at] << 8 | data[at + 1]
    family = data[at + 2] << 8 | data[at + 3]
    length = data[at + 8] << 8 | data[at + 9]
    if at + 10 + length > end or not known_type(kind):
        return BAD
    if kind != OPT and family & 0x7FFF not in CLASSES:
        return BAD
    # an update may name a set of records without data (RFC 2136, 2.4.1)
    if length and ((kind == A and length != 4 and family & 0x7FFF == 1) or (kind == AAAA and length != 16)):
        return BAD
    return at + 10 + length


def _message(data: bytes, base: int, end: int, role: int) -> SideMatch | None:
    """The message in `data[base:end]`; `end` may lie behind the data, where TCP's bytes are cut."""
    if base + HEADER > len(data) or end - base < HEADER:
        return None
    high = data[base + 2]
    low = data[base + 3]
    # the bit that has to be zero, and an error code in a query, are left to whoever judges: they hide nothing
    if high >> 7 != role or high >> 3 & 15 not in OPCODES or (low & 15) > RCODES:
        return None
    questions = data[base + 4] << 8 | data[base + 5]
    answers = data[base + 6] << 8 | data[base + 7]
    records = answers + (data[base + 8] << 8 | data[base + 9]) + (data[base + 10] << 8 | data[base + 11])
    # a question takes five bytes, a record eleven
    if questions * 5 + records * 11 > end - base - HEADER:
        return None
    if questions == 0 and records == 0:
        # only an error may come without its question; it closes, but on zeros that others send as well
        if role == CLIENT or end - base != HEADER or len(data) < end or low & 15 == 0:
            return None
        says = f"DNS error {low & 15} without its question"
        return SideMatch(False, ((base, HEADER, says),), {"rcode": low & 15}, False, 72)
    at = base + HEADER
    if is_netbios_name(data, at):
        after = at + 2 + NETBIOS_LABEL
        if after + 2 <= len(data) and u16(data, after) in (NB, NBSTAT):
            return None
    name_at = at
    kind = 0
    short = False
    walked = 0
    for index in range(questions):
        at = skip_name(data, at, end, base)
        if at == BAD or (at >= 0 and at + 4 > end):
            return None
        if at < 0 or at + 4 > len(data):
            short = True
            break
        number = data[at] << 8 | data[at + 1]
        if not known_type(number) or (data[at + 2] & 0x7F) << 8 | data[at + 3] not in CLASSES:
            return None
        if index == 0:
            kind = number
        at += 4
        walked += 1
    if not short:
        for index in range(min(records, RECORDS)):
            record = at
            at = _record(data, at, end, base)
            if at == BAD:
                return None
            if at < 0:
                short = True
                break
            if questions == 0 and index == 0:
                kind = u16(data, skip_name(data, record, end, base))
            walked += 1
    if short and walked == 0:
        return None
    if not short and at != end and records <= RECORDS and not (kind == AXFR and data[at:end] == MICROSOFT):
        return None
    facts: Facts = {"qname": name_text(data, name_at, base), "qtype": type_text(kind)}
    what = "query" if role == CLIENT else "answer"
    if role == SERVER:
        facts["answers"] = answers
        if low & 15:
            facts["rcode"] = low & 15
    closes = f"of {end - base} bytes" if short else f"fill the message's {end - base} bytes exactly"
    says = f"DNS {what}: {questions} question(s) and {records} record(s) {closes}"
    bits = QUESTION_BITS + 24 * min(walked - 1, 8)
    return SideMatch(True, ((base, min(end, len(data)) - base, says),), facts, False, bits)


def datagram_client(data: bytes) -> SideMatch | None:
    """UDP: a query, notification or update fills the datagram."""
    return _message(data, 0, len(data), CLIENT)


def datagram_server(data: bytes) -> SideMatch | None:
    """UDP: an answer fills the datagram."""
    return _message(data, 0, len(data), SERVER)


def _stream(data: bytes, role: int) -> SideMatch | None:
    """TCP: a two-byte length and a message that it closes."""
    if len(data) < 2 + HEADER:
        return None
    length = u16(data, 0)
    match = _message(data, 2, 2 + length, role)
    if match is not None:
        match.spans = ((0, 2, f"length {length}, as long as the message"), *match.spans)
        match.bits = match.bits + 16
    return match


def client(data: bytes) -> SideMatch | None:
    """TCP: queries."""
    return _stream(data, CLIENT)


def server(data: bytes) -> SideMatch | None:
    """TCP: answers."""
    return _stream(data, SERVER)


def pair(query: bytes, answer: bytes) -> bool:
    """UDP: the first datagrams carry one id, or, where answers overtook each other, one name."""
    if query[:2] == answer[:2] or len(query) < HEADER or len(answer) < HEADER:
        return query[:2] == answer[:2]
    return name_text(query, HEADER, 0).lower() == name_text(answer, HEADER, 0).lower()


def _reject(data: bytes, base: int, end: int, role: int) -> str:
    if len(data) < base + HEADER:
        return ""
    high = base + 2
    want = "a query has bit 7 clear" if role == CLIENT else "an answer has bit 7 set"
    if data[high] >> 7 != role:
        return f"byte {high} is 0x{data[high]:02x}, {want}"
    if data[high] >> 3 & 15 not in OPCODES:
        return f"byte {high} is 0x{data[high]:02x}, opcode {data[high] >> 3 & 15} is not assigned"
    if data[high + 1] & 15 > RCODES:
        return f"byte {high + 1} is 0x{data[high + 1]:02x}, error code {data[high + 1] & 15} is not assigned"
    records = u16(data, base + 6) + u16(data, base + 8) + u16(data, base + 10)
    if u16(data, base + 4) * 5 + records * 11 > end - base - HEADER:
        return f"bytes {base + 4} to {base + 11} count more records than {end - base} bytes can hold"
    # with fewer bytes than the longest name and its type the first question may be cut
    judged = len(data) >= min(end, base + HEADER + NAME_LIMIT + 10)
    if judged and _message(data, base, end, role) is None:
        return f"the records that bytes {base + 4} to {base + 11} count do not fill the message's {end - base} bytes"
    return ""


def datagram_reject(data: bytes, role: int) -> str:
    """UDP: why the datagram is no message."""
    if len(data) < HEADER:
        return f"{len(data)} bytes, a message has a header of {HEADER}"
    return _reject(data, 0, len(data), role)


def reject(data: bytes, role: int) -> str:
    """TCP: why a length and a message do not begin here."""
    if len(data) < 2:
        return ""
    length = u16(data, 0)
    if length < HEADER:
        return wrong_byte(data, 1, b"", f"the length before a message is {HEADER} or more")
    return _reject(data, 2, 2 + length, role)


PROTOCOLS = (
    Protocol(
        name="dns",
        title="DNS",
        spec="RFC 1035",
        aliases=("mdns", "llmnr"),
        grammars=(
            Grammar((UDP,), datagram_client, datagram_server, ANY, ANY, pair=pair, reject=datagram_reject),
            Grammar((TCP,), client, server, ANY, ANY, reject=reject),
        ),
    ),
)
