"""A DNS message → its questions and records walked to their end, and its names for people (RFC 1035, 4.1).

The types of the compiled build stand in dns_message.pxd.
"""

from socket import AF_INET6, inet_ntoa, inet_ntop

import cython

from oddport.protocols.binary import u16
from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.text import clean

HEADER = 12
NAME_LIMIT = 255
"""Bytes of a name on the wire (RFC 1035, 2.3.4)."""
OPCODES = (0, 1, 2, 4, 5, 6)
"""Query, IQuery, Status, Notify, Update, Stateful Operations (IANA DNS parameters)."""
RCODES = (
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
    "NOTZONE", "DSOTYPENI",
)  # fmt: skip
"""Those that fit a header (IANA DNS parameters)."""
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
NAMES_AT = {2: 0, 5: 0, 12: 0, 39: 0, 15: 2, 33: 6}
"""Where a name stands in the data of NS, CNAME, PTR, DNAME, MX and SRV (RFC 1035, 3.3; RFC 6672; RFC 2782)."""
NB, NBSTAT = 0x20, 0x21
"""Of the NetBIOS name service (RFC 1002, 4.2.1.2), which shares DNS's format: NIMLOC and SRV in DNS."""
NETBIOS_LABEL = 32
NETBIOS_LETTERS = b"ABCDEFGHIJKLMNOP"
ANSWERS = 8
"""Answers that become a fact."""
BAD = -1
SHORT = -2
LOCAL = b"\x05local\x00"


# the compiler wants its own
_HEADER = cython.declare(cython.Py_ssize_t, 12)
_A = cython.declare(cython.int, 1)
_AAAA = cython.declare(cython.int, 28)
_OPT = cython.declare(cython.int, 41)
_AXFR = cython.declare(cython.int, 252)
_TOP_BIT = cython.declare(cython.int, 0x8000)
_RECORDS = cython.declare(cython.int, 512)
"""Records that are walked; a message of 64 KB can hold more, then what was walked has to do."""
_QUESTION_BITS = cython.declare(cython.int, 104)
"""Counts (64), name end (8), type (10), class (14) and the closing length (8) of a question."""


def _known_type(number: cython.int) -> cython.bint:
    """Whether a type is assigned or reserved for private use (IANA DNS parameters; 65,280 on is private)."""
    return (
        1 <= number <= 68
        or 99 <= number <= 109
        or 249 <= number <= 264
        or number in (128, 32768, 32769)
        or 65280 <= number <= 65534
    )


def _known_class(number: cython.int) -> cython.bint:
    """IN, CH, HS, NONE or ANY."""
    return number in (1, 3, 4, 254, 255)


def _u16(data: bytes, at: cython.Py_ssize_t) -> cython.int:
    return data[at] << 8 | data[at + 1]


