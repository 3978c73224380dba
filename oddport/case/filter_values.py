"""Words of a filter → values: sizes, durations, times, ports, networks, and the addresses whose text begins so."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_network

from oddport.case.errors import FilterError

INTEGER_MAX = 0x7FFF_FFFF_FFFF_FFFF
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)([kKMGT]i?)?B?", re.ASCII)
_FACTORS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_FACTORS |= {"ki": 1 << 10, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}
_DURATION = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h|d)?", re.ASCII)
_UNITS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_UNITS_NS["d"] = 86_400 * 10**9
_FRACTION = re.compile(r"(.*?:\d\d)\.(\d{1,9})(.*)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Bounds = tuple[int, int] | tuple[bytes, bytes]
"""The first and the last stored value of a range of addresses: integers for IPv4, 16 bytes for IPv6."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it stands in a filter."""

    text: str
    column: int
    """0-based, of its first character."""
    quoted: bool = False


def size(value: Value) -> int:
    """`1500`, `1.5k`, `10M`, `4Mi`, with or without `B`."""
    match = _SIZE.fullmatch(value.text)
    if match is None:
        raise FilterError(f"“{value.text}” is not a number. Numbers look like 1500, 20k, 1.5M or 4Mi.", value.column)
    return min(INTEGER_MAX, int(Decimal(match[1]) * _FACTORS[match[2] or ""]))


def duration_ns(value: Value) -> int:
    """`250ms`, `10s`, `1.5h`; without a unit, seconds."""
    match = _DURATION.fullmatch(value.text)
    if match is None:
        raise FilterError(
            f"“{value.text}” is not a duration. Durations look like 250ms, 10s, 5m or 1.5h.", value.column
        )
    return min(INTEGER_MAX, int(Decimal(match[1]) * _UNITS_NS[match[2] or "s"]))


def time_ns(value: Value) -> int:
    """ISO 8601, `2024-05-06`, `2024-05-06T07:08:09.25`; UTC unless it says otherwise."""
    text, nanoseconds = value.text, 0
    fraction = _FRACTION.fullmatch(text)
    if fraction is not None:
        text, nanoseconds = fraction[1] + fraction[3], int(fraction[2].ljust(9, "0"))
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        passed = moment - _EPOCH
    except (ValueError, OverflowError):
        raise FilterError(
            f"“{value.text}” is not a time. Times look like 2024-05-06 or 2024-05-06T07:08:09, in UTC.", value.column
        ) from None
    stamp = (passed.days * 86_400 + passed.seconds) * 10**9 + nanoseconds
    return max(-INTEGER_MAX, min(INTEGER_MAX, stamp))


def number_in(value: Value, highest: int, what: str) -> int:
    """A whole number from 0 to `highest`."""
    text = value.text
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > highest:
        raise FilterError(f"“{text}” is not {what}: those are numbers from 0 to {highest:,}.", value.column)
    return int(text)


def bounds_of(value: Value) -> Bounds:
    """An address or a network in CIDR notation (RFC 4632), host bits or not."""
    try:
        network: IPv4Network | IPv6Network = ip_network(value.text, strict=False)
    except ValueError:
        raise FilterError(
            f"“{value.text}” is not an address. Addresses look like 10.20.3.14, 10.20.0.0/16 or 2001:db8::/32.",
            value.column,
        ) from None
    first, last = network.network_address, network.broadcast_address
    if isinstance(network, IPv4Network):
        return int(first), int(last)
    return first.packed, last.packed


def prefixes_of(text: str) -> list[Bounds]:
    """The ranges of addresses whose text begins with `text`; none where no address begins so.

    IPv4 in decimal (`10.2` is 10.2.0.0, 10.20.0.0 to 10.29.255.255, 10.200.0.0 to …); IPv6 by groups without leading
    zeros (`2001:db8:1`), a `::` stands for what an address of that text may begin with.
    """
    if re.fullmatch(r"\d{1,3}(\.\d{1,3}){0,3}\.?", text, re.ASCII):
        return _ipv4_prefixes(text)
    if re.fullmatch(r"[0-9a-fA-F:]{2,39}", text, re.ASCII) and ":" in text:
        return _ipv6_prefixes(text.lower())
    return []


def _ipv4_prefixes(text: str) -> list[Bounds]:
    whole, _, last = text.rpartition(".")
    octets = [int(part) for part in whole.split(".")] if whole else []
    zeros = any(part[0] == "0" and part != "0" for part in whole.split(".")) if whole else False
    if zeros or any(octet > 255 for octet in octets) or (last == "" and len(octets) > 3):
        return []
    fixed = 0
    for octet in octets:
        fixed = fixed << 8 | octet
    if last == "":
        shift = 8 * (4 - len(octets))
        return [(fixed << shift, (fixed + 1 << shift) - 1)]
    shift = 8 * (3 - len(octets))
    return [((fixed << 8 | low) << shift, ((fixed << 8 | high) + 1 << shift) - 1) for low, high in _runs(last, 10, 255)]


def _ipv6_prefixes(text: str) -> list[Bounds]:
    if text.count("::") > 1 or ":::" in text or (text.startswith(":") and not text.startswith("::")):
        return []
    head, gap, tail = text.partition("::")
    groups = head.split(":") if head else []
    if gap and tail:
        # which groups the gap stands for is open until the text is whole: only the whole address is taken
        try:
            return [bounds_of(Value(text, 0))]
        except FilterError:
            return []
    if gap:
        groups += ["0"]
        partial = ""
    else:
        partial = groups.pop()
    if len(groups) > 8 or (partial and len(groups) > 7) or any(len(group) > 4 or not group for group in groups):
        return []
    fixed = 0
    for group in groups:
        fixed = fixed << 16 | int(group, 16)
    if not partial:
        shift = 16 * (8 - len(groups))
        return [_packed(fixed << shift, (fixed + 1 << shift) - 1)]
    shift = 16 * (7 - len(groups))
    return [
        _packed((fixed << 16 | low) << shift, ((fixed << 16 | high) + 1 << shift) - 1)
        for low, high in _runs(partial, 16, 0xFFFF)
    ]


def _packed(low: int, high: int) -> tuple[bytes, bytes]:
    return low.to_bytes(16, "big"), high.to_bytes(16, "big")


def _runs(digits: str, base: int, highest: int) -> list[tuple[int, int]]:
    """Runs of numbers up to `highest` whose text without leading zeros begins with `digits`."""
    number = int(digits, base)
    if number == 0:
        return [(0, 0)] if len(digits) == 1 else []
    if digits.startswith("0"):
        return []
    runs, low, high = [], number, number
    while low <= highest:
        runs.append((low, min(high, highest)))
        low, high = low * base, high * base + base - 1
    return runs
