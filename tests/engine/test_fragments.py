"""What is odd about a fragment train, and its benign twin; what reassembly does to the rows of a batch."""

import gc
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from oddport.engine.batch import KIND_FRAGMENT, KIND_IP, Decoded, RecordBatch
from oddport.engine.decode import decode
from oddport.engine.fragments import FragmentTable
from oddport.engine.trains import ANOMALIES, CONFLICT_BYTES, CONFLICTS_KEPT, FRAGMENTS_KEPT, Train
from tests.engine.wire import SECOND, batch_of, ethernet, ip4, ip6, piece4, piece6, tcp, udp

DATAGRAM = udp(bytes(range(256)) * 4)  # 8 + 1024 bytes


def run(
    *frames: bytes, times: Sequence[int] | None = None, table: FragmentTable | None = None, link: int = 101
) -> list[Train]:
    """The trains of one batch of frames, in the order of their first fragment."""
    table = table or FragmentTable()
    batch, out = batch_of(frames, link, times=times), Decoded()
    decode(batch, out)
    table.take(batch, out, 0)
    return sorted([*table.closed(), *table.finish()], key=lambda train: train.id)


def anomalies(*frames: bytes, times: Sequence[int] | None = None) -> set[str]:
    """What is odd about the only train of some frames."""
    (train,) = run(*frames, times=times)
    assert train.anomalies <= set(ANOMALIES)
    return train.anomalies


def cut(data: bytes, *borders: int, version: int = 4, ident: int = 7, proto: int = 17) -> list[bytes]:
    """A datagram's fragments, in order, cut at the borders."""
    edges = [0, *borders, len(data)]
    make = piece4 if version == 4 else piece6
    return [
        make(data[start:stop], start, stop != len(data), ident=ident, proto=proto) for start, stop in pairwise(edges)
    ]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_a_plain_train_is_complete_and_nothing_is_odd_in_any_order(version: int, order: tuple[int, ...]) -> None:
    parts = cut(DATAGRAM, 400, 800, version=version)
    (train,) = run(*(parts[i] for i in order))
    assert train.complete
    assert train.anomalies == set()
    assert train.datagram == DATAGRAM
    assert (train.total, train.holes, train.count, len(train.fragments)) == (1032, [], 3, 3)
    assert (train.sport, train.dport, train.proto, train.version, train.ip_id) == (1111, 2222, 17, version, 7)
    assert (train.first_ns, train.last_ns) == (0, 2000)


def test_a_fragment_says_where_it_lies() -> None:
    (train,) = run(*(ethernet(part) for part in cut(DATAGRAM, 400)), link=1)
    first, last = train.fragments
    assert (first.number, first.packet, first.frame_offset, first.offset, first.length) == (1, 0, 34, 0, 400)
    assert (last.number, last.packet, last.frame_offset, last.offset, last.length) == (2, 1, 34, 400, 632)
    assert (first.more, last.more, first.ttl, first.proto, first.flags, first.header_length) == (
        True,
        False,
        64,
        17,
        1,
        20,
    )


def test_an_ipv6_fragment_counts_the_headers_before_it() -> None:
    routing = bytes((44, 0)) + bytes(6)
    parts = [piece6(DATAGRAM[:400], 0, True, before=routing, before_proto=43)]
    (train,) = run(*parts)
    assert (train.fragments[0].header_length, train.fragments[0].frame_offset) == (48, 56)


# ---- duplicates, overlaps, conflicts: three different things


def test_the_same_fragment_again_is_a_duplicate_and_no_overlap() -> None:
    first, last = cut(DATAGRAM, 400)
    assert anomalies(first, first, last) == {"duplicate"}


def test_an_overlap_of_the_same_bytes_is_an_overlap() -> None:
    parts = [piece4(DATAGRAM[:400], 0, True), piece4(DATAGRAM[320:], 320, False)]
    assert anomalies(*parts) == {"overlap"}


def test_a_fragment_within_another_of_the_same_bytes_is_an_overlap() -> None:
    parts = [piece4(DATAGRAM[:800], 0, True), piece4(DATAGRAM[80:480], 80, True), piece4(DATAGRAM[800:], 800, False)]
    assert anomalies(*parts) == {"overlap"}


