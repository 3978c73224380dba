"""The tree of a dissected frame: layers and fields with their place in the bytes, and its form on a pipe."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

FRAME_LIMIT = 65_536
"""Bytes of a frame that are dissected: the largest IP packet (RFC 791, 3.1); what is longer is said in the tree."""
TEXT_LIMIT = 240
"""Characters of a value: more than a line of the widest terminal shows."""
NODE_LIMIT = 20_000
"""Nodes of one tree; what is left out is counted in the tree."""
DEPTH_LIMIT = 48
"""Levels of nesting in one tree."""

Wire = list[object]
"""A node on the pipe: [name, value, offset, length, kind, children]."""


@dataclass(frozen=True, slots=True)
class Node:
    """A layer or a field of a frame."""

    name: str
    value: str = ""
    """What it says, for a person. May hold characters from the wire: clean it before it is drawn."""
    offset: int = 0
    """Of its first byte, from the first captured byte of the frame."""
    length: int = 0
    """In bytes; a bit field covers every byte it has a bit in; 0 = no bytes of its own."""
    kind: str = "field"
    """`layer`, `field`, or `unread` for bytes that nobody could read."""
    children: tuple["Node", ...] = ()

    @property
    def end(self) -> int:
        """Offset just behind the last byte."""
        return self.offset + self.length

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, in the order of the tree."""
        yield self
        for child in self.children:
            yield from child.walk()

    def covers(self, offset: int) -> bool:
        """Whether the byte at `offset` of the frame belongs to this node."""
        return self.offset <= offset < self.end


@dataclass(frozen=True, slots=True)
class Dissection:
    """All layers of one frame, outermost first."""

    layers: tuple[Node, ...]
    length: int
    """Captured bytes of the frame."""
    trouble: str = ""
    """A sentence, where the frame could not be dissected as it should be."""

    def walk(self) -> Iterator[Node]:
        """Every node, in the order of the tree."""
        for layer in self.layers:
            yield from layer.walk()


@dataclass(frozen=True, slots=True)
class ByteClaim:
    """Bytes of the frame that somebody else (the recogniser, a detector) has read."""

    offset: int
    length: int
    says: str


@dataclass(frozen=True, slots=True)
class Request:
    """A frame to dissect, and what is known of its flow."""

    link: int
    """Link type (LINKTYPE_ number)."""
    frame: bytes
    app: str | None = None
    """The protocol that was recognised in the flow; a port never names one."""
    claims: tuple[ByteClaim, ...] = ()


def path_to(layers: tuple[Node, ...], offset: int) -> tuple[Node, ...]:
    """The nodes that hold the byte at `offset`, outermost first; the last is the narrowest. Empty if none holds it.

    Of several that hold it at one level the shortest is taken (a message inside the bytes that another layer calls its
    options), of bit fields that share a byte the first.
    """
    path: list[Node] = []
    level = layers
    while level:
        found = min((node for node in level if node.covers(offset)), key=lambda node: node.length, default=None)
        if found is None:
            break
        path.append(found)
        level = found.children
    return tuple(path) or _anywhere(layers, offset)


def _anywhere(level: tuple[Node, ...], offset: int) -> tuple[Node, ...]:
    """The path to a field that lies outside of its own layer: a check sequence at the end of the frame."""
    for node in level:
        if node.covers(offset):
            return (node,)
        below = _anywhere(node.children, offset)
        if below:
            return (node, *below)
    return ()


def within(node: Node, start: int, end: int) -> Node:
    """`node` with every place clipped to [start, end): what a dissector claims never leaves the frame."""
    first = min(max(node.offset, start), end)
    last = min(max(node.end, first), end)
    children = tuple(within(child, start, end) for child in node.children)
    if (first, last - first) == (node.offset, node.length) and children == node.children:
        return node
    return replace(node, offset=first, length=last - first, children=children)


def unread(offset: int, length: int, why: str = "", claims: tuple[ByteClaim, ...] = ()) -> Node:
    """The one line for bytes that nobody could read, with what the recogniser says of them below it."""
    value = f"not dissected: {length:,} {'byte' if length == 1 else 'bytes'}"
    children = tuple(
        Node(claim.says or "evidence", "", claim.offset, claim.length)
        for claim in claims
        if offset <= claim.offset and claim.offset + claim.length <= offset + length
    )
    return Node("payload", f"{value}; {why}" if why else value, offset, length, "unread", children)


def to_wire(node: Node) -> Wire:
    """A node as lists and strings, for JSON."""
    children: list[object] = [to_wire(child) for child in node.children]
    return [node.name, node.value, node.offset, node.length, node.kind, children]


def from_wire(wire: object) -> Node:
    """The node of `to_wire`; ValueError where the shape is another."""
    if not isinstance(wire, list) or len(wire) != 6:
        raise ValueError("a node of the dissection has another shape than expected")
    name, value, offset, length, kind, children = wire
    if not (isinstance(name, str) and isinstance(value, str) and isinstance(kind, str) and isinstance(children, list)):
        raise ValueError("a node of the dissection has other types than expected")
    if not (isinstance(offset, int) and isinstance(length, int) and offset >= 0 and length >= 0):
        raise ValueError("a node of the dissection has an impossible place")
    return Node(name, value, offset, length, kind, tuple(from_wire(child) for child in children))
