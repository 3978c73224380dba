"""A run of bytes of one direction → evidence rows: one for each packet that the run came in."""

import numpy as np

from oddport.detection.model import EVIDENCE_BYTES, Evidence
from oddport.engine.columns import NOTE_ANSWER_FIRST, TCP
from oddport.engine.heads import Head, Piece
from oddport.protocols.model import Span

ROWS = 8
"""Rows that one run gives at most; the last one says in how many packets the rest lies."""


def side_bytes(head: Head, side: int) -> bytes:
    """What spans of `side` (0 originator, 1 responder) count in: TCP's head, else the kept datagrams joined."""
    if head.proto == TCP:
        return head.resp if side else head.orig
    datagrams = head.resp_datagrams if side else head.orig_datagrams
    return b"".join(datagrams) or (head.resp if side else head.orig)


def pieces_of(head: Head, side: int) -> tuple[Piece, ...]:
    """Where the bytes of `side` came from, by position."""
    return head.resp_pieces if side else head.orig_pieces


def rows(head: Head, span: Span, expected: str = "") -> tuple[Evidence, ...]:
    """The evidence of a span, in order of its bytes; `expected` goes to the first row.

    A byte whose packet is not known (its piece is gone) gives no row. More than ROWS packets: the last row says how
    many more there are.
    """
    data = side_bytes(head, span.side)
    end = min(span.offset + span.length, len(data))
    parts: list[tuple[int, int, Piece]] = []
    for piece in pieces_of(head, span.side):
        first, last = max(span.offset, piece.position), min(end, piece.position + piece.length)
        if first < last:
            parts.append((first, last, piece))
    parts.sort(key=lambda part: part[0])
    found: list[Evidence] = []
    for index, (first, last, piece) in enumerate(parts[:ROWS]):
        says = span.says if index == 0 else f"{span.says} (goes on)"
        if index == ROWS - 1 and len(parts) > ROWS:
            says += f"; the rest lies in {len(parts) - ROWS:,} more packets"
        found.append(
            Evidence(
                file=piece.file,
                packet=piece.number,
                offset=piece.frame_offset + (first - piece.position),
                data=data[first : min(last, first + EVIDENCE_BYTES)],
                length=last - first,
                says=says,
                expected=expected if index == 0 else "",
                train=piece.train,
                side=span.side,
            )
        )
    return tuple(found)


def beginning(head: Head, side: int, length: int, says: str, expected: str = "") -> tuple[Evidence, ...]:
    """The evidence of the first `length` bytes of `side`, as far as they are one packet's: what stands in for a proof
    where nothing was recognised. Empty where the side sent nothing."""
    pieces = [piece for piece in pieces_of(head, side) if piece.position == 0 and piece.length]
    if not pieces:
        return ()
    return rows(head, Span(side, 0, min(length, pieces[0].length), says), expected)


def first_packet(flow: np.void, says: str, wanted: str = "") -> tuple[Evidence, ...]:
    """The first packet of a flow, by the addresses in its IP header (RFC 791, 3.1; RFC 8200, 3): what there is of a
    flow whose bytes nobody kept. None where the packet's number is not known.

    flow: a record with the fields of columns.FLOW that history.PAST has. `wanted`: what was expected in place of what
    it `says`.
    """
    if not flow["number"]:
        return ()
    answers = bool(flow["notes"] & NOTE_ANSWER_FIRST)
    source, target = ("dst", "src") if answers else ("src", "dst")
    short, at = (12, 12) if flow["version"] == 4 else (0, 8)
    data = flow[source].tobytes()[short:] + flow[target].tobytes()[short:]
    return (
        Evidence(
            file=int(flow["file"]), packet=int(flow["number"]), offset=int(flow["ip_at"]) + at, data=data,
            length=len(data), says=says, expected=wanted, side=int(answers),
        ),
    )  # fmt: skip
