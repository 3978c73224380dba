"""The layers of a packet → how much payload it has and what it says, in one line of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tui.data.dissection.model import Dissection, Node

_TRANSPORTS = frozenset({"TCP", "UDP", "SCTP", "ICMP", "data chunk"})
_FACTS = ("sni", "host", "qname", "server_name", "user_agent", "banner", "hostname")
"""Facts of a flow that stand in its bytes as they are."""
_LEAST_FACT = 4
"""Shorter texts occur by chance."""
_RAW_SHOWN = 24
"""Bytes of a payload without a reader that are shown in the list."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the list shows of a packet besides its header."""

    data: int | None
    """Bytes of transport payload in the frame; None where that could not be told."""
    text: str


def said(dissection: Dissection, frame: bytes, facts: Mapping[str, Any]) -> Said:
    """The payload of a dissected frame in one line."""
    layers = [layer for layer in dissection.layers if layer.name != "padding"]
    place = next((at for at, layer in enumerate(layers) if layer.name in _TRANSPORTS), None)
    if place is None:
        last = next((layer for layer in reversed(layers) if layer.kind == "layer"), None)
        return Said(None, f"{last.name} {last.value}".strip() if last is not None else "")
    transport, payload = layers[place], layers[place + 1 :]
    if transport.name == "ICMP":
        return Said(sum(layer.length for layer in payload), f"ICMP {transport.value}".strip())
    if not payload:
        return Said(0, "")
    return Said(sum(layer.length for layer in payload), _payload_text(payload, frame, facts))


def _payload_text(payload: Sequence[Node], frame: bytes, facts: Mapping[str, Any]) -> str:
    first = payload[0]
    if first.kind == "unread":
        says = ", ".join(dict.fromkeys(child.name for child in first.children))
        return says or _shown(frame[first.offset : first.end])
    if first.name == "TLS":
        text = f"TLS {', '.join(_listed(layer.value for layer in payload if layer.name == 'TLS'))}"
    elif first.value.startswith(first.name):
        text = first.value
    else:
        text = f"{first.name} {first.value or ''}".strip()
    names = [name for name in fact_texts(facts) if name.encode() in frame and name not in text]
    return f"{text}  {names[0]}" if names else text


def _listed(values: Iterable[str]) -> list[str]:
    """Messages of TLS records; those of one kind in a row once."""
    out: list[str] = []
    for value in values:
        word = value.removeprefix("handshake: ")
        if not out or out[-1] != word:
            out.append(word)
    return out


def _shown(data: bytes) -> str:
    head = data[:_RAW_SHOWN]
    words = head.rstrip(b"\r\n\0")
    if words and all(0x20 <= byte < 0x7F for byte in words):
        return words.decode("ascii") + ("…" if len(data) > _RAW_SHOWN else "")
    return head[:12].hex(" ") + (" …" if len(data) > 12 else "")


def fact_texts(facts: Mapping[str, Any]) -> list[str]:
    """Texts of the facts that stand in the bytes."""
    found = [facts.get(key) for key in _FACTS]
    return [value for value in found if isinstance(value, str) and len(value) >= _LEAST_FACT]


def fact_ranges(frame: bytes, facts: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Where the texts of facts stand in a frame, as (start, end); names of DNS also as labels (RFC 1035, 3.1)."""
    ranges: list[tuple[int, int]] = []
    for text in fact_texts(facts):
        plain = text.encode("utf-8", "surrogateescape")
        labels = plain.rstrip(b".").split(b".")
        coded = b"".join(bytes([len(label)]) + label for label in labels if 0 < len(label) < 64)
        for form, skip in ((plain, 0), (coded, 1)):
            at = frame.find(form)
            if at >= 0 and len(form) > skip:
                ranges.append((at + skip, at + len(form)))
                break
    return ranges
