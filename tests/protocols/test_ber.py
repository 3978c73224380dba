"""Elements of BER: lengths in every form, what is cut, what contradicts."""

from oddport.protocols.ber import CUT, element, sequence_of_tags, small_integer


def test_short_and_long_lengths_give_the_same_content() -> None:
    # X.690, 8.1.3.4 and 8.1.3.5; 8.1.3.5 allows more bytes than needed
    assert element(bytes.fromhex("0402aabb"), 0, 4) == (4, 2, 4)
    assert element(bytes.fromhex("048102aabb"), 0, 5) == (4, 3, 5)
    assert element(bytes.fromhex("048400000002aabb"), 0, 8) == (4, 6, 8)


def test_the_indefinite_length_and_lengths_of_five_bytes_are_none() -> None:
    assert element(b"\x30\x80\x02\x01\x00\x00", 0, 6) is None
    assert element(b"\x30\x85\x00\x00\x00\x00\x01\x00", 0, 8) is None


def test_an_element_that_leaves_its_parent_is_none_but_one_that_leaves_the_bytes_is_cut() -> None:
    assert element(b"\x04\x03a", 0, 4) is None
    assert element(b"\x04\x03a", 0, 5) == (4, 2, 5)
    assert element(b"\x04", 0, 2) is CUT
    assert element(b"\x04\x82\x01", 0, 400) is CUT
    assert element(b"\x04\x82\x01", 0, 3) is None
    assert element(b"\x04", 0, 1) is None


def test_small_integers_are_whole_and_not_negative() -> None:
    assert small_integer(b"\x02\x02\x01\x00", (2, 2, 4)) == 256
    assert small_integer(b"\x02\x01\x80", (2, 2, 3)) == -1
    assert small_integer(b"\x02\x02\x01", (2, 2, 4)) == -1
    assert small_integer(b"\x02\x02\x01\x00", (2, 2, 4), most=1) == -1
    assert small_integer(b"\x02\x00", (2, 2, 2)) == -1
    assert small_integer(b"", CUT) == -1


def test_sequences_tell_contradiction_from_cut() -> None:
    data = bytes.fromhex("0201010402aabb")
    assert sequence_of_tags(data, 0, 7, b"\x02\x04") == 2
    assert sequence_of_tags(data, 0, 7, b"\x02\x02") == -2
    assert sequence_of_tags(data, 0, 6, b"\x02\x04") == -2
    assert sequence_of_tags(data[:3], 0, 7, b"\x02\x04") == 1
