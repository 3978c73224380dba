"""File header, section header and interface description into what the record walkers need to know."""

from dataclasses import dataclass
from typing import Final

from oddport.capture import magic
from oddport.engine.records import find_option

PCAP_HEADER: Final = 24
"""Bytes of a classic file header."""
SAMPLE: Final = 64 << 10
"""Bytes after the file header that its variant may be told from."""
_RECORD_HEADER: Final = 16
_LONGEST_CUSTOMARY: Final = 262_144
"""Bytes of a packet that every reader takes whatever the file's snap length says (libpcap's MAXIMUM_SNAPLEN)."""
_SWAPPED_VERSIONS: Final = ((2, 0), (2, 1), (2, 2), (2, 3), (2, 543))
"""Up to 2.3, writers disagreed on which of the two lengths comes first; 2.543 is DG/UX."""
_RECORDS_OF_A_VARIANT: Final = 8
"""Records that have to make sense as those of another variant before they are read as that."""
_LONGEST_FILE_EXTRA: Final = 4
_AIX_LINKS: Final = {6: 1, 9: 6, 15: 10, 24: 0}
"""AIX writes interface types of RFC 1573 instead of LINKTYPE_ numbers: Ethernet, Token Ring, FDDI, loopback."""

# options of pcapng's interface description
_IF_NAME, _IF_TSRESOL, _IF_TSOFFSET = 2, 9, 14
_MICROSECONDS: Final = 6
"""if_tsresol where the option is missing."""


@dataclass(frozen=True, slots=True)
class PcapHeader:
    """What a classic file header says."""

    big: bool
    link: int
    snaplen: int
    multiplier: int
    """ns a unit of the fraction of a second."""
    header: int
    """Bytes of a record header."""
    swapped: bool
    """Older than version 2.4: the two lengths of a record may stand the other way round."""
    longest: int
    """Bytes that a record may claim."""
    begin: int
    """Offset of the first record."""


def read_pcap_header(data: bytes) -> PcapHeader:
    """Of the first bytes of a classic pcap file: its header and, as far as they are there, SAMPLE more."""
    big = int.from_bytes(data[:4], "big") in magic.PCAP_MAGICS
    order: Final = "big" if big else "little"

    def number(offset: int, size: int) -> int:
        return int.from_bytes(data[offset : offset + size], order)

    kind = number(0, 4)
    version = number(4, 2), number(6, 2)
    snaplen = number(16, 4)
    link = number(20, 4) & 0xFFFF  # above: length of the frame check sequence, reserved bits
    multiplier = 1 if kind == magic.NANOSECONDS else 1000
    if kind == magic.MICROSECONDS and version == (2, 2) and link in _AIX_LINKS:
        link, multiplier = _AIX_LINKS[link], 1
    begin = PCAP_HEADER + (4 if kind in (magic.IXIA_HARDWARE, magic.IXIA_SOFTWARE) else 0)
    candidates: tuple[int, ...] = (_RECORD_HEADER,)
    if kind == magic.MICROSECONDS:
        candidates = (16, 20, 24)  # the usual one; Nokia's; Red Hat 6.1's, which kept the magic of the usual one
    elif kind == magic.MODIFIED:
        candidates = (24, 28)  # Kuznetsov's; SuSE 6.3's
    longest = max(snaplen, _LONGEST_CUSTOMARY)
    return PcapHeader(
        big=big,
        link=link,
        snaplen=snaplen,
        multiplier=multiplier,
        header=_record_header(data[begin:], order == "big", candidates, 1_000_000_000 // multiplier),
        swapped=version in _SWAPPED_VERSIONS,
        longest=longest,
        begin=begin,
    )


def _record_header(sample: bytes, big: bool, candidates: tuple[int, ...], second: int) -> int:
    """The length of a record header under which the first records make sense; the usual one in doubt. In all variants
    the first four fields are the same, so that only what follows the first record tells them apart."""
    if len(candidates) > 1 and not _makes_sense(sample, big, candidates[0], second, 2):
        for candidate in candidates[1:]:
            if _makes_sense(sample, big, candidate, second, _RECORDS_OF_A_VARIANT):
                return candidate
    return candidates[0]


def _makes_sense(sample: bytes, big: bool, header: int, second: int, most: int) -> bool:
    """Whether `most` records follow each other in the sample, each with a fraction below a second and as many bytes
    captured as were on the wire or fewer; or fewer records, if the last ends where the sample does, or the sample,
    being of full size, ends in it."""
    order: Final = "big" if big else "little"
    offset = 0
    for found in range(most):
        if offset == len(sample):
            return found > 0
        if offset + header > len(sample):
            return found > 1 and len(sample) >= SAMPLE - _LONGEST_FILE_EXTRA
        fraction, captured, wire = (int.from_bytes(sample[offset + at : offset + at + 4], order) for at in (4, 8, 12))
        if fraction >= second or not 0 < captured <= wire <= _LONGEST_CUSTOMARY:
            return False
        offset += header + captured
    return True


@dataclass(frozen=True, slots=True)
class SectionHeader:
    """What a pcapng section header says."""

    big: bool
    major: int


def read_section_header(block: memoryview) -> SectionHeader | None:
    """Of a whole section header block; None where its byte-order magic is none."""
    mark = bytes(block[8:12])
    if mark not in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
        return None
    big = mark[0] == 0x1A
    return SectionHeader(big, int.from_bytes(block[12:14], "big" if big else "little"))


@dataclass(frozen=True, slots=True)
class InterfaceDescription:
    """What a pcapng interface description says."""

    link: int
    snaplen: int
    name: str | None
    resolution: int
    """if_tsresol, one byte."""
    offset: int
    """if_tsoffset, seconds."""


def read_interface(block: memoryview, big: bool) -> InterfaceDescription:
    """Of a whole interface description block."""
    order: Final = "big" if big else "little"
    end = len(block) - 4

    def option(code: int) -> bytes:
        at, length = find_option(block, 16, end, big, code)
        return bytes(block[at : at + length]) if at >= 0 else b""

    name = option(_IF_NAME).rstrip(b"\0").decode("utf-8", "replace").strip()
    resolution = option(_IF_TSRESOL)
    offset = option(_IF_TSOFFSET)
    return InterfaceDescription(
        link=int.from_bytes(block[8:10], order),
        snaplen=int.from_bytes(block[12:16], order),
        name=name or None,
        resolution=resolution[0] if len(resolution) == 1 else _MICROSECONDS,
        offset=int.from_bytes(offset, order, signed=True) if len(offset) == 8 else 0,
    )
