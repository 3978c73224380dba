"""Filters that were used, and those that have a name → `filters.json` in the folder of settings, and back.

`ODDPORT_FILTERS` names another file.

The file is read anew before each change, so that two dashboards add to it in turn, and replaced as a whole or not at
all.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oddport.replacing import replace_file

if TYPE_CHECKING:
    from pathlib import Path

FILE = "filters.json"
HISTORY = 50
"""Filters of a list that are remembered."""
LONGEST_NAME = 60
"""Characters."""


class FilterStore:
    """The person's filters. `problem` says why they could not be read or kept, and is empty if all is well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""

    def history(self, table: str) -> list[str]:
        """Filters of a list, the newest last."""
        return _texts(self._read()["history"].get(table))

    def remember(self, table: str, text: str) -> None:
        """A filter was used: it is the newest now."""
        found = self._read()
        before = [old for old in _texts(found["history"].get(table)) if old != text]
        found["history"][table] = [*before, text][-HISTORY:]
        self._write(found)

    def saved(self) -> dict[str, str]:
        """Name → filter, by name."""
        found = self._read()["saved"]
        return {name: found[name] for name in sorted(found, key=str.lower) if isinstance(found[name], str)}

    def save(self, name: str, text: str) -> str:
        """Give a filter a name; one that has the name already gives way. Gives a sentence where that cannot be."""
        if not name or len(name) > LONGEST_NAME:
            return f"A name has 1 to {LONGEST_NAME} characters."
        found = self._read()
        found["saved"][name] = text
        self._write(found)
        return self.problem

    def delete(self, name: str) -> str:
        """Forget a name; gives a sentence where that cannot be."""
        found = self._read()
        found["saved"].pop(name, None)
        self._write(found)
        return self.problem

    def _read(self) -> dict[str, dict[str, Any]]:
        self.problem = ""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            found = {}
        except (OSError, ValueError) as error:
            self.problem = f"Your filters in {self.path} cannot be read: {error}. Nothing is written there."
            found = {}
        if not isinstance(found, dict):
            self.problem = f"Your filters in {self.path} are no JSON object. Nothing is written there."
            found = {}
        return {key: dict(part) if isinstance(part := found.get(key), dict) else {} for key in ("history", "saved")}

    def _write(self, found: dict[str, dict[str, Any]]) -> None:
        if self.problem:
            return  # what cannot be read is not overwritten
        try:
            replace_file(self.path, json.dumps(found, ensure_ascii=False, indent=1) + "\n")
        except OSError as error:
            self.problem = f"Your filters could not be kept in {self.path}: {error.strerror}."


def _texts(found: object) -> list[str]:
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
