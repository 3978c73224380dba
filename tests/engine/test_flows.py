"""Flows: who opened them, when one ends and the next begins, and their first bytes in sequence order."""

import random
import tracemalloc

import numpy as np
import pytest

from oddport.engine.columns import (
    HEAD_BYTES,
    NOTE_CUT,
    NOTE_EARLY,
    NOTE_GAP_O,
    NOTE_MIDSTREAM,
    NOTE_ONE_SIDED,
    NOTE_REPEATS,
    PACKET_REPEAT,
    STATES,
    address_text,
)
from tests.engine.packets import ACK, FIN, PSH, RST, SECOND, SYN, Bench, batch_of, tcp, udp

C, S = "10.0.0.1", "10.0.0.2"


def c(flags: int = ACK, seq: int = 0, data: bytes = b"", ack: int = 0, sport: int = 40000, dport: int = 443) -> bytes:
    return tcp(C, sport, S, dport, flags, seq, ack, data)


def s(flags: int = ACK, seq: int = 0, data: bytes = b"", ack: int = 0, sport: int = 443, dport: int = 40000) -> bytes:
    return tcp(S, sport, C, dport, flags, seq, ack, data)


def states(frames: list[bytes]) -> list[str]:
    return [STATES[code] for code in Bench().feed(frames).end()["state"].tolist()]


HANDSHAKE = [c(SYN, 100), s(SYN | ACK, 500, ack=101), c(ACK, 101, ack=501)]


def test_whoever_sent_the_syn_is_the_originator_also_when_only_its_answer_was_captured() -> None:
    flow = Bench().feed([s(SYN | ACK, 500, ack=101), c(ACK, 101)]).end()[0]
    assert address_text(bytes(flow["src"]), 4) == C
    assert (flow["sport"], flow["dport"]) == (40000, 443)
    assert not flow["notes"] & NOTE_MIDSTREAM


def test_counters_keep_directions_apart() -> None:
    flow = Bench().feed([*HANDSHAKE, c(PSH | ACK, 101, b"hello"), s(ACK, 501, b"hi")]).end()[0]
    assert (flow["packets_o"], flow["packets_r"]) == (3, 2)
    assert (flow["payload_o"], flow["payload_r"]) == (5, 2)
    assert (flow["bytes_o"], flow["bytes_r"]) == (3 * 54 + 5, 2 * 54 + 2)
    assert (flow["first_ns"], flow["last_ns"]) == (0, 4 * SECOND)


@pytest.mark.parametrize(
    ("frames", "state"),
    [
        ([c(SYN, 1)], "S0"),
        ([c(SYN, 1), s(RST | ACK, 0)], "REJ"),
        ([c(SYN, 1), c(RST, 2)], "RSTOS0"),
        ([c(SYN, 1), c(FIN, 2)], "SH"),
        ([s(SYN | ACK, 1, ack=2), s(FIN | ACK, 2)], "SHR"),
        ([s(SYN | ACK, 1, ack=2), s(RST, 2)], "RSTRH"),
        (HANDSHAKE, "S1"),
        ([*HANDSHAKE, c(FIN | ACK, 101)], "S2"),
        ([*HANDSHAKE, s(FIN | ACK, 501)], "S3"),
        ([*HANDSHAKE, c(FIN | ACK, 101), s(FIN | ACK, 501)], "SF"),
        ([*HANDSHAKE, c(RST, 101)], "RSTO"),
        ([*HANDSHAKE, s(RST, 501), c(RST, 101)], "RSTR"),
        ([c(ACK, 5, b"x"), s(ACK, 9, b"y")], "OTH"),
    ],
)
def test_connection_states_are_those_of_zeek(frames: list[bytes], state: str) -> None:
    assert states(frames) == [state]


def test_a_new_syn_after_both_fins_opens_a_new_flow_at_once() -> None:
    bench = Bench().feed([*HANDSHAKE, c(FIN | ACK, 101), s(FIN | ACK, 501), c(SYN, 90000)])
    assert bench.flow == [1, 1, 1, 1, 1, 2]


def test_a_syn_sent_again_stays_in_its_flow() -> None:
    assert Bench().feed([c(SYN, 100), c(SYN, 100), *HANDSHAKE[1:]]).flow == [1, 1, 1, 1]


def test_the_last_ack_after_both_fins_still_belongs_to_the_flow_but_not_six_seconds_later() -> None:
    frames = [*HANDSHAKE, c(FIN | ACK, 101), s(FIN | ACK, 501), c(ACK, 102), c(ACK, 102)]
    times = [0, 0, 0, 0, 0, 1 * SECOND, 8 * SECOND]
    assert Bench().feed(frames, times).flow == [1, 1, 1, 1, 1, 1, 2]


