"""The number that a flow's first packet has in its file, however files are put together."""

import numpy as np

from oddport.engine.columns import FLOW
from oddport.loading.file_numbers import FileNumbers


def begun(*firsts: tuple[int, int]) -> np.ndarray:
    """Flows by (id, number of the first packet in the case, from 0 on)."""
    flows = np.zeros(len(firsts), FLOW)
    flows["id"], flows["first_packet"] = zip(*firsts, strict=True)
    return flows


def column(*values: int) -> np.ndarray:
    return np.array(values, np.uint32)


def test_one_file_is_numbered_as_the_case() -> None:
    numbers = FileNumbers()
    numbers.take(column(1, 2, 1), column(1, 2, 3), 0)
    numbers.take(column(3, 0), column(4, 5), 3)
    assert numbers.of(begun((1, 0), (2, 1), (3, 3))).tolist() == [1, 2, 4]


def test_files_that_follow_or_interleave_are_numbered_each_by_itself() -> None:
    numbers = FileNumbers()
    numbers.take(column(1, 1), column(1, 2), 0)
    numbers.take(column(2, 1, 3), column(1, 3, 2), 2)  # flows 2 and 3 are the second file's
    numbers.take(column(0, 5, 4, 5), column(3, 4, 5, 5), 5)
    assert numbers.of(begun((5, 6), (1, 0), (3, 4), (2, 2), (4, 7))).tolist() == [4, 1, 2, 1, 5]
