"""A table of the case, a filter and an order → rows for a VirtualTable: ids in an array, rows a page at a time.

The ids are collected in a thread. While a load runs, new rows join at the end, so that nothing on the screen moves;
`requery` puts all in order again.
"""

from __future__ import annotations

import sqlite3
import time
from array import array
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oddport.case.errors import CaseError
from tui.data.background import Background
from tui.data.newest import Newest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PAGE, PAGES = 128, 48
"""Rows of a page, pages that are kept."""
CHUNK = 20_000
"""Ids that are taken from SQLite at once; between two the other threads run."""
FIRST = 256
"""Rows that are shown before all ids are known, where the order allows it."""
SCAN_PAUSE = 10.0
"""A full look for rows that joined in the middle may take one part in so many of the time."""
LEAST_SCAN = 0.05
"""Seconds that a full look is taken to last at least."""


@dataclass(frozen=True, slots=True)
class Listing:
    """How a table of the case is listed."""

    table: str
    select: str
    """`SELECT … FROM …` whose first column is the id; `WHERE id IN` is added."""
    key: str
    """The id as `select` names it."""
    make: Callable[[Sequence[Any]], Any]
    """A row of `select` → what the columns' cells understand."""
    orders: Mapping[str, str]
    """Column → SQL expression it is sorted by."""
    default: str
    """ORDER BY of the list as it is opened; ends in the id."""
    measure: str
    """Comma-separated `expression AS name`: the longest values, over the rows that are listed."""
    by_id: bool = False
    """The default order is that of the ids."""


@dataclass(frozen=True, slots=True)
class Where:
    """A filter as SQL over the columns of the table."""

    sql: str = "1"
    params: tuple[Any, ...] = ()


ALL = Where()


@dataclass(slots=True)
class _Found:
    ids: array[int]
    widths: dict[str, int] = field(default_factory=dict)
    place: int | None = None
    partial: bool = False
    seconds: float = 0.0
    highest: int = 0
    new: array[int] | None = None
    """Ids that were not known, in their order; None where that was not asked."""
    gone: frozenset[int] = frozenset()
    """Known ids that are listed no more."""


