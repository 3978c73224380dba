"""What holds for every binary recogniser: two sides make tier A, nothing raises, cuts and random tails name nothing."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.model import SideMatch, Tier, said
from oddport.protocols.registry import CLIENT, SERVER, Grammar, registry
from oddport.protocols.text import LIMIT

from . import build, networks, plant, services, talk, works
from .build import DNS_QUERY

SAMPLES = (*build.SAMPLES, *networks.SAMPLES, *plant.SAMPLES, *services.SAMPLES, *talk.SAMPLES, *works.SAMPLES)
MINE = sorted({sample[0] for sample in SAMPLES})
IDS = [
    f"{name}-{'tcp' if transport == TCP else 'udp'}-{index}" for index, (name, transport, _, _) in enumerate(SAMPLES)
]
TAILS = 4_000
SIZES = (8, 12, 16, 20, 32, 36, 44, 48, 64, 68, 100, 236, 300, 1200, 1250)


def grammars(name: str, transport: int) -> list[Grammar]:
    return [one for one in registry().protocols[name].grammars if transport in one.transports]


def match(name: str, transport: int, role: int, data: bytes) -> SideMatch | None:
    for grammar in grammars(name, transport):
        found = grammar.parse(role, data)
        if found is not None:
            return found
    return None


def check_shape(found: SideMatch, data: bytes) -> None:
    assert found.bits > 0
    assert found.spans
    for offset, length, says in found.spans:
        assert 0 <= offset <= offset + length <= len(data)
        assert length > 0
        assert said(says).isprintable()
    for value in found.facts.values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                assert len(text) <= LIMIT
                assert text.isprintable()


@pytest.mark.parametrize(("name", "transport", "client", "server"), SAMPLES, ids=IDS)
def test_both_directions_make_tier_a_with_the_server_on_the_right_side(
    name: str, transport: int, client: bytes, server: bytes
) -> None:
    found = identify(Head(transport, client, server))
    assert (found.app, found.tier) == (name, Tier.A)
    turned = identify(Head(transport, server, client))
    assert (turned.app, turned.tier) == (name, Tier.A)
    if "encrypted" not in found.facts and not any(
        one.symmetric or not one.tells_server for one in grammars(name, transport)
    ):
        assert (found.server, turned.server) == (1, 0)


@pytest.mark.parametrize(("name", "transport", "client", "server"), SAMPLES, ids=IDS)
def test_spans_lie_in_the_bytes_and_facts_are_bounded_text(
    name: str, transport: int, client: bytes, server: bytes
) -> None:
    for role, data in ((CLIENT, client), (SERVER, server)):
        found = match(name, transport, role, data)
        assert found is not None
        check_shape(found, data)


@pytest.mark.parametrize(("name", "transport", "client", "server"), SAMPLES, ids=IDS)
def test_cut_at_any_length_it_is_never_called_something_else(
    name: str, transport: int, client: bytes, server: bytes
) -> None:
    sides = [client, server] if transport == TCP else [client]
    for data in sides:
        for length in range(1, len(data)):
            found = identify(Head(transport, data[:length], closed=False))
            # a request for a NetBIOS session is NetBIOS until SMB follows, and "Login:" that of a terminal
            assert found.app in (None, name) or (name, found.app) in (("smb", "netbios"), ("finger", "telnet")), length


@pytest.mark.parametrize(("name", "transport", "client", "server"), SAMPLES, ids=IDS)
def test_bytes_that_a_matcher_takes_are_never_rejected_not_even_cut(
    name: str, transport: int, client: bytes, server: bytes
) -> None:
    for role, data in ((CLIENT, client), (SERVER, server)):
        for grammar in grammars(name, transport):
            if grammar.reject is None or grammar.parse(role, data) is None:
                continue
            lengths = range(1, len(data) + 1) if transport == TCP else (len(data),)
            for length in lengths:
                assert grammar.reject(data[:length], role) == "", length


@pytest.mark.parametrize(("name", "transport", "client", "server"), SAMPLES, ids=IDS)
def test_random_bytes_behind_the_first_four_prove_nothing(
    name: str, transport: int, client: bytes, server: bytes
) -> None:
    source = random.Random(1571)
    named = 0
    for index in range(TAILS):
        data = (client if index & 1 else server)[:4] + source.randbytes(source.choice(SIZES))
        named += identify(Head(transport, data)).tier >= Tier.B
    # fewer than one in 10,000 is expected: two in 4,000 would be 20 times as many
    assert named < 2


@pytest.mark.parametrize("transport", [TCP, UDP])
def test_random_payloads_are_given_no_name(transport: int) -> None:
    source = random.Random(2024)
    for _ in range(20_000):
        data = source.randbytes(source.choice(SIZES))
        assert identify(Head(transport, data)).app is None, data.hex()


@pytest.mark.parametrize("name", MINE)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_bytes_make_a_matcher_or_a_rejection_raise(name: str, data: st.DataObject) -> None:
    transport = data.draw(st.sampled_from([TCP, UDP]))
    own = [sample for sample in SAMPLES if sample[:2] == (name, transport)]
    base = data.draw(st.sampled_from(own))[data.draw(st.sampled_from([2, 3]))] if own else b""
    start = data.draw(st.integers(0, len(base)))
    changed = bytearray(base[:start] + data.draw(st.binary(min_size=1, max_size=80)) + base[start + 1 :])
    for _ in range(data.draw(st.integers(0, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(
            st.sampled_from([0, 1, 0x7F, 0x80, 0x84, 0xC0, 0xFF])
        )
    payload = bytes(changed[: data.draw(st.integers(1, len(changed)))])
    for role in (CLIENT, SERVER):
        found = match(name, transport, role, payload)
        for grammar in grammars(name, transport):
            why = grammar.reject(payload, role) if grammar.reject is not None else ""
            assert isinstance(why, str)
            assert why.isprintable()
            if grammar.parse(role, payload) is not None:
                assert why == ""
        if found is not None:
            check_shape(found, payload)


@pytest.mark.parametrize("name", MINE)
def test_text_is_rejected_with_the_byte_that_speaks_against_it(name: str) -> None:
    transport = registry().protocols[name].grammars[0].transports[0]
    letter = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".ljust(300, b"x")
    why = explain_not(name, Head(transport, letter, b"HTTP/1.1 200 OK\r\nServer: b\r\n\r\n".ljust(300, b"y")))
    if name in ("netbios", "whois", "finger"):
        assert why is None  # every first byte may begin a name service packet, any letter a name that is asked for
        return
    assert why is not None
    assert why.startswith(f"not {registry().protocols[name].title}: the client's ")
    assert "byte" in why


def test_tls_on_port_53_is_not_dns_over_tcp() -> None:
    from .build import CLIENT_HELLO, SERVER_HELLO

    assert match("dns", TCP, CLIENT, CLIENT_HELLO) is None
    assert identify(Head(TCP, CLIENT_HELLO, SERVER_HELLO)).app == "tls"


def test_one_question_without_its_answer_is_tier_b() -> None:
    found = identify(Head(UDP, DNS_QUERY))
    assert (found.app, found.tier, found.server) == ("dns", Tier.B, 1)
