"""Captures, or a case, → the dashboard on the case that holds them."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from oddport.cli.paths import expand, fail

CASE_MAGIC = b"SQLite format 3\0"


def open_captures(words: Sequence[str], case: Path | None, mouse: bool, ascii_only: bool, theme: str | None) -> int:
    """Open the dashboard; gives the exit status."""
    from oddport.case.cases import mark_opened
    from oddport.case.errors import CaseError

    if not sys.stdout.isatty():
        fail("The dashboard needs a terminal. `oddport scan` prints findings without one.")
        return 2
    if theme:
        os.environ["ODDPORT_THEME"] = theme
    mouse = mouse and not os.environ.get("SSH_CONNECTION")
    if len(words) == 1 and words[0] != "-" and _is_case(Path(words[0])):
        return open_on(Path(words[0]), [], _stem(words[0]), mouse, ascii_only)
    paths = expand(words)
    missing = [path for path in paths if path != "-" and not Path(path).exists()]
    if missing:
        fail(f"{missing[0]} is not there. Give a capture, a folder of captures, or a case.")
        return 2
    if not paths:
        return 2
    if "-" in paths:
        return _open_pipe(paths, case, mouse, ascii_only)
    try:
        place = case if case is not None else _case_of(paths)
        if place.exists():
            mark_opened(place)
    except (CaseError, OSError) as error:
        fail(str(error))
        return 2
    title = _stem(paths[0]) if len(paths) == 1 else f"{_stem(paths[0])} and {len(paths) - 1} more"
    return open_on(place, paths, title, mouse, ascii_only)


def open_demo(name: str | None, mouse: bool, ascii_only: bool) -> int:
    """Open a demo capture; gives the exit status."""
    from oddport.demos import DemosError, demo_path, list_demos

    try:
        demos = list_demos()
    except DemosError as error:
        fail(str(error))
        return 2
    if name is not None and name not in [demo.name for demo in demos]:
        fail(f"There is no demo called {name}. There are: {', '.join(demo.name for demo in demos)}.")
        return 2
    return open_captures([str(demo_path(name or demos[0].name))], None, mouse, ascii_only, None)


def open_on(
    case: Path,
    captures: Sequence[str],
    title: str,
    mouse: bool,
    ascii_only: bool,
    live: Sequence[str] = (),
    pipe: int | None = None,
) -> int:
    """Open the dashboard on a case; as tui.app.run."""
    from tui.app import run

    return run(case, list(captures), title=title, mouse=mouse, ascii=ascii_only, live=live, pipe=pipe)


def _open_pipe(paths: Sequence[str], case: Path | None, mouse: bool, ascii_only: bool) -> int:
    """The dashboard on what comes by standard input: the loader gets the pipe, the dashboard the terminal."""
    from oddport.capture.model import why
    from oddport.case.folders import case_for_live

    if len(paths) > 1:
        fail("`-` is a capture of its own: give it alone, or write the pipe to a file and give that.")
        return 2
    if sys.stdin.isatty():
        fail(
            "`-` reads a capture from a pipe, and standard input is the terminal: `ssh HOST tcpdump -w - | oddport -`."
        )
        return 2
    place = case if case is not None else case_for_live("pipe", time.time_ns())
    if place.exists():
        fail(f"{place} is there already; a pipe begins a case of its own. Name another by --case.")
        return 2
    pipe = os.dup(0)
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError as error:
        fail(f"Keys cannot be read: /dev/tty {why(error)}. `oddport load - --case FILE` keeps the pipe for later.")
        return 2
    os.dup2(terminal, 0)
    os.close(terminal)
    return open_on(place, [], "pipe", mouse, ascii_only, pipe=pipe)


def _is_case(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(CASE_MAGIC)) == CASE_MAGIC
    except OSError:
        return False


def _case_of(paths: Sequence[str]) -> Path:
    """The case of these captures in the user's data folder."""
    from oddport.capture.fingerprint import Fingerprint
    from oddport.case.folders import case_for

    return case_for(paths, [Fingerprint.of(path).digest for path in paths])


def _stem(word: str) -> str:
    return os.path.basename(word.rstrip("/"))
