"""The registry: what it refuses, how it dispatches, and that every module of the package is in it."""

import pkgutil
from dataclasses import replace
from importlib import import_module

import pytest

import oddport.protocols
from oddport.engine.columns import SCTP, TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.model import Identification, SideMatch
from oddport.protocols.ports import port_table
from oddport.protocols.registry import (
    ANY,
    CLIENT,
    MODULES,
    Grammar,
    Protocol,
    build,
    byte_set_text,
    least,
    literal,
    registry,
)


def matcher(data: bytes) -> SideMatch | None:
    return SideMatch(True)


def protocol(name: str, first: bytes = ANY, *, aliases: tuple[str, ...] = (), fallback: bool = False) -> Protocol:
    return Protocol(
        name, name.upper(), "spec", (Grammar((TCP,), matcher, None, first, fallback=fallback),), aliases=aliases
    )


def test_every_module_with_protocols_is_in_the_registry() -> None:
    found = {
        module.name
        for module in pkgutil.iter_modules(oddport.protocols.__path__)
        if hasattr(import_module(f"oddport.protocols.{module.name}"), "PROTOCOLS")
    }
    assert found == set(MODULES)
    assert list(MODULES) == sorted(MODULES)


def test_the_first_set_is_there() -> None:
    wanted = {"http", "ssh", "smtp", "ftp", "pop3", "imap", "telnet", "vnc", "redis", "irc", "sip", "shell"}
    assert wanted <= set(registry().protocols)


def test_every_protocol_has_ports() -> None:
    assert set(registry().protocols) <= set(port_table().apps)


def test_every_protocol_has_a_title_a_specification_and_a_grammar() -> None:
    for name, one in registry().protocols.items():
        assert name == name.lower()
        assert one.title
        assert one.spec
        assert one.grammars or one.announced_by
        assert one.first in ("client", "server", "either")


def test_a_matcher_is_asked_only_for_its_first_bytes_and_transport() -> None:
    tables = build((protocol("a", b"AB"), protocol("b", b"B")))
    assert [entry[0] for entry in tables.client[TCP][0x41][0]] == ["a"]
    assert [entry[0] for entry in tables.client[TCP][0x42][0]] == ["a", "b"]
    assert tables.client[TCP][0x43][0] == ()
    assert tables.server[TCP][0x41][0] == ()
    assert tables.client[UDP][0x41][0] == tables.client[SCTP][0x41][0] == ()


def test_fallback_grammars_are_not_dispatched() -> None:
    tables = build((protocol("late", fallback=True),))
    assert not any(entries for entries, _ in tables.client[TCP])
    assert [entry[0] for entry in tables.fallback_client[TCP]] == ["late"]
    assert tables.fallback_server[TCP] == ()


def test_two_protocols_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two protocols are called 'a'"):
        build((protocol("a"), protocol("a")))
    with pytest.raises(ValueError, match="two protocols are called 'a'"):
        build((protocol("a"), protocol("b", aliases=("a",))))
    with pytest.raises(ValueError, match="two protocols are called 'x'"):
        build((protocol("a", aliases=("x",)), protocol("b", aliases=("x",))))


def test_a_side_without_any_first_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one possible first byte"):
        build((protocol("a", b""),))


def test_the_order_of_modules_means_nothing() -> None:
    one, two = protocol("a", b"A"), protocol("b", b"A")
    assert build((one, two)).client == build((two, one)).client


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (bytes(range(0x14, 0x18)), "0x14 to 0x17"),
        (b"GP", "'G', 'P'"),
        (b"\x00\x01\x80", "0x00, 0x01, 0x80"),
        (b"ABC", "'A' to 'C'"),
        (b"ACEGIKMOQ", "'A', 'C', 'E', 'G', 'I', 'K', 'M', 'O' …"),
    ],
)
def test_byte_sets_read_as_ranges(values: bytes, text: str) -> None:
    assert byte_set_text(values) == text


def test_a_protocol_is_found_with_what_describes_its_flows() -> None:
    def describe(head: Head, found: Identification) -> None:
        found.facts["bytes"] = len(head.orig)

    plain, described = protocol("plain"), replace(protocol("described"), describe=describe)
    assert build((plain, described)).describe == {"described": describe}


def test_a_matcher_is_not_asked_where_a_place_is_missing_or_holds_another_byte() -> None:
    asked: list[bytes] = []

    def records(data: bytes) -> SideMatch:
        asked.append(data)
        return SideMatch(True)

    grammar = Grammar((TCP,), records, None, b"A", client_at=(*literal(2, b"xy"), (4, b"01"), least(6)))
    for data in (b"A-xy1.", b"A-xy0..", b"A-xz1.", b"A-xy2.", b"A-xy1", b"A", b"", b"B-xy1."):
        grammar.parse(CLIENT, data)
    assert asked == [b"A-xy1.", b"A-xy0.."]
