"""Frames made by hand, and ways into their trees."""

from tui.data.dissection.model import Dissection, Node, Request
from tui.data.dissection.reading import dissect

MAC = bytes.fromhex("020000000001 020000000002".replace(" ", ""))


def tree(link: int, frame: bytes, app: str | None = None) -> Dissection:
    result = dissect(Request(link, frame, app))
    assert result.trouble == ""
    return result


def layer(result: Dissection, name: str) -> Node:
    return next(node for node in result.layers if node.name == name)


def place(node: Node, *names: str) -> tuple[int, int]:
    for name in names:
        node = next(child for child in node.children if child.name == name)
    return node.offset, node.length


def ipv4(proto: int, body: bytes, options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    total = words * 4 + len(body)
    head = bytes([0x40 | words, 0]) + total.to_bytes(2, "big") + bytes.fromhex("1234 4000 40".replace(" ", ""))
    return head + bytes([proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]) + options + body


def tcp(payload: bytes, options: bytes = b"", sport: int = 51544, dport: int = 8088) -> bytes:
    words = 5 + len(options) // 4
    head = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + bytes(8) + bytes([words << 4, 0x18]) + bytes(6)
    return head + options + payload


def udp(payload: bytes, sport: int = 40000, dport: int = 9999) -> bytes:
    head = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + (8 + len(payload)).to_bytes(2, "big") + b"\0\0"
    return head + payload