def test_other_bytes_in_the_same_range_are_a_conflict_and_the_earlier_ones_stay() -> None:
    first, last = cut(DATAGRAM, 400)
    other = DATAGRAM[:100] + b"EVIL" + DATAGRAM[104:400]
    (train,) = run(first, piece4(other, 0, True), last)
    assert train.anomalies == {"conflicting_overlap"}
    assert train.datagram == DATAGRAM
    (conflict,) = train.conflicts
    assert (conflict.offset, conflict.old_fragment, conflict.new_fragment) == (100, 0, 1)
    assert conflict.old[:4] == DATAGRAM[100:104]
    assert conflict.new[:4] == b"EVIL"
    assert len(conflict.old) == len(conflict.new) == CONFLICT_BYTES


def test_a_conflict_in_one_byte_of_a_partial_overlap_is_found() -> None:
    wrong = bytes((DATAGRAM[320] ^ 1,)) + DATAGRAM[321:]
    (train,) = run(piece4(DATAGRAM[:400], 0, True), piece4(wrong, 320, False))
    assert train.anomalies == {"conflicting_overlap"}
    assert train.conflicts[0].offset == 320
    assert train.datagram == DATAGRAM


def test_conflicts_are_counted_up_to_a_limit() -> None:
    frames = [piece4(DATAGRAM[:400], 0, True)]
    frames += [piece4(bytes((i,)) * 400, 0, True) for i in range(1, 40)]
    (train,) = run(*frames)
    assert len(train.conflicts) == CONFLICTS_KEPT
    assert train.count == 40


def test_teardrop_is_a_conflict_and_a_short_end() -> None:
    # the last fragment lies within the first one and ends before it
    found = anomalies(piece4(udp(b"A" * 28), 0, True), piece4(b"B" * 4, 24, False))
    assert {"conflicting_overlap", "past_end"} <= found


# ---- sizes


def test_a_fragment_of_248_bytes_that_is_not_the_last_is_tiny() -> None:
    assert anomalies(*cut(DATAGRAM, 248)) == {"tiny"}
    assert anomalies(*cut(DATAGRAM, 256)) == set()
    assert anomalies(*cut(DATAGRAM, 1024)) == set(), "the last one may be small"


@pytest.mark.parametrize(
    ("proto", "data", "border", "expected"),
    [
        (17, udp(bytes(600)), 8, True),
        (17, udp(bytes(600)), 16, False),
        (6, tcp(bytes(600)), 16, True),
        (6, tcp(bytes(600)), 24, False),
        (6, tcp(bytes(600), options=bytes(12)), 32, True),
        (6, tcp(bytes(600), options=bytes(12)), 40, False),
        (1, bytes(600), 8, False),
    ],
)
def test_a_first_fragment_without_transport_data_is_tiny_first(
    proto: int, data: bytes, border: int, expected: bool
) -> None:
    assert ("tiny_first" in anomalies(*cut(data, border, proto=proto))) == expected


def test_tcp_at_offset_8_is_tiny_first_whatever_else_there_is() -> None:
    # RFC 3128: it writes over the flags of a header that a filter has let pass
    assert "tiny_first" in anomalies(piece4(tcp(bytes(580)), 0, True, proto=6), piece4(bytes(8), 8, True, proto=6))
    assert "tiny_first" not in anomalies(piece4(udp(bytes(592)), 0, True), piece4(bytes(8), 8, True))


def test_more_fragments_and_a_length_that_is_no_multiple_of_8_is_misaligned() -> None:
    assert "misaligned" in anomalies(piece4(DATAGRAM[:401], 0, True))
    assert "misaligned" not in anomalies(*cut(DATAGRAM, 400))
    assert "misaligned" not in anomalies(piece4(DATAGRAM[400:1031], 400, False)), "the last one may have any length"


def test_bytes_behind_a_known_end_are_past_end_in_either_order() -> None:
    inside, behind = piece4(DATAGRAM[400:800], 400, False), piece4(DATAGRAM[800:], 800, True)
    first = piece4(DATAGRAM[:400], 0, True)
    assert "past_end" in anomalies(inside, behind, first)
    assert "past_end" in anomalies(behind, inside, first)
    assert "past_end" not in anomalies(*cut(DATAGRAM, 400))


