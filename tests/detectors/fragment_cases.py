"""Captures of every fragment rule by hand, each beside a benign twin that differs by what the rule is about alone.

Offsets, lengths and bytes stand here as they go over the wire; what has to be found is counted by hand.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from detectors.fragments.cuts import FragmentCuts
from detectors.fragments.dns import DnsFragments
from detectors.fragments.headers import FragmentHeaders
from detectors.fragments.ids import FragmentIds
from detectors.fragments.ipv6 import Ipv6Fragments
from detectors.fragments.readers import FragmentReaders
from detectors.udp_fragments import UdpFragments
from oddport.detection.model import Detector, Finding
from oddport.detection.runner import Runner
from oddport.engine.batch import Decoded
from oddport.engine.decode import decode
from oddport.engine.fragments import FragmentTable
from tests.engine.wire import SECOND, batch_of, piece4, piece6, tcp

DETECTORS: tuple[type[Detector], ...] = (
    UdpFragments, FragmentCuts, FragmentHeaders, FragmentIds, FragmentReaders, DnsFragments, Ipv6Fragments,
)  # fmt: skip
Frames = list[bytes]
SRC, DST = "192.0.2.7", "198.51.100.9"
SRC6, DST6 = "2001:db8::7", "2001:db8:1::9"
BYTES = bytes(range(256)) * 128


def datagram(size: int, sport: int = 40_000, dport: int = 4_444) -> bytes:
    """A UDP datagram of `size` bytes with its header; without a checksum, as IPv4 allows."""
    return struct.pack(">HHHH", sport, dport, size, 0) + BYTES[: size - 8]


def four(data: bytes, offset: int, more: bool, ident: int = 7, **given: object) -> bytes:
    """An IPv4 fragment between the two hosts of the cases."""
    return piece4(data, offset, more, ident=ident, **{"src": SRC, "dst": DST, **given})  # type: ignore[arg-type]


def six(data: bytes, offset: int, more: bool, ident: int = 7, **given: object) -> bytes:
    """An IPv6 fragment."""
    return piece6(data, offset, more, ident=ident, **given)  # type: ignore[arg-type]


Make = Callable[..., bytes]


def cut(make: Make, data: bytes, step: int = 1_232, ident: int = 7, **given: object) -> Frames:
    """A datagram as an honest sender cuts it."""
    return [make(data[at : at + step], at, at + step < len(data), ident, **given) for at in range(0, len(data), step)]


@dataclass(frozen=True)
class Case:
    """A rule, the frames that meet it, and their twin that meets none."""

    rule: str
    name: str
    frames: Frames
    twin: Frames
    also: frozenset[str] = frozenset()
    """Other rules that the frames meet, as they have to."""
    gap: float = 0.001
    """Seconds between two frames."""

    def __str__(self) -> str:
        return f"{self.rule} {self.name}"


def judged(
    frames: Sequence[bytes],
    gap: float = 0.001,
    detectors: Iterable[type[Detector]] = DETECTORS,
    *,
    batch: int = 4_096,
    settings: dict[str, dict[str, object]] | None = None,
) -> list[Finding]:
    """What the detectors find in a capture of these frames, through the engine, an hour from either end of it."""
    table, out, runner = FragmentTable(), Decoded(), Runner(detectors, settings or {}, "0" * 32)
    begins = 1_700_000_000 * SECOND
    times = [begins, *(begins + 3_600 * SECOND + round(i * gap * SECOND) for i in range(len(frames)))]
    times.append(times[-1] + 3_600 * SECOND)
    lone = piece4(b"", 0, False)
    every = [lone, *frames, lone]
    for first in range(0, len(every), batch):
        part = batch_of(every[first : first + batch], times=times[first : first + batch], first=first)
        decode(part, out)
        table.take(part, out, first)
        runner.trains(table.closed())
    runner.trains(table.finish())
    found = runner.finish()
    assert not runner.errors, runner.errors[0].trace
    return found


D = datagram(3_000)
D6 = D
"""1,232 + 1,232 + 536 bytes."""
F4, F6 = cut(four, D), cut(six, D6)
X = b"X" * 8
TCP_SEGMENT = tcp(BYTES[:1_000])


def _both(
    rule: str, name: str, build: Callable[[Make], tuple[Frames, Frames]], also: str = "", six_also: str = ""
) -> list[Case]:
    """The case in both versions; `also` and `six_also` are rules apart by spaces."""
    return [
        Case(rule, f"{name}, IPv4", *build(four), frozenset(also.split())),
        Case(rule, f"{name}, IPv6", *build(six), frozenset(f"{also} {six_also}".split())),
    ]


def conflict(make: Make) -> tuple[Frames, Frames]:
    """Bytes 1,232 to 1,239 once as they are and once as X; the twin repeats nothing."""
    first, second, third = cut(make, D)
    return [first, second, make(X + D[1_240:2_464], 1_232, True), third], [first, second, third]


def partial(make: Make) -> tuple[Frames, Frames]:
    """The second fragment begins 8 bytes early, with the same bytes."""
    first, second, third = cut(make, D)
    return [first, make(D[1_224:2_464], 1_224, True), third], [first, second, third]


def twice(make: Make) -> tuple[Frames, Frames]:
    """One of three fragments comes twice before the train is complete."""
    first, second, third = cut(make, D)
    return [first, second, second, third], [first, third, second]


def teardrop(make: Make) -> tuple[Frames, Frames]:
    """The last fragment, bytes 24 to 27, ends within the first one, bytes 0 to 299; the twin's follows it."""
    return [make(D[:304], 0, True), make(D[24:28], 24, False)], cut(make, datagram(508), 304)


