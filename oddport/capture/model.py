"""What a capture consists of: its files, its interfaces, and the sentences for what cannot be read."""

import os
from dataclasses import dataclass, field

WARNINGS_KEPT = 50
"""Warnings listed for one file; a last one says that there were more."""
MORE_WARNINGS = f"There were more than {WARNINGS_KEPT} warnings for this file; the rest are not listed."
NAME_SHOWN = 200
"""Characters of a name from a capture, or of a path in a sentence, that are shown."""


class CaptureError(Exception):
    """A capture cannot be opened as asked; the message is a sentence for the person."""


class CaptureMoved(CaptureError):
    """The bytes of a packet are no longer where they were; the message is a sentence for the person."""


@dataclass(slots=True)
class CaptureFile:
    """One file (or pipe) of a capture. Counts grow while its batches are read."""

    id: int
    """0-based position in the capture; the `file` column of its packets."""
    path: str
    """As given; `-` is standard input."""
    unpacked_path: str | None = None
    """Where the bytes lie that packet offsets refer to, if not in `path`: the copy of a compressed file or pipe."""
    format: str = ""
    """`pcap`, `pcapng`, or empty: not known (yet)."""
    size: int = 0
    """Bytes of the file on disk; of a pipe, bytes received (0 until its end)."""
    mtime_ns: int = 0
    """Of the file on disk; 0 for a pipe."""
    digest: str = ""
    """Hash of the size and both ends of the file on disk; for a pipe, of its copy (empty until its end)."""
    packets: int = 0
    bytes: int = 0
    """Sum of the packets' lengths on the wire."""
    first_ns: int | None = None
    """Earliest time of a packet, ns."""
    last_ns: int | None = None
    """Latest."""
    linktypes: list[int] = field(default_factory=list)
    """LINKTYPE_ numbers of its interfaces, in order of appearance."""
    truncated: bool = False
    """Cut off or corrupt: read up to there; a warning gives the offset and the reason."""
    warnings: list[str] = field(default_factory=list)

    @property
    def data_path(self) -> str:
        """The file that packet offsets refer to."""
        return self.path if self.unpacked_path is None else self.unpacked_path


@dataclass(slots=True)
class Interface:
    """A network interface that packets were captured on; one for all files of a capture that name it alike."""

    index: int
    """Capture-wide; the `interface` column of its packets."""
    file: int
    """The first file that has it."""
    number: int
    """In its section of that file; 0 in classic pcap."""
    name: str | None
    """Printable characters only; None where the file gives none."""
    link: int
    """LINKTYPE_ number."""
    snaplen: int
    """Bytes captured of a packet at most; 0 = no limit."""


def shown(text: str) -> str:
    """`text` fit for a sentence on a terminal: one line of printable characters, cut after NAME_SHOWN."""
    cut = text if len(text) <= NAME_SHOWN else text[: NAME_SHOWN - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in cut)


def why(error: OSError) -> str:
    """The system's reason of a failed call, as the end of a sentence."""
    return (error.strerror or os.strerror(error.errno or 0)).lower()