def skip_name(data: bytes, at: cython.Py_ssize_t, end: cython.Py_ssize_t, base: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Where the name at `at` ends; BAD if it is none, SHORT where `data` ends in it.

    Labels are at most 63 bytes, names 255, and pointers lead to before the name, behind the header (RFC 1035, 4.1.4).
    """
    start: cython.Py_ssize_t = at
    size: cython.Py_ssize_t = len(data)
    length: cython.Py_ssize_t
    target: cython.Py_ssize_t
    while True:
        if at >= end:
            return -1
        if at >= size:
            return -2
        length = data[at]
        if length == 0:
            return at + 1
        if length >= 0xC0:
            if at + 2 > end:
                return -1
            if at + 2 > size:
                return -2
            target = (length & 0x3F) << 8 | data[at + 1]
            return at + 2 if _HEADER <= target < start - base else -1
        if length > 63:
            return -1
        at += 1 + length
        if at - start > 255:
            return -1


def name_text(data: bytes, at: cython.Py_ssize_t, base: cython.Py_ssize_t) -> str:
    """The name at `at` for a person, pointers followed (each one further back, so it ends); "." is the root."""
    labels: list[bytes] = []
    total: cython.Py_ssize_t = 0
    limit: cython.Py_ssize_t = at
    size: cython.Py_ssize_t = len(data)
    length: cython.Py_ssize_t
    while at < size and total <= 255:
        length = data[at]
        if length >= 0xC0:
            if at + 2 > size:
                break
            at = base + ((length & 0x3F) << 8 | data[at + 1])
            if at >= limit:
                break
            limit = at
            continue
        if length == 0 or length > 63:
            break
        labels.append(data[at + 1 : at + 1 + length])
        total += 1 + length
        at += 1 + length
    return clean(b".".join(labels)) if labels else "."


def type_text(number: int) -> str:
    """A type's name, or TYPEn."""
    return TYPES.get(number) or f"TYPE{number}"


def is_netbios_name(data: bytes, at: int) -> bool:
    """Whether the first label is 32 letters A to P, two for each byte of a NetBIOS name (RFC 1001, 14.1)."""
    if at + 1 + NETBIOS_LABEL > len(data) or data[at] != NETBIOS_LABEL:
        return False
    return not data[at + 1 : at + 1 + NETBIOS_LABEL].translate(None, NETBIOS_LETTERS)


def _answer_text(data: bytes, kind: int, start: int, stop: int, base: int) -> str:
    """The data of a record for a person; "" for types that are not shown."""
    if kind == 1 and stop - start == 4:
        return inet_ntoa(data[start:stop])
    if kind == 28 and stop - start == 16:
        return inet_ntop(AF_INET6, data[start:stop])
    if kind == 16 and stop > start:
        return clean(data[start + 1 : min(start + 1 + data[start], stop)])
    at = NAMES_AT.get(kind)
    return "" if at is None or start + at >= stop else name_text(data, start + at, base)


class Message:
    """A message in `data[base:end]`; `end` may lie behind the data, where TCP's bytes are cut."""

    def __init__(self, data: bytes, base: int, end: int) -> None:
        self.data = data
        self.base = base
        self.end = end
        self.questions = 0
        self.answers = 0
        self.records = 0
        """All of them, answers included."""
        self.error = 0
        self.walked = 0
        """Questions and records that were there."""
        self.short = False
        """The bytes end before the message does."""
        self.kind = 0
        """Type of the first question, or of the first record where there is none."""
        self.first = 0
        """Where the first record lies; negative where the bytes end before it."""
        self.top_bit = False
        """A class has its top bit set (RFC 6762, 5.4 and 10.2)."""
        self.local = False
        """The first question is for a name under .local."""

    def is_answer(self) -> cython.bint:
        """Whether it is the server's: the bit says so, or it answers without it, which only multicast queries may."""
        high: cython.int = self.data[self.base + 2]
        if high & 0x80:
            return True
        return high >> 3 & 15 == 0 and _u16(self.data, self.base + 6) > 0 and _u16(self.data, self.base) > 0

    def read(self, role: cython.int) -> cython.bint:
        """Walk it; whether it is a message of that role (registry.py) that its questions and records fill."""
        base: cython.Py_ssize_t = self.base
        size: cython.Py_ssize_t = len(self.data)
        at: cython.Py_ssize_t = base + _HEADER
        if at > size or at > self.end or self.is_answer() != (role == 1):
            return False
        self.error = self.data[base + 3] & 15
        # the bit that has to be zero, and an error code in a query, are left to whoever judges: they hide nothing
        if (self.data[base + 2] >> 3 & 15) not in (0, 1, 2, 4, 5, 6) or self.error > 11:
            return False
        self.questions = _u16(self.data, base + 4)
        self.answers = _u16(self.data, base + 6)
        self.records = self.answers + _u16(self.data, base + 8) + _u16(self.data, base + 10)
        # a question takes five bytes, a record eleven
        if self.questions * 5 + self.records * 11 > self.end - at:
            return False
        if size > at + 36 and is_netbios_name(self.data, at) and _u16(self.data, at + 34) in (0x20, 0x21):
            return False
        self.first = at = self.skip_questions(at)
        if at >= 0:
            at = self.skip_records(at)
        self.short = at == -2
        if self.short:
            return self.walked > 0
        if self.questions == 0 and self.records == 0:
            # only an error may come without its question
            return role == 1 and self.error > 0 and at == self.end
        if at == self.end:
            return True
        return at >= 0 and (self.records > _RECORDS or (self.kind == _AXFR and self.data[at : self.end] == MICROSOFT))

    def skip_questions(self, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Where the questions from `at` on end; BAD or SHORT as in skip_name."""
        data: bytes = self.data
        index: cython.int
        for index in range(self.questions):
            start: cython.Py_ssize_t = at
            at = skip_name(data, at, self.end, self.base)
            if at == -1 or (at >= 0 and at + 4 > self.end):
                return -1
            if at < 0 or at + 4 > len(data):
                return -2
            kind: cython.int = _u16(data, at)
            family: cython.int = _u16(data, at + 2)
            if not _known_type(kind) or not _known_class(family & 0x7FFF):
                return -1
            if family & _TOP_BIT:
                self.top_bit = True
            if index == 0:
                self.kind = kind
                self.local = at - start > 7 and data[at - 7 : at].lower() == LOCAL
            at += 4
            self.walked += 1
        return at

    def skip_records(self, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Where the records from `at` on end; BAD or SHORT as in skip_name."""
        data: bytes = self.data
        index: cython.int
        for index in range(min(self.records, _RECORDS)):  # noqa: B007 - the compiler wants it typed
            at = skip_name(data, at, self.end, self.base)
            if at < 0:
                return at
            if at + 10 > self.end:
                return -1
            if at + 10 > len(data):
                return -2
            kind: cython.int = _u16(data, at)
            family: cython.int = _u16(data, at + 2)
            length: cython.Py_ssize_t = _u16(data, at + 8)
            if at + 10 + length > self.end or not _known_type(kind):
                return -1
            if kind != _OPT:
                if not _known_class(family & 0x7FFF):
                    return -1
                if family & _TOP_BIT:
                    self.top_bit = True
            # an update may name a set of records without data (RFC 2136, 2.4.1)
            if length and ((kind == _A and length != 4 and family & 0x7FFF == 1) or (kind == _AAAA and length != 16)):
                return -1
            if self.walked == 0:
                self.kind = kind
            self.walked += 1
            at += 10 + length
        return at

    def is_multicast(self) -> cython.bint:
        """Whether a datagram says what only multicast DNS says.

        Of the flags one may say that it is cut, and one must say of an answer that it has authority (RFC 6762, 18).
        """
        if _u16(self.data, 0):
            return False
        flags: cython.int = _u16(self.data, 2) & 0xFDFF
        if flags == 0x8400:
            return self.top_bit or (self.questions == 0 and self.records > 0)
        return flags == 0 and (self.top_bit or self.local or self.questions > 1 or self.records > 0)

    def is_single(self) -> cython.bint:
        """Whether a datagram has one question, for a single label, and no flag but that of an answer."""
        length: cython.Py_ssize_t = self.data[_HEADER]
        return (
            self.questions == 1
            and _u16(self.data, 2) & 0x7FFF == 0
            and 0 < length < 64
            and _HEADER + 1 + length < len(self.data)
            and self.data[_HEADER + 1 + length] == 0
        )

    def match(self, role: int, strong: bool) -> SideMatch:
        """What it proves, and its names as facts."""
        facts: Facts = {}
        if self.walked:
            facts["qname"] = name_text(self.data, self.base + _HEADER, self.base)
            facts["qtype"] = type_text(self.kind)
        if role == 1:
            if self.error:
                facts["rcode"] = RCODES[self.error]
            if self.walked > self.questions and self.answers:
                facts["answers"] = self.answer_texts()
        closes = "of %d bytes" if self.short else "fill the message's %d bytes exactly"
        says = (
            "DNS %s: %d question(s) and %d record(s) " + closes,
            "answer" if role == 1 else "query",
            self.questions,
            self.records,
            self.end - self.base,
        )
        span = (self.base, min(self.end, len(self.data)) - self.base, says)
        if self.walked == 0:
            # it closes, but on zeros that others send as well
            return SideMatch(False, (span,), facts, False, 72)
        return SideMatch(strong, (span,), facts, False, _QUESTION_BITS + 24 * min(self.walked - 1, 8))

    def answer_texts(self) -> list[str]:
        """The first answers, all of them walked before; a last item says how many more there are."""
        texts: list[str] = []
        at = self.first
        for index in range(self.answers):
            if len(texts) == ANSWERS:
                texts.append(f"{self.answers - index} more")
                break
            name_end = skip_name(self.data, at, self.end, self.base)
            if name_end < 0 or name_end + 10 > len(self.data):
                break
            start = name_end + 10
            at = start + u16(self.data, name_end + 8)
            text = _answer_text(self.data, u16(self.data, name_end), start, min(at, len(self.data)), self.base)
            if text:
                texts.append(text)
        return texts
