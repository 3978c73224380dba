"""A packet that scapy has read, and where each field was read → nodes with exact places in the frame."""

from typing import Any

from tui.data.dissection.model import DEPTH_LIMIT, NODE_LIMIT, ByteClaim, Node, unread, within
from tui.data.dissection.options import dhcp_options, tcp_options
from tui.data.dissection.record import Layout, Reading, Recorder
from tui.data.dissection.words import NameBook, cut

_TELLING = 4
"""Bytes from which on a match further back in the frame is taken for the bytes themselves."""
ITEM_LIMIT = 2_000
"""Elements of one list that become nodes; the rest is counted in a last node."""


_OPTIONS = {"TCPOptionsField": tcp_options, "DHCPOptionsField": dhcp_options}
"""Fields that scapy gives as pairs without a place."""


class Walker:
    """Turns packets of one frame into nodes."""

    def __init__(self, frame: bytes, recorder: Recorder, packet_class: type, claims: tuple[ByteClaim, ...]) -> None:
        self._frame = frame
        self._recorder = recorder
        self._packet_class = packet_class
        self._claims = claims
        self._words = NameBook()
        self._nodes = 0

    def chain(self, packet: Any, start: int, limit: int) -> tuple[list[Node], int]:
        """The layers of `packet` and its payloads, read from `start` on; and where the bytes behind them begin.

        `limit` is where the bytes that scapy was given end.
        """
        return self._chain(packet, start, limit, 0)

    def _chain(self, packet: Any, start: int, limit: int, depth: int) -> tuple[list[Node], int]:
        nodes: list[Node] = []
        at = floor = start
        while packet is not None and self._is_packet(packet) and type(packet).__name__ != "NoPayload":
            node, at = self._layer(packet, at, limit, depth, floor)
            if node is not None:
                nodes.append(node)
                floor = node.offset
            packet = packet.payload
        return nodes, at

    def _is_packet(self, value: object) -> bool:
        return isinstance(value, self._packet_class)

    def _layer(self, packet: Any, start: int, limit: int, depth: int, floor: int) -> tuple[Node | None, int]:
        kind = type(packet).__name__
        if kind in ("Raw", "Padding"):
            load = bytes(packet.fields.get("load") or b"")
            if not load:
                return None, start
            at = self._find(load, start, limit)
            if at is None:
                return Node("payload", f"{len(load):,} bytes that are not in the frame as they are", start, 0), start
            end = at + len(load)
            if kind == "Padding":
                return Node("padding", f"{len(load):,} bytes", at, len(load), "layer"), end
            return unread(at, len(load), "", self._claims), end
        layout = self._recorder.layout(packet)
        at = None if layout is None else self._find(layout.buffer, start, limit)
        if layout is not None and at is None and len(layout.buffer) >= _TELLING:
            # some layers hand on bytes that they had read themselves: DHCP's options are a field of BOOTP
            at = self._find(layout.buffer, floor, limit)
        if layout is None or at is None:
            return self._unplaced(packet, start, limit)
        children = self._fields(packet, layout, at, depth + 1)
        front = max((reading.end for reading in layout.readings if not reading.trailer), default=0)
        end = min(at + (front + 7) // 8, limit)
        start = max(start, end)
        node = Node(self._words.layer(packet), self._words.summary(packet), at, end - at, "layer", tuple(children))
        return within(node, 0, len(self._frame)), start

    def _unplaced(self, packet: Any, start: int, limit: int) -> tuple[Node, int]:
        """A layer whose bytes are not in the frame as scapy read them: its values, with the place of the whole."""
        whole = bytes(packet.original or b"")
        at = self._find(whole, start, limit) if whole else None
        below = packet.payload.original if self._is_packet(packet.payload) else None
        own = len(whole) - len(below or b"")
        first, length = (start, 0) if at is None or own < 0 else (at, own)
        children = tuple(
            Node(self._words.field(packet, name), self._words.plain(value), first, length)
            for name, value in packet.fields.items()
        )
        node = Node(self._words.layer(packet), self._words.summary(packet), first, length, "layer", children)
        return node, first + length

    def _find(self, data: bytes, start: int, limit: int) -> int | None:
        """Where `data` lies from `start` on: there, if the bytes agree, else the next place that holds them."""
        if self._frame.startswith(data, start):
            return start
        at = self._frame.find(data, start, limit)
        return None if at < 0 else at

    def _fields(self, packet: Any, layout: Layout, base: int, depth: int) -> list[Node]:
        nodes: list[Node] = []
        end = base + len(layout.buffer)
        group, group_size = 0, 0
        for reading in layout.readings:
            if reading.value is None and getattr(reading.field, "isconditional", hasattr(reading.field, "cond")):
                continue
            if self._nodes >= NODE_LIMIT:
                nodes.append(Node("…", f"more than {NODE_LIMIT:,} fields; the rest is in the bytes", base, 0))
                return nodes
            first, last = reading.start // 8, (reading.end + 7) // 8
            if reading.trailer:
                first, last = len(layout.buffer) - last, len(layout.buffer) - first
            bits = _innermost(reading.field)
            if getattr(bits, "rev", False) and getattr(bits, "tot_size", 0) > 1 and first >= group + group_size:
                group, group_size = first, bits.tot_size
            if getattr(bits, "rev", False) and group <= first and last <= group + group_size:
                # a little-endian group of bits was turned round before it was read
                first, last = 2 * group + group_size - last, 2 * group + group_size - first
            if reading.start == reading.end:
                continue  # a field that is not there, or a switch of scapy's own
            nodes.append(self._field(packet, reading, base + first, base + max(first, last), end, depth))
        return nodes

    def _field(self, packet: Any, reading: Reading, start: int, end: int, limit: int, depth: int) -> Node:
        self._nodes += 1
        name = self._words.field(packet, reading.field.name)
        value = reading.value
        if depth >= DEPTH_LIMIT:
            return Node(name, "nested deeper than can be shown", start, end - start)
        if self._is_packet(value):
            inner, _ = self._chain(value, start, max(end, start), depth + 1)
            if len(inner) == 1 and inner[0].kind == "unread":
                return Node(name, inner[0].value, start, end - start, "unread", inner[0].children)
            return Node(name, inner[0].value if inner else "", start, end - start, "field", tuple(inner))
        if isinstance(value, list) and value and all(self._is_packet(item) for item in value):
            return self._packets(name, value, start, end, depth)
        reader = _OPTIONS.get(type(_innermost(reading.field)).__name__)
        if reader is not None:
            options = reader(self._frame[start:end], start)
            text = cut(", ".join(option.name for option in options[:40])) or "none"
            return Node(name, text, start, end - start, "field", options)
        text = self._words.value(packet, reading.field, value)
        children: tuple[Node, ...] = ()
        if isinstance(value, list) and len(value) > 1:
            children = self._items(packet, reading, value, start, end)
        return Node(name, text, start, end - start, "field", children)

    def _packets(self, name: str, packets: list[Any], start: int, end: int, depth: int) -> Node:
        """A list of packets: each starts where what it was given starts."""
        children: list[Node] = []
        at = start
        for index, packet in enumerate(packets):
            if index >= ITEM_LIMIT or self._nodes >= NODE_LIMIT:
                children.append(Node("…", f"{len(packets) - index:,} more", at, max(0, end - at)))
                break
            self._nodes += 1
            layers, behind = self._chain(packet, at, end, depth + 1)
            if not layers:
                continue
            first = layers[0].offset
            node = layers[0]
            if len(layers) > 1:
                node = Node(node.name, node.value, first, behind - first, node.kind, (*node.children, *layers[1:]))
            children.append(node)
            at = max(at, behind)
        return Node(name, _listed([child.name for child in children], len(packets)), start, end - start, "field",
                    tuple(children))  # fmt: skip

    def _items(self, packet: Any, reading: Reading, values: list[Any], start: int, end: int) -> tuple[Node, ...]:
        """The elements of a list of plain values, where their places are known."""
        places = _places(reading, len(values))
        if places is None and (end - start) % len(values) == 0 and all(isinstance(value, int) for value in values):
            size = (end - start) // len(values)
            places = [(start + index * size, start + (index + 1) * size) for index in range(len(values))]
        elif places is not None:
            shift = start - reading.start // 8
            places = [(first + shift, last + shift) for first, last in places]
        if places is None:
            return ()
        nodes: list[Node] = []
        for index, (value, (first, last)) in enumerate(zip(values, places, strict=True)):
            if index >= ITEM_LIMIT or self._nodes >= NODE_LIMIT:
                nodes.append(Node("…", f"{len(values) - index:,} more", first, max(0, end - first)))
                break
            self._nodes += 1
            nodes.append(Node(str(index + 1), self._words.item(packet, reading.field, value), first, last - first))
        return tuple(nodes)


def _innermost(fld: Any) -> Any:
    """The field itself, out of its conditional and other wrappings."""
    for _ in range(4):
        inner = getattr(fld, "fld", None)
        if inner is None:
            return fld
        fld = inner
    return fld


def _places(reading: Reading, count: int) -> list[tuple[int, int]] | None:
    """Bytes of each element, if every one of the `count` elements was read by a field of its own."""
    while len(reading.items) == 1 and count > 1:
        reading = reading.items[0]
    if len(reading.items) != count:
        return None
    return [(item.start // 8, (item.end + 7) // 8) for item in reading.items]


def _listed(names: list[str], count: int) -> str:
    """`3: A, B, C` for a line."""
    text = ", ".join(names[:6])
    more = ", …" if len(names) > 6 else ""
    return f"{count:,}: {text}{more}" if text else "none"