def test_udp_is_over_after_a_minute_of_silence() -> None:
    frame = udp(C, 5000, S, 53, b"x")
    assert Bench().feed([frame] * 3, [0, 60 * SECOND, 121 * SECOND]).flow == [1, 1, 2]
    assert Bench(udp_timeout=10 * SECOND).feed([frame] * 2, [0, 11 * SECOND]).flow == [1, 2]


def test_vlans_keep_overlapping_networks_apart() -> None:
    plain = udp(C, 5000, S, 53, b"x")
    tagged = plain[:12] + b"\x81\x00\x00\x07" + plain[12:]
    assert Bench().feed([plain, tagged, plain]).flow == [1, 2, 1]


def test_a_flow_seen_from_one_side_says_so() -> None:
    assert Bench().feed([c(SYN, 1), c(ACK, 2, b"x")]).end()["notes"][0] & NOTE_ONE_SIDED


REQUEST = bytes(range(256)) * 20


def split(data: bytes, sizes: list[int]) -> list[tuple[int, bytes]]:
    at, parts = 0, []
    for size in sizes:
        if at < len(data):
            parts.append((at, data[at : at + size]))
            at += size
    if at < len(data):
        parts.append((at, data[at:]))
    return parts


def head_of(frames: list[bytes]) -> tuple[bytes, bytes]:
    bench = Bench().feed(frames)
    bench.end()
    head = bench.heads()[0]
    return head.orig, head.resp


def segments(parts: list[tuple[int, bytes]], first: int = 101) -> list[bytes]:
    return [c(ACK, first + at, part) for at, part in parts]


def test_first_bytes_are_the_first_4096_in_order() -> None:
    assert head_of([*HANDSHAKE, *segments(split(REQUEST, [1400] * 4))])[0] == REQUEST[:HEAD_BYTES]


@pytest.mark.parametrize("seed", range(8))
def test_order_repetition_and_overlap_of_segments_do_not_change_the_bytes(seed: int) -> None:
    chance = random.Random(seed)
    data = chance.randbytes(3000)
    parts = split(data, [chance.randint(1, 700) for _ in range(20)])
    more = [(at, data[at : at + chance.randint(1, 900)]) for at in (chance.randrange(3000) for _ in range(10))]
    mixed = parts + more
    chance.shuffle(mixed)
    assert head_of([*HANDSHAKE, *segments(mixed)])[0] == data


def test_segments_of_one_byte_give_the_same_bytes() -> None:
    data = REQUEST[:4096]
    assert head_of([*HANDSHAKE, *segments(split(data, [1] * 4096))])[0] == data


def test_sequence_numbers_wrap() -> None:
    start = 0xFFFFFFF0
    frames = [c(SYN, start - 1), s(SYN | ACK, 500, ack=start), *segments(split(REQUEST[:2000], [100] * 20), start)]
    assert head_of(frames)[0] == REQUEST[:2000]


def test_where_segments_disagree_the_bytes_that_came_first_stay() -> None:
    assert head_of([*HANDSHAKE, c(ACK, 101, b"AAAA"), c(ACK, 103, b"bbbb")])[0] == b"AAAAbb"
    assert head_of([*HANDSHAKE, c(ACK, 105, b"CCCC"), c(ACK, 101, b"aaaaaaaa")])[0] == b"aaaaCCCC"


def test_bytes_behind_a_hole_do_not_count_and_the_hole_is_noted() -> None:
    bench = Bench().feed([*HANDSHAKE, c(ACK, 101, b"start"), c(ACK, 200, b"later")])
    assert bench.end()["notes"][0] & NOTE_GAP_O
    assert bench.heads()[0].orig == b"start"
    assert bench.heads()[0].notes & NOTE_GAP_O


def test_mid_stream_the_earliest_byte_is_the_start_also_when_it_came_late() -> None:
    bench = Bench().feed([c(ACK, 1105, b"efgh"), c(ACK, 1101, b"abcd"), s(ACK, 7, b"x")])
    assert bench.end()["notes"][0] & NOTE_MIDSTREAM
    assert bench.heads()[0].orig == b"abcdefgh"