def test_bytes_behind_the_end_are_no_part_of_the_datagram() -> None:
    (train,) = run(
        piece4(DATAGRAM[800:], 800, True), piece4(DATAGRAM[400:800], 400, False), piece4(DATAGRAM[:400], 0, True)
    )
    assert train.complete
    assert (train.datagram, train.total) == (DATAGRAM[:800], 800)


def test_two_ends_are_two_tails() -> None:
    parts = [piece4(DATAGRAM[400:800], 400, False), piece4(DATAGRAM[800:], 800, False)]
    assert "two_tails" in anomalies(*parts)
    assert "two_tails" not in anomalies(piece4(DATAGRAM[400:], 400, False), piece4(DATAGRAM[480:], 480, False))


def test_ping_of_death_goes_past_65535_and_completes_nothing() -> None:
    # 20 + 65,528 + 8 bytes
    (train,) = run(piece4(DATAGRAM[:400], 0, True), piece4(bytes(8), 65528, False))
    assert "past_65535" in train.anomalies
    assert (train.complete, train.total) == (False, None)


def test_the_largest_datagram_is_within_65535() -> None:
    data = udp(bytes(65515 - 8))
    (train,) = run(*cut(data, *range(1480, 65515, 1480), proto=17))
    assert train.complete
    assert train.anomalies == set()
    assert train.datagram == data
    (train,) = run(piece4(bytes(3), 65512, False))
    assert "past_65535" not in train.anomalies
    (train,) = run(piece4(bytes(4), 65512, False))
    assert "past_65535" in train.anomalies


def test_ipv6_counts_its_payload_only_up_to_65535() -> None:
    (train,) = run(piece6(bytes(7), 65528, False))
    assert "past_65535" not in train.anomalies
    (train,) = run(piece6(bytes(7), 65528, False, before=bytes((44, 0)) + bytes(6), before_proto=60))
    assert "past_65535" in train.anomalies


def test_a_fragment_without_data_is_zero_length() -> None:
    assert "zero_length" in anomalies(piece4(b"", 400, True))
    (train,) = run(piece4(DATAGRAM[:400], 0, True), piece4(b"", 400, False))
    assert "zero_length" in train.anomalies
    assert (train.complete, train.total) == (True, 400), "it gives the end all the same"


# ---- incomplete trains


def test_missing_first_and_missing_last_are_said_when_it_is_over() -> None:
    first, middle, last = cut(DATAGRAM, 400, 800)
    assert anomalies(middle, last) == {"missing_first"}
    assert anomalies(first, middle) == {"missing_last"}
    assert anomalies(middle) == {"missing_first", "missing_last"}
    assert anomalies(first, last) == set(), "a hole in the middle is in `holes`"


def test_holes_are_named_by_their_first_and_last_byte() -> None:
    first, middle, last = cut(DATAGRAM, 400, 800)
    assert run(first, last)[0].holes == [(400, 799)]
    assert run(middle, last)[0].holes == [(0, 399)]
    assert run(first, middle)[0].holes == [(800, -1)]
    assert run(middle)[0].holes == [(0, 399), (800, -1)]


def test_without_a_first_fragment_the_ports_are_unknown_and_never_0() -> None:
    (train,) = run(piece4(udp(bytes(392)), 400, False))
    assert (train.sport, train.dport) == (None, None)


def test_a_first_fragment_that_ends_before_the_ports_leaves_them_unknown_until_it_is_complete() -> None:
    half = piece6(bytes((17, 0)) + bytes(6), 0, True, proto=60)
    (train,) = run(half)
    assert train.sport is None
    (train,) = run(half, piece6(udp(b"late"), 8, False, proto=60))
    assert (train.sport, train.dport, train.proto) == (1111, 2222, 17)


def test_rose_is_a_beginning_and_a_far_end() -> None:
    beginning = piece4(DATAGRAM[:400], 0, True)
    assert anomalies(beginning, piece4(bytes(8), 65000, False)) == {"rose"}
    assert anomalies(beginning, piece4(bytes(8), 400 + 8192, False)) == {"rose"}
    assert anomalies(beginning, piece4(bytes(8), 400 + 8184, False)) == set()
    assert anomalies(beginning, piece4(bytes(400), 400, True), piece4(bytes(8), 65000, False)) == set()


