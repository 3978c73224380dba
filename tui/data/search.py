"""A filter that looks into payload → a process that searches the captures, and the flows that it has found so far."""

from __future__ import annotations

import json
import sys
import threading
from array import array
from typing import TYPE_CHECKING

from tui.data.load import Load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from oddport.case.filter import Where
    from tui.data.load import Progress

COMMAND = (sys.executable, "-m", "oddport.loading.searching")


class Search(Load):
    """A searching process. Eight bytes are kept for each flow that was found."""

    WHAT = "The search"
    KEPT = "What was found is listed."

    def __init__(self, case: Path, table: str, text: str, where: Where, command: Sequence[str] = COMMAND) -> None:
        """`table`: `flows` or `findings`. `where`: the filter, compiled. Raises OSError if it cannot be started."""
        self._where, self._terms = where, where.terms
        self._found = [array("q") for _ in self._terms]
        self._lock = threading.Lock()
        super().__init__(case, (), options=(f"--list={table}", f"--filter={text}"), command=command)

    @property
    def found(self) -> int:
        """Flows that were found, those of several terms counted for each."""
        with self._lock:
            return sum(map(len, self._found))

    def bound(self) -> Where:
        """The filter with what was found so far."""
        with self._lock:
            lists = [json.dumps(each.tolist()) for each in self._found]
        return self._where.bound(dict(zip(self._terms, lists, strict=True)))

    def heard(self, row: str) -> Progress:
        try:
            told = json.loads(row)
            new = told.get("found", []) if isinstance(told, dict) else []
            if len(new) == len(self._found):
                with self._lock:
                    for each, more in zip(self._found, new, strict=True):
                        each.extend(more)
        except (ValueError, TypeError):
            return self.progress  # a line that is no report changes nothing, as with progress
        return super().heard(row)
