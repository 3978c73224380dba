"""Every policy of the field puts an overlapping train together in its own way."""

import pytest

from oddport.detection.reassembly import POLICIES, new_wins, ports, ports_by_policy, readings
from oddport.detection.testing import train
from oddport.engine.columns import ICMP, TCP, UDP
from oddport.engine.trains import Conflict, Fragment

ENDS = "10.0.0.1:1000 > 10.0.0.2:53/udp"


def fragment(offset: int, length: int) -> Fragment:
    return Fragment(1, 0, 0, 0, 34, offset, length, length, True, 64, 17, 1, 20)


WINS = {
    # (old offset, length), (new offset, length) → policies in which the new bytes win, by Novak's table
    ((8, 16), (8, 16)): {"last", "bsd-right", "linux-2.x"},
    ((8, 16), (0, 16)): {"last", "bsd", "linux-2.x"},
    ((8, 16), (16, 16)): {"last", "bsd-right"},
    ((8, 16), (0, 24)): {"last", "bsd", "linux-2.x", "solaris"},
    ((8, 16), (0, 32)): {"last", "bsd", "linux-2.x", "solaris", "windows"},
    ((8, 16), (8, 32)): {"last", "bsd-right", "linux-2.x"},
    ((8, 16), (8, 8)): {"last", "bsd-right", "linux-2.x"},
}


@pytest.mark.parametrize(("ranges", "winners"), WINS.items())
def test_who_wins_depends_on_where_the_fragments_begin_and_end(
    ranges: tuple[tuple[int, int], tuple[int, int]], winners: set[str]
) -> None:
    old, new = (fragment(*each) for each in ranges)
    assert {policy for policy in POLICIES if policy != "drop" and new_wins(policy, old, new)} == winners


def test_port_is_in_the_eye_of_the_reader() -> None:
    header = (1000).to_bytes(2, "big") + (53).to_bytes(2, "big") + bytes(4)
    other = (1000).to_bytes(2, "big") + (4444).to_bytes(2, "big") + bytes(4)
    made = train(ENDS, (0, header + b"query---", True), (0, other, True), (16, b"tail", False))
    seen = ports_by_policy(made)
    assert seen == {
        (1000, 53): ["first", "bsd", "windows", "solaris"], (1000, 4444): ["last", "bsd-right", "linux-2.x"],
    }  # fmt: skip
    assert readings(made)["drop"] is None
    assert readings(made)["last"] == other + b"query---tail"


def test_train_without_overlap_reads_the_same_everywhere() -> None:
    made = train(ENDS, (8, b"tail", False), (0, b"12345678", True))
    assert set(readings(made).values()) == {b"12345678tail"}


def test_conflict_with_a_fragment_that_is_not_listed_is_left_as_it_is() -> None:
    made = train(ENDS, (0, b"12345678", False))
    made.conflicts.append(Conflict(0, b"1", b"x", -1, 0))
    assert readings(made)["last"] == b"12345678"


def test_bytes_that_were_not_captured_end_a_reading_only_where_they_win() -> None:
    made = train(ENDS, (0, b"12345678", True), (0, b"abcdefgh", True))
    made.datagram = b"123"
    told = readings(made)
    assert (told["first"], told["last"]) == (b"123", b"abcdefgh")


def test_ports_are_those_of_udp_and_tcp_headers_only() -> None:
    data = b"\x00\x35\x11\x5c"
    assert ports(data, UDP) == ports(data, TCP) == (53, 4444)
    assert ports(data, ICMP) is None
    assert ports(b"\x00\x35\x11", UDP) is None
    assert ports(None, UDP) is None