class IdRows:
    """What a table of the case shows now. All methods but the jobs run in the thread of the screen."""

    def __init__(
        self,
        listing: Listing,
        connect: Callable[[], sqlite3.Connection],
        deliver: Callable[[Callable[[], None]], None],
        changed: Callable[[int | None], None],
        joined: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """`changed(place)` is called when there are other rows or another order (`place`: where the row that was to be
        kept is now), `joined()` when rows were added at the end, `failed(error)` when the case cannot be read."""
        self.listing = listing
        self.where, self.order = ALL, listing.default
        self.ready = False
        """All ids are known."""
        self.tail = 0
        """Rows at the end that are not in their place in the order."""
        self._ids: array[int] = array("q")
        self._widths: dict[str, int] = {}
        self._pages = Newest[int, list[Any]](PAGES)
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._changed, self._joined, self._failed = changed, joined, failed
        self._background = Background(connect, deliver, listing.table)
        self._highest = 0
        self._next_scan = 0.0

    # what VirtualTable asks -----------------------------------------------------------------------------------------

    @property
    def widths(self) -> Mapping[str, int]:
        """Longest values."""
        return self._widths

    def __len__(self) -> int:
        return len(self._ids)

    def key(self, index: int) -> int:
        """Id of the row at a place."""
        return self._ids[index]

    def ids(self) -> list[int]:
        """Ids of all rows, as they are listed."""
        return self._ids.tolist()

    def find(self, key: int) -> int | None:
        """Place of an id."""
        try:
            return self._ids.index(key)
        except ValueError:
            return None

    def newest(self) -> int | None:
        """The place of the row that joined last; None where there are no rows."""
        if not self._ids:
            return None
        at_end = self._ids[-1] == self._highest
        place = None if at_end else self.find(self._highest)
        return len(self._ids) - 1 if place is None else place

    def next_of(self, wanted: frozenset[int], index: int, step: int) -> int | None:
        """Place of the next row (`step` 1) or the one before (-1) whose id is wanted, round the end; None = there is
        none."""
        length = len(self._ids)
        if not wanted:
            return None
        for distance in range(1, length + 1):
            place = (index + step * distance) % length
            if self._ids[place] in wanted:
                return place
        return None

    def row(self, index: int) -> Any | None:
        """The row at a place, from a page of rows; None if it is gone from the case."""
        number, within = divmod(index, PAGE)
        page = self._pages.wanted(number, lambda: self._page(number))
        return page[within] if within < len(page) else None

    def _page(self, number: int) -> list[Any]:
        ids = self._ids[number * PAGE : (number + 1) * PAGE]
        try:
            return self._fetch(ids)
        except (CaseError, sqlite3.Error) as error:
            self._failed(error)
            return [None] * len(ids)  # until the pages are forgotten: not asked again at each line

    def _fetch(self, ids: array[int]) -> list[Any]:
        if self._connection is None:
            self._connection = self._connect()
        listing = self.listing
        marks = ",".join("?" * len(ids))
        cursor = self._connection.execute(f"{listing.select} WHERE {listing.key} IN ({marks})", ids.tolist())
        found = {row[0]: listing.make(row) for row in cursor}
        return [found.get(row_id) for row_id in ids]

    # asking the case ------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Ids are being collected."""
        return self._background.busy

    def requery(self, where: Where | None = None, order: str | None = None, keep: int | None = None) -> None:
        """Collect the ids anew: another filter, another order, or the same with the rows of the end put in place."""
        self.where = self.where if where is None else where
        self.order = self.order if order is None else order
        self.ready = False
        sql, params, order_by = self.where.sql, self.where.params, self.order
        quick = not self._ids and order_by == self.listing.default and self.listing.by_id
        if quick:
            self._ask(lambda db: self._collect(db, sql, params, order_by, keep, FIRST), self._taken_first)
        else:
            self._ask(lambda db: self._collect(db, sql, params, order_by, keep, None), self._taken)

    def poll(self, last: bool = False) -> None:
        """Look for rows that joined (`last`: for all of them, wherever). Does nothing while a question is open."""
        if self.busy and not last:
            return
        if not self.ready:
            if not self.busy:
                self.requery()
            return
        sql, params, order_by = self.where.sql, self.where.params, self.order
        if last or not self.listing.by_id or time.monotonic() >= self._next_scan:
            known = self._ids[:]
            self._ask(lambda db: self._compare(db, sql, params, order_by, known), self._taken_scan)
        else:
            above = f"({sql}) AND id > ?"
            self._ask(lambda db: self._collect(db, above, (*params, self._highest), "id", None, None), self._taken_new)

    def forget_pages(self) -> None:
        """Rows may have changed: fetch them anew when they are wanted."""
        self._pages.clear()

    def close(self) -> None:
        """Give up what is asked."""
        self._background.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, job: Callable[[sqlite3.Connection], _Found], taken: Callable[[_Found], None]) -> None:
        self._background.submit(job, taken, self._failed)

    def _collect(
        self,
        db: sqlite3.Connection,
        sql: str,
        params: tuple[Any, ...],
        order: str,
        keep: int | None,
        limit: int | None,
    ) -> _Found:
        started = time.monotonic()
        table = self.listing.table
        bound = "" if limit is None else f" LIMIT {limit}"
        cursor = db.execute(f"SELECT id FROM {table} WHERE {sql} ORDER BY {order}{bound}", params)
        ids: array[int] = array("q")
        while chunk := cursor.fetchmany(CHUNK):
            ids.extend([row[0] for row in chunk])
        widths: dict[str, int] = {}
        if ids and self.listing.measure:
            inside = f"id IN (SELECT id FROM {table} WHERE {sql} ORDER BY {order}{bound})" if limit else sql
            cursor = db.execute(f"SELECT {self.listing.measure} FROM {table} WHERE {inside}", params)
            names = [column[0] for column in cursor.description]
            widths = {name: value or 0 for name, value in zip(names, cursor.fetchone(), strict=True)}
        place = None
        if keep is not None:
            with suppress(ValueError):
                place = ids.index(keep)
        partial = limit is not None and len(ids) == limit
        return _Found(ids, widths, place, partial, time.monotonic() - started, max(ids, default=0))

    def _compare(
        self, db: sqlite3.Connection, sql: str, params: tuple[Any, ...], order: str, known: array[int]
    ) -> _Found:
        found = self._collect(db, sql, params, order, None, None)
        # in chunks, since a set of a million is built without letting another thread run
        before: set[int] = set()
        for start in range(0, len(known), CHUNK):
            before.update(known[start : start + CHUNK])
        new: array[int] = array("q")
        for start in range(0, len(found.ids), CHUNK):
            chunk = found.ids[start : start + CHUNK]
            new.extend([row_id for row_id in chunk if row_id not in before])
            before.difference_update(chunk)
        found.new, found.gone = new, frozenset(before)
        return found

    def _taken_first(self, found: _Found) -> None:
        self._replace(found)
        if not found.partial:
            self.ready = True
            return
        sql, params, order = self.where.sql, self.where.params, self.order
        self._ask(lambda db: self._collect(db, sql, params, order, None, None), self._taken)

    def _taken(self, found: _Found) -> None:
        self.ready = True
        self._replace(found)

    def _replace(self, found: _Found) -> None:
        self._ids, self._widths = found.ids, found.widths
        self._pages.clear()
        self.tail = 0
        self._note(found)
        self._changed(found.place)

    def _note(self, found: _Found) -> None:
        self._highest = max(self._highest, found.highest)
        self._next_scan = time.monotonic() + SCAN_PAUSE * max(found.seconds, LEAST_SCAN)

    def _widen(self, widths: Mapping[str, int]) -> None:
        for name, value in widths.items():
            self._widths[name] = max(self._widths.get(name, 0), value)

    def _taken_new(self, found: _Found) -> None:
        self._join(found.ids)
        self._widen(found.widths)
        self._highest = max(self._highest, found.highest)
        self._joined()

    def _taken_scan(self, found: _Found) -> None:
        if found.gone:
            self._ids = array("q", [row_id for row_id in self._ids if row_id not in found.gone])
            self._pages.clear()
        self._join(found.new or array("q"))
        self._widen(found.widths)
        self._note(found)
        if found.gone:
            self._changed(None)
        else:
            self._joined()

    def _join(self, ids: array[int]) -> None:
        if not ids:
            return
        in_place = self.listing.by_id and self.order == self.listing.default and not self.tail
        in_place = in_place and (not self._ids or min(ids) > self._ids[-1])
        in_place = in_place or (not self._ids and len(ids) == 1)  # one row alone is in any order
        if not in_place:
            self.tail += len(ids)
        first = len(self._ids) // PAGE
        self._ids.extend(ids)
        self._pages.pop(first, None)