def test_a_retransmission_is_marked_and_not_kept_twice() -> None:
    bench = Bench().feed([*HANDSHAKE, c(ACK, 101, b"hello"), c(ACK, 101, b"hello"), c(ACK, 106, b"!")])
    assert [bool(info & PACKET_REPEAT) for info in bench.info] == [False, False, False, False, True, False]
    assert bench.end()["notes"][0] & NOTE_REPEATS
    assert bench.heads()[0].orig == b"hello!"


def test_pieces_tell_the_packet_and_the_place_of_every_byte() -> None:
    frames = [*HANDSHAKE, c(ACK, 101, b"hello "), c(ACK, 107, b"world")]
    bench = Bench().feed(frames)
    bench.end()
    head = bench.heads()[0]
    found = b"".join(
        frames[piece.number - 1][piece.frame_offset : piece.frame_offset + piece.length] for piece in head.orig_pieces
    )
    assert found == head.orig == b"hello world"
    assert [(piece.position, piece.number) for piece in head.orig_pieces] == [(0, 4), (6, 5)]


def test_udp_keeps_the_borders_of_its_first_eight_datagrams() -> None:
    bench = Bench().feed([udp(C, 5000, S, 53, b"%d" % i) for i in range(12)] + [udp(S, 53, C, 5000, b"answer")])
    bench.end()
    head = bench.heads()[0]
    assert head.orig_datagrams == tuple(b"%d" % i for i in range(8))
    assert (head.orig, head.resp) == (b"0", b"answer")


def test_at_least_four_datagrams_are_kept_however_large() -> None:
    bench = Bench().feed([udp(C, 5000, S, 53, bytes([i]) * 1400) for i in range(6)])
    bench.end()
    assert [len(datagram) for datagram in bench.heads()[0].orig_datagrams] == [1400] * 4


def test_a_segment_captured_in_part_ends_the_first_bytes() -> None:
    frames = [*HANDSHAKE, c(ACK, 101, b"A" * 100), c(ACK, 201, b"B" * 100)]
    batch = batch_of(frames)
    batch.caplen[3] -= 60
    from oddport.engine.batch import Decoded
    from oddport.engine.columns import packet_arrays
    from oddport.engine.decode import decode

    decoded = Decoded()
    decode(batch, decoded)
    bench = Bench()
    bench.table.feed(batch, decoded, batch.data, packet_arrays(5), 0)
    assert bench.end()["notes"][0] & NOTE_CUT
    assert bench.heads()[0].orig == b"A" * 40


def test_a_flow_is_offered_for_naming_once_both_sides_spoke_with_the_bytes_of_that_moment() -> None:
    bench = Bench().feed([*HANDSHAKE, c(ACK, 101, b"GET"), s(ACK, 501, b"HT"), s(ACK, 503, b"TP")])
    taken = bench.table.take()
    assert (taken.offered, len(taken.slots)) == (1, 1)
    head = taken.first.head(0)
    assert (head.orig, head.resp, head.closed) == (b"GET", b"HT", False)


def test_a_released_flow_goes_on_counting_without_keeping_bytes() -> None:
    bench = Bench().feed([*HANDSHAKE, c(ACK, 101, b"GET"), s(ACK, 501, b"HT")])
    bench.table.release(bench.table.take().slots)
    bench.feed([c(ACK, 104, b"more")])
    assert bench.end()["payload_o"][0] == 7
    assert bench.heads()[0].orig == b""
    assert bench.table.arena_share() == 0


def test_a_flow_that_was_offered_again_before_its_release_is_not_taken() -> None:
    bench = Bench().feed([*HANDSHAKE, c(ACK, 101, b"GET"), s(ACK, 501, b"HT")])
    named = bench.table.take().slots
    bench.feed([c(ACK, 104 + i, b"x") for i in range(8)])
    bench.table.release(named)
    assert len(bench.table.take().slots) == 0


def test_a_flow_that_ends_where_it_is_offered_is_taken_twice_the_second_time_closed() -> None:
    bench = Bench().feed([*HANDSHAKE, c(ACK, 101, b"GET"), s(ACK, 501, b"HT"), s(ACK, 503, b"TP")])
    bench.table.end_all()
    taken = bench.table.take()
    heads = [taken.first.head(i) for i in range(2)]
    assert [(head.resp, head.closed) for head in heads] == [(b"HT", False), (b"HTTP", True)]
    assert taken.slots.tolist() == [taken.over[0]] * 2
    assert taken.over_tasks().tolist() == [1]
    assert taken.first.one(1).head(0).resp == b"HTTP"


