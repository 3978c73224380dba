"""A folder into the captures in it, known by their first bytes."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from oddport.capture.model import CaptureError, shown, why
from oddport.capture.opening import probe


def find_captures(folder: str | os.PathLike[str], on_warning: Callable[[str], None] | None = None) -> list[Path]:
    """Every regular file under `folder` (links to folders are not followed) whose first bytes, unpacked where they are
    compressed, are those of a capture; sorted by path. What cannot be looked into is told to `on_warning`.

    CaptureError where the folder itself cannot be listed."""
    root = Path(folder)

    def tell(error: OSError) -> None:
        name = shown(os.fsdecode(error.filename or root))
        if Path(os.fsdecode(error.filename or "")) == root:
            raise CaptureError(f"The folder {name} cannot be searched for captures: {why(error)}.") from error
        if on_warning is not None:
            on_warning(f"{name}: It was not looked into: {why(error)}.")

    found = []
    for parent, _, names in os.walk(root, onerror=tell):
        for name in names:
            path = os.path.join(parent, name)
            try:
                if _is_capture(path):
                    found.append(Path(path))
            except OSError as error:
                tell(error)
    return sorted(found)


def _is_capture(path: str) -> bool:
    if not stat.S_ISREG(os.stat(path).st_mode):
        return False
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return probe(fd)[1] is not None
    finally:
        os.close(fd)
