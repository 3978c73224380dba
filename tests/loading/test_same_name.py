"""A conversation has the same name and tier on whatever ports, however its packets are cut, ordered and wrapped."""

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from oddport.engine.columns import TCP
from oddport.protocols.ports import port_table
from tests.captures import pcap, write_pcap
from tests.engine.wrapping import TUNNELS, Wrapper
from tests.loading.conversations import CONVERSATIONS, Conversation, frames, packets
from tests.loading.recorder import load

MICROSECOND = 1_000
WINDOW = 6
"""Places that a packet is late at most."""
Named = dict[int, tuple[str | None, str | None]]
"""Number of a conversation → app and tier."""


def number_of(flow: dict[str, Any]) -> int:
    """The conversation that a flow is, by its client's address."""
    ends = [end for end in (flow["src"], flow["dst"]) if end not in ("203.0.113.9", "2001:db8:2::9")]
    if ":" in ends[0]:
        return int(ends[0].rsplit(":", 1)[1], 16) - 1
    high, low = ends[0].split(".")[2:]
    return int(high) * 250 + int(low) - 1


def names(tmp_path: Path, parts: Sequence[Sequence[bytes]], depth: int = 0) -> Named:
    """What the conversations, one after the other in one capture, are called, `depth` tunnels deep."""
    every = [frame for part in parts for frame in part]
    times = [i * MICROSECOND for i in range(len(every))]
    found = load([write_pcap(tmp_path / "a.pcap", every, times)], tmp_path, detectors=[])
    wanted = [flow for flow in found.flow_list if len(flow["tunnel"]) == depth]
    if depth:
        wanted = [flow for flow in wanted if flow["src"][:5] in ("10.1.", "203.0", "2001:")]
    return {number_of(flow): (flow["app"], flow["tier"]) for flow in wanted}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Named:
    """What they are called as they come, on a port that is nobody's."""
    return names(tmp_path_factory.mktemp("plain"), [frames(said, packets(said)) for said in CONVERSATIONS])


def different(found: Named, plain: Named) -> dict[str, tuple[Any, Any]]:
    """Name and number of the conversations that are called something else: (now, before)."""
    return {
        f"{said.name} {said.number}": (found.get(said.number), plain[said.number])
        for said in CONVERSATIONS
        if found.get(said.number) != plain[said.number]
    }


def test_each_conversation_has_its_name(plain: Named) -> None:
    called = [plain[said.number][0] for said in CONVERSATIONS]
    assert called == [said.name for said in CONVERSATIONS]
    assert len({said.name for said in CONVERSATIONS}) > 80
    assert all(tier in ("A", "B", "C") for _, tier in plain.values())


@pytest.mark.parametrize("port", [443, 53, 80, 25])
def test_on_other_ports(tmp_path: Path, plain: Named, port: int) -> None:
    assert different(names(tmp_path, [frames(said, packets(said, port)) for said in CONVERSATIONS]), plain) == {}


@cache
def own_port(said: Conversation) -> int:
    """The first port that is the protocol's own."""
    ports = port_table().apps[said.name].standard
    return min(ports) if ports else 50_000


def test_from_the_protocols_own_port(tmp_path: Path, plain: Named) -> None:
    found = names(tmp_path, [frames(said, packets(said, sport=own_port(said))) for said in CONVERSATIONS])
    assert different(found, plain) == {}


@pytest.mark.parametrize("segment", [1, 7])
def test_in_small_segments(tmp_path: Path, plain: Named, segment: int) -> None:
    found = names(tmp_path, [frames(said, packets(said, segment=segment)) for said in CONVERSATIONS])
    assert different(found, plain) == {}


@pytest.mark.parametrize("seed", range(4))
def test_out_of_order(tmp_path: Path, plain: Named, seed: int) -> None:
    dice = random.Random(seed)
    parts = []
    for said in CONVERSATIONS:
        whole = frames(said, packets(said, segment=20))
        start = 3 if said.transport == TCP else 0
        late = sorted(range(start, len(whole)), key=lambda place: place + dice.randrange(WINDOW))
        parts.append(whole[:start] + [whole[place] for place in late])
    assert different(names(tmp_path, parts), plain) == {}


def test_every_packet_twice(tmp_path: Path, plain: Named) -> None:
    parts = []
    for said in CONVERSATIONS:
        parts.append([frame for frame in frames(said, packets(said, segment=100)) for _ in range(2)])
    assert different(names(tmp_path, parts), plain) == {}


def test_with_all_others_in_between(tmp_path: Path, plain: Named) -> None:
    dice = random.Random(1571)
    queues = [frames(said, packets(said, segment=50)) for said in CONVERSATIONS]
    turns = [number for number, queue in enumerate(queues) for _ in queue]
    dice.shuffle(turns)
    mixed = [queues[number].pop(0) for number in turns]
    assert different(names(tmp_path, [mixed]), plain) == {}


def test_split_over_many_files(tmp_path: Path, plain: Named) -> None:
    every = [frame for said in CONVERSATIONS for frame in frames(said, packets(said, segment=100))]
    paths = []
    for at in range(0, len(every), 200):
        paths.append(tmp_path / f"{at:06}.pcap")
        part = every[at : at + 200]
        paths[-1].write_bytes(pcap(part, [(at + i) * MICROSECOND for i in range(len(part))]))
    found = load(paths, tmp_path, detectors=[])
    outside = [flow for flow in found.flow_list if not flow["tunnel"]]
    assert different({number_of(flow): (flow["app"], flow["tier"]) for flow in outside}, plain) == {}


TAG, SERVICE_TAG = b"\x81\x00\x00\x2a", b"\x88\xa8\x00\x07"


@pytest.mark.parametrize(("version", "tags"), [(6, b""), (4, TAG), (6, TAG), (4, SERVICE_TAG + TAG)])
def test_over_ipv6_and_in_vlans(tmp_path: Path, plain: Named, version: int, tags: bytes) -> None:
    found = names(tmp_path, [frames(said, packets(said), version, tags) for said in CONVERSATIONS])
    assert different(found, plain) == {}


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("words", TUNNELS)
def test_in_a_tunnel(tmp_path: Path, plain: Named, words: str, version: int) -> None:
    parts = [wrapped(said, TUNNELS[words], version) for said in CONVERSATIONS]
    assert different(names(tmp_path, parts, depth=1), plain) == {}


def wrapped(said: Conversation, wrapper: Wrapper, version: int) -> list[bytes]:
    """A conversation in a tunnel."""
    every = packets(said)
    return [wrapper(frame, packet.side == 1) for frame, packet in zip(frames(said, every, version), every, strict=True)]
