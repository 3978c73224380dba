"""An unnamed flow on a port → why it may still be one of the protocols that belong there, if it may."""

from functools import cache

from oddport.detection.evidence import pieces_of
from oddport.detection.subject import Subject
from oddport.detection.words import app_title
from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import identify
from oddport.protocols.ports import port_table
from oddport.protocols.registry import registry

STARTS = 4
"""Packets of a side at which the port's protocol may begin late: behind a keep-alive, or a padded acknowledgement that
was read as payload."""
PADDING = 6
"""Bytes between IPv4 and TCP headers without options and the 46 that an Ethernet frame holds at least (IEEE 802.3)."""
_QUIC_SHORT = range(0x40, 0x80)
"""First byte of a short header: form bit 0, fixed bit 1 (RFC 9000, section 17.3)."""


@cache
def belonging(proto: int, port: int) -> tuple[str, ...]:
    """The recognised protocols for which the port is a standard one, by name."""
    known = registry().protocols
    return tuple(
        app
        for app, ports in sorted(port_table().apps.items())
        if app in known and proto in ports.over and port in ports.standard
    )


def doubt(subject: Subject, owner: str) -> str | None:
    """Why it cannot be said that no protocol of the port is spoken; None where it can."""
    head = subject.head
    if head is None:
        return "its first bytes were not kept"
    for app in {owner: None, **dict.fromkeys(belonging(subject.proto, subject.port))}:
        if subject.not_app(app) is None:
            return f"it is not refuted that it is {app_title(app)}"
        if subject.proto == TCP and begins_late(head, app):
            return f"{app_title(app)} begins in a later packet"
    if subject.proto == TCP and padded(head):
        return "its first bytes may be the padding of an empty packet"
    if subject.proto == UDP and "quic" in belonging(subject.proto, subject.port) and quic_under_way(head):
        return "it may be QUIC from before the capture: all its packets have short headers"
    return None


def begins_late(head: Head, app: str) -> bool:
    """Whether a side parses as the app from the second, third or fourth of its packets on."""
    for side, data in ((0, head.orig), (1, head.resp)):
        for piece in sorted(pieces_of(head, side), key=lambda piece: piece.position)[1:STARTS]:
            rest = data[piece.position :]
            late = Head(head.proto, b"" if side else rest, rest if side else b"", notes=head.notes)
            if identify(late).app == app:
                return True
    return False


def padded(head: Head) -> bool:
    """Whether a side begins with a packet of zeros that fill the shortest frame: some middleboxes count an empty
    packet's padding into the IP length, and so shift what follows."""
    for side, data in ((0, head.orig), (1, head.resp)):
        first = next((piece for piece in pieces_of(head, side) if piece.position == 0), None)
        if first is not None and first.length <= PADDING and not any(data[: first.length]):
            return True
    return False


def quic_under_way(head: Head) -> bool:
    """Whether every kept datagram of both sides begins like a packet with a short header."""
    datagrams = (*head.orig_datagrams, *head.resp_datagrams)
    return bool(head.orig_datagrams and head.resp_datagrams) and all(
        data and data[0] in _QUIC_SHORT for data in datagrams
    )
