"""Decoded packets → flows: who opened them, their TCP state and counters, and the first bytes of each direction.

A flow is found by its addresses, ports, protocol, VLAN or session context and interface. Its record is one row of
64-bit words, so that a packet touches three cache lines; first bytes lie in an arena of small blocks, chained.
"""

import cython
import numpy as np

from oddport.engine import layout
from oddport.engine.columns import (
    BATCH,
    HEAD_BYTES,
    HEAD_DATAGRAMS,
    NOTE_CUT,
    NOTE_EARLY,
    NOTE_FRAGMENTED,
    NOTE_REPEATS,
    SCTP,
    TCP,
    UDP,
)
from oddport.engine.first_bytes import FirstBytes
from oddport.engine.summary import Taken, flow_records

A_HI = cython.declare(cython.Py_ssize_t, layout.A_HI)
A_LO = cython.declare(cython.Py_ssize_t, layout.A_LO)
B_HI = cython.declare(cython.Py_ssize_t, layout.B_HI)
B_LO = cython.declare(cython.Py_ssize_t, layout.B_LO)
TAIL = cython.declare(cython.Py_ssize_t, layout.TAIL)
WHERE = cython.declare(cython.Py_ssize_t, layout.WHERE)
FIRST = cython.declare(cython.Py_ssize_t, layout.FIRST)
LAST = cython.declare(cython.Py_ssize_t, layout.LAST)
PACKETS = cython.declare(cython.Py_ssize_t, layout.PACKETS)
OCTETS = cython.declare(cython.Py_ssize_t, layout.OCTETS)
PAYLOAD = cython.declare(cython.Py_ssize_t, layout.PAYLOAD)
BITS = cython.declare(cython.Py_ssize_t, layout.BITS)
EXPECT = cython.declare(cython.Py_ssize_t, layout.EXPECT)
CHAIN = cython.declare(cython.Py_ssize_t, layout.CHAIN)
USED = cython.declare(cython.Py_ssize_t, layout.USED)
NAME = cython.declare(cython.Py_ssize_t, layout.NAME)
TALLY = cython.declare(cython.Py_ssize_t, layout.TALLY)
LAST_PIECE = cython.declare(cython.Py_ssize_t, layout.LAST_PIECE)
FLAGS_BIT = cython.declare(cython.ulonglong, layout.FLAGS_BIT)
NOTES_BIT = cython.declare(cython.ulonglong, layout.NOTES_BIT)
ORIENT_BIT = cython.declare(cython.ulonglong, layout.ORIENT_BIT)
ANSWER_BIT = cython.declare(cython.ulonglong, layout.ANSWER_BIT)
IP_BIT = cython.declare(cython.ulonglong, layout.IP_BIT)
LIVE_BIT = cython.declare(cython.ulonglong, layout.LIVE_BIT)
STAGE_BIT = cython.declare(cython.ulonglong, layout.STAGE_BIT)
KNOWN_BIT = cython.declare(cython.ulonglong, layout.KNOWN_BIT)
BEGUN_BIT = cython.declare(cython.ulonglong, layout.BEGUN_BIT)
HOLE_BIT = cython.declare(cython.ulonglong, layout.HOLE_BIT)
FULL_BIT = cython.declare(cython.ulonglong, layout.FULL_BIT)
DONE_BIT = cython.declare(cython.ulonglong, layout.DONE_BIT)
FIRST_RESET_BIT = cython.declare(cython.ulonglong, layout.FIRST_RESET_BIT)
WORDS = cython.declare(cython.Py_ssize_t, layout.WORDS)

M32 = cython.declare(cython.ulonglong, 0xFFFFFFFF)
M64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
ONE = cython.declare(cython.ulonglong, 1)
# Odd multipliers of 64-bit mixing (golden ratio and the primes of xxHash's specification)
K1 = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
K2 = cython.declare(cython.ulonglong, 0xC2B2AE3D27D4EB4F)
K3 = cython.declare(cython.ulonglong, 0x165667B19E3779F9)
K4 = cython.declare(cython.ulonglong, 0x27D4EB2F165667C5)
K5 = cython.declare(cython.ulonglong, 0x85EBCA77C2B2AE63)

BLOCK_BYTES = cython.declare(cython.ulonglong, 256)
PIECE_HEADER = cython.declare(cython.ulonglong, 24)  # position, packet number, frame offset, length | own, file, train
PIECES_APART = cython.declare(cython.ulonglong, 16)  # from here on, bytes that follow on join the last piece
FIRST_BYTES = cython.declare(cython.ulonglong, HEAD_BYTES)
DATAGRAMS = cython.declare(cython.ulonglong, HEAD_DATAGRAMS)
DATAGRAMS_SURE = cython.declare(cython.ulonglong, 4)
CHAIN_MOST = cython.declare(cython.ulonglong, 8 * HEAD_BYTES)
POSITION_MOST = cython.declare(cython.ulonglong, 0x7FFFFFFF)
PACKETS_TO_RETRY = cython.declare(cython.ulonglong, 8)
"""A flow is offered for naming when both directions have spoken, after this many packets with payload, when both
directions' first bytes are full, and at its end."""

F_FIN = cython.declare(cython.ulonglong, 1)
F_SYN = cython.declare(cython.ulonglong, 2)
F_RST = cython.declare(cython.ulonglong, 4)
F_ACK = cython.declare(cython.ulonglong, 16)
P_TCP = cython.declare(cython.ulonglong, TCP)
P_UDP = cython.declare(cython.ulonglong, UDP)
P_SCTP = cython.declare(cython.ulonglong, SCTP)
N_CUT = cython.declare(cython.ulonglong, NOTE_CUT)
N_EARLY = cython.declare(cython.ulonglong, NOTE_EARLY)
N_FRAGMENTED = cython.declare(cython.ulonglong, NOTE_FRAGMENTED)
N_REPEATS = cython.declare(cython.ulonglong, NOTE_REPEATS)

GROUP = cython.declare(cython.Py_ssize_t, 64)
"""Packets whose flows are looked up together, so that the memory of all of them is under way at the same time."""
K_HASH = cython.declare(cython.Py_ssize_t, 6)  # words of a packet's key behind those that it shares with a flow's row
K_TURNED = cython.declare(cython.Py_ssize_t, 7)  # sent by B
K_ENTRY = cython.declare(cython.Py_ssize_t, 8)  # what the table of hashes held for it
KEY_WORDS = 9
WORD_BY_WORD = cython.declare(cython.Py_ssize_t, 128)
"""Up to so many bytes are copied word by word: setting out to copy a slice takes longer."""

SECOND = 1_000_000_000
EVENT_COLUMNS = 3
_NO_BYTES = np.empty(0, np.uint8)
OVER_AT_ONCE = 4 * BATCH
"""Flows that are over are taken at most this many at a time, so that their copies stay small."""
BLOCKS_A_PACKET = 20
"""No packet takes more blocks: HEAD_BYTES and a header, in blocks of 256 bytes."""


def words_anywhere(data: np.ndarray) -> np.ndarray:
    """The 64-bit words that begin at each byte of a uint8 array; they overlap."""
    return np.ndarray((max(0, len(data) - 7),), np.uint64, data, 0, (1,))


