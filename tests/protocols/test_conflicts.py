"""What decides between candidates, shown with protocols made for the purpose."""

from collections.abc import Iterator
from contextlib import contextmanager

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols import identify as module
from oddport.protocols.identify import identify
from oddport.protocols.model import Identification, SideMatch, Tier
from oddport.protocols.registry import Grammar, Matcher, Pair, Protocol, build, least, literal


def begins(word: bytes, *, bits: int, strong: bool = True) -> Matcher:
    """A matcher of data that begins with the word."""

    def matcher(data: bytes) -> SideMatch | None:
        if not data.startswith(word):
            return None
        return SideMatch(strong, ((0, len(word), word.decode()),), {}, False, bits)

    return matcher


def protocol(
    name: str, client: Matcher | None, server: Matcher | None, *, pair: Pair | None = None, symmetric: bool = False
) -> Protocol:
    grammar = Grammar((TCP, UDP), client, server, pair=pair, symmetric=symmetric)
    return Protocol(name, name.upper(), "made up", (grammar,))


@contextmanager
def registered(*protocols: Protocol) -> Iterator[None]:
    kept = list(module._tables)
    module._tables[:] = [build(protocols)]
    try:
        yield
    finally:
        module._tables[:] = kept


def name(head: Head, *protocols: Protocol) -> Identification:
    with registered(*protocols):
        return identify(head)


def test_more_forced_bits_win_whatever_the_names_and_their_order() -> None:
    for loose, tight in (("a", "z"), ("z", "a")):
        found = name(
            Head(TCP, b"hello world"),
            protocol(loose, begins(b"hello", bits=40), None),
            protocol(tight, begins(b"hello world", bits=88), None),
        )
        assert (found.app, found.tier) == (tight, Tier.B)


def test_equal_bits_leave_the_flow_without_a_name() -> None:
    both = (protocol("a", begins(b"hello", bits=40), None), protocol("b", begins(b"hello", bits=40), None))
    assert name(Head(TCP, b"hello"), *both) == Identification()


def test_equal_pairs_leave_the_flow_without_a_name() -> None:
    both = [
        protocol(app, begins(b"hello", bits=40, strong=False), begins(b"world", bits=40, strong=False)) for app in "ab"
    ]
    assert name(Head(TCP, b"hello", b"world"), *both).app is None
    assert name(Head(TCP, b"world", b"hello"), *both).app is None


def test_a_protocol_that_both_directions_speak_beats_a_tighter_one_that_one_speaks() -> None:
    found = name(
        Head(TCP, b"hello world", b"world"),
        protocol("pair", begins(b"hello", bits=40), begins(b"world", bits=40)),
        protocol("single", begins(b"hello world", bits=200), None),
    )
    assert (found.app, found.tier, found.server) == ("pair", Tier.A, 1)


def test_two_weak_directions_do_not_outweigh_one_that_proves_another_protocol() -> None:
    weak = protocol("weak", begins(b"h", bits=8, strong=False), begins(b"w", bits=8, strong=False))
    assert name(Head(TCP, b"hello", b"world"), weak).tier == Tier.C
    found = name(Head(TCP, b"hello", b"world"), weak, protocol("strong", None, begins(b"world", bits=40)))
    assert (found.app, found.tier) == ("strong", Tier.B)


def test_bits_that_are_not_given_count_32_if_strong_and_8_if_weak() -> None:
    strong = protocol("strong", begins(b"hello", bits=0), None)
    assert name(Head(TCP, b"hello"), strong, protocol("less", begins(b"hello", bits=31), None)).app == "strong"
    assert name(Head(TCP, b"hello"), strong, protocol("more", begins(b"hello", bits=33), None)).app == "more"


def test_a_strong_match_beats_a_weak_one_with_more_bits() -> None:
    found = name(
        Head(TCP, b"hello"),
        protocol("weak", begins(b"hello", bits=90, strong=False), None),
        protocol("strong", begins(b"hello", bits=40), None),
    )
    assert (found.app, found.tier) == ("strong", Tier.B)


