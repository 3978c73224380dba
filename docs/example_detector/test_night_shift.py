"""Connections at night are found by their time, to outside hosts only."""

from night_shift import NightShift

from oddport.detection.testing import flow, flows, run

HELLO = {"app": "tls", "orig": b"\x16\x03\x01", "resp": b"\x16\x03\x03"}
# flows of the kit begin at 22:13 UTC unless it is said


def test_connections_at_night_are_one_finding_that_shows_the_first_packet() -> None:
    night = [flow(f"10.0.0.5:{port} > 203.0.113.7:443", **HELLO) for port in (51000, 51001)]
    (found,) = run(NightShift, flows(*night))
    assert (found.title, found.count, found.score) == ("Connections at night to 443/tcp", 2, 20)
    assert found.evidence[0].data == bytes([10, 0, 0, 5, 203, 0, 113, 7])


def test_connections_by_day_and_between_inside_hosts_are_quiet() -> None:
    by_day = flow("10.0.0.5:51000 > 203.0.113.7:443", at=12 * 3600, **HELLO)
    inside = flow("10.0.0.5:51000 > 10.0.0.9:443", **HELLO)
    assert run(NightShift, flows(by_day, inside)) == []


def test_the_night_may_be_set() -> None:
    assert run(NightShift, flows(flow("10.0.0.5:1 > 203.0.113.7:443", **HELLO)), settings={"from_hour": 23}) == []
