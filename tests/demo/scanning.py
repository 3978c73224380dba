"""Captures → what `oddport scan` says of them, in the words of the list of demos."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Records = dict[str, list[dict[str, Any]]]
"""By type of record."""
Flows = Counter[tuple[str, str | None, str | None, str | None]]
Trains = Counter[tuple[str, int, str, tuple[str, ...]]]


def scan(paths: Sequence[Path]) -> dict[Path, Records]:
    """All records of each capture; one process analyses each by itself."""
    command = [sys.executable, "-m", "oddport", "scan", "--each", "--format", "ndjson", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    found: dict[Path, Records] = {path: {} for path in paths}
    for line in done.stdout.splitlines():
        record = json.loads(line)
        if "capture" not in record:
            raise AssertionError(f"a record without a capture: {record}")
        found[Path(record["capture"])].setdefault(record["type"], []).append(record)
    return found


def flows_of(records: Records) -> Flows:
    """(server port and transport, app, tier, verdict) → how many."""
    return Counter(
        (f"{flow['server_port']}/{flow['proto']}", flow["app"], flow["tier"], flow["port_verdict"])
        for flow in records.get("flow", ())
    )


def trains_of(records: Records) -> Trains:
    """(transport, IP version, state, anomalies) → how many."""
    return Counter(
        (train["proto"], train["version"], train["state"], tuple(sorted(train["anomalies"])))
        for train in records.get("fragment_train", ())
    )
