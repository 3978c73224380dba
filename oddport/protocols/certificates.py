"""A server's certificate, perhaps cut → its facts: who it is for and from, how long, and whether it signed itself.

RFC 5280, 4.1 and 4.2.1.6. Only what is shown is read; no signature is checked. Certificates of flows are read by the
thousand, so elements are walked where they lie.
"""

from oddport.engine.columns import address_text
from oddport.protocols.ber import OCTETS, OID, SEQUENCE, Element, element
from oddport.protocols.binary import u16
from oddport.protocols.model import Facts
from oddport.protocols.text import clean

COMMON_NAME, ORGANIZATION = b"\x55\x04\x03", b"\x55\x04\x0a"
ALTERNATIVE_NAME = b"\x55\x1d\x11"
"""Object identifiers 2.5.4.3, 2.5.4.10 and 2.5.29.17."""
BMP_STRING, UTC_TIME, GENERALIZED_TIME = 0x1E, 0x17, 0x18
VERSION, EXTENSIONS, DNS_NAME, IP_ADDRESS = 0xA0, 0xA3, 0x82, 0x87
NAMES_LIMIT = 16
"""Alternative names that are kept; `cert_name_count` tells how many there are."""
LIST_HEADER = 3
"""Bytes of the length of a certificate, and of their list (RFC 5246, 7.4.2)."""


def first_certificate(data: bytes, at: int) -> bytes:
    """The first one of the Certificate message whose body starts at `at`, as far as it is there; b"" if none is."""
    start = at + 2 * LIST_HEADER
    if start > len(data):
        return b""
    return data[start : start + (data[at + 3] << 16 | u16(data, at + 4))]


def _children(data: bytes, parent: Element) -> list[Element]:
    """The elements in `parent`, as far as they are there."""
    found: list[Element] = []
    at, stop = parent[1], parent[2]
    while at < stop:
        child = element(data, at, stop)
        if child is None or child[0] < 0:
            break
        found.append(child)
        at = child[2]
    return found


def _name(data: bytes, name: Element) -> str:
    """The common name in a distinguished name, else the organization."""
    best = ""
    for part in _children(data, name):
        for pair in _children(data, part):
            halves = _children(data, pair)
            if len(halves) != 2 or halves[0][0] != OID or halves[1][2] > len(data):
                continue
            kind = data[halves[0][1] : halves[0][2]]
            if kind == COMMON_NAME or (kind == ORGANIZATION and not best):
                value = data[halves[1][1] : halves[1][2]]
                if halves[1][0] == BMP_STRING:
                    value = value.decode("utf-16-be", "replace").encode()
                best = clean(value)
                if kind == COMMON_NAME:
                    return best
    return best


def _time(data: bytes, at: Element) -> str:
    """A time as ISO 8601 in UTC; "" where it is none (RFC 5280, 4.1.2.5: always with seconds and Z)."""
    text = data[at[1] : at[2]]
    if at[0] == UTC_TIME:
        text = (b"20" if text[:1] < b"5" else b"19") + text
    if at[0] not in (UTC_TIME, GENERALIZED_TIME) or len(text) != 15 or not text[:14].isdigit() or text[14:] != b"Z":
        return ""
    digits = text.decode("ascii")
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:14]}Z"


def _alternative_names(data: bytes, extensions: Element) -> list[str]:
    """The host names and addresses in the subjectAltName extension."""
    found: list[str] = []
    for sequence in _children(data, extensions):
        for one in _children(data, sequence):
            parts = _children(data, one)
            if len(parts) < 2 or data[parts[0][1] : parts[0][2]] != ALTERNATIVE_NAME:
                continue
            value = parts[len(parts) - 1]
            if value[0] != OCTETS:
                continue
            for names in _children(data, value):
                for name in _children(data, names):
                    content = data[name[1] : name[2]]
                    if name[2] > len(data):
                        break
                    if name[0] == DNS_NAME:
                        found.append(clean(content))
                    elif name[0] == IP_ADDRESS and len(content) in (4, 16):
                        found.append(address_text(content.rjust(16, b"\0"), 4 if len(content) == 4 else 6))
    return found


def certificate_facts(data: bytes) -> Facts:
    """`cert_subject`, `cert_issuer` (common names, else organizations), `cert_from`, `cert_until` (ISO 8601, UTC),
    `self_signed` (True where it names itself as issuer), `cert_names` and, where some were left out, `cert_name_count`.
    """
    facts: Facts = {}
    outer = element(data, 0, 1 << 24)
    if outer is None or outer[0] != SEQUENCE:
        return facts
    inner = element(data, outer[1], outer[2])
    if inner is None or inner[0] != SEQUENCE:
        return facts
    parts = _children(data, inner)
    if parts and parts[0][0] == VERSION:
        del parts[0]
    if len(parts) < 5:
        return facts
    _, _, issuer, validity, subject = parts[:5]
    times = [_time(data, each) for each in _children(data, validity)]
    values = [("cert_subject", _name(data, subject)), ("cert_issuer", _name(data, issuer))]
    values += zip(("cert_from", "cert_until"), times, strict=False)
    facts.update((key, value) for key, value in values if value)
    if subject[2] <= len(data) and data[issuer[1] : issuer[2]] == data[subject[1] : subject[2]]:
        facts["self_signed"] = True
    for part in parts[5:]:
        if part[0] == EXTENSIONS:
            names = _alternative_names(data, part)
            if names:
                facts["cert_names"] = list(names[:NAMES_LIMIT])
            if len(names) > NAMES_LIMIT:
                facts["cert_name_count"] = len(names)
    return facts
