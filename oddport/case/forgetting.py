"""A case that may not grow beyond a limit → its oldest packets are forgotten, and the flows that have no others.

What stays whatever the limit: flows that occur in a finding (the first 1,000 of each) or are marked, their findings,
evidence and verdicts. Space that becomes free is used again, so that the file stays as large as it was.
"""

from oddport.case.marks import marked_sql
from oddport.case.transactions import Transactions

FLOWS_AT_ONCE = 5_000
_NOTHING_LEFT = (
    "SELECT id FROM flow WHERE last_packet < ? AND open = 0 AND severity IS NULL"
    " AND id NOT IN (SELECT flow FROM occurrence) AND id NOT IN (SELECT flow FROM finding WHERE flow IS NOT NULL)"
    f" AND NOT {marked_sql('flow')} LIMIT ?"
)


def used_bytes(database: Transactions) -> int:
    """What the case holds, without the space that is free in its file."""
    pages, free, size = (
        int(database.one(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def forget_oldest(database: Transactions, limit: int) -> int:
    """Forgets whole blocks of packets until the case holds less than `limit` bytes; gives how many packets those had.

    The newest block stays.
    """
    forgotten = 0
    while used_bytes(database) > limit:
        blocks = database.one("SELECT id, first, count FROM packet_block ORDER BY id LIMIT 2").fetchall()
        if len(blocks) < 2:
            break
        (oldest, _, count), (_, following, _) = blocks
        with database.together():
            for table, column in (("packet_block", "id"), ("inner_block", "block"), ("flow_block", "block")):
                database.one(f"DELETE FROM {table} WHERE {column} = ?", (oldest,))
        while _forget_flows(database, following):
            pass
        forgotten += count
    return forgotten


def _forget_flows(database: Transactions, before: int) -> bool:
    """Forgets flows whose packets are all before this one; whether there may be more of them."""
    with database.together():
        flows = database.one(_NOTHING_LEFT, (before, FLOWS_AT_ONCE)).fetchall()
        for table, column in (("inside", "flow"), ("owner", "flow"), ("flow_block", "flow"), ("flow", "id")):
            database.many(f"DELETE FROM {table} WHERE {column} = ?", flows)
    return len(flows) == FLOWS_AT_ONCE
