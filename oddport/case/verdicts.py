"""What an analyst says of a finding → the case's own tables, each change in a short transaction of its own.

Verdicts go by the finding's uid, so they outlive a new load and a new judging. Every change keeps what was there
before.
"""

import getpass
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from oddport.case.connect import connect_for_writing
from oddport.case.model import ReviewRow, VerdictRow
from oddport.case.transactions import Transactions
from oddport.case.words import VERDICTS, printable


def set_verdict(case: Path, uid: str, verdict: str | None, note: str = "", user: str = "") -> None:
    """Says `benign`, `suspicious` or `confirmed` of a finding; None takes the verdict back. See set_verdicts."""
    set_verdicts(case, (uid,), verdict, note, user)


def set_verdicts(case: Path, uids: Sequence[str], verdict: str | None, note: str = "", user: str = "") -> None:
    """Says the same of many findings; each can be taken back by itself.

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
            for uid in uids:
                database.look_at_the_clock()
                _say(database, uid, verdict, _note(note), who)
    finally:
        opened.connection.close()


def _say(database: Transactions, uid: str, verdict: str | None, note: str, who: str) -> None:
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
            (uid, verdict, note, who, now),
        )


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


def read_log(connection: sqlite3.Connection) -> list[ReviewRow]:
    """What was said and not taken back, the first word first: what stands in the history, and what holds now."""
    rows = connection.execute(
        "SELECT at_ns, user, uid, coalesce((SELECT title FROM finding WHERE finding.uid = said.uid), ''), verdict, note"
        " FROM (SELECT at_ns, user, uid, verdict, note FROM verdict_history WHERE verdict IS NOT NULL"
        " UNION ALL SELECT at_ns, user, uid, verdict, note FROM verdict) AS said ORDER BY at_ns, uid"
    )
    return [ReviewRow(*row) for row in rows]


def user_name() -> str:
    """Of the user of this process; `unknown` where the system does not tell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


def _note(note: str) -> str:
    return "\n".join(printable(line) for line in note.splitlines())
