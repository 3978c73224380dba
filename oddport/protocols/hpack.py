"""A block of HPACK → its header fields (RFC 7541): indexed and literal ones, the dynamic table, Huffman codes.

Codes of more than 15 bits belong to characters that no name and hardly any value holds: a value with one is left out.
"""

STATIC = (
    ":authority :method=GET :method=POST :path=/ :path=/index.html :scheme=http :scheme=https :status=200 :status=204"
    " :status=206 :status=304 :status=400 :status=404 :status=500 accept-charset accept-encoding accept-language"
    " accept-ranges accept access-control-allow-origin age allow authorization cache-control content-disposition"
    " content-encoding content-language content-length content-location content-range content-type cookie date etag"
    " expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link"
    " location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie"
    " strict-transport-security transfer-encoding user-agent vary via www-authenticate"
)
"""Appendix A: names with their values in the order of their indices."""
CODES = {
    5: b"012aceiost",
    6: b" %-./3456789=A_bdfghlmnpru",
    7: b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: b"&*,;XZ",
    10: b'!"()?',
    11: b"'+|",
    12: b"#>",
    13: b"\x00$@[]~",
    14: b"^}",
    15: b"<`{",
}
"""Appendix B: characters by the length of their code in bits. The code is canonical: codes of one length follow on one
another, and on the shorter ones."""
LONGEST = 15
FIELDS = 64
"""Fields of a block that are read."""
ENTRIES = 128
"""Of the dynamic table; 4,096 bytes hold no more (4.1)."""

Field = tuple[bytes, bytes]


def _table() -> tuple[Field, ...]:
    words = (word.partition("=") for word in STATIC.split(" "))
    return tuple((name.encode("ascii"), value.encode("ascii")) for name, _, value in words)


def _codes() -> dict[tuple[int, int], int]:
    """(length, code) → character."""
    found: dict[tuple[int, int], int] = {}
    code, before = 0, 0
    for length in sorted(CODES):
        code <<= length - before
        before = length
        for character in CODES[length]:
            found[length, code] = character
            code += 1
    return found


_STATIC = _table()
_CHARACTERS = _codes()


def unpack_text(data: bytes) -> bytes | None:
    """The text of Huffman codes (5.2), which end in fewer than eight ones; None where a long code is among them."""
    text = bytearray()
    code, length = 0, 0
    for byte in data:
        for shift in range(7, -1, -1):
            code = code << 1 | byte >> shift & 1
            length += 1
            character = _CHARACTERS.get((length, code))
            if character is not None:
                text.append(character)
                code, length = 0, 0
            elif length > LONGEST:
                return None
    return bytes(text) if length < 8 and code == (1 << length) - 1 else None


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    """(value, where it ends) of an integer whose prefix has `bits` bits (5.1); (-1, at) where it is cut or too long."""
    most = (1 << bits) - 1
    value = block[at] & most
    at += 1
    if value < most:
        return value, at
    for shift in (0, 7, 14):
        if at >= len(block):
            break
        value += (block[at] & 0x7F) << shift
        at += 1
        if block[at - 1] < 0x80:
            return value, at
    return -1, at


def _text(block: bytes, at: int) -> tuple[bytes | None, int]:
    """(text, where it ends) of a string (5.2); text None where it is none, the end -1 where it is cut."""
    if at >= len(block):
        return None, -1
    length, begin = _integer(block, at, 7)
    end = begin + length
    if length < 0 or end > len(block):
        return None, -1
    return (unpack_text(block[begin:end]) if block[at] & 0x80 else block[begin:end]), end


def fields(block: bytes) -> list[Field]:
    """The header fields of the first block of a connection, as far as it is there; those that cannot be read are left
    out."""
    table: list[Field] = []
    found: list[Field] = []
    at = 0
    while at < len(block) and len(found) < FIELDS:
        first = block[at]
        if first & 0xE0 == 0x20:
            # a new size of the dynamic table (6.3)
            size, at = _integer(block, at, 5)
            if size < 0:
                break
            continue
        added = first & 0xC0 == 0x40
        index, at = _integer(block, at, 7 if first & 0x80 else 6 if added else 4)
        entries = (*_STATIC, *table)
        if index < 0 or index > len(entries) or (first & 0x80 and not index):
            break
        known = entries[index - 1] if index else None
        if first & 0x80 and known is not None:
            found.append(known)
            continue
        name: bytes | None = known[0] if known is not None else None
        if known is None:
            name, at = _text(block, at)
            if at < 0:
                break
        value, at = _text(block, at)
        if at < 0:
            break
        if name is not None and value is not None:
            found.append((name, value))
        if added:
            table = [(name or b"", value or b""), *table][:ENTRIES]
    return found
