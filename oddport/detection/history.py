"""All flows of a capture, in columns → the groups that detectors of behaviour ask for: by ends, by host, by port."""

from collections.abc import Iterator, Mapping
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from oddport.detection.hosts import halves, mix
from oddport.detection.model import FlowBatch
from oddport.engine.columns import FLOW
from oddport.protocols.model import PortVerdict
from oddport.protocols.verdicts import originator_serves

FLOWS = 4_000_000
"""Flows that are remembered: about 80 bytes each, 24 more where there is IPv6 among them."""

_KEPT = (
    "id", "first_ns", "last_ns", "src", "dst", "version", "proto", "sport", "dport", "state", "server", "notes", "file",
    "number", "ip_at",
)  # fmt: skip
PAST: np.dtype[np.void] = np.dtype(
    [(name, FLOW[name]) for name in _KEPT]
    + [("server_port", np.dtype("u2")), ("verdict", np.dtype("u1")), ("tier", np.dtype("u1")), ("app", np.dtype("i2"))]
)
"""One record a flow: what columns.FLOW has of it, and the facts that were added (server_port 0 = unknown; app is an
index into History.apps, -1 = none)."""

_NO_SALT = np.zeros(1, np.uint64)
_SORTED = ("served", "up", "down")
"""Columns that are put in order like those of PAST."""
Rows = NDArray[np.int64]
Keys = NDArray[np.unsignedinteger[Any]]


class Past:
    """Flows in columns; by a name a column, by a row a record of PAST, by many rows such records.

    Addresses take four bytes as long as all flows are of IPv4; their columns are made when they are asked for.
    """

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns["id"])

    @overload
    def __getitem__(self, which: str) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, which: int | np.integer[Any]) -> np.void: ...
    @overload
    def __getitem__(self, which: Rows) -> NDArray[np.void]: ...
    def __getitem__(self, which: str | int | np.integer[Any] | Rows) -> NDArray[Any] | np.void:
        """See the class."""
        if isinstance(which, str):
            return _wide(self._columns[which]) if which in ("src", "dst") else self._columns[which]
        rows = np.atleast_1d(which)
        records = np.empty(len(rows), PAST)
        for name in PAST.names or ():
            column = self._columns[name][rows]
            records[name] = _wide(column) if PAST[name].kind == "V" else column
        return records if isinstance(which, np.ndarray) else records[0]

    def address(self, name: str, row: int) -> bytes:
        """The 16 bytes of `src` or `dst` in one row."""
        column = self._columns[name]
        return column[row].tobytes() if column.dtype.kind == "V" else int(column[row]).to_bytes(16, "big")