def test_flows_that_are_over_are_taken_in_parts_each_once() -> None:
    bench = Bench().feed([udp(C, 1024 + i, S, 53, b"x" if i % 2 else b"") for i in range(10)], [0] * 10)
    bench.table.end_all()
    parts = [bench.table.take(4) for _ in range(3)]
    assert [len(part.over) for part in parts] == [4, 4, 2]
    assert [part.whole for part in parts] == [False, False, True]
    assert [part.over_tasks().tolist() for part in parts] == [[-1, 0, -1, 1], [-1, 0, -1, 1], [-1, 0]]


def test_where_room_runs_short_the_longest_idle_give_their_bytes_and_are_marked() -> None:
    bench = Bench(arena_bytes=0)  # the least there is: 327,680 blocks of 256 bytes
    for start in range(0, 40_000, 8_000):
        frames = [udp(C, 1 + i, S, 53, b"x" * 1400) for i in range(start, start + 8_000)]
        bench.feed(frames, list(range(start, start + 8_000)))
    taken = bench.table.take()  # six blocks a flow: 73 % are in use, half of them may stay
    assert (taken.offered, len(taken.over)) == (0, 0)
    assert taken.pressed == len(taken.slots) == -(-(40_000 * 6 - 327_680 // 2) // 6)
    assert taken.first.head(0).orig == b"x" * 1400
    assert bench.table.arena_share() < 0.5
    notes = bench.end()["notes"] & NOTE_EARLY
    assert np.flatnonzero(notes).tolist() == list(range(taken.pressed))


def test_memory_for_first_bytes_is_given_back() -> None:
    bench = Bench()
    for round_ in range(4):
        frames = [udp(C, 1024 + i, S, 53, b"x" * 900) for i in range(2000)]
        bench.feed(frames, [round_ * 1000 * SECOND] * 2000)
        bench.table.end_all()
        bench.table.take()
    assert bench.table.arena_share() == 0
    assert bench.table.count() == 8000


def test_the_table_grows_and_finds_every_flow_again() -> None:
    bench = Bench()
    for start in range(0, 60_000, 6_000):
        bench.feed([udp(C, 1 + i, S, 53, b"") for i in range(start, start + 6_000)], [0] * 6_000)
    for start in range(0, 60_000, 6_000):
        bench.feed([udp(S, 53, C, 1 + i, b"") for i in range(start, start + 6_000)], [0] * 6_000)
    flows = bench.end()
    assert len(flows) == 60_000
    assert set(flows["packets_o"].tolist()) == set(flows["packets_r"].tolist()) == {1}


def test_with_too_many_open_flows_the_longest_idle_are_ended() -> None:
    bench = Bench(most_open=16_384)
    for start in range(0, 30_000, 6_000):
        bench.feed([udp(C, 1 + i, S, 53, b"") for i in range(start, start + 6_000)], list(range(start, start + 6_000)))
        bench.table.sweep()
    still_open = len(bench.table.open_flows()[0])
    assert still_open <= 16_384
    ended = bench.over()
    assert ended["last_ns"].max() < 30_000 - 12_288
    assert bench.table.evicted_count() == len(ended) == 30_000 - still_open


def test_a_sweep_ends_what_timed_out() -> None:
    bench = Bench().feed([udp(C, 5000, S, 53, b"x"), udp(C, 5001, S, 53, b"x")], [0, 100 * SECOND])
    bench.table.sweep(1)
    assert bench.over()["sport"].tolist() == [5000]


def test_a_look_shows_what_was_not_taken_with_its_bytes_and_changes_nothing() -> None:
    bench = Bench().feed([*HANDSHAKE, c(ACK, 101, b"GET"), udp(C, 1024, S, 53, b"over")], [0] * 5)
    for _ in range(2):
        slots, rows, first = bench.table.look()
        assert len(slots) == len(rows) == 2
        assert [first.head(row).orig for row in range(2)] == [b"GET", b"over"]
        assert all(first.head(row).closed for row in range(2))
    bench.table.end_all()
    assert [bench.table.look()[2].head(row).orig for row in range(2)] == [b"GET", b"over"]
    assert len(bench.table.take().over) == 2
    assert len(bench.table.look()[0]) == 0


def test_a_table_that_was_closed_gave_its_memory_back_and_still_counts() -> None:
    tracemalloc.start()
    try:
        bench = Bench(arena_bytes=64 << 20).feed([udp(C, 5000 + i, S, 53, b"x") for i in range(100)])
        assert len(bench.end()) == 100
        before, _ = tracemalloc.get_traced_memory()
        bench.table.close()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert before - after > 64 << 20
    assert (bench.table.count(), bench.table.evicted_count()) == (100, 0)