def misaligned(make: Make) -> tuple[Frames, Frames]:
    """301 bytes with more to follow: 301 is no multiple of 8."""
    return [make(D[:301], 0, True), make(D[304:600], 304, False)], cut(make, datagram(600), 304)


def too_long(make: Make) -> tuple[Frames, Frames]:
    """65,528 + 400 bytes are more than 65,535."""
    data = D[:400]
    return [make(D[:1_232], 0, True), make(data, 65_528, False)], cut(make, datagram(1_632))


def tiny_first(make: Make) -> tuple[Frames, Frames]:
    """Eight bytes of a TCP header in the first fragment: its flags are at byte 13."""
    return [
        make(TCP_SEGMENT[:8], 0, True, proto=6),
        make(TCP_SEGMENT[8:], 8, False, proto=6),
    ], cut(make, TCP_SEGMENT, 512, proto=6)


def tiny(make: Make) -> tuple[Frames, Frames]:
    """Fragments of 64 bytes, where a link has 1,280 or 576."""
    return cut(make, datagram(600), 64), cut(make, datagram(600), 512)


def empty(make: Make) -> tuple[Frames, Frames]:
    """A fragment without a byte."""
    first, second, third = cut(make, D)
    return [first, make(b"", 1_232, True), second, third], [first, second, third]


def two_tails(make: Make) -> tuple[Frames, Frames]:
    """Last fragments that end at 3,000 and at 2,600, before the middle comes."""
    first, second, third = cut(make, D)
    return [first, third, make(D[2_464:2_600], 2_464, False), second], [first, third, second]


def past_end(make: Make) -> tuple[Frames, Frames]:
    """3,000 bytes are all, says the last fragment; another one holds bytes 3,200 to 3,711."""
    first, second, third = cut(make, D)
    return [first, third, make(BYTES[:512], 3_200, True), second], [third, first, second]


def rose(make: Make) -> tuple[Frames, Frames]:
    """Bytes 0 to 1,231 and the last 8 at 60,000, and nothing between; the twin's last is 2,464 behind the first."""
    return [make(D[:1_232], 0, True), make(X, 60_000, False)], [make(D[:1_232], 0, True), make(D[1_232:], 1_232, False)]


def ttl(make: Make) -> tuple[Frames, Frames]:
    """The first fragment came with a TTL of 64, the others with 50; the twin's differ by 1."""
    key = "ttl" if make is four else "hops"
    rest = [make(D[at : at + 1_232], at, at < 2_464, **{key: 50}) for at in (1_232, 2_464)]
    near = [make(D[at : at + 1_232], at, at < 2_464, **{key: 63}) for at in (1_232, 2_464)]
    return [cut(make, D)[0], *rest], [cut(make, D)[0], *near]


def spent(make: Make) -> tuple[Frames, Frames]:
    """TTL 1 and TTL 2."""
    key = "ttl" if make is four else "hops"
    return cut(make, D, **{key: 1}), cut(make, D, **{key: 2})


def udp_length(make: Make) -> tuple[Frames, Frames]:
    """The header speaks of 100 bytes, the datagram has 3,000."""
    return cut(make, D[:4] + b"\0\x64" + D[6:]), cut(make, D)


def other_port(make: Make) -> tuple[Frames, Frames]:
    """The first fragment says port 4,444, and once more port 53."""
    first, second, third = cut(make, D)
    return [first, make(D[:2] + b"\0\x35" + D[4:1_232], 0, True), second, third], [first, second, third]


def reused(make: Make) -> tuple[Frames, Frames]:
    """A datagram, and other data under its id 3 ms later; the twin's second one has an id of its own."""
    other = datagram(3_000, 40_001)
    return [*cut(make, D), *cut(make, other)], [*cut(make, D), *cut(make, other, ident=7_000)]


