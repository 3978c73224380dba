"""A case and captures → the dashboard: starts the loader first, so that it works while the dashboard is imported."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tui.data.load import Load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def run(
    case_path: Path | None = None,
    captures: Sequence[str] = (),
    title: str = "",
    mouse: bool = True,
    ascii: bool = False,
    live: Sequence[str] = (),
    pipe: int | None = None,
) -> int:
    """Run the dashboard until it is quit; returns the exit status. Without a case it begins with what there is to open.

    Captures are loaded into the case unless it holds them already, or another process is loading it. `live`: words for
    a loader that captures an interface instead. `pipe`: a descriptor of a capture that is read as it comes.
    """
    for name in ("COLUMNS", "LINES"):  # exported once, they would be taken for the size of the terminal for ever
        os.environ.pop(name, None)
    load: Load | None = None
    try:
        if case_path is None:
            pass  # a person chooses first
        elif live:
            load = Load(case_path, [], options=live)
        elif pipe is not None:
            load = Load(case_path, ["-"], pipe=pipe)
            os.close(pipe)
        elif captures:
            load = start_load(case_path, captures)
    except OSError as error:
        print(f"oddport: The loader could not be started: {error.strerror}.", file=sys.stderr)
        return 2
    try:
        from tui.dashboard import OddportApp
        from tui.input import take_any_bytes

        take_any_bytes()
        app = OddportApp(case_path, captures, title, ascii, load=load)
        status = app.run(mouse=mouse)
    finally:
        if load is not None:
            load.end()
    return status if isinstance(status, int) else app.return_code or 0


def start_load(case_path: Path, captures: Sequence[str]) -> Load | None:
    """A load of the captures; None where the case holds them, or where the dashboard has to say why there is none."""
    if case_path.exists() and case_path.stat().st_size:
        from oddport.case.errors import CaseError
        from oddport.case.reader import CaseReader

        try:
            with CaseReader.open(case_path) as reader:
                if reader.load_state().state in ("done", "loading"):
                    return None
        except CaseError:
            return None
    try:
        return Load(case_path, captures)
    except OSError:
        return None
