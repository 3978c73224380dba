"""What the screens of a flow ask of a case: the part of `oddport.case.reader.CaseReader` that they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from oddport.case.model import (
        CaptureRow,
        EvidenceRow,
        FindingRow,
        FlowRow,
        PacketRow,
        TechniqueRow,
        TrainRow,
        VerdictRow,
    )


class FlowCase(Protocol):
    """A case, from any thread. Methods raise CaseError, whose text is a sentence for the person."""

    def flow(self, flow: int) -> FlowRow | None:
        """A flow by its id."""

    def finding(self, finding: int) -> FindingRow | None:
        """A finding by its id."""

    def findings_of_flow(self, flow: int) -> list[FindingRow]:
        """Findings of a flow, worst first."""

    def evidence(self, finding: int) -> list[EvidenceRow]:
        """Evidence of a finding."""

    def techniques(self, finding: int) -> list[TechniqueRow]:
        """Techniques of a finding, direct ones first."""

    def packets_of_flow(self, flow: int, offset: int, limit: int) -> list[PacketRow]:
        """A page of the packets of a flow."""

    def packet_count_of_flow(self, flow: int) -> int:
        """How many `packets_of_flow` can give."""

    def packet_of_file(self, file: int, number: int) -> PacketRow | None:
        """A packet by its 1-based number in its file."""

    def place_in_flow(self, packet: PacketRow) -> int:
        """0-based place among the packets of its flow."""

    def packet_bytes(self, packet: PacketRow) -> bytes:
        """The captured bytes; raises CaptureMoved where the capture is not what it was."""

    def frames(self, packets: Sequence[PacketRow], most: int | None = None) -> list[bytes]:
        """The captured bytes of packets, or the first `most` of each; raises CaptureMoved as `packet_bytes`."""

    def trains_of_flow(self, flow: int, offset: int = 0, limit: int = 100) -> list[TrainRow]:
        """Fragment trains of a flow."""

    def train_bytes(self, train: TrainRow) -> bytes:
        """The datagram of a train, up to its first hole."""

    def point_to(self, file: int, path: str | Path) -> None:
        """Take the bytes of a capture from another place; raises CaseError if that is another capture."""

    def train(self, train: int) -> TrainRow | None:
        """A fragment train by its id."""

    def verdict(self, uid: str) -> VerdictRow | None:
        """What the analyst said of a finding."""

    def set_verdict(self, uid: str, verdict: str | None, note: str = "", user: str = "") -> None:
        """Say something of a finding; None takes it back."""

    def undo_verdict(self, uid: str) -> bool:
        """Take the last change of a verdict back; False where there is none left."""

    def files(self) -> list[CaptureRow]:
        """The captures of the case."""


class PacketSource(Protocol):
    """Packets in some order, by their 0-based place."""

    def __len__(self) -> int: ...

    def packet(self, index: int) -> PacketRow | None:
        """The packet at a place; None if there is none (any more)."""
