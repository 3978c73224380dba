"""However flows come and whatever addresses they have, the history holds them in order of time, as they were."""

from ipaddress import ip_address

import numpy as np
import pytest

from oddport.detection.history import PAST, History
from oddport.detection.testing import flow, flows

V4 = [
    flow("10.0.0.1:50000 > 192.0.2.1:443/tcp", app="tls", orig=b"abc", resp=b"de", at=3),
    flow("10.0.0.2:50001 > 192.0.2.1:8080/tcp", app="ssh", orig=b"a", resp=b"bcde", at=1),
    flow("192.0.2.9:53 > 10.0.0.2:50002/udp", app="dns", orig=b"abcde", resp=b"f", at=2, server="originator"),
]
V6 = [flow("[2001:db8::1]:50003 > [2001:db8::2]:22/tcp", app="ssh", orig=b"abcd", at=0)]


def closed(*batches: list[object]) -> History:
    """The history of some batches of flows, whose ids go on from one to the next."""
    history, first = History(), 1
    for batch in batches:
        history.take(flows(*batch, first_id=first))  # type: ignore[arg-type]
        first += len(batch)
    history.close()
    return history


def source(record: np.void) -> str:
    packed = record["src"].tobytes()
    return str(ip_address(packed[12:] if record["version"] == 4 else packed))


@pytest.mark.parametrize("six", [False, True], ids=["ipv4 alone", "with ipv6"])
def test_flows_stand_in_order_of_time_with_their_own_addresses_sides_and_names(six: bool) -> None:
    history = closed(V4[:2], *([V6] if six else []), V4[2:])
    assert history.flows[np.arange(len(history.flows))].dtype == PAST
    found = [source(record) for record in history.flows[np.arange(len(history.flows))]]
    assert found == [*(["2001:db8::1"] if six else []), "10.0.0.2", "192.0.2.9", "10.0.0.1"]
    assert history.flows["src"].tolist() == [record["src"].tobytes() for record in history.flows[np.arange(len(found))]]
    last = len(found) - 1
    assert (history.flows["dport"][last], history.app(last), source(history.flows[last])) == (443, "tls", "10.0.0.1")
    # the originator serves DNS: what it sent is down
    assert (history.up[-3:].tolist(), history.down[-3:].tolist()) == ([1, 1, 3], [4, 5, 2])
    assert [history.originator_asks(row) for row in range(last - 2, last + 1)] == [True, False, True]
    assert history.service[-3:].tolist() == [6 << 16 | 8080, 17 << 16 | 53, 6 << 16 | 443]


def test_hosts_have_the_same_number_whether_or_not_there_is_ipv6_and_whichever_side_they_are() -> None:
    alone, mixed = closed(V4), closed(V6, V4)
    assert alone.client.tolist() == mixed.client[1:].tolist()
    assert alone.server.tolist() == mixed.server[1:].tolist()
    # 10.0.0.2 asks in the first two: once as originator, once as responder; 192.0.2.1 serves the first and the last
    assert alone.client[0] == alone.client[1] != alone.client[2]
    assert alone.server[0] == alone.server[2] != alone.server[1]


def test_flows_of_one_nanosecond_stand_by_id() -> None:
    history = closed([V4[0]], [V4[0], V4[1]], [V4[0]])
    assert history.flows["id"].tolist() == [3, 1, 2, 4]
