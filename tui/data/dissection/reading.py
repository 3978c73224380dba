"""A frame and what is known of its flow → the tree of its layers, read by scapy and by oddport's own readers.

Scapy binds protocols to ports. A port proves nothing, so scapy stops at TCP and UDP here, and their payload is read as
the protocol that was recognised in the flow.
"""

import importlib
import struct
import sys
import warnings
from typing import Any

from tui.data.dissection.ber import BER_PROTOCOLS, ber_node
from tui.data.dissection.layers import app_class, app_layer, link_class, load_scapy, missing_module
from tui.data.dissection.lines import LINE_PROTOCOLS, line_node
from tui.data.dissection.model import FRAME_LIMIT, Dissection, Node, Request, unread, within
from tui.data.dissection.record import Recorder, TooMuch
from tui.data.dissection.walk import Walker

_loaded: set[str] = set()


def dissect(request: Request) -> Dissection:
    """All layers of the frame of `request`. Loads scapy; never raises, whatever the bytes are.

    What cannot be read is a node of kind `unread`; `trouble` says in a sentence why the whole could not be read.
    """
    frame = request.frame[:FRAME_LIMIT]
    trouble = ""
    nodes: list[Node] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nodes = _layers(request, frame)
    except TooMuch:
        trouble = "scapy needed far more steps for this frame than any sane frame takes, so it was stopped"
    except RecursionError:
        trouble = "this frame nests deeper than scapy can follow"
    except MemoryError:
        trouble = "scapy ran out of the memory that one frame is given"
    except ImportError as error:
        trouble = f"scapy could not be loaded ({error})"
    except struct.error:
        trouble = "this frame ends inside of its first header"
    except Exception as error:
        trouble = f"scapy failed on this frame ({type(error).__name__})"
    if not nodes and frame:
        nodes = [unread(0, len(frame), "", request.claims)]
    if len(request.frame) > len(frame):
        nodes.append(unread(len(frame), len(request.frame) - len(frame), f"only the first {FRAME_LIMIT:,} are"))
    layers = tuple(within(node, 0, len(request.frame)) for node in nodes)
    return Dissection(layers, len(request.frame), trouble)


def _layers(request: Request, frame: bytes) -> list[Node]:
    packet_module = load_scapy()
    if not frame:
        return []
    first = link_class(request.link, frame)
    if first is None:
        return [unread(0, len(frame), f"link type {request.link} is not known", request.claims)]
    packet, recorder = _read(first, frame)
    for _ in range(4):
        if not _load_for(packet):
            break
        packet, recorder = _read(first, frame)
    walker = Walker(frame, recorder, packet_module.Packet, request.claims)
    nodes, end = walker.chain(packet, 0, len(frame))
    nodes = _with_payload(request, frame, packet, nodes)
    tail = _behind(nodes, end, len(frame))
    if end < tail:
        nodes.append(unread(end, tail - end, "", request.claims))
    return nodes


def _read(cls: Any, data: bytes, **more: Any) -> tuple[Any, Recorder]:
    """A packet of class `cls`, and the places of its fields."""
    fields = importlib.import_module("scapy.fields")
    inet = importlib.import_module("scapy.layers.inet")
    recorder = Recorder(fields.TrailerField, (fields.Field, fields._FieldContainer))
    with recorder.active():
        packet = cls(data, _internal=1, stop_dissection_after=(inet.TCP, inet.UDP), **more)
    return packet, recorder


def _load_for(packet: Any) -> bool:
    """Load the module for the payload of the last layer that was read; True if that was new."""
    last = packet.lastlayer()
    while type(last).__name__ in ("Raw", "Padding") and last.underlayer is not None:
        last = last.underlayer
    module = missing_module(last)
    if module is None or module in _loaded:
        return False
    _loaded.add(module)
    fresh = module not in sys.modules
    importlib.import_module(module)
    return fresh


def _behind(nodes: list[Node], end: int, limit: int) -> int:
    """Where the first field behind `end` starts (a check sequence); `limit` if there is none."""
    every = (node for top in nodes for node in top.walk())
    return min((node.offset for node in every if node.length and node.offset >= end), default=limit)


def _with_payload(request: Request, frame: bytes, packet: Any, nodes: list[Node]) -> list[Node]:
    """`nodes` with the payload of TCP or UDP read as the protocol of the flow."""
    if request.app is None:
        return nodes
    transport = packet
    while type(transport).__name__ not in ("TCP", "UDP", "NoPayload"):
        transport = transport.payload
    place = next((at for at, node in enumerate(nodes) if node.kind == "unread" and node.name == "payload"), None)
    if type(transport).__name__ == "NoPayload" or place is None:
        return nodes
    old = nodes[place]
    new = _payload(request, frame, transport, old)
    return [*nodes[:place], *new, *nodes[place + 1 :]]


def _payload(request: Request, frame: bytes, transport: Any, old: Node) -> list[Node]:
    app = request.app or ""
    payload = frame[old.offset : old.end]
    own: Node | None = None
    if app in LINE_PROTOCOLS:
        own = line_node(app, payload, old.offset)
    elif app in BER_PROTOCOLS:
        own = ber_node(app, payload, old.offset)
    elif app_layer(app) is not None:
        return _by_scapy(request, frame, transport, old)
    else:
        return [unread(old.offset, old.length, f"{app}, for which there is no reader", request.claims)]
    if own is None:
        return [unread(old.offset, old.length, f"no start of a message of {app}", request.claims)]
    return [own]


def _by_scapy(request: Request, frame: bytes, transport: Any, old: Node) -> list[Node]:
    app = request.app or ""
    layer = app_layer(app)
    payload = frame[old.offset : old.end]
    if app == "dns" and type(transport).__name__ == "TCP" and len(payload) < 2 + int.from_bytes(payload[:2], "big"):
        return [unread(old.offset, old.length, "a message of dns that goes on in a later packet", request.claims)]
    if layer is None or not layer.starts(payload):
        return [unread(old.offset, old.length, f"no start of a message of {app}", request.claims)]
    try:
        cls = app_class(layer, 0 if transport.dport <= transport.sport else 1)
        packet, recorder = _read(cls, payload, _underlayer=transport)
    except Exception as error:
        why = f"scapy cannot read it as {app}"
        if not isinstance(error, struct.error) and type(error).__name__ != "Scapy_Exception":
            why += f" ({type(error).__name__})"
        return [unread(old.offset, old.length, why, request.claims)]
    walker = Walker(frame, recorder, importlib.import_module("scapy.packet").Packet, request.claims)
    nodes, end = walker.chain(packet, old.offset, old.end)
    if not nodes:
        return [old]
    tail = _behind(nodes, end, old.end)
    if end < tail:
        nodes.append(unread(end, tail - end, "", request.claims))
    return nodes
