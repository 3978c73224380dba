"""A fragment train with conflicts → the datagram as different systems put it together.

The policies are those of Novak, Target-Based Fragmentation Reassembly (2005); `drop` is what IPv6 asks for (RFC 5722)
and Linux does since 4.19. "Old" is the fragment that came earlier.
"""

from collections.abc import Callable

from oddport.engine.columns import TCP, UDP
from oddport.engine.reassembly import upper_header
from oddport.engine.trains import Fragment, Train

POLICIES: tuple[str, ...] = ("first", "last", "bsd", "bsd-right", "linux-2.x", "windows", "solaris", "drop")
"""In the order in which they are shown."""
_OFFSETS: dict[str, Callable[[int, int, int, int], bool]] = {
    # (old offset, old end, new offset, new end) → whether the new bytes win
    "first": lambda old, old_end, new, new_end: False,
    "last": lambda old, old_end, new, new_end: True,
    "bsd": lambda old, old_end, new, new_end: old > new,
    "bsd-right": lambda old, old_end, new, new_end: old <= new,
    "linux-2.x": lambda old, old_end, new, new_end: old >= new,
    "windows": lambda old, old_end, new, new_end: new < old and new_end > old_end,
    "solaris": lambda old, old_end, new, new_end: new < old and new_end >= old_end,
}


def new_wins(policy: str, old: Fragment, new: Fragment) -> bool:
    """Whether the bytes of the later fragment replace those of the earlier one. Raises KeyError for `drop`."""
    return _OFFSETS[policy](old.offset, old.offset + old.length, new.offset, new.offset + new.length)


def readings(train: Train) -> dict[str, bytes | None]:
    """Policy → the datagram up to its first hole; None where the policy throws it away.

    Holds for the conflicts that the train lists, and for their bytes that were kept; where three fragments meet, each
    later one is weighed against the first.
    """
    found: dict[str, bytes | None] = {}
    for policy in POLICIES:
        if policy == "drop":
            found[policy] = None if train.anomalies & {"overlap", "conflicting_overlap"} else train.datagram
            continue
        data = bytearray(train.datagram)
        for conflict in train.conflicts:
            if not (0 <= conflict.old_fragment < len(train.fragments) and conflict.new_fragment < len(train.fragments)):
                continue
            old, new = train.fragments[conflict.old_fragment], train.fragments[conflict.new_fragment]
            end = min(conflict.offset + len(conflict.new), len(data))
            if conflict.offset < end and new_wins(policy, old, new):
                data[conflict.offset : end] = conflict.new[: end - conflict.offset]
        found[policy] = bytes(data)
    return found


def transport_at(train: Train, datagram: bytes) -> tuple[int, int]:
    """(protocol, offset) of the transport header in a reading of the train's datagram; behind its end where it is not
    there."""
    first = next((each for each in train.fragments if each.offset == 0), None)
    proto, at, _ = upper_header(train.proto if first is None else first.proto, train.version, datagram)
    return proto, at


def ports(datagram: bytes | None, proto: int) -> tuple[int, int] | None:
    """(source, destination) port of a reassembled datagram; None where it has none."""
    if datagram is None or len(datagram) < 4 or proto not in (TCP, UDP):
        return None
    return int.from_bytes(datagram[:2], "big"), int.from_bytes(datagram[2:4], "big")


def ports_by_policy(train: Train) -> dict[tuple[int, int], list[str]]:
    """The ports that the train may have → the policies that read them so. More than one entry: the port is in the eye
    of the reader, a filter and a host may each see another."""
    found: dict[tuple[int, int], list[str]] = {}
    for policy, datagram in readings(train).items():
        pair = ports(datagram, train.proto)
        if pair is not None:
            found.setdefault(pair, []).append(policy)
    return found
