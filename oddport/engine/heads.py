"""First bytes of both directions of a flow, in sequence order, with the packets that they came in."""

from collections.abc import Sequence

from oddport.engine.columns import HEAD_BYTES

Run = tuple[int, int, int, int, int, int]
"""The arguments of a Piece: position, length, file, packet number (0 = not known), frame offset, train."""
Kept = tuple[int, int, int, int, int, int, int, bytes]
"""A run as the flow table keeps it: own length in place of the length, then length and bytes."""


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

    __slots__ = ("_orig", "_resp", "closed", "notes", "orig", "orig_datagrams", "proto", "resp", "resp_datagrams")

    def __init__(
        self,
        proto: int,
        orig: bytes = b"",
        resp: bytes = b"",
        orig_datagrams: tuple[bytes, ...] = (),
        resp_datagrams: tuple[bytes, ...] = (),
        notes: int = 0,
        closed: bool = True,
        orig_pieces: Sequence[Piece | Run] = (),
        resp_pieces: Sequence[Piece | Run] = (),
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
        self._orig = orig_pieces
        self._resp = resp_pieces

    @property
    def orig_pieces(self) -> tuple[Piece, ...]:
        """Where the originator's bytes came from; for datagrams, positions run over their concatenation."""
        self._orig = _as_pieces(self._orig)
        return self._orig

    @property
    def resp_pieces(self) -> tuple[Piece, ...]:
        """Where the responder's bytes came from."""
        self._resp = _as_pieces(self._resp)
        return self._resp


def _as_pieces(runs: Sequence[Piece | Run]) -> tuple[Piece, ...]:
    # few heads are ever asked for their pieces, so they are made when they are
    return tuple([run if isinstance(run, Piece) else Piece(*run) for run in runs])


def join_stream(pieces: list[Kept], known: bool) -> tuple[bytes, list[Run], bool]:
    """Pieces of a TCP direction in order of arrival → its bytes, where they came from, whether bytes lie behind a hole.

    Pieces are (position, own length, file, packet number, frame offset, train, length, bytes); the bytes end at the
    first hole. Where pieces overlap, those that came first win. Without a known start (`known` False) the lowest
    position is it.
    """
    if not pieces:
        return b"", [], False
    if len(pieces) == 1 and pieces[0][0] == 0 and pieces[0][1] == pieces[0][6]:
        return pieces[0][7], [pieces[0][:6]], False
    start = 0 if known else min(0, min([piece[0] for piece in pieces]))
    expected = start
    for piece in pieces:
        if piece[0] != expected:
            return _join_mixed(pieces, start)
        expected += piece[6]
    runs: list[Run] = []
    for position, own, file, number, frame_offset, train, length, _ in pieces:
        runs.append((position - start, own, file, number, frame_offset, train))
        if own < length:
            runs.append((position - start + own, length - own, file, 0, 0, train))
    return b"".join([piece[7] for piece in pieces])[:HEAD_BYTES], runs, False


def _join_mixed(pieces: list[Kept], start: int) -> tuple[bytes, list[Run], bool]:
    """The same for pieces that overlap or came out of order: whatever came first keeps its place."""
    spans: list[tuple[int, int, Kept]] = []  # (from, to, piece), apart from each other, in order
    for piece in pieces:
        at, end = max(0, piece[0] - start), min(HEAD_BYTES, piece[0] - start + piece[6])
        free: list[tuple[int, int, Kept]] = []
        for left, right, _ in spans:
            if right > at:
                if left >= end:
                    break
                if left > at:
                    free.append((at, left, piece))
                at = right
        if at < end:
            free.append((at, end, piece))
        if free:
            spans = sorted(spans + free, key=_place)
    parts: list[bytes] = []
    runs: list[Run] = []
    reached = 0
    for left, right, (position, known, file, number, frame_offset, train, _, data) in spans:
        if left != reached:
            return b"".join(parts), runs, True
        inside = left - (position - start)
        own = max(0, min(right - left, known - inside))
        if own:
            runs.append((left, own, file, number, frame_offset + inside, train))
        if own < right - left:
            runs.append((left + own, right - left - own, file, 0, 0, train))
        parts.append(data[inside : inside + right - left])
        reached = right
    return b"".join(parts), runs, False


def _place(span: tuple[int, int, Kept]) -> int:
    return span[0]
