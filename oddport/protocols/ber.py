"""A BER element's tag and length → where its content starts and stops (X.690, sections 8.1.2 to 8.1.5).

An element is (tag, start, stop): its content is `data[start:stop]`, and `stop` may lie behind the end of `data` where
the bytes are cut. Lengths may be longer than they need to be (BER, not DER); the indefinite form is refused, since none
of LDAP (RFC 4511, 5.1), SNMP (RFC 3417, 8) and Kerberos (RFC 4120, 5.1) allows it.
"""

Element = tuple[int, int, int]

LENGTH_BYTES = 4
"""Bytes of a long-form length that are read; more would be content beyond 4 GB."""
CUT: Element = (-1, -1, -1)
"""The header itself is cut."""

BOOLEAN, INTEGER, OCTETS, OID, ENUMERATED, SEQUENCE = 0x01, 0x02, 0x04, 0x06, 0x0A, 0x30


def element(data: bytes, at: int, limit: int) -> Element | None:
    """The element at `at`, which must stop at or before `limit`; CUT where its header is cut; None if it is none."""
    size = len(data)
    if at + 2 > limit:
        return None
    if at + 2 > size:
        return CUT
    length = data[at + 1]
    start = at + 2
    if length >= 0x80:
        count = length & 0x7F
        if count == 0 or count > LENGTH_BYTES:
            return None
        if start + count > limit:
            return None
        if start + count > size:
            return CUT
        length = 0
        for index in range(start, start + count):
            length = length << 8 | data[index]
        start += count
    if start + length > limit:
        return None
    return data[at], start, start + length


def small_integer(data: bytes, part: Element, most: int = 4) -> int:
    """The value of an INTEGER or ENUMERATED of 1 to `most` bytes that is all there and not negative, else -1."""
    start = part[1]
    stop = part[2]
    if start < 0 or stop > len(data) or stop <= start or stop - start > most or data[start] >= 0x80:
        return -1
    value = 0
    for index in range(start, stop):
        value = value << 8 | data[index]
    return value


def sequence_of_tags(data: bytes, start: int, stop: int, tags: bytes) -> int:
    """How many elements from `start` on have exactly these tags and nest inside `stop`: len(tags) if all do.

    Returns -1 - n where element n contradicts, and n < len(tags) where the bytes end before element n.
    """
    at = start
    for index in range(len(tags)):
        part = element(data, at, stop)
        if part is None:
            return -1 - index
        if part[0] < 0:
            return index
        if part[0] != tags[index]:
            return -1 - index
        at = part[2]
    return len(tags)
