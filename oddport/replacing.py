"""A text → a file of the person's that is replaced as a whole or not at all."""

import os
from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Put `text` (as UTF-8) in place of what is at `path`, which keeps its mode; a link stays one. Folders are made.

    Whoever reads it meanwhile sees the old text or the new one. Raises OSError; the old text stays then.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            if path.exists():
                os.chmod(beside, path.stat().st_mode & 0o777)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
