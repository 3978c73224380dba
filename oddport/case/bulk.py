"""Columns of many rows → what puts them into a table of the case: an image of the table, or the values of each row."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.case.connect import statements_of
from oddport.case.rows import insert_sql
from oddport.case.table_image import LARGEST_ROW, Column, Tail, database, empty_table


def declaration_of(table: str) -> str:
    """The statement that makes a table of the case."""
    return next(each for each in statements_of("schema.sql") if each.startswith(f"CREATE TABLE {table} ("))


def template_of(table: str) -> bytes:
    """What BulkRows.image wants to have for rows of this table."""
    return empty_table(declaration_of(table))


class BulkRows:
    """Rows that are ready to be put into a table whose first column is the row id."""

    def __init__(
        self,
        table: str,
        names: Sequence[str],
        ids: NDArray[np.uint32],
        columns: Sequence[Column],
        tails: Sequence[Tail],
    ) -> None:
        """names: all columns, in the order of the table. ids: ascending and different. The columns with values of any
        length are the last ones."""
        self.table = table
        self.ids = ids
        self._names = names
        self._columns = columns
        self._tails = tails

    def __len__(self) -> int:
        return len(self.ids)

    def image(self, template: bytes) -> bytearray | None:
        """A database with these rows in its table; None where one of them is too long for that."""
        if sum(tail.longest for tail in self._tails) > LARGEST_ROW:
            return None
        return database(template, self.ids, self._columns, self._tails)

    def values(self) -> tuple[str, Iterator[tuple[Any, ...]]]:
        """The statement that puts one row, and the values of each."""
        columns = [_plain(column, len(self)) for column in self._columns]
        for tail in self._tails:
            values: list[str | bytes | None] = [None] * len(self)
            for row, value in zip(tail.rows.tolist(), tail.values, strict=True):
                values[row] = value.decode("ascii") if tail.is_text else value
            columns.append(values)
        return insert_sql(self.table, self._names), zip(self.ids.tolist(), *columns, strict=True)


def addresses(packed: NDArray[np.void], version: NDArray[np.uint8]) -> Column:
    """Addresses of the engine (V16): IPv4 an integer, IPv6 16 bytes."""
    packed = np.ascontiguousarray(packed)
    return Column(packed.view(">u4").reshape(-1, 4)[:, 3], packed, version != 4)


def optional(values: NDArray[Any], missing: NDArray[np.bool_]) -> Column:
    """Integers, NULL where they are missing."""
    return Column(values, None, missing)


def _plain(column: Column, count: int) -> list[Any]:
    if column.values is None:
        return [None] * count
    values: list[Any] = column.values.tolist()
    if column.other is not None:
        others = [None] * count if column.others is None else column.others.tolist()
        for row in np.flatnonzero(column.other).tolist():
            values[row] = others[row]
    return values
