"""What is new is judged against an earlier case, what is rare against many hosts; without them that is said."""

from detectors.novelty import Novelty
from detectors.rare_port import RarePorts
from oddport.detection.history import History
from oddport.detection.model import Detector, Finding
from oddport.detection.runner import Runner
from oddport.detection.testing import MadeFlow, flow, flows, run
from oddport.protocols.model import PortVerdict

DAY = 86_400.0
SAID = {"app": "tls", "orig": b"\x16\x03\x01" + bytes(97), "resp": b"\x16\x03\x03" + bytes(97)}


def earlier(*made: MadeFlow) -> History:
    """A case of these flows."""
    history = History()
    history.take(flows(*made))
    history.close()
    return history


def compared(before: History | None, *made: MadeFlow) -> tuple[list[Finding], list[str]]:
    runner = Runner([Novelty], baseline=before)
    runner.flows(flows(*made))
    return runner.finish(), list(runner.abstained().get("novelty", {}))


WEEK = [
    flow("10.0.0.5:40000 > 203.0.113.7:443", **SAID),
    flow("10.0.0.9:40000 > 10.0.0.5:22", at=8 * DAY, app="ssh", orig=b"SSH-2.0-a\r\n", resp=b"SSH-2.0-b\r\n"),
]


def test_port_that_a_known_host_never_used_is_new_and_one_it_used_is_not() -> None:
    (found,), _ = compared(earlier(*WEEK), flow("10.0.0.5:40001 > 203.0.113.9:8443", **SAID))
    assert (found.rule, found.title, found.score) == ("BEH-03", "First use of 8443/tcp", 20)
    assert found.evidence[0].data == bytes([10, 0, 0, 5, 203, 0, 113, 9])
    assert compared(earlier(*WEEK), flow("10.0.0.5:40001 > 203.0.113.9:443", **SAID))[0] == []


def test_host_that_the_earlier_case_does_not_know_has_nothing_new() -> None:
    assert compared(earlier(*WEEK), flow("10.0.0.77:40001 > 203.0.113.9:8443", **SAID))[0] == []


def test_new_listener_weighs_more_where_it_is_asked_from_outside() -> None:
    inside, outside = (flow(f"{who}:40001 > 10.0.0.5:8443", **SAID) for who in ("10.0.0.77", "203.0.113.9"))
    scores = [compared(earlier(*WEEK), made)[0][0].score for made in (inside, outside)]
    assert scores == [35, 55]
    assert compared(earlier(*WEEK), inside)[0][0].rule == "BEH-12"


def test_earlier_case_that_is_too_short_is_said_and_without_one_nothing_is() -> None:
    new = flow("10.0.0.5:40001 > 203.0.113.9:8443", **SAID)
    assert compared(earlier(WEEK[0]), new) == ([], ["what is new: the earlier case does not span 7 days"])
    assert compared(None, new) == ([], [])


def crowd(count: int) -> list[MadeFlow]:
    return [flow(f"10.1.0.{host}:40000 > 203.0.113.7:443", **SAID) for host in range(1, count + 1)]


def test_port_that_one_of_many_hosts_uses_is_rare() -> None:
    odd = flow("10.1.0.1:40001 > 203.0.113.9:8088", verdict=PortVerdict.MISMATCH, **SAID)
    kind: type[Detector] = RarePorts
    (found,) = run(kind, flows(odd, *crowd(60)))
    assert (found.rule, found.title, found.score) == ("BEH-04", "Rare port 8088/tcp", 30)
    assert run(kind, flows(odd, *crowd(10))) == []
