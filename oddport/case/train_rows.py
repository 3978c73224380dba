"""Fragment trains of the engine → rows of the table `train`."""

import json

import numpy as np
from numpy.typing import NDArray

from oddport.case.bulk import BulkRows, addresses, optional
from oddport.case.table_image import Column, Tail
from oddport.engine.trains import FRAGMENT, TRAIN, Train, TrainBatch

TRAIN_COLUMNS = (
    "id", "version", "src", "dst", "proto", "ip_id", "sport", "dport", "flow", "first_ns", "last_ns", "count",
    "complete", "total", "reassembled", "anomalies", "context", "interface", "at_start", "at_end", "fragments", "rest",
)  # fmt: skip
"""In the order of the table."""


class WaitingTrains:
    """Trains that wait to be put together: what is done for many at once costs least. Their bytes are let go."""

    def __init__(self, *batches: TrainBatch) -> None:
        self._trains: list[NDArray[np.void]] = []
        self._fragments: list[NDArray[np.void]] = []
        self._rests: list[tuple[int, bytes]] = []
        self._fragment_count = self._count = 0
        for batch in batches:
            self.add(batch)

    def __len__(self) -> int:
        return self._count

    def add(self, batch: TrainBatch) -> None:
        """Let the trains of a batch wait."""
        trains = batch.trains.copy()
        trains["first"] += self._fragment_count
        self._rests += [(self._count + row, rest) for row, train in batch.special.items() if (rest := rest_of(train))]
        self._trains.append(trains)
        self._fragments.append(batch.fragments)
        self._count += len(trains)
        self._fragment_count += len(batch.fragments)

    def rows(self) -> BulkRows:
        """All of them, by ascending id."""
        trains = np.concatenate([np.zeros(0, TRAIN), *self._trains])
        fragments = np.concatenate([np.zeros(0, FRAGMENT), *self._fragments]).tobytes()
        order = np.argsort(trains["id"], kind="stable")
        place_of = np.empty(len(order), np.intp)
        place_of[order] = np.arange(len(order))
        trains = trains[order]
        begin = trains["first"].astype(np.int64) * FRAGMENT.itemsize
        end = begin + trains["listed"].astype(np.int64) * FRAGMENT.itemsize
        listed = [fragments[a:b] for a, b in zip(begin.tolist(), end.tolist(), strict=True)]
        return BulkRows(
            "train",
            TRAIN_COLUMNS,
            np.ascontiguousarray(trains["id"]),
            [_column(name, trains) for name in TRAIN_COLUMNS[1:-2]],
            [
                Tail(np.arange(len(trains)), listed, False),
                Tail(place_of[[row for row, _ in self._rests]], [rest for _, rest in self._rests], True),
            ],
        )


def rest_of(train: Train) -> bytes:
    """Holes, conflicts and whether it was given up, as JSON; empty where there is none of it."""
    if not train.holes and not train.conflicts:
        return b""
    conflicts = [[c.offset, c.old.hex(), c.new.hex(), c.old_fragment, c.new_fragment] for c in train.conflicts]
    rest = {"holes": train.holes, "conflicts": conflicts, **({"evicted": True} if train.evicted else {})}
    return json.dumps(rest, separators=(",", ":")).encode("ascii")


def _column(name: str, trains: NDArray[np.void]) -> Column:
    values = trains[name]
    if values.dtype.kind == "V":
        return addresses(values, trains["version"])
    if name in ("sport", "dport", "total"):
        return optional(values, values < 0)
    if name == "flow":
        return optional(values, values == 0)
    return Column(values.view(np.uint8) if values.dtype == np.bool_ else values)
