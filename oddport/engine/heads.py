"""First bytes of both directions of a flow, in sequence order, with the packets that they came in."""

from oddport.engine.columns import HEAD_BYTES


class Piece:
    """A run of bytes of one direction that came in one packet."""

    __slots__ = ("file", "frame_offset", "length", "number", "position", "train")

    def __init__(self, position: int, length: int, file: int, number: int, frame_offset: int, train: int = 0) -> None:
        self.position = position
        """Offset in the direction's bytes."""
        self.length = length
        self.file = file
        self.number = number
        """1-based packet number in its file."""
        self.frame_offset = frame_offset
        """Of the run in the captured frame; in the reassembled datagram where `train` is set."""
        self.train = train
        """Id of the fragment train that the bytes were put together from, 0 = none."""


class Head:
    """What naming a flow may look at."""

    __slots__ = (
        "closed",
        "notes",
        "orig",
        "orig_datagrams",
        "orig_pieces",
        "proto",
        "resp",
        "resp_datagrams",
        "resp_pieces",
    )

    def __init__(
        self,
        proto: int,
        orig: bytes = b"",
        resp: bytes = b"",
        orig_datagrams: tuple[bytes, ...] = (),
        resp_datagrams: tuple[bytes, ...] = (),
        notes: int = 0,
        closed: bool = True,
        orig_pieces: tuple[Piece, ...] = (),
        resp_pieces: tuple[Piece, ...] = (),
    ) -> None:
        self.proto = proto
        """TCP, UDP or SCTP (columns)."""
        self.orig = orig
        """TCP: the originator's bytes in sequence order up to the first hole, at most HEAD_BYTES.
        Others: its first datagram."""
        self.resp = resp
        self.orig_datagrams = orig_datagrams
        """Not for TCP: the first datagrams (at most HEAD_DATAGRAMS), the first one included."""
        self.resp_datagrams = resp_datagrams
        self.notes = notes
        """NOTE_* bits of the columns as they are known so far."""
        self.closed = closed
        """No more bytes will come: what is missing now stays missing."""
        self.orig_pieces = orig_pieces
        """Where the bytes came from; for datagrams, positions run over their concatenation."""
        self.resp_pieces = resp_pieces


def join_stream(pieces: list, known: bool) -> tuple[bytes, tuple[Piece, ...], bool]:
    """Pieces of a TCP direction in order of arrival → its bytes up to the first hole, where they came from, and whether bytes lie behind a hole.

    Where pieces overlap, bytes that came first win. Without a known start (`known` False) the lowest position is the start.
    """
    if not pieces:
        return b"", (), False
    start = 0 if known else min(0, min([piece[0] for piece in pieces]))
    expected = start
    for piece in pieces:
        if piece[0] != expected:
            break
        expected += piece[3]
    else:
        where = []
        for position, number, frame_offset, length, own, file, train, _ in pieces:
            where.append(Piece(position - start, own, file, number, frame_offset, train))
            if own < length:
                where.append(Piece(position - start + own, length - own, file, 0, 0, train))
        return b"".join([piece[7] for piece in pieces])[:HEAD_BYTES], tuple(where), False
    data = bytearray(HEAD_BYTES)
    owner = [-1] * HEAD_BYTES
    for index, piece in enumerate(pieces):
        for k in range(piece[3]):
            at = piece[0] - start + k
            if 0 <= at < HEAD_BYTES and owner[at] < 0:
                owner[at] = index
                data[at] = piece[7][k]
    end = owner.index(-1) if -1 in owner else HEAD_BYTES
    gap = any(value >= 0 for value in owner[end:])
    where = []
    at = 0
    while at < end:
        stop = at
        while stop < end and owner[stop] == owner[at]:
            stop += 1
        piece = pieces[owner[at]]
        inside = at - (piece[0] - start)
        own = max(0, min(stop - at, piece[4] - inside))
        if own:
            where.append(Piece(at, own, piece[5], piece[1], piece[2] + inside, piece[6]))
        if own < stop - at:
            where.append(Piece(at + own, stop - at - own, piece[5], 0, 0, piece[6]))
        at = stop
    return bytes(data[:end]), tuple(where), gap
