"""A program in a pseudo-terminal → the text of its screen, and when it changed.

For tests and benchmarks of the dashboard: no terminal multiplexer, whose own timing would be measured too, and little
work on what is printed (only what moves text: ECMA-48, and xterm's alternate screen), so that the program is timed.
"""

import codecs
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

CHUNK = 65_536
END_SECONDS = 5.0
"""What a program gets to end after its terminal is gone."""
_TOKEN = re.compile(
    r"\x1b\[(?P<private>[<=>?]?)(?P<words>[0-9;:]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]P_^X](?:[^\x1b\x07]|\x1b(?!\\))*(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
    r"|(?P<text>[^\x00-\x1f\x7f\x1b]+)"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])"
)


class Screen:
    """Rows of characters, each one cell wide, that escape sequences write on."""

    def __init__(self, columns: int, rows: int) -> None:
        self.resize(columns, rows)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._left = ""

    def resize(self, columns: int, rows: int) -> None:
        """Empty, in another size."""
        self.columns, self.height = columns, rows
        self._cells = [[" "] * columns for _ in range(rows)]
        self._row = self._column = 0

    @property
    def rows(self) -> list[str]:
        """The text of each row, without blanks at its end."""
        return ["".join(row).rstrip() for row in self._cells]

    def feed(self, data: bytes) -> None:
        """Take in what the program printed; a sequence may be spread over several calls."""
        text, at = self._left + self._decoder.decode(data), 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                if text[at] == "\x1b" and len(text) - at < CHUNK:
                    break  # the rest of the sequence comes with the next bytes
                at += 1
                continue
            at = found.end()
            if found["text"]:
                self._write(found["text"])
            elif found["control"]:
                self._control(found["control"])
            elif found["final"] and not found["private"]:
                self._sequence(found["final"], [int(word or 0) for word in re.split("[;:]", found["words"])])
            elif found["final"] in ("h", "l") and found["words"] == "1049":
                self.resize(self.columns, self.height)
        self._left = text[at:]

    def _write(self, text: str) -> None:
        for character in text:
            if self._column < self.columns:
                self._cells[self._row][self._column] = character
                self._column += 1

    def _control(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._row = min(self._row + 1, self.height - 1)
        elif character == "\b":
            self._column = max(self._column - 1, 0)

    def _sequence(self, final: str, words: list[int]) -> None:
        first = words[0]
        steps = first or 1
        if final in "Hf":
            self._move(steps - 1, (words[1] if len(words) > 1 else 1) - 1)
        elif final == "A":
            self._move(self._row - steps, self._column)
        elif final == "B":
            self._move(self._row + steps, self._column)
        elif final == "C":
            self._move(self._row, self._column + steps)
        elif final == "D":
            self._move(self._row, self._column - steps)
        elif final == "G":
            self._move(self._row, steps - 1)
        elif final == "d":
            self._move(steps - 1, self._column)
        elif final == "K":
            self._blank(self._row, self._column if first == 0 else 0, self._column + 1 if first == 1 else self.columns)
        elif final == "J":
            for row in range(self._row if first == 0 else 0, self._row + 1 if first == 1 else self.height):
                self._blank(row, self._column if first == 0 and row == self._row else 0, self.columns)

    def _move(self, row: int, column: int) -> None:
        self._row = min(max(row, 0), self.height - 1)
        self._column = min(max(column, 0), self.columns - 1)

    def _blank(self, row: int, start: int, end: int) -> None:
        self._cells[row][start:end] = [" "] * (min(end, self.columns) - start)


def _take_terminal() -> None:
    """In the program's process: its standard input is the terminal that signals it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A program that runs in a terminal of its own. Leaving the context ends it."""

    def __init__(
        self, command: Sequence[str], columns: int, rows: int, environ: Mapping[str, str], folder: Path
    ) -> None:
        """`started` is the moment before the process was made, by `time.monotonic`."""
        self.screen = Screen(columns, rows)
        self.printed = 0
        """Bytes that the program has printed."""
        self._master, end = os.openpty()
        self._size(columns, rows)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=end, stdout=end, stderr=end, cwd=folder, env=dict(environ),
            start_new_session=True, preexec_fn=_take_terminal,
        )  # fmt: skip
        os.close(end)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._master)  # a hang-up for the program
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, and tell the program."""
        self.screen.resize(columns, rows)
        self._size(columns, rows)
        self.process.send_signal(signal.SIGWINCH)

    def press(self, keys: str) -> float:
        """Type; gives the moment before."""
        return self.type(keys.encode())

    def type(self, data: bytes) -> float:
        """Send what keys send, or what none does; gives the moment before."""
        now = time.monotonic()
        os.write(self._master, data)
        return now

    def read(self, seconds: float) -> bool:
        """Take in what the program prints within that time; False where it printed nothing, or is gone."""
        if not select.select([self._master], [], [], max(seconds, 0.0))[0]:
            return False
        try:
            data = os.read(self._master, CHUNK)
        except OSError:  # Linux: nobody has the other end open any more
            return False
        self.printed += len(data)
        self.screen.feed(data)
        return bool(data)

    def until(self, seen: Callable[[list[str]], bool], seconds: float) -> float:
        """Wait for a picture; gives the moment. Raises AssertionError with the last one where it does not come."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            over = left <= 0 or self.process.poll() is not None
            if seen(self.screen.rows):
                return time.monotonic()
            if not self.read(min(left, 0.5)) and over:
                raise AssertionError("this did not come onto the screen:\n" + "\n".join(self.screen.rows))

    def settle(self, quiet: float, seconds: float) -> None:
        """Wait until nothing was printed for `quiet` seconds, at most `seconds`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.read(quiet):
            pass
