"""A table of what is fixed in a message gives the matcher, what it is worth, and why it refuses."""

import random
import struct

import pytest

from oddport.engine.columns import UDP
from oddport.protocols.phrases import phrase
from oddport.protocols.registry import CLIENT, SERVER
from oddport.protocols.shapes import (
    Message,
    fixed,
    grammar,
    masked,
    message,
    number,
    one_of,
    records,
    same,
    side,
    whole,
    within,
)

ANY = bytes(range(256))


def why(one: Message, data: bytes) -> str:
    """The reason, which no accepted bytes may have."""
    reason = side(one).reject(data)
    assert reason == "" or one.match(data) is None
    return reason


def test_bits_are_what_each_rule_forces() -> None:
    assert message("m", fixed(0, b"MAGIC")).bits == 40
    assert message("m", masked(0, 0xF0, 0x40)).bits == 4
    assert message("m", one_of(0, b"\x01\x02\x03\x04")).bits == 6
    assert message("m", number(0, 2, 1, 256)).bits == 8
    assert message("m", one_of(0, ANY), number(4, 4, 0, 0xFFFF)).bits == 16
    assert message("m", records(0, 4, limit=1 << 20)).bits == 12


def test_the_first_bytes_of_a_side_are_those_of_its_messages() -> None:
    assert side(message("a", fixed(0, b"ab")), message("b", masked(0, 0xFE, 0x10))).first == b"\x10\x11a"
    assert side(message("c", fixed(4, b"late"))).first == ANY


def test_each_byte_is_looked_at_and_named_when_it_is_wrong() -> None:
    one = message("m", fixed(0, b"\x05\x94"), masked(3, 0xC0, 0x40), one_of(4, b"\x01\x02"))
    assert one.match(b"\x05\x94\xff\x7f\x02") is not None
    assert why(one, b"\x05\x95\xff\x7f\x02") == "byte 1 is 0x95, expected 0x94"
    assert why(one, b"\x05\x94\xff\x80\x02") == "byte 3 is 0x80, expected 0x40 to 0x7f"
    assert why(one, b"\x05\x94\xff\x7f\x03") == "byte 4 is 0x03, expected 0x01, 0x02"


def test_numbers_are_read_in_either_order_and_both_ends_belong_to_the_range() -> None:
    big, little = message("m", number(1, 2, 256, 512)), message("m", number(1, 3, 1, 2, little=True))
    assert big.match(b"\0\x01\x00") is not None
    assert big.match(b"\0\x02\x00") is not None
    assert why(big, b"\0\x00\xff") == "number at byte 1 is 255, expected 256 to 512"
    assert why(big, b"\0\x02\x01") == "number at byte 1 is 513, expected 256 to 512"
    assert little.match(b"\0\x02\0\0") is not None
    assert little.match(b"\0\0\0\x02") is None


def test_a_datagram_ends_where_its_length_says() -> None:
    one = message("m", fixed(0, b"\x01"), whole(2, 2, 4), least=6)
    assert one.match(b"\x01\0\0\x03 abc"[:7]) is not None
    assert why(one, b"\x01\0\0\x03") == "datagram has 4 bytes, expected at least 6"
    assert why(one, b"\x01\0\0\x03abcd") == "length at byte 2 says 7, the datagram has 8 bytes"
    assert why(one, b"\x01\0\0\x01abcd") == "length at byte 2 says 5, expected at least 6"


def test_a_length_in_other_units_and_order() -> None:
    one = message("m", whole(0, 2, 8, unit=4, little=True))
    assert one.match(b"\x01\0" + bytes(10)) is not None
    assert one.match(b"\0\x01" + bytes(10)) is None


def test_a_length_within_the_datagram_is_worth_less_than_one_that_closes() -> None:
    data = b"\0\x06" + bytes(6)
    inner, closed = message("m", within(0, 2)).match(data), message("m", whole(0, 2, 2)).match(data)
    assert inner is not None
    assert closed is not None
    assert 0 < inner.bits < closed.bits == 16
    assert why(message("m", within(0, 2)), b"\0\x09" + bytes(6)) == "length at byte 0 says 9, the datagram has 8 bytes"


STREAM = message("m", fixed(0, b"\x12\x01"), records(2, 2, limit=4096, each=(one_of(0, b"\x12\x13"),)), least=8)
FIRST = b"\x12\x01\0\x0a" + b"abcdef"
NEXT = b"\x13\x07\0\x05z"


def bits(data: bytes) -> int:
    found = STREAM.match(data)
    assert found is not None
    return found.bits


def test_a_stream_is_walked_message_by_message() -> None:
    """Fixed 16 bits, the limit forces 4; closing adds the other 12 of the length, a further message its 7."""
    assert bits(FIRST[:9]) == 20
    assert bits(FIRST) == 32
    assert bits(FIRST + NEXT[:2]) == 20
    assert bits(FIRST + NEXT[:4]) == 27
    assert bits(FIRST + NEXT) == 39
    assert bits(FIRST + NEXT + NEXT) == 46


def test_a_stream_whose_next_message_is_none_is_refused() -> None:
    assert why(STREAM, FIRST + b"\x14") == "byte 10 is 0x14, expected 0x12, 0x13"
    assert STREAM.match(FIRST + b"\x13\0\0\x03") is None
    assert why(STREAM, b"\x12\x01\x20\0" + bytes(9)) == "length at byte 2 says 8192, expected at most 4096"


def test_a_length_of_nothing_does_not_walk_on_the_spot() -> None:
    one = message("m", records(0, 1))
    assert one.match(bytes(4_096)) is None


