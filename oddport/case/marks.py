"""Marks of the analyst on rows of a list → the case's own tables, with who and when, and the SQL that asks for them.

A mark on a finding goes by its uid. One on a flow goes by its ends and first packet: the same capture loaded again
gives the same, whatever number the flow has then.
"""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from oddport.case.connect import connect_for_writing
from oddport.case.model import MarkRow
from oddport.case.transactions import Transactions
from oddport.case.verdicts import user_name
from oddport.case.words import address_text, printable, protocol_word

AT_ONCE = 500
"""Rows of one statement."""
_FLOW_KEY = ("first_ns", "src", "dst", "proto", "sport", "dport", "context")
KEYS = {"flow": _FLOW_KEY, "finding": ("uid",)}
"""Columns by which a row of a table is marked."""


def marked_sql(table: str, name: str = "") -> str:
    """SQL that is true for a marked row of `flow` or `finding`, which the statement calls `name`."""
    key = ", ".join(f"{name or table}.{column}" for column in KEYS[table])
    return f"({key}) IN (SELECT {', '.join(KEYS[table])} FROM {table}_mark)"


def set_marks(case: Path, table: str, ids: Sequence[int], marked: bool, user: str = "") -> None:
    """Marks rows of `flow` or `finding` by their ids, or takes their marks away. One that has a mark keeps it as it is.

    user: who does it; empty for the user of this process. Raises CaseError where the case cannot be written.
    """
    columns = ", ".join(KEYS[table])
    who, now = printable(user or user_name()), time.time_ns()
    opened = connect_for_writing(case)
    try:
        database = Transactions(opened.connection, case)
        with database.together():
            for start in range(0, len(ids), AT_ONCE):
                part = [int(each) for each in ids[start : start + AT_ONCE]]
                chosen = f"FROM {table} WHERE id IN ({','.join('?' * len(part))})"
                if marked:
                    put = f"INSERT OR IGNORE INTO {table}_mark ({columns}, user, at_ns) SELECT {columns}, ?, ? {chosen}"
                    database.one(put, (who, now, *part))
                else:
                    database.one(f"DELETE FROM {table}_mark WHERE ({columns}) IN (SELECT {columns} {chosen})", part)
                database.look_at_the_clock()
    finally:
        opened.connection.close()


def read_marks(connection: sqlite3.Connection) -> list[MarkRow]:
    """All marks, the first one first."""
    found = [
        MarkRow(at, who, uid, None, title)
        for at, who, uid, title in connection.execute(
            "SELECT at_ns, user, uid, coalesce((SELECT title FROM finding WHERE finding.uid = finding_mark.uid), '')"
            " FROM finding_mark"
        )
    ]
    columns = ", ".join(_FLOW_KEY)
    numbers = {tuple(key): number for number, *key in connection.execute(
        f"SELECT id, {columns} FROM flow WHERE {marked_sql('flow')}"
    )}  # fmt: skip
    for at, who, *key in connection.execute(f"SELECT at_ns, user, {columns} FROM flow_mark"):
        found.append(MarkRow(at, who, "", numbers.get(tuple(key)), _ends(*key)))
    return sorted(found, key=lambda mark: (mark.at_ns, mark.uid, mark.title))


def _ends(first_ns: int, src: int | bytes, dst: int | bytes, proto: int, sport: int, dport: int, context: int) -> str:
    source, destination = (address_text(each, 4 if isinstance(each, int) else 6) for each in (src, dst))
    return f"{source} {sport} > {destination} {dport} {protocol_word(proto)}"