def test_the_better_orientation_wins_and_tells_the_server() -> None:
    """Both sides can be read as either role; the originator is the better server."""
    odd = protocol("odd", begins(b"h", bits=8), begins(b"he", bits=60))
    found = name(Head(TCP, b"hello", b"h!"), odd)
    assert (found.app, found.tier, found.server) == ("odd", Tier.A, 0)


def test_orientations_that_are_equally_good_tell_no_server() -> None:
    same = begins(b"hello", bits=40)
    assert name(Head(TCP, b"hello", b"hello"), protocol("same", same, same)).server is None
    assert name(Head(TCP, b"hello", b""), protocol("same", same, same)).server is None


def test_orientations_that_name_different_protocols_equally_well_name_none() -> None:
    found = name(
        Head(TCP, b"hello", b"world"),
        protocol("forward", begins(b"hello", bits=39, strong=False), begins(b"world", bits=39, strong=False)),
        protocol("backward", begins(b"world", bits=39, strong=False), begins(b"hello", bits=39, strong=False)),
    )
    assert found == Identification()


def test_only_symmetric_protocols_are_proved_by_two_clients() -> None:
    head = Head(TCP, b"hello", b"hello")
    client = begins(b"hello", bits=40)
    assert name(head, protocol("peers", client, begins(b"w", bits=8), symmetric=True)).tier == Tier.A
    assert name(head, protocol("roles", client, begins(b"w", bits=8))).tier == Tier.B


def same_number(query: bytes, answer: bytes) -> bool:
    return query[1:2] == answer[1:2]


NUMBERED = protocol("numbered", begins(b"q", bits=40), begins(b"a", bits=40), pair=same_number)


def test_directions_that_do_not_belong_together_are_no_tier_a() -> None:
    assert name(Head(UDP, b"q1", b"a1", (b"q1",), (b"a1",)), NUMBERED).tier == Tier.A
    found = name(Head(UDP, b"q1", b"a2", (b"q1",), (b"a2",)), NUMBERED)
    assert (found.app, found.tier) == ("numbered", Tier.B)


def test_the_answer_to_a_later_question_is_looked_for_among_the_datagrams() -> None:
    questions, answers = (b"q1", b"q2", b"q3"), (b"a3", b"xx")
    found = name(Head(UDP, b"q1", b"a3", questions, answers), NUMBERED)
    assert (found.app, found.tier, found.server) == ("numbered", Tier.A, 1)
    found = name(Head(UDP, b"a3", b"q1", answers, questions), NUMBERED)
    assert (found.app, found.tier, found.server) == ("numbered", Tier.A, 0)


def test_only_the_first_datagrams_are_tried_for_a_name() -> None:
    junk = (b"x", b"y", b"q1")
    assert name(Head(UDP, b"x", b"", junk), NUMBERED).app is None
    assert name(Head(UDP, b"x", b"", junk[1:]), NUMBERED).app == "numbered"


def test_data_that_lacks_a_place_of_the_grammar_is_not_matched_by_it() -> None:
    grammar = Grammar(
        (UDP,), begins(b"h", bits=40), begins(b"h", bits=40), client_at=literal(2, b"ll"), server_at=(least(4),)
    )
    greets = Protocol("a", "A", "made up", (grammar,))
    assert name(Head(UDP, b"hello"), greets).app == "a"
    assert name(Head(UDP, b"hey there"), greets).server == 0  # as the client's, it would have needed two l
    assert name(Head(UDP, b"hey"), greets).app is None


def test_what_a_span_says_is_put_together_from_its_values() -> None:
    def counts(data: bytes) -> SideMatch:
        return SideMatch(True, ((0, 2, ("%d bytes of %s, 100%%", len(data), "a")), (0, 1, "100%")))

    found = name(Head(TCP, b"hello"), protocol("a", counts, None))
    assert [span.says for span in found.spans] == ["5 bytes of a, 100%", "100%"]
