"""A proof in a direction's bytes leads to the right bytes of the right packets."""

from oddport.detection.evidence import ROWS, beginning, rows
from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head, Piece
from oddport.protocols.model import Span


def test_span_inside_one_packet_counts_from_the_start_of_its_frame() -> None:
    head = Head(TCP, orig=b"\x16\x03\x01\x02\x00rest", orig_pieces=(Piece(0, 9, 2, 4, 54),))
    (row,) = rows(head, Span(0, 1, 4, "version and length"), expected="http")
    assert (row.file, row.packet, row.offset, row.length) == (2, 4, 55, 4)
    assert row.data == b"\x03\x01\x02\x00"
    assert (row.says, row.expected, row.side, row.train) == ("version and length", "http", 0, 0)


def test_span_across_packets_is_one_row_each_and_expected_stands_once() -> None:
    head = Head(TCP, resp=b"SSH-2.0-x\r\n", resp_pieces=(Piece(4, 7, 0, 9, 66), Piece(0, 4, 0, 7, 54)))
    first, second = rows(head, Span(1, 0, 11, "SSH identification"), expected="dns")
    assert (first.packet, first.offset, first.data, first.expected) == (7, 54, b"SSH-", "dns")
    assert (second.packet, second.offset, second.data, second.expected) == (9, 66, b"2.0-x\r\n", "")
    assert first.side == second.side == 1
    assert second.says == "SSH identification (goes on)"


def test_datagram_spans_count_in_the_datagrams_joined() -> None:
    head = Head(
        UDP, orig=b"abcd", orig_datagrams=(b"abcd", b"efgh"), orig_pieces=(Piece(0, 4, 0, 1, 42), Piece(4, 4, 0, 3, 42))
    )
    (row,) = rows(head, Span(0, 5, 2, "id"))
    assert (row.packet, row.offset, row.data) == (3, 43, b"fg")


def test_only_datagram_may_stand_in_the_head_alone() -> None:
    head = Head(UDP, orig=b"abcd", orig_pieces=(Piece(0, 4, 0, 1, 42),))
    assert [row.data for row in rows(head, Span(0, 0, 2, "id"))] == [b"ab"]


def test_reassembled_bytes_carry_their_train() -> None:
    head = Head(UDP, orig=b"abcd", orig_datagrams=(b"abcd",), orig_pieces=(Piece(0, 4, 0, 5, 8, train=17),))
    (row,) = rows(head, Span(0, 2, 2, "tail"))
    assert (row.train, row.offset) == (17, 10)


def test_row_keeps_64_bytes_and_the_length_of_all() -> None:
    head = Head(TCP, orig=bytes(200), orig_pieces=(Piece(0, 200, 0, 1, 54),))
    (row,) = rows(head, Span(0, 0, 200, "record"))
    assert (len(row.data), row.length) == (64, 200)


def test_span_over_many_packets_says_how_many_rows_are_left_out() -> None:
    count = ROWS + 3
    head = Head(TCP, orig=bytes(count), orig_pieces=tuple(Piece(i, 1, 0, i + 1, 54) for i in range(count)))
    found = rows(head, Span(0, 0, count, "record"))
    assert len(found) == ROWS
    assert found[-1].says == "record (goes on); the rest lies in 3 more packets"


def test_bytes_that_never_came_give_no_row() -> None:
    head = Head(TCP, orig=b"abc", orig_pieces=(Piece(0, 3, 0, 1, 54),))
    assert rows(head, Span(0, 3, 5, "beyond")) == ()
    assert rows(head, Span(1, 0, 5, "other side")) == ()


def test_beginning_is_what_one_packet_holds_of_the_first_bytes() -> None:
    head = Head(TCP, orig=b"abcdef", orig_pieces=(Piece(0, 2, 0, 1, 54), Piece(2, 4, 0, 2, 54)))
    (row,) = beginning(head, 0, 16, "first bytes", "a TLS record")
    assert (row.data, row.length, row.expected) == (b"ab", 2, "a TLS record")
    assert beginning(head, 1, 16, "first bytes") == ()
