"""A conversation of each protocol → frames: in segments of any size, on any port, over IPv4, IPv6 and VLAN."""

from collections.abc import Sequence
from dataclasses import dataclass

from oddport.engine.columns import TCP, UDP
from oddport.protocols.registry import registry
from tests.engine import wire
from tests.protocols import build, networks, plant, services, talk, works
from tests.protocols.transcripts import TRANSCRIPTS

SYN, ACK, PUSH = 2, 16, 8
CLIENT, SERVER = 0, 1


@dataclass(frozen=True, slots=True)
class Conversation:
    """Who says what first; `number` makes its client's address its own."""

    name: str
    transport: int
    turns: tuple[tuple[int, bytes], ...]
    number: int


@dataclass(frozen=True, slots=True)
class Packet:
    """One segment or datagram of a conversation."""

    side: int
    body: bytes
    """Transport header and payload."""


def _every() -> tuple[Conversation, ...]:
    both = [(name, TCP, *pair) for name, pair in TRANSCRIPTS.items()]
    both += [
        sample
        for module in (build, services, plant, networks, talk, works)
        for sample in module.SAMPLES
        if sample[1] in (TCP, UDP)
    ]
    found = []
    alone = (*services.ONE_SIDED, *networks.PEERS)
    both += [(name, transport, data, b"") for name, transport, data in alone]
    for number, (name, transport, client, server) in enumerate(both):
        turns = ((CLIENT, client), (SERVER, server))
        if registry().protocols[name].first == "server":
            turns = turns[::-1]
        found.append(Conversation(name, transport, turns, number))
    return tuple(found)


CONVERSATIONS = _every()


def packets(said: Conversation, port: int = 41414, sport: int = 50000, segment: int = 1_400) -> list[Packet]:
    """A TCP connection with its handshake, or datagrams; a UDP payload is one datagram whatever `segment` says."""
    ports = ((sport, port), (port, sport))
    if said.transport == UDP:
        return [Packet(side, wire.udp(data, *ports[side])) for side, data in said.turns if data]
    at = [1_000, 5_000]
    found = []

    def add(side: int, flags: int, data: bytes = b"") -> None:
        header = bytearray(wire.tcp(b"", *ports[side], flags=flags))
        header[4:12] = at[side].to_bytes(4, "big") + at[1 - side].to_bytes(4, "big")
        found.append(Packet(side, bytes(header) + data))
        at[side] += len(data) + (1 if flags & SYN else 0)

    add(CLIENT, SYN)
    add(SERVER, SYN | ACK)
    add(CLIENT, ACK)
    for side, data in said.turns:
        for begin in range(0, len(data), segment):
            add(side, ACK | PUSH, data[begin : begin + segment])
    return found


def frames(said: Conversation, all_of: Sequence[Packet], version: int = 4, tags: bytes = b"") -> list[bytes]:
    """Ethernet frames; `tags`: VLAN tags before the ethertype."""
    found = []
    for packet in all_of:
        high, low = divmod(said.number, 250)
        if version == 4:
            ends = (f"10.1.{high}.{low + 1}", "203.0.113.9")
            made = wire.ip4(packet.body, said.transport, src=ends[packet.side], dst=ends[1 - packet.side])
        else:
            ends = (f"2001:db8:1::{said.number + 1:x}", "2001:db8:2::9")
            made = wire.ip6(packet.body, said.transport, src=ends[packet.side], dst=ends[1 - packet.side])
        found.append(wire.ethernet(made, between=tags))
    return found
