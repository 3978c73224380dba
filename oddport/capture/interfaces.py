"""Interfaces of the files of a capture into one table: what is named alike is one interface."""

from collections.abc import Callable
from typing import Final

from oddport.capture.linktypes import link_text
from oddport.capture.model import Interface, shown
from oddport.engine.links import KNOWN

MOST: Final = 65_535
"""Interfaces of a capture; the last index of the `interface` column is shared by those beyond."""


class InterfaceTable:
    """The interfaces of a capture, in order of appearance."""

    def __init__(self) -> None:
        self.all: list[Interface] = []
        self._index: dict[tuple[str | int, int], int] = {}
        self._warned: set[tuple[int, str | int, int]] = set()

    def add(
        self, file: int, number: int, name: str | None, link: int, snaplen: int, warn: Callable[[str], None]
    ) -> int:
        """Index of the interface with this name (or number, where it has none) and link type; made if it is new."""
        clean = None if name is None else shown(name)
        key = (number if clean is None else clean, link)
        if link not in KNOWN:
            self._warn_once(file, key, number, clean, link, warn)
        index = self._index.get(key)
        if index is not None:
            return index
        if len(self.all) >= MOST:
            warn(f"The capture has more than {MOST:,} interfaces; packets of further ones count as of one more.")
            if len(self.all) == MOST:
                self.all.append(Interface(MOST, file, number, "(further interfaces)", link, snaplen))
            return MOST
        index = len(self.all)
        self.all.append(Interface(index, file, number, clean, link, snaplen))
        self._index[key] = index
        return index

    def _warn_once(
        self,
        file: int,
        key: tuple[str | int, int],
        number: int,
        name: str | None,
        link: int,
        warn: Callable[[str], None],
    ) -> None:
        seen = (file, *key)
        if seen in self._warned:
            return
        if len(self._warned) < MOST:
            self._warned.add(seen)
        named = f"{number}" if name is None else f"{number} ({name})"
        warn(
            f"Interface {named} has link type {link_text(link)}, which is not decoded: its packets are counted and "
            "their bytes can be viewed, but they belong to no flow."
        )
