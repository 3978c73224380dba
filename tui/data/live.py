"""How an interface is captured → what the Live screen says: the words that the loader was started with, the ring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from oddport.capture.live.ring import ring_files
from oddport.case.folders import unpack_folder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    interface: str
    capture_filter: str = ""
    ring_bytes: int = 0
    """Bytes at which a file of the ring is full; 0 where the loader chooses."""
    ring_files: int = 0


@dataclass(frozen=True, slots=True)
class Ring:
    """The packets that are kept."""

    folder: Path
    files: tuple[tuple[str, int], ...]
    """Name and bytes, the newest first."""

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(size for _, size in self.files)


@dataclass(frozen=True, slots=True)
class OpenCounts:
    """Of what goes on."""

    flows: int = 0
    """Flows that are not over."""
    provisional: int = 0
    """Findings on those."""


def wanted(options: Sequence[str]) -> Wanted | None:
    """The words of a loader, read back; None where it captures no interface."""
    words = dict(zip(options[::2], options[1::2], strict=False))
    name = words.get("--live")
    if name is None:
        return None
    sizes = [int(text) if (text := words.get(f"--ring-{what}", "")).isdigit() else 0 for what in ("bytes", "files")]
    return Wanted(name, words.get("--filter", ""), *sizes)


def newest_ring(case: Path) -> Ring | None:
    """The ring of the latest capture of a case; None where there is none, or it was taken away."""
    try:
        folders = sorted(unpack_folder(case).glob("live-*"))
        if not folders:
            return None
        files = [(path.name, path.stat().st_size) for path in reversed(ring_files(folders[-1]))]
    except OSError:  # a file that was given up between the two looks
        return None
    return Ring(folders[-1], tuple(files))


def open_counts(db: sqlite3.Connection) -> OpenCounts:
    """Reads the whole table of flows, so it is asked in the background."""
    flows = db.execute("SELECT count(*) FROM flow WHERE open").fetchone()[0]
    provisional = db.execute("SELECT count(*) FROM finding WHERE flow IN (SELECT id FROM flow WHERE open)").fetchone()[
        0
    ]
    return OpenCounts(flows, provisional)
