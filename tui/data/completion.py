"""A filter that is being typed → the words that could stand at its end, with what each is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST = 5
_COMPARED = re.compile(r"([A-Za-z][\w.-]*)\s*(?:==|!=|<=|>=|<|>|\bin\s*\{(?:[^{}]*,)?)\s*([\w.-]*)\Z")
_WORD = re.compile(r"(?:^|[\s(!])([A-Za-z][\w.-]*)\Z")


class Completion(NamedTuple):
    """A word that could stand at the end."""

    word: str
    says: str
    replaces: int
    """Letters of it that are typed already."""


def complete(
    text: str, words: Sequence[tuple[str, str]], values_of: Callable[[str], Sequence[str]]
) -> list[Completion]:
    """At most MOST completions of the last word: values behind a comparison, else names that begin so.

    words: (name, what it is). values_of: the words that a name is compared with, the most likely first.
    """
    compared = _COMPARED.search(text)
    if compared is not None:
        name, begun = compared.groups()
        found = [(value, "") for value in values_of(name.lower())]
    else:
        word = _WORD.search(text)
        if word is None:
            return []
        begun, found = word.group(1), list(words)
    fitting = [
        Completion(each, says, len(begun)) for each, says in found
        if each.lower().startswith(begun.lower()) and each.lower() != begun.lower()
    ]  # fmt: skip
    return fitting[:MOST]