# ---- headers


def test_ttls_that_differ_by_3_are_mixed() -> None:
    assert anomalies(piece4(DATAGRAM[:400], 0, True, ttl=64), piece4(DATAGRAM[400:], 400, False, ttl=61)) == {
        "ttl_mixed"
    }
    assert anomalies(piece4(DATAGRAM[:400], 0, True, ttl=64), piece4(DATAGRAM[400:], 400, False, ttl=62)) == set()


def test_another_protocol_on_the_same_key_is_noted_and_left_out() -> None:
    (train,) = run(
        piece4(DATAGRAM[:400], 0, True),
        piece4(tcp(bytes(612)), 400, False, proto=6),
        piece4(DATAGRAM[400:], 400, False),
    )
    assert train.anomalies == {"protocol_mixed"}
    assert train.complete
    assert train.datagram == DATAGRAM


def test_ipv6_uses_the_first_fragments_next_header_only() -> None:
    # RFC 8200, section 4.5
    (train,) = run(piece6(DATAGRAM[400:], 400, False, proto=6), piece6(DATAGRAM[:400], 0, True, proto=17))
    assert train.anomalies == {"protocol_mixed"}
    assert (train.complete, train.proto, train.sport) == (True, 17, 1111)


@pytest.mark.parametrize("bits", [2, 4])
def test_dont_fragment_and_the_reserved_bit_are_nonsense_on_a_fragment(bits: int) -> None:
    assert anomalies(piece4(DATAGRAM[:400], 0, True, bits=bits), piece4(DATAGRAM[400:], 400, False)) == {
        "flags_nonsense"
    }


def test_reserved_bits_of_an_ipv6_fragment_header_are_nonsense() -> None:
    assert anomalies(piece6(DATAGRAM[:400], 0, True, odd=1), piece6(DATAGRAM[400:], 400, False)) == {"flags_nonsense"}


@pytest.mark.parametrize(("said", "expected"), [(1032, set()), (1031, {"udp_length"}), (0, {"udp_length"})])
def test_a_udp_length_that_is_not_the_datagrams_is_noted(said: int, expected: set[str]) -> None:
    assert anomalies(*cut(udp(bytes(1024), length=said), 400)) == expected


def test_a_udp_length_of_zero_is_a_jumbograms_in_ipv6() -> None:
    assert anomalies(*cut(udp(bytes(1024), length=0), 400, version=6)) == set()


def test_an_atomic_fragment_is_a_complete_train_by_itself() -> None:
    first, last = cut(DATAGRAM, 400, version=6)
    plain, atomic = run(first, piece6(udp(b"whole"), 0, False), last)
    assert (plain.complete, plain.anomalies) == (True, set()), "it takes no part in the datagram of the same id"
    assert (atomic.complete, atomic.anomalies, atomic.datagram) == (True, {"atomic"}, udp(b"whole"))
    assert (atomic.sport, atomic.dport, atomic.count) == (1111, 2222, 1)


def test_atomic_fragments_of_one_id_are_one_train() -> None:
    (train,) = run(*[piece6(udp(b"whole"), 0, False)] * 3)
    assert (train.count, train.anomalies) == (3, {"atomic"})


def test_an_atomic_fragments_id_is_forgotten_after_the_timeout() -> None:
    whole = piece6(udp(b"whole"), 0, False)
    trains = run(whole, whole, times=[0, 60 * SECOND + 1])
    assert [train.count for train in trains] == [1, 1]


def test_a_fragment_header_in_a_fragment_is_nested() -> None:
    inner = bytes((17, 0, 0, 1)) + bytes(4) + DATAGRAM[:392]
    assert "nested_header" in anomalies(piece6(inner, 0, True, proto=44))


