"""A small case that is made once, and a reader of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from oddport.case.reader import CaseReader
from tests.case.build import make_case


@pytest.fixture(scope="session")
def small_case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four flows, two findings; not to be written."""
    return make_case(tmp_path_factory.mktemp("case") / "small.oddport")


@pytest.fixture
def reader(small_case: Path) -> Iterator[CaseReader]:
    """Of the small case."""
    with CaseReader.open(small_case) as opened:
        yield opened


@pytest.fixture
def own_case(tmp_path: Path) -> Path:
    """The small case, to be written."""
    return make_case(tmp_path / "own.oddport")
