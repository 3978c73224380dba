"""Bytes in ASN.1's basic encoding → nodes of tag, length and value, each with its exact place (ITU-T X.690).

SNMP, LDAP and Kerberos are written in it. Scapy reads them too, but does not say where.
"""

from tui.data.dissection.model import DEPTH_LIMIT, Node
from tui.data.dissection.words import bytes_text

BER_PROTOCOLS: dict[str, str] = {"snmp": "SNMP", "ldap": "LDAP", "kerberos": "Kerberos"}
"""Protocols in BER, and their names."""
_UNIVERSAL: dict[int, str] = {
    1: "boolean", 2: "integer", 3: "bit string", 4: "octet string", 5: "null", 6: "object identifier",
    10: "enumerated", 12: "UTF-8 string", 16: "sequence", 17: "set", 18: "numeric string", 19: "printable string",
    20: "teletex string", 22: "IA5 string", 23: "UTC time", 24: "generalized time", 27: "general string",
}  # fmt: skip
"""Universal tag numbers (X.680, table 1)."""
_CLASSES = ("", "application ", "", "private ")
"""Words of the tag classes before the number; context-specific tags have the number alone."""
_NODES = 4_000
"""Nodes of one message; the rest is one node."""


def ber_node(app: str, payload: bytes, base: int) -> Node | None:
    """The layer of `app` over `payload`, which starts at `base` of the frame; None if it does not start with BER."""
    start = 4 if app == "kerberos" and payload[:1] == b"\x00" else 0  # RFC 4120, 7.2.2: over TCP a length is in front
    budget = [_NODES]
    children = _values(payload, start, len(payload), base, 0, budget)
    if not children or children[0].kind == "unread":
        return None
    if start:
        children = (Node("length", str(int.from_bytes(payload[:4], "big")), base, 4), *children)
    return Node(BER_PROTOCOLS[app], f"{len(payload):,} bytes", base, len(payload), "layer", children)


def _header(data: bytes, at: int, end: int) -> tuple[int, bool, int, int, int] | None:
    """(class, constructed, tag number, start of the value, its length) of the value at `at`; None if cut or invalid."""
    if at >= end:
        return None
    first = data[at]
    number = first & 0x1F
    at += 1
    if number == 0x1F:
        number = 0
        for _ in range(4):
            if at >= end:
                return None
            number = number << 7 | data[at] & 0x7F
            at += 1
            if not data[at - 1] & 0x80:
                break
        else:
            return None
    if at >= end:
        return None
    length = data[at]
    at += 1
    if length == 0x80:
        return None  # indefinite: none of these protocols allows it
    if length & 0x80:
        count = length & 0x7F
        if count > 4 or at + count > end:
            return None
        length = int.from_bytes(data[at : at + count], "big")
        at += count
    return first >> 6, bool(first & 0x20), number, at, length


def _values(data: bytes, at: int, end: int, base: int, depth: int, budget: list[int]) -> tuple[Node, ...]:
    nodes: list[Node] = []
    while at < end:
        header = _header(data, at, end)
        if header is None or budget[0] <= 0 or depth > DEPTH_LIMIT:
            why = "no ASN.1 value starts here" if header is None else "more than can be shown"
            nodes.append(Node("rest", f"{end - at:,} bytes: {why}", base + at, end - at, "unread"))
            break
        budget[0] -= 1
        space, constructed, number, start, length = header
        stop = min(start + length, end)
        cut_off = f"; {start + length - end:,} more bytes are in later packets" if start + length > end else ""
        name = _UNIVERSAL.get(number, f"universal {number}") if space == 0 else f"[{_CLASSES[space]}{number}]"
        if constructed:
            children = _values(data, start, stop, base, depth + 1, budget)
            value = f"{len(children)} {'value' if len(children) == 1 else 'values'}{cut_off}"
        else:
            children = ()
            value = _text(space, number, data[start:stop]) + cut_off
        nodes.append(Node(name, value, base + at, stop - at, "field", children))
        at = stop
    return tuple(nodes)


def _text(space: int, number: int, body: bytes) -> str:
    if space == 0 and number in (2, 10) and 0 < len(body) <= 16:
        return str(int.from_bytes(body, "big", signed=True))
    if space == 0 and number == 1 and len(body) == 1:
        return "true" if body[0] else "false"
    if space == 0 and number == 5:
        return ""
    if space == 0 and number == 6 and body:
        return _identifier(body)
    return bytes_text(body)


def _identifier(body: bytes) -> str:
    """Dotted numbers of an object identifier (X.690, 8.19)."""
    arcs: list[int] = []
    value = 0
    for byte in body[:64]:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    if not arcs:
        return bytes_text(body)
    top = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (top, arcs[0] - 40 * top, *arcs[1:]))