def test_an_atomic_fragment_header_before_the_real_one_is_nested() -> None:
    outer = bytes((44, 0, 0, 0)) + bytes(4)
    assert "nested_header" in anomalies(piece6(DATAGRAM[:400], 0, True, before=outer, before_proto=44))
    routing = bytes((44, 0)) + bytes(6)
    assert "nested_header" not in anomalies(piece6(DATAGRAM[:400], 0, True, before=routing, before_proto=43))


@pytest.mark.parametrize(
    ("proto", "first", "expected"),
    [
        (17, udp(bytes(392)), False),
        (17, b"\0" * 4 + b"\0" * 0, True),
        (6, tcp()[:16], True),
        (6, tcp(bytes(380)), False),
        (60, bytes((17, 0)) + bytes(6), True),
        (60, bytes((17, 1)) + bytes(6), True),
        (60, bytes((17, 0)) + bytes(6) + udp(bytes(384)), False),
        (58, b"\x80\0\0\0" + bytes(396), False),
        (59, b"", False),
    ],
)
def test_an_ipv6_first_fragment_must_hold_all_headers(proto: int, first: bytes, expected: bool) -> None:
    assert ("no_upper_header" in anomalies(piece6(first, 0, True, proto=proto))) == expected


def test_headers_that_the_snap_length_cut_are_not_missing() -> None:
    whole = piece6(DATAGRAM[:400], 0, True)
    batch, out, table = batch_of([whole[:52]], wire=[len(whole)]), Decoded(), FragmentTable()
    decode(batch, out)
    table.take(batch, out, 0)
    (train,) = table.finish()
    assert "no_upper_header" not in train.anomalies


# ---- after completion


def test_a_whole_train_again_is_after_complete_and_no_duplicate() -> None:
    parts = cut(DATAGRAM, 400, 800)
    (train,) = run(*parts, *parts)
    assert train.anomalies == {"after_complete"}
    assert train.count == 6


def test_other_data_on_the_key_of_a_complete_datagram_is_id_reuse_in_a_train_of_its_own() -> None:
    second = udp(b"other" * 200)
    old, new = run(*cut(DATAGRAM, 400), *cut(second, 400))
    assert (old.anomalies, new.anomalies) == (set(), {"id_reuse"})
    assert (old.datagram, new.datagram) == (DATAGRAM, second)


def test_an_id_may_be_used_again_after_the_timeout() -> None:
    first, second = cut(DATAGRAM, 400), cut(udp(b"other" * 200), 400)
    old, new = run(*first, *second, times=[0, 1, 60 * SECOND + 2, 60 * SECOND + 3])
    assert (old.anomalies, new.anomalies) == (set(), set())
    assert new.complete


def test_an_id_may_be_used_by_another_protocol() -> None:
    # RFC 6864, section 4: it is unique together with the protocol
    old, new = run(*cut(DATAGRAM, 400), *cut(bytes(600), 400, proto=1))
    assert (old.anomalies, new.anomalies, new.complete) == (set(), set(), True)


def test_a_longer_datagram_that_begins_alike_is_id_reuse() -> None:
    longer = DATAGRAM + b"more data here.."
    trains = run(*cut(DATAGRAM, 400), *cut(longer, 400)[::-1])
    assert trains[1].anomalies == {"udp_length", "id_reuse"}
    assert trains[1].datagram == longer


# ---- keys and time


def test_addresses_id_vlan_interface_and_version_tell_trains_apart() -> None:
    first, last = DATAGRAM[:400], DATAGRAM[400:]
    for other in (
        piece4(last, 400, False, ident=8),
        piece4(last, 400, False, src="10.0.0.9"),
        piece4(last, 400, False, dst="10.0.0.9"),
        piece6(last, 400, False),
    ):
        assert [train.complete for train in run(piece4(first, 0, True), other)] == [False, False]
    tagged = ethernet(piece4(last, 400, False), between=b"\x81\0\0\x05")
    assert [train.context for train in run(ethernet(piece4(first, 0, True)), tagged, link=1)] == [0, 5]
    table = FragmentTable()
    for interface, part in enumerate((piece4(first, 0, True), piece4(last, 400, False))):
        batch, out = batch_of([part], interface=interface), Decoded()
        decode(batch, out)
        table.take(batch, out, interface)
    assert sorted(train.interface for train in table.finish()) == [0, 1]


