"""First bytes of a file into what it is: a capture format, or a compression around one. Names never count."""

from typing import Final, Literal

Format = Literal["pcap", "pcapng"]
Packing = Literal["gzip", "zstd", "xz"]

MAGIC_BYTES: Final = 12
"""First bytes that tell every kind apart."""

MICROSECONDS: Final = 0xA1B2C3D4
NANOSECONDS: Final = 0xA1B23C4D
MODIFIED: Final = 0xA1B2CD34
"""Kuznetsov's libpcap for Linux: record headers have 8 (SuSE's: 12) bytes more."""
IXIA_HARDWARE: Final = 0x1C0001AC
IXIA_SOFTWARE: Final = 0x1C0001AB
"""Ixia's variants: four more bytes in the file header, the length of all records."""
PCAP_MAGICS: Final = frozenset((MICROSECONDS, NANOSECONDS, MODIFIED, IXIA_HARDWARE, IXIA_SOFTWARE))

SECTION_HEADER: Final = bytes.fromhex("0a0d0d0a")
"""Block type of pcapng's section header, the same in both byte orders."""
_BYTE_ORDER: Final = bytes.fromhex("1a2b3c4d")
_GZIP: Final = bytes.fromhex("1f8b08")  # RFC 1952: magic and the only method, deflate
_XZ: Final = bytes.fromhex("fd377a585a00")  # xz file format 1.2.1, section 2.1.1.1
_ZSTD: Final = bytes.fromhex("28b52ffd")  # RFC 8878, section 3.1.1
_ZSTD_SKIPPABLE: Final = bytes.fromhex("2a4d18")  # after 0x50 to 0x5f; section 3.1.2: parallel writers begin with one


def capture_format(head: bytes) -> Format | None:
    """The capture format that begins with `head` (MAGIC_BYTES bytes, fewer in a shorter file)."""
    if head[:4] == SECTION_HEADER and head[8:12] in (_BYTE_ORDER, _BYTE_ORDER[::-1]):
        return "pcapng"
    if len(head) >= 4 and (
        int.from_bytes(head[:4], "little") in PCAP_MAGICS or int.from_bytes(head[:4], "big") in PCAP_MAGICS
    ):
        return "pcap"
    return None


def packing(head: bytes) -> Packing | None:
    """The compression whose data begin with `head`."""
    if head.startswith(_GZIP):
        return "gzip"
    if head.startswith(_XZ):
        return "xz"
    if head.startswith(_ZSTD) or (head[1:4] == _ZSTD_SKIPPABLE and 0x50 <= head[0] <= 0x5F):
        return "zstd"
    return None
