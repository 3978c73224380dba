"""Addresses → inside or outside; flows → how many inside hosts use a server port."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.protocols.verdicts import originator_serves

INSIDE: tuple[str, ...] = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # RFC 1918
    "100.64.0.0/10",  # RFC 6598, behind a carrier's NAT
    "169.254.0.0/16", "fe80::/10",  # RFC 3927, RFC 4291: link-local
    "127.0.0.0/8", "::1/128",  # loopback
    "fc00::/7",  # RFC 4193
)  # fmt: skip
"""Networks that are inside unless a person says otherwise."""
NEITHER: tuple[str, ...] = (
    "0.0.0.0/8",  # RFC 791: this network
    "224.0.0.0/4", "ff00::/8",  # multicast
    "255.255.255.255/32",  # limited broadcast
    "::/128",
)  # fmt: skip
"""Addresses of no single host: neither inside nor outside."""

RARE, COMMON = 0.02, 0.5
"""Shares of inside hosts that use a port: at most RARE raises a score, from COMMON on it falls."""
REMEMBERED = 65_536
"""Addresses whose answer is kept (about 120 bytes each)."""

_MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
"""Odd multipliers that spread an address over 64 bits (the golden ratio's, and two primes of xxHash)."""


class Networks:
    """A set of networks, asked for one address or for a column of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Networks in CIDR notation. Raises ValueError with the text that is none."""
        self._v4: list[tuple[int, int]] = []
        self._v6: list[tuple[int, int]] = []
        self._known: dict[bytes, bool] = {}
        for text in texts:
            try:
                network = ip_network(text, strict=False)
            except ValueError as error:
                raise ValueError(f"“{text}” is no network: {error}. A network is written like 10.0.0.0/8.") from None
            entry = (int(network.network_address), int(network.netmask))
            (self._v4 if isinstance(network, IPv4Network) else self._v6).append(entry)

    def has(self, address: bytes, version: int) -> bool:
        """Whether the 16-byte address lies in one of them; an IPv4 address is its last four bytes."""
        key = address[12:] if version == 4 else address
        found = self._known.get(key)
        if found is None:
            value = int.from_bytes(key, "big")
            found = any(value & mask == first for first, mask in (self._v4 if version == 4 else self._v6))
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = found
        return found

    def mask(self, high: NDArray[np.uint64], low: NDArray[np.uint64], version: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """The same for columns of addresses, each as two halves."""
        found = np.zeros(len(low), bool)
        four = version == 4
        for first, mask in self._v4:
            found |= four & ((low & np.uint64(mask)) == np.uint64(first))
        if self._v6 and not four.all():
            for first, mask in self._v6:
                upper = (high & np.uint64(mask >> 64)) == np.uint64(first >> 64)
                lower = (low & np.uint64(mask & 0xFFFFFFFFFFFFFFFF)) == np.uint64(first & 0xFFFFFFFFFFFFFFFF)
                found |= ~four & upper & lower
        return found


@cache
def networks(texts: tuple[str, ...]) -> Networks:
    """The set of these networks, made once. Raises ValueError as Networks does."""
    return Networks(texts)


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def halves(addresses: NDArray[np.void]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The two 64-bit halves of a V16 column."""
    pair = np.ascontiguousarray(addresses).view(">u8").reshape(-1, 2).astype(np.uint64)
    return pair[:, 0], pair[:, 1]


def mix(
    high: NDArray[np.uint64], low: NDArray[np.uint64], salt: NDArray[np.unsignedinteger[Any]]
) -> NDArray[np.uint64]:
    """64 bits that stand for two halves and a salt (for an address: its version), spread evenly."""
    found: NDArray[np.uint64] = high * np.uint64(_MIX[0]) + low * np.uint64(_MIX[1]) + salt
    found = (found ^ (found >> np.uint64(32))) * np.uint64(_MIX[2])
    return found ^ (found >> np.uint64(29))


@dataclass(frozen=True, slots=True)
class Usage:
    """How many of the inside hosts use a server port."""

    users: int
    hosts: int

    @property
    def rare(self) -> bool:
        """Few hosts use it, or none."""
        return self.users <= RARE * self.hosts

    @property
    def common(self) -> bool:
        """At least half of them do."""
        return self.users >= COMMON * self.hosts

    def words(self, where: str) -> str:
        """`2 of 61 inside hosts use 8088/tcp`"""
        return f"{self.users:,} of {self.hosts:,} inside hosts {'uses' if self.users == 1 else 'use'} {where}"


class Prevalence:
    """How many inside hosts talked with a server port, of all inside hosts that talked with any.

    Only exchanges count: the server has to have sent payload, so that a scan of every port is no use of it. A host is
    known by a 64-bit mix of its address (two of a million share one by a chance of 1 in 30 million).
    At most `limit` pairs of host and port are told apart; beyond that `complete` is False and nothing is said.
    """

    PAIRS = 4_000_000
    """Of 12 bytes each."""
    _COMPACT = 65_536

    def __init__(self, inside: Networks, limit: int = PAIRS) -> None:
        self._inside = inside
        self._limit = limit
        self._pairs: list[NDArray[np.uint64]] = []
        self._ports: list[NDArray[np.uint32]] = []
        self._hosts: list[NDArray[np.uint64]] = []
        self._raw = 0
        self._kept = 0
        self._counts: dict[int, int] | None = None
        self.complete = True

    def take(self, flows: NDArray[np.void], server_port: NDArray[np.uint16]) -> None:
        """Count the flows of a batch: FLOW records, and the server port of each."""
        if not self.complete:
            return
        served = originator_serves(flows)
        answer = np.where(served, flows["payload_o"], flows["payload_r"])
        chosen = np.flatnonzero((server_port != 0) & (answer != 0))
        if not len(chosen):
            return
        flows, served = flows[chosen], served[chosen]
        high, low = halves(np.where(served, flows["dst"], flows["src"]))
        inside = self._inside.mask(high, low, flows["version"])
        if not inside.any():
            return
        host = mix(high, low, flows["version"])[inside]
        port = (flows["proto"].astype(np.uint32) << np.uint32(16) | server_port[chosen])[inside]
        pair = (host ^ (port.astype(np.uint64) * np.uint64(_MIX[0]))) * np.uint64(_MIX[1])
        pair, first = np.unique(pair, return_index=True)
        self._pairs.append(pair)
        self._ports.append(port[first])
        self._hosts.append(np.unique(host))
        self._raw += len(pair)
        if self._raw > 2 * self._kept + self._COMPACT:
            self._compact()

    def _compact(self) -> None:
        pairs, first = np.unique(np.concatenate(self._pairs), return_index=True)
        self._ports = [np.concatenate(self._ports)[first]]
        self._pairs = [pairs]
        self._hosts = [np.unique(np.concatenate(self._hosts))]
        self._raw = self._kept = len(pairs)
        self._counts = None
        if self._kept > self._limit:
            self.complete = False
            self._pairs, self._ports, self._hosts = [], [], []

    def usage(self, proto: int, port: int) -> Usage:
        """Of this server port; without any host where not every pair could be told apart."""
        return Usage(self.users(proto, port), self.hosts()) if self.complete else Usage(0, 0)

    def hosts(self) -> int:
        """Inside hosts that had an answer from any server port."""
        self._settle()
        return len(self._hosts[0]) if self._hosts else 0

    def users(self, proto: int, port: int) -> int:
        """Inside hosts that had an answer from this server port."""
        self._settle()
        if self._counts is None:
            keys, counts = np.unique(self._ports[0], return_counts=True) if self._ports else ((), ())
            self._counts = {int(key): int(count) for key, count in zip(keys, counts, strict=True)}
        return self._counts.get(proto << 16 | port, 0)

    def _settle(self) -> None:
        if len(self._pairs) > 1:
            self._compact()


class Prevalences:
    """The Prevalence of a run, counted once for all detectors that call the same networks inside."""

    def __init__(self) -> None:
        self._all: dict[Networks, Prevalence] = {}

    def of(self, inside: Networks) -> Prevalence:
        """The one for these networks; ask before the first flows come."""
        return self._all.setdefault(inside, Prevalence(inside))

    def take(self, flows: NDArray[np.void], server_port: NDArray[np.uint16]) -> None:
        """Count the flows of a batch."""
        for each in self._all.values():
            each.take(flows, server_port)
