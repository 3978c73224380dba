"""Inside is what the RFCs set apart, or what a person says; prevalence counts exchanges, not attempts."""

from ipaddress import ip_address

import numpy as np
import pytest

from oddport.detection.hosts import INSIDE, Networks, Prevalence, Prevalences, halves
from oddport.detection.testing import flow, flows
from oddport.engine.columns import TCP, UDP
from oddport.protocols.model import PortVerdict


def packed(text: str) -> tuple[bytes, int]:
    address = ip_address(text)
    return address.packed.rjust(16, b"\0"), address.version


ADDRESSES = {
    "10.255.255.255": True, "11.0.0.0": False, "172.15.255.255": False, "172.16.0.1": True, "172.31.255.255": True,
    "172.32.0.0": False, "192.168.7.9": True, "192.0.2.7": False, "203.0.113.9": False, "100.64.0.1": True,
    "100.128.0.0": False, "127.0.0.1": True, "169.254.9.9": True, "8.8.8.8": False, "::1": True, "fd12::7": True,
    "fe80::1": True, "fec0::1": False, "2001:db8::1": False, "::2": False,
}  # fmt: skip


@pytest.mark.parametrize(("text", "inside"), ADDRESSES.items())
def test_inside_is_private_shared_link_local_or_loopback(text: str, inside: bool) -> None:
    assert Networks(INSIDE).has(*packed(text)) is inside


def test_column_of_addresses_is_judged_as_each_of_them() -> None:
    pairs = [packed(text) for text in ADDRESSES]
    column = np.array([np.void(address) for address, _ in pairs], "V16")
    high, low = halves(column)
    mask = Networks(INSIDE).mask(high, low, np.array([version for _, version in pairs], np.uint8))
    assert dict(zip(ADDRESSES, mask.tolist(), strict=True)) == ADDRESSES


def test_ipv4_network_does_not_hold_the_ipv6_address_with_the_same_low_bytes() -> None:
    assert not Networks(["10.0.0.0/8"]).has(ip_address("::a00:1").packed, 6)


def test_text_that_is_no_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"“10\.0\.0\.0/99” is no network"):
        Networks(["10.0.0.0/99"])


def counted(*texts: str, resp: bytes = b"y", **given: object) -> Prevalence:
    prevalence = Prevalence(Networks(INSIDE))
    made = [flow(text, orig=b"x", resp=resp, app="x", verdict=PortVerdict.NOTHING, **given) for text in texts]  # type: ignore[arg-type]
    batch = flows(*made)
    prevalence.take(batch.flows, batch.server_port)
    return prevalence


def test_detectors_that_call_the_same_inside_share_one_count() -> None:
    every, home, office = Prevalences(), Networks(INSIDE), Networks(["203.0.113.0/24"])
    mine, theirs = every.of(home), every.of(office)
    assert every.of(home) is mine
    batch = flows(flow("10.0.0.1:50000 > 203.0.113.7:8088", orig=b"x", resp=b"y"))
    every.take(batch.flows, batch.server_port)
    assert (mine.hosts(), mine.users(TCP, 8088), theirs.hosts()) == (1, 1, 0)


def test_host_counts_once_a_port_however_often_it_calls() -> None:
    seen = counted(*[f"10.0.0.{1 + i % 3}:{50000 + i} > 203.0.113.7:8088" for i in range(30)])
    assert (seen.users(TCP, 8088), seen.hosts()) == (3, 3)
    assert seen.users(UDP, 8088) == 0
    assert seen.users(TCP, 443) == 0


def test_scan_without_answers_is_no_use_of_a_port() -> None:
    seen = counted(*[f"10.0.0.1:50000 > 203.0.113.7:{port}" for port in range(1, 50)], resp=b"")
    assert (seen.users(TCP, 22), seen.hosts()) == (0, 0)


def test_outside_clients_do_not_count() -> None:
    seen = counted("198.51.100.1:50000 > 10.0.0.9:8088")
    assert (seen.users(TCP, 8088), seen.hosts()) == (0, 0)


def test_client_is_the_responder_where_the_originator_serves() -> None:
    seen = counted("203.0.113.7:8088 > 10.0.0.4:50000", server="originator")
    assert (seen.users(TCP, 8088), seen.hosts()) == (1, 1)


def test_empty_run_has_no_hosts() -> None:
    seen = Prevalence(Networks(INSIDE))
    assert (seen.users(TCP, 80), seen.hosts()) == (0, 0)


def test_counts_are_the_same_after_compaction_as_in_a_set() -> None:
    seen, oracle = Prevalence(Networks(INSIDE)), set()
    seen._COMPACT = 64
    for round_number in range(12):
        texts = [
            f"10.0.{(i * 7 + round_number) % 40}.1:50000 > 203.0.113.7:{8000 + (i * 3 + round_number) % 5}"
            for i in range(40)
        ]
        oracle |= {(text.split(":")[0], int(text.rsplit(":", 1)[1])) for text in texts}
        batch = flows(*[flow(text, orig=b"x", resp=b"y", app="x", verdict=PortVerdict.NOTHING) for text in texts])
        seen.take(batch.flows, batch.server_port)
    assert seen.hosts() == len({host for host, _ in oracle})
    for port in range(8000, 8005):
        assert seen.users(TCP, port) == sum(known == port for _, known in oracle)


def test_beyond_its_limit_it_says_so_and_counts_no_more() -> None:
    seen = Prevalence(Networks(INSIDE), limit=10)
    seen._COMPACT = 0
    for start in range(0, 40, 20):
        made = [
            flow(
                f"10.0.0.1:50000 > 203.0.113.7:{1000 + start + i}",
                orig=b"x",
                resp=b"y",
                app="x",
                verdict=PortVerdict.NOTHING,
            )
            for i in range(20)
        ]
        batch = flows(*made)
        seen.take(batch.flows, batch.server_port)
    assert not seen.complete
    assert seen.users(TCP, 1000) == 0
