"""What an analyst says of a finding → the case's own tables, each change in a short transaction of its own.

Verdicts go by the finding's uid, so they outlive a new load and a new judging. Every change keeps what was there
before.
"""

import getpass
import sqlite3
import time
from pathlib import Path

from oddport.case.connect import connect_for_writing
from oddport.case.model import VerdictRow
from oddport.case.transactions import Transactions
from oddport.case.words import VERDICTS, printable


def set_verdict(case: Path, uid: str, verdict: str | None, note: str = "", user: str = "") -> None:
    """Says `benign`, `suspicious` or `confirmed` of a finding; None takes the verdict back.

    user: who says it; empty for the user of this process. Raises ValueError for another word, CaseError where the case
    cannot be written (CaseBusy: after 5 s).
    """
    if verdict is not None and verdict not in VERDICTS:
        raise ValueError(f"a verdict is {', '.join(VERDICTS)} or none, not {verdict!r}")
    who = printable(user or user_name())
    opened = connect_for_writing(case)
    try:
        database = Transactions(opened.connection, case)
        with database.together():
            now = time.time_ns()
            old = database.one("SELECT verdict, note, user, at_ns FROM verdict WHERE uid = ?", (uid,)).fetchone()
            database.one(
                "INSERT INTO verdict_history (uid, verdict, note, user, at_ns) VALUES (?,?,?,?,?)",
                (uid, *(old or (None, "", "", now))),
            )
            if verdict is None:
                database.one("DELETE FROM verdict WHERE uid = ?", (uid,))
            else:
                database.one(
                    "INSERT OR REPLACE INTO verdict (uid, verdict, note, user, at_ns) VALUES (?,?,?,?,?)",
                    (uid, verdict, _note(note), who, now),
                )
    finally:
        opened.connection.close()


def undo_verdict(case: Path, uid: str) -> bool:
    """Takes the last change of this finding's verdict back; False where there is none left.

    Raises CaseError where the case cannot be written.
    """
    opened = connect_for_writing(case)
    try:
        database = Transactions(opened.connection, case)
        with database.together():
            last = database.one(
                "SELECT id, verdict, note, user, at_ns FROM verdict_history WHERE uid = ? ORDER BY id DESC LIMIT 1",
                (uid,),
            ).fetchone()
            if last is None:
                return False
            database.one("DELETE FROM verdict_history WHERE id = ?", (last[0],))
            if last[1] is None:
                database.one("DELETE FROM verdict WHERE uid = ?", (uid,))
            else:
                database.one(
                    "INSERT OR REPLACE INTO verdict (uid, verdict, note, user, at_ns) VALUES (?,?,?,?,?)",
                    (uid, *last[1:]),
                )
            return True
    finally:
        opened.connection.close()


def read_verdict(connection: sqlite3.Connection, uid: str) -> VerdictRow | None:
    """What is said of a finding now."""
    row = connection.execute("SELECT uid, verdict, note, user, at_ns FROM verdict WHERE uid = ?", (uid,)).fetchone()
    return None if row is None else VerdictRow(*row)


def user_name() -> str:
    """Of the user of this process; `unknown` where the system does not tell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


def _note(note: str) -> str:
    return "\n".join(printable(line) for line in note.splitlines())
