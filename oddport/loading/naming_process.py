"""Another process that names flows, so that naming takes a second core: first bytes go in, columns of names come out.

One question at a time, each with one answer: a length of eight bytes and marshalled columns either way; behind those of
a question, the first bytes as they are. The process says once that it is ready, and ends when its standard input does.
"""

import gc
import marshal
import select
import signal
import struct
import subprocess
import sys
import traceback
from typing import IO, Any

from oddport.engine.first_bytes import FirstBytes, unpacked
from oddport.protocols.answers import Answers, answers, flat, from_flat

LENGTH = struct.Struct("<Q")
YOUNG_OBJECTS = 200_000
"""New objects until the garbage collector looks at them: names and findings make no cycles, so it finds nothing."""


class NamingError(RuntimeError):
    """The process failed, or is gone; its text is a sentence, and what the process said of it."""


class NamingProcess:
    """Starts the process; it takes some tenths of a second until it is ready."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "oddport.loading.naming_process"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._into: IO[bytes] = self._process.stdin
        self._from: IO[bytes] = self._process.stdout
        self._ready = False
        self._asked = False
        self.pid = self._process.pid

    @property
    def status(self) -> int | None:
        """How the process ended, None while it has not."""
        return self._process.returncode

    def ready(self, wait: bool = False) -> bool:
        """Whether it can be asked; `wait`: until it can. Raises NamingError."""
        if not self._ready and (wait or select.select((self._from,), (), (), 0)[0]):
            self._receive()
            self._ready = True
        return self._ready

    def ask(self, first: FirstBytes, before: list[int]) -> None:
        """Ask for `answers` of these. Raises NamingError."""
        *columns, raw = first.packed()
        try:
            _send(self._into, (columns, before, len(raw)), raw)
        except BrokenPipeError as error:
            raise self._gone() from error
        self._asked = True

    def answer(self) -> Answers:
        """Wait for the answer. Raises NamingError."""
        data = self._receive()
        self._asked = False
        return from_flat(data)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._asked:
            self._process.kill()
        self._process.communicate()

    def _receive(self) -> bytes:
        reply = _receive(self._from)
        if reply is None:
            raise self._gone()
        good, data = reply
        if not good:
            raise NamingError(f"The process that names flows failed:\n{data}")
        found: bytes = data
        return found

    def _gone(self) -> NamingError:
        return NamingError(f"The process that names flows is gone, with status {self._process.wait()}.")


def _send(stream: IO[bytes], what: Any, raw: bytes = b"") -> None:
    """raw: bytes behind it, of which most of a question consists; what is marshalled is copied three times more."""
    data = marshal.dumps(what)
    stream.write(LENGTH.pack(len(data)))
    stream.write(data)
    stream.write(raw)
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    """None at the end of the stream."""
    size = stream.read(LENGTH.size)
    if len(size) < LENGTH.size:
        return None
    data = stream.read(LENGTH.unpack(size)[0])
    return marshal.loads(data)


def main() -> None:
    """Answer until there is no question."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for whoever asks
    questions, replies = sys.stdin.buffer, sys.stdout.buffer
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    try:
        answers(unpacked((b"", b"", b"", bytes(8), b"")), [])  # loads all recognisers
        gc.freeze()
        _send(replies, (True, b""))
        while (question := _receive(questions)) is not None:
            columns, before, size = question
            first = unpacked((*columns, questions.read(size)))
            _send(replies, (True, flat(answers(first, before))))
    except BrokenPipeError:
        sys.exit(1)  # nobody is there to hear why
    except Exception:
        _send(replies, (False, traceback.format_exc()))


if __name__ == "__main__":
    main()
