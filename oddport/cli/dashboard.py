"""Captures, a case, or nothing yet → the dashboard on it, or on what there is to choose from."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from oddport.cli.paths import expand, fail
from oddport.loading.target import Target, captures_target, case_target, is_case, pipe_target


def open_captures(words: Sequence[str], case: Path | None, mouse: bool, ascii_only: bool, theme: str | None) -> int:
    """Open the dashboard; gives the exit status. Without words it begins with what there is to open."""
    from oddport.case.errors import CaseError

    if not sys.stdout.isatty():
        fail("The dashboard needs a terminal. `oddport scan` prints findings without one.")
        return 2
    if theme:
        os.environ["ODDPORT_THEME"] = theme
    if not words:
        return open_on(None, mouse, ascii_only)
    if len(words) == 1 and words[0] != "-" and is_case(Path(words[0])):
        return open_on(case_target(Path(words[0])), mouse, ascii_only)
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
        target = captures_target(paths, case)
    except (CaseError, OSError) as error:
        fail(str(error))
        return 2
    return open_on(target, mouse, ascii_only)


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


def open_on(target: Target | None, mouse: bool, ascii_only: bool, pipe: int | None = None) -> int:
    """Open the dashboard on what is asked for, or on a choice of it; as tui.app.run."""
    from tui.app import run

    mouse = mouse and not os.environ.get("SSH_CONNECTION")
    if target is None:
        return run(mouse=mouse, ascii=ascii_only)
    return run(target.case, target.captures, target.title, mouse, ascii_only, target.live, pipe)


def _open_pipe(paths: Sequence[str], case: Path | None, mouse: bool, ascii_only: bool) -> int:
    """The dashboard on what comes by standard input: the loader gets the pipe, the dashboard the terminal."""
    from oddport.capture.model import why
    from oddport.case.errors import CaseError

    if len(paths) > 1:
        fail("`-` is a capture of its own: give it alone, or write the pipe to a file and give that.")
        return 2
    if sys.stdin.isatty():
        fail(
            "`-` reads a capture from a pipe, and standard input is the terminal: `ssh HOST tcpdump -w - | oddport -`."
        )
        return 2
    try:
        target = pipe_target(case)
    except CaseError as error:
        fail(str(error))
        return 2
    pipe = os.dup(0)
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError as error:
        fail(f"Keys cannot be read: /dev/tty {why(error)}. `oddport load - --case FILE` keeps the pipe for later.")
        return 2
    os.dup2(terminal, 0)
    os.close(terminal)
    return open_on(target, mouse, ascii_only, pipe)
