"""A step goes on in a thread of its own while another works; its outcome is had where it is waited for."""

import threading
from collections.abc import Callable

import pytest

from oddport.loading.ahead import Ahead


def counting(outcomes: list[bool]) -> Callable[[], bool]:
    left = iter(outcomes)
    return lambda: next(left)


def test_a_step_that_was_started_goes_on_meanwhile() -> None:
    here = threading.Event()
    threads: list[str] = []

    def step() -> bool:
        threads.append(threading.current_thread().name)
        return here.wait(10)

    with Ahead(step) as ahead:
        ahead.start()
        here.set()
        assert ahead.wait()
        assert ahead.wait()  # nobody started this one
    assert threads == ["reading", threading.main_thread().name]


def test_outcomes_come_in_turn() -> None:
    with Ahead(counting([True, True, False])) as ahead:
        found = []
        for _ in range(3):
            ahead.start()
            found.append(ahead.wait())
    assert found == [True, True, False]


def test_what_the_step_raises_is_raised_where_it_is_waited_for() -> None:
    def step() -> bool:
        raise OSError("the disk is gone")

    with Ahead(step) as ahead:
        ahead.start()
        with pytest.raises(OSError, match="the disk is gone"):
            ahead.wait()


def test_the_end_waits_for_a_step_that_was_begun_and_leaves_no_thread() -> None:
    done: list[bool] = []

    def fail() -> None:
        with Ahead(lambda: done.append(True) or True) as ahead:
            ahead.start()
            raise ValueError("something else failed meanwhile")

    before = threading.active_count()
    with pytest.raises(ValueError, match="meanwhile"):
        fail()
    assert done == [True]
    assert threading.active_count() == before
