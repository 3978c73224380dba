"""Rows of a case come a page at a time, join at the end while it grows, and are put in order when asked."""

from __future__ import annotations

import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from oddport.case.writer import CaseWriter
from tests.tui.cases import Flow, Found, finding_of, make_case, put_flows
from tui.data import findings, flows
from tui.data.background import Background
from tui.data.case import Store
from tui.data.rows import IdRows, Listing, Where

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Desk:
    """Stands for a screen: calls that threads deliver are made in the test's own thread."""

    def __init__(self, path: Path, listing: Listing = flows.LISTING) -> None:
        self.calls: list[Callable[[], None]] = []
        self.told: list[Any] = []
        self.store = Store(path)
        assert self.store.exists()
        self.rows = IdRows(
            listing,
            self.store.connect,
            self.calls.append,
            lambda place: self.told.append(("changed", place)),
            lambda: self.told.append("joined"),
            lambda error: self.told.append(error),
        )

    def settle(self, seconds: float = 10.0) -> None:
        """Until nothing is asked and all answers are taken."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            while self.calls:
                self.calls.pop(0)()
            if not self.rows.busy and not self.calls:
                return
            time.sleep(0.005)
        raise AssertionError("the case did not answer")

    def ids(self) -> list[int]:
        return [self.rows.key(n) for n in range(len(self.rows))]

    def close(self) -> None:
        self.rows.close()
        self.store.close()


def many(count: int, **values: Any) -> list[Flow]:
    return [Flow(f"10.0.{n // 250}.{n % 250}", 1024 + n, second=n * 0.01, **values) for n in range(count)]


@pytest.fixture
def desk(tmp_path: Path):
    made = Desk(make_case(tmp_path / "c.oddport", many(1000)))
    yield made
    made.close()


def test_all_rows_are_there_and_each_page_is_fetched_once(desk: Desk) -> None:
    desk.rows.requery()
    desk.settle()
    assert desk.ids() == list(range(1, 1001))
    row = desk.rows.row(130)
    assert (row.id, row.src, row.sport, row.app) == (131, "10.0.0.130", 1154, "tls")
    assert desk.rows.row(131) is desk.rows.row(131)
    assert desk.rows.row(1000) is None
    assert desk.rows.find(500) == 499
    assert desk.rows.find(5000) is None


def test_the_first_rows_are_shown_before_all_are_known(desk: Desk) -> None:
    desk.rows.requery()
    while not desk.calls:
        time.sleep(0.005)
    desk.calls.pop(0)()
    assert len(desk.rows) == 256
    assert not desk.rows.ready
    desk.settle()
    assert len(desk.rows) == 1000
    assert desk.rows.ready


def test_another_order_tells_where_the_row_to_keep_is_now(desk: Desk) -> None:
    desk.rows.requery()
    desk.settle()
    desk.rows.requery(order="+(first_ns) DESC, id", keep=10)
    desk.settle()
    assert desk.told[-1] == ("changed", 990)
    assert desk.ids()[:2] == [1000, 999]


def test_a_filter_lists_what_it_leaves(desk: Desk) -> None:
    desk.rows.requery(where=Where("sport < ?", (1030,)))
    desk.settle()
    assert desk.ids() == [1, 2, 3, 4, 5, 6]


def test_rows_of_a_growing_case_join_at_the_end_and_are_sorted_in_when_asked(tmp_path: Path) -> None:
    path = make_case(tmp_path / "c.oddport", many(3), state="loading")
    desk = Desk(path)
    writer = CaseWriter.resume(path)
    desk.rows.requery()
    desk.settle()
    put_flows(writer, many(2), first_id=6)
    desk.rows.poll()
    desk.settle()
    assert desk.ids() == [1, 2, 3, 6, 7]
    assert desk.rows.tail == 0
    put_flows(writer, many(1), first_id=5)
    desk.rows.poll(last=True)
    desk.settle()
    assert desk.ids() == [1, 2, 3, 6, 7, 5]
    assert desk.rows.tail == 1
    desk.rows.requery(keep=7)
    desk.settle()
    assert desk.ids() == [1, 2, 3, 5, 6, 7]
    assert desk.told[-1] == ("changed", 5)
    assert desk.rows.tail == 0
    writer.close()
    desk.close()


def test_findings_that_are_taken_back_leave_the_list_and_the_others_stay(tmp_path: Path) -> None:
    flow = Flow()
    path = make_case(tmp_path / "c.oddport", [flow], [Found(), Found("SSH on 53/tcp", 4, 100)], state="loading")
    desk = Desk(path, findings.LISTING)
    writer = CaseWriter.resume(path)
    desk.rows.requery()
    desk.settle()
    assert [desk.rows.row(n).title for n in range(2)] == ["SSH on 53/tcp", "TLS on 8088/tcp"]
    writer.put_findings([finding_of(Found("DNS on 8053/udp", 4, 90), flow, 7)])
    writer.remove_findings(["uid-0001"])
    desk.rows.forget_pages()
    desk.rows.poll()
    desk.settle()
    assert [desk.rows.row(n).title for n in range(len(desk.rows))] == ["TLS on 8088/tcp", "DNS on 8053/udp"]
    writer.close()
    desk.close()


def test_widths_are_those_of_the_longest_values(tmp_path: Path) -> None:
    long = Flow("2001:db8:20:5::1f", 1, "2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa", 443)
    desk = Desk(make_case(tmp_path / "c.oddport", [Flow(packets=1_284_506), long]))
    desk.rows.requery()
    desk.settle()
    assert desk.rows.widths["src_width"] == 17
    assert desk.rows.widths["dst_width"] == 38
    assert desk.rows.widths["packets_width"] == len("1,284,506")
    desk.close()


def test_the_next_wanted_row_is_found_round_the_end(desk: Desk) -> None:
    desk.rows.requery()
    desk.settle()
    assert desk.rows.next_of(frozenset({5, 900}), 10, 1) == 899
    assert desk.rows.next_of(frozenset({5, 900}), 950, 1) == 4
    assert desk.rows.next_of(frozenset({5, 900}), 10, -1) == 4
    assert desk.rows.next_of(frozenset(), 10, 1) is None
    assert desk.rows.next_of(frozenset({5000}), 10, 1) is None


def test_a_query_that_fails_is_told_to_the_screen(desk: Desk) -> None:
    desk.rows.requery(where=Where("no_such_column = 1"))
    desk.settle()
    assert isinstance(desk.told[-1], sqlite3.OperationalError)


def test_only_the_latest_question_is_answered() -> None:
    calls: list[Callable[[], None]] = []
    answers: list[str] = []
    background = Background(lambda: sqlite3.connect(":memory:", check_same_thread=False), calls.append)
    running = threading.Event()

    def endless(db: sqlite3.Connection) -> str:
        running.set()
        db.execute("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n").fetchone()
        return "never"

    failures: list[Exception] = []
    background.submit(endless, answers.append, failures.append)
    assert running.wait(5)
    background.submit(lambda db: "second", answers.append, failures.append)
    end = time.monotonic() + 5
    while not calls and time.monotonic() < end:
        time.sleep(0.005)
    for call in calls:
        call()
    assert answers == ["second"]
    assert failures == []
    background.close()
    background.submit(lambda db: "third", answers.append, failures.append)
    assert not background.busy


def test_an_answer_that_comes_after_the_close_is_not_given() -> None:
    calls: list[Callable[[], None]] = []
    answers: list[str] = []
    background = Background(lambda: sqlite3.connect(":memory:", check_same_thread=False), calls.append)
    background.submit(lambda db: "late", answers.append, lambda error: None)
    end = time.monotonic() + 5
    while not calls and time.monotonic() < end:
        time.sleep(0.005)
    background.close()
    for call in calls:
        call()
    assert answers == []
