"""Compressed bytes and pipes into plain bytes that can be read again: unpacks as it reads and keeps a copy on disk."""

import contextlib
import os
import zlib
from collections.abc import Callable
from lzma import FORMAT_XZ, LZMADecompressor, LZMAError
from pathlib import Path
from typing import Final, Protocol

from oddport.capture.magic import MAGIC_BYTES, Packing, packing
from oddport.capture.model import why
from oddport.capture.source import END, NOTHING_YET, Source

LIMIT_BYTES: Final = 64_000_000_000
"""Bytes that the copies of one capture may take, unless the caller says otherwise."""
_CHUNK: Final = 256 << 10
"""Compressed bytes read at a time."""
_XZ_MEMORY: Final = 256 << 20
"""Bytes that an xz dictionary may ask for; `xz -9` needs 65 MiB, and a header may claim 4 GiB."""
_GZIP_WINDOW: Final = 31
"""zlib's wbits: largest window, gzip header and trailer (RFC 1952)."""


class Decompressor(Protocol):
    """One member, stream or frame, as bz2, lzma and zstd do it."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's gzip reader behind the interface of the others."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WINDOW)
        self._pending = b""
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._inflate.decompress(self._pending + data if self._pending else data, max_length)
        self._pending = self._inflate.unconsumed_tail
        # a full answer may leave more inside zlib without input to show for it
        self.needs_input = not self._pending and len(out) < max_length
        return out


def _zstd() -> Decompressor:
    try:
        from compression.zstd import ZstdDecompressor  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from backports.zstd import ZstdDecompressor
    made: Decompressor = ZstdDecompressor()
    return made


def _xz() -> Decompressor:
    return LZMADecompressor(FORMAT_XZ, memlimit=_XZ_MEMORY)


_MAKERS: Final[dict[Packing, Callable[[], Decompressor]]] = {"gzip": _Gzip, "xz": _xz, "zstd": _zstd}


def _errors() -> tuple[type[Exception], ...]:
    """What decompressors raise on bad data."""
    errors: tuple[type[Exception], ...] = (zlib.error, LZMAError, EOFError)
    with contextlib.suppress(ImportError):
        try:
            from compression.zstd import ZstdError  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            from backports.zstd import ZstdError
        errors = (*errors, ZstdError)
    return errors


class Unpacking:
    """The plain bytes of a compressed source, all its members one after the other."""

    def __init__(self, raw: Source, packed: Packing) -> None:
        self.trouble: str | None = None
        self._raw = raw
        self._packing: Packing = packed
        self._input = b""
        self._errors = _errors()
        self._chunk = bytearray(_CHUNK)
        self._one: Decompressor = _MAKERS[packed]()
        self._lead = b""
        self._ended = False

    def read_into(self, view: memoryview) -> int:
        """As Source. Never more than the view holds is unpacked at a time, whatever the ratio."""
        if not len(view):
            raise ValueError("no room to unpack into")
        while not self._ended:
            if not self._input and (self._one.eof or self._one.needs_input):
                got = self._raw.read_into(memoryview(self._chunk))
                if got == NOTHING_YET:
                    return NOTHING_YET
                if got == END:
                    return self._finish()
                self._input = bytes(memoryview(self._chunk)[:got])
            if self._one.eof:
                if self._packing != "zstd":  # zero bytes may follow: tape blocks, xz stream padding
                    self._input = self._input.lstrip(b"\0")
                if not self._input:
                    continue
                self._one = _MAKERS[self._packing]()
                self._lead = self._input[:MAGIC_BYTES]
            try:
                out = self._one.decompress(self._input, len(view))
            except self._errors as error:
                return self._fail(error)
            self._input = b""
            if self._one.eof:
                self._input = self._one.unused_data
            if out:
                view[: len(out)] = out
                return len(out)
        return END

    def _finish(self) -> int:
        self._ended = True
        if self._raw.trouble is not None:
            self.trouble = self._raw.trouble
        elif not self._one.eof:
            self.trouble = f"the {self._packing} data end in the middle, after {self._raw.progress():,} bytes of them"
        return END

    def _fail(self, error: Exception) -> int:
        self._ended = True
        near = f"near compressed byte {self._raw.progress():,}"
        if len(self._lead) == MAGIC_BYTES and packing(self._lead) != self._packing:
            self.trouble = f"something that is not {self._packing} follows the compressed data, {near}"
        else:
            self.trouble = f"the {self._packing} data are broken {near} ({error})"
        return END

    def progress(self) -> int:
        return self._raw.progress()

    def remaining(self) -> int | None:
        return None

    def close(self) -> None:
        self._ended = True
        self._raw.close()


class Prefixed:
    """A source with bytes that were taken from it already put back in front."""

    def __init__(self, head: bytes, raw: Source) -> None:
        self.trouble: str | None = None
        self._head = head
        self._raw = raw

    def read_into(self, view: memoryview) -> int:
        if self._head:
            count = min(len(self._head), len(view))
            view[:count] = self._head[:count]
            self._head = self._head[count:]
            return count
        count = self._raw.read_into(view)
        self.trouble = self._raw.trouble
        return count

    def progress(self) -> int:
        return self._raw.progress()

    def remaining(self) -> int | None:
        return None

    def close(self) -> None:
        self._raw.close()


class Budget:
    """What is left of the bytes that the copies of one capture may take."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.left = limit


class Copying:
    """A source whose bytes are written to a file before they are handed on, so that they can be read again."""

    def __init__(self, inner: Source, path: Path, budget: Budget) -> None:
        """Makes the file, readable by its owner only; one that was there is replaced, whoever still reads it keeps the
        old one. OSError where it cannot be made."""
        self.trouble: str | None = None
        self._inner = inner
        self._budget = budget
        self._ended = False
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def read_into(self, view: memoryview) -> int:
        if self._ended:
            return END
        count = self._inner.read_into(view)
        if count == END:
            self.trouble = self._inner.trouble
            self._ended = True
        if count <= 0:
            return count
        allowed = min(count, self._budget.left)
        written = 0
        try:
            while written < allowed:
                written += os.write(self._fd, view[written:allowed])
        except OSError as error:
            self.trouble = f"the unpacked copy could not be written ({why(error)}); make room and load it again"
            self._ended = True
        self._budget.left -= written
        if allowed < count and not self._ended:
            self.trouble = (
                f"unpacked copies may take {self._budget.limit:,} bytes, and that is reached; "
                "raise the limit in the settings to load all of it"
            )
            self._ended = True
        return written if written else END

    def progress(self) -> int:
        return self._inner.progress()

    def remaining(self) -> int | None:
        return None

    def close(self) -> None:
        self._ended = True
        self._inner.close()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class _Bytes:
    """Bytes in memory as a source."""

    def __init__(self, data: bytes) -> None:
        self.trouble: str | None = None
        self._data = data
        self._position = 0

    def read_into(self, view: memoryview) -> int:
        part = self._data[self._position : self._position + len(view)]
        view[: len(part)] = part
        self._position += len(part)
        return len(part)

    def progress(self) -> int:
        return self._position

    def remaining(self) -> int | None:
        return len(self._data) - self._position

    def close(self) -> None:
        self._position = len(self._data)


def unpack_head(data: bytes, packed: Packing, length: int) -> bytes:
    """Up to `length` plain bytes of the compressed data that begin with `data`; fewer where they end or are broken."""
    source = Unpacking(_Bytes(data), packed)
    plain = bytearray(length)
    count = 0
    while count < length and (got := source.read_into(memoryview(plain)[count:])) > 0:
        count += got
    return bytes(plain[:count])
