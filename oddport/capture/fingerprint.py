"""A file into the facts by which it is known again, and bytes of packets back out of it."""

import os
import stat
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from oddport.capture.model import CaptureMoved, shown, why

END_BYTES: Final = 64 << 10
"""Bytes hashed at each end of a file."""
_DIGEST_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a file was when it was read."""

    size: int
    """Bytes."""
    mtime_ns: int
    digest: str
    """BLAKE2b, 128 bits as hex, over the size (8 bytes, little-endian), the first and the last END_BYTES bytes."""

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> "Fingerprint":
        """Of a regular file; OSError where it cannot be read."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            return cls.of_descriptor(fd)
        finally:
            os.close(fd)

    @classmethod
    def of_descriptor(cls, fd: int) -> "Fingerprint":
        """Of an open regular file, whose position stays; OSError where it cannot be read."""
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(0, "not a regular file")
        hashed = blake2b(facts.st_size.to_bytes(8, "little"), digest_size=_DIGEST_BYTES)
        hashed.update(_pread(fd, 0, END_BYTES))
        hashed.update(_pread(fd, max(0, facts.st_size - END_BYTES), END_BYTES))
        return cls(facts.st_size, facts.st_mtime_ns, hashed.hexdigest())


def check(fingerprint: Fingerprint, path: str | os.PathLike[str]) -> str | None:
    """Why the file at `path` is not the one of `fingerprint`, as a sentence; None where it is.

    Size and digest decide. Another modification time alone does not: a copy has one."""
    name = shown(os.fspath(path))
    try:
        now = Fingerprint.of(path)
    except OSError as error:
        return f"{name} cannot be read ({_reason(error)}). Put the capture back or point the case to where it is now."
    if now.size != fingerprint.size:
        return (
            f"{name} is not the capture that was loaded: it has {now.size:,} bytes, not {fingerprint.size:,}. "
            "Point the case to the original file, or load this one anew."
        )
    if now.digest != fingerprint.digest:
        changed = "" if now.mtime_ns == fingerprint.mtime_ns else ", and it was changed since"
        return (
            f"{name} is not the capture that was loaded: its size is the same, but not its bytes{changed}. "
            "Point the case to the original file, or load this one anew."
        )
    return None


def read_bytes(path: str | os.PathLike[str], offset: int, length: int) -> bytes:
    """The `length` bytes at `offset`; CaptureMoved where the file cannot be read or ends before."""
    if offset < 0 or length < 0:
        raise ValueError("offset and length count bytes: neither is negative")
    name = shown(os.fspath(path))
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            data = _pread(fd, offset, length)
        finally:
            os.close(fd)
    except OSError as error:
        raise CaptureMoved(
            f"The packet's bytes could not be read from {name} ({_reason(error)}). "
            "Put the capture back or point the case to where it is now."
        ) from error
    if len(data) < length:
        raise CaptureMoved(
            f"The packet's bytes could not be read from {name}: "
            f"of {length:,} bytes at {offset:,} {len(data):,} are there. "
            "It is shorter than when it was loaded; point the case to the original file."
        )
    return data


def _reason(error: OSError) -> str:
    return error.strerror if not error.errno and error.strerror else why(error)


def _pread(fd: int, offset: int, length: int) -> bytes:
    """Up to `length` bytes; fewer only at the end of the file."""
    parts = []
    while length > 0:
        part = os.pread(fd, length, offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
