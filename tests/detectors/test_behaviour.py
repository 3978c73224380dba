"""What hosts do over a whole capture: beacons, long connections, uploads, failed attempts."""

import numpy as np
import pytest

from detectors.attempts import Attempts
from detectors.beacon import Beacons
from detectors.long_connection import LongConnections
from detectors.upload import Uploads
from oddport.detection.history import History
from oddport.detection.model import Finding
from oddport.detection.testing import MadeFlow, flow, flows, run
from oddport.engine.columns import NOTE_ANSWER_FIRST
from oddport.protocols.model import PortVerdict

HOME = "203.0.113.7"
TLS = {"app": "tls", "orig": b"\x16\x03\x01" + bytes(97), "resp": b"\x16\x03\x03" + bytes(97)}


def calls(count: int, every: float, jitter: float = 0.0, port: int = 8088, host: str = "10.0.0.5") -> list[MadeFlow]:
    rng = np.random.default_rng(5)
    times = np.cumsum(every * (1 + rng.uniform(-jitter, jitter, count)))
    return [flow(f"{host}:{20_000 + n} > {HOME}:{port}", at=float(at), lasts=0.2, **TLS) for n, at in enumerate(times)]


def titles(found: list[Finding]) -> list[str]:
    return [finding.title for finding in found]


# beacons


@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_regular_calls_on_a_port_that_does_not_fit_are_a_beacon(jitter: float) -> None:
    (found,) = run(Beacons, flows(*calls(60, 60, jitter)))
    assert (found.rule, found.title, found.count) == ("BEH-01", "Beacon on 8088/tcp", 60)
    assert found.flow == 1
    assert [part.value for part in found.parts][2:] == [20, 15]
    assert ("T1571", "related") in [(each.technique, each.relation) for each in found.mappings]


def test_calls_are_shown_by_the_packets_that_begin_them_with_the_time_between() -> None:
    rows = run(Beacons, flows(*calls(60, 60)))[0].evidence
    assert [row.packet for row in rows] == [1, 2, 3, 4, 31, 60]
    # RFC 791, 3.1: the source address stands at byte 12 of the header, the destination's behind it
    assert {(row.offset, row.data) for row in rows} == {(26, bytes([10, 0, 0, 5, 203, 0, 113, 7]))}
    assert (rows[1].says, rows[1].expected) == (
        "call 2 of 60, 60.0 s after the one before", "60.0 s after it, if it calls every 60.0 s",
    )  # fmt: skip


def test_a_flow_of_which_the_answer_came_first_is_shown_by_the_answers_addresses() -> None:
    made = calls(60, 60)
    made[0].record["notes"] = NOTE_ANSWER_FIRST
    row = run(Beacons, flows(*made))[0].evidence[0]
    assert (row.side, row.data) == (1, bytes([203, 0, 113, 7, 10, 0, 0, 5]))


def test_the_order_of_the_batches_does_not_matter() -> None:
    made = calls(40, 60, 0.2)
    (whole,) = run(Beacons, flows(*made))
    (parts,) = run(Beacons, flows(*made[20:], first_id=21), flows(*made[:20]))
    assert (whole.uid, whole.score, whole.summary) == (parts.uid, parts.score, parts.summary)


def test_regular_calls_where_they_belong_are_no_finding() -> None:
    assert run(Beacons, flows(*calls(60, 60, port=443))) == []


def test_calls_by_chance_are_no_beacon() -> None:
    rng = np.random.default_rng(3)
    times = np.sort(rng.uniform(0, 7200, 60))
    made = [flow(f"10.0.0.5:{n + 2000} > {HOME}:8088", at=float(at), lasts=0.1, **TLS) for n, at in enumerate(times)]
    assert run(Beacons, flows(*made)) == []


def test_nine_calls_say_nothing() -> None:
    assert run(Beacons, flows(*calls(9, 60))) == []


def test_calls_that_nobody_answers_are_no_beacon() -> None:
    made = [
        flow(f"10.0.0.5:{n + 2000} > {HOME}:8088", at=60.0 * n, orig=b"x", verdict=PortVerdict.MISMATCH)
        for n in range(30)
    ]
    assert run(Beacons, flows(*made)) == []


def test_a_port_that_one_of_many_hosts_uses_is_rare_and_one_that_all_use_is_common() -> None:
    others = [
        flow(f"10.0.1.{n}:3000 > {HOME}:443", at=31.0 * n, verdict=PortVerdict.STANDARD, **TLS) for n in range(1, 61)
    ]
    rare = calls(60, 60)
    for each in rare:
        each.verdict = PortVerdict.DYNAMIC
    (found,) = run(Beacons, flows(*others, *rare))
    assert any("1 of 61 inside hosts uses 8088/tcp" in part.reason for part in found.parts)
    users = [
        flow(f"10.0.1.{n}:3000 > {HOME}:8088", at=31.0 * n, verdict=PortVerdict.DYNAMIC, **TLS) for n in range(1, 61)
    ]
    assert run(Beacons, flows(*users, *rare)) == []


