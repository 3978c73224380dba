"""Evidence of a finding → where it lies in the frame of one packet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from oddport.case.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oddport.case.model import EvidenceRow, PacketRow
    from tui.data.flow_case import FlowCase


@dataclass(frozen=True, slots=True)
class Proof:
    """Bytes of the frame that are evidence."""

    offset: int
    length: int
    row: EvidenceRow

    @property
    def end(self) -> int:
        """Offset just behind the last byte."""
        return self.offset + self.length


def proofs(case: FlowCase, packet: PacketRow, evidence: Sequence[EvidenceRow]) -> list[Proof]:
    """Evidence that lies in the packet, by offset.

    Evidence in a reassembled datagram is counted from the datagram's start; it lies in the frames of those fragments
    that brought its bytes.
    """
    found: list[Proof] = []
    for row in evidence:
        if row.train:
            found += _in_fragments(case, packet, row)
        elif (row.file, row.packet) == (packet.file, packet.number):
            found.append(Proof(row.offset, min(row.length, max(0, packet.caplen - row.offset)), row))
    return sorted((proof for proof in found if proof.length > 0), key=lambda proof: proof.offset)


def _in_fragments(case: FlowCase, packet: PacketRow, row: EvidenceRow) -> list[Proof]:
    try:
        train = case.train(row.train or 0)
    except CaseError:
        train = None  # the packet is still shown; its evidence is in the datagram's list
    if train is None:
        return []
    found: list[Proof] = []
    for fragment in train.fragments:
        if (fragment.file, fragment.number) != (packet.file, packet.number):
            continue
        first = max(row.offset, fragment.offset)
        last = min(row.offset + row.length, fragment.offset + fragment.captured)
        if first < last:
            found.append(Proof(fragment.frame_offset + first - fragment.offset, last - first, row))
    return found


def places_in_flow(case: FlowCase, flow: int, evidence: Sequence[EvidenceRow]) -> dict[int, int]:
    """Id of an evidence row → 0-based place of its packet in the flow; rows of other flows' packets are left out.

    Raises CaseError where the case cannot be read.
    """
    found: dict[int, int] = {}
    known: dict[tuple[int, int], int | None] = {}
    for row in evidence:
        key = (row.file, row.packet)
        if key not in known:
            packet = case.packet_of_file(*key)
            known[key] = case.place_in_flow(packet) if packet is not None and packet.flow == flow else None
        place = known[key]
        if place is not None:
            found[row.id] = place
    return found


def proving_packets(case: FlowCase, flow: int, evidence: Sequence[EvidenceRow]) -> set[int]:
    """0-based places in the flow of all packets that hold evidence, fragments of a datagram included.

    Raises CaseError where the case cannot be read.
    """
    places = set(places_in_flow(case, flow, [row for row in evidence if not row.train]).values())
    for number in {row.train for row in evidence if row.train}:
        train = case.train(number)
        for fragment in train.fragments if train is not None else ():
            packet = case.packet_of_file(fragment.file, fragment.number)
            if packet is not None and packet.flow == flow and proofs(case, packet, evidence):
                places.add(case.place_in_flow(packet))
    return places
