"""A detector that looks at nothing: what a new one starts from, so that it only writes the methods it needs."""

from collections.abc import Iterable
from typing import ClassVar

from oddport.detection.model import Context, Finding, FlowBatch, Rule
from oddport.engine.trains import TrainBatch


class BaseDetector:
    """Subclass it, name it, say what it `needs`, and write `on_flows`, `on_trains` or `finish`."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    document: ClassVar[str] = ""
    needs: ClassVar[frozenset[str]] = frozenset()
    settings: ClassVar[dict[str, object]] = {}
    limits: ClassVar[dict[str, tuple[float, float]]] = {}
    """Of settings that are numbers: the least and the greatest value that make sense."""
    rules: ClassVar[tuple[Rule, ...]] = ()

    def __init__(self, context: Context) -> None:
        self.context = context
        self.abstained: dict[str, int] = {}
        """Why something was not judged → how many flows or trains that held for."""

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        """Findings of flows that are over. Called only where `needs` has `flows`."""
        return ()

    def on_trains(self, batch: TrainBatch) -> Iterable[Finding]:
        """Findings of fragment trains that are over. Called only where `needs` has `trains`."""
        return ()

    def finish(self) -> Iterable[Finding]:
        """Findings that need the whole capture."""
        return ()

    def abstain(self, reason: str, count: int = 1) -> None:
        """Count what was not judged, by the reason for it."""
        self.abstained[reason] = self.abstained.get(reason, 0) + count