def test_a_train_is_over_60_seconds_after_its_first_fragment() -> None:
    first, last = cut(DATAGRAM, 400)
    assert run(first, last, times=[0, 60 * SECOND])[0].complete
    early, late = run(first, last, times=[0, 60 * SECOND + 1])
    assert (early.anomalies, late.anomalies) == ({"missing_last"}, {"missing_first"})


def test_the_timeout_is_a_setting() -> None:
    first, last = cut(DATAGRAM, 400)
    table = FragmentTable(timeout_ns=SECOND)
    assert len(run(first, last, times=[0, SECOND + 1], table=table)) == 2


def test_a_clock_that_was_set_back_by_more_than_the_timeout_opens_a_new_train() -> None:
    first, last = cut(DATAGRAM, 400)
    assert len(run(first, last, times=[100 * SECOND, 40 * SECOND - 1])) == 2
    assert len(run(first, last, times=[100 * SECOND, 40 * SECOND])) == 1


def test_trains_are_handed_out_once_when_their_time_is_over() -> None:
    table = FragmentTable()

    def feed(second: int, *frames: bytes) -> list[int]:
        batch, out = batch_of(frames, times=[second * SECOND] * len(frames)), Decoded()
        decode(batch, out)
        table.take(batch, out, second)
        return [train.ip_id for train in table.closed()]

    assert feed(0, piece4(DATAGRAM[:400], 0, True, ident=1)) == []
    assert feed(10, *cut(DATAGRAM, 400, ident=2)) == []
    assert feed(65, ip4(udp())) == []
    assert feed(66, ip4(udp())) == [1]
    assert feed(76, ip4(udp())) == [2]
    assert len(table.finish()) == 0
    assert table.held_trains == 0


def test_trains_near_the_ends_of_the_capture_say_so() -> None:
    part = piece4(DATAGRAM[400:800], 400, True)
    times = [0, 60 * SECOND, 61 * SECOND, 122 * SECOND]
    frames = [ip4(udp()), piece4(DATAGRAM[400:800], 400, True, ident=1), part, ip4(udp())]
    early, late = run(*frames, times=times)
    assert (early.at_start, early.at_end) == (True, False)
    assert (late.at_start, late.at_end) == (False, False)
    (train,) = run(part, times=[0])
    assert (train.at_start, train.at_end) == (True, True)


# ---- rows


def rows(*frames: bytes, table: FragmentTable | None = None) -> tuple[RecordBatch, Decoded, FragmentTable]:
    table = table or FragmentTable()
    batch, out = batch_of(frames), Decoded()
    decode(batch, out)
    table.take(batch, out, 0)
    return batch, out, table


@pytest.mark.parametrize("version", [4, 6])
def test_the_row_that_completes_a_datagram_becomes_a_whole_packet(version: int) -> None:
    first, last = cut(DATAGRAM, 400, version=version)
    _, out, table = rows(first, last)
    assert out.kind[:2].tolist() == [KIND_FRAGMENT, KIND_IP]
    assert out.reassembled[:2].tolist() == [0, 1]
    at, size = int(out.payload[1]), int(out.payload_captured[1])
    assert table.buffer[at : at + size].tobytes() == DATAGRAM[8:]
    assert out.payload_wire[1] == 1024
    assert at - out.fragment_start[1] == 8, "fragment_start is the datagram's first byte in the buffer"
    assert out.sport[:2].tolist() == [1111, 1111]
    assert out.train[:2].tolist() == [1, 1]


def test_rows_before_the_first_fragment_get_its_ports() -> None:
    first, middle, last = cut(DATAGRAM, 400, 800)
    _, out, _ = rows(last, middle, first)
    assert out.sport[:3].tolist() == [1111] * 3
    assert out.dport[:3].tolist() == [2222] * 3
    assert out.kind[:3].tolist() == [KIND_FRAGMENT, KIND_FRAGMENT, KIND_IP]


def test_rows_of_a_later_batch_get_the_ports_too() -> None:
    first, middle, last = cut(DATAGRAM, 400, 800)
    _, _, table = rows(first)
    _, out, _ = rows(middle, last, table=table)
    assert out.sport[:2].tolist() == [1111, 1111]
    assert out.reassembled[:2].tolist() == [0, 1]


