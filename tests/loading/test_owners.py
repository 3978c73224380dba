"""Processes of flows: found on this machine by real sockets, asked for in turns, and kept in the case."""

import os
import socket
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from oddport.capture.live.sockets import GONE, OTHERS, Process, Sockets
from oddport.case.filter import compile_filter
from oddport.case.model import OwnerRow
from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter
from oddport.engine.columns import FLOW
from oddport.loading import owners as owning
from oddport.loading.owners import Owners
from tests.case.build import make_case

HERE, THERE = bytes(12) + bytes([10, 0, 0, 1]), bytes(12) + bytes([10, 0, 0, 2])
LOOPBACK = bytes(12) + bytes([127, 0, 0, 1])
CURL = Process(812, "curl", "/usr/bin/curl", "ann")


class Stage(Sockets):
    """Sockets as a test has them."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.there: dict[tuple[bytes, int], Process] = {}

    def look(self) -> None:
        self.looks += 1
        self.local = frozenset({HERE})

    def owner(self, proto: int, here: tuple[bytes, int], there: tuple[bytes, int]) -> Process | None:
        return self.there.get(here)


class Clock:
    """Time as a test has it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def flow(number: int, src: bytes = HERE, sport: int = 40_000, dst: bytes = THERE, dport: int = 443) -> np.ndarray:
    flows = np.zeros(1, FLOW)
    flows[0]["id"], flows[0]["proto"], flows[0]["version"] = number, 6, 4
    flows[0]["src"], flows[0]["sport"], flows[0]["dst"], flows[0]["dport"] = src, sport, dst, dport
    return flows


@pytest.fixture
def own_case(tmp_path: Path) -> Path:
    """Four flows, two findings; to be written."""
    return make_case(tmp_path / "own.oddport")


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_one_look_serves_all_new_flows_and_the_next_one_waits(stage: Stage, clock: Clock) -> None:
    owners = Owners(stage, clock)
    clock.now = 1.0
    for number in range(1, 5):
        stage.there[HERE, 40_000 + number] = CURL
        owners.see(flow(number, sport=40_000 + number))
    assert [(number, row.name) for number, row in owners.take()] == [(number, "curl") for number in range(1, 5)]
    before = stage.looks
    owners.see(flow(9, sport=50_000))
    for _ in range(100):
        owners.take()
        clock.now += 0.01
    assert stage.looks - before <= 1.0 / owning.LOOK_SECONDS + 1


def test_a_socket_that_is_not_found_for_a_second_is_said_to_be_gone(stage: Stage, clock: Clock) -> None:
    owners = Owners(stage, clock)
    owners.see(flow(1))
    said = []
    for _ in range(6):
        clock.now += owning.LOOK_SECONDS
        said.append(owners.take())
    (found,) = [each for each in said if each]
    assert found == [(1, OwnerRow(0, None, "", "", "", GONE))]
    assert said.index(found) == owning.LOOKS - 1


def test_a_flow_is_asked_for_once_and_its_far_end_never(stage: Stage, clock: Clock) -> None:
    owners = Owners(stage, clock)
    stage.there[HERE, 443] = CURL
    clock.now = 1.0
    owners.see(flow(1, THERE, 50_000, HERE, 443))
    owners.see(flow(2, THERE, 50_000, THERE, 443))
    owners.see(flow(1, THERE, 50_000, HERE, 443))
    assert owners.take() == [(1, OwnerRow(1, 812, "curl", "/usr/bin/curl", "ann", ""))]
    clock.now = 2.0
    owners.see(flow(1, THERE, 50_000, HERE, 443))
    assert owners.take() == []


def test_what_waits_at_the_end_is_looked_up_at_once(stage: Stage, clock: Clock) -> None:
    owners = Owners(stage, clock)
    owners.see(flow(1))
    assert owners.take(last=True) == [(1, OwnerRow(0, None, "", "", "", GONE))]


def test_more_ends_than_may_wait_say_so(stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owning, "WAITING_MOST", 2)
    owners = Owners(stage, clock)
    for number in (1, 2, 3):
        owners.see(flow(number))
    assert owners.take() == [(3, OwnerRow(0, None, "", "", "", owning.TOO_MANY))]


def test_real_sockets_of_this_process_are_found_at_both_ends() -> None:
    import psutil

    me = psutil.Process()
    expected = Process(os.getpid(), me.name(), me.exe(), me.username())
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("0.0.0.0", 0))
        with socket.create_connection(server.getsockname()) as client:
            peer = server.accept()[0]
            sockets = Sockets()
            sockets.look()
            ours, theirs = (LOOPBACK, client.getsockname()[1]), (LOOPBACK, server.getsockname()[1])
            assert LOOPBACK in sockets.local
            assert sockets.owner(6, ours, theirs) == expected
            assert sockets.owner(6, theirs, ours) == expected
            assert sockets.owner(17, (LOOPBACK, datagrams.getsockname()[1]), ours) == expected
            assert sockets.owner(17, ours, theirs) is None
            peer.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_a_process_of_another_user_is_said_to_be_one() -> None:
    """Asked by a child that is nobody."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                server.close()  # the child's own
                os.setgroups([])
                os.setuid(65_534)
                sockets = Sockets()
                sockets.look()
                found = sockets.owner(6, (LOOPBACK, port), (LOOPBACK, 1))
                os.write(writing, repr(None if found is None else found.why).encode())
            finally:
                os._exit(0)
        os.close(writing)
        said = os.read(reading, 999)
        os.waitpid(child, 0)
        os.close(reading)
    assert said.decode() == repr(OTHERS)


def test_owners_are_kept_in_the_case_and_can_be_asked_for(own_case: Path) -> None:
    rows = [
        (1, OwnerRow(0, 812, "curl", "/usr/bin/curl", "ann")),
        (1, OwnerRow(1, 1, "ngi\x1b[2Jnx", "", "")),
        (2, OwnerRow(0, None, "", "", "", OTHERS)),
    ]
    with CaseWriter.resume(own_case) as writer:
        writer.put_owners(rows)
    with CaseReader.open(own_case) as reader:

        def ids(text: str) -> list[int]:
            where = compile_filter(text, "flows")
            return list(reader.query_ids("flows", where.sql, where.params))

        found = reader.flow(1)
        assert found is not None
        assert found.owners == (rows[0][1], OwnerRow(1, 1, "ngi\\x1b[2Jnx", "", ""))
        assert ids('proc == "curl"') == ids("proc.user == ANN") == ids("proc.path contains bin") == [1]
        assert ids("proc.pid == 812") == ids("proc contains ngi") == ids("proc") == [1]
        assert ids('proc.unknown == "another user\'s process"') == [2]
        assert 1 not in ids("not proc")
    connection = sqlite3.connect(own_case)
    row = connection.execute("SELECT proc, proc_user, proc_pid FROM flows WHERE id = 1").fetchone()
    connection.close()
    assert row == ("curl, ngi\\x1b[2Jnx", "ann", "812, 1")


def test_looks_may_run_beside_sockets_that_come_and_go() -> None:
    """A process or socket that ends during the look is no error."""
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            with socket.socket(type=socket.SOCK_DGRAM) as one:
                one.bind(("127.0.0.1", 0))

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        sockets = Sockets()
        for _ in range(20):
            sockets.look()
    finally:
        stop.set()
        thread.join()
