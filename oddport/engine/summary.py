"""Rows of the flow table → records of dtype FLOW, with TCP connection states and notes."""

from dataclasses import dataclass

import numpy as np

from oddport.engine.columns import (
    FLOW,
    NOTE_ANSWER_FIRST,
    NOTE_GAP_O,
    NOTE_GAP_R,
    NOTE_MIDSTREAM,
    NOTE_ONE_SIDED,
    SERVER_RESPONDER_BY_SYN,
    STATES,
    TCP,
)
from oddport.engine.first_bytes import FirstBytes
from oddport.engine.layout import (
    ANSWER_BIT,
    BITS,
    FIRST,
    FIRST_RESET_BIT,
    HOLE_BIT,
    IP_BIT,
    LAST,
    NAME,
    NOTES_BIT,
    OCTETS,
    ORIENT_BIT,
    PACKETS,
    PAYLOAD,
    TAIL,
    TALLY,
    WHERE,
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a flow table gave to be named: flows that were offered, flows named for want of room, flows that are over.

    A flow may occur several times, in this order; each time counts as one task.
    """

    first: FirstBytes
    """A row a task."""
    slots: np.ndarray
    """Of each task, uint32."""
    rows: np.ndarray
    """Of the flow table (layout.py), of each task."""
    offered: int
    """The first tasks: flows that may still get more bytes."""
    pressed: int
    """The next ones: open flows that had to give their bytes. The others are over."""
    over: np.ndarray
    """Slots of the flows that are over, in order of their end, uint32; they are others' by now."""
    over_rows: np.ndarray
    held: np.ndarray
    """Which of those that are over have first bytes, and so a task, in the same order."""
    whole: bool
    """Nothing is left to be taken."""

    def over_tasks(self) -> np.ndarray:
        """The task of each flow that is over, -1 where it has none."""
        return np.where(self.held, self.offered + self.pressed + np.cumsum(self.held) - 1, -1)


ENDS = np.dtype([(name, FLOW[name]) for name in ("proto", "sport", "dport", "server")])
"""What tells the side that serves."""


def flow_ends(rows: np.ndarray) -> np.ndarray:
    """Rows of 64-bit words → records of dtype ENDS."""
    out = np.empty(len(rows), ENDS)
    _fill_ends(out, rows)
    return out


def _fill_ends(out: np.ndarray, rows: np.ndarray) -> None:
    u = np.uint64
    bits, tail = rows[:, BITS], rows[:, TAIL]
    swapped = ((bits >> u(ORIENT_BIT)) & u(1)).astype(bool)
    port_a, port_b = (tail >> u(32)) & u(0xFFFF), (tail >> u(16)) & u(0xFFFF)
    out["proto"] = (tail >> u(8)) & u(0xFF)
    out["sport"], out["dport"] = np.where(swapped, port_b, port_a), np.where(swapped, port_a, port_b)
    syn_seen = ((bits | (bits >> u(8))) & u(2)) > 0
    out["server"] = np.where((out["proto"] == TCP) & syn_seen, SERVER_RESPONDER_BY_SYN, 0)


def flow_records(rows: np.ndarray) -> np.ndarray:
    """Rows of 64-bit words → records of dtype FLOW."""
    out = np.zeros(len(rows), FLOW)
    _fill_ends(out, rows)
    u = np.uint64
    bits, tail, where = rows[:, BITS], rows[:, TAIL], rows[:, WHERE]
    swapped = ((bits >> u(ORIENT_BIT)) & u(1)).astype(bool)
    ends = np.empty((len(rows), 4), ">u8")
    ends[:, :] = rows[:, :4]
    ends[swapped] = ends[swapped][:, [2, 3, 0, 1]]
    packed = np.ascontiguousarray(ends).view("V16").reshape(len(rows), 2)
    low = u(0xFFFFFFFF)
    out["id"] = rows[:, NAME] & low
    out["first_ns"], out["last_ns"] = rows[:, FIRST], rows[:, LAST]
    out["src"], out["dst"] = packed[:, 0], packed[:, 1]
    out["version"] = tail & u(0xFF)
    out["context"], out["interface"], out["file"] = where >> u(32), (where >> u(16)) & u(0xFFFF), where & u(0xFFFF)
    out["packets_o"], out["packets_r"] = rows[:, PACKETS] & low, rows[:, PACKETS] >> u(32)
    for name, word in (("bytes", OCTETS), ("payload", PAYLOAD)):
        out[name + "_o"], out[name + "_r"] = rows[:, word], rows[:, word + 1]
    flags_o, flags_r = bits & u(0xFF), (bits >> u(8)) & u(0xFF)
    out["flags_o"], out["flags_r"] = flags_o, flags_r
    out["first_packet"], out["last_packet"] = rows[:, NAME] >> u(32), rows[:, TALLY] & low
    tcp = out["proto"] == TCP
    syn_seen = ((flags_o | flags_r) & u(2)) > 0
    notes = ((bits >> u(NOTES_BIT)) & u(0xFFFF)).astype(np.uint16)
    notes |= np.where(tcp & ~syn_seen, NOTE_MIDSTREAM, 0).astype(np.uint16)
    notes |= np.where((out["packets_o"] == 0) | (out["packets_r"] == 0), NOTE_ONE_SIDED, 0).astype(np.uint16)
    notes |= np.where(tcp & (((bits >> u(HOLE_BIT)) & u(1)) > 0), NOTE_GAP_O, 0).astype(np.uint16)
    notes |= np.where(tcp & (((bits >> u(HOLE_BIT + 1)) & u(1)) > 0), NOTE_GAP_R, 0).astype(np.uint16)
    notes |= np.where(((bits >> u(ANSWER_BIT)) & u(1)) > 0, NOTE_ANSWER_FIRST, 0).astype(np.uint16)
    out["notes"] = notes
    out["ip_at"] = bits >> u(IP_BIT)
    out["state"] = np.where(tcp, connection_states(flags_o, flags_r, (bits >> u(FIRST_RESET_BIT)) & u(3)), 0)
    return out


def connection_states(flags_o: np.ndarray, flags_r: np.ndarray, first_reset: np.ndarray) -> np.ndarray:
    """TCP flags ever seen of both sides, and who reset first (0, 1 originator, 2 responder) → index into STATES."""
    syn = (flags_o & 2) > 0
    answered = (flags_r & 2) > 0
    fin_o, fin_r = (flags_o & 1) > 0, (flags_r & 1) > 0
    reset_o, reset_r = first_reset == 1, first_reset == 2
    code = {name: index for index, name in enumerate(STATES)}
    both = syn & answered
    return np.select(
        [
            both & reset_o, both & reset_r, both & fin_o & fin_r, both & fin_o, both & fin_r, both,
            syn & reset_r, syn & reset_o, syn & fin_o, syn,
            answered & reset_r, answered & fin_r,
        ],
        [code[name] for name in ("RSTO", "RSTR", "SF", "S2", "S3", "S1", "REJ", "RSTOS0", "SH", "S0", "RSTRH", "SHR")],
        code["OTH"],
    ).astype(np.uint8)  # fmt: skip