def test_rows_without_known_ports_have_none() -> None:
    _, out, _ = rows(*cut(DATAGRAM, 400)[1:])
    assert (out.kind[0], out.sport[0], out.dport[0], out.train[0]) == (KIND_FRAGMENT, 0, 0, 1)


def test_a_row_of_another_protocol_does_not_get_the_ports() -> None:
    _, out, _ = rows(piece4(DATAGRAM[:400], 0, True), piece4(bytes(8), 400, True, proto=6))
    assert (out.sport[1], out.proto[1], out.train[1]) == (0, 6, 1)


def test_reassembled_tcp_has_its_sequence_number_and_flags() -> None:
    segment = tcp(b"GET / HTTP/1.1\r\n" * 30, options=bytes(12))
    _, out, table = rows(*cut(segment, 24, proto=6))
    assert (out.seq[1], out.ack[1], out.flags[1], out.proto[1]) == (0x01020304, 0xF0E0D0C0, 0x18, 6)
    assert table.buffer[out.payload[1] :][:16].tobytes() == b"GET / HTTP/1.1\r\n"


def test_reassembled_ipv6_extension_headers_lead_to_the_transport() -> None:
    chain = bytes((60, 0)) + bytes(6) + bytes((17, 0)) + bytes(6) + udp(b"deep" * 100)
    _, out, table = rows(*cut(chain, 8, 16, version=6, proto=60))
    assert (out.kind[2], out.proto[2], out.sport[2]) == (KIND_IP, 17, 1111)
    assert table.buffer[out.payload[2] :][:4].tobytes() == b"deep"


def test_a_datagram_whose_transport_header_does_not_hold_together_stays_a_fragment() -> None:
    (train,) = run(*cut(udp(bytes(600), length=3), 400))
    assert train.complete
    _, out, _ = rows(*cut(udp(bytes(600), length=3), 400))
    assert (out.kind[1], out.reassembled[1], out.train[1]) == (KIND_FRAGMENT, 0, 1)


def test_several_datagrams_of_a_batch_lie_side_by_side_in_the_buffer() -> None:
    one, two = udp(b"one." * 100, 1, 2), udp(b"two." * 100, 3, 4)
    a, b = cut(one, 200, ident=1), cut(two, 200, ident=2)
    _, out, table = rows(a[0], b[0], b[1], a[1])
    for row, text in ((2, b"two."), (3, b"one.")):
        assert table.buffer[out.payload[row] :][:4].tobytes() == text


def test_the_buffer_is_the_last_batches_only() -> None:
    _, _, table = rows(*cut(DATAGRAM, 400))
    assert len(table.buffer) == 20 + len(DATAGRAM)
    rows(ip4(udp()), table=table)
    assert len(table.buffer) == 0


def test_a_datagram_cut_by_the_snap_length_is_complete_on_the_wire_and_short_in_the_buffer() -> None:
    first, last = cut(DATAGRAM, 400)
    batch, out, table = batch_of([first[:120], last], wire=[len(first), len(last)]), Decoded(), FragmentTable()
    decode(batch, out)
    table.take(batch, out, 0)
    assert (out.reassembled[1], out.payload_captured[1], out.payload_wire[1]) == (1, 92, 1024)
    (train,) = table.finish()
    assert (train.complete, train.total, train.datagram) == (True, 1032, DATAGRAM[:100])


def test_bytes_that_were_not_captured_are_no_conflict() -> None:
    first, last = cut(DATAGRAM, 400)
    batch, out, table = (
        batch_of([first[:120], first, last], wire=[len(first), len(first), len(last)]),
        Decoded(),
        FragmentTable(),
    )
    decode(batch, out)
    table.take(batch, out, 0)
    (train,) = table.finish()
    assert train.anomalies == {"duplicate"}


def test_whole_packets_are_left_alone() -> None:
    batch, out = batch_of([ip4(udp()), ip6(udp())]), Decoded()
    decode(batch, out)
    before = {name: getattr(out, name)[:2].tolist() for name in Decoded.__slots__}
    FragmentTable().take(batch, out, 0)
    assert {name: getattr(out, name)[:2].tolist() for name in Decoded.__slots__} == before
    FragmentTable().take(batch_of([]), out, 0)


