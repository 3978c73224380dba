"""Words of a command line → captures: files, what a folder holds, standard input."""

import sys
from collections.abc import Sequence
from pathlib import Path

from oddport.wording import safe


def expand(words: Sequence[str]) -> list[str]:
    """Paths of captures; a folder stands for the captures in it. `-` is standard input.

    A folder without captures is said on standard error and gives nothing.
    """
    paths: list[str] = []
    for word in words:
        if word != "-" and Path(word).is_dir():
            from oddport.capture import find_captures

            found = [str(path) for path in find_captures(Path(word))]
            if not found:
                fail(f"{word} is a folder without captures: no file in it starts as pcap or pcapng, also not unpacked.")
            paths.extend(found)
        else:
            paths.append(word)
    return paths


def fail(sentence: str) -> None:
    """A sentence for the person, on standard error; names of files in it may hold anything."""
    print(f"oddport: {safe(sentence)}", file=sys.stderr)