# long connections


@pytest.mark.parametrize(("hours", "base"), [(1, 15), (5, 25), (9, 35), (13, 40)])
def test_the_longer_a_connection_the_higher_its_base(hours: int, base: int) -> None:
    (found,) = run(LongConnections, flows(flow(f"10.0.0.5:2000 > {HOME}:8088", lasts=hours * 3600.0, **TLS)))
    assert found.parts[0].value == base
    assert found.title == f"Connection of {hours} h on 8088/tcp"


def test_a_long_connection_between_inside_hosts_on_its_own_port_is_quiet() -> None:
    made = [
        flow("10.0.0.5:2000 > 10.0.0.6:443", lasts=9 * 3600.0, **TLS),
        flow(f"10.0.0.5:2001 > {HOME}:8088", lasts=3599.0, **TLS),
    ]
    assert run(LongConnections, flows(*made)) == []


# uploads


def sent(up: int, down: int, port: int = 8088, to: str = HOME) -> MadeFlow:
    return flow(f"10.0.0.5:2000 > {to}:{port}", app="tls", orig=bytes(up), resp=bytes(down))


def test_a_megabyte_up_on_an_unfitting_port_is_reported_and_25_on_any() -> None:
    assert titles(run(Uploads, flows(sent(1_000_000, 1000)))) == ["Upload of 1.00 MB on 8088/tcp"]
    assert run(Uploads, flows(sent(1_000_000, 1000, port=443))) == []
    assert titles(run(Uploads, flows(sent(25_000_000, 1000, port=443)))) == ["Upload of 25.0 MB on 443/tcp"]


def test_uploads_are_summed_over_connections() -> None:
    (found,) = run(Uploads, flows(*(sent(100_000, 100) for _ in range(10))))
    assert found.count == 10


def test_as_much_back_or_an_inside_server_is_no_upload() -> None:
    assert run(Uploads, flows(sent(2_000_000, 300_000), sent(2_000_000, 10, to="10.0.0.9"))) == []


# attempts


def tried(port: int, at: float, state: str = "REJ", host: str = "10.0.0.5") -> MadeFlow:
    return flow(f"{host}:{2000 + int(at * 10)} > {HOME}:{port}", at=at, lasts=0.1, state=state)


def used(port: int, at: float) -> MadeFlow:
    return flow(f"10.0.0.5:{4000 + int(at)} > {HOME}:{port}", at=at, **TLS)


def test_closed_ports_in_a_row_and_then_an_open_one_are_a_knock() -> None:
    made = [tried(7000, 0, "S0"), tried(8000, 1, "S0"), tried(9000, 2, "S0"), used(2222, 10)]
    (found,) = run(Attempts, flows(*made))
    assert (found.rule, found.title, found.count) == ("BEH-11", "Knock, then 2222/tcp", 4)
    assert found.summary == "Ports 7000, 8000 and 9000 were tried and closed; 8.00 s later 2222/tcp was open."
    assert found.mappings[0].technique == "T1205.001"


def test_failures_over_minutes_before_a_success_are_hopping() -> None:
    made = [tried(443, 0), tried(8443, 120), used(53, 300)]
    (found,) = run(Attempts, flows(*made))
    assert (found.rule, found.title) == ("BEH-10", "Port hopping to 53/tcp")


def test_a_success_before_the_failures_is_no_hopping() -> None:
    assert run(Attempts, flows(used(53, 0), tried(443, 60), tried(8443, 120))) == []


def test_a_scan_that_finds_an_open_port_is_neither() -> None:
    made = [tried(port, 0.1 * port) for port in range(20, 40)]
    assert run(Attempts, flows(*made, used(2222, 30))) == []


def test_five_refusals_are_a_storm_and_four_are_not() -> None:
    made = [tried(4444, 30.0 * n) for n in range(5)]
    assert titles(run(Attempts, flows(*made))) == ["Reconnect storm on 4444/tcp"]
    assert run(Attempts, flows(*made[:4])) == []


# the history they look at


def test_flows_beyond_the_limit_are_counted_not_kept() -> None:
    history = History(limit=3)
    history.take(flows(*calls(5, 1)))
    history.close()
    assert (len(history.flows), history.left_out, history.complete) == (3, 2, False)


def test_an_empty_history_finds_nothing() -> None:
    assert [run(kind, flows()) for kind in (Beacons, LongConnections, Uploads, Attempts)] == [[], [], [], []]