def volley(make: Make, sport: int = 40_000) -> tuple[Frames, Frames]:
    """The last 1,768 bytes of a datagram under 20 ids; the twin's trains have their first halves."""
    data = datagram(3_000, sport)
    whole = [cut(make, data, 1_232, ident) for ident in range(100, 4_100, 200)]
    return [make(data[1_232:], 1_232, False, ident) for ident in range(100, 4_100, 200)], [
        frame for train in whole for frame in train
    ]


def counted(make: Make) -> tuple[Frames, Frames]:
    """Ten datagrams with ids one after the other; the twin's are far apart."""
    return (
        [frame for ident in range(10) for frame in cut(make, D, ident=500 + ident)],
        [frame for ident in range(10) for frame in cut(make, D, ident=ident * 7_919)],
    )


def poisoned(make: Make) -> tuple[Frames, Frames]:
    """The second half of an answer from port 53 comes first, with another TTL and other bytes."""
    first, second, third = cut(make, datagram(3_000, 53))
    forged = make(b"X" * 1_232, 1_232, True, **{"ttl" if make is four else "hops": 250})
    return [forged, first, second, third], [second, first, third]


HOP_BY_HOP = bytes((17, 0, 1, 4, 0, 0, 0, 0))
"""A header of 8 bytes, PadN, in front of UDP (RFC 8200, section 4.3)."""


def headless(make: Make) -> tuple[Frames, Frames]:
    """The first fragment ends with the hop-by-hop header, the UDP header is in the second one."""
    data = HOP_BY_HOP + datagram(1_000)
    return [make(data[:8], 0, True, proto=60), make(data[8:], 8, False, proto=60)], cut(make, data, 512, proto=60)


def nested(make: Make) -> tuple[Frames, Frames]:
    """Behind the fragment header another one, of id 9, offset 0, with more to follow."""
    data = struct.pack(">BBHI", 17, 0, 1, 9) + datagram(1_000)
    return cut(make, data, 512, proto=44), cut(make, datagram(1_000), 512)


COMPOSITE = frozenset({"FRG-25"})
CASES: list[Case] = [
    *_both("FRG-01", "overlap with other bytes", conflict, "FRG-25", "FRG-19"),
    Case("FRG-02", "overlap with the same bytes, IPv4", *partial(four), COMPOSITE),
    *_both("FRG-03", "a fragment twice", twice),
    *_both("FRG-04", "Teardrop", teardrop, "FRG-11 FRG-22 FRG-25", "FRG-19"),
    *_both("FRG-05", "Bonk", misaligned, "FRG-25", "FRG-21"),
    *_both("FRG-06", "ping of death", too_long, "FRG-25"),
    *_both("FRG-07", "tiny first", tiny_first, "FRG-08", "FRG-20"),
    *_both("FRG-08", "tiny fragments", tiny, "FRG-25"),
    *_both("FRG-09", "no data", empty, "FRG-25"),
    *_both("FRG-10", "two ends", two_tails, "FRG-04 FRG-25", "FRG-19"),
    *_both("FRG-11", "behind the end", past_end, "FRG-05 FRG-25"),
    *_both("FRG-14", "Rose", rose, "FRG-25"),
    *_both("FRG-16", "TTLs apart", ttl, "FRG-25"),
    Case("FRG-16", "protocols apart, IPv4", [F4[0], four(D[8:600], 1_232, True, proto=6), *F4[1:]], F4, COMPOSITE),
    Case("FRG-16", "options, IPv4", [F4[0], four(D[1_232:2_464], 1_232, True, options=b"\1" * 4), F4[2]], F4),
    Case("FRG-17", "reserved flag, IPv4", cut(four, D, bits=4), F4),
    Case("FRG-17", "do not fragment, IPv4", cut(four, D, bits=2), F4),
    *_both("FRG-17", "spent", spent),
    Case("FRG-18", "atomic, IPv6", [six(datagram(1_000), 0, False)], F6),
    Case("FRG-19", "overlap with the same bytes, IPv6", *partial(six), COMPOSITE),
    Case("FRG-20", "no transport header, IPv6", *headless(six), frozenset({"FRG-07", "FRG-08", "FRG-25"})),
    Case("FRG-21", "reserved bits, IPv6", cut(six, D, odd=1), F6, COMPOSITE),
    Case("FRG-21", "fragment header twice, IPv6", *nested(six)),
    *_both("FRG-22", "UDP length", udp_length, "FRG-25"),
    *_both("FRG-23", "an id again", reused, "FRG-25"),
    *_both("FRG-23", "volley", volley, "FRG-12 FRG-13 FRG-25"),
    Case("FRG-23", "ids that count up, IPv6", *counted(six)),
    *_both("FRG-24", "forged half", poisoned, "FRG-01 FRG-16 FRG-25", "FRG-19"),
    *_both("FRG-26", "another port", other_port, "FRG-01 FRG-25", "FRG-19"),
]
