"""Bytes that mean nothing get no name: uniform, uniform behind the beginnings of real messages, and text."""

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddport.engine.columns import SCTP, TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.lines import is_line
from oddport.protocols.model import SideMatch, Tier
from oddport.protocols.registry import CLIENT, SERVER, Grammar, Matcher, registry
from oddport.protocols.text import clean
from tests.protocols.transcripts import TRANSCRIPTS

TRIALS = 20_000
BOUND = 10_000
"""Fewer than one name in BOUND payloads: fewer than two in TRIALS. The seeds are fixed."""

EVERY = [
    pytest.param(name, transport, role, id=f"{name}-{transport}-{'server' if role else 'client'}")
    for name, protocol in sorted(registry().protocols.items())
    for transport in (TCP, UDP, SCTP)
    for role in (CLIENT, SERVER)
    if any(transport in one.transports and (one.server if role else one.client) for one in protocol.grammars)
]


def ask(name: str, transport: int, role: int, data: bytes) -> list[SideMatch]:
    """What the protocol's matchers of a role say, as the dispatcher would ask them."""
    found = []
    for grammar in registry().protocols[name].grammars:
        match = grammar.parse(role, data) if transport in grammar.transports else None
        if match is not None:
            found.append(match)
    return found


def side(grammar: Grammar, role: int) -> tuple[Matcher | None, bytes]:
    return (grammar.client, grammar.client_first) if role == CLIENT else (grammar.server, grammar.server_first)


def noise(source: random.Random) -> bytes:
    return source.randbytes(source.choice((4, 12, 40, 48, 120, 600)))


def named(head: Head) -> list[str]:
    """The flow's name if it is of tier A or B."""
    found = identify(head)
    return [found.app or ""] if found.tier >= Tier.B else []


@pytest.mark.parametrize("proto", [TCP, UDP, SCTP])
def test_uniform_bytes_get_no_name_of_tier_a_or_b(proto: int) -> None:
    source = random.Random(1571)
    names = []
    for _ in range(TRIALS):
        one, other = noise(source), noise(source)
        names += named(Head(proto, one, other, (one,), (other,)))
    assert len(names) * BOUND < TRIALS, names


BEGINNINGS = sorted(
    {part[:4] for pair in TRANSCRIPTS.values() for part in pair}
    | {
        b"GET ",
        b"POST",
        b"HTTP",
        b"USER",
        b"NICK",
        b"EHLO",
        b"MAIL",
        b"220 ",
        b"220-",
        b"+OK ",
        b"-ERR",
        b"* OK",
        b"a01 ",
        b"*1\r\n",
        b"$5\r\n",
        b":srv",
        b"PING",
        b"\xff\xfb\x18\xff",
        b"\xff\xfa\x18\x01",
        b"RFB ",
        b"SSH-",
        b"SIP/",
        b"INVI",
        b"CWD ",
        b"PASV",
        b"CAPA",
        b"JOIN",
        b"STAR",
        b"C:\\>",
        b"PS C",
        b"uid=",
        b"bash",
        b"RETR",
        b"TYPE",
        b"1 OK",
        b"Micr",
    }
)


@pytest.mark.parametrize("beginning", BEGINNINGS, ids=repr)
def test_uniform_bytes_behind_a_real_beginning_prove_nothing(beginning: bytes) -> None:
    source = random.Random(beginning)
    names = []
    for _ in range(TRIALS):
        names += named(Head(TCP, beginning + noise(source)))
    assert len(names) * BOUND < TRIALS, names


def test_uniform_bytes_behind_real_beginnings_in_both_directions_prove_nothing() -> None:
    source = random.Random(2)
    pairs = [(client[:4], server[:4]) for client, server in TRANSCRIPTS.values()]
    names = []
    for _ in range(TRIALS):
        client, server = source.choice(pairs)
        names += named(Head(TCP, client + noise(source), server + noise(source)))
    assert len(names) * BOUND < TRIALS, names


@pytest.mark.parametrize(
    "alphabet", [string.printable, string.ascii_letters + " \r\n", string.ascii_uppercase + " \r\n", "0123456789 -\r\n"]
)
def test_text_gets_no_name_of_tier_a_or_b(alphabet: str) -> None:
    source = random.Random(alphabet)
    names = []
    for _ in range(TRIALS):
        one, other = ("".join(source.choices(alphabet, k=source.choice((8, 40, 200)))).encode() for _ in range(2))
        names += named(Head(TCP, one, other))
    assert len(names) * BOUND < TRIALS, names


