"""The option bytes of a TCP header or of a DHCP message → one node an option."""

from tui.data.dissection.model import Node
from tui.data.dissection.words import bytes_text

_END, _PAD = 0, 1
_DHCP_PAD, _DHCP_END = 0, 255
_DHCP_SHOWN = 1_000
"""Options that become nodes; no server sends a tenth of it."""
_DHCP: dict[int, str] = {
    1: "subnet mask", 3: "router", 6: "domain name servers", 12: "host name", 15: "domain name",
    28: "broadcast address", 42: "NTP servers", 43: "vendor specific", 50: "requested address", 51: "lease time",
    52: "overload", 53: "message type", 54: "server identifier", 55: "parameters asked for", 56: "message",
    57: "maximum message size",
    58: "renewal time", 59: "rebinding time", 60: "vendor class", 61: "client identifier", 66: "TFTP server",
    67: "boot file", 77: "user class", 81: "client FQDN", 82: "relay agent", 93: "client architecture",
    116: "auto-configure", 119: "domain search", 121: "classless routes", 252: "proxy configuration",
}  # fmt: skip
"""DHCP option codes (RFC 2132 and IANA)."""
_DHCP_MESSAGES = ("", "discover", "offer", "request", "decline", "ack", "nak", "release", "inform")
"""RFC 2132, 9.6."""
_DHCP_ADDRESSES = frozenset({1, 3, 6, 28, 42, 50, 54})
_DHCP_SECONDS = frozenset({51, 58, 59})
_NAMES: dict[int, str] = {
    0: "end of options", 1: "no operation", 2: "maximum segment size", 3: "window scale", 4: "SACK permitted",
    5: "SACK", 8: "timestamps", 14: "alternate checksum", 19: "MD5 signature", 27: "quick start", 28: "user timeout",
    29: "TCP-AO", 30: "multipath TCP", 34: "fast open cookie", 69: "TCP-ENO",
    253: "experiment 1", 254: "experiment 2",
}  # fmt: skip
"""TCP option kind numbers (IANA)."""


def tcp_options(data: bytes, base: int) -> tuple[Node, ...]:
    """Nodes of the options of a TCP header (RFC 9293, 3.1) in `data`, which starts at `base` of the
    frame. What does not hold together is one node."""
    nodes: list[Node] = []
    at = 0
    while at < len(data):
        kind = data[at]
        name = _NAMES.get(kind, f"option {kind}")
        if kind == _END:
            nodes.append(Node(name, "", base + at, 1))
            if at + 1 < len(data):
                nodes.append(Node("padding", f"{len(data) - at - 1} bytes", base + at + 1, len(data) - at - 1))
            break
        if kind == _PAD:
            nodes.append(Node(name, "", base + at, 1))
            at += 1
            continue
        length = data[at + 1] if at + 1 < len(data) else 0
        if length < 2 or at + length > len(data):
            nodes.append(Node("malformed", f"{name} announces {length} bytes, {len(data) - at} are left",
                              base + at, len(data) - at, "unread"))  # fmt: skip
            break
        nodes.append(Node(name, _value(kind, data[at + 2 : at + length]), base + at, length))
        at += length
    return tuple(nodes)


def _value(kind: int, body: bytes) -> str:
    numbers = [int.from_bytes(body[at : at + 4], "big") for at in range(0, len(body) - len(body) % 4, 4)]
    if kind == 2 and len(body) == 2:
        return str(int.from_bytes(body, "big"))
    if kind == 3 and len(body) == 1:
        return f"{body[0]}, times {1 << min(body[0], 14)}"  # RFC 7323, 2.3: 14 at most
    if kind == 8 and len(body) == 8:
        return f"{numbers[0]}, echo {numbers[1]}"
    if kind == 5 and body and len(body) % 8 == 0:
        return ", ".join(f"{numbers[at]} to {numbers[at + 1]}" for at in range(0, len(numbers), 2))
    return body.hex(" ")


def dhcp_options(data: bytes, base: int) -> tuple[Node, ...]:
    """Nodes of the options of a DHCP message (RFC 2132, 2) in `data`, which starts at `base` of the frame."""
    nodes: list[Node] = []
    at = 0
    while at < len(data):
        if len(nodes) >= _DHCP_SHOWN:
            nodes.append(Node("…", f"{len(data) - at:,} more bytes", base + at, len(data) - at))
            break
        code = data[at]
        if code == _DHCP_PAD:
            stop = len(data) - len(data[at:].lstrip(b"\0"))
            nodes.append(Node("padding", f"{stop - at} bytes", base + at, stop - at))
            at = stop
            continue
        if code == _DHCP_END:
            nodes.append(Node("end of options", "", base + at, 1))
            at += 1
            continue
        name = _DHCP.get(code, f"option {code}")
        length = data[at + 1] if at + 1 < len(data) else 0
        if at + 2 + length > len(data):
            nodes.append(Node("malformed", f"{name} announces {length} bytes, {max(0, len(data) - at - 2)} are left",
                              base + at, len(data) - at, "unread"))  # fmt: skip
            break
        nodes.append(Node(name, _dhcp_value(code, data[at + 2 : at + 2 + length]), base + at, length + 2))
        at += 2 + length
    return tuple(nodes)


def _dhcp_value(code: int, body: bytes) -> str:
    if code == 53 and len(body) == 1:
        return f"{body[0]} {_DHCP_MESSAGES[body[0]]}" if 0 < body[0] < len(_DHCP_MESSAGES) else str(body[0])
    if code in _DHCP_ADDRESSES and body and len(body) % 4 == 0:
        return ", ".join(".".join(str(byte) for byte in body[at : at + 4]) for at in range(0, len(body), 4))
    if code in _DHCP_SECONDS and len(body) == 4:
        return f"{int.from_bytes(body, 'big')} s"
    return bytes_text(body)
