"""A folder → its entries as one chooses among them: which are captures or cases, by their first bytes.

Names come at once; what each file is takes a look into it, so that is asked for piece by piece, in a thread.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from oddport.capture.model import why

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER, CAPTURE, CASE, OTHER = "folder", "capture", "case", "other"
CHUNK = 64
"""Files that are looked into between two pictures."""
UP = ".."


@dataclass(frozen=True, slots=True)
class FileLine:
    """An entry of a folder."""

    name: str
    path: str
    kind: str = ""
    """`folder`, `capture`, `case`, `other`; empty until it was looked at."""
    says: str = ""
    """What it is, in a few words: `pcapng in gzip`."""
    size: int | None = None
    """Bytes of a file."""
    modified: int = 0
    """Seconds since 1970."""
    refused: str = ""
    """Why it cannot be opened, as a sentence."""
    marked: bool = False

    @property
    def opens(self) -> bool:
        """It is a capture or a case."""
        return self.kind in (CAPTURE, CASE)


def list_folder(folder: str, hidden: bool = False) -> list[FileLine]:
    """The way up, folders, then files, by name; those that begin with a dot only with `hidden`. OSError."""
    folders: list[FileLine] = []
    files: list[FileLine] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and not hidden:
                continue
            try:
                inside = entry.is_dir()
            except OSError:  # a link that leads in circles
                inside = False
            kind, to = (FOLDER, folders) if inside else ("", files)
            to.append(FileLine(entry.name, os.path.join(folder, entry.name), kind, FOLDER if inside else ""))
    for each in (folders, files):
        each.sort(key=lambda row: (row.name.lower(), row.name))
    parent = os.path.dirname(folder)
    up = [] if parent == folder else [FileLine(UP, parent, FOLDER, "up")]
    return [*up, *folders, *files]


def looked_into(rows: Sequence[FileLine]) -> Iterator[list[tuple[int, FileLine]]]:
    """What the files among the rows are, some at a time, with the place of each."""
    found: list[tuple[int, FileLine]] = []
    for place, row in enumerate(rows):
        if row.kind:
            continue
        found.append((place, look_at(row.path, row.name)))
        if len(found) == CHUNK:
            yield found
            found = []
    yield found


def look_at(path: str, name: str = "") -> FileLine:
    """What a path is; never raises because of what is there."""
    row = FileLine(name or os.path.basename(path), path, OTHER)
    try:
        facts = os.stat(path)
    except OSError as error:
        return replace(row, says=why(error), refused=f"{row.name} cannot be opened: {why(error)}.")
    row = replace(row, modified=int(facts.st_mtime))
    if stat.S_ISDIR(facts.st_mode):
        return replace(row, kind=FOLDER, says=FOLDER)
    if not stat.S_ISREG(facts.st_mode):
        return replace(row, says="no file", refused=f"{row.name} is no regular file: a device, a pipe or a socket.")
    row = replace(row, size=facts.st_size)
    try:
        return _by_first_bytes(row)
    except OSError as error:
        return replace(row, says=why(error), refused=f"{row.name} cannot be read: {why(error)}.")


def _by_first_bytes(row: FileLine) -> FileLine:
    from oddport.capture.opening import probe
    from oddport.loading.target import CASE_MAGIC

    fd = os.open(row.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        packing, form, head = probe(fd)
        start = os.pread(fd, len(CASE_MAGIC), 0)
    finally:
        os.close(fd)
    if form is not None:
        return replace(row, kind=CAPTURE, says=form if packing is None else f"{form} in {packing}")
    if start == CASE_MAGIC:
        return replace(row, kind=CASE, says="case")
    if not head:
        return replace(row, says="empty", refused=f"{row.name} is empty.")
    what = f"{packing} of something else" if packing is not None else ""
    refused = f"{row.name} begins with {head[:4].hex(' ')}: no pcap, pcapng or case, also not in gzip, zstd or xz."
    return replace(row, says=what, refused=refused)


def typed(text: str, folder: str) -> str:
    """The path that is meant by what was typed in a folder."""
    return os.path.normpath(os.path.join(folder, os.path.expanduser(text.strip())))


def completed(text: str, folder: str) -> tuple[str, list[str]]:
    """`text` as far as the names that are there leave no choice, and those names; none if nothing begins like that."""
    before, _, begun = text.rpartition("/")
    place = typed(f"{before}/" if "/" in text else "", folder)
    try:
        with os.scandir(place) as entries:
            names = sorted(
                f"{each.name}/" if _is_folder(each) else each.name
                for each in entries
                if each.name.startswith(begun) and (begun.startswith(".") or not each.name.startswith("."))
            )
    except OSError:
        return text, []
    if not names:
        return text, []
    first, last = names[0], names[-1]  # sorted: what these two share all others do
    shared = next((at for at, letter in enumerate(first) if not last.startswith(letter, at)), len(first))
    common = first[:shared]
    return (f"{before}/" if "/" in text else "") + common, names


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
