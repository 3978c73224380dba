"""What runs networks and machine rooms → matches: BGP, OpenFlow, RIP, RIPng, PPTP, TACACS+, iSCSI, DICOM, …

Sources: RFC 4271, 4.1 (BGP); OpenFlow 1.3, 7.1; RFC 2453, 4 (RIP) and 2080, 2.1 (RIPng); RFC 2637, 2 (PPTP); RFC 8907,
4.1 (TACACS+); RFC 7143, 11.2 and 11.12 (iSCSI); DICOM PS3.8, 9.3; Zabbix documentation, header and data length;
Radmin 3, as observed.
"""

import re
from math import log2

from oddport.engine.columns import TCP, UDP
from oddport.protocols.binary import u16, u32
from oddport.protocols.model import Facts
from oddport.protocols.phrases import phrase
from oddport.protocols.registry import Protocol
from oddport.protocols.shapes import Message, fixed, grammar, message, one_of, records, side
from oddport.protocols.text import clean

# BGP: 16 bytes of ones, length, type --------------------------------------------------------------------------------

MARKER = b"\xff" * 16
_BGP = (fixed(0, MARKER), one_of(18, b"\1\2\3\4\5"))


def _speaker(data: bytes) -> Facts:
    """Autonomous system and identifier that an OPEN says (4.2)."""
    if data[18] != 1 or len(data) < 28:
        return {}
    return {"as": u16(data, 20), "router": ".".join(str(byte) for byte in data[24:28])}


BGP = side(message("message of BGP", *_BGP, records(16, 2, each=_BGP, limit=65_535), least=19, facts=_speaker))

# OpenFlow: version, type, length, transaction -----------------------------------------------------------------------

OPENFLOW_VERSIONS = bytes(range(1, 7))
OPENFLOW_LATER = (one_of(0, OPENFLOW_VERSIONS), one_of(1, bytes(range(36))))


def _elements(data: bytes) -> int:
    """HELLO is a header alone, or ends in a bitmap of versions (7.5.1)."""
    size = u16(data, 2)
    if size == 8:
        return 0
    return 24 if size >= 16 and data[8:12] == b"\0\1\0\x08" else -1


OPENFLOW = side(
    message(
        "HELLO of OpenFlow",
        one_of(0, OPENFLOW_VERSIONS),
        fixed(1, b"\0"),
        records(2, 2, each=OPENFLOW_LATER, limit=64),
        least=8,
        check=_elements,
    )
)

# RIP, RIPng: entries of 20 bytes that fill the datagram -------------------------------------------------------------

ENTRY = 20
INFINITY = 16


def _rip(data: bytes) -> int:
    """Entries of IP, or of authentication; a request for all has family 0 and an infinite metric."""
    count, rest = divmod(len(data) - 4, ENTRY)
    if rest or not 0 < count <= 25 or (data[1] == 1 and any(data[2:4])):
        return -1
    bits = log2(ENTRY)
    for at in range(4, len(data), ENTRY):
        family, metric = u16(data, at), u32(data, at + 16)
        if family == 0xFFFF and at == 4 and data[1] == 2:
            bits += 16
        elif (family == 2 or (family == 0 and data[0] == 1 and count == 1)) and metric <= INFINITY:
            bits += 15 + 28
        else:
            return -1
    return int(min(bits, 200))


