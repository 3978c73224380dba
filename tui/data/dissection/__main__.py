"""The process that has scapy loaded: lines of requests on standard input → lines of dissections on standard output."""

import os
import sys
from typing import BinaryIO

from tui.data.dissection.layers import load_scapy
from tui.data.dissection.model import Dissection
from tui.data.dissection.pipe import dissection_line, request_of
from tui.data.dissection.reading import dissect

MEMORY = 1 << 30
"""Bytes of address space: scapy with TLS needs a quarter of it."""
READY = b"ready\n"


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each line, until there are no more."""
    try:
        load_scapy()
    except ImportError as error:
        # each answer says so again, in words for the person
        print(f"scapy could not be loaded: {error}", file=sys.stderr)
    answers.write(READY)
    answers.flush()
    for line in requests:
        try:
            answer = dissect(request_of(line))
        except ValueError as error:
            answer = Dissection((), 0, str(error))
        answers.write(dissection_line(answer))
        answers.flush()


def limit_memory() -> None:
    """Give this process at most MEMORY bytes, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def main() -> None:
    """Serve on the pipes that the dashboard gave; whatever scapy prints goes nowhere."""
    limit_memory()
    answers = os.fdopen(os.dup(1), "wb")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    sys.setrecursionlimit(2_000)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
