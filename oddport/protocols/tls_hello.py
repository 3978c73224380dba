"""The body of a ClientHello or ServerHello → whether every length in it closes, and where its parts lie.

RFC 8446, 4.1.2 and 4.1.3; RFC 6347, 4.2.1 (the cookie of DTLS). Shared by all that carry these messages, whatever their
record layer.
"""

import cython

CLIENT_HELLO, SERVER_HELLO = 1, 2
CONTRADICTS, FITS, COMPLETE = 0, 1, 2
"""The lengths cannot nest; they do as far as the bytes go; all is there and closes."""
SESSION_ID_LIMIT = 32
BODY_START = 34
"""Bytes before the session id: version and random."""
HELLO_LEAST = 38
"""Bytes of the shortest hello: no session id, one cipher suite, its compression."""
DTLS_PRE_STANDARD, DTLS_1_0, DTLS_1_2 = 0x0100, 0xFEFF, 0xFEFD
"""Versions in hellos of DTLS (RFC 6347, 4.1; the first is OpenSSL's from before RFC 4347, in use by AnyConnect)."""


class Hello:
    """Where the parts of a hello lie in the bytes it was read from."""

    __slots__ = ("cipher", "ciphers", "data", "extension_types", "kind", "sections", "version")

    def __init__(self, data: bytes, kind: int) -> None:
        self.data = data
        self.kind = kind
        """CLIENT_HELLO or SERVER_HELLO."""
        self.version = 0
        """The one in front of the random: what a client offers and a server takes unless extensions say otherwise."""
        self.cipher = 0
        """Taken by the server."""
        self.ciphers = b""
        """Offered by the client, two bytes each."""
        self.extension_types = b""
        """In their order, two bytes each."""
        self.sections: dict[int, tuple[int, int]] = {}
        """Extension type → its data, from, to."""


@cython.cfunc
@cython.inline
def _u16(data: bytes, at: cython.Py_ssize_t) -> cython.int:
    high: cython.int = data[at]
    return high << 8 | data[at + 1]


@cython.cfunc
def _extensions(data: bytes, start: cython.Py_ssize_t, stop: cython.Py_ssize_t, hello: Hello | None) -> cython.int:
    """Walk the extensions between `start` and `stop`."""
    size: cython.Py_ssize_t = len(data)
    at: cython.Py_ssize_t = start
    body: cython.Py_ssize_t
    while at < stop:
        if at + 4 > stop:
            return CONTRADICTS
        if at + 4 > size:
            return FITS
        body = at + 4
        at = body + _u16(data, at + 2)
        if at > stop:
            return CONTRADICTS
        if at > size:
            return FITS
        if hello is not None:
            hello.extension_types += data[body - 4 : body - 2]
            hello.sections[_u16(data, body - 4)] = (body, at)
    return COMPLETE


@cython.cfunc
def _block(data: bytes, at: cython.Py_ssize_t, stop: cython.Py_ssize_t, hello: Hello | None) -> cython.int:
    """The extensions with their common length, or nothing (as hellos were before extensions)."""
    if at >= stop:
        return COMPLETE if at == stop else CONTRADICTS
    if at + 2 > stop:
        return CONTRADICTS
    if at + 2 > len(data):
        return FITS
    if at + 2 + _u16(data, at) != stop:
        return CONTRADICTS
    return _extensions(data, at + 2, stop, hello)


@cython.cfunc
def _is_version(version: cython.int, kind: cython.int, datagrams: cython.bint) -> cython.bint:
    if datagrams:
        return version in (DTLS_1_2, DTLS_1_0, DTLS_PRE_STANDARD)
    return 0x0300 <= version <= 0x0304 or (kind == SERVER_HELLO and version >> 8 == 0x7F)


def read_hello(
    data: bytes,
    start: cython.Py_ssize_t,
    stop: cython.Py_ssize_t,
    kind: cython.int,
    datagrams: cython.bint = False,
    hello: Hello | None = None,
) -> cython.int:
    """Check the hello of `kind` whose body is `data[start:stop]`, where `stop` may lie behind the end of the data.

    Returns CONTRADICTS, FITS (the data end before the hello does) or COMPLETE, and fills `hello` as far as it got.
    `datagrams`: it is one of DTLS.
    """
    size: cython.Py_ssize_t = len(data)
    at: cython.Py_ssize_t = start + BODY_START
    version: cython.int
    ciphers: cython.int
    bare: cython.bint
    if start + 2 > size:
        return FITS
    version = _u16(data, start)
    if not _is_version(version, kind, datagrams):
        return CONTRADICTS
    if hello is not None:
        hello.version = version
    # the drafts before 22 of TLS 1.3 have neither session id nor compression in their ServerHello
    bare = kind == SERVER_HELLO and (version >> 8 == 0x7F or version == 0x0304)
    if not bare:
        if at >= stop:
            return CONTRADICTS
        if at >= size:
            return FITS
        if data[at] > SESSION_ID_LIMIT:
            return CONTRADICTS
        at += 1 + data[at]
    if kind == SERVER_HELLO:
        ciphers = 2 if bare else 3
        if at + ciphers > stop:
            return CONTRADICTS
        if at + ciphers > size:
            return FITS
        if hello is not None:
            hello.cipher = _u16(data, at)
        return _block(data, at + ciphers, stop, hello)
    if datagrams:
        if at >= stop:
            return CONTRADICTS
        if at >= size:
            return FITS
        at += 1 + data[at]
    if at + 2 > stop:
        return CONTRADICTS
    if at + 2 > size:
        return FITS
    ciphers = _u16(data, at)
    if ciphers < 2 or ciphers & 1:
        return CONTRADICTS
    at += 2 + ciphers
    if at >= stop:
        return CONTRADICTS
    if at >= size:
        return FITS
    if hello is not None:
        hello.ciphers = data[at - ciphers : at]
    if data[at] == 0:
        return CONTRADICTS
    return _block(data, at + 1 + data[at], stop, hello)