def _ripng(data: bytes) -> int:
    count, rest = divmod(len(data) - 4, ENTRY)
    if rest or not count:
        return -1
    bits = log2(ENTRY)
    for at in range(4, len(data), ENTRY):
        length, metric = data[at + 18], data[at + 19]
        if length > 128 or not (1 <= metric <= INFINITY or metric == 0xFF):
            return -1
        # a prefix is zero behind its length (2.1)
        if any(data[at + (length + 7) // 8 : at + 16]):
            return -1
        bits += 1 + 4 + 8 * (16 - (length + 7) // 8)
    return int(min(bits, 200))


def _rip_message(says: str, command: bytes) -> Message:
    return message(says, fixed(0, command), one_of(1, b"\1\2"), least=24, check=_rip)


def _ripng_message(says: str, command: bytes) -> Message:
    return message(says, fixed(0, command + b"\1\0\0"), least=24, check=_ripng)


# PPTP: length, type 1, magic, kind ----------------------------------------------------------------------------------

PPTP_MAGIC = b"\x1a\x2b\x3c\x4d"
_PPTP = (fixed(2, b"\0\1" + PPTP_MAGIC + b"\0"),)
PPTP_ASKS, PPTP_TELLS = b"\1\3\5\7\x09\x0c\x0f", b"\2\4\6\x08\x0a\x0b\x0d\x0e\x0f"


def _pptp_ends(data: bytes) -> Facts:
    """Host and vendor of a request, or a reply, for a connection: 64 bytes each (2.1)."""
    if data[9] not in (1, 2) or len(data) < 156:
        return {}
    texts = {"host": data[28:92], "vendor": data[92:156]}
    return {key: clean(text.rstrip(b"\0")) for key, text in texts.items() if text.rstrip(b"\0")}


def _pptp(says: str, kinds: bytes) -> Message:
    return message(says, *_PPTP, one_of(9, kinds), records(0, 2, each=_PPTP), least=12, facts=_pptp_ends)


# TACACS+: version, type, sequence (odd from the client), flags, session, length -------------------------------------

TACACS_TYPES = {1: "authentication", 2: "authorization", 3: "accounting"}
TACACS_LIMIT = 1 << 16


def _tacacs(says: str, first: bytes) -> Message:
    each = (one_of(0, b"\xc0\xc1"), one_of(1, b"\1\2\3"))
    return message(
        says,
        *each,
        fixed(2, first),
        one_of(3, b"\0\1\4\5"),
        records(8, 4, 12, limit=TACACS_LIMIT, each=each),
        least=17,
        facts=lambda data: {"type": TACACS_TYPES[data[1]]},
    )


# iSCSI: a login is a header of 48 bytes and keys in text ------------------------------------------------------------

ISCSI_HEADER = 48
_KEYS = re.compile(rb"(?:[A-Z][A-Za-z0-9.]{2,62}=[ -~]{1,255}\x00){1,32}")
_NAMES = re.compile(rb"(InitiatorName|TargetName|TargetAddress)=([ -~]{1,223})\x00")
_FACT = {b"InitiatorName": "initiator", b"TargetName": "target", b"TargetAddress": "address"}


def _keys(data: bytes) -> int:
    """Keys and values, each with a zero behind it, as long as the header says."""
    size = data[5] << 16 | u16(data, 6)
    found = _KEYS.match(data, ISCSI_HEADER)
    return 64 if found is not None and size and found.end() <= ISCSI_HEADER + size else -1


def _iscsi_names(data: bytes) -> Facts:
    return {_FACT[match.group(1)]: clean(match.group(2)) for match in _NAMES.finditer(data, ISCSI_HEADER)}


def _iscsi(says: str, code: bytes) -> Message:
    return message(says, fixed(0, code), fixed(2, b"\0\0\0"), least=ISCSI_HEADER + 6, check=_keys, facts=_iscsi_names)


# DICOM: type, length, version 1, titles of 16 characters ------------------------------------------------------------

TITLES = re.compile(rb"[ -\[\]-~]{16}[ -\[\]-~]{16}")


def _titles(data: bytes) -> int:
    """Titles in text, and 32 reserved bytes (9.3.2)."""
    return 45 if TITLES.fullmatch(data[10:42]) and not any(data[42:74]) else -1


def _dicom_ends(data: bytes) -> Facts:
    return {"called": clean(data[10:26]), "calling": clean(data[26:42])}


def _associate(says: str, kind: bytes) -> Message:
    return message(
        says,
        fixed(0, kind + b"\0"),
        fixed(6, b"\0\1\0\0"),
        records(2, 4, 6, limit=1 << 20),
        least=74,
        check=_titles,
        facts=_dicom_ends,
    )


# Zabbix -------------------------------------------------------------------------------------------------------------

ZABBIX_LIMIT = 1 << 30


def _zabbix(says: str) -> tuple[Message, ...]:
    """Plain, and packed by zlib, where the length of what was packed stands behind its own."""
    closing = records(5, 4, 13, little=True, limit=ZABBIX_LIMIT)
    return (
        message(says, fixed(0, b"ZBXD\1"), fixed(9, b"\0\0\0\0"), closing, least=13, facts=_zabbix_asked),
        message(says, fixed(0, b"ZBXD\3"), fixed(13, b"\x78"), closing, least=14),
    )


_ZABBIX_KEYS = re.compile(rb"\"(request|host|response)\" ?: ?\"([^\"\n]{1,200})\"")


def _zabbix_asked(data: bytes) -> Facts:
    return {match.group(1).decode("ascii"): clean(match.group(2)) for match in _ZABBIX_KEYS.finditer(data, 13, 1_024)}


# Radmin ---------------------------------------------------------------------------------------------------------------

RADMIN_HEADER = 9


def _sum(data: bytes) -> int:
    """The checksum: the sum of the message's little-endian words of 32 bits."""
    body = data[RADMIN_HEADER : RADMIN_HEADER + u32(data, 1)]
    if len(body) < u32(data, 1):
        return -1
    total = sum(int.from_bytes(body[at : at + 4], "little") for at in range(0, len(body), 4))
    return 32 if total & 0xFFFFFFFF == u32(data, 5) else -1


RADMIN = side(
    message(
        "message of Radmin, its checksum is right",
        fixed(0, b"\1\0\0"),
        records(3, 2, RADMIN_HEADER, each=(fixed(0, b"\1\0\0"),)),
        least=RADMIN_HEADER + 1,
        check=_sum,
    )
)

PROTOCOLS = (
    Protocol(
        name="bgp", title="BGP", spec="RFC 4271", first="either", grammars=(grammar((TCP,), BGP, BGP, symmetric=True),)
    ),
    Protocol(
        name="openflow",
        title="OpenFlow",
        spec="OpenFlow 1.3",
        first="either",
        grammars=(grammar((TCP,), OPENFLOW, OPENFLOW, symmetric=True),),
    ),
    Protocol(
        name="rip",
        title="RIP",
        spec="RFC 2453",
        first="either",
        grammars=(
            grammar(
                (UDP,),
                side(_rip_message("request of RIP", b"\1")),
                side(_rip_message("routes of RIP", b"\2")),
                symmetric=True,
            ),
        ),
    ),
    Protocol(
        name="ripng",
        title="RIPng",
        spec="RFC 2080",
        first="either",
        grammars=(
            grammar(
                (UDP,),
                side(_ripng_message("request of RIPng", b"\1")),
                side(_ripng_message("routes of RIPng", b"\2")),
                symmetric=True,
            ),
        ),
    ),
    Protocol(
        name="pptp",
        title="PPTP",
        spec="RFC 2637",
        grammars=(
            grammar((TCP,), side(_pptp("request of PPTP", PPTP_ASKS)), side(_pptp("reply of PPTP", PPTP_TELLS))),
        ),
    ),
    Protocol(
        name="tacacs",
        title="TACACS+",
        spec="RFC 8907",
        aliases=("tacacs+",),
        grammars=(grammar((TCP,), side(_tacacs("start of TACACS+", b"\1")), side(_tacacs("reply of TACACS+", b"\2"))),),
    ),
    Protocol(
        name="iscsi",
        title="iSCSI",
        spec="RFC 7143",
        grammars=(
            grammar((TCP,), side(_iscsi("login of iSCSI", b"\x43")), side(_iscsi("answer to a login", b"\x23"))),
        ),
    ),
    Protocol(
        name="dicom",
        title="DICOM",
        spec="DICOM PS3.8, 9.3",
        grammars=(
            grammar(
                (TCP,),
                side(_associate("request for an association", b"\1")),
                side(
                    _associate("association", b"\2"),
                    message(
                        "rejection", fixed(0, b"\3\0\0\0\0\4\0"), one_of(7, b"\1\2"), one_of(8, b"\1\2\3"), least=10
                    ),
                ),
            ),
        ),
    ),
    Protocol(
        name="radmin",
        title="Radmin",
        spec="Radmin 3, as observed",
        grammars=(grammar((TCP,), RADMIN, RADMIN, symmetric=True),),
    ),
    Protocol(
        name="zabbix",
        title="Zabbix",
        spec="Zabbix documentation, header and data length",
        grammars=(
            grammar(
                (TCP,),
                side(
                    *_zabbix("request of Zabbix"),
                    phrase(
                        "question for an item",
                        rb"(?P<item>[a-z]{2,16}\.[a-z.]{2,32}(?:\[[ -~]{0,200}\])?)\n\Z",
                        40,
                        begins=(b"agent.", b"system.", b"vfs.", b"net.", b"proc.", b"vm."),
                        strong=False,
                    ),
                ),
                side(*_zabbix("answer of Zabbix")),
                symmetric=True,
            ),
        ),
    ),
)
