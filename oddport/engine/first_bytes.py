"""First bytes of many flows, copied out of the flow table at one moment → a Head of any of them.

A chain is a run of pieces: a header of 24 bytes (position, packet number, frame offset, length and own length, file,
train) and its bytes. A header lies in one block of 256 bytes; where a block has no room for it, it begins the next.
"""

import cython
import numpy as np

from oddport.engine import layout
from oddport.engine.columns import NOTE_GAP_O, NOTE_GAP_R, NOTE_MIDSTREAM, TCP
from oddport.engine.heads import Head, join_stream

NOTES_BIT = cython.declare(cython.ulonglong, layout.NOTES_BIT)
KNOWN_BIT = cython.declare(cython.ulonglong, layout.KNOWN_BIT)
ONE = cython.declare(cython.ulonglong, 1)
P_TCP = cython.declare(cython.int, TCP)
F_SYN = cython.declare(cython.ulonglong, 2)
PIECE_HEADER = cython.declare(cython.Py_ssize_t, 24)
BLOCK_BYTES = cython.declare(cython.Py_ssize_t, 256)


@cython.final
@cython.cclass
class FirstBytes:
    """Row i of every column is one flow.

    `proto` (uint8); `bits` (uint64): the word BITS of the flow's row; `closed` (uint8): no more bytes will come;
    `start` (int64): where the chains lie in `raw`, 2 i the originator's, 2 i + 1 the responder's, and the end.
    """

    _proto: cython.const[cython.uchar][::1]
    _bits: cython.const[cython.ulonglong][::1]
    _closed: cython.const[cython.uchar][::1]
    _start: cython.const[cython.longlong][::1]
    _raw: bytes

    def __init__(self, proto: object, bits: object, closed: object, start: object, raw: bytes) -> None:
        self._proto = memoryview(proto)
        self._bits = memoryview(bits)
        self._closed = memoryview(closed)
        self._start = memoryview(start)
        self._raw = raw

    def __len__(self) -> int:
        return self._proto.shape[0]

    def packed(self) -> tuple:
        """All of it as bytes, for `unpacked`."""
        return (
            np.asarray(self._proto).tobytes(),
            np.asarray(self._bits).tobytes(),
            np.asarray(self._closed).tobytes(),
            np.asarray(self._start).tobytes(),
            self._raw,
        )

    def one(self, row: cython.Py_ssize_t) -> "FirstBytes":
        """A copy of one row, so that the others may go."""
        begin: cython.Py_ssize_t = self._start[2 * row]
        start = np.asarray(self._start)[2 * row : 2 * row + 3] - begin
        return FirstBytes(
            np.asarray(self._proto)[row : row + 1].copy(),
            np.asarray(self._bits)[row : row + 1].copy(),
            np.asarray(self._closed)[row : row + 1].copy(),
            start,
            self._raw[begin : begin + int(start[2])],
        )

    @cython.cfunc
    def _pieces(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> list:
        """Pieces of the chain at [at, end), in order of arrival.

        Each is (position, own length, file, packet number, frame offset, train, length, bytes); bytes beyond the own
        length joined later, from packets that are not known any more.
        """
        found: list = []
        raw: bytes = self._raw
        first: cython.Py_ssize_t = at
        length: cython.Py_ssize_t
        own: cython.Py_ssize_t
        position: cython.longlong
        while at + PIECE_HEADER <= end:
            length = raw[at + 12] | (raw[at + 13] << 8)
            own = raw[at + 14] | (raw[at + 15] << 8)
            if at + PIECE_HEADER + length > end:  # joined bytes that came after the moment
                length = end - at - PIECE_HEADER
            if own > length:
                own = length
            position = _u32(raw, at)
            if position >= 1 << 31:
                position -= 1 << 32
            found.append(
                (
                    position,
                    own,
                    raw[at + 16] | (raw[at + 17] << 8),
                    _u32(raw, at + 4),
                    _u32(raw, at + 8),
                    _u32(raw, at + 20),
                    length,
                    raw[at + PIECE_HEADER : at + PIECE_HEADER + length],
                )
            )
            at += PIECE_HEADER + length
            if BLOCK_BYTES - ((at - first) & (BLOCK_BYTES - 1)) < PIECE_HEADER:
                at = first + ((at - first + BLOCK_BYTES - 1) & ~(BLOCK_BYTES - 1))
        return found

    def head(self, row: cython.Py_ssize_t) -> Head:
        """What naming flow `row` may look at."""
        proto: cython.int = self._proto[row]
        bits: cython.ulonglong = self._bits[row]
        notes: cython.int = cython.cast(cython.int, (bits >> NOTES_BIT) & 0xFFFF)
        closed: cython.bint = self._closed[row] != 0
        orig: list = self._pieces(self._start[2 * row], self._start[2 * row + 1])
        resp: list = self._pieces(self._start[2 * row + 1], self._start[2 * row + 2])
        if proto != P_TCP:
            one, ones, left = _datagrams(orig)
            two, twos, right = _datagrams(resp)
            return Head(proto, one, two, ones, twos, notes, closed, left, right)
        one, left, gap = join_stream(orig, ((bits >> KNOWN_BIT) & ONE) != 0)
        if gap:
            notes |= NOTE_GAP_O
        two, right, gap = join_stream(resp, ((bits >> (KNOWN_BIT + 1)) & ONE) != 0)
        if gap:
            notes |= NOTE_GAP_R
        if not ((bits | (bits >> 8)) & F_SYN):
            notes |= NOTE_MIDSTREAM
        return Head(proto, one, two, (), (), notes, closed, left, right)


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def _u32(data: bytes, at: cython.Py_ssize_t) -> cython.longlong:
    return data[at] | (data[at + 1] << 8) | (data[at + 2] << 16) | (cython.cast(cython.longlong, data[at + 3]) << 24)


@cython.cfunc
def _datagrams(pieces: list) -> tuple:
    """The first datagram, all of them, and where they came from."""
    if not pieces:
        return b"", (), ()
    datagrams: list = []
    runs: list = []
    piece: tuple
    for piece in pieces:
        datagrams.append(piece[7])
        runs.append(piece[:6])
    return datagrams[0], tuple(datagrams), runs


def unpacked(columns: tuple) -> FirstBytes:
    """What `packed` gave."""
    proto, bits, closed, start, raw = columns
    return FirstBytes(
        np.frombuffer(proto, np.uint8),
        np.frombuffer(bits, np.uint64),
        np.frombuffer(closed, np.uint8),
        np.frombuffer(start, np.int64),
        raw,
    )