@cython.final
@cython.cclass
class FlowTable:
    """Flows that are open, and a queue of those that are over.

    `tcp_timeout`, `closed_timeout` (after FIN of both sides or RST), `udp_timeout`, `other_timeout`: ns without a
    packet until a flow is over. `arena_bytes` bounds the first bytes of all open flows together, `most_open` the flows.
    """

    # columns of the batch in hand
    data: cython.const[cython.uchar][::1]
    data_words: cython.const[cython.ulonglong][:]
    joined: cython.const[cython.uchar][::1]
    start: cython.const[cython.longlong][::1]
    ip_header: cython.const[cython.longlong][::1]
    wirelen: cython.const[cython.uint][::1]
    ts: cython.const[cython.longlong][::1]
    number: cython.const[cython.uint][::1]
    in_case: cython.const[cython.uint][::1]
    file: cython.const[cython.ushort][::1]
    interface: cython.const[cython.ushort][::1]
    kind: cython.const[cython.uchar][::1]
    version: cython.const[cython.uchar][::1]
    proto: cython.const[cython.uchar][::1]
    src_hi: cython.const[cython.ulonglong][::1]
    src_lo: cython.const[cython.ulonglong][::1]
    dst_hi: cython.const[cython.ulonglong][::1]
    dst_lo: cython.const[cython.ulonglong][::1]
    sport: cython.const[cython.ushort][::1]
    dport: cython.const[cython.ushort][::1]
    context: cython.const[cython.uint][::1]
    payload: cython.const[cython.longlong][::1]
    captured: cython.const[cython.uint][::1]
    wire: cython.const[cython.uint][::1]
    seq: cython.const[cython.uint][::1]
    ack: cython.const[cython.uint][::1]
    flags: cython.const[cython.uchar][::1]
    reassembled: cython.const[cython.uchar][::1]
    train: cython.const[cython.uint][::1]
    fragment_start: cython.const[cython.longlong][::1]
    out_flow: cython.uint[::1]
    out_flags: cython.uchar[::1]
    out_info: cython.uchar[::1]
    keys: cython.ulonglong[:, ::1]
    under_way: cython.ulonglong
    # the table
    rec: cython.ulonglong[:, ::1]
    index: cython.ulonglong[::1]
    arena: cython.uchar[::1]
    arena_words: cython.ulonglong[:]
    link: cython.uint[::1]
    free_slots: cython.uint[::1]
    over: cython.uint[::1]
    happened: cython.uint[:, ::1]
    mask: cython.ulonglong
    capacity: cython.Py_ssize_t
    fresh_slot: cython.Py_ssize_t
    free_count: cython.Py_ssize_t
    over_count: cython.Py_ssize_t
    event_count: cython.Py_ssize_t
    open_count: cython.Py_ssize_t
    sweep_at: cython.Py_ssize_t
    blocks: cython.Py_ssize_t
    fresh_block: cython.Py_ssize_t
    free_block: cython.ulonglong
    blocks_used: cython.Py_ssize_t
    made: cython.ulonglong
    clock: cython.ulonglong
    tcp_timeout: cython.ulonglong
    closed_timeout: cython.ulonglong
    udp_timeout: cython.ulonglong
    other_timeout: cython.ulonglong
    most_open: cython.Py_ssize_t
    evicted: cython.Py_ssize_t
    rows: object
    numbers: object

    def __init__(
        self,
        tcp_timeout: int = 300 * SECOND,
        closed_timeout: int = 5 * SECOND,
        udp_timeout: int = 60 * SECOND,
        other_timeout: int = 60 * SECOND,
        arena_bytes: int = 128 << 20,
        most_open: int = 1 << 21,
    ) -> None:
        self.tcp_timeout, self.closed_timeout = tcp_timeout, closed_timeout
        self.udp_timeout, self.other_timeout = udp_timeout, other_timeout
        self.most_open = max(most_open, 2 * BATCH)
        self.evicted = 0
        self.capacity = 0
        self.fresh_slot = self.free_count = self.over_count = self.event_count = self.open_count = self.sweep_at = 0
        self.made = self.clock = 0
        self.blocks = max(arena_bytes // 256, 2 * BATCH * BLOCKS_A_PACKET)
        # np.empty leaves pages that are never written to unbacked, so the bound costs nothing until it is needed
        arena = np.empty(self.blocks * 256, np.uint8)
        self.arena, self.arena_words = memoryview(arena), words_anywhere(arena)
        self.link = memoryview(np.empty(self.blocks + 1, np.uint32))
        self.fresh_block = 0
        self.free_block = 0
        self.blocks_used = 0
        self.happened = memoryview(np.zeros((BATCH, EVENT_COLUMNS), np.uint32))
        self.keys = memoryview(np.zeros((int(GROUP), KEY_WORDS), np.uint64))
        self.under_way = 0
        self._grow(4 * BATCH)

    # -- room ------------------------------------------------------------------------------------------------------

    def _grow(self, capacity: cython.Py_ssize_t) -> None:
        """Make room for `capacity` rows, keep what is there."""
        used = self.fresh_slot
        space = np.empty((capacity + 1) * WORDS, np.uint64)
        begin = -space.ctypes.data % 64 // 8  # rows begin at a cache line
        rows = space[begin : begin + capacity * WORDS].reshape(capacity, WORDS)
        if used:
            rows[:used] = self.rows[:used]
        free = np.empty(capacity, np.uint32)
        over = np.empty(capacity, np.uint32)
        if self.capacity:
            free[: self.free_count] = np.asarray(self.free_slots)[: self.free_count]
            over[: self.over_count] = np.asarray(self.over)[: self.over_count]
        self.rows = rows
        self.rec = memoryview(rows)
        self.free_slots = memoryview(free)
        self.over = memoryview(over)
        self.capacity = capacity
        size = 1
        while size < 2 * capacity:
            size *= 2
        self.index = memoryview(np.zeros(size, np.uint64))
        self.mask = size - 1
        i: cython.Py_ssize_t
        for i in range(self.fresh_slot):
            if (self.rec[i, BITS] >> LIVE_BIT) & ONE:
                self._index_slot(i)

    @cython.cfunc
    @cython.nogil
    @cython.inline
    @cython.exceptval(check=False)
    def _hash(
        self,
        a_hi: cython.ulonglong,
        a_lo: cython.ulonglong,
        b_hi: cython.ulonglong,
        b_lo: cython.ulonglong,
        tail: cython.ulonglong,
        where: cython.ulonglong,
    ) -> cython.ulonglong:
        """32 bits of a flow's key."""
        h: cython.ulonglong = (
            ((a_hi * K1) & M64)
            ^ ((a_lo * K2) & M64)
            ^ ((b_hi * K3) & M64)
            ^ ((b_lo * K4) & M64)
            ^ (((tail ^ where) * K5) & M64)
        )
        h ^= h >> 29
        h = (h * K1) & M64
        return h >> 32

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _hash_of(self, slot: cython.Py_ssize_t) -> cython.ulonglong:
        return self._hash(
            self.rec[slot, A_HI],
            self.rec[slot, A_LO],
            self.rec[slot, B_HI],
            self.rec[slot, B_LO],
            self.rec[slot, TAIL],
            self.rec[slot, WHERE] & (M64 ^ 0xFFFF),
        )

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _index_slot(self, slot: cython.Py_ssize_t) -> cython.int:
        h: cython.ulonglong = self._hash_of(slot)
        i: cython.ulonglong = h & self.mask
        while self.index[cython.cast(cython.Py_ssize_t, i)]:
            i = (i + 1) & self.mask
        self.index[cython.cast(cython.Py_ssize_t, i)] = ((h << 32) & M64) | cython.cast(cython.ulonglong, slot + 1)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _unindex(self, slot: cython.Py_ssize_t) -> cython.int:
        """Take a row out of the hash table and close the gap behind it."""
        i: cython.ulonglong = self._hash_of(slot) & self.mask
        j: cython.ulonglong
        home: cython.ulonglong
        while (self.index[cython.cast(cython.Py_ssize_t, i)] & M32) != cython.cast(cython.ulonglong, slot + 1):
            i = (i + 1) & self.mask
        j = i
        while True:
            j = (j + 1) & self.mask
            if not self.index[cython.cast(cython.Py_ssize_t, j)]:
                break
            home = (self.index[cython.cast(cython.Py_ssize_t, j)] >> 32) & self.mask
            # an entry may move back to the gap unless its home lies behind the gap
            if ((j - home) & M64 & self.mask) >= ((j - i) & M64 & self.mask):
                self.index[cython.cast(cython.Py_ssize_t, i)] = self.index[cython.cast(cython.Py_ssize_t, j)]
                i = j
        self.index[cython.cast(cython.Py_ssize_t, i)] = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _end(self, slot: cython.Py_ssize_t) -> cython.int:
        """The flow is over: out of the table, into the queue."""
        self._unindex(slot)
        self.rec[slot, BITS] &= M64 ^ (ONE << LIVE_BIT)
        self.over[self.over_count] = cython.cast(cython.uint, slot)
        self.over_count += 1
        self.open_count -= 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _idle_over(self, slot: cython.Py_ssize_t, now: cython.ulonglong) -> cython.int:
        """Whether the flow's timeout had passed at `now`."""
        last: cython.ulonglong = self.rec[slot, LAST]
        bits: cython.ulonglong
        flags: cython.ulonglong
        proto: cython.ulonglong
        if now <= last:
            return False
        proto = (self.rec[slot, TAIL] >> 8) & 0xFF
        if proto == P_TCP:
            bits = self.rec[slot, BITS]
            flags = (bits | (bits >> 8)) & 0xFF
            if (flags & F_RST) or ((bits & F_FIN) and ((bits >> 8) & F_FIN)):
                return now - last > self.closed_timeout
            return now - last > self.tcp_timeout
        if proto == P_UDP:
            return now - last > self.udp_timeout
        return now - last > self.other_timeout

    # -- first bytes -----------------------------------------------------------------------------------------------

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-2, check=False)
    def _take_block(self) -> cython.longlong:
        """A free block, -1 if the arena is full."""
        block: cython.ulonglong
        if self.free_block:
            block = self.free_block - 1
            self.free_block = self.link[cython.cast(cython.Py_ssize_t, block)]
        elif self.fresh_block < self.blocks:
            block = cython.cast(cython.ulonglong, self.fresh_block)
            self.fresh_block += 1
        else:
            return -1
        self.link[cython.cast(cython.Py_ssize_t, block)] = 0
        self.blocks_used += 1
        return cython.cast(cython.longlong, block)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _free_chain(self, slot: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.int:
        """Put a chain before the free blocks as it is, so that blocks side by side stay so."""
        chain: cython.ulonglong = self.rec[slot, CHAIN + side]
        if chain:
            self.link[cython.cast(cython.Py_ssize_t, (chain >> 32) - 1)] = cython.cast(cython.uint, self.free_block)
            self.free_block = chain & M32
            self.blocks_used -= cython.cast(
                cython.Py_ssize_t, ((self.rec[slot, USED + side] & M32) + BLOCK_BYTES - 1) // BLOCK_BYTES
            )
            self.rec[slot, CHAIN + side] = 0
        self.rec[slot, USED + side] = 0
        self.rec[slot, LAST_PIECE + side] = 0
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _copy(
        self, into: cython.Py_ssize_t, row: cython.Py_ssize_t, at: cython.Py_ssize_t, count: cython.Py_ssize_t
    ) -> cython.int:
        """Bytes of a packet, or of the datagram it completed, into the arena."""
        i: cython.Py_ssize_t = 0
        if self.reassembled[row] == 1:
            self.arena[into : into + count] = self.joined[at : at + count]
        elif count > WORD_BY_WORD:
            self.arena[into : into + count] = self.data[at : at + count]
        elif count >= 8:
            while i < count - 8:
                self.arena_words[into + i] = self.data_words[at + i]
                i += 8
            self.arena_words[into + count - 8] = self.data_words[at + count - 8]
        else:
            for i in range(count):
                self.arena[into + i] = self.data[at + i]
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-2, check=False)
    def _append(
        self,
        slot: cython.Py_ssize_t,
        side: cython.Py_ssize_t,
        row: cython.Py_ssize_t,
        skip: cython.ulonglong,
        count: cython.ulonglong,
    ) -> cython.int:
        """`count` payload bytes of a packet, behind the first `skip`, to the end of a chain that has a block; 0
        done, -1 no room."""
        used: cython.ulonglong = self.rec[slot, USED + side] & M32
        first: cython.ulonglong = self.rec[slot, CHAIN + side] & M32
        last: cython.ulonglong = (self.rec[slot, CHAIN + side] >> 32) - 1
        run: cython.ulonglong = (BLOCK_BYTES - (used & (BLOCK_BYTES - 1))) & (BLOCK_BYTES - 1)
        into: cython.ulonglong = ((last + 1) * BLOCK_BYTES) - run
        at: cython.Py_ssize_t = self.payload[row] + cython.cast(cython.Py_ssize_t, skip)
        block: cython.longlong = 0
        while run < count:  # blocks that lie side by side are filled at once
            block = self._take_block()
            if block < 0:
                count = run
                break
            self.link[cython.cast(cython.Py_ssize_t, last)] = cython.cast(cython.uint, block + 1)
            if cython.cast(cython.ulonglong, block) != last + 1:
                self._copy(cython.cast(cython.Py_ssize_t, into), row, at, cython.cast(cython.Py_ssize_t, run))
                at += cython.cast(cython.Py_ssize_t, run)
                used += run
                count -= run
                into = cython.cast(cython.ulonglong, block) * BLOCK_BYTES
                run = 0
            run += BLOCK_BYTES
            last = cython.cast(cython.ulonglong, block)
        self._copy(cython.cast(cython.Py_ssize_t, into), row, at, cython.cast(cython.Py_ssize_t, count))
        self.rec[slot, CHAIN + side] = first | ((last + 1) << 32)
        self.rec[slot, USED + side] = (self.rec[slot, USED + side] & (M64 ^ M32)) | (used + count)
        return -1 if block < 0 else 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-2, check=False)
    def _keep(
        self,
        slot: cython.Py_ssize_t,
        side: cython.Py_ssize_t,
        row: cython.Py_ssize_t,
        position: cython.ulonglong,
        skip: cython.ulonglong,
        count: cython.ulonglong,
        joins: cython.bint,
    ) -> cython.int:
        """`count` payload bytes of a packet, behind the first `skip`, as a piece to the end of a direction's chain; 0
        done, -1 no room. `joins`: may lengthen the last piece."""
        used: cython.ulonglong = self.rec[slot, USED + side] & M32
        pieces: cython.ulonglong = self.rec[slot, USED + side] >> 32
        last: cython.ulonglong = self.rec[slot, LAST_PIECE + side]
        header: cython.Py_ssize_t
        length: cython.ulonglong
        room: cython.ulonglong
        place: cython.ulonglong
        block: cython.longlong
        if joins and pieces >= PIECES_APART and (last >> 32) == position:
            header = cython.cast(cython.Py_ssize_t, last & M32)
            if self._append(slot, side, row, skip, count) < 0:
                return -1
            length = self.arena[header + 12] | (cython.cast(cython.ulonglong, self.arena[header + 13]) << 8)
            length += count
            self.arena[header + 12] = cython.cast(cython.uchar, length & 0xFF)
            self.arena[header + 13] = cython.cast(cython.uchar, (length >> 8) & 0xFF)
            self.rec[slot, LAST_PIECE + side] = (last & M32) | (((position + count) & M32) << 32)
            return 0
        room = (BLOCK_BYTES - (used & (BLOCK_BYTES - 1))) & (BLOCK_BYTES - 1)
        if room < PIECE_HEADER:  # a header lies in one block
            used += room
            block = self._take_block()
            if block < 0:
                return -1
            if self.rec[slot, CHAIN + side]:
                self.link[cython.cast(cython.Py_ssize_t, (self.rec[slot, CHAIN + side] >> 32) - 1)] = cython.cast(
                    cython.uint, block + 1
                )
                self.rec[slot, CHAIN + side] = (self.rec[slot, CHAIN + side] & M32) | (
                    cython.cast(cython.ulonglong, block + 1) << 32
                )
            else:
                self.rec[slot, CHAIN + side] = cython.cast(cython.ulonglong, block + 1) * ((ONE << 32) | ONE)
        header = cython.cast(
            cython.Py_ssize_t, (((self.rec[slot, CHAIN + side] >> 32) - 1) * BLOCK_BYTES) + (used & (BLOCK_BYTES - 1))
        )
        # where the bytes begin, in the frame or in the datagram that was put together
        place = skip + cython.cast(
            cython.ulonglong,
            self.payload[row] - (self.fragment_start[row] if self.reassembled[row] == 1 else self.start[row]),
        )
        self.arena_words[header] = (position & M32) | (cython.cast(cython.ulonglong, self.number[row]) << 32)
        self.arena_words[header + 8] = (place & M32) | ((count | (count << 16)) << 32)
        self.arena_words[header + 16] = self.file[row] | (
            cython.cast(cython.ulonglong, self.train[row] if self.reassembled[row] else 0) << 32
        )
        used += PIECE_HEADER
        self.rec[slot, USED + side] = ((pieces + 1) << 32) | used
        self.rec[slot, LAST_PIECE + side] = cython.cast(cython.ulonglong, header) | (((position + count) & M32) << 32)
        return self._append(slot, side, row, skip, count)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _close_holes(self, slot: cython.Py_ssize_t, side: cython.Py_ssize_t) -> cython.int:
        """Move the expected sequence number over pieces that came early; clear the hole mark if none is left behind."""
        expect: cython.ulonglong = self.rec[slot, EXPECT + side]
        next_seq: cython.ulonglong = expect & M32
        here: cython.ulonglong = expect >> 32
        moved: cython.bint = True
        behind: cython.bint = False
        block: cython.ulonglong
        offset: cython.ulonglong
        used: cython.ulonglong = self.rec[slot, USED + side] & M32
        start: cython.ulonglong
        length: cython.ulonglong
        p: cython.Py_ssize_t
        while moved:
            moved = False
            behind = False
            block = self.rec[slot, CHAIN + side] & M32
            offset = 0
            while offset + PIECE_HEADER <= used:
                p = cython.cast(cython.Py_ssize_t, ((block - 1) * BLOCK_BYTES) + (offset & (BLOCK_BYTES - 1)))
                start = (
                    self.arena[p]
                    | (cython.cast(cython.ulonglong, self.arena[p + 1]) << 8)
                    | (cython.cast(cython.ulonglong, self.arena[p + 2]) << 16)
                    | (cython.cast(cython.ulonglong, self.arena[p + 3]) << 24)
                )
                length = self.arena[p + 12] | (cython.cast(cython.ulonglong, self.arena[p + 13]) << 8)
                if start < ONE << 31:  # pieces before a guessed start count from below zero
                    if start <= here and start + length > here:
                        next_seq = (next_seq + (start + length - here)) & M32
                        here = start + length
                        moved = True
                    elif start > here:
                        behind = True
                # on to the next header, over block borders
                offset += PIECE_HEADER
                start = offset
                offset += length
                if BLOCK_BYTES - (offset & (BLOCK_BYTES - 1)) < PIECE_HEADER:
                    offset = (offset + BLOCK_BYTES - 1) & (M64 ^ (BLOCK_BYTES - 1))
                start = (offset // BLOCK_BYTES) - ((start - PIECE_HEADER) // BLOCK_BYTES)
                while start and block:
                    block = self.link[cython.cast(cython.Py_ssize_t, block - 1)]
                    start -= 1
                if not block:
                    break
        self.rec[slot, EXPECT + side] = next_seq | (here << 32)
        if not behind:
            self.rec[slot, BITS] &= M64 ^ (ONE << (HOLE_BIT + cython.cast(cython.ulonglong, side)))
        return 0

    # -- packets ---------------------------------------------------------------------------------------------------

    def feed(
        self, batch: object, decoded: object, joined: object, packets: dict, first: int, in_case: object = None
    ) -> None:
        """Count the rows of a batch into their flows.

        `batch` (RecordBatch) and `decoded` (Decoded) as the earlier stages left them; `joined`: the reassembly buffer
        (uint8) that rows with `reassembled` point into; `packets`: arrays `flow`, `flags` and `info` of the packet
        columns, filled from row 0 on; `first`: number of the batch's first packet in the case; `in_case`: the number
        (uint32) of each row's packet, where they do not follow on. Then `take` tells what is to be named.
        """
        count: cython.Py_ssize_t = batch.count
        free: cython.Py_ssize_t = self.free_count + self.capacity - self.fresh_slot
        if free < count:
            self._grow(2 * self.capacity + count)
        if self.event_count + count > len(self.happened):
            self.happened = memoryview(np.resize(np.asarray(self.happened), (self.event_count + count, EVENT_COLUMNS)))
        self._set_columns(batch, decoded, joined, packets)
        self.in_case = memoryview(np.arange(first, first + count, dtype=np.uint32) if in_case is None else in_case)
        row: cython.Py_ssize_t = 0
        last: cython.Py_ssize_t
        with cython.nogil:
            while row < count:
                last = row + GROUP if row + GROUP < count else count
                self._look_up(row, last)
                self._count(row, last)
                row = last
        self.data = self.joined = memoryview(_NO_BYTES)  # so that their owners may resize them
        self.data_words = words_anywhere(_NO_BYTES)

    def _set_columns(self, batch: object, decoded: object, joined: object, packets: dict) -> None:
        self.data, self.data_words = memoryview(batch.data), words_anywhere(batch.data)
        self.joined = memoryview(joined)
        self.start = memoryview(batch.start)
        self.ip_header = memoryview(decoded.ip_header)
        self.wirelen = memoryview(batch.wirelen)
        self.ts = memoryview(batch.ts)
        self.number = memoryview(batch.number)
        self.file = memoryview(batch.file)
        self.interface = memoryview(batch.interface)
        self.kind = memoryview(decoded.kind)
        self.version = memoryview(decoded.version)
        self.proto = memoryview(decoded.proto)
        self.src_hi = memoryview(decoded.src_hi)
        self.src_lo = memoryview(decoded.src_lo)
        self.dst_hi = memoryview(decoded.dst_hi)
        self.dst_lo = memoryview(decoded.dst_lo)
        self.sport = memoryview(decoded.sport)
        self.dport = memoryview(decoded.dport)
        self.context = memoryview(decoded.context)
        self.payload = memoryview(decoded.payload)
        self.captured = memoryview(decoded.payload_captured)
        self.wire = memoryview(decoded.payload_wire)
        self.seq = memoryview(decoded.seq)
        self.ack = memoryview(decoded.ack)
        self.flags = memoryview(decoded.flags)
        self.reassembled = memoryview(decoded.reassembled)
        self.train = memoryview(decoded.train)
        self.fragment_start = memoryview(decoded.fragment_start)
        self.out_flow = memoryview(packets["flow"])
        self.out_flags = memoryview(packets["flags"])
        self.out_info = memoryview(packets["info"])

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _look_up(self, first: cython.Py_ssize_t, last: cython.Py_ssize_t) -> cython.int:
        """Keys of the packets in rows [first, last), and a first look at the memory that they lead to."""
        row: cython.Py_ssize_t
        k: cython.Py_ssize_t
        slot: cython.Py_ssize_t
        turned: cython.ulonglong
        swap: cython.ulonglong
        ports: cython.ulonglong
        for row in range(first, last):
            k = row - first
            # the lower end is A: without branches, since either is as likely
            turned = (self.src_hi[row] > self.dst_hi[row]) | (
                (self.src_hi[row] == self.dst_hi[row])
                & (
                    (self.src_lo[row] > self.dst_lo[row])
                    | ((self.src_lo[row] == self.dst_lo[row]) & (self.sport[row] > self.dport[row]))
                )
            )
            swap = (0 - turned) & M64
            self.keys[k, A_HI] = self.src_hi[row] ^ ((self.src_hi[row] ^ self.dst_hi[row]) & swap)
            self.keys[k, B_HI] = self.dst_hi[row] ^ ((self.src_hi[row] ^ self.dst_hi[row]) & swap)
            self.keys[k, A_LO] = self.src_lo[row] ^ ((self.src_lo[row] ^ self.dst_lo[row]) & swap)
            self.keys[k, B_LO] = self.dst_lo[row] ^ ((self.src_lo[row] ^ self.dst_lo[row]) & swap)
            ports = (self.sport[row] ^ self.dport[row]) & swap
            self.keys[k, TAIL] = (
                ((self.sport[row] ^ ports) << 32)
                | ((self.dport[row] ^ ports) << 16)
                | (cython.cast(cython.ulonglong, self.proto[row]) << 8)
                | self.version[row]
            )
            self.keys[k, WHERE] = (cython.cast(cython.ulonglong, self.context[row]) << 32) | (
                cython.cast(cython.ulonglong, self.interface[row]) << 16
            )
            self.keys[k, K_HASH] = self._hash(
                self.keys[k, A_HI],
                self.keys[k, A_LO],
                self.keys[k, B_HI],
                self.keys[k, B_LO],
                self.keys[k, TAIL],
                self.keys[k, WHERE],
            )
            self.keys[k, K_TURNED] = turned
        for k in range(last - first):
            self.keys[k, K_ENTRY] = self.index[cython.cast(cython.Py_ssize_t, self.keys[k, K_HASH] & self.mask)]
        swap = 0
        for k in range(last - first):
            slot = cython.cast(cython.Py_ssize_t, self.keys[k, K_ENTRY] & M32)
            if slot:
                swap ^= (
                    self.rec[slot - 1, A_HI] ^ self.rec[slot - 1, FIRST] ^ self.rec[slot - 1, EXPECT]
                )  # a cache line each
        self.under_way = swap  # kept, or the looks would be left out
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-2, check=False)
    def _find(self, k: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Slot of the flow with a packet's key, -1 if there is none."""
        h: cython.ulonglong = self.keys[k, K_HASH]
        p: cython.ulonglong = h & self.mask
        entry: cython.ulonglong
        slot: cython.Py_ssize_t
        while True:
            entry = self.index[cython.cast(cython.Py_ssize_t, p)]
            if entry == 0:
                return -1
            if (entry >> 32) == h:
                slot = cython.cast(cython.Py_ssize_t, (entry & M32) - 1)
                if (
                    self.rec[slot, TAIL] == self.keys[k, TAIL]
                    and self.rec[slot, A_LO] == self.keys[k, A_LO]
                    and self.rec[slot, B_LO] == self.keys[k, B_LO]
                    and self.rec[slot, A_HI] == self.keys[k, A_HI]
                    and self.rec[slot, B_HI] == self.keys[k, B_HI]
                    and (self.rec[slot, WHERE] & (M64 ^ 0xFFFF)) == self.keys[k, WHERE]
                ):
                    return slot
            p = (p + 1) & self.mask

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-2, check=False)
    def _open(self, k: cython.Py_ssize_t, row: cython.Py_ssize_t, now: cython.ulonglong) -> cython.Py_ssize_t:
        """Slot of a new flow that begins with the packet."""
        slot: cython.Py_ssize_t
        word: cython.Py_ssize_t
        turned: cython.ulonglong = self.keys[k, K_TURNED]
        answers: cython.ulonglong = 0
        ip: cython.ulonglong = cython.cast(cython.ulonglong, self.ip_header[row] - self.start[row]) & 0xFFFF
        if self.free_count:
            self.free_count -= 1
            slot = self.free_slots[self.free_count]
        else:
            slot = self.fresh_slot
            self.fresh_slot += 1
        self.made += 1
        self.open_count += 1
        for word in range(WHERE):
            self.rec[slot, word] = self.keys[k, word]
        for word in range(LAST + 1, WORDS):
            self.rec[slot, word] = 0
        self.rec[slot, WHERE] = self.keys[k, WHERE] | self.file[row]
        self.rec[slot, FIRST] = now
        self.rec[slot, LAST] = now
        self.rec[slot, NAME] = (self.made & M32) | (cython.cast(cython.ulonglong, self.in_case[row]) << 32)
        # whoever answers a SYN did not open the connection
        if self.proto[row] == P_TCP and (self.flags[row] & (F_SYN | F_ACK)) == (F_SYN | F_ACK):
            answers = ONE
        self.rec[slot, BITS] = (
            ((turned ^ answers) << ORIENT_BIT) | (ONE << LIVE_BIT) | (answers << ANSWER_BIT) | (ip << IP_BIT)
        ) & M64
        self._index_slot(slot)
        return slot

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _count(self, first: cython.Py_ssize_t, last: cython.Py_ssize_t) -> cython.int:
        """Count the packets in rows [first, last) into their flows."""
        row: cython.Py_ssize_t
        k: cython.Py_ssize_t
        slot: cython.Py_ssize_t
        side: cython.Py_ssize_t
        own: cython.ulonglong
        now: cython.ulonglong
        info: cython.ulonglong
        n: cython.ulonglong
        for row in range(first, last):
            k = row - first
            self.out_flow[row] = 0
            self.out_flags[row] = 0
            if self.kind[row] == 0:
                self.out_info[row] = 4
                continue
            info = 2 if self.kind[row] == 2 or self.reassembled[row] == 1 else 0
            if self.kind[row] == 2 and self.sport[row] == 0 and self.dport[row] == 0:  # its ports are not known
                self.out_info[row] = 2
                continue
            now = cython.cast(cython.ulonglong, self.ts[row]) if self.ts[row] > 0 else 0
            if now > self.clock:
                self.clock = now
            slot = self._find(k)
            if slot >= 0 and (self._idle_over(slot, now) or self._opens_anew(slot, k, row)):
                self._end(slot)
                slot = -1
            if slot < 0:
                slot = self._open(k, row, now)
            own = self.keys[k, K_TURNED] ^ ((self.rec[slot, BITS] >> ORIENT_BIT) & ONE)
            side = cython.cast(cython.Py_ssize_t, own)
            if now > self.rec[slot, LAST]:
                self.rec[slot, LAST] = now
            self.rec[slot, PACKETS] = (self.rec[slot, PACKETS] + (ONE << (32 * own))) & M64
            self.rec[slot, OCTETS + side] += self.wirelen[row]
            self.rec[slot, TALLY] = (self.rec[slot, TALLY] & (M64 ^ M32)) | self.in_case[row]
            if info:
                self.rec[slot, BITS] |= N_FRAGMENTED << NOTES_BIT
            info |= own
            if self.kind[row] == 1:
                n = self.wire[row]
                if n:
                    info |= 16
                    self.rec[slot, PAYLOAD + side] += n
                    if self.captured[row] < n:
                        self.rec[slot, BITS] |= N_CUT << NOTES_BIT
                if self.proto[row] == P_TCP:
                    self.out_flags[row] = self.flags[row]
                    info |= self._segment(slot, side, row)
                elif n and (self.proto[row] == P_UDP or self.proto[row] == P_SCTP):
                    self._datagram(slot, side, row)
                if n:
                    self.rec[slot, TALLY] += ONE << 32
                    self._offer(slot)
            self.out_flow[row] = cython.cast(cython.uint, self.rec[slot, NAME] & M32)
            self.out_info[row] = cython.cast(cython.uchar, info)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _opens_anew(self, slot: cython.Py_ssize_t, k: cython.Py_ssize_t, row: cython.Py_ssize_t) -> cython.int:
        """Whether the packet is a SYN of another connection than the one in the table."""
        bits: cython.ulonglong
        both: cython.ulonglong
        side: cython.Py_ssize_t
        expect: cython.ulonglong
        if self.kind[row] != 1 or self.proto[row] != P_TCP or (self.flags[row] & (F_SYN | F_ACK)) != F_SYN:
            return False
        bits = self.rec[slot, BITS]
        both = (bits | (bits >> 8)) & 0xFF
        if both & (F_FIN | F_RST):
            return True
        if not both & F_SYN:
            return both != 0
        side = cython.cast(cython.Py_ssize_t, self.keys[k, K_TURNED] ^ ((bits >> ORIENT_BIT) & ONE))
        if not (bits >> (BEGUN_BIT + cython.cast(cython.ulonglong, side))) & ONE:
            return False
        expect = self.rec[slot, EXPECT + side]
        if ((expect & M32) - (expect >> 32)) & M32 == (cython.cast(cython.ulonglong, self.seq[row]) + 1) & M32:
            return False
        # another first sequence number: a new connection once the old one was answered or has spoken
        return (self.rec[slot, PACKETS] & M32) > 0 and (self.rec[slot, PACKETS] >> 32) > 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _segment(self, slot: cython.Py_ssize_t, side: cython.Py_ssize_t, row: cython.Py_ssize_t) -> cython.longlong:
        """Flags and payload of one TCP segment (RFC 9293, section 3.4); gives PACKET_* bits."""
        own: cython.ulonglong = cython.cast(cython.ulonglong, side)
        other: cython.ulonglong = 1 - own
        fl: cython.ulonglong = self.flags[row]
        seq: cython.ulonglong = self.seq[row]
        n: cython.ulonglong = self.wire[row]
        captured: cython.ulonglong = self.captured[row]
        begun: cython.ulonglong = ONE << (BEGUN_BIT + own)
        bits: cython.ulonglong = self.rec[slot, BITS]
        expect: cython.ulonglong
        here: cython.ulonglong
        ahead: cython.ulonglong
        behind: cython.ulonglong
        keep: cython.ulonglong
        position: cython.ulonglong
        ends: cython.ulonglong
        full: cython.bint
        if (fl & F_RST) and not (((bits | (bits >> 8)) >> FLAGS_BIT) & F_RST):
            bits |= (own + 1) << FIRST_RESET_BIT
        bits |= fl << (FLAGS_BIT + 8 * own)
        if fl & F_SYN:
            seq = (seq + 1) & M32
            if not self.rec[slot, USED + side]:
                self.rec[slot, EXPECT + side] = seq
                bits |= begun | (ONE << (KNOWN_BIT + own))
            if (fl & F_ACK) and not (bits >> (BEGUN_BIT + other)) & ONE:
                self.rec[slot, EXPECT + cython.cast(cython.Py_ssize_t, other)] = self.ack[row]
                bits |= (ONE << (BEGUN_BIT + other)) | (ONE << (KNOWN_BIT + other))
        if n and not bits & begun:
            self.rec[slot, EXPECT + side] = seq
            bits |= begun
        self.rec[slot, BITS] = bits
        if n == 0:
            return 0
        expect = self.rec[slot, EXPECT + side]
        here = expect >> 32
        ahead = (seq - (expect & M32)) & M32
        behind = 0
        if ahead >= ONE << 31:
            behind = (ONE << 32) - ahead
            ahead = 0
        full = ((bits >> (FULL_BIT + own)) | (bits >> DONE_BIT)) & ONE or here >= FIRST_BYTES
        if behind > here and not full and not (bits >> (KNOWN_BIT + own)) & ONE and behind - here <= FIRST_BYTES:
            # the start was guessed, and an earlier segment came late
            keep = captured if captured < FIRST_BYTES else FIRST_BYTES
            if (self.rec[slot, USED + side] & M32) < CHAIN_MOST and (
                self._keep(slot, side, row, (here - behind) & M32, 0, keep, False) < 0
            ):
                self._run_out(slot, own)
            if n > behind:
                self.rec[slot, EXPECT + side] = ((seq + n) & M32) | ((here + n - behind) << 32)
            return 0
        if n <= behind:
            self.rec[slot, BITS] |= N_REPEATS << NOTES_BIT
            return 8
        position = here + ahead
        ends = position + n - behind
        if ends > POSITION_MOST:
            ends = POSITION_MOST
        if full:  # behind the first bytes holes are not followed: go on from the end of this segment
            self.rec[slot, EXPECT + side] = ((seq + n) & M32) | (ends << 32)
            return 0
        if position >= FIRST_BYTES:
            self.rec[slot, BITS] |= ONE << (HOLE_BIT + own)
            return 0
        keep = captured - behind if captured > behind else 0
        if position + keep > FIRST_BYTES:
            keep = FIRST_BYTES - position
        if (
            keep
            and (self.rec[slot, USED + side] & M32) < CHAIN_MOST
            and self._keep(slot, side, row, position, behind, keep, ahead == 0) < 0
        ):
            self._run_out(slot, own)
        if ahead:
            self.rec[slot, BITS] |= ONE << (HOLE_BIT + own)
            return 0
        self.rec[slot, EXPECT + side] = ((seq + n) & M32) | (ends << 32)
        if (bits >> (HOLE_BIT + own)) & ONE:
            self._close_holes(slot, side)
        if (self.rec[slot, EXPECT + side] >> 32) >= FIRST_BYTES or captured < n:
            self.rec[slot, BITS] |= ONE << (FULL_BIT + own)
        if behind:
            self.rec[slot, BITS] |= N_REPEATS << NOTES_BIT
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _run_out(self, slot: cython.Py_ssize_t, own: cython.ulonglong) -> cython.int:
        """The arena is full: this direction keeps what it has."""
        self.rec[slot, BITS] |= (N_EARLY << NOTES_BIT) | (ONE << (FULL_BIT + own))
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _datagram(self, slot: cython.Py_ssize_t, side: cython.Py_ssize_t, row: cython.Py_ssize_t) -> cython.int:
        """The first datagrams of a direction, each with its border."""
        own: cython.ulonglong = cython.cast(cython.ulonglong, side)
        bits: cython.ulonglong = self.rec[slot, BITS]
        held: cython.ulonglong = self.captured[row]
        pieces: cython.ulonglong
        position: cython.ulonglong
        if (bits >> (FULL_BIT + own)) & ONE or (bits >> DONE_BIT) & ONE or held == 0:
            return 0
        pieces = self.rec[slot, USED + side] >> 32
        position = self.rec[slot, EXPECT + side] >> 32
        if held > FIRST_BYTES:
            held = FIRST_BYTES
        if self._keep(slot, side, row, position, 0, held, False) < 0:
            self._run_out(slot, own)
            return 0
        position += held
        pieces += 1
        self.rec[slot, EXPECT + side] = position << 32
        if pieces >= DATAGRAMS or (pieces >= DATAGRAMS_SURE and position >= FIRST_BYTES):
            self.rec[slot, BITS] |= ONE << (FULL_BIT + own)
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _offer(self, slot: cython.Py_ssize_t) -> cython.int:
        """Note the flow for naming when it has come far enough, with how much of its first bytes there is by now."""
        bits: cython.ulonglong = self.rec[slot, BITS]
        stage: cython.ulonglong = (bits >> STAGE_BIT) & 3
        n: cython.Py_ssize_t
        if stage == 3 or (bits >> DONE_BIT) & ONE or not (self.rec[slot, USED] and self.rec[slot, USED + 1]):
            return 0
        if stage == 1 and (self.rec[slot, TALLY] >> 32) < PACKETS_TO_RETRY and ((bits >> FULL_BIT) & 3) != 3:
            return 0
        if stage == 2 and ((bits >> FULL_BIT) & 3) != 3:
            return 0
        self.rec[slot, BITS] += ONE << STAGE_BIT
        n = self.event_count
        self.happened[n, 0] = cython.cast(cython.uint, slot)
        self.happened[n, 1] = cython.cast(cython.uint, self.rec[slot, USED] & M32)
        self.happened[n, 2] = cython.cast(cython.uint, self.rec[slot, USED + 1] & M32)
        self.event_count += 1
        return 0

    # -- what there is to name --------------------------------------------------------------------------------------

    def sweep(self, parts: cython.Py_ssize_t = 32) -> None:
        """End flows whose timeout has passed, in one `parts`-th of the rows; and the idlest if too many are open."""
        n: cython.Py_ssize_t = self.fresh_slot // parts + 1
        _i: cython.Py_ssize_t
        slot: cython.Py_ssize_t = self.sweep_at
        for _i in range(min(n, self.fresh_slot)):
            if slot >= self.fresh_slot:
                slot = 0
            if (self.rec[slot, BITS] >> LIVE_BIT) & ONE and self._idle_over(slot, self.clock):
                self._end(slot)
            slot += 1
        self.sweep_at = slot
        if self.open_count > self.most_open:
            self._evict(self.most_open * 3 // 4)

    def _evict(self, leave: cython.Py_ssize_t) -> None:
        """End the longest-idle flows until `leave` are open."""
        used = self.rows[: self.fresh_slot]
        live = np.flatnonzero((used[:, BITS] >> np.uint64(LIVE_BIT)) & np.uint64(1))
        order = live[np.argsort(used[live, LAST], kind="stable")]
        slot: cython.Py_ssize_t
        for slot in order[: max(0, self.open_count - leave)].tolist():
            self._end(slot)
            self.evicted += 1

    def end_all(self) -> None:
        """The capture is over: every open flow is."""
        slot: cython.Py_ssize_t
        for slot in range(self.fresh_slot):
            if (self.rec[slot, BITS] >> LIVE_BIT) & ONE:
                self._end(slot)

    def close(self) -> None:
        """All was taken: give the memory back. Nothing but the counts may be asked for from here on."""
        self.rows = np.empty((0, WORDS), np.uint64)
        self.rec = memoryview(self.rows)
        self.index = memoryview(np.empty(0, np.uint64))
        self.arena = memoryview(_NO_BYTES)
        self.arena_words = words_anywhere(_NO_BYTES)
        self.link = self.free_slots = self.over = memoryview(np.empty(0, np.uint32))

    def count(self) -> int:
        """Flows that were ever opened."""
        return self.made

    def evicted_count(self) -> int:
        """Flows that were ended before their time because too many were open."""
        return self.evicted

    def arena_share(self) -> float:
        """Share of the arena in use, 0 to 1."""
        return self.blocks_used / self.blocks

    def take(self, most: cython.Py_ssize_t = OVER_AT_ONCE) -> Taken:
        """What there is to name since the last call, copied: flows that were offered, in order; open flows that have to
        be named now, since the arena fills up; and up to `most` flows that are over, in order of their end.

        Those that are over are forgotten, and those named for want of room keep no more first bytes.
        """
        offered = np.asarray(self.happened)[: self.event_count]
        pressed = self._pressed()
        over = np.asarray(self.over)[: min(self.over_count, most)].copy()
        flows = self.rows[over]
        held = ((flows[:, USED] | flows[:, USED + 1]) & np.uint64(M32)) > 0
        slots = np.concatenate((offered[:, 0], pressed, over[held])).astype(np.uint32)
        rows = np.concatenate((self.rows[slots[: len(offered) + len(pressed)]], flows[held]))
        used = (rows[:, USED : USED + 2] & np.uint64(M32)).astype(np.int64)
        used[: len(offered)] = np.minimum(used[: len(offered)], offered[:, 1:])
        closed = np.ones(len(slots), np.uint8)
        closed[: len(offered)] = 0
        first = self._copied(slots, rows, used, closed)
        self._forget(len(over))
        self._press(memoryview(pressed))
        return Taken(first, slots, rows, len(offered), len(pressed), over, flows, held, self.over_count == 0)

    def _copied(self, slots: np.ndarray, rows: np.ndarray, used: np.ndarray, closed: np.ndarray) -> FirstBytes:
        """The first bytes of flows; `used`: how many of each chain's."""
        start = np.zeros(2 * len(slots) + 1, np.int64)
        np.cumsum(used.ravel(), out=start[1:])
        raw = np.empty(int(start[len(start) - 1]), np.uint8)
        self._copy_chains(memoryview(slots), memoryview(start), memoryview(raw))
        return FirstBytes(
            ((rows[:, TAIL] >> np.uint64(8)) & np.uint64(0xFF)).astype(np.uint8),
            np.ascontiguousarray(rows[:, BITS]),
            closed,
            start,
            raw.tobytes(),
        )

    def look(self) -> tuple:
        """(slots, rows, first bytes as if no more would come) of the flows that `take` has not given as over, by id.
        Nothing changes."""
        used = self.rows[: self.fresh_slot]
        here = ((used[:, BITS] >> np.uint64(LIVE_BIT)) & np.uint64(1)) > 0
        here[np.asarray(self.over)[: self.over_count]] = True
        slots = np.flatnonzero(here)
        slots = slots[np.argsort(used[slots, NAME] & np.uint64(M32), kind="stable")].astype(np.uint32)
        rows = used[slots]
        held = (rows[:, USED : USED + 2] & np.uint64(M32)).astype(np.int64)
        return slots, rows, self._copied(slots, rows, held, np.ones(len(slots), np.uint8))

    def _pressed(self) -> np.ndarray:
        """Open flows (slots) to be named for want of room: the longest idle ones, until half of the arena is free; none
        while three tenths are."""
        if self.blocks_used * 10 < self.blocks * 7:
            return np.zeros(0, np.uint32)
        used = self.rows[: self.fresh_slot]
        live = ((used[:, BITS] >> np.uint64(LIVE_BIT)) & np.uint64(1)) > 0
        holds = np.flatnonzero(live & ((used[:, CHAIN] | used[:, CHAIN + 1]) > 0))
        holds = holds[np.argsort(used[holds, LAST], kind="stable")]
        held = (used[holds, USED : USED + 2] & np.uint64(M32)).astype(np.int64)
        freed = np.cumsum(((held + (BLOCK_BYTES - 1)) // BLOCK_BYTES).sum(axis=1))
        enough = int(np.searchsorted(freed, self.blocks_used - self.blocks // 2))
        return holds[: enough + 1].astype(np.uint32)

    @cython.cfunc
    @cython.exceptval(-1)
    def _copy_chains(
        self, slots: cython.const[cython.uint][::1], start: cython.const[cython.longlong][::1], raw: cython.uchar[::1]
    ) -> cython.int:
        """Both chains of each flow, as far as `start` leaves room for them, one behind the other."""
        i: cython.Py_ssize_t
        side: cython.Py_ssize_t
        slot: cython.Py_ssize_t
        at: cython.Py_ssize_t
        end: cython.Py_ssize_t
        step: cython.Py_ssize_t
        p: cython.Py_ssize_t
        block: cython.ulonglong
        with cython.nogil:
            for i in range(slots.shape[0]):
                slot = slots[i]
                for side in range(2):
                    at = start[2 * i + side]
                    end = start[2 * i + side + 1]
                    block = self.rec[slot, CHAIN + side] & M32
                    while block and at < end:
                        step = 256 if end - at > 256 else end - at
                        p = cython.cast(cython.Py_ssize_t, (block - 1) * BLOCK_BYTES)
                        raw[at : at + step] = self.arena[p : p + step]
                        at += step
                        block = self.link[cython.cast(cython.Py_ssize_t, block - 1)]
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _forget(self, count: cython.Py_ssize_t) -> cython.int:
        """The first `count` flows that are over, and all that were offered."""
        i: cython.Py_ssize_t
        slot: cython.Py_ssize_t
        with cython.nogil:
            for i in range(count):
                slot = self.over[i]
                self._free_chain(slot, 0)
                self._free_chain(slot, 1)
                self.free_slots[self.free_count] = cython.cast(cython.uint, slot)
                self.free_count += 1
            for i in range(count, self.over_count):
                self.over[i - count] = self.over[i]
            self.over_count -= count
            self.event_count = 0
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _press(self, slots: cython.const[cython.uint][::1]) -> cython.int:
        """Free the first bytes of flows that are named for want of room, and mark them."""
        i: cython.Py_ssize_t
        for i in range(slots.shape[0]):
            self.rec[slots[i], BITS] |= N_EARLY << NOTES_BIT
            self._done(slots[i])
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _done(self, slot: cython.Py_ssize_t) -> cython.int:
        self._free_chain(slot, 0)
        self._free_chain(slot, 1)
        self.rec[slot, BITS] |= ONE << DONE_BIT
        return 0

    def release(self, slots: np.ndarray) -> None:
        """These flows (uint32) are named for good: free their first bytes, keep no more, offer them no more."""
        n: cython.Py_ssize_t = 0
        i: cython.Py_ssize_t
        named: cython.const[cython.uint][::1] = memoryview(slots)
        with cython.nogil:
            for i in range(named.shape[0]):
                self._done(named[i])
            for i in range(self.event_count):
                if not (self.rec[self.happened[i, 0], BITS] >> DONE_BIT) & ONE:
                    self.happened[n, 0] = self.happened[i, 0]
                    self.happened[n, 1] = self.happened[i, 1]
                    self.happened[n, 2] = self.happened[i, 2]
                    n += 1
            self.event_count = n

    def open_flows(self, since: int = 0) -> tuple:
        """(slots, records) of open flows, by id; `since`: only those with a packet of that number or a later one."""
        used = self.rows[: self.fresh_slot]
        live = ((used[:, BITS] >> np.uint64(LIVE_BIT)) & np.uint64(1)) > 0
        if since:
            live &= (used[:, TALLY] & np.uint64(0xFFFFFFFF)) >= since
        slots = np.flatnonzero(live)
        slots = slots[np.argsort(used[slots, NAME] & np.uint64(0xFFFFFFFF), kind="stable")]
        return slots, flow_records(used[slots])