@pytest.mark.parametrize(("name", "transport", "role"), EVERY)
def test_no_matcher_proves_itself_on_bytes_that_only_begin_as_it_wants(name: str, transport: int, role: int) -> None:
    """Whatever first byte dispatches to the matcher, uniform bytes behind it are not strong evidence."""
    source = random.Random(f"{name}{transport}{role}")
    firsts = sorted({byte for grammar in registry().protocols[name].grammars for byte in side(grammar, role)[1]})
    strong = 0
    for _ in range(TRIALS):
        data = bytes((source.choice(firsts),)) + noise(source)
        strong += any(match.strong for match in ask(name, transport, role, data))
    assert strong * BOUND < TRIALS


@given(st.binary(min_size=0, max_size=300), st.binary(min_size=0, max_size=300), st.sampled_from([TCP, UDP, SCTP]))
@settings(max_examples=400, deadline=None)
def test_no_bytes_whatever_raise(one: bytes, other: bytes, proto: int) -> None:
    head = Head(proto, one, other, (one, other), (other, one))
    found = identify(head)
    for app in registry().protocols:
        why = explain_not(app, head)
        assert why is None or (why.isprintable() and why.startswith("not "))
    for value in found.facts.values():
        assert isinstance(value, (str, int, bool, list))


MIXED = st.lists(
    st.one_of(
        st.binary(max_size=6),
        st.sampled_from(
            [
                b"\r\n",
                b"\n",
                b" ",
                b"220 ",
                b"250-",
                b"USER ",
                b"+OK",
                b"* OK ",
                b"HTTP/1.1",
                b"GET ",
                b"SSH-2.0-",
                b"\xff\xfa",
                b"\xff\xfb\x01",
                b"*1\r\n$",
                b"$4\r\n",
                b"SIP/2.0 ",
                b"sip:",
                b":a ",
                b" 001 ",
                b"RFB 003.",
                b"\0",
                b"PS C:\\",
                b"> ",
            ]
        ),
    ),
    max_size=24,
).map(b"".join)


@given(MIXED, MIXED)
@settings(max_examples=600, deadline=None)
def test_scrambled_words_of_the_protocols_raise_nothing_and_what_is_matched_is_not_rejected(
    one: bytes, other: bytes
) -> None:
    identify(Head(TCP, one, other))
    for data in (one, other):
        if not data:
            continue
        for protocol in registry().protocols.values():
            for grammar in protocol.grammars:
                for role in (CLIENT, SERVER):
                    if TCP not in grammar.transports or grammar.reject is None:
                        continue
                    match = grammar.parse(role, data)
                    if match is not None:
                        assert grammar.reject(data, role) == "", (protocol.name, role, data)
                        assert all(at >= 0 and at + length <= len(data) for at, length, _ in match.spans), (
                            protocol.name,
                            match,
                        )


@pytest.mark.parametrize("app", TRANSCRIPTS)
def test_cut_anywhere_a_flow_is_never_called_something_else(app: str) -> None:
    client, server = TRANSCRIPTS[app]
    for length in range(max(len(client), len(server)) + 1):
        assert identify(Head(TCP, client[:length], server[:length])).app in (app, None), length
        assert identify(Head(TCP, client[:length])).app in (app, None), length
        assert identify(Head(TCP, b"", server[:length])).app in (app, None), length


@given(st.binary(max_size=2_000))
def test_clean_text_is_bounded_and_holds_no_control_or_direction_characters(data: bytes) -> None:
    text = clean(data, 64)
    assert len(text) <= 64
    assert text.isprintable()
    assert not set(text) & set("‎‏‪‫‬‭‮⁦⁧⁨⁩\x1b")


def test_clean_keeps_words_in_any_script_and_marks_what_it_cut() -> None:
    assert clean("  Grüße, 世界 \r\n".encode()) == "Grüße, 世界"
    assert clean(b"\x1b[31mred\x07") == "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}"
    assert clean("a‮b".encode()) == "a\N{REPLACEMENT CHARACTER}b"
    assert clean(b"\xff\xfe") == "\N{REPLACEMENT CHARACTER}" * 2
    assert clean(b"x" * 300) == "x" * 255 + "…"


def test_a_line_in_another_character_set_needs_both_ends() -> None:
    assert is_line("ключ".encode("koi8-r"), 2)
    assert not is_line("ключ".encode("koi8-r"), 1)
    assert is_line("ключ".encode(), 1)
    assert not is_line(b"a\x00b", 2)
