"""First bytes of both directions of a flow, in sequence order, with the packets that they came in."""


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

    __slots__ = ("closed", "notes", "orig", "orig_datagrams", "orig_pieces", "proto", "resp", "resp_datagrams", "resp_pieces")

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