# ---- memory


def test_a_flood_of_trains_gives_up_the_oldest() -> None:
    table = FragmentTable(trains_max=100)
    batch, out = batch_of([piece4(bytes(256), 256, True, ident=i) for i in range(1, 301)]), Decoded()
    decode(batch, out)
    table.take(batch, out, 0)
    assert table.held_trains == 100
    over = list(table.closed())
    assert [train.ip_id for train in over] == list(range(1, 201))
    assert all(train.evicted and train.anomalies == set() for train in over), "what is missing may be our doing"
    assert (table.dropped_trains, table.dropped_bytes) == (200, 200 * 256)


def test_a_flood_of_bytes_gives_up_the_oldest() -> None:
    table = FragmentTable(bytes_max=1 << 20)
    for block in range(20):
        batch, out = batch_of([piece4(bytes(1480), 1480 * i, True, ident=block) for i in range(40)]), Decoded()
        decode(batch, out)
        table.take(batch, out, 0)
        assert table.held_bytes <= 1 << 20
    assert table.dropped_trains > 0
    table.finish()
    assert table.held_bytes == 0


def test_complete_datagrams_that_are_given_up_are_not_counted_as_dropped() -> None:
    table = FragmentTable(trains_max=2)
    frames = [part for i in range(1, 6) for part in cut(DATAGRAM, 400, ident=i)]
    trains = run(*frames, table=table)
    assert [train.complete for train in trains] == [True] * 5
    assert (table.dropped_trains, table.dropped_bytes) == (0, 0)


def test_atomic_fragments_are_bounded_as_well() -> None:
    table = FragmentTable(trains_max=10)
    run(*[piece6(udp(b"x"), 0, False, ident=i) for i in range(50)], table=table)
    assert table.held_bytes == 0
    table = FragmentTable(trains_max=1)
    assert len(run(piece6(udp(b"x"), 0, False), piece4(bytes(256), 0, True), table=table)) == 2


def test_a_single_train_larger_than_the_limit_is_kept() -> None:
    (train,) = run(*cut(DATAGRAM, 400), table=FragmentTable(bytes_max=100))
    assert train.complete


def test_a_train_lists_its_first_fragments_and_counts_on() -> None:
    table = FragmentTable()
    (train,) = run(*[piece4(bytes(8), 0, True)] * (FRAGMENTS_KEPT + 100), table=table)
    assert (len(train.fragments), train.count) == (FRAGMENTS_KEPT, FRAGMENTS_KEPT + 100)


def test_a_datagram_of_more_fragments_than_are_listed_is_put_together() -> None:
    data = udp(np.random.default_rng(1).bytes(8 * 700))
    frames = cut(data, *range(8, len(data), 8))
    (train,) = run(*frames, *frames[-3:], piece4(b"XXXXXXXX", 8 * 600, True))[:1]
    assert train.complete
    assert train.datagram == data


def test_a_conflict_with_a_fragment_that_is_not_listed_says_so() -> None:
    frames = [piece4(bytes(8), 8 * i, True) for i in range(FRAGMENTS_KEPT + 2)]
    (train,) = run(*frames, piece4(b"XXXXXXXX", 8 * FRAGMENTS_KEPT, True))
    assert (train.conflicts[0].old_fragment, train.conflicts[0].new_fragment) == (-1, -1)


def test_times_at_the_ends_of_their_range_do_no_harm() -> None:
    first, last = cut(DATAGRAM, 400)
    trains = run(first, last, times=[-(2**63), 2**63 - 1])
    assert [train.complete for train in trains] == [False, False]
    (train,) = run(first, last, times=[2**63 - 1] * 2)
    assert train.complete


@pytest.mark.parametrize("collecting", [True, False])
def test_garbage_collection_is_as_it_was_after_a_batch(collecting: bool) -> None:
    before = gc.isenabled()
    try:
        gc.enable() if collecting else gc.disable()
        run(*cut(DATAGRAM, 400))
        assert gc.isenabled() == collecting
    finally:
        gc.enable() if before else gc.disable()
