"""What is kept of what was read: the newest, and nothing that could not be read."""

import pytest

from tui.data.newest import Newest


def test_what_nobody_wanted_for_the_longest_goes_first() -> None:
    kept, made = Newest[int, str](2), list[int]()

    def want(key: int) -> str:
        return kept.wanted(key, lambda: made.append(key) or str(key))  # type: ignore[func-returns-value]

    assert [want(each) for each in (1, 2, 1, 3, 1, 2)] == ["1", "2", "1", "3", "1", "2"]
    assert made == [1, 2, 3, 2]
    assert list(kept) == [1, 2]


def test_what_cannot_be_made_is_not_kept() -> None:
    kept = Newest[int, str](2)

    def broken() -> str:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        kept.wanted(1, broken)
    assert kept.wanted(1, lambda: "one") == "one"
