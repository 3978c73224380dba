"""The body of a ClientHello or ServerHello → its facts, if every length in it closes (RFC 8446, 4.1.2 and 4.1.3).

Shared by all that carry these messages, whatever their record layer.
"""

from oddport.protocols.binary import u16
from oddport.protocols.model import Facts
from oddport.protocols.text import clean
from oddport.protocols.tls_names import cipher_text, is_grease, version_text

CLIENT_HELLO, SERVER_HELLO = 1, 2
SERVER_NAME, ALPN, SUPPORTED_VERSIONS = 0, 16, 43
"""Extension types (IANA)."""
SESSION_ID_LIMIT = 32
BODY_START = 34
"""Bytes before the session id: version and random."""
NAMES_LIMIT = 8
"""Names of an ALPN list that are kept."""
CONTRADICTS, FITS, COMPLETE = 0, 1, 2
"""The lengths cannot nest; they do as far as the bytes go; all is there and closes."""


def _server_name(data: bytes, at: int, stop: int) -> str:
    """The host name of a server_name extension (RFC 6066, 3)."""
    if at + 5 > stop or data[at + 2] != 0:
        return ""
    length = u16(data, at + 3)
    return clean(data[at + 5 : at + 5 + length]) if at + 5 + length <= stop else ""


def _alpn(data: bytes, at: int, stop: int) -> list[str]:
    """The names of an ALPN extension (RFC 7301, 3.1), GREASE left out."""
    names: list[str] = []
    at += 2
    while at < stop and len(names) < NAMES_LIMIT:
        end = at + 1 + data[at]
        if end > stop:
            break
        if end - at != 3 or not is_grease(u16(data, at + 1)):
            names.append(clean(data[at + 1 : end], 64))
        at = end
    return names


def _offered_version(data: bytes, at: int, stop: int) -> int:
    """The highest version that a ClientHello's supported_versions lists; 0 if there is none."""
    best = 0
    end = min(at + 1 + data[at], stop) if at < stop else at
    for index in range(at + 1, end - 1, 2):
        if data[index] == 3 and data[index + 1] > best & 0xFF:
            best = 0x0300 | data[index + 1]
    return best


def _extensions(data: bytes, at: int, stop: int, kind: int, facts: Facts) -> int:
    """Walk the extensions between `at` and `stop`."""
    size = len(data)
    while at < stop:
        if at + 4 > stop:
            return CONTRADICTS
        if at + 4 > size:
            return FITS
        number = data[at] << 8 | data[at + 1]
        start = at + 4
        at = start + (data[at + 2] << 8 | data[at + 3])
        if at > stop:
            return CONTRADICTS
        if at > size:
            return FITS
        if number > SUPPORTED_VERSIONS:
            continue
        if number == SERVER_NAME and at > start:
            name = _server_name(data, start, at)
            if name:
                facts["sni"] = name
        elif number == ALPN:
            names = _alpn(data, start, at)
            if names and kind == CLIENT_HELLO:
                facts["alpn"] = names
            elif names:
                facts["alpn_chosen"] = names[0]
        elif number == SUPPORTED_VERSIONS:
            if kind == CLIENT_HELLO:
                best = _offered_version(data, start, at)
                if best:
                    facts["version"] = version_text(best)
            elif at == start + 2:
                facts["version"] = version_text(u16(data, start))
    return COMPLETE


def _block(data: bytes, at: int, stop: int, kind: int, facts: Facts) -> int:
    """The extensions with their common length, or nothing (as hellos were before extensions)."""
    if at >= stop:
        return COMPLETE if at == stop else CONTRADICTS
    if at + 2 > stop:
        return CONTRADICTS
    if at + 2 > len(data):
        return FITS
    if at + 2 + u16(data, at) != stop:
        return CONTRADICTS
    return _extensions(data, at + 2, stop, kind, facts)


def read_hello(data: bytes, stop: int, kind: int, facts: Facts) -> int:
    """Check the hello of `kind` that `data` begins with (behind its type and length) and that is `stop` bytes long.

    Returns CONTRADICTS, FITS (the data ends before the hello does) or COMPLETE, and fills `facts` with version, sni,
    alpn, cipher, alpn_chosen. Needs at least two bytes.
    """
    size = len(data)
    version = u16(data, 0)
    if not (version in (0x0300, 0x0301, 0x0302, 0x0303, 0x0304) or (kind == SERVER_HELLO and version >> 8 == 0x7F)):
        return CONTRADICTS
    facts["version"] = version_text(version)
    at = BODY_START
    if kind == SERVER_HELLO and (version >> 8 == 0x7F or version == 0x0304):
        # drafts before 22 of TLS 1.3 have neither session id nor compression here
        if at + 2 > stop:
            return CONTRADICTS
        if at + 2 > size:
            return FITS
        facts["cipher"] = cipher_text(u16(data, at))
        return _block(data, at + 2, stop, kind, facts)
    if at >= stop:
        return CONTRADICTS
    if at >= size:
        return FITS
    if data[at] > SESSION_ID_LIMIT:
        return CONTRADICTS
    at += 1 + data[at]
    if kind == CLIENT_HELLO:
        if at + 2 > stop:
            return CONTRADICTS
        if at + 2 > size:
            return FITS
        ciphers = u16(data, at)
        if ciphers < 2 or ciphers & 1:
            return CONTRADICTS
        at += 2 + ciphers
        if at >= stop:
            return CONTRADICTS
        if at >= size:
            return FITS
        if data[at] == 0:
            return CONTRADICTS
        at += 1 + data[at]
    else:
        if at + 3 > stop:
            return CONTRADICTS
        if at + 3 > size:
            return FITS
        facts["cipher"] = cipher_text(u16(data, at))
        at += 3
    return _block(data, at, stop, kind, facts)