def test_strong_needs_32_bits_and_14_of_them_behind_the_first_four_bytes() -> None:
    def strong(one: Message, data: bytes) -> bool:
        found = one.match(data)
        assert found is not None
        return found.strong

    assert not strong(message("m", fixed(0, b"ABCD")), b"ABCDxx")
    assert not strong(message("m", fixed(0, b"ABCDE")), b"ABCDExx")
    assert strong(message("m", fixed(0, b"ABCDEF")), b"ABCDEFxx")
    assert strong(message("m", fixed(0, b"AB"), whole(2, 2)), b"AB\0\x06xx")
    assert not strong(message("m", fixed(0, b"A"), whole(2, 2)), b"A_\0\x06xx")
    assert strong(message("m", fixed(0, b"ABCD"), check=lambda data: 14), b"ABCDxx")
    assert not strong(message("m", fixed(0, b"ABCD"), check=lambda data: 13), b"ABCDxx")


def test_a_check_refuses_without_a_reason_that_names_a_byte() -> None:
    one = message("m", fixed(0, b"AB"), check=lambda data: -1)
    assert one.match(b"ABCD") is None
    assert why(one, b"ABCD") == ""


def test_of_several_messages_the_one_that_is_worth_most_counts() -> None:
    both = side(message("loose", fixed(0, b"A")), message("tight", fixed(0, b"AB")))
    found = both.match(b"ABC")
    assert found is not None
    assert found.spans == ((0, 2, "tight"),)
    assert both.reject(b"ZBC") == "byte 0 is 0x5a, expected 'A'"
    assert side(message("a", fixed(0, b"AB")), message("b", fixed(0, b"C"))).reject(b"AX") == (
        "byte 1 is 0x58, expected 'B'"
    )


def test_a_message_has_a_size_and_may_be_too_common_to_prove_anything() -> None:
    one = message("m", fixed(0, b"ABCDEF"), least=8, most=9, alone=False)
    assert [one.match(b"ABCDEF".ljust(size)) is not None for size in (7, 8, 9, 10)] == [False, True, True, False]
    found = one.match(b"ABCDEF12")
    assert found is not None
    assert not found.strong
    assert why(one, b"ABCDEF1234") == "message has 10 bytes, expected at most 9"


def test_a_phrase_is_a_part_of_a_side_too() -> None:
    greeting = phrase("greeting", rb"HELLO (?P<host>[a-z.]{1,80})\r\n", 64, begins=(b"HELLO ",))
    both = side(greeting, message("m", fixed(0, b"HI")))
    assert (both.first, both.places) == (b"H", ((1, ANY), (1, b"EI")))
    found = both.match(b"HELLO there.example\r\nmore")
    assert found is not None
    assert (found.facts, found.strong, found.bits) == ({"host": "there.example"}, True, 64)
    assert found.spans == ((0, 21, "greeting"),)
    assert both.match(b"HELLO There\r\n") is None
    assert both.reject(b"HEL") == ""
    assert both.reject(b"HEAD / ") == "byte 2 is 0x41, greeting does not go on like that"


def test_facts_are_asked_of_matches_only() -> None:
    one = message("m", fixed(0, b"A"), facts=lambda data: {"value": data[1]}, least=2)
    found = one.match(b"A\x07")
    assert found is not None
    assert found.facts == {"value": 7}
    assert one.match(b"A") is None


def test_a_grammar_has_both_sides_their_first_bytes_and_reasons() -> None:
    made = grammar((UDP,), side(message("q", fixed(0, b"Q"))), side(message("a", fixed(0, b"A"))), pair=same(2, 1, 2))
    assert (made.client_first, made.server_first) == (b"Q", b"A")
    assert made.client is not None
    assert made.client(b"Q") is not None
    assert made.reject is not None
    assert made.reject(b"A", CLIENT) == "byte 0 is 0x41, expected 'Q'"
    assert made.reject(b"A", SERVER) == ""
    assert made.pair is not None
    assert made.pair(b"Q12", b"A_12")
    assert not made.pair(b"Q12", b"A_13")


def test_a_grammar_is_asked_only_where_all_of_its_messages_have_a_place() -> None:
    short = message("s", one_of(0, b"AB"), one_of(2, b"xy"), fixed(3, b"!"))
    long = message("l", fixed(0, b"C"), fixed(2, b"z"), number(4, 2, 0x0100, 0x02FF), least=8)
    both = grammar((UDP,), side(short, long), side(long))
    assert both.client_at == ((3, ANY), (2, b"xyz"))
    assert both.server_at == ((7, ANY), (2, b"z"), (4, b"\x01\x02"))
    assert side(message("n", number(1, 4, 5, 9, little=True))).places == ((4, ANY), (4, b"\x00"))


def test_a_side_that_cannot_be_told_is_never_refused() -> None:
    made = grammar((UDP,), side(message("q", fixed(0, b"Q"))), None)
    assert made.server is None
    assert made.reject is not None
    assert made.reject(b"x", SERVER) == ""


def test_a_table_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="at most one length"):
        message("m", whole(0, 2), records(2, 2))
    with pytest.raises(ValueError, match="numbers of 1 to 6 bytes"):
        message("m", number(0, 8, 0, 1))


def test_any_bytes_cut_anywhere_are_matched_or_refused_alike() -> None:
    source = random.Random(5)
    shapes = (STREAM, message("w", fixed(0, b"\x01"), whole(1, 1)), message("n", number(0, 4, 1, 1 << 24, little=True)))
    for _ in range(3_000):
        data = source.choice((FIRST, b"\x01", struct.pack("<I", 9))) + source.randbytes(source.randrange(30))
        data = data[: source.randrange(1, len(data) + 1)]
        for one in shapes:
            why(one, data)
