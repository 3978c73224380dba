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
    numbers.take(column(1, 2, 1), column(1, 2, 3), 0, 2)
    numbers.take(column(3, 0), column(4, 5), 3, 4)
    assert numbers.of(begun((1, 0), (2, 1), (3, 3))).tolist() == [1, 2, 4]


def test_files_that_follow_or_interleave_are_numbered_each_by_itself() -> None:
    numbers = FileNumbers()
    numbers.take(column(1, 1), column(1, 2), 0, 1)
    numbers.take(column(2, 1, 3), column(1, 3, 2), 2, 4)  # flows 2 and 3 are the second file's
    numbers.take(column(0, 5, 4, 5), column(3, 4, 5, 5), 5, 8)
    assert numbers.of(begun((5, 6), (1, 0), (3, 4), (2, 2), (4, 7))).tolist() == [4, 1, 2, 1, 5]


def test_packets_inside_packets_have_the_number_of_the_one_that_is_in_the_file() -> None:
    numbers = FileNumbers()
    numbers.take(column(1, 2, 1), column(1, 1, 2), 0, 1)  # flow 2 lies in a tunnel
    numbers.take(column(3, 4, 1), column(1, 1, 3), 2, 3)
    assert numbers.of(begun((1, 0), (2, 0), (3, 2), (4, 2))).tolist() == [1, 1, 1, 1]
