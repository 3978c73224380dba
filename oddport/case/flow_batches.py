"""Flows of a case → batches as detectors are given them, without the bytes that a case does not hold."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from oddport.case.connect import connect_for_reading
from oddport.detection.model import FlowBatch
from oddport.engine.columns import FLOW
from oddport.protocols.model import Identification, Tier
from oddport.protocols.registry import NO_APP

FLOWS_AT_ONCE = 16_384
_FIELDS = tuple(name for name in FLOW.names or () if name not in ("src", "dst", "number", "ip_at"))
_FACTS = ("src", "dst", "server_port", "tier", "verdict", "app", "facts")


def flow_batches(case: Path) -> Iterator[FlowBatch]:
    """All flows of a case that are over, by id; heads are gone, signs and the server's grammar are not known."""
    connection = connect_for_reading(case).connection
    try:
        apps = dict(connection.execute("SELECT id, name FROM app").fetchall())
        names = tuple(apps[key] for key in sorted(apps))
        place = {key: at for at, key in enumerate(sorted(apps))}
        rows = connection.execute(f"SELECT {', '.join((*_FIELDS, *_FACTS))} FROM flow WHERE NOT open ORDER BY id")
        while chunk := rows.fetchmany(FLOWS_AT_ONCE):
            yield _batch(chunk, names, place)
    finally:
        connection.close()


def _batch(chunk: list[tuple[Any, ...]], names: tuple[str, ...], place: dict[int, int]) -> FlowBatch:
    count = len(chunk)
    columns = dict(zip((*_FIELDS, *_FACTS), zip(*chunk, strict=True), strict=True))
    flows = np.zeros(count, FLOW)
    for name in _FIELDS:
        flows[name] = columns[name]
    for name in ("src", "dst"):
        packed = b"".join(each.to_bytes(16, "big") if isinstance(each, int) else each for each in columns[name])
        flows[name] = np.frombuffer(packed, "V16")
    app = np.array([NO_APP if each is None else place[each] for each in columns["app"]], np.int16)
    tier = np.array(columns["tier"], np.uint8)
    facts = columns["facts"]

    def identification(row: int) -> Identification:
        name = None if app[row] == NO_APP else names[app[row]]
        found = Identification(name, Tier(int(tier[row])))
        found.facts = json.loads(facts[row]) if facts[row] else {}
        return found

    return FlowBatch(
        flows=flows,
        tier=tier,
        verdict=np.array(columns["verdict"], np.uint8),
        server_port=np.array([each or 0 for each in columns["server_port"]], np.uint16),
        app_id=app,
        names=names,
        spoken_by=np.full(count, -1, np.int8),
        signs=np.zeros(count, np.uint8),
        head=lambda row: None,
        identification=identification,
        facts=lambda: {row: text.encode("ascii") for row, text in enumerate(facts) if text},
    )