class History:
    """Flows as they end, then, once the capture is over, the columns of all of them in order of time.

    Beyond `limit` flows no more are remembered, and `complete` is False: what then follows from rarity or absence does
    not hold.
    """

    def __init__(self, limit: int = FLOWS) -> None:
        self._limit = limit
        self._parts: dict[str, list[NDArray[Any]]] = {name: [] for name in (*(PAST.names or ()), *_SORTED)}
        self._count = 0
        self.left_out = 0
        """Flows beyond the limit."""
        self.flows = Past({name: np.zeros(0, PAST[name]) for name in PAST.names or ()})
        """By first_ns and id; filled by `close`, as are the columns below."""
        self.apps: list[str] = []
        self.client: Keys = np.zeros(0, np.uint64)
        """A number for the address that asked, of each flow (a 64-bit mix of it)."""
        self.server: Keys = np.zeros(0, np.uint64)
        self.service: Keys = np.zeros(0, np.uint32)
        """proto << 16 | server port."""
        self.up: NDArray[np.uint64] = np.zeros(0, np.uint64)
        """Payload bytes of the client."""
        self.down: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self.odd: NDArray[np.bool_] = np.zeros(0, bool)
        """What is spoken does not belong on the server port."""
        self.unnamed: NDArray[np.bool_] = np.zeros(0, bool)
        """Something is spoken on a well-known port, and has no name."""
        self._codes: dict[str, int] = {}
        self._served: NDArray[np.bool_] = np.zeros(0, bool)

    @property
    def complete(self) -> bool:
        """Whether every flow is remembered."""
        return not self.left_out

    @property
    def span(self) -> tuple[int, int]:
        """(first_ns of the first flow, last_ns of the last one), 0 and 0 where there is none."""
        if not len(self.flows):
            return 0, 0
        return int(self.flows["first_ns"][0]), int(self.flows["last_ns"].max())

    def take(self, batch: FlowBatch) -> None:
        """Remember the flows of a batch."""
        count = min(len(batch.flows), self._limit - self._count)
        self.left_out += len(batch.flows) - count
        if not count:
            return
        flows = batch.flows[:count]
        served = originator_serves(flows)
        sent, received = flows["payload_o"], flows["payload_r"]
        codes = np.array([*map(self._code, batch.names), -1], np.int16)
        made = {
            "app": codes[batch.app_id[:count]],
            "served": served,
            "up": np.where(served, received, sent),
            "down": np.where(served, sent, received),
            **{name: getattr(batch, name)[:count] for name in ("server_port", "verdict", "tier")},
        }
        narrow = bool((flows["version"] == 4).all())
        for name, parts in self._parts.items():
            column = flows[name] if name in _KEPT else made[name]
            # a copy: the batch is not to stay in memory for one column of it
            parts.append(_narrow(column) if column.dtype.kind == "V" and narrow else np.array(column))
        self._count += count

    def _code(self, app: str) -> int:
        code = self._codes.setdefault(app, len(self.apps))
        if code == len(self.apps):
            self.apps.append(app)
        return code

    def close(self) -> None:
        """Put everything into the order of time."""
        if not self._count:
            return
        order = np.argsort(np.concatenate(self._parts["id"]), kind="stable")
        times = np.concatenate(self._parts["first_ns"])[order]
        if (times[1:] < times[:-1]).any():  # ids follow the packets, and these mostly follow the time
            order = order[np.argsort(times, kind="stable")]
        del times
        columns: dict[str, NDArray[Any]] = {}
        for name in list(self._parts):  # one after the other, so that only one of them is there twice
            parts = self._parts.pop(name)
            if len({part.dtype for part in parts}) > 1:
                parts = [_wide(part) for part in parts]
            columns[name] = np.concatenate(parts)[order]
            parts.clear()
        self._served, self.up, self.down = (columns.pop(name) for name in _SORTED)
        self.flows = flows = Past(columns)
        source, target = (mix(*_halves(columns[name]), flows["version"]) for name in ("src", "dst"))
        self.client, self.server = np.where(self._served, target, source), np.where(self._served, source, target)
        self.service = flows["proto"].astype(np.uint32) << np.uint32(16) | flows["server_port"]
        self.odd = flows["verdict"] == PortVerdict.MISMATCH
        self.unnamed = flows["verdict"] == PortVerdict.UNRECOGNISED

    def app(self, row: int) -> str | None:
        """The name of a flow."""
        code = int(self.flows["app"][row])
        return self.apps[code] if code >= 0 else None

    def ends(self, row: int) -> tuple[bytes, bytes, int]:
        """src, dst and IP version of a flow."""
        return self.flows.address("src", row), self.flows.address("dst", row), int(self.flows["version"][row])

    def originator_asks(self, row: int) -> bool:
        """Whether the originator of a flow is the client."""
        return not bool(self._served[row])

    def groups(self, rows: Rows, *keys: Keys) -> "Groups":
        """`rows` put together where the values of all `keys` (columns of this history) are the same."""
        return Groups(rows, joined(*[key[rows] for key in keys]))


def joined(first: Keys, *others: Keys) -> Keys:
    """One key for several columns of keys."""
    for key in others:
        first = mix(first.astype(np.uint64), key.astype(np.uint64), _NO_SALT)
    return first


def _narrow(addresses: NDArray[np.void]) -> NDArray[np.uint32]:
    """IPv4 addresses (V16) as numbers."""
    return np.ascontiguousarray(addresses).view(">u4").reshape(-1, 4)[:, 3].astype(np.uint32)


def _wide(addresses: NDArray[Any]) -> NDArray[np.void]:
    """Addresses as V16, whichever way they are held."""
    if addresses.dtype.kind == "V":
        return addresses
    found = np.zeros((len(addresses), 4), ">u4")
    found[:, 3] = addresses
    return found.view("V16")[:, 0]


def _halves(addresses: NDArray[Any]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """As hosts.halves, whichever way they are held."""
    if addresses.dtype.kind == "V":
        return halves(addresses)
    return np.zeros(1, np.uint64), addresses.astype(np.uint64)


class Groups:
    """Rows of a history by a key: what can be said of all groups at once, and the rows of those that matter."""

    def __init__(self, rows: Rows, key: Keys) -> None:
        order = np.argsort(key, kind="stable")
        ordered = key[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(rows) else rows
        self._rows = rows[order]
        self._starts = starts
        self.counts: Rows = np.diff(np.concatenate((starts, [len(rows)])))
        """Rows of each group."""

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        """Of each group, the sum of a column of the history (of truth values: how many are true)."""
        column = values[self._rows]
        if column.dtype == np.bool_:
            column = column.astype(np.int64)
        return np.add.reduceat(column, self._starts) if len(self._starts) else column

    def kinds(self, values: NDArray[Any]) -> Rows:
        """Of each group, how many different values a column of the history has."""
        if not len(self._starts):
            return self.counts
        group = np.repeat(np.arange(len(self.counts)), self.counts)
        column = values[self._rows]
        order = np.lexsort((column, group))
        column = column[order]
        new = np.concatenate(([True], column[1:] != column[:-1]))
        new[self._starts] = True
        return np.add.reduceat(new.astype(np.int64), self._starts)

    def rows(self, chosen: NDArray[np.bool_]) -> Iterator[Rows]:
        """The rows of each chosen group in order of time, groups in order of their first row."""
        wanted = np.flatnonzero(chosen)
        for group in wanted[np.argsort(self._rows[self._starts[wanted]])].tolist():
            start = int(self._starts[group])
            yield self._rows[start : start + int(self.counts[group])]
