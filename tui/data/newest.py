"""What was read once → kept up to a number, so that nothing grows with a capture."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
V = TypeVar("V")


class Newest(OrderedDict[K, V]):
    """Values by key; beyond `most`, those that nobody has wanted for the longest go."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        while len(self) > self._most:
            self.popitem(last=False)

    def wanted(self, key: K, make: Callable[[], V]) -> V:
        """The value, which `make` gives where it is not kept. What it raises is passed on, and nothing is kept then."""
        if key in self:
            self.move_to_end(key)
            return self[key]
        found = self[key] = make()
        return found
