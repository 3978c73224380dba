"""Where a packet lies → its bytes, from the capture that was loaded and from no other."""

import os
import threading
from pathlib import Path

from oddport.case.connect import connect_for_writing
from oddport.case.errors import CaptureMoved
from oddport.case.model import CaptureRow
from oddport.case.rows import stored_path
from oddport.case.transactions import Transactions

PIPE = "-"
"""The path of a capture that came through standard input."""
LIVE = "live:"
"""How the path of a capture from an interface begins; its bytes are in a ring, the folder `unpacked_path`."""


def is_live(path: str) -> bool:
    """Whether a capture of this path came from an interface, so that it cannot be read from there again."""
    return path.startswith(LIVE)


class CaptureBytes:
    """Reads bytes of captures. Safe to use from any thread.

    A capture is recognised by its size and a hash of its ends when it is first read, and again whenever its size or
    modification time is another than at the last look.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recognised: dict[str, tuple[str, int, int]] = {}

    def read(self, capture: CaptureRow, offset: int, length: int) -> bytes:
        """`length` bytes from `offset` of the (unpacked) capture; raises CaptureMoved (a sentence)."""
        # imported late: it brings NumPy with it, and nobody reads bytes before the first paint
        from oddport.capture import fingerprint
        from oddport.capture.model import CaptureMoved as Missing

        path = self._path_of(capture)
        try:
            if is_live(capture.path):
                path, offset = _in_ring(capture.path, path, offset)
            return fingerprint.read_bytes(path, offset, length)
        except Missing as error:
            raise CaptureMoved(str(error)) from error

    def _path_of(self, capture: CaptureRow) -> str:
        if capture.unpacked_path is None:
            self._recognise(capture, capture.path)
            return capture.path
        if is_live(capture.path) and os.path.isdir(capture.unpacked_path):
            return capture.unpacked_path
        if not os.path.isfile(capture.unpacked_path):
            what = "what came through the pipe" if capture.path == PIPE else capture.path
            raise CaptureMoved(
                f"The unpacked copy of {what} is gone ({capture.unpacked_path}), and packets cannot be read without "
                f"it. Load the capture again."
            )
        if capture.path == PIPE and capture.digest:
            self._recognise(capture, capture.unpacked_path)
        return capture.unpacked_path

    def _recognise(self, capture: CaptureRow, path: str) -> None:
        try:
            facts = os.stat(path)
            look = (capture.digest, facts.st_size, facts.st_mtime_ns)
        except OSError:
            look = (capture.digest, -1, 0)
        with self._lock:
            if self._recognised.get(path) == look:
                return
        why = difference(capture, path)
        if why is not None:
            raise CaptureMoved(why)
        with self._lock:
            self._recognised[path] = look


def _in_ring(name: str, folder: str, offset: int) -> tuple[str, int]:
    """(file, offset in it) of a packet of a live capture; raises CaptureMoved where it was given up."""
    from oddport.capture.live.ring import locate

    try:
        place = locate(folder, offset)
    except OSError as error:
        raise CaptureMoved(f"The packets of {name} cannot be read from {folder}: {error.strerror}.") from error
    if place is None:
        raise CaptureMoved(
            f"The bytes of this packet were given up: {name} made more than its ring may hold, and the oldest packets "
            f"go first. Give the ring more files to keep them longer."
        )
    return str(place[0]), place[1]


def difference(capture: CaptureRow, path: str | os.PathLike[str]) -> str | None:
    """Why the file at `path` is not this capture, as a sentence; None where it is."""
    from oddport.capture.fingerprint import Fingerprint, check

    return check(Fingerprint(capture.size, capture.mtime_ns, capture.digest), path)


def point_to(case: Path, capture: CaptureRow, path: str | os.PathLike[str]) -> None:
    """Notes in the case that a capture lies at `path` now, also for later loads of it.

    Raises CaptureMoved where that is another file, CaseError where the case cannot be written.
    """
    if capture.unpacked_path is not None:
        raise CaptureMoved(
            f"{capture.path} is read from its unpacked copy {capture.unpacked_path}. Put the copy back, or load the "
            f"capture again."
        )
    place = os.path.abspath(path)
    why = difference(capture, place)
    if why is not None:
        raise CaptureMoved(why)
    try:
        mtime_ns = os.stat(place).st_mtime_ns
    except OSError as error:
        raise CaptureMoved(f"{place} could not be looked at: {error.strerror}.") from error
    opened = connect_for_writing(case)
    try:
        Transactions(opened.connection, case).one(
            "INSERT OR REPLACE INTO capture_place (digest, path, mtime_ns) VALUES (?,?,?)",
            (capture.digest, stored_path(place), mtime_ns),
        )
    finally:
        opened.connection.close()
