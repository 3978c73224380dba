"""Where cases lie: the user's data folder, the name of a capture's case in it, and what lies beside a case."""

import os
import re
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from oddport.case.errors import CaseError

SUFFIX = ".oddport"
UNPACKED = ".unpacked"
DIGEST_SHOWN = 12
"""Hex digits of a capture's digest in the name of its case: 48 bits, so that a person's captures never meet."""
STEM_SHOWN = 40
"""Characters of the capture's own name in the name of its case."""


def data_folder() -> Path:
    """The folder of the cases, made with mode 0700 if it is not there: `$ODDPORT_DATA`, else the user's data folder.

    Raises CaseError where it cannot be made.
    """
    chosen = os.environ.get("ODDPORT_DATA")
    if chosen:
        folder = Path(chosen).expanduser()
    else:
        import platformdirs

        folder = Path(platformdirs.user_data_dir("oddport", appauthor=False)) / "cases"
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise CaseError(
            f"The folder {folder} for cases could not be made: {error.strerror}. Set ODDPORT_DATA to a folder that you "
            f"may write, or give --case."
        ) from error
    return folder


def case_for(paths: Sequence[str | os.PathLike[str]], digests: Sequence[str]) -> Path:
    """The path of the case of these captures in the data folder, whether it is there or not.

    The name holds the capture's own and its digest (see capture.Fingerprint). A case of the same bytes is found under
    whatever name they had; several captures are told apart by all their digests, in any order.
    """
    if not paths or len(digests) != len(paths) or not all(digests):
        raise ValueError("a case is named by the path and the digest of each of its captures")
    if len(digests) == 1:
        digest = digests[0]
    else:
        digest = blake2b("\n".join(sorted(digests)).encode(), digest_size=16).hexdigest()
    folder = data_folder()
    # the same bytes under another name: their case is there already
    for found in sorted(folder.glob(f"*-{digest[:DIGEST_SHOWN]}{SUFFIX}")):
        return found
    return folder / f"{readable_stem(paths)}-{digest[:DIGEST_SHOWN]}{SUFFIX}"


def case_for_live(source: str, at_ns: int) -> Path:
    """The path of a new case for packets that come from `source` (a word that a file name may hold) since `at_ns`
    (ns since 1970)."""
    from datetime import UTC, datetime

    began = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    return data_folder() / f"{source}-{began:%Y%m%dT%H%M%S}Z-{at_ns % 1_000_000_000 // 1000:06d}{SUFFIX}"


def readable_stem(paths: Sequence[str | os.PathLike[str]]) -> str:
    """The name of the first capture without folder and endings, in letters that every file system has."""
    name = os.path.basename(os.fspath(paths[0]).rstrip("/"))
    stem = re.sub(r"(\.(pcap|pcapng|cap|dmp|gz|zst|xz))+$", "", name, flags=re.IGNORECASE)
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._-")[:STEM_SHOWN].rstrip("._-") or "capture"
    return plain if len(paths) == 1 else f"{plain}-and-{len(paths) - 1}-more"


def unpack_folder(case: str | os.PathLike[str]) -> Path:
    """The folder beside a case for the unpacked copies of its captures; not made here."""
    path = Path(case)
    return path.with_name(path.name + UNPACKED)
