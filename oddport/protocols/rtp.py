"""Datagrams of RTP and RTCP → matches: one source whose numbers and times go on, reports whose lengths close.

Sources: RFC 3550, sections 5.1 (RTP header), 6.4 to 6.7 (RTCP packets); RFC 5761, section 4 (which payload types leave
room for RTCP on the same port); RFC 3711, section 3.4 (SRTCP: the header of the first report and its sender in clear).
No single datagram of RTP proves anything, so that several of a direction are seen together.
"""

from itertools import pairwise

from oddport.engine.columns import UDP
from oddport.protocols.binary import u16, u32
from oddport.protocols.model import SideMatch
from oddport.protocols.registry import Grammar, Protocol
from oddport.protocols.shapes import grammar, masked, message, one_of, side

HEADER = 12
LEAST = 3
"""Datagrams of one source that are asked for."""
GAP = 64
"""Most by which numbers of datagrams that follow on one another differ (losses, and those that came out of order)."""
PAUSE = 1 << 22
"""Most by which their times differ: 44 seconds of video at 90 kHz."""
STEP_BITS = 32 + 9 + 9
"""What each further datagram confirms: its source, its number, its time."""
REPORTS = bytes(range(200, 208))
"""SR, RR, SDES, BYE, APP (12.1); RTPFB, PSFB (RFC 4585, 6.1); XR (RFC 3611)."""
REPORT_LEAST = 8
"""Bytes of the shortest report: header and sender."""
REPORT_BITS = 32 + 9
"""What each further report confirms: its sender, and what it is."""
SENDERS = bytes((200, 201))
"""Every compound packet begins with a report of a sender or a receiver (6.1)."""


def _is_rtp(data: bytes) -> bool:
    """A header of version 2 with its contributors, and a payload type that is no RTCP packet's with the marker bit."""
    return len(data) >= HEADER + 4 * (data[0] & 0x0F) and data[0] & 0xC0 == 0x80 and not 64 <= data[1] & 0x7F <= 95


def _signed(value: int, bits: int) -> int:
    """A difference of numbers that wrap around."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def stream(datagrams: tuple[bytes, ...]) -> SideMatch | None:
    """Three datagrams or more of one source, whose numbers and times go on together."""
    at = 0
    places: list[tuple[int, bytes]] = []
    for data in datagrams:
        if _is_rtp(data):
            places.append((at, data))
        at += len(data)
    if len(places) < LEAST:
        return None
    source = u32(places[0][1], 8)
    places = [(place, data) for place, data in places if u32(data, 8) == source]
    steps = 0
    for (_, one), (_, other) in pairwise(places):
        step = _signed(u16(other, 2) - u16(one, 2), 16)
        time = _signed(u32(other, 4) - u32(one, 4), 32)
        if abs(step) > GAP or abs(time) > PAUSE or step * time < 0 or (step == 0 and time):
            return None
        steps += step != 0
    if steps < LEAST - 1:
        return None
    says = ("RTP packet %d of source %08x", u16(places[0][1], 2), source)
    spans = ((places[0][0], HEADER, says), (places[1][0], HEADER, "the next one: number and time go on"))
    facts: dict[str, str | int | bool | list[str]] = {"payload_type": places[0][1][1] & 0x7F, "ssrc": f"{source:08x}"}
    return SideMatch(True, spans, facts, False, STEP_BITS * steps)


def _compound(data: bytes) -> int:
    """Bits by which reports fill the datagram, each as long as it says; -1 where they do not."""
    at, bits = 0, 0
    while at + 4 <= len(data) and data[at] & 0xC0 == 0x80 and data[at + 1] in REPORTS:
        bits += 23 if at else 16
        at += 4 + 4 * u16(data, at + 2)
    return bits if at == len(data) else -1


def reports(datagrams: tuple[bytes, ...]) -> SideMatch | None:
    """Two datagrams or more that begin with a report of the same sender; what follows it may be encrypted (SRTCP)."""
    at = 0
    places: list[int] = []
    sender = b""
    for data in datagrams:
        if len(data) >= REPORT_LEAST and data[0] & 0xC0 == 0x80 and data[1] in SENDERS:
            size = 4 + 4 * u16(data, 2)
            if REPORT_LEAST <= size <= len(data) and data[4:8] == (sender or data[4:8]):
                sender = data[4:8]
                places.append(at)
        at += len(data)
    if len(places) < 2:
        return None
    spans = tuple((place, 8, "RTCP report of one sender") for place in places[:2])
    return SideMatch(True, spans, {"ssrc": sender.hex()}, False, REPORT_BITS * (len(places) - 1))


REPORT = side(
    message(
        "RTCP packets that fill the datagram", masked(0, 0xC0, 0x80), one_of(1, SENDERS), least=REPORT_LEAST,
        check=_compound,
    )
)  # fmt: skip

PROTOCOLS = (
    Protocol(
        name="rtp",
        title="RTP",
        spec="RFC 3550",
        first="either",
        announced_by=("sip", "rtsp"),
        grammars=(Grammar((UDP,), None, None, series=stream, tells_server=False),),
    ),
    Protocol(
        name="rtcp",
        title="RTCP",
        spec="RFC 3550",
        first="either",
        announced_by=("sip", "rtsp"),
        grammars=(grammar((UDP,), REPORT, REPORT, symmetric=True, tells_server=False, series=reports),),
    ),
)
